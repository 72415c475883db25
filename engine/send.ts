/**
 * One delivery, from its job to its end: is it still wanted, may it go, what does it say now, send, what did the receiver mean, one commit.
 *
 * What was tried once is tried until it was answered, since its effect may be there already; the receiver knows its id and does it once.
 * What was never tried gives way to what is newer.
 */
import { type Fault, MixError } from '../schemas/errors/index.ts';
import type { Peer, PeerAnswer, PeerRequest } from '../schemas/exchange.ts';
import type { Changes, Clock, Delivery, Job, Log, Outlet, Store, StoredDocument } from '../schemas/parts.ts';
import { nodeSubject } from './admit.ts';
import { authorize, type ResourceType } from './authorize.ts';
import { deliverJob, newDelivery } from './deliveries.ts';
import { documentDelivery } from './feed.ts';
import { judgeAnswer, judgeFault, type Verdict } from './outbound/index.ts';

/** What a delivery says: a request to a node, or bytes for another outlet. `name` is for a file; it holds no patient data. */
export type Payload = { request: PeerRequest } | { bytes: Buffer; name: string };

export interface SendParts {
  store: Store;
  clock: Clock;
  log: Log;
  peer(name: string): Peer | undefined;
  outlet(name: string): Outlet | undefined;
  /**
   * What a delivery says as things are now; undefined when there is nothing (left) to say. `replaces` is the document of the same set
   * that the receiver got last.
   */
  payloadOf(delivery: Delivery, about: { replaces?: string }): Promise<Payload | undefined>;
  /** What the answer to a feed changes here (numbers that came back). Throws `exchange.answer` when it can not be read. */
  takeAnswer?(delivery: Delivery, answer: PeerAnswer): Promise<Changes>;
}

/** How a delivery ended, for the breaker of its outlet. */
export type Ending =
  /** Nothing was sent. */
  { is: 'unsent' } | { is: 'answered' } | { is: 'failed'; fault: Fault; restMs?: number };

export interface SendRules {
  /** Age in ms at which a delivery that fails is parked. */
  giveUpMs: number;
  /** When to try again, given that this one failed just now (ms since the epoch). */
  dueAfter(failed: { attempts: number; ending: Ending; ofOutlet: boolean }): number;
}

interface Work {
  job: Job;
  delivery: Delivery;
}

const RACES_MAX = 5;
/** Times that an unknown patient is fed and the delivery sent again, before a human is asked. */
const FEEDS_FIRST_MAX = 3;

/** Runs a leased `deliver` job to its end. Never throws for what the receiver does. */
export async function sendOne(parts: SendParts, rules: SendRules, job: Job): Promise<Ending> {
  const found = await parts.store.delivery(job.subject);
  if (found === undefined || found.state === 'sent' || found.state === 'superseded') {
    await commitEnd(parts, { jobDone: refOf(job) });
    return { is: 'unsent' };
  }
  const delivery = await currentOf(parts.store, found);
  if (delivery === undefined) return supersede(parts, { job, delivery: found });
  const work = { job, delivery };
  try {
    const tried = await permit(parts, delivery);
    await sendNewerToo(parts, tried);
    const payload = await parts.payloadOf(tried, await lastSent(parts.store, tried));
    if (payload === undefined) return await supersede(parts, { job, delivery: tried });
    return await settle(parts, rules, { job, delivery: tried }, await ask(parts, tried, payload));
  } catch (cause) {
    return settleFault(parts, rules, work, cause);
  }
}

/** What was never tried goes as its newest version; undefined where that is on its way already, or nothing is left of it. */
async function currentOf(store: Store, delivery: Delivery): Promise<Delivery | undefined> {
  if (delivery.kind !== 'document' || delivery.attempts > 0 || delivery.personId === undefined) return delivery;
  const all = await store.documents(delivery.personId);
  const document = all.find((one) => one.id === delivery.thing);
  if (document === undefined || document.state === 'deprecated') return undefined;
  if (document.state === 'current') return delivery;
  const current = all.find((one) => one.setId === document.setId && one.state === 'current');
  if (current === undefined) return undefined;
  const { outlet } = delivery;
  const known = await store.deliveries({ outlet, thing: current.id, kind: 'document', limit: 1 });
  return known.rows.length > 0 ? undefined : { ...delivery, thing: current.id };
}

/**
 * A newer version may have been kept while the try was written down, by somebody who counted on this delivery to bring it: whoever comes
 * second of the two sees the other, so here the newer one gets a delivery of its own, unless it has one.
 */
async function sendNewerToo(parts: SendParts, delivery: Delivery): Promise<void> {
  if (delivery.kind !== 'document' || delivery.personId === undefined) return;
  const current = await newestOf(parts.store, delivery.personId, delivery.thing);
  if (current === undefined || current.id === delivery.thing) return;
  const { outlet } = delivery;
  const known = await parts.store.deliveries({ outlet, thing: current.id, kind: 'document', limit: 1 });
  if (known.rows.length === 0) await parts.store.commit(documentDelivery(outlet, current, parts.clock.now()));
}

