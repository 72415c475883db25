import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { compilePolicy, evaluatePolicy, readRequest, writeResponse } from '../../policies/index.ts';

const S = 'http://www.w3.org/2001/XMLSchema#string';
const X = 'urn:oasis:names:tc:xacml:';
const SUBJECT = `${X}1.0:subject-category:access-subject`;
const HEAD = 'xmlns="urn:oasis:names:tc:xacml:3.0:core:schema:wd-17"';
/** A condition that cannot be told. */
const UNKNOWN = `<Condition><Apply FunctionId="${X}1.0:function:string-equal"><AttributeValue DataType="${S}">a</AttributeValue><Apply FunctionId="${X}1.0:function:string-one-and-only"><AttributeDesignator Category="${SUBJECT}" AttributeId="urn:none" DataType="${S}" MustBePresent="true"/></Apply></Apply></Condition>`;
const NEVER = `<Condition><AttributeValue DataType="http://www.w3.org/2001/XMLSchema#boolean">false</AttributeValue></Condition>`;

/** What a child can come to: not applicable, permit, deny, and unknown of either. */
type Child = 'N' | 'P' | 'D' | 'p' | 'd' | 'x';
const RULES: Record<Exclude<Child, 'x'>, [string, string]> = {
  N: ['Permit', NEVER],
  P: ['Permit', ''],
  D: ['Deny', ''],
  p: ['Permit', UNKNOWN],
  d: ['Deny', UNKNOWN],
};

function rule(child: Exclude<Child, 'x'>, i: number): string {
  const [effect, condition] = RULES[child];
  const on = `FulfillOn="${effect}" ObligationId="o${i}"`;
  return `<Rule RuleId="r${i}" Effect="${effect}">${condition}<ObligationExpressions><ObligationExpression ${on}/></ObligationExpressions></Rule>`;
}

function policy(id: string, algorithm: string, body: string): string {
  return `<Policy ${HEAD} PolicyId="${id}" Version="1.0" RuleCombiningAlgId="${X}${algorithm.replace(':', ':rule-combining-algorithm:')}"><Target/>${body}</Policy>`;
}

/** A policy that comes to one outcome; `x` is unknown of both. */
function policyFor(child: Child, i: number): string {
  if (child !== 'x') return policy(`p${i}`, '3.0:deny-overrides', rule(child, i));
  return policy(`p${i}`, '3.0:deny-overrides', rule('P', i) + rule('d', i + 1_000));
}

function outcome(xml: string): string {
  const { decision, could, fulfillments } = evaluatePolicy(compilePolicy(xml), new Map(), 0);
  return `${decision === 'Indeterminate' ? `?${could}` : decision[0]} ${fulfillments.map((one) => one.id).join()}`.trim();
}

const ofRules = (algorithm: string, children: string): string =>
  outcome(policy('root', algorithm, [...children].map((child, i) => rule(child as 'P', i)).join('')));
const ofPolicies = (algorithm: string, children: string): string =>
  outcome(
    `<PolicySet ${HEAD} PolicySetId="root" Version="1.0" PolicyCombiningAlgId="${X}${algorithm.replace(':', ':policy-combining-algorithm:')}"><Target/>${[...children].map((child, i) => policyFor(child as Child, i)).join('')}</PolicySet>`,
  );

/** Algorithm, children in order, wanted outcome with the obligations that come along (XACML 3.0 appendix C). */
const TABLE: [string, string, string][] = [
  ['3.0:deny-overrides', '', 'N'],
  ['3.0:deny-overrides', 'NPP', 'P o1,o2'],
  ['3.0:deny-overrides', 'PDP', 'D o1'],
  ['3.0:deny-overrides', 'dpD', 'D o2'],
  ['3.0:deny-overrides', 'dP', '?DP'],
  ['3.0:deny-overrides', 'dp', '?DP'],
  ['3.0:deny-overrides', 'dN', '?D'],
  ['3.0:deny-overrides', 'pP', 'P o1'],
  ['3.0:deny-overrides', 'p', '?P'],
  ['3.0:permit-overrides', 'DPD', 'P o1'],
  ['3.0:permit-overrides', 'pD', '?DP'],
  ['3.0:permit-overrides', 'pN', '?P'],
  ['3.0:permit-overrides', 'dDD', 'D o1,o2'],
  ['3.0:ordered-permit-overrides', 'dd', '?D'],
  ['3.0:ordered-deny-overrides', 'PD', 'D o1'],
  ['3.0:deny-unless-permit', '', 'D'],
  ['3.0:deny-unless-permit', 'pdD', 'D o2'],
  ['3.0:deny-unless-permit', 'DP', 'P o1'],
  ['3.0:permit-unless-deny', 'dp', 'P'],
  ['3.0:permit-unless-deny', 'PD', 'D o1'],
  ['1.0:first-applicable', 'NDP', 'D o1'],
  ['1.0:first-applicable', 'NpD', '?P'],
  ['1.0:first-applicable', 'N', 'N'],
  // The forms of version 1.0 for rules.
  ['1.0:deny-overrides', 'dP', '?DP'],
  ['1.0:deny-overrides', 'pP', 'P o1'],
  ['1.0:permit-overrides', 'pD', '?DP'],
  ['1.1:ordered-permit-overrides', 'dD', 'D o1'],
];

