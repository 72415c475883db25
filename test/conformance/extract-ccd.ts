/**
 * The other half of the extractor: what a CCD says in its header and in its entries, read by a few patterns that know nothing of our
 * writer. The narrative is left out, so that a text alone does not count as an entry.
 */
import { decode, type RawField, rawFields } from './extract-raw.ts';

const entities: Record<string, string> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" };

function plain(xml: string): string {
  return xml.replace(/&(?:#x([0-9A-Fa-f]+)|#(\d+)|(\w+));/g, (all, hex, decimal, name) =>
    hex
      ? String.fromCodePoint(Number.parseInt(hex, 16))
      : decimal
        ? String.fromCodePoint(Number(decimal))
        : (entities[name] ?? all),
  );
}

/** Every attribute value and text of a piece of XML, each between marks, white space as one blank. */
export function wordsOf(xml: string): string {
  const words: string[] = [];
  for (const [, attribute, text] of xml.matchAll(/="([^"]*)"|>([^<]+)/g))
    words.push(plain(attribute ?? text ?? '').trim());
  return `\u0001${words.filter(Boolean).join('\u0001')}\u0001`.replace(/[^\S\u0001]+/g, ' ');
}

export interface CcdParts {
  /** Words of the header: recordTarget and the other participations. */
  header: string;
  /** Words of each clinical statement (act, observation, substanceAdministration, ...) with the LOINC code of its section. */
  statements: { section: string; words: string }[];
}

/** Header and clinical statements of a CCD, without any narrative. */
export function ccdParts(xml: string): CcdParts {
  const at = xml.indexOf('<structuredBody>');
  const statements: CcdParts['statements'] = [];
  for (const section of xml.slice(at).split('<section').slice(1)) {
    const code = /<code code="([^"]+)"/.exec(section)?.[1] ?? '';
    const entries = section
      .slice(section.indexOf('</title>'))
      .replace(/^<\/title><text>.*?<\/text>(?=<entry|<\/section)/s, '');
    const pieces = entries.split(
      /(?=<(?:act|observation|substanceAdministration|supply|procedure|encounter|organizer) )/,
    );
    for (const piece of pieces.slice(1))
      statements.push({ section: code, words: wordsOf(piece) + noteOf(code, piece, section) });
  }
  return { header: wordsOf(xml.slice(0, at)), statements };
}

/** A Note Activity holds its text by reference (template 4.202): the row that it names belongs to it. */
function noteOf(code: string, piece: string, section: string): string {
  const row = code === '34109-9' ? /<text><reference value="#([^"]+)"/.exec(piece)?.[1] : undefined;
  const at = row === undefined ? -1 : section.indexOf(`<tr ID="${row}">`);
  return at < 0 ? '' : wordsOf(section.slice(at, section.indexOf('</tr>', at)));
}

/** A fact of a message that has to stand in the CCD, and where. */
export interface Wanted {
  /** `PID-5`, `OBX-5 NM`. */
  name: string;
  /** LOINC codes of sections whose entries may hold it; empty: the header. */
  sections: string[];
  /** Texts that must all stand in one clinical statement, or in the header. */
  texts: string[];
}

const immunizations = '11369-6';
const medications = '10160-0';
const anywhere = '*';

