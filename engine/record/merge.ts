/**
 * Brings what one message says together with what is known. Pure: a snapshot in, rows with expected versions out.
 *
 * The newer source time wins, entry by entry and demographic element by element; an older message never overwrites a newer one but
 * may fill its gaps. What is equal makes no new version.
 */
import type { Patient, Resource } from '@medplum/fhirtypes';
import type { Entry, Identifier, Person, SearchTerm } from '../../schemas/parts.ts';
import type { DraftEntry, DraftSubject } from './draft.ts';
import { mergePatient, personTerms } from './patient.ts';
import { collectKeys, dropPath, isTree, patchTree, resolveReferences, same } from './tree.ts';

export interface KnownRecord {
  person?: Person;
  /** By natural key: at least those of {@link wantedKeys}. */
  entries: ReadonlyMap<string, Entry>;
}

export interface MergeMeta {
  personId: string;
  sourceId: string;
  messageId: string;
  /** When the source says it was so (ms). */
  sourceTime: number;
  now: number;
  newId(): string;
}

export interface MergedRecord {
  person: Person;
  /** Version that the stored person must still have; 0 for a new one. */
  expect: number;
  /** False when the message said nothing new: then `person` is the known one at its known version and `entries` is empty. */
  changed: boolean;
  entries: { entry: Entry; expect: number }[];
  /** What a search for this person should find. */
  terms: SearchTerm[];
}

/** The natural keys to load before {@link mergeRecord}: the subject's entries and what they refer to. */
export function wantedKeys(subject: DraftSubject): string[] {
  const keys = new Set<string>();
  for (const entry of subject.entries) {
    keys.add(entry.key);
    collectKeys(entry.resource, keys);
  }
  keys.delete('Patient');
  return [...keys];
}

/** The record of one person after a message. Never changes what it is given. */
export function mergeRecord(known: KnownRecord, subject: DraftSubject, meta: MergeMeta): MergedRecord {
  const ids = new Map<string, { type: string; id: string }>();
  for (const { key, resource } of subject.entries) {
    if (!ids.has(key)) ids.set(key, { type: resource.resourceType, id: known.entries.get(key)?.id ?? meta.newId() });
  }
  const resolve = (key: string): string | undefined => {
    if (key === 'Patient') return `Patient/${meta.personId}`;
    const own = ids.get(key);
    if (own) return `${own.type}/${own.id}`;
    const other = known.entries.get(key);
    return other ? `${other.type}/${other.id}` : undefined;
  };
  const written = new Map<string, { entry: Entry; expect: number }>();
  for (const draft of subject.entries) {
    const before = written.get(draft.key)?.entry ?? known.entries.get(draft.key);
    const entry = mergeEntry(before, draft, ids.get(draft.key)!.id, resolve, meta);
    if (!entry) continue;
    const stored = known.entries.get(draft.key)?.version ?? 0;
    written.set(draft.key, { entry: { ...entry, version: stored + 1 }, expect: stored });
  }
  const entries = [...written.values()];
  const patient = mergePatient(known.person?.patient, subject, meta.personId, meta.sourceTime);
  const identifiers = unionNumbers(known.person?.identifiers ?? [], subject.identifiers);
  const changed =
    !known.person ||
    patient !== known.person.patient ||
    identifiers.length !== known.person.identifiers.length ||
    entries.length > 0;
  const terms = personTerms(patient);
  if (!changed) return { person: known.person!, expect: known.person!.version, changed, entries, terms };
  return {
    person: nextPerson(known.person, patient, identifiers, meta),
    expect: known.person?.version ?? 0,
    changed,
    entries,
    terms,
  };
}

function nextPerson(before: Person | undefined, patient: Patient, identifiers: Identifier[], meta: MergeMeta): Person {
  return {
    ...before,
    id: meta.personId,
    version: (before?.version ?? 0) + 1,
    state: before?.state ?? 'active',
    createdAt: before?.createdAt ?? meta.now,
    updatedAt: meta.now,
    incomplete: before?.incomplete ?? false,
    identifiers,
    patient,
  };
}

