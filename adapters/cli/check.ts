/** `mix-hie check FILE...`: what is wrong in a message, a CCD, a policy, a vendor profile or a settings file, with its place. */
import { readFileSync } from 'node:fs';
import { dirname, extname } from 'node:path';
import type { Command } from 'commander';
import { parse, YAMLParseError } from 'yaml';
import { checkCcdText, checkMessages, isWarning } from '../../engine/index.ts';
import { compilePolicy } from '../../policies/index.ts';
import { type Fault, MixError, sentenceOf } from '../../schemas/errors/index.ts';
import { checkSettings } from '../../schemas/settings/index.ts';
import { profiles, readProfile } from '../../schemas/vendors/profile.ts';

type Kind = 'message' | 'ccd' | 'policy' | 'profile' | 'settings' | 'unknown';

/** One thing to tell about a file. */
interface Finding {
  place?: string;
  sentence: string;
  warning: boolean;
}

interface CheckFlags {
  vendor: string;
  json?: boolean;
}

export function checkCommand(program: Command): void {
  program
    .command('check')
    .description('say what is wrong in a message, CCD, policy, vendor profile or settings file')
    .option('--vendor <profile>', 'vendor profile or family that messages are read with', 'plain')
    .option('--json', 'a line of JSON a file')
    .argument('<files...>', 'files')
    .action((files: string[], options: CheckFlags, command: Command) => {
      if (!profiles().some(({ name, family }) => name === options.vendor || family === options.vendor))
        command.error(`error: there is no vendor profile '${options.vendor}'`, { exitCode: 2 });
      let holds = true;
      for (const file of files) {
        const { kind, findings } = checkFile(file, options.vendor);
        const ok = findings.every((finding) => finding.warning);
        holds &&= ok;
        if (options.json) process.stdout.write(`${JSON.stringify({ file, kind, ok, findings })}\n`);
        else process.stdout.write(tell(file, kind, findings, ok));
      }
      process.exitCode = holds ? 0 : 1;
    });
}

function tell(file: string, kind: Kind, findings: Finding[], ok: boolean): string {
  const lines = findings.map(
    ({ place, sentence, warning }) => `  ${warning ? 'warning' : 'error'}${place ? ` at ${place}` : ''}: ${sentence}`,
  );
  return `${[`${file}: ${kind} ${ok ? 'holds' : 'does not hold'}`, ...lines].join('\n')}\n`;
}

function checkFile(file: string, vendor: string): { kind: Kind; findings: Finding[] } {
  let bytes: Buffer;
  try {
    bytes = readFileSync(file);
  } catch {
    return { kind: 'unknown', findings: [findingOf({ code: 'convert.unreadable' })] };
  }
  const kind = kindOf(file, bytes);
  try {
    return { kind, findings: CHECKS[kind](bytes, { file, vendor }) };
  } catch (cause) {
    if (cause instanceof MixError) return { kind, findings: [findingOf(cause.fault)] };
    if (!(cause instanceof YAMLParseError)) throw cause;
    const at = cause.linePos?.[0];
    const place = at === undefined ? 'file' : `line ${at.line}, column ${at.col}`;
    return { kind, findings: [findingOf({ code: 'settings.unreadable', place, detail: 'not YAML' })] };
  }
}

/** Told by its content first, since endings of interface files mean nothing. */
function kindOf(file: string, bytes: Buffer): Kind {
  const head = bytes
    .subarray(0, 64 * 1024)
    .toString('utf8')
    .replace(/^\uFEFF/, '')
    .trimStart();
  if (head.startsWith('<')) {
    const root = /<(?![?!])(?:[\w.-]+:)?([\w.-]+)/.exec(head.replace(/<!--[\s\S]*?-->/g, ''))?.[1];
    if (root === 'Policy' || root === 'PolicySet') return 'policy';
    return root === 'ClinicalDocument' ? 'ccd' : 'unknown';
  }
  const ending = extname(file).toLowerCase();
  if (/^[\s\v]*(?:MSH|FHS|BHS)/.test(head)) return 'message';
  if (ending === '.yaml' || ending === '.yml') return 'settings';
  if (ending === '.json') return head.includes('"resourceType"') ? 'unknown' : 'profile';
  return head.startsWith('{') || head.startsWith('%PDF') ? 'unknown' : 'message';
}

interface Asked {
  file: string;
  vendor: string;
}

const CHECKS: Record<Kind, (bytes: Buffer, asked: Asked) => Finding[]> = {
  unknown: () => [findingOf({ code: 'convert.unknown-kind' })],
  message: (bytes, { vendor }) =>
    checkMessages(bytes, vendor).flatMap(({ position, faults }) =>
      faults.map((fault) => findingOf(fault, position === 0 ? 'file ' : `message ${position} `)),
    ),
  ccd: (bytes) => checkCcdText(bytes.toString('utf8')).map((fault) => findingOf(fault)),
  policy: (bytes) => {
    compilePolicy(bytes);
    return [];
  },
  profile: (bytes) =>
    readProfile(jsonOf(bytes)).mistakes.map(({ place, sentence, fix }) => ({
      place,
      sentence: `${sentence} \u2014 ${fix}`,
      warning: false,
    })),
  settings: (bytes, { file }) =>
    checkSettings(parse(bytes.toString('utf8')), { baseDir: dirname(file) }).faults.map((fault) => findingOf(fault)),
};

function jsonOf(bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString('utf8'));
  } catch (cause) {
    throw new MixError('hl7v2.profile-invalid', { detail: 'not JSON', cause });
  }
}

function findingOf(fault: Fault, before = ''): Finding {
  const finding: Finding = {
    sentence: sentenceOf({ code: fault.code, ...(fault.detail ? { detail: fault.detail } : {}) }),
    warning: isWarning(fault),
  };
  if (fault.place || before) finding.place = `${before}${fault.place ?? ''}`.trim();
  return finding;
}
