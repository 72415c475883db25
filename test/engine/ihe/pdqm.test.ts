import type { Patient } from '@medplum/fhirtypes';
import { describe, expect, test } from 'vitest';
import { type GradedPatient, makeMatchset, patientShown, readMatch } from '../../../engine/ihe/index.ts';
import { MixError } from '../../../schemas/errors/index.ts';

const patient: Patient = { resourceType: 'Patient', name: [{ family: 'Lindqvist', given: ['Anna'] }] };
const base = 'https://region.example:8443/fhir/R4';
const graded = (id: string, probability: number, verdict: GradedPatient['verdict']): GradedPatient => ({
  patient: { ...patient, id },
  probability,
  verdict,
});
const place = (body: unknown) => {
  try {
    readMatch(body);
  } catch (cause) {
    if (cause instanceof MixError) return `${cause.fault.code} ${cause.fault.place}`;
    throw cause;
  }
  return 'holds';
};

describe('ITI-119', () => {
  const three = [graded('1', 0.9999, 'match'), graded('2', 0.8, 'possible'), graded('3', 0.1, 'possible')];

  test('the likeliest first, each with its score and grade', () => {
    const bundle = makeMatchset([...three, graded('4', 0.001, 'no-match')], readMatch(patient), base);
    expect(bundle.total).toBe(3);
    expect(
      bundle.entry?.map(({ fullUrl, search }) => [fullUrl, search?.score, search?.extension?.[0]?.valueCode]),
    ).toEqual([
      [`${base}/Patient/1`, 0.9999, 'certain'],
      [`${base}/Patient/2`, 0.8, 'probable'],
      [`${base}/Patient/3`, 0.1, 'possible'],
    ]);
    expect(bundle.entry?.[0]?.search?.extension?.[0]?.url).toBe('http://hl7.org/fhir/StructureDefinition/match-grade');
  });

  test('count says how many', () => {
    const request = readMatch({
      resourceType: 'Parameters',
      parameter: [
        { name: 'resource', resource: patient },
        { name: 'count', valueInteger: 2 },
      ],
    });
    expect(makeMatchset(three, request, base).entry?.length).toBe(2);
  });

  test('only certain matches: one or none, and the answer says when there were more', () => {
    const request = readMatch({
      resourceType: 'Parameters',
      parameter: [
        { name: 'resource', resource: patient },
        { name: 'onlyCertainMatches', valueBoolean: true },
      ],
    });
    expect(makeMatchset(three, request, base).entry?.map(({ resource }) => resource?.id)).toEqual(['1']);
    expect(makeMatchset(three.slice(1), request, base)).toEqual({
      resourceType: 'Bundle',
      type: 'searchset',
      total: 0,
    });
    const two = makeMatchset([graded('1', 1, 'match'), graded('5', 1, 'match')], request, base);
    expect(two.total).toBe(0);
    expect(two.entry).toMatchObject([
      { resource: { issue: [{ code: 'multiple-matches' }] }, search: { mode: 'outcome' } },
    ]);
  });

  test.each([
    [{ resourceType: 'Bundle' }, 'exchange.malformed Parameters.resourceType'],
    [{ resourceType: 'Parameters' }, 'exchange.malformed Parameters.parameter'],
    [{ resourceType: 'Parameters', parameter: [] }, 'exchange.malformed Parameters.parameter'],
    [
      { resourceType: 'Parameters', parameter: [{ name: 'resource', resource: patient }, { name: 'threshold' }] },
      'exchange.malformed Parameters.parameter[1].name',
    ],
    [
      {
        resourceType: 'Parameters',
        parameter: [
          { name: 'resource', resource: patient },
          { name: 'count', valueInteger: 0 },
        ],
      },
      'exchange.malformed Parameters.parameter',
    ],
    [{ resourceType: 'Patient', birthDate: '1970-02-30' }, 'exchange.malformed Patient.birthDate'],
  ])('refuses %j', (body, wanted) => {
    expect(place(body)).toBe(wanted);
  });
});

test('a patient is shown without how it came here', () => {
  const shown = patientShown(
    {
      id: 'p',
      updatedAt: 0,
      patient: {
        ...patient,
        meta: { extension: [{ url: 'http://example.org/times', valueString: '0' }] },
        extension: [{ url: 'http://example.org/visit', valueString: 'PV1|1|I' }],
        identifier: [
          { system: 'urn:oid:1.9', value: 'x', type: { coding: [{ code: 'MR' }] } },
          { system: 'http://hl7.org/fhir/sid/us-ssn', value: '987-65-4321', type: { coding: [{ code: 'SS' }] } },
        ],
      },
    },
    [{ system: 'urn:oid:1.2', value: '7', type: 'MR' }],
  );
  expect(shown.meta?.extension).toBeUndefined();
  expect(shown.extension).toBeUndefined();
  expect(shown.identifier?.map(({ value }) => value)).toEqual(['7', '987-65-4321']);
});
