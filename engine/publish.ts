/**
 * Make, sign and keep documents; find and retrieve them.
 *
 * A `document` job is unique by person and due after a short quiet time; it builds the CCD of the newest record, checks it, signs it
 * (IHE DSG, detached) and keeps it as the next version of the person's document set. A newer version supersedes the older (RPLC).
 */
import { hash } from 'node:crypto';
import { MixError } from '../schemas/errors/index.ts';
import type { AuditEntry, Changes, Clock, Job, Log, Person, Store, StoredDocument } from '../schemas/parts.ts';
import { buildCcd, type CcdOrganization, checkCcd } from './ccda/index.ts';
import { documentDeliveries, documentDelivery, hasUntriedDocument } from './feed.ts';
import { uuidv7 } from './record/index.ts';
import { withdrawal } from './withdraw.ts';

export interface PublishParts {
  store: Store;
  clock: Clock;
  log: Log;
  /** Makes the detached signature of a document; the keys stay in pki. */
  sign(document: { bytes: Buffer; documentId: string; mediaType: string }, now: number): Buffer;
}

export interface PublishOptions {
  organization: CcdOrganization;
  zone: string;
  /** Name of the node above, which hears of every document; absent where there is none. */
  above?: string;
}

const ATTEMPTS_MAX = 5;

/** Runs a leased `document` job to its end: made, or parked with the reason. */
export async function publishJob(parts: PublishParts, options: PublishOptions, job: Job): Promise<void> {
  const jobRef = { id: job.id, fence: job.fence };
  try {
    const retired = await retireDocuments(parts, job.subject);
    if (retired !== undefined) {
      await parts.store.commit({ jobDone: jobRef, ...retired });
      return;
    }
    const document = await makeDocument(parts, options, job.subject);
    await keepDocument(parts, options, { jobDone: jobRef, personId: job.subject, document });
  } catch (cause) {
    const fault =
      cause instanceof MixError
        ? cause.fault
        : { code: 'record.unexpected' as const, detail: cause instanceof Error ? cause.name : typeof cause };
    if (fault.code === 'store.fenced') return;
    parts.log.warn(
      { job: job.id, person: job.subject, code: fault.code, place: fault.place },
      'a document was not made',
    );
    const retry = cause instanceof MixError && cause.kind.retry && job.attempts < ATTEMPTS_MAX;
    await parts.store.commit(
      retry
        ? { jobRetry: { ...jobRef, dueAt: parts.clock.now() + 1_000 * 2 ** job.attempts, fault } }
        : { jobParked: { ...jobRef, fault, blocks: false } },
    );
  }
}

/**
 * Keeps a document that was made, if any, and lets the node above hear of it. Where an earlier version waits untried, that one goes as
 * the newest kept: so the document is kept first and then it is looked who will take it, and a crash between is mended by the job,
 * which runs again.
 */
export async function keepDocument(
  parts: Pick<PublishParts, 'store' | 'clock'>,
  options: Pick<PublishOptions, 'above'>,
  work: { jobDone?: Changes['jobDone']; personId: string; document: StoredDocument | undefined },
): Promise<void> {
  const { jobDone, document, personId } = work;
  const { above } = options;
  const done: Changes = jobDone === undefined ? {} : { jobDone };
  const kept: Changes = document === undefined ? {} : { documents: [document], audit: [createdEntry(document)] };
  if (above === undefined) return parts.store.commit({ ...done, ...kept });
  if (document !== undefined) {
    if (document.version === 1 || !(await hasUntriedDocument(parts.store, above, personId)))
      return parts.store.commit({ ...done, ...kept, ...documentDelivery(above, document, parts.clock.now()) });
    await parts.store.commit(kept);
  }
  await parts.store.commit({ ...done, ...(await documentDeliveries(parts, above, personId)) });
}

/**
 * Of a person who was merged away the documents that are current are superseded, here and wherever they went: what they say stands in the
 * survivor's now. Undefined for a person who stands.
 */
async function retireDocuments(
  { store, clock }: Pick<PublishParts, 'store' | 'clock'>,
  personId: string,
): Promise<Changes | undefined> {
  const person = await store.person(personId);
  if (person?.state !== 'merged') return undefined;
  const current = (await store.documents(personId)).filter(({ state }) => state === 'current');
  const all = current.map(({ id }) => withdrawal(id, 'superseded', clock.now()));
  return {
    documentStates: all.flatMap((one) => one.documentStates),
    jobsNew: all.flatMap((one) => one.jobsNew),
  };
}

function createdEntry(document: StoredDocument): AuditEntry {
  return {
    at: document.createdAt,
    who: 'node',
    action: 'create',
    outcome: 'done',
    what: 'document',
    thing: document.id,
    personId: document.personId,
  };
}

/**
 * The next version of a person's CCD, checked and signed but not yet kept; undefined when the newest one is of this very record,
 * or the person was merged away. Throws the first fault when the document does not hold its own check.
 */
export async function makeDocument(
  parts: PublishParts,
  options: PublishOptions,
  personId: string,
): Promise<StoredDocument | undefined> {
  const [person, entries, earlier] = await Promise.all([
    parts.store.person(personId),
    parts.store.entries(personId),
    parts.store.documents(personId),
  ]);
  if (person === undefined || person.state !== 'active') return undefined;
  const newest = earlier.reduce<(typeof earlier)[number] | undefined>(
    (best, one) => (best === undefined || one.version > best.version ? one : best),
    undefined,
  );
  if (newest !== undefined && newest.personVersion === person.version) return undefined;
  return signDocument(parts, options, person, buildNext(parts, options, { person, entries }, newest), newest);
}

interface Built {
  id: string;
  setId: string;
  version: number;
  createdAt: number;
  xml: string;
}

function buildNext(
  parts: PublishParts,
  options: PublishOptions,
  record: Parameters<typeof buildCcd>[0],
  newest: Omit<StoredDocument, 'bytes' | 'signature'> | undefined,
): Built {
  const createdAt = parts.clock.now();
  const id = uuidv7(createdAt);
  const setId = newest?.setId ?? uuidv7(createdAt);
  const version = (newest?.version ?? 0) + 1;
  const header = { documentId: id, setId, version, createdAt, organization: options.organization, zone: options.zone };
  const xml = buildCcd(record, newest === undefined ? header : { ...header, replaces: newest.id });
  return { id, setId, version, createdAt, xml };
}

function signDocument(
  parts: PublishParts,
  _options: PublishOptions,
  person: Person,
  built: Built,
  newest: Omit<StoredDocument, 'bytes' | 'signature'> | undefined,
): StoredDocument {
  const bytes = Buffer.from(built.xml);
  const fault = checkCcd(bytes)[0];
  if (fault !== undefined) throw new MixError(fault.code, fault);
  const document: StoredDocument = {
    id: built.id,
    personId: person.id,
    setId: built.setId,
    version: built.version,
    state: 'current',
    createdAt: built.createdAt,
    personVersion: person.version,
    bytes,
    signature: parts.sign({ bytes, documentId: built.id, mediaType: 'text/xml' }, built.createdAt),
    sha256: hash('sha256', bytes),
  };
  if (newest !== undefined) document.replaces = newest.id;
  return document;
}
