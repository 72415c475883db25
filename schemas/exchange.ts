/**
 * What nodes say to one another: the door that `adapters/http` opens to other nodes over mutual TLS, and the way to ask them.
 * Shapes only. Transactions are IHE's: PIXm ITI-104 and ITI-83, MHD ITI-65, ITI-67 and ITI-68 (FHIR R4).
 */
import type { Bundle, OperationOutcome, Patient, Resource } from '@medplum/fhirtypes';

export type NodeRole = 'hospital' | 'region' | 'global';

/** A node that was admitted by its certificate; made only in `engine/admit.ts`. */
export interface NodeSubject {
  kind: 'peer';
  /** Name of the node in our settings. */
  id: string;
  role: NodeRole;
  /** OID of its organisation, from its certificate. */
  organization: string;
  /** For whom it asks, where it passes on a person's wish (retrieval through the region). */
  onBehalf?: Requester;
}

/** Who wishes to see something at another node: told by the asking node, which vouches for it. */
export interface Requester {
  /** Name of the node where the person is signed in. */
  node: string;
  user: string;
  roles: string[];
  /** HL7 PurposeOfUse: TREAT, ETREAT, HOPERAT ... */
  purpose: string;
}

/** Header that carries a {@link Requester} as JSON in base64url; signed assertions (IUA, XUA) take its place later. */
export const REQUESTER_HEADER = 'x-mix-requester';
/** Header of a delivery's id: the receiver does a delivery once and answers a repeat as it answered the first. */
export const DELIVERY_HEADER = 'idempotency-key';

/** An answer of a FHIR door. Bytes for ITI-68, a resource otherwise. */
export interface FhirAnswer {
  status: number;
  headers?: Record<string, string>;
  resource?: Resource;
  bytes?: { mediaType: string; body: Buffer };
}

/** The engine as other nodes see it. Failures are `MixError`s of the catalogue; the door turns them into OperationOutcomes. */
export interface ExchangeEngine {
  /** Who is at the other end, from the verified chain (DER, leaf first). Throws `admit.no-certificate`, `admit.not-of-exchange`, `admit.revoked`, `admit.wrong-role`. */
  admitNode(chain: Buffer[], requester?: string): NodeSubject;
  /** ITI-104: add, revise or (with `link` replaced-by) merge the patient of one local number. `identifier` is `system|value`. */
  feedPatient(from: NodeSubject, identifier: string, patient: Patient, deliveryId?: string): Promise<FhirAnswer>;
  /** ITI-65: Provide Document Bundle. */
  provideDocuments(from: NodeSubject, bundle: Bundle, deliveryId?: string): Promise<FhirAnswer>;
  /** Withdraws a document (status entered-in-error or superseded), by its master identifier. */
  withdrawDocument(from: NodeSubject, identifier: string, status: string, deliveryId?: string): Promise<FhirAnswer>;
  /** ITI-67: Find Document References. */
  findDocuments(from: NodeSubject, query: URLSearchParams): Promise<FhirAnswer>;
  /** ITI-68: Retrieve Document. */
  retrieveDocument(from: NodeSubject, id: string): Promise<FhirAnswer>;
  /** ITI-83: `$ihe-pix`. */
  crossReference(from: NodeSubject, query: URLSearchParams): Promise<FhirAnswer>;
  /** ITI-104, removal: the local patient of this number is no more. Nothing of it is destroyed. */
  removePatient(from: NodeSubject, identifier: string, deliveryId?: string): Promise<FhirAnswer>;
  /** ITI-78: patients by demographics. */
  findPatients(from: NodeSubject, query: URLSearchParams): Promise<FhirAnswer>;
  /** A patient that an answer told of, by its logical id. */
  readPatient(from: NodeSubject, id: string): Promise<FhirAnswer>;
  /** ITI-119: `$match`; `body` is a Patient or Parameters. */
  matchPatients(from: NodeSubject, body: unknown): Promise<FhirAnswer>;
  /** The newest signed set of shared codes, roots and dictionaries; 304 where `have` is its version. */
  release(from: NodeSubject, have?: string): Promise<FhirAnswer>;
  capability(): Resource;
}

/** A node that can be asked; opened by `adapters/outlets` over mutual TLS. */
export interface Peer {
  name: string;
  role: NodeRole;
  /** Resolves with any HTTP answer; throws `exchange.unreachable` (retry) when none came within the time, `exchange.not-trusted` when its certificate does not hold. */
  ask(request: PeerRequest): Promise<PeerAnswer>;
  close(): Promise<void>;
}

export interface PeerRequest {
  method: 'GET' | 'PUT' | 'POST';
  /** Below the base, such as `Patient?identifier=...`. */
  path: string;
  body?: Resource;
  deliveryId?: string;
  requester?: Requester;
  /** Default `application/fhir+json`. */
  accept?: string;
}

export interface PeerAnswer {
  status: number;
  headers: Record<string, string>;
  body: Buffer;
}

export type { Bundle, OperationOutcome, Patient };
