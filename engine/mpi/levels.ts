/** Comparison levels: how far the fields of two patients agree. Index 0 is the best level; -1 says that a side does not tell. */
import { areForms } from '../../schemas/mpi/nicknames.ts';
import { areLike, editsBetween, sharedLetters, soundOf } from './distance.ts';

/** Fields in the order of a comparison vector, each with its levels from the best to the worst. */
export const fieldLevels = {
  given: ['exact', 'form', 'part', 'close', 'similar', 'letters', 'initial', 'differ'],
  family: ['exact', 'part', 'former', 'close', 'similar', 'letters', 'differ'],
  order: ['straight', 'swapped'],
  middle: ['exact', 'initial', 'differ'],
  maiden: ['exact', 'close', 'differ'],
  suffix: ['exact', 'differ'],
  birth: ['exact', 'partial', 'swapped', 'digit', 'month', 'year', 'decade', 'differ'],
  sex: ['same', 'differ', 'same-beside-given', 'differ-beside-given'],
  house: ['exact', 'close', 'differ'],
  street: ['exact', 'close', 'words', 'differ'],
  unit: ['exact', 'close', 'differ'],
  postcode: ['exact', 'close', 'area', 'differ'],
  city: ['exact', 'close', 'differ', 'exact-beside-postcode', 'close-beside-postcode', 'differ-beside-postcode'],
  state: ['same', 'differ', 'same-beside-postcode', 'differ-beside-postcode'],
  phone: ['exact', 'close', 'differ'],
  email: ['exact', 'close', 'near', 'name', 'differ'],
  national: ['exact', 'close', 'last-four', 'near', 'differ'],
  number: ['exact', 'close', 'differ'],
} as const;

export type FieldName = keyof typeof fieldLevels;
export const fieldNames = Object.keys(fieldLevels) as FieldName[];
export const fieldIndex = Object.fromEntries(fieldNames.map((name, at) => [name, at])) as Record<FieldName, number>;

/** Levels of a field whose chances sum to one: where another field agrees, a field of its own begins (city beside an equal postcode). */
export const levelGroups: Partial<Record<FieldName, number>> = { sex: 2, city: 3, state: 2 };

const joined = (words: string): string => (words.includes(' ') ? words.replaceAll(' ', '') : words);
const firstWord = (words: string): string => {
  const at = words.indexOf(' ');
  return at < 0 ? words : words.slice(0, at);
};

/** One slip: an edit or a neighbour swap where one word has three letters or more, two edits in words of six and more. */
function isClose(one: string, other: string): boolean {
  const shorter = Math.min(one.length, other.length);
  if (shorter < 2 || one.length + other.length < 5 || Math.abs(one.length - other.length) > 2) return false;
  const edits = editsBetween(one, other, 2);
  return edits === 1 || (edits === 2 && shorter >= 6);
}

/** Alike in sound or letters, beyond a slip. */
function isSimilar(one: string, other: string): boolean {
  if (one.length < 3 || other.length < 3) return false;
  if (one[0] === other[0] && soundOf(one) === soundOf(other)) return true;
  if (areLike(one, other, 0.88)) return true;
  const shorter = Math.min(one.length, other.length);
  const most = Math.floor(shorter / 3);
  return shorter >= 5 && editsBetween(one, other, most) <= most;
}

/** A jumble: nearly the same letters in another order. */
function isJumble(one: string, other: string): boolean {
  const shorter = Math.min(one.length, other.length);
  return shorter >= 3 && sharedLetters(one, other) / Math.max(one.length, other.length) >= 0.75;
}

export function givenLevel(one: string, other: string): number {
  if (one === '' || other === '') return -1;
  if (one === other) return 0;
  const [a, b] = [joined(one), joined(other)];
  if (a === b) return 0;
  if (a.length === 1 || b.length === 1) return a[0] === b[0] ? 6 : 7;
  if (isClose(a, b)) return areForms(a, b) ? 1 : 3;
  const [first, second] = [firstWord(one), firstWord(other)];
  if (first !== second && areForms(first, second)) return 1;
  if ((first === second && first.length > 1) || a.startsWith(b) || b.startsWith(a)) return 2;
  if (isSimilar(a, b) || (first.length > 1 && second.length > 1 && isClose(first, second))) return 4;
  return isJumble(a, b) ? 5 : 7;
}

export function familyLevel(one: string, other: string): number {
  if (one === '' || other === '') return -1;
  if (one === other) return 0;
  const [a, b] = [joined(one), joined(other)];
  if (a === b) return 0;
  if (isClose(a, b)) return 3;
  if (one.includes(' ') || other.includes(' ')) {
    const words = other.split(' ');
    if (one.split(' ').some((word) => word.length >= 3 && words.includes(word))) return 1;
  }
  if (isSimilar(a, b) || (Math.min(a.length, b.length) >= 3 && (a.startsWith(b) || b.startsWith(a)))) return 4;
  return isJumble(a, b) ? 5 : 6;
}

const dayMs = 86_400_000;
const dateOf = (birth: number): number =>
  Date.UTC(Math.floor(birth / 10_000), Math.max(0, (Math.floor(birth / 100) % 100) - 1), birth % 100 || 15);

