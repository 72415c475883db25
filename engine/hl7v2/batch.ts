/** Files of many messages, with or without batch and file envelopes (HL7 v2.8.2 chapter 2.10.3). */
import type { Fault } from '../../schemas/errors/index.ts';

/** Messages that one file may hold. */
export const batchMessagesMax = 1_000_000;
const faultsMax = 100;
/** Batches of a file that are told apart; what comes after belongs to the last. */
const batchesMax = 1_000;
/** Longest text of an envelope's header that is kept. */
const headerBytesMax = 4_096;

/** One message of a file. `bytes` is a view into the file, with the line end of its last segment and without blank lines after it. */
export interface BatchPart {
  /** 0-based position among the messages. */
  index: number;
  /** Offset of its first byte in the file. */
  offset: number;
  bytes: Buffer;
}

export interface Batch {
  messages: BatchPart[];
  /** Text of the first FHS, byte for byte (latin1); '' where there is none. */
  fileHeader: string;
  /** The batches, and the runs of messages that stand in none: text of the BHS ('' where there is none) and position of the first message. */
  batches: { header: string; first: number }[];
  /** Is there at least one FHS or BHS? */
  enveloped: boolean;
  /** Count mismatches (BTS-1, FTS-1). All warnings: what is there is taken. */
  faults: Fault[];
}

/** What begins at a line: a message, an envelope segment, or a further line of what stands before. */
type LineKind = 'MSH' | 'FHS' | 'BHS' | 'BTS' | 'FTS' | undefined;

/**
 * Splits a file into its messages: a message begins with each MSH at the beginning of a line and ends before the next MSH or envelope
 * segment. Text that belongs to no message is given as a message of its own, to be refused by the parser: nothing vanishes.
 * A single message gives itself. Line ends may be CR, LF or CRLF; MLLP's VT and FS may stand between. Never throws.
 */
export function splitBatch(file: Buffer | string): Batch {
  const bytes = typeof file === 'string' ? Buffer.from(file, 'utf8') : file;
  const wide = (bytes[0] === 0xff && bytes[1] === 0xfe) || (bytes[0] === 0xfe && bytes[1] === 0xff);
  if (wide) {
    const batches = [{ header: '', first: 0 }];
    return { messages: [{ index: 0, offset: 0, bytes }], fileHeader: '', batches, enveloped: false, faults: [] };
  }
  const splitter = new Splitter(bytes);
  let at = bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf ? 3 : 0;
  // A byte order mark belongs to the first message.
  splitter.begin(0);
  let nextCr = bytes.indexOf(13, at);
  let nextLf = bytes.indexOf(10, at);
  while (at < bytes.length) {
    const textStart = skipFraming(bytes, at);
    const kind = kindOfLine(bytes, textStart);
    if (nextCr !== -1 && nextCr < at) nextCr = bytes.indexOf(13, at);
    if (nextLf !== -1 && nextLf < at) nextLf = bytes.indexOf(10, at);
    let end = nextCr === -1 ? nextLf : nextLf === -1 ? nextCr : Math.min(nextCr, nextLf);
    if (end === -1) end = bytes.length;
    const next = Math.min(bytes.length, end + (bytes[end] === 13 && bytes[end + 1] === 10 ? 2 : 1));
    splitter.line(kind, textStart, end, next);
    at = next;
  }
  return splitter.finish();
}

/** VT, FS and blanks that may stand before a segment between messages. */
function skipFraming(bytes: Buffer, at: number): number {
  let start = at;
  while (
    start < bytes.length &&
    (bytes[start] === 11 || bytes[start] === 28 || bytes[start] === 32 || bytes[start] === 9)
  )
    start += 1;
  return start;
}

function kindOfLine(bytes: Buffer, at: number): LineKind {
  const first = bytes[at];
  if (first !== 77 && first !== 70 && first !== 66) return undefined;
  const name = bytes.toString('latin1', at, at + 3);
  const separator = bytes[at + 3];
  // MSHX or MSH1 is no header: what follows the name must part fields, or end the line of a trailer.
  const ends = separator === undefined || separator === 13 || separator === 10;
  if (!ends && /[A-Za-z0-9 ]/.test(String.fromCharCode(separator))) return undefined;
  if (name === 'BTS' || name === 'FTS') return name;
  if (name === 'MSH' || name === 'FHS' || name === 'BHS') return ends ? undefined : name;
  return undefined;
}

