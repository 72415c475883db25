/**
 * Text of one message <-> segments and fields (HL7 v2.8.2 chapter 2.5 and 2.6).
 *
 * Only segments and fields are split here; repetitions, components and subcomponents stay text until somebody asks
 * (`read.ts`), because most of a message is never looked at more deeply and most fields have no further delimiter.
 */
import type { Fault } from '../../schemas/errors/index.ts';
import type { Delimiters, Message, Segment } from '../../schemas/hl7v2/message.ts';
import { readDelimiters } from './delimiters.ts';

/** Segments that one message may have. A lab's largest real results stay under a few thousand. */
export const segmentsMax = 50_000;
/** Faults that are told of one message; what comes after is no news. */
const faultsMax = 100;

const cr = 13;
const lf = 10;

/** Is this character one that may stand before MSH or alone on a line without meaning (line ends, blanks, VT, FS, byte order mark)? */
function isFiller(code: number): boolean {
  return code === cr || code === lf || code === 32 || code === 9 || code === 11 || code === 28 || code === 0xfeff;
}

/** Three characters, a capital first (chapter 2.5.1). */
export function isSegmentName(name: string): boolean {
  if (name.length !== 3) return false;
  for (let at = 0; at < 3; at += 1) {
    const code = name.charCodeAt(at);
    const capital = code >= 65 && code <= 90;
    const digit = code >= 48 && code <= 57;
    if (!(capital || (at > 0 && digit))) return false;
  }
  return true;
}

/**
 * Splits the text of one message into segments and fields. Never throws; `writeMessage` gives the same text back.
 *
 * Segment ends may be CR, LF or CRLF, mixed; blank lines belong to the ending before them. `message` is absent only when there
 * is no MSH or its encoding characters are unusable, or when there are too many segments; then `faults` says so. A line that has no
 * segment name stays a segment with the name `''`.
 */
export function parseMessage(text: string): { message?: Message; faults: Fault[] } {
  const length = text.length;
  let start = 0;
  while (start < length && isFiller(text.charCodeAt(start))) start += 1;
  if (!text.startsWith('MSH', start)) return { faults: [{ code: 'hl7v2.no-header', place: 'MSH' }] };
  const header = readHeader(text, start);
  if (header.delimiters === undefined) return { faults: header.faults };

  const faults = header.faults;
  const segments: Segment[] = [];
  const split = splitSegments(text, start, header.delimiters, segments, faults);
  if (!split)
    return {
      faults: [
        { code: 'hl7v2.too-many-segments', place: `segment ${segmentsMax + 1}`, detail: `more than ${segmentsMax}` },
      ],
    };

  const msh = segments[0]!;
  const type = typeOf(msh, header.delimiters, segments[1]);
  return {
    message: {
      delimiters: header.delimiters,
      segments,
      lead: start === 0 ? '' : text.slice(0, start),
      code: type.code,
      trigger: type.trigger,
      version: firstComponent(msh.fields[12] ?? '', header.delimiters),
    },
    faults,
  };
}

/** MSH-1 and MSH-2 of a message that begins at `start`. */
export function readHeader(text: string, start: number): { delimiters?: Delimiters; faults: Fault[] } {
  const separator = text.charAt(start + 3);
  let end = start + 4;
  while (end < text.length && end - start < 12) {
    const code = text.charCodeAt(end);
    if (code === cr || code === lf || text[end] === separator) break;
    end += 1;
  }
  return readDelimiters(separator, text.slice(start + 4, end));
}

function splitSegments(
  text: string,
  from: number,
  delimiters: Delimiters,
  segments: Segment[],
  faults: Fault[],
): boolean {
  const length = text.length;
  const separator = delimiters.field;
  let start = from;
  let nextCr = text.indexOf('\r', start);
  let nextLf = text.indexOf('\n', start);
  while (start < length) {
    if (segments.length >= segmentsMax) return false;
    if (nextCr !== -1 && nextCr < start) nextCr = text.indexOf('\r', start);
    if (nextLf !== -1 && nextLf < start) nextLf = text.indexOf('\n', start);
    let end = nextCr === -1 ? nextLf : nextLf === -1 ? nextCr : Math.min(nextCr, nextLf);
    if (end === -1) end = length;
    // An end of frame that was kept with the message is no part of its last field.
    if (end > start && text.charCodeAt(end - 1) === 28) end -= 1;
    let next = end;
    while (next < length && isLineEnd(text, next)) next += 1;
    const line = text.slice(start, end);
    const fields = line.split(separator);
    const head = fields[0]!;
    const named = head.length === 3 && isSegmentName(head);
    // MSH-1 is the separator itself, so the fields of MSH are numbered one higher than the split gives them.
    if (segments.length === 0) fields.splice(1, 0, separator);
    else if (!named && faults.length < faultsMax) {
      faults.push({ code: 'hl7v2.segment-name', place: `segment ${segments.length + 1}` });
    }
    segments.push({
      name: named ? head : '',
      fields,
      index: segments.length,
      offset: start,
      ending: text.slice(end, next),
    });
    start = next;
  }
  return true;
}

/** Is this position part of what ends a segment: a line end, an end of frame, or blanks of a line that holds nothing else? */
function isLineEnd(text: string, at: number): boolean {
  const code = text.charCodeAt(at);
  if (code === cr || code === lf || code === 28) return true;
  if (code !== 32 && code !== 9 && code !== 11) return false;
  let look = at + 1;
  const limit = Math.min(text.length, at + 200);
  while (look < limit) {
    const ahead = text.charCodeAt(look);
    if (ahead === cr || ahead === lf || ahead === 28) return true;
    if (ahead !== 32 && ahead !== 9 && ahead !== 11) return false;
    look += 1;
  }
  return look === text.length;
}

function firstComponent(field: string, delimiters: Delimiters): string {
  const { component, repetition } = delimiters;
  let end = field.length;
  if (component !== '') {
    const at = field.indexOf(component);
    if (at !== -1) end = at;
  }
  if (repetition !== '') {
    const at = field.indexOf(repetition);
    if (at !== -1 && at < end) end = at;
  }
  return (end === field.length ? field : field.slice(0, end)).trim();
}

/** Code and trigger event from MSH-9; where MSH-9 names no event, EVN-1 does (versions before 2.2, chapter 3). */
export function typeOf(msh: Segment, delimiters: Delimiters, second?: Segment): { code: string; trigger: string } {
  const field = msh.fields[9] ?? '';
  const code = firstComponent(field, delimiters);
  const rest = delimiters.component === '' ? -1 : field.indexOf(delimiters.component);
  let trigger = rest === -1 ? '' : firstComponent(field.slice(rest + 1), delimiters);
  if (trigger === '' && code !== 'ACK' && second?.name === 'EVN')
    trigger = firstComponent(second.fields[1] ?? '', delimiters);
  return { code, trigger };
}

/** The text of a message: exactly what `parseMessage` was given, but for what was changed since. */
export function writeMessage(message: Message): string {
  const separator = message.delimiters.field;
  let text = message.lead;
  for (const segment of message.segments) text += writeSegment(segment, separator) + segment.ending;
  return text;
}

/** The text of one segment without its ending. */
export function writeSegment(segment: Segment, separator: string): string {
  if (segment.name !== 'MSH' || segment.fields[1] !== separator) return segment.fields.join(separator);
  // A header that ends right after its separator has an empty MSH-2; joining the tail gives the separator back once.
  return segment.fields[0] + separator + segment.fields.slice(2).join(separator);
}
