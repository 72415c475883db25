import { Button, Tabs, Tooltip } from '@mantine/core';
import { useState } from 'react';
import type { MessageView, RecordBundle } from '../../../schemas/portal.ts';
import { useFilters } from '../address.ts';
import { useLoad } from '../api.ts';
import { Icon } from '../icons.tsx';
import { useLive } from '../live.ts';
import { Link } from '../parts/link.tsx';
import { capital, Empty, FaultNotice, SkeletonRows } from '../parts/notices.tsx';
import { RerunDialog } from '../parts/rerun.tsx';
import { SegmentRows } from '../parts/segment-rows.tsx';
import { StateMark } from '../parts/state-mark.tsx';
import { Code, VisibleText } from '../parts/visible-text.tsx';
import { texts } from '../texts.ts';
import { tellGap, tellTime } from '../time.ts';

const words = texts.message;

export default function MessagePage({ id }: { id: string }) {
  const { data, fault, failedAt, reload } = useLoad<MessageView>(`/api/messages/${encodeURIComponent(id)}`);
  // The list of parked work leads here with the corrected copy open.
  const [filters, change] = useFilters();
  const correct = filters.correct !== undefined;
  const [asking, setAsking] = useState(correct);
  useLive((note) => {
    if (note.messages.some((message) => message.id === id)) reload({ background: true });
  });
  if (fault?.status === 404)
    return <Empty sentence={capital(fault.message)} act={texts.nowhere.messages} href="/messages" />;
  if (data === undefined)
    return fault === undefined ? (
      <SkeletonRows rows={12} />
    ) : (
      <FaultNotice fault={fault} since={failedAt} onAgain={() => reload()} />
    );
  const { row } = data;
  return (
    <article className="page">
      <header className="detail-head">
        <div>
          <h1>
            <span className="mono">{row.type}</span> <StateMark state={row.state} />
          </h1>
          <p className="quiet">
            {tellTime(row.receivedAt)} · {row.sourceId} · {data.facility}
          </p>
        </div>
        <div className="acts">
          <Button
            component="a"
            variant="default"
            leftSection={<Icon name="download" size={16} />}
            href={`/api/messages/${encodeURIComponent(id)}/bytes`}
            download
          >
            {words.download}
          </Button>
          {data.canRerun ? (
            <Button leftSection={<Icon name="rerun" size={16} />} onClick={() => setAsking(true)}>
              {words.rerun}
            </Button>
          ) : null}
        </div>
      </header>
      {data.correctedOf === undefined ? null : (
        <p className="notice">
          {words.correctedOf}. <Link href={`/messages/${data.correctedOf}`}>{words.original}</Link>
        </p>
      )}
      <Faults faults={data.faults} />
      <Way steps={data.steps} />
      <Facts view={data} />
      <Tabs defaultValue="story" keepMounted={false}>
        <Tabs.List>
          <Tabs.Tab value="story">{words.tabs.story}</Tabs.Tab>
          <Tabs.Tab value="answer">
            {words.tabs.answer} <span className="mono quiet">{data.ack.code}</span>
          </Tabs.Tab>
          <Tabs.Tab value="record">{words.tabs.record}</Tabs.Tab>
        </Tabs.List>
        <Tabs.Panel value="story">
          <SegmentRows view={data} />
        </Tabs.Panel>
        <Tabs.Panel value="answer">
          <VisibleText text={data.ack.text} label={words.tabs.answer} />
        </Tabs.Panel>
        <Tabs.Panel value="record">
          <RecordJson id={id} />
        </Tabs.Panel>
      </Tabs>
      <RerunDialog
        id={id}
        text={data.text}
        correct={correct}
        opened={asking && data.canRerun}
        onClose={() => {
          setAsking(false);
          if (correct) change({ correct: undefined }, { replace: true });
        }}
        onDone={() => reload({ background: true })}
      />
    </article>
  );
}

const WARNINGS_SHOWN = 2;
const keyOfFault = (told: MessageView['faults'][number]): string =>
  JSON.stringify([told.code, told.place, told.detail]);

