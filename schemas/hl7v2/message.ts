/**
 * The parsed form of an HL7 v2 message: one generic shape for every version and type. Positions are 1-based as in the standard;
 * `fields[0]` is the segment's name, so `fields[3]` is PID-3. In MSH, `fields[1]` is the field separator itself and `fields[2]` the
 * encoding characters (HL7 v2.8.2 chapter 2.5, 2.14.9.1).
 */

/**
 * A field as sent: text of the message between two field separators, still escaped, in the message's own delimiters.
 * Descend with the functions of `engine/hl7v2` (they split only where a delimiter stands).
 */
export interface Segment {
  /** Three characters: PID, ZF1. */
  name: string;
  /** Raw (still escaped) text of each field; `fields[0]` is the name. Absent trailing fields are not there. */
  fields: string[];
  /** 0-based position of the segment in the message. */
  index: number;
  /** Offset of its first character in the decoded text. */
  offset: number;
  /** The bytes that ended it: '\r', '\n', '\r\n' or '' at the end. */
  ending: string;
}

export interface Delimiters {
  field: string;
  component: string;
  repetition: string;
  escape: string;
  subcomponent: string;
  /** Truncation character of MSH-2 position 5 (v2.7 on); '' where there is none. */
  truncation: string;
}

export interface Message {
  delimiters: Delimiters;
  segments: Segment[];
  /** Text before MSH (byte order mark, vertical tab, blank lines) that the writer puts back. */
  lead: string;
  /** `ADT` */
  code: string;
  /** `A01`; '' where there is none (CPSI's RDE). */
  trigger: string;
  /** `2.5.1`; '' where MSH-12 is empty. */
  version: string;
}

/** Group of segments after the abstract syntax of the message structure (chapter 2.13), e.g. ORDER_OBSERVATION. */
export interface Group {
  name: string;
  segments: Segment[];
  groups: Group[];
}
