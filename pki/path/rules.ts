/**
 * What a certificate itself must be, beyond the algorithm of RFC 5280 6.1: the rules of RFC 5280 4 for who issues, and the baseline requirements of the
 * CA/Browser Forum (BR) that a prudent client of the web holds to. One table; `docs/path-validation.md` shows it.
 */
import type { FaultCode } from '../../schemas/errors/index.ts';
import { addressBytes } from '../der.ts';
import { KEY_USAGE } from '../profiles.ts';
import { isOfBefore } from './algorithms.ts';
import { isMailbox, isPresentedHost, isTooWide } from './host-name.ts';
import { commonNamesOf, isSelfIssued, type ParsedCertificate } from './parse-certificate.ts';
import { checkInfoAccess, EXTENSION } from './read-extensions.ts';

/**
 * How strict. `rfc5280`: the algorithm alone, and strength as of its time. `exchange`: strong keys and signatures, version 3: what nodes of ours hold each
 * other to. `web`: all of this table too, for TLS with anybody.
 */
export type Strictness = 'rfc5280' | 'exchange' | 'web';

/** A certificate in its place of the path. */
export interface Placed {
  certificate: ParsedCertificate;
  place: 'leaf' | 'authority' | 'root';
  /** For `leaf`: TLS server rules apply. */
  isServer: boolean;
}

interface Rule {
  id: string;
  source: string;
  sentence: string;
  on: readonly Placed['place'][];
  strictness: readonly Strictness[];
  /** Of a TLS server's own certificate only. */
  server?: true;
  code?: FaultCode;
  broken: (certificate: ParsedCertificate) => boolean;
}

const ALL: Rule['strictness'] = ['rfc5280', 'exchange', 'web'];
const WEB: Rule['strictness'] = ['web'];
const EVERY: Rule['on'] = ['leaf', 'authority', 'root'];
const LEAF: Rule['on'] = ['leaf'];
const AUTHORITIES: Rule['on'] = ['authority', 'root'];
const ROOT: Rule['on'] = ['root'];

const has = (certificate: ParsedCertificate, id: string): boolean => certificate.extensions.has(id);
const isCritical = (certificate: ParsedCertificate, id: string): boolean =>
  certificate.extensions.get(id)?.critical === true;
const isPlain = (certificate: ParsedCertificate, id: string): boolean =>
  certificate.extensions.get(id)?.critical === false;
const usage = (certificate: ParsedCertificate, bit: number): boolean => certificate.keyUsage?.has(bit) === true;
const ANY_PURPOSE = '2.5.29.37.0';

function isMalformed(read: () => void): boolean {
  try {
    read();
    return false;
  } catch {
    return true;
  }
}

/** Extensions that RFC 5280 wants without the critical mark. */
const NEVER_CRITICAL = [
  EXTENSION.authorityKeyId,
  EXTENSION.subjectKeyId,
  EXTENSION.subjectDirectoryAttributes,
  EXTENSION.freshestCrl,
  EXTENSION.authorityInfoAccess,
  EXTENSION.subjectInfoAccess,
];

