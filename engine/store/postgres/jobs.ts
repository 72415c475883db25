/** Jobs that several processes share: planned from their rows, leased in SQL. */
import { MixError } from '../../../schemas/errors/index.ts';
import type { Job, JobKind } from '../../../schemas/parts.ts';
import { jobOf, slides } from '../board.ts';
import { idToKey } from '../codec.ts';
import type { Row } from '../database.ts';
import { type Item, jobOfRow, latin, type Plan, push, type Work } from '../group.ts';
import type { JobPlanner } from '../plan-jobs.ts';
import type { CommitUnit, JobUnit } from '../unit.ts';
import { isPassing, type PgConnection } from './database.ts';
import { leases } from './statements.ts';

/** What the rows say of the jobs that a group is about. */
export interface KnownJobs {
  /** By id; all are locked. */
  leased: Map<string, Row>;
  /** Waiting jobs of sliding kinds, by kind and subject. */
  sliders: Map<string, Row>;
  /** Every job of the subjects that are put back or settled. */
  subjects: Map<string, Row[]>;
}

export const sliderName = (kind: string, subject: Buffer): string => `${kind}|${latin(subject)}`;

/** Plans jobs for one group. */
export class RowJobs implements JobPlanner {
  readonly #known: KnownJobs;

  constructor(known: KnownJobs) {
    this.#known = known;
  }

  faultIn(unit: CommitUnit): MixError | undefined {
    for (const leased of [unit.jobDone, unit.jobParked, unit.jobRetry]) {
      if (!leased) continue;
      const row = this.#known.leased.get(leased.id);
      if (row?.state !== 'leased' || row.fence !== leased.fence) return new MixError('store.fenced');
    }
    return undefined;
  }

  planUnit(plan: Plan, item: Item, unit: CommitUnit): void {
    const { jobDone, jobParked, jobRetry } = unit;
    if (jobDone) push(plan, 'jobsGone', [this.#row(jobDone.id).seq as number]);
    if (jobParked) {
      const row = this.#row(jobParked.id);
      const fault = JSON.stringify(jobParked.fault);
      push(plan, 'jobsChanged', [
        row.seq as number,
        'parked',
        jobParked.blocks ? 1 : 0,
        row.due_at as number,
        row.attempts as number,
        fault,
      ]);
    }
    if (jobRetry) {
      const row = this.#row(jobRetry.id);
      const attempts = (row.attempts as number) + 1;
      push(plan, 'jobsChanged', [
        row.seq as number,
        'ready',
        0,
        jobRetry.dueAt,
        attempts,
        JSON.stringify(jobRetry.fault),
      ]);
    }
    if (unit.parkedSettled) push(plan, 'parkedGone', [unit.parkedSettled.subject]);
    for (const job of unit.jobsNew) this.planNew(plan, item, job);
  }

  planNew(plan: Plan, _item: Item, job: JobUnit): void {
    const subject = idToKey(job.subject);
    const waiting = slides(job.kind) ? this.#known.sliders.get(sliderName(job.kind, subject)) : undefined;
    if (waiting) {
      const dueAt = Math.min(job.dueAt, (waiting.latest_at as number | null) ?? Number.POSITIVE_INFINITY);
      push(plan, 'jobsChanged', [
        waiting.seq as number,
        'ready',
        0,
        dueAt,
        waiting.attempts as number,
        waiting.fault as string | null,
      ]);
      return;
    }
    push(plan, 'jobs', [
      plan.counters.job++,
      idToKey(job.id),
      job.kind,
      subject,
      Buffer.from(job.keys.join(''), 'latin1'),
      'ready',
      0,
      job.dueAt,
      job.latestAt ?? null,
      0,
      null,
    ]);
  }

  planRequeue(plan: Plan, _parked: Row[], item: Item, work: Extract<Work, { kind: 'requeue' }>): void {
    const rows = (this.#known.subjects.get(latin(work.subject)) ?? []).filter((row) => row.kind === work.job.kind);
    const parked = rows.find((row) => row.state === 'parked');
    if (!parked && rows.length > 0) return;
    if (work.message) push(plan, 'messageStates', [work.message, 'kept']);
    // Back at its old place, so that a parked merge still goes before what it held back.
    if (parked) push(plan, 'jobsChanged', [parked.seq as number, 'ready', 0, work.job.dueAt, 0, null]);
    else this.planNew(plan, item, work.job);
  }

  #row(id: string): Row {
    const row = this.#known.leased.get(id);
    if (!row) throw new MixError('store.fenced');
    return row;
  }
}

export interface LeaseSettings {
  /** Stands for this process in the rows of the jobs it holds. */
  holder: number;
  lock: bigint;
  leaseMs: number;
  /** A job that was given so long ago is not renewed any more. */
  longestMs: number;
}

const triesMax = 5;

/** Leases jobs to this process and keeps the leases of those at work. */
export class Leaser {
  readonly #connection: () => Promise<PgConnection>;
  readonly #settings: LeaseSettings;

  constructor(connection: () => Promise<PgConnection>, settings: LeaseSettings) {
    this.#connection = connection;
    this.#settings = settings;
  }

  /**
   * Up to `limit` jobs that may run now, oldest first of each kind; and when time alone may make another one of the kinds asked ready
   * (one is due, or a lease of any runs out).
   */
  async lease(kinds: readonly JobKind[], limit: number, now: number): Promise<{ jobs: Job[]; dueAt: number }> {
    const jobs: Job[] = [];
    let dueAt = Number.POSITIVE_INFINITY;
    for (const kind of kinds) {
      if (jobs.length >= limit) break;
      const taken = await this.#take(kind, limit - jobs.length, now);
      for (const row of taken.rows) jobs.push(leasedJob(row));
      dueAt = Math.min(dueAt, taken.dueAt);
    }
    return { jobs, dueAt };
  }

  /** Keeps what this process has at work. */
  async renew(now: number): Promise<void> {
    const { holder, leaseMs, longestMs } = this.#settings;
    await (await this.#connection()).all(leases.renew, [holder, now, leaseMs, longestMs]);
  }

  /** Gives back what this process has at work, at its end. */
  async release(): Promise<void> {
    await (await this.#connection()).all(leases.release, [this.#settings.holder]);
  }

  async #take(kind: JobKind, limit: number, now: number): Promise<{ rows: Row[]; dueAt: number }> {
    const { holder, lock, leaseMs } = this.#settings;
    for (let tries = 1; ; tries++) {
      const connection = await this.#connection();
      try {
        const answers = await connection.together([
          { sql: 'BEGIN', values: [] },
          // A lease that is lost with the server is given again, so nobody waits for the disk.
          { sql: 'SET LOCAL synchronous_commit TO off', values: [] },
          { sql: leases.lock, values: [lock.toString()] },
          { sql: leases.takeBack, values: [now] },
          { sql: leases.take, values: [kind, now, limit, holder, leaseMs] },
          { sql: leases.nextDue, values: [kind, now] },
          { sql: 'COMMIT', values: [] },
        ]);
        const rows = answers[4]!.sort((a, b) => (a.seq as number) - (b.seq as number));
        return { rows, dueAt: (answers[5]![0]?.at as number | null) ?? Number.POSITIVE_INFINITY };
      } catch (error) {
        await connection.raw('ROLLBACK').catch(() => undefined);
        if (tries >= triesMax || !isPassing(error)) throw error;
      }
    }
  }
}

function leasedJob(row: Row): Job {
  const fence = row.fence as number;
  return jobOf({ ...jobOfRow(row), state: 'leased', fence, leasedUntil: 0, behind: 0, held: false });
}
