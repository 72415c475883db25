/**
 * One message three ways: its bytes, its segments, what became of it. One row a segment holds all three, so that they
 * scroll together; what is selected in one is marked in the others.
 */
import { Tooltip } from '@mantine/core';
import type { ReactNode } from 'react';
import { createElement, Fragment, memo, useCallback, useMemo, useState } from 'react';
import type { FieldView, MessageView, SegmentView } from '../../../schemas/portal.ts';
import { Icon } from '../icons.tsx';
import { texts } from '../texts.ts';
import { Link } from './link.tsx';
import { showControls } from './visible-text.tsx';

type Wrote = MessageView['wrote'][number];
interface Row {
  segment: SegmentView;
  raw: string;
  separator: string;
  wrote: Wrote[];
}
const words = texts.message;

export function SegmentRows({ view }: { view: MessageView }) {
  const rows = useMemo(() => rowsOf(view), [view]);
  const [selected, setSelected] = useState<{ row: number; position: number }>();
  const select = useCallback((row: number, position: number) => {
    setSelected((old) => (old?.row === row && old.position === position ? undefined : { row, position }));
  }, []);
  const fields = view.segments.flatMap((segment) => segment.fields);
  const carried = fields.filter((field) => field.fate === 'carried').length;
  const lost = fields.filter((field) => field.fate === 'not-carried').length;
  const person = view.persons[0];
  return (
    <div className="three">
      <div className="three-head">
        <h2>{words.bytes}</h2>
        <h2>{words.segments}</h2>
        <h2>
          {words.became} <span className="quiet">{words.carriedCount(carried, lost)}</span>
        </h2>
      </div>
      {rows.map((row, at) => (
        <SegmentRow
          key={row.segment.offset}
          at={at}
          row={row}
          selected={selected?.row === at ? selected.position : undefined}
          onSelect={select}
          personId={person?.id}
        />
      ))}
    </div>
  );
}

interface RowProps {
  at: number;
  row: Row;
  /** Position of the selected field; 0 stands for the segment. */
  selected: number | undefined;
  onSelect: (row: number, position: number) => void;
  personId: string | undefined;
}

const SegmentRow = memo(function SegmentRow({ at, row, selected, onSelect, personId }: RowProps) {
  const { segment, raw, separator, wrote } = row;
  const filled = segment.fields.filter((field) => field.fate !== 'empty');
  const lost = filled.filter((field) => field.fate === 'not-carried');
  const pick = (position: number) => () => onSelect(at, position);
  return (
    <section
      className={selected === undefined ? 'segment' : 'segment segment-on'}
      aria-label={`${segment.name} ${segment.title}`}
    >
      <div className="bytes">
        <p className="mono">{bytesOf(raw, segment.name, separator, selected, pick)}</p>
      </div>
      <div className="fields">
        <h3>
          <span className="mono">{segment.name}</span> <span className="quiet">{segment.title || words.unnamed}</span>
        </h3>
        <ul>
          {filled.map((field) => (
            <Field key={field.position} field={field} on={selected === field.position} onPick={pick(field.position)} />
          ))}
        </ul>
      </div>
      <div className="became">
        {wrote.length > 0 ? null : <Elsewhere segment={segment} personId={personId} lost={lost.length > 0} />}
        {wrote.map((entry) => (
          <p key={entry.id} className={selected === undefined ? 'wrote' : 'wrote wrote-on'}>
            <span className="wrote-type">{entry.type}</span>{' '}
            {personId === undefined ? (
              entry.display
            ) : (
              <Link href={`/patients/${personId}#${entry.id}`}>{entry.display}</Link>
            )}{' '}
            <span className="quiet">v{entry.version}</span>
          </p>
        ))}
        {lost.length === 0 ? null : (
          <p className="lost">
            <span className="quiet">{words.lost}:</span>{' '}
            {lost.map((field) => (
              <button
                type="button"
                key={field.path}
                className={selected === field.position ? 'chip chip-on' : 'chip'}
                onClick={pick(field.position)}
              >
                {field.path}
                {field.name === '' ? '' : ` ${field.name}`}
              </button>
            ))}
          </p>
        )}
      </div>
    </section>
  );
});

