/** Which node comes in by its certificate, and for whom it may ask. */
import { describe, expect, test } from 'vitest';
import { admitNode, createNodeAdmission, type NodeTrust } from '../../engine/admit-node.ts';
import { decideFor } from '../../engine/authorize.ts';
import {
  createAuthority,
  generateKey,
  issueCertificate,
  issueCrl,
  type RevokedCertificate,
  readCrls,
} from '../../pki/index.ts';
import { MixError } from '../../schemas/errors/index.ts';
import { ACTIONS, RESOURCE_TYPES } from '../../schemas/xacml/attributes.ts';
import { makeExchange, OID_OF } from '../support/exchange.ts';
import { NOW } from '../support/pki.ts';

const DAY_MS = 86_400_000;
const world = makeExchange(NOW);
const hospital = world.keysOf('hospital-a');
const trust: NodeTrust = {
  roots: [world.root.certificate],
  nodes: [
    { name: 'a', role: 'hospital', organization: OID_OF['hospital-a']! },
    { name: 'the-global', role: 'global', organization: OID_OF['global']! },
  ],
};
const header = (told: unknown): string => Buffer.from(JSON.stringify(told)).toString('base64url');
const doctor = { node: 'elsewhere', user: 'r.okonjo', roles: ['doctor'], purpose: 'TREAT' };

function told(chain: Buffer[], change: Partial<NodeTrust> = {}, requester?: string, at = NOW): string {
  try {
    return admitNode(chain, requester, { ...trust, ...change }, at).id;
  } catch (error) {
    if (!(error instanceof MixError)) throw error;
    return [error.fault.code, error.fault.detail ?? error.fault.place].filter(Boolean).join(' ');
  }
}

function crl(authority: typeof world.root, revoked: RevokedCertificate[], days = 7) {
  return readCrls(issueCrl(authority, { revoked, number: 1n, now: NOW, days }));
}

describe('a node', () => {
  test('comes in as the one that its certificate and our settings name', () => {
    expect(admitNode(hospital.chain, undefined, trust, NOW)).toEqual({
      kind: 'peer',
      id: 'a',
      role: 'hospital',
      organization: OID_OF['hospital-a'],
    });
    expect(told(world.keysOf('global').chain)).toBe('the-global');
    // What it need not show itself, our settings may hold.
    expect(
      told(hospital.chain.slice(0, 1), { intermediates: [world.hospital.certificate, world.region.certificate] }),
    ).toBe('a');
  });

  test.each<[string, () => Buffer[], string]>([
    ['no certificate', () => [], 'admit.no-certificate'],
    ['bytes that are none', () => [Buffer.from('x')], 'admit.not-of-exchange certificate.malformed'],
    [
      'a chain to another root',
      () => makeExchange(NOW).keysOf('hospital-a').chain,
      'admit.not-of-exchange chain.signature',
    ],
    ['a chain that lacks its middle', () => hospital.chain.slice(0, 1), 'admit.not-of-exchange chain.untrusted'],
    [
      'a certificate that is over',
      () => world.keysOf('hospital-a', { days: 0.0001 }).chain,
      'admit.not-of-exchange chain.expired',
    ],
    [
      'a role that its organisation does not have',
      () => world.keysOf('hospital-a', { role: 'region' }).chain,
      `admit.wrong-role region ${OID_OF['hospital-a']}`,
    ],
    [
      'an organisation that is not known here',
      () => world.keysOf('hospital-b').chain,
      `admit.wrong-role hospital ${OID_OF['hospital-b']}`,
    ],
    [
      'no name of a node',
      () => world.keysOf('hospital-a', { uris: ['https://a.test/'] }).chain,
      'admit.wrong-role no node',
    ],
    [
      'two names of nodes',
      () =>
        world.keysOf('hospital-a', {
          uris: ['hospital', 'global'].map((role) => `urn:mix-hie:node:${role}:${OID_OF['hospital-a']}`),
        }).chain,
      'admit.wrong-role no node',
    ],
  ])('with %s does not', (_what, chain, wanted) => {
    expect(told(chain(), {}, undefined, NOW + 60_000)).toBe(wanted);
  });

  test('does not with a certificate for another use', () => {
    const { publicKey } = generateKey();
    const server = issueCertificate(world.hospital, {
      profile: 'tls-server',
      subject: { commonName: 'a' },
      san: { uri: [`urn:mix-hie:node:hospital:${OID_OF['hospital-a']}`] },
      publicKey,
      now: NOW,
    });
    const chain = [server.certificate.raw, ...hospital.chain.slice(1)];
    expect(told(chain)).toBe('admit.not-of-exchange chain.purpose');
  });

  test('is refused when it or an authority above it was revoked, and for now when that can not be told', () => {
    const entry = (serial: string): RevokedCertificate => ({ serial, at: NOW, reason: 'key-compromise' });
    const good = [...crl(world.hospital, []), ...crl(world.region, []), ...crl(world.root, [])];
    expect(told(hospital.chain, { crls: good })).toBe('a');
    const leaf = crl(world.hospital, [entry(hospital.certificate.serialNumber)]);
    expect(told(hospital.chain, { crls: leaf })).toBe('admit.revoked chain.revoked');
    const middle = crl(world.region, [entry(world.hospital.certificate.serialNumber)]);
    expect(told(hospital.chain, { crls: middle })).toBe('admit.revoked chain.revoked');
    expect(told(hospital.chain, { crls: good }, undefined, NOW + 8 * DAY_MS)).toBe('admit.status chain.status');
    expect(new MixError('admit.status').kind.retry).toBe(true);
  });

  test('can not be named by the authority of another organisation that is bound to its own', () => {
    const bound = createAuthority({
      subject: { commonName: 'Hospital B CA' },
      issuer: world.region,
      organization: OID_OF['hospital-b']!,
      now: NOW,
    });
    const posing = world.keysOf('hospital-a', { by: bound }).chain;
    expect(told(posing)).toBe('admit.not-of-exchange its authority is of another organisation');
    const own = createAuthority({
      subject: { commonName: 'Hospital A CA' },
      issuer: world.region,
      organization: OID_OF['hospital-a']!,
      now: NOW,
    });
    expect(told(world.keysOf('hospital-a', { by: own }).chain)).toBe('a');
  });
});

