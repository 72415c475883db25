/** PID, PD1, NK1, DB1, ARV, GT1's person -> Patient and RelatedPerson (chapter 3; HL7 v2-to-FHIR, PID[Patient] and its like). */
import type {
  CodeableConcept,
  Coding,
  Element,
  Extension,
  Identifier,
  Patient,
  RelatedPerson,
} from '@medplum/fhirtypes';
import { tableCode, v2Uri } from '../../../schemas/codes.ts';
import type { Identifier as PersonNumber } from '../../../schemas/parts.ts';
import { conceptIn, conceptsOf, dateOf, dateTimeOf, hang, periodFrom, some, toPatient } from './build.ts';
import { addressOf, contactPointOf, humanNameOf, identifierOf, organizationOf, practitionerOf } from './datatypes.ts';
import { attach, componentsOf, keptAs, type SegmentReader, split, textOf } from './reader.ts';
import { readTime } from './times.ts';

const usCore = 'http://hl7.org/fhir/us/core/StructureDefinition/us-core-';
const fhir = 'http://hl7.org/fhir/StructureDefinition/';
/** PID fields that the sender may empty, and the Patient element that each stands for. */
const nullable: [field: number, element: string][] = [
  [5, 'name'],
  [7, 'birthDate'],
  [8, 'gender'],
  [11, 'address'],
  [13, 'telecom'],
  [15, 'communication'],
  [16, 'maritalStatus'],
  [24, 'multipleBirthBoolean'],
  [29, 'deceasedDateTime'],
  [30, 'deceasedBoolean'],
];
/** Types of numbers (table 0203) that belong to a visit or an account, not to the person. */
const visitTypes = new Set(['AN', 'VN', 'PLAC', 'FILL', 'ACSN', 'BC']);

export interface PatientParts {
  patient: Patient;
  numbers: PersonNumber[];
  nulls: string[];
}

/** PID -> Patient, its numbers, and what was emptied. */
export function mapPid(s: SegmentReader): PatientParts {
  const patient: Patient = { resourceType: 'Patient' };
  s.touch(1);
  const identifiers = [
    ...numbersIn(s, 3, 'MR'),
    ...numbersIn(s, 2, ''),
    ...numbersIn(s, 4, ''),
    ...numbersIn(s, 18, 'AN'),
    ...numbersIn(s, 19, 'SS'),
    ...licenceIn(s),
  ];
  if (identifiers.length > 0) patient.identifier = unique(identifiers);
  const name = some([...s.repetitions(5), ...s.repetitions(9)].map((part) => humanNameOf(s.m, part)));
  if (name) patient.name = name;
  const telecom = some([
    ...s.repetitions(13).map((part) => contactPointOf(s.m, part, 'home')),
    ...s.repetitions(14).map((part) => contactPointOf(s.m, part, 'work')),
    ...s.repetitions(40).map((part) => contactPointOf(s.m, part)),
  ]);
  if (telecom) patient.telecom = telecom;
  const sex = s.code(8);
  const gender = tableCode('sex', sex);
  if (gender) patient.gender = gender as NonNullable<Patient['gender']>;
  if (sex !== '' && (!gender || gender === 'other')) s.keepText(8, s.text(8));
  mapBirth(s, patient);
  const address = some(s.repetitions(11).map((part) => addressOf(s.m, part)));
  if (s.has(12) && address?.[0] && !address[0].district) address[0].district = s.text(12);
  else s.keep(12);
  if (address) patient.address = address;
  const marital = conceptIn(s, 16, '0002');
  if (marital) patient.maritalStatus = marital;
  const language = conceptsOf(s, 15, '0296');
  if (language)
    patient.communication = language.map((one, i) =>
      i === 0 ? { language: one, preferred: true } : { language: one },
    );
  mapDeath(s, patient);
  mapBirthOrder(s, patient);
  hang(patient, [...raceExtensions(s), ...personExtensions(s)]);
  s.keep(26, 27, 31, 32, 33, 34, 35, 36, 37, 38);
  hang(patient, s.kept);
  return {
    patient,
    numbers: personNumbers(s, identifiers),
    nulls: nullable.filter(([n]) => s.isNull(n)).map(([, element]) => element),
  };
}

