/** IHE's own examples of PIXm and MHD, and HL7's tables, against our readers. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { Patient } from '@medplum/fhirtypes';
import { describe, expect, test } from 'vitest';
import { readCodeSystems, writeCodeSystem } from '../../engine/codes/index.ts';
import { makeCrossReference, readCrossReference, readFeed, readProvideBundle } from '../../engine/ihe/index.ts';
import { MixError } from '../../schemas/errors/index.ts';
import { attributeOf, childOf, childrenOf, readXml, type XmlElement } from '../../schemas/xml.ts';
import { readFsh } from './fsh.ts';

const root = resolve(import.meta.dirname, '../..');
const corpora = resolve(root, process.env.MIX_CORPORA ?? '../shared/corpora');
const pixm = join(corpora, 'fhir-ihe/pixm');
const mhd = join(corpora, 'fhir-ihe/mhd-fsh');
const tables = join(corpora, 'hl7-tables/utg-v2');
const without = (folder: string): string =>
  existsSync(folder) ? '' : ` (skipped: no ${folder.slice(corpora.length + 1)} in the corpora)`;

const fault = (run: () => unknown) => {
  try {
    run();
  } catch (cause) {
    if (cause instanceof MixError) return `${cause.fault.code} ${cause.fault.place}`;
    throw cause;
  }
  return 'holds';
};

describe.skipIf(!existsSync(pixm))(`PIXm${without(pixm)}`, () => {
  const files = existsSync(pixm) ? readdirSync(pixm) : [];
  const red = 'urn:oid:1.3.6.1.4.1.21367.13.20.1000';

  test('every Patient is a feed that holds', () => {
    const patients = files.filter((name) => name.endsWith('.json'));
    expect(patients).toHaveLength(7);
    for (const name of patients) {
      const patient = JSON.parse(readFileSync(join(pixm, name), 'utf8')) as Patient;
      const [{ system, value } = {}] = patient.identifier ?? [];
      const fed = readFeed(`${system}|${value}`, patient);
      expect(fed.number, name).toEqual({ system, value });
      expect(fed.numbers).toHaveLength(patient.identifier!.length);
    }
  });

  test('the resolved duplicate names its survivor', () => {
    const patient = JSON.parse(
      readFileSync(join(pixm, 'Patient-MohrMaidenResolvedByMohrMalice-Red.json'), 'utf8'),
    ) as Patient;
    const fed = readFeed(`${red}|IHERED-m94`, patient);
    expect(fed).toMatchObject({ active: false, replacedBy: { system: red, value: 'IHERED-994' } });
  });

  const parametersOf = (name: string) =>
    childrenOf(readXml(readFileSync(join(pixm, name))), 'parameter').map((one): [string, XmlElement] => [
      attributeOf(childOf(one, 'name')!, 'value')!,
      one,
    ]);
  const known = [
    { system: red, value: 'IHERED-994', type: '' },
    { system: 'urn:oid:1.3.6.1.4.1.21367.13.20.3000', value: 'IHEBLUE-994', type: '' },
    { system: 'urn:oid:1.3.6.1.4.1.21367.13.20.2000', value: 'IHEGREEN-994', type: '' },
  ];
  test.each([
    ['pixm-request-mohralice-red-all.xml', 'pixm-response-mohralice-red-all.xml', known],
    // In this example the green number was not there when it was asked for.
    ['pixm-request-mohralice-red-to-blue.xml', 'pixm-response-mohralice-red-to-blue.xml', known.slice(0, 2)],
  ])('%s is answered as in %s', (asked, answered, numbers) => {
    const query = new URLSearchParams();
    for (const [name, one] of parametersOf(asked))
      if (name !== '_format') query.append(name, attributeOf(childOf(one, 'valueString')!, 'value')!);
    const answer = makeCrossReference(readCrossReference(query), numbers);
    const wanted = parametersOf(answered)
      .filter(([name]) => name === 'targetIdentifier')
      .map(([, one]) => {
        const identifier = childOf(one, 'valueIdentifier')!;
        const part = (name: string) => attributeOf(childOf(identifier, name)!, 'value');
        return { system: part('system'), value: part('value') };
      });
    expect(answer.parameter?.map(({ valueIdentifier }) => valueIdentifier)).toEqual(wanted);
  });
});

describe.skipIf(!existsSync(mhd))(`MHD${without(mhd)}`, () => {
  const texts = existsSync(mhd)
    ? readdirSync(mhd)
        .filter((name) => name.endsWith('.fsh'))
        .map((name) => readFileSync(join(mhd, name), 'utf8'))
    : [];
  const instances = readFsh(texts);
  const bundles = [...instances.values()].filter(({ of }) => of.endsWith('.ProvideBundle'));

  /** What our reader says of each example; where it does not hold, why that is meant. */
  const wanted: Record<string, string> = {
    // Their patients have no number: this exchange can not tell whose document it is.
    'ex-minimalProvideDocumentBundleSimple': 'exchange.no-identifier Bundle.entry[1].resource.subject',
    'ex-minimalProvideDocumentBundleSimpleContained': 'exchange.no-identifier Bundle.entry[1].resource.subject',
    'ex-comprehensiveProvideDocumentBundleSimple': 'holds',
    // The replaced document is named by an address of the sender's, which says nothing here.
    'ex-comprehensiveProvideDocumentBundleReplace': 'exchange.profile Bundle.entry[2].resource.relatesTo[0].target',
    'ex-comprehensiveProvideDocumentBundleMultiple': 'holds',
    'ex-comprehensiveProvideDocumentBundleComplete': 'holds',
    // The patient lies at another server and nothing in the bundle has the number.
    'ex-unContainedComprehensiveProvideDocumentBundleComplete':
      'exchange.no-identifier Bundle.entry[1].resource.subject',
    'ex-ProvideDocumentBundle-addToFolder': 'holds',
  };

  test('every bundle of the examples is in the table', () => {
    expect(bundles.map(({ id }) => id).toSorted()).toEqual(Object.keys(wanted).toSorted());
  });

  test.each(Object.entries(wanted))('%s: %s', (id, says) => {
    expect(fault(() => readProvideBundle(instances.get(id)!.resource, 1024))).toBe(says);
  });

  test('documents of those that hold come with the bytes that their hash tells', () => {
    const texts = bundles
      .filter(({ id }) => wanted[id] === 'holds')
      .flatMap(({ resource }) => readProvideBundle(resource, 1024).documents.map(({ bytes }) => bytes?.toString()));
    expect(texts.filter((text) => text === 'Hello World').length).toBeGreaterThanOrEqual(3);
  });

  test('each of them without any one of its required elements is refused at its place', () => {
    const whole = instances.get('ex-comprehensiveProvideDocumentBundleSimple')!.resource;
    for (const element of [
      'masterIdentifier',
      'type',
      'category',
      'subject',
      'securityLabel',
      'content',
      'context',
      'status',
    ]) {
      const bent = JSON.parse(JSON.stringify(whole)) as { entry: { resource: Record<string, unknown> }[] };
      delete bent.entry[1]!.resource[element];
      expect(
        fault(() => readProvideBundle(bent, 1024)),
        element,
      ).toMatch(new RegExp(`^exchange\\.(profile|malformed) Bundle\\.entry\\[1\\]\\.resource\\.${element}`));
    }
  });
});

