/** An authority that one runs alone: made, issuing, revoking, and judged by openssl. */
import { spawnSync } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { caCommand } from '../../../adapters/cli/ca.ts';
import { readCertificates, readCrls, readNodeName, statusOf, verifyChain } from '../../../pki/index.ts';
import { MixError } from '../../../schemas/errors/index.ts';
import { hasProgram } from '../../support/pki.ts';
import { type Ran, runCommand } from './command.ts';

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'mix-ca-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

const at = (name: string): string => join(folder, name);
const ca = (...args: string[]): Promise<Ran> => runCommand(caCommand, ['ca', ...args]);
const told = async (...args: string[]): Promise<Record<string, unknown>> => {
  const ran = await ca(...args, '--json');
  expect(ran.exit, ran.err).toBe(0);
  return JSON.parse(ran.out) as Record<string, unknown>;
};
const codeOf = (acting: Promise<unknown>): Promise<string> =>
  acting.then(
    () => 'done',
    (error: unknown) => (error instanceof MixError ? error.fault.code : 'other'),
  );

/** Root, region, hospital; and two nodes of the hospital. */
async function makeAll(): Promise<void> {
  await told('init', at('root'), '--name', 'Exchange Root');
  await told('init', at('region'), '--name', 'Region CA', '--under', at('root'));
  await told('init', at('hospital'), '--name', 'Hospital CA', '--under', at('region'), '--organization', '2.999.3');
  for (const name of ['one', 'two']) {
    const names = ['--names', 'localhost,127.0.0.1 ::1', '--out', at(`${name}.pem`)];
    await told(
      'issue',
      at('hospital'),
      '--profile',
      'node',
      '--role',
      'hospital',
      '--organization',
      '2.999.3',
      ...names,
    );
  }
}

