import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { MixError } from '../../schemas/errors/index.ts';
import type { Log } from '../../schemas/parts.ts';
import type { PortalEngine, SignInAnswer } from '../../schemas/portal.ts';
import { asMixError, sendFault } from './faults.ts';
import { readInput, signInAsk } from './inputs.ts';
import { setSession } from './session.ts';
import type { SignInGuard } from './sign-in-guard.ts';
import type { NodeFace } from './sign-in-page.ts';
import { writeSignInPage } from './sign-in-page.ts';

export interface SignInOptions {
  secure: boolean;
  face: NodeFace;
  guard: SignInGuard;
  log: Log;
  triesPerMinute: number;
}

const FORM = 'application/x-www-form-urlencoded';

/**
 * Mounts `POST /api/sign-in`, the only route that answers without a session. JSON gets `{ me }` or a fault; the page's
 * form, which works without script, gets the page it wanted or the form again.
 */
export function mountSignIn(app: FastifyInstance, engine: PortalEngine, options: SignInOptions): void {
  app.addContentTypeParser(FORM, { parseAs: 'string' }, (_request, body, done) => {
    done(null, Object.fromEntries(new URLSearchParams(String(body))));
  });
  const limit = { max: options.triesPerMinute, timeWindow: 60_000 };
  app.post(
    '/api/sign-in',
    { config: { open: true, rateLimit: limit }, errorHandler: refuse, bodyLimit: 16_384 },
    async (request, reply) => {
      const { name, secret, next } = readAsk(request);
      const answer = await trySignIn(engine, options.guard, { name, secret, peer: request.ip });
      if (!answer.ok) {
        if (answer.retryAfterSeconds !== undefined) reply.header('retry-after', answer.retryAfterSeconds);
        throw new MixError(answer.fault.code, { place: answer.fault.place, detail: answer.fault.detail });
      }
      setSession(request, reply, answer.token, options.secure);
      return isForm(request) ? reply.redirect(localAddress(next), 303) : reply.send({ me: answer.me });
    },
  );

  function refuse(error: Error, request: FastifyRequest, reply: FastifyReply): FastifyReply {
    if (!isForm(request)) return sendFault(options.log, error, request, reply);
    const known = asMixError(error);
    return sendSignInPage(request, reply.code(known.kind.http), options.face, known);
  }
}

/** Sends the sign-in page for the address that was asked, with the reason of a refusal above the form. */
export function sendSignInPage(
  request: FastifyRequest,
  reply: FastifyReply,
  face: NodeFace,
  fault?: MixError,
): FastifyReply {
  const asked = request.body as { next?: unknown; name?: unknown } | undefined;
  const next = request.method === 'POST' ? localAddress(asked?.next) : localAddress(request.url);
  // A link from another site comes without the cookie (SameSite=Strict); asked again by this page itself, it has it.
  const askAgain = request.method === 'GET' && request.headers['sec-fetch-site'] === 'cross-site';
  const name = typeof asked?.name === 'string' ? asked.name.slice(0, 200) : '';
  return reply
    .type('text/html; charset=utf-8')
    .send(writeSignInPage({ face, next, name, fault, askAgain, nonce: reply.cspNonce.style }));
}

/** An address of this node; anything that would lead elsewhere becomes `/`. */
export function localAddress(next: unknown): string {
  return typeof next === 'string' && next.length < 2000 && /^\/(?![/\\])[\x21-\x7e]*$/.test(next) ? next : '/';
}

const isForm = (request: FastifyRequest): boolean => (request.headers['content-type'] ?? '').startsWith(FORM);

function readAsk(request: FastifyRequest): { name: string; secret: string; next?: string } {
  try {
    return readInput(signInAsk, request.body);
  } catch (cause) {
    // An empty form is a failed sign-in like any other: without a session nothing here answers otherwise.
    throw new MixError('http.not-signed-in', { cause });
  }
}

async function trySignIn(
  engine: PortalEngine,
  guard: SignInGuard,
  ask: { name: string; secret: string; peer: string },
): Promise<SignInAnswer> {
  const wait = guard.begin(ask.name, ask.peer);
  if (wait > 0)
    return { ok: false, fault: { code: 'http.too-many-tries', detail: `${wait} s` }, retryAfterSeconds: wait };
  const answer = await engine.signIn(ask);
  if (answer.ok) guard.succeeded(ask.name, ask.peer);
  return answer;
}
