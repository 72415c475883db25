/**
 * Patients as keyed Bloom filters in place of their names: cryptographic long-term keys (Schnell, Bachteler and Reiher, 2009 and 2011), so that a
 * node that holds only these can say who is alike, and not who they are.
 *
 * Every fact is cut into pairs of letters (for birth dates and numbers: digits with their place), and every pair sets bits that only the holders of the key
 * can tell, by HMAC-SHA-256. Each fact has a filter of its own, so that frequent names don't hide among the other facts' bits and missing
 * facts stay missing. What remains to be guessed from: the frequency of equal filters. The key never goes to the node that compares.
 */
import { createHmac } from 'node:crypto';
import { type Comparison, chanceOf, relativeDoubt } from './compare.ts';
import type { Features } from './features.ts';
import { fieldIndex, fieldLevels, fieldNames } from './levels.ts';
import { compileModel, type MatchModel } from './model.ts';

/** Filters in their order, with the bits that a pair of letters sets. */
const parts = ['given', 'family', 'birth', 'sex', 'street', 'city', 'postcode', 'phone', 'email', 'national'] as const;
type Part = (typeof parts)[number];
const partBits = 512;
const partBytes = partBits / 8;
const hashes: Record<Part, number> = {
  given: 14,
  family: 14,
  birth: 14,
  sex: 20,
  street: 8,
  city: 10,
  postcode: 14,
  phone: 10,
  email: 6,
  national: 12,
};
const version = 1;
/** Bytes of an encoding: a version, which parts are told, the filters. */
export const clkBytes = 3 + parts.length * partBytes;
const keyBytesMin = 32;

/** The encoding of a patient. `key`: at least 32 bytes that the comparing node does not have. Throws RangeError for a shorter one. */
export function encodeClk(features: Features, key: Uint8Array): Uint8Array {
  if (key.length < keyBytesMin) throw new RangeError('a key of at least 32 bytes');
  const bytes = new Uint8Array(clkBytes);
  bytes[0] = version;
  for (const [at, part] of parts.entries()) {
    const grams = gramsOf(part, features);
    if (grams.length === 0) continue;
    bytes[1 + (at >> 3)]! |= 1 << (at & 7);
    const filter = bytes.subarray(3 + at * partBytes, 3 + (at + 1) * partBytes);
    for (const gram of grams) setBits(filter, part, gram, key);
  }
  return bytes;
}

/** Bits by double hashing: two numbers of one HMAC give all places. */
function setBits(filter: Uint8Array, part: Part, gram: string, key: Uint8Array): void {
  const digest = createHmac('sha256', key).update(`${part}|${gram}`).digest();
  const first = digest.readUInt32LE(0);
  const step = digest.readUInt32LE(4) | 1;
  for (let nth = 0; nth < hashes[part]; nth += 1) {
    const place = (first + nth * step) % partBits;
    filter[place >> 3]! |= 1 << (place & 7);
  }
}

function gramsOf(part: Part, { names, birth, sex, addresses, phones, emails, numbers }: Features): string[] {
  const [name] = names;
  const [address] = addresses;
  switch (part) {
    case 'given':
      return letterPairs(name?.given ?? '');
    case 'family':
      return letterPairs(name?.family ?? '');
    case 'birth':
      return birth % 100 === 0 ? [] : placed(String(birth));
    case 'sex':
      return sex === '' ? [] : [sex];
    case 'street':
      return letterPairs([address?.house ?? '', address?.street ?? ''].join(' ').trim());
    case 'city':
      return letterPairs(address?.city ?? '');
    case 'postcode':
      return placed(address?.postcode ?? '');
    case 'phone':
      return placed(phones[0] ?? '');
    case 'email':
      return letterPairs(emails[0] ?? '');
    case 'national':
      return placed(numbers.find(({ kind }) => kind === 'national')?.value ?? '');
  }
}

/** Neighbouring letters, with the ends marked: ANNA gives _A AN NN NA A_. */
function letterPairs(text: string): string[] {
  const joined = text.replaceAll(' ', '').slice(0, 40);
  if (joined === '') return [];
  const marked = `_${joined}_`;
  return [...new Set(Array.from({ length: marked.length - 1 }, (_, at) => marked.slice(at, at + 2)))];
}

