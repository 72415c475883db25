/** A real browser for the page tests: Debian's chromium, or the one that MIX_CHROMIUM names. */
import { existsSync } from 'node:fs';
import type { Browser } from 'playwright-core';
import { chromium } from 'playwright-core';

const PLACES = [process.env.MIX_CHROMIUM, '/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'];

/** Path of a browser on this machine; undefined where there is none, and then the tests say that they were skipped. */
export const browserPath: string | undefined = PLACES.find((path) => path !== undefined && existsSync(path));

/** Starts it without any request of its own to the outside. */
export function openBrowser(): Promise<Browser> {
  return chromium.launch({
    executablePath: browserPath,
    args: [
      '--headless=new',
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
    ],
  });
}
