/** The extensions that path validation understands (RFC 5280 4.2.1 and 5.2), each read whole or refused. */
import { type GeneralName, type Name, nameBelow, readGeneralName, readGeneralNames } from './names.ts';
import {
  bitStringOf,
  booleanOf,
  countOf,
  type Der,
  Fields,
  itemsOf,
  malformed,
  namedBitsOf,
  oidOf,
  readDer,
  TAG,
} from './read-der.ts';

export const EXTENSION = {
  subjectDirectoryAttributes: '2.5.29.9',
  subjectKeyId: '2.5.29.14',
  keyUsage: '2.5.29.15',
  subjectAltName: '2.5.29.17',
  issuerAltName: '2.5.29.18',
  basicConstraints: '2.5.29.19',
  crlNumber: '2.5.29.20',
  reasonCode: '2.5.29.21',
  invalidityDate: '2.5.29.24',
  deltaCrlIndicator: '2.5.29.27',
  issuingDistributionPoint: '2.5.29.28',
  certificateIssuer: '2.5.29.29',
  nameConstraints: '2.5.29.30',
  crlDistributionPoints: '2.5.29.31',
  certificatePolicies: '2.5.29.32',
  policyMappings: '2.5.29.33',
  authorityKeyId: '2.5.29.35',
  policyConstraints: '2.5.29.36',
  extKeyUsage: '2.5.29.37',
  freshestCrl: '2.5.29.46',
  inhibitAnyPolicy: '2.5.29.54',
  authorityInfoAccess: '1.3.6.1.5.5.7.1.1',
  subjectInfoAccess: '1.3.6.1.5.5.7.1.11',
} as const;

export interface Extension {
  critical: boolean;
  value: Buffer;
  /** `critical` FALSE is written out, against X.690 11.5; found in the field, and refused by the rules of the web alone. */
  saysDefault: boolean;
}

/** Extensions by OID; each once (RFC 5280 4.2), at least one where the field is there. */
export function readExtensions(list: Der): Map<string, Extension> {
  const found = new Map<string, Extension>();
  const fields = new Fields(list, 'extensions');
  for (let item = fields.maybe(TAG.sequence); item !== undefined; item = fields.maybe(TAG.sequence)) {
    const parts = new Fields(item, 'an extension');
    const id = oidOf(parts.next(TAG.oid));
    const flag = parts.maybe(TAG.boolean);
    const critical = flag !== undefined && booleanOf(flag);
    const value = parts.next(TAG.octetString).content;
    parts.end();
    if (found.has(id)) throw malformed('an extension twice');
    found.set(id, { critical, value, saysDefault: flag !== undefined && !critical });
  }
  fields.end();
  if (found.size === 0) throw malformed('a list of extensions that is empty');
  return found;
}

export interface BasicConstraints {
  ca: boolean;
  pathLength?: number;
  /** `cA` FALSE is written out, against X.690 11.5. */
  saysNoAuthority?: true;
}

export function readBasicConstraints(value: Buffer): BasicConstraints {
  const fields = new Fields(readDer(value), 'basicConstraints');
  const flag = fields.maybe(TAG.boolean);
  const length = fields.maybe(TAG.integer);
  fields.end();
  const read: BasicConstraints = { ca: flag !== undefined && booleanOf(flag) };
  if (length !== undefined) read.pathLength = countOf(length);
  if (flag !== undefined && !read.ca) read.saysNoAuthority = true;
  return read;
}

/** Numbers of the KeyUsage bits (RFC 5280 4.2.1.3). */
export function readKeyUsage(value: Buffer): Set<number> {
  const bits = readDer(value);
  if (bits.tag !== TAG.bitString) throw malformed('keyUsage');
  return namedBitsOf(bits);
}

export function readExtKeyUsage(value: Buffer): string[] {
  const ids = itemsOf(sequenceOf(value, 'extKeyUsage')).map(oidOf);
  if (ids.length === 0) throw malformed('extKeyUsage that is empty');
  return ids;
}

function sequenceOf(value: Buffer, what: string): Der {
  const read = readDer(value);
  if (read.tag !== TAG.sequence) throw malformed(what);
  return read;
}

export function readAltNames(value: Buffer): GeneralName[] {
  return readGeneralNames(sequenceOf(value, 'subjectAltName'));
}

export function readKeyId(value: Buffer): Buffer {
  const id = readDer(value);
  if (id.tag !== TAG.octetString || id.content.length === 0) throw malformed('subjectKeyIdentifier');
  return id.content;
}

