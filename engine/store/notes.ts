/** Notes after commits, for live pages: ids and states, never what was said. */
import type { ChangeNote, KeptMessage, MessageState } from '../../schemas/parts.ts';
import { keyToId } from './codec.ts';
import type { Asker } from './database.ts';
import type { Recent } from './recent.ts';
import type { Reads } from './statements.ts';
import type { CommitUnit } from './unit.ts';

type MessageNote = ChangeNote['messages'][number];

/** Of one group; pages read again anyway when they are told of very many. */
const notesMax = 1_000;

export class Notes {
  readonly #parts: { readers: Asker; sql: Reads };
  readonly #recent: Recent;
  readonly #listeners = new Set<(note: ChangeNote) => void>();
  #note: ChangeNote = emptyNote();
  /** Messages of which only id and state are known here. */
  #unknown = new Map<string, { key: Buffer; state: MessageState }>();
  #telling: Promise<void> = Promise.resolve();

  constructor(parts: { readers: Asker; sql: Reads }, recent: Recent) {
    this.#parts = parts;
    this.#recent = recent;
  }

  listen(listener: (note: ChangeNote) => void): () => void {
    this.#listeners.add(listener);
    return () => {
      this.#listeners.delete(listener);
    };
  }

  kept(message: KeptMessage): void {
    if (this.#listeners.size > 0)
      this.#add({ id: message.id, sourceId: message.sourceId, state: message.state, type: message.type });
  }

  committed(unit: CommitUnit): void {
    if (this.#listeners.size === 0) return;
    if (unit.message) {
      const { text, key, state } = { text: unit.message.text, key: unit.message.id, state: unit.message.state };
      const message = this.#recent.get(text);
      if (message) this.#add({ id: text, sourceId: message.sourceId, state, type: message.type });
      else if (this.#unknown.size < notesMax) this.#unknown.set(text, { key, state });
    }
    for (const id of unit.personIds) if (this.#note.persons.length < notesMax) this.#note.persons.push(id);
    for (const { id } of [...unit.documents, ...unit.documentStates])
      if (this.#note.documents.length < notesMax) this.#note.documents.push(id);
  }

  /** After each group: tells what it changed. */
  tell(): void {
    const note = this.#note;
    const unknown = this.#unknown;
    if (note.messages.length + note.persons.length + note.documents.length + unknown.size === 0) return;
    this.#note = emptyNote();
    this.#unknown = new Map();
    if (unknown.size === 0) {
      this.#call(note);
      return;
    }
    this.#telling = this.#telling.then(async () => {
      const rows = await this.#parts.readers
        .allOf(
          this.#parts.sql.notes,
          [...unknown.values()].map((one) => [one.key]),
        )
        .catch(() => []);
      for (const row of rows) {
        const id = keyToId(row.id as Buffer);
        note.messages.push({
          id,
          sourceId: row.source as string,
          state: unknown.get(id)?.state ?? (row.state as MessageState),
          type: row.type as string,
        });
      }
      this.#call(note);
    });
  }

  async close(): Promise<void> {
    this.#listeners.clear();
    await this.#telling;
  }

  #add(message: MessageNote): void {
    if (this.#note.messages.length < notesMax) this.#note.messages.push(message);
  }

  #call(note: ChangeNote): void {
    for (const listener of [...this.#listeners]) {
      try {
        listener(note);
      } catch {
        // A page that fails to listen must not stop the writer; it will read again.
      }
    }
  }
}

function emptyNote(): ChangeNote {
  return { messages: [], persons: [], documents: [] };
}
