/** Nodes in child processes: the next one is loaded while the one before still runs. */
import { type ChildProcess, fork } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { FromChild, Order, ToChild } from './child.ts';

const CHILD = fileURLToPath(new URL('./child.ts', import.meta.url));
const START_MS = 60_000;
export const ENDED_EARLY = 'the node ended before it was up';

export interface NodeProcess {
  /** Ports of the listeners by name; rejects when the node dies or fails before it is up. */
  up: Promise<Map<string, number>>;
  /** The signal that ended it; `null` for an end of its own. */
  ended: Promise<{ signal: NodeJS.Signals | null; code: number | null }>;
  kill(): void;
  stop(): Promise<void>;
  /** Work that waits, and work that waits for a human. */
  waiting(): Promise<{ waiting: number; parked: number }>;
}

class Loaded {
  readonly child: ChildProcess;
  readonly loaded: Promise<void>;
  readonly #heard = new Set<(message: FromChild) => void>();

  constructor(compiled: string) {
    // Every child loads the same modules: compiled once, they cost half of the time.
    const env = { ...process.env, NODE_COMPILE_CACHE: compiled };
    this.child = fork(CHILD, [], { env, execArgv: [], stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
    this.child.on('message', (message: FromChild) => {
      for (const hear of [...this.#heard]) hear(message);
    });
    this.loaded = new Promise((resolve, reject) => {
      this.hear((message) => 'loaded' in message && resolve());
      this.child.once('exit', () => reject(new Error('the node ended before it was loaded')));
    });
    // Whoever starts it hears of it.
    this.loaded.catch(() => undefined);
  }

  hear(listener: (message: FromChild) => unknown): () => void {
    this.#heard.add(listener);
    return () => this.#heard.delete(listener);
  }

  say(message: ToChild): void {
    // A message to a child that has just died is lost with it.
    this.child.send(message, () => undefined);
  }
}

export interface NodeProcesses {
  start(order: Order): Promise<NodeProcess>;
  close(): void;
}

/** Starts nodes, one at a time. `close` ends what is still there. */
export function createNodeProcesses(): NodeProcesses {
  const compiled = mkdtempSync(join(tmpdir(), 'mix-crash-compiled-'));
  let next = new Loaded(compiled);
  const alive = new Set<Loaded>([next]);
  return {
    async start(order) {
      const one = next;
      await one.loaded;
      next = new Loaded(compiled);
      alive.add(next);
      const node = run(one, order);
      void node.ended.then(() => alive.delete(one));
      return node;
    },
    close() {
      for (const one of alive) one.child.kill('SIGKILL');
      rmSync(compiled, { recursive: true, force: true });
    },
  };
}

function run(one: Loaded, order: Order): NodeProcess {
  const ended = new Promise<{ signal: NodeJS.Signals | null; code: number | null }>((resolve) => {
    one.child.once('exit', (code, signal) => resolve({ code, signal }));
  });
  const up = new Promise<Map<string, number>>((resolve, reject) => {
    const late = setTimeout(() => reject(new Error('the node did not come up')), START_MS);
    one.hear((message) => {
      if ('failed' in message) reject(new Error(message.failed));
      if (!('up' in message)) return;
      clearTimeout(late);
      resolve(new Map(message.up.map(({ name, port }) => [name, port])));
    });
    void ended.then(() => {
      clearTimeout(late);
      reject(new Error(ENDED_EARLY));
    });
  });
  // Whoever kills a node on its way up does not wait for it.
  up.catch(() => undefined);
  one.say({ start: order });
  return {
    up,
    ended,
    kill: () => void one.child.kill('SIGKILL'),
    async stop() {
      one.say({ stop: true });
      await ended;
    },
    waiting: () =>
      new Promise((resolve, reject) => {
        const forget = one.hear((message) => {
          if (!('waiting' in message)) return;
          forget();
          resolve(message);
        });
        void ended.then(() => reject(new Error('the node ended')));
        one.say({ ask: 'waiting' });
      }),
  };
}
