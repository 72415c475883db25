/** HL7 v2 composite data types to FHIR R4 data types (chapter 2A; HL7 v2-to-FHIR, data type maps). */
import type {
  Address,
  CodeableConcept,
  Coding,
  ContactPoint,
  Element,
  Extension,
  HumanName,
  Identifier,
  Period,
  Reference,
} from '@medplum/fhirtypes';
import { conceptOf, displayOf, systemOf, tableCode, uriOf, v2Uri } from '../../../schemas/codes.ts';
import { attach, componentsOf, firstSub, inUri, keptAs, type MapContext, plain, split, textOf } from './reader.ts';
import { readTime } from './times.ts';

/** Hangs components without an element of their own on the FHIR element; `carried` lists the 1-based ones that have one. */
function keepRest(
  m: MapContext,
  element: { extension?: Extension[] },
  type: string,
  parts: string[],
  carried: number,
): void {
  for (let i = 0; i < parts.length; i++) {
    if (parts[i] === '' || (carried >> i) & 1) continue;
    const text = textOf(m, parts[i]!);
    if (text !== '') attach(element, keptAs(`${type}.${i + 1}`, text));
  }
}

/** Bits of the 1-based components that a data type's map carries. */
function bits(...components: number[]): number {
  return components.reduce((sum, n) => sum | (1 << (n - 1)), 0);
}

function text(m: MapContext, parts: string[], n: number): string {
  const part = parts[n - 1];
  if (part === undefined || part === '') return '';
  const { subcomponent, escape: mark } = m.delimiters;
  // Most components are plain words.
  if ((subcomponent === '' || !part.includes(subcomponent)) && (mark === '' || !part.includes(mark)))
    return part.trim();
  return textOf(m, part);
}

function periodOf(m: MapContext, start: string, end: string): Period | undefined {
  const from = start === '' ? undefined : readTime(start, m.zone);
  const to = end === '' ? undefined : readTime(end, m.zone);
  if (!from && !to) return undefined;
  const period: Period = {};
  if (from) period.start = from.dateTime;
  if (to) period.end = to.dateTime;
  return period;
}

/** The URI of an authority by its parts: namespace, universal id and its type (HD, and components 2 to 4 of EI). */
export function authorityUri(m: MapContext, namespace: string, universal: string, type: string): string | undefined {
  if (universal !== '') {
    const kind = type.toUpperCase();
    if (kind === 'UUID' || kind === 'GUID') return `urn:uuid:${universal.toLowerCase()}`;
    if (/^[0-2](\.(0|[1-9]\d*))+$/.test(universal)) return uriOf(universal);
    if (kind === 'URI' && /^[a-z][a-z0-9+.-]*:\S+$/i.test(universal)) return universal;
  }
  const known = namespace === '' ? undefined : m.profile.identifiers.authorities?.[namespace];
  if (known) return uriOf(known);
  const name = namespace === '' ? universal : namespace;
  return name === '' ? undefined : ownUri(m, 'authority', name);
}

/** What the URI of an authority does not say of it: its namespace, and a universal id that is no URI. */
function authorityName(namespace: string, universal: string, system: string | undefined): string {
  if (universal === '') return '';
  if (namespace === '') return '';
  const end = system === undefined ? '' : system.slice(system.lastIndexOf(':') + 1);
  return end === universal.toLowerCase() || end === universal || (system !== undefined && uriOf(universal) === system)
    ? namespace
    : `${namespace} ${universal}`;
}

/** URIs that were made before: a source names the same few authorities and systems again and again. */
const ownUris = new Map<string, string>();
const ownUrisMax = 5000;

