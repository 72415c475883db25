import { type ChildProcess, spawn } from 'node:child_process';
import { createSecretKey } from 'node:crypto';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sqlite3 from 'sqlite3';
import { afterEach, describe, expect, it } from 'vitest';
import { type OpenedStore, openStore, type StoreLimits } from '../../../engine/store/index.ts';
import { openSeal } from '../../../pki/seal.ts';
import { refused, startOfTests, testEntry, testId, testJob, testMessage, testPerson } from '../../contract/kept.ts';

const kek = createSecretKey(Buffer.alloc(32, 7));
const opened: OpenedStore[] = [];
const folders: string[] = [];
const children: ChildProcess[] = [];

afterEach(async () => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
  for (const store of opened.splice(0)) await store.close();
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true });
});

function newFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'mix-durable-'));
  folders.push(folder);
  return folder;
}

async function open(folder: string, limits: Partial<StoreLimits> = {}): Promise<OpenedStore> {
  const store = await openStore({
    file: join(folder, 'store.db'),
    seal: openSeal({ kek }),
    clock: { now: () => startOfTests },
    limits,
  });
  opened.push(store);
  return store;
}

/** SQL beside the store, as somebody would who has the file. */
function outside(folder: string, sql: string, values: unknown[] = []): Promise<Record<string, unknown>[]> {
  return new Promise((resolve, reject) => {
    const database = new sqlite3.Database(join(folder, 'store.db'));
    database.all<Record<string, unknown>>(sql, values, (error, rows) => {
      database.close();
      if (error) reject(error);
      else resolve(rows);
    });
  });
}

function everyByte(folder: string): string {
  return readdirSync(folder)
    .map((name) => readFileSync(join(folder, name)).toString('latin1'))
    .join('\n');
}

