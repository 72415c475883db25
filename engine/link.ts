/**
 * Which person of the index a fed patient belongs to, and what the person is after it: the decisions of a region or global node, without its store.
 *
 * Persons are linked by a number of a strong kind or by a key of exact demographics (`mpi`), the strongest first; what leads elsewhere is told, not
 * followed. A demographic matcher joins here when it comes.
 */
import type { Patient } from '@medplum/fhirtypes';
import type { Entry, Identifier, Person, SearchTerm } from '../schemas/parts.ts';
import { type FedPatient, fhirIdentifier, type PatientNumber, tokenOf } from './ihe/index.ts';
import { candidateKeys } from './mpi/index.ts';
import { isStrong, mergePersons, mergeRecord, personTerms, uuidv7 } from './record/index.ts';

/** System under which the store finds link keys. */
export const linkSystem = 'link';

/** Natural key of a local patient as it was fed. */
export const localKey = (number: PatientNumber): string => `Patient|${tokenOf(number)}`;

/** What a fed patient can be found by. */
export interface Clues {
  /** Strong numbers of the feeding node's own domains, the one it is fed under first. */
  numbers: Identifier[];
  keys: string[];
}

/** `domains`: systems whose numbers the feeding node may give; of others nothing is filed. */
export function cluesOf(fed: FedPatient, domains: ReadonlySet<string>, sourceId: string): Clues {
  const numbers = fed.numbers
    .filter((one) => isStrong(one) && domains.has(one.system))
    .map(({ system, value, type }) => ({ system, value, type, sourceId }));
  return { numbers, keys: fed.active ? candidateKeys(fed.patient) : [] };
}

/** What the store is to be asked for. */
export function lookUpOf(clues: Clues): PatientNumber[] {
  return [...clues.numbers, ...clues.keys.map((value) => ({ system: linkSystem, value }))];
}

export interface Linked {
  /** Undefined: nobody is known by any clue. */
  personId?: string;
  /** `known`: by the very number it is fed under. */
  by: 'known' | 'number' | 'key' | 'none';
  /** Others that weaker clues lead to. */
  others: string[];
}

/** `holders`: whom each clue leads to, by `system|value`. */
export function decideLink(clues: Clues, holders: ReadonlyMap<string, string>): Linked {
  const ways: { by: Linked['by']; holder: string | undefined }[] = [
    ...clues.numbers.map((one, at) => ({
      by: at === 0 ? ('known' as const) : ('number' as const),
      holder: holders.get(tokenOf(one)),
    })),
    ...clues.keys.map((key) => ({ by: 'key' as const, holder: holders.get(`${linkSystem}|${key}`) })),
  ];
  const found = ways.filter((way): way is { by: Linked['by']; holder: string } => way.holder !== undefined);
  const [first] = found;
  if (first === undefined) return { by: 'none', others: [] };
  const others = [...new Set(found.map(({ holder }) => holder))].filter((holder) => holder !== first.holder);
  return { personId: first.holder, by: first.by, others };
}

/**
 * May the person be joined with the other that its newest demographics lead to? Only where it stands on this one local patient alone: when several
 * hospitals tell of somebody, a change at one of them may as well be a slip.
 */
export function mayJoin(person: Person, locals: readonly Entry[], number: PatientNumber): boolean {
  const live = locals.filter((entry) => !entry.removed);
  return person.state === 'active' && live.every((entry) => entry.key === localKey(number));
}

export interface Filing {
  personId: string;
  known?: Person;
  /** The person's local patients as they were fed, by key, removed ones too. */
  locals: ReadonlyMap<string, Entry>;
  /** Whom each clue leads to. */
  holders: ReadonlyMap<string, string>;
  sourceId: string;
  /** Delivery that brought it. */
  messageId: string;
  now: number;
}

export interface Filed {
  person: Person;
  expect: number;
  terms: SearchTerm[];
  entries: { entry: Entry; expect: number }[];
  changed: boolean;
}

