/**
 * The waiting work in memory: the same rows as the `jobs` table, in the same order, so that a lease costs no statement.
 * SQL stays the truth: a job enters here after the commit that wrote it and leaves after the commit that deleted it.
 *
 * A job may run when it is the oldest for every key it has, due, and not parked. Parked jobs hold their keys only when they block.
 */
import type { Fault } from '../../schemas/errors/index.ts';
import type { Job, JobKind } from '../../schemas/parts.ts';

export interface BoardJob {
  seq: number;
  id: string;
  kind: JobKind;
  subject: string;
  /** Tokens of the keys as latin1 texts of 12 characters; no doubles. */
  keys: string[];
  dueAt: number;
  latestAt: number | undefined;
  attempts: number;
  lastFault: Fault | undefined;
  state: 'ready' | 'leased' | 'parked';
  /** 0 until it was leased. */
  fence: number;
  leasedUntil: number;
  /** Keys for which an older job stands before it. */
  behind: number;
  /** A commit that changes the job is on its way: it is not leased meanwhile. */
  held: boolean;
}

/** Kinds of which one job waits for a subject, put off until quiet. */
export function slides(kind: JobKind): boolean {
  return kind === 'document' || kind === 'feed';
}

export type NewBoardJob = Pick<
  BoardJob,
  'seq' | 'id' | 'kind' | 'subject' | 'keys' | 'dueAt' | 'latestAt' | 'attempts' | 'lastFault'
>;

/** A binary heap; smallest score first. Entries that are no longer true are left in and skipped when they come up. */
class Heap {
  readonly #scores: number[] = [];
  readonly #jobs: BoardJob[] = [];

  get size(): number {
    return this.#jobs.length;
  }

