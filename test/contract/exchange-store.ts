import { describe, expect, it } from 'vitest';
import type { Delivery, DeliveryQuery, Person } from '../../schemas/parts.ts';

import {
  type OpenForTest,
  put,
  refused,
  startOfTests,
  testDelivery,
  testDocument,
  testId,
  testJob,
  testPerson,
} from './kept.ts';

export function exchangeStoreContract(name: string, open: () => Promise<OpenForTest>): void {
  describe(`${name}: exchange`, () => {
    it('keeps deliveries as they change, lists them newest first and counts them by outlet', async () => {
      const { store, reopen } = await open();
      const [person, thing] = [testId(), testId()];
      const made = [
        testDelivery({ thing, personId: person }),
        testDelivery({ outlet: 'lab', kind: 'message' }),
        testDelivery({ thing, kind: 'document', personId: person, createdAt: startOfTests + 5 }),
        testDelivery({ state: 'superseded' }),
      ];
      for (const one of made) await store.commit({ deliveries: [one] });
      const sent = { ...made[0]!, state: 'sent' as const, attempts: 2, lastAt: startOfTests + 9, receipt: 'Patient/1' };
      const parked: Delivery = {
        ...made[1]!,
        state: 'parked',
        attempts: 1,
        nextAt: startOfTests + 8,
        fault: { code: 'outlet.refused', detail: 'AR' },
      };
      await Promise.all([store.commit({ deliveries: [sent] }), store.commit({ deliveries: [parked] })]);
      await store.commit({ deliveries: [{ ...sent, receipt: 'Patient/2' }] });
      const again = await reopen();
      expect(await again.delivery(sent.id)).toEqual({ ...sent, receipt: 'Patient/2' });
      expect(await again.delivery(testId())).toBeUndefined();
      const ids = async (query: Omit<DeliveryQuery, 'limit'>) =>
        (await again.deliveries({ ...query, limit: 10 })).rows.map((row) => made.findIndex((one) => one.id === row.id));
      expect(await ids({})).toEqual([3, 2, 1, 0]);
      expect(await ids({ outlet: 'region' })).toEqual([3, 2, 0]);
      expect(await ids({ state: 'waiting' })).toEqual([2]);
      expect(await ids({ state: 'sent', outlet: 'region' })).toEqual([0]);
      expect(await ids({ kind: 'message' })).toEqual([1]);
      expect(await ids({ personId: person })).toEqual([2, 0]);
      expect(await ids({ thing, kind: 'feed' })).toEqual([0]);
      const first = await again.deliveries({ limit: 3 });
      expect(first.count).toBe(4);
      const rest = await again.deliveries({ limit: 3, cursor: first.next! });
      expect(rest.rows.map((row) => row.id)).toEqual([sent.id]);
      expect(rest.next).toBeUndefined();
      expect((await again.deliveries({ state: 'parked', limit: 1 })).rows).toEqual([parked]);
      const stats = new Map((await again.outletStats()).map((one) => [one.outlet, one]));
      expect(stats.get('region')).toEqual({
        outlet: 'region',
        waiting: 1,
        parked: 0,
        sent: 1,
        oldestAt: startOfTests + 5,
        lastSentAt: startOfTests + 9,
      });
      expect(stats.get('lab')).toEqual({ outlet: 'lab', waiting: 0, parked: 1, sent: 0 });
    });

    it('takes a delivery of another node in once, and gives the first answer again', async () => {
      const { store, reopen } = await open();
      const id = testId();
      const take = (answer: string, person: Person, into = store) =>
        into.commit({
          received: { id, from: 'general', answer: Buffer.from(answer) },
          persons: [{ person, expect: 0, terms: [] }],
        });
      const persons = [testPerson(), testPerson(), testPerson()];
      const results = await Promise.allSettled([take('first', persons[0]!), take('second', persons[1]!)]);
      expect(results.map((one) => one.status)).toEqual(['fulfilled', 'rejected']);
      expect(results[1]).toMatchObject({ reason: refused('store.received') });
      const again = await reopen();
      await expect(take('third', persons[2]!, again)).rejects.toEqual(refused('store.received'));
      expect(await again.receivedAnswer(id)).toEqual(Buffer.from('first'));
      expect(await again.receivedAnswer(testId())).toBeUndefined();
      expect((await again.personsOf(persons.map((one) => one.id))).size).toBe(1);
    });

    it('takes a delivery in when the unit before it, which took the same in, failed', async () => {
      const { store } = await open();
      const received = { id: testId(), from: 'general', answer: Buffer.from('ok') };
      const results = await Promise.allSettled([
        store.commit({ received, persons: [{ person: testPerson({ version: 8 }), expect: 7, terms: [] }] }),
        store.commit({ received }),
      ]);
      expect(results.map((one) => one.status)).toEqual(['rejected', 'fulfilled']);
    });

    it('changes the state of kept documents', async () => {
      const { store } = await open();
      const person = testPerson();
      await put(store, person);
      const document = testDocument(person.id);
      const other = testDocument(person.id);
      await store.commit({ documents: [document, other] });
      await store.commit({ documentStates: [{ id: document.id, state: 'deprecated' }] });
      expect(await store.document(document.id)).toEqual({ ...document, state: 'deprecated' });
      // What was withdrawn stays so when a newer one of its set comes.
      await store.commit({ documents: [{ ...testDocument(person.id), replaces: document.id }] });
      expect((await store.document(document.id))?.state).toBe('deprecated');
      expect((await store.document(other.id))?.state).toBe('current');
    });

    it('has one waiting feed job a person beside the document job, and holds the order of deliver jobs', async () => {
      const { store, setTime } = await open();
      const job = (kind: 'feed' | 'document', dueAt: number) =>
        testJob('person-1', [kind], { kind, dueAt, latestAt: startOfTests + 100 });
      await store.commit({ jobsNew: [job('feed', startOfTests + 10), job('document', startOfTests + 10)] });
      await Promise.all([
        store.commit({ jobsNew: [job('feed', startOfTests + 50)] }),
        store.commit({ jobsNew: [job('feed', startOfTests + 500)] }),
      ]);
      expect((await store.jobs({ kind: 'feed', limit: 10 })).rows).toHaveLength(1);
      expect((await store.jobs({ kind: 'document', limit: 10 })).rows).toHaveLength(1);
      setTime(startOfTests + 99);
      expect((await store.lease(['feed', 'document'], 5)).map((one) => one.kind)).toEqual(['document']);
      setTime(startOfTests + 100);
      const [feed] = await store.lease(['feed'], 5);
      const sends = [testId(), testId(), testId()];
      await store.commit({
        jobDone: feed!,
        jobsNew: sends.map((id, i) =>
          testJob(id, [i === 1 ? 'deliver|lab|1' : 'deliver|region|1'], { kind: 'deliver' }),
        ),
      });
      const given = await store.lease(['deliver'], 5);
      expect(given.map((one) => one.subject)).toEqual([sends[0], sends[1]]);
      await store.commit({
        jobParked: { ...given[0]!, fault: { code: 'outlet.refused' }, blocks: false },
        deliveries: [testDelivery({ id: sends[0]!, state: 'parked' })],
      });
      const [third] = await store.lease(['deliver'], 5);
      expect(third!.subject).toBe(sends[2]);
      await store.requeue(testJob(sends[0]!, ['deliver|region|1'], { kind: 'deliver' }));
      expect(await store.lease(['deliver'], 5)).toEqual([]);
      await store.commit({ jobDone: third! });
      expect((await store.lease(['deliver'], 5)).map((one) => one.subject)).toEqual([sends[0]]);
    });
  });
}
