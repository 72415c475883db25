/**
 * What the store keeps for the patient index of a region or global node: local records with what they are found and compared by, what links them, the
 * work list and the history. Plain shapes; everything that describes somebody is sealed, and found by keyed tokens.
 */
import type { Patient } from '@medplum/fhirtypes';
import type { IdentityEventKind, MatchDecision, MatchKind, MatchState } from './identity-words.ts';
import type { Identifier, Page } from './shapes.ts';

/** A local record: one patient of one domain. */
export interface IndexRecord {
  /** Also the id of the Patient entry that keeps the facts as they were fed. */
  id: string;
  /** The person that it belongs to now. */
  personId: string;
  /** The person that was made for it; no other record has the same. */
  ownId?: string;
  /** The number that the global node gave to that person. */
  ownNumber?: string;
  /** The number that it is fed under; no other record has the same. */
  number: { system: string; value: string; type: string };
  /** Node that feeds it. */
  sourceId: string;
  /** `retired`: merged or withdrawn by its node. */
  state: 'active' | 'retired';
  /** The record that took its place. */
  mergedInto?: string;
  /** When it became active or retired, ms; what is older does not change that. */
  stateAt: number;
  /** Other numbers of its node's own domains that name it. */
  numbers: Identifier[];
  /** Numbers that the node above gave to the person that was made for it. */
  told: Identifier[];
  /** Packed features (`engine/mpi`); empty where nothing is known, or the person was shredded. */
  features: Buffer;
  /** Grows whenever what it is found or compared by changes. The store sets it. */
  stamp: number;
}

/** What stands between two local records, `a` < `b`. */
export interface IndexPair {
  a: string;
  b: string;
  /** What goes by itself: a shared number, a match, or a possible one that somebody is asked about. */
  link: 'number' | 'match' | 'possible' | 'none';
  /** Bits. */
  weight: number;
  decision: MatchDecision | 'none';
  /** ms; 0 where nothing was decided. */
  decidedAt: number;
}

/** An item of the work list. What it says is sealed with its person's key. */
export interface MatchItem {
  id: string;
  version: number;
  kind: MatchKind;
  state: MatchState;
  /** Records that it is about. */
  a: string;
  b?: string;
  personId: string;
  from: string;
  createdAt: number;
  updatedAt: number;
  body: MatchBody;
}

export interface MatchBody {
  comparison?: {
    weight: number;
    probability: number;
    verdict: 'match' | 'possible' | 'no-match';
    parts: { field: string; level: string; weight: number }[];
    rules: string[];
  };
  decisions: {
    at: number;
    by: string;
    act: 'decided' | 'seconded' | 'refused' | 'undone';
    decision?: MatchDecision;
    reason: string;
  }[];
  /** An overlay: the feed that is held, as it came. */
  held?: {
    identifier: string;
    patient: Patient;
    at: number /** Version of the facts that it took the place of, once taken. */;
    replaced?: number;
  };
  /** A request: what is asked for. */
  asks?: {
    verb: 'link-persons' | 'unlink-record' | 'merge-persons' | 'unmerge';
    /** Persons or records, by the verb. */
    one: string;
    other?: string;
  };
  /** How things stood before the decision, to be put back when it is undone. */
  before?: { at: number; pairs: IndexPair[]; records: { id: string; mergedInto: string }[] };
}

/** One thing that happened to a person, with how the person was afterwards. Sealed with the person's key. */
export interface IdentityEvent {
  id: string;
  personId: string;
  at: number;
  event: IdentityEventKind;
  who: string;
  reason: string;
  after: PersonSnapshot;
}

export interface PersonSnapshot {
  state: 'active' | 'merged';
  into?: string;
  /** With the version of the entry that keeps the facts; 0 where none is known. */
  records: { id: string; sourceId: string; system: string; value: string; version: number }[];
  numbers: { system: string; value: string; type: string }[];
}

/** What a look for candidates found. */
export interface Candidates {
  /** Of each key: its newest record, for the commit to compare; `full` where it had more than were asked for and was passed over. */
  blocks: { key: string; mark: number; full: boolean }[];
  /** Those that share most keys first. */
  records: IndexRecord[];
}

/** The part of a unit of work that is the index's. */
export interface IndexChanges {
  /** `expect`: the stamp it must still have, 0 for a new one. `keys`: texts that it is found by; absent where neither they nor the features changed. */
  records?: { record: IndexRecord; expect: number; keys?: string[] }[];
  /** What was looked at. The unit fails with `store.conflict` when somebody came into a block since, or a record is not what it was. */
  seen?: { blocks: { key: string; mark: number }[]; records: { id: string; stamp: number }[] };
  /** Whole rows; one that links nothing and was not decided goes. */
  pairs?: IndexPair[];
  items?: { item: MatchItem; expect: number }[];
  events?: IdentityEvent[];
}

export interface MatchQuery {
  states?: MatchState[];
  kind?: MatchKind;
  /** Records that it must be about. */
  records?: string[];
  cursor?: string;
  /** 1 to 500. */
  limit: number;
}

export interface IndexStore {
  /**
   * Active records that share a key. Keys of more than `block` records are passed over while others lead to somebody; then the newest of the smallest
   * key are taken. At most `most` records.
   */
  indexCandidates(keys: string[], limits: { block: number; most: number }): Promise<Candidates>;
  indexRecords(ids: string[]): Promise<Map<string, IndexRecord>>;
  /** By `system|value` of the number that they are fed under. */
  indexRecordsByNumber(numbers: { system: string; value: string }[]): Promise<Map<string, IndexRecord>>;
  /** Of these persons; at most `limit`. */
  indexRecordsOf(personIds: string[], limit: number): Promise<IndexRecord[]>;
  /** Every pair of which one is among these; at most `limit`. */
  indexPairs(recordIds: string[], limit: number): Promise<IndexPair[]>;
  matchItem(id: string): Promise<MatchItem | undefined>;
  /** Oldest first. What was shredded with its person is left out. */
  matchItems(query: MatchQuery): Promise<Page<MatchItem>>;
  /** Of a person, newest first; `until`: not after this time (ms). */
  identityEvents(query: {
    personId: string;
    until?: number;
    cursor?: string;
    limit: number;
  }): Promise<Page<IdentityEvent>>;
}
