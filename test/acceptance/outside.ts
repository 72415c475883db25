/** A node seen from outside: a child process, sockets and HTTP. Nothing of the project's code is imported here or by the tests beside. */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const LAUNCH = join(ROOT, 'adapters/cli/launch.js');
export const OWN_SECRET = 'quiet harbour seven lanterns';

export interface Told {
  portal: string;
  user?: string;
  password?: string;
  listeners: { name: string; host: string; port: number }[];
}

export interface Child {
  told: Told;
  /** What it wrote to standard error. */
  complaints(): string;
  stop(signal?: NodeJS.Signals): Promise<void>;
}

export function makeDir(): { path: string; remove(): void } {
  const path = mkdtempSync(join(tmpdir(), 'mix-acceptance-'));
  return { path, remove: () => rmSync(path, { recursive: true, force: true }) };
}

/** Starts `mix-hie ...args --json` and waits for the line that tells where it listens. */
export async function startChild(args: string[]): Promise<Child> {
  const child = spawn(process.execPath, [LAUNCH, ...args, '--json'], { cwd: ROOT, stdio: ['ignore', 'pipe', 'pipe'] });
  let errors = '';
  child.stderr.on('data', (bytes: Buffer) => {
    errors = (errors + bytes.toString()).slice(-100_000);
  });
  const told = await firstLine(child, () => errors);
  return {
    told,
    complaints: () => errors,
    stop: (signal = 'SIGTERM') =>
      new Promise((resolve) => {
        if (child.exitCode !== null || child.signalCode !== null) return resolve();
        child.once('exit', () => resolve());
        child.kill(signal);
      }),
  };
}

function firstLine(child: ChildProcess, errors: () => string): Promise<Told> {
  return new Promise((resolve, reject) => {
    let text = '';
    child.stdout!.on('data', (bytes: Buffer) => {
      text += bytes.toString();
      const end = text.indexOf('\n');
      if (end >= 0) resolve(JSON.parse(text.slice(0, end)) as Told);
    });
    child.once('exit', (code) => reject(new Error(`ended with ${code}: ${errors()}`)));
  });
}

/** A settings file of one hospital with these listeners (YAML lines), in a folder of its own. */
export function writeSettings(dir: string, listeners: string[], more: string[] = []): string {
  const file = join(dir, 'node.yaml');
  const lines = [
    'node:',
    '  name: acceptance',
    '  facility: AGH',
    '  zone: America/Chicago',
    `  dataDir: ${join(dir, 'data')}`,
    '  organization:',
    '    name: Acceptance General Hospital',
    '    oid: 2.16.840.1.113883.19.200',
    '    address: { street: 1 Example Square, city: Springdale, state: AL, postalCode: "36000" }',
    '    telecom: tel:+1-555-555-0100',
    'listeners:',
    ...listeners,
    'http: { port: 0 }',
    'documents: { when: coalesced, quietMs: 200, latestMs: 2000 }',
    'log: { level: error }',
    ...more,
  ];
  writeFileSync(file, `${lines.join('\n')}\n`);
  return file;
}

export function listenerLines(name: string, more: string[] = ['plain: true']): string[] {
  return [
    `  - name: ${name}`,
    '    port: 0',
    '    profile: plain',
    '    authority: 2.16.840.1.113883.19.200.1',
    '    facility: AGH',
    ...more.map((line) => `    ${line}`),
  ];
}

export interface Wire {
  socket: Socket;
  /** Sends one frame. */
  frame(message: string | Buffer): void;
  /** The next frame that comes, without its MLLP bytes. */
  answer(): Promise<string>;
  ask(message: string | Buffer): Promise<string>;
  close(): void;
}

const ANSWER_MS_MAX = 60_000;

/** MLLP over a socket (HL7 v2 transport specification, appendix C): 0x0b message 0x1c 0x0d. */
export async function openWire(port: number): Promise<Wire> {
  const socket = connect(port, '127.0.0.1');
  await new Promise((resolve, reject) => socket.once('connect', resolve).once('error', reject));
  return wireOver(socket);
}

