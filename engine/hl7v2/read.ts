/**
 * Reading a message by position. Positions are 1-based, as the standard counts (HL7 v2.8.2 chapter 2.5.3).
 *
 * `''` is an absent raw text. A decoded value is `undefined` where nothing was sent and `null` where `""` was sent, which tells the
 * receiver to delete what it has (chapter 2.5.3.2).
 */
import type { Delimiters, Message, Segment } from '../../schemas/hl7v2/message.ts';
import { charsetNamed } from './charset.ts';
import { unescapeText } from './escape.ts';

/** A decoded value: text, `null` for `""`, `undefined` for nothing. */
export type Value = string | null | undefined;

/** `OBX[3]-5[2].1.2`: an occurrence, repetition, component or subcomponent that was not named is undefined. */
export interface Path {
  segment: string;
  occurrence?: number;
  field?: number;
  repetition?: number;
  component?: number;
  subcomponent?: number;
}

const pathShape =
  /^([A-Z][A-Z0-9]{2})(?:\[(\d{1,6})\])?(?:-(\d{1,4})(?:\[(\d{1,6})\])?(?:\.(\d{1,4})(?:\.(\d{1,4}))?)?)?$/;
const paths = new Map<string, Path>();
const pathsMax = 4096;

/** Reads `PID-3[2].1`, `OBX[3]-5`, `MSH-9.2`, `PID`; `undefined` when the text is no path. */
export function readPath(text: string): Path | undefined {
  const known = paths.get(text);
  if (known !== undefined) return known;
  const match = pathShape.exec(text);
  if (match === null) return undefined;
  const number = (index: number): number | undefined => (match[index] === undefined ? undefined : Number(match[index]));
  const path: Path = { segment: match[1]! };
  const [occurrence, field, repetition, component, subcomponent] = [2, 3, 4, 5, 6].map(number);
  if (occurrence !== undefined) path.occurrence = occurrence;
  if (field !== undefined) path.field = field;
  if (repetition !== undefined) path.repetition = repetition;
  if (component !== undefined) path.component = component;
  if (subcomponent !== undefined) path.subcomponent = subcomponent;
  if (paths.size < pathsMax) paths.set(text, path);
  return path;
}

/** The nth (1-based) segment of this name. */
export function segmentOf(message: Message, name: string, occurrence = 1): Segment | undefined {
  let seen = 0;
  for (const segment of message.segments) {
    if (segment.name === name) {
      seen += 1;
      if (seen === occurrence) return segment;
    }
  }
  return undefined;
}

/** Raw text of the nth field; `''` where there is none. */
export function fieldOf(segment: Segment | undefined, n: number): string {
  return segment?.fields[n] ?? '';
}

/** The repetitions of a raw field; an empty field has none. */
export function repetitionsOf(field: string, delimiters: Delimiters): string[] {
  if (field === '') return [];
  const { repetition } = delimiters;
  return repetition === '' || !field.includes(repetition) ? [field] : field.split(repetition);
}

/** Raw text of the nth part of `text` between `delimiter`s; `''` where there is none. */
function partOf(text: string, n: number, delimiter: string): string {
  if (text === '' || n < 1) return '';
  if (delimiter === '') return n === 1 ? text : '';
  let start = 0;
  for (let left = n; left > 1; left -= 1) {
    const at = text.indexOf(delimiter, start);
    if (at === -1) return '';
    start = at + 1;
  }
  const end = text.indexOf(delimiter, start);
  if (end === -1) return start === 0 ? text : text.slice(start);
  return text.slice(start, end);
}

/** Raw text of the nth repetition of a field. */
export function repetitionOf(field: string, n: number, delimiters: Delimiters): string {
  return partOf(field, n, delimiters.repetition);
}

/** Raw text of the nth component of one repetition. */
export function componentOf(repetition: string, n: number, delimiters: Delimiters): string {
  return partOf(repetition, n, delimiters.component);
}

/** Raw text of the nth subcomponent of a component. */
export function subcomponentOf(component: string, n: number, delimiters: Delimiters): string {
  return partOf(component, n, delimiters.subcomponent);
}

/** All components of one repetition, raw. */
export function componentsOf(repetition: string, delimiters: Delimiters): string[] {
  if (repetition === '') return [];
  return delimiters.component === '' ? [repetition] : repetition.split(delimiters.component);
}

/** The decoded value of a raw text: `undefined` for nothing, `null` for `""`. */
export function textOf(raw: string, delimiters: Delimiters, charset?: string): Value {
  if (raw === '') return undefined;
  if (raw === '""') return null;
  return unescapeText(raw, delimiters, charset);
}

/** MSH-1 and MSH-2 hold the delimiters themselves and are never split or decoded. */
function isDelimiterField(place: Path): boolean {
  return place.segment === 'MSH' && (place.field === 1 || place.field === 2);
}

/**
 * The decoded value at a path (`PID-5.1`, `PID-3[2].1`, `OBX[3]-5`). What the path leaves open is the first: occurrence, repetition,
 * component and subcomponent, because a later version may have given an element parts (chapter 2.8.2). `undefined` nothing, `null` `""`.
 */
export function valueAt(message: Message, path: string): Value {
  const place = readPath(path);
  if (place === undefined || place.field === undefined) return undefined;
  const field = fieldOf(segmentOf(message, place.segment, place.occurrence ?? 1), place.field);
  if (field === '') return undefined;
  if (isDelimiterField(place)) return field;
  return valueIn(repetitionOf(field, place.repetition ?? 1, message.delimiters), place, message);
}

function valueIn(repetition: string, place: Path, message: Message): Value {
  const { delimiters } = message;
  const component = componentOf(repetition, place.component ?? 1, delimiters);
  // An explicit null of the whole field nulls its parts too.
  if (component === '' && repetition === '""') return null;
  const leaf = subcomponentOf(component, place.subcomponent ?? 1, delimiters);
  return textOf(leaf, delimiters, leaf.includes(delimiters.escape) ? charsetOf(message) : undefined);
}

/** The character set that MSH-18 names, as iconv-lite knows it; `undefined` where it names none. */
export function charsetOf(message: Message): string | undefined {
  const sets = repetitionsOf(message.segments[0]?.fields[18] ?? '', message.delimiters);
  return charsetNamed(sets.find((set) => charsetNamed(set) !== 'ascii') ?? sets[0] ?? '');
}

/** Where a segment stands, as faults tell it: `OBX[3]`, or `PID` when it is the only one of its name. */
export function placeOf(message: Message, segment: Segment): string {
  let before = 0;
  let all = 0;
  for (const other of message.segments) {
    if (other.name !== segment.name) continue;
    all += 1;
    if (other.index <= segment.index) before += 1;
  }
  if (segment.name === '') return `segment ${segment.index + 1}`;
  return all > 1 ? `${segment.name}[${before}]` : segment.name;
}
