/** Names, addresses, telecoms, and the persons and organisations that take part. */
import type {
  Address,
  ContactPoint,
  HumanName,
  Location,
  Organization,
  Practitioner,
  PractitionerRole,
  Reference,
  Resource,
} from '@medplum/fhirtypes';
import type { Actor, Scope } from './scope.ts';
import { attribute, identifierOf, text } from './write.ts';

const nameUses: Readonly<Record<string, string>> = { usual: 'L', official: 'L', nickname: 'P', anonymous: 'P' };

function part(tag: string, value: string | undefined, qualifier = ''): string {
  return value?.trim() ? `<${tag}${qualifier}>${text(value)}</${tag}>` : '';
}

function nameParts(name: HumanName): string {
  let out = '';
  for (const prefix of name.prefix ?? []) out += part('prefix', prefix);
  for (const given of name.given ?? []) out += part('given', given);
  out += part('family', name.family, name.use === 'maiden' ? ' qualifier="BR"' : '');
  for (const suffix of name.suffix ?? []) out += part('suffix', suffix);
  return out;
}

function nameTag(name: HumanName): string {
  const use = name.use === undefined ? undefined : nameUses[name.use];
  return use === undefined ? '<name>' : `<name use="${use}">`;
}

/** US Realm Patient Name (PTN.US.FIELDED): given and family both, with nullFlavor where one is missing. */
export function patientName(name: HumanName): string {
  const family = name.family?.trim() ? name.family : name.given?.some((given) => given.trim()) ? undefined : name.text;
  const given = (name.given ?? []).filter((one) => one.trim());
  if (!family && given.length === 0) return '';
  let out = nameTag(name);
  for (const prefix of name.prefix ?? []) out += part('prefix', prefix);
  out += given.length === 0 ? '<given nullFlavor="UNK"></given>' : given.map((one) => part('given', one)).join('');
  out += family
    ? part('family', family, name.use === 'maiden' ? ' qualifier="BR"' : '')
    : '<family nullFlavor="UNK"></family>';
  for (const suffix of name.suffix ?? []) out += part('suffix', suffix);
  return `${out}</name>`;
}

/** US Realm Person Name (PN.US.FIELDED): given and family, or one plain text. */
export function personName(name: HumanName | string | undefined): string {
  if (name === undefined) return '<name nullFlavor="UNK"></name>';
  if (typeof name === 'string')
    return name.trim() ? `<name>${text(name.trim())}</name>` : '<name nullFlavor="UNK"></name>';
  const hasGiven = (name.given ?? []).some((one) => one.trim());
  if (hasGiven && name.family?.trim()) return `${nameTag(name)}${nameParts(name)}</name>`;
  const words = readableName(name);
  return words ? `<name>${text(words)}</name>` : '<name nullFlavor="UNK"></name>';
}

/** A name on one line. */
export function readableName(name: HumanName | undefined): string {
  if (name === undefined) return '';
  const words = [...(name.prefix ?? []), ...(name.given ?? []), name.family, ...(name.suffix ?? [])]
    .filter(Boolean)
    .join(' ')
    .trim();
  return words || name.text?.trim() || '';
}

const addressUses: Readonly<Record<string, string>> = { home: 'HP', work: 'WP', temp: 'TMP', old: 'BAD' };

/** US Realm Address (AD.US.FIELDED): one to four street lines, city, and state and postal code unless abroad. */
export function address(given: Address | undefined): string {
  const streets = (given?.line ?? []).filter((line) => line.trim());
  if (
    given === undefined ||
    !(streets.length || given.city || given.state || given.postalCode || given.country || given.text || given.district)
  ) {
    return '<addr nullFlavor="UNK"></addr>';
  }
  if (streets.length === 0 && given.text?.trim() && !given.city) streets.push(given.text);
  const first = streets.slice(0, 4);
  if (streets.length > 4) first[3] = streets.slice(3).join(', ');
  const use = given.type === 'postal' ? 'PST' : given.use === undefined ? undefined : addressUses[given.use];
  let out = use === undefined ? '<addr>' : `<addr use="${use}">`;
  out +=
    first.length === 0
      ? '<streetAddressLine nullFlavor="UNK"></streetAddressLine>'
      : first.map((line) => part('streetAddressLine', line)).join('');
  out += part('city', given.city) || '<city nullFlavor="UNK"></city>';
  out += part('county', given.district);
  out += part('state', given.state) || '<state nullFlavor="UNK"></state>';
  out += part('postalCode', given.postalCode) || '<postalCode nullFlavor="UNK"></postalCode>';
  return `${out}${part('country', given.country)}</addr>`;
}

