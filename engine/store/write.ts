/**
 * Writes many units in one transaction: what must be known is asked once for all of them, units that do not hold are left out,
 * and the rows of the rest go in as few statements as there are tables.
 */
import { MixError } from '../../schemas/errors/index.ts';
import type { Seal, WrappedKey } from '../../schemas/parts.ts';
import { type AuditRow, chainHash } from './audit-chain.ts';
import type { Board, BoardJob } from './board.ts';
import { idToKey, keyToId } from './codec.ts';
import { type Connection, exactChunks, fillChunks, type Row, type Value } from './database.ts';
import { checks, firstWave, group, type WriteName, writes } from './statements.ts';
import type { AuditUnit, CommitUnit, EntryUnit, JobUnit, KeepUnit, PersonUnit } from './unit.ts';

export type Work =
  | { kind: 'keep'; keep: KeepUnit }
  | { kind: 'commit'; commit: CommitUnit }
  | { kind: 'requeue'; job: JobUnit; subject: Buffer; message: Buffer | undefined }
  | { kind: 'row'; table: 'users' | 'nodeValues' | 'keysGone'; row: Value[] };

/** What became of a kept message. */
export type KeepResult = { outcome: 'kept'; conflict: boolean } | { outcome: 'repeat' | 'conflict'; firstId: string };

export interface Item {
  work: Work;
  bytes: number;
  resolve(result: KeepResult | undefined): void;
  reject(fault: MixError): void;
  result?: KeepResult | undefined;
  fault?: MixError | undefined;
  /** Run after the commit, in the order of the units. */
  effects: (() => void)[];
  /** Run when the unit was not written after all. */
  undo: (() => void)[];
}

/** Numbers that the next rows get. Copied for each try, put back when it fails. */
export interface Counters {
  epoch: number;
  message: number;
  person: number;
  job: number;
  audit: number;
  run: number;
  auditHash: Buffer;
}

interface Known {
  seen: Map<Item, { same: Buffer | null; other: Buffer | null }>;
  persons: Map<string, { seq: number; version: number; words: Buffer }>;
  holders: Map<string, { person: string; merged: boolean }>;
  entries: Map<string, number>;
  parked: Map<string, Row[]>;
}

type Rows = Partial<Record<WriteName, Value[][]>>;

interface Plan {
  rows: Rows;
  counters: Counters;
  /** Rows that an earlier unit of the group writes; a unit that wants one of them goes with the next group. */
  touched: Set<string>;
  seenHere: Map<string, { digest: Buffer; id: string }[]>;
  sources: Map<string, { total: number; repeats: number; lastAt: number }>;
  minutes: Map<string, Map<number, number>>;
  notCarried: Map<string, Map<string, number>>;
  tallies: Map<string, number>;
}

/** What the writer needs from the store. */
export interface WriterParts {
  connection: Connection;
  seal: Seal;
  board: Board;
  /** Told after the commit of a kept message. */
  kept(unit: KeepUnit, conflict: boolean): void;
  /** Told after the commit of a unit. */
  committed(unit: CommitUnit): void;
}

function latin(bytes: Buffer): string {
  return bytes.toString('latin1');
}

export class GroupWriter {
  readonly #parts: WriterParts;
  #counters: Counters;
  /** New data keys that no commit has written yet. */
  #keys: WrappedKey[] = [];

  constructor(parts: WriterParts, counters: Counters) {
    this.#parts = parts;
    this.#counters = counters;
  }