describe('rules under', () => {
  test.for(TABLE)('%s: "%s" comes to %s', ([algorithm, children, wanted]) => {
    expect(ofRules(algorithm, children)).toBe(wanted);
  });
});

describe('policies under', () => {
  const sets: [string, string, string][] = [
    ...TABLE.filter(([algorithm]) => !/^1\.[01]:(deny|permit|ordered)/.test(algorithm)),
    ['3.0:deny-overrides', 'xP', '?DP'],
    ['3.0:permit-overrides', 'xD', '?DP'],
    // Version 1.0: a policy that cannot be told is a Deny, and a Deny goes before an unknown.
    ['1.0:deny-overrides', 'Pp', 'D'],
    ['1.0:permit-overrides', 'dD', 'D o1'],
    ['1.0:permit-overrides', 'dN', '?D'],
    ['1.0:only-one-applicable', 'P', 'P o0'],
    ['1.0:only-one-applicable', 'PN', '?DP'],
  ];
  test.for(sets)('%s: "%s" comes to %s', ([algorithm, children, wanted]) => {
    expect(ofPolicies(algorithm, children)).toBe(wanted);
  });
});

test('more rules than the index begins with come to the same as they do without it', () => {
  const target = (role: string): string =>
    `<Target><AnyOf><AllOf><Match MatchId="${X}1.0:function:string-equal"><AttributeValue DataType="${S}">${role}</AttributeValue><AttributeDesignator Category="${SUBJECT}" AttributeId="role" DataType="${S}" MustBePresent="false"/></Match></AllOf></AnyOf></Target>`;
  const children = fc.array(fc.tuple(fc.constantFrom('P', 'D', 'p', 'd'), fc.constantFrom('a', 'b', 'c', '')), {
    minLength: 4,
    maxLength: 12,
  });
  const algorithms = fc.constantFrom(
    '3.0:deny-overrides',
    '3.0:permit-overrides',
    '3.0:deny-unless-permit',
    '1.0:first-applicable',
  );
  const request = (roles: string[]): string =>
    `<Request ${HEAD} ReturnPolicyIdList="false" CombinedDecision="false"><Attributes Category="${SUBJECT}">${roles.map((role) => `<Attribute AttributeId="role" IncludeInResult="false"><AttributeValue DataType="${S}">${role}</AttributeValue></Attribute>`).join('')}</Attributes></Request>`;
  fc.assert(
    fc.property(children, algorithms, fc.subarray(['a', 'b', 'c', 'z']), (list, algorithm, roles) => {
      const withTarget = ([child, role]: [string, string], i: number): string =>
        rule(child as 'P', i).replace(/(<Rule [^>]*>)/, `$1${role ? target(role) : ''}`);
      const indexed = compilePolicy(policy('a', algorithm, list.map(withTarget).join('')));
      // The same with the rules that do not match taken out by hand.
      const plain = policy(
        'b',
        algorithm,
        list.map(([child, role], i) => (role === '' || roles.includes(role) ? rule(child as 'P', i) : '')).join(''),
      );
      const { attributes } = readRequest(request(roles))[0]!;
      const { decision, could, fulfillments } = evaluatePolicy(indexed, attributes, 0);
      const wanted = evaluatePolicy(compilePolicy(plain), new Map(), 0);
      expect({ decision, could, done: fulfillments.map((one) => one.id) }).toEqual({
        decision: wanted.decision,
        could: wanted.could,
        done: wanted.fulfillments.map((one) => one.id),
      });
    }),
    { numRuns: 300 },
  );
});

