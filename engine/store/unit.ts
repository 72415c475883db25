/**
 * A unit of work on its way to the writer: everything that can be computed before the transaction (sealing, tokens, packing)
 * is computed here, once, so that the lane only joins rows.
 */

import type { Fault } from '../../schemas/errors/index.ts';
import type {
  AuditEntry,
  Changes,
  Delivery,
  Entry,
  Job,
  KeptMessage,
  Person,
  Seal,
  SearchTerm,
  StoredDocument,
  User,
} from '../../schemas/parts.ts';
import { type EntryFacts, factsOfEntry, isStrong, textOfEntry, textOfPerson } from '../record/index.ts';
import { dayKey, dayOf, idToKey, joinPieces, packBody, personKey } from './codec.ts';
import type { Value } from './database.ts';
import { type IndexUnit, makeIndexUnit } from './index-unit.ts';
import { foldNumber, indexWords } from './words.ts';

/** Domains of tokens; one more keeps equal texts of two uses apart. */
export const domains = {
  identity: 'identity',
  identifier: 'identifier',
  entry: 'entry',
  job: 'job',
  messageWords: 'message',
  personWords: 'person',
  personTerms: 'person-terms',
} as const;

export interface JobUnit {
  id: string;
  kind: Job['kind'];
  subject: string;
  keys: string[];
  dueAt: number;
  latestAt: number | undefined;
}

export interface KeepUnit {
  message: KeptMessage;
  id: Buffer;
  /** Token of source and identity; undefined where there is no identity to compare. */
  token: Buffer | undefined;
  digest: Buffer;
  identityIsUnique: boolean;
  day: number;
  /** Sealed body for a message without, and one with the conflict mark made when it is needed. */
  body: Buffer;
  words: string;
  job: JobUnit | undefined;
}

export interface PersonUnit {
  person: Person;
  /** What is sealed: numbers and patient as JSON. */
  text: string;
  /** Row number, set when the unit is planned. */
  seq: number;
  id: Buffer;
  expect: number;
  tokens: Buffer[];
  /** Made only where they changed. */
  words(): string;
  /** Keyed, of the texts that the words are made of. */
  wordsHash: Buffer;
  body: Buffer;
}

export interface EntryUnit {
  id: Buffer;
  expect: number;
  facts: EntryFacts;
  /** What is sealed: key, body and origin as JSON. */
  text: string;
  row: Value[];
}

export interface CommitUnit {
  jobDone: Changes['jobDone'];
  jobParked: Changes['jobParked'];
  jobRetry: Changes['jobRetry'];
  parkedSettled: { id: string; subject: Buffer } | undefined;
  jobsNew: JobUnit[];
  persons: PersonUnit[];
  identifiersGone: { person: Buffer; token: Buffer }[];
  entries: EntryUnit[];
  /** Versions that this unit itself overtook. */
  entryVersions: Value[][];
  documents: { id: string; personId: string; replaces: Buffer | undefined; row: Value[] }[];
  documentStates: { id: string; key: Buffer; state: StoredDocument['state'] }[];
  deliveries: DeliveryUnit[];
  received: { id: Buffer; row: Value[] } | undefined;
  index: IndexUnit | undefined;
  message: { id: Buffer; text: string; state: KeptMessage['state']; persons: Buffer[]; words: string } | undefined;
  outcomes: { message: Buffer; day: number; body: Buffer }[];
  notCarried: NonNullable<Changes['notCarried']>;
  audit: AuditUnit[];
  /** Persons whose pages show something else now: what is known of them, or what waits for a person to decide about them. */
  personIds: string[];
}

export interface DeliveryUnit {
  id: Buffer;
  outlet: string;
  state: Delivery['state'];
  sentAt: number;
  row: Value[];
}

export interface AuditUnit {
  entry: AuditEntry;
  day: number;
  person: Buffer | null;
  body: Buffer;
}

/** Row name of an entry's body: the version is part of it, so that an old body can not stand in for a new one. */
export function entryRow(id: string, version: number): string {
  return `${id}/${version}`;
}

/** Text that a number is found by. */
export function identifierText(system: string, value: string): string {
  return `${system}|${foldNumber(value)}`;
}

const takenAsToken = /^=[A-Za-z0-9_-]{16}$/;

/** Tokens of a job's keys as latin1; a key given as `=token` is one already. */
export function jobKeys(seal: Seal, keys: readonly string[]): string[] {
  const unique = [...new Set(keys)];
  if (unique.length === 0) return [];
  const tokens = seal.tokens(domains.job, unique);
  return [
    ...new Set(
      unique.map((key, i) =>
        takenAsToken.test(key)
          ? Buffer.from(key.slice(1), 'base64url').toString('latin1')
          : tokens.toString('latin1', i * 12, i * 12 + 12),
      ),
    ),
  ];
}

export function makeJobUnit(seal: Seal, job: Omit<Job, 'attempts' | 'fence'>): JobUnit {
  return {
    id: job.id,
    kind: job.kind,
    subject: job.subject,
    keys: jobKeys(seal, job.keys),
    dueAt: job.dueAt,
    latestAt: job.latestAt,
  };
}

