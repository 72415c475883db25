/** Chance that a seed decides, so that every run of a bench has the same people and messages. */

/** Numbers from 0 to 1, without 1 (mulberry32). */
export function chance(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

export function pick<T>(random: () => number, from: readonly T[]): T {
  return from[Math.floor(random() * from.length)]!;
}

/** Draws by weight, in the logarithm of the number of things. */
export function weighted<T>(things: readonly (readonly [T, number])[]): (random: () => number) => T {
  const sums: number[] = [];
  let sum = 0;
  for (const [, weight] of things) {
    sum += weight;
    sums.push(sum);
  }
  return (random) => {
    const wanted = random() * sum;
    let [low, high] = [0, sums.length - 1];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (sums[middle]! > wanted) high = middle;
      else low = middle + 1;
    }
    return things[low]![0];
  };
}
