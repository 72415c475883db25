/** Changing a message. Every function gives a new message; what did not change is shared with the old one. */
import { MixError } from '../../schemas/errors/index.ts';
import type { Delimiters, Message, Segment } from '../../schemas/hl7v2/message.ts';
import { escapeText } from './escape.ts';
import { typeOf } from './parse.ts';
import { readPath } from './read.ts';

/** Highest position that a setter fills up to. */
const positionsMax = 1000;

/** The message with these segments in place of its own: indexes and offsets are counted anew, and type and version read again. */
export function withSegments(message: Message, segments: readonly { fields: string[]; ending?: string }[]): Message {
  const { field } = message.delimiters;
  let offset = message.lead.length;
  const placed = segments.map((segment, index): Segment => {
    const fields = segment.fields;
    const name = /^[A-Z][A-Z0-9]{2}$/.test(fields[0] ?? '') ? fields[0]! : '';
    const ending = segment.ending || '\r';
    const at = offset;
    // MSH-1 stands in `fields` and is the separator too, so the sum above has it three times instead of once.
    offset += fields.reduce((sum, text) => sum + text.length, 0) + (fields.length - 1) * field.length + ending.length;
    if (name === 'MSH' && fields[1] === field) offset -= 2 * field.length;
    return { name, fields, index, offset: at, ending };
  });
  return withHeader(message, placed);
}

function withHeader(message: Message, segments: Segment[]): Message {
  const msh = segments[0];
  const type = msh === undefined ? { code: '', trigger: '' } : typeOf(msh, message.delimiters, segments[1]);
  const version = (msh?.fields[12] ?? '').split(message.delimiters.component || '\u0000')[0] ?? '';
  return { ...message, segments, code: type.code, trigger: type.trigger, version: version.trim() };
}

/** Sets the raw (already escaped) text at a path; the segment must be there. Throws `hl7v2.required-segment` where it is not. */
function setRaw(message: Message, path: string, raw: string): Message {
  const place = readPath(path);
  if (
    place?.field === undefined ||
    place.field < 1 ||
    Math.max(place.field, place.repetition ?? 1, place.component ?? 1, place.subcomponent ?? 1) > positionsMax
  ) {
    throw new MixError('hl7v2.internal', { place: path, detail: 'no path of a field' });
  }
  let seen = 0;
  const at = message.segments.findIndex((segment) => {
    if (segment.name !== place.segment) return false;
    seen += 1;
    return seen === (place.occurrence ?? 1);
  });
  const old = message.segments[at];
  if (old === undefined) throw new MixError('hl7v2.required-segment', { place: path });
  const fields = old.fields.slice();
  while (fields.length <= place.field) fields.push('');
  fields[place.field] = setWithin(fields[place.field]!, place, message.delimiters, raw);
  return withSegments(
    message,
    message.segments.map((segment, index) => (index === at ? { ...segment, fields } : segment)),
  );
}

interface Depth {
  repetition?: number;
  component?: number;
  subcomponent?: number;
}

function setWithin(field: string, place: Depth, delimiters: Delimiters, raw: string): string {
  if (place.repetition === undefined && place.component === undefined) return raw;
  return replacePart(field, place.repetition ?? 1, delimiters.repetition, (repetition) =>
    place.component === undefined
      ? raw
      : replacePart(repetition, place.component, delimiters.component, (component) =>
          place.subcomponent === undefined
            ? raw
            : replacePart(component, place.subcomponent, delimiters.subcomponent, () => raw),
        ),
  );
}

function replacePart(text: string, n: number, delimiter: string, change: (part: string) => string): string {
  if (delimiter === '') {
    if (n !== 1) throw new MixError('hl7v2.encoding-characters', { place: 'MSH-2' });
    return change(text);
  }
  const parts = text.split(delimiter);
  while (parts.length < n) parts.push('');
  parts[n - 1] = change(parts[n - 1]!);
  return parts.join(delimiter);
}

/** Sets a plain text at a path, escaped; `null` writes `""`, `undefined` empties. The segment must be there. */
export function setValue(message: Message, path: string, value: string | null | undefined): Message {
  return setRaw(message, path, rawFor(value, message.delimiters));
}

/** The raw form of a value: escaped text, `""` for `null`, `''` for `undefined`. */
export function rawFor(value: string | null | undefined, delimiters: Delimiters): string {
  if (value === undefined) return '';
  return value === null ? '""' : escapeText(value, delimiters);
}
