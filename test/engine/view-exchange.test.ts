import type { DocumentReference, Patient } from '@medplum/fhirtypes';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { deliveryRowOf, deliverySteps } from '../../engine/view-deliveries.ts';
import { placesOf } from '../../engine/view-places.ts';
import { registryOf } from '../../engine/view-registry.ts';
import { settingsTreeOf } from '../../engine/view-settings.ts';
import { countHeard, createTraffic, usualRange } from '../../engine/view-traffic.ts';
import type { ExchangeEngine, NodeSubject } from '../../schemas/exchange.ts';
import type { Delivery, Entry, OutletStats, Person } from '../../schemas/parts.ts';
import type { SettingView } from '../../schemas/portal-exchange.ts';
import { readSettings } from '../../schemas/settings/index.ts';

const START = Date.UTC(2026, 10, 23, 9);
const MINUTE = 60_000;
const clockAt = (at: number) => {
  const clock = { at, now: () => clock.at };
  return clock;
};
const stats = (outlet: string, more: Partial<OutletStats> = {}): OutletStats => ({
  outlet,
  waiting: 0,
  parked: 0,
  sent: 0,
  ...more,
});

describe('traffic', () => {
  test('counts what was sent between two looks in the minute of the second, and forgets after an hour', () => {
    const clock = clockAt(START);
    const traffic = createTraffic(clock);
    traffic.takeStats([stats('region', { sent: 1000 })]);
    expect(traffic.sent('region')).toEqual(new Array(60).fill(0));
    clock.at += MINUTE;
    traffic.takeStats([stats('region', { sent: 1007 })]);
    clock.at += 2 * MINUTE;
    expect(traffic.sent('region').slice(-4)).toEqual([0, 7, 0, 0]);
    clock.at += 60 * MINUTE;
    expect(traffic.sent('region')).toEqual(new Array(60).fill(0));
    expect(traffic.heard('region')).toBeUndefined();
  });

  test('the first delivery to an outlet is counted, though the store told nothing of it before', () => {
    const traffic = createTraffic(clockAt(START));
    traffic.takeStats([stats('global', { sent: 5 })]);
    traffic.takeStats([stats('global', { sent: 5 }), stats('region', { sent: 2 })]);
    expect(traffic.sent('region').at(-1)).toBe(2);
    expect(traffic.sent('global').at(-1)).toBe(0);
  });

  test('whatever comes when, an hour holds sixty minutes and the sum of what came in it', () => {
    const gaps = fc.array(fc.integer({ min: 0, max: 10 * MINUTE }), { maxLength: 60 });
    fc.assert(
      fc.property(gaps, (steps) => {
        const clock = clockAt(START);
        const traffic = createTraffic(clock);
        const times: number[] = [];
        for (const step of steps) {
          clock.at += step;
          traffic.hear('region');
          times.push(clock.at);
        }
        const first = Math.floor(clock.at / MINUTE) - 59;
        const heard = traffic.heard('region');
        expect(heard?.perMinute.length ?? 60).toBe(60);
        expect(heard?.perMinute.reduce((sum, count) => sum + count, 0) ?? 0).toBe(
          times.filter((at) => Math.floor(at / MINUTE) >= first).length,
        );
      }),
    );
  });

  test('every request of a node counts, also one that is refused; asking what the door can do does not', async () => {
    const traffic = createTraffic(clockAt(START));
    const refuse = () => Promise.reject(new Error('refused'));
    const engine: ExchangeEngine = {
      admitNode: () => from,
      feedPatient: refuse,
      provideDocuments: async () => ({ status: 200 }),
      withdrawDocument: async () => ({ status: 200 }),
      findDocuments: async () => ({ status: 200 }),
      retrieveDocument: async () => ({ status: 200 }),
      crossReference: async () => ({ status: 200 }),
      removePatient: async () => ({ status: 200 }),
      findPatients: async () => ({ status: 200 }),
      readPatient: async () => ({ status: 200 }),
      matchPatients: async () => ({ status: 200 }),
      release: async () => ({ status: 304 }),
      capability: () => ({ resourceType: 'Basic', code: {} }),
    };
    const from: NodeSubject = { kind: 'peer', id: 'hospital-a', role: 'hospital', organization: '2.999.1' };
    const counted = countHeard(engine, traffic);
    counted.capability();
    await expect(counted.feedPatient(from, 'a|1', { resourceType: 'Patient' })).rejects.toThrow('refused');
    await counted.findDocuments(from, new URLSearchParams());
    expect(traffic.heard('hospital-a')?.perMinute.at(-1)).toBe(2);
  });

  test('what is usual lies between the tenths of the minutes lived, and is unknown at first', () => {
    expect(usualRange(new Array(60).fill(0))).toBeUndefined();
    expect(usualRange([...new Array(54).fill(0), 5, 9, 9, 9, 9, 9])).toBeUndefined();
    const lived = Array.from({ length: 55 }, (_, at) => at);
    expect(usualRange([...lived, 0, 0, 0, 0, 0])).toEqual({ low: 6, high: 49 });
  });
});

