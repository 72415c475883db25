/** One connection of a listener: frames in, answers out in the order of receipt. */
import type { Socket } from 'node:net';
import { type FaultCode, MixError } from '../../schemas/errors/index.ts';
import type { Log, Source } from '../../schemas/parts.ts';
import { createFrameReader, frameOf, type Refusal } from './frame.ts';
import type { MllpLimits } from './limits.ts';

/** Who is at the other end. */
export interface MllpPeer {
  address: string;
  port: number;
  /** Common name and SHA-256 fingerprint of the client's certificate, over TLS. */
  certificate?: { name: string; fingerprint: string };
}

/** The answer to one message. */
export interface Accepted {
  /** Written when every earlier message of the connection has been answered; null where the sender wants no answer. */
  ack: Buffer | null;
  /** Enhanced mode's application acknowledgment (chapter 2.9.3), written as a frame of its own when it is there. */
  later?: Promise<Buffer | null>;
}

/**
 * Keeps a message and says what to answer. A rejection means that nothing was kept and nothing can be said: the connection is closed after the
 * earlier answers, and the sender sends again. The bytes may be a view of a larger buffer: copy what is to be kept for long.
 */
export type AcceptMessage = (bytes: Buffer, source: Source, peer: MllpPeer) => Promise<Accepted>;

/** What a connection needs of its listener. */
export interface ConnectionOptions {
  source: Source;
  accept: AcceptMessage;
  limits: MllpLimits;
  log: Log;
  /** Makes an answer to something refused before it was a message (too large), from its first bytes; null for none. */
  answerRefused(refusal: Refusal): Buffer | null;
  /** Bytes held over all connections; shared. */
  held: { bytes: number };
}

interface Slot {
  bytes: number;
  done: boolean;
  answer: Buffer | null;
}

export interface Connection {
  /** Looks at the clock: settles a frame that lacks its CR, and closes what is slow or idle. `now` in ms, monotonic. */
  tick(now: number): void;
  /** Reads again if it may. */
  wake(): void;
  /** Takes no more messages, answers what was taken, then ends. */
  finish(): void;
  /** Resolves when the socket is closed. */
  readonly closed: Promise<void>;
  destroy(): void;
}

/** Quiet time in ms after which an FS without CR is taken as the end of its frame. */
const SETTLE_MS = 400;

/** How long in ms the peer may take to close its side after ours. */
const LINGER_MS = 1000;

/** Serves one connected socket until it ends. */
export function serveConnection(socket: Socket, peer: MllpPeer, options: ConnectionOptions): Connection {
  return new Serving(socket, peer, options);
}

class Serving implements Connection {
  readonly closed: Promise<void>;
  readonly #socket: Socket;
  readonly #peer: MllpPeer;
  readonly #options: ConnectionOptions;
  readonly #reader;
  /** Taken and not yet answered, oldest first. */
  readonly #slots: Slot[] = [];
  #bytes = 0;
  /** What the reader holds for an unfinished frame, as counted in the listener's sum. */
  #readerBytes = 0;
  #noiseBytes = 0;
  /** What was read from the socket and not yet by the reader. */
  #rest: Buffer | undefined;
  #paused = false;
  #ending = false;
  #ended = false;
  #peerEnded = false;
  #corked = false;
  #lastByteAt = performance.now();
  #frameBeganAt = 0;
  #framesHeard = 0;

