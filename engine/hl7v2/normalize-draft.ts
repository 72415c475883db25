/** A message while rules change it: segments are copied when first written, so that the message given stays as it was. */
import type { Delimiters, Message, Segment } from '../../schemas/hl7v2/message.ts';
import { escapeText } from './escape.ts';

/** `PV1-3.4` taken apart; component and subcomponent 0 mean the whole. */
export interface Place {
  segment: string;
  field: number;
  component: number;
  subcomponent: number;
}

const notesMax = 200;

/** Reads `PV1-3.4.2`. The profile's shape has checked the form. */
export function placeOf(text: string): Place {
  const [segment = '', rest = ''] = text.split('-');
  const [field = 0, component = 0, subcomponent = 0] = rest.split('.').map(Number);
  return { segment, field, component, subcomponent };
}

/** Splits only where the delimiter is one (MSH-2 may leave some out). */
export function splitAt(text: string, delimiter: string): string[] {
  return delimiter === '' || !text.includes(delimiter) ? [text] : text.split(delimiter);
}

/** The message under work. */
export class NormalizeDraft {
  readonly delimiters: Delimiters;
  readonly source: Message;
  segments: Segment[];
  notes: string[] = [];
  code: string;
  trigger: string;
  changed = false;
  #owned = new Set<Segment>();
  #noted = new Set<string>();

  constructor(message: Message) {
    this.source = message;
    this.delimiters = message.delimiters;
    this.segments = message.segments;
    this.code = message.code;
    this.trigger = message.trigger;
  }

  /** Tells what was done (once each). Names of rules and places only. */
  note(text: string): void {
    if (this.#noted.has(text) || this.notes.length >= notesMax) return;
    this.#noted.add(text);
    this.notes.push(text);
  }

  /** Position of the first segment of this name, or -1. */
  indexOf(name: string): number {
    return this.segments.findIndex((segment) => segment.name === name);
  }

  /** Writes the raw text of a field. */
  put(at: number, field: number, raw: string): void {
    let segment = this.segments[at];
    if (!segment || segment.fields[field] === raw || (raw === '' && segment.fields[field] === undefined)) return;
    this.#ownList();
    if (!this.#owned.has(segment)) {
      segment = { ...segment, fields: segment.fields.slice() };
      this.#owned.add(segment);
      this.segments[at] = segment;
    }
    while (segment.fields.length < field) segment.fields.push('');
    segment.fields[field] = raw;
  }

  /** Leaves a segment out. */
  drop(at: number): void {
    this.#ownList();
    this.segments.splice(at, 1);
  }

  /** Puts a made segment behind another; it carries that one's position in the message received. */
  insertBehind(at: number, fields: string[]): void {
    const origin = this.segments[at];
    if (!origin) return;
    this.#ownList();
    const segment: Segment = {
      name: fields[0] ?? '',
      fields,
      index: origin.index,
      offset: origin.offset,
      ending: origin.ending || '\r',
    };
    this.#owned.add(segment);
    this.segments.splice(at + 1, 0, segment);
  }

  /** Raw text at a place within a segment (first repetition when the place names a component). */
  get(at: number, place: Place): string {
    const raw = this.segments[at]?.fields[place.field] ?? '';
    return place.component === 0
      ? raw
      : partOf(splitAt(raw, this.delimiters.repetition)[0] ?? '', place, this.delimiters);
  }

  /** Writes raw text at a place within a segment (every repetition that has content, at least the first). */
  set(at: number, place: Place, raw: string): void {
    if (place.component === 0) {
      this.put(at, place.field, raw);
      return;
    }
    const repetitions = splitAt(this.segments[at]?.fields[place.field] ?? '', this.delimiters.repetition);
    const written = repetitions.map((one, index) =>
      index > 0 && one === '' ? one : withPart(one, place, raw, this.delimiters),
    );
    this.put(at, place.field, written.join(this.delimiters.repetition));
  }

  /** A profile's plain text as it stands in this message. */
  encode(text: string): string {
    return escapeText(text, this.delimiters);
  }

  message(): Message {
    return this.changed
      ? { ...this.source, segments: this.segments, code: this.code, trigger: this.trigger }
      : this.source;
  }

  #ownList(): void {
    if (this.segments === this.source.segments) this.segments = this.segments.slice();
    this.changed = true;
  }
}

function partOf(repetition: string, place: Place, d: Delimiters): string {
  const component = splitAt(repetition, d.component)[place.component - 1] ?? '';
  return place.subcomponent === 0 ? component : (splitAt(component, d.subcomponent)[place.subcomponent - 1] ?? '');
}

function withPart(repetition: string, place: Place, raw: string, d: Delimiters): string {
  const components = splitAt(repetition, d.component);
  if (place.subcomponent === 0) return withItem(components, place.component, raw).join(d.component);
  const parts = splitAt(components[place.component - 1] ?? '', d.subcomponent);
  return withItem(components, place.component, withItem(parts, place.subcomponent, raw).join(d.subcomponent)).join(
    d.component,
  );
}

function withItem(items: string[], position: number, value: string): string[] {
  const copy = items.slice();
  while (copy.length < position) copy.push('');
  copy[position - 1] = value;
  return copy;
}

/** Takes empty items off the end. */
export function withoutTail(items: string[]): string[] {
  let end = items.length;
  while (end > 0 && items[end - 1] === '') end -= 1;
  return items.slice(0, end);
}
