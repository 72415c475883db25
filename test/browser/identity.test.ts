/** The patient index on pages: the work list, one doubt explained, decisions and their way back, and a person's history. Against invented data. */
import { AxeBuilder } from '@axe-core/playwright';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { buildPages } from '../../adapters/web/index.ts';
import { browserPath, openBrowser } from '../support/browser.ts';
import { watch } from '../support/demo.ts';
import { type Portal, startPortal } from '../support/portal.ts';
import { createStubEngine, ONE_TIME } from '../support/stub-engine.ts';

const ADDRESSES = [
  ['/matches', '.rows'],
  ['/matches?state=all&kind=request', '.rows'],
  ['/matches?kind=storm&state=withdrawn', '.empty'],
  ['/matches/match-1', '.waterfall svg'],
  ['/matches/match-2', '.verdict-rules'],
  ['/matches/match-3', '.sides'],
  ['/matches/match-4', '.sides'],
  ['/matches/match-5', '.notice-warn'],
  ['/matches/match-6', '.story-line'],
  ['/matches/no-such', '.empty'],
  ['/patients/person-1', '.story-line'],
  ['/patients/person-1?at=2026-11-01T00:00:00.000Z', '.then-past .compare'],
  ['/patients/person-8', '.person-notes'],
] as const;

