import { describe, expect, test } from 'vitest';
import { AT, DAY_MS, EXT, ecKeys, GN, issue, type Order, type Party } from '../../support/chains.ts';
import { TLS, told, toldOf, verdictOn, worldOf } from './chain.ts';

const authority = (order: Order = {}): Party => issue({ ca: true, ...order });

/** The same authority certified by somebody else: name and key stay. */
function certifiedBy(issuer: Party, who: Party, order: Order = {}): Party {
  return issue({
    ca: true,
    issuer,
    subject: who.name,
    keys: { privateKey: who.key, publicKey: who.publicKey },
    ...order,
  });
}

describe('a path', () => {
  test('is found among others, and told leaf first', () => {
    const world = worldOf();
    const others = Array.from({ length: 30 }, () => authority());
    const verdict = verdictOn(world.leaf, {
      roots: [others[0]!, world.root],
      intermediates: [...others, world.middle],
      ...TLS,
    });
    expect(verdict.ok && verdict.path.map(({ der }) => der)).toEqual([
      world.leaf.der,
      world.middle.der,
      world.root.der,
    ]);
  });

  test('goes another way where the first one is shut', () => {
    const [root, lost] = [authority(), authority()];
    const shut: [string, Order][] = [
      ['expired', { notAfter: AT - 1 }],
      ['no authority', { with: [EXT.basic(false), EXT.usage([0])] }],
      ['constraints', { with: [EXT.constraints([GN.dns('other.test')])] }],
      ['purpose', { with: [EXT.purposes(['1.3.6.1.5.5.7.3.2'])] }],
      ['critical', { with: [EXT.other('1.2.3.4', true)] }],
      ['weak', { hash: 'sha1' }],
      ['path length', { pathLength: 0 }],
    ];
    for (const [what, order] of shut) {
      const top = authority();
      const good = certifiedBy(root, top);
      const bad = certifiedBy(root, top, order);
      const middle = authority({ issuer: top });
      const leaf = issue({ issuer: middle, subject: 'CN=leaf.test' });
      for (const intermediates of [
        [bad, good, middle],
        [good, bad, middle],
      ])
        expect(told(leaf, { roots: [root, lost], intermediates, ...TLS }), what).toBe('ok');
      expect(told(leaf, { roots: [root], intermediates: [bad, middle], ...TLS }), what).not.toBe('ok');
    }
  });

  test('ends at the nearest root, though that one is certified by another', () => {
    const [above, root] = [authority(), authority()];
    const crossed = certifiedBy(above, root);
    const leaf = issue({ issuer: root, subject: 'CN=leaf.test' });
    const verdict = verdictOn(leaf, { roots: [root, above], intermediates: [crossed], ...TLS });
    expect(verdict.ok && verdict.path).toHaveLength(2);
    expect(told(leaf, { roots: [above], intermediates: [crossed, root], ...TLS })).toBe('ok');
  });

  test('key identifiers order the search and prove nothing', () => {
    const root = authority();
    const middle = authority({ issuer: root, subject: 'CN=m', with: [EXT.ski(Buffer.alloc(20, 1))] });
    const leaf = issue({ issuer: middle, subject: 'CN=leaf.test' });
    expect(told(leaf, { roots: [root], intermediates: [middle], ...TLS })).toBe('ok');
    const namesake = authority({ issuer: root, subject: 'CN=m', with: [EXT.ski(middle.keyId)] });
    expect(told(leaf, { roots: [root], intermediates: [namesake, middle], ...TLS })).toBe('ok');
    expect(told(leaf, { roots: [root], intermediates: [namesake], ...TLS })).toBe('chain.signature');
  });

  test('does not run in circles', () => {
    const parties = Array.from({ length: 8 }, () => authority());
    const crossed = parties.flatMap((one) =>
      parties.filter((other) => other !== one).map((other) => certifiedBy(other, one)),
    );
    const leaf = issue({ issuer: parties[0]!, subject: 'CN=leaf.test' });
    expect(told(leaf, { roots: [parties[7]!], intermediates: crossed, ...TLS })).toBe('ok');
    expect(told(leaf, { roots: [authority()], intermediates: crossed, ...TLS })).toBe('chain.untrusted');
  });

  test('where every one of many ways fails at its end is given up in time', () => {
    const root = authority({ with: [EXT.constraints([GN.dns('other.test')])] });
    const parties = Array.from({ length: 9 }, () => authority());
    const crossed = parties.flatMap((one) =>
      [root, ...parties.filter((other) => other !== one)].map((other) => certifiedBy(other, one)),
    );
    const leaf = issue({ issuer: parties[0]!, subject: 'CN=leaf.test' });
    expect(told(leaf, { roots: [root], intermediates: crossed, ...TLS })).toBe('chain.limit paths');
  });

  test('among thousands of namesakes ends in a verdict', () => {
    const keys = ecKeys();
    const root = authority();
    const fakes = Array.from({ length: 1_200 }, () => authority({ subject: 'CN=m', issuer: root, keys }));
    const leaf = issue({ issuer: authority({ subject: 'CN=m' }), subject: 'CN=leaf.test' });
    expect(told(leaf, { roots: [root], intermediates: fakes, ...TLS })).toBe('chain.signature');
  });

  test('that could go on for ever is cut', () => {
    const root = authority();
    const line = [root];
    for (let at = 0; at < 30; at++) line.push(authority({ issuer: line.at(-1)! }));
    const at = (length: number): string =>
      told(issue({ issuer: line[length]!, subject: 'CN=leaf.test' }), {
        roots: [root],
        intermediates: line.slice(1),
        ...TLS,
      });
    expect(at(10)).toBe('ok');
    expect(at(29)).toMatch(/^chain\.path-length/);
  });

  test('without what leads to a root is not trusted', () => {
    const world = worldOf();
    expect(told(world.leaf, { roots: [world.root], ...TLS })).toBe('chain.untrusted');
    expect(told(world.leaf, { roots: [], intermediates: [world.middle, world.root], ...TLS })).toBe('chain.untrusted');
    expect(told(world.middle, { roots: [] })).toBe('chain.untrusted');
  });
});