class Splitter {
  readonly #bytes: Buffer;
  readonly #messages: BatchPart[] = [];
  readonly #faults: Fault[] = [];
  readonly #groups: Batch['batches'] = [];
  #fileHeader = '';
  #inBatch = false;
  #enveloped = false;
  /** Offset where the part being gathered began; -1 while none is. */
  #start = -1;
  /** End of its last line that is not blank. */
  #end = -1;
  #headed = false;
  #messagesInBatch = 0;
  #batches = 0;
  #batchTrailers = 0;
  #fileTrailers = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  /** A part may begin here; it is one only when a line that is not blank follows. */
  begin(offset: number): void {
    this.#start = offset;
    this.#end = -1;
    this.#headed = false;
  }

  line(kind: LineKind, textStart: number, end: number, next: number): void {
    if (kind === undefined) {
      if (isBlank(this.#bytes, textStart, end)) return;
      if (this.#start === -1) this.begin(textStart);
      this.#end = next;
      return;
    }
    // The mark before the first header stays with it.
    const markFirst = this.#start === 0 && this.#end === -1 && this.#bytes[0] === 0xef;
    this.#close();
    if (kind === 'MSH') {
      this.begin(markFirst ? 0 : textStart);
      this.#headed = true;
      this.#end = next;
    } else this.#envelope(kind, this.#bytes.toString('latin1', textStart, Math.min(end, textStart + headerBytesMax)));
  }

  #envelope(kind: 'FHS' | 'BHS' | 'BTS' | 'FTS', line: string): void {
    if (kind === 'FHS') {
      this.#enveloped = true;
      this.#fileHeader ||= line;
      this.#inBatch = false;
      this.#batches = 0;
    } else if (kind === 'BHS') {
      this.#enveloped = true;
      this.#messagesInBatch = 0;
      this.#batches += 1;
      this.#group(line);
    } else if (kind === 'BTS') {
      this.#inBatch = false;
      this.#batchTrailers += 1;
      this.#compare('BTS', this.#batchTrailers, line, this.#messagesInBatch);
      this.#messagesInBatch = 0;
    } else {
      this.#inBatch = false;
      this.#fileTrailers += 1;
      this.#compare('FTS', this.#fileTrailers, line, this.#batches);
      this.#batches = 0;
    }
  }

  #group(header: string): void {
    if (this.#groups.length < batchesMax) this.#groups.push({ header, first: this.#messages.length });
    this.#inBatch = true;
  }

  #compare(name: string, nth: number, line: string, found: number): void {
    const declared = /^\s*(\d{1,9})\s*$/.exec(line.split(line.charAt(3) || '|')[1] ?? '')?.[1];
    if (declared === undefined || Number(declared) === found || this.#faults.length >= faultsMax) return;
    const place = nth === 1 ? `${name}-1` : `${name}[${nth}]-1`;
    this.#faults.push({ code: 'hl7v2.batch-count', place, detail: `declared ${Number(declared)}, found ${found}` });
  }

  #close(): void {
    if (this.#start !== -1 && this.#end !== -1 && this.#messages.length < batchMessagesMax) {
      const end = withoutFrameEnd(this.#bytes, this.#start, this.#end);
      if (!this.#inBatch) this.#group('');
      this.#messages.push({
        index: this.#messages.length,
        offset: this.#start,
        bytes: this.#bytes.subarray(this.#start, end),
      });
      if (this.#headed) this.#messagesInBatch += 1;
    }
    this.#start = -1;
    this.#end = -1;
  }

  finish(): Batch {
    this.#close();
    return {
      messages: this.#messages,
      fileHeader: this.#fileHeader,
      batches: this.#groups,
      enveloped: this.#enveloped,
      faults: this.#faults,
    };
  }
}

function isBlank(bytes: Buffer, start: number, end: number): boolean {
  for (let at = start; at < end; at += 1) {
    const byte = bytes[at]!;
    if (byte !== 32 && byte !== 9 && byte !== 11 && byte !== 28) return false;
  }
  return true;
}

/** An FS (and the CR after it) that ended an MLLP frame is no part of the message. */
function withoutFrameEnd(bytes: Buffer, start: number, end: number): number {
  let last = end;
  while (last > start && (bytes[last - 1] === 13 || bytes[last - 1] === 10)) last -= 1;
  if (last === start || bytes[last - 1] !== 28) return end;
  while (last > start && bytes[last - 1] === 28) last -= 1;
  return last;
}
