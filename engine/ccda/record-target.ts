/** The patient in the header: recordTarget (US Realm Header 1.1, CONF:1198-5266 and following). */
import type { CodeableConcept, Coding, Extension, Patient } from '@medplum/fhirtypes';
import { cdcRace, genderCodes } from '../../schemas/ccda/code-systems.ts';
import { guardians } from './kin.ts';
import { address, addresses, organization, patientName, telecoms } from './people.ts';
import { extensionOf, type Scope } from './scope.ts';
import { attribute, code, fixedCode, identifierOf, sdtc, time, timeOf } from './write.ts';

/** Things of one kind for one person at most. */
const repeatsMax = 20;

export function recordTarget(scope: Scope): string {
  const { patient, person } = scope;
  const seen = new Set<string>();
  let ids = '';
  for (const one of [...person.identifiers, ...(patient.identifier ?? [])]) {
    const key = `${one.system ?? ''}|${one.value ?? ''}`;
    if (!one.value || seen.has(key) || seen.size >= 100) continue;
    seen.add(key);
    ids += identifierOf(one.system, one.value);
  }
  const org = scope.find(patient.managingOrganization, patient);
  const provider =
    org?.resourceType === 'Organization' && (org.identifier?.length ?? 0) > 0
      ? organization('providerOrganization', org)
      : '';
  return (
    `<recordTarget><patientRole>${ids || identifierOf(undefined, undefined)}${addresses(patient.address)}${telecoms(patient.telecom)}` +
    `<patient>${patientPart(scope)}</patient>${provider}</patientRole></recordTarget>`
  );
}

function patientPart(scope: Scope): string {
  const { patient } = scope;
  const names = (patient.name ?? []).slice(0, repeatsMax).map(patientName).join('');
  const gender = patient.gender === undefined ? undefined : genderCodes[patient.gender];
  return (
    (names || '<name nullFlavor="UNK"></name>') +
    (gender === undefined
      ? '<administrativeGenderCode nullFlavor="UNK"></administrativeGenderCode>'
      : fixedCode('administrativeGenderCode', gender)) +
    time('birthTime', birthTime(patient)) +
    deceased(patient) +
    multipleBirth(patient) +
    (patient.maritalStatus === undefined
      ? ''
      : code('maritalStatusCode', patient.maritalStatus, { prefer: ['2.16.840.1.113883.5.2'] })) +
    religion(patient) +
    race(patient) +
    ethnicity(patient) +
    guardians(scope) +
    birthplace(patient) +
    languages(patient)
  );
}

/** Birth date, with its time where the sender gave one. */
function birthTime(patient: Patient): string | undefined {
  const underscored = (patient as { _birthDate?: { extension?: Extension[] } })._birthDate;
  const exact = underscored === undefined ? undefined : extensionOf(underscored, 'patient-birthTime')?.valueDateTime;
  return timeOf(exact) === undefined
    ? (extensionOf(patient, 'patient-birthTime')?.valueDateTime ?? patient.birthDate)
    : exact;
}

function deceased(patient: Patient): string {
  if (timeOf(patient.deceasedDateTime) !== undefined) {
    return `<sdtc:deceasedInd${sdtc} value="true"></sdtc:deceasedInd><sdtc:deceasedTime${sdtc} value="${timeOf(patient.deceasedDateTime)}"></sdtc:deceasedTime>`;
  }
  if (patient.deceasedBoolean === undefined) return '';
  return `<sdtc:deceasedInd${sdtc} value="${patient.deceasedBoolean}"></sdtc:deceasedInd>`;
}

function multipleBirth(patient: Patient): string {
  const order = patient.multipleBirthInteger;
  if (order !== undefined && Number.isInteger(order) && order > 0) {
    return `<sdtc:multipleBirthInd${sdtc} value="true"></sdtc:multipleBirthInd><sdtc:multipleBirthOrderNumber${sdtc} value="${order}"></sdtc:multipleBirthOrderNumber>`;
  }
  if (patient.multipleBirthBoolean === undefined) return '';
  return `<sdtc:multipleBirthInd${sdtc} value="${patient.multipleBirthBoolean}"></sdtc:multipleBirthInd>`;
}

function religion(patient: Patient): string {
  const concept = extensionOf(patient, 'patient-religion')?.valueCodeableConcept;
  return concept === undefined
    ? ''
    : code('religiousAffiliationCode', concept, { prefer: ['2.16.840.1.113883.5.1076'] });
}

/** Codings of a us-core-race or us-core-ethnicity extension, or of one that holds a concept itself. */
function categories(extension: Extension | undefined): CodeableConcept[] {
  if (extension === undefined) return [];
  if (extension.valueCodeableConcept) return [extension.valueCodeableConcept];
  if (extension.valueCoding) return [{ coding: [extension.valueCoding] }];
  const found: CodeableConcept[] = [];
  for (const part of extension.extension ?? []) {
    if (part.valueCoding) found.push({ coding: [part.valueCoding as Coding] });
    else if (part.valueCodeableConcept) found.push(part.valueCodeableConcept);
  }
  const words = extension.extension?.find((part) => part.url === 'text')?.valueString;
  if (found.length === 0 && words) found.push({ text: words });
  return found;
}

function categoriesOf(patient: Patient, end: string): CodeableConcept[] {
  return (patient.extension ?? []).filter((extension) => extension.url.endsWith(end)).flatMap(categories);
}

function race(patient: Patient): string {
  const found = categoriesOf(patient, 'us-core-race');
  const [first, ...more] = found;
  let out = code('raceCode', first, { only: [cdcRace] });
  for (const one of more.slice(0, repeatsMax))
    out += code('sdtc:raceCode', one, { only: [cdcRace] }).replace('<sdtc:raceCode', `<sdtc:raceCode${sdtc}`);
  return out;
}

function ethnicity(patient: Patient): string {
  const [first, ...more] = categoriesOf(patient, 'us-core-ethnicity');
  let out = code('ethnicGroupCode', first, { only: [cdcRace] });
  for (const one of more.slice(0, repeatsMax)) {
    out += code('sdtc:ethnicGroupCode', one, { only: [cdcRace] }).replace(
      '<sdtc:ethnicGroupCode',
      `<sdtc:ethnicGroupCode${sdtc}`,
    );
  }
  return out;
}

function birthplace(patient: Patient): string {
  const extension = extensionOf(patient, 'patient-birthPlace');
  const place = extension?.valueAddress ?? (extension?.valueString ? { text: extension.valueString } : undefined);
  return place === undefined ? '' : `<birthplace><place>${address(place)}</place></birthplace>`;
}

function languages(patient: Patient): string {
  let out = '';
  for (const one of (patient.communication ?? []).slice(0, repeatsMax)) {
    const coding = one.language?.coding?.find((c) => /^[A-Za-z]{2,3}(-[A-Za-z0-9]+)*$/.test(c.code ?? ''));
    const preferred = one.preferred === undefined ? '' : `<preferenceInd value="${one.preferred}"></preferenceInd>`;
    const language =
      coding === undefined
        ? '<languageCode nullFlavor="OTH"></languageCode>'
        : `<languageCode code="${attribute(coding.code as string)}"></languageCode>`;
    out += `<languageCommunication>${language}${preferred}</languageCommunication>`;
  }
  return out;
}
