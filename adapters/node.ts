/** One node: reads settings, opens parts, mounts adapters, starts, stops. The only file that sees everything. */
import { mkdirSync, readFileSync } from 'node:fs';
import { statfs } from 'node:fs/promises';
import { hostname } from 'node:os';
import { pino } from 'pino';
import {
  createEngine,
  type Engine,
  type EngineParts,
  type ExchangeSetup,
  type LineListener,
  lineNodes,
  type SourceSetup,
} from '../engine/index.ts';
import type { OpenedStore } from '../engine/store/index.ts';
import { MixError } from '../schemas/errors/index.ts';
import type { Clock, Log, Outlet, Store } from '../schemas/parts.ts';
import type { ListenerSettings, SecretReference, Settings } from '../schemas/settings/index.ts';
import { openMail, openWebhook } from './alerts/index.ts';
import { createFhirDoor, createHttp, type RouteFace } from './http/index.ts';
import { listen, type MllpTls, openMllpOutlet } from './mllp/index.ts';
import { openSharedCodes } from './node-codes.ts';
import { type NodeKeys, openKeys } from './node-keys.ts';
import { openState } from './node-state.ts';
import { type OpenPeer, openFolderOutlet, openHttpOutlet, openPeer } from './outlets/index.ts';
import { buildPages } from './web/index.ts';

export interface StartOptions {
  clock?: Clock;
  log?: Log;
  /** Lets a test or the bench stand between the engine and its store. */
  wrapStore?(store: OpenedStore): Store;
  /** Messages are kept and answered while their jobs wait; for the intake bench. */
  paused?: boolean;
}

export interface RunningNode {
  engine: Engine;
  /** Address of the portal. */
  address: string;
  /** Address where other nodes reach this one; only with an exchange. */
  door?: string;
  listeners: { name: string; host: string; port: number }[];
  /** Set while the first user has not yet chosen a password of their own. */
  firstUser?: { id: string; secret: string };
  routes: RouteFace[];
  /**
   * Takes over the routes and outlets of settings that were read anew, without dropping a connection of an EMR. Gives the rooms that differ
   * and want a new start.
   */
  takeOver(fresh: Settings): Promise<string[]>;
  /** Ends listeners, work at hand, pages and store, in this order. */
  stop(): Promise<void>;
}

const VERSION = (JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as { version: string })
  .version;
const FIRST_USER = { id: 'admin', roles: ['administrator', 'interface-analyst', 'doctor', 'privacy-officer'] };

