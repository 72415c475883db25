/**
 * Records, decisions and merges in random sequences. The model below works as the engine does: it sorts out only what can be reached from what changed,
 * and is held against sorting out everything.
 */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  type Edge,
  type Links,
  type Member,
  makeMixNumber,
  pairName,
  partition,
  reach,
  settlePersons,
} from '../../../engine/mpi/index.ts';

interface Facts {
  name: number;
  birth: number;
  home: number;
  number: number;
}

type Act =
  | { act: 'feed'; who: string; facts: Facts }
  | { act: 'link' | 'unlink' | 'merge'; who: string; other: string }
  | { act: 'unmerge'; who: string };
type Timed = Act & { at: number };

interface Known extends Member {
  person?: string;
  facts?: Facts;
  mergedInto?: string;
  factsAt: number;
  /** When it became active, or was merged. */
  stateAt: number;
}

/** A matcher that is not transitive: two of three facts alike are a match, none is a conflict. */
const alike = (one: Facts, other: Facts): number =>
  Number(one.name === other.name) + Number(one.birth === other.birth) + Number(one.home === other.home);

class Model {
  records = new Map<string, Known>();
  decisions = new Map<string, { a: string; b: string; decision: 'link' | 'unlink'; at: number }>();
  numbers = new Map<string, string>();
  #made = 0;

