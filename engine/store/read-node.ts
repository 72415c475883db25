/** Reading what the node knows of itself: sources, counts, jobs, the audit. */
import type { AuditEntry, Job, JobKind, Page, SourceStats } from '../../schemas/parts.ts';
import { type AuditRow, chainHash, chainStart } from './audit-chain.ts';
import type { Board, BoardJob } from './board.ts';
import { jobOf } from './board.ts';
import { dayKey, idToKey, keyToId, unpackBody } from './codec.ts';
import type { Row } from './database.ts';
import { jobOfRow } from './group.ts';
import { countMax, pageLimit, readCursor, writeCursor } from './pages.ts';
import { countBuilt, type ReadParts, runBuilt } from './read-messages.ts';

const sourcesMax = 1_000;
const fieldsMax = 1_000;
const minutesTold = 60;

export async function readSourceStats(parts: ReadParts, now: number): Promise<SourceStats[]> {
  const minute = Math.floor(now / 60_000);
  const [rows, parked] = await Promise.all([
    parts.readers.all(parts.sql.sources, [sourcesMax]),
    parts.readers.all(parts.sql.parkedBySource),
  ]);
  const parkedOf = new Map(parked.map((row) => [row.source as string, row.count as number]));
  return Promise.all(
    rows.map(async (row) => {
      const sourceId = row.id as string;
      const [minutes, fields] = await Promise.all([
        parts.readers.all(parts.sql.sourceMinutes, [sourceId, minute - minutesTold]),
        parts.readers.all(parts.sql.notCarried, [sourceId, fieldsMax]),
      ]);
      const perMinute: number[] = new Array(minutesTold).fill(0);
      for (const one of minutes) {
        const at = (one.minute as number) - (minute - minutesTold) - 1;
        if (at >= 0 && at < minutesTold) perMinute[at] = one.count as number;
      }
      const stats: SourceStats = {
        sourceId,
        total: row.total as number,
        parked: parkedOf.get(sourceId) ?? 0,
        perMinute,
        notCarried: fields.map((one) => ({ field: one.field as string, count: one.count as number })),
      };
      if ((row.last_at as number) > 0) stats.lastAt = row.last_at as number;
      return stats;
    }),
  );
}

export interface Counts {
  messages: number;
  persons: number;
  entries: number;
  documents: number;
  ready: number;
  parked: number;
  bytes: number;
}

export async function readCounts(parts: ReadParts, board: Board): Promise<Counts> {
  const [tallies, parked, pages, size] = await Promise.all([
    parts.readers.all('SELECT name,value FROM tallies'),
    parts.readers.first(`SELECT count(*) AS count FROM jobs WHERE state = 'parked'`),
    parts.readers.first('PRAGMA page_count'),
    parts.readers.first('PRAGMA page_size'),
  ]);
  const tally = new Map(tallies.map((row) => [row.name as string, row.value as number]));
  return {
    messages: tally.get('messages') ?? 0,
    persons: tally.get('persons') ?? 0,
    entries: tally.get('entries') ?? 0,
    documents: tally.get('documents') ?? 0,
    ready: board.waiting,
    parked: parked?.count as number,
    bytes: (pages?.page_count as number) * (size?.page_size as number),
  };
}

type ListedJob = Job & { state: string; blocks?: boolean };

