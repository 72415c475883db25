import type { FaultKind } from './kind.ts';

export const recordFaults = {
  'record.no-patient-number': { sentence: 'the message has no patient number to file it under', fix: 'send PID-3 or name the position of the number in the vendor profile', retry: false, hl7: '101', http: 422, fhir: 'required' },
} as const satisfies Record<string, FaultKind>;
