import fc from 'fast-check';
import { expect, test } from 'vitest';
import { compilePolicy, evaluatePolicy, readRequest, shippedPolicies } from '../../policies/index.ts';
import { MixError } from '../../schemas/errors/index.ts';

const texts = shippedPolicies().map(({ xml }) => xml.toString());
const request = `<Request xmlns="urn:oasis:names:tc:xacml:3.0:core:schema:wd-17" ReturnPolicyIdList="false" CombinedDecision="false"><Attributes Category="urn:c"><Attribute AttributeId="a" IncludeInResult="true"><AttributeValue DataType="http://www.w3.org/2001/XMLSchema#dateTime">2026-11-23T12:00:00Z</AttributeValue><AttributeValue DataType="urn:oasis:names:tc:xacml:1.0:data-type:x500Name">CN=a, O="b, c"</AttributeValue></Attribute></Attributes></Request>`;

/** Pieces that might hurt, put in place of some of the text. */
const piece = fc.oneof(
  fc.string({ maxLength: 8 }),
  fc.constantFrom(
    '',
    '<',
    '>',
    '"',
    '&amp;',
    '<Rule/>',
    '<Target/>',
    'true',
    '-1',
    '\u0000',
    '\ud800',
    'urn:oasis:names:tc:xacml:1.0:function:and',
    '<Apply FunctionId="',
  ),
);
const bent = (sources: string[]) =>
  fc.tuple(fc.constantFrom(...sources), fc.nat(), fc.nat(40), piece).map(([text, at, length, put]) => {
    const from = at % text.length;
    return text.slice(0, from) + put + text.slice(from + length);
  });

function failsWell(act: () => void): void {
  try {
    act();
  } catch (error) {
    expect(error).toBeInstanceOf(MixError);
  }
}

test('a policy bent anywhere is compiled or refused with a code, and never crashes a decision', () => {
  fc.assert(
    fc.property(bent(texts), (xml) => failsWell(() => evaluatePolicy(compilePolicy(xml), new Map(), 0))),
    { numRuns: 1_500 },
  );
});

test('a request bent anywhere is read or refused with a code', () => {
  fc.assert(
    fc.property(bent([request]), (xml) => failsWell(() => readRequest(xml))),
    { numRuns: 1_500 },
  );
});
