/** Detached XML signatures over documents (IHE DSG, ITI TF-3 5.5): making our own, and checking anybody's. */
import { hash, type KeyObject, sign, verify, X509Certificate } from 'node:crypto';
import { MixError } from '../schemas/errors/index.ts';
import { publicKeyOf } from './certificate.ts';
import type { Trust } from './trust.ts';
import { checkForeignSignature } from './xmldsig-foreign.ts';
import {
  ALGORITHM,
  readOwnSignature,
  type SignatureFacts,
  writeManifest,
  writeSignature,
  writeSignedInfo,
  writeSignedProperties,
} from './xmldsig-form.ts';
import { documentUriOf, hashFor, judgeSigner, type SignatureVerdict, type VerifyOptions } from './xmldsig-judge.ts';

/** Who signs: a private key and its certificate, the ones above it after it (the root may be left out). */
export interface DocumentSigner {
  key: KeyObject;
  certificateChain: X509Certificate[];
}

export interface DocumentToSign {
  bytes: Uint8Array;
  /** Document id: a UUID or OID, bare or as `urn:uuid:...`, `urn:oid:...`; the signature names it as URI. */
  documentId: string;
  /** `text/xml`, `application/pdf`. */
  mediaType: string;
}

/** What our own form can hold. */
const OWN_URI = /^urn:[A-Za-z0-9:._-]{1,200}$/;
/** Largest signature document that is read, in bytes. */
const SIGNATURE_BYTES_MAX = 262_144;

interface Prepared {
  algorithm: string;
  hash: string;
  /** Bytes of each of the two integers of an ECDSA signature; 0 for RSA. */
  integerBytes: number;
  certificates: string;
  certificateDigest: string;
}
const prepared = new WeakMap<DocumentSigner, Prepared>();

/**
 * Signs a document's bytes as they are: SHA-256 over them, then ECDSA (P-256 or P-384) or RSA over the small SignedInfo. Nothing is parsed.
 * Gives the ds:Signature document. Throws `key.weak`, `signature.malformed` for an id or media type that cannot be written, `authority.broken`
 * when key and certificate do not belong together.
 *
 *     const signature = signDocument({ bytes, documentId: 'urn:uuid:...', mediaType: 'text/xml' }, signer, Date.now());
 */
