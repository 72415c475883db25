import { createPublicKey, generateKeyPairSync } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { type Purpose, RULES } from '../../../pki/index.ts';
import { ANY_POLICY, AT, CLIENT, EXT, GN, issue, type Order, oid, SERVER, seq, tlv } from '../../support/chains.ts';
import { access, BROKEN, san } from './broken.ts';
import { TLS, told, toldOf, worldOf } from './chain.ts';

describe('the rules of the web', () => {
  test('hold for a good chain, asked in every way', () => {
    const world = worldOf();
    expect(toldOf(world)).toBe('ok');
    expect(toldOf(world, { purpose: 'clientAuth' })).toBe('ok');
    expect(toldOf(world, { name: 'leaf.test' })).toBe('ok');
    expect(toldOf(world, {})).toBe('ok');
  });

  test.each(BROKEN)('%s: broken in %s %#', (id, place, order) => {
    const world = worldOf({ [place]: order });
    const rule = RULES.find((one) => one.id === id);
    const issuerIsNamed = id !== 'authority-subject';
    if (issuerIsNamed) expect(toldOf(world)).toBe(`${rule?.code ?? 'chain.form'} ${id}`);
    else expect(toldOf(world)).toBe('certificate.malformed an issuer without a name');
  });

  test.each(BROKEN.filter(([id]) => !RULES.find((one) => one.id === id)?.strictness.includes('rfc5280')))(
    '%s in %s is not asked for where nobody asks about TLS %#',
    (_id, place, order) => {
      // What a rule of the web alone refuses is a chain by RFC 5280 6.1.
      const answer = toldOf(worldOf({ [place]: order }), {});
      if (answer !== 'ok') expect(answer).toMatch(/^(certificate\.malformed|chain\.extension)/);
    },
  );

  test('are each broken by some case here', () => {
    const tried = new Set<string>(BROKEN.map(([id]) => id));
    expect(RULES.map(({ id }) => id).filter((id) => !tried.has(id))).toEqual([]);
  });

  test.each([
    ['a common name that is no host', { subject: 'CN=Node of Somewhere' }],
    ['no subject, with critical names', { subject: '', with: [EXT.san([GN.dns('leaf.test')], true)] }],
    [
      'names of many kinds',
      san(GN.dns('leaf.test'), GN.uri('urn:a:b'), GN.email('a@b.test'), GN.ip(192, 0, 2, 1), GN.other('1.2.3')),
    ],
    [
      'an address as common name',
      { subject: 'CN=192.0.2.1', with: [EXT.san([GN.dns('leaf.test'), GN.ip(192, 0, 2, 1)])] },
    ],
    ['no key usage', { without: ['2.5.29.15'] }],
    ['no basic constraints', { without: ['2.5.29.19'] }],
    ['no subject key identifier', { without: ['2.5.29.14'] }],
    ['information access', { with: [access(seq(seq(oid('1.3.6.1.5.5.7.48.1'), GN.uri('http://ocsp.test'))))] }],
    ['a wildcard below a registered name', san(GN.dns('*.leaf.test'), GN.dns('leaf.test'))],
  ] satisfies [string, Order][])('let through: %s', (_what, order) => {
    expect(toldOf(worldOf({ leaf: order }))).toBe('ok');
  });

  test('a root without the key of its issuer is well, one signed by another is not', () => {
    expect(toldOf(worldOf({ root: { without: ['2.5.29.35'] } }))).toBe('ok');
    const above = issue({ ca: true });
    expect(toldOf(worldOf({ root: { issuer: above, without: ['2.5.29.35'] } }))).toBe('chain.form authority-key-id');
    expect(toldOf(worldOf({ root: { issuer: above } }))).toBe('ok');
  });

  test('of the web came after some roots: those are trusted as they are, but for what is an authority and strong', () => {
    const odd: Order = {
      serial: Buffer.of(0),
      without: ['2.5.29.15', '2.5.29.14', '2.5.29.35'],
      with: [EXT.basic(true, undefined, false)],
    };
    const told = (change: Order): string => toldOf(worldOf({ root: { ...odd, ...change } }));
    expect(told({ notBefore: Date.UTC(2004, 5, 29) })).toBe('ok');
    expect(told({ notBefore: Date.UTC(2013, 5, 29) })).toMatch(/^chain\.form/);
    expect(told({ notBefore: Date.UTC(1970, 0, 1) })).toMatch(/^chain\.form/);
    expect(told({ notBefore: Date.UTC(2004, 5, 29), with: [EXT.basic(false)] })).toBe('chain.not-authority');
  });

  test('a root is no leaf for TLS; without a purpose it is a path of one', () => {
    const root = issue({ subject: 'CN=leaf.test' });
    expect(told(root, { roots: [root], ...TLS })).toBe('chain.form leaf-root');
    expect(told(root, { roots: [root] })).toBe('ok');
  });
});

