/**
 * Patient identity feed (IHE PIXm, ITI-104) as a node takes it in: a region links local patients of its hospitals to persons (X-PID), the global node
 * links persons of its regions and gives the MIX number, a hospital or region takes the numbers that the node above tells.
 */
import type { Patient } from '@medplum/fhirtypes';
import { MixError } from '../schemas/errors/index.ts';
import type { FhirAnswer, NodeSubject } from '../schemas/exchange.ts';
import type { Changes, Entry, Identifier, Person } from '../schemas/parts.ts';
import { feedJob } from './deliveries.ts';
import {
  domainsOf,
  type ExchangeSetup,
  type KnownNode,
  knownNode,
  mixSystem,
  nodeAbove,
  numbersToTell,
  xpidSystem,
} from './domains.ts';
import { type FedPatient, fhirIdentifier, type PatientNumber, readFeed, tokenOf } from './ihe/index.ts';
import { joinInOneCommit } from './join.ts';
import {
  type Clues,
  cluesOf,
  decideLink,
  type Filed,
  filePatient,
  type Linked,
  linkSystem,
  localKey,
  lookUpOf,
  mayJoin,
  retireLocal,
  withNumbers,
} from './link.ts';
import { candidateKeys, drawMixNumber } from './mpi/index.ts';
import { takeNumbersDown } from './numbers.ts';
import { type Receipt, type ReceiveParts, receiveOnce } from './receive.ts';
import { isStrong, personTerms, uuidv7 } from './record/index.ts';

/**
 * ITI-104. Throws `exchange.query`, `exchange.malformed`, `exchange.no-identifier`, `exchange.unknown-domain`, `exchange.not-here` (not a node that
 * feeds this one), and at a hospital `exchange.unknown-patient`.
 */
export async function feedPatient(
  parts: ReceiveParts,
  setup: ExchangeSetup,
  from: NodeSubject,
  request: { identifier: string; patient: Patient; deliveryId?: string },
): Promise<FhirAnswer> {
  const fed = readFeed(request.identifier, request.patient);
  const node = knownNode(setup, from.id);
  if (node === undefined) throw new MixError('exchange.not-here', { place: 'identifier', detail: 'an unknown node' });
  if (node.role === nodeAbove(setup)?.role) return takeNumbersDown(parts, setup, from, fed, request.deliveryId);
  const below = setup.node.role === 'region' ? 'hospital' : setup.node.role === 'global' ? 'region' : undefined;
  if (node.role !== below)
    throw new MixError('exchange.not-here', { detail: `a ${node.role} does not feed this node` });
  const domains = domainsOf(node);
  checkNumber(fed, domains);
  return receiveOnce(parts, from, request.deliveryId, (id) =>
    fed.replacedBy === undefined
      ? fileFeed(parts, setup, node, fed, id)
      : mergeLocals(parts, setup, node, { ...fed, replacedBy: fed.replacedBy }, id),
  );
}

function checkNumber(fed: FedPatient, domains: ReadonlySet<string>): void {
  if (!domains.has(fed.number.system)) throw new MixError('exchange.unknown-domain', { place: 'identifier' });
  if (!isStrong({ ...fed.number, type: fed.type }))
    throw new MixError('exchange.no-identifier', {
      place: 'Patient.identifier',
      detail: 'of a kind that names one person',
    });
  if (fed.replacedBy !== undefined && !domains.has(fed.replacedBy.system))
    throw new MixError('exchange.unknown-domain', { place: 'Patient.link' });
}

async function localsOf(parts: ReceiveParts, person: Person | undefined, fed: FedPatient): Promise<Map<string, Entry>> {
  if (person === undefined) return new Map();
  const keys = new Set([localKey(fed.number), ...person.identifiers.map(localKey)]);
  return parts.store.entriesByKey(person.id, [...keys]);
}

