/** Do the routes lead somewhere, and nowhere in a circle? Asked when settings are read, so that a loop never starts. */
import type { Fault } from '../errors/index.ts';
import type { Settings } from './rooms.ts';

type Tables = Pick<Settings, 'listeners' | 'outlets' | 'routes'>;
type Route = Settings['routes'][number];
type Outlet = Settings['outlets'][number];
type Listener = Settings['listeners'][number];

/**
 * Every fault of the table of routes: `route.outlet` and `route.source` for a name that nobody has, `route.loop` at the route that closes
 * a circle (`/routes/N`).
 */
export function checkRoutes(settings: Tables): Fault[] {
  return [...nameFaults(settings), ...loopFaults(settings)];
}

function nameFaults({ listeners, outlets, routes }: Tables): Fault[] {
  const faults: Fault[] = [];
  routes.forEach((route, index) => {
    if (!outlets.some((one) => one.name === route.outlet))
      faults.push({ code: 'route.outlet', place: `/routes/${index}/outlet` });
    if (route.source !== undefined && !listeners.some((one) => one.name === route.source))
      faults.push({ code: 'route.source', place: `/routes/${index}/source` });
  });
  return faults;
}

/** What the routes so far let through; undefined is anything. */
interface Passed {
  type?: string;
  event?: string;
  facility?: string;
  patientClass?: string;
}

interface Walk {
  tables: Tables;
  /** Listener that each outlet leads back to. */
  back: Map<string, Listener>;
  closing: Set<number>;
  /** Listeners with what came there that were followed to the end. */
  done: Set<string>;
}

/**
 * Follows each listener's messages along the routes whose filters can all hold for one message. Where they come to a listener again that
 * they have been at, the route that took them there closes a loop. Hosts are compared by name; one that only DNS leads back here is
 * caught when the message comes (its MSH-10 is ours).
 */
function loopFaults(tables: Tables): Fault[] {
  const back = new Map<string, Listener>();
  for (const outlet of tables.outlets) {
    const listener = tables.listeners.find((one) => leadsTo(outlet, one));
    if (listener !== undefined) back.set(outlet.name, listener);
  }
  if (back.size === 0) return [];
  const walk: Walk = { tables, back, closing: new Set(), done: new Set() };
  for (const listener of tables.listeners) follow(walk, listener, {}, [listener.name]);
  if (walk.done.size > DONE_MAX)
    return [{ code: 'settings.contradiction', place: '/routes', detail: 'too entangled to be checked for loops' }];
  return [...walk.closing].sort((a, b) => a - b).map((index) => ({ code: 'route.loop', place: `/routes/${index}` }));
}

/** Listeners that a way may pass, and ways that are followed in all; tables beyond that are refused whole. */
const WAY_MAX = 200;
const DONE_MAX = 20_000;

function follow(walk: Walk, listener: Listener, passed: Passed, way: readonly string[]): void {
  const state = JSON.stringify([listener.name, passed.type, passed.event, passed.facility, passed.patientClass]);
  if (walk.done.has(state) || walk.done.size > DONE_MAX || way.length > WAY_MAX) return;
  walk.done.add(state);
  walk.tables.routes.forEach((route, index) => {
    if (walk.closing.has(index) || (route.source !== undefined && route.source !== listener.name)) return;
    const next = walk.back.get(route.outlet);
    const further = next && through(passed, route, listener);
    if (next === undefined || further === undefined) return;
    if (way.includes(next.name)) walk.closing.add(index);
    else follow(walk, next, further, [...way, next.name]);
  });
}

/** What passes a route of what came so far; undefined when nothing does. */
function through(passed: Passed, route: Route, listener: Listener): Passed | undefined {
  const further: Passed = { ...passed };
  for (const key of ['type', 'event', 'patientClass'] as const) {
    if (route[key] === undefined) continue;
    if (passed[key] !== undefined && passed[key] !== route[key]) return undefined;
    further[key] = route[key];
  }
  // The facility is MSH-4 or the listener's own, so a listener of that facility lets every message pass.
  if (route.facility !== undefined && route.facility !== listener.facility) {
    if (passed.facility !== undefined && passed.facility !== route.facility) return undefined;
    further.facility = route.facility;
  }
  return further;
}

function leadsTo(outlet: Outlet, listener: Listener): boolean {
  if (outlet.kind !== 'mllp' || outlet.port !== listener.port || outlet.host === undefined) return false;
  const host = outlet.host.toLowerCase();
  return (
    host === listener.host.toLowerCase() ||
    (isHere(host) && isHere(listener.host)) ||
    (isHere(host) && isAll(listener.host))
  );
}

function isAll(host: string): boolean {
  return host === '0.0.0.0' || host === '::';
}

function isHere(host: string): boolean {
  return host === 'localhost' || host === '::1' || host.startsWith('127.') || isAll(host);
}
