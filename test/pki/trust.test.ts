import { X509Certificate } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  createAuthority,
  generateKey,
  issueCertificate,
  type Purpose,
  readCertificate,
  type Trust,
  verifyChain,
} from '../../pki/index.ts';
import { MixError } from '../../schemas/errors/index.ts';
import { makeWorld, NOW } from '../support/pki.ts';

const DAY_MS = 86_400_000;
const { root, issuing } = makeWorld();
const other = makeWorld();

function leafOf(authority = issuing, profile: 'node' | 'tls-client' | 'document-signer' = 'node'): X509Certificate {
  return issueCertificate(authority, {
    profile,
    subject: { commonName: 'a' },
    san: { dns: ['a.test', '*.b.test'], ip: ['192.0.2.1'] },
    publicKey: generateKey().publicKey,
    now: NOW,
    days: 30,
  }).certificate;
}

function reason(
  leaf: X509Certificate,
  change: Partial<Trust> = {},
  options: { purpose?: Purpose; name?: string } = {},
): string {
  const verdict = verifyChain(
    leaf,
    { roots: [root.certificate], intermediates: [issuing.certificate], at: NOW, ...change },
    options,
  );
  return verdict.ok ? 'ok' : verdict.reason;
}

describe('a chain', () => {
  const leaf = leafOf();

  test('that holds is told with every certificate in it', () => {
    const verdict = verifyChain(leaf, {
      roots: [root.certificate],
      intermediates: [other.issuing.certificate, issuing.certificate],
      at: NOW,
    });
    expect(verdict.ok && verdict.chain.map((one) => one.subject.split('=').at(-1))).toEqual([
      'a',
      'Test Issuing',
      'Test Root',
    ]);
  });

  test('without its intermediate, or to another root, is not trusted', () => {
    expect(reason(leaf, { intermediates: [] })).toBe('chain.untrusted');
    expect(reason(leaf, { roots: [] })).toBe('chain.untrusted');
    // Same names, other keys.
    expect(reason(leaf, { roots: [other.root.certificate] })).toBe('chain.signature');
    expect(reason(leaf, { intermediates: [other.issuing.certificate] })).toBe('chain.signature');
  });

  test('is refused before and after the life of each certificate', () => {
    expect(reason(leaf, { at: NOW - DAY_MS })).toBe('chain.not-yet-valid');
    expect(reason(leaf, { at: NOW + 31 * DAY_MS })).toBe('chain.expired');
    const late = issueCertificate(issuing, {
      profile: 'document-signer',
      subject: { commonName: 'late' },
      publicKey: generateKey().publicKey,
      now: NOW + DAY_MS,
      days: 1_800,
    }).certificate;
    expect(reason(late, { at: NOW + 1_700 * DAY_MS })).toBe('ok');
    const short = createAuthority({ subject: { commonName: 'short' }, issuer: root, days: 40, now: NOW });
    expect(reason(leafOf(short), { intermediates: [short.certificate], at: NOW + 29 * DAY_MS })).toBe('ok');
  });

  test('is judged by purpose and by name', () => {
    expect(reason(leaf, {}, { purpose: 'serverAuth' })).toBe('ok');
    expect(reason(leaf, {}, { purpose: 'documentSigning' })).toBe('chain.purpose');
    expect(reason(leafOf(issuing, 'tls-client'), {}, { purpose: 'serverAuth' })).toBe('chain.purpose');
    for (const name of ['a.test', 'A.TEST', 'x.b.test', '192.0.2.1'])
      expect(reason(leaf, {}, { name }), name).toBe('ok');
    for (const name of ['b.test', 'x.y.b.test', 'a.test.evil', '192.0.2.2', '', 'a'])
      expect(reason(leaf, {}, { name }), name).toBe('chain.name');
  });

  test('through somebody who is no authority is refused', () => {
    const { privateKey, publicKey } = generateKey();
    const person = issueCertificate(issuing, {
      profile: 'node',
      subject: { commonName: 'person' },
      san: { dns: ['p.test'] },
      publicKey,
      now: NOW,
    }).certificate;
    const forged = leafOf({ certificate: person, key: privateKey, chain: [person, ...issuing.chain] });
    expect(reason(forged, { intermediates: [issuing.certificate, person] })).toBe('chain.not-authority');
  });

  test('that is longer than an authority allows is refused', () => {
    // The root allows one authority below it; a rogue issuing one (path length 0) makes another with its key.
    const deep = createAuthority({ subject: { commonName: 'deep' }, now: NOW });
    const rogue = createAuthority({
      subject: { commonName: 'rogue' },
      issuer: {
        ...issuing,
        certificate: createAuthority({ subject: { commonName: 'Test Issuing' }, pathLength: 5, now: NOW }).certificate,
      },
      days: 100,
      now: NOW,
    });
    expect(rogue.certificate.issuer).toBe('CN=Test Issuing');
    expect(reason(leafOf(rogue), { intermediates: [issuing.certificate, rogue.certificate] })).toMatch(
      /chain\.(path-length|signature)/,
    );
    expect(reason(leafOf(deep))).toBe('chain.untrusted');
  });

  test('a mesh of authorities with the same name ends in a verdict', () => {
    const mesh = Array.from(
      { length: 60 },
      () => createAuthority({ subject: { commonName: 'Test Issuing' }, pathLength: 9, now: NOW }).certificate,
    );
    expect(reason(leaf, { roots: [other.root.certificate], intermediates: mesh })).toBe('chain.signature');
  });
});

test('certificates bent anywhere are read, or refused with a code', () => {
  const der = leafOf().raw;
  fc.assert(
    fc.property(fc.nat(der.length - 1), fc.nat(20), fc.uint8Array({ maxLength: 8 }), (at, length, put) => {
      let certificate: X509Certificate;
      try {
        certificate = new X509Certificate(Buffer.concat([der.subarray(0, at), put, der.subarray(at + length)]));
      } catch {
        return;
      }
      const verdict = verifyChain(
        certificate,
        { roots: [root.certificate, certificate], intermediates: [issuing.certificate], at: NOW },
        { purpose: 'serverAuth', name: 'a.test' },
      );
      // A root is trusted as it is, so this one may hold; it must only never throw.
      expect(typeof verdict.ok).toBe('boolean');
      try {
        readCertificate(certificate);
      } catch (error) {
        expect(error).toBeInstanceOf(MixError);
      }
    }),
    { numRuns: 1_500 },
  );
});
