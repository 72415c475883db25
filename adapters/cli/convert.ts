/** `mix-hie convert`: files or folders of messages into records, CCDs or plain HL7v2, without a network. */
import { mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { basename, extname, join } from 'node:path';
import { type Command, Option } from 'commander';
import { type Converted, type ConvertTarget, createConverter } from '../../engine/index.ts';
import { type Fault, MixError, sentenceOf } from '../../schemas/errors/index.ts';
import { profiles } from '../../schemas/vendors/profile.ts';
import { type MessageFile, messageFiles } from './message-files.ts';
import { createProgress } from './progress.ts';

interface ConvertFlags {
  to: ConvertTarget;
  from: 'hl7v2';
  vendor: string;
  merge?: boolean;
  out?: string;
  json?: boolean;
  zone?: string;
  organization?: string;
  oid?: string;
}

const ENDING: Record<ConvertTarget, string> = { fhir: 'json', ccd: 'xml', hl7v2: 'hl7' };
const FILE_BYTES_MAX = 512 * 1024 * 1024;
/** Ten or more of a kind are still told one by one; the report names the commonest only. */
const NAMED_MAX = 12;

export function convertCommand(program: Command): void {
  program
    .command('convert')
    .description('convert files or folders of HL7v2 messages; a result a message')
    .addOption(new Option('--to <form>', 'what to make').choices(Object.keys(ENDING)).makeOptionMandatory())
    .addOption(new Option('--from <form>', 'what the files hold').choices(['hl7v2']).default('hl7v2'))
    .option('--vendor <profile>', 'vendor profile or family (schemas/vendors)', 'plain')
    .option('--merge', 'one record a patient over all messages first')
    .option('--out <dir>', 'folder for the results; standard output without it')
    .option('--zone <zone>', "IANA time zone of times that name none; the profile's without it")
    .option('--organization <name>', 'who the documents speak for; MSH-4 without it')
    .option('--oid <oid>', 'OID of that organization; made from its name without it')
    .option('--json', 'a line of JSON a message (results themselves only go to --out)')
    .argument('<paths...>', 'files or folders')
    .action((paths: string[], flags: ConvertFlags, command: Command) => {
      const mistake = mistakeIn(flags);
      if (mistake !== undefined) command.error(`error: ${mistake}`, { exitCode: 2 });
      try {
        process.exitCode = convertPaths(paths, flags) ? 0 : 1;
      } catch (cause) {
        // Paths that are not there are wrong use; a file that can't be read among others is told as refused.
        if (cause instanceof MixError && cause.fault.code === 'convert.unreadable')
          command.error(`error: ${cause.message}`, { exitCode: 2 });
        throw cause;
      }
    });
}

/** What is wrong with the options, in a sentence. */
function mistakeIn({ vendor, zone, oid, merge, to }: ConvertFlags): string | undefined {
  const known = profiles();
  if (!known.some((profile) => profile.name === vendor || profile.family === vendor)) {
    const names = new Set(known.flatMap((profile) => [profile.family, profile.name]));
    return `there is no vendor profile '${vendor}'; there are ${[...names].sort().join(', ')}`;
  }
  if (zone !== undefined && !isZone(zone)) return `'${zone}' is not an IANA time zone such as America/Chicago`;
  if (oid !== undefined && !/^[0-2](\.(0|[1-9]\d*))+$/.test(oid)) return `'${oid}' is not a dotted OID`;
  return merge && to === 'hl7v2'
    ? '--merge makes records and documents, not messages: use --to fhir or ccd'
    : undefined;
}

function isZone(zone: string): boolean {
  try {
    new Intl.DateTimeFormat('en-US', { timeZone: zone });
    return true;
  } catch {
    return false;
  }
}

interface Tally {
  files: number;
  passedOver: number;
  messages: number;
  refused: number;
  outputs: number;
  carried: number;
  notCarried: Map<string, number>;
  refusals: Map<string, number>;
}

/** True when every message was converted. */
function convertPaths(paths: string[], flags: ConvertFlags): boolean {
  const files = messageFiles(paths);
  const { organization: name, oid, zone } = flags;
  const converter = createConverter({
    to: flags.to,
    vendor: flags.vendor,
    merge: flags.merge === true,
    now: Date.now,
    ...(zone === undefined ? {} : { zone }),
    ...(name || oid ? { organization: { ...(name ? { name } : {}), ...(oid ? { oid } : {}) } } : {}),
  });
  const write = writerOf(flags);
  // A single file may hold any number of messages; of many files we know how many there are.
  const many = files.length > 1;
  const progress = createProgress(many ? 'files' : 'messages', many ? files.length : 0);
  const tally: Tally = {
    files: files.length,
    passedOver: 0,
    messages: 0,
    refused: 0,
    outputs: 0,
    carried: 0,
    notCarried: new Map(),
    refusals: new Map(),
  };
  for (const [at, file] of files.entries()) {
    for (const one of resultsOf(file, converter.convert)) {
      const written = one.outputs.map((output, nth) => write(nameOf(file.path, one, nth), output));
      count(tally, file, one, written.length);
      tellOne(file, one, written, flags);
      if (!many) progress.at(tally.messages);
    }
    if (many) progress.at(at + 1);
  }
  if (flags.merge) writeMerged(converter.merged(), write, tally, flags);
  progress.end();
  tellReport(tally);
  return tally.refused === 0;
}

/** The messages of a file; one result that says why where there are none to be had. */
function* resultsOf(file: MessageFile, convert: (bytes: Buffer) => Iterable<Converted>): Iterable<Converted> {
  const nothing = (fault: Fault): Converted => ({
    type: '?',
    position: 0,
    outputs: [],
    faults: [fault],
    refused: !file.passedOver,
    carried: 0,
    notCarried: [],
  });
  if (file.passedOver) {
    yield nothing({ code: 'hl7v2.no-header', place: 'MSH' });
    return;
  }
  let bytes: Buffer;
  try {
    if (statSync(file.path).size > FILE_BYTES_MAX) {
      yield nothing({ code: 'convert.too-large', place: 'file', detail: `more than ${FILE_BYTES_MAX} bytes` });
      return;
    }
    bytes = readFileSync(file.path);
  } catch {
    yield nothing({ code: 'convert.unreadable', place: 'file' });
    return;
  }
  let any = false;
  for (const one of convert(bytes)) {
    any = true;
    yield one;
  }
  if (!any) yield nothing({ code: 'hl7v2.no-header', place: 'MSH' });
}

function count(tally: Tally, file: MessageFile, one: Converted, written: number): void {
  if (file.passedOver) {
    tally.passedOver += 1;
    return;
  }
  tally.messages += 1;
  tally.outputs += written;
  tally.carried += one.carried;
  for (const field of one.notCarried) add(tally.notCarried, field);
  if (!one.refused) return;
  tally.refused += 1;
  add(tally.refusals, one.faults[0]?.code ?? 'record.unexpected');
}

function add(counts: Map<string, number>, key: string): void {
  counts.set(key, (counts.get(key) ?? 0) + 1);
}

function writeMerged(
  merged: ReturnType<ReturnType<typeof createConverter>['merged']>,
  write: (name: string, output: string) => string,
  tally: Tally,
  flags: ConvertFlags,
): void {
  let patient = 0;
  for (const { output, faults } of merged) {
    patient += 1;
    const written = output === undefined ? [] : [write(`patient-${patient}`, output)];
    tally.outputs += written.length;
    if (output === undefined) {
      tally.refused += 1;
      add(tally.refusals, faults[0]?.code ?? 'record.unexpected');
    }
    if (flags.json) process.stdout.write(`${JSON.stringify({ patient, outputs: written, faults })}\n`);
    else if (output === undefined && faults[0]) process.stderr.write(`patient ${patient}: ${told(faults[0])}\n`);
  }
}

function nameOf(file: string, one: Converted, at: number): string {
  const type = one.type.replace(/[^A-Za-z0-9]+/g, '-').replace(/^-|-$/g, '') || 'message';
  return `${basename(file, extname(file))}-${one.position}-${type}${one.outputs.length > 1 ? `-${at + 1}` : ''}`;
}

/** Writes a result and gives its name; two files of one name in different folders never overwrite each other. */
function writerOf(flags: ConvertFlags): (name: string, output: string) => string {
  if (flags.out === undefined) {
    return (name, output) => {
      if (!flags.json) process.stdout.write(/[\r\n]$/.test(output) ? output : `${output}\n`);
      return name;
    };
  }
  const folder = flags.out;
  mkdirSync(folder, { recursive: true });
  // Names that differ in case only are one on some file systems.
  const used = new Map<string, number>();
  return (name, output) => {
    let unique = name;
    for (let n = (used.get(name.toLowerCase()) ?? 0) + 1; used.has(unique.toLowerCase()); n += 1) {
      unique = `${name}~${n}`;
      used.set(name.toLowerCase(), n);
    }
    used.set(unique.toLowerCase(), 1);
    writeFileSync(join(folder, `${unique}.${ENDING[flags.to]}`), output);
    return unique;
  };
}

/** `hl7v2.required-field at PID-3: ...`. */
function told(fault: Fault): string {
  const { place, ...rest } = fault;
  return `${fault.code}${place ? ` at ${place}` : ''}: ${sentenceOf(rest)}`;
}

function tellOne(file: MessageFile, one: Converted, written: string[], flags: ConvertFlags): void {
  if (flags.json) {
    const { type, position, refused, faults, carried, notCarried } = one;
    const line = { file: file.path, position, type, refused, outputs: written, faults, carried, notCarried };
    process.stdout.write(`${JSON.stringify(file.passedOver ? { ...line, passedOver: true } : line)}\n`);
    return;
  }
  if (one.refused)
    process.stderr.write(
      `${file.path}, message ${one.position} (${one.type}): ${one.faults[0] ? told(one.faults[0]) : 'refused'}\n`,
    );
}

function tellReport(tally: Tally): void {
  const lost = [...tally.notCarried.values()].reduce((sum, one) => sum + one, 0);
  const share = tally.carried + lost === 0 ? 100 : (100 * tally.carried) / (tally.carried + lost);
  const over = tally.passedOver === 0 ? '' : `, ${tally.passedOver} passed over (no message in them)`;
  const lines = [
    `${tally.files} files${over}; ${tally.messages} messages: ${tally.outputs} results, ${tally.refused} refused`,
    `${tally.carried} populated fields carried, ${lost} not (${share.toFixed(1)} % carried)`,
  ];
  const named = (counts: Map<string, number>): string =>
    [...counts]
      .sort((a, b) => b[1] - a[1])
      .slice(0, NAMED_MAX)
      .map(([name, n]) => `${name} ${n}`)
      .join(', ');
  if (tally.refusals.size > 0) lines.push(`refused: ${named(tally.refusals)}`);
  if (tally.notCarried.size > 0) lines.push(`not carried: ${named(tally.notCarried)}`);
  process.stderr.write(`${lines.join('\n')}\n`);
}
