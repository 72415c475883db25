/** The index's part of a unit of work on its way to the writer: sealed and made into tokens here, joined into rows by the lane. */
import type { IndexChanges, IndexPair, IndexRecord, MatchItem } from '../../schemas/index-store.ts';
import type { Identifier, Seal } from '../../schemas/parts.ts';
import { idToKey, joinPieces, packBody, personKey } from './codec.ts';
import type { Value } from './database.ts';
import { foldNumber } from './words.ts';

/** Bytes of a token of a block: two texts that share one by chance only cost a comparison. */
export const blockTokenBytes = 8;
const blocksDomain = 'index';
const numbersDomain = 'index-number';

export interface IndexUnit {
  records: IndexRecordUnit[];
  seen: { id: Buffer; stamp: number }[];
  blocks: { token: Buffer; mark: number }[];
  pairs: Value[][];
  pairsGone: Value[][];
  items: { id: Buffer; expect: number; row: Value[] }[];
  events: Value[][];
}

export interface IndexRecordUnit {
  id: Buffer;
  expect: number;
  /** One after another; undefined where what it is found by did not change. */
  tokens: Buffer | undefined;
  /** Number of the record, as a token. */
  number: Buffer;
  /** Person, own person, number, survivor, state, since when, source; between the stamp and the tokens. */
  row: Value[];
  body: Buffer;
}

/** What is sealed with a record beside its features. */
export interface IndexRecordFacts {
  number: IndexRecord['number'];
  numbers: Identifier[];
  told: Identifier[];
  ownNumber?: string;
}

/** Tokens of the texts that a record is found by, in the order asked. */
export function blockTokens(seal: Seal, keys: readonly string[]): Buffer[] {
  const tokens = seal.tokens(blocksDomain, keys);
  return keys.map((_, at) => tokens.subarray(at * 12, at * 12 + blockTokenBytes));
}

/** Token of the number that a record is fed under. */
export function numberTokens(seal: Seal, numbers: readonly { system: string; value: string }[]): Buffer[] {
  const tokens = seal.tokens(
    numbersDomain,
    numbers.map(({ system, value }) => `${system}|${foldNumber(value)}`),
  );
  return numbers.map((_, at) => tokens.subarray(at * 12, at * 12 + 12));
}

/** Row name of an item's body: the version is part of it, so that an old body can not stand in for a new one. */
export const itemRow = (id: string, version: number): string => `${id}/${version}`;

export function makeIndexUnit(seal: Seal, changes: IndexChanges): IndexUnit {
  const blocks = changes.seen?.blocks ?? [];
  const tokens = blockTokens(
    seal,
    blocks.map(({ key }) => key),
  );
  const gone = (pair: IndexPair): boolean => pair.link === 'none' && pair.decision === 'none';
  const pairs = changes.pairs ?? [];
  return {
    records: (changes.records ?? []).map((one) => recordUnit(seal, one)),
    seen: (changes.seen?.records ?? []).map(({ id, stamp }) => ({ id: idToKey(id), stamp })),
    blocks: blocks.map(({ mark }, at) => ({ token: tokens[at]!, mark })),
    pairs: pairs
      .filter((pair) => !gone(pair))
      .map(({ a, b, link, weight, decision, decidedAt }) => [
        idToKey(a),
        idToKey(b),
        link,
        weight,
        decision,
        decidedAt,
      ]),
    pairsGone: pairs.filter(gone).map(({ a, b }) => [idToKey(a), idToKey(b)]),
    items: (changes.items ?? []).map((one) => itemUnit(seal, one)),
    events: (changes.events ?? []).map(({ id, personId, at, event, who, reason, after }) => [
      idToKey(id),
      idToKey(personId),
      at,
      event,
      seal.seal(
        personKey(personId),
        'identity_events',
        id,
        packBody([Buffer.from(JSON.stringify({ who, reason, after }))]),
      ),
    ]),
  };
}

function recordUnit(
  seal: Seal,
  { record, expect, keys }: { record: IndexRecord; expect: number; keys?: string[] },
): IndexRecordUnit {
  const { number, numbers, told, ownNumber } = record;
  const facts: IndexRecordFacts = { number, numbers, told };
  if (ownNumber !== undefined) facts.ownNumber = ownNumber;
  // Features are dense already: packing them would cost more than it spares.
  const body = Buffer.concat(joinPieces([packBody([Buffer.from(JSON.stringify(facts))]), record.features]));
  const token = numberTokens(seal, [number])[0]!;
  return {
    id: idToKey(record.id),
    expect,
    tokens: keys && Buffer.concat(blockTokens(seal, [...new Set(keys)])),
    number: token,
    row: [
      idToKey(record.personId),
      record.ownId === undefined ? null : idToKey(record.ownId),
      token,
      record.mergedInto === undefined ? null : idToKey(record.mergedInto),
      record.state,
      record.stateAt,
      record.sourceId,
    ],
    body: seal.seal('tenant', 'index_records', record.id, body),
  };
}

function itemUnit(
  seal: Seal,
  { item, expect }: { item: MatchItem; expect: number },
): { id: Buffer; expect: number; row: Value[] } {
  const id = idToKey(item.id);
  const body = packBody([Buffer.from(JSON.stringify(item.body))]);
  return {
    id,
    expect,
    row: [
      id,
      item.version,
      item.kind,
      item.state,
      idToKey(item.a),
      item.b === undefined ? null : idToKey(item.b),
      idToKey(item.personId),
      item.from,
      item.createdAt,
      item.updatedAt,
      seal.seal(personKey(item.personId), 'match_items', itemRow(item.id, item.version), body),
    ],
  };
}

/** Tokens of every block that a unit looked at or writes into. */
export function blocksOf(unit: IndexUnit): Buffer[] {
  const tokens = unit.blocks.map(({ token }) => token);
  for (const record of unit.records) tokens.push(...splitTokens(record.tokens ?? Buffer.alloc(0)));
  return tokens;
}

/** Tokens that stand one after another. */
export function splitTokens(tokens: Buffer): Buffer[] {
  const list: Buffer[] = [];
  for (let at = 0; at + blockTokenBytes <= tokens.length; at += blockTokenBytes)
    list.push(tokens.subarray(at, at + blockTokenBytes));
  return list;
}

/** What the database says of the index's rows that a group is about. */
export interface KnownIndex {
  records: Map<string, { stamp: number; tokens: Buffer }>;
  /** The newest record of a block; 0 for an empty one. */
  blocks: Map<string, number>;
  items: Map<string, number>;
}
