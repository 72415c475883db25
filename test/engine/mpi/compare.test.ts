/** The matcher on invented people: what it must say of twins, fathers and sons, slips and strangers, in both directions. */
import type { Patient } from '@medplum/fhirtypes';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  blockingKeys,
  blockingKeysMax,
  type Comparison,
  compare,
  defaultModel,
  type Facts,
  featuresOf,
  makeFeatures,
  packFeatures,
  unpackFeatures,
} from '../../../engine/mpi/index.ts';

const home = { lines: ['12 Harbour Lane'], city: 'Rivertown', state: 'OH', postcode: '44110' };
const anna: Facts = {
  names: [{ given: 'Anna', family: 'Thornbury' }],
  birth: '1971-03-09',
  sex: 'female',
  addresses: [home],
  phones: ['(216) 555-0142'],
  numbers: [{ kind: 'national', value: '531-84-2207' }],
};

function judge(one: Facts, other: Facts): Comparison {
  return compare(makeFeatures(one), makeFeatures(other), defaultModel);
}

describe('a pair', () => {
  const same: [string, Facts][] = [
    ['a slip in the family name', { ...anna, names: [{ given: 'Anna', family: 'Thronbury' }] }],
    ['swapped names', { ...anna, names: [{ given: 'Thornbury', family: 'Anna' }] }],
    ['day and month swapped', { ...anna, birth: '1971-09-03' }],
    [
      'another home and telephone',
      { ...anna, addresses: [{ ...home, lines: ['9 Mill St'], postcode: '44113' }], phones: ['3305550100'] },
    ],
    ['no number', { ...anna, numbers: [] }],
    ["the number's last four", { ...anna, numbers: [{ kind: 'national', value: '2207' }] }],
    [
      'marks and another order of address',
      { ...anna, names: [{ given: 'ANNA', family: 'Thörnbury' }], addresses: [{ ...home, lines: ['12 HARBOUR LN'] }] },
    ],
  ];
  test.each(same)('with %s is one person', (_, other) => {
    expect(judge(anna, other).verdict).toBe('match');
  });

  const two: [string, Facts, Facts, string][] = [
    [
      'a sister of the house',
      anna,
      { ...anna, names: [{ given: 'Rosalind', family: 'Thornbury' }], birth: '1974-11-21', numbers: [] },
      'household',
    ],
    [
      'a twin',
      { ...anna, numbers: [] },
      { ...anna, names: [{ given: 'Rosalind', family: 'Thornbury' }], numbers: [] },
      'twins',
    ],
    [
      'a father of the same name',
      { ...anna, names: [{ given: 'Paul', family: 'Thornbury' }], sex: 'M', numbers: [] },
      { ...anna, names: [{ given: 'Paul', family: 'Thornbury' }], sex: 'M', birth: '1944-06-30', numbers: [] },
      'namesake',
    ],
  ];
  test.each(two)('with %s is two people', (_, one, other, rule) => {
    const said = judge(one, other);
    expect(said.verdict).not.toBe('match');
    expect(said.rules).toContain(rule);
  });

  test('of twins with their order of birth is no match at all', () => {
    const said = judge({ ...anna, order: 1 }, { ...anna, names: [{ given: 'Anne', family: 'Thornbury' }], order: 2 });
    expect([said.verdict, said.rules.includes('birth-order')]).toEqual(['no-match', true]);
  });

  test('of Jr and Sr goes to a person', () => {
    const senior = { ...anna, names: [{ given: 'Anna', family: 'Thornbury', suffix: 'Sr' }] };
    const junior = { ...anna, names: [{ given: 'Anna', family: 'Thornbury', suffix: 'Jr' }] };
    expect(judge(senior, junior)).toMatchObject({ verdict: 'possible' });
    expect(judge(senior, junior).rules).toContain('suffix');
  });

  test('of a newborn without a name and its mother is no automatic match', () => {
    const said = judge(anna, {
      ...anna,
      names: [{ given: 'BABY GIRL', family: 'Thornbury' }],
      birth: '1999-01-02',
      numbers: [],
    });
    expect(said.verdict).not.toBe('match');
    expect(said.rules).toContain('newborn');
  });

  test('of a test patient and a person is none', () => {
    expect(judge(anna, { ...anna, names: [{ given: 'Test', family: 'Thornbury' }] }).verdict).toBe('no-match');
  });

  test('with nothing but placeholders is none', () => {
    const nobody: Facts = {
      names: [{ given: 'UNKNOWN', family: 'UNKNOWN' }],
      birth: '1900-01-01',
      phones: ['999-999-9999'],
      numbers: [{ kind: 'national', value: '999-99-9999' }],
    };
    expect(judge(nobody, nobody)).toMatchObject({ weight: 0, verdict: 'no-match', parts: [] });
  });
});

