/** Intake: messages a second that are kept and answered, beside a bare SQLite that keeps the same frames at the same connections. */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { startFloor } from './intake-floor.ts';
import { runLoad } from './load.ts';
import { startNodeUnderTest } from './node-under-test.ts';
import { type BenchOptions, type BenchResult, round } from './result.ts';

const CONNECTIONS = [1, 8, 32];
/** More than any of them takes in the time. */
const MESSAGES_A_SECOND = 16_000;
/** Messages before anything is measured, so that both sides are compiled and their files exist. */
const WARM_UP = 3_000;

export async function benchIntake(options: BenchOptions): Promise<BenchResult[]> {
  const results: BenchResult[] = [];
  for (const connections of CONNECTIONS) results.push(await benchAt(options, connections));
  return results;
}

async function benchAt(options: BenchOptions, connections: number): Promise<BenchResult> {
  const { seconds, profileDir } = options;
  const name = `intake-${connections}`;
  const folder = join(options.folder, name);
  mkdirSync(folder, { recursive: true });
  const load = { connections, seconds, messages: { count: MESSAGES_A_SECOND * seconds, seed: 20 + connections } };
  const warmUp = { connections, seconds, messages: { count: WARM_UP, seed: 90 + connections } };
  options.step(name);
  const node = await startNodeUnderTest({ folder, paused: true, ...(profileDir ? { profileDir } : {}) });
  const before = await runLoad({ ...warmUp, port: node.port });
  await node.mark();
  const ours = await runLoad({ ...load, port: node.port });
  const figures = await node.figures();
  await node.close();
  if (ours.errors > 0 || figures.messages !== ours.answered + before.answered)
    throw new Error(`${name}: ${ours.errors} errors; ${ours.answered} answered, ${figures.messages} kept`);
  options.step(`${name} floor`);
  const floor = await startFloor({ folder });
  await runLoad({ ...warmUp, port: floor.port });
  const bare = await runLoad({ ...load, port: floor.port });
  await floor.close();
  return {
    name,
    per_second: round(ours.perSecond, 0),
    floor_per_second: round(bare.perSecond, 0),
    ratio: round(ours.perSecond / bare.perSecond),
    p50_ms: round(ours.p50Ms),
    p99_ms: round(ours.p99Ms),
    cpu_ms: round(figures.cpuMs / ours.answered, 3),
    rss_mb: round(figures.rssBytes / 1e6, 0),
    bytes_per_message: round(figures.storeBytes / figures.messages, 0),
  };
}
