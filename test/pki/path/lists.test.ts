import { describe, expect, test } from 'vitest';
import {
  AT,
  DAY_MS,
  dn,
  EXT,
  type Ext,
  GN,
  int,
  issue,
  issueList,
  issuingPoint,
  type ListOrder,
  type Party,
  pemOf,
  point,
} from '../../support/chains.ts';
import { type Asked, TLS, told } from './chain.ts';

const SERIAL = Buffer.of(0x55);
const root = issue({ ca: true, subject: 'CN=root' });
const middle = issue({ ca: true, subject: 'O=T,CN=middle', issuer: root });
const other = issue({ ca: true, subject: 'CN=other', issuer: root });
const rootList = issueList(root);
const leafWith = (more: Ext[] = []): Party =>
  issue({ issuer: middle, subject: 'CN=leaf.test', serial: SERIAL, with: more });
const leaf = leafWith();
const delta = (base: number): Ext => ({ id: '2.5.29.27', critical: true, value: int(base) });
const revoked = (reason?: number): NonNullable<ListOrder['revoked']> => [
  reason === undefined ? { serial: SERIAL } : { serial: SERIAL, reason },
];

/** The answer with a list of the root and these. */
function answer(lists: Buffer[], asked: Partial<Asked> = {}, who = leaf, more: Party[] = []): string {
  return told(who, {
    roots: [root],
    intermediates: [middle, other, ...more],
    crls: [rootList, ...lists],
    revocation: true,
    ...TLS,
    ...asked,
  });
}

const of = (order: ListOrder = {}, authority = middle): Buffer => issueList(authority, order);

describe('complete lists', () => {
  test('say good and revoked, for TLS and without', () => {
    for (const asked of [{}, { purpose: undefined, name: undefined }]) {
      expect(answer([of()], asked)).toBe('ok');
      expect(answer([of({ revoked: revoked(1) })], asked)).toBe('chain.revoked key-compromise');
      expect(answer([of({ revoked: [{ serial: Buffer.of(0x56) }] })], asked)).toBe('ok');
    }
  });

  test('are wanted for every certificate below the root, where status is', () => {
    expect(answer([])).toBe('chain.status no revocation list');
    expect(answer([], { revocation: false })).toBe('ok');
    expect(told(leaf, { roots: [root], intermediates: [middle], crls: [of()], revocation: true })).toBe(
      'chain.status no revocation list',
    );
    expect(told(leaf, { roots: [root], intermediates: [middle], crls: [], revocation: true })).toBe(
      'chain.status no revocation list',
    );
    expect(told(leaf, { roots: [root], intermediates: [middle], crls: [of({ revoked: revoked() })] })).toBe(
      'chain.revoked unspecified',
    );
  });

  test('are read from PEM and DER', () => {
    expect(answer([pemOf('X509 CRL', of({ revoked: revoked() }))])).toBe('chain.revoked unspecified');
    expect(
      answer([Buffer.concat([pemOf('X509 CRL', of({}, other)), pemOf('X509 CRL', of({ revoked: revoked() }))])]),
    ).toBe('chain.revoked unspecified');
  });

  test.each([
    ['of another', () => of({}, other), 'chain.status no revocation list'],
    [
      'signed by another',
      () => of({ signer: other, with: [EXT.aki(middle.keyId)] }),
      'chain.status the revocation list is not well signed',
    ],
    ['past its time', () => of({ nextUpdate: AT - 1 }), 'chain.status the revocation list is stale'],
    ['without an end', () => of({ nextUpdate: null }), 'chain.status the revocation list is stale'],
    [
      'of the future',
      () => of({ thisUpdate: AT + DAY_MS, nextUpdate: AT + 2 * DAY_MS }),
      'chain.status the revocation list is of the future',
    ],
    [
      'with something critical',
      () => of({ with: [EXT.other('1.2.3', true)] }),
      'chain.status a critical extension of the revocation list is not understood',
    ],
    [
      'with something critical in an entry',
      () => of({ revoked: [{ serial: Buffer.of(1), with: [EXT.other('1.2.3', true)] }] }),
      'chain.status a critical extension of the revocation list is not understood',
    ],
    ['signed with SHA-1', () => of({ hash: 'sha1' }), 'chain.status the revocation list: SHA-1'],
    ['without a number', () => of({ without: ['2.5.29.20'] }), 'chain.status the revocation list: no cRLNumber'],
    [
      'with a critical number',
      () => of({ with: [{ id: '2.5.29.20', critical: true, value: int(1) }] }),
      'chain.status the revocation list: cRLNumber is critical',
    ],
  ])('%s are not relied upon', (_what, list, wanted) => {
    expect(answer([list()])).toBe(wanted);
  });

  test('that can not be read never make a chain good', () => {
    const cut = of().subarray(0, 90);
    expect(answer([cut])).toBe('chain.status no revocation list');
    expect(answer([cut], { revocation: false })).toBe('chain.status a revocation list can not be read');
    expect(answer([cut, of()])).toBe('ok');
  });

  test('the newest counts; a bad one beside it changes nothing', () => {
    const old = of({ number: 1, revoked: revoked(6) });
    const next = of({ number: 2 });
    for (const lists of [
      [old, next],
      [next, old],
      [next, old, of({ number: 3, signer: other, revoked: revoked(1), with: [EXT.aki(middle.keyId)] })],
    ])
      expect(answer(lists)).toBe('ok');
    expect(answer([next, of({ number: 3, revoked: revoked(1) })])).toBe('chain.revoked key-compromise');
  });

  test('a negative number is not the same as its bytes without sign', () => {
    const negative = issue({ issuer: middle, serial: Buffer.of(0x80) });
    expect(
      answer([of({ revoked: [{ serial: Buffer.of(0, 0x80) }] })], { purpose: undefined, name: undefined }, negative),
    ).toBe('ok');
    expect(
      answer([of({ revoked: [{ serial: Buffer.of(0x80) }] })], { purpose: undefined, name: undefined }, negative),
    ).toBe('chain.revoked unspecified');
  });
});

