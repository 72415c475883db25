/**
 * Does a patient fit what a demographics query asks for (ITI-21, ITI-22, ITI-78)? Pure. What the store can look up is narrower (`lookUpTerms`); the rest is
 * judged here, on each candidate.
 */
import type { Patient } from '@medplum/fhirtypes';
import type { Identifier, SearchTerm } from '../../schemas/parts.ts';
import type {
  AnyOf,
  DateCriterion,
  NumberCriterion,
  PatientCriteria,
  TextCriterion,
  VisitCriterion,
} from '../../schemas/pdq.ts';

const mothersMaidenName = 'http://hl7.org/fhir/StructureDefinition/patient-mothersMaidenName';
/** Newest visit of a patient as a source told it: PV1 in standard delimiters. */
export const visitUrl = 'http://mix-hie.org/fhir/StructureDefinition/v2-PV1';

/** Letters and digits, folded: without case, diacritics and punctuation. */
export function foldText(text: string): string {
  return text
    .normalize('NFKD')
    .replace(/\p{M}+/gu, '')
    .toLowerCase()
    .replaceAll('\u00df', 'ss')
    .replaceAll('\u00f8', 'o')
    .replaceAll('\u0142', 'l')
    .replace(/[^\p{L}\p{N}]+/gu, ' ')
    .trim();
}

/** Words of fewer letters are not kept as beginnings by the store. */
const prefixMin = 3;

/** What the store is asked for: terms that must all hold. Empty: the query has nothing that it can be looked up by. */
export function lookUpTerms(criteria: PatientCriteria): SearchTerm[] {
  const terms: SearchTerm[] = [];
  for (const any of [...criteria.family, ...criteria.given]) {
    const [only] = any;
    if (any.length !== 1 || only === undefined) continue;
    const words = foldText(only.text).split(' ');
    // A word that may go on is found by its beginning, which has three letters at least.
    const usable = only.how === 'equal' ? words : words.filter((word, at) => at < words.length - 1 || word.length >= 3);
    const long = usable.filter((word) => word.length >= prefixMin);
    if (long.length > 0) terms.push({ field: 'name', text: long.join(' ') });
  }
  for (const { date, how } of criteria.birth)
    if (how === 'eq' && date.length === 10) terms.push({ field: 'birth', text: date });
  for (const any of criteria.numbers) {
    const [only] = any;
    if (any.length === 1 && only !== undefined && only.system === undefined)
      terms.push({ field: 'number', text: only.value });
  }
  return terms;
}

/** A patient with the numbers that it is known by here, and as its sources told it. */
export interface Candidate {
  id: string;
  patient: Patient;
  numbers: readonly Pick<Identifier, 'system' | 'value' | 'type'>[];
  /** The patient of each source, for visits and accounts. */
  told: readonly Patient[];
}

/** Does everything that was asked for hold? */
export function fitsCriteria(candidate: Candidate, criteria: PatientCriteria): boolean {
  const { patient } = candidate;
  return (
    (criteria.id === undefined || criteria.id === candidate.id) &&
    criteria.active !== false &&
    criteria.numbers.every((any) => any.some((one) => hasNumber(candidate, one))) &&
    fitsName(patient, criteria) &&
    criteria.birth.every((one) => patient.birthDate !== undefined && fitsDate(patient.birthDate, one)) &&
    criteria.gender.every((any) => any.includes(patient.gender ?? 'unknown')) &&
    fitsAddress(patient, criteria) &&
    criteria.telecom.every((any) => any.some((asked) => hasTelecom(patient, asked))) &&
    criteria.mothersMaidenName.every((any) => fitsAny(maidenNames(patient), any)) &&
    (criteria.visit.length === 0 || candidate.told.some((one) => fitsVisit(one, criteria.visit)))
  );
}

function hasNumber({ numbers, told, patient }: Candidate, { system, value }: NumberCriterion): boolean {
  const same = (one: { system?: string | undefined; value?: string | undefined }): boolean =>
    one.value === value && (system === undefined || one.system === system);
  return (
    numbers.some(same) ||
    (patient.identifier ?? []).some(
      (one) => one.use !== 'old' && isNational(one.type?.coding?.[0]?.code) && same(one),
    ) ||
    told.some((one) => (one.identifier ?? []).some((number) => number.use !== 'old' && same(number)))
  );
}

