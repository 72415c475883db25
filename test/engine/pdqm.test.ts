import type { Bundle, OperationOutcome, Patient } from '@medplum/fhirtypes';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { MixError } from '../../schemas/errors/index.ts';
import type { NodeSubject } from '../../schemas/exchange.ts';
import { openNodes, register, SYSTEM, type TestNodes } from '../support/nodes.ts';

let nodes: TestNodes;
beforeEach(async () => {
  nodes = await openNodes();
});
afterEach(() => nodes.close());

const anna = {
  name: [{ use: 'official' as const, family: 'Lindqvist', given: ['Anna', 'Maria'] }],
  gender: 'female' as const,
  birthDate: '1956-03-14',
  address: [{ line: ['12 Mill Road'], city: 'Fairhaven', state: 'MA', postalCode: '02719', country: 'US' }],
  telecom: [{ system: 'phone' as const, value: '(508) 555-0142' }],
  extension: [{ url: 'http://hl7.org/fhir/StructureDefinition/patient-mothersMaidenName', valueString: 'Berg' }],
};
const doctor = (): NodeSubject => ({
  ...nodes.region.subjectOf('a'),
  onBehalf: { node: 'a', user: 'r.okonjo', roles: ['doctor'], purpose: 'TREAT' },
});
const fault = async (run: Promise<unknown>) => {
  try {
    await run;
  } catch (cause) {
    if (cause instanceof MixError) return [cause.fault.code, cause.fault.place];
    throw cause;
  }
  return 'nothing thrown';
};

async function fill(): Promise<void> {
  await register(nodes.a, 'A-1', anna);
  await register(nodes.b, 'B-2', { ...anna, name: [{ family: 'Lindgren', given: ['Bo'] }], birthDate: '1971-08-02' });
  await register(nodes.b, 'B-3', { ...anna, name: [{ family: 'Lind', given: ['Cleo'] }], birthDate: '1980-12-31' });
  await nodes.settle();
}
const find = async (query: string, from = doctor()): Promise<Bundle> =>
  (await nodes.region.serve.findPatients(from, new URLSearchParams(query))).resource as Bundle;
const namesOf = (bundle: Bundle): string[] =>
  (bundle.entry ?? []).map(({ resource }) => (resource as Patient).name?.[0]?.given?.[0] ?? '').sort();

describe('ITI-78', () => {
  test.each([
    ['family=lindqvist', ['Anna']],
    ['family=Lind', ['Anna', 'Bo', 'Cleo']],
    ['family:exact=Lind', ['Cleo']],
    ['family=Lind&given=Bo', ['Bo']],
    ['family=Lindqvist,Lindgren&birthdate=1971-08-02', ['Bo']],
    ['birthdate=1956-03-14', ['Anna']],
    ['family=Lind&birthdate=ge1971-08-02', ['Bo', 'Cleo']],
    ['family=Lind&birthdate=lt1971-08-02', ['Anna']],
    ['family=Lind&birthdate=1980', ['Cleo']],
    ['family=Lind&gender=male', []],
    ['family=Lind&gender=male,female&address-city=fairhaven', ['Anna', 'Bo', 'Cleo']],
    ['family=Lind&address=12 Mill', ['Anna', 'Bo', 'Cleo']],
    ['family=Lind&address-state=NY', []],
    ['family=Lind&address-postalcode=02719&address-country=us', ['Anna', 'Bo', 'Cleo']],
    ['birthdate=1956-03-14&telecom=5085550142', ['Anna']],
    ['family=Lindqvist&mothersMaidenName=ber', ['Anna']],
    ['family=Lindqvist&active=false', []],
    [`identifier=${encodeURIComponent(`${SYSTEM.b}|B-2`)}`, ['Bo']],
    [`identifier=${encodeURIComponent(`${SYSTEM.a}|B-2`)}`, []],
  ])('%s', async (query, wanted) => {
    await fill();
    const bundle = await find(query);
    expect(namesOf(bundle)).toEqual(wanted);
    expect(bundle).toMatchObject({ type: 'searchset', total: wanted.length });
  });

  test('what is told: demographics and numbers in force, by an id that can be read', async () => {
    await fill();
    const [entry] = (await find('family=Lindqvist')).entry!;
    const patient = entry!.resource as Patient;
    expect(patient).toMatchObject({ active: true, gender: 'female', birthDate: '1956-03-14', address: anna.address });
    expect(patient.identifier?.map(({ system }) => system).sort()).toEqual([SYSTEM.a, SYSTEM.mix, SYSTEM.xpid].sort());
    expect(patient.meta?.extension).toBeUndefined();
    expect(entry!.fullUrl).toBe(`https://region.example:8443/fhir/R4/Patient/${patient.id}`);
    const read = await nodes.region.serve.readPatient(doctor(), patient.id!);
    expect(read.resource).toEqual(patient);
    expect(await fault(nodes.region.serve.readPatient(doctor(), 'nobody'))).toEqual([
      'pix.unknown-patient',
      'Patient.id',
    ]);
  });

  test('only numbers of the domains asked for, and only who has one', async () => {
    await fill();
    const bundle = await find(`family=Lind&identifier=${encodeURIComponent(`${SYSTEM.b}|`)}`);
    expect(namesOf(bundle)).toEqual(['Bo', 'Cleo']);
    for (const { resource } of bundle.entry!)
      expect((resource as Patient).identifier?.map(({ system }) => system)).toEqual([SYSTEM.b]);
    const unknown = await nodes.region.serve.findPatients(
      doctor(),
      new URLSearchParams('family=Lind&identifier=urn:oid:9.9|'),
    );
    expect(unknown.status).toBe(404);
    expect((unknown.resource as OperationOutcome).issue[0]?.diagnostics).toBe('targetSystem not found');
  });

  test('pages by a link that holds no demographics, each once', async () => {
    await fill();
    const one = await find('family=Lind&_count=2');
    const next = one.link?.find(({ relation }) => relation === 'next')?.url ?? '';
    expect(next).toMatch(/\/Patient\?_page=[0-9a-f]{32}&_count=2$/);
    expect(one.total).toBeUndefined();
    const two = await find(next.split('?')[1]!);
    expect([...namesOf(one), ...namesOf(two)].sort()).toEqual(['Anna', 'Bo', 'Cleo']);
    expect(two.link?.some(({ relation }) => relation === 'next')).toBe(false);
    expect(await fault(find(next.split('?')[1]!))).toEqual(['pdq.continuation', '_page']);
    const again = (await find('family=Lind&_count=2')).link!.find(({ relation }) => relation === 'next')!.url;
    expect(await fault(find(again.split('?')[1]!, nodes.region.subjectOf('b')))).toEqual(['pdq.continuation', '_page']);
  });

  test('a node that asks by itself finds those whom it feeds; who treats somebody finds everybody', async () => {
    await fill();
    expect(namesOf(await find('family=Lind', nodes.region.subjectOf('a')))).toEqual(['Anna']);
    expect(namesOf(await find('family=Lind'))).toEqual(['Anna', 'Bo', 'Cleo']);
  });

  test.each([
    ['gender=female', 'pdq.too-wide', undefined],
    ['family=Li', 'pdq.too-wide', undefined],
    ['name=Lindqvist', 'exchange.query', 'name'],
    ['family:contains=Lind', 'exchange.query', 'family:contains'],
    ['birthdate:exact=1970-01-01', 'exchange.query', 'birthdate:exact'],
    ['birthdate=1970-02-30', 'exchange.query', 'birthdate'],
    ['family=Lind&gender=m', 'exchange.query', 'gender'],
    ['family=', 'exchange.query', 'family'],
    ['family=Lind&_count=0', 'exchange.query', '_count'],
    ['family=Lind&_page=0123456789abcdef0123456789abcdef', 'exchange.query', '_page'],
    ['_page=1', 'exchange.query', '_page'],
  ])('refuses %s', async (query, code, place) => {
    expect(await fault(find(query))).toEqual([code, place]);
  });

  test('the audit tells who asked for whom, and nothing of the query', async () => {
    await fill();
    await find('family=Lindqvist');
    const { rows } = await nodes.region.store.audit({ action: 'search', limit: 5 });
    expect(rows[0]).toMatchObject({ who: 'a', what: 'patient', reason: 'ITI-78 for r.okonjo of a, doctor, TREAT' });
    expect(JSON.stringify(rows)).not.toContain('Lind');
  });

  test('a hospital has no index', async () => {
    expect(
      await fault(nodes.a.serve.findPatients(nodes.a.subjectOf('region'), new URLSearchParams('family=Lind'))),
    ).toEqual(['exchange.not-here', undefined]);
  });
});