  constructor(socket: Socket, peer: MllpPeer, options: ConnectionOptions) {
    this.#socket = socket;
    this.#peer = peer;
    this.#options = options;
    this.#reader = createFrameReader({
      frameBytesMax: options.limits.frameBytesMax,
      onFrame: (message) => this.#take(message),
      onRefused: (refusal) => this.#refuse(refusal),
    });
    socket.setNoDelay(true);
    socket.setKeepAlive(true, 60_000);
    socket.on('data', (chunk) => {
      this.#lastByteAt = performance.now();
      this.#read(chunk);
    });
    socket.on('drain', () => this.wake());
    socket.on('end', () => this.#hearEnd());
    socket.on('error', (error) => {
      if (this.#slots.length > 0)
        this.#tell('mllp.connection-lost', { why: codeOf(error), unanswered: this.#slots.length });
    });
    this.closed = new Promise((resolve) => {
      socket.on('close', () => {
        this.#release();
        resolve();
      });
    });
  }

  tick(now: number): void {
    const { frameMs, idleMs } = this.#options.limits;
    if (this.#paused || this.#ending) return;
    if (now - this.#lastByteAt >= SETTLE_MS) {
      this.#reader.settle();
      if (this.#reader.inFrame && frameMs > 0 && now - this.#frameBeganAt >= frameMs) this.#giveUp('mllp.frame-slow');
      else if (this.#slots.length === 0 && idleMs > 0 && now - this.#lastByteAt >= idleMs) this.#giveUp('mllp.idle');
    } else if (this.#reader.inFrame && frameMs > 0 && now - this.#frameBeganAt >= frameMs) {
      this.#giveUp('mllp.frame-slow');
    }
  }

  wake(): void {
    if (!this.#paused || this.#mustWait()) return;
    this.#paused = false;
    // The time that we did not read is not the peer's.
    this.#frameBeganAt = performance.now();
    this.#lastByteAt = this.#frameBeganAt;
    const rest = this.#rest;
    this.#rest = undefined;
    if (rest) this.#read(rest);
    if (this.#paused) return;
    if (this.#peerEnded) this.#readEnd();
    else this.#socket.resume();
  }

  finish(): void {
    this.#ending = true;
    this.#socket.pause();
    this.#rest = undefined;
    this.#endWhenAnswered();
  }

  destroy(): void {
    this.#socket.destroy();
  }

  #read(chunk: Buffer): void {
    // What a finished listener still hears is not taken: unanswered, so the sender sends it again elsewhere.
    if (this.#ending) return;
    const before = this.#reader.inFrame ? this.#framesHeard : -1;
    const read = this.#reader.push(chunk);
    if (before !== this.#framesHeard) this.#frameBeganAt = this.#lastByteAt;
    this.#countReader();
    if (read < chunk.length) this.#rest = chunk.subarray(read);
    if (this.#rest || this.#mustWait()) this.#pause();
  }

  #take(message: Buffer): boolean {
    this.#framesHeard += 1;
    const slot: Slot = { bytes: message.length, done: false, answer: null };
    this.#slots.push(slot);
    this.#bytes += slot.bytes;
    this.#options.held.bytes += slot.bytes;
    this.#accept(message, slot);
    return !this.#mustWait() && !this.#ending;
  }

  #accept(message: Buffer, slot: Slot): void {
    // The promise starts inside then(), so that an accept that throws at once is the same as one that rejects.
    Promise.resolve()
      .then(() => this.#options.accept(message, this.#options.source, this.#peer))
      .then(
        (accepted) => {
          this.#answer(slot, accepted.ack);
          if (accepted.later) this.#awaitLater(accepted.later);
        },
        (error) => {
          this.#tell(error instanceof MixError ? error.fault.code : 'mllp.not-taken', { why: codeOf(error) });
          slot.answer = null;
          this.#dropFrom(slot);
        },
      );
  }

  #awaitLater(later: Promise<Buffer | null>): void {
    later.then(
      (ack) => {
        if (!ack) return;
        if (this.#socket.writable) this.#write(ack);
        // The sender hears it when it sends the message again.
        else this.#tell('mllp.connection-lost', { unheard: 1 });
      },
      (error) => this.#tell(error instanceof MixError ? error.fault.code : 'mllp.not-taken', { why: codeOf(error) }),
    );
  }

  #answer(slot: Slot, answer: Buffer | null): void {
    slot.done = true;
    slot.answer = answer;
    let answered = 0;
    // A sender that waits for each answer gets it at once; there is nothing that could leave with it.
    const alone = this.#slots.length === 1 && !this.#corked;
    for (const first of this.#slots) {
      if (!first.done) break;
      answered += 1;
      this.#uncount(first.bytes);
      if (first.answer && alone && this.#socket.writable) this.#socket.write(frameOf(first.answer));
      else if (first.answer) this.#write(first.answer);
    }
    if (answered === 0) return;
    this.#slots.splice(0, answered);
    if (this.#ending) this.#endWhenAnswered();
    this.wake();
  }

  /** Forgets this message and all later ones, answers the earlier, and ends: an answer may never stand in the place of another. */
  #dropFrom(slot: Slot): void {
    const at = this.#slots.indexOf(slot);
    if (at === -1) return;
    for (const gone of this.#slots.splice(at)) this.#uncount(gone.bytes);
    this.finish();
  }

  #uncount(bytes: number): void {
    this.#bytes -= bytes;
    this.#options.held.bytes -= bytes;
  }

  /** Answers that are ready in the same turn leave in one system call. */
  #write(answer: Buffer): void {
    if (!this.#socket.writable) return;
    if (!this.#corked) {
      this.#corked = true;
      this.#socket.cork();
      setImmediate(() => {
        this.#corked = false;
        this.#socket.uncork();
        if (this.#ending) this.#endWhenAnswered();
      });
    }
    this.#socket.write(frameOf(answer));
  }

  #refuse(refusal: Refusal): boolean {
    this.#framesHeard += 1;
    this.#tell(refusal.code, { bytes: refusal.bytes });
    if (refusal.code === 'mllp.no-frame' || refusal.code === 'mllp.noise') {
      this.#noiseBytes += refusal.bytes;
      if (this.#noiseBytes > this.#options.limits.noiseBytesMax) this.finish();
      return !this.#ending;
    }
    if (refusal.code === 'mllp.frame-too-large') {
      const slot: Slot = { bytes: 0, done: false, answer: null };
      this.#slots.push(slot);
      this.#answer(slot, this.#options.answerRefused(refusal));
    }
    return !this.#ending;
  }

  #mustWait(): boolean {
    const { limits, held } = this.#options;
    if (this.#socket.writableNeedDrain) return true;
    if (this.#slots.length === 0) return false;
    return (
      this.#slots.length >= limits.inFlightMax ||
      this.#bytes >= limits.inFlightBytesMax ||
      held.bytes >= limits.heldBytesMax
    );
  }

  #pause(): void {
    this.#paused = true;
    this.#socket.pause();
  }

  #hearEnd(): void {
    this.#peerEnded = true;
    if (!this.#paused && !this.#ending) this.#readEnd();
  }

  #readEnd(): void {
    this.#reader.end();
    this.#ending = true;
    this.#endWhenAnswered();
  }

  /**
   * Ends our side when nothing is due, and reads what still comes without taking it: a socket closed over unread bytes is reset by the
   * system, and the answers under way would be lost with it.
   */
  #endWhenAnswered(): void {
    if (this.#slots.length > 0 || this.#corked || this.#ended) return;
    this.#ended = true;
    this.#socket.end();
    this.#socket.resume();
    setTimeout(() => this.#socket.destroy(), LINGER_MS).unref();
  }

  #giveUp(code: FaultCode): void {
    this.#tell(code, {});
    this.finish();
  }

  #countReader(): void {
    const now = this.#reader.heldBytes;
    this.#options.held.bytes += now - this.#readerBytes;
    this.#readerBytes = now;
  }

  #release(): void {
    for (const slot of this.#slots.splice(0)) this.#uncount(slot.bytes);
    this.#options.held.bytes -= this.#readerBytes;
    this.#readerBytes = 0;
  }

  #tell(code: FaultCode, facts: Record<string, unknown>): void {
    this.#options.log.warn(
      { code, source: this.#options.source.id, peer: this.#peer.address, ...facts },
      'MLLP connection',
    );
  }
}

/** The system's or our code of an error: never its text, which may hold what was sent. */
function codeOf(error: unknown): string {
  if (error instanceof MixError) return error.fault.code;
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  return typeof code === 'string' ? code : 'unknown';
}
