/**
 * What one message does to the record: the pure half of its commit, for this thread and for the compute thread alike. A snapshot in,
 * plain changes out; no store, no keys.
 */
import type { Changes, Clock, Entry, Identifier, Job, KeptMessage, Person } from '../schemas/parts.ts';
import { identify, type KnownPersons, keyOfIdentifier } from './identify.ts';
import { type Draft, type DraftSubject, mergeRecord, uuidv7 } from './record/index.ts';
import type { Understood } from './understand.ts';

/** When documents are made of what changed, and after which quiet time, at the latest after which (ms). */
export interface DocumentTimes {
  when: 'coalesced' | 'encounter-end' | 'on-demand';
  quietMs: number;
  latestMs: number;
}

/** A job, its message and what it says. */
export interface Effect {
  job: Pick<Job, 'id' | 'fence'>;
  message: Pick<KeptMessage, 'id' | 'sourceId' | 'receivedAt' | 'ackCode'>;
  understood: Pick<Understood, 'faults' | 'notes' | 'terms'>;
}

/** What the units of a batch need to read of the record, read in as few statements as there are kinds. */
export interface Snapshot {
  persons: Map<string, Person>;
  entries: Map<string, Map<string, Entry>>;
}

export type RecordChanges = Changes & {
  persons: NonNullable<Changes['persons']>;
  /** Told by the compute thread, which alone can compare: persons with other demographics or numbers than before, and PV1-2. */
  faces?: { changed: string[]; patientClass: string };
};

/** Are demographics, numbers or state other than before? What says nothing new keeps the very Patient (`mergeRecord`). */
export function hasNewFace(person: Person, before: Person | undefined): boolean {
  return (
    before === undefined ||
    before.state !== person.state ||
    before.patient !== person.patient ||
    before.identifiers.length !== person.identifiers.length
  );
}

/** The way of a message: its receipt, then `steps` at `now`. */
export function stepsOf(
  unit: Pick<Effect, 'message'>,
  now: number,
  steps: { step: NonNullable<Changes['steps']>[number]['step']; detail?: string }[],
): NonNullable<Changes['steps']> {
  const { message } = unit;
  return [
    { messageId: message.id, at: message.receivedAt, step: 'received' },
    { messageId: message.id, at: message.receivedAt, step: 'acknowledged', detail: message.ackCode },
    ...steps.map((one) => ({ messageId: message.id, at: now, ...one })),
  ];
}

/** What one unit has already changed, over what the batch read: two patients of one message may be one person. */
interface View {
  persons: Map<string, NonNullable<Changes['persons']>[number]>;
  entries: Map<string, NonNullable<Changes['entries']>[number]>;
}

