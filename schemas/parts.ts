/**
 * The interfaces between rooms. Plain shapes only: nothing here runs.
 *
 * Who makes what: `pki/seal.ts` makes a {@link Seal}; `engine/store` makes a {@link Store} out of a Seal and a
 * database; `adapters/mllp` and `adapters/http` make {@link Outlet}s; `adapters/node.ts` puts them together.
 */
import type { Resource } from '@medplum/fhirtypes';
import type { Fault } from './errors/index.ts';
import type { IndexChanges, IndexStore } from './index-store.ts';
import type { Identifier, Page } from './shapes.ts';

export type { Identifier, Page } from './shapes.ts';

/** Now, in milliseconds since 1970-01-01T00:00:00Z. Injected so that tests can hold time still. */
export interface Clock {
  now(): number;
}

/** Where a node tells about itself. Patient data never goes in: ids, codes and counts only. */
export interface Log {
  info(facts: Record<string, unknown>, sentence: string): void;
  warn(facts: Record<string, unknown>, sentence: string): void;
  error(facts: Record<string, unknown>, sentence: string): void;
}

/**
 * Encryption at rest, row by row (AES-256-GCM, NIST SP 800-38D).
 *
 * Data keys are named: `person/<id>` (record and documents), `day/<YYYY-MM-DD>` (messages, journals) and `tenant`
 * (users, sources, settings). They are wrapped by the key-encryption key; wrapped keys live in the store's `keys` table.
 */
export interface Seal {
  /** Ciphertext of `plain` for one column of one row: nonce(12) | ciphertext | tag(16). Additional data: table, row, key name. */
  seal(keyName: string, table: string, row: string, plain: Uint8Array): Buffer;
  /** The plain bytes. Throws `seal.broken` when the tag does not hold, `seal.shredded` when the key was destroyed. */
  open(keyName: string, table: string, row: string, sealed: Uint8Array): Buffer;
  /** A keyed 12-byte token of a normalized text within a domain; equal texts of a domain give equal tokens. */
  token(domain: string, text: string): Buffer;
  /** {@link Seal.token} for many texts at once: 12 bytes each, one after another. */
  tokens(domain: string, texts: readonly string[]): Buffer;
  /** Wrapped data keys that were made since the last call: the store writes them in the same commit as the rows that use them. */
  takeNewKeys(): WrappedKey[];
  /** Called once at opening with every wrapped key of the store. */
  loadKeys(keys: WrappedKey[]): void;
}

export interface WrappedKey {
  name: string;
  wrapped: Buffer;
}

/** Where a message came from: one EMR interface of one hospital. */
export interface Source {
  id: string;
  /** Vendor profile (`schemas/vendors/<profile>.json`). */
  profile: string;
  /** OID that stands for the assigning authority when the message names none. */
  authority: string;
  facility: string;
}

export type MessageState =
  /** Kept and acknowledged; work is waiting. */
  | 'kept'
  /** Its effect is in the record. */
  | 'done'
  /** Kept and answered; nothing to map for this type. */
  | 'unmapped'
  /** Failed for good and waits for a human. */
  | 'parked'
  /** Same message again: got the stored answer, no second work. */
  | 'repeat'
  /** A human corrected it; the corrected copy was run in its place. */
  | 'corrected'
  /** Test or debugging traffic (MSH-11 T, D) on a production node: kept and answered, never in the record. */
  | 'test';

