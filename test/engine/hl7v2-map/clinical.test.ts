import type {
  AllergyIntolerance,
  Condition,
  Coverage,
  DiagnosticReport,
  DocumentReference,
  Encounter,
  Immunization,
  MedicationRequest,
  Observation,
  Procedure,
  ServiceRequest,
  Specimen,
} from '@medplum/fhirtypes';
import { describe, expect, test } from 'vitest';
import { isMapped, parseMessage } from '../../../engine/hl7v2/index.ts';
import { adt, first, message, oru, resources } from './support.ts';

const at = '20260401120000';
const obr = 'OBR|1|P1|F1|24323-8^Metabolic panel^LN|||20260401110000|||||||||||||||20260401113000||CH|F';
const observed = (type: string, value: string, unit = '', range = ''): Observation =>
  first<Observation>(oru(at, obr, `OBX|1|${type}|2345-7^Glucose^LN||${value}|${unit}|${range}||||F`), 'Observation');

describe('OBX-5 by its type', () => {
  test.each<[string, string, string, Partial<Observation>]>([
    [
      'NM',
      '105',
      'mg/dL^^UCUM',
      { valueQuantity: { value: 105, unit: 'mg/dL', system: 'http://unitsofmeasure.org', code: 'mg/dL' } },
    ],
    ['NM', '105', 'MGDL', { valueQuantity: { value: 105, unit: 'MGDL' } }],
    ['SN', '>^90', '', { valueQuantity: { value: 90, comparator: '>' } }],
    ['SN', '^100^-^200', 'mL', { valueRange: { low: { value: 100, unit: 'mL' }, high: { value: 200, unit: 'mL' } } }],
    ['SN', '^1^:^128', '', { valueRatio: { numerator: { value: 1 }, denominator: { value: 128 } } }],
    ['SN', '^2^+', '', { valueString: '2+' }],
    [
      'CWE',
      '27268008^Salmonella^SCT',
      '',
      {
        valueCodeableConcept: {
          coding: [{ system: 'http://snomed.info/sct', code: '27268008', display: 'Salmonella' }],
        },
      },
    ],
    ['ST', 'Negative', '', { valueString: 'Negative' }],
    ['TX', 'line one~line two', '', { valueString: 'line one\nline two' }],
    ['FT', 'a\\.br\\b', '', { valueString: 'a\nb' }],
    ['DT', '20260401', '', { valueDateTime: '2026-04-01' }],
    ['TM', '1130', '', { valueTime: '11:30:00' }],
    ['DR', '20260401^20260402', '', { valuePeriod: { start: '2026-04-01', end: '2026-04-02' } }],
  ])('%s %s', (type, value, unit, wanted) => {
    expect(observed(type, value, unit)).toMatchObject(wanted);
  });

  test('a number keeps its text where JSON would change it, and its comparator', () => {
    expect(observed('NM', '5.10').valueQuantity).toEqual({
      value: 5.1,
      extension: [{ url: 'http://mix-hie.org/fhir/StructureDefinition/v2-OBX-5', valueString: '5.10' }],
    });
    expect(observed('NM', '<15').valueQuantity).toMatchObject({ value: 15, comparator: '<' });
  });

  test('a number that is none stays as text, with a warning', () => {
    const draft = oru(at, obr, 'OBX|1|NM|2345-7^Glucose^LN||see note||||||F');
    expect(first<Observation>(draft, 'Observation').valueString).toBe('see note');
    expect(draft.faults).toEqual([{ code: 'record.number-unreadable', place: 'OBX[1]-5' }]);
  });

  test('data and pointers are attachments of the report', () => {
    const draft = oru(
      at,
      obr,
      'OBX|1|ED|11502-2^Report^LN||^application^pdf^Base64^JVBERi0=||||||F',
      'OBX|2|RP|11502-2^Report^LN|2|https://pacs.example.org/1^^application^DICOM||||||F',
    );
    expect(first<DiagnosticReport>(draft, 'DiagnosticReport').presentedForm).toMatchObject([
      { contentType: 'application/pdf', data: 'JVBERi0=' },
      { contentType: 'application/dicom', url: 'https://pacs.example.org/1' },
    ]);
  });

  test.each([
    ['70-110', 70, 110],
    ['4.0 - 11.0', 4, 11],
    ['<5', undefined, 5],
    ['>=3', 3, undefined],
    ['Negative', undefined, undefined],
    ['[ ]', undefined, undefined],
  ])('reference range %s', (text, low, high) => {
    const range = observed('NM', '1', 'mg', text).referenceRange![0]!;
    expect([range.text, range.low?.value, range.high?.value]).toEqual([text, low, high]);
  });

  test('flags, notes, performers, the time of the order, vital signs', () => {
    const draft = oru(
      at,
      obr,
      'OBX|1|NM|8867-4^Heart rate^LN||60|/min^^UCUM||HH|||F|||||77^Nurse^Nora',
      'NTE|1||irregular',
      'NTE|2||told the doctor',
    );
    expect(first<Observation>(draft, 'Observation')).toMatchObject({
      interpretation: [
        { coding: [{ system: 'http://terminology.hl7.org/CodeSystem/v3-ObservationInterpretation', code: 'HH' }] },
      ],
      note: [{ text: 'irregular' }, { text: 'told the doctor' }],
      performer: [{ display: 'Nora Nurse', identifier: { value: '77' } }],
      effectiveDateTime: '2026-04-01T11:00:00Z',
      category: [{ coding: [{ code: 'vital-signs' }] }],
    });
  });
});

