/** The compute thread: understands messages and merges them into the record. No store, no keys; see `compute.ts`. */
import { parentPort, workerData } from 'node:worker_threads';
import { chooseProfile } from '../schemas/vendors/profile.ts';
import type { Answer, Elsewhere, Question, SentChanges, SentOrder, ThreadSettings } from './compute.ts';
import { type Effect, hasNewFace, recordChanges, type Snapshot } from './effect.ts';
import { valueAt } from './hl7v2/index.ts';
import {
  entryOfText,
  factsOfEntry,
  factsOfPerson,
  personOfText,
  textOfEntry,
  textOfPerson,
  wantedKeys,
} from './record/index.ts';
import { isWarning, type Understood, understand } from './understand.ts';

const settings = workerData as ThreadSettings;
const setups = new Map(settings.setups.map((setup) => [setup.source.id, setup]));

/** Drafts that wait for what the record knows, oldest first. */
const drafts = new Map<number, Effect & { understood: Understood }>();
/** Many batches more than are ever under way: what is older was given up. */
const draftsMax = 8_192;
let nextDraft = 0;

parentPort?.on('message', (question: Question) => {
  const answer: Answer =
    'messages' in question
      ? { number: question.number, understood: question.messages.map((one) => understandOne(one, question.bytes)) }
      : { number: question.number, changes: question.orders.map((order) => mergeOne(order, question.now)) };
  parentPort?.postMessage(answer);
});

type Sent = Extract<Question, { messages: unknown }>['messages'][number];

function understandOne({ start, end, effect, head }: Sent, bytes: Uint8Array): Elsewhere | { understood: Understood } {
  const setup = setups.get(effect.message.sourceId)!;
  const own = Buffer.from(bytes.buffer, bytes.byteOffset + start, end - start);
  const { message: parsed, ...understood } = understand(
    { bytes: own, receivedAt: effect.message.receivedAt },
    setup,
    chooseProfile(setup.profile, head),
  );
  const { draft, faults } = understood;
  const plain =
    draft !== undefined &&
    draft.merges.length === 0 &&
    head.processing === settings.processing &&
    faults.every((fault) => isWarning(fault));
  // The message stays here; what its way onward is chosen by goes along.
  understood.patientClass = (parsed && valueAt(parsed, 'PV1-2')) ?? '';
  if (!plain) return { understood };
  nextDraft += 1;
  drafts.set(nextDraft, { ...effect, understood });
  for (const [oldest] of drafts) {
    if (drafts.size <= draftsMax) break;
    drafts.delete(oldest);
  }
  const subjects = draft.subjects.map((subject) => ({ identifiers: subject.identifiers, keys: wantedKeys(subject) }));
  return { draft: nextDraft, faults, subjects };
}

/** Undefined for what can't be merged: the other thread does it again and tells why. */
function mergeOne(order: SentOrder, now: number): SentChanges | undefined {
  const effect = drafts.get(order.draft);
  drafts.delete(order.draft);
  if (effect?.understood.draft === undefined) return undefined;
  const snapshot: Snapshot = { persons: new Map(), entries: new Map() };
  for (const { id, person, entries } of order.persons) {
    if (person) snapshot.persons.set(id, personOfText(...person));
    snapshot.entries.set(id, new Map(entries.map(([facts, text]) => [facts.key, entryOfText(facts, text)])));
  }
  const parts = { clock: { now: () => now }, documents: settings.documents };
  try {
    const made = recordChanges(parts, effect, effect.understood.draft, new Map(order.known), snapshot);
    const { persons, entries = [], ...changes } = made;
    const changed = persons.filter(({ person }) => hasNewFace(person, snapshot.persons.get(person.id)));
    const patientClass = effect.understood.patientClass ?? '';
    changes.faces = { changed: changed.map(({ person }) => person.id), patientClass };
    return {
      changes,
      persons: persons.map(({ person, expect, terms }) => ({
        person: [factsOfPerson(person), textOfPerson(person)],
        identifiers: person.identifiers,
        expect,
        terms,
      })),
      entries: entries.map(({ entry, expect }) => ({ entry: [factsOfEntry(entry), textOfEntry(entry)], expect })),
    };
  } catch {
    return undefined;
  }
}
