/**
 * Patient identity: what a feed says and how it is read (IHE PIXm, ITI-104), and what other numbers a person has (ITI-83).
 * Pure: whether a number is known, and whose it is, is for the engine.
 */
import type { Identifier as FhirIdentifier, Parameters, Patient } from '@medplum/fhirtypes';
import { MixError } from '../../schemas/errors/index.ts';
import type { Identifier, Person } from '../../schemas/parts.ts';
import { isStrong } from '../record/index.ts';
import { type PatientNumber, readNumber, sameNumber, tokenOf } from './numbers.ts';
import { checkBounds, patientShape, readShape } from './shape.ts';

const pixm = 'https://profiles.ihe.net/ITI/PIXm/StructureDefinition/';
export const pixmPatientProfile = `${pixm}IHE.PIXm.Patient`;
export const pixmAnswerProfile = `${pixm}IHE.PIXm.Query.Parameters.Out`;
const identifierTypes = 'http://terminology.hl7.org/CodeSystem/v2-0203';
const absentReason = 'http://hl7.org/fhir/StructureDefinition/data-absent-reason';
const mothersMaidenName = 'http://hl7.org/fhir/StructureDefinition/patient-mothersMaidenName';

/** Visit and account numbers say nothing about who somebody is. */
const ofVisits = new Set(['VN', 'AN', 'ANON', 'BA', 'FI']);
/** Table 0203 types of numbers that a state gives: they help to link, whoever tells them. */
const national = new Set(['SS', 'NI', 'NH', 'HC', 'PPN', 'DL', 'JHN', 'MI', 'MC', 'MA']);

export interface FeedOptions {
  /** Systems of numbers that the exchange gave (X-PID, MIX number): never fed as the node's own. */
  given: ReadonlySet<string>;
  /** The number to feed under, where it is not one of the person's own (a region feeds its X-PID, which is the person's id). */
  under?: (personId: string) => PatientNumber;
  /** Send every number of the node itself, not only the one it is fed under and those of the state: a hospital does, a region does not. */
  ownNumbers: boolean;
}

export interface Feed {
  /** `system|value` of the request. */
  identifier: string;
  patient: Patient;
}

/**
 * The Patient to feed for a person, or undefined when there is no number to feed it under. A merged person goes as inactive with a link
 * `replaced-by` to the survivor (2:3.104.4.2); `survivor` must then be given.
 */
export function makeFeed(person: Person, options: FeedOptions, survivor?: Person): Feed | undefined {
  const number = feedNumber(person, options);
  if (number === undefined) return undefined;
  const patient = demographicsOf(person.patient);
  patient.meta = { profile: [pixmPatientProfile], lastUpdated: new Date(person.updatedAt).toISOString() };
  patient.identifier = [fhirIdentifier(number.own ?? { ...number, type: 'PI' })];
  patient.active = person.state === 'active';
  if (person.state === 'active') {
    for (const one of ownNumbers(person, options))
      if (!sameNumber(one, number)) patient.identifier.push(fhirIdentifier(one));
    return { identifier: tokenOf(number), patient };
  }
  const into = survivor && feedNumber(survivor, options, number);
  if (into === undefined) return undefined;
  patient.link = [{ other: { identifier: { system: into.system, value: into.value } }, type: 'replaced-by' }];
  return { identifier: tokenOf(number), patient };
}

type OwnNumber = PatientNumber & { type: string };

function feedNumber(
  person: Person,
  options: FeedOptions,
  not?: PatientNumber,
): (PatientNumber & { own?: OwnNumber }) | undefined {
  if (options.under !== undefined) return options.under(person.id);
  // A merged person's numbers moved to the survivor; what it was known under still stands in its Patient.
  const list = person.state === 'active' ? person.identifiers : (person.patient.identifier ?? []).map(ownOf);
  const own = list.find(
    (one) => isStrong(one) && !options.given.has(one.system) && !(not !== undefined && sameNumber(one, not)),
  );
  return own && { system: own.system, value: own.value, own };
}

function ownNumbers(person: Person, options: FeedOptions): OwnNumber[] {
  const told = new Map<string, OwnNumber>();
  for (const one of [...person.identifiers, ...(person.patient.identifier ?? []).map(ownOf)]) {
    if (one.system === '' || one.value === '' || options.given.has(one.system) || ofVisits.has(one.type)) continue;
    if (options.ownNumbers || national.has(one.type)) told.set(tokenOf(one), one);
  }
  return [...told.values()].slice(0, numbersMax);
}

