/** Withdraws a document that should not be where it is (wrong patient, persons that were parted again): whoever got it is told. */
import { MixError } from '../schemas/errors/index.ts';
import type { Changes, Clock, Delivery, Job, Store, StoredDocument } from '../schemas/parts.ts';
import type { Subject } from './admit.ts';
import { authorize } from './authorize.ts';
import { newDelivery, withJobs } from './deliveries.ts';
import { uuidv7 } from './record/index.ts';

export interface WithdrawParts {
  store: Store;
  clock: Clock;
  /** Names of the nodes that this one talks to: whom a document may have been disclosed to. */
  nodes: readonly string[];
}

const PAGE = 500;
const PAGES_MAX = 100;
/** Versions that are looked through for the last that arrived. */
const VERSIONS_MAX = 50;

/**
 * Marks a kept document as deprecated; each node that got it, or may have, is told by a job. The reason stands in the audit alone. Done
 * once: a second call finds nothing to do. Throws `exchange.unknown-document`, `policy.denied`.
 */
export async function withdrawDocument(
  parts: Pick<WithdrawParts, 'store' | 'clock'>,
  documentId: string,
  by: Subject,
  reason: string,
): Promise<void> {
  const document = await parts.store.document(documentId);
  if (document === undefined) throw new MixError('exchange.unknown-document', { place: 'document' });
  const thing = { type: 'document' as const, id: documentId, personId: document.personId };
  const together = document.state === 'deprecated' ? {} : withdrawal(documentId, 'deprecated', parts.clock.now());
  await authorize(parts, by, 'configure', thing, reason, together);
}

/**
 * The changes that withdraw a document: its state, and the job that tells everybody who got it. `superseded` is for one that another
 * person's document speaks for now, `deprecated` for one that should not be where it is.
 */
export function withdrawal(
  documentId: string,
  state: 'deprecated' | 'superseded',
  now: number,
): Required<Pick<Changes, 'documentStates' | 'jobsNew'>> {
  return { documentStates: [{ id: documentId, state }], jobsNew: [recallJob(documentId, now)] };
}

/**
 * The job that tells whoever got a document that it is withdrawn. Who that is can only be told after the withdrawal is kept: a delivery or
 * retrieval writes down that it happens and then reads the state, so it either stands there by then or sees the document withdrawn.
 */
export function recallJob(thing: string, now: number): NonNullable<Changes['jobsNew']>[number] {
  return { id: uuidv7(now), kind: 'recall', subject: thing, keys: [`recall|${thing}`], dueAt: now };
}

/**
 * Runs leased `recall` jobs: a `withdraw` delivery for each that got the document, but for the node that it came from. Who only got an
 * earlier version of it still shows that one as current, so that is withdrawn there as well.
 */
export async function recallDocuments(parts: WithdrawParts, jobs: readonly Job[]): Promise<void> {
  const { store, clock } = parts;
  const entries = await store.entriesById(jobs.map((job) => job.subject));
  for (const job of jobs) {
    const entry = entries.get(job.subject);
    const personId = entry?.personId ?? (await store.document(job.subject))?.personId;
    const got = personId === undefined ? [] : await whoGotWhat(parts, { id: job.subject, personId });
    const now = clock.now();
    const deliveries = got
      .filter(({ outlet }) => outlet !== entry?.sourceId)
      .map(({ outlet, thing }) => newDelivery({ outlet, kind: 'withdraw', thing, personId: personId! }, now));
    await store.commit({ jobDone: { id: job.id, fence: job.fence }, ...withJobs(deliveries, now) });
  }
}

/** Recipients of a document, and of each version before it those that may show it as the newest: up to the last that surely arrived. */
async function whoGotWhat(
  parts: WithdrawParts,
  document: Pick<StoredDocument, 'id' | 'personId'>,
): Promise<{ outlet: string; thing: string }[]> {
  const got: { outlet: string; thing: string }[] = [];
  const arrived = new Set<string>();
  const all = await parts.store.documents(document.personId);
  const named = all.find(({ id }) => id === document.id);
  const versions = all
    .filter((one) => one.setId === named?.setId && one.version < named.version)
    .sort((a, b) => b.version - a.version)
    .slice(0, VERSIONS_MAX);
  for (const { id } of [document, ...versions]) {
    const deliveries = await deliveriesOf(parts, id);
    for (const outlet of new Set(deliveries.filter(mayHaveArrived).map((one) => one.outlet)))
      if (!arrived.has(outlet)) got.push({ outlet, thing: id });
    for (const one of deliveries) if (one.state === 'sent') arrived.add(one.outlet);
  }
  for (const outlet of await retrieversOf(parts, document))
    if (!got.some((one) => one.outlet === outlet && one.thing === document.id))
      got.push({ outlet, thing: document.id });
  return got.sort((a, b) => (a.outlet < b.outlet ? -1 : a.outlet > b.outlet ? 1 : 0));
}

async function deliveriesOf(parts: Pick<WithdrawParts, 'store'>, documentId: string): Promise<Delivery[]> {
  const deliveries: Delivery[] = [];
  await eachPage(
    (cursor) => parts.store.deliveries({ thing: documentId, kind: 'document', limit: PAGE, ...cursor }),
    (delivery) => deliveries.push(delivery),
  );
  return deliveries;
}

/** Nodes that retrieved a document, by the audit. */
async function retrieversOf(
  parts: Pick<WithdrawParts, 'store' | 'nodes'>,
  document: Pick<StoredDocument, 'id' | 'personId'>,
): Promise<string[]> {
  const names = new Set<string>();
  const { personId } = document;
  await eachPage(
    (cursor) => parts.store.audit({ personId, action: 'disclose', limit: PAGE, ...cursor }),
    (entry) => {
      if (entry.thing === document.id && entry.outcome === 'Permit' && parts.nodes.includes(entry.who))
        names.add(entry.who);
    },
  );
  return [...names];
}

function mayHaveArrived(delivery: Delivery): boolean {
  return delivery.state === 'sent' || delivery.attempts > 0;
}

async function eachPage<T>(
  read: (cursor: { cursor?: string }) => Promise<{ rows: T[]; next?: string }>,
  take: (row: T) => void,
): Promise<void> {
  let cursor: { cursor?: string } = {};
  for (let page = 0; page < PAGES_MAX; page += 1) {
    const { rows, next } = await read(cursor);
    rows.forEach(take);
    if (next === undefined) return;
    cursor = { cursor: next };
  }
  throw new MixError('store.busy', { detail: 'more recipients than can be read' });
}
