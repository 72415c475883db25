/**
 * The check that every CCD passes before it is signed: well-formed, the header parts and sections that the templates demand are
 * there, every reference of an entry ends in the narrative. The schema and the Schematron judge in tests.
 */
import type { Fault, FaultCode } from '../../schemas/errors/index.ts';
import { ccdTemplate, depthMax, headerPaths, requiredSections, sectionParts, templateKey } from './rules.ts';
import { isWrittenCcd } from './written-form.ts';

/** Faults reported at most: one broken template can break every entry. */
const faultsMax = 100;
const lengthMax = 64 * 1024 * 1024;

const headerSet: ReadonlySet<string> = new Set(headerPaths);
const deepest = Math.max(...headerPaths.map((path) => path.split('/').length));

interface Section {
  templates: Set<string>;
  parts: Set<string>;
  /** Where it begins. */
  at: number;
}

interface Scan {
  faults: Fault[];
  paths: Set<string>;
  documentTemplates: Set<string>;
  sections: Section[];
  ids: Set<string>;
  references: { id: string; at: number }[];
  /** Position of the next ampersand, infinity after the last. */
  ampersand: number;
}

const entityPattern = /&(?:lt|gt|amp|quot|apos|#[0-9]{1,7}|#x[0-9a-fA-F]{1,6});/y;
const illegal = /[\u0000-\u0008\u000B\u000C\u000E-\u001F\uFFFE\uFFFF]/;

class Malformed extends Error {
  readonly at: number;
  readonly detail: string;
  constructor(at: number, detail: string) {
    super(detail);
    this.at = at;
    this.detail = detail;
  }
}

function placeOf(xml: string, offset: number): string {
  let line = 1;
  let start = 0;
  for (let i = xml.indexOf('\n'); i >= 0 && i < offset; i = xml.indexOf('\n', i + 1)) {
    line++;
    start = i + 1;
  }
  return `line ${line}, column ${offset - start + 1}`;
}

/**
 * Checks a CCD (text, or its bytes in UTF-8) and gives its faults in document order; none means that it may be signed.
 *
 * Not checked: the CDA schema, value sets, the inside of entries.
 */
export function checkCcd(xml: string | Uint8Array): Fault[] {
  const bytes = typeof xml === 'string' ? Buffer.from(xml) : Buffer.from(xml.buffer, xml.byteOffset, xml.byteLength);
  return isWrittenCcd(bytes) ? [] : checkAnyCcd(typeof xml === 'string' ? xml : bytes.toString('utf8'));
}

/** The same for a CCD as anybody may write it, in one pass over its text. */
export function checkAnyCcd(xml: string): Fault[] {
  if (xml.length > lengthMax) return [{ code: 'xml.too-large', detail: `limit ${lengthMax}` }];
  const scan: Scan = {
    faults: [],
    paths: new Set(),
    documentTemplates: new Set(),
    sections: [],
    ids: new Set(),
    references: [],
    ampersand: -1,
  };
  try {
    scanXml(xml, scan);
  } catch (cause) {
    if (!(cause instanceof Malformed)) throw cause;
    const code: FaultCode =
      cause.detail === 'document type' ? 'xml.doctype' : cause.detail === 'depth' ? 'xml.too-deep' : 'xml.malformed';
    return [{ code, place: placeOf(xml, cause.at), detail: cause.detail }];
  }
  if (!scan.documentTemplates.has(ccdTemplate.key))
    scan.faults.push({ code: 'ccda.not-a-ccd', place: 'ClinicalDocument', detail: `no template ${ccdTemplate.root}` });
  for (const path of headerPaths)
    if (!scan.paths.has(path))
      scan.faults.push({ code: 'ccda.header-part-missing', place: `ClinicalDocument/${path}` });
  checkSections(xml, scan);
  for (const { id, at } of scan.references) {
    if (!scan.ids.has(id)) scan.faults.push({ code: 'ccda.reference-broken', place: placeOf(xml, at) });
  }
  return scan.faults.slice(0, faultsMax);
}

function checkSections(xml: string, scan: Scan): void {
  for (const section of scan.sections) {
    for (const part of sectionParts) {
      if (!section.parts.has(part))
        scan.faults.push({ code: 'ccda.section-incomplete', place: placeOf(xml, section.at), detail: part });
    }
  }
  for (const { title, root, key } of requiredSections) {
    if (scan.sections.filter((section) => section.templates.has(key)).length !== 1)
      scan.faults.push({
        code: 'ccda.section-missing',
        place: 'component/structuredBody',
        detail: `${title} (${root})`,
      });
  }
}

/** Steps through the tags; every branch moves forward. */
function scanXml(xml: string, scan: Scan): void {
  const bad = illegal.exec(xml);
  if (bad !== null) throw new Malformed(bad.index, 'character not allowed in XML');
  const stack: string[] = [];
  const sections: Section[] = [];
  let rooted = false;
  let at = xml.charCodeAt(0) === 0xfeff ? 1 : 0;
  while (at < xml.length) {
    const open = xml.indexOf('<', at);
    const end = open < 0 ? xml.length : open;
    if (stack.length === 0 && xml.slice(at, end).trim() !== '')
      throw new Malformed(at, 'text outside the root element');
    checkEntities(xml, at, end, scan);
    if (open < 0) break;
    const kind = xml.charCodeAt(open + 1);
    if (kind === 0x21 || kind === 0x3f) at = skipMarkup(xml, open);
    else if (kind === 0x2f) {
      at = closeTag(xml, open, stack.pop() ?? '');
      if (xml.startsWith('section', open + 2)) sections.length = stack.filter((name) => name === 'section').length;
    } else {
      if (stack.length === 0 && rooted) throw new Malformed(open, 'second root element');
      rooted = true;
      at = openTag(xml, open, scan, stack, sections);
    }
  }
  if (stack.length > 0 || !rooted) throw new Malformed(xml.length, 'document ends early');
}

/** Steps over an end tag that must be of this name. */
function closeTag(xml: string, open: number, name: string): number {
  const end = open + 2 + name.length;
  if (name !== '' && xml.startsWith(name, open + 2)) {
    if (xml.charCodeAt(end) === 0x3e) return end + 1;
    const close = xml.indexOf('>', end);
    if (close >= 0 && xml.slice(end, close).trim() === '') return close + 1;
  }
  throw new Malformed(open, 'end tag does not match');
}

function skipMarkup(xml: string, open: number): number {
  const [start, end] = xml.startsWith('<!--', open)
    ? ['<!--', '-->']
    : xml.startsWith('<![CDATA[', open)
      ? ['<![CDATA[', ']]>']
      : ['<?', '?>'];
  if (!xml.startsWith(start as string, open)) throw new Malformed(open, 'document type');
  const close = xml.indexOf(end as string, open + (start as string).length);
  if (close < 0) throw new Malformed(open, `no ${end}`);
  return close + (end as string).length;
}

/** Checks the entities between two positions; `scan.ampersand` is the next one, so that no stretch is searched twice. */
function checkEntities(xml: string, from: number, to: number, scan: Scan): void {
  if (scan.ampersand < from) scan.ampersand = next(xml, from);
  while (scan.ampersand < to) {
    entityPattern.lastIndex = scan.ampersand;
    if (!entityPattern.test(xml)) throw new Malformed(scan.ampersand, 'unknown entity');
    scan.ampersand = next(xml, scan.ampersand + 1);
  }
}

function next(xml: string, from: number): number {
  const found = xml.indexOf('&', from);
  return found < 0 ? Number.POSITIVE_INFINITY : found;
}

/** Name characters as far as CDA and its extensions use them: letters, digits, `.`, `-`, `_`, `:`. */
function isNameCharacter(c: number): boolean {
  return (
    (c >= 0x61 && c <= 0x7a) ||
    (c >= 0x41 && c <= 0x5a) ||
    (c >= 0x30 && c <= 0x3a) ||
    c === 0x5f ||
    c === 0x2d ||
    c === 0x2e ||
    c > 0x7f
  );
}

function isBlank(c: number): boolean {
  return c === 0x20 || c === 0x0a || c === 0x09 || c === 0x0d;
}

/** What the check wants to know of a tag. */
interface Tag {
  name: string;
  /** Names of its attributes so far. */
  attributes: string[];
  root: string;
  extension: string;
  id: string;
  value: string;
  open: number;
}

/** Reads a start tag by its characters (a regular expression for each attribute costs four times as much) and gives the position after it. */
function openTag(xml: string, open: number, scan: Scan, stack: string[], sections: Section[]): number {
  let at = open + 1;
  while (isNameCharacter(xml.charCodeAt(at))) at++;
  if (at === open + 1) throw new Malformed(open, 'tag has no name');
  const tag: Tag = { name: xml.slice(open + 1, at), attributes: [], root: '', extension: '', id: '', value: '', open };
  let c = xml.charCodeAt(at);
  while (c !== 0x3e && c !== 0x2f) {
    const blank = at;
    while (isBlank(c)) c = xml.charCodeAt(++at);
    if (c === 0x3e || c === 0x2f) break;
    if (at === blank) throw new Malformed(at, 'attribute');
    at = readAttribute(xml, at, tag);
    c = xml.charCodeAt(at);
  }
  checkEntities(xml, open, at, scan);
  const selfClosed = c === 0x2f;
  if (selfClosed && xml.charCodeAt(at + 1) !== 0x3e) throw new Malformed(at, 'tag is not closed');
  noteElement(tag, scan, stack, sections);
  if (!selfClosed) {
    stack.push(tag.name);
    if (stack.length > depthMax) throw new Malformed(open, 'depth');
    if (tag.name === 'section') {
      const section = { templates: new Set<string>(), parts: new Set<string>(), at: open };
      scan.sections.push(section);
      sections.push(section);
    }
  }
  return at + (selfClosed ? 2 : 1);
}

/** Reads `name="value"` and gives the position after it. */
function readAttribute(xml: string, from: number, tag: Tag): number {
  let at = from;
  while (isNameCharacter(xml.charCodeAt(at))) at++;
  const nameEnd = at;
  while (isBlank(xml.charCodeAt(at))) at++;
  if (nameEnd === from || xml.charCodeAt(at) !== 0x3d) throw new Malformed(from, 'attribute');
  at++;
  while (isBlank(xml.charCodeAt(at))) at++;
  const quote = xml.charCodeAt(at);
  if (quote !== 0x22 && quote !== 0x27) throw new Malformed(from, 'attribute is not quoted');
  const start = ++at;
  let c = xml.charCodeAt(at);
  while (c !== quote) {
    if (c === 0x3c || Number.isNaN(c)) throw new Malformed(from, 'attribute is not closed');
    c = xml.charCodeAt(++at);
  }
  const name = xml.slice(from, nameEnd);
  if (tag.attributes.includes(name)) throw new Malformed(from, 'attribute given twice');
  tag.attributes.push(name);
  const value = xml.slice(start, at);
  if (name === 'ID') tag.id = value;
  else if (name === 'root') tag.root = value;
  else if (name === 'value') tag.value = value;
  else if (name === 'extension') tag.extension = value;
  return at + 1;
}

function noteElement(tag: Tag, scan: Scan, stack: readonly string[], sections: readonly Section[]): void {
  const { name, id, value } = tag;
  const depth = stack.length;
  if (id !== '') {
    if (scan.ids.has(id)) scan.faults.push({ code: 'ccda.id-twice', place: name });
    scan.ids.add(id);
  }
  if (name === 'reference' && value.charCodeAt(0) === 0x23) scan.references.push({ id: value.slice(1), at: tag.open });
  // Below the sections nothing belongs to the header, and that is where most elements are.
  const inHeader = depth > 0 && depth <= deepest && (depth <= 4 || stack[1] !== 'component');
  if (inHeader && stack[0] === 'ClinicalDocument') {
    const path = depth === 1 ? name : `${stack.slice(1).join('/')}/${name}`;
    if (headerSet.has(path)) scan.paths.add(path);
    if (path === 'templateId') scan.documentTemplates.add(templateKey(tag.root, tag.extension));
  }
  if (stack[depth - 1] === 'section') {
    const section = sections[sections.length - 1];
    section?.parts.add(name);
    if (name === 'templateId') section?.templates.add(templateKey(tag.root, tag.extension));
  }
}
