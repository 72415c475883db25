/**
 * A certification authority that one hospital can run alone (RFC 5280). The DER is node-forge's, keys and signatures are node:crypto's,
 * since forge knows no elliptic curves.
 */
import { createPublicKey, type KeyObject, randomBytes, sign, X509Certificate } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { MixError } from '../schemas/errors/index.ts';
import { keyIdOf, OID, readCertificate, readCertificates } from './certificate.ts';
import {
  type Asn1,
  addressBytes,
  bits,
  boolean,
  fromDer,
  implicit,
  integer,
  octets,
  oid,
  printable,
  sequence,
  set,
  tagged,
  time,
  toDer,
  utf8,
} from './der.ts';
import {
  generateKey,
  type KeyKind,
  type KeyPair,
  readKeyFile,
  replaceFile,
  requireStrongKey,
  writeKeyFile,
} from './keys.ts';
import { writeAuthorityName } from './node-name.ts';
import { KEY_USAGE, PROFILES, type ProfileName } from './profiles.ts';
import { signatureOf } from './signature-algorithm.ts';

const DAY_MS = 86_400_000;
/** Certificates begin a little earlier than now, so that a peer whose clock is behind can use them at once. */
const CLOCK_SKEW_MS = 5 * 60_000;
/** Longest life of a root, in days (25 years). */
const ROOT_DAYS_MAX = 9_131;

export interface Subject {
  /** 1 to 64 characters. */
  commonName: string;
  organization?: string;
  organizationalUnit?: string;
  /** Two letters (ISO 3166). */
  country?: string;
}

/** Names in subjectAltName (RFC 5280 4.2.1.6). */
export interface AlternativeNames {
  dns?: readonly string[];
  ip?: readonly string[];
  uri?: readonly string[];
}

export interface Authority {
  certificate: X509Certificate;
  key: KeyObject;
  /** This authority's certificate and those above it, the root last. */
  chain: X509Certificate[];
}

export interface AuthorityOptions {
  subject: Subject;
  /** Folder that keeps `ca.key` (0600) and `ca.pem` (its chain); without it the authority lives in memory only. */
  dir?: string;
  /** Key kind; default P-256. */
  key?: KeyKind;
  /** Days of life; default 3,650, at most 25 years and never beyond the issuer. */
  days?: number;
  /** How many authorities may follow below; default 0. */
  pathLength?: number;
  /** Authority above; without it a root is made. */
  issuer?: Authority;
  /** OID of the organisation whose nodes alone it may name; see `writeNodeName`. */
  organization?: string;
  /** ms since the epoch; default now. */
  now?: number;
}

/**
 * Makes a root, or an authority below `issuer`, and keeps it in `dir`.
 * Throws `authority.exists`, `certificate.subject`, `certificate.lifetime`, `certificate.profile` (issuer's path length is used up).
 *
 *     const root = createAuthority({ subject: { commonName: 'Hospital Root' }, dir: 'data/ca' });
 */
export function createAuthority(options: AuthorityOptions): Authority {
  const { dir, issuer } = options;
  if (dir && existsSync(join(dir, 'ca.pem'))) throw new MixError('authority.exists');
  const pathLength = options.pathLength ?? 0;
  const room = issuer ? readCertificate(issuer.certificate).pathLength : undefined;
  if (room !== undefined && pathLength >= room)
    throw new MixError('certificate.profile', { detail: `the issuer allows ${room} authorities below it` });
  const now = options.now ?? Date.now();
  const end = issuer ? issuer.certificate.validToDate.getTime() : Number.POSITIVE_INFINITY;
  const days = options.days ?? Math.min(3_650, (end - now) / DAY_MS);
  if (!(days > 0 && days <= ROOT_DAYS_MAX))
    throw new MixError('certificate.lifetime', { detail: `1 to ${ROOT_DAYS_MAX} days` });
  if (now + days * DAY_MS > end) throw new MixError('certificate.lifetime', { detail: 'the issuer ends earlier' });
  const pair = dir ? keyIn(dir, options.key ?? 'p256') : generateKey(options.key ?? 'p256');
  const certificate = buildCertificate({
    subject: nameOf(options.subject),
    publicKey: pair.publicKey,
    issuer: issuer ?? 'self',
    issuerKey: issuer?.key ?? pair.privateKey,
    notBefore: now - CLOCK_SKEW_MS,
    notAfter: now + days * DAY_MS,
    extensions: [
      extension(OID.basicConstraints, true, sequence(boolean(true), integer(Buffer.of(pathLength)))),
      extension(OID.keyUsage, true, usageBits([KEY_USAGE.keyCertSign, KEY_USAGE.crlSign])),
      ...(options.organization === undefined
        ? []
        : [
            extension(
              OID.subjectAltName,
              false,
              sequence(...alternativeNames({ uri: [writeAuthorityName(options.organization)] })),
            ),
          ]),
    ],
  });
  const authority = { certificate, key: pair.privateKey, chain: [certificate, ...(issuer?.chain ?? [])] };
  if (dir) replaceFile(join(dir, 'ca.pem'), pemOf(authority.chain));
  return authority;
}

