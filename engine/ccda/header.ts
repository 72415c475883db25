/** The CDA header after the US Realm Header (C-CDA R2.1 volume 2, 1.1) as a CCD has it (1.1.3). */
import type {
  Address,
  CodeableConcept,
  Coding,
  ContactPoint,
  Extension,
  HumanName,
  Patient,
  PatientContact,
  Reference,
  RelatedPerson,
  Resource,
} from '@medplum/fhirtypes';
import { cdcRace, genderCodes } from '../../schemas/ccda/code-systems.ts';
import { documentTemplates } from '../../schemas/ccda/templates.ts';
import {
  type Actor,
  actorOf,
  address,
  addresses,
  organization,
  patientName,
  personName,
  readableLocation,
  telecoms,
} from './people.ts';
import type { CcdHeader, Scope } from './scope.ts';
import {
  attribute,
  code,
  fixedCode,
  identifierOf,
  idOf,
  interval,
  isUuid,
  sdtc,
  templateIds,
  text,
  time,
  timeOf,
} from './write.ts';

const actorsMax = 20;

const formatters = new Map<string, Intl.DateTimeFormat>();

/** Minutes east of UTC of a zone (`+02:00`, `Z`, an IANA name) at a time; 0 for a zone that nobody knows. */
function offsetOf(zone: string, ms: number): number {
  const fixed = /^([+-])([0-9]{2}):?([0-9]{2})$/.exec(zone);
  if (fixed !== null) return (fixed[1] === '-' ? -1 : 1) * (Number(fixed[2]) * 60 + Number(fixed[3]));
  if (zone === '' || zone === 'Z' || zone === 'UTC') return 0;
  let formatter = formatters.get(zone);
  if (formatter === undefined) {
    try {
      formatter = new Intl.DateTimeFormat('en-US', { timeZone: zone, timeZoneName: 'longOffset' });
    } catch {
      return 0;
    }
    if (formatters.size < 100) formatters.set(zone, formatter);
  }
  const name = formatter.formatToParts(ms).find((part) => part.type === 'timeZoneName')?.value ?? '';
  const parts = /GMT([+-])([0-9]{2}):([0-9]{2})/.exec(name);
  return parts === null ? 0 : (parts[1] === '-' ? -1 : 1) * (Number(parts[2]) * 60 + Number(parts[3]));
}

/** Milliseconds as FHIR instant, to the second, in a zone. */
function instantOf(ms: number, zone: string): string {
  const minutes = offsetOf(zone, ms);
  const shifted = new Date(ms + minutes * 60_000).toISOString().slice(0, 19);
  const absolute = Math.abs(minutes);
  return `${shifted}${minutes < 0 ? '-' : '+'}${String(Math.floor(absolute / 60)).padStart(2, '0')}:${String(absolute % 60).padStart(2, '0')}`;
}

function documentId(id: string, header: CcdHeader): string {
  return isUuid(id) ? idOf(id) : idOf(header.organization.oid, id);
}

/** Everything of ClinicalDocument before its body. */
export function writeHeader(scope: Scope): string {
  const { header } = scope;
  const created = instantOf(header.createdAt, header.zone ?? 'UTC');
  const confidentiality = header.confidentiality ?? 'N';
  const names = { N: 'normal', R: 'restricted', V: 'very restricted' };
  return (
    '<realmCode code="US"></realmCode><typeId extension="POCD_HD000040" root="2.16.840.1.113883.1.3"></typeId>' +
    templateIds(documentTemplates.usRealmHeader) +
    templateIds(documentTemplates.continuityOfCareDocument) +
    documentId(header.documentId, header) +
    '<code code="34133-9" codeSystem="2.16.840.1.113883.6.1" codeSystemName="LOINC" displayName="Summarization of Episode Note"></code>' +
    '<title>Continuity of Care Document</title>' +
    time('effectiveTime', created) +
    fixedCode('confidentialityCode', [confidentiality, '2.16.840.1.113883.5.25', names[confidentiality]]) +
    `<languageCode code="${attribute(header.language ?? 'en-US')}"></languageCode>` +
    documentId(header.setId, header)
      .replace(/^<id/, '<setId')
      .replace(/<\/id>$/, '</setId>') +
    `<versionNumber value="${header.version}"></versionNumber>` +
    recordTarget(scope) +
    author(header, created) +
    custodian(header) +
    participants(scope) +
    documentationOf(scope, created) +
    relatedDocument(header) +
    componentOf(scope)
  );
}

