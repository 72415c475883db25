/** Two patients as a vector of comparison levels, the same whichever stands first. */
import { areForms } from '../../schemas/mpi/nicknames.ts';
import { sharedLetters } from './distance.ts';
import type { AddressFeature, Features, NameFeature } from './features.ts';
import {
  birthLevel,
  cityLevel,
  emailLevel,
  type FieldName,
  familyLevel,
  fieldIndex,
  fieldNames,
  givenLevel,
  houseLevel,
  nationalLevel,
  phoneLevel,
  postcodeLevel,
  streetLevel,
  unitLevel,
} from './levels.ts';

/** Levels by field (-1 not told) and the words that fields agree in exactly, for their frequency. */
export interface Vector {
  levels: Int8Array;
  words: Partial<Record<FieldName, string>>;
}

const at = fieldIndex;

export function compareFields(one: Features, other: Features): Vector {
  const levels = new Int8Array(fieldNames.length).fill(-1);
  const vector: Vector = { levels, words: {} };
  compareNames(one, other, vector);
  levels[at.birth] = birthLevel(one.birth, other.birth);
  if (levels[at.birth] === 0) vector.words.birth = String(one.birth);
  if (one.suffix !== '' && other.suffix !== '') levels[at.suffix] = one.suffix === other.suffix ? 0 : 1;
  if (one.maiden !== '' && other.maiden !== '') {
    const level = familyLevel(one.maiden, other.maiden);
    levels[at.maiden] = level === 0 ? 0 : level <= 5 ? 1 : 2;
  }
  if (one.sex !== '' && other.sex !== '') {
    const given = levels[at.given]!;
    levels[at.sex] = (one.sex === other.sex ? 0 : 1) + (given >= 0 && given <= 3 ? 2 : 0);
  }
  compareAddresses(one, other, vector);
  levels[at.phone] = best(one.phones, other.phones, phoneLevel);
  levels[at.email] = best(one.emails, other.emails, emailLevel);
  compareNumbers(one, other, levels);
  return vector;
}

function best(
  mine: readonly string[],
  others: readonly string[],
  level: (one: string, other: string) => number,
): number {
  let found = -1;
  for (const one of mine)
    for (const other of others) {
      const here = level(one, other);
      if (found < 0 || here < found) found = here;
      if (found === 0) return 0;
    }
  return found;
}

/** How much a level of the given and the family name tells, roughly: to choose among several names and both orders. */
const givenRank = [5, 4.5, 4, 4, 2, 1.8, 1.5, -2];
const familyRank = [5, 4, 4, 4, 2, 1.8, -2];
const rank = (given: number, family: number): number => (givenRank[given] ?? 0) + (familyRank[family] ?? 0);

interface NameLevels {
  given: number;
  family: number;
  rank: number;
  swapped: boolean;
  words: [string, string];
  key: string;
}

/** Two texts in one order: what is chosen among equals must not hang on which patient stands first. */
const orderless = (one: string, other: string): string => (one < other ? `${one}|${other}` : `${other}|${one}`);

/** A text as word of the frequency tables. */
export const wordOf = (text: string): string => (text.includes(' ') ? text.replaceAll(' ', '') : text);

function compareNames(one: Features, other: Features, vector: Vector): void {
  let chosen: NameLevels | undefined;
  for (const mine of one.names)
    for (const theirs of other.names) {
      const here = compareName(mine, theirs);
      if (chosen === undefined || here.rank > chosen.rank || (here.rank === chosen.rank && here.key < chosen.key))
        chosen = here;
    }
  if (chosen === undefined) return;
  const { levels, words } = vector;
  levels[at.given] = chosen.given;
  levels[at.family] = chosen.family;
  if (chosen.given >= 0 || chosen.family >= 0) levels[at.order] = chosen.swapped ? 1 : 0;
  if (chosen.given === 0) words.given = wordOf(chosen.words[0]);
  if (chosen.family === 0) words.family = wordOf(chosen.words[1]);
  if (chosen.family === 6 && isFormer(one, other)) levels[at.family] = 2;
  levels[at.middle] = compareMiddles(one.names, other.names);
}

function compareName(mine: NameFeature, theirs: NameFeature): NameLevels {
  const given = givenLevel(mine.given, theirs.given);
  const family = familyLevel(mine.family, theirs.family);
  const key = orderless(`${mine.given}|${mine.family}`, `${theirs.given}|${theirs.family}`);
  const words: [string, string] = [mine.given, mine.family];
  const straight = { given, family, rank: rank(given, family), swapped: false, words, key };
  if (given === 0 || family === 0 || !mayCross(mine, theirs)) return straight;
  // Which of the crossed pairs holds the given names is told by its smaller word, so that both directions agree.
  const first: [string, string] = [mine.given, theirs.family];
  const second: [string, string] = [mine.family, theirs.given];
  const form = areForms(...second);
  const turned = form === areForms(...first) ? orderless(...second) < orderless(...first) : form;
  const [givens, families] = turned ? [second, first] : [first, second];
  const crossed = { given: givenLevel(...givens), family: familyLevel(...families) };
  const agree = (crossed.given >= 0 && crossed.given <= 5) || (crossed.family >= 0 && crossed.family <= 5);
  const clash = crossed.given >= 6 || crossed.family >= 6;
  const crossedRank = rank(crossed.given, crossed.family);
  if (!agree || clash || crossedRank <= straight.rank + 1) return straight;
  return { ...crossed, rank: crossedRank, swapped: true, words: [givens[0], families[0]], key };
}