const isNational = (type: string | undefined): boolean => type !== undefined && /^(SS|NI|NH|HC|PPN|DL)$/.test(type);

/** All that is asked of one name must stand in one name: a former family name with a present given one is nobody's. */
function fitsName(patient: Patient, { family, given }: PatientCriteria): boolean {
  if (family.length === 0 && given.length === 0) return true;
  return (patient.name ?? []).some(
    (name) =>
      family.every((any) => fitsAny([name.family], any)) && given.every((any) => fitsGiven(name.given ?? [], any)),
  );
}

/** One of the given names, or all of them as they stand. */
function fitsGiven(given: readonly string[], any: AnyOf<TextCriterion>): boolean {
  return fitsAny([...given, given.join(' ')], any);
}

function fitsAny(texts: readonly (string | undefined)[], any: AnyOf<TextCriterion>): boolean {
  const folded = texts.filter((text) => text !== undefined).map(foldText);
  return any.some(({ text, how }) => {
    const asked = foldText(text);
    if (asked === '') return false;
    return folded.some((one) => (how === 'equal' ? one === asked : one.startsWith(asked)));
  });
}

/** A date that is told less exactly than it is asked for fits where both may be the same day. */
function fitsDate(told: string, { date, how }: DateCriterion): boolean {
  const length = Math.min(told.length, date.length);
  if (how === 'eq') return told.slice(0, length) === date.slice(0, length) && told.length >= date.length;
  const [one, other] = [told.slice(0, length), date.slice(0, length)];
  if (how === 'ge') return one >= other;
  if (how === 'le') return one <= other;
  return how === 'gt' ? one > other : one < other;
}

/** All parts that are asked for must stand in one address. */
function fitsAddress(patient: Patient, { address }: PatientCriteria): boolean {
  if (address.length === 0) return true;
  return (patient.address ?? []).some((one) =>
    address.every(({ part, any }) => {
      const lines = [...(one.line ?? []), (one.line ?? []).join(' ')];
      const all = [...lines, one.city, one.district, one.state, one.postalCode, one.country, one.text];
      return fitsAny(part === 'any' ? all : part === 'line' ? lines : [one[part]], any);
    }),
  );
}

const phoneDigits = 10;
const phoneDigitsMin = 7;

/** Telephone numbers by their last ten digits (seven, where an area code is left out), addresses as they are. */
function hasTelecom(patient: Patient, asked: string): boolean {
  const digits = digitsOf(asked);
  return (patient.telecom ?? []).some(({ value = '' }) => {
    if (asked.includes('@') || value.includes('@')) return value.trim().toLowerCase() === asked.trim().toLowerCase();
    const own = digitsOf(value);
    const length = Math.min(digits.length, own.length, phoneDigits);
    return length >= phoneDigitsMin ? digits.slice(-length) === own.slice(-length) : own === digits && own !== '';
  });
}

const digitsOf = (text: string): string => text.replace(/\D/g, '');

function maidenNames(patient: Patient): (string | undefined)[] {
  return (patient.extension ?? []).filter(({ url }) => url === mothersMaidenName).map(({ valueString }) => valueString);
}

/** PV1 of a patient as it was told, split; undefined where its source told no visit. */
export function visitOf(patient: Patient): string[] | undefined {
  const text = patient.extension?.find(({ url }) => url === visitUrl)?.valueString;
  return text === undefined ? undefined : text.split('|');
}

function fitsVisit(patient: Patient, asked: readonly VisitCriterion[]): boolean {
  const fields = visitOf(patient);
  if (fields === undefined) return false;
  return asked.every((one) => {
    const texts = (fields[one.field] ?? '')
      .split('~')
      .map((repetition) => repetition.split('^')[one.component - 1]?.split('&')[0]);
    return fitsAny(texts, [one]);
  });
}
