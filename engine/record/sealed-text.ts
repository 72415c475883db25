/**
 * Entries and persons that are known by the text that was, or will be, sealed: their bodies are read only when somebody asks for them,
 * and what is only passed on is never read and written again.
 */
import type { Patient, Resource } from '@medplum/fhirtypes';
import type { Entry, Identifier, Person } from '../../schemas/parts.ts';

export type EntryFacts = Omit<Entry, 'body'>;
export type PersonFacts = Omit<Person, 'identifiers' | 'patient'>;

/** By the object itself, so that a changed copy never carries the text of the first. */
const texts = new WeakMap<object, string>();

/** An entry whose body is read from its text ({@link textOfEntry}) when it is asked for. */
export function entryOfText(facts: EntryFacts, text: string): Entry {
  let body: Resource | undefined;
  const entry: Entry = {
    ...facts,
    get body() {
      body ??= (JSON.parse(text) as [string, Resource])[1];
      return body;
    },
  };
  texts.set(entry, text);
  return entry;
}

/** Key, body and origin of an entry as JSON. */
export function textOfEntry(entry: Entry): string {
  return texts.get(entry) ?? JSON.stringify([entry.key, entry.body, entry.from]);
}

export function factsOfEntry(entry: Entry): EntryFacts {
  const { id, personId, type, key, version, status, code, sourceId, messageId, sourceTime, removed } = entry;
  const facts: EntryFacts = {
    id,
    personId,
    type,
    key,
    version,
    status,
    code,
    sourceId,
    messageId,
    sourceTime,
    removed,
  };
  if (entry.from !== undefined) facts.from = entry.from;
  return facts;
}

/** A person whose demographics (and numbers, where they are not given) are read from their text ({@link textOfPerson}) when they are asked for. */
export function personOfText(facts: PersonFacts, text: string, identifiers?: Identifier[]): Person {
  let read: [Identifier[], Patient] | undefined;
  const open = (): [Identifier[], Patient] => {
    read ??= JSON.parse(text) as [Identifier[], Patient];
    return read;
  };
  const person: Person = {
    ...facts,
    get identifiers() {
      return identifiers ?? open()[0];
    },
    get patient() {
      return open()[1];
    },
  };
  texts.set(person, text);
  return person;
}

/** Numbers and demographics of a person as JSON. */
export function textOfPerson(person: Person): string {
  const known = texts.get(person);
  if (known !== undefined) return known;
  return JSON.stringify([person.identifiers, person.patient]);
}

export function factsOfPerson(person: Person): PersonFacts {
  const { id, version, state, createdAt, updatedAt, incomplete } = person;
  const facts: PersonFacts = { id, version, state, createdAt, updatedAt, incomplete };
  if (person.mergedInto !== undefined) facts.mergedInto = person.mergedInto;
  return facts;
}