/** Characters with their place. */
const placed = (text: string): string[] => [...text.slice(0, 12)].map((character, at) => `${at}${character}`);

/** Likeness of two filters from which a level holds; below the last of them they differ. */
const steps: Record<Part, readonly (readonly [least: number, level: string])[]> = {
  given: [
    [0.999, 'exact'],
    [0.72, 'close'],
    [0.55, 'similar'],
    [0, 'differ'],
  ],
  family: [
    [0.999, 'exact'],
    [0.72, 'close'],
    [0.55, 'similar'],
    [0, 'differ'],
  ],
  birth: [
    [0.999, 'exact'],
    [0.84, 'digit'],
    [0.72, 'year'],
    [0, 'differ'],
  ],
  sex: [
    [0.999, 'same'],
    [0, 'differ'],
  ],
  street: [
    [0.999, 'exact'],
    [0.75, 'close'],
    [0.6, 'words'],
    [0, 'differ'],
  ],
  city: [
    [0.999, 'exact'],
    [0.65, 'close'],
    [0, 'differ'],
  ],
  postcode: [
    [0.999, 'exact'],
    [0.7, 'close'],
    [0, 'differ'],
  ],
  phone: [
    [0.999, 'exact'],
    [0.85, 'close'],
    [0, 'differ'],
  ],
  email: [
    [0.999, 'exact'],
    [0.8, 'close'],
    [0, 'differ'],
  ],
  national: [
    [0.999, 'exact'],
    [0.82, 'close'],
    [0, 'differ'],
  ],
};

/**
 * Compares two encodings made with one key, by the model that compares names: weights of the nearest levels, without the frequency of words.
 * Symmetric. What is no encoding of this version tells nothing.
 */
export function compareClk(one: Uint8Array, other: Uint8Array, model: MatchModel): Comparison {
  const compiled = compileModel(model);
  const told: Comparison['parts'] = [];
  const levels = new Int8Array(fieldNames.length).fill(-1);
  const ratios = new Float64Array(fieldNames.length).fill(1);
  const readable = [one, other].every((bytes) => bytes.length === clkBytes && bytes[0] === version);
  for (const [at, part] of readable ? parts.entries() : []) {
    if (!(one[1 + (at >> 3)]! & other[1 + (at >> 3)]! & (1 << (at & 7)))) continue;
    const likeness = diceOf(one, other, 3 + at * partBytes);
    const level = steps[part].find(([least]) => likeness >= least)![1];
    const index = (fieldLevels[part] as readonly string[]).indexOf(level);
    const field = fieldIndex[part];
    levels[field] = index;
    ratios[field] = compiled.ratio[field]![index]!;
    told.push({ field: part, level, weight: Math.log2(ratios[field]!) });
  }
  let weight = told.reduce((sum, { weight: bits }) => sum + bits, 0);
  const doubt = relativeDoubt(compiled, levels, ratios, model.prior);
  if (doubt.bits > 0.01) {
    weight -= doubt.bits;
    told.push({ field: 'rule', level: doubt.id, weight: -doubt.bits });
  }
  const probability = chanceOf(weight, model.prior);
  const { match, possible } = model.thresholds;
  const verdict = probability >= match ? 'match' : probability >= possible ? 'possible' : 'no-match';
  return { weight, probability, verdict, parts: told, rules: doubt.bits >= 1 ? [doubt.id] : [] };
}

const ones = Uint8Array.from({ length: 256 }, (_, byte) => byte.toString(2).replaceAll('0', '').length);

/** Dice's coefficient of two filters: twice the common bits over all bits. */
function diceOf(one: Uint8Array, other: Uint8Array, from: number): number {
  let [both, all] = [0, 0];
  for (let at = from; at < from + partBytes; at += 1) {
    const [a, b] = [one[at]!, other[at]!];
    both += ones[a & b]!;
    all += ones[a]! + ones[b]!;
  }
  return all === 0 ? 0 : (2 * both) / all;
}
