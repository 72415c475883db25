/** Alerts in words for people and as JSON for programs. Names of outlets, sources and files only. Pure. */
import type { AlertView } from '../../schemas/portal-exchange.ts';
import type { Alert } from './book.ts';

export interface Letter {
  subject: string;
  text: string;
  node: string;
  /** Why each is told: it is new, graver, still there, or over. */
  alerts: (AlertView & { because: NonNullable<Alert['untold']> })[];
}

const iso = (at: number): string => new Date(at).toISOString();

/** An alert as pages and programs see it. */
export function alertViewOf(alert: Alert): AlertView {
  const { id, rule, about, grave, sentence, fix, link, state, count, since, lastAt, overAt, acknowledged } = alert;
  const view: AlertView = {
    id,
    rule,
    about,
    grave,
    sentence,
    fix,
    link,
    state,
    count,
    since: iso(since),
    lastAt: iso(lastAt),
  };
  if (overAt !== undefined) view.overAt = iso(overAt);
  if (acknowledged !== undefined) view.acknowledged = { ...acknowledged, at: iso(acknowledged.at) };
  return view;
}

const BECAUSE: Record<NonNullable<Alert['untold']>, string> = {
  new: '',
  graver: 'worse now: ',
  reminder: 'still: ',
  over: 'over: ',
};
const LINES_MAX = 50;

/** One letter for all that is to be told; the worst first. `base` is the portal's address, without a slash at its end. */
export function writeLetter(alerts: readonly Alert[], from: { node: string; base: string }): Letter {
  const sorted = [...alerts].sort((a, b) => rankOf(a) - rankOf(b) || a.since - b.since);
  const lines = sorted.slice(0, LINES_MAX).map((one) => lineOf(one, from.base));
  if (sorted.length > LINES_MAX) lines.push(`... and ${sorted.length - LINES_MAX} more`);
  return {
    subject: subjectOf(sorted, from.node),
    text: `${lines.join('\n\n')}\n\nAll alerts: ${from.base}/alerts\n`,
    node: from.node,
    alerts: sorted.map((one) => ({ ...alertViewOf(one), because: one.untold ?? 'reminder' })),
  };
}

function rankOf(alert: Alert): number {
  if (alert.untold === 'over') return 2;
  return alert.grave === 'danger' ? 0 : 1;
}

function subjectOf(alerts: readonly Alert[], node: string): string {
  const [first] = alerts;
  if (alerts.length === 1 && first !== undefined)
    return `[${node}] ${BECAUSE[first.untold ?? 'reminder']}${first.sentence}`;
  const open = alerts.filter((one) => one.untold !== 'over').length;
  const over = alerts.length - open;
  const told = [open > 0 ? `${open} ${open === 1 ? 'alert' : 'alerts'}` : '', over > 0 ? `${over} over` : ''];
  return `[${node}] ${told.filter(Boolean).join(', ')}`;
}

function lineOf(alert: Alert, base: string): string {
  const why = alert.untold ?? 'reminder';
  if (why === 'over') return `- ${BECAUSE.over}${alert.sentence}`;
  const mark = alert.grave === 'danger' ? '! ' : '- ';
  return `${mark}${BECAUSE[why]}${alert.sentence}\n  What to do: ${alert.fix}\n  ${base}${alert.link}`;
}
