/** Reading what the node knows of itself on PostgreSQL: counts, jobs, the audit's chains. */
import type { Job, JobKind, Page } from '../../../schemas/parts.ts';
import { type AuditRow, chainHash, chainStart } from '../audit-chain.ts';
import { jobOf } from '../board.ts';
import type { Row } from '../database.ts';
import { jobOfRow } from '../group.ts';
import { countMax, pageLimit, readCursor, writeCursor } from '../pages.ts';
import { countBuilt, type ReadParts, runBuilt } from '../read-messages.ts';
import type { Counts } from '../read-node.ts';

type ListedJob = Job & { state: string; blocks?: boolean };

export async function readCounts(parts: ReadParts, schema: string): Promise<Counts> {
  const [tallies, jobs, size] = await Promise.all([
    parts.readers.all('SELECT name, sum(value)::bigint AS value FROM tallies GROUP BY name'),
    parts.readers.first(
      `SELECT count(*) FILTER (WHERE state <> 'parked') AS ready, count(*) FILTER (WHERE state = 'parked') AS parked FROM jobs`,
    ),
    parts.readers.first(
      `SELECT sum(pg_total_relation_size(oid))::bigint AS bytes FROM pg_class WHERE relnamespace = $1::regnamespace AND relkind = 'r'`,
      [schema],
    ),
  ]);
  const tally = new Map(tallies.map((row) => [row.name as string, row.value as number]));
  return {
    messages: tally.get('messages') ?? 0,
    persons: tally.get('persons') ?? 0,
    entries: tally.get('entries') ?? 0,
    documents: tally.get('documents') ?? 0,
    ready: jobs?.ready as number,
    parked: jobs?.parked as number,
    bytes: (size?.bytes as number | null) ?? 0,
  };
}

/** Jobs that wait or run, for the limit of the queue. */
export async function countWaiting(parts: ReadParts): Promise<number> {
  const row = await parts.readers.first(
    `SELECT count(*) AS waiting FROM jobs WHERE state <> 'parked' AND kind NOT LIKE 'deliver%'`,
  );
  return (row?.waiting as number | undefined) ?? 0;
}

export async function listJobs(
  parts: ReadParts,
  query: { state?: 'ready' | 'leased' | 'parked'; kind?: JobKind; cursor?: string; limit: number },
): Promise<Page<ListedJob>> {
  const limit = pageLimit(query.limit);
  const before = readCursor(query.cursor);
  const list = parts.build('jobs');
  if (query.state) list.where('state', query.state);
  if (query.kind) list.where('kind', query.kind);
  const page = list
    .clone()
    .select('*')
    .orderBy('seq', 'desc')
    .limit(limit + 1);
  if (before !== undefined) page.where('seq', '<', before);
  const [rows, count] = await Promise.all([runBuilt(parts, page), countBuilt(parts, list)]);
  const shown = rows.slice(0, limit);
  const answer: Page<ListedJob> = { rows: shown.map(listedJob), count: Math.min(count, countMax) };
  if (rows.length > limit) answer.next = writeCursor(shown[shown.length - 1]!.seq as number);
  return answer;
}

function listedJob(row: Row): ListedJob {
  const state = row.state as 'ready' | 'leased' | 'parked';
  const fence = state === 'leased' ? (row.fence as number) : 0;
  const job = jobOf({ ...jobOfRow(row), state, fence, leasedUntil: 0, behind: 0, held: false });
  return state === 'parked' ? { ...job, state, blocks: row.blocks === 1 } : { ...job, state };
}

const auditStep = 1_000;

/** Walks every chain of the audit; `broken` is the first row whose hash does not follow from the one before it in its part. */
export async function checkAudit(parts: ReadParts): Promise<{ rows: number; broken?: number }> {
  let rows = 0;
  for (const { part } of await parts.readers.all('SELECT DISTINCT part FROM audit ORDER BY part')) {
    let before = chainStart;
    let number = 0;
    for (let last = false; !last; ) {
      const page = await parts.readers.all(
        'SELECT * FROM audit WHERE part = $1 AND number > $2 ORDER BY number LIMIT $3',
        [part!, number, auditStep],
      );
      for (const row of page) {
        const expected = chainHash(before, { ...row, seq: row.number } as unknown as AuditRow);
        if (row.number !== number + 1 || !expected.equals(row.hash as Buffer))
          return { rows, broken: row.seq as number };
        before = expected;
        number++;
        rows++;
      }
      last = page.length < auditStep;
    }
  }
  return { rows };
}
