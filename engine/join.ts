/** Two persons of the index turn out to be one: a merge at a hospital, demographics that are complete at last, one MIX number for both. */
import { MixError } from '../schemas/errors/index.ts';
import type { Changes, Clock, Delivery, Entry, Identifier, Log, Person, Store } from '../schemas/parts.ts';
import { feedJob, newDelivery, withJobs } from './deliveries.ts';
import { type ExchangeSetup, mixSystem, nodeAbove } from './domains.ts';
import { joinPersons, withNumbers } from './link.ts';
import { commitUnit } from './receive.ts';
import { uuidv7 } from './record/index.ts';

interface JoinParts {
  store: Store;
  clock: Clock;
  log: Log;
}

/**
 * Joins two persons in a commit of its own: the older one stays, with the numbers, local patients and documents of both. The node above is fed both, and
 * everyone whose number changed is told. Nothing happens when they are one already. Answers with the survivor's id.
 */
export async function joinInOneCommit(
  parts: JoinParts,
  setup: ExchangeSetup,
  ids: readonly [string, string],
  why: string,
): Promise<string> {
  let survivorId = ids[0];
  await commitUnit(parts.store, async () => {
    const [one, other] = await Promise.all(ids.map((id) => survivorOf(parts.store, id)));
    if (one === undefined || other === undefined) throw new MixError('exchange.unknown-patient');
    survivorId = one.id;
    if (one.id === other.id) return undefined;
    const [ours, theirs] = await Promise.all(
      [one, other].map((person) => parts.store.entries(person.id, { removed: true })),
    );
    const now = parts.clock.now();
    const joined = joinPersons(
      { person: one, entries: ours ?? [] },
      { person: other, entries: theirs ?? [] },
      { messageId: uuidv7(now), now },
    );
    survivorId = joined.survivor.id;
    parts.log.info(
      { survivor: joined.survivor.id, retired: joined.retired.id, why },
      'two persons of the index are one',
    );
    return changesOf(setup, joined, why, now);
  });
  return survivorId;
}

/** The person, or whom it was merged into. */
export async function survivorOf(store: Store, id: string): Promise<Person | undefined> {
  let person = await store.person(id);
  for (let step = 0; step < 16 && person?.mergedInto !== undefined; step++)
    person = await store.person(person.mergedInto);
  return person;
}

function changesOf(
  setup: ExchangeSetup,
  { survivor, retired, changes }: ReturnType<typeof joinPersons>,
  why: string,
  now: number,
): Changes {
  const kept = setup.node.role === 'global' ? survivor : withOneOf(survivor, mixSystem(setup));
  const persons = changes.persons.map((one) => (one.person.id === survivor.id ? { ...one, person: kept } : one));
  const told = deliveriesDown(
    changes.entries.map(({ entry }) => entry),
    survivor.id,
    now,
  );
  const jobsNew = [...told.jobsNew];
  if (nodeAbove(setup) !== undefined)
    for (const id of [survivor.id, retired.id]) jobsNew.push(feedJob(id, now, setup.feed));
  return {
    persons,
    entries: changes.entries,
    identifiersGone: changes.identifiersGone,
    deliveries: told.deliveries,
    jobsNew,
    audit: [
      {
        at: now,
        who: 'node',
        action: 'update',
        outcome: 'joined',
        what: 'patient',
        thing: retired.id,
        personId: survivor.id,
        reason: why,
      },
    ],
  };
}

/** The person with the first number of a system only; which of two is right, the node above says. */
function withOneOf(person: Person, system: string): Person {
  let seen = false;
  const identifiers = person.identifiers.filter((one: Identifier) => {
    if (one.system !== system) return true;
    const first = !seen;
    seen = true;
    return first;
  });
  return identifiers.length === person.identifiers.length ? person : withNumbers(person, identifiers);
}

/** Tells the nodes that fed these local patients which numbers they have now. */
export function deliveriesDown(locals: Iterable<Entry>, personId: string, now: number): ReturnType<typeof withJobs> {
  const deliveries: Delivery[] = [];
  for (const entry of locals)
    if (entry.type === 'Patient' && !entry.removed)
      deliveries.push(newDelivery({ outlet: entry.sourceId, kind: 'numbers', thing: entry.id, personId }, now));
  return withJobs(deliveries, now);
}