const numbersMax = 50;

const ownOf = (one: FhirIdentifier): OwnNumber => ({
  system: one.system ?? '',
  value: one.value ?? '',
  type: one.type?.coding?.find(({ system }) => system === undefined || system === identifierTypes)?.code ?? '',
});

/** An identifier of FHIR with its table 0203 type. */
export function fhirIdentifier(one: { system: string; value: string; type: string }): FhirIdentifier {
  const identifier: FhirIdentifier = { system: one.system, value: one.value };
  if (one.type !== '') identifier.type = { coding: [{ system: identifierTypes, code: one.type }] };
  return identifier;
}

/** The elements that help to tell one person from another, and no more. A patient without a name says so. */
export function demographicsOf(from: Patient): Patient {
  const patient: Patient = { resourceType: 'Patient' };
  const { telecom, gender, birthDate, address, maritalStatus, deceasedBoolean, deceasedDateTime } = from;
  const { multipleBirthBoolean, multipleBirthInteger } = from;
  Object.assign(patient, {
    name: from.name?.length ? from.name : [{ extension: [{ url: absentReason, valueCode: 'unknown' }] }],
  });
  const told = { telecom, gender, birthDate, address, maritalStatus, deceasedBoolean, deceasedDateTime };
  for (const [element, value] of Object.entries({ ...told, multipleBirthBoolean, multipleBirthInteger }))
    if (value !== undefined) Object.assign(patient, { [element]: value });
  const extension = from.extension?.filter(({ url }) => url === mothersMaidenName);
  if (extension?.length) patient.extension = extension;
  return patient;
}

/** A fed patient that holds to what a feed must be. */
export interface FedPatient {
  number: PatientNumber;
  /** Table 0203 type of the number it is fed under. */
  type: string;
  /** Every number with system and value that stands in it, the one it is fed under first. */
  numbers: OwnNumber[];
  /** Those that are no longer in use (`use` old). */
  old: PatientNumber[];
  active: boolean;
  /** The number that took its place, when it was merged. */
  replacedBy?: PatientNumber;
  /** `meta.lastUpdated` in ms, when given. */
  updatedAt?: number;
  patient: Patient;
}

/**
 * Reads an ITI-104 request. Throws `exchange.query` (identifier of the request), `exchange.malformed` (with the place), `exchange.profile` (it names
 * the PIXm profile and does not hold to it) and `exchange.no-identifier`.
 */
export function readFeed(identifier: string, body: unknown): FedPatient {
  const number = readNumber(identifier, 'identifier');
  checkBounds(body, 'Patient');
  const read = readShape(patientShape, body, 'Patient');
  if (read.meta?.profile?.some((one) => one.split('|')[0]?.startsWith(`${pixm}IHE.PIXm.Patient`))) {
    if (!read.name?.length) throw new MixError('exchange.profile', { place: 'Patient.name', detail: '1..*' });
    if (read['modifierExtension'] !== undefined)
      throw new MixError('exchange.profile', { place: 'Patient.modifierExtension', detail: '0..0' });
  }
  const patient = read as unknown as Patient;
  const all = (patient.identifier ?? []).map((one) => ({ ...ownOf(one), use: one.use }));
  const own = all.find((one) => sameNumber(one, number));
  if (own === undefined) throw new MixError('exchange.no-identifier', { place: 'Patient.identifier' });
  const numbers = [own, ...all.filter((one) => one !== own && one.use !== 'old')]
    .filter((one) => one.system !== '' && one.value !== '')
    .map(({ system, value, type }) => ({ system, value, type }));
  const fed: FedPatient = {
    number,
    type: own.type,
    numbers,
    old: all.filter((one) => one.use === 'old').map(({ system, value }) => ({ system, value })),
    active: patient.active !== false,
    patient,
  };
  const replacedBy = readReplacement(patient, number);
  if (replacedBy !== undefined) fed.replacedBy = replacedBy;
  if (patient.meta?.lastUpdated !== undefined) fed.updatedAt = Date.parse(patient.meta.lastUpdated);
  return fed;
}

