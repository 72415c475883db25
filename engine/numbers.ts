/**
 * Numbers that come down: a region's X-PID and the MIX number, in the answer to a feed or told later (ITI-104 from the node above).
 * They never change demographics.
 */
import { MixError } from '../schemas/errors/index.ts';
import type { FhirAnswer, NodeSubject, PeerAnswer } from '../schemas/exchange.ts';
import type { Changes, Clock, Delivery, Entry, Identifier, Log, Person, Store } from '../schemas/parts.ts';
import { type ExchangeSetup, knownNode, mixSystem, xpidSystem } from './domains.ts';
import { type FedPatient, type PatientNumber, readFeed, tokenOf } from './ihe/index.ts';
import { deliveriesDown, joinInOneCommit, survivorOf } from './join.ts';
import { localKey, withNumbers } from './link.ts';
import { isMixNumber } from './mpi/index.ts';
import { type Receipt, type ReceiveParts, receiveOnce } from './receive.ts';
import { personTerms, uuidv7 } from './record/index.ts';

interface NumberParts {
  store: Store;
  clock: Clock;
  log: Log;
}

/** Type under which a second local record of one person holds a number that the first has already: it names neither alone. */
const SHARED_TYPE = 'XX';

/** Numbers of a fed or answered Patient that the node above gives, in force only. Throws `exchange.malformed` for a MIX number that does not hold. */
export function givenNumbers(
  setup: ExchangeSetup,
  from: { id: string; role: string; organization: string },
  fed: FedPatient,
): Identifier[] {
  const mix = mixSystem(setup);
  const types = new Map([[mix, 'PN']]);
  if (from.role === 'region') types.set(xpidSystem(from.organization), 'PI');
  const given: Identifier[] = [];
  for (const { system, value } of fed.numbers) {
    const type = types.get(system);
    if (type === undefined || given.some((one) => one.system === system)) continue;
    if (system === mix && !isMixNumber(value))
      throw new MixError('exchange.malformed', { place: 'Patient.identifier', detail: 'MIX number' });
    given.push({ system, value, type, sourceId: from.id });
  }
  return given;
}

/** The person with these numbers, one of each system; undefined when it has them already. Pure. */
export function applyNumbers(
  person: Person,
  given: readonly Identifier[],
  holders: ReadonlyMap<string, string>,
  now: number,
): { person: Person; gone: PatientNumber[] } | undefined {
  const systems = new Set(given.map(({ system }) => system));
  const wanted = given.map((one) =>
    (holders.get(tokenOf(one)) ?? person.id) === person.id ? one : { ...one, type: SHARED_TYPE },
  );
  const before = person.identifiers.filter(({ system }) => systems.has(system));
  const sameAs = (one: Identifier) => (other: Identifier) =>
    one.system === other.system && one.value === other.value && one.type === other.type;
  if (before.length === wanted.length && wanted.every((one) => before.some(sameAs(one)))) return undefined;
  const gone = before
    .filter((one) => !wanted.some(({ system, value }) => one.system === system && one.value === value))
    .map(({ system, value }) => ({ system, value }));
  const told = wanted.map((one) => ({ ...one, at: before.find(sameAs(one))?.at ?? now }));
  const identifiers = [...person.identifiers.filter(({ system }) => !systems.has(system)), ...told];
  return { person: { ...person, version: person.version + 1, updatedAt: now, identifiers }, gone };
}

/**
 * What these numbers change here: the person, at a hospital a new document that carries them, at a region the word to its hospitals. Two persons of a
 * region to whom the global node gives one number are joined first.
 */
export async function changesByNumbers(
  parts: NumberParts,
  setup: ExchangeSetup,
  personId: string,
  given: readonly Identifier[],
): Promise<Changes> {
  if (given.length === 0) return {};
  const { store, clock } = parts;
  const asked = given.map(({ system, value }) => ({ system, value }));
  let holders = await store.personsByIdentifier(asked);
  if (setup.node.role === 'region')
    for (const holder of new Set(holders.values()))
      if (holder !== personId) {
        await joinInOneCommit(parts, setup, [holder, personId], 'one MIX number for both');
        holders = await store.personsByIdentifier(asked);
      }
  const person = await survivorOf(store, personId);
  if (person === undefined) return {};
  const now = clock.now();
  const applied = applyNumbers(person, given, holders, now);
  if (applied === undefined) return {};
  const next = shown(applied.person, new Set(given.map(({ system }) => system)));
  const changes: Changes = {
    persons: [{ person: next, expect: person.version, terms: personTerms(next.patient) }],
    identifiersGone: applied.gone.map((one) => ({ personId: person.id, ...one })),
  };
  if (setup.node.role === 'hospital') return { ...changes, jobsNew: [documentJob(setup, person.id, now)] };
  const locals = await store.entriesByKey(person.id, person.identifiers.map(localKey));
  return { ...changes, ...deliveriesDown(locals.values(), person.id, now) };
}

