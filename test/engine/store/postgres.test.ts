import { createSecretKey } from 'node:crypto';
import { afterAll, afterEach, describe, expect, it, vi } from 'vitest';
import { type OpenedStore, openPostgresStore, type StoreLimits } from '../../../engine/store/index.ts';
import { openSeal } from '../../../pki/seal.ts';
import type { IndexChanges } from '../../../schemas/index-store.ts';
import type { Job, Store } from '../../../schemas/parts.ts';
import { exchangeStoreContract } from '../../contract/exchange-store.ts';
import { indexStoreContract, testRecord } from '../../contract/index-store.ts';
import { refused, startOfTests, testEntry, testId, testJob, testMessage, testPerson } from '../../contract/kept.ts';
import { storeContract } from '../../contract/store.ts';
import { type PostgresServer, startPostgres } from '../../support/postgres.ts';

const server = await startPostgres();
const kek = createSecretKey(Buffer.alloc(32, 7));
const opened: Store[] = [];
const schemas: string[] = [];
let serial = 0;

function newSchema(): string {
  const schema = `mix_test_${process.pid}_${++serial}`;
  schemas.push(schema);
  return schema;
}

afterEach(async () => {
  for (const store of opened.splice(0)) await store.close();
  for (const schema of schemas.splice(0))
    if (!('missing' in server)) await server.run(`DROP SCHEMA IF EXISTS ${schema} CASCADE`);
});
afterAll(async () => {
  if (!('missing' in server)) await server.stop();
}, 120_000);

if ('missing' in server) {
  describe('PostgreSQL', () => {
    it.skip(`is not tested here, ${server.missing}`, () => {});
  });
} else {
  const openForTest = async () => {
    const schema = newSchema();
    let now = startOfTests;
    const open = async () => {
      const store = await openPostgresStore({
        url: server.url,
        schema,
        seal: openSeal({ kek }),
        clock: { now: () => now },
      });
      opened.push(store);
      return store;
    };
    const store = await open();
    return {
      store,
      setTime(time: number) {
        now = time;
      },
      async reopen() {
        await store.close();
        return open();
      },
    };
  };
  storeContract('PostgreSQL', openForTest);
  exchangeStoreContract('PostgreSQL', openForTest);
  indexStoreContract('PostgreSQL', openForTest);
  severalProcesses(server);
}

