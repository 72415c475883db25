/**
 * Looks after the node: learns the habits of its sources, judges what it counts by the rules of alert, keeps the book of alerts in the
 * store, and tells people by the page, by mail and by webhook. Nothing of a patient is in any of it.
 */
import { MixError } from '../schemas/errors/index.ts';
import type { Clock, Log, SourceStats, Store } from '../schemas/parts.ts';
import type { Listing } from '../schemas/portal.ts';
import type { AlertFilter, AlertView, OutletState } from '../schemas/portal-exchange.ts';
import { uuidv7 } from './record/index.ts';
import {
  acknowledge,
  advance,
  alertViewOf,
  type Book,
  emptyBook,
  type Facts,
  type Finding,
  findFaults,
  type Habit,
  isOpen,
  type Letter,
  learnHour,
  markTold,
  newHabit,
  type RuleLimits,
  type Sample,
  untoldOf,
  writeLetter,
} from './watch/index.ts';

/** A way to tell people: mail, webhook. Throws `alerts.not-sent`. */
export interface AlertSender {
  name: string;
  send(letter: Letter): Promise<void>;
}

export interface TendParts {
  store: Store;
  clock: Clock;
  log: Log;
  /** Ids of the sources that there are now. */
  sources(): string[];
  states(): OutletState[];
  certificates(): { name: string; endsAt: number }[];
  /** Bytes free and in all on the disk of the store. */
  disk?(): Promise<{ free: number; total: number }>;
  senders: readonly AlertSender[];
}

export interface TendOptions extends RuleLimits {
  everyMs: number;
  remindHours: number;
  gatherMinutes: number;
  /** Name of the node and address of its portal, for letters. */
  node: string;
  base: string;
}

export interface Tender {
  start(): Promise<void>;
  stop(): Promise<void>;
  /** One look; what {@link Tender.start} does again and again. */
  look(): Promise<void>;
  alerts(filter: AlertFilter): Promise<Listing<AlertView>>;
  /** Throws `http.not-found` when no such alert is open. Whoever calls has asked the policies. */
  acknowledge(id: string, by: { id: string }, note: string): Promise<void>;
}

const HOUR = 3_600_000;
const MINUTE = 60_000;
/** An hour is learned from a look that is no later than this after it. */
const LEARN_LATE_MS = 5 * MINUTE;
const SAMPLES_MAX = 70;
const SOURCES_MAX = 500;
const STORMS_MAX = 100;
const PAGE = 50;
const PAGE_MAX = 500;
const BOOK = 'alerts';
const HABITS = 'habits';

type Habits = Record<string, Habit>;

