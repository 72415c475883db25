/** An outlet that posts messages to an HTTP address. */
import { Pool } from 'undici';
import { MixError } from '../../schemas/errors/index.ts';
import { DELIVERY_HEADER } from '../../schemas/exchange.ts';
import type { Outlet } from '../../schemas/parts.ts';
import { faultOfConnection, readBounded } from './connection.ts';

export interface HttpOutletOptions {
  id: string;
  /** `https:`, or `http:` where `plain` allows it. */
  url: string;
  /** PEM. With `ca` only these authorities are trusted for the receiver; `cert` and `key` are shown to it. */
  tls?: { cert?: string | Buffer; key?: string | Buffer; ca?: (string | Buffer)[] };
  /** Allow a connection without TLS. */
  plain?: boolean;
  /** Default 30,000 ms. */
  answerMs?: number;
  /** Default 4. */
  connections?: number;
  /** Default `application/hl7-v2`. */
  mediaType?: string;
}

/** Answers are not kept, so little of them is read. */
const ANSWER_BYTES_MAX = 64 * 1024;
/** Answers that may be other ones later (RFC 9110 15.5.9, RFC 8470 5.2, RFC 6585 4). */
const LATER = new Set([408, 425, 429]);

/**
 * Opens an outlet; connects when it first sends. The delivery's id goes as header `idempotency-key`, so that a receiver can tell a repeat.
 * 2xx is a receipt; other answers of the receiver's will are `outlet.refused`, also redirects: messages go to no other address than the one set.
 * Throws `settings.bad-value` for an address that is none, `settings.contradiction` for plain HTTP that is not allowed.
 */
export function openHttpOutlet(options: HttpOutletOptions): Outlet {
  const { id, tls, answerMs = 30_000 } = options;
  const url = URL.parse(options.url);
  if (url === null || !['https:', 'http:'].includes(url.protocol) || url.username !== '')
    throw new MixError('settings.bad-value', {
      place: `outlets ${id} url`,
      detail: 'an http or https address is wanted',
    });
  if (url.protocol === 'http:' && options.plain !== true)
    throw new MixError('settings.contradiction', { place: `outlets ${id}`, detail: 'http without plain: true' });
  const pool = new Pool(url.origin, {
    connections: options.connections ?? 4,
    pipelining: 1,
    allowH2: false,
    headersTimeout: answerMs,
    bodyTimeout: answerMs,
    connect: { ...tls, minVersion: 'TLSv1.2', timeout: Math.min(answerMs, 10_000) },
  });
  return {
    id,
    async send({ bytes, deliveryId }) {
      const place = `outlet ${id}`;
      let status: number;
      let location: string | undefined;
      try {
        const answer = await pool.request({
          method: 'POST',
          path: url.pathname + url.search,
          headers: { 'content-type': options.mediaType ?? 'application/hl7-v2', [DELIVERY_HEADER]: deliveryId },
          body: bytes,
        });
        status = answer.statusCode;
        location = oneOf(answer.headers['location']);
        await readBounded(
          answer.body,
          ANSWER_BYTES_MAX,
          () => new MixError('outlet.failed', { place, detail: 'long answer' }),
        );
      } catch (cause) {
        throw faultOfConnection(cause, place, { unreachable: 'outlet.unreachable', notTrusted: 'outlet.unreachable' });
      }
      if (status >= 200 && status < 300) return { receipt: location ?? `HTTP ${status}` };
      const later = status >= 500 || LATER.has(status);
      throw new MixError(later ? 'outlet.failed' : 'outlet.refused', { place, detail: `HTTP ${status}` });
    },
    close: () => pool.destroy(),
  };
}

/** A receipt names no more than a path of this form: it is shown on pages. */
function oneOf(header: string | string[] | undefined): string | undefined {
  return typeof header === 'string' && /^[\x21-\x7e]{1,200}$/.test(header) ? header : undefined;
}