describe('mix-hie ca', () => {
  test('makes authorities below one another and nodes whose chain holds', async () => {
    await makeAll();
    const [leaf, ...above] = readCertificates(readFileSync(at('one.pem'), 'latin1'));
    const [root] = readCertificates(readFileSync(at('root/ca.pem'), 'latin1'));
    expect(above).toHaveLength(2);
    const trust = { roots: [root!], intermediates: above, at: Date.now() };
    for (const name of ['localhost', '127.0.0.1', '::1'])
      expect(verifyChain(leaf!, trust, { purpose: 'serverAuth', name })).toMatchObject({ ok: true });
    expect(verifyChain(leaf!, trust, { purpose: 'clientAuth' })).toMatchObject({ ok: true });
    expect(readNodeName(leaf!)).toEqual({ role: 'hospital', organization: '2.999.3' });
    expect(statSync(at('one.key')).mode & 0o777).toBe(0o600);
    // Nobody comes below a hospital.
    expect(await codeOf(ca('init', at('below'), '--name', 'X', '--under', at('hospital')))).toBe('certificate.profile');
  });

  test('revokes by number and by file, and lists both', async () => {
    await makeAll();
    const [one, two] = ['one', 'two'].map((name) => new X509Certificate(readFileSync(at(`${name}.pem`))));
    const [authority] = readCertificates(readFileSync(at('hospital/ca.pem'), 'latin1'));
    expect(await told('revoke', at('hospital'), at('one.pem'), '--reason', 'key-compromise')).toEqual({
      serial: one!.serialNumber,
      revoked: true,
      noted: true,
    });
    expect(await told('revoke', at('hospital'), one!.serialNumber)).toMatchObject({ revoked: false });
    const status = async (certificate: X509Certificate): Promise<string> => {
      await told('crl', at('hospital'), '--out', at('list.crl'));
      const status = statusOf(certificate, authority!, readCrls(readFileSync(at('list.crl'))), Date.now());
      return status.is === 'revoked' ? status.entry.reason : status.is;
    };
    expect([await status(one!), await status(two!)]).toEqual(['key-compromise', 'good']);
    // A hold may become final, and nothing else changes its reason.
    await told('revoke', at('hospital'), two!.serialNumber.toLowerCase(), '--reason', 'certificate-hold');
    expect(await status(two!)).toBe('certificate-hold');
    await told('revoke', at('hospital'), two!.serialNumber, '--reason', 'superseded');
    expect(await status(two!)).toBe('superseded');
    const list = (await ca('list', at('hospital'))).out;
    expect(list.split('\n').map((line) => line.split(' ').at(-1))).toEqual(['key-compromise', 'superseded', '']);
    expect(await told('revoke', at('hospital'), 'AB12')).toMatchObject({ revoked: true, noted: false });
  });

  test('certifies a key that is there, and overwrites none', async () => {
    await makeAll();
    const issue = (...more: string[]) =>
      ca('issue', at('root'), '--profile', 'tls-client', '--name', 'emr', '--out', at('one.pem'), ...more);
    const key = readFileSync(at('one.key'), 'latin1');
    expect(await codeOf(issue())).toBe('authority.exists');
    await issue('--key', at('one.key'));
    expect(readFileSync(at('one.key'), 'latin1')).toBe(key);
    expect(new X509Certificate(readFileSync(at('one.pem'))).subject).toBe('CN=emr');
  });

  test('refuses wrong use and what is not its own, with a code each', async () => {
    await makeAll();
    const node = ['issue', at('hospital'), '--profile', 'node', '--names', 'x', '--out', at('x.pem')];
    expect((await ca(...node)).exit).toBe(2);
    expect((await ca(...node, '--role', 'king', '--organization', '2.999')).exit).toBe(2);
    expect((await ca(...node, '--role', 'region', '--organization', 'x')).exit).toBe(2);
    expect((await ca('revoke', at('root'), 'AB', '--reason', 'mood')).exit).toBe(2);
    expect(await codeOf(ca('init', at('root'), '--name', 'again'))).toBe('authority.exists');
    expect(await codeOf(ca('crl', at('nothing'), '--out', at('x')))).toBe('authority.missing');
    expect(await codeOf(ca('revoke', at('root'), at('one.pem')))).toBe('chain.untrusted');
    expect(await codeOf(ca('revoke', at('root'), at('one.key')))).toBe('certificate.malformed');
    expect(await codeOf(ca('revoke', at('root'), 'nonsense'))).toBe('certificate.subject');
    writeFileSync(at('root/revoked.jsonl'), '{"serial":"AB"');
    expect(await codeOf(ca('crl', at('root'), '--out', at('x')))).toBe('authority.broken');
  });
});

const openssl = hasProgram('openssl');
describe.skipIf(!openssl)(`openssl${openssl ? '' : ' (skipped: not on this machine)'}`, () => {
  test('follows the chain and heeds the lists', async () => {
    await makeAll();
    await told('revoke', at('hospital'), at('two.pem'), '--reason', 'cessation-of-operation');
    for (const name of ['root', 'region', 'hospital']) await told('crl', at(name), '--out', at(`${name}.crl.pem`));
    const lists = ['root', 'region', 'hospital'].flatMap((name) => ['-CRLfile', at(`${name}.crl.pem`)]);
    const verify = (name: string): { status: number | null; text: string } => {
      const args = ['verify', '-crl_check_all', '-x509_strict', ...lists, '-CAfile', at('root/ca.pem')];
      const ran = spawnSync('openssl', [...args, '-untrusted', at(`${name}.pem`), at(`${name}.pem`)]);
      return { status: ran.status, text: `${ran.stdout}${ran.stderr}` };
    };
    expect(verify('one')).toMatchObject({ status: 0 });
    expect(verify('two').text).toMatch(/certificate revoked/);
    // A list that is missing is missed.
    const missing = spawnSync('openssl', [
      'verify',
      '-crl_check',
      '-CAfile',
      at('root/ca.pem'),
      '-untrusted',
      at('one.pem'),
      at('one.pem'),
    ]);
    expect(missing.status).not.toBe(0);
  });
});
