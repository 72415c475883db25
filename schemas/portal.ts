/**
 * What the pages and the portal's HTTP API exchange. JSON shapes only; times are ISO 8601 with zone.
 * Served by `adapters/http` from `engine/browse.ts`; drawn by `adapters/web`.
 */
import type { Bundle, Patient, Resource } from '@medplum/fhirtypes';
import type { Fault } from './errors/index.ts';
import type { NodeRole } from './exchange.ts';
import type { IdentityPortal } from './identity.ts';
import type { MessageState } from './parts.ts';
import type { AlertView, ExchangePortal } from './portal-exchange.ts';
import type { Admitted, Listing, ToldFault } from './portal-shapes.ts';

export type { Admitted, Listing, ToldFault } from './portal-shapes.ts';

export interface Me {
  id: string;
  name: string;
  roles: string[];
  /** The one-time password was used: choose your own before anything else. */
  mustChangeSecret: boolean;
  sessionEndsAt: string;
  node: { name: string; role: NodeRole; facility: string; zone: string; version: string };
}

/** What is at risk now, in a sentence; grouped, so that one cause is one line. */
export interface Risk {
  kind: AlertView['rule'];
  sentence: string;
  link: string;
  grave?: AlertView['grave'];
  since?: string;
  /** The alert that tells it, where it is one. */
  alert?: string;
  /** Somebody looks after it. */
  acknowledged?: boolean;
}

export interface Overview {
  /** ok, or what is at risk now, worst first. */
  status: 'ok' | 'warning' | 'danger';
  risks: Risk[];
  counts: {
    messages: number;
    persons: number;
    entries: number;
    documents: number;
    waiting: number;
    parked: number;
    /** Deliveries that are parked. */
    undelivered?: number;
    /** Items of the work list of the patient index that wait for a person; only where this node has an index and the reader may see them. */
    matches?: number;
    storeBytes: number;
  };
  /** Sample traffic being played by the demo. */
  samples?: { sent: number; of: number };
}

export interface MessageRow {
  id: string;
  receivedAt: string;
  sourceId: string;
  state: MessageState;
  type: string;
  /** MSH-11: P, T, D */
  processing: string;
  controlId: string;
  patientName?: string;
  patientNumbers: string[];
  ackCode: string;
  fault?: ToldFault;
  conflict: boolean;
}

export interface FieldView {
  /** 1-based. */
  position: number;
  /** `PID-5` */
  path: string;
  /** Name from the standard of the message's version; the profile's or '' for Z-segments. */
  name: string;
  dataType: string;
  /** What the field is for, in a sentence of ours; shown on hover. */
  definition?: string;
  /** Still escaped, as sent. */
  raw: string;
  /** Components and repetitions spelled out with their names, decoded. */
  parts: {
    path: string;
    name: string;
    value: string /** HL7 table's display where one is known */;
    display?: string;
  }[];
  fate: 'carried' | 'not-carried' | 'structural' | 'empty';
}

export interface SegmentView {
  name: string;
  title: string;
  /** Offset and length in `text`. */
  offset: number;
  length: number;
  fields: FieldView[];
  /** Ids of the entries that came from this segment. */
  wrote: string[];
}

export interface MessageView {
  row: MessageRow;
  version: string;
  charset: string;
  facility: string;
  profile: string;
  /** Decoded text of the message; control characters are left in place. */
  text: string;
  size: number;
  segments: SegmentView[];
  ack: { code: string; text: string };
  faults: ToldFault[];
  steps: { at: string; step: string; detail?: string }[];
  persons: { id: string; name: string }[];
  wrote: { id: string; type: string; version: number; display: string; from?: string }[];
  notCarried: { field: string; name: string }[];
  documents: { id: string; version: number; createdAt: string }[];
  correctedOf?: string;
  canRerun: boolean;
}

export interface PatientRow {
  id: string;
  name: string;
  birthDate?: string;
  sex?: string;
  numbers: { type: string; value: string; facility: string }[];
  mixNumber?: string;
  updatedAt: string;
  incomplete: boolean;
}

/** One fact of the record ready to be shown, with where it came from. */
export interface FactView {
  id: string;
  type: string;
  title: string;
  value?: string;
  unit?: string;
  range?: string;
  interpretation?: string;
  /** Sort and show time of the fact itself. */
  at?: string;
  until?: string;
  status: string;
  code?: string;
  numeric?: number;
  low?: number;
  high?: number;
  removed: boolean;
  /** Came or changed since the reader last opened this record. */
  isNew?: boolean;
  /** Field it came from (`OBX[3]`), and when the source says so. */
  from?: string;
  source: { sourceId: string; messageId: string };
}

export interface PatientView {
  row: PatientRow;
  patient: Patient;
  allergies: FactView[];
  problems: FactView[];
  medications: FactView[];
  immunizations: FactView[];
  procedures: FactView[];
  encounters: FactView[];
  /** Latest first. */
  results: FactView[];
  others: FactView[];
  documents: { id: string; version: number; state: 'current' | 'superseded' | 'deprecated'; createdAt: string }[];
  messages: { id: string; receivedAt: string; type: string; sourceId: string }[];
}

export interface DocumentView {
  id: string;
  personId: string;
  version: number;
  state: 'current' | 'superseded' | 'deprecated';
  createdAt: string;
  /** The CCD rendered for a human: safe HTML without script. */
  html: string;
  xml: string;
  sha256: string;
  signature: { holds: boolean; signer: string; reason?: string };
}

