/**
 * Packs short bodies against a fixed dictionary, in the LZ4 block format (lz4_Block_format.md of the LZ4 project) with the dictionary as prefix.
 * A compressor of Node's own costs 50 microseconds a call, whatever the length, which is more than the sealing of the row; this takes a tenth of it.
 */
import { MixError } from '../../schemas/errors/index.ts';
import { bodyDictionary } from './dictionary.ts';

/** Longest body that is packed so: with the dictionary all distances fit into 16 bits. */
export const packedMax = 32 * 1024;

const matchMin = 4;
/** The format's end rules: the last match begins 12 bytes before the end or earlier, the last 5 bytes are literals. */
const matchEndMargin = 12;
const literalsLast = 5;
const hashBits = 14;

const dictionary = Buffer.from(bodyDictionary, 'latin1');
const start = dictionary.length;
/** The dictionary, then the body at hand. */
const work = Buffer.alloc(start + packedMax);
const out = Buffer.alloc(packedMax + packedMax / 255 + 64);
/** Where four bytes were last seen. */
const table = new Uint16Array(1 << hashBits);
const dictionaryTable = new Uint16Array(1 << hashBits);
/** Slots that a body wrote: put back after it, since copying the whole table costs more than a short body itself. */
const touched = new Uint16Array(packedMax);

dictionary.copy(work);
for (let at = 0; at + matchMin <= start; at++) dictionaryTable[hashAt(at)] = at;
table.set(dictionaryTable);

function wordAt(at: number): number {
  return work[at]! | (work[at + 1]! << 8) | (work[at + 2]! << 16) | (work[at + 3]! << 24);
}

function hashAt(at: number): number {
  return Math.imul(wordAt(at), 0x9e3779b1) >>> (32 - hashBits);
}

/** `bytes` packed, behind their length as 16 bits. At most {@link packedMax} bytes. */
export function packShort(bytes: Buffer): Buffer {
  bytes.copy(work, start);
  let touches = 0;
  const end = start + bytes.length;
  const lastMatch = end - matchEndMargin;
  let to = 2;
  let literal = start;
  let at = start;
  let misses = 0;
  while (at <= lastMatch) {
    const hash = hashAt(at);
    const seen = table[hash]!;
    table[hash] = at;
    touched[touches++] = hash;
    if (seen >= at || wordAt(seen) !== wordAt(at)) {
      // Ever longer steps through what does not repeat.
      at += 1 + (misses++ >> 5);
      continue;
    }
    misses = 0;
    const limit = end - literalsLast;
    let length = matchMin;
    while (at + length < limit && work[seen + length] === work[at + length]) length++;
    to = writeLiterals(to, literal, at, length - matchMin);
    out[to++] = (at - seen) & 255;
    out[to++] = (at - seen) >>> 8;
    if (length - matchMin >= 15) to = writeLength(to, length - matchMin - 15);
    at += length;
    literal = at;
  }
  for (let i = 0; i < touches; i++) table[touched[i]!] = dictionaryTable[touched[i]!]!;
  to = writeLiterals(to, literal, end, 0);
  out.writeUInt16BE(bytes.length, 0);
  return Buffer.from(out.subarray(0, to));
}

/** A sequence's token, and its literals behind their length. */
function writeLiterals(to: number, from: number, end: number, matched: number): number {
  const literals = end - from;
  let at = to;
  out[at++] = (Math.min(literals, 15) << 4) | Math.min(matched, 15);
  if (literals >= 15) at = writeLength(at, literals - 15);
  for (let i = from; i < end; i++) out[at++] = work[i]!;
  return at;
}

function writeLength(to: number, length: number): number {
  let at = to;
  let left = length;
  for (; left >= 255; left -= 255) out[at++] = 255;
  out[at++] = left;
  return at;
}

/** The bytes of {@link packShort}. Throws `seal.broken` for anything else. */
export function unpackShort(packed: Buffer): Buffer {
  const length = packed.length < 3 ? 0 : packed.readUInt16BE(0);
  if (packed.length < 3 || length > packedMax) throw broken();
  const bytes = Buffer.allocUnsafe(length);
  let from = 2;
  let to = 0;
  const lengthAt = (short: number): number => {
    let sum = short;
    if (short < 15) return sum;
    for (;;) {
      if (from >= packed.length) throw broken();
      const more = packed[from++]!;
      sum += more;
      if (more < 255) return sum;
    }
  };
  while (from < packed.length) {
    const token = packed[from++]!;
    const literals = lengthAt(token >>> 4);
    if (from + literals > packed.length || to + literals > length) throw broken();
    for (let i = 0; i < literals; i++) bytes[to++] = packed[from++]!;
    if (from === packed.length) break;
    if (from + 2 > packed.length) throw broken();
    const distance = packed[from]! | (packed[from + 1]! << 8);
    from += 2;
    const matched = lengthAt(token & 15) + matchMin;
    let source = to - distance;
    if (distance === 0 || source < -start || to + matched > length) throw broken();
    for (let i = 0; i < matched; i++, source++) bytes[to++] = source < 0 ? dictionary[start + source]! : bytes[source]!;
  }
  if (to !== length) throw broken();
  return bytes;
}

function broken(): MixError {
  return new MixError('seal.broken', { detail: 'a packed body does not open' });
}
