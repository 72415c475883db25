import { describe, expect, it } from 'vitest';
import { checkSettings, readSettings } from '../../schemas/settings/index.ts';

const OID = '2.16.840.1.113883.19';
const tls = { cert: 'a.pem', key: { file: 'a.key' }, ca: ['ca.pem'] };
const listener = {
  name: 'lines',
  kind: 'index',
  port: 2575,
  plain: true,
  profile: 'plain',
  authority: OID,
  facility: 'X',
};
const source = { name: 'east', listener: 'lines', application: 'EAST', authorities: `${OID}.1` };
const outlet = { name: 'ward', kind: 'mllp', host: 'ward', port: 2576, plain: true };

function region(more: object): unknown {
  return {
    node: {
      name: 'region',
      role: 'region',
      facility: 'REGION',
      zone: 'America/Denver',
      organization: {
        name: 'Region',
        oid: `${OID}.2`,
        address: { street: '1 Main St', city: 'Valley', postalCode: '80000' },
        telecom: 'tel:+1-555-0100',
      },
    },
    exchange: { oid: `${OID}.9`, listen: { port: 8443 }, roots: ['root.pem'], nodes: [] },
    listeners: [listener],
    ...more,
  };
}
const faultsOf = (more: object): string[] =>
  checkSettings(region(more), { baseDir: '/etc/mix' }).faults.map(({ code, place }) => `${code} ${place}`);

describe('settings of the index toward outside systems', () => {
  it('hold with defaults', () => {
    const settings = readSettings(region({ pix: { sources: [source] } }), { baseDir: '/etc/mix' });
    expect(settings.pix).toMatchObject({ pageSize: 50, subscriptions: [], domains: [] });
    expect(settings.pix.sources[0]).toMatchObject({ sees: 'own' });
    const by = { ...source, certificate: 'east' };
    expect(faultsOf({ listeners: [{ ...listener, plain: false, tls }], pix: { sources: [by] } })).toEqual([]);
  });

  it.each<[string, object, string]>([
    ['a listener of an EMR', { listeners: [{ ...listener, kind: 'emr' }] }, '/listeners'],
    [
      'a source of a listener that is not there',
      { pix: { sources: [{ ...source, listener: 'x' }] } },
      '/pix/sources/0/listener',
    ],
    [
      'a source without a certificate on a line that has them',
      { listeners: [{ ...listener, plain: false, tls }], pix: { sources: [source] } },
      '/pix/sources/0/certificate',
    ],
    [
      'a certificate that nobody shows',
      { pix: { sources: [{ ...source, certificate: 'east' }] } },
      '/pix/sources/0/certificate',
    ],
    ['two sources of one name', { pix: { sources: [source, { ...source, application: 'W' }] } }, '/pix/sources/1/name'],
    [
      'a source with the name of its listener',
      { pix: { sources: [{ ...source, name: 'lines' }] } },
      '/pix/sources/0/name',
    ],
    [
      'a subscription of an outlet that is not there',
      { pix: { subscriptions: [{ outlet: 'ward', domains: OID }] } },
      '/pix/subscriptions/0/outlet',
    ],
    [
      'a subscription of a folder',
      {
        outlets: [{ name: 'ward', kind: 'folder', folder: 'out' }],
        pix: { subscriptions: [{ outlet: 'ward', domains: OID }] },
      },
      '/pix/subscriptions/0/outlet',
    ],
  ])('refuse %s', (_what, more, place) => {
    expect(faultsOf(more)).toEqual([`settings.contradiction ${place}`]);
  });

  it('refuse an index at a hospital', () => {
    const input = region({ outlets: [outlet], pix: { subscriptions: [{ outlet: 'ward', domains: OID }] } }) as {
      node: { role?: string };
    };
    input.node.role = 'hospital';
    const faults = checkSettings(input, { baseDir: '/etc/mix' }).faults.map(({ place }) => place);
    expect(faults).toEqual(['/listeners/0/kind', '/pix/subscriptions/0']);
  });
});
