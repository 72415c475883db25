/** Paging by the row's number, newest first. */
import { MixError } from '../../schemas/errors/index.ts';

/** Beyond it a count is told as this. */
export const countMax = 10_000;
const limitMax = 500;

/** The number before which a page begins. Errors: `store.cursor`. */
export function readCursor(cursor: string | undefined): number | undefined {
  if (cursor === undefined) return undefined;
  const seq = Number.parseInt(cursor, 36);
  if (!/^[0-9a-z]{1,11}$/.test(cursor) || !Number.isSafeInteger(seq)) throw new MixError('store.cursor');
  return seq;
}

export function writeCursor(seq: number): string {
  return seq.toString(36);
}

/** 1 to 500. Errors: `store.limit`. */
export function pageLimit(limit: number): number {
  if (!Number.isInteger(limit) || limit < 1 || limit > limitMax)
    throw new MixError('store.limit', { detail: `1 to ${limitMax}` });
  return limit;
}
