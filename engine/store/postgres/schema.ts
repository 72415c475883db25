/** The schema on PostgreSQL and its migrations: forward only, never edited once released. */
import { hash } from 'node:crypto';
import pg from 'pg';
import { MixError } from '../../../schemas/errors/index.ts';
import { clientConfig, faultOf, type PostgresPlace } from './database.ts';

interface Migration {
  name: string;
  statements: string[];
}

// Order of codes and states is that of their bytes, as in SQLite.
const text = 'text COLLATE "C"';
const entryColumns = `id bytea NOT NULL, person bytea NOT NULL, key bytea NOT NULL, type ${text} NOT NULL, version bigint NOT NULL,
  status ${text} NOT NULL, code ${text} NOT NULL, source ${text} NOT NULL, message bytea NOT NULL, source_time bigint NOT NULL,
  removed int NOT NULL, body bytea NOT NULL`;

/** Sealed bytes do not shrink; trying costs. */
const unpacked = (table: string): string => `ALTER TABLE ${table} ALTER COLUMN body SET STORAGE EXTERNAL`;

// The same tables as on SQLite. What several processes count stands under the `part` of each, so that none waits for another.
const first: Migration = {
  name: '0001-node',
  statements: [
    // A block of numbers for each group of units: rows of a later commit have later numbers, whichever process writes them.
    'CREATE SEQUENCE numbers INCREMENT BY 16384',
    'CREATE SEQUENCE fences',
    'CREATE SEQUENCE processes',
    `CREATE TABLE messages (seq bigint PRIMARY KEY, id bytea NOT NULL UNIQUE, source ${text} NOT NULL, state ${text} NOT NULL,
      type ${text} NOT NULL, processing ${text} NOT NULL, received_at bigint NOT NULL, conflict int NOT NULL, ack_code ${text} NOT NULL)`,
    'CREATE INDEX messages_source ON messages(source, seq)',
    'CREATE INDEX messages_type ON messages(type, seq)',
    'CREATE INDEX messages_received ON messages(received_at)',
    `CREATE INDEX messages_apart ON messages(state, source) WHERE state IN ('parked','unmapped','test','corrected')`,
    'CREATE TABLE message_bodies (seq bigint PRIMARY KEY REFERENCES messages(seq), day bigint NOT NULL, body bytea NOT NULL)',
    unpacked('message_bodies'),
    `CREATE TABLE message_outcomes (message bytea NOT NULL, run bigint NOT NULL, day bigint NOT NULL, body bytea NOT NULL,
      PRIMARY KEY (message, run))`,
    unpacked('message_outcomes'),
    'CREATE TABLE message_persons (person bytea NOT NULL, message bigint NOT NULL, PRIMARY KEY (person, message))',
    'CREATE TABLE seen (token bytea NOT NULL, digest bytea NOT NULL, message bytea NOT NULL, PRIMARY KEY (token, digest))',
    // Tokens of words are 48-bit numbers.
    'CREATE TABLE message_words (seq bigint PRIMARY KEY, words bigint[] NOT NULL)',
    'CREATE INDEX message_words_words ON message_words USING gin (words)',
    `CREATE TABLE persons (seq bigint NOT NULL UNIQUE, id bytea PRIMARY KEY, version bigint NOT NULL, state ${text} NOT NULL,
      merged_into bytea, created_at bigint NOT NULL, updated_at bigint NOT NULL, incomplete int NOT NULL, links int NOT NULL,
      words bytea NOT NULL, body bytea NOT NULL)`,
    unpacked('persons'),
    'CREATE TABLE person_words (seq bigint PRIMARY KEY, words bigint[] NOT NULL)',
    'CREATE INDEX person_words_words ON person_words USING gin (words)',
    'CREATE TABLE identifiers (token bytea PRIMARY KEY, person bytea NOT NULL REFERENCES persons(id), link int NOT NULL)',
    'CREATE INDEX identifiers_link ON identifiers(person) WHERE link = 1',
    // Every write of an entry holds its person's row, so a reference would only be checked twice.
    `CREATE TABLE entries (seq bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, ${entryColumns}, UNIQUE (id), UNIQUE (person, key))`,
    unpacked('entries'),
    `CREATE TABLE entry_versions (seq bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, ${entryColumns}, UNIQUE (id, version))`,
    unpacked('entry_versions'),
    `CREATE TABLE documents (seq bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, id bytea NOT NULL UNIQUE,
      person bytea NOT NULL REFERENCES persons(id), set_id ${text} NOT NULL, version bigint NOT NULL, replaces bytea, state ${text} NOT NULL,
      created_at bigint NOT NULL, person_version bigint NOT NULL, sha256 ${text} NOT NULL, body bytea NOT NULL)`,
    unpacked('documents'),
    'CREATE INDEX documents_person ON documents(person, seq)',
    `CREATE TABLE jobs (seq bigint PRIMARY KEY, id bytea NOT NULL UNIQUE, kind ${text} NOT NULL, subject bytea NOT NULL, keys bytea NOT NULL,
      state ${text} NOT NULL, blocks int NOT NULL, due_at bigint NOT NULL, latest_at bigint, attempts int NOT NULL, fault text,
      fence bigint NOT NULL DEFAULT 0, holder bigint, leased_at bigint, leased_until bigint)`,
    // The oldest of a kind.
    `CREATE INDEX jobs_ready ON jobs(kind, seq) WHERE state = 'ready'`,
    // The next one that only waits for its time.
    `CREATE INDEX jobs_due ON jobs(kind, due_at) WHERE state = 'ready'`,
    `CREATE INDEX jobs_leased ON jobs(leased_until) WHERE state = 'leased'`,
    // Sliding jobs and parked ones, by what they are about.
    'CREATE INDEX jobs_subject ON jobs(subject)',
    // Every key of every job that holds its place, so that the oldest of a key is one step in an index.
    'CREATE TABLE job_keys (key bytea NOT NULL, job bigint NOT NULL, PRIMARY KEY (key, job))',
    `CREATE TABLE deliveries (seq bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, id bytea NOT NULL UNIQUE, outlet ${text} NOT NULL,
      kind ${text} NOT NULL, thing bytea NOT NULL, person bytea, state ${text} NOT NULL, created_at bigint NOT NULL, attempts int NOT NULL,
      last_at bigint, next_at bigint, fault text, receipt text)`,
    'CREATE INDEX deliveries_outlet ON deliveries(outlet, state, created_at)',
    'CREATE INDEX deliveries_person ON deliveries(person) WHERE person IS NOT NULL',
    'CREATE INDEX deliveries_thing ON deliveries(thing)',
    `CREATE INDEX deliveries_apart ON deliveries(state) WHERE state IN ('waiting','parked','refused')`,
    `CREATE TABLE outlets (id ${text} NOT NULL, part int NOT NULL, waiting bigint NOT NULL, parked bigint NOT NULL, sent bigint NOT NULL,
      last_sent_at bigint NOT NULL, PRIMARY KEY (id, part))`,
    'CREATE TABLE received (id bytea PRIMARY KEY, node text NOT NULL, day bigint NOT NULL, body bytea NOT NULL)',
    unpacked('received'),
    `CREATE TABLE keys (name ${text} PRIMARY KEY, wrapped bytea NOT NULL)`,
    // Destroyed keys, which every process must forget.
    `CREATE INDEX keys_gone ON keys(name) WHERE wrapped = ''`,
    `CREATE TABLE users (id ${text} PRIMARY KEY, body bytea NOT NULL)`,
    `CREATE TABLE node_values (name ${text} PRIMARY KEY, body bytea NOT NULL)`,
    // A chain a part; `number` is a row's place in it.
    `CREATE TABLE audit (seq bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, number bigint NOT NULL, part int NOT NULL, at bigint NOT NULL,
      who ${text} NOT NULL, action ${text} NOT NULL, outcome text NOT NULL, person bytea, day bigint NOT NULL, body bytea NOT NULL,
      hash bytea NOT NULL, UNIQUE (part, number))`,
    'CREATE INDEX audit_person ON audit(person, seq) WHERE person IS NOT NULL',
    'CREATE INDEX audit_who ON audit(who, seq)',
    `CREATE TABLE sources (id ${text} NOT NULL, part int NOT NULL, total bigint NOT NULL, repeats bigint NOT NULL, last_at bigint NOT NULL,
      PRIMARY KEY (id, part))`,
    `CREATE TABLE source_minutes (source ${text} NOT NULL, minute bigint NOT NULL, part int NOT NULL, count bigint NOT NULL,
      PRIMARY KEY (source, minute, part))`,
    `CREATE TABLE not_carried (source ${text} NOT NULL, field ${text} NOT NULL, part int NOT NULL, count bigint NOT NULL,
      PRIMARY KEY (source, field, part))`,
    `CREATE TABLE tallies (name ${text} NOT NULL, part int NOT NULL, value bigint NOT NULL, PRIMARY KEY (name, part))`,
  ],
};

