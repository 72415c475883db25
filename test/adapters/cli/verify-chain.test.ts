import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { verifyChainCommand } from '../../../adapters/cli/verify-chain.ts';
import { AT, EXT, issue, issueList, pemOf } from '../../support/chains.ts';
import { type Ran, runCommand } from './command.ts';

const root = issue({ ca: true, subject: 'CN=Root' });
const middle = issue({ ca: true, issuer: root, subject: 'CN=Middle', with: [EXT.policies(['1.2.3'])] });
const leaf = issue({
  issuer: middle,
  subject: 'CN=leaf.test',
  with: [EXT.policies(['1.2.3'])],
  serial: Buffer.of(0x55),
});
const lists = Buffer.concat([issueList(root), issueList(middle)].map((der) => pemOf('X509 CRL', der)));
const revoking = pemOf('X509 CRL', issueList(middle, { revoked: [{ serial: Buffer.of(0x55), reason: 1 }] }));
const time = new Date(AT).toISOString();

let folder = '';
const at = (name: string): string => join(folder, name);
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'mix-chain-'));
  for (const [name, bytes] of Object.entries({ root: root.pem, middle: middle.pem, leaf: leaf.pem, lists, revoking }))
    writeFileSync(at(`${name}.pem`), bytes);
  writeFileSync(at('leaf.der'), leaf.der);
});
afterEach(() => rmSync(folder, { recursive: true }));

const run = (...args: string[]): Promise<Ran> => runCommand(verifyChainCommand, ['verify-chain', ...args]);
const usual = (): string[] => ['--roots', at('root.pem'), '--intermediates', at('middle.pem'), '--at', time];
const leafFile = (): string => at('leaf.pem');

describe('mix-hie verify-chain', () => {
  test('says that a chain holds, and shows it', async () => {
    const ran = await run(...usual(), '--purpose', 'server', '--name', 'leaf.test', leafFile());
    expect(ran.exit).toBe(0);
    expect(ran.out.trim().split('\n')).toHaveLength(4);
    const json = await run(...usual(), '--json', at('leaf.der'));
    expect(JSON.parse(json.out)).toMatchObject({ file: at('leaf.der'), ok: true, reason: null });
    expect((JSON.parse(json.out) as { path: string[] }).path).toHaveLength(3);
  });

  test.each([
    [['--name', 'other.test'], 'chain.name'],
    [['--purpose', 'email'], 'chain.purpose'],
    [['--at', '2036-01-01'], 'chain.expired'],
    [['--revocation'], 'chain.status'],
    [['--policy', '1.2.4', '--explicit-policy'], 'chain.policy'],
  ])('says why one does not: %j', async (more, reason) => {
    const ran = await run(...usual(), ...more, leafFile(), '--json');
    expect(ran.exit).toBe(1);
    expect(JSON.parse(ran.out)).toMatchObject({ ok: false, reason });
    const plain = await run(...usual(), ...more, leafFile());
    expect(plain.exit).toBe(1);
    expect(plain.out).toContain(`${reason}: `);
    expect(plain.out).not.toContain('CN=');
  });

  test('asks lists', async () => {
    const ask = (file: string): Promise<Ran> => run(...usual(), '--crls', at(file), '--revocation', leafFile());
    expect((await ask('lists.pem')).exit).toBe(0);
    expect((await ask('revoking.pem')).out).toContain('chain.revoked');
    expect((await run(...usual(), '--policy', '1.2.3,1.2.9', '--explicit-policy', leafFile())).exit).toBe(0);
  });

  test.each([
    [[]],
    [['--roots', 'missing.pem', 'missing.pem']],
    [['leaf.pem']],
    [['--batch', 'missing.jsonl']],
    [['--purpose', 'glory', 'leaf.pem']],
    [['--at', 'noon', 'leaf.pem']],
    [['--policy', 'best', 'leaf.pem']],
    [['--strictness', 'none', 'leaf.pem']],
    [['--batch', 'a', 'leaf.pem']],
  ])('refuses wrong use: %j', async (args) => {
    const ran = await run(...args);
    expect(ran.exit).toBe(2);
    expect(ran.err).toMatch(/error:/);
  });
});

