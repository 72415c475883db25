/**
 * Data keys that several processes share. A key is used for sealing only when it is this process's own and nobody else can have made it
 * (a new person's), or when it stands in the database: of two processes that make the key of a day at once, one takes the other's.
 */
import type { Seal, WrappedKey } from '../../../schemas/parts.ts';
import { dayKey, keyToId, personKey } from '../codec.ts';
import type { Row } from '../database.ts';
import type { Given } from './database.ts';

/** Runs a statement of its own transaction. */
export type Ask = (sql: string, values: readonly Given[]) => Promise<Row[]>;

export class KeyRing {
  readonly #seal: Seal;
  readonly #ask: Ask;
  readonly #known = new Set<string>();
  /** New keys that no commit has written yet. */
  #pending: WrappedKey[] = [];
  #busy: Promise<void> = Promise.resolve();

  constructor(seal: Seal, ask: Ask) {
    this.#seal = seal;
    this.#ask = ask;
  }

  /** Makes sure that each of these keys is one that every process uses; nothing to wait for when all are known. */
  ensure(names: Iterable<string>): Promise<void> | undefined {
    const missing = this.#missing(names);
    if (missing.length === 0) return undefined;
    return this.#inTurn(async () => {
      await this.#load(this.#missing(missing));
      const unmade = this.#missing(missing);
      if (unmade.length > 0) await this.#make(unmade);
    });
  }

  /** Fetches keys that other processes made, for opening; what is not there is told when the row is opened. */
  load(names: Iterable<string>): Promise<void> | undefined {
    const missing = this.#missing(names);
    return missing.length === 0 ? undefined : this.#inTurn(() => this.#load(this.#missing(missing)));
  }

  /** {@link KeyRing.load} for the keys that rows name. */
  loadFor(rows: readonly Row[]): Promise<void> | undefined {
    const names = new Set<string>();
    for (const row of rows) {
      if (!row.body) continue;
      if (typeof row.day === 'number') names.add(dayKey(row.day));
      else if (row.person) names.add(personKey(keyToId(row.person as Buffer)));
    }
    return this.load(names);
  }

  /** A key that only this process can have made. */
  own(name: string): void {
    this.#known.add(name);
  }

  /** New keys that the next commit must write. */
  pending(): readonly WrappedKey[] {
    const fresh = this.#seal.takeNewKeys();
    if (fresh.length > 0) this.#pending = [...this.#pending, ...fresh];
    return byName(this.#pending);
  }

  /** Those keys are in the database. */
  written(keys: readonly WrappedKey[]): void {
    const gone = new Set(keys.map((key) => key.name));
    this.#pending = this.#pending.filter((key) => !gone.has(key.name));
  }

  /** The key of a person was destroyed by another process. */
  shredded(names: readonly string[]): void {
    this.#seal.loadKeys(names.map((name) => ({ name, wrapped: Buffer.alloc(0) })));
  }

  #missing(names: Iterable<string>): string[] {
    return [...names].filter((name) => !this.#known.has(name));
  }

  async #load(names: readonly string[]): Promise<void> {
    if (names.length === 0) return;
    const rows = await this.#ask('SELECT name,wrapped FROM keys WHERE name = ANY($1::text[])', [names]);
    this.#seal.loadKeys(rows.map((row) => ({ name: row.name as string, wrapped: row.wrapped as Buffer })));
    for (const row of rows) this.#known.add(row.name as string);
  }

  /** Writes new keys at once; where another process was first, its key is taken. */
  async #make(names: readonly string[]): Promise<void> {
    for (const name of names) this.#seal.seal(name, 'keys', 'first use', Buffer.alloc(0));
    // Only these, and in order: the rest goes with the next group, which may be writing at this moment.
    const wanted = new Set(names);
    const keys = this.pending().filter((key) => wanted.has(key.name));
    const rows = await this.#ask(
      `INSERT INTO keys (name,wrapped) SELECT * FROM unnest($1::text[], $2::bytea[]) ON CONFLICT (name) DO NOTHING RETURNING name`,
      [keys.map((key) => key.name), keys.map((key) => key.wrapped)],
    );
    this.written(keys);
    const mine = new Set(rows.map((row) => row.name as string));
    await this.#load(keys.map((key) => key.name).filter((name) => !mine.has(name)));
    for (const name of names) this.#known.add(name);
  }

  #inTurn(work: () => Promise<void>): Promise<void> {
    const done = this.#busy.then(work);
    this.#busy = done.catch(() => undefined);
    return done;
  }
}

function byName(keys: readonly WrappedKey[]): WrappedKey[] {
  return [...keys].sort((a, b) => (a.name < b.name ? -1 : 1));
}
