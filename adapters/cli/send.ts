/** `mix-hie send FILE... --to HOST:PORT`: sends messages over MLLP and prints what was answered. */
import { readFileSync, statSync } from 'node:fs';
import { type Command, InvalidArgumentError } from 'commander';
import { splitBatch } from '../../engine/hl7v2/index.ts';
import { MixError } from '../../schemas/errors/index.ts';
import { answerHeadOf, connectMllp, type MllpClient } from '../mllp/index.ts';

interface SendOptions {
  to: { host: string; port: number };
  tls?: boolean;
  cert?: string;
  key?: string;
  ca?: string[];
  window: number;
  timeout: number;
  json?: boolean;
}

interface Sent {
  file: string;
  /** 1 for the first message of the file. */
  message: number;
  /** MSA-1, or the code of what failed. */
  code: string;
  ok: boolean;
}

/** Longest file that is read at once. */
const FILE_BYTES_MAX = 512 * 1024 * 1024;

export function sendCommand(program: Command): void {
  program
    .command('send')
    .description('send HL7 v2 messages over MLLP and print the acknowledgment codes')
    .argument('<files...>', 'files of one or many messages')
    .requiredOption('--to <host:port>', 'the receiver', readAddress)
    .option('--tls', 'TLS with certificates on both sides (needs --cert, --key and --ca)')
    .option('--cert <file>', 'own certificate, PEM')
    .option('--key <file>', 'its private key, PEM')
    .option('--ca <file...>', 'authorities that the receiver may come from, PEM')
    .option('--window <n>', 'messages that may wait for their answer', readCount, 1)
    .option('--timeout <ms>', 'longest wait for an answer', readCount, 30_000)
    .option('--json', 'print one line of JSON a message')
    .action(async (files: string[], options: SendOptions, command: Command) => {
      if (options.tls && !(options.cert && options.key && options.ca))
        command.error('error: --tls needs --cert, --key and --ca');
      const all = await sendFiles(files, options, (sent) =>
        process.stdout.write(
          options.json ? `${JSON.stringify(sent)}\n` : `${sent.file} ${sent.message} ${sent.code}\n`,
        ),
      );
      if (all.sent === 0 || all.ok < all.sent) process.exitCode = 1;
      if (!options.json) process.stderr.write(`${all.sent} sent, ${all.ok} accepted\n`);
    });
}

async function sendFiles(
  files: string[],
  options: SendOptions,
  tell: (sent: Sent) => void,
): Promise<{ sent: number; ok: number }> {
  const tls = options.tls
    ? { cert: readFile(options.cert!), key: readFile(options.key!), ca: options.ca!.map(readFile) }
    : undefined;
  const client = await connectMllp({ ...options.to, tls, window: options.window, answerMs: options.timeout });
  const all = { sent: 0, ok: 0 };
  const progress = showProgress(all);
  try {
    for (const file of files) {
      const waiting: Promise<Sent>[] = [];
      for (const part of splitBatch(readFile(file)).messages) {
        waiting.push(sendOne(client, part.bytes, file, part.index + 1));
        // Told in order; no more in memory than the window wants.
        if (waiting.length >= options.window) await settle(waiting.shift()!);
      }
      for (const sent of waiting) await settle(sent);
    }
  } finally {
    progress.end();
    await client.close();
  }
  return all;

  async function settle(pending: Promise<Sent>): Promise<void> {
    const sent = await pending;
    all.sent += 1;
    if (sent.ok) all.ok += 1;
    progress.step();
    tell(sent);
  }
}

async function sendOne(client: MllpClient, bytes: Buffer, file: string, message: number): Promise<Sent> {
  try {
    const code = answerHeadOf(await client.send(bytes))?.code ?? '';
    return { file, message, code, ok: code === 'AA' || code === 'CA' };
  } catch (cause) {
    if (!(cause instanceof MixError)) throw cause;
    return { file, message, code: cause.fault.code, ok: false };
  }
}

/** A count that is written over itself, where a person looks on and the answers go elsewhere. */
function showProgress(all: { sent: number; ok: number }): { step(): void; end(): void } {
  if (!process.stderr.isTTY || process.stdout.isTTY) return { step() {}, end() {} };
  const show = (): boolean => process.stderr.write(`\r${all.sent} sent, ${all.ok} accepted`);
  const timer = setInterval(show, 200);
  return {
    step() {
      if (all.sent === 1) show();
    },
    end() {
      clearInterval(timer);
      process.stderr.write('\r');
    },
  };
}

function readFile(file: string): Buffer {
  let size: number | undefined;
  try {
    size = statSync(file).size;
    if (size <= FILE_BYTES_MAX) return readFileSync(file);
  } catch (cause) {
    throw new MixError('mllp.file-unreadable', { place: file, cause });
  }
  throw new MixError('mllp.file-unreadable', { place: file, detail: `${size} bytes, at most ${FILE_BYTES_MAX}` });
}

function readAddress(text: string): { host: string; port: number } {
  const parts = /^(?:\[([0-9a-f:.]+)\]|([^:]+)):(\d{1,5})$/i.exec(text);
  const port = Number(parts?.[3]);
  if (!parts || port < 1 || port > 65_535) throw new InvalidArgumentError('wanted HOST:PORT, such as 127.0.0.1:2575');
  return { host: parts[1] ?? parts[2] ?? '', port };
}

function readCount(text: string): number {
  const count = Number(text);
  if (!Number.isSafeInteger(count) || count < 1) throw new InvalidArgumentError('wanted a whole number above 0');
  return count;
}