describe('changes to lists', () => {
  const base = (order: ListOrder = {}): Buffer => of({ number: 5, ...order });
  const change = (order: ListOrder = {}, from = 5): Buffer =>
    of({ number: 7, ...order, with: [delta(from), ...(order.with ?? [])] });

  test('revoke, release, and need their list', () => {
    expect(answer([base(), change()])).toBe('ok');
    expect(answer([base(), change({ revoked: revoked(1) })])).toBe('chain.revoked key-compromise');
    expect(answer([base({ revoked: revoked(6) }), change({ revoked: revoked(8) })])).toBe('ok');
    expect(answer([base({ revoked: revoked(6) }), change()])).toBe('chain.revoked certificate-hold');
    expect(answer([change()])).toMatch(/^chain\.status/);
  });

  test('of another list, scope, age or signer do not count', () => {
    expect(answer([base({ revoked: revoked(6) }), change({ revoked: revoked(8) }, 6)])).toBe(
      'chain.revoked certificate-hold',
    );
    expect(answer([base({ number: 9, revoked: revoked(6) }), change({ revoked: revoked(8) })])).toBe(
      'chain.revoked certificate-hold',
    );
    expect(
      answer([base({ revoked: revoked(6) }), change({ revoked: revoked(8), with: [issuingPoint({ flags: [1] })] })]),
    ).toBe('chain.revoked certificate-hold');
    expect(answer([base({ revoked: revoked(6) }), change({ revoked: revoked(8), signer: other })])).toBe(
      'chain.revoked certificate-hold',
    );
  });

  test('that are stale leave nothing to rely upon', () => {
    expect(answer([base(), change({ nextUpdate: AT - 1 })])).toBe('chain.status the revocation list is stale');
  });
});

describe('partial lists', () => {
  const part = (options: Parameters<typeof issuingPoint>[0], order: ListOrder = {}): Buffer =>
    of({ ...order, with: [issuingPoint(options)] });

  test('are for users, authorities or attributes', () => {
    expect(answer([part({ flags: [1] })])).toBe('ok');
    for (const flag of [2, 5]) expect(answer([part({ flags: [flag] })])).toMatch(/^chain\.status/);
    expect(answer([part({ flags: [2] }, { revoked: revoked() })])).toMatch(/^chain\.status/);
    const authorities = issueList(root, { with: [issuingPoint({ flags: [2] })] });
    const asked = (list: Buffer): string =>
      told(leaf, { roots: [root], intermediates: [middle], crls: [of(), list], revocation: true, ...TLS });
    expect(asked(authorities)).toBe('ok');
    expect(asked(issueList(root, { with: [issuingPoint({ flags: [1] })] }))).toMatch(/^chain\.status/);
  });

  test('cover all reasons only together', () => {
    const [some, rest] = [
      [1, 2],
      [3, 4, 5, 6, 7, 8],
    ];
    expect(answer([part({ reasons: some })])).toMatch(/^chain\.status/);
    expect(answer([part({ reasons: some }), part({ reasons: rest })])).toBe('ok');
    expect(answer([part({ reasons: some }), part({ reasons: rest }, { revoked: revoked(4) })])).toBe(
      'chain.revoked superseded',
    );
    expect(answer([part({ reasons: some }), part({ reasons: [3] })])).toMatch(/^chain\.status/);
  });

  test('are for the distribution point that they name', () => {
    const name = GN.uri('http://crl.test/a');
    const pointed = leafWith([EXT.points([point({ name })])]);
    const ask = (list: Buffer, who = pointed): string => answer([list], {}, who);
    expect(ask(part({ name }))).toBe('ok');
    expect(ask(part({ name }, { revoked: revoked() }))).toBe('chain.revoked unspecified');
    expect(ask(part({ name: GN.uri('http://crl.test/b') }))).toMatch(/^chain\.status/);
    expect(ask(part({ name }), leaf)).toMatch(/^chain\.status/);
    expect(ask(of())).toBe('ok');
    expect(
      answer([part({ name }), part({ name: GN.uri('http://crl.test/b') }, { revoked: revoked() })], {}, pointed),
    ).toBe('ok');
  });

  test('reasons of a distribution point bound what its list tells', () => {
    const [a, b] = [GN.uri('http://crl.test/a'), GN.uri('http://crl.test/b')];
    const pointed = leafWith([
      EXT.points([point({ name: a, reasons: [1, 2] }), point({ name: b, reasons: [3, 4, 5, 6, 7, 8] })]),
    ]);
    expect(answer([part({ name: a })], {}, pointed)).toMatch(/^chain\.status/);
    expect(answer([part({ name: a }), part({ name: b })], {}, pointed)).toBe('ok');
  });
});

