/** The schema and its migrations: forward only, never edited once released. */
import knex, { type Knex } from 'knex';
import { MixError } from '../../schemas/errors/index.ts';
import { faultOf } from './database.ts';

interface Migration {
  name: string;
  statements: string[];
}

const entryColumns = `id BLOB NOT NULL, person BLOB NOT NULL REFERENCES persons(id), key BLOB NOT NULL, type TEXT NOT NULL,
  version INTEGER NOT NULL, status TEXT NOT NULL, code TEXT NOT NULL, source TEXT NOT NULL, message BLOB NOT NULL,
  source_time INTEGER NOT NULL, removed INTEGER NOT NULL, body BLOB NOT NULL`;

// Ids are 16-byte UUIDv7, times are ms since the epoch, `day` is the day number that names the row's key,
// bodies are sealed, tokens are keyed. Words of persons and messages are tokens too.
const first: Migration = {
  name: '0001-hospital-node',
  statements: [
    // Narrow, because its state changes; the bytes stand beside it and never change.
    `CREATE TABLE messages (seq INTEGER PRIMARY KEY, id BLOB NOT NULL, source TEXT NOT NULL, state TEXT NOT NULL,
      type TEXT NOT NULL, processing TEXT NOT NULL, received_at INTEGER NOT NULL, conflict INTEGER NOT NULL, ack_code TEXT NOT NULL)`,
    // A message by its id, from jobs, entries and pages.
    'CREATE UNIQUE INDEX messages_id ON messages(id)',
    // Lists of one source, newest first, and its rates.
    'CREATE INDEX messages_source ON messages(source)',
    // Lists of one type.
    'CREATE INDEX messages_type ON messages(type)',
    // Lists between two times; retention.
    'CREATE INDEX messages_received ON messages(received_at)',
    // The few that want a human; `done` and `kept` are too many and too short-lived to be worth an entry.
    `CREATE INDEX messages_apart ON messages(state, source) WHERE state IN ('parked','unmapped','test','corrected')`,
    `CREATE TABLE message_bodies (seq INTEGER PRIMARY KEY REFERENCES messages(seq), day INTEGER NOT NULL, body BLOB NOT NULL)`,
    // What came of each run of a message, with its steps, as one sealed body.
    `CREATE TABLE message_outcomes (message BLOB NOT NULL, run INTEGER NOT NULL, day INTEGER NOT NULL, body BLOB NOT NULL,
      PRIMARY KEY (message, run)) WITHOUT ROWID`,
    // Messages of one person, newest first.
    'CREATE TABLE message_persons (person BLOB NOT NULL, message INTEGER NOT NULL, PRIMARY KEY (person, message)) WITHOUT ROWID',
    // Identity and digest of everything that ever came; outlives the messages.
    'CREATE TABLE seen (token BLOB NOT NULL, digest BLOB NOT NULL, message BLOB NOT NULL, PRIMARY KEY (token, digest)) WITHOUT ROWID',
    `CREATE VIRTUAL TABLE message_words USING fts5(words, content='', contentless_delete=1, detail=none, tokenize='ascii')`,
    `CREATE TABLE persons (seq INTEGER PRIMARY KEY, id BLOB NOT NULL, version INTEGER NOT NULL, state TEXT NOT NULL,
      merged_into BLOB, created_at INTEGER NOT NULL, updated_at INTEGER NOT NULL, incomplete INTEGER NOT NULL,
      words BLOB NOT NULL, body BLOB NOT NULL)`,
    'CREATE UNIQUE INDEX persons_id ON persons(id)',
    `CREATE VIRTUAL TABLE person_words USING fts5(words, content='', contentless_delete=1, detail=none, tokenize='ascii')`,
    'CREATE TABLE identifiers (token BLOB PRIMARY KEY, person BLOB NOT NULL REFERENCES persons(id)) WITHOUT ROWID',
    `CREATE TABLE entries (seq INTEGER PRIMARY KEY, ${entryColumns})`,
    // An entry by its id, for versions and history.
    'CREATE UNIQUE INDEX entries_id ON entries(id)',
    // The same fact sent again; and all of a person's record.
    'CREATE UNIQUE INDEX entries_key ON entries(person, key)',
    `CREATE TABLE entry_versions (seq INTEGER PRIMARY KEY, ${entryColumns})`,
    'CREATE UNIQUE INDEX entry_versions_id ON entry_versions(id, version)',
    `CREATE TABLE documents (seq INTEGER PRIMARY KEY, id BLOB NOT NULL, person BLOB NOT NULL REFERENCES persons(id), set_id TEXT NOT NULL,
      version INTEGER NOT NULL, replaces BLOB, state TEXT NOT NULL, created_at INTEGER NOT NULL, person_version INTEGER NOT NULL,
      sha256 TEXT NOT NULL, body BLOB NOT NULL)`,
    'CREATE UNIQUE INDEX documents_id ON documents(id)',
    // Documents of one person, newest first.
    'CREATE INDEX documents_person ON documents(person)',
    // The order of work. Keys are 12-byte tokens one after another: one row a job spares an insert and a delete a key.
    `CREATE TABLE jobs (seq INTEGER PRIMARY KEY, id BLOB NOT NULL, kind TEXT NOT NULL, subject BLOB NOT NULL, keys BLOB NOT NULL,
      state TEXT NOT NULL, blocks INTEGER NOT NULL, due_at INTEGER NOT NULL, latest_at INTEGER, attempts INTEGER NOT NULL, fault TEXT)`,
    // Parked work, for its page and for running it again by its subject.
    `CREATE INDEX jobs_parked ON jobs(subject) WHERE state = 'parked'`,
    'CREATE TABLE keys (name TEXT PRIMARY KEY, wrapped BLOB NOT NULL) WITHOUT ROWID',
    'CREATE TABLE users (id TEXT PRIMARY KEY, body BLOB NOT NULL) WITHOUT ROWID',
    'CREATE TABLE node_values (name TEXT PRIMARY KEY, body BLOB NOT NULL) WITHOUT ROWID',
    `CREATE TABLE audit (seq INTEGER PRIMARY KEY, part INTEGER NOT NULL, at INTEGER NOT NULL, who TEXT NOT NULL, action TEXT NOT NULL,
      outcome TEXT NOT NULL, person BLOB, day INTEGER NOT NULL, body BLOB NOT NULL, hash BLOB NOT NULL)`,
    // Who saw this person.
    'CREATE INDEX audit_person ON audit(person) WHERE person IS NOT NULL',
    // What this user did.
    'CREATE INDEX audit_who ON audit(who)',
    'CREATE TABLE sources (id TEXT PRIMARY KEY, total INTEGER NOT NULL, repeats INTEGER NOT NULL, last_at INTEGER NOT NULL) WITHOUT ROWID',
    'CREATE TABLE source_minutes (source TEXT NOT NULL, minute INTEGER NOT NULL, count INTEGER NOT NULL, PRIMARY KEY (source, minute)) WITHOUT ROWID',
    'CREATE TABLE not_carried (source TEXT NOT NULL, field TEXT NOT NULL, count INTEGER NOT NULL, PRIMARY KEY (source, field)) WITHOUT ROWID',
    // Row counts kept with the rows, so that a page never counts a table; and the epoch that fences an older process.
    'CREATE TABLE tallies (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID',
    `INSERT INTO tallies VALUES ('epoch',0),('messages',0),('persons',0),('entries',0),('documents',0)`,
  ],
};

