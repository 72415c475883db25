/** Bodies of nodes: counted while they come, checked for depth and size before they are parsed, and for names that would bend our objects after. */
import { isUtf8 } from 'node:buffer';
import type { IncomingMessage } from 'node:http';
import { type FaultCode, MixError } from '../../schemas/errors/index.ts';

/** Deepest nesting of objects and lists; FHIR resources seen in exchange stay under 20. */
const DEPTH_MAX = 64;
/** Most values of one body: what costs memory is their number, not their bytes. */
const VALUES_MAX = 1_000_000;
/** V8 makes no string that is longer. */
export const TEXT_BYTES_MAX = 500 * 1024 * 1024;

/** Bytes that are being read for all nodes together. */
export interface HeldBytes {
  /** False when there is no room for that many more. */
  take(bytes: number): boolean;
  give(bytes: number): void;
}

export function createHeldBytes(max: number): HeldBytes {
  let held = 0;
  return {
    take(bytes) {
      if (held + bytes > max) return false;
      held += bytes;
      return true;
    },
    give(bytes) {
      held -= bytes;
    },
  };
}

/**
 * Reads a body of at most `max` bytes. Throws `tooLarge` as soon as Content-Length or the count passes it, `exchange.busy` when all bodies
 * together pass their limit; `begin` is called once the length told is known to be within. What still comes is thrown away unread, so that the sender hears the answer.
 */
export async function readBody(
  stream: IncomingMessage,
  options: { max: number; held: HeldBytes; tooLarge: FaultCode; begin?: () => void },
): Promise<Buffer> {
  const { max, held } = options;
  const tooLarge = () =>
    new MixError(options.tooLarge, { place: 'http.content-length', detail: `at most ${max} bytes` });
  if (Number(stream.headers['content-length'] ?? 0) > max) throw tooLarge();
  options.begin?.();
  let size = 0;
  const chunks: Buffer[] = [];
  try {
    await new Promise<void>((resolve, reject) => {
      const stop = (error: MixError): void => {
        stream.off('data', take);
        stream.resume();
        reject(error);
      };
      const take = (chunk: Buffer): void => {
        if (size + chunk.length > max) {
          stop(tooLarge());
        } else if (!held.take(chunk.length)) {
          stop(new MixError('exchange.busy'));
        } else {
          size += chunk.length;
          chunks.push(chunk);
        }
      };
      stream.on('data', take);
      stream.once('end', resolve);
      stream.once('error', (cause) => reject(new MixError('http.bad-input', { place: 'body', cause })));
      stream.once('close', () => reject(new MixError('http.bad-input', { place: 'body', detail: 'ended early' })));
    });
    return Buffer.concat(chunks, size);
  } finally {
    held.give(size);
  }
}

/**
 * The value of a JSON body. Throws `exchange.malformed` (not JSON, too deep, too many values, a name such as `__proto__`) and
 * `exchange.document-too-large` with the place of a text that is longer than `textMax` characters.
 */
export function readJson(bytes: Buffer, textMax: number): unknown {
  if (!isUtf8(bytes)) throw new MixError('exchange.malformed', { detail: 'not UTF-8' });
  checkNesting(bytes);
  let value: unknown;
  try {
    value = JSON.parse(bytes.toString('utf8'));
  } catch {
    // The cause is left out: it quotes the text.
    throw new MixError('exchange.malformed', { detail: 'not JSON' });
  }
  const fault = findFault(value, textMax);
  if (fault !== undefined) throw new MixError(fault.code, { place: rootOf(value) + fault.place, detail: fault.detail });
  return value;
}

const [QUOTE, BACKSLASH, COMMA] = [0x22, 0x5c, 0x2c];
const [BRACE, BRACE_END, BRACKET, BRACKET_END] = [0x7b, 0x7d, 0x5b, 0x5d];

/** Before parsing, since what is parsed already costs; long texts are passed over by a native search. */
function checkNesting(bytes: Buffer): void {
  let depth = 0;
  let values = 0;
  for (let at = 0; at < bytes.length; at += 1) {
    const byte = bytes[at];
    if (byte === QUOTE) {
      at = endOfText(bytes, at);
    } else if (byte === BRACE || byte === BRACKET) {
      depth += 1;
      values += 1;
      if (depth > DEPTH_MAX) throw new MixError('exchange.malformed', { detail: `deeper than ${DEPTH_MAX}` });
    } else if (byte === BRACE_END || byte === BRACKET_END) {
      depth -= 1;
    } else if (byte === COMMA) {
      values += 1;
    }
    if (values > VALUES_MAX) throw new MixError('exchange.malformed', { detail: `more than ${VALUES_MAX} values` });
  }
}

/** Where the text that begins at `from` ends; the end of the bytes where it does not. */
function endOfText(bytes: Buffer, from: number): number {
  for (let end = bytes.indexOf(QUOTE, from + 1); end !== -1; end = bytes.indexOf(QUOTE, end + 1)) {
    let slashes = 0;
    while (bytes[end - 1 - slashes] === BACKSLASH) slashes += 1;
    if (slashes % 2 === 0) return end;
  }
  return bytes.length;
}

interface Found {
  code: 'exchange.malformed' | 'exchange.document-too-large';
  place: string;
  detail: string;
}

/** Depth is bounded by {@link checkNesting}. */
function findFault(value: unknown, textMax: number): Found | undefined {
  if (typeof value === 'string') {
    if (value.length <= textMax) return undefined;
    return { code: 'exchange.document-too-large', place: '', detail: `at most ${textMax} characters` };
  }
  if (typeof value !== 'object' || value === null) return undefined;
  for (const [key, member] of Object.entries(value)) {
    if (key === '__proto__' || (key === 'constructor' && typeof member === 'object' && member !== null))
      return { code: 'exchange.malformed', place: '', detail: 'a name that is not one of FHIR' };
    const found = findFault(member, textMax);
    if (found) return { ...found, place: (Array.isArray(value) ? `[${key}]` : placeName(key)) + found.place };
  }
  return undefined;
}

/** Names of foreign members are not told: they could be anything. */
function placeName(key: string): string {
  return /^[A-Za-z]{1,40}$/.test(key) ? `.${key}` : '.?';
}

function rootOf(value: unknown): string {
  const type = typeof value === 'object' && value !== null && 'resourceType' in value ? value.resourceType : undefined;
  return typeof type === 'string' && /^[A-Z][A-Za-z]{1,40}$/.test(type) ? type : 'body';
}
