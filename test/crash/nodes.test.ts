/**
 * An exchange of four nodes under load while any of them is killed at random, and again while the lines between them are cut, slowed, repeated
 * and reordered. In the end each document is at each place once, each person has one MIX number, and nothing is parked without a cause.
 *
 * `MIX_NODES_SECONDS` sets how long nodes are killed (default 120) and a third of it how long lines misbehave; `MIX_CRASH_SEED` the moments.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeAll, describe, expect, it, onTestFailed } from 'vitest';
import { buildPages } from '../../adapters/web/index.ts';
import { type FourNodes, startFourNodes } from './four-nodes.ts';
import { judgeExchange } from './judge-exchange.ts';

const SECONDS = Number(process.env.MIX_NODES_SECONDS ?? 120);
const SEED = Number(process.env.MIX_CRASH_SEED ?? 20_260_401);
/** Of kills; between two of them some node is up again. */
const PAUSE_MS = [1_000, 6_000] as const;
const DOWN_MS_MAX = 4_000;

const dirs: string[] = [];
let nodes: FourNodes | undefined;

beforeAll(() => buildPages());

afterEach(async () => {
  await nodes?.close();
  nodes = undefined;
  for (const dir of dirs.splice(0)) if (!kept.has(dir)) rmSync(dir, { recursive: true, force: true });
});

/** Stores of a run that did not hold stay, to be looked into. */
const kept = new Set<string>();

function newDir(): string {
  const dir = mkdtempSync(join(tmpdir(), 'mix-nodes-'));
  dirs.push(dir);
  onTestFailed(() => {
    kept.add(dir);
    process.stdout.write(`  the stores stay in ${dir}\n`);
  });
  return dir;
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

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

describe('an exchange of four nodes', () => {
  it(`holds what it promised after ${SECONDS} seconds of kills`, async () => {
    const random = randomFrom(SEED);
    const dir = newDir();
    nodes = await startFourNodes(dir, { seed: SEED });
    const load = nodes.load();
    const until = Date.now() + SECONDS * 1_000;
    let kills = 0;
    // On a busy machine a start takes long: then it is the number of kills that counts.
    while (Date.now() < until || kills < SECONDS / 12) {
      await pause(PAUSE_MS[0] + random() * (PAUSE_MS[1] - PAUSE_MS[0]));
      const name = nodes.names[Math.floor(random() * nodes.names.length)]!;
      await nodes.kill(name);
      kills += 1;
      await pause(random() * DOWN_MS_MAX);
      await nodes.start(name);
    }
    await load.end();
    await nodes.settled();
    await nodes.stopAll();
    const verdict = await judgeExchange(nodes.plan, load.people());
    process.stdout.write(`  ${kills} kills, ${load.sent()} messages acknowledged: ${JSON.stringify(verdict.counts)}\n`);
    expect(verdict.faults).toEqual([]);
    expect(verdict.counts.persons).toBeGreaterThan(5);
  });

  it('holds what it promised over lines that cut, slow, repeat and reorder', async () => {
    const dir = newDir();
    const mischief = { cut: 0.08, loseAnswer: 0.08, repeat: 0.15, hold: 0.15, slowMs: 60 };
    nodes = await startFourNodes(dir, { seed: SEED + 1, mischief, random: randomFrom(SEED + 1) });
    const load = nodes.load();
    const until = Date.now() + (SECONDS * 1_000) / 3;
    const isEnough = ({ cut, lost, repeated, held }: ReturnType<FourNodes['mischiefDone']>): boolean =>
      Math.min(cut + lost, repeated, held) >= 5;
    while (Date.now() < until || !isEnough(nodes.mischiefDone())) await pause(500);
    await load.end();
    nodes.calm();
    await nodes.settled();
    await nodes.stopAll();
    const verdict = await judgeExchange(nodes.plan, load.people());
    const done = nodes.mischiefDone();
    process.stdout.write(
      `  lines: ${JSON.stringify(done)}; ${load.sent()} messages: ${JSON.stringify(verdict.counts)}\n`,
    );
    expect(verdict.faults).toEqual([]);
  });
});