/** Add or revise (2:3.104.4.1). */
async function fileFeed(
  parts: ReceiveParts,
  setup: ExchangeSetup,
  node: KnownNode,
  fed: FedPatient,
  messageId: string,
): Promise<Receipt> {
  const { store, clock } = parts;
  const clues = cluesOf(fed, domainsOf(node), node.name);
  let holders = await store.personsByIdentifier(lookUpOf(clues));
  let linked = decideLink(clues, holders);
  if (await joinByKeys(parts, setup, { fed, clues, holders, linked })) {
    holders = await store.personsByIdentifier(lookUpOf(clues));
    linked = decideLink(clues, holders);
  }
  const known = linked.personId === undefined ? undefined : await store.person(linked.personId);
  const now = clock.now();
  const personId = known?.id ?? uuidv7(now);
  const locals = await localsOf(parts, known, fed);
  const filing = { personId, locals, holders, sourceId: node.name, messageId, now };
  const filed = filePatient(fed, clues, known === undefined ? filing : { ...filing, known });
  const person = await numbered(parts, setup, filed.person);
  if (linked.others.length > 0)
    parts.log.warn(
      { person: personId, others: linked.others, node: node.name },
      'clues of a feed lead to several persons',
    );
  return {
    answer: answerOf(setup, person, locals.has(localKey(fed.number)) ? 200 : 201),
    changes: filed.changed ? filedChanges(setup, filed, person, now) : {},
    action: 'create',
    thing: { type: 'patient', id: personId, personId },
    reason: reasonOf(linked),
  };
}

/** What the audit tells of a link; `record.numbers-disagree` where clues lead to several persons. */
function reasonOf({ by, others }: Linked): string {
  const how = { known: 'fed again', number: 'linked by a number', key: 'linked by demographics', none: 'new' }[by];
  return others.length === 0 ? how : `${how}; record.numbers-disagree`;
}

/** A patient whose demographics are complete at last may turn out to be somebody who is known already. */
async function joinByKeys(
  parts: ReceiveParts,
  setup: ExchangeSetup,
  ask: { fed: FedPatient; clues: Clues; holders: ReadonlyMap<string, string>; linked: Linked },
): Promise<boolean> {
  const { fed, clues, holders, linked } = ask;
  if (linked.by !== 'known' || linked.personId === undefined) return false;
  const byKeys = clues.keys.map((key) => holders.get(`${linkSystem}|${key}`));
  const other = byKeys.find((holder) => holder !== undefined && holder !== linked.personId);
  if (other === undefined) return false;
  const person = await parts.store.person(linked.personId);
  if (person === undefined) return false;
  const locals = await localsOf(parts, person, fed);
  if (!mayJoin(person, [...locals.values()], fed.number)) return false;
  await joinInOneCommit(parts, setup, [other, person.id], 'exact demographics');
  return true;
}

function filedChanges(setup: ExchangeSetup, filed: Filed, person: Person, now: number): Changes {
  const changes: Changes = {
    persons: [{ person, expect: filed.expect, terms: personTerms(person.patient) }],
    entries: filed.entries,
  };
  if (nodeAbove(setup) !== undefined) changes.jobsNew = [feedJob(person.id, now, setup.feed)];
  return changes;
}

const DRAWS_MAX = 20;

/** The person with the number that this node gives: its X-PID at a region, the MIX number at the global node. */
async function numbered(parts: ReceiveParts, setup: ExchangeSetup, person: Person): Promise<Person> {
  const region = setup.node.role === 'region';
  const system = region ? xpidSystem(setup.organization.oid) : mixSystem(setup);
  const sourceId = setup.node.name;
  if (person.identifiers.some((one) => one.system === system)) return withNumbers(person, person.identifiers);
  const value = region ? person.id : await drawFreeNumber(parts, system);
  const number: Identifier = { system, value, type: region ? 'PI' : 'PN', sourceId };
  return withNumbers(person, [...person.identifiers, number]);
}

