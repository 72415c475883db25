/** What a node that has stopped holds, read from its files, in a form in which two nodes can be compared. */

import { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import sqlite3 from 'sqlite3';
import { type OpenedStore, openStore } from '../../engine/store/index.ts';
import { openKeyFile, openSeal, verifyDocument } from '../../pki/index.ts';
import type { Entry, Person } from '../../schemas/parts.ts';

export interface HeldPerson {
  id: string;
  version: number;
  /** Medical record numbers, in order of their text. */
  numbers: string[];
  phone: string | undefined;
  entries: Entry[];
  /** Everything about the person but what must differ between two nodes: one line for each entry, the person first. */
  lines: string[];
}

export interface Held {
  /** Every message by its control id; more than one where it was kept twice. */
  messages: Map<string, { id: string; state: string }[]>;
  /** Ids of the observations that each ORU wrote, by its control id. */
  observed: Map<string, string[]>;
  persons: HeldPerson[];
  /** Persons that were merged away and still hold live entries. */
  leftBehind: number;
  /** Message and person of the record changes in the audit, each with its count. */
  effects: Map<string, number>;
  audit: { rows: number; broken?: number };
  integrity: string;
  /** What is wrong with documents, as sentences. */
  documentFaults: string[];
  documents: number;
  jobs: number;
}

const UUID = /[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/g;

/** Reads all that the node of a data folder holds. The node must have ended. */
export async function readHeld(dataDir: string): Promise<Held> {
  const file = join(dataDir, 'store.sqlite');
  const store = await openStore({
    file,
    seal: openSeal({ kek: openKeyFile(join(dataDir, 'kek')) }),
    clock: { now: Date.now },
  });
  try {
    return await readStore(store, dataDir, {
      leftBehind: await countRows(file, leftBehindSql),
      integrity: String(await firstValue(file, 'PRAGMA integrity_check')),
      jobs: await countRows(file, jobsSql),
    });
  } finally {
    await store.close();
  }
}

/** What no verb of a store tells. */
export const leftBehindSql = `SELECT count(*) AS n FROM entries WHERE person IN (SELECT id FROM persons WHERE state = 'merged')`;
export const jobsSql = 'SELECT count(*) AS n FROM jobs';

/** Reads all that a store holds, whose nodes have ended; the data folder tells whose signatures are good. */
export async function readStore(
  store: OpenedStore,
  dataDir: string,
  counted: Pick<Held, 'leftBehind' | 'integrity' | 'jobs'>,
): Promise<Held> {
  const persons: HeldPerson[] = [];
  const documentFaults: string[] = [];
  let documents = 0;
  const trust = { roots: [new X509Certificate(readFileSync(join(dataDir, 'pki', 'ca.pem')))], at: Date.now() };
  for await (const person of pagesOf((cursor) => store.persons({ limit: 500, ...cursor }))) {
    persons.push(await heldPerson(store, person));
    documents += await checkDocuments(store, person, trust, documentFaults);
  }
  return {
    ...(await readMessages(store)),
    persons,
    effects: await readEffects(store),
    audit: await store.checkAudit(),
    documentFaults,
    documents,
    ...counted,
  };
}

async function* pagesOf<T>(page: (cursor: { cursor?: string }) => Promise<{ rows: T[]; next?: string }>) {
  let cursor: { cursor?: string } = {};
  for (;;) {
    const { rows, next } = await page(cursor);
    yield* rows;
    if (next === undefined) return;
    cursor = { cursor: next };
  }
}

async function readMessages(store: OpenedStore): Promise<Pick<Held, 'messages' | 'observed'>> {
  const messages: Held['messages'] = new Map();
  const observed: Held['observed'] = new Map();
  for await (const { id, type, facts, state } of pagesOf((cursor) => store.messages({ limit: 500, ...cursor }))) {
    messages.set(facts.controlId, [...(messages.get(facts.controlId) ?? []), { id, state }]);
    if (type !== 'ORU^R01') continue;
    const { wrote } = await store.outcomeOf(id);
    observed.set(
      facts.controlId,
      wrote.filter((one) => one.type === 'Observation').map((one) => one.id),
    );
  }
  return { messages, observed };
}

async function readEffects(store: OpenedStore): Promise<Held['effects']> {
  const effects: Held['effects'] = new Map();
  for await (const { action, thing, personId } of pagesOf((cursor) => store.audit({ limit: 500, ...cursor }))) {
    if (action !== 'update') continue;
    const effect = `${thing} ${personId}`;
    effects.set(effect, (effects.get(effect) ?? 0) + 1);
  }
  return effects;
}

async function heldPerson(store: OpenedStore, person: Person): Promise<HeldPerson> {
  const entries = await store.entries(person.id, { removed: true });
  const labels = new Map(entries.map(({ id, key }) => [id, `<${key.replace(UUID, '*')}>`]));
  labels.set(person.id, '<Patient>');
  const labelled = (text: string): string => text.replace(UUID, (id) => labels.get(id) ?? '<other>');
  const told = entries
    .map(
      ({ key, version, removed, status, code, sourceTime, body }) =>
        `${key.replace(UUID, '*')} ${JSON.stringify([version, removed, status, code, sourceTime])} ${labelled(JSON.stringify(body))}`,
    )
    .sort();
  return {
    id: person.id,
    version: person.version,
    numbers: person.identifiers
      .filter(({ type }) => type === 'MR')
      .map(({ value }) => value)
      .sort(),
    phone: person.patient.telecom?.find(({ system, use }) => system === 'phone' && use !== 'work')?.value,
    entries,
    lines: [labelled(JSON.stringify([person.version, person.incomplete, person.identifiers, person.patient])), ...told],
  };
}

/** One set a person, versions without a gap, the newest current and of this very record, each signature good. */
async function checkDocuments(
  store: OpenedStore,
  person: Person,
  trust: { roots: X509Certificate[]; at: number },
  faults: string[],
): Promise<number> {
  const documents = (await store.documents(person.id)).sort((a, b) => a.version - b.version);
  const newest = documents.at(-1);
  if (newest === undefined) {
    faults.push(`person ${person.id} has no document`);
    return 0;
  }
  documents.forEach((one, at) => {
    const place = `document ${one.version} of person ${person.id}`;
    if (one.version !== at + 1) faults.push(`${place} is number ${at + 1}`);
    if (one.setId !== newest.setId) faults.push(`${place} is of another set`);
    if (one.replaces !== documents[at - 1]?.id) faults.push(`${place} replaces another`);
    if (one.state !== (one === newest ? 'current' : 'superseded')) faults.push(`${place} is ${one.state}`);
  });
  if (newest.personVersion !== person.version)
    faults.push(`person ${person.id} is at ${person.version}, the document at ${newest.personVersion}`);
  const whole = await store.document(newest.id);
  const verdict = whole && verifyDocument(whole.bytes, whole.signature, trust, { documentId: newest.id });
  if (verdict?.holds !== true) faults.push(`the signature of document ${newest.id} does not hold`);
  return documents.length;
}

async function countRows(file: string, sql: string): Promise<number> {
  return Number(await firstValue(file, sql));
}

/** What no verb of the store tells: straight from the file. */
function firstValue(file: string, sql: string): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const database = new sqlite3.Database(file, sqlite3.OPEN_READONLY);
    database.get(sql, (error, row) => {
      database.close();
      if (error) reject(error);
      else resolve(Object.values(row as Record<string, unknown>)[0]);
    });
  });
}
