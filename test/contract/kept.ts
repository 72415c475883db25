/** What the contract suites of the store put into it: messages, jobs, persons, entries, deliveries and documents of nobody. */
import { createHash } from 'node:crypto';
import type { Observation } from '@medplum/fhirtypes';
import { expect } from 'vitest';
import type { Changes, Delivery, Entry, Job, KeptMessage, Person, Store, StoredDocument } from '../../schemas/parts.ts';

export interface OpenForTest {
  store: Store;
  /** Time stands still until it is set. */
  setTime(now: number): void;
  /** Closes and opens the same data again. */
  reopen(): Promise<Store>;
}

export const startOfTests = Date.UTC(2026, 10, 23, 12);

let serial = 0;
/** Ids in the order of their making. */
export function testId(): string {
  serial++;
  return `019a0000-0000-7000-8000-${serial.toString(16).padStart(12, '0')}`;
}

export function testMessage(given: Partial<KeptMessage> & { text?: string } = {}): KeptMessage {
  const bytes = Buffer.from(
    given.text ?? `MSH|^~\\&|LAB|GEN|||20261123||ADT^A01|C${serial}|P|2.5\rPID|1||MR${serial}\r`,
  );
  const id = given.id ?? testId();
  const message: KeptMessage = {
    id,
    sourceId: 'meditech',
    receivedAt: startOfTests,
    state: 'kept',
    type: 'ADT^A01',
    version: '2.5',
    processing: 'P',
    bytes,
    charset: 'utf-8',
    facts: {
      controlId: `C${id.slice(-6)}`,
      sendingApplication: 'LAB',
      sendingFacility: 'GEN',
      patientNumbers: ['MR1^GEN'],
    },
    ackCode: 'AA',
    ack: Buffer.from(`MSA|AA|${id}`),
    faults: [],
    digest: createHash('sha256').update(bytes).digest().subarray(0, 16),
    identity: `LAB|GEN|${id}`,
  };
  const { text, ...rest } = given;
  return { ...message, ...rest };
}

export function testJob(subject: string, keys: string[], given: Partial<Job> = {}): Omit<Job, 'attempts' | 'fence'> {
  return { id: testId(), kind: 'process', subject, keys, dueAt: 0, ...given };
}

export function testPerson(given: Partial<Person> = {}): Person {
  const id = given.id ?? testId();
  return {
    id,
    version: 1,
    state: 'active',
    createdAt: startOfTests,
    updatedAt: startOfTests,
    incomplete: false,
    identifiers: [{ system: 'urn:oid:1.2.3', value: `MR-${id}`, type: 'MR', sourceId: 'meditech' }],
    patient: { resourceType: 'Patient', id, name: [{ family: 'Quackenbush', given: ['Zo\u00eb'] }] },
    ...given,
  };
}

export function testEntry(personId: string, key: string, given: Partial<Entry> = {}): Entry {
  const id = given.id ?? testId();
  const body: Observation = {
    resourceType: 'Observation',
    id,
    status: 'final',
    code: { text: 'Glucose' },
    valueString: key,
  };
  return {
    id,
    personId,
    type: 'Observation',
    key,
    version: 1,
    status: 'final',
    code: 'http://loinc.org|1554-5',
    sourceId: 'meditech',
    messageId: testId(),
    sourceTime: startOfTests,
    removed: false,
    body,
    ...given,
  };
}

export function testDelivery(given: Partial<Delivery> = {}): Delivery {
  return {
    id: testId(),
    outlet: 'region',
    kind: 'feed',
    thing: testId(),
    state: 'waiting',
    createdAt: startOfTests,
    attempts: 0,
    ...given,
  };
}

export function testDocument(personId: string): StoredDocument {
  return {
    id: testId(),
    personId,
    setId: 'set-1',
    version: 1,
    state: 'current',
    createdAt: startOfTests,
    personVersion: 1,
    bytes: Buffer.alloc(9000, 'ccd '),
    signature: Buffer.from('<Signature/>'),
    sha256: 'ab',
  };
}

export function refused(code: string): object {
  return expect.objectContaining({ fault: expect.objectContaining({ code }) });
}

/** Keeps a message with its job. */
export async function keepWithJob(
  store: Store,
  keys: string[],
  given: Parameters<typeof testMessage>[0] = {},
): Promise<KeptMessage> {
  const message = testMessage(given);
  await store.keep(message, [], testJob(message.id, keys), { identityIsUnique: false });
  return message;
}

/** A person with entries, found by name and number, in one unit. */
export async function put(
  store: Store,
  person: Person,
  entries: Entry[] = [],
  more: Partial<Changes> = {},
): Promise<void> {
  await store.commit({
    persons: [
      {
        person,
        expect: person.version - 1,
        terms: [
          { field: 'name', text: 'Quackenbush Zo\u00eb' },
          { field: 'number', text: person.identifiers[0]?.value ?? '' },
        ],
      },
    ],
    entries: entries.map((entry) => ({ entry, expect: entry.version - 1 })),
    ...more,
  });
}
