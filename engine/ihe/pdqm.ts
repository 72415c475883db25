/**
 * Patients by demographics over FHIR: what a search asks (PDQm, ITI-78), what a match is asked for (ITI-119), and both answers.
 * Pure: who is known, and who fits, is for the engine.
 */
import type { Bundle, BundleEntry, OperationOutcome, Parameters, Patient } from '@medplum/fhirtypes';
import { MixError } from '../../schemas/errors/index.ts';
import type { Identifier } from '../../schemas/parts.ts';
import {
  type AddressPart,
  type AnyOf,
  type DateCriterion,
  type NumberCriterion,
  noCriteria,
  type PatientCriteria,
  type TextCriterion,
} from '../../schemas/pdq.ts';
import { checkFormat, demographicsOf, fhirIdentifier, known } from './pixm.ts';
import { checkBounds, isFhirDate, patientShape, readShape } from './shape.ts';

const pdqm = 'https://profiles.ihe.net/ITI/PDQm/StructureDefinition/';
export const pdqmPatientProfile = `${pdqm}IHE.PDQm.Patient`;
const matchGrade = 'http://hl7.org/fhir/StructureDefinition/match-grade';

export interface PatientSearch {
  criteria: PatientCriteria;
  /** Systems whose numbers are wanted (`identifier=system|`); empty for all. */
  targets: string[];
  /** `_count`. */
  count?: number;
  /** `_page`: where an earlier answer goes on; then nothing else is asked. */
  pointer?: string;
}

const alternativesMax = 20;
const countMax = 500;

type Read = (search: PatientSearch, value: string, name: string, exact: boolean) => void;

const refuse = (place: string, detail: string): never => {
  throw new MixError('exchange.query', { place, detail });
};

const texts = (value: string, name: string, exact: boolean): AnyOf<TextCriterion> =>
  alternatives(value, name).map((text) => ({ text, how: exact ? 'equal' : 'begins' }));

const addressPart =
  (part: AddressPart): Read =>
  ({ criteria }, value, name, exact) =>
    criteria.address.push({ part, any: texts(value, name, exact) });

/** Parameters of ITI-78 (2:3.78.4.1.2.1), with `:exact` where FHIR has it for them. */
const parameters: Record<string, { read: Read; isText?: boolean }> = {
  _id: {
    read: ({ criteria }, value) => {
      criteria.id = value;
    },
  },
  active: {
    read: ({ criteria }, value, name) => {
      if (value !== 'true' && value !== 'false') refuse(name, 'true or false');
      criteria.active = value === 'true';
    },
  },
  family: { isText: true, read: (s, value, name, exact) => s.criteria.family.push(texts(value, name, exact)) },
  given: { isText: true, read: (s, value, name, exact) => s.criteria.given.push(texts(value, name, exact)) },
  identifier: { read: readIdentifier },
  telecom: { read: ({ criteria }, value, name) => criteria.telecom.push(alternatives(value, name).map(valueOfToken)) },
  birthdate: { read: ({ criteria }, value, name) => criteria.birth.push(dateOf(value, name)) },
  address: { isText: true, read: addressPart('any') },
  'address-city': { isText: true, read: addressPart('city') },
  'address-state': { isText: true, read: addressPart('state') },
  'address-country': { isText: true, read: addressPart('country') },
  'address-postalcode': { isText: true, read: addressPart('postalCode') },
  gender: { read: ({ criteria }, value, name) => criteria.gender.push(genders(value, name)) },
  mothersMaidenName: {
    isText: true,
    read: (s, value, name, exact) => s.criteria.mothersMaidenName.push(texts(value, name, exact)),
  },
  _count: {
    read: (search, value, name) => {
      if (!/^\d{1,9}$/.test(value) || Number(value) === 0) refuse(name, '1 or more');
      search.count = Math.min(Number(value), countMax);
    },
  },
  _page: {
    read: (search, value, name) => {
      if (!/^[0-9a-f]{32}$/.test(value)) refuse(name, 'the link that an answer gave');
      search.pointer = value;
    },
  },
};