describe('a batch', () => {
  const pem = (bytes: Buffer): string => bytes.toString();
  const one = {
    id: 'good',
    roots: [pem(root.pem)],
    intermediates: [pem(middle.pem)],
    crls: [pem(lists)],
    leaf: pem(leaf.pem),
    at: time,
    purpose: 'server',
    name: 'leaf.test',
    revocation: true,
    policies: { initialPolicySet: ['1.2.3'], explicitPolicy: true, inhibitMapping: false, inhibitAny: null },
  };

  async function answers(...cases: unknown[]): Promise<{ told: Record<string, unknown>[]; exit: number }> {
    writeFileSync(
      at('cases.jsonl'),
      cases.map((each) => (typeof each === 'string' ? each : JSON.stringify(each))).join('\n'),
    );
    const ran = await run('--batch', at('cases.jsonl'));
    const lines = ran.out.trim().split('\n');
    return { told: lines.map((line) => JSON.parse(line) as Record<string, unknown>), exit: ran.exit };
  }

  test('answers a line a case, in order', async () => {
    const { told, exit } = await answers(
      one,
      { ...one, id: 2, name: 'other.test' },
      { ...one, id: 'status', crls: [] },
      {
        ...one,
        id: 'revoked',
        crls: [...one.crls, pem(revoking)].slice(1).concat(pem(pemOf('X509 CRL', issueList(root)))),
      },
      { ...one, id: 'policy', policies: { initialPolicySet: ['1.2.4'], explicitPolicy: true } },
      { id: 'few', roots: one.roots, intermediates: one.intermediates, leaf: one.leaf, at: time },
      { ...one, id: 'now', at: null },
      { ...one, id: 'malformed', leaf: 'nothing' },
    );
    expect(told.map(({ id, ok, reason }) => [id, ok, reason])).toEqual([
      ['good', true, null],
      [2, false, 'chain.name'],
      ['status', false, 'chain.status'],
      ['revoked', false, 'chain.revoked'],
      ['policy', false, 'chain.policy'],
      ['few', true, null],
      ['now', expect.any(Boolean), told[6]?.reason],
      ['malformed', false, 'certificate.malformed'],
    ]);
    expect(exit).toBe(0);
  });

  test.each(['serverAuth', 'server', 'TLS-Server', 'id-kp-serverAuth', '1.3.6.1.5.5.7.3.1', ['server', 'client']])(
    'knows the purpose %j',
    async (purpose) => {
      expect((await answers({ ...one, purpose })).told[0]).toMatchObject({ ok: true });
    },
  );

  test.each([['any'], [null], [''], [[]]])('takes %j for no purpose', async (purpose) => {
    expect((await answers({ ...one, name: null, purpose })).told[0]).toMatchObject({ ok: true });
  });

  test('of lines that are no cases says so, and goes on', async () => {
    const { told, exit } = await answers(
      '{',
      '[]',
      { ...one, id: 'at', at: 'noon' },
      { ...one, id: 'purpose', purpose: 'glory' },
      { ...one, id: 'roots', roots: [1] },
      { ...one, id: 'policies', policies: { initialPolicySet: ['best'] } },
      { ...one, id: 'revocation', revocation: 'yes' },
      one,
    );
    expect(told.slice(0, -1).every(({ ok, reason }) => ok === false && reason === 'chain.case')).toBe(true);
    expect(told.map(({ id }) => id)).toEqual([null, null, 'at', 'purpose', 'roots', 'policies', 'revocation', 'good']);
    expect(told.at(-1)).toMatchObject({ ok: true });
    expect(exit).toBe(1);
  });

  test.each([
    '2026-11-23T12:00:00Z',
    '2026-11-23T12:00:00',
    '2026-11-23 12:00:00+00:00',
    '2026-11-23T13:00:00.123456+01:00',
    '2026-11-23',
  ])('reads the time %s', async (when) => {
    expect((await answers({ ...one, at: when })).told[0]).toMatchObject({ ok: true });
  });
});
