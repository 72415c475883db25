import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { compilePolicy, type DecisionWord, evaluatePolicy } from '../../policies/index.ts';
import { EvaluationFault } from '../../policies/pdp/context.ts';
import { compilePattern } from '../../policies/pdp/regexp.ts';

const XS = 'http://www.w3.org/2001/XMLSchema#';
const TYPE: Record<string, string> = {
  rfc822Name: 'urn:oasis:names:tc:xacml:1.0:data-type:rfc822Name',
  x500Name: 'urn:oasis:names:tc:xacml:1.0:data-type:x500Name',
  ipAddress: 'urn:oasis:names:tc:xacml:2.0:data-type:ipAddress',
  dnsName: 'urn:oasis:names:tc:xacml:2.0:data-type:dnsName',
};
const F = 'urn:oasis:names:tc:xacml:';

/** `string:abc` is a literal, `name(...)` a call, `f:name` a Function, `none:string` an attribute that is not there. */
function write(text: string): string {
  const call = /^([\w.:-]+)\((.*)\)$/s.exec(text);
  if (call) return `<Apply FunctionId="${idOf(call[1]!)}">${split(call[2]!).map(write).join('')}</Apply>`;
  const [kind, ...rest] = text.split(':');
  const value = rest.join(':');
  if (kind === 'f') return `<Function FunctionId="${idOf(value)}"/>`;
  if (kind === 'none') {
    return `<AttributeDesignator Category="urn:c" AttributeId="urn:none" DataType="${TYPE[value] ?? XS + value}" MustBePresent="false"/>`;
  }
  return `<AttributeValue DataType="${TYPE[kind!] ?? XS + kind}">${value}</AttributeValue>`;
}

function idOf(name: string): string {
  return `${F}${/^\d/.test(name) ? name.replace('/', ':function:') : `1.0:function:${name}`}`.replace(
    /^(urn:oasis:names:tc:xacml:)(\d\.\d):(?!function)/,
    '$1$2:function:',
  );
}

/** Splits at commas outside of parentheses. */
function split(text: string): string[] {
  const parts: string[] = [];
  let [depth, from] = [0, 0];
  for (let i = 0; i < text.length; i++) {
    if (text[i] === '(') depth++;
    else if (text[i] === ')') depth--;
    else if (text[i] === ',' && depth === 0 && text[i - 1] !== '\\') {
      parts.push(text.slice(from, i).trim());
      from = i + 1;
    }
  }
  const last = text.slice(from).trim();
  return last === '' && parts.length === 0 ? [] : [...parts, last];
}

function policyOf(condition: string): string {
  return `<Policy xmlns="urn:oasis:names:tc:xacml:3.0:core:schema:wd-17" PolicyId="urn:p" Version="1.0" RuleCombiningAlgId="urn:oasis:names:tc:xacml:3.0:rule-combining-algorithm:deny-overrides"><Target/><Rule RuleId="r" Effect="Permit"><Condition>${condition}</Condition></Rule></Policy>`;
}

function decisionOf(text: string): DecisionWord {
  return evaluatePolicy(compilePolicy(policyOf(write(text))), new Map(), Date.UTC(2026, 10, 23)).decision;
}

function codeOf(xml: string): string {
  try {
    compilePolicy(xml);
  } catch (error) {
    return (error as { fault?: { code: string } }).fault?.code ?? String(error);
  }
  return 'compiled';
}

