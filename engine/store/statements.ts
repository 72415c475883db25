/** Every statement that is run often, as text, so that the plan test and the code can not drift apart. */
/** Text of a statement for any number of rows. `blobs` says which values of a written row are bytes, see {@link given}. */
export interface Sql {
  (): string;
  blobs?: readonly boolean[];
}

/** The rows of `packRows` as `SELECT` with columns c1, c2, ...: ?1 holds the rows as JSON, ?2 the bytes of all of them. */
function given(blobs: readonly boolean[]): string {
  let at = 0;
  const columns = blobs.map((blob, i) => {
    at += blob ? 2 : 1;
    return blob ? `substr(?2,value->>${at - 2},value->>${at - 1}) AS c${i + 1}` : `value->>${at - 1} AS c${i + 1}`;
  });
  // jsonb: a row is passed on as it was parsed; json_each would write it as text again for each of its values to be parsed from.
  return `SELECT ${columns.join(',')} FROM jsonb_each(?1)`;
}

function write(blobs: readonly boolean[], sqlOf: (rows: string) => string): Sql {
  const text = sqlOf(given(blobs));
  return Object.assign(() => text, { blobs });
}

/** A statement over the keys of `packKeys`. */
function ask(text: string): Sql {
  return () => text;
}

/** Keys of `packKeys` as a list of one column of bytes, of two, or of numbers. */
const byteKeys = '(SELECT unhex(value) FROM json_each(?1))';
const bytePairs = '(SELECT unhex(value->>0), unhex(value->>1) FROM jsonb_each(?1))';
const numberKeys = '(SELECT value FROM json_each(?1))';

/** Columns of bytes are marked with a star. */
function insert(table: string, columns: string, after = '', verb = 'INSERT'): Sql {
  const names = columns.split(',');
  const blobs = names.map((name) => name.endsWith('*'));
  const into = `${verb} INTO ${table} (${columns.replaceAll('*', '')})`;
  return write(blobs, (rows) => `${into} ${rows} WHERE true${after}`);
}

const entryRow = 'id*,person*,key*,type,version,status,code,source,message*,source_time,removed,body*';
const entryColumns = entryRow.replaceAll('*', '');

