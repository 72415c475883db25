/** Pairs of two files (or of one) that are worth comparing. */
import { fullName } from '../../schemas/mpi/nicknames.ts';
import { blockingKeys } from './blocking.ts';
import { soundOf } from './distance.ts';
import type { Features } from './features.ts';

export interface Pairs {
  left: Int32Array;
  right: Int32Array;
  /** Pairs there are in all. */
  total: number;
  /** Keys passed over because too many records share them. */
  skipped: number;
}

/** Files with fewer pairs are compared whole. */
const wholeMax = 1_200_000;
/** Pairs of one key; larger blocks are passed over, other keys of the same records still meet. */
const blockPairsMax = 20_000;
const pairsMax = 6_000_000;
/** Of a coarse key: as many as a file of ten thousand records bears, fewer the larger the file. */
const coarsePairs = 200_000_000;

/** Begins the keys that only files have. */
const coarse = '#';

/** `right` undefined: pairs within `left`, each once. */
export function candidatePairs(left: readonly Features[], right: readonly Features[] | undefined): Pairs {
  const total = right === undefined ? (left.length * (left.length - 1)) / 2 : left.length * right.length;
  if (total <= wholeMax) return wholePairs(left.length, right?.length, total);
  return blockPairs(left, right, (one) => [...blockingKeys(one), ...fileKeys(one).map((key) => coarse + key)]);
}

/** Pairs within a list that the keys of the index bring together. */
export function indexPairs(records: readonly Features[]): Pairs {
  return blockPairs(records, undefined, blockingKeys);
}

function blockPairs(
  left: readonly Features[],
  right: readonly Features[] | undefined,
  keysOf: (one: Features) => string[],
): Pairs {
  const total = right === undefined ? (left.length * (left.length - 1)) / 2 : left.length * right.length;
  const blocks = new Map<string, { mine: number[]; theirs: number[] }>();
  const put = (features: readonly Features[], side: 'mine' | 'theirs'): void => {
    for (const [at, one] of features.entries())
      for (const key of new Set(keysOf(one))) {
        const block = blocks.get(key);
        if (block === undefined) blocks.set(key, { mine: [], theirs: [], [side]: [at] });
        else block[side].push(at);
      }
  };
  put(left, 'mine');
  if (right !== undefined) put(right, 'theirs');
  const width = (right ?? left).length;
  const coarseMax = Math.min(
    blockPairsMax,
    Math.max(300, coarsePairs / Math.max(1, left.length + (right?.length ?? 0))),
  );
  const found = new Set<number>();
  let skipped = 0;
  for (const [key, { mine, theirs }] of blocks) {
    const size = right === undefined ? (mine.length * (mine.length - 1)) / 2 : mine.length * theirs.length;
    if (size > (key.startsWith(coarse) ? coarseMax : blockPairsMax) || found.size > pairsMax) {
      skipped += 1;
      continue;
    }
    // Within one file the records of a block stand in the order of the file.
    for (const [index, one] of mine.entries())
      for (const other of right === undefined ? mine.slice(index + 1) : theirs) found.add(one * width + other);
  }
  const sorted = Float64Array.from(found).sort();
  return {
    left: Int32Array.from(sorted, (pair) => Math.floor(pair / width)),
    right: Int32Array.from(sorted, (pair) => pair % width),
    total,
    skipped,
  };
}

function wholePairs(lefts: number, rights: number | undefined, total: number): Pairs {
  const left = new Int32Array(total);
  const right = new Int32Array(total);
  let at = 0;
  for (let one = 0; one < lefts; one += 1)
    for (let other = rights === undefined ? one + 1 : 0; other < (rights ?? lefts); other += 1) {
      left[at] = one;
      right[at] = other;
      at += 1;
    }
  return { left, right, total, skipped: 0 };
}

/** Coarser keys that a file of some ten thousand records can bear and an index of a million can't. */
function fileKeys({ names, birth, addresses, numbers, emails }: Features): string[] {
  const keys: string[] = [];
  const { given = '', family = '' } = names[0] ?? {};
  const sounds = [
    given === '' ? '' : soundOf(fullName(given.split(' ')[0]!)),
    family === '' ? '' : soundOf(family.replaceAll(' ', '')),
  ];
  const { postcode = '', city = '', house = '', street = '' } = addresses[0] ?? {};
  const year = Math.floor(birth / 10_000);
  if (birth % 100 !== 0) keys.push(`B|${birth}`);
  for (const sound of sounds)
    if (sound !== '') {
      keys.push(`S|${sound}`);
      if (postcode !== '') keys.push(`P|${postcode}|${sound}`);
      if (city !== '') keys.push(`C|${city}|${sound}`);
      if (year > 0) keys.push(`Y|${year}|${sound}`);
    }
  if (given !== '' && family !== '') keys.push(`N|${[...sounds].sort().join('|')}`);
  if (postcode !== '') keys.push(`Z|${postcode}`);
  if (house !== '' && street !== '') keys.push(`H|${house}|${street.slice(0, 5)}`);
  if (house !== '' && postcode !== '') keys.push(`I|${house}|${postcode}`);
  for (const { value } of numbers) if (year > 0) keys.push(`4|${value.slice(-4)}|${year}`);
  for (const email of emails) keys.push(`E|${email.split('@')[0]}`);
  return keys;
}
