/** What the extensions of a certificate say (RFC 5280 4.2), read through {@link fromDer}; what node:crypto reads is taken from there. */
import { createHash, type KeyObject, X509Certificate } from 'node:crypto';
import { MixError } from '../schemas/errors/index.ts';
import { type Asn1, bytesOf, childrenOf, fromDer, isBoolean, isContext, isInteger, oidOf } from './der.ts';

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

const facts = new WeakMap<X509Certificate, CertificateFacts>();

/** Facts of a certificate; read once and kept with the object. Throws `certificate.malformed`. */
export function readCertificate(certificate: X509Certificate): CertificateFacts {
  const known = facts.get(certificate);
  if (known) return known;
  const [body, algorithm] = childrenOf(fromDer(certificate.raw));
  const fields = childrenOf(body);
  if (!fields[0] || !isContext(fields[0], 0)) throw new MixError('certificate.malformed', { detail: 'not version 3' });
  const read: CertificateFacts = {
    serial: certificate.serialNumber,
    signatureAlgorithm: oidOf(childrenOf(algorithm)[0]),
    subject: fields[5]!,
    ca: false,
    uris: [],
    critical: [],
  };
  if (oidOf(childrenOf(fields[2])[0]) !== read.signatureAlgorithm) {
    throw new MixError('certificate.malformed', { detail: 'two signature algorithms' });
  }
  const block = fields.find((field) => isContext(field, 3));
  if (block) readExtensions(childrenOf(childrenOf(block)[0]), read);
  facts.set(certificate, read);
  return read;
}

function readExtensions(extensions: Asn1[], read: CertificateFacts): void {
  const seen = new Set<string>();
  for (const extension of extensions) {
    const parts = childrenOf(extension);
    const id = oidOf(parts[0]);
    if (seen.has(id)) throw new MixError('certificate.malformed', { detail: 'an extension twice' });
    seen.add(id);
    const flag = parts[1] && isBoolean(parts[1]) ? parts[1] : undefined;
    if (flag && bytesOf(flag)[0] !== 0) read.critical.push(id);
    readExtension(id, bytesOf(parts.at(-1)), read);
  }
}

function readExtension(id: string, bytes: Buffer, read: CertificateFacts): void {
  if (id === OID.basicConstraints) {
    for (const part of childrenOf(fromDer(bytes))) {
      if (isBoolean(part)) read.ca = bytesOf(part)[0] !== 0;
      else if (isInteger(part)) read.pathLength = bytesOf(part).readUIntBE(0, Math.min(bytesOf(part).length, 6));
    }
  } else if (id === OID.keyUsage) {
    read.keyUsage = bitsOf(bytesOf(fromDer(bytes)));
  } else if (id === OID.extKeyUsage) {
    read.purposes = childrenOf(fromDer(bytes)).map(oidOf);
  } else if (id === OID.subjectAltName) {
    const uris = childrenOf(fromDer(bytes)).filter((name) => isContext(name, 6));
    read.uris = uris.map((name) => bytesOf(name).toString('latin1'));
  } else if (id === OID.subjectKeyId) {
    read.subjectKeyId = bytesOf(fromDer(bytes));
  } else if (id === OID.authorityKeyId) {
    const key = childrenOf(fromDer(bytes)).find((part) => isContext(part, 0));
    if (key) read.authorityKeyId = bytesOf(key);
  }
}

/** Numbers of the set bits of a BIT STRING's content (first byte: unused bits). */
function bitsOf(content: Buffer): Set<number> {
  const numbers = new Set<number>();
  for (let bit = 0; bit < (content.length - 1) * 8; bit++) {
    if (content[1 + (bit >> 3)]! & (0x80 >> (bit & 7))) numbers.add(bit);
  }
  return numbers;
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
  const spki = childrenOf(fromDer(publicKey.export({ type: 'spki', format: 'der' })));
  return createHash('sha256').update(bytesOf(spki[1]).subarray(1)).digest().subarray(0, 20);
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