/** A new key in the folder; one that an interrupted start left without a certificate has signed nothing and is used. */
function keyIn(dir: string, kind: KeyKind): KeyPair {
  const path = join(dir, 'ca.key');
  mkdirSync(dir, { recursive: true, mode: 0o700 });
  if (existsSync(path)) return readKeyFile(path);
  const pair = generateKey(kind);
  writeKeyFile(path, pair.privateKey);
  return pair;
}

/** Opens the authority of a folder. Throws `authority.missing`, `authority.broken`, and what {@link readKeyFile} throws. */
export function openAuthority(dir: string): Authority {
  if (!existsSync(join(dir, 'ca.pem'))) throw new MixError('authority.missing');
  const chain = readCertificates(readFileSync(join(dir, 'ca.pem'), 'latin1'));
  const certificate = chain[0]!;
  const { privateKey } = readKeyFile(join(dir, 'ca.key'));
  if (!certificate.checkPrivateKey(privateKey)) throw new MixError('authority.broken');
  return { certificate, key: privateKey, chain };
}

export interface CertificateOrder {
  profile: ProfileName;
  subject: Subject;
  san?: AlternativeNames;
  publicKey: KeyObject;
  /** Days of life; default and maximum by profile. Fractions are allowed (short-lived certificates). */
  days?: number;
  /** ms since the epoch; default now. */
  now?: number;
}

export interface IssuedCertificate {
  certificate: X509Certificate;
  pem: string;
  /** The certificate and every authority's below the root, as a TLS server sends them. */
  chainPem: string;
}

/**
 * Issues one certificate for a public key by a profile of the table.
 * Throws `key.weak`, `certificate.subject`, `certificate.lifetime`, `certificate.profile`.
 *
 *     issueCertificate(ca, { profile: 'node', subject: { commonName: 'node-a' }, san: { dns: ['node-a.test'] }, publicKey });
 */
export function issueCertificate(authority: Authority, order: CertificateOrder): IssuedCertificate {
  const profile = Object.hasOwn(PROFILES, order.profile) ? PROFILES[order.profile] : undefined;
  if (!profile) throw new MixError('certificate.profile');
  const publicKey = order.publicKey.type === 'private' ? createPublicKey(order.publicKey) : order.publicKey;
  requireStrongKey(publicKey);
  const now = order.now ?? Date.now();
  const days =
    order.days ?? Math.min(profile.daysDefault, (authority.certificate.validToDate.getTime() - now) / DAY_MS);
  const notAfter = now + days * DAY_MS;
  if (!(days > 0 && days <= profile.daysMax))
    throw new MixError('certificate.lifetime', { detail: `the profile allows ${profile.daysMax} days` });
  if (notAfter > authority.certificate.validToDate.getTime())
    throw new MixError('certificate.lifetime', { detail: 'the issuer ends earlier' });
  const names = alternativeNames(order.san ?? {});
  if (profile.needsName && names.length === 0)
    throw new MixError('certificate.subject', { place: 'subjectAltName', detail: 'at least one name' });
  const certificate = buildCertificate({
    subject: nameOf(order.subject),
    publicKey,
    issuer: authority,
    issuerKey: authority.key,
    notBefore: Math.max(now - CLOCK_SKEW_MS, authority.certificate.validFromDate.getTime()),
    notAfter,
    extensions: [
      extension(OID.basicConstraints, true, sequence()),
      extension(OID.keyUsage, true, usageBits(profile.keyUsage)),
      extension(OID.extKeyUsage, false, sequence(...profile.purposes.map(oid))),
      ...(names.length > 0 ? [extension(OID.subjectAltName, false, sequence(...names))] : []),
    ],
  });
  return { certificate, pem: pemOf([certificate]), chainPem: pemOf([certificate, ...belowRoot(authority.chain)]) };
}

/** PEM of certificates, one after the other (RFC 7468). */
export function pemOf(certificates: X509Certificate[]): string {
  return certificates.map((certificate) => certificate.toString()).join('');
}