describe('places of the map', () => {
  const settings = readSettings(settingsFile(), { baseDir: '/srv/mix' });
  const source = {
    id: 'meditech',
    profile: 'meditech',
    facility: 'A',
    listener: '127.0.0.1:2575',
    lastAt: new Date(START - 50 * MINUTE).toISOString(),
    total: 10,
    parked: 1,
    perMinute: new Array<number>(60).fill(1),
    silent: true,
    notCarried: [],
  };

  test('a node above, an outlet and a source, each with its state, lag and fault', () => {
    const traffic = createTraffic(clockAt(START));
    traffic.hear('region');
    const places = placesOf({
      settings,
      role: 'hospital',
      now: START,
      stats: [
        stats('region', { sent: 4, lastSentAt: START - 1000 }),
        stats('archive', { waiting: 3, oldestAt: START - 90_000 }),
      ],
      states: [
        { outlet: 'region', state: 'up', since: START - 5 * MINUTE, inFlight: 0, failures: 0 },
        {
          outlet: 'archive',
          state: 'resting',
          since: START - MINUTE,
          inFlight: 0,
          failures: 7,
          fault: { code: 'outlet.unreachable' },
        },
      ],
      traffic,
      sources: [source],
    });
    expect(places.map(({ name, relation, state, lagSeconds }) => [name, relation, state, lagSeconds])).toEqual([
      ['region', 'above', 'up', 0],
      ['archive', 'outlet', 'down', 90],
      ['meditech', 'source', 'silent', 0],
    ]);
    expect(places[0]).toMatchObject({ address: 'https://region.example:8443', organization: '2.999.20' });
    expect(places[0]?.heardPerMinute?.at(-1)).toBe(1);
    expect(places[0]?.fault).toBeUndefined();
    expect(places[1]?.fault?.fix).toMatch(/./);
  });

  test('a place that was never reached is unknown, one that failed is tried', () => {
    const state = { outlet: 'region', state: 'up' as const, since: START, inFlight: 0, failures: 0 };
    const seen = (more: object) =>
      placesOf({
        settings,
        role: 'hospital',
        now: START,
        stats: [],
        states: [{ ...state, ...more }],
        traffic: createTraffic(clockAt(START)),
        sources: [],
      })[0]?.state;
    expect(seen({})).toBe('unknown');
    expect(seen({ failures: 1 })).toBe('trying');
    expect(seen({ state: 'trying' })).toBe('trying');
    expect(seen({ state: 'resting' })).toBe('down');
  });
});

describe('settings in force', () => {
  const tree = settingsTreeOf(readSettings(settingsFile(), { baseDir: '/srv/mix' }));
  const find = (path: string, views: SettingView[] = tree): SettingView | undefined => {
    for (const view of views) {
      const found = view.path === path ? view : find(path, view.members);
      if (found !== undefined) return found;
    }
    return undefined;
  };

  test('tell what was set, what is the default and what is left out', () => {
    expect(find('deliver.inFlightMax')).toMatchObject({ value: '16', standard: '16', mark: 'default' });
    expect(find('deliver.restMs')).toMatchObject({ value: '700', standard: '5000', mark: 'changed', unit: 'ms' });
    expect(find('node.organization.address.state')).toMatchObject({ mark: 'absent' });
    expect(find('keys.kekFile')).toMatchObject({ value: '/srv/mix/data/kek', mark: 'default' });
    expect(find('outlets[0].name')).toMatchObject({ value: 'archive', mark: 'changed' });
    expect(find('outlets')).toMatchObject({ is: 'list', value: '1' });
    expect(find('http.tls')).toMatchObject({ is: 'group', mark: 'absent', members: [] });
  });

  test('a name and password in an address are not shown', () => {
    expect(find('outlets[0].url')?.value).toBe('https://***@files.example/in');
    expect(JSON.stringify(tree)).not.toContain('hush');
  });
});

