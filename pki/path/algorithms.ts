/**
 * Signatures and keys of certificates: which there are (RFC 3279, 4055, 5480, 5758, 8410), and which are strong enough for what is asked.
 * The mathematics is node:crypto's; what is decided here is which algorithm with which parameters goes with which key.
 */
import { constants, type KeyObject, verify } from 'node:crypto';
import { weaknessOf } from '../keys.ts';
import { type AlgorithmId, type ParsedCertificate, readAlgorithm, readKey } from './parse-certificate.ts';
import { countOf, Fields, itemsOf, oidOf, readDer, TAG } from './read-der.ts';

type Hash = 'sha1' | 'sha224' | 'sha256' | 'sha384' | 'sha512';

interface Kind {
  key: 'rsa' | 'ec' | 'dsa' | 'ed25519' | 'ed448';
  hash?: Hash;
}

// MD2, MD4 and MD5 are missing on purpose: they are refused everywhere.
const SIGNATURES: Readonly<Record<string, Kind>> = {
  '1.2.840.113549.1.1.5': { key: 'rsa', hash: 'sha1' },
  '1.2.840.113549.1.1.14': { key: 'rsa', hash: 'sha224' },
  '1.2.840.113549.1.1.11': { key: 'rsa', hash: 'sha256' },
  '1.2.840.113549.1.1.12': { key: 'rsa', hash: 'sha384' },
  '1.2.840.113549.1.1.13': { key: 'rsa', hash: 'sha512' },
  '1.2.840.10045.4.1': { key: 'ec', hash: 'sha1' },
  '1.2.840.10045.4.3.1': { key: 'ec', hash: 'sha224' },
  '1.2.840.10045.4.3.2': { key: 'ec', hash: 'sha256' },
  '1.2.840.10045.4.3.3': { key: 'ec', hash: 'sha384' },
  '1.2.840.10045.4.3.4': { key: 'ec', hash: 'sha512' },
  '1.2.840.10040.4.3': { key: 'dsa', hash: 'sha1' },
  '2.16.840.1.101.3.4.3.1': { key: 'dsa', hash: 'sha224' },
  '2.16.840.1.101.3.4.3.2': { key: 'dsa', hash: 'sha256' },
  '1.3.101.112': { key: 'ed25519' },
  '1.3.101.113': { key: 'ed448' },
};

const RSA_PSS = '1.2.840.113549.1.1.10';
const MGF1 = '1.2.840.113549.1.1.8';
const PSS_HASHES: Readonly<Record<string, { hash: Hash; length: number }>> = {
  '1.3.14.3.2.26': { hash: 'sha1', length: 20 },
  '2.16.840.1.101.3.4.2.1': { hash: 'sha256', length: 32 },
  '2.16.840.1.101.3.4.2.2': { hash: 'sha384', length: 48 },
  '2.16.840.1.101.3.4.2.3': { hash: 'sha512', length: 64 },
};

const NULL_DER = Buffer.from('0500', 'hex');

/** What an algorithm identifier means; undefined where it is not known or its parameters are not those of its standard. */
export function signatureKindOf(algorithm: AlgorithmId): (Kind & { saltLength?: number }) | undefined {
  if (algorithm.id === RSA_PSS) return pssOf(algorithm.parameters);
  const kind = Object.hasOwn(SIGNATURES, algorithm.id) ? SIGNATURES[algorithm.id] : undefined;
  if (kind === undefined) return undefined;
  const { parameters } = algorithm;
  // RFC 4055 5: NULL goes with RSA, and its absence is borne. All others have no parameters.
  const fits = parameters === undefined || (kind.key === 'rsa' && parameters.equals(NULL_DER));
  return fits ? kind : undefined;
}

