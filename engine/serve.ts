/**
 * What this node does for other nodes, by its role: the exchange's door without who may come in (`admit.ts`).
 *
 * A hospital takes numbers and gives its documents; a region registers, finds and passes on; the global node gives numbers. Every act is permitted and
 * audited here, and a document by the node that holds it.
 */
import type { DocumentReference } from '@medplum/fhirtypes';
import { MixError } from '../schemas/errors/index.ts';
import type { ExchangeEngine, FhirAnswer, NodeRole, NodeSubject, Peer, PeerAnswer } from '../schemas/exchange.ts';
import type { Entry, Person, StoredDocument } from '../schemas/parts.ts';
import { type ExchangeSetup, feedOptionsOf, knownNode, knownSystems } from './domains.ts';
import { createIndexDoor } from './identity.ts';
import {
  binaryIdOf,
  capabilityOf,
  checkDigest,
  type DocumentQuery,
  makeCrossReference,
  makeDocumentReference,
  makeFeed,
  makeSearchset,
  outcomeSaying,
  readCrossReference,
  readDocumentQuery,
  readNumber,
  tokenOf,
} from './ihe/index.ts';
import { survivorOf } from './join.ts';
import { createPatientQueries, queryLimits } from './query-fhir.ts';
import type { ReceiveParts } from './receive.ts';
import { feedPatient } from './register.ts';
import { provideDocuments, registryId, withdrawDocument } from './registry.ts';
import { mayAsk, numbersInForce } from './standing.ts';

export interface ServeParts extends ReceiveParts {
  /** A node that can be asked, by its name in the settings. */
  peer(name: string): Peer | undefined;
  /** The newest release that this node gives to those below; undefined where there is none. */
  release?(have: string | undefined): Promise<FhirAnswer | undefined>;
  /** Of demographics queries. */
  queryLimits?: typeof queryLimits;
}

const CCD_TYPE = 'text/xml';
const ENTRIES_MAX = 20_000;

/** The exchange's door of this node, but for admission. */
export function createServe(parts: ServeParts, setup: ExchangeSetup): Omit<ExchangeEngine, 'admitNode'> {
  const { role } = setup.node;
  const startedAt = parts.clock.now();
  const only = (...roles: NodeRole[]): void => {
    if (!roles.includes(role)) throw new MixError('exchange.not-here', { detail: `a ${role} node` });
  };
  const index = role === 'hospital' ? undefined : createIndexDoor(parts, setup);
  const patients = createPatientQueries(parts, setup, parts.queryLimits ?? queryLimits, index);
  return {
    async findPatients(from, query) {
      only('region', 'global');
      return patients.findPatients(from, query);
    },
    async readPatient(from, id) {
      only('region', 'global');
      return patients.readPatient(from, id);
    },
    async matchPatients(from, body) {
      only('region', 'global');
      return patients.matchPatients(from, body);
    },
    async removePatient(from, identifier, deliveryId) {
      only('region', 'global');
      if (index === undefined) throw new MixError('exchange.not-here', { detail: 'no index' });
      return index.retireLocal(from, identifier, deliveryId);
    },
    feedPatient: (from, identifier, patient, deliveryId) =>
      feedPatient(parts, setup, from, withDelivery({ identifier, patient }, deliveryId)),
    async provideDocuments(from, bundle, deliveryId) {
      only('region');
      return provideDocuments(parts, setup, from, withDelivery({ bundle }, deliveryId));
    },
    async withdrawDocument(from, identifier, status, deliveryId) {
      only('region', 'hospital');
      return withdrawDocument(parts, setup, from, withDelivery({ identifier, status }, deliveryId));
    },
    async findDocuments(from, query) {
      only('region', 'hospital');
      const read = readDocumentQuery(query);
      return { status: 200, resource: await findFor(parts, setup, from, read) };
    },
    async retrieveDocument(from, id) {
      only('region', 'hospital');
      return role === 'region' ? passOn(parts, setup, from, id) : giveOwn(parts, from, id);
    },
    async crossReference(from, query) {
      only('region', 'global');
      return crossReference(parts, setup, from, query);
    },
    async release(from, have) {
      const answer = await parts.release?.(have);
      if (answer === undefined) throw new MixError('exchange.not-here', { detail: 'no release is published here' });
      await parts.permit(from, 'read', { type: 'release' });
      return answer;
    },
    capability: () => capabilityOf(role, { ...setup.node, startedAt }),
  };
}

