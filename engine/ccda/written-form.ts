/**
 * A CCD in exactly the form that build.ts writes, read byte by byte: elements, attributes in double quotes, text, seven escapes and
 * nothing else of XML. In so narrow a form the rules of check.ts are some comparisons of bytes and cost a tenth of what reading
 * anybody's XML does. What gets a yes here holds every rule of check.ts; a no only means that check.ts must look.
 */
import { ccdTemplate, depthMax, headerPaths, requiredSections, sectionParts, templateKey } from './rules.ts';

const quote = 0x22;
const hash = 0x23;
const ampersand = 0x26;
const slash = 0x2f;
const less = 0x3c;
const equals = 0x3d;
const more = 0x3e;

/** 1 for the bytes of names: letters, digits, colon. */
const ofName = new Uint8Array(128);
for (let c = 0; c < ofName.length; c++)
  if ((c >= 0x61 && c <= 0x7a) || (c >= 0x41 && c <= 0x5a) || (c >= 0x30 && c <= 0x3a)) ofName[c] = 1;

const escapes = ['&amp;', '&lt;', '&gt;', '&quot;', '&#xD;', '&#xA;', '&#x9;'].map((one) => Buffer.from(one, 'latin1'));

/** An element that the rules name, or one on the way to it. */
interface Step {
  name: string;
  /** Its parts by the number of their name. */
  parts: Map<number, Step>;
  /** Bit of its path among those of the header. */
  ofHeader: number;
  /** Bit of its name among the parts of a section. */
  ofSection: number;
  kind: 'section' | 'document template' | 'section template' | undefined;
}

/** Names are looked up by a number, and then compared. */
function numberOf(name: string): number {
  let number = 0;
  for (let i = 0; i < name.length; i++) number = Math.imul(number, 31) + name.charCodeAt(i);
  return number | 0;
}

function stepAt(from: Step, path: string, told: Partial<Step>): Step {
  let step = from;
  for (const name of path.split('/')) {
    const number = numberOf(name);
    const next = step.parts.get(number) ?? { name, parts: new Map(), ofHeader: 0, ofSection: 0, kind: undefined };
    step.parts.set(number, next);
    step = next;
  }
  return Object.assign(step, told);
}

const start: Step = { name: '', parts: new Map(), ofHeader: 0, ofSection: 0, kind: undefined };
const root = stepAt(start, 'ClinicalDocument', {});
for (const [i, path] of headerPaths.entries()) stepAt(root, path, { ofHeader: 1 << i });
stepAt(root, 'templateId', { kind: 'document template' });
const section = stepAt(root, 'component/structuredBody/component/section', { kind: 'section' });
for (const [i, part] of sectionParts.entries()) stepAt(section, part, { ofSection: 1 << i });
stepAt(section, 'templateId', { kind: 'section template' });

const wholeHeader = 2 ** headerPaths.length - 1;
const wholeSection = 2 ** sectionParts.length - 1;
const wholeBody = 2 ** requiredSections.length - 1;
const requiredBits = new Map(requiredSections.map(({ key }, i) => [key, 1 << i]));

/** Rows of narrative at most (ids `r1`, `r2`, ...). */
const rowsMax = 1_000_000;
/** Bits of a row: its ID is there, that of its first cell is, and the same for references to them. */
const rowIsThere = 1;
const cellIsThere = 2;
const referenceBits = 2;
const attributesMax = 16;

/** One reading: where it stands, and what it has seen. */
interface Reading {
  bytes: Buffer;
  at: number;
  /** How many elements are open; starts and ends of their names; those of them that the rules name. */
  depth: number;
  names: Int32Array;
  steps: (Step | undefined)[];
  /** Number of the name that was read last. */
  name: number;
  header: number;
  section: number;
  body: number;
  isCcd: boolean;
  rows: Uint8Array;
  /** Starts and ends of the attribute names of the tag that is read. */
  attributes: Int32Array;
}