export const RULES: readonly Rule[] = [
  {
    id: 'version',
    source: 'RFC 5280 4.1.2.1',
    sentence: 'a certificate is of version 3',
    on: EVERY,
    strictness: ['exchange', 'web'],
    code: 'certificate.malformed',
    broken: ({ version }) => version !== 3,
  },
  {
    id: 'serial',
    source: 'RFC 5280 4.1.2.2; BR 7.1',
    sentence: 'its serial number is above zero and takes up to 20 octets',
    on: EVERY,
    strictness: WEB,
    broken: ({ serial }) => serial.length > 20 || serial[0]! >= 0x80 || serial.every((byte) => byte === 0),
  },
  {
    id: 'time-form',
    source: 'RFC 5280 4.1.2.5',
    sentence: 'times up to 2049 are written as UTCTime',
    on: EVERY,
    strictness: WEB,
    broken: ({ notBefore, notAfter }) => notBefore.isWide || notAfter.isWide,
  },
  {
    id: 'defaults',
    source: 'X.690 11.5; RFC 5280 4.1',
    sentence: 'what is false by default is not written out',
    on: EVERY,
    strictness: WEB,
    broken: ({ extensions, saysNoAuthority }) =>
      saysNoAuthority === true || [...extensions.values()].some(({ saysDefault }) => saysDefault),
  },
  {
    id: 'critical-never',
    source: 'RFC 5280 4.2.1.1, 4.2.1.2, 4.2.1.8, 4.2.1.15, 4.2.2',
    sentence: 'key identifiers, information access, freshest list and directory attributes are not critical',
    on: EVERY,
    strictness: WEB,
    broken: (certificate) => NEVER_CRITICAL.some((id) => isCritical(certificate, id)),
  },
  {
    id: 'critical-always',
    source: 'RFC 5280 4.2.1.11, 4.2.1.14',
    sentence: 'policy constraints and the inhibition of any policy are critical',
    on: EVERY,
    strictness: WEB,
    broken: (certificate) =>
      isPlain(certificate, EXTENSION.policyConstraints) || isPlain(certificate, EXTENSION.inhibitAnyPolicy),
  },
  {
    id: 'info-access',
    source: 'RFC 5280 4.2.2',
    sentence: 'information access lists methods and places',
    on: EVERY,
    strictness: WEB,
    broken: ({ extensions }) =>
      [EXTENSION.authorityInfoAccess, EXTENSION.subjectInfoAccess].some((id) => {
        const extension = extensions.get(id);
        return extension !== undefined && isMalformed(() => checkInfoAccess(extension.value));
      }),
  },
  {
    id: 'key-usage-empty',
    source: 'RFC 5280 4.2.1.3',
    sentence: 'a key usage has one bit at least',
    on: EVERY,
    strictness: ALL,
    broken: ({ keyUsage }) => keyUsage?.size === 0,
  },
  {
    id: 'authority-key-id',
    source: 'RFC 5280 4.2.1.1; BR 7.1.2.11.1',
    sentence: 'the key of the issuer is told, by its identifier alone; who signs itself may leave it out',
    on: EVERY,
    strictness: WEB,
    broken: (certificate) => {
      const told = certificate.authorityKeyId;
      if (told === undefined) return !isSelfIssued(certificate);
      return told.keyId === undefined || told.namesIssuer;
    },
  },
  {
    id: 'root-key-ids',
    source: 'BR 7.1.2.1.3',
    sentence: 'both key identifiers of a root are the same',
    on: ROOT,
    strictness: WEB,
    broken: (certificate) => {
      const { authorityKeyId, subjectKeyId } = certificate;
      if (!isSelfIssued(certificate) || authorityKeyId?.keyId === undefined || subjectKeyId === undefined) return false;
      return !authorityKeyId.keyId.equals(subjectKeyId);
    },
  },
  {
    id: 'subject-key-id',
    source: 'RFC 5280 4.2.1.2',
    sentence: 'an authority has a subject key identifier',
    on: AUTHORITIES,
    strictness: WEB,
    broken: ({ subjectKeyId }) => subjectKeyId === undefined,
  },
  {
    id: 'authority-subject',
    source: 'RFC 5280 4.1.2.6',
    sentence: 'an authority has a name',
    on: AUTHORITIES,
    strictness: ALL,
    broken: ({ subject }) => subject.rdns.length === 0,
  },
  {
    id: 'basic-constraints-critical',
    source: 'RFC 5280 4.2.1.9',
    sentence: 'basic constraints of an authority are critical',
    on: AUTHORITIES,
    strictness: WEB,
    broken: (certificate) => isPlain(certificate, EXTENSION.basicConstraints),
  },
  {
    id: 'authority-key-usage',
    source: 'RFC 5280 4.2.1.3; BR 7.1.2.10.7',
    sentence: 'an authority has a key usage',
    on: AUTHORITIES,
    strictness: WEB,
    broken: ({ keyUsage }) => keyUsage === undefined,
  },
  {
    id: 'root-key-usage',
    source: 'RFC 5280 4.2.1.3',
    sentence: 'the key usage of a root, where there is one, allows to sign certificates',
    on: ROOT,
    strictness: ALL,
    code: 'chain.not-authority',
    broken: (certificate) => certificate.keyUsage !== undefined && !usage(certificate, KEY_USAGE.keyCertSign),
  },
  {
    id: 'root-purpose',
    source: 'BR 7.1.2.1.2',
    sentence: 'a root that signed itself has no extended key usage',
    on: ROOT,
    strictness: WEB,
    broken: (certificate) => isSelfIssued(certificate) && has(certificate, EXTENSION.extKeyUsage),
  },
  {
    id: 'authority-purpose-plain',
    source: 'BR 7.1.2.2, 7.1.2.10.6',
    sentence: 'the extended key usage of an authority is not critical and does not say any',
    on: ['authority'],
    strictness: WEB,
    broken: (certificate) =>
      isCritical(certificate, EXTENSION.extKeyUsage) || certificate.purposes?.includes(ANY_PURPOSE) === true,
  },
  {
    id: 'leaf-authority',
    source: 'BR 7.1.2.7.8; RFC 5280 4.2.1.9',
    sentence: 'who serves or asks is no authority',
    on: LEAF,
    strictness: WEB,
    broken: ({ ca }) => ca,
  },
  {
    id: 'leaf-signs-certificates',
    source: 'RFC 5280 4.2.1.9',
    sentence: 'who is no authority may not sign certificates',
    on: LEAF,
    strictness: ALL,
    broken: (certificate) => !certificate.ca && usage(certificate, KEY_USAGE.keyCertSign),
  },
  {
    id: 'leaf-path-length',
    source: 'RFC 5280 4.2.1.9',
    sentence: 'who is no authority has no path length',
    on: LEAF,
    strictness: ALL,
    broken: ({ ca, pathLength }) => !ca && pathLength !== undefined,
  },
  {
    id: 'leaf-constraints',
    source: 'RFC 5280 4.2.1.10',
    sentence: 'who is no authority constrains no names',
    on: LEAF,
    strictness: ALL,
    broken: ({ ca, nameConstraints }) => !ca && nameConstraints !== undefined,
  },
  {
    id: 'leaf-policies',
    source: 'RFC 5280 4.2.1.5, 4.2.1.11, 4.2.1.14',
    sentence: 'who is no authority maps, constrains and inhibits no policies',
    on: LEAF,
    strictness: WEB,
    broken: (certificate) =>
      [EXTENSION.policyMappings, EXTENSION.policyConstraints, EXTENSION.inhibitAnyPolicy].some((id) =>
        has(certificate, id),
      ),
  },
  {
    id: 'empty-subject',
    source: 'RFC 5280 4.1.2.6, 4.2.1.6',
    sentence: 'a certificate without a subject has critical alternative names',
    on: LEAF,
    strictness: WEB,
    broken: (certificate) =>
      certificate.subject.rdns.length === 0 && !isCritical(certificate, EXTENSION.subjectAltName),
  },
  {
    id: 'alternative-names',
    source: 'RFC 5280 4.2.1.6; RFC 9525 6.3; BR 7.1.4.2',
    sentence:
      'alternative names are well formed: hosts of letters, digits and hyphens, a wildcard only as the whole first label',
    on: LEAF,
    strictness: WEB,
    broken: ({ altNames = [] }) =>
      altNames.some((name) => {
        if (name.form === 'dns') return !isPresentedHost(name.text);
        if (name.form === 'ip') return name.bytes.length !== 4 && name.bytes.length !== 16;
        if (name.form === 'email') return !isMailbox(name.text);
        return name.form === 'uri' && !/^[a-z][a-z0-9+.-]*:\S+$/i.test(name.text);
      }),
  },
  {
    id: 'wildcard-width',
    source: 'BR 3.2.2.6',
    sentence: 'no wildcard spans a top-level domain or a registry\u2019s',
    on: LEAF,
    strictness: WEB,
    broken: ({ altNames = [] }) => altNames.some((name) => name.form === 'dns' && isTooWide(name.text)),
  },
  {
    id: 'server-names',
    source: 'RFC 9525 6.1; BR 7.1.2.7.12',
    sentence: 'a server has alternative names with a host or an address',
    on: LEAF,
    strictness: WEB,
    server: true,
    broken: ({ altNames = [] }) => !altNames.some(({ form }) => form === 'dns' || form === 'ip'),
  },
  {
    id: 'server-names-plain',
    source: 'BR 7.1.2.7.12',
    sentence: 'alternative names of a server that has a subject are not critical',
    on: LEAF,
    strictness: WEB,
    server: true,
    broken: (certificate) => certificate.subject.rdns.length > 0 && isCritical(certificate, EXTENSION.subjectAltName),
  },
  {
    id: 'server-common-name',
    source: 'BR 7.1.4.3',
    sentence: 'a common name that reads as a host or an address stands letter by letter in the alternative names',
    on: LEAF,
    strictness: WEB,
    server: true,
    broken: (certificate) =>
      commonNamesOf(certificate).some((text) => readsAsHost(text) && !isListed(certificate, text)),
  },
  {
    id: 'server-purpose-plain',
    source: 'BR 7.1.2.7.10',
    sentence: 'the extended key usage of a server is not critical and does not say any',
    on: LEAF,
    strictness: WEB,
    server: true,
    broken: (certificate) =>
      isCritical(certificate, EXTENSION.extKeyUsage) || certificate.purposes?.includes(ANY_PURPOSE) === true,
  },
];

