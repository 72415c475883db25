/** The browser's pages: a shell for every address that is not the API, and the built files. Both only with a session. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import fastifyStatic from '@fastify/static';
import type { FastifyInstance } from 'fastify';
import { MixError } from '../../schemas/errors/index.ts';

/** Stands in the built index.html where each answer's nonce goes (vite.config.ts, `html.cspNonce`). */
const NONCE_MARK = '__CSP_NONCE__';

/** Mounts `/assets/*`, the icon, and the shell for every other address. `dir` is the folder that `buildPages` wrote. */
export async function mountPages(app: FastifyInstance, dir: string): Promise<void> {
  const index = join(dir, 'index.html');
  const assets = join(dir, 'assets');
  // Whoever has yet to choose a password needs the page for it.
  app.addHook('onRoute', (route) => {
    if (route.url.startsWith('/assets/')) route.config = { ...route.config, beforeSecret: true };
  });
  if (existsSync(assets)) {
    await app.register(fastifyStatic, {
      root: assets,
      prefix: '/assets/',
      index: false,
      preCompressed: true,
      cacheControl: false,
      // Names carry a digest of the content; private, since a shared cache must not hand them to whom we refuse.
      setHeaders: (reply) => void reply.header('cache-control', 'private, max-age=31536000, immutable'),
    });
  }
  let shell: string | undefined;
  app.get('/*', { config: { beforeSecret: true } }, async (request, reply) => {
    if (/^\/(api|assets)(\/|$|\?)/.test(request.url)) throw new MixError('http.not-found');
    shell ??= existsSync(index) ? readFileSync(index, 'utf8') : undefined;
    if (shell === undefined) throw new MixError('http.pages-missing');
    return reply.type('text/html; charset=utf-8').send(shell.replaceAll(NONCE_MARK, reply.cspNonce.style));
  });
}
