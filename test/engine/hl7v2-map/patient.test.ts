import type { Patient, RelatedPerson } from '@medplum/fhirtypes';
import { describe, expect, test } from 'vitest';
import { checkMessage, normalizeMessage, parseMessage, toRecord } from '../../../engine/hl7v2/index.ts';
import { profileFrom } from '../../../schemas/vendors/profile.ts';
import { adt, first, message, oru, source } from './support.ts';

const patientOf = (pid: string): Patient => adt('A08', '20260401120000', pid).subjects[0]!.patient;

describe('PID to Patient', () => {
  test('numbers get the URI of their authority, and those of two kinds under no authority never meet', () => {
    const draft = adt(
      'A08',
      '20260401120000',
      'PID|1||77^^^&1.2.3&ISO^MR~77^^^HOSP^MR~77^^^^MR||A^B|||||||||||||77|123-45-6789',
    );
    const { identifiers, patient } = draft.subjects[0]!;
    expect(identifiers.map(({ system, value, type }) => `${system} ${value} ${type}`)).toEqual([
      'urn:oid:1.2.3 77 MR',
      'http://mix-hie.org/fhir/authority/2.16.840.1.113883.19.5/HOSP 77 MR',
      'urn:oid:2.16.840.1.113883.19.5 77 MR',
      'http://hl7.org/fhir/sid/us-ssn 123-45-6789 SS',
    ]);
    // The account number is the patient's in FHIR, but names nobody.
    expect(
      patient.identifier?.some(
        ({ system }) => system === 'http://mix-hie.org/fhir/authority/2.16.840.1.113883.19.5/AN',
      ),
    ).toBe(true);
  });

  test("a number under the name of the source's own facility is the number that comes without a name", () => {
    const draft = adt(
      'A08',
      '20260401120000',
      'PID|1||77^^^GOOD HEALTH^MR~78^^^^MR~79^^^Good Health&1.2.3&ISO^MR||A^B',
    );
    expect(draft.subjects[0]!.identifiers.map(({ system, value }) => `${system} ${value}`)).toEqual([
      'urn:oid:2.16.840.1.113883.19.5 77',
      'urn:oid:2.16.840.1.113883.19.5 78',
      'urn:oid:1.2.3 79',
    ]);
    expect(draft.subjects[0]!.patient.identifier?.[0]?.assigner?.display).toBe('GOOD HEALTH');
  });

  test('a name keeps every part', () => {
    expect(patientOf('PID|1||1^^^H^MR||van Beethoven&van^Ludwig^A^III^Dr^PHD^L').name).toEqual([
      {
        use: 'official',
        family: 'van Beethoven',
        _family: {
          extension: [{ url: 'http://hl7.org/fhir/StructureDefinition/humanname-own-prefix', valueString: 'van' }],
        },
        given: ['Ludwig', 'A'],
        prefix: ['Dr'],
        suffix: ['III', 'PHD'],
      },
    ]);
  });

  test('address, telephone, language, marital status, death, birth order', () => {
    const patient = patientOf(
      'PID|1||1^^^H^MR||A^B||19600614|F|||1 Main St^Apt 2^Town^OH^44000^USA^H^^Lake||^PRN^PH^^1^216^5551212^9~^NET^Internet^a@b.org|(216)555-3434|spa^Spanish^ISO639|M||||||||Y|2||||20260401|Y',
    );
    expect(patient.address).toEqual([
      {
        use: 'home',
        line: ['1 Main St', 'Apt 2'],
        city: 'Town',
        state: 'OH',
        postalCode: '44000',
        country: 'USA',
        district: 'Lake',
      },
    ]);
    expect(patient.telecom).toEqual([
      { system: 'phone', value: '+1 (216) 5551212 x9', use: 'home' },
      { system: 'email', value: 'a@b.org', use: 'home' },
      { system: 'phone', value: '(216)555-3434', use: 'work' },
    ]);
    expect(patient.communication?.[0]).toMatchObject({
      language: { coding: [{ system: 'urn:iso:std:iso:639', code: 'spa' }] },
      preferred: true,
    });
    expect(patient.maritalStatus?.coding?.[0]).toMatchObject({
      system: 'http://terminology.hl7.org/CodeSystem/v3-MaritalStatus',
      code: 'M',
    });
    expect(patient).toMatchObject({
      gender: 'female',
      birthDate: '1960-06-14',
      deceasedDateTime: '2026-04-01',
      multipleBirthInteger: 2,
    });
  });

  test('a birth date with a time keeps it, midnight is not invented', () => {
    expect((patientOf('PID|1||1^^^H^MR||A^B||196006140930') as { _birthDate?: unknown })._birthDate).toEqual({
      extension: [
        { url: 'http://hl7.org/fhir/StructureDefinition/patient-birthTime', valueDateTime: '1960-06-14T09:30:00Z' },
      ],
    });
    expect((patientOf('PID|1||1^^^H^MR||A^B||19600614000000') as { _birthDate?: unknown })._birthDate).toBeUndefined();
  });

  test('race and ethnicity after US Core', () => {
    const [race, ethnicity] = patientOf(
      'PID|1||1^^^H^MR||A^B|||||2106-3^White^CDCREC~1010-8^Apache^CDCREC||||||||||||N^Not Hispanic^HL70189',
    ).extension!;
    expect(race?.extension?.map(({ url }) => url)).toEqual(['ombCategory', 'detailed', 'text']);
    expect(ethnicity?.extension?.[0]).toMatchObject({ url: 'ombCategory', valueCoding: { code: '2186-5' } });
  });

  test('an explicit null names the element that goes', () => {
    expect(adt('A08', '20260401120000', 'PID|1||1^^^H^MR||A^B||""|M|||""').subjects[0]!.nulls).toEqual([
      'birthDate',
      'address',
    ]);
  });

  test('a result only identifies, an admission is a snapshot', () => {
    expect(oru('20260401120000', 'OBR|1').subjects[0]!.demographics).toBe('identification');
    expect(adt('A01', '20260401120000').subjects[0]!.demographics).toBe('snapshot');
  });

  test('a birth date that can not be read is left out and counted', () => {
    const draft = adt('A01', '20260401120000', 'PID|1||1^^^H^MR||A^B||unknown|M');
    expect(draft.subjects[0]!.patient).not.toHaveProperty('birthDate');
    expect(draft.notCarried).toEqual(['PID-7']);
    expect(adt('A01', '20260401120000', 'PID|1||1^^^H^MR||A^B||19600614|M').notCarried).toEqual([]);
  });

  test.each([
    ['an account', 'PID|1||||Nobody^Nora|||||||||||||A77', 'PID[1]-3'],
    ['a social security number', 'PID|1||||Nobody^Nora||||||||||||||900-00-0001', 'PID[1]-3'],
    ['a visit number in PID-3', 'PID|1||V1^^^H^VN||Nobody^Nora', 'PID[1]-3'],
  ])('%s alone names nobody', (_, line, place) => {
    expect(adt('A01', '20260401120000', line).faults).toEqual([{ code: 'record.no-patient-number', place }]);
  });

  test('where the profile says that patients stand in PID-18, they do', () => {
    const profile = profileFrom({
      name: 'by-account',
      title: 'A site that files by account',
      note: 'A site whose accounts are for life and name one person.',
      extends: 'plain',
      identifiers: { mrn: 'PID-18' },
    });
    const { message } = parseMessage(
      'MSH|^~\\&|A|B|C|D|20260401120000||ADT^A01|1|P|2.5.1\rEVN|A01|20260401120000\rPID|1||||Nobody^Nora|||||||||||||A77',
    );
    const normalized = normalizeMessage(message!, profile).message;
    const draft = toRecord(normalized, profile, { source, receivedAt: 0 });
    expect(draft.faults).toEqual([]);
    expect(draft.subjects[0]!.identifiers).toMatchObject([{ value: 'A77', type: 'MR' }]);
    expect(checkMessage(normalized).map(({ code }) => code)).not.toContain('hl7v2.required-field');
  });

  test('a patient without a number is a fault', () => {
    expect(adt('A01', '20260401120000', 'PID|1||||Nobody^Nora').faults).toEqual([
      { code: 'record.no-patient-number', place: 'PID[1]-3' },
    ]);
    expect(message('ADT^A01').faults).toEqual([]);
  });

  test('NK1 to RelatedPerson', () => {
    const person = first<RelatedPerson>(
      adt(
        'A01',
        '20260401120000',
        'NK1|1|Everyperson^Eve|SPO^Spouse^HL70063|1 Main^^Town|555-1212|555-3434|C|20200101',
      ),
      'RelatedPerson',
    );
    expect(person).toMatchObject({
      patient: { reference: 'key:Patient' },
      name: [{ family: 'Everyperson', given: ['Eve'] }],
      period: { start: '2020-01-01' },
    });
    expect(person.relationship?.[0]?.coding?.map(({ code }) => code)).toEqual(['SPS', 'SPO']);
  });
});

