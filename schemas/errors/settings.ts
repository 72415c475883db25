import type { FaultKind } from './kind.ts';

export const settingsFaults = {
  'settings.unknown-key': { sentence: 'there is no setting of this name', fix: 'see docs/settings.md for the names', retry: false, http: 500, fhir: 'invalid' },
} as const satisfies Record<string, FaultKind>;
