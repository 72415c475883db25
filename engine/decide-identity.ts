/**
 * What a person's decision about identities changes: which pairs are linked or kept apart, which merges are taken back, and how it is undone. Every act
 * and its undoing is one unit of work, with its trace in the audit.
 */
import { MixError } from '../schemas/errors/index.ts';
import type { MatchDecision } from '../schemas/identity.ts';
import type { IndexPair, IndexRecord, MatchBody, MatchItem } from '../schemas/index-store.ts';
import type { Changes, Person, Store } from '../schemas/parts.ts';
import { withItems } from './answer-feed.ts';
import { type ExchangeSetup, linkRulesOf, recordsMaxOf } from './domains.ts';
import { readFeed } from './ihe/index.ts';
import { keysOf } from './link.ts';
import type { ReceiveParts } from './receive.ts';
import { uuidv7 } from './record/index.ts';
import { fileFeed } from './register.ts';
import { type About, type IndexParts, type Proposal, type SettledIndex, settle } from './settle.ts';

/** What people decide may join more than is linked by itself. */
const LIMIT_TIMES = 10;
const PAIRS_MAX = 50_000;
const RECORDS_MAX = 10_000;
const ITEMS_MAX = 200;

export type Asks = NonNullable<MatchBody['asks']>;

/** How a decision is written: the pairs and merges that change, with how they were. */
interface Plan {
  proposal: Proposal;
  before: NonNullable<MatchBody['before']>;
}

export interface Deed {
  by: string;
  reason: string;
  now: number;
}

/** The changes of a possible match that is decided. Throws `mpi.unknown-record`, `mpi.storm`. */
export async function decidePossible(
  parts: IndexParts,
  setup: ExchangeSetup,
  item: MatchItem,
  decision: MatchDecision,
  deed: Deed,
): Promise<{ changes: Changes; body: Partial<MatchBody> }> {
  const records = await parts.store.indexRecords([item.a, item.b ?? item.a]);
  const [one, other] = [records.get(item.a), records.get(item.b ?? '')];
  if (one === undefined || other === undefined) throw new MixError('mpi.unknown-record', { place: 'match' });
  const plan =
    decision === 'link'
      ? await planLink(parts.store, one, other, deed.now)
      : await planApart(parts.store, [one], [other], deed.now);
  return carryOut(parts, setup, plan, deed, item.id);
}

/** The changes of a request. Throws `mpi.unknown-person`, `mpi.merged-already`, `mpi.same-person`, `mpi.not-merged`, `mpi.alone`, `mpi.unknown-record`. */
export async function carryOutRequest(
  parts: IndexParts,
  setup: ExchangeSetup,
  asks: Asks,
  deed: Deed,
  itemId: string,
): Promise<{ changes: Changes; body: Partial<MatchBody> }> {
  return carryOut(parts, setup, await planRequest(parts.store, asks, deed.now), deed, itemId);
}

/** The records that a request is about, for its item. Throws as {@link carryOutRequest}. */
export async function sidesOf(store: Store, asks: Asks): Promise<[IndexRecord, IndexRecord | undefined]> {
  if (asks.verb === 'unlink-record') return [await recordOf(store, asks.one), undefined];
  if (asks.verb === 'unmerge') return [(await partOf(store, asks.one)).mine[0]!, undefined];
  const [one, other] = await bothOf(store, asks);
  return [one, other];
}

async function planRequest(store: Store, asks: Asks, now: number): Promise<Plan> {
  if (asks.verb === 'unlink-record') {
    const record = await recordOf(store, asks.one);
    const all = await store.indexRecordsOf([record.personId], RECORDS_MAX);
    const mine = new Set([record.id]);
    for (let grew = true; grew; ) {
      const more = all.filter((one) => !mine.has(one.id) && one.mergedInto !== undefined && mine.has(one.mergedInto));
      for (const one of more) mine.add(one.id);
      grew = more.length > 0;
    }
    const others = all.filter(({ id }) => !mine.has(id));
    if (others.length === 0) throw new MixError('mpi.alone', { place: 'record' });
    return planApart(
      store,
      all.filter(({ id }) => mine.has(id)),
      others,
      now,
    );
  }
  if (asks.verb === 'unmerge') {
    const { mine, others } = await partOf(store, asks.one);
    return planApart(store, mine, others, now);
  }
  const [one, other] = await bothOf(store, asks);
  return planLink(store, one, other, now);
}

