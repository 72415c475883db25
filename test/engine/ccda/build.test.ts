import { createHash, generateKeyPairSync } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { SignedXml } from 'xml-crypto';
import { buildCcd, type CcdRecord } from '../../../engine/ccda/index.ts';
import { MixError } from '../../../schemas/errors/index.ts';
import { attributeOf, childOf, childrenOf, readXml, textOf, type XmlElement } from '../../../schemas/xml.ts';
import { libxmlCanonical, passesItsChecks } from '../../support/ccd-properties.ts';
import { fullRecord, header, recordOf, smallRecord, uuid } from './records.ts';

const exclusive = 'http://www.w3.org/2001/10/xml-exc-c14n#';
const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });

function xmlCryptoDigest(xml: string): string | undefined {
  const signer = new SignedXml({
    privateKey: privateKey.export({ type: 'pkcs8', format: 'pem' }),
    signatureAlgorithm: 'http://www.w3.org/2001/04/xmldsig-more#rsa-sha256',
    canonicalizationAlgorithm: exclusive,
  });
  signer.addReference({
    xpath: '/*',
    transforms: [exclusive],
    digestAlgorithm: 'http://www.w3.org/2001/04/xmlenc#sha256',
    uri: '',
    isEmptyUri: true,
  });
  signer.computeSignature(xml);
  return /<DigestValue>([^<]+)</.exec(signer.getSignatureXml())?.[1];
}

function sectionsOf(xml: string): Map<string, XmlElement> {
  const body = childOf(childOf(readXml(xml), 'component') as XmlElement, 'structuredBody') as XmlElement;
  const sections = childrenOf(body, 'component').map((component) => childOf(component, 'section') as XmlElement);
  return new Map(sections.map((section) => [textOf(childOf(section, 'title') as XmlElement), section]));
}

function section(record: CcdRecord, title: string): XmlElement {
  return sectionsOf(buildCcd(record, header)).get(title) as XmlElement;
}

/** All elements below one with this name. */
function all(element: XmlElement, local: string): XmlElement[] {
  return element.children.flatMap((node) =>
    typeof node === 'string' ? [] : [...(node.local === local ? [node] : []), ...all(node, local)],
  );
}

describe('canonical by construction', () => {
  test.each([
    ['a small record', smallRecord],
    ['a full record', fullRecord()],
  ])('%s: the text equals its exclusive canonicalization by libxml2 and by xml-crypto', (_, record) => {
    const xml = buildCcd(record, header);
    expect(libxmlCanonical(xml)).toBe(xml);
    // xml-crypto tells its canonical form by the digest that it signs.
    expect(xmlCryptoDigest(xml)).toBe(createHash('sha256').update(xml).digest('base64'));
  });

  test('any record gives canonical XML that passes both checks', () => passesItsChecks(100));
});

describe('header', () => {
  const root = readXml(buildCcd(fullRecord(), header));
  const role = childOf(childOf(root, 'recordTarget') as XmlElement, 'patientRole') as XmlElement;

  test('names the document, its set, version and what it replaces', () => {
    expect(attributeOf(childOf(root, 'setId') as XmlElement, 'root')).toBe(header.setId);
    expect(attributeOf(childOf(root, 'versionNumber') as XmlElement, 'value')).toBe('2');
    const related = childOf(root, 'relatedDocument') as XmlElement;
    expect(attributeOf(related, 'typeCode')).toBe('RPLC');
    expect(attributeOf(all(related, 'id')[0] as XmlElement, 'root')).toBe(header.replaces);
    // 12:00 UTC in November is 06:00 in Chicago.
    expect(attributeOf(childOf(root, 'effectiveTime') as XmlElement, 'value')).toBe('20261123060000-0600');
  });

  test('has every number, name, address and telecom of the patient', () => {
    expect(childrenOf(role, 'id').map((id) => attributeOf(id, 'extension'))).toEqual(['MRN-1', '999-00-0001', 'X9']);
    expect(
      childrenOf(role, 'id')
        .map((id) => attributeOf(id, 'root'))
        .slice(0, 2),
    ).toEqual(['2.16.840.1.113883.3.9999.2', '2.16.840.1.113883.4.1']);
    expect(childrenOf(role, 'addr')).toHaveLength(2);
    expect(childrenOf(role, 'telecom').map((one) => attributeOf(one, 'value'))).toEqual([
      'tel:+1(555)555-2003',
      'mailto:ada@example.org',
      'tel:555-1234-%237%25',
    ]);
    const patient = childOf(role, 'patient') as XmlElement;
    expect(childrenOf(patient, 'name').map(textOf)).toEqual(['Ms.AdaQO\u2019SamplePhD', 'AdaEarlier', 'Addie']);
    expect(all(patient, 'raceCode').map((one) => attributeOf(one, 'code'))).toEqual(['2106-3', '2028-9']);
    expect(textOf(all(patient, 'guardianPerson')[0] as XmlElement)).toBe('Carla Guard');
  });

  test('lets contacts, providers and the encounter of now take part', () => {
    expect(
      childrenOf(root, 'participant').map((one) =>
        attributeOf(childOf(one, 'associatedEntity') as XmlElement, 'classCode'),
      ),
    ).toEqual(['NOK', 'GUARD']);
    expect(all(childOf(root, 'documentationOf') as XmlElement, 'performer')).toHaveLength(2);
    expect(textOf(all(childOf(root, 'componentOf') as XmlElement, 'location')[0] as XmlElement)).toBe('Ward 3 bed 2');
  });

  test('refuses an organisation without an OID', () => {
    const bad = { ...header, organization: { name: 'x', oid: 'urn:oid:1.2' } };
    expect(() => buildCcd(smallRecord, bad)).toThrow(MixError);
  });
});

