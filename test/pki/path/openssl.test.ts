/** What OpenSSL refuses, strictly asked, is refused here too. */
import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { validateChain } from '../../../pki/index.ts';
import { AT, EXT, GN, type Order } from '../../support/chains.ts';
import { hasProgram, inFolder } from '../../support/pki.ts';
import { BROKEN } from './broken.ts';
import { toldOf, type World, worldOf } from './chain.ts';

const openssl = hasProgram('openssl') && spawnSync('openssl', ['version']).status === 0;

/** Does `openssl verify` take a chain for a server's of that name? */
function opensslTakes(world: World): Promise<boolean> {
  return inFolder((folder) => {
    const file = (name: string, pem: Buffer): string => {
      writeFileSync(join(folder, name), pem);
      return join(folder, name);
    };
    const ran = spawnSync('openssl', [
      'verify',
      '-x509_strict',
      '-attime',
      String(AT / 1000),
      '-purpose',
      'sslserver',
      '-verify_hostname',
      'leaf.test',
      '-CAfile',
      file('root.pem', world.root.pem),
      '-untrusted',
      file('middle.pem', world.middle.pem),
      file('leaf.pem', world.leaf.pem),
    ]);
    return ran.status === 0;
  });
}

const OTHERS: ['root' | 'middle' | 'leaf', Order][] = [
  ['middle', { pathLength: 0 }],
  ['root', { pathLength: 0 }],
  ['middle', { with: [EXT.constraints([GN.dns('test')])] }],
  ['middle', { with: [EXT.constraints([GN.dns('other.test')])] }],
  ['middle', { with: [EXT.constraints([], [GN.dns('leaf.test')])] }],
  ['root', { with: [EXT.constraints([GN.dir('O=Other')])] }],
  ['middle', { with: [EXT.constraints([GN.dir('O=Test')])] }],
  ['leaf', { notAfter: AT - 1000 }],
  ['middle', { notBefore: AT + 1000 }],
  ['root', { notAfter: AT - 1000 }],
  ['leaf', { with: [EXT.other('1.2.3.4', true)] }],
  ['middle', { with: [EXT.usage([0])] }],
  ['middle', { with: [EXT.basic(false)] }],
  ['leaf', { with: [EXT.purposes(['1.3.6.1.5.5.7.3.2'])] }],
  ['leaf', { with: [EXT.san([GN.dns('*.test')])] }],
];

describe.skipIf(!openssl)(`openssl${openssl ? '' : ' (skipped: not on this machine)'}`, () => {
  test.each([
    ['rsa_pss_saltlen:32', 'ok'],
    ['rsa_pss_saltlen:32 rsa_mgf1_md:sha384', 'chain.weak signature algorithm 1.2.840.113549.1.1.10'],
  ])('signs with RSA-PSS (%s), which is %s', (options, wanted) =>
    inFolder((folder) => {
      const run = (...args: string[]): void => {
        const ran = spawnSync('openssl', args, { cwd: folder });
        if (ran.status !== 0) throw new Error(ran.stderr.toString());
      };
      const pss = ['rsa_padding_mode:pss', ...options.split(' ')].flatMap((one) => ['-sigopt', one]);
      const key = (name: string): string[] => ['-newkey', 'rsa:2048', '-nodes', '-keyout', `${name}.key`];
      run('req', '-x509', ...key('root'), '-out', 'root.pem', '-subj', '/CN=root', '-days', '9', '-sha256');
      run('req', ...key('leaf'), '-out', 'leaf.csr', '-subj', '/CN=leaf', '-sha256');
      const issuer = ['-CA', 'root.pem', '-CAkey', 'root.key', '-set_serial', '7'];
      run('x509', '-req', '-in', 'leaf.csr', ...issuer, '-days', '8', '-sha256', ...pss, '-out', 'leaf.pem');
      const read = (name: string): Buffer => readFileSync(join(folder, name));
      const verdict = validateChain({ leaf: read('leaf.pem'), roots: [read('root.pem')], at: Date.now() });
      expect(verdict.ok ? 'ok' : `${verdict.reason} ${verdict.detail}`).toBe(wanted);
    }),
  );

  test('takes a good chain', async () => {
    const world = worldOf();
    expect(toldOf(world)).toBe('ok');
    expect(await opensslTakes(world)).toBe(true);
  });

  test.each([...BROKEN.map(([, place, order]) => [place, order] as const), ...OTHERS])(
    'agrees about a change in %s %#',
    async (place, order) => {
      const world = worldOf({ [place]: order });
      if (toldOf(world) === 'ok') expect(await opensslTakes(world)).toBe(true);
      else expect(toldOf(world)).toMatch(/^(chain|certificate)\./);
    },
  );
});
