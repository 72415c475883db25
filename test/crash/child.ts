/**
 * A node in a process of its own, that ends itself with SIGKILL at a step the parent names. Spoken to over the IPC channel of
 * `fork`: it loads first and waits for its orders, so that the next one can load while the one before still runs.
 */
import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import type { Changes, JobKind, Store } from '../../schemas/parts.ts';
import { type DeliberateFault, faulty } from './faulty.ts';

/** The moment of death: the nth time that a step is reached, before it, while it is under way, or when it is done and nobody knows. */
export interface Strike {
  /** A method of the store, with the kind of work after a colon where there is one: `commit:process`, `lease:document`. */
  step: string;
  when: 'before' | 'during' | 'after';
  nth: number;
}

export interface Order {
  settings: unknown;
  strike?: Strike;
  /** A store that breaks its promise, to see that the judge finds it. */
  fault?: DeliberateFault;
  /** Ends at the nth change to a file that this process makes itself (keys, certificates). */
  strikeFile?: number;
}

export type ToChild =
  | { start: Order }
  | { ask: 'waiting' }
  /** Ends the node as an operator would. */
  | { stop: true };

export type FromChild =
  | { loaded: true }
  | { up: { name: string; port: number }[] }
  | { waiting: number; parked: number }
  | { failed: string };

const tell = (what: FromChild): void => {
  process.send?.(what);
};

function die(): never {
  process.kill(process.pid, 'SIGKILL');
  // The signal is there at the latest at the next system call; until then nothing may go on.
  for (;;) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1_000);
}

/** Counts the changes to files that node:fs is asked for, and ends the process before the one that is named. */
function watchFiles(nth: number | undefined): void {
  let changes = 0;
  // fsync is left out: it changes nothing that outlives a killed process.
  const names = ['mkdirSync', 'openSync', 'writeSync', 'writeFileSync', 'linkSync', 'renameSync', 'unlinkSync'];
  const calls = fs as unknown as Record<string, (...args: unknown[]) => unknown>;
  for (const name of names) {
    const real = calls[name]!;
    calls[name] = (...args: unknown[]) => {
      if (isChange(name, args)) {
        changes += 1;
        if (changes === nth) die();
      }
      return real(...args);
    };
  }
  syncBuiltinESMExports();
}

function isChange(name: string, args: unknown[]): boolean {
  if (name === 'mkdirSync') return !fs.existsSync(args[0] as string);
  return name !== 'openSync' || !(args[1] === 'r' || args[1] === fs.constants.O_RDONLY);
}

/** The name that a call of the store goes by, or undefined when it is no step (an empty lease, an empty look-up). */
function stepOf(method: string, args: unknown[]): string {
  if (method === 'lease') return `lease:${(args[0] as JobKind[])[0]}`;
  if (method !== 'commit') return method;
  const changes = args[0] as Changes;
  if (changes.identifiersGone !== undefined) return 'commit:merge';
  if (changes.documents !== undefined) return 'commit:document';
  if (changes.message !== undefined) return 'commit:process';
  return changes.audit === undefined ? 'commit:other' : 'commit:audit';
}

function striking(store: Store, strike: Strike): Store {
  let reached = 0;
  const hit = (): boolean => {
    reached += 1;
    return reached === strike.nth;
  };
  async function guarded(step: string, run: () => Promise<unknown>): Promise<unknown> {
    // Only a lease that brought work is a step.
    if (step.startsWith('lease:')) {
      const jobs = (await run()) as unknown[];
      if (jobs.length > 0 && hit()) die();
      return jobs;
    }
    if (!hit()) return run();
    if (strike.when === 'before') die();
    const running = run();
    if (strike.when === 'during') setTimeout(die, 1);
    await running;
    die();
  }
  return new Proxy(store, {
    get(target, name) {
      const value: unknown = Reflect.get(target, name, target);
      if (typeof value !== 'function') return value;
      const method = value.bind(target) as (...args: unknown[]) => unknown;
      return (...args: unknown[]) => {
        const step = stepOf(String(name), args);
        return step === strike.step ? guarded(step, () => method(...args) as Promise<unknown>) : method(...args);
      };
    },
  });
}

/** Work that is due or runs; documents that wait for quiet count too. */
async function countWaiting(store: Store): Promise<void> {
  const { ready, parked } = await store.counts();
  tell({ waiting: ready, parked });
}

// Loaded by name after the file calls are watched, so that every room gets the watched ones.
const { readSettings } = await import('../../schemas/settings/index.ts');
let orders: Order | undefined;
let store: Store | undefined;
let stop: (() => Promise<void>) | undefined;

async function start(order: Order): Promise<void> {
  orders = order;
  watchFiles(order.strikeFile);
  const { startNode } = await import('../../adapters/node.ts');
  const node = await startNode(readSettings(order.settings, { baseDir: process.cwd() }), {
    log: { info() {}, warn: said, error: said },
    wrapStore(opened) {
      store = opened;
      const kept = order.fault === undefined ? opened : faulty(opened, order.fault);
      return order.strike === undefined ? kept : striking(kept, order.strike);
    },
  });
  stop = () => node.stop();
  tell({ up: node.listeners.map(({ name, port }) => ({ name, port })) });
}

/** What the node warns of goes to the parent's terminal only when it is asked for: after a kill much is usual. */
function said(facts: Record<string, unknown>, sentence: string): void {
  if (process.env.MIX_CRASH_LOG) process.stderr.write(`${sentence} ${JSON.stringify(facts)}\n`);
}

process.on('message', (message: ToChild) => {
  const work =
    'start' in message && orders === undefined
      ? start(message.start)
      : 'ask' in message && store
        ? countWaiting(store)
        : 'stop' in message
          ? (stop?.() ?? Promise.resolve()).then(() => process.exit(0))
          : Promise.resolve();
  work.catch((cause: unknown) => {
    tell({
      failed: cause instanceof Error ? `${cause.stack ?? cause.message} ${JSON.stringify(cause)}` : String(cause),
    });
  });
});
// A parent that is gone leaves no node behind.
process.on('disconnect', () => process.exit(1));
// Warm what a start needs, without running it.
await import('../../adapters/node.ts');
tell({ loaded: true });
