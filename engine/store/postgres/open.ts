/** Opens a tenant's store in a schema of a PostgreSQL database, beside other processes that work on the same. */

import { hash } from 'node:crypto';
import knex from 'knex';
import { MixError } from '../../../schemas/errors/index.ts';
import type {
  ChangeNote,
  Changes,
  Clock,
  Job,
  JobBell,
  JobKind,
  JobNews,
  KeptMessage,
  Seal,
  Store,
} from '../../../schemas/parts.ts';
import { dayKey, dayOf, idToKey, personKey, unpackBody } from '../codec.ts';
import type { KeepResult } from '../group.ts';
import { Lane } from '../lane.ts';
import { Notes } from '../notes.ts';
import type { OpenedStore, StoreLimits } from '../open.ts';
import { findCandidates, readIndexRecordsByNumber } from '../read-index.ts';
import { type ReadParts, readMessages, readSteps } from '../read-messages.ts';
import { readSourceStats } from '../read-node.ts';
import { readEntries, readEntriesByKeys, readPersons, readPersonsByIdentifier } from '../read-records.ts';
import { ReadingStore } from '../reading.ts';
import { Recent } from '../recent.ts';
import { blocksQuery } from '../statements.ts';
import { makeCommitUnit, makeJobUnit, makeKeepUnit, nodeValueBody, userBody } from '../unit.ts';
import { PgBell } from './bell.ts';
import { PgConnection, PgReaders, type PostgresPlace } from './database.ts';
import { Leaser } from './jobs.ts';
import { KeyRing } from './keys.ts';
import { checkAudit, countWaiting, listJobs, readCounts } from './read-node.ts';
import { lockNumber, migrate } from './schema.ts';
import { holdsWords, reads } from './statements.ts';
import { type PartConnection, PgGroupWriter, readChain } from './write.ts';

export interface PostgresStoreOptions {
  /** `postgres://user:password@host:port/database?sslmode=verify-full`. */
  url: string;
  /** Schema of the tenant: small letters, digits and `_`, at most 48. */
  schema: string;
  seal: Seal;
  clock: Clock;
  limits?: Partial<StoreLimits>;
  /** Wakes the other processes; LISTEN and NOTIFY where it is not given. The store does not close it. */
  bell?: JobBell;
}

const defaults: StoreLimits = {
  unitsMax: 20_000,
  bytesMax: 256 * 1024 * 1024,
  groupUnitsMax: 256,
  groupBytesMax: 8 * 1024 * 1024,
  jobsMax: 200_000,
  // Leases of a process that lives are renewed; those of a killed one come back after this.
  leaseMs: 15_000,
  pagesMax: 0,
  recentMax: 4_096,
  recentBytesMax: 32 * 1024 * 1024,
  hotBytesMax: 0,
  readers: 4,
};

/** A job that was not heard of for so long is given again, also when its process lives. */
const leaseLongestMs = 300_000;
/** Writers of one tenant at once; a process has two. */
const partsMax = 256;
/** Each read is a way over the network and back, so a few go side by side. */
const readersMin = 4;
/** Messages of which it is remembered that this process leased them. */
const mineMax = 50_000;
/** How old a count of the waiting jobs may be. */
const countEveryMs = 500;
/** Jobs that became ready unheard are found after this. */
const lookEveryMs = 1_000;

/**
 * Opens the store: migrates the schema, takes a part of the audit and of the counts for this process, and listens for what others do.
 * Errors: `store.newer`, `store.unreachable`, `store.failed`, and `seal.broken` when the key file is not this store's.
 */
export async function openPostgresStore(options: PostgresStoreOptions): Promise<OpenedStore> {
  const place: PostgresPlace = { url: options.url, schema: options.schema };
  await migrate(place);
  const leasing = new Reconnecting(place);
  try {
    const connection = await leasing.get();
    const [process] = await connection.all(`SELECT nextval('processes') AS value`);
    const store = new PostgresStore(options, place, leasing, process!.value as number);
    await store.begin();
    return store;
  } catch (error) {
    await leasing.close();
    throw error;
  }
}