describe('what is critical', () => {
  test.each(['root', 'middle', 'leaf'] as const)('and not known is refused in %s', (place) => {
    const world = worldOf({ [place]: { with: [EXT.other('1.2.3.4', true)] } });
    expect(toldOf(world)).toBe('chain.extension 1.2.3.4');
    expect(toldOf(world, {})).toBe('chain.extension 1.2.3.4');
    expect(toldOf(worldOf({ [place]: { with: [EXT.other('1.2.3.4', false)] } }))).toBe('ok');
  });

  test('a policy qualifier of an unknown kind counts where its extension is critical', () => {
    const value = seq(seq(oid('1.2.3'), seq(seq(oid('1.2.4'), tlv(0x05)))));
    const order = (critical: boolean): Order => ({ with: [{ id: '2.5.29.32', critical, value }] });
    expect(toldOf(worldOf({ leaf: order(true) }))).toBe('chain.extension 2.5.29.32');
    expect(toldOf(worldOf({ leaf: order(false) }))).toBe('ok');
  });
});

describe('purposes', () => {
  test.each([
    [{ without: ['2.5.29.37'] }, 'serverAuth', 'chain.purpose serverAuth'],
    [{ with: [EXT.purposes([CLIENT])] }, 'serverAuth', 'chain.purpose serverAuth'],
    [{ with: [EXT.purposes([CLIENT])] }, 'clientAuth', 'ok'],
    [{ with: [EXT.purposes(['2.5.29.37.0'])] }, 'clientAuth', 'chain.purpose clientAuth'],
    [{ with: [EXT.purposes(['2.5.29.37.0'])] }, 'documentSigning', 'ok'],
    [{ with: [EXT.purposes([SERVER])] }, 'documentSigning', 'chain.purpose documentSigning'],
    [{ with: [EXT.usage([4])] }, 'serverAuth', 'ok'],
    [{ with: [EXT.usage([4])] }, 'clientAuth', 'chain.purpose keyUsage'],
    [{ with: [EXT.usage([3])] }, 'serverAuth', 'chain.purpose keyUsage'],
  ] satisfies [Order, Purpose, string][])('of a leaf %#', (leaf, purpose, wanted) => {
    expect(toldOf(worldOf({ leaf }), { purpose })).toBe(wanted);
  });

  test.each([
    [[CLIENT], 'chain.purpose serverAuth'],
    [[CLIENT, SERVER], 'ok'],
    [['2.5.29.37.0'], 'chain.form authority-purpose-plain'],
  ] as const)('of an authority %j bind those below it', (purposes, wanted) => {
    expect(toldOf(worldOf({ middle: { with: [EXT.purposes([...purposes])] } }))).toBe(wanted);
  });
});

