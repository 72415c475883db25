/** The statements on PostgreSQL. Rows of a write travel as in SQLite: a JSON array of rows, and one buffer with the bytes of all. */
import type { Value } from '../database.ts';
import type { Reads, WordIndex, WriteName } from '../statements.ts';

/** How a value of a row is given: number, number with a fraction, text, bytes, words (numbers of tokens). */
type Form = 'n' | 'f' | 't' | 'b' | 'w';

export interface Write {
  forms: readonly Form[];
  sql: string;
  /** A later row of the same first value stands for the earlier one. */
  once: boolean;
}

const given = (forms: readonly Form[]): string => {
  let at = 0;
  const columns = forms.map((form, i) => {
    const place = at;
    at += form === 'b' ? 2 : 1;
    const name = `c${i + 1}`;
    if (form === 'b') return `substring($2::bytea FROM (v->>${place})::int FOR (v->>${place + 1})::int) AS ${name}`;
    if (form === 'w') return `ARRAY(SELECT w::bigint FROM jsonb_array_elements_text(v->${place}) AS w) AS ${name}`;
    if (form === 'f') return `(v->>${place})::float8 AS ${name}`;
    return form === 'n' ? `(v->>${place})::bigint AS ${name}` : `v->>${place} AS ${name}`;
  });
  return `SELECT ${columns.join(',')} FROM jsonb_array_elements($1::jsonb) AS v`;
};

const formsOf = (columns: string): Form[] => columns.split(',').map((column) => column.split(':')[1] as Form);

function write(forms: string, sqlOf: (rows: string) => string, once = false): Write {
  const list = [...forms] as Form[];
  return { forms: list, sql: sqlOf(given(list)), once };
}

/** `columns`: names with their form, `id:b,state:t`. `more` are columns whose value is the same for all rows. */
function insert(table: string, columns: string, after = '', more: Record<string, string> = {}): Write {
  const forms = formsOf(columns);
  const names = [...columns.split(',').map((column) => column.split(':')[0]), ...Object.keys(more)].join(',');
  const rows = `SELECT ${[...forms.map((_, i) => `c${i + 1}`), ...Object.values(more)].join(',')} FROM (${given(forms)}) AS g`;
  return {
    forms,
    sql: `INSERT INTO ${table} AS t (${names}) ${rows}${after}`,
    once: after.includes('DO UPDATE'),
  };
}

const replaced = (names: string): string =>
  names
    .split(',')
    .map((name) => `${name}=excluded.${name}`)
    .join(', ');

const entryRow =
  'id:b,person:b,key:b,type:t,version:n,status:t,code:t,source:t,message:b,source_time:n,removed:n,body:b';
const entryColumns = 'id,person,key,type,version,status,code,source,message,source_time,removed,body';

/** Every key of a job as rows of `job_keys`; keys stand one after another, 12 bytes each. */
const keysOf = (keys: string): string =>
  `(SELECT substring(${keys} FROM i FOR 12) FROM generate_series(1, length(${keys}), 12) AS i)`;
const dropKeys = `DELETE FROM job_keys AS k USING gone AS g, LATERAL ${keysOf('g.keys')} AS u(key) WHERE k.key = u.key AND k.job = g.seq`;

