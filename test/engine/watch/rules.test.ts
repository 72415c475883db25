import { describe, expect, it } from 'vitest';
import { type Facts, findFaults, learnHour, newHabit, type RuleLimits, tellSpan } from '../../../engine/watch/index.ts';
import type { OutletStats } from '../../../schemas/parts.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const now = Date.UTC(2026, 10, 23, 12, 30);
const limits: RuleLimits = {
  queueMinutes: 15,
  growth: 1_000,
  restMinutes: 5,
  errorPercent: 5,
  silence: true,
  certificateDays: 14,
  diskPercent: 10,
};
const well: Facts = {
  now,
  outlets: [],
  states: [],
  sources: [],
  parkedMessages: 0,
  certificates: [],
  disk: { free: 90, total: 100 },
  samples: [],
};
const outlet = (change: Partial<OutletStats>): OutletStats => ({
  outlet: 'region',
  waiting: 0,
  parked: 0,
  sent: 10,
  ...change,
});
const found = (change: Partial<Facts>, open: string[] = []) =>
  findFaults({ ...well, ...change }, limits, (rule, about) => open.includes(`${rule} ${about}`)).map(
    ({ rule, about, grave }) => `${rule} ${about} ${grave}`,
  );
const waiting = (at: number, count: number) => ({ at: now - at * MINUTE, waiting: { region: count }, sources: {} });
const source = (change: Partial<Facts['sources'][number]>) => ({
  id: 'adt',
  total: 1_000,
  parked: 0,
  habit: newHabit(),
  ...change,
});

