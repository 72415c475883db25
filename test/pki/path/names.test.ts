import { describe, expect, test } from 'vitest';
import { dn, EXT, GN, issue, oid, seq, tlv } from '../../support/chains.ts';
import { TLS, told, toldOf, worldOf } from './chain.ts';

describe('the name that is asked for', () => {
  const names = [
    GN.dns('leaf.test'),
    GN.dns('*.wild.test'),
    GN.dns('XN--NXASMQ6B.test'),
    GN.ip(192, 0, 2, 1),
    GN.ip(0x20, 1, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1),
    GN.email('Some.One@Mail.test'),
  ];
  const world = worldOf({ leaf: { subject: 'CN=leaf.test', with: [EXT.san(names)] } });

  test.each([
    'leaf.test',
    'LEAF.Test',
    'leaf.test.',
    'a.wild.test',
    'xn--nxasmq6b.test',
    '192.0.2.1',
    '2001:db8::1',
    '2001:0DB8:0:0::1',
    'Some.One@mail.test',
  ])('is found: %s', (name) => {
    expect(toldOf(world, { name })).toBe('ok');
  });

  test.each([
    '',
    'test',
    'other.test',
    'x.leaf.test',
    'wild.test',
    'a.b.wild.test',
    '.wild.test',
    '*.wild.test',
    'xn--nxasmq6b.wild.test',
    'l\u00e9af.test',
    'leaf.test..',
    'leaf.test\u0000.evil.test',
    '192.0.2.2',
    '192.0.2.01',
    '0xc0.0.2.1',
    '3221225985',
    '::ffff:192.0.2.1',
    '2001:db8::2',
    'some.one@mail.test',
    'Some.One@other.test',
    '@mail.test',
    'leaf.test/path',
  ])('is not found: %j', (name) => {
    expect(toldOf(world, { name })).toBe('chain.name');
  });

  test('is never looked for in the common name', () => {
    const leaf = { subject: 'CN=only', with: [EXT.san([GN.dns('other.test')])] };
    expect(toldOf(worldOf({ leaf }), { name: 'only' })).toBe('chain.name');
    const address = { with: [EXT.san([GN.dns('other.test'), GN.uri('https://192.0.2.1')])] };
    expect(toldOf(worldOf({ leaf: address }), { name: '192.0.2.1', strictness: 'rfc5280' })).toBe('chain.name');
  });

  test.each(['f*.test.test', '*oo.test.test', 'a.*.test', '*.*.test'])('%s stands for nothing', (presented) => {
    const leaf = { with: [EXT.san([GN.dns(presented)])] };
    for (const name of ['foo.test.test', 'a.b.test', 'a.b.c.test'])
      expect(toldOf(worldOf({ leaf }), { name, strictness: 'exchange' })).toBe('chain.name');
  });
});

describe('names of issuer and subject', () => {
  const chain = (subject: Buffer, issuerName: Buffer): string => {
    const root = issue({ ca: true });
    const middle = issue({ ca: true, issuer: root, subject });
    return told(issue({ issuer: middle, issuerName }), { roots: [root], intermediates: [middle] });
  };

  test.each([
    ['O=A  B,CN=c', 0x13, 'O=a b,CN=C', 0x0c],
    ['O= A B ,CN=c', 0x0c, 'O=A B,CN=c', 0x13],
    ['O=\u00c9cole', 0x0c, 'O=\u00e9cole', 0x0c],
    ['O=\ufb01n', 0x0c, 'O=fin', 0x13],
  ])('are the same where RFC 5280 7.1 says so: %s', (one, tag, other, otherTag) => {
    expect(chain(dn(one, tag), dn(other, otherTag))).toBe('ok');
  });

  test.each([
    ['O=A,CN=b', 'CN=b,O=A'],
    ['O=A', 'OU=A'],
    ['O=A', 'O=A,CN=b'],
    ['O=A\u0000', 'O=A'],
    ['O=A,CN=', 'O=A'],
  ])('are not the same: %s and %s', (one, other) => {
    expect(chain(dn(one), dn(other))).toBe('chain.untrusted');
  });

  test('do not look alike by the letters that part them', () => {
    const tricky = seq(tlv(0x31, seq(oid('2.5.4.3'), tlv(0x0c, Buffer.from('a"],["2.5.4.10","\\"b')))));
    expect(chain(dn('CN=a,O=b'), tricky)).toBe('chain.untrusted');
  });

  test('of many attributes in one part do not mind their order', () => {
    const attribute = (type: string, value: string): Buffer => seq(oid(type), tlv(0x0c, Buffer.from(value)));
    const [a, b] = [attribute('2.5.4.3', 'a'), attribute('2.5.4.10', 'b')];
    expect(chain(seq(tlv(0x31, a, b)), seq(tlv(0x31, b, a)))).toBe('ok');
    expect(chain(seq(tlv(0x31, a, b)), seq(tlv(0x31, a), tlv(0x31, b)))).toBe('chain.untrusted');
  });
});

