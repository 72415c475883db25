/** What every act of the identity feed shares: who feeds, what is known of a local patient, and the answer. */
import { MixError } from '../schemas/errors/index.ts';
import type { FhirAnswer, NodeSubject } from '../schemas/exchange.ts';
import type { IndexRecord } from '../schemas/index-store.ts';
import type { Changes, Entry, Person } from '../schemas/parts.ts';
import { adoptOld } from './adopt-old.ts';
import { type ExchangeSetup, type KnownNode, knownNode, numbersToTell } from './domains.ts';
import { fhirIdentifier, tokenOf } from './ihe/index.ts';
import { localKey } from './link.ts';
import type { Receipt, ReceiveParts } from './receive.ts';

/** The node as the settings know it. Throws `exchange.not-here`. */
export function feedingNode(setup: ExchangeSetup, from: NodeSubject, place: string): KnownNode {
  const node = knownNode(setup, from.id);
  if (node === undefined) throw new MixError('exchange.not-here', { place, detail: 'an unknown node' });
  return node;
}

/** Does a node of this role feed this one? Throws `exchange.not-here`. */
export function checkBelow(setup: ExchangeSetup, node: KnownNode): void {
  const below = setup.node.role === 'region' ? 'hospital' : setup.node.role === 'global' ? 'region' : undefined;
  if (node.role !== below)
    throw new MixError('exchange.not-here', { detail: `a ${node.role} does not feed this node` });
}

export interface KnownLocal {
  record?: IndexRecord;
  entry?: Entry;
}

/** The record that is fed under a number, with its facts. */
export async function localOf(
  parts: ReceiveParts,
  setup: ExchangeSetup,
  number: { system: string; value: string },
): Promise<KnownLocal> {
  const { store } = parts;
  const [records, holders] = await Promise.all([
    store.indexRecordsByNumber([number]),
    store.personsByIdentifier([number]),
  ]);
  let record = records.get(tokenOf(number));
  const holder = holders.get(tokenOf(number));
  if (record === undefined && holder !== undefined) {
    const entry = (await store.entriesByKey(holder, [localKey(number)])).get(localKey(number));
    if (entry === undefined) return {};
    await adoptOld(parts, setup, holder);
    record = (await store.indexRecords([entry.id])).get(entry.id);
  }
  if (record === undefined) return {};
  const entry = (await store.entriesById([record.id])).get(record.id);
  return entry === undefined ? { record } : { record, entry };
}

/** Nothing (more) is to be written. */
export function said(setup: ExchangeSetup, person: Person, reason: string): Receipt {
  return {
    answer: answerOf(setup, person, 200),
    changes: {},
    action: 'create',
    thing: { type: 'patient', id: person.id, personId: person.id },
    reason,
  };
}

/** The changes with items of the work list. */
export function withItems(changes: Changes, items: NonNullable<Changes['index']>['items'] | undefined): Changes {
  return items === undefined || items.length === 0 ? changes : { ...changes, index: { ...changes.index, items } };
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