function unionNumbers(known: Identifier[], given: Identifier[]): Identifier[] {
  const list = [...known];
  for (const one of given)
    if (!list.some((other) => other.system === one.system && other.value === one.value)) list.push(one);
  return list;
}

/** The entry after this draft, or undefined when it says nothing new. */
function mergeEntry(
  before: Entry | undefined,
  draft: DraftEntry,
  id: string,
  resolve: (key: string) => string | undefined,
  meta: MergeMeta,
): Entry | undefined {
  const older = before !== undefined && before.sourceTime > meta.sourceTime;
  if (older && (draft.act !== 'patch' || before.removed)) return undefined;
  const given = resolveReferences(draft.resource, resolve);
  const body = bodyOf(before, draft, given, older);
  (body as { id?: string }).id = id;
  const removed =
    draft.act === 'remove' ||
    (draft.act === 'void' && statusOf(body) === 'entered-in-error') ||
    (draft.act === 'patch' && !givesStatus(draft) && (before?.removed ?? false));
  if (before && before.removed === removed && same(before.body, body)) return undefined;
  return {
    id,
    personId: meta.personId,
    type: body.resourceType,
    key: draft.key,
    version: 0,
    status: statusOf(body),
    code: codeOf(body),
    sourceId: older ? before.sourceId : meta.sourceId,
    messageId: meta.messageId,
    from: draft.from,
    sourceTime: older ? before.sourceTime : meta.sourceTime,
    removed,
    body,
  };
}

/** A patch that says how things stand brings a voided entry back; one that only adds does not. */
function givesStatus(draft: DraftEntry): boolean {
  return 'status' in draft.resource && !(draft.weak ?? []).includes('status');
}

type Tree = Record<string, unknown>;

function bodyOf(before: Entry | undefined, draft: DraftEntry, given: Resource, older: boolean): Resource {
  const tree = given as unknown as Tree;
  if (!before) return { ...given };
  const known = before.body as unknown as Tree;
  switch (draft.act) {
    case 'put':
      return { ...given };
    case 'patch': {
      let patched = patchTree(known, tree, draft.weak ?? [], older);
      if (!older) for (const path of draft.nulls ?? []) if (tree[path] === undefined) patched = dropPath(patched, path);
      return patched as unknown as Resource;
    }
    case 'void':
    case 'remove':
      // What was said stays readable in the entry; only how it stands changes.
      return {
        ...known,
        ...pick(tree, ['status', 'clinicalStatus', 'verificationStatus', 'statusReason']),
      } as unknown as Resource;
  }
}

function pick(tree: Tree, keys: string[]): Tree {
  const found: Tree = {};
  for (const key of keys) if (tree[key] !== undefined) found[key] = tree[key];
  return found;
}

/** The status of a resource as one plain word: `status`, or the code of the verification or clinical status. */
export function statusOf(resource: Resource): string {
  const tree = resource as unknown as Tree;
  if (typeof tree['status'] === 'string') return tree['status'];
  const verification = codeIn(tree['verificationStatus'])?.code;
  if (verification === 'entered-in-error') return verification;
  return codeIn(tree['clinicalStatus'])?.code ?? verification ?? '';
}

/** `system|code` of what the resource is about. */
export function codeOf(resource: Resource): string {
  const tree = resource as unknown as Tree;
  const coding =
    codeIn(tree['code']) ??
    codeIn(tree['medicationCodeableConcept']) ??
    codeIn(tree['vaccineCode']) ??
    codeIn(tree['type']) ??
    codingIn(tree['class']);
  return coding ? `${coding.system ?? ''}|${coding.code ?? ''}` : '';
}

function codeIn(concept: unknown): { system?: string; code?: string } | undefined {
  const one = Array.isArray(concept) ? concept[0] : concept;
  if (!isTree(one) || !Array.isArray(one['coding'])) return undefined;
  return codingIn(one['coding'][0]);
}

function codingIn(coding: unknown): { system?: string; code?: string } | undefined {
  return isTree(coding) && typeof coding['code'] === 'string'
    ? (coding as { system?: string; code?: string })
    : undefined;
}