  /**
   * Writes a group and settles each unit of it; returns the units that must go with the next group.
   * A group that fails is written again unit by unit, so that one bad unit hurts no other.
   */
  async write(items: Item[]): Promise<Item[]> {
    this.#keys.push(...this.#parts.seal.takeNewKeys());
    let deferred: Item[] = [];
    try {
      await this.#transaction(async () => {
        deferred = await this.#writeItems(items, this.#keys);
      });
    } catch (error) {
      reset(items);
      const fault = error as MixError;
      if (!isLocal(fault)) {
        for (const item of items) item.fault = fault;
      } else {
        deferred = [];
        await this.#writeOneByOne(items);
      }
    }
    settle(items, new Set(deferred));
    return deferred;
  }

  async #transaction(work: () => Promise<void>): Promise<void> {
    const { connection } = this.#parts;
    const before = { ...this.#counters };
    const keys = this.#keys.length;
    try {
      await connection.exec(group.begin);
      await this.#checkEpoch();
      await work();
      await connection.exec(group.commit);
      this.#keys.splice(0, keys);
    } catch (error) {
      this.#counters = before;
      // SQLite may have rolled back by itself (a full disk); then there is nothing left to roll back.
      await connection.run('ROLLBACK').catch(() => 0);
      throw error;
    }
  }

  async #checkEpoch(): Promise<void> {
    const row = await this.#parts.connection.first(checks.epoch);
    if (row?.value !== this.#counters.epoch)
      throw new MixError('store.fenced', { detail: 'another process opened the store' });
  }

  async #writeOneByOne(items: Item[]): Promise<void> {
    const { connection } = this.#parts;
    try {
      await this.#transaction(async () => {
        // Before the savepoints: a unit that is left out must not take with it the key that another one uses.
        await this.#writeItems([], this.#keys);
        for (const item of items) {
          const before = { ...this.#counters };
          await connection.run('SAVEPOINT unit');
          try {
            await this.#writeItems([item], []);
          } catch (error) {
            if (!isLocal(error as MixError)) throw error;
            this.#counters = before;
            reset([item]);
            await connection.run('ROLLBACK TO unit');
            item.fault = error as MixError;
          }
          await connection.run('RELEASE unit');
        }
      });
    } catch (error) {
      reset(items);
      for (const item of items) item.fault = error as MixError;
    }
  }

  async #writeItems(items: Item[], keys: WrappedKey[]): Promise<Item[]> {
    const known = await this.#ask(items);
    const plan = newPlan({ ...this.#counters });
    for (const key of keys) push(plan, 'keys', [key.name, key.wrapped]);
    const deferred: Item[] = [];
    for (const item of items) if (!this.#plan(plan, known, item)) deferred.push(item);
    finishPlan(plan);
    await this.#execute(plan.rows);
    this.#counters = plan.counters;
    return deferred;
  }

  async #execute(rows: Rows): Promise<void> {
    const first = new Set<string>(firstWave);
    for (const wave of [true, false]) {
      const running: Promise<number>[] = [];
      for (const [name, list] of Object.entries(rows) as [WriteName, Value[][]][]) {
        if (first.has(name) !== wave) continue;
        for (const chunk of exactChunks(list))
          running.push(this.#parts.connection.run(writes[name](chunk.count), chunk.values));
      }
      // All must have ended before a rollback may follow.
      for (const result of await Promise.allSettled(running)) if (result.status === 'rejected') throw result.reason;
    }
  }

  async #ask(items: Item[]): Promise<Known> {
    const seen: Value[][] = [];
    const persons: Value[][] = [];
    const tokens: Value[][] = [];
    const entries: Value[][] = [];
    const parked: Value[][] = [];
    items.forEach(({ work }, number) => {
      if (work.kind === 'keep' && work.keep.token) seen.push([number, work.keep.token, work.keep.digest]);
      if (work.kind === 'requeue') parked.push([work.subject]);
      if (work.kind !== 'commit') return;
      for (const person of work.commit.persons) {
        persons.push([person.id]);
        for (const token of person.tokens) tokens.push([token]);
      }
      for (const entry of work.commit.entries) if (entry.expect > 0) entries.push([entry.id]);
    });
    const [seenRows, personRows, holderRows, entryRows, parkedRows] = await Promise.all([
      this.#all(checks.seen, seen),
      this.#all(checks.persons, persons),
      this.#all(checks.identifiers, tokens),
      this.#all(checks.entries, entries),
      this.#all(checks.parkedJobs, parked),
    ]);
    const known: Known = {
      seen: new Map(),
      persons: new Map(),
      holders: new Map(),
      entries: new Map(),
      parked: new Map(),
    };
    for (const row of seenRows)
      known.seen.set(items[row.number as number]!, {
        same: row.same as Buffer | null,
        other: row.other as Buffer | null,
      });
    for (const row of personRows) {
      known.persons.set(latin(row.id as Buffer), {
        seq: row.seq as number,
        version: row.version as number,
        words: row.words as Buffer,
      });
    }
    for (const row of holderRows)
      known.holders.set(latin(row.token as Buffer), {
        person: latin(row.person as Buffer),
        merged: row.state === 'merged',
      });
    for (const row of entryRows) known.entries.set(latin(row.id as Buffer), row.version as number);
    for (const row of parkedRows) {
      const subject = latin(row.subject as Buffer);
      known.parked.set(subject, [...(known.parked.get(subject) ?? []), row]);
    }
    return known;
  }

  async #all(sqlOf: (count: number) => string, keys: Value[][]): Promise<Row[]> {
    if (keys.length === 0) return [];
    const settled = await Promise.all(
      fillChunks(keys).map((chunk) => this.#parts.connection.all(sqlOf(chunk.count), chunk.values)),
    );
    return settled.flat();
  }

  /** Adds a unit's rows to the plan; false when it must wait for the next group. */
  #plan(plan: Plan, known: Known, item: Item): boolean {
    const { work } = item;
    if (work.kind === 'keep') return this.#planKeep(plan, known, item, work.keep);
    if (work.kind === 'commit') return this.#planCommit(plan, known, item, work.commit);
    if (work.kind === 'requeue') return this.#planRequeue(plan, known, item, work);
    push(plan, work.table, work.row);
    return true;
  }

  #planKeep(plan: Plan, known: Known, item: Item, unit: KeepUnit): boolean {
    const first = firstOf(plan, known, item, unit);
    const source = sourceOf(plan, unit.message.sourceId);
    if (first?.same) {
      source.repeats++;
      source.lastAt = Math.max(source.lastAt, unit.message.receivedAt);
      item.result = { outcome: 'repeat', firstId: first.id };
      return true;
    }
    if (first && unit.identityIsUnique) {
      item.result = { outcome: 'conflict', firstId: first.id };
      return true;
    }
    const { message } = unit;
    const seq = plan.counters.message++;
    const conflict = first !== undefined || message.conflict === true;
    push(plan, 'messages', [
      seq,
      unit.id,
      message.sourceId,
      message.state,
      message.type,
      message.processing,
      message.receivedAt,
      conflict ? 1 : 0,
      message.ackCode,
    ]);
    push(plan, 'messageBodies', [seq, unit.day, unit.body]);
    if (unit.token) push(plan, 'seen', [unit.token, unit.digest, unit.id]);
    if (unit.words !== '') push(plan, 'messageWords', [unit.id, unit.words]);
    source.total++;
    source.lastAt = Math.max(source.lastAt, message.receivedAt);
    const minute = Math.floor(message.receivedAt / 60_000);
    countIn(plan.minutes, message.sourceId, minute, 1);
    addTally(plan, 'messages', 1);
    item.result = { outcome: 'kept', conflict };
    item.effects.push(() => this.#parts.kept(unit, conflict));
    if (unit.job) this.#planNewJob(plan, item, unit.job);
    return true;
  }

  #planCommit(plan: Plan, known: Known, item: Item, unit: CommitUnit): boolean {
    const touches = touchedBy(unit);
    for (const touch of touches) if (plan.touched.has(touch)) return false;
    item.fault = this.#faultIn(known, unit);
    if (item.fault) return true;
    for (const touch of touches) plan.touched.add(touch);
    for (const person of unit.persons) planPerson(plan, known, person);
    for (const gone of unit.identifiersGone) push(plan, 'identifiersGone', [gone.token, gone.person]);
    for (const entry of unit.entries) planEntry(plan, entry);
    for (const row of unit.entryVersions) push(plan, 'entryVersions', row);
    for (const document of unit.documents) {
      push(plan, 'documents', document.row);
      if (document.replaces) push(plan, 'documentsReplaced', [document.replaces]);
      addTally(plan, 'documents', 1);
    }
    planMessage(plan, unit);
    for (const counted of unit.notCarried) countIn(plan.notCarried, counted.sourceId, counted.field, counted.count);
    for (const entry of unit.audit) planAudit(plan, entry);
    this.#planJobs(plan, item, unit);
    item.effects.push(() => this.#parts.committed(unit));
    return true;
  }

  /** Why a unit can not be written: its lease is lost, or a row is not as it was read. */
  #faultIn(known: Known, unit: CommitUnit): MixError | undefined {
    for (const leased of [unit.jobDone, unit.jobParked, unit.jobRetry]) {
      if (!leased) continue;
      const job = this.#parts.board.get(leased.id);
      if (job?.state !== 'leased' || job.fence !== leased.fence) return new MixError('store.fenced');
    }
    const mergedHere = new Set(
      unit.persons.filter(({ person }) => person.state === 'merged').map(({ id }) => latin(id)),
    );
    const gone = new Set(unit.identifiersGone.map((one) => latin(one.token) + latin(one.person)));
    for (const person of unit.persons) {
      if ((known.persons.get(latin(person.id))?.version ?? 0) !== person.expect)
        return new MixError('store.conflict', { place: 'person' });
      for (const token of person.tokens) {
        const holder = known.holders.get(latin(token));
        if (!holder || holder.person === latin(person.id) || holder.merged) continue;
        if (!mergedHere.has(holder.person) && !gone.has(latin(token) + holder.person))
          return new MixError('store.conflict', { place: 'identifier' });
      }
    }
    for (const entry of unit.entries) {
      if (entry.expect > 0 && known.entries.get(latin(entry.id)) !== entry.expect)
        return new MixError('store.conflict', { place: 'entry' });
    }
    return undefined;
  }

  #planJobs(plan: Plan, item: Item, unit: CommitUnit): void {
    const { board } = this.#parts;
    const { jobDone, jobParked, jobRetry } = unit;
    if (jobDone) {
      push(plan, 'jobsGone', [board.get(jobDone.id)!.seq]);
      item.effects.push(() => board.finish(jobDone.id));
    }
    if (jobParked) {
      const job = board.get(jobParked.id)!;
      push(plan, 'jobsChanged', [
        job.seq,
        'parked',
        jobParked.blocks ? 1 : 0,
        job.dueAt,
        job.attempts,
        JSON.stringify(jobParked.fault),
      ]);
      item.effects.push(() => board.park(jobParked.id, jobParked.blocks, jobParked.fault));
    }
    if (jobRetry) {
      const job = board.get(jobRetry.id)!;
      push(plan, 'jobsChanged', [
        job.seq,
        'ready',
        0,
        jobRetry.dueAt,
        job.attempts + 1,
        JSON.stringify(jobRetry.fault),
      ]);
      item.effects.push(() => board.retry(jobRetry.id, jobRetry.dueAt, jobRetry.fault));
    }
    for (const job of unit.jobsNew) this.#planNewJob(plan, item, job);
  }

  #planNewJob(plan: Plan, item: Item, job: JobUnit): void {
    const { board } = this.#parts;
    const waiting = job.kind === 'document' ? board.waitingDocument(job.subject) : undefined;
    if (waiting && !waiting.held) {
      const dueAt = Math.min(job.dueAt, waiting.latestAt ?? Number.POSITIVE_INFINITY);
      board.hold(waiting);
      item.undo.push(() => board.unhold(waiting));
      item.effects.push(() => board.unhold(waiting, dueAt));
      push(plan, 'jobsChanged', [
        waiting.seq,
        'ready',
        0,
        dueAt,
        waiting.attempts,
        waiting.lastFault ? JSON.stringify(waiting.lastFault) : null,
      ]);
      return;
    }
    const seq = plan.counters.job++;
    push(plan, 'jobs', [
      seq,
      idToKey(job.id),
      job.kind,
      idToKey(job.subject),
      Buffer.from(job.keys.join(''), 'latin1'),
      'ready',
      0,
      job.dueAt,
      job.latestAt ?? null,
      0,
      null,
    ]);
    item.effects.push(() => board.add({ ...job, seq, attempts: 0, lastFault: undefined }));
  }

  #planRequeue(plan: Plan, known: Known, item: Item, work: Extract<Work, { kind: 'requeue' }>): boolean {
    const { board } = this.#parts;
    const touch = `job:${work.job.subject}`;
    if (plan.touched.has(touch)) return false;
    plan.touched.add(touch);
    const parked = known.parked.get(latin(work.subject))?.find((row) => row.kind === work.job.kind);
    if (!parked && board.list().some((job) => job.subject === work.job.subject && job.kind === work.job.kind))
      return true;
    if (work.message) push(plan, 'messageStates', [work.message, 'kept']);
    if (!parked) {
      this.#planNewJob(plan, item, work.job);
      return true;
    }
    const job = jobOfRow(parked);
    push(plan, 'jobsChanged', [job.seq, 'ready', 0, work.job.dueAt, 0, null]);
    item.effects.push(() => {
      // Back at its old place, so that a parked merge still goes before what it held back.
      board.finish(job.id);
      board.add({ ...job, dueAt: work.job.dueAt, attempts: 0, lastFault: undefined });
    });
    return true;
  }
}

