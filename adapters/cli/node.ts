/** `mix-hie node SETTINGS.yaml`: one node, until it is told to stop. */
import { readFileSync, unwatchFile, watchFile } from 'node:fs';
import { dirname, resolve } from 'node:path';
import type { Command } from 'commander';
import { parse } from 'yaml';
import { MixError } from '../../schemas/errors/index.ts';
import { readSettings, type Settings } from '../../schemas/settings/index.ts';
import { type RunningNode, startNode } from '../node.ts';

/** Reads a settings file; every mistake in it is told at once. Throws `settings.*`. */
export function readSettingsFile(file: string): Settings {
  let input: unknown;
  try {
    input = parse(readFileSync(file, 'utf8'));
  } catch (cause) {
    throw new MixError('settings.unreadable', { place: file, cause });
  }
  return readSettings(input, { baseDir: dirname(resolve(file)) });
}

/** Resolves at the first SIGINT or SIGTERM. */
export function untilStopped(): Promise<void> {
  return new Promise((stop) => {
    process.once('SIGINT', () => stop());
    process.once('SIGTERM', () => stop());
  });
}

export function nodeCommand(program: Command): void {
  program
    .command('node')
    .description('run one node')
    .argument('<settings>', 'settings file (YAML); see docs/settings.md')
    .option('--json', 'print one line of JSON when it is up')
    .action(async (file: string, options: { json?: boolean }) => {
      const node = await startNode(readSettingsFile(file));
      const told = {
        portal: node.address,
        door: node.door,
        user: node.firstUser?.id,
        password: node.firstUser?.secret,
        listeners: node.listeners,
      };
      process.stdout.write(options.json ? `${JSON.stringify(told)}\n` : tellNode(told));
      const unwatch = watchSettings(file, node);
      await untilStopped();
      unwatch();
      await node.stop();
    });
}

/** The file is looked at so often, ms. */
const LOOK_MS = 2_000;

/** Takes over routes and outlets when the settings file changes, or at SIGHUP; what is wrong in it leaves those in force. */
function watchSettings(file: string, node: RunningNode): () => void {
  const tell = (sentence: string): void => void process.stderr.write(`settings: ${sentence}\n`);
  const take = (): void => {
    const fresh = attempt(() => readSettingsFile(file));
    if ('fault' in fresh) {
      tell(`${fresh.fault}; those in force stay`);
      return;
    }
    node.takeOver(fresh.value).then(
      (rooms) =>
        tell(`routes and outlets were taken over${rooms.length > 0 ? `; ${rooms.join(', ')} after a new start` : ''}`),
      (cause: unknown) => tell(`${cause instanceof Error ? cause.message : 'not read'}; those in force stay`),
    );
  };
  const changed = (now: { mtimeMs: number }, before: { mtimeMs: number }): void => {
    if (now.mtimeMs !== before.mtimeMs && now.mtimeMs !== 0) take();
  };
  watchFile(file, { interval: LOOK_MS, persistent: false }, changed);
  process.on('SIGHUP', take);
  return () => {
    unwatchFile(file, changed);
    process.off('SIGHUP', take);
  };
}

function attempt<T>(work: () => T): { value: T } | { fault: string } {
  try {
    return { value: work() };
  } catch (cause) {
    return { fault: cause instanceof Error ? cause.message : 'not read' };
  }
}

function tellNode(told: {
  portal: string;
  door?: string;
  user?: string;
  password?: string;
  listeners: { name: string; port: number }[];
}): string {
  const lines = told.listeners.map((one) => `mllp:   ${one.name} on port ${one.port}`);
  if (told.door) lines.push(`nodes:  ${told.door}`);
  lines.push(`portal: ${told.portal}`);
  if (told.password) lines.push(`user:   ${told.user}`, `one-time password: ${told.password}`);
  return `${lines.join('\n')}\n`;
}