describe('what the store promises', () => {
  it('holds after the process was killed in the middle of its work', async () => {
    const folder = newFolder();
    for (let round = 0; round < 3; round++) {
      const child = spawn(
        process.execPath,
        [new URL('./keep-forever.ts', import.meta.url).pathname, join(folder, 'store.db')],
        { stdio: ['ignore', 'pipe', 'inherit'] },
      );
      children.push(child);
      let told = '';
      await new Promise<void>((resolve) => {
        child.stdout.on('data', (chunk: Buffer) => {
          told += chunk.toString();
          if (told.length > 40_000 + round * 7_000) child.kill('SIGKILL');
        });
        child.on('close', () => resolve());
      });
      const lines = told.slice(0, told.lastIndexOf('\n')).split('\n');
      const kept = lines.filter((line) => line.startsWith('kept ')).map((line) => line.slice(5));
      const done = lines.filter((line) => line.startsWith('done ')).map((line) => line.slice(5));
      expect(kept.length).toBeGreaterThan(100);
      expect(await outside(folder, 'PRAGMA integrity_check')).toEqual([{ integrity_check: 'ok' }]);
      expect(await outside(folder, 'PRAGMA foreign_key_check')).toEqual([]);
      const store = await open(folder);
      const found = await store.messagesOf(kept);
      expect(found.map((message) => message.id)).toEqual(kept);
      const finished = await store.messagesOf(done);
      expect(finished.filter((message) => message.state !== 'done')).toEqual([]);
      // The effect and 'done' are one commit: each settled message has exactly its one entry, the others none and a job.
      const counts = await store.counts();
      const [states] = await outside(
        folder,
        `SELECT sum(state='done') AS done, sum(state='kept') AS kept, count(*) AS all_of FROM messages`,
      );
      expect(counts).toMatchObject({
        messages: states!.all_of,
        entries: states!.done,
        persons: states!.done,
        ready: states!.kept,
      });
      expect((await store.checkAudit()).broken).toBeUndefined();
      await store.close();
      opened.pop();
    }
  }, 120_000);

  it('refuses with store.full when the disk is full, keeps nothing by halves, and works again when there is space', async () => {
    const folder = newFolder();
    const store = await open(folder, { pagesMax: 120 });
    const big = () =>
      testMessage({ bytes: Buffer.from(Array.from({ length: 20_000 }, () => Math.floor(Math.random() * 256))) });
    const kept: string[] = [];
    let full = 0;
    for (let i = 0; i < 80 && full < 3; i++) {
      const group = [big(), big(), big()];
      const results = await Promise.allSettled(
        group.map((message) => store.keep(message, [], testJob(message.id, ['k']), { identityIsUnique: false })),
      );
      results.forEach((result, n) => {
        if (result.status === 'fulfilled') kept.push(group[n]!.id);
        else {
          full++;
          expect(result.reason).toEqual(refused('store.full'));
        }
      });
    }
    expect(full).toBeGreaterThan(0);
    expect((await store.messagesOf(kept)).map((message) => message.id)).toEqual(kept);
    expect(await store.counts()).toMatchObject({ messages: kept.length, ready: kept.length });
    await store.close();
    const roomy = await open(folder);
    const more = big();
    expect((await roomy.keep(more, [], testJob(more.id, ['k']), { identityIsUnique: false })).outcome).toBe('kept');
    for (const table of ['message_bodies', 'messages', 'jobs', 'seen']) {
      expect(await outside(folder, `SELECT count(*) AS rows_of FROM ${table}`)).toEqual([{ rows_of: kept.length + 1 }]);
    }
    expect((await roomy.sourceStats())[0]).toMatchObject({ total: kept.length + 1 });
  });

  it('goes on in the same process after the disk was full', async () => {
    const folder = newFolder();
    const store = await open(folder, { pagesMax: 100 });
    const huge = testMessage({
      bytes: Buffer.from(Array.from({ length: 900_000 }, () => Math.floor(Math.random() * 256))),
    });
    await expect(store.keep(huge, [], null, { identityIsUnique: false })).rejects.toEqual(refused('store.full'));
    const small = testMessage();
    expect((await store.keep(small, [], null, { identityIsUnique: false })).outcome).toBe('kept');
    const reopened = await store.close().then(() => open(folder));
    expect((await reopened.message(small.id))?.bytes).toEqual(small.bytes);
  });

  it('is held to its limits', async () => {
    const folder = newFolder();
    const store = await open(folder, { jobsMax: 3, unitsMax: 4 });
    const keep = () => {
      const message = testMessage();
      return store.keep(message, [], testJob(message.id, []), { identityIsUnique: false });
    };
    const results = await Promise.allSettled([keep(), keep(), keep(), keep()]);
    expect(results.map((result) => result.status)).toEqual(['fulfilled', 'fulfilled', 'fulfilled', 'rejected']);
    await expect(keep()).rejects.toEqual(refused('store.busy'));
    const units = await Promise.allSettled(Array.from({ length: 6 }, (_, i) => store.putValue(`v${i}`, Buffer.of(i))));
    expect(units.map((unit) => unit.status)).toEqual([
      'fulfilled',
      'fulfilled',
      'fulfilled',
      'fulfilled',
      'rejected',
      'rejected',
    ]);
    const [job] = await store.lease(['process'], 1);
    await store.commit({ jobDone: job! });
    expect((await keep()).outcome).toBe('kept');
  });

  it('loses no data key with a unit that is left out', async () => {
    const folder = newFolder();
    const store = await open(folder);
    const person = testPerson();
    const entry = testEntry(person.id, 'k');
    await store.commit({ persons: [{ person, expect: 0, terms: [] }], entries: [{ entry, expect: 0 }] });
    const late = testPerson();
    // The unit breaks a unique key in the database, after its person's key was made.
    await expect(
      store.commit({
        persons: [{ person: late, expect: 0, terms: [] }],
        entries: [{ entry: testEntry(person.id, 'k'), expect: 0 }],
      }),
    ).rejects.toEqual(refused('store.conflict'));
    await store.commit({ persons: [{ person: late, expect: 0, terms: [] }] });
    const again = await store.close().then(() => open(folder));
    expect(await again.person(late.id)).toEqual(late);
  });

  it('fences an older process that still runs', async () => {
    const folder = newFolder();
    const older = await open(folder);
    const newer = await open(folder);
    await expect(older.putValue('v', Buffer.of(1))).rejects.toEqual(refused('store.fenced'));
    await newer.putValue('v', Buffer.of(2));
    expect(await newer.getValue('v')).toEqual(Buffer.of(2));
  });

  it('refuses a file that a later release wrote', async () => {
    const folder = newFolder();
    await (await open(folder)).close();
    await outside(folder, `INSERT INTO migrations (name) VALUES ('9999-later')`);
    await expect(open(folder)).rejects.toEqual(refused('store.newer'));
  });
});