function recordTarget(scope: Scope): string {
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
  const names = (patient.name ?? []).slice(0, actorsMax).map(patientName).join('');
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

function extensionOf(element: { extension?: Extension[] }, end: string): Extension | undefined {
  return element.extension?.find((extension) => extension.url.endsWith(end));
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
  for (const one of more.slice(0, actorsMax))
    out += code('sdtc:raceCode', one, { only: [cdcRace] }).replace('<sdtc:raceCode', `<sdtc:raceCode${sdtc}`);
  return out;
}

function ethnicity(patient: Patient): string {
  const [first, ...more] = categoriesOf(patient, 'us-core-ethnicity');
  let out = code('ethnicGroupCode', first, { only: [cdcRace] });
  for (const one of more.slice(0, actorsMax)) {
    out += code('sdtc:ethnicGroupCode', one, { only: [cdcRace] }).replace(
      '<sdtc:ethnicGroupCode',
      `<sdtc:ethnicGroupCode${sdtc}`,
    );
  }
  return out;
}

function relationCodes(concepts: readonly CodeableConcept[] | undefined): string[] {
  return (concepts ?? []).flatMap((concept) => (concept.coding ?? []).map((coding) => coding.code ?? ''));
}

/** Next of kin and other contacts, whether they stand in Patient.contact or as RelatedPerson. */
interface Kin {
  relationship: CodeableConcept[] | undefined;
  names: HumanName[];
  telecom: ContactPoint[] | undefined;
  addresses: Address[];
  identifiers: string;
  organization: string | undefined;
}

function kinOf(scope: Scope): Kin[] {
  const contacts = (scope.patient.contact ?? []).map((contact: PatientContact) => ({
    relationship: contact.relationship,
    names: contact.name ? [contact.name] : [],
    telecom: contact.telecom,
    addresses: contact.address ? [contact.address] : [],
    identifiers: '',
    organization: contact.organization?.display,
  }));
  const related = scope.of('RelatedPerson').map((one: RelatedPerson) => ({
    relationship: one.relationship,
    names: (one.name ?? []).slice(0, 4),
    telecom: one.telecom,
    addresses: one.address ?? [],
    identifiers: (one.identifier ?? [])
      .slice(0, actorsMax)
      .map((id) => identifierOf(id.system, id.value))
      .join(''),
    organization: undefined,
  }));
  return [...contacts, ...related].slice(0, 50);
}

function guardians(scope: Scope): string {
  return kinOf(scope)
    .filter((kin) =>
      relationCodes(kin.relationship).some((one) => one === 'GUARD' || one === 'GRD' || one === 'HPOWATT'),
    )
    .slice(0, 4)
    .map(
      (kin) =>
        `<guardian>${kin.identifiers}${code('code', kin.relationship?.[0])}${addresses(kin.addresses)}${telecoms(kin.telecom)}` +
        `<guardianPerson>${personName(kin.names[0])}</guardianPerson></guardian>`,
    )
    .join('');
}

function birthplace(patient: Patient): string {
  const extension = extensionOf(patient, 'patient-birthPlace');
  const place = extension?.valueAddress ?? (extension?.valueString ? { text: extension.valueString } : undefined);
  return place === undefined ? '' : `<birthplace><place>${address(place)}</place></birthplace>`;
}

function languages(patient: Patient): string {
  let out = '';
  for (const one of (patient.communication ?? []).slice(0, actorsMax)) {
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

function author(header: CcdHeader, created: string): string {
  const { organization: org } = header;
  const device = header.device ?? { model: 'MIX-HIE', software: 'MIX-HIE 0.1' };
  return (
    `<author>${time('time', created)}<assignedAuthor>${idOf(org.oid)}${address(org.address)}${telecoms(org.telecom)}` +
    `<assignedAuthoringDevice><manufacturerModelName>${text(device.model)}</manufacturerModelName><softwareName>${text(device.software)}</softwareName></assignedAuthoringDevice>` +
    `<representedOrganization>${idOf(org.oid)}<name>${text(org.name)}</name>${telecoms(org.telecom)}${address(org.address)}</representedOrganization>` +
    '</assignedAuthor></author>'
  );
}

function custodian({ organization: org }: CcdHeader): string {
  return (
    `<custodian><assignedCustodian><representedCustodianOrganization>${idOf(org.oid)}<name>${text(org.name)}</name>` +
    `${telecoms(org.telecom?.slice(0, 1))}${address(org.address)}</representedCustodianOrganization></assignedCustodian></custodian>`
  );
}

/** RoleClass of a contact from its relationship (HL7 tables 0063 and 0131). */
function classOf(kin: Kin): string {
  const codes = relationCodes(kin.relationship);
  if (codes.some((one) => one === 'C' || one === 'ECON' || one === 'EMC')) return 'ECON';
  if (codes.some((one) => one === 'GUARD' || one === 'GRD')) return 'GUARD';
  if (codes.some((one) => one === 'GUAR' || one === 'GT')) return 'GUAR';
  if (codes.some((one) => one === 'E' || one === 'EMR')) return 'CON';
  return 'NOK';
}

function kinNames(kin: Kin): string {
  return kin.names.length === 0 ? personName(undefined) : kin.names.map(personName).join('');
}

/** The mother by her maiden name: CDA has no place for it but a participant. */
function mother(patient: Patient): string {
  const name = extensionOf(patient, 'patient-mothersMaidenName')?.valueString;
  if (!name?.trim()) return '';
  return (
    `<participant typeCode="IND"><associatedEntity classCode="PRS">${fixedCode('code', ['MTH', '2.16.840.1.113883.5.111', 'mother'])}` +
    `<associatedPerson>${personName(name)}</associatedPerson></associatedEntity></participant>`
  );
}

function participants(scope: Scope): string {
  let out = mother(scope.patient);
  for (const kin of kinOf(scope)) {
    const [first, ...more] = kin.relationship ?? [];
    const relation: CodeableConcept | undefined =
      first === undefined
        ? undefined
        : { ...first, coding: [...(first.coding ?? []), ...more.flatMap((concept) => concept.coding ?? [])] };
    const scoping = kin.organization
      ? `<scopingOrganization><name>${text(kin.organization)}</name></scopingOrganization>`
      : '';
    out +=
      `<participant typeCode="IND"><associatedEntity classCode="${classOf(kin)}">${kin.identifiers}` +
      `${relation === undefined ? '' : code('code', relation, { prefer: ['2.16.840.1.113883.5.111'] })}${addresses(kin.addresses)}${telecoms(kin.telecom)}` +
      `<associatedPerson>${kinNames(kin)}</associatedPerson>${scoping}</associatedEntity></participant>`;
  }
  for (const account of scope.of('Account')) {
    for (const guarantor of (account.guarantor ?? []).slice(0, 4)) {
      const found = scope.find(guarantor.party, account);
      // A RelatedPerson of the record stands among the kin already; one contained in the account does not.
      if (found?.resourceType !== 'RelatedPerson' || !guarantor.party.reference?.startsWith('#')) continue;
      out +=
        `<participant typeCode="IND"><associatedEntity classCode="GUAR">${address(found.address?.[0])}${telecoms(found.telecom)}` +
        `<associatedPerson>${personName(found.name?.[0])}</associatedPerson></associatedEntity></participant>`;
    }
  }
  return out;
}

function providersOf(scope: Scope): Actor[] {
  const seen = new Map<string, Actor>();
  const add = (reference: Reference | undefined, owner: Resource): void => {
    const actor = actorOf(reference, scope, owner);
    if (actor !== undefined && seen.size < actorsMax && !seen.has(actor.key)) seen.set(actor.key, actor);
  };
  for (const encounter of scope.of('Encounter'))
    for (const one of encounter.participant ?? []) add(one.individual, encounter);
  for (const one of scope.patient.generalPractitioner ?? []) add(one, scope.patient);
  return [...seen.values()];
}

function documentationOf(scope: Scope, created: string): string {
  const starts = scope.of('Encounter').map((encounter) => encounter.period?.start ?? '');
  const first = starts.filter((start) => timeOf(start) !== undefined).sort()[0] ?? scope.patient.birthDate;
  let performers = '';
  for (const actor of providersOf(scope))
    performers += `<performer typeCode="PRF"><assignedEntity>${actor.entity}</assignedEntity></performer>`;
  return `<documentationOf><serviceEvent classCode="PCPR">${interval('effectiveTime', first, created)}${performers}</serviceEvent></documentationOf>`;
}

function relatedDocument(header: CcdHeader): string {
  if (header.replaces === undefined) return '';
  const set = documentId(header.setId, header)
    .replace(/^<id/, '<setId')
    .replace(/<\/id>$/, '</setId>');
  return (
    `<relatedDocument typeCode="RPLC"><parentDocument>${documentId(header.replaces, header)}${set}` +
    `<versionNumber value="${Math.max(1, header.version - 1)}"></versionNumber></parentDocument></relatedDocument>`
  );
}

/** The encounter that the patient is in now, if any (newest that is under way). */
function componentOf(scope: Scope): string {
  const encounter = scope
    .of('Encounter')
    .find((one) => one.status === 'in-progress' || one.status === 'arrived' || one.status === 'onleave');
  if (encounter === undefined) return '';
  const where = encounter.location?.[0]?.location;
  const place = readableLocation(where, scope, encounter);
  const coded = encounter.class?.code
    ? code('code', { coding: [encounter.class] }, { prefer: ['2.16.840.1.113883.5.4'] })
    : '';
  const location = place
    ? `<location><healthCareFacility><location><name>${text(place)}</name></location></healthCareFacility></location>`
    : '';
  return (
    `<componentOf><encompassingEncounter>${scope.ids(encounter)}${coded}${interval('effectiveTime', encounter.period?.start, encounter.period?.end, 'UNK', 'NI')}` +
    `${location}</encompassingEncounter></componentOf>`
  );
}
