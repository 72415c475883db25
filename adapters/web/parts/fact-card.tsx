import { Button } from '@mantine/core';
import { Fragment, useState } from 'react';
import type { FactView } from '../../../schemas/portal.ts';
import { texts } from '../texts.ts';
import { tellDate } from '../time.ts';
import { Provenance } from './provenance.tsx';

const words = texts.patient;
const PAST = /resolved|inactive|stopped|completed-past|cancelled|entered-in-error|refuted|remission/;
const QUIET_STATES = new Set(['active', 'final', 'completed', 'finished', 'confirmed', 'current', 'unknown', '']);

/** One kind of facts: what holds now first, the past behind a button; `join` puts the same told again under its latest telling. */
export function FactCard({
  title,
  facts,
  none = words.none,
  join = false,
}: {
  title: string;
  facts: FactView[];
  none?: string;
  join?: boolean;
}) {
  const [past, setPast] = useState(false);
  const live = facts.filter((fact) => !fact.removed && !PAST.test(fact.status));
  const gone = facts.filter((fact) => fact.removed || PAST.test(fact.status));
  const groups = join ? sameTogether(live) : live.map((fact) => [fact]);
  return (
    <section className="card">
      <div className="card-head">
        <h2>
          {title} <span className="count">{groups.length}</span>
        </h2>
      </div>
      {live.length === 0 ? (
        <p className="quiet">{none}</p>
      ) : (
        <ul className="fact-list">
          {groups.map((group) => (
            <Group key={group[0]?.id} group={group} />
          ))}
        </ul>
      )}
      {gone.length === 0 ? null : (
        <>
          {past ? (
            <ul className="fact-list past">
              {gone.map((fact) => (
                <Fact key={fact.id} fact={fact} />
              ))}
            </ul>
          ) : null}
          <Button variant="subtle" size="compact-xs" onClick={() => setPast(!past)} aria-expanded={past}>
            {past ? words.hidePast : words.past(gone.length)}
          </Button>
        </>
      )}
    </section>
  );
}

/** Facts that say the same, latest first as given. */
function sameTogether(facts: FactView[]): FactView[][] {
  const groups = new Map<string, FactView[]>();
  for (const fact of facts) {
    const key = JSON.stringify([fact.title, fact.value, fact.status]);
    groups.set(key, [...(groups.get(key) ?? []), fact]);
  }
  return [...groups.values()];
}

function Group({ group }: { group: FactView[] }) {
  const [open, setOpen] = useState(() => group.some((fact) => `#${fact.id}` === location.hash));
  const [first, ...earlier] = group;
  if (first === undefined) return null;
  return (
    <>
      <Fact fact={first} />
      {earlier.length === 0 ? null : (
        <li className="again">
          <Button variant="subtle" size="compact-xs" onClick={() => setOpen(!open)} aria-expanded={open}>
            {open ? words.hidePast : words.toldBefore(earlier.length)}
          </Button>
        </li>
      )}
      {open ? earlier.map((fact) => <Fact key={fact.id} fact={fact} />) : null}
    </>
  );
}

function Fact({ fact }: { fact: FactView }) {
  const times = [fact.at, fact.until].filter((at) => at !== undefined && at !== '').map((at) => tellDate(at ?? ''));
  const state = fact.removed ? words.removed : QUIET_STATES.has(fact.status) ? '' : fact.status.replaceAll('-', ' ');
  return (
    <li id={`fact-${fact.id}`}>
      <span className="fact-title">
        {fact.title}
        {fact.isNew === true ? <span className="new-mark">{words.isNew}</span> : null}
        {state === '' ? null : <span className="fact-state">{state}</span>}
        {fact.value === undefined ? null : (
          <span className="quiet fact-value">
            {fact.value} {fact.unit ?? ''}
          </span>
        )}
      </span>
      <span className="quiet fact-times">
        {[...new Set(times)].map((time, at) => (
          <Fragment key={time}>
            {at === 0 ? '' : ' \u2013 '}
            <span className="nowrap">{time}</span>
          </Fragment>
        ))}
      </span>
      <Provenance fact={fact} />
    </li>
  );
}
