/**
 * Writes many units in one transaction: what must be known is asked once for all of them, units that do not hold are left out,
 * and the rows of the rest go in as few statements as there are tables.
 */
import type { MixError } from '../../schemas/errors/index.ts';
import type { Seal, WrappedKey } from '../../schemas/parts.ts';
import { idToKey } from './codec.ts';
import { type Connection, packKeys, packRows, type Row, type Value } from './database.ts';
import { type Counters, finishPlan, type Item, type Known, latin, newPlan, push, type Rows } from './group.ts';
import type { Hot } from './hot.ts';
import { Planner, type PlannerParts } from './plan.ts';
import { askIndex, emptyAsked, emptyIndex, knownIndex } from './plan-index.ts';
import { checks, lane, writes } from './statements.ts';

/** What the writer needs from the store. */
export interface WriterParts extends PlannerParts {
  connection: Connection;
  seal: Seal;
  /** Persons whose rows are known without asking. */
  hot: Hot;
}

export class GroupWriter {
  readonly #parts: WriterParts;
  readonly #planner: Planner;
  #counters: Counters;
  /** New data keys that no commit has written yet. */
  #keys: WrappedKey[] = [];

  constructor(parts: WriterParts, counters: Counters) {
    this.#parts = parts;
    this.#planner = new Planner(parts);
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
      deferred = await this.#writeItems(items);
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

  /** A group of its own for each unit, so that one that fails takes no other with it. */
  async #writeOneByOne(items: Item[]): Promise<void> {
    for (const [at, item] of items.entries()) {
      try {
        await this.#writeItems([item]);
      } catch (error) {
        const failed = isLocal(error as MixError) ? [item] : items.slice(at);
        reset(failed);
        for (const one of failed) one.fault = error as MixError;
        if (failed.length > 1) return;
      }
    }
  }

  /** One transaction. What it changed here counts only when it is through. */
  async #writeItems(items: Item[]): Promise<Item[]> {
    const known = await this.#ask(items);
    const plan = newPlan({ ...this.#counters });
    const keys = this.#keys.length;
    for (const key of this.#keys) push(plan, 'keys', [key.name, key.wrapped]);
    const deferred: Item[] = [];
    for (const item of items) if (!this.#planner.add(plan, known, item)) deferred.push(item);
    finishPlan(plan);
    await this.#execute(plan.rows);
    this.#keys.splice(0, keys);
    this.#counters = plan.counters;
    return deferred;
  }

  async #execute(rows: Rows): Promise<void> {
    const values: Value[] = [this.#counters.epoch];
    for (const name of lane.names) {
      const list = rows[name];
      const [text, bytes] = list ? packRows(list, writes[name].blobs ?? []) : [];
      values.push(text ?? null, bytes ?? null);
    }
    await this.#parts.connection.run(lane.write, values);
  }

  async #ask(items: Item[]): Promise<Known> {
    const seen: Value[][] = [];
    const persons: Value[][] = [];
    const tokens: Value[][] = [];
    const entries: Value[][] = [];
    const parked: Value[][] = [];
    const deliveries: Value[][] = [];
    const received: Value[][] = [];
    const index = emptyAsked();
    const known: Known = {
      seen: new Map(),
      persons: new Map(),
      holders: new Map(),
      entries: new Map(),
      parked: new Map(),
      deliveries: new Map(),
      received: new Set(),
      index: emptyIndex(),
    };
    const { hot } = this.#parts;
    items.forEach(({ work }, number) => {
      if (work.kind === 'keep' && work.keep.token) seen.push([number, work.keep.token, work.keep.digest]);
      if (work.kind === 'requeue') parked.push([work.subject]);
      if (work.kind !== 'commit') return;
      for (const person of work.commit.persons) {
        const facts = hot.facts(person.person.id);
        if (facts) known.persons.set(latin(person.id), { ...facts, words: Buffer.from(facts.words, 'latin1') });
        else persons.push([person.id]);
        for (const token of person.tokens) {
          const holder = hot.holder(latin(token));
          if (holder === undefined) tokens.push([token]);
          else known.holders.set(latin(token), { person: latin(idToKey(holder)), merged: false });
        }
      }
      for (const delivery of work.commit.deliveries) deliveries.push([delivery.id]);
      if (work.commit.received) received.push([work.commit.received.id]);
      if (work.commit.index) askIndex(index, work.commit.index);
      for (const { id, expect, facts } of work.commit.entries) {
        if (expect === 0) continue;
        const version = hot.entryVersion(facts.personId, facts.key, facts.id);
        if (version === undefined) entries.push([id]);
        else known.entries.set(latin(id), version);
      }
    });
    const [
      seenRows,
      personRows,
      holderRows,
      entryRows,
      parkedRows,
      deliveryRows,
      receivedRows,
      records,
      blocks,
      matchRows,
    ] = await Promise.all([
      this.#all(checks.seen, seen),
      this.#all(checks.persons, persons),
      this.#all(checks.identifiers, tokens),
      this.#all(checks.entries, entries),
      this.#all(checks.parkedJobs, parked),
      this.#all(checks.deliveries, deliveries),
      this.#all(checks.received, received),
      this.#all(checks.indexRecords, index.records),
      this.#all(checks.indexBlocks, index.blocks),
      this.#all(checks.matchItems, index.items),
    ]);
    known.index = knownIndex({ records, blocks, items: matchRows }, (token) => Buffer.from(token as string, 'hex'));
    for (const row of receivedRows) known.received.add(latin(row.id as Buffer));
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
    for (const row of deliveryRows)
      known.deliveries.set(latin(row.id as Buffer), { outlet: row.outlet as string, state: row.state as string });
    for (const row of entryRows) known.entries.set(latin(row.id as Buffer), row.version as number);
    for (const row of parkedRows) {
      const subject = latin(row.subject as Buffer);
      known.parked.set(subject, [...(known.parked.get(subject) ?? []), row]);
    }
    return known;
  }

  async #all(sqlOf: () => string, keys: Value[][]): Promise<Row[]> {
    return keys.length === 0 ? [] : this.#parts.connection.all(sqlOf(), [packKeys(keys)]);
  }
}

/** Does the failure belong to one unit, so that the others may still go in? */
export function isLocal(fault: MixError): boolean {
  return fault.fault.code === 'store.conflict' || fault.fault.code === 'store.failed';
}

/** Undoes what trying a group did to its units. */
export function reset(items: Item[]): void {
  for (const item of items) {
    for (const undo of item.undo) undo();
    item.undo = [];
    item.effects = [];
    item.result = undefined;
    item.fault = undefined;
  }
}

/** Tells every unit that is not deferred what became of it. */
export function settle(items: Item[], deferred: Set<Item>): void {
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
