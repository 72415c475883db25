/**
 * Hospitals, regions and a global node in one process: real SQLite stores, joined by peers that call each other's door through JSON as the wire would.
 * What is due is worked off by `settle`, in turns, so that a test sees every step.
 */
import { createHash } from 'node:crypto';
import type { Bundle, Patient } from '@medplum/fhirtypes';
import { authorize } from '../../engine/authorize.ts';
import { withJobs } from '../../engine/deliveries.ts';
import { type ExchangeSetup, type KnownNode, nodeAbove } from '../../engine/domains.ts';
import { documentDelivery, feedJobs } from '../../engine/feed.ts';
import { takeNumbers } from '../../engine/numbers.ts';
import { payloadOf } from '../../engine/payload.ts';
import { personTerms, uuidv7 } from '../../engine/record/index.ts';
import { sendOne } from '../../engine/send.ts';
import { createServe } from '../../engine/serve.ts';
import type { OpenedStore } from '../../engine/store/index.ts';
import { recallDocuments } from '../../engine/withdraw.ts';
import { MixError } from '../../schemas/errors/index.ts';
import type { ExchangeEngine, FhirAnswer, NodeRole, NodeSubject, Peer, PeerRequest } from '../../schemas/exchange.ts';
import type { Identifier, Person, StoredDocument } from '../../schemas/parts.ts';
import { profileNamed } from '../../schemas/vendors/profile.ts';
import { openTestStore } from './receiver.ts';

export interface TestNode {
  name: string;
  setup: ExchangeSetup;
  store: OpenedStore;
  serve: Omit<ExchangeEngine, 'admitNode'>;
  /** Who another node is to this one. */
  subjectOf(name: string): NodeSubject;
  /** Every request that reached its door, in order: `PUT Patient from a`. */
  asked: string[];
  /** It answers nobody while this is true. */
  down: boolean;
  /** Answers are lost on the way while this is true; what was asked is done. */
  deaf: boolean;
}

export interface TestNodes {
  a: TestNode;
  b: TestNode;
  region: TestNode;
  /** A second region, below the same global node. */
  west: TestNode;
  c: TestNode;
  global: TestNode;
  all: TestNode[];
  clock: { now(): number; pass(ms: number): void };
  /** Works off feeds and deliveries of all nodes until none is due. */
  settle(): Promise<void>;
  close(): Promise<void>;
}

const base = '2.16.840.1.113883.19.77';
export const OID = {
  exchange: base,
  global: `${base}.10`,
  region: `${base}.20`,
  west: `${base}.30`,
  a: `${base}.21`,
  b: `${base}.22`,
  c: `${base}.31`,
};
export const SYSTEM = {
  a: `urn:oid:${OID.a}.1`,
  b: `urn:oid:${OID.b}.1`,
  c: `urn:oid:${OID.c}.1`,
  mix: `urn:oid:${OID.exchange}.1`,
  xpid: `urn:oid:${OID.region}.2`,
  westXpid: `urn:oid:${OID.west}.2`,
};

type Name = 'a' | 'b' | 'c' | 'region' | 'west' | 'global';
const roleOf: Record<Name, NodeRole> = {
  a: 'hospital',
  b: 'hospital',
  c: 'hospital',
  region: 'region',
  west: 'region',
  global: 'global',
};
const knows: Record<Name, Name[]> = {
  a: ['region'],
  b: ['region'],
  c: ['west'],
  region: ['a', 'b', 'global'],
  west: ['c', 'global'],
  global: ['region', 'west'],
};

interface NodeOptions {
  documents?: 'here' | 'region';
  documentBytesMax?: number;
  /** Which are there; default one region with two hospitals, and the global node. */
  only?: readonly Name[];
}

export const everyNode: readonly Name[] = ['a', 'b', 'region', 'west', 'c', 'global'];

export async function openNodes(options: NodeOptions = {}): Promise<TestNodes> {
  let now = Date.UTC(2026, 10, 23, 12);
  const clock = {
    now: () => now,
    pass(ms: number) {
      now += ms;
    },
  };
  const nodes = {} as Record<Name, TestNode>;
  const closers: (() => Promise<void>)[] = [];
  const names = options.only ?? ['a', 'b', 'region', 'global'];
  const opened = await Promise.all(names.map(() => openTestStore(clock)));
  names.forEach((name, at) => {
    closers.push(opened[at]!.close);
    nodes[name] = makeNode(name, opened[at]!.store, nodes, clock, options);
  });
  const all = Object.values(nodes);
  return {
    ...nodes,
    all,
    clock,
    async settle() {
      for (let turn = 0; turn < 200; turn++) {
        const worked = await Promise.all(all.map((node) => workOff(node, nodes, clock)));
        if (worked.every((count) => count === 0)) return;
      }
      throw new Error('the nodes do not come to rest');
    },
    async close() {
      await Promise.all(closers.map((close) => close()));
    },
  };
}

