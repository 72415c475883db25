import type { FaultKind } from './kind.ts';

export const storeFaults = {
  'store.conflict': { sentence: 'another unit changed the row first', fix: 'run the job again', retry: true, http: 409, fhir: 'conflict' },
  'store.fenced': { sentence: 'the lease of this job was lost', fix: 'nothing; its new holder runs it', retry: false, http: 409, fhir: 'conflict' },
  'store.full': { sentence: 'the disk is full', fix: 'free space on the disk of the data folder; nothing was kept, send again', retry: true, hl7: '207', http: 507, fhir: 'no-store' },
  'store.busy': { sentence: 'the queue of the store is at its limit', fix: 'send again in a moment', retry: true, hl7: '207', http: 503, fhir: 'throttled' },
} as const satisfies Record<string, FaultKind>;