/** Segments about the person, whose fields go into the head of the record and not into an entry. */
const PERSON = new Set(['PID', 'PD1', 'MRG']);

/** Where a segment without entries of its own went. */
function Elsewhere({ segment, personId, lost }: { segment: SegmentView; personId: string | undefined; lost: boolean }) {
  const carried = segment.fields.some((field) => field.fate === 'carried');
  if (!carried) return lost ? null : <p className="quiet">{words.nothing}</p>;
  if (!PERSON.has(segment.name) || personId === undefined) return <p className="quiet">{words.withOthers}</p>;
  return (
    <p className="wrote">
      <span className="wrote-type">Patient</span> <Link href={`/patients/${personId}`}>{words.personHead}</Link>
    </p>
  );
}

function Field({ field, on, onPick }: { field: FieldView; on: boolean; onPick: () => void }) {
  const name = field.name === '' ? words.unnamed : field.name;
  const fate = field.fate === 'carried' ? words.carried : field.fate === 'not-carried' ? words.lost : words.structural;
  const told = [field.definition, field.dataType === '' ? undefined : `Type ${field.dataType}`, fate]
    .filter((part) => part !== undefined)
    .join(' \u00b7 ');
  return (
    <li className={on ? 'field field-on' : 'field'}>
      <Tooltip label={told} position="top-start">
        <button type="button" className="field-name" onClick={onPick} aria-pressed={on}>
          <span className={`fate fate-${field.fate}`}>
            {field.fate === 'carried' ? (
              <Icon name="check" size={12} />
            ) : field.fate === 'not-carried' ? (
              <Icon name="minus" size={12} />
            ) : null}
            <span className="hidden">{fate}</span>
          </span>
          <span className="mono path">{field.path}</span> <span className="name">{name}</span>
        </button>
      </Tooltip>
      <span className="value">
        {field.parts.map((part) => (
          <span key={part.path} className="part">
            {part.name === '' ? null : <span className="part-name">{part.name}</span>}
            {showControls(part.value)}
            {part.display === undefined || part.display === part.value ? null : (
              <span className="quiet"> = {part.display}</span>
            )}
          </span>
        ))}
      </span>
    </li>
  );
}

/** The raw text with each field apart: clicking one marks it in the other columns. */
function bytesOf(
  raw: string,
  name: string,
  separator: string,
  selected: number | undefined,
  pick: (position: number) => () => void,
): ReactNode {
  const shift = /^(MSH|FHS|BHS)$/.test(name) ? 1 : 0;
  const parts = raw.split(separator).flatMap((text, at) => {
    const position = at === 0 ? 0 : at + shift;
    const className = `byte-field ${at === 0 ? 'byte-name' : ''} ${selected === position ? 'byte-on' : ''}`;
    // The buttons of the middle column do the same for the keyboard.
    const field = createElement('span', { className, onClick: pick(position) }, showControls(text));
    return at === 0 ? [field] : [createElement('span', { className: 'separator' }, separator), field];
  });
  return createElement(Fragment, null, ...parts);
}

function rowsOf(view: MessageView): Row[] {
  const known = new Map(view.wrote.map((entry) => [entry.id, entry]));
  const seen = new Map<string, number>();
  const header = view.segments.find((segment) => segment.name === 'MSH');
  const separator = header === undefined ? '|' : (view.text[header.offset + 3] ?? '|');
  return view.segments.map((segment, at) => {
    const nth = (seen.get(segment.name) ?? 0) + 1;
    seen.set(segment.name, nth);
    const from = new Set([`${segment.name}[${nth}]`, ...(nth === 1 ? [segment.name] : [])]);
    const wrote = segment.wrote.flatMap((id) => known.get(id) ?? []);
    for (const entry of view.wrote)
      if (entry.from !== undefined && from.has(entry.from) && !wrote.includes(entry)) wrote.push(entry);
    const end = view.segments[at + 1]?.offset ?? view.text.length;
    return {
      segment,
      raw: view.text.slice(segment.offset, Math.max(end, segment.offset + segment.length)),
      separator,
      wrote,
    };
  });
}