function readReplacement(patient: Patient, number: PatientNumber): PatientNumber | undefined {
  const at = patient.link?.findIndex(({ type }) => type === 'replaced-by') ?? -1;
  if (at < 0) return undefined;
  const place = `Patient.link[${at}].other`;
  const other = patient.link![at]!.other;
  const query = /^Patient\?identifier=(.+)$/.exec(other.reference ?? '')?.[1];
  const { system, value } =
    query === undefined ? (other.identifier ?? {}) : readNumber(decodeURIComponentSafely(query), place);
  if (!system || !value)
    throw new MixError('exchange.malformed', { place, detail: 'identifier with system and value' });
  if (sameNumber({ system, value }, number))
    throw new MixError('exchange.malformed', { place, detail: 'it replaces itself' });
  if (patient.active !== false)
    throw new MixError('exchange.malformed', { place: 'Patient.active', detail: 'a replaced patient is not active' });
  return { system, value };
}

function decodeURIComponentSafely(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

export interface CrossReferenceQuery {
  source: PatientNumber;
  /** Empty: every system. */
  targets: string[];
}

const targetsMax = 50;

/** Reads an ITI-83 request (2:3.83.4.1.2). Throws `exchange.query` with the parameter's name. */
export function readCrossReference(query: URLSearchParams): CrossReferenceQuery {
  checkFormat(query);
  for (const name of query.keys())
    if (!['sourceIdentifier', 'targetSystem', '_format'].includes(name))
      throw new MixError('exchange.query', { place: known(name), detail: 'not a parameter of ITI-83' });
  const sources = query.getAll('sourceIdentifier');
  if (sources.length !== 1) throw new MixError('exchange.query', { place: 'sourceIdentifier', detail: 'exactly one' });
  const targets = query.getAll('targetSystem').map((one) => one.trim());
  if (targets.length > targetsMax || targets.some((one) => one === '' || one.length > 1_024))
    throw new MixError('exchange.query', { place: 'targetSystem', detail: `at most ${targetsMax} URIs` });
  return { source: readNumber(sources[0]!, 'sourceIdentifier'), targets };
}

/** Name of a parameter for an error text: cut, and only when it looks like one. */
export function known(name: string): string {
  return /^[A-Za-z_][A-Za-z0-9._:-]{0,60}$/.test(name) ? name : 'parameter';
}

const jsonFormats = new Set(['json', 'application/json', 'application/fhir+json', 'text/json']);

/** Answers are JSON. Throws `exchange.query` when another format is asked for. */
export function checkFormat(query: URLSearchParams): void {
  const format = query.get('_format');
  if (format !== null && !jsonFormats.has(format.split(';')[0]!.trim().replace(' ', '+')))
    throw new MixError('exchange.query', { place: '_format', detail: 'json' });
}

/** The answer of ITI-83: other numbers, never the one that was asked by; and the Patient resources that can be read here. */
export function makeCrossReference(
  query: CrossReferenceQuery,
  numbers: readonly Pick<Identifier, 'system' | 'value' | 'type'>[],
  patientIds: readonly string[] = [],
): Parameters {
  const wanted = new Set(query.targets);
  const parameter: NonNullable<Parameters['parameter']> = numbers
    .filter((one) => !sameNumber(one, query.source) && (wanted.size === 0 || wanted.has(one.system)))
    .map((one) => ({ name: 'targetIdentifier', valueIdentifier: fhirIdentifier(one) }));
  for (const id of patientIds) parameter.push({ name: 'targetId', valueReference: { reference: `Patient/${id}` } });
  const answer: Parameters = { resourceType: 'Parameters', meta: { profile: [pixmAnswerProfile] } };
  if (parameter.length > 0) answer.parameter = parameter;
  return answer;
}

/** The numbers that an ITI-83 answer tells. Throws `exchange.answer` when it is not one. */
export function readCrossReferenceAnswer(body: unknown): PatientNumber[] {
  const answer = body as Parameters | null;
  if (typeof answer !== 'object' || answer?.resourceType !== 'Parameters' || !Array.isArray(answer.parameter ?? []))
    throw new MixError('exchange.answer', { place: 'Parameters' });
  const numbers: PatientNumber[] = [];
  for (const one of (answer.parameter ?? []).slice(0, 1_000)) {
    const { system, value } = one?.valueIdentifier ?? {};
    if (one?.name !== 'targetIdentifier' || typeof system !== 'string' || typeof value !== 'string') continue;
    numbers.push({ system: system.slice(0, 1_024), value: value.slice(0, 1_024) });
  }
  return numbers;
}
