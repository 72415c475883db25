/** The whole way, as a person sees it: a message over MLLP, the patient found by name, the record, the signed CCD. */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { provisionDemo } from '../../adapters/cli/demo-exchange.ts';
import { startNode } from '../../adapters/node.ts';
import { browserPath, openBrowser } from '../support/browser.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const OWN_SECRET = 'copper kettle under nine stars';
const SEEN_MS_MAX = 60_000;

interface Told {
  portal: string;
  user: string;
  password: string;
  listeners: { name: string; port: number }[];
}

const MESSAGE = [
  'MSH|^~\\&|MEDITECH|HFC|MIX|HIE|20260601093000||ORU^R01|BROWSER1|P|2.4',
  'PID|1||M0077123^^^HFC^MR||Quillfeather^Isolde^Mae||19700102|F|||12 Lantern Row^^Springdale^AL^36000||(555)555-0187',
  'PV1|1|I|WARD^101^1^HFC',
  'OBR|1||77001|2345-7^Glucose^LN|||20260601090000|||||||||||||||20260601092500||LAB|F',
  'OBX|1|NM|2345-7^Glucose [Mass/volume] in Serum or Plasma^LN||131|mg/dL|70-99|H|||F|||20260601090000',
  '',
].join('\r');

describe.skipIf(browserPath === undefined)(
  `demo${browserPath === undefined ? ' (skipped: no chromium on this machine, set MIX_CHROMIUM)' : ''}`,
  () => {
    const dir = mkdtempSync(join(tmpdir(), 'mix-browser-'));
    let child: ChildProcess;
    let told: Told;
    let browser: Browser;

    beforeAll(async () => {
      const launch = join(ROOT, 'adapters/cli/launch.js');
      const data = join(dir, 'data');
      child = spawn(process.execPath, [launch, 'demo', '--json', '--data', data], {
        cwd: ROOT,
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      told = await firstLine(child);
      browser = await openBrowser();
    });
    afterAll(async () => {
      await browser?.close();
      if (child?.exitCode === null) {
        child.kill('SIGTERM');
        await new Promise((resolve) => child.once('exit', resolve));
      }
      rmSync(dir, { recursive: true, force: true });
    });

    test('a patient that came in over MLLP is found by name, and the CCD tells her name and that its signature holds', async () => {
      const answer = await sendOne(told.listeners.find(({ name }) => name === 'meditech')!.port, MESSAGE);
      expect(answer).toContain('MSA|AA|BROWSER1');
      const page = await browser.newPage();
      page.setDefaultTimeout(SEEN_MS_MAX);
      const complaints = watch(page, told.portal);
      await chooseSecret(page, told);

      await page.goto(`${told.portal}/patients`);
      await page.getByRole('textbox', { name: 'Name, number or birth date' }).fill('quillfeather isolde');
      await page.getByRole('link', { name: /Quillfeather, Isolde/ }).click();
      await page.getByRole('heading', { level: 1, name: /Quillfeather, Isolde/ }).waitFor();
      expect(await page.locator('.results').innerText()).toMatch(/Glucose[\s\S]*131/);

      // The document is made a moment after the last change; the record shows it without a reload.
      await page.getByRole('link', { name: 'Open the CCD' }).first().click();
      await page.waitForURL(/\/documents\//);
      const paper = page.frameLocator('iframe.paper');
      await paper.getByText('Quillfeather').first().waitFor();
      expect(await paper.locator('body').innerText()).toMatch(/Isolde[\s\S]*Quillfeather/);
      expect(await page.locator('main').innerText()).toMatch(/signature holds/i);
      expect(complaints).toEqual([]);
      await page.close();
    });

    test('without signing in every route of the node answers 401 or 403', async () => {
      const hospital = (await provisionDemo(join(dir, 'routes'))).find(({ plan }) => plan.role === 'hospital')!;
      const node = await startNode(hospital.settings, { log: { info() {}, warn() {}, error() {} } });
      const routes = node.routes;
      await node.stop();
      expect(routes.length).toBeGreaterThan(20);
      expect(routes.some(({ url }) => url === '/api/patients/:id')).toBe(true);
      for (const { method, url } of routes) {
        const path = url.replaceAll(/:\w+/g, '00000000-0000-7000-8000-000000000000').replace('*', 'assets/index.js');
        const answer = await fetch(new URL(path, told.portal), { method, redirect: 'manual' });
        expect({ method, url, refused: [401, 403].includes(answer.status) }).toEqual({ method, url, refused: true });
        const text = await answer.text();
        expect(text).not.toMatch(/Quillfeather|Brandvold|Kilbride/);
      }
    });
  },
);

function firstLine(child: ChildProcess): Promise<Told> {
  return new Promise((resolve, reject) => {
    let text = '';
    child.stdout!.on('data', (bytes: Buffer) => {
      text += bytes.toString();
      if (text.includes('\n')) resolve(JSON.parse(text.slice(0, text.indexOf('\n'))) as Told);
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
  });
}

/** Errors in the console, failures of the page and requests to elsewhere. */
function watch(page: Page, portal: string): string[] {
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

/** Signs in with the one-time password; nothing else opens before an own one is chosen. */
async function chooseSecret(page: Page, told: Told): Promise<void> {
  await page.goto(told.portal);
  await page.fill('#name', told.user);
  await page.fill('#secret', told.password);
  await page.click('button[type=submit]');
  const fields = page.locator('input[type=password]');
  await fields.first().waitFor();
  const wanted = [told.password, OWN_SECRET, OWN_SECRET];
  const count = await fields.count();
  for (let at = 0; at < count; at += 1) await fields.nth(at).fill(wanted[at]!);
  await page.locator('main button[type=submit], form button[type=submit]').last().click();
  await page.getByRole('heading', { level: 1, name: /Messages/ }).waitFor();
}
