import type { FaultKind } from './kind.ts';

export const convertFaults = {
  'convert.unreadable': {
    sentence: 'the file or folder can not be read',
    fix: 'check that it is there and may be read',
    retry: false,
    http: 400,
    fhir: 'not-found',
  },
  'convert.unknown-kind': {
    sentence: 'the file is of no kind that can be checked',
    fix: 'give HL7v2 messages, a CCD, an XACML policy, a vendor profile or a settings file',
    retry: false,
    http: 415,
    fhir: 'not-supported',
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