/** Writes of the commit lane. Rows of the first wave are there before those of the second that refer to them. */
export const writes = {
  keys: insert('keys', 'name,wrapped*', ' ON CONFLICT (name) DO NOTHING'),
  keysGone: write([false], (rows) => `UPDATE keys SET wrapped = x'' WHERE name IN (${rows})`),
  messages: insert('messages', 'seq,id*,source,state,type,processing,received_at,conflict,ack_code'),
  messageBodies: insert('message_bodies', 'seq,day,body*'),
  seen: insert('seen', 'token*,digest*,message*', ' ON CONFLICT (token,digest) DO NOTHING'),
  messageStates: write(
    [true, false],
    (rows) => `UPDATE messages SET state = v.c2 FROM (${rows}) AS v WHERE messages.id = v.c1`,
  ),
  messageOutcomes: insert('message_outcomes', 'message*,run,day,body*'),
  messagePersons: write(
    [true, true],
    (rows) => `INSERT INTO message_persons (person,message) SELECT v.c1, m.seq FROM (${rows}) AS v
     JOIN messages AS m ON m.id = v.c2 WHERE true ON CONFLICT (person,message) DO NOTHING`,
  ),
  messageWords: write(
    [true, false],
    (rows) => `INSERT OR REPLACE INTO message_words (rowid,words) SELECT m.seq, v.c2 FROM (${rows}) AS v
     JOIN messages AS m ON m.id = v.c1 WHERE true`,
  ),
  persons: insert(
    'persons',
    'seq,id*,version,state,merged_into*,created_at,updated_at,incomplete,words*,body*',
    ` ON CONFLICT (id) DO UPDATE SET version=excluded.version, state=excluded.state, merged_into=excluded.merged_into,
      updated_at=excluded.updated_at, incomplete=excluded.incomplete, words=excluded.words, body=excluded.body`,
  ),
  personWords: insert('person_words', 'rowid,words', '', 'INSERT OR REPLACE'),
  identifiersGone: write([true, true], (rows) => `DELETE FROM identifiers WHERE (token,person) IN (${rows})`),
  identifiers: insert('identifiers', 'token*,person*', ' ON CONFLICT (token) DO UPDATE SET person=excluded.person'),
  entryHistory: write(
    [true],
    (rows) => `INSERT INTO entry_versions (${entryColumns}) SELECT ${entryColumns} FROM entries WHERE id IN (${rows})`,
  ),
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
  documentsReplaced: write(
    [true],
    (rows) => `UPDATE documents SET state='superseded' WHERE state='current' AND id IN (${rows})`,
  ),
  documentStates: write(
    [true, false],
    (rows) => `UPDATE documents SET state = v.c2 FROM (${rows}) AS v WHERE documents.id = v.c1`,
  ),
  deliveries: insert(
    'deliveries',
    'id*,outlet,kind,thing*,person*,state,created_at,attempts,last_at,next_at,fault,receipt',
    ` ON CONFLICT (id) DO UPDATE SET outlet=excluded.outlet, kind=excluded.kind, thing=excluded.thing, person=excluded.person,
      state=excluded.state, attempts=excluded.attempts, last_at=excluded.last_at, next_at=excluded.next_at, fault=excluded.fault,
      receipt=excluded.receipt`,
  ),
  outlets: insert(
    'outlets',
    'id,waiting,parked,sent,last_sent_at',
    ` ON CONFLICT (id) DO UPDATE SET waiting=waiting+excluded.waiting, parked=parked+excluded.parked, sent=sent+excluded.sent,
      last_sent_at=max(last_sent_at,excluded.last_sent_at)`,
  ),
  received: insert('received', 'id*,node,day,body*'),
  jobs: insert('jobs', 'seq,id*,kind,subject*,keys*,state,blocks,due_at,latest_at,attempts,fault'),
  jobsGone: write([false], (rows) => `DELETE FROM jobs WHERE seq IN (${rows})`),
  parkedGone: write([true], (rows) => `DELETE FROM jobs WHERE state='parked' AND subject IN (${rows})`),
  jobsChanged: write(
    [false, false, false, false, false, false],
    (rows) => `UPDATE jobs SET state=v.c2, blocks=v.c3, due_at=v.c4, attempts=v.c5, fault=v.c6
     FROM (${rows}) AS v WHERE jobs.seq = v.c1`,
  ),
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
  indexTokensGone: write([true, false], (rows) => `DELETE FROM index_tokens WHERE (token,stamp) IN (${rows})`),
  indexRecords: insert(
    'index_records',
    'id*,stamp,person*,own*,number*,into_record*,state,state_at,source,tokens*,body*',
    ` ON CONFLICT (id) DO UPDATE SET stamp=excluded.stamp, person=excluded.person, own=excluded.own, into_record=excluded.into_record,
      state=excluded.state, state_at=excluded.state_at, source=excluded.source, tokens=excluded.tokens, body=excluded.body`,
  ),
  indexTokens: insert('index_tokens', 'token*,stamp', ' ON CONFLICT (token,stamp) DO NOTHING'),
  indexForgotten: write([true], (rows) => `UPDATE index_records SET body = x'' WHERE person IN (${rows})`),
  indexPairsGone: write([true, true], (rows) => `DELETE FROM index_pairs WHERE (a,b) IN (${rows})`),
  indexPairs: insert(
    'index_pairs',
    'a*,b*,link,weight,decision,decided_at',
    ` ON CONFLICT (a,b) DO UPDATE SET link=excluded.link, weight=excluded.weight, decision=excluded.decision,
      decided_at=excluded.decided_at`,
  ),
  matchItems: insert(
    'match_items',
    'id*,version,kind,state,a*,b*,person*,source,created_at,updated_at,body*',
    ` ON CONFLICT (id) DO UPDATE SET version=excluded.version, state=excluded.state, updated_at=excluded.updated_at, body=excluded.body`,
  ),
  identityEvents: insert('identity_events', 'id*,person*,at,event,body*'),
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

/** Text of the failure when a later process has opened the store. */
export const fencedText = 'mix: a later process opened the store';

const laneNames = [
  ...firstWave,
  ...(Object.keys(writes) as WriteName[]).filter((name) => !firstWave.includes(name)),
] as readonly WriteName[];

/** The write of a table with its rows taken from the lane. */
function laneWrite(name: WriteName): string {
  return writes[name]().replaceAll('?1', `NEW.${name}`).replaceAll('?2', `NEW.${name}_bytes`);
}

/**
 * A whole group is one INSERT into a view without rows, whose trigger writes every table. One statement is one trip to SQLite's thread, is
 * its own transaction, and leaves nothing by halves when the disk is full; an explicit transaction took a trip for each table.
 */
export const lane = {
  prepare: `CREATE TEMP VIEW lane AS SELECT NULL AS epoch,${laneNames.map((name) => `NULL AS ${name},NULL AS ${name}_bytes`).join(',')} WHERE false;
    CREATE TEMP TRIGGER lane_write INSTEAD OF INSERT ON lane BEGIN
    SELECT RAISE(ROLLBACK,'${fencedText}') WHERE (SELECT value FROM tallies WHERE name='epoch') IS NOT NEW.epoch;
    ${laneNames.map(laneWrite).join(';\n')};
    END`,
  names: laneNames,
  write: `INSERT INTO temp.lane VALUES (?${',?,?'.repeat(laneNames.length)})`,
} as const;

/** What a group must know before it is written; all are searches by key. */
export const checks = {
  seen: ask(
    `SELECT value->>0 AS number, (SELECT message FROM seen WHERE token=unhex(v.value->>1) AND digest=unhex(v.value->>2)) AS same,
     (SELECT message FROM seen WHERE token=unhex(v.value->>1) LIMIT 1) AS other FROM jsonb_each(?1) AS v`,
  ),
  persons: ask(`SELECT seq,id,version,state,words FROM persons WHERE id IN ${byteKeys}`),
  identifiers:
    ask(`SELECT i.token AS token, i.person AS person, p.state AS state FROM identifiers AS i JOIN persons AS p ON p.id = i.person
     WHERE i.token IN ${byteKeys}`),
  deliveries: ask(`SELECT id,outlet,state FROM deliveries WHERE id IN ${byteKeys}`),
  received: ask(`SELECT id FROM received WHERE id IN ${byteKeys}`),
  indexRecords: ask(`SELECT id,stamp,tokens FROM index_records WHERE id IN ${byteKeys}`),
  indexBlocks: ask(
    `SELECT value AS token, (SELECT max(stamp) FROM index_tokens WHERE token = unhex(v.value)) AS mark FROM json_each(?1) AS v`,
  ),
  matchItems: ask(`SELECT id,version FROM match_items WHERE id IN ${byteKeys}`),
  entries: ask(`SELECT id,version FROM entries WHERE id IN ${byteKeys}`),
  parkedJobs: ask(
    `SELECT seq,id,kind,subject,keys,due_at,latest_at,attempts,fault FROM jobs WHERE state='parked' AND subject IN ${byteKeys}`,
  ),
} as const;

const messageColumns =
  'm.seq AS seq,m.id AS id,m.source AS source,m.state AS state,m.type AS type,m.processing AS processing,m.received_at AS received_at,m.conflict AS conflict,m.ack_code AS ack_code,b.day AS day,b.body AS body';

// The person does not name the key of these rows: they stand under the tenant's, so that a candidate costs no key of its own.
const indexColumns = 'id,stamp,person AS holder,own,into_record,state,state_at,source,body';

/** Reads by key. */
export const reads = {
  messageFrom: 'messages AS m',
  messageColumns,
  messages: ask(
    `SELECT ${messageColumns} FROM messages AS m JOIN message_bodies AS b ON b.seq = m.seq WHERE m.id IN ${byteKeys}`,
  ),
  messagesBySeq: ask(
    `SELECT ${messageColumns} FROM messages AS m JOIN message_bodies AS b ON b.seq = m.seq WHERE m.seq IN ${numberKeys}`,
  ),
  outcomes: ask(`SELECT message,run,day,body FROM message_outcomes WHERE message IN ${byteKeys} ORDER BY run`),
  notes: ask(`SELECT id,source,state,type FROM messages WHERE id IN ${byteKeys}`),
  persons: ask(
    `SELECT seq,id,version,state,merged_into,created_at,updated_at,incomplete,body FROM persons WHERE id IN ${byteKeys}`,
  ),
  personsBySeq: ask(
    `SELECT seq,id,version,state,merged_into,created_at,updated_at,incomplete,body FROM persons WHERE seq IN ${numberKeys}`,
  ),
  identifiers:
    ask(`SELECT i.token AS token, p.id AS person, p.state AS state, p.merged_into AS merged_into FROM identifiers AS i
     JOIN persons AS p ON p.id = i.person WHERE i.token IN ${byteKeys}`),
  survivors: ask(`SELECT id,state,merged_into FROM persons WHERE id IN ${byteKeys}`),
  entriesByKey: ask(`SELECT ${entryColumns} FROM entries WHERE (person,key) IN ${bytePairs}`),
  entriesById: ask(`SELECT ${entryColumns} FROM entries WHERE id IN ${byteKeys}`),
  entriesLive: `SELECT ${entryColumns} FROM entries WHERE person = ? AND removed = 0 LIMIT ?`,
  entriesAll: `SELECT ${entryColumns} FROM entries WHERE person = ? LIMIT ?`,
  entryHistory: `SELECT ${entryColumns} FROM entry_versions WHERE id = ? ORDER BY version DESC LIMIT ?`,
  document: 'SELECT * FROM documents WHERE id = ?',
  documents: `SELECT seq,id,person,set_id,version,replaces,state,created_at,person_version,sha256 FROM documents INDEXED BY documents_person
     WHERE person = ? ORDER BY seq DESC LIMIT ?`,
  delivery: 'SELECT * FROM deliveries WHERE id = ?',
  outlets: 'SELECT id,waiting,parked,sent,last_sent_at FROM outlets LIMIT ?',
  oldestWaiting: `SELECT min(created_at) AS at FROM deliveries WHERE outlet = ? AND state = 'waiting'`,
  received: 'SELECT day,body FROM received WHERE id = ?',
  indexRecords: ask(`SELECT ${indexColumns} FROM index_records WHERE id IN ${byteKeys}`),
  indexRecordsByNumber: ask(`SELECT ${indexColumns} FROM index_records WHERE number IN ${byteKeys}`),
  indexRecordsByStamp: ask(`SELECT ${indexColumns} FROM index_records WHERE stamp IN ${numberKeys}`),
  indexRecordsOf: ask(`SELECT ${indexColumns} FROM index_records WHERE person IN ${byteKeys}`),
  indexPairs: ask(
    `SELECT a,b,link,weight,decision,decided_at FROM index_pairs WHERE a IN ${byteKeys}
     UNION SELECT a,b,link,weight,decision,decided_at FROM index_pairs WHERE b IN ${byteKeys}`,
  ),
  matchItem: 'SELECT * FROM match_items WHERE id = ?',
  user: 'SELECT id,body FROM users WHERE id = ?',
  nodeValue: 'SELECT body FROM node_values WHERE name = ?',
  sources: 'SELECT id,total,repeats,last_at FROM sources LIMIT ?',
  sourceMinutes: 'SELECT minute,count FROM source_minutes WHERE source = ? AND minute > ?',
  notCarried: 'SELECT field,count FROM not_carried WHERE source = ? ORDER BY count DESC LIMIT ?',
  parkedBySource: `SELECT source, count(*) AS count FROM messages WHERE state = 'parked' AND state IN ('parked','unmapped','test','corrected') GROUP BY source`,
} as const;

/** The statements of {@link reads} in any dialect. */
export type Reads = { readonly [Name in keyof typeof reads]: (typeof reads)[Name] extends Sql ? Sql : string };

/**
 * Places in the blocks of so many tokens, the newest first: the tokens, then how many of each, then the tokens and numbers of the next. A block is
 * never read beyond its limit.
 */
export function blocksQuery(count: number, mark: (at: number) => string = () => '?'): string {
  const one = (at: number) =>
    `SELECT ${at} AS block, stamp FROM (SELECT stamp FROM index_tokens WHERE token = ${mark(2 * at + 1)} ORDER BY stamp DESC LIMIT ${mark(2 * at + 2)}) AS b${at}`;
  return Array.from({ length: count }, (_, at) => one(at)).join(' UNION ALL ');
}

export type WordIndex = 'message_words' | 'person_words';

/** Condition that a row of the full-text index holds all of the words. */
export function holdsWords(index: WordIndex, seq: string, words: string): { condition: string; value: string } {
  return { condition: `${seq} IN (SELECT rowid FROM ${index} WHERE ${index} MATCH ?)`, value: words };
}
