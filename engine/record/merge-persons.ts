/** A40 and its like: two records become one (chapter 3.3.40). */
import type { Resource } from '@medplum/fhirtypes';
import type { Entry, Identifier, Person, SearchTerm } from '../../schemas/parts.ts';
import { mergePatient, personTerms } from './patient.ts';
import { isTree } from './tree.ts';

export interface WholeRecord {
  person: Person;
  /** Every entry, removed ones too. */
  entries: Entry[];
}

export interface MergedPersons {
  /** Survivor and retired, in this order. */
  persons: { person: Person; expect: number; terms: SearchTerm[] }[];
  /** The retired person's entries, now the survivor's. */
  entries: { entry: Entry; expect: number }[];
  /** Numbers that the retired person no longer holds. */
  identifiersGone: { personId: string; system: string; value: string }[];
}

/**
 * The retired person's numbers and entries move to the survivor; earlier versions stay in the history. The survivor's demographics win and
 * gaps are filled from the retired. Where both hold the same fact the newer stays live. The retired person is kept as `merged`.
 */
export function mergePersons(
  survivor: WholeRecord,
  retired: WholeRecord,
  meta: { messageId: string; now: number },
): MergedPersons {
  const kept = survivor.person;
  const gone = retired.person;
  const patient = mergePatient(
    kept.patient,
    { identifiers: [], patient: withoutIdentity(gone), nulls: [], demographics: 'identification', entries: [] },
    kept.id,
    1,
  );
  patient.link = undefined;
  const identifiers: Identifier[] = [...kept.identifiers];
  for (const one of gone.identifiers)
    if (!identifiers.some((other) => other.system === one.system && other.value === one.value)) identifiers.push(one);
  const byKey = new Map(survivor.entries.map((entry) => [entry.key, entry]));
  const entries: MergedPersons['entries'] = [];
  for (const entry of retired.entries)
    entries.push(...moveEntry(entry, byKey.get(entry.key), gone.id, kept.id, meta.messageId));
  const cleanPatient = { ...patient };
  delete cleanPatient.link;
  const person: Person = {
    ...kept,
    version: kept.version + 1,
    updatedAt: meta.now,
    incomplete: kept.incomplete || gone.incomplete,
    identifiers,
    patient: cleanPatient,
  };
  const shell: Person = {
    ...gone,
    version: gone.version + 1,
    state: 'merged',
    mergedInto: kept.id,
    updatedAt: meta.now,
    identifiers: [],
    patient: {
      ...gone.patient,
      active: false,
      link: [{ other: { reference: `Patient/${kept.id}` }, type: 'replaced-by' }],
    },
  };
  return {
    persons: [
      { person, expect: kept.version, terms: personTerms(cleanPatient) },
      { person: shell, expect: gone.version, terms: [] },
    ],
    entries,
    identifiersGone: gone.identifiers.map(({ system, value }) => ({ personId: gone.id, system, value })),
  };
}

function withoutIdentity(person: Person): Person['patient'] {
  const { id: _id, meta: _meta, link: _link, active: _active, ...rest } = person.patient;
  return rest;
}

function moveEntry(
  entry: Entry,
  twin: Entry | undefined,
  from: string,
  to: string,
  messageId: string,
): { entry: Entry; expect: number }[] {
  const moved: Entry = {
    ...entry,
    personId: to,
    version: entry.version + 1,
    messageId,
    body: repoint(entry.body, `Patient/${from}`, `Patient/${to}`) as Resource,
  };
  if (!twin) return [{ entry: moved, expect: entry.version }];
  const newer = entry.sourceTime > twin.sourceTime && !entry.removed;
  if (!newer)
    return [{ entry: { ...moved, key: `${entry.key}|merged|${entry.id}`, removed: true }, expect: entry.version }];
  const aside: Entry = {
    ...twin,
    key: `${twin.key}|merged|${twin.id}`,
    version: twin.version + 1,
    removed: true,
    messageId,
  };
  return [
    { entry: aside, expect: twin.version },
    { entry: moved, expect: entry.version },
  ];
}

function repoint(value: unknown, from: string, to: string): unknown {
  if (Array.isArray(value)) return value.map((item) => repoint(item, from, to));
  if (!isTree(value)) return value;
  const copy: Record<string, unknown> = {};
  for (const key of Object.keys(value))
    copy[key] = key === 'reference' && value[key] === from ? to : repoint(value[key], from, to);
  return copy;
}
