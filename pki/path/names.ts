/** Distinguished names, compared as RFC 5280 7.1 says, and general names (RFC 5280 4.2.1.6). */
import { asciiOf, type Der, Fields, itemsOf, malformed, oidOf, readDer, readOid, TAG } from './read-der.ts';

export interface Attribute {
  /** OID. */
  type: string;
  /** Undefined for a value that is no text. */
  text?: string;
}

export interface Name {
  der: Buffer;
  /** One text a relative distinguished name, equal where RFC 5280 7.1 says that they are. */
  rdns: string[];
  /** All of them as one text: what names are looked up by. */
  key: string;
  attributes: Attribute[];
}

export type GeneralName =
  | { form: 'email' | 'dns' | 'uri'; text: string }
  | { form: 'ip'; bytes: Buffer }
  | { form: 'directory'; name: Name }
  | { form: 'other'; type: string }
  | { form: 'registered'; type: string }
  | { form: 'x400' | 'edi' };

export const COMMON_NAME = '2.5.4.3';
export const EMAIL_ADDRESS = '1.2.840.113549.1.9.1';

const RDNS_MAX = 200;
const utf8 = new TextDecoder('utf-8', { fatal: true });

/** A Name from its DER. Throws `certificate.malformed`. */
export function readName(value: Der): Name {
  if (value.tag !== TAG.sequence) throw malformed('a name was expected');
  const attributes: Attribute[] = [];
  const rdns = itemsOf(value).map((rdn) => {
    const own = readRdn(rdn);
    attributes.push(...own.attributes);
    return own.text;
  });
  if (rdns.length > RDNS_MAX) throw malformed('a name of too many parts');
  return { der: value.bytes, rdns, key: JSON.stringify(rdns), attributes };
}

/** One RelativeDistinguishedName: the order of its attributes does not count. */
function readRdn(rdn: Der): { text: string; attributes: Attribute[] } {
  if (rdn.tag !== TAG.set) throw malformed('a name: a set was expected');
  const items = itemsOf(rdn);
  if (items.length === 0) throw malformed('a name: an empty part');
  const attributes: Attribute[] = [];
  const texts = items.map((item) => {
    const fields = new Fields(item, 'a name');
    const type = oidOf(fields.next(TAG.oid));
    const value = fields.any();
    fields.end();
    const text = textOf(value);
    attributes.push(text === undefined ? { type } : { type, text });
    return JSON.stringify([type, text === undefined ? value.bytes.toString('hex') : `"${fold(text)}`]);
  });
  return { text: texts.sort().join('+'), attributes };
}

/** The relative part of a distribution point's name (RFC 5280 4.2.1.13), below the name of the issuer. */
export function nameBelow(issuer: Name, rdnContent: Buffer): Name {
  const rdn = Buffer.concat([headOf(TAG.set, rdnContent.length), rdnContent]);
  const content = Buffer.concat([readDer(issuer.der).content, rdn]);
  return readName(readDer(Buffer.concat([headOf(TAG.sequence, content.length), content])));
}

function headOf(tag: number, length: number): Buffer {
  if (length < 0x80) return Buffer.of(tag, length);
  const hex = length.toString(16);
  const bytes = Buffer.from(hex.length % 2 === 0 ? hex : `0${hex}`, 'hex');
  return Buffer.concat([Buffer.of(tag, 0x80 | bytes.length), bytes]);
}

/** Text of a DirectoryString or IA5String; undefined for another type. */
function textOf({ tag, content }: Der): string | undefined {
  switch (tag) {
    case TAG.utf8:
      try {
        return utf8.decode(content);
      } catch {
        throw malformed('a name that is not UTF-8');
      }
    case 0x12: // NumericString
    case 0x13: // PrintableString
    case 0x14: // TeletexString: Latin-1 is what is found in practice
    case 0x16: // IA5String
    case 0x1a: // VisibleString
      return content.toString('latin1');
    case 0x1e: // BMPString
      if (content.length % 2 !== 0) throw malformed('a name that is not UTF-16');
      return Buffer.from(content).swap16().toString('utf16le');
    case 0x1c: // UniversalString
      return readUtf32(content);
    default:
      return undefined;
  }
}

function readUtf32(content: Buffer): string {
  if (content.length % 4 !== 0) throw malformed('a name that is not UTF-32');
  const points: string[] = [];
  for (let at = 0; at < content.length; at += 4) {
    const point = content.readUInt32BE(at);
    if (point > 0x10ffff) throw malformed('a name that is not UTF-32');
    points.push(String.fromCodePoint(point));
  }
  return points.join('');
}

/** Case, compatibility forms and runs of blanks do not count (RFC 4518 2). */
function fold(text: string): string {
  return text.normalize('NFKC').toLowerCase().normalize('NFKC').replace(/\s+/g, ' ').trim();
}

/** Does `name` lie at or below `base`? (RFC 5280 4.2.1.10, directoryName) */
export function isWithin(name: Name, base: Name): boolean {
  return base.rdns.length <= name.rdns.length && base.rdns.every((rdn, at) => rdn === name.rdns[at]);
}

/** GeneralNames from a SEQUENCE or a context tag in its place: one at least. */
export function readGeneralNames(value: Der): GeneralName[] {
  const names = itemsOf(value).map(readGeneralName);
  if (names.length === 0) throw malformed('a list of names that is empty');
  return names;
}

export function readGeneralName(value: Der): GeneralName {
  switch (value.tag) {
    case 0xa0:
      return { form: 'other', type: oidOf(itemsOf(value)[0] ?? value) };
    case 0x81:
      return { form: 'email', text: asciiOf(value.content) };
    case 0x82:
      return { form: 'dns', text: asciiOf(value.content) };
    case 0xa3:
      return { form: 'x400' };
    case 0xa4:
      return { form: 'directory', name: readName(readDer(value.content)) };
    case 0xa5:
      return { form: 'edi' };
    case 0x86:
      return { form: 'uri', text: asciiOf(value.content) };
    case 0x87:
      return { form: 'ip', bytes: value.content };
    case 0x88:
      return { form: 'registered', type: readOid(value.content) };
    default:
      throw malformed('a name of an unknown form');
  }
}

/** Are two general names the same? Used to match distribution points (RFC 5280 6.3.3). */
export function isSameName(one: GeneralName, other: GeneralName): boolean {
  if (one.form === 'directory') return other.form === 'directory' && one.name.key === other.name.key;
  if (one.form === 'ip') return other.form === 'ip' && one.bytes.equals(other.bytes);
  if (one.form === 'uri' || one.form === 'dns' || one.form === 'email')
    return other.form === one.form && one.text === other.text;
  return one.form === 'registered' && other.form === 'registered' && one.type === other.type;
}
