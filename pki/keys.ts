/**
 * Private keys: made by node:crypto, kept as PKCS#8 PEM in files that only their owner can read.
 * No other file of the house makes, reads or writes a private key of a certificate.
 */
import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { closeSync, constants, fstatSync, openSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { MixError } from '../schemas/errors/index.ts';
import { writeSecretFile } from './secret-file.ts';

/** Kinds of keys that are made here. P-256 is the default everywhere: small certificates, quick signatures. */
export type KeyKind = 'p256' | 'p384' | 'rsa2048' | 'rsa3072' | 'rsa4096';

export interface KeyPair {
  privateKey: KeyObject;
  publicKey: KeyObject;
}

const CURVES = { p256: 'P-256', p384: 'P-384' } as const;
const BITS = { rsa2048: 2048, rsa3072: 3072, rsa4096: 4096 } as const;

/** Largest key file that is read, in bytes; RSA-8192 in PEM stays under it. */
const KEY_FILE_BYTES_MAX = 16_384;

/** A new key pair (FIPS 186-5); RSA takes up to seconds. */
export function generateKey(kind: KeyKind = 'p256'): KeyPair {
  if (kind === 'p256' || kind === 'p384') return generateKeyPairSync('ec', { namedCurve: CURVES[kind] });
  return generateKeyPairSync('rsa', { modulusLength: BITS[kind] });
}

/** Writes a private key as PKCS#8 PEM, mode 0600, synced; an existing file is never overwritten (`EEXIST` is thrown). */
export function writeKeyFile(path: string, key: KeyObject): void {
  writeSecretFile(path, key.export({ type: 'pkcs8', format: 'pem' }).toString());
}

/** Puts a public file (certificates) in the place of an older one, whole or not at all. */
export function replaceFile(path: string, text: string): void {
  const fresh = `${path}.new`;
  writeFileSync(fresh, text, { mode: 0o644, flush: true });
  renameSync(fresh, path);
}

/**
 * Reads a private key from a PEM file (PKCS#8, PKCS#1 or SEC 1).
 * Throws `key.unreadable`, `key.file-open` when others may read it (not on Windows), `key.weak`.
 */
export function readKeyFile(path: string): KeyPair {
  let file: number;
  try {
    file = openSync(path, constants.O_RDONLY);
  } catch (cause) {
    throw new MixError('key.unreadable', { cause });
  }
  let pem: string;
  try {
    const facts = fstatSync(file);
    if (facts.size > KEY_FILE_BYTES_MAX)
      throw new MixError('key.unreadable', { detail: `more than ${KEY_FILE_BYTES_MAX} bytes` });
    if (process.platform !== 'win32' && (facts.mode & 0o077) !== 0) {
      throw new MixError('key.file-open', { detail: `mode ${(facts.mode & 0o777).toString(8)}` });
    }
    pem = readFileSync(file, 'latin1');
  } finally {
    closeSync(file);
  }
  let privateKey: KeyObject;
  try {
    privateKey = createPrivateKey(pem);
  } catch {
    // The cause is left out: OpenSSL's text is of no help and might quote the file.
    throw new MixError('key.unreadable');
  }
  const publicKey = createPublicKey(privateKey);
  requireStrongKey(publicKey);
  return { privateKey, publicKey };
}

/** Throws `key.weak` unless the key is EC P-256/384/521 or RSA of 2048 to 8192 bits (NIST SP 800-131A, SP 800-186). */
export function requireStrongKey(key: KeyObject): void {
  const fault = weaknessOf(key);
  if (fault) throw new MixError('key.weak', { detail: fault });
}

/** What is weak about a key, or undefined when nothing is. */
export function weaknessOf(key: KeyObject): string | undefined {
  const details = key.asymmetricKeyDetails;
  if (key.asymmetricKeyType === 'ec') {
    const curve = details?.namedCurve ?? 'unnamed curve';
    return ['prime256v1', 'secp384r1', 'secp521r1'].includes(curve) ? undefined : curve;
  }
  if (key.asymmetricKeyType === 'rsa') {
    const bits = details?.modulusLength ?? 0;
    return bits >= 2048 && bits <= 8192 ? undefined : `RSA of ${bits} bits`;
  }
  return key.asymmetricKeyType ?? 'not a public key';
}
