/**
 * Delivery: documents a second from a hospital to its region, beside bare mutual-TLS posts of as many bytes; and how long a document is on
 * its way at 70 % of what the whole chain (message, record, CCD, region) carries.
 */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Settings } from '../../../schemas/settings/index.ts';
import { provisionDemo } from '../demo-exchange.ts';
import { askChild, endChild, startChild, stopChild } from './child.ts';
import { runLoad } from './load.ts';
import { type BenchOptions, type BenchResult, round } from './result.ts';
import { benchMessages } from './traffic.ts';

export interface DeliveryFigures {
  /** Documents that the region has answered since the mark, when the first and the last, ms since the epoch. */
  sent: number;
  firstAt: number;
  lastAt: number;
  /** From a document's delivery to the region's answer, ms, sorted. */
  lags: number[];
  documents: number;
  documentBytes: number;
  waiting: number;
  parked: number;
  cpuMs: number;
  rssBytes: number;
}

export type DeliveryQuestion =
  | { start: Settings }
  | { figures: true; mark?: boolean }
  /** Posts `count` bodies of `bytes` to `url`; see delivery-floor-child.ts. */
  | { floor: { settings: Settings; bytes: number; count: number; warmUp: number } }
  | { stop: true };

const PATIENTS = 500;
const SEED = 77;
/** Seldom enough not to be a load of its own; what is measured has its times from the node. */
const POLL_MS = 200;
const LOAD_SHARE = 0.7;
const PACED_SECONDS = 8;

export async function benchDelivery(options: BenchOptions): Promise<BenchResult[]> {
  const folder = join(options.folder, 'delivery');
  mkdirSync(folder, { recursive: true });
  const nodes = await provisionDemo(folder);
  const settingsOf = (name: string): Settings => tuned(nodes.find((one) => one.plan.name === name)!.settings);
  const hospital = startChild('delivery-child', options.profileDir);
  const region = startChild('delivery-child', options.profileDir);
  try {
    options.step('delivery: feeding patients');
    await askChild(region, { start: settingsOf('region') });
    const { port } = await askChild<{ port: number }>(hospital, { start: settingsOf('hospital-a') });
    await push(port, rounds(0));
    await until(hospital, (told) => told.waiting === 0 && told.sent >= PATIENTS);

    options.step('delivery');
    await askChild(hospital, { figures: true, mark: true });
    const begun = Date.now();
    await push(port, rounds(1));
    const chain = await until(hospital, (told) => told.sent >= PATIENTS && told.waiting === 0);
    const chainPerSecond = PATIENTS / ((chain.lastAt - begun) / 1000);
    const bytes = Math.ceil((chain.documentBytes / chain.documents) * (4 / 3)) + METADATA_BYTES;

    options.step('delivery at 70 %');
    await askChild(hospital, { figures: true, mark: true });
    await pushPaced(port, chainPerSecond * LOAD_SHARE);
    const paced = await until(hospital, (told) => told.waiting === 0);

    options.step('delivery of what waits');
    // The first time is for both nodes to get warm; they would be, where they run for weeks.
    await drain(hospital, region, port, 2);
    const drained = await drain(hospital, region, port, 3);
    const perSecond = (drained.sent - 1) / ((drained.lastAt - drained.firstAt) / 1000);

    options.step('delivery floor');
    const floor = await bare({ settings: settingsOf('hospital-a'), bytes, count: PATIENTS, warmUp: 100 });
    const at = (part: number): number =>
      paced.lags[Math.min(paced.lags.length - 1, Math.floor(paced.lags.length * part))] ?? 0;
    return [
      {
        name: 'delivery',
        per_second: round(perSecond, 0),
        floor_per_second: round(floor, 0),
        ratio: round(perSecond / floor),
        p50_ms: round(at(0.5)),
        p99_ms: round(at(0.99)),
        cpu_ms: round(drained.cpuMs / drained.sent, 3),
        rss_mb: round(drained.rssBytes / 1e6, 0),
        bytes_per_message: bytes,
      },
    ];
  } finally {
    await Promise.all([hospital, region].map(stopChild));
  }
}

