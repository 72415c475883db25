/** The whole way, as a person sees it: a message over MLLP, the patient found by name, the record, the signed CCD. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { provisionDemo } from '../../adapters/cli/demo-exchange.ts';
import { startNode } from '../../adapters/node.ts';
import { browserPath, openBrowser } from '../support/browser.ts';
import { chooseSecret, type Demo, SEEN_MS_MAX, startDemo, watch } from '../support/demo.ts';

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
    let demo: Demo;
    let browser: Browser;

    beforeAll(async () => {
      demo = await startDemo(join(dir, 'data'));
      browser = await openBrowser();
    });
    afterAll(async () => {
      await browser?.close();
      await demo?.stop();
      rmSync(dir, { recursive: true, force: true });
    });

    test('a patient that came in over MLLP is found by name, and the CCD tells her name and that its signature holds', async () => {
      const answer = await demo.send('meditech', MESSAGE);
      expect(answer).toContain('MSA|AA|BROWSER1');
      const page = await browser.newPage();
      page.setDefaultTimeout(SEEN_MS_MAX);
      const complaints = watch(page, demo.portal);
      await chooseSecret(page, demo);

      await page.goto(`${demo.portal}/patients`);
      await page.getByRole('textbox', { name: 'Name, number or birth date' }).fill('quillfeather isolde');
      await page.keyboard.press('Enter');
      await page.waitForURL(/q=quillfeather/);
      await page.getByRole('link', { name: /Quillfeather, Isolde/ }).click();
      await page.getByRole('heading', { level: 1, name: /Quillfeather, Isolde/ }).waitFor();
      expect(await page.locator('.results').innerText()).toMatch(/Glucose[\s\S]*131/);

      // The document is made a moment after the last change; the record shows it without a reload.
      await page.getByRole('link', { name: 'Open the CCD' }).first().click();
      await page.waitForURL(/\/documents\//);
      const paper = page.frameLocator('iframe.paper');
      await paper.getByText('Quillfeather').first().waitFor();
      expect(await paper.locator('body').innerText()).toMatch(/Quillfeather, Isolde Mae/i);
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
        const answer = await fetch(new URL(path, demo.portal), { method, redirect: 'manual' });
        expect({ method, url, refused: [401, 403].includes(answer.status) }).toEqual({ method, url, refused: true });
        const text = await answer.text();
        expect(text).not.toMatch(/Quillfeather|Brandvold|Kilbride/);
      }
    });
  },
);
