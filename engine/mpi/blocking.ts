/**
 * Composite texts by which candidates are found: two patients are compared when they share one. Every text joins at least two facts, none of them
 * sex or year alone. Given and family names are not told apart in them, so that swapped ones meet.
 */
import { fullName } from '../../schemas/mpi/nicknames.ts';
import { soundOf } from './distance.ts';
import type { Features } from './features.ts';

export const blockingKeysMax = 16;

/** The keys of a patient, the most telling first; at most `blockingKeysMax`. */
export function blockingKeys(features: Features): string[] {
  const keys = new Set<string>();
  const { birth, phones, emails, numbers, addresses } = features;
  const names = soundsOf(features);
  const whole = birth % 100 === 0 ? 0 : birth;
  for (const { kind, value } of numbers.slice(0, 2)) if (kind !== 'last4') keys.add(`n|${value}`);
  for (const phone of phones.slice(0, 1)) keys.add(`t|${phone.slice(-7)}`);
  for (const email of emails.slice(0, 1)) keys.add(`m|${email}`);
  if (whole > 0) for (const name of names.all) keys.add(`b|${whole}|${name}`);
  const postcode = addresses[0]?.postcode ?? '';
  if (whole > 0 && postcode !== '') keys.add(`bp|${whole}|${postcode}`);
  for (const both of names.pairs) {
    if (birth > 0) keys.add(`y|${Math.floor(birth / 10_000)}|${both}`);
    if (whole > 0) keys.add(`d|${dayAndMonth(whole)}|${both}`);
    if (postcode !== '') keys.add(`p|${postcode}|${both}`);
  }
  const { house = '', street = '' } = addresses[0] ?? {};
  if (house !== '' && street !== '')
    for (const name of names.all.slice(0, 2)) keys.add(`h|${house}|${soundOf(street.split(' ')[0]!)}|${name}`);
  return [...keys].slice(0, blockingKeysMax);
}

/** Month and day in one order, so that swapped ones meet. */
function dayAndMonth(birth: number): string {
  const [month, day] = [Math.floor(birth / 100) % 100, birth % 100];
  return month < day ? `${month}-${day}` : `${day}-${month}`;
}

function soundsOf({ names }: Features): { all: string[]; pairs: string[] } {
  const all = new Set<string>();
  const pairs = new Set<string>();
  for (const { given, family } of names.slice(0, 2)) {
    const first = given === '' ? '' : soundOf(fullName(given.split(' ')[0]!));
    const last = family === '' ? '' : soundOf(family.replaceAll(' ', ''));
    if (first !== '') all.add(first);
    if (last !== '') all.add(last);
    if (first !== '' && last !== '') pairs.add(first < last ? `${first} ${last}` : `${last} ${first}`);
  }
  return { all: [...all], pairs: [...pairs] };
}
