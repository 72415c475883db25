/**
 * A strict reader of DER (ITU-T X.690 10 and 11): definite, shortest lengths, shortest integers, one whole value. It walks only where it is asked to,
 * so depth is that of the structure looked for, never that of the input. Node-forge's reader takes BER in places and is used for writing only.
 */
import { MixError } from '../../schemas/errors/index.ts';

/** Universal tags, with the constructed bit where DER wants it. */
export const TAG = {
  boolean: 0x01,
  integer: 0x02,
  bitString: 0x03,
  octetString: 0x04,
  nothing: 0x05,
  oid: 0x06,
  enumerated: 0x0a,
  utf8: 0x0c,
  utcTime: 0x17,
  generalizedTime: 0x18,
  sequence: 0x30,
  set: 0x31,
} as const;

/** One value: its tag byte, its content, and all of it as it came. */
export interface Der {
  tag: number;
  content: Buffer;
  bytes: Buffer;
}

/** Most values in one structure: entries of a revocation list are the many. */
const CHILDREN_MAX = 300_000;
const OID_BYTES_MAX = 64;

export function malformed(detail: string): MixError {
  return new MixError('certificate.malformed', { detail });
}

/** The value that begins at `at`. Throws `certificate.malformed`. */
function valueAt(bytes: Buffer, at: number): Der {
  const tag = bytes[at];
  const first = bytes[at + 1];
  if (tag === undefined || first === undefined) throw malformed('DER is cut');
  if ((tag & 0x1f) === 0x1f) throw malformed('a long tag');
  let start = at + 2;
  let length = first;
  if (first >= 0x80) {
    const count = first & 0x7f;
    if (count === 0) throw malformed('an indefinite length');
    if (count > 4 || start + count > bytes.length) throw malformed('a length beyond the end');
    length = bytes.readUIntBE(start, count);
    if (length < 0x80 || bytes[start] === 0) throw malformed('a length that is not the shortest');
    start += count;
  }
  if (start + length > bytes.length) throw malformed('a length beyond the end');
  return { tag, content: bytes.subarray(start, start + length), bytes: bytes.subarray(at, start + length) };
}

/** Exactly one value. Throws `certificate.malformed` also for what follows it. */
export function readDer(bytes: Buffer): Der {
  const value = valueAt(bytes, 0);
  if (value.bytes.length !== bytes.length) throw malformed('bytes after the end');
  return value;
}

/** The values within a constructed one. */
export function itemsOf(value: Der): Der[] {
  if ((value.tag & 0x20) === 0) throw malformed('a structure was expected');
  const items: Der[] = [];
  for (let at = 0; at < value.content.length; ) {
    const item = valueAt(value.content, at);
    if (items.length >= CHILDREN_MAX) throw malformed('too many values');
    items.push(item);
    at += item.bytes.length;
  }
  return items;
}

/** The values of a SEQUENCE, taken one after the other. */
export class Fields {
  readonly #items: Der[];
  readonly #what: string;
  #at = 0;

  constructor(value: Der, what: string, tag: number = TAG.sequence) {
    if (value.tag !== tag) throw malformed(`${what}: another type was expected`);
    this.#items = itemsOf(value);
    this.#what = what;
  }

  /** The next value, which must have this tag. */
  next(tag: number): Der {
    const item = this.any();
    if (item.tag !== tag) throw malformed(`${this.#what}: another type was expected`);
    return item;
  }

  any(): Der {
    const item = this.#items[this.#at++];
    if (item === undefined) throw malformed(`${this.#what}: a value is missing`);
    return item;
  }

  /** The next value where it has this tag, else nothing. */
  maybe(tag: number): Der | undefined {
    return this.#items[this.#at]?.tag === tag ? this.#items[this.#at++] : undefined;
  }