export function makeKeepUnit(
  seal: Seal,
  message: KeptMessage,
  terms: readonly SearchTerm[],
  job: Omit<Job, 'attempts' | 'fence'> | null,
  identityIsUnique: boolean,
): KeepUnit {
  const day = dayOf(message.receivedAt);
  const head: MessageHead = {
    version: message.version,
    charset: message.charset,
    facts: message.facts,
    faults: message.faults,
    identity: message.identity,
  };
  if (message.correctedOf !== undefined) head.correctedOf = message.correctedOf;
  const packed = packBody(joinPieces([Buffer.from(JSON.stringify(head)), message.bytes, message.ack, message.digest]));
  const compared = message.identity !== '' && message.correctedOf === undefined;
  return {
    message,
    id: idToKey(message.id),
    token: compared ? seal.token(domains.identity, `${message.sourceId}|${message.identity}`) : undefined,
    digest: Buffer.from(message.digest.subarray(0, 16)),
    identityIsUnique,
    day,
    body: seal.seal(dayKey(day), 'message_bodies', message.id, packed),
    words: indexWords(seal, domains.messageWords, terms),
    job: job ? makeJobUnit(seal, job) : undefined,
  };
}

/** What stands in a message's sealed body before its bytes. */
export interface MessageHead {
  version: string;
  charset: string;
  facts: KeptMessage['facts'];
  faults: Fault[];
  identity: string;
  correctedOf?: string;
}

/** What stands in a message's sealed outcome. */
export interface OutcomeBody {
  faults?: Fault[];
  personIds?: string[];
  /** Id, type, version: without names, because there is a row of them a message. */
  wrote?: [string, string, number][];
  notCarried?: string[];
  /** Time, step, detail. */
  steps: ([number, string] | [number, string, string])[];
  /** The run said what became of the message; without it there are only steps. */
  settled: boolean;
}

export function makeCommitUnit(seal: Seal, changes: Changes, now: number): CommitUnit {
  const { entries, entryVersions } = entryUnits(seal, changes.entries ?? []);
  return {
    jobDone: changes.jobDone,
    jobParked: changes.jobParked,
    jobRetry: changes.jobRetry,
    parkedSettled:
      changes.parkedSettled === undefined
        ? undefined
        : { id: changes.parkedSettled, subject: idToKey(changes.parkedSettled) },
    jobsNew: (changes.jobsNew ?? []).map((job) => makeJobUnit(seal, job)),
    persons: (changes.persons ?? []).map((one) => personUnit(seal, one)),
    identifiersGone: (changes.identifiersGone ?? []).map((gone) => ({
      person: idToKey(gone.personId),
      token: seal.token(domains.identifier, identifierText(gone.system, gone.value)),
    })),
    entries,
    entryVersions,
    documents: (changes.documents ?? []).map((document) => documentUnit(seal, document)),
    documentStates: (changes.documentStates ?? []).map(({ id, state }) => ({ id, key: idToKey(id), state })),
    deliveries: [...new Map((changes.deliveries ?? []).map((one) => [one.id, one])).values()].map(deliveryUnit),
    received: changes.received && receivedUnit(seal, changes.received, now),
    index: changes.index && makeIndexUnit(seal, changes.index),
    message: changes.message && {
      id: idToKey(changes.message.id),
      text: changes.message.id,
      state: changes.message.state,
      persons: (changes.message.personIds ?? []).map(idToKey),
      words: changes.message.terms ? indexWords(seal, domains.messageWords, changes.message.terms) : '',
    },
    outcomes: outcomeUnits(seal, changes, now),
    notCarried: changes.notCarried ?? [],
    audit: (changes.audit ?? []).map((entry) => auditUnit(seal, entry)),
    personIds: [
      ...new Set([
        ...(changes.persons ?? []).map((one) => one.person.id),
        ...(changes.index?.items ?? []).map(({ item }) => item.personId),
      ]),
    ],
  };
}

function personUnit(seal: Seal, given: { person: Person; expect: number; terms: SearchTerm[] }): PersonUnit {
  const { person } = given;
  // Only numbers that name one person are held by one person; a social security number may stand at two.
  const naming = person.state === 'active' ? person.identifiers.filter(isStrong) : [];
  const texts = naming.map((one) => identifierText(one.system, one.value));
  const tokens = seal.tokens(domains.identifier, texts);
  const text = textOfPerson(person);
  const body = packBody([Buffer.from(text)]);
  return {
    person,
    text,
    seq: 0,
    id: idToKey(person.id),
    expect: given.expect,
    tokens: texts.map((_, i) => tokens.subarray(i * 12, i * 12 + 12)),
    words: () => indexWords(seal, domains.personWords, given.terms),
    wordsHash: seal.token(domains.personTerms, JSON.stringify(given.terms)),
    body: seal.seal(personKey(person.id), 'persons', entryRow(person.id, person.version), body),
  };
}