/** A row of `jobs` as the board keeps it. */
export function jobOfRow(
  row: Row,
): Pick<BoardJob, 'seq' | 'id' | 'kind' | 'subject' | 'keys' | 'dueAt' | 'latestAt' | 'attempts' | 'lastFault'> {
  const tokens = (row.keys as Buffer).toString('latin1');
  const keys: string[] = [];
  for (let at = 0; at < tokens.length; at += 12) keys.push(tokens.slice(at, at + 12));
  return {
    seq: row.seq as number,
    id: keyToId(row.id as Buffer),
    kind: row.kind as BoardJob['kind'],
    subject: keyToId(row.subject as Buffer),
    keys,
    dueAt: row.due_at as number,
    latestAt: (row.latest_at as number | null) ?? undefined,
    attempts: row.attempts as number,
    lastFault: row.fault ? JSON.parse(row.fault as string) : undefined,
  };
}

function newPlan(counters: Counters): Plan {
  return {
    rows: {},
    counters,
    touched: new Set(),
    seenHere: new Map(),
    sources: new Map(),
    minutes: new Map(),
    notCarried: new Map(),
    tallies: new Map(),
  };
}

function push(plan: Plan, name: WriteName, row: Value[]): void {
  const rows = plan.rows[name];
  if (rows) rows.push(row);
  else plan.rows[name] = [row];
}

