/** What a certificate of node:crypto says (RFC 5280 4.2), read by the reader of path validation: there is only one. */
import { createHash, type KeyObject, X509Certificate } from 'node:crypto';
import { MixError } from '../schemas/errors/index.ts';
import { type Asn1, fromDer } from './der.ts';
import { type ParsedCertificate, parseCertificate } from './path/parse-certificate.ts';
import { Fields, readDer, TAG } from './path/read-der.ts';
import { wholeBytesOf } from './path/read-extensions.ts';

export interface CertificateFacts {
  /** Upper-case hex. */
  serial: string;
  /** OID of the signature algorithm. */
  signatureAlgorithm: string;
  /** The subject's DER, to be put as issuer into what it signs, byte for byte. */
  subject: Asn1;
  ca: boolean;
  /** Authorities that may follow below; absent when not limited. */
  pathLength?: number;
  /** Bits of KeyUsage by number (0 digitalSignature, 1 contentCommitment, 5 keyCertSign, 6 cRLSign); absent without the extension. */
  keyUsage?: Set<number>;
  /** OIDs of ExtKeyUsage; absent without the extension. */
  purposes?: string[];
  subjectKeyId?: Buffer;
  authorityKeyId?: Buffer;
  /** URIs of SubjectAltName. */
  uris: string[];
  /** Every critical extension by OID. */
  critical: string[];
}

export const OID = {
  subjectKeyId: '2.5.29.14',
  keyUsage: '2.5.29.15',
  subjectAltName: '2.5.29.17',
  basicConstraints: '2.5.29.19',
  authorityKeyId: '2.5.29.35',
  extKeyUsage: '2.5.29.37',
} as const;

const parsed = new WeakMap<X509Certificate, ParsedCertificate>();

/** A certificate of node:crypto as path validation reads it; read once and kept with the object. Throws `certificate.malformed`. */
export function parsedOf(certificate: X509Certificate): ParsedCertificate {
  const known = parsed.get(certificate);
  if (known !== undefined) return known;
  const read = parseCertificate(certificate.raw);
  parsed.set(certificate, read);
  return read;
}

const facts = new WeakMap<X509Certificate, CertificateFacts>();

/** Facts of a certificate; read once and kept with the object. Throws `certificate.malformed`. */
export function readCertificate(certificate: X509Certificate): CertificateFacts {
  const known = facts.get(certificate);
  if (known) return known;
  const all = parsedOf(certificate);
  if (all.version !== 3) throw new MixError('certificate.malformed', { detail: 'not version 3' });
  const read: CertificateFacts = {
    serial: certificate.serialNumber,
    signatureAlgorithm: all.algorithm.id,
    subject: fromDer(all.subject.der),
    ca: all.ca,
    uris: (all.altNames ?? []).flatMap((name) => (name.form === 'uri' ? [name.text] : [])),
    critical: [...all.extensions].flatMap(([id, { critical }]) => (critical ? [id] : [])),
  };
  if (all.pathLength !== undefined) read.pathLength = all.pathLength;
  if (all.keyUsage !== undefined) read.keyUsage = all.keyUsage;
  if (all.purposes !== undefined) read.purposes = all.purposes;
  if (all.subjectKeyId !== undefined) read.subjectKeyId = all.subjectKeyId;
  if (all.authorityKeyId?.keyId !== undefined) read.authorityKeyId = all.authorityKeyId.keyId;
  facts.set(certificate, read);
  return read;
}

/** The public key, or undefined when its bytes make none (node:crypto reads it only when asked, and throws then). */
export function publicKeyOf(certificate: X509Certificate): KeyObject | undefined {
  try {
    return certificate.publicKey;
  } catch {
    return undefined;
  }
}

/** Key identifier: leftmost 160 bits of the SHA-256 of the public key bits (RFC 7093 2, method 1). */
export function keyIdOf(publicKey: KeyObject): Buffer {
  const spki = new Fields(readDer(publicKey.export({ type: 'spki', format: 'der' })), 'a public key');
  spki.next(TAG.sequence);
  return createHash('sha256')
    .update(wholeBytesOf(spki.next(TAG.bitString)))
    .digest()
    .subarray(0, 20);
}

/** Most certificates that one PEM text may hold. */
const PEM_CERTIFICATES_MAX = 1_000;

/** Every certificate of a PEM text, in order. Throws `certificate.malformed` when there is none or one cannot be read. */
export function readCertificates(pem: string): X509Certificate[] {
  const blocks = pem.match(/-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g) ?? [];
  if (blocks.length === 0) throw new MixError('certificate.malformed', { detail: 'no certificate in the PEM text' });
  if (blocks.length > PEM_CERTIFICATES_MAX)
    throw new MixError('certificate.malformed', { detail: `more than ${PEM_CERTIFICATES_MAX} certificates` });
  return blocks.map((block) => {
    try {
      return new X509Certificate(block);
    } catch {
      throw new MixError('certificate.malformed');
    }
  });
}
