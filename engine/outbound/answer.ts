/** What an answer of another node means for a delivery (FHIR R4 http.html 3.1.0.1.8, RFC 9110 chapters 10.2.3 and 15). */
import { catalogue, type Fault, type FaultCode } from '../../schemas/errors/index.ts';
import type { PeerAnswer } from '../../schemas/exchange.ts';

export type Verdict =
  /** It is done there; `receipt` is where. */
  | { is: 'sent'; receipt?: string }
  /** It may be done later. `ofOutlet`: nothing else would fare better there now. */
  | { is: 'later'; fault: Fault; ofOutlet: boolean; restMs?: number }
  /** The receiver does not know the patient (any more): feed the patient, then send this again. */
  | { is: 'feed-first'; fault: Fault }
  /** A human must see to it. */
  | { is: 'parked'; fault: Fault };

/** Longest rest that a Retry-After is believed, in ms. */
const RETRY_AFTER_MAX_MS = 3_600_000;
const BODY_READ_MAX = 256 * 1024;

/** Judges an HTTP answer. Of the receiver's text only codes and element paths are taken over, since the rest may name a patient. */
export function judgeAnswer(answer: PeerAnswer, now: number): Verdict {
  const { status } = answer;
  if (status >= 200 && status < 300) {
    const receipt = receiptOf(answer);
    return receipt === undefined ? { is: 'sent' } : { is: 'sent', receipt };
  }
  const told = readOutcome(answer);
  const fault = faultOf(status, told);
  if (told.code === 'exchange.unknown-patient') return { is: 'feed-first', fault };
  if (status === 429 || status === 503) {
    const restMs = retryAfterOf(answer, now);
    const late: Verdict = { is: 'later', fault: { ...fault, code: 'exchange.busy' }, ofOutlet: true };
    return restMs === undefined ? late : { ...late, restMs };
  }
  // Who we are is in doubt, not what we send: everything waits until certificates or settings are mended.
  if (status === 401 || told.code?.startsWith('admit.')) return { is: 'later', fault, ofOutlet: true };
  if (status >= 500 || status === 408 || status === 425)
    return { is: 'later', fault, ofOutlet: status === 502 || status === 504 };
  if (told.code !== undefined && catalogue[told.code].retry) return { is: 'later', fault, ofOutlet: false };
  return { is: 'parked', fault };
}

/** Judges what was thrown instead of an answer. */
export function judgeFault(fault: Fault): Verdict {
  // A certificate of theirs that does not hold is a fault of the place, not of what is sent.
  if (
    fault.code === 'exchange.unreachable' ||
    fault.code === 'outlet.unreachable' ||
    fault.code === 'exchange.not-trusted'
  )
    return { is: 'later', fault, ofOutlet: true };
  return catalogue[fault.code].retry ? { is: 'later', fault, ofOutlet: false } : { is: 'parked', fault };
}

interface Told {
  code?: FaultCode;
  place?: string;
}

/** An element path or JSON pointer: `DocumentReference.content[0].attachment`, `/routes/1`. */
const PLACE = /^[A-Za-z0-9_.[\]/:-]{1,120}$/;
const LOCATION = /^[A-Za-z0-9_.:/-]{1,200}$/;

/** Our code and the place in the OperationOutcome of the answer, where it has them. */
export function readOutcome(answer: PeerAnswer): Told {
  const issue = firstIssue(answer);
  const told: Told = {};
  const details = memberOf(issue, 'details');
  const coding = listOf(memberOf(details, 'coding'))
    .map((one) => memberOf(one, 'code'))
    .find(isFaultCode);
  if (coding !== undefined) told.code = coding;
  const place = [...listOf(memberOf(issue, 'expression')), ...listOf(memberOf(issue, 'location'))].find(
    (one): one is string => typeof one === 'string' && PLACE.test(one),
  );
  if (place !== undefined) told.place = place;
  return told;
}

function firstIssue(answer: PeerAnswer): unknown {
  if (answer.body.length === 0 || answer.body.length > BODY_READ_MAX) return undefined;
  try {
    const body: unknown = JSON.parse(answer.body.toString('utf8'));
    return memberOf(body, 'resourceType') === 'OperationOutcome' ? listOf(memberOf(body, 'issue'))[0] : undefined;
  } catch {
    return undefined;
  }
}

function faultOf(status: number, told: Told): Fault {
  const fault: Fault = {
    code: status >= 500 ? 'exchange.failed' : status < 400 ? 'exchange.answer' : 'exchange.refused',
    detail: told.code === undefined ? `${status}` : `${status} ${told.code}`,
  };
  if (told.place !== undefined) fault.place = told.place;
  return fault;
}

function receiptOf({ headers }: PeerAnswer): string | undefined {
  const location = headers['location'] ?? headers['content-location'];
  if (location === undefined) return undefined;
  const path = location.replace(/^https?:\/\/[^/]*/, '');
  if (!LOCATION.test(path)) return undefined;
  // A receipt is kept in the open, and the address of a Patient is the X-PID or another number of theirs: its kind alone is told.
  return /(^|\/)Patient(\/|$)/.test(path) ? 'Patient' : path;
}

/** Retry-After in ms: seconds or a date (RFC 9110 10.2.3). */
export function retryAfterOf({ headers }: Pick<PeerAnswer, 'headers'>, now: number): number | undefined {
  const text = headers['retry-after']?.trim();
  if (text === undefined || text === '') return undefined;
  const wait = /^\d{1,9}$/.test(text) ? Number(text) * 1000 : Date.parse(text) - now;
  return Number.isNaN(wait) ? undefined : Math.min(Math.max(wait, 0), RETRY_AFTER_MAX_MS);
}

function isFaultCode(code: unknown): code is FaultCode {
  return typeof code === 'string' && Object.hasOwn(catalogue, code);
}

function memberOf(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[name] : undefined;
}

function listOf(value: unknown): unknown[] {
  return Array.isArray(value) ? value.slice(0, 20) : [];
}
