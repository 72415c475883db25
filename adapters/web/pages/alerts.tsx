import { Button, Select } from '@mantine/core';
import { useState } from 'react';
import type { Listing } from '../../../schemas/portal.ts';
import type { AlertView } from '../../../schemas/portal-exchange.ts';
import { queryOf, useFilters } from '../address.ts';
import { ask, useLoad } from '../api.ts';
import { Icon } from '../icons.tsx';
import { useLive } from '../live.ts';
import { Ago } from '../parts/ago.tsx';
import { Link } from '../parts/link.tsx';
import type { Column } from '../parts/list.tsx';
import { ListPage } from '../parts/list-page.tsx';
import { capital } from '../parts/notices.tsx';
import { ReasonDialog } from '../parts/reason-dialog.tsx';
import { texts } from '../texts.ts';
import { exchangeTexts } from '../texts-exchange.ts';

const words = exchangeTexts.alerts;

const columnsOf = (onAcknowledge: (alert: AlertView) => void): Column<AlertView>[] => [
  {
    key: 'what',
    title: words.columns.what,
    cell: (alert) => (
      <>
        <p className={alert.state === 'over' ? 'quiet' : undefined}>
          <span className={alert.grave === 'danger' ? 'bad' : 'warn-sign'}>
            <Icon name={alert.grave} size={15} />
          </span>{' '}
          <Link data-row-link href={alert.link} className="row-link strong">
            {alert.sentence.startsWith(alert.about) ? alert.sentence : capital(alert.sentence)}.
          </Link>
        </p>
        {alert.state === 'over' ? null : <p className="quiet">{capital(alert.fix)}.</p>}
        {alert.acknowledged === undefined ? null : (
          <p className="quiet alert-note">
            {words.by(alert.acknowledged.by)}: {alert.acknowledged.note}
          </p>
        )}
        <div className="narrow-only alert-acts">
          <AlertState alert={alert} />
          {alert.state === 'open' ? (
            <Button size="xs" variant="default" mt={6} onClick={() => onAcknowledge(alert)}>
              {words.acknowledge}
            </Button>
          ) : null}
        </div>
      </>
    ),
  },
  { key: 'rule', title: words.columns.rule, wide: true, cell: (alert) => words.rules[alert.rule] },
  {
    key: 'since',
    title: words.columns.since,
    className: 'nowrap loose',
    cell: (alert) => <Ago at={alert.since} />,
  },
  { key: 'count', title: words.columns.count, wide: true, cell: (alert) => alert.count.toLocaleString('en') },
  {
    key: 'state',
    title: words.columns.state,
    wide: true,
    className: 'nowrap',
    cell: (alert) => <AlertState alert={alert} />,
  },
  {
    key: 'act',
    title: words.columns.act,
    wide: true,
    cell: (alert) =>
      alert.state === 'open' ? (
        <Button size="xs" variant="default" onClick={() => onAcknowledge(alert)}>
          {words.acknowledge}
        </Button>
      ) : null,
  },
];

function AlertState({ alert }: { alert: AlertView }) {
  const looks = { open: 'state-parked', acknowledged: 'state-kept', over: 'state-done' };
  return (
    <span className={`state ${looks[alert.state]}`}>
      <Icon name={alert.state === 'open' ? 'bell' : alert.state === 'over' ? 'check' : 'patients'} size={15} />
      {words.states[alert.state]}
      {alert.overAt === undefined ? null : (
        <>
          {' '}
          <Ago at={alert.overAt} />
        </>
      )}
    </span>
  );
}

export default function AlertsPage() {
  const [filters, change] = useFilters();
  const list = useLoad<Listing<AlertView>>(
    `/api/alerts${queryOf({ state: filters.state, rule: filters.rule, cursor: filters.cursor, limit: 50 })}`,
  );
  const [asking, setAsking] = useState<AlertView>();
  useLive((note) => {
    if (note.overview === true && asking === undefined) list.reload({ background: true });
  });
  const filtered = filters.state !== undefined || filters.rule !== undefined;
  const select = (name: 'state' | 'rule', data: Record<string, string>) => (
    <Select
      label={words.filters[name]}
      placeholder={texts.messages.any}
      clearable
      value={filters[name] ?? null}
      onChange={(value) => change({ [name]: value ?? undefined, cursor: undefined })}
      data={Object.entries(data).map(([value, label]) => ({ value, label }))}
    />
  );
  return (
    <>
      <ListPage
        title={words.title}
        list={list}
        columns={columnsOf(setAsking)}
        keyOf={(alert) => alert.id}
        linkOf={(alert) => alert.link}
        filters={
          <>
            {select('state', words.states)}
            {select('rule', words.rules)}
          </>
        }
        empty={
          filtered
            ? { sentence: words.emptyFilter, act: texts.list.clear, href: '/alerts' }
            : { sentence: words.empty, act: words.emptyAct, href: '/exchange' }
        }
      />
      {asking === undefined ? null : (
        <ReasonDialog
          title={words.acknowledgeTitle}
          help={words.acknowledgeHelp}
          act={words.acknowledge}
          label={words.note}
          labelHelp={words.noteHelp}
          onClose={() => setAsking(undefined)}
          onSubmit={async (note) => {
            await ask(`/api/alerts/${encodeURIComponent(asking.id)}/acknowledge`, { method: 'POST', body: { note } });
            list.reload({ background: true });
          }}
        />
      )}
    </>
  );
}
