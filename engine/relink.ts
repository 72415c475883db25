/** What links a local record to others: a look at those that share a key with it, each compared. */
import type { IndexPair, IndexRecord, MatchItem } from '../schemas/index-store.ts';
import type { Changes, Store } from '../schemas/parts.ts';
import { uuidOf } from './ihe/index.ts';
import { type Between, keysOf, type LinkRules, linkBetween } from './link.ts';
import type { Comparison } from './mpi/index.ts';

/** A block of more records than this says too little to be looked through, and of all blocks so many are compared. */
const LOOK = { block: 200, most: 500 };
const PAIRS_MAX = 5_000;
/** Possible matches of one record that people are asked about, the likeliest first. */
const POSSIBLE_MAX = 20;
const ITEMS_MAX = 500;

export interface Relinked {
  /** Found by these from now on. */
  keys: string[];
  /** Pairs that are not as they were. */
  pairs: IndexPair[];
  blocks: { key: string; mark: number }[];
  /** The other records of every pair that links something. */
  looked: IndexRecord[];
  /** Records that it goes with by itself. */
  joins: IndexRecord[];
  possible: { other: IndexRecord; comparison: Comparison }[];
}

/**
 * Looks for whom `next` may be one person with. `next`: the record as it is to be. Ends early where it goes with more than `joinsMax` by itself: that is a
 * storm, and nothing of it will be linked.
 */
export async function relink(
  parts: { store: Store },
  rules: LinkRules,
  next: IndexRecord,
  joinsMax = Number.POSITIVE_INFINITY,
): Promise<Relinked> {
  const { store } = parts;
  const keys = keysOf(next);
  const [found, before] = await Promise.all([
    store.indexCandidates(keys, LOOK),
    next.stamp === 0 ? [] : store.indexPairs([next.id], PAIRS_MAX),
  ]);
  const others = new Map(found.records.filter(({ id }) => id !== next.id).map((record) => [record.id, record]));
  const pairOf = new Map(before.map((pair) => [pair.a === next.id ? pair.b : pair.a, pair]));
  const missing = [...pairOf.keys()].filter((id) => !others.has(id));
  for (const [id, record] of await store.indexRecords(missing)) others.set(id, record);
  const relinked: Relinked = {
    keys,
    pairs: [],
    blocks: found.blocks.filter(({ full }) => !full).map(({ key, mark }) => ({ key, mark })),
    looked: [],
    joins: [],
    possible: [],
  };
  for (const other of others.values()) {
    addPair(relinked, next, other, pairOf.get(other.id), linkBetween(next, other, rules));
    if (relinked.joins.length > joinsMax) return relinked;
  }
  relinked.possible.sort((one, other) => other.comparison.weight - one.comparison.weight);
  // Whom nobody is asked about is not linked: so nothing hides behind a long list.
  for (const { other } of relinked.possible.splice(POSSIBLE_MAX)) {
    const pair = relinked.pairs.find(({ a, b }) => a === other.id || b === other.id);
    if (pair !== undefined && pair.decision === 'none') pair.link = 'none';
  }
  return relinked;
}

function addPair(
  into: Relinked,
  next: IndexRecord,
  other: IndexRecord,
  before: IndexPair | undefined,
  { link, weight, comparison }: Between,
): void {
  if (link !== 'none') into.looked.push(other);
  if (link === 'number' || link === 'match') into.joins.push(other);
  if (link === 'possible' && comparison !== undefined && (before?.decision ?? 'none') === 'none')
    into.possible.push({ other, comparison });
  const bits = link === 'none' ? 0 : Math.round(weight * 1_000) / 1_000;
  if (before === undefined ? link === 'none' : before.link === link && before.weight === bits) return;
  const [a, b] = next.id < other.id ? [next.id, other.id] : [other.id, next.id];
  into.pairs.push({
    a,
    b,
    link,
    weight: bits,
    decision: before?.decision ?? 'none',
    decidedAt: before?.decidedAt ?? 0,
  });
}

/** The id of the item that asks about two records: one a pair, whoever is fed again. */
export const possibleId = (a: string, b: string): string => uuidOf(`possible|${a < b ? `${a}|${b}` : `${b}|${a}`}`);

/**
 * The work list after a record was linked anew: its possible matches are asked about, and those that are no question any more are withdrawn.
 * `personOf`: persons of the records as they are to be.
 */
export async function askAbout(
  store: Store,
  record: IndexRecord,
  { possible }: Pick<Relinked, 'possible'>,
  personOf: (record: IndexRecord) => string,
  about: { from: string; now: number },
): Promise<NonNullable<NonNullable<Changes['index']>['items']>> {
  const mine = personOf(record);
  const asked = possible.filter(({ other }) => personOf(other) !== mine);
  if (record.stamp === 0 && asked.length === 0) return [];
  const known = new Map(
    (await store.matchItems({ records: [record.id], kind: 'possible', limit: ITEMS_MAX })).rows.map((item) => [
      item.id,
      item,
    ]),
  );
  const items: NonNullable<NonNullable<Changes['index']>['items']> = [];
  const still = new Set<string>();
  for (const { other, comparison } of asked) {
    const id = possibleId(record.id, other.id);
    still.add(id);
    const before = known.get(id);
    if (before !== undefined && before.state !== 'open' && before.state !== 'withdrawn') continue;
    const [a, b] = record.id < other.id ? [record.id, other.id] : [other.id, record.id];
    const item: MatchItem = {
      id,
      version: (before?.version ?? 0) + 1,
      kind: 'possible',
      state: 'open',
      a,
      b,
      personId: before?.personId ?? mine,
      from: about.from,
      createdAt: before?.createdAt ?? about.now,
      updatedAt: about.now,
      body: { ...before?.body, decisions: before?.body.decisions ?? [], comparison },
    };
    items.push({ item, expect: before?.version ?? 0 });
  }
  for (const item of known.values())
    if (item.state === 'open' && !still.has(item.id))
      items.push({
        item: { ...item, version: item.version + 1, state: 'withdrawn', updatedAt: about.now },
        expect: item.version,
      });
  return items;
}