const word = fc.oneof(
  fc.constantFrom(
    'Anna',
    'Ann',
    'Smith',
    'SMYTH',
    'Garcia-Lopez',
    'Lopez',
    "O'Brien",
    'José',
    '',
    'BABY',
    'Test',
    'Jr',
  ),
  fc.string({ maxLength: 90 }),
);
const facts: fc.Arbitrary<Facts> = fc.record(
  {
    names: fc.array(fc.record({ given: word, middle: word, family: word, suffix: word }), { maxLength: 6 }),
    maiden: word,
    birth: fc.oneof(
      fc.constantFrom('1971-03-09', '1971-09-03', '19710308', '1971', '1971-03', '3/9/71', '1900-01-01'),
      fc.string({ maxLength: 20 }),
    ),
    sex: fc.constantFrom('male', 'F', 'unknown', ''),
    order: fc.integer({ min: -3, max: 12 }),
    multiple: fc.boolean(),
    addresses: fc.array(
      fc.record({
        house: word,
        lines: fc.array(word, { maxLength: 4 }),
        unit: word,
        city: word,
        state: word,
        postcode: fc.constantFrom('44110', '44101', '4411', '', '00000'),
      }),
      { maxLength: 4 },
    ),
    phones: fc.array(fc.constantFrom('2165550142', '5550142', '(216) 555-0143', 'x'), { maxLength: 5 }),
    emails: fc.array(fc.oneof(fc.constantFrom('a.b@example.org', 'a.c@example.org'), fc.string({ maxLength: 120 })), {
      maxLength: 4,
    }),
    numbers: fc.array(
      fc.record({
        kind: fc.constantFrom('national', 'licence', 'insurance', 'other'),
        authority: fc.constantFrom('', 'urn:a'),
        value: fc.constantFrom('531842207', '2207', '531842270', 'A1234567'),
      }),
      { maxLength: 8 },
    ),
  },
  { requiredKeys: [] },
);

describe('properties', () => {
  test('both directions say the same, and the parts add up to the weight', () => {
    fc.assert(
      fc.property(facts, facts, (one, other) => {
        const [a, b] = [makeFeatures(one), makeFeatures(other)];
        const [there, back] = [compare(a, b, defaultModel), compare(b, a, defaultModel)];
        expect(back.weight).toBeCloseTo(there.weight, 9);
        expect([back.verdict, back.rules]).toEqual([there.verdict, there.rules]);
        expect(there.parts.reduce((sum, { weight }) => sum + weight, 0)).toBeCloseTo(there.weight, 6);
        expect(there.probability >= 0 && there.probability <= 1).toBe(true);
      }),
      { numRuns: 500 },
    );
  });

  test('packed features come back as they were, and are small', () => {
    fc.assert(
      fc.property(facts, (one) => {
        const features = makeFeatures(one);
        const bytes = packFeatures(features);
        expect(unpackFeatures(bytes)).toEqual(features);
        expect(bytes.length).toBeLessThan(8192);
      }),
    );
    expect(packFeatures(makeFeatures(anna)).length).toBeLessThanOrEqual(250);
  });

  test('bytes that nobody packed are refused', () => {
    expect(() => unpackFeatures(new Uint8Array([9, 1, 2]))).toThrow(/features/);
    expect(() => unpackFeatures(new Uint8Array([1, 255, 254]))).toThrow(/features/);
  });

  test('keys are composite and few', () => {
    fc.assert(
      fc.property(facts, (one) => {
        const keys = blockingKeys(makeFeatures(one));
        expect(keys.length).toBeLessThanOrEqual(blockingKeysMax);
        expect(new Set(keys).size).toBe(keys.length);
      }),
    );
  });
});

test('a FHIR patient gives the same features as its texts', () => {
  const patient: Patient = {
    resourceType: 'Patient',
    name: [{ family: 'Thornbury', given: ['Anna'] }],
    birthDate: '1971-03-09',
    gender: 'female',
    address: [{ line: ['12 Harbour Lane'], city: 'Rivertown', state: 'OH', postalCode: '44110-1234' }],
    telecom: [{ system: 'phone', value: '(216) 555-0142' }],
    identifier: [
      { system: 'http://hl7.org/fhir/sid/us-ssn', value: '531-84-2207' },
      { system: 'urn:oid:1.2.3', value: '4711', type: { coding: [{ code: 'MR' }] } },
    ],
  };
  expect(featuresOf(patient)).toEqual(makeFeatures(anna));
});