/** Facts of a raw message that a CCD has to hold: the patient, and every final result, allergy, diagnosis, drug and dose. */
export function wantedOf(message: string): Wanted[] {
  const rows = new Map<string, RawField>();
  for (const field of rawFields(message)) {
    const key = `${field.name.slice(0, 3)}[${field.nth}]`;
    if (!rows.has(key)) rows.set(key, field);
  }
  const found: Wanted[] = [];
  for (const [key, { segment }] of rows) {
    const get = (n: number, component = 1, repetition = 0): string => {
      const raw = (segment[n]?.[repetition] ?? '').split(message[4]!)[component - 1] ?? '';
      const text = decode(raw.split(message[7]!)[0]!, message).trim();
      return text === '""' ? '' : text;
    };
    const want = (name: string, sections: string[], ...texts: string[]): void => {
      const there = texts.filter(Boolean);
      if (there.length > 0) found.push({ name, sections, texts: there });
    };
    if (key.startsWith('PID')) wantPatient(segment, get, want);
    else if (key.startsWith('OBX') && get(11) === 'F') wantResult(segment, get, want, message);
    else if (key.startsWith('AL1')) want('AL1-3', ['48765-2'], get(3), get(3, 2));
    else if (key.startsWith('DG1')) want('DG1-3', [anywhere], get(3), get(3, 2) || get(4));
    else if (key.startsWith('RXE')) want('RXE-2', [medications], get(2), get(2, 2));
    else if (key.startsWith('RXA') && get(5) !== '998') want('RXA-5', [immunizations, medications], get(5), get(5, 2));
  }
  return found;
}

type Get = (n: number, component?: number, repetition?: number) => string;
type Want = (name: string, sections: string[], ...texts: string[]) => void;

function wantPatient(segment: string[][], get: Get, want: Want): void {
  for (const n of [2, 3, 4, 18, 19]) for (const at of segment[n]?.keys() ?? []) want(`PID-${n}`, [], get(n, 1, at));
  for (const at of segment[5]?.keys() ?? []) want('PID-5', [], get(5, 1, at), get(5, 2, at), get(5, 3, at));
  want('PID-7', [], get(7).slice(0, 8));
  for (const at of segment[11]?.keys() ?? []) want('PID-11', [], ...[1, 3, 4, 5, 6].map((one) => get(11, one, at)));
}

function wantResult(segment: string[][], get: Get, want: Want, message: string): void {
  const type = get(2);
  const number = (text: string): string => text.replace(/^[<>=]+ */, '');
  for (const at of segment[5]?.keys() ?? []) {
    if (get(5, 1, at) === '' && get(5, 2, at) === '') continue;
    const value =
      type === 'NM'
        ? [number(get(5, 1, at))]
        : type === 'SN'
          ? [get(5, 2, at), get(5, 4, at)]
          : type === 'ED'
            ? [get(5, 5, at)]
            : /^C[EWNF]E?$/.test(type)
              ? [get(5, 1, at), get(5, 2, at)]
              : linesOf(segment[5]?.[at] ?? '', message);
    want(`OBX-5 ${type}`, [anywhere], get(3), ...value);
  }
}

/** Formatted text by its lines: any formatting command (chapter 2.7.6) may end one. */
function linesOf(raw: string, message: string): string[] {
  const mark = message[6]!.replace(/[^A-Za-z0-9]/g, '\\$&');
  return raw
    .split(message[4]!)[0]!
    .split(new RegExp(`${mark}\\.[a-z]{2}[+-]?\\d*${mark}`))
    .flatMap((line) => decode(line, message).split(/[\r\n]+/));
}

/** Is a fact in the CCD where it belongs? */
export function standsIn(parts: readonly CcdParts[], { sections, texts }: Wanted): boolean {
  const inWords = (words: string): boolean => texts.every((text) => hasWord(words, text));
  if (sections.length === 0) return parts.some(({ header }) => inWords(header));
  return parts.some(({ statements }) =>
    statements.some(
      ({ section, words }) => (sections.includes(anywhere) || sections.includes(section)) && inWords(words),
    ),
  );
}

/** A word as it was sent, as a time of CDA, or as the same number. */
function hasWord(words: string, text: string): boolean {
  const sent = text.trim().replace(/\s+/g, ' ');
  if (words.includes(sent)) return true;
  if (/^[+-]?[\d.]+$/.test(sent) && words.includes(`\u0001${Number(sent)}\u0001`)) return true;
  return /^\d{12,14}$/.test(sent) && words.includes(`\u0001${sent.slice(0, 12)}`);
}
