/** The key and certificate that a node shows or signs with: made at the first start, renewed by the node's own authority well before their end. */
import type { KeyObject, X509Certificate } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { MixError } from '../schemas/errors/index.ts';
import { type Authority, type CertificateOrder, issueCertificate } from './authority.ts';
import { readCertificate, readCertificates } from './certificate.ts';
import { generateKey, type KeyKind, type KeyPair, readKeyFile, replaceFile, writeKeyFile } from './keys.ts';
import { PROFILES } from './profiles.ts';

export interface IdentityOptions {
  /** Folder of `<name>.key` (0600) and `<name>.pem` (certificate and those above it, below the root). */
  dir: string;
  /** `node`, `signer`. */
  name: string;
  authority: Authority;
  order: Omit<CertificateOrder, 'publicKey' | 'now'>;
  key?: KeyKind;
  /** ms since the epoch. */
  now: number;
}

/** Fits `signDocument` as a signer, and `tls.createServer` by its PEM texts. */
export interface Identity {
  key: KeyObject;
  certificateChain: X509Certificate[];
  keyPem: string;
  chainPem: string;
  /** When it should be opened again to be renewed: two thirds of its life, ms since the epoch. */
  renewAt: number;
}

/**
 * Opens an identity; issues its certificate when there is none, when two thirds of its life are over, or when the order or the authority changed.
 * The key stays the same over renewals. Throws what `issueCertificate` and `readKeyFile` throw.
 */
export function openIdentity(options: IdentityOptions): Identity {
  const { dir, name, authority, now } = options;
  if (!/^[a-z0-9][a-z0-9-]{0,62}$/.test(name)) throw new MixError('certificate.subject', { place: 'name' });
  mkdirSync(dir, { recursive: true, mode: 0o700 });
  const pair = keyOf(join(dir, `${name}.key`), options.key ?? 'p256');
  const path = join(dir, `${name}.pem`);
  let chain = existsSync(path) ? readChain(path) : undefined;
  if (!chain || !isStillRight(chain[0]!, pair, options)) {
    const issued = issueCertificate(authority, { ...options.order, publicKey: pair.publicKey, now });
    replaceFile(path, issued.chainPem);
    chain = readCertificates(issued.chainPem);
  }
  return {
    key: pair.privateKey,
    certificateChain: chain,
    keyPem: pair.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
    chainPem: chain.map(String).join(''),
    renewAt: renewalOf(chain[0]!),
  };
}

function keyOf(path: string, kind: KeyKind): KeyPair {
  if (existsSync(path)) return readKeyFile(path);
  const pair = generateKey(kind);
  writeKeyFile(path, pair.privateKey);
  return pair;
}

/** A certificate file that can't be read is made anew: nothing is lost with it. */
function readChain(path: string): X509Certificate[] | undefined {
  try {
    return readCertificates(readFileSync(path, 'latin1'));
  } catch (error) {
    if (error instanceof MixError) return undefined;
    throw error;
  }
}

function renewalOf(certificate: X509Certificate): number {
  const [from, to] = [certificate.validFromDate.getTime(), certificate.validToDate.getTime()];
  return from + ((to - from) * 2) / 3;
}

function isStillRight(certificate: X509Certificate, pair: KeyPair, options: IdentityOptions): boolean {
  const { authority, order, now } = options;
  if (!certificate.checkPrivateKey(pair.privateKey) || !certificate.checkIssued(authority.certificate)) return false;
  if (!certificate.verify(authority.certificate.publicKey)) return false;
  if (now < certificate.validFromDate.getTime() || now >= renewalOf(certificate)) return false;
  const { purposes = [], uris } = readCertificate(certificate);
  if (PROFILES[order.profile].purposes.join() !== purposes.join()) return false;
  if (order.san?.uri?.some((uri) => !uris.includes(uri))) return false;
  const names =
    order.san?.dns?.every((name) => certificate.checkHost(name.replace('*', 'x'), { subject: 'never' })) ?? true;
  return names && (order.san?.ip?.every((address) => certificate.checkIP(address)) ?? true);
}
