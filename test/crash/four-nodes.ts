/** The demo's four nodes as processes of their own, with EMRs that push at two of them, and lines that may misbehave. */
import { type ChildProcess, spawn } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import sqlite3 from 'sqlite3';
import { parse, stringify } from 'yaml';
import { type DemoNode, provisionDemo } from '../../adapters/cli/demo-exchange.ts';
import { openAuthority, openIdentity, writeNodeName } from '../../pki/index.ts';
import { freePort } from '../support/ports.ts';
import { makeTraffic } from '../support/traffic.ts';
import { type ChaosProxy, type Face, type Mischief, openChaosProxy } from './chaos-proxy.ts';
import { openConfirmedClient } from './confirmed.ts';

const LAUNCH = fileURLToPath(new URL('../../adapters/cli/launch.js', import.meta.url));
const START_MS_MAX = 60_000;
const SETTLE_MS_MAX = 300_000;
/** A message of each EMR every so often: load that two cores can carry for four nodes. */
const PACE_MS = 60;

/** Who sends: the same people at both hospitals, under numbers of their own. */
const EMRS = [
  { node: 'hospital-a', listener: 'meditech', prefix: 'A' },
  { node: 'hospital-b', listener: 'healthland', prefix: 'B' },
] as const;

export interface Load {
  /** Ends when what was begun is acknowledged. */
  end(): Promise<void>;
  sent(): number;
  /** What was acknowledged: a person's numbers by hospital, merged ones joined. */
  people(): People;
}

/** Number of a person as its EMR gave it, to who it is: the same text for the same person, after merges. */
export type People = Map<string, { node: string; who: string }>;

export interface FourNodes {
  names: string[];
  plan: DemoNode[];
  load(): Load;
  kill(name: string): Promise<void>;
  start(name: string): Promise<void>;
  calm(): void;
  mischiefDone(): ChaosProxy['counts'];
  /** Waits until no node has work left. */
  settled(): Promise<void>;
  stopAll(): Promise<void>;
  close(): Promise<void>;
}

