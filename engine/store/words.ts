/**
 * Search over sealed rows: normalized words become keyed tokens; the full-text index sees only these.
 * It leaks equality and frequency of tokens within a field, nothing else (see the threat model).
 */
import type { Seal, SearchField, SearchTerm } from '../../schemas/parts.ts';

/** Beginnings of words that can be found: 3 to 12 letters. A longer query word matches on its first 12. */
const prefixMin = 3;
const prefixMax = 12;
/** Limits of one row's words; what is beyond is not searchable (the row itself is whole). */
const wordsMax = 400;
const textMax = 20_000;
/** Bytes of a token that stand in the index, as hex: 48 bits are enough to keep unlike words apart in one tenant. */
const tokenDigits = 12;
const tokenStride = 24;

const marks: Record<SearchField, string> = {
  number: 'n',
  name: 'w',
  control: 'c',
  accession: 'a',
  type: 't',
  text: 'x',
  birth: 'b',
};

/** Case folded, diacritics stripped (NFKD without combining marks). Plain ASCII takes the short way. */
export function foldText(text: string): string {
  let ascii = true;
  for (let i = 0; i < text.length; i++) {
    if (text.charCodeAt(i) > 127) {
      ascii = false;
      break;
    }
  }
  if (ascii) return text.toLowerCase();
  return text
    .normalize('NFKD')
    .replace(/\p{M}+/gu, '')
    .toLowerCase()
    .replaceAll('\u00df', 'ss')
    .replaceAll('\u00f8', 'o')
    .replaceAll('\u0142', 'l');
}

function wordsOf(text: string): string[] {
  return foldText(text.length > textMax ? text.slice(0, textMax) : text).match(/[\p{L}\p{N}]+/gu) ?? [];
}

function isWordField(field: SearchField): boolean {
  return field === 'name' || field === 'text';
}

/** A number as it is compared: folded, without spaces. */
export function foldNumber(text: string): string {
  return foldText(text).replace(/\s+/g, '');
}

function pushIndexed(into: Set<string>, term: SearchTerm): void {
  const mark = marks[term.field];
  if (isWordField(term.field)) {
    for (const word of wordsOf(term.text)) {
      if (into.size >= wordsMax) return;
      if (word.length < prefixMin) into.add(`${mark}=${word}`);
      const last = Math.min(word.length, prefixMax);
      for (let length = prefixMin; length <= last; length++) into.add(mark + word.slice(0, length));
    }
    return;
  }
  if (term.field === 'birth') {
    const day = term.text.replace(/\D/g, '').slice(0, 8);
    if (day.length === 8) into.add(mark + day);
    return;
  }
  const whole = foldNumber(term.text);
  if (whole === '') return;
  into.add(mark + whole);
  // `12345^authority` is found by its number alone, `ADT^A01` by `ADT`.
  const first = whole.split('^', 1)[0]!;
  if (first !== '' && first !== whole) into.add(mark + first);
}

function pushAsked(into: Set<string>, term: SearchTerm): void {
  const mark = marks[term.field];
  if (isWordField(term.field)) {
    for (const word of wordsOf(term.text)) {
      into.add(word.length < prefixMin ? `${mark}=${word}` : mark + word.slice(0, prefixMax));
    }
    return;
  }
  if (term.field === 'birth') {
    into.add(mark + term.text.replace(/\D/g, '').slice(0, 8));
    return;
  }
  into.add(mark + foldNumber(term.text));
}

function tokensText(seal: Seal, domain: string, words: Set<string>): string {
  if (words.size === 0) return '';
  const texts = [...words];
  const hex = seal.tokens(domain, texts).toString('hex');
  const tokens: string[] = [];
  for (let i = 0; i < texts.length; i++) tokens.push(hex.slice(i * tokenStride, i * tokenStride + tokenDigits));
  return tokens.join(' ');
}

/** What stands in the full-text index for a row, '' for nothing. */
export function indexWords(seal: Seal, domain: string, terms: readonly SearchTerm[]): string {
  const words = new Set<string>();
  for (const term of terms) {
    if (words.size >= wordsMax) break;
    pushIndexed(words, term);
  }
  return tokensText(seal, domain, words);
}

/** The match expression for terms that must all hold; undefined when they hold no word, which finds nothing. */
export function askWords(seal: Seal, domain: string, terms: readonly SearchTerm[]): string | undefined {
  const words = new Set<string>();
  for (const term of terms) {
    const before = words.size;
    pushAsked(words, term);
    if (words.size === before && wordsOf(term.text).length === 0) return undefined;
    if (words.size > 32) break;
  }
  return tokensText(seal, domain, words) || undefined;
}
