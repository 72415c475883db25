/**
 * The check that every CCD passes before it is signed: well-formed, the header parts and sections that the templates demand are
 * there, every reference of an entry ends in the narrative. One pass over the text; the schema and the Schematron judge in tests.
 */

import { documentTemplates, sectionTemplates } from '../../schemas/ccda/templates.ts';
import type { Fault, FaultCode } from '../../schemas/errors/index.ts';

/** Faults reported at most: one broken template can break every entry. */
const faultsMax = 100;
const depthMax = 200;
const lengthMax = 64 * 1024 * 1024;

/** Paths below ClinicalDocument that the US Realm Header and the CCD demand. */
const headerPaths = [
  'realmCode',
  'typeId',
  'id',
  'code',
  'title',
  'effectiveTime',
  'confidentialityCode',
  'languageCode',
  'recordTarget/patientRole/id',
  'recordTarget/patientRole/addr',
  'recordTarget/patientRole/telecom',
  'recordTarget/patientRole/patient/name',
  'recordTarget/patientRole/patient/administrativeGenderCode',
  'recordTarget/patientRole/patient/birthTime',
  'recordTarget/patientRole/patient/raceCode',
  'recordTarget/patientRole/patient/ethnicGroupCode',
  'author/time',
  'author/assignedAuthor/id',
  'author/assignedAuthor/addr',
  'author/assignedAuthor/telecom',
  'custodian/assignedCustodian/representedCustodianOrganization/id',
  'custodian/assignedCustodian/representedCustodianOrganization/name',
  'documentationOf/serviceEvent/effectiveTime/low',
  'documentationOf/serviceEvent/effectiveTime/high',
  'component/structuredBody/component/section',
] as const;

const headerSet: ReadonlySet<string> = new Set(headerPaths);
const deepest = Math.max(...headerPaths.map((path) => path.split('/').length));

interface Section {
  templates: Set<string>;
  parts: Set<string>;
  place: string;
}

interface Scan {
  faults: Fault[];
  paths: Set<string>;
  documentTemplates: Set<string>;
  sections: Section[];
  ids: Set<string>;
  references: { id: string; at: number }[];
}

/** Attributes of a tag: name, then its value in either kind of quotes. */
const attributePattern = /\s+([A-Za-z_][\w.:-]*)\s*=\s*(?:"([^"<]*)"|'([^'<]*)')/y;
const namePattern = /[A-Za-z_][\w.:-]*/y;
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
 * Checks a CCD and gives its faults in document order; none means that it may be signed.
 *
 * Not checked: the CDA schema, value sets, the inside of entries.
 */
export function checkCcd(xml: string): Fault[] {
  if (xml.length > lengthMax) return [{ code: 'xml.too-large', detail: `limit ${lengthMax}` }];
  const scan: Scan = {
    faults: [],
    paths: new Set(),
    documentTemplates: new Set(),
    sections: [],
    ids: new Set(),
    references: [],
  };
  try {
    scanXml(xml, scan);
  } catch (cause) {
    if (!(cause instanceof Malformed)) throw cause;
    const code: FaultCode =
      cause.detail === 'document type' ? 'xml.doctype' : cause.detail === 'depth' ? 'xml.too-deep' : 'xml.malformed';
    return [{ code, place: placeOf(xml, cause.at), detail: cause.detail }];
  }
  const { root, extension } = documentTemplates.continuityOfCareDocument;
  if (!scan.documentTemplates.has(`${root}|${extension}`))
    scan.faults.push({ code: 'ccda.not-a-ccd', place: 'ClinicalDocument', detail: `no template ${root}` });
  for (const path of headerPaths)
    if (!scan.paths.has(path))
      scan.faults.push({ code: 'ccda.header-part-missing', place: `ClinicalDocument/${path}` });
  checkSections(scan);
  for (const { id, at } of scan.references) {
    if (!scan.ids.has(id)) scan.faults.push({ code: 'ccda.reference-broken', place: placeOf(xml, at) });
  }
  return scan.faults.slice(0, faultsMax);
}

