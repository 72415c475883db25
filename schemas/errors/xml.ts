import type { FaultKind } from './kind.ts';

export const xmlFaults = {
  'xml.malformed': {
    sentence: 'the XML is not well-formed',
    fix: 'correct the document at the place told',
    retry: false,
    http: 400,
    fhir: 'structure',
  },
  'xml.doctype': {
    sentence: 'the XML has a document type declaration',
    fix: 'send the document without DOCTYPE and entities',
    retry: false,
    http: 400,
    fhir: 'security',
  },
  'xml.too-large': {
    sentence: 'the XML is larger than the limit',
    fix: 'send a smaller document or raise the limit',
    retry: false,
    http: 413,
    fhir: 'too-long',
  },
  'xml.too-deep': {
    sentence: 'the XML is nested deeper than the limit',
    fix: 'send a flatter document or raise the limit',
    retry: false,
    http: 400,
    fhir: 'too-costly',
  },
  'xml.encoding': {
    sentence: 'the XML is not in UTF-8',
    fix: 'send the document in UTF-8',
    retry: false,
    http: 400,
    fhir: 'structure',
  },
} as const satisfies Record<string, FaultKind>;
