/** A command as a user of a node's portal: signs in over its HTTP, asks, signs out. */
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { Writable } from 'node:stream';
import { Agent, request } from 'undici';
import { catalogue, type FaultCode, MixError } from '../../schemas/errors/index.ts';

export interface PortalClient {
  /** The answer's JSON. Throws what the portal told, or `exchange.unreachable`. */
  ask(method: 'GET' | 'POST', path: string, body?: object): Promise<unknown>;
  signOut(): Promise<void>;
}

export interface PortalAddress {
  /** `https://hospital.example:8443` */
  node: string;
  user: string;
  secret: string;
  /** Authorities that the node's certificate may come from, PEM; without it those of the system. */
  ca?: string;
}

const ANSWER_MS = 60_000;
const ANSWER_BYTES_MAX = 16 * 1024 * 1024;
/** Environment variable of the password; there is no option for it, since others see the arguments of a program. */
export const SECRET_VARIABLE = 'MIX_PASSWORD';

/** Signs in. Throws `admit.wrong-secret`, `http.secret-must-change`, `exchange.unreachable`. */
export async function signInToPortal(address: PortalAddress): Promise<PortalClient> {
  const connect = address.ca === undefined ? {} : { connect: { ca: readFileSync(address.ca) } };
  const dispatcher = new Agent({ ...connect, headersTimeout: ANSWER_MS, bodyTimeout: ANSWER_MS });
  let cookie = '';

  async function ask(method: 'GET' | 'POST', path: string, body?: object): Promise<unknown> {
    const headers = { 'content-type': 'application/json', 'x-mix-portal': 'cli', cookie };
    const answer = await request(new URL(path, address.node), {
      method,
      headers,
      dispatcher,
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    }).catch((cause: unknown) => {
      throw new MixError('exchange.unreachable', { place: address.node, cause });
    });
    const set = [answer.headers['set-cookie'] ?? []].flat()[0];
    if (set !== undefined) cookie = set.split(';', 1)[0] ?? '';
    const text = await readText(answer.body);
    if (answer.statusCode >= 400) throw faultOf(text, answer.statusCode);
    return text === '' ? undefined : JSON.parse(text);
  }

  const { me } = (await ask('POST', '/api/sign-in', { name: address.user, secret: address.secret })) as {
    me: { mustChangeSecret: boolean };
  };
  if (me.mustChangeSecret) throw new MixError('http.secret-must-change', { place: address.node });
  return {
    ask,
    async signOut() {
      await ask('POST', '/api/sign-out', {}).catch(() => undefined);
      await dispatcher.close();
    },
  };
}

async function readText(body: AsyncIterable<Buffer>): Promise<string> {
  const parts: Buffer[] = [];
  let size = 0;
  for await (const part of body) {
    size += part.length;
    if (size > ANSWER_BYTES_MAX) throw new MixError('exchange.answer', { detail: 'too long' });
    parts.push(part);
  }
  return Buffer.concat(parts).toString('utf8');
}

function faultOf(text: string, status: number): MixError {
  try {
    const told = JSON.parse(text) as { code?: string; place?: string; detail?: string };
    if (told.code !== undefined && Object.hasOwn(catalogue, told.code)) {
      const { code, ...rest } = told;
      return new MixError(code as FaultCode, rest);
    }
  } catch {
    // Told below by its status alone.
  }
  return new MixError('exchange.answer', { detail: `HTTP ${status}` });
}

/** The password from the environment, or asked for without showing it; from a pipe its first line. Empty where there is none. */
export async function readSecret(prompt: string): Promise<string> {
  const given = process.env[SECRET_VARIABLE];
  if (given !== undefined && given !== '') return given;
  const terminal = process.stdin.isTTY === true;
  if (terminal) process.stderr.write(prompt);
  // What is typed is echoed to nowhere.
  const nowhere = new Writable({ write: (_chunk, _encoding, done) => done() });
  const lines = createInterface({ input: process.stdin, output: nowhere, terminal });
  try {
    for await (const line of lines) return line;
    return '';
  } finally {
    lines.close();
    if (terminal) process.stderr.write('\n');
  }
}