describe.skipIf(browserPath === undefined)(
  `identity${browserPath === undefined ? ' (skipped: no chromium on this machine, set MIX_CHROMIUM)' : ''}`,
  () => {
    let browser: Browser;
    let dir: string;
    const open: { context?: BrowserContext; portal?: Portal }[] = [];

    beforeAll(async () => {
      dir = await buildPages();
      browser = await openBrowser();
    });
    afterAll(() => browser?.close());
    afterEach(async () => {
      for (const { context, portal } of open.splice(0)) {
        await context?.close();
        await portal?.http.close();
      }
    });

    /** Signed in at a region, at this address. */
    async function start(
      address: string,
      options: { width?: number; colorScheme?: 'light' | 'dark'; empty?: boolean } = {},
    ) {
      const engine = createStubEngine({ role: 'region', empty: options.empty === true });
      const portal = await startPortal({
        engine,
        settings: { pagesDir: dir, signInsPerMinute: 1000, liveHeartbeatMs: 300 },
      });
      const context = await browser.newContext({
        viewport: { width: options.width ?? 1280, height: 844 },
        colorScheme: options.colorScheme ?? 'light',
        reducedMotion: 'reduce',
      });
      open.unshift({ context }, { portal });
      const page = await context.newPage();
      page.setDefaultTimeout(60_000);
      const complaints = watch(page, portal.url);
      await page.goto(portal.url + address);
      await page.fill('#name', 'admin');
      await page.fill('#secret', ONE_TIME);
      await page.click('button[type=submit]');
      await page.waitForSelector('main h1, main .empty');
      return { page, engine, portal, complaints };
    }

    async function seriousFaults(page: Page): Promise<string[]> {
      const { violations } = await new AxeBuilder({ page })
        .withTags(['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa'])
        .analyze();
      return violations
        .filter(({ impact }) => impact === 'serious' || impact === 'critical')
        .map(
          ({ id, nodes }) => `${id}: ${nodes.map(({ html, failureSummary }) => `${html} ${failureSummary}`).join()}`,
        );
    }

    /** Opens an act's dialog, types why, and does it. */
    async function act(page: Page, name: string, reason: string, does = name): Promise<void> {
      await page.locator('main').getByRole('button', { name, exact: true }).click();
      const dialog = page.getByRole('dialog');
      const done = dialog.getByRole('button', { name: does, exact: true });
      await dialog.getByRole('textbox', { name: /Reason/ }).fill('short');
      expect(await done.isDisabled()).toBe(true);
      await dialog.getByRole('textbox', { name: /Reason/ }).fill(reason);
      await done.click();
      await dialog.waitFor({ state: 'detached' });
    }

    const badge = (page: Page) => page.getByRole('link', { name: /^Matches/ }).locator('.place-count');

    test.each([
      [1280, 'light'],
      [1280, 'dark'],
      [390, 'light'],
      [390, 'dark'],
    ] as const)('at %i pixels in %s the pages are whole, accessible and quiet', async (width, colorScheme) => {
      const { page, portal, complaints } = await start('/matches', { width, colorScheme });
      for (const [address, wanted] of ADDRESSES) {
        await page.goto(portal.url + address);
        await page.waitForSelector(wanted);
        expect(
          await page.evaluate(() => document.documentElement.scrollWidth - innerWidth),
          `${address} is wider than the window`,
        ).toBeLessThanOrEqual(0);
        expect(await seriousFaults(page), address).toEqual([]);
      }
      expect(complaints.filter((line) => !/status of 404/.test(line))).toEqual([]);
    });

    test('the list tells who, what, how likely and how it stands; keys and filters work, and it follows what others do', async () => {
      const { page, engine } = await start('/matches');
      const rows = page.locator('tbody tr');
      await expect.poll(() => rows.count()).toBe(5);
      expect(await rows.first().innerText()).toMatch(
        /OKAFOR, Ruth and Okafor, Ruthie Adaeze[\s\S]*Possible match[\s\S]*96 %[\s\S]*Open[\s\S]*Larch County/,
      );
      expect(await badge(page).innerText()).toBe('5');

      await page.getByRole('combobox', { name: 'What' }).click();
      await page.getByRole('option', { name: 'Overwritten record' }).click();
      await page.waitForURL('**/matches?kind=overlay');
      await expect.poll(() => rows.count()).toBe(1);
      await page.goBack();
      await page.waitForURL('**/matches');
      await expect.poll(() => rows.count()).toBe(5);

      // Somebody else decides: the row goes and the badge with it, without a reload.
      engine.decideElsewhere('match-2', 'dora', 'unlink');
      await expect.poll(() => rows.count(), { timeout: 20_000 }).toBe(4);
      await expect.poll(() => badge(page).innerText(), { timeout: 20_000 }).toBe('4');

      await page.locator('body').click({ position: { x: 5, y: 5 } });
      await page.keyboard.press('j');
      await page.keyboard.press('j');
      await page.keyboard.press('k');
      await page.keyboard.press('Enter');
      await page.waitForURL('**/matches/match-1');
    });

    test('a possible match is explained, decided with a reason, and taken back', async () => {
      const { page, engine, complaints } = await start('/matches/match-1');
      const picture = page.getByRole('img', { name: /Waterfall of the verdict/ });
      expect(await picture.getAttribute('aria-label')).toBe(
        'Waterfall of the verdict: from \u221216.6 bits before comparing to +4.5 bits in all. Possible from \u22124.2, match from +6.6.',
      );
      await page.getByText('As a table').click();
      const table = page.locator('.fall-table');
      expect(await table.getByRole('row', { name: /^Birth date/ }).innerText()).toMatch(
        /one digit off\s+\+7.2\s+\+5.9/,
      );
      expect(await table.getByRole('row', { name: /^In all/ }).innerText()).toMatch(/\+4.5/);
      expect(await table.getByRole('row', { name: /^Doubt/ }).innerText()).toMatch(/one household\s+\u22129.6/);

      const sides = page.getByRole('region', { name: 'Side by side' });
      await sides.getByRole('row', { name: /^Born differs/ }).waitFor();
      expect(await sides.getByRole('row', { name: /^Phone/ }).innerText()).not.toContain('differs');
      expect(await sides.locator('mark').first().innerText()).toBe('ie');
      expect(await sides.getByRole('row', { name: /^E-mail/ }).innerText()).toContain('not told');

      await act(page, 'One person', 'same photo on both cards');
      await page.getByRole('heading', { level: 1, name: /Linked/ }).waitFor();
      expect(await page.getByRole('region', { name: 'Decisions' }).innerText()).toMatch(
        /Decided: One person admin[\s\S]*same photo on both cards/,
      );
      await expect.poll(() => badge(page).innerText(), { timeout: 20_000 }).toBe('4');

      await act(page, 'Take it back', 'the hospital called: two sisters');
      await page.getByRole('heading', { level: 1, name: /Open/ }).waitFor();
      expect(await page.getByRole('region', { name: 'Decisions' }).innerText()).toMatch(
        /Decided: One person[\s\S]*Taken back[\s\S]*two sisters/,
      );
      await expect.poll(() => badge(page).innerText(), { timeout: 20_000 }).toBe('5');
      expect(engine.identityAsked).toEqual([
        { act: 'decide', id: 'match-1', decision: 'link', reason: 'same photo on both cards' },
        { act: 'undo', id: 'match-1', reason: 'the hospital called: two sisters' },
      ]);
      expect(await page.getByRole('alert').count()).toBe(0);
      expect(complaints).toEqual([]);
    });

    test('of what one person decided the second confirms or does not', async () => {
      const { page } = await start('/matches/match-5');
      await page.getByText('dora decided: One person. Nothing has changed yet.').waitFor();
      await act(page, 'Do not confirm', 'the photos are not alike');
      await page.getByRole('heading', { level: 1, name: /Open/ }).waitFor();
      await page.getByText(/Two persons decide here/).waitFor();
      await act(page, 'Two persons', 'the photos are not alike');
      await page.getByRole('heading', { level: 1, name: /Waits for a second person/ }).waitFor();
      await page.getByText(/You decided. Nothing changes before another person confirms it/).waitFor();
      expect(await page.getByRole('button', { name: 'Confirm', exact: true }).count()).toBe(0);
    });

    test('an overwritten record and a storm speak their own words and name what to do', async () => {
      const { page, portal } = await start('/matches/match-3');
      await page.getByText(/Larch County must register that person under a number of its own/).waitFor();
      const before = page.getByRole('region', { name: 'Before and now' });
      expect(await before.getByRole('columnheader').allInnerTexts()).toEqual([
        expect.anything(),
        expect.stringMatching(/^As it was\n/),
        expect.stringMatching(/^As it was fed\n/),
      ]);
      await page.getByText(/The earlier facts stand, and the new ones wait here/).waitFor();
      await act(page, 'Another person', 'the clerk used an old form');
      await page.getByRole('heading', { level: 1, name: /New facts refused/ }).waitFor();
      expect(await page.getByText(/the new ones wait here/).count()).toBe(0);

      await page.goto(`${portal.url}/matches/match-4`);
      await page.getByText(/Ask St. Brendan what it sent/).waitFor();
      expect(await page.getByRole('button', { name: 'One person' }).count()).toBe(0);
      await act(page, 'Close', 'the interface was set back');
      await page.getByRole('heading', { level: 1, name: /Closed/ }).waitFor();
      await page.getByRole('button', { name: 'Next one' }).click();
      await page.waitForURL('**/matches/match-1');
    });

    test('what another person decided meanwhile is told, and an act that comes too late names the fix', async () => {
      const { page, engine } = await start('/matches/match-1');
      await page.getByRole('button', { name: 'One person', exact: true }).click();
      const dialog = page.getByRole('dialog');
      await dialog.getByRole('textbox', { name: /Reason/ }).fill('same photo on both cards');
      engine.decideElsewhere('match-1', 'dora', 'unlink');
      await dialog.getByRole('button', { name: 'One person', exact: true }).click();
      await dialog
        .getByRole('alert')
        .getByText(/not open any more[\s\S]*somebody decided it/)
        .waitFor();
      // What was typed is still there; behind it the page tells how it stands.
      expect(await dialog.getByRole('textbox', { name: /Reason/ }).inputValue()).toBe('same photo on both cards');
      await dialog.getByRole('button', { name: 'Cancel' }).click();
      await page.getByText(/dora was here meanwhile: Decided: Two persons \(Kept apart\)/).waitFor();
      await page.getByRole('button', { name: 'Understood' }).click();
      await page.getByRole('heading', { level: 1, name: /Kept apart/ }).waitFor();
      expect(await page.getByText(/was here meanwhile/).count()).toBe(0);
    });

    test('several that are not linked are settled at once, each by itself', async () => {
      const { page, engine } = await start('/matches');
      await page.getByRole('checkbox', { name: /Choose TANAKA/ }).click();
      await page.getByRole('checkbox', { name: /Choose ABARA/ }).click();
      expect(await page.getByRole('checkbox').count()).toBe(4);
      await page.getByRole('button', { name: 'Keep apart or close' }).click();
      const dialog = page.getByRole('dialog');
      await dialog.getByRole('textbox', { name: /Reason/ }).fill('test traffic of the vendor');
      await dialog.getByRole('button', { name: 'Keep apart or close' }).click();
      await dialog.getByText('All 2 are settled.').waitFor();
      await dialog.getByRole('button', { name: 'Close', exact: true }).last().click();
      await expect.poll(() => page.locator('tbody tr').count()).toBe(3);
      expect(engine.identityAsked.map(({ id, decision }) => `${id} ${decision}`)).toEqual([
        'match-2 unlink',
        'match-4 unlink',
      ]);
    });

    test('a person shows their history, how they were at a time, and lets records go', async () => {
      const { page, engine } = await start('/patients/person-1');
      const records = page.getByRole('region', { name: 'Local records' });
      await expect.poll(() => records.locator('tbody tr').count()).toBe(2);
      const history = page.getByRole('region', { name: 'History' });
      expect(await history.innerText()).toMatch(
        /Records came to this person the matcher[\s\S]*\+ Larch County 88-4100 came/,
      );

      await history.getByRole('listitem').last().getByRole('button', { name: 'Show it then' }).click();
      await page.waitForURL(/[?&]at=2026-10-14/);
      await expect.poll(() => records.locator('tbody tr').count()).toBe(1);
      expect(await records.innerText()).toMatch(/As of 14 Oct 2026/);
      expect(await records.getByRole('button', { name: /Take out/ }).count()).toBe(0);
      await records.getByLabel('As of').fill('2026-01-01T08:00');
      await records.getByText('This person was not known then.').waitFor();
      await records.getByRole('button', { name: 'Now' }).click();
      await expect.poll(() => records.locator('tbody tr').count()).toBe(2);

      await records.getByRole('button', { name: /Take out: Larch County/ }).click();
      const dialog = page.getByRole('dialog');
      await dialog.getByRole('textbox', { name: /Reason/ }).fill('a neighbour of hers');
      await dialog.getByRole('button', { name: 'Take out' }).click();
      await page.waitForURL('**/matches/match-10');
      await page.getByRole('heading', { level: 1, name: /Take a record out of its person/ }).waitFor();
      expect(engine.identityAsked).toEqual([{ act: 'unlink-record', id: 'record-2', reason: 'a neighbour of hers' }]);
    });

    test.each([
      { verb: 'Link with another', does: 'Link', act: 'link-persons', id: 'person-1' },
      { verb: 'Merge', does: 'Merge', act: 'merge-persons', id: 'person-1' },
    ])('$verb finds the other person and asks why', async ({ verb, does, act: wanted, id }) => {
      const { page, engine } = await start('/patients/person-1');
      await page.locator('.person-acts').getByRole('button', { name: verb }).click();
      const dialog = page.getByRole('dialog');
      await dialog.getByRole('textbox', { name: /Find the other person/ }).fill('nobody at all');
      await page.keyboard.press('Enter');
      await dialog.getByText(/Nobody fits/).waitFor();
      await dialog.getByRole('textbox', { name: /Find the other person/ }).fill('marsh');
      await page.keyboard.press('Enter');
      await dialog.getByRole('button', { name: /MARSH, Imani/ }).click();
      expect(await seriousFaults(page)).toEqual([]);
      await dialog.getByRole('textbox', { name: /Reason/ }).fill('both cards were shown');
      await dialog.getByRole('button', { name: does, exact: true }).click();
      await page.waitForURL('**/matches/match-10');
      expect(engine.identityAsked).toEqual([{ act: wanted, id, reason: 'both cards were shown' }]);
    });

    test('who was merged leads on, and the merge is taken back there', async () => {
      const { page, engine } = await start('/patients/person-8');
      await page.getByText('This person was merged into another one.').waitFor();
      expect(await page.locator('.person-notes').getByRole('link').getAttribute('href')).toBe('/patients/person-1');
      await page.locator('main').getByRole('button', { name: 'Take the merge back' }).click();
      const dialog = page.getByRole('dialog');
      await dialog.getByRole('textbox', { name: /Reason/ }).fill('two sisters, one letter apart');
      await dialog.getByRole('button', { name: 'Take the merge back' }).click();
      await page.waitForURL('**/matches/match-10');
      expect(engine.identityAsked).toEqual([
        { act: 'unmerge', id: 'person-8', reason: 'two sisters, one letter apart' },
      ]);
    });

    test('an empty list says why, and what there is besides', async () => {
      const { page } = await start('/matches', { empty: true });
      await page.getByText(/Nothing waits/).waitFor();
      expect(await badge(page).count()).toBe(0);
      await page.getByRole('link', { name: 'See what was decided' }).click();
      await page.waitForURL('**/matches?state=all');
      await page.getByText(/Nothing has come up yet/).waitFor();
    });
  },
);