export function signDocument(document: DocumentToSign, signer: DocumentSigner, now: number): Buffer {
  const fixed = prepare(signer);
  const documentUri = documentUriOf(document.documentId);
  if (!documentUri || !OWN_URI.test(documentUri)) throw new MixError('signature.malformed', { place: 'documentId' });
  if (!/^[A-Za-z0-9!#$^_.+/-]{1,100}$/.test(document.mediaType))
    throw new MixError('signature.malformed', { place: 'mediaType' });
  const facts: SignatureFacts = {
    documentUri,
    mediaType: document.mediaType,
    digest: sha256(document.bytes),
    signingTime: `${new Date(now).toISOString().slice(0, 19)}Z`,
    certificateDigest: fixed.certificateDigest,
    certificates: fixed.certificates,
    algorithm: fixed.algorithm,
    manifestDigest: '',
    propertiesDigest: '',
    signatureValue: '',
  };
  facts.manifestDigest = sha256(writeManifest(facts, true));
  facts.propertiesDigest = sha256(writeSignedProperties(facts, true));
  const signedInfo = Buffer.from(writeSignedInfo(facts, true), 'latin1');
  // Node signs twice as fast with a key alone as with a key and an encoding.
  const signed = sign(fixed.hash, signedInfo, signer.key);
  facts.signatureValue = (fixed.integerBytes === 0 ? signed : joinIntegers(signed, fixed.integerBytes)).toString(
    'base64',
  );
  return Buffer.from(writeSignature(facts), 'latin1');
}

/**
 * Does this detached signature hold over exactly these bytes, by a certificate that leads to our roots? The key is taken from a certificate that
 * the trust list vouches for, never from KeyInfo on its own word. The certificate is judged at `trust.at`, so check an old signature with the time
 * at which it was first received. Revocation is not looked at here. Never throws for what the input says.
 */
export function verifyDocument(
  bytes: Uint8Array,
  signature: Uint8Array,
  trust: Trust,
  options: VerifyOptions = {},
): SignatureVerdict {
  if (signature.length > SIGNATURE_BYTES_MAX)
    return { holds: false, reason: 'signature.malformed', detail: `more than ${SIGNATURE_BYTES_MAX} bytes` };
  const text = Buffer.from(signature.buffer, signature.byteOffset, signature.length).toString('utf8');
  const digest = sha256(bytes);
  const own = readOwnSignature(text);
  if (!own) return checkForeignSignature({ text, bytes, trust, options });
  if (options.documentId !== undefined && own.documentUri !== documentUriOf(options.documentId))
    return { holds: false, reason: 'signature.not-this-document' };
  const certificates = certificatesOf(own.certificates);
  const leaf = certificates[0];
  if (!leaf || sha256(leaf.raw) !== own.certificateDigest) return { holds: false, reason: 'signature.certificate' };
  const key = publicKeyOf(leaf);
  const digestName = hashFor(own.algorithm, key);
  if (!key || !digestName) return { holds: false, reason: 'signature.algorithm' };
  const signedInfo = Buffer.from(writeSignedInfo(own, true), 'latin1');
  const value = Buffer.from(own.signatureValue, 'base64');
  if (!verify(digestName, signedInfo, { key, dsaEncoding: 'ieee-p1363' }, value))
    return { holds: false, reason: 'signature.value' };
  if (
    own.manifestDigest !== sha256(writeManifest(own, true)) ||
    own.propertiesDigest !== sha256(writeSignedProperties(own, true))
  ) {
    return { holds: false, reason: 'signature.value', detail: 'manifest or signed properties' };
  }
  if (own.digest !== digest) return { holds: false, reason: 'signature.digest' };
  const signedAt = Date.parse(own.signingTime);
  const fault = judgeSigner(certificates, signedAt, trust, options);
  return fault ?? { holds: true, signer: leaf, signedAt, documentId: own.documentUri };
}

function prepare(signer: DocumentSigner): Prepared {
  const known = prepared.get(signer);
  if (known) return known;
  const [leaf] = signer.certificateChain;
  if (!leaf || signer.certificateChain.length > 8 || !leaf.checkPrivateKey(signer.key))
    throw new MixError('authority.broken');
  const algorithm = [ALGORITHM.ecdsaSha256, ALGORITHM.ecdsaSha384, ALGORITHM.rsaSha256].find((name) =>
    hashFor(name, leaf.publicKey),
  );
  if (!algorithm) throw new MixError('key.weak', { detail: 'no accepted signature algorithm fits' });
  const fixed: Prepared = {
    algorithm,
    hash: hashFor(algorithm, leaf.publicKey)!,
    integerBytes: algorithm === ALGORITHM.ecdsaSha256 ? 32 : algorithm === ALGORITHM.ecdsaSha384 ? 48 : 0,
    certificates: signer.certificateChain
      .map((one) => `<ds:X509Certificate>${one.raw.toString('base64')}</ds:X509Certificate>`)
      .join(''),
    certificateDigest: sha256(leaf.raw),
  };
  prepared.set(signer, fixed);
  return fixed;
}

/** An ECDSA signature of DER (two integers, RFC 3279 2.2.3) as XML Signature wants it: both side by side, each of `size` bytes (1.1, 6.4.3). */
function joinIntegers(der: Buffer, size: number): Buffer {
  const joined = Buffer.alloc(2 * size);
  let at = 2;
  for (const end of [size, 2 * size]) {
    const next = at + 2 + der[at + 1]!;
    // An integer has a zero in front where its first bit is set, and is shorter where it begins with zeros.
    const from = Math.max(at + 2, next - size);
    der.copy(joined, end - (next - from), from, next);
    at = next;
  }
  return joined;
}

/** Certificates of the last signers seen; a node mostly checks the signatures of the same few. */
const seen = new Map<string, X509Certificate[]>();
const SEEN_MAX = 64;

function certificatesOf(elements: string): X509Certificate[] {
  const known = seen.get(elements);
  if (known) return known;
  const certificates: X509Certificate[] = [];
  for (const [, base64] of elements.matchAll(/>([A-Za-z0-9+/=]+)</g)) {
    try {
      certificates.push(new X509Certificate(Buffer.from(base64!, 'base64')));
    } catch {
      return [];
    }
  }
  if (seen.size >= SEEN_MAX) seen.delete(seen.keys().next().value!);
  seen.set(elements, certificates);
  return certificates;
}

function sha256(data: Uint8Array | string): string {
  return hash('sha256', data, 'base64');
}
