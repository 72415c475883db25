/** Asks another node: FHIR over TLS 1.3 with certificates on both sides, over connections that are kept (IHE ATNA ITI-19). */
import { X509Certificate } from 'node:crypto';
import { checkServerIdentity, type DetailedPeerCertificate, type PeerCertificate } from 'node:tls';
import { Pool } from 'undici';
import { readNodeName } from '../../pki/index.ts';
import { MixError } from '../../schemas/errors/index.ts';
import {
  DELIVERY_HEADER,
  type NodeRole,
  type Peer,
  type PeerAnswer,
  type PeerRequest,
  REQUESTER_HEADER,
} from '../../schemas/exchange.ts';
import { faultOfConnection, NotTrusted, readBounded } from './connection.ts';

/** PEM: our certificate with those above it, its key, and the roots of the exchange. */
export interface PeerTls {
  cert: string | Buffer;
  key: string | Buffer;
  ca: (string | Buffer)[];
}

export interface PeerOptions {
  name: string;
  role: NodeRole;
  /** OID of its organisation, as its certificate must say. */
  organization: string;
  /** Address of its door, such as `https://region.example:8443`; `/fhir/R4/` is added where it names no path. */
  url: string;
  tls: PeerTls;
  /** ms for the head of an answer, and between two parts of it; what is sent gets a second more for each 64 KiB. Default 30,000. */
  answerMs?: number;
  /** Connections kept open. Default 16. */
  connections?: number;
  /** Longest answer, bytes. Default 96 MiB. */
  answerBytesMax?: number;
  /**
   * Judges the server's chain (leaf first) beyond what TLS does: its revocation. Gives what is wrong, or undefined. Asked at each new connection;
   * {@link OpenPeer.reconnect} makes it asked again.
   */
  judge?(chain: X509Certificate[]): string | undefined;
}

export interface OpenPeer extends Peer {
  /** From now on connects with this certificate. */
  renewTls(tls: PeerTls): void;
  /** Lets connections go once they are idle and opens new ones, for instance when a revocation list changed. */
  reconnect(): void;
}

const MiB = 1024 * 1024;
/** A connection lives no longer than this, so that certificates are looked at again. */
const CONNECTION_LIFE_MS = 3_600_000;
/** Shorter than the server's, so that we rarely send into a connection that it is about to close. */
const IDLE_MS = 30_000;
/** Longest chain that is read from a connection. */
const CHAIN_LENGTH_MAX = 10;
/** Bytes that are given a millisecond more: 64 KiB a second. */
const BYTES_A_MS = 64;

/** Makes a peer; connects when first asked. Throws `settings.bad-value` for an address that is not https. */
export function openPeer(options: PeerOptions): OpenPeer {
  const base = baseOf(options.url);
  const { name, role, answerMs = 30_000, answerBytesMax = 96 * MiB } = options;
  let { tls } = options;
  let above = authoritiesOf(tls.cert);
  let pool = openPool();
  let closed = false;

  function openPool(): Pool {
    return new Pool(base.origin, {
      connections: options.connections ?? 16,
      pipelining: 1,
      allowH2: false,
      clientTtl: CONNECTION_LIFE_MS,
      keepAliveTimeout: IDLE_MS,
      keepAliveMaxTimeout: IDLE_MS,
      headersTimeout: 0,
      bodyTimeout: answerMs,
      connect: {
        ...tls,
        minVersion: 'TLSv1.3',
        timeout: Math.min(answerMs, 10_000),
        // Without resumption every connection shows and judges the whole chain.
        maxCachedSessions: 0,
        checkServerIdentity: (host: string, certificate: PeerCertificate) =>
          checkServer(host, certificate as DetailedPeerCertificate, options),
      },
    });
  }

  function replacePool(): void {
    const old = pool;
    pool = openPool();
    // Ends when what is under way has ended; nothing waits for it.
    old.close().catch(() => undefined);
  }

  async function ask(request: PeerRequest): Promise<PeerAnswer> {
    if (closed) throw new MixError('exchange.unreachable', { place: name, detail: 'closed' });
    const body = request.body === undefined ? undefined : Buffer.from(JSON.stringify(request.body));
    const abort = new AbortController();
    const patience = answerMs + (body?.length ?? 0) / BYTES_A_MS;
    const timer = setTimeout(() => abort.abort(), patience);
    try {
      const answer = await pool.request({
        method: request.method,
        path: base.path + pathOf(request.path),
        headers: headersOf(request, above),
        body: body ?? null,
        signal: abort.signal,
      });
      clearTimeout(timer);
      return {
        status: answer.statusCode,
        headers: textHeaders(answer.headers),
        body: await readBounded(
          answer.body,
          answerBytesMax,
          () => new MixError('exchange.answer', { place: name, detail: 'too long' }),
        ),
      };
    } catch (cause) {
      throw faultOfConnection(cause, name, {
        unreachable: 'exchange.unreachable',
        notTrusted: 'exchange.not-trusted',
      });
    } finally {
      clearTimeout(timer);
    }
  }

  return {
    name,
    role,
    ask,
    renewTls(fresh) {
      tls = fresh;
      above = authoritiesOf(tls.cert);
      replacePool();
    },
    reconnect: replacePool,
    async close() {
      if (closed) return;
      closed = true;
      await pool.destroy();
    },
  };
}