/** Stores with a seal and connections of their own stand for processes. */
function severalProcesses(here: PostgresServer): void {
  const open = async (schema: string, limits: Partial<StoreLimits> = {}, clock = { now: () => startOfTests }) => {
    const store = await openPostgresStore({ url: here.url, schema, seal: openSeal({ kek }), clock, limits });
    opened.push(store);
    return store;
  };
  const keep = async (store: Store, keys: string[], given: Parameters<typeof testMessage>[0] = {}) => {
    const message = testMessage(given);
    await store.keep(message, [], testJob(message.id, keys), { identityIsUnique: false });
    return message;
  };

  describe('PostgreSQL: several processes', () => {
    it('start at once on a schema that is not there, and read what the others sealed', async () => {
      const schema = newSchema();
      const stores = await Promise.all([open(schema), open(schema), open(schema)]);
      const days = [0, 1, 2].map((day) => startOfTests + day * 86_400_000);
      // Each makes the keys of the same days at once.
      const messages = await Promise.all(
        stores.flatMap((store) =>
          days.map(async (receivedAt) => {
            const message = testMessage({ receivedAt });
            await store.keep(message, [], null, { identityIsUnique: false });
            return message;
          }),
        ),
      );
      const persons = await Promise.all(
        stores.map(async (store) => {
          const person = testPerson();
          await store.commit({
            persons: [{ person, expect: 0, terms: [] }],
            entries: [{ entry: testEntry(person.id, 'k'), expect: 0 }],
          });
          return person;
        }),
      );
      for (const store of [...stores, await open(schema)]) {
        expect(await store.messagesOf(messages.map((one) => one.id))).toEqual(messages);
        for (const person of persons) {
          expect(await store.person(person.id)).toEqual(person);
          expect(await store.entries(person.id)).toHaveLength(1);
        }
      }
      // One changes what another made.
      const [first] = persons;
      await stores[2]!.commit({ persons: [{ person: { ...first!, version: 2 }, expect: 1, terms: [] }] });
      await expect(
        stores[1]!.commit({ persons: [{ person: { ...first!, version: 2 }, expect: 1, terms: [] }] }),
      ).rejects.toEqual(refused('store.conflict'));
    });

    it('keep the same message once, whoever gets it', async () => {
      const schema = newSchema();
      const stores = await Promise.all([open(schema), open(schema)]);
      const messages = Array.from({ length: 40 }, () => testMessage());
      const results = await Promise.all(
        messages.flatMap((message) =>
          stores.map((store) =>
            store.keep({ ...message, id: testId() }, [], testJob(message.id, ['k']), { identityIsUnique: true }),
          ),
        ),
      );
      expect(results.filter((one) => one.outcome === 'kept')).toHaveLength(40);
      expect(results.filter((one) => one.outcome === 'repeat')).toHaveLength(40);
      for (const one of results) if (one.outcome === 'repeat') expect(one.first!.ack.toString()).toMatch(/^MSA/);
      const others = messages.map((message) => ({ ...message, identity: `other ${message.identity}` }));
      const raced = await Promise.all(
        others.flatMap((message) =>
          stores.map((store, i) => {
            const digest = Buffer.alloc(16, i + 1);
            const copy = { ...message, id: testId(), digest };
            return store.keep(copy, [], null, { identityIsUnique: true });
          }),
        ),
      );
      expect(raced.filter((one) => one.outcome === 'conflict')).toHaveLength(40);
      expect((await stores[0]!.counts()).messages).toBe(80);
    });

    it('let one of them make a person, and no two units wait for each other in a circle', async () => {
      const schema = newSchema();
      const stores = await Promise.all([open(schema), open(schema), open(schema)]);
      const shared = Array.from({ length: 12 }, (_, i) => ({
        system: 'urn:oid:1.2.3',
        value: `S${i}`,
        type: 'MR',
        sourceId: 'meditech',
      }));
      const results = await Promise.allSettled(
        stores.flatMap((store, s) =>
          shared.map((one, i) => {
            const next = shared[(i + 1) % shared.length]!;
            const person = testPerson({ identifiers: s % 2 ? [one, next] : [next, one] });
            return store.commit({ persons: [{ person, expect: 0, terms: [] }] });
          }),
        ),
      );
      for (const one of results) if (one.status === 'rejected') expect(one.reason).toEqual(refused('store.conflict'));
      const made = results.filter((one) => one.status === 'fulfilled').length;
      expect(made).toBeGreaterThan(0);
      expect((await stores[0]!.counts()).persons).toBe(made);
      const holders = await stores[1]!.personsByIdentifier(shared);
      for (const id of holders.values()) expect(await stores[2]!.person(id)).toBeDefined();
    });

    it('work on the jobs of a key one at a time and in their order', async () => {
      const schema = newSchema();
      const stores = await Promise.all([open(schema), open(schema), open(schema)]);
      const keys = ['a', 'b', 'c', 'd', 'e'];
      const orderOf = new Map<string, string[]>(keys.map((key) => [key, []]));
      for (let i = 0; i < 90; i++) {
        const mine = i % 3 === 0 ? [keys[i % 5]!, keys[(i + 2) % 5]!] : [keys[i % 5]!];
        const message = await keep(stores[i % 3]!, mine);
        for (const key of mine) orderOf.get(key)!.push(message.id);
      }
      const running = new Set<string>();
      const ended: string[] = [];
      const keysOf = (subject: string) => keys.filter((key) => orderOf.get(key)!.includes(subject));
      const work = async (store: Store): Promise<void> => {
        while (ended.length < 90) {
          const jobs = await store.lease(['process'], 3);
          if (jobs.length === 0) await store.waitForJobs(50);
          await Promise.all(
            jobs.map(async (job) => {
              for (const key of keysOf(job.subject)) {
                expect(running).not.toContain(key);
                running.add(key);
              }
              await new Promise((resolve) => setTimeout(resolve, 2));
              ended.push(job.subject);
              for (const key of keysOf(job.subject)) running.delete(key);
              await store.commit({ jobDone: job, message: { id: job.subject, state: 'done' } });
            }),
          );
        }
      };
      await Promise.all(stores.map(work));
      for (const key of keys) expect(ended.filter((id) => orderOf.get(key)!.includes(id))).toEqual(orderOf.get(key));
      expect(new Set(ended).size).toBe(90);
      expect(await stores[0]!.counts()).toMatchObject({ ready: 0, parked: 0 });
      expect(await here.run(`SELECT count(*)::int AS rows FROM ${schema}.job_keys`)).toEqual([{ rows: 0 }]);
    });

    it('get the jobs of one that is gone when its leases ran out, and keep the leases of those that live', async () => {
      const schema = newSchema();
      let now = startOfTests;
      const clock = { now: () => now };
      const gone = await open(schema, { leaseMs: 60_000 }, clock);
      const lives = await open(schema, { leaseMs: 300 }, clock);
      const message = await keep(gone, ['k']);
      await keep(gone, ['m']);
      const [lost] = await gone.lease(['process'], 1);
      const [kept] = await lives.lease(['process'], 1);
      expect(lost!.subject).toBe(message.id);
      now += 250;
      // Renewed by the store's own timer.
      await vi.waitFor(
        async () =>
          expect(
            await here.run(
              `SELECT (leased_until - ${now})::int AS left FROM ${schema}.jobs WHERE leased_until > ${now + 100}`,
            ),
          ).toHaveLength(2),
        5_000,
      );
      now += 60_000 - 250;
      // The clock jumped past both leases: who lives renews its own before anybody looks.
      await vi.waitFor(
        async () =>
          expect(
            await here.run(`SELECT id FROM ${schema}.jobs WHERE state = 'leased' AND leased_until > ${now}`),
          ).toHaveLength(1),
        5_000,
      );
      const third = await open(schema, {}, clock);
      await vi.waitFor(async () => {
        const [taken] = await third.lease(['process'], 1);
        expect(taken?.subject).toBe(message.id);
        await expect(gone.commit({ jobDone: lost! })).rejects.toEqual(refused('store.fenced'));
        await third.commit({ jobDone: taken! });
      }, 5_000);
      await lives.commit({ jobDone: kept! });
    });

    it('are woken by what another keeps, and by what another finishes', async () => {
      const schema = newSchema();
      const [a, b] = await Promise.all([open(schema), open(schema)]);
      const next = async (store: Store): Promise<Job> => {
        for (;;) {
          const [job] = await store.lease(['process'], 1);
          if (job) return job;
          await store.waitForJobs(60_000);
        }
      };
      const waiting = next(b!);
      const first = await keep(a!, ['k']);
      const second = await keep(a!, ['k']);
      const job = await waiting;
      expect(job.subject).toBe(first.id);
      const waitingToo = next(a!);
      await b!.commit({ jobDone: job });
      expect((await waitingToo).subject).toBe(second.id);
    });

    it('tell each other what they changed, for pages and for senders that wait', async () => {
      const schema = newSchema();
      const [a, b] = [await open(schema), await open(schema)];
      const [pages, others]: [string[], string[]] = [[], []];
      a.onChange((note) => pages.push(...note.messages.map((one) => `${one.id} ${one.state} ${one.sourceId}`)));
      const stop = a.onOthers!((note) => others.push(...note.messages.map((one) => `${one.id} ${one.state}`)));
      const message = await keep(a, []);
      const [job] = await b.lease(['process'], 1);
      await b.commit({ jobDone: job!, message: { id: message.id, state: 'done' } });
      await vi.waitFor(() => expect(others).toEqual([`${message.id} done`]));
      expect(pages).toEqual([`${message.id} kept meditech`, `${message.id} done meditech`]);
      stop();
      const many = await Promise.all(Array.from({ length: 120 }, () => keep(b, [])));
      await vi.waitFor(() => expect(pages).toHaveLength(122));
      expect(new Set(pages.slice(2))).toEqual(new Set(many.map((one) => `${one.id} kept meditech`)));
      expect(others).toHaveLength(1);
    });

    it('count and chain their audit each in a part of its own, and take over the part of one that is gone', async () => {
      const schema = newSchema();
      const [a, b] = [await open(schema), await open(schema)];
      const tell = (store: Store, at: number) =>
        store.commit({ audit: [{ at, who: 'ward', action: 'read', outcome: 'Permit', what: 'patient' }] });
      for (let i = 0; i < 4; i++) await Promise.all([tell(a, i), tell(b, i), keep(a, []), keep(b, [])]);
      expect(await a.checkAudit()).toEqual({ rows: 8 });
      expect((await b.sourceStats())[0]).toMatchObject({ total: 8 });
      expect((await a.counts()).messages).toBe(8);
      await a.close();
      const writers = `SELECT count(*)::int AS writers FROM pg_locks WHERE locktype = 'advisory' AND objsubid = 2`;
      await vi.waitFor(async () => expect(await here.run(writers)).toEqual([{ writers: 2 }]));
      const c = await open(schema);
      await Promise.all([tell(c, 9), keep(c, [])]);
      expect((await here.run(`SELECT max(part)::int AS part FROM ${schema}.audit`))[0]!.part).toBeLessThan(4);
      expect(await c.checkAudit()).toEqual({ rows: 9 });
      await here.run(
        `DELETE FROM ${schema}.audit WHERE part = (SELECT part FROM ${schema}.audit LIMIT 1) AND number = 2`,
      );
      expect((await c.checkAudit()).broken).toBeDefined();
    });

    it('forget a person that one of them shredded', async () => {
      const schema = newSchema();
      const [a, b] = [await open(schema), await open(schema)];
      const person = testPerson();
      await a.commit({ persons: [{ person, expect: 0, terms: [] }] });
      expect(await b.person(person.id)).toEqual(person);
      await a.shredPerson(person.id);
      await expect(a.person(person.id)).rejects.toEqual(refused('seal.shredded'));
      await vi.waitFor(() => expect(b.person(person.id)).rejects.toEqual(refused('seal.shredded')));
      await expect((await open(schema)).person(person.id)).rejects.toEqual(refused('seal.shredded'));
    });
  });

  describe('PostgreSQL: the server', () => {
    const cut = (schema: string) =>
      here.run(
        `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE 'mix-hie%' AND pid <> pg_backend_pid()
         AND pid IN (SELECT pid FROM pg_locks WHERE locktype = 'advisory') OR query LIKE '%${schema}%' AND application_name LIKE 'mix-hie%'`,
      );

    it('may cut every connection: the store says so and goes on', async () => {
      const schema = newSchema();
      const store = await open(schema);
      const before = await keep(store, ['k']);
      const running = Promise.allSettled(Array.from({ length: 200 }, () => keep(store, ['k'])));
      await cut(schema);
      const results = await running;
      for (const one of results)
        if (one.status === 'rejected') expect(one.reason).toEqual(refused('store.unreachable'));
      const kept = results.flatMap((one) => (one.status === 'fulfilled' ? [one.value.id] : []));
      await vi.waitFor(async () => {
        await keep(store, ['k']);
      }, 10_000);
      expect((await store.messagesOf([before.id, ...kept])).map((one) => one.id)).toEqual([before.id, ...kept]);
      await store.commit({
        audit: [{ at: 1, who: 'ward', action: 'read', outcome: 'Permit', what: 'patient' }],
      });
      expect((await store.checkAudit()).broken).toBeUndefined();
      expect((await store.lease(['process'], 5)).map((job) => job.subject)).toEqual([before.id]);
    });

    it('tells its failures without a value in them', async () => {
      const schema = newSchema();
      const store = await open(schema);
      const person = testPerson();
      await store.commit({
        persons: [{ person, expect: 0, terms: [] }],
        entries: [{ entry: testEntry(person.id, 'k'), expect: 0 }],
      });
      const entry = { ...testEntry(person.id, 'k'), code: 'http://loinc.org|SECRET' };
      const fault = await store.commit({ entries: [{ entry, expect: 0 }] }).catch((error: unknown) => error);
      expect(fault).toEqual(refused('store.conflict'));
      expect(JSON.stringify(fault)).not.toContain('SECRET');
      await expect(
        openPostgresStore({
          url: 'postgres://nobody:SECRET@127.0.0.1:1/none',
          schema,
          seal: openSeal({ kek }),
          clock: { now: () => 0 },
        }),
      ).rejects.toSatisfy((error: unknown) => {
        expect(error).toEqual(refused('store.unreachable'));
        return !JSON.stringify(error).includes('SECRET') && !String((error as Error).message).includes('SECRET');
      });
    });

    it('refuses a schema that a later release wrote, and a name that is none', async () => {
      const schema = newSchema();
      await (await open(schema)).close();
      await here.run(`INSERT INTO ${schema}.migrations (name) VALUES ('9999-later')`);
      await expect(open(schema)).rejects.toEqual(refused('store.newer'));
      await expect(open('x; DROP SCHEMA public')).rejects.toEqual(refused('store.failed'));
    });

    it('holds no word of a patient in any table, and texts that it can not hold do no harm', async () => {
      const schema = newSchema();
      const store: OpenedStore = await open(schema);
      const person = testPerson({
        identifiers: [{ system: 'urn:oid:1', value: 'MRSECRET99', type: 'MR', sourceId: 'meditech' }],
      });
      const message = testMessage({
        text: 'PID|1||MRSECRET99||QUACKENBUSH',
        identity: 'MRSECRET99',
        type: 'A\u0000\ud800B',
      });
      await store.keep(message, [{ field: 'name', text: 'QUACKENBUSH' }], testJob(message.id, ['MRSECRET99']), {
        identityIsUnique: false,
      });
      await store.commit({
        persons: [{ person, expect: 0, terms: [{ field: 'name', text: 'Quackenbush' }] }],
        entries: [{ entry: testEntry(person.id, 'Observation|MRSECRET99'), expect: 0 }],
        index: secretIndex(person.id),
        message: { id: message.id, state: 'done', terms: [{ field: 'text', text: 'Quackenbush' }] },
        steps: [{ messageId: message.id, at: 1, step: 'mapped', detail: 'Quackenbush' }],
        audit: [{ at: 1, who: 'ward', action: 'read', outcome: 'Permit', what: 'patient', thing: 'MRSECRET99' }],
      });
      expect((await store.messages({ terms: [{ field: 'text', text: 'quack' }], limit: 1 })).count).toBe(1);
      expect((await store.message(message.id))?.bytes).toEqual(message.bytes);
      const tables = await here.run(`SELECT tablename AS name FROM pg_tables WHERE schemaname = '${schema}'`);
      expect(tables.length).toBeGreaterThan(20);
      let all = '';
      for (const { name } of tables) {
        const rows = await here.run(`SELECT * FROM ${schema}.${String(name)}`);
        for (const row of rows)
          for (const value of Object.values(row))
            all += Buffer.isBuffer(value) ? value.toString('latin1') : `${value}\n`;
      }
      expect(all).toContain('meditech');
      for (const secret of ['QUACKENBUSH', 'Quackenbush', 'quack', 'MRSECRET99', 'mrsecret99', 'Glucose'])
        expect({ secret, found: all.includes(secret) }).toEqual({ secret, found: false });
    });
  });
}

