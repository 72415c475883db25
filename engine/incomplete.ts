/**
 * A record says 'incomplete' while a message that should have changed it waits for a human, so that nobody takes it for whole.
 */
import type { Changes, Identifier, KeptMessage, Person, Store } from '../schemas/parts.ts';
import { identify, type KnownPersons } from './identify.ts';
import { personTerms } from './record/index.ts';

/** Adds the mark to the person that a parked message is about, when one is known here. */
export async function markIncomplete(
  store: Store,
  parked: Changes,
  about: Identifier[],
  known: KnownPersons,
): Promise<Changes> {
  const { personId } = identify(about, known);
  const person = personId === undefined ? undefined : await store.person(personId);
  if (person === undefined) return parked;
  const marked: Changes = { ...parked };
  if (parked.message !== undefined) marked.message = { ...parked.message, personIds: [person.id] };
  if (!person.incomplete) marked.persons = [changedPerson(person, true)];
  return marked;
}

/** Takes the mark off when no other parked message is about the person any more. */
export async function clearIncomplete(
  store: Store,
  changes: Changes,
  message: KeptMessage,
  known: ReadonlyMap<string, Person>,
): Promise<Changes> {
  const persons = [...(changes.persons ?? [])];
  for (const personId of changes.message?.personIds ?? []) {
    const at = persons.findIndex(({ person }) => person.id === personId);
    const person = persons[at]?.person ?? known.get(personId);
    if (person?.incomplete !== true || (await isWaitedFor(store, person.id, message))) continue;
    if (at >= 0) persons[at] = { ...persons[at]!, person: { ...person, incomplete: false } };
    else persons.push(changedPerson(person, false));
  }
  return persons.length === 0 ? changes : { ...changes, persons };
}

/** Does another message than this one, or than the one that it corrects, wait about this person? */
async function isWaitedFor(store: Store, personId: string, message: KeptMessage): Promise<boolean> {
  const waiting = await store.messages({ personId, state: 'parked', limit: 3 });
  return waiting.rows.some((row) => row.id !== message.id && row.id !== message.correctedOf);
}

function changedPerson(person: Person, incomplete: boolean): NonNullable<Changes['persons']>[number] {
  return {
    person: { ...person, incomplete, version: person.version + 1 },
    expect: person.version,
    terms: personTerms(person.patient),
  };
}