/** Writes of a group, in the order in which they are done. `part` is the number under which this process counts. */
export function writesOf(part: number): Record<WriteName, Write> {
  const here = { part: `${part}` };
  return {
    keys: insert('keys', 'name:t,wrapped:b', ' ON CONFLICT (name) DO NOTHING'),
    keysGone: write('t', (rows) => `UPDATE keys SET wrapped = '' WHERE name IN (${rows})`),
    messages: insert('messages', 'seq:n,id:b,source:t,state:t,type:t,processing:t,received_at:n,conflict:n,ack_code:t'),
    messageBodies: insert('message_bodies', 'seq:n,day:n,body:b'),
    seen: insert('seen', 'token:b,digest:b,message:b', ' ON CONFLICT (token,digest) DO NOTHING'),
    persons: insert(
      'persons',
      'seq:n,id:b,version:n,state:t,merged_into:b,created_at:n,updated_at:n,incomplete:n,words:b,body:b',
      ` ON CONFLICT (id) DO UPDATE SET ${replaced('version,state,merged_into,updated_at,incomplete,words,body')}`,
    ),
    entryHistory: write(
      'b',
      (rows) =>
        `INSERT INTO entry_versions (${entryColumns}) SELECT ${entryColumns} FROM entries WHERE id IN (${rows})`,
    ),
    identifiersGone: write('bb', (rows) => `DELETE FROM identifiers WHERE (token,person) IN (${rows})`),
    documentsReplaced: write(
      'b',
      (rows) => `UPDATE documents SET state='superseded' WHERE state='current' AND id IN (${rows})`,
    ),
    messageStates: write(
      'bt',
      (rows) => `UPDATE messages SET state = g.c2 FROM (${rows}) AS g WHERE messages.id = g.c1`,
      true,
    ),
    messageOutcomes: insert('message_outcomes', 'message:b,run:n,day:n,body:b'),
    messagePersons: write(
      'bb',
      (rows) =>
        `INSERT INTO message_persons (person,message) SELECT g.c1, m.seq FROM (${rows}) AS g JOIN messages AS m ON m.id = g.c2
         ON CONFLICT (person,message) DO NOTHING`,
    ),
    messageWords: write(
      'bw',
      (rows) =>
        `INSERT INTO message_words (seq,words) SELECT m.seq, g.c2 FROM (${rows}) AS g JOIN messages AS m ON m.id = g.c1
         ON CONFLICT (seq) DO UPDATE SET words = excluded.words`,
      true,
    ),
    personWords: insert('person_words', 'seq:n,words:w', ' ON CONFLICT (seq) DO UPDATE SET words = excluded.words'),
    identifiers: insert('identifiers', 'token:b,person:b', ' ON CONFLICT (token) DO UPDATE SET person=excluded.person'),
    entryVersions: insert('entry_versions', entryRow),
    entries: insert(
      'entries',
      entryRow,
      ` ON CONFLICT (id) DO UPDATE SET ${replaced('person,key,type,version,status,code,source,message,source_time,removed,body')}`,
    ),
    documents: insert(
      'documents',
      'id:b,person:b,set_id:t,version:n,replaces:b,state:t,created_at:n,person_version:n,sha256:t,body:b',
      ' ON CONFLICT (id) DO UPDATE SET state=excluded.state',
    ),
    documentStates: write(
      'bt',
      (rows) => `UPDATE documents SET state = g.c2 FROM (${rows}) AS g WHERE documents.id = g.c1`,
      true,
    ),
    deliveries: insert(
      'deliveries',
      'id:b,outlet:t,kind:t,thing:b,person:b,state:t,created_at:n,attempts:n,last_at:n,next_at:n,fault:t,receipt:t',
      ` ON CONFLICT (id) DO UPDATE SET ${replaced('outlet,kind,thing,person,state,attempts,last_at,next_at,fault,receipt')}`,
    ),
    received: insert('received', 'id:b,node:t,day:n,body:b'),
    jobsGone: write(
      'n',
      (rows) => `WITH gone AS (DELETE FROM jobs WHERE seq IN (${rows}) RETURNING seq, keys) ${dropKeys}`,
    ),
    parkedGone: write(
      'b',
      (rows) =>
        `WITH gone AS (DELETE FROM jobs WHERE state='parked' AND subject IN (${rows}) RETURNING seq, keys) ${dropKeys}`,
    ),
    // A parked job that blocks nobody gives its place away; one that comes back takes it again.
    jobsChanged: write(
      'ntnnnt',
      (rows) =>
        `WITH done AS (UPDATE jobs SET state=g.c2, blocks=g.c3, due_at=g.c4, attempts=g.c5, fault=g.c6, holder=NULL, leased_until=NULL
           FROM (${rows}) AS g WHERE jobs.seq = g.c1 RETURNING jobs.seq, jobs.keys, jobs.state, jobs.blocks),
         gone AS (SELECT seq, keys FROM done WHERE state = 'parked' AND blocks = 0),
         dropped AS (${dropKeys})
         INSERT INTO job_keys (key,job) SELECT u.key, d.seq FROM done AS d, LATERAL ${keysOf('d.keys')} AS u(key)
         WHERE d.state = 'ready' ON CONFLICT DO NOTHING`,
      true,
    ),
    jobs: write(
      'nbtbbtnnnnt',
      (rows) =>
        `WITH new AS (INSERT INTO jobs (seq,id,kind,subject,keys,state,blocks,due_at,latest_at,attempts,fault) ${rows} RETURNING seq, keys)
         INSERT INTO job_keys (key,job) SELECT u.key, n.seq FROM new AS n, LATERAL ${keysOf('n.keys')} AS u(key)`,
    ),
    audit: insert('audit', 'number:n,part:n,at:n,who:t,action:t,outcome:t,person:b,day:n,body:b,hash:b'),
    sources: insert(
      'sources',
      'id:t,total:n,repeats:n,last_at:n',
      ` ON CONFLICT (id,part) DO UPDATE SET total=t.total+excluded.total, repeats=t.repeats+excluded.repeats,
        last_at=greatest(t.last_at,excluded.last_at)`,
      here,
    ),
    sourceMinutes: sum(
      insert(
        'source_minutes',
        'source:t,minute:n,count:n',
        ' ON CONFLICT (source,minute,part) DO UPDATE SET count=t.count+excluded.count',
        here,
      ),
    ),
    notCarried: sum(
      insert(
        'not_carried',
        'source:t,field:t,count:n',
        ' ON CONFLICT (source,field,part) DO UPDATE SET count=t.count+excluded.count',
        here,
      ),
    ),
    tallies: insert(
      'tallies',
      'name:t,value:n',
      ' ON CONFLICT (name,part) DO UPDATE SET value=t.value+excluded.value',
      here,
    ),
    outlets: insert(
      'outlets',
      'id:t,waiting:n,parked:n,sent:n,last_sent_at:n',
      ` ON CONFLICT (id,part) DO UPDATE SET waiting=t.waiting+excluded.waiting, parked=t.parked+excluded.parked,
        sent=t.sent+excluded.sent, last_sent_at=greatest(t.last_sent_at,excluded.last_sent_at)`,
      here,
    ),
    indexTokensGone: write('bn', (rows) => `DELETE FROM index_tokens WHERE (token,stamp) IN (${rows})`),
    indexRecords: insert(
      'index_records',
      'id:b,stamp:n,person:b,own:b,number:b,into_record:b,state:t,state_at:n,source:t,tokens:b,body:b',
      ` ON CONFLICT (id) DO UPDATE SET ${replaced('stamp,person,own,into_record,state,state_at,source,tokens,body')}`,
    ),
    indexTokens: insert('index_tokens', 'token:b,stamp:n', ' ON CONFLICT (token,stamp) DO NOTHING'),
    indexForgotten: write('b', (rows) => `UPDATE index_records SET body = '' WHERE person IN (${rows})`),
    indexPairsGone: write('bb', (rows) => `DELETE FROM index_pairs WHERE (a,b) IN (${rows})`),
    indexPairs: insert(
      'index_pairs',
      'a:b,b:b,link:t,weight:f,decision:t,decided_at:n',
      ` ON CONFLICT (a,b) DO UPDATE SET ${replaced('link,weight,decision,decided_at')}`,
    ),
    matchItems: insert(
      'match_items',
      'id:b,version:n,kind:t,state:t,a:b,b:b,person:b,source:t,created_at:n,updated_at:n,body:b',
      ` ON CONFLICT (id) DO UPDATE SET ${replaced('version,state,updated_at,body')}`,
    ),
    identityEvents: insert('identity_events', 'id:b,person:b,at:n,event:t,body:b'),
    users: insert('users', 'id:t,body:b', ' ON CONFLICT (id) DO UPDATE SET body=excluded.body'),
    nodeValues: insert('node_values', 'name:t,body:b', ' ON CONFLICT (name) DO UPDATE SET body=excluded.body'),
  };
}

