/** Which message goes to which outlet: the table of routes applied to one message. Pure. */
import type { Delivery, Job } from '../schemas/parts.ts';
import type { Settings } from '../schemas/settings/index.ts';
import { deliverJob, newDelivery } from './deliveries.ts';
import { isOwnControlId } from './outbound/index.ts';

export { checkRoutes } from '../schemas/settings/index.ts';

export type Route = Settings['routes'][number];

/** What the table asks of a message. */
export interface RouteEvent {
  messageId: string;
  /** Name of the listener that it came over, and its facility. */
  source: string;
  sourceFacility: string;
  /** MSH-9.1 and MSH-9.2. */
  type: string;
  event: string;
  /** MSH-4 as sent. */
  facility: string;
  /** PV1-2; '' where there is none. */
  patientClass: string;
  /** MSH-11: test and debugging traffic never leaves. */
  processing: string;
  /** MSH-10. */
  controlId: string;
  /** Whose order is kept: ids of the persons that it is about, and patient numbers where nobody was identified. */
  personIds: readonly string[];
  patientNumbers: readonly string[];
}

export interface RouteTables {
  routes: readonly Route[];
  /** Name of this node in the exchange, by which it knows what it sent itself. */
  node: string;
}

/** Does a route take this message? A column that is empty takes everything. */
export function fits(route: Route, event: RouteEvent): boolean {
  return (
    (route.source === undefined || route.source === event.source) &&
    (route.type === undefined || route.type === event.type) &&
    (route.event === undefined || route.event === event.event) &&
    (route.patientClass === undefined || route.patientClass === event.patientClass) &&
    (route.facility === undefined || route.facility === event.facility || route.facility === event.sourceFacility)
  );
}

/**
 * The deliveries of a message, one an outlet however many routes lead there, with the jobs that keep the order of its patients.
 * Nothing for test traffic, and nothing for what this node sent itself (MSH-10): that would go in a circle.
 */
export function deliveriesFor(
  event: RouteEvent,
  tables: RouteTables,
  now: number,
): { deliveries: Delivery[]; jobsNew: Omit<Job, 'attempts' | 'fence'>[] } {
  if (event.processing !== 'P' || tables.routes.length === 0 || isOwnControlId(event.controlId, tables.node))
    return { deliveries: [], jobsNew: [] };
  const names = new Set(tables.routes.filter((route) => fits(route, event)).map((route) => route.outlet));
  const [personId, ...others] = event.personIds;
  // The numbers too: a message of a type without a map is about the same patient, whom only its number names.
  const also = [...others, ...event.patientNumbers.map((number) => `number|${number}`)];
  const deliveries = [...names].map((outlet) => {
    const what = { outlet, kind: 'message' as const, thing: event.messageId };
    return newDelivery(personId === undefined ? what : { ...what, personId }, now);
  });
  return { deliveries, jobsNew: deliveries.map((one) => deliverJob(one, now, also)) };
}
