/** Reading messages, what came of them, and their lists. */
import type { Knex } from 'knex';
import type { KeptMessage, MessageQuery, MessageState, MessageStep, Page, Seal } from '../../schemas/parts.ts';
import { dayKey, idToKey, keyToId, splitPieces, unpackBody } from './codec.ts';
import type { Asker, Row, Value } from './database.ts';
import { countMax, pageLimit, readCursor, writeCursor } from './pages.ts';
import type { Reads, WordIndex } from './statements.ts';
import { domains, type MessageHead, type OutcomeBody } from './unit.ts';
import { askWords } from './words.ts';

export interface ReadParts {
  readers: Asker;
  /** The statements of the dialect. */
  sql: Reads;
  /** Condition on `seq` that a row of this index of words holds all of the words. */
  holds(index: WordIndex, seq: string, words: string): { condition: string; value: string };
  /** Places in the blocks of so many tokens; values are a token and a limit each. */
  blocks(count: number): string;
  seal: Seal;
  /** Writes SQL for the dialect; never connects. */
  build: Knex;
}

export interface Outcome {
  personIds: string[];
  wrote: { id: string; type: string; version: number }[];
  notCarried: string[];
}

/** States whose rows stand in the partial index `messages_apart`. */
const apart: readonly MessageState[] = ['parked', 'unmapped', 'test', 'corrected'];
const apartTerm = "m.state IN ('parked','unmapped','test','corrected')";

/** Messages by id, in the order asked; unknown ones are left out. */
export async function readMessages(parts: ReadParts, ids: readonly string[]): Promise<KeptMessage[]> {
  const rows = await parts.readers.allOf(
    parts.sql.messages,
    ids.map((id) => [idToKey(id)]),
  );
  const opened = await openMessages(parts, rows);
  return ids.flatMap((id) => opened.get(id) ?? []);
}

export async function openMessages(parts: ReadParts, rows: readonly Row[]): Promise<Map<string, KeptMessage>> {
  const opened = new Map<string, KeptMessage>();
  for (const row of rows) {
    const message = openMessage(parts.seal, row);
    opened.set(message.id, message);
  }
  // The faults that processing found stand with the outcome; those of the answer stay beside them.
  const settled = [...opened.values()].filter((message) => message.state !== 'kept').map((message) => message.id);
  for (const [id, bodies] of await readOutcomeBodies(parts, settled)) {
    const message = opened.get(id);
    const last = bodies.findLast((body) => body.settled);
    if (message && last?.faults) {
      const told = new Set(message.faults.map((fault) => JSON.stringify(fault)));
      message.faults = [...message.faults, ...last.faults.filter((fault) => !told.has(JSON.stringify(fault)))];
    }
  }
  return opened;
}

function openMessage(seal: Seal, row: Row): KeptMessage {
  const id = keyToId(row.id as Buffer);
  const packed = seal.open(dayKey(row.day as number), 'message_bodies', id, row.body as Buffer);
  const [headBytes, bytes, ack, digest] = splitPieces(unpackBody(packed), 4);
  const head = JSON.parse(headBytes!.toString()) as MessageHead;
  const message: KeptMessage = {
    id,
    sourceId: row.source as string,
    receivedAt: row.received_at as number,
    state: row.state as MessageState,
    type: row.type as string,
    version: head.version,
    processing: row.processing as string,
    bytes: bytes!,
    charset: head.charset,
    facts: head.facts,
    ackCode: row.ack_code as string,
    ack: ack!,
    faults: head.faults,
    digest: digest!,
    identity: head.identity,
  };
  if (head.correctedOf !== undefined) message.correctedOf = head.correctedOf;
  if (row.conflict === 1) message.conflict = true;
  return message;
}

async function readOutcomeBodies(parts: ReadParts, ids: readonly string[]): Promise<Map<string, OutcomeBody[]>> {
  const rows = await parts.readers.allOf(
    parts.sql.outcomes,
    ids.map((id) => [idToKey(id)]),
  );
  const byMessage = new Map<string, OutcomeBody[]>();
  for (const row of rows) {
    const id = keyToId(row.message as Buffer);
    const plain = unpackBody(parts.seal.open(dayKey(row.day as number), 'message_outcomes', id, row.body as Buffer));
    const bodies = byMessage.get(id) ?? [];
    bodies.push(JSON.parse(plain.toString()) as OutcomeBody);
    byMessage.set(id, bodies);
  }
  return byMessage;
}

/** What the newest run of a message did. */
export async function readOutcome(parts: ReadParts, id: string): Promise<Outcome> {
  const bodies = (await readOutcomeBodies(parts, [id])).get(id) ?? [];
  const last = bodies.findLast((body) => body.settled);
  return {
    personIds: last?.personIds ?? [],
    wrote: (last?.wrote ?? []).map(([id, type, version]) => ({ id, type, version })),
    notCarried: last?.notCarried ?? [],
  };
}

