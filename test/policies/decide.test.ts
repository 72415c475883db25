import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { compilePolicies, type DecisionRequest, decide, shippedPolicies } from '../../policies/index.ts';
import {
  ACTIONS,
  type Action,
  PURPOSES,
  type PurposeOfUse,
  RESOURCE_TYPES,
  type ResourceType,
  ROLES,
  type Role,
} from '../../schemas/xacml/attributes.ts';

function ask(
  roles: string[],
  action: Action,
  type: ResourceType,
  purpose: PurposeOfUse | undefined = 'TREAT',
): DecisionRequest {
  return { subject: { id: 'u1', roles }, action, resource: { type, id: 'r1', personId: 'p1' }, purpose };
}

/** Everything that one role alone may do for treatment; all else is denied. */
const MAY: Record<Role, Partial<Record<ResourceType, Action[]>>> = {
  administrator: {
    overview: ['read', 'search', 'create', 'configure'],
    source: ['read', 'search', 'create', 'configure'],
    parked: ['read', 'search'],
    message: ['search'],
    session: ['read', 'create', 'configure'],
    exchange: ['read', 'search', 'configure'],
    delivery: ['read', 'search', 'rerun'],
    settings: ['read', 'search'],
  },
  'interface-analyst': {
    message: ['read', 'search', 'rerun'],
    parked: ['read', 'search', 'rerun'],
    source: ['read', 'search'],
    overview: ['read', 'search'],
    session: ['read', 'create', 'configure'],
    exchange: ['read', 'search', 'configure'],
    delivery: ['read', 'search', 'rerun'],
    settings: ['read', 'search'],
  },
  doctor: {
    patient: ['read', 'search'],
    identity: ['read', 'search', 'configure'],
    document: ['read', 'search', 'create', 'disclose', 'configure'],
    overview: ['read'],
    session: ['read', 'create', 'configure'],
  },
  nurse: {
    patient: ['read', 'search'],
    identity: ['read', 'search'],
    document: ['read', 'search', 'create'],
    overview: ['read'],
    session: ['read', 'create', 'configure'],
  },
  'privacy-officer': {
    audit: ['read', 'search'],
    identity: ['read', 'search', 'configure'],
    document: ['configure'],
    overview: ['read'],
    session: ['read', 'create', 'configure'],
    delivery: ['read', 'search'],
  },
  source: { message: ['create'] },
  node: {
    message: ['read', 'search', 'disclose'],
    patient: ['read', 'search', 'disclose'],
    document: ['read', 'search', 'create', 'disclose'],
  },
  'node-hospital': { patient: ['search', 'create'], document: ['search', 'create', 'configure'], release: ['read'] },
  'node-region': { patient: ['search', 'create'], document: ['search', 'configure'], release: ['read'] },
  'node-global': { patient: ['create'], release: ['create'] },
};

const requests = fc.record({
  roles: fc.subarray([...ROLES, 'visitor', '']),
  action: fc.constantFrom(...ACTIONS),
  type: fc.constantFrom(...RESOURCE_TYPES),
  purpose: fc.option(fc.constantFrom(...PURPOSES), { nil: undefined }),
});

