/** A group of units in the making: the units, what is known of their rows, and the rows so far. */
import type { MixError } from '../../schemas/errors/index.ts';
import type { BoardJob } from './board.ts';
import { keyToId } from './codec.ts';
import type { Row, Value } from './database.ts';
import type { KnownIndex } from './index-unit.ts';
import type { WriteName } from './statements.ts';
import type { CommitUnit, JobUnit, KeepUnit } from './unit.ts';

export type Work =
  | { kind: 'keep'; keep: KeepUnit }
  | { kind: 'commit'; commit: CommitUnit }
  | { kind: 'requeue'; job: JobUnit; subject: Buffer; message: Buffer | undefined }
  | { kind: 'row'; table: 'users' | 'nodeValues' | 'keysGone' | 'indexForgotten'; row: Value[] };

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
  /** Of local records of the index. */
  stamp: number;
  /** Chain of the audit that this process writes. */
  part: number;
  auditHash: Buffer;
}

/** What the database says of the rows that a group is about. */
export interface Known {
  seen: Map<Item, { same: Buffer | null; other: Buffer | null }>;
  persons: Map<string, { seq: number; version: number; words: Buffer }>;
  holders: Map<string, { person: string; merged: boolean }>;
  entries: Map<string, number>;
  deliveries: Map<string, { outlet: string; state: string }>;
  received: Set<string>;
  parked: Map<string, Row[]>;
  index: KnownIndex;
}

export type Rows = Partial<Record<WriteName, Value[][]>>;

/** Rows of a group in the making. */
export interface Plan {
  rows: Rows;
  counters: Counters;
  /** Rows that an earlier unit of the group writes; a unit that wants one of them goes with the next group. */
  touched: Set<string>;
  seenHere: Map<string, { digest: Buffer; id: string }[]>;
  sources: Map<string, { total: number; repeats: number; lastAt: number }>;
  minutes: Map<string, Map<number, number>>;
  outlets: Map<string, OutletCounts>;
  notCarried: Map<string, Map<string, number>>;
  tallies: Map<string, number>;
}

/** What a group adds to the counts of an outlet. */
export interface OutletCounts {
  waiting: number;
  parked: number;
  sent: number;
  lastSentAt: number;
}

/** Bytes as a key of maps. */
export function latin(bytes: Buffer): string {
  return bytes.toString('latin1');
}

/** An empty plan that numbers its rows from `counters`. */
export function newPlan(counters: Counters): Plan {
  return {
    rows: {},
    counters,
    touched: new Set(),
    seenHere: new Map(),
    sources: new Map(),
    minutes: new Map(),
    outlets: new Map(),
    notCarried: new Map(),
    tallies: new Map(),
  };
}

export function push(plan: Plan, name: WriteName, row: Value[]): void {
  const rows = plan.rows[name];
  if (rows) rows.push(row);
  else plan.rows[name] = [row];
}

export function sourceOf(plan: Plan, id: string): { total: number; repeats: number; lastAt: number } {
  let source = plan.sources.get(id);
  if (!source) {
    source = { total: 0, repeats: 0, lastAt: 0 };
    plan.sources.set(id, source);
  }
  return source;
}

/** Counts of an outlet by the state of its deliveries; states that are not counted are left out. */
export function countDelivery(plan: Plan, outlet: string, state: string, by: number, at = 0): void {
  let counts = plan.outlets.get(outlet);
  if (!counts) {
    counts = { waiting: 0, parked: 0, sent: 0, lastSentAt: 0 };
    plan.outlets.set(outlet, counts);
  }
  if (state === 'waiting' || state === 'parked' || state === 'sent') counts[state] += by;
  if (state === 'sent') counts.lastSentAt = Math.max(counts.lastSentAt, at);
}

export function countIn<K>(counts: Map<string, Map<K, number>>, group: string, key: K, by: number): void {
  let inner = counts.get(group);
  if (!inner) {
    inner = new Map();
    counts.set(group, inner);
  }
  inner.set(key, (inner.get(key) ?? 0) + by);
}

export function addTally(plan: Plan, name: string, by: number): void {
  plan.tallies.set(name, (plan.tallies.get(name) ?? 0) + by);
}

/** Adds the rows that are summed over the group. */
export function finishPlan(plan: Plan): void {
  for (const [id, source] of plan.sources) push(plan, 'sources', [id, source.total, source.repeats, source.lastAt]);
  for (const [id, minutes] of plan.minutes)
    for (const [minute, count] of minutes) push(plan, 'sourceMinutes', [id, minute, count]);
  for (const [id, fields] of plan.notCarried)
    for (const [field, count] of fields) push(plan, 'notCarried', [id, field, count]);
  for (const [id, counts] of plan.outlets)
    push(plan, 'outlets', [id, counts.waiting, counts.parked, counts.sent, counts.lastSentAt]);
  for (const [name, count] of plan.tallies) push(plan, 'tallies', [name, count]);
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
