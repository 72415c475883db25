import type { Patient } from '@medplum/fhirtypes';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { candidateKeys } from '../../../engine/mpi/index.ts';

const ssn = (value: string) => ({
  system: 'http://hl7.org/fhir/sid/us-ssn',
  value,
  type: { coding: [{ system: 'http://terminology.hl7.org/CodeSystem/v2-0203', code: 'SS' }] },
});

const anna: Patient = {
  resourceType: 'Patient',
  name: [{ use: 'official', family: 'Lindqvist', given: ['Anna', 'Maria'] }],
  gender: 'female',
  birthDate: '1956-03-14',
  identifier: [ssn('523-45-6781')],
  address: [{ use: 'home', line: ['12 Mill Road'], city: 'Fairhaven', postalCode: '02719-1234' }],
  telecom: [{ system: 'phone', use: 'home', value: '(508) 555-0142' }],
};

describe('keys that link', () => {
  test('strongest first: number, home, telephone', () => {
    expect(candidateKeys(anna).map((key) => key.split('|')[0])).toEqual(['number', 'home', 'phone']);
  });

  test('writing does not matter: case, marks, hyphens, middle names, a longer postal code, a country prefix', () => {
    const other: Patient = {
      ...anna,
      name: [{ family: 'LINDQVIST', given: ['ANNA M'] }],
      identifier: [ssn('523456781')],
      address: [{ postalCode: '02719' }],
      telecom: [{ value: '+1 508 555 0142' }],
    };
    expect(candidateKeys(other)).toEqual(candidateKeys(anna));
    const marked = (family: string, given: string) => candidateKeys({ ...anna, name: [{ family, given: [given] }] });
    expect(marked('Müller', 'José')).toEqual(marked('MULLER', 'JOSE'));
    expect(marked("O'Brien-Smith", 'Ann')).toEqual(marked('OBRIEN SMITH', 'Ann'));
  });

  test('names of other scripts give keys too', () => {
    expect(candidateKeys({ ...anna, name: [{ family: '山田', given: ['太郎'] }] })).toHaveLength(3);
    expect(candidateKeys({ ...anna, name: [{ family: 'Иванова', given: ['Мария'] }] })).toHaveLength(3);
  });

  test('twins of one house share no key', () => {
    const twin: Patient = {
      ...anna,
      name: [{ family: 'Lindqvist', given: ['Clara'] }],
      identifier: [ssn('523-45-6782')],
    };
    const shared = candidateKeys(twin).filter((key) => candidateKeys(anna).includes(key));
    expect(shared).toEqual([]);
  });

  test('father and son of one name share no key', () => {
    const son: Patient = { ...anna, birthDate: '1984-03-14', identifier: [] };
    expect(candidateKeys(son).filter((key) => candidateKeys(anna).includes(key))).toEqual([]);
  });

  test('a name and a birth date alone give none', () => {
    const { name, birthDate } = anna;
    expect(candidateKeys({ resourceType: 'Patient', name, birthDate, gender: 'female' })).toEqual([]);
  });

  test.each([
    ['no birth date', { birthDate: undefined }],
    ['a year only', { birthDate: '1956' }],
    ['a month only', { birthDate: '1956-03' }],
    ['1900-01-01', { birthDate: '1900-01-01' }],
    ['1901-01-01', { birthDate: '1901-01-01' }],
    ['a date that does not exist', { birthDate: '1956-02-30' }],
    ['no name', { name: undefined }],
    ['a family name only', { name: [{ family: 'Lindqvist' }] }],
    ['an initial for the given name', { name: [{ family: 'Lindqvist', given: ['A'] }] }],
    ['UNKNOWN', { name: [{ family: 'Unknown', given: ['Unknown'] }] }],
    ['John Doe', { name: [{ family: 'Doe', given: ['John'] }] }],
    ['BABY BOY', { name: [{ family: 'Lindqvist', given: ['BABY', 'BOY'] }] }],
    ['BABYBOY', { name: [{ family: 'Lindqvist', given: ['Babyboy'] }] }],
    ['BABY GIRL A in one field', { name: [{ family: 'Lindqvist', given: ['Baby Girl A'] }] }],
    ['TWIN B', { name: [{ family: 'Lindqvist', given: ['Twin B'] }] }],
    ['a test patient', { name: [{ family: 'TEST', given: ['Anna'] }] }],
    ['a test patient in two words', { name: [{ family: 'Lindqvist Test', given: ['Anna'] }] }],
    ['a ZZ patient', { name: [{ family: 'ZZTEST', given: ['Anna'] }] }],
    ['an anonymous name', { name: [{ use: 'anonymous' as const, family: 'Lindqvist', given: ['Anna'] }] }],
    ['one letter again and again', { name: [{ family: 'XXXX', given: ['Anna'] }] }],
  ])('nothing to link by: %s', (_, change) => {
    expect(candidateKeys({ ...anna, ...(change as Partial<Patient>) })).toEqual([]);
  });

  test.each([
    '999-99-9999',
    '000-12-3456',
    '666-12-3456',
    '900-12-3456',
    '123-00-4567',
    '123-45-0000',
    '111-11-1111',
    '123-45-6789',
    '078-05-1120',
    '219-09-9999',
    '12345',
    'UNKNOWN',
  ])('a social security number %s counts for nothing', (value) => {
    expect(candidateKeys({ ...anna, identifier: [ssn(value)] }).some((key) => key.startsWith('number'))).toBe(false);
  });

  test.each(['00000', '99999', '12345', '', '1'])('a postal code «%s» counts for nothing', (postalCode) => {
    expect(candidateKeys({ ...anna, address: [{ postalCode }] }).some((key) => key.startsWith('home'))).toBe(false);
  });

  test.each(['000-000-0000', '999 999 9999', '508-555-5555', '12', 'none'])(
    'a telephone «%s» counts for nothing',
    (value) => {
      expect(candidateKeys({ ...anna, telecom: [{ value }] }).some((key) => key.startsWith('phone'))).toBe(false);
    },
  );

  test('what is anything at all never throws and gives at most 24 keys, none of them long', () => {
    const text = fc.option(fc.string({ maxLength: 400, unit: 'grapheme' }), { nil: undefined });
    fc.assert(
      fc.property(
        fc.record({
          names: fc.array(fc.record({ family: text, given: fc.option(fc.array(fc.string()), { nil: undefined }) }), {
            maxLength: 40,
          }),
          birthDate: fc.oneof(text, fc.constant('1956-03-14')),
          numbers: fc.array(fc.record({ system: text, value: text }), { maxLength: 60 }),
          postcodes: fc.array(text, { maxLength: 40 }),
          phones: fc.array(text, { maxLength: 40 }),
        }),
        ({ names, birthDate, numbers, postcodes, phones }) => {
          const keys = candidateKeys({
            resourceType: 'Patient',
            name: names,
            gender: 'male',
            birthDate,
            identifier: numbers,
            address: postcodes.map((postalCode) => ({ postalCode })),
            telecom: phones.map((value) => ({ value })),
          });
          expect(keys.length).toBeLessThanOrEqual(24);
          for (const key of keys) expect(key.length).toBeLessThan(1_000);
        },
      ),
    );
  });
});
