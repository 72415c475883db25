/** What a demographics query asks for, whichever way it came (IHE PDQ ITI-21 and ITI-22, PDQm ITI-78). Shapes only. */

/** A text as it must be found, compared without case, diacritics and doubled blanks. */
export interface TextCriterion {
  text: string;
  /** `equal`: the whole text; `begins`: its beginning. */
  how: 'equal' | 'begins';
}

/** Alternatives, of which one must fit. */
export type AnyOf<T> = readonly T[];

export interface NumberCriterion {
  /** Any, where it is absent. */
  system?: string;
  value: string;
}

export interface DateCriterion {
  /** As FHIR writes it: a year, month or day. */
  date: string;
  how: 'eq' | 'ge' | 'gt' | 'le' | 'lt';
}

export type AddressPart = 'any' | 'line' | 'city' | 'state' | 'postalCode' | 'country';

/** PV1 of the newest visit that a source told; positions are 1-based. */
export interface VisitCriterion extends TextCriterion {
  field: number;
  component: number;
}

/** All that is given must fit. */
export interface PatientCriteria {
  id?: string;
  numbers: AnyOf<NumberCriterion>[];
  family: AnyOf<TextCriterion>[];
  given: AnyOf<TextCriterion>[];
  birth: DateCriterion[];
  gender: AnyOf<string>[];
  address: { part: AddressPart; any: AnyOf<TextCriterion> }[];
  /** Numbers or addresses, as they were typed. */
  telecom: AnyOf<string>[];
  mothersMaidenName: AnyOf<TextCriterion>[];
  active?: boolean;
  visit: VisitCriterion[];
}

export function noCriteria(): PatientCriteria {
  return {
    numbers: [],
    family: [],
    given: [],
    birth: [],
    gender: [],
    address: [],
    telecom: [],
    mothersMaidenName: [],
    visit: [],
  };
}

/** An assigning authority as HL7 v2 writes it (HD): a namespace, an OID, or both. */
export interface Authority {
  namespace: string;
  oid: string;
}
