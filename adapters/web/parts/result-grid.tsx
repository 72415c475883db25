import { Button } from '@mantine/core';
import { useMemo, useState } from 'react';
import type { FactView } from '../../../schemas/portal.ts';
import { RangeLine } from '../charts.tsx';
import { texts } from '../texts.ts';
import { tellDate, tellTime } from '../time.ts';
import { Provenance } from './provenance.tsx';

const words = texts.patient;
const SHOWN_FIRST = 12;

interface Series {
  key: string;
  /** Latest first. */
  facts: FactView[];
}

/** Results as small multiples: one picture a test, its last value large, the reference range as a band. */
export function ResultGrid({ facts }: { facts: FactView[] }) {
  const series = useMemo(() => seriesOf(facts), [facts]);
  const [all, setAll] = useState(false);
  const shown = all ? series : series.slice(0, SHOWN_FIRST);
  return (
    <section className="card">
      <div className="card-head">
        <h2>
          {words.results} <span className="count">{facts.length}</span>
        </h2>
      </div>
      {series.length === 0 ? (
        <p className="quiet">{words.none}</p>
      ) : (
        <div className="results">
          {shown.map((one) => (
            <Result key={one.key} series={one} />
          ))}
        </div>
      )}
      {series.length > SHOWN_FIRST ? (
        <Button variant="subtle" size="compact-sm" onClick={() => setAll(!all)} aria-expanded={all}>
          {all ? words.fewer : `${words.more} (${series.length - SHOWN_FIRST})`}
        </Button>
      ) : null}
    </section>
  );
}

function Result({ series }: { series: Series }) {
  const last = series.facts[0];
  if (last === undefined) return null;
  const said = words.interpretations[last.interpretation ?? ''];
  const points = series.facts.flatMap((fact) =>
    fact.numeric === undefined || fact.at === undefined || Number.isNaN(Date.parse(fact.at))
      ? []
      : [
          {
            at: Date.parse(fact.at),
            value: fact.numeric,
            title: `${fact.value ?? fact.numeric} ${fact.unit ?? ''}, ${tellTime(fact.at, { seconds: false })}`,
          },
        ],
  );
  const range =
    last.range ?? (last.low !== undefined && last.high !== undefined ? `${last.low}\u2013${last.high}` : undefined);
  const text = last.numeric === undefined;
  return (
    <div className="result" id={`fact-${last.id}`}>
      <div className="result-head">
        <h3>
          {last.title}
          {last.isNew === true ? <span className="new-mark">{words.isNew}</span> : null}
        </h3>
        <Provenance fact={last} />
      </div>
      <p className={text ? 'result-text' : 'result-value'}>
        {last.value ?? '\u2013'} <span className="unit">{last.unit ?? ''}</span>
        {said === undefined ? null : <span className="abnormal">{said}</span>}
      </p>
      {points.length > 1 ? (
        <RangeLine points={points} low={last.low} high={last.high} label={`${last.title}, ${points.length}`} />
      ) : null}
      <p className="quiet result-foot">
        <span>{last.at === undefined ? '' : tellDate(last.at)}</span>
        {range === undefined || range === '' ? null : (
          <span>
            {words.range} {range}
          </span>
        )}
      </p>
    </div>
  );
}

function seriesOf(facts: FactView[]): Series[] {
  const byTest = new Map<string, Series>();
  for (const fact of facts) {
    if (fact.removed) continue;
    const key = `${fact.code ?? fact.title} ${fact.unit ?? ''}`;
    const known = byTest.get(key);
    if (known === undefined) byTest.set(key, { key, facts: [fact] });
    else known.facts.push(fact);
  }
  const time = (fact: FactView | undefined): number => (fact?.at === undefined ? 0 : Date.parse(fact.at) || 0);
  for (const series of byTest.values()) series.facts.sort((a, b) => time(b) - time(a));
  // Courses over time first, then single numbers, then words.
  const rank = ({ facts: told }: Series): number => (told[0]?.numeric === undefined ? 2 : told.length > 1 ? 0 : 1);
  return [...byTest.values()].toSorted((a, b) => rank(a) - rank(b));
}
