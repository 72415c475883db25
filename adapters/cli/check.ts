/** `mix-hie check FILE...`: what is wrong in a message, a CCD, a policy, a vendor profile or a settings file, with its place. */
import { readFileSync } from 'node:fs';
import type { Command } from 'commander';
import { parse } from 'yaml';
import { checkCcdText, checkMessages, isWarning } from '../../engine/index.ts';
import { compilePolicy } from '../../policies/index.ts';
import { type Fault, MixError, sentenceOf } from '../../schemas/errors/index.ts';
import { checkSettings } from '../../schemas/settings/index.ts';
import { readProfile } from '../../schemas/vendors/profile.ts';

type Kind = 'message' | 'ccd' | 'policy' | 'profile' | 'settings';

/** One thing to tell about a file. */
interface Finding {
  place?: string;
  sentence: string;
  warning: boolean;
}

export function checkCommand(program: Command): void {
  program
    .command('check')
    .description('say what is wrong in a message, CCD, policy, vendor profile or settings file')
    .option('--json', 'a line of JSON a file')
    .argument('<files...>', 'files')
    .action((files: string[], options: { json?: boolean }) => {
      let holds = true;
      for (const file of files) {
        const { kind, findings } = checkFile(file);
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

function checkFile(file: string): { kind: Kind; findings: Finding[] } {
  let bytes: Buffer;
  try {
    bytes = readFileSync(file);
  } catch (cause) {
    throw new MixError('settings.unreadable', { place: file, cause });
  }
  const kind = kindOf(file, bytes);
  try {
    return { kind, findings: CHECKS[kind](bytes) };
  } catch (cause) {
    if (!(cause instanceof MixError)) throw cause;
    return { kind, findings: [findingOf(cause.fault)] };
  }
}

/** Told by its content first, since endings of interface files mean nothing. */
function kindOf(file: string, bytes: Buffer): Kind {
  const head = bytes
    .subarray(0, 4_000)
    .toString('utf8')
    .replace(/^\uFEFF/, '')
    .trimStart();
  if (head.startsWith('<')) return /<(?:[\w-]+:)?Policy(?:Set)?[\s>]/.test(head) ? 'policy' : 'ccd';
  if (head.startsWith('{') || file.endsWith('.json')) return 'profile';
  if (/\.ya?ml$/.test(file)) return 'settings';
  return 'message';
}

const CHECKS: Record<Kind, (bytes: Buffer) => Finding[]> = {
  message: (bytes) =>
    checkMessages(bytes).flatMap(({ position, faults }) =>
      faults.map((fault) => findingOf(fault, `message ${position} `)),
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
  settings: (bytes) =>
    checkSettings(parse(bytes.toString('utf8')), { baseDir: process.cwd() }).faults.map((fault) => findingOf(fault)),
};

function jsonOf(bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString('utf8'));
  } catch (cause) {
    throw new MixError('settings.unreadable', { detail: 'not JSON', cause });
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
