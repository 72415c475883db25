/** The demo's exchange as a child process, and a person in front of its portals. */
import { type ChildProcess, spawn } from 'node:child_process';
import { connect } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Page } from 'playwright-core';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
/** The password that a person chooses in place of the one-time one. */
export const OWN_SECRET = 'copper kettle under nine stars';
/** How long a page may take to show what is waited for: machines of tests are slow at times. */
export const SEEN_MS_MAX = 60_000;

export interface PortalFace {
  portal: string;
  user: string;
  password: string;
}

export interface ToldNode extends PortalFace {
  name: string;
  role: string;
  title: string;
  /** Where other nodes come in (HTTPS). */
  door: string;
}

export interface Demo extends PortalFace {
  listeners: { name: string; port: number; node: string }[];
  nodes: ToldNode[];
  /** The node of this name. */
  node(name: string): ToldNode;
  /** One frame to this listener, and what was answered. */
  send(listener: string, message: string): Promise<string>;
  stop(): Promise<void>;
}

/** Starts `mix-hie demo --json` on `data` and waits for the line that tells where it listens. */
export async function startDemo(data: string, ...options: string[]): Promise<Demo> {
  const launch = join(ROOT, 'adapters/cli/launch.js');
  const child = spawn(process.execPath, [launch, 'demo', '--json', '--data', data, ...options], {
    cwd: ROOT,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const told = await firstLine(child);
  return {
    ...told,
    node: (name) => told.nodes.find((one) => one.name === name)!,
    send: (listener, message) => sendOne(told.listeners.find((one) => one.name === listener)!.port, message),
    async stop() {
      if (child.exitCode !== null || child.signalCode !== null) return;
      const ended = new Promise((resolve) => child.once('exit', resolve));
      child.kill('SIGTERM');
      await ended;
    },
  };
}

function firstLine(child: ChildProcess): Promise<Omit<Demo, 'node' | 'send' | 'stop'>> {
  return new Promise((resolve, reject) => {
    let text = '';
    child.stdout!.on('data', (bytes: Buffer) => {
      text += bytes.toString();
      if (text.includes('\n')) resolve(JSON.parse(text.slice(0, text.indexOf('\n'))));
    });
    child.once('exit', (code) => reject(new Error(`the demo ended with ${code}`)));
  });
}

/** One frame there and one back (MLLP: 0x0b message 0x1c 0x0d). */
function sendOne(port: number, message: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1', () => socket.write(`\x0b${message}\x1c\r`));
    let text = '';
    socket.on('error', reject);
    socket.on('data', (bytes: Buffer) => {
      text += bytes.toString();
      if (!text.includes('\x1c')) return;
      socket.end();
      resolve(text);
    });
    socket.on('close', () => reject(new Error('the connection ended before the answer was whole')));
  });
}

/** Errors in the console, failures of the page and requests to elsewhere. */
export function watch(page: Page, portal: string): string[] {
  const complaints: string[] = [];
  page.on('pageerror', (error) => complaints.push(error.message));
  page.on('console', (line) => {
    if (line.type() === 'error' && !/status of 40[13]/.test(line.text())) complaints.push(line.text());
  });
  page.on('request', (request) => {
    if (!request.url().startsWith(portal) && !/^(data|about|blob):/.test(request.url()))
      complaints.push(`request to ${request.url()}`);
  });
  return complaints;
}

/** Signs in with the one-time password; nothing else opens before an own one is chosen. Ends at the node's first page. */
export async function chooseSecret(page: Page, face: PortalFace): Promise<void> {
  await page.goto(face.portal);
  await page.fill('#name', face.user);
  await page.fill('#secret', face.password);
  await page.click('button[type=submit]');
  const fields = page.locator('input[type=password]');
  await fields.nth(1).waitFor();
  const wanted = [face.password, OWN_SECRET, OWN_SECRET];
  const count = await fields.count();
  for (let at = 0; at < count; at += 1) await fields.nth(at).fill(wanted[at]!);
  await page.locator('main button[type=submit], form button[type=submit]').last().click();
  await page.getByRole('heading', { level: 1, name: /Messages|Exchange/ }).waitFor();
}
