import type { Patient } from '@medplum/fhirtypes';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createAuthorities } from '../../engine/authorities.ts';
import { authorize } from '../../engine/authorize.ts';
import { newDelivery, withJobs } from '../../engine/deliveries.ts';
import { noticePayload, notifyingStore, subscriptionsOf } from '../../engine/notify.ts';
import { uuidv7 } from '../../engine/record/index.ts';
import { createServe } from '../../engine/serve.ts';
import type { OpenedStore } from '../../engine/store/index.ts';
import type { Delivery } from '../../schemas/parts.ts';
import { OID, openNodes, SYSTEM, type TestNodes } from '../support/nodes.ts';
import { names } from '../support/pix.ts';

let nodes: TestNodes;
let store: OpenedStore;
let serve: ReturnType<typeof createServe>;
const subscriptions = subscriptionsOf(
  [
    { outlet: 'ward', domains: `${OID.a}.1 ${OID.b}.1` },
    { outlet: 'only-b', domains: `${OID.b}.1` },
  ],
  [{ name: 'ward', application: 'WARD' }],
);

beforeEach(async () => {
  nodes = await openNodes({ only: ['region'] });
  const { clock, region } = nodes;
  store = notifyingStore(region.store, clock, region.setup, { subscriptions, sources: new Set(['a']) });
  const permit = (...[who, ...what]: Parameters<Parameters<typeof createServe>[0]['permit']>) =>
    authorize({ store, clock }, who, ...what);
  serve = createServe(
    { store, clock, log: { info() {}, warn() {}, error() {} }, permit, peer: () => undefined },
    region.setup,
  );
});
afterEach(() => nodes.close());

const anna = {
  name: [{ family: 'Lindqvist', given: ['Anna'] }],
  gender: 'female' as const,
  birthDate: '1956-03-14',
  address: [{ line: ['12 Mill Road'], city: 'Fairhaven', postalCode: '02719' }],
};
const feed = (from: 'a' | 'b', value: string, more: Partial<Patient> = {}) =>
  serve.feedPatient(nodes.region.subjectOf(from), `${SYSTEM[from]}|${value}`, {
    resourceType: 'Patient',
    identifier: [{ system: SYSTEM[from], value }],
    ...anna,
    ...more,
  });
const deliveries = async (outlet: string): Promise<Delivery[]> => (await store.deliveries({ outlet, limit: 50 })).rows;
const told = async (one: Delivery): Promise<string[]> => {
  const subscription = subscriptions.find(({ outlet }) => outlet === one.outlet);
  const parts = { store, now: nodes.clock.now, authorities: createAuthorities(nodes.region.setup, names) };
  const payload = await noticePayload(parts, { setup: nodes.region.setup, subscription, node: 'region' }, one);
  const text = payload !== undefined && 'bytes' in payload ? payload.bytes.toString() : '';
  return (
    text
      .split('\r')
      .find((line) => line.startsWith('PID'))
      ?.split('|')[3] ?? ''
  )
    .split('~')
    .sort();
};

describe('who hears of numbers', () => {
  test('whom a change touches, and nobody else', async () => {
    await feed('a', 'A-1');
    expect((await deliveries('ward')).map(({ kind, state }) => [kind, state])).toEqual([['notice', 'waiting']]);
    expect(await deliveries('only-b')).toEqual([]);
    await feed('b', 'B-1');
    const [last] = await deliveries('ward');
    expect(await told(last!)).toEqual([`A-1^^^HOSP_A&${OID.a}.1&ISO^PI`, `B-1^^^HOSP_B&${OID.b}.1&ISO^PI`]);
    expect(await deliveries('only-b')).toHaveLength(1);
    expect(await told((await deliveries('only-b'))[0]!)).toEqual([`B-1^^^HOSP_B&${OID.b}.1&ISO^PI`]);
  });

  test('not of demographics', async () => {
    await feed('a', 'A-1');
    await feed('a', 'A-1', { telecom: [{ system: 'phone', value: '508 555 0142' }] });
    expect(await deliveries('ward')).toHaveLength(1);
  });

  test('of a merge: the number that is gone is told no longer', async () => {
    await feed('a', 'A-1');
    await feed('a', 'A-2', { name: [{ family: 'Okafor', given: ['Bruno'] }], birthDate: '1971-08-02', gender: 'male' });
    await feed('a', 'A-2', {
      active: false,
      link: [{ type: 'replaced-by', other: { identifier: { system: SYSTEM.a, value: 'A-1' } } }],
    });
    const all = await Promise.all((await deliveries('ward')).map(told));
    expect(all.flat()).not.toContain(`A-2^^^HOSP_A&${OID.a}.1&ISO^PI`);
  });

  test('a source that is no node has no delivery of numbers; a node has', async () => {
    const now = nodes.clock.now();
    const thing = uuidv7(now);
    const to = (outlet: string) => newDelivery({ outlet, kind: 'numbers', thing, personId: thing }, now);
    await store.commit(withJobs([to('a'), to('b')], now));
    expect(await deliveries('a')).toEqual([]);
    expect((await deliveries('b')).map(({ kind }) => kind)).toEqual(['numbers']);
    const jobs = (await store.jobs({ limit: 10 })).rows.map(({ kind }) => kind);
    expect(jobs).toEqual(['deliver/b']);
  });
});
