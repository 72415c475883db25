import { Button } from '@mantine/core';
import { useState } from 'react';
import type { FactView } from '../../../schemas/portal.ts';
import { texts } from '../texts.ts';
import { tellDate } from '../time.ts';
import { Provenance } from './provenance.tsx';

const words = texts.patient;
const PAST = /resolved|inactive|stopped|completed-past|cancelled|entered-in-error|refuted|remission/;
const QUIET_STATES = new Set(['active', 'final', 'completed', 'finished', 'confirmed', 'unknown', '']);

/** One kind of facts: what holds now first, the past behind a button. */
export function FactCard({ title, facts, none = words.none }: { title: string; facts: FactView[]; none?: string }) {
  const [past, setPast] = useState(false);
  const live = facts.filter((fact) => !fact.removed && !PAST.test(fact.status));
  const gone = facts.filter((fact) => fact.removed || PAST.test(fact.status));
  return (
    <section className="card">
      <div className="card-head">
        <h2>
          {title} <span className="count">{live.length}</span>
        </h2>
      </div>
      {live.length === 0 ? (
        <p className="quiet">{none}</p>
      ) : (
        <ul className="fact-list">
          {live.map((fact) => (
            <Fact key={fact.id} fact={fact} />
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

function Fact({ fact }: { fact: FactView }) {
  const times = [fact.at, fact.until].filter((at) => at !== undefined && at !== '').map((at) => tellDate(at ?? ''));
  const state = fact.removed ? words.removed : QUIET_STATES.has(fact.status) ? '' : fact.status;
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
      <span className="quiet nowrap">{[...new Set(times)].join(' \u2013 ')}</span>
      <Provenance fact={fact} />
    </li>
  );
}
