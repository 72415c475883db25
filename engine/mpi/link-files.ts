/**
 * Linking whole files without labels: candidates, a model that fits them, and a decision about all pairs together.
 *
 * Two files in which nobody stands twice are matched record by record, one to one. In one file records are gathered into persons. Otherwise every pair
 * is judged by itself. Which of these it is, is told from the files.
 */
import { assignPairs } from './assign.ts';
import { candidatePairs, indexPairs, type Pairs } from './candidates.ts';
import { type Edge, gatherRecords } from './clusters.ts';
import { compare, plainWeight, vectorWeight } from './compare.ts';
import type { Features } from './features.ts';
import { compileModel, defaultModel, type MatchModel } from './model.ts';
import { silentInGroups, silentOneToOne } from './rules.ts';
import { trainModel } from './train.ts';
import { compareFields, type Vector } from './vector.ts';

export interface LinkedPair {
  left: number;
  right: number;
  /** Chance that the two are one person, all pairs considered. */
  score: number;
  match: 'true' | 'possible';
}

export interface LinkOptions {
  /** Used as it is; without it the chances are learned from the files. */
  model?: MatchModel;
  /** Chances from which a pair is linked without a person, and from which a person should see it. */
  match?: number;
  possible?: number;
  /** What is being done and how far it is, 0 to 1. */
  progress?: (what: 'compare' | 'learn' | 'decide', share: number) => void;
}

export interface LinkResult {
  pairs: LinkedPair[];
  model: MatchModel;
  report: {
    way: 'one-to-one' | 'groups' | 'pairs';
    candidates: number;
    total: number;
    blocksPassedOver: number;
    matches: number;
    possible: number;
  };
}

/**
 * Chances that the verdicts begin at. Where a record can have one partner only, what is left over is nearly sure; elsewhere a father and a son without
 * a birth date come near 0.96, so the line is drawn above them.
 */
const defaults = { oneToOne: 0.9, match: 0.97, possible: 0.2 } as const;
/** Pairs below this chance are not looked at again. */
const faint = 1e-4;
/** Left-over records are compared with one another whole, up to this many pairs. */
const leftOverPairsMax = 400_000;

/** Links two files, or the records of one. Indexes are those of the lists. */
export function linkFiles(
  left: readonly Features[],
  right: readonly Features[] | undefined,
  options: LinkOptions = {},
): LinkResult {
  const { progress } = options;
  const limits = {
    oneToOne: options.match ?? defaults.oneToOne,
    match: options.match ?? defaults.match,
    possible: options.possible ?? defaults.possible,
  };
  const others = right ?? left;
  const { pairs, vectors } = comparePairs(left, others, candidatePairs(left, right), (share) =>
    progress?.('compare', share),
  );
  const model =
    options.model ??
    trainModel({ left, right, pairs, vectors, total: pairs.total }, defaultModel, (share) =>
      progress?.('learn', share),
    );
  const edges = edgesOf(pairs, vectors, model);
  progress?.('decide', 0);
  const decided =
    right === undefined ? decideGroups(left, edges, model, limits) : decidePairs(left, right, edges, model, limits);
  progress?.('decide', 1);
  decided.pairs.sort((a, b) => b.score - a.score || a.left - b.left || a.right - b.right);
  const matches = decided.pairs.filter(({ match }) => match === 'true').length;
  return {
    ...decided,
    model,
    report: {
      way: decided.way,
      candidates: pairs.compared,
      total: pairs.total,
      blocksPassedOver: pairs.skipped,
      matches,
      possible: decided.pairs.length - matches,
    },
  };
}

/** Pairs that the start model gives less than this many bits are two people, whatever is learned. */
const hopeless = -7;

/** The vectors of the pairs that are not hopeless. */
function comparePairs(
  left: readonly Features[],
  others: readonly Features[],
  pairs: Pairs,
  progress: (share: number) => void,
): { pairs: Pairs & { compared: number }; vectors: Vector[] } {
  const compiled = compileModel(defaultModel);
  const vectors: Vector[] = [];
  const kept: number[] = [];
  for (let at = 0; at < pairs.left.length; at += 1) {
    const vector = compareFields(left[pairs.left[at]!]!, others[pairs.right[at]!]!);
    if (plainWeight(compiled, vector) >= hopeless) {
      vectors.push(vector);
      kept.push(at);
    }
    if (at % 4096 === 0) progress(at / pairs.left.length);
  }
  return {
    pairs: {
      ...pairs,
      left: Int32Array.from(kept, (at) => pairs.left[at]!),
      right: Int32Array.from(kept, (at) => pairs.right[at]!),
      compared: pairs.left.length,
    },
    vectors,
  };
}

function edgesOf(pairs: Pairs, vectors: readonly Vector[], model: MatchModel): Edge[] {
  const compiled = compileModel(model);
  const floor = Math.log2(faint / model.prior);
  const edges: Edge[] = [];
  for (const [at, vector] of vectors.entries()) {
    const weight = vectorWeight(compiled, vector, model.prior);
    if (weight >= floor) edges.push({ left: pairs.left[at]!, right: pairs.right[at]!, weight });
  }
  return edges;
}

