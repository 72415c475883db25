/**
 * Frames of the Minimal Lower Layer Protocol: `VT` message `FS CR` (HL7 v2 Transport Specification: MLLP, Release 1, section 2).
 *
 * What is tolerated, and why:
 * - `FS` whose `CR` is missing ends the frame when the next byte is `VT`, or when nothing follows ({@link FrameReader.settle}); before any
 *   other byte an `FS` is part of the message.
 * - `CR`, `LF` between frames are passed over in silence: several senders put a line end after the frame.
 * - `VT` inside a message is kept (word processors write it as a soft line end), except where `MSH`, `FHS` or `BHS` follow: then the earlier frame
 *   was never ended. Taking both as one message would mix two patients, so the earlier part is refused and only the later one taken.
 */
import type { FaultCode } from '../../schemas/errors/index.ts';

export const VT = 0x0b;
export const FS = 0x1c;
export const CR = 0x0d;
const LF = 0x0a;

/** How many of a refused frame's first bytes are kept, so that its MSH can still be answered. */
const HEAD_BYTES = 1024;

/** Something that is not taken as a message. */
export interface Refusal {
  code: Extract<FaultCode, 'mllp.frame-too-large' | 'mllp.frame-unended' | 'mllp.no-frame' | 'mllp.noise'>;
  /** How many bytes it had. */
  bytes: number;
  /** The first bytes (at most 1,024): to find MSH-10 for an answer, never for a log. */
  head: Buffer;
}

export interface FrameReaderOptions {
  /** Longest message in bytes, without the frame's own. Default 16 MiB. */
  frameBytesMax?: number;
  /**
   * Takes one message (without the frame's bytes; a view of the chunk where it lies whole in one).
   * Returns false to stop reading for now: {@link FrameReader.push} then tells how far it came.
   */
  onFrame(message: Buffer): boolean | undefined;
  /** Told once for each refused frame or run of noise, in the order of the stream. Returns false to stop reading for now. */
  onRefused(refusal: Refusal): boolean | undefined;
}

export interface FrameReader {
  /** Reads on. Returns how many bytes of the chunk were read: all, unless a callback asked to stop; give the rest again later. */
  push(chunk: Buffer): number;
  /** Nothing came for a while: takes a frame that lacks only its CR and tells what noise is waiting to be told. */
  settle(): void;
  /** The stream has ended: as settle, and an unfinished frame is told as refused. */
  end(): void;
  /** True inside a frame. */
  readonly inFrame: boolean;
  /** Bytes held for an unfinished frame. */
  readonly heldBytes: number;
}

/** Makes a reader that turns any cutting of a byte stream into the same messages; holds at most about twice `frameBytesMax`. */
export function createFrameReader(options: FrameReaderOptions): FrameReader {
  return new Reader(options);
}

/** Puts a message into a frame. */
export function frameOf(message: Uint8Array): Buffer {
  const frame = Buffer.allocUnsafe(message.length + 3);
  frame[0] = VT;
  frame.set(message, 1);
  frame[message.length + 1] = FS;
  frame[message.length + 2] = CR;
  return frame;
}

const NOTHING = Buffer.alloc(0);

class Reader implements FrameReader {
  inFrame = false;
  readonly #options: FrameReaderOptions;
  readonly #max: number;
  /** The unfinished frame, when it lies over more than one chunk: grows by doubling, so a frame in single bytes is still linear work. */
  #held: Buffer = NOTHING;
  #size = 0;
  /** The last byte read was an FS of which we can't say yet whether it ends the frame. */
  #sawFs = false;
  #tooLarge = false;
  #noiseHead: Buffer = NOTHING;
  #noiseBytes = 0;
  #go = true;

  constructor(options: FrameReaderOptions) {
    this.#options = options;
    this.#max = options.frameBytesMax ?? 16 * 1024 * 1024;
  }

  get heldBytes(): number {
    return this.#held.length;
  }

  push(chunk: Buffer): number {
    this.#go = true;
    let at = 0;
    while (at < chunk.length && this.#go) {
      at = this.inFrame ? this.#readInside(chunk, at) : this.#readOutside(chunk, at);
    }
    return at;
  }

