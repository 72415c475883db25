/** Synthetic records for the tests of the CCD: nobody in here exists. */
import type { Patient, Resource } from '@medplum/fhirtypes';
import type { CcdHeader, CcdRecord } from '../../../engine/ccda/index.ts';
import type { Entry, Identifier } from '../../../schemas/parts.ts';

/** A UUID that depends on a number only. */
export function uuid(n: number): string {
  return `0192f0a0-0000-7000-8000-${n.toString(16).padStart(12, '0')}`;
}

export const header: CcdHeader = {
  documentId: uuid(0xd0c),
  setId: uuid(0x5e7),
  version: 2,
  replaces: uuid(0xd0b),
  createdAt: Date.UTC(2026, 10, 23, 12, 0, 0),
  zone: 'America/Chicago',
  organization: {
    name: 'Prairie General Hospital & Clinics',
    oid: '2.16.840.1.113883.3.9999.1',
    address: { line: ['1 Hospital Way'], city: 'Springfield', state: 'IL', postalCode: '62701', country: 'US' },
    telecom: [{ system: 'phone', value: '(555) 555-0100', use: 'work' }],
  },
};

/** A record of a patient and resources; ids are given in order. */
export function recordOf(
  patient: Omit<Patient, 'resourceType'>,
  resources: Resource[],
  identifiers: Identifier[] = [],
): CcdRecord {
  const id = uuid(1);
  const entries = resources.map((resource, i): Entry => {
    const entryId = resource.id ?? uuid(100 + i);
    return {
      id: entryId,
      personId: id,
      type: resource.resourceType,
      key: `${resource.resourceType}|${i}`,
      version: 1,
      status: (resource as { status?: string }).status ?? '',
      code: '',
      sourceId: 'test',
      messageId: uuid(2),
      sourceTime: 0,
      removed: false,
      body: { ...resource, id: entryId },
    };
  });
  return {
    person: {
      id,
      version: 1,
      state: 'active',
      createdAt: 0,
      updatedAt: 0,
      incomplete: false,
      identifiers,
      patient: { ...patient, resourceType: 'Patient', id },
    },
    entries,
  };
}

export const smallRecord = recordOf({ name: [{ family: 'Small' }] }, []);

const loinc = 'http://loinc.org';
const sct = 'http://snomed.info/sct';
const subject = { reference: `Patient/${uuid(1)}` };
const doctor = { reference: `Practitioner/${uuid(10)}` };

