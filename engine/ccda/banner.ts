/** The header of a CDA document in words: who the patient is, how to reach them, who made the document and when. */
import { attributeOf, childOf, childrenOf, textOf, type XmlElement } from '../../schemas/xml.ts';

/** Values of one kind that are shown at most. */
const valuesMax = 50;

export interface BannerRow {
  head: string;
  /** Each on a line of its own; none is empty. */
  values: string[];
}

/** Element at a path of local names. */
export function at(element: XmlElement | undefined, ...path: string[]): XmlElement | undefined {
  let found = element;
  for (const local of path) {
    if (found === undefined) return undefined;
    found = childOf(found, local);
  }
  return found;
}

function all(element: XmlElement | undefined, local: string): XmlElement[] {
  return element === undefined ? [] : childrenOf(element, local);
}

function valueAt(element: XmlElement | undefined, attribute = 'value'): string {
  return element === undefined ? '' : (attributeOf(element, attribute)?.trim() ?? '');
}

/** Text of an element and its parts. */
function joined(element: XmlElement | undefined, separator = ' '): string {
  if (element === undefined) return '';
  const parts = element.children.map((node) => (typeof node === 'string' ? node : textOf(node)).trim());
  return parts.filter(Boolean).join(separator);
}

/** A code in words. */
export function codeWords(element: XmlElement | undefined): string {
  if (element === undefined) return '';
  return attributeOf(element, 'displayName') ?? (textOf(element).trim() || attributeOf(element, 'code') || '');
}

/** HL7 time for a reader. */
function readableTime(value: string): string {
  const parts = /^([0-9]{4})([0-9]{2})?([0-9]{2})?([0-9]{2})?([0-9]{2})?([0-9]{2})?(?:\.[0-9]+)?([+-][0-9]{4})?$/.exec(
    value,
  );
  if (parts === null) return value;
  const [, year, month, day, hour, minute, , zone] = parts;
  return `${[year, month, day].filter(Boolean).join('-')}${hour ? ` ${hour}:${minute ?? '00'}` : ''}${zone ? ` ${zone.slice(0, 3)}:${zone.slice(3)}` : ''}`;
}

/** What is known of a header before its rows are written. */
interface Facts {
  root: XmlElement;
  role: XmlElement | undefined;
  patient: XmlElement | undefined;
  /** Names of organisations by the root of their ids. */
  organizations: Map<string, string>;
  /** Numbers of encounters. */
  visits: Set<string>;
}

function readFacts(root: XmlElement): Facts {
  const role = at(root, 'recordTarget', 'patientRole');
  const organizations = new Map<string, string>();
  const named = [
    at(role, 'providerOrganization'),
    at(root, 'custodian', 'assignedCustodian', 'representedCustodianOrganization'),
    ...childrenOf(root, 'author').map((author) => at(author, 'assignedAuthor', 'representedOrganization')),
  ];
  for (const one of named) {
    const name = joined(at(one, 'name'));
    for (const id of all(one, 'id')) {
      const oid = valueAt(id, 'root');
      if (name !== '' && !organizations.has(oid)) organizations.set(oid, name);
    }
  }
  const visits = new Set<string>();
  for (const encounter of encountersOf(root))
    for (const id of childrenOf(encounter, 'id')) visits.add(valueAt(id, 'extension'));
  visits.delete('');
  return { root, role, patient: at(role, 'patient'), organizations, visits };
}

/** The encounter that the document is about, and those that its sections tell of. */
function encountersOf(root: XmlElement): XmlElement[] {
  const found = all(at(root, 'componentOf'), 'encompassingEncounter');
  for (const component of all(at(root, 'component', 'structuredBody'), 'component'))
    for (const entry of all(at(component, 'section'), 'entry')) found.push(...childrenOf(entry, 'encounter'));
  return found;
}

/** The rows of the banner, without those that have nothing to say. */
export function bannerOf(root: XmlElement): BannerRow[] {
  const facts = readFacts(root);
  const { role, patient } = facts;
  const [name, ...otherNames] = all(patient, 'name').map(nameWords).filter(Boolean);
  const { numbers, visits } = numbersOf(facts);
  const telecoms = all(role, 'telecom').map(telecomOf);
  const reach = (kind: string): string[] => telecoms.filter((one) => one.kind === kind).map((one) => one.words);
  const custodian = at(root, 'custodian', 'assignedCustodian', 'representedCustodianOrganization', 'name');
  const rows: [string, (string | undefined)[]][] = [
    ['Patient', [name]],
    ['Other names', otherNames],
    ['Born', [readableTime(valueAt(at(patient, 'birthTime')))]],
    ['Died', [readableTime(valueAt(at(patient, 'deceasedTime'))) || deathWords(patient)]],
    ['Sex', [codeWords(at(patient, 'administrativeGenderCode'))]],
    ['Numbers', numbers],
    ['Visit numbers', visits],
    ['Address', all(role, 'addr').map((addr) => joined(addr, ', '))],
    ['Telephone', reach('telephone')],
    ['Fax', reach('fax')],
    ['E-mail', reach('e-mail')],
    ['Contact', reach('other')],
    ['Made', [readableTime(valueAt(at(root, 'effectiveTime')))]],
    ['Version', [valueAt(at(root, 'versionNumber'))]],
    ['Author', childrenOf(root, 'author').map(authorWords)],
    ['Kept by', [joined(custodian)]],
  ];
  return rows
    .map(([head, values]) => ({ head, values: [...new Set(values)].filter((one) => one !== undefined && one !== '') }))
    .filter(({ values }) => values.length > 0)
    .map(({ head, values }) => ({ head, values: values.slice(0, valuesMax) as string[] }));
}