/** Reads an ITI-78 request. Throws `exchange.query` with the parameter's name: one that were passed over would find more than was asked for. */
export function readPatientSearch(query: URLSearchParams): PatientSearch {
  checkFormat(query);
  const search: PatientSearch = { criteria: noCriteria(), targets: [] };
  let asked = 0;
  for (const [name, value] of query) {
    if (name === '_format') continue;
    const exact = name.endsWith(':exact');
    const parameter = parameters[exact ? name.slice(0, -':exact'.length) : name];
    if (parameter === undefined || (exact && parameter.isText !== true))
      throw new MixError('exchange.query', { place: known(name), detail: 'not a parameter of ITI-78' });
    if (value.trim() === '') refuse(known(name), 'a value is wanted');
    parameter.read(search, value.trim(), known(name), exact);
    if (name !== '_count') asked += 1;
  }
  if (search.pointer !== undefined && asked > 1) refuse('_page', 'alone, but for _count');
  return search;
}

/** Values between commas, of which one must fit; `\,` and `\|` stand for themselves (FHIR R4 search 3.1.1.5). */
function alternatives(value: string, name: string): string[] {
  const all = value.split(/(?<!\\),/).map((one) => one.replace(/\\([,|$\\])/g, '$1').trim());
  if (all.length > alternativesMax || all.includes('')) refuse(name, `1 to ${alternativesMax} values`);
  return all;
}

/** `phone|508...` asks for the value, whatever its system. */
const valueOfToken = (token: string): string => token.slice(token.indexOf('|') + 1);

/** Numbers of which one must be the patient's; a system alone says whose numbers are wanted. */
function readIdentifier({ criteria, targets }: PatientSearch, value: string, name: string): void {
  const numbers: NumberCriterion[] = [];
  for (const token of alternatives(value, name)) {
    const bar = token.indexOf('|');
    const [system, number] = [token.slice(0, Math.max(bar, 0)), token.slice(bar + 1)];
    if (number === '' && system === '') refuse(name, 'system|value');
    if (number === '') targets.push(system);
    else numbers.push(system === '' ? { value: number } : { system, value: number });
  }
  if (numbers.length > 0) criteria.numbers.push(numbers);
}

function dateOf(value: string, name: string): DateCriterion {
  const parts = /^(eq|ge|gt|le|lt)?(.+)$/.exec(value);
  const date = parts?.[2] ?? '';
  if (!isFhirDate(date)) refuse(name, 'a date such as 1970-01-31, with eq, ge, gt, le or lt before it');
  return { date, how: (parts?.[1] ?? 'eq') as DateCriterion['how'] };
}

function genders(value: string, name: string): string[] {
  const all = alternatives(value, name).map((one) => one.slice(one.indexOf('|') + 1));
  if (all.some((one) => !['male', 'female', 'other', 'unknown'].includes(one)))
    refuse(name, 'male, female, other or unknown');
  return all;
}

/** A person of the index as a Patient of PDQm: demographics and these numbers, and nothing of how they came here. */
export function patientShown(
  person: { id: string; updatedAt: number; patient: Patient },
  numbers: readonly Pick<Identifier, 'system' | 'value' | 'type'>[],
): Patient {
  const patient = demographicsOf(person.patient);
  const national = (person.patient.identifier ?? []).filter(
    ({ system, value, type }) =>
      /^(SS|NI|NH|HC|PPN|DL)$/.test(type?.coding?.[0]?.code ?? '') &&
      !numbers.some((one) => one.system === system && one.value === value),
  );
  return {
    ...patient,
    id: person.id,
    meta: { profile: [pdqmPatientProfile], lastUpdated: new Date(person.updatedAt).toISOString() },
    identifier: [...numbers.map(fhirIdentifier), ...national],
    active: true,
  };
}

/** The answer of ITI-78. `total` where all are in it; `next` is the pointer to the rest. Links hold no demographics. */
export function makePatientSearchset(
  patients: readonly Patient[],
  about: { base: string; total?: number; next?: string; count?: number },
): Bundle {
  const bundle: Bundle = { resourceType: 'Bundle', type: 'searchset' };
  if (about.total !== undefined) bundle.total = about.total;
  const link = [{ relation: 'self', url: `${about.base}/Patient` }];
  const count = about.count === undefined ? '' : `&_count=${about.count}`;
  if (about.next !== undefined)
    link.push({ relation: 'next', url: `${about.base}/Patient?_page=${about.next}${count}` });
  bundle.link = link;
  if (patients.length > 0)
    bundle.entry = patients.map((resource) => ({
      fullUrl: `${about.base}/Patient/${resource.id}`,
      resource,
      search: { mode: 'match' },
    }));
  return bundle;
}

