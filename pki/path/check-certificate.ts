/** What holds of one certificate in its place, and of one certificate over another (RFC 5280 6.1.3 a, 6.1.4 k to o). */
import type { FaultCode } from '../../schemas/errors/index.ts';
import { KEY_USAGE, PURPOSE, type Purpose } from '../profiles.ts';
import {
  hasNoParameters,
  isOfBefore,
  keyWeakness,
  type Strength,
  signatureWeakness,
  verifySignature,
} from './algorithms.ts';
import { carriesName, kindOfName } from './host-name.ts';
import { keyOf, type ParsedCertificate } from './parse-certificate.ts';
import { EXTENSION } from './read-extensions.ts';
import { brokenRule, type Placed, type Strictness } from './rules.ts';
import { fault, PATH_REASONS, type PathFault, type PathReason } from './verdict.ts';

/** What is asked of every certificate of a path. */
export interface Demands {
  /** ms since the epoch. */
  at: number;
  strictness: Strictness;
  purpose?: Purpose;
  /** Host name (A-labels), address, or mailbox. */
  name?: string;
}

const STRENGTHS: Readonly<Record<Strictness, Strength>> = { rfc5280: 'legacy', exchange: 'strong', web: 'web' };
const ANY_PURPOSE = '2.5.29.37.0';

/** Extensions that are acted upon here, and so may be critical. */
const UNDERSTOOD = new Set<string>([
  EXTENSION.basicConstraints,
  EXTENSION.keyUsage,
  EXTENSION.extKeyUsage,
  EXTENSION.subjectAltName,
  EXTENSION.subjectKeyId,
  EXTENSION.authorityKeyId,
  EXTENSION.nameConstraints,
  EXTENSION.certificatePolicies,
  EXTENSION.policyMappings,
  EXTENSION.policyConstraints,
  EXTENSION.inhibitAnyPolicy,
  EXTENSION.crlDistributionPoints,
]);

export function strengthOf(demands: Demands): Strength {
  return STRENGTHS[demands.strictness];
}

/** SHA-1 roots from before the web gave it up: their own signature is nothing that anybody relies upon (BR 7.1.3.2). */
const SHA1_ROOT_UNTIL_MS = Date.UTC(2016, 0, 1);

/** What every certificate holds to: its time, its critical extensions, its key, and the rules for its place. */
export function checkCertificate(
  certificate: ParsedCertificate,
  place: Placed['place'],
  demands: Demands,
): PathFault | undefined {
  const { at, strictness } = demands;
  if (at < certificate.notBefore.ms) return fault('chain.not-yet-valid', certificate);
  if (at > certificate.notAfter.ms) return fault('chain.expired', certificate);
  for (const [id, { critical }] of certificate.extensions)
    if (critical && !UNDERSTOOD.has(id)) return fault('chain.extension', certificate, id);
  if (certificate.policies?.hasUnknownQualifier && certificate.extensions.get(EXTENSION.certificatePolicies)?.critical)
    return fault('chain.extension', certificate, EXTENSION.certificatePolicies);
  const weakness = weaknessIn(certificate, place, demands);
  if (weakness !== undefined) return weakness;
  const isServer = place === 'leaf' && isServerAsked(demands);
  const broken = brokenRule({ certificate, place, isServer }, strictness);
  return broken === undefined ? undefined : fault(reasonOf(broken.code), certificate, broken.detail);
}

function reasonOf(code: FaultCode): PathReason {
  return PATH_REASONS.find((one) => one === code) ?? 'chain.form';
}

/** A host or an address is asked for where servers are, whatever the purpose says or leaves out. */
function isServerAsked({ purpose, name }: Demands): boolean {
  if (purpose !== undefined) return purpose === 'serverAuth';
  const kind = name === undefined ? undefined : kindOfName(name);
  return kind === 'host' || kind === 'address';
}

