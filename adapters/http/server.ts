/** The HTTP door of a node: portal API, live stream, pages. Deny by default; strict headers; one catalogue of failures. */
import cookie from '@fastify/cookie';
import helmet from '@fastify/helmet';
import rateLimit from '@fastify/rate-limit';
import type { FastifyInstance } from 'fastify';
import fastify from 'fastify';
import { MixError } from '../../schemas/errors/index.ts';
import type { Clock, Log } from '../../schemas/parts.ts';
import type { PortalEngine } from '../../schemas/portal.ts';
import { sendFault } from './faults.ts';
import { mountLive } from './live.ts';
import { mountPages } from './pages.ts';
import { mountPortal } from './portal.ts';
import { guardRoutes } from './session.ts';
import { mountSignIn, sendSignInPage } from './sign-in.ts';
import { createSignInGuard } from './sign-in-guard.ts';
import type { NodeFace } from './sign-in-page.ts';

export interface HttpSettings {
  /** Address to listen on; 127.0.0.1 where no TLS is given and nothing else is wished. */
  host: string;
  /** 0 takes a free one. */
  port: number;
  /** Folder of the built pages (`buildPages()` of adapters/web). */
  pagesDir: string;
  /** What the sign-in page tells about the node. */
  face: NodeFace;
  /** Largest request body, bytes. Default 256 KiB. */
  bodyBytesMax?: number;
  /** Largest corrected message, bytes. Default 20 MiB. */
  correctionBytesMax?: number;
  /** Streams open at once. Default 500. */
  liveStreamsMax?: number;
  /** Sign-ins tried by one address in a minute. Default 30. */
  signInsPerMinute?: number;
  /** Notes are gathered this long before they go out, ms. Default 400. */
  liveGatherMs?: number;
  /** Default 15,000 ms. */
  liveHeartbeatMs?: number;
}

export interface HttpParts {
  engine: PortalEngine;
  settings: HttpSettings;
  /** PEM. Without it the server speaks plain HTTP: for this machine only, or behind a proxy that ends TLS. */
  tls?: { key: string | Buffer; cert: string | Buffer };
  log: Log;
  clock?: Clock;
}

/** A route as the guard sees it; `open` ones answer without a session. */
export interface RouteFace {
  method: string;
  url: string;
  open: boolean;
}

export interface Http {
  /** Resolves with the address that people open. */
  listen(): Promise<{ url: string; port: number }>;
  close(): Promise<void>;
  routes(): RouteFace[];
}

/**
 * Builds the server; nothing listens until `listen()`.
 *
 * What is not yet checked here: whether the subject may see what it asks for. That is the engine's `authorize`.
 */
export async function createHttp(parts: HttpParts): Promise<Http> {
  const { engine, settings, tls, log } = parts;
  const secure = tls !== undefined;
  const app = openFastify(parts);
  const routes: RouteFace[] = [];
  app.addHook('onRoute', ({ method, url, config }) => {
    for (const one of Array.isArray(method) ? method : [method])
      routes.push({ method: one, url, open: config?.open === true });
  });
  await app.register(helmet, headersOf(secure));
  await app.register(cookie);
  guardRoutes(app, engine, { secure, askToSignIn: (request, reply) => sendSignInPage(request, reply, settings.face) });
  await app.register(rateLimit, {
    global: false,
    errorResponseBuilder: () => new MixError('http.too-many-tries', { detail: '60 s' }),
  });
  app.setErrorHandler((error: Error, request, reply) => sendFault(log, error, request, reply));
  app.setNotFoundHandler((request, reply) => sendFault(log, new MixError('http.not-found'), request, reply));

  const guard = createSignInGuard(parts.clock ?? { now: () => Date.now() });
  mountSignIn(app, engine, {
    secure,
    guard,
    log,
    face: settings.face,
    triesPerMinute: settings.signInsPerMinute ?? 30,
  });
  mountPortal(app, engine, { secure, correctionBytesMax: settings.correctionBytesMax ?? 20 * 1024 * 1024 });
  const endStreams = mountLive(app, engine, {
    secure,
    streamsMax: settings.liveStreamsMax ?? 500,
    gatherMs: settings.liveGatherMs ?? 400,
    heartbeatMs: settings.liveHeartbeatMs ?? 15_000,
  });
  app.get('/health', async () => ({ ok: true }));
  await mountPages(app, settings.pagesDir);

  return {
    async listen() {
      await app.listen({ host: settings.host, port: settings.port });
      const address = app.addresses()[0];
      const port = typeof address === 'object' ? address.port : settings.port;
      return { url: `${secure ? 'https' : 'http'}://${hostInUrl(settings.host)}:${port}`, port };
    },
    async close() {
      endStreams();
      await app.close();
    },
    routes: () => [...routes],
  };
}

function openFastify({ settings, tls }: HttpParts): FastifyInstance {
  const common = {
    bodyLimit: settings.bodyBytesMax ?? 256 * 1024,
    requestTimeout: 60_000,
    connectionTimeout: 0,
    routerOptions: { maxParamLength: 200 },
    forceCloseConnections: true,
    logger: false,
  } as const;
  if (tls === undefined) return fastify(common);
  const https = { key: tls.key, cert: tls.cert, minVersion: 'TLSv1.2' as const };
  return fastify({ ...common, https }) as unknown as FastifyInstance;
}

/**
 * Content-Security-Policy level 3: no inline script at all; styles from our files or with the answer's nonce (Mantine
 * writes its colour variables into a style element); nothing from anywhere else.
 */
function headersOf(secure: boolean) {
  const self = ["'self'"];
  return {
    enableCSPNonces: true,
    contentSecurityPolicy: {
      useDefaults: false,
      directives: {
        defaultSrc: ["'none'"],
        scriptSrc: self,
        styleSrc: self,
        imgSrc: ["'self'", 'data:'],
        fontSrc: self,
        connectSrc: self,
        frameSrc: self,
        manifestSrc: self,
        formAction: self,
        baseUri: ["'none'"],
        frameAncestors: ["'none'"],
        objectSrc: ["'none'"],
      },
    },
    // 'no-referrer' would make browsers send `Origin: null` with the sign-in form.
    referrerPolicy: { policy: 'same-origin' as const },
    crossOriginEmbedderPolicy: false,
    hsts: secure ? { maxAge: 31_536_000, includeSubDomains: false } : false,
    xFrameOptions: { action: 'deny' as const },
  };
}

function hostInUrl(host: string): string {
  if (host === '0.0.0.0' || host === '::') return 'localhost';
  return host.includes(':') ? `[${host}]` : host;
}