function deathWords(patient: XmlElement | undefined): string {
  return valueAt(at(patient, 'deceasedInd')) === 'true' ? 'yes, when is not known' : '';
}

/** A name as lists of patients have it: `FAMILY, Given Given, Suffix (Prefix)`; one that is not in parts stays as it is. */
function nameWords(name: XmlElement): string {
  const parts = (local: string): string =>
    childrenOf(name, local)
      .map((one) => textOf(one).trim())
      .filter(Boolean)
      .join(' ');
  const family = parts('family');
  const given = parts('given');
  if (family === '' && given === '') return joined(name);
  const first = [family.toUpperCase(), given, parts('suffix')].filter(Boolean).join(', ');
  const title = parts('prefix');
  const born = childrenOf(name, 'family').some((one) => /\bBR\b/.test(valueAt(one, 'qualifier')));
  const kind = born ? 'at birth' : /\bP\b/.test(valueAt(name, 'use')) ? 'pseudonym' : '';
  return `${first}${title === '' ? '' : ` (${title})`}${kind === '' ? '' : ` [${kind}]`}`;
}

/** Who gives numbers under these roots, everywhere in the United States. */
const authorities: Readonly<Record<string, string>> = {
  '2.16.840.1.113883.4.1': 'US social security',
  '2.16.840.1.113883.4.6': 'US national provider',
  '2.16.840.1.113883.4.572': 'US Medicare',
};

function authorityOf(id: XmlElement, { organizations }: Facts): string {
  const oid = valueAt(id, 'root');
  const known = authorities[oid] ?? organizations.get(oid);
  if (known !== undefined) return known;
  // Our own builder writes the URI of a namespace that has no OID; its last part is what the sender calls it.
  const name = valueAt(id, 'assigningAuthorityName');
  return (/^https?:/.test(name) ? name.slice(name.lastIndexOf('/') + 1) : name) || oid;
}

/** HL7 table 0203: account and visit numbers. */
const visitTypes: ReadonlySet<string> = new Set(['AN', 'VN', 'ANON', 'ANC', 'AND', 'ANT']);

/** Numbers of the patient, and apart from them those of visits: an account is a visit's too, though PID carries it. */
function numbersOf(facts: Facts): { numbers: string[]; visits: string[] } {
  const numbers: string[] = [];
  const visits = new Set<string>();
  for (const id of all(facts.role, 'id')) {
    const number = valueAt(id, 'extension');
    if (number === '') continue;
    const authority = authorityOf(id, facts);
    const words = authority === '' ? number : `${number} (${authority})`;
    if (visitTypes.has(authority)) visits.add(number);
    else if (facts.visits.has(number)) visits.add(words);
    else numbers.push(words);
  }
  // A document of one visit may know its patient by that number only.
  return numbers.length === 0 ? { numbers: [...visits], visits: [] } : { numbers, visits: [...visits] };
}

const telecomUses: Readonly<Record<string, string>> = {
  H: 'home',
  HP: 'home',
  HV: 'holiday home',
  WP: 'work',
  DIR: 'work, direct',
  PUB: 'work, public',
  BAD: 'no longer right',
  TMP: 'for a time',
  AS: 'answering machine',
  EC: 'emergency',
  MC: 'mobile',
  PG: 'pager',
};
const telecomKinds: Readonly<Record<string, string>> = { tel: 'telephone', fax: 'fax', mailto: 'e-mail' };

/** A telecom as a person writes it: without its URI scheme, with its use. */
function telecomOf(telecom: XmlElement): { kind: string; words: string } {
  const value = valueAt(telecom);
  const [, scheme, rest] = /^(tel|fax|mailto):(.*)$/is.exec(value) ?? [];
  const words = rest === undefined ? value : unescaped(rest);
  const uses = valueAt(telecom, 'use')
    .split(/\s+/)
    .map((use) => telecomUses[use] ?? '')
    .filter(Boolean)
    .join(', ');
  const kind = scheme === undefined ? 'other' : (telecomKinds[scheme.toLowerCase()] as string);
  return { kind, words: words === '' || uses === '' ? words : `${words} (${uses})` };
}

/** Percent-escapes resolved; as it is where they are none. */
function unescaped(value: string): string {
  try {
    return decodeURIComponent(value);
  } catch {
    return value;
  }
}

function authorWords(author: XmlElement): string {
  const assigned = at(author, 'assignedAuthor');
  const name = at(assigned, 'assignedPerson', 'name');
  const device = joined(at(assigned, 'assignedAuthoringDevice', 'softwareName'));
  const organization = joined(at(assigned, 'representedOrganization', 'name'));
  return [name === undefined ? device : nameWords(name) || device, organization].filter(Boolean).join(', ');
}