describe('orders and reports', () => {
  test('ORU: request, report and results refer to each other', () => {
    const draft = oru(
      at,
      'ORC|RE|P1|F1||CM',
      obr,
      'OBX|1|NM|2345-7^Glucose^LN||105||||||F',
      'OBX|2|NM|2345-7^Glucose^LN||106||||||F',
      'SPM|1|S1&LAB||SER^Serum^HL70487',
    );
    const keys = draft.subjects[0]!.entries.map(({ key }) => key);
    expect(new Set(keys).size).toBe(keys.length);
    const report = first<DiagnosticReport>(draft, 'DiagnosticReport');
    expect(report).toMatchObject({
      status: 'final',
      issued: '2026-04-01T11:30:00Z',
      category: [{ coding: [{ code: 'CH' }] }],
    });
    expect(report.result?.map(({ reference }) => reference)).toEqual(
      keys.filter((key) => key.startsWith('Observation')).map((key) => `key:${key}`),
    );
    expect(report.basedOn?.[0]?.reference).toBe(`key:${keys.find((key) => key.startsWith('ServiceRequest'))}`);
    expect(first<ServiceRequest>(draft, 'ServiceRequest').status).toBe('completed');
    expect(first<Specimen>(draft, 'Specimen').type?.coding?.[0]?.code).toBe('SER');
  });

  test.each([
    ['NW', '', 'active'],
    ['CA', '', 'revoked'],
    ['DC', '', 'revoked'],
    ['SC', 'HD', 'on-hold'],
    ['NW', 'CM', 'completed'],
  ])('ORC-1 %s with ORC-5 %j is %s', (control, status, wanted) => {
    expect(
      first<ServiceRequest>(
        message('ORM^O01', `ORC|${control}|P1|F1||${status}`, 'OBR|1|P1|F1|71045^X-ray^C4'),
        'ServiceRequest',
      ).status,
    ).toBe(wanted);
  });

  test('timing of TQ1 and of the old quantity field', () => {
    const draft = message('OML^O21', 'ORC|NW|P1', 'TQ1|1||BID|||| 20260401|20260410|S', 'OBR|1|P1||718-7^Hb^LN');
    expect(first<ServiceRequest>(draft, 'ServiceRequest')).toMatchObject({
      priority: 'stat',
      occurrenceTiming: {
        code: { coding: [{ code: 'BID' }] },
        repeat: { boundsPeriod: { start: '2026-04-01', end: '2026-04-10' } },
      },
    });
    const old = message('ORM^O01', 'ORC|NW|P1', 'OBR|1|P1||718-7^Hb^LN|||||||||||||||||||||||1^Q8H^^20260401^^R');
    expect(first<ServiceRequest>(old, 'ServiceRequest')).toMatchObject({
      priority: 'routine',
      occurrenceTiming: { code: { coding: [{ code: 'Q8H' }] } },
    });
  });

  test('a note before and one after OBR both reach the request', () => {
    const text = JSON.stringify(
      first<ServiceRequest>(
        message('ORM^O01', 'ORC|NW|P1', 'NTE|1||entered by hand', 'OBR|1|P1||718-7^Hb^LN', 'NTE|1||fasting'),
        'ServiceRequest',
      ),
    );
    expect(text).toContain('entered by hand');
    expect(text).toContain('fasting');
  });
});

