import type { FaultKind } from './kind.ts';

export const convertFaults = {
  'convert.unreadable': {
    sentence: 'the file or folder can not be read',
    fix: 'check that it is there and may be read',
    retry: false,
    http: 400,
    fhir: 'not-found',
  },
  'convert.too-large': {
    sentence: 'the file is larger than a conversion takes at once',
    fix: 'cut it into several files',
    retry: false,
    http: 413,
    fhir: 'too-long',
  },
  'convert.too-many-files': {
    sentence: 'there are more files than one conversion takes',
    fix: 'convert the folders one by one',
    retry: false,
    http: 413,
    fhir: 'too-long',
  },
} as const satisfies Record<string, FaultKind>;
