/**
 * What a feed says as a local record of the index, and what stands between two such records: the decisions of a region or global node, without its store.
 */
import type { Patient } from '@medplum/fhirtypes';
import type { IndexPair, IndexRecord } from '../schemas/index-store.ts';
import type { Entry, Identifier, Person } from '../schemas/parts.ts';
import { type FedPatient, fhirIdentifier, type PatientNumber, tokenOf } from './ihe/index.ts';
import {
  blockingKeys,
  type Comparison,
  compare,
  type Features,
  featuresOf,
  type MatchModel,
  packFeatures,
  unpackFeatures,
} from './mpi/index.ts';
import { isStrong } from './record/index.ts';

/** Natural key of a local patient as it was fed. */
export const localKey = (number: PatientNumber): string => `Patient|${tokenOf(number)}`;

/** How this node links; plain settings. */
export interface LinkRules {
  model: MatchModel;
  /**
   * May two live records of one domain be linked by themselves? At a region a hospital may know a patient twice; of its own X-PIDs a region says itself
   * which are one, so that the global node only asks.
   */
  withinDomain: boolean;
}

const numbersMax = 20;

/** Strong numbers of the feeding node's own domains, but for the one that it is fed under. */
export function numbersOf(fed: FedPatient, domains: ReadonlySet<string>, sourceId: string): Identifier[] {
  return fed.numbers
    .slice(1)
    .filter((one) => isStrong(one) && domains.has(one.system))
    .slice(0, numbersMax)
    .map(({ system, value, type }) => ({ system, value, type, sourceId }));
}

/** The features of a fed patient as they are kept. */
export const packedFeatures = (patient: Patient): Buffer => Buffer.from(packFeatures(featuresOf(patient)));

const unpacked = new WeakMap<Buffer, Features>();

/** Those of a record; undefined where nothing is known of it. */
export function featuresIn({ features }: Pick<IndexRecord, 'features'>): Features | undefined {
  if (features.length === 0) return undefined;
  let known = unpacked.get(features);
  if (known === undefined) {
    known = unpackFeatures(features);
    unpacked.set(features, known);
  }
  return known;
}

/** Texts that a record is found by: what of its facts others may share, and every number that names it. None where its node withdrew it. */
export function keysOf(record: IndexRecord): string[] {
  if (isWithdrawn(record)) return [];
  const features = featuresIn(record);
  const numbers = [record.number, ...record.numbers, ...record.told].map((one) => `#|${tokenOf(one)}`);
  return [...new Set([...(features === undefined ? [] : blockingKeys(features)), ...numbers])];
}

/** Withdrawn without another that took its place: it links nobody. */
export const isWithdrawn = (record: Pick<IndexRecord, 'state' | 'mergedInto'>): boolean =>
  record.state === 'retired' && record.mergedInto === undefined;

export interface Between {
  link: IndexPair['link'];
  weight: number;
  comparison?: Comparison;
}

/** What links two records by itself, and how they compare. Symmetric, of the records alone. */
export function linkBetween(one: IndexRecord, other: IndexRecord, rules: LinkRules): Between {
  if (isWithdrawn(one) || isWithdrawn(other)) return { link: 'none', weight: 0 };
  const [ours, theirs] = [featuresIn(one), featuresIn(other)];
  const comparison = ours && theirs && compare(ours, theirs, rules.model);
  const weight = comparison?.weight ?? 0;
  const told = comparison === undefined ? {} : { comparison };
  if (sharesNumber(one, other))
    return { link: comparison !== undefined && isAtOdds(comparison) ? 'possible' : 'number', weight, ...told };
  if (comparison === undefined || comparison.verdict === 'no-match') return { link: 'none', weight, ...told };
  const within = one.number.system === other.number.system;
  return {
    link: comparison.verdict === 'match' && within && !rules.withinDomain ? 'possible' : comparison.verdict,
    weight,
    ...told,
  };
}

function sharesNumber(one: IndexRecord, other: IndexRecord): boolean {
  const ours = new Set([one.number, ...one.numbers, ...one.told].map(tokenOf));
  return [other.number, ...other.numbers, ...other.told].some((number) => ours.has(tokenOf(number)));
}

