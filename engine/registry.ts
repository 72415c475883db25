/**
 * The registry of documents: what hospitals provide (IHE MHD, ITI-65) and withdraw, as a region takes it in; and the word of a withdrawal at a hospital.
 */
import { createHash } from 'node:crypto';
import type { Bundle, DocumentReference } from '@medplum/fhirtypes';
import { MixError } from '../schemas/errors/index.ts';
import type { FhirAnswer, NodeSubject } from '../schemas/exchange.ts';
import type { Changes, Entry, StoredDocument } from '../schemas/parts.ts';
import { domainsOf, type ExchangeSetup, knownNode, xpidSystem } from './domains.ts';
import {
  makeProvideAnswer,
  type PatientNumber,
  type ProvidedDocument,
  readNumber,
  readProvideBundle,
  tokenOf,
  uuidOf,
} from './ihe/index.ts';
import { type Receipt, type ReceiveParts, receiveOnce } from './receive.ts';
import { codeOf } from './record/index.ts';
import { recallJob } from './withdraw.ts';

/** The id of a document in the registry follows from its master identifier, so that it is found without knowing whose it is. */
export const registryId = (master: { system: string; value: string }): string => uuidOf(`document|${tokenOf(master)}`);

const documentKey = (master: { system: string; value: string }): string => `DocumentReference|${tokenOf(master)}`;

/**
 * ITI-65. Nothing is filed unless all of it holds. Throws what {@link readProvideBundle} throws, `exchange.unknown-domain`, `exchange.unknown-patient` and
 * `exchange.not-yours`.
 */
export async function provideDocuments(
  parts: ReceiveParts,
  setup: ExchangeSetup,
  from: NodeSubject,
  request: { bundle: Bundle; deliveryId?: string },
): Promise<FhirAnswer> {
  const provided = readProvideBundle(request.bundle, setup.documentBytesMax);
  const [first] = provided.documents;
  if (first === undefined) throw new MixError('exchange.profile', { place: 'Bundle.entry' });
  checkDomain(setup, from, first.patient, `${first.place}.subject`);
  return receiveOnce(parts, from, request.deliveryId, async (id): Promise<Receipt> => {
    const personId = (await parts.store.personsByIdentifier([first.patient])).get(tokenOf(first.patient));
    if (personId === undefined) throw new MixError('exchange.unknown-patient', { place: `${first.place}.subject` });
    const masters = provided.documents.flatMap((one) => [one.master, ...one.replaces]);
    const known = await parts.store.entriesById(masters.map(registryId));
    const now = parts.clock.now();
    const changes = fileDocuments(provided.documents, { personId, known, sourceId: from.id, messageId: id, now });
    return {
      answer: {
        status: 200,
        resource: makeProvideAnswer(
          provided,
          id,
          provided.documents.map(({ master }) => registryId(master)),
        ),
      },
      changes,
      action: 'create',
      thing: { type: 'document', id: registryId(first.master), personId },
    };
  });
}

/** A hospital tells of patients under numbers of its own, or under those that it was given. */
function checkDomain(setup: ExchangeSetup, from: NodeSubject, patient: PatientNumber, place: string): void {
  const node = knownNode(setup, from.id);
  if (node?.role !== 'hospital')
    throw new MixError('exchange.not-here', { detail: 'only a hospital provides documents' });
  if (!domainsOf(node).has(patient.system) && patient.system !== xpidSystem(setup.organization.oid))
    throw new MixError('exchange.unknown-domain', { place });
}

interface Filing {
  personId: string;
  known: ReadonlyMap<string, Entry>;
  sourceId: string;
  messageId: string;
  now: number;
}

/** The registry's rows for these documents. What they replace is superseded, even where it comes later. Pure. */
export function fileDocuments(
  documents: readonly ProvidedDocument[],
  filing: Filing,
): Required<Pick<Changes, 'entries' | 'documents'>> {
  const rows = new Map<string, { entry: Entry; expect: number }>();
  const kept: StoredDocument[] = [];
  const at = (id: string): Entry | undefined => rows.get(id)?.entry ?? filing.known.get(id);
  const put = (entry: Entry): void => {
    const expect = filing.known.get(entry.id)?.version ?? 0;
    rows.set(entry.id, { entry: { ...entry, version: expect + 1 }, expect });
  };
  for (const document of documents) {
    const id = registryId(document.master);
    const before = at(id);
    checkOwner(before, filing.sourceId, document.place);
    const entry = entryOf(document, before, filing);
    if (before === undefined || !isSameEntry(before, entry)) put(entry);
    if (document.bytes !== undefined && (before === undefined || isPlaceholder(before)))
      kept.push(copyOf(document.bytes, entry, document.replaces.map(registryId), filing));
    for (const master of document.replaces) {
      const older = at(registryId(master));
      checkOwner(older, filing.sourceId, `${document.place}.relatesTo`);
      const superseded = supersededEntry(master, older, filing);
      if (superseded !== undefined) put(superseded);
    }
  }
  return { entries: [...rows.values()], documents: kept };
}

function checkOwner(entry: Entry | undefined, sourceId: string, place: string): void {
  if (entry !== undefined && entry.sourceId !== sourceId) throw new MixError('exchange.not-yours', { place });
}

/** Stands for a document that was replaced before it came. */
const isPlaceholder = (entry: Entry): boolean => (entry.body as DocumentReference).content === undefined;