async function recordOf(store: Store, id: string): Promise<IndexRecord> {
  const record = isId(id) ? (await store.indexRecords([id])).get(id) : undefined;
  if (record === undefined) throw new MixError('mpi.unknown-record', { place: 'record' });
  return record;
}

const isId = (id: string): boolean => /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(id);

async function activePerson(store: Store, id: string, place: string): Promise<Person> {
  const person = isId(id) ? await store.person(id) : undefined;
  if (person === undefined) throw new MixError('mpi.unknown-person', { place });
  if (person.state === 'merged') throw new MixError('mpi.merged-already', { place });
  return person;
}

/** A record of each of two persons: the one that the person was made for. */
async function bothOf(store: Store, { verb, one, other = '' }: Asks): Promise<[IndexRecord, IndexRecord]> {
  const places = verb === 'merge-persons' ? ['survivor', 'retired'] : ['one', 'other'];
  const [first, second] = [await activePerson(store, one, places[0]!), await activePerson(store, other, places[1]!)];
  if (first.id === second.id) throw new MixError('mpi.same-person', { place: places[1]! });
  const records = await store.indexRecordsOf([first.id, second.id], RECORDS_MAX);
  const ownOf = (person: Person): IndexRecord => {
    const mine = records.filter(({ personId }) => personId === person.id);
    const own = mine.find(({ ownId }) => ownId === person.id) ?? mine[0];
    if (own === undefined)
      throw new MixError('mpi.unknown-record', { place: person.id === first.id ? places[0]! : places[1]! });
    return own;
  };
  return [ownOf(first), ownOf(second)];
}

/** The records of a person before it was merged into another, and the others that it is with now. */
async function partOf(store: Store, personId: string): Promise<{ mine: IndexRecord[]; others: IndexRecord[] }> {
  const person = isId(personId) ? await store.person(personId) : undefined;
  if (person === undefined) throw new MixError('mpi.unknown-person', { place: 'person' });
  if (person.state !== 'merged') throw new MixError('mpi.not-merged', { place: 'person' });
  let cursor: string | undefined;
  let had: Set<string> | undefined;
  for (let page = 0; page < 20 && had === undefined; page++) {
    const query = { personId, limit: 100 };
    const events = await store.identityEvents(cursor === undefined ? query : { ...query, cursor });
    const last = events.rows.find(({ after }) => after.state === 'active');
    if (last !== undefined) had = new Set(last.after.records.map(({ id }) => id));
    cursor = events.next;
    if (cursor === undefined) break;
  }
  const records = await store.indexRecords([...(had ?? [])]);
  const own = [...records.values()].find(({ ownId }) => ownId === personId);
  if (own === undefined) throw new MixError('mpi.not-merged', { place: 'person', detail: 'no record of it is known' });
  const all = await store.indexRecordsOf([own.personId], RECORDS_MAX);
  const mine = all.filter(({ id }) => had!.has(id));
  return { mine, others: all.filter(({ id }) => !had!.has(id)) };
}

/** One person: the two are linked, and nothing that was decided between their persons stands against it any more. */
async function planLink(store: Store, one: IndexRecord, other: IndexRecord, now: number): Promise<Plan> {
  const all = await store.indexRecordsOf([one.personId, other.personId], RECORDS_MAX);
  const sides = [new Set([one.id]), new Set([other.id])];
  for (const { id, personId } of all) sides[personId === one.personId ? 0 : 1]!.add(id);
  const pairs = await store.indexPairs([...sides[0]!], PAIRS_MAX);
  const across = pairs.filter(({ a, b }) => sides[1]!.has(a) || sides[1]!.has(b));
  const [a, b] = one.id < other.id ? [one.id, other.id] : [other.id, one.id];
  const own = across.find((pair) => pair.a === a && pair.b === b) ?? unlinked(a, b);
  const lifted = across.filter((pair) => pair !== own && pair.decision === 'unlink');
  return {
    proposal: {
      records: [touched(one), touched(other)],
      pairs: [
        { ...own, decision: 'link', decidedAt: now },
        ...lifted.map((pair): IndexPair => ({ ...pair, decision: 'none', decidedAt: now })),
      ],
    },
    before: { at: now, pairs: [own, ...lifted], records: [] },
  };
}

const unlinked = (a: string, b: string): IndexPair => ({
  a,
  b,
  link: 'none',
  weight: 0,
  decision: 'none',
  decidedAt: 0,
});

/** A record that is written anew, so that whoever looked at it meanwhile looks again. */
const touched = (record: IndexRecord) => ({ record, keys: keysOf(record) });

