/** What units of work do to the jobs: judged against the board, written as rows, and told to the board after the commit. */
import { MixError } from '../../schemas/errors/index.ts';
import type { Board } from './board.ts';
import { idToKey } from './codec.ts';
import type { Row } from './database.ts';
import { type Item, jobOfRow, type Plan, push, type Work } from './group.ts';
import type { CommitUnit, JobUnit } from './unit.ts';

/** Plans the rows of jobs; how it knows them is its own affair. */
export interface JobPlanner {
  /** Tells when a unit no longer holds the lease of its job. */
  faultIn(unit: CommitUnit): MixError | undefined;
  planUnit(plan: Plan, item: Item, unit: CommitUnit): void;
  planNew(plan: Plan, item: Item, job: JobUnit): void;
  /** `parked`: rows of parked jobs of its subject. */
  planRequeue(plan: Plan, parked: Row[], item: Item, work: Extract<Work, { kind: 'requeue' }>): void;
}

/** Jobs of the one process that owns the file: the board knows them all. */
export class BoardJobs implements JobPlanner {
  readonly #board: Board;

  constructor(board: Board) {
    this.#board = board;
  }

  faultIn(unit: CommitUnit): MixError | undefined {
    for (const leased of [unit.jobDone, unit.jobParked, unit.jobRetry]) {
      if (!leased) continue;
      const job = this.#board.get(leased.id);
      if (job?.state !== 'leased' || job.fence !== leased.fence) return new MixError('store.fenced');
    }
    return undefined;
  }

  planUnit(plan: Plan, item: Item, unit: CommitUnit): void {
    const board = this.#board;
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
    if (unit.parkedSettled) {
      const { id, subject } = unit.parkedSettled;
      push(plan, 'parkedGone', [subject]);
      item.effects.push(() => {
        if (board.get(id)?.state === 'parked') board.finish(id);
      });
    }
    for (const job of unit.jobsNew) this.planNew(plan, item, job);
  }

  planNew(plan: Plan, item: Item, job: JobUnit): void {
    const board = this.#board;
    const waiting = board.waitingSlider(job.kind, job.subject);
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

  planRequeue(plan: Plan, rows: Row[], item: Item, work: Extract<Work, { kind: 'requeue' }>): void {
    const board = this.#board;
    const parked = rows.find((row) => row.kind === work.job.kind);
    if (!parked && board.list().some((job) => job.subject === work.job.subject && job.kind === work.job.kind)) return;
    if (work.message) push(plan, 'messageStates', [work.message, 'kept']);
    if (!parked) {
      this.planNew(plan, item, work.job);
      return;
    }
    const job = jobOfRow(parked);
    push(plan, 'jobsChanged', [job.seq, 'ready', 0, work.job.dueAt, 0, null]);
    item.effects.push(() => {
      // Back at its old place, so that a parked merge still goes before what it held back.
      board.finish(job.id);
      board.add({ ...job, dueAt: work.job.dueAt, attempts: 0, lastFault: undefined });
    });
  }
}