const TRUE = [
  'integer-equal(integer-add(integer:1, integer:2, integer:3), integer:6)',
  'integer-equal(integer-divide(integer:-7, integer:2), integer:-3)',
  'integer-equal(integer-mod(integer:-7, integer:2), integer:-1)',
  'integer-equal(integer-abs(integer:-7), integer:+7)',
  'integer-equal(integer-multiply(integer:99999999999999999999, integer:10), integer:999999999999999999990)',
  'double-equal(double-divide(double:1, double:4), double:.25)',
  'double-equal(round(double:2.5), double:2)',
  'double-equal(round(double:3.5), double:4)',
  'double-equal(round(double:-1.2), double:-1)',
  'double-equal(floor(double:-1.2), double:-2)',
  'integer-equal(double-to-integer(double:-1.9), integer:-1)',
  'double-less-than(double:1, double:INF)',
  'not(double-equal(double:NaN, double:NaN))',
  'not(double-less-than-or-equal(double:NaN, double:1))',
  'not(double-greater-than(double:NaN, double:1))',
  'double-greater-than-or-equal(double:INF, double:INF)',
  'string-equal(string-normalize-space(string:  a b ), string:a b)',
  'string-equal(2.0:string-concatenate(string:a, string:b, string:c), string:abc)',
  '3.0:string-equal-ignore-case(string:ABC, string:abc)',
  '3.0:string-starts-with(string:ab, string:abc)',
  '3.0:string-ends-with(string:bc, string:abc)',
  '3.0:anyURI-contains(string:med, anyURI:http://med.test/)',
  'string-equal(3.0:string-substring(string:abcdef, integer:1, integer:3), string:bc)',
  'string-equal(3.0:string-substring(string:abcdef, integer:2, integer:-1), string:cdef)',
  'string-equal(3.0:string-from-dateTime(dateTime:2026-01-02T03:04:05-05:00), string:2026-01-02T03:04:05-05:00)',
  'string-equal(3.0:string-from-dayTimeDuration(3.0:dayTimeDuration-from-string(string:P1DT2H3M4.5S)), string:P1DT2H3M4.5S)',
  'string-equal(3.0:string-from-yearMonthDuration(3.0:yearMonthDuration-from-string(string:-P14M)), string:-P1Y2M)',
  'string-equal(3.0:string-from-time(time:13:20:00Z), string:13:20:00Z)',
  'string-equal(3.0:string-from-date(date:2026-02-28+02:00), string:2026-02-28+02:00)',
  'string-equal(3.0:string-from-boolean(boolean:1), string:true)',
  'dateTime-equal(dateTime:2026-01-01T00:00:00Z, dateTime:2025-12-31T19:00:00-05:00)',
  'time-equal(time:08:23:47-05:00, time:13:23:47Z)',
  'dateTime-equal(3.0:dateTime-add-dayTimeDuration(dateTime:2026-02-28T23:00:00Z, 3.0:dayTimeDuration-from-string(string:PT2H)), dateTime:2026-03-01T01:00:00Z)',
  'date-equal(3.0:date-add-yearMonthDuration(date:2024-01-31, 3.0:yearMonthDuration-from-string(string:P1M)), date:2024-02-29)',
  'date-equal(3.0:date-subtract-yearMonthDuration(date:2026-03-31, 3.0:yearMonthDuration-from-string(string:P1M)), date:2026-02-28)',
  '2.0:time-in-range(time:23:30:00, time:22:00:00, time:06:00:00)',
  'not(2.0:time-in-range(time:12:00:00, time:22:00:00, time:06:00:00))',
  'x500Name-equal(x500Name:CN=A  B\\, C+OU=x;O=y, x500Name:ou=X+cn=a b\\, c;o=Y)',
  'x500Name-match(x500Name:O=Medico\\, Inc., x500Name:CN=J;O=medico\\, inc.)',
  'rfc822Name-equal(rfc822Name:Anne@MED.test, rfc822Name:Anne@med.TEST)',
  'not(rfc822Name-equal(rfc822Name:Anne@med.test, rfc822Name:anne@med.test))',
  'rfc822Name-match(string:med.test, rfc822Name:a@Med.Test)',
  'not(rfc822Name-match(string:med.test, rfc822Name:a@x.med.test))',
  'rfc822Name-match(string:.med.test, rfc822Name:a@x.med.test)',
  'not(rfc822Name-match(string:.med.test, rfc822Name:a@med.test))',
  'hexBinary-equal(hexBinary:0fb7, hexBinary:0FB7)',
  'string-regexp-match(string:^a[0-9]{2}$, string:a12)',
  'string-regexp-match(string:b.d, string:abcde)',
  '2.0:ipAddress-regexp-match(string:^10\\., ipAddress:10.0.0.1)',
  '2.0:dnsName-regexp-match(string:med, dnsName:*.med.test)',
  'and()',
  'not(or())',
  'or(boolean:true, boolean:false)',
  'n-of(integer:2, boolean:true, boolean:false, boolean:true)',
  'n-of(integer:0)',
  'string-is-in(string:a, string-bag(string:b, string:a))',
  'integer-equal(integer-bag-size(integer-bag()), integer:0)',
  'string-set-equals(string-bag(string:a, string:a, string:b), string-bag(string:b, string:a))',
  'string-subset(string-bag(), string-bag(string:a))',
  'not(string-at-least-one-member-of(string-bag(), string-bag(string:a)))',
  'integer-equal(string-bag-size(string-union(string-bag(string:a, string:a), string-bag(string:b), string-bag(string:a))), integer:2)',
  'integer-equal(string-bag-size(string-intersection(string-bag(string:a, string:a), string-bag(string:a))), integer:1)',
  '3.0:any-of(f:string-equal, string:a, string-bag(string:b, string:a))',
  'not(3.0:any-of(f:string-equal, string:a, string-bag()))',
  '3.0:all-of(f:integer-greater-than, integer:10, integer-bag(integer:9, integer:3))',
  '3.0:all-of(f:integer-greater-than, integer:10, integer-bag())',
  '3.0:any-of-any(f:string-equal, string-bag(string:x, string:a), string-bag(string:b, string:a))',
  'all-of-any(f:integer-greater-than, integer-bag(integer:10, integer:20), integer-bag(integer:1, integer:15))',
  'any-of-all(f:integer-greater-than, integer-bag(integer:3, integer:5), integer-bag(integer:1, integer:4))',
  'all-of-all(f:integer-greater-than, integer-bag(integer:6, integer:5), integer-bag(integer:1, integer:4))',
  'string-set-equals(3.0:map(f:string-normalize-to-lower-case, string-bag(string:A, string:b)), string-bag(string:a, string:b))',
  'dateTime-equal(dateTime-one-and-only(dateTime-bag(dateTime:2026-01-01T24:00:00Z)), dateTime:2026-01-02T00:00:00Z)',
];