export interface AuthorityKeyId {
  keyId?: Buffer;
  /** authorityCertIssuer or authorityCertSerialNumber is there. */
  namesIssuer: boolean;
}

export function readAuthorityKeyId(value: Buffer): AuthorityKeyId {
  const fields = new Fields(readDer(value), 'authorityKeyIdentifier');
  const keyId = fields.maybe(0x80);
  const issuer = fields.maybe(0xa1);
  const serial = fields.maybe(0x82);
  fields.end();
  if (issuer !== undefined) readGeneralNames(issuer);
  if ((issuer === undefined) !== (serial === undefined)) throw malformed('authorityKeyIdentifier');
  const namesIssuer = issuer !== undefined;
  return keyId === undefined ? { namesIssuer } : { keyId: keyId.content, namesIssuer };
}

export interface Subtree {
  base: GeneralName;
  /** minimum other than 0, or a maximum: refused (RFC 5280 4.2.1.10). */
  hasRange: boolean;
}

export interface NameConstraints {
  permitted: Subtree[];
  excluded: Subtree[];
}

export function readNameConstraints(value: Buffer): NameConstraints {
  const fields = new Fields(readDer(value), 'nameConstraints');
  const permitted = fields.maybe(0xa0);
  const excluded = fields.maybe(0xa1);
  fields.end();
  if (permitted === undefined && excluded === undefined) throw malformed('nameConstraints that are empty');
  return { permitted: readSubtrees(permitted), excluded: readSubtrees(excluded) };
}

function readSubtrees(list: Der | undefined): Subtree[] {
  if (list === undefined) return [];
  const subtrees = itemsOf(list).map((item) => {
    const fields = new Fields(item, 'nameConstraints');
    const base = readGeneralName(fields.any());
    const minimum = fields.maybe(0x80);
    const maximum = fields.maybe(0x81);
    fields.end();
    const isZero = minimum === undefined || (minimum.content.length === 1 && minimum.content[0] === 0);
    return { base, hasRange: !isZero || maximum !== undefined };
  });
  if (subtrees.length === 0) throw malformed('nameConstraints that are empty');
  return subtrees;
}

export const ANY_POLICY = '2.5.29.32.0';
const QUALIFIERS = new Set(['1.3.6.1.5.5.7.2.1', '1.3.6.1.5.5.7.2.2']);

export interface Policies {
  ids: Set<string>;
  /** A qualifier of a kind that is not known: refused where the extension is critical (RFC 5280 4.2.1.4). */
  hasUnknownQualifier: boolean;
}

export function readPolicies(value: Buffer): Policies {
  const ids = new Set<string>();
  let hasUnknownQualifier = false;
  for (const item of itemsOf(sequenceOf(value, 'certificatePolicies'))) {
    const fields = new Fields(item, 'certificatePolicies');
    const id = oidOf(fields.next(TAG.oid));
    const qualifiers = fields.maybe(TAG.sequence);
    fields.end();
    if (ids.has(id)) throw malformed('a policy twice');
    ids.add(id);
    for (const qualifier of qualifiers === undefined ? [] : itemsOf(qualifiers))
      if (!QUALIFIERS.has(oidOf(new Fields(qualifier, 'a policy qualifier').next(TAG.oid)))) hasUnknownQualifier = true;
  }
  if (ids.size === 0) throw malformed('certificatePolicies that are empty');
  return { ids, hasUnknownQualifier };
}

/** What each policy of the issuer stands for below it. */
export function readPolicyMappings(value: Buffer): Map<string, Set<string>> {
  const found = new Map<string, Set<string>>();
  for (const item of itemsOf(sequenceOf(value, 'policyMappings'))) {
    const fields = new Fields(item, 'policyMappings');
    const from = oidOf(fields.next(TAG.oid));
    const to = oidOf(fields.next(TAG.oid));
    fields.end();
    found.set(from, (found.get(from) ?? new Set()).add(to));
  }
  if (found.size === 0) throw malformed('policyMappings that are empty');
  return found;
}

export interface PolicyConstraints {
  requireExplicit?: number;
  inhibitMapping?: number;
}

export function readPolicyConstraints(value: Buffer): PolicyConstraints {
  const fields = new Fields(readDer(value), 'policyConstraints');
  const explicit = fields.maybe(0x80);
  const mapping = fields.maybe(0x81);
  fields.end();
  if (explicit === undefined && mapping === undefined) throw malformed('policyConstraints that are empty');
  const read: PolicyConstraints = {};
  if (explicit !== undefined) read.requireExplicit = countOf(explicit, 0x80);
  if (mapping !== undefined) read.inhibitMapping = countOf(mapping, 0x81);
  return read;
}