describe('ITI-119', () => {
  const match = async (more: Partial<Patient>, from = doctor()): Promise<Bundle> => {
    const patient: Patient = { resourceType: 'Patient', ...anna, ...more };
    return (await nodes.region.serve.matchPatients(from, patient)).resource as Bundle;
  };

  test('who is like this one, with score and grade', async () => {
    await fill();
    const [same] = (await match({})).entry!;
    expect(namesOf({ resourceType: 'Bundle', type: 'searchset', entry: [same!] })).toEqual(['Anna']);
    expect(same!.search?.score).toBeGreaterThan(0.9);
    expect(same!.search?.extension?.[0]).toMatchObject({ valueCode: 'certain' });
    const near = await match({ name: [{ family: 'Lindkvist', given: ['Ana'] }] });
    expect(near.entry![0]!.resource!.id).toBe(same!.resource!.id);
    const nobody = {
      name: [{ family: 'Zimmermann', given: ['Zoe'] }],
      birthDate: '2001-01-09',
      address: [],
      telecom: [],
    };
    expect((await match(nobody)).total).toBe(0);
  });

  test('a node that asks by itself finds whom it feeds', async () => {
    await fill();
    expect((await match({}, nodes.region.subjectOf('a'))).total).toBeGreaterThan(0);
    expect(
      (await match({}, nodes.region.subjectOf('b'))).entry?.some(
        ({ resource }) => (resource as Patient).name?.[0]?.given?.[0] === 'Anna',
      ) ?? false,
    ).toBe(false);
  });
});

describe('ITI-104, removal', () => {
  const numberOf = `${SYSTEM.a}|A-1`;
  const remove = (identifier: string, from = nodes.region.subjectOf('a')) =>
    nodes.region.serve.removePatient(from, identifier);

  test('the local patient is in no answer any more, and its next feed brings it back', async () => {
    await fill();
    expect((await remove(numberOf)).status).toBe(200);
    expect(namesOf(await find('family=Lindqvist'))).toEqual([]);
    expect((await remove(numberOf)).status).toBe(200);
    const again: Patient = { resourceType: 'Patient', identifier: [{ system: SYSTEM.a, value: 'A-1' }], ...anna };
    nodes.clock.pass(1_000);
    await nodes.region.serve.feedPatient(nodes.region.subjectOf('a'), numberOf, again);
    expect(namesOf(await find('family=Lindqvist'))).toEqual(['Anna']);
  });

  test('only of its own numbers, and only of what is known', async () => {
    await fill();
    expect((await fault(remove(numberOf, nodes.region.subjectOf('b'))))[0]).toBe('exchange.unknown-domain');
    expect((await fault(remove(`${SYSTEM.a}|A-404`)))[0]).toBe('mpi.unknown-record');
  });
});
