/** Connections to SQLite: promises, prepared statements that are kept, and errors without values in them. */
import sqlite3 from 'sqlite3';
import { type FaultCode, MixError } from '../../schemas/errors/index.ts';
import { fencedText } from './statements.ts';

export type Value = string | number | Buffer | null;
export type Row = Record<string, Value>;

/** Prepared statements kept a connection. */
const statementsMax = 400;

/**
 * An error of the driver as one of ours. Its text may hold values of a row and is left out; the code alone stays.
 */
export function faultOf(error: unknown): MixError {
  if (error instanceof MixError) return error;
  if (error instanceof Error && error.message.includes(fencedText))
    return new MixError('store.fenced', { detail: 'another process opened the store' });
  const code = (error as { code?: unknown }).code;
  const name = typeof code === 'string' ? code : 'unknown';
  const ours: FaultCode =
    name === 'SQLITE_FULL' || name === 'ENOSPC'
      ? 'store.full'
      : name === 'SQLITE_BUSY' || name === 'SQLITE_LOCKED'
        ? 'store.busy'
        : name === 'SQLITE_CONSTRAINT'
          ? 'store.conflict'
          : 'store.failed';
  return new MixError(ours, { detail: name });
}

export class Connection {
  readonly #database: sqlite3.Database;
  readonly #statements = new Map<string, sqlite3.Statement>();

  private constructor(database: sqlite3.Database) {
    this.#database = database;
  }

  static open(file: string, mode: 'write' | 'read'): Promise<Connection> {
    const flags = mode === 'write' ? sqlite3.OPEN_READWRITE | sqlite3.OPEN_CREATE : sqlite3.OPEN_READONLY;
    return new Promise((resolve, reject) => {
      const database = new sqlite3.Database(file, flags, (error) => {
        if (error) reject(faultOf(error));
        else resolve(new Connection(database));
      });
    });
  }

  exec(sql: string): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#database.exec(sql, (error) => (error ? reject(faultOf(error)) : resolve()));
    });
  }

  /** Rows changed. */
  run(sql: string, values: readonly Value[] = []): Promise<number> {
    const statement = this.#prepared(sql);
    return new Promise((resolve, reject) => {
      statement.run(values, function done(this: sqlite3.RunResult, error: Error | null) {
        if (error) reject(faultOf(error));
        else resolve(this.changes);
      });
    });
  }

  all(sql: string, values: readonly Value[] = []): Promise<Row[]> {
    const statement = this.#prepared(sql);
    return new Promise((resolve, reject) => {
      statement.all<Row>(values, (error, rows) => (error ? reject(faultOf(error)) : resolve(rows)));
    });
  }

  async first(sql: string, values: readonly Value[] = []): Promise<Row | undefined> {
    return (await this.all(sql, values))[0];
  }

  async close(): Promise<void> {
    for (const statement of this.#statements.values()) {
      await new Promise<void>((resolve) => {
        statement.finalize(() => resolve());
      });
    }
    this.#statements.clear();
    await new Promise<void>((resolve, reject) => {
      this.#database.close((error) => (error ? reject(faultOf(error)) : resolve()));
    });
  }

  #prepared(sql: string): sqlite3.Statement {
    const known = this.#statements.get(sql);
    if (known) return known;
    if (this.#statements.size >= statementsMax) {
      for (const [oldest, statement] of this.#statements) {
        this.#statements.delete(oldest);
        // Queued behind what the statement still has to do.
        statement.finalize();
        break;
      }
    }
    // A failed preparation is told by the first use.
    const statement = this.#database.prepare(sql, () => {});
    this.#statements.set(sql, statement);
    return statement;
  }
}

/** Asks a database: what the reads need of any. */
export interface Asker {
  all(sql: string, values?: readonly Value[]): Promise<Row[]>;
  first(sql: string, values?: readonly Value[]): Promise<Row | undefined>;
  /** Rows for a list of keys of any length. */
  allOf(sqlOf: () => string, keys: readonly (readonly Value[])[]): Promise<Row[]>;
}

/** Readers that take turns; WAL lets them read beside the writer. */
export class Readers implements Asker {
  readonly #connections: Connection[];
  #turn = 0;

  constructor(connections: Connection[]) {
    this.#connections = connections;
  }

  all(sql: string, values: readonly Value[] = []): Promise<Row[]> {
    return this.#next().all(sql, values);
  }

  first(sql: string, values: readonly Value[] = []): Promise<Row | undefined> {
    return this.#next().first(sql, values);
  }

  async allOf(sqlOf: () => string, keys: readonly (readonly Value[])[]): Promise<Row[]> {
    return keys.length === 0 ? [] : this.all(sqlOf(), [packKeys(keys)]);
  }

  async close(): Promise<void> {
    for (const connection of this.#connections) await connection.close();
  }

  #next(): Connection {
    this.#turn = (this.#turn + 1) % this.#connections.length;
    return this.#connections[this.#turn]!;
  }
}

/**
 * Rows as the two values of a write: a JSON array of rows, and one buffer with the bytes of all. In place of each bytes value stand its
 * place (1-based) and its length. The driver takes a microsecond and a trip for each value and statement that it is given, so a table's
 * rows travel as one statement of two values, whatever their number.
 */
export function packRows(rows: readonly (readonly Value[])[], blobs: readonly boolean[]): Value[] {
  const bytes: Buffer[] = [];
  const packed: (string | number | null)[][] = [];
  let at = 1;
  for (const row of rows) {
    const values: (string | number | null)[] = [];
    for (let i = 0; i < row.length; i++) {
      const value = row[i]!;
      if (!blobs[i]) values.push(value as string | number | null);
      else if (value === null) values.push(null, null);
      else {
        const blob = value as Buffer;
        bytes.push(blob);
        values.push(at, blob.length);
        at += blob.length;
      }
    }
    packed.push(values);
  }
  const text = JSON.stringify(packed);
  return blobs.includes(true) ? [text, Buffer.concat(bytes, at - 1)] : [text];
}

/** Keys as one JSON array: bytes as hexadecimal texts, a key of several values as an array of its own. */
export function packKeys(keys: readonly (readonly Value[])[]): string {
  const plain = (value: Value | undefined): string | number | null =>
    Buffer.isBuffer(value) ? value.toString('hex') : (value ?? null);
  return JSON.stringify(keys.map((key) => (key.length === 1 ? plain(key[0]) : key.map(plain))));
}