export function readSkipCerts(value: Buffer): number {
  return countOf(readDer(value));
}

/** Reasons by bit (RFC 5280 4.2.1.13 ReasonFlags); bit 0 is not used. */
export const ALL_REASONS = new Set([1, 2, 3, 4, 5, 6, 7, 8]);

export interface DistributionPoint {
  /** Undefined without a name; else what it goes by in full. */
  names?: GeneralName[];
  reasons?: Set<number>;
  crlIssuer?: GeneralName[];
}

/** Distribution points of a certificate; names told relative to the issuer come out in full. */
export function readDistributionPoints(value: Buffer, issuer: Name): DistributionPoint[] {
  const points = itemsOf(sequenceOf(value, 'cRLDistributionPoints')).map((item) => {
    const fields = new Fields(item, 'cRLDistributionPoints');
    const name = fields.maybe(0xa0);
    const reasons = fields.maybe(0x81);
    const crlIssuer = fields.maybe(0xa2);
    fields.end();
    if (name === undefined && crlIssuer === undefined) throw malformed('a distribution point without a name');
    const point: DistributionPoint = {};
    if (crlIssuer !== undefined) point.crlIssuer = readGeneralNames(crlIssuer);
    if (name !== undefined) point.names = readPointName(name, directoryOf(point.crlIssuer) ?? issuer);
    if (reasons !== undefined) point.reasons = namedBitsOf(reasons);
    return point;
  });
  if (points.length === 0) throw malformed('cRLDistributionPoints that are empty');
  return points;
}

function directoryOf(names: GeneralName[] | undefined): Name | undefined {
  const found = names?.find((name) => name.form === 'directory');
  return found?.form === 'directory' ? found.name : undefined;
}

function readPointName(name: Der, issuer: Name): GeneralName[] {
  const choice = readDer(name.content);
  if (choice.tag === 0xa0) return readGeneralNames(choice);
  if (choice.tag === 0xa1) return [{ form: 'directory', name: nameBelow(issuer, choice.content) }];
  throw malformed('the name of a distribution point');
}

export interface IssuingPoint {
  names?: GeneralName[];
  onlyUsers: boolean;
  onlyAuthorities: boolean;
  onlyAttributes: boolean;
  onlyReasons?: Set<number>;
  indirect: boolean;
}

/** IssuingDistributionPoint of a revocation list (RFC 5280 5.2.5). */
export function readIssuingPoint(value: Buffer, issuer: Name): IssuingPoint {
  const fields = new Fields(readDer(value), 'issuingDistributionPoint');
  const name = fields.maybe(0xa0);
  const flag = (tag: number): boolean => {
    const found = fields.maybe(tag);
    return found !== undefined && booleanOf(found);
  };
  const onlyUsers = flag(0x81);
  const onlyAuthorities = flag(0x82);
  const reasons = fields.maybe(0x83);
  const indirect = flag(0x84);
  const onlyAttributes = flag(0x85);
  fields.end();
  if (Number(onlyUsers) + Number(onlyAuthorities) + Number(onlyAttributes) > 1)
    throw malformed('issuingDistributionPoint with two scopes');
  const read: IssuingPoint = { onlyUsers, onlyAuthorities, onlyAttributes, indirect };
  if (name !== undefined) read.names = readPointName(name, issuer);
  if (reasons !== undefined) read.onlyReasons = namedBitsOf(reasons);
  return read;
}

/** AuthorityInfoAccess and SubjectInfoAccess: a list of a method and where (RFC 5280 4.2.2). Throws on another shape. */
export function checkInfoAccess(value: Buffer): void {
  const items = itemsOf(sequenceOf(value, 'info access'));
  if (items.length === 0) throw malformed('info access that is empty');
  for (const item of items) {
    const fields = new Fields(item, 'info access');
    oidOf(fields.next(TAG.oid));
    readGeneralName(fields.any());
    fields.end();
  }
}

/** Bytes of a whole-byte BIT STRING: signatures and public keys. */
export function wholeBytesOf(value: Der): Buffer {
  if (value.tag !== TAG.bitString) throw malformed('a bit string was expected');
  const { bytes, unused } = bitStringOf(value);
  if (unused !== 0) throw malformed('a bit string of broken bytes');
  return bytes;
}