describe('for whom a node asks', () => {
  test('is told with known roles only; a hospital asks for its own people', () => {
    const odd = { ...doctor, roles: ['doctor', 'node', 'source', 'node-global', 7, 'doctor'], more: 'x' };
    expect(admitNode(hospital.chain, header(odd), trust, NOW).onBehalf).toEqual({
      node: 'a',
      user: 'r.okonjo',
      roles: ['doctor'],
      purpose: 'TREAT',
    });
    expect(admitNode(world.keysOf('global').chain, header(doctor), trust, NOW).onBehalf?.node).toBe('elsewhere');
  });

  test.each<[string, string, string]>([
    ['no base64url', 'a b', 'http.x-mix-requester'],
    ['two headers', `${header(doctor)}, ${header(doctor)}`, 'http.x-mix-requester'],
    ['no JSON', Buffer.from('{').toString('base64url'), 'http.x-mix-requester'],
    ['no object', header(null), 'http.x-mix-requester'],
    ['no node', header({ ...doctor, node: '' }), 'node'],
    ['a user with a line end', header({ ...doctor, user: 'a\nb' }), 'user'],
    ['a long user', header({ ...doctor, user: 'a'.repeat(201) }), 'user'],
    ['roles that are no list', header({ ...doctor, roles: 'doctor' }), 'roles'],
    ['too many roles', header({ ...doctor, roles: Array(21).fill('doctor') }), 'roles'],
    ['an unknown purpose', header({ ...doctor, purpose: 'FUN' }), 'purpose'],
    ['a long header', header({ ...doctor, more: 'x'.repeat(4_000) }), 'http.x-mix-requester'],
  ])('is refused with %s', (_what, sent, place) => {
    expect(told(hospital.chain, {}, sent)).toBe(`admit.requester ${place}`);
  });

  test('lets a node have a document for treatment alone, and gives it none of the rights of that person', () => {
    const ask = (roles: string[], purpose = 'TREAT') =>
      admitNode(hospital.chain, header({ ...doctor, roles, purpose }), trust, NOW);
    const document = { type: 'document', id: 'd', personId: 'p' } as const;
    expect(decideFor(ask(['doctor']), 'disclose', document).decision).toBe('Permit');
    expect(decideFor(ask(['nurse'], 'ETREAT'), 'disclose', document).decision).toBe('Permit');
    for (const asker of [
      ask(['administrator']),
      ask([]),
      ask(['doctor'], 'HPAYMT'),
      admitNode(hospital.chain, undefined, trust, NOW),
    ])
      expect(decideFor(asker, 'disclose', document).decision).toBe('Deny');
    const alone = admitNode(hospital.chain, undefined, trust, NOW);
    const all = ask(['doctor', 'nurse', 'administrator', 'privacy-officer', 'interface-analyst']);
    for (const type of RESOURCE_TYPES)
      for (const action of ACTIONS)
        if (type !== 'document' || action !== 'disclose')
          expect(decideFor(all, action, { type }).decision, `${action} ${type}`).toBe(
            decideFor(alone, action, { type }).decision,
          );
  });
});

describe('a door that asks at every request', () => {
  test('hears a held verdict for a second, and at once what changed', () => {
    let ours = { ...trust };
    let now = NOW;
    let asked = 0;
    const admit = createNodeAdmission(
      () => {
        asked += 1;
        return ours;
      },
      { now: () => now },
    );
    const { chain } = hospital;
    expect(admit(chain).id).toBe('a');
    expect(admit(chain, header(doctor)).onBehalf?.user).toBe('r.okonjo');
    expect(admit(chain).onBehalf).toBeUndefined();
    const revoked = [{ serial: hospital.certificate.serialNumber, at: NOW, reason: 'superseded' as const }];
    ours = { ...trust, crls: crl(world.hospital, revoked) };
    expect(() => admit(chain)).toThrow(MixError);
    ours = { ...trust };
    expect(admit(chain).id).toBe('a');
    now = NOW + 400 * DAY_MS;
    expect(() => admit(chain)).toThrow(MixError);
    expect(asked).toBe(6);
  });

  test('lets nobody in for now when what we trust can not be read', () => {
    const admit = createNodeAdmission(
      () => {
        throw new MixError('crl.malformed');
      },
      { now: () => NOW },
    );
    expect(() => admit(hospital.chain)).toThrow(
      expect.objectContaining({ fault: { code: 'admit.status', detail: 'crl.malformed' } }),
    );
  });
});