/** Is this a whole CCD in the form that we write that holds all that `checkCcd` demands? */
export function isWrittenCcd(bytes: Buffer): boolean {
  const reading: Reading = {
    bytes,
    at: 0,
    depth: 0,
    names: new Int32Array(2 * depthMax),
    steps: [],
    name: 0,
    header: 0,
    section: 0,
    body: 0,
    isCcd: false,
    rows: new Uint8Array(1_024),
    attributes: new Int32Array(2 * attributesMax),
  };
  return (
    readElements(reading) &&
    reading.isCcd &&
    reading.header === wholeHeader &&
    reading.body === wholeBody &&
    reading.rows.every((found) => ((found >> referenceBits) & ~found) === 0)
  );
}

/** Steps through the tags to the end of the root element, which must be the end of the bytes too. */
function readElements(reading: Reading): boolean {
  do if (!readTag(reading)) return false;
  while (reading.depth > 0);
  return reading.at === reading.bytes.length;
}

/** Reads a tag and the text behind it. */
function readTag(reading: Reading): boolean {
  const { bytes, at } = reading;
  if (bytes[at] !== less) return false;
  if (!(bytes[at + 1] === slash ? readEndTag(reading) : readStartTag(reading, at + 1))) return false;
  return reading.depth === 0 || readPlain(reading, less);
}

/** Moves over the end tag of the element that is open. */
function readEndTag(reading: Reading): boolean {
  const { bytes, names } = reading;
  const depth = --reading.depth;
  if (depth < 0) return false;
  const to = names[2 * depth + 1] as number;
  let at = reading.at + 2;
  for (let i = names[2 * depth] as number; i < to; i++) if (bytes[at++] !== bytes[i]) return false;
  reading.at = at + 1;
  return bytes[at] === more && (reading.steps[depth]?.kind !== 'section' || reading.section === wholeSection);
}

function readStartTag(reading: Reading, from: number): boolean {
  const { bytes, names, steps } = reading;
  const depth = reading.depth++;
  if (depth >= depthMax) return false;
  const to = readName(reading, from);
  names[2 * depth] = from;
  names[2 * depth + 1] = to;
  const above = depth === 0 ? start : steps[depth - 1];
  const step = above === undefined ? undefined : stepBelow(reading, above, from, to);
  steps[depth] = step === undefined || step.parts.size === 0 ? undefined : step;
  if (step !== undefined) return readStep(reading, step, from, to);
  if (to === from || depth === 0 || isNamed(bytes, from, to, 'section')) return false;
  return readAttributes(reading, from, to);
}

function stepBelow({ bytes, name }: Reading, above: Step, from: number, to: number): Step | undefined {
  const step = above.parts.get(name);
  return step !== undefined && isNamed(bytes, from, to, step.name) ? step : undefined;
}

/** Moves over a name and gives its end. */
function readName(reading: Reading, from: number): number {
  const { bytes } = reading;
  let at = from;
  let number = 0;
  for (let c = bytes[at] as number; ofName[c] === 1; c = bytes[at] as number) {
    number = Math.imul(number, 31) + c;
    at++;
  }
  reading.name = number | 0;
  reading.at = at;
  return at;
}

/** Notes an element that the rules name, and reads its attributes. */
function readStep(reading: Reading, step: Step, from: number, to: number): boolean {
  const { bytes, at } = reading;
  if (step.kind === 'section') reading.section = 0;
  reading.header |= step.ofHeader;
  reading.section |= step.ofSection;
  if (!readAttributes(reading, from, to)) return false;
  if (step.kind !== 'document template' && step.kind !== 'section template') return true;
  const key = templateOf(bytes.toString('latin1', at, reading.at));
  if (step.kind === 'document template') {
    reading.isCcd ||= key === ccdTemplate.key;
    return true;
  }
  const bit = requiredBits.get(key) ?? 0;
  const twice = (reading.body & bit) !== 0;
  reading.body |= bit;
  return !twice;
}