describe('strength', () => {
  const rsa = (bits: number) => generateKeyPairSync('rsa', { modulusLength: bits });
  const weak = rsa(1024);

  test.each(['root', 'middle', 'leaf'] as const)('of keys: %s', (place) => {
    expect(toldOf(worldOf({ [place]: { keys: weak } }))).toBe('chain.weak RSA of 1024 bits');
    expect(toldOf(worldOf({ [place]: { keys: generateKeyPairSync('ec', { namedCurve: 'P-192' }) } }))).toBe(
      'chain.weak prime192v1',
    );
    expect(toldOf(worldOf({ [place]: { keys: generateKeyPairSync('ec', { namedCurve: 'secp256k1' }) } }))).toBe(
      'chain.weak secp256k1',
    );
    expect(toldOf(worldOf({ [place]: { keys: generateKeyPairSync('ed25519') } }))).toBe('chain.weak ed25519');
  });

  test('of keys whose size is no whole number of bytes', () => {
    expect(toldOf(worldOf({ leaf: { keys: rsa(2052) } }))).toBe('chain.weak RSA of 2052 bits');
  });

  test('of an exponent that hides nothing', () => {
    const { n = '' } = generateKeyPairSync('rsa', { modulusLength: 2048 }).publicKey.export({ format: 'jwk' });
    const spki = createPublicKey({ key: { kty: 'RSA', n, e: 'AQ' }, format: 'jwk' }).export({
      type: 'spki',
      format: 'der',
    });
    for (const asked of [TLS, {}])
      expect(toldOf(worldOf({ leaf: { spki } }), asked)).toBe('chain.weak public exponent');
  });

  test('a curve is told by name, never by its parameters', () => {
    const keys = generateKeyPairSync('ec', { namedCurve: 'P-256', paramEncoding: 'explicit' });
    for (const asked of [TLS, {}])
      expect(toldOf(worldOf({ leaf: { keys } }), asked)).toBe('chain.weak a curve without a name');
    expect(toldOf(worldOf({ root: { keys } }), {})).toBe('chain.weak a curve without a name');
  });

  test('of signatures: SHA-1 is refused, but for old times where nobody asks about TLS', () => {
    expect(toldOf(worldOf({ leaf: { hash: 'sha1' } }))).toBe('chain.weak SHA-1');
    expect(toldOf(worldOf({ leaf: { hash: 'sha1' } }), {})).toBe('chain.weak SHA-1');
    const old = { notBefore: Date.UTC(2012, 0, 1) };
    expect(toldOf(worldOf({ leaf: { hash: 'sha1', ...old } }), {})).toBe('ok');
    expect(toldOf(worldOf({ leaf: { hash: 'sha1', ...old } }))).toBe('chain.weak SHA-1');
    expect(toldOf(worldOf({ leaf: { keys: weak, ...old } }), {})).toBe('ok');
    // A root's own signature is nobody's proof, but a new one of that kind is none of the web.
    expect(toldOf(worldOf({ root: { hash: 'sha1', ...old } }))).toBe('ok');
    expect(toldOf(worldOf({ root: { hash: 'sha1' } }))).toBe('chain.weak SHA-1');
    // What says that it is from before version 3 is no old thing.
    const ancient = { hash: 'sha1', notBefore: Date.UTC(1970, 0, 1) } as const;
    expect(toldOf(worldOf({ root: ancient }))).toBe('chain.weak SHA-1');
    expect(toldOf(worldOf({ leaf: ancient }), {})).toBe('chain.weak SHA-1');
  });

  test('Ed25519 is known where nobody asks about TLS', () => {
    expect(toldOf(worldOf({ middle: { keys: generateKeyPairSync('ed25519') } }), {})).toBe('ok');
  });
});

describe('time', () => {
  test.each(['root', 'middle', 'leaf'] as const)('of %s', (place) => {
    const [notBefore, notAfter] = [AT - 1000, AT + 1000];
    const world = worldOf({ [place]: { notBefore, notAfter } });
    for (const asked of [TLS, {}]) {
      expect(toldOf(world, { ...asked, at: notBefore })).toBe('ok');
      expect(toldOf(world, { ...asked, at: notAfter })).toBe('ok');
      expect(toldOf(world, { ...asked, at: notBefore - 1 })).toBe('chain.not-yet-valid');
      expect(toldOf(world, { ...asked, at: notAfter + 1 })).toBe('chain.expired');
    }
  });
});

test('any policy takes part in no mapping', () => {
  for (const pair of [
    [ANY_POLICY, '1.2.3'],
    ['1.2.3', ANY_POLICY],
  ] as const)
    expect(toldOf(worldOf({ middle: { with: [EXT.policies([ANY_POLICY]), EXT.mappings([[...pair]])] } }), {})).toBe(
      'chain.policy a mapping of any policy',
    );
});
