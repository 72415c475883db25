/** `mix-hie convert`: files or folders of messages into records, CCDs or plain HL7v2, without a network. */
import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { basename, extname, join } from 'node:path';
import { type Command, Option } from 'commander';
import { type Converted, type ConvertTarget, createConverter } from '../../engine/index.ts';
import { MixError, sentenceOf } from '../../schemas/errors/index.ts';
import { createProgress } from './progress.ts';

interface ConvertFlags {
  to: ConvertTarget;
  vendor: string;
  merge?: boolean;
  out?: string;
  json?: boolean;
  zone: string;
  organization?: string;
  oid?: string;
}

const ENDING: Record<ConvertTarget, string> = { fhir: 'json', ccd: 'xml', hl7v2: 'hl7' };
const MESSAGE_FILES = new Set(['.hl7', '.ndhl7', '.out', '.txt', '.dat', '.msg', '']);
const FILES_MAX = 100_000;
const FILE_BYTES_MAX = 512 * 1024 * 1024;

export function convertCommand(program: Command): void {
  program
    .command('convert')
    .description('convert files or folders of HL7v2 messages; a result a message')
    .addOption(new Option('--to <form>', 'what to make').choices(Object.keys(ENDING)).makeOptionMandatory())
    .option('--vendor <profile>', 'vendor profile or family (schemas/vendors)', 'plain')
    .option('--merge', 'one record a patient over all messages first')
    .option('--out <dir>', 'folder for the results; standard output without it')
    .option('--zone <zone>', 'IANA time zone of times that name none', 'UTC')
    .option('--organization <name>', 'who the documents speak for; MSH-4 without it')
    .option('--oid <oid>', 'OID of that organization')
    .option('--json', 'a line of JSON a message instead of the report')
    .argument('<paths...>', 'files or folders')
    .action((paths: string[], flags: ConvertFlags) => {
      process.exitCode = convertPaths(paths, flags) ? 0 : 1;
    });
}

/** True when every message was converted. */
function convertPaths(paths: string[], flags: ConvertFlags): boolean {
  const files = paths.flatMap((path) => [...filesOf(path)]).slice(0, FILES_MAX);
  const converter = createConverter({
    to: flags.to,
    vendor: flags.vendor,
    merge: flags.merge === true,
    zone: flags.zone,
    now: Date.now,
    ...(flags.organization && flags.oid ? { organization: { name: flags.organization, oid: flags.oid } } : {}),
  });
  const write = writerOf(flags);
  const progress = createProgress('messages', 0, flags.json === true);
  const tally = { messages: 0, refused: 0, outputs: 0, carried: 0, notCarried: new Map<string, number>() };
  for (const file of files) {
    for (const one of converter.convert(readFileSync(file))) {
      tally.messages += 1;
      tally.carried += one.carried;
      if (one.refused) tally.refused += 1;
      for (const field of one.notCarried) tally.notCarried.set(field, (tally.notCarried.get(field) ?? 0) + 1);
      const written = one.outputs.map((output, at) => write(nameOf(file, one, at), output));
      tally.outputs += written.length;
      tellOne(file, one, written, flags);
      progress.at(tally.messages);
    }
  }
  if (flags.merge)
    for (const [at, output] of converter.merged().entries()) {
      write(`patient-${at + 1}`, output);
      tally.outputs += 1;
    }
  progress.end();
  if (!flags.json) tellReport(tally, files.length);
  return tally.refused === 0;
}

function* filesOf(path: string): Iterable<string> {
  let stats: ReturnType<typeof statSync>;
  try {
    stats = statSync(path);
  } catch (cause) {
    throw new MixError('settings.unreadable', { place: path, cause });
  }
  if (!stats.isDirectory()) {
    if (stats.size > FILE_BYTES_MAX)
      throw new MixError('mllp.frame-too-large', { place: path, detail: `${FILE_BYTES_MAX} bytes` });
    yield path;
    return;
  }
  for (const name of readdirSync(path).sort()) {
    const inner = join(path, name);
    if (statSync(inner).isDirectory() || MESSAGE_FILES.has(extname(name).toLowerCase())) yield* filesOf(inner);
  }
}

function nameOf(file: string, one: Converted, at: number): string {
  const type = one.type.replace(/[^A-Za-z0-9]+/g, '-');
  return `${basename(file, extname(file))}-${one.position}-${type}${one.outputs.length > 1 ? `-${at + 1}` : ''}`;
}

/** Writes a result and gives its name; two files of one name in different folders never overwrite each other. */
function writerOf(flags: ConvertFlags): (name: string, output: string) => string {
  if (flags.out === undefined) {
    return (name, output) => {
      if (!flags.json) process.stdout.write(output.endsWith('\n') ? output : `${output}\n`);
      return name;
    };
  }
  const folder = flags.out;
  mkdirSync(folder, { recursive: true });
  const used = new Set<string>();
  return (name, output) => {
    let unique = name;
    for (let n = 2; used.has(unique); n += 1) unique = `${name}~${n}`;
    used.add(unique);
    writeFileSync(join(folder, `${unique}.${ENDING[flags.to]}`), output);
    return unique;
  };
}

function tellOne(file: string, one: Converted, written: string[], flags: ConvertFlags): void {
  if (flags.json) {
    const { type, position, refused, faults, carried, notCarried } = one;
    process.stdout.write(
      `${JSON.stringify({ file, position, type, refused, outputs: written, faults, carried, notCarried })}\n`,
    );
    return;
  }
  if (one.refused)
    process.stderr.write(
      `${file}, message ${one.position} (${one.type}): ${one.faults[0] ? `${one.faults[0].code}: ${sentenceOf(one.faults[0])}` : 'refused'}\n`,
    );
}

function tellReport(
  tally: { messages: number; refused: number; outputs: number; carried: number; notCarried: Map<string, number> },
  files: number,
): void {
  const lost = [...tally.notCarried.values()].reduce((sum, count) => sum + count, 0);
  const share = tally.carried + lost === 0 ? 100 : (100 * tally.carried) / (tally.carried + lost);
  const lines = [
    `${files} files, ${tally.messages} messages: ${tally.outputs} results, ${tally.refused} refused`,
    `${tally.carried} populated fields carried, ${lost} not (${share.toFixed(1)} % carried)`,
  ];
  const most = [...tally.notCarried].sort((a, b) => b[1] - a[1]).slice(0, 12);
  if (most.length > 0) lines.push(`not carried: ${most.map(([field, count]) => `${field} ${count}`).join(', ')}`);
  process.stderr.write(`${lines.join('\n')}\n`);
}
