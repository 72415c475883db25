/** LISTEN and NOTIFY: wakes the other processes of a tenant, and tells them of keys that were destroyed. */
import pg from 'pg';
import type { ChangeNote, JobBell, JobKind, JobNews } from '../../../schemas/parts.ts';
import { clientConfig, type PostgresPlace } from './database.ts';

/** News of one turn go out together. */
const gatherMs = 10;
const againMs = 1_000;
const kindsMax = 200;
/** Rows of each kind in one notification, and notifications of one group. */
const noteRows = 25;
const notePartsMax = 40;

interface Told {
  from: number;
  kinds?: JobKind[];
  shredded?: string;
  note?: ChangeNote;
}

export class PgBell implements JobBell {
  readonly #place: PostgresPlace;
  readonly #holder: number;
  readonly #channel: string;
  readonly #listeners = new Set<(news: JobNews) => void>();
  readonly #onNote = new Set<(note: ChangeNote) => void>();
  readonly #onShredded: (name: string | undefined) => void;
  #client: pg.Client | undefined;
  #kinds = new Set<JobKind>();
  #timer: NodeJS.Timeout | undefined;
  #closed = false;

  /** `onShredded` is told the name of a key that another process destroyed, and nothing when some may have been missed. */
  constructor(place: PostgresPlace, holder: number, onShredded: (name: string | undefined) => void) {
    this.#place = place;
    this.#holder = holder;
    this.#channel = `mix_${place.schema}`;
    this.#onShredded = onShredded;
  }

  /** Listens; a connection that is lost is opened again until `close`. */
  async open(): Promise<void> {
    const client = new pg.Client(clientConfig(this.#place, 'listen'));
    client.on('error', () => undefined);
    client.on('end', () => this.#again(client));
    client.on('notification', (message) => this.#hear(message.payload ?? ''));
    try {
      await client.connect();
      await client.query(`LISTEN ${this.#channel}`);
      this.#client = client;
    } catch {
      await client.end().catch(() => undefined);
      this.#again(client);
      return;
    }
    // What was told while nobody listened is asked for.
    this.#onShredded(undefined);
    for (const listener of this.#listeners) listener({ kinds: [], ids: [] });
  }

  ring({ kinds }: JobNews): void {
    for (const kind of kinds) if (this.#kinds.size < kindsMax) this.#kinds.add(kind);
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      const told = [...this.#kinds];
      this.#kinds = new Set();
      this.#tell({ from: this.#holder, kinds: told });
    }, gatherMs);
  }

  shredded(name: string): void {
    this.#tell({ from: this.#holder, shredded: name });
  }

  /** Tells the others what a group changed. */
  changed(note: ChangeNote): void {
    for (const part of partsOf(note)) this.#tell({ from: this.#holder, note: part });
  }

  /** Called with what the others changed. */
  onChanged(listener: (note: ChangeNote) => void): () => void {
    this.#onNote.add(listener);
    return () => {
      this.#onNote.delete(listener);
    };
  }

  onRing(listener: (news: JobNews) => void): () => void {
    this.#listeners.add(listener);
    return () => {
      this.#listeners.delete(listener);
    };
  }

  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#timer);
    this.#listeners.clear();
    this.#onNote.clear();
    await this.#client?.end().catch(() => undefined);
  }

  #tell(told: Told): void {
    // What can not be told is found by the next look of the others.
    this.#client?.query('SELECT pg_notify($1, $2)', [this.#channel, JSON.stringify(told)]).catch(() => undefined);
  }

  #hear(payload: string): void {
    let told: Told;
    try {
      told = JSON.parse(payload) as Told;
    } catch {
      return;
    }
    if (told.from === this.#holder) return;
    if (typeof told.shredded === 'string') this.#onShredded(told.shredded);
    if (told.note) for (const listener of [...this.#onNote]) listener(told.note);
    if (Array.isArray(told.kinds)) for (const listener of this.#listeners) listener({ kinds: told.kinds, ids: [] });
  }

  #again(client: pg.Client): void {
    if (this.#client === client) this.#client = undefined;
    if (this.#closed || this.#client) return;
    const timer = setTimeout(() => {
      if (!this.#closed && !this.#client) void this.open();
    }, againMs);
    timer.unref();
  }
}

/** A note in parts that fit into a notification (8,000 bytes). */
function partsOf(note: ChangeNote): ChangeNote[] {
  const parts: ChangeNote[] = [];
  const size = Math.max(note.messages.length, note.persons.length, note.documents.length);
  for (let at = 0; at < size && parts.length < notePartsMax; at += noteRows)
    parts.push({
      messages: note.messages.slice(at, at + noteRows),
      persons: note.persons.slice(at, at + noteRows),
      documents: note.documents.slice(at, at + noteRows),
    });
  return parts;
}