describe('lists of others', () => {
  const pointed = leafWith([EXT.points([point({ issuer: other.name })])]);
  const indirect = (order: ListOrder = {}, flags = [4]): Buffer =>
    issueList(other, { ...order, with: [issuingPoint({ flags })] });

  test('count where the certificate says who issues them', () => {
    expect(answer([indirect()], {}, pointed)).toBe('ok');
    expect(answer([indirect()])).toBe('chain.status no revocation list');
    expect(answer([indirect({}, [])], {}, pointed)).toMatch(/^chain\.status/);
    expect(answer([indirect({ revoked: [{ serial: SERIAL, issuer: middle.name }] })], {}, pointed)).toBe(
      'chain.revoked unspecified',
    );
  });

  test('name in an entry whose certificates follow', () => {
    const entries = [
      { serial: Buffer.of(1), issuer: middle.name },
      { serial: SERIAL },
      { serial: Buffer.of(2), issuer: dn('CN=nobody') },
    ];
    expect(answer([indirect({ revoked: entries })], {}, pointed)).toBe('chain.revoked unspecified');
    expect(answer([indirect({ revoked: [{ serial: SERIAL }] })], {}, pointed)).toBe('ok');
    expect(answer([indirect({ revoked: [{ serial: SERIAL, issuer: dn('CN=nobody') }] })], {}, pointed)).toBe('ok');
  });

  const signer = (change: Ext[] = [], issuer = root): Party =>
    issue({ issuer, subject: middle.name, with: [EXT.usage([6]), ...change], without: ['2.5.29.37', '2.5.29.17'] });

  test('may be signed with another key of the same name, certified below the same root', () => {
    const own = signer();
    expect(answer([of({ signer: own })], {}, leaf, [own])).toBe('ok');
    expect(answer([of({ signer: own, revoked: revoked() })], {}, leaf, [own])).toBe('chain.revoked unspecified');
    expect(answer([of({ signer: own })])).toMatch(/^chain\.status/);
  });

  test.each([
    ['may not sign lists', () => signer([EXT.usage([0])])],
    ['does not say that it may', () => issue({ issuer: root, subject: middle.name, without: ['2.5.29.15'] })],
    ['is out of time', () => issue({ issuer: root, subject: middle.name, with: [EXT.usage([6])], notAfter: AT - 1 })],
    ['leads to another root', () => signer([], issue({ ca: true, subject: 'CN=root' }))],
    ['vouches for itself', () => issue({ subject: middle.name, with: [EXT.usage([6])] })],
  ])('but not by one that %s', (_what, make) => {
    const own = make();
    expect(answer([of({ signer: own })], {}, leaf, [own])).toMatch(/^chain\.status/);
  });

  test('whose signer was revoked are not relied upon', () => {
    const own = issue({ issuer: root, subject: middle.name, with: [EXT.usage([6])], serial: Buffer.of(0x44) });
    const above = issueList(root, { number: 2, revoked: [{ serial: Buffer.of(0x44), reason: 1 }] });
    expect(answer([of({ signer: own }), above], {}, leaf, [own])).toMatch(/^chain\.status/);
    expect(answer([of({ signer: own })], {}, leaf, [own])).toBe('ok');
  });
});
