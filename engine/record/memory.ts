/** A record without a store: what `convert` builds when it turns files into resources and documents. */
import type { Bundle, BundleEntry, Resource } from '@medplum/fhirtypes';
import type { Entry, Identifier, Person } from '../../schemas/parts.ts';
import type { Draft } from './draft.ts';
import { uuidv7 } from './ids.ts';
import { mergeRecord } from './merge.ts';
import { mergePersons } from './merge-persons.ts';
import { isStrong } from './numbers.ts';
import { timesUrl } from './patient.ts';

export interface MemoryRecord {
  /** Brings a draft in; gives the ids of the persons it was about. */
  apply(draft: Draft, from: { messageId: string; sourceId: string; now?: number }): string[];
  /** Every active person with the live entries, in the order they came. */
  records(): { person: Person; entries: Entry[] }[];
  persons(): Person[];
  person(id: string): Person | undefined;
  /** Live entries of a person, in the order they came. */
  entries(personId: string, options?: { removed?: boolean }): Entry[];
}

/** An empty record in memory. `newId` makes the ids of persons and entries (UUIDv7). */
export function createMemoryRecord(newId: () => string = uuidv7): MemoryRecord {
  const persons = new Map<string, Person>();
  const entriesOf = new Map<string, Map<string, Entry>>();
  const byNumber = new Map<string, string>();

  const find = (numbers: Identifier[]): string | undefined => {
    for (const number of numbers) {
      const id = isStrong(number) ? byNumber.get(`${number.system}|${number.value}`) : undefined;
      if (id !== undefined) return id;
    }
    return undefined;
  };
  const put = (person: Person): void => {
    persons.set(person.id, person);
    if (!entriesOf.has(person.id)) entriesOf.set(person.id, new Map());
    if (person.state === 'active')
      for (const number of person.identifiers)
        if (isStrong(number)) byNumber.set(`${number.system}|${number.value}`, person.id);
  };

  function join(draft: Draft, messageId: string, now: number): void {
    for (const merge of draft.merges) {
      const survivorId = find(merge.survivor);
      const retiredId = find(merge.retired);
      const survivor = survivorId === undefined ? undefined : persons.get(survivorId);
      if (!survivor) continue;
      if (retiredId === undefined) {
        put({ ...survivor, identifiers: [...survivor.identifiers, ...merge.retired] });
        continue;
      }
      if (retiredId === survivorId) continue;
      const merged = mergePersons(
        { person: survivor, entries: [...entriesOf.get(survivor.id)!.values()] },
        { person: persons.get(retiredId)!, entries: [...entriesOf.get(retiredId)!.values()] },
        { messageId, now },
      );
      entriesOf.get(retiredId)!.clear();
      for (const { person } of merged.persons) put(person);
      for (const { entry } of merged.entries) entriesOf.get(survivor.id)!.set(entry.key, entry);
    }
  }

  return {
    apply(draft, { messageId, sourceId, now = Date.now() }) {
      const ids: string[] = [];
      for (const subject of draft.subjects) {
        const personId = find(subject.identifiers) ?? newId();
        const known = { person: persons.get(personId), entries: entriesOf.get(personId) ?? new Map<string, Entry>() };
        const merged = mergeRecord(known, subject, {
          personId,
          sourceId,
          messageId,
          sourceTime: draft.sourceTime,
          now,
          newId,
        });
        put(merged.person);
        for (const { entry } of merged.entries) entriesOf.get(personId)!.set(entry.key, entry);
        ids.push(personId);
      }
      join(draft, messageId, now);
      return [...new Set(ids)];
    },
    records: () =>
      [...persons.values()]
        .filter(({ state }) => state === 'active')
        .map((person) => ({
          person,
          entries: [...entriesOf.get(person.id)!.values()].filter(({ removed }) => !removed),
        })),
    persons: () => [...persons.values()],
    person: (id) => persons.get(id),
    entries: (personId, wanted = {}) =>
      [...(entriesOf.get(personId)?.values() ?? [])].filter((entry) => wanted.removed || !entry.removed),
  };
}

/** A person's record as a FHIR Bundle of type collection, the Patient first. `base` is where the resources stand. */
export function toBundle(person: Person, entries: readonly Entry[], base = 'http://mix-hie.org/fhir/R4'): Bundle {
  const { meta, ...patient } = person.patient;
  const rest = meta?.extension?.filter((one) => one.url !== timesUrl) ?? [];
  const shownMeta = meta && { ...meta, extension: rest.length > 0 ? rest : undefined };
  const own: Resource =
    shownMeta && Object.values(shownMeta).some((value) => value !== undefined)
      ? { ...patient, meta: shownMeta }
      : patient;
  const entry: BundleEntry[] = [{ fullUrl: `${base}/Patient/${person.id}`, resource: own }];
  for (const { type, id, body } of entries) entry.push({ fullUrl: `${base}/${type}/${id}`, resource: body });
  return { resourceType: 'Bundle', type: 'collection', entry };
}
