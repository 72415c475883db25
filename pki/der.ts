/**
 * DER as it is written for certificates (ITU-T X.690), on node-forge's asn1. Forge keeps bytes as binary strings; this page is where they become
 * Buffers. What others wrote is read by `path/read-der.ts`.
 */
import { isIPv4, isIPv6 } from 'node:net';
import forge from 'node-forge';
import { MixError } from '../schemas/errors/index.ts';

export type Asn1 = forge.asn1.Asn1;
const { asn1 } = forge;
const UNIVERSAL = asn1.Class.UNIVERSAL;
const CONTEXT = asn1.Class.CONTEXT_SPECIFIC;

// The types know only an older form of the second argument. Bit strings stay bytes: forge would guess structures into them.
const READING = { strict: true, parseAllBytes: true, decodeBitStrings: false };

/** Largest DER that is read, in bytes. */
const DER_BYTES_MAX = 65_536;

export function sequence(...items: Asn1[]): Asn1 {
  return asn1.create(UNIVERSAL, asn1.Type.SEQUENCE, true, items);
}

export function set(...items: Asn1[]): Asn1 {
  return asn1.create(UNIVERSAL, asn1.Type.SET, true, items);
}

export function oid(dotted: string): Asn1 {
  return asn1.create(UNIVERSAL, asn1.Type.OID, false, asn1.oidToDer(dotted).getBytes());
}

/** An INTEGER from its big-endian bytes; a zero byte goes before a set sign bit, so that it never turns negative. */
export function integer(bytes: Uint8Array): Asn1 {
  const from = bytes.findIndex((byte) => byte !== 0);
  const body = from < 0 ? Buffer.of(0) : Buffer.from(bytes.subarray(from));
  const signed = body[0]! & 0x80 ? Buffer.concat([Buffer.of(0), body]) : body;
  return asn1.create(UNIVERSAL, asn1.Type.INTEGER, false, signed.toString('latin1'));
}

export function boolean(value: boolean): Asn1 {
  return asn1.create(UNIVERSAL, asn1.Type.BOOLEAN, false, value ? '\xff' : '\x00');
}

export function nothing(): Asn1 {
  return asn1.create(UNIVERSAL, asn1.Type.NULL, false, '');
}

export function octets(bytes: Uint8Array): Asn1 {
  return asn1.create(UNIVERSAL, asn1.Type.OCTETSTRING, false, Buffer.from(bytes).toString('latin1'));
}

/** A BIT STRING; `unused` counts the bits at the end that do not belong to it. */
export function bits(bytes: Uint8Array, unused = 0): Asn1 {
  return asn1.create(
    UNIVERSAL,
    asn1.Type.BITSTRING,
    false,
    String.fromCharCode(unused) + Buffer.from(bytes).toString('latin1'),
  );
}

export function utf8(text: string): Asn1 {
  return asn1.create(UNIVERSAL, asn1.Type.UTF8, false, Buffer.from(text, 'utf8').toString('latin1'));
}

export function printable(text: string): Asn1 {
  return asn1.create(UNIVERSAL, asn1.Type.PRINTABLESTRING, false, text);
}

export function enumerated(number: number): Asn1 {
  return asn1.create(UNIVERSAL, asn1.Type.ENUMERATED, false, String.fromCharCode(number));
}

/** UTCTime to 2049, GeneralizedTime from 2050 (RFC 5280 4.1.2.5); seconds, never fractions. */
export function time(ms: number): Asn1 {
  const date = new Date(ms);
  return date.getUTCFullYear() < 2050
    ? asn1.create(UNIVERSAL, asn1.Type.UTCTIME, false, asn1.dateToUtcTime(date) as unknown as string)
    : asn1.create(UNIVERSAL, asn1.Type.GENERALIZEDTIME, false, asn1.dateToGeneralizedTime(date) as unknown as string);
}

/** A context tag around other values. */
export function tagged(number: number, ...items: Asn1[]): Asn1 {
  return asn1.create(CONTEXT, number as forge.asn1.Type, true, items);
}

/** A context tag in place of a primitive value's own. */
export function implicit(number: number, bytes: Uint8Array): Asn1 {
  return asn1.create(CONTEXT, number as forge.asn1.Type, false, Buffer.from(bytes).toString('latin1'));
}

export function toDer(value: Asn1): Buffer {
  return Buffer.from(asn1.toDer(value).getBytes(), 'latin1');
}

/** Reads DER. Throws `certificate.malformed` on anything that is not one whole value of at most `bytesMax` (64 KiB). */
export function fromDer(bytes: Uint8Array, bytesMax = DER_BYTES_MAX): Asn1 {
  if (bytes.length > bytesMax) throw new MixError('certificate.malformed', { detail: `more than ${bytesMax} bytes` });
  try {
    return asn1.fromDer(Buffer.from(bytes).toString('latin1'), READING as unknown as boolean);
  } catch {
    throw new MixError('certificate.malformed', { detail: 'not DER' });
  }
}

/** The 4 or 16 bytes of an IP address (RFC 5280 4.2.1.6). Throws `certificate.subject`. */
export function addressBytes(text: string): Buffer {
  if (isIPv4(text)) return Buffer.from(text.split('.').map(Number));
  if (!isIPv6(text) || text.includes('%'))
    throw new MixError('certificate.subject', { place: 'subjectAltName', detail: 'not an IP address' });
  // An IPv4 tail (::ffff:192.0.2.1) becomes two groups first.
  const tail = /^(.*:)(\d+\.\d+\.\d+\.\d+)$/.exec(text);
  const plain = tail
    ? tail[1]! +
      addressBytes(tail[2]!)
        .toString('hex')
        .replace(/^(.{4})/, '$1:')
    : text;
  const [left = '', right] = plain.split('::');
  const groups = (part: string): string[] => (part === '' ? [] : part.split(':'));
  const before = groups(left);
  const after = right === undefined ? [] : groups(right);
  const middle = new Array<string>(right === undefined ? 0 : 8 - before.length - after.length).fill('0');
  return Buffer.from([...before, ...middle, ...after].map((group) => group.padStart(4, '0')).join(''), 'hex');
}
