import { Button } from '@mantine/core';
import { useState } from 'react';
import type { DeliveryRow, DeliveryView } from '../../../schemas/portal-exchange.ts';
import { useLoad } from '../api.ts';
import { Icon } from '../icons.tsx';
import { useLive } from '../live.ts';
import { deliveryColumns } from '../parts/delivery-columns.tsx';
import { DeliveryMark } from '../parts/exchange-marks.tsx';
import { Link } from '../parts/link.tsx';
import { RowTable } from '../parts/list.tsx';
import { capital, Empty, FaultNotice, SkeletonRows } from '../parts/notices.tsx';
import { ResendDialog } from '../parts/resend-dialog.tsx';
import { texts } from '../texts.ts';
import { exchangeTexts } from '../texts-exchange.ts';
import { tellTime } from '../time.ts';

const words = exchangeTexts.delivery;

export default function DeliveryPage({ id }: { id: string }) {
  const { data, fault, failedAt, reload } = useLoad<DeliveryView>(`/api/deliveries/${encodeURIComponent(id)}`);
  const [asking, setAsking] = useState(false);
  useLive((note) => {
    if (note.overview === true && data?.row.state === 'waiting') reload({ background: true });
  });
  if (fault?.status === 404)
    return <Empty sentence={capital(fault.message)} act={exchangeTexts.deliveries.title} href="/deliveries" />;
  if (data === undefined)
    return fault === undefined ? (
      <SkeletonRows rows={8} />
    ) : (
      <FaultNotice fault={fault} since={failedAt} onAgain={() => reload()} />
    );
  const { row } = data;
  return (
    <article className="page">
      <header className="detail-head">
        <div>
          <h1>
            {exchangeTexts.deliveries.kinds[row.kind]} <DeliveryMark state={row.state} />
          </h1>
          <p className="quiet">
            {words.to} <Link href={`/exchange?place=${encodeURIComponent(row.outlet)}`}>{row.outlet}</Link> ·{' '}
            {tellTime(row.createdAt)}
          </p>
        </div>
        <div className="acts">
          {row.link === undefined ? null : (
            <Button component={Link} href={row.link} variant="default" leftSection={<Icon name="document" size={16} />}>
              {words.openThing}
            </Button>
          )}
          {data.canResend ? (
            <Button leftSection={<Icon name="rerun" size={16} />} onClick={() => setAsking(true)}>
              {exchangeTexts.deliveries.resend}
            </Button>
          ) : null}
        </div>
      </header>
      <Fault row={row} />
      <Steps steps={data.steps} />
      <Facts row={row} />
      <h2 className="table-title">{words.others}</h2>
      {data.others.length === 0 ? (
        <p className="quiet">{words.none}</p>
      ) : (
        <RowTable
          label={words.others}
          columns={deliveryColumns}
          rows={data.others}
          keyOf={(one) => one.id}
          linkOf={(one) => `/deliveries/${one.id}`}
        />
      )}
      {asking ? (
        <ResendDialog
          what={{ ids: [id] }}
          onClose={() => setAsking(false)}
          onDone={() => reload({ background: true })}
        />
      ) : null}
    </article>
  );
}

function Fault({ row: { fault, state } }: { row: DeliveryRow }) {
  if (fault === undefined) return null;
  const mild = state === 'waiting';
  return (
    <div className={mild ? 'fault fault-mild' : 'fault'}>
      <Icon name={mild ? 'warning' : 'danger'} />
      <p>
        <strong>
          {capital(fault.sentence)}
          {fault.place === undefined ? '' : ` ${texts.faults.place} ${fault.place}`}.
        </strong>{' '}
        {capital(fault.fix)}.{' '}
        <span className="quiet">
          {fault.code}
          {fault.detail === undefined ? '' : ` \u00b7 ${fault.detail}`}
        </span>
      </p>
    </div>
  );
}

function Steps({ steps }: { steps: DeliveryView['steps'] }) {
  return (
    <ol className="way" aria-label={words.way}>
      {steps.map((step) => (
        <li
          key={`${step.step} ${step.at}`}
          className={step.step === 'parked' || step.step === 'refused' ? 'way-bad' : undefined}
        >
          <span className="way-step">{words.steps[step.step]}</span>
          <time className="quiet" dateTime={step.at}>
            {tellTime(step.at)}
          </time>
          {step.detail === undefined ? null : <span className="quiet breaks">{step.detail}</span>}
        </li>
      ))}
    </ol>
  );
}

function Facts({ row }: { row: DeliveryRow }) {
  return (
    <dl className="facts">
      {row.person === undefined ? null : (
        <div>
          <dt>{words.person}</dt>
          <dd>
            <Link href={`/patients/${row.person.id}`}>{row.person.name || words.noName}</Link>
            <Link href={`/deliveries?person=${row.person.id}`}>{exchangeTexts.deliveries.title}</Link>
          </dd>
        </div>
      )}
      <div>
        <dt>{words.tries}</dt>
        <dd>{row.attempts}</dd>
      </div>
      {row.receipt === undefined ? null : (
        <div>
          <dt>{words.receipt}</dt>
          <dd className="mono breaks">{row.receipt}</dd>
        </div>
      )}
      <div>
        <dt>{words.id}</dt>
        <dd className="mono breaks">{row.id}</dd>
      </div>
    </dl>
  );
}
