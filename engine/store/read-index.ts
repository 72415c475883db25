/** Reading the patient index: candidates, records, what links them, the work list, the history. */

import { MixError } from '../../schemas/errors/index.ts';
import type {
  Candidates,
  IdentityEvent,
  IndexPair,
  IndexRecord,
  MatchBody,
  MatchItem,
  MatchQuery,
  PersonSnapshot,
} from '../../schemas/index-store.ts';
import type { Page, Seal } from '../../schemas/parts.ts';
import { idToKey, keyToId, personKey, splitPieces, unpackBody } from './codec.ts';
import type { Row, Value } from './database.ts';
import { blockTokens, type IndexRecordFacts, itemRow, numberTokens } from './index-unit.ts';
import { pageLimit, readCursor, writeCursor } from './pages.ts';
import { countBuilt, type ReadParts, runBuilt } from './read-messages.ts';

/** Keys of one look. */
const keysMax = 64;

/** Active records that share a key; see {@link import('../../schemas/index-store.ts').IndexStore}. */
export async function findCandidates(
  parts: ReadParts,
  keys: readonly string[],
  limits: { block: number; most: number },
): Promise<Candidates> {
  const asked = [...new Set(keys)].slice(0, keysMax);
  if (asked.length === 0) return { blocks: [], records: [] };
  const tokens = blockTokens(parts.seal, asked);
  const rows = await parts.readers.all(
    parts.blocks(asked.length),
    tokens.flatMap((token): Value[] => [token, limits.block + 1]),
  );
  const stamps = asked.map((): number[] => []);
  for (const row of rows) stamps[row.block as number]!.push(row.stamp as number);
  const blocks = asked.map((key, at) => ({
    key,
    mark: stamps[at]!.length === 0 ? 0 : Math.max(...stamps[at]!),
    full: stamps[at]!.length > limits.block,
  }));
  const wanted = chosen(stamps, limits);
  const found = await parts.readers.allOf(
    parts.sql.indexRecordsByStamp,
    wanted.map((stamp) => [stamp]),
  );
  const byStamp = new Map(found.map((row) => [row.stamp as number, row]));
  const records = wanted.flatMap((stamp) => {
    const row = byStamp.get(stamp);
    const record = row && openRecord(parts.seal, row);
    return record?.state === 'active' ? [record] : [];
  });
  return { blocks, records };
}

/** Stamps to look at: of the blocks that are not full, those in most of them first; where all that lead to somebody are full, the newest of one. */
function chosen(stamps: readonly number[][], { block, most }: { block: number; most: number }): number[] {
  const times = new Map<number, number>();
  for (const list of stamps)
    if (list.length <= block) for (const stamp of list) times.set(stamp, (times.get(stamp) ?? 0) + 1);
  if (times.size === 0) {
    const full = stamps.find((list) => list.length > block);
    return (full ?? []).slice(0, Math.min(block, most));
  }
  const order = [...times];
  if (order.length > most) order.sort(([a, one], [b, other]) => other - one || b - a);
  return order.slice(0, most).map(([stamp]) => stamp);
}

export async function readIndexRecords(parts: ReadParts, ids: readonly string[]): Promise<Map<string, IndexRecord>> {
  const rows = await parts.readers.allOf(
    parts.sql.indexRecords,
    [...new Set(ids)].map((id) => [idToKey(id)]),
  );
  return new Map(rows.map((row) => [keyToId(row.id as Buffer), openRecord(parts.seal, row)]));
}

export async function readIndexRecordsByNumber(
  parts: ReadParts,
  numbers: readonly { system: string; value: string }[],
): Promise<Map<string, IndexRecord>> {
  const rows = await parts.readers.allOf(
    parts.sql.indexRecordsByNumber,
    numberTokens(parts.seal, numbers).map((token) => [token]),
  );
  const records = rows.map((row) => openRecord(parts.seal, row));
  return new Map(records.map((record) => [`${record.number.system}|${record.number.value}`, record]));
}

export async function readIndexRecordsOf(
  parts: ReadParts,
  personIds: readonly string[],
  limit: number,
): Promise<IndexRecord[]> {
  const rows = await parts.readers.allOf(
    parts.sql.indexRecordsOf,
    [...new Set(personIds)].map((id) => [idToKey(id)]),
  );
  if (rows.length > limit) throw new MixError('store.limit', { detail: `${limit} records` });
  return rows.map((row) => openRecord(parts.seal, row));
}

function openRecord(seal: Seal, row: Row): IndexRecord {
  const id = keyToId(row.id as Buffer);
  const sealed = row.body as Buffer;
  const record: IndexRecord = {
    id,
    personId: keyToId(row.holder as Buffer),
    number: { system: '', value: '', type: '' },
    sourceId: row.source as string,
    state: row.state as IndexRecord['state'],
    stateAt: row.state_at as number,
    numbers: [],
    told: [],
    features: Buffer.alloc(0),
    stamp: row.stamp as number,
  };
  if (row.own) record.ownId = keyToId(row.own as Buffer);
  if (row.into_record) record.mergedInto = keyToId(row.into_record as Buffer);
  // Emptied when its person was shredded.
  if (sealed.length === 0) return { ...record, state: 'retired' };
  const [packed, features] = splitPieces(seal.open('tenant', 'index_records', id, sealed), 2);
  const facts = JSON.parse(unpackBody(packed!).toString()) as IndexRecordFacts;
  return { ...record, ...facts, features: features! };
}

