import type { FaultKind } from './kind.ts';

export const hl7v2Faults = {
  'hl7v2.no-header': { sentence: 'the message does not begin with an MSH segment', fix: 'send a message that starts with MSH and its encoding characters', retry: false, hl7: '100', http: 400, fhir: 'structure' },
  'hl7v2.unknown-type': { sentence: 'no map exists for this message type; the message is kept', fix: 'map the type in a vendor profile or stop sending it', retry: false, hl7: '200', http: 422, fhir: 'not-supported', warning: true },
} as const satisfies Record<string, FaultKind>;
