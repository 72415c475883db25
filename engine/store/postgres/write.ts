/**
 * Writes a group of units in one transaction beside other processes. What a group is about is locked first, in one order for all
 * (texts by number, rows by id), so that groups of two processes that want the same wait for each other and never in a circle.
 */
import { hash } from 'node:crypto';
import { MixError } from '../../../schemas/errors/index.ts';
import type { JobKind, JobNews } from '../../../schemas/parts.ts';
import { chainStart } from '../audit-chain.ts';
import { slides } from '../board.ts';
import { idToKey, keyToId } from '../codec.ts';
import type { Row, Value } from '../database.ts';
import { type Counters, finishPlan, type Item, type Known, latin, newPlan, push, type Rows } from '../group.ts';
import { blocksOf } from '../index-unit.ts';
import type { LaneWriter } from '../lane.ts';
import { Planner, type PlannerParts } from '../plan.ts';
import { askIndex, emptyAsked, type IndexAsked, knownIndex } from '../plan-index.ts';
import type { WriteName } from '../statements.ts';
import type { CommitUnit, JobUnit } from '../unit.ts';
import { isLocal, reset, settle } from '../write.ts';
import { columnsOf, faultOf, type Given, isPassing, type PgConnection } from './database.ts';
import { type KnownJobs, RowJobs, sliderName } from './jobs.ts';
import type { KeyRing } from './keys.ts';
import { checks, packWrite, type Write, writesOf } from './statements.ts';

/** A connection that holds a part: its chain of the audit and its counts are this process's alone. */
export interface PartConnection {
  connection: PgConnection;
  part: number;
  auditNumber: number;
  auditHash: Buffer;
}

export interface PgWriterParts extends Omit<PlannerParts, 'jobs'> {
  /** The connection that writes; a lost one is opened anew. */
  connect(before: PgConnection | undefined): Promise<PartConnection>;
  keys: KeyRing;
  /** Keeps the locks of tenants apart. */
  schema: string;
  /** Told after each commit that may have made jobs ready. */
  jobsMoved(news: JobNews, more: number): void;
}

/** Groups that failed because of other processes' locks are written again so often. */
const triesMax = 8;
/** New jobs of which the others are told. */
const idsTold = 100;
/** Numbers that one group may give; see the sequence `numbers`. */
const numbersMax = 16_384;

interface Asked {
  locks: Set<bigint>;
  seen: Value[][];
  persons: Map<string, Buffer>;
  tokens: Value[][];
  entries: Value[][];
  deliveries: Value[][];
  received: Value[][];
  jobs: Value[][];
  sliders: Value[][];
  sliderKinds: Set<string>;
  subjects: Value[][];
  index: IndexAsked;
}

export class PgGroupWriter implements LaneWriter {
  readonly #parts: PgWriterParts;
  #place: PartConnection | undefined;
  #lostConnection: PgConnection | undefined;
  #part = 0;
  #writes: Record<WriteName, Write> = writesOf(0);

  constructor(parts: PgWriterParts) {
    this.#parts = parts;
  }

  /** As on SQLite: a group that fails is written again unit by unit, so that one bad unit hurts no other. */
  async write(items: Item[]): Promise<Item[]> {
    let deferred: Item[] = [];
    try {
      deferred = await this.#writeItems(items);
    } catch (error) {
      reset(items);
      const fault = faultOf(error);
      if (items.length > 1 && isLocal(fault)) {
        for (const item of items) await this.#writeAlone(item);
      } else for (const item of items) item.fault = fault;
    }
    settle(items, new Set(deferred));
    return deferred;
  }

