import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { newDelivery } from '../../engine/deliveries.ts';
import { uuidv7 } from '../../engine/record/index.ts';
import type { OpenedStore } from '../../engine/store/index.ts';
import { type AlertSender, createTender, type TendOptions, type TendParts } from '../../engine/tend.ts';
import type { Letter } from '../../engine/watch/index.ts';
import { MixError } from '../../schemas/errors/index.ts';
import type { SourceStats } from '../../schemas/parts.ts';
import { openTestStore } from '../support/receiver.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
/** A Monday at 10. */
const start = Date.UTC(2026, 10, 2, 10);

let now = start;
const clock = { now: () => now };
let opened: Awaited<ReturnType<typeof openTestStore>>;
let store: OpenedStore;
const letters: Letter[] = [];
const mail: AlertSender = {
  name: 'mail',
  send: async (letter) => {
    letters.push(letter);
  },
};
const options: TendOptions = {
  everyMs: MINUTE,
  remindHours: 24,
  gatherMinutes: 5,
  queueMinutes: 15,
  growth: 1_000,
  restMinutes: 5,
  errorPercent: 5,
  silence: true,
  certificateDays: 14,
  diskPercent: 10,
  node: 'valley',
  base: 'https://valley.example',
};

beforeEach(async () => {
  now = start;
  letters.length = 0;
  opened = await openTestStore(clock);
  store = opened.store;
});
afterEach(() => opened.close());

function make(parts: Partial<TendParts> = {}) {
  return createTender(
    {
      store,
      clock,
      log: { info() {}, warn() {}, error() {} },
      sources: () => ['adt'],
      states: () => [],
      certificates: () => [],
      senders: [mail],
      ...parts,
    },
    options,
  );
}

/** Looks once a minute. */
async function watch(tender: ReturnType<typeof make>, minutes: number): Promise<void> {
  for (let i = 0; i < minutes; i += 1) {
    await tender.look();
    now += MINUTE;
  }
}

async function leaveWaiting(): Promise<void> {
  const personId = uuidv7(now);
  await store.commit({ deliveries: [newDelivery({ outlet: 'region', kind: 'feed', thing: personId, personId }, now)] });
}