function baseOf(url: string): { origin: string; path: string } {
  const parsed = URL.parse(url);
  if (parsed?.protocol !== 'https:' || parsed.username !== '' || parsed.search !== '' || parsed.hash !== '')
    throw new MixError('settings.bad-value', { place: 'exchange.nodes.url', detail: 'an https address is wanted' });
  const path = parsed.pathname.replace(/\/*$/, '/');
  return { origin: parsed.origin, path: path === '/' ? '/fhir/R4/' : path };
}

/** Below the base, whatever it says. */
function pathOf(path: string): string {
  if (/^\/|^[a-z][a-z0-9+.-]*:|(^|\/)\.{1,2}(\/|$)|[\s#\\]/i.test(path))
    throw new MixError('exchange.query', { place: 'path' });
  return path;
}

function headersOf(request: PeerRequest, above: string | undefined): Record<string, string> {
  const headers: Record<string, string> = { accept: request.accept ?? 'application/fhir+json' };
  // RFC 9440: some servers see no more of a handshake than the client's own certificate.
  if (above !== undefined) headers['client-cert-chain'] = above;
  if (request.body !== undefined) headers['content-type'] = 'application/fhir+json; charset=utf-8';
  if (request.deliveryId !== undefined) headers[DELIVERY_HEADER] = request.deliveryId;
  if (request.requester !== undefined)
    headers[REQUESTER_HEADER] = Buffer.from(JSON.stringify(request.requester)).toString('base64url');
  return headers;
}

/** The certificates above ours as a list of byte sequences (RFC 9651 3.3.5); undefined where there are none. */
function authoritiesOf(cert: string | Buffer): string | undefined {
  const blocks = cert.toString('latin1').match(/-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g) ?? [];
  const above = blocks
    .slice(1, CHAIN_LENGTH_MAX)
    .map((block) => `:${new X509Certificate(block).raw.toString('base64')}:`);
  return above.length === 0 ? undefined : above.join(', ');
}

/** As {@link judgeServer}; what is thrown within a handshake would end the process, and is no trust either. */
function checkServer(host: string, certificate: DetailedPeerCertificate, options: PeerOptions): Error | undefined {
  try {
    return judgeServer(host, certificate, options);
  } catch (cause) {
    return new NotTrusted(cause instanceof MixError ? cause.fault.code : 'its certificate can not be judged');
  }
}

/** The host's name, the node's name of the exchange, and what the caller knows of revocation. */
function judgeServer(host: string, certificate: DetailedPeerCertificate, options: PeerOptions): Error | undefined {
  const wrongHost = checkServerIdentity(host, certificate);
  if (wrongHost) return new NotTrusted('its certificate is for another host');
  const chain: X509Certificate[] = [];
  let one: DetailedPeerCertificate | undefined = certificate;
  while (one?.raw !== undefined && chain.length < CHAIN_LENGTH_MAX) {
    chain.push(new X509Certificate(one.raw));
    one = one.issuerCertificate === one ? undefined : one.issuerCertificate;
  }
  const name = chain[0] && readNodeName(chain[0]);
  if (name?.role !== options.role || name.organization !== options.organization)
    return new NotTrusted('its certificate is of another node');
  const fault = options.judge?.(chain);
  return fault === undefined ? undefined : new NotTrusted(fault);
}

function textHeaders(headers: Record<string, string | string[] | undefined>): Record<string, string> {
  const told: Record<string, string> = {};
  for (const [name, value] of Object.entries(headers)) {
    if (value !== undefined) told[name] = typeof value === 'string' ? value : value.join(', ');
  }
  return told;
}