/** A name that only this source's authority knows, as a URI that no other source shares. */
export function ownUri(m: MapContext, kind: 'authority' | 'code', name: string): string {
  const owner = m.source.authority === '' ? m.source.id : m.source.authority;
  const key = `${kind}|${owner}|${name}`;
  const known = ownUris.get(key);
  if (known !== undefined) return known;
  const uri = `http://mix-hie.org/fhir/${kind}/${inUri(owner)}/${inUri(name)}`;
  if (ownUris.size < ownUrisMax) ownUris.set(key, uri);
  return uri;
}

/** HD inside one component: namespace & universal id & type. */
function hdParts(m: MapContext, component: string): [namespace: string, universal: string, type: string] {
  if (component === '') return ['', '', ''];
  const subs = split(component, m.delimiters.subcomponent);
  return [plain(m, subs[0] ?? '').trim(), plain(m, subs[1] ?? '').trim(), plain(m, subs[2] ?? '').trim()];
}

/** Number types (table 0203) that name a person within an authority and may share the authority's own URI. */
const personTypes = new Set(['', 'MR', 'PI', 'PT', 'PN', 'MRN']);

/** CX -> Identifier; undefined where it has no number. `type` is the default of component 5. */
export function identifierOf(m: MapContext, raw: string, type = ''): Identifier | undefined {
  const parts = componentsOf(m, raw);
  const value = text(m, parts, 1);
  if (value === '') return undefined;
  const kind = text(m, parts, 5) || type;
  const [namespace, universal, universalType] = hdParts(m, parts[3] ?? '');
  const identifier: Identifier = { value };
  const isOwn = universal === '' && isOwnNamespace(m, namespace, kind);
  identifier.system = numberSystem(m, isOwn ? undefined : authorityUri(m, namespace, universal, universalType), kind);
  if (kind !== '') identifier.type = { coding: [{ system: v2Uri('0203'), code: kind }] };
  const facility = text(m, parts, 6);
  if (facility !== '') identifier.assigner = { display: facility };
  const known = authorityUri(m, namespace, universal, universalType);
  // A social security or NPI number has a system of its own: who sent it stays beside it.
  const authority =
    known !== undefined && known !== identifier.system
      ? [namespace, universal].filter((one) => one !== '').join(' ')
      : authorityName(namespace, universal, known);
  if (authority !== '' && facility === '') identifier.assigner = { display: authority };
  else if (authority !== '') attach(identifier, keptAs('CX.4', authority));
  const period = periodOf(m, text(m, parts, 7), text(m, parts, 8));
  if (period) identifier.period = period;
  keepRest(m, identifier, 'CX', parts, bits(1, 4, 5, 6) | (period?.start ? bits(7) : 0) | (period?.end ? bits(8) : 0));
  return identifier;
}

/**
 * Does the namespace of a person's number name the source's own facility? Then it is the number that comes without one from the same
 * interface: two systems for it would make two people of one.
 */
function isOwnNamespace({ source, profile }: MapContext, namespace: string, kind: string): boolean {
  return (
    namespace !== '' &&
    source.authority !== '' &&
    namespace.toUpperCase() === source.facility.toUpperCase() &&
    personTypes.has(kind) &&
    profile.identifiers.authorities?.[namespace] === undefined
  );
}

/** The system of a number: its authority's, or that of its kind in the source's own authority. */
function numberSystem(m: MapContext, authority: string | undefined, kind: string): string {
  if (kind === 'SS') return 'http://hl7.org/fhir/sid/us-ssn';
  if (kind === 'NPI') return 'http://hl7.org/fhir/sid/us-npi';
  if (authority !== undefined) return authority;
  if (personTypes.has(kind))
    return m.source.authority === '' ? ownUri(m, 'authority', 'MR') : uriOf(m.source.authority);
  return ownUri(m, 'authority', kind);
}