describe('functions of appendix A.3', () => {
  test.for(TRUE)('%s', (text) => {
    expect(decisionOf(text)).toBe('Permit');
  });

  test('take what is missing as Indeterminate, and only as far as it matters', () => {
    const missing = 'string-equal(string-one-and-only(none:string), string:a)';
    expect(decisionOf(missing)).toBe('Indeterminate');
    expect(decisionOf(`or(${missing}, boolean:true)`)).toBe('Permit');
    expect(decisionOf(`or(boolean:false, ${missing})`)).toBe('Indeterminate');
    expect(decisionOf(`and(${missing}, boolean:false)`)).toBe('NotApplicable');
    expect(decisionOf(`n-of(integer:1, ${missing}, boolean:true)`)).toBe('Permit');
    expect(decisionOf(`n-of(integer:1, ${missing}, boolean:false)`)).toBe('Indeterminate');
    expect(decisionOf(`integer-equal(integer-divide(integer:1, integer-bag-size(none:integer)), integer:1)`)).toBe(
      'Indeterminate',
    );
  });
});

describe('policies that are wrong are refused when they are read', () => {
  const REFUSED: [string, string][] = [
    ['string-equal(string:a, integer:1)', 'policy.type'],
    ['string-equal(string:a)', 'policy.type'],
    ['string-equal(string:a, string:b, string:c)', 'policy.type'],
    ['string-equal(string:a, string-bag(string:a))', 'policy.type'],
    ['integer-add(integer:1, integer:2)', 'policy.type'],
    ['3.0:any-of(f:string-equal, string:a, string:b)', 'policy.type'],
    ['3.0:any-of(f:integer-add, integer:1, integer-bag(integer:1))', 'policy.type'],
    ['no-such-function()', 'policy.unknown-function'],
    ['3.0:any-of(f:no-such, string:a, string-bag())', 'policy.unknown-function'],
    ['integer-equal(integer-divide(integer:1, integer:0), integer:1)', 'policy.constant'],
    ['string-equal(3.0:string-substring(string:a, integer:-2, integer:1), string:a)', 'policy.constant'],
    ['string-equal(string-one-and-only(string-bag()), string:a)', 'policy.constant'],
    ['string-regexp-match(string:[, string:a)', 'policy.constant'],
    ['integer-equal(integer:1.0, integer:1)', 'policy.malformed'],
    ['date-equal(date:2026-02-30, date:2026-02-28)', 'policy.malformed'],
    ['time-equal(time:25:00:00, time:01:00:00)', 'policy.malformed'],
    ['dateTime-equal(dateTime:2026-01-01T00:00:00-14:30, dateTime:2026-01-01T00:00:00Z)', 'policy.malformed'],
    ['rfc822Name-equal(rfc822Name:c@NOSE_MED.test, rfc822Name:a@b)', 'policy.malformed'],
    ['boolean-equal(boolean:TRUE, boolean:true)', 'policy.malformed'],
    ['hexBinary-equal(hexBinary:abc, hexBinary:ab)', 'policy.malformed'],
  ];

  test.for(REFUSED)('%s: %s', ([text, code]) => {
    expect(codeOf(policyOf(write(text)))).toBe(code);
  });

  test('with nesting, circles and names used twice', () => {
    const deep = (levels: number): string => `${'not('.repeat(levels)}boolean:true${')'.repeat(levels)}`;
    expect(codeOf(policyOf(write(deep(60))))).toBe('compiled');
    expect(codeOf(policyOf(write(deep(70))))).toBe('policy.limit');
    expect(codeOf(policyOf(`${'<Apply FunctionId="x">'.repeat(10_000)}${'</Apply>'.repeat(10_000)}`))).toBe(
      'xml.too-deep',
    );
    const variable = (id: string, to: string): string =>
      `<VariableDefinition VariableId="${id}"><VariableReference VariableId="${to}"/></VariableDefinition>`;
    const use = policyOf('<VariableReference VariableId="a"/>');
    const withVariables = (text: string): string => use.replace('<Target/>', `<Target/>${text}`);
    expect(codeOf(withVariables(variable('a', 'b') + variable('b', 'a')))).toBe('policy.reference');
    expect(codeOf(use)).toBe('policy.reference');
    const truth = `<VariableDefinition VariableId="a">${write('boolean:true')}</VariableDefinition>`;
    expect(codeOf(withVariables(truth))).toBe('compiled');
    expect(codeOf(withVariables(truth + truth))).toBe('policy.duplicate');
    const rule = '<Rule RuleId="r" Effect="Deny"/>';
    expect(
      codeOf(
        use
          .replace('<VariableReference VariableId="a"/>', write('boolean:true'))
          .replace('</Policy>', `${rule}</Policy>`),
      ),
    ).toBe('policy.duplicate');
    expect(codeOf('<!DOCTYPE a><a/>')).toBe('xml.doctype');
  });

  test('policy sets that include themselves, or nobody knows what', () => {
    const set = (id: string, to: string): string =>
      `<PolicySet xmlns="urn:oasis:names:tc:xacml:3.0:core:schema:wd-17" PolicySetId="${id}" Version="1.0" PolicyCombiningAlgId="urn:oasis:names:tc:xacml:3.0:policy-combining-algorithm:deny-overrides"><Target/><PolicySetIdReference>${to}</PolicySetIdReference></PolicySet>`;
    const code = (root: string, library: string[]): string => {
      try {
        compilePolicy(root, library);
      } catch (error) {
        return (error as { fault: { code: string } }).fault.code;
      }
      return 'compiled';
    };
    expect(code(set('a', 'b'), [set('b', 'c'), set('c', 'b')])).toBe('policy.reference');
    expect(code(set('a', 'b'), [])).toBe('policy.reference');
    const doubling = Array.from({ length: 40 }, (_, i) =>
      set(`s${i}`, `s${i + 1}`).replace(/(<PolicySetIdReference>.*<\/PolicySetIdReference>)/, '$1$1'),
    );
    expect(code(set('a', 's0'), [...doubling, policyOf(write('boolean:true'))])).toBe('policy.limit');
  });
});