/** Values are numbered on PostgreSQL. */
const pgBlocks = (count: number): string =>
  blocksQuery(count, (at) => (at % 2 === 0 ? `$${at}::bigint` : `$${at}::bytea`));

/** A connection that is opened again when it was lost. */
class Reconnecting {
  readonly #place: PostgresPlace;
  #connection: Promise<PgConnection> | undefined;
  #closed = false;

  constructor(place: PostgresPlace) {
    this.#place = place;
  }

  async get(): Promise<PgConnection> {
    if (this.#closed) throw new MixError('store.closed');
    const known = await this.#connection?.catch(() => undefined);
    if (known && !known.lost) return known;
    const opening = PgConnection.open(this.#place);
    this.#connection = opening;
    return opening;
  }

  async close(): Promise<void> {
    this.#closed = true;
    const known = await this.#connection?.catch(() => undefined);
    await known?.close();
  }
}

class PostgresStore extends ReadingStore implements OpenedStore {
  readonly #options: PostgresStoreOptions;
  readonly #place: PostgresPlace;
  readonly #limits: StoreLimits;
  readonly #keys: KeyRing;
  readonly #readers: PgReaders;
  protected readonly reads: ReadParts;
  /** New messages do not wait for what work writes, and keep their order among themselves. */
  readonly #keeping: Lane;
  readonly #lane: Lane;
  readonly #recent: Recent;
  readonly #notes: Notes;
  readonly #leasing: Reconnecting;
  readonly #leaser: Leaser;
  readonly #bell: JobBell;
  readonly #own: PgBell;
  readonly #waiters = new Set<() => void>();
  /** Messages that this process leased: nobody else changes them meanwhile. */
  readonly #mine = new Set<string>();
  /** Kinds of which a look found nothing; it holds until somebody rings, until time makes a job ready, and no longer than `lookAt`. */
  readonly #empty = new Map<JobKind, { dueAt: number; lookAt: number }>();
  /** Counts the times that jobs may have become ready. */
  #moved = 0;
  readonly #writing = new Set<PgConnection>();
  #counted = { at: 0, waiting: 0, busy: false };
  #renewing: NodeJS.Timeout | undefined;
  #closing: Promise<void> | undefined;

  constructor(options: PostgresStoreOptions, place: PostgresPlace, leasing: Reconnecting, holder: number) {
    super();
    const { seal } = options;
    this.#options = options;
    this.#place = place;
    this.#limits = { ...defaults, ...options.limits };
    this.#leasing = leasing;
    this.#keys = new KeyRing(seal, async (sql, values) => (await leasing.get()).all(sql, values));
    this.#readers = new PgReaders(place, Math.max(readersMin, this.#limits.readers), (rows) =>
      this.#keys.loadFor(rows),
    );
    const build = knex({ client: 'pg' });
    this.reads = { readers: this.#readers, sql: reads, holds: holdsWords, blocks: pgBlocks, seal, build };
    this.#recent = new Recent(this.#limits.recentMax, this.#limits.recentBytesMax);
    this.#notes = new Notes(this.reads, this.#recent);
    this.#own = new PgBell(place, holder, (name) => void this.#forget(name));
    this.#bell = options.bell ?? this.#own;
    this.#leaser = new Leaser(() => leasing.get(), {
      holder,
      lock: lockNumber(place.schema, 'lease'),
      leaseMs: this.#limits.leaseMs,
      longestMs: Math.max(leaseLongestMs, this.#limits.leaseMs),
    });
    const writer = (): PgGroupWriter =>
      new PgGroupWriter({
        connect: (before) => this.#openPart(before),
        keys: this.#keys,
        schema: place.schema,
        jobsMoved: (news, more) => this.#jobsMoved(news, more),
        kept: (unit, conflict) => {
          const message = conflict ? { ...unit.message, conflict } : unit.message;
          if (unit.job) this.#recent.put(message);
          this.#notes.kept(message);
        },
        committed: (unit) => {
          this.#notes.committed(unit);
          if (!unit.message) return;
          this.#recent.drop(unit.message.text);
          this.#mine.delete(unit.message.text);
        },
      });
    const lane = (): Lane => new Lane(writer(), this.#limits, () => this.#notes.tell());
    this.#keeping = lane();
    this.#lane = lane();
  }

  /** What must be done before the first call. */
  async begin(): Promise<void> {
    await this.#keys.ensure(['tenant', dayKey(dayOf(this.#options.clock.now()))]);
    await this.#own.open();
    this.#notes.listen((note) => this.#own.changed(note));
    this.#bell.onRing((news) => this.#wake(news.kinds));
    this.#renewing = setInterval(() => {
      this.#leaser.renew(this.#options.clock.now()).catch(() => undefined);
    }, this.#limits.leaseMs / 3);
    this.#renewing.unref();
  }

  async keep(
    message: KeptMessage,
    terms: Parameters<Store['keep']>[1],
    job: Parameters<Store['keep']>[2],
    options: { identityIsUnique: boolean },
  ): ReturnType<Store['keep']> {
    this.#keeping.requireRoom();
    if (job) this.#requireJobRoom();
    const keys = this.#keys.ensure([dayKey(dayOf(message.receivedAt))]);
    if (keys) await keys;
    const unit = makeKeepUnit(this.#options.seal, message, terms, job, options.identityIsUnique);
    const result: KeepResult | undefined = await this.#keeping.submit(
      { kind: 'keep', keep: unit },
      unit.body.length + 512,
    );
    if (result === undefined || result.outcome === 'kept') return { outcome: 'kept' };
    const first = (await readMessages(this.reads, [result.firstId]))[0];
    // A pruned message leaves its identity behind: it is known, but its answer is gone.
    if (!first)
      return { outcome: result.outcome, first: { id: result.firstId, ackCode: message.ackCode, ack: message.ack } };
    return { outcome: result.outcome, first: { id: first.id, ackCode: first.ackCode, ack: first.ack } };
  }

  async commit(changes: Parameters<Store['commit']>[0]): Promise<void> {
    this.#lane.requireRoom();
    const now = this.#options.clock.now();
    const keys = this.#keys.ensure(this.#keysOf(changes, now));
    if (keys) await keys;
    const unit = makeCommitUnit(this.#options.seal, changes, now);
    let bytes = 1_024 + (changes.received?.answer.length ?? 0);
    for (const entry of unit.entries) bytes += (entry.row[11] as Buffer).length + 256;
    for (const document of unit.documents) bytes += (document.row[9] as Buffer).length;
    await this.#lane.submit({ kind: 'commit', commit: unit }, bytes);
  }

  async lease(kinds: JobKind[], limit: number): Promise<Job[]> {
    const now = this.#options.clock.now();
    const asked = kinds.filter((kind) => !this.#isEmpty(kind, now));
    if (asked.length === 0) return [];
    const moved = this.#moved;
    const at = performance.now();
    const { jobs, dueAt } = await this.#leaser.lease(asked, limit, now);
    if (this.#mine.size > mineMax) this.#mine.clear();
    for (const job of jobs) if (job.kind === 'process') this.#mine.add(job.subject);
    if (jobs.length < limit) {
      // Whoever rang meanwhile may have been too late for this look.
      if (moved === this.#moved) for (const kind of asked) this.#empty.set(kind, { dueAt, lookAt: at + lookEveryMs });
    }
    return jobs;
  }

  waitForJobs(ms: number): Promise<void> {
    const now = this.#options.clock.now();
    let wait = Math.min(ms, lookEveryMs);
    for (const { dueAt } of this.#empty.values()) wait = Math.min(wait, Math.max(0, dueAt - now));
    return new Promise((resolve) => {
      const wake = () => {
        clearTimeout(timer);
        this.#waiters.delete(wake);
        resolve();
      };
      const timer = setTimeout(wake, wait);
      this.#waiters.add(wake);
    });
  }

  async requeue(job: Omit<Job, 'attempts' | 'fence'>): Promise<void> {
    const unit = makeJobUnit(this.#options.seal, job);
    const subject = idToKey(job.subject);
    const message = job.kind === 'process' ? subject : undefined;
    await this.#lane.submit({ kind: 'requeue', job: unit, subject, message }, 1_024);
  }

  jobs(query: Parameters<Store['jobs']>[0]): ReturnType<Store['jobs']> {
    return listJobs(this.reads, query);
  }

  async message(id: string): Promise<KeptMessage | undefined> {
    return (await readMessages(this.reads, [id]))[0];
  }

  async messagesOf(ids: string[]): Promise<KeptMessage[]> {
    const here = new Map<string, KeptMessage>();
    for (const id of ids) {
      const message = this.#mine.has(id) ? this.#recent.get(id) : undefined;
      if (message) here.set(id, message);
    }
    const missing = ids.filter((id) => !here.has(id));
    if (missing.length > 0)
      for (const message of await readMessages(this.reads, missing)) here.set(message.id, message);
    return ids.flatMap((id) => here.get(id) ?? []);
  }

  async steps(messageId: string): ReturnType<Store['steps']> {
    const message = await this.message(messageId);
    return message ? readSteps(this.reads, message) : [];
  }

  personsByIdentifier(ids: { system: string; value: string }[]): Promise<Map<string, string>> {
    return readPersonsByIdentifier(this.reads, ids);
  }

  async person(id: string): ReturnType<Store['person']> {
    return (await readPersons(this.reads, [id])).get(id);
  }

  personsOf(ids: string[]): ReturnType<Store['personsOf']> {
    return readPersons(this.reads, ids);
  }

  async entriesByKey(personId: string, keys: string[]): ReturnType<Store['entriesByKey']> {
    return (await readEntriesByKeys(this.reads, [{ personId, keys }]))[0]!;
  }

  entriesByKeys(wanted: { personId: string; keys: string[] }[]): ReturnType<Store['entriesByKeys']> {
    return readEntriesByKeys(this.reads, wanted);
  }

  entries(personId: string, options: { removed?: boolean; limit?: number } = {}): ReturnType<Store['entries']> {
    return readEntries(this.reads, personId, options);
  }

  indexCandidates(keys: string[], limits: { block: number; most: number }): ReturnType<Store['indexCandidates']> {
    return findCandidates(this.reads, keys, limits);
  }

  indexRecordsByNumber(numbers: { system: string; value: string }[]): ReturnType<Store['indexRecordsByNumber']> {
    return readIndexRecordsByNumber(this.reads, numbers);
  }

  sourceStats(): ReturnType<Store['sourceStats']> {
    return readSourceStats(this.reads, this.#options.clock.now());
  }

  counts(): ReturnType<Store['counts']> {
    return readCounts(this.reads, this.#place.schema);
  }

  async user(id: string): ReturnType<Store['user']> {
    const row = await this.#readers.first(reads.user, [id]);
    return row && JSON.parse(unpackBody(this.#options.seal.open('tenant', 'users', id, row.body as Buffer)).toString());
  }

  async putUser(user: Parameters<Store['putUser']>[0]): Promise<void> {
    const body = userBody(this.#options.seal, user);
    await this.#lane.submit({ kind: 'row', table: 'users', row: [user.id, body] }, body.length);
  }

  async getValue(name: string): Promise<Buffer | undefined> {
    const row = await this.#readers.first(reads.nodeValue, [name]);
    return row && unpackBody(this.#options.seal.open('tenant', 'node_values', name, row.body as Buffer));
  }

  async putValue(name: string, value: Buffer): Promise<void> {
    const body = nodeValueBody(this.#options.seal, name, value);
    await this.#lane.submit({ kind: 'row', table: 'nodeValues', row: [name, body] }, body.length);
  }

  onChange(listener: (note: ChangeNote) => void): () => void {
    const stopHere = this.#notes.listen(listener);
    const stopThere = this.#own.onChanged(listener);
    return () => {
      stopHere();
      stopThere();
    };
  }

  onOthers(listener: (note: ChangeNote) => void): () => void {
    return this.#own.onChanged(listener);
  }

  checkAudit(): Promise<{ rows: number; broken?: number }> {
    return checkAudit(this.reads);
  }

  async shredPerson(id: string): Promise<void> {
    const name = personKey(id);
    await this.#lane.submit({ kind: 'row', table: 'keysGone', row: [name] }, 256);
    await this.#lane.submit({ kind: 'row', table: 'indexForgotten', row: [idToKey(id)] }, 256);
    this.#keys.shredded([name]);
    this.#own.shredded(name);
    // Takes the row's older copy out of the table. The server's log keeps it until the log is recycled (docs: threat model).
    await (await this.#leasing.get()).all('VACUUM keys');
  }

  written(): { groups: number; units: number } {
    const [kept, worked] = [this.#keeping.written, this.#lane.written];
    return { groups: kept.groups + worked.groups, units: kept.units + worked.units };
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    await Promise.all([this.#keeping.close(), this.#lane.close()]);
    clearInterval(this.#renewing);
    for (const wake of [...this.#waiters]) wake();
    await this.#notes.close();
    await this.#leaser.release().catch(() => undefined);
    await this.#own.close();
    await this.#readers.close();
    for (const connection of this.#writing) await connection.close();
    await this.#leasing.close();
  }

  /** Nothing was there at the last look, nobody rang since, and time alone made nothing ready. */
  #isEmpty(kind: JobKind, now: number): boolean {
    const empty = this.#empty.get(kind);
    return empty !== undefined && now < empty.dueAt && performance.now() < empty.lookAt;
  }

  #jobsMoved(news: JobNews, more: number): void {
    this.#counted.waiting += more;
    this.#wake(news.kinds);
    this.#bell.ring(news);
  }

  #wake(kinds: readonly JobKind[]): void {
    this.#moved++;
    if (kinds.length === 0) this.#empty.clear();
    for (const kind of kinds) this.#empty.delete(kind);
    for (const wake of [...this.#waiters]) wake();
  }

  /** Keys of other processes that were destroyed: one, or all when some may have been missed. */
  async #forget(name: string | undefined): Promise<void> {
    if (name !== undefined) {
      this.#keys.shredded([name]);
      return;
    }
    const rows = await this.#readers.all(`SELECT name FROM keys WHERE wrapped = ''`).catch(() => []);
    this.#keys.shredded(rows.map((row) => row.name as string));
  }

  /** Throws `store.busy` when too much waits; the count may be half a second old. */
  #requireJobRoom(): void {
    const { at, waiting, busy } = this.#counted;
    if (!busy && performance.now() - at > countEveryMs) {
      this.#counted.busy = true;
      countWaiting(this.reads)
        .then((count) => {
          this.#counted = { at: performance.now(), waiting: count, busy: false };
        })
        .catch(() => {
          this.#counted.busy = false;
        });
    }
    if (waiting >= this.#limits.jobsMax) throw new MixError('store.busy', { detail: 'waiting jobs' });
  }

  /** Names of the keys that these changes are sealed under, but those of persons that they make. */
  #keysOf(changes: Changes, now: number): Set<string> {
    const names = new Set<string>([dayKey(dayOf(now))]);
    for (const entry of changes.audit ?? []) names.add(dayKey(dayOf(entry.at)));
    for (const { person, expect } of changes.persons ?? []) {
      if (expect === 0) this.#keys.own(personKey(person.id));
      else names.add(personKey(person.id));
    }
    for (const { entry } of changes.entries ?? []) names.add(personKey(entry.personId));
    for (const document of changes.documents ?? []) names.add(personKey(document.personId));
    for (const { item } of changes.index?.items ?? []) names.add(personKey(item.personId));
    for (const event of changes.index?.events ?? []) names.add(personKey(event.personId));
    return names;
  }

  /** A connection that holds a part no other process has: its audit chain and its counts. Errors: `store.busy` when all are taken. */
  async #openPart(before: PgConnection | undefined): Promise<PartConnection> {
    if (before) {
      this.#writing.delete(before);
      await before.close();
    }
    const connection = await PgConnection.open(this.#place);
    this.#writing.add(connection);
    const group = hash('sha256', `part|${this.#place.schema}`, 'buffer').readInt32BE(0);
    const [row] = await connection.all(
      'SELECT p AS part FROM generate_series(0, $2::int - 1) AS p WHERE pg_try_advisory_lock($1::int, p) LIMIT 1',
      [group, partsMax],
    );
    if (!row) throw new MixError('store.busy', { detail: `${partsMax} writers` });
    const part = row.part as number;
    const chain = await readChain(connection, part);
    return { connection, part, auditNumber: chain.number, auditHash: chain.hash };
  }
}