// The patient index, as on SQLite.
const index: Migration = {
  name: '0002-index',
  statements: [
    `CREATE TABLE index_records (id bytea PRIMARY KEY, stamp bigint NOT NULL UNIQUE, person bytea NOT NULL, own bytea, number bytea NOT NULL UNIQUE,
      into_record bytea, state ${text} NOT NULL, state_at bigint NOT NULL, source ${text} NOT NULL, tokens bytea NOT NULL, body bytea NOT NULL)`,
    unpacked('index_records'),
    'CREATE INDEX index_records_person ON index_records(person)',
    'CREATE TABLE index_tokens (token bytea NOT NULL, stamp bigint NOT NULL, PRIMARY KEY (token, stamp))',
    `CREATE TABLE index_pairs (a bytea NOT NULL, b bytea NOT NULL, link ${text} NOT NULL, weight float8 NOT NULL, decision ${text} NOT NULL,
      decided_at bigint NOT NULL, PRIMARY KEY (a, b))`,
    'CREATE INDEX index_pairs_b ON index_pairs(b)',
    `CREATE TABLE match_items (seq bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, id bytea NOT NULL UNIQUE, version bigint NOT NULL,
      kind ${text} NOT NULL, state ${text} NOT NULL, a bytea NOT NULL, b bytea, person bytea NOT NULL, source ${text} NOT NULL,
      created_at bigint NOT NULL, updated_at bigint NOT NULL, body bytea NOT NULL)`,
    'CREATE INDEX match_items_state ON match_items(state, seq)',
    'CREATE INDEX match_items_a ON match_items(a)',
    'CREATE INDEX match_items_b ON match_items(b) WHERE b IS NOT NULL',
    `CREATE TABLE identity_events (seq bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, id bytea NOT NULL, person bytea NOT NULL, at bigint NOT NULL,
      event ${text} NOT NULL, body bytea NOT NULL)`,
    'CREATE INDEX identity_events_person ON identity_events(person, seq)',
  ],
};

