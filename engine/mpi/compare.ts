/**
 * Are two patients one person? Fellegi and Sunter's weights (A theory for record linkage, JASA 64, 1969), with the frequency of words and
 * with relatives as a third kind of pair.
 *
 * Two people of one home share a family name, an address and a telephone; twins a birth date as well; father and son a name. Weighed field by
 * field such pairs look like one person. So a pair is held against strangers and against relatives of several kinds, and what speaks for relatives is
 * taken off the weight, under the name of the rule.
 */
import type { Features } from './features.ts';
import { type FieldName, fieldIndex, fieldLevels, fieldNames } from './levels.ts';
import { type Compiled, compileModel, type MatchModel } from './model.ts';
import { judgeRules } from './rules.ts';
import { compareFields, type Vector } from './vector.ts';

export type Verdict = 'match' | 'possible' | 'no-match';

export interface Comparison {
  /** Bits (log2): what the pair's fields say for one person against two. */
  weight: number;
  /** Chance that they are one person, with the model's prior. */
  probability: number;
  verdict: Verdict;
  /** What every field told on both sides adds; rules stand as field `rule`. They add up to the weight. */
  parts: { field: string; level: string; weight: number }[];
  /** Ids of the rules that spoke. */
  rules: string[];
}

/** Compares two patients. Symmetric, bounded, never throws. `silent`: rules that are not asked. */
export function compare(one: Features, other: Features, model: MatchModel, silent: readonly string[] = []): Comparison {
  const compiled = compileModel(model);
  const vector = compareFields(one, other);
  const ratios = ratiosOf(compiled, vector);
  const parts: Comparison['parts'] = [];
  let weight = 0;
  for (const [at, name] of fieldNames.entries()) {
    const level = vector.levels[at]!;
    if (level < 0) continue;
    const bits = Math.log2(ratios[at]!);
    weight += bits;
    parts.push({ field: name, level: fieldLevels[name][level]!, weight: bits });
  }
  const rules: string[] = [];
  const doubt = relativeDoubt(compiled, vector.levels, ratios, model.prior);
  if (doubt.bits > 0.01) {
    weight -= doubt.bits;
    parts.push({ field: 'rule', level: doubt.id, weight: -doubt.bits });
    if (doubt.bits >= 1) rules.push(doubt.id);
  }
  const probability = chanceOf(weight, model.prior);
  const spoken = judgeRules(one, other, vector.levels).filter(({ id }) => !silent.includes(id));
  for (const { id } of spoken) if (!rules.includes(id)) rules.push(id);
  return { weight, probability, verdict: verdictOf(probability, spoken, model), parts, rules };
}

function verdictOf(probability: number, spoken: { most: Verdict }[], { thresholds }: MatchModel): Verdict {
  if (probability < thresholds.possible || spoken.some(({ most }) => most === 'no-match')) return 'no-match';
  return probability >= thresholds.match && spoken.length === 0 ? 'match' : 'possible';
}

/** Chance of one person from bits of evidence and the prior. */
export function chanceOf(weight: number, prior: number): number {
  const odds = (prior / (1 - prior)) * 2 ** Math.max(-500, Math.min(500, weight));
  return odds / (1 + odds);
}

/** Levels on which the frequency of the word counts. */
const wordFields = ['given', 'family', 'birth', 'street', 'city', 'postcode'] as const satisfies readonly FieldName[];
const wordIndexes = new Set<number>(wordFields.map((name) => fieldIndex[name]));

/** m over u of a field's level; where both have the same word, u is the word's share. */
export function ratioOf(compiled: Compiled, vector: Vector, at: number, level: number): number {
  const ratio = compiled.ratio[at]![level]!;
  if (!wordIndexes.has(at)) return ratio;
  const share = shareOf(compiled, vector, fieldNames[at]!);
  // A city beside an equal postcode says what the postcode said.
  if (share === undefined || (fieldNames[at] === 'city' && level > 0)) return ratio;
  return (ratio * compiled.u[at]![level]!) / share;
}

function shareOf(compiled: Compiled, { words, levels }: Vector, name: FieldName): number | undefined {
  const word = words[name];
  if (word === undefined) return undefined;
  const terms = compiled.terms.get(name);
  const share = terms === undefined ? undefined : (terms.of.get(word) ?? terms.rest);
  if (levels[fieldIndex.order] !== 1 || (name !== 'given' && name !== 'family')) return share;
  const others = compiled.terms.get(name === 'given' ? 'family' : 'given');
  return Math.max(share ?? 0, others === undefined ? 0 : (others.of.get(word) ?? others.rest)) || undefined;
}

/** What the levels alone say, in bits: no frequency of words, no relatives. */
export function plainWeight(compiled: Compiled, { levels }: Vector): number {
  let ratio = 1;
  for (let at = 0; at < levels.length; at += 1) if (levels[at]! >= 0) ratio *= compiled.ratio[at]![levels[at]!]!;
  return Math.log2(ratio);
}

/** m over u of every field that both sides tell; 1 for the others. */
export function ratiosOf(compiled: Compiled, vector: Vector): Float64Array {
  const ratios = new Float64Array(vector.levels.length).fill(1);
  for (let at = 0; at < ratios.length; at += 1)
    if (vector.levels[at]! >= 0) ratios[at] = ratioOf(compiled, vector, at, vector.levels[at]!);
  return ratios;
}

/** The weight of a vector, without its explanation. */
export function vectorWeight(compiled: Compiled, vector: Vector, prior: number): number {
  const ratios = ratiosOf(compiled, vector);
  let ratio = 1;
  for (const one of ratios) ratio *= one;
  // Relatives can only take off: where a pair has no chance without them, they need not be asked.
  const bits = Math.log2(ratio);
  return bits < 0 ? bits : bits - relativeDoubt(compiled, vector.levels, ratios, prior).bits;
}

/** How much more likely relatives make the pair than strangers do, in bits off the weight, and which kind of relatives. */
export function relativeDoubt(
  compiled: Compiled,
  levels: Int8Array,
  ratios: Float64Array,
  prior: number,
): { bits: number; id: string } {
  let sum = 0;
  let most = { part: 0, id: '' };
  for (const { id, share, like, own } of compiled.relatives) {
    let part = share * prior;
    for (let at = 0; at < levels.length; at += 1) {
      const level = levels[at]!;
      const same = like[at]!;
      if (level < 0 || same === 0) continue;
      part *= same < 0 ? own[at]![level]! : same * ratios[at]! + 1 - same;
    }
    sum += part;
    if (part > most.part) most = { part, id };
  }
  return { bits: Math.log2(1 + sum), id: most.id };
}
