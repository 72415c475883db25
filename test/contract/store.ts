import { describe, expect, it, vi } from 'vitest';
import type { KeptMessage, Store } from '../../schemas/parts.ts';

import {
  keepWithJob,
  type OpenForTest,
  put,
  refused,
  startOfTests,
  testEntry,
  testId,
  testJob,
  testMessage,
  testPerson,
} from './kept.ts';

export function storeContract(name: string, open: () => Promise<OpenForTest>): void {
  describe(`${name}: messages`, () => {
    it('gives back every part of a kept message, also after it was closed', async () => {
      const { store, reopen } = await open();
      const message = testMessage({
        charset: 'windows-1252',
        correctedOf: testId(),
        faults: [{ code: 'hl7v2.no-header', place: 'MSH' }],
        bytes: Buffer.from([0, 255, 13, 7]),
      });
      expect(await store.keep(message, [], null, { identityIsUnique: false })).toEqual({ outcome: 'kept' });
      expect(await store.message(message.id)).toEqual(message);
      const again = await reopen();
      expect(await again.message(message.id)).toEqual(message);
      expect(await again.messagesOf([testId(), message.id])).toEqual([message]);
    });

    it('answers the same message again with the stored answer and makes no second job', async () => {
      const { store, reopen } = await open();
      const first = await keepWithJob(store, ['a']);
      const copy = { ...first, id: testId(), ack: Buffer.from('another') };
      const answer = { outcome: 'repeat', first: { id: first.id, ackCode: 'AA', ack: first.ack } };
      expect(await store.keep(copy, [], testJob(copy.id, ['a']), { identityIsUnique: true })).toEqual(answer);
      const again = await reopen();
      expect(
        await again.keep({ ...copy, id: testId() }, [], testJob(copy.id, ['a']), { identityIsUnique: false }),
      ).toEqual(answer);
      expect((await again.lease(['process'], 10)).map((job) => job.subject)).toEqual([first.id]);
      expect((await again.counts()).messages).toBe(1);
    });

    it('catches copies that arrive in the same group', async () => {
      const { store } = await open();
      const first = testMessage();
      const copies = Array.from({ length: 5 }, () => ({ ...first, id: testId() }));
      const kept = await Promise.all(
        [first, ...copies].map((one) => store.keep(one, [], testJob(one.id, []), { identityIsUnique: false })),
      );
      expect(kept.map((one) => one.outcome)).toEqual(['kept', 'repeat', 'repeat', 'repeat', 'repeat', 'repeat']);
      expect(kept[5]!.first).toEqual({ id: first.id, ackCode: 'AA', ack: first.ack });
    });

    it('keeps and flags the same identity with other bytes, and refuses it where ids are unique', async () => {
      const { store } = await open();
      const first = testMessage();
      const other = testMessage({ identity: first.identity, text: 'MSH|other' });
      const third = testMessage({ identity: first.identity, text: 'MSH|third' });
      const [a, b, c] = await Promise.all([
        store.keep(first, [], null, { identityIsUnique: false }),
        store.keep(other, [], null, { identityIsUnique: false }),
        store.keep(third, [], null, { identityIsUnique: true }),
      ]);
      expect([a!.outcome, b!.outcome, c!.outcome]).toEqual(['kept', 'kept', 'conflict']);
      expect(c!.first?.id).toBe(first.id);
      expect((await store.message(first.id))?.conflict).toBeUndefined();
      expect((await store.message(other.id))?.conflict).toBe(true);
      expect(await store.message(third.id)).toBeUndefined();
      expect((await store.keep({ ...other, id: testId() }, [], null, { identityIsUnique: false })).outcome).toBe(
        'repeat',
      );
      expect((await store.keep({ ...third, id: testId() }, [], null, { identityIsUnique: true })).outcome).toBe(
        'conflict',
      );
    });

    it('never takes a corrected copy or an unreadable message for a repeat', async () => {
      const { store } = await open();
      const first = testMessage();
      const corrected = testMessage({ identity: first.identity, correctedOf: first.id, text: 'MSH|corrected' });
      const blank = testMessage({ identity: '', text: 'not HL7' });
      await store.keep(first, [], null, { identityIsUnique: true });
      await store.keep(blank, [], null, { identityIsUnique: true });
      expect(await store.keep(corrected, [], null, { identityIsUnique: true })).toEqual({ outcome: 'kept' });
      expect(await store.keep({ ...blank, id: testId() }, [], null, { identityIsUnique: true })).toEqual({
        outcome: 'kept',
      });
    });

    it('lists by state, source, type, time and person, newest first, page by page', async () => {
      const { store } = await open();
      const person = testPerson();
      const made: KeptMessage[] = [];
      for (let i = 0; i < 12; i++) {
        const message = testMessage({
          receivedAt: startOfTests + i,
          sourceId: i % 2 ? 'cpsi' : 'meditech',
          type: i % 3 ? 'ADT^A08' : 'ORU^R01',
          processing: i === 4 ? 'T' : 'P',
        });
        await store.keep(message, [], null, { identityIsUnique: false });
        made.push(message);
      }
      await put(store, person);
      await store.commit({
        message: { id: made[3]!.id, state: 'parked', personIds: [person.id], faults: [{ code: 'hl7v2.unknown-type' }] },
      });
      const ids = async (query: Omit<Parameters<Store['messages']>[0], 'limit'>) =>
        (await store.messages({ ...query, limit: 50 })).rows.map((row) => made.findIndex((one) => one.id === row.id));
      expect(await ids({})).toEqual([11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0]);
      expect(await ids({ sourceId: 'cpsi', type: 'ORU^R01' })).toEqual([9, 3]);
      expect(await ids({ state: 'parked' })).toEqual([3]);
      expect(await ids({ processing: 'T' })).toEqual([4]);
      expect(await ids({ personId: person.id })).toEqual([3]);
      expect(await ids({ from: startOfTests + 2, to: startOfTests + 4 })).toEqual([4, 3, 2]);
      expect((await store.message(made[3]!.id))?.faults).toEqual([{ code: 'hl7v2.unknown-type' }]);
      const pages: number[] = [];
      let cursor: string | undefined;
      do {
        const page = await store.messages({ limit: 5, ...(cursor ? { cursor } : {}) });
        expect(page.count).toBe(12);
        pages.push(...page.rows.map((row) => made.findIndex((one) => one.id === row.id)));
        cursor = page.next;
      } while (cursor);
      expect(pages).toEqual([11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0]);
      await expect(store.messages({ limit: 5, cursor: '!' })).rejects.toEqual(refused('store.cursor'));
      await expect(store.messages({ limit: 501 })).rejects.toEqual(refused('store.limit'));
    });

    it('tells the way of a message and what its newest run wrote', async () => {
      const { store } = await open();
      const message = await keepWithJob(store, []);
      const wrote = [{ id: testId(), type: 'Observation', version: 1 }];
      await store.commit({
        message: { id: message.id, state: 'done', personIds: [testId()], wrote, notCarried: ['PID-26'] },
        steps: [{ messageId: message.id, at: startOfTests + 5, step: 'mapped', detail: '20 fields' }],
        notCarried: [{ sourceId: 'meditech', field: 'PID-26', count: 2 }],
      });
      await store.commit({ steps: [{ messageId: message.id, at: startOfTests + 9, step: 'published' }] });
      expect((await store.steps(message.id)).map((one) => one.step)).toEqual([
        'received',
        'kept',
        'acknowledged',
        'mapped',
        'published',
      ]);
      expect(await store.outcomeOf(message.id)).toMatchObject({ wrote, notCarried: ['PID-26'] });
      const stats = (await store.sourceStats())[0]!;
      expect(stats).toMatchObject({
        sourceId: 'meditech',
        total: 1,
        parked: 0,
        lastAt: startOfTests,
        notCarried: [{ field: 'PID-26', count: 2 }],
      });
      expect(stats.perMinute.at(-1)).toBe(1);
    });

    it('finds messages by whole words, by beginnings of three letters, and by numbers whole', async () => {
      const { store } = await open();
      const message = testMessage();
      await store.keep(message, [], null, { identityIsUnique: false });
      await store.commit({
        message: {
          id: message.id,
          state: 'done',
          terms: [
            { field: 'name', text: "M\u00dcLLER-O'Hara Christopherson" },
            { field: 'number', text: '00123^GEN' },
            { field: 'birth', text: '1962-03-20' },
            { field: 'type', text: 'ADT^A01' },
          ],
        },
      });
      const count = async (...terms: NonNullable<Parameters<Store['messages']>[0]['terms']>) =>
        (await store.messages({ terms, limit: 1 })).count;
      expect(await count({ field: 'name', text: 'muller' })).toBe(1);
      expect(await count({ field: 'name', text: 'M\u00fcl Christ' })).toBe(1);
      expect(await count({ field: 'name', text: 'CHRISTOPHERSON' })).toBe(1);
      expect(await count({ field: 'name', text: 'mu' })).toBe(0);
      expect(await count({ field: 'name', text: 'o' })).toBe(1);
      expect(await count({ field: 'name', text: 'mul smith' })).toBe(0);
      expect(await count({ field: 'number', text: '00123' })).toBe(1);
      expect(await count({ field: 'number', text: '0012' })).toBe(0);
      expect(await count({ field: 'birth', text: '19620320' }, { field: 'type', text: 'adt' })).toBe(1);
      expect(await count({ field: 'text', text: 'muller' })).toBe(0);
      expect(await count({ field: 'name', text: '!!' })).toBe(0);
      await store.commit({ message: { id: message.id, state: 'done', terms: [{ field: 'name', text: 'Garcia' }] } });
      expect(await count({ field: 'name', text: 'muller' })).toBe(0);
      expect(await count({ field: 'name', text: 'garcia' })).toBe(1);
    });
  });

  describe(`${name}: jobs`, () => {
    it('gives only the oldest of each key, and the next when it is done', async () => {
      const { store } = await open();
      const a = await keepWithJob(store, ['p1']);
      const b = await keepWithJob(store, ['p1', 'p2']);
      const c = await keepWithJob(store, ['p2']);
      const d = await keepWithJob(store, ['p3']);
      const subjects = async () => (await store.lease(['process'], 10)).map((job) => job);
      const first = await subjects();
      expect(first.map((job) => job.subject)).toEqual([a.id, d.id]);
      expect(await subjects()).toEqual([]);
      await store.commit({ jobDone: first[0]! });
      const second = await subjects();
      expect(second.map((job) => job.subject)).toEqual([b.id]);
      await store.commit({ jobDone: second[0]! });
      expect((await subjects()).map((job) => job.subject)).toEqual([c.id]);
    });

    it('keeps order over a new start and refuses the commit of a lost lease', async () => {
      const { store, reopen } = await open();
      const a = await keepWithJob(store, ['k']);
      await keepWithJob(store, ['k']);
      const [old] = await store.lease(['process'], 10);
      const again = await reopen();
      const leased = await again.lease(['process'], 10);
      expect(leased.map((job) => job.subject)).toEqual([a.id]);
      expect(leased[0]!.fence).toBeGreaterThan(old!.fence);
      await expect(again.commit({ jobDone: old! })).rejects.toEqual(refused('store.fenced'));
      await again.commit({ jobDone: leased[0]! });
      await expect(again.commit({ jobDone: leased[0]! })).rejects.toEqual(refused('store.fenced'));
    });

    it('gives a job again after its lease ran out, and fences the former holder', async () => {
      const { store, setTime } = await open();
      await keepWithJob(store, ['k']);
      const [old] = await store.lease(['process'], 1);
      setTime(startOfTests + 24 * 3_600_000);
      const [now] = await store.lease(['process'], 1);
      expect(now!.id).toBe(old!.id);
      await expect(store.commit({ jobDone: old! })).rejects.toEqual(refused('store.fenced'));
      await store.commit({ jobDone: now! });
    });

    it('waits for the time of a retry, and those behind it wait too', async () => {
      const { store, setTime, reopen } = await open();
      const a = await keepWithJob(store, ['k']);
      await keepWithJob(store, ['k']);
      const [job] = await store.lease(['process'], 5);
      await store.commit({
        jobRetry: { id: job!.id, fence: job!.fence, dueAt: startOfTests + 1000, fault: { code: 'store.busy' } },
      });
      const again = await reopen();
      expect(await again.lease(['process'], 5)).toEqual([]);
      setTime(startOfTests + 1000);
      const [later] = await again.lease(['process'], 5);
      expect(later).toMatchObject({ subject: a.id, attempts: 1, lastFault: { code: 'store.busy' } });
    });

    it('lets others pass a parked job, unless it blocks', async () => {
      const { store, reopen } = await open();
      const a = await keepWithJob(store, ['k']);
      const b = await keepWithJob(store, ['k']);
      const c = await keepWithJob(store, ['k']);
      const [ja] = await store.lease(['process'], 5);
      await store.commit({
        jobParked: { ...ja!, fault: { code: 'record.no-patient-number' }, blocks: false },
        message: { id: a.id, state: 'parked' },
      });
      const [jb] = await store.lease(['process'], 5);
      expect(jb!.subject).toBe(b.id);
      await store.commit({
        jobParked: { ...jb!, fault: { code: 'record.no-patient-number' }, blocks: true },
        message: { id: b.id, state: 'parked' },
      });
      const again = await reopen();
      expect(await again.lease(['process'], 5)).toEqual([]);
      const parked = await again.jobs({ state: 'parked', limit: 10 });
      expect(parked.rows.map((job) => [job.subject, job.blocks, job.lastFault?.code])).toEqual([
        [b.id, true, 'record.no-patient-number'],
        [a.id, false, 'record.no-patient-number'],
      ]);
      expect((await again.counts()).parked).toBe(2);
      expect((await again.sourceStats())[0]!.parked).toBe(2);
      await again.requeue(testJob(b.id, []));
      const [rerun] = await again.lease(['process'], 5);
      expect(rerun!.subject).toBe(b.id);
      expect((await again.message(b.id))?.state).toBe('kept');
      await again.commit({ jobDone: rerun! });
      expect((await again.lease(['process'], 5)).map((job) => job.subject)).toEqual([c.id]);
      expect((await again.jobs({ limit: 10 })).rows.map((job) => job.state)).toEqual(['leased', 'parked']);
    });

    it('has one waiting document job a person, which slides until its latest time', async () => {
      const { store, setTime } = await open();
      const job = (dueAt: number) => ({
        jobsNew: [
          {
            id: testId(),
            kind: 'document' as const,
            subject: 'person-1',
            keys: ['d'],
            dueAt,
            latestAt: startOfTests + 100,
          },
        ],
      });
      await store.commit(job(startOfTests + 10));
      await Promise.all([store.commit(job(startOfTests + 50)), store.commit(job(startOfTests + 60))]);
      await store.commit(job(startOfTests + 500));
      expect((await store.jobs({ kind: 'document', limit: 10 })).rows).toHaveLength(1);
      setTime(startOfTests + 99);
      expect(await store.lease(['document'], 5)).toEqual([]);
      setTime(startOfTests + 100);
      const [leased] = await store.lease(['document'], 5);
      await store.commit(job(startOfTests));
      expect(await store.lease(['document'], 5)).toEqual([]);
      await store.commit({ jobDone: leased! });
      expect(await store.lease(['document'], 5)).toHaveLength(1);
    });

    it('wakes who waits when a job comes', async () => {
      const { store } = await open();
      let woken = false;
      const waiting = store.waitForJobs(60_000).then(() => {
        woken = true;
      });
      await keepWithJob(store, []);
      await waiting;
      expect(woken).toBe(true);
    });
  });

  describe(`${name}: records`, () => {
    it('gives back persons, entries and documents, with their histories', async () => {
      const { store, reopen } = await open();
      const person = testPerson();
      const one = testEntry(person.id, 'Observation|1');
      const two = testEntry(person.id, 'Observation|2', { removed: true });
      await put(store, person, [one, two]);
      const changed = { ...one, version: 2, status: 'amended' };
      await put(store, { ...person, version: 2 }, [changed]);
      const document = {
        id: testId(),
        personId: person.id,
        setId: 'set-1',
        version: 1,
        state: 'current' as const,
        createdAt: startOfTests,
        personVersion: 2,
        bytes: Buffer.alloc(9000, 'ccd '),
        signature: Buffer.from('<Signature/>'),
        sha256: 'ab',
      };
      const newer = { ...document, id: testId(), version: 2, replaces: document.id };
      await store.commit({ documents: [document] });
      await store.commit({ documents: [newer] });
      const again = await reopen();
      expect(await again.person(person.id)).toEqual({ ...person, version: 2 });
      expect(await again.entriesByKey(person.id, ['Observation|1', 'Observation|9'])).toEqual(
        new Map([['Observation|1', changed]]),
      );
      expect(
        await again.entriesByKeys([
          { personId: testId(), keys: ['Observation|1'] },
          { personId: person.id, keys: ['Observation|2'] },
        ]),
      ).toEqual([new Map(), new Map([['Observation|2', two]])]);
      expect(await again.entries(person.id)).toEqual([changed]);
      expect(await again.entries(person.id, { removed: true })).toHaveLength(2);
      expect(await again.entryHistory(one.id)).toEqual([one]);
      expect(await again.document(document.id)).toEqual({ ...document, state: 'superseded' });
      expect((await again.documents(person.id)).map((row) => [row.id, row.state])).toEqual([
        [newer.id, 'current'],
        [document.id, 'superseded'],
      ]);
      expect(await again.counts()).toMatchObject({ persons: 1, entries: 2, documents: 2 });
    });

    it('refuses a unit whose rows changed under it, and only that one', async () => {
      const { store } = await open();
      const person = testPerson();
      const entry = testEntry(person.id, 'k');
      await put(store, person, [entry]);
      const others = Array.from({ length: 8 }, () => testPerson());
      const results = await Promise.allSettled([
        ...others.map((one) => put(store, one, [testEntry(one.id, 'k')])),
        store.commit({ persons: [{ person: { ...person, version: 2 }, expect: 7, terms: [] }] }),
        store.commit({ entries: [{ entry: { ...entry, version: 9 }, expect: 8 }] }),
        // The same natural key under a new id: another unit made the entry first.
        store.commit({ entries: [{ entry: testEntry(person.id, 'k'), expect: 0 }] }),
        put(store, testPerson({ identifiers: person.identifiers })),
      ]);
      expect(results.map((one) => one.status)).toEqual([
        ...others.map(() => 'fulfilled'),
        'rejected',
        'rejected',
        'rejected',
        'rejected',
      ]);
      for (const one of results) if (one.status === 'rejected') expect(one.reason).toEqual(refused('store.conflict'));
      expect((await store.person(person.id))?.version).toBe(1);
      expect(await store.counts()).toMatchObject({ persons: 9, entries: 9 });
      for (const one of others) expect(await store.entries(one.id)).toHaveLength(1);
    });

    it('lets one of two units that make the same person win', async () => {
      const { store } = await open();
      const first = testPerson();
      const second = testPerson({ identifiers: first.identifiers });
      const results = await Promise.allSettled([put(store, first), put(store, second)]);
      expect(results.map((one) => one.status)).toEqual(['fulfilled', 'rejected']);
      expect(await store.personsByIdentifier(first.identifiers)).toEqual(
        new Map([[`urn:oid:1.2.3|${first.identifiers[0]!.value}`, first.id]]),
      );
    });

    it('resolves merged persons to their survivor and moves numbers in one unit', async () => {
      const { store } = await open();
      const [a, b, c] = [testPerson(), testPerson(), testPerson()];
      for (const one of [a, b, c]) await put(store, one);
      const [na, nb] = [a.identifiers[0]!, b.identifiers[0]!];
      await store.commit({
        persons: [
          { person: { ...a, version: 2, state: 'merged', mergedInto: b.id }, expect: 1, terms: [] },
          {
            person: { ...b, version: 2, identifiers: [nb, na] },
            expect: 1,
            terms: [{ field: 'name', text: 'Survivor' }],
          },
        ],
        identifiersGone: [{ personId: a.id, system: na.system, value: na.value }],
      });
      expect((await store.personsByIdentifier([na])).get(`${na.system}|${na.value}`)).toBe(b.id);
      await store.commit({
        persons: [{ person: { ...b, version: 3, state: 'merged', mergedInto: c.id }, expect: 2, terms: [] }],
      });
      expect((await store.personsByIdentifier([na, nb])).get(`${nb.system}|${nb.value}`)).toBe(c.id);
      expect((await store.persons({ limit: 10 })).rows.map((row) => row.id)).toEqual([c.id]);
    });

    it('finds persons by name, number and birth, also after they changed', async () => {
      const { store } = await open();
      const person = testPerson();
      await put(store, person);
      expect((await store.persons({ terms: [{ field: 'name', text: 'quack zoe' }], limit: 5 })).rows).toEqual([person]);
      await store.commit({
        persons: [{ person: { ...person, version: 2 }, expect: 1, terms: [{ field: 'name', text: 'Garcia' }] }],
      });
      expect((await store.persons({ terms: [{ field: 'name', text: 'quack' }], limit: 5 })).count).toBe(0);
      expect((await store.persons({ terms: [{ field: 'name', text: 'gar' }], limit: 5 })).count).toBe(1);
    });

    it('writes an entry twice in one unit as two versions', async () => {
      const { store } = await open();
      const person = testPerson();
      const entry = testEntry(person.id, 'k');
      await store.commit({
        persons: [{ person, expect: 0, terms: [] }],
        entries: [
          { entry, expect: 0 },
          { entry: { ...entry, version: 2 }, expect: 1 },
        ],
      });
      expect((await store.entries(person.id)).map((one) => one.version)).toEqual([2]);
      expect(await store.entryHistory(entry.id)).toEqual([entry]);
    });
  });

  describe(`${name}: node`, () => {
    it('keeps users, values and the audit', async () => {
      const { store, reopen } = await open();
      const user = { id: 'ward', name: 'Ward Clerk', roles: ['clerk'], secret: 'hash', oneTime: true };
      const person = testId();
      await store.putUser(user);
      await store.putUser({ ...user, oneTime: false });
      await store.putValue('start', Buffer.from('one'));
      await store.commit({
        audit: [1, 2, 3].map((n) => ({
          at: startOfTests + n,
          who: n === 2 ? 'node' : 'ward',
          action: 'read' as const,
          outcome: 'Permit',
          what: 'patient',
          personId: n === 1 ? testId() : person,
          reason: 'care',
        })),
      });
      const again = await reopen();
      await again.commit({
        audit: [{ at: startOfTests + 4, who: 'ward', action: 'sign-out', outcome: 'done', what: 'session' }],
      });
      expect(await again.user('ward')).toEqual({ ...user, oneTime: false });
      expect(await again.user('nobody')).toBeUndefined();
      expect(await again.getValue('start')).toEqual(Buffer.from('one'));
      expect((await again.audit({ limit: 10 })).rows.map((row) => row.seq)).toEqual([4, 3, 2, 1]);
      expect((await again.audit({ personId: person, who: 'ward', limit: 10 })).rows).toEqual([
        {
          seq: 3,
          at: startOfTests + 3,
          who: 'ward',
          action: 'read',
          outcome: 'Permit',
          what: 'patient',
          personId: person,
          reason: 'care',
        },
      ]);
    });

    it('tells listeners after commits what changed', async () => {
      const { store } = await open();
      const notes: string[] = [];
      const stop = store.onChange((note) =>
        notes.push(...note.messages.map((one) => `${one.id} ${one.state} ${one.sourceId}`), ...note.persons),
      );
      const message = await keepWithJob(store, []);
      const person = testPerson();
      await put(store, person, [], { message: { id: message.id, state: 'done' } });
      await store.commit({ message: { id: message.id, state: 'corrected' } });
      await vi.waitFor(() => expect(notes).toHaveLength(4));
      stop();
      await keepWithJob(store, []);
      expect(notes).toEqual([
        `${message.id} kept meditech`,
        `${message.id} done meditech`,
        person.id,
        `${message.id} corrected meditech`,
      ]);
    });

    it('refuses work after it was closed', async () => {
      const { store } = await open();
      await store.close();
      await expect(store.keep(testMessage(), [], null, { identityIsUnique: false })).rejects.toEqual(
        refused('store.closed'),
      );
    });
  });
}