function withDelivery<T extends object>(request: T, deliveryId: string | undefined): T & { deliveryId?: string } {
  return deliveryId === undefined ? request : { ...request, deliveryId };
}

// ITI-67

async function findFor(parts: ServeParts, setup: ExchangeSetup, from: NodeSubject, query: DocumentQuery) {
  const person = await personOf(parts, query);
  const seen = person !== undefined && mayAsk(setup, from, person) ? person : undefined;
  await parts.permit(
    from,
    'search',
    seen === undefined ? { type: 'document' } : { type: 'document', personId: seen.id },
  );
  if (seen === undefined) return makeSearchset(query, []);
  const references =
    setup.node.role === 'region' ? await registered(parts, seen) : await ownReferences(parts, setup, seen, query);
  return makeSearchset(query, references);
}

async function personOf(parts: ServeParts, query: DocumentQuery): Promise<Person | undefined> {
  const { number } = query;
  const id =
    number === undefined ? query.patientId : (await parts.store.personsByIdentifier([number])).get(tokenOf(number));
  if (id === undefined || !/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(id)) return undefined;
  return survivorOf(parts.store, id);
}

async function registered(parts: ServeParts, person: Person): Promise<DocumentReference[]> {
  const entries = await parts.store.entries(person.id, { limit: ENTRIES_MAX });
  return entries.filter(({ type }) => type === 'DocumentReference').map(seenHere);
}

/** A registered document as this region shows it: retrieved here, wherever it lies. */
function seenHere(entry: Entry): DocumentReference {
  const body = entry.body as DocumentReference;
  const [content] = body.content;
  return {
    ...body,
    content: [{ ...content, attachment: { ...content?.attachment, url: `Binary/${entry.id}` } }],
    custodian: body.custodian ?? { display: entry.sourceId },
  };
}

/** Documents that lie here, told as they are provided. Their bytes are read for size and hash, so only of those that may fit. */
async function ownReferences(
  parts: ServeParts,
  setup: ExchangeSetup,
  person: Person,
  query: DocumentQuery,
): Promise<DocumentReference[]> {
  const feed = makeFeed(person, feedOptionsOf(setup));
  if (feed === undefined) return [];
  const about = {
    patient: feed.patient,
    number: readNumber(feed.identifier, 'identifier'),
    organization: setup.organization,
    base: setup.base,
    mediaType: CCD_TYPE,
    title: 'Continuity of Care Document',
    language: 'en-US',
  };
  const told = (document: StoredDocument): DocumentReference => {
    const reference = makeDocumentReference(document, about);
    return { ...reference, id: document.id };
  };
  const fitting = (await parts.store.documents(person.id))
    .map((one) => ({ ...one, bytes: Buffer.alloc(0), signature: Buffer.alloc(0) }))
    .filter((one) => query.fits(told(one)))
    .sort((a, b) => b.createdAt - a.createdAt);
  const wanted = new Set(fitting.slice(query.offset, query.offset + query.count).map(({ id }) => id));
  return Promise.all(
    fitting.map(async (one) => told((wanted.has(one.id) ? await parts.store.document(one.id) : undefined) ?? one)),
  );
}

// ITI-68

/** A document of this hospital. What was withdrawn is not there any more. */
async function giveOwn(parts: ServeParts, from: NodeSubject, id: string): Promise<FhirAnswer> {
  const document = isUuid(id) ? await parts.store.document(id) : undefined;
  if (document === undefined || document.state === 'deprecated')
    throw new MixError('exchange.unknown-document', { place: 'Binary.id' });
  await parts.permit(from, 'disclose', { type: 'document', id, personId: document.personId });
  // What was withdrawn meanwhile may have been recalled before this disclosure was written down.
  const now = await parts.store.document(id);
  if (now === undefined || now.state === 'deprecated')
    throw new MixError('exchange.unknown-document', { place: 'Binary.id' });
  return bytesAnswer(CCD_TYPE, now.bytes);
}

const isUuid = (text: string): boolean => /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(text);

const bytesAnswer = (mediaType: string, body: Buffer): FhirAnswer => ({ status: 200, bytes: { mediaType, body } });