/** Two: none of the ones is any of the others, and merges between them are taken back. */
async function planApart(
  store: Store,
  mine: readonly IndexRecord[],
  others: readonly IndexRecord[],
  now: number,
): Promise<Plan> {
  const known = new Map(
    (
      await store.indexPairs(
        mine.map(({ id }) => id),
        PAIRS_MAX,
      )
    ).map((pair) => [`${pair.a}|${pair.b}`, pair]),
  );
  const before: NonNullable<MatchBody['before']> = { at: now, pairs: [], records: [] };
  const pairs: IndexPair[] = [];
  for (const one of mine)
    for (const other of others) {
      const [a, b] = one.id < other.id ? [one.id, other.id] : [other.id, one.id];
      const pair = known.get(`${a}|${b}`) ?? unlinked(a, b);
      before.pairs.push(pair);
      pairs.push({ ...pair, decision: 'unlink', decidedAt: now });
    }
  const [ours, theirs] = [new Set(mine.map(({ id }) => id)), new Set(others.map(({ id }) => id))];
  const parted = [...mine, ...others].filter(({ id, mergedInto }) =>
    mergedInto === undefined ? false : ours.has(id) ? theirs.has(mergedInto) : ours.has(mergedInto),
  );
  const revived = new Map<string, Proposal['records'][number]>();
  for (const record of parted) {
    before.records.push({ id: record.id, mergedInto: record.mergedInto! });
    revived.set(record.id, await standingAgain(store, record, now));
  }
  const touchedToo = [mine[0]!, others[0]!].filter(({ id }) => !revived.has(id)).map(touched);
  return { proposal: { records: [...revived.values(), ...touchedToo], pairs }, before };
}

/** A record whose merge is taken back, with its facts in force. */
async function standingAgain(store: Store, record: IndexRecord, now: number): Promise<Proposal['records'][number]> {
  const { mergedInto: _gone, ...rest } = record;
  const next: IndexRecord = { ...rest, state: 'active', stateAt: now };
  return withEntry(store, next, false, now);
}

async function withEntry(
  store: Store,
  record: IndexRecord,
  removed: boolean,
  now: number,
): Promise<Proposal['records'][number]> {
  const entry = (await store.entriesById([record.id])).get(record.id);
  const keys = keysOf(record);
  if (entry === undefined) return { record, keys };
  const { id, personId, type, key, version, status, code, sourceId, sourceTime, body } = entry;
  const next = { id, personId, type, key, version: version + 1, status, code, sourceId, sourceTime, removed, body };
  return {
    record,
    keys,
    entry: { entry: { ...next, messageId: uuidv7(now), from: entry.from ?? 'ITI-104' }, expect: version },
  };
}

async function carryOut(
  parts: IndexParts,
  setup: ExchangeSetup,
  { proposal, before }: Plan,
  deed: Deed,
  itemId: string,
): Promise<{ changes: Changes; body: Partial<MatchBody> }> {
  return { changes: await settled(parts, setup, proposal, deed, itemId), body: { before } };
}

/** Two local records as their source says: linked, or parted with whatever merge was between them. */
export async function carryOutPair(
  parts: IndexParts,
  setup: ExchangeSetup,
  one: IndexRecord,
  other: IndexRecord,
  decision: MatchDecision,
  deed: Deed,
): Promise<{ changes: Changes; person: Person }> {
  const plan =
    decision === 'link'
      ? await planLink(parts.store, one, other, deed.now)
      : await planApart(parts.store, [one], [other], deed.now);
  const { changes, personOf } = await settleAll(parts, setup, plan.proposal, deed, '');
  return { changes, person: personOf.get(one.id)! };
}

/** {@link settleAll} without the persons. */
async function settled(
  parts: IndexParts,
  setup: ExchangeSetup,
  proposal: Proposal,
  deed: Deed,
  itemId: string,
): Promise<Changes> {
  return (await settleAll(parts, setup, proposal, deed, itemId)).changes;
}

/** Sorts out, and withdraws what is no question any more. */
async function settleAll(
  parts: IndexParts,
  setup: ExchangeSetup,
  proposal: Proposal,
  { by, reason, now }: Deed,
  itemId: string,
): Promise<SettledIndex> {
  const about: About = { who: by, reason, messageId: uuidv7(now), now };
  const limit = recordsMaxOf(setup) * LIMIT_TIMES;
  const done = await settle(parts, setup, linkRulesOf(setup), proposal, about, limit);
  if (done === undefined) throw new MixError('mpi.storm', { place: 'match' });
  const records = proposal.records.map(({ record }) => record.id);
  const open = await parts.store.matchItems({ records, kind: 'possible', states: ['open'], limit: ITEMS_MAX });
  const answered = open.rows.filter(({ id, a, b }) => {
    const [one, other] = [done.personOf.get(a), done.personOf.get(b ?? '')];
    return id !== itemId && one !== undefined && one.id === other?.id;
  });
  const items = answered.map((item) => ({
    item: { ...item, version: item.version + 1, state: 'withdrawn' as const, updatedAt: now },
    expect: item.version,
  }));
  return { ...done, changes: withItems(done.changes, items) };
}

