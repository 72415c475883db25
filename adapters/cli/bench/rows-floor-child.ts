/**
 * The process of the pipeline floor: reads every row that a run left in its store, then inserts them into a fresh file of the same
 * schema with prepared multi-row statements, in as many transactions as the run had. Nothing is looked up, sealed, updated or deleted.
 */
import sqlite3 from 'sqlite3';

interface Question {
  from: string;
  into: string;
  groups: number;
}
type Value = string | number | Buffer | null;
interface Table {
  into: string;
  width: number;
  rows: Value[][];
}

/** SQLite's own limit of values in one statement. */
const VALUES_MAX = 32_766;
/** Rows of tables without a number of their own, in the order in which they came. */
const ORDER: Record<string, string> = {
  seen: 'message',
  identifiers: 'person',
  message_outcomes: 'message',
  message_persons: 'message',
};

process.on('message', (question: Question) => {
  insertBare(question).then(
    (told) => process.send?.(told),
    (cause: unknown) => {
      process.stderr.write(`bench floor: ${cause instanceof Error ? cause.message : typeof cause}\n`);
      process.exit(1);
    },
  );
});

async function insertBare({ from, into, groups }: Question): Promise<{ seconds: number; rows: number }> {
  const source = await open(from, sqlite3.OPEN_READONLY);
  const target = await open(into, sqlite3.OPEN_READWRITE | sqlite3.OPEN_CREATE);
  await exec(
    target,
    'PRAGMA page_size=8192; PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA cache_size=-65536',
  );
  await exec(target, 'PRAGMA wal_autocheckpoint=2000; PRAGMA temp_store=MEMORY');
  const tables = await copySchema(source, target);
  let rows = 0;
  for (const table of tables) rows += table.rows.length;
  const statements = new Map<string, sqlite3.Statement>();
  const begun = performance.now();
  for (let group = 0; group < groups; group += 1) {
    const running: Promise<void>[] = [exec(target, 'BEGIN IMMEDIATE')];
    for (const { into: head, width, rows: all } of tables) {
      const part = all.slice(
        Math.floor((group * all.length) / groups),
        Math.floor(((group + 1) * all.length) / groups),
      );
      const most = Math.floor(VALUES_MAX / width);
      for (let at = 0; at < part.length; at += most) {
        const chunk = part.slice(at, at + most);
        running.push(run(preparedOf(target, statements, head, width, chunk.length), chunk.flat()));
      }
    }
    running.push(exec(target, 'COMMIT'));
    await Promise.all(running);
  }
  return { seconds: (performance.now() - begun) / 1000, rows };
}

/** Makes the source's tables and indexes in the target, and gives the rows of each table. */
async function copySchema(source: sqlite3.Database, target: sqlite3.Database): Promise<Table[]> {
  const made = await all(source, `SELECT type, name, sql FROM sqlite_master WHERE sql IS NOT NULL ORDER BY rowid`);
  const virtual = made.filter(({ sql }) => /^CREATE VIRTUAL/i.test(String(sql))).map(({ name }) => String(name));
  const tables: Table[] = [];
  for (const { type, name: named, sql } of made) {
    const name = String(named);
    if (virtual.some((one) => name.startsWith(`${one}_`)) || name.startsWith('sqlite_')) continue;
    await exec(target, String(sql));
    if (type !== 'table') continue;
    const rows = virtual.includes(name) ? await wordsOf(source, name) : await rowsOf(source, name);
    if (rows.length === 0) continue;
    const columns = virtual.includes(name) ? '(rowid, words)' : '';
    if (!virtual.includes(name)) await exec(target, `DELETE FROM ${name}`);
    tables.push({ into: `INSERT INTO ${name} ${columns} VALUES `, width: rows[0]!.length, rows });
  }
  return tables;
}

async function rowsOf(source: sqlite3.Database, name: string): Promise<Value[][]> {
  const order = ORDER[name];
  const rows = await all(source, `SELECT * FROM ${name}${order === undefined ? '' : ` ORDER BY ${order}`}`);
  return rows.map((row) => Object.values(row));
}

/** The words of each row of a contentless full-text table, out of its own index. */
async function wordsOf(source: sqlite3.Database, name: string): Promise<Value[][]> {
  await exec(source, `CREATE VIRTUAL TABLE temp.${name}_vocabulary USING fts5vocab('main','${name}','instance')`);
  const words = new Map<number, string[]>();
  for (const { term, doc } of await all(source, `SELECT term, doc FROM temp.${name}_vocabulary`)) {
    const list = words.get(Number(doc));
    if (list) list.push(String(term));
    else words.set(Number(doc), [String(term)]);
  }
  return [...words].sort(([a], [b]) => a - b).map(([doc, list]) => [doc, list.join(' ')]);
}

function open(file: string, mode: number): Promise<sqlite3.Database> {
  return new Promise((resolve, reject) => {
    const database = new sqlite3.Database(file, mode, (error) => {
      if (error) {
        reject(error);
        return;
      }
      database.serialize();
      resolve(database);
    });
  });
}

function exec(database: sqlite3.Database, sql: string): Promise<void> {
  return new Promise((resolve, reject) => {
    database.exec(sql, (error) => (error ? reject(error) : resolve()));
  });
}

function all(database: sqlite3.Database, sql: string): Promise<Record<string, Value>[]> {
  return new Promise((resolve, reject) => {
    database.all<Record<string, Value>>(sql, (error, rows) => (error ? reject(error) : resolve(rows)));
  });
}

function run(statement: sqlite3.Statement, values: Value[]): Promise<void> {
  return new Promise((resolve, reject) => {
    statement.run(values, (error: Error | null) => (error ? reject(error) : resolve()));
  });
}

function preparedOf(
  database: sqlite3.Database,
  statements: Map<string, sqlite3.Statement>,
  head: string,
  width: number,
  count: number,
): sqlite3.Statement {
  const sql =
    head +
    Array(count)
      .fill(`(${Array(width).fill('?').join(',')})`)
      .join(',');
  const known = statements.get(sql);
  if (known) return known;
  const made = database.prepare(sql);
  statements.set(sql, made);
  return made;
}
