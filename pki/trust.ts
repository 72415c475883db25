/**
 * Does a chain lead from a certificate to a root that we trust? (RFC 5280 6.1 and, with complete lists, 6.3; without name constraints and policies
 * yet: a critical extension that is not understood refuses the chain.) The verdict carries a reason and the certificate at fault.
 */
import type { X509Certificate } from 'node:crypto';
import { type FaultCode, MixError } from '../schemas/errors/index.ts';
import { OID, publicKeyOf, readCertificate } from './certificate.ts';
import { type Crl, statusOf } from './crl.ts';
import { weaknessOf } from './keys.ts';
import { KEY_USAGE, PURPOSE } from './profiles.ts';
import { isAccepted } from './signature-algorithm.ts';

/** What a chain is checked against. Roots are trusted as they are; intermediates are only material to build with. */
export interface Trust {
  roots: X509Certificate[];
  intermediates?: X509Certificate[];
  /** Revocation lists. A certificate whose issuer has none here counts as good; one whose issuer's lists can not be relied upon does not. */
  crls?: readonly Crl[];
  /** ms since the epoch. */
  at: number;
}

export type Purpose = keyof typeof PURPOSE;

export type ChainVerdict =
  | { ok: true; chain: X509Certificate[] }
  /** `subject` names the certificate at fault. */
  | { ok: false; reason: FaultCode; subject: string; detail?: string };

/** Longest chain, root included. */
const CHAIN_LENGTH_MAX = 8;
/** Most certificates tried while looking for a chain, so that a crossed mesh cannot hold us up. */
const TRIES_MAX = 200;

const UNDERSTOOD = new Set<string>([
  OID.basicConstraints,
  OID.keyUsage,
  OID.extKeyUsage,
  OID.subjectAltName,
  OID.subjectKeyId,
  OID.authorityKeyId,
]);

/**
 * Looks for a chain from `leaf` to one of the roots that holds at `trust.at`, for a purpose and a host name when given.
 * Never throws for what a certificate says: a bad one is a verdict.
 */
export function verifyChain(
  leaf: X509Certificate,
  trust: Trust,
  options: { purpose?: Purpose; name?: string } = {},
): ChainVerdict {
  const own = checkLeaf(leaf, trust.at, options);
  if (own) return own;
  const state: Search = { trust, tries: 0, fault: undefined };
  const chain = extend([leaf], state);
  if (chain) return { ok: true, chain };
  return state.fault ?? refuse('chain.untrusted', leaf);
}

interface Search {
  trust: Trust;
  tries: number;
  /** The first fault met on the way; told when no way is found. */
  fault: Extract<ChainVerdict, { ok: false }> | undefined;
}

type Refusal = Extract<ChainVerdict, { ok: false }>;

/** Depth-first from the leaf up; each step is checked before the next is tried. */
function extend(path: X509Certificate[], state: Search): X509Certificate[] | undefined {
  const last = path.at(-1)!;
  if (state.trust.roots.some((root) => root.raw.equals(last.raw))) return path;
  if (path.length >= CHAIN_LENGTH_MAX) {
    state.fault ??= refuse('chain.path-length', last);
    return undefined;
  }
  for (const issuer of [...state.trust.roots, ...(state.trust.intermediates ?? [])]) {
    if (++state.tries > TRIES_MAX) return undefined;
    if (last.issuer !== issuer.subject || path.some((other) => other.raw.equals(issuer.raw))) continue;
    const fault = checkIssuer(issuer, last, path.length - 1, state.trust.at) ?? checkStatus(issuer, last, state.trust);
    if (fault) {
      state.fault ??= fault;
      continue;
    }
    const found = extend([...path, issuer], state);
    if (found) return found;
  }
  return undefined;
}

function refuse(reason: FaultCode, certificate: X509Certificate, detail?: string): Refusal {
  const subject = certificate.subject?.replaceAll('\n', ', ') ?? '';
  return detail === undefined ? { ok: false, reason, subject } : { ok: false, reason, subject, detail };
}

/** What every certificate of a chain must hold to: readable, strong, in its time, no unknown critical extension. */
function checkEach(certificate: X509Certificate, at: number): Refusal | undefined {
  let facts: ReturnType<typeof readCertificate>;
  try {
    facts = readCertificate(certificate);
  } catch (error) {
    return refuse('certificate.malformed', certificate, error instanceof MixError ? error.fault.detail : undefined);
  }
  if (at < certificate.validFromDate.getTime()) return refuse('chain.not-yet-valid', certificate);
  if (at > certificate.validToDate.getTime()) return refuse('chain.expired', certificate);
  const unknown = facts.critical.find((id) => !UNDERSTOOD.has(id));
  if (unknown) return refuse('chain.extension', certificate, unknown);
  const key = publicKeyOf(certificate);
  if (!key) return refuse('certificate.malformed', certificate, 'public key');
  const weakness = weaknessOf(key);
  if (weakness) return refuse('chain.weak', certificate, weakness);
  return undefined;
}

function checkLeaf(
  leaf: X509Certificate,
  at: number,
  options: { purpose?: Purpose; name?: string },
): Refusal | undefined {
  const fault = checkEach(leaf, at);
  if (fault) return fault;
  const facts = readCertificate(leaf);
  if (options.purpose) {
    if (!facts.purposes?.includes(PURPOSE[options.purpose])) return refuse('chain.purpose', leaf, options.purpose);
    if (facts.keyUsage && !facts.keyUsage.has(KEY_USAGE.digitalSignature))
      return refuse('chain.purpose', leaf, 'digitalSignature');
  }
  if (options.name !== undefined) {
    const found = /^[\d.]+$|:/.test(options.name)
      ? leaf.checkIP(options.name)
      : leaf.checkHost(options.name, { subject: 'never' });
    if (!found) return refuse('chain.name', leaf);
  }
  return undefined;
}

/** May `issuer` have signed `child`, with `below` authorities between it and the leaf? */
function checkIssuer(issuer: X509Certificate, child: X509Certificate, below: number, at: number): Refusal | undefined {
  const fault = checkEach(issuer, at);
  if (fault) return fault;
  const facts = readCertificate(issuer);
  if (!facts.ca) return refuse('chain.not-authority', issuer);
  if (facts.keyUsage && !facts.keyUsage.has(KEY_USAGE.keyCertSign))
    return refuse('chain.not-authority', issuer, 'keyCertSign');
  if (facts.pathLength !== undefined && below > facts.pathLength) return refuse('chain.path-length', issuer);
  if (!isAccepted(readCertificate(child).signatureAlgorithm))
    return refuse('chain.weak', child, readCertificate(child).signatureAlgorithm);
  if (!child.checkIssued(issuer) || !child.verify(issuer.publicKey)) return refuse('chain.signature', child);
  return undefined;
}

/** Was `child` revoked by its issuer, as far as lists tell? (RFC 5280 6.3) */
function checkStatus(issuer: X509Certificate, child: X509Certificate, trust: Trust): Refusal | undefined {
  if (trust.crls === undefined || trust.crls.length === 0) return undefined;
  const status = statusOf(child, issuer, trust.crls, trust.at);
  if (status.is === 'revoked') return refuse('chain.revoked', child, status.entry.reason);
  return status.is === 'unknown' ? refuse('chain.status', child, status.detail) : undefined;
}
