import { execFileSync, spawnSync } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  type Authority,
  type Crl,
  createAuthority,
  generateKey,
  issueCertificate,
  issueCrl,
  type KeyKind,
  pemOf,
  pemOfCrl,
  REVOCATION_REASONS,
  type RevocationReason,
  type RevokedCertificate,
  readCrls,
  readNodeName,
  statusOf,
  verifyChain,
  writeNodeName,
} from '../../pki/index.ts';
import { MixError } from '../../schemas/errors/index.ts';
import { hasProgram, inFolder, makeWorld, NOW } from '../support/pki.ts';

const DAY_MS = 86_400_000;
const { root, issuing } = makeWorld();
const other = makeWorld();

function leafOf(authority: Authority = issuing, uri: string[] = []): X509Certificate {
  return issueCertificate(authority, {
    profile: 'node',
    subject: { commonName: 'a' },
    san: { dns: ['a.test'], uri },
    publicKey: generateKey().publicKey,
    now: NOW,
    days: 30,
  }).certificate;
}

const revokedOf = (certificate: X509Certificate, reason: RevocationReason = 'key-compromise'): RevokedCertificate => ({
  serial: certificate.serialNumber,
  at: NOW,
  reason,
});

function crlOf(
  authority: Authority,
  revoked: RevokedCertificate[],
  change: { number?: bigint; now?: number; days?: number } = {},
): Crl {
  return readCrls(issueCrl(authority, { revoked, number: 1n, now: NOW, ...change }))[0]!;
}

function codeOf(act: () => unknown): string {
  try {
    act();
  } catch (error) {
    return error instanceof MixError ? error.fault.code : `other: ${String(error)}`;
  }
  return 'ok';
}