  /** Nothing may be left. */
  end(): void {
    if (this.#at !== this.#items.length) throw malformed(`${this.#what}: a value too many`);
  }
}

/** Content of an INTEGER or ENUMERATED (by its tag), in the shortest form. */
export function integerOf(value: Der, tag: number = TAG.integer): Buffer {
  const { content } = value;
  if (value.tag !== tag || content.length === 0) throw malformed('an integer was expected');
  const second = content[1];
  if (second !== undefined && ((content[0] === 0 && second < 0x80) || (content[0] === 0xff && second >= 0x80)))
    throw malformed('an integer that is not the shortest');
  return content;
}

/** A small whole number; larger ones come back as the largest safe one, negative ones are refused. */
export function countOf(value: Der, tag: number = TAG.integer): number {
  const content = integerOf(value, tag);
  if (content[0]! >= 0x80) throw malformed('a negative number');
  return content.length > 6 ? Number.MAX_SAFE_INTEGER : content.readUIntBE(0, content.length);
}

export function booleanOf(value: Der): boolean {
  const [byte] = value.content;
  if (value.content.length !== 1 || (byte !== 0 && byte !== 0xff)) throw malformed('a boolean was expected');
  return byte === 0xff;
}

/** Bytes and the number of unused bits of a BIT STRING; unused bits must be zero (X.690 11.2.1). */
export function bitStringOf(value: Der): { bytes: Buffer; unused: number } {
  const unused = value.content[0];
  const bytes = value.content.subarray(1);
  if (unused === undefined || unused > 7 || (bytes.length === 0 && unused !== 0)) throw malformed('a bit string');
  if (unused > 0 && (bytes.at(-1)! & ((1 << unused) - 1)) !== 0) throw malformed('unused bits that are set');
  return { bytes, unused };
}

/** Numbers of the set bits of a named BIT STRING, which ends with a set bit (X.690 11.2.2). */
export function namedBitsOf(value: Der): Set<number> {
  const { bytes, unused } = bitStringOf(value);
  if (bytes.length > 0 && (bytes.at(-1)! & (1 << unused)) === 0) throw malformed('a bit list with zeros at its end');
  const set = new Set<number>();
  for (let bit = 0; bit < Math.min(bytes.length * 8, 64); bit++)
    if (bytes[bit >> 3]! & (0x80 >> (bit & 7))) set.add(bit);
  return set;
}

export function oidOf(value: Der): string {
  if (value.tag !== TAG.oid) throw malformed('an object identifier was expected');
  return readOid(value.content);
}

/** An object identifier from its content. */
export function readOid(content: Buffer): string {
  if (content.length === 0 || content.length > OID_BYTES_MAX || content.at(-1)! >= 0x80)
    throw malformed('an object identifier');
  // Arcs of more than seven bytes (those of UUIDs) want big numbers; all others are quicker without.
  const arcs: (number | bigint)[] = [];
  let from = 0;
  for (const [at, byte] of content.entries()) {
    if (at === from && byte === 0x80) throw malformed('an object identifier');
    if (byte >= 0x80) continue;
    arcs.push(arcOf(content.subarray(from, at + 1)));
    from = at + 1;
  }
  const head = arcs[0]!;
  if (typeof head === 'bigint') return ['2', head - 80n, ...arcs.slice(1)].join('.');
  const root = head < 40 ? 0 : head < 80 ? 1 : 2;
  return [root, head - root * 40, ...arcs.slice(1)].join('.');
}

function arcOf(bytes: Buffer): number | bigint {
  if (bytes.length > 7) return bytes.reduce((arc, byte) => (arc << 7n) | BigInt(byte & 0x7f), 0n);
  return bytes.reduce((arc, byte) => arc * 128 + (byte & 0x7f), 0);
}

export interface DerTime {
  /** ms since the epoch. */
  ms: number;
  /** GeneralizedTime for a year that UTCTime can say, against RFC 5280 4.1.2.5. */
  isWide: boolean;
}

/** UTCTime or GeneralizedTime in the one form that RFC 5280 4.1.2.5 allows: Zulu, with seconds, without fractions. */
export function timeOf(value: Der): DerTime {
  const isShort = value.tag === TAG.utcTime;
  if (!isShort && value.tag !== TAG.generalizedTime) throw malformed('a time was expected');
  const text = value.content.toString('latin1');
  const parts = (
    isShort ? /^(\d{2})(\d{2})(\d{2})(\d{2})(\d{2})(\d{2})Z$/ : /^(\d{4})(\d{2})(\d{2})(\d{2})(\d{2})(\d{2})Z$/
  ).exec(text);
  if (parts === null) throw malformed('a time');
  const [told = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0] = parts.slice(1).map(Number);
  const year = isShort ? told + (told < 50 ? 2000 : 1900) : told;
  const date = new Date(0);
  date.setUTCFullYear(year, month - 1, day);
  date.setUTCHours(hour, minute, second);
  const isReal =
    date.getUTCMonth() === month - 1 && date.getUTCDate() === day && hour < 24 && minute < 60 && second < 60;
  if (!isReal) throw malformed('a time');
  return { ms: date.getTime(), isWide: !isShort && year < 2050 };
}

/** Text of an IA5String, whatever its tag: ASCII without control characters. */
export function asciiOf(content: Buffer): string {
  for (const byte of content) if (byte < 0x20 || byte > 0x7e) throw malformed('a text beyond ASCII');
  return content.toString('latin1');
}