/** Starts a node. Throws `settings.*`, `store.*`, `authority.*`, `mllp.*` when a part can't be opened. */
export async function startNode(settings: Settings, options: StartOptions = {}): Promise<RunningNode> {
  const clock: Clock = options.clock ?? { now: Date.now };
  const log: Log = options.log ?? pinoLog(settings.log.level);
  const { node } = settings;
  mkdirSync(node.dataDir, { recursive: true, mode: 0o700 });
  const pagesDir = await buildPages();
  const { store: opened, bell } = await openState(settings, { clock, log, readSecret });
  const store = options.wrapStore?.(opened) ?? opened;
  const keys = openKeys(settings, clock);
  const ways = openWays(settings, keys);
  const shared = openSharedCodes(settings, { store, clock, log, keys, peers: ways.peers });
  const engine = createEngine(
    {
      store,
      clock,
      log,
      ...(shared === undefined ? {} : { adoption: shared.adoption }),
      sign: keys.sign,
      verify: keys.verify,
      trust: keys.trust,
      peers: ways.peers,
      outlets: ways.outlets,
      watch: watchOf(settings, keys),
    },
    {
      node: {
        name: node.organization.name,
        role: node.role,
        facility: node.facility,
        zone: node.zone,
        version: VERSION,
      },
      organization: organizationOf(settings),
      processing: 'P',
      documents: settings.documents,
      sessionMinutes: settings.http.sessionMinutes,
      sources: settings.listeners.filter(isOfEmr).map((listener) => setupOf(listener, node.zone)),
      ...(node.role === 'hospital' ? {} : { line: { listeners: lineListenersOf(settings), pix: settings.pix } }),
      deliver: settings.deliver,
      alerts: { ...settings.alerts, base: addressOf(settings) },
      settings,
      ...(settings.exchange === undefined ? {} : { exchange: exchangeOf(settings) }),
      tables: { routes: settings.routes, outlets: settings.outlets },
    },
  );
  const secret = await firstSecret(engine, store);
  const http = await openHttp(settings, engine, pagesDir, log);
  const web = await http.listen();
  const door = await openDoor(settings, { engine, keys, ways, log, clock });
  const listeners = await Promise.all(settings.listeners.map((one) => openListener(one, settings, engine, log)));
  if (options.paused !== true) engine.start();
  await shared?.start();
  await store.commit({ audit: [{ at: clock.now(), who: 'node', action: 'start', outcome: 'done', what: 'node' }] });
  log.info({ node: node.name, portal: web.url, listeners: listeners.length }, 'the node is up');

  const running: RunningNode = {
    engine,
    address: web.url,
    listeners: listeners.map(({ name, host, port }) => ({ name, host, port })),
    routes: http.routes(),
    async takeOver(fresh) {
      const { routes, outlets } = fresh;
      const closeOld = ways.exchangeOutlets(fresh);
      engine.setTables({ routes, outlets }, ways.outlets);
      await closeOld();
      const rooms = Object.keys(settings) as (keyof Settings)[];
      return rooms.filter(
        (room) =>
          room !== 'routes' && room !== 'outlets' && JSON.stringify(settings[room]) !== JSON.stringify(fresh[room]),
      );
    },
    async stop() {
      await Promise.all(listeners.map((one) => one.close()));
      await door?.close();
      await shared?.stop();
      await engine.stop();
      await ways.close();
      await http.close();
      await store.commit({ audit: [{ at: clock.now(), who: 'node', action: 'stop', outcome: 'done', what: 'node' }] });
      await store.close();
      await bell?.close();
    },
  };
  if (door !== undefined) running.door = door.url;
  if (secret !== undefined) running.firstUser = { id: FIRST_USER.id, secret };
  return running;
}

/** A one-time password for the first user, made anew at each start until they chose their own. */
async function firstSecret(engine: Engine, store: Store): Promise<string | undefined> {
  const user = await store.user(FIRST_USER.id);
  if (user === undefined) return engine.admission.firstUser(FIRST_USER.id, FIRST_USER.roles);
  return user.oneTime ? engine.admission.renewOneTimeSecret(user.id) : undefined;
}

function setupOf(listener: ListenerSettings, zone: string): SourceSetup & { listener: string } {
  return {
    source: {
      id: listener.name,
      profile: listener.profile,
      authority: listener.authority,
      facility: listener.facility,
    },
    profile: listener.profile,
    charset: listener.charset,
    acknowledgment: listener.acknowledgment,
    zone,
    processing: listener.processing,
    listener: `${listener.host}:${listener.port}${listener.tls ? ' (TLS)' : ''}`,
  };
}

const isOfEmr = ({ kind }: ListenerSettings): boolean => kind === 'emr';

function lineListenersOf({ listeners, node }: Settings): LineListener[] {
  return listeners.flatMap((listener) =>
    listener.kind === 'emr' ? [] : [{ name: listener.name, kind: listener.kind, setup: setupOf(listener, node.zone) }],
  );
}

function organizationOf({ node }: Settings): Parameters<typeof createEngine>[1]['organization'] {
  const { name, oid, address, telecom } = node.organization;
  return {
    name,
    oid,
    address: {
      line: [address.street],
      city: address.city,
      ...(address.state === undefined ? {} : { state: address.state }),
      postalCode: address.postalCode,
      country: address.country,
    },
    telecom: [{ system: 'phone', value: telecom }],
  };
}

