/** `mix-hie verify-chain`: path validation (RFC 5280) for one certificate, or for many cases of a file. */
import { createHash } from 'node:crypto';
import { createReadStream, readFileSync, statSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { type Command, InvalidArgumentError, Option } from 'commander';
import type { ChainCase, Purpose, Strictness } from '../../pki/index.ts';
import { type FaultCode, MixError, sentenceOf } from '../../schemas/errors/index.ts';
import {
  answerCase,
  type ChainAnswer,
  idOfLine,
  PURPOSE_NAMES,
  readCase,
  readOids,
  readPurpose,
  readTime,
} from './chain-cases.ts';
import { createProgress } from './progress.ts';

interface Flags {
  roots?: string;
  intermediates?: string;
  crls?: string;
  at?: number;
  purpose?: { purpose: Purpose | undefined };
  name?: string;
  revocation?: boolean;
  policy?: string[];
  explicitPolicy?: boolean;
  inhibitMapping?: boolean;
  inhibitAny?: boolean;
  strictness?: Strictness;
  batch?: string;
  json?: boolean;
}

/** Largest file and longest line of a batch, bytes. */
const FILE_BYTES_MAX = 64 * 1024 * 1024;
const LINE_LENGTH_MAX = 32 * 1024 * 1024;

export function verifyChainCommand(program: Command): void {
  program
    .command('verify-chain')
    .description('say whether a chain leads from a certificate to a root, and if not, why')
    .option('--roots <file>', 'certificates that are trusted, PEM or DER')
    .option('--intermediates <file>', 'certificates to build a chain with')
    .option('--crls <file>', 'revocation lists')
    .option('--revocation', 'every certificate below the root must have a good status')
    .option('--at <time>', 'ISO time to judge for; default now', asOption(readTime))
    .option(
      '--purpose <purpose>',
      `${PURPOSE_NAMES.join(', ')}, or an OID`,
      asOption((text) => ({ purpose: readPurpose(text) })),
    )
    .option('--name <name>', 'host, address or mailbox that it must be for')
    .option(
      '--policy <oids>',
      'policies of which one must hold, separated by commas',
      asOption((text) => readOids(text.split(','))),
    )
    .option('--explicit-policy', 'some policy must hold')
    .option('--inhibit-mapping', 'policies may not be mapped')
    .option('--inhibit-any', 'any policy does not count')
    .addOption(
      new Option('--strictness <how>', 'default web for TLS, else rfc5280').choices(['rfc5280', 'exchange', 'web']),
    )
    .option('--batch <file>', 'a case a line, JSON')
    .option('--json', 'print a line of JSON')
    .argument('[leaf]', 'certificate, PEM or DER; what follows it in the file counts as intermediates')
    .action(async (leaf: string | undefined, flags: Flags, command: Command) => {
      if ((leaf === undefined) === (flags.batch === undefined))
        command.error('error: give one certificate, or --batch', { exitCode: 2 });
      if (flags.batch !== undefined) {
        process.exitCode = (await runBatch(flags.batch, command)) ? 0 : 1;
        return;
      }
      if (flags.roots === undefined) return command.error('error: --roots is wanted', { exitCode: 2 });
      const answer = answerCase(caseOf(leaf!, flags, command), [flags.purpose?.purpose]);
      process.stdout.write(flags.json ? `${JSON.stringify({ file: leaf, ...answer })}\n` : tell(leaf!, answer));
      process.exitCode = answer.ok ? 0 : 1;
    });
}

/** What a reader of an option refuses is wrong use. */
function asOption<T>(read: (text: string) => T): (text: string) => T {
  return (text) => {
    try {
      return read(text);
    } catch (cause) {
      throw new InvalidArgumentError(cause instanceof MixError ? (cause.fault.detail ?? '') : 'not readable');
    }
  };
}

function caseOf(leaf: string, flags: Flags, command: Command): ChainCase {
  const read = (file: string | undefined): Buffer[] => (file === undefined ? [] : [bytesOf(file, command)]);
  const { explicitPolicy = false, inhibitMapping = false, inhibitAny = false } = flags;
  return {
    leaf: bytesOf(leaf, command),
    roots: read(flags.roots),
    intermediates: read(flags.intermediates),
    crls: read(flags.crls),
    at: flags.at ?? Date.now(),
    revocation: flags.revocation ?? false,
    policies: {
      explicitPolicy,
      inhibitMapping,
      inhibitAny,
      ...(flags.policy === undefined ? {} : { initialPolicySet: flags.policy }),
    },
    ...(flags.name === undefined ? {} : { name: flags.name }),
    ...(flags.strictness === undefined ? {} : { strictness: flags.strictness }),
  };
}

function bytesOf(file: string, command: Command): Buffer {
  try {
    if (statSync(file).size > FILE_BYTES_MAX) command.error(`error: ${file} is larger than 64 MiB`, { exitCode: 2 });
    return readFileSync(file);
  } catch (cause) {
    if (!(cause instanceof Error && 'errno' in cause)) throw cause;
    return command.error(`error: ${file} can not be read`, { exitCode: 2 });
  }
}

/** Prints `{id, ok, reason, ...}` a line; true when every line could be read as a case. */
async function runBatch(file: string, command: Command): Promise<boolean> {
  try {
    statSync(file);
  } catch {
    command.error(`error: ${file} can not be read`, { exitCode: 2 });
  }
  const progress = createProgress('cases', 0);
  let done = 0;
  let isWhole = true;
  for await (const line of createInterface({
    input: createReadStream(file, 'utf8'),
    crlfDelay: Number.POSITIVE_INFINITY,
  })) {
    if (line.trim() === '') continue;
    const answer = answerLine(line);
    isWhole &&= answer.reason !== 'chain.case';
    process.stdout.write(`${JSON.stringify(answer)}\n`);
    progress.at(++done);
  }
  progress.end();
  return isWhole;
}

function answerLine(line: string): { id: string | number | null } & Omit<ChainAnswer, 'path'> {
  try {
    if (line.length > LINE_LENGTH_MAX) throw new MixError('chain.case', { place: 'line', detail: 'too long' });
    const { id, purposes, asked } = readCase(line);
    const { path: _path, ...answer } = answerCase(asked, purposes);
    return { id, ...answer };
  } catch (cause) {
    // One case that goes wrong in a way that nobody thought of must not take the others with it.
    if (!(cause instanceof MixError))
      return { id: idOfLine(line), ok: false, reason: 'chain.limit', detail: 'unexpected' };
    const { code, place = '', detail = '' } = cause.fault;
    return { id: idOfLine(line), ok: false, reason: code, detail: `${place} ${detail}`.trim() };
  }
}

function tell(file: string, answer: ChainAnswer): string {
  if (answer.ok) {
    const rows = (answer.path ?? []).map((der, at) => `  ${at} SHA-256 ${fingerprintOf(der)}\n`);
    return `${file}: holds\n${rows.join('')}`;
  }
  const { reason, index, keyId, detail } = answer;
  const place = index === undefined ? keyId && `key ${keyId}` : `certificate ${index}${keyId ? `, key ${keyId}` : ''}`;
  const sentence = sentenceOf({
    code: reason as FaultCode,
    ...(place === undefined ? {} : { place }),
    ...(detail === undefined ? {} : { detail }),
  });
  return `${file}: does not hold\n  ${String(reason)}: ${sentence}\n`;
}

function fingerprintOf(der: string): string {
  return createHash('sha256').update(Buffer.from(der, 'base64')).digest('hex');
}