/** EI -> Identifier, typed with a code of table 0203. */
export function entityOf(m: MapContext, raw: string, type?: string): Identifier | undefined {
  const parts = componentsOf(m, raw);
  // Before 2.3 order numbers were CM, with the parts as subcomponents.
  const own =
    parts.length === 1 && raw.includes(m.delimiters.subcomponent) ? split(raw, m.delimiters.subcomponent) : parts;
  const value = text(m, own, 1);
  if (value === '') {
    const rest = textOf(m, raw);
    return rest === '' ? undefined : { value: rest };
  }
  const identifier: Identifier = { value };
  const namespace = text(m, own, 2);
  const universal = text(m, own, 3);
  const system = authorityUri(m, namespace, universal, text(m, own, 4));
  if (system !== undefined) identifier.system = system;
  if (type !== undefined) identifier.type = { coding: [{ system: v2Uri('0203'), code: type }] };
  const authority = authorityName(namespace, universal, system);
  if (authority !== '') identifier.assigner = { display: authority };
  return identifier;
}

/** The text that names an entity in natural keys. */
export function entityKey(m: MapContext, raw: string): string {
  const entity = raw === '' ? undefined : entityOf(m, raw);
  return entity?.value ? `${entity.system ?? ''}#${entity.value}` : '';
}

/** XPN -> HumanName. */
export function humanNameOf(m: MapContext, raw: string): HumanName | undefined {
  const parts = componentsOf(m, raw);
  const name: HumanName = {};
  const kind = text(m, parts, 7);
  const use = kind === '' ? undefined : tableCode('nameUse', kind);
  if (use) name.use = use as NonNullable<HumanName['use']>;
  const family = split(parts[0] ?? '', m.delimiters.subcomponent);
  const familyName = plain(m, family[0] === '""' ? '' : (family[0] ?? '')).trim();
  if (familyName !== '') name.family = familyName;
  const familyRest = familyExtensions(m, family);
  // The generated types leave out the `_` siblings of primitive elements (FHIR R4, JSON 2.6.2.3).
  if (familyRest) (name as { _family?: Element })._family = { extension: familyRest };
  const given = [text(m, parts, 2), text(m, parts, 3)].filter((part) => part !== '');
  if (given.length > 0) name.given = given;
  const prefix = text(m, parts, 5);
  if (prefix !== '') name.prefix = [prefix];
  const suffix = [text(m, parts, 4), text(m, parts, 6), text(m, parts, 14)].filter((part) => part !== '');
  if (suffix.length > 0) name.suffix = suffix;
  const range = split(parts[9] ?? '', m.delimiters.subcomponent);
  const period = periodOf(m, text(m, parts, 12) || (range[0] ?? ''), text(m, parts, 13) || (range[1] ?? ''));
  if (period) name.period = period;
  const dates =
    (period?.start ? bits(12) : 0) | (period?.end ? bits(13) : 0) | (period && !parts[11] && !parts[12] ? bits(10) : 0);
  keepRest(m, name, 'XPN', parts, bits(1, 2, 3, 4, 5, 6, 14) | (use ? bits(7) : 0) | dates);
  return Object.keys(name).length > (use ? 1 : 0) ? name : undefined;
}

const familyParts = [
  '',
  'humanname-own-prefix',
  'humanname-own-name',
  'humanname-partner-prefix',
  'humanname-partner-name',
];

function familyExtensions(m: MapContext, subs: string[]): Extension[] | undefined {
  const found: Extension[] = [];
  for (let i = 1; i < subs.length && i < familyParts.length; i++) {
    const part = plain(m, subs[i]!).trim();
    if (part !== '')
      found.push({ url: `http://hl7.org/fhir/StructureDefinition/${familyParts[i]}`, valueString: part });
  }
  return found.length > 0 ? found : undefined;
}

