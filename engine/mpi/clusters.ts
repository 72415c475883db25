/**
 * Persons of one file that holds some of them many times: records are gathered, the surest pair first, and what is gathered is compared as a whole.
 *
 * A record without a family name and one without a given name may each be known by a third. So a field of two groups agrees by the mean of
 * its chances over their records: the records of a group are copies of one person's facts, each of them as likely to be the true one.
 */

import { ratioOf } from './compare.ts';
import type { Features } from './features.ts';
import { fieldNames } from './levels.ts';
import { compileModel, type MatchModel } from './model.ts';
import { judgeRules, silentInGroups } from './rules.ts';
import { compareFields } from './vector.ts';

export interface Edge {
  left: number;
  right: number;
  weight: number;
}

export interface Gathered {
  /** Group of every record. */
  group: Int32Array;
  /** Pairs of records of one group, with the chance of the join that brought them together; and the pairs behind joins that were not made. */
  joins: { left: number; right: number; probability: number; joined: boolean }[];
}

/** Records of a group that speak for it. */
const spokesmenMax = 10;
const groupMax = 200;
/** Times that the sizes of groups are learned. */
const sizeRounds = 2;

interface Evidence {
  /** By field: m over u, 0 where not told; then the same for every kind of relatives. */
  factors: Float64Array;
  /** Rules that speak between the two. */
  barred: 'conflict' | 'lack' | undefined;
}

/** Gathers records whose chance to be one person reaches `join`. `edges`: candidates, with the weight of the pair alone. */
export function gatherRecords(
  records: readonly Features[],
  edges: readonly Edge[],
  model: MatchModel,
  join: number,
): Gathered {
  const compiled = compileModel(model);
  const kinds = compiled.relatives.length;
  const fields = fieldNames.length;
  const kept = new Map<number, Evidence>();
  const evidenceOf = (one: number, other: number): Evidence => {
    const key = one < other ? one * records.length + other : other * records.length + one;
    const known = kept.get(key);
    if (known !== undefined) return known;
    const vector = compareFields(records[one]!, records[other]!);
    const factors = new Float64Array(fields * (kinds + 1));
    for (let at = 0; at < fields; at += 1) {
      const level = vector.levels[at]!;
      if (level < 0) continue;
      const ratio = ratioOf(compiled, vector, at, level);
      factors[at] = ratio;
      for (const [kind, { like, own }] of compiled.relatives.entries()) {
        const share = like[at]!;
        factors[(kind + 1) * fields + at] = share < 0 ? own[at]![level]! : share * ratio + 1 - share;
      }
    }
    const spoken = judgeRules(records[one]!, records[other]!, vector.levels).filter(
      ({ id }) => !silentInGroups.includes(id),
    );
    const barred: Evidence['barred'] = spoken.some(({ why }) => why === 'conflict')
      ? 'conflict'
      : spoken.length > 0
        ? 'lack'
        : undefined;
    const evidence = { factors, barred };
    kept.set(key, evidence);
    return evidence;
  };
  const base = model.prior / (1 - model.prior);
  let oddsOfSizes = (_one: number, _other: number): number => base;
  const chanceOfGroups = (ones: readonly number[], others: readonly number[]): number => {
    const sums = new Float64Array(fields * (kinds + 1));
    const told = new Float64Array(fields);
    let open = false;
    for (const one of ones.slice(0, spokesmenMax))
      for (const other of others.slice(0, spokesmenMax)) {
        const { factors, barred } = evidenceOf(one, other);
        if (barred === 'conflict') return 0;
        if (barred === undefined) open = true;
        for (let at = 0; at < fields; at += 1) {
          if (factors[at] === 0) continue;
          told[at]! += 1;
          for (let kind = 0; kind <= kinds; kind += 1) sums[kind * fields + at]! += factors[kind * fields + at]!;
        }
      }
    if (!open) return 0;
    const odds = oddsOfSizes(ones.length, others.length);
    let rest = 1;
    let match = odds;
    for (let kind = 0; kind <= kinds; kind += 1) {
      let product = kind === 0 ? odds : compiled.relatives[kind - 1]!.share * base;
      for (let at = 0; at < fields; at += 1) if (told[at]! > 0) product *= sums[kind * fields + at]! / told[at]!;
      if (kind === 0) match = product;
      else rest += product;
    }
    return match / (match + rest);
  };
  let gathered = gather(records.length, edges, chanceOfGroups, join);
  for (let round = 0; round < sizeRounds; round += 1) {
    oddsOfSizes = sizeOdds(gathered.group, base);
    gathered = gather(records.length, edges, chanceOfGroups, join);
  }
  return gathered;
}

/**
 * Odds that two groups of these sizes are one, from how often such sizes come: where nearly every person stands there twice, two single records are
 * likelier one person than two records at random.
 */
