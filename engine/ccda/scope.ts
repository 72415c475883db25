/** What every section writer needs of one record: its live resources by type, references resolved, and fresh narrative IDs. */
import type { Address, ContactPoint, Extension, Patient, Reference, Resource } from '@medplum/fhirtypes';
import type { Entry, Person } from '../../schemas/parts.ts';
import { identifierOf, idOf, isUuid } from './write.ts';

export interface CcdRecord {
  person: Person;
  entries: readonly Entry[];
}

/** The organisation that makes and keeps the document: author's organisation and custodian. */
export interface CcdOrganization {
  name: string;
  /** Dotted OID. */
  oid: string;
  address?: Address;
  telecom?: ContactPoint[];
}

/** What the publisher knows about the document itself. */
export interface CcdHeader {
  /** UUID of this document. */
  documentId: string;
  /** UUID that all versions of this person's CCD share. */
  setId: string;
  version: number;
  /** UUID of the version that this one replaces. */
  replaces?: string;
  /** Milliseconds since the epoch. */
  createdAt: number;
  /** Zone of the times that we make: `+02:00`, `Z` or an IANA name; default UTC. */
  zone?: string;
  organization: CcdOrganization;
  /** The software that writes; default this one. */
  device?: { model: string; software: string };
  /** Code of the Confidentiality system: N (default), R or V. */
  confidentiality?: 'N' | 'R' | 'V';
  /** Language of the document, BCP 47; default en-US. */
  language?: string;
}

/** Someone who took part, however the record tells of them. */
export interface Actor {
  name: string;
  /** Inner part of an assignedEntity: ids, code, addr, telecom, assignedPerson, representedOrganization. */
  entity: string;
  /** What tells one actor from another. */
  key: string;
}

export interface Scope {
  person: Person;
  patient: Patient;
  header: CcdHeader;
  /** Live resources of a type, newest first where they have a time. */
  of<T extends Resource['resourceType']>(type: T): Extract<Resource, { resourceType: T }>[];
  /** The resource that a reference means, in the record or contained in `owner`. */
  find(reference: Reference | undefined, owner?: Resource): Resource | undefined;
  /** Actors written so far, by reference and display. */
  actors: Map<string, Actor | undefined>;
  /** A fresh ID for a narrative row. */
  row(): string;
  /** `<id>` elements of a resource: its own, then its business identifiers. */
  ids(resource: Resource, suffix?: string): string;
}

/** Statuses that say that it never was so. */
const untrue = 'entered-in-error';

function isLive(entry: Entry): boolean {
  if (entry.removed) return false;
  const body = entry.body as { status?: string; verificationStatus?: { coding?: { code?: string }[] } };
  if (entry.status === untrue || body.status === untrue) return false;
  return !body.verificationStatus?.coding?.some((coding) => coding.code === untrue);
}

/** Prepares a record for writing. */
export function openScope(record: CcdRecord, header: CcdHeader): Scope {
  const byType = new Map<string, Resource[]>();
  const byReference = new Map<string, Resource>();
  for (const entry of record.entries) {
    const body = entry.body;
    byReference.set(`${body.resourceType}/${entry.id}`, body);
    if (body.id !== undefined && body.id !== entry.id) byReference.set(`${body.resourceType}/${body.id}`, body);
    if (!isLive(entry)) continue;
    const list = byType.get(body.resourceType);
    if (list === undefined) byType.set(body.resourceType, [body]);
    else list.push(body);
  }
  for (const list of byType.values()) sortNewestFirst(list);
  let rows = 0;
  return {
    person: record.person,
    patient: record.person.patient,
    header,
    of: (type) => (byType.get(type) ?? []) as never,
    find: (reference, owner) => findResource(reference, owner, byReference),
    actors: new Map(),
    row: () => `r${++rows}`,
    ids: (resource, suffix) => resourceIds(resource, header.organization.oid, suffix),
  };
}

function sortNewestFirst(list: Resource[]): void {
  if (list.length < 2) return;
  const keyed = list.map((resource) => ({ resource, at: timeOfResource(resource) }));
  keyed.sort((a, b) => (a.at < b.at ? 1 : a.at > b.at ? -1 : 0));
  for (let i = 0; i < keyed.length; i++) list[i] = (keyed[i] as { resource: Resource }).resource;
}

/** The time that a reader would order a resource by; '' where it has none. */
export function timeOfResource(resource: Resource): string {
  const any = resource as {
    effectiveDateTime?: string;
    effectivePeriod?: { start?: string };
    occurrenceDateTime?: string;
    performedDateTime?: string;
    performedPeriod?: { start?: string };
    onsetDateTime?: string;
    recordedDate?: string;
    authoredOn?: string;
    period?: { start?: string };
    date?: string;
    issued?: string;
  };
  return (
    any.effectiveDateTime ??
    any.effectivePeriod?.start ??
    any.occurrenceDateTime ??
    any.performedDateTime ??
    any.performedPeriod?.start ??
    any.onsetDateTime ??
    any.recordedDate ??
    any.authoredOn ??
    any.period?.start ??
    any.date ??
    any.issued ??
    ''
  );
}

function findResource(
  reference: Reference | undefined,
  owner: Resource | undefined,
  byReference: ReadonlyMap<string, Resource>,
): Resource | undefined {
  const target = reference?.reference;
  if (!target) return undefined;
  if (target.startsWith('#')) {
    const contained = (owner as { contained?: Resource[] } | undefined)?.contained;
    return contained?.find((one) => one.id === target.slice(1));
  }
  return byReference.get(target);
}

/** Identifiers at most for one resource: some feeds repeat them without end. */
const identifiersMax = 20;

function resourceIds(resource: Resource, organizationOid: string, suffix: string | undefined): string {
  const id = resource.id ?? '';
  let out = '';
  if (isUuid(id)) out = idOf(id, suffix);
  else if (id !== '') out = idOf(organizationOid, suffix === undefined ? id : `${id}-${suffix}`);
  if (suffix !== undefined) return out || '<id nullFlavor="UNK"></id>';
  const identifiers = (
    resource as { identifier?: { system?: string; value?: string }[] | { system?: string; value?: string } }
  ).identifier;
  const list = Array.isArray(identifiers) ? identifiers : identifiers === undefined ? [] : [identifiers];
  for (const identifier of list.slice(0, identifiersMax))
    if (identifier.value) out += identifierOf(identifier.system, identifier.value);
  return out || '<id nullFlavor="UNK"></id>';
}

/** Extension whose URL ends so. */
export function extensionOf(element: { extension?: Extension[] }, end: string): Extension | undefined {
  return element.extension?.find((extension) => extension.url.endsWith(end));
}
