/** Records as a hospital might send them on its worst day, for property tests and for bulk validation. */
import type { CodeableConcept, Quantity, Resource } from '@medplum/fhirtypes';
import fc from 'fast-check';
import { recordOf, uuid } from './records.ts';

const words = fc.oneof(
  fc.string({ maxLength: 30 }),
  fc.string({ unit: 'binary', maxLength: 12 }),
  fc.constantFrom(
    '',
    ' ',
    'a & b <c> "d"',
    ']]>',
    '\u0000\u0007',
    'line\r\nline\n',
    '\uD800',
    '\u{1F600}',
    'No known allergies',
    'x'.repeat(5_000),
    '<script>alert(1)</script>',
  ),
);
const date = fc.constantFrom(
  '2020',
  '2020-01',
  '2020-01-02',
  '2020-01-02T03:04',
  '2020-01-02T03:04:05.678Z',
  '2020-01-02T03:04:05+05:30',
  'soon',
  '',
  '20200102',
);
const system = fc.constantFrom(
  undefined,
  'http://loinc.org',
  'http://snomed.info/sct',
  'http://hl7.org/fhir/sid/icd-10-cm',
  'http://hl7.org/fhir/sid/cvx',
  'http://terminology.hl7.org/CodeSystem/v2-0131',
  'urn:oid:1.2.3',
  'urn:oid:not.an.oid',
  'urn:id:L',
  'local system',
);
const codeText = fc.oneof(
  fc.constantFrom(
    '8302-2',
    '72166-2',
    '8480-6',
    '75320-2',
    '54522-8',
    '11332-4',
    '74013-4',
    '716186003',
    '304253006',
    'A1',
    'a b',
    '',
    ' X ',
    'N',
    'GUARD',
    '00',
    '"\'<&',
  ),
  words,
);
const coding = fc.record({ system, code: codeText, display: words }, { requiredKeys: [] });
const concept: fc.Arbitrary<CodeableConcept> = fc.record(
  { coding: fc.array(coding, { maxLength: 3 }), text: words },
  { requiredKeys: [] },
) as fc.Arbitrary<CodeableConcept>;
const quantity: fc.Arbitrary<Quantity> = fc.record(
  {
    value: fc.oneof(fc.double({ noNaN: false }), fc.integer(), fc.constantFrom(1e21, 1e-9, 98.6)),
    unit: fc.oneof(
      fc.constantFrom(
        'mg/dL',
        'mmHg',
        '10*3/uL',
        'per big field',
        '',
        'F',
        '%',
        'cm',
        'mg{creat}',
        'm2.(s)',
        '(',
        '[',
        '10*',
      ),
      words,
    ),
    code: fc.constantFrom('cm', 'not ucum', 'kg'),
    system: fc.constantFrom('http://unitsofmeasure.org', 'urn:other'),
    comparator: fc.constantFrom('<', '>=', '<=', '>'),
  },
  { requiredKeys: [] },
) as fc.Arbitrary<Quantity>;
const reference = fc.oneof(
  fc.constantFrom(
    { reference: `Practitioner/${uuid(10)}` },
    { reference: 'Practitioner/absent' },
    { reference: `Organization/${uuid(11)}` },
    { reference: '#p' },
    {},
  ),
  fc.record(
    { display: words, identifier: fc.record({ system, value: words }, { requiredKeys: [] }) },
    { requiredKeys: [] },
  ),
);
const period = fc.record({ start: date, end: date }, { requiredKeys: [] });
const identifier = fc.record({ system, value: words }, { requiredKeys: [] });
const name = fc.record(
  {
    given: fc.array(words, { maxLength: 2 }),
    family: words,
    text: words,
    prefix: fc.array(words, { maxLength: 1 }),
    use: fc.constantFrom('official', 'maiden', 'nickname', 'old'),
  },
  { requiredKeys: [] },
);
const address = fc.record(
  {
    line: fc.array(words, { maxLength: 6 }),
    city: words,
    state: words,
    postalCode: words,
    country: fc.constantFrom('US', 'USA', 'CA', ''),
    text: words,
    use: fc.constantFrom('home', 'work', 'old', 'billing'),
  },
  { requiredKeys: [] },
);
const telecom = fc.record(
  {
    system: fc.constantFrom('phone', 'email', 'fax', 'url', 'other', 'pager'),
    value: fc.oneof(words, fc.constantFrom('(555) 555-1234', 'a@b.c', 'http://x y/%zz#[1]', 'tel:+1')),
    use: fc.constantFrom('home', 'mobile', 'old'),
  },
  { requiredKeys: [] },
);
const note = fc.array(fc.record({ text: words }), { maxLength: 2 });
const many = <T>(one: fc.Arbitrary<T>): fc.Arbitrary<T[]> => fc.array(one, { maxLength: 3 });

