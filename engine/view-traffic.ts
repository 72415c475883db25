/** What goes to and comes from other nodes, minute by minute: counts in memory, nothing about anybody; a restart begins anew. */
import type { ExchangeEngine, NodeSubject } from '../schemas/exchange.ts';
import type { Clock, OutletStats } from '../schemas/parts.ts';

export interface Traffic {
  /** A request of that node came in. */
  hear(node: string): void;
  /** Takes what the store counted: the difference to the last time is what was sent meanwhile. An outlet is not among it before its first delivery. */
  takeStats(stats: OutletStats[]): void;
  /** Deliveries sent in each of the last 60 minutes, oldest first. */
  sent(outlet: string): number[];
  /** Requests in each of the last 60 minutes, oldest first; undefined where none ever came. */
  heard(node: string): { lastAt: number; perMinute: number[] } | undefined;
}

const MINUTES = 60;
const MINUTE_MS = 60_000;
const NAMES_MAX = 2_000;

interface Ring {
  /** Minute since the epoch of the newest count. */
  minute: number;
  counts: number[];
  lastAt: number;
}

export function createTraffic(clock: Clock): Traffic {
  const heard = new Map<string, Ring>();
  const sent = new Map<string, Ring>();
  const totals = new Map<string, number>();
  let looked = false;

  function add(rings: Map<string, Ring>, name: string, count: number): void {
    const now = clock.now();
    const minute = Math.floor(now / MINUTE_MS);
    let ring = rings.get(name);
    if (ring === undefined) {
      if (rings.size >= NAMES_MAX) return;
      ring = { minute, counts: new Array<number>(MINUTES).fill(0), lastAt: now };
      rings.set(name, ring);
    }
    turn(ring, minute);
    ring.counts[MINUTES - 1] = (ring.counts[MINUTES - 1] ?? 0) + count;
    ring.lastAt = now;
  }
  function read(ring: Ring | undefined): number[] {
    if (ring === undefined) return new Array<number>(MINUTES).fill(0);
    turn(ring, Math.floor(clock.now() / MINUTE_MS));
    return [...ring.counts];
  }

  return {
    hear: (node) => add(heard, node, 1),
    takeStats(stats) {
      for (const { outlet, sent: total } of stats) {
        if (!totals.has(outlet) && totals.size >= NAMES_MAX) continue;
        // What the first look finds was sent nobody knows when; who comes later has sent all of it since.
        const before = totals.get(outlet) ?? (looked ? 0 : total);
        if (total > before) add(sent, outlet, total - before);
        totals.set(outlet, total);
      }
      looked = true;
    },
    sent: (outlet) => read(sent.get(outlet)),
    heard(node) {
      const ring = heard.get(node);
      return ring === undefined ? undefined : { lastAt: ring.lastAt, perMinute: read(ring) };
    },
  };
}

/** Moves the ring on to `minute`, with zeros for the minutes between. */
function turn(ring: Ring, minute: number): void {
  const steps = Math.min(MINUTES, Math.max(0, minute - ring.minute));
  if (steps === 0) return;
  ring.counts.splice(0, steps);
  for (let step = 0; step < steps; step += 1) ring.counts.push(0);
  ring.minute = minute;
}

/** The door to other nodes with every request counted; an admitted request counts, whatever becomes of it. */
export function countHeard(engine: ExchangeEngine, traffic: Traffic): ExchangeEngine {
  const count = <T>(from: NodeSubject, answer: T): T => {
    traffic.hear(from.id);
    return answer;
  };
  return {
    admitNode: (chain, requester) => engine.admitNode(chain, requester),
    feedPatient: (from, ...rest) => count(from, engine.feedPatient(from, ...rest)),
    provideDocuments: (from, ...rest) => count(from, engine.provideDocuments(from, ...rest)),
    withdrawDocument: (from, ...rest) => count(from, engine.withdrawDocument(from, ...rest)),
    findDocuments: (from, query) => count(from, engine.findDocuments(from, query)),
    retrieveDocument: (from, id) => count(from, engine.retrieveDocument(from, id)),
    crossReference: (from, query) => count(from, engine.crossReference(from, query)),
    removePatient: (from, ...rest) => count(from, engine.removePatient(from, ...rest)),
    findPatients: (from, query) => count(from, engine.findPatients(from, query)),
    readPatient: (from, id) => count(from, engine.readPatient(from, id)),
    matchPatients: (from, body) => count(from, engine.matchPatients(from, body)),
    release: (from, have) => count(from, engine.release(from, have)),
    capability: () => engine.capability(),
  };
}

/** Messages a minute between which nine of ten busy minutes lay; undefined while too little was seen. */
export function usualRange(perMinute: number[]): { low: number; high: number } | undefined {
  // The last five minutes are what is judged, not what judges.
  const known = perMinute.slice(0, -5);
  const first = known.findIndex((count) => count > 0);
  if (first < 0) return undefined;
  const lived = known.slice(first).toSorted((a, b) => a - b);
  if (lived.length < 10) return undefined;
  const at = (part: number): number => lived[Math.round((lived.length - 1) * part)] ?? 0;
  return { low: at(0.1), high: at(0.9) };
}