describe('a revocation list', () => {
  test.each<KeyKind>(['p256', 'p384', 'rsa2048'])('of a %s key says what was put into it', (kind) => {
    const { root: authority } = makeWorld(kind);
    const revoked = (Object.keys(REVOCATION_REASONS) as RevocationReason[]).map((reason, at) => ({
      serial: `7F0${at}${'AB'.repeat(14)}`,
      at: NOW - at * 1000,
      reason,
    }));
    const der = issueCrl(authority, { revoked, number: 300n, now: NOW, days: 3 });
    for (const bytes of [der, Buffer.from(pemOfCrl(der)), Buffer.from(`text before\n${pemOfCrl(der)}`)]) {
      const [crl] = readCrls(bytes);
      expect(crl).toMatchObject({ number: 300n, thisUpdate: NOW, nextUpdate: NOW + 3 * DAY_MS, understood: true });
      expect([...crl!.revoked.values()]).toEqual(revoked);
    }
    expect(readCrls(Buffer.from(pemOfCrl(der) + pemOfCrl(der)))).toHaveLength(2);
  });

  test('is asked about each certificate of a chain, the authority in the middle too', () => {
    const leaf = leafOf();
    const verdict = (crls: Crl[], at = NOW): string => {
      const told = verifyChain(leaf, { roots: [root.certificate], intermediates: [issuing.certificate], crls, at });
      return told.ok ? 'ok' : told.reason;
    };
    expect(verdict([])).toBe('ok');
    expect(verdict([crlOf(issuing, []), crlOf(root, [])])).toBe('ok');
    expect(verdict([crlOf(issuing, [revokedOf(leaf)])])).toBe('chain.revoked');
    expect(verdict([crlOf(issuing, [revokedOf(leafOf())])])).toBe('ok');
    expect(verdict([crlOf(root, [revokedOf(issuing.certificate, 'ca-compromise')])])).toBe('chain.revoked');
    // The lists of others, and those of a namesake with another key, tell nothing.
    expect(verdict([crlOf(root, [revokedOf(leaf)]), crlOf(other.issuing, [revokedOf(leaf)])])).toBe('ok');
  });

  test('that is stale, of the future, or signed by another closes the door', () => {
    const leaf = leafOf();
    const status = (crls: Crl[], at = NOW): string => statusOf(leaf, issuing.certificate, crls, at).is;
    expect(status([crlOf(issuing, [], { days: 2 })], NOW + 2 * DAY_MS + 1)).toBe('unknown');
    expect(status([crlOf(issuing, [], { now: NOW + DAY_MS })])).toBe('unknown');
    const forged = crlOf(issuing, []);
    forged.body = Buffer.from(forged.body);
    forged.body[forged.body.length - 1]! ^= 1;
    expect(status([forged])).toBe('unknown');
    const stranger = createAuthority({ subject: { commonName: 'Test Issuing' }, now: NOW });
    const posing = crlOf({ ...stranger, certificate: issuing.certificate }, []);
    expect(status([posing])).toBe('unknown');
    // A bad one beside a good one does no harm, and no good.
    expect(status([posing, crlOf(issuing, [])])).toBe('good');
    expect(status([posing, crlOf(issuing, [revokedOf(leaf)])])).toBe('revoked');
    expect(
      verifyChain(leaf, { roots: [root.certificate], intermediates: [issuing.certificate], crls: [posing], at: NOW }),
    ).toMatchObject({ ok: false, reason: 'chain.status' });
  });

  test('that is newer by its number is the one that counts; a revocation in a stale one still holds', () => {
    const leaf = leafOf();
    const held = crlOf(issuing, [revokedOf(leaf, 'certificate-hold')], { number: 1n, now: NOW });
    const released = crlOf(issuing, [], { number: 2n, now: NOW });
    for (const crls of [
      [held, released],
      [released, held],
    ])
      expect(statusOf(leaf, issuing.certificate, crls, NOW).is).toBe('good');
    expect(statusOf(leaf, issuing.certificate, [held], NOW + 300 * DAY_MS).is).toBe('revoked');
  });

  test('whose authority may not sign lists tells nothing to rely upon', () => {
    const { privateKey, publicKey } = generateKey();
    const person = issueCertificate(issuing, {
      profile: 'node',
      subject: { commonName: 'p' },
      san: { dns: ['p.test'] },
      publicKey,
      now: NOW,
    });
    const crl = crlOf({ certificate: person.certificate, key: privateKey, chain: [] }, []);
    expect(statusOf(leafOf(), person.certificate, [crl], NOW).is).toBe('unknown');
  });

  test('that is bent, cut or foreign is refused with a code, never otherwise', () => {
    const der = issueCrl(issuing, { revoked: [revokedOf(leafOf())], number: 1n, now: NOW });
    fc.assert(
      fc.property(fc.nat(der.length - 1), fc.integer({ min: 1, max: 255 }), fc.nat(der.length), (at, bits, end) => {
        const bent = Buffer.from(der);
        bent[at]! ^= bits;
        for (const bytes of [bent, der.subarray(0, end), bent.subarray(0, end)])
          expect(['ok', 'crl.malformed']).toContain(codeOf(() => readCrls(bytes)));
      }),
      { numRuns: 300 },
    );
    for (const text of [
      '',
      'x',
      '-----BEGIN CERTIFICATE-----',
      '-----BEGIN X509 CRL-----\n!\n-----END X509 CRL-----',
      pemOf([issuing.certificate]),
    ])
      expect(codeOf(() => readCrls(Buffer.from(text)))).toBe('crl.malformed');
    expect(codeOf(() => readCrls(Buffer.alloc(5 * 1024 * 1024, 0x30)))).toBe('crl.malformed');
    expect(codeOf(() => issueCrl(issuing, { revoked: [], number: 1n, now: NOW, days: 0 }))).toBe(
      'certificate.lifetime',
    );
    expect(
      codeOf(() =>
        issueCrl(issuing, { revoked: [{ serial: 'x', at: 0, reason: 'unspecified' }], number: 1n, now: NOW }),
      ),
    ).toBe('certificate.subject');
  });

  test('of ten thousand entries is read and asked', () => {
    const revoked = Array.from({ length: 10_000 }, (_, at) => ({
      serial: `40${at.toString(16).toUpperCase().padStart(30, '0')}`,
      at: NOW,
      reason: 'superseded' as const,
    }));
    const crl = crlOf(issuing, revoked);
    expect(crl.revoked.size).toBe(10_000);
    expect(statusOf(leafOf(), issuing.certificate, [crl], NOW).is).toBe('good');
  });
});

describe('the name of a node', () => {
  test('is read from its certificate as it was written', () => {
    const name = { role: 'region', organization: '2.16.840.1.113883.19.2' } as const;
    expect(readNodeName(leafOf(issuing, [writeNodeName(name)]))).toEqual(name);
  });

  test.each([
    [],
    ['urn:mix-hie:node:king:1.2'],
    ['urn:mix-hie:node:region:1.02'],
    ['urn:mix-hie:node:region:1.2.'],
    ['urn:mix-hie:node:region:'],
    ['urn:mix-hie:node:region:1.2', 'urn:mix-hie:node:global:1.2'],
    ['https://a.test/urn:mix-hie:node:region:1.2'],
  ])('is none in %j', (...uris) => {
    expect(readNodeName(leafOf(issuing, uris.flat()))).toBeUndefined();
  });
});