export function wireOver(socket: Socket): Wire {
  let received = Buffer.alloc(0);
  let wake: (() => void) | undefined;
  let closed = false;
  socket.on('data', (bytes: Buffer) => {
    received = Buffer.concat([received, bytes]);
    wake?.();
  });
  socket.on('error', () => undefined);
  socket.on('close', () => {
    closed = true;
    wake?.();
  });
  const frame = (message: string | Buffer): void => {
    socket.write(Buffer.concat([Buffer.from([0x0b]), Buffer.from(message as string), Buffer.from([0x1c, 0x0d])]));
  };
  async function answer(): Promise<string> {
    const until = Date.now() + ANSWER_MS_MAX;
    for (;;) {
      const start = received.indexOf(0x0b);
      const end = received.indexOf(0x1c);
      if (start >= 0 && end > start) {
        const text = received.subarray(start + 1, end).toString('utf8');
        received = received.subarray(end + 1);
        return text;
      }
      if (closed || Date.now() > until) throw new Error(closed ? 'the connection was closed' : 'no answer came');
      await new Promise<void>((resolve) => {
        wake = resolve;
        setTimeout(resolve, 1_000);
      });
    }
  }
  return {
    socket,
    frame,
    answer,
    ask: (message) => {
      frame(message);
      return answer();
    },
    close: () => void socket.destroy(),
  };
}

/** Fields of the first segment of this name in an answer; `[0]` is the name. MSH is counted as the standard does. */
export function segment(answer: string, name: string): string[] {
  const line = answer.split('\r').find((one) => one.startsWith(`${name}|`)) ?? '';
  const fields = line.split('|');
  return name === 'MSH' ? ['MSH', '|', ...fields.slice(1)] : fields;
}

/** A signed-in session over HTTP, with the password that the person chose. */
export interface Session {
  get<T = unknown>(path: string): Promise<T>;
  post<T = unknown>(path: string, body: unknown): Promise<T>;
  raw(path: string, init?: RequestInit): Promise<Response>;
}

/** Signs in: with the one-time password where there is one (then it is replaced), else with {@link OWN_SECRET}. */
export async function signIn(told: Told): Promise<Session> {
  const headers: Record<string, string> = { 'content-type': 'application/json', 'x-mix-portal': 'acceptance' };
  const raw = (path: string, init: RequestInit = {}) => fetch(new URL(path, told.portal), { headers, ...init });
  const post = async <T>(path: string, body: unknown): Promise<T> =>
    (await read(await raw(path, { method: 'POST', body: JSON.stringify(body) }))) as T;
  const answer = await raw('/api/sign-in', {
    method: 'POST',
    body: JSON.stringify({ name: told.user ?? 'admin', secret: told.password ?? OWN_SECRET }),
  });
  if (answer.status !== 200) throw new Error(`signing in was answered with ${answer.status}`);
  headers.cookie = (answer.headers.get('set-cookie') ?? '').split(';')[0]!;
  if (told.password !== undefined) await post('/api/secret', { old: told.password, fresh: OWN_SECRET });
  return { raw, post, get: async <T>(path: string) => (await read(await raw(path))) as T };
}

async function read(answer: Response): Promise<unknown> {
  const text = await answer.text();
  if (!answer.ok) throw new Error(`${answer.url} was answered with ${answer.status} ${text}`);
  return text === '' ? undefined : JSON.parse(text);
}

const WAIT_MS_MAX = 45_000;

/** Asks again and again until the answer satisfies; throws with the last answer when it never does. */
export async function until<T>(ask: () => Promise<T>, satisfied: (value: T) => boolean): Promise<T> {
  const end = Date.now() + WAIT_MS_MAX;
  for (;;) {
    const value = await ask();
    if (satisfied(value)) return value;
    if (Date.now() > end) throw new Error(`never came to be; last: ${JSON.stringify(value)?.slice(0, 1_000)}`);
    await new Promise((next) => setTimeout(next, 100));
  }
}

export interface Listed<T = Record<string, unknown>> {
  rows: T[];
  count: number;
  next?: string;
}

/** An ADT^A01 of an invented person. */
export function admission(options: {
  controlId: string;
  number: string;
  family?: string;
  given?: string;
  mode?: string;
  charset?: string;
  version?: string;
}): string {
  const { controlId, number, family = 'Quillfeather', given = 'Isolde', version = '2.5.1' } = options;
  const header = `MSH|^~\\&|LAB|AGH|MIX|HIE|20260501120000-0500||ADT^A01^ADT_A01|${controlId}|P|${version}`;
  const [accept = '', application = ''] = (options.mode ?? '').split(',');
  return [
    `${header}|||${accept}|${application}||${options.charset ?? 'UNICODE UTF-8'}`,
    'EVN|A01|20260501120000-0500',
    `PID|1||${number}^^^AGH^MR||${family}^${given}^Mae||19700102|F|||12 Lantern Row^^Springdale^AL^36000||(555)555-0187`,
    `PV1|1|I|WARD^101^1^AGH||||8201^Okonjo^Ruth^A^^^MD|||||||||||V${number}|||||||||||||||||||||||||20260501115500-0500`,
    'AL1|1|DA|7980^penicillin G^RXNORM|MO|Hives',
    '',
  ].join('\r');
}