/** The current version of the set that a document belongs to. */
async function newestOf(
  store: Store,
  personId: string,
  documentId: string,
): Promise<Omit<StoredDocument, 'bytes' | 'signature'> | undefined> {
  const all = await store.documents(personId);
  const setId = all.find((one) => one.id === documentId)?.setId;
  return all.find((one) => one.setId === setId && one.state === 'current');
}

/** The document of the same set that this outlet got last. */
async function lastSent(store: Store, delivery: Delivery): Promise<{ replaces?: string }> {
  const { personId, outlet, thing } = delivery;
  if (delivery.kind !== 'document' || personId === undefined) return {};
  const all = await store.documents(personId);
  const document = all.find((one) => one.id === thing);
  if (document === undefined || document.version <= 1) return {};
  const earlier = all
    .filter((one) => one.setId === document.setId && one.version < document.version)
    .sort((a, b) => b.version - a.version)
    .slice(0, EARLIER_MAX);
  for (const one of earlier) if (await wasSent(store, outlet, one)) return { replaces: one.id };
  return {};
}

const EARLIER_MAX = 50;

async function wasSent(store: Store, outlet: string, document: Pick<StoredDocument, 'id'>): Promise<boolean> {
  const sent = await store.deliveries({ outlet, thing: document.id, kind: 'document', state: 'sent', limit: 1 });
  return sent.rows.length > 0;
}

const TYPE_OF: Record<Delivery['kind'], ResourceType> = {
  feed: 'patient',
  numbers: 'patient',
  document: 'document',
  withdraw: 'document',
  notice: 'patient',
  message: 'message',
};

/** Asks the policies and writes down, in one commit, that it is tried now. From here on it may have arrived. */
async function permit(parts: SendParts, delivery: Delivery): Promise<Delivery> {
  const { nextAt: _next, ...rest } = delivery;
  const tried: Delivery = { ...rest, state: 'waiting', attempts: delivery.attempts + 1, lastAt: parts.clock.now() };
  const thing = { type: TYPE_OF[delivery.kind], id: delivery.thing };
  const about = delivery.personId === undefined ? thing : { ...thing, personId: delivery.personId };
  await authorize(parts, nodeSubject, 'disclose', about, `to ${delivery.outlet}`, { deliveries: [tried] });
  return tried;
}

type Asked = { verdict: Verdict; answer?: PeerAnswer };

async function ask(parts: SendParts, delivery: Delivery, payload: Payload): Promise<Asked> {
  if ('request' in payload) {
    const peer = parts.peer(delivery.outlet);
    if (peer === undefined) throw new MixError('outlet.unknown', { place: delivery.outlet });
    const answer = await peer.ask({ ...payload.request, deliveryId: delivery.id });
    const verdict = judgeAnswer(answer, parts.clock.now());
    // What is not there can not be withdrawn: nothing of it is left to tell.
    if (delivery.kind === 'withdraw' && verdict.is !== 'sent' && answer.status === 404)
      return { verdict: { is: 'sent', receipt: 'not there' } };
    return { verdict, answer };
  }
  const outlet = parts.outlet(delivery.outlet);
  if (outlet === undefined) throw new MixError('outlet.unknown', { place: delivery.outlet });
  const { receipt } = await outlet.send({ bytes: payload.bytes, name: payload.name, deliveryId: delivery.id });
  return { verdict: { is: 'sent', receipt } };
}

async function settleFault(parts: SendParts, rules: SendRules, work: Work, cause: unknown): Promise<Ending> {
  const fault: Fault =
    cause instanceof MixError
      ? cause.fault
      : { code: 'record.unexpected', detail: cause instanceof Error ? cause.name : typeof cause };
  if (fault.code === 'store.fenced') return { is: 'unsent' };
  // Read again: an attempt may have been written down since.
  const delivery = (await parts.store.delivery(work.delivery.id)) ?? work.delivery;
  if (fault.code === 'policy.denied') {
    const refused: Delivery = { ...delivery, state: 'refused', fault };
    const jobParked = { ...refOf(work.job), fault, blocks: false };
    return commitEnd(parts, { jobParked, deliveries: [refused] }, { is: 'unsent' });
  }
  return settle(parts, rules, { job: work.job, delivery }, { verdict: judgeFault(fault) });
}

async function settle(parts: SendParts, rules: SendRules, work: Work, asked: Asked): Promise<Ending> {
  const { verdict } = asked;
  if (verdict.is === 'sent') return settleSent(parts, rules, work, verdict.receipt, asked.answer);
  if (verdict.is === 'parked') return park(parts, work, verdict.fault, { is: 'answered' });
  if (verdict.is === 'feed-first') return feedFirst(parts, work, verdict.fault);
  return settleLater(parts, rules, work, verdict);
}

