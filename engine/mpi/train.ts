/**
 * Chances of the comparison levels learned from the data without labels, by expectation and maximisation (Dempster, Laird and Rubin, JRSS B 39, 1977).
 *
 * How two people agree by accident (u) is counted on random pairs and on the frequency of words; how one person's records agree (m) comes from the
 * candidates, each counted by the chance that it is one person. Pairs that are no candidates count as two people. Few data lean on the start model.
 */
import { ratioOf } from './compare.ts';
import type { Features } from './features.ts';
import { type FieldName, fieldNames } from './levels.ts';
import { compileModel, groupsOf, type MatchModel } from './model.ts';
import { compareFields, type Vector, wordOf } from './vector.ts';

export interface Sample {
  left: readonly Features[];
  /** Undefined: pairs within `left`. */
  right: readonly Features[] | undefined;
  /** Candidates, by index, and their vectors. */
  pairs: { left: ArrayLike<number>; right: ArrayLike<number> };
  vectors: readonly Vector[];
  /** Pairs there are in all. */
  total: number;
}

const rounds = 12;
const randomPairs = 150_000;
/** Pairs that the start model's chances stand for beside the data. */
const heldM = 12;
const heldU = 40;

/** The model that fits the sample. Deterministic. `progress`: share done, 0 to 1. */
export function trainModel(sample: Sample, start: MatchModel, progress?: (share: number) => void): MatchModel {
  const records = sample.right === undefined ? [...sample.left] : [...sample.left, ...sample.right];
  const random = randomLevels(sample);
  let weights = new Float64Array(records.length).fill(1);
  let model: MatchModel = {
    ...start,
    prior: Math.min(
      0.5,
      (0.3 * Math.min(sample.left.length, (sample.right ?? sample.left).length)) / Math.max(1, sample.total),
    ),
    terms: wordShares(records, weights),
  };
  model = { ...model, fields: fieldsAfter(model, start, random, undefined, sample) };
  for (let round = 0; round < rounds; round += 1) {
    const expected = expect(sample, model);
    if (round === 3 || round === 7) weights = personWeights(sample, expected, records.length);
    model = {
      ...model,
      prior: Math.min(0.5, Math.max(1e-12, (expected.matches + 0.5) / (sample.total + 1))),
      terms: round === 3 || round === 7 ? wordShares(records, weights) : model.terms,
      relatives: relativesAfter(start, expected),
      fields: fieldsAfter(model, start, random, expected, sample),
    };
    progress?.((round + 1) / rounds);
  }
  return model;
}

/**
 * Files with many households have many twins: one factor scales all kinds of relatives. A kind of its own would take in slips that look like
 * it (another given name at one birth date) where the file has no households at all.
 */
function relativesAfter(start: MatchModel, expected: Expected): MatchModel['relatives'] {
  const held = start.relatives.reduce((sum, { share }) => sum + share, 0);
  const found = expected.relatives.reduce((sum, count) => sum + count, 0);
  const scale = (found + heldM * held) / Math.max(1e-9, (expected.matches + heldM) * held);
  return start.relatives.map((relative) => ({ ...relative, share: relative.share * scale }));
}

interface Random {
  /** Share of all pairs with a level, by field. */
  shares: Float64Array[];
}

/** Levels of random pairs: how often each comes among all. A fixed sequence of numbers draws them. */
function randomLevels({ left, right, total }: Sample): Random {
  const shares = fieldNames.map((name) => new Float64Array(groupsOf(name).at(-1)![1]));
  const others = right ?? left;
  const draws = Math.min(randomPairs, total);
  let state = 20_261_123;
  const next = (below: number): number => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 4_294_967_296) * below);
  };
  let drawn = 0;
  while (drawn < draws && left.length > 0 && others.length > 1) {
    const [one, other] = [next(left.length), next(others.length)];
    if (right === undefined && one === other) continue;
    const { levels } = compareFields(left[one]!, others[other]!);
    for (let at = 0; at < levels.length; at += 1) if (levels[at]! >= 0) shares[at]![levels[at]!]! += 1;
    drawn += 1;
  }
  for (const share of shares) for (let level = 0; level < share.length; level += 1) share[level]! /= Math.max(1, drawn);
  return { shares };
}

interface Expected {
  matches: number;
  /** By field and level: matches expected there. */
  levels: Float64Array[];
  relatives: number[];
  chances: Float64Array;
}