export interface MatchRequest {
  patient: Patient;
  onlyCertainMatches: boolean;
  count: number;
}

const matchesMax = 100;
const matchesUsual = 20;

/** Reads an ITI-119 request: a Patient, or Parameters with one. Throws `exchange.malformed` with the place. */
export function readMatch(body: unknown): MatchRequest {
  const given = body as { resourceType?: unknown } | null | undefined;
  if (given?.resourceType === 'Patient')
    return { patient: readPatient(given, 'Patient'), onlyCertainMatches: false, count: matchesUsual };
  const malformed = (place: string, detail: string): MixError => new MixError('exchange.malformed', { place, detail });
  if (given?.resourceType !== 'Parameters') throw malformed('Parameters.resourceType', 'Parameters or Patient');
  const list = (given as Parameters).parameter;
  if (!Array.isArray(list) || list.length > 20) throw malformed('Parameters.parameter', '1 to 20');
  const of = (name: string) => list.filter((one) => one?.name === name);
  const foreign = list.findIndex((one) => !['resource', 'onlyCertainMatches', 'count'].includes(one?.name ?? ''));
  if (foreign >= 0) throw malformed(`Parameters.parameter[${foreign}].name`, 'not a parameter of ITI-119');
  const [resource] = of('resource');
  if (of('resource').length !== 1 || resource?.resource?.resourceType !== 'Patient')
    throw malformed('Parameters.parameter', 'exactly one resource, a Patient');
  const certain = of('onlyCertainMatches')[0]?.valueBoolean ?? false;
  const count = of('count')[0]?.valueInteger ?? matchesUsual;
  if (typeof certain !== 'boolean') throw malformed('Parameters.parameter', 'onlyCertainMatches is a boolean');
  if (!Number.isInteger(count) || count < 1) throw malformed('Parameters.parameter', 'count is 1 or more');
  const patient = readPatient(resource.resource, 'Parameters.parameter.resource');
  return { patient, onlyCertainMatches: certain, count: Math.min(count, matchesMax) };
}

function readPatient(body: unknown, place: string): Patient {
  checkBounds(body, place);
  return readShape(patientShape, body, place) as unknown as Patient;
}

export interface GradedPatient {
  patient: Patient;
  probability: number;
  verdict: 'match' | 'possible' | 'no-match';
}

/** FHIR's match-grade: what would be linked without a human is certain; what one would have to look at is probable or possible. */
export function gradeOf({ verdict, probability }: Pick<GradedPatient, 'verdict' | 'probability'>): string {
  if (verdict === 'match') return 'certain';
  if (verdict === 'possible') return probability >= 0.5 ? 'probable' : 'possible';
  return 'certainly-not';
}

/**
 * The answer of ITI-119, the likeliest first. With `onlyCertainMatches` one certain match or none: several that are certain would say that the
 * request does not tell them apart, which the outcome beside says.
 */
export function makeMatchset(graded: readonly GradedPatient[], request: MatchRequest, base: string): Bundle {
  const likely = graded.filter(({ verdict }) => verdict !== 'no-match');
  const certain = likely.filter((one) => gradeOf(one) === 'certain');
  const told = request.onlyCertainMatches ? (certain.length === 1 ? certain : []) : likely.slice(0, request.count);
  const entry: BundleEntry[] = told.map(({ patient, probability, verdict }) => ({
    fullUrl: `${base}/Patient/${patient.id}`,
    resource: patient,
    search: {
      mode: 'match',
      score: Math.round(probability * 1e6) / 1e6,
      extension: [{ url: matchGrade, valueCode: gradeOf({ verdict, probability }) }],
    },
  }));
  const bundle: Bundle = { resourceType: 'Bundle', type: 'searchset', total: entry.length };
  if (request.onlyCertainMatches && certain.length > 1) {
    const issue: OperationOutcome['issue'] = [
      { severity: 'warning', code: 'multiple-matches', details: { text: `${certain.length} certain matches` } },
    ];
    entry.push({ resource: { resourceType: 'OperationOutcome', issue }, search: { mode: 'outcome' } });
  }
  if (entry.length > 0) bundle.entry = entry;
  return bundle;
}