/** Levels of two birth dates, `YYYYMMDD` with noughts where not told. */
export function birthLevel(one: number, other: number): number {
  if (one === 0 || other === 0) return -1;
  if (one === other) return one % 100 === 0 ? 1 : 0;
  const [year, otherYear] = [Math.floor(one / 10_000), Math.floor(other / 10_000)];
  const [month, otherMonth] = [Math.floor(one / 100) % 100, Math.floor(other / 100) % 100];
  const [day, otherDay] = [one % 100, other % 100];
  if (day === 0 || otherDay === 0) {
    if (year !== otherYear) return Math.abs(year - otherYear) <= 10 ? 6 : 7;
    return month === 0 || otherMonth === 0 || month === otherMonth ? 1 : 5;
  }
  if (year === otherYear && month === otherDay && day === otherMonth) return 2;
  if (isDigitSlip(one, other)) return 3;
  const days = Math.abs(dateOf(one) - dateOf(other)) / dayMs;
  if (days <= 31) return 4;
  if (days <= 366 || (year === otherYear && (month === otherMonth || day === otherDay))) return 5;
  return days <= 3660 || (month === otherMonth && day === otherDay) ? 6 : 7;
}

/** One digit of eight is another, or two neighbours are swapped. */
function isDigitSlip(one: number, other: number): boolean {
  let [a, b] = [one, other];
  let wrong = 0;
  let place = 0;
  let [first, second] = [-1, -1];
  while (a > 0 || b > 0) {
    if (a % 10 !== b % 10) {
      wrong += 1;
      if (wrong === 1) first = place;
      else second = place;
      if (wrong > 2) return false;
    }
    a = Math.floor(a / 10);
    b = Math.floor(b / 10);
    place += 1;
  }
  if (wrong === 1) return true;
  if (second !== first + 1) return false;
  const digit = (number: number, at: number): number => Math.floor(number / 10 ** at) % 10;
  return digit(one, first) === digit(other, second) && digit(one, second) === digit(other, first);
}

/** House numbers: 12 and 12A, 12 and 21 are close. */
export function houseLevel(one: string, other: string): number {
  if (one === '' || other === '') return -1;
  if (one === other) return 0;
  return Math.max(one.length, other.length) > 1 && editsBetween(one, other, 1) === 1 ? 1 : 2;
}

/** Streets: close where the letters are nearly the same, words where most words are shared. */
export function streetLevel(one: string, other: string): number {
  if (one === '' || other === '') return -1;
  if (one === other) return 0;
  const [a, b] = [joined(one), joined(other)];
  if (a === b) return 0;
  const shorter = Math.min(a.length, b.length);
  const most = Math.max(1, Math.floor(shorter / 5));
  if (shorter >= 4 && editsBetween(a, b, most) <= most) return 1;
  if (firstWord(one) === firstWord(other) && shorter >= 6 && firstWord(one).length >= 4) return 2;
  return sharedWords(one, other) >= 0.5 || areLike(a, b, 0.9) ? 2 : 3;
}

function sharedWords(one: string, other: string): number {
  // Two single words that are not the same share none, and neither do texts of other letters.
  if (!one.includes(' ') && !other.includes(' ')) return 0;
  if (sharedLetters(one, other) < 0.4 * Math.min(one.length, other.length)) return 0;
  const mine = new Set(one.split(' '));
  const others = new Set(other.split(' '));
  let both = 0;
  for (const word of mine) if (word.length >= 3 && others.has(word)) both += 1;
  return both / Math.max(mine.size, others.size);
}

/** Flats, second lines. */
export function unitLevel(one: string, other: string): number {
  if (one === '' || other === '') return -1;
  if (one === other) return 0;
  const [a, b] = [joined(one), joined(other)];
  if (a === b) return 0;
  const shorter = Math.min(a.length, b.length);
  if (shorter < 5 || !/\D/.test(a) || !/\D/.test(b)) return 2;
  const most = Math.ceil(shorter / 4);
  return editsBetween(a, b, most) <= most || sharedWords(one, other) >= 0.5 ? 1 : 2;
}

export function cityLevel(one: string, other: string): number {
  if (one === '' || other === '') return -1;
  if (one === other) return 0;
  const [a, b] = [joined(one), joined(other)];
  if (a === b) return 0;
  const shorter = Math.min(a.length, b.length);
  if (shorter < 3) return 2;
  const most = Math.floor(shorter / 2.5);
  if (editsBetween(a, b, most) <= most || isJumble(a, b)) return 1;
  return shorter >= 4 && (a.startsWith(b) || b.startsWith(a) || areLike(a, b, 0.9)) ? 1 : 2;
}

export function postcodeLevel(one: string, other: string): number {
  if (one === '' || other === '') return -1;
  if (one === other) return 0;
  if (editsBetween(one, other, 1) === 1) return 1;
  return one.length >= 5 && one.slice(0, 3) === other.slice(0, 3) ? 2 : 3;
}

/** Telephone numbers; a local number of seven digits equals the end of a longer one. */
export function phoneLevel(one: string, other: string): number {
  if (one === other) return 0;
  if (one.length !== other.length && (one.endsWith(other) || other.endsWith(one))) return 0;
  return editsBetween(one, other, 1) === 1 ? 1 : 2;
}

export function emailLevel(one: string, other: string): number {
  if (one === other) return 0;
  const shorter = Math.min(one.length, other.length);
  const most = Math.max(2, Math.floor(shorter / 3));
  const edits = editsBetween(one, other, most);
  if (edits <= 2) return 1;
  if (edits <= most) return 2;
  const [mine, others] = [one.split('@')[0]!, other.split('@')[0]!];
  return mine.length >= 4 && mine === others ? 3 : 4;
}

/** Numbers of one kind and authority. */
export function nationalLevel(one: string, other: string): number {
  if (one === other) return 0;
  const edits = editsBetween(one, other, 2);
  if (edits === 1) return 1;
  return edits === 2 ? 3 : 4;
}