function checkSections(scan: Scan): void {
  for (const section of scan.sections) {
    for (const part of ['code', 'title', 'text']) {
      if (!section.parts.has(part))
        scan.faults.push({ code: 'ccda.section-incomplete', place: section.place, detail: part });
    }
  }
  for (const template of Object.values(sectionTemplates)) {
    const [{ root, extension }] = template.templates;
    const found = scan.sections.filter((section) => section.templates.has(`${root}|${extension}`));
    if (template.required && found.length !== 1)
      scan.faults.push({
        code: 'ccda.section-missing',
        place: 'component/structuredBody',
        detail: `${template.title} (${root})`,
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
    checkEntities(xml, at, end);
    if (open < 0) break;
    const next = xml.charCodeAt(open + 1);
    if (next === 0x21 || next === 0x3f) at = skipMarkup(xml, open);
    else if (next === 0x2f) {
      const close = xml.indexOf('>', open);
      if (close < 0) throw new Malformed(open, 'tag is not closed');
      const name = stack.pop();
      if (name === undefined || xml.slice(open + 2, close).trimEnd() !== name)
        throw new Malformed(open, 'end tag does not match');
      if (name === 'section') sections.pop();
      at = close + 1;
    } else {
      if (stack.length === 0 && rooted) throw new Malformed(open, 'second root element');
      rooted = true;
      at = openTag(xml, open, scan, stack, sections);
    }
  }
  if (stack.length > 0 || !rooted) throw new Malformed(xml.length, 'document ends early');
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

function checkEntities(xml: string, from: number, to: number): void {
  for (let i = xml.indexOf('&', from); i >= 0 && i < to; i = xml.indexOf('&', i + 1)) {
    entityPattern.lastIndex = i;
    if (!entityPattern.test(xml)) throw new Malformed(i, 'unknown entity');
  }
}

function openTag(xml: string, open: number, scan: Scan, stack: string[], sections: Section[]): number {
  namePattern.lastIndex = open + 1;
  const name = namePattern.exec(xml)?.[0];
  if (name === undefined) throw new Malformed(open, 'tag has no name');
  let at = open + 1 + name.length;
  let root = '';
  let extension = '';
  let id: string | undefined;
  let value = '';
  while (xml.charCodeAt(at) !== 0x3e && xml.charCodeAt(at) !== 0x2f) {
    attributePattern.lastIndex = at;
    const found = attributePattern.exec(xml);
    if (found === null) {
      const blank = /\s+(?=\/?>)/y;
      blank.lastIndex = at;
      const skipped = blank.exec(xml);
      if (skipped === null) throw new Malformed(at, 'attribute');
      at += skipped[0].length;
      continue;
    }
    const given = found[2] ?? found[3] ?? '';
    if (given.includes('&')) checkEntities(xml, at, attributePattern.lastIndex);
    if (found[1] === 'root') root = given;
    else if (found[1] === 'extension') extension = given;
    else if (found[1] === 'ID') id = given;
    else if (found[1] === 'value') value = given;
    at = attributePattern.lastIndex;
  }
  const selfClosed = xml.charCodeAt(at) === 0x2f;
  if (selfClosed && xml.charCodeAt(at + 1) !== 0x3e) throw new Malformed(at, 'tag is not closed');
  noteElement({ name, root, extension, id, value, open }, scan, stack, sections);
  if (!selfClosed) {
    stack.push(name);
    if (stack.length > depthMax) throw new Malformed(open, 'depth');
    if (name === 'section') {
      const section = { templates: new Set<string>(), parts: new Set<string>(), place: placeOf(xml, open) };
      scan.sections.push(section);
      sections.push(section);
    }
  }
  return at + (selfClosed ? 2 : 1);
}

interface Tag {
  name: string;
  root: string;
  extension: string;
  id: string | undefined;
  value: string;
  open: number;
}

function noteElement(tag: Tag, scan: Scan, stack: readonly string[], sections: readonly Section[]): void {
  const { name, id, value } = tag;
  const parent = stack[stack.length - 1];
  if (id !== undefined) {
    if (scan.ids.has(id)) scan.faults.push({ code: 'ccda.id-twice', place: name });
    scan.ids.add(id);
  }
  if (name === 'reference' && value.startsWith('#')) scan.references.push({ id: value.slice(1), at: tag.open });
  if (stack.length > 0 && stack.length <= deepest && stack[0] === 'ClinicalDocument') {
    const path = stack.length === 1 ? name : `${stack.slice(1).join('/')}/${name}`;
    if (headerSet.has(path)) scan.paths.add(path);
    if (path === 'templateId') scan.documentTemplates.add(`${tag.root}|${tag.extension}`);
  }
  if (parent === 'section') {
    const section = sections[sections.length - 1];
    section?.parts.add(name);
    if (name === 'templateId') section?.templates.add(`${tag.root}|${tag.extension}`);
  }
}
