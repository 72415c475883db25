import type { FaultKind } from './kind.ts';

export const pkiFaults = {
  'seal.broken': { sentence: 'a sealed row was changed outside the engine, or the key is not the one it was sealed with', fix: 'restore the row from a backup and check the key file', retry: false, http: 500, fhir: 'security' },
  'seal.shredded': { sentence: 'the key of this row was destroyed', fix: 'nothing can bring it back; see the audit for who asked', retry: false, http: 410, fhir: 'deleted' },
} as const satisfies Record<string, FaultKind>;