export async function startFourNodes(
  dir: string,
  options: { seed: number; mischief?: Mischief; random?: () => number },
): Promise<FourNodes> {
  const plan = await provisionDemo(dir);
  const lines =
    options.mischief === undefined ? [] : await openLines(plan, options.mischief, options.random ?? Math.random);
  const running = new Map<string, ChildProcess>();
  const loads: Load[] = [];

  async function start(name: string): Promise<void> {
    const node = plan.find((one) => one.plan.name === name)!;
    const child = spawn(process.execPath, [LAUNCH, 'node', node.file, '--json'], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    running.set(name, child);
    await isUp(child, name);
  }
  for (const node of plan) await start(node.plan.name);

  async function end(name: string, signal: NodeJS.Signals): Promise<void> {
    const child = running.get(name);
    running.delete(name);
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const ended = new Promise((resolve) => child.once('exit', resolve));
    child.kill(signal);
    await ended;
  }

  return {
    names: plan.map((node) => node.plan.name),
    plan,
    start,
    kill: (name) => end(name, 'SIGKILL'),
    calm() {
      for (const line of lines) line.calm();
    },
    mischiefDone() {
      const sum = { passed: 0, cut: 0, lost: 0, repeated: 0, held: 0 };
      for (const { counts } of lines)
        for (const key of Object.keys(sum) as (keyof typeof sum)[]) sum[key] += counts[key];
      return sum;
    },
    load() {
      const load = pushFrom(plan, options.seed);
      loads.push(load);
      return load;
    },
    settled: () => untilSettled(plan),
    async stopAll() {
      for (const name of [...running.keys()].reverse()) await end(name, 'SIGTERM');
    },
    async close() {
      await Promise.all(loads.map((load) => load.end().catch(() => undefined)));
      for (const name of [...running.keys()]) await end(name, 'SIGKILL');
      for (const line of lines) await line.close();
    },
  };
}

function isUp(child: ChildProcess, name: string): Promise<void> {
  return new Promise((resolve, reject) => {
    let errors = '';
    const late = setTimeout(() => reject(new Error(`${name} did not start: ${errors}`)), START_MS_MAX);
    child.stderr!.on('data', (bytes: Buffer) => {
      errors = (errors + bytes.toString()).slice(-4_000);
    });
    child.stdout!.once('data', () => {
      clearTimeout(late);
      resolve();
    });
    child.once('exit', (code, signal) => {
      clearTimeout(late);
      if (signal !== 'SIGKILL') reject(new Error(`${name} ended with ${code}: ${errors}`));
      else resolve();
    });
  });
}

/** Puts a line into each way from one node to another: the settings name the line's port in place of the node's. */
async function openLines(plan: DemoNode[], mischief: Mischief, random: () => number): Promise<ChaosProxy[]> {
  const roots = [...new Set(plan.flatMap((node) => node.settings.exchange!.roots))].map((file) =>
    readFileSync(file, 'utf8'),
  );
  const lines: ChaosProxy[] = [];
  for (const asking of plan) {
    const settings = parse(readFileSync(asking.file, 'utf8')) as {
      exchange: { nodes: { name: string; url: string }[] };
    };
    for (const node of settings.exchange.nodes) {
      const asked = plan.find((one) => one.plan.name === node.name)!;
      const port = await freePort();
      const target = new URL(node.url);
      lines.push(
        await openChaosProxy(
          { port, target, asServer: faceOf(asked), asClient: faceOf(asking), roots },
          mischief,
          random,
        ),
      );
      node.url = `https://127.0.0.1:${port}`;
    }
    writeFileSync(asking.file, stringify(settings));
  }
  return lines;
}

/** The certificate that a node shows: its own, which it finds when it starts. */
function faceOf({ settings }: DemoNode): Face {
  const { pki, node, exchange } = settings;
  const names = exchange!.listen.names.split(/\s+/);
  const identity = openIdentity({
    dir: pki.folder,
    name: 'node',
    authority: openAuthority(pki.folder),
    order: {
      profile: 'node',
      subject: { commonName: node.name, organization: node.organization.name },
      san: {
        dns: names.filter((name) => !/^[\d.]+$/.test(name)),
        ip: names.filter((name) => /^[\d.]+$/.test(name)),
        uri: [writeNodeName({ role: node.role, organization: node.organization.oid })],
      },
    },
    now: Date.now(),
  });
  return { key: identity.keyPem, cert: identity.chainPem };
}

/** Each EMR sends one message after the other, the same again until it is acknowledged. */
function pushFrom(plan: DemoNode[], seed: number): Load {
  let ended = false;
  let sent = 0;
  const people: People = new Map();
  const pushing = EMRS.map(async ({ node, listener, prefix }) => {
    const { port } = plan.find((one) => one.plan.name === node)!.plan.listeners.find((one) => one.name === listener)!;
    const client = openConfirmedClient(port);
    const traffic = makeTraffic(seed, {
      vendor: listener,
      prefix,
      newPatientShare: 0.06,
      mergeShare: 0.01,
      patientsMax: 200,
    });
    for (const message of traffic) {
      if (ended) break;
      await client.send(message.bytes, message.controlId);
      sent += 1;
      // The same people come to both: what follows the prefix is who they are.
      const who = (mrn: string): string => people.get(mrn)?.who ?? mrn.slice(prefix.length);
      people.set(message.mrn, { node, who: who(message.mrn) });
      if (message.retired !== undefined) {
        const [gone, kept] = [who(message.retired), who(message.mrn)];
        for (const [mrn, one] of people) if (one.who === gone) people.set(mrn, { ...one, who: kept });
      }
      await new Promise((next) => setTimeout(next, PACE_MS));
    }
    client.close();
  });
  return {
    async end() {
      ended = true;
      await Promise.all(pushing);
    },
    sent: () => sent,
    people: () => people,
  };
}

/** Jobs and deliveries that are not done, counted in each database as it is. */
async function untilSettled(plan: DemoNode[]): Promise<void> {
  const until = Date.now() + SETTLE_MS_MAX;
  let quiet = 0;
  let last = '';
  while (quiet < 3) {
    if (Date.now() > until) throw new Error(`the nodes did not come to rest: ${last}`);
    await new Promise((resolve) => setTimeout(resolve, 700));
    const open = await Promise.all(plan.map((node) => openWork(join(node.settings.node.dataDir, 'store.sqlite'))));
    last = JSON.stringify(Object.fromEntries(plan.map((node, at) => [node.plan.name, open[at]])));
    quiet = open.every((count) => count === 0) ? quiet + 1 : 0;
  }
}

function openWork(file: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const database = new sqlite3.Database(file, sqlite3.OPEN_READONLY, (error) => error && reject(error));
    database.get<{ count: number }>(
      `SELECT (SELECT count(*) FROM jobs WHERE state = 'ready') + (SELECT count(*) FROM deliveries WHERE state = 'waiting') AS count`,
      (error, row) => {
        database.close();
        if (error) reject(error);
        else resolve(row.count);
      },
    );
  });
}
