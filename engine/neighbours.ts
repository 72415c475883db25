/**
 * This node's lines to other nodes and to outlets, joined: what processed messages send onward, what is delivered, what other nodes may
 * ask, and what the pages may do with it.
 */
import { MixError } from '../schemas/errors/index.ts';
import type { ExchangeEngine, Peer } from '../schemas/exchange.ts';
import type { IndexDoor } from '../schemas/identity.ts';
import type { Changes, Clock, Job, KeptMessage, Log, Outlet, Store } from '../schemas/parts.ts';
import type { OutletState } from '../schemas/portal-exchange.ts';
import type { Settings } from '../schemas/settings/index.ts';
import { chooseProfile, profileNamed } from '../schemas/vendors/profile.ts';
import { createNodeAdmission, type NodeTrust } from './admit.ts';
import type { Adoption } from './adopt.ts';
import { createAuthorities } from './authorities.ts';
import { authorize } from './authorize.ts';
import type { ExchangeDesk } from './browse-exchange.ts';
import { createDeliverer, type DeliverLimits } from './deliver.ts';
import { type ExchangeSetup, nodeAbove } from './domains.ts';
import { feedJobs } from './feed.ts';
import { createFinder } from './find.ts';
import type { Receiver } from './hl7v2/index.ts';
import { createIndexDoor } from './identity.ts';
import { noticePayload, subscriptionsOf } from './notify.ts';
import { takeNumbers } from './numbers.ts';
import { addOnward } from './onward.ts';
import { type PayloadParts, payloadOf } from './payload.ts';
import type { ProcessParts } from './process.ts';
import type { queryLimits } from './query-fhir.ts';
import type { ReceiveParts } from './receive.ts';
import { resendDeliveries } from './resend.ts';
import { createServe } from './serve.ts';
import { readKept, type SourceSetup } from './understand.ts';
import { countHeard, createTraffic } from './view-traffic.ts';
import { recallDocuments, withdrawDocument } from './withdraw.ts';

export interface NeighbourParts {
  store: Store;
  clock: Clock;
  log: Log;
  peers: ReadonlyMap<string, Peer>;
  /** By name; a table that is taken over anew takes the place of this one ({@link Neighbours.setTables}). */
  outlets: ReadonlyMap<string, Outlet>;
  /** Whom to believe at the door. */
  trust(): Pick<NodeTrust, 'roots' | 'crls'>;
  source(id: string): SourceSetup | undefined;
  /** Of demographics queries. */
  queryLimits?: typeof queryLimits;
  /** What all nodes of the exchange share: given to those below, and shown. */
  adoption?: Pick<Adoption, 'release' | 'view'>;
}

export interface NeighbourOptions {
  node: { name: string };
  /** Absent where the node stands alone: then only outlets are served. */
  exchange?: ExchangeSetup;
  deliver: DeliverLimits;
  tables: Tables;
  /** Names of authorities, and who is told of numbers (ITI-10). */
  pix?: Pick<Settings['pix'], 'domains' | 'subscriptions'>;
}

/** What may change while the node runs. */
export interface Tables {
  routes: Settings['routes'];
  outlets: Settings['outlets'];
}

export interface Neighbours {
  /** Name of the node above. */
  above?: string;
  /** The door to other nodes. */
  exchange?: ExchangeEngine;
  /** What lines to systems outside of the exchange ask of the index. */
  index?: IndexDoor;
  desk: ExchangeDesk;
  states(): OutletState[];
  addOnward: NonNullable<ProcessParts['addOnward']>;
  /** Runs leased `feed` jobs. */
  feed(jobs: Job[]): Promise<void>;
  /** Runs leased `recall` jobs. */
  recall(jobs: Job[]): Promise<void>;
  start(): void;
  stop(): Promise<void>;
  /** Takes over routes and outlets without dropping what is under way. */
  setTables(tables: Tables, outlets: ReadonlyMap<string, Outlet>): void;
}

