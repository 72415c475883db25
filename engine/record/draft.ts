/**
 * What one message says, before anybody knows which person it is about: the contract between the maps (`engine/hl7v2`, later others)
 * and the record (`mergeRecord`).
 */
import type { Patient, Resource } from '@medplum/fhirtypes';
import type { Fault } from '../../schemas/errors/index.ts';
import type { Identifier, SearchTerm } from '../../schemas/parts.ts';

/** What to do with one resource of the draft. */
export type Act =
  /** Make it or bring it up to date. */
  | 'put'
  /** Change only what is given; leave the rest (A08-like snapshots of a part). */
  | 'patch'
  /** It was never so (OBX-11 W, A11 cancel): mark entered-in-error or cancelled, keep its history. */
  | 'void'
  /** The source deleted it (OBX-11 D, action code D): out of the live record, keep its history. */
  | 'remove';

export interface DraftEntry {
  /**
   * Natural key within the person: `Observation|<order key>|<code>|<sub id>`, `Encounter|<visit number>`, ...
   * The same fact sent again has the same key. References between drafts are `{ reference: 'key:<natural key>' }`
   * and `{ reference: 'key:Patient' }`; mergeRecord turns them into `Type/id`.
   */
  key: string;
  act: Act;
  resource: Resource;
  /** `OBX[3]`: segment (1-based among its name) that it came from. */
  from: string;
  /** Elements of a `patch` that only fill a gap and never replace what is known (an ORU's visit). */
  weak?: string[];
  /** Elements of a `patch` that the source explicitly emptied; `period.end` for one inside. */
  nulls?: string[];
}

export interface DraftSubject {
  /** Every number that the message gives for this person; the first is the one that the profile trusts most. */
  identifiers: Identifier[];
  /** Demographics as sent. A field absent here leaves what is known; `nulls` names those sent as `""` (delete). */
  patient: Patient;
  /** FHIR element names of Patient that the source explicitly emptied. */
  nulls: string[];
  /** Is the patient segment a full snapshot that replaces (ADT A01/A04/A08/A28/A31), or mere identification (ORU)? */
  demographics: 'snapshot' | 'identification';
  entries: DraftEntry[];
}

/** A40 and its like: `retired` numbers now belong to the person of `survivor`. */
export interface DraftMerge {
  survivor: Identifier[];
  retired: Identifier[];
  from: string;
}

export interface Draft {
  subjects: DraftSubject[];
  merges: DraftMerge[];
  /** When the source says that this was so (EVN-2, else MSH-7, else the time of receipt), ms since the epoch. */
  sourceTime: number;
  /** Whether the visit ends with this message (A03), so that a document may be due. */
  encounterEnded: boolean;
  /** `PID-26` once for each populated field that the map did not carry. */
  notCarried: string[];
  /** How many populated fields it did carry. */
  carried: number;
  faults: Fault[];
  /** What a search for this message should find. */
  terms: SearchTerm[];
}
