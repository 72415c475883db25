/** What stands on the sources page and behind the status dot: rates, silence, risks. Counts only, nothing about anybody. */
import type { Clock, Store } from '../schemas/parts.ts';
import type { Overview, Risk, SourceView } from '../schemas/portal.ts';
import type { AlertView } from '../schemas/portal-exchange.ts';
import { fieldName } from './hl7v2/index.ts';
import type { SourceSetup } from './understand.ts';

export interface ExchangeParts {
  store: Store;
  clock: Clock;
  setups(): SourceSetup[];
  listenerOf(sourceId: string): string;
  samples(): Overview['samples'];
}

/** A source is called silent when it was quiet for this many times its own usual gap, and never before five minutes. */
const SILENCE_FACTOR = 8;
const SILENCE_MS_MIN = 300_000;

/** Every source with its rates, silence and what its maps did not carry. */
export async function sourcesOf(parts: ExchangeParts): Promise<SourceView[]> {
  const stats = new Map((await parts.store.sourceStats()).map((one) => [one.sourceId, one]));
  return parts.setups().map(({ source }) => {
    const stat = stats.get(source.id);
    const perMinute = stat?.perMinute ?? [];
    const view: SourceView = {
      id: source.id,
      profile: source.profile,
      facility: source.facility,
      listener: parts.listenerOf(source.id),
      total: stat?.total ?? 0,
      parked: stat?.parked ?? 0,
      perMinute,
      silent: isSilent(parts.clock.now(), stat?.lastAt, perMinute),
      notCarried: (stat?.notCarried ?? []).map(({ field, count }) => ({ field, name: nameOfField(field), count })),
    };
    if (stat?.lastAt !== undefined) view.lastAt = new Date(stat.lastAt).toISOString();
    return view;
  });
}

function nameOfField(path: string): string {
  const [segment, field] = path.split('-');
  return fieldName('2.5.1', segment ?? '', Number(field)).name;
}

function isSilent(now: number, lastAt: number | undefined, perMinute: number[]): boolean {
  if (lastAt === undefined) return false;
  const busy = perMinute.filter((count) => count > 0).length;
  if (busy < 3) return false;
  const usualGapMs = (perMinute.length / perMinute.reduce((sum, count) => sum + count, 0)) * 60_000;
  return now - lastAt > Math.max(SILENCE_MS_MIN, usualGapMs * SILENCE_FACTOR);
}

/** Counts, and what is at risk now: alerts by rule first, then what no rule has told yet. */
export async function overviewOf(
  parts: ExchangeParts,
  sources: SourceView[],
  alerts: AlertView[] = [],
): Promise<Overview> {
  const [counts, outlets] = await Promise.all([parts.store.counts(), parts.store.outletStats()]);
  const known = alerts.filter((alert) => alert.state !== 'over');
  const told = new Set(known.map((alert) => alert.rule));
  const risks = [...known.map(riskOf), ...risksOf(counts, sources).filter((risk) => !told.has(risk.kind))];
  const overview: Overview = {
    status: statusOf(risks),
    risks,
    counts: {
      messages: counts.messages,
      persons: counts.persons,
      entries: counts.entries,
      documents: counts.documents,
      waiting: counts.ready,
      parked: counts.parked,
      undelivered: outlets.reduce((sum, outlet) => sum + outlet.parked, 0),
      storeBytes: counts.bytes,
    },
  };
  const samples = parts.samples();
  if (samples !== undefined) overview.samples = samples;
  return overview;
}

function riskOf(alert: AlertView): Risk {
  return {
    kind: alert.rule,
    sentence: alert.sentence,
    link: alert.link,
    grave: alert.grave,
    since: alert.since,
    alert: alert.id,
    acknowledged: alert.state === 'acknowledged',
  };
}

/** What somebody looks after is still at risk, but no longer a danger that nobody sees. */
function statusOf(risks: Risk[]): Overview['status'] {
  if (risks.some((risk) => risk.grave === 'danger' && risk.acknowledged !== true)) return 'danger';
  return risks.length === 0 ? 'ok' : 'warning';
}

function risksOf(counts: { parked: number; ready: number }, sources: SourceView[]): Risk[] {
  const risks: Risk[] = [];
  if (counts.parked > 0)
    risks.push({
      kind: 'parked',
      sentence:
        counts.parked === 1
          ? 'one message waits for a person to look at it'
          : `${counts.parked} messages wait for a person to look at them`,
      link: '/parked',
    });
  for (const source of sources) {
    if (source.silent)
      risks.push({
        kind: 'silence',
        sentence: `${source.id} has been silent longer than is usual for it`,
        link: '/sources',
      });
  }
  if (counts.ready > READY_RISK)
    risks.push({ kind: 'queue', sentence: `${counts.ready} jobs wait in the queue`, link: '/messages?state=kept' });
  return risks;
}

const READY_RISK = 5_000;