describe('sections', () => {
  test('those a CCD requires say "no information", others are left out', () => {
    const sections = sectionsOf(buildCcd(smallRecord, header));
    expect([...sections.keys()]).toEqual([
      'Allergies and Intolerances',
      'Medications',
      'Problems',
      'Procedures',
      'Results',
      'Social History',
      'Vital Signs',
    ]);
    for (const one of sections.values()) expect(attributeOf(one, 'nullFlavor')).toBe('NI');
  });

  test('a full record fills all of them, in order', () => {
    const sections = sectionsOf(buildCcd(fullRecord(), header));
    expect(sections.size).toBe(17);
    for (const one of sections.values()) {
      expect(attributeOf(one, 'nullFlavor')).toBeUndefined();
      expect(childrenOf(one, 'entry').length).toBeGreaterThan(0);
    }
  });

  test('a refused immunization is negated and tells why', () => {
    const given = section(fullRecord(), 'Immunizations');
    const acts = all(given, 'substanceAdministration');
    expect(acts.map((act) => attributeOf(act, 'negationInd'))).toEqual(['false', 'true', 'true']);
    const reason = all(acts[1] as XmlElement, 'entryRelationship')[0] as XmlElement;
    expect(attributeOf(all(reason, 'code')[0] as XmlElement, 'code')).toBe('PATOBJ');
  });

  test('no known allergies and refuted ones are negated', () => {
    const observations = all(section(fullRecord(), 'Allergies and Intolerances'), 'observation').filter(
      (one) => attributeOf(childOf(one, 'code') as XmlElement, 'code') === 'ASSERTION',
    );
    const negated = observations.filter((one) => attributeOf(one, 'negationInd') === 'true');
    expect(negated).toHaveLength(2);
    const none = negated.find(
      (one) => attributeOf(all(one, 'playingEntity')[0]!.children[0] as XmlElement, 'nullFlavor') === 'NA',
    ) as XmlElement;
    expect(attributeOf(childOf(none, 'value') as XmlElement, 'code')).toBe('416098002');
  });

  test('what is removed or entered in error is not there', () => {
    const record = fullRecord();
    expect(buildCcd(record, header)).not.toContain('never-so');
    const hidden = {
      ...record,
      entries: record.entries.map((entry) => ({ ...entry, removed: entry.type === 'AllergyIntolerance' })),
    };
    expect(attributeOf(section(hidden, 'Allergies and Intolerances'), 'nullFlavor')).toBe('NI');
  });

  test('a code without a known system stays as a translation, under OTH', () => {
    const record = recordOf({}, [
      {
        resourceType: 'Observation',
        status: 'final',
        code: { coding: [{ code: 'WBC9', display: 'White cells' }] },
        valueString: 'many',
      },
    ]);
    const results = section(record, 'Results');
    const code = childOf(all(results, 'observation')[0] as XmlElement, 'code') as XmlElement;
    expect(attributeOf(code, 'nullFlavor')).toBe('OTH');
    expect(attributeOf(childOf(code, 'translation') as XmlElement, 'code')).toBe('WBC9');
    expect(textOf(childOf(results, 'text') as XmlElement)).toContain('White cells (WBC9)');
  });

  test.each([
    [{ valueQuantity: { value: 11.2, unit: 'G/DL' } }, { 'xsi:type': 'PQ', value: '11.2', unit: 'g/dL' }],
    [{ valueQuantity: { value: 5, unit: 'per field' } }, { 'xsi:type': 'PQ', nullFlavor: 'OTH' }],
    [{ valueQuantity: { value: 5, unit: 'mg', comparator: '<' as const } }, { 'xsi:type': 'IVL_PQ' }],
    [{ valueString: 'clear' }, { 'xsi:type': 'ST' }],
    [{ valueCodeableConcept: { text: 'red' } }, { 'xsi:type': 'CD', nullFlavor: 'OTH' }],
    [{ valueDateTime: '2020-01-02' }, { 'xsi:type': 'TS', value: '20200102' }],
    [{ valueInteger: 3 }, { 'xsi:type': 'INT', value: '3' }],
    [{ valueBoolean: false }, { 'xsi:type': 'BL', value: 'false' }],
    [{ valueRatio: { numerator: { value: 1 }, denominator: { value: 8 } } }, { 'xsi:type': 'RTO_PQ_PQ' }],
    [{ valueRange: { low: { value: 1 } } }, { 'xsi:type': 'IVL_PQ' }],
    [{}, { 'xsi:type': 'CD', nullFlavor: 'NI' }],
  ])('value %j is written as %j', (value, wanted) => {
    const record = recordOf({}, [{ resourceType: 'Observation', status: 'final', code: { text: 'x' }, ...value }]);
    const written = all(section(record, 'Results'), 'value')[0] as XmlElement;
    expect(Object.fromEntries(written.attributes.map((one) => [one.name, one.value]))).toEqual(wanted);
  });

  test('observations go to the section of their LOINC code or category', () => {
    const sections = sectionsOf(buildCcd(fullRecord(), header));
    const codes = (title: string): (string | undefined)[] =>
      all(sections.get(title) as XmlElement, 'observation').map((one) =>
        attributeOf(childOf(one, 'code') as XmlElement, 'code'),
      );
    expect(codes('Vital Signs').sort()).toEqual(['8302-2', '8310-5', '8462-4', '8480-6']);
    // A heart rate in words is no vital sign observation, but it is not lost.
    expect(codes('Results')).toContain('8867-4');
    expect(codes('Functional Status')).toEqual(['54522-8']);
  });

  test('what runs in the family and what is implanted stand where they belong, also when told as observations', () => {
    const loincConcept = (code: string) => ({ coding: [{ system: 'http://loinc.org', code }] });
    const record = recordOf({ name: [{ family: 'Kin' }] }, [
      { resourceType: 'Observation', status: 'final', code: loincConcept('10157-6'), valueString: 'mother: stroke' },
      {
        resourceType: 'Observation',
        status: 'final',
        code: loincConcept('74711-3'),
        valueString: '(01)00643169007222',
      },
      { resourceType: 'Device', type: { text: 'software' }, deviceName: [{ name: 'LabSoft', type: 'model-name' }] },
    ]);
    const xml = buildCcd(record, header);
    const sections = sectionsOf(xml);
    expect(all(sections.get('Family History')!, 'relatedSubject')).toHaveLength(1);
    expect(JSON.stringify(all(sections.get('Family History')!, 'value'))).toContain('mother: stroke');
    const [device] = all(sections.get('Medical Equipment')!, 'participantRole');
    expect(attributeOf(childOf(device!, 'id')!, 'extension')).toBe('(01)00643169007222');
    expect(attributeOf(sections.get('Results')!, 'nullFlavor')).toBe('NI');
    // The software that a sender runs is nobody's device.
    expect(xml).not.toContain('LabSoft');
  });

  test('an order that was done and has no result is a procedure; one of unknown state with a report is no plan', () => {
    const order = (id: number, status: 'completed' | 'unknown', words: string) =>
      ({
        resourceType: 'ServiceRequest',
        id: uuid(id),
        status,
        intent: 'order',
        subject: {},
        code: { text: words },
      }) as const;
    const record = recordOf({ name: [{ family: 'Done' }] }, [
      order(201, 'completed', 'chest film'),
      order(202, 'completed', 'reported film'),
      order(203, 'unknown', 'asked before'),
      {
        resourceType: 'DiagnosticReport',
        status: 'final',
        code: {},
        basedOn: [{ reference: `ServiceRequest/${uuid(202)}` }],
      },
      {
        resourceType: 'DiagnosticReport',
        status: 'unknown',
        code: {},
        basedOn: [{ reference: `ServiceRequest/${uuid(203)}` }],
      },
    ]);
    const sections = sectionsOf(buildCcd(record, header));
    const acts = all(sections.get('Procedures')!, 'act');
    expect(acts).toHaveLength(1);
    expect(textOf(childOf(sections.get('Procedures')!, 'text')!)).toContain('chest film');
    expect(sections.get('Plan of Treatment')).toBeUndefined();
  });

  test('rows and entries are linked both ways', () => {
    const xml = buildCcd(fullRecord(), header);
    const rows = new Set([...xml.matchAll(/<tr ID="(r\d+)"/g)].map((match) => match[1]));
    const references = new Set(
      [...xml.matchAll(/<text>(?:[^<]*)<reference value="#(r\d+)">/g)].map((match) => match[1]),
    );
    expect(references).toEqual(rows);
  });

  test('findings that no report names stand under their order', () => {
    const record = recordOf({}, [
      {
        resourceType: 'ServiceRequest',
        id: uuid(70),
        status: 'completed',
        intent: 'order',
        subject: {},
        code: { coding: [{ system: 'http://loinc.org', code: '24323-8' }] },
      },
      {
        resourceType: 'Observation',
        status: 'final',
        code: { text: 'a' },
        valueString: '1',
        basedOn: [{ reference: `ServiceRequest/${uuid(70)}` }],
      },
      {
        resourceType: 'Observation',
        status: 'final',
        code: { text: 'b' },
        valueString: '2',
        basedOn: [{ reference: `ServiceRequest/${uuid(70)}` }],
      },
    ]);
    const results = section(record, 'Results');
    expect(all(results, 'organizer')).toHaveLength(1);
    expect(all(results, 'observation')).toHaveLength(2);
    expect(attributeOf(childOf(all(results, 'organizer')[0] as XmlElement, 'code') as XmlElement, 'code')).toBe(
      '24323-8',
    );
  });
});
