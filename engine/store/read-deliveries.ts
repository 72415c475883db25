/** Reading what goes to other nodes and outlets, and what was taken in from them. */
import type { Knex } from 'knex';
import type { Delivery, DeliveryQuery, OutletStats, Page } from '../../schemas/parts.ts';
import { dayKey, idToKey, keyToId, unpackBody } from './codec.ts';
import type { Row } from './database.ts';
import { pageLimit, readCursor, writeCursor } from './pages.ts';
import { countBuilt, type ReadParts, runBuilt } from './read-messages.ts';

const outletsMax = 1_000;
/** States whose rows stand in the partial index `deliveries_apart`. */
const apart: readonly Delivery['state'][] = ['waiting', 'parked', 'refused'];
const apartTerm = "state IN ('waiting','parked','refused')";

export async function readDelivery(parts: ReadParts, id: string): Promise<Delivery | undefined> {
  const row = await parts.readers.first(parts.sql.delivery, [idToKey(id)]);
  return row && deliveryOf(row);
}

export function deliveryOf(row: Row): Delivery {
  const delivery: Delivery = {
    id: keyToId(row.id as Buffer),
    outlet: row.outlet as string,
    kind: row.kind as Delivery['kind'],
    thing: keyToId(row.thing as Buffer),
    state: row.state as Delivery['state'],
    createdAt: row.created_at as number,
    attempts: row.attempts as number,
  };
  if (row.person) delivery.personId = keyToId(row.person as Buffer);
  if (row.last_at !== null) delivery.lastAt = row.last_at as number;
  if (row.next_at !== null) delivery.nextAt = row.next_at as number;
  if (row.fault !== null) delivery.fault = JSON.parse(row.fault as string);
  if (row.receipt !== null) delivery.receipt = row.receipt as string;
  return delivery;
}

/** The query of a list without its page, as the plan test sees it too. */
export function deliveryListQuery(build: Knex, query: DeliveryQuery): Knex.QueryBuilder {
  const list = build('deliveries');
  if (query.outlet !== undefined) list.where('outlet', query.outlet);
  if (query.state !== undefined) {
    list.where('state', query.state);
    if (apart.includes(query.state)) list.whereRaw(apartTerm);
  }
  if (query.kind !== undefined) list.where('kind', query.kind);
  if (query.personId !== undefined) list.where('person', idToKey(query.personId));
  if (query.thing !== undefined) list.where('thing', idToKey(query.thing));
  return list;
}

/** One page of deliveries, newest first. */
export async function listDeliveries(parts: ReadParts, query: DeliveryQuery): Promise<Page<Delivery>> {
  const limit = pageLimit(query.limit);
  const before = readCursor(query.cursor);
  const list = deliveryListQuery(parts.build, query);
  const page = list
    .clone()
    .select('*')
    .orderBy('seq', 'desc')
    .limit(limit + 1);
  if (before !== undefined) page.where('seq', '<', before);
  const [rows, count] = await Promise.all([runBuilt(parts, page), countBuilt(parts, list)]);
  const answer: Page<Delivery> = { rows: rows.slice(0, limit).map(deliveryOf), count };
  if (rows.length > limit) answer.next = writeCursor(rows[limit - 1]!.seq as number);
  return answer;
}

/** Counts of each outlet that ever had a delivery. */
export async function readOutletStats(parts: ReadParts): Promise<OutletStats[]> {
  const rows = await parts.readers.all(parts.sql.outlets, [outletsMax]);
  return Promise.all(
    rows.map(async (row) => {
      const outlet = row.id as string;
      const stats: OutletStats = {
        outlet,
        waiting: row.waiting as number,
        parked: row.parked as number,
        sent: row.sent as number,
      };
      const oldest = stats.waiting > 0 ? await parts.readers.first(parts.sql.oldestWaiting, [outlet]) : undefined;
      if (typeof oldest?.at === 'number') stats.oldestAt = oldest.at;
      if ((row.last_sent_at as number) > 0) stats.lastSentAt = row.last_sent_at as number;
      return stats;
    }),
  );
}

/** The answer that was given to a delivery of another node. */
export async function readReceivedAnswer(parts: ReadParts, id: string): Promise<Buffer | undefined> {
  const row = await parts.readers.first(parts.sql.received, [idToKey(id)]);
  if (!row) return undefined;
  return unpackBody(parts.seal.open(dayKey(row.day as number), 'received', id, row.body as Buffer));
}
