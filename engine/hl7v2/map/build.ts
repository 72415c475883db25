/** Small steps that every segment's map shares: dates with their faults, references, notes, the draft's entries. */
import type {
  Annotation,
  CodeableConcept,
  Extension,
  Patient,
  Period,
  Quantity,
  Reference,
  Resource,
} from '@medplum/fhirtypes';
import { systemOf } from '../../../schemas/codes.ts';
import type { Act, DraftEntry } from '../../record/index.ts';
import { conceptOfCwe } from './datatypes.ts';
import { componentsOf, keptAs, type MapContext, type SegmentReader, split, tell, textOf } from './reader.ts';
import { type ReadTime, readTime } from './times.ts';

/** The time in field `n`; one that can't be read becomes a fault and is kept as text. */
export function timeOf(s: SegmentReader, n: number): ReadTime | undefined {
  const raw = s.raw(n);
  if (raw === '') return undefined;
  const parts = componentsOf(s.m, split(raw, s.m.delimiters.repetition)[0]!);
  const read = readTime(parts[0]!, s.m.zone, parts[1] !== undefined && parts[1].length === 1 ? parts[1] : '');
  if (read) return read;
  if (parts[0] === '' && parts.every((part) => part === '')) return undefined;
  tell(s.m, 'record.time-unreadable', `${s.place}-${n}`);
  s.keepText(n, textOf(s.m, raw));
  return undefined;
}

/** The FHIR dateTime of field `n`. */
export function dateTimeOf(s: SegmentReader, n: number): string | undefined {
  return timeOf(s, n)?.dateTime;
}

/** The FHIR date of field `n`; a time of day that FHIR has no room for is kept as text. */
export function dateOf(s: SegmentReader, n: number): string | undefined {
  const read = timeOf(s, n);
  if (read && read.precision > 8 && !/T00:00:00(?!\.)/.test(read.dateTime)) s.keepText(n, read.dateTime);
  return read?.date;
}

/** The FHIR instant of field `n`: it wants a time of day and an offset; a mere date is kept as text. */
export function instantOf(s: SegmentReader, n: number): string | undefined {
  const read = timeOf(s, n);
  if (!read) return undefined;
  if (read.precision >= 10) return read.dateTime;
  s.keepText(n, read.dateTime);
  return undefined;
}

/** Start from one field, end from another. */
export function periodFrom(s: SegmentReader, start: number, end: number): Period | undefined {
  const from = dateTimeOf(s, start);
  const to = dateTimeOf(s, end);
  if (from === undefined && to === undefined) return undefined;
  const period: Period = {};
  if (from !== undefined) period.start = from;
  if (to !== undefined) period.end = to;
  return period;
}

/** Every repetition of field `n` as a concept. */
export function conceptsOf(s: SegmentReader, n: number, table?: string): CodeableConcept[] | undefined {
  return some(s.repetitions(n).map((part) => conceptOfCwe(s.m, part, table)));
}

/** The first repetition of field `n` as a concept; further ones are kept as text. */
export function conceptIn(s: SegmentReader, n: number, table?: string): CodeableConcept | undefined {
  const all = s.repetitions(n);
  if (all.length > 1) keepFurther(s, n, all);
  return all.length === 0 ? undefined : conceptOfCwe(s.m, all[0]!, table);
}

/** Keeps the repetitions after the first as text. */
export function keepFurther(s: SegmentReader, n: number, all: string[]): void {
  s.keepText(
    n,
    all
      .slice(1)
      .map((part) => textOf(s.m, part))
      .join('; '),
  );
}

/** The list without its empty places, or undefined when nothing is left. */
export function some<T>(list: (T | undefined)[]): T[] | undefined {
  const found = list.filter((item) => item !== undefined);
  return found.length > 0 ? found : undefined;
}

const plainNumber = /^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,3})?$/;

/** A number as HL7 writes it (chapter 2A.47), or undefined. */
export function numberOf(text: string): number | undefined {
  const trimmed = text.trim();
  return plainNumber.test(trimmed) ? Number(trimmed) : undefined;
}

