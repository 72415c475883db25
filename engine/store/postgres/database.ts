/** Connections to PostgreSQL: pipelined, prepared statements that are kept, and errors without values in them. */
import pg from 'pg';
import { type FaultCode, MixError } from '../../../schemas/errors/index.ts';
import type { Asker, Row, Value } from '../database.ts';

/** A value or a list of values as the driver takes them. */
export type Given = Value | readonly Value[];

export interface PostgresPlace {
  /** `postgres://user:password@host:port/database?sslmode=verify-full`; the password never leaves this object. */
  url: string;
  /** Schema of the tenant; made when it is not there. */
  schema: string;
}

const schemaForm = /^[a-z_][a-z0-9_]{0,47}$/;
const connectMs = 10_000;
const waitMs = 30_000;

/** Numbers as numbers: every count and time of ours is a safe integer. */
const types: pg.CustomTypesConfig = {
  getTypeParser: (oid, format) =>
    Number(oid) === pg.types.builtins.INT8
      ? Number
      : (pg.types.getTypeParser(oid, format) as (text: string) => unknown),
};

/** SQLSTATE of failures after which the same transaction may go through. */
const again = new Set(['40001', '40P01']);

/** Is it a failure after which the same transaction may go through? */
export function isPassing(error: unknown): boolean {
  return again.has((error as { code?: string }).code ?? '');
}

const classes: readonly [RegExp, FaultCode][] = [
  [/^53100$/, 'store.full'],
  [/^(53|55P03|57014|40)/, 'store.busy'],
  [/^(08|57P|25P03)/, 'store.unreachable'],
  [/^23/, 'store.conflict'],
];

/** An error of the driver as one of ours. Its text may hold values of a row and is left out; the code alone stays. */
export function faultOf(error: unknown): MixError {
  if (error instanceof MixError) return error;
  const code = (error as { code?: unknown }).code;
  // What has no code, or one of the operating system's, is a connection that is gone.
  if (typeof code !== 'string' || !/^[0-9A-Z]{5}$/.test(code))
    return new MixError('store.unreachable', { detail: typeof code === 'string' ? code : 'connection lost' });
  const ours = classes.find(([form]) => form.test(code))?.[1] ?? 'store.failed';
  return new MixError(ours, { detail: code });
}

/** The way to the database as the driver wants it. Errors: `store.failed` for a schema of another form. */
export function clientConfig(place: PostgresPlace, use: 'write' | 'read' | 'listen'): pg.ClientConfig {
  if (!schemaForm.test(place.schema)) throw new MixError('store.failed', { detail: 'form of the schema' });
  const wait = use === 'read' ? '-c default_transaction_read_only=on' : '-c idle_in_transaction_session_timeout=30000';
  return {
    connectionString: place.url,
    application_name: `mix-hie ${use}`,
    connectionTimeoutMillis: connectMs,
    keepAlive: true,
    types,
    pipeline: use !== 'read',
    // An acknowledgment is a promise that survives a power cut, whatever the server's default is.
    options: `-c search_path=${place.schema} -c synchronous_commit=on -c lock_timeout=30000 ${wait}`,
  } as pg.ClientConfig;
}

const names = new Map<string, string>();

/** A statement's name for the server, so that it is planned once a connection. */
function nameOf(sql: string): string {
  let name = names.get(sql);
  if (name === undefined) {
    name = `mix${names.size}`;
    names.set(sql, name);
  }
  return name;
}

function queryOf(sql: string, values: readonly Given[]): pg.QueryConfig {
  return { name: nameOf(sql), text: sql, values: values as unknown[] };
}

/** One connection; its statements go out without waiting for one another's answers. */
export class PgConnection {
  readonly #client: pg.Client;
  #lost = false;

  private constructor(client: pg.Client) {
    this.#client = client;
    // A lost connection is told by what is asked next.
    client.on('error', () => {
      this.#lost = true;
    });
    client.on('end', () => {
      this.#lost = true;
    });
  }

  static async open(place: PostgresPlace): Promise<PgConnection> {
    const client = new pg.Client(clientConfig(place, 'write'));
    const connection = new PgConnection(client);
    try {
      await client.connect();
    } catch (error) {
      throw faultOf(error);
    }
    return connection;
  }

  get lost(): boolean {
    return this.#lost;
  }

  /** Rows of a statement, with the driver's own error when it fails. */
  async raw(sql: string, values: readonly Given[] = []): Promise<Row[]> {
    return (await this.#client.query<Row>(queryOf(sql, values))).rows;
  }

  async all(sql: string, values: readonly Given[] = []): Promise<Row[]> {
    try {
      return await this.raw(sql, values);
    } catch (error) {
      throw faultOf(error);
    }
  }

  /** Sends statements at once and waits for all; gives the first failure when there is one. */
  async together(statements: readonly { sql: string; values: readonly Given[] }[]): Promise<Row[][]> {
    const results = await Promise.allSettled(statements.map(({ sql, values }) => this.raw(sql, values)));
    return results.map((result) => {
      if (result.status === 'rejected') throw result.reason;
      return result.value;
    });
  }

  async close(): Promise<void> {
    await this.#client.end().catch(() => undefined);
  }
}

/** Connections that read, taken from a pool. Calls `before` with the rows before they are given, for the keys that they need. */
export class PgReaders implements Asker {
  readonly #pool: pg.Pool;
  readonly #before: (rows: readonly Row[]) => Promise<void> | undefined;

  constructor(place: PostgresPlace, count: number, before: (rows: readonly Row[]) => Promise<void> | undefined) {
    // For the pool the limit is that of waiting for a connection that is free.
    const config = { ...clientConfig(place, 'read'), connectionTimeoutMillis: waitMs };
    this.#pool = new pg.Pool({ ...config, max: count, idleTimeoutMillis: 60_000 });
    // Idle connections that break are opened anew.
    this.#pool.on('error', () => undefined);
    this.#before = before;
  }

  async all(sql: string, values: readonly Given[] = []): Promise<Row[]> {
    let rows: Row[];
    try {
      rows = (await this.#pool.query<Row>(queryOf(sql, values))).rows;
    } catch (error) {
      throw faultOf(error);
    }
    const keys = this.#before(rows);
    if (keys) await keys;
    return rows;
  }

  async first(sql: string, values: readonly Given[] = []): Promise<Row | undefined> {
    return (await this.all(sql, values))[0];
  }

  async allOf(sqlOf: () => string, keys: readonly (readonly Value[])[]): Promise<Row[]> {
    return keys.length === 0 ? [] : this.all(sqlOf(), columnsOf(keys));
  }

  async close(): Promise<void> {
    await this.#pool.end().catch(() => undefined);
  }
}

/** Keys as a list a column, for `unnest` and `= ANY`. */
export function columnsOf(keys: readonly (readonly Value[])[]): Value[][] {
  const width = keys[0]?.length ?? 0;
  return Array.from({ length: width }, (_, i) => keys.map((key) => key[i] ?? null));
}