// What goes to other nodes, what came from them, and texts by which an index links.
const exchange: Migration = {
  name: '0002-exchange',
  statements: [
    `CREATE TABLE deliveries (seq INTEGER PRIMARY KEY, id BLOB NOT NULL, outlet TEXT NOT NULL, kind TEXT NOT NULL, thing BLOB NOT NULL,
      person BLOB, state TEXT NOT NULL, created_at INTEGER NOT NULL, attempts INTEGER NOT NULL, last_at INTEGER, next_at INTEGER,
      fault TEXT, receipt TEXT)`,
    'CREATE UNIQUE INDEX deliveries_id ON deliveries(id)',
    // Lists of one outlet, and the oldest that waits there.
    'CREATE INDEX deliveries_outlet ON deliveries(outlet, state, created_at)',
    // What went out of a person, of a document.
    'CREATE INDEX deliveries_person ON deliveries(person) WHERE person IS NOT NULL',
    'CREATE INDEX deliveries_thing ON deliveries(thing)',
    // The few that are not done.
    `CREATE INDEX deliveries_apart ON deliveries(state) WHERE state IN ('waiting','parked','refused')`,
    // Counts kept with the rows.
    `CREATE TABLE outlets (id TEXT PRIMARY KEY, waiting INTEGER NOT NULL, parked INTEGER NOT NULL, sent INTEGER NOT NULL,
      last_sent_at INTEGER NOT NULL) WITHOUT ROWID`,
    // Deliveries of other nodes that were taken in, with the answer that was given.
    'CREATE TABLE received (id BLOB PRIMARY KEY, node TEXT NOT NULL, day INTEGER NOT NULL, body BLOB NOT NULL) WITHOUT ROWID',
    'ALTER TABLE identifiers ADD COLUMN link INTEGER NOT NULL DEFAULT 0',
    // Link keys of one person, which its next version frees.
    'CREATE INDEX identifiers_link ON identifiers(person) WHERE link = 1',
    // How many link keys a person has, so that one without costs no statement.
    'ALTER TABLE persons ADD COLUMN links INTEGER NOT NULL DEFAULT 0',
  ],
};