describe('nothing is lost unseen', () => {
  test('a field that no function reads is told once for each time it came', () => {
    const draft = adt('A01', '20260401120000', pidWith45(), 'ZXX|1|local');
    expect(draft.notCarried).toEqual(['PID-45', 'ZXX-1', 'ZXX-2']);
  });

  test('components without an element of their own stay on theirs', () => {
    const patient = patientOf('PID|1||1234567^4^M11^&1.2.3&ISO^MR^University Hospital^19241011^19241012||A^B');
    expect(patient.identifier?.[0]).toEqual({
      value: '1234567',
      system: 'urn:oid:1.2.3',
      type: { coding: [{ system: 'http://terminology.hl7.org/CodeSystem/v2-0203', code: 'MR' }] },
      assigner: { display: 'University Hospital' },
      period: { start: '1924-10-11', end: '1924-10-12' },
      extension: [
        { url: 'http://mix-hie.org/fhir/StructureDefinition/v2-CX.2', valueString: '4' },
        { url: 'http://mix-hie.org/fhir/StructureDefinition/v2-CX.3', valueString: 'M11' },
      ],
    });
  });

  test('escapes are read and foreign delimiters are obeyed', () => {
    expect(patientOf('PID|1||1^^^H^MR||O\\T\\Neil \\X41\\^Ann').name?.[0]?.family).toBe('O&Neil A');
  });
});

function pidWith45(): string {
  return `PID|1||1001^^^HOSP^MR||Everyperson^Adam||19600614|M${'|'.repeat(37)}extra`;
}