test('regular expressions that keep others busy for ever are answered at once', () => {
  const evil = ['(a+)+$', '(a|aa)+$', '(a*)*b', '((a{1,9})+)+c', '(.*a){20}', '([a-z]+)*=', '^(a?){60}a{60}$'];
  for (const pattern of evil) {
    const wanted = pattern === '(.*a){20}' ? 'Permit' : 'NotApplicable';
    expect(decisionOf(`string-regexp-match(string:${pattern}, string:${'a'.repeat(59)}!)`), pattern).toBe(wanted);
  }
  const wrong = [
    'a{9999}',
    '(a{100}){100}',
    '((){999}){999}',
    '(',
    'a)',
    '[a',
    '*a',
    'a**',
    '(?=a)',
    '(a)\\1',
    '\\q',
    '[a-z-[b]]',
    '[z-a]',
    '(('.repeat(60),
    'a'.repeat(1_001),
  ];
  for (const pattern of wrong) expect(() => compilePattern(pattern), pattern).toThrow(EvaluationFault as never);
  expect(codeOf(policyOf(write('string-regexp-match(string:[a, string:a)')))).toBe('policy.constant');
});

test('regular expressions agree with JavaScript\u2019s on what both understand', () => {
  const atom = fc.constantFrom(
    'a',
    'b',
    '.',
    '[ab]',
    '[^a]',
    '\\d',
    '^',
    '$',
    '(a|b)',
    '(ab)',
    '(a|)',
    '\\.',
    '[a-c1]',
    '(?:b)',
  );
  const piece = fc
    .tuple(atom, fc.constantFrom('', '', '*', '+', '?', '{2}', '{1,2}', '{0,1}', '*?'))
    .map(([one, many]) => (/[\^$]$/.test(one) ? one : one + many));
  const pattern = fc.array(fc.oneof(piece, fc.constant('|')), { maxLength: 6 }).map((parts) => parts.join(''));
  fc.assert(
    fc.property(
      pattern,
      fc.string({ unit: fc.constantFrom('a', 'b', 'c', '1', '.', '\n'), maxLength: 8 }),
      (source, text) => {
        expect(compilePattern(source)(text)).toBe(new RegExp(source, 'u').test(text));
      },
    ),
    { numRuns: 3_000 },
  );
});
