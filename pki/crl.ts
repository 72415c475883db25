/** Revocation lists (RFC 5280 5): issued complete and of version 2, and asked about one certificate. They are read by `path/read-crl.ts`. */
import { createPublicKey, sign, type X509Certificate } from 'node:crypto';
import { MixError } from '../schemas/errors/index.ts';
import type { Authority } from './authority.ts';
import { keyIdOf, OID, parsedOf, readCertificate } from './certificate.ts';
import { type Asn1, bits, enumerated, implicit, integer, octets, oid, sequence, tagged, time, toDer } from './der.ts';
import { type CertificateStatus, checkStatus } from './path/check-status.ts';
import { keyOf } from './path/parse-certificate.ts';
import { type Crl, REVOCATION_REASONS, type RevokedCertificate } from './path/read-crl.ts';
import { signatureOf } from './signature-algorithm.ts';

export interface CrlOrder {
  revoked: readonly RevokedCertificate[];
  /** Grows from list to list. */
  number: bigint;
  /** ms since the epoch. */
  now: number;
  /** When the next one will be there at the latest. Default 7. */
  days?: number;
}

const DAY_MS = 86_400_000;
const CRL_NUMBER = '2.5.29.20';
const REASON_CODE = '2.5.29.21';

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

/**
 * What the newest good list of `issuer` says of `certificate` at a time. Fails closed: where there are lists of this issuer and none is well
 * signed, understood and fresh, the answer is `unknown`; where there is none at all, `not-told` (RFC 5280 6.3). Throws `certificate.malformed`.
 */
export function statusOf(
  certificate: X509Certificate,
  issuer: X509Certificate,
  crls: readonly Crl[],
  at: number,
): CertificateStatus {
  const above = parsedOf(issuer);
  return checkStatus(
    parsedOf(certificate),
    { certificate: above, key: keyOf(above) },
    {
      crls,
      demands: { at, strictness: 'exchange' },
      signersNamed: () => [],
      isOver: () => false,
      isTrusted: () => false,
    },
  );
}
