/**
 * Two persons become one (A40 and its like, chapter 3.3.40): what a merge adds to the changes of its message.
 */
import { MixError } from '../schemas/errors/index.ts';
import type { Changes, Clock, Entry, Identifier, Person, Store } from '../schemas/parts.ts';
import { identify, type KnownPersons, keyOfIdentifier } from './identify.ts';
import { type Draft, type DraftMerge, mergePersons, uuidv7 } from './record/index.ts';

interface MergeParts {
  store: Store;
  clock: Clock;
}

export type WithPersons = Changes & { persons: NonNullable<Changes['persons']> };

/** A40 and its like: the retired person's numbers and entries move to the survivor, whom the message's own patient segment names. */
export async function addMerges(
  parts: MergeParts,
  changes: WithPersons,
  draft: Draft,
  known: KnownPersons,
): Promise<Changes> {
  const merged: WithPersons = { ...changes, identifiersGone: [] };
  for (const merge of draft.merges) await addMerge(parts, merged, merge, known);
  if (merged.message !== undefined) {
    merged.message = {
      ...merged.message,
      personIds: merged.persons.map(({ person }) => person.id),
      wrote: (merged.entries ?? []).map(({ entry }) => ({ id: entry.id, type: entry.type, version: entry.version })),
    };
  }
  return merged;
}

async function addMerge(
  parts: MergeParts,
  changes: WithPersons,
  merge: DraftMerge,
  known: KnownPersons,
): Promise<void> {
  const own = changes.persons.find(({ person }) => holdsOneOf(person, merge.survivor));
  const survivorId = own?.person.id ?? identify(merge.survivor, known).personId;
  const survivor = own?.person ?? (survivorId === undefined ? undefined : await parts.store.person(survivorId));
  if (survivor === undefined) throw new MixError('record.no-merge-number', { place: merge.from });
  const expect = own?.expect ?? survivor.version;
  const retiredId = identify(merge.retired, known).personId;
  if (retiredId === survivor.id) return;
  const retired = retiredId === undefined ? undefined : await parts.store.person(retiredId);
  if (retired === undefined) {
    // Nobody is known under the old numbers: from now on they lead to the survivor.
    const identifiers = [...survivor.identifiers, ...merge.retired.filter((one) => !holdsOneOf(survivor, [one]))];
    const version = own !== undefined && own.person.version !== own.expect ? survivor.version : survivor.version + 1;
    putPerson(changes, { person: { ...survivor, identifiers, version }, expect, terms: own?.terms ?? [] });
    return;
  }
  const [ours, theirs] = await Promise.all([
    parts.store.entries(survivor.id, { removed: true }),
    parts.store.entries(retired.id, { removed: true }),
  ]);
  const joined = mergePersons(
    { person: survivor, entries: overlay(ours, changes.entries ?? [], survivor.id) },
    { person: retired, entries: theirs },
    { messageId: changes.message!.id, now: parts.clock.now() },
  );
  for (const one of joined.persons) putPerson(changes, one.person.id === survivor.id ? { ...one, expect } : one);
  changes.entries = overlayChanges(changes.entries ?? [], joined.entries);
  changes.identifiersGone = [...(changes.identifiersGone ?? []), ...joined.identifiersGone];
  changes.jobsNew = [...(changes.jobsNew ?? []), retirement(changes, retired.id, parts.clock.now())];
}

/** The job that supersedes the documents of who was merged away: due with the survivor's next document, at once where none is to come. */
function retirement(changes: Changes, personId: string, now: number): NonNullable<Changes['jobsNew']>[number] {
  const next = changes.jobsNew?.find(({ kind }) => kind === 'document');
  const dueAt = next?.dueAt ?? now;
  return {
    id: uuidv7(now),
    kind: 'document',
    subject: personId,
    keys: [`document|${personId}`],
    dueAt,
    latestAt: next?.latestAt ?? dueAt,
  };
}

function holdsOneOf(person: Person, identifiers: Identifier[]): boolean {
  const wanted = new Set(identifiers.map(keyOfIdentifier));
  return person.identifiers.some((one) => wanted.has(keyOfIdentifier(one)));
}

function putPerson(changes: WithPersons, change: WithPersons['persons'][number]): void {
  changes.persons = [...changes.persons.filter(({ person }) => person.id !== change.person.id), change];
}

/** A person's stored entries as this unit leaves them. */
function overlay(stored: Entry[], changed: NonNullable<Changes['entries']>, personId: string): Entry[] {
  const byId = new Map(stored.map((entry) => [entry.id, entry]));
  for (const { entry } of changed) if (entry.personId === personId) byId.set(entry.id, entry);
  return [...byId.values()];
}

function overlayChanges(
  first: NonNullable<Changes['entries']>,
  then: NonNullable<Changes['entries']>,
): NonNullable<Changes['entries']> {
  const byId = new Map(first.map((change) => [change.entry.id, change]));
  for (const change of then)
    byId.set(change.entry.id, { entry: change.entry, expect: byId.get(change.entry.id)?.expect ?? change.expect });
  return [...byId.values()];
}
