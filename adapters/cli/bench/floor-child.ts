/** The process of the intake floor: see intake-floor.ts. The only SQL outside of engine/store: it is what the store is measured against. */
import { statSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import sqlite3 from 'sqlite3';
import { controlIdOf, createFrameReader, frameOf } from '../../mllp/index.ts';

interface Question {
  start?: { folder: string; store: boolean };
  figures?: boolean;
}
type Keep = (bytes: Buffer, kept: () => void) => void;

/** Most messages that share one commit. */
const ROWS_MAX = 256;
let database = '';

process.on('message', (question: Question) => {
  if (question.start) void start(question.start);
  else if (question.figures) process.send?.(figures());
});

function figures(): { cpuMs: number; storeBytes: number; rssBytes: number } {
  const cpu = process.cpuUsage();
  let storeBytes = 0;
  for (const file of [database, `${database}-wal`]) storeBytes += statSync(file, { throwIfNoEntry: false })?.size ?? 0;
  return { cpuMs: (cpu.user + cpu.system) / 1000, storeBytes, rssBytes: process.memoryUsage().rss };
}

async function start(options: { folder: string; store: boolean }): Promise<void> {
  database = join(options.folder, 'floor.sqlite');
  const keep = options.store
    ? await openStore(database)
    : (_bytes: Buffer, kept: () => void) => void setImmediate(kept);
  const server = createServer((socket) => {
    socket.setNoDelay(true);
    const reader = createFrameReader({
      onFrame: (message) => {
        keep(message, () =>
          socket.write(
            frameOf(Buffer.from(`MSH|^~\\&|||||||ACK|1|P|2.5.1\rMSA|AA|${controlIdOf(message)}\r`, 'latin1')),
          ),
        );
        return true;
      },
      onRefused: () => true,
    });
    socket.on('data', (chunk) => reader.push(chunk));
    socket.on('error', () => socket.destroy());
  });
  server.listen(0, '127.0.0.1', () => {
    const address = server.address();
    process.send?.({ port: typeof address === 'object' && address ? address.port : 0 });
  });
}

function fail(error: Error | null): void {
  if (!error) return;
  process.stderr.write(`floor: ${error.name}\n`);
  process.exit(1);
}

async function openStore(file: string): Promise<Keep> {
  const db = await new Promise<sqlite3.Database>((resolve) => {
    const opened: sqlite3.Database = new sqlite3.Database(file, (error) => {
      fail(error);
      resolve(opened);
    });
  });
  db.serialize();
  for (const sql of [
    'PRAGMA journal_mode=WAL',
    'PRAGMA synchronous=FULL',
    'CREATE TABLE kept(id INTEGER PRIMARY KEY, bytes BLOB NOT NULL)',
  ])
    db.exec(sql, fail);
  // One statement of n rows is one transaction and one trip to SQLite's thread: the least that a group commit can cost here.
  const inserts = new Map<number, sqlite3.Statement>();
  const insertOf = (rows: number): sqlite3.Statement => {
    const known = inserts.get(rows);
    if (known) return known;
    const made = db.prepare(`INSERT INTO kept(bytes) VALUES ${Array(rows).fill('(?)').join(',')}`);
    inserts.set(rows, made);
    return made;
  };
  const waiting: { bytes: Buffer; kept(): void }[] = [];
  let busy = false;
  const write = (): void => {
    if (busy || waiting.length === 0) return;
    busy = true;
    const group = waiting.splice(0, ROWS_MAX);
    insertOf(group.length).run(
      group.map((one) => one.bytes),
      (error: Error | null) => {
        fail(error);
        for (const one of group) one.kept();
        busy = false;
        write();
      },
    );
  };
  return (bytes, kept) => {
    waiting.push({ bytes, kept });
    // What comes in the same turn of the loop shares the commit.
    setImmediate(write);
  };
}
