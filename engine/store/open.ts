/** Opens a tenant's store on one SQLite file. */

import knex from 'knex';
import { MixError } from '../../schemas/errors/index.ts';
import type { ChangeNote, Clock, Job, KeptMessage, Seal, Store } from '../../schemas/parts.ts';
import { chainStart } from './audit-chain.ts';
import { Board, jobOf } from './board.ts';
import { idToKey, personKey, unpackBody } from './codec.ts';
import { Connection, Readers, type Row } from './database.ts';
import { type Counters, jobOfRow, type KeepResult } from './group.ts';
import { Hot } from './hot.ts';
import { Lane, type LaneLimits } from './lane.ts';
import { Notes } from './notes.ts';
import { BoardJobs } from './plan-jobs.ts';
import { findEntriesByKeys, findPersons, findPersonsByIdentifier } from './read-hot.ts';
import { findCandidates, readIndexRecordsByNumber } from './read-index.ts';
import { type ReadParts, readMessages, readSteps } from './read-messages.ts';
import { checkAudit, listJobs, readCounts, readSourceStats } from './read-node.ts';
import { readEntries, readPersons } from './read-records.ts';
import { ReadingStore } from './reading.ts';
import { Recent } from './recent.ts';
import { migrate } from './schema.ts';
import { blocksQuery, holdsWords, lane, reads } from './statements.ts';
import { makeCommitUnit, makeJobUnit, makeKeepUnit, nodeValueBody, userBody } from './unit.ts';
import { GroupWriter } from './write.ts';

export interface StoreLimits extends LaneLimits {
  /** Jobs that may wait before new messages are refused with `store.busy`. */
  jobsMax: number;
  /** After this a leased job is given again, in ms. */
  leaseMs: number;
  /** Pages of 8 KiB that the file may grow to; 0 for no limit but the disk. */
  pagesMax: number;
  /** Just kept messages that stay in memory for their job: how many, and their bytes. */
  recentMax: number;
  recentBytesMax: number;
  /** Bytes of persons written lately that stay in memory for the next message about them. */
  hotBytesMax: number;
  readers: number;
}

const defaults: StoreLimits = {
  unitsMax: 20_000,
  bytesMax: 256 * 1024 * 1024,
  groupUnitsMax: 256,
  groupBytesMax: 8 * 1024 * 1024,
  jobsMax: 200_000,
  leaseMs: 300_000,
  pagesMax: 0,
  recentMax: 4_096,
  recentBytesMax: 32 * 1024 * 1024,
  hotBytesMax: 48 * 1024 * 1024,
  readers: 2,
};

export interface StoreOptions {
  /** Path of the database file; made when it is not there. */
  file: string;
  seal: Seal;
  clock: Clock;
  limits?: Partial<StoreLimits>;
}

/** A {@link Store} with what only the node's keeper needs. */
export interface OpenedStore extends Store {
  /** Walks the audit's hash chain; `broken` is the first row that does not follow. */
  checkAudit(): Promise<{ rows: number; broken?: number }>;
  /** Destroys the key of a person: the record and the documents can never be read again. */
  shredPerson(id: string): Promise<void>;
  /** Transactions of the commit lane since the store was opened, and the units of work in them. */
  written(): { groups: number; units: number };
}

/** Fences of one process; a later process begins above them. */
const fencesAnEpoch = 1_000_000_000;

/**
 * Opens the store: migrates the file, takes over the jobs of an earlier process and fences that process.
 * Errors: `store.newer`, `store.failed`, and `seal.broken` when the key file is not this store's.
 */
export async function openStore(options: StoreOptions): Promise<OpenedStore> {
  const limits = { ...defaults, ...options.limits };
  await migrate(options.file);
  const writer = await Connection.open(options.file, 'write');
  await writer.exec(`PRAGMA busy_timeout=5000; PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON;
    PRAGMA cache_size=-65536; PRAGMA wal_autocheckpoint=2000; PRAGMA temp_store=MEMORY; PRAGMA secure_delete=FAST;`);
  await writer.exec(lane.prepare);
  if (limits.pagesMax > 0) await writer.exec(`PRAGMA max_page_count=${Math.floor(limits.pagesMax)}`);
  const counters = await takeOver(writer);
  const keys = await writer.all('SELECT name,wrapped FROM keys');
  options.seal.loadKeys(keys.map((row) => ({ name: row.name as string, wrapped: row.wrapped as Buffer })));
  const board = new Board(counters.epoch * fencesAnEpoch, limits.leaseMs);
  for (const row of await writer.all(`SELECT * FROM jobs WHERE state = 'ready' OR blocks = 1 ORDER BY seq`)) {
    board.add(jobOfRow(row), row.state as 'ready' | 'parked');
  }
  const readers: Connection[] = [];
  for (let i = 0; i < limits.readers; i++) {
    const reader = await Connection.open(options.file, 'read');
    await reader.exec('PRAGMA busy_timeout=5000; PRAGMA cache_size=-16384; PRAGMA query_only=ON;');
    readers.push(reader);
  }
  return new SqliteStore({ options, limits, writer, readers: new Readers(readers), board, counters });
}

