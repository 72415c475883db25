/** How much one node may ask of us at once and in a minute, and which certificates a connection showed. */
import type { Socket } from 'node:net';
import { type DetailedPeerCertificate, TLSSocket } from 'node:tls';
import { MixError } from '../../schemas/errors/index.ts';
import type { Clock } from '../../schemas/parts.ts';

/** RFC 9440. */
export const CHAIN_HEADER = 'client-cert-chain';
/** Longest chain that is read from a connection. */
const CHAIN_LENGTH_MAX = 10;
/** Certificates counted at once; beyond this the oldest count is forgotten. */
const COUNTED_MAX = 10_000;
const MINUTE_MS = 60_000;

/** Longest header that is read for certificates; Node itself takes 16 KiB of headers. */
const HEADER_LENGTH_MAX = 16_384;

const chains = new WeakMap<Socket, Buffer[]>();

/**
 * Certificates that the other end showed, DER, leaf first; read once a connection, which never resumes an older one.
 *
 * Node 24.21 gives a server the leaf alone (nodejs/node 65579), so the authorities above it are also taken from the header `client-cert-chain`
 * (RFC 9440 2.3). They are material to build a chain with, and no more trusted than what comes in the handshake.
 */
export function peerChainOf(socket: Socket, header?: string): Buffer[] {
  const known = chains.get(socket);
  if (known && (known.length !== 1 || header === undefined)) return known;
  const shown = known ?? shownBy(socket);
  const chain = shown.length === 1 && header !== undefined ? [...shown, ...readChainHeader(header)] : shown;
  chains.set(socket, chain);
  return chain;
}

function shownBy(socket: Socket): Buffer[] {
  const chain: Buffer[] = [];
  let one: DetailedPeerCertificate | undefined =
    socket instanceof TLSSocket ? socket.getPeerCertificate(true) : undefined;
  while (one?.raw !== undefined && chain.length < CHAIN_LENGTH_MAX) {
    chain.push(one.raw);
    one = one.issuerCertificate === one ? undefined : one.issuerCertificate;
  }
  return chain;
}

/** A list of byte sequences (RFC 9651 3.3.5). Throws `http.bad-input`. */
function readChainHeader(header: string): Buffer[] {
  const parts = header.length > HEADER_LENGTH_MAX ? [] : header.split(',');
  const told = parts.map((part) => /^\s*:([A-Za-z0-9+/]+={0,2}):\s*$/.exec(part)?.[1]);
  if (told.length === 0 || told.length >= CHAIN_LENGTH_MAX || told.includes(undefined))
    throw new MixError('http.bad-input', { place: `http.${CHAIN_HEADER}` });
  return told.map((text) => Buffer.from(text ?? '', 'base64'));
}

export interface GateLimits {
  /** Requests of one certificate that are under way at once. */
  inFlightPerNodeMax: number;
  /** Requests of one certificate in a minute. */
  requestsPerMinute: number;
}

export interface Gate {
  /** Counts a request of this connection. Throws `http.too-many-requests`, `exchange.busy`; gives the way to say that it has ended. */
  enter(socket: Socket): () => void;
}

interface Count {
  since: number;
  requests: number;
  underWay: number;
}

export function createGate(limits: GateLimits, clock: Clock): Gate {
  const counts = new Map<string, Count>();
  const keys = new WeakMap<Socket, string>();

  function keyOf(socket: Socket): string {
    let key = keys.get(socket);
    if (key === undefined) {
      key = peerChainOf(socket)[0]?.toString('base64') ?? socket.remoteAddress ?? '';
      keys.set(socket, key);
    }
    return key;
  }

  return {
    enter(socket) {
      const key = keyOf(socket);
      const now = clock.now();
      let count = counts.get(key);
      if (count === undefined) {
        if (counts.size >= COUNTED_MAX) counts.delete(counts.keys().next().value!);
        count = { since: now, requests: 0, underWay: 0 };
        counts.set(key, count);
      }
      if (now - count.since >= MINUTE_MS || now < count.since) Object.assign(count, { since: now, requests: 0 });
      if (count.requests >= limits.requestsPerMinute) throw new MixError('http.too-many-requests');
      if (count.underWay >= limits.inFlightPerNodeMax) throw new MixError('exchange.busy');
      count.requests += 1;
      count.underWay += 1;
      const held = count;
      return () => {
        held.underWay -= 1;
      };
    },
  };
}
