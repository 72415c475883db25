import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { readOid } from '../../../pki/path/read-der.ts';
import {
  anyBytes,
  bentCertificates,
  bentLists,
  bentPem,
  goodAnswers,
  signedOddities,
  signedOddLists,
} from '../../support/chain-properties.ts';
import {
  bool,
  EXT,
  flags,
  GN,
  int,
  issue,
  type Order,
  octets,
  oid,
  pemOf,
  seq,
  text,
  tlv,
} from '../../support/chains.ts';
import { TLS, told, toldOf, worldOf } from './chain.ts';

describe('a certificate is read strictly', () => {
  const extension = (value: Buffer, id: string): Order => ({ with: [{ id, value }] });

  test.each([
    ['a text after the end of an extension', extension(Buffer.concat([seq(), Buffer.of(0)]), '2.5.29.19')],
    ['a length in too many bytes', extension(Buffer.of(0x30, 0x81, 0x00), '2.5.29.19')],
    [
      'a length with a zero before it',
      extension(Buffer.concat([Buffer.of(0x30, 0x82, 0, 0x80), Buffer.alloc(128)]), '2.5.29.37'),
    ],
    ['an indefinite length', extension(Buffer.of(0x30, 0x80, 0, 0), '2.5.29.19')],
    ['a length beyond the end', extension(Buffer.of(0x30, 0x05, 1), '2.5.29.19')],
    ['a long tag', extension(Buffer.of(0x1f, 0x81, 0x01, 0), '2.5.29.14')],
    ['a boolean that is 1', extension(seq(tlv(1, Buffer.of(1))), '2.5.29.19')],
    ['an integer that is not the shortest', extension(seq(bool(true), tlv(2, Buffer.of(0, 1))), '2.5.29.19')],
    ['a negative path length', extension(seq(bool(true), tlv(2, Buffer.of(0xff))), '2.5.29.19')],
    ['basic constraints out of order', extension(seq(int(1), bool(true)), '2.5.29.19')],
    ['a key usage with zeros at its end', extension(Buffer.of(3, 2, 0, 0x80), '2.5.29.15')],
    ['a key usage with unused bits set', extension(Buffer.of(3, 2, 7, 0x81), '2.5.29.15')],
    ['a key usage of another type', extension(octets(Buffer.of(0x80)), '2.5.29.15')],
    ['a key usage of two values', extension(Buffer.concat([flags([0]), flags([0])]), '2.5.29.15')],
    ['an extended key usage that is empty', extension(seq(), '2.5.29.37')],
    ['an object identifier with a padded arc', extension(seq(tlv(6, Buffer.of(0x2a, 0x80, 1))), '2.5.29.37')],
    ['an object identifier that is cut', extension(seq(tlv(6, Buffer.of(0x2a, 0x81))), '2.5.29.37')],
    ['alternative names that are empty', extension(seq(), '2.5.29.17')],
    ['an alternative name of an unknown form', extension(seq(tlv(0x89, Buffer.of(1))), '2.5.29.17')],
    ['an alternative name beyond ASCII', extension(seq(text(0x82, 'l\u00e9af.test')), '2.5.29.17')],
    ['an alternative name with a zero byte', extension(seq(text(0x82, 'leaf.test\u0000')), '2.5.29.17')],
    ['a key identifier that is empty', extension(octets(Buffer.alloc(0)), '2.5.29.14')],
    [
      'an issuer of the key without its serial number',
      extension(seq(tlv(0x80, Buffer.of(1)), tlv(0xa1, GN.dir('CN=x'))), '2.5.29.35'),
    ],
    ['policies that are empty', extension(seq(), '2.5.29.32')],
    ['a policy twice', extension(seq(seq(oid('1.2.3')), seq(oid('1.2.3'))), '2.5.29.32')],
    ['policy constraints that are empty', extension(seq(), '2.5.29.36')],
    ['mappings that are empty', extension(seq(), '2.5.29.33')],
    ['a distribution point without a name', extension(seq(seq(flags([1], 0x81))), '2.5.29.31')],
    ['an extension twice', { with: [EXT.ski(Buffer.of(1)), EXT.other('1.2.3', false), EXT.other('1.2.3', false)] }],
    ['extensions in version 1', { version: 1 }],
    ['extensions in version 2', { version: 2 }],
    ['another algorithm within', { innerAlgorithm: seq(oid('1.2.840.10045.4.3.3')) }],
    ['other parameters within', { innerAlgorithm: seq(oid('1.2.840.10045.4.3.2'), tlv(5)) }],
    ['a serial number that is too long', { serial: Buffer.alloc(21, 0x11) }],
    ['a serial number that is not the shortest', { serial: Buffer.of(0, 1) }],
    ['a serial number that is empty', { serial: Buffer.alloc(0) }],
    ['an issuer without a name', { issuerName: seq() }],
    ['a name with an empty part', { subject: seq(tlv(0x31)) }],
    ['a name that is not UTF-8', { subject: seq(tlv(0x31, seq(oid('2.5.4.3'), tlv(0x0c, Buffer.of(0xc3, 0x28))))) }],
    ['a name of odd UTF-16', { subject: seq(tlv(0x31, seq(oid('2.5.4.3'), tlv(0x1e, Buffer.of(0, 1, 0))))) }],
    ['bytes after the end', { bend: (der) => Buffer.concat([der, Buffer.of(0)]) }],
    ['a part too many', { bend: (der) => seq(der.subarray(4), tlv(5)) }],
  ] satisfies [string, Order][])('%s is refused', (_what, leaf) => {
    for (const asked of [TLS, {}]) expect(toldOf(worldOf({ leaf }), asked)).toMatch(/^certificate\.malformed/);
  });

  test.each([
    '20261323120000Z',
    '20260230120000Z',
    '20261123120060Z',
    '202611231200Z',
    '20261123120000+0000',
    '20261123120000.5Z',
  ])('the time %s is refused', (digits) => {
    const bend = (der: Buffer): Buffer => {
      const at = der.indexOf(Buffer.of(0x17, 13));
      const short = digits.slice(2);
      const value = text(0x17, short);
      return Buffer.concat([
        der.subarray(0, at),
        value.length === 15 ? value : text(0x17, short.padEnd(13).slice(0, 13)),
        der.subarray(at + 15),
      ]);
    };
    expect(toldOf(worldOf({ leaf: { bend } }))).toMatch(/^certificate\.malformed/);
  });

  test('in a pool, what can not be read is left out, and told when nothing is found', () => {
    const world = worldOf();
    const bad = { ...world.middle, der: world.middle.der.subarray(0, 50) };
    expect(told(world.leaf, { roots: [world.root], intermediates: [bad, world.middle], ...TLS })).toBe('ok');
    expect(told(world.leaf, { roots: [world.root], intermediates: [bad], ...TLS })).toMatch(/^certificate\.malformed/);
    expect(told(world.leaf, { roots: [bad], intermediates: [world.middle], ...TLS })).toMatch(
      /^certificate\.malformed/,
    );
  });

  test('PEM: several in one text, with text around them; bad ones are refused', () => {
    const world = worldOf();
    const chain = Buffer.concat([
      Buffer.from('subject: x\n'),
      world.leaf.pem,
      Buffer.from('\nthe next one\n'),
      world.middle.pem,
    ]);
    expect(told({ ...world.leaf, der: chain }, { roots: [{ ...world.root, der: world.root.pem }], ...TLS })).toBe('ok');
    const bad = [
      '',
      'nothing',
      '-----BEGIN CERTIFICATE-----',
      '-----BEGIN CERTIFICATE-----\n!!!!\n-----END CERTIFICATE-----',
      '-----BEGIN CERTIFICATE-----\nMAA\n-----END CERTIFICATE-----',
      '-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----',
      `-----BEGIN ${'x'.repeat(1000)}`,
      pemOf('X509 CRL', world.leaf.der).toString(),
    ];
    for (const one of bad)
      expect(told({ ...world.leaf, der: Buffer.from(one) }, { roots: [world.root], ...TLS })).toMatch(
        /^certificate\.malformed/,
      );
    expect(issue().pem.toString()).toContain('BEGIN CERTIFICATE');
  });
});

