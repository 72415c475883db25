import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { startFloor } from '../../../adapters/cli/bench/intake-floor.ts';
import { runLoad } from '../../../adapters/cli/bench/load.ts';
import { benchMessages } from '../../../adapters/cli/bench/traffic.ts';
import { ackOf, controlId, listeners, message, start } from '../mllp/house.ts';

afterEach(async () => {
  await Promise.all(listeners.splice(0).map((listener) => listener.close()));
});

describe('bench traffic', () => {
  it('is the mix that it says, the same for the same seed', () => {
    const messages = benchMessages(3000, 7).map((one) => one.toString('latin1'));
    const seen = new Set<string>();
    let fresh = 0;
    for (const one of messages) {
      const patient = /\rPID\|1\|\|(\d+)/.exec(one)?.[1] ?? '';
      expect(patient).not.toBe('');
      if (!seen.has(patient)) fresh += 1;
      seen.add(patient);
    }
    expect(fresh / messages.length).toBeGreaterThan(0.15);
    expect(fresh / messages.length).toBeLessThan(0.25);
    expect(messages.filter((one) => one.includes('|ORU^R01^')).length).toBe(1000);
    expect(new Set(messages.map((one) => one.split('|')[9])).size).toBe(3000);
    for (const one of messages) expect(one.length).toBeGreaterThan(700);
    for (const one of messages) expect(one.length).toBeLessThan(1000);
    expect(benchMessages(50, 7).map(String)).toEqual(messages.slice(0, 50));
    expect(benchMessages(50, 8).map(String)).not.toEqual(messages.slice(0, 50));
  });
});

describe('load client', () => {
  it('sends each message once and counts what was not accepted', async () => {
    const heard: string[] = [];
    const listener = await start({
      accept: async (bytes) => {
        heard.push(controlId(bytes));
        return { ack: ackOf(bytes, controlId(bytes) === 'm5' ? 'AE' : 'AA') };
      },
    });
    const messages = Array.from({ length: 40 }, (_, index) => message(`m${index}`));
    const result = await runLoad({ port: listener.port, connections: 4, messages, seconds: 20 });
    expect(heard.toSorted()).toEqual(messages.map(controlId).toSorted());
    expect([result.answered, result.errors]).toEqual([39, 1]);
    expect(result.p99Ms).toBeGreaterThanOrEqual(result.p50Ms);
  });

  it('drives the floor, which keeps every message', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'mix-floor-'));
    const floor = await startFloor({ folder });
    try {
      const result = await runLoad({
        port: floor.port,
        connections: 8,
        messages: { count: 300, seed: 3 },
        seconds: 20,
        window: 2,
      });
      expect([result.answered, result.errors]).toEqual([300, 0]);
      expect((await floor.figures()).storeBytes).toBeGreaterThan(300 * 700);
    } finally {
      await floor.close();
      rmSync(folder, { recursive: true });
    }
  });
});

describe('bench command', () => {
  const main = join(import.meta.dirname, '../../../adapters/cli/main.ts');

  it('measures a node and its floor in one run, and keeps nothing behind', () => {
    const scratch = mkdtempSync(join(tmpdir(), 'mix-bench-test-'));
    try {
      const run = spawnSync(process.execPath, [main, 'bench', 'pipeline', '--messages', '60', '--json'], {
        encoding: 'utf8',
        env: { ...process.env, TMPDIR: scratch },
      });
      expect([run.status, run.stderr]).toEqual([0, '']);
      const { results } = JSON.parse(run.stdout) as { results: Record<string, number | string>[] };
      expect(results.map(({ name }) => name)).toEqual(['pipeline']);
      for (const { name, ...figures } of results)
        for (const [figure, value] of Object.entries(figures))
          expect({ name, figure, positive: Number(value) > 0 }).toEqual({ name, figure, positive: true });
      expect(readdirSync(scratch)).toEqual([]);
    } finally {
      rmSync(scratch, { recursive: true });
    }
  }, 120_000);

  it('ends with 2 for a name that it does not know', () => {
    const run = spawnSync(process.execPath, [main, 'bench', 'speed'], { encoding: 'utf8' });
    expect(run.status).toBe(2);
    expect(run.stderr).toContain("no bench is called 'speed'");
  });
});