/** A message as accept keeps it. Times in ms since the epoch. */
export interface KeptMessage {
  id: string;
  sourceId: string;
  receivedAt: number;
  state: MessageState;
  /** `ADT^A01`, or `?` where MSH-9 can't be read. */
  type: string;
  /** MSH-12 as sent. */
  version: string;
  /** MSH-11: P, T or D. Test and debugging traffic never reaches a production record. */
  processing: string;
  /** The bytes as received, without the MLLP frame. */
  bytes: Buffer;
  /** MSH-18 or the source's default; the name iconv-lite knows. */
  charset: string;
  /** Facts for lists; sealed at rest. */
  facts: MessageFacts;
  /** Answer that was given (bytes of the ACK), and its code (AA, AE, AR, CA, CE, CR). */
  ackCode: string;
  ack: Buffer;
  faults: Fault[];
  /** SHA-256 of the bytes, first 16 bytes. */
  digest: Buffer;
  /** Text of the profile's identity fields (for instance MSH-3|4|10); the store keeps only its token. */
  identity: string;
  /** Set when this is a corrected copy of another message. */
  correctedOf?: string;
  /** Same identity as an earlier message but other bytes. */
  conflict?: boolean;
}

export interface MessageFacts {
  controlId: string;
  sendingApplication: string;
  sendingFacility: string;
  /** Patient numbers of PID-3, PID-18, MRG-1, as `id^authority` texts. */
  patientNumbers: string[];
  patientName?: string;
  /** MSH-7 as sent. */
  sentAt?: string;
}

/** What a search may ask for, with the texts that go into the index as tokens. */
export type SearchField = 'number' | 'name' | 'control' | 'accession' | 'type' | 'text' | 'birth';
export interface SearchTerm {
  field: SearchField;
  text: string;
}

/**
 * `feed` and `document` jobs are unique by person and slide until quiet; `deliver` jobs hold the order of `deliver|<outlet>|<person>`.
 * Their kind is `deliver/<outlet>` (`engine/deliveries.ts` makes them), so that an outlet at rest is left alone and costs nothing.
 */
export type JobKind = 'process' | 'document' | 'feed' | 'recall' | 'deliver' | `deliver/${string}`;

export interface Job {
  id: string;
  kind: JobKind;
  /** Message, person or delivery that the job is about. */
  subject: string;
  /** Every key whose order it holds (texts; the store keeps tokens). A job runs only when it is the oldest for all its keys. */
  keys: string[];
  dueAt: number;
  /** Latest time for a job that may be put off (document jobs are unique by person and slide until quiet). */
  latestAt?: number;
  attempts: number;
  /** Fencing token of the lease; a commit with an old one is refused. */
  fence: number;
  lastFault?: Fault;
  /** Parked in a way that holds back what shares its keys (a merge). */
  blocks?: boolean;
}

/** A resource of a person's record as stored. `body.id` is `id`. */
export interface Entry {
  id: string;
  personId: string;
  type: Resource['resourceType'];
  /** Natural key within the person, see engine/record. The store keeps only its token. */
  key: string;
  version: number;
  /** FHIR status of the resource where it has one (plain). */
  status: string;
  /** `system|code` of the main code (plain; codes identify nobody). */
  code: string;
  sourceId: string;
  messageId: string;
  /** When the source says it was so, for 'newer wins' (ms). */
  sourceTime: number;
  /** Set when the source deleted it or entered it in error; kept for its history. */
  removed: boolean;
  /** `OBX[3]`: segment of the message that it came from. */
  from?: string;
  body: Resource;
}

export interface Person {
  id: string;
  version: number;
  state: 'active' | 'merged';
  /** Survivor, when merged. */
  mergedInto?: string;
  createdAt: number;
  updatedAt: number;
  /** True when a parked message should have changed this record. */
  incomplete: boolean;
  identifiers: Identifier[];
  /** The FHIR Patient; `patient.id` is `id`. */
  patient: import('@medplum/fhirtypes').Patient;
}

export interface StoredDocument {
  id: string;
  personId: string;
  setId: string;
  version: number;
  replaces?: string;
  /** `deprecated`: of the wrong patient or withdrawn; every recipient is told. */
  state: 'current' | 'superseded' | 'deprecated';
  createdAt: number;
  /** Person version it was made from. */
  personVersion: number;
  bytes: Buffer;
  /** Detached signature (IHE DSG): an XMLDSig document. */
  signature: Buffer;
  sha256: string;
}