const value = fc.oneof(
  fc.record({ valueQuantity: quantity }),
  fc.record({ valueCodeableConcept: concept }),
  fc.record({ valueString: words }),
  fc.record({ valueDateTime: date }),
  fc.record({ valuePeriod: period }),
  fc.record({ valueRange: fc.record({ low: quantity, high: quantity }, { requiredKeys: [] }) }),
  fc.record({ valueRatio: fc.record({ numerator: quantity, denominator: quantity }, { requiredKeys: [] }) }),
  fc.record({ valueBoolean: fc.boolean() }),
  fc.record({ valueInteger: fc.integer() }),
  fc.record({ valueTime: words }),
  fc.record({ dataAbsentReason: concept }),
  fc.constant({}),
);
const finding = fc
  .tuple(
    value,
    fc.record(
      {
        code: concept,
        interpretation: many(concept),
        referenceRange: many(fc.record({ low: quantity, high: quantity, text: words }, { requiredKeys: [] })),
      },
      { requiredKeys: ['code'] },
    ),
  )
  .map(([a, b]) => ({ ...a, ...b }));

const observation = fc
  .tuple(
    finding,
    fc.record(
      {
        status: fc.constantFrom('final', 'preliminary', 'cancelled', 'corrected', 'unknown', 'entered-in-error'),
        effectiveDateTime: date,
        effectivePeriod: period,
        issued: date,
        category: fc.constantFrom(
          [{ coding: [{ code: 'vital-signs' }] }],
          [{ coding: [{ code: 'social-history' }] }],
          [{ coding: [{ code: 'functional-status' }] }],
          [{ coding: [{ code: 'laboratory' }] }],
        ),
        component: many(finding),
        performer: many(reference),
        note,
        bodySite: concept,
        method: concept,
        basedOn: fc.constant([{ reference: `ServiceRequest/${uuid(70)}` }]),
      },
      { requiredKeys: ['status'] },
    ),
  )
  .map(([a, b]) => ({ resourceType: 'Observation', ...a, ...b }));

const dosage = fc.record(
  {
    text: words,
    route: concept,
    site: concept,
    timing: fc.record(
      {
        repeat: fc.record(
          {
            frequency: fc.integer({ min: 0, max: 9 }),
            period: fc.integer({ min: 0, max: 9 }),
            periodUnit: fc.constantFrom('d', 'h', 'fortnight'),
            boundsPeriod: period,
          },
          { requiredKeys: [] },
        ),
        code: concept,
      },
      { requiredKeys: [] },
    ),
    doseAndRate: fc.array(
      fc.record(
        {
          doseQuantity: quantity,
          doseRange: fc.record({ low: quantity, high: quantity }, { requiredKeys: [] }),
          rateQuantity: quantity,
        },
        { requiredKeys: [] },
      ),
      { maxLength: 2 },
    ),
  },
  { requiredKeys: [] },
);

function of(resourceType: string, model: Record<string, fc.Arbitrary<unknown>>): fc.Arbitrary<Record<string, unknown>> {
  return fc
    .record({ ...model, identifier: many(identifier) }, { requiredKeys: [] })
    .map((body) => ({ ...body, resourceType }));
}

