/** Reads for the processing of messages: from the persons that were written lately, and from the database what is not among them. */
import type { Entry, Person } from '../../schemas/parts.ts';
import { latin } from './group.ts';
import type { Hot } from './hot.ts';
import type { ReadParts } from './read-messages.ts';
import { readEntriesByKeys, readPersons, readPersonsByIdentifier } from './read-records.ts';
import { domains, identifierText } from './unit.ts';

/** Survivors that hold any of the numbers, by `system|value` as asked. */
export async function findPersonsByIdentifier(
  parts: ReadParts,
  hot: Hot,
  ids: readonly { system: string; value: string }[],
): Promise<Map<string, string>> {
  const tokens = latin(
    parts.seal.tokens(
      domains.identifier,
      ids.map((one) => identifierText(one.system, one.value)),
    ),
  );
  const found = new Map<string, string>();
  const unknown = ids.filter(({ system, value }, i) => {
    const holder = hot.holder(tokens.slice(i * 12, i * 12 + 12));
    if (holder !== undefined) found.set(`${system}|${value}`, holder);
    return holder === undefined;
  });
  if (unknown.length > 0)
    for (const [key, holder] of await readPersonsByIdentifier(parts, unknown)) found.set(key, holder);
  return found;
}

export async function findPersons(parts: ReadParts, hot: Hot, ids: readonly string[]): Promise<Map<string, Person>> {
  const found = new Map<string, Person>();
  const unknown = ids.filter((id) => {
    const person = hot.person(id);
    if (person) found.set(id, person);
    return person === undefined;
  });
  if (unknown.length > 0) for (const [id, person] of await readPersons(parts, unknown)) found.set(id, person);
  return found;
}

/** Entries by natural keys for many persons, in the order asked. */
export async function findEntriesByKeys(
  parts: ReadParts,
  hot: Hot,
  wanted: readonly { personId: string; keys: string[] }[],
): Promise<Map<string, Entry>[]> {
  const unknown: { personId: string; keys: string[]; found: Map<string, Entry> }[] = [];
  const all = wanted.map(({ personId, keys }) => {
    const known = hot.entries(personId, keys);
    if (known.unknown.length > 0) unknown.push({ personId, keys: known.unknown, found: known.found });
    return known.found;
  });
  if (unknown.length > 0) {
    const read = await readEntriesByKeys(parts, unknown);
    unknown.forEach(({ found }, i) => {
      for (const [key, entry] of read[i]!) found.set(key, entry);
    });
  }
  return all;
}
