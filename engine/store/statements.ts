/** Every statement that is run often, as text, so that the plan test and the code can not drift apart. */
import { placeholders } from './database.ts';

/** Text for `count` rows. `blobs` says which values of a row are bytes; those travel together, see {@link given}. */
export interface Sql {
  (count: number): string;
  blobs?: readonly boolean[];
}

/**
 * Rows as `SELECT` with columns c1, c2, ... Binding a buffer costs the driver seven times what a number costs, so all bytes of a
 * statement are bound once, as ?1, and each value names its place and length in it.
 */
function given(blobs: readonly boolean[], count: number): string {
  let at = 0;
  const columns = blobs.map((blob, i) => {
    at += blob ? 2 : 1;
    return blob ? `substr(?1,column${at - 1},column${at}) AS c${i + 1}` : `column${at} AS c${i + 1}`;
  });
  return `SELECT ${columns.join(',')} FROM (VALUES ${placeholders(count, at)})`;
}

function write(blobs: readonly boolean[], sqlOf: (rows: string) => string): Sql {
  return Object.assign((count: number) => sqlOf(given(blobs, count)), { blobs });
}

/**
 * True only inside an open group. The statements of a wave are on their way together; when one of them meets a full disk, SQLite may
 * roll back the whole transaction by itself, and those behind it would each commit alone. The row of this table goes with the
 * rollback, so they write nothing instead. Evaluated once a statement.
 */
const open = '(SELECT one FROM temp.open_group) = 1';

/** Statements around a group. */
export const group = {
  prepare: 'CREATE TEMP TABLE open_group (one INTEGER NOT NULL)',
  begin: 'BEGIN IMMEDIATE; INSERT INTO temp.open_group VALUES (1)',
  commit: 'DELETE FROM temp.open_group; COMMIT',
} as const;

/** Columns of bytes are marked with a star. */
function insert(table: string, columns: string, after = '', verb = 'INSERT'): Sql {
  const names = columns.split(',');
  const blobs = names.map((name) => name.endsWith('*'));
  const into = `${verb} INTO ${table} (${columns.replaceAll('*', '')})`;
  return blobs.includes(true)
    ? write(blobs, (rows) => `${into} ${rows} WHERE ${open}${after}`)
    : (count) => `${into} SELECT * FROM (VALUES ${placeholders(count, names.length)}) WHERE ${open}${after}`;
}

const entryRow = 'id*,person*,key*,type,version,status,code,source,message*,source_time,removed,body*';
const entryColumns = entryRow.replaceAll('*', '');

