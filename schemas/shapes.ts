/** Shapes that several interfaces between rooms use. */

/** A number of a patient under its assigning authority. */
export interface Identifier {
  /** Assigning authority as URI (urn:oid:...). */
  system: string;
  value: string;
  /** HL7 table 0203 code: MR, PI, AN, VN, SS ... */
  type: string;
  sourceId: string;
  /** When another node told it, ms; numbers of the EMRs have none. */
  at?: number;
}

/** One page of a list. */
export interface Page<T> {
  rows: T[];
  /** Opaque; absent on the last page. */
  next?: string;
  /** Exact up to 10,000, then 10,000. */
  count: number;
}
