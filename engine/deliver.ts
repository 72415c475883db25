/**
 * Everything that waits for others: a lane of work for each outlet, with its own limit and circuit breaker.
 *
 * The jobs of an outlet at rest are not even leased, so one that is down for a week costs one try a rest. Order per patient and outlet
 * is the store's: a job runs only when it is the oldest for all its keys.
 */
import type { Fault } from '../schemas/errors/index.ts';
import type { Job, JobKind } from '../schemas/parts.ts';
import type { OutletState } from '../schemas/portal-exchange.ts';
import { afterAnswer, afterFailure, afterRest, type Breaker, backOff, newBreaker, roomOf } from './outbound/index.ts';
import { type Ending, parkUnsent, type SendParts, sendOne } from './send.ts';

export interface DeliverParts extends SendParts {
  /** [0, 1); default `Math.random`. */
  random?(): number;
}

/** The settings of the room `deliver`, ms. */
export interface DeliverLimits {
  inFlightMax: number;
  firstRetryMs: number;
  longestRetryMs: number;
  giveUpMs: number;
  breakAfter: number;
  restMs: number;
}

export interface Deliverer {
  /** Begins to send. */
  start(): void;
  /** Ends when what is under way has been answered. */
  stop(): Promise<void>;
  /** Names of the peers and outlets there are now; what waits for others is parked as `outlet.unknown`. */
  setOutlets(names: readonly string[]): void;
  /** A human wants it tried now: ends the rest of an outlet, or of all. */
  wake(outlet?: string): void;
  states(): OutletState[];
}

const IDLE_MS = 1_000;
const FAILURE_PAUSE_MS = 1_000;
/** How often it is looked for what is too old or belongs nowhere. */
const SWEEP_MS = 60_000;
const SWEEP_BATCH = 500;

interface Lane {
  name: string;
  breaker: Breaker;
  underWay: number;
}