function numbersIn(s: SegmentReader, n: number, type: string): Identifier[] {
  const found: Identifier[] = [];
  for (const part of s.repetitions(n)) {
    const identifier = identifierOf(s.m, part, type);
    if (identifier) found.push(identifier);
    else s.keepText(n, textOf(s.m, part));
  }
  return found;
}

/** PID-20, DLN: number, issuing state, expiry. */
function licenceIn(s: SegmentReader): Identifier[] {
  const parts = componentsOf(s.m, s.first(20));
  const value = textOf(s.m, parts[0] ?? '');
  if (value === '') return [];
  const identifier: Identifier = { value, type: { coding: [{ system: v2Uri('0203'), code: 'DL' }] } };
  const state = textOf(s.m, parts[1] ?? '');
  if (state !== '') identifier.assigner = { display: state };
  const expiry = textOf(s.m, parts[2] ?? '');
  if (expiry !== '') attach(identifier, keptAs('DLN.3', expiry));
  return [identifier];
}

function sameNumber(a: Identifier, b: Identifier): boolean {
  return a.value === b.value && a.system === b.system && a.type?.coding?.[0]?.code === b.type?.coding?.[0]?.code;
}

function unique(all: Identifier[]): Identifier[] {
  return all.filter((one, at) => !all.some((other, i) => i < at && sameNumber(one, other)));
}

function personNumbers(s: SegmentReader, all: Identifier[]): PersonNumber[] {
  const numbers: PersonNumber[] = [];
  for (const { system, value, type } of all) {
    const code = type?.coding?.[0]?.code ?? '';
    if (!system || !value || visitTypes.has(code)) continue;
    if (!numbers.some((known) => known.system === system && known.value === value))
      numbers.push({ system, value, type: code, sourceId: s.m.source.id });
  }
  return numbers;
}

/** MRG and merges: the person's numbers in a CX field. */
export function numbersOf(s: SegmentReader, n: number, type: string): PersonNumber[] {
  return personNumbers(s, numbersIn(s, n, type));
}

function mapBirth(s: SegmentReader, patient: Patient): void {
  // A birth date that can not be read is told by the check and counted as not carried: a text in its place would be taken for one.
  const [sent = ''] = s.has(7) ? componentsOf(s.m, split(s.segment.fields[7]!, s.m.delimiters.repetition)[0]!) : [];
  const birth = readTime(sent, s.m.zone);
  if (birth) {
    s.touch(7);
    patient.birthDate = birth.date;
    if (birth.precision > 8 && !/T00:00:00/.test(birth.dateTime))
      (patient as { _birthDate?: Element })._birthDate = {
        extension: [{ url: `${fhir}patient-birthTime`, valueDateTime: birth.dateTime }],
      };
  }
  const place = s.text(23);
  if (place !== '') hang(patient, [{ url: `${fhir}patient-birthPlace`, valueAddress: { text: place } }]);
}

function mapDeath(s: SegmentReader, patient: Patient): void {
  const time = dateTimeOf(s, 29);
  const dead = tableCode('yesNo', s.code(30));
  if (time !== undefined && dead !== 'false') patient.deceasedDateTime = time;
  else if (time !== undefined) s.keepText(29, time);
  if (time === undefined && dead !== undefined) patient.deceasedBoolean = dead === 'true';
  else if (dead === undefined || dead === 'false') s.keep(30);
}

