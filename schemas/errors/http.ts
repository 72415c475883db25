import type { FaultKind } from './kind.ts';

export const httpFaults = {
  'http.not-signed-in': { sentence: 'nobody is signed in', fix: 'sign in first', retry: false, http: 401, fhir: 'login' },
  'http.not-found': { sentence: 'there is no such thing here', fix: 'check the address', retry: false, http: 404, fhir: 'not-found' },
} as const satisfies Record<string, FaultKind>;