/** RSASSA-PSS-params (RFC 4055 3.1): one hash for both its places, trailer 1. */
function pssOf(parameters: Buffer | undefined): (Kind & { saltLength: number }) | undefined {
  if (parameters === undefined) return undefined;
  try {
    const fields = new Fields(readDer(parameters), 'PSS');
    const [hashBox, maskBox, saltBox, trailerBox] = [0xa0, 0xa1, 0xa2, 0xa3].map((tag) => fields.maybe(tag));
    fields.end();
    const hashId = hashBox === undefined ? '1.3.14.3.2.26' : readAlgorithm(readDer(hashBox.content)).id;
    let maskHash = '1.3.14.3.2.26';
    if (maskBox !== undefined) {
      const mask = itemsOf(readDer(maskBox.content));
      if (mask[0] === undefined || mask[1] === undefined || oidOf(mask[0]) !== MGF1) return undefined;
      maskHash = readAlgorithm(mask[1]).id;
    }
    const saltLength = saltBox === undefined ? 20 : countOf(readDer(saltBox.content));
    const trailer = trailerBox === undefined ? 1 : countOf(readDer(trailerBox.content));
    const known = Object.hasOwn(PSS_HASHES, hashId) ? PSS_HASHES[hashId] : undefined;
    if (known === undefined || maskHash !== hashId || trailer !== 1 || saltLength > 512) return undefined;
    return { key: 'rsa', hash: known.hash, saltLength };
  } catch {
    return undefined;
  }
}

/** Does `signature` over `body` hold under `key`? False also for an algorithm that is not known or does not go with the key. */
export function verifySignature(body: Buffer, algorithm: AlgorithmId, signature: Buffer, key: KeyObject): boolean {
  const kind = signatureKindOf(algorithm);
  const type = key.asymmetricKeyType;
  const isPssKey = type === 'rsa-pss';
  if (kind === undefined || (isPssKey ? kind.saltLength === undefined : kind.key !== type)) return false;
  try {
    if (kind.saltLength !== undefined)
      return verify(
        kind.hash,
        body,
        { key, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: kind.saltLength },
        signature,
      );
    if (kind.key === 'ec' || kind.key === 'dsa') return verify(kind.hash, body, { key, dsaEncoding: 'der' }, signature);
    return verify(kind.hash, body, key, signature);
  } catch {
    return false;
  }
}

const DSA = '1.2.840.10040.4.1';

/** Parameters of a DSA key where it tells none: those of the issuer's key (RFC 5280 6.1.4 f). */
export function inheritingKey(certificate: ParsedCertificate, parameters: Buffer | undefined): KeyObject | undefined {
  const { algorithm, bits } = certificate.key;
  if (parameters === undefined || algorithm.id !== DSA) return undefined;
  const oid = Buffer.from('06072a8648ce380401', 'hex');
  const box = (tag: number, ...parts: Buffer[]): Buffer => {
    const content = Buffer.concat(parts);
    const size = content.length;
    const head = size < 0x80 ? [size] : size < 0x100 ? [0x81, size] : [0x82, size >> 8, size & 0xff];
    return Buffer.concat([Buffer.of(tag, ...head), content]);
  };
  return readKey(box(TAG.sequence, box(TAG.sequence, oid, parameters), box(TAG.bitString, Buffer.of(0), bits)));
}

/** Parameters that a key hands down: a DSA key's own, or the ones it was given. */
export function parametersOf(certificate: ParsedCertificate, inherited: Buffer | undefined): Buffer | undefined {
  const { algorithm } = certificate.key;
  if (algorithm.id !== DSA) return undefined;
  return hasNoParameters(certificate) ? inherited : algorithm.parameters;
}

export function hasNoParameters({ key }: ParsedCertificate): boolean {
  const { id, parameters } = key.algorithm;
  return id === DSA && (parameters === undefined || parameters.equals(NULL_DER));
}

/** How much strength is asked for. `legacy`: NIST SP 800-131A for what was made before 2014. */
export type Strength = 'legacy' | 'strong' | 'web';

/** SHA-1 and RSA of 1024 bits are borne in what was made before this day (NIST SP 800-131A, legacy use). */
const LEGACY_UNTIL_MS = Date.UTC(2014, 0, 1);
/** Certificates of version 3 are of 1996; what says that it is older says nothing about its age. */
const VERSION3_FROM_MS = Date.UTC(1996, 0, 1);