function sourceOf(plan: Plan, id: string): { total: number; repeats: number; lastAt: number } {
  let source = plan.sources.get(id);
  if (!source) {
    source = { total: 0, repeats: 0, lastAt: 0 };
    plan.sources.set(id, source);
  }
  return source;
}

function countIn<K>(counts: Map<string, Map<K, number>>, group: string, key: K, by: number): void {
  let inner = counts.get(group);
  if (!inner) {
    inner = new Map();
    counts.set(group, inner);
  }
  inner.set(key, (inner.get(key) ?? 0) + by);
}

function addTally(plan: Plan, name: string, by: number): void {
  plan.tallies.set(name, (plan.tallies.get(name) ?? 0) + by);
}

function finishPlan(plan: Plan): void {
  for (const [id, source] of plan.sources) push(plan, 'sources', [id, source.total, source.repeats, source.lastAt]);
  for (const [id, minutes] of plan.minutes)
    for (const [minute, count] of minutes) push(plan, 'sourceMinutes', [id, minute, count]);
  for (const [id, fields] of plan.notCarried)
    for (const [field, count] of fields) push(plan, 'notCarried', [id, field, count]);
  for (const [name, count] of plan.tallies) push(plan, 'tallies', [name, count]);
}

/** The earlier message of the same identity, in the database or in this group. */
function firstOf(plan: Plan, known: Known, item: Item, unit: KeepUnit): { id: string; same: boolean } | undefined {
  if (!unit.token) return undefined;
  const token = latin(unit.token);
  const here = plan.seenHere.get(token) ?? [];
  const sameHere = here.find((one) => one.digest.equals(unit.digest));
  const stored = known.seen.get(item);
  if (stored?.same) return { id: keyToId(stored.same), same: true };
  if (sameHere) return { id: sameHere.id, same: true };
  const other = stored?.other ? keyToId(stored.other) : here[0]?.id;
  if (other !== undefined && unit.identityIsUnique) return { id: other, same: false };
  here.push({ digest: unit.digest, id: unit.message.id });
  plan.seenHere.set(token, here);
  return other === undefined ? undefined : { id: other, same: false };
}

