/** Reading persons, their entries and their documents. */
import type { Patient, Resource } from '@medplum/fhirtypes';
import type { Entry, Identifier, Page, Person, Seal, SearchTerm, StoredDocument } from '../../schemas/parts.ts';
import { idToKey, keyToId, personKey, splitPieces, unpackBody } from './codec.ts';
import type { Row } from './database.ts';
import { pageLimit, readCursor, writeCursor } from './pages.ts';
import { countBuilt, type ReadParts, runBuilt } from './read-messages.ts';
import { domains, entryRow, identifierText } from './unit.ts';
import { askWords } from './words.ts';

/** Merges of merges that are followed; a longer chain ends at its last person. */
const mergesMax = 16;
const entriesMax = 20_000;
const historyMax = 1_000;
const documentsMax = 1_000;

/** Survivors that hold any of the numbers, by `system|value` as asked. */
export async function readPersonsByIdentifier(
  parts: ReadParts,
  ids: readonly { system: string; value: string }[],
): Promise<Map<string, string>> {
  const texts = ids.map((one) => identifierText(one.system, one.value));
  const tokens = parts.seal.tokens(domains.identifier, texts);
  const keys = texts.map((_, i) => [tokens.subarray(i * 12, i * 12 + 12)]);
  const rows = await parts.readers.allOf(parts.sql.identifiers, keys);
  const holders = new Map<string, Buffer>();
  const merged = new Map<string, Buffer>();
  for (const row of rows) {
    const person = row.person as Buffer;
    holders.set((row.token as Buffer).toString('latin1'), person);
    if (row.merged_into) merged.set(person.toString('latin1'), row.merged_into as Buffer);
  }
  if (merged.size > 0) await followMerges(parts, merged);
  const found = new Map<string, string>();
  ids.forEach((one, i) => {
    const holder = holders.get(keys[i]![0]!.toString('latin1'));
    if (holder) found.set(`${one.system}|${one.value}`, keyToId(survivorOf(holder, merged)));
  });
  return found;
}

function survivorOf(person: Buffer, merged: Map<string, Buffer>): Buffer {
  let at = person;
  for (let step = 0; step < mergesMax; step++) {
    const next = merged.get(at.toString('latin1'));
    if (!next) break;
    at = next;
  }
  return at;
}

/** Completes the map with the merges of those merged into. */
async function followMerges(parts: ReadParts, merged: Map<string, Buffer>): Promise<void> {
  let open = [...merged.values()];
  for (let step = 0; step < mergesMax && open.length > 0; step++) {
    const rows = await parts.readers.allOf(
      parts.sql.survivors,
      open.map((id) => [id]),
    );
    open = [];
    for (const row of rows) {
      const into = row.merged_into as Buffer | null;
      const id = (row.id as Buffer).toString('latin1');
      if (!into || merged.has(id)) continue;
      merged.set(id, into);
      open.push(into);
    }
  }
}

export async function readPersons(parts: ReadParts, ids: readonly string[]): Promise<Map<string, Person>> {
  const rows = await parts.readers.allOf(
    parts.sql.persons,
    ids.map((id) => [idToKey(id)]),
  );
  const persons = new Map<string, Person>();
  for (const row of rows) {
    const person = openPerson(parts.seal, row);
    persons.set(person.id, person);
  }
  return persons;
}

function openPerson(seal: Seal, row: Row): Person {
  const id = keyToId(row.id as Buffer);
  const version = row.version as number;
  const plain = unpackBody(seal.open(personKey(id), 'persons', entryRow(id, version), row.body as Buffer));
  const [identifiers, patient] = JSON.parse(plain.toString()) as [Identifier[], Patient];
  const person: Person = {
    id,
    version,
    state: row.state as Person['state'],
    createdAt: row.created_at as number,
    updatedAt: row.updated_at as number,
    incomplete: row.incomplete === 1,
    identifiers,
    patient,
  };
  if (row.merged_into) person.mergedInto = keyToId(row.merged_into as Buffer);
  return person;
}

/** One page of persons that are not merged away, newest first. */
export async function listPersons(
  parts: ReadParts,
  query: { terms?: SearchTerm[]; cursor?: string; limit: number },
): Promise<Page<Person>> {
  const limit = pageLimit(query.limit);
  const before = readCursor(query.cursor);
  const list = parts.build('persons as p').where('p.state', 'active');
  if (query.terms && query.terms.length > 0) {
    const words = askWords(parts.seal, domains.personWords, query.terms);
    if (words === undefined) return { rows: [], count: 0 };
    const { condition, value } = parts.holds('person_words', 'p.seq', words);
    list.whereRaw(condition, [value]);
  }
  const page = list
    .clone()
    .select('p.seq')
    .orderBy('p.seq', 'desc')
    .limit(limit + 1);
  if (before !== undefined) page.where('p.seq', '<', before);
  const [found, count] = await Promise.all([runBuilt(parts, page), countBuilt(parts, list)]);
  const seqs = found.slice(0, limit).map((row) => row.seq as number);
  const rows = await parts.readers.allOf(
    parts.sql.personsBySeq,
    seqs.map((seq) => [seq]),
  );
  const bySeq = new Map(rows.map((row) => [row.seq as number, row]));
  const answer: Page<Person> = {
    rows: seqs.flatMap((seq) => {
      const row = bySeq.get(seq);
      return row ? [openPerson(parts.seal, row)] : [];
    }),
    count,
  };
  if (found.length > limit) answer.next = writeCursor(seqs[seqs.length - 1]!);
  return answer;
}

