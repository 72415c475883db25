/**
 * Random lives at a region and the global node, over real stores: feeds, revisions, merges, withdrawals and decisions in one order or another, one by one or
 * all at once. In the end the same records are one person, every record has one, and every number that was ever given leads to one.
 */
import type { Patient } from '@medplum/fhirtypes';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Subject } from '../../engine/admit.ts';
import { createIdentityDesk } from '../../engine/browse-identity.ts';
import { uuidv7 } from '../../engine/record/index.ts';
import { MixError } from '../../schemas/errors/index.ts';
import type { IndexRecord } from '../../schemas/index-store.ts';
import { openNodes, SYSTEM, type TestNode, type TestNodes } from '../support/nodes.ts';

const people = [
  ['Lindqvist', 'Anna', 'female', '1956-03-14', '12 Mill Road', '02719'],
  ['Lindqvist', 'Clara', 'female', '1956-03-14', '12 Mill Road', '02719'],
  ['Okafor', 'Bruno', 'male', '1971-08-02', '7 Harbour View', '02740'],
  ['Okafor', 'Ana', 'female', '1956-03-14', '12 Mill Road', '02719'],
].map(([family, given, gender, birthDate, line, postalCode]) => ({
  name: [{ family: family!, given: [given!] }],
  gender: gender as 'female' | 'male',
  birthDate: birthDate!,
  address: [{ line: [line!], city: 'Fairhaven', postalCode: postalCode! }],
}));

const who = fc.record({ at: fc.constantFrom('a' as const, 'b' as const), number: fc.integer({ min: 1, max: 3 }) });
const facts = fc.nat(people.length - 1);
const act = fc.oneof(
  { weight: 6, arbitrary: fc.record({ act: fc.constant('feed' as const), who, facts }) },
  {
    weight: 1,
    arbitrary: fc.record({ act: fc.constant('merge' as const), who, into: fc.integer({ min: 1, max: 3 }) }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ act: fc.constantFrom('link' as const, 'part' as const), who, other: who }),
  },
);
type Act = typeof act extends fc.Arbitrary<infer T> ? T : never;

const log = { info() {}, warn() {}, error() {} };
const dora: Subject = {
  kind: 'user',
  id: 'dora',
  name: 'dora',
  roles: ['doctor'],
  mustChangeSecret: false,
  sessionEndsAt: '2026-11-23T20:00:00Z',
  sessionKey: 'dora',
};

/** What is refused (nobody there, one person already) is no part of the life. */
async function tried(run: Promise<unknown>): Promise<void> {
  try {
    await run;
  } catch (cause) {
    if (!(cause instanceof MixError) || !cause.fault.code.startsWith('mpi.')) throw cause;
  }
}

async function live(nodes: TestNodes, one: Act, at: number): Promise<void> {
  const { region } = nodes;
  const system = SYSTEM[one.who.at];
  const number = `${one.who.at}-${one.who.number}`;
  const meta = { lastUpdated: new Date(Date.UTC(2026, 10, 23, 10) + at * 1_000).toISOString() };
  const feed = (patient: object) =>
    region.serve.feedPatient(
      region.subjectOf(one.who.at),
      `${system}|${number}`,
      { resourceType: 'Patient', meta, identifier: [{ system, value: number }], ...patient } as Patient,
      uuidv7(),
    );
  if (one.act === 'feed') {
    await feed(people[one.facts]!);
    return;
  }
  if (one.act === 'merge') {
    if (one.into === one.who.number) return;
    const other = { system, value: `${one.who.at}-${one.into}` };
    await feed({ active: false, link: [{ type: 'replaced-by', other: { identifier: other } }] });
    return;
  }
  const desk = createIdentityDesk({ store: region.store, clock: nodes.clock, log }, region.setup);
  const [mine, theirs] = await Promise.all(
    [one.who, one.other].map(async ({ at: where, number: value }) => {
      const asked = { system: SYSTEM[where], value: `${where}-${value}` };
      return [...(await region.store.indexRecordsByNumber([asked])).values()][0];
    }),
  );
  if (mine === undefined || theirs === undefined) return;
  if (one.act === 'part') await tried(desk.unlinkRecord(dora, { record: mine.id, reason: 'random' }));
  else await tried(desk.linkPersons(dora, { one: mine.personId, other: theirs.personId, reason: 'random' }));
}

