/** What is the same for every document signature, ours or a stranger's: accepted algorithms, the signer's chain, the signing time. */
import type { KeyObject, X509Certificate } from 'node:crypto';
import type { FaultCode } from '../schemas/errors/index.ts';
import type { Purpose } from './profiles.ts';
import { type ChainVerdict, type Trust, verifyChain } from './trust.ts';
import { ALGORITHM } from './xmldsig-form.ts';

/** How far ahead of our clock a signer's may be. */
const CLOCK_SKEW_MS = 5 * 60_000;

export type SignatureVerdict =
  | { holds: true; signer: X509Certificate; signedAt: number; documentId: string }
  | { holds: false; reason: FaultCode; detail?: string };

export interface VerifyOptions {
  /** The id that the signature must name, as given to `signDocument`; without it any id goes, as long as the bytes are those signed. */
  documentId?: string;
  /** What the signer's certificate must be meant for; default `documentSigning`. `any` for partners whose certificates say nothing. */
  purpose?: Purpose | 'any';
}

/** Chain, purpose and signing time; shared by our own and foreign signatures. */
export function judgeSigner(
  certificates: X509Certificate[],
  signedAt: number,
  trust: Trust,
  options: VerifyOptions,
): SignatureVerdict | undefined {
  const leaf = certificates[0]!;
  const purpose = options.purpose ?? 'documentSigning';
  const material: Trust = { ...trust, intermediates: [...(trust.intermediates ?? []), ...certificates.slice(1)] };
  const chain: ChainVerdict = verifyChain(leaf, material, purpose === 'any' ? {} : { purpose });
  if (!chain.ok)
    return chain.detail === undefined
      ? { holds: false, reason: chain.reason }
      : { holds: false, reason: chain.reason, detail: chain.detail };
  const inLife = signedAt >= leaf.validFromDate.getTime() && signedAt <= leaf.validToDate.getTime();
  if (!inLife || signedAt > trust.at + CLOCK_SKEW_MS) return { holds: false, reason: 'signature.time' };
  return undefined;
}

/** The hash of an accepted signature algorithm that fits the key; undefined for any other. */
export function hashFor(algorithm: string, key: KeyObject | undefined): 'sha256' | 'sha384' | undefined {
  const curve = key?.asymmetricKeyDetails?.namedCurve;
  if (algorithm === ALGORITHM.ecdsaSha256 && curve === 'prime256v1') return 'sha256';
  if (algorithm === ALGORITHM.ecdsaSha384 && curve === 'secp384r1') return 'sha384';
  if (algorithm === ALGORITHM.rsaSha256 && key?.asymmetricKeyType === 'rsa') return 'sha256';
  return undefined;
}

/** The URI that a document goes by in a signature: `urn:` ids as they are, a bare UUID or OID with its prefix. Undefined for anything else. */
export function documentUriOf(id: string): string | undefined {
  if (/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(id)) return `urn:uuid:${id.toLowerCase()}`;
  if (/^[0-2](\.\d{1,39}){1,30}$/.test(id)) return `urn:oid:${id}`;
  return /^(urn:|cid:)[A-Za-z0-9:._@%+-]{1,250}$/.test(id) ? id : undefined;
}
