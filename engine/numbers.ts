/**
 * Numbers that come down: a region's X-PID and the MIX number, in the answer to a feed or told later (ITI-104 from the node above).
 * They never change demographics.
 */
import { MixError } from '../schemas/errors/index.ts';
import type { FhirAnswer, NodeSubject, PeerAnswer } from '../schemas/exchange.ts';
import type { Changes, Clock, Delivery, Entry, Identifier, Log, Person, Store } from '../schemas/parts.ts';
import { type ExchangeSetup, knownNode, linkRulesOf, mixSystem, recordsMaxOf, xpidSystem } from './domains.ts';
import { type FedPatient, type PatientNumber, readFeed, tokenOf } from './ihe/index.ts';
import { survivorOf } from './join.ts';
import { withNumbers } from './link.ts';
import { isMixNumber } from './mpi/index.ts';
import { type Receipt, type ReceiveParts, receiveOnce } from './receive.ts';
import { personTerms, uuidv7 } from './record/index.ts';
import { relink } from './relink.ts';
import { settle } from './settle.ts';

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
 * What these numbers change here: at a hospital the person, with a new document that carries them; at a region the record that the person was made for,
 * and with it everybody who is one person by them. `madeAs`: id under which the node above knows the person.
 */
export async function changesByNumbers(
  parts: NumberParts,
  setup: ExchangeSetup,
  personId: string,
  given: readonly Identifier[],
  madeAs = personId,
): Promise<Changes> {
  if (given.length === 0) return {};
  const { store, clock } = parts;
  const person = await survivorOf(store, personId);
  if (person === undefined) return {};
  const now = clock.now();
  if (setup.node.role === 'region') return tellRecord(parts, setup, { person, madeAs, given, now });
  const holders = await store.personsByIdentifier(given.map(({ system, value }) => ({ system, value })));
  const applied = applyNumbers(person, given, holders, now);
  if (applied === undefined) return {};
  const next = shown(applied.person, new Set(given.map(({ system }) => system)));
  return {
    persons: [{ person: next, expect: person.version, terms: personTerms(next.patient) }],
    identifiersGone: applied.gone.map((one) => ({ personId: person.id, ...one })),
    jobsNew: [documentJob(setup, person.id, now)],
  };
}

const RECORDS_MAX = 10_000;

/** The numbers stand with the record that the person was made for, so that they leave with it; two that were told one number are one person. */
async function tellRecord(
  parts: NumberParts,
  setup: ExchangeSetup,
  { person, madeAs, given, now }: { person: Person; madeAs: string; given: readonly Identifier[]; now: number },
): Promise<Changes> {
  const records = await parts.store.indexRecordsOf([person.id], RECORDS_MAX);
  const record = records.find(({ ownId }) => ownId === madeAs) ?? records.find(({ ownId }) => ownId === person.id);
  if (record === undefined) return {};
  const told = given.map((one) => ({ ...one, at: now }));
  const same =
    record.told.length === told.length &&
    told.every((one) => record.told.some((other) => tokenOf(other) === tokenOf(one)));
  if (same) return {};
  const rules = linkRulesOf(setup);
  const next = { ...record, told };
  const linked = await relink(parts, rules, next);
  const proposal = {
    records: [{ record: next, keys: linked.keys }],
    pairs: linked.pairs,
    blocks: linked.blocks,
    looked: linked.looked,
  };
  const about = { who: given[0]!.sourceId, reason: 'numbers of the node above', messageId: uuidv7(now), now };
  const settled = await settle(parts, setup, rules, proposal, about, recordsMaxOf(setup) * LIMIT_TIMES);
  if (settled === undefined) throw new MixError('mpi.storm', { place: 'Patient.identifier' });
  return settled.changes;
}

/** What the node above says is no guess: the person may grow beyond what is linked by itself. */
const LIMIT_TIMES = 10;

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
    // A region is told under an X-PID, which may be that of somebody who leads on by now.
    const changes = await changesByNumbers(
      parts,
      setup,
      holder,
      given,
      setup.node.role === 'region' ? fed.number.value : holder,
    );
    const personId = changes.persons?.find(({ person }) => person.state === 'active')?.person.id ?? holder;
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
  // Of somebody who leads on only the survivor's numbers matter, and those are told under its own id.
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