/** A MIX number that nobody has. Another node's may be drawn in the same moment: then the commit is a conflict and another one is drawn. */
async function drawFreeNumber(parts: ReceiveParts, system: string): Promise<string> {
  for (let draw = 0; draw < DRAWS_MAX; draw++) {
    const value = drawMixNumber();
    if ((await parts.store.personsByIdentifier([{ system, value }])).size === 0) return value;
  }
  throw new MixError('mpi.no-number');
}

/** The Patient of an answer: the numbers that the exchange gave, and no demographics. Of a system only the first is in force. */
export function answerOf(setup: ExchangeSetup, person: Person, status: number): FhirAnswer {
  const identifier = numbersToTell(setup, person).map((one) => ({ ...fhirIdentifier(one), use: 'official' as const }));
  return {
    status,
    headers: { location: `Patient/${person.id}` },
    resource: { resourceType: 'Patient', id: person.id, identifier },
  };
}

/** Resolve duplicates (2:3.104.4.2): the number's local patient is inactive from now on, and its person and the survivor's are one. */
async function mergeLocals(
  parts: ReceiveParts,
  setup: ExchangeSetup,
  node: KnownNode,
  fed: FedPatient & { replacedBy: PatientNumber },
  messageId: string,
): Promise<Receipt> {
  const { store, clock } = parts;
  const asked = [fed.number, fed.replacedBy];
  let holders = await store.personsByIdentifier(asked);
  const [old, into] = asked.map((one) => holders.get(tokenOf(one)));
  if (old !== undefined && into !== undefined && old !== into) {
    await joinInOneCommit(parts, setup, [into, old], 'merged at the hospital');
    holders = await store.personsByIdentifier(asked);
  }
  const personId = holders.get(tokenOf(fed.replacedBy)) ?? holders.get(tokenOf(fed.number));
  const person = personId === undefined ? undefined : await store.person(personId);
  if (person === undefined) return nobodyKnown();
  const now = clock.now();
  const locals = await localsOf(parts, person, fed);
  const retired = retireLocal(fed, { personId: person.id, locals, sourceId: node.name, messageId, now });
  const next = withRetired(person, fed, node.name, locals, now);
  const jobsNew = nodeAbove(setup) === undefined ? [] : [feedJob(person.id, now, setup.feed)];
  return {
    answer: answerOf(setup, next, 200),
    changes: {
      persons: [{ person: next, expect: person.version, terms: personTerms(next.patient) }],
      entries: [retired],
      jobsNew,
    },
    action: 'create',
    thing: { type: 'patient', id: person.id, personId: person.id },
    reason: 'merged',
  };
}

/** Both numbers lead to the person, what came under the old one too; keys that only the retired local patient gave are free. */
function withRetired(
  person: Person,
  fed: FedPatient & { replacedBy: PatientNumber },
  sourceId: string,
  locals: ReadonlyMap<string, Entry>,
  now: number,
): Person {
  const identifiers = [...person.identifiers];
  for (const { system, value } of [fed.replacedBy, fed.number])
    if (!identifiers.some((one) => one.system === system && one.value === value))
      identifiers.push({ system, value, type: fed.type, sourceId });
  const standing = [...locals.values()].filter((entry) => !entry.removed && entry.key !== localKey(fed.number));
  const linkKeys = standingKeys(person, standing);
  return withNumbers({ ...person, version: person.version + 1, updatedAt: now, linkKeys }, identifiers);
}

function standingKeys(person: Person, standing: readonly Entry[]): string[] {
  const keys = new Set(standing.flatMap((entry) => candidateKeys(entry.body as Patient)));
  return (person.linkKeys ?? []).filter((key) => keys.has(key));
}

/** Neither number was ever fed: there is nothing to resolve, and the survivor comes by its own feed. */
function nobodyKnown(): Receipt {
  return {
    answer: { status: 200, resource: { resourceType: 'Patient', active: false } },
    changes: {},
    action: 'create',
    thing: { type: 'patient' },
    reason: 'merged, neither known',
  };
}
