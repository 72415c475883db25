import { createPrivateKey, X509Certificate } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createAuthority, issueCrl, readCrls, signAsNode, verifyNodeSignature } from '../../pki/index.ts';
import { makeExchange, type NodeKeys, OID_OF } from '../support/exchange.ts';

const exchange = makeExchange();
const signerOf = ({ key, chain }: NodeKeys) => ({
  key: createPrivateKey(key),
  certificateChain: chain.map((one) => new X509Certificate(one)),
});
const bytes = Buffer.from('what all share');
const now = Date.now();
const trust = { roots: [exchange.root.certificate], at: now };
const global = { role: 'global' as const, organization: OID_OF['global']! };

describe('the word of a node', () => {
  const signature = signAsNode(bytes, signerOf(exchange.keysOf('global')));

  test('holds for the node that it names, over exactly these bytes', () => {
    expect(verifyNodeSignature(bytes, signature, trust, global)).toMatchObject({ holds: true, name: global });
    expect(verifyNodeSignature(bytes, signature, trust, { role: 'global' }).holds).toBe(true);
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), (other) => {
        if (!Buffer.from(other).equals(bytes))
          expect(verifyNodeSignature(other, signature, trust, global).holds).toBe(false);
      }),
    );
  });

  test('no other role, no other organisation, no other exchange', () => {
    const word = (name: string) => signAsNode(bytes, signerOf(exchange.keysOf(name)));
    for (const name of ['region', 'hospital-a'])
      expect(verifyNodeSignature(bytes, word(name), trust, { role: 'global' })).toMatchObject({ holds: false });
    expect(verifyNodeSignature(bytes, signature, trust, { ...global, organization: '1.2.3' }).holds).toBe(false);
    const strangers = makeExchange();
    expect(
      verifyNodeSignature(bytes, signature, { ...trust, roots: [strangers.root.certificate] }, global),
    ).toMatchObject({
      holds: false,
    });
  });

  test('not from an authority that may not name the global node', () => {
    const bound = createAuthority({
      subject: { commonName: 'A region' },
      issuer: exchange.root,
      organization: OID_OF['region']!,
    });
    const forged = signAsNode(bytes, signerOf(exchange.keysOf('global', { by: bound })));
    expect(verifyNodeSignature(bytes, forged, trust, { role: 'global' })).toMatchObject({ holds: false });
  });

  test('not once its certificate has ended, nor when it was revoked', () => {
    expect(verifyNodeSignature(bytes, signature, { ...trust, at: now + 400 * 86_400_000 }, global).holds).toBe(false);
    const keys = exchange.keysOf('global');
    const word = signAsNode(bytes, signerOf(keys));
    const crl = issueCrl(exchange.root, {
      number: 1n,
      revoked: [{ serial: keys.certificate.serialNumber, at: now - 1_000, reason: 'key-compromise' }],
      now,
    });
    expect(verifyNodeSignature(bytes, word, { ...trust, crls: readCrls(crl), at: now + 1_000 }, global)).toMatchObject({
      holds: false,
    });
  });

  test('anything at all is a verdict', () => {
    fc.assert(
      fc.property(
        fc.string(),
        fc.nat(signature.length - 1),
        fc.string({ minLength: 1, maxLength: 1 }),
        (any, at, one) => {
          for (const text of [any, signature.slice(0, at) + one + signature.slice(at + 1)]) {
            const verdict = verifyNodeSignature(bytes, text, trust, global);
            expect(typeof verdict.holds).toBe('boolean');
          }
        },
      ),
    );
    for (const odd of ['null', '[]', '{"value":1,"chain":[]}', '{"value":"AA==","chain":["x"]}', 'x'.repeat(70_000)])
      expect(verifyNodeSignature(bytes, odd, trust, global).holds).toBe(false);
  });
});
