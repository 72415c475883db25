/** What puts deliveries: feeds, new documents, withdrawals, and a human who sends again. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Subject } from '../../engine/admit.ts';
import { deliverJob, feedJob, newDelivery } from '../../engine/deliveries.ts';
import { feedJobs } from '../../engine/feed.ts';
import { addOnward } from '../../engine/onward.ts';
import { keepDocument } from '../../engine/publish.ts';
import { uuidv7 } from '../../engine/record/index.ts';
import { resendDeliveries } from '../../engine/resend.ts';
import { type SendParts, sendOne } from '../../engine/send.ts';
import type { OpenedStore } from '../../engine/store/index.ts';
import { recallDocuments, withdrawDocument } from '../../engine/withdraw.ts';
import type { PeerAnswer } from '../../schemas/exchange.ts';
import type { Changes, Delivery, KeptMessage, Person, StoredDocument } from '../../schemas/parts.ts';
import { testJob, testMessage } from '../contract/kept.ts';
import { openTestStore } from '../support/receiver.ts';

const now = Date.UTC(2026, 10, 23, 12);
const clock = { now: () => now };
let opened: Awaited<ReturnType<typeof openTestStore>>;
let store: OpenedStore;

beforeEach(async () => {
  opened = await openTestStore(clock);
  store = opened.store;
});
afterEach(() => opened.close());

const subject = (...roles: string[]): Subject => ({
  kind: 'user',
  id: 'ada',
  name: 'Ada',
  roles,
  sessionEndsAt: '',
  mustChangeSecret: false,
  sessionKey: '',
});

function personOf(change: Partial<Person> = {}): Person {
  const id = change.id ?? uuidv7(now);
  return {
    id,
    version: 1,
    state: 'active',
    createdAt: now,
    updatedAt: now,
    incomplete: false,
    identifiers: [{ system: 'urn:oid:2.999', value: `n-${id}`, type: 'MR', sourceId: 'east' }],
    patient: { resourceType: 'Patient', id },
    ...change,
  };
}

async function keepPerson(change: Partial<Person> = {}): Promise<Person> {
  const person = personOf(change);
  await store.commit({ persons: [{ person, expect: 0, terms: [] }] });
  return person;
}

const deliveriesOf = async (personId: string): Promise<Delivery[]> =>
  (await store.deliveries({ personId, limit: 100 })).rows.reverse();

async function runFeed(personId: string): Promise<void> {
  await store.commit({ jobsNew: [feedJob(personId, now, { quietMs: 0, latestMs: 0 })] });
  const jobs = await store.lease(['feed'], 10);
  expect(jobs).toHaveLength(1);
  await feedJobs({ store, clock }, 'region', jobs);
}

describe('feeds', () => {
  it('put a delivery to the node above, and no second one while the first was not tried', async () => {
    const person = await keepPerson();
    await runFeed(person.id);
    await runFeed(person.id);
    const [only, ...more] = await deliveriesOf(person.id);
    expect(only).toMatchObject({ outlet: 'region', kind: 'feed', thing: person.id, state: 'waiting' });
    expect(more).toEqual([]);
    expect(await store.lease(['deliver/region'], 10)).toMatchObject([{ subject: only!.id }]);
  });

  it('put another one when the first was tried, since it may have said less', async () => {
    const person = await keepPerson();
    await runFeed(person.id);
    const [first] = await deliveriesOf(person.id);
    await store.commit({ deliveries: [{ ...first!, attempts: 1 }] });
    await runFeed(person.id);
    await runFeed(person.id);
    expect(await deliveriesOf(person.id)).toHaveLength(2);
  });

  it('tell a merge after its survivor, and hold back both', async () => {
    const survivor = await keepPerson();
    const retired = await keepPerson({ state: 'merged', mergedInto: survivor.id });
    await runFeed(retired.id);
    const waiting = newDelivery({ outlet: 'region', kind: 'document', thing: uuidv7(now), personId: survivor.id }, now);
    await store.commit({ deliveries: [waiting], jobsNew: [deliverJob(waiting, now)] });
    const [first, ...others] = await store.lease(['deliver/region'], 10);
    expect(others).toEqual([]);
    expect((await store.delivery(first!.subject))?.thing).toBe(survivor.id);
    await store.commit({ jobDone: first! });
    const [merge, ...rest] = await store.lease(['deliver/region'], 10);
    expect(rest).toEqual([]);
    expect((await store.delivery(merge!.subject))?.thing).toBe(retired.id);
    await store.commit({ jobParked: { ...merge!, fault: { code: 'exchange.refused' }, blocks: true } });
    expect(await store.lease(['deliver/region'], 10)).toEqual([]);
  });

  it('are nothing where no node stands above', async () => {
    const person = await keepPerson();
    await store.commit({ jobsNew: [feedJob(person.id, now, { quietMs: 0, latestMs: 0 })] });
    await feedJobs({ store, clock }, undefined, await store.lease(['feed'], 10));
    expect(await deliveriesOf(person.id)).toEqual([]);
  });
});

function documentOf(personId: string, replaces?: StoredDocument): StoredDocument {
  const document: StoredDocument = {
    id: uuidv7(now),
    personId,
    setId: replaces?.setId ?? uuidv7(now),
    version: (replaces?.version ?? 0) + 1,
    state: 'current',
    createdAt: now,
    personVersion: 1,
    bytes: Buffer.from('<ClinicalDocument/>'),
    signature: Buffer.alloc(0),
    sha256: '',
  };
  if (replaces !== undefined) document.replaces = replaces.id;
  return document;
}

describe('deliveries that wait', () => {
  it('never make the node refuse messages', async () => {
    const small = await openTestStore(clock, { jobsMax: 3 });
    const all = Array.from({ length: 10 }, () =>
      newDelivery({ outlet: 'region', kind: 'feed', thing: uuidv7(now), personId: uuidv7(now) }, now),
    );
    await small.store.commit({ deliveries: all, jobsNew: all.map((one) => deliverJob(one, now)) });
    const keep = () => {
      const message = testMessage();
      return small.store.keep(message, [], testJob(message.id, [message.id]), { identityIsUnique: false });
    };
    for (let i = 0; i < 3; i += 1) expect(await keep()).toMatchObject({ outcome: 'kept' });
    await expect(keep()).rejects.toMatchObject({ fault: { code: 'store.busy' } });
    await small.close();
  });
});

describe('a new document', () => {
  const keep = (document: StoredDocument | undefined, personId: string) =>
    keepDocument({ store, clock }, { above: 'region' }, { personId, document });

  it('goes up once, however many versions come while it was not tried', async () => {
    const person = await keepPerson();
    const first = documentOf(person.id);
    await keep(first, person.id);
    const second = documentOf(person.id, first);
    await keep(second, person.id);
    await keep(documentOf(person.id, second), person.id);
    const waiting = await deliveriesOf(person.id);
    expect(waiting).toMatchObject([{ outlet: 'region', kind: 'document', thing: first.id, state: 'waiting' }]);
  });

  it('goes up beside an earlier one that was tried', async () => {
    const person = await keepPerson();
    const first = documentOf(person.id);
    await keep(first, person.id);
    const [delivery] = await deliveriesOf(person.id);
    await store.commit({ deliveries: [{ ...delivery!, attempts: 1 }] });
    const second = documentOf(person.id, first);
    await keep(second, person.id);
    expect((await deliveriesOf(person.id)).map((one) => one.thing)).toEqual([first.id, second.id]);
  });

  it('goes up when it was kept in the very moment in which an earlier one set out', async () => {
    const person = await keepPerson();
    const first = documentOf(person.id);
    await keep(first, person.id);
    const second = documentOf(person.id, first);
    const { commit } = store;
    // The sender has read what is newest; its try is not written down yet when the second comes, which counts on it.
    store.commit = async (changes) => {
      store.commit = commit;
      await keep(second, person.id);
      return commit.call(store, changes);
    };
    const answer: PeerAnswer = { status: 200, headers: {}, body: Buffer.from('{}') };
    const parts: SendParts = {
      store,
      clock,
      log: { info() {}, warn() {}, error() {} } as unknown as SendParts['log'],
      peer: () => ({ name: 'region', role: 'region', ask: async () => answer, close: async () => {} }),
      outlet: () => undefined,
      payloadOf: async () => ({ request: { method: 'POST', path: '' } }),
    };
    const [job] = await store.lease(['deliver/region'], 1);
    await sendOne(parts, { giveUpMs: 60_000, dueAfter: () => now }, job!);
    expect((await deliveriesOf(person.id)).map(({ thing, state }) => [thing, state])).toEqual([
      [first.id, 'sent'],
      [second.id, 'waiting'],
    ]);
  });

  it('goes up when the job runs again after a crash between keeping and sending', async () => {
    const person = await keepPerson();
    const first = documentOf(person.id);
    await store.commit({ documents: [first] });
    await keep(undefined, person.id);
    await keep(undefined, person.id);
    expect((await deliveriesOf(person.id)).map((one) => one.thing)).toEqual([first.id]);
  });

  it('stays here where no node stands above', async () => {
    const person = await keepPerson();
    await keepDocument({ store, clock }, {}, { personId: person.id, document: documentOf(person.id) });
    expect(await store.documents(person.id)).toHaveLength(1);
    expect(await deliveriesOf(person.id)).toEqual([]);
  });
});

describe('what goes onward with a message', () => {
  const options = {
    routes: [{ outlet: 'lab', type: 'ADT' }],
    node: 'valley',
    above: 'region',
    feed: { quietMs: 200, latestMs: 2_000 },
    facilityOf: () => 'VALLEY',
    read: () => {
      throw new Error('no route looks into the message');
    },
  };
  const message = {
    id: uuidv7(now),
    sourceId: 'adt',
    type: 'ADT^A01',
    processing: 'P',
    facts: { controlId: 'C1', sendingApplication: '', sendingFacility: 'EAST', patientNumbers: ['1'] },
  } as unknown as KeptMessage;
  const known = personOf();
  const about = { message, understood: { faults: [], notes: [], terms: [] }, before: new Map([[known.id, known]]) };
  const changesWith = (person: Person, state: KeptMessage['state'] = 'done'): Changes => ({
    persons: [{ person, expect: 1, terms: [] }],
    message: { id: message.id, state, personIds: [person.id] },
  });

  it.for<[string, Person, number]>([
    ['a new person', personOf(), 1],
    ['other demographics', { ...known, version: 2, patient: { ...known.patient, gender: 'female' } }, 1],
    ['another number', { ...known, version: 2, identifiers: [...known.identifiers, ...known.identifiers] }, 1],
    ['a merge', { ...known, version: 2, state: 'merged' }, 1],
    ['a result only', { ...known, version: 2 }, 0],
  ])('feeds %s', ([, person, wanted]) => {
    const jobs = addOnward(changesWith(person), about, options, now).jobsNew ?? [];
    expect(jobs.filter((job) => job.kind === 'feed')).toHaveLength(wanted);
    expect(jobs.filter((job) => job.kind === 'deliver/lab')).toHaveLength(1);
  });

  it.for(['parked', 'test', 'corrected'] as const)('is nothing for a message that is %s', (state) => {
    const changes = changesWith(personOf(), state);
    expect(addOnward(changes, about, options, now)).toBe(changes);
  });

  it('is a route without a feed where no node stands above, or the type has no map', () => {
    const { above: _above, ...alone } = options;
    expect(addOnward(changesWith(personOf()), about, alone, now).jobsNew).toHaveLength(1);
    const unmapped: Changes = { message: { id: message.id, state: 'unmapped' } };
    const added = addOnward(unmapped, about, options, now);
    expect(added.deliveries).toMatchObject([{ outlet: 'lab', kind: 'message', thing: message.id }]);
    expect(added.jobsNew![0]!.keys).toEqual(['deliver|lab|number|1']);
  });
});

describe('a withdrawal', () => {
  it('is told to whoever got the document, or may have, and to nobody else', async () => {
    const person = await keepPerson();
    const document = documentOf(person.id);
    await store.commit({ documents: [document] });
    const to = (outlet: string, change: Partial<Delivery>): Delivery => ({
      ...newDelivery({ outlet, kind: 'document', thing: document.id, personId: person.id }, now),
      ...change,
    });
    const audit = (who: string, thing = document.id) => ({
      at: now,
      who,
      action: 'disclose' as const,
      outcome: 'Permit',
      what: 'document',
      thing,
      personId: person.id,
    });
    await store.commit({
      deliveries: [
        to('region', { state: 'sent', attempts: 1 }),
        to('archive', { state: 'waiting', attempts: 2 }),
        to('never', { state: 'waiting' }),
        to('no', { state: 'refused' }),
      ],
      audit: [audit('hill'), audit('hill'), audit('dale', uuidv7(now)), audit('node'), audit('stranger')],
    });
    const parts = { store, clock, nodes: ['region', 'hill', 'dale'] };
    await withdrawDocument(parts, document.id, subject('privacy-officer'), 'two patients mixed up');
    expect((await store.document(document.id))?.state).toBe('deprecated');
    await recallDocuments(parts, await store.lease(['recall'], 10));
    const told = (await deliveriesOf(person.id)).filter((one) => one.kind === 'withdraw');
    expect(told.map((one) => [one.outlet, one.state, one.thing])).toEqual([
      ['archive', 'waiting', document.id],
      ['hill', 'waiting', document.id],
      ['region', 'waiting', document.id],
    ]);
    const { rows } = await store.audit({ who: 'ada', limit: 10 });
    expect(rows).toMatchObject([{ action: 'update', what: 'document', reason: 'two patients mixed up' }]);

    await withdrawDocument(parts, document.id, subject('privacy-officer'), 'again');
    expect(await store.lease(['recall'], 10)).toEqual([]);
    expect((await deliveriesOf(person.id)).filter((one) => one.kind === 'withdraw')).toHaveLength(3);
  });

  it('reaches a place to which the document was on its way in that very moment', async () => {
    const person = await keepPerson();
    const document = documentOf(person.id);
    const waiting = newDelivery({ outlet: 'region', kind: 'document', thing: document.id, personId: person.id }, now);
    await store.commit({ documents: [document], deliveries: [waiting] });
    // The sender has written down its try, and read the document as current, just before the withdrawal is kept.
    const { commit } = store;
    store.commit = async (changes) => {
      if (changes.documentStates !== undefined) await commit.call(store, { deliveries: [{ ...waiting, attempts: 1 }] });
      return commit.call(store, changes);
    };
    const parts = { store, clock, nodes: ['region'] };
    await withdrawDocument(parts, document.id, subject('privacy-officer'), 'two patients mixed up');
    await recallDocuments(parts, await store.lease(['recall'], 10));
    const told = (await deliveriesOf(person.id)).filter((one) => one.kind === 'withdraw');
    expect(told.map(({ outlet }) => outlet)).toEqual(['region']);
  });

  it('takes back the earlier version, where that one is still the newest', async () => {
    const person = await keepPerson();
    const first = documentOf(person.id);
    const second = documentOf(person.id, first);
    const third = documentOf(person.id, second);
    const to = (document: StoredDocument, change: Partial<Delivery>): Delivery => ({
      ...newDelivery({ outlet: 'region', kind: 'document', thing: document.id, personId: person.id }, now),
      ...change,
    });
    for (const document of [first, second, third]) await store.commit({ documents: [document] });
    const deliveries = [
      to(first, { state: 'sent', attempts: 1 }),
      to(second, { state: 'sent', attempts: 1 }),
      to(third, {}),
    ];
    await store.commit({ deliveries });
    const parts = { store, clock, nodes: ['region'] };
    await withdrawDocument(parts, third.id, subject('privacy-officer'), 'two patients mixed up');
    await recallDocuments(parts, await store.lease(['recall'], 10));
    const told = (await deliveriesOf(person.id)).filter((one) => one.kind === 'withdraw');
    expect(told.map(({ outlet, thing }) => [outlet, thing])).toEqual([['region', second.id]]);
  });

  it('is refused to who may not, and changes nothing', async () => {
    const person = await keepPerson();
    const document = documentOf(person.id);
    await store.commit({ documents: [document] });
    const parts = { store, clock, nodes: [] };
    await expect(withdrawDocument(parts, document.id, subject('nurse'), 'x')).rejects.toMatchObject({
      fault: { code: 'policy.denied' },
    });
    expect((await store.document(document.id))?.state).toBe('current');
    await expect(withdrawDocument(parts, uuidv7(now), subject('doctor'), 'x')).rejects.toMatchObject({
      fault: { code: 'exchange.unknown-document' },
    });
  });
});

describe('sending again', () => {
  const woken: string[] = [];
  const parts = () => ({ store, clock, wake: (outlet: string) => woken.push(outlet) });

  async function parked(outlet: string, blocks = false, personId = uuidv7(now)): Promise<Delivery> {
    const delivery = newDelivery({ outlet, kind: 'feed', thing: personId, personId }, now);
    await store.commit({ deliveries: [delivery], jobsNew: [deliverJob(delivery, now)] });
    const [job] = await store.lease([`deliver/${outlet}`], 1);
    const fault = { code: 'exchange.refused' as const };
    const state = { ...delivery, state: 'parked' as const, attempts: 1, fault };
    await store.commit({ jobParked: { ...job!, fault, blocks }, deliveries: [state] });
    return state;
  }

  it('puts those of an outlet back into the queue, with their own ids and the reason in the audit', async () => {
    const mine = [await parked('region'), await parked('region')];
    const other = await parked('lab');
    const ask = { outlet: 'region', reason: 'the region is mended' };
    expect(await resendDeliveries(parts(), ask, subject('interface-analyst'))).toEqual({ resent: 2, left: 0 });
    expect(woken).toEqual(['region']);
    const jobs = await store.lease(['deliver/region'], 10);
    expect(jobs.map((job) => job.subject)).toEqual(mine.map((one) => one.id));
    expect(await store.delivery(mine[0]!.id)).toMatchObject({ state: 'waiting', attempts: 1 });
    expect((await store.delivery(other.id))?.state).toBe('parked');
    const { rows } = await store.audit({ action: 'rerun', limit: 10 });
    expect(rows).toMatchObject([
      { who: 'ada', what: 'delivery', thing: mine[1]!.id, reason: 'the region is mended' },
      { who: 'ada', what: 'delivery', thing: mine[0]!.id },
    ]);
  });

  it('takes named ones, or all, and leaves alone what is not parked', async () => {
    const one = await parked('region');
    const two = await parked('lab');
    const analyst = subject('interface-analyst');
    expect(await resendDeliveries(parts(), { ids: [two.id], reason: 'x' }, analyst)).toEqual({ resent: 1, left: 0 });
    expect(await resendDeliveries(parts(), { ids: [two.id], reason: 'x' }, analyst)).toEqual({ resent: 0, left: 0 });
    expect(await resendDeliveries(parts(), { reason: 'x' }, analyst)).toEqual({ resent: 1, left: 0 });
    expect((await store.delivery(one.id))?.state).toBe('waiting');
    await expect(resendDeliveries(parts(), { ids: [uuidv7(now)], reason: 'x' }, analyst)).rejects.toMatchObject({
      fault: { code: 'http.not-found' },
    });
  });

  it('lets a merge go before what it held back', async () => {
    const survivor = await keepPerson();
    const retired = await keepPerson({ state: 'merged', mergedInto: survivor.id });
    const merge = await parked('region', true, retired.id);
    const behind = newDelivery({ outlet: 'region', kind: 'document', thing: uuidv7(now), personId: retired.id }, now);
    await store.commit({ deliveries: [behind], jobsNew: [deliverJob(behind, now)] });
    expect(await store.lease(['deliver/region'], 10)).toEqual([]);
    await resendDeliveries(parts(), { ids: [merge.id], reason: 'x' }, subject('interface-analyst'));
    const [first, ...others] = await store.lease(['deliver/region'], 10);
    expect(others).toEqual([]);
    expect(first!.subject).toBe(merge.id);
  });

  it('is refused to who may not, even where nothing is parked', async () => {
    await expect(resendDeliveries(parts(), { reason: 'x' }, subject('doctor'))).rejects.toMatchObject({
      fault: { code: 'policy.denied' },
    });
    const delivery = await parked('region');
    await expect(
      resendDeliveries(parts(), { ids: [delivery.id], reason: 'x' }, subject('nurse')),
    ).rejects.toMatchObject({ fault: { code: 'policy.denied' } });
    expect((await store.delivery(delivery.id))?.state).toBe('parked');
  });
});