/** What stopped the message, then what is only worth knowing; many of those wait behind a button. */
function Faults({ faults }: { faults: MessageView['faults'] }) {
  const [all, setAll] = useState(false);
  const once = [...new Map(faults.map((told) => [keyOfFault(told), told])).values()];
  const errors = once.filter((told) => told.warning !== true);
  const warnings = once.filter((told) => told.warning === true);
  const shown = all || warnings.length <= WARNINGS_SHOWN + 1 ? warnings : warnings.slice(0, WARNINGS_SHOWN);
  return (
    <>
      {[...errors, ...shown].map((told) => (
        <div className={told.warning === true ? 'fault fault-mild' : 'fault'} key={keyOfFault(told)}>
          <Icon name={told.warning === true ? 'warning' : 'danger'} />
          <p>
            <strong>
              {capital(told.sentence)}
              {told.place === undefined ? '' : ` at ${told.place}`}.
            </strong>{' '}
            {capital(told.fix)}.{' '}
            <span className="quiet">
              {told.code}
              {told.detail === undefined ? '' : ` \u00b7 ${told.detail}`}
            </span>
          </p>
        </div>
      ))}
      {shown.length === warnings.length ? null : (
        <Button variant="subtle" size="compact-sm" onClick={() => setAll(true)}>
          {words.moreFaults(warnings.length - shown.length)}
        </Button>
      )}
    </>
  );
}

/** The message's way as a line of steps with times; each gap told. */
function Way({ steps }: { steps: MessageView['steps'] }) {
  return (
    <ol className="way" aria-label={words.way}>
      {steps.map((step, at) => {
        const key = `${at} ${step.step}`;
        const before = steps[at - 1];
        const gap = before === undefined ? undefined : Date.parse(step.at) - Date.parse(before.at);
        const told = [tellTime(step.at), step.detail]
          .filter((part) => part !== undefined && part !== '')
          .join(' \u00b7 ');
        return (
          <li key={key} className={step.step === 'parked' ? 'way-bad' : undefined}>
            <Tooltip label={told}>
              <span className="way-step" role="note" aria-label={`${words.steps[step.step] ?? step.step}, ${told}`}>
                {words.steps[step.step] ?? step.step}
              </span>
            </Tooltip>
            {gap === undefined ? (
              <time className="quiet" dateTime={step.at}>
                {tellTime(step.at).split(', ')[1] ?? ''}
              </time>
            ) : (
              <span className="quiet">+{tellGap(gap)}</span>
            )}
          </li>
        );
      })}
    </ol>
  );
}

function Facts({ view }: { view: MessageView }) {
  const { row } = view;
  return (
    <dl className="facts">
      <div>
        <dt>{words.facts.patient}</dt>
        <dd>
          {view.persons.length === 0
            ? row.patientName || '\u2013'
            : view.persons.map((person) => (
                <Link key={person.id} href={`/patients/${person.id}`}>
                  {person.name}
                </Link>
              ))}
        </dd>
      </div>
      <div>
        <dt>{words.facts.document}</dt>
        <dd>
          {view.documents.length === 0
            ? '\u2013'
            : view.documents.map((document) => (
                <Link key={document.id} href={`/documents/${document.id}`}>
                  {texts.patient.version(document.version)}
                </Link>
              ))}
        </dd>
      </div>
      <div>
        <dt>{words.facts.control}</dt>
        <dd className="mono">{row.controlId}</dd>
      </div>
      <div>
        <dt>{words.facts.profile}</dt>
        <dd>{view.profile}</dd>
      </div>
      <div>
        <dt>{words.facts.version}</dt>
        <dd>{view.version}</dd>
      </div>
      <div>
        <dt>{words.facts.charset}</dt>
        <dd>{view.charset}</dd>
      </div>
      <div>
        <dt>{words.facts.size}</dt>
        <dd>{view.size.toLocaleString('en')} B</dd>
      </div>
      <div>
        <dt>{words.facts.answer}</dt>
        <dd className="mono">{row.ackCode}</dd>
      </div>
    </dl>
  );
}

function RecordJson({ id }: { id: string }) {
  const { data, fault, failedAt, reload } = useLoad<RecordBundle>(`/api/messages/${encodeURIComponent(id)}/record`);
  if (data === undefined)
    return fault === undefined ? (
      <SkeletonRows rows={6} />
    ) : (
      <FaultNotice fault={fault} since={failedAt} onAgain={() => reload()} />
    );
  return <Code label={words.tabs.record}>{JSON.stringify(data.bundle, null, 2)}</Code>;
}
