/**
 * Persons that this process wrote lately, as they stand in the database: what a message wants to know of its patient was most often written
 * by the one before it, and costs neither a search nor an unsealing then. Bodies are kept as the texts that were sealed.
 *
 * Only commits write here, after they are through and in their order, and one process owns the file (an older one is fenced), so what is
 * here is what the database says. Merged persons are not kept. Bounded; the longest unused go first.
 */
import type { Entry, Person } from '../../schemas/parts.ts';
import { type EntryFacts, entryOfText, factsOfPerson, type PersonFacts, personOfText } from '../record/index.ts';
import { keyToId } from './codec.ts';
import { latin } from './group.ts';
import type { CommitUnit, EntryUnit, PersonUnit } from './unit.ts';

interface HotEntry {
  facts: EntryFacts;
  /** The sealed text: key, body, origin. */
  text: string;
}

interface HotPerson {
  seq: number;
  facts: PersonFacts;
  /** The sealed text: identifiers, patient. */
  text: string;
  /** What the person is found by, as the row keeps it. */
  words: string;
  tokens: string[];
  entries: Map<string, HotEntry>;
  /** Every entry that the person has is here, so that what is not here is nowhere. */
  whole: boolean;
  size: number;
}

/** What the maps and objects of a person and of an entry take beside their texts, about. */
const personBytes = 1_200;
const entryBytes = 500;

export class Hot {
  readonly #bytesMax: number;
  readonly #persons = new Map<string, HotPerson>();
  /** Active persons here by the token of each number. */
  readonly #holders = new Map<string, string>();
  #bytes = 0;

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  person(id: string): Person | undefined {
    const hot = this.#use(id);
    return hot && personOfText(hot.facts, hot.text);
  }

  /** Who holds the number of this token, where that person is here. */
  holder(token: string): string | undefined {
    return this.#holders.get(token);
  }

  /** The entries under these keys, and the keys of which nothing is known here. */
  entries(personId: string, keys: readonly string[]): { found: Map<string, Entry>; unknown: string[] } {
    const hot = this.#use(personId);
    const found = new Map<string, Entry>();
    const unknown: string[] = [];
    for (const key of keys) {
      const entry = hot?.entries.get(key);
      if (entry) found.set(key, entryOfText(entry.facts, entry.text));
      else if (!hot?.whole) unknown.push(key);
    }
    return { found, unknown };
  }

  /** What a commit compares a person with. */
  facts(id: string): { seq: number; version: number; words: string } | undefined {
    const hot = this.#persons.get(id);
    return hot && { seq: hot.seq, version: hot.facts.version, words: hot.words };
  }

  /** The version of an entry of a person, where it is here. */
  entryVersion(personId: string, key: string, id: string): number | undefined {
    const facts = this.#persons.get(personId)?.entries.get(key)?.facts;
    return facts?.id === id ? facts.version : undefined;
  }

  /** Takes over what a commit wrote. */
  apply(unit: CommitUnit): void {
    if (unit.persons.length + unit.entries.length === 0) return;
    const plain = unit.identifiersGone.length === 0 && unit.entryVersions.length === 0;
    if (!plain || unit.persons.some((one) => one.person.state !== 'active')) {
      for (const { person } of unit.persons) this.drop(person.id);
      for (const { row } of unit.entries) this.drop(keyToId(row[1] as Buffer));
      return;
    }
    for (const person of unit.persons) this.#putPerson(person);
    for (const entry of unit.entries) this.#putEntry(entry);
    for (const [id] of this.#persons) {
      if (this.#bytes <= this.#bytesMax) return;
      this.drop(id);
    }
  }

  drop(id: string): void {
    const hot = this.#persons.get(id);
    if (!hot) return;
    this.#persons.delete(id);
    for (const token of hot.tokens) this.#holders.delete(token);
    this.#bytes -= hot.size;
  }

  #use(id: string): HotPerson | undefined {
    const hot = this.#persons.get(id);
    if (hot) {
      this.#persons.delete(id);
      this.#persons.set(id, hot);
    }
    return hot;
  }

  #putPerson(unit: PersonUnit): void {
    const { person, text } = unit;
    const before = this.#persons.get(person.id);
    const tokens = unit.tokens.map(latin);
    const hot: HotPerson = {
      seq: unit.seq,
      facts: factsOfPerson(person),
      text,
      words: latin(unit.wordsHash),
      tokens,
      entries: before?.entries ?? new Map<string, HotEntry>(),
      whole: before?.whole ?? unit.expect === 0,
      size: (before ? before.size - before.text.length : personBytes) + text.length,
    };
    for (const token of before?.tokens ?? []) this.#holders.delete(token);
    for (const token of tokens) this.#holders.set(token, person.id);
    this.#bytes += hot.size - (before?.size ?? 0);
    this.#persons.delete(person.id);
    this.#persons.set(person.id, hot);
  }

  #putEntry({ facts, text }: EntryUnit): void {
    const hot = this.#persons.get(facts.personId);
    if (!hot) return;
    const before = hot.entries.get(facts.key);
    const more = text.length - (before ? before.text.length : -entryBytes);
    hot.entries.set(facts.key, { facts, text });
    hot.size += more;
    this.#bytes += more;
  }
}