async function recordsOf({ store }: TestNode): Promise<IndexRecord[]> {
  const persons = (await store.persons({ limit: 500 })).rows;
  return store.indexRecordsOf(
    persons.map(({ id }) => id),
    1_000,
  );
}

/** Groups of numbers that are one person. */
async function groupsOf(node: TestNode): Promise<string[][]> {
  const byPerson = Map.groupBy(await recordsOf(node), ({ personId }) => personId);
  return [...byPerson.values()].map((group) => group.map(({ number }) => number.value).sort()).sort();
}

/** Every record has one active person that shows its number, and every number that was given leads to one. */
async function checkWhole(node: TestNode): Promise<void> {
  const { store } = node;
  const records = await recordsOf(node);
  const entries = await store.entriesById(records.map(({ id }) => id));
  const given = new Set<string>();
  for (const record of records) {
    const person = (await store.person(record.personId))!;
    expect(person.state).toBe('active');
    const token = `${record.number.system}|${record.number.value}`;
    expect((await store.personsByIdentifier([record.number])).get(token)).toBe(person.id);
    const entry = entries.get(record.id);
    if (entry !== undefined) expect([entry.personId, entry.removed]).toEqual([person.id, record.state === 'retired']);
    if (record.ownId !== undefined) {
      expect(given.has(record.ownId)).toBe(false);
      given.add(record.ownId);
      const own = (await store.person(record.ownId))!;
      expect(own.state === 'active' ? own.id : own.mergedInto).toBe(person.id);
    }
    if (record.ownNumber !== undefined) {
      const mix = { system: SYSTEM.mix, value: record.ownNumber };
      expect((await store.personsByIdentifier([mix])).get(`${mix.system}|${mix.value}`)).toBe(person.id);
    }
  }
  const persons = (await store.persons({ limit: 500 })).rows;
  // Nobody is left without a record, and none has a number in force that another has.
  expect(new Set(records.map(({ personId }) => personId))).toEqual(new Set(persons.map(({ id }) => id)));
  const first = persons.map(({ identifiers }) => identifiers.find(({ system }) => system === SYSTEM.mix)?.value);
  if (node.setup.node.role === 'global') expect(new Set(first).size).toBe(persons.length);
}

test('whatever happens, one by one and with the nodes at rest between or not', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(act, { minLength: 4, maxLength: 16 }), fc.boolean(), async (acts, rest) => {
      const nodes = await openNodes({ only: ['region', 'global', 'a', 'b'] });
      try {
        for (const [at, one] of acts.entries()) {
          nodes.clock.pass(1_000);
          await live(nodes, one, at);
          if (rest) await nodes.settle();
        }
        await nodes.settle();
        await checkWhole(nodes.region);
        await checkWhole(nodes.global);
      } finally {
        await nodes.close();
      }
    }),
    { numRuns: Number(process.env['MIX_RUNS'] ?? 6) },
  );
}, 300_000);

test('feeds in any order, or all at once, end in the same persons', async () => {
  const feeds = fc.uniqueArray(fc.record({ act: fc.constant('feed' as const), who, facts }), {
    minLength: 3,
    maxLength: 6,
    selector: ({ who: one }) => `${one.at}-${one.number}`,
  });
  await fc.assert(
    fc.asyncProperty(
      feeds.chain((list) => fc.tuple(fc.constant(list), fc.shuffledSubarray(list, { minLength: list.length }))),
      fc.boolean(),
      async ([list, shuffled], atOnce) => {
        const [first, second] = [await openNodes(), await openNodes()];
        try {
          for (const [at, one] of list.entries()) await live(first, one, at);
          const times = new Map(list.map((one, at) => [one, at]));
          if (atOnce) await Promise.all(shuffled.map((one) => live(second, one, times.get(one)!)));
          else for (const one of shuffled) await live(second, one, times.get(one)!);
          expect(await groupsOf(second.region)).toEqual(await groupsOf(first.region));
          await checkWhole(second.region);
        } finally {
          await Promise.all([first.close(), second.close()]);
        }
      },
    ),
    { numRuns: Number(process.env['MIX_RUNS'] ?? 6) },
  );
}, 300_000);