/** What the model expects of every candidate. */
function expect(sample: Sample, model: MatchModel): Expected {
  const compiled = compileModel(model);
  const levels = fieldNames.map((name) => new Float64Array(groupsOf(name).at(-1)![1]));
  const relatives = compiled.relatives.map(() => 0);
  const chances = new Float64Array(sample.vectors.length);
  let matches = 0;
  const odds = model.prior / (1 - model.prior);
  const parts = new Float64Array(relatives.length);
  for (const [index, vector] of sample.vectors.entries()) {
    let match = odds;
    for (let kind = 0; kind < parts.length; kind += 1) parts[kind] = compiled.relatives[kind]!.share * odds;
    for (let at = 0; at < vector.levels.length; at += 1) {
      const level = vector.levels[at]!;
      if (level < 0) continue;
      const ratio = ratioOf(compiled, vector, at, level);
      match *= ratio;
      for (let kind = 0; kind < parts.length; kind += 1) {
        const { like, own } = compiled.relatives[kind]!;
        const share = like[at]!;
        if (share !== 0) parts[kind]! *= share < 0 ? own[at]![level]! : share * ratio + 1 - share;
      }
    }
    let sum = 1 + match;
    for (let kind = 0; kind < parts.length; kind += 1) sum += parts[kind]!;
    const chance = match / sum;
    chances[index] = chance;
    matches += chance;
    for (let kind = 0; kind < parts.length; kind += 1) relatives[kind]! += parts[kind]! / sum;
    if (chance < 1e-6) continue;
    for (let at = 0; at < vector.levels.length; at += 1)
      if (vector.levels[at]! >= 0) levels[at]![vector.levels[at]!]! += chance;
  }
  return { matches, levels, relatives, chances };
}

function fieldsAfter(
  model: MatchModel,
  start: MatchModel,
  random: Random,
  expected: Expected | undefined,
  sample: Sample,
): MatchModel['fields'] {
  return Object.fromEntries(
    fieldNames.map((name, at) => {
      const before = start.fields[name]!;
      if (name === 'order') return [name, before];
      const m = [...(expected === undefined ? model.fields[name]! : before).m];
      const u = [...before.u];
      for (const [from, to] of groupsOf(name)) {
        const seen = random.shares[at]!.subarray(from, to);
        const matched = expected?.levels[at]?.subarray(from, to);
        const strangers = Array.from(seen, (share, level) =>
          Math.max(0, share * sample.total - (matched?.[level] ?? 0)),
        );
        // What is held from the start is a share of the random pairs, not of all pairs.
        const held = (heldU * sample.total) / Math.max(1, Math.min(randomPairs, sample.total));
        blend(u, from, strangers, before.u, held);
        if (matched !== undefined) blend(m, from, Array.from(matched), before.m, heldM);
      }
      return [name, { m, u }];
    }),
  );
}

/** Chances from counts, with as many more spread as the start has them. */
function blend(
  chances: number[],
  from: number,
  counts: readonly number[],
  start: readonly number[],
  held: number,
): void {
  const sum = counts.reduce((total, count) => total + count, 0) + held;
  for (const [level, count] of counts.entries()) chances[from + level] = (count + held * start[from + level]!) / sum;
}

/** A person that stands in the files several times counts once in the frequency of words. */
function personWeights(
  { pairs, right, left }: Sample,
  { chances }: Expected,
  records: number,
): Float64Array<ArrayBuffer> {
  const others = new Float64Array(records);
  for (let index = 0; index < chances.length; index += 1) {
    const chance = chances[index]!;
    if (chance < 0.01) continue;
    others[pairs.left[index]!]! += chance;
    others[pairs.right[index]! + (right === undefined ? 0 : left.length)]! += chance;
  }
  return others.map((count) => 1 / (1 + count));
}

const wordFields = ['given', 'family', 'birth', 'street', 'city', 'postcode'] as const satisfies readonly FieldName[];

/** Share of persons with a word, by field. */
function wordShares(records: readonly Features[], weights: Float64Array): MatchModel['terms'] {
  return Object.fromEntries(
    wordFields.map((name) => {
      const counts = new Map<string, number>();
      let sum = 0;
      for (const [index, record] of records.entries()) {
        const word = wordIn(record, name);
        if (word === '') continue;
        counts.set(word, (counts.get(word) ?? 0) + weights[index]!);
        sum += weights[index]!;
      }
      const rest = 1 / Math.max(1, sum);
      return [
        name,
        {
          rest,
          of: Object.fromEntries([...counts].map(([word, count]) => [word, Math.max(1, count) / Math.max(1, sum)])),
        },
      ];
    }),
  );
}

function wordIn(record: Features, name: (typeof wordFields)[number]): string {
  if (name === 'given' || name === 'family') return wordOf(record.names[0]?.[name] ?? '');
  if (name === 'birth') return record.birth % 100 === 0 ? '' : String(record.birth);
  return wordOf(record.addresses[0]?.[name] ?? '');
}
