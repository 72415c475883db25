/** A NATS server with JetStream for tests: the Debian package `nats-server`, or what `MIX_NATS` names. */
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export interface NatsServer {
  url: string;
  /** Ends the server and starts it again on the same port; only of one of our own. */
  restart?(): Promise<void>;
  stop(): Promise<void>;
}

/** Why there is no server, or the server. */
export async function startNats(): Promise<NatsServer | { missing: string }> {
  const given = process.env.MIX_NATS;
  if (given) return { url: given, stop: async () => {} };
  const folder = mkdtempSync(join(tmpdir(), 'mix-nats-'));
  const port = await freePort();
  const start = () =>
    new Promise<() => Promise<void>>((resolve, reject) => {
      const child = spawn('nats-server', ['-js', '-a', '127.0.0.1', '-p', String(port), '-sd', folder], {
        stdio: ['ignore', 'ignore', 'pipe'],
      });
      const ended = new Promise<void>((done) => child.once('exit', () => done()));
      child.once('error', reject);
      let told = '';
      child.stderr.on('data', (chunk: Buffer) => {
        told += chunk.toString();
        if (told.includes('Server is ready'))
          resolve(async () => {
            child.kill('SIGTERM');
            await ended;
          });
      });
      void ended.then(() => reject(new Error('nats-server ended')));
    });
  try {
    let end = await start();
    return {
      url: `nats://127.0.0.1:${port}`,
      async restart() {
        await end();
        end = await start();
      },
      async stop() {
        await end();
        rmSync(folder, { recursive: true, force: true });
      },
    };
  } catch (error) {
    rmSync(folder, { recursive: true, force: true });
    return { missing: `no nats-server: ${(error as { code?: string }).code ?? 'it did not start'}` };
  }
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as { port: number };
      server.close(() => resolve(port));
    });
  });
}