/** The changes that put back how things stood before a decision; a newer decision about a pair stays. */
export async function undoDecision(
  parts: IndexParts,
  setup: ExchangeSetup,
  item: MatchItem,
  deed: Deed,
): Promise<Changes> {
  const { before } = item.body;
  if (before === undefined) throw new MixError('mpi.not-decided', { place: 'match' });
  const { store } = parts;
  const ids = new Set(before.pairs.flatMap(({ a, b }) => [a, b]));
  const now = new Map((await store.indexPairs([...ids], PAIRS_MAX)).map((pair) => [`${pair.a}|${pair.b}`, pair]));
  const pairs = before.pairs.flatMap((was): IndexPair[] => {
    const is = now.get(`${was.a}|${was.b}`) ?? unlinked(was.a, was.b);
    // A decision that was lifted leaves no row behind.
    const ours = is.decidedAt === before.at || (is.decision === 'none' && is.decidedAt <= before.at);
    return ours ? [{ ...is, decision: was.decision, decidedAt: was.decidedAt }] : [];
  });
  const records = await store.indexRecords([...ids, ...before.records.map(({ id }) => id)]);
  const proposed = new Map<string, Proposal['records'][number]>();
  for (const { id, mergedInto } of before.records) {
    const record = records.get(id);
    if (record === undefined || record.state === 'retired') continue;
    const next: IndexRecord = { ...record, state: 'retired', mergedInto, stateAt: deed.now };
    proposed.set(id, await withEntry(store, next, true, deed.now));
  }
  const [first] = before.pairs;
  for (const id of first === undefined ? [] : [first.a, first.b]) {
    const record = records.get(id);
    if (record !== undefined && !proposed.has(id)) proposed.set(id, touched(record));
  }
  return settled(parts, setup, { records: [...proposed.values()], pairs }, deed, item.id);
}

/** The facts of an overlay are taken after all. */
export async function takeOverlay(
  parts: ReceiveParts,
  setup: ExchangeSetup,
  item: MatchItem,
  deed: Deed,
): Promise<{ changes: Changes; body: Partial<MatchBody> }> {
  const { held } = item.body;
  const record = (await parts.store.indexRecords([item.a])).get(item.a);
  if (held === undefined || record === undefined) throw new MixError('mpi.unknown-record', { place: 'match' });
  const entry = (await parts.store.entriesById([record.id])).get(record.id);
  const changes = await refile(parts, setup, record, held.identifier, held.patient, deed);
  return { changes, body: { held: { ...held, ...(entry === undefined ? {} : { replaced: entry.version }) } } };
}

/** The facts that an overlay took the place of are put back. */
export async function putBackOverlay(
  parts: ReceiveParts,
  setup: ExchangeSetup,
  item: MatchItem,
  deed: Deed,
): Promise<Changes> {
  const { held } = item.body;
  const record = (await parts.store.indexRecords([item.a])).get(item.a);
  const before = (await parts.store.entryHistory(item.a)).find(({ version }) => version === held?.replaced);
  if (held === undefined || record === undefined || before === undefined)
    throw new MixError('mpi.not-decided', { place: 'match' });
  return refile(parts, setup, record, held.identifier, before.body as typeof held.patient, deed);
}

async function refile(
  parts: ReceiveParts,
  setup: ExchangeSetup,
  record: IndexRecord,
  identifier: string,
  patient: NonNullable<MatchBody['held']>['patient'],
  { by, reason, now }: Deed,
): Promise<Changes> {
  const { meta: _meta, ...facts } = patient;
  const fed = readFeed(identifier, { ...facts, active: true });
  const node = { name: record.sourceId, role: 'hospital' as const, organization: '', authorities: '-' };
  const domains = new Set([record.number.system, ...record.numbers.map(({ system }) => system)]);
  const filing = { fed, node, domains, messageId: uuidv7(now), taken: { by, reason } };
  return (await fileFeed(parts, setup, filing)).changes;
}
