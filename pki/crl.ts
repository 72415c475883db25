/** Revocation lists (RFC 5280 5): issued complete and of version 2, read within bounds, and asked about one certificate. */
import { createPublicKey, sign, verify, type X509Certificate } from 'node:crypto';
import { MixError } from '../schemas/errors/index.ts';
import type { Authority } from './authority.ts';
import { keyIdOf, OID, publicKeyOf, readCertificate } from './certificate.ts';
import {
  type Asn1,
  bits,
  bytesOf,
  childrenOf,
  enumerated,
  firstOf,
  fromDer,
  implicit,
  integer,
  isBoolean,
  isConstructed,
  isContext,
  isInteger,
  isTime,
  octets,
  oid,
  oidOf,
  sequence,
  tagged,
  time,
  timeOf,
  toDer,
} from './der.ts';
import { KEY_USAGE } from './profiles.ts';
import { hashOf, signatureOf } from './signature-algorithm.ts';

/** Reasons by their number (RFC 5280 5.3.1); 7 is not used, 8 is for delta lists, which are not issued here. */
export const REVOCATION_REASONS = {
  unspecified: 0,
  'key-compromise': 1,
  'ca-compromise': 2,
  'affiliation-changed': 3,
  superseded: 4,
  'cessation-of-operation': 5,
  'certificate-hold': 6,
  'privilege-withdrawn': 9,
  'aa-compromise': 10,
} as const;
export type RevocationReason = keyof typeof REVOCATION_REASONS;

export interface RevokedCertificate {
  /** Upper-case hex, as `X509Certificate.serialNumber`. */
  serial: string;
  /** ms since the epoch. */
  at: number;
  reason: RevocationReason;
}

export interface CrlOrder {
  revoked: readonly RevokedCertificate[];
  /** Grows from list to list. */
  number: bigint;
  /** ms since the epoch. */
  now: number;
  /** When the next one will be there at the latest. Default 7. */
  days?: number;
}

export interface Crl {
  /** The issuer's name, DER. */
  issuer: Buffer;
  authorityKeyId?: Buffer;
  number?: bigint;
  /** ms since the epoch. */
  thisUpdate: number;
  nextUpdate?: number;
  revoked: Map<string, RevokedCertificate>;
  /** Something critical in it is not understood (a delta, an indirect or partial list). */
  understood: boolean;
  signatureAlgorithm: string;
  /** What is signed. */
  body: Buffer;
  signature: Buffer;
}

const DAY_MS = 86_400_000;
/** Largest list, bytes: about 100,000 entries. */
const CRL_BYTES_MAX = 4 * 1024 * 1024;
const CRL_NUMBER = '2.5.29.20';
const REASON_CODE = '2.5.29.21';
const INVALIDITY_DATE = '2.5.29.24';
/** A list whose clock is a little ahead of ours is of now. */
const CLOCK_SKEW_MS = 5 * 60_000;

/**
 * Issues a list of what an authority revoked, DER. Throws `certificate.lifetime`.
 *
 *     issueCrl(ca, { revoked: [{ serial, at, reason: 'key-compromise' }], number: 1n, now: Date.now() });
 */
export function issueCrl(authority: Authority, order: CrlOrder): Buffer {
  const days = order.days ?? 7;
  if (!(days > 0 && days <= 397)) throw new MixError('certificate.lifetime', { detail: '1 to 397 days' });
  const facts = readCertificate(authority.certificate);
  const { hash, identifier } = signatureOf(authority.key);
  const keyId = facts.subjectKeyId ?? keyIdOf(createPublicKey(authority.key));
  const body = sequence(
    integer(Buffer.of(1)),
    identifier(),
    facts.subject,
    time(order.now),
    time(order.now + days * DAY_MS),
    ...(order.revoked.length === 0 ? [] : [sequence(...order.revoked.map(writeEntry))]),
    tagged(
      0,
      sequence(
        sequence(oid(OID.authorityKeyId), octets(toDer(sequence(implicit(0, keyId))))),
        sequence(oid(CRL_NUMBER), octets(toDer(integer(bytesOfNumber(order.number))))),
      ),
    ),
  );
  const signature = sign(hash, toDer(body), { key: authority.key, dsaEncoding: 'der' });
  return toDer(sequence(body, identifier(), bits(signature)));
}

