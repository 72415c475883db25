/** One kind of failure and its face at every edge. */
export interface FaultKind {
  /** What is wrong; lower case, no final stop. */
  sentence: string;
  /** What to do about it; lower case, no final stop. */
  fix: string;
  /** May the same thing succeed when tried again unchanged? */
  retry: boolean;
  /** HL7 table 0357 condition code for ERR (chapter 2.15.5); absent where it never reaches an ACK. */
  hl7?: '100' | '101' | '102' | '103' | '200' | '201' | '202' | '203' | '204' | '205' | '206' | '207';
  /** Is the message still processed (warning, table 0516 W), or not (E)? */
  warning?: boolean;
  http: number;
  /** FHIR IssueType (http://hl7.org/fhir/R4/valueset-issue-type.html). */
  fhir: string;
}