/** XAD (and SAD inside it) -> Address. */
export function addressOf(m: MapContext, raw: string): Address | undefined {
  const parts = componentsOf(m, raw);
  const address: Address = {};
  const kind = text(m, parts, 7);
  const use = kind === '' ? undefined : tableCode('addressUse', kind);
  const type = kind === '' ? undefined : tableCode('addressType', kind);
  if (use) address.use = use as NonNullable<Address['use']>;
  if (type) address.type = type as NonNullable<Address['type']>;
  const line = [text(m, parts, 1), text(m, parts, 2)].filter((part) => part !== '');
  if (line.length > 0) address.line = line;
  const city = text(m, parts, 3);
  if (city !== '') address.city = city;
  const district = text(m, parts, 9);
  if (district !== '') address.district = district;
  const state = text(m, parts, 4);
  if (state !== '') address.state = state;
  const postalCode = text(m, parts, 5);
  if (postalCode !== '') address.postalCode = postalCode;
  const country = text(m, parts, 6);
  if (country !== '') address.country = country;
  const range = split(parts[11] ?? '', m.delimiters.subcomponent);
  const period = periodOf(m, text(m, parts, 13) || (range[0] ?? ''), text(m, parts, 14) || (range[1] ?? ''));
  if (period) address.period = period;
  const dates =
    (period?.start ? bits(13) : 0) | (period?.end ? bits(14) : 0) | (period && !parts[12] && !parts[13] ? bits(12) : 0);
  keepRest(m, address, 'XAD', parts, bits(1, 2, 3, 4, 5, 6, 9) | (use || type ? bits(7) : 0) | dates);
  return Object.keys(address).length > 0 ? address : undefined;
}

/** XTN (and the plain TN of old versions) -> ContactPoint. `use` is what the field itself says (home, work). */
export function contactPointOf(m: MapContext, raw: string, use?: ContactPoint['use']): ContactPoint | undefined {
  const parts = componentsOf(m, raw);
  const useCode = text(m, parts, 2);
  const equipment = text(m, parts, 3);
  const email = text(m, parts, 4);
  const first = text(m, parts, 1);
  const isMail = equipment.toUpperCase() === 'INTERNET' || equipment === 'X.400' || useCode === 'NET';
  const point: ContactPoint = {
    system: (isMail
      ? 'email'
      : (tableCode('telecomSystem', equipment) ?? (equipment === '' ? 'phone' : 'other'))) as NonNullable<
      ContactPoint['system']
    >,
  };
  const area = text(m, parts, 6);
  const local = text(m, parts, 7);
  let carried = bits(2, 3);
  if (isMail && (email !== '' || first !== '')) {
    point.value = email || first;
    carried |= email === '' ? bits(1) : bits(4);
  } else if (first !== '') {
    point.value = first;
    carried |= bits(1);
  } else if (local !== '' || area !== '') {
    point.value = dialText(text(m, parts, 5), area, local, text(m, parts, 8));
    carried |= bits(5, 6, 7, 8);
  } else if (text(m, parts, 12) !== '') {
    point.value = text(m, parts, 12);
    carried |= bits(12);
  } else if (email !== '') {
    point.system = 'email';
    point.value = email;
    carried |= bits(4);
  }
  const useOf =
    equipment === 'CP' && use !== 'work'
      ? 'mobile'
      : ((tableCode('telecomUse', useCode) as ContactPoint['use']) ?? use);
  if (useOf) point.use = useOf;
  if (useCode !== '' && !tableCode('telecomUse', useCode) && useCode !== 'NET') carried &= ~bits(2);
  if (equipment !== '' && !isMail && !tableCode('telecomSystem', equipment)) carried &= ~bits(3);
  const rank = Number(text(m, parts, 18));
  if (Number.isInteger(rank) && rank > 0) {
    point.rank = rank;
    carried |= bits(18);
  }
  const period = periodOf(m, text(m, parts, 13), text(m, parts, 14));
  if (period) {
    point.period = period;
    carried |= (period.start ? bits(13) : 0) | (period.end ? bits(14) : 0);
  }
  keepRest(m, point, 'XTN', parts, carried);
  return point.value === undefined && !point.extension ? undefined : point;
}