describe('deliveries', () => {
  const delivery: Delivery = {
    id: '019aaf31-7f4c-7d1e-9a55-0d2f1c3b4a59',
    outlet: 'region',
    kind: 'document',
    thing: '019aaf31-7f4c-7d1e-9a55-0d2f1c3b4a60',
    personId: '019aaf31-7f4c-7d1e-9a55-0d2f1c3b4a61',
    state: 'waiting',
    createdAt: START,
    attempts: 2,
    lastAt: START + 2000,
    nextAt: START + 9000,
    fault: { code: 'exchange.unreachable' },
  };

  test('a row names the person only where the name may be seen', () => {
    expect(deliveryRowOf(delivery, new Map()).person).toEqual({ id: delivery.personId });
    const known = new Map([[delivery.personId!, personWith({ family: 'Okafor', given: ['Ruth'] })]]);
    expect(deliveryRowOf(delivery, known)).toMatchObject({
      person: { name: 'Okafor, Ruth' },
      link: `/documents/${delivery.thing}`,
      fault: { fix: expect.stringMatching(/./) },
    });
  });

  test('its story runs in time order and ends with what comes next', () => {
    const steps = deliverySteps(delivery, [{ at: START + 1000, who: 'admin', reason: 'line mended' }]);
    expect(steps.map(({ step }) => step)).toEqual(['created', 'resent', 'tried', 'next']);
    expect(steps[1]?.detail).toBe('admin: line mended');
    const sent = deliverySteps({ ...delivery, state: 'sent', receipt: 'Patient/1' }, []);
    expect(sent.map(({ step, detail }) => [step, detail])).toEqual([
      ['created', undefined],
      ['sent', 'Patient/1'],
    ]);
    expect(deliverySteps({ ...delivery, state: 'superseded' }, []).map(({ step }) => step)).toEqual([
      'created',
      'superseded',
    ]);
  });
});

describe('a person across hospitals', () => {
  const mix = 'urn:oid:2.999.1';
  const person = personWith({ family: 'Okafor', given: ['Ruth'] });
  const parts = {
    node: { id: 'region', name: 'Prairie Region', role: 'region' as const },
    person,
    entries: [
      fed('hospital-a', 'urn:oid:2.999.30', 'M1', { birthDate: '1940-01-10', gender: 'female' }),
      fed('hospital-b', 'urn:oid:2.999.40', '88', { birthDate: '1940-10-01', gender: 'female' }),
      fed('hospital-b', 'urn:oid:2.999.40', '12', { active: false }),
      filed('hospital-a', 'current'),
    ],
    documents: [],
    disclosures: [
      {
        at: START,
        who: 'hospital-b',
        action: 'disclose' as const,
        outcome: 'Permit',
        what: 'document',
        thing: 'doc-1',
      },
      {
        at: START + 5,
        who: 'hospital-b',
        action: 'disclose' as const,
        outcome: 'Permit',
        what: 'document',
        thing: 'doc-1',
      },
      { at: START, who: 'hospital-c', action: 'disclose' as const, outcome: 'Deny', what: 'document', thing: 'doc-1' },
      { at: START, who: 'node', action: 'disclose' as const, outcome: 'Permit', what: 'document', thing: 'doc-1' },
    ],
    mixSystem: mix,
    xpidSystems: new Set(['urn:oid:2.999.20.2']),
    facilityOf: (id: string) => id,
  };
  const view = registryOf(parts);

  test('numbers stand with where they came from and since when, those of the exchange first', () => {
    expect(view.numbers.map(({ mark, value, from, at }) => [mark, value, from, at])).toEqual([
      ['mix', '204-118-7010', 'global', new Date(START + 1).toISOString()],
      ['xpid', person.id, 'region', new Date(START).toISOString()],
      [undefined, 'M1', 'hospital-a', new Date(START).toISOString()],
      [undefined, '88', 'hospital-b', new Date(START).toISOString()],
    ]);
    expect(view).toMatchObject({ mixNumber: '204-118-7010', xpid: person.id });
  });

  test('what each node fed stands side by side; what differs is marked, who is gone comes last', () => {
    expect(view.locals.map(({ node, gone }) => [node, gone])).toEqual([
      ['hospital-a', false],
      ['hospital-b', false],
      ['hospital-b', true],
    ]);
    expect(view.facts.map(({ field, values, differ }) => [field, values, differ])).toEqual([
      ['birthDate', ['1940-01-10', '1940-10-01', ''], true],
      ['gender', ['female', 'female', ''], false],
    ]);
  });

  test('a document tells its home and who retrieved it, once each and not who was refused', () => {
    expect(view.documents).toMatchObject([
      {
        home: 'hospital-a',
        state: 'current',
        keptHere: false,
        retrieved: [{ by: 'hospital-b', at: new Date(START + 5).toISOString() }],
      },
    ]);
    const gone = registryOf({ ...parts, entries: [filed('hospital-a', 'entered-in-error')] });
    expect(gone.documents[0]?.state).toBe('deprecated');
  });
});

