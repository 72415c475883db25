/** Sends again what is parked or was refused: back into the queue with its own id, so that what may have arrived is done once. */
import { MixError } from '../schemas/errors/index.ts';
import type { Clock, Delivery, Store } from '../schemas/parts.ts';
import type { Resend, ResendAnswer } from '../schemas/portal-exchange.ts';
import type { Subject } from './admit.ts';
import { authorize } from './authorize.ts';
import { deliverJob } from './deliveries.ts';

export interface ResendParts {
  store: Store;
  clock: Clock;
  /** Ends the rest of an outlet, since a human wants it tried now. */
  wake(outlet: string): void;
}

/** Deliveries of one call; who has more calls again until nothing is left. */
const CALL_MAX = 500;

/**
 * Sends again the named deliveries, or those parked at an outlet, or (neither given) all that are parked. Each is authorized and audited
 * with the reason, in the commit of its effect. What waits or was sent already is left alone. Throws `policy.denied` at the first that
 * is not permitted, and `http.not-found` for an id that nobody has.
 */
export async function resendDeliveries(parts: ResendParts, ask: Resend, by: Subject): Promise<ResendAnswer> {
  const { store } = parts;
  const chosen = ask.ids === undefined ? await parkedAt(store, ask.outlet) : await named(store, ask.ids);
  // A refusal is told even where nothing is parked.
  if (chosen.length === 0) await authorize(parts, by, 'rerun', { type: 'delivery' }, ask.reason);
  for (const delivery of chosen) await resendOne(parts, delivery, by, ask.reason);
  for (const outlet of new Set(chosen.map((one) => one.outlet))) parts.wake(outlet);
  return { resent: chosen.length, left: await countLeft(store, ask) };
}

async function parkedAt(store: Store, outlet: string | undefined): Promise<Delivery[]> {
  const query = { state: 'parked' as const, limit: CALL_MAX };
  const { rows } = await store.deliveries(outlet === undefined ? query : { ...query, outlet });
  // The oldest of these first, as they were made.
  return rows.reverse();
}

async function named(store: Store, ids: readonly string[]): Promise<Delivery[]> {
  const found: Delivery[] = [];
  for (const id of [...new Set(ids)].slice(0, CALL_MAX)) {
    const delivery = await store.delivery(id);
    if (delivery === undefined) throw new MixError('http.not-found', { detail: 'delivery' });
    if (delivery.state === 'parked' || delivery.state === 'refused') found.push(delivery);
  }
  return found;
}

async function resendOne(parts: ResendParts, delivery: Delivery, by: Subject, reason: string): Promise<void> {
  const { store, clock } = parts;
  const now = clock.now();
  const { fault: _fault, ...rest } = delivery;
  const waiting: Delivery = { ...rest, state: 'waiting', nextAt: now };
  const job = deliverJob(waiting, now);
  const about = { type: 'delivery' as const, id: delivery.id };
  const thing = delivery.personId === undefined ? about : { ...about, personId: delivery.personId };
  if (await isMerge(store, delivery)) {
    // It still holds its place before what it keeps back.
    await authorize(parts, by, 'rerun', thing, reason, { deliveries: [waiting] });
    await store.requeue(job);
    return;
  }
  const together = { deliveries: [waiting], parkedSettled: delivery.id, jobsNew: [job] };
  await authorize(parts, by, 'rerun', thing, reason, together);
}

async function isMerge(store: Store, delivery: Delivery): Promise<boolean> {
  return delivery.kind === 'feed' && (await store.person(delivery.thing))?.state === 'merged';
}

async function countLeft(store: Store, ask: Resend): Promise<number> {
  if (ask.ids !== undefined) return Math.max(0, new Set(ask.ids).size - CALL_MAX);
  const query = { state: 'parked' as const, limit: 1 };
  return (await store.deliveries(ask.outlet === undefined ? query : { ...query, outlet: ask.outlet })).count;
}