/** Rules that keep two apart even where a third stands between them. */
const apartRules = new Set(['twins', 'birth-order', 'sex-conflict', 'suffix', 'newborn', 'test-patient']);

function isAtOdds({ verdict, weight, rules }: Comparison): boolean {
  return verdict !== 'match' && (weight < 0 || rules.some((rule) => apartRules.has(rule)));
}

/** May these never be joined by themselves, also through others? */
export function inConflict(one: IndexRecord, other: IndexRecord, rules: LinkRules): boolean {
  const [ours, theirs] = [featuresIn(one), featuresIn(other)];
  return ours !== undefined && theirs !== undefined && isAtOdds(compare(ours, theirs, rules.model));
}

/** Name, sex and birth date all told before and after, and all different: under this number there is somebody else now. */
export function isOverlay(before: IndexRecord, patient: Patient): boolean {
  const [was, is] = [featuresIn(before), featuresOf(patient)];
  if (was === undefined || was.names.length === 0 || is.names.length === 0) return false;
  if (was.sex === '' || is.sex === '' || was.sex === is.sex) return false;
  if (was.birth === 0 || is.birth === 0 || was.birth === is.birth) return false;
  const words = new Set(was.names.flatMap(wordsOf));
  return !is.names.flatMap(wordsOf).some((word) => words.has(word));
}

const wordsOf = ({ given, family, middle }: Features['names'][number]): string[] =>
  [...given.split(' '), ...family.split(' '), ...middle.split(' ')].filter((word) => word.length > 1);

/** The fed patient as an entry's body: as it came, but for id, text and pictures. */
export function bodyOf(patient: Patient): Patient {
  const { id: _id, text: _text, photo: _photo, ...rest } = patient;
  return rest;
}

/** The entry that keeps a local patient as it was fed. */
export function localEntry(
  of: { id: string; personId: string; number: PatientNumber; sourceId: string; removed: boolean },
  body: Patient,
  before: Entry | undefined,
  meta: { messageId: string; sourceTime: number; from?: string },
): { entry: Entry; expect: number } {
  const entry: Entry = {
    id: of.id,
    personId: of.personId,
    type: 'Patient',
    key: localKey(of.number),
    version: (before?.version ?? 0) + 1,
    status: '',
    code: '',
    sourceId: of.sourceId,
    messageId: meta.messageId,
    sourceTime: meta.sourceTime,
    removed: of.removed,
    from: meta.from ?? 'ITI-104',
    body: { ...body, id: of.id },
  };
  return { entry, expect: before?.version ?? 0 };
}

/** The person with these numbers, and its Patient showing them with what the state gave. */
export function withNumbers(
  person: Person,
  identifiers: Identifier[],
  more: NonNullable<Patient['identifier']> = [],
): Person {
  const shown = [...identifiers.map(fhirIdentifier)];
  for (const one of [...more, ...(person.patient.identifier ?? []).filter(isNational)])
    if (!shown.some(({ system, value }) => system === one.system && value === one.value)) shown.push(one);
  return { ...person, identifiers, patient: { ...person.patient, identifier: shown } };
}

type FhirIdentifier = NonNullable<Patient['identifier']>[number];
const nationalTypes = new Set(['SS', 'NI', 'NH', 'HC', 'PPN', 'DL', 'JHN', 'MI', 'MC', 'MA']);

function isNational({ system, value, type }: FhirIdentifier): boolean {
  return !!system && !!value && nationalTypes.has(type?.coding?.[0]?.code ?? '');
}

/** Numbers of the state that a fed patient shows. */
export function nationalOf(patient: Patient): FhirIdentifier[] {
  return (patient.identifier ?? []).filter((one) => isNational(one) && one.use !== 'old').slice(0, 20);
}

/** What of a fed patient describes the person: no ids, numbers, links or texts of the sender's own. */
export function describes(patient: Patient): Patient {
  const {
    id: _1,
    meta: _2,
    text: _3,
    contained: _4,
    identifier: _5,
    link: _6,
    active: _7,
    photo: _8,
    ...rest
  } = patient;
  return rest;
}
