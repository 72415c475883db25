import { SegmentedControl } from '@mantine/core';
import { useMemo, useState } from 'react';
import type { PatientView } from '../../../schemas/portal.ts';
import type { TimelineItem } from '../charts.tsx';
import { Timeline } from '../charts.tsx';
import { texts } from '../texts.ts';
import { tellDate, tellTime } from '../time.ts';

const words = texts.patient;
const DAY_MS = 86_400_000;

export function TimelineCard({ view }: { view: PatientView }) {
  const items = useMemo(() => timelineOf(view), [view]);
  const [span, setSpan] = useState('all');
  if (items.length === 0) return null;
  const days = span === 'year' ? 365 : span === 'month' ? 31 : undefined;
  const oldest = Math.min(...items.map((item) => item.from));
  const to =
    days === undefined ? endOf(items, oldest) : Math.max(Date.now(), ...items.map((item) => item.to ?? item.from));
  const from = days === undefined ? oldest - Math.max(DAY_MS, (to - oldest) * 0.02) : to - days * DAY_MS;
  return (
    <section className="card">
      <div className="card-head">
        <h2>{words.timeline}</h2>
        <SegmentedControl
          size="xs"
          value={span}
          onChange={setSpan}
          aria-label={words.span}
          data={[
            { value: 'all', label: words.allTime },
            { value: 'year', label: words.lastYear },
            { value: 'month', label: words.lastMonth },
          ]}
        />
      </div>
      <Timeline
        items={days === undefined ? items.map((item) => (item.from > to ? { ...item, from: to } : item)) : items}
        from={from}
        to={to}
        label={words.timeline}
        lanes={{ encounter: words.encounters, result: words.results, document: words.documents }}
        tellTick={(at) => tellDate(new Date(at).toISOString())}
      />
    </section>
  );
}

/** All that was told, with room to its right; a long silence since then would leave it a speck at the left. Later marks stand at the edge. */
function endOf(items: TimelineItem[], oldest: number): number {
  const told = items.filter((item) => item.lane !== 'document').map((item) => item.to ?? item.from);
  if (told.length === 0) return Date.now();
  const last = Math.max(...told);
  return Math.min(Math.max(Date.now(), last), last + Math.max(DAY_MS, (last - oldest) * 0.25));
}

function timelineOf(view: PatientView): TimelineItem[] {
  const items: TimelineItem[] = [];
  const add = (item: Omit<TimelineItem, 'from' | 'to'>, at: string | undefined, until?: string): void => {
    const from = at === undefined ? Number.NaN : Date.parse(at);
    if (Number.isNaN(from)) return;
    const to = until === undefined ? undefined : Date.parse(until);
    items.push({ ...item, from, ...(to === undefined || Number.isNaN(to) ? {} : { to }) });
  };
  for (const fact of view.encounters) {
    const open = fact.status === 'in-progress' || fact.status === 'arrived';
    add(
      {
        id: fact.id,
        lane: 'encounter',
        title: `${fact.title}, ${fact.at === undefined ? '' : tellTime(fact.at, { seconds: false })}`,
      },
      fact.at,
      fact.until ?? (open ? undefined : fact.at),
    );
  }
  for (const fact of view.results)
    add(
      {
        id: fact.id,
        lane: 'result',
        title: `${fact.title} ${fact.value ?? ''} ${fact.unit ?? ''}, ${fact.at === undefined ? '' : tellTime(fact.at, { seconds: false })}`,
      },
      fact.at,
    );
  for (const document of view.documents)
    add(
      {
        id: document.id,
        lane: 'document',
        title: `CCD ${words.version(document.version)}, ${tellTime(document.createdAt, { seconds: false })}`,
      },
      document.createdAt,
    );
  return items;
}
