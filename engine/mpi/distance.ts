/** How alike two folded words are: the only file that knows the libraries for string distance and phonetics. */
import { jaroWinkler } from '@skyra/jaro-winkler';
import { doubleMetaphone } from 'double-metaphone';
import { distance } from 'fastest-levenshtein';

const counts = new Int16Array(128);

/** Letters that two words share, in any order. Other scripts fold onto 128 codes, so it is never too few. */
export function sharedLetters(one: string, other: string): number {
  let both = 0;
  for (let at = 0; at < one.length; at += 1) counts[one.charCodeAt(at) & 127]! += 1;
  for (let at = 0; at < other.length; at += 1) {
    const code = other.charCodeAt(at) & 127;
    if (counts[code]! > 0) {
      counts[code]! -= 1;
      both += 1;
    }
  }
  for (let at = 0; at < one.length; at += 1) counts[one.charCodeAt(at) & 127] = 0;
  return both;
}

/** Edits (insert, delete, replace) from one word to the other; a swap of two neighbours counts as one. Beyond `most` it is only told that it is more. */
export function editsBetween(one: string, other: string, most: number): number {
  if (one === other) return 0;
  const longer = Math.max(one.length, other.length);
  if (Math.abs(one.length - other.length) > most || longer - sharedLetters(one, other) > most) return most + 1;
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

/** Is the Jaro-Winkler similarity at least this, where `least` is 0.88 or more? */
export function areLike(one: string, other: string, least: number): boolean {
  if (one === '' || other === '') return false;
  // Jaro's measure needs that many letters in common, or it can not come so high with four equal ones in front.
  const shared = sharedLetters(one, other);
  if (shared / one.length + shared / other.length < 1.4) return false;
  // The order of the two must not matter.
  return (one < other ? jaroWinkler(one, other) : jaroWinkler(other, one)) >= least;
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