  async #writeAlone(item: Item): Promise<void> {
    try {
      await this.#writeItems([item]);
    } catch (error) {
      reset([item]);
      item.fault = faultOf(error);
    }
  }

  async #writeItems(items: Item[]): Promise<Item[]> {
    for (let tries = 1; ; tries++) {
      try {
        return await this.#transaction(items);
      } catch (error) {
        reset(items);
        if (tries >= triesMax || !isPassing(error)) throw faultOf(error);
      }
    }
  }

  async #transaction(items: Item[]): Promise<Item[]> {
    const place = await this.#connect();
    const { connection } = place;
    try {
      const { known, jobs, number } = await this.#ask(connection, items);
      const plan = newPlan({
        epoch: 0,
        message: number,
        person: number,
        job: number,
        run: number,
        stamp: number,
        part: place.part,
        audit: place.auditNumber,
        auditHash: place.auditHash,
      });
      const keys = this.#parts.keys.pending();
      for (const key of keys) push(plan, 'keys', [key.name, key.wrapped]);
      const planner = new Planner({ ...this.#parts, jobs: new RowJobs(jobs) });
      const deferred: Item[] = [];
      for (const item of items) if (!planner.add(plan, known, item)) deferred.push(item);
      finishPlan(plan);
      requireNumbers(number, plan.counters);
      await this.#execute(connection, plan.rows);
      this.#parts.keys.written(keys);
      place.auditNumber = plan.counters.audit;
      place.auditHash = plan.counters.auditHash;
      this.#tellJobs(plan.rows, jobs);
      return deferred;
    } catch (error) {
      await connection.raw('ROLLBACK').catch(() => undefined);
      // After a failure nobody knows what a lost connection still did: the chain is read again.
      if (connection.lost) {
        this.#lostConnection = connection;
        this.#place = undefined;
      }
      throw error;
    }
  }

  #tellJobs(rows: Rows, jobs: KnownJobs): void {
    const kinds = new Set<JobKind>();
    for (const row of rows.jobs ?? []) kinds.add(row[2] as JobKind);
    // What comes after a job that is done is of its kind, as a rule; what is not is found by the next look.
    if (rows.jobsGone || rows.jobsChanged || rows.parkedGone)
      for (const row of [...jobs.leased.values(), ...jobs.sliders.values(), ...[...jobs.subjects.values()].flat()])
        kinds.add(row.kind as JobKind);
    if (kinds.size === 0) return;
    const made = rows.jobs ?? [];
    const ids = made.slice(0, idsTold).map((row) => keyToId(row[1] as Buffer));
    this.#parts.jobsMoved({ kinds: [...kinds], ids }, made.length - (rows.jobsGone?.length ?? 0));
  }

  async #connect(): Promise<PartConnection> {
    if (this.#place && !this.#place.connection.lost) return this.#place;
    const before = this.#lostConnection ?? this.#place?.connection;
    const place = await this.#parts.connect(before);
    this.#lostConnection = undefined;
    if (place.part !== this.#part) this.#writes = writesOf(place.part);
    this.#part = place.part;
    this.#place = place;
    return place;
  }

  async #execute(connection: PgConnection, rows: Rows): Promise<void> {
    const statements: { sql: string; values: readonly Given[] }[] = [];
    for (const name of Object.keys(this.#writes) as WriteName[]) {
      const list = rows[name];
      if (!list || list.length === 0) continue;
      const write = this.#writes[name];
      const [text, bytes] = packWrite(list, write);
      statements.push({ sql: write.sql, values: write.forms.includes('b') ? [text, bytes] : [text] });
    }
    statements.push({ sql: 'COMMIT', values: [] });
    await connection.together(statements);
  }

  async #ask(connection: PgConnection, items: Item[]): Promise<{ known: Known; jobs: KnownJobs; number: number }> {
    const asked = askedOf(items, this.#parts.schema);
    const one = (sql: string, keys: Value[][]): { sql: string; values: readonly Given[] }[] =>
      keys.length === 0 ? [] : [{ sql, values: columnsOf(keys) }];
    const locks = [...asked.locks].sort((a, b) => (a < b ? -1 : a > b ? 1 : 0)).map(String);
    const lists: [string, Value[][]][] = [
      [checks.seen, asked.seen],
      [checks.persons, [...asked.persons.values()].map((id) => [id])],
      [checks.identifiers, asked.tokens],
      [checks.entries, asked.entries],
      [checks.deliveries, asked.deliveries],
      [checks.received, asked.received],
      [checks.jobs, asked.jobs],
      [checks.subjects, asked.subjects],
      [checks.indexRecords, distinct(asked.index.records)],
      [checks.indexBlocks, distinct(asked.index.blocks)],
      [checks.matchItems, asked.index.items],
    ];
    const sliders = asked.sliders.length > 0;
    const answers = await connection.together([
      { sql: 'BEGIN', values: [] },
      ...(locks.length > 0 ? [{ sql: checks.locks, values: [locks] }] : []),
      { sql: checks.numbers, values: [] },
      ...lists.flatMap(([sql, keys]) => one(sql, keys)),
      ...(sliders
        ? [{ sql: checks.sliders, values: [asked.sliders.map((key) => key[0]!), [...asked.sliderKinds]] }]
        : []),
    ]);
    let at = locks.length > 0 ? 2 : 1;
    const number = answers[at++]![0]!.value as number;
    const found = lists.map(([, keys]) => (keys.length === 0 ? [] : answers[at++]!));
    const [seen, persons, holders, entries, deliveries, received, leased, subjects, records, blocks, matches] =
      found as Row[][] & { length: 11 };
    return {
      number,
      known: knownOf(items, {
        seen: seen!,
        persons: persons!,
        holders: holders!,
        entries: entries!,
        deliveries: deliveries!,
        received: received!,
        records: records!,
        blocks: blocks!,
        matches: matches!,
      }),
      jobs: {
        leased: new Map(leased!.map((row) => [keyToId(row.id as Buffer), row])),
        sliders: new Map(
          (sliders ? answers[at]! : []).map((row) => [sliderName(row.kind as string, row.subject as Buffer), row]),
        ),
        subjects: Map.groupBy(subjects!, (row) => latin(row.subject as Buffer)),
      },
    };
  }
}

function requireNumbers(first: number, counters: Counters): void {
  const last = Math.max(counters.message, counters.person, counters.job, counters.run, counters.stamp);
  if (last - first > numbersMax) throw new MixError('store.limit', { detail: `${numbersMax} rows of a unit` });
}