export type DeliveryKind =
  /** The person as this node knows them, upward (ITI-104). */
  | 'feed'
  /** A document's metadata and, by setting, the document, upward (ITI-65). */
  | 'document'
  /** X-PID and MIX number, downward (ITI-104). */
  | 'numbers'
  /** A document is withdrawn. */
  | 'withdraw'
  /** The numbers of a person changed, to a system that asked to hear of it (ITI-10). */
  | 'notice'
  /** A message passed on by a route. */
  | 'message';

/** One thing on its way to one outlet. Its id is known to the receiver, who does it once. Ids and codes only: nothing in it names a patient. */
export interface Delivery {
  id: string;
  /** Name of the peer or outlet. */
  outlet: string;
  kind: DeliveryKind;
  /** Person, document or message that is sent, as it is when it goes out. */
  thing: string;
  personId?: string;
  /** `superseded`: a newer one of the same thing took its place. `refused`: the policies did not permit it. */
  state: 'waiting' | 'sent' | 'parked' | 'superseded' | 'refused';
  createdAt: number;
  attempts: number;
  lastAt?: number;
  nextAt?: number;
  fault?: Fault;
  /** What the receiver said: a location, an ACK code. */
  receipt?: string;
}

export interface DeliveryQuery {
  outlet?: string;
  state?: Delivery['state'];
  kind?: DeliveryKind;
  personId?: string;
  thing?: string;
  cursor?: string;
  /** 1 to 500. */
  limit: number;
}

export interface OutletStats {
  outlet: string;
  waiting: number;
  parked: number;
  sent: number;
  /** Creation of the oldest that waits. */
  oldestAt?: number;
  lastSentAt?: number;
}

/** Fields that a map did not carry: counted by source, segment and field. */
export interface NotCarried {
  sourceId: string;
  /** `PID-26` */
  field: string;
  count: number;
}

/** One line of the way a message went, for its page. */
export interface MessageStep {
  messageId: string;
  at: number;
  step:
    | 'received'
    | 'kept'
    | 'acknowledged'
    | 'parsed'
    | 'mapped'
    | 'identified'
    | 'recorded'
    | 'published'
    | 'parked'
    | 'rerun'
    | 'corrected';
  detail?: string;
}

/**
 * Everything one unit of work wants to change. Written whole or not at all: the effect and 'done' are one commit.
 * `expect` on a row is the version it must still have; another one fails the unit with `store.conflict` and the job runs again.
 */
export interface Changes {
  jobDone?: { id: string; fence: number };
  jobParked?: { id: string; fence: number; fault: Fault /** keys stay and block (parked merge) */; blocks: boolean };
  jobRetry?: { id: string; fence: number; dueAt: number; fault: Fault };
  /** Message whose parked job a human settled (the corrected copy runs in its place): job and keys go. Nothing happens when none is parked. */
  parkedSettled?: string;
  jobsNew?: Omit<Job, 'attempts' | 'fence'>[];
  persons?: { person: Person; expect: number; terms: SearchTerm[] }[];
  /** Numbers that are no longer this person's (A40, corrections). */
  identifiersGone?: { personId: string; system: string; value: string }[];
  entries?: { entry: Entry; expect: number }[];
  documents?: StoredDocument[];
  /** Kept documents that change their state only. */
  documentStates?: { id: string; state: StoredDocument['state'] }[];
  /** New or changed deliveries, whole. */
  deliveries?: Delivery[];
  /** A delivery of another node that this unit takes in. Fails the unit with `store.received` when it was taken in before. */
  received?: { id: string; from: string /** Kept sealed, for a repeat. */; answer: Buffer };
  message?: {
    id: string;
    state: MessageState;
    faults?: Fault[];
    personIds?: string[];
    /** What a search for this message should find; given once, when the message was processed or parked. */
    terms?: SearchTerm[];
    /** Entries (ids with version) this message wrote. */
    wrote?: { id: string; type: string; version: number }[];
    notCarried?: string[];
  };
  /** Local records, links, work list and history of the patient index; only at region and global. */
  index?: IndexChanges;
  notCarried?: NotCarried[];
  steps?: MessageStep[];
  audit?: AuditEntry[];
}

