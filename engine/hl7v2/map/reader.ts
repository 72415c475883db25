/**
 * Reads the fields of a segment and remembers which were read, so that what the map carries and what it leaves is known by
 * construction: a field that no mapping function asked for is told in `notCarried`.
 */
import type { Extension } from '@medplum/fhirtypes';
import type { Fault } from '../../../schemas/errors/index.ts';
import type { Delimiters, Segment } from '../../../schemas/hl7v2/message.ts';
import type { Source } from '../../../schemas/parts.ts';
import type { VendorProfile } from '../../../schemas/vendors/shape.ts';
import { unescapeText } from '../escape.ts';
import type { Zone } from './times.ts';

/** What every mapping function of one message needs. */
export interface MapContext {
  delimiters: Delimiters;
  profile: VendorProfile;
  source: Source;
  zone: Zone;
  faults: Fault[];
  /** MSH-3 and MSH-4 as a URI, for `meta.source`. */
  sender: string;
}

/** Where the extensions for v2 fields without a home in FHIR R4 are named. */
export const v2Extension = 'http://mix-hie.org/fhir/StructureDefinition/v2-';
const faultsMax = 200;

/** An extension that keeps the text of a v2 field or component which FHIR R4 has no element for. */
export function keptAs(place: string, text: string): Extension {
  return { url: v2Extension + place, valueString: text };
}

/** A name as one part of a URI; half a surrogate pair, which no URI can hold, becomes the replacement character. */
export function inUri(text: string): string {
  return encodeURIComponent(text.toWellFormed());
}

/** Hangs an extension on an element. */
export function attach(element: { extension?: Extension[] }, extension: Extension): void {
  if (element.extension) element.extension.push(extension);
  else element.extension = [extension];
}

/** The text without escape sequences (chapter 2.7). */
export function plain(m: MapContext, raw: string): string {
  const mark = m.delimiters.escape;
  return mark === '' || !raw.includes(mark) ? raw : unescapeText(raw, m.delimiters);
}

/** Parts of `raw` between a delimiter; one part where the delimiter is not used. */
export function split(raw: string, delimiter: string): string[] {
  return delimiter === '' || !raw.includes(delimiter) ? [raw] : raw.split(delimiter);
}

/** The components of a field or repetition, still escaped; `""` becomes empty. */
export function componentsOf(m: MapContext, raw: string): string[] {
  const parts = split(raw, m.delimiters.component);
  for (let i = 0; i < parts.length; i++) if (parts[i] === '""') parts[i] = '';
  return parts;
}

/** The first subcomponent of a component, without escapes. */
export function firstSub(m: MapContext, component: string | undefined): string {
  if (!component) return '';
  const at = m.delimiters.subcomponent === '' ? -1 : component.indexOf(m.delimiters.subcomponent);
  return plain(m, at < 0 ? component : component.slice(0, at));
}

/** All texts of a field in their order, joined by blanks: for displays, notes and fields that are kept as text. */
export function textOf(m: MapContext, raw: string): string {
  const { component, subcomponent } = m.delimiters;
  if (raw === '' || raw === '""') return '';
  if (!hasDelimiter(m, raw)) return plain(m, raw).trim();
  const texts: string[] = [];
  for (const part of split(raw, component))
    for (const sub of split(part, subcomponent)) {
      const text = sub === '' || sub === '""' ? '' : plain(m, sub).trim();
      if (text !== '') texts.push(text);
    }
  return texts.join(' ');
}

/**
 * The text of a ST, TX or FT: it has no components, so a delimiter that its sender did not escape is a character of the text. Blanks at
 * the beginning stay: reports are set with them.
 */
export function literal(m: MapContext, raw: string): string {
  return raw === '""' ? '' : plain(m, raw).trimEnd();
}

function hasDelimiter(m: MapContext, raw: string): boolean {
  const { component, subcomponent } = m.delimiters;
  return (component !== '' && raw.includes(component)) || (subcomponent !== '' && raw.includes(subcomponent));
}

/** True when a raw text says something: not only delimiters, blanks and nulls. */
export function isPopulated(m: MapContext, raw: string): boolean {
  if (raw === '' || raw === '""') return false;
  const { component, repetition, subcomponent } = m.delimiters;
  const first = raw.charCodeAt(0);
  // Nearly every field begins with a letter or a digit.
  if ((first >= 48 && first <= 57) || (first >= 65 && first <= 90) || (first >= 97 && first <= 122)) return true;
  for (let i = 0; i < raw.length; i++) {
    const c = raw[i]!;
    if (c !== component && c !== repetition && c !== subcomponent && c !== ' ' && c !== '"') return true;
  }
  return false;
}