/** Authority of the bench's patient numbers. */
const BENCH_OID = '2.16.840.1.113883.19.4.6';
/** What stands around a document in its bundle: list, reference, patient. */
const METADATA_BYTES = 6_000;

/** Documents go whole, as soon as they are made; what failed is tried again at once, so that the run does not measure pauses. */
function tuned(settings: Settings): Settings {
  return {
    ...settings,
    documents: { ...settings.documents, quietMs: 0, latestMs: 1_000 },
    listeners: settings.listeners.map((one) => ({ ...one, profile: 'plain', port: 0 })),
    exchange: {
      ...settings.exchange!,
      documents: 'region',
      nodes: settings.exchange!.nodes.map((one) => ({ ...one, authorities: `${one.authorities} ${BENCH_OID}` })),
    },
    deliver: { ...settings.deliver, restMs: 100, longestRetryMs: 100, firstRetryMs: 10, feedQuietMs: 0 },
    http: { ...settings.http, port: 0 },
    log: { ...settings.log, level: 'error' },
  };
}

/** A message for each patient; every round says something else of them. */
function rounds(round: number): Buffer[] {
  return benchMessages(PATIENTS, SEED, 1).map((message) => {
    const text = message.toString('latin1');
    const [, id = ''] = /^(?:[^|]*\|){9}([^|]*)/.exec(text) ?? [];
    const said = text.includes('ORU^R01') ? '' : `DG1|2||E11.${round}^Diabetes of kind ${round}^I10|||A\r`;
    return Buffer.from(`${text.replaceAll(id, `${round}R${id}`)}${said}`, 'latin1');
  });
}

async function push(port: number, messages: Buffer[]): Promise<void> {
  const { errors } = await runLoad({ port, connections: 4, seconds: 300, messages });
  if (errors > 0) throw new Error(`delivery: ${errors} messages were not taken`);
}

/** So many messages a second, in slices of a quarter of a second. */
async function pushPaced(port: number, perSecond: number): Promise<void> {
  const slice = Math.max(1, Math.round(perSecond / 4));
  let messages: Buffer[] = [];
  for (let n = 0; n < PACED_SECONDS * 4; n += 1) {
    const next = performance.now() + 250;
    if (messages.length < slice) messages = [...messages, ...rounds(10 + n)];
    await push(port, messages.splice(0, slice));
    await pause(Math.max(0, next - performance.now()));
  }
}

type Child = ReturnType<typeof startChild>;

async function until(child: Child, isReached: (told: DeliveryFigures) => boolean): Promise<DeliveryFigures> {
  const end = Date.now() + 180_000;
  for (;;) {
    const told = await askChild<DeliveryFigures>(child, { figures: true });
    if (isReached(told)) return told;
    if (told.parked > 0) throw new Error(`delivery: ${told.parked} deliveries are parked`);
    if (Date.now() > end) throw new Error(`delivery: ${told.sent} sent, ${told.waiting} wait`);
    await pause(POLL_MS);
  }
}

/** Lets documents of a round heap up while the region stands still, and then go. Counts from the moment that they go. */
async function drain(hospital: Child, region: Child, port: number, round: number): Promise<DeliveryFigures> {
  region.kill('SIGSTOP');
  try {
    await push(port, rounds(round));
    await until(hospital, (told) => told.waiting >= PATIENTS);
    await askChild(hospital, { figures: true, mark: true });
  } finally {
    region.kill('SIGCONT');
  }
  return until(hospital, (told) => told.sent >= PATIENTS && told.waiting === 0);
}

async function bare(floor: Extract<DeliveryQuestion, { floor: unknown }>['floor']): Promise<number> {
  const child = startChild('delivery-floor-child');
  try {
    const { seconds } = await askChild<{ seconds: number }>(child, { floor });
    return floor.count / seconds;
  } finally {
    await endChild(child);
  }
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
