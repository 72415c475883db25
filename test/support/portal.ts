/** Starts the HTTP door on a free port in front of a stub engine, and signs in as a program would. */

import type { Http, HttpSettings } from '../../adapters/http/index.ts';
import { createHttp } from '../../adapters/http/index.ts';
import type { StubEngine } from './stub-engine.ts';
import { createStubEngine, ONE_TIME } from './stub-engine.ts';

export interface Portal {
  url: string;
  engine: StubEngine;
  http: Http;
  /** Lines that went to the log. */
  logged: Record<string, unknown>[];
  /** Cookie header of a fresh session. */
  signIn(): Promise<string>;
  ask(path: string, init?: RequestInit & { cookie?: string }): Promise<Response>;
}

export async function startPortal(
  options: { engine?: StubEngine; settings?: Partial<HttpSettings> } = {},
): Promise<Portal> {
  const engine = options.engine ?? createStubEngine();
  const logged: Record<string, unknown>[] = [];
  const write = (facts: Record<string, unknown>): void => void logged.push(facts);
  const http = await createHttp({
    engine,
    log: { info: write, warn: write, error: write },
    settings: {
      host: '127.0.0.1',
      port: 0,
      pagesDir: '/nowhere',
      face: { name: 'Invented General Hospital', role: 'hospital' },
      liveGatherMs: 20,
      liveHeartbeatMs: 100,
      ...options.settings,
    },
  });
  const { url } = await http.listen();
  const ask: Portal['ask'] = (path, { cookie, ...init } = {}) => {
    const headers = new Headers(init.headers);
    if (cookie !== undefined) headers.set('cookie', cookie);
    return fetch(new URL(path, url), { redirect: 'manual', ...init, headers });
  };
  return {
    url,
    engine,
    http,
    logged,
    ask,
    async signIn() {
      const answer = await ask('/api/sign-in', {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ name: 'admin', secret: ONE_TIME }),
      });
      if (answer.status !== 200) throw new Error(`sign-in answered ${answer.status}`);
      return (answer.headers.get('set-cookie') ?? '').split(';')[0]!;
    },
  };
}
