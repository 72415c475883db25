/** Escape sequences in text (HL7 v2.8.2 chapter 2.7). */
import type { Delimiters } from '../../schemas/hl7v2/message.ts';
import { decodeBytes } from './charset.ts';

/** Blank lines or blanks that one formatting command may ask for. */
const spacesMax = 200;
/** Longest escape sequence that is looked for; hexadecimal data may be long. */
const sequenceMax = 65_536;

/**
 * The text that an escaped text stands for.
 *
 * `\.br\` and `\.sp\` give line feeds, `\.in\`, `\.ti\` and `\.sk\` blanks; highlighting and switches of character sets give nothing; `\X..\` is
 * read in `charset` (an iconv-lite name; without it as UTF-8 where the bytes are that, else as windows-1252). Local (`\Z..\`) and unknown
 * sequences and a lone escape character stay as they are.
 */
export function unescapeText(raw: string, delimiters: Delimiters, charset?: string): string {
  const mark = delimiters.escape;
  if (mark === '') return raw;
  let at = raw.indexOf(mark);
  if (at === -1) return raw;
  let text = '';
  let done = 0;
  let bytes: number[] = [];
  let kanji = false;
  const flush = (): void => {
    if (bytes.length > 0) text += decodeBytes(Buffer.from(bytes), charset);
    bytes = [];
  };
  const take = (literal: string): void => {
    if (literal === '') return;
    flush();
    text += kanji ? decodeKanji(literal) : literal;
  };
  while (at !== -1) {
    const end = raw.indexOf(mark, at + 1);
    if (end === -1) break;
    const body = end - at > sequenceMax ? '' : raw.slice(at + 1, end);
    const hex = hexOf(body);
    const meaning = hex === undefined ? meaningOf(body, delimiters) : '';
    if (meaning === undefined) {
      // Not a sequence: the mark character stands for itself, and the next one may begin a real sequence.
      take(raw.slice(done, end));
      done = end;
      at = end;
      continue;
    }
    take(raw.slice(done, at));
    if (hex !== undefined) bytes.push(...hex);
    else if (body[0] === 'M') kanji = body === 'M2442' || body === 'M2440';
    else if (body[0] === 'C') kanji = false;
    else if (meaning !== '') {
      flush();
      text += meaning;
    }
    done = end + 1;
    at = raw.indexOf(mark, done);
  }
  take(raw.slice(done));
  flush();
  return text;
}

/** What one sequence (without its escape characters) stands for; `undefined` when it is none that we know. */
export function meaningOf(body: string, delimiters: Delimiters): string | undefined {
  switch (body) {
    case 'F':
      return delimiters.field;
    case 'S':
      return delimiters.component || undefined;
    case 'T':
      return delimiters.subcomponent || undefined;
    case 'R':
      return delimiters.repetition || undefined;
    case 'E':
      return delimiters.escape;
    case 'P':
      return delimiters.truncation || '#';
    case 'H':
    case 'N':
      return '';
  }
  if (body[0] === '.') return formatOf(body);
  if (/^C[0-9A-Fa-f]{4}$/.test(body) || /^M[0-9A-Fa-f]{4}(?:[0-9A-Fa-f]{2})?$/.test(body)) return '';
  return undefined;
}

/** Formatting commands of FT (chapter 2.7.2). */
function formatOf(body: string): string | undefined {
  const match = /^\.(br|sp|in|ti|sk|ce|fi|nf)\s*([+-]?\d{1,5})?$/i.exec(body);
  if (match === null) return undefined;
  const command = match[1]!.toLowerCase();
  const count = Math.min(Math.abs(Number(match[2] ?? (command === 'sk' || command === 'sp' ? 1 : 0))), spacesMax);
  if (command === 'br' || command === 'ce') return '\n';
  if (command === 'sp') return '\n'.repeat(Math.max(count, 1));
  if (command === 'fi' || command === 'nf' || command === 'in') return '';
  return ' '.repeat(count);
}

/** The bytes of `X..`; `undefined` for what is no hexadecimal data. */
export function hexOf(body: string): number[] | undefined {
  if (body[0] !== 'X' || body.length < 3 || body.length % 2 === 0) return undefined;
  if (!/^X[0-9A-Fa-f]+$/.test(body)) return undefined;
  const bytes: number[] = [];
  for (let at = 1; at < body.length; at += 2) bytes.push(Number.parseInt(body.slice(at, at + 2), 16));
  return bytes;
}

/** Two-byte characters of JIS X 0208 that stand as printable ASCII pairs between `\M2442\` and `\C2842\`. */
export function decodeKanji(pairs: string): string {
  if (pairs.length % 2 !== 0 || !/^[\x21-\x7e]+$/.test(pairs)) return pairs;
  const bytes = Buffer.from(pairs, 'latin1');
  for (let at = 0; at < bytes.length; at += 1) bytes[at] = bytes[at]! | 0x80;
  return decodeBytes(bytes, 'euc-jp');
}

/**
 * The escaped form of a text: every delimiter of the message becomes its sequence, a line end `\.br\`, another control character
 * `\X..\`. Where the message has no escape character, delimiters and control characters become blanks: they can not be sent.
 */
export function escapeText(text: string, delimiters: Delimiters): string {
  if (text === '""') return delimiters.escape === '' ? '" "' : `${delimiters.escape}X2222${delimiters.escape}`;
  let out = '';
  let done = 0;
  for (let at = 0; at < text.length; at += 1) {
    const code = text.charCodeAt(at);
    if (code >= 32 && code !== 127 && !isDelimiter(text[at]!, delimiters)) continue;
    out += text.slice(done, at) + sequenceFor(text[at]!, code, delimiters);
    if (code === 13 && text.charCodeAt(at + 1) === 10) at += 1;
    done = at + 1;
  }
  return done === 0 ? text : out + text.slice(done);
}

function isDelimiter(character: string, delimiters: Delimiters): boolean {
  return (
    character === delimiters.field ||
    character === delimiters.component ||
    character === delimiters.subcomponent ||
    character === delimiters.repetition ||
    character === delimiters.escape ||
    character === delimiters.truncation
  );
}

function sequenceFor(character: string, code: number, delimiters: Delimiters): string {
  const mark = delimiters.escape;
  if (mark === '') return ' ';
  if (character === delimiters.field) return `${mark}F${mark}`;
  if (character === delimiters.component) return `${mark}S${mark}`;
  if (character === delimiters.subcomponent) return `${mark}T${mark}`;
  if (character === delimiters.repetition) return `${mark}R${mark}`;
  if (character === mark) return `${mark}E${mark}`;
  if (character === delimiters.truncation) return `${mark}P${mark}`;
  if (code === 10 || code === 13) return `${mark}.br${mark}`;
  return `${mark}X${code.toString(16).toUpperCase().padStart(2, '0')}${mark}`;
}
