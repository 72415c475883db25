/** UUIDs of version 7 (RFC 9562 section 5.7): they sort by the time they were made. */
import { randomFillSync } from 'node:crypto';

const pool = Buffer.alloc(8192);
let used = pool.length;
let lastMs = 0;
let counter = 0;
const hex = Array.from({ length: 256 }, (_, n) => n.toString(16).padStart(2, '0'));

/**
 * A new UUIDv7. Ids of one process rise even within a millisecond: the 12 bits after the version are a counter that starts
 * anywhere in its lower half; when it is full the time runs one millisecond ahead.
 */
export function uuidv7(now: number = Date.now()): string {
  if (used + 10 > pool.length) {
    randomFillSync(pool);
    used = 0;
  }
  if (now > lastMs) {
    lastMs = now;
    counter = pool.readUInt16BE(used) & 0x7ff;
  } else if (++counter > 0xfff) {
    lastMs += 1;
    counter = pool.readUInt16BE(used) & 0x7ff;
  }
  used += 2;
  const high = Math.floor(lastMs / 0x10000);
  const low = lastMs % 0x10000;
  const time = `${hex[(high >>> 24) & 255]}${hex[(high >>> 16) & 255]}${hex[(high >>> 8) & 255]}${hex[high & 255]}-${hex[low >>> 8]}${hex[low & 255]}`;
  const p = pool;
  const at = used;
  used += 8;
  const tail = `${hex[(p[at]! & 0x3f) | 0x80]}${hex[p[at + 1]!]}-${hex[p[at + 2]!]}${hex[p[at + 3]!]}${hex[p[at + 4]!]}${hex[p[at + 5]!]}${hex[p[at + 6]!]}${hex[p[at + 7]!]}`;
  return `${time}-7${hex[counter >>> 8]![1]}${hex[counter & 255]}-${tail}`;
}
