import type { FaultKind } from './kind.ts';

export const policyFaults = {
  'policy.denied': {
    sentence: 'the policies do not permit this',
    fix: 'ask the privacy officer for the role or consent that does',
    retry: false,
    http: 403,
    fhir: 'forbidden',
  },
  'policy.malformed': {
    sentence: 'the policy is not valid XACML',
    fix: 'correct the policy at the place told',
    retry: false,
    http: 400,
    fhir: 'structure',
  },
  'policy.unknown-function': {
    sentence: 'the policy calls a function or algorithm that does not exist',
    fix: 'use an identifier of XACML 3.0 appendix A or C',
    retry: false,
    http: 400,
    fhir: 'not-supported',
  },
  'policy.type': {
    sentence: 'an expression of the policy has the wrong data type',
    fix: 'give the function the types that XACML 3.0 appendix A.3 names',
    retry: false,
    http: 400,
    fhir: 'value',
  },
  'policy.constant': {
    sentence: 'a constant expression of the policy can never be evaluated',
    fix: 'correct the constant',
    retry: false,
    http: 400,
    fhir: 'value',
  },
  'policy.reference': {
    sentence: 'a reference of the policy leads nowhere or back to itself',
    fix: 'load the policy that is meant, and let no policy include itself',
    retry: false,
    http: 400,
    fhir: 'not-found',
  },
  'policy.duplicate': {
    sentence: 'an identifier is used twice where it must be unique',
    fix: 'give each rule, variable and policy an identifier of its own',
    retry: false,
    http: 400,
    fhir: 'duplicate',
  },
  'policy.limit': {
    sentence: 'the policies or the request are larger than the limit',
    fix: 'split them, or simplify what is nested',
    retry: false,
    http: 400,
    fhir: 'too-costly',
  },
  'policy.request': {
    sentence: 'the decision request is not valid XACML',
    fix: 'correct the request at the place told',
    retry: false,
    http: 400,
    fhir: 'structure',
  },
} as const satisfies Record<string, FaultKind>;
