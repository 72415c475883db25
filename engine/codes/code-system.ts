/** Code systems from their owners' files: FHIR CodeSystem as XML or JSON (HL7's tables come so), and CSV; and their one written form. */
import { MixError } from '../../schemas/errors/index.ts';
import { attributeOf, childOf, childrenOf, readXml, type XmlElement } from '../../schemas/xml.ts';
import { readCsv } from './csv.ts';

/** A code system as the exchange shares it. */
export interface CodeSystem {
  url: string;
  /** OID without `urn:oid:`. */
  oid?: string;
  version: string;
  name: string;
  title?: string;
  concepts: Concept[];
}

export interface Concept {
  code: string;
  display: string;
  /** No longer to be used. */
  inactive?: true;
}

export interface ReadOptions {
  /** Says how to read: `.xml`, `.json`, `.csv`. */
  fileName: string;
  /** URL of a CSV's system, where it has no column `system`. */
  system?: string;
  /** Version of a CSV. */
  version?: string;
}

const conceptsMax = 500_000;
const depthMax = 12;
const bytesMax = 64 * 1024 * 1024;

/**
 * The code systems of one file: one of FHIR, or as many as a CSV names. Throws `codes.malformed` with the place, `codes.too-large`, and `xml.*`.
 */
export function readCodeSystems(bytes: Uint8Array, options: ReadOptions): CodeSystem[] {
  if (bytes.length > bytesMax) throw new MixError('codes.too-large', { detail: `more than ${bytesMax} bytes` });
  const ending = /\.([a-z]+)$/i.exec(options.fileName)?.[1]?.toLowerCase();
  switch (ending) {
    case 'xml':
      return [fromXml(readXml(bytes, { bytesMax }))];
    case 'json':
      return [fromJson(bytes)];
    case 'csv':
      return fromCsv(Buffer.from(bytes).toString('utf8'), options);
    default:
      throw new MixError('codes.malformed', { detail: 'neither .xml, .json nor .csv' });
  }
}

const fhir = 'http://hl7.org/fhir';

function fromXml(root: XmlElement): CodeSystem {
  if (root.local !== 'CodeSystem' || root.namespace !== fhir)
    throw new MixError('codes.malformed', { place: root.local, detail: 'CodeSystem of FHIR is wanted' });
  const said = (element: XmlElement, name: string): string => {
    const child = childOf(element, name);
    return (child && attributeOf(child, 'value')) ?? '';
  };
  const read = (element: XmlElement): RawConcept => ({
    code: said(element, 'code'),
    display: said(element, 'display') || said(element, 'definition'),
    inactive: childrenOf(element, 'property').some((one) => {
      const name = said(one, 'code');
      const value = said(one, 'valueCode') || said(one, 'valueBoolean');
      return isInactive(name, value);
    }),
    concept: childrenOf(element, 'concept').map(read),
  });
  return systemOf({
    url: said(root, 'url'),
    oids: childrenOf(root, 'identifier').map((one) => said(one, 'value')),
    version: said(root, 'version'),
    name: said(root, 'name'),
    title: said(root, 'title'),
    concept: childrenOf(root, 'concept').map(read),
  });
}

interface RawConcept {
  code: string;
  display: string;
  inactive: boolean;
  concept: RawConcept[];
}

interface RawSystem {
  url: string;
  oids: string[];
  version: string;
  name: string;
  title: string;
  concept: RawConcept[];
}

const isInactive = (name: string, value: string): boolean =>
  (name === 'status' && /^(retired|deprecated|inactive)$/.test(value)) || (name === 'inactive' && value === 'true');

type Json = Record<string, unknown>;
const textIn = (value: unknown): string => (typeof value === 'string' ? value : '');
const listIn = (value: unknown): Json[] =>
  Array.isArray(value) ? value.filter((one): one is Json => typeof one === 'object' && one !== null) : [];

function fromJson(bytes: Uint8Array): CodeSystem {
  let json: Json | null;
  try {
    json = JSON.parse(Buffer.from(bytes).toString('utf8')) as Json | null;
  } catch {
    throw new MixError('codes.malformed', { detail: 'not JSON' });
  }
  if (json?.['resourceType'] !== 'CodeSystem')
    throw new MixError('codes.malformed', { place: 'resourceType', detail: 'CodeSystem of FHIR is wanted' });
  const read = (one: Json, depth: number): RawConcept => ({
    code: textIn(one['code']),
    display: textIn(one['display']) || textIn(one['definition']),
    inactive: listIn(one['property']).some((property) =>
      isInactive(textIn(property['code']), `${property['valueCode'] ?? property['valueBoolean'] ?? ''}`),
    ),
    concept: depth >= depthMax ? [] : listIn(one['concept']).map((inner) => read(inner, depth + 1)),
  });
  return systemOf({
    url: textIn(json['url']),
    oids: listIn(json['identifier']).map((one) => textIn(one['value'])),
    version: textIn(json['version']),
    name: textIn(json['name']),
    title: textIn(json['title']),
    concept: listIn(json['concept']).map((one) => read(one, 1)),
  });
}