/** Parked jobs come from SQL, the others from memory, where the leases are. */
export async function listJobs(
  parts: ReadParts,
  board: Board,
  query: { state?: 'ready' | 'leased' | 'parked'; kind?: JobKind; cursor?: string; limit: number },
): Promise<Page<ListedJob>> {
  const limit = pageLimit(query.limit);
  const before = readCursor(query.cursor);
  const found: { seq: number; job: ListedJob }[] = [];
  let count = 0;
  if (query.state !== 'parked') {
    const waiting = board
      .list()
      .filter(
        (job) =>
          job.state !== 'parked' &&
          (!query.state || job.state === query.state) &&
          (!query.kind || job.kind === query.kind),
      );
    count += waiting.length;
    for (const job of waiting)
      if (before === undefined || job.seq < before)
        found.push({ seq: job.seq, job: { ...jobOf(job), state: job.state } });
  }
  if (query.state === undefined || query.state === 'parked') {
    const list = parts.build('jobs').where('state', 'parked');
    if (query.kind) list.where('kind', query.kind);
    const page = list
      .clone()
      .select('*')
      .orderBy('seq', 'desc')
      .limit(limit + 1);
    if (before !== undefined) page.where('seq', '<', before);
    const [rows, parked] = await Promise.all([runBuilt(parts, page), countBuilt(parts, list)]);
    count += parked;
    for (const row of rows) found.push({ seq: row.seq as number, job: parkedJob(row) });
  }
  found.sort((a, b) => b.seq - a.seq);
  const shown = found.slice(0, limit);
  const answer: Page<ListedJob> = { rows: shown.map((one) => one.job), count: Math.min(count, countMax) };
  if (found.length > limit) answer.next = writeCursor(shown[shown.length - 1]!.seq);
  return answer;
}

function parkedJob(row: Row): ListedJob {
  const board: BoardJob = { ...jobOfRow(row), state: 'parked', fence: 0, leasedUntil: 0, behind: 0, held: false };
  return { ...jobOf(board), state: 'parked', blocks: row.blocks === 1 };
}

export async function listAudit(
  parts: ReadParts,
  query: {
    personId?: string;
    who?: string;
    action?: string;
    from?: number;
    to?: number;
    cursor?: string;
    limit: number;
  },
): Promise<Page<AuditEntry & { seq: number }>> {
  const limit = pageLimit(query.limit);
  const before = readCursor(query.cursor);
  const list = parts.build('audit');
  if (query.personId !== undefined) list.where('person', idToKey(query.personId));
  if (query.who !== undefined) list.where('who', query.who);
  if (query.action !== undefined) list.where('action', query.action);
  if (query.from !== undefined) list.where('at', '>=', query.from);
  if (query.to !== undefined) list.where('at', '<=', query.to);
  const page = list
    .clone()
    .select('*')
    .orderBy('seq', 'desc')
    .limit(limit + 1);
  if (before !== undefined) page.where('seq', '<', before);
  const [rows, count] = await Promise.all([runBuilt(parts, page), countBuilt(parts, list)]);
  const shown = rows.slice(0, limit);
  const answer: Page<AuditEntry & { seq: number }> = { rows: shown.map((row) => openAudit(parts, row)), count };
  if (rows.length > limit) answer.next = writeCursor(shown[shown.length - 1]!.seq as number);
  return answer;
}

function openAudit(parts: ReadParts, row: Row): AuditEntry & { seq: number } {
  const at = row.at as number;
  const plain = unpackBody(parts.seal.open(dayKey(row.day as number), 'audit', `${at}`, row.body as Buffer));
  const [what, thing, reason] = JSON.parse(plain.toString()) as [string, string | null, string | null];
  const entry: AuditEntry & { seq: number } = {
    seq: row.seq as number,
    at,
    who: row.who as string,
    action: row.action as AuditEntry['action'],
    outcome: row.outcome as string,
    what,
  };
  if (thing !== null) entry.thing = thing;
  if (reason !== null) entry.reason = reason;
  if (row.person) entry.personId = keyToId(row.person as Buffer);
  return entry;
}

const auditStep = 1_000;

/** Walks the whole chain; `broken` is the first row whose hash does not follow from the one before it. */
export async function checkAudit(parts: ReadParts): Promise<{ rows: number; broken?: number }> {
  let before = chainStart;
  let rows = 0;
  for (let next = 0; ; ) {
    const page = await parts.readers.all('SELECT * FROM audit WHERE seq > ? ORDER BY seq LIMIT ?', [next, auditStep]);
    for (const row of page) {
      const seq = row.seq as number;
      const expected = chainHash(before, row as unknown as AuditRow);
      if (seq !== rows + 1 || !expected.equals(row.hash as Buffer)) return { rows, broken: seq };
      before = expected;
      rows++;
      next = seq;
    }
    if (page.length < auditStep) return { rows };
  }
}