/** Rows that the group has summed already: their first value alone does not tell them apart. */
function sum(one: Write): Write {
  return { ...one, once: false };
}

/** Rows of a write as its two values. Texts lose what PostgreSQL can not hold: the zero character and halves of pairs. */
export function packWrite(rows: readonly (readonly Value[])[], { forms, once }: Write): [string, Buffer] {
  const bytes: Buffer[] = [];
  const packed: unknown[][] = [];
  let at = 1;
  for (const row of once ? lastOfEach(rows) : rows) {
    const values: unknown[] = [];
    forms.forEach((form, i) => {
      const value = row[i] ?? null;
      if (form === 'b') {
        const blob = value as Buffer | null;
        if (blob === null) values.push(null, null);
        else {
          bytes.push(blob);
          values.push(at, blob.length);
          at += blob.length;
        }
      } else if (form === 'w') values.push(wordNumbers(value as string));
      else values.push(typeof value === 'string' ? plainText(value) : value);
    });
    packed.push(values);
  }
  return [JSON.stringify(packed), Buffer.concat(bytes, at - 1)];
}

function lastOfEach(rows: readonly (readonly Value[])[]): readonly (readonly Value[])[] {
  const last = new Map<string, readonly Value[]>();
  for (const row of rows) last.set(Buffer.isBuffer(row[0]) ? row[0].toString('latin1') : String(row[0]), row);
  return last.size === rows.length ? rows : [...last.values()];
}

