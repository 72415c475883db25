/** The commit lane: units wait in memory, the one writer takes what waits and shares a transaction among it. */
import { MixError } from '../../schemas/errors/index.ts';
import type { Item, KeepResult, Work } from './group.ts';

export interface LaneLimits {
  /** Units and bytes that may wait. */
  unitsMax: number;
  bytesMax: number;
  /** Units and bytes of one transaction. */
  groupUnitsMax: number;
  groupBytesMax: number;
}

/** Writes a group of units and settles each; returns those that must go with the next group. */
export interface LaneWriter {
  write(items: Item[]): Promise<Item[]>;
}

export class Lane {
  readonly #writer: LaneWriter;
  readonly #limits: LaneLimits;
  readonly #wrote: () => void;
  #queue: Item[] = [];
  #bytes = 0;
  #pumping: Promise<void> | undefined;
  #closed = false;
  readonly written = { groups: 0, units: 0 };

  constructor(writer: LaneWriter, limits: LaneLimits, wrote: () => void) {
    this.#writer = writer;
    this.#limits = limits;
    this.#wrote = wrote;
  }

  /** Throws `store.busy` when the lane is at its limit, `store.closed` after `close`. Ask before the work of sealing. */
  requireRoom(): void {
    if (this.#closed) throw new MixError('store.closed');
    if (this.#queue.length >= this.#limits.unitsMax || this.#bytes >= this.#limits.bytesMax)
      throw new MixError('store.busy');
  }

  /** Resolves after the commit of the unit's group. */
  submit(work: Work, bytes: number): Promise<KeepResult | undefined> {
    this.requireRoom();
    return new Promise((resolve, reject) => {
      this.#queue.push({ work, bytes, resolve, reject, effects: [], undo: [] });
      this.#bytes += bytes;
      this.#pumping ??= this.#pump();
    });
  }

  /** Writes what waits, then refuses. */
  async close(): Promise<void> {
    this.#closed = true;
    await this.#pumping;
  }

  async #pump(): Promise<void> {
    // What is submitted in the same turn shares the first transaction too.
    await Promise.resolve();
    while (this.#queue.length > 0) {
      const group = this.#take();
      const deferred = await this.#writer.write(group);
      if (deferred.length > 0) {
        this.#queue = [...deferred, ...this.#queue];
        for (const item of deferred) this.#bytes += item.bytes;
      }
      this.written.groups += 1;
      this.written.units += group.length - deferred.length;
      this.#wrote();
    }
    this.#pumping = undefined;
  }

  #take(): Item[] {
    let count = 0;
    let bytes = 0;
    for (const item of this.#queue) {
      if (count >= this.#limits.groupUnitsMax || (count > 0 && bytes + item.bytes > this.#limits.groupBytesMax)) break;
      bytes += item.bytes;
      count++;
    }
    this.#bytes -= bytes;
    return this.#queue.splice(0, count);
  }
}
