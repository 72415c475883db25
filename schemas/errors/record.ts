import type { FaultKind } from './kind.ts';

export const recordFaults = {
  'record.no-patient-number': { sentence: 'the message has no patient number to file it under', fix: 'send PID-3 or name the position of the number in the vendor profile', retry: false, hl7: '101', http: 422, fhir: 'required' },
  'record.no-merge-number': { sentence: 'the merge does not say which number is retired', fix: 'send MRG-1', retry: false, hl7: '101', http: 422, fhir: 'required' },
  'record.time-unreadable': { sentence: 'the time is none that HL7 knows; its text is kept', fix: 'send YYYYMMDDHHMM with a true calendar date', retry: false, hl7: '102', http: 422, fhir: 'value', warning: true },
  'record.number-unreadable': { sentence: 'the value is said to be a number and is none; its text is kept', fix: 'send a plain decimal number, or OBX-2 ST or SN', retry: false, hl7: '102', http: 422, fhir: 'value', warning: true },
  'record.zone-unknown': { sentence: 'there is no time zone of this name', fix: 'name an IANA zone such as America/Chicago in the vendor profile', retry: false, http: 500, fhir: 'invalid' },
  'record.numbers-disagree': { sentence: 'the numbers of the message belong to different persons; it went to the first', fix: 'merge the two persons at the source (ADT A40) or correct the number', retry: false, http: 409, fhir: 'conflict', warning: true },
  'record.unknown-source': { sentence: 'the message came from a source that the settings no longer name', fix: 'put the source back into the settings and run the message again', retry: false, http: 500, fhir: 'not-found' },
  'record.unexpected': { sentence: 'the work on this message failed in a way that nobody foresaw', fix: 'run it again; report it with the code and the time if it stays', retry: true, http: 500, fhir: 'exception' },
} as const satisfies Record<string, FaultKind>;