describe('requests', () => {
  const request = (body: string): string =>
    `<Request ${HEAD} ReturnPolicyIdList="false" CombinedDecision="false">${body}</Request>`;
  const attribute = (value: string, type = S): string =>
    `<Attribute AttributeId="a" IncludeInResult="true"><AttributeValue DataType="${type}">${value}</AttributeValue></Attribute>`;
  const code = (xml: string): string => {
    try {
      readRequest(xml);
    } catch (error) {
      return (error as { fault: { code: string } }).fault.code;
    }
    return 'read';
  };

  test('that lie about types, lack what they must have or hold strange things are refused', () => {
    const good = request(`<Attributes Category="c">${attribute('x')}</Attributes>`);
    expect(code(good)).toBe('read');
    expect(
      code(
        request(
          `<Attributes Category="c">${attribute('abc', 'http://www.w3.org/2001/XMLSchema#integer')}</Attributes>`,
        ),
      ),
    ).toBe('policy.request');
    expect(code(request(`<Attributes Category="c">${attribute('abc', 'urn:no-such-type')}</Attributes>`))).toBe(
      'policy.request',
    );
    expect(code(good.replace('Category="c"', ''))).toBe('policy.request');
    expect(code(good.replace('IncludeInResult="true"', ''))).toBe('policy.request');
    expect(code(good.replace('<Attributes', '<Else/><Attributes'))).toBe('policy.request');
    expect(code(good.replace(/wd-17/, 'wd-18'))).toBe('policy.request');
    expect(code(good.replace('>x<', '><b/><'))).toBe('policy.request');
    expect(code('<a>')).toBe('xml.malformed');
    expect(
      code(request(Array.from({ length: 4 }, (_, i) => `<Attributes Category="c${i}"/>`.repeat(10)).join(''))),
    ).toBe('policy.limit');
  });

  test('with a category twice get a decision each, with what they want to see in it', () => {
    const permit = compilePolicy(policy('p', '3.0:deny-overrides', rule('P', 0)));
    const singles = readRequest(
      request(
        `<Attributes Category="c">${attribute('x')}</Attributes><Attributes Category="c">${attribute('y &amp; z')}</Attributes>`,
      ),
    );
    const response = writeResponse(
      singles.map(({ attributes, included }) => ({ included, result: evaluatePolicy(permit, attributes, 0) })),
    );
    expect(response.match(/<Decision>Permit<\/Decision>/g)).toHaveLength(2);
    expect(response).toContain(`<AttributeValue DataType="${S}">y &amp; z</AttributeValue>`);
    expect(response).toContain('<Obligation ObligationId="o0"></Obligation>');
  });

  test('get the attribute that was missing told', () => {
    const unknown = evaluatePolicy(compilePolicy(policy('p', '3.0:deny-overrides', rule('p', 0))), new Map(), 0);
    expect(writeResponse([{ result: unknown, included: [] }])).toContain(
      `<StatusCode Value="${X}1.0:status:missing-attribute"/><StatusMessage>urn:none</StatusMessage><StatusDetail><MissingAttributeDetail Category="${SUBJECT}" AttributeId="urn:none" DataType="${S}"/></StatusDetail>`,
    );
  });

  test('without a time of their own are given the clock\u2019s', () => {
    const at = (name: string, type: string, value: string): string =>
      `<Rule RuleId="${name}" Effect="Permit"><Condition><Apply FunctionId="${X}1.0:function:${type}-equal"><AttributeValue DataType="http://www.w3.org/2001/XMLSchema#${type}">${value}</AttributeValue><Apply FunctionId="${X}1.0:function:${type}-one-and-only"><AttributeDesignator Category="${X}3.0:attribute-category:environment" AttributeId="${X}1.0:environment:current-${type}" DataType="http://www.w3.org/2001/XMLSchema#${type}" MustBePresent="true"/></Apply></Apply></Condition></Rule>`;
    for (const [type, value] of [
      ['dateTime', '2026-11-23T12:30:00Z'],
      ['date', '2026-11-23Z'],
      ['time', '12:30:00Z'],
    ] as const) {
      const compiled = compilePolicy(policy('p', '3.0:deny-overrides', at('r', type, value)));
      expect(evaluatePolicy(compiled, new Map(), Date.UTC(2026, 10, 23, 12, 30)).decision, type).toBe('Permit');
      expect(evaluatePolicy(compiled, new Map(), Date.UTC(2026, 10, 24, 12, 31)).decision, type).toBe('NotApplicable');
    }
  });
});
