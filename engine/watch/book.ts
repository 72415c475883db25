/**
 * The book of alerts: what is open, since when, who has seen it, what is over. A pure reducer over findings.
 *
 * A finding is told when it holds at two looks in a row and is over when it was not found at three. One that comes back soon after is the
 * same alert again, counted; it is told anew only where its end was told, and ends are told late.
 */
import type { AlertView } from '../../schemas/portal-exchange.ts';
import type { Finding } from './rules.ts';

export interface Alert {
  id: string;
  rule: AlertView['rule'];
  about: string;
  grave: AlertView['grave'];
  sentence: string;
  fix: string;
  link: string;
  state: AlertView['state'];
  since: number;
  lastAt: number;
  overAt?: number;
  count: number;
  /** Looks in a row at which it was not found. */
  missed: number;
  /** It was not told yet, is to be told again, or its end is. */
  untold?: 'new' | 'graver' | 'reminder' | 'over';
  toldAt?: number;
  acknowledged?: { by: string; at: number; note: string };
}

export interface Book {
  alerts: Alert[];
  /** Found once: `rule|about` and when. */
  seen: Record<string, number>;
}

export const emptyBook: Book = { alerts: [], seen: {} };

export interface BookLimits {
  /** Pause after which what still holds is told again, ms; 0 for never. */
  remindMs: number;
}

const MISSED_MAX = 3;
const BACK_SOON_MS = 30 * 60_000;
const OVER_TOLD_MS = 10 * 60_000;
const ALERTS_MAX = 500;
const OVER_KEPT_MS = 30 * 86_400_000;

const keyOf = (one: { rule: string; about: string }): string => `${one.rule}|${one.about}`;

/** Is an alert of this rule about this thing open? */
export function isOpen(book: Book, rule: string, about: string): boolean {
  return book.alerts.some((one) => one.state !== 'over' && one.rule === rule && one.about === about);
}

/** The book after one look. */
export function advance(
  book: Book,
  findings: readonly Finding[],
  now: number,
  limits: BookLimits,
  newId: () => string,
): Book {
  const found = new Map(findings.map((one) => [keyOf(one), one]));
  const alerts = book.alerts.map((alert) => afterLook(alert, found.get(keyOf(alert)), now, limits));
  const seen: Record<string, number> = {};
  for (const [key, finding] of found) {
    if (alerts.some((one) => one.state !== 'over' && keyOf(one) === key)) continue;
    const at = book.seen[key] ?? now;
    if (book.seen[key] === undefined && finding.atOnce !== true) seen[key] = at;
    else open(alerts, finding, { now, since: at, id: newId() });
  }
  return { alerts: prune(alerts, now), seen };
}

function afterLook(alert: Alert, finding: Finding | undefined, now: number, limits: BookLimits): Alert {
  if (alert.state === 'over') return alert;
  if (finding === undefined) {
    const missed = alert.missed + 1;
    if (missed < MISSED_MAX) return { ...alert, missed };
    const over: Alert = { ...alert, missed, state: 'over', overAt: now };
    // Whoever never heard of it need not hear of its end.
    if (alert.untold === 'new') delete over.untold;
    else over.untold = 'over';
    return over;
  }
  const { grave, sentence, fix, link } = finding;
  const next: Alert = { ...alert, grave, sentence, fix, link, lastAt: now, missed: 0 };
  if (grave === 'danger' && alert.grave === 'warning') {
    next.untold ??= 'graver';
    // Worse than what was seen: it asks to be seen again.
    if (alert.state === 'acknowledged') next.state = 'open';
  } else if (limits.remindMs > 0 && alert.state === 'open' && now - (alert.toldAt ?? alert.since) >= limits.remindMs)
    next.untold ??= 'reminder';
  return next;
}

function open(alerts: Alert[], finding: Finding, made: { now: number; since: number; id: string }): void {
  const { now } = made;
  const { atOnce: _atOnce, ...rest } = finding;
  const back = alerts.findLast((one) => keyOf(one) === keyOf(finding));
  if (back?.overAt !== undefined && now - back.overAt <= BACK_SOON_MS) {
    const { overAt: _over, untold, ...kept } = back;
    const again: Alert = { ...kept, ...rest, state: 'open', lastAt: now, missed: 0, count: back.count + 1 };
    // Its end was not told yet: then nothing happened for those who read.
    if (untold !== undefined && untold !== 'over') again.untold = untold;
    else if (untold === undefined) again.untold = 'reminder';
    alerts[alerts.indexOf(back)] = again;
    return;
  }
  alerts.push({
    ...rest,
    id: made.id,
    state: 'open',
    since: made.since,
    lastAt: now,
    count: 1,
    missed: 0,
    untold: 'new',
  });
}

/** Open ones stay; of those that are over the latest. */
function prune(alerts: Alert[], now: number): Alert[] {
  const kept = alerts.filter((one) => one.state !== 'over' || now - (one.overAt ?? now) < OVER_KEPT_MS);
  let spare = Math.max(0, kept.length - ALERTS_MAX);
  return kept.filter((one) => {
    if (spare === 0 || one.state !== 'over') return true;
    spare -= 1;
    return false;
  });
}

/** Somebody has seen it: no reminders any more. Undefined when there is no such open alert. */
export function acknowledge(book: Book, id: string, seen: { by: string; at: number; note: string }): Book | undefined {
  const at = book.alerts.findIndex((one) => one.id === id && one.state !== 'over');
  if (at < 0) return undefined;
  return { ...book, alerts: book.alerts.with(at, { ...book.alerts[at]!, state: 'acknowledged', acknowledged: seen }) };
}

/** What is to be told now. An end waits a while, since what flickers comes back. */
export function untoldOf(book: Book, now: number): Alert[] {
  return book.alerts.filter(
    (one) => one.untold !== undefined && (one.untold !== 'over' || now - (one.overAt ?? now) >= OVER_TOLD_MS),
  );
}

/** The book when these were told. */
export function markTold(book: Book, ids: ReadonlySet<string>, now: number): Book {
  const alerts = book.alerts.map((one) => {
    if (!ids.has(one.id)) return one;
    const { untold: _untold, ...rest } = one;
    return { ...rest, toldAt: now };
  });
  return { ...book, alerts };
}
