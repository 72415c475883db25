/**
 * Which pairs of two files hold when a record can have one partner only: chances by belief propagation on the graph of pairs.
 *
 * Every record is matched once or not at all, so pairs that share a record exclude each other, and what is left over when most are matched has
 * better odds with what is left over on the other side than any two records at random.
 */

export interface PairOdds {
  left: number[];
  right: number[];
  /** m over u of each pair. */
  ratio: number[];
}

export interface Exclusive {
  lefts: number;
  rights: number;
  /** A left record has one partner at most (the right file has nobody twice), and the other way round. */
  oneRight: boolean;
  oneLeft: boolean;
}

const sweeps = 60;
const damping = 0.5;

/** Chance of every pair. `prior`: chance that two records taken at random are one person, where the start is made. */
export function assignPairs(pairs: PairOdds, exclusive: Exclusive, prior: number): Float64Array {
  const count = pairs.ratio.length;
  const { lefts, rights, oneRight, oneLeft } = exclusive;
  const freeLeft = new Float64Array(count).fill(1);
  const freeRight = new Float64Array(count).fill(1);
  const chances = new Float64Array(count);
  const sumLeft = new Float64Array(lefts);
  const sumRight = new Float64Array(rights);
  let odds = prior / (1 - prior);
  for (let sweep = 0; sweep < sweeps; sweep += 1) {
    sumLeft.fill(0);
    sumRight.fill(0);
    for (let at = 0; at < count; at += 1) {
      const here = odds * pairs.ratio[at]!;
      sumLeft[pairs.left[at]!]! += here * freeRight[at]!;
      sumRight[pairs.right[at]!]! += here * freeLeft[at]!;
    }
    let matches = 0;
    for (let at = 0; at < count; at += 1) {
      const here = odds * pairs.ratio[at]!;
      const left = oneRight ? 1 / (1 + Math.max(0, sumLeft[pairs.left[at]!]! - here * freeRight[at]!)) : 1;
      const right = oneLeft ? 1 / (1 + Math.max(0, sumRight[pairs.right[at]!]! - here * freeLeft[at]!)) : 1;
      freeLeft[at] = damping * freeLeft[at]! + (1 - damping) * left;
      freeRight[at] = damping * freeRight[at]! + (1 - damping) * right;
      const both = here * freeLeft[at]! * freeRight[at]!;
      chances[at] = both / (1 + both);
      matches += chances[at]!;
    }
    if (oneRight && oneLeft) odds = restOdds(matches, lefts, rights);
  }
  return chances;
}

/** Odds of a pair of what is left over. At least a hundredth of each file is taken as left over, so that a full match forces nothing. */
function restOdds(matches: number, lefts: number, rights: number): number {
  const rest = (all: number): number => Math.max(0, all - matches) + 0.01 * all + 1;
  return Math.max(1e-12, (matches + 0.5) / (rest(lefts) * rest(rights)));
}