describe('the shipped policies', () => {
  test.for([...ROLES])('let %s do what the table says and nothing else', (role) => {
    for (const type of RESOURCE_TYPES) {
      for (const action of ACTIONS) {
        const wanted = MAY[role][type]?.includes(action) ? 'Permit' : 'Deny';
        expect(decide(ask([role], action, type)).decision, `${role} ${action} ${type}`).toBe(wanted);
      }
    }
  });

  test('refuse whoever has no role, or one that nobody knows', () => {
    for (const roles of [[], ['visitor'], ['DOCTOR'], ['doctor ']]) {
      for (const type of RESOURCE_TYPES)
        for (const action of ACTIONS) expect(decide(ask(roles, action, type)).decision).toBe('Deny');
    }
  });

  test('let clinicians see patients for treatment alone', () => {
    for (const purpose of [...PURPOSES, undefined]) {
      const request = { ...ask(['doctor'], 'read', 'patient'), purpose };
      expect(decide(request).decision, purpose).toBe(purpose === 'TREAT' ? 'Permit' : 'Deny');
    }
  });

  test('let a hospital or region have documents only for a doctor or nurse who treats', () => {
    for (const role of ROLES) {
      for (const behalf of [undefined, [], ['administrator'], ['doctor'], ['nurse', 'administrator'], [role]]) {
        for (const purpose of [...PURPOSES, undefined]) {
          const { subject, ...rest } = ask([role], 'disclose', 'document', purpose);
          const asked = { ...rest, purpose, subject: { ...subject, ...(behalf && { behalfRoles: behalf }) } };
          const node = role === 'node-hospital' || role === 'node-region';
          const treats = purpose === 'TREAT' || purpose === 'ETREAT';
          const clinical = behalf?.some((one) => one === 'doctor' || one === 'nurse') === true;
          if (node)
            expect(decide(asked).decision, `${role} ${behalf} ${purpose}`).toBe(treats && clinical ? 'Permit' : 'Deny');
          // For everybody else it changes nothing that they say they ask for another.
          else expect(decide(asked).decision).toBe(decide({ ...rest, purpose, subject }).decision);
        }
      }
    }
  });

  test('let nodes of the exchange do nothing for other purposes', () => {
    for (const role of ['node-hospital', 'node-region', 'node-global']) {
      for (const purpose of ['HPAYMT', 'HRESCH', 'PATRQT', 'PUBHLTH', 'HMARKT'] as const)
        for (const type of ['patient', 'document'] as const)
          for (const action of ACTIONS) expect(decide(ask([role], action, type, purpose)).decision).toBe('Deny');
    }
  });

  test('never let anybody use what concerns a patient for marketing', () => {
    for (const type of ['message', 'parked', 'patient', 'document'] as const) {
      for (const action of ACTIONS) {
        const decision = decide(ask([...ROLES], action, type, 'HMARKT'));
        expect(decision.decision).toBe('Deny');
        expect(decision.because).toBe('Messages, patients and documents are never used for marketing.');
      }
    }
  });

  test('tell in one sentence what decided, and the way there', () => {
    expect(decide(ask(['nurse'], 'read', 'patient'))).toEqual({
      decision: 'Permit',
      obligations: [],
      advice: [],
      because: 'A doctor or nurse may find and read patients and documents for treatment.',
      way: {
        policies: ['urn:mix-hie:policies', 'urn:mix-hie:policies:all', 'urn:mix-hie:policy:clinician'],
        rule: 'see-patients',
      },
    });
    expect(decide(ask(['nurse'], 'disclose', 'document'))).toMatchObject({
      decision: 'Deny',
      because: 'No policy permits this.',
      way: { rule: '' },
    });
  });

  test('begin each with a plain sentence', () => {
    const files = shippedPolicies();
    expect(files.length).toBeGreaterThan(5);
    for (const { name, xml } of files)
      expect(xml.toString(), name).toMatch(/^<\?xml [^>]*\?>\n<!-- [A-Z][^<>]*\. -->\n/);
  });

  test('give several roles together what each has alone', () => {
    fc.assert(
      fc.property(requests, ({ roles, action, type, purpose }) => {
        const each = roles.some((role) => decide(ask([role], action, type, purpose)).decision === 'Permit');
        expect(decide(ask(roles, action, type, purpose)).decision).toBe(each ? 'Permit' : 'Deny');
      }),
      { numRuns: 500 },
    );
  });
});

const S = 'http://www.w3.org/2001/XMLSchema#string';
const match = (value: string, id: string, category: string): string =>
  `<AnyOf><AllOf><Match MatchId="urn:oasis:names:tc:xacml:1.0:function:string-equal"><AttributeValue DataType="${S}">${value}</AttributeValue><AttributeDesignator Category="${category}" AttributeId="${id}" DataType="${S}" MustBePresent="false"/></Match></AllOf></AnyOf>`;
const SUBJECT = 'urn:oasis:names:tc:xacml:1.0:subject-category:access-subject';
const roleIs = (role: string): string => match(role, 'urn:oasis:names:tc:xacml:2.0:subject:role', SUBJECT);
const typeIs = (type: string): string =>
  match(type, 'urn:mix-hie:resource:type', 'urn:oasis:names:tc:xacml:3.0:attribute-category:resource');
const MISSING = `<Condition><Apply FunctionId="urn:oasis:names:tc:xacml:1.0:function:string-equal"><AttributeValue DataType="${S}">x</AttributeValue><Apply FunctionId="urn:oasis:names:tc:xacml:1.0:function:string-one-and-only"><AttributeDesignator Category="${SUBJECT}" AttributeId="urn:nobody:supplies" DataType="${S}" MustBePresent="true"/></Apply></Apply></Condition>`;