function plainText(text: string): string {
  const whole = text.isWellFormed() ? text : text.toWellFormed();
  return whole.includes('\u0000') ? whole.replaceAll('\u0000', '\ufffd') : whole;
}

/** Tokens of words (12 hexadecimal digits each, with spaces between) as numbers. */
export function wordNumbers(words: string): number[] {
  return words === '' ? [] : words.split(' ').map((word) => Number.parseInt(word, 16));
}

const someBytes = '= ANY($1::bytea[])';

/** What a group must know before it is written. Rows are locked in the order of their ids, so that no two groups wait for each other. */
export const checks = {
  numbers: `SELECT nextval('numbers') AS value`,
  locks: 'SELECT pg_advisory_xact_lock(k) FROM unnest($1::bigint[]) AS k',
  seen: `SELECT w.number AS number, (SELECT s.message FROM seen AS s WHERE s.token = w.token AND s.digest = w.digest) AS same,
    (SELECT s.message FROM seen AS s WHERE s.token = w.token LIMIT 1) AS other
    FROM unnest($1::int[], $2::bytea[], $3::bytea[]) AS w(number, token, digest)`,
  persons: `SELECT seq,id,version,state,words FROM persons WHERE id ${someBytes} ORDER BY id FOR NO KEY UPDATE`,
  identifiers: `SELECT i.token AS token, i.person AS person, p.state AS state FROM identifiers AS i JOIN persons AS p ON p.id = i.person
    WHERE i.token ${someBytes}`,
  entries: `SELECT id,version FROM entries WHERE id ${someBytes} ORDER BY id FOR NO KEY UPDATE`,
  deliveries: `SELECT id,outlet,state FROM deliveries WHERE id ${someBytes} ORDER BY id FOR NO KEY UPDATE`,
  received: `SELECT id FROM received WHERE id ${someBytes}`,
  indexRecords: `SELECT id,stamp,tokens FROM index_records WHERE id ${someBytes} ORDER BY id FOR NO KEY UPDATE`,
  indexBlocks: `SELECT w.token AS token, (SELECT max(t.stamp) FROM index_tokens AS t WHERE t.token = w.token) AS mark
    FROM unnest($1::bytea[]) AS w(token)`,
  matchItems: `SELECT id,version FROM match_items WHERE id ${someBytes} ORDER BY id FOR NO KEY UPDATE`,
  jobs: `SELECT seq,id,kind,subject,keys,state,fence,due_at,latest_at,attempts,fault FROM jobs WHERE id ${someBytes} ORDER BY seq FOR UPDATE`,
  sliders: `SELECT j.seq,j.id,j.kind,j.subject,j.keys,j.state,j.fence,j.due_at,j.latest_at,j.attempts,j.fault FROM jobs AS j
    WHERE j.subject ${someBytes} AND j.kind = ANY($2::text[]) AND j.state = 'ready' ORDER BY j.seq FOR UPDATE`,
  subjects: `SELECT seq,id,kind,subject,keys,state,fence,due_at,latest_at,attempts,fault FROM jobs WHERE subject ${someBytes} ORDER BY seq FOR UPDATE`,
} as const;