/** A new epoch, so that an older process can not write any more, and the numbers that the next rows get. */
async function takeOver(writer: Connection): Promise<Counters> {
  await writer.run(`UPDATE tallies SET value = value + 1 WHERE name = 'epoch'`);
  const one = async (sql: string): Promise<number> => ((await writer.first(sql))?.value as number | null) ?? 0;
  const epoch = await one(`SELECT value FROM tallies WHERE name = 'epoch'`);
  const last = await writer.first('SELECT hash FROM audit ORDER BY seq DESC LIMIT 1');
  return {
    epoch,
    message: (await one('SELECT max(seq) AS value FROM messages')) + 1,
    person: (await one('SELECT max(seq) AS value FROM persons')) + 1,
    job: (await one('SELECT max(seq) AS value FROM jobs')) + 1,
    audit: (await one('SELECT max(seq) AS value FROM audit')) + 1,
    run: epoch * fencesAnEpoch,
    stamp: (await one('SELECT max(stamp) AS value FROM index_records')) + 1,
    part: 0,
    auditHash: (last?.hash as Buffer | undefined) ?? chainStart,
  };
}

interface Opened {
  options: StoreOptions;
  limits: StoreLimits;
  writer: Connection;
  readers: Readers;
  board: Board;
  counters: Counters;
}

class SqliteStore extends ReadingStore implements OpenedStore {
  readonly #opened: Opened;
  protected readonly reads: ReadParts;
  readonly #lane: Lane;
  readonly #recent: Recent;
  readonly #hot: Hot;
  readonly #notes: Notes;
  readonly #waiters = new Set<() => void>();
  /** Messages on their way in, which will be jobs soon. */
  #arriving = 0;
  #closing: Promise<void> | undefined;

  constructor(opened: Opened) {
    super();
    const { options, limits, writer, readers, board, counters } = opened;
    this.#opened = opened;
    this.reads = {
      readers,
      sql: reads,
      holds: holdsWords,
      blocks: blocksQuery,
      seal: options.seal,
      build: knex({ client: 'sqlite3', useNullAsDefault: true }),
    };
    this.#recent = new Recent(limits.recentMax, limits.recentBytesMax);
    this.#notes = new Notes(this.reads, this.#recent);
    this.#hot = new Hot(limits.hotBytesMax);
    const groups = new GroupWriter(
      {
        connection: writer,
        seal: options.seal,
        hot: this.#hot,
        jobs: new BoardJobs(board),
        kept: (unit, conflict) => {
          const message = conflict ? { ...unit.message, conflict } : unit.message;
          if (unit.job) this.#recent.put(message);
          this.#notes.kept(message);
        },
        committed: (unit) => {
          this.#hot.apply(unit);
          this.#notes.committed(unit);
          if (unit.message) this.#recent.drop(unit.message.text);
        },
      },
      counters,
    );
    this.#lane = new Lane(groups, limits, () => this.#wrote());
  }

