/**
 * Resolve duplicates (PIXm ITI-104, 2:3.104.4.2; A40): the number's local patient is inactive from now on, and goes with the one that takes its place.
 * Nothing of it is destroyed, so that its source may take the merge back.
 */
import { MixError } from '../schemas/errors/index.ts';
import type { IndexRecord } from '../schemas/index-store.ts';
import type { Entry } from '../schemas/parts.ts';
import { answerOf, type KnownLocal, localOf } from './answer-feed.ts';
import { type ExchangeSetup, type KnownNode, linkRulesOf, recordsMaxOf } from './domains.ts';
import type { FedPatient, PatientNumber } from './ihe/index.ts';
import { bodyOf, keysOf, localEntry, packedFeatures } from './link.ts';
import type { Receipt, ReceiveParts } from './receive.ts';
import { uuidv7 } from './record/index.ts';
import { type Proposal, settle } from './settle.ts';

/** Merges of merges that are followed. */
const MERGES_MAX = 64;
/** A merge is no guess: the person may grow beyond what is linked by itself. */
const LIMIT_TIMES = 10;

export async function mergeLocals(
  parts: ReceiveParts,
  setup: ExchangeSetup,
  node: KnownNode,
  fed: FedPatient & { replacedBy: PatientNumber },
  messageId: string,
): Promise<Receipt> {
  const { store } = parts;
  const now = parts.clock.now();
  const [old, into] = await Promise.all([localOf(parts, setup, fed.number), localOf(parts, setup, fed.replacedBy)]);
  if (isUnknown(old) && isUnknown(into)) return nobodyKnown();
  const sourceTime = Math.min(fed.updatedAt ?? now, now);
  const survivor = into.record ?? announced(node, fed.replacedBy, fed.type, into.entry, now);
  const merged = old.record?.state === 'retired' && old.record.mergedInto === survivor.id;
  const outdated = old.record !== undefined && old.record.stateAt > sourceTime && old.record.state === 'active';
  if (old.record !== undefined && (merged || outdated)) {
    const person = await store.person(old.record.personId);
    if (person !== undefined) return receiptOf(setup, person, {}, 'merged before');
  }
  const retired = retiredRecord(node, fed, old, survivor, sourceTime, now);
  const proposal: Proposal = { records: [], pairs: [] };
  proposal.records.push({
    record: retired,
    keys: keysOf(retired),
    entry: retiredEntry(retired, fed, old.entry, messageId, sourceTime),
  });
  const stands = await standing(store, survivor, retired.id, sourceTime);
  if (into.record === undefined || stands !== into.record) {
    const entry = into.entry && {
      entry: { ...into.entry, version: into.entry.version + 1, removed: stands.state === 'retired' },
      expect: into.entry.version,
    };
    proposal.records.push({ record: stands, keys: keysOf(stands), ...(entry ? { entry } : {}) });
  }
  const about = { who: node.name, reason: 'merged', messageId, now };
  const settled = await settle(parts, setup, linkRulesOf(setup), proposal, about, recordsMaxOf(setup) * LIMIT_TIMES);
  const person = settled?.personOf.get(retired.id);
  if (settled === undefined || person === undefined) throw new MixError('mpi.storm', { place: 'Patient.link' });
  return receiptOf(setup, person, settled.changes, 'merged');
}

const isUnknown = ({ record, entry }: KnownLocal): boolean => record === undefined && entry === undefined;

function receiptOf(
  setup: ExchangeSetup,
  person: Parameters<typeof answerOf>[1],
  changes: Receipt['changes'],
  reason: string,
): Receipt {
  return {
    answer: answerOf(setup, person, 200),
    changes,
    action: 'create',
    thing: { type: 'patient', id: person.id, personId: person.id },
    reason,
  };
}

/** A record of which nothing is known yet but its number: its own feed is on its way. */
function announced(
  node: KnownNode,
  number: PatientNumber,
  type: string,
  entry: Entry | undefined,
  now: number,
): IndexRecord {
  const record: IndexRecord = {
    id: entry?.id ?? uuidv7(now),
    personId: entry?.personId ?? '',
    number: { ...number, type },
    sourceId: node.name,
    state: 'active',
    stateAt: 0,
    numbers: [],
    told: [],
    features: Buffer.alloc(0),
    stamp: 0,
  };
  return entry === undefined ? record : { ...record, ownId: entry.personId };
}

function retiredRecord(
  node: KnownNode,
  fed: FedPatient,
  { record, entry }: KnownLocal,
  into: IndexRecord,
  sourceTime: number,
  now: number,
): IndexRecord {
  // What was known before the merge says more than the shell that tells of it.
  const known = record ?? announced(node, fed.number, fed.type, entry, now);
  const features = known.features.length > 0 ? known.features : packedFeatures(fed.patient);
  return { ...known, features, state: 'retired', mergedInto: into.id, stateAt: sourceTime };
}

function retiredEntry(
  record: IndexRecord,
  fed: FedPatient,
  before: Entry | undefined,
  messageId: string,
  sourceTime: number,
): { entry: Entry; expect: number } {
  const shell = bodyOf(fed.patient);
  const body =
    shell.birthDate === undefined && before !== undefined
      ? { ...bodyOf(before.body as typeof shell), ...shell }
      : shell;
  return localEntry({ ...record, removed: true }, body, before, { messageId, sourceTime });
}

/** The survivor as it is to be: it stands again where it was merged into the very record that gives way to it now. */
async function standing(
  store: ReceiveParts['store'],
  survivor: IndexRecord,
  retiredId: string,
  sourceTime: number,
): Promise<IndexRecord> {
  let at: IndexRecord | undefined = survivor;
  for (let step = 0; step < MERGES_MAX && at?.mergedInto !== undefined; step++) {
    if (at.mergedInto === retiredId) {
      const { mergedInto: _gone, ...rest } = survivor;
      return { ...rest, state: 'active', stateAt: sourceTime };
    }
    at = (await store.indexRecords([at.mergedInto])).get(at.mergedInto);
  }
  return survivor;
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