/** What the database must be asked for these units, and the texts that no other process may write meanwhile. */
function askedOf(items: Item[], schema: string): Asked {
  const asked: Asked = {
    locks: new Set(),
    seen: [],
    persons: new Map(),
    tokens: [],
    entries: [],
    deliveries: [],
    received: [],
    jobs: [],
    sliders: [],
    sliderKinds: new Set(),
    subjects: [],
    index: emptyAsked(),
  };
  const lock = (use: string, bytes: Buffer): void => {
    asked.locks.add(hash('sha256', `${schema}|${use}|${latin(bytes)}`, 'buffer').readBigInt64BE(0));
  };
  const slider = (job: JobUnit): void => {
    if (!slides(job.kind)) return;
    const subject = idToKey(job.subject);
    lock(job.kind, subject);
    asked.sliders.push([subject]);
    asked.sliderKinds.add(job.kind);
  };
  items.forEach(({ work }, number) => {
    if (work.kind === 'keep') {
      if (work.keep.token) {
        lock('identity', work.keep.token);
        asked.seen.push([number, work.keep.token, work.keep.digest]);
      }
      if (work.keep.job) slider(work.keep.job);
    }
    if (work.kind === 'requeue') {
      lock('subject', work.subject);
      asked.subjects.push([work.subject]);
      slider(work.job);
    }
    if (work.kind !== 'commit') return;
    askCommit(asked, work.commit, lock);
    for (const job of work.commit.jobsNew) slider(job);
  });
  return asked;
}

function askCommit(asked: Asked, unit: CommitUnit, lock: (use: string, bytes: Buffer) => void): void {
  for (const person of unit.persons) {
    asked.persons.set(latin(person.id), person.id);
    for (const token of person.tokens) {
      lock('identifier', token);
      asked.tokens.push([token]);
    }
  }
  for (const gone of unit.identifiersGone) lock('identifier', gone.token);
  for (const entry of unit.entries) {
    const person = entry.row[1] as Buffer;
    asked.persons.set(latin(person), person);
    if (entry.expect > 0) asked.entries.push([entry.id]);
  }
  for (const delivery of unit.deliveries) asked.deliveries.push([delivery.id]);
  if (unit.received) {
    lock('received', unit.received.id);
    asked.received.push([unit.received.id]);
  }
  if (unit.index) {
    askIndex(asked.index, unit.index);
    // A lock for each block would fill the server's table of locks; of so many, two that meet by chance only wait for one another.
    for (const token of blocksOf(unit.index)) lock('block', Buffer.of(token[0]!, token[1]! & 3));
    for (const { number } of unit.index.records) lock('record', number);
    for (const { id } of unit.index.items) lock('item', id);
  }
  for (const job of [unit.jobDone, unit.jobParked, unit.jobRetry]) if (job) asked.jobs.push([idToKey(job.id)]);
  if (unit.parkedSettled) lock('subject', unit.parkedSettled.subject);
}

/** Keys of one column, each once. */
function distinct(keys: Value[][]): Value[][] {
  return [...new Map(keys.map((key) => [latin(key[0] as Buffer), key])).values()];
}

function knownOf(
  items: Item[],
  rows: Record<
    'seen' | 'persons' | 'holders' | 'entries' | 'deliveries' | 'received' | 'records' | 'blocks' | 'matches',
    Row[]
  >,
): Known {
  return {
    seen: new Map(
      rows.seen.map((row) => [
        items[row.number as number]!,
        { same: row.same as Buffer | null, other: row.other as Buffer | null },
      ]),
    ),
    persons: new Map(
      rows.persons.map((row) => [
        latin(row.id as Buffer),
        {
          seq: row.seq as number,
          version: row.version as number,
          words: row.words as Buffer,
        },
      ]),
    ),
    holders: new Map(
      rows.holders.map((row) => [
        latin(row.token as Buffer),
        { person: latin(row.person as Buffer), merged: row.state === 'merged' },
      ]),
    ),
    entries: new Map(rows.entries.map((row) => [latin(row.id as Buffer), row.version as number])),
    parked: new Map(),
    deliveries: new Map(
      rows.deliveries.map((row) => [
        latin(row.id as Buffer),
        { outlet: row.outlet as string, state: row.state as string },
      ]),
    ),
    received: new Set(rows.received.map((row) => latin(row.id as Buffer))),
    index: knownIndex({ records: rows.records, blocks: rows.blocks, items: rows.matches }, (token) => token as Buffer),
  };
}

/** Where the chain of a part stands: its next number and last hash. */
export async function readChain(connection: PgConnection, part: number): Promise<{ number: number; hash: Buffer }> {
  const [row] = await connection.all('SELECT number,hash FROM audit WHERE part = $1 ORDER BY number DESC LIMIT 1', [
    part,
  ]);
  return {
    number: ((row?.number as number | undefined) ?? 0) + 1,
    hash: (row?.hash as Buffer | undefined) ?? chainStart,
  };
}
