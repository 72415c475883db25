/**
 * The node's own hands: leases jobs and gives them to the verb that does them. Every wait is bounded, every failure ends in a
 * retry or in a parked job, and a stop lets what was begun come to its end.
 */
import type { Job, JobKind, Log, Store } from '../schemas/parts.ts';

export interface Lane {
  kinds: JobKind[];
  /** Jobs of one lease. */
  batch: number;
  /** Leases at work side by side: one may wait for its commit while the next computes. */
  abreast: number;
  work(jobs: Job[]): Promise<void>;
}

const IDLE_MS = 1_000;
const FAILURE_PAUSE_MS = 1_000;

/** Starts the lanes; returns the way to stop, which resolves when the last batch has ended. */
export function runJobs(parts: { store: Store; log: Log }, lanes: Lane[]): () => Promise<void> {
  let stopped = false;
  let wake: () => void = () => {};
  const stopping = new Promise<void>((resolve) => {
    wake = resolve;
  });
  const loops = lanes.flatMap((lane) => Array.from({ length: lane.abreast }, () => loop(lane)));

  async function loop(lane: Lane): Promise<void> {
    while (!stopped) {
      try {
        const jobs = await parts.store.lease(lane.kinds, lane.batch);
        if (jobs.length > 0) await lane.work(jobs);
        else if (!stopped) await Promise.race([parts.store.waitForJobs(IDLE_MS), stopping]);
      } catch (cause) {
        if (stopped) return;
        parts.log.error(
          { kinds: lane.kinds, name: cause instanceof Error ? cause.name : typeof cause },
          'a lane of work failed and goes on',
        );
        await new Promise((resolve) => setTimeout(resolve, FAILURE_PAUSE_MS));
      }
    }
  }

  return async () => {
    stopped = true;
    wake();
    await Promise.all(loops);
  };
}
