/** Was a certificate revoked, as far as lists tell? (RFC 5280 6.3.3: complete, delta, partial and indirect lists) */
import type { KeyObject } from 'node:crypto';
import { KEY_USAGE } from '../profiles.ts';
import { signatureWeakness, verifySignature } from './algorithms.ts';
import { type Demands, strengthOf } from './check-certificate.ts';
import { type GeneralName, isSameName } from './names.ts';
import { keyOf, type ParsedCertificate } from './parse-certificate.ts';
import { type Crl, type CrlEntry, entryKey, type RevocationReason, signedSerial } from './read-crl.ts';
import { ALL_REASONS, type DistributionPoint } from './read-extensions.ts';

/** What lists say of a certificate; `unknown` where one should tell and can not be relied upon. */
export type CertificateStatus =
  | { is: 'not-told' }
  | { is: 'good' }
  | { is: 'revoked'; entry: { serial: string; at: number; reason: RevocationReason } }
  | { is: 'unknown'; detail: string };

export interface StatusContext {
  crls: readonly Crl[];
  demands: Demands;
  /** Certificates with this subject that might have signed a list, beside the issuer itself. */
  signersNamed(key: string): readonly ParsedCertificate[];
  /** Was too much spent already? Then no further list is looked at. */
  isOver(): boolean;
  /** Does a path lead to the signer of a list about `certificate` from the same root? */
  isTrusted(signer: ParsedCertificate, certificate: ParsedCertificate): boolean;
}

/** The issuer on the path, with its working key (DSA keys may have taken their parameters from above). */
export interface Issuer {
  certificate: ParsedCertificate;
  key: KeyObject | undefined;
}

/** A list whose clock is a little ahead of ours is of now. */
const CLOCK_SKEW_MS = 5 * 60_000;

/** Most lists that may be about one certificate. */
const LISTS_MAX = 1_000;
/** Most certificates of one name that are tried as the signer of a list. */
const SIGNERS_MAX = 50;

/** A list that may be relied upon, with the newest change to it. */
interface Believed {
  list: Crl;
  delta?: Crl;
}

export function checkStatus(certificate: ParsedCertificate, issuer: Issuer, context: StatusContext): CertificateStatus {
  const lists = listsFor(certificate, issuer.certificate, context);
  if (lists.length === 0) return { is: 'not-told' };
  if (lists.length > LISTS_MAX) return { is: 'unknown', detail: 'too many revocation lists' };
  const { believed, doubt } = believedOf(lists, certificate, issuer, context);
  let detail = doubt ?? 'no revocation list of this scope';
  const told = new Set<number>();
  for (const point of pointsOf(certificate)) {
    for (const one of believed) {
      if (!isInScope(one.list, point, certificate)) continue;
      const reasons = reasonsOf(one.list, point);
      if (reasons.every((reason) => told.has(reason))) continue;
      const entry = entryOf(one, certificate);
      if (entry !== undefined) return { is: 'revoked', entry };
      if (isStale(one.list, context) || (one.delta !== undefined && isStale(one.delta, context))) {
        detail = 'the revocation list is stale';
        continue;
      }
      for (const reason of reasons) told.add(reason);
    }
  }
  return told.size === ALL_REASONS.size ? { is: 'good' } : { is: 'unknown', detail };
}

/** Lists of the issuer, or of who the certificate says issues them. */
function listsFor(certificate: ParsedCertificate, issuer: ParsedCertificate, context: StatusContext): Crl[] {
  const named = new Set(
    (certificate.distributionPoints ?? []).flatMap(({ crlIssuer = [] }) => crlIssuer.map(keyOfName)),
  );
  const keyIds = [issuer, ...context.signersNamed(certificate.issuer.key)].flatMap(({ subjectKeyId }) =>
    subjectKeyId === undefined ? [] : [subjectKeyId],
  );
  return context.crls.filter(({ issuerName, authorityKeyId }) => {
    if (named.has(issuerName.key)) return true;
    if (issuerName.key !== certificate.issuer.key && issuerName.key !== issuer.subject.key) return false;
    // The list of a namesake with another key tells nothing.
    const isOurs = authorityKeyId === undefined || issuer.subjectKeyId === undefined;
    return isOurs || keyIds.some((id) => id.equals(authorityKeyId));
  });
}

function keyOfName(name: GeneralName): string | undefined {
  return name.form === 'directory' ? name.name.key : undefined;
}

/** Of the lists that hold, the newest of each scope, each with the newest change that fits it. */
function believedOf(
  lists: Crl[],
  certificate: ParsedCertificate,
  issuer: Issuer,
  context: StatusContext,
): { believed: Believed[]; doubt: string | undefined } {
  let doubt: string | undefined;
  const sound: { list: Crl; signer: ParsedCertificate }[] = [];
  for (const list of lists) {
    if (context.isOver()) return { believed: [], doubt: 'too many revocation lists' };
    const fault = faultOf(list, context);
    const signer = fault === undefined ? signerOf(list, certificate, issuer, context) : undefined;
    if (signer !== undefined) sound.push({ list, signer });
    else doubt ??= fault ?? 'the revocation list is not well signed';
  }
  const newest = new Map<string, { list: Crl; signer: ParsedCertificate }>();
  for (const one of sound) {
    if (one.list.baseNumber !== undefined) continue;
    const group = groupOf(one.list);
    const known = newest.get(group);
    if (known === undefined || isNewer(one.list, known.list)) newest.set(group, one);
  }
  const believed = [...newest.values()].map(({ list, signer }) => {
    const delta = sound
      .filter((one) => isChangeOf(one.list, list) && one.signer.key.der.equals(signer.key.der))
      .map((one) => one.list)
      .reduce<Crl | undefined>((best, one) => (best !== undefined && isNewer(best, one) ? best : one), undefined);
    return delta === undefined ? { list } : { list, delta };
  });
  return { believed, doubt };
}