describe.skipIf(!existsSync(tables))(`HL7 tables${without(tables)}`, () => {
  test('all are read, and written and read again they are the same', () => {
    const folder = join(tables, 'codeSystems');
    const names = readdirSync(folder);
    expect(names).toHaveLength(416);
    const urls = new Set<string>();
    let codes = 0;
    for (const name of names) {
      const [system] = readCodeSystems(readFileSync(join(folder, name)), { fileName: name });
      const again = readCodeSystems(Buffer.from(writeCodeSystem(system!)), { fileName: 'again.json' });
      expect(again).toEqual([system]);
      urls.add(system!.url);
      codes += system!.concepts.length;
    }
    expect(urls.size).toBe(416);
    // Elements named concept; a code that a table has twice counts once.
    expect(codes).toBeGreaterThan(5_800);
    const sex = readCodeSystems(readFileSync(join(folder, 'cs-v2-0001.xml')), { fileName: 'x.xml' })[0]!;
    expect(sex.concepts.find(({ code }) => code === 'F')?.display).toBe('Female');
  });

  test('the list of tables is a code system too', () => {
    const [list] = readCodeSystems(readFileSync(join(tables, 'v2-tables.xml')), { fileName: 'v2-tables.xml' });
    expect(list!.concepts.find(({ code }) => code === '0001')?.display).toBe('Administrative Sex');
  });
});