function mapBirthOrder(s: SegmentReader, patient: Patient): void {
  const order = Number(s.code(25));
  const several = tableCode('yesNo', s.code(24));
  if (several !== 'false' && Number.isInteger(order) && order > 0) {
    patient.multipleBirthInteger = order;
    return;
  }
  if (several !== undefined) patient.multipleBirthBoolean = several === 'true';
  else s.keep(24);
  s.keep(25);
}

/** PID-10 and PID-22 as the US Core extensions where the codes are CDC's, else as they came. */
function raceExtensions(s: SegmentReader): Extension[] {
  const found: Extension[] = [];
  for (const [n, name, table] of [
    [10, 'race', '0005'],
    [22, 'ethnicity', '0189'],
  ] as const) {
    const concepts = conceptsOf(s, n, table);
    if (!concepts) continue;
    const parts: Extension[] = [];
    for (const concept of concepts)
      for (const coding of concept.coding ?? [])
        parts.push({ url: 'ombCategory', valueCoding: raceCoding(coding, name) });
    const text = concepts
      .map(nameOf)
      .filter((one) => one !== '')
      .join(', ');
    found.push({ url: usCore + name, extension: [...categories(parts, name), { url: 'text', valueString: text }] });
  }
  return found;
}

const cdcRace = 'urn:oid:2.16.840.1.113883.6.238';
const raceCategories = new Set(['1002-5', '2028-9', '2054-5', '2076-8', '2106-3', '2131-1']);
const ethnicCodes: Record<string, [string, string]> = {
  H: ['2135-2', 'Hispanic or Latino'],
  N: ['2186-5', 'Not Hispanic or Latino'],
};

function raceCoding(coding: Coding, name: 'race' | 'ethnicity'): Coding {
  const ethnic = name === 'ethnicity' ? ethnicCodes[coding.code ?? ''] : undefined;
  if (ethnic) return { system: cdcRace, code: ethnic[0], display: ethnic[1] };
  return /^\d{4}-\d$/.test(coding.code ?? '') ? { ...coding, system: cdcRace } : coding;
}

/** US Core allows five race categories and one ethnicity category; other codes are details. */
function categories(parts: Extension[], name: 'race' | 'ethnicity'): Extension[] {
  let room = name === 'race' ? 5 : 1;
  return parts.map((part) => {
    const code = part.valueCoding?.code ?? '';
    const isCategory = name === 'race' ? raceCategories.has(code) : code === '2135-2' || code === '2186-5';
    return isCategory && room-- > 0 ? part : { ...part, url: 'detailed' };
  });
}

function nameOf(concept: CodeableConcept): string {
  return [
    concept.text,
    ...(concept.coding ?? []).map((coding) => (coding.display ? `${coding.display}` : (coding.code ?? ''))),
  ]
    .filter((one) => one)
    .join(' ');
}

function personExtensions(s: SegmentReader): Extension[] {
  const found: Extension[] = [];
  for (const concept of conceptsOf(s, 17, '0006') ?? [])
    found.push({ url: `${fhir}patient-religion`, valueCodeableConcept: concept });
  for (const part of s.repetitions(6)) {
    const name = humanNameOf(s.m, part);
    if (name) found.push({ url: `${fhir}patient-mothersMaidenName`, valueString: textOf(s.m, part) });
  }
  for (const part of s.repetitions(21)) {
    const identifier = identifierOf(s.m, part);
    if (identifier)
      found.push({ url: 'http://mix-hie.org/fhir/StructureDefinition/v2-PID-21', valueIdentifier: identifier });
  }
  for (const n of [26, 28, 39] as const)
    for (const concept of conceptsOf(s, n) ?? [])
      found.push({
        url:
          n === 26
            ? `${fhir}patient-citizenship`
            : n === 28
              ? `${fhir}patient-nationality`
              : 'http://mix-hie.org/fhir/StructureDefinition/v2-PID-39',
        ...(n === 39
          ? { valueCodeableConcept: concept }
          : { extension: [{ url: 'code', valueCodeableConcept: concept }] }),
      });
  return found;
}