export interface AuditEntry {
  at: number;
  /** Who asked: user id, source id, `node`. */
  who: string;
  action:
    | 'read'
    | 'search'
    | 'create'
    | 'update'
    | 'disclose'
    | 'sign-in'
    | 'sign-out'
    | 'rerun'
    | 'start'
    | 'stop'
    | 'refuse';
  /** `Permit` | `Deny`, or outcome of the act. */
  outcome: string;
  /** What kind of thing, and its id. */
  what: string;
  thing?: string;
  personId?: string;
  reason?: string;
}

export interface MessageQuery {
  sourceId?: string;
  state?: MessageState;
  type?: string;
  processing?: string;
  personId?: string;
  from?: number;
  to?: number;
  /** Terms that must all hold. A text of three letters or more also matches as the beginning of a word. */
  terms?: SearchTerm[];
  cursor?: string;
  /** 1 to 500. */
  limit: number;
}

export interface SourceStats {
  sourceId: string;
  lastAt?: number;
  total: number;
  parked: number;
  /** Messages in each of the last 60 minutes, oldest first. */
  perMinute: number[];
  notCarried: { field: string; count: number }[];
}

export interface User {
  id: string;
  name: string;
  roles: string[];
  /** scrypt hash; null until set. */
  secret: string;
  /** The password works once and must be replaced. */
  oneTime: boolean;
}

/** Answer of {@link Store.keep}. */
export interface Kept {
  outcome: 'kept' | 'repeat' | 'conflict';
  /** For a repeat: the stored answer and the first message's id. */
  first?: { id: string; ackCode: string; ack: Buffer };
}

/**
 * State of one tenant. All writing goes through one lane (group commit: what waits shares one transaction); reads use their own connections.
 * Every returned body is opened; every given one is sealed before it touches the database.
 */
export interface Store extends IndexStore {
  /** Keeps a message and its job in one durable commit. Resolves after the commit. Throws `store.full` / `store.busy` (retry) with nothing kept. */
  keep(
    message: KeptMessage,
    terms: SearchTerm[],
    job: Omit<Job, 'attempts' | 'fence'> | null,
    options: { identityIsUnique: boolean },
  ): Promise<Kept>;
  /** Writes one unit of work. Resolves after the commit; throws `store.conflict` or `store.fenced` for this unit only. */
  commit(changes: Changes): Promise<void>;

  /** Up to `limit` due jobs, each the oldest of all its keys, leased to this process. */
  lease(kinds: JobKind[], limit: number): Promise<Job[]>;
  /** Resolves when a job may be ready, or after `ms`. */
  waitForJobs(ms: number): Promise<void>;
  /** Puts a parked message's job back into the queue, with its original subject. */
  requeue(job: Omit<Job, 'attempts' | 'fence'>): Promise<void>;
  jobs(query: {
    state?: 'ready' | 'leased' | 'parked';
    kind?: JobKind;
    cursor?: string;
    limit: number;
  }): Promise<Page<Job & { state: string }>>;

  message(id: string): Promise<KeptMessage | undefined>;
  /** Many at once, in the order asked; for workers. */
  messagesOf(ids: string[]): Promise<KeptMessage[]>;
  messages(query: MessageQuery): Promise<Page<KeptMessage>>;
  steps(messageId: string): Promise<MessageStep[]>;
  /** Entries that a message wrote, and what it did not carry. */
  outcomeOf(
    messageId: string,
  ): Promise<{ personIds: string[]; wrote: { id: string; type: string; version: number }[]; notCarried: string[] }>;

