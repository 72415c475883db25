/**
 * `mix-hie demo` (= `npm start`): two hospitals with the interfaces of four EMRs, their region and the global node, with an authority of
 * their own each, and sample traffic in which some people visit both hospitals.
 */
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import type { Command } from 'commander';
import { splitBatch } from '../../engine/hl7v2/index.ts';
import { connectMllp } from '../mllp/index.ts';
import { type RunningNode, startNode } from '../node.ts';
import { type DemoNode, provisionDemo } from './demo-exchange.ts';
import { untilStopped } from './node.ts';
import { createProgress, type Progress } from './progress.ts';

const SAMPLES = new URL('../../fixtures/traffic/', import.meta.url);
/** Between two messages of a listener: slow enough to be watched. */
const PACE_MS = 40;
const SAMPLES_SENT = 'demo.samples';

export interface DemoOptions {
  data: string;
  samples: boolean;
  json?: boolean;
}

interface Started extends DemoNode {
  running: RunningNode;
}

export function demoCommand(program: Command): void {
  program
    .command('demo')
    .description('two hospitals, a region and the global node with sample traffic of four EMRs, and their portals')
    .option('--data <dir>', 'where they keep their data; a second start goes on there', '.data/demo')
    .option('--no-samples', 'send no sample traffic')
    .option('--json', 'print one line of JSON when they are up')
    .action(async (options: DemoOptions) => {
      const started = await startAll(options);
      tell(started, options);
      const playing = options.samples ? playSamples(started, options) : Promise.resolve();
      await Promise.race([untilStopped(), playing.then(() => untilStopped())]);
      if (!options.json) process.stdout.write('\nstopping ...\n');
      for (const { running } of started.toReversed()) await running.stop();
      process.exit(0);
    });
}

/** Those above first, so that those below find them at once; any order would do. */
async function startAll(options: DemoOptions): Promise<Started[]> {
  const nodes = await provisionDemo(options.data);
  const progress = createProgress('nodes started', nodes.length, options.json === true);
  const started: Started[] = [];
  for (const node of nodes) {
    const log = { info() {}, warn: told('warning', node), error: told('error', node) };
    started.push({ ...node, running: await startNode(node.settings, { log }) });
    progress.at(started.length);
  }
  progress.end();
  return started;
}

function told(grade: string, { plan }: DemoNode): (facts: Record<string, unknown>, sentence: string) => void {
  return (facts, sentence) => process.stderr.write(`${grade}: ${plan.name}: ${sentence} ${JSON.stringify(facts)}\n`);
}

/** The hospital that the printed address leads to. */
const FIRST = 'hospital-a';

function tell(started: Started[], options: DemoOptions): void {
  const nodes = started.map(({ plan, file, running }) => ({
    name: plan.name,
    role: plan.role,
    title: plan.title,
    portal: running.address,
    door: running.door,
    user: running.firstUser?.id,
    password: running.firstUser?.secret,
    settings: file,
  }));
  const listeners = started.flatMap(({ plan, running }) =>
    running.listeners.map((one) => ({ ...one, node: plan.name })),
  );
  const first = nodes.find(({ name }) => name === FIRST)!;
  if (options.json) {
    const { portal, user, password } = first;
    process.stdout.write(`${JSON.stringify({ portal, user, password, listeners, nodes })}\n`);
    return;
  }
  const lines = ['', '  MIX-HIE: an exchange of two hospitals, a region and a global node', ''];
  for (const one of listeners)
    lines.push(`  mllp    ${one.name.padEnd(12)} ${`${one.host}:${one.port}`.padEnd(16)} ${one.node}`);
  lines.push('');
  for (const node of [first, ...nodes.filter((one) => one !== first).toReversed()]) {
    lines.push(
      `  portal: ${node.portal}   ${node.title}`,
      node.password === undefined
        ? '          sign in with the password that you chose'
        : `          user ${node.user}, one-time password: ${node.password}`,
    );
  }
  lines.push('', `  data in ${resolve(options.data)}; Ctrl+C stops, the next start goes on`, '');
  process.stdout.write(`${lines.join('\n')}\n`);
}

/** Plays each listener's samples over MLLP as its EMR would: one message, its answer, the next. Goes on where an earlier start stopped. */
async function playSamples(started: Started[], options: DemoOptions): Promise<void> {
  const players = await Promise.all(
    started.filter(({ running }) => running.listeners.length > 0).map(({ running }) => openPlayer(running)),
  );
  const of = players.reduce((sum, player) => sum + player.of, 0);
  const before = players.reduce((sum, player) => sum + player.sent(), 0);
  if (before >= of) {
    if (!options.json) process.stdout.write('  the sample traffic was played by an earlier start\n');
    return;
  }
  const progress = createProgress('sample messages', of, options.json === true);
  const shown: Progress = {
    ...progress,
    at: () => progress.at(players.reduce((sum, player) => sum + player.sent(), 0)),
  };
  await Promise.all(players.map((player) => player.play(shown)));
  progress.end();
}

interface Player {
  of: number;
  sent(): number;
  play(progress: Progress): Promise<void>;
}

/** The samples of one node's listeners, with what an earlier start has sent. */
async function openPlayer({ engine, listeners }: RunningNode): Promise<Player> {
  const files = listeners.map(({ name, port }) => ({
    name,
    port,
    messages: splitBatch(readFileSync(new URL(`${name}.hl7`, SAMPLES))).messages.map((part) => part.bytes),
  }));
  const of = files.reduce((sum, file) => sum + file.messages.length, 0);
  const before = await engine.remembered(SAMPLES_SENT);
  const done = new Map<string, number>(before === undefined ? [] : (JSON.parse(before) as [string, number][]));
  const sent = (): number => [...done.values()].reduce((sum, count) => sum + count, 0);
  const remember = (): Promise<void> => engine.remember(SAMPLES_SENT, JSON.stringify([...done]));

  async function playFile({ name, port, messages }: (typeof files)[number], progress: Progress): Promise<void> {
    const client = await connectMllp({ host: '127.0.0.1', port });
    for (let at = done.get(name) ?? 0; at < messages.length; at += 1) {
      await client.send(messages[at]!);
      done.set(name, at + 1);
      engine.tellSamples({ sent: sent(), of });
      progress.at(0);
      if (sent() % 20 === 0) await remember();
      await new Promise((next) => setTimeout(next, PACE_MS));
    }
    await client.close();
  }

  return {
    of,
    sent,
    async play(progress) {
      if (sent() >= of) return;
      await Promise.all(files.map((file) => playFile(file, progress)));
      await remember();
    },
  };
}
