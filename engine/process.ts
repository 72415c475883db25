/**
 * The stages of one message, in order, on one page:
 * decode, repair, parse, check -> map (`toRecord`) -> identify (here) -> merge into the record -> one commit.
 *
 * The first half is pure ({@link understand}); the second reads a snapshot and returns plain Changes. A crash repeats a job and never
 * its effect, because the effect and 'done' are one commit.
 */
import type { Fault } from '../schemas/errors/index.ts';
import { catalogue, MixError } from '../schemas/errors/index.ts';
import type { Changes, Clock, Entry, Identifier, Job, KeptMessage, Log, Person, Store } from '../schemas/parts.ts';
import { chooseProfile } from '../schemas/vendors/profile.ts';
import { identify, type KnownPersons, keyOfIdentifier, lookUpPersons } from './identify.ts';
import { clearIncomplete, markIncomplete } from './incomplete.ts';
import { addMerges } from './merge.ts';
import { type Draft, type DraftSubject, mergeRecord, uuidv7, wantedKeys } from './record/index.ts';
import { isWarning, type SourceSetup, type Understood, understand } from './understand.ts';

export interface ProcessOptions {
  /** MSH-11 that this node's record takes: P on a production node. */
  processing: string;
  documents: { when: 'coalesced' | 'encounter-end' | 'on-demand'; quietMs: number; latestMs: number };
  /** Tries of a unit that lost a race, before it waits. */
  racesMax: number;
}

export interface ProcessParts {
  store: Store;
  clock: Clock;
  log: Log;
  source(id: string): SourceSetup | undefined;
  /** What accept already understood, so that nothing is parsed twice. */
  takeUnderstood(messageId: string): Understood | undefined;
  /** Tells the sender that waits for an application acknowledgment. */
  answered(messageId: string, faults: Fault[]): void;
  /** Adds what goes beyond this node: feeds and routes (`onward.ts`). */
  addOnward?(
    changes: Changes,
    about: { message: KeptMessage; understood: Understood; before: ReadonlyMap<string, Person> },
  ): Changes;
}

interface Unit {
  job: Job;
  message: KeptMessage;
  understood: Understood;
}

/** Processes leased jobs together: one look-up for all, one commit each in a shared group. */
export async function processJobs(parts: ProcessParts, options: ProcessOptions, jobs: Job[]): Promise<void> {
  const messages = await parts.store.messagesOf(jobs.map((job) => job.subject));
  const units = jobs.map((job, at) => makeUnit(parts, job, messages[at]!));
  const known = await lookUpPersons(parts.store, identifiersOf(units));
  const snapshot = await loadSnapshot(parts.store, units, known);
  await Promise.all(units.map((unit) => finish(parts, options, unit, known, snapshot)));
}

function makeUnit(parts: ProcessParts, job: Job, message: KeptMessage): Unit {
  const source = parts.source(message.sourceId);
  if (source === undefined) {
    return {
      job,
      message,
      understood: { faults: [{ code: 'record.unknown-source', detail: message.sourceId }], notes: [], terms: [] },
    };
  }
  return { job, message, understood: parts.takeUnderstood(message.id) ?? understandAgain(message, source) };
}

function understandAgain(message: KeptMessage, source: SourceSetup): Understood {
  return understand(message, source, chooseProfile(source.profile, message.facts));
}

function* identifiersOf(units: Unit[]): Iterable<Identifier> {
  for (const { understood } of units) {
    for (const subject of understood.draft?.subjects ?? []) yield* subject.identifiers;
    yield* understood.about ?? [];
    for (const merge of understood.draft?.merges ?? []) {
      yield* merge.survivor;
      yield* merge.retired;
    }
  }
}

/** What the units of a batch need to read of the record, read in as few statements as there are kinds. */
interface Snapshot {
  persons: Map<string, Person>;
  entries: Map<string, Map<string, Entry>>;
}

async function loadSnapshot(store: Store, units: Unit[], known: KnownPersons): Promise<Snapshot> {
  const wanted = new Map<string, Set<string>>();
  for (const { understood } of units) {
    for (const subject of understood.draft?.subjects ?? []) {
      const { personId } = identify(subject.identifiers, known);
      if (personId === undefined) continue;
      const keys = wanted.get(personId) ?? new Set<string>();
      for (const key of wantedKeys(subject)) keys.add(key);
      wanted.set(personId, keys);
    }
  }
  const asked = [...wanted].map(([personId, keys]) => ({ personId, keys: [...keys] }));
  const [persons, entries] = await Promise.all([store.personsOf([...wanted.keys()]), store.entriesByKeys(asked)]);
  return { persons, entries: new Map(asked.map((one, at) => [one.personId, entries[at]!])) };
}

