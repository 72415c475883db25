import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { MixError } from '../../schemas/errors/index.ts';
import { checkSettings, describeSettings, manifest, readSettings } from '../../schemas/settings/index.ts';

const baseDir = '/etc/mix';

function least() {
  return {
    node: {
      name: 'valley',
      facility: 'VALLEY',
      zone: 'America/Denver',
      organization: {
        name: 'Valley Hospital',
        oid: '2.16.840.1.113883.3.9.1',
        address: { street: '1 Main St', city: 'Valley', postalCode: '80000' },
        telecom: 'tel:+1-555-0100',
      },
    },
    listeners: [
      {
        name: 'adt',
        port: 2575,
        plain: true,
        profile: 'meditech',
        authority: '2.16.840.1.113883.3.9.2',
        facility: 'VALLEY',
      },
    ],
  } as Record<string, unknown> & { node: Record<string, unknown>; listeners: Record<string, unknown>[] };
}

function faultsOf(input: unknown): string[] {
  return checkSettings(input, { baseDir }).faults.map((fault) => `${fault.code} ${fault.place}`);
}

describe('settings', () => {
  it('fills in defaults and makes paths absolute', () => {
    const settings = readSettings(least(), { baseDir });
    expect(settings.mllp.frameBytesMax).toBe(16 * 1024 * 1024);
    expect(settings.documents).toEqual({ when: 'coalesced', quietMs: 5000, latestMs: 60_000 });
    expect(settings.node.dataDir).toBe('/etc/mix/data');
    expect(settings.keys.kekFile).toBe('/etc/mix/data/kek');
    expect(settings.listeners[0]).toMatchObject({
      host: '127.0.0.1',
      charset: 'ASCII',
      acknowledgment: 'original',
      processing: 'P',
    });
    const elsewhere = least();
    elsewhere.node['dataDir'] = '/var/lib/mix';
    expect(readSettings(elsewhere, { baseDir }).keys.kekFile).toBe('/var/lib/mix/kek');
  });

  it('is frozen to the bottom', () => {
    const settings = readSettings(least(), { baseDir });
    expect(() => Object.assign(settings.listeners[0]!, { port: 1 })).toThrow(TypeError);
    expect(Object.isFrozen(settings.node.organization.address)).toBe(true);
  });

  it('takes TLS with the key by reference only', () => {
    const input = least();
    const tls = { cert: 'tls/cert.pem', key: { env: 'ADT_KEY' }, ca: ['tls/ca.pem'] };
    input.listeners[0] = { ...input.listeners[0], plain: false, tls };
    expect(readSettings(input, { baseDir }).listeners[0]?.tls).toEqual({
      cert: '/etc/mix/tls/cert.pem',
      key: { env: 'ADT_KEY' },
      ca: ['/etc/mix/tls/ca.pem'],
    });
    input.listeners[0] = { ...input.listeners[0], tls: { ...tls, key: '-----BEGIN PRIVATE KEY-----' } };
    const verdict = checkSettings(input, { baseDir });
    expect(verdict.faults.map((fault) => fault.place)).toEqual(['/listeners/0/tls/key']);
    expect(JSON.stringify(verdict.faults)).not.toContain('BEGIN PRIVATE');
  });

  it('tells every fault at once, with its place', () => {
    const input = least();
    delete input.node['name'];
    input.node['zone'] = 'Mars/Olympus';
    input.listeners[0]!['port'] = 70_000;
    input.listeners.push({ ...input.listeners[0], name: 'lab', port: '2576' });
    Object.assign(input, { documents: { quietMs: -1 } });
    expect(faultsOf(input)).toEqual([
      'settings.missing /node/name',
      'settings.bad-value /node/zone',
      'settings.bad-value /listeners/0/port',
      'settings.bad-value /listeners/1/port',
      'settings.bad-value /documents/quietMs',
    ]);
    expect(() => readSettings(input, { baseDir })).toThrow(MixError);
    expect(() => readSettings(input, { baseDir })).toThrow(/5 faults.*\/node\/name.*\/listeners\/1\/port/s);
  });

  it('refuses unknown names and suggests the nearest', () => {
    const input = least();
    Object.assign(input, { documents: { quitMs: 5 }, sotre: {}, entirelyElse: 1 });
    const { faults } = checkSettings(input, { baseDir });
    expect(faults).toEqual([
      { code: 'settings.unknown-key', place: '/documents/quitMs', detail: 'did you mean quietMs?' },
      { code: 'settings.unknown-key', place: '/sotre', detail: 'did you mean store?' },
      { code: 'settings.unknown-key', place: '/entirelyElse' },
    ]);
    expect(faultsOf(JSON.parse('{"__proto__": {"x": 1}}'))).toContain('settings.unknown-key /__proto__');
  });

  it('refuses what does not go together', () => {
    const input = least();
    const first = input.listeners[0]!;
    input.listeners = [first, { ...first }, { ...first, name: 'third', port: 2576, plain: false }];
    Object.assign(input, { documents: { quietMs: 9000, latestMs: 1000 }, http: { host: '0.0.0.0' } });
    expect(faultsOf(input)).toEqual([
      'settings.contradiction /listeners/1/name',
      'settings.contradiction /listeners/1/port',
      'settings.contradiction /listeners/2/tls',
      'settings.contradiction /documents/latestMs',
      'settings.contradiction /http/tls',
    ]);
  });

  it('never throws anything but a MixError, whatever a file holds', () => {
    fc.assert(
      fc.property(
        fc.oneof(fc.jsonValue(), fc.record({ node: fc.jsonValue(), listeners: fc.jsonValue(), mllp: fc.jsonValue() })),
        (input) => {
          expect(() => readSettings(input, { baseDir })).toThrow(MixError);
        },
      ),
    );
  });

  it('describes every room', () => {
    const text = describeSettings();
    for (const room of Object.keys(manifest)) expect(text).toContain(`## ${room}\n`);
    expect(text).toContain('| `listeners[].tls.key` | `{file: PATH}` or `{env: NAME}` | **needed** |');
    expect(text).not.toContain('undefined');
  });
});