const ip = (address: number[], mask: number[]): Buffer => GN.ip(...address, ...mask);
const base = (form: 'dns' | 'email' | 'uri', value: string): Buffer => GN[form](value);

/** Constraint, name, and whether the name lies within. */
const PLACES: [string, Buffer, Buffer, boolean][] = [
  ['host', base('dns', 'b.test'), GN.dns('b.test'), true],
  ['host below', base('dns', 'b.test'), GN.dns('a.B.test'), true],
  ['host with the same end', base('dns', 'b.test'), GN.dns('ab.test'), false],
  ['host above', base('dns', 'a.b.test'), GN.dns('b.test'), false],
  ['every host', base('dns', ''), GN.dns('a.test'), true],
  ['wildcard', base('dns', 'b.test'), GN.dns('*.b.test'), true],
  ['wildcard below', base('dns', 'b.test'), GN.dns('*.a.b.test'), true],
  ['mailbox', base('email', 'a@b.test'), GN.email('a@B.test'), true],
  ['other mailbox', base('email', 'a@b.test'), GN.email('A@b.test'), false],
  ['mail host', base('email', 'b.test'), GN.email('x@b.test'), true],
  ['mail host below', base('email', 'b.test'), GN.email('x@a.b.test'), false],
  ['mail domain', base('email', '.b.test'), GN.email('x@a.b.test'), true],
  ['mail domain itself', base('email', '.b.test'), GN.email('x@b.test'), false],
  ['URI host', base('uri', 'b.test'), GN.uri('https://u@b.test:8/p'), true],
  ['URI host below', base('uri', 'b.test'), GN.uri('https://a.b.test/'), false],
  ['URI domain', base('uri', '.b.test'), GN.uri('https://a.b.test?x'), true],
  ['URI domain in the path', base('uri', '.b.test'), GN.uri('https://evil.test/a.b.test'), false],
  ['URI domain as user', base('uri', '.b.test'), GN.uri('https://a.b.test@evil.test/'), false],
  ['address', ip([192, 0, 2, 0], [255, 255, 255, 0]), GN.ip(192, 0, 2, 9), true],
  ['address outside', ip([192, 0, 2, 0], [255, 255, 255, 0]), GN.ip(192, 0, 3, 9), false],
  ['address by host bits', ip([192, 0, 2, 7], [255, 255, 255, 0]), GN.ip(192, 0, 2, 9), true],
  ['address of the other family', ip([0, 0, 0, 0], [0, 0, 0, 0]), GN.ip(...Array<number>(16).fill(1)), false],
  ['directory name', GN.dir('O=Test'), GN.dir('O=test,CN=x'), true],
  ['other directory name', GN.dir('O=Test,OU=a'), GN.dir('O=Test,OU=b'), false],
];

/** The chain of an authority with constraints, and a leaf with one more name; the subject of the leaf has no part in it. */
function constrained(permitted: Buffer[], excluded: Buffer[], names: Buffer[], subject = ''): string {
  const middle = { with: [EXT.constraints(permitted, excluded)] };
  return toldOf(worldOf({ middle, leaf: { subject, with: [EXT.san(names, true)] } }), {});
}