function entryUnits(
  seal: Seal,
  given: NonNullable<Changes['entries']>,
): { entries: EntryUnit[]; entryVersions: Value[][] } {
  const tokens = seal.tokens(
    domains.entry,
    given.map(({ entry }) => entry.key),
  );
  const byId = new Map<string, EntryUnit>();
  const entryVersions: Value[][] = [];
  given.forEach(({ entry, expect }, i) => {
    const text = textOfEntry(entry);
    const row = entryValues(seal, entry, tokens.subarray(i * 12, i * 12 + 12), text);
    const earlier = byId.get(entry.id);
    if (earlier) entryVersions.push(earlier.row);
    byId.set(entry.id, {
      id: row[0] as Buffer,
      expect: earlier ? earlier.expect : expect,
      facts: factsOfEntry(entry),
      text,
      row,
    });
  });
  return { entries: [...byId.values()], entryVersions };
}

function entryValues(seal: Seal, entry: Entry, key: Buffer, text: string): Value[] {
  const packed = packBody([Buffer.from(text)]);
  const body = seal.seal(personKey(entry.personId), 'entries', entryRow(entry.id, entry.version), packed);
  return [
    idToKey(entry.id),
    idToKey(entry.personId),
    key,
    entry.type,
    entry.version,
    entry.status,
    entry.code,
    entry.sourceId,
    idToKey(entry.messageId),
    entry.sourceTime,
    entry.removed ? 1 : 0,
    body,
  ];
}

function documentUnit(seal: Seal, document: StoredDocument): CommitUnit['documents'][number] {
  const packed = packBody(joinPieces([document.bytes, document.signature]));
  const replaces = document.replaces === undefined ? undefined : idToKey(document.replaces);
  return {
    id: document.id,
    personId: document.personId,
    replaces,
    row: [
      idToKey(document.id),
      idToKey(document.personId),
      document.setId,
      document.version,
      replaces ?? null,
      document.state,
      document.createdAt,
      document.personVersion,
      document.sha256,
      seal.seal(personKey(document.personId), 'documents', document.id, packed),
    ],
  };
}

function deliveryUnit(delivery: Delivery): DeliveryUnit {
  const id = idToKey(delivery.id);
  return {
    id,
    outlet: delivery.outlet,
    state: delivery.state,
    sentAt: delivery.lastAt ?? delivery.createdAt,
    row: [
      id,
      delivery.outlet,
      delivery.kind,
      idToKey(delivery.thing),
      delivery.personId === undefined ? null : idToKey(delivery.personId),
      delivery.state,
      delivery.createdAt,
      delivery.attempts,
      delivery.lastAt ?? null,
      delivery.nextAt ?? null,
      delivery.fault ? JSON.stringify(delivery.fault) : null,
      delivery.receipt ?? null,
    ],
  };
}

function receivedUnit(seal: Seal, given: NonNullable<Changes['received']>, now: number): CommitUnit['received'] {
  const id = idToKey(given.id);
  const day = dayOf(now);
  return { id, row: [id, given.from, day, seal.seal(dayKey(day), 'received', given.id, packBody([given.answer]))] };
}

function outcomeUnits(seal: Seal, changes: Changes, now: number): CommitUnit['outcomes'] {
  const bodies = new Map<string, OutcomeBody>();
  const { message } = changes;
  if (message) {
    const body: OutcomeBody = { steps: [], settled: true };
    if (message.faults?.length) body.faults = message.faults;
    if (message.personIds?.length) body.personIds = message.personIds;
    if (message.wrote?.length) body.wrote = message.wrote.map((one) => [one.id, one.type, one.version]);
    if (message.notCarried?.length) body.notCarried = message.notCarried;
    bodies.set(message.id, body);
  }
  for (const { messageId, at, step, detail } of changes.steps ?? []) {
    const body = bodies.get(messageId) ?? { steps: [], settled: false };
    body.steps.push(detail === undefined ? [at, step] : [at, step, detail]);
    bodies.set(messageId, body);
  }
  const day = dayOf(now);
  return [...bodies].map(([id, body]) => ({
    message: idToKey(id),
    day,
    body: seal.seal(dayKey(day), 'message_outcomes', id, packBody([Buffer.from(JSON.stringify(body))])),
  }));
}

function auditUnit(seal: Seal, entry: AuditEntry): AuditUnit {
  const day = dayOf(entry.at);
  const detail = Buffer.from(JSON.stringify([entry.what, entry.thing ?? null, entry.reason ?? null]));
  return {
    entry,
    day,
    person: entry.personId === undefined ? null : idToKey(entry.personId),
    // The row's number is not known before its group is written; the hash chain binds the body to its place.
    body: seal.seal(dayKey(day), 'audit', `${entry.at}`, packBody([detail])),
  };
}

export function userBody(seal: Seal, user: User): Buffer {
  return seal.seal('tenant', 'users', user.id, packBody([Buffer.from(JSON.stringify(user))]));
}

export function nodeValueBody(seal: Seal, name: string, value: Buffer): Buffer {
  return seal.seal('tenant', 'node_values', name, packBody([value]));
}
