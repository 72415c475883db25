/** IHE's own examples of PDQm against our readers: what they ask for a match is read, and their patients are found by what they say. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { Parameters, Patient } from '@medplum/fhirtypes';
import { describe, expect, test } from 'vitest';
import { fitsCriteria, readMatch, readPatientSearch } from '../../engine/ihe/index.ts';
import { readFsh } from './fsh.ts';

const folder = resolve(process.env['MIX_CORPORA'] ?? '../shared/corpora', 'fhir-ihe/pdqm-fsh');
const there = existsSync(folder);
const without = there ? '' : ` (skipped: no ${folder})`;

describe.skipIf(!there)(`PDQm${without}`, () => {
  const texts = there ? readdirSync(folder).map((name) => readFileSync(join(folder, name), 'utf8')) : [];
  const instances = readFsh(texts);
  const resourceOf = <T>(id: string): T => instances.get(id)!.resource as T;

  /** The examples name a parameter by its slice; a message names it by its name. */
  function named(id: string): Parameters {
    const parameters = structuredClone(resourceOf<Parameters>(id));
    for (const one of parameters.parameter ?? [])
      one.name =
        one.resource !== undefined ? 'resource' : one.valueBoolean !== undefined ? 'onlyCertainMatches' : 'count';
    return parameters;
  }

  test.each([
    ['ex-match-input-patient-only', false, 20],
    ['ex-match-input-onlyCertainMatches', true, 20],
    ['ex-match-input-count', false, 1],
  ])('%s is a match request', (id, onlyCertainMatches, count) => {
    const read = readMatch(named(id));
    expect(read).toMatchObject({ onlyCertainMatches, count });
    expect(read.patient).toMatchObject({ birthDate: '1923-07-25', gender: 'other', name: [{ family: 'Schmidt' }] });
  });

  test('the patient alone is one as well', () => {
    const read = readMatch(resourceOf<Patient>('ex-match-input-patient'));
    expect(read.patient.identifier).toEqual([{ system: 'http://example.org/exampleSystem', value: '8675309' }]);
  });

  test.each([
    ['ex-patient', 'family=Schmidt', true],
    ['ex-patient', 'family=Schnidt&given=Heimer', true],
    // A former family name beside a present given name is no name of his.
    ['ex-patient', 'family=Schnidt&given=Jack', false],
    ['ex-patient', 'family=Schmidt&birthdate=1923-07-25&gender=other&address-state=WI', true],
    ['ex-patient', `identifier=${encodeURIComponent('http://example.org/exampleSystem|8675309')}`, true],
    ['ex-patient', 'family=Schmidt&mothersMaidenName=Doe', false],
    ['ex-patient-mothers-maiden-name', 'family=Schmit&mothersMaidenName=Doe', true],
    ['ex-patient-mothers-maiden-name', 'family:exact=Schmi', false],
  ])('%s and %s: %s', (id, query, fits) => {
    const patient = structuredClone(resourceOf<Patient>(id));
    // A rule that is indented under its slice, which the reader of instances passes over.
    const maiden = texts
      .join('\n')
      .split(`Instance:   ${id}\n`)[1]
      ?.match(/valueString = "(\w+)"/)?.[1];
    if (maiden !== undefined && id.endsWith('maiden-name'))
      patient.extension = [
        { url: 'http://hl7.org/fhir/StructureDefinition/patient-mothersMaidenName', valueString: maiden },
      ];
    const { criteria } = readPatientSearch(new URLSearchParams(query));
    expect(fitsCriteria({ id, patient, numbers: [], told: [patient] }, criteria)).toBe(fits);
  });
});
