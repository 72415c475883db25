/** What is on its way to others, as rows: made here, sent by `deliver.ts`. Pure. */
import type { Delivery, DeliveryKind, Job } from '../schemas/parts.ts';
import { uuidv7 } from './record/index.ts';

type NewJob = Omit<Job, 'attempts' | 'fence'>;

/** A delivery that waits. `thing` is the id of a person, document or message (UUID). */
export function newDelivery(
  what: { outlet: string; kind: DeliveryKind; thing: string; personId?: string },
  now: number,
): Delivery {
  const delivery: Delivery = {
    id: uuidv7(now),
    outlet: what.outlet,
    kind: what.kind,
    thing: what.thing,
    state: 'waiting',
    createdAt: now,
    attempts: 0,
  };
  if (what.personId !== undefined) delivery.personId = what.personId;
  return delivery;
}

/**
 * The job that sends a delivery. It keeps the order of its patient at its outlet, and of everybody named in `also` (the other person
 * of a merge, the numbers of a message without a person).
 */
export function deliverJob(delivery: Delivery, now: number, also: readonly string[] = []): NewJob {
  const about = [delivery.personId ?? (also.length > 0 ? [] : delivery.thing), also].flat();
  return {
    id: uuidv7(now),
    kind: `deliver/${delivery.outlet}`,
    subject: delivery.id,
    keys: about.map((one) => `deliver|${delivery.outlet}|${one}`),
    dueAt: now,
  };
}

/** The job that brings the node above up to date on a person: one a person, put off until the person is quiet. */
export function feedJob(personId: string, now: number, wait: { quietMs: number; latestMs: number }): NewJob {
  return {
    id: uuidv7(now),
    kind: 'feed',
    subject: personId,
    keys: [`feed|${personId}`],
    dueAt: now + wait.quietMs,
    latestAt: now + wait.latestMs,
  };
}

/** Deliveries with the jobs that send them, ready for {@link import('../schemas/parts.ts').Changes}. */
export function withJobs(deliveries: readonly Delivery[], now: number): { deliveries: Delivery[]; jobsNew: NewJob[] } {
  return { deliveries: [...deliveries], jobsNew: deliveries.map((one) => deliverJob(one, now)) };
}