// Exact keys gave way to the matcher.
const noLinkKeys: Migration = {
  name: '0003-no-link-keys',
  statements: [
    'DELETE FROM identifiers WHERE link = 1',
    'DROP INDEX identifiers_link',
    'ALTER TABLE identifiers DROP COLUMN link',
    'ALTER TABLE persons DROP COLUMN links',
  ],
};

const migrations: readonly Migration[] = [first, index, noLinkKeys];

/** A number for an advisory lock that belongs to a schema and a use. */
export function lockNumber(schema: string, use: string): bigint {
  return hash('sha256', `mix-hie\u0000${schema}\u0000${use}`, 'buffer').readBigInt64BE(0);
}

/**
 * Brings the schema to this release's form; of processes that start at once one does it and the others wait.
 * Errors: `store.newer` when a later release wrote it, `store.unreachable`, `store.failed`.
 */
export async function migrate(place: PostgresPlace): Promise<void> {
  const client = new pg.Client({ ...clientConfig(place, 'listen'), pipeline: false } as pg.ClientConfig);
  client.on('error', () => undefined);
  try {
    await client.connect();
    await client.query('BEGIN');
    await client.query('SELECT pg_advisory_xact_lock($1)', [lockNumber(place.schema, 'migrate').toString()]);
    await client.query(`CREATE SCHEMA IF NOT EXISTS ${place.schema}`);
    await client.query('CREATE TABLE IF NOT EXISTS migrations (name text PRIMARY KEY)');
    const { rows } = await client.query<{ name: string }>('SELECT name FROM migrations');
    const known = new Set(migrations.map((migration) => migration.name));
    if (rows.some((row) => !known.has(row.name))) throw new MixError('store.newer');
    const done = new Set(rows.map((row) => row.name));
    for (const migration of migrations) {
      if (done.has(migration.name)) continue;
      for (const statement of migration.statements) await client.query(statement);
      await client.query('INSERT INTO migrations (name) VALUES ($1)', [migration.name]);
    }
    await client.query('COMMIT');
  } catch (error) {
    throw faultOf(error);
  } finally {
    await client.end().catch(() => undefined);
  }
}