function entryOf(document: ProvidedDocument, before: Entry | undefined, filing: Filing): Entry {
  const id = registryId(document.master);
  const { meta: _meta, text: _text, ...reference } = document.reference;
  // What is withdrawn stays so, and what was replaced before it came is superseded.
  const status = before === undefined || before.status === 'current' ? reference.status : before.status;
  const [content] = reference.content;
  const url = document.url ?? `Binary/${id}`;
  const body: DocumentReference = {
    ...reference,
    id,
    status: status as DocumentReference['status'],
    subject: { reference: `Patient/${filing.personId}`, identifier: document.patient },
    content: [{ ...content, attachment: { ...content?.attachment, url } }],
  };
  return {
    id,
    personId: filing.personId,
    type: 'DocumentReference',
    key: documentKey(document.master),
    version: 0,
    status: status ?? '',
    code: codeOf(body),
    sourceId: filing.sourceId,
    messageId: filing.messageId,
    sourceTime: Math.min(Date.parse(reference.date ?? '') || filing.now, filing.now),
    removed: false,
    from: 'ITI-65',
    body,
  };
}

function isSameEntry(one: Entry, other: Entry): boolean {
  return one.personId === other.personId && !one.removed && JSON.stringify(one.body) === JSON.stringify(other.body);
}

/** The older document as it is after the newer one; undefined where nothing changes. */
function supersededEntry(
  master: { system: string; value: string },
  older: Entry | undefined,
  filing: Filing,
): Entry | undefined {
  if (older !== undefined && older.status !== 'current') return undefined;
  if (older !== undefined)
    return { ...older, messageId: filing.messageId, status: 'superseded', body: withStatus(older, 'superseded') };
  const id = registryId(master);
  return {
    id,
    personId: filing.personId,
    type: 'DocumentReference',
    key: documentKey(master),
    version: 0,
    status: 'superseded',
    code: '',
    sourceId: filing.sourceId,
    messageId: filing.messageId,
    sourceTime: filing.now,
    removed: true,
    from: 'ITI-65',
    body: {
      resourceType: 'DocumentReference',
      id,
      status: 'superseded',
      masterIdentifier: master,
    } as DocumentReference,
  };
}

function withStatus(entry: Entry, status: NonNullable<DocumentReference['status']>): DocumentReference {
  return { ...(entry.body as DocumentReference), status };
}

/** A copy that is kept with its person; its id is the registry's. */
function copyOf(bytes: Buffer, entry: Entry, replaces: readonly string[], filing: Filing): StoredDocument {
  const copy: StoredDocument = {
    id: entry.id,
    personId: filing.personId,
    setId: entry.id,
    version: 1,
    state: entry.status === 'current' ? 'current' : 'superseded',
    createdAt: filing.now,
    personVersion: 0,
    bytes,
    // The seal of the hospital stays with the hospital; what proves the copy here is its digest in the registry.
    signature: Buffer.alloc(0),
    sha256: createHash('sha256').update(bytes).digest('hex'),
  };
  const [replaced] = replaces;
  return replaced === undefined ? copy : { ...copy, replaces: replaced };
}

const WITHDRAWN_TO = ['entered-in-error', 'superseded'] as const;

/**
 * Withdraws a document of the sender's, by its master identifier, and tells (by a job) every node that retrieved it here. Throws `exchange.unknown-document`,
 * `exchange.not-yours`, `exchange.malformed` (another status).
 */
export async function withdrawDocument(
  parts: ReceiveParts,
  setup: ExchangeSetup,
  from: NodeSubject,
  request: { identifier: string; status: string; deliveryId?: string },
): Promise<FhirAnswer> {
  const status = WITHDRAWN_TO.find((one) => one === request.status);
  if (status === undefined)
    throw new MixError('exchange.malformed', { place: 'DocumentReference.status', detail: WITHDRAWN_TO.join(' or ') });
  const master = readNumber(request.identifier, 'identifier');
  if (setup.node.role === 'hospital') return noteWithdrawal(parts, from, master, status, request.deliveryId);
  const id = registryId(master);
  return receiveOnce(parts, from, request.deliveryId, async (messageId): Promise<Receipt> => {
    const entry = (await parts.store.entriesById([id])).get(id);
    if (entry === undefined || isPlaceholder(entry))
      throw new MixError('exchange.unknown-document', { place: 'identifier' });
    checkOwner(entry, from.id, 'identifier');
    const next: Entry = { ...entry, version: entry.version + 1, messageId, status, body: withStatus(entry, status) };
    const copy = await parts.store.document(id);
    const changes: Changes = {
      entries: entry.status === status ? [] : [{ entry: next, expect: entry.version }],
      ...(status === 'entered-in-error' ? { jobsNew: [recallJob(id, parts.clock.now())] } : {}),
    };
    if (copy !== undefined)
      changes.documentStates = [{ id, state: status === 'superseded' ? 'superseded' : 'deprecated' }];
    return {
      answer: {
        status: 200,
        resource: { resourceType: 'DocumentReference', id, status, content: [{ attachment: {} }] },
      },
      changes,
      action: 'configure',
      thing: { type: 'document', id, personId: entry.personId },
      reason: `withdrawn: ${status}`,
    };
  });
}

/** At a hospital: a document that was retrieved through the region is withdrawn. Nothing of it lies here; the audit has it. */
function noteWithdrawal(
  parts: ReceiveParts,
  from: NodeSubject,
  master: { system: string; value: string },
  status: string,
  deliveryId: string | undefined,
): Promise<FhirAnswer> {
  const id = /^urn:uuid:([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})$/i.exec(master.value)?.[1]?.toLowerCase();
  return receiveOnce(parts, from, deliveryId, async (): Promise<Receipt> => {
    const thing = { type: 'document' as const, ...(id === undefined ? {} : { id }) };
    return {
      answer: { status: 200 },
      changes: {},
      action: 'configure',
      thing,
      reason: `withdrawn elsewhere: ${status}`,
    };
  });
}