describe('looking after a node', () => {
  it('tells an old queue once, on the page and in a letter, and its end later', async () => {
    const tender = make();
    await leaveWaiting();
    await watch(tender, 14);
    expect(await tender.alerts({})).toEqual({ rows: [], count: 0 });
    await watch(tender, 30);
    expect(await tender.alerts({ state: 'open' })).toMatchObject({
      count: 1,
      rows: [{ rule: 'queue', about: 'region', state: 'open', count: 1, grave: 'warning' }],
    });
    expect(letters.map((one) => one.subject)).toEqual([
      '[valley] the oldest of 1 that wait for region is 16 minutes old',
    ]);
    const { rows } = await store.deliveries({ outlet: 'region', limit: 1 });
    await store.commit({ deliveries: [{ ...rows[0]!, state: 'sent' }] });
    await watch(tender, 20);
    expect((await tender.alerts({})).rows).toMatchObject([{ state: 'over' }]);
    expect(letters).toHaveLength(2);
    expect(letters[1]?.subject).toMatch(/^\[valley\] over: /);
  });

  it('gathers what comes up together', async () => {
    const certificates = Array.from({ length: 6 }, (_, i) => ({ name: `c${i}`, endsAt: start + HOUR }));
    const tender = make({ certificates: () => certificates.slice(0, 1 + Math.floor((now - start) / MINUTE)) });
    await watch(tender, 8);
    expect(letters.map((one) => one.subject)).toEqual([
      expect.stringContaining('the certificate c0 ends'),
      '[valley] 5 alerts',
    ]);
  });

  it('remembers through a restart, with who has seen it', async () => {
    const parts = { certificates: () => [{ name: 'node', endsAt: start + HOUR }] };
    const first = make(parts);
    await watch(first, 2);
    const [alert] = (await first.alerts({})).rows;
    await first.acknowledge(alert!.id, { id: 'ada' }, 'renewal asked for');
    const second = make(parts);
    await watch(second, 3);
    expect((await second.alerts({})).rows).toMatchObject([
      {
        id: alert!.id,
        state: 'acknowledged',
        count: 1,
        acknowledged: { by: 'ada', note: 'renewal asked for', at: new Date(start + 2 * MINUTE).toISOString() },
      },
    ]);
    expect(letters).toHaveLength(1);
    await expect(second.acknowledge('none', { id: 'ada' }, '')).rejects.toMatchObject({
      fault: { code: 'http.not-found' },
    });
  });

  it('tells by the other way, and on the page, when one way fails', async () => {
    let up = false;
    const webhook: AlertSender = {
      name: 'webhook',
      send: async () => {
        if (!up) throw new MixError('alerts.not-sent', { place: 'webhook' });
      },
    };
    const certificates = [{ name: 'node', endsAt: start + HOUR }];
    const tender = make({ senders: [mail, webhook], certificates: () => certificates });
    await watch(tender, 2);
    expect(letters).toHaveLength(1);
    expect((await tender.alerts({ rule: 'outlet' })).rows).toMatchObject([
      { about: 'alerts by webhook', state: 'open' },
    ]);
    up = true;
    await watch(tender, 12);
    expect((await tender.alerts({ rule: 'outlet' })).rows).toMatchObject([{ state: 'over' }]);
  });

  it('tries again when no way works', async () => {
    let tries = 0;
    const broken: AlertSender = {
      name: 'mail',
      send: async (letter) => {
        tries += 1;
        if (tries < 3) throw new MixError('alerts.not-sent');
        letters.push(letter);
      },
    };
    const tender = make({ senders: [broken], certificates: () => [{ name: 'node', endsAt: start + HOUR }] });
    await watch(tender, 12);
    expect(tries).toBe(3);
    expect(letters[0]?.alerts.map((one) => one.rule).sort()).toEqual(['certificate', 'outlet']);
  });

  it('learns the habit of a source hour by hour, and tells when it is broken', async () => {
    // A message every two minutes by day, and from then on none.
    let stopAt = Number.POSITIVE_INFINITY;
    const talks = (minute: number) => minute * MINUTE < stopAt && minute % 2 === 0;
    store.sourceStats = async () => {
      const minute = Math.floor(now / MINUTE);
      const perMinute = Array.from({ length: 60 }, (_, i) => (talks(minute - 59 + i) ? 1 : 0));
      let last = minute;
      while (!talks(last) && last > 0) last -= 1;
      const stats: SourceStats = {
        sourceId: 'adt',
        lastAt: last * MINUTE,
        total: 1,
        parked: 0,
        perMinute,
        notCarried: [],
      };
      return [stats];
    };
    const tender = make();
    for (let day = 0; day < 5; day += 1) {
      now = start + day * 24 * HOUR;
      await watch(tender, day < 4 ? 121 : 61);
    }
    stopAt = now;
    await watch(tender, 10);
    expect((await tender.alerts({})).rows).toEqual([]);
    await watch(tender, 30);
    expect((await tender.alerts({})).rows).toMatchObject([
      { rule: 'silence', about: 'adt', state: 'open', sentence: expect.stringContaining('adt has been silent for') },
    ]);
    stopAt = Number.POSITIVE_INFINITY;
    await watch(tender, 4);
    expect((await tender.alerts({})).rows).toMatchObject([{ rule: 'silence', state: 'over' }]);
  });

  it('lists by state and rule, page by page', async () => {
    const certificates = Array.from({ length: 7 }, (_, i) => ({ name: `c${i}`, endsAt: start + HOUR }));
    const tender = make({ certificates: () => certificates, senders: [] });
    await watch(tender, 2);
    const first = await tender.alerts({ rule: 'certificate', limit: 5 });
    expect(first).toMatchObject({ count: 7, next: '5' });
    const second = await tender.alerts({ rule: 'certificate', limit: 5, cursor: first.next! });
    expect(new Set([...first.rows, ...second.rows].map((one) => one.about)).size).toBe(7);
    expect(second.next).toBeUndefined();
    expect((await tender.alerts({ state: 'over' })).count).toBe(0);
  });
});