  #record(name: string): Known {
    let record = this.records.get(name);
    if (record === undefined) {
      record = { name, factsAt: -1, stateAt: -1 };
      this.records.set(name, record);
    }
    return record;
  }

  async apply(one: Timed): Promise<void> {
    const touched = 'other' in one ? [one.who, one.other] : [one.who];
    // Whom they were joined with before counts as well: that may be over now.
    const before = touched.flatMap((name) => this.#near(name));
    this.#write(one);
    await this.sort(new Set([...touched, ...before]));
  }

  /** The newest word about a thing stands, whenever it comes. */
  #write(one: Timed): void {
    const record = this.#record(one.who);
    if (one.act === 'feed') {
      if (one.at > record.factsAt) Object.assign(record, { facts: one.facts, factsAt: one.at });
      this.#revive(record, one.at);
    } else if (one.act === 'unmerge') this.#revive(record, one.at);
    else if (one.act === 'merge') {
      if (one.who === one.other) return;
      this.#revive(this.#record(one.other), one.at);
      if (one.at > record.stateAt) Object.assign(record, { mergedInto: one.other, stateAt: one.at });
    } else if (one.who !== one.other) {
      this.#record(one.other);
      const pair = pairName(one.who, one.other);
      if (one.at > (this.decisions.get(pair)?.at ?? -1))
        this.decisions.set(pair, { a: one.who, b: one.other, decision: one.act, at: one.at });
    }
  }

  #revive(record: Known, at: number): void {
    if (at <= record.stateAt) return;
    delete record.mergedInto;
    record.stateAt = at;
  }

  /** Whom a record is joined with by anything. */
  #near(name: string): string[] {
    const found: string[] = [];
    for (const { a, b } of this.edges([...this.records.keys()]))
      if (a === name || b === name) found.push(a === name ? b : a);
    return found;
  }

  edges(names: string[]): Edge[] {
    const edges: Edge[] = [];
    for (const [at, a] of names.entries())
      for (const b of names.slice(at + 1)) {
        const decided = this.decisions.get(pairName(a, b));
        if (decided?.decision === 'link') edges.push({ a, b, kind: 'decision', weight: decided.at });
        const [one, other] = [this.records.get(a), this.records.get(b)];
        if (one?.mergedInto === b || other?.mergedInto === a) edges.push({ a, b, kind: 'merge', weight: 0 });
        if (one?.facts === undefined || other?.facts === undefined) continue;
        if (one.facts.number === other.facts.number && one.facts.number > 0)
          edges.push({ a, b, kind: 'number', weight: 0 });
        const weight = alike(one.facts, other.facts);
        if (weight >= 2) edges.push({ a, b, kind: 'match', weight });
      }
    return edges;
  }

  links(names: string[]): Links {
    const inside = new Set(names);
    return {
      edges: this.edges(names),
      apart: [...this.decisions.values()]
        .filter(({ a, b, decision }) => decision === 'unlink' && inside.has(a) && inside.has(b))
        .map(({ a, b }) => [a, b]),
      conflict: (a, b) => {
        const [one, other] = [this.records.get(a)?.facts, this.records.get(b)?.facts];
        return one !== undefined && other !== undefined && alike(one, other) === 0;
      },
    };
  }

  async sort(start: Set<string>): Promise<void> {
    const names = await reach(start, async (edge) => edge.flatMap((name) => this.#near(name)), 1_000);
    const members = [...names!].map((name) => this.#record(name));
    const groups = partition([...names!], this.links([...names!]));
    for (const settled of settlePersons(members, groups, () => this.#newPerson())) {
      if (settled.madeFor !== undefined) this.#record(settled.madeFor).own = settled.personId;
      for (const name of settled.names) this.#record(name).person = settled.personId;
    }
  }

  #newPerson(): string {
    const id = `p${String(++this.#made).padStart(6, '0')}`;
    this.numbers.set(id, makeMixNumber(this.#made));
    return id;
  }

  whole(): string[][] {
    return partition([...this.records.keys()], this.links([...this.records.keys()]));
  }

  groups(): string[][] {
    const byPerson = Map.groupBy(this.records.values(), ({ person }) => person);
    return [...byPerson.values()]
      .map((group) => group.map(({ name }) => name).sort())
      .sort((one, other) => (one[0]! < other[0]! ? -1 : 1));
  }

  /** Whom each MIX number names. */
  named(): Map<string, string> {
    const named = new Map<string, string>();
    for (const record of this.records.values())
      if (record.own !== undefined) {
        const number = this.numbers.get(record.own)!;
        if (named.has(number)) throw new Error('one number for two records');
        named.set(number, record.person!);
      }
    return named;
  }

  copy(): { groups: string[][]; persons: (string | undefined)[]; named: Map<string, string> } {
    const persons = [...this.records.values()].map(({ person }) => person);
    return { groups: this.groups(), persons, named: this.named() };
  }
}

const name = fc.constantFrom('a|1', 'a|2', 'b|1', 'b|2', 'c|1', 'c|2');
const few = fc.nat(2);
const act: fc.Arbitrary<Act> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      act: fc.constant('feed' as const),
      who: name,
      facts: fc.record({
        name: few,
        birth: few,
        home: few,
        number: fc.oneof({ weight: 4, arbitrary: fc.constant(0) }, few),
      }),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({ act: fc.constantFrom('link', 'unlink', 'merge' as const), who: name, other: name }),
  },
  { weight: 2, arbitrary: fc.record({ act: fc.constant('unmerge' as const), who: name }) },
);
const acts = fc.array(act, { minLength: 1, maxLength: 14 }).map((list) => list.map((one, at) => ({ ...one, at })));

const played = async (list: readonly Timed[]): Promise<Model> => {
  const model = new Model();
  for (const one of list) await model.apply(one);
  return model;
};

describe('ten thousand random lives', () => {
  test('sorting out what can be reached is sorting out everything; no number ever names two persons', async () => {
    await fc.assert(
      fc.asyncProperty(acts, async (list) => {
        const model = new Model();
        const given = new Set<string>();
        for (const one of list) {
          await model.apply(one);
          expect(model.groups()).toEqual(model.whole());
          const named = model.named();
          for (const number of named.keys()) given.add(number);
          // Whatever was ever given leads to somebody, and everybody has a number of their own.
          expect(new Set(named.keys())).toEqual(given);
          const persons = new Set([...model.records.values()].map(({ person }) => person));
          expect(new Set(named.values())).toEqual(persons);
          for (const person of persons) expect(named.get(model.numbers.get(person!)!)).toBe(person);
        }
      }),
      { numRuns: 10_000 },
    );
  }, 240_000);

  test('the same facts in any order end in the same persons', async () => {
    const shuffled = acts.chain((list) =>
      fc.tuple(fc.constant(list), fc.shuffledSubarray(list, { minLength: list.length, maxLength: list.length })),
    );
    await fc.assert(
      fc.asyncProperty(shuffled, async ([one, other]) => {
        expect((await played(other)).groups()).toEqual((await played(one)).groups());
      }),
      { numRuns: 10_000 },
    );
  }, 240_000);

  test('a merge that is taken back leaves everybody as before: by its source, by undoing, by keeping apart', async () => {
    await fc.assert(
      fc.asyncProperty(acts, fc.nat(), fc.nat(), async (list, one, other) => {
        const model = await played(list);
        const groups = model.groups();
        const [ours, theirs] = [groups[one % groups.length]!, groups[other % groups.length]!];
        fc.pre(ours !== theirs);
        const before = model.copy();
        const [a, b] = [ours[0]!, theirs[0]!];
        const start = new Set([...ours, ...theirs]);
        // A merge into a record that is merged itself revives that one, which is no part of this merge.
        if (model.records.get(a)?.mergedInto === undefined && model.records.get(b)?.mergedInto === undefined) {
          await model.apply({ act: 'merge', who: a, other: b, at: 100 });
          expect(model.records.get(a)?.person).toBe(model.records.get(b)?.person);
          await model.apply({ act: 'unmerge', who: a, at: 101 });
          // Who was held back by the merge had to get a number meanwhile: that one leads on, all others lead where they led.
          const after = model.copy();
          expect([after.groups, after.persons]).toEqual([before.groups, before.persons]);
          for (const [number, person] of before.named) expect(after.named.get(number)).toBe(person);
        }
        const asBefore = model.copy();
        const decisions = new Map(model.decisions);
        const sides = model.groups().filter((group) => group.includes(a) || group.includes(b));
        fc.pre(sides.length === 2);
        for (const x of sides[0]!)
          for (const y of sides[1]!)
            if (model.decisions.get(pairName(x, y))?.decision === 'unlink') model.decisions.delete(pairName(x, y));
        model.decisions.set(pairName(a, b), { a, b, decision: 'link', at: 102 });
        await model.sort(start);
        model.decisions = decisions;
        await model.sort(start);
        expect(model.copy()).toEqual(asBefore);
        for (const x of sides[0]!)
          for (const y of sides[1]!) model.decisions.set(pairName(x, y), { a: x, b: y, decision: 'unlink', at: 103 });
        await model.sort(start);
        expect(model.copy()).toEqual(asBefore);
      }),
      { numRuns: 10_000 },
    );
  }, 240_000);
});

describe('what wins', () => {
  const match = (a: string, b: string, weight = 20): Edge => ({ a, b, kind: 'match', weight });

  test('who is kept apart stays apart, whoever lies between', () => {
    const edges = [match('a', 'b', 30), match('b', 'c', 20)];
    expect(partition(['a', 'b', 'c'], { edges, apart: [] })).toEqual([['a', 'b', 'c']]);
    expect(partition(['a', 'b', 'c'], { edges, apart: [['c', 'a']] })).toEqual([['a', 'b'], ['c']]);
  });

  test('a conflict holds back what goes by itself, not what a person decided', () => {
    const conflict = (a: string, b: string) => pairName(a, b) === pairName('a', 'c');
    const edges = [match('a', 'b', 20), match('b', 'c', 30)];
    expect(partition(['a', 'b', 'c'], { edges, apart: [], conflict })).toEqual([['a'], ['b', 'c']]);
    const decided: Edge = { a: 'a', b: 'c', kind: 'decision', weight: 1 };
    expect(partition(['a', 'b', 'c'], { edges: [...edges, decided], apart: [], conflict })).toEqual([['a', 'b', 'c']]);
  });

  test('a decision tears nobody away who was there by themselves', () => {
    const conflict = (a: string, b: string) => pairName(a, b) === pairName('b', 'c');
    const edges: Edge[] = [match('a', 'b'), { a: 'a', b: 'c', kind: 'decision', weight: 1 }];
    expect(partition(['a', 'b', 'c'], { edges, apart: [], conflict })).toEqual([['a', 'b', 'c']]);
  });

  test('a merged record is with its survivor, whatever was decided about the two; who is known by it comes along', () => {
    const edges: Edge[] = [{ a: 'a', b: 'b', kind: 'merge', weight: 0 }, match('a', 'c')];
    expect(partition(['a', 'b', 'c'], { edges, apart: [['a', 'b']] })).toEqual([['a', 'b', 'c']]);
    expect(partition(['a', 'b', 'c'], { edges, apart: [['b', 'c']] })).toEqual([['a', 'b'], ['c']]);
  });

  test('the person that was made first stays; the others come back when their records leave', () => {
    const [a, b]: Member[] = [
      { name: 'a', own: 'p2' },
      { name: 'b', own: 'p1' },
    ];
    const none = () => 'new';
    expect(settlePersons([a!, b!], [['a', 'b']], none)).toEqual([
      { personId: 'p1', names: ['a', 'b'], retired: ['p2'] },
    ]);
    expect(settlePersons([a!, b!], [['a'], ['b']], none).map(({ personId }) => personId)).toEqual(['p2', 'p1']);
  });

  test('more than the limit is not sorted out', async () => {
    const chain = async (names: string[]) => names.map((one) => `${Number(one) + 1}`);
    expect(await reach(['0'], chain, 10)).toBeUndefined();
  });
});