/** Leases. The lock makes them one after another, so that each sees which keys the one before took. */
export const leases = {
  lock: 'SELECT pg_advisory_xact_lock($1::bigint)',
  takeBack: `UPDATE jobs SET state = 'ready', holder = NULL WHERE seq IN
    (SELECT seq FROM jobs WHERE state = 'leased' AND leased_until <= $1 FOR UPDATE SKIP LOCKED)`,
  take: `WITH busy AS MATERIALIZED (SELECT ${`substring(l.keys FROM i FOR 12)`} AS key FROM jobs AS l, generate_series(1, length(l.keys), 12) AS i
      WHERE l.state = 'leased'),
    picked AS (SELECT j.seq FROM jobs AS j WHERE j.state = 'ready' AND j.kind = $1 AND j.due_at <= $2 AND NOT EXISTS (
      SELECT 1 FROM ${keysOf('j.keys')} AS u(key)
      WHERE u.key IN (SELECT key FROM busy) OR (SELECT min(o.job) FROM job_keys AS o WHERE o.key = u.key) < j.seq OFFSET 0)
      ORDER BY j.seq LIMIT $3 FOR UPDATE OF j SKIP LOCKED)
    UPDATE jobs SET state = 'leased', fence = nextval('fences'), holder = $4, leased_at = $2, leased_until = $2 + $5::bigint
    FROM picked WHERE jobs.seq = picked.seq
    RETURNING jobs.seq, id, kind, subject, keys, due_at, latest_at, attempts, fault, fence`,
  renew: `UPDATE jobs SET leased_until = $2::bigint + $3::bigint WHERE seq IN
    (SELECT seq FROM jobs WHERE state = 'leased' AND holder = $1 AND leased_at > $2::bigint - $4::bigint FOR UPDATE SKIP LOCKED)`,
  release: `UPDATE jobs SET state = 'ready', holder = NULL WHERE state = 'leased' AND holder = $1`,
  nextDue: `SELECT least((SELECT min(due_at) FROM jobs WHERE state = 'ready' AND kind = $1 AND due_at > $2),
    (SELECT min(leased_until) FROM jobs WHERE state = 'leased')) AS at`,
} as const;

const messageColumns =
  'm.seq AS seq,m.id AS id,m.source AS source,m.state AS state,m.type AS type,m.processing AS processing,m.received_at AS received_at,m.conflict AS conflict,m.ack_code AS ack_code,b.day AS day,b.body AS body';
const personColumns = 'seq,id,id AS person,version,state,merged_into,created_at,updated_at,incomplete,body';

const indexColumns = 'id,stamp,person AS holder,own,into_record,state,state_at,source,body';

