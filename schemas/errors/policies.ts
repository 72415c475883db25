import type { FaultKind } from './kind.ts';

export const policyFaults = {
  'policy.denied': { sentence: 'the policies do not permit this', fix: 'ask the privacy officer for the role or consent that does', retry: false, http: 403, fhir: 'forbidden' },
} as const satisfies Record<string, FaultKind>;
