/** A node of the delivery bench in a process of its own: see delivery.ts. */
import type { OpenedStore } from '../../../engine/store/index.ts';
import type { Changes, Store } from '../../../schemas/parts.ts';
import { type RunningNode, startNode } from '../../node.ts';
import type { DeliveryFigures, DeliveryQuestion } from './delivery.ts';

let node: RunningNode;
let store: OpenedStore;
let sent = 0;
let firstAt = 0;
let lastAt = 0;
let lags: number[] = [];
let documents = 0;
let documentBytes = 0;
let cpu = process.cpuUsage();

process.on('message', (question: DeliveryQuestion) => {
  answer(question).then(
    (told) => process.send?.(told),
    (cause: unknown) => {
      process.stderr.write(`bench node: ${cause instanceof Error ? cause.message : typeof cause}\n`);
      process.exit(1);
    },
  );
});

async function answer(question: DeliveryQuestion): Promise<object> {
  if ('start' in question) {
    node = await startNode(question.start, {
      log: { info() {}, warn() {}, error: told },
      wrapStore(opened) {
        store = opened;
        return watching(opened);
      },
    });
    return { port: node.listeners[0]?.port ?? 0 };
  }
  if ('figures' in question) {
    const figures = await figuresNow();
    if (question.mark) reset();
    return figures;
  }
  await node.stop();
  setImmediate(() => process.exit(0));
  return {};
}

function told(facts: Record<string, unknown>, sentence: string): void {
  process.stderr.write(`bench node: ${sentence} ${JSON.stringify(facts)}\n`);
}

function reset(): void {
  sent = 0;
  firstAt = 0;
  lags = [];
  documents = 0;
  documentBytes = 0;
  cpu = process.cpuUsage();
}

/** Counts documents that are kept and those that the region has answered, as their commits are through. */
function watching(opened: OpenedStore): Store {
  return new Proxy<OpenedStore>(opened, {
    get(target, key) {
      if (key === 'commit')
        return async (changes: Changes) => {
          await target.commit(changes);
          count(changes);
        };
      const value: unknown = Reflect.get(target, key);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
}

function count(changes: Changes): void {
  for (const document of changes.documents ?? []) {
    documents += 1;
    documentBytes += document.bytes.length;
  }
  for (const delivery of changes.deliveries ?? []) {
    if (delivery.kind !== 'document' || delivery.state !== 'sent') continue;
    lastAt = Date.now();
    if (sent === 0) firstAt = lastAt;
    sent += 1;
    lags.push(lastAt - delivery.createdAt);
  }
}

async function figuresNow(): Promise<DeliveryFigures> {
  const [stats, counts] = await Promise.all([store.outletStats(), store.counts()]);
  const used = process.cpuUsage(cpu);
  const toSend = stats.reduce((sum, one) => sum + one.waiting, 0);
  return {
    sent,
    firstAt,
    lastAt,
    lags: lags.toSorted((a, b) => a - b),
    documents,
    documentBytes,
    waiting: toSend === 0 ? counts.ready : toSend,
    parked: stats.reduce((sum, one) => sum + one.parked, 0),
    cpuMs: (used.user + used.system) / 1000,
    rssBytes: process.memoryUsage.rss(),
  };
}