async function openHttp(
  settings: Settings,
  engine: Engine,
  pagesDir: string,
  log: Log,
): Promise<Awaited<ReturnType<typeof createHttp>>> {
  const { http, node } = settings;
  return createHttp({
    engine: engine.portal,
    settings: {
      host: http.host,
      port: http.port,
      pagesDir,
      face: { name: node.organization.name, role: node.role },
      bodyBytesMax: http.bodyBytesMax,
      signInsPerMinute: http.signInsPerMinute,
    },
    ...(http.tls ? { tls: { cert: readFileSync(http.tls.cert), key: readSecret(http.tls.key) } } : {}),
    log,
  });
}

async function openListener(
  listener: ListenerSettings,
  settings: Settings,
  engine: Engine,
  log: Log,
): Promise<{ name: string; host: string; port: number; close(): Promise<void> }> {
  const { source } = setupOf(listener, settings.node.zone);
  const server = await listen({
    host: listener.host,
    port: listener.port,
    ...(listener.tls ? { tls: tlsOf(listener.tls) } : {}),
    source,
    accept: (bytes, _source, { certificate }) =>
      listener.kind === 'emr' ? engine.accept(bytes, source.id) : engine.acceptLine(bytes, source.id, certificate),
    answerRefused: (refusal) => engine.refuse(refusal.head, source.id, refusal.code),
    limits: settings.mllp,
    log,
  });
  return { name: listener.name, host: listener.host, port: server.port, close: () => server.close() };
}

/** The node's place in the exchange, as the engine knows it. */
function exchangeOf({ node, exchange, documents, deliver, pix, mpi }: Settings): ExchangeSetup {
  const { oid, listen, nodes, documentBytesMax } = exchange!;
  const { name, role, organization } = node;
  const { quietMs, latestMs } = documents;
  return {
    node: { name, role, version: VERSION },
    organization: { oid: organization.oid, name: organization.name },
    oid,
    documents: exchange!.documents,
    documentBytesMax,
    nodes: [...nodes, ...lineNodes(role, pix)],
    base: `https://${listen.names.split(/\s+/)[0]}:${listen.port}/fhir/R4`,
    feed: { quietMs: deliver.feedQuietMs, latestMs: deliver.feedLatestMs },
    document: { quietMs, latestMs },
    index: { fourEyes: mpi.fourEyes, recordsMax: mpi.recordsMax },
  };
}

/** How often it is looked whether our certificate is due to be renewed, and whether somebody's was revoked. */
const LOOK_MS = 10_000;

/** The door to other nodes; its certificate, and that of the ways out, is renewed while it is open. */
async function openDoor(
  { exchange }: Settings,
  parts: { engine: Engine; keys: NodeKeys; ways: Ways; log: Log; clock: Clock },
): Promise<{ url: string; close(): Promise<void> } | undefined> {
  const { engine, keys, ways, log, clock } = parts;
  if (exchange === undefined || engine.exchange === undefined) return undefined;
  const { host, port } = exchange.listen;
  const limits = { documentBytesMax: exchange.documentBytesMax };
  const door = createFhirDoor({ engine: engine.exchange, tls: keys.tls(), host, port, limits, log, clock });
  const { url } = await door.listen();
  let shown = keys.tls().cert;
  let { crls } = keys.trust();
  const look = (): void => {
    const tls = keys.tls();
    if (tls.cert !== shown) {
      shown = tls.cert;
      door.renewTls(tls.cert, tls.key);
      for (const peer of ways.peers.values()) peer.renewTls(tls);
    }
    const lists = keys.trust().crls;
    if (lists === crls) return;
    crls = lists;
    // Connections that stand are judged again; the door judges at every request.
    for (const peer of ways.peers.values()) peer.reconnect();
  };
  const looking = setInterval(() => {
    try {
      look();
    } catch (cause) {
      const code = cause instanceof MixError ? cause.fault.code : 'record.unexpected';
      log.error({ code }, 'certificates or revocation lists can not be read');
    }
  }, LOOK_MS);
  return {
    url,
    async close() {
      clearInterval(looking);
      await door.close();
    },
  };
}