function personWith(name: { family: string; given: string[] }): Person {
  const id = '019aaf31-7f4c-7d1e-9a55-0d2f1c3b4a61';
  return {
    id,
    version: 1,
    state: 'active',
    createdAt: START,
    updatedAt: START,
    incomplete: false,
    identifiers: [
      { system: 'urn:oid:2.999.30', value: 'M1', type: 'MR', sourceId: 'hospital-a' },
      { system: 'urn:oid:2.999.40', value: '88', type: 'MR', sourceId: 'hospital-b' },
      { system: 'urn:oid:2.999.20.2', value: id, type: 'PI', sourceId: 'region' },
      { system: 'urn:oid:2.999.1', value: '204-118-7010', type: 'PN', sourceId: 'global', at: START + 1 },
    ],
    patient: { resourceType: 'Patient', id, name: [name] },
  };
}

function entry(key: string, type: Entry['type'], sourceId: string, body: Entry['body']): Entry {
  return {
    id: 'doc-1',
    personId: '019aaf31-7f4c-7d1e-9a55-0d2f1c3b4a61',
    type,
    key,
    version: 1,
    status: '',
    code: '',
    sourceId,
    messageId: '',
    sourceTime: START,
    removed: false,
    body,
  };
}

function fed(node: string, system: string, value: string, more: Partial<Patient>): Entry {
  const body: Patient = { resourceType: 'Patient', ...more };
  return entry(`Patient|${system}|${value}`, 'Patient', node, body);
}

function filed(node: string, status: DocumentReference['status']): Entry {
  const body: DocumentReference = {
    resourceType: 'DocumentReference',
    status,
    content: [{ attachment: { contentType: 'text/xml', creation: new Date(START).toISOString(), size: 12 } }],
  };
  return entry('DocumentReference|urn:ietf:rfc:3986|urn:uuid:1', 'DocumentReference', node, body);
}

function settingsFile(): unknown {
  return {
    node: {
      name: 'hospital-a',
      facility: 'A',
      zone: 'America/Chicago',
      organization: {
        name: 'Invented General',
        oid: '2.999.30',
        address: { street: '12 Larch Lane', city: 'Springhill', postalCode: '66083' },
        telecom: 'tel:+1-555-0100',
      },
    },
    exchange: {
      oid: '2.999',
      listen: { port: 8443 },
      roots: ['roots.pem'],
      nodes: [{ name: 'region', role: 'region', organization: '2.999.20', url: 'https://region.example:8443' }],
    },
    deliver: { restMs: 700 },
    outlets: [{ name: 'archive', kind: 'http', url: 'https://clerk:hush@files.example/in' }],
  };
}
