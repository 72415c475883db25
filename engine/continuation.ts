/**
 * Where answers go on: the rest of a search, kept for who asked, for a while, in this process only. What is not there any more is said to be so, and is
 * asked anew. Nothing runs by itself: each call lets those go whose time is over.
 */
import { randomBytes } from 'node:crypto';
import { MixError } from '../schemas/errors/index.ts';
import type { Clock } from '../schemas/parts.ts';

export interface Continuations<T> {
  /** Keeps the rest of an answer; gives the pointer to it (32 characters). `tag` names the query of this asker, for {@link Continuations.cancel}. */
  keep(of: { asker: string; tag: string }, rest: T): string;
  /** What a pointer leads to; it is used up. Throws `pdq.continuation` for one that is not (any longer) this asker's. */
  take(asker: string, pointer: string, place: string): T;
  /** Forgets what is kept of a query. */
  cancel(asker: string, tag: string): void;
  readonly size: number;
}

interface Kept<T> {
  asker: string;
  tag: string;
  until: number;
  rest: T;
}

/** Holds at most `max` of them for at most `keptMs` each; the oldest go first. */
export function createContinuations<T>(clock: Clock, limits: { max: number; keptMs: number }): Continuations<T> {
  /** Oldest first. */
  const kept = new Map<string, Kept<T>>();

  function letGo(room: number): void {
    const now = clock.now();
    for (const [pointer, one] of kept) {
      if (one.until > now && kept.size <= limits.max - room) return;
      kept.delete(pointer);
    }
  }

  return {
    keep({ asker, tag }, rest) {
      letGo(1);
      const pointer = randomBytes(16).toString('hex');
      kept.set(pointer, { asker, tag, until: clock.now() + limits.keptMs, rest });
      return pointer;
    },
    take(asker, pointer, place) {
      letGo(0);
      const one = kept.get(pointer);
      if (one === undefined || one.asker !== asker || one.until <= clock.now())
        throw new MixError('pdq.continuation', { place });
      kept.delete(pointer);
      return one.rest;
    },
    cancel(asker, tag) {
      for (const [pointer, one] of kept) if (one.asker === asker && one.tag === tag) kept.delete(pointer);
    },
    get size() {
      return kept.size;
    },
  };
}
