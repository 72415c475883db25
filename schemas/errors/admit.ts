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
  'admit.no-certificate': {
    sentence: 'no certificate of the exchange was shown',
    fix: 'connect with the certificate of your node',
    retry: false,
    http: 401,
    fhir: 'login',
  },
  'admit.not-of-exchange': {
    sentence: 'the certificate is not of this exchange',
    fix: 'have your node certified by an authority of the exchange',
    retry: false,
    http: 403,
    fhir: 'security',
  },
  'admit.revoked': {
    sentence: 'the certificate was revoked',
    fix: 'ask the authority that issued it for a new one',
    retry: false,
    http: 403,
    fhir: 'security',
  },
  'admit.status': {
    sentence: 'whether the certificate was revoked can not be told now',
    fix: 'nothing at the sender; the operator fetches the newest revocation list of the authority that issued it',
    retry: true,
    http: 503,
    fhir: 'transient',
  },
  'admit.requester': {
    sentence: 'what is told of the person for whom a node asks can not be read',
    fix: 'send the header x-mix-requester as JSON in base64url, or leave it out',
    retry: false,
    http: 400,
    fhir: 'invalid',
  },
  'admit.wrong-role': {
    sentence: 'the certificate is of a node of another role, or of one that is not among the nodes known here',
    fix: 'add the node to exchange.nodes with its role and organisation',
    retry: false,
    http: 403,
    fhir: 'security',
  },
} as const satisfies Record<string, FaultKind>;
