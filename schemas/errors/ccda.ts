import type { FaultKind } from './kind.ts';

export const ccdaFaults = {
  'ccda.not-cda': {
    sentence: 'the document is not a CDA document',
    fix: 'give a document whose root is ClinicalDocument in urn:hl7-org:v3',
    retry: false,
    http: 422,
    fhir: 'not-supported',
  },
  'ccda.not-a-ccd': {
    sentence: 'the document is not a C-CDA R2.1 Continuity of Care Document',
    fix: 'check its root element and template ids',
    retry: false,
    http: 422,
    fhir: 'not-supported',
  },
  'ccda.header-part-missing': {
    sentence: 'a required part of the CDA header is missing',
    fix: 'give the part named, with a nullFlavor where it is not known',
    retry: false,
    http: 422,
    fhir: 'required',
  },
  'ccda.section-missing': {
    sentence: 'a section that a CCD requires is missing',
    fix: 'add the section, with nullFlavor NI where there is no information',
    retry: false,
    http: 422,
    fhir: 'required',
  },
  'ccda.section-incomplete': {
    sentence: 'a section lacks its code, title or text',
    fix: 'add what is named',
    retry: false,
    http: 422,
    fhir: 'required',
  },
  'ccda.reference-broken': {
    sentence: 'an entry refers to narrative that is not there',
    fix: 'give the narrative element the ID or correct the reference',
    retry: false,
    http: 422,
    fhir: 'not-found',
    warning: true,
  },
  'ccda.id-twice': {
    sentence: 'two narrative elements have the same ID',
    fix: 'make the IDs of a document unique',
    retry: false,
    http: 422,
    fhir: 'duplicate',
  },
  'ccda.oid-invalid': {
    sentence: 'the OID of the organisation is not an OID',
    fix: 'set the OID in dotted numbers',
    retry: false,
    http: 500,
    fhir: 'invalid',
  },
} as const satisfies Record<string, FaultKind>;
