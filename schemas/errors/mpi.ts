import type { FaultKind } from './kind.ts';

export const mpiFaults = {
  'mpi.number': {
    sentence: 'this is not a MIX number',
    fix: 'read it again: ten digits as NNN-NNN-NNNN; the last one tells a slip in the others',
    retry: false,
    http: 422,
    fhir: 'value',
  },
  'mpi.no-number': {
    sentence: 'no free MIX number was found',
    fix: 'nothing now; it is tried again. When it stays so, the numbers of this exchange are nearly used up',
    retry: true,
    http: 503,
    fhir: 'exception',
  },
  'mpi.features': {
    sentence: 'the kept features of a patient can not be read',
    fix: 'let the index read the patient again; the record itself is whole',
    retry: false,
    http: 500,
    fhir: 'exception',
  },
} as const satisfies Record<string, FaultKind>;