const groupOf = (list: Crl): string => `${list.scope} ${list.issuerName.key}`;

function isNewer(one: Crl, other: Crl): boolean {
  if (one.number !== undefined && other.number !== undefined && one.number !== other.number)
    return one.number > other.number;
  return one.thisUpdate > other.thisUpdate;
}

/** RFC 5280 5.2.4: same issuer and scope, built on this list or an older one, and newer than it. */
function isChangeOf(delta: Crl, list: Crl): boolean {
  if (delta.baseNumber === undefined || delta.number === undefined || list.number === undefined) return false;
  return groupOf(delta) === groupOf(list) && list.number >= delta.baseNumber && list.number < delta.number;
}

/** Why a list is not taken, before anybody looks at its signature. */
function faultOf(list: Crl, { demands }: StatusContext): string | undefined {
  if (!list.understood) return 'a critical extension of the revocation list is not understood';
  if (list.thisUpdate > demands.at + CLOCK_SKEW_MS) return 'the revocation list is of the future';
  if (demands.strictness === 'web' && list.faults[0] !== undefined) return `the revocation list: ${list.faults[0]}`;
  const weakness = signatureWeakness(list.algorithm, strengthOf(demands), list.thisUpdate);
  return weakness === undefined ? undefined : `the revocation list: ${weakness}`;
}

function isStale(list: Crl, { demands }: StatusContext): boolean {
  return list.nextUpdate === undefined || list.nextUpdate < demands.at;
}

/** Who signed it and may: the issuer itself, or another certificate of the list's issuer that says so and leads to the same root. */
function signerOf(
  list: Crl,
  certificate: ParsedCertificate,
  issuer: Issuer,
  context: StatusContext,
): ParsedCertificate | undefined {
  const { certificate: above, key } = issuer;
  if (above.subject.key === list.issuerName.key && maySignLists(above) && isListSignedBy(list, above, key))
    return above;
  return context
    .signersNamed(list.issuerName.key)
    .slice(0, SIGNERS_MAX)
    .find(
      (signer) =>
        signer !== above &&
        signer.keyUsage?.has(KEY_USAGE.crlSign) === true &&
        isListSignedBy(list, signer, keyOf(signer)) &&
        context.isTrusted(signer, certificate),
    );
}

function maySignLists({ keyUsage }: ParsedCertificate): boolean {
  return keyUsage === undefined || keyUsage.has(KEY_USAGE.crlSign);
}

/** Verdicts by the signer's certificate; lists are checked once, not with each path. */
const signatures = new WeakMap<Crl, WeakMap<ParsedCertificate, boolean>>();

function isListSignedBy(list: Crl, signer: ParsedCertificate, key: KeyObject | undefined): boolean {
  if (key === undefined) return false;
  const known = signatures.get(list) ?? new WeakMap<ParsedCertificate, boolean>();
  signatures.set(list, known);
  const told = known.get(signer);
  if (told !== undefined) return told;
  const holds = verifySignature(list.body, list.algorithm, list.signature, key);
  known.set(signer, holds);
  return holds;
}

/** The distribution points of a certificate, and the one that every issuer is for itself (RFC 5280 6.3.3, last paragraph). */
function pointsOf(certificate: ParsedCertificate): DistributionPoint[] {
  const own: DistributionPoint = { names: [{ form: 'directory', name: certificate.issuer }] };
  return [...(certificate.distributionPoints ?? []), own];
}

/** RFC 5280 6.3.3 b. */
function isInScope(list: Crl, point: DistributionPoint, certificate: ParsedCertificate): boolean {
  const { issuingPoint } = list;
  if (point.crlIssuer !== undefined) {
    const isNamed = point.crlIssuer.some((name) => keyOfName(name) === list.issuerName.key);
    if (!isNamed || issuingPoint?.indirect !== true) return false;
  } else if (list.issuerName.key !== certificate.issuer.key) return false;
  if (issuingPoint === undefined) return true;
  const wanted = point.names ?? point.crlIssuer ?? [];
  if (issuingPoint.names?.every((name) => !wanted.some((other) => isSameName(name, other)))) return false;
  if (issuingPoint.onlyAttributes) return false;
  return certificate.ca ? !issuingPoint.onlyUsers : !issuingPoint.onlyAuthorities;
}

/** RFC 5280 6.3.3 d: which reasons the list tells of at this point. */
function reasonsOf(list: Crl, point: DistributionPoint): number[] {
  return [...ALL_REASONS].filter(
    (reason) =>
      (point.reasons === undefined || point.reasons.has(reason)) &&
      (list.issuingPoint?.onlyReasons === undefined || list.issuingPoint.onlyReasons.has(reason)),
  );
}

/** What a list and the change to it say: the change first (RFC 5280 6.3.3 i to k). */
function entryOf({ list, delta }: Believed, certificate: ParsedCertificate): CrlEntry | undefined {
  const key = entryKey(certificate.issuer, signedSerial(certificate.serial));
  const entry = delta?.entries.get(key) ?? list.entries.get(key);
  return entry === undefined || entry.removed ? undefined : entry;
}
