/** How alike two folded words are: the only file that knows the libraries for string distance and phonetics. */
import { jaroWinkler } from '@skyra/jaro-winkler';
import { doubleMetaphone } from 'double-metaphone';
import { distance } from 'fastest-levenshtein';

/** Edits (insert, delete, replace) from one word to the other; a swap of two neighbours counts as one. */
export function editsBetween(one: string, other: string): number {
  if (one === other) return 0;
  return isNeighbourSwap(one, other) ? 1 : distance(one, other);
}

/** Do the words differ by one swap of neighbouring letters only? */
export function isNeighbourSwap(one: string, other: string): boolean {
  if (one.length !== other.length) return false;
  let at = 0;
  while (at < one.length && one[at] === other[at]) at += 1;
  if (at > one.length - 2 || one[at] !== other[at + 1] || one[at + 1] !== other[at]) return false;
  return one.slice(at + 2) === other.slice(at + 2);
}

/** Jaro-Winkler similarity, 0 to 1. */
export function likeness(one: string, other: string): number {
  if (one === '' || other === '') return 0;
  // The order of the two must not matter.
  return one < other ? jaroWinkler(one, other) : jaroWinkler(other, one);
}

const soundsMax = 50_000;
const sounds = new Map<string, string>();

/** How a word sounds (Double Metaphone, first code); the word itself where it has no sound in Latin letters. */
export function soundOf(word: string): string {
  const known = sounds.get(word);
  if (known !== undefined) return known;
  const sound = doubleMetaphone(word)[0] || word.slice(0, 4);
  if (sounds.size >= soundsMax) sounds.clear();
  sounds.set(word, sound);
  return sound;
}