describe('allergies', () => {
  test('AL1', () => {
    expect(
      first<AllergyIntolerance>(
        adt('A01', at, 'AL1|1|DA|7980^Penicillin^RXNORM|SV|Hives~Wheeze|20100101'),
        'AllergyIntolerance',
      ),
    ).toMatchObject({
      category: ['medication'],
      criticality: 'high',
      code: { coding: [{ system: 'http://www.nlm.nih.gov/research/umls/rxnorm', code: '7980' }] },
      reaction: [{ manifestation: [{ text: 'Hives' }, { text: 'Wheeze' }], severity: 'severe' }],
      onsetDateTime: '2010-01-01',
    });
  });

  test.each([
    ['716186003^x^SCT', '716186003'],
    ['NKA^No Known Allergies^L', '716186003'],
    ['NKDA', '409137002'],
    ['^no known drug allergies', '409137002'],
    ['429625007^^SCT', '429625007'],
  ])('%s says that there is none', (code, wanted) => {
    const allergy = first<AllergyIntolerance>(adt('A01', at, `AL1|1|DA|${code}`), 'AllergyIntolerance');
    expect(allergy.code?.coding?.[0]).toMatchObject({ system: 'http://snomed.info/sct', code: wanted });
    expect(allergy.category).toBeUndefined();
  });

  test('IAM-6 D takes it out of the record', () => {
    expect(adt('A08', at, 'IAM|1|DA|7980^Penicillin^RXNORM|||D|A17').subjects[0]!.entries[0]).toMatchObject({
      act: 'remove',
      key: 'AllergyIntolerance|#A17',
    });
  });
});

describe('the visit', () => {
  test.each([
    ['A01', 'in-progress'],
    ['A03', 'finished'],
    ['A04', 'in-progress'],
    ['A05', 'planned'],
    ['A11', 'cancelled'],
    ['A13', 'in-progress'],
  ])('%s: %s', (event, status) => {
    expect(first<Encounter>(adt(event, at, 'PV1|1|I|2E^201^A||||||||||||||||V1'), 'Encounter').status).toBe(status);
  });

  test('who, where, when, why', () => {
    const draft = adt(
      'A01',
      at,
      'PV1|1|I|2E^201^A^HOSP|E|||5678^Attend^Arthur|||MED||||1|||||V1^^^HOSP^VN|||||||||||||||||01||||||||20260401100000',
      'PV2|||R07.9^Chest pain^I10C',
      'DG1|1||R07.9^Chest pain^I10C||20260401|A|||||||||1',
      'PR1|1||44950^Appendectomy^C4||20260401113000|||||||88^Cutter^Carl',
      'IN1|1|PPO^Preferred|BC1|Blue Cross||||GRP|Group|||20260101||||Everyperson^Adam|SEL|||||||||||||||||||POL1',
    );
    expect(first<Encounter>(draft, 'Encounter')).toMatchObject({
      class: { code: 'IMP' },
      identifier: [{ value: 'V1' }],
      participant: [{ individual: { display: 'Arthur Attend' } }],
      location: [{ location: { display: '2E, 201, A, HOSP' } }],
      period: { start: '2026-04-01T10:00:00Z' },
      reasonCode: [{ coding: [{ code: 'R07.9' }] }],
      hospitalization: { admitSource: { coding: [{ code: '1' }] }, dischargeDisposition: { coding: [{ code: '01' }] } },
      diagnosis: [{ rank: 1 }],
    });
    expect(first<Condition>(draft, 'Condition').code?.coding?.[0]?.system).toBe('http://hl7.org/fhir/sid/icd-10-cm');
    expect(first<Procedure>(draft, 'Procedure').performer?.[0]?.actor.display).toBe('Carl Cutter');
    expect(first<Coverage>(draft, 'Coverage')).toMatchObject({
      subscriberId: 'POL1',
      payor: [{ display: 'Blue Cross' }],
      relationship: { coding: [{ code: 'ONESELF' }, { code: 'SEL' }] },
    });
    expect(adt('A03', at).encounterEnded).toBe(true);
  });
});

