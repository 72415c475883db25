/** `mix-hie demo` (= `npm start`): a hospital node with its own small CA, four listeners, and sample traffic of four EMRs. */
import { readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { resolve } from 'node:path';
import type { Command } from 'commander';
import { splitBatch } from '../../engine/hl7v2/index.ts';
import { readSettings, type Settings } from '../../schemas/settings/index.ts';
import { connectMllp } from '../mllp/index.ts';
import { type RunningNode, startNode } from '../node.ts';
import { untilStopped } from './node.ts';
import { createProgress } from './progress.ts';

const SAMPLES = new URL('../../fixtures/traffic/', import.meta.url);
const DEMO_OID = '2.16.840.1.113883.19.100';
/** 2575 is the port that IANA gave to HL7. */
const LISTENERS: { name: string; port: number; facility: string; charset?: string }[] = [
  { name: 'meditech', port: 2575, facility: 'MGH' },
  { name: 'mckesson', port: 2576, facility: 'RVH' },
  { name: 'cpsi', port: 2577, facility: 'PHH' },
  { name: 'healthland', port: 2578, facility: 'SCH', charset: 'windows-1252' },
];
const PORTAL_PORT = 8080;
/** Messages a second and listener: slow enough to be watched. */
const PACE_MS = 40;
const SAMPLES_SENT = 'demo.samples';

export interface DemoOptions {
  data: string;
  samples: boolean;
  json?: boolean;
}

export function demoCommand(program: Command): void {
  program
    .command('demo')
    .description('a hospital node with sample traffic of four EMRs, and the portal')
    .option('--data <dir>', 'where it keeps its data; a second start goes on there', '.data/demo')
    .option('--no-samples', 'send no sample traffic')
    .option('--json', 'print one line of JSON when it is up')
    .action(async (options: DemoOptions) => {
      const quiet = { info() {}, warn: told('warning'), error: told('error') };
      const node = await startNode(await demoSettings(options.data), { log: quiet });
      tell(node, options);
      const playing = options.samples ? playSamples(node, options) : Promise.resolve();
      await Promise.race([untilStopped(), playing.then(() => untilStopped())]);
      if (!options.json) process.stdout.write('\nstopping ...\n');
      await node.stop();
      process.exit(0);
    });
}

function told(grade: string): (facts: Record<string, unknown>, sentence: string) => void {
  return (facts, sentence) => process.stderr.write(`${grade}: ${sentence} ${JSON.stringify(facts)}\n`);
}

/** The demo's settings: what a site would write into its YAML file. Ports that are taken give way to free ones. */
export async function demoSettings(data: string): Promise<Settings> {
  const listeners = [];
  for (const [at, one] of LISTENERS.entries()) {
    listeners.push({
      name: one.name,
      port: await freeOr(one.port),
      plain: true,
      profile: one.name,
      authority: `${DEMO_OID}.${at + 1}`,
      facility: one.facility,
      ...(one.charset === undefined ? {} : { charset: one.charset }),
    });
  }
  return readSettings(
    {
      node: {
        name: 'demo',
        facility: 'DEMO',
        zone: 'America/Chicago',
        dataDir: resolve(data),
        organization: {
          name: 'Demonstration Hospital',
          oid: DEMO_OID,
          address: { street: '1 Example Square', city: 'Springdale', state: 'AL', postalCode: '36000' },
          telecom: 'tel:+1-555-555-0100',
        },
      },
      listeners,
      documents: { when: 'coalesced', quietMs: 1_500, latestMs: 10_000 },
      http: { port: await freeOr(PORTAL_PORT), sessionMinutes: 60 },
    },
    { baseDir: process.cwd() },
  );
}

/** The port when it is free on this machine, else 0 (the system picks one). */
function freeOr(port: number): Promise<number> {
  return new Promise((settle) => {
    const probe = createServer();
    probe.once('error', () => settle(0));
    probe.listen({ port, host: '127.0.0.1', exclusive: true }, () => probe.close(() => settle(port)));
  });
}

function tell(node: RunningNode, options: DemoOptions): void {
  if (options.json) {
    const { address, firstUser, listeners } = node;
    process.stdout.write(
      `${JSON.stringify({ portal: address, user: firstUser?.id, password: firstUser?.secret, listeners })}\n`,
    );
    return;
  }
  const lines = ['', '  MIX-HIE demonstration hospital', ''];
  for (const one of node.listeners) lines.push(`  mllp    ${one.name.padEnd(12)} ${one.host}:${one.port}`);
  lines.push('', `  portal: ${node.address}`);
  if (node.firstUser) lines.push(`  user:   ${node.firstUser.id}`, `  one-time password: ${node.firstUser.secret}`);
  else lines.push('  sign in with the password that you chose');
  lines.push('', `  data in ${resolve(options.data)}; Ctrl+C stops, the next start goes on`, '');
  process.stdout.write(`${lines.join('\n')}\n`);
}

/** Plays each listener's samples over MLLP as its EMR would: one message, its answer, the next. Goes on where an earlier start stopped. */
async function playSamples(node: RunningNode, options: DemoOptions): Promise<void> {
  const files = LISTENERS.map(({ name }) => ({
    name,
    messages: splitBatch(readFileSync(new URL(`${name}.hl7`, SAMPLES))).messages.map((part) => part.bytes),
  }));
  const of = files.reduce((sum, file) => sum + file.messages.length, 0);
  const before = await node.engine.remembered(SAMPLES_SENT);
  const done = new Map<string, number>(before === undefined ? [] : (JSON.parse(before) as [string, number][]));
  const sentAlready = [...done.values()].reduce((sum, count) => sum + count, 0);
  if (sentAlready >= of) {
    if (!options.json) process.stdout.write('  the sample traffic was played by an earlier start\n');
    return;
  }
  const progress = createProgress('sample messages', of, options.json === true);
  let sent = sentAlready;
  await Promise.all(
    files.map(async ({ name, messages }) => {
      const port = node.listeners.find((one) => one.name === name)!.port;
      const client = await connectMllp({ host: '127.0.0.1', port });
      for (let at = done.get(name) ?? 0; at < messages.length; at += 1) {
        await client.send(messages[at]!);
        done.set(name, at + 1);
        sent += 1;
        node.engine.tellSamples({ sent, of });
        progress.at(sent);
        if (sent % 20 === 0) await node.engine.remember(SAMPLES_SENT, JSON.stringify([...done]));
        await new Promise((next) => setTimeout(next, PACE_MS));
      }
      await client.close();
    }),
  );
  await node.engine.remember(SAMPLES_SENT, JSON.stringify([...done]));
  progress.end();
}