function weaknessIn(certificate: ParsedCertificate, place: Placed['place'], demands: Demands): PathFault | undefined {
  const strength = strengthOf(demands);
  const madeAt = certificate.notBefore.ms;
  const key = keyOf(certificate);
  if (key === undefined) {
    // A DSA key that takes its parameters from its issuer becomes one on the path.
    const isWaiting = hasNoParameters(certificate) && strength === 'legacy';
    if (!isWaiting) return fault('chain.weak', certificate, 'public key');
  } else {
    const detail = keyWeakness(certificate, key, strength);
    if (detail !== undefined) return fault('chain.weak', certificate, detail);
  }
  if (place === 'root' && strength !== 'web') return undefined;
  const detail = signatureWeakness(certificate.algorithm, strength, madeAt);
  const isOldRoot = place === 'root' && isOfBefore(SHA1_ROOT_UNTIL_MS, madeAt) && detail === 'SHA-1';
  return detail === undefined || isOldRoot ? undefined : fault('chain.weak', certificate, detail);
}

/** Purpose, key usage and name of the leaf (RFC 5280 4.2.1.3, 4.2.1.12; RFC 9525). */
export function checkLeaf(leaf: ParsedCertificate, demands: Demands): PathFault | undefined {
  const { purpose, name } = demands;
  if (purpose !== undefined) {
    const isMeant = leaf.purposes?.some(
      (id) => id === PURPOSE[purpose] || (id === ANY_PURPOSE && demands.strictness === 'rfc5280'),
    );
    if (!isMeant) return fault('chain.purpose', leaf, purpose);
    const needed = USAGES[purpose] ?? SIGNING;
    if (leaf.keyUsage !== undefined && !needed.some((bit) => leaf.keyUsage?.has(bit)))
      return fault('chain.purpose', leaf, 'keyUsage');
  }
  return name === undefined || carriesName(leaf, name) ? undefined : fault('chain.name', leaf);
}

const SIGNING: readonly number[] = [KEY_USAGE.digitalSignature, KEY_USAGE.contentCommitment];
const KEY_AGREEMENT = 4;
/** Bits of which one must be there, where there is a key usage; for signatures of any kind, see {@link SIGNING}. */
const USAGES: Partial<Record<Purpose, readonly number[]>> = {
  serverAuth: [KEY_USAGE.digitalSignature, KEY_USAGE.keyEncipherment, KEY_AGREEMENT],
  clientAuth: [KEY_USAGE.digitalSignature],
  emailProtection: [...SIGNING, KEY_USAGE.keyEncipherment, KEY_AGREEMENT],
};

/** May this certificate issue others for what is asked? */
export function checkAuthority(
  authority: ParsedCertificate,
  place: 'authority' | 'root',
  demands: Demands,
): PathFault | undefined {
  const own = checkCertificate(authority, place, demands);
  if (own !== undefined) return own;
  // A root of version 1 can not say that it is an authority; that it is trusted says so.
  const isOldRoot = place === 'root' && authority.version !== 3;
  if (!authority.ca && !isOldRoot) return fault('chain.not-authority', authority);
  if (authority.keyUsage !== undefined && !authority.keyUsage.has(KEY_USAGE.keyCertSign))
    return fault('chain.not-authority', authority, 'keyCertSign');
  const { purpose } = demands;
  const isMeant =
    purpose === undefined ||
    authority.purposes === undefined ||
    authority.purposes.includes(PURPOSE[purpose]) ||
    authority.purposes.includes(ANY_PURPOSE);
  return isMeant ? undefined : fault('chain.purpose', authority, purpose);
}

const verified = new WeakMap<ParsedCertificate, WeakMap<ParsedCertificate, boolean>>();

/** Did the key of `issuer` sign `child`? `later` where the key waits for its parameters. Kept, so that a path costs each signature once. */
export function isSignedBy(child: ParsedCertificate, issuer: ParsedCertificate): boolean | 'later' {
  const known = verified.get(child) ?? new WeakMap<ParsedCertificate, boolean>();
  verified.set(child, known);
  const told = known.get(issuer);
  if (told !== undefined) return told;
  const key = keyOf(issuer);
  if (key === undefined) return hasNoParameters(issuer) ? 'later' : false;
  const holds = verifySignature(child.body, child.algorithm, child.signature, key);
  known.set(issuer, holds);
  return holds;
}
