/** Pipeline: messages a second from frame to committed record, beside a bare insert of the very rows that the run left in its store. */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { askChild, endChild, startChild } from './child.ts';
import { runLoad } from './load.ts';
import { startNodeUnderTest } from './node-under-test.ts';
import { type BenchOptions, type BenchResult, round } from './result.ts';

const CONNECTIONS = 32;
const SECONDS_MAX = 120;
/** Most messages before anything is measured; the same stream goes on after them. */
const WARM_UP_MAX = 3_000;
const SEED = 7;

export async function benchPipeline(options: BenchOptions): Promise<BenchResult[]> {
  const { messages: count, profileDir } = options;
  const warmUp = Math.min(WARM_UP_MAX, count);
  const folder = join(options.folder, 'pipeline');
  mkdirSync(folder, { recursive: true });
  options.step('pipeline');
  const node = await startNodeUnderTest({ folder, paused: false, ...(profileDir ? { profileDir } : {}) });
  const drive = { port: node.port, connections: CONNECTIONS, seconds: SECONDS_MAX };
  await runLoad({ ...drive, messages: { count: warmUp, seed: SEED } });
  const { groups } = await node.figures();
  await node.mark();
  const load = await runLoad({ ...drive, messages: { count, seed: SEED, from: warmUp } });
  const figures = await node.figures();
  await node.close();
  if (load.errors > 0 || figures.messages !== warmUp + count || figures.parked > 0)
    throw new Error(`pipeline: ${load.errors} errors; ${figures.messages} of ${count} kept, ${figures.parked} parked`);
  options.step('pipeline floor');
  const floor = await insertBare({ folder, groups: groups + figures.groups });
  const perSecond = count / ((figures.endedAt - load.begunAt) / 1000);
  const bare = figures.messages / floor.seconds;
  return [
    {
      name: 'pipeline',
      per_second: round(perSecond, 0),
      floor_per_second: round(bare, 0),
      ratio: round(perSecond / bare),
      p50_ms: round(load.p50Ms),
      p99_ms: round(load.p99Ms),
      cpu_ms: round(figures.cpuMs / count, 3),
      rss_mb: round(figures.rssBytes / 1e6, 0),
      bytes_per_message: round(figures.storeBytes / figures.messages, 0),
    },
  ];
}

async function insertBare(options: { folder: string; groups: number }): Promise<{ seconds: number }> {
  const child = startChild('rows-floor-child');
  try {
    return await askChild<{ seconds: number }>(child, {
      from: join(options.folder, 'store.sqlite'),
      into: join(options.folder, 'floor.sqlite'),
      groups: options.groups,
    });
  } finally {
    await endChild(child);
  }
}