  async keep(
    message: KeptMessage,
    terms: Parameters<Store['keep']>[1],
    job: Parameters<Store['keep']>[2],
    options: { identityIsUnique: boolean },
  ): ReturnType<Store['keep']> {
    this.#lane.requireRoom();
    const { board, limits } = this.#opened;
    if (job && board.waitingHere + this.#arriving >= limits.jobsMax)
      throw new MixError('store.busy', { detail: 'waiting jobs' });
    const unit = makeKeepUnit(this.#opened.options.seal, message, terms, job, options.identityIsUnique);
    this.#arriving++;
    let result: KeepResult | undefined;
    try {
      result = await this.#lane.submit({ kind: 'keep', keep: unit }, unit.body.length + 512);
    } finally {
      this.#arriving--;
    }
    if (result === undefined || result.outcome === 'kept') return { outcome: 'kept' };
    const first = (await this.messagesOf([result.firstId]))[0];
    // A pruned message leaves its identity behind: it is known, but its answer is gone.
    if (!first)
      return { outcome: result.outcome, first: { id: result.firstId, ackCode: message.ackCode, ack: message.ack } };
    return { outcome: result.outcome, first: { id: first.id, ackCode: first.ackCode, ack: first.ack } };
  }

  async commit(changes: Parameters<Store['commit']>[0]): Promise<void> {
    this.#lane.requireRoom();
    const { seal, clock } = this.#opened.options;
    const unit = makeCommitUnit(seal, changes, clock.now());
    let bytes = 1_024;
    for (const entry of unit.entries) bytes += (entry.row[11] as Buffer).length + 256;
    if (changes.received) bytes += changes.received.answer.length;
    for (const document of unit.documents) bytes += (document.row[9] as Buffer).length;
    await this.#lane.submit({ kind: 'commit', commit: unit }, bytes);
  }

  async lease(kinds: Job['kind'][], limit: number): Promise<Job[]> {
    return this.#opened.board.lease(kinds, limit, this.#opened.options.clock.now()).map(jobOf);
  }

  waitForJobs(ms: number): Promise<void> {
    const due = this.#opened.board.nextDue();
    const wait = due === undefined ? ms : Math.min(ms, Math.max(0, due - this.#opened.options.clock.now()));
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
    const unit = makeJobUnit(this.#opened.options.seal, job);
    const subject = idToKey(job.subject);
    await this.#lane.submit(
      { kind: 'requeue', job: unit, subject, message: job.kind === 'process' ? subject : undefined },
      1_024,
    );
  }

  jobs(query: Parameters<Store['jobs']>[0]): ReturnType<Store['jobs']> {
    return listJobs(this.reads, this.#opened.board, query);
  }

  async message(id: string): Promise<KeptMessage | undefined> {
    return (await this.messagesOf([id]))[0];
  }

  async messagesOf(ids: string[]): Promise<KeptMessage[]> {
    const missing = ids.filter((id) => !this.#recent.has(id));
    const here = new Map(ids.flatMap((id) => (this.#recent.has(id) ? [[id, this.#recent.get(id)!]] : [])));
    if (missing.length > 0)
      for (const message of await readMessages(this.reads, missing)) here.set(message.id, message);
    return ids.flatMap((id) => here.get(id) ?? []);
  }

  async steps(messageId: string): ReturnType<Store['steps']> {
    const message = await this.message(messageId);
    return message ? readSteps(this.reads, message) : [];
  }

  personsByIdentifier(ids: { system: string; value: string }[]): Promise<Map<string, string>> {
    return findPersonsByIdentifier(this.reads, this.#hot, ids);
  }

  async person(id: string): ReturnType<Store['person']> {
    return (await readPersons(this.reads, [id])).get(id);
  }

  personsOf(ids: string[]): ReturnType<Store['personsOf']> {
    return findPersons(this.reads, this.#hot, ids);
  }

  async entriesByKey(personId: string, keys: string[]): ReturnType<Store['entriesByKey']> {
    return (await findEntriesByKeys(this.reads, this.#hot, [{ personId, keys }]))[0]!;
  }

  entriesByKeys(wanted: { personId: string; keys: string[] }[]): ReturnType<Store['entriesByKeys']> {
    return findEntriesByKeys(this.reads, this.#hot, wanted);
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
    return readSourceStats(this.reads, this.#opened.options.clock.now());
  }

  counts(): ReturnType<Store['counts']> {
    return readCounts(this.reads, this.#opened.board);
  }

  async user(id: string): ReturnType<Store['user']> {
    const body = bodyOf(await this.#opened.readers.first(reads.user, [id]));
    return body && JSON.parse(unpackBody(this.#opened.options.seal.open('tenant', 'users', id, body)).toString());
  }

  async putUser(user: Parameters<Store['putUser']>[0]): Promise<void> {
    const body = userBody(this.#opened.options.seal, user);
    await this.#lane.submit({ kind: 'row', table: 'users', row: [user.id, body] }, body.length);
  }

  async getValue(name: string): Promise<Buffer | undefined> {
    const body = bodyOf(await this.#opened.readers.first(reads.nodeValue, [name]));
    return body && unpackBody(this.#opened.options.seal.open('tenant', 'node_values', name, body));
  }

  async putValue(name: string, value: Buffer): Promise<void> {
    const body = nodeValueBody(this.#opened.options.seal, name, value);
    await this.#lane.submit({ kind: 'row', table: 'nodeValues', row: [name, body] }, body.length);
  }

  onChange(listener: (note: ChangeNote) => void): () => void {
    return this.#notes.listen(listener);
  }

  checkAudit(): Promise<{ rows: number; broken?: number }> {
    return checkAudit(this.reads);
  }

  async shredPerson(id: string): Promise<void> {
    const { seal, file } = this.#opened.options;
    await this.#lane.submit({ kind: 'row', table: 'keysGone', row: [personKey(id)] }, 256);
    await this.#lane.submit({ kind: 'row', table: 'indexForgotten', row: [idToKey(id)] }, 256);
    seal.loadKeys([{ name: personKey(id), wrapped: Buffer.alloc(0) }]);
    this.#hot.drop(id);
    // The page's old bytes were zeroed (secure_delete); emptying the log takes the older copies of the page off the disk.
    const keeper = await Connection.open(file, 'write');
    await keeper.exec('PRAGMA busy_timeout=5000; PRAGMA wal_checkpoint(TRUNCATE);').finally(() => keeper.close());
  }

  written(): { groups: number; units: number } {
    return this.#lane.written;
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    await this.#lane.close();
    for (const wake of [...this.#waiters]) wake();
    await this.#notes.close();
    await this.#opened.readers.close();
    await this.#opened.writer.close();
  }

  #wrote(): void {
    this.#notes.tell();
    for (const wake of [...this.#waiters]) wake();
  }
}

function bodyOf(row: Row | undefined): Buffer | undefined {
  return row?.body as Buffer | undefined;
}