describe('the rules', () => {
  it('find nothing where all is well', () => {
    const outlets = [outlet({ waiting: 3, oldestAt: now - MINUTE, lastSentAt: now })];
    const states = [{ outlet: 'region', state: 'up' as const, since: now - DAY, inFlight: 3, failures: 0 }];
    expect(found({ outlets, states, certificates: [{ name: 'node', endsAt: now + 60 * DAY }] })).toEqual([]);
  });

  it.for<[string, Partial<Facts>, string[]]>([
    ['an old queue', { outlets: [outlet({ waiting: 2, oldestAt: now - 16 * MINUTE })] }, ['queue region warning']],
    ['a very old queue', { outlets: [outlet({ waiting: 2, oldestAt: now - 2 * HOUR })] }, ['queue region danger']],
    [
      'growth',
      { outlets: [outlet({ waiting: 1_500, oldestAt: now })], samples: [waiting(14, 100), waiting(7, 900)] },
      ['growth region warning'],
    ],
    [
      'a queue that shrank meanwhile',
      { outlets: [outlet({ waiting: 1_500, oldestAt: now })], samples: [waiting(14, 100), waiting(7, 1_900)] },
      [],
    ],
    ['growth over too short a time', { outlets: [outlet({ waiting: 1_500 })], samples: [waiting(3, 100)] }, []],
    ['parked deliveries', { outlets: [outlet({ parked: 4 })] }, ['parked region warning']],
    ['parked messages', { parkedMessages: 1 }, ['parked messages warning']],
    ['a storm in the index', { storms: ['a'] }, ['index a warning']],
    ['a certificate', { certificates: [{ name: 'node', endsAt: now + 10 * DAY }] }, ['certificate node warning']],
    ['one that ends', { certificates: [{ name: 'node', endsAt: now + 2 * DAY }] }, ['certificate node danger']],
    ['one that ended', { certificates: [{ name: 'node', endsAt: now - 2 * DAY }] }, ['certificate node danger']],
    ['little room', { disk: { free: 9, total: 100 } }, ['disk store warning']],
    ['no room', { disk: { free: 1, total: 100 } }, ['disk store danger']],
    ['a disk that is not known', { disk: { free: 0, total: 0 } }, []],
  ])('tell %s', ([, facts, wanted]) => {
    expect(found(facts)).toEqual(wanted);
  });

  it('tell one cause once: a place that does not answer has a queue', () => {
    const outlets = [outlet({ waiting: 5_000, oldestAt: now - HOUR, lastSentAt: now - HOUR })];
    const state = { outlet: 'region', state: 'resting' as const, since: now - HOUR, inFlight: 0, failures: 9 };
    const facts = { outlets, states: [state], samples: [waiting(14, 0), waiting(7, 2_000)] };
    expect(found(facts)).toEqual(['outlet region danger']);
    const fresh = {
      ...facts,
      states: [{ ...state, since: now - 2 * MINUTE }],
      outlets: [outlet({ waiting: 1, oldestAt: now, lastSentAt: now - 2 * MINUTE })],
      samples: [],
    };
    expect(found(fresh)).toEqual([]);
  });

  it('do not cry wolf at the edge: what is open stays open until it is clearly better', () => {
    const edge = { outlets: [outlet({ waiting: 2, oldestAt: now - 12 * MINUTE })] };
    expect(found(edge)).toEqual([]);
    expect(found(edge, ['queue region'])).toEqual(['queue region warning']);
    expect(found({ outlets: [outlet({ waiting: 2, oldestAt: now - 8 * MINUTE })] }, ['queue region'])).toEqual([]);
    expect(found({ disk: { free: 11, total: 100 } })).toEqual([]);
    expect(found({ disk: { free: 11, total: 100 } }, ['disk store'])).toEqual(['disk store warning']);
    expect(found({ disk: { free: 13, total: 100 } }, ['disk store'])).toEqual([]);
  });

  it('tell the share of parked messages within the hour, where there are enough to tell', () => {
    const earlier = (total: number, parked: number) => [
      { at: now - 30 * MINUTE, waiting: {}, sources: { adt: { total, parked } } },
    ];
    expect(found({ sources: [source({ parked: 10 })], samples: earlier(900, 2) })).toEqual(['errors adt warning']);
    expect(found({ sources: [source({ parked: 70 })], samples: earlier(900, 2) })).toEqual(['errors adt danger']);
    expect(found({ sources: [source({ parked: 10 })], samples: earlier(900, 8) })).toEqual([]);
    expect(found({ sources: [source({ parked: 10 })], samples: earlier(990, 0) })).toEqual([]);
    expect(found({ sources: [source({ parked: 10 })] })).toEqual([]);
  });

  it('tell a source that is silent against its habit, and say what is usual', () => {
    const busy = Array.from({ length: 60 }, () => 1);
    let habit = newHabit();
    for (let week = 1; week < 5; week += 1) habit = learnHour(habit, now - 30 * MINUTE - week * 7 * DAY, busy);
    const silent = source({ habit, lastAt: now - 20 * MINUTE });
    expect(found({ sources: [silent] })).toEqual(['silence adt warning']);
    expect(found({ sources: [source({ habit, lastAt: now - 4 * MINUTE })] })).toEqual([]);
    expect(found({ sources: [source({ lastAt: now - 20 * MINUTE })] })).toEqual([]);
    expect(findFaults({ ...well, sources: [silent] }, { ...limits, silence: false }, () => false)).toEqual([]);
    expect(findFaults({ ...well, sources: [silent] }, limits, () => false)[0]?.sentence).toBe(
      'adt has been silent for 20 minutes; at this hour its longest pause is about a minute',
    );
  });

  it('say what to do and where to look, in words', () => {
    const facts: Facts = {
      ...well,
      outlets: [outlet({ waiting: 5_000, oldestAt: now - HOUR, parked: 2 }), outlet({ outlet: 'a b', parked: 1 })],
      parkedMessages: 3,
      certificates: [{ name: 'node', endsAt: now }],
      disk: { free: 1, total: 1_000 },
    };
    const findings = findFaults(facts, limits, () => false);
    expect(findings).toHaveLength(6);
    for (const { sentence, fix, link } of findings) {
      expect(sentence).toMatch(/^[a-z0-9].*[^.]$/);
      expect(fix).toMatch(/^[a-z0-9].*[^.]$/);
      expect(link).toMatch(/^\/[a-z]+(\?[a-z]+=[\w%]+(&[a-z]+=\w+)*)?$/);
    }
  });

  it.for([
    [0, 'a minute'],
    [MINUTE, 'a minute'],
    [90 * MINUTE, '90 minutes'],
    [3 * HOUR, '3 hours'],
    [50 * HOUR, '2 days'],
  ] as const)('tell a span of %d ms as %s', ([ms, wanted]) => {
    expect(tellSpan(ms)).toBe(wanted);
  });
});
