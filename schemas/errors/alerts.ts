import type { FaultKind } from './kind.ts';

export const alertsFaults = {
  'alerts.not-sent': {
    sentence: 'an alert could not be sent',
    fix: 'check the settings of the room alerts and whether that server is up; the page of alerts shows it meanwhile',
    retry: true,
    http: 502,
    fhir: 'transient',
  },
} as const satisfies Record<string, FaultKind>;