function touchedBy(unit: CommitUnit): string[] {
  const touches: string[] = [];
  for (const { id, tokens } of unit.persons) {
    touches.push(latin(id));
    for (const token of tokens) touches.push(latin(token));
  }
  for (const gone of unit.identifiersGone) touches.push(latin(gone.token));
  const entryPersons = new Set(unit.entries.map((entry) => latin(entry.row[1] as Buffer)));
  for (const person of entryPersons) if (!touches.includes(person)) touches.push(person);
  for (const entry of unit.entries) if (entry.expect > 0) touches.push(`entry:${latin(entry.id)}`);
  for (const document of unit.documents) touches.push(`document:${document.personId}`);
  for (const job of unit.jobsNew) if (job.kind === 'document') touches.push(`due:${job.subject}`);
  const job = unit.jobDone ?? unit.jobParked ?? unit.jobRetry;
  if (job) touches.push(`job:${job.id}`);
  if (unit.message) touches.push(`message:${unit.message.text}`);
  return touches;
}

function planPerson(plan: Plan, known: Known, unit: PersonUnit): void {
  const { person } = unit;
  const stored = known.persons.get(latin(unit.id));
  const seq = stored?.seq ?? plan.counters.person++;
  const mergedInto = person.mergedInto === undefined ? null : idToKey(person.mergedInto);
  push(plan, 'persons', [
    seq,
    unit.id,
    person.version,
    person.state,
    mergedInto,
    person.createdAt,
    person.updatedAt,
    person.incomplete ? 1 : 0,
    unit.wordsHash,
    unit.body,
  ]);
  // What is found by the same words as before costs nothing.
  if (!stored?.words.equals(unit.wordsHash)) push(plan, 'personWords', [seq, unit.words]);
  for (const token of unit.tokens) {
    if (known.holders.get(latin(token))?.person !== latin(unit.id)) push(plan, 'identifiers', [token, unit.id]);
  }
  if (!stored) addTally(plan, 'persons', 1);
}

