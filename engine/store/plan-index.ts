/** Rows of the patient index: judged against what the database says, numbered and joined to the plan of their group. */
import { MixError } from '../../schemas/errors/index.ts';
import type { Row, Value } from './database.ts';
import { latin, type Plan, push } from './group.ts';
import { blocksOf, type IndexRecordUnit, type IndexUnit, type KnownIndex, splitTokens } from './index-unit.ts';

export const emptyIndex = (): KnownIndex => ({ records: new Map(), blocks: new Map(), items: new Map() });

/** Keys to ask the database for. */
export interface IndexAsked {
  records: Value[][];
  blocks: Value[][];
  items: Value[][];
}

export const emptyAsked = (): IndexAsked => ({ records: [], blocks: [], items: [] });

export function askIndex(asked: IndexAsked, unit: IndexUnit): void {
  for (const { id } of [...unit.records, ...unit.seen]) asked.records.push([id]);
  for (const { token } of unit.blocks) asked.blocks.push([token]);
  for (const { id } of unit.items) asked.items.push([id]);
}

/** `blockOf`: a row's block as bytes (SQLite gives back the key as it was asked). */
export function knownIndex(
  rows: { records: Row[]; blocks: Row[]; items: Row[] },
  blockOf: (token: Value) => Buffer,
): KnownIndex {
  return {
    records: new Map(
      rows.records.map((row) => [
        latin(row.id as Buffer),
        { stamp: row.stamp as number, tokens: row.tokens as Buffer },
      ]),
    ),
    blocks: new Map(
      rows.blocks.map((row) => [latin(blockOf(row.token!)), (row.mark as number | null | undefined) ?? 0]),
    ),
    items: new Map(rows.items.map((row) => [latin(row.id as Buffer), row.version as number])),
  };
}

/** Rows that the unit changes or stands on, as keys. */
export function touchedByIndex(unit: IndexUnit): string[] {
  const touches: string[] = [];
  for (const { id } of [...unit.records, ...unit.seen]) touches.push(`record:${latin(id)}`);
  for (const token of blocksOf(unit)) touches.push(`block:${latin(token)}`);
  for (const { id } of unit.items) touches.push(`item:${latin(id)}`);
  return [...new Set(touches)];
}

/** Why the unit can not be written: somebody came into a block, or a row is not as it was read. */
export function faultInIndex(known: KnownIndex, unit: IndexUnit): MixError | undefined {
  const stampOf = (id: Buffer): number => known.records.get(latin(id))?.stamp ?? 0;
  if (unit.records.some(({ id, expect }) => stampOf(id) !== expect))
    return new MixError('store.conflict', { place: 'record' });
  if (unit.seen.some(({ id, stamp }) => stampOf(id) !== stamp))
    return new MixError('store.conflict', { place: 'record' });
  if (unit.blocks.some(({ token, mark }) => (known.blocks.get(latin(token)) ?? 0) > mark))
    return new MixError('store.conflict', { place: 'block' });
  if (unit.items.some(({ id, expect }) => (known.items.get(latin(id)) ?? 0) !== expect))
    return new MixError('store.conflict', { place: 'item' });
  return undefined;
}

export function planIndex(plan: Plan, known: KnownIndex, unit: IndexUnit): void {
  for (const record of unit.records) planRecord(plan, known, record);
  for (const row of unit.pairsGone) push(plan, 'indexPairsGone', row);
  for (const row of unit.pairs) push(plan, 'indexPairs', row);
  for (const { row } of unit.items) push(plan, 'matchItems', row);
  for (const row of unit.events) push(plan, 'identityEvents', row);
}

/** A record that is found or compared by something else gets a new stamp, so that whoever saw the old one hears of it. */
function planRecord(plan: Plan, known: KnownIndex, unit: IndexRecordUnit): void {
  const before = known.records.get(latin(unit.id));
  let stamp = before?.stamp ?? 0;
  let tokens = before?.tokens ?? Buffer.alloc(0);
  if (unit.tokens !== undefined || before === undefined) {
    for (const token of splitTokens(tokens)) push(plan, 'indexTokensGone', [token, stamp]);
    stamp = plan.counters.stamp++;
    tokens = unit.tokens ?? Buffer.alloc(0);
    for (const token of splitTokens(tokens)) push(plan, 'indexTokens', [token, stamp]);
  }
  push(plan, 'indexRecords', [unit.id, stamp, ...unit.row, tokens, unit.body]);
}