export function createDeliverer(parts: DeliverParts, limits: DeliverLimits): Deliverer {
  const { store, clock, log } = parts;
  const random = parts.random ?? Math.random;
  const pauses = { firstMs: limits.firstRetryMs, longestMs: limits.longestRetryMs };
  const breaking = {
    breakAfter: limits.breakAfter,
    rests: { firstMs: limits.restMs, longestMs: Math.max(limits.restMs, limits.longestRetryMs) },
  };
  const lanes = new Map<string, Lane>();
  const atWork = new Set<Promise<void>>();
  let stopped = true;
  let running: Promise<void> | undefined;
  let wakeUp: () => void = () => {};
  let lastSweep = Number.NEGATIVE_INFINITY;

  function dueAfter(lane: Lane, failed: { attempts: number; ending: Ending; ofOutlet: boolean }): number {
    const now = clock.now();
    if (failed.ending.is === 'failed') fail(lane, failed.ending, now);
    const pause = now + backOff(failed.attempts, pauses, random);
    if (lane.breaker.state !== 'open') return pause;
    // What failed for its own sake lets others make the next try.
    return failed.ofOutlet ? lane.breaker.until : Math.max(pause, lane.breaker.until + limits.firstRetryMs);
  }

  function fail(lane: Lane, ending: Extract<Ending, { is: 'failed' }>, now: number): void {
    const before = lane.breaker;
    const { fault, restMs } = ending;
    const failed = restMs === undefined ? { now, fault } : { now, fault, restMs };
    lane.breaker = afterFailure(before, failed, breaking, random);
    if (lane.breaker.state === 'open' && before.state === 'closed')
      log.warn({ outlet: lane.name, code: fault.code, until: lane.breaker.until }, 'an outlet rests');
  }

  /** `counted`: the failure was told to the breaker when its next try was set. */
  function answered(lane: Lane): void {
    if (lane.breaker.state !== 'closed') log.info({ outlet: lane.name }, 'an outlet answers again');
    lane.breaker = afterAnswer(lane.breaker, clock.now());
  }

  async function work(lane: Lane, job: Job): Promise<void> {
    lane.underWay += 1;
    let counted = false;
    try {
      const ending = await sendOne(
        parts,
        {
          giveUpMs: limits.giveUpMs,
          dueAfter(failed) {
            counted = failed.ending.is === 'failed';
            return dueAfter(lane, failed);
          },
        },
        job,
      );
      if (ending.is === 'answered') answered(lane);
      if (ending.is === 'failed' && !counted) fail(lane, ending, clock.now());
    } catch (cause) {
      // The lease runs out and the job comes again; nothing is lost.
      log.error({ job: job.id, outlet: lane.name, name: nameOf(cause) }, 'a delivery could not be settled');
    } finally {
      lane.underWay -= 1;
      wakeUp();
    }
  }

  /** Gives every lane what it has room for; tells when the next rest is over. */
  async function fill(): Promise<number> {
    const now = clock.now();
    let next = Number.POSITIVE_INFINITY;
    for (const lane of lanes.values()) {
      lane.breaker = afterRest(lane.breaker, now);
      if (lane.breaker.state === 'open') next = Math.min(next, lane.breaker.until);
      const room = roomOf(lane.breaker, lane.underWay, limits.inFlightMax);
      if (room === 0) continue;
      for (const job of await store.lease([kindOf(lane.name)], room)) begin(work(lane, job));
    }
    return next;
  }

  function begin(doing: Promise<void>): void {
    atWork.add(doing);
    void doing.finally(() => atWork.delete(doing));
  }

  /** Parks what waits for nobody, and what an outlet at rest has kept too long. */
  async function sweep(): Promise<void> {
    const now = clock.now();
    if (now - lastSweep < SWEEP_MS) return;
    lastSweep = now;
    for (const { outlet, waiting, oldestAt } of await store.outletStats()) {
      const lane = lanes.get(outlet);
      if (waiting === 0) continue;
      if (lane === undefined) await parkAll(outlet, { code: 'outlet.unknown', place: outlet });
      else if (lane.breaker.state === 'open' && oldestAt !== undefined && now - oldestAt > limits.giveUpMs)
        await parkOld(lane, now - limits.giveUpMs);
    }
  }

  async function parkAll(outlet: string, fault: Fault): Promise<void> {
    for (;;) {
      const jobs = await store.lease([kindOf(outlet)], SWEEP_BATCH);
      if (jobs.length === 0 || stopped) return;
      await Promise.all(jobs.map((job) => parkUnsent(parts, job, fault)));
    }
  }

  async function parkOld(lane: Lane, before: number): Promise<void> {
    const jobs = await store.lease([kindOf(lane.name)], SWEEP_BATCH);
    const fault = lane.breaker.fault ?? { code: 'exchange.unreachable' };
    await Promise.all(
      jobs.map(async (job) => {
        const delivery = await store.delivery(job.subject);
        if (delivery === undefined || delivery.createdAt < before) return parkUnsent(parts, job, fault);
        return store.commit({ jobRetry: { id: job.id, fence: job.fence, dueAt: lane.breaker.until, fault } });
      }),
    );
  }

  async function run(): Promise<void> {
    let jobs: Promise<void> | undefined;
    while (!stopped) {
      const woken = new Promise<void>((resolve) => {
        wakeUp = resolve;
      });
      try {
        await sweep();
        const next = await fill();
        // One wait at a time: it outlives a wake by a lane of our own.
        jobs ??= store.waitForJobs(IDLE_MS).finally(() => {
          jobs = undefined;
        });
        const rest = next - clock.now();
        await Promise.race(rest < IDLE_MS ? [jobs, woken, pause(Math.max(rest, 0))] : [jobs, woken]);
      } catch (cause) {
        log.error({ name: nameOf(cause) }, 'the deliverer failed and goes on');
        await Promise.race([pause(FAILURE_PAUSE_MS), woken]);
      }
    }
    await Promise.all(atWork);
  }

  return {
    start() {
      if (!stopped) return;
      stopped = false;
      running = run();
    },
    async stop() {
      stopped = true;
      wakeUp();
      await running;
    },
    setOutlets(names) {
      const now = clock.now();
      for (const name of names) if (!lanes.has(name)) lanes.set(name, { name, breaker: newBreaker(now), underWay: 0 });
      for (const name of lanes.keys()) if (!names.includes(name)) lanes.delete(name);
      lastSweep = Number.NEGATIVE_INFINITY;
      wakeUp();
    },
    wake(outlet) {
      for (const lane of lanes.values()) {
        if (lane.breaker.state === 'open' && (outlet === undefined || outlet === lane.name))
          lane.breaker = { ...lane.breaker, until: clock.now() };
      }
      wakeUp();
    },
    states: () => [...lanes.values()].map(stateOf),
  };
}

function kindOf(outlet: string): JobKind {
  return `deliver/${outlet}`;
}

function stateOf({ name, breaker, underWay }: Lane): OutletState {
  const state = { closed: 'up', open: 'resting', 'half-open': 'trying' }[breaker.state] as OutletState['state'];
  const told: OutletState = {
    outlet: name,
    state,
    // A place that does not answer is down since its first failure, however often it was tried meanwhile.
    since: state === 'up' ? breaker.since : (breaker.failingSince ?? breaker.since),
    inFlight: underWay,
    failures: breaker.failures,
  };
  if (breaker.fault !== undefined) told.fault = breaker.fault;
  return told;
}

function nameOf(cause: unknown): string {
  return cause instanceof Error ? cause.name : typeof cause;
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
