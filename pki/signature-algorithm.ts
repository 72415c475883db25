/** Which hash goes with which key in what is signed here (RFC 5758 3.2, RFC 4055 5); what is accepted stands in `path/algorithms.ts`. */
import type { KeyObject } from 'node:crypto';
import { type Asn1, nothing, oid, sequence } from './der.ts';

/** Hash and AlgorithmIdentifier that go with an issuer's key. */
export function signatureOf(key: KeyObject): { hash: string; identifier: () => Asn1 } {
  if (key.asymmetricKeyType === 'rsa')
    return { hash: 'sha256', identifier: () => sequence(oid('1.2.840.113549.1.1.11'), nothing()) };
  if (key.asymmetricKeyDetails?.namedCurve === 'secp384r1')
    return { hash: 'sha384', identifier: () => sequence(oid('1.2.840.10045.4.3.3')) };
  return { hash: 'sha256', identifier: () => sequence(oid('1.2.840.10045.4.3.2')) };
}
