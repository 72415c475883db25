/** What stands on the sources page and behind the status dot: rates, silence, risks. Counts only, nothing about anybody. */
import type { Clock, Store } from '../schemas/parts.ts';
import type { Overview, SourceView } from '../schemas/portal.ts';
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

/** Counts, and what is at risk now. */
export async function overviewOf(parts: ExchangeParts, sources: SourceView[]): Promise<Overview> {
  const counts = await parts.store.counts();
  const risks: Overview['risks'] = [];
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
  const overview: Overview = {
    status: risks.length === 0 ? 'ok' : 'warning',
    risks,
    counts: {
      messages: counts.messages,
      persons: counts.persons,
      entries: counts.entries,
      documents: counts.documents,
      waiting: counts.ready,
      parked: counts.parked,
      storeBytes: counts.bytes,
    },
  };
  const samples = parts.samples();
  if (samples !== undefined) overview.samples = samples;
  return overview;
}

const READY_RISK = 5_000;