describe('whatever it is given', () => {
  test('what is good holds, and a revoked leaf does not', () => {
    expect(goodAnswers()).toEqual(['ok', 'ok', 'chain.revoked']);
  });

  test('bent certificates never hold', () => fc.assert(bentCertificates(), { numRuns: 400 }));
  test('bent PEM ends in a verdict', () => fc.assert(bentPem(), { numRuns: 200 }));
  test('bent lists never make anything good', () => fc.assert(bentLists(), { numRuns: 400 }));
  test('bent extensions that are well signed end in a verdict', () => fc.assert(signedOddities(), { numRuns: 150 }));
  test('bent extensions of lists make nothing good', () => fc.assert(signedOddLists(), { numRuns: 150 }));
  test('any bytes end in a verdict', () => fc.assert(anyBytes(), { numRuns: 300 }));
});

test('object identifiers of any size come out as they are written', () => {
  const ids = [
    '0.0',
    '0.39',
    '1.39.1',
    '2.0',
    '2.47.127.128',
    '2.5.29.37.0',
    '1.2.840.113549.1.1.11',
    `2.25.${2n ** 127n + 5n}`,
    '2.999.9007199254740993',
  ];
  const arc = (value: bigint): number[] => {
    const groups = [Number(value & 0x7fn)];
    for (let left = value >> 7n; left > 0n; left >>= 7n) groups.unshift(Number(left & 0x7fn) | 0x80);
    return groups;
  };
  for (const id of ids) {
    const [first = 0n, second = 0n, ...rest] = id.split('.').map(BigInt);
    expect(readOid(Buffer.from([first * 40n + second, ...rest].flatMap(arc)))).toBe(id);
  }
});
