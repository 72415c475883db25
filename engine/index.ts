/** The door of the exchange: one engine for one tenant. */
import type { FaultCode } from '../schemas/errors/index.ts';
import { MixError } from '../schemas/errors/index.ts';
import type { ExchangeEngine, NodeRole, Peer } from '../schemas/exchange.ts';
import type { Clock, Job, KeptMessage, Log, Outlet, Store } from '../schemas/parts.ts';
import type { Overview, PortalEngine } from '../schemas/portal.ts';
import type { Settings } from '../schemas/settings/index.ts';
import { type Answer, acceptFrame, refuseFrame } from './accept.ts';
import { type Admission, createAdmission, type Subject } from './admit.ts';
import type { Adoption } from './adopt.ts';
import { createBrowse } from './browse.ts';
import { createIdentityDesk, noIdentities } from './browse-identity.ts';
import { createCompute } from './compute.ts';
import type { DeliverLimits } from './deliver.ts';
import type { ExchangeSetup } from './domains.ts';
import { createLine, type LineListener, lineSetups, type PixSettings } from './line.ts';
import { createNeighbours, type NeighbourParts, type Tables } from './neighbours.ts';
import { notifyingStore, subscriptionsOf } from './notify.ts';
import { type ProcessOptions, processJobs } from './process.ts';
import { keepDocument, makeDocument, type PublishOptions, type PublishParts, publishJob } from './publish.ts';
import { rerunMessage } from './rerun.ts';
import { runJobs } from './run.ts';
import { createTender, type TendOptions, type TendParts } from './tend.ts';
import type { SourceSetup, Understood } from './understand.ts';
import { createWaiting } from './waiting.ts';

export type { Answer } from './accept.ts';
export { type Adoption, createAdoption } from './adopt.ts';
export { checkCcdText, checkMessages } from './check.ts';
export { type CodeSystem, partsOfFile, readCodeSystems, writeCodeSystem } from './codes/index.ts';
export { type Converted, type ConvertOptions, type ConvertTarget, createConverter } from './convert.ts';
export type { DeliverLimits } from './deliver.ts';
export type { ExchangeSetup } from './domains.ts';
export { type LineListener, lineNodes } from './line.ts';
export type { Tables } from './neighbours.ts';
export type { SourceSetup } from './understand.ts';
export { isWarning } from './understand.ts';

export interface EngineParts {
  store: Store;
  clock: Clock;
  log: Log;
  sign: PublishParts['sign'];
  /** Does the detached signature hold, and whose is it? */
  verify(document: { bytes: Buffer; signature: Buffer; id: string }): {
    holds: boolean;
    signer: string;
    reason?: string;
  };
  /** Other nodes, by their names in the settings. */
  peers?: ReadonlyMap<string, Peer>;
  /** Places that messages are passed on to, by name. */
  outlets?: ReadonlyMap<string, Outlet>;
  /** Whom to believe at the door to other nodes. */
  trust?: NeighbourParts['trust'];
  /** What all nodes of the exchange share. */
  adoption?: Pick<Adoption, 'release' | 'view'>;
  /** What is looked after beyond the store, and who is told; without it no alert is raised. */
  watch?: Pick<TendParts, 'certificates' | 'disk' | 'senders'>;
}

export interface EngineOptions {
  node: { name: string; role: NodeRole; facility: string; zone: string; version: string };
  organization: PublishOptions['organization'];
  /** MSH-11 that reaches the record: P on a production node. */
  processing: string;
  documents: ProcessOptions['documents'];
  sessionMinutes: number;
  sources: (SourceSetup & { listener: string })[];
  /** Absent where the node stands alone. */
  exchange?: ExchangeSetup;
  /** Lines of a region or global node to systems outside of the exchange; their sources stand in the exchange's nodes ({@link lineNodes}). */
  line?: { listeners: readonly LineListener[]; pix: PixSettings };
  deliver?: DeliverLimits;
  tables?: Tables;
  alerts?: Omit<TendOptions, 'node' | 'base'> & { base: string };
  /** In force, for their page. */
  settings?: Settings;
}

export interface Engine {
  /** Keeps what one frame holds and answers. Never throws for what the bytes say. */
  accept(bytes: Buffer, sourceId: string): Promise<Answer>;
  /** {@link Engine.accept} for a listener of kind pix, pdq or index, where the certificate or the message says whose it is. */
  acceptLine(bytes: Buffer, listener: string, certificate?: { name: string; fingerprint: string }): Promise<Answer>;
  /** The answer to a frame that was refused before it was whole, from its first bytes; null where no header is in them. */
  refuse(head: Buffer, sourceId: string, code: FaultCode): Buffer | null;
  admission: Admission;
  portal: PortalEngine;
  /** What other nodes may ask; only with an exchange. */
  exchange: ExchangeEngine | undefined;
  /** Takes over routes and outlets without dropping what is under way. */
  setTables(tables: Tables, outlets: ReadonlyMap<string, Outlet>): void;
  /** Begins to work off jobs. */
  start(): void;
  /** Ends when the work at hand has ended; what waits stays in the store. */
  stop(): Promise<void>;
  /** A small text of the node's own that outlives a restart. */
  remember(name: string, text: string): Promise<void>;
  remembered(name: string): Promise<string | undefined>;
  /** Lets the demo say how far its sample traffic is. */
  tellSamples(samples: Overview['samples']): void;
}

