/**
 * The life of an identity, as pages and interfaces see it: the work list of possible matches, the decisions of people, and the history of a person of
 * the index. JSON shapes only; times are ISO 8601 with zone. Only at a region and at the global node.
 *
 * The unit of linking is the local record: one patient of one domain (a hospital's number at a region, a region's X-PID at the global node). A person is
 * the set of local records that belong together.
 */
import type { Patient } from '@medplum/fhirtypes';
import type { FhirAnswer, NodeSubject } from './exchange.ts';
import type { IdentityEventKind, MatchDecision, MatchKind, MatchState } from './identity-words.ts';
import type { Person } from './parts.ts';
import type { Admitted, Listing } from './portal-shapes.ts';

export {
  IDENTITY_EVENTS,
  type IdentityEventKind,
  MATCH_KINDS,
  MATCH_STATES,
  type MatchDecision,
  type MatchKind,
  type MatchState,
} from './identity-words.ts';

/** One line of the work list. Names are there only for those who may search patients. */
export interface MatchRow {
  id: string;
  kind: MatchKind;
  state: MatchState;
  createdAt: string;
  /** When it last changed. */
  updatedAt: string;
  /** 0 to 1, as the matcher says; absent where nothing was compared. */
  probability?: number;
  /** Bits. */
  weight?: number;
  /** The two sides in short; one for a storm, two (as it was, as it was fed) for an overlay. */
  sides: MatchSide[];
  /** Node whose feed brought it up; for a request, who asked. */
  from: string;
}

/** A local record in short. */
export interface MatchSide {
  recordId: string;
  personId: string;
  mixNumber?: string;
  name?: string;
  birthDate?: string;
  sex?: string;
  /** Node that feeds it. */
  node: string;
  number: { system: string; value: string };
}

/** What one field adds to the comparison, in bits (log2 of the likelihood ratio): above 0 for the same person, below 0 against. */
export interface ContributionView {
  field: string;
  /** `exact`, `nickname`, `one digit off`, `missing` ... */
  level: string;
  weight: number;
}

/** The whole of a verdict, for a waterfall. `prior` + the weights of `parts` = `weight`. */
export interface ComparisonView {
  weight: number;
  prior: number;
  probability: number;
  verdict: 'match' | 'possible' | 'no-match';
  /** Weights at which it becomes possible, and a match. */
  thresholds: { possible: number; match: number };
  parts: ContributionView[];
  /** Rules that spoke, by name: `twins`, `suffix` ... */
  rules: string[];
}

/** One fact of both sides; `differ` counts only where both tell it. */
export interface MatchFact {
  field: string;
  title: string;
  values: string[];
  differ: boolean;
}

/** One act of a person about an item, oldest first. */
export interface DecisionView {
  at: string;
  by: string;
  act: 'decided' | 'seconded' | 'refused' | 'undone';
  decision?: MatchDecision;
  reason: string;
}

export interface MatchView {
  row: MatchRow;
  comparison?: ComparisonView;
  facts: MatchFact[];
  decisions: DecisionView[];
  /** What this reader may do now. `second`: confirm or refuse what another person decided. */
  may: { decide: boolean; second: boolean; undo: boolean };
  /** Four eyes are asked for here. */
  fourEyes: boolean;
  /** What a request asks for. */
  asks?: 'link-persons' | 'unlink-record' | 'merge-persons' | 'unmerge';
}

/** Filters of the work list, as they stand in the address. */
export interface MatchFilter {
  /** Default: what waits (`open` and `waiting-second`). */
  state?: MatchState | 'all';
  kind?: MatchKind;
  person?: string;
  cursor?: string;
  limit?: number;
}

/** A decision with its reason, which goes into the audit. */
export interface MatchAsk {
  decision: MatchDecision;
  reason: string;
}

/** One thing that happened to a person of the index. */
export interface IdentityEventView {
  at: string;
  /** `created`, `updated`: by a feed. `joined`, `left`: local records came and went. `merged`: led into another person. `revived`: taken back. */
  event: IdentityEventKind;
  /** A node, a user, or `matcher`. */
  who: string;
  reason: string;
  /** Local records of the person before and after. */
  before: string[];
  after: string[];
  /** Where a merged person leads. */
  into?: string;
}

