/** How ids and bodies look in the database. */
import { constants, zstdCompressSync, zstdDecompressSync } from 'node:zlib';
import { MixError } from '../../schemas/errors/index.ts';
import { packedMax, packShort, unpackShort } from './pack.ts';

/** Value of each hexadecimal digit in lower case by its character; 16 for every other character. */
const digits = new Uint8Array(128).fill(16);
for (let value = 0; value < 16; value++) digits['0123456789abcdef'.charCodeAt(value)] = value;

/** The 16 bytes of a UUID in lower case; undefined for any other text. Ids are most of what a row is made of, so this is done by hand. */
function uuidBytes(id: string): Buffer | undefined {
  if (id.length !== 36) return undefined;
  const bytes = Buffer.allocUnsafe(16);
  let at = 0;
  for (let i = 0; i < 36; i += 2) {
    if (i === 8 || i === 13 || i === 18 || i === 23) {
      if (id.charCodeAt(i) !== 0x2d) return undefined;
      i++;
    }
    const high = digits[id.charCodeAt(i)] ?? 16;
    const low = digits[id.charCodeAt(i + 1)] ?? 16;
    if (high > 15 || low > 15) return undefined;
    bytes[at++] = (high << 4) | low;
  }
  return bytes;
}

/**
 * An id as a compact key: 16 bytes for a UUID in lower case; other texts as UTF-8 behind a zero byte
 * (two where the length would be 16, so that both kinds never meet).
 */
export function idToKey(id: string): Buffer {
  const uuid = uuidBytes(id);
  if (uuid) return uuid;
  const text = Buffer.from(id);
  const key = Buffer.alloc(text.length === 15 ? 17 : text.length + 1);
  text.copy(key, key.length - text.length);
  return key;
}

/** The id of {@link idToKey}. */
export function keyToId(key: Buffer): string {
  if (key.length !== 16) return key.toString('utf8', key.length === 17 && key[1] === 0 ? 2 : 1);
  const hex = key.toString('hex');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}

/** Shorter ones stand as they are. */
const packFrom = 96;
/** What one row may open to; bounds a forged or damaged body. */
const bodyBytesMax = 64 * 1024 * 1024;
const plainMark = 0;
const zstdMark = 1;
/** Packed against the first dictionary. */
const shortMark = 2;
const level = { params: { [constants.ZSTD_c_compressionLevel]: 1 } };

/** A body before it is sealed: a mark, then the bytes, compressed when they are many. */
export function packBody(parts: readonly Buffer[]): Buffer {
  let length = 0;
  for (const part of parts) length += part.length;
  if (length < packFrom) return Buffer.concat([Buffer.of(plainMark), ...parts], length + 1);
  if (length <= packedMax) {
    const packed = packShort(parts.length === 1 ? parts[0]! : Buffer.concat(parts, length));
    return Buffer.concat([Buffer.of(shortMark), packed], packed.length + 1);
  }
  return Buffer.concat([Buffer.of(zstdMark), zstdCompressSync(Buffer.concat(parts, length), level)]);
}

/** The bytes of {@link packBody}. */
export function unpackBody(packed: Buffer): Buffer {
  if (packed[0] === plainMark) return packed.subarray(1);
  if (packed[0] === shortMark) return unpackShort(packed.subarray(1));
  if (packed[0] !== zstdMark) throw new MixError('seal.broken', { detail: 'unknown body' });
  return zstdDecompressSync(packed.subarray(1), { maxOutputLength: bodyBytesMax });
}

/** Joins pieces with their lengths before them, so that they can be taken apart again. */
export function joinPieces(pieces: readonly Buffer[]): Buffer[] {
  const lengths = Buffer.allocUnsafe(pieces.length * 4);
  for (let i = 0; i < pieces.length; i++) lengths.writeUInt32BE(pieces[i]!.length, i * 4);
  return [lengths, ...pieces];
}

/** The pieces of {@link joinPieces}; `count` as given there. */
export function splitPieces(joined: Buffer, count: number): Buffer[] {
  const pieces: Buffer[] = [];
  let at = count * 4;
  for (let i = 0; i < count; i++) {
    const end = at + joined.readUInt32BE(i * 4);
    if (end > joined.length) throw new MixError('seal.broken', { detail: 'lengths do not fit' });
    pieces.push(joined.subarray(at, end));
    at = end;
  }
  return pieces;
}

const dayLength = 86_400_000;

/** Whole days since 1970-01-01; what a row keeps to name its day key. */
export function dayOf(at: number): number {
  return Math.floor(at / dayLength);
}

let lastDay = Number.NaN;
let lastDayKey = '';

/** `day/2026-11-23` for a day number. */
export function dayKey(day: number): string {
  if (day !== lastDay) {
    lastDayKey = `day/${new Date(day * dayLength).toISOString().slice(0, 10)}`;
    lastDay = day;
  }
  return lastDayKey;
}

export function personKey(id: string): string {
  return `person/${id}`;
}
