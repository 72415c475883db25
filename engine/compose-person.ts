/**
 * A person of the index as its local records make it: numbers, demographics and what it is found by. Pure, and of the records alone, so that whoever
 * leaves takes along what they brought.
 */
import type { Patient } from '@medplum/fhirtypes';
import type { IndexRecord, PersonSnapshot } from '../schemas/index-store.ts';
import type { Entry, Identifier, Person, SearchTerm } from '../schemas/parts.ts';
import { type ExchangeSetup, mixSystem, xpidSystem } from './domains.ts';
import { tokenOf } from './ihe/index.ts';
import { describes, isWithdrawn, nationalOf, withNumbers } from './link.ts';
import { personTerms } from './record/index.ts';

/** A local record with the facts as they were fed; without an entry nothing is known of it but its number. */
export interface Local {
  record: IndexRecord;
  entry?: Entry | undefined;
}

/** Type under which a person holds a number that another one has already: it names neither alone. */
const SHARED_TYPE = 'XX';
const termsMax = 200;

/**
 * The next version of a person. `known`: how it stands; `holders`: who has a number that several of these persons claim (`system|value` to person).
 */
export function composePerson(
  setup: Pick<ExchangeSetup, 'node' | 'organization' | 'oid'>,
  of: { id: string; known?: Person | undefined; locals: readonly Local[]; holders: ReadonlyMap<string, string> },
  now: number,
): { person: Person; terms: SearchTerm[] } {
  const locals = of.locals.toSorted((one, other) => byAge(one.record, other.record, of.id));
  const bodies = locals.flatMap(({ entry }) => (entry === undefined ? [] : [entry])).toSorted(newestFirst);
  const identifiers = numbersOfPerson(setup, of.id, locals, of.holders);
  const person: Person = {
    id: of.id,
    version: (of.known?.version ?? 0) + 1,
    state: 'active',
    createdAt: of.known?.createdAt ?? now,
    updatedAt: now,
    incomplete: of.known?.incomplete ?? false,
    identifiers,
    patient: demographicsOf(bodies, of.id),
  };
  const shown = withNumbers(
    person,
    identifiers,
    bodies.flatMap(({ body }) => nationalOf(body as Patient)),
  );
  const terms = new Map<string, SearchTerm>();
  const sources = [shown.patient, ...bodies.filter(({ removed }) => !removed).map(({ body }) => body as Patient)];
  for (const patient of sources)
    for (const term of personTerms(patient)) if (terms.size < termsMax) terms.set(`${term.field}|${term.text}`, term);
  return { person: shown, terms: [...terms.values()] };
}

/** The record that the person was made for first, the others as they came. */
function byAge(one: IndexRecord, other: IndexRecord, personId: string): number {
  const rank = ({ ownId, id }: IndexRecord): string => (ownId === personId ? '' : id);
  return rank(one) < rank(other) ? -1 : 1;
}

const newestFirst = (one: Entry, other: Entry): number =>
  Number(one.removed) - Number(other.removed) || other.sourceTime - one.sourceTime || (one.key < other.key ? -1 : 1);

function numbersOfPerson(
  setup: Pick<ExchangeSetup, 'node' | 'organization' | 'oid'>,
  personId: string,
  locals: readonly Local[],
  holders: ReadonlyMap<string, string>,
): Identifier[] {
  const numbers = new Map<string, Identifier>();
  const add = (one: Identifier): void => {
    const token = tokenOf(one);
    if (!numbers.has(token))
      numbers.set(token, (holders.get(token) ?? personId) === personId ? one : { ...one, type: SHARED_TYPE });
  };
  for (const { record } of locals) {
    const { system, value, type } = record.number;
    add({ system, value, type, sourceId: record.sourceId });
  }
  for (const { record } of locals) if (!isWithdrawn(record)) for (const one of record.numbers) add(one);
  // What the exchange gave last: of a system the first is in force, the others lead on.
  for (const one of givenNumbersOf(setup, locals)) add(one);
  const told = locals.flatMap(({ record }) => record.told);
  for (const system of new Set(told.map((one) => one.system))) add(told.find((one) => one.system === system)!);
  return [...numbers.values()];
}

/** The numbers that this node gave to the person and to those who lead to it: X-PIDs at a region, MIX numbers at the global node. */
function givenNumbersOf(
  setup: Pick<ExchangeSetup, 'node' | 'organization' | 'oid'>,
  locals: readonly Local[],
): Identifier[] {
  const sourceId = setup.node.name;
  return locals.flatMap(({ record: { ownId, ownNumber } }): Identifier[] => {
    if (setup.node.role === 'region')
      return ownId === undefined
        ? []
        : [{ system: xpidSystem(setup.organization.oid), value: ownId, type: 'PI', sourceId }];
    return ownNumber === undefined ? [] : [{ system: mixSystem(setup), value: ownNumber, type: 'PN', sourceId }];
  });
}

/** Elements as newest told; what the newest teller leaves out stays from who told it before. `deceased[x]` and its like are one element. */
export function demographicsOf(given: readonly Entry[], id: string): Patient {
  const entries = given.toSorted(newestFirst);
  const elements = new Map<string, Record<string, unknown>>();
  for (const { body } of entries) {
    const mine = new Map<string, Record<string, unknown>>();
    for (const [element, value] of Object.entries(describes(body as Patient))) {
      if (element === 'resourceType' || value === undefined) continue;
      const group = element.replace(/^_/, '').replace(/^(deceased|multipleBirth).*$/, '$1');
      mine.set(group, { ...mine.get(group), [element]: value });
    }
    for (const [group, values] of mine) if (!elements.has(group)) elements.set(group, values);
  }
  return Object.assign({ resourceType: 'Patient' as const, id }, ...elements.values()) as Patient;
}

/** The shell of a person who leads to another. */
export function leadingTo(person: Person, into: string, now: number): Person {
  return {
    ...person,
    version: person.version + 1,
    state: 'merged',
    mergedInto: into,
    updatedAt: now,
    identifiers: [],
    patient: {
      ...person.patient,
      active: false,
      link: [{ other: { reference: `Patient/${into}` }, type: 'replaced-by' }],
    },
  };
}

/** How the person is, for its history. */
export function snapshotOf(person: Person, locals: readonly Local[]): PersonSnapshot {
  const snapshot: PersonSnapshot = {
    state: person.state,
    records: locals.map(({ record: { id, sourceId, number }, entry }) => ({
      id,
      sourceId,
      system: number.system,
      value: number.value,
      version: entry?.version ?? 0,
    })),
    numbers: person.identifiers.map(({ system, value, type }) => ({ system, value, type })),
  };
  if (person.mergedInto !== undefined) snapshot.into = person.mergedInto;
  return snapshot;
}