// The patient index: local records, what links them, what waits for people, and what happened.
const index: Migration = {
  name: '0003-index',
  statements: [
    // `stamp` grows with every change of what a record is found by; `tokens` are its rows in index_tokens, 8 bytes each.
    `CREATE TABLE index_records (seq INTEGER PRIMARY KEY, id BLOB NOT NULL, stamp INTEGER NOT NULL, person BLOB NOT NULL, own BLOB,
      number BLOB NOT NULL, into_record BLOB, state TEXT NOT NULL, state_at INTEGER NOT NULL, source TEXT NOT NULL, tokens BLOB NOT NULL,
      body BLOB NOT NULL)`,
    'CREATE UNIQUE INDEX index_records_id ON index_records(id)',
    // A candidate by its place in a block.
    'CREATE UNIQUE INDEX index_records_stamp ON index_records(stamp)',
    // A feed finds its record.
    'CREATE UNIQUE INDEX index_records_number ON index_records(number)',
    // Records of a person.
    'CREATE INDEX index_records_person ON index_records(person)',
    // Blocks of candidates, the newest last.
    'CREATE TABLE index_tokens (token BLOB NOT NULL, stamp INTEGER NOT NULL, PRIMARY KEY (token, stamp)) WITHOUT ROWID',
    `CREATE TABLE index_pairs (a BLOB NOT NULL, b BLOB NOT NULL, link TEXT NOT NULL, weight REAL NOT NULL, decision TEXT NOT NULL,
      decided_at INTEGER NOT NULL, PRIMARY KEY (a, b)) WITHOUT ROWID`,
    'CREATE INDEX index_pairs_b ON index_pairs(b)',
    `CREATE TABLE match_items (seq INTEGER PRIMARY KEY, id BLOB NOT NULL, version INTEGER NOT NULL, kind TEXT NOT NULL, state TEXT NOT NULL,
      a BLOB NOT NULL, b BLOB, person BLOB NOT NULL, source TEXT NOT NULL, created_at INTEGER NOT NULL, updated_at INTEGER NOT NULL,
      body BLOB NOT NULL)`,
    'CREATE UNIQUE INDEX match_items_id ON match_items(id)',
    // What waits for people, and lists by state.
    'CREATE INDEX match_items_state ON match_items(state)',
    // Items about a record.
    'CREATE INDEX match_items_a ON match_items(a)',
    'CREATE INDEX match_items_b ON match_items(b) WHERE b IS NOT NULL',
    `CREATE TABLE identity_events (seq INTEGER PRIMARY KEY, id BLOB NOT NULL, person BLOB NOT NULL, at INTEGER NOT NULL, event TEXT NOT NULL,
      body BLOB NOT NULL)`,
    // What happened to a person.
    'CREATE INDEX identity_events_person ON identity_events(person)',
  ],
};

// Exact keys gave way to the matcher. What has no local record is filed with its next feed.
const noLinkKeys: Migration = {
  name: '0004-no-link-keys',
  statements: [
    'DELETE FROM identifiers WHERE link = 1',
    'DROP INDEX identifiers_link',
    'ALTER TABLE identifiers DROP COLUMN link',
    'ALTER TABLE persons DROP COLUMN links',
  ],
};

const migrations: readonly Migration[] = [first, exchange, index, noLinkKeys];

/** Brings the file to this release's schema. Errors: `store.newer` when a later release wrote it. */
export async function migrate(file: string): Promise<void> {
  const database = knex({
    client: 'sqlite3',
    connection: { filename: file },
    useNullAsDefault: true,
    pool: { min: 1, max: 1 },
  });
  try {
    // Sealed messages of 1 to 2 KB leave a third of a 4 KiB page empty; takes effect only before the first table.
    await database.raw('PRAGMA page_size=8192');
    await database.raw('PRAGMA journal_mode=WAL');
    await database.raw('PRAGMA synchronous=FULL');
    if (!(await database.schema.hasTable('migrations'))) {
      await database.schema.createTable('migrations', (table) => {
        table.string('name').primary();
      });
    }
    await database.transaction(applyMissing);
  } catch (error) {
    throw faultOf(error);
  } finally {
    await database.destroy();
  }
}

async function applyMissing(transaction: Knex.Transaction): Promise<void> {
  const rows = await transaction<{ name: string }>('migrations').select('name');
  const known = new Set(migrations.map((migration) => migration.name));
  if (rows.some((row) => !known.has(row.name))) throw new MixError('store.newer');
  const done = new Set(rows.map((row) => row.name));
  for (const migration of migrations) {
    if (done.has(migration.name)) continue;
    for (const statement of migration.statements) await transaction.raw(statement);
    await transaction('migrations').insert({ name: migration.name });
  }
}