async function settleSent(
  parts: SendParts,
  rules: SendRules,
  work: Work,
  receipt: string | undefined,
  answer: PeerAnswer | undefined,
): Promise<Ending> {
  const { fault: _fault, nextAt: _next, ...rest } = work.delivery;
  const sent: Delivery = { ...rest, state: 'sent' };
  if (receipt !== undefined) sent.receipt = receipt;
  for (let race = 0; ; race += 1) {
    try {
      const taken = answer === undefined ? {} : ((await parts.takeAnswer?.(sent, answer)) ?? {});
      const deliveries = [...(taken.deliveries ?? []), sent];
      await parts.store.commit({ ...taken, jobDone: refOf(work.job), deliveries });
      return { is: 'answered' };
    } catch (cause) {
      const code = cause instanceof MixError ? cause.fault.code : undefined;
      if (code === 'store.conflict' && race < RACES_MAX) continue;
      if (code === 'store.fenced') return { is: 'answered' };
      if (code === 'exchange.answer') return park(parts, work, (cause as MixError).fault, { is: 'answered' });
      // Its effect is there; what came back is asked for again, and the receiver answers as it did.
      const fault: Fault = cause instanceof MixError ? cause.fault : { code: 'record.unexpected' };
      return settleLater(parts, rules, work, { is: 'later', fault, ofOutlet: false });
    }
  }
}

async function settleLater(
  parts: SendParts,
  rules: SendRules,
  work: Work,
  verdict: Extract<Verdict, { is: 'later' }>,
): Promise<Ending> {
  const { fault, ofOutlet } = verdict;
  const ending = endingOf(verdict);
  const now = parts.clock.now();
  // One that a human sent again has a first try of its own, however old it is.
  if (now - work.delivery.createdAt > rules.giveUpMs && (work.job.attempts > 0 || work.delivery.attempts <= 1))
    return park(parts, work, fault, ending);
  const nextAt = rules.dueAfter({ attempts: work.job.attempts, ending, ofOutlet });
  const jobRetry = { ...refOf(work.job), dueAt: nextAt, fault };
  return commitEnd(parts, { jobRetry, deliveries: [{ ...work.delivery, state: 'waiting', nextAt, fault }] }, ending);
}

function endingOf({ fault, ofOutlet, restMs }: Extract<Verdict, { is: 'later' }>): Ending {
  if (!ofOutlet && fault.code !== 'exchange.failed' && fault.code !== 'outlet.failed') return { is: 'answered' };
  return restMs === undefined ? { is: 'failed', fault } : { is: 'failed', fault, restMs };
}

/** The receiver lost, or never had, the patient: a feed goes before it. */
async function feedFirst(parts: SendParts, work: Work, fault: Fault): Promise<Ending> {
  const { job, delivery } = work;
  if (delivery.kind !== 'document' || delivery.personId === undefined || delivery.attempts > FEEDS_FIRST_MAX)
    return park(parts, work, fault, { is: 'answered' });
  const now = parts.clock.now();
  const { outlet, personId } = delivery;
  const feed = newDelivery({ outlet, kind: 'feed', thing: personId, personId }, now);
  const again: Delivery = { ...delivery, nextAt: now, fault };
  const jobsNew = [deliverJob(feed, now), deliverJob(again, now)];
  return commitEnd(parts, { jobDone: refOf(job), deliveries: [feed, again], jobsNew }, { is: 'answered' });
}

async function park(parts: SendParts, work: Work, fault: Fault, ending: Ending): Promise<Ending> {
  const { job, delivery } = work;
  const { nextAt: _next, ...rest } = delivery;
  parts.log.warn(
    { delivery: delivery.id, outlet: delivery.outlet, code: fault.code, detail: fault.detail },
    'a delivery was parked',
  );
  // A merge that waits for a human holds back what comes after it; both persons are its keys.
  const blocks = delivery.kind === 'feed' && job.keys.length > 1;
  const jobParked = { ...refOf(job), fault, blocks };
  return commitEnd(parts, { jobParked, deliveries: [{ ...rest, state: 'parked', fault }] }, ending);
}

/** Parks without a try what waits for an outlet that is gone, or has waited too long. */
export async function parkUnsent(parts: SendParts, job: Job, fault: Fault): Promise<void> {
  const delivery = await parts.store.delivery(job.subject);
  if (delivery === undefined) await commitEnd(parts, { jobDone: refOf(job) });
  else await park(parts, { job, delivery }, delivery.fault ?? fault, { is: 'unsent' });
}

async function supersede(parts: SendParts, { job, delivery }: Work): Promise<Ending> {
  const { nextAt: _next, fault: _fault, ...rest } = delivery;
  return commitEnd(parts, { jobDone: refOf(job), deliveries: [{ ...rest, state: 'superseded' }] });
}

async function commitEnd(parts: SendParts, changes: Changes, ending: Ending = { is: 'unsent' }): Promise<Ending> {
  try {
    await parts.store.commit(changes);
  } catch (cause) {
    // Another process has the job now, and does what is to be done.
    if (!(cause instanceof MixError) || cause.fault.code !== 'store.fenced') throw cause;
  }
  return ending;
}

function refOf(job: Job): { id: string; fence: number } {
  return { id: job.id, fence: job.fence };
}
