/** An issuer for tests of path validation: writes DER of its own, so that it can also write what no authority should. */
import { createHash, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';

/** 2026-11-23T12:00:00Z */
export const AT = Date.UTC(2026, 10, 23, 12);
export const DAY_MS = 86_400_000;

/** One DER value. */
export function tlv(tag: number, ...parts: Uint8Array[]): Buffer {
  const content = Buffer.concat(parts);
  const size = content.length;
  if (size < 0x80) return Buffer.concat([Buffer.of(tag, size), content]);
  const hex = size.toString(16);
  const bytes = Buffer.from(hex.length % 2 === 0 ? hex : `0${hex}`, 'hex');
  return Buffer.concat([Buffer.of(tag, 0x80 | bytes.length), bytes, content]);
}

export const seq = (...parts: Uint8Array[]): Buffer => tlv(0x30, ...parts);
export const octets = (value: Uint8Array): Buffer => tlv(0x04, value);
export const bool = (value: boolean): Buffer => tlv(0x01, Buffer.of(value ? 0xff : 0));
export const text = (tag: number, value: string): Buffer => tlv(tag, Buffer.from(value, 'utf8'));

export function int(value: number | bigint | Buffer): Buffer {
  if (Buffer.isBuffer(value)) return tlv(0x02, value);
  const hex = value.toString(16);
  const bytes = Buffer.from(hex.length % 2 === 0 ? hex : `0${hex}`, 'hex');
  return tlv(0x02, bytes[0]! >= 0x80 ? Buffer.concat([Buffer.of(0), bytes]) : bytes);
}

export function oid(dotted: string): Buffer {
  const [first = 0, second = 0, ...rest] = dotted.split('.').map(Number);
  const bytes = [first * 40 + second, ...rest].flatMap((arc) => {
    const groups = [arc & 0x7f];
    for (let left = Math.floor(arc / 128); left > 0; left = Math.floor(left / 128))
      groups.unshift((left & 0x7f) | 0x80);
    return groups;
  });
  return tlv(0x06, Buffer.from(bytes));
}

/** A BIT STRING of flags by number, in its shortest form. */
export function flags(numbers: readonly number[], tag = 0x03): Buffer {
  if (numbers.length === 0) return tlv(tag, Buffer.of(0));
  const last = Math.max(...numbers);
  const bytes = Buffer.alloc((last >> 3) + 1);
  for (const number of numbers) bytes[number >> 3]! |= 0x80 >> (number & 7);
  return tlv(tag, Buffer.of(7 - (last & 7)), bytes);
}

export function time(ms: number, isWide = false): Buffer {
  const digits = new Date(ms).toISOString().replace(/\.\d+|[-:T]/g, '');
  const isLong = isWide || new Date(ms).getUTCFullYear() >= 2050;
  return text(isLong ? 0x18 : 0x17, isLong ? digits : digits.slice(2));
}

const ATTRIBUTES: Readonly<Record<string, string>> = {
  C: '2.5.4.6',
  O: '2.5.4.10',
  OU: '2.5.4.11',
  CN: '2.5.4.3',
  E: '1.2.840.113549.1.9.1',
};

/** A name from `C=US,O=Some,CN=One`; an empty text is an empty name. `tag` is the type of its strings. */
export function dn(spelling: string, tag = 0x0c): Buffer {
  const parts = spelling === '' ? [] : spelling.split(',');
  return seq(
    ...parts.map((part) => {
      const [type = '', ...value] = part.split('=');
      return tlv(0x31, seq(oid(ATTRIBUTES[type] ?? type), text(tag, value.join('='))));
    }),
  );
}

export interface Ext {
  id: string;
  critical?: boolean;
  value: Buffer;
}

const ext = (id: string, value: Buffer, critical = false): Ext => ({ id, critical, value });

/** Extensions by name; each takes what it says and whether it is critical. */
export const EXT = {
  basic: (ca: boolean, pathLength?: number, critical = true) =>
    ext(
      '2.5.29.19',
      seq(...(ca ? [bool(true)] : []), ...(pathLength === undefined ? [] : [int(pathLength)])),
      critical,
    ),
  usage: (bits: number[], critical = true) => ext('2.5.29.15', flags(bits), critical),
  purposes: (ids: string[], critical = false) => ext('2.5.29.37', seq(...ids.map(oid)), critical),
  san: (names: Buffer[], critical = false) => ext('2.5.29.17', seq(...names), critical),
  ski: (id: Buffer, critical = false) => ext('2.5.29.14', octets(id), critical),
  aki: (id: Buffer, critical = false) => ext('2.5.29.35', seq(tlv(0x80, id)), critical),
  constraints: (permitted: Buffer[], excluded: Buffer[] = [], critical = true) =>
    ext(
      '2.5.29.30',
      seq(
        ...(permitted.length > 0 ? [tlv(0xa0, ...permitted.map((one) => seq(one)))] : []),
        ...(excluded.length > 0 ? [tlv(0xa1, ...excluded.map((one) => seq(one)))] : []),
      ),
      critical,
    ),
  policies: (ids: string[], critical = false) => ext('2.5.29.32', seq(...ids.map((id) => seq(oid(id)))), critical),
  mappings: (pairs: [string, string][], critical = true) =>
    ext('2.5.29.33', seq(...pairs.map(([from, to]) => seq(oid(from), oid(to)))), critical),
  policyConstraints: (explicit?: number, mapping?: number, critical = true) =>
    ext(
      '2.5.29.36',
      seq(
        ...(explicit === undefined ? [] : [tlv(0x80, Buffer.of(explicit))]),
        ...(mapping === undefined ? [] : [tlv(0x81, Buffer.of(mapping))]),
      ),
      critical,
    ),
  inhibitAny: (skip: number, critical = true) => ext('2.5.29.54', int(skip), critical),
  points: (points: Buffer[]) => ext('2.5.29.31', seq(...points)),
  other: (id: string, critical: boolean) => ext(id, Buffer.of(5, 0), critical),
};

/** General names. */
export const GN = {
  dns: (value: string) => text(0x82, value),
  email: (value: string) => text(0x81, value),
  uri: (value: string) => text(0x86, value),
  ip: (...bytes: number[]) => tlv(0x87, Buffer.from(bytes)),
  dir: (spelling: string) => tlv(0xa4, dn(spelling)),
  other: (id: string) => tlv(0xa0, oid(id), tlv(0xa0, text(0x0c, 'x'))),
};

export const SERVER = '1.3.6.1.5.5.7.3.1';
export const CLIENT = '1.3.6.1.5.5.7.3.2';
export const ANY_POLICY = '2.5.29.32.0';

export interface Party {
  key: KeyObject;
  publicKey: KeyObject;
  keyId: Buffer;
  /** DER of its name. */
  name: Buffer;
  der: Buffer;
  pem: Buffer;
}

export interface Order {
  /** Default `CN=` and a number. */
  subject?: string | Buffer;
  issuer?: Party;
  issuerName?: Buffer;
  keys?: { privateKey: KeyObject; publicKey: KeyObject };
  ca?: boolean;
  pathLength?: number;
  notBefore?: number;
  notAfter?: number;
  wideTime?: boolean;
  /** Content of the INTEGER. */
  serial?: Buffer;
  version?: 1 | 2 | 3;
  /** In place of the usual extensions with the same OID. */
  with?: Ext[];
  /** OIDs of usual extensions to leave out. */
  without?: string[];
  /** Signature algorithm by hash; Ed25519 keys have none. */
  hash?: 'sha1' | 'sha256' | 'sha384';
  /** AlgorithmIdentifier within the signed part, where it differs. */
  innerAlgorithm?: Buffer;
  /** Bends what is signed after it was signed. */
  bend?: (der: Buffer) => Buffer;
  spki?: Buffer;
}

let counter = 0;
export const ecKeys = (curve = 'P-256'): { privateKey: KeyObject; publicKey: KeyObject } =>
  generateKeyPairSync('ec', { namedCurve: curve });

const ALGORITHMS: Readonly<Record<string, string>> = {
  'ec sha1': '1.2.840.10045.4.1',
  'ec sha256': '1.2.840.10045.4.3.2',
  'ec sha384': '1.2.840.10045.4.3.3',
  'rsa sha1': '1.2.840.113549.1.1.5',
  'rsa sha256': '1.2.840.113549.1.1.11',
  'rsa sha384': '1.2.840.113549.1.1.12',
};

export function algorithmOf(key: KeyObject, hash: string): Buffer {
  const type = key.asymmetricKeyType;
  if (type === 'ed25519') return seq(oid('1.3.101.112'));
  const id = oid(ALGORITHMS[`${type} ${hash}`]!);
  return type === 'rsa' ? seq(id, tlv(0x05)) : seq(id);
}

export function signWith(key: KeyObject, hash: string, body: Buffer): Buffer {
  return sign(key.asymmetricKeyType === 'ed25519' ? null : hash, body, { key, dsaEncoding: 'der' });
}

/** The usual extensions of an authority or of a server named `leaf.test`. */
function usual(order: Order, keyId: Buffer, issuerKeyId: Buffer): Ext[] {
  return order.ca
    ? [EXT.basic(true, order.pathLength), EXT.usage([5, 6]), EXT.ski(keyId), EXT.aki(issuerKeyId)]
    : [
        EXT.basic(false),
        EXT.usage([0]),
        EXT.purposes([SERVER, CLIENT]),
        EXT.san([GN.dns('leaf.test')]),
        EXT.ski(keyId),
        EXT.aki(issuerKeyId),
      ];
}

export function writeExtensions(list: readonly Ext[]): Buffer {
  return seq(...list.map(({ id, critical, value }) => seq(oid(id), ...(critical ? [bool(true)] : []), octets(value))));
}

/** Makes a certificate; without an issuer it signs itself. */
export function issue(order: Order = {}): Party {
  counter += 1;
  const { privateKey, publicKey } = order.keys ?? ecKeys();
  const spki = order.spki ?? publicKey.export({ type: 'spki', format: 'der' });
  const keyId = createHash('sha256').update(spki).digest().subarray(0, 20);
  const subject = order.subject ?? `CN=party ${counter}`;
  const name = typeof subject === 'string' ? dn(subject) : subject;
  const signer = order.issuer ?? { key: privateKey, keyId, name };
  const replaced = new Set([...(order.without ?? []), ...(order.with ?? []).map(({ id }) => id)]);
  const extensions = [
    ...usual(order, keyId, signer.keyId).filter(({ id }) => !replaced.has(id)),
    ...(order.with ?? []),
  ];
  const algorithm = algorithmOf(signer.key, order.hash ?? 'sha256');
  const version = order.version ?? 3;
  const body = seq(
    ...(version === 1 ? [] : [tlv(0xa0, int(version - 1))]),
    int(order.serial ?? BigInt(counter + 1000)),
    order.innerAlgorithm ?? algorithm,
    order.issuerName ?? signer.name,
    seq(
      time(order.notBefore ?? AT - 10 * DAY_MS, order.wideTime),
      time(order.notAfter ?? AT + 10 * DAY_MS, order.wideTime),
    ),
    name,
    spki,
    ...(extensions.length === 0 ? [] : [tlv(0xa3, writeExtensions(extensions))]),
  );
  const signature = signWith(signer.key, order.hash ?? 'sha256', body);
  const whole = seq(body, algorithm, tlv(0x03, Buffer.of(0), signature));
  const der = order.bend === undefined ? whole : order.bend(whole);
  return { key: privateKey, publicKey, keyId, name, der, pem: pemOf('CERTIFICATE', der) };
}

export function pemOf(label: string, der: Buffer): Buffer {
  const lines = der.toString('base64').match(/.{1,64}/g) ?? [];
  return Buffer.from(`-----BEGIN ${label}-----\n${lines.join('\n')}\n-----END ${label}-----\n`);
}

export interface ListOrder {
  /** Serial numbers (content), with reason codes, and the issuer of what they name in an indirect list. */
  revoked?: { serial: Buffer; reason?: number; issuer?: Buffer; with?: Ext[] }[];
  number?: number;
  thisUpdate?: number;
  nextUpdate?: number | null;
  with?: Ext[];
  without?: string[];
  signer?: Party;
  hash?: 'sha1' | 'sha256';
}

/** A revocation list of an authority, DER. */
export function issueList(authority: Party, order: ListOrder = {}): Buffer {
  const signer = order.signer ?? authority;
  const algorithm = algorithmOf(signer.key, order.hash ?? 'sha256');
  const replaced = new Set([...(order.without ?? []), ...(order.with ?? []).map(({ id }) => id)]);
  const extensions = [
    ...[EXT.aki(signer.keyId), ext('2.5.29.20', int(order.number ?? 1))].filter(({ id }) => !replaced.has(id)),
    ...(order.with ?? []),
  ];
  const entries = (order.revoked ?? []).map(({ serial, reason, issuer, with: more = [] }) => {
    const own = [
      ...(reason === undefined ? [] : [ext('2.5.29.21', tlv(0x0a, Buffer.of(reason)))]),
      ...(issuer === undefined ? [] : [ext('2.5.29.29', seq(tlv(0xa4, issuer)), true)]),
      ...more,
    ];
    return seq(int(serial), time(AT - DAY_MS), ...(own.length === 0 ? [] : [writeExtensions(own)]));
  });
  const body = seq(
    int(1),
    algorithm,
    authority.name,
    time(order.thisUpdate ?? AT - DAY_MS),
    ...(order.nextUpdate === null ? [] : [time(order.nextUpdate ?? AT + DAY_MS)]),
    ...(entries.length === 0 ? [] : [seq(...entries)]),
    ...(extensions.length === 0 ? [] : [tlv(0xa0, writeExtensions(extensions))]),
  );
  return seq(body, algorithm, tlv(0x03, Buffer.of(0), signWith(signer.key, order.hash ?? 'sha256', body)));
}

/** An issuing distribution point: its flags by context tag (1 users, 2 authorities, 4 indirect, 5 attributes), reasons, and name. */
export function issuingPoint(options: { flags?: number[]; reasons?: number[]; name?: Buffer }, critical = true): Ext {
  const flag = (tag: number): Buffer[] => (options.flags?.includes(tag) ? [tlv(0x80 | tag, Buffer.of(0xff))] : []);
  return ext(
    '2.5.29.28',
    seq(
      ...(options.name === undefined ? [] : [tlv(0xa0, tlv(0xa0, options.name))]),
      ...flag(1),
      ...flag(2),
      ...(options.reasons === undefined ? [] : [flags(options.reasons, 0x83)]),
      ...flag(4),
      ...flag(5),
    ),
    critical,
  );
}

/** A distribution point with a name, reasons, and who issues the list. */
export function point(options: { name?: Buffer; reasons?: number[]; issuer?: Buffer }): Buffer {
  return seq(
    ...(options.name === undefined ? [] : [tlv(0xa0, tlv(0xa0, options.name))]),
    ...(options.reasons === undefined ? [] : [flags(options.reasons, 0x81)]),
    ...(options.issuer === undefined ? [] : [tlv(0xa2, tlv(0xa4, options.issuer))]),
  );
}
