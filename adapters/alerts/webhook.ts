/** Alerts as JSON, posted to another program. */
import { createHmac } from 'node:crypto';
import { Agent, request } from 'undici';
import { MixError } from '../../schemas/errors/index.ts';

export interface WebhookOptions {
  url: string;
  /** Allows http. */
  plain: boolean;
  /** Key of the signature. */
  key?: Buffer;
}

/** Header of the signature: `sha256=` and the HMAC-SHA-256 (RFC 2104) of the body in hex. */
export const SIGNATURE_HEADER = 'x-mix-signature';

const CONNECT_MS = 10_000;
const ANSWER_MS = 30_000;
const ANSWER_BYTES_MAX = 64 * 1024;

/**
 * A sender that posts each letter as JSON. Redirects are not followed: alerts go to no other address than the one set. Throws
 * `settings.contradiction` for http without `plain`; its `send` throws `alerts.not-sent`.
 */
export function openWebhook(options: WebhookOptions): {
  name: string;
  send(letter: object): Promise<void>;
  close(): Promise<void>;
} {
  if (!options.plain && !options.url.startsWith('https:'))
    throw new MixError('settings.contradiction', { place: '/alerts/webhook/url', detail: 'http without plain: true' });
  const dispatcher = new Agent({
    connect: { timeout: CONNECT_MS },
    headersTimeout: ANSWER_MS,
    bodyTimeout: ANSWER_MS,
    maxResponseSize: ANSWER_BYTES_MAX,
  });
  return {
    name: 'webhook',
    async send(letter) {
      const body = JSON.stringify(letter);
      const headers: Record<string, string> = { 'content-type': 'application/json' };
      if (options.key !== undefined)
        headers[SIGNATURE_HEADER] = `sha256=${createHmac('sha256', options.key).update(body).digest('hex')}`;
      let status: number;
      try {
        const answer = await request(options.url, { method: 'POST', headers, body, dispatcher });
        status = answer.statusCode;
        await answer.body.dump();
      } catch (cause) {
        throw new MixError('alerts.not-sent', { place: 'webhook', detail: 'no answer', cause });
      }
      if (status < 200 || status >= 300)
        throw new MixError('alerts.not-sent', { place: 'webhook', detail: `HTTP ${status}` });
    },
    close: () => dispatcher.close(),
  };
}
