/** An X.509 certificate as path validation sees it (RFC 5280 4.1), read strictly from its DER. */
import { createHash, createPublicKey, type KeyObject } from 'node:crypto';
import { MixError } from '../../schemas/errors/index.ts';
import { COMMON_NAME, type GeneralName, type Name, readName } from './names.ts';
import {
  countOf,
  type Der,
  type DerTime,
  Fields,
  integerOf,
  malformed,
  oidOf,
  readDer,
  TAG,
  timeOf,
} from './read-der.ts';
import {
  type AuthorityKeyId,
  type DistributionPoint,
  EXTENSION,
  type Extension,
  type NameConstraints,
  type Policies,
  type PolicyConstraints,
  readAltNames,
  readAuthorityKeyId,
  readBasicConstraints,
  readDistributionPoints,
  readExtensions,
  readExtKeyUsage,
  readKeyId,
  readKeyUsage,
  readNameConstraints,
  readPolicies,
  readPolicyConstraints,
  readPolicyMappings,
  readSkipCerts,
  wholeBytesOf,
} from './read-extensions.ts';

/** AlgorithmIdentifier: the OID, and the parameters as they came. */
export interface AlgorithmId {
  id: string;
  parameters?: Buffer;
  der: Buffer;
}

export interface SubjectKey {
  algorithm: AlgorithmId;
  der: Buffer;
  /** Content of subjectPublicKey. */
  bits: Buffer;
}

export interface ParsedCertificate {
  der: Buffer;
  /** What is signed. */
  body: Buffer;
  version: 1 | 2 | 3;
  /** Content of the INTEGER, sign and all. */
  serial: Buffer;
  algorithm: AlgorithmId;
  signature: Buffer;
  issuer: Name;
  subject: Name;
  notBefore: DerTime;
  notAfter: DerTime;
  key: SubjectKey;
  extensions: Map<string, Extension>;
  /** The rest is read from extensions; absent where they are. */
  ca: boolean;
  pathLength?: number;
  /** basicConstraints with a default written out. */
  saysNoAuthority?: true;
  keyUsage?: Set<number>;
  purposes?: string[];
  altNames?: GeneralName[];
  subjectKeyId?: Buffer;
  authorityKeyId?: AuthorityKeyId;
  nameConstraints?: NameConstraints;
  policies?: Policies;
  policyMappings?: Map<string, Set<string>>;
  policyConstraints?: PolicyConstraints;
  inhibitAnyPolicy?: number;
  distributionPoints?: DistributionPoint[];
}

/** Largest certificate, bytes: room for some thousand names. */
const CERTIFICATE_BYTES_MAX = 1024 * 1024;
/** RFC 5280 4.1.2.2: serial numbers of up to 20 octets; one more only holds the sign. */
const SERIAL_BYTES_MAX = 21;

/** Reads one certificate from DER. Throws `certificate.malformed`. */
export function parseCertificate(der: Buffer): ParsedCertificate {
  if (der.length > CERTIFICATE_BYTES_MAX) throw malformed(`more than ${CERTIFICATE_BYTES_MAX} bytes`);
  const outer = new Fields(readDer(der), 'a certificate');
  const body = outer.next(TAG.sequence);
  const algorithm = readAlgorithm(outer.next(TAG.sequence));
  const signature = wholeBytesOf(outer.next(TAG.bitString));
  outer.end();
  const fields = new Fields(body, 'a certificate');
  const version = readVersion(fields.maybe(0xa0));
  const serial = integerOf(fields.next(TAG.integer));
  if (serial.length > SERIAL_BYTES_MAX || (serial.length === SERIAL_BYTES_MAX && serial[0] !== 0))
    throw malformed('a serial number of more than 20 octets');
  if (!readAlgorithm(fields.next(TAG.sequence)).der.equals(algorithm.der)) throw malformed('two signature algorithms');
  const issuer = readName(fields.next(TAG.sequence));
  if (issuer.rdns.length === 0) throw malformed('an issuer without a name');
  const validity = new Fields(fields.next(TAG.sequence), 'validity');
  const [notBefore, notAfter] = [timeOf(validity.any()), timeOf(validity.any())];
  validity.end();
  const subject = readName(fields.next(TAG.sequence));
  const key = readSubjectKey(fields.next(TAG.sequence));
  const uniqueIds = [fields.maybe(0x81), fields.maybe(0x82)].some((one) => one !== undefined);
  const block = fields.maybe(0xa3);
  fields.end();
  if (uniqueIds && version === 1) throw malformed('unique identifiers in version 1');
  if (block !== undefined && version !== 3) throw malformed('extensions need version 3');
  const extensions = block === undefined ? new Map<string, Extension>() : readExtensions(readDer(block.content));
  const read: ParsedCertificate = {
    der,
    body: body.bytes,
    version,
    serial,
    algorithm,
    signature,
    issuer,
    subject,
    notBefore,
    notAfter,
    key,
    extensions,
    ca: false,
  };
  for (const [id, readValue] of Object.entries(READERS)) {
    const extension = extensions.get(id);
    if (extension !== undefined) Object.assign(read, readValue(extension.value, issuer));
  }
  return read;
}