function denyPolicy(id: number, target: string, condition: string, combining: string): string {
  return `<Policy xmlns="urn:oasis:names:tc:xacml:3.0:core:schema:wd-17" PolicyId="urn:test:${id}" Version="1" RuleCombiningAlgId="urn:oasis:names:tc:xacml:3.0:rule-combining-algorithm:${combining}"><Description>Added.</Description><Target>${target}</Target><Rule RuleId="r" Effect="Deny"><Description>Refused by the added policy.</Description>${condition}</Rule></Policy>`;
}

describe('adding a policy that only denies', () => {
  const denials = fc.record({
    target: fc.constantFrom(
      '',
      ...ROLES.map(roleIs),
      ...RESOURCE_TYPES.map(typeIs),
      roleIs('doctor') + typeIs('patient'),
    ),
    condition: fc.constantFrom('', MISSING),
    combining: fc.constantFrom('deny-overrides', 'permit-overrides', 'ordered-deny-overrides'),
  });

  test('never opens anything, wherever it stands and even when it cannot be evaluated', () => {
    fc.assert(
      fc.property(
        fc.array(denials, { minLength: 1, maxLength: 3 }),
        fc.boolean(),
        fc.array(requests, { minLength: 20, maxLength: 20 }),
        (added, first, asked) => {
          const files = added.map((one, i) => ({
            name: `${i}.xml`,
            xml: denyPolicy(i, one.target, one.condition, one.combining),
          }));
          const decider = compilePolicies(first ? [...files, ...shippedPolicies()] : [...shippedPolicies(), ...files]);
          for (const { roles, action, type, purpose } of asked) {
            const request = ask(roles, action, type, purpose);
            if (decide(request).decision === 'Deny') expect(decider.decide(request).decision).toBe('Deny');
          }
        },
      ),
      { numRuns: 60 },
    );
  });

  test('closes what it names and says so', () => {
    const decider = compilePolicies([
      ...shippedPolicies(),
      { name: 'x.xml', xml: denyPolicy(1, typeIs('patient'), '', 'deny-overrides') },
    ]);
    expect(decider.decide(ask(['doctor'], 'read', 'patient'))).toMatchObject({
      decision: 'Deny',
      because: 'Refused by the added policy.',
      way: { rule: 'r' },
    });
    expect(decider.decide(ask(['doctor'], 'read', 'document')).decision).toBe('Permit');
    const unsure = compilePolicies([
      ...shippedPolicies(),
      { name: 'x.xml', xml: denyPolicy(1, typeIs('patient'), MISSING, 'deny-overrides') },
    ]);
    expect(unsure.decide(ask(['doctor'], 'read', 'patient'))).toMatchObject({
      decision: 'Deny',
      because: 'It could not be told whether a policy permits this (urn:nobody:supplies).',
    });
  });
});

test('the order of the policy files changes no decision', () => {
  const files = shippedPolicies();
  fc.assert(
    fc.property(
      fc.shuffledSubarray(files, { minLength: files.length }),
      fc.array(requests, { minLength: 20, maxLength: 20 }),
      (shuffled, asked) => {
        const decider = compilePolicies(shuffled);
        for (const { roles, action, type, purpose } of asked) {
          const request = ask(roles, action, type, purpose);
          expect(decider.decide(request).decision).toBe(decide(request).decision);
        }
      },
    ),
    { numRuns: 30 },
  );
});

test('one wrong file and nothing is loaded', () => {
  const codeFor = (xml: string): string => {
    try {
      compilePolicies([...shippedPolicies(), { name: 'x.xml', xml }]);
    } catch (error) {
      return (error as { fault: { code: string } }).fault.code;
    }
    return 'loaded';
  };
  const good = denyPolicy(1, '', '', 'deny-overrides');
  expect(codeFor(good)).toBe('loaded');
  expect(codeFor(good.replace('rule-combining-algorithm:deny-overrides', 'rule-combining-algorithm:anything'))).toBe(
    'policy.unknown-function',
  );
  expect(codeFor(good.replace('Effect="Deny"', 'Effect="Denny"'))).toBe('policy.malformed');
  expect(codeFor(good.replace('urn:test:1', 'urn:mix-hie:policy:doctor').replace('Version="1"', 'Version="1.0"'))).toBe(
    'policy.duplicate',
  );
  expect(codeFor('<a/>')).toBe('policy.malformed');
  expect(codeFor('<a')).toBe('xml.malformed');
});
