/**
 * The door to other nodes: FHIR R4 over TLS 1.3 with certificates on both sides, on a listener of its own (IHE ATNA ITI-19, RFC 9325).
 * TLS proves that the other end has a key of a chain to our roots; who it is, and whether its certificate was revoked, `engine.admitNode` judges
 * at every request, so that a revocation holds for connections that stand.
 */
import { constants } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Server } from 'node:https';
import type { TLSSocket } from 'node:tls';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import fastify from 'fastify';
import { MixError } from '../../schemas/errors/index.ts';
import { type ExchangeEngine, type NodeSubject, REQUESTER_HEADER } from '../../schemas/exchange.ts';
import type { Clock, Log } from '../../schemas/parts.ts';
import { createHeldBytes, readBody, readJson, TEXT_BYTES_MAX } from './fhir-body.ts';
import { CHAIN_HEADER, createGate, peerChainOf } from './fhir-gate.ts';
import { sendOutcome } from './fhir-outcome.ts';
import { mountFhirRoutes } from './fhir-routes.ts';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** The body may carry a document; without it {@link FhirDoorLimits.bodyBytesMax} holds. */
    documents?: boolean;
  }
  interface FastifyRequest {
    exchangeNode: NodeSubject | null;
  }
}

/** Limits of the door. Times in milliseconds. */
export interface FhirDoorLimits {
  /** Largest document, bytes. Default 64 MiB; the body that carries it in base64 may be a third larger. */
  documentBytesMax: number;
  /** Largest body that carries no document, bytes. Default 1 MiB. */
  bodyBytesMax: number;
  /** Bytes of all bodies that are being read. Default 512 MiB. */
  heldBytesMax: number;
  /** Connections at once. Default 1,000. */
  connectionsMax: number;
  /** Requests of one certificate under way at once. Default 128. */
  inFlightPerNodeMax: number;
  /** Requests of one certificate in a minute. Default 120,000. */
  requestsPerMinute: number;
  /** A request must have come whole within. Default 300,000. */
  requestMs: number;
  /** TLS handshake. Default 10,000. */
  handshakeMs: number;
  /** A connection without a request is closed. Default 75,000. */
  idleMs: number;
  /** How long a closing door waits for the answers that are due. Default 10,000. */
  closeMs: number;
}

const MiB = 1024 * 1024;
const LIMITS: FhirDoorLimits = {
  documentBytesMax: 64 * MiB,
  bodyBytesMax: MiB,
  heldBytesMax: 512 * MiB,
  connectionsMax: 1_000,
  inFlightPerNodeMax: 128,
  requestsPerMinute: 120_000,
  requestMs: 300_000,
  handshakeMs: 10_000,
  idleMs: 75_000,
  closeMs: 10_000,
};

/** PEM. `cert` is the node's certificate with those above it; `ca` are the roots of the exchange. */
export interface FhirDoorTls {
  cert: string | Buffer;
  key: string | Buffer;
  ca: (string | Buffer)[];
}

export interface FhirDoorParts {
  engine: ExchangeEngine;
  tls: FhirDoorTls;
  /** Address to listen on. */
  host: string;
  /** 0 takes a free one. */
  port: number;
  limits?: Partial<FhirDoorLimits>;
  log: Log;
  clock?: Clock;
}

export interface FhirDoor {
  /** Resolves with the address of the door without a path. Rejects when the port cannot be had. */
  listen(): Promise<{ url: string; port: number }>;
  close(): Promise<void>;
  routes(): { method: string; url: string }[];
  /** Shows another certificate to whom connects from now on. */
  renewTls(cert: string | Buffer, key: string | Buffer): void;
}

/** Builds the door; nothing listens until `listen()`. Every route, the unknown ones too, admits the node before it reads a body. */
export function createFhirDoor(parts: FhirDoorParts): FhirDoor {
  const { engine, log } = parts;
  const limits = { ...LIMITS, ...parts.limits };
  const app = openFastify(parts.tls, limits);
  const server = app.server as unknown as Server;
  const routes: { method: string; url: string }[] = [];
  app.addHook('onRoute', ({ method, url }) => {
    for (const one of Array.isArray(method) ? method : [method]) routes.push({ method: one, url });
  });
  guardNodes(app, parts, limits);
  readBodies(app, limits);
  app.setErrorHandler((error: Error, request, reply) => sendOutcome(log, error, request, reply));
  app.setNotFoundHandler((request, reply) =>
    sendOutcome(log, new MixError('http.not-found', { place: 'http.path' }), request, reply),
  );
  mountFhirRoutes(app, engine);
  tellRefusals(server, log);

  return {
    async listen() {
      await app.listen({ host: parts.host, port: parts.port });
      const address = app.addresses()[0];
      const port = typeof address === 'object' ? address.port : parts.port;
      const host = parts.host.includes(':') ? `[${parts.host}]` : parts.host;
      return { url: `https://${host}:${port}`, port };
    },
    async close() {
      const timer = setTimeout(() => server.closeAllConnections(), limits.closeMs);
      await app.close();
      clearTimeout(timer);
    },
    routes: () => [...routes],
    renewTls(cert, key) {
      server.setSecureContext(secureOptions({ ...parts.tls, cert, key }));
    },
  };
}

