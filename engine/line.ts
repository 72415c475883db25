/**
 * The lines of a region or global node to systems outside of the exchange, joined: who is admitted, feeds (ITI-8, ITI-30) that are kept, answered and
 * worked off, and queries (ITI-9, ITI-21, ITI-22) that are answered at once.
 */
import { type Fault, MixError } from '../schemas/errors/index.ts';
import type { NodeSubject } from '../schemas/exchange.ts';
import type { Clock, Job, KeptMessage, Log, Store } from '../schemas/parts.ts';
import type { Settings } from '../schemas/settings/index.ts';
import { chooseProfile, type VendorProfile } from '../schemas/vendors/profile.ts';
import { type AcceptParts, type Answer, acceptFrame } from './accept.ts';
import { admitLine, lineSubject } from './admit-line.ts';
import { createAuthorities } from './authorities.ts';
import { authorize } from './authorize.ts';
import { domainsOf, type ExchangeSetup, type KnownNode } from './domains.ts';
import { buildAck, isQuery, scanHeader } from './hl7v2/index.ts';
import { type FeedParts, takeFeeds } from './pix-feed.ts';
import { type FeedDomains, isFeedEvent, type UnderstoodFeed, understandFeed } from './pix-read.ts';
import { createQueries, type LineAsker } from './query.ts';
import { uuidv7 } from './record/index.ts';
import type { SourceSetup } from './understand.ts';

export type PixSettings = Settings['pix'];
type PixSource = PixSettings['sources'][number];

/** A listener of kind pix, pdq or index, as its settings have it. */
export interface LineListener {
  name: string;
  kind: LineAsker['kind'];
  /** What holds for every system of this listener; its `source.id` stands for none of them. */
  setup: SourceSetup;
}

export interface LineParts {
  store: Store;
  clock: Clock;
  log: Log;
  accept: AcceptParts;
  door: FeedParts['door'];
  takeUnderstood(messageId: string): unknown;
  answered(messageId: string, faults: Fault[]): void;
}

export interface Line {
  /** Takes one frame of a listener: keeps and answers a feed, answers a query. Never throws for what the bytes say. */
  accept(bytes: Buffer, listener: string, certificate?: { name: string; fingerprint: string }): Promise<Answer>;
  /** Works off leased `process` jobs. */
  takeFeeds(jobs: readonly Job[]): Promise<void>;
  /** Sources by name, for the pages and for what is run again. */
  setups: readonly SourceSetup[];
}

/** The systems outside as nodes of this one's exchange: they feed as a node below does. */
export function lineNodes(role: ExchangeSetup['node']['role'], { sources }: Pick<PixSettings, 'sources'>): KnownNode[] {
  const below = role === 'global' ? 'region' : 'hospital';
  return sources.map(({ name, authorities }) => ({ name, role: below, organization: '', authorities }));
}

/** Each system of a listener as a source of messages. */
export function lineSetups(
  listeners: readonly LineListener[],
  { sources }: Pick<PixSettings, 'sources'>,
): SourceSetup[] {
  return sources.flatMap((source) => {
    const listener = listeners.find(({ name }) => name === source.listener);
    if (listener === undefined) return [];
    return [{ ...listener.setup, source: { ...listener.setup.source, id: source.name } }];
  });
}

