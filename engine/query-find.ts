/** Persons of the index whom a demographics query finds, a page at a time: candidates by the store's terms, each judged by all that was asked for. */
import type { Patient } from '@medplum/fhirtypes';
import { MixError } from '../schemas/errors/index.ts';
import type { NodeSubject } from '../schemas/exchange.ts';
import type { Entry, Identifier, Person, SearchTerm, Store } from '../schemas/parts.ts';
import type { PatientCriteria } from '../schemas/pdq.ts';
import type { ExchangeSetup } from './domains.ts';
import { fitsCriteria, lookUpTerms, tokenOf } from './ihe/index.ts';
import { survivorOf } from './join.ts';
import { localKey } from './link.ts';
import { mayAsk, numbersStanding } from './standing.ts';

export interface Search {
  criteria: PatientCriteria;
  /** Systems whose numbers are wanted; empty for all. Who has none of them is not found. */
  domains: readonly string[];
  from: NodeSubject;
  /** May everybody be found, or only those whom `from` feeds? */
  sees: 'own' | 'all';
}

export interface FoundPerson {
  person: Person;
  /** Numbers in force, of the domains asked for. */
  numbers: Identifier[];
  /** The patient of each source that stands. */
  told: Patient[];
}

/** Where a search goes on. */
export interface Rest {
  /** Persons that are next. */
  ids: string[];
  /** Where the store goes on after them; absent at its end. */
  cursor?: string;
}

/** Persons that one look at the store brings: few at first, where few are wanted. */
const LOOK = 100;
const LOOK_MIN = 10;
/** Candidates that are judged for one answer. */
const JUDGED_MAX = 5_000;
/** Persons that numbers may lead to. */
const DIRECT_MAX = 100;

/**
 * The next `limit` persons, and where it goes on. Throws `pdq.too-wide` for a search that nothing can be looked up by, and where thousands of candidates
 * hold nobody who fits.
 */
export async function findPage(
  parts: { store: Store },
  setup: ExchangeSetup,
  search: Search,
  limit: number,
  rest?: Rest,
): Promise<{ found: FoundPerson[]; rest?: Rest }> {
  const terms = lookUpTerms(search.criteria);
  let { ids, cursor } = rest ?? (await startOf(parts.store, search.criteria, terms));
  const found: FoundPerson[] = [];
  let read: readonly Person[] = [];
  let look = Math.min(LOOK, Math.max(LOOK_MIN, limit + 1));
  for (let judged = 0; ; ) {
    const some = ids.slice(0, LOOK);
    const persons = read.length > 0 ? read : [...(await parts.store.personsOf(some)).values()];
    const fitting = await judge(parts.store, setup, search, persons);
    for (const [at, id] of some.entries()) {
      const one = fitting.get(id);
      if (one === undefined) continue;
      if (found.length === limit) {
        const left = ids.slice(at);
        return { found, rest: cursor === undefined ? { ids: left } : { ids: left, cursor } };
      }
      found.push(one);
    }
    judged += some.length;
    ids = ids.slice(some.length);
    if (ids.length > 0) continue;
    if (cursor === undefined) return { found };
    if (judged >= JUDGED_MAX) {
      if (found.length > 0) return { found, rest: { ids: [], cursor } };
      throw new MixError('pdq.too-wide', { detail: `more than ${JUDGED_MAX} candidates` });
    }
    const page = await parts.store.persons({ terms, limit: look, ...(cursor === START ? {} : { cursor }) });
    read = page.rows;
    ids = read.map(({ id }) => id);
    cursor = page.next;
    look = LOOK;
  }
}

/** No cursor of the store. */
const START = '';

/** By id or number at once; else from the store's beginning. */
async function startOf(
  store: Store,
  { id, numbers }: PatientCriteria,
  terms: readonly SearchTerm[],
): Promise<{ ids: string[]; cursor?: string | undefined }> {
  if (id !== undefined) return { ids: isUuid(id) ? [id] : [] };
  const exact = numbers.find((any) => any.every(({ system }) => system !== undefined));
  if (exact !== undefined) {
    const asked = exact.slice(0, DIRECT_MAX).map(({ system, value }) => ({ system: system ?? '', value }));
    const holders = await store.personsByIdentifier(asked);
    const ids = new Set(asked.map((one) => holders.get(tokenOf(one))).filter((holder) => holder !== undefined));
    // National numbers link nobody by themselves, and are found as words.
    if (ids.size > 0 || terms.length === 0) return { ids: [...ids] };
  }
  if (terms.length === 0) throw new MixError('pdq.too-wide');
  return { ids: [], cursor: START };
}

const isUuid = (text: string): boolean => /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(text);

/** Those who fit, by id. */
async function judge(
  store: Store,
  setup: ExchangeSetup,
  search: Search,
  candidates: readonly Person[],
): Promise<Map<string, FoundPerson>> {
  const { criteria, domains, from, sees } = search;
  // What stands in the person itself is asked first: its local patients need another look at the store.
  const ofPerson = { ...criteria, numbers: [], visit: [] };
  const persons = candidates.filter(
    (person) =>
      person.state === 'active' &&
      (sees === 'all' || mayAsk(setup, from, person)) &&
      fitsCriteria({ id: person.id, patient: person.patient, numbers: [], told: [] }, ofPerson),
  );
  const locals = await localsOf(store, persons);
  const fitting = new Map<string, FoundPerson>();
  persons.forEach((person, at) => {
    const all = numbersStanding(setup, person, locals[at]!);
    const told = [...locals[at]!.values()].filter(({ removed }) => !removed).map(({ body }) => body as Patient);
    const candidate = { id: person.id, patient: person.patient, numbers: all, told };
    const numbers = domains.length === 0 ? all : all.filter(({ system }) => domains.includes(system));
    // Whose last local patient was withdrawn is nobody for now.
    if (told.length > 0 && numbers.length > 0 && fitsCriteria(candidate, criteria))
      fitting.set(person.id, { person, numbers, told });
  });
  return fitting;
}

function localsOf(store: Store, persons: readonly Person[]): Promise<Map<string, Entry>[]> {
  return store.entriesByKeys(persons.map(({ id, identifiers }) => ({ personId: id, keys: identifiers.map(localKey) })));
}

/** One person as it is shown; undefined for nobody whom `from` may learn of. */
export async function findOne(
  parts: { store: Store },
  setup: ExchangeSetup,
  search: Omit<Search, 'criteria' | 'domains'>,
  id: string,
): Promise<FoundPerson | undefined> {
  const person = isUuid(id) ? await survivorOf(parts.store, id) : undefined;
  if (person === undefined || !(search.sees === 'all' || mayAsk(setup, search.from, person))) return undefined;
  const [locals] = await localsOf(parts.store, [person]);
  const told = [...locals!.values()].filter(({ removed }) => !removed).map(({ body }) => body as Patient);
  return told.length === 0 ? undefined : { person, numbers: numbersStanding(setup, person, locals!), told };
}