/** Where people open the portal, for letters. */
function addressOf({ http }: Settings): string {
  return `${http.tls === undefined ? 'http' : 'https'}://${http.host}:${http.port}`;
}

/** What is looked after beyond the store, and who is told. */
function watchOf({ alerts, node }: Settings, keys: NodeKeys): NonNullable<EngineParts['watch']> {
  const { mail, webhook } = alerts;
  const senders = [];
  if (mail !== undefined) {
    const { ca, password, ...line } = mail;
    const secrets = {
      ...(ca && { ca: readFileSync(ca) }),
      ...(password && { password: readSecret(password).toString() }),
    };
    senders.push(openMail({ ...line, ...secrets }));
  }
  if (webhook !== undefined) {
    const { key, ...address } = webhook;
    senders.push(openWebhook({ ...address, ...(key && { key: readSecret(key) }) }));
  }
  return {
    senders,
    certificates: keys.ends,
    async disk() {
      const { bavail, blocks, bsize } = await statfs(node.dataDir);
      return { free: bavail * bsize, total: blocks * bsize };
    },
  };
}

/** Ways to other nodes and to outlets; nothing is connected before something is sent. */
interface Ways {
  peers: Map<string, OpenPeer>;
  outlets: Map<string, Outlet>;
  /** Opens the outlets of other settings in place of these; gives the way to close these, once nothing is sent to them any more. */
  exchangeOutlets(fresh: Settings): () => Promise<void>;
  close(): Promise<void>;
}

function openWays(settings: Settings, keys: NodeKeys): Ways {
  const { exchange, deliver } = settings;
  const { answerMs, inFlightMax } = deliver;
  const peers = new Map<string, OpenPeer>();
  for (const { name, role, organization, url } of exchange?.nodes ?? []) {
    const tls = keys.tls();
    const judge = keys.judge;
    peers.set(name, openPeer({ name, role, organization, url, tls, judge, answerMs, connections: inFlightMax }));
  }
  const ways: Ways = {
    peers,
    outlets: openOutlets(settings, answerMs),
    exchangeOutlets(fresh) {
      const old = [...ways.outlets.values()];
      ways.outlets = openOutlets(fresh, answerMs);
      return async () => void (await Promise.all(old.map((one) => one.close())));
    },
    async close() {
      await Promise.all([...peers.values(), ...ways.outlets.values()].map((one) => one.close()));
    },
  };
  return ways;
}

function openOutlets({ outlets }: Settings, answerMs: number): Map<string, Outlet> {
  return new Map(outlets.map((outlet) => [outlet.name, openOutlet(outlet, answerMs)]));
}

type OutletSettings = Settings['outlets'][number];

/** What each kind needs is checked when settings are read. */
function openOutlet(outlet: OutletSettings, answerMs: number): Outlet {
  const { name: id, kind, plain } = outlet;
  const tls = outlet.tls && tlsOf(outlet.tls);
  const line = { id, plain, answerMs, ...(tls === undefined ? {} : { tls }) };
  if (kind === 'folder') return openFolderOutlet({ id, folder: outlet.folder! });
  if (kind === 'http') return openHttpOutlet({ ...line, url: outlet.url! });
  return openMllpOutlet({ ...line, host: outlet.host!, port: outlet.port! });
}

function tlsOf(tls: NonNullable<ListenerSettings['tls']>): MllpTls {
  return { cert: readFileSync(tls.cert), key: readSecret(tls.key), ca: tls.ca.map((file) => readFileSync(file)) };
}

/** A secret by its reference. Throws `settings.secret-missing`. */
function readSecret(reference: SecretReference): Buffer {
  if ('file' in reference) return readFileSync(reference.file);
  const value = process.env[reference.env];
  if (value === undefined || value === '') throw new MixError('settings.missing', { place: reference.env });
  return Buffer.from(value);
}

/** Lines of JSON on standard error, so that standard output stays the command's. */
function pinoLog(level: string): Log {
  return pino({ name: 'mix-hie', level, base: { host: hostname() } }, pino.destination(2));
}
