/** Which hash goes with which signature (RFC 5758 3.2, RFC 4055 5): one table for what is signed here and for what is accepted. */
import type { KeyObject } from 'node:crypto';
import { type Asn1, nothing, oid, sequence } from './der.ts';

const HASHES: Readonly<Record<string, { hash: string; key: 'ec' | 'rsa' }>> = {
  '1.2.840.10045.4.3.2': { hash: 'sha256', key: 'ec' },
  '1.2.840.10045.4.3.3': { hash: 'sha384', key: 'ec' },
  '1.2.840.10045.4.3.4': { hash: 'sha512', key: 'ec' },
  '1.2.840.113549.1.1.11': { hash: 'sha256', key: 'rsa' },
  '1.2.840.113549.1.1.12': { hash: 'sha384', key: 'rsa' },
  '1.2.840.113549.1.1.13': { hash: 'sha512', key: 'rsa' },
};

/** Is it one that is accepted? SHA-1 and RSA-PSS are not. */
export function isAccepted(algorithm: string): boolean {
  return Object.hasOwn(HASHES, algorithm);
}

/** The hash of a signature algorithm that fits the key; undefined where it is not accepted. */
export function hashOf(algorithm: string, key: KeyObject | undefined): string | undefined {
  const entry = isAccepted(algorithm) ? HASHES[algorithm] : undefined;
  return entry?.key === key?.asymmetricKeyType ? entry?.hash : undefined;
}

/** Hash and AlgorithmIdentifier that go with an issuer's key. */
export function signatureOf(key: KeyObject): { hash: string; identifier: () => Asn1 } {
  if (key.asymmetricKeyType === 'rsa')
    return { hash: 'sha256', identifier: () => sequence(oid('1.2.840.113549.1.1.11'), nothing()) };
  if (key.asymmetricKeyDetails?.namedCurve === 'secp384r1')
    return { hash: 'sha384', identifier: () => sequence(oid('1.2.840.10045.4.3.3')) };
  return { hash: 'sha256', identifier: () => sequence(oid('1.2.840.10045.4.3.2')) };
}