/** A person of the index as it was at a time. */
export interface PersonAtView {
  /** Who was asked for. */
  asked: string;
  at: string;
  /** Who that was then: another id where the person was merged into somebody; absent before it was made. */
  personId?: string;
  /** Local records, with the version of their facts. */
  records: { recordId: string; node: string; number: { system: string; value: string }; version: number }[];
  numbers: { system: string; value: string; type: string }[];
  facts: { field: string; title: string; value: string }[];
}

/**
 * The part of the portal that looks after identities. Every read and act goes through `authorize` and into the audit; an act and its trace are one
 * commit. Throws `mpi.*` of the catalogue, `policy.denied`, and `http.not-found` at a node without an index.
 */
export interface IdentityPortal {
  /** The work list, oldest first. */
  matches(subject: Admitted, filter: MatchFilter): Promise<Listing<MatchRow>>;
  match(subject: Admitted, id: string): Promise<MatchView>;
  /** Decides an item, or, where it waits for a second person, confirms (the same decision) or refuses (the other one; it is open again). */
  decideMatch(subject: Admitted, id: string, ask: MatchAsk): Promise<MatchView>;
  /** Takes a decision back: persons, numbers and documents are as they would be had it never been made, and the item is open again. */
  undoMatch(subject: Admitted, id: string, ask: { reason: string }): Promise<MatchView>;

  /** These two are one person: their local records are linked. Answers with the request. */
  linkPersons(subject: Admitted, ask: { one: string; other: string; reason: string }): Promise<MatchView>;
  /** This local record is nobody else's: it leaves its person. */
  unlinkRecord(subject: Admitted, ask: { record: string; reason: string }): Promise<MatchView>;
  /**
   * All local records of both are one person's, whatever was decided before. Which of the two ids stays is not the caller's to say: the person whose
   * first record is older goes on, and the other leads there (`docs/decisions/0016`).
   */
  mergePersons(subject: Admitted, ask: { survivor: string; retired: string; reason: string }): Promise<MatchView>;
  /** Takes back what made this person lead to another: it is active again with its records, numbers and documents. */
  unmergePerson(subject: Admitted, ask: { person: string; reason: string }): Promise<MatchView>;

  /** What happened to a person, newest first. */
  identityHistory(subject: Admitted, personId: string, cursor?: string): Promise<Listing<IdentityEventView>>;
  personAt(subject: Admitted, personId: string, at: string): Promise<PersonAtView>;
}

/**
 * What the interfaces of a region or global node ask of the index, for a node that feeds it (`engine/identity.ts`); numbers are `system|value`. Add,
 * revise and merge (ITI-8 A01 A04 A05 A08 A40, ITI-30 A28 A31 A40 A47, ITI-104) are `feedPatient` of the exchange's door. Each is done once a delivery id.
 */
export interface IndexDoor {
  /** ITI-30 A24: these two local records are one person. Throws `exchange.unknown-domain`, `mpi.unknown-record`. */
  linkLocals(from: NodeSubject, one: string, other: string, deliveryId?: string): Promise<FhirAnswer>;
  /** ITI-30 A37: they are two. Takes a merge of the one into the other back. Throws as `linkLocals`. */
  unlinkLocals(from: NodeSubject, one: string, other: string, deliveryId?: string): Promise<FhirAnswer>;
  /** ITI-104 DELETE: the local record is no more; nothing of it is destroyed. Throws as `linkLocals`. */
  retireLocal(from: NodeSubject, identifier: string, deliveryId?: string): Promise<FhirAnswer>;
  /**
   * ITI-119 and the demographics queries: persons like this one, the likeliest first; each once, by the best of its local records. `limit` 1 to 100.
   * Persons whom this node may not learn of are left out.
   */
  matchPatient(from: NodeSubject, patient: Patient, limit: number): Promise<MatchedPerson[]>;
}

export interface MatchedPerson {
  person: Person;
  probability: number;
  verdict: 'match' | 'possible' | 'no-match';
}