describe('sealed at rest', () => {
  it('has no word of a patient in any file', async () => {
    const folder = newFolder();
    const store = await open(folder);
    const secrets = [
      'QUACKENBUSH',
      'Quackenbush',
      'quackenbush',
      'quack',
      'MRSECRET99',
      'mrsecret99',
      '19620320',
      '1962-03-20',
      'Fernwood',
      'Glucose',
    ];
    const message = testMessage({
      text: 'PID|1||MRSECRET99||QUACKENBUSH^ZOE||19620320|F|||153 Fernwood Dr',
      identity: 'MRSECRET99',
      facts: {
        controlId: 'C',
        sendingApplication: 'A',
        sendingFacility: 'F',
        patientNumbers: ['MRSECRET99^GEN'],
        patientName: 'QUACKENBUSH',
      },
    });
    await store.keep(
      message,
      [
        { field: 'name', text: 'QUACKENBUSH' },
        { field: 'number', text: 'MRSECRET99' },
      ],
      testJob(message.id, ['MRSECRET99']),
      { identityIsUnique: false },
    );
    const person = testPerson({
      identifiers: [{ system: 'urn:oid:1', value: 'MRSECRET99', type: 'MR', sourceId: 'meditech' }],
    });
    person.patient.birthDate = '1962-03-20';
    person.patient.address = [{ line: ['153 Fernwood Dr'] }];
    const document = {
      id: testId(),
      personId: person.id,
      setId: 's',
      version: 1,
      state: 'current' as const,
      createdAt: 1,
      personVersion: 1,
      bytes: Buffer.from('Quackenbush'.repeat(20)),
      signature: Buffer.from('Quackenbush'),
      sha256: '00',
    };
    await store.commit({
      persons: [
        {
          person,
          expect: 0,
          terms: [
            { field: 'name', text: 'Quackenbush' },
            { field: 'birth', text: '19620320' },
          ],
        },
      ],
      entries: [{ entry: testEntry(person.id, 'Observation|MRSECRET99'), expect: 0 }],
      documents: [document],
      message: {
        id: message.id,
        state: 'done',
        terms: [{ field: 'text', text: 'Quackenbush Fernwood' }],
        notCarried: [],
      },
      steps: [{ messageId: message.id, at: 1, step: 'mapped', detail: 'Quackenbush' }],
      audit: [
        {
          at: 1,
          who: 'ward',
          action: 'read',
          outcome: 'Permit',
          what: 'patient',
          thing: 'MRSECRET99',
          reason: 'Quackenbush',
        },
      ],
    });
    const running = everyByte(folder);
    await store.close();
    for (const bytes of [running, everyByte(folder)]) {
      expect(bytes.length).toBeGreaterThan(10_000);
      for (const secret of secrets) expect({ secret, found: bytes.includes(secret) }).toEqual({ secret, found: false });
    }
    expect(bytesHold(running, 'meditech')).toBe(true);
  });

  it('tells when a row was changed or swapped outside', async () => {
    const folder = newFolder();
    const store = await open(folder);
    const [a, b] = [testPerson(), testPerson()];
    const [ea, eb] = [testEntry(a.id, 'one'), testEntry(a.id, 'two')];
    await store.commit({
      persons: [{ person: a, expect: 0, terms: [] }],
      entries: [
        { entry: ea, expect: 0 },
        { entry: eb, expect: 0 },
      ],
    });
    await store.commit({ persons: [{ person: b, expect: 0, terms: [] }] });
    await outside(folder, 'UPDATE entries SET body = (SELECT e.body FROM entries e WHERE e.seq = 3 - entries.seq)');
    await expect(store.entries(a.id)).rejects.toEqual(refused('seal.broken'));
    await outside(folder, 'UPDATE persons SET body = (SELECT p.body FROM persons p WHERE p.seq = 3 - persons.seq)');
    await expect(store.person(a.id)).rejects.toEqual(refused('seal.broken'));
  });

  it('shows a changed, a removed and a reordered row of the audit', async () => {
    for (const harm of [
      `UPDATE audit SET outcome = 'Deny' WHERE seq = 3`,
      'DELETE FROM audit WHERE seq = 3',
      'UPDATE audit SET body = (SELECT body FROM audit WHERE seq = 2) WHERE seq = 3',
      'UPDATE audit SET person = NULL WHERE seq = 3',
    ]) {
      const folder = newFolder();
      const store = await open(folder);
      for (let i = 1; i <= 5; i++)
        await store.commit({
          audit: [{ at: i, who: 'ward', action: 'read', outcome: 'Permit', what: 'patient', personId: testId() }],
        });
      expect(await store.checkAudit()).toEqual({ rows: 5 });
      await outside(folder, harm);
      expect((await store.checkAudit()).broken).toBeGreaterThanOrEqual(3);
    }
  });

  it('can never open a person again after shredding, and leaves no copy of the key in any file', async () => {
    const folder = newFolder();
    const store = await open(folder);
    const [gone, stays] = [testPerson(), testPerson()];
    await store.commit({
      persons: [{ person: gone, expect: 0, terms: [] }],
      entries: [{ entry: testEntry(gone.id, 'k'), expect: 0 }],
    });
    await store.commit({ persons: [{ person: stays, expect: 0, terms: [] }] });
    const [row] = await outside(folder, 'SELECT wrapped FROM keys WHERE name = ?', [`person/${gone.id}`]);
    const wrapped = (row!.wrapped as Buffer).toString('latin1');
    expect(everyByte(folder)).toContain(wrapped);
    await store.shredPerson(gone.id);
    await expect(store.person(gone.id)).rejects.toEqual(refused('seal.shredded'));
    const again = await store.close().then(() => open(folder));
    await expect(again.entries(gone.id)).rejects.toEqual(refused('seal.shredded'));
    expect(await again.person(stays.id)).toEqual(stays);
    expect(everyByte(folder)).not.toContain(wrapped);
    expect(existsSync(join(folder, 'store.db'))).toBe(true);
  });

  it('refuses the wrong key file', async () => {
    const folder = newFolder();
    const store = await open(folder);
    await store.putValue('v', Buffer.of(1));
    await store.close();
    const wrong = await openStore({
      file: join(folder, 'store.db'),
      seal: openSeal({ kek: createSecretKey(Buffer.alloc(32, 8)) }),
      clock: { now: () => 0 },
    });
    opened.push(wrong);
    await expect(wrong.getValue('v')).rejects.toEqual(refused('seal.broken'));
  });
});

function bytesHold(bytes: string, text: string): boolean {
  return bytes.includes(text);
}