/** The person after this feed: demographics element by element as newest told, numbers and keys that nobody else holds. */
export function filePatient(fed: FedPatient, clues: Clues, filing: Filing): Filed {
  const { personId, known, holders, now } = filing;
  const key = localKey(fed.number);
  const before = filing.locals.get(key);
  const free = clues.numbers.filter((one) => (holders.get(tokenOf(one)) ?? personId) === personId);
  const merged = mergeRecord(
    known === undefined ? { entries: filing.locals } : { person: known, entries: filing.locals },
    {
      identifiers: free,
      patient: demographicsOf(fed.patient),
      nulls: before === undefined || before.removed ? [] : missing(demographicsOf(before.body as Patient), fed.patient),
      demographics: 'snapshot',
      entries: [{ key, act: 'put', resource: bodyOf(fed.patient), from: 'ITI-104' }],
    },
    {
      personId,
      sourceId: filing.sourceId,
      messageId: filing.messageId,
      // A clock that runs ahead must not win for ever.
      sourceTime: Math.min(fed.updatedAt ?? now, now),
      now,
      newId: () => uuidv7(now),
    },
  );
  const locals = new Map(filing.locals);
  for (const { entry } of merged.entries) locals.set(entry.key, entry);
  const linkKeys = keysOf(known, locals, clues.keys, holders, personId);
  const changed = merged.changed || !sameTexts(linkKeys, known?.linkKeys ?? []);
  const version = merged.changed || !changed ? merged.person.version : merged.person.version + 1;
  const person = withNumbers({ ...merged.person, version, linkKeys }, merged.person.identifiers, national(fed.patient));
  return { person, expect: merged.expect, terms: personTerms(person.patient), entries: merged.entries, changed };
}

/** Keys of every local patient that stands: the fed one's where nobody else holds them, the others' where they were filed before. */
function keysOf(
  known: Person | undefined,
  locals: ReadonlyMap<string, Entry>,
  fresh: readonly string[],
  holders: ReadonlyMap<string, string>,
  personId: string,
): string[] {
  const filed = new Set(known?.linkKeys ?? []);
  for (const key of fresh) if ((holders.get(`${linkSystem}|${key}`) ?? personId) === personId) filed.add(key);
  const standing = new Set<string>();
  for (const entry of locals.values())
    if (!entry.removed) for (const key of candidateKeys(entry.body as Patient)) standing.add(key);
  return [...standing].filter((key) => filed.has(key)).slice(0, linkKeysMax);
}

const linkKeysMax = 200;

const sameTexts = (one: readonly string[], other: readonly string[]): boolean =>
  one.length === other.length && one.every((text, at) => text === other[at]);

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

function national(patient: Patient): FhirIdentifier[] {
  return (patient.identifier ?? []).filter((one) => isNational(one) && one.use !== 'old').slice(0, 20);
}

/** What of a fed patient describes the person: no ids, numbers, links or texts of the sender's own. */
function demographicsOf(patient: Patient): Patient {
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

/** The fed patient as an entry's body: as it came, but for id, text and pictures. */
function bodyOf(patient: Patient): Patient {
  const { id: _id, text: _text, photo: _photo, ...rest } = patient;
  return rest;
}

/** Elements that this source told before and tells no longer. */
function missing(before: Patient, now: Patient): string[] {
  const told = now as unknown as Record<string, unknown>;
  return Object.keys(before).filter((element) => element !== 'resourceType' && told[element] === undefined);
}

/** A local patient that another took the place of: kept, inactive, out of every answer. */
export function retireLocal(
  fed: FedPatient,
  filing: Pick<Filing, 'personId' | 'locals' | 'sourceId' | 'messageId' | 'now'>,
): { entry: Entry; expect: number } {
  const key = localKey(fed.number);
  const before = filing.locals.get(key);
  const id = before?.id ?? uuidv7(filing.now);
  const entry: Entry = {
    id,
    personId: filing.personId,
    type: 'Patient',
    key,
    version: (before?.version ?? 0) + 1,
    status: '',
    code: '',
    sourceId: filing.sourceId,
    messageId: filing.messageId,
    sourceTime: Math.min(fed.updatedAt ?? filing.now, filing.now),
    removed: true,
    from: 'ITI-104',
    body: { ...bodyOf(fed.patient), id },
  };
  return { entry, expect: before?.version ?? 0 };
}

/** Two persons of the index that are one: the older one stays. */
export function joinPersons(
  one: { person: Person; entries: Entry[] },
  other: { person: Person; entries: Entry[] },
  meta: { messageId: string; now: number },
): { survivor: Person; retired: Person; changes: ReturnType<typeof mergePersons> } {
  const [older, younger] = isOlder(one.person, other.person) ? [one, other] : [other, one];
  const changes = mergePersons(older, younger, meta);
  const [kept, gone] = changes.persons as [(typeof changes.persons)[number], (typeof changes.persons)[number]];
  const linkKeys = [...new Set([...(older.person.linkKeys ?? []), ...(younger.person.linkKeys ?? [])])];
  kept.person = withNumbers({ ...kept.person, linkKeys: linkKeys.slice(0, linkKeysMax) }, kept.person.identifiers, [
    ...(younger.person.patient.identifier ?? []).filter(isNational),
  ]);
  kept.terms = personTerms(kept.person.patient);
  const { linkKeys: _, ...shell } = gone.person;
  gone.person = shell;
  return { survivor: kept.person, retired: gone.person, changes };
}

function isOlder(one: Person, other: Person): boolean {
  return one.createdAt === other.createdAt ? one.id < other.id : one.createdAt < other.createdAt;
}
