/** One patient, from the frame at hospital A to the page at hospital B: the number that arrives, the document that is found and read, and who sees that it was read. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect } from 'node:tls';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { browserPath, openBrowser } from '../support/browser.ts';
import { chooseSecret, type Demo, SEEN_MS_MAX, startDemo, watch } from '../support/demo.ts';
import { startPortal } from '../support/portal.ts';

const MIX_NUMBER = /\b\d{3}-\d{3}-\d{4}\b/;
const SSN = '910-77-1234';

/** As hospital A's EMR writes her: capitals, the number of social security in PID-19. */
const AT_A =
  'PID|1||M0077123^^^^MR^HFC||QUILLFEATHER^ISOLDE^MAE||19700102|F|||12 Lantern Row^^Harlan Ferry^KS^67001^US^H||(555)555-0187||eng|S||VM077123|910-77-1234';
/** As hospital B's does: another number, the number of social security in PID-3 without hyphens, another address. */
const AT_B =
  'PID|1||0771^^^PHH^MR~910771234^^^2.16.840.1.113883.4.1^SS||Quillfeather^Isolde^Mae^^^^L||19700102|F|||3 Old Mill Street^^Pine Hollow^KS^67002^US^H||(555)555-0187^PRN^PH||eng|S';

const MESSAGES = {
  admittedAtA: [
    'MSH|^~\\&|MEDITECH|HFC|MIX|HFC|202606010800||ADT^A01|BROWSEA1|P|2.4',
    'EVN|A01|202606010800',
    AT_A,
    'PV1|1|I|MED^204^A|R|||OKON^OKONJO^RUTH^A^M^D',
  ],
  resultAtA: [
    'MSH|^~\\&|MEDITECH|HFC|MIX|HFC|202606010930||ORU^R01|BROWSEA2|P|2.4',
    AT_A,
    'PV1|1|I|MED^204^A|R',
    'OBR|1|77001|F77001^LAB|2345-7^Glucose^LN|||202606010900|||||||||||||||202606010925||LAB|F',
    'OBX|1|NM|2345-7^Glucose [Mass/volume] in Serum or Plasma^LN||131|mg/dL|70-99|H|||F|||202606010900',
  ],
  registeredAtB: [
    'MSH|^~\\&|CPSI LAB|PHH|MIX|PHH|20260602080000-0500||ADT^A04^ADT_A01|BROWSEB1|P|2.5.1',
    'EVN|A04|20260602080000-0500',
    AT_B,
    'PV1|1|O|CLINIC^1^1^PHH',
  ],
};