/** Was something made in the days of version 3, but before `until`? ms since the epoch. */
export function isOfBefore(until: number, madeAt: number): boolean {
  return madeAt >= VERSION3_FROM_MS && madeAt < until;
}

const LEGACY_CURVES = new Set([
  'prime256v1',
  'secp384r1',
  'secp521r1',
  'secp224r1',
  'secp256k1',
  'brainpoolP256r1',
  'brainpoolP384r1',
  'brainpoolP512r1',
]);

/** What is weak about a signature algorithm; undefined when nothing is. `madeAt` in ms since the epoch. */
export function signatureWeakness(algorithm: AlgorithmId, strength: Strength, madeAt: number): string | undefined {
  const kind = signatureKindOf(algorithm);
  if (kind === undefined) return `signature algorithm ${algorithm.id}`;
  if (strength === 'legacy') return kind.hash === 'sha1' && !isOfBefore(LEGACY_UNTIL_MS, madeAt) ? 'SHA-1' : undefined;
  if (kind.hash === 'sha1' || kind.hash === 'sha224') return kind.hash === 'sha1' ? 'SHA-1' : 'SHA-224';
  if (kind.key !== 'rsa' && kind.key !== 'ec') return kind.key;
  return kind.saltLength !== undefined && kind.saltLength < 32 ? 'a short salt' : undefined;
}

const SPKI_RSA = '1.2.840.113549.1.1.1';
const SPKI_EC = '1.2.840.10045.2.1';

const weaknesses = new WeakMap<KeyObject, Map<Strength, string | undefined>>();

/** What is weak or odd about a key; undefined when nothing is. Kept with the key, which is of one certificate alone: asking it costs node:crypto time. */
export function keyWeakness(certificate: ParsedCertificate, key: KeyObject, strength: Strength): string | undefined {
  const known = weaknesses.get(key) ?? new Map<Strength, string | undefined>();
  weaknesses.set(key, known);
  if (!known.has(strength)) known.set(strength, findWeakness(certificate, key, strength));
  return known.get(strength);
}

function findWeakness(certificate: ParsedCertificate, key: KeyObject, strength: Strength): string | undefined {
  const { asymmetricKeyType: type, asymmetricKeyDetails: details } = key;
  const { algorithm } = certificate.key;
  // Explicit curve parameters (CVE-2020-0601) are never taken; only the name of a curve is.
  if (type === 'ec' && algorithm.parameters?.[0] !== TAG.oid) return 'a curve without a name';
  const exponent = details?.publicExponent;
  if (exponent !== undefined && (exponent < 3n || exponent % 2n === 0n)) return 'public exponent';
  if (strength === 'legacy') return legacyWeakness(key, certificate.notBefore.ms);
  const fault = weaknessOf(key);
  if (fault !== undefined || strength === 'strong') return fault;
  if (type === 'rsa') {
    if (algorithm.id !== SPKI_RSA || !algorithm.parameters?.equals(NULL_DER)) return 'parameters of the key';
    if ((details?.modulusLength ?? 0) % 8 !== 0) return `RSA of ${details?.modulusLength} bits`;
  }
  return type === 'ec' && algorithm.id !== SPKI_EC ? 'algorithm of the key' : undefined;
}

function legacyWeakness(key: KeyObject, madeAt: number): string | undefined {
  const { asymmetricKeyType: type, asymmetricKeyDetails: details } = key;
  const leastBits = isOfBefore(LEGACY_UNTIL_MS, madeAt) ? 1024 : 2048;
  if (type === 'ed25519' || type === 'ed448') return undefined;
  if (type === 'ec') {
    const curve = details?.namedCurve ?? 'a curve without a name';
    return LEGACY_CURVES.has(curve) ? undefined : curve;
  }
  const bits = details?.modulusLength ?? 0;
  if (type === 'rsa' || type === 'rsa-pss' || type === 'dsa')
    return bits >= leastBits && bits <= 16_384 ? undefined : `${type} of ${bits} bits`;
  return type ?? 'not a public key';
}
