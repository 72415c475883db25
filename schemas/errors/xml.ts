import type { FaultKind } from './kind.ts';

export const xmlFaults = {
  'xml.malformed': { sentence: 'the XML is not well-formed', fix: 'correct the document at the place told', retry: false, http: 400, fhir: 'structure' },
} as const satisfies Record<string, FaultKind>;