function planEntry(plan: Plan, unit: EntryUnit): void {
  if (unit.expect > 0) push(plan, 'entryHistory', [unit.id]);
  else addTally(plan, 'entries', 1);
  push(plan, 'entries', unit.row);
}

function planMessage(plan: Plan, unit: CommitUnit): void {
  const { message } = unit;
  for (const outcome of unit.outcomes)
    push(plan, 'messageOutcomes', [outcome.message, plan.counters.run++, outcome.day, outcome.body]);
  if (!message) return;
  push(plan, 'messageStates', [message.id, message.state]);
  for (const person of message.persons) push(plan, 'messagePersons', [person, message.id]);
  if (message.words !== '') push(plan, 'messageWords', [message.id, message.words]);
}

function planAudit(plan: Plan, unit: AuditUnit): void {
  const { entry } = unit;
  const row: AuditRow = {
    seq: plan.counters.audit++,
    part: 0,
    at: entry.at,
    who: entry.who,
    action: entry.action,
    outcome: entry.outcome,
    person: unit.person,
    day: unit.day,
    body: unit.body,
  };
  plan.counters.auditHash = chainHash(plan.counters.auditHash, row);
  push(plan, 'audit', [
    row.seq,
    row.part,
    row.at,
    row.who,
    row.action,
    row.outcome,
    row.person,
    row.day,
    row.body,
    plan.counters.auditHash,
  ]);
}

/** Does the failure belong to one unit, so that the others may still go in? */
function isLocal(fault: MixError): boolean {
  return fault.fault.code === 'store.conflict' || fault.fault.code === 'store.failed';
}

function reset(items: Item[]): void {
  for (const item of items) {
    for (const undo of item.undo) undo();
    item.undo = [];
    item.effects = [];
    item.result = undefined;
    item.fault = undefined;
  }
}

function settle(items: Item[], deferred: Set<Item>): void {
  for (const item of items) {
    if (deferred.has(item)) continue;
    if (item.fault) {
      for (const undo of item.undo) undo();
      item.reject(item.fault);
      continue;
    }
    for (const effect of item.effects) effect();
    item.resolve(item.result);
  }
}