describe('settings of an exchange', () => {
  const node = (name: string, role: string) => ({
    name,
    role,
    organization: '2.16.840.1.113883.3.9.7',
    url: 'https://x.example',
  });
  const exchange = (nodes: unknown[], more: object = {}) => ({
    ...least(),
    exchange: { oid: '2.16.840.1.113883.3.9', listen: { port: 8443 }, roots: ['root.pem'], nodes },
    ...more,
  });

  it('of the shipped examples hold', async () => {
    const folder = new URL('../../docs/examples/', import.meta.url);
    for (const name of ['hospital', 'region', 'global']) {
      const verdict = checkSettings(parse(readFileSync(new URL(`${name}.yaml`, folder), 'utf8')), { baseDir });
      expect({ name, faults: verdict.faults }).toEqual({ name, faults: [] });
      expect(verdict.settings?.node.role).toBe(name);
    }
  });

  it.each<[string, object, string]>([
    ['two regions above', exchange([node('r1', 'region'), node('r2', 'region')]), '/exchange/nodes/1/role'],
    ['a hospital beside', exchange([node('b', 'hospital')]), '/exchange/nodes/0/role'],
    ['its own name again', exchange([node('valley', 'region')]), '/exchange/nodes/0/name'],
    [
      'the port of a listener',
      exchange([], { exchange: { ...exchange([]).exchange, listen: { port: 2575 } } }),
      '/exchange/listen/port',
    ],
    [
      'an outlet that has no address',
      { ...least(), outlets: [{ name: 'o', kind: 'mllp', host: 'h', plain: true }] },
      '/outlets/0/port',
    ],
    [
      'an outlet without protection',
      { ...least(), outlets: [{ name: 'o', kind: 'mllp', host: 'h', port: 1 }] },
      '/outlets/0/tls',
    ],
    [
      'a region that stands alone',
      { ...least(), listeners: [], node: { ...least().node, role: 'region' } },
      '/exchange',
    ],
    ['a region with an EMR', exchange([], { node: { ...least().node, role: 'region' } }), '/listeners'],
  ])('refuse %s', (_what, input, place) => {
    expect(faultsOf(input)).toEqual([`settings.contradiction ${place}`]);
  });
});
