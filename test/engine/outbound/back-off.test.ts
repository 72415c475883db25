import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { backOff, restFor } from '../../../engine/outbound/index.ts';

const pauses = fc
  .tuple(fc.integer({ min: 1, max: 600_000 }), fc.integer({ min: 1, max: 86_400_000 }))
  .map(([firstMs, longestMs]) => ({ firstMs, longestMs: Math.max(firstMs, longestMs) }));
const random = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });

describe('back-off', () => {
  it.for([
    [0, 0, 0],
    [0, 0.999, 999],
    [1, 0.999, 1_998],
    [5, 0.5, 16_000],
    [9, 0.5, 150_000],
    [1_000_000, 0.5, 150_000],
  ])('after %d tries with a throw of %d waits %d ms', ([attempts, thrown, wanted]) => {
    expect(backOff(attempts!, { firstMs: 1_000, longestMs: 300_000 }, () => thrown!)).toBe(wanted);
  });

  it('never waits longer than the longest pause nor than the doubled first one', () => {
    fc.assert(
      fc.property(fc.nat(10_000), pauses, random, (attempts, given, thrown) => {
        const ms = backOff(attempts, given, () => thrown);
        expect(ms).toBeGreaterThanOrEqual(0);
        expect(ms).toBeLessThanOrEqual(given.longestMs);
        if (attempts < 20) expect(ms).toBeLessThanOrEqual(given.firstMs * 2 ** attempts);
        expect(Number.isInteger(ms)).toBe(true);
      }),
    );
  });

  it('spreads those who failed together over the whole pause', () => {
    const all = Array.from({ length: 100 }, (_, i) => backOff(3, { firstMs: 1_000, longestMs: 60_000 }, () => i / 100));
    expect(Math.min(...all)).toBe(0);
    expect(Math.max(...all)).toBe(7_920);
  });

  it('rests at least half of what it may, and never beyond', () => {
    fc.assert(
      fc.property(fc.nat(10_000), pauses, random, (rests, given, thrown) => {
        const ms = restFor(rests, given, () => thrown);
        const most = Math.min(given.longestMs, given.firstMs * 2 ** Math.min(rests, 40));
        expect(ms).toBeGreaterThanOrEqual(most / 2);
        expect(ms).toBeLessThanOrEqual(Math.ceil(most));
      }),
    );
  });
});