describe('path length', () => {
  const depth = (length: number | undefined, below: number, where: 'root' | 'first' = 'first'): string => {
    const limited = length === undefined ? {} : { pathLength: length };
    const root = authority(where === 'root' ? limited : {});
    const line = [authority({ issuer: root, ...(where === 'first' ? limited : {}) })];
    for (let at = 0; at < below; at++) line.push(authority({ issuer: line.at(-1)! }));
    return told(issue({ issuer: line.at(-1)!, subject: 'CN=leaf.test' }), {
      roots: [root],
      intermediates: line,
      ...TLS,
    });
  };

  test.each([
    [undefined, 5, 'ok'],
    [0, 0, 'ok'],
    [0, 1, 'chain.path-length'],
    [1, 1, 'ok'],
    [1, 2, 'chain.path-length'],
  ] as const)('%s with %i below', (length, below, wanted) => {
    expect(depth(length, below)).toBe(wanted);
  });

  test('of a root counts too', () => {
    expect(depth(0, 0, 'root')).toBe('chain.path-length');
    expect(depth(1, 0, 'root')).toBe('ok');
  });

  test('can not be widened further down', () => {
    const root = authority();
    const first = authority({ issuer: root, pathLength: 0 });
    const second = authority({ issuer: first, pathLength: 5 });
    const leaf = issue({ issuer: second, subject: 'CN=leaf.test' });
    expect(told(leaf, { roots: [root], intermediates: [first, second], ...TLS })).toBe('chain.path-length');
  });

  test('does not count an authority that changes its keys', () => {
    const root = authority();
    const first = authority({ issuer: root, subject: 'CN=a', pathLength: 0 });
    const next = authority({ issuer: first, subject: 'CN=a', pathLength: 0 });
    const leaf = issue({ issuer: next, subject: 'CN=leaf.test' });
    expect(told(leaf, { roots: [root], intermediates: [first, next], ...TLS })).toBe('ok');
  });
});

describe('who signs', () => {
  test.each([
    ['is no authority', { with: [EXT.basic(false)] }, 'chain.not-authority'],
    ['does not say that it is one', { without: ['2.5.29.19'] }, 'chain.not-authority'],
    ['may not sign certificates', { with: [EXT.usage([0, 6])] }, 'chain.not-authority keyCertSign'],
    [
      'is of version 1',
      { version: 1, without: ['2.5.29.19', '2.5.29.15', '2.5.29.14', '2.5.29.35'] },
      'chain.not-authority',
    ],
  ] satisfies [string, Order, string][])('and %s is refused', (_what, middle, wanted) => {
    expect(toldOf(worldOf({ middle }), {})).toBe(wanted);
  });

  test('a signature that was changed, or made by another key, is refused', () => {
    const flip = (der: Buffer): Buffer => {
      const copy = Buffer.from(der);
      copy[copy.length - 1]! ^= 1;
      return copy;
    };
    expect(toldOf(worldOf({ leaf: { bend: flip } }))).toBe('chain.signature');
    expect(toldOf(worldOf({ middle: { bend: flip } }))).toBe('chain.signature');
    const [one, other] = [worldOf(), worldOf()];
    expect(toldOf({ ...one, middle: other.middle })).toBe('chain.signature');
    expect(toldOf({ ...one, root: other.root })).toBe('chain.signature');
  });

  test('a verdict tells where, by number and key, and no name', () => {
    const world = worldOf({ middle: { notAfter: AT - DAY_MS } });
    const verdict = verdictOn(world.leaf, { roots: [world.root], intermediates: [world.middle], ...TLS });
    expect(verdict).toEqual({
      ok: false,
      reason: 'chain.expired',
      index: 1,
      keyId: world.middle.keyId.toString('hex'),
    });
    const leaf = worldOf({ leaf: { notAfter: AT - DAY_MS } });
    expect(verdictOn(leaf.leaf, { roots: [leaf.root], ...TLS })).toMatchObject({ index: 0, reason: 'chain.expired' });
  });
});
