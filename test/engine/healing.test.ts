/**
 * Nodes that are cut off and answers that get lost, at random: once all is well again every person has one number and every document is registered once.
 */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Person, StoredDocument } from '../../schemas/parts.ts';
import {
  everyNode,
  openNodes,
  publish,
  register,
  revise,
  SYSTEM,
  type TestNode,
  type TestNodes,
} from '../support/nodes.ts';

const people = ['Anna', 'Bruno', 'Clara', 'David'].map((given, at) => ({
  name: [{ family: 'Lindqvist', given: [given] }],
  gender: 'female' as const,
  birthDate: `195${at}-03-14`,
  address: [{ postalCode: '02719' }],
}));

type Act =
  | { act: 'register'; at: 'a' | 'b' | 'c'; who: number; whole: boolean }
  | { act: 'complete'; which: number }
  | { act: 'publish'; which: number }
  | { act: 'cut'; node: 'a' | 'b' | 'region' | 'global'; how: 'down' | 'deaf' | 'well' }
  | { act: 'pass' };

const which = fc.nat(20);
const act: fc.Arbitrary<Act> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      act: fc.constant('register' as const),
      at: fc.constantFrom('a', 'b', 'c'),
      who: fc.nat(people.length - 1),
      whole: fc.boolean(),
    }),
  },
  { weight: 2, arbitrary: fc.record({ act: fc.constant('complete' as const), which }) },
  { weight: 3, arbitrary: fc.record({ act: fc.constant('publish' as const), which }) },
  {
    weight: 3,
    arbitrary: fc.record({
      act: fc.constant('cut' as const),
      node: fc.constantFrom('a', 'b', 'region', 'global'),
      how: fc.constantFrom('down', 'deaf', 'well'),
    }),
  },
  { weight: 3, arbitrary: fc.constant({ act: 'pass' as const }) },
);

interface Known {
  node: TestNode;
  id: string;
  who: number;
  whole: boolean;
  last?: StoredDocument;
}

async function run(nodes: TestNodes, acts: Act[]): Promise<Known[]> {
  const known: Known[] = [];
  for (const one of acts) {
    const chosen = 'which' in one ? known[one.which % Math.max(known.length, 1)] : undefined;
    if (one.act === 'register') {
      const node = nodes[one.at];
      // A hospital registers a person once here; doubles within one are another test's.
      if (known.some((other) => other.node === node && other.who === one.who)) continue;
      const person = await register(
        node,
        `${one.at}-${one.who}`,
        one.whole ? people[one.who]! : { name: people[one.who]!.name },
      );
      known.push({ node, id: person.id, who: one.who, whole: one.whole });
    } else if (one.act === 'complete' && chosen !== undefined && !chosen.whole) {
      chosen.whole = true;
      await revise(chosen.node, chosen.id, (person) => ({
        ...person,
        patient: { ...person.patient, ...people[chosen.who] },
      }));
    } else if (one.act === 'publish' && chosen !== undefined) {
      chosen.last = await publish(chosen.node, chosen.id, `${chosen.id} ${chosen.last?.version ?? 0}`, chosen.last);
    } else if (one.act === 'cut') {
      nodes[one.node].down = one.how === 'down';
      nodes[one.node].deaf = one.how === 'deaf';
    } else if (one.act === 'pass') {
      nodes.clock.pass(90_000);
      await nodes.settle();
    }
  }
  for (const node of nodes.all) Object.assign(node, { down: false, deaf: false });
  for (let round = 0; round < 12; round++) {
    nodes.clock.pass(90_000);
    await nodes.settle();
  }
  return known;
}

const mixOf = (person: Person): string[] =>
  person.identifiers.filter(({ system }) => system === SYSTEM.mix).map(({ value }) => value);

test('whatever was cut off, in the end all is as if nothing had been', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(act, { minLength: 8, maxLength: 30 }), async (acts) => {
      const nodes = await openNodes({ only: everyNode });
      try {
        const known = await run(nodes, acts);
        const numbers = new Map<number, Set<string>>();
        for (const one of known) {
          const person = (await one.node.store.person(one.id))!;
          expect(mixOf(person), 'one MIX number a person').toHaveLength(1);
          if (!one.whole) continue;
          const same = numbers.get(one.who) ?? new Set();
          numbers.set(one.who, same.add(mixOf(person)[0]!));
        }
        for (const same of numbers.values()) expect(same.size, 'one number for one person, wherever').toBe(1);
        await checkDocuments(nodes, known);
        for (const node of nodes.all) {
          const stats = await node.store.outletStats();
          expect(
            stats
              .map(({ outlet, waiting, parked }) => [outlet, waiting, parked])
              .filter(([, w, p]) => w !== 0 || p !== 0),
          ).toEqual([]);
        }
      } finally {
        await nodes.close();
      }
    }),
    { numRuns: Number(process.env['MIX_RUNS'] ?? 4) },
  );
}, 560_000);

/** Of each document set the newest stands current in its region, once; no other does. */
async function checkDocuments(nodes: TestNodes, known: Known[]): Promise<void> {
  for (const region of [nodes.region, nodes.west]) {
    const persons = (await region.store.persons({ limit: 500 })).rows;
    const entries = (await Promise.all(persons.map(({ id }) => region.store.entries(id)))).flat();
    const current = entries.filter(({ type, status }) => type === 'DocumentReference' && status === 'current');
    const wanted = known.filter(
      ({ node, last }) => last !== undefined && (node === nodes.c) === (region === nodes.west),
    );
    const named = (text: string) => /urn:uuid:[0-9a-f-]{36}/.exec(text)?.[0];
    expect(current.map(({ key }) => named(key)).toSorted()).toEqual(
      wanted.map(({ last }) => `urn:uuid:${last!.id}`).toSorted(),
    );
  }
}
