/** Revocation lists (RFC 5280 5.1), read strictly and within bounds; signature and scope are judged elsewhere. */
import { MixError } from '../../schemas/errors/index.ts';
import { type Name, readGeneralNames, readName } from './names.ts';
import { type AlgorithmId, blocksOf, readAlgorithm } from './parse-certificate.ts';
import { countOf, type Der, Fields, integerOf, itemsOf, malformed, readDer, TAG, timeOf } from './read-der.ts';
import {
  EXTENSION,
  type IssuingPoint,
  readAuthorityKeyId,
  readExtensions,
  readIssuingPoint,
  wholeBytesOf,
} from './read-extensions.ts';

/** Reasons by their number (RFC 5280 5.3.1); 7 is not used, 8 only stands in delta lists. */
export const REVOCATION_REASONS = {
  unspecified: 0,
  'key-compromise': 1,
  'ca-compromise': 2,
  'affiliation-changed': 3,
  superseded: 4,
  'cessation-of-operation': 5,
  'certificate-hold': 6,
  'privilege-withdrawn': 9,
  'aa-compromise': 10,
} as const;
export type RevocationReason = keyof typeof REVOCATION_REASONS;

export interface RevokedCertificate {
  /** Upper-case hex, as `X509Certificate.serialNumber`. */
  serial: string;
  /** ms since the epoch. */
  at: number;
  reason: RevocationReason;
}

/** An entry as it stands in a list: also one that takes a certificate off again. */
export interface CrlEntry extends RevokedCertificate {
  removed: boolean;
}

export interface Crl {
  /** The issuer's name, DER. */
  issuer: Buffer;
  issuerName: Name;
  authorityKeyId?: Buffer;
  number?: bigint;
  /** Of a delta list: the number of the list that it is a change to. */
  baseNumber?: bigint;
  /** ms since the epoch. */
  thisUpdate: number;
  nextUpdate?: number;
  /** What the list's own issuer revoked, by serial number. */
  revoked: Map<string, RevokedCertificate>;
  /** Every entry by issuer and serial number; see {@link entryKey}. */
  entries: Map<string, CrlEntry>;
  issuingPoint?: IssuingPoint;
  /** The extension as it came: lists of the same scope have the same. */
  scope: string;
  /** False where something critical in it is not known here. */
  understood: boolean;
  /** Faults against the profile of RFC 5280 5 that a strict reader refuses. */
  faults: string[];
  signatureAlgorithm: string;
  algorithm: AlgorithmId;
  /** What is signed. */
  body: Buffer;
  signature: Buffer;
}

/** Largest list, bytes: about 100,000 entries. */
const CRL_BYTES_MAX = 4 * 1024 * 1024;

/** Every list of a file, DER (one) or PEM (one or many). Throws `crl.malformed`. */
export function readCrls(bytes: Uint8Array): Crl[] {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, Math.min(bytes.length, 3 * CRL_BYTES_MAX)).toString(
    'latin1',
  );
  if (!text.includes('-----BEGIN')) return [readCrl(bytes)];
  const blocks = refusing(() => blocksOf(text, ['X509 CRL', 'CRL']));
  if (blocks.length === 0) throw new MixError('crl.malformed', { detail: 'no list in the PEM text' });
  return blocks.map(readCrl);
}

/** One list from its DER; its signature is not judged yet. Throws `crl.malformed`. */
export function readCrl(der: Uint8Array): Crl {
  return refusing(() => readList(Buffer.from(der)));
}

function refusing<T>(act: () => T): T {
  try {
    return act();
  } catch (cause) {
    const detail = cause instanceof MixError ? cause.fault.detail : undefined;
    throw new MixError('crl.malformed', { ...(detail === undefined ? {} : { detail }) });
  }
}

function readList(der: Buffer): Crl {
  if (der.length > CRL_BYTES_MAX) throw malformed(`more than ${CRL_BYTES_MAX} bytes`);
  const outer = new Fields(readDer(der), 'a list');
  const body = outer.next(TAG.sequence);
  const algorithm = readAlgorithm(outer.next(TAG.sequence));
  const signature = wholeBytesOf(outer.next(TAG.bitString));
  outer.end();
  const fields = new Fields(body, 'a list');
  const version = fields.maybe(TAG.integer);
  if (version !== undefined && countOf(version) !== 1) throw malformed('a version that is not known');
  if (!readAlgorithm(fields.next(TAG.sequence)).der.equals(algorithm.der)) throw malformed('two signature algorithms');
  const issuerName = readName(fields.next(TAG.sequence));
  if (issuerName.rdns.length === 0) throw malformed('an issuer without a name');
  const thisUpdate = timeOf(fields.any()).ms;
  const next = fields.maybe(TAG.utcTime) ?? fields.maybe(TAG.generalizedTime);
  const entries = fields.maybe(TAG.sequence);
  const block = fields.maybe(0xa0);
  fields.end();
  if (version === undefined && block !== undefined) throw malformed('extensions need version 2');
  const crl: Crl = {
    issuer: issuerName.der,
    issuerName,
    thisUpdate,
    revoked: new Map(),
    entries: new Map(),
    scope: '',
    understood: true,
    faults: [],
    signatureAlgorithm: algorithm.id,
    algorithm,
    body: body.bytes,
    signature,
  };
  if (next !== undefined) crl.nextUpdate = timeOf(next).ms;
  if (block !== undefined) readListExtensions(readDer(block.content), crl);
  if (entries !== undefined) readEntries(entries, crl, version !== undefined);
  return crl;
}

