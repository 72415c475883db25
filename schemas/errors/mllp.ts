import type { FaultKind } from './kind.ts';

export const mllpFaults = {
  'mllp.frame-too-large': { sentence: 'the frame is larger than the limit', fix: 'raise mllp.frameBytesMax or send smaller messages', retry: false, hl7: '207', http: 413, fhir: 'too-long' },
} as const satisfies Record<string, FaultKind>;
