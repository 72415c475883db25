/**
 * The stages of one message, in order, on one page:
 * decode, repair, parse, check -> map (`toRecord`) -> identify (here) -> merge into the record -> one commit.
 *
 * The first half is pure ({@link understand}); the second reads a snapshot and returns plain Changes. A crash repeats a job and never
 * its effect, because the effect and 'done' are one commit.
 */
import type { Fault } from '../schemas/errors/index.ts';
import { catalogue, MixError } from '../schemas/errors/index.ts';
import type { Changes, Clock, Identifier, Job, KeptMessage, Log, Person, Store } from '../schemas/parts.ts';
import { chooseProfile } from '../schemas/vendors/profile.ts';
import type { Compute, Elsewhere, MergeOrder } from './compute.ts';
import { type DocumentTimes, type RecordChanges, recordChanges, type Snapshot, stepsOf } from './effect.ts';
import { identify, type KnownPersons, keyOfIdentifier, lookUpPersons } from './identify.ts';
import { clearIncomplete, markIncomplete } from './incomplete.ts';
import { addMerges } from './merge.ts';
import { type Draft, wantedKeys } from './record/index.ts';
import { isWarning, type SourceSetup, type Understood, understand } from './understand.ts';

export interface ProcessOptions {
  /** MSH-11 that this node's record takes: P on a production node. */
  processing: string;
  documents: DocumentTimes;
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
  /** Understands and merges in a thread of its own; without it all is done here. */
  compute?: Compute | undefined;
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
  /** Its draft waits in the compute thread under this number. */
  elsewhere?: Elsewhere;
}

/** Processes leased jobs together: one look-up for all, one commit each in a shared group. */
export async function processJobs(parts: ProcessParts, options: ProcessOptions, jobs: Job[]): Promise<void> {
  const messages = await parts.store.messagesOf(jobs.map((job) => job.subject));
  const units = await makeUnits(parts, jobs, messages);
  const known = await lookUpPersons(parts.store, identifiersOf(units));
  const snapshot = await loadSnapshot(parts.store, units, known);
  const made = await mergeElsewhere(parts, units, known, snapshot);
  await Promise.all(units.map((unit) => finish(parts, options, unit, known, snapshot, made.get(unit))));
}

/** Fewer messages than this are sooner understood here than handed over. */
const HANDED_OVER_MIN = 8;

async function makeUnits(parts: ProcessParts, jobs: Job[], messages: KeptMessage[]): Promise<Unit[]> {
  const open: { job: Job; message: KeptMessage; source: SourceSetup }[] = [];
  const units: Unit[] = [];
  jobs.forEach((job, at) => {
    const message = messages[at]!;
    const source = parts.source(message.sourceId);
    const understood = source === undefined ? unknownSource(message) : parts.takeUnderstood(message.id);
    if (understood !== undefined || source === undefined)
      units.push({ job, message, understood: understood ?? unknownSource(message) });
    else open.push({ job, message, source });
  });
  const { compute } = parts;
  const handed =
    compute && open.length >= HANDED_OVER_MIN
      ? await compute.understand(open.map(({ job, message }) => ({ job, message })))
      : undefined;
  open.forEach(({ job, message, source }, at) => {
    const one = handed?.[at];
    if (one === undefined) units.push({ job, message, understood: understandAgain(message, source) });
    else if ('understood' in one) units.push({ job, message, understood: one.understood });
    else units.push({ job, message, understood: { faults: one.faults, notes: [], terms: [] }, elsewhere: one });
  });
  return units;
}

function unknownSource(message: KeptMessage): Understood {
  return { faults: [{ code: 'record.unknown-source', detail: message.sourceId }], notes: [], terms: [] };
}

