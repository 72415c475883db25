import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { checkSettings } from '../../schemas/settings/index.ts';

const folder = new URL('../../fixtures/invalid/', import.meta.url);
const cases = readdirSync(folder).filter((name) => name.startsWith('route.'));

type Tables = { listeners: object[]; outlets: object[]; routes: object[] };

function baseOf(): Tables {
  return parse(readFileSync(new URL('route.loop-itself/input.yaml', folder), 'utf8')) as Tables;
}

function faultsOf(input: unknown): { code: string; place?: string | undefined }[] {
  return checkSettings(input, { baseDir: '/etc/mix' }).faults.map(({ code, place }) => ({ code, place }));
}

describe('tables of routes', () => {
  it('has cases', () => {
    expect(cases.length).toBeGreaterThanOrEqual(6);
  });

  it.each(cases)('%s is told with its place, and nothing else is', (name) => {
    const wanted: unknown = JSON.parse(readFileSync(new URL(`${name}/wanted.json`, folder), 'utf8'));
    expect(faultsOf(parse(readFileSync(new URL(`${name}/input.yaml`, folder), 'utf8')))).toEqual([wanted]);
  });

  it.for<[string, object[]]>([
    ['what only leaves', [{ outlet: 'radiology' }, { source: 'lab', type: 'ORU', outlet: 'radiology' }]],
    ['one listener to another', [{ source: 'adt', outlet: 'to-lab' }]],
    [
      'there and back, of another type',
      [
        { source: 'adt', type: 'ORM', outlet: 'to-lab' },
        { source: 'lab', type: 'ORU', outlet: 'to-adt' },
      ],
    ],
    [
      'there and back, of another class',
      [
        { source: 'adt', patientClass: 'I', outlet: 'to-lab' },
        { source: 'lab', patientClass: 'O', outlet: 'to-adt' },
      ],
    ],
    [
      'there and back, of another event',
      [
        { source: 'adt', event: 'A01', outlet: 'to-lab' },
        { source: 'lab', event: 'A03', outlet: 'to-adt' },
      ],
    ],
    [
      'of two facilities that are neither listener\u2019s',
      [
        { source: 'adt', facility: 'HILL', outlet: 'to-lab' },
        { source: 'lab', facility: 'DALE', outlet: 'to-adt' },
      ],
    ],
  ])('lets %s be', ([, routes]) => {
    expect(faultsOf({ ...baseOf(), routes })).toEqual([]);
  });

  it('sees a listener on all addresses, and another port is another place', () => {
    const base = baseOf();
    const routes = [{ source: 'adt', outlet: 'to-adt' }];
    const onAll = base.listeners.map((one) => ({ ...one, host: '0.0.0.0' }));
    expect(faultsOf({ ...base, listeners: onAll, routes })).toEqual([{ code: 'route.loop', place: '/routes/0' }]);
    const elsewhere = base.outlets.map((one) => ({ ...one, port: 2999 }));
    expect(faultsOf({ ...base, outlets: elsewhere, routes })).toEqual([]);
  });

  it('follows a long way round, and many ways at once', () => {
    const base = baseOf();
    const count = 60;
    const listeners = Array.from({ length: count }, (_, i) => ({
      ...base.listeners[0],
      name: `l${i}`,
      port: 3000 + i,
    }));
    const outlets = listeners.map((_, i) => ({
      name: `o${i}`,
      kind: 'mllp',
      host: 'localhost',
      port: 3000 + i,
      plain: true,
    }));
    const forward = listeners.flatMap((_, i) =>
      [1, 2, 3].filter((step) => i + step < count).map((step) => ({ source: `l${i}`, outlet: `o${i + step}` })),
    );
    expect(faultsOf({ ...base, listeners, outlets, routes: forward })).toEqual([]);
    const routes = [...forward, { source: `l${count - 1}`, outlet: 'o0' }];
    expect(faultsOf({ ...base, listeners, outlets, routes })).toEqual([
      { code: 'route.loop', place: `/routes/${forward.length}` },
    ]);
  });
});
