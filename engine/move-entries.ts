/** What goes along when a local record leaves its person: its facts, and the documents that came under it. */
import type { DocumentReference } from '@medplum/fhirtypes';
import type { IndexRecord } from '../schemas/index-store.ts';
import type { Entry, Person, Store } from '../schemas/parts.ts';
import { type ExchangeSetup, knownNode } from './domains.ts';

/** The record under whose number a document was provided, else the one of its source that the person was made for, or its first. */
export function recordOfDocument(
  entry: Entry,
  records: readonly IndexRecord[],
  personId: string,
): IndexRecord | undefined {
  const number = (entry.body as DocumentReference).subject?.identifier;
  const exact = records.find(({ number: own }) => own.system === number?.system && own.value === number.value);
  if (exact !== undefined) return exact;
  const ofSource = records
    .filter(({ sourceId }) => sourceId === entry.sourceId)
    .toSorted((one, other) => (one.id < other.id ? -1 : 1));
  // Provided under an X-PID: the record that this one was given to.
  const owner = (id: string | undefined) => ofSource.find(({ ownId }) => ownId === id && id !== undefined);
  return owner(number?.value) ?? owner(personId) ?? ofSource[0];
}

/** The entry as it is with another person. */
export function moveEntry(entry: Entry, to: string, messageId: string): { entry: Entry; expect: number } {
  const { type } = entry;
  const body =
    type === 'DocumentReference' && (entry.body as DocumentReference).subject !== undefined
      ? withSubject(entry.body as DocumentReference, to)
      : entry.body;
  const moved: Entry = {
    id: entry.id,
    personId: to,
    type,
    key: entry.key,
    version: entry.version + 1,
    status: entry.status,
    code: entry.code,
    sourceId: entry.sourceId,
    messageId,
    sourceTime: entry.sourceTime,
    removed: entry.removed,
    body,
  };
  return { entry: entry.from === undefined ? moved : { ...moved, from: entry.from }, expect: entry.version };
}

function withSubject(body: DocumentReference, personId: string): DocumentReference {
  return { ...body, subject: { ...body.subject, reference: `Patient/${personId}` } };
}

const ACTS_MAX = 500;
const PAGES_MAX = 20;

/**
 * Nodes that retrieved these documents here while they were `before`'s, and may not learn of whom they belong to now. `owners`: persons as they are to be.
 */
export async function recipientsAfter(
  store: Store,
  setup: ExchangeSetup,
  before: string,
  documents: readonly Entry[],
  owners: ReadonlyMap<string, Person>,
): Promise<{ entry: Entry; outlets: string[] }[]> {
  const names = new Map(documents.map(({ id }) => [id, new Set<string>()]));
  let cursor: string | undefined;
  for (let page = 0; page < PAGES_MAX; page++) {
    const query = { personId: before, action: 'disclose', limit: ACTS_MAX };
    const acts = await store.audit(cursor === undefined ? query : { ...query, cursor });
    for (const { thing, outcome, who } of acts.rows)
      if (outcome === 'Permit' && knownNode(setup, who)?.organization) names.get(thing ?? '')?.add(who);
    cursor = acts.next;
    if (cursor === undefined) break;
  }
  return documents.map((entry) => {
    const feeders = new Set(owners.get(entry.personId)?.identifiers.map(({ sourceId }) => sourceId));
    return { entry, outlets: [...(names.get(entry.id) ?? [])].filter((name) => !feeders.has(name)).sort() };
  });
}
