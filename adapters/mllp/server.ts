/** The MLLP listener: one port, one source. */
import { createServer, type Server, type Socket } from 'node:net';
import { createServer as createTlsServer, type TLSSocket } from 'node:tls';
import { MixError } from '../../schemas/errors/index.ts';
import type { Log, Source } from '../../schemas/parts.ts';
import { type AcceptMessage, type Connection, type MllpPeer, serveConnection } from './connection.ts';
import type { Refusal } from './frame.ts';
import { defaultLimits, type MllpLimits } from './limits.ts';
import { type MllpTls, serverTlsOf } from './tls.ts';

export interface ListenOptions {
  /** Default 127.0.0.1. */
  host?: string;
  /** 0 takes any free port. */
  port: number;
  /** Both sides' certificates are checked. Absent: plain, for a line that is protected otherwise. */
  tls?: MllpTls;
  source: Source;
  accept: AcceptMessage;
  limits?: Partial<MllpLimits>;
  log: Log;
  /** Answer (AR/CR) to a frame that was too large, from its first bytes. Default: none, the sender's time-out tells it. */
  answerRefused?(refusal: Refusal): Buffer | null;
}

export interface MllpListener {
  readonly port: number;
  readonly connections: number;
  /** Takes no more messages, writes the answers that are due (for at most `closeMs`), then ends. */
  close(): Promise<void>;
}

/** How often the time limits are looked at. */
const TICK_MS = 200;

/** Listens for MLLP frames (HL7 v2 Transport: MLLP R1). Throws `mllp.cannot-listen`. */
export async function listen(options: ListenOptions): Promise<MllpListener> {
  const limits: MllpLimits = { ...defaultLimits, ...options.limits };
  const connections = new Map<Socket, Connection>();
  /** Every TCP socket, those still shaking hands too. */
  const sockets = new Set<Socket>();
  const perAddress = new Map<string, number>();
  const held = { bytes: 0 };

  const serve = (socket: Socket | TLSSocket): void => {
    const connection = serveConnection(socket, peerOf(socket), {
      source: options.source,
      accept: options.accept,
      limits,
      log: options.log,
      answerRefused: (refusal) => options.answerRefused?.(refusal) ?? null,
      held,
    });
    connections.set(socket, connection);
    connection.closed.then(() => connections.delete(socket));
  };
  const tell = (code: 'mllp.too-many-connections' | 'mllp.tls-refused', peer: string | undefined, why?: string): void =>
    options.log.warn({ code, source: options.source.id, peer, why }, 'MLLP connection refused');
  const server: Server = options.tls
    ? createTlsServer({ ...serverTlsOf(options.tls, limits.handshakeMs), allowHalfOpen: true }, serve)
    : createServer({ allowHalfOpen: true }, serve);
  server.maxConnections = limits.connectionsMax;
  server.on('drop', (data) => tell('mllp.too-many-connections', data?.remoteAddress));
  server.on('tlsClientError', (error: Error & { code?: string }, socket: TLSSocket) => {
    tell('mllp.tls-refused', socket.remoteAddress, error.code);
    socket.destroy();
  });
  // Before 'secureConnection': what is refused here costs no handshake.
  server.prependListener('connection', (socket: Socket) => {
    const address = socket.remoteAddress ?? '';
    const count = (perAddress.get(address) ?? 0) + 1;
    perAddress.set(address, count);
    sockets.add(socket);
    socket.once('close', () => {
      sockets.delete(socket);
      const left = (perAddress.get(address) ?? 1) - 1;
      if (left > 0) perAddress.set(address, left);
      else perAddress.delete(address);
    });
    if (count <= limits.connectionsPerAddressMax) return;
    tell('mllp.too-many-connections', address);
    socket.destroy();
  });

  const port = await bind(server, options.port, options.host ?? '127.0.0.1');
  const timer = setInterval(() => {
    const now = performance.now();
    for (const connection of connections.values()) connection.tick(now);
  }, TICK_MS);
  timer.unref();
  return {
    port,
    get connections() {
      return connections.size;
    },
    close: () => closeAll(server, timer, connections, sockets, limits.closeMs),
  };
}

async function bind(server: Server, port: number, host: string): Promise<number> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error: Error & { code?: string }) => {
      reject(
        new MixError('mllp.cannot-listen', { place: `${host}:${port}`, detail: error.code ?? 'unknown', cause: error }),
      );
    });
    server.listen(port, host, resolve);
  });
  server.on('error', () => server.close());
  const address = server.address();
  return typeof address === 'object' && address ? address.port : port;
}

async function closeAll(
  server: Server,
  timer: NodeJS.Timeout,
  connections: Map<Socket, Connection>,
  sockets: Set<Socket>,
  closeMs: number,
): Promise<void> {
  clearInterval(timer);
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  const open = [...connections.values()];
  for (const connection of open) connection.finish();
  const late = setTimeout(() => {
    for (const socket of sockets) socket.destroy();
  }, closeMs);
  await Promise.all(open.map((connection) => connection.closed));
  // What is left has not finished its handshake and was promised nothing.
  for (const socket of sockets) socket.destroy();
  await closed;
  clearTimeout(late);
}

function peerOf(socket: Socket | TLSSocket): MllpPeer {
  const peer: MllpPeer = { address: socket.remoteAddress ?? '', port: socket.remotePort ?? 0 };
  if ('getPeerCertificate' in socket) {
    const certificate = socket.getPeerCertificate();
    const name = certificate.subject?.CN;
    peer.certificate = {
      name: Array.isArray(name) ? name.join(', ') : (name ?? ''),
      fingerprint: certificate.fingerprint256,
    };
  }
  return peer;
}