const log = { info() {}, warn() {}, error() {} };

function makeNode(
  name: Name,
  store: OpenedStore,
  nodes: Record<Name, TestNode>,
  clock: { now(): number },
  options: NodeOptions,
): TestNode {
  const known = knows[name].map(
    (other): KnownNode => ({
      name: other,
      role: roleOf[other],
      organization: OID[other],
      authorities: roleOf[other] === 'hospital' ? `${OID[other]}.1` : '-',
    }),
  );
  const setup: ExchangeSetup = {
    node: { name, role: roleOf[name], version: '0' },
    organization: { oid: OID[name], name },
    oid: OID.exchange,
    documents: options.documents ?? 'here',
    documentBytesMax: options.documentBytesMax ?? 1024 * 1024,
    nodes: known,
    base: `https://${name}.example:8443/fhir/R4`,
    feed: { quietMs: 0, latestMs: 0 },
    document: { quietMs: 0, latestMs: 0 },
  };
  const node: TestNode = {
    name,
    setup,
    store,
    asked: [],
    down: false,
    deaf: false,
    subjectOf: (other) => ({ kind: 'peer', id: other, role: roleOf[other as Name], organization: OID[other as Name] }),
    serve: createServe(
      {
        store,
        clock,
        log,
        permit: (from, action, thing, reason, together) =>
          authorize({ store, clock }, from, action, thing, reason, together),
        peer: (other) => (knows[name].includes(other as Name) ? peerTo(nodes[other as Name], name) : undefined),
      },
      setup,
    ),
  };
  return node;
}

/** The way from one node to another's door; bodies go through JSON, faults become answers. */
export function peerTo(to: TestNode, from: string): Peer {
  return {
    name: to.name,
    role: to.setup.node.role,
    async ask(request) {
      if (to.down) throw new MixError('exchange.unreachable', { place: to.name });
      to.asked.push(`${request.method} ${request.path.split(/[?/]/)[0]} from ${from}`);
      const answer = await answerOf(to, from, request);
      if (to.deaf) throw new MixError('exchange.unreachable', { place: to.name });
      return answer;
    },
    async close() {},
  };
}

async function answerOf(to: TestNode, from: string, request: PeerRequest) {
  const subject = to.subjectOf(from);
  if (request.requester !== undefined) subject.onBehalf = request.requester;
  try {
    return written(await route(to, subject, request));
  } catch (cause) {
    if (!(cause instanceof MixError)) throw cause;
    const { code, place } = cause.fault;
    const issue = {
      severity: 'error',
      code: cause.kind.fhir,
      details: { coding: [{ code }] },
      expression: place ? [place] : [],
    };
    const body = Buffer.from(JSON.stringify({ resourceType: 'OperationOutcome', issue: [issue] }));
    return { status: cause.kind.http, headers: {}, body };
  }
}

function written(answer: FhirAnswer) {
  const body = answer.bytes?.body ?? Buffer.from(answer.resource === undefined ? '' : JSON.stringify(answer.resource));
  return { status: answer.status, headers: answer.headers ?? {}, body };
}

async function route(to: TestNode, from: NodeSubject, request: PeerRequest): Promise<FhirAnswer> {
  const [path = '', query = ''] = request.path.split('?');
  const search = new URLSearchParams(query);
  const body: unknown = request.body === undefined ? undefined : JSON.parse(JSON.stringify(request.body));
  const key = `${request.method} ${path.split('/')[0]}`;
  switch (key) {
    case 'PUT Patient':
      return to.serve.feedPatient(from, search.get('identifier') ?? '', body as Patient, request.deliveryId);
    case 'POST ':
      return to.serve.provideDocuments(from, body as Bundle, request.deliveryId);
    case 'PUT DocumentReference': {
      const { status } = body as { status: string };
      return to.serve.withdrawDocument(from, search.get('identifier') ?? '', status, request.deliveryId);
    }
    case 'GET DocumentReference':
      return to.serve.findDocuments(from, search);
    case 'GET Binary':
      return to.serve.retrieveDocument(from, path.slice('Binary/'.length));
    case 'GET Patient':
      return to.serve.crossReference(from, search);
    default:
      throw new Error(`no such door: ${key}`);
  }
}

