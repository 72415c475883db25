import type { FaultKind } from './kind.ts';

export const recordFaults = {
  'record.no-patient-number': { sentence: 'the message has no patient number to file it under', fix: 'send PID-3 or name the position of the number in the vendor profile', retry: false, hl7: '101', http: 422, fhir: 'required' },
  'record.no-merge-number': { sentence: 'the merge does not say which number is retired', fix: 'send MRG-1', retry: false, hl7: '101', http: 422, fhir: 'required' },
  'record.time-unreadable': { sentence: 'the time is none that HL7 knows; its text is kept', fix: 'send YYYYMMDDHHMM with a true calendar date', retry: false, hl7: '102', http: 422, fhir: 'value', warning: true },
  'record.number-unreadable': { sentence: 'the value is said to be a number and is none; its text is kept', fix: 'send a plain decimal number, or OBX-2 ST or SN', retry: false, hl7: '102', http: 422, fhir: 'value', warning: true },
  'record.zone-unknown': { sentence: 'there is no time zone of this name', fix: 'name an IANA zone such as America/Chicago in the vendor profile', retry: false, http: 500, fhir: 'invalid' },
} as const satisfies Record<string, FaultKind>;
