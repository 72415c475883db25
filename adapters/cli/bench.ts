/** `mix-hie bench [NAME...]`: every figure that the README quotes, against its floor, in one run. */
import { mkdtempSync, rmSync } from 'node:fs';
import { cpus, loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Command } from 'commander';
import { buildPages } from '../web/index.ts';
import { benchCcd } from './bench/ccd.ts';
import { benchDelivery } from './bench/delivery.ts';
import { benchIntake } from './bench/intake.ts';
import { benchPatientIndex } from './bench/patient-index.ts';
import { benchPipeline } from './bench/pipeline.ts';
import type { BenchOptions, BenchResult } from './bench/result.ts';

const benches: Record<string, (options: BenchOptions) => Promise<BenchResult[]>> = {
  intake: benchIntake,
  pipeline: benchPipeline,
  ccd: benchCcd,
  delivery: benchDelivery,
  index: benchPatientIndex,
};

interface Options {
  json?: boolean;
  seconds: number;
  messages: number;
  persons: number;
  postgres?: string;
  profile?: string;
}

export function benchCommand(program: Command): void {
  program
    .command('bench')
    .description('measures the node against its floors')
    .argument('[names...]', `which: ${Object.keys(benches).join(', ')}; all where none is named`)
    .option('--json', 'print one JSON object')
    .option('--seconds <n>', 'time of each intake and document step', positive, 5)
    .option('--messages <n>', 'messages of the pipeline', positive, 20_000)
    .option('--persons <n>', 'largest size of the patient index: 10000, 100000 or 1000000', positive, 100_000)
    .option(
      '--postgres <name>',
      'environment variable with the address of a PostgreSQL for the patient index (schema mix_bench)',
    )
    .option('--profile <dir>', 'write a CPU profile of each measured process there')
    .action(async (names: string[], options: Options, command: Command) => {
      for (const name of names) {
        if (benches[name] === undefined)
          command.error(`error: no bench is called '${name}' (${Object.keys(benches).join(', ')})`, { exitCode: 2 });
      }
      await runBenches(names.length > 0 ? names : Object.keys(benches), options);
    });
}

function positive(text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1 || value > 10_000_000)
    throw new RangeError(`${text} is not a whole number`);
  return value;
}

async function runBenches(names: string[], options: Options): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'mix-bench-'));
  const results: BenchResult[] = [];
  const shown = !options.json && process.stderr.isTTY;
  try {
    // Before anything is measured: the node under test would build them itself.
    await buildPages();
    if (!options.json) process.stdout.write(`\n${headOf()}\n\n${HEADINGS.map(cellOf).join('')}\n`);
    for (const name of names) {
      const rows = await benches[name]!({
        folder,
        seconds: options.seconds,
        messages: options.messages,
        persons: options.persons,
        ...(options.postgres === undefined ? {} : { postgres: options.postgres }),
        ...(options.profile === undefined ? {} : { profileDir: options.profile }),
        step: (step) => {
          if (shown) process.stderr.write(`\r  measuring ${step} ...`.padEnd(60));
        },
      });
      if (shown) process.stderr.write(`\r${' '.repeat(60)}\r`);
      if (!options.json) for (const row of rows) process.stdout.write(`${lineOf(row)}\n`);
      results.push(...rows);
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  if (options.json) process.stdout.write(`${JSON.stringify({ results })}\n`);
  else
    process.stdout.write(
      `\n  load average at the end: ${loadavg()
        .map((one) => one.toFixed(2))
        .join(' ')}\n\n`,
    );
}

const HEADINGS = ['bench', 'per second', 'floor', 'ratio', 'p50 ms', 'p99 ms', 'CPU ms', 'MB', 'bytes'] as const;

function headOf(): string {
  const processors = cpus();
  return `  ${processors.length} x ${processors[0]?.model ?? 'processor'}, Node ${process.version}, load average ${loadavg()[0]!.toFixed(2)}`;
}

function cellOf(value: string | number, at: number): string {
  return at === 0 ? `  ${String(value).padEnd(12)}` : String(value).padStart(12);
}

function lineOf(row: BenchResult): string {
  const { name, per_second, floor_per_second, ratio, p50_ms, p99_ms, cpu_ms, rss_mb, bytes_per_message } = row;
  return [name, per_second, floor_per_second, ratio, p50_ms, p99_ms, cpu_ms, rss_mb, bytes_per_message]
    .map(cellOf)
    .join('');
}
