/**
 * Hands batches of messages to a compute thread (`worker.ts`): it reads and maps them, keeps their drafts, and merges them into what the
 * record knows, while this thread takes in, seals and commits. A message alone costs more to hand over than to understand; a batch does not.
 */
import { Worker } from 'node:worker_threads';
import type { Fault } from '../schemas/errors/index.ts';
import type { Entry, Identifier, Job, KeptMessage, Log, Person } from '../schemas/parts.ts';
import type { DocumentTimes, Effect, RecordChanges } from './effect.ts';
import {
  type EntryFacts,
  entryOfText,
  factsOfEntry,
  factsOfPerson,
  type PersonFacts,
  personOfText,
  textOfEntry,
  textOfPerson,
} from './record/index.ts';
import type { SourceSetup, Understood } from './understand.ts';

/** A draft that waits in the compute thread, and what it wants to know of the record. */
export interface Elsewhere {
  draft: number;
  faults: Fault[];
  subjects: { identifiers: Identifier[]; keys: string[] }[];
}

/** What is known for one draft: holders by `system|value`, and the persons with the entries that were asked for. */
export interface MergeOrder {
  draft: number;
  known: [string, string][];
  persons: { id: string; person: Person | undefined; entries: Entry[] }[];
}

export interface Compute {
  /** In the order given; what has no effect on the record, or joins persons, comes back whole. Undefined when the thread failed. */
  understand(
    messages: { job: Job; message: KeptMessage }[],
  ): Promise<(Elsewhere | { understood: Understood })[] | undefined>;
  /** The changes of each order; undefined where (or when) it failed. Every draft is forgotten after it. */
  merge(orders: MergeOrder[], now: number): Promise<(RecordChanges | undefined)[] | undefined>;
  close(): Promise<void>;
}

/** What the thread is told once. */
export interface ThreadSettings {
  setups: SourceSetup[];
  documents: DocumentTimes;
  processing: string;
}

/** Texts and facts of entries and persons as they travel. */
export type SentEntry = [EntryFacts, string];
export type SentPerson = [PersonFacts, string];

export type Question =
  | {
      number: number;
      messages: { start: number; end: number; effect: Omit<Effect, 'understood'>; head: SentHead }[];
      bytes: Uint8Array<ArrayBuffer>;
    }
  | { number: number; orders: SentOrder[]; now: number };

export interface SentHead {
  processing: string;
  sendingApplication: string;
  sendingFacility: string;
}

export interface SentOrder {
  draft: number;
  known: [string, string][];
  persons: { id: string; person: SentPerson | undefined; entries: SentEntry[] }[];
}

/** Changes whose persons and entries are told by their texts. */
export interface SentChanges {
  changes: Omit<RecordChanges, 'persons' | 'entries'>;
  persons: {
    person: SentPerson;
    identifiers: Identifier[];
    expect: number;
    terms: RecordChanges['persons'][number]['terms'];
  }[];
  entries: { entry: SentEntry; expect: number }[];
}

export type Answer =
  | { number: number; understood: (Elsewhere | { understood: Understood })[] }
  | { number: number; changes: (SentChanges | undefined)[] };

/** A thread that outgrows it ends, and its work is done here. With 16 MB for the young, collecting them was 18 % of it. */
const resourceLimits = { maxOldGenerationSizeMb: 512 };

/** Batches that may be with the thread; more are done here. */
const openMax = 16;

/** Starts the thread at the first batch. When it fails, its batches are told undefined, and a new one is started for the next. */
export function createCompute(settings: ThreadSettings, log: Log): Compute {
  let thread: Worker | undefined;
  let number = 0;
  const open = new Map<number, (answer: Answer | undefined) => void>();

  function lose(lost: Worker, cause: unknown): void {
    if (thread !== lost) return;
    thread = undefined;
    log.error({ name: cause instanceof Error ? cause.name : 'exit' }, 'the compute thread ended');
    for (const settle of [...open.values()]) settle(undefined);
    open.clear();
  }

  function started(): Worker {
    if (thread) return thread;
    const ending = import.meta.url.endsWith('.ts') ? 'ts' : 'js';
    const made = new Worker(new URL(`./worker.${ending}`, import.meta.url), {
      workerData: settings,
      resourceLimits,
    });
    made.on('message', (answer: Answer) => {
      open.get(answer.number)?.(answer);
      open.delete(answer.number);
    });
    made.on('error', (cause) => lose(made, cause));
    made.on('exit', () => lose(made, undefined));
    made.unref();
    thread = made;
    return made;
  }

  function ask(question: Question, transfer: ArrayBuffer[]): Promise<Answer | undefined> {
    const worker = started();
    return new Promise((resolve) => {
      open.set(question.number, resolve);
      worker.postMessage(question, transfer);
    });
  }

  return {
    async understand(messages) {
      if (open.size >= openMax) return undefined;
      number += 1;
      const question = questionOf(number, messages);
      const answer = await ask(question, [question.bytes.buffer]);
      return answer && 'understood' in answer ? answer.understood : undefined;
    },
    async merge(orders, now) {
      if (thread === undefined) return undefined;
      number += 1;
      const answer = await ask({ number, orders: orders.map(sentOrder), now }, []);
      return answer && 'changes' in answer ? answer.changes.map((one) => one && changesOfSent(one)) : undefined;
    },
    async close() {
      const ending = thread;
      thread = undefined;
      await ending?.terminate();
    },
  };
}

type UnderstandQuestion = Extract<Question, { messages: unknown }>;

function questionOf(number: number, given: { job: Job; message: KeptMessage }[]): UnderstandQuestion {
  let length = 0;
  for (const { message } of given) length += message.bytes.length;
  const bytes = new Uint8Array(length);
  let at = 0;
  const messages = given.map(({ job, message }) => {
    const start = at;
    bytes.set(message.bytes, start);
    at += message.bytes.length;
    const { id, sourceId, receivedAt, ackCode, processing } = message;
    const { sendingApplication, sendingFacility } = message.facts;
    return {
      start,
      end: at,
      effect: { job: { id: job.id, fence: job.fence }, message: { id, sourceId, receivedAt, ackCode } },
      head: { processing, sendingApplication, sendingFacility },
    };
  });
  return { number, messages, bytes };
}

function sentOrder({ draft, known, persons }: MergeOrder): SentOrder {
  return {
    draft,
    known,
    persons: persons.map(({ id, person, entries }) => ({
      id,
      person: person && [factsOfPerson(person), textOfPerson(person)],
      entries: entries.map((entry) => [factsOfEntry(entry), textOfEntry(entry)]),
    })),
  };
}

function changesOfSent({ changes, persons, entries }: SentChanges): RecordChanges {
  return {
    ...changes,
    persons: persons.map(({ person: [facts, text], identifiers, expect, terms }) => ({
      person: personOfText(facts, text, identifiers),
      expect,
      terms,
    })),
    entries: entries.map(({ entry: [facts, text], expect }) => ({ entry: entryOfText(facts, text), expect })),
  };
}