const resource = fc.oneof(
  { weight: 4, arbitrary: observation },
  {
    weight: 1,
    arbitrary: of('AllergyIntolerance', {
      code: concept,
      type: fc.constantFrom('allergy', 'intolerance'),
      category: fc.constantFrom(['food'], ['medication'], []),
      criticality: fc.constantFrom('low', 'high', 'odd'),
      clinicalStatus: fc.constantFrom({ coding: [{ code: 'inactive' }] }, {}),
      verificationStatus: fc.constantFrom({ coding: [{ code: 'refuted' }] }, {}),
      onsetDateTime: date,
      recordedDate: date,
      reaction: many(
        fc.record(
          {
            manifestation: many(concept),
            severity: fc.constantFrom('mild', 'severe', 'odd'),
            description: words,
            onset: date,
          },
          { requiredKeys: [] },
        ),
      ),
      note,
    }),
  },
  {
    weight: 1,
    arbitrary: of('Condition', {
      code: concept,
      category: many(concept),
      onsetDateTime: date,
      onsetString: words,
      onsetAge: quantity,
      abatementDateTime: date,
      recordedDate: date,
      clinicalStatus: concept,
      bodySite: many(concept),
      note,
      encounter: fc.constant({ reference: `Encounter/${uuid(30)}` }),
    }),
  },
  {
    weight: 1,
    arbitrary: of('Procedure', {
      code: concept,
      status: fc.constantFrom('completed', 'not-done', 'odd', 'stopped'),
      performedDateTime: date,
      performedPeriod: period,
      performer: many(fc.record({ actor: reference })),
      bodySite: many(concept),
      note,
      reasonCode: many(concept),
    }),
  },
  {
    weight: 1,
    arbitrary: of('Encounter', {
      status: fc.constantFrom('in-progress', 'finished', 'cancelled'),
      class: coding,
      type: many(concept),
      period,
      participant: many(fc.record({ individual: reference }, { requiredKeys: [] })),
      location: many(fc.record({ location: reference })),
      reasonCode: many(concept),
      hospitalization: fc.record({ dischargeDisposition: concept }, { requiredKeys: [] }),
    }),
  },
  {
    weight: 1,
    arbitrary: of('MedicationRequest', {
      status: fc.constantFrom('active', 'stopped', 'odd'),
      medicationCodeableConcept: concept,
      dosageInstruction: many(dosage),
      authoredOn: date,
      requester: reference,
      reasonCode: many(concept),
      dispenseRequest: fc.record(
        { quantity, numberOfRepeatsAllowed: fc.integer({ min: 0, max: 9 }) },
        { requiredKeys: [] },
      ),
      note,
    }),
  },
  {
    weight: 1,
    arbitrary: of('MedicationDispense', {
      status: fc.constantFrom('completed', 'odd'),
      medicationReference: reference,
      dosageInstruction: many(dosage),
      whenHandedOver: date,
      quantity,
      daysSupply: quantity,
      performer: many(fc.record({ actor: reference })),
    }),
  },
  {
    weight: 1,
    arbitrary: of('MedicationAdministration', {
      status: fc.constantFrom('completed', 'not-done'),
      medicationCodeableConcept: concept,
      effectiveDateTime: date,
      effectivePeriod: period,
      dosage: fc.record({ text: words, dose: quantity, route: concept, site: concept }, { requiredKeys: [] }),
    }),
  },
  {
    weight: 1,
    arbitrary: of('Immunization', {
      status: fc.constantFrom('completed', 'not-done'),
      vaccineCode: concept,
      statusReason: concept,
      occurrenceDateTime: date,
      occurrenceString: words,
      lotNumber: words,
      expirationDate: date,
      manufacturer: reference,
      doseQuantity: quantity,
      route: concept,
      site: concept,
      performer: many(fc.record({ actor: reference })),
      protocolApplied: many(fc.record({ doseNumberPositiveInt: fc.integer({ min: 1, max: 9 }) })),
      note,
    }),
  },
  {
    weight: 1,
    arbitrary: of('Coverage', {
      status: fc.constant('active'),
      payor: many(reference),
      subscriberId: words,
      type: concept,
      class: many(fc.record({ type: concept, value: words, name: words }, { requiredKeys: [] })),
      relationship: concept,
      subscriber: reference,
      period,
    }),
  },
  {
    weight: 1,
    arbitrary: of('DiagnosticReport', {
      status: fc.constantFrom('final', 'preliminary', 'registered', 'odd'),
      code: concept,
      effectiveDateTime: date,
      effectivePeriod: period,
      issued: date,
      conclusion: words,
      conclusionCode: many(concept),
      result: fc.constant([{ reference: `Observation/${uuid(100)}` }, { reference: `Observation/${uuid(101)}` }]),
      performer: many(reference),
      presentedForm: many(
        fc.record(
          {
            contentType: fc.constantFrom('text/plain', 'application/pdf'),
            data: fc.base64String({ maxLength: 40 }),
            title: words,
          },
          { requiredKeys: [] },
        ),
      ),
    }),
  },
  {
    weight: 1,
    arbitrary: of('ServiceRequest', {
      status: fc.constantFrom('active', 'completed', 'on-hold'),
      code: concept,
      authoredOn: date,
      occurrencePeriod: period,
      requester: reference,
      performer: many(reference),
      reasonCode: many(concept),
      note,
      category: many(concept),
    }),
  },
  {
    weight: 1,
    arbitrary: of('FamilyMemberHistory', {
      status: fc.constant('completed'),
      relationship: concept,
      sex: concept,
      name: words,
      bornDate: date,
      condition: many(fc.record({ code: concept, onsetAge: quantity, onsetString: words, note }, { requiredKeys: [] })),
    }),
  },
  {
    weight: 1,
    arbitrary: of('DocumentReference', {
      status: fc.constantFrom('current', 'superseded'),
      docStatus: fc.constantFrom('final', 'preliminary'),
      type: concept,
      date,
      author: many(reference),
      description: words,
      content: many(
        fc.record({
          attachment: fc.record(
            {
              contentType: fc.constantFrom('text/plain', 'application/pdf'),
              data: words.map((w) => Buffer.from(w).toString('base64')),
              title: words,
            },
            { requiredKeys: [] },
          ),
        }),
      ),
    }),
  },
  {
    weight: 1,
    arbitrary: of('Appointment', {
      status: fc.constantFrom('booked', 'cancelled'),
      start: date,
      end: date,
      participant: many(fc.record({ actor: reference }, { requiredKeys: [] })),
      comment: words,
    }),
  },
  { weight: 1, arbitrary: of('Goal', { description: concept, startDate: date, note }) },
  {
    weight: 1,
    arbitrary: of('NutritionOrder', {
      status: fc.constant('active'),
      oralDiet: fc.record({ type: many(concept), instruction: words }, { requiredKeys: [] }),
      dateTime: date,
      orderer: reference,
    }),
  },
  {
    weight: 1,
    arbitrary: of('DeviceUseStatement', {
      status: fc.constant('active'),
      device: reference,
      timingPeriod: period,
      timingDateTime: date,
    }),
  },
  {
    weight: 1,
    arbitrary: of('RelatedPerson', {
      relationship: many(concept),
      name: many(name),
      telecom: many(telecom),
      address: many(address),
    }),
  },
  {
    weight: 1,
    arbitrary: of('Consent', {
      status: fc.constant('active'),
      category: many(concept),
      dateTime: date,
      provision: fc.record({ type: fc.constantFrom('deny', 'permit') }, { requiredKeys: [] }),
    }),
  },
) as fc.Arbitrary<Record<string, unknown>>;

