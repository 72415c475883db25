/** The process of the node under test: see node-under-test.ts. */
import { statSync } from 'node:fs';
import { join } from 'node:path';
import type { OpenedStore } from '../../../engine/store/index.ts';
import { readSettings } from '../../../schemas/settings/index.ts';
import { type RunningNode, startNode } from '../../node.ts';
import type { NodeFigures, NodeStart } from './node-under-test.ts';

interface Question {
  start?: NodeStart;
  mark?: boolean;
  drained?: { messages: number };
  stop?: boolean;
}

const POLL_MS = 10;
let node: RunningNode;
let store: OpenedStore;
let file = '';
let cpu = process.cpuUsage();
let written = { groups: 0, units: 0 };
/** Most that was resident since the mark, bytes. */
let rssBytes = 0;

process.on('message', (question: Question) => {
  answer(question).then(
    (told) => process.send?.(told),
    (cause: unknown) => {
      process.stderr.write(`bench node: ${cause instanceof Error ? cause.message : typeof cause}\n`);
      process.exit(1);
    },
  );
});

async function answer(question: Question): Promise<object> {
  if (question.start) return start(question.start);
  if (question.mark) {
    cpu = process.cpuUsage();
    written = { ...store.written() };
    rssBytes = 0;
    return {};
  }
  if (question.drained) return drained(question.drained.messages);
  await node.stop();
  setImmediate(() => process.exit(0));
  return {};
}

async function start({ folder, paused }: NodeStart): Promise<{ port: number }> {
  file = join(folder, 'store.sqlite');
  const settings = readSettings(
    {
      node: {
        name: 'bench',
        facility: 'BENCH',
        zone: 'America/Chicago',
        dataDir: folder,
        organization: {
          name: 'Bench Hospital',
          oid: '2.16.840.1.113883.19.100',
          address: { street: '1 Example Square', city: 'Springdale', state: 'AL', postalCode: '36000' },
          telecom: 'tel:+1-555-555-0100',
        },
      },
      listeners: [
        {
          name: 'bench',
          port: 0,
          plain: true,
          profile: 'plain',
          authority: '2.16.840.1.113883.19.4.6',
          facility: 'NORTH',
        },
      ],
      documents: { when: 'on-demand' },
      http: { port: 0 },
    },
    { baseDir: folder },
  );
  node = await startNode(settings, {
    paused,
    log: { info() {}, warn: told, error: told },
    wrapStore: (opened) => {
      store = opened;
      return opened;
    },
  });
  setInterval(() => {
    rssBytes = Math.max(rssBytes, process.memoryUsage.rss());
  }, 100).unref();
  return { port: node.listeners[0]!.port };
}

function told(facts: Record<string, unknown>, sentence: string): void {
  process.stderr.write(`bench node: ${sentence} ${JSON.stringify(facts)}\n`);
}

/** Waits until no job is left (at once where work is paused), then tells what it took since the mark. */
async function drained(messages: number): Promise<NodeFigures> {
  let counts = await store.counts();
  while (counts.ready > 0 && messages > 0) {
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    counts = await store.counts();
  }
  const endedAt = Date.now();
  const used = process.cpuUsage(cpu);
  const now = store.written();
  return {
    endedAt,
    cpuMs: (used.user + used.system) / 1000,
    rssBytes: Math.max(rssBytes, process.memoryUsage.rss()),
    storeBytes: [file, `${file}-wal`].reduce(
      (sum, path) => sum + (statSync(path, { throwIfNoEntry: false })?.size ?? 0),
      0,
    ),
    groups: now.groups - written.groups,
    units: now.units - written.units,
    messages: counts.messages,
    parked: counts.parked,
  };
}