/** PD1 -> Patient: general practitioners, living arrangements, advance directives, registry status. */
export function mapPd1(s: SegmentReader, patient: Patient): void {
  const practices = some([
    ...s.repetitions(3).map((part) => organizationOf(s.m, part)),
    ...s.repetitions(4).map((part) => practitionerOf(s.m, part)),
  ]);
  if (practices) patient.generalPractitioner = practices as NonNullable<Patient['generalPractitioner']>;
  for (const concept of conceptsOf(s, 6) ?? [])
    hang(patient, [{ url: `${fhir}patient-disability`, valueCodeableConcept: concept }]);
  for (const part of s.repetitions(14))
    hang(patient, [{ url: `${fhir}patient-congregation`, valueString: textOf(s.m, part) }]);
  s.keep(1, 2, 5, 7, 8, 9, 10, 11, 12, 13, 15, 16, 17, 18, 19, 20, 21, 22);
  hang(patient, s.kept);
}

/** DB1 and ARV of the patient: disability and access restrictions have no element in R4's Patient. */
export function mapPatientText(s: SegmentReader, patient: Patient, fields: number[]): void {
  s.touch(1);
  s.keep(...fields);
  hang(patient, s.kept);
}

/** NK1 -> RelatedPerson. */
export function mapNk1(s: SegmentReader): { key: string; person: RelatedPerson } {
  const person: RelatedPerson = { resourceType: 'RelatedPerson', patient: toPatient };
  s.touch(1);
  const name = some([...s.repetitions(2), ...s.repetitions(30)].map((part) => humanNameOf(s.m, part)));
  if (name) person.name = name;
  const relationship = some([...(conceptsOf(s, 3, '0063') ?? []), ...(conceptsOf(s, 7, '0131') ?? [])]);
  if (relationship) person.relationship = relationship;
  const address = some([...s.repetitions(4), ...s.repetitions(32)].map((part) => addressOf(s.m, part)));
  if (address) person.address = address;
  const telecom = some([
    ...[...s.repetitions(5), ...s.repetitions(40)].map((part) => contactPointOf(s.m, part, 'home')),
    ...s.repetitions(6).map((part) => contactPointOf(s.m, part, 'work')),
    ...[...s.repetitions(31), ...s.repetitions(41)].map((part) => contactPointOf(s.m, part)),
  ]);
  if (telecom) person.telecom = telecom;
  const identifier = [...numbersIn(s, 12, 'EI'), ...numbersIn(s, 33, ''), ...numbersIn(s, 37, 'SS')];
  if (identifier.length > 0) person.identifier = unique(identifier);
  const gender = tableCode('sex', s.code(15));
  if (gender) person.gender = gender as NonNullable<RelatedPerson['gender']>;
  if (split(s.raw(15), s.m.delimiters.component).length > 1 || (!gender && s.has(15))) s.keepText(15, s.text(15));
  const birth = dateOf(s, 16);
  if (birth !== undefined) person.birthDate = birth;
  const period = periodFrom(s, 8, 9);
  if (period) person.period = period;
  const language = conceptsOf(s, 20, '0296');
  if (language) person.communication = language.map((one) => ({ language: one }));
  s.keep(10, 11, 13, 14, 17, 18, 19, 21, 22, 23, 24, 25, 26, 27, 28, 29, 34, 35, 36, 38, 39);
  hang(person, s.kept);
  const who = name?.[0]
    ? `${name[0].family ?? ''},${name[0].given?.join(' ') ?? ''}`
    : (person.identifier?.[0]?.value ?? s.text(13));
  return { key: `RelatedPerson|${who.toUpperCase()}|${s.code(3)}`, person };
}

/** The conventional display of a concept, for texts. */
export function displayText(concept: CodeableConcept | undefined): string {
  return (
    concept?.text ?? concept?.coding?.find((coding) => coding.display)?.display ?? concept?.coding?.[0]?.code ?? ''
  );
}