function writeEntry({ serial, at, reason }: RevokedCertificate): Asn1 {
  if (!/^([0-9A-F]{2}){1,20}$/.test(serial)) throw new MixError('certificate.subject', { place: 'serial' });
  const code = REVOCATION_REASONS[reason];
  const head = [integer(Buffer.from(serial, 'hex')), time(at)];
  // RFC 5280 5.3.1: a reason that says nothing is left out.
  if (code === 0) return sequence(...head);
  return sequence(...head, sequence(sequence(oid(REASON_CODE), octets(toDer(enumerated(code))))));
}

function bytesOfNumber(number: bigint): Buffer {
  const hex = number.toString(16);
  return Buffer.from(hex.length % 2 === 0 ? hex : `0${hex}`, 'hex');
}

/** PEM of a list, with the label that OpenSSL reads (RFC 7468 6). */
export function pemOfCrl(der: Buffer): string {
  const lines = der.toString('base64').match(/.{1,64}/g) ?? [];
  return `-----BEGIN X509 CRL-----\n${lines.join('\n')}\n-----END X509 CRL-----\n`;
}

/** Every list of a file, DER (one) or PEM (one or many). Throws `crl.malformed`. */
export function readCrls(bytes: Uint8Array): Crl[] {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, Math.min(bytes.length, 3 * CRL_BYTES_MAX)).toString(
    'latin1',
  );
  if (!text.includes('-----BEGIN')) return [readCrl(bytes)];
  const blocks = [...text.matchAll(/-----BEGIN X509 CRL-----([A-Za-z0-9+/=\s]*)-----END X509 CRL-----/g)];
  if (blocks.length === 0) throw new MixError('crl.malformed', { detail: 'no list in the PEM text' });
  return blocks.map((block) => readCrl(Buffer.from(block[1]!, 'base64')));
}

/** One list from its DER; its signature is not judged yet. Throws `crl.malformed`. */
export function readCrl(der: Uint8Array): Crl {
  try {
    return readList(Buffer.from(der));
  } catch (cause) {
    const detail = cause instanceof MixError ? cause.fault.detail : undefined;
    throw new MixError('crl.malformed', { ...(detail === undefined ? {} : { detail }) });
  }
}

function readList(der: Buffer): Crl {
  const [body, algorithm, signature] = childrenOf(fromDer(der, CRL_BYTES_MAX));
  const fields = childrenOf(body);
  // Version is optional: lists of version 1 have none, and no extensions.
  let at = fields[0] && isInteger(fields[0]) ? 1 : 0;
  const signatureAlgorithm = oidOf(childrenOf(fields[at++])[0]);
  if (oidOf(childrenOf(algorithm)[0]) !== signatureAlgorithm) throw malformed('two signature algorithms');
  const issuer = toDer(fields[at++] ?? sequence());
  const thisUpdate = timeOf(fields[at++]);
  const nextUpdate = fields[at] && isTime(fields[at]!) ? timeOf(fields[at++]) : undefined;
  const crl: Crl = {
    issuer,
    thisUpdate,
    revoked: new Map(),
    understood: true,
    signatureAlgorithm,
    body: firstOf(der),
    signature: bytesOf(signature).subarray(1),
  };
  if (nextUpdate !== undefined) crl.nextUpdate = nextUpdate;
  const entries = fields[at];
  if (entries && !isContext(entries, 0)) {
    for (const entry of childrenOf(entries)) readEntry(entry, crl);
    at += 1;
  }
  const block = fields[at];
  if (block && isContext(block, 0)) for (const one of childrenOf(childrenOf(block)[0])) readExtension(one, crl);
  return crl;
}

function malformed(detail: string): MixError {
  return new MixError('crl.malformed', { detail });
}

function readEntry(entry: Asn1, crl: Crl): void {
  const [serial, at, extensions] = childrenOf(entry);
  const number = bytesOf(serial);
  // As node:crypto writes serial numbers: without the byte that only keeps the sign.
  const hex = (number.length > 1 && number[0] === 0 ? number.subarray(1) : number).toString('hex').toUpperCase();
  let reason: RevocationReason = 'unspecified';
  for (const one of extensions && isConstructed(extensions) ? childrenOf(extensions) : []) {
    const { id, critical, value } = partsOf(one);
    if (id === REASON_CODE) reason = reasonOf(bytesOf(fromDer(value))[0] ?? 0);
    else if (critical && id !== INVALIDITY_DATE) crl.understood = false;
  }
  crl.revoked.set(hex, { serial: hex, at: timeOf(at), reason });
}