const telecomUses: Readonly<Record<string, string>> = { home: 'HP', work: 'WP', mobile: 'MC', old: 'BAD' };
const schemes: Readonly<Record<string, string>> = {
  phone: 'tel:',
  sms: 'tel:',
  pager: 'tel:',
  fax: 'fax:',
  email: 'mailto:',
};

/** Percent-encodes what a URI has no room for; blanks in telephone numbers become hyphens (RFC 3966 visual separators). */
function uriText(value: string, telephone: boolean): string {
  const trimmed = value.trim();
  const joined = telephone ? trimmed.replace(/\s*([()\-.+])\s*/g, '$1').replace(/\s+/g, '-') : trimmed;
  // encodeURI refuses lone surrogates.
  return encodeURI(joined.toWellFormed().replace(/[\u0000-\u001F]/g, ''))
    .replace(/#/g, '%23')
    .replace(/\[/g, '%5B')
    .replace(/\]/g, '%5D');
}

/** A URI that the CDA schema takes: with the scheme it has or needs; what is none stays as an encoded relative one. */
function uriOf(value: string, scheme: string): string {
  if (/^(?:https?|ftp|file|nfs|mllp):/i.test(value)) {
    const uri = uriText(value, false);
    return URL.canParse(uri) ? uri : encodeURIComponent(value.toWellFormed());
  }
  if (/^(?:tel|fax|mailto):/i.test(value)) return uriText(value, true);
  if (scheme === '') return encodeURIComponent(value.toWellFormed().replace(/[\u0000-\u001F]/g, ''));
  return `${scheme}${uriText(value, scheme !== 'mailto:')}`;
}

export function telecom(point: ContactPoint, tag = 'telecom'): string {
  if (!point.value?.trim()) return '';
  const scheme =
    schemes[point.system ?? ''] ??
    (point.value.includes('@') ? 'mailto:' : point.system === undefined || point.system === 'other' ? 'tel:' : '');
  const use = point.system === 'pager' ? 'PG' : telecomUses[point.use ?? ''];
  const uri = uriOf(point.value.trim(), scheme);
  return use === undefined
    ? `<${tag} value="${attribute(uri)}"></${tag}>`
    : `<${tag} use="${use}" value="${attribute(uri)}"></${tag}>`;
}

/** Things of one kind for one person at most. */
const contactsMax = 20;

export function telecoms(points: readonly ContactPoint[] | undefined): string {
  let out = '';
  for (const point of (points ?? []).slice(0, contactsMax)) out += telecom(point);
  return out || '<telecom nullFlavor="UNK"></telecom>';
}

export function addresses(list: readonly Address[] | undefined): string {
  if (list === undefined || list.length === 0) return address(undefined);
  return list.slice(0, contactsMax).map(address).join('');
}

export function organization(
  tag: string,
  given: { name?: string; identifier?: Organization['identifier']; telecom?: ContactPoint[]; address?: Address[] },
): string {
  let out = `<${tag}>`;
  for (const one of (given.identifier ?? []).slice(0, contactsMax)) out += identifierOf(one.system, one.value);
  out += given.name?.trim() ? `<name>${text(given.name)}</name>` : '<name nullFlavor="UNK"></name>';
  return `${out}${telecoms(given.telecom)}${address(given.address?.[0])}</${tag}>`;
}

interface Found {
  person?: Practitioner;
  organization?: Organization;
  role?: PractitionerRole;
}

function findActor(resource: Resource | undefined, scope: Scope, owner: Resource | undefined): Found {
  if (resource?.resourceType === 'Practitioner') return { person: resource };
  if (resource?.resourceType === 'Organization') return { organization: resource };
  if (resource?.resourceType === 'PractitionerRole') {
    const person = scope.find(resource.practitioner, owner);
    const org = scope.find(resource.organization, owner);
    return {
      role: resource,
      ...(person?.resourceType === 'Practitioner' ? { person } : {}),
      ...(org?.resourceType === 'Organization' ? { organization: org } : {}),
    };
  }
  return {};
}

/** The actor behind a reference; undefined where the reference says nothing. */
export function actorOf(reference: Reference | undefined, scope: Scope, owner?: Resource): Actor | undefined {
  if (reference === undefined) return undefined;
  const key = reference.reference;
  // What is contained in its owner, or named without a reference, may differ each time.
  if (key === undefined || key.startsWith('#')) return readActor(reference, scope, owner);
  const cached = `${key}|${reference.display ?? ''}`;
  if (scope.actors.has(cached)) return scope.actors.get(cached);
  const actor = readActor(reference, scope, owner);
  scope.actors.set(cached, actor);
  return actor;
}

function readActor(reference: Reference, scope: Scope, owner: Resource | undefined): Actor | undefined {
  const { person, organization: org, role } = findActor(scope.find(reference, owner), scope, owner);
  const display = reference.display ?? role?.practitioner?.display;
  const personWords = person?.name?.[0] ? readableName(person.name[0]) : org && !role ? '' : (display ?? '');
  const name = personWords || org?.name || display || '';
  const identifiers =
    person?.identifier ??
    role?.identifier ??
    (org && !role ? org.identifier : undefined) ??
    (reference.identifier ? [reference.identifier] : []);
  if (name === '' && identifiers.length === 0) return undefined;
  let ids = '';
  for (const one of identifiers.slice(0, contactsMax)) ids += identifierOf(one.system, one.value);
  let entity = ids || '<id nullFlavor="UNK"></id>';
  entity += addresses(person?.address ?? (org && !person ? org.address : undefined));
  entity += telecoms(person?.telecom ?? role?.telecom ?? (org && !person ? org.telecom : undefined));
  if (personWords) entity += `<assignedPerson>${personName(person?.name?.[0] ?? personWords)}</assignedPerson>`;
  if (org !== undefined) entity += organization('representedOrganization', org);
  else if (role?.organization?.display)
    entity += organization('representedOrganization', { name: role.organization.display });
  return { name, entity, key: ids === '' ? name : ids };
}

const nobody = { elements: '', names: '' } as const;

function performerOf(actor: Actor): string {
  return `<performer><assignedEntity>${actor.entity}</assignedEntity></performer>`;
}

/** `<performer>` elements of the actors that are known, each once. */
export function performers(
  references: readonly (Reference | undefined)[],
  scope: Scope,
  owner: Resource,
): { elements: string; names: string } {
  if (references.length === 0) return nobody;
  if (references.length === 1) {
    const actor = actorOf(references[0], scope, owner);
    return actor === undefined ? nobody : { elements: performerOf(actor), names: actor.name };
  }
  const seen = new Map<string, Actor>();
  for (const reference of references) {
    const actor = actorOf(reference, scope, owner);
    if (actor !== undefined && !seen.has(actor.key) && seen.size < contactsMax) seen.set(actor.key, actor);
  }
  const actors = [...seen.values()];
  return {
    elements: actors.map(performerOf).join(''),
    names: actors
      .map((actor) => actor.name)
      .filter(Boolean)
      .join('; '),
  };
}

/** Where a reference points, in words: a location with those that it is part of. */
export function readableLocation(reference: Reference | undefined, scope: Scope, owner: Resource): string {
  const found = scope.find(reference, owner);
  if (found?.resourceType !== 'Location') return reference?.display ?? '';
  const names: string[] = [];
  let at: Location | undefined = found;
  for (let level = 0; at !== undefined && level < 8; level++) {
    if (at.name) names.push(at.name);
    const above: Resource | undefined = scope.find(at.partOf, owner);
    at = above?.resourceType === 'Location' ? above : undefined;
  }
  return names.join(', ') || reference?.display || '';
}