export async function readIndexPairs(
  parts: ReadParts,
  recordIds: readonly string[],
  limit: number,
): Promise<IndexPair[]> {
  const rows = await parts.readers.allOf(
    parts.sql.indexPairs,
    [...new Set(recordIds)].map((id) => [idToKey(id)]),
  );
  if (rows.length > limit) throw new MixError('store.limit', { detail: `${limit} pairs` });
  return rows.map((row) => ({
    a: keyToId(row.a as Buffer),
    b: keyToId(row.b as Buffer),
    link: row.link as IndexPair['link'],
    weight: row.weight as number,
    decision: row.decision as IndexPair['decision'],
    decidedAt: row.decided_at as number,
  }));
}

export async function readMatchItem(parts: ReadParts, id: string): Promise<MatchItem | undefined> {
  const row = await parts.readers.first(parts.sql.matchItem, [idToKey(id)]);
  return row && openItem(parts.seal, row);
}

/** Undefined where its person was shredded. */
function openItem(seal: Seal, row: Row): MatchItem | undefined {
  const id = keyToId(row.id as Buffer);
  const personId = keyToId(row.person as Buffer);
  const version = row.version as number;
  let body: MatchBody;
  try {
    const plain = seal.open(personKey(personId), 'match_items', itemRow(id, version), row.body as Buffer);
    body = JSON.parse(unpackBody(plain).toString());
  } catch (cause) {
    if (cause instanceof MixError && cause.fault.code === 'seal.shredded') return undefined;
    throw cause;
  }
  const item: MatchItem = {
    id,
    version,
    kind: row.kind as MatchItem['kind'],
    state: row.state as MatchItem['state'],
    a: keyToId(row.a as Buffer),
    personId,
    from: row.source as string,
    createdAt: row.created_at as number,
    updatedAt: row.updated_at as number,
    body,
  };
  if (row.b) item.b = keyToId(row.b as Buffer);
  return item;
}

/** One page of the work list, oldest first. */
export async function listMatchItems(parts: ReadParts, query: MatchQuery): Promise<Page<MatchItem>> {
  const limit = pageLimit(query.limit);
  const after = readCursor(query.cursor);
  const list = parts.build('match_items');
  if (query.states !== undefined) list.whereIn('state', query.states);
  if (query.kind !== undefined) list.where('kind', query.kind);
  if (query.records !== undefined) {
    const keys = query.records.map(idToKey);
    list.where((about) => about.whereIn('a', keys).orWhereIn('b', keys));
  }
  const page = list
    .clone()
    .select('*')
    .orderBy('seq', 'asc')
    .limit(limit + 1);
  if (after !== undefined) page.where('seq', '>', after);
  const [rows, count] = await Promise.all([runBuilt(parts, page), countBuilt(parts, list)]);
  const shown = rows.slice(0, limit);
  const answer: Page<MatchItem> = { rows: shown.flatMap((row) => openItem(parts.seal, row) ?? []), count };
  if (rows.length > limit) answer.next = writeCursor(shown.at(-1)!.seq as number);
  return answer;
}

/** What happened to a person, newest first. */
export async function listIdentityEvents(
  parts: ReadParts,
  query: { personId: string; until?: number; cursor?: string; limit: number },
): Promise<Page<IdentityEvent>> {
  const limit = pageLimit(query.limit);
  const before = readCursor(query.cursor);
  const list = parts.build('identity_events').where('person', idToKey(query.personId));
  if (query.until !== undefined) list.where('at', '<=', query.until);
  const page = list
    .clone()
    .select('*')
    .orderBy('seq', 'desc')
    .limit(limit + 1);
  if (before !== undefined) page.where('seq', '<', before);
  const [rows, count] = await Promise.all([runBuilt(parts, page), countBuilt(parts, list)]);
  const answer: Page<IdentityEvent> = { rows: rows.slice(0, limit).map((row) => openEvent(parts.seal, row)), count };
  if (rows.length > limit) answer.next = writeCursor(rows[limit - 1]!.seq as number);
  return answer;
}

function openEvent(seal: Seal, row: Row): IdentityEvent {
  const id = keyToId(row.id as Buffer);
  const personId = keyToId(row.person as Buffer);
  const plain = unpackBody(seal.open(personKey(personId), 'identity_events', id, row.body as Buffer));
  const { who, reason, after } = JSON.parse(plain.toString()) as {
    who: string;
    reason: string;
    after: PersonSnapshot;
  };
  return {
    id,
    personId,
    at: row.at as number,
    event: row.event as IdentityEvent['event'],
    who,
    reason,
    after,
  };
}
