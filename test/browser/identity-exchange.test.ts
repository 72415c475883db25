/** Two hospitals, one doubt: the region's list shows a possible match, a person decides it, and takes it back. The real exchange, from the frame to the page. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { browserPath, openBrowser } from '../support/browser.ts';
import { chooseSecret, type Demo, SEEN_MS_MAX, startDemo, watch } from '../support/demo.ts';

const MIX_NUMBER = /^\d{3}-\d{3}-\d{4}$/;
/** A letter less in the name, another day of birth and another address: too much alike to pass over, too little to link. */
const AT_A = [
  'MSH|^~\\&|MEDITECH|HFC|MIX|HFC|202606010800||ADT^A01|DOUBTA1|P|2.4',
  'EVN|A01|202606010800',
  'PID|1||M0088001^^^^MR^HFC||BRACKENTHORPE^ODALYS^MAE||19700102|F|||12 Lantern Row^^Harlan Ferry^KS^67001^US^H||(555)555-0187',
  'PV1|1|I|MED^204^A|R',
];
const AT_B = [
  'MSH|^~\\&|CPSI LAB|PHH|MIX|PHH|20260602080000-0500||ADT^A04^ADT_A01|DOUBTB1|P|2.5.1',
  'EVN|A04|20260602080000-0500',
  'PID|1||0881^^^PHH^MR||Brackenthorp^Odalys^^^^^L||19700103|F|||3 Old Mill Street^^Pine Hollow^KS^67002^US^H',
  'PV1|1|O|CLINIC^1^1^PHH',
];

describe.skipIf(browserPath === undefined)(
  `identity in the exchange${browserPath === undefined ? ' (skipped: no chromium on this machine, set MIX_CHROMIUM)' : ''}`,
  () => {
    const dir = mkdtempSync(join(tmpdir(), 'mix-browser-'));
    let demo: Demo;
    let browser: Browser;

    beforeAll(async () => {
      demo = await startDemo(join(dir, 'data'), '--no-samples');
      browser = await openBrowser();
    });
    afterAll(async () => {
      await browser?.close();
      await demo?.stop();
      rmSync(dir, { recursive: true, force: true });
    });

    async function send(listener: string, segments: readonly string[]): Promise<void> {
      const control = segments[0]!.split('|')[9]!;
      expect(await demo.send(listener, `${segments.join('\r')}\r`)).toContain(`MSA|AA|${control}`);
    }

    /** The persons of this name at the region, with their numbers, once there are so many and each has one. */
    async function personsOf(page: Page, portal: string, count: number): Promise<{ link: string; mix: string }[]> {
      let found: { link: string; mix: string }[] = [];
      await expect
        .poll(
          async () => {
            await page.goto(`${portal}/patients?q=brackenthorp`);
            await page.locator('main :is(.rows tbody tr, .empty)').first().waitFor();
            const rows = await page.locator('.rows tbody tr').all();
            found = await Promise.all(
              rows.map(async (row) => ({
                link: (await row.locator('[data-row-link]').getAttribute('href')) ?? '',
                mix: (await row.locator('.mono').allInnerTexts()).find((text) => MIX_NUMBER.test(text)) ?? '',
              })),
            );
            return found.length === count && found.every(({ mix }) => mix !== '');
          },
          { timeout: SEEN_MS_MAX, interval: 1_000 },
        )
        .toBe(true);
      return found.sort((one, other) => one.mix.localeCompare(other.mix));
    }

    /** Opens an act's dialog, types why, and does it. */
    async function act(page: Page, name: string, reason: string): Promise<void> {
      await page.locator('main').getByRole('button', { name, exact: true }).click();
      const dialog = page.getByRole('dialog');
      await dialog.getByRole('textbox', { name: /Reason/ }).fill(reason);
      await dialog.getByRole('button', { name, exact: true }).click();
      await dialog.waitFor({ state: 'detached' });
    }

    test('a possible match of two hospitals is seen, decided with a reason, and taken back; persons and numbers follow', async () => {
      await send('meditech', AT_A);
      await send('cpsi', AT_B);
      const { portal, user, password } = demo.node('region');
      const page = await (await browser.newContext()).newPage();
      page.setDefaultTimeout(SEEN_MS_MAX);
      const complaints = watch(page, portal);
      await chooseSecret(page, { portal, user, password });
      const before = await personsOf(page, portal, 2);
      expect(new Set(before.map(({ mix }) => mix)).size).toBe(2);

      await page.goto(`${portal}/matches`);
      await page.locator('.rows tbody tr').first().waitFor();
      expect(await page.locator('.rows tbody tr').allInnerTexts()).toEqual([
        expect.stringMatching(/brackenthorp[\s\S]*brackenthorp[\s\S]*Possible match[\s\S]*\d\d %[\s\S]*Open/i),
      ]);
      await page.keyboard.press('j');
      await page.keyboard.press('Enter');
      await page.waitForURL(/\/matches\/[0-9a-f-]{36}$/);
      const item = page.url();

      // Both sides, and why it is a doubt.
      const sides = page.getByRole('region', { name: 'Side by side' });
      await sides.waitFor();
      expect(await sides.getByRole('columnheader').allInnerTexts()).toEqual([
        expect.anything(),
        expect.stringMatching(/hospital-[ab]\n/),
        expect.stringMatching(/hospital-[ab]\n/),
      ]);
      await sides.getByRole('row', { name: /^Born differs/ }).waitFor();
      await page.getByRole('img', { name: /Waterfall of the verdict/ }).waitFor();
      await page.getByText('As a table').click();
      await page
        .locator('.fall-table')
        .getByRole('row', { name: /^Birth date one digit off/ })
        .waitFor();

      await act(page, 'One person', 'same photo on both cards');
      await page.getByRole('heading', { level: 1, name: /Linked/ }).waitFor();
      await page.getByRole('region', { name: 'What changed after it' }).getByText('same photo on both cards').waitFor();

      const [together] = await personsOf(page, portal, 1);
      expect(before.map(({ mix }) => mix)).toContain(together!.mix);
      await page.goto(portal + together!.link);
      const records = page.getByRole('region', { name: 'Local records' });
      await expect.poll(() => records.locator('tbody tr').count(), { timeout: SEEN_MS_MAX }).toBe(2);
      await page.getByRole('region', { name: 'History' }).getByText('same photo on both cards').waitFor();

      await page.goto(item);
      await act(page, 'Take it back', 'the hospital called: two sisters');
      await page.getByRole('heading', { level: 1, name: /Open/ }).waitFor();
      expect(await page.getByRole('region', { name: 'Decisions' }).innerText()).toMatch(
        /Decided: One person[\s\S]*Taken back[\s\S]*two sisters/,
      );
      expect(await personsOf(page, portal, 2)).toEqual(before);
      await page.goto(portal + before[0]!.link);
      await expect.poll(() => records.locator('tbody tr').count(), { timeout: SEEN_MS_MAX }).toBe(1);
      expect(complaints).toEqual([]);
    });
  },
);