const openssl = hasProgram('openssl') && spawnSync('openssl', ['version']).status === 0;
describe.skipIf(!openssl)(`openssl${openssl ? '' : ' (skipped: not on this machine)'}`, () => {
  test.each<KeyKind>(['p256', 'p384', 'rsa2048'])('accepts our lists of a %s key and refuses whom they name', (kind) =>
    inFolder((folder) => {
      const world = makeWorld(kind);
      const now = Date.now();
      const at = (name: string): string => join(folder, name);
      const [good, bad] = [1, 2].map(
        () =>
          issueCertificate(world.issuing, {
            profile: 'node',
            subject: { commonName: 'n' },
            san: { dns: ['n.test'] },
            publicKey: generateKey().publicKey,
            now,
          }).certificate,
      );
      writeFileSync(at('root.pem'), pemOf([world.root.certificate]));
      writeFileSync(at('ca.pem'), pemOf([world.issuing.certificate]));
      writeFileSync(at('good.pem'), pemOf([good!]));
      writeFileSync(at('bad.pem'), pemOf([bad!]));
      const list = issueCrl(world.issuing, { revoked: [{ ...revokedOf(bad!), at: now }], number: 77n, now });
      writeFileSync(at('issuing.crl.pem'), pemOfCrl(list));
      writeFileSync(
        at('all.crl.pem'),
        pemOfCrl(list) + pemOfCrl(issueCrl(world.root, { revoked: [], number: 1n, now })),
      );
      const told = spawnSync('openssl', [
        'crl',
        '-in',
        at('issuing.crl.pem'),
        '-CAfile',
        at('ca.pem'),
        '-noout',
        '-text',
      ]);
      expect(told.stderr.toString()).toContain('verify OK');
      expect(told.stdout.toString()).toMatch(/Version 2[\s\S]*CRL Number:\s+77[\s\S]*Key Compromise/);
      const verify = (leaf: string, ...how: string[]): number =>
        spawnSync('openssl', [
          'verify',
          ...how,
          '-CRLfile',
          at('all.crl.pem'),
          '-CAfile',
          at('root.pem'),
          '-untrusted',
          at('ca.pem'),
          at(leaf),
        ]).status!;
      for (const how of ['-crl_check', '-crl_check_all']) {
        expect(verify('good.pem', how)).toBe(0);
        expect(verify('bad.pem', how)).not.toBe(0);
      }
      expect(verify('bad.pem')).toBe(0);
    }),
  );

  test('makes lists that we read and believe', () =>
    inFolder((folder) => {
      const run = (...args: string[]): void => void execFileSync('openssl', args, { cwd: folder, stdio: 'ignore' });
      const config = [
        '[ca]\ndefault_ca=c\n[c]\ndatabase=index.txt\ncrlnumber=number\ndefault_md=sha256\ndefault_crl_days=5\n',
        'certificate=ca.pem\nprivate_key=ca.key\ncrl_extensions=x\n[x]\nauthorityKeyIdentifier=keyid\n',
      ];
      writeFileSync(join(folder, 'ca.cnf'), config.join(''));
      writeFileSync(join(folder, 'number'), '0A\n');
      run(
        'req',
        '-x509',
        '-newkey',
        'rsa:2048',
        '-nodes',
        '-keyout',
        'ca.key',
        '-out',
        'ca.pem',
        '-subj',
        '/CN=Other CA',
        '-days',
        '9',
      );
      for (const name of ['good', 'bad']) {
        run(
          'req',
          '-newkey',
          'rsa:2048',
          '-nodes',
          '-keyout',
          `${name}.key`,
          '-out',
          `${name}.csr`,
          '-subj',
          `/CN=${name}`,
        );
        run(
          'x509',
          '-req',
          '-in',
          `${name}.csr`,
          '-CA',
          'ca.pem',
          '-CAkey',
          'ca.key',
          '-CAcreateserial',
          '-days',
          '9',
          '-out',
          `${name}.pem`,
          '-extfile',
          '/dev/null',
        );
      }
      const read = (name: string): X509Certificate => new X509Certificate(readFileSync(join(folder, name)));
      const line = `R\t300101000000Z\t260101000000Z,keyCompromise\t${read('bad.pem').serialNumber}\tunknown\t/CN=bad\n`;
      writeFileSync(join(folder, 'index.txt'), line);
      run('ca', '-config', 'ca.cnf', '-gencrl', '-out', 'list.pem');
      run('crl', '-in', 'list.pem', '-outform', 'DER', '-out', 'list.der');
      for (const file of ['list.pem', 'list.der']) {
        const crls = readCrls(readFileSync(join(folder, file)));
        expect(crls[0]?.number).toBe(10n);
        expect(statusOf(read('good.pem'), read('ca.pem'), crls, Date.now()).is).toBe('good');
        expect(statusOf(read('bad.pem'), read('ca.pem'), crls, Date.now())).toMatchObject({
          is: 'revoked',
          entry: { reason: 'key-compromise', at: Date.UTC(2026, 0, 1) },
        });
      }
    }));
});
