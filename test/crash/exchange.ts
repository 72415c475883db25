/** A node under load that dies again and again, and the EMRs that go on when it is back. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Order } from './child.ts';
import { createEmr, type Emr, type EmrOptions } from './emr.ts';
import type { NodeProcess, NodeProcesses } from './node-process.ts';

const OID = '2.16.840.1.113883.19.200';
const LISTENERS = ['meditech', 'mckesson', 'cpsi', 'healthland', 'plain'];

type EmrRow = [name: string, vendor: EmrOptions['vendor'], mode: EmrOptions['mode'], window: number, more?: string];

/** Two modes, one message or many at once, times that grow and times that stand still, and some that send again what has its answer. */
const ROWS: EmrRow[] = [
  ['MA', 'meditech', 'original', 1, 'same time'],
  ['MB', 'meditech', 'original', 48],
  ['KA', 'mckesson', 'original', 16, 'resends'],
  ['KB', 'mckesson', 'accept', 48, 'same time'],
  ['CA', 'cpsi', 'original', 16],
  ['HA', 'healthland', 'original', 1, 'same time resends'],
  ['PA', 'plain', 'accept', 48, 'same time'],
  ['PB', 'plain', 'accept-and-application', 32],
];
const RESENDS = 12;

/** The EMRs of a run, or those named. */
export function createEmrs(names = ROWS.map(([name]) => name)): Emr[] {
  const emrs = ROWS.map(([name, vendor, mode, window, more = ''], at) =>
    createEmr({
      name,
      listener: vendor,
      vendor,
      mode,
      window,
      seed: 71 + at,
      sameTime: more.includes('same time'),
      resends: more.includes('resends') ? RESENDS : 0,
    }),
  );
  return emrs.filter((emr) => names.includes(emr.options.name));
}

/** Resolves when `count` more messages have been acknowledged, or applied, by all of them together, or after `waitMs`. */
export function nextAnswers(emrs: Emr[], what: 'acked' | 'applied', count: number, waitMs: number): Promise<void> {
  return new Promise((resolve) => {
    let left = count;
    const end = (): void => {
      clearTimeout(late);
      for (const emr of emrs) emr.onAnswer = () => undefined;
      resolve();
    };
    const late = setTimeout(end, waitMs);
    for (const emr of emrs)
      emr.onAnswer = (heard) => {
        if (heard === what) left -= 1;
        if (left === 0) end();
      };
  });
}

export function newDataDir(): { dir: string; remove(): void } {
  const dir = mkdtempSync(join(tmpdir(), 'mix-crash-'));
  return { dir, remove: () => rmSync(dir, { recursive: true, force: true }) };
}

/** What a site would write into its file of settings. */
export function settingsOf(dataDir: string): Order['settings'] {
  return {
    node: {
      name: 'crash',
      facility: 'CRASH',
      zone: 'America/Chicago',
      dataDir,
      organization: {
        name: 'Crashing Hospital',
        oid: OID,
        address: { street: '1 Example Square', city: 'Springdale', state: 'AL', postalCode: '36000' },
        telecom: 'tel:+1-555-555-0100',
      },
    },
    listeners: LISTENERS.map((name, at) => ({
      name,
      port: 0,
      plain: true,
      profile: name,
      authority: `${OID}.${at + 1}`,
      facility: name.toUpperCase(),
    })),
    documents: { when: 'coalesced', quietMs: 200, latestMs: 1_000 },
    http: { port: 0 },
  };
}

/** Lets every EMR send until it has sent `more` new messages or the node is gone. */
export async function sendTo(node: NodeProcess, emrs: Emr[], more: number): Promise<void> {
  const ports = await node.up;
  await Promise.all(emrs.map((emr) => emr.run(ports.get(emr.options.listener)!, emr.acked.size + more)));
}

/** Runs a node that nobody kills until every message is acknowledged and no work waits, then stops it. */
export async function settle(nodes: NodeProcesses, dataDir: string, emrs: Emr[], upTo?: Emr[]): Promise<void> {
  const node = await nodes.start({ settings: settingsOf(dataDir) });
  const ports = await node.up;
  await Promise.all(emrs.map((emr, at) => emr.run(ports.get(emr.options.listener)!, (upTo?.[at] ?? emr).sent.length)));
  for (;;) {
    const { waiting, parked } = await node.waiting();
    if (waiting - parked <= 0) break;
    await new Promise((next) => setTimeout(next, 100));
  }
  await node.stop();
}
