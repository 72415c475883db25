/** Whom a person of the index was merged into. */
import type { Person, Store } from '../schemas/parts.ts';

/** Merges of merges that are followed. */
const MERGES_MAX = 16;

/** The person, or whom it was merged into. */
export async function survivorOf(store: Store, id: string): Promise<Person | undefined> {
  let person = await store.person(id);
  for (let step = 0; step < MERGES_MAX && person?.mergedInto !== undefined; step++)
    person = await store.person(person.mergedInto);
  return person;
}