/** The way of a message, oldest first; a step told twice (each run tells of the receipt) stands once. */
export async function readSteps(parts: ReadParts, message: KeptMessage): Promise<MessageStep[]> {
  const { id, receivedAt } = message;
  const bodies = (await readOutcomeBodies(parts, [id])).get(id) ?? [];
  const steps: MessageStep[] = [
    { messageId: id, at: receivedAt, step: 'received' },
    { messageId: id, at: receivedAt, step: 'kept' },
  ];
  for (const body of bodies) {
    for (const [at, step, detail] of body.steps) {
      const told: MessageStep = { messageId: id, at, step: step as MessageStep['step'] };
      if (detail !== undefined) told.detail = detail;
      steps.push(told);
    }
  }
  if (message.ackCode !== '' && !steps.some((one) => one.step === 'acknowledged')) {
    steps.push({ messageId: id, at: receivedAt, step: 'acknowledged', detail: message.ackCode });
  }
  const once = new Map(steps.map((one) => [`${one.step}|${one.at}`, one]));
  const order = ['received', 'kept', 'acknowledged'];
  const rank = (one: MessageStep) => (order.includes(one.step) ? order.indexOf(one.step) : order.length);
  return [...once.values()].sort((a, b) => a.at - b.at || rank(a) - rank(b));
}

/** The query of a list without its page, as the plan test sees it too; undefined when it can find nothing. */
export function messageListQuery(
  parts: Pick<ReadParts, 'seal' | 'build' | 'holds'>,
  query: MessageQuery,
): Knex.QueryBuilder | undefined {
  const { build, seal } = parts;
  const list = build('messages as m');
  if (query.sourceId !== undefined) list.where('m.source', query.sourceId);
  if (query.state !== undefined) {
    list.where('m.state', query.state);
    if (apart.includes(query.state)) list.whereRaw(apartTerm);
  }
  // A code without its trigger asks for all of them: `_` is the letter after `^`.
  if (query.type !== undefined && !query.type.includes('^'))
    list.whereBetween('m.type', [query.type, `${query.type}_`]);
  else if (query.type !== undefined) list.where('m.type', query.type);
  if (query.processing !== undefined) list.where('m.processing', query.processing);
  if (query.from !== undefined) list.where('m.received_at', '>=', query.from);
  if (query.to !== undefined) list.where('m.received_at', '<=', query.to);
  if (query.personId !== undefined) {
    list.whereIn('m.seq', build('message_persons').select('message').where('person', idToKey(query.personId)));
  }
  if (query.terms && query.terms.length > 0) {
    const words = askWords(seal, domains.messageWords, query.terms);
    if (words === undefined) return undefined;
    const { condition, value } = parts.holds('message_words', 'm.seq', words);
    list.whereRaw(condition, [value]);
  }
  return list;
}

/** One page of messages, newest first. */
export async function listMessages(parts: ReadParts, query: MessageQuery): Promise<Page<KeptMessage>> {
  const limit = pageLimit(query.limit);
  const before = readCursor(query.cursor);
  const list = messageListQuery(parts, query);
  if (!list) return { rows: [], count: 0 };
  const page = list
    .clone()
    .select('m.seq')
    .orderBy('m.seq', 'desc')
    .limit(limit + 1);
  if (before !== undefined) page.where('m.seq', '<', before);
  const [found, count] = await Promise.all([runBuilt(parts, page), countBuilt(parts, list)]);
  const seqs = found.slice(0, limit).map((row) => row.seq as number);
  const rows = await parts.readers.allOf(
    parts.sql.messagesBySeq,
    seqs.map((seq) => [seq]),
  );
  const bySeq = new Map(rows.map((row) => [row.seq as number, row]));
  const opened = await openMessages(parts, [...bySeq.values()]);
  const answer: Page<KeptMessage> = {
    rows: seqs.flatMap((seq) => {
      const row = bySeq.get(seq);
      return row ? (opened.get(keyToId(row.id as Buffer)) ?? []) : [];
    }),
    count,
  };
  if (found.length > limit) answer.next = writeCursor(seqs[seqs.length - 1]!);
  return answer;
}

export function runBuilt(parts: Pick<ReadParts, 'readers'>, query: Knex.QueryBuilder): Promise<Row[]> {
  const { sql, bindings } = query.toSQL().toNative();
  return parts.readers.all(sql, bindings as Value[]);
}

/** Exact up to 10,000, then 10,000. */
export async function countBuilt(
  parts: Pick<ReadParts, 'readers' | 'build'>,
  list: Knex.QueryBuilder,
): Promise<number> {
  const inner = list.clone().select(parts.build.raw('1')).limit(countMax).as('found');
  const rows = await runBuilt(parts, parts.build.count({ count: '*' }).from(inner));
  return (rows[0]?.count as number | undefined) ?? 0;
}