/** Reads by key. Rows that are sealed name their key: a `day` or a `person`. */
export const reads: Reads = {
  messageFrom: 'messages AS m',
  messageColumns,
  messages: () =>
    `SELECT ${messageColumns} FROM messages AS m JOIN message_bodies AS b ON b.seq = m.seq WHERE m.id ${someBytes}`,
  messagesBySeq: () =>
    `SELECT ${messageColumns} FROM messages AS m JOIN message_bodies AS b ON b.seq = m.seq WHERE m.seq = ANY($1::bigint[])`,
  outcomes: () => `SELECT message,run,day,body FROM message_outcomes WHERE message ${someBytes} ORDER BY run`,
  notes: () => `SELECT id,source,state,type FROM messages WHERE id ${someBytes}`,
  persons: () => `SELECT ${personColumns} FROM persons WHERE id ${someBytes}`,
  personsBySeq: () => `SELECT ${personColumns} FROM persons WHERE seq = ANY($1::bigint[])`,
  identifiers:
    () => `SELECT i.token AS token, p.id AS person, p.state AS state, p.merged_into AS merged_into FROM identifiers AS i
     JOIN persons AS p ON p.id = i.person WHERE i.token ${someBytes}`,
  survivors: () => `SELECT id,state,merged_into FROM persons WHERE id ${someBytes}`,
  entriesByKey: () =>
    `SELECT ${entryColumns.replaceAll(/(\w+)/g, 'e.$1')} FROM unnest($1::bytea[], $2::bytea[]) AS w(person, key)
     JOIN entries AS e ON e.person = w.person AND e.key = w.key`,
  entriesById: () => `SELECT ${entryColumns} FROM entries WHERE id ${someBytes}`,
  entriesLive: `SELECT ${entryColumns} FROM entries WHERE person = $1 AND removed = 0 LIMIT $2`,
  entriesAll: `SELECT ${entryColumns} FROM entries WHERE person = $1 LIMIT $2`,
  entryHistory: `SELECT ${entryColumns} FROM entry_versions WHERE id = $1 ORDER BY version DESC LIMIT $2`,
  document: 'SELECT * FROM documents WHERE id = $1',
  documents: `SELECT seq,id,person,set_id,version,replaces,state,created_at,person_version,sha256 FROM documents
     WHERE person = $1 ORDER BY seq DESC LIMIT $2`,
  delivery: 'SELECT * FROM deliveries WHERE id = $1',
  outlets: `SELECT id, sum(waiting)::bigint AS waiting, sum(parked)::bigint AS parked, sum(sent)::bigint AS sent, max(last_sent_at) AS last_sent_at
     FROM outlets GROUP BY id ORDER BY id LIMIT $1`,
  oldestWaiting: `SELECT min(created_at) AS at FROM deliveries WHERE outlet = $1 AND state = 'waiting'`,
  received: 'SELECT day,body FROM received WHERE id = $1',
  indexRecords: () => `SELECT ${indexColumns} FROM index_records WHERE id ${someBytes}`,
  indexRecordsByNumber: () => `SELECT ${indexColumns} FROM index_records WHERE number ${someBytes}`,
  indexRecordsByStamp: () => `SELECT ${indexColumns} FROM index_records WHERE stamp = ANY($1::bigint[])`,
  indexRecordsOf: () => `SELECT ${indexColumns} FROM index_records WHERE person ${someBytes}`,
  indexPairs: () =>
    `SELECT a,b,link,weight,decision,decided_at FROM index_pairs WHERE a ${someBytes}
     UNION SELECT a,b,link,weight,decision,decided_at FROM index_pairs WHERE b ${someBytes}`,
  matchItem: 'SELECT * FROM match_items WHERE id = $1',
  user: 'SELECT id,body FROM users WHERE id = $1',
  nodeValue: 'SELECT body FROM node_values WHERE name = $1',
  sources: `SELECT id, sum(total)::bigint AS total, sum(repeats)::bigint AS repeats, max(last_at) AS last_at FROM sources
     GROUP BY id ORDER BY id LIMIT $1`,
  sourceMinutes:
    'SELECT minute, sum(count)::bigint AS count FROM source_minutes WHERE source = $1 AND minute > $2 GROUP BY minute',
  notCarried:
    'SELECT field, sum(count)::bigint AS count FROM not_carried WHERE source = $1 GROUP BY field ORDER BY count DESC LIMIT $2',
  parkedBySource: `SELECT source, count(*) AS count FROM messages WHERE state = 'parked' GROUP BY source`,
};

/** Condition that a row of an index of words holds all of the words. */
export function holdsWords(index: WordIndex, seq: string, words: string): { condition: string; value: string } {
  return {
    condition: `${seq} IN (SELECT seq FROM ${index} WHERE words @> ?::bigint[])`,
    value: `{${wordNumbers(words).join(',')}}`,
  };
}