/** A quantity of a number's text and a unit (CWE, or CQ's second component). Trailing zeros are kept beside the number. */
export function quantityOf(m: MapContext, value: string, unit: string, place: string): Quantity | undefined {
  const number = numberOf(value);
  if (number === undefined) return undefined;
  const quantity: Quantity = { value: number };
  const trimmed = value.trim();
  if (String(number) !== trimmed) quantity.extension = [keptAs(place, trimmed)];
  addUnit(m, quantity, unit);
  return quantity;
}

const ucum = 'http://unitsofmeasure.org';

/** Units as they were read: a sender writes the same few again and again. */
const unitsKnown = new Map<string, Pick<Quantity, 'unit' | 'system' | 'code' | 'extension'>>();
const unitsMax = 2000;

/** Puts a unit (CWE text) on a quantity: UCUM where the sender says so (2.x ISO+ and ANS+ units stay names). */
export function addUnit(m: MapContext, quantity: Quantity, unit: string): void {
  if (unit === '') return;
  const key = m.delimiters.component + unit;
  let found = unitsKnown.get(key);
  if (!found) {
    found = readUnit(m, unit);
    if (unitsKnown.size < unitsMax) unitsKnown.set(key, found);
  }
  if (found.unit !== undefined) quantity.unit = found.unit;
  if (found.code !== undefined) {
    quantity.system = found.system!;
    quantity.code = found.code;
  }
  if (found.extension) quantity.extension = [...(quantity.extension ?? []), ...found.extension];
}

function readUnit(m: MapContext, unit: string): Pick<Quantity, 'unit' | 'system' | 'code' | 'extension'> {
  const parts = componentsOf(m, unit).map((part) => textOf(m, part));
  const [code = '', name = '', system = '', alternate = '', alternateName = '', alternateSystem = ''] = parts;
  const isUcum = (text: string): boolean => text !== '' && systemOf(text) === ucum;
  const found: Pick<Quantity, 'unit' | 'system' | 'code' | 'extension'> = {};
  const shown = name || code || alternateName || alternate;
  if (shown !== '') found.unit = shown;
  if (code !== '' && isUcum(system)) Object.assign(found, { system: ucum, code });
  else if (alternate !== '' && isUcum(alternateSystem)) Object.assign(found, { system: ucum, code: alternate });
  const said = new Set([shown, found.code ?? '']);
  const rest = parts.filter((part, i) => part !== '' && !said.has(part) && !(isUcum(part) && (i === 2 || i === 5)));
  if (rest.length > 0) found.extension = [keptAs('CWE.units', rest.join(' '))];
  return found;
}

/** Adds what a segment kept as text to its resource. */
export function hang(resource: { extension?: Extension[] }, kept: Extension[]): void {
  if (kept.length === 0) return;
  if (resource.extension) resource.extension.push(...kept);
  else resource.extension = [...kept];
}

/** A reference to another draft of this person. */
export function toKey(key: string, display?: string): Reference {
  return display === undefined ? { reference: `key:${key}` } : { reference: `key:${key}`, display };
}

export const toPatient: Reference<Patient> = Object.freeze({ reference: 'key:Patient' });

/** A note, with who and when where they are known. */
export function noteOf(text: string, author?: Reference, time?: string): Annotation {
  const note: Annotation = { text };
  if (author?.display && !author.identifier) note.authorString = author.display;
  else if (author) note.authorReference = author as NonNullable<Annotation['authorReference']>;
  if (time !== undefined) note.time = time;
  return note;
}

/** Collects the entries of a message; the same natural key twice in a message is told apart by its place among its like. */
export class Entries {
  readonly list: DraftEntry[] = [];
  private readonly seen = new Map<string, number>();

  /** Adds an entry and gives the key that it really got. */
  add(key: string, act: Act, resource: Resource, from: string, more?: Pick<DraftEntry, 'weak' | 'nulls'>): string {
    const nth = (this.seen.get(key) ?? 0) + 1;
    this.seen.set(key, nth);
    const own = nth === 1 ? key : `${key}|#${nth}`;
    this.list.push(more ? { key: own, act, resource, from, ...more } : { key: own, act, resource, from });
    return own;
  }

  /** The entry with this key, to be completed by a later segment. */
  find(key: string): DraftEntry | undefined {
    return this.list.find((entry) => entry.key === key);
  }
}
