import { AxeBuilder } from '@axe-core/playwright';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { buildPages } from '../../adapters/web/index.ts';
import { MixError } from '../../schemas/errors/index.ts';
import { browserPath, openBrowser } from '../support/browser.ts';
import type { Portal } from '../support/portal.ts';
import { startPortal } from '../support/portal.ts';
import { createStubEngine, ONE_TIME } from '../support/stub-engine.ts';

const WIDTHS = [1280, 390];
const SCHEMES = ['light', 'dark'] as const;
const ADDRESSES = [
  ['/messages', '.rows'],
  ['/messages/message-3', '.segment'],
  ['/messages/message-5', '.fault'],
  ['/patients', '.rows'],
  ['/patients/person-1', '.results'],
  ['/documents/document-2', 'iframe.paper'],
  ['/sources', '.source'],
  ['/parked', '.rows'],
  ['/audit', '.rows'],
  ['/exchange?place=state-registry', '.story .fact-list'],
  ['/deliveries', '.rows'],
  ['/deliveries/delivery-4', '.way'],
  ['/patients/person-1?tab=elsewhere', '.rows'],
  ['/patients/person-1?tab=numbers', '.compare'],
  ['/elsewhere/person-1/far-1', 'iframe.paper'],
  ['/settings?only=set', '.setting'],
  ['/alerts', '.rows'],
  ['/no/such/page', '.empty'],
] as const;
const REGION = [
  ['/exchange', '.map-place'],
  ['/patients', '.rows'],
  ['/patients/person-1', '.compare'],
] as const;

