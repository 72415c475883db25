/**
 * Which person is this, here. The region and the global node answer later, by jobs of their own.
 *
 * Today by exact numbers: a number of a strong kind (medical record, patient internal) under its assigning authority. Demographic
 * matching stands in `engine/mpi` when it comes; until then two people are never joined by a guess.
 */
import type { Fault } from '../schemas/errors/index.ts';
import type { Identifier, Store } from '../schemas/parts.ts';
import { isStrong } from './record/index.ts';

/** Known persons by `system|value`, for one batch of drafts. */
export type KnownPersons = Map<string, string>;

export interface Identified {
  /** Undefined: nobody is known under these numbers. */
  personId?: string;
  /** The numbers that may be filed with this person: without those that are another's. */
  identifiers: Identifier[];
  faults: Fault[];
}

export const keyOfIdentifier = (identifier: { system: string; value: string }): string =>
  `${identifier.system}|${identifier.value}`;

/** One look-up for every number that a batch of drafts names. */
export function lookUpPersons(store: Store, identifiers: Iterable<Identifier>): Promise<KnownPersons> {
  const wanted = new Map<string, { system: string; value: string }>();
  for (const identifier of identifiers) {
    if (isStrong(identifier))
      wanted.set(keyOfIdentifier(identifier), { system: identifier.system, value: identifier.value });
  }
  return wanted.size === 0 ? Promise.resolve(new Map()) : store.personsByIdentifier([...wanted.values()]);
}

/**
 * The person whom these numbers name; the first number known wins, since the profile lists the most trusted first. A number that
 * leads to somebody else stays with them and is told: two people are joined by a merge (A40), never by the way.
 */
export function identify(identifiers: Identifier[], known: KnownPersons): Identified {
  const holders = identifiers.map((one) => (isStrong(one) ? known.get(keyOfIdentifier(one)) : undefined));
  const personId = holders.find((holder) => holder !== undefined);
  if (personId === undefined) return { identifiers, faults: [] };
  const own = identifiers.filter((_, at) => holders[at] === undefined || holders[at] === personId);
  if (own.length === identifiers.length) return { personId, identifiers, faults: [] };
  return { personId, identifiers: own, faults: [{ code: 'record.numbers-disagree', place: 'PID-3' }] };
}