/** Writes of the commit lane. Rows of the first wave are there before those of the second that refer to them. */
export const writes = {
  keys: insert('keys', 'name,wrapped*', ' ON CONFLICT (name) DO NOTHING'),
  keysGone: ((count) =>
    `UPDATE keys SET wrapped = x'' WHERE name IN (VALUES ${placeholders(count, 1)}) AND ${open}`) as Sql,
  messages: insert('messages', 'seq,id*,source,state,type,processing,received_at,conflict,ack_code'),
  messageBodies: insert('message_bodies', 'seq,day,body*'),
  seen: insert('seen', 'token*,digest*,message*', ' ON CONFLICT (token,digest) DO NOTHING'),
  messageStates: write(
    [true, false],
    (rows) => `UPDATE messages SET state = v.c2 FROM (${rows}) AS v WHERE messages.id = v.c1 AND ${open}`,
  ),
  messageOutcomes: insert('message_outcomes', 'message*,run,day,body*'),
  messagePersons: write(
    [true, true],
    (rows) => `INSERT INTO message_persons (person,message) SELECT v.c1, m.seq FROM (${rows}) AS v
     JOIN messages AS m ON m.id = v.c2 WHERE ${open} ON CONFLICT (person,message) DO NOTHING`,
  ),
  messageWords: write(
    [true, false],
    (rows) => `INSERT OR REPLACE INTO message_words (rowid,words) SELECT m.seq, v.c2 FROM (${rows}) AS v
     JOIN messages AS m ON m.id = v.c1 WHERE ${open}`,
  ),
  persons: insert(
    'persons',
    'seq,id*,version,state,merged_into*,created_at,updated_at,incomplete,words*,body*',
    ` ON CONFLICT (id) DO UPDATE SET version=excluded.version, state=excluded.state, merged_into=excluded.merged_into,
      updated_at=excluded.updated_at, incomplete=excluded.incomplete, words=excluded.words, body=excluded.body`,
  ),
  personWords: insert('person_words', 'rowid,words', '', 'INSERT OR REPLACE'),
  identifiersGone: ((count) =>
    `DELETE FROM identifiers WHERE (token,person) IN (VALUES ${placeholders(count, 2)}) AND ${open}`) as Sql,
  identifiers: insert('identifiers', 'token*,person*', ' ON CONFLICT (token) DO UPDATE SET person=excluded.person'),
  entryHistory: ((count) =>
    `INSERT INTO entry_versions (${entryColumns}) SELECT ${entryColumns} FROM entries WHERE id IN (VALUES ${placeholders(count, 1)}) AND ${open}`) as Sql,
  entryVersions: insert('entry_versions', entryRow),
  entries: insert(
    'entries',
    entryRow,
    ` ON CONFLICT (id) DO UPDATE SET person=excluded.person, key=excluded.key, type=excluded.type, version=excluded.version,
      status=excluded.status, code=excluded.code, source=excluded.source, message=excluded.message,
      source_time=excluded.source_time, removed=excluded.removed, body=excluded.body`,
  ),
  documents: insert(
    'documents',
    'id*,person*,set_id,version,replaces*,state,created_at,person_version,sha256,body*',
    ' ON CONFLICT (id) DO UPDATE SET state=excluded.state',
  ),
  documentsReplaced: ((count) =>
    `UPDATE documents SET state='superseded' WHERE id IN (VALUES ${placeholders(count, 1)}) AND ${open}`) as Sql,
  jobs: insert('jobs', 'seq,id*,kind,subject*,keys*,state,blocks,due_at,latest_at,attempts,fault'),
  jobsGone: ((count) => `DELETE FROM jobs WHERE seq IN (VALUES ${placeholders(count, 1)}) AND ${open}`) as Sql,
  parkedGone: ((count) =>
    `DELETE FROM jobs WHERE state='parked' AND subject IN (VALUES ${placeholders(count, 1)}) AND ${open}`) as Sql,
  jobsChanged: ((count) =>
    `UPDATE jobs SET state=v.column2, blocks=v.column3, due_at=v.column4, attempts=v.column5, fault=v.column6
     FROM (VALUES ${placeholders(count, 6)}) AS v WHERE jobs.seq = v.column1 AND ${open}`) as Sql,
  audit: insert('audit', 'seq,part,at,who,action,outcome,person*,day,body*,hash*'),
  sources: insert(
    'sources',
    'id,total,repeats,last_at',
    ' ON CONFLICT (id) DO UPDATE SET total=total+excluded.total, repeats=repeats+excluded.repeats, last_at=max(last_at,excluded.last_at)',
  ),
  sourceMinutes: insert(
    'source_minutes',
    'source,minute,count',
    ' ON CONFLICT (source,minute) DO UPDATE SET count=count+excluded.count',
  ),
  notCarried: insert(
    'not_carried',
    'source,field,count',
    ' ON CONFLICT (source,field) DO UPDATE SET count=count+excluded.count',
  ),
  tallies: insert('tallies', 'name,value', ' ON CONFLICT (name) DO UPDATE SET value=value+excluded.value'),
  users: insert('users', 'id,body*', ' ON CONFLICT (id) DO UPDATE SET body=excluded.body'),
  nodeValues: insert('node_values', 'name,body*', ' ON CONFLICT (name) DO UPDATE SET body=excluded.body'),
} as const satisfies Record<string, Sql>;

export type WriteName = keyof typeof writes;

/** What must be there before the rest refers to it, or be gone or copied before it is overwritten. */
export const firstWave: readonly WriteName[] = [
  'keys',
  'messages',
  'persons',
  'entryHistory',
  'identifiersGone',
  'documentsReplaced',
];

