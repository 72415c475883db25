/** Keeps the node above up to date: which deliveries a changed person and a new document need. */
import type { Changes, Clock, Delivery, Job, Store } from '../schemas/parts.ts';
import { deliverJob, newDelivery } from './deliveries.ts';

export interface FeedParts {
  store: Store;
  clock: Clock;
}

type Sends = Required<Pick<Changes, 'deliveries' | 'jobsNew'>>;

const WAITING_READ_MAX = 100;

/**
 * Runs leased `feed` jobs: a delivery to the node above for each person, unless one that was not tried yet will say the same.
 * `above` undefined (a node without one): the jobs are done.
 */
export async function feedJobs(parts: FeedParts, above: string | undefined, jobs: Job[]): Promise<void> {
  const persons = above === undefined ? new Map() : await parts.store.personsOf(jobs.map((job) => job.subject));
  await Promise.all(
    jobs.map(async (job) => {
      const jobDone = { id: job.id, fence: job.fence };
      const person = persons.get(job.subject);
      const sends = person && above !== undefined ? await feedOf(parts, above, person) : undefined;
      await parts.store.commit({ jobDone, ...sends });
    }),
  );
}

async function feedOf(
  parts: FeedParts,
  above: string,
  person: { id: string; state: string; mergedInto?: string },
): Promise<Sends | undefined> {
  const personId = person.id;
  const now = parts.clock.now();
  const delivery = newDelivery({ outlet: above, kind: 'feed', thing: personId, personId }, now);
  if (person.state === 'merged' && person.mergedInto !== undefined) {
    // The survivor first, since the merge names them. It holds back both, so it never hides in an earlier feed of one.
    const into = person.mergedInto;
    const survivor = newDelivery({ outlet: above, kind: 'feed', thing: into, personId: into }, now);
    const jobsNew = [deliverJob(survivor, now), deliverJob(delivery, now, [into])];
    return { deliveries: [survivor, delivery], jobsNew };
  }
  const waiting = await waitingOf(parts.store, { outlet: above, personId, kind: 'feed' });
  if (waiting.some(isUntried)) return undefined;
  return { deliveries: [delivery], jobsNew: [deliverJob(delivery, now)] };
}

/** Its attempt is written down before the record is read, so what is not tried yet will say what is true now. */
function isUntried(delivery: Delivery): boolean {
  return delivery.attempts === 0;
}

async function waitingOf(
  store: Store,
  of: { outlet: string; personId: string; kind: Delivery['kind'] },
): Promise<Delivery[]> {
  return (await store.deliveries({ ...of, state: 'waiting', limit: WAITING_READ_MAX })).rows;
}

/** Does an earlier version of this person's documents wait untried? It would go as the newest version that is kept. */
export async function hasUntriedDocument(store: Store, above: string, personId: string): Promise<boolean> {
  return (await waitingOf(store, { outlet: above, personId, kind: 'document' })).some(isUntried);
}

/** A delivery of a document to the node above. */
export function documentDelivery(above: string, document: { id: string; personId: string }, now: number): Sends {
  const { id: thing, personId } = document;
  const delivery = newDelivery({ outlet: above, kind: 'document', thing, personId }, now);
  return { deliveries: [delivery], jobsNew: [deliverJob(delivery, now)] };
}

/** Deliveries for each kept current document of a person that was neither sent nor waits, in its newest version. */
export async function documentDeliveries(parts: FeedParts, above: string, personId: string): Promise<Sends> {
  const { store } = parts;
  const documents = await store.documents(personId);
  const waiting = await waitingOf(store, { outlet: above, personId, kind: 'document' });
  const setOf = new Map(documents.map((one) => [one.id, one.setId]));
  const untried = new Set(waiting.filter(isUntried).map((one) => setOf.get(one.thing)));
  const now = parts.clock.now();
  const sends: Sends = { deliveries: [], jobsNew: [] };
  for (const document of documents) {
    if (document.state !== 'current' || untried.has(document.setId)) continue;
    const known = await store.deliveries({ outlet: above, thing: document.id, kind: 'document', limit: 1 });
    if (known.rows.length > 0) continue;
    const one = documentDelivery(above, document, now);
    sends.deliveries.push(...one.deliveries);
    sends.jobsNew.push(...one.jobsNew);
  }
  return sends;
}
