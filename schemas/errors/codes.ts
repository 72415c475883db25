import type { FaultKind } from './kind.ts';

export const codesFaults = {
  'codes.malformed': {
    sentence: 'the file is not a code system that can be read',
    fix: 'give a FHIR CodeSystem as XML or JSON, or CSV with a column code; the place tells where it ends',
    retry: false,
    http: 422,
    fhir: 'structure',
  },
  'codes.too-large': {
    sentence: 'the code system is larger than a node takes',
    fix: 'split it, or import only the part that is used',
    retry: false,
    http: 413,
    fhir: 'too-long',
  },
} as const satisfies Record<string, FaultKind>;