/** What each extension adds to what is read. */
const READERS: Readonly<Record<string, (value: Buffer, issuer: Name) => Partial<ParsedCertificate>>> = {
  [EXTENSION.basicConstraints]: readBasicConstraints,
  [EXTENSION.keyUsage]: (value) => ({ keyUsage: readKeyUsage(value) }),
  [EXTENSION.extKeyUsage]: (value) => ({ purposes: readExtKeyUsage(value) }),
  [EXTENSION.subjectAltName]: (value) => ({ altNames: readAltNames(value) }),
  [EXTENSION.subjectKeyId]: (value) => ({ subjectKeyId: readKeyId(value) }),
  [EXTENSION.authorityKeyId]: (value) => ({ authorityKeyId: readAuthorityKeyId(value) }),
  [EXTENSION.nameConstraints]: (value) => ({ nameConstraints: readNameConstraints(value) }),
  [EXTENSION.certificatePolicies]: (value) => ({ policies: readPolicies(value) }),
  [EXTENSION.policyMappings]: (value) => ({ policyMappings: readPolicyMappings(value) }),
  [EXTENSION.policyConstraints]: (value) => ({ policyConstraints: readPolicyConstraints(value) }),
  [EXTENSION.inhibitAnyPolicy]: (value) => ({ inhibitAnyPolicy: readSkipCerts(value) }),
  [EXTENSION.crlDistributionPoints]: (value, issuer) => ({ distributionPoints: readDistributionPoints(value, issuer) }),
};

function readVersion(tagged: Der | undefined): 1 | 2 | 3 {
  if (tagged === undefined) return 1;
  const number = countOf(readDer(tagged.content));
  if (number !== 1 && number !== 2) throw malformed('a version that is not known');
  return number === 1 ? 2 : 3;
}

export function readAlgorithm(value: Der): AlgorithmId {
  const fields = new Fields(value, 'an algorithm');
  const id = oidOf(fields.next(TAG.oid));
  const parameters = value.content.length === fieldLength(value) ? undefined : fields.any().bytes;
  fields.end();
  return parameters === undefined ? { id, der: value.bytes } : { id, parameters, der: value.bytes };
}

/** Length of the first value within, head and all; an OID's is always short. */
function fieldLength(value: Der): number {
  return 2 + (value.content[1] ?? 0);
}

function readSubjectKey(value: Der): SubjectKey {
  const fields = new Fields(value, 'a public key');
  const algorithm = readAlgorithm(fields.next(TAG.sequence));
  const bits = wholeBytesOf(fields.next(TAG.bitString));
  fields.end();
  return { algorithm, der: value.bytes, bits };
}

/** Subject and issuer are the same (RFC 5280 3.2): of an authority that changes its keys. */
export function isSelfIssued(certificate: ParsedCertificate): boolean {
  return certificate.subject.key === certificate.issuer.key;
}

export function commonNamesOf(certificate: ParsedCertificate): string[] {
  return certificate.subject.attributes.flatMap(({ type, text }) =>
    type === COMMON_NAME && text !== undefined ? [text] : [],
  );
}

const keys = new WeakMap<ParsedCertificate, KeyObject | undefined>();

/** The public key; undefined where its bytes make none, or its parameters are those of the issuer (RFC 3279 2.3.2). */
export function keyOf(certificate: ParsedCertificate): KeyObject | undefined {
  if (!keys.has(certificate)) keys.set(certificate, readKey(certificate.key.der));
  return keys.get(certificate);
}

export function readKey(der: Buffer): KeyObject | undefined {
  try {
    return createPublicKey({ key: der, format: 'der', type: 'spki' });
  } catch {
    return undefined;
  }
}

/** What a verdict may say of a certificate: its key identifier, or the hash of its key; hex, of nobody's person. */
export function keyIdTextOf(certificate: ParsedCertificate): string {
  const id = certificate.subjectKeyId ?? createHash('sha256').update(certificate.key.bits).digest().subarray(0, 20);
  return id.subarray(0, 32).toString('hex');
}

/** Most certificates that one PEM text may hold. */
const PEM_CERTIFICATES_MAX = 5_000;

/** DER of each certificate in a PEM text (RFC 7468 5), or the text itself where it is DER. Throws `certificate.malformed`. */
export function readPem(text: Buffer): Buffer[] {
  if (text[0] === TAG.sequence) return [text];
  const found = blocksOf(text.toString('latin1'), ['CERTIFICATE', 'X509 CERTIFICATE']);
  if (found.length === 0) throw malformed('no certificate in the PEM text');
  if (found.length > PEM_CERTIFICATES_MAX) throw malformed(`more than ${PEM_CERTIFICATES_MAX} certificates`);
  return found;
}

/** Bytes of the PEM blocks with one of these labels. Text around them is left out; a bad block is refused. */
export function blocksOf(text: string, labels: readonly string[]): Buffer[] {
  const found: Buffer[] = [];
  let at = 0;
  for (let from = text.indexOf('-----BEGIN ', at); from !== -1; from = text.indexOf('-----BEGIN ', at)) {
    const headEnd = text.indexOf('-----', from + 11);
    if (headEnd === -1 || headEnd - from > 100) throw malformed('PEM without the end of its first line');
    const label = text.slice(from + 11, headEnd);
    const foot = `-----END ${label}-----`;
    const to = text.indexOf(foot, headEnd + 5);
    if (to === -1) throw malformed('PEM that is cut');
    at = to + foot.length;
    if (!labels.includes(label)) continue;
    const body = text.slice(headEnd + 5, to).replace(/[\r\n\t ]+/g, '');
    if (!/^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/.test(body))
      throw malformed('PEM that is not base64');
    found.push(Buffer.from(body, 'base64'));
  }
  return found;
}

/** A certificate, or why it can not be read. */
export function tryParse(der: Buffer): ParsedCertificate | MixError {
  try {
    return parseCertificate(der);
  } catch (cause) {
    return cause instanceof MixError ? cause : malformed('not readable');
  }
}