  settle(): void {
    if (this.inFrame && this.#sawFs) this.#finish(NOTHING);
    this.#tellNoise();
  }

  end(): void {
    this.settle();
    if (!this.inFrame) return;
    const head = this.#headOf(NOTHING);
    const bytes = this.#size;
    this.#reset();
    this.#refuse({ code: 'mllp.frame-unended', bytes, head });
  }

  /** From `at` to the next VT; what lies between is noise. */
  #readOutside(chunk: Buffer, at: number): number {
    const vt = chunk.indexOf(VT, at);
    const until = vt === -1 ? chunk.length : vt;
    if (until > at) this.#hearNoise(chunk, at, until);
    if (vt === -1) return chunk.length;
    // Told before the frame begins, so that the order of the stream holds; the VT is read again when the caller asked to stop.
    this.#tellNoise();
    if (!this.#go) return vt;
    this.inFrame = true;
    return vt + 1;
  }

  #readInside(chunk: Buffer, at: number): number {
    if (this.#sawFs) {
      this.#sawFs = false;
      const next = chunk[at];
      if (next === CR || next === VT) {
        this.#finish(NOTHING);
        return next === CR ? at + 1 : at;
      }
      this.#hold(Buffer.of(FS));
    }
    let from = at;
    for (;;) {
      const fs = chunk.indexOf(FS, from);
      if (fs === -1) {
        this.#hold(chunk.subarray(at));
        return chunk.length;
      }
      if (fs === chunk.length - 1) {
        this.#hold(chunk.subarray(at, fs));
        this.#sawFs = true;
        return chunk.length;
      }
      const next = chunk[fs + 1];
      if (next === CR || next === VT) {
        this.#finish(chunk.subarray(at, fs));
        return next === CR ? fs + 2 : fs + 1;
      }
      from = fs + 1;
    }
  }

  /** Adds to the unfinished frame. Past the limit only the head is kept and the rest counted. */
  #hold(piece: Buffer): void {
    const before = this.#size;
    this.#size += piece.length;
    if (this.#size > this.#max) {
      const had = this.#tooLarge ? this.#held : this.#held.subarray(0, Math.min(before, HEAD_BYTES));
      this.#tooLarge = true;
      if (had.length < HEAD_BYTES || had !== this.#held) {
        this.#held = Buffer.concat([had, piece.subarray(0, HEAD_BYTES - had.length)]);
      }
      return;
    }
    if (this.#size > this.#held.length) {
      const larger = Buffer.allocUnsafe(Math.max(this.#size, Math.min(this.#held.length * 2, this.#max), 4096));
      this.#held.copy(larger, 0, 0, before);
      this.#held = larger;
    }
    piece.copy(this.#held, before);
  }

  #headOf(last: Buffer): Buffer {
    const had = this.#held.subarray(0, Math.min(this.#size, this.#held.length, HEAD_BYTES));
    return Buffer.concat([had, last.subarray(0, HEAD_BYTES - had.length)]);
  }

  /** The frame is whole; `last` is its part in the present chunk. */
  #finish(last: Buffer): void {
    const bytes = this.#size + last.length;
    if (bytes > this.#max) {
      const head = this.#headOf(last);
      this.#reset();
      this.#refuse({ code: 'mllp.frame-too-large', bytes, head });
      return;
    }
    let message = last;
    if (this.#size > 0) {
      this.#hold(last);
      message = this.#held.subarray(0, this.#size);
    }
    this.#reset();
    const begin = lastUnendedBegin(message);
    if (begin > 0) {
      const head = Buffer.from(message.subarray(0, Math.min(begin - 1, HEAD_BYTES)));
      this.#refuse({ code: 'mllp.frame-unended', bytes: begin - 1, head });
      message = message.subarray(begin);
    }
    if (this.#options.onFrame(message) === false) this.#go = false;
  }

  #reset(): void {
    this.inFrame = false;
    this.#sawFs = false;
    this.#tooLarge = false;
    this.#size = 0;
    this.#held = NOTHING;
  }

  #hearNoise(chunk: Buffer, begin: number, end: number): void {
    let from = begin;
    if (this.#noiseBytes === 0) {
      while (from < end && (chunk[from] === CR || chunk[from] === LF)) from += 1;
      if (from === end) return;
    }
    this.#noiseBytes += end - from;
    if (this.#noiseHead.length < HEAD_BYTES) {
      const room = HEAD_BYTES - this.#noiseHead.length;
      this.#noiseHead = Buffer.concat([this.#noiseHead, chunk.subarray(from, Math.min(end, from + room))]);
    }
  }

  #tellNoise(): void {
    if (this.#noiseBytes === 0) return;
    const head = this.#noiseHead;
    const bytes = this.#noiseBytes;
    this.#noiseBytes = 0;
    this.#noiseHead = NOTHING;
    this.#refuse({ code: beginsMessage(head, 0) ? 'mllp.no-frame' : 'mllp.noise', bytes, head });
  }

  #refuse(refusal: Refusal): void {
    if (this.#options.onRefused(refusal) === false) this.#go = false;
  }
}

/** Position after the last `VT` that begins a message within what was taken for one frame; 0 where there is none. */
function lastUnendedBegin(message: Buffer): number {
  for (let vt = message.lastIndexOf(VT); vt >= 0; vt = vt === 0 ? -1 : message.lastIndexOf(VT, vt - 1)) {
    if (beginsMessage(message, vt + 1)) return vt + 1;
  }
  return 0;
}

/** Does a message or batch header (chapter 2.5, 2.10.3) stand here? */
function beginsMessage(bytes: Buffer, at: number): boolean {
  const name = bytes.toString('latin1', at, at + 3);
  return name === 'MSH' || name === 'FHS' || name === 'BHS';
}