  top(): { score: number; job: BoardJob } | undefined {
    const job = this.#jobs[0];
    return job && { score: this.#scores[0]!, job };
  }

  push(score: number, job: BoardJob): void {
    let at = this.#jobs.length;
    this.#scores.push(score);
    this.#jobs.push(job);
    while (at > 0) {
      const up = (at - 1) >> 1;
      if (this.#scores[up]! <= score) break;
      this.#scores[at] = this.#scores[up]!;
      this.#jobs[at] = this.#jobs[up]!;
      at = up;
    }
    this.#scores[at] = score;
    this.#jobs[at] = job;
  }

  pop(): BoardJob | undefined {
    const first = this.#jobs[0];
    const score = this.#scores.pop();
    const job = this.#jobs.pop();
    const size = this.#jobs.length;
    if (size === 0 || score === undefined || job === undefined) return first;
    let at = 0;
    for (;;) {
      let down = at * 2 + 1;
      if (down >= size) break;
      if (down + 1 < size && this.#scores[down + 1]! < this.#scores[down]!) down++;
      if (this.#scores[down]! >= score) break;
      this.#scores[at] = this.#scores[down]!;
      this.#jobs[at] = this.#jobs[down]!;
      at = down;
    }
    this.#scores[at] = score;
    this.#jobs[at] = job;
    return first;
  }
}

export class Board {
  readonly #jobs = new Map<string, BoardJob>();
  /** Unfinished jobs by key, oldest first. */
  readonly #queues = new Map<string, BoardJob[]>();
  readonly #ready = new Map<JobKind, Heap>();
  readonly #later = new Heap();
  readonly #leased = new Set<BoardJob>();
  /** The waiting (not leased) sliding job of a kind and subject. */
  readonly #sliders = new Map<string, BoardJob>();
  readonly #leaseMs: number;
  #fence: number;
  #parked = 0;
  /** Deliveries among the jobs. */
  #outward = 0;

  /** `fence`: larger than every fence of an earlier process. `leaseMs`: after it a job is given again, and its former holder's commit is refused. */
  constructor(fence: number, leaseMs: number) {
    this.#fence = fence;
    this.#leaseMs = leaseMs;
  }

  /** Jobs that wait or run. */
  get waiting(): number {
    return this.#jobs.size - this.#parked;
  }

  /** Those of them that do not wait for others: a region that is down for a week must not make a hospital refuse messages. */
  get waitingHere(): number {
    return Math.max(0, this.waiting - this.#outward);
  }

  get(id: string): BoardJob | undefined {
    return this.#jobs.get(id);
  }

  /** The job of a sliding kind that still waits for this subject, so that a new one slides it instead. */
  waitingSlider(kind: JobKind, subject: string): BoardJob | undefined {
    return slides(kind) ? this.#sliders.get(`${kind}|${subject}`) : undefined;
  }

  add(job: NewBoardJob, state: 'ready' | 'parked' = 'ready'): void {
    const added: BoardJob = { ...job, state, fence: 0, leasedUntil: 0, behind: 0, held: false };
    this.#jobs.set(added.id, added);
    if (state === 'parked') this.#parked++;
    if (isOutward(added)) this.#outward++;
    for (const key of added.keys) this.#enqueue(key, added);
    if (slides(added.kind) && state === 'ready') this.#sliders.set(`${added.kind}|${added.subject}`, added);
    this.#offer(added);
  }

  /** Up to `limit` jobs that may run now; they are leased with a new fence. */
  lease(kinds: readonly JobKind[], limit: number, now: number): BoardJob[] {
    this.#wakeDue(now);
    this.#takeBack(now);
    const given: BoardJob[] = [];
    for (const kind of kinds) {
      const heap = this.#ready.get(kind);
      while (heap && given.length < limit) {
        const job = heap.pop();
        if (!job) break;
        if (!this.#mayRun(job)) continue;
        if (job.dueAt > now) {
          this.#later.push(job.dueAt, job);
          continue;
        }
        job.state = 'leased';
        job.fence = ++this.#fence;
        job.leasedUntil = now + this.#leaseMs;
        this.#leased.add(job);
        this.#dropSlider(job);
        given.push(job);
      }
    }
    return given;
  }

  /** When the next job that only waits for its time is due; undefined for none. */
  nextDue(): number | undefined {
    return this.#later.top()?.score;
  }

  hasReady(): boolean {
    for (const heap of this.#ready.values()) if (heap.size > 0) return true;
    return false;
  }

  finish(id: string): void {
    const job = this.#jobs.get(id);
    if (!job) return;
    this.#jobs.delete(id);
    if (job.state === 'parked') this.#parked--;
    if (isOutward(job)) this.#outward--;
    this.#leased.delete(job);
    this.#dropSlider(job);
    this.#release(job);
  }

  /** Parked for good: stays here only when it blocks those behind it. */
  park(id: string, blocks: boolean, fault: Fault): void {
    const job = this.#jobs.get(id);
    if (!job) return;
    if (!blocks) {
      this.finish(id);
      return;
    }
    this.#leased.delete(job);
    if (job.state !== 'parked') this.#parked++;
    job.state = 'parked';
    job.lastFault = fault;
  }

  /** Runs again at `dueAt`; keeps its place, so what stands behind it waits. */
  retry(id: string, dueAt: number, fault: Fault): void {
    const job = this.#jobs.get(id);
    if (!job) return;
    this.#leased.delete(job);
    job.state = 'ready';
    job.attempts++;
    job.lastFault = fault;
    job.dueAt = dueAt;
    const name = `${job.kind}|${job.subject}`;
    if (slides(job.kind) && !this.#sliders.has(name)) this.#sliders.set(name, job);
    this.#offer(job);
  }

  hold(job: BoardJob): void {
    job.held = true;
  }

  /** The commit that held the job is through (`dueAt` changed) or failed (unchanged). */
  unhold(job: BoardJob, dueAt?: number): void {
    job.held = false;
    if (dueAt !== undefined) job.dueAt = dueAt;
    if (this.#jobs.get(job.id) === job) this.#offer(job);
  }

  /** All jobs, newest first. */
  list(): BoardJob[] {
    return [...this.#jobs.values()].sort((a, b) => b.seq - a.seq);
  }

  #dropSlider(job: BoardJob): void {
    if (!slides(job.kind)) return;
    const name = `${job.kind}|${job.subject}`;
    if (this.#sliders.get(name) === job) this.#sliders.delete(name);
  }

  #mayRun(job: BoardJob): boolean {
    return job.state === 'ready' && job.behind === 0 && !job.held && this.#jobs.get(job.id) === job;
  }

  #offer(job: BoardJob): void {
    if (!this.#mayRun(job)) return;
    let heap = this.#ready.get(job.kind);
    if (!heap) {
      heap = new Heap();
      this.#ready.set(job.kind, heap);
    }
    heap.push(job.seq, job);
  }

  #wakeDue(now: number): void {
    for (let top = this.#later.top(); top && top.score <= now; top = this.#later.top()) {
      this.#later.pop();
      this.#offer(top.job);
    }
  }

  #takeBack(now: number): void {
    // Leases are in order of their time, so the first that still holds ends the search.
    for (const job of this.#leased) {
      if (job.leasedUntil > now) return;
      this.#leased.delete(job);
      job.state = 'ready';
      this.#offer(job);
    }
  }

  /** Into the queue of a key by age, but never before one that runs. */
  #enqueue(key: string, job: BoardJob): void {
    const queue = this.#queues.get(key);
    if (!queue) {
      this.#queues.set(key, [job]);
      return;
    }
    let at = queue.length;
    while (at > 0 && queue[at - 1]!.seq > job.seq && queue[at - 1]!.state !== 'leased') at--;
    queue.splice(at, 0, job);
    if (at > 0) job.behind++;
    else if (queue.length > 1) queue[1]!.behind++;
  }

  #release(job: BoardJob): void {
    for (const key of job.keys) {
      const queue = this.#queues.get(key);
      if (!queue) continue;
      const at = queue.indexOf(job);
      if (at < 0) continue;
      queue.splice(at, 1);
      if (queue.length === 0) this.#queues.delete(key);
      else if (at === 0) {
        const head = queue[0]!;
        head.behind--;
        this.#offer(head);
      }
    }
  }
}

function isOutward(job: BoardJob): boolean {
  return job.kind.startsWith('deliver');
}

/** The job as its worker sees it. Keys come back as `=` texts of their tokens, which the store takes as keys too. */
export function jobOf(job: BoardJob): Job {
  const told: Job = {
    id: job.id,
    kind: job.kind,
    subject: job.subject,
    keys: job.keys.map((key) => `=${Buffer.from(key, 'latin1').toString('base64url')}`),
    dueAt: job.dueAt,
    attempts: job.attempts,
    fence: job.fence,
  };
  if (job.latestAt !== undefined) told.latestAt = job.latestAt;
  if (job.lastFault) told.lastFault = job.lastFault;
  return told;
}