function dialText(country: string, area: string, local: string, extension: string): string {
  const number = [country === '' ? '' : `+${country}`, area === '' ? '' : `(${area})`, local]
    .filter((part) => part !== '')
    .join(' ');
  return extension === '' ? number : `${number} x${extension}`;
}

/** XCN, CN, CNN, and plain names -> a reference to a practitioner by name and number. */
export function practitionerOf(m: MapContext, raw: string): Reference | undefined {
  const parts = componentsOf(m, raw);
  const reference: Reference = { type: 'Practitioner' };
  const family = text(m, parts, 2);
  const names = [text(m, parts, 6), text(m, parts, 3), text(m, parts, 4), family, text(m, parts, 5)]
    .filter((part) => part !== '')
    .join(' ');
  const degrees = [text(m, parts, 7), text(m, parts, 21)].filter((part) => part !== '').join(', ');
  const id = text(m, parts, 1);
  const display = [names, degrees].filter((part) => part !== '').join(', ');
  if (id !== '' && display === '' && /\s/.test(id)) reference.display = id;
  else if (id !== '') reference.identifier = practitionerNumber(m, parts, id);
  if (display !== '') reference.display = display;
  const kind = reference.identifier ? bits(9, 13) : 0;
  keepRest(m, reference, 'XCN', parts, bits(1, 2, 3, 4, 5, 6, 7, 21) | kind);
  return reference.display || reference.identifier || reference.extension ? reference : undefined;
}

function practitionerNumber(m: MapContext, parts: string[], id: string): Identifier {
  const identifier: Identifier = { value: id };
  const kind = text(m, parts, 13);
  const [namespace, universal, universalType] = hdParts(m, parts[8] ?? '');
  const system =
    kind === 'NPI' ? 'http://hl7.org/fhir/sid/us-npi' : authorityUri(m, namespace, universal, universalType);
  if (system) identifier.system = system;
  if (kind !== '') identifier.type = { coding: [{ system: v2Uri('0203'), code: kind }] };
  const authority = authorityName(namespace, universal, authorityUri(m, namespace, universal, universalType));
  if (authority !== '') identifier.assigner = { display: authority };
  return identifier;
}

/** XON, and a plain name -> a reference to an organization. */
export function organizationOf(m: MapContext, raw: string): Reference | undefined {
  const parts = componentsOf(m, raw);
  const reference: Reference = { type: 'Organization' };
  const display = text(m, parts, 1);
  if (display !== '') reference.display = display;
  const id = text(m, parts, 10) || text(m, parts, 3);
  if (id !== '') {
    const [namespace, universal, universalType] = hdParts(m, parts[5] ?? '');
    const kind = text(m, parts, 7);
    const system = authorityUri(m, namespace, universal, universalType);
    reference.identifier = { value: id };
    if (system) reference.identifier.system = system;
    if (kind !== '') reference.identifier.type = { coding: [{ system: v2Uri('0203'), code: kind }] };
    const authority = authorityName(namespace, universal, system);
    if (authority !== '') reference.identifier.assigner = { display: authority };
  }
  keepRest(m, reference, 'XON', parts, bits(1) | (id === '' ? 0 : bits(6, 7, text(m, parts, 10) === '' ? 3 : 10)));
  return reference.display || reference.identifier || reference.extension ? reference : undefined;
}

/** PL -> a reference to a location by its name: unit, room, bed, facility, building, floor. */
export function locationOf(m: MapContext, raw: string): Reference | undefined {
  const parts = componentsOf(m, raw);
  const names: string[] = [];
  for (const n of [1, 2, 3, 4, 7, 8, 9]) {
    const name = firstSub(m, parts[n - 1]).trim();
    if (name !== '') names.push(name);
  }
  const reference: Reference = { type: 'Location' };
  if (names.length > 0) reference.display = names.join(', ');
  for (const n of [1, 2, 3, 4, 7, 8, 9]) {
    const subs = split(parts[n - 1] ?? '', m.delimiters.subcomponent);
    const rest = subs
      .slice(1)
      .map((sub) => plain(m, sub))
      .filter((sub) => sub !== '');
    if (rest.length > 0) attach(reference, keptAs(`PL.${n}`, rest.join(' ')));
  }
  keepRest(m, reference, 'PL', parts, bits(1, 2, 3, 4, 7, 8, 9));
  return reference.display || reference.extension ? reference : undefined;
}