/** Entries by natural keys for many persons, in the order asked. */
export async function readEntriesByKeys(
  parts: ReadParts,
  wanted: readonly { personId: string; keys: string[] }[],
): Promise<Map<string, Entry>[]> {
  const keys = wanted.flatMap((one) => one.keys);
  const tokens = parts.seal.tokens(domains.entry, keys);
  const asked: Buffer[][] = [];
  let at = 0;
  for (const { personId, keys: mine } of wanted) {
    const person = idToKey(personId);
    for (let i = 0; i < mine.length; i++, at++) asked.push([person, tokens.subarray(at * 12, at * 12 + 12)]);
  }
  const rows = await parts.readers.allOf(parts.sql.entriesByKey, asked);
  const byPerson = new Map<string, Map<string, Entry>>();
  for (const row of rows) {
    const entry = openEntry(parts.seal, row);
    const mine = byPerson.get(entry.personId) ?? new Map<string, Entry>();
    mine.set(entry.key, entry);
    byPerson.set(entry.personId, mine);
  }
  return wanted.map(({ personId, keys: mine }) => {
    const all = byPerson.get(personId);
    const own = new Map<string, Entry>();
    for (const key of mine) {
      const entry = all?.get(key);
      if (entry) own.set(key, entry);
    }
    return own;
  });
}

function openEntry(seal: Seal, row: Row): Entry {
  const id = keyToId(row.id as Buffer);
  const personId = keyToId(row.person as Buffer);
  const version = row.version as number;
  const plain = unpackBody(seal.open(personKey(personId), 'entries', entryRow(id, version), row.body as Buffer));
  const [key, body, from] = JSON.parse(plain.toString()) as [string, Resource, (string | null)?];
  const entry: Entry = {
    id,
    personId,
    type: row.type as Resource['resourceType'],
    key,
    version,
    status: row.status as string,
    code: row.code as string,
    sourceId: row.source as string,
    messageId: keyToId(row.message as Buffer),
    sourceTime: row.source_time as number,
    removed: row.removed === 1,
    body,
  };
  if (typeof from === 'string') entry.from = from;
  return entry;
}

/** The newest version of these entries, by id; what is not there is not in the map. */
export async function readEntriesById(parts: ReadParts, ids: readonly string[]): Promise<Map<string, Entry>> {
  const rows = await parts.readers.allOf(
    parts.sql.entriesById,
    ids.map((id) => [idToKey(id)]),
  );
  return new Map(rows.map((row) => [keyToId(row.id as Buffer), openEntry(parts.seal, row)]));
}

export async function readEntries(
  parts: ReadParts,
  personId: string,
  options: { removed?: boolean; limit?: number },
): Promise<Entry[]> {
  const sql = options.removed ? parts.sql.entriesAll : parts.sql.entriesLive;
  const rows = await parts.readers.all(sql, [idToKey(personId), Math.min(options.limit ?? entriesMax, entriesMax)]);
  return rows.map((row) => openEntry(parts.seal, row));
}

export async function readEntryHistory(parts: ReadParts, id: string): Promise<Entry[]> {
  const rows = await parts.readers.all(parts.sql.entryHistory, [idToKey(id), historyMax]);
  return rows.map((row) => openEntry(parts.seal, row));
}

export async function readDocument(parts: ReadParts, id: string): Promise<StoredDocument | undefined> {
  const row = await parts.readers.first(parts.sql.document, [idToKey(id)]);
  if (!row) return undefined;
  const facts = documentFacts(row);
  const plain = unpackBody(parts.seal.open(personKey(facts.personId), 'documents', id, row.body as Buffer));
  const [bytes, signature] = splitPieces(plain, 2);
  return { ...facts, bytes: bytes!, signature: signature! };
}

export async function readDocuments(
  parts: ReadParts,
  personId: string,
): Promise<Omit<StoredDocument, 'bytes' | 'signature'>[]> {
  return (await parts.readers.all(parts.sql.documents, [idToKey(personId), documentsMax])).map(documentFacts);
}

function documentFacts(row: Row): Omit<StoredDocument, 'bytes' | 'signature'> {
  const facts: Omit<StoredDocument, 'bytes' | 'signature'> = {
    id: keyToId(row.id as Buffer),
    personId: keyToId(row.person as Buffer),
    setId: row.set_id as string,
    version: row.version as number,
    state: row.state as StoredDocument['state'],
    createdAt: row.created_at as number,
    personVersion: row.person_version as number,
    sha256: row.sha256 as string,
  };
  if (row.replaces) facts.replaces = keyToId(row.replaces as Buffer);
  return facts;
}
