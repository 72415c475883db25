import { spawnSync } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { chmodSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  createAuthority,
  generateKey,
  issueCertificate,
  type KeyKind,
  openAuthority,
  pemOf,
  readCertificate,
  readKeyFile,
  verifyChain,
  writeKeyFile,
} from '../../pki/index.ts';
import { hasProgram, inFolder, makeWorld, NOW } from '../support/pki.ts';

const openssl = hasProgram('openssl');
const DAY_MS = 86_400_000;

function codeOf(act: () => unknown): string {
  try {
    act();
  } catch (error) {
    return (error as { fault?: { code: string } }).fault?.code ?? String(error);
  }
  return 'nothing was thrown';
}

describe('an authority in a folder', () => {
  test('is made once, keeps its key to itself, and opens again as the same', () =>
    inFolder((folder) => {
      const dir = join(folder, 'ca');
      const made = createAuthority({ subject: { commonName: 'Root' }, dir, now: NOW });
      if (process.platform !== 'win32') expect(statSync(join(dir, 'ca.key')).mode & 0o777).toBe(0o600);
      const opened = openAuthority(dir);
      expect(opened.certificate.fingerprint256).toBe(made.certificate.fingerprint256);
      expect(codeOf(() => createAuthority({ subject: { commonName: 'Root' }, dir }))).toBe('authority.exists');
      expect(codeOf(() => openAuthority(folder))).toBe('authority.missing');
    }));

  test('does not open with another key, or one that others can read', () =>
    inFolder((folder) => {
      createAuthority({ subject: { commonName: 'Root' }, dir: folder });
      chmodSync(join(folder, 'ca.key'), 0o640);
      if (process.platform !== 'win32') expect(codeOf(() => openAuthority(folder))).toBe('key.file-open');
      writeFileSync(join(folder, 'ca.key'), generateKey().privateKey.export({ type: 'pkcs8', format: 'pem' }));
      chmodSync(join(folder, 'ca.key'), 0o600);
      expect(codeOf(() => openAuthority(folder))).toBe('authority.broken');
      writeFileSync(join(folder, 'ca.key'), 'no key at all');
      expect(codeOf(() => openAuthority(folder))).toBe('key.unreadable');
    }));

  test('a key file is never written over', () =>
    inFolder((folder) => {
      const path = join(folder, 'a.key');
      const { privateKey } = generateKey();
      writeKeyFile(path, privateKey);
      expect(() => writeKeyFile(path, generateKey().privateKey)).toThrow(/EEXIST/);
      expect(readKeyFile(path).privateKey.equals(privateKey)).toBe(true);
    }));
});

