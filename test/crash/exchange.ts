/** A node under load that dies again and again, and the EMRs that go on when it is back. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Order } from './child.ts';
import { createEmr, type Emr, type EmrOptions } from './emr.ts';
import type { NodeProcess, NodeProcesses } from './node-process.ts';

const OID = '2.16.840.1.113883.19.200';
const LISTENERS = ['meditech', 'mckesson', 'cpsi', 'healthland', 'plain'];

/** Two modes, one message or several at once, times that grow and times that stand still. */
const EMRS: EmrOptions[] = [
  { name: 'MA', listener: 'meditech', vendor: 'meditech', mode: 'original', window: 1, sameTime: true },
  { name: 'MB', listener: 'meditech', vendor: 'meditech', mode: 'original', window: 8, sameTime: false },
  { name: 'KA', listener: 'mckesson', vendor: 'mckesson', mode: 'original', window: 1, sameTime: false },
  { name: 'KB', listener: 'mckesson', vendor: 'mckesson', mode: 'accept', window: 8, sameTime: true },
  { name: 'CA', listener: 'cpsi', vendor: 'cpsi', mode: 'original', window: 4, sameTime: false },
  { name: 'HA', listener: 'healthland', vendor: 'healthland', mode: 'original', window: 1, sameTime: true },
  { name: 'PA', listener: 'plain', vendor: 'plain', mode: 'accept', window: 8, sameTime: true },
  { name: 'PB', listener: 'plain', vendor: 'plain', mode: 'accept-and-application', window: 8, sameTime: false },
].map((one, at) => ({ ...one, seed: 71 + at }) as EmrOptions);

export function createEmrs(): Emr[] {
  return EMRS.map(createEmr);
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