function belowRoot(chain: X509Certificate[]): X509Certificate[] {
  return chain.filter((certificate) => !certificate.checkIssued(certificate));
}

interface Build {
  subject: Asn1;
  publicKey: KeyObject;
  issuer: Authority | 'self';
  issuerKey: KeyObject;
  notBefore: number;
  notAfter: number;
  extensions: Asn1[];
}

/** TBSCertificate and its signature (RFC 5280 4.1). */
function buildCertificate(build: Build): X509Certificate {
  const above = build.issuer === 'self' ? undefined : readCertificate(build.issuer.certificate);
  const keyId = keyIdOf(build.publicKey);
  const issuerKeyId = above ? (above.subjectKeyId ?? keyIdOf(createPublicKey(build.issuerKey))) : keyId;
  const { hash, identifier } = signatureOf(build.issuerKey);
  const body = sequence(
    tagged(0, integer(Buffer.of(2))),
    integer(newSerial()),
    identifier(),
    above?.subject ?? build.subject,
    sequence(time(build.notBefore), time(build.notAfter)),
    build.subject,
    fromDer(build.publicKey.export({ type: 'spki', format: 'der' })),
    tagged(
      3,
      sequence(
        ...build.extensions,
        extension(OID.subjectKeyId, false, octets(keyId)),
        extension(OID.authorityKeyId, false, sequence(implicit(0, issuerKeyId))),
      ),
    ),
  );
  const signature = sign(hash, toDer(body), { key: build.issuerKey, dsaEncoding: 'der' });
  return new X509Certificate(toDer(sequence(body, identifier(), bits(signature))));
}

/** 16 random bytes whose first is 0x40 to 0x7f: positive, never shortened, 126 bits of chance (RFC 5280 4.1.2.2). */
function newSerial(): Buffer {
  const serial = randomBytes(16);
  serial[0] = (serial[0]! & 0x3f) | 0x40;
  return serial;
}

function extension(id: string, critical: boolean, value: Asn1): Asn1 {
  return sequence(oid(id), ...(critical ? [boolean(true)] : []), octets(toDer(value)));
}

function usageBits(numbers: number[]): Asn1 {
  const byte = numbers.reduce((sum, number) => sum | (0x80 >> number), 0);
  let unused = 0;
  while (unused < 7 && !(byte & (1 << unused))) unused++;
  return bits(Buffer.of(byte), unused);
}

/** Distinguished name in the order C, O, OU, CN (RFC 5280 4.1.2.4). */
function nameOf(subject: Subject): Asn1 {
  if (subject.country !== undefined && !/^[A-Z]{2}$/.test(subject.country))
    throw new MixError('certificate.subject', { place: 'country' });
  const parts: [string, string | undefined, (text: string) => Asn1][] = [
    ['2.5.4.6', subject.country, printable],
    ['2.5.4.10', subject.organization, utf8],
    ['2.5.4.11', subject.organizationalUnit, utf8],
    ['2.5.4.3', subject.commonName, utf8],
  ];
  const rows = parts.flatMap(([id, text, write]) => {
    if (text === undefined) return [];
    if (text.length < 1 || text.length > 64 || /[\u0000-\u001f\u007f]/.test(text))
      throw new MixError('certificate.subject', { place: id });
    return [set(sequence(oid(id), write(text)))];
  });
  if (!subject.commonName) throw new MixError('certificate.subject', { place: 'commonName' });
  return sequence(...rows);
}

/** Most names that one certificate may carry. */
const NAMES_MAX = 100;

function alternativeNames(names: AlternativeNames): Asn1[] {
  const dns = (names.dns ?? []).map((name) => {
    if (
      name.length > 253 ||
      !/^(\*\.)?([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)*[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/i.test(name)
    ) {
      throw new MixError('certificate.subject', { place: 'subjectAltName', detail: 'not a DNS name' });
    }
    return implicit(2, Buffer.from(name.toLowerCase(), 'ascii'));
  });
  const uri = (names.uri ?? []).map((text) => {
    if (!/^[a-z][a-z0-9+.-]*:[\x21-\x7e]{1,2000}$/i.test(text))
      throw new MixError('certificate.subject', { place: 'subjectAltName', detail: 'not a URI' });
    return implicit(6, Buffer.from(text, 'ascii'));
  });
  const all = [...dns, ...uri, ...(names.ip ?? []).map((text) => implicit(7, addressBytes(text)))];
  if (all.length > NAMES_MAX)
    throw new MixError('certificate.subject', { place: 'subjectAltName', detail: `more than ${NAMES_MAX} names` });
  return all;
}