describe('certificates', () => {
  test.for(['p256', 'p384', 'rsa2048'] as KeyKind[])('of %s say what they are for and lead to the root', (key) => {
    const { root, issuing } = makeWorld(key);
    const { publicKey } = generateKey(key);
    const { certificate, chainPem } = issueCertificate(issuing, {
      profile: 'node',
      subject: { commonName: 'node-a', organization: 'H\u00f4pital', country: 'US' },
      san: {
        dns: ['Node-A.test', '*.node-a.test'],
        ip: ['127.0.0.1', '::1', '2001:db8::192.0.2.1'],
        uri: ['urn:uuid:1'],
      },
      publicKey,
      now: NOW,
    });
    expect(certificate.subjectAltName).toBe(
      'DNS:node-a.test, DNS:*.node-a.test, URI:urn:uuid:1, IP Address:127.0.0.1, IP Address:0:0:0:0:0:0:0:1, IP Address:2001:DB8:0:0:0:0:C000:201',
    );
    expect(certificate.subject).toBe('C=US\nO=H\u00f4pital\nCN=node-a');
    expect(certificate.keyUsage).toEqual(['1.3.6.1.5.5.7.3.1', '1.3.6.1.5.5.7.3.2']);
    expect(certificate.ca).toBe(false);
    expect(readCertificate(certificate).authorityKeyId).toEqual(readCertificate(issuing.certificate).subjectKeyId);
    expect(readCertificate(certificate).critical).toEqual(['2.5.29.19', '2.5.29.15']);
    expect(chainPem.match(/BEGIN CERTIFICATE/g)).toHaveLength(2);
    const trust = { roots: [root.certificate], intermediates: [issuing.certificate], at: NOW };
    expect(verifyChain(certificate, trust, { purpose: 'serverAuth', name: 'node-a.test' }).ok).toBe(true);
    expect(verifyChain(certificate, trust, { purpose: 'clientAuth', name: '127.0.0.1' }).ok).toBe(true);
  });

  test('serials are positive, long and never the same', () => {
    const { issuing } = makeWorld();
    const { publicKey } = generateKey();
    const serials = Array.from(
      { length: 300 },
      () =>
        issueCertificate(issuing, { profile: 'tls-client', subject: { commonName: 'x' }, publicKey, now: NOW })
          .certificate.serialNumber,
    );
    expect(new Set(serials).size).toBe(300);
    for (const serial of serials) expect(serial).toMatch(/^[4-7][0-9A-F]{31}$/);
  });

  test('what cannot be issued is refused with its reason', () => {
    const { root, issuing } = makeWorld();
    const { publicKey } = generateKey();
    const order = {
      profile: 'node',
      subject: { commonName: 'a' },
      san: { dns: ['a.test'] },
      publicKey,
      now: NOW,
    } as const;
    const issue = (change: object): string => codeOf(() => issueCertificate(issuing, { ...order, ...change }));
    expect(issue({ profile: 'root' })).toBe('certificate.profile');
    expect(issue({ profile: 'toString' })).toBe('certificate.profile');
    expect(issue({ san: {} })).toBe('certificate.subject');
    expect(issue({ san: { dns: ['a b'] } })).toBe('certificate.subject');
    expect(issue({ san: { dns: ['evil.test\u0000.a.test'] } })).toBe('certificate.subject');
    expect(issue({ san: { ip: ['300.1.1.1'] } })).toBe('certificate.subject');
    expect(issue({ subject: { commonName: '' } })).toBe('certificate.subject');
    expect(issue({ subject: { commonName: 'x'.repeat(65) } })).toBe('certificate.subject');
    expect(issue({ subject: { commonName: 'a', country: 'usa' } })).toBe('certificate.subject');
    expect(issue({ days: 398 })).toBe('certificate.lifetime');
    expect(issue({ days: -1 })).toBe('certificate.lifetime');
    expect(issue({ days: Number.NaN })).toBe('certificate.lifetime');
    expect(issue({ now: NOW + 1_890 * DAY_MS, days: 90 })).toBe('certificate.lifetime');
    expect(codeOf(() => createAuthority({ subject: { commonName: 'deep' }, issuer: issuing }))).toBe(
      'certificate.profile',
    );
    expect(codeOf(() => createAuthority({ subject: { commonName: 'deep' }, issuer: root, pathLength: 1 }))).toBe(
      'certificate.profile',
    );
  });

  test.skipIf(!openssl)(`openssl accepts the chains${openssl ? '' : ' (left out: no openssl here)'}`, () =>
    inFolder((folder) => {
      for (const key of ['p256', 'p384', 'rsa2048'] as const) {
        const { root, issuing } = makeWorld(key);
        const { publicKey } = generateKey(key);
        const { pem } = issueCertificate(issuing, {
          profile: 'node',
          subject: { commonName: 'a' },
          san: { dns: ['a.test'], ip: ['::1'] },
          publicKey,
          now: NOW,
        });
        writeFileSync(join(folder, 'root.pem'), pemOf([root.certificate]));
        writeFileSync(join(folder, 'mid.pem'), pemOf([issuing.certificate]));
        writeFileSync(join(folder, 'leaf.pem'), pem);
        const verify = (...more: string[]): string =>
          spawnSync(
            'openssl',
            [
              'verify',
              '-x509_strict',
              '-attime',
              String(NOW / 1000),
              '-CAfile',
              'root.pem',
              '-untrusted',
              'mid.pem',
              ...more,
              'leaf.pem',
            ],
            { cwd: folder, encoding: 'utf8' },
          ).stdout;
        expect(verify('-purpose', 'sslserver', '-verify_hostname', 'a.test')).toBe('leaf.pem: OK\n');
        expect(verify('-purpose', 'sslclient')).toBe('leaf.pem: OK\n');
        expect(verify('-verify_hostname', 'b.test')).not.toContain('OK');
      }
    }),
  );

  test('any name in Unicode comes back as it went in', () => {
    const root = createAuthority({ subject: { commonName: 'Root' }, now: NOW });
    const { publicKey } = generateKey();
    const names = fc
      .string({ unit: 'binary', minLength: 1, maxLength: 30 })
      .filter((text) => !/[\u0000-\u001f\u007f\ud800-\udfff]/.test(text));
    fc.assert(
      fc.property(names, (commonName) => {
        const { certificate } = issueCertificate(root, {
          profile: 'tls-client',
          subject: { commonName },
          publicKey,
          now: NOW,
        });
        expect(certificate.toLegacyObject().subject.CN).toBe(commonName);
      }),
      { numRuns: 100 },
    );
  });

  test('certificates with any byte changed never pass', () => {
    const { root, issuing } = makeWorld();
    const { certificate } = issueCertificate(issuing, {
      profile: 'node',
      subject: { commonName: 'a' },
      san: { dns: ['a.test'] },
      publicKey: generateKey().publicKey,
      now: NOW,
    });
    const trust = { roots: [root.certificate], intermediates: [issuing.certificate], at: NOW };
    fc.assert(
      fc.property(fc.nat(certificate.raw.length - 1), fc.integer({ min: 1, max: 255 }), (at, change) => {
        const bytes = Buffer.from(certificate.raw);
        bytes[at] = bytes[at]! ^ change;
        let bent: X509Certificate;
        try {
          bent = new X509Certificate(bytes);
        } catch {
          return;
        }
        expect(verifyChain(bent, trust).ok).toBe(false);
      }),
      { numRuns: 400 },
    );
  });
});