/** Can the names be swapped at all? Most strangers' are too far apart to be worth a look. */
function mayCross(mine: NameFeature, theirs: NameFeature): boolean {
  const shares = (one: string, other: string): boolean =>
    one !== '' && other !== '' && 2 * sharedLetters(one, other) >= Math.min(one.length, other.length);
  return shares(mine.given, theirs.family) || shares(mine.family, theirs.given);
}

/** One side's family name is the other side's maiden name. */
function isFormer(one: Features, other: Features): boolean {
  const same = (maiden: string, names: readonly NameFeature[]): boolean =>
    maiden !== '' &&
    names.some(({ family }) => family !== '' && (family === maiden || familyLevel(family, maiden) <= 1));
  return same(one.maiden, other.names) || same(other.maiden, one.names);
}

function compareMiddles(mine: readonly NameFeature[], theirs: readonly NameFeature[]): number {
  return best(middles(mine), middles(theirs), (one, other) => {
    if (one === other || givenLevel(one, other) <= 1) return 0;
    if (one.length === 1 || other.length === 1) return one[0] === other[0] ? 1 : 2;
    return givenLevel(one, other) <= 4 ? 1 : 2;
  });
}

const middles = (names: readonly NameFeature[]): string[] =>
  names.map(({ middle }) => middle).filter((middle) => middle !== '');

function compareAddresses(one: Features, other: Features, vector: Vector): void {
  let chosen: { mine: AddressFeature; theirs: AddressFeature; score: number; key: string } | undefined;
  for (const mine of one.addresses)
    for (const theirs of other.addresses) {
      const many = one.addresses.length > 1 || other.addresses.length > 1;
      const score = many ? sameParts(mine, theirs) : 0;
      const key = many ? orderless(addressText(mine), addressText(theirs)) : '';
      if (chosen === undefined || score > chosen.score || (score === chosen.score && key < chosen.key))
        chosen = { mine, theirs, score, key };
    }
  if (chosen === undefined) return;
  const { levels, words } = vector;
  const { mine, theirs } = chosen;
  const postcode = postcodeLevel(mine.postcode, theirs.postcode);
  const beside = postcode === 0;
  const city = cityLevel(mine.city, theirs.city);
  levels[at.postcode] = postcode;
  levels[at.city] = city < 0 ? -1 : city + (beside ? 3 : 0);
  if (mine.state !== '' && theirs.state !== '')
    levels[at.state] = (mine.state === theirs.state ? 0 : 1) + (beside ? 2 : 0);
  levels[at.house] = houseLevel(mine.house, theirs.house);
  levels[at.street] = streetLevel(mine.street, theirs.street);
  levels[at.unit] = unitLevel(mine.unit, theirs.unit);
  if (levels[at.street] === 3 && areLinesSwapped(mine, theirs)) {
    levels[at.street] = 1;
    levels[at.unit] = 1;
  }
  if (postcode === 0) words.postcode = mine.postcode;
  if (city === 0) words.city = wordOf(mine.city);
  if (levels[at.street] === 0) words.street = wordOf(mine.street);
}

const addressText = (one: AddressFeature): string =>
  [one.house, one.street, one.unit, one.city, one.state, one.postcode].join('|');

function sameParts(mine: AddressFeature, theirs: AddressFeature): number {
  const same = (one: string, other: string): number => (one !== '' && one === other ? 1 : 0);
  return (
    3 * same(mine.street, theirs.street) +
    2 * same(mine.house, theirs.house) +
    2 * same(mine.postcode, theirs.postcode) +
    same(mine.city, theirs.city) +
    same(mine.unit, theirs.unit)
  );
}

/** The street stands in the second line of the other. */
function areLinesSwapped(mine: AddressFeature, theirs: AddressFeature): boolean {
  const there = streetLevel(mine.street, theirs.unit);
  const back = streetLevel(mine.unit, theirs.street);
  return (there >= 0 || back >= 0) && there <= 1 && back <= 1;
}

function compareNumbers(one: Features, other: Features, levels: Int8Array): void {
  let national = -1;
  let number = -1;
  const better = (level: number, before: number): number => (before < 0 || level < before ? level : before);
  for (const mine of one.numbers)
    for (const theirs of other.numbers) {
      if (mine.kind === 'last4' || theirs.kind === 'last4') {
        if (mine.kind !== theirs.kind && mine.kind !== 'national' && theirs.kind !== 'national') continue;
        national = better(mine.value.slice(-4) === theirs.value.slice(-4) ? 2 : 4, national);
      } else if (mine.kind === theirs.kind && mine.authority === theirs.authority) {
        const level = nationalLevel(mine.value, theirs.value);
        if (mine.kind === 'national') national = better(level, national);
        else number = better(level > 1 ? 2 : level, number);
      }
    }
  levels[at.national] = national;
  levels[at.number] = number;
}
