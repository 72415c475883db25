/**
 * What the interfaces of a region or global node ask of the index, for a node that feeds it: link and unlink two local records, withdraw one, and find
 * persons like a patient. Add, revise and merge are `feedPatient`.
 */
import type { Patient } from '@medplum/fhirtypes';
import { MixError } from '../schemas/errors/index.ts';
import type { FhirAnswer, NodeSubject } from '../schemas/exchange.ts';
import type { IndexDoor, MatchedPerson } from '../schemas/identity.ts';
import type { IndexRecord } from '../schemas/index-store.ts';
import type { Changes } from '../schemas/parts.ts';
import { answerOf, checkBelow, feedingNode, said } from './answer-feed.ts';
import { carryOutPair } from './decide-identity.ts';
import { domainsOf, type ExchangeSetup, linkRulesOf, recordsMaxOf } from './domains.ts';
import { readNumber, tokenOf } from './ihe/index.ts';
import { featuresIn, keysOf, localEntry } from './link.ts';
import { blockingKeys, compare, featuresOf } from './mpi/index.ts';
import { type Receipt, type ReceiveParts, receiveOnce } from './receive.ts';
import { settle } from './settle.ts';
import { findsAll, mayAsk } from './standing.ts';

const LIMIT_TIMES = 10;
/** Records that a search looks at. */
const LOOK = { block: 500, most: 500 };
const FOUND_MAX = 100;

/** The index's door of this node. */
export function createIndexDoor(parts: ReceiveParts, setup: ExchangeSetup): IndexDoor {
  return {
    linkLocals: (from, one, other, deliveryId) =>
      pair(parts, setup, { from, one, other, deliveryId, decision: 'link' }),
    unlinkLocals: (from, one, other, deliveryId) =>
      pair(parts, setup, { from, one, other, deliveryId, decision: 'unlink' }),
    retireLocal: (from, identifier, deliveryId) => retire(parts, setup, from, identifier, deliveryId),
    matchPatient: (from, patient, limit) => match(parts, setup, from, patient, limit),
  };
}

/** The record of a number that this node may feed. Throws `exchange.not-here`, `exchange.unknown-domain`, `mpi.unknown-record`. */
async function recordOf(
  parts: ReceiveParts,
  setup: ExchangeSetup,
  from: NodeSubject,
  identifier: string,
  place: string,
): Promise<IndexRecord> {
  const number = readNumber(identifier, place);
  const node = feedingNode(setup, from, place);
  checkBelow(setup, node);
  if (!domainsOf(node).has(number.system)) throw new MixError('exchange.unknown-domain', { place });
  const record = (await parts.store.indexRecordsByNumber([number])).get(tokenOf(number));
  if (record === undefined) throw new MixError('mpi.unknown-record', { place });
  return record;
}

interface PairAsk {
  from: NodeSubject;
  one: string;
  other: string;
  deliveryId: string | undefined;
  decision: 'link' | 'unlink';
}

function pair(parts: ReceiveParts, setup: ExchangeSetup, ask: PairAsk): Promise<FhirAnswer> {
  const { from, decision } = ask;
  return receiveOnce(parts, from, ask.deliveryId, async (): Promise<Receipt> => {
    const one = await recordOf(parts, setup, from, ask.one, 'identifier');
    const other = await recordOf(parts, setup, from, ask.other, 'other');
    if (one.id === other.id) throw new MixError('mpi.same-person', { place: 'other' });
    const deed = {
      by: from.id,
      reason: decision === 'link' ? 'linked by its source' : 'parted by its source',
      now: parts.clock.now(),
    };
    const { changes, person } = await carryOutPair(parts, setup, one, other, decision, deed);
    return {
      answer: answerOf(setup, person, 200),
      changes,
      action: 'create',
      thing: { type: 'patient', id: person.id, personId: person.id },
      reason: deed.reason,
    };
  });
}

/** Nothing is destroyed: the record links nobody any more and is out of every answer, and its next feed brings it back. */
function retire(
  parts: ReceiveParts,
  setup: ExchangeSetup,
  from: NodeSubject,
  identifier: string,
  deliveryId: string | undefined,
): Promise<FhirAnswer> {
  return receiveOnce(parts, from, deliveryId, async (messageId): Promise<Receipt> => {
    const record = await recordOf(parts, setup, from, identifier, 'identifier');
    const { store, clock } = parts;
    if (record.state === 'retired') {
      const person = await store.person(record.personId);
      if (person !== undefined) return said(setup, person, 'withdrawn before');
    }
    const now = clock.now();
    const next: IndexRecord = { ...record, state: 'retired', stateAt: now };
    const before = (await store.entriesById([record.id])).get(record.id);
    const entry =
      before &&
      localEntry({ ...record, removed: true }, before.body as Patient, before, { messageId, sourceTime: now });
    const pairs = (await store.indexPairs([record.id], PAIRS_MAX)).map((one) => ({
      ...one,
      link: 'none' as const,
      weight: 0,
    }));
    const proposal = { records: [{ record: next, keys: keysOf(next), ...(entry ? { entry } : {}) }], pairs };
    const about = { who: from.id, reason: 'withdrawn by its source', messageId, now };
    const settled = await settle(parts, setup, linkRulesOf(setup), proposal, about, recordsMaxOf(setup) * LIMIT_TIMES);
    const person = settled?.personOf.get(record.id);
    if (settled === undefined || person === undefined) throw new MixError('mpi.storm', { place: 'identifier' });
    const changes: Changes = settled.changes;
    return {
      answer: answerOf(setup, person, 200),
      changes,
      action: 'create',
      thing: { type: 'patient', id: person.id, personId: person.id },
      reason: about.reason,
    };
  });
}

const PAIRS_MAX = 50_000;

/** ITI-119: candidates by the index's own keys, each person once by its best record. The caller has asked the policies. */
async function match(
  { store }: ReceiveParts,
  setup: ExchangeSetup,
  from: NodeSubject,
  patient: Patient,
  limit: number,
): Promise<MatchedPerson[]> {
  const { model } = linkRulesOf(setup);
  const features = featuresOf(patient);
  const { records } = await store.indexCandidates(blockingKeys(features), LOOK);
  const best = new Map<string, Omit<MatchedPerson, 'person'>>();
  for (const record of records) {
    const theirs = featuresIn(record);
    if (theirs === undefined) continue;
    const { probability, verdict } = compare(features, theirs, model);
    if ((best.get(record.personId)?.probability ?? -1) < probability)
      best.set(record.personId, { probability, verdict });
  }
  const likely = [...best]
    .filter(([, { verdict }]) => verdict !== 'no-match')
    .sort(([, one], [, other]) => other.probability - one.probability);
  const persons = await store.personsOf(likely.map(([id]) => id));
  return likely
    .flatMap(([id, found]): MatchedPerson[] => {
      const person = persons.get(id);
      return person?.state === 'active' && (findsAll(from) || mayAsk(setup, from, person))
        ? [{ person, ...found }]
        : [];
    })
    .slice(0, Math.min(Math.max(1, limit), FOUND_MAX));
}