/** Joins the lines. Nothing is sent before `start`. */
export function createNeighbours(parts: NeighbourParts, options: NeighbourOptions): Neighbours {
  const { store, clock, log, peers } = parts;
  const setup = options.exchange;
  const above = setup && nodeAbove(setup)?.name;
  let { tables } = options;
  let { outlets } = parts;
  let receivers = receiversOf(tables);
  const traffic = createTraffic(clock);

  const payloadParts = {
    store,
    now: () => clock.now(),
    receiverOf: (outlet: string) => receivers.get(outlet),
    profileOf: (message: KeptMessage) =>
      chooseProfile(parts.source(message.sourceId)?.profile ?? 'plain', message.facts),
    ...noticesOf(parts, options, () => tables),
  };
  const deliverer = createDeliverer(
    {
      store,
      clock,
      log,
      peer: (name) => peers.get(name),
      outlet: (name) => outlets.get(name),
      payloadOf: (delivery, about) => payloadOf(payloadParts, { node: options.node, exchange: setup }, delivery, about),
      takeAnswer: async (delivery, answer) =>
        setup === undefined ? {} : takeNumbers({ store, clock, log }, setup, delivery, answer),
    },
    options.deliver,
  );
  const names = (): string[] => [...peers.keys(), ...outlets.keys()];
  deliverer.setOutlets(names());

  const neighbours: Neighbours = {
    desk: {
      ...(setup === undefined ? {} : createFinder({ clock, log, peer: (name) => peers.get(name) }, setup)),
      ...(parts.adoption === undefined ? {} : { release: parts.adoption.view }),
      outletStates: () => deliverer.states(),
      traffic,
      resend: (ask, by) => resendDeliveries({ store, clock, wake: (outlet) => deliverer.wake(outlet) }, ask, by),
      withdraw: (documentId, by, reason) => withdrawDocument({ store, clock }, documentId, by, reason),
    },
    states: () => deliverer.states(),
    addOnward(changes: Changes, about) {
      const onward = {
        routes: tables.routes,
        node: options.node.name,
        feed: setup?.feed ?? { quietMs: 0, latestMs: 0 },
        facilityOf: (id: string) => facilityOf(parts, id),
        read: (message: KeptMessage) => readKept(message, payloadParts.profileOf(message)),
      };
      return addOnward(changes, about, above === undefined ? onward : { ...onward, above }, clock.now());
    },
    feed: (jobs) => feedJobs({ store, clock }, above, jobs),
    recall: (jobs) => recallDocuments({ store, clock, nodes: [...peers.keys()] }, jobs),
    start: () => deliverer.start(),
    stop: () => deliverer.stop(),
    setTables(next, opened) {
      tables = next;
      outlets = opened;
      receivers = receiversOf(next);
      deliverer.setOutlets(names());
    },
  };
  if (above !== undefined) neighbours.above = above;
  if (setup !== undefined) {
    neighbours.exchange = countHeard(openDoor(parts, setup), traffic);
    if (setup.node.role !== 'hospital') neighbours.index = createIndexDoor(receiveParts(parts), setup);
  }
  return neighbours;
}

/** What subscribers are told. */
function noticesOf(
  { store, clock }: NeighbourParts,
  { exchange: setup, pix, node }: NeighbourOptions,
  tables: () => Tables,
): Pick<PayloadParts, 'noticeOf'> {
  if (setup === undefined || pix === undefined || pix.subscriptions.length === 0) return {};
  const parts = { store, now: () => clock.now(), authorities: createAuthorities(setup, pix.domains) };
  return {
    noticeOf(delivery) {
      const all = subscriptionsOf(pix.subscriptions, tables().outlets);
      const subscription = all.find(({ outlet }) => outlet === delivery.outlet);
      return noticePayload(parts, { setup, subscription, node: node.name }, delivery);
    },
  };
}

function openDoor(parts: NeighbourParts, setup: ExchangeSetup): ExchangeEngine {
  const { clock, peers } = parts;
  const nodes = setup.nodes.filter(({ organization }) => organization !== '');
  const trust = (): NodeTrust => ({ ...parts.trust(), nodes });
  const serve = createServe(
    {
      ...receiveParts(parts),
      peer: (name) => peers.get(name),
      ...(parts.adoption === undefined ? {} : { release: parts.adoption.release }),
      ...(parts.queryLimits === undefined ? {} : { queryLimits: parts.queryLimits }),
    },
    setup,
  );
  return { ...serve, admitNode: createNodeAdmission(trust, clock) };
}

/** What comes in is permitted and audited in the commit of its effect. */
function receiveParts({ store, clock, log }: NeighbourParts): ReceiveParts {
  return {
    store,
    clock,
    log,
    permit: (from, action, thing, reason, together) =>
      authorize({ store, clock }, from, action, thing, reason, together),
  };
}

function facilityOf(parts: Pick<NeighbourParts, 'source'>, sourceId: string): string {
  return parts.source(sourceId)?.source.facility ?? '';
}

/** Receivers that want messages in their own form. Throws `settings.bad-value` for a profile that nobody has. */
function receiversOf({ outlets }: Tables): Map<string, Receiver> {
  const receivers = new Map<string, Receiver>();
  for (const { name, profile, application, facility } of outlets) {
    if (profile === undefined) continue;
    const receiver: Receiver = { profile: profileOf(profile, name) };
    if (application !== undefined) receiver.application = application;
    if (facility !== undefined) receiver.facility = facility;
    receivers.set(name, receiver);
  }
  return receivers;
}

function profileOf(profile: string, outlet: string): Receiver['profile'] {
  try {
    return profileNamed(profile);
  } catch (cause) {
    throw new MixError('settings.bad-value', { place: `/outlets/${outlet}/profile`, cause });
  }
}