/** What a group must know before it is written; all are searches by key. */
export const checks = {
  epoch: `SELECT value FROM tallies WHERE name = 'epoch'`,
  seen: ((count) =>
    `SELECT v.column1 AS number, (SELECT message FROM seen WHERE token=v.column2 AND digest=v.column3) AS same,
     (SELECT message FROM seen WHERE token=v.column2 LIMIT 1) AS other FROM (VALUES ${placeholders(count, 3)}) AS v`) as Sql,
  persons: ((count) =>
    `SELECT seq,id,version,state,words FROM persons WHERE id IN (VALUES ${placeholders(count, 1)})`) as Sql,
  identifiers: ((count) =>
    `SELECT i.token AS token, i.person AS person, p.state AS state FROM identifiers AS i JOIN persons AS p ON p.id = i.person
     WHERE i.token IN (VALUES ${placeholders(count, 1)})`) as Sql,
  entries: ((count) => `SELECT id,version FROM entries WHERE id IN (VALUES ${placeholders(count, 1)})`) as Sql,
  parkedJobs: ((count) =>
    `SELECT seq,id,kind,subject,keys,due_at,latest_at,attempts,fault FROM jobs WHERE state='parked' AND subject IN (VALUES ${placeholders(count, 1)})`) as Sql,
} as const;

const messageColumns =
  'm.seq AS seq,m.id AS id,m.source AS source,m.state AS state,m.type AS type,m.processing AS processing,m.received_at AS received_at,m.conflict AS conflict,m.ack_code AS ack_code,b.day AS day,b.body AS body';

/** Reads by key. */
export const reads = {
  messageFrom: 'messages AS m',
  messageColumns,
  messages: ((count) =>
    `SELECT ${messageColumns} FROM messages AS m JOIN message_bodies AS b ON b.seq = m.seq WHERE m.id IN (VALUES ${placeholders(count, 1)})`) as Sql,
  messagesBySeq: ((count) =>
    `SELECT ${messageColumns} FROM messages AS m JOIN message_bodies AS b ON b.seq = m.seq WHERE m.seq IN (VALUES ${placeholders(count, 1)})`) as Sql,
  outcomes: ((count) =>
    `SELECT message,run,day,body FROM message_outcomes WHERE message IN (VALUES ${placeholders(count, 1)}) ORDER BY run`) as Sql,
  notes: ((count) => `SELECT id,source,state,type FROM messages WHERE id IN (VALUES ${placeholders(count, 1)})`) as Sql,
  persons: ((count) =>
    `SELECT seq,id,version,state,merged_into,created_at,updated_at,incomplete,body FROM persons WHERE id IN (VALUES ${placeholders(count, 1)})`) as Sql,
  personsBySeq: ((count) =>
    `SELECT seq,id,version,state,merged_into,created_at,updated_at,incomplete,body FROM persons WHERE seq IN (VALUES ${placeholders(count, 1)})`) as Sql,
  identifiers: ((count) =>
    `SELECT i.token AS token, p.id AS person, p.state AS state, p.merged_into AS merged_into FROM identifiers AS i
     JOIN persons AS p ON p.id = i.person WHERE i.token IN (VALUES ${placeholders(count, 1)})`) as Sql,
  survivors: ((count) =>
    `SELECT id,state,merged_into FROM persons WHERE id IN (VALUES ${placeholders(count, 1)})`) as Sql,
  entriesByKey: ((count) =>
    `SELECT ${entryColumns} FROM entries WHERE (person,key) IN (VALUES ${placeholders(count, 2)})`) as Sql,
  entriesLive: `SELECT ${entryColumns} FROM entries WHERE person = ? AND removed = 0 LIMIT ?`,
  entriesAll: `SELECT ${entryColumns} FROM entries WHERE person = ? LIMIT ?`,
  entryHistory: `SELECT ${entryColumns} FROM entry_versions WHERE id = ? ORDER BY version DESC LIMIT ?`,
  document: 'SELECT * FROM documents WHERE id = ?',
  documents: `SELECT seq,id,person,set_id,version,replaces,state,created_at,person_version,sha256 FROM documents INDEXED BY documents_person
     WHERE person = ? ORDER BY seq DESC LIMIT ?`,
  user: 'SELECT id,body FROM users WHERE id = ?',
  nodeValue: 'SELECT body FROM node_values WHERE name = ?',
  sources: 'SELECT id,total,repeats,last_at FROM sources LIMIT ?',
  sourceMinutes: 'SELECT minute,count FROM source_minutes WHERE source = ? AND minute > ?',
  notCarried: 'SELECT field,count FROM not_carried WHERE source = ? ORDER BY count DESC LIMIT ?',
  parkedBySource: `SELECT source, count(*) AS count FROM messages WHERE state = 'parked' AND state IN ('parked','unmapped','test','corrected') GROUP BY source`,
} as const;
