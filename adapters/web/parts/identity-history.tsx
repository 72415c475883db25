/** What happened to a person of the index, newest first. Each event opens the person as it was then. */
import { Button } from '@mantine/core';
import { useState } from 'react';
import type { IdentityEventView, PersonAtView } from '../../../schemas/identity.ts';
import type { Listing } from '../../../schemas/portal.ts';
import { useFilters } from '../address.ts';
import type { Loaded } from '../api.ts';
import { ApiFault, ask } from '../api.ts';
import { historyPath } from '../identity.ts';
import { identityTexts } from '../texts-identity.ts';
import { Ago } from './ago.tsx';
import { Link } from './link.tsx';
import { capital, FaultNotice, SkeletonRows } from './notices.tsx';

const words = identityTexts.person;

/** Records by their ids, in the words of people. */
type Known = ReadonlyMap<string, string>;
const nobody: Known = new Map();

export function knownRecords(standing: PersonAtView | undefined): Known {
  return new Map((standing?.records ?? []).map((record) => [record.recordId, `${record.node} ${record.number.value}`]));
}

export function EventLine({
  event,
  known = nobody,
  onThen,
}: {
  event: IdentityEventView;
  known?: Known;
  onThen?: (at: string) => void;
}) {
  const came = event.after.filter((id) => !event.before.includes(id));
  const left = event.before.filter((id) => !event.after.includes(id));
  const gone = event.event === 'left' || event.event === 'merged';
  const tell = (ids: string[]): string => {
    const told = ids.map((id) => known.get(id)).filter((name) => name !== undefined);
    const rest = ids.length - told.length;
    return [...told, ...(rest === 0 ? [] : [words.recordsThen(rest)])].join(', ');
  };
  return (
    <li className={gone ? 'story-gone' : undefined}>
      <strong>{words.events[event.event]}</strong>{' '}
      <span className="quiet">
        {event.who === 'matcher' ? words.matcher : event.who}, <Ago at={event.at} />
      </span>
      {event.reason === '' ? null : <p>{event.reason}</p>}
      <p className="story-records quiet">
        {came.length === 0 ? null : (
          <span>
            + {tell(came)} {words.came}
          </span>
        )}
        {left.length === 0 ? null : (
          <span>
            {'\u2212'} {tell(left)} {words.left}
          </span>
        )}
        {event.into === undefined ? null : (
          <Link href={`/patients/${encodeURIComponent(event.into)}`}>{words.openOther}</Link>
        )}
        {onThen === undefined ? null : (
          <Button variant="subtle" size="compact-xs" onClick={() => onThen(event.at)}>
            {words.showThen}
          </Button>
        )}
      </p>
    </li>
  );
}

export function HistoryCard({
  personId,
  history,
  known,
}: {
  personId: string;
  history: Loaded<Listing<IdentityEventView>>;
  known: Known;
}) {
  const [, change] = useFilters();
  const [older, setOlder] = useState<{ rows: IdentityEventView[]; next?: string }>();
  const [fault, setFault] = useState<ApiFault>();
  const { data } = history;
  const next = older === undefined ? data?.next : older.next;
  const more = async (): Promise<void> => {
    setFault(undefined);
    try {
      const page = await ask<Listing<IdentityEventView>>(historyPath(personId, next));
      setOlder((old) => ({ rows: [...(old?.rows ?? []), ...page.rows], next: page.next }));
    } catch (cause) {
      setFault(cause instanceof ApiFault ? cause : new ApiFault(0, {}));
    }
  };
  const rows = [...(data?.rows ?? []), ...(older?.rows ?? [])];
  return (
    <section className="card" aria-label={words.history}>
      <h2>{words.history}</h2>
      {data === undefined ? (
        history.fault === undefined ? (
          <SkeletonRows rows={3} />
        ) : (
          <FaultNotice fault={history.fault} since={history.failedAt} onAgain={() => history.reload()} />
        )
      ) : rows.length === 0 ? (
        <p className="quiet">{words.historyNone}</p>
      ) : (
        <ol className="story-line">
          {rows.map((event) => (
            <EventLine
              key={`${event.at} ${event.event} ${event.who}`}
              event={event}
              known={known}
              onThen={(at) => change({ at })}
            />
          ))}
        </ol>
      )}
      {fault === undefined ? null : (
        <p className="fault-line" role="alert">
          {capital(fault.message)}. {capital(fault.fix)}.
        </p>
      )}
      {next === undefined ? null : (
        <Button variant="default" size="xs" onClick={() => void more()}>
          {words.older}
        </Button>
      )}
    </section>
  );
}
