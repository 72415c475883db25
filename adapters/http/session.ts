/** Deny by default: every route wants a session, unless it says `open`. */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { MixError } from '../../schemas/errors/index.ts';
import type { Admitted, PortalEngine } from '../../schemas/portal.ts';
import { tellFault } from './faults.ts';
import { checkSameOrigin } from './same-origin.ts';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Answers without a session: sign-in alone. */
    open?: boolean;
    /** Open to a person who has yet to choose a password. */
    beforeSecret?: boolean;
  }
  interface FastifyRequest {
    admitted: Admitted | null;
  }
}

/** When the session ends, ISO 8601: on every answer, so that the page's clock is right. */
export const SESSION_ENDS_HEADER = 'x-mix-session-ends';
/** A refresh that no hand asked for; it must not put off the end of the session. */
export const BACKGROUND_HEADER = 'x-mix-background';

const TOKEN_LENGTH_MAX = 512;

/** Cookies know no ports: nodes beside each other on one host would sign each other out without the port in the name. */
export function cookieName(request: FastifyRequest, secure: boolean): string {
  return `${secure ? '__Host-' : ''}mix-session-${request.socket.localPort ?? 0}`;
}

/** The session's token as sent; undefined where there is none or it is no token's size. */
export function tokenOf(request: FastifyRequest, secure: boolean): string | undefined {
  const token = request.cookies[cookieName(request, secure)];
  return token !== undefined && token.length > 0 && token.length <= TOKEN_LENGTH_MAX ? token : undefined;
}

export function setSession(request: FastifyRequest, reply: FastifyReply, token: string, secure: boolean): void {
  reply.setCookie(cookieName(request, secure), token, { path: '/', httpOnly: true, sameSite: 'strict', secure });
}

export function clearSession(request: FastifyRequest, reply: FastifyReply, secure: boolean): void {
  reply.clearCookie(cookieName(request, secure), { path: '/', httpOnly: true, sameSite: 'strict', secure });
}

/** The subject that the hook admitted. Throws `http.not-signed-in` on an open route. */
export function admittedOf(request: FastifyRequest): Admitted {
  if (request.admitted === null) throw new MixError('http.not-signed-in');
  return request.admitted;
}

/** Puts the guard before every route, the unknown ones too: without a session they all look alike. */
export function guardRoutes(
  app: FastifyInstance,
  engine: PortalEngine,
  options: { secure: boolean; askToSignIn(request: FastifyRequest, reply: FastifyReply): FastifyReply },
): void {
  app.decorateRequest('admitted', null);
  app.addHook('onRequest', async (request, reply) => {
    const { config } = request.routeOptions;
    reply.header('cache-control', 'no-store');
    if (config.open === true) {
      checkSameOrigin(request, true);
      return;
    }
    const token = tokenOf(request, options.secure);
    const touch = request.headers[BACKGROUND_HEADER] === undefined;
    const admitted = token === undefined ? undefined : await engine.admit(token, { touch });
    if (admitted === undefined) {
      reply.code(401).header('www-authenticate', 'MIX-Session realm="portal"');
      if (wantsPage(request)) return options.askToSignIn(request, reply);
      return reply.send(tellFault(new MixError('http.not-signed-in')));
    }
    checkSameOrigin(request, false);
    request.admitted = admitted;
    reply.header(SESSION_ENDS_HEADER, admitted.sessionEndsAt);
    if (admitted.mustChangeSecret && config.beforeSecret !== true) throw new MixError('http.secret-must-change');
  });
}

function wantsPage(request: FastifyRequest): boolean {
  const page =
    (request.method === 'GET' || request.method === 'HEAD') && !/^\/(api|assets|health)(\/|$|\?)/.test(request.url);
  return page && (request.headers.accept ?? '').includes('text/html');
}
