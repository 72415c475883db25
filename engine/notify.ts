/**
 * Who hears when the numbers of a person change (PIX Update Notification, ITI-10). Whatever changes them, by a feed, a merge, a decision of a person or the
 * node above, writes persons and local patients through the store: there, in the same commit, a delivery is added for each subscriber whose domains
 * it touches. What it says is read when it goes out; retry and parking are those of every delivery.
 */
import { MixError } from '../schemas/errors/index.ts';
import type { Changes, Clock, Delivery, Entry, Identifier, Person, Store } from '../schemas/parts.ts';
import type { Authorities } from './authorities.ts';
import { deliverJob, newDelivery } from './deliveries.ts';
import type { ExchangeSetup } from './domains.ts';
import { buildNotification } from './hl7v2/index.ts';
import { localKey } from './link.ts';
import { controlIdOf } from './outbound/index.ts';
import type { Payload } from './send.ts';
import { numbersInForce, numbersStanding } from './standing.ts';

/** Who wants to hear of which domains (`pix.subscriptions`). */
export interface Subscription {
  outlet: string;
  /** URIs. */
  systems: ReadonlySet<string>;
  /** MSH-5 and MSH-6 of what it is sent. */
  receiver: { application: string; facility: string };
}

export interface NotifyOptions {
  subscriptions: readonly Subscription[];
  /** Sources that speak HL7 v2: numbers are not told to them as to a node (ITI-104); they hear of them where they subscribed. */
  sources: ReadonlySet<string>;
}

/** The settings' subscriptions. */
export function subscriptionsOf(
  subscriptions: readonly { outlet: string; domains: string }[],
  outlets: readonly { name: string; application?: string; facility?: string }[],
): Subscription[] {
  return subscriptions.map(({ outlet, domains }) => {
    const { application = '', facility = '' } = outlets.find(({ name }) => name === outlet) ?? {};
    const systems = domains.split(/\s+/).filter((one) => one !== '');
    return {
      outlet,
      systems: new Set(systems.map((one) => (one.includes(':') ? one : `urn:oid:${one}`))),
      receiver: { application, facility },
    };
  });
}

/** The store, with what is to be told added to each commit that changes persons. Everything else passes as it is. */
export function notifyingStore<T extends Store>(
  store: T,
  clock: Clock,
  setup: ExchangeSetup,
  options: NotifyOptions,
): T {
  if (options.subscriptions.length === 0 && options.sources.size === 0) return store;
  const commit = async (changes: Changes): Promise<void> =>
    store.commit(await withNotices(store, clock, setup, options, changes));
  const bound = new Map<PropertyKey, unknown>([['commit', commit]]);
  return new Proxy(store, {
    get(target, key) {
      const known = bound.get(key);
      if (known !== undefined) return known;
      const value: unknown = Reflect.get(target, key, target);
      if (typeof value !== 'function') return value;
      const method: unknown = value.bind(target);
      bound.set(key, method);
      return method;
    },
  });
}

async function withNotices(
  store: Store,
  clock: Clock,
  setup: ExchangeSetup,
  options: NotifyOptions,
  changes: Changes,
): Promise<Changes> {
  const spared = withoutSources(changes, options.sources);
  if (options.subscriptions.length === 0) return spared;
  const deliveries: Delivery[] = [];
  const now = clock.now();
  for (const [id, after] of changedPersons(changes)) {
    const known = await numbersBefore(store, setup, id);
    const next = await numbersAfter(store, setup, changes, id, after);
    for (const { outlet, systems } of options.subscriptions) {
      const told = inDomains(next, systems);
      if (told !== '' && told !== inDomains(known, systems))
        deliveries.push(newDelivery({ outlet, kind: 'notice', thing: id, personId: id }, now));
    }
  }
  if (deliveries.length === 0) return spared;
  return {
    ...spared,
    deliveries: [...(spared.deliveries ?? []), ...deliveries],
    jobsNew: [...(spared.jobsNew ?? []), ...deliveries.map((one) => deliverJob(one, now))],
  };
}

/** Numbers for a source that is no node have nowhere to go. */
function withoutSources(changes: Changes, sources: ReadonlySet<string>): Changes {
  const { deliveries, jobsNew } = changes;
  if (sources.size === 0 || !deliveries?.some(({ outlet, kind }) => kind === 'numbers' && sources.has(outlet)))
    return changes;
  const dropped = new Set(
    deliveries.filter(({ outlet, kind }) => kind === 'numbers' && sources.has(outlet)).map(({ id }) => id),
  );
  return {
    ...changes,
    deliveries: deliveries.filter(({ id }) => !dropped.has(id)),
    jobsNew: (jobsNew ?? []).filter(({ subject }) => !dropped.has(subject)),
  };
}

/** Active persons that this commit writes, or to whom it writes a local patient, by id. */
function changedPersons(changes: Changes): Map<string, Person | undefined> {
  const persons = new Map<string, Person | undefined>();
  for (const { entry } of changes.entries ?? []) if (entry.type === 'Patient') persons.set(entry.personId, undefined);
  for (const { person } of changes.persons ?? []) persons.set(person.id, person);
  for (const [id, person] of persons) if (person?.state === 'merged') persons.delete(id);
  return persons;
}

async function numbersBefore(store: Store, setup: ExchangeSetup, id: string): Promise<Identifier[]> {
  const person = await store.person(id);
  return person === undefined || person.state !== 'active' ? [] : numbersInForce({ store }, setup, person);
}

/** The numbers as they will stand, with the local patients that this commit writes over those that are there. */
async function numbersAfter(
  store: Store,
  setup: ExchangeSetup,
  changes: Changes,
  id: string,
  written: Person | undefined,
): Promise<Identifier[]> {
  const person = written ?? (await store.person(id));
  if (person === undefined || person.state !== 'active') return [];
  const locals = new Map<string, Entry>(await store.entriesByKey(id, person.identifiers.map(localKey)));
  for (const { entry } of changes.entries ?? [])
    if (entry.type === 'Patient' && entry.personId === id) locals.set(entry.key, entry);
  return numbersStanding(setup, person, locals);
}

const inDomains = (numbers: readonly Identifier[], systems: ReadonlySet<string>): string =>
  numbers
    .filter(({ system }) => systems.has(system))
    .map(({ system, value }) => `${system}|${value}`)
    .sort()
    .join('\n');

/** ADT^A31 as the numbers are now; undefined when there is nobody, or nothing of its domains, to tell of any more. */
export async function noticePayload(
  parts: { store: Store; now(): number; authorities: Authorities },
  about: { setup: ExchangeSetup; subscription: Subscription | undefined; node: string },
  delivery: Delivery,
): Promise<Payload | undefined> {
  const { setup, subscription, node } = about;
  if (subscription === undefined) throw new MixError('outlet.unknown', { place: delivery.outlet });
  const person = await parts.store.person(delivery.thing);
  if (person === undefined || person.state !== 'active') return undefined;
  const numbers = (await numbersInForce(parts, setup, person)).filter(({ system }) => subscription.systems.has(system));
  if (numbers.length === 0) return undefined;
  const bytes = buildNotification({
    numbers: numbers.map(parts.authorities.written),
    sender: { application: 'MIX', facility: setup.node.name },
    receiver: subscription.receiver,
    controlId: controlIdOf(delivery.id, node),
    now: parts.now(),
  });
  return { bytes, name: 'ADT^A31' };
}