export function createTender(parts: TendParts, options: TendOptions): Tender {
  const { store, clock, log } = parts;
  let book: Book | undefined;
  let habits: Habits = {};
  let samples: Sample[] = [];
  /** Looks have been made without a break since. */
  let watchedSince = clock.now();
  let lastLook: number | undefined;
  let lastLetter = Number.NEGATIVE_INFINITY;
  const failing = new Map<string, number>();
  let chain: Promise<void> = Promise.resolve();
  let timer: NodeJS.Timeout | undefined;
  let stopped = true;

  /** One after another: a look and a human's word never overwrite each other. */
  function inTurn<T>(work: () => Promise<T>): Promise<T> {
    const done = chain.then(work);
    chain = done.then(
      () => undefined,
      () => undefined,
    );
    return done;
  }

  async function opened(): Promise<Book> {
    if (book !== undefined) return book;
    habits = (await readValue<Habits>(store, HABITS)) ?? {};
    book = (await readValue<Book>(store, BOOK)) ?? emptyBook;
    return book;
  }

  async function keep(next: Book): Promise<void> {
    const before = book;
    book = next;
    if (JSON.stringify(before) !== JSON.stringify(next)) await writeValue(store, BOOK, next);
  }

  async function look(): Promise<void> {
    const now = clock.now();
    const current = await opened();
    if (lastLook !== undefined && now - lastLook > options.everyMs * 3 + MINUTE) watchedSince = now;
    const sources = (await store.sourceStats()).filter((one) => parts.sources().includes(one.sourceId));
    await learn(current, sources.slice(0, SOURCES_MAX), now);
    lastLook = now;
    const facts = await gather(sources, now);
    const findings = [
      ...findFaults(facts, options, (rule, about) => isOpen(current, rule, about)),
      ...[...failing].map(([name, since]) => senderFault(name, now - since)),
    ];
    const limits = { remindMs: options.remindHours * HOUR };
    samples = [...samples, sampleOf(facts)].slice(-SAMPLES_MAX);
    await keep(advance(current, findings, now, limits, () => uuidv7(now)));
    await tell(now);
  }

  async function gather(stats: SourceStats[], now: number): Promise<Facts> {
    const [outlets, disk, storms] = await Promise.all([
      store.outletStats(),
      parts.disk?.(),
      store.matchItems({ kind: 'storm', states: ['open'], limit: STORMS_MAX }),
    ]);
    const facts: Facts = {
      now,
      outlets,
      states: parts.states(),
      sources: stats.map(({ sourceId, total, parked, lastAt }) => ({
        id: sourceId,
        total,
        parked,
        ...(lastAt === undefined ? {} : { lastAt }),
        habit: habits[sourceId] ?? newHabit(),
      })),
      // Parked deliveries are told outlet by outlet.
      parkedMessages: stats.reduce((sum, one) => sum + one.parked, 0),
      certificates: parts.certificates(),
      samples,
      storms: [...new Set(storms.rows.map(({ from }) => from))],
    };
    return disk === undefined ? facts : { ...facts, disk };
  }

  /** Learns the hour that just ended, when all of it was watched; an hour of silence that is told of is no habit. */
  async function learn(current: Book, sources: SourceStats[], now: number): Promise<void> {
    const boundary = Math.floor(now / HOUR) * HOUR;
    if (lastLook === undefined || lastLook >= boundary || watchedSince > boundary - HOUR) return;
    if (now - boundary > LEARN_LATE_MS) return;
    // The last of the 60 minutes is the present one.
    const ofTheHour = 59 - Math.floor((now - boundary) / MINUTE);
    for (const { sourceId, perMinute, lastAt } of sources) {
      if (lastAt === undefined || isOpen(current, 'silence', sourceId)) continue;
      habits[sourceId] = learnHour(habits[sourceId] ?? newHabit(), boundary - HOUR, perMinute.slice(0, ofTheHour));
    }
    await writeValue(store, HABITS, habits);
  }

  async function tell(now: number): Promise<void> {
    const current = await opened();
    const untold = untoldOf(current, now);
    if (untold.length === 0) return;
    const ids = new Set(untold.map((one) => one.id));
    if (parts.senders.length === 0) return keep(markTold(current, ids, now));
    if (now - lastLetter < options.gatherMinutes * MINUTE) return;
    lastLetter = now;
    const letter = writeLetter(untold, options);
    const sent = await Promise.all(parts.senders.map((sender) => sendBy(sender, letter, now)));
    // Where one way failed the others told it; where all did it is tried again with the next look after the pause.
    if (sent.some(Boolean)) await keep(markTold(current, ids, now));
  }

  async function sendBy(sender: AlertSender, letter: Letter, now: number): Promise<boolean> {
    try {
      await sender.send(letter);
      failing.delete(sender.name);
      return true;
    } catch (cause) {
      const code = cause instanceof MixError ? cause.fault.code : 'http.unexpected';
      log.warn({ sender: sender.name, code }, 'alerts could not be sent');
      if (!failing.has(sender.name)) failing.set(sender.name, now);
      return false;
    }
  }

  function again(): void {
    if (stopped) return;
    timer = setTimeout(() => {
      void inTurn(look)
        .catch((cause: unknown) => {
          log.error({ name: cause instanceof Error ? cause.name : typeof cause }, 'a look after the node failed');
        })
        .finally(again);
    }, options.everyMs);
    timer.unref();
  }

  return {
    async start() {
      if (!stopped) return;
      stopped = false;
      watchedSince = clock.now();
      await inTurn(opened);
      again();
    },
    async stop() {
      stopped = true;
      clearTimeout(timer);
      await chain;
    },
    look: () => inTurn(look),
    alerts: (filter) => inTurn(async () => listAlerts(await opened(), filter)),
    acknowledge: (id, by, note) =>
      inTurn(async () => {
        const next = acknowledge(await opened(), id, { by: by.id, at: clock.now(), note });
        if (next === undefined) throw new MixError('http.not-found', { detail: 'alert' });
        await keep(next);
      }),
  };
}

function sampleOf({ now, outlets, sources }: Facts): Sample {
  return {
    at: now,
    waiting: Object.fromEntries(outlets.map(({ outlet, waiting }) => [outlet, waiting])),
    sources: Object.fromEntries(sources.map(({ id, total, parked }) => [id, { total, parked }])),
  };
}

function senderFault(name: string, ms: number): Finding {
  return {
    rule: 'outlet',
    about: `alerts by ${name}`,
    grave: 'danger',
    sentence: `alerts can not be sent by ${name} for ${Math.max(1, Math.floor(ms / MINUTE))} minutes`,
    fix: 'check its settings and whether its server is up; this page shows every alert meanwhile',
    link: '/settings',
    atOnce: true,
  };
}

/** Open ones first, then by time, newest first. */
function listAlerts(book: Book, filter: AlertFilter): Listing<AlertView> {
  const rank = { open: 0, acknowledged: 1, over: 2 };
  const rows = book.alerts
    .filter((one) => (filter.state ?? one.state) === one.state && (filter.rule ?? one.rule) === one.rule)
    .sort((a, b) => rank[a.state] - rank[b.state] || b.since - a.since);
  const from = Math.max(0, Number(filter.cursor ?? 0) || 0);
  const limit = Math.min(Math.max(filter.limit ?? PAGE, 1), PAGE_MAX);
  const listing: Listing<AlertView> = { rows: rows.slice(from, from + limit).map(alertViewOf), count: rows.length };
  if (from + limit < rows.length) listing.next = String(from + limit);
  return listing;
}

async function readValue<T>(store: Store, name: string): Promise<T | undefined> {
  const bytes = await store.getValue(name);
  return bytes === undefined ? undefined : (JSON.parse(bytes.toString('utf8')) as T);
}

function writeValue(store: Store, name: string, value: unknown): Promise<void> {
  return store.putValue(name, Buffer.from(JSON.stringify(value)));
}