/** Tells a fault; patient data never goes in. Bounded. */
export function tell(m: MapContext, code: Fault['code'], place: string, detail?: string): void {
  if (m.faults.length >= faultsMax) return;
  m.faults.push(detail === undefined ? { code, place } : { code, place, detail });
}

/** One segment under the map's hand. */
export class SegmentReader {
  readonly m: MapContext;
  readonly segment: Segment;
  /** `OBX[3]` */
  readonly place: string;
  /** Text that found no element, to be hung on the resource of this segment. */
  readonly kept: Extension[] = [];
  private readonly further = new Set<number>();
  private low = 0;
  private middle = 0;
  private high = 0;

  constructor(m: MapContext, segment: Segment, nth: number) {
    this.m = m;
    this.segment = segment;
    this.place = `${segment.name}[${nth}]`;
  }

  /** Marks field `n` as read without reading it: it steers the map or says nothing of its own (set ids). */
  touch(...fields: number[]): void {
    for (const n of fields) this.mark(n);
  }

  private mark(n: number): void {
    if (n < 31) this.low |= 1 << n;
    else if (n < 62) this.middle |= 1 << (n - 31);
    else if (n < 93) this.high |= 1 << (n - 62);
  }

  isTouched(n: number): boolean {
    if (n < 31) return (this.low & (1 << n)) !== 0;
    if (n < 62) return (this.middle & (1 << (n - 31))) !== 0;
    return n < 93 && (this.high & (1 << (n - 62))) !== 0;
  }

  /** Field `n` as sent, '' where absent or null. */
  raw(n: number): string {
    this.mark(n);
    const text = this.segment.fields[n];
    return text === undefined || text === '""' ? '' : text;
  }

  /** Has the sender emptied field `n` explicitly (`""`)? */
  isNull(n: number): boolean {
    return this.segment.fields[n] === '""';
  }

  /** Is there anything in field `n`? Reads nothing. */
  has(n: number): boolean {
    const text = this.segment.fields[n];
    return text !== undefined && text !== '' && isPopulated(this.m, text);
  }

  /** The whole field as plain text. */
  text(n: number): string {
    const raw = this.raw(n);
    return raw === '' ? '' : textOf(this.m, raw);
  }

  /** The first component of the first repetition, plain: for ID, IS, NM and coded fields that steer. */
  code(n: number): string {
    const raw = this.raw(n);
    if (raw === '') return '';
    return firstSub(this.m, split(split(raw, this.m.delimiters.repetition)[0]!, this.m.delimiters.component)[0]).trim();
  }

  /** The repetitions of a field that say something. */
  repetitions(n: number): string[] {
    const raw = this.raw(n);
    if (raw === '') return [];
    const { repetition } = this.m.delimiters;
    if (repetition === '' || !raw.includes(repetition)) return isPopulated(this.m, raw) ? [raw] : [];
    return raw.split(repetition).filter((part) => isPopulated(this.m, part));
  }

  /** The first repetition, or ''. Further ones are kept as text, once. */
  first(n: number): string {
    const all = this.repetitions(n);
    if (all.length > 1 && !this.further.has(n)) {
      this.further.add(n);
      const rest = all.slice(1).map((part) => textOf(this.m, part));
      this.keepText(n, rest.join('; '));
    }
    return all[0] ?? '';
  }

  /** Keeps fields that FHIR R4 has no element for as extensions of this segment's resource. */
  keep(...fields: number[]): void {
    for (const n of fields)
      if (this.has(n))
        this.keepText(
          n,
          this.repetitions(n)
            .map((part) => textOf(this.m, part))
            .join('; '),
        );
  }

  /** {@link keep} for every field of a range that nobody has read. */
  keepRest(from: number, to: number): void {
    const end = Math.min(to, this.segment.fields.length - 1);
    for (let n = from; n <= end; n++) if (this.segment.fields[n] !== '' && !this.isTouched(n)) this.keep(n);
  }

  keepText(n: number, text: string): void {
    this.mark(n);
    if (text !== '') this.kept.push(keptAs(`${this.segment.name}-${n}`, text));
  }

  /** Counts what was read and lists what was not. */
  finish(notCarried: string[]): number {
    const { fields, name } = this.segment;
    let carried = 0;
    for (let n = 1; n < fields.length; n++) {
      if (!this.has(n)) continue;
      if (this.isTouched(n)) carried++;
      else notCarried.push(`${name}-${n}`);
    }
    return carried;
  }
}