/** Brings a draft into the record of the persons whom it names; `known` and `snapshot` hold what is there of them. */
export function recordChanges(
  parts: { clock: Clock; documents: DocumentTimes },
  unit: Effect,
  draft: Draft,
  known: KnownPersons,
  snapshot: Snapshot,
): RecordChanges {
  const { job, message, understood } = unit;
  const now = parts.clock.now();
  const faults = [...understood.faults];
  const view: View = { persons: new Map(), entries: new Map() };
  const made: KnownPersons = new Map();
  const changed = new Set<string>();
  let fresh = 0;
  for (const subject of draft.subjects) {
    const { personId, identifiers, faults: doubts } = identify(subject.identifiers, known);
    faults.push(...doubts);
    const id = personId ?? identify(identifiers, made).personId ?? uuidv7(now);
    for (const identifier of identifiers) made.set(keyOfIdentifier(identifier), id);
    const merged = mergeRecord(currentOf(view, snapshot, id), withNumbers(subject, identifiers), {
      personId: id,
      sourceId: message.sourceId,
      messageId: message.id,
      sourceTime: draft.sourceTime,
      now,
      newId: () => uuidv7(now),
    });
    if (merged.expect === 0) fresh += 1;
    if (merged.changed || draft.merges.length > 0) changed.add(id);
    keepInView(view, id, merged);
  }
  const entries = [...view.entries.values()];
  return {
    jobDone: { id: job.id, fence: job.fence },
    persons: [...view.persons.values()].filter(({ person }) => changed.has(person.id)),
    entries,
    jobsNew: documentJobs(parts.clock.now(), parts.documents, [...changed], draft),
    message: {
      id: message.id,
      state: 'done',
      faults,
      personIds: [...view.persons.keys()],
      terms: understood.terms,
      wrote: entries.map(({ entry }) => ({ id: entry.id, type: entry.type, version: entry.version })),
      notCarried: draft.notCarried,
    },
    notCarried: countFields(message.sourceId, draft.notCarried),
    steps: stepsOf(unit, now, [
      understood.notes.length > 0
        ? { step: 'parsed', detail: understood.notes.join('; ').slice(0, 500) }
        : { step: 'parsed' },
      { step: 'mapped', detail: `${draft.carried} fields carried, ${draft.notCarried.length} not` },
      { step: 'identified', detail: view.persons.size > fresh ? 'known here by number' : 'new here' },
      { step: 'recorded', detail: `${entries.length} entries` },
    ]),
    audit: [...view.persons.keys()].map((personId) => ({
      at: now,
      who: message.sourceId,
      action: 'update',
      outcome: 'done',
      what: 'patient',
      thing: message.id,
      personId,
    })),
  };
}

/** A subject without the numbers that are another person's. */
function withNumbers(subject: DraftSubject, identifiers: Identifier[]): DraftSubject {
  if (identifiers.length === subject.identifiers.length) return subject;
  const held = new Set(identifiers.map(keyOfIdentifier));
  const shown = subject.patient.identifier?.filter(({ system = '', value = '' }) =>
    held.has(keyOfIdentifier({ system, value })),
  );
  return { ...subject, identifiers, patient: { ...subject.patient, identifier: shown } };
}

function currentOf(view: View, snapshot: Snapshot, id: string): { person?: Person; entries: Map<string, Entry> } {
  const entries = new Map(snapshot.entries.get(id) ?? []);
  for (const { entry } of view.entries.values()) if (entry.personId === id) entries.set(entry.key, entry);
  const person = view.persons.get(id)?.person ?? snapshot.persons.get(id);
  return person === undefined ? { entries } : { person, entries };
}

/** The expected version stays the one that the store holds, however often this unit changed the row. */
function keepInView(view: View, id: string, merged: ReturnType<typeof mergeRecord>): void {
  const before = view.persons.get(id);
  const terms = [...(before?.terms ?? []), ...merged.terms];
  view.persons.set(id, { person: merged.person, expect: before?.expect ?? merged.expect, terms });
  for (const change of merged.entries) {
    const earlier = view.entries.get(change.entry.id);
    view.entries.set(change.entry.id, { entry: change.entry, expect: earlier?.expect ?? change.expect });
  }
}

function documentJobs(
  now: number,
  documents: DocumentTimes,
  personIds: string[],
  draft: Draft,
): NonNullable<Changes['jobsNew']> {
  if (documents.when === 'on-demand' || (documents.when === 'encounter-end' && !draft.encounterEnded)) return [];
  const quietMs = documents.when === 'encounter-end' ? 0 : documents.quietMs;
  return personIds.map((personId) => ({
    id: uuidv7(now),
    kind: 'document' as const,
    subject: personId,
    keys: [`document|${personId}`],
    dueAt: now + quietMs,
    latestAt: now + documents.latestMs,
  }));
}

function countFields(sourceId: string, notCarried: string[]): NonNullable<Changes['notCarried']> {
  const counts = new Map<string, number>();
  for (const field of notCarried) counts.set(field, (counts.get(field) ?? 0) + 1);
  return [...counts].map(([field, count]) => ({ sourceId, field, count }));
}