function systemOf(raw: RawSystem): CodeSystem {
  if (!/^(https?:\/\/|urn:)[^\s|]{1,500}$/.test(raw.url))
    throw new MixError('codes.malformed', { place: 'CodeSystem.url', detail: 'a URI is wanted' });
  const concepts = new Map<string, Concept>();
  const add = (list: RawConcept[], depth: number): void => {
    for (const one of list) {
      const code = one.code.trim();
      if (code === '' || code.length > 200)
        throw new MixError('codes.malformed', { place: 'CodeSystem.concept.code', detail: '1 to 200 characters' });
      const concept: Concept = { code, display: one.display.trim().slice(0, 4_000) };
      if (one.inactive) concept.inactive = true;
      if (!concepts.has(code)) concepts.set(code, concept);
      if (concepts.size > conceptsMax)
        throw new MixError('codes.too-large', { detail: `more than ${conceptsMax} concepts` });
      if (depth < depthMax) add(one.concept, depth + 1);
    }
  };
  add(raw.concept, 1);
  const oid = raw.oids.map((one) => /^urn:oid:([\d.]+)$/.exec(one)?.[1]).find((one) => one !== undefined);
  const system: CodeSystem = {
    url: raw.url,
    version: raw.version.slice(0, 100),
    name: (raw.name || raw.url).slice(0, 300),
    concepts: [...concepts.values()],
  };
  if (oid !== undefined) system.oid = oid;
  if (raw.title !== '') system.title = raw.title.slice(0, 300);
  return system;
}

/** CSV with a header line: `code`, and where there are `display`, `system`, `status`. */
function fromCsv(text: string, options: ReadOptions): CodeSystem[] {
  const [header = [], ...rows] = readCsv(text);
  const column = (...names: string[]): number => header.findIndex((one) => names.includes(one.trim().toLowerCase()));
  const [code, display, system, status] = [
    column('code'),
    column('display', 'description', 'name'),
    column('system', 'url'),
    column('status'),
  ];
  if (code < 0) throw new MixError('codes.malformed', { place: 'line 1', detail: 'no column code' });
  const bySystem = new Map<string, RawConcept[]>();
  rows.forEach((row, at) => {
    const url = (system < 0 ? '' : (row[system] ?? '').trim()) || (options.system ?? '');
    if (url === '')
      throw new MixError('codes.malformed', {
        place: `line ${at + 2}`,
        detail: 'no system: name one, or a column system',
      });
    const list = bySystem.get(url) ?? [];
    list.push({
      code: row[code] ?? '',
      display: row[display] ?? '',
      inactive: isInactive('status', (row[status] ?? '').trim().toLowerCase()),
      concept: [],
    });
    bySystem.set(url, list);
  });
  if (bySystem.size === 0) throw new MixError('codes.malformed', { place: 'line 2', detail: 'no codes' });
  return [...bySystem].map(([url, concept]) =>
    systemOf({ url, oids: [], version: options.version ?? '', name: url, title: '', concept }),
  );
}

/** A code system as compact FHIR JSON, the form in which it is kept and shared; the same system gives the same text. */
export function writeCodeSystem(system: CodeSystem): string {
  return JSON.stringify({
    resourceType: 'CodeSystem',
    url: system.url,
    ...(system.oid === undefined
      ? {}
      : { identifier: [{ system: 'urn:ietf:rfc:3986', value: `urn:oid:${system.oid}` }] }),
    ...(system.version === '' ? {} : { version: system.version }),
    name: system.name,
    ...(system.title === undefined ? {} : { title: system.title }),
    status: 'active',
    content: 'complete',
    count: system.concepts.length,
    concept: system.concepts.map(({ code, display, inactive }) => ({
      code,
      ...(display === '' ? {} : { display }),
      ...(inactive === true ? { property: [{ code: 'inactive', valueBoolean: true }] } : {}),
    })),
  });
}