type Limits = { oneToOne: number; match: number; possible: number };
type Decided = { pairs: LinkedPair[]; way: LinkResult['report']['way'] };

function decideGroups(
  records: readonly Features[],
  edges: readonly Edge[],
  model: MatchModel,
  limits: Limits,
): Decided {
  const { group, joins } = gatherRecords(records, edges, model, limits.match);
  const pairs: LinkedPair[] = [];
  const told = new Set<number>();
  const tell = (left: number, right: number, score: number, match: LinkedPair['match']): void => {
    const [one, other] = left < right ? [left, right] : [right, left];
    const key = one * records.length + other;
    if (told.has(key)) return;
    told.add(key);
    pairs.push({ left: one, right: other, score, match });
  };
  for (const { left, right, probability, joined } of joins)
    if (joined) tell(left, right, probability, 'true');
    else if (probability >= limits.possible && group[left] !== group[right]) tell(left, right, probability, 'possible');
  // What a rule keeps apart is for a person.
  for (const { left, right } of edges) {
    if (group[left] === group[right]) continue;
    const { probability, verdict } = compare(records[left]!, records[right]!, model, silentInGroups);
    if (verdict !== 'no-match' && probability >= limits.possible) tell(left, right, probability, 'possible');
  }
  return { pairs, way: 'groups' };
}

function decidePairs(
  left: readonly Features[],
  right: readonly Features[],
  edges: Edge[],
  model: MatchModel,
  limits: Limits,
): Decided {
  const oneRight = isUnique(right, model);
  const oneLeft = isUnique(left, model);
  const exclusive = { lefts: left.length, rights: right.length, oneRight, oneLeft };
  let all = edges;
  let chances = assignPairs(oddsOf(all), exclusive, model.prior);
  if (oneRight && oneLeft) {
    all = [...edges, ...leftOverEdges(left, right, edges, chances, model)];
    chances = assignPairs(oddsOf(all), exclusive, model.prior);
  }
  const least = oneRight && oneLeft ? limits.oneToOne : limits.match;
  const silent = oneRight && oneLeft ? silentOneToOne : [];
  const open = { ...model, thresholds: { match: 0, possible: 0 } };
  const pairs: LinkedPair[] = [];
  for (const [at, { left: one, right: other }] of all.entries()) {
    const score = chances[at]!;
    if (score < limits.possible) continue;
    const { verdict } = compare(left[one]!, right[other]!, open, silent);
    if (verdict === 'no-match') continue;
    pairs.push({
      left: one,
      right: other,
      score,
      match: verdict === 'match' && score >= least ? 'true' : 'possible',
    });
  }
  return { pairs, way: oneRight && oneLeft ? 'one-to-one' : 'pairs' };
}

const oddsOf = (edges: readonly Edge[]): { left: number[]; right: number[]; ratio: number[] } => ({
  left: edges.map((edge) => edge.left),
  right: edges.map((edge) => edge.right),
  ratio: edges.map((edge) => 2 ** Math.min(300, edge.weight)),
});

/** Does nobody stand in the file twice, but for a few in a thousand? */
function isUnique(records: readonly Features[], model: MatchModel): boolean {
  const compiled = compileModel(model);
  const pairs = indexPairs(records);
  let expected = 0;
  for (let at = 0; at < pairs.left.length; at += 1) {
    const vector = compareFields(records[pairs.left[at]!]!, records[pairs.right[at]!]!);
    const odds = model.prior * 2 ** Math.min(300, vectorWeight(compiled, vector, model.prior));
    expected += odds / (1 + odds);
  }
  return expected <= 0.5 + 0.004 * records.length;
}

/** Pairs of records that found nobody: compared whole, since no key may have brought them together. */
function leftOverEdges(
  left: readonly Features[],
  right: readonly Features[],
  edges: readonly Edge[],
  chances: Float64Array,
  model: MatchModel,
): Edge[] {
  const lefts = new Float64Array(left.length);
  const rights = new Float64Array(right.length);
  const known = new Set<number>();
  for (const [at, edge] of edges.entries()) {
    lefts[edge.left]! += chances[at]!;
    rights[edge.right]! += chances[at]!;
    known.add(edge.left * right.length + edge.right);
  }
  const free = (sums: Float64Array): number[] => [...sums.keys()].filter((at) => sums[at]! < 0.5);
  const [freeLefts, freeRights] = [free(lefts), free(rights)];
  if (freeLefts.length * freeRights.length > leftOverPairsMax) return [];
  const compiled = compileModel(model);
  const found: Edge[] = [];
  for (const one of freeLefts)
    for (const other of freeRights) {
      if (known.has(one * right.length + other)) continue;
      const weight = vectorWeight(compiled, compareFields(left[one]!, right[other]!), model.prior);
      if (weight >= 0) found.push({ left: one, right: other, weight });
    }
  return found;
}