/** Its Patient shows the given numbers beside those that the EMR told. */
function shown(person: Person, systems: ReadonlySet<string>): Person {
  const told = (person.patient.identifier ?? []).filter(({ system }) => !systems.has(system ?? ''));
  const given = person.identifiers.filter(({ system }) => systems.has(system));
  const identifier = withNumbers({ ...person, patient: { resourceType: 'Patient' } }, given).patient.identifier ?? [];
  return { ...person, patient: { ...person.patient, identifier: [...told, ...identifier] } };
}

function documentJob(setup: ExchangeSetup, personId: string, now: number): NonNullable<Changes['jobsNew']>[number] {
  return {
    id: uuidv7(now),
    kind: 'document',
    subject: personId,
    keys: [`document|${personId}`],
    dueAt: now + setup.document.quietMs,
    latestAt: now + setup.document.latestMs,
  };
}

/** ITI-104 from the node above: the numbers of one of our patients. Throws `exchange.unknown-patient`. */
export function takeNumbersDown(
  parts: ReceiveParts,
  setup: ExchangeSetup,
  from: NodeSubject,
  fed: FedPatient,
  deliveryId: string | undefined,
): Promise<FhirAnswer> {
  return receiveOnce(parts, from, deliveryId, async (): Promise<Receipt> => {
    const holder = (await parts.store.personsByIdentifier([fed.number])).get(tokenOf(fed.number));
    if (holder === undefined) throw new MixError('exchange.unknown-patient', { place: 'identifier' });
    const given = givenNumbers(setup, from, fed);
    const changes = await changesByNumbers(parts, setup, holder, given);
    const personId = changes.persons?.[0]?.person.id ?? holder;
    return {
      answer: {
        status: 200,
        headers: { location: `Patient/${personId}` },
        resource: { resourceType: 'Patient', id: personId, identifier: [{ ...fed.number }] },
      },
      changes,
      action: 'create',
      thing: { type: 'patient', id: personId, personId },
      reason: 'numbers',
    };
  });
}

/**
 * What the answer to one of our feeds changes here; to be written together with the delivery's end. Throws `exchange.answer` when the answer can not
 * be read. `from`: name of the node that answered.
 */
export async function takeNumbers(
  parts: NumberParts,
  setup: ExchangeSetup,
  delivery: Pick<Delivery, 'kind' | 'thing' | 'outlet'>,
  answer: PeerAnswer,
): Promise<Changes> {
  const node = knownNode(setup, delivery.outlet);
  if (delivery.kind !== 'feed' || node === undefined) return {};
  const person = await parts.store.person(delivery.thing);
  if (person === undefined || person.state !== 'active') return {};
  const fed = readAnswered(answer);
  const given = givenNumbers(setup, { id: node.name, role: node.role, organization: node.organization }, fed);
  return changesByNumbers(parts, setup, person.id, given);
}

const ANSWER_BYTES_MAX = 1024 * 1024;

function readAnswered(answer: PeerAnswer): FedPatient {
  try {
    if (answer.body.length > ANSWER_BYTES_MAX) throw new RangeError('too long');
    const body = JSON.parse(answer.body.toString('utf8')) as { identifier?: { system?: string; value?: string }[] };
    const first = body.identifier?.find(({ system, value }) => system && value);
    return readFeed(`${first?.system ?? ''}|${first?.value ?? ''}`, body);
  } catch (cause) {
    throw new MixError('exchange.answer', { place: 'Patient', cause });
  }
}

/** Number under which a local patient was fed, from its entry. */
export function numberOfLocal(entry: Entry): PatientNumber {
  const [, system = '', ...value] = entry.key.split('|');
  return { system, value: value.join('|') };
}