function sizeOdds(group: Int32Array, base: number): (one: number, other: number) => number {
  const sizes = new Map<number, number>();
  for (const root of group) sizes.set(root, (sizes.get(root) ?? 0) + 1);
  const counts = new Map<number, number>();
  for (const size of sizes.values()) counts.set(size, (counts.get(size) ?? 0) + 1);
  const groups = sizes.size;
  // Counts of sizes are few and uneven: neighbours lend to each other, and nothing is taken as never.
  const smooth = (size: number): number => {
    const mean = ((counts.get(size - 1) ?? 0) + 2 * (counts.get(size) ?? 0) + (counts.get(size + 1) ?? 0)) / 4;
    return size === 1
      ? (counts.get(1) ?? 0) + 0.01 * groups + 1
      : (size <= 2 ? (counts.get(size) ?? 0) : mean) + 0.002 * groups + 0.1;
  };
  return (one, other) => {
    const pairs = one === other ? (smooth(one) * smooth(one)) / 2 : smooth(one) * smooth(other);
    return Math.min(1000 * base, Math.max(base / 30, smooth(one + other) / pairs));
  };
}

interface Entry {
  one: number;
  other: number;
  /** Sizes when it was worked out: an entry of groups that grew since is stale. */
  stamp: number;
  chance: number;
  edge: Edge;
}

function gather(
  count: number,
  edges: readonly Edge[],
  chanceOf: (ones: readonly number[], others: readonly number[]) => number,
  join: number,
): Gathered {
  const group = Int32Array.from({ length: count }, (_, at) => at);
  const members = new Map<number, number[]>();
  const version = new Int32Array(count);
  const near = new Map<number, Map<number, Edge>>();
  const heap = new Heap<Entry>((one, other) => one.chance > other.chance);
  const membersOf = (root: number): number[] => members.get(root) ?? [root];
  const push = (one: number, other: number, edge: Edge): void =>
    heap.push({
      one,
      other,
      edge,
      stamp: version[one]! + version[other]!,
      chance: chanceOf(membersOf(one), membersOf(other)),
    });
  for (const edge of edges) {
    for (const [one, other] of [
      [edge.left, edge.right],
      [edge.right, edge.left],
    ] as const) {
      const mine = near.get(one) ?? new Map<number, Edge>();
      mine.set(other, edge);
      near.set(one, mine);
    }
    push(edge.left, edge.right, edge);
  }
  const joins: Gathered['joins'] = [];
  for (let entry = heap.pop(); entry !== undefined; entry = heap.pop()) {
    const { one, other, edge, chance } = entry;
    if (group[one] !== one || group[other] !== other || entry.stamp !== version[one]! + version[other]!) continue;
    const [mine, theirs] = [membersOf(one), membersOf(other)];
    const joined = chance >= join && mine.length + theirs.length <= groupMax;
    if (!joined) {
      joins.push({ left: edge.left, right: edge.right, probability: chance, joined });
      continue;
    }
    for (const a of mine) for (const b of theirs) joins.push({ left: a, right: b, probability: chance, joined });
    const all = [...mine, ...theirs];
    for (const member of theirs) group[member] = one;
    members.set(one, all);
    members.delete(other);
    version[one]! += version[other]! + 1;
    const around = near.get(one) ?? new Map<number, Edge>();
    for (const [next, by] of near.get(other) ?? []) {
      const back = near.get(next);
      back?.delete(other);
      if (next === one) continue;
      const held = around.get(next);
      const stronger = held === undefined || by.weight > held.weight ? by : held;
      around.set(next, stronger);
      back?.set(one, stronger);
    }
    around.delete(other);
    near.delete(other);
    near.set(one, around);
    for (const [next, by] of around) push(one, next, by);
  }
  return { group, joins };
}

/** Largest first. */
class Heap<T> {
  readonly #before: (one: T, other: T) => boolean;
  readonly #items: T[] = [];

  constructor(before: (one: T, other: T) => boolean) {
    this.#before = before;
  }

  push(item: T): void {
    const items = this.#items;
    items.push(item);
    for (let at = items.length - 1; at > 0; ) {
      const above = (at - 1) >> 1;
      if (!this.#before(items[at]!, items[above]!)) return;
      [items[at], items[above]] = [items[above]!, items[at]!];
      at = above;
    }
  }

  pop(): T | undefined {
    const items = this.#items;
    const top = items[0];
    const last = items.pop();
    if (items.length === 0 || last === undefined) return top;
    items[0] = last;
    for (let at = 0; ; ) {
      let most = at;
      for (const below of [2 * at + 1, 2 * at + 2])
        if (below < items.length && this.#before(items[below]!, items[most]!)) most = below;
      if (most === at) return top;
      [items[at], items[most]] = [items[most]!, items[at]!];
      at = most;
    }
  }
}