export function createLine(
  parts: LineParts,
  exchange: ExchangeSetup,
  options: { listeners: readonly LineListener[]; pix: PixSettings; processing: string },
): Line {
  const { store, clock, log } = parts;
  const { pix, listeners } = options;
  const setups = lineSetups(listeners, pix);
  const known = new Map(setups.map((setup) => [setup.source.id, setup]));
  const subjects = new Map(
    lineNodes(exchange.node.role, pix).map(({ name, role }) => [name, lineSubject(name, role)] as const),
  );
  const domains = new Map(lineNodes(exchange.node.role, pix).map((node) => [node.name, domainsFed(node, pix)]));
  const permit = (from: NodeSubject, ...what: Tail<Parameters<typeof authorize>>) =>
    authorize({ store, clock }, from, ...what);
  const queries = createQueries({ store, clock, log, permit }, exchange, createAuthorities(exchange, pix.domains), pix);
  const nowhere: FeedDomains = { systems: new Set(), names: {} };

  function understandOf(sourceId: string): UnderstandFeed {
    return (received, setup, profile) => understandFeed(received, setup, profile, domains.get(sourceId) ?? nowhere);
  }

  function understood(message: KeptMessage): UnderstoodFeed {
    const ready = parts.takeUnderstood(message.id);
    if (isFeed(ready)) return ready;
    const setup = known.get(message.sourceId);
    if (setup === undefined) return { faults: [], notes: [], terms: [], acts: [] };
    return understandOf(message.sourceId)(message, setup, chooseProfile(setup.profile, message.facts));
  }

  return {
    setups,
    async accept(bytes, name, certificate) {
      const listener = listeners.find((one) => one.name === name);
      if (listener === undefined) throw new MixError('record.unknown-source', { detail: name });
      const batch = isBatch(bytes);
      const scan = scanHeader(batch ? firstOf(bytes) : bytes, listener.setup.charset);
      if (scan.code === 'ACK') return { ack: null, messageIds: [] };
      const refuse = (fault: Fault): Answer => {
        const now = clock.now();
        const controlId = uuidv7(now).replaceAll('-', '').slice(12);
        return { ack: buildAck({ scan, code: 'AR', faults: [fault], now, controlId }), messageIds: [] };
      };
      const source = admitLine(pix.sources, name, certificate === undefined ? scan : { ...scan, certificate });
      if (source === undefined) {
        log.warn({ listener: name, code: 'pix.unknown-sender' }, 'a sender was refused');
        await store.commit({ audit: [refusal(clock.now(), name)] });
        return refuse({ code: 'pix.unknown-sender', place: 'MSH-3' });
      }
      if (!batch && isQuery(scan.type)) {
        const asker = askerOf(listener, source, subjects.get(source.name)!);
        return { ack: await queries.answer(bytes, asker), messageIds: [] };
      }
      const refused = listener.kind === 'pdq' ? wrongType : batch ? undefined : faultOf(scan);
      if (refused !== undefined) return refuse(refused);
      const line = { understand: understandOf(source.name), settleMs: pix.settleMs };
      return acceptFrame({ ...parts.accept, line }, bytes, known.get(source.name)!);
    },
    takeFeeds: (jobs) =>
      takeFeeds(
        {
          store,
          clock,
          log,
          door: parts.door,
          subjectOf: (sourceId) => subjects.get(sourceId),
          understood,
          answered: parts.answered,
          processing: options.processing,
        },
        jobs,
      ),
  };
}

type UnderstandFeed = (
  received: { bytes: Buffer; receivedAt: number },
  setup: SourceSetup,
  profile: VendorProfile,
) => UnderstoodFeed;

type Tail<T extends unknown[]> = T extends [unknown, unknown, ...infer Rest] ? Rest : never;

const wrongType: Fault = { code: 'pix.type', place: 'MSH-9.1' };

/** What keeps a message from being a feed, as far as its header tells; of a batch each message is looked into as it is taken. */
function faultOf(scan: ReturnType<typeof scanHeader>): Fault | undefined {
  if (scan.faults.length > 0) return scan.faults[0];
  if (scan.code !== 'ADT') return wrongType;
  return isFeedEvent(scan.trigger) ? undefined : { code: 'pix.event', place: 'MSH-9.2' };
}

/** A batch (FHS, BHS; chapter 2.10.3) comes from the sender of its first message. */
const isBatch = (bytes: Buffer): boolean => /^[^A-Z]*(FHS|BHS)/.test(bytes.toString('latin1', 0, 16));

function firstOf(bytes: Buffer): Buffer {
  const cr = bytes.indexOf('\rMSH', 0, 'latin1');
  const at = cr === -1 ? bytes.indexOf('\nMSH', 0, 'latin1') : cr;
  return at === -1 ? bytes : bytes.subarray(at + 1);
}

const isFeed = (one: unknown): one is UnderstoodFeed =>
  typeof one === 'object' && one !== null && 'acts' in one && Array.isArray(one.acts);

function askerOf(listener: LineListener, source: PixSource, from: NodeSubject): LineAsker {
  return { from, sees: source.sees, kind: listener.kind, charset: listener.setup.charset };
}

function domainsFed(node: KnownNode, { domains }: PixSettings): FeedDomains {
  return { systems: domainsOf(node), names: Object.fromEntries(domains.map(({ name, oid }) => [name, oid])) };
}

function refusal(at: number, listener: string) {
  return { at, who: 'unknown', action: 'refuse' as const, outcome: 'Deny', what: 'source', reason: listener };
}