describe('name constraints', () => {
  test.each(PLACES)('%s', (_what, constraint, name, isWithin) => {
    expect(constrained([constraint], [], [name]) === 'ok').toBe(isWithin);
    expect(constrained([], [constraint], [name]) === 'ok').toBe(!isWithin);
    if (!isWithin) expect(constrained([constraint], [], [name])).toMatch(/^chain\.name-constraint /);
  });

  test('bind only names of their own form', () => {
    expect(constrained([GN.dns('b.test')], [], [GN.email('a@x.test'), GN.ip(1, 2, 3, 4), GN.uri('urn:x')])).toBe('ok');
  });

  test('that permit several places want one of them, for each authority', () => {
    const bound = (...hosts: string[]) => ({ with: [EXT.constraints(hosts.map(GN.dns))] });
    const chain = (name: string): string =>
      toldOf(
        worldOf({
          root: bound('a.test', 'b.test'),
          middle: bound('x.a.test', 'b.test', 'c.test'),
          leaf: { subject: '', with: [EXT.san([GN.dns(name)], true)] },
        }),
        {},
      );
    expect([chain('x.a.test'), chain('b.test')]).toEqual(['ok', 'ok']);
    for (const name of ['a.test', 'c.test']) expect(chain(name)).toMatch(/^chain\.name-constraint/);
  });

  test('exclude even what is permitted', () => {
    expect(constrained([GN.dns('b.test')], [GN.dns('x.b.test')], [GN.dns('y.b.test')])).toBe('ok');
    expect(constrained([GN.dns('b.test')], [GN.dns('x.b.test')], [GN.dns('x.b.test')])).not.toBe('ok');
  });

  test('exclude a wildcard that could stand for an excluded host', () => {
    for (const [excluded, presented, holds] of [
      ['x.b.test', '*.b.test', false],
      ['b.test', '*.b.test', false],
      ['test', '*.b.test', false],
      ['y.x.b.test', '*.b.test', true],
      ['x.c.test', '*.b.test', true],
    ] as const)
      expect(constrained([], [GN.dns(excluded)], [GN.dns(presented)]) === 'ok', `${excluded} ${presented}`).toBe(holds);
    expect(constrained([GN.dns('x.b.test')], [], [GN.dns('*.b.test')])).not.toBe('ok');
  });

  test('that can not be compared refuse: other names, URIs without a host, hosts that are none', () => {
    for (const [constraint, name] of [
      [GN.other('1.2.3'), GN.other('1.2.3')],
      [GN.other('1.2.3'), GN.other('1.2.4')],
      [GN.uri('b.test'), GN.uri('urn:b.test:x')],
      [GN.uri('b.test'), GN.uri('https://192.0.2.1/')],
      [GN.dns('b.test'), GN.dns('a b.b.test')],
      [GN.dns('b.test'), GN.dns('')],
      [GN.email('b.test'), GN.other('1.3.6.1.5.5.7.8.9')],
    ] as const) {
      expect(constrained([constraint], [], [name])).toMatch(/^chain\.name-constraint/);
      expect(constrained([], [constraint], [name])).toMatch(/^chain\.name-constraint/);
    }
  });

  test('of a wrong shape refuse', () => {
    const range = (...more: Buffer[]): Buffer => seq(tlv(0xa0, seq(GN.dns('b.test'), ...more)));
    const chain = (value: Buffer): string =>
      toldOf(
        worldOf({
          middle: { with: [{ id: '2.5.29.30', critical: true, value }] },
          leaf: { with: [EXT.san([GN.dns('b.test')])] },
        }),
        {},
      );
    expect(chain(range())).toBe('ok');
    expect(chain(range(tlv(0x80, Buffer.of(0))))).toBe('ok');
    expect(chain(range(tlv(0x80, Buffer.of(1))))).toBe('chain.name-constraint a minimum or maximum');
    expect(chain(range(tlv(0x81, Buffer.of(9))))).toBe('chain.name-constraint a minimum or maximum');
    expect(chain(seq())).toMatch(/^certificate\.malformed/);
    expect(chain(seq(tlv(0xa0)))).toMatch(/^certificate\.malformed/);
    for (const bad of [
      GN.ip(1, 2, 3, 4),
      GN.ip(1, 2, 3, 4, 255, 0, 255, 0),
      GN.dns('*.b.test'),
      GN.uri('https://b.test'),
      GN.email('a@'),
    ])
      expect(constrained([bad], [], [GN.dns('b.test')])).toMatch(/^chain\.name-constraint/);
    const period = worldOf({ middle: { with: [EXT.constraints([GN.dns('.test')])] } });
    expect(toldOf(period)).toMatch(/^chain\.name-constraint/);
    expect(toldOf(period, {})).toBe('ok');
  });

  test('bind the subject, and the addresses of mail in it', () => {
    expect(constrained([GN.dir('O=Test')], [], [GN.dns('a')], 'O=Test,CN=x')).toBe('ok');
    expect(constrained([GN.dir('O=Test')], [], [GN.dns('a')], 'O=Other,CN=x')).toMatch(/^chain\.name-constraint/);
    expect(constrained([GN.email('b.test')], [], [GN.dns('a')], 'E=x@b.test')).toBe('ok');
    expect(constrained([GN.email('b.test')], [], [GN.dns('a')], 'E=x@c.test')).toMatch(/^chain\.name-constraint/);
    expect(constrained([], [GN.email('b.test')], [GN.dns('a')], 'E=x@b.test')).toMatch(/^chain\.name-constraint/);
  });

  test('of a root bind too', () => {
    const root = { with: [EXT.constraints([], [GN.dns('leaf.test')])] };
    expect(toldOf(worldOf({ root }))).toBe('chain.name-constraint an excluded dns name');
  });

  test('leave out an authority that changes its keys, but not a leaf of that name', () => {
    const root = issue({ ca: true });
    const old = issue({ ca: true, issuer: root, subject: 'O=A', with: [EXT.constraints([GN.dir('O=B')])] });
    const next = issue({ ca: true, issuer: old, subject: 'O=A' });
    const under = (subject: string): string =>
      told(issue({ issuer: next, subject }), { roots: [root], intermediates: [old, next] });
    expect(under('O=B,CN=x')).toBe('ok');
    expect(under('O=A')).toMatch(/^chain\.(name-constraint|untrusted)/);
  });

  test('beyond count end in a verdict', () => {
    const many = Array.from({ length: 900 }, (_, at) => GN.dns(`n${at}.test`));
    const middle = { with: [EXT.constraints([], many)] };
    const leaf = {
      with: [EXT.san([...Array.from({ length: 900 }, (_, at) => GN.dns(`x${at}.test`)), GN.dns('leaf.test')])],
    };
    expect(toldOf(worldOf({ middle, leaf }), TLS)).toBe('chain.limit name constraints');
  });
});
