/** NIST PKITS: 247 outcomes of path validation, each through the door that `verify-chain` uses. */
import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { describe, expect, test } from 'vitest';
import { type PolicyInputs, validateChain } from '../../pki/index.ts';

const folder = resolve(import.meta.dirname, '../..', process.env.MIX_CORPORA ?? '../shared/corpora', 'pki/nist-pkits');
const there = existsSync(folder);

interface PkitsCase {
  id: string;
  name: string;
  cert: string;
  other_certs?: string[];
  crls?: string[];
  path_len: number;
  revocation?: boolean;
  error?: unknown;
  params?: Record<string, unknown>;
}

/** Inside the life of every certificate that is meant to be alive (2010 to 2030). */
const AT = Date.UTC(2022, 4, 1);
const cases = there ? (JSON.parse(readFileSync(join(folder, 'pkits.json'), 'utf8')) as PkitsCase[]) : [];
const certificate = (name: string): Buffer => readFileSync(join(folder, 'certs', name));
const list = (name: string): Buffer => readFileSync(join(folder, 'crls', name));

function policiesOf(params: Record<string, unknown>): PolicyInputs {
  const read: PolicyInputs = {};
  for (const [name, value] of Object.entries(params)) {
    if (name === 'user_initial_policy_set') read.initialPolicySet = value as string[];
    else if (name === 'initial_explicit_policy') read.explicitPolicy = value === true;
    else if (name === 'initial_policy_mapping_inhibit') read.inhibitMapping = value === true;
    else if (name === 'initial_any_policy_inhibit') read.inhibitAny = value === true;
    else throw new Error(`no such input: ${name}`);
  }
  return read;
}

describe.skipIf(!there)(`NIST PKITS${there ? '' : ' (skipped: the corpus is not on this machine)'}`, () => {
  test.each(cases.map((one) => [`${one.id} ${one.name}`, one] as const))('%s', (_title, one) => {
    const verdict = validateChain({
      leaf: certificate(one.cert),
      roots: [certificate('TrustAnchorRootCertificate.crt')],
      intermediates: (one.other_certs ?? []).map(certificate),
      crls: ['TrustAnchorRootCRL.crl', ...(one.crls ?? [])].map(list),
      at: AT,
      revocation: one.revocation ?? true,
      ...(one.params === undefined ? {} : { policies: policiesOf(one.params) }),
    });
    if (one.error !== undefined) expect(verdict.ok).toBe(false);
    else {
      expect(verdict).toMatchObject({ ok: true });
      expect(verdict.ok && verdict.path).toHaveLength(one.path_len);
    }
  });

  test('has all its cases', () => {
    expect(cases).toHaveLength(247);
  });
});