describe.skipIf(browserPath === undefined)(
  `exchange${browserPath === undefined ? ' (skipped: no chromium on this machine, set MIX_CHROMIUM)' : ''}`,
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

    /** A page of its own, signed in at this node with the one-time password and an own one. */
    async function signIn(name: string): Promise<{ page: Page; portal: string; complaints: string[] }> {
      const node = demo.node(name);
      const page = await (await browser.newContext()).newPage();
      page.setDefaultTimeout(SEEN_MS_MAX);
      const complaints = watch(page, node.portal);
      await chooseSecret(page, node);
      return { page, portal: node.portal, complaints };
    }

    async function openPatient({ page, portal }: { page: Page; portal: string }): Promise<void> {
      const found = page.getByRole('link', { name: 'Quillfeather, Isolde Mae' });
      // A message that was just acknowledged may not be worked off yet.
      await expect
        .poll(
          async () => {
            await page.goto(`${portal}/patients?q=quillfeather`);
            await page.locator('main :is(.rows tbody a, .empty)').first().waitFor();
            return found.count();
          },
          { timeout: SEEN_MS_MAX, interval: 1_000 },
        )
        .toBe(1);
      await found.click();
      await page.getByRole('heading', { level: 1, name: /Quillfeather, Isolde Mae/i }).waitFor();
    }

    test('a result that came in over MLLP at hospital A is read at hospital B, and every node tells its part of it', async () => {
      await send('meditech', MESSAGES.admittedAtA);
      await send('meditech', MESSAGES.resultAtA);
      const b = await signIn('hospital-b');
      await send('cpsi', MESSAGES.registeredAtB);

      // At B: her number of the exchange arrives on the open page, without a reload.
      await openPatient(b);
      const told = b.page.locator('.banner').getByText(MIX_NUMBER);
      await told.waitFor();
      const mixNumber = MIX_NUMBER.exec(await told.innerText())![0];

      await seeElsewhere(b.page);
      const text = await readElsewhere(b.page, /Glucose[^\n]*131 mg\/dL\s+70-99\s+High/);
      expect(text).toMatch(/Kept by\s+Harlan Ferry Hospital/);
      expect(text).toContain('M0077123');
      expect(await b.page.locator('main').innerText()).toContain('Retrieved from hospital-a');

      await b.page.goto(`${b.portal}/deliveries`);
      await seeSent(b.page, { Document: 'region', 'Patient feed': 'region' });
      expect(b.complaints).toEqual([]);

      await seeAtA(mixNumber);
      await seeAtRegion(mixNumber);
    });

    /** The tab asks when it is opened; A's document is there a moment after the last change at A, so it is asked again until it is. */
    async function seeElsewhere(page: Page): Promise<void> {
      await page.getByRole('tab', { name: 'Elsewhere' }).click();
      const again = page.getByRole('button', { name: 'Ask again' });
      await again.waitFor();
      const rows = page.getByRole('table', { name: 'At other hospitals' }).locator('tbody tr');
      await expect
        .poll(
          async () => {
            const found = await rows.allInnerTexts();
            if (found.length === 0) await again.click();
            return found;
          },
          { timeout: SEEN_MS_MAX, interval: 1_000 },
        )
        .toEqual([expect.stringMatching(/^Continuity of Care Document\s+hospital-a/)]);
      expect(await page.getByText('Known there as').locator('..').innerText()).toContain('M0077123');
    }

    /** Opens it until it says this: A may have made it anew since it was listed. */
    async function readElsewhere(page: Page, wanted: RegExp): Promise<string> {
      let text = '';
      await expect
        .poll(
          async () => {
            await page.getByRole('link', { name: 'Continuity of Care Document' }).click();
            const paper = page.frameLocator('iframe.paper');
            await paper.getByText('QUILLFEATHER').first().waitFor();
            text = await paper.locator('body').innerText();
            if (!wanted.test(text)) await page.getByRole('link', { name: 'Back to the patient' }).click();
            return text;
          },
          { timeout: SEEN_MS_MAX, interval: 1_000 },
        )
        .toMatch(wanted);
      return text;
    }

    /** A decided and wrote down who had it. */
    async function seeAtA(mixNumber: string): Promise<void> {
      const a = await signIn('hospital-a');
      await a.page.goto(`${a.portal}/audit?action=disclose`);
      const had = a.page.getByRole('row').filter({ hasText: 'for admin of hospital-b' }).first();
      await had.waitFor();
      expect(await had.innerText()).toMatch(/region\s+disclose\s+document\s+Permitted/);
      await had.getByRole('link', { name: 'document' }).click();
      await a.page.frameLocator('iframe.paper').getByText('131 mg/dL').waitFor();
      await openPatient(a);
      await a.page.locator('.banner').getByText(mixNumber).waitFor();
      await a.page.goto(`${a.portal}/deliveries`);
      await seeSent(a.page, { Document: 'region', 'Patient feed': 'region' });
      expect(a.complaints).toEqual([]);
    }

    /** One person with a number of each hospital and one of the exchange; all nodes up; what was sent. */
    async function seeAtRegion(mixNumber: string): Promise<void> {
      const region = await signIn('region');
      const { page, portal } = region;
      await openPatient(region);
      await page.locator('.banner').getByText(mixNumber).waitFor();
      const locals = page.getByRole('region', { name: 'As each hospital knows this person' });
      expect(await locals.getByRole('columnheader').allInnerTexts()).toEqual([
        expect.anything(),
        expect.stringMatching(/hospital-a[\s\S]*M0077123/),
        expect.stringMatching(/hospital-b[\s\S]*0771/),
      ]);
      await locals
        .getByRole('row', { name: /^Address/ })
        .getByText('differs')
        .waitFor();
      const numbers = await page.getByRole('region', { name: 'Numbers' }).innerText();
      expect(numbers.match(new RegExp(MIX_NUMBER, 'g'))).toEqual([mixNumber]);
      expect(numbers).not.toContain(SSN);
      await page
        .getByText(/Retrieved by\s*hospital-b/)
        .first()
        .waitFor();

      await page.goto(`${portal}/exchange`);
      for (const name of ['global', 'hospital-a', 'hospital-b'])
        await page.getByRole('button', { name: new RegExp(`^${name} Up`) }).waitFor();
      expect(await page.locator('.map-place').count()).toBe(3);

      await page.goto(`${portal}/deliveries`);
      await seeSent(page, { 'Patient feed': 'global', Numbers: 'hospital-a' });
      expect(region.complaints).toEqual([]);
    }

    /** The list of deliveries shows each of these as sent to its place, and nothing that failed. */
    async function seeSent(page: Page, wanted: Record<string, string>): Promise<void> {
      for (const [kind, to] of Object.entries(wanted))
        await page
          .getByRole('row', { name: new RegExp(`Sent ${kind} ${to}`) })
          .first()
          .waitFor();
      expect(await page.locator('tbody').innerText()).not.toMatch(/Parked|Not permitted/);
    }

    test('without signing in every route of each portal answers 401 or 403', async () => {
      // The portal of every node is this one server; its routes do not hang on the role.
      const { http } = await startPortal();
      const routes = http.routes();
      await http.close();
      expect(routes.length).toBeGreaterThan(30);
      for (const needed of ['/api/patients/:id/elsewhere', '/api/deliveries', '/api/exchange', '/api/settings'])
        expect(routes.map(({ url }) => url)).toContain(needed);
      for (const node of demo.nodes)
        for (const { method, url } of routes) {
          const path = url.replaceAll(/:\w+/g, '00000000-0000-7000-8000-000000000000').replace('*', 'assets/index.js');
          const answer = await fetch(new URL(path, node.portal), { method, redirect: 'manual' });
          expect({ node: node.name, method, url, status: answer.status }).toMatchObject({
            status: expect.toSatisfy((status: number) => status === 401 || status === 403),
          });
          expect(await answer.text()).not.toMatch(/Quillfeather|910-?77-?1234/i);
        }
    });

    test.each(['global', 'region', 'hospital-a', 'hospital-b'])(
      'the door of %s for other nodes ends the handshake of whoever has no certificate of the exchange',
      async (name) => {
        const { hostname, port } = new URL(demo.node(name).door);
        expect(await knock(hostname, Number(port))).toEqual({
          answered: '',
          ended: 'tlsv13 alert certificate required',
        });
      },
    );
  },
);

/** Asks a node's door without a certificate. In TLS 1.3 the server's refusal comes after the client's own part of the handshake is done. */
function knock(host: string, port: number): Promise<{ answered: string; ended: string }> {
  return new Promise((resolve) => {
    let answered = '';
    const end = (ended: string): void => {
      socket.destroy();
      resolve({ answered, ended });
    };
    // It is the server's refusal that is looked for here, not ours of its certificate.
    const socket = connect({ host, port, rejectUnauthorized: false }, () =>
      socket.write('GET /fhir/R4/metadata HTTP/1.1\r\nHost: node\r\nConnection: close\r\n\r\n'),
    );
    socket.on('data', (bytes: Buffer) => {
      answered += bytes.toString();
    });
    socket.on('error', (cause: NodeJS.ErrnoException & { reason?: string }) => end(cause.reason ?? cause.message));
    socket.on('end', () => end('closed'));
  });
}
