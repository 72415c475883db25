/** How long to wait before something is tried again. */

export interface Pauses {
  /** First pause in ms; each next may be twice as long. */
  firstMs: number;
  /** Longest pause in ms. */
  longestMs: number;
}

/** Doublings beyond this many are past every longest pause. */
const DOUBLINGS_MAX = 40;

/**
 * Pause before the next try, in ms: anywhere between nothing and `firstMs * 2^attempts`, at most `longestMs` (full jitter), so that
 * those who failed together do not come back together. `attempts` counts from 0; `random` gives [0, 1).
 */
export function backOff(attempts: number, pauses: Pauses, random: () => number): number {
  return Math.floor(random() * ceilingOf(attempts, pauses));
}

/** Rest of a place that did not answer, in ms: between half and the whole of what {@link backOff} may reach. */
export function restFor(rests: number, pauses: Pauses, random: () => number): number {
  const most = ceilingOf(rests, pauses);
  return Math.ceil(most / 2 + (random() * most) / 2);
}

function ceilingOf(attempts: number, { firstMs, longestMs }: Pauses): number {
  return Math.min(longestMs, firstMs * 2 ** Math.min(Math.max(attempts, 0), DOUBLINGS_MAX));
}