/** CWE, CNE, CE, IS and ID -> CodeableConcept. `table` is the HL7 table of a field whose codes may come without a system. */
export function conceptOfCwe(m: MapContext, raw: string, table?: string): CodeableConcept | undefined {
  const parts = componentsOf(m, raw);
  const concept: CodeableConcept = {};
  const coding = [
    codingOf(m, parts, 0, 13, 6, table),
    codingOf(m, parts, 3, 16, 7),
    codingOf(m, parts, 9, 19, 12),
  ].filter((one) => one !== undefined);
  const original = text(m, parts, 9);
  const name = text(m, parts, 2);
  if (coding.length > 0) {
    const mapped = table === undefined ? undefined : conceptOf(table, firstSub(m, parts[0]).trim());
    if (mapped && mapped.system !== coding[0]!.system) {
      // The v2 coding goes where the v3 one has the same code and the sender gave nothing more.
      const { code, display, version } = coding[0]!;
      if (
        mapped.code === code &&
        version === undefined &&
        (display === undefined || display === mapped.display) &&
        parts.length === 1
      )
        coding[0] = mapped;
      else coding.unshift(mapped);
    }
    concept.coding = coding;
  }
  const alternateName = text(m, parts, 5);
  const shown = original || (coding.length === 0 ? name : '');
  if (shown !== '') concept.text = shown;
  if (original !== '' && name !== '' && text(m, parts, 1) === '') attach(concept, keptAs('CWE.2', name));
  if (alternateName !== '' && text(m, parts, 4) === '') attach(concept, keptAs('CWE.5', alternateName));
  const withoutCode =
    (text(m, parts, 1) === '' ? 0 : bits(3, 7, 14)) |
    (text(m, parts, 4) === '' ? 0 : bits(6, 8, 17)) |
    (text(m, parts, 10) === '' ? 0 : bits(11, 12, 13, 20));
  keepRest(m, concept, 'CWE', parts, bits(1, 2, 4, 5, 9, 10) | withoutCode);
  return concept.coding || concept.text || concept.extension ? concept : undefined;
}

/** One of the three codings of a CWE: code, name and system from `at` on, its OID and its version at their own places (0-based). */
function codingOf(
  m: MapContext,
  parts: string[],
  at: number,
  oidAt: number,
  versionAt: number,
  table?: string,
): Coding | undefined {
  const sent = parts[at];
  if (sent === undefined || sent === '') return undefined;
  const code = textOf(m, sent);
  if (code === '') return undefined;
  const coding: Coding = {};
  const system = text(m, parts, at + 3);
  const oid = text(m, parts, oidAt + 1);
  const uri = oid !== '' ? uriOf(oid) : system === '' ? undefined : (systemOf(system) ?? ownUri(m, 'code', system));
  const found = uri ?? (table === undefined ? undefined : v2Uri(table));
  if (found !== undefined) coding.system = found;
  const version = text(m, parts, versionAt + 1);
  if (version !== '') coding.version = version;
  coding.code = code.includes(' ') ? code.replace(/\s+/g, ' ') : code;
  const display = text(m, parts, at + 2);
  const known = display === '' && table !== undefined ? displayOf(table, code) : undefined;
  if (display !== '' || known) coding.display = display || known!;
  return coding;
}

/** A FHIR element for `_field`, keeping a text that did not fit the field's type. */
export function keptElement(place: string, value: string): Element {
  return { extension: [keptAs(place, value)] };
}