/** Dots without blanks, or an address: what a client that falls back to the common name would take for a host. */
function readsAsHost(text: string): boolean {
  return /^\S*[.:]\S*$/.test(text) && !text.includes('@') && !text.includes('/') && !/^urn:/i.test(text);
}

function isListed({ altNames = [] }: ParsedCertificate, text: string): boolean {
  return altNames.some((name) => {
    if (name.form === 'dns') return name.text === text;
    return name.form === 'ip' && addressTexts(name.bytes).includes(text);
  });
}

/** An address as RFC 5952 and RFC 3986 write it, found by writing the text back. */
function addressTexts(bytes: Buffer): string[] {
  if (bytes.length === 4) return [[...bytes].join('.')];
  if (bytes.length !== 16) return [];
  const host = new URL(`http://[${(bytes.toString('hex').match(/.{4}/g) ?? []).join(':')}]/`).hostname.slice(1, -1);
  return addressBytes(host).equals(bytes) ? [host] : [];
}

/** The baseline requirements bind from this day on; a root from before it is trusted as it is (RFC 5280 6.1.1 d). */
const BASELINE_FROM_MS = Date.UTC(2012, 6, 1);
/** Rules that hold for roots of any age. */
const HARD = new Set(['version', 'authority-subject', 'root-key-usage', 'root-purpose']);

/** The first rule that a certificate breaks in its place; undefined when it breaks none. */
export function brokenRule(
  { certificate, place, isServer }: Placed,
  strictness: Strictness,
): { code: FaultCode; detail: string } | undefined {
  const isOldRoot = place === 'root' && isOfBefore(BASELINE_FROM_MS, certificate.notBefore.ms);
  const rule = RULES.find(
    (one) =>
      (!isOldRoot || HARD.has(one.id)) &&
      one.strictness.includes(strictness) &&
      one.on.includes(place) &&
      (one.server === undefined || isServer) &&
      one.broken(certificate),
  );
  return rule === undefined ? undefined : { code: rule.code ?? 'chain.form', detail: rule.id };
}
