/** `mix-hie codes`: code systems from their owners' files into the folder that a node reads them from. */
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import type { Command } from 'commander';
import { type CodeSystem, readCodeSystems, writeCodeSystem } from '../../engine/index.ts';
import { MixError, sentenceOf } from '../../schemas/errors/index.ts';
import { readSettingsFile } from './node.ts';

interface ImportOptions {
  into?: string;
  settings?: string;
  system?: string;
  systemVersion?: string;
  json?: boolean;
}

interface Imported {
  file: string;
  url: string;
  codes: number;
  /** `same`: the folder had it already. */
  outcome: 'new' | 'changed' | 'same';
}

interface Failed {
  file: string;
  code: string;
  sentence: string;
}

const FILES_MAX = 20_000;
const readable = /\.(xml|json|csv)$/i;

export function codesCommand(program: Command): void {
  program
    .command('codes')
    .description('code systems that a node shares or adds')
    .command('import')
    .description('read FHIR CodeSystem (XML, JSON) or CSV, such as the HL7 tables, into the folder that a node reads')
    .argument('<file-or-folder...>', 'files, or folders with files in them')
    .option('--into <folder>', 'the folder; a running node takes over what changes')
    .option('--settings <file>', 'settings of the node, instead of --into: its exchange.codes')
    .option('--system <uri>', 'system of a CSV that has no column for it')
    .option('--system-version <text>', 'version of a CSV')
    .option('--json', 'print the result as JSON')
    .action(async (paths: string[], options: ImportOptions, command: Command) => {
      if ((options.into === undefined) === (options.settings === undefined))
        command.error('error: give one of --into and --settings', { exitCode: 2 });
      const folder = options.into === undefined ? folderOf(options.settings!) : resolve(options.into);
      const { imported, failed } = await importAll(await filesOf(paths), folder, options);
      tell({ folder, imported, failed }, options.json === true);
      if (failed.length > 0 || imported.length === 0) process.exitCode = 1;
    });
}

function folderOf(file: string): string {
  const { exchange } = readSettingsFile(file);
  if (exchange === undefined) throw new MixError('settings.missing', { place: '/exchange' });
  return exchange.codes;
}

async function filesOf(paths: readonly string[]): Promise<string[]> {
  const files: string[] = [];
  for (const path of paths) {
    if (!existsSync(path)) throw new MixError('codes.malformed', { place: path, detail: 'there is no such file' });
    if (!statSync(path).isDirectory()) files.push(path);
    else {
      const inside = await readdir(path, { recursive: true, withFileTypes: true });
      for (const one of inside) if (one.isFile() && readable.test(one.name)) files.push(join(one.parentPath, one.name));
    }
  }
  if (files.length > FILES_MAX) throw new MixError('codes.too-large', { detail: `more than ${FILES_MAX} files` });
  return files.sort();
}

async function importAll(
  files: readonly string[],
  folder: string,
  options: ImportOptions,
): Promise<{ imported: Imported[]; failed: Failed[] }> {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const imported: Imported[] = [];
  const failed: Failed[] = [];
  for (const file of files) {
    try {
      for (const system of readCodeSystems(readFileSync(file), readingOf(file, options)))
        imported.push({ file, url: system.url, codes: system.concepts.length, outcome: keep(system, folder) });
    } catch (cause) {
      if (!(cause instanceof MixError)) throw cause;
      failed.push({ file, code: cause.fault.code, sentence: sentenceOf(cause.fault) });
    }
  }
  return { imported, failed };
}

function readingOf(fileName: string, { system, systemVersion }: ImportOptions): Parameters<typeof readCodeSystems>[1] {
  const options: Parameters<typeof readCodeSystems>[1] = { fileName };
  if (system !== undefined) options.system = system;
  if (systemVersion !== undefined) options.version = systemVersion;
  return options;
}

/** A system has one file, named after its URL; it is replaced whole, so that a node never reads half of it. */
function keep(system: CodeSystem, folder: string): Imported['outcome'] {
  const name = `${system.url
    .replace(/^[a-z]+:(\/\/)?/i, '')
    .replace(/[^A-Za-z0-9.]+/g, '-')
    .slice(-80)
    .replace(/^[-.]+/, '')}-${createHash('sha256').update(system.url).digest('hex').slice(0, 8)}.json`;
  const path = join(folder, name);
  const text = `${writeCodeSystem(system)}\n`;
  const before = existsSync(path) ? readFileSync(path, 'utf8') : undefined;
  if (before === text) return 'same';
  const half = join(dirname(path), `.${name}.${process.pid}`);
  writeFileSync(half, text, { mode: 0o600 });
  renameSync(half, path);
  return before === undefined ? 'new' : 'changed';
}

function tell(result: { folder: string; imported: Imported[]; failed: Failed[] }, json: boolean): void {
  const { folder, imported, failed } = result;
  if (json) {
    process.stdout.write(`${JSON.stringify(result)}\n`);
    return;
  }
  for (const { file, sentence } of failed) process.stderr.write(`${file}: ${sentence}\n`);
  const codes = imported.reduce((sum, one) => sum + one.codes, 0);
  const fresh = imported.filter(({ outcome }) => outcome !== 'same').length;
  process.stdout.write(
    `${imported.length} code systems with ${codes} codes in ${folder} (${fresh} new or changed), ${failed.length} files refused\n`,
  );
}