describe('medications, immunizations, documents', () => {
  test('RXE', () => {
    const draft = message(
      'RDE^O11',
      'ORC|NW|P1|F1',
      'RXE|1^BID^^20260401|197361^Amoxicillin 500 MG^RXNORM|1|2|CAP^capsule|CAP|take with food|||20|CAP|3',
      'RXR|PO^Oral^HL70162',
    );
    expect(first<MedicationRequest>(draft, 'MedicationRequest')).toMatchObject({
      status: 'active',
      medicationCodeableConcept: {
        coding: [{ system: 'http://www.nlm.nih.gov/research/umls/rxnorm', code: '197361' }],
      },
      dosageInstruction: [
        {
          text: 'take with food',
          timing: { code: { coding: [{ code: 'BID' }] } },
          route: { coding: [{ code: 'PO' }] },
          doseAndRate: [{ doseRange: { low: { value: 1, unit: 'capsule' }, high: { value: 2 } } }],
        },
      ],
      dispenseRequest: { quantity: { value: 20 }, numberOfRepeatsAllowed: 3 },
    });
  });

  test('a vaccine that was given', () => {
    const draft = message(
      'VXU^V04',
      'ORC|RE||IZ1',
      'RXA|0|1|20260401||08^Hep B^CVX|0.5|mL^^UCUM||00^New record^NIP001|77^Nurse^Nora|||||LOT1|20270101|MSD^Merck^MVX|||CP|A',
      'RXR|IM^^HL70162|LD^^HL70163',
    );
    expect(first<Immunization>(draft, 'Immunization')).toMatchObject({
      status: 'completed',
      vaccineCode: { coding: [{ system: 'http://hl7.org/fhir/sid/cvx', code: '08' }] },
      lotNumber: 'LOT1',
      expirationDate: '2027-01-01',
      doseQuantity: { value: 0.5 },
      primarySource: true,
      route: { coding: [{ code: 'IM' }] },
      site: { coding: [{ code: 'LD' }] },
      manufacturer: { display: 'Merck' },
    });
  });

  test('a refused one and a historical one', () => {
    const refused = first<Immunization>(
      message(
        'VXU^V04',
        'ORC|RE||IZ2',
        'RXA|0|1|20260401||115^Tdap^CVX|999||||||||||||00^Parental decision^NIP002||RE|A',
      ),
      'Immunization',
    );
    expect(refused).toMatchObject({
      status: 'not-done',
      statusReason: { coding: [{ system: 'http://terminology.hl7.org/CodeSystem/NIP002', code: '00' }] },
    });
    expect(refused.doseQuantity).toBeUndefined();
    expect(
      first<Immunization>(
        message('VXU^V04', 'ORC|RE||IZ3', 'RXA|0|1|20180501||03^MMR^CVX|999|||01^Historical^NIP001|||||||||||CP'),
        'Immunization',
      ),
    ).toMatchObject({ primarySource: false, reportOrigin: { coding: [{ code: '01' }] } });
  });

  test('RXA-21 D takes it back', () => {
    expect(
      message('VXU^V04', 'ORC|RE||IZ1', 'RXA|0|1|20260401||08^Hep B^CVX|0.5|||||||||||||||D').subjects[0]!.entries[0]!
        .act,
    ).toBe('remove');
  });

  test('MDM: the text is the content and can be read', () => {
    const draft = message(
      'MDM^T02',
      'TXA|1|DS^Discharge Summary^HL70270|TX|20260401|||||7^Writer^Will|||DOC1|||||AU||AV',
      'OBX|1|TX|18842-5^Discharge summary^LN||First line & more||||||F',
      'OBX|2|TX|18842-5^Discharge summary^LN||Second line||||||F',
    );
    const document = first<DocumentReference>(draft, 'DocumentReference');
    expect(Buffer.from(document.content[0]!.attachment.data!, 'base64').toString()).toBe(
      'First line & more\nSecond line',
    );
    expect(document).toMatchObject({
      docStatus: 'final',
      masterIdentifier: { value: 'DOC1' },
      author: [{ display: 'Will Writer' }],
    });
    expect(document.text?.div).toContain('First line &amp; more<br/>Second line');
    expect(resources(draft, 'Observation')).toEqual([]);
  });
});

test('only listed types have a map', () => {
  const has = (type: string): boolean => isMapped(parseMessage(`MSH|^~\\&|A|B|C|D|20260401||${type}|1|P|2.5`).message!);
  expect(['ADT^A01', 'ADT^A40', 'ORU^R01', 'RDE^O11', 'VXU^V04'].every(has)).toBe(true);
  expect(['ADT^A43', 'SIU^S12', 'ORU^R30', 'DFT^P03', 'ACK'].some(has)).toBe(false);
});