const templatePattern = /^ extension="([^"]*)" root="([^"]*)">$/;

function templateOf(attributes: string): string {
  const parts = templatePattern.exec(attributes);
  return parts === null ? '' : templateKey(parts[2] as string, parts[1] as string);
}

/** Reads the attributes of a start tag to its end; `from` and `to` are where the element's name stands. */
function readAttributes(reading: Reading, from: number, to: number): boolean {
  const { bytes } = reading;
  for (let count = 0; bytes[reading.at] !== more; count++) {
    if (bytes[reading.at] !== 0x20 || count >= attributesMax) return false;
    const name = reading.at + 1;
    const end = readName(reading, name);
    if (end === name || bytes[end] !== equals || bytes[end + 1] !== quote || isTwice(reading, count, name, end))
      return false;
    const value = end + 2;
    reading.at = value;
    if (!readPlain(reading, quote)) return false;
    const last = reading.at++;
    if (isNamed(bytes, name, end, 'ID')) {
      if (!noteRow(reading, value, last, 0)) return false;
    } else if (bytes[value] === hash && isNamed(bytes, name, end, 'value') && isNamed(bytes, from, to, 'reference')) {
      if (!noteRow(reading, value + 1, last, referenceBits)) return false;
    }
  }
  reading.at++;
  return true;
}

/** Stands the same name in this tag already? Notes it for the next question. */
function isTwice({ bytes, attributes }: Reading, count: number, name: number, end: number): boolean {
  attributes[2 * count] = name;
  attributes[2 * count + 1] = end;
  for (let i = 0; i < count; i++) {
    const before = attributes[2 * i] as number;
    if ((attributes[2 * i + 1] as number) - before !== end - name) continue;
    let same = name;
    while (same < end && bytes[same] === bytes[before + same - name]) same++;
    if (same === end) return true;
  }
  return false;
}

/** Moves to the byte that ends text (`<`) or a value (`"`), over characters of XML and the escapes that we write. */
function readPlain(reading: Reading, stop: number): boolean {
  const { bytes } = reading;
  let at = reading.at;
  for (;;) {
    let c = bytes[at] as number;
    while (c >= 0x20 && c !== stop && c !== less && c !== ampersand && c !== 0xef) c = bytes[++at] as number;
    if (c === stop) {
      reading.at = at;
      return true;
    }
    if (c === ampersand) at = afterEscape(bytes, at);
    // 0xEF begins U+FFFE and U+FFFF, which are no characters of XML, and much that is.
    else if (c === 0x09 || c === 0x0a || (c === 0xef && !(bytes[at + 1] === 0xbf && (bytes[at + 2] as number) >= 0xbe)))
      at++;
    else return false;
    if (at < 0) return false;
  }
}

function afterEscape(bytes: Buffer, at: number): number {
  for (const one of escapes) {
    let i = 0;
    while (i < one.length && bytes[at + i] === one[i]) i++;
    if (i === one.length) return at + i;
  }
  return -1;
}

function isNamed(bytes: Buffer, from: number, to: number, name: string): boolean {
  if (to - from !== name.length) return false;
  for (let i = 0; i < name.length; i++) if (bytes[from + i] !== name.charCodeAt(i)) return false;
  return true;
}

/** Notes an ID (`shift` 0) or a reference to one; false for an ID that stands there twice or has not our form (`r12`, `r12c`). */
function noteRow(reading: Reading, from: number, to: number, shift: number): boolean {
  const { bytes } = reading;
  const ofCell = bytes[to - 1] === 0x63;
  const end = ofCell ? to - 1 : to;
  if (bytes[from] !== 0x72 || end - from < 2 || end - from > 8 || bytes[from + 1] === 0x30) return false;
  let row = 0;
  for (let i = from + 1; i < end; i++) {
    const digit = (bytes[i] as number) - 0x30;
    if (digit < 0 || digit > 9) return false;
    row = row * 10 + digit;
  }
  if (row >= rowsMax) return false;
  if (row >= reading.rows.length) {
    const wider = new Uint8Array(4 * row);
    wider.set(reading.rows);
    reading.rows = wider;
  }
  const bit = (ofCell ? cellIsThere : rowIsThere) << shift;
  const found = reading.rows[row] as number;
  reading.rows[row] = found | bit;
  return shift !== 0 || (found & bit) === 0;
}