const extension = fc.constantFrom(
  { url: 'http://hl7.org/fhir/StructureDefinition/patient-religion', valueCodeableConcept: { text: '' } },
  {
    url: 'http://hl7.org/fhir/us/core/StructureDefinition/us-core-race',
    extension: [{ url: 'text', valueString: 'odd' }],
  },
  {
    url: 'http://hl7.org/fhir/us/core/StructureDefinition/us-core-race',
    extension: [
      { url: 'ombCategory', valueCoding: { system: 'urn:x', code: 'W' } },
      { url: 'ombCategory', valueCoding: {} },
    ],
  },
  { url: 'http://hl7.org/fhir/StructureDefinition/patient-birthPlace', valueAddress: { text: 'x' } },
  { url: 'http://hl7.org/fhir/StructureDefinition/patient-birthPlace', valueString: 'y' },
);

const patient = fc.record(
  {
    name: many(name),
    gender: fc.constantFrom('male', 'female', 'other', 'unknown'),
    birthDate: date,
    address: many(address),
    telecom: many(telecom),
    maritalStatus: concept,
    deceasedBoolean: fc.boolean(),
    deceasedDateTime: date,
    multipleBirthInteger: fc.integer({ min: -1, max: 4 }),
    multipleBirthBoolean: fc.boolean(),
    communication: many(fc.record({ language: concept, preferred: fc.boolean() }, { requiredKeys: ['language'] })),
    contact: many(
      fc.record({ relationship: many(concept), name, telecom: many(telecom), address }, { requiredKeys: [] }),
    ),
    generalPractitioner: many(reference),
    extension: many(extension),
    identifier: many(identifier),
  },
  { requiredKeys: [] },
);

/** A whole record; its first two resources are always observations, so that reports find them. */
export const anyRecord = fc
  .tuple(
    patient,
    fc.array(observation, { minLength: 2, maxLength: 2 }),
    fc.array(resource, { maxLength: 14 }),
    fc.array(identifier, { maxLength: 3 }),
  )
  .map(([who, observations, resources, identifiers]) => {
    const fixed: Record<string, unknown>[] = [
      {
        resourceType: 'Practitioner',
        id: uuid(10),
        name: [{ family: 'Doctor', given: ['Dora'] }],
        identifier: [{ system: 'http://hl7.org/fhir/sid/us-npi', value: '1' }],
      },
      { resourceType: 'Organization', id: uuid(11), name: 'Org', identifier: [{ value: 'O' }] },
      { resourceType: 'Encounter', id: uuid(30), status: 'finished' },
      { resourceType: 'ServiceRequest', id: uuid(70), status: 'active', code: { text: 'panel' } },
    ];
    const all = [...observations, ...resources, ...fixed] as unknown as Resource[];
    return recordOf(
      who as never,
      all,
      identifiers.map((one) => ({ system: one.system ?? '', value: one.value ?? '', type: 'MR', sourceId: 'test' })),
    );
  });