/** Resumed sessions would show no chain and skip the check of it, so none are given out. */
function secureOptions(tls: FhirDoorTls) {
  return {
    cert: tls.cert,
    key: tls.key,
    ca: tls.ca,
    minVersion: 'TLSv1.3' as const,
    secureOptions: constants.SSL_OP_NO_TICKET,
  };
}

function openFastify(tls: FhirDoorTls, limits: FhirDoorLimits): FastifyInstance {
  const app = fastify({
    https: {
      ...secureOptions(tls),
      requestCert: true,
      rejectUnauthorized: true,
      handshakeTimeout: limits.handshakeMs,
    },
    bodyLimit: bodyMaxOf(limits),
    requestTimeout: limits.requestMs,
    keepAliveTimeout: limits.idleMs,
    routerOptions: { maxParamLength: 128, ignoreTrailingSlash: true },
    exposeHeadRoutes: false,
    forceCloseConnections: 'idle',
    logger: false,
  }) as unknown as FastifyInstance;
  const { server } = app;
  server.headersTimeout = Math.min(30_000, limits.requestMs);
  server.maxConnections = limits.connectionsMax;
  return app;
}

/** Base64 is a third longer, and the metadata beside it needs room. */
function bodyMaxOf(limits: FhirDoorLimits): number {
  return Math.min(TEXT_BYTES_MAX, textMaxOf(limits) + limits.bodyBytesMax);
}

function textMaxOf(limits: FhirDoorLimits): number {
  return Math.ceil(limits.documentBytesMax / 3) * 4;
}

function guardNodes(app: FastifyInstance, parts: FhirDoorParts, limits: FhirDoorLimits): void {
  const gate = createGate(limits, parts.clock ?? { now: Date.now });
  app.decorateRequest('exchangeNode', null);
  app.addHook('onRequest', async (request, reply) => {
    reply.headers({ 'cache-control': 'no-store', 'x-content-type-options': 'nosniff' });
    const { socket } = request.raw;
    reply.raw.once('close', gate.enter(socket));
    request.exchangeNode = parts.engine.admitNode(
      peerChainOf(socket, textOf(request.headers[CHAIN_HEADER])),
      textOf(request.headers[REQUESTER_HEADER]),
    );
  });
}

function textOf(header: string | string[] | undefined): string | undefined {
  return typeof header === 'string' ? header : header?.join(', ');
}

function readBodies(app: FastifyInstance, limits: FhirDoorLimits): void {
  const held = createHeldBytes(limits.heldBytesMax);
  // Whoever asks before sending (RFC 9110 10.1.1) is told to go on only when the body is wanted.
  const asking = new WeakMap<IncomingMessage, ServerResponse>();
  app.server.on('checkContinue', (message: IncomingMessage, response: ServerResponse) => {
    asking.set(message, response);
    app.server.emit('request', message, response);
  });
  app.addHook('onSend', async (request, reply) => {
    if (asking.has(request.raw)) reply.header('connection', 'close');
  });
  const readWhole = (request: FastifyRequest, stream: IncomingMessage): Promise<Buffer> => {
    const documents = request.routeOptions.config.documents === true;
    return readBody(stream, {
      max: documents ? bodyMaxOf(limits) : limits.bodyBytesMax,
      held,
      tooLarge: documents ? 'exchange.document-too-large' : 'http.too-large',
      begin() {
        asking.get(request.raw)?.writeContinue();
        asking.delete(request.raw);
      },
    });
  };
  app.removeAllContentTypeParsers();
  app.addContentTypeParser(
    ['application/fhir+json', 'application/json'],
    async (request: FastifyRequest, stream: IncomingMessage) =>
      readJson(await readWhole(request, stream), textMaxOf(limits)),
  );
  app.addContentTypeParser(
    'application/x-www-form-urlencoded',
    async (request: FastifyRequest, stream: IncomingMessage) =>
      new URLSearchParams((await readWhole(request, stream)).toString('utf8')),
  );
}

/** Handshakes that fail are told at most this often. */
const REFUSALS_TOLD_MS = 1_000;

function tellRefusals(server: Server, log: Log): void {
  let toldAt = 0;
  let untold = 0;
  server.on('tlsClientError', (error: Error & { code?: string }, socket: TLSSocket) => {
    untold += 1;
    if (Date.now() - toldAt < REFUSALS_TOLD_MS) return;
    log.warn({ code: error.code ?? error.name, from: socket.remoteAddress, count: untold }, 'a TLS handshake failed');
    toldAt = Date.now();
    untold = 0;
  });
}