  /** Persons that hold any of these identifiers (active ones; merged ones resolve to their survivor). Key: `system|value`. */
  personsByIdentifier(ids: { system: string; value: string }[]): Promise<Map<string, string>>;
  person(id: string): Promise<Person | undefined>;
  personsOf(ids: string[]): Promise<Map<string, Person>>;
  persons(query: { terms?: SearchTerm[]; cursor?: string; limit: number }): Promise<Page<Person>>;

  /** Entries of a person by natural keys; what is not there is not in the map. */
  entriesByKey(personId: string, keys: string[]): Promise<Map<string, Entry>>;
  /** {@link Store.entriesByKey} for many persons in few statements, in the order asked. */
  entriesByKeys(wanted: { personId: string; keys: string[] }[]): Promise<Map<string, Entry>[]>;
  /** Every live entry of a person (`removed` ones too when asked). At most `limit` (default 20,000). */
  entries(personId: string, options?: { removed?: boolean; limit?: number }): Promise<Entry[]>;
  /** The newest version of these entries, removed ones too; what is not there is not in the map. */
  entriesById(ids: string[]): Promise<Map<string, Entry>>;
  /** Earlier versions of an entry, newest first. */
  entryHistory(id: string): Promise<Entry[]>;

  document(id: string): Promise<StoredDocument | undefined>;
  documents(personId: string): Promise<Omit<StoredDocument, 'bytes' | 'signature'>[]>;

  delivery(id: string): Promise<Delivery | undefined>;
  /** Newest first. */
  deliveries(query: DeliveryQuery): Promise<Page<Delivery>>;
  outletStats(): Promise<OutletStats[]>;
  /** The answer that was given to this delivery of another node, if it was taken in. */
  receivedAnswer(id: string): Promise<Buffer | undefined>;

  sourceStats(): Promise<SourceStats[]>;
  counts(): Promise<{
    messages: number;
    persons: number;
    entries: number;
    documents: number;
    ready: number;
    parked: number;
    bytes: number;
  }>;

  user(id: string): Promise<User | undefined>;
  putUser(user: User): Promise<void>;

  audit(query: {
    personId?: string;
    who?: string;
    action?: string;
    from?: number;
    to?: number;
    cursor?: string;
    limit: number;
  }): Promise<Page<AuditEntry & { seq: number }>>;

  /** A small named value of the node itself (its certificate's id, the last start). Sealed. */
  getValue(name: string): Promise<Buffer | undefined>;
  putValue(name: string, value: Buffer): Promise<void>;

  /** Called with a sentence-free note after each commit, for live pages. Returns the way to stop. */
  onChange(listener: (note: ChangeNote) => void): () => void;
  /** Where several processes share the store: called with what the others changed only. It may miss some. Returns the way to stop. */
  onOthers?(listener: (note: ChangeNote) => void): () => void;
  close(): Promise<void>;
}

export interface ChangeNote {
  messages: { id: string; sourceId: string; state: MessageState; type: string }[];
  persons: string[];
  documents: string[];
}

/**
 * Tells the other processes on the same store that jobs may be ready, so that they need not ask. What is told may be lost: the store's rows
 * are the truth, and every process asks again in a while. Ids and kinds of jobs only, never patient data.
 */
export interface JobBell {
  ring(news: JobNews): void;
  /** Called for the news of other processes. Returns the way to stop. */
  onRing(listener: (news: JobNews) => void): () => void;
  close(): Promise<void>;
}

export interface JobNews {
  kinds: JobKind[];
  /** New jobs; at most 100 of them. */
  ids: string[];
}

/** A place that messages are passed on to: another system's MLLP port, a folder, an HTTP address. Opened by adapters. */
export interface Outlet {
  id: string;
  /**
   * Sends and waits for the receiver's word. Throws `outlet.unreachable` (retry), `outlet.refused` (AE, AR, 4xx: parked) or
   * `outlet.failed` (retry).
   */
  send(thing: { bytes: Buffer; deliveryId: string; name: string }): Promise<{ receipt: string }>;
  close(): Promise<void>;
}