async function finish(
  parts: ProcessParts,
  options: ProcessOptions,
  unit: Unit,
  known: KnownPersons,
  snapshot: Snapshot,
): Promise<void> {
  const { store } = parts;
  for (let race = 0; ; race += 1) {
    try {
      const changes = await changesOf(parts, options, unit, known, snapshot);
      const about = { message: unit.message, understood: unit.understood, before: snapshot.persons };
      await store.commit(parts.addOnward?.(changes, about) ?? changes);
      parts.answered(unit.message.id, changes.message?.faults ?? []);
      return;
    } catch (cause) {
      const code = cause instanceof MixError ? cause.fault.code : undefined;
      if (code === 'store.fenced') return;
      if (code === 'store.conflict' && race < options.racesMax) {
        // Somebody else changed the person between our read and our write: read again what is true now.
        known = await lookUpPersons(store, identifiersOf([unit]));
        snapshot = await loadSnapshot(store, [unit], known);
        continue;
      }
      await putOff(parts, unit, cause);
      return;
    }
  }
}

/** A failure that may pass is tried again later; one that will not is parked for a human. */
async function putOff(parts: ProcessParts, unit: Unit, cause: unknown): Promise<void> {
  const { job, message } = unit;
  const fault: Fault = cause instanceof MixError ? cause.fault : { code: 'record.unexpected', detail: nameOf(cause) };
  const retry = catalogue[fault.code].retry && job.attempts < ATTEMPTS_MAX;
  parts.log.warn(
    { job: job.id, message: message.id, code: fault.code, detail: fault.detail, retry },
    'a message was put off',
  );
  try {
    if (retry) {
      const dueAt = parts.clock.now() + Math.min(300_000, 500 * 2 ** job.attempts);
      await parts.store.commit({ jobRetry: { id: job.id, fence: job.fence, dueAt, fault } });
      return;
    }
    await parts.store.commit(parkedChanges(parts, unit, [fault], unit.understood.draft));
    parts.answered(message.id, [fault]);
  } catch (again) {
    // The lease runs out and the job comes again; nothing is lost.
    parts.log.error(
      { job: job.id, code: again instanceof MixError ? again.fault.code : nameOf(again) },
      'a job could not be put off',
    );
  }
}

const ATTEMPTS_MAX = 12;

/** The class of an unexpected failure: its text may hold what it stumbled over, so it stays out. */
function nameOf(cause: unknown): string {
  return cause instanceof Error ? cause.name : typeof cause;
}

async function changesOf(
  parts: ProcessParts,
  options: ProcessOptions,
  unit: Unit,
  known: KnownPersons,
  snapshot: Snapshot,
): Promise<Changes> {
  const { message, understood } = unit;
  const { draft } = understood;
  const errors = understood.faults.filter((fault) => !isWarning(fault));
  if (errors.length > 0) {
    const parked = parkedChanges(parts, unit, understood.faults, draft);
    return message.processing === options.processing
      ? markIncomplete(parts.store, parked, understood.about ?? [], known)
      : parked;
  }
  if (draft === undefined) return settledChanges(parts, unit, 'unmapped');
  if (message.processing !== options.processing) return settledChanges(parts, unit, 'test');
  const changes: Changes & { persons: NonNullable<Changes['persons']> } = recordChanges(
    { ...parts, documents: options.documents },
    unit,
    draft,
    known,
    snapshot,
  );
  const merged = draft.merges.length === 0 ? changes : await addMerges(parts, changes, draft, known);
  return clearIncomplete(parts.store, merged, message, snapshot.persons);
}

/** No effect on the record, by design: a type without a map, or test traffic. */
function settledChanges(parts: ProcessParts, unit: Unit, state: 'unmapped' | 'test'): Changes {
  const { job, message, understood } = unit;
  const now = parts.clock.now();
  return {
    jobDone: { id: job.id, fence: job.fence },
    message: { id: message.id, state, faults: understood.faults, terms: understood.terms },
    steps: stepsOf(unit, now, [
      { step: 'parsed', detail: state === 'test' ? `MSH-11 ${message.processing}` : 'no map for this type' },
    ]),
    audit: [{ at: now, who: message.sourceId, action: 'create', outcome: state, what: 'message', thing: message.id }],
  };
}

function parkedChanges(parts: ProcessParts, unit: Unit, faults: Fault[], draft: Draft | undefined): Changes {
  const { job, message, understood } = unit;
  const now = parts.clock.now();
  const fault = faults.find((one) => !isWarning(one)) ?? faults[0]!;
  return {
    // A merge that waits holds both persons back; anything else lets the next message pass.
    jobParked: { id: job.id, fence: job.fence, fault, blocks: (draft?.merges.length ?? 0) > 0 },
    message: { id: message.id, state: 'parked', faults, terms: understood.terms },
    steps: stepsOf(unit, now, [{ step: 'parked', detail: fault.code }]),
    audit: [
      {
        at: now,
        who: message.sourceId,
        action: 'create',
        outcome: 'parked',
        what: 'message',
        thing: message.id,
        reason: fault.code,
      },
    ],
  };
}

function stepsOf(
  unit: Unit,
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

function recordChanges(
  parts: ProcessParts & Pick<ProcessOptions, 'documents'>,
  unit: Unit,
  draft: Draft,
  known: KnownPersons,
  snapshot: Snapshot,
): Changes & { persons: NonNullable<Changes['persons']> } {
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
  documents: ProcessOptions['documents'],
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
