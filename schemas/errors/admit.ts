import type { FaultKind } from './kind.ts';

export const admitFaults = {
  'admit.wrong-secret': {
    sentence: 'the name or the password is wrong',
    fix: 'try again, or ask the administrator for a new one-time password',
    retry: false,
    http: 401,
    fhir: 'login',
  },
  'admit.weak-secret': {
    sentence: 'the new password is not strong enough',
    fix: 'choose a longer one; four unrelated words do well',
    retry: false,
    http: 422,
    fhir: 'invalid',
  },
  'admit.too-many-sessions': {
    sentence: 'too many sessions are open',
    fix: 'sign out elsewhere or try again in some minutes',
    retry: true,
    http: 503,
    fhir: 'throttled',
  },
} as const satisfies Record<string, FaultKind>;
