/** What a processed message sets in motion beyond this node: feeds of changed persons, and routes to outlets. Pure. */
import type { Message } from '../schemas/hl7v2/message.ts';
import type { Changes, KeptMessage, Person } from '../schemas/parts.ts';
import { feedJob } from './deliveries.ts';
import { hasNewFace, type RecordChanges } from './effect.ts';
import { valueAt } from './hl7v2/index.ts';
import { deliveriesFor, type RouteEvent, type RouteTables } from './route.ts';
import type { Understood } from './understand.ts';

export interface OnwardOptions extends RouteTables {
  /** Name of the node above; absent where there is none. */
  above?: string;
  /** How long a person must be quiet before the node above is told, and the longest that it waits for it, in ms. */
  feed: { quietMs: number; latestMs: number };
  /** Facility of a listener. */
  facilityOf(sourceId: string): string;
  /** A kept message as its sender's profile has it; asked only where a route looks into a message that was understood elsewhere. */
  read(message: KeptMessage): Message;
}

/**
 * The changes of a processed message with what goes onward, in the same unit. `before` holds the persons as they were: only who has
 * another face (demographics, numbers, merged or not) is fed again.
 */
export function addOnward(
  changes: Changes & Pick<RecordChanges, 'faces'>,
  about: { message: KeptMessage; understood: Understood; before: ReadonlyMap<string, Person> },
  options: OnwardOptions,
  now: number,
): Changes {
  const state = changes.message?.state;
  if (state !== 'done' && state !== 'unmapped') return changes;
  const { above } = options;
  const fed =
    above === undefined
      ? []
      : (changes.persons ?? []).filter(
          ({ person }) => changes.faces?.changed.includes(person.id) ?? hasNewFace(person, about.before.get(person.id)),
        );
  const routed =
    options.routes.length === 0
      ? { deliveries: [], jobsNew: [] }
      : deliveriesFor(eventOf(changes, about, options), options, now);
  if (fed.length === 0 && routed.deliveries.length === 0) return changes;
  const feeds = fed.map(({ person }) => feedJob(person.id, now, options.feed));
  return {
    ...changes,
    deliveries: [...(changes.deliveries ?? []), ...routed.deliveries],
    jobsNew: [...(changes.jobsNew ?? []), ...feeds, ...routed.jobsNew],
  };
}

function eventOf(
  changes: Changes & Pick<RecordChanges, 'faces'>,
  { message, understood }: { message: KeptMessage; understood: Understood },
  options: OnwardOptions,
): RouteEvent {
  const patientClass = changes.faces?.patientClass ?? understood.patientClass;
  const [type = '', event = ''] = message.type.split('^');
  return {
    messageId: message.id,
    source: message.sourceId,
    sourceFacility: options.facilityOf(message.sourceId),
    type,
    event,
    facility: message.facts.sendingFacility,
    patientClass: patientClass ?? (understood.message && valueAt(understood.message, 'PV1-2')) ?? '',
    processing: message.processing,
    controlId: message.facts.controlId,
    personIds: changes.message?.personIds ?? [],
    patientNumbers: message.facts.patientNumbers,
  };
}