describe.skipIf(browserPath === undefined)(
  `pages${browserPath === undefined ? ' (skipped: no chromium on this machine, set MIX_CHROMIUM)' : ''}`,
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

    async function start(options: Parameters<typeof createStubEngine>[0] = {}): Promise<Portal> {
      const portal = await startPortal({
        engine: createStubEngine(options),
        settings: { pagesDir: dir, signInsPerMinute: 1000, liveHeartbeatMs: 300 },
      });
      open.push({ portal });
      return portal;
    }

    /** A signed-in page that fails the test on any error in the console, breach of the policy or request to elsewhere. */
    async function signedIn(portal: Portal, { width = 1280, scheme = 'light' as (typeof SCHEMES)[number] } = {}) {
      const context = await browser.newContext({
        viewport: { width, height: 844 },
        colorScheme: scheme,
        reducedMotion: 'reduce',
      });
      open.unshift({ context });
      const page = await context.newPage();
      const complaints: string[] = [];
      page.on('pageerror', (error) => complaints.push(error.message));
      page.on('console', (line) => {
        if (line.type() === 'error' && !/status of 40[14]/.test(line.text())) complaints.push(line.text());
      });
      page.on('request', (request) => {
        if (!request.url().startsWith(portal.url) && !/^(data|about|blob):/.test(request.url()))
          complaints.push(`request to ${request.url()}`);
      });
      await page.goto(`${portal.url}/messages`);
      await page.fill('#name', 'admin');
      await page.fill('#secret', ONE_TIME);
      await page.click('button[type=submit]');
      await page.waitForSelector('main');
      return { page, complaints };
    }

    async function seriousFaults(page: Page): Promise<string[]> {
      // axe waits for ever on a frame in which nothing can run, which is what a document's frame is for.
      await page.evaluate(() => document.querySelector('iframe.paper')?.remove());
      const { violations } = await new AxeBuilder({ page })
        .withTags(['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa'])
        .analyze();
      return violations
        .filter(({ impact }) => impact === 'serious' || impact === 'critical')
        .map(
          ({ id, nodes }) =>
            `${id}: ${nodes
              .slice(0, 3)
              .map((node) => `${node.html} ${node.failureSummary}`)
              .join(' | ')}`,
        );
    }

    test.each(WIDTHS.flatMap((width) => SCHEMES.map((scheme) => [width, scheme] as const)))(
      'at %i pixels in %s every page is whole, accessible and quiet',
      async (width, scheme) => {
        const portal = await start();
        const { page, complaints } = await signedIn(portal, { width, scheme });
        for (const [address, wanted] of ADDRESSES) await seeWhole(page, portal.url + address, wanted);
        expect(complaints).toEqual([]);
      },
    );

    test.each([
      [1280, 'dark'],
      [390, 'light'],
    ] as const)('at %i pixels in %s the pages of a region are whole, accessible and quiet', async (width, scheme) => {
      const portal = await start({ role: 'region' });
      const { page, complaints } = await signedIn(portal, { width, scheme });
      for (const [address, wanted] of REGION) await seeWhole(page, portal.url + address, wanted);
      expect(complaints).toEqual([]);
    });

    async function seeWhole(page: Page, address: string, wanted: string): Promise<void> {
      await page.goto(address);
      await page.waitForSelector(wanted);
      expect(
        await page.evaluate(() => document.documentElement.scrollWidth - innerWidth),
        `${address} is wider than the window`,
      ).toBeLessThanOrEqual(0);
      expect(await seriousFaults(page), address).toEqual([]);
    }

    test('the sign-in page is accessible in light and dark', async () => {
      const portal = await start();
      for (const colorScheme of SCHEMES) {
        const context = await browser.newContext({ colorScheme });
        open.unshift({ context });
        const page = await context.newPage();
        await page.goto(portal.url);
        await page.fill('#name', 'nobody');
        await page.fill('#secret', 'wrong');
        await page.click('button');
        await page.waitForSelector('[role=alert]');
        expect(await seriousFaults(page)).toEqual([]);
      }
    });

    test('the first load is under 300 KB', async () => {
      const portal = await start();
      const context = await browser.newContext();
      open.unshift({ context });
      const page = await context.newPage();
      await page.goto(portal.url);
      await page.fill('#name', 'admin');
      await page.fill('#secret', ONE_TIME);
      const session = await context.newCDPSession(page);
      await session.send('Network.enable');
      let bytes = 0;
      session.on('Network.loadingFinished', ({ encodedDataLength }) => {
        bytes += encodedDataLength;
      });
      await page.click('button');
      await page.waitForSelector('.rows');
      expect(bytes).toBeGreaterThan(50_000);
      expect(bytes).toBeLessThan(300 * 1024);
    });

    test('after the one-time password one chooses an own one and then works', async () => {
      const portal = await start({ mustChangeSecret: true });
      const { page, complaints } = await signedIn(portal);
      await page.getByRole('textbox', { name: /^One-time password/ }).fill(ONE_TIME);
      await page.getByRole('textbox', { name: /^New password(?! again)/ }).fill('four unrelated words');
      await page.getByRole('textbox', { name: /^New password again/ }).fill('four unrelated words');
      await page.getByRole('button', { name: 'Save and go on' }).click();
      await page.waitForSelector('.rows');
      expect(complaints.filter((line) => !line.includes('403'))).toEqual([]);
    });

    test('filters stand in the address, back takes them out again', async () => {
      const portal = await start();
      const { page } = await signedIn(portal);
      await page.waitForSelector('.rows');
      await page.getByRole('combobox', { name: 'State' }).click();
      await page.getByRole('option', { name: 'Parked' }).click();
      await page.waitForURL('**/messages?state=parked');
      await expect.poll(() => page.locator('tbody .state-parked').count()).toBe(await page.locator('tbody tr').count());
      await page.goBack();
      await page.waitForURL('**/messages');
      await expect.poll(() => page.locator('tbody tr').count()).toBe(50);
      await page.getByLabel('Patient number').fill('M004100');
      await page.keyboard.press('Enter');
      await page.waitForURL('**/messages?number=M004100');
      await expect.poll(() => page.locator('tbody tr').count()).toBeLessThan(20);
    });

    test('paging goes on by cursor', async () => {
      const portal = await start();
      const { page } = await signedIn(portal);
      await page.getByRole('button', { name: 'Older' }).click();
      await page.waitForURL('**/messages?cursor=50');
      await expect.poll(() => page.locator('tbody td').nth(5).textContent()).toBe('MSG39950');
    });

    test('the keyboard alone opens a message: j, k, Enter, and / searches', async () => {
      const portal = await start();
      const { page } = await signedIn(portal);
      await page.waitForSelector('.rows');
      for (const key of ['j', 'j', 'k', 'j', 'Enter']) await page.keyboard.press(key);
      await page.waitForURL('**/messages/message-1');
      await page.keyboard.press('/');
      await page.keyboard.type('okafor');
      await page.getByRole('option', { name: 'OKAFOR, Ruth' }).waitFor();
      await page.keyboard.press('Enter');
      await page.waitForURL('**/patients/person-1');
    });

    test('new messages wait above the list until they are asked for', async () => {
      const portal = await start();
      const { page } = await signedIn(portal);
      await page.waitForSelector('.rows');
      const before = await page.locator('tbody tr').first().textContent();
      await expect.poll(() => portal.engine.listening()).toBeGreaterThan(0);
      portal.engine.arrive();
      portal.engine.arrive();
      await page.getByRole('button', { name: '2 new' }).waitFor();
      expect(await page.locator('tbody tr').first().textContent()).toBe(before);
      await page.getByRole('button', { name: '2 new' }).click();
      await expect.poll(() => page.locator('tbody tr').first().textContent()).toContain('NEW141');
      expect(await page.getByRole('button', { name: '2 new' }).count()).toBe(0);
    });

    test('in a message, what is selected in the segments is marked in the bytes', async () => {
      const portal = await start();
      const { page } = await signedIn(portal);
      await page.goto(`${portal.url}/messages/message-3`);
      await page.getByRole('button', { name: 'PID-5 Patient Name' }).click();
      expect(await page.locator('.byte-on').allTextContents()).toEqual(['Okafor^Ruth^^^Mrs']);
      expect(await page.locator('.wrote-on').textContent()).toContain('OKAFOR, Ruth');
      await page.locator('.byte-field', { hasText: 'Glucose' }).click();
      expect(await page.locator('.field-on').textContent()).toContain('OBX-3');
      expect(await page.locator('.lost').first().textContent()).toContain('PID-15 Primary Language');
    });

    test('running again wants a reason; a correction goes as HL7 with CR', async () => {
      const portal = await start();
      const { page } = await signedIn(portal);
      await page.goto(`${portal.url}/messages/message-5`);
      await page.getByRole('button', { name: 'Run again' }).click();
      const run = page.getByRole('button', { name: 'Run it again' });
      await page.getByLabel('Reason').fill('short');
      expect(await run.isDisabled()).toBe(true);
      await page.getByLabel('Reason').fill('The number was missing');
      await page.getByLabel('Correct the text first').check();
      const editor = page.getByLabel('Corrected text');
      await editor.fill('MSH|^~\\&|LAB\nPID|1||M1');
      await run.click();
      await page.getByText('It is in the queue again.').waitFor();
      expect(portal.engine.asked.reruns).toEqual([
        { id: 'message-5', reason: 'The number was missing', corrected: 'MSH|^~\\&|LAB\rPID|1||M1' },
      ]);
    });

    test('many parked messages run again with one reason; one that fails is told, the others run', async () => {
      const portal = await start();
      const rerun = portal.engine.rerun.bind(portal.engine);
      portal.engine.rerun = (subject, id, ask) =>
        id === 'message-22' ? Promise.reject(new MixError('store.busy')) : rerun(subject, id, ask);
      const { page } = await signedIn(portal);
      await page.goto(`${portal.url}/parked`);
      await page.getByRole('checkbox', { name: 'Choose all of this page' }).check();
      await page.getByRole('checkbox', { name: 'Choose MDM^T02 from mckesson-orders' }).uncheck();
      await page.getByText('7 chosen').waitFor();
      await page.getByRole('button', { name: 'Run again' }).click();
      const dialog = page.getByRole('dialog', { name: 'Run 7 messages again' });
      await dialog.getByLabel('Reason').fill('The profile was mended');
      await dialog.getByRole('button', { name: 'Run again' }).click();
      await dialog.getByText('6 of 7 are in the queue again.').waitFor();
      await dialog.getByText('1 failed.').waitFor();
      expect(portal.engine.asked.reruns.map(({ id, reason }) => `${id} ${reason}`)).toEqual(
        [39, 56, 73, 90, 107, 124].map((at) => `message-${at} The profile was mended`),
      );
    });

    test('the list of parked work leads to the corrected copy', async () => {
      const portal = await start();
      const { page } = await signedIn(portal);
      await page.goto(`${portal.url}/parked`);
      await page.getByRole('link', { name: 'Correct it' }).first().click();
      await page.waitForURL('**/messages/message-5?correct=1');
      await page.getByLabel('Corrected text').waitFor();
      await page.getByRole('button', { name: 'Cancel' }).click();
      await page.waitForURL('**/messages/message-5');
    });

    test('the map shows each place with its state, and a press tells its story', async () => {
      const portal = await start();
      const { page } = await signedIn(portal);
      await page.goto(`${portal.url}/exchange`);
      const outlet = page.getByRole('button', { name: /^state-registry Down/ });
      await outlet.focus();
      await page.keyboard.press('Enter');
      await page.waitForURL('**/exchange?place=state-registry');
      const story = page.getByRole('region', { name: 'Story: state-registry' });
      await story.getByText('The other node can not be reached.').waitFor();
      await story.getByText('usual 1 to 5').waitFor();
      // The line tells the same as the card: dotted where it is down.
      await expect.poll(() => page.locator('.map-line-bad path').count()).toBeGreaterThan(0);
      const table = page.getByRole('table', { name: 'All places' });
      expect(await table.getByRole('row').count()).toBe(8);
      await story.getByRole('link', { name: '61' }).click();
      await page.waitForURL('**/deliveries?outlet=state-registry&state=waiting');
    });

    test('all that is parked for an outlet is sent again with a reason, call after call until nothing is left', async () => {
      const portal = await start();
      const { page } = await signedIn(portal);
      await page.goto(`${portal.url}/deliveries?outlet=Prairie+Region&state=parked`);
      await page.getByRole('button', { name: 'Send all parked again' }).click();
      const dialog = page.getByRole('dialog');
      await dialog.getByLabel('Reason').fill('Its authority was added');
      await dialog.getByRole('button', { name: 'Send again' }).click();
      await dialog.getByText(/^All \d are in the queue again\.$/).waitFor();
      await dialog.getByRole('button', { name: 'Close' }).last().click();
      await page.getByText('No delivery fits these filters.').waitFor();
      expect(portal.engine.told.resends.length).toBeGreaterThan(1);
      expect(new Set(portal.engine.told.resends.map((ask) => `${ask.outlet} ${ask.reason}`))).toEqual(
        new Set(['Prairie Region Its authority was added']),
      );
    });

    test('a document of another hospital is found and read; nothing in it can run', async () => {
      const portal = await start();
      const { page } = await signedIn(portal);
      await page.goto(`${portal.url}/patients/person-1`);
      await page.getByRole('tab', { name: 'Elsewhere' }).click();
      await page.waitForURL('**/patients/person-1?tab=elsewhere');
      await page.getByRole('link', { name: 'Continuity of Care Document' }).first().click();
      await page.waitForURL('**/elsewhere/person-1/far-1');
      await page.frameLocator('iframe.paper').getByText('From Larch County.').waitFor();
      await page.getByText('Retrieved from Larch County').waitFor();
    });

    test('a document is withdrawn only with a reason', async () => {
      const portal = await start();
      const { page } = await signedIn(portal);
      await page.goto(`${portal.url}/documents/document-2`);
      await page.getByRole('button', { name: 'Withdraw' }).click();
      const dialog = page.getByRole('dialog', { name: 'Withdraw this document' });
      expect(await dialog.getByRole('button', { name: 'Withdraw' }).isDisabled()).toBe(true);
      await dialog.getByLabel('Reason').fill('It is of another patient');
      await dialog.getByRole('button', { name: 'Withdraw' }).click();
      await dialog.waitFor({ state: 'hidden' });
      expect(portal.engine.told.withdrawn).toEqual([{ id: 'document-2', reason: 'It is of another patient' }]);
    });

    test('an alert is looked after with a note that others see', async () => {
      const portal = await start();
      const { page } = await signedIn(portal);
      await page.goto(`${portal.url}/alerts`);
      await page.getByRole('button', { name: 'I look after it' }).first().click();
      const dialog = page.getByRole('dialog', { name: 'Look after this alert' });
      await dialog.getByLabel('Note').fill('called their help desk');
      await dialog.getByRole('button', { name: 'I look after it' }).click();
      await page.getByText('admin looks after it: called their help desk').waitFor();
      expect(portal.engine.told.acknowledged).toEqual([{ id: 'alert-1', note: 'called their help desk' }]);
    });

    test('a region shows who is who across hospitals, and what they tell differently', async () => {
      const portal = await start({ role: 'region' });
      const { page } = await signedIn(portal);
      await page.goto(portal.url);
      await page.waitForURL('**/exchange');
      await page.getByRole('navigation', { name: 'Places' }).getByRole('link', { name: 'Persons' }).click();
      await page.getByRole('link', { name: 'OKAFOR, Ruth' }).click();
      await page.getByText('204-118-7010').first().waitFor();
      const row = page.getByRole('row', { name: /^Born/ });
      await row.getByText('differs').waitFor();
      expect(await row.locator('.differs').allTextContents()).toEqual(['1940-10-01']);
    });

    test('settings show what was set here, and of a secret only where it stands', async () => {
      const portal = await start();
      const { page } = await signedIn(portal);
      await page.goto(`${portal.url}/settings`);
      await page.getByText('2026.11.2').waitFor();
      await page.getByRole('switch', { name: 'Only what is set here' }).check({ force: true });
      await page.waitForURL('**/settings?only=set');
      await page.getByText('file: pki/listener.key').waitFor();
      expect(await page.getByText('inFlightMax').count()).toBe(0);
    });

    test('a fact tells where it came from in one click', async () => {
      const portal = await start();
      const { page } = await signedIn(portal);
      await page.goto(`${portal.url}/patients/person-1`);
      await page.getByRole('button', { name: 'Where it came from: Glucose' }).click();
      const origin = page.getByRole('dialog');
      await origin.getByRole('link', { name: 'cpsi-lab' }).waitFor();
      await origin.getByRole('link', { name: 'v1' }).waitFor();
      await origin.getByRole('link', { name: 'Open the message' }).click();
      await page.waitForURL('**/messages/message-3');
    });

    test('what is in a document can run nothing', async () => {
      const portal = await start();
      const document = portal.engine.document.bind(portal.engine);
      portal.engine.document = async (subject, id) => ({
        ...(await document(subject, id)),
        html: '<h1>Read me</h1><script>parent.hacked=1</script><img src="x" onerror="parent.hacked=1">',
      });
      const { page } = await signedIn(portal);
      await page.goto(`${portal.url}/documents/document-2`);
      await page.frameLocator('iframe.paper').getByRole('heading', { name: 'Read me' }).waitFor();
      expect(await page.evaluate(() => 'hacked' in window)).toBe(false);
    });

    test('when the session ends the page locks, and goes on where it was', async () => {
      const portal = await start();
      const { page } = await signedIn(portal);
      await page.goto(`${portal.url}/patients?q=marsh`);
      await expect.poll(() => portal.engine.listening()).toBeGreaterThan(0);
      portal.engine.endSessions();
      const lock = page.getByRole('dialog', { name: 'Your session ended' });
      await lock.waitFor();
      await lock.getByRole('textbox', { name: /Password/ }).fill(ONE_TIME);
      await lock.getByRole('button', { name: 'Sign in again' }).click();
      await lock.waitFor({ state: 'hidden' });
      expect(page.url()).toBe(`${portal.url}/patients?q=marsh`);
      await page.getByRole('link', { name: 'MARSH, Imani' }).click();
      await page.waitForURL('**/patients/person-3');
    });

    test('an empty node says why and what fills it; a failing one what failed', async () => {
      const portal = await start({ empty: true });
      const { page } = await signedIn(portal);
      await page.getByText('No message has come in yet.').waitFor();
      await page.getByRole('link', { name: 'See the listeners' }).click();
      await page.getByText('No source is set up.').waitFor();
      portal.engine.patients = () => Promise.reject(new Error('broken'));
      await page.getByRole('navigation', { name: 'Places' }).getByRole('link', { name: 'Patients' }).click();
      const alert = page.getByRole('alert');
      await alert.getByText('http.unexpected').waitFor();
      portal.engine.patients = async () => ({ rows: [], count: 0 });
      await alert.getByRole('button', { name: 'Try again' }).click();
      await page.getByText('No patient is known yet.').waitFor();
    });
  },
);
