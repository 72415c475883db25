/** Deliveries as their pages show them. Pure. */
import type { AuditEntry, Delivery, Person } from '../schemas/parts.ts';
import type { DeliveryRow, DeliveryView } from '../schemas/portal-exchange.ts';
import { tellFault } from './view-message.ts';
import { nameOfPatient } from './view-record.ts';

const PAGE_OF: Record<Delivery['kind'], string> = {
  feed: '/patients/',
  numbers: '/patients/',
  document: '/documents/',
  withdraw: '/documents/',
  notice: '/patients/',
  message: '/messages/',
};

const iso = (at: number): string => new Date(at).toISOString();

/** `persons` holds those whose names the reader may see. */
export function deliveryRowOf(delivery: Delivery, persons: Map<string, Person>): DeliveryRow {
  const { id, outlet, kind, state, thing, attempts, personId, lastAt, nextAt, fault, receipt } = delivery;
  const row: DeliveryRow = {
    id,
    outlet,
    kind,
    state,
    thing,
    link: `${PAGE_OF[kind]}${thing}`,
    createdAt: iso(delivery.createdAt),
    attempts,
  };
  if (personId !== undefined) {
    const name = persons.get(personId);
    row.person = name === undefined ? { id: personId } : { id: personId, name: nameOfPatient(name.patient) };
  }
  if (lastAt !== undefined) row.lastAt = iso(lastAt);
  if (nextAt !== undefined && state === 'waiting') row.nextAt = iso(nextAt);
  if (fault !== undefined) row.fault = tellFault(fault);
  if (receipt !== undefined) row.receipt = receipt;
  return row;
}

/** What happened to a delivery: its own times, and who sent it again and why (`acts`). */
export function deliverySteps(
  delivery: Delivery,
  acts: Pick<AuditEntry, 'at' | 'who' | 'reason'>[],
): DeliveryView['steps'] {
  const { state, createdAt, lastAt, nextAt, attempts, fault, receipt } = delivery;
  const steps: DeliveryView['steps'] = [{ at: iso(createdAt), step: 'created' }];
  for (const { at, who, reason } of acts)
    steps.push({ at: iso(at), step: 'resent', detail: [who, reason].filter(Boolean).join(': ') });
  if (lastAt !== undefined) {
    const told = fault === undefined ? undefined : tellFault(fault).sentence;
    if (state === 'waiting' && attempts > 0) steps.push(withDetail({ at: iso(lastAt), step: 'tried' }, told));
    else if (state === 'sent') steps.push(withDetail({ at: iso(lastAt), step: 'sent' }, receipt));
    else if (state !== 'waiting') steps.push(withDetail({ at: iso(lastAt), step: state }, told));
  }
  steps.sort((a, b) => Date.parse(a.at) - Date.parse(b.at));
  if (state === 'waiting' && nextAt !== undefined) steps.push({ at: iso(nextAt), step: 'next' });
  return steps;
}

function withDetail(step: DeliveryView['steps'][number], detail: string | undefined): DeliveryView['steps'][number] {
  return detail === undefined ? step : { ...step, detail };
}