/** Everything that a CCD has a section for. */
export function fullRecord(): CcdRecord {
  return recordOf(
    {
      name: [
        { use: 'official', prefix: ['Ms.'], given: ['Ada', 'Q'], family: 'O\u2019Sample', suffix: ['PhD'] },
        { use: 'maiden', family: 'Earlier', given: ['Ada'] },
        { use: 'nickname', text: 'Addie' },
      ],
      gender: 'female',
      birthDate: '1970-02-03',
      deceasedBoolean: false,
      multipleBirthInteger: 2,
      maritalStatus: {
        coding: [{ system: 'http://terminology.hl7.org/CodeSystem/v3-MaritalStatus', code: 'M', display: 'Married' }],
      },
      address: [
        {
          use: 'home',
          line: ['12 <Elm> & Oak', 'Apt 3', 'c/o B', 'Floor 2', 'Door 9'],
          city: 'Springfield',
          state: 'IL',
          postalCode: '62701',
          country: 'USA',
        },
        { text: 'somewhere else' },
      ],
      telecom: [
        { system: 'phone', value: '+1 (555) 555-2003', use: 'home' },
        { system: 'email', value: 'ada@example.org' },
        { system: 'phone', value: '555 1234 #7%', use: 'mobile' },
      ],
      communication: [
        { language: { coding: [{ system: 'urn:ietf:bcp:47', code: 'en' }] }, preferred: true },
        { language: { text: 'Martian' } },
      ],
      contact: [
        {
          relationship: [
            {
              coding: [{ system: 'http://terminology.hl7.org/CodeSystem/v2-0131', code: 'N', display: 'Next-of-Kin' }],
            },
          ],
          name: { given: ['Bob'], family: 'Sample' },
          telecom: [{ system: 'phone', value: '555-0199' }],
        },
        {
          relationship: [
            {
              coding: [
                { system: 'http://terminology.hl7.org/CodeSystem/v3-RoleCode', code: 'GUARD', display: 'guardian' },
              ],
            },
          ],
          name: { text: 'Carla Guard' },
        },
      ],
      generalPractitioner: [doctor],
      extension: [
        {
          url: 'http://hl7.org/fhir/StructureDefinition/patient-religion',
          valueCodeableConcept: {
            coding: [
              {
                system: 'http://terminology.hl7.org/CodeSystem/v3-ReligiousAffiliation',
                code: '1013',
                display: 'Christian',
              },
            ],
          },
        },
        {
          url: 'http://hl7.org/fhir/us/core/StructureDefinition/us-core-race',
          extension: [
            {
              url: 'ombCategory',
              valueCoding: { system: 'urn:oid:2.16.840.1.113883.6.238', code: '2106-3', display: 'White' },
            },
            {
              url: 'ombCategory',
              valueCoding: { system: 'urn:oid:2.16.840.1.113883.6.238', code: '2028-9', display: 'Asian' },
            },
          ],
        },
        {
          url: 'http://hl7.org/fhir/us/core/StructureDefinition/us-core-ethnicity',
          extension: [{ url: 'text', valueString: 'unsure' }],
        },
        { url: 'http://hl7.org/fhir/StructureDefinition/patient-birthPlace', valueAddress: { city: 'Rivertown' } },
      ],
    },
    [
      {
        resourceType: 'Practitioner',
        id: uuid(10),
        name: [{ given: ['Dora'], family: 'Doctor' }],
        identifier: [{ system: 'http://hl7.org/fhir/sid/us-npi', value: '1234567893' }],
      },
      {
        resourceType: 'Organization',
        id: uuid(11),
        name: 'Good Insurance',
        identifier: [{ system: 'urn:oid:2.16.840.1.113883.3.9999.7', value: 'GI' }],
      },
      {
        resourceType: 'AllergyIntolerance',
        patient: subject,
        type: 'allergy',
        category: ['medication'],
        criticality: 'high',
        code: {
          coding: [
            { system: 'http://www.nlm.nih.gov/research/umls/rxnorm', code: '7980', display: 'Penicillin G' },
            { system: 'urn:local:drugs', code: 'PEN G', display: 'Penicillin' },
          ],
        },
        reaction: [{ manifestation: [{ text: 'Hives' }], severity: 'severe', onset: '2001' }],
        onsetDateTime: '2001-05',
      },
      {
        resourceType: 'AllergyIntolerance',
        patient: subject,
        code: { coding: [{ system: sct, code: '409137002', display: 'No known drug allergy' }] },
      },
      {
        resourceType: 'AllergyIntolerance',
        patient: subject,
        verificationStatus: { coding: [{ code: 'refuted' }] },
        clinicalStatus: { coding: [{ code: 'resolved' }] },
        code: { text: 'Peanuts' },
      },
      {
        resourceType: 'MedicationRequest',
        subject,
        status: 'active',
        intent: 'order',
        authoredOn: '2026-01-02T03:04:05-06:00',
        requester: doctor,
        medicationCodeableConcept: {
          coding: [{ system: 'http://hl7.org/fhir/sid/ndc', code: '00071015523', display: 'Lipitor 10 mg' }],
        },
        dosageInstruction: [
          {
            text: 'one at night',
            route: {
              coding: [{ system: 'http://terminology.hl7.org/CodeSystem/v2-0162', code: 'PO', display: 'Oral' }],
            },
            timing: { repeat: { frequency: 2, period: 1, periodUnit: 'd' } },
            doseAndRate: [{ doseQuantity: { value: 1, unit: 'TAB let' }, rateQuantity: { value: 5, unit: 'mL/h' } }],
          },
        ],
        dispenseRequest: { quantity: { value: 30, unit: 'TAB' }, numberOfRepeatsAllowed: 3 },
        reasonCode: [{ text: 'high cholesterol' }],
      },
      {
        resourceType: 'MedicationDispense',
        subject,
        status: 'completed',
        medicationCodeableConcept: { text: 'Aspirin 81 mg' },
        quantity: { value: 100, unit: 'tab' },
        whenHandedOver: '2026-01-03',
      },
      {
        resourceType: 'MedicationAdministration',
        subject,
        status: 'completed',
        medicationCodeableConcept: { text: 'Saline' },
        effectiveDateTime: '2026-01-03T10:00:00Z',
        dosage: { dose: { value: 500, unit: 'ml' } },
      },
      { resourceType: 'MedicationStatement', subject, status: 'unknown', medicationCodeableConcept: {} },
      {
        resourceType: 'Condition',
        id: uuid(20),
        subject,
        category: [
          {
            coding: [
              {
                system: 'http://terminology.hl7.org/CodeSystem/condition-category',
                code: 'encounter-diagnosis',
                display: 'Encounter Diagnosis',
              },
            ],
          },
        ],
        code: {
          coding: [{ system: 'http://hl7.org/fhir/sid/icd-10-cm', code: 'I10', display: 'Essential hypertension' }],
          text: 'HTN',
        },
        onsetDateTime: '2020',
        encounter: { reference: `Encounter/${uuid(30)}` },
      },
      {
        resourceType: 'Condition',
        subject,
        code: { coding: [{ code: 'X 99', display: 'Local thing' }] },
        clinicalStatus: { coding: [{ code: 'resolved' }] },
        abatementDateTime: '2021-02-03',
      },
      {
        resourceType: 'Procedure',
        subject,
        status: 'completed',
        code: { coding: [{ system: 'http://www.ama-assn.org/go/cpt', code: '44950', display: 'Appendectomy' }] },
        performedPeriod: { start: '2019-03-04', end: '2019-03-04' },
        performer: [{ actor: doctor }],
        bodySite: [{ text: 'abdomen' }],
      },
      {
        resourceType: 'Encounter',
        id: uuid(30),
        status: 'in-progress',
        class: {
          system: 'http://terminology.hl7.org/CodeSystem/v3-ActCode',
          code: 'IMP',
          display: 'inpatient encounter',
        },
        identifier: [{ system: 'urn:oid:2.16.840.1.113883.3.9999.3', value: 'V100' }],
        period: { start: '2026-11-20T08:00:00-06:00' },
        participant: [{ individual: doctor }, { individual: { display: 'Nurse N' } }],
        location: [{ location: { display: 'Ward 3 bed 2' } }],
        reasonCode: [{ text: 'chest pain' }],
        hospitalization: {
          dischargeDisposition: {
            coding: [{ system: 'http://terminology.hl7.org/CodeSystem/v2-0112', code: '01', display: 'home' }],
          },
        },
        diagnosis: [{ condition: { reference: `Condition/${uuid(20)}` } }],
      },
      {
        resourceType: 'DiagnosticReport',
        status: 'final',
        code: { coding: [{ system: loinc, code: '57021-8', display: 'CBC W Auto Differential panel' }] },
        effectiveDateTime: '2026-11-21T06:00:00-06:00',
        result: [{ reference: `Observation/${uuid(40)}` }, { reference: `Observation/${uuid(41)}` }],
        performer: [doctor],
        conclusion: 'slightly low',
      },
      {
        resourceType: 'Observation',
        id: uuid(40),
        status: 'final',
        code: { coding: [{ system: loinc, code: '718-7', display: 'Hemoglobin' }] },
        effectiveDateTime: '2026-11-21T06:00:00-06:00',
        valueQuantity: { value: 11.2, unit: 'G/DL' },
        interpretation: [
          {
            coding: [
              {
                system: 'http://terminology.hl7.org/CodeSystem/v3-ObservationInterpretation',
                code: 'L',
                display: 'Low',
              },
            ],
          },
        ],
        referenceRange: [{ low: { value: 12, unit: 'g/dL' }, high: { value: 16, unit: 'g/dL' } }, { text: 'adults' }],
        note: [{ text: 'line one\nline two' }],
      },
      {
        resourceType: 'Observation',
        id: uuid(41),
        status: 'final',
        code: { text: 'Odd unit' },
        valueQuantity: { value: 5, unit: 'per big field' },
        interpretation: [{ text: 'weird' }],
      },
      {
        resourceType: 'Observation',
        status: 'final',
        code: { coding: [{ code: 'A B', display: 'blank code' }] },
        valueQuantity: { value: 5, comparator: '<', unit: 'mg/dL' },
      },
      {
        resourceType: 'Observation',
        status: 'preliminary',
        code: { coding: [{ system: 'urn:x', code: 'C1' }] },
        valueCodeableConcept: { coding: [{ code: 'POS' }], text: 'positive' },
      },
      {
        resourceType: 'Observation',
        status: 'final',
        code: { text: 'range' },
        valueRange: { low: { value: 1 }, high: { value: 2 } },
      },
      {
        resourceType: 'Observation',
        status: 'final',
        code: { text: 'ratio' },
        valueRatio: { numerator: { value: 1 }, denominator: { value: 128 } },
      },
      { resourceType: 'Observation', status: 'final', code: { text: 'when' }, valueDateTime: '2020-01-01' },
      { resourceType: 'Observation', status: 'final', code: { text: 'time' }, valueTime: '10:00:00' },
      { resourceType: 'Observation', status: 'final', code: { text: 'period' }, valuePeriod: { start: '2020-01-01' } },
      { resourceType: 'Observation', status: 'final', code: { text: 'bool' }, valueBoolean: true },
      { resourceType: 'Observation', status: 'final', code: { text: 'int' }, valueInteger: 7 },
      {
        resourceType: 'Observation',
        status: 'final',
        code: { text: 'wave' },
        valueSampledData: { origin: { value: 0 }, period: 10, dimensions: 1, data: '1 2 3' },
      },
      {
        resourceType: 'Observation',
        status: 'cancelled',
        code: { text: 'none' },
        dataAbsentReason: { coding: [{ code: 'not-performed' }] },
      },
      { resourceType: 'Observation', status: 'final', code: { text: 'nothing at all' } },
      {
        resourceType: 'Observation',
        status: 'final',
        code: { coding: [{ system: loinc, code: '8302-2', display: 'Body height' }] },
        valueQuantity: { value: 170, unit: 'cm', system: 'http://unitsofmeasure.org', code: 'cm' },
        effectiveDateTime: '2026-11-21',
      },
      {
        resourceType: 'Observation',
        status: 'final',
        code: { coding: [{ system: loinc, code: '8310-5', display: 'Body temperature' }] },
        valueQuantity: { value: 98.6, unit: 'F' },
        effectiveDateTime: '2026-11-21',
        interpretation: [{ text: 'odd' }],
      },
      {
        resourceType: 'Observation',
        status: 'final',
        code: { coding: [{ system: loinc, code: '8867-4', display: 'Heart rate' }] },
        valueString: 'fast',
      },
      {
        resourceType: 'Observation',
        status: 'final',
        code: { coding: [{ system: loinc, code: '85354-9', display: 'Blood pressure panel' }] },
        category: [{ coding: [{ code: 'vital-signs' }] }],
        effectiveDateTime: '2026-11-21',
        component: [
          {
            code: { coding: [{ system: loinc, code: '8480-6', display: 'Systolic' }] },
            valueQuantity: { value: 120, unit: 'mmHg' },
          },
          {
            code: { coding: [{ system: loinc, code: '8462-4', display: 'Diastolic' }] },
            valueQuantity: { value: 80, unit: 'mmHg' },
          },
        ],
      },
      {
        resourceType: 'Observation',
        status: 'final',
        code: { coding: [{ system: loinc, code: '72166-2', display: 'Smoking status' }] },
        valueCodeableConcept: { coding: [{ system: sct, code: '8517006', display: 'Former smoker' }] },
        effectiveDateTime: '2026-01-01',
      },
      {
        resourceType: 'Observation',
        status: 'final',
        code: { coding: [{ system: loinc, code: '72166-2', display: 'Smoking status' }] },
        valueString: 'sometimes',
      },
      {
        resourceType: 'Observation',
        status: 'final',
        category: [{ coding: [{ code: 'social-history' }] }],
        code: { text: 'Drinks' },
        valueString: 'rarely',
      },
      {
        resourceType: 'Observation',
        status: 'final',
        code: { coding: [{ system: loinc, code: '54522-8', display: 'Functional status' }] },
        valueString: 'walks alone',
      },
      {
        resourceType: 'Observation',
        status: 'final',
        code: { coding: [{ system: loinc, code: '11332-4', display: 'Cognition' }] },
        valueString: 'clear',
      },
      {
        resourceType: 'Observation',
        status: 'final',
        code: { coding: [{ system: loinc, code: '75320-2', display: 'Advance directive' }] },
        valueCodeableConcept: { text: 'DNR' },
      },
      {
        resourceType: 'Observation',
        status: 'final',
        code: { coding: [{ system: loinc, code: '42348-3', display: 'Advance directives' }] },
        valueCodeableConcept: { coding: [{ system: sct, code: '304253006', display: 'DNR' }] },
        effectivePeriod: { start: '2020-01-01', end: '2030-01-01' },
      },
      {
        resourceType: 'Immunization',
        patient: subject,
        status: 'completed',
        vaccineCode: { coding: [{ system: 'http://hl7.org/fhir/sid/cvx', code: '88', display: 'influenza' }] },
        occurrenceDateTime: '2025-10-01',
        lotNumber: 'L123',
        expirationDate: '2026-10-01',
        manufacturer: { display: 'Vax Co' },
        doseQuantity: { value: 0.5, unit: 'mL' },
        route: { coding: [{ system: 'http://ncimeta.nci.nih.gov', code: 'C28161', display: 'Intramuscular' }] },
        site: { text: 'left arm' },
        performer: [{ actor: doctor }],
        protocolApplied: [{ doseNumberPositiveInt: 1 }],
      },
      {
        resourceType: 'Immunization',
        patient: subject,
        status: 'not-done',
        vaccineCode: { coding: [{ system: 'http://hl7.org/fhir/sid/cvx', code: '03', display: 'MMR' }] },
        occurrenceDateTime: '2025-10-01',
        statusReason: { coding: [{ code: '00', display: 'Parental decision' }] },
      },
      {
        resourceType: 'Immunization',
        patient: subject,
        status: 'not-done',
        vaccineCode: { text: 'Tetanus' },
        occurrenceString: 'unknown',
      },
      {
        resourceType: 'Coverage',
        status: 'active',
        beneficiary: subject,
        payor: [{ reference: `Organization/${uuid(11)}` }],
        subscriberId: 'SUB1',
        type: { text: 'PPO' },
        class: [{ type: { coding: [{ code: 'group' }] }, value: 'G1', name: 'Group One' }],
        relationship: { coding: [{ code: 'self' }] },
        subscriber: { display: 'Ada Sample' },
        period: { start: '2020-01-01' },
      },
      {
        resourceType: 'FamilyMemberHistory',
        status: 'completed',
        patient: subject,
        relationship: {
          coding: [{ system: 'http://terminology.hl7.org/CodeSystem/v3-RoleCode', code: 'FTH', display: 'father' }],
        },
        sex: { coding: [{ code: 'male' }] },
        condition: [
          { code: { coding: [{ system: sct, code: '22298006', display: 'MI' }] }, onsetAge: { value: 57, unit: 'a' } },
        ],
      },
      {
        resourceType: 'ServiceRequest',
        status: 'active',
        intent: 'order',
        subject,
        code: { coding: [{ system: loinc, code: '24323-8', display: 'CMP' }] },
        requester: doctor,
        authoredOn: '2026-11-22',
      },
      {
        resourceType: 'ServiceRequest',
        status: 'active',
        intent: 'order',
        subject,
        code: { coding: [{ system: 'http://www.ama-assn.org/go/cpt', code: '71045', display: 'Chest X-ray' }] },
      },
      { resourceType: 'ServiceRequest', status: 'on-hold', intent: 'order', subject },
      {
        resourceType: 'Appointment',
        status: 'booked',
        start: '2026-12-01T09:00:00Z',
        participant: [{ status: 'accepted', actor: { display: 'Clinic' } }],
      },
      { resourceType: 'Goal', lifecycleStatus: 'active', subject, description: { text: 'walk a mile' } },
      {
        resourceType: 'NutritionOrder',
        status: 'active',
        intent: 'order',
        patient: subject,
        dateTime: '2026-11-20',
        oralDiet: { type: [{ text: 'low salt' }] },
      },
      {
        resourceType: 'DeviceUseStatement',
        status: 'active',
        subject,
        device: { display: 'walking cane' },
        recordedOn: '2026-01-01',
      },
      {
        resourceType: 'DocumentReference',
        status: 'current',
        docStatus: 'final',
        type: {
          coding: [
            { system: loinc, code: '11488-4', display: 'Consult note' },
            { system: 'http://terminology.hl7.org/CodeSystem/v2-0270', code: 'CN' },
          ],
        },
        date: '2026-11-21T10:00:00Z',
        author: [doctor],
        content: [
          {
            attachment: {
              contentType: 'text/plain',
              data: Buffer.from('First line\r\nSecond <line> & more \u{1F600}').toString('base64'),
            },
          },
        ],
      },
      { resourceType: 'Observation', status: 'entered-in-error', code: { text: 'never-so' }, valueString: 'mistake' },
    ],
    [
      { system: 'urn:oid:2.16.840.1.113883.3.9999.2', value: 'MRN-1', type: 'MR', sourceId: 'test' },
      { system: 'http://hl7.org/fhir/sid/us-ssn', value: '999-00-0001', type: 'SS', sourceId: 'test' },
      { system: 'urn:id:SOMEWHERE', value: 'X9', type: 'PI', sourceId: 'test' },
    ],
  );
}
