import type { FastifyRequest } from 'fastify';
import { MixError } from '../../schemas/errors/index.ts';

/** Header that the portal's own pages and programs send with every call that changes something. */
export const PORTAL_HEADER = 'x-mix-portal';

const SAFE = new Set(['GET', 'HEAD', 'OPTIONS']);

/**
 * Refuses a changing request that another site made a browser send: `http.foreign-origin`.
 *
 * Three signs, each enough to refuse: Sec-Fetch-Site of another site (W3C Fetch Metadata), an Origin that is not this
 * host (RFC 6454), and the lack of a header that a form of another site cannot set. The sign-in form of this node,
 * which works without script, cannot set the header either and is told by `formAllowed`.
 */
export function checkSameOrigin(request: FastifyRequest, formAllowed: boolean): void {
  if (SAFE.has(request.method)) return;
  const site = request.headers['sec-fetch-site'];
  if (site !== undefined && site !== 'same-origin' && site !== 'none') throw new MixError('http.foreign-origin');
  const { origin } = request.headers;
  if (origin !== undefined && !isThisHost(origin, request)) throw new MixError('http.foreign-origin');
  if (!formAllowed && request.headers[PORTAL_HEADER] === undefined) {
    throw new MixError('http.foreign-origin', { place: PORTAL_HEADER });
  }
}

function isThisHost(origin: string, request: FastifyRequest): boolean {
  if (!URL.canParse(origin)) return false;
  const { host, protocol } = new URL(origin);
  return host === request.host && protocol === `${request.protocol}:`;
}