function reasonOf(code: number): RevocationReason {
  const found = Object.entries(REVOCATION_REASONS).find(([, number]) => number === code);
  return (found?.[0] as RevocationReason | undefined) ?? 'unspecified';
}

function readExtension(extension: Asn1, crl: Crl): void {
  const { id, critical, value } = partsOf(extension);
  if (id === OID.authorityKeyId) {
    const key = childrenOf(fromDer(value)).find((part) => isContext(part, 0));
    if (key) crl.authorityKeyId = bytesOf(key);
  } else if (id === CRL_NUMBER) {
    crl.number = BigInt(`0x${bytesOf(fromDer(value)).toString('hex') || '0'}`);
  } else if (critical) {
    crl.understood = false;
  }
}

function partsOf(extension: Asn1): { id: string; critical: boolean; value: Buffer } {
  const parts = childrenOf(extension);
  const flag = parts[1] && isBoolean(parts[1]) ? parts[1] : undefined;
  return {
    id: oidOf(parts[0]),
    critical: flag !== undefined && bytesOf(flag)[0] !== 0,
    value: bytesOf(parts.at(-1)),
  };
}

/** What lists say of a certificate; `unknown` where one should tell and can not be relied upon. */
export type Status =
  | { is: 'not-told' }
  | { is: 'good' }
  | { is: 'revoked'; entry: RevokedCertificate }
  | { is: 'unknown'; detail: string };

/**
 * What the newest good list of `issuer` says of `certificate` at a time. Fails closed: where there are lists of this issuer and none is well
 * signed, understood and fresh, the answer is `unknown`; where there is none at all, `not-told` (RFC 5280 6.3).
 */
export function statusOf(
  certificate: X509Certificate,
  issuer: X509Certificate,
  crls: readonly Crl[],
  at: number,
): Status {
  const facts = readCertificate(issuer);
  const name = toDer(facts.subject);
  const own = crls.filter(
    (crl) =>
      crl.issuer.equals(name) &&
      (crl.authorityKeyId === undefined || !facts.subjectKeyId || crl.authorityKeyId.equals(facts.subjectKeyId)),
  );
  if (own.length === 0) return { is: 'not-told' };
  const good = own.filter((crl) => crl.understood && crl.thisUpdate <= at + CLOCK_SKEW_MS && isSignedBy(crl, issuer));
  const newest = good.reduce<Crl | undefined>((best, crl) => (best && isNewer(best, crl) ? best : crl), undefined);
  if (newest === undefined)
    return { is: 'unknown', detail: 'the revocation list is not well signed or not understood' };
  const entry = newest.revoked.get(certificate.serialNumber);
  if (entry) return { is: 'revoked', entry };
  if (newest.nextUpdate === undefined || newest.nextUpdate < at)
    return { is: 'unknown', detail: 'the revocation list is stale' };
  return { is: 'good' };
}

function isNewer(one: Crl, other: Crl): boolean {
  if (one.number !== undefined && other.number !== undefined && one.number !== other.number)
    return one.number > other.number;
  return one.thisUpdate > other.thisUpdate;
}

/** Verdicts by the issuer's certificate; lists are checked once, not with each chain. */
const verdicts = new WeakMap<Crl, Map<string, boolean>>();
const VERDICTS_MAX = 16;

function isSignedBy(crl: Crl, issuer: X509Certificate): boolean {
  const known = verdicts.get(crl) ?? new Map<string, boolean>();
  verdicts.set(crl, known);
  const told = known.get(issuer.fingerprint256);
  if (told !== undefined) return told;
  const holds = checkSignature(crl, issuer);
  if (known.size >= VERDICTS_MAX) known.clear();
  known.set(issuer.fingerprint256, holds);
  return holds;
}

function checkSignature(crl: Crl, issuer: X509Certificate): boolean {
  const usage = readCertificate(issuer).keyUsage;
  const key = publicKeyOf(issuer);
  const hash = hashOf(crl.signatureAlgorithm, key);
  if (!key || hash === undefined || (usage && !usage.has(KEY_USAGE.crlSign))) return false;
  try {
    return verify(hash, crl.body, { key, dsaEncoding: 'der' }, crl.signature);
  } catch {
    return false;
  }
}