/** Messages understood at acceptance wait here for their job; beyond this many they are read again. */
const UNDERSTOOD_MAX = 4_096;
/** Senders that wait for an application acknowledgment, and how long one does; who is let go hears it when it sends again. */
const WAITING = { max: 10_000, waitMs: 3_600_000 };
const PROCESS_BATCH = 64;
const DOCUMENT_BATCH = 16;
const FEED_BATCH = 64;
/** What the settings give where nobody sets anything, for an engine that is made by hand. */
const DELIVER: DeliverLimits = {
  inFlightMax: 16,
  firstRetryMs: 1_000,
  longestRetryMs: 300_000,
  giveUpMs: 14 * 86_400_000,
  breakAfter: 5,
  restMs: 5_000,
};

export function createEngine(parts: EngineParts, options: EngineOptions): Engine {
  const { clock, log } = parts;
  const store = storeOf(parts, options);
  const lineSources = options.line === undefined ? [] : lineSetups(options.line.listeners, options.line.pix);
  const setups = new Map<string, SourceSetup & { listener?: string }>();
  for (const setup of [...options.sources, ...lineSources]) setups.set(setup.source.id, setup);
  const admission = createAdmission(parts, options);
  const neighbours = createNeighbours(
    {
      store,
      clock,
      log,
      peers: parts.peers ?? new Map(),
      outlets: parts.outlets ?? new Map(),
      trust: parts.trust ?? (() => ({ roots: [] })),
      source: (id) => setups.get(id),
      ...(parts.adoption === undefined ? {} : { adoption: parts.adoption }),
      ...(options.line === undefined ? {} : { queryLimits: options.line.pix }),
    },
    {
      node: options.exchange?.node ?? options.node,
      ...(options.exchange === undefined ? {} : { exchange: options.exchange }),
      deliver: options.deliver ?? DELIVER,
      tables: options.tables ?? { routes: [], outlets: [] },
      ...(options.line === undefined ? {} : { pix: options.line.pix }),
    },
  );
  const tender =
    parts.watch === undefined || options.alerts === undefined
      ? undefined
      : createTender(
          { store, clock, log, sources: () => [...setups.keys()], states: neighbours.states, ...parts.watch },
          { ...options.alerts, node: options.node.name },
        );
  const publishing: PublishOptions = { organization: options.organization, zone: options.node.zone };
  if (neighbours.above !== undefined) publishing.above = neighbours.above;
  const understood = new Map<string, Understood>();
  const waiting = createWaiting(clock, WAITING);
  // The work that a sender waits for here may have been done by another process on the same store.
  store.onOthers?.(({ messages }) => {
    for (const { id, state } of messages)
      if (state !== 'kept' && waiting.has(id))
        store.message(id).then(
          (message) => message && waiting.tell(id, message.faults),
          () =>
            log.warn(
              { messageId: id },
              'what another process did could not be read; its sender is told when it sends again',
            ),
        );
  });
  let samples: Overview['samples'];
  let halt: (() => Promise<void>) | undefined;

  const acceptParts = {
    store,
    clock,
    log,
    giveUnderstood(messageId: string, what: Understood) {
      if (understood.size < UNDERSTOOD_MAX) understood.set(messageId, what);
    },
    waiting,
  };
  const compute = createCompute(
    { setups: options.sources, documents: options.documents, processing: options.processing },
    log,
  );
  const processParts = {
    compute,
    store,
    clock,
    log,
    source: (id: string) => setups.get(id),
    takeUnderstood(messageId: string) {
      const what = understood.get(messageId);
      understood.delete(messageId);
      return what;
    },
    answered: waiting.tell,
    addOnward: neighbours.addOnward,
  };
  const processOptions: ProcessOptions = { processing: options.processing, documents: options.documents, racesMax: 5 };

  const { exchange: door, index } = neighbours;
  const line =
    options.line === undefined || options.exchange === undefined || door === undefined || index === undefined
      ? undefined
      : createLine(
          {
            store,
            clock,
            log,
            accept: acceptParts,
            door: { ...door, ...index },
            takeUnderstood: processParts.takeUnderstood,
            answered: waiting.tell,
          },
          options.exchange,
          { ...options.line, processing: options.processing },
        );

  async function makeDocumentNow(personId: string): Promise<string> {
    const document = await makeDocument(parts, publishing, personId);
    if (document !== undefined) {
      await keepDocument(parts, publishing, { personId, document });
      return document.id;
    }
    const current = (await store.documents(personId)).find((one) => one.state === 'current');
    if (current === undefined) throw new MixError('http.not-found', { detail: 'document' });
    return current.id;
  }

  const browse = createBrowse({
    store,
    clock,
    admission,
    setups: () => [...setups.values()],
    listenerOf: (sourceId) => setups.get(sourceId)?.listener ?? '',
    rerun: (message: KeptMessage, by: Subject, ask) =>
      rerunMessage(acceptParts, message, setups.get(message.sourceId), by, ask),
    makeDocumentNow,
    verify: parts.verify,
    samples: () => samples,
    node: options.node,
    desk: tender === undefined ? neighbours.desk : { ...neighbours.desk, ...tender },
    startedAt: clock.now(),
    ...(options.settings === undefined ? {} : { settings: options.settings }),
  });
  const meOf = (subject: Subject) => ({
    id: subject.id,
    name: subject.name,
    roles: subject.roles,
    mustChangeSecret: subject.mustChangeSecret,
    sessionEndsAt: subject.sessionEndsAt,
    node: options.node,
  });

  return {
    admission,
    exchange: neighbours.exchange,
    setTables: neighbours.setTables,
    portal: {
      ...browse,
      ...(options.exchange === undefined || options.exchange.node.role === 'hospital'
        ? noIdentities
        : createIdentityDesk({ store, clock, log }, options.exchange)),
      async signIn({ name, secret }) {
        try {
          const { token, subject } = await admission.signIn(name, secret);
          return { ok: true, token, me: meOf(subject) };
        } catch (cause) {
          if (cause instanceof MixError) return { ok: false, fault: cause.fault };
          throw cause;
        }
      },
      admit: async (token, how) => admission.admit(token, how),
      signOut: (token) => admission.signOut(token),
      changeSecret: (subject, old, fresh) => admission.changeSecret(subject as Subject, old, fresh),
      me: async (subject) => meOf(subject as Subject),
    },
    async accept(bytes, sourceId) {
      const setup = setups.get(sourceId);
      if (setup === undefined) throw new MixError('record.unknown-source', { detail: sourceId });
      return acceptFrame(acceptParts, bytes, setup);
    },
    async acceptLine(bytes, listener, certificate) {
      if (line === undefined) throw new MixError('record.unknown-source', { detail: listener });
      return line.accept(bytes, listener, certificate);
    },
    refuse: (head, sourceId, code) => refuseFrame({ head, setup: refusing(sourceId), code, now: clock.now() }),
    start() {
      halt ??= runJobs(parts, [
        {
          kinds: ['process'],
          batch: PROCESS_BATCH,
          abreast: 3,
          // A node with an index keeps no clinical record: what comes over its lines are feeds.
          work: (jobs) => line?.takeFeeds(jobs) ?? processJobs(processParts, processOptions, jobs),
        },
        { kinds: ['document'], batch: DOCUMENT_BATCH, abreast: 1, work: (jobs) => publishAll(jobs) },
        { kinds: ['feed'], batch: FEED_BATCH, abreast: 1, work: (jobs) => neighbours.feed(jobs) },
        { kinds: ['recall'], batch: FEED_BATCH, abreast: 1, work: (jobs) => neighbours.recall(jobs) },
      ]);
      neighbours.start();
      void tender?.start();
    },
    async stop() {
      await tender?.stop();
      await neighbours.stop();
      await halt?.();
      halt = undefined;
      await compute.close();
    },
    remember: (name, text) => store.putValue(name, Buffer.from(text)),
    remembered: async (name) => (await store.getValue(name))?.toString(),
    tellSamples(now) {
      samples = now;
    },
  };

  /** A frame that is refused before it is whole says nothing of its sender but the listener. */
  function refusing(id: string): SourceSetup | undefined {
    return setups.get(id) ?? options.line?.listeners.find(({ name }) => name === id)?.setup;
  }

  async function publishAll(jobs: Job[]): Promise<void> {
    await Promise.all(jobs.map((job) => publishJob(parts, publishing, job)));
  }
}

/** The store, which tells subscribers of numbers that change (ITI-10). */
function storeOf({ store, clock }: EngineParts, { line, exchange, tables }: EngineOptions): Store {
  if (line === undefined || exchange === undefined) return store;
  return notifyingStore(store, clock, exchange, {
    subscriptions: subscriptionsOf(line.pix.subscriptions, tables?.outlets ?? []),
    sources: new Set(line.pix.sources.map(({ name }) => name)),
  });
}