export interface SourceView {
  id: string;
  profile: string;
  facility: string;
  listener: string;
  lastAt?: string;
  total: number;
  parked: number;
  /** Messages in each of the last 60 minutes, oldest first. */
  perMinute: number[];
  /** Longer silent than its own habit. */
  silent: boolean;
  notCarried: { field: string; name: string; count: number }[];
}

export interface ParkedView {
  jobId: string;
  /** Subject of the job: a message where `kind` is `process`, else a person, document or delivery. */
  messageId: string;
  /** Page that shows it and where it is mended. */
  link: string;
  kind: string;
  since: string;
  type: string;
  sourceId: string;
  fault: ToldFault;
  /** Blocks the persons it names until a human acts (merges). */
  blocks: boolean;
}

export interface AuditRow {
  at: string;
  who: string;
  action: string;
  outcome: string;
  what: string;
  thing?: string;
  reason?: string;
}

/** Filters of the message list, as they stand in the address. */
export interface MessageFilter {
  source?: string;
  state?: MessageState;
  type?: string;
  /** `P` (default), `T` for test and debugging traffic, `all`. */
  processing?: string;
  from?: string;
  to?: string;
  number?: string;
  name?: string;
  control?: string;
  accession?: string;
  text?: string;
  person?: string;
  cursor?: string;
  limit?: number;
}

export interface RecordBundle {
  bundle: Bundle;
}

/** Filters of the patient search, as they stand in the address. All that are given must hold. */
export interface PatientFilter {
  /** Free words: name, number or birth date. */
  q?: string;
  name?: string;
  number?: string;
  /** YYYY-MM-DD */
  birth?: string;
  cursor?: string;
  limit?: number;
}

export interface AuditFilter {
  who?: string;
  action?: string;
  person?: string;
  from?: string;
  to?: string;
  cursor?: string;
  limit?: number;
}

/** One version of an entry, newest first. */
export interface EntryVersion {
  version: number;
  at: string;
  status: string;
  removed: boolean;
  source: { sourceId: string; messageId: string };
  resource: Resource;
}

/** One answer of the search box. `link` is an address of the portal. */
export interface SearchHit {
  kind: 'patient' | 'message' | 'document' | 'page';
  id: string;
  title: string;
  detail?: string;
  link: string;
}

/** What changed, without patient data: ids, codes and counts. */
export interface LiveNote {
  messages: { id: string; sourceId: string; state: MessageState; type: string }[];
  persons: string[];
  documents: string[];
  /** The overview may have changed (risks, counts, samples). */
  overview?: boolean;
}

export interface Rerun {
  /** Typed by the person who asks; goes into the audit. */
  reason: string;
  /** The corrected text, when a copy is to be run in the message's place. */
  corrected?: string;
}

export type SignInAnswer =
  | { ok: true; token: string; me: Me }
  | { ok: false; fault: Fault /** Not before. */; retryAfterSeconds?: number };

/**
 * What the HTTP adapter asks of the engine. Every read goes through `authorize` and into the audit inside; failures are
 * {@link MixError}s, whose `kind.http` is the status. A thing that is not there throws `http.not-found`.
 */
export interface PortalEngine extends ExchangePortal, IdentityPortal {
  /** A wrong name or password may come as an answer or as a thrown `admit.wrong-secret`. */
  signIn(ask: { name: string; secret: string; peer: string }): Promise<SignInAnswer>;
  /** The session's subject, or undefined. `touch: false` (live stream, background refresh) must not put off the session's end. */
  admit(token: string, options?: { touch?: boolean }): Promise<Admitted | undefined>;
  signOut(token: string): Promise<void>;
  /** Throws `admit.wrong-secret` or `admit.weak-secret`. Ends the person's other sessions. */
  changeSecret(subject: Admitted, old: string, fresh: string): Promise<void>;

  me(subject: Admitted): Promise<Me>;
  overview(subject: Admitted): Promise<Overview>;

  messages(subject: Admitted, filter: MessageFilter): Promise<Listing<MessageRow>>;
  message(subject: Admitted, id: string): Promise<MessageView>;
  /** The bytes as received. */
  messageBytes(subject: Admitted, id: string): Promise<{ bytes: Uint8Array; charset: string }>;
  /** Runs a kept message again through the queue with its original subject. Returns the id of the message that runs. */
  rerun(subject: Admitted, id: string, ask: Rerun): Promise<{ id: string }>;
  /** What this message wrote, as a FHIR bundle. */
  record(subject: Admitted, messageId: string): Promise<RecordBundle>;

  patients(subject: Admitted, filter: PatientFilter): Promise<Listing<PatientRow>>;
  patient(subject: Admitted, id: string): Promise<PatientView>;
  patientBundle(subject: Admitted, id: string): Promise<RecordBundle>;
  entryHistory(subject: Admitted, id: string): Promise<EntryVersion[]>;

  document(subject: Admitted, id: string): Promise<DocumentView>;
  /** Makes a CCD of the newest version now and returns its id. */
  makeDocument(subject: Admitted, personId: string): Promise<{ id: string }>;

  sources(subject: Admitted): Promise<SourceView[]>;
  parked(subject: Admitted, cursor?: string): Promise<Listing<ParkedView>>;
  audit(subject: Admitted, filter: AuditFilter): Promise<Listing<AuditRow>>;
  search(subject: Admitted, q: string): Promise<SearchHit[]>;

  /** Calls the listener after commits with what this subject may know of; returns the way to stop. */
  subscribe(subject: Admitted, listener: (note: LiveNote) => void): () => void;
}