async function workOff(node: TestNode, nodes: Record<Name, TestNode>, clock: { now(): number }): Promise<number> {
  const { store, setup } = node;
  const name = node.name as Name;
  const above = nodeAbove(setup)?.name;
  const feeds = await store.lease(['feed'], 50);
  if (feeds.length > 0) await feedJobs({ store, clock }, above, feeds);
  const recalls = await store.lease(['recall'], 50);
  await recallDocuments({ store, clock, nodes: knows[name] }, recalls);
  const kinds = knows[name].map((other) => `deliver/${other}` as const);
  const jobs = await store.lease([...kinds], 50);
  const parts = {
    store,
    clock,
    log,
    peer: (other: string) => (knows[name].includes(other as Name) ? peerTo(nodes[other as Name], name) : undefined),
    outlet: () => undefined,
    payloadOf: (delivery: Parameters<typeof payloadOf>[2], about: { replaces?: string }) =>
      payloadOf(
        { store, now: clock.now, receiverOf: () => undefined, profileOf: () => profileNamed('plain') },
        { node: setup.node, exchange: setup },
        delivery,
        about,
      ),
    takeAnswer: (delivery: Parameters<typeof takeNumbers>[2], answer: Parameters<typeof takeNumbers>[3]) =>
      takeNumbers({ store, clock, log }, setup, delivery, answer),
  };
  const rules = { giveUpMs: 86_400_000, dueAfter: () => clock.now() + 60_000 };
  await Promise.all(jobs.map((job) => sendOne(parts, rules, job)));
  return feeds.length + recalls.length + jobs.length;
}

/** A patient of a hospital, kept as a processed message would keep it, with the feed that follows. */
export async function register(
  node: TestNode,
  number: string,
  patient: Omit<Patient, 'resourceType'>,
  more: Identifier[] = [],
): Promise<Person> {
  const now = Date.UTC(2026, 10, 23, 11);
  const system = SYSTEM[node.name as 'a'];
  const id = uuidv7();
  const identifiers: Identifier[] = [{ system, value: number, type: 'MR', sourceId: 'adt' }, ...more];
  const type = (code: string) => ({ coding: [{ system: 'http://terminology.hl7.org/CodeSystem/v2-0203', code }] });
  const person: Person = {
    id,
    version: 1,
    state: 'active',
    createdAt: now,
    updatedAt: now,
    incomplete: false,
    identifiers,
    patient: {
      resourceType: 'Patient',
      id,
      ...patient,
      identifier: identifiers.map((one) => ({ system: one.system, value: one.value, type: type(one.type) })),
    },
  };
  await node.store.commit({
    persons: [{ person, expect: 0, terms: personTerms(person.patient) }],
    jobsNew: [feedNow(id, now)],
  });
  return person;
}

const feedNow = (personId: string, now: number) => ({
  id: uuidv7(),
  kind: 'feed' as const,
  subject: personId,
  keys: [`feed|${personId}`],
  dueAt: now,
  latestAt: now,
});

/** Changes a person and feeds it, as a further message would. */
export async function revise(node: TestNode, id: string, change: (person: Person) => Person): Promise<void> {
  const person = (await node.store.person(id))!;
  const next = { ...change(person), version: person.version + 1, updatedAt: person.updatedAt + 1 };
  await node.store.commit({
    persons: [{ person: next, expect: person.version, terms: personTerms(next.patient) }],
    jobsNew: [feedNow(id, 0)],
  });
}

/** A document of a person, kept and on its way. */
export async function publish(
  node: TestNode,
  personId: string,
  text: string,
  replaces?: StoredDocument,
): Promise<StoredDocument> {
  const bytes = Buffer.from(text);
  const id = uuidv7();
  const person = (await node.store.person(personId))!;
  const document: StoredDocument = {
    id,
    personId,
    setId: replaces?.setId ?? uuidv7(),
    version: (replaces?.version ?? 0) + 1,
    state: 'current',
    createdAt: Date.UTC(2026, 10, 23, 11, 30) + (replaces?.version ?? 0) * 1_000,
    personVersion: person.version,
    bytes,
    signature: Buffer.from('seal'),
    sha256: createHash('sha256').update(bytes).digest('hex'),
  };
  if (replaces !== undefined) document.replaces = replaces.id;
  const above = nodeAbove(node.setup)?.name;
  const sends = above === undefined ? withJobs([], 0) : documentDelivery(above, document, document.createdAt);
  await node.store.commit({ documents: [document], ...sends });
  return document;
}