/** Extensions that may be marked critical, and are known. */
const CRITICAL_KNOWN = new Set<string>([
  EXTENSION.issuingDistributionPoint,
  EXTENSION.deltaCrlIndicator,
  EXTENSION.authorityKeyId,
  EXTENSION.crlNumber,
]);

function readListExtensions(list: Der, crl: Crl): void {
  const extensions = readExtensions(list);
  for (const [id, { critical }] of extensions) if (critical && !CRITICAL_KNOWN.has(id)) crl.understood = false;
  const keyId = extensions.get(EXTENSION.authorityKeyId);
  if (keyId !== undefined) {
    const read = readAuthorityKeyId(keyId.value).keyId;
    if (read !== undefined) crl.authorityKeyId = read;
    if (keyId.critical) crl.faults.push('authorityKeyIdentifier is critical');
  }
  const number = extensions.get(EXTENSION.crlNumber);
  if (number === undefined) crl.faults.push('no cRLNumber');
  else {
    crl.number = numberOf(number.value);
    if (number.critical) crl.faults.push('cRLNumber is critical');
  }
  const base = extensions.get(EXTENSION.deltaCrlIndicator);
  if (base !== undefined) {
    crl.baseNumber = numberOf(base.value);
    if (!base.critical) crl.faults.push('deltaCRLIndicator is not critical');
  }
  const point = extensions.get(EXTENSION.issuingDistributionPoint);
  if (point !== undefined) {
    crl.issuingPoint = readIssuingPoint(point.value, crl.issuerName);
    crl.scope = point.value.toString('hex');
    if (!point.critical) crl.faults.push('issuingDistributionPoint is not critical');
  }
}

/** RFC 5280 5.2.3: 0 or more, up to 20 octets. */
function numberOf(value: Buffer): bigint {
  const content = integerOf(readDer(value));
  if (content[0]! >= 0x80 || content.length > 21) throw malformed('the number of a list');
  return BigInt(`0x${content.toString('hex')}`);
}

/** The key of an entry: who issued the certificate, and its number. */
export function entryKey(issuer: Name, serial: string): string {
  return `${serial} ${issuer.key}`;
}

/** Serial number as node:crypto writes it: upper-case hex, without the byte that only keeps the sign. */
export function serialText(content: Buffer): string {
  return (content.length > 1 && content[0] === 0 ? content.subarray(1) : content).toString('hex').toUpperCase();
}

function readEntries(list: Der, crl: Crl, mayExtend: boolean): void {
  // An entry without certificateIssuer is of the same issuer as the one before it (RFC 5280 5.3.3).
  let issuer = crl.issuerName;
  for (const item of itemsOf(list)) {
    const fields = new Fields(item, 'an entry');
    const number = integerOf(fields.next(TAG.integer));
    const at = timeOf(fields.any()).ms;
    const block = fields.maybe(TAG.sequence);
    fields.end();
    if (block !== undefined && !mayExtend) throw malformed('extensions need version 2');
    const told = block === undefined ? undefined : readEntryExtensions(block, crl);
    issuer = told?.issuer ?? issuer;
    const entry: CrlEntry = {
      serial: signedSerial(number),
      at,
      reason: told?.reason ?? 'unspecified',
      removed: told?.removed ?? false,
    };
    crl.entries.set(entryKey(issuer, entry.serial), entry);
    if (issuer.key === crl.issuerName.key && !entry.removed) {
      const { serial, reason } = entry;
      crl.revoked.set(serial, { serial, at, reason });
    }
  }
}

/** A negative number is no positive one with the same bytes. */
export function signedSerial(content: Buffer): string {
  return `${content[0]! >= 0x80 ? '-' : ''}${serialText(content)}`;
}

function readEntryExtensions(block: Der, crl: Crl): { issuer?: Name; reason: RevocationReason; removed: boolean } {
  const extensions = readExtensions(block);
  let code = 0;
  let issuer: Name | undefined;
  for (const [id, { critical, value }] of extensions) {
    if (id === EXTENSION.reasonCode) code = countOf(readDer(value), TAG.enumerated);
    else if (id === EXTENSION.certificateIssuer) issuer = issuerOf(value);
    else if (critical && id !== EXTENSION.invalidityDate) crl.understood = false;
  }
  const found = Object.entries(REVOCATION_REASONS).find(([, number]) => number === code);
  const reason = (found?.[0] as RevocationReason | undefined) ?? 'unspecified';
  return { reason, removed: code === 8, ...(issuer === undefined ? {} : { issuer }) };
}

function issuerOf(value: Buffer): Name {
  const name = readGeneralNames(readDer(value)).find((one) => one.form === 'directory');
  if (name?.form !== 'directory') throw malformed('an entry whose issuer has no directory name');
  return name.name;
}
