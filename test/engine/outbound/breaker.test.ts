import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  afterAnswer,
  afterFailure,
  afterRest,
  type Breaker,
  newBreaker,
  roomOf,
} from '../../../engine/outbound/index.ts';

const limits = { breakAfter: 3, rests: { firstMs: 5_000, longestMs: 60_000 } };
const fault = { code: 'exchange.unreachable' as const };
const half = () => 0.5;
const fail = (breaker: Breaker, now: number, restMs?: number) =>
  afterFailure(breaker, restMs === undefined ? { now, fault } : { now, fault, restMs }, limits, half);

describe('the circuit breaker', () => {
  it('opens after so many failures in a row, and not before', () => {
    let breaker = newBreaker(0);
    breaker = fail(fail(breaker, 1), 2);
    expect(breaker).toMatchObject({ state: 'closed', failures: 2 });
    expect(roomOf(breaker, 4, 16)).toBe(12);
    breaker = fail(breaker, 3);
    expect(breaker).toMatchObject({ state: 'open', since: 3, failures: 3, rests: 1, until: 3 + 3_750, fault });
    expect(roomOf(breaker, 0, 16)).toBe(0);
  });

  it('counts failures in a row only', () => {
    const breaker = fail(fail(afterAnswer(fail(fail(newBreaker(0), 1), 2), 3), 4), 5);
    expect(breaker).toMatchObject({ state: 'closed', failures: 2 });
  });

  it('lets one try when the rest is over, and no second beside it', () => {
    const open = fail(fail(fail(newBreaker(0), 1), 2), 3);
    expect(afterRest(open, open.until - 1)).toBe(open);
    const trying = afterRest(open, open.until);
    expect(trying.state).toBe('half-open');
    expect(roomOf(trying, 0, 16)).toBe(1);
    expect(roomOf(trying, 1, 16)).toBe(0);
  });

  it('closes when the trial is answered and rests longer when it is not', () => {
    const open = fail(fail(fail(newBreaker(0), 1), 2), 3);
    const trying = afterRest(open, open.until);
    expect(afterAnswer(trying, 9_000)).toMatchObject({ state: 'closed', failures: 0, rests: 0 });
    const again = fail(trying, 9_000);
    expect(again).toMatchObject({ state: 'open', rests: 2, until: 9_000 + 7_500 });
  });

  it('opens at once where the place asks for a rest, for at least so long', () => {
    expect(fail(newBreaker(0), 100, 30_000)).toMatchObject({ state: 'open', until: 30_100 });
  });

  it('is not moved by what was sent before it opened, but by a late good answer', () => {
    const open = fail(fail(fail(newBreaker(0), 1), 2), 3);
    expect(fail(open, 50)).toMatchObject({ state: 'open', until: open.until, rests: 1 });
    expect(afterAnswer(open, 50).state).toBe('closed');
  });

  it('holds what it promises whatever happens', () => {
    const event = fc.constantFrom('answer', 'failure', 'wait', 'ask-rest');
    fc.assert(
      fc.property(fc.array(fc.tuple(event, fc.nat(20_000)), { maxLength: 200 }), (events) => {
        let breaker = newBreaker(0);
        let now = 0;
        let row = 0;
        for (const [what, ms] of events) {
          now += ms;
          breaker = afterRest(breaker, now);
          if (what === 'answer') {
            breaker = afterAnswer(breaker, now);
            row = 0;
          } else if (what !== 'wait') {
            breaker = fail(breaker, now, what === 'ask-rest' ? 1_000 : undefined);
            row += 1;
          }
          // A model in one line: it is closed exactly while fewer failures in a row were seen than it takes, and nobody asked for rest.
          expect(breaker.failures).toBe(row);
          if (row === 0) expect(breaker.state).toBe('closed');
          if (row >= limits.breakAfter) expect(breaker.state).not.toBe('closed');
          if (breaker.state === 'open') {
            expect(roomOf(breaker, 0, 16)).toBe(0);
            expect(breaker.until - breaker.since).toBeLessThanOrEqual(limits.rests.longestMs);
          }
          expect(roomOf(breaker, 16, 16)).toBe(0);
        }
      }),
    );
  });
});
