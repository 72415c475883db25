/** Just kept messages, so that their job need not read and open them again. Bounded; the oldest go first. */
import type { KeptMessage } from '../../schemas/parts.ts';

export class Recent {
  readonly #messages = new Map<string, KeptMessage>();
  readonly #countMax: number;
  readonly #bytesMax: number;
  #bytes = 0;

  constructor(countMax: number, bytesMax: number) {
    this.#countMax = countMax;
    this.#bytesMax = bytesMax;
  }

  has(id: string): boolean {
    return this.#messages.has(id);
  }

  get(id: string): KeptMessage | undefined {
    return this.#messages.get(id);
  }

  put(message: KeptMessage): void {
    const size = sizeOf(message);
    if (size > this.#bytesMax) return;
    this.#messages.set(message.id, message);
    this.#bytes += size;
    for (const [id] of this.#messages) {
      if (this.#messages.size <= this.#countMax && this.#bytes <= this.#bytesMax) return;
      this.drop(id);
    }
  }

  /** What changes a message drops it: the row is the truth from then on. */
  drop(id: string): void {
    const message = this.#messages.get(id);
    if (!message) return;
    this.#messages.delete(id);
    this.#bytes -= sizeOf(message);
  }
}

function sizeOf(message: KeptMessage): number {
  return message.bytes.length + message.ack.length + 1_024;
}
