import { createSecretKey } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import knex from 'knex';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Connection, type Value } from '../../../engine/store/database.ts';
import { messageListQuery } from '../../../engine/store/read-messages.ts';
import { migrate } from '../../../engine/store/schema.ts';
import { checks, holdsWords, lane, reads, writes } from '../../../engine/store/statements.ts';
import { openSeal } from '../../../pki/seal.ts';

let connection: Connection;
let folder: string;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'mix-plans-'));
  await migrate(join(folder, 'store.db'));
  connection = await Connection.open(join(folder, 'store.db'), 'write');
  await connection.exec(lane.prepare);
});
afterAll(async () => {
  await connection.close();
  rmSync(folder, { recursive: true });
});

/** Lines of a plan that read a whole table. The given rows and keys (jsonb_each), the full-text index and small tables of the node are not that. */
async function scans(sql: string, values: readonly Value[] = []): Promise<string[]> {
  const plan = await connection.all(`EXPLAIN QUERY PLAN ${sql}`, values);
  return plan
    .map((row) => row.detail as string)
    .filter(
      (line) =>
        /^SCAN/.test(line) &&
        !/VALUES CLAUSE|VIRTUAL TABLE INDEX \d+:M|^SCAN (jsonb?_each|v) VIRTUAL TABLE INDEX 1:$|^SCAN (v|found)$|^SCAN (sources|outlets)$|CONSTANT ROW/.test(
          line,
        ),
    );
}

describe('the lane', () => {
  it('writes every table that there is a write for, from its own rows', () => {
    expect([...lane.names].sort()).toEqual(Object.keys(writes).sort());
    for (const name of lane.names) expect(lane.prepare).toMatch(new RegExp(`jsonb_each\\(NEW\\.${name}\\)`));
    expect(lane.prepare).not.toMatch(/\?\d/);
  });
});

describe('query plans', () => {
  it('search by key in every check, read and write of the hot ways', async () => {
    const sqls: [string, string][] = [];
    const allowed = new Set(['messageColumns', 'messageFrom', 'parkedBySource']);
    for (const [name, sql] of [...Object.entries(checks), ...Object.entries(reads), ...Object.entries(writes)]) {
      if (!allowed.has(name)) sqls.push([name, typeof sql === 'function' ? sql() : sql]);
    }
    expect(sqls.length).toBeGreaterThan(40);
    for (const [name, sql] of sqls) expect({ name, scans: await scans(sql) }).toEqual({ name, scans: [] });
  });

  it('show a scan where there is one', async () => {
    expect(await scans('SELECT * FROM entries WHERE status = ?')).toHaveLength(1);
    expect(await scans("UPDATE messages SET state='x' WHERE ack_code = ?")).toHaveLength(1);
  });

  it('count parked messages from their own small index', async () => {
    const plan = await connection.all(`EXPLAIN QUERY PLAN ${reads.parkedBySource}`);
    expect(plan.map((row) => row.detail)).toEqual([expect.stringContaining('COVERING INDEX messages_apart')]);
  });

  it('list messages by each filter through an index', async () => {
    const parts = {
      seal: openSeal({ kek: createSecretKey(Buffer.alloc(32)) }),
      build: knex({ client: 'sqlite3', useNullAsDefault: true }),
      holds: holdsWords,
    };
    const filters = [
      { sourceId: 'a' },
      { type: 'a' },
      { state: 'parked' as const },
      { from: 1, to: 2 },
      { personId: 'a' },
      { terms: [{ field: 'name' as const, text: 'abc' }] },
    ];
    for (const filter of filters) {
      const { sql, bindings } = messageListQuery(parts, { ...filter, limit: 1 })!
        .select('m.seq')
        .orderBy('m.seq', 'desc')
        .limit(5)
        .toSQL()
        .toNative();
      expect({ filter, scans: await scans(sql, bindings as Value[]) }).toEqual({ filter, scans: [] });
    }
  });
});
