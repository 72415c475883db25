/** Sending to others, as pure functions: when to try again, when to leave alone, what an answer means. */
export { judgeAnswer, judgeFault, readOutcome, retryAfterOf, type Verdict } from './answer.ts';
export { backOff, type Pauses, restFor } from './back-off.ts';
export {
  afterAnswer,
  afterFailure,
  afterRest,
  type Breaker,
  type BreakerLimits,
  newBreaker,
  roomOf,
} from './breaker.ts';
export { controlIdOf, isOwnControlId } from './mark.ts';