/** A local record with its item and its history, with the same secrets in each. */
function secretIndex(personId: string): IndexChanges {
  const number = { system: 'urn:oid:1', value: 'MRSECRET99', type: 'MR' };
  const record = testRecord(personId, {
    number,
    numbers: [{ ...number, value: 'MRSECRET99b', sourceId: 'a' }],
    features: Buffer.from('QUACKENBUSH'),
  });
  const at = { createdAt: startOfTests, updatedAt: startOfTests };
  return {
    records: [{ record, expect: 0, keys: ['b|19620101|Quackenbush', 'MRSECRET99'] }],
    items: [
      {
        item: {
          id: testId(),
          version: 1,
          kind: 'overlay',
          state: 'open',
          a: record.id,
          personId,
          from: 'a',
          ...at,
          body: {
            decisions: [{ at: 1, by: 'dora', act: 'decided', reason: 'Quackenbush' }],
            held: {
              identifier: 'MRSECRET99',
              patient: { resourceType: 'Patient', name: [{ family: 'Quackenbush' }] },
              at: 1,
            },
          },
        },
        expect: 0,
      },
    ],
    events: [
      {
        id: testId(),
        personId,
        at: 1,
        event: 'created',
        who: 'dora',
        reason: 'Quackenbush',
        after: {
          state: 'active',
          records: [{ id: record.id, sourceId: 'a', ...number, version: 1 }],
          numbers: [number],
        },
      },
    ],
  };
}