/** A registered document: the copy that is kept here, or what its home gives to whoever wishes to see it. Nothing of it is kept on the way. */
async function passOn(parts: ServeParts, setup: ExchangeSetup, from: NodeSubject, id: string): Promise<FhirAnswer> {
  const entry = isUuid(id) ? (await parts.store.entriesById([id])).get(id) : undefined;
  const person = entry && (await survivorOf(parts.store, entry.personId));
  if (entry?.type !== 'DocumentReference' || entry.removed || entry.status === 'entered-in-error')
    throw new MixError('exchange.unknown-document', { place: 'Binary.id' });
  if (person === undefined || !mayAsk(setup, from, person))
    throw new MixError('exchange.unknown-document', { place: 'Binary.id' });
  await parts.permit(from, 'disclose', { type: 'document', id, personId: person.id });
  await checkStands(parts, id);
  const reference = entry.body as DocumentReference;
  const mediaType = reference.content[0]?.attachment.contentType ?? 'application/octet-stream';
  const copy = await parts.store.document(id);
  if (copy !== undefined) return bytesAnswer(mediaType, copy.bytes);
  const bytes = await askHome(parts, setup, { entry, reference, from });
  checkDigest(bytes, reference);
  return bytesAnswer(mediaType, bytes);
}

/** What was withdrawn while its disclosure was written down may have been recalled without it. */
async function checkStands(parts: ServeParts, id: string): Promise<void> {
  if ((await parts.store.entriesById([id])).get(id)?.status === 'entered-in-error')
    throw new MixError('exchange.unknown-document', { place: 'Binary.id' });
}

async function askHome(
  parts: ServeParts,
  setup: ExchangeSetup,
  { entry, reference, from }: { entry: Entry; reference: DocumentReference; from: NodeSubject },
): Promise<Buffer> {
  const documentId = binaryIdOf(reference.content[0]?.attachment.url);
  const home = knownNode(setup, entry.sourceId) === undefined ? undefined : parts.peer(entry.sourceId);
  if (documentId === undefined || home === undefined)
    throw new MixError('exchange.unreachable', { place: entry.sourceId, detail: 'its home is not among the nodes' });
  const answer = await home.ask({
    method: 'GET',
    path: `Binary/${documentId}`,
    accept: '*/*',
    ...(from.onBehalf === undefined ? {} : { requester: from.onBehalf }),
  });
  return bytesOf(answer);
}

/** The bytes of an answer to ITI-68, or the fault that the other node's refusal means here. */
export function bytesOf(answer: PeerAnswer): Buffer {
  if (answer.status === 200) return answer.body;
  if (answer.status === 404 || answer.status === 410)
    throw new MixError('exchange.unknown-document', { place: 'Binary.id' });
  if (answer.status === 401 || answer.status === 403)
    throw new MixError('policy.denied', { place: 'document', detail: 'by the node that holds it' });
  if (answer.status === 429 || answer.status === 503) throw new MixError('exchange.busy');
  throw new MixError('exchange.answer', { place: 'Binary', detail: `${answer.status}` });
}

// ITI-83

async function crossReference(
  parts: ServeParts,
  setup: ExchangeSetup,
  from: NodeSubject,
  search: URLSearchParams,
): Promise<FhirAnswer> {
  const query = readCrossReference(search);
  const systems = knownSystems(setup);
  if (!systems.has(query.source.system))
    return saying(400, 'code-invalid', 'sourceIdentifier Assigning Authority not found');
  if (query.targets.some((one) => !systems.has(one))) return saying(403, 'code-invalid', 'targetSystem not found');
  const id = (await parts.store.personsByIdentifier([query.source])).get(tokenOf(query.source));
  const person = id === undefined ? undefined : await parts.store.person(id);
  const seen = person !== undefined && mayAsk(setup, from, person) ? person : undefined;
  await parts.permit(from, 'search', seen === undefined ? { type: 'patient' } : { type: 'patient', personId: seen.id });
  if (seen === undefined) return saying(404, 'not-found', 'sourceIdentifier Patient Identifier not found');
  const numbers = await numbersInForce(parts, setup, seen);
  return { status: 200, resource: makeCrossReference(query, numbers, [seen.id]) };
}

function saying(status: number, code: 'code-invalid' | 'not-found', text: string): FhirAnswer {
  return { status, resource: outcomeSaying('error', code, text) };
}

export { registryId };