/** The changes of the units whose draft waits in the compute thread. */
async function mergeElsewhere(
  parts: ProcessParts,
  units: Unit[],
  known: KnownPersons,
  snapshot: Snapshot,
): Promise<Map<Unit, RecordChanges>> {
  const waiting = units.filter((unit) => unit.elsewhere !== undefined);
  if (waiting.length === 0 || parts.compute === undefined) return new Map();
  const orders = waiting.map(({ elsewhere }) => orderOf(elsewhere!, known, snapshot));
  const made = (await parts.compute.merge(orders, parts.clock.now())) ?? [];
  return new Map(waiting.flatMap((unit, at) => (made[at] ? [[unit, made[at]]] : [])));
}

function orderOf(elsewhere: Elsewhere, known: KnownPersons, snapshot: Snapshot): MergeOrder {
  const order: MergeOrder = { draft: elsewhere.draft, known: [], persons: [] };
  for (const { identifiers } of elsewhere.subjects) {
    for (const one of identifiers) {
      const key = keyOfIdentifier(one);
      const holder = known.get(key);
      if (holder !== undefined) order.known.push([key, holder]);
    }
    const { personId } = identify(identifiers, known);
    if (personId === undefined) continue;
    const person = snapshot.persons.get(personId);
    order.persons.push({ id: personId, person, entries: [...(snapshot.entries.get(personId)?.values() ?? [])] });
  }
  return order;
}

function understandAgain(message: KeptMessage, source: SourceSetup): Understood {
  return understand(message, source, chooseProfile(source.profile, message.facts));
}

function subjectsOf({ elsewhere, understood }: Unit): Elsewhere['subjects'] {
  if (elsewhere) return elsewhere.subjects;
  return (understood.draft?.subjects ?? []).map((subject) => ({
    identifiers: subject.identifiers,
    keys: wantedKeys(subject),
  }));
}

function* identifiersOf(units: Unit[]): Iterable<Identifier> {
  for (const unit of units) {
    const { understood } = unit;
    for (const subject of subjectsOf(unit)) yield* subject.identifiers;
    yield* understood.about ?? [];
    for (const merge of understood.draft?.merges ?? []) {
      yield* merge.survivor;
      yield* merge.retired;
    }
  }
}

async function loadSnapshot(store: Store, units: Unit[], known: KnownPersons): Promise<Snapshot> {
  const wanted = new Map<string, Set<string>>();
  for (const unit of units) {
    for (const subject of subjectsOf(unit)) {
      const { personId } = identify(subject.identifiers, known);
      if (personId === undefined) continue;
      const keys = wanted.get(personId) ?? new Set<string>();
      for (const key of subject.keys) keys.add(key);
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
  made: RecordChanges | undefined,
): Promise<void> {
  const { store } = parts;
  for (let race = 0; ; race += 1) {
    try {
      if (made === undefined) bringHere(parts, unit);
      const changes = await (made
        ? clearIncomplete(store, made, unit.message, snapshot.persons)
        : changesOf(parts, options, unit, known, snapshot));
      const about = { message: unit.message, understood: unit.understood, before: snapshot.persons };
      await store.commit(parts.addOnward?.(changes, about) ?? changes);
      parts.answered(unit.message.id, changes.message?.faults ?? []);
      return;
    } catch (cause) {
      const code = cause instanceof MixError ? cause.fault.code : undefined;
      if (code === 'store.fenced') return;
      if (code === 'store.conflict' && race < options.racesMax) {
        // Somebody else changed the person between our read and our write: read again what is true now.
        made = undefined;
        bringHere(parts, unit);
        known = await lookUpPersons(store, identifiersOf([unit]));
        snapshot = await loadSnapshot(store, [unit], known);
        continue;
      }
      await putOff(parts, unit, cause);
      return;
    }
  }
}

/** Understands here what the compute thread could not bring to its end. */
function bringHere(parts: ProcessParts, unit: Unit): void {
  const source = unit.elsewhere && parts.source(unit.message.sourceId);
  delete unit.elsewhere;
  if (source) unit.understood = understandAgain(unit.message, source);
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
  const changes = recordChanges({ ...parts, documents: options.documents }, unit, draft, known, snapshot);
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
