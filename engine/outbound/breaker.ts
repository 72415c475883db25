/**
 * Circuit breaker of one outlet, as a pure state machine: closed, open (it rests), half-open (one delivery tries it).
 *
 * Failures in a row open it; while it is open nothing is sent there. When the rest is over one delivery tries it: it answers and the
 * breaker closes, or it fails and the next rest is longer.
 */
import type { Fault } from '../../schemas/errors/index.ts';
import { type Pauses, restFor } from './back-off.ts';

export interface Breaker {
  state: 'closed' | 'open' | 'half-open';
  /** In this state since, ms. */
  since: number;
  /** Failures in a row, and the time of the first of them. */
  failures: number;
  failingSince?: number;
  /** Rests in a row. */
  rests: number;
  /** End of the rest, ms; 0 while closed. */
  until: number;
  fault?: Fault;
}

export interface BreakerLimits {
  /** Failures in a row that open it. */
  breakAfter: number;
  /** First and longest rest. */
  rests: Pauses;
}

export function newBreaker(now: number): Breaker {
  return { state: 'closed', since: now, failures: 0, rests: 0, until: 0 };
}

/** How many more may be sent now, beside those under way: all that the limit leaves, one in half-open, none in a rest. */
export function roomOf(breaker: Breaker, underWay: number, inFlightMax: number): number {
  if (breaker.state === 'open') return 0;
  return Math.max(0, (breaker.state === 'half-open' ? 1 : inFlightMax) - underWay);
}

/** The breaker when its rest is over: one may try. */
export function afterRest(breaker: Breaker, now: number): Breaker {
  if (breaker.state !== 'open' || now < breaker.until) return breaker;
  return { ...breaker, state: 'half-open', since: now };
}

/** It answered, whatever it said. */
export function afterAnswer(breaker: Breaker, now: number): Breaker {
  if (breaker.state === 'closed' && breaker.failures === 0) return breaker;
  // Those that were under way when it broke may still come back well; that closes it as a trial does.
  return newBreaker(now);
}

/**
 * It did not answer, or said that it can not. `restMs`, where it asked for a rest itself (Retry-After), opens it at once.
 * A failure while it rests is of one sent before; it changes nothing.
 */
export function afterFailure(
  breaker: Breaker,
  failed: { now: number; fault: Fault; restMs?: number },
  limits: BreakerLimits,
  random: () => number,
): Breaker {
  const failures = breaker.failures + 1;
  if (breaker.state === 'open') return { ...breaker, failures, fault: failed.fault };
  const failingSince = breaker.failingSince ?? failed.now;
  const opens = breaker.state === 'half-open' || failures >= limits.breakAfter || failed.restMs !== undefined;
  if (!opens) return { ...breaker, failures, failingSince, fault: failed.fault };
  const rest = Math.max(failed.restMs ?? 0, restFor(breaker.rests, limits.rests, random));
  return {
    state: 'open',
    since: failed.now,
    failures,
    failingSince,
    rests: breaker.rests + 1,
    until: failed.now + rest,
    fault: failed.fault,
  };
}
