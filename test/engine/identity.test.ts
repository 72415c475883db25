/**
 * The life of an identity at a region, by feeds and by people: what waits, what is decided, what is taken back, and what is refused. Whatever happens,
 * numbers and documents go with their records.
 */
import type { Patient } from '@medplum/fhirtypes';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Subject } from '../../engine/admit.ts';
import { createIdentityDesk, noIdentities } from '../../engine/browse-identity.ts';
import { createIndexDoor } from '../../engine/identity.ts';
import { uuidv7 } from '../../engine/record/index.ts';
import { MixError } from '../../schemas/errors/index.ts';
import type { IdentityPortal, MatchView } from '../../schemas/identity.ts';
import type { Person } from '../../schemas/parts.ts';
import { openNodes, peerTo, publish, register, SYSTEM, type TestNode, type TestNodes } from '../support/nodes.ts';

let nodes: TestNodes;
let desk: IdentityPortal;
beforeEach(async () => {
  nodes = await openNodes();
  desk = deskOf(nodes.region);
});
afterEach(() => nodes.close());

const log = { info() {}, warn() {}, error() {} };
const deskOf = ({ store, setup }: TestNode, fourEyes = false): IdentityPortal =>
  createIdentityDesk({ store, clock: nodes.clock, log }, { ...setup, index: { ...setup.index, fourEyes } });

const user = (id: string, ...roles: string[]): Subject => ({
  kind: 'user',
  id,
  name: id,
  roles,
  mustChangeSecret: false,
  sessionEndsAt: '2026-11-23T20:00:00Z',
  sessionKey: id,
});
const dora = user('dora', 'doctor');
const otto = user('otto', 'privacy-officer');

const anna = {
  name: [{ family: 'Lindqvist', given: ['Anna'] }],
  gender: 'female' as const,
  birthDate: '1956-03-14',
  address: [{ line: ['12 Mill Road'], city: 'Fairhaven', postalCode: '02719' }],
};
/** As likely her twin as she herself. */
const clara = { ...anna, name: [{ family: 'Lindqvist', given: ['Clara'] }] };
const bruno = {
  name: [{ family: 'Okafor', given: ['Bruno'] }],
  gender: 'male' as const,
  birthDate: '1971-08-02',
  address: [{ line: ['7 Harbour View'], city: 'New Bedford', postalCode: '02740' }],
};

const fault = async (run: Promise<unknown>) => {
  try {
    await run;
  } catch (cause) {
    if (cause instanceof MixError) return [cause.fault.code, cause.fault.place];
    throw cause;
  }
  return 'nothing thrown';
};
const personOf = async (node: TestNode, system: string, value: string): Promise<Person> => {
  const id = (await node.store.personsByIdentifier([{ system, value }])).get(`${system}|${value}`);
  return (await node.store.person(id!))!;
};
const mixOf = (person: Person): string | undefined =>
  person.identifiers.find(({ system }) => system === SYSTEM.mix)?.value;
const countOf = async (node: TestNode) => (await node.store.persons({ limit: 500 })).count;
const feed = (system: string, value: string, facts: object) =>
  nodes.region.serve.feedPatient(
    nodes.region.subjectOf(system === SYSTEM.a ? 'a' : 'b'),
    `${system}|${value}`,
    { resourceType: 'Patient', identifier: [{ system, value }], ...facts } as Patient,
    uuidv7(),
  );
const documentsOf = async (from: 'a' | 'b', number: string): Promise<number> => {
  const answer = await peerTo(nodes.region, from).ask({
    method: 'GET',
    path: `DocumentReference?patient.identifier=${encodeURIComponent(`${SYSTEM[from]}|${number}`)}&status=current`,
  });
  return (JSON.parse(answer.body.toString()) as { total?: number; entry?: unknown[] }).entry?.length ?? 0;
};
/** Two who may be one: nothing is linked, somebody is asked. */
async function doubt(): Promise<MatchView> {
  await register(nodes.a, 'A-1', anna);
  await nodes.settle();
  nodes.clock.pass(1_000);
  await register(nodes.b, 'B-1', clara);
  await nodes.settle();
  const { rows } = await desk.matches(dora, {});
  expect(rows).toHaveLength(1);
  return desk.match(dora, rows[0]!.id);
}

describe('a possible match', () => {
  test('waits with both sides, what differs, and what each field says', async () => {
    const view = await doubt();
    expect(view.row).toMatchObject({ kind: 'possible', state: 'open', from: 'b' });
    expect(view.row.sides.map(({ name, node, number }) => [name, node, number.value]).toSorted()).toEqual([
      ['Lindqvist, Anna', 'a', 'A-1'],
      ['Lindqvist, Clara', 'b', 'B-1'],
    ]);
    expect(view.facts.filter(({ differ }) => differ).map(({ field }) => field)).toEqual(['name']);
    const { comparison } = view;
    expect(comparison?.verdict).toBe('possible');
    const sum = comparison!.parts.reduce((bits, { weight }) => bits + weight, comparison!.prior);
    expect(sum).toBeCloseTo(comparison!.weight, 6);
    expect(comparison!.weight).toBeGreaterThanOrEqual(comparison!.thresholds.possible);
    expect(comparison!.weight).toBeLessThan(comparison!.thresholds.match);
    expect(view.may).toEqual({ decide: true, second: false, undo: false });
  });

  test('linked: one person with the older number, everybody is told; undone: as before, with the numbers of before', async () => {
    const { row } = await doubt();
    const before = [mixOf(await personOf(nodes.a, SYSTEM.a, 'A-1')), mixOf(await personOf(nodes.b, SYSTEM.b, 'B-1'))];
    expect(new Set(before).size).toBe(2);
    const linked = await desk.decideMatch(dora, row.id, { decision: 'link', reason: 'she told both names' });
    expect(linked.row.state).toBe('linked');
    expect(linked.may).toEqual({ decide: false, second: false, undo: true });
    await nodes.settle();
    expect([await countOf(nodes.region), await countOf(nodes.global)]).toEqual([1, 1]);
    const after = [mixOf(await personOf(nodes.a, SYSTEM.a, 'A-1')), mixOf(await personOf(nodes.b, SYSTEM.b, 'B-1'))];
    expect(after).toEqual([before[0], before[0]]);
    // The other number leads on.
    expect((await personOf(nodes.global, SYSTEM.mix, before[1]!)).id).toBe(
      (await personOf(nodes.global, SYSTEM.mix, before[0]!)).id,
    );
    const undone = await desk.undoMatch(otto, row.id, { reason: 'twins after all' });
    expect(undone.row.state).toBe('open');
    expect(undone.decisions.map(({ by, act }) => `${by} ${act}`)).toEqual(['dora decided', 'otto undone']);
    await nodes.settle();
    expect([await countOf(nodes.region), await countOf(nodes.global)]).toEqual([2, 2]);
    expect([mixOf(await personOf(nodes.a, SYSTEM.a, 'A-1')), mixOf(await personOf(nodes.b, SYSTEM.b, 'B-1'))]).toEqual(
      before,
    );
  });

  test('documents go with their records, and who retrieved one of the other is told to let go of it', async () => {
    const { row } = await doubt();
    const one = await personOf(nodes.a, SYSTEM.a, 'A-1');
    const two = await personOf(nodes.b, SYSTEM.b, 'B-1');
    await publish(nodes.a, one.id, 'of Anna');
    await publish(nodes.b, two.id, 'of Clara');
    await nodes.settle();
    expect([await documentsOf('a', 'A-1'), await documentsOf('b', 'B-1')]).toEqual([1, 1]);
    await desk.decideMatch(dora, row.id, { decision: 'link', reason: 'one' });
    await nodes.settle();
    expect([await documentsOf('a', 'A-1'), await documentsOf('b', 'B-1')]).toEqual([2, 2]);
    const group = await personOf(nodes.region, SYSTEM.a, 'A-1');
    const mine = (await nodes.region.store.entries(group.id)).find(
      ({ type, sourceId }) => type === 'DocumentReference' && sourceId === 'a',
    );
    const requester = { node: 'b', user: 'dr-lee', roles: ['doctor'], purpose: 'TREAT' };
    const got = await peerTo(nodes.region, 'b').ask({ method: 'GET', path: `Binary/${mine!.id}`, requester });
    expect(got.body.toString()).toBe('of Anna');
    nodes.b.asked.length = 0;
    await desk.undoMatch(dora, row.id, { reason: 'two' });
    await nodes.settle();
    expect([await documentsOf('a', 'A-1'), await documentsOf('b', 'B-1')]).toEqual([1, 1]);
    expect(nodes.b.asked).toContain('PUT DocumentReference from region');
    const again = await peerTo(nodes.region, 'b').ask({ method: 'GET', path: `Binary/${mine!.id}`, requester });
    expect(again.status).toBe(404);
  });

  test('kept apart: stays apart whatever the same facts say again, until somebody undoes it', async () => {
    const { row } = await doubt();
    await desk.decideMatch(dora, row.id, { decision: 'unlink', reason: 'twins' });
    await feed(SYSTEM.b, 'B-1', { ...clara, telecom: [{ system: 'phone', value: '508 555 0142' }] });
    expect((await desk.matches(dora, {})).rows).toEqual([]);
    expect((await desk.matches(dora, { state: 'kept-apart' })).rows.map(({ id }) => id)).toEqual([row.id]);
    // Even when she is fed under the very same name.
    await feed(SYSTEM.b, 'B-1', anna);
    expect(await countOf(nodes.region)).toBe(2);
    await desk.undoMatch(dora, row.id, { reason: 'I was wrong' });
    expect(await countOf(nodes.region)).toBe(1);
  });

  test('is withdrawn when facts change so that nothing is left to ask', async () => {
    const { row } = await doubt();
    await feed(SYSTEM.b, 'B-1', { ...bruno, gender: clara.gender });
    expect((await desk.match(dora, row.id)).row.state).toBe('withdrawn');
    expect(await fault(desk.decideMatch(dora, row.id, { decision: 'link', reason: 'x' }))).toEqual([
      'mpi.settled',
      'match',
    ]);
  });

  test('four eyes: in force when a second person says the same; refused, it is open again', async () => {
    const { row } = await doubt();
    desk = deskOf(nodes.region, true);
    const first = await desk.decideMatch(dora, row.id, { decision: 'link', reason: 'one' });
    expect([first.row.state, await countOf(nodes.region)]).toEqual(['waiting-second', 2]);
    expect([first.may.second, (await desk.match(otto, row.id)).may.second]).toEqual([false, true]);
    expect(await fault(desk.decideMatch(dora, row.id, { decision: 'link', reason: 'again' }))).toEqual([
      'mpi.four-eyes',
      'match',
    ]);
    const refused = await desk.decideMatch(otto, row.id, { decision: 'unlink', reason: 'not sure' });
    expect([refused.row.state, await countOf(nodes.region)]).toEqual(['open', 2]);
    await desk.decideMatch(dora, row.id, { decision: 'link', reason: 'she was asked' });
    const second = await desk.decideMatch(otto, row.id, { decision: 'link', reason: 'seen' });
    expect([second.row.state, await countOf(nodes.region)]).toEqual(['linked', 1]);
    expect(second.decisions.map(({ act }) => act)).toEqual(['decided', 'refused', 'decided', 'seconded']);
  });

  test('is decided by those who may, with a reason, and stands in the audit', async () => {
    const { row } = await doubt();
    const nurse = user('nora', 'nurse');
    expect((await desk.match(nurse, row.id)).may.decide).toBe(false);
    const ask = { decision: 'link' as const, reason: 'x' };
    expect(await fault(desk.decideMatch(nurse, row.id, ask))).toEqual(['policy.denied', 'identity']);
    expect(await fault(desk.matches(user('ada', 'administrator'), {}))).toEqual(['policy.denied', 'identity']);
    expect(await fault(desk.decideMatch(dora, row.id, { decision: 'link', reason: ' ' }))).toEqual([
      'mpi.reason',
      'reason',
    ]);
    expect(await countOf(nodes.region)).toBe(2);
    await desk.decideMatch(dora, row.id, { decision: 'link', reason: 'she told both names' });
    const acts = (await nodes.region.store.audit({ who: 'dora', limit: 50 })).rows;
    expect(
      acts.some(
        ({ what, reason, thing }) => what === 'identity' && thing === row.id && reason === 'she told both names',
      ),
    ).toBe(true);
    // The list names nobody to who may not search patients.
    expect((await desk.matches(otto, { state: 'all' })).rows[0]!.sides.map(({ name }) => name)).toEqual([
      undefined,
      undefined,
    ]);
  });
});

describe('what people do by themselves', () => {
  const two = async () => {
    await feed(SYSTEM.a, 'A-1', anna);
    nodes.clock.pass(1_000);
    await feed(SYSTEM.b, 'B-1', bruno);
    return [
      (await personOf(nodes.region, SYSTEM.a, 'A-1')).id,
      (await personOf(nodes.region, SYSTEM.b, 'B-1')).id,
    ] as const;
  };

  test('merge and unmerge: everything is as it was, and every state can be asked for as of its time', async () => {
    const [one, other] = await two();
    const before = await Promise.all([one, other].map((id) => nodes.region.store.person(id)));
    const times = [nodes.clock.now()];
    nodes.clock.pass(1_000);
    const merged = await desk.mergePersons(dora, { survivor: one, retired: other, reason: 'registered twice' });
    expect([merged.row.kind, merged.row.state, merged.asks]).toEqual(['request', 'linked', 'merge-persons']);
    expect(await nodes.region.store.person(other)).toMatchObject({ state: 'merged', mergedInto: one });
    times.push(nodes.clock.now());
    nodes.clock.pass(1_000);
    await desk.unmergePerson(otto, { person: other, reason: 'they are two' });
    times.push(nodes.clock.now());
    const after = await Promise.all([one, other].map((id) => nodes.region.store.person(id)));
    const facts = (person: Person | undefined) => [
      person?.state,
      person?.identifiers.map(({ value }) => value).toSorted(),
      person?.patient,
    ];
    expect(after.map(facts)).toEqual(before.map(facts));
    const at = await Promise.all(times.map((time) => desk.personAt(dora, other, new Date(time).toISOString())));
    expect(at.map(({ personId, records }) => [personId, records.map(({ number }) => number.value).toSorted()])).toEqual(
      [
        [other, ['B-1']],
        [one, ['A-1', 'B-1']],
        [other, ['B-1']],
      ],
    );
    expect(at[0]!.facts.find(({ field }) => field === 'name')?.value).toBe('Okafor, Bruno');
    expect((await desk.personAt(dora, other, new Date(times[0]! - 60_000).toISOString())).personId).toBeUndefined();
    const { rows } = await desk.identityHistory(dora, other);
    expect(rows.map(({ event, who }) => `${event} ${who}`)).toEqual(['revived otto', 'merged dora', 'created b']);
  });

  test('link what the matcher holds apart, and undo it', async () => {
    const [one, other] = await two();
    const { row } = await desk.linkPersons(dora, { one, other, reason: 'married and moved' });
    expect(await countOf(nodes.region)).toBe(1);
    await desk.undoMatch(dora, row.id, { reason: 'no' });
    expect(await countOf(nodes.region)).toBe(2);
  });

  test('a record that is linked wrongly leaves, with a number of its own', async () => {
    await feed(SYSTEM.a, 'A-1', anna);
    await feed(SYSTEM.b, 'B-1', anna);
    const [record] = (await nodes.region.store.indexRecordsByNumber([{ system: SYSTEM.b, value: 'B-1' }])).values();
    const { row } = await desk.unlinkRecord(dora, { record: record!.id, reason: 'another Anna' });
    expect(await countOf(nodes.region)).toBe(2);
    // The same facts again change nothing about it.
    await feed(SYSTEM.b, 'B-1', { ...anna, telecom: [{ system: 'phone', value: '508 555 0142' }] });
    expect(await countOf(nodes.region)).toBe(2);
    const alone = await fault(desk.unlinkRecord(dora, { record: record!.id, reason: 'again' }));
    expect(alone).toEqual(['mpi.alone', 'record']);
    await desk.undoMatch(dora, row.id, { reason: 'the same Anna' });
    expect(await countOf(nodes.region)).toBe(1);
  });

  test('four eyes: a request waits too, and what a second person refuses is withdrawn', async () => {
    const [one, other] = await two();
    desk = deskOf(nodes.region, true);
    const ask = { survivor: one, retired: other, reason: 'registered twice' };
    const waits = await desk.mergePersons(dora, ask);
    expect([waits.row.state, await countOf(nodes.region)]).toEqual(['waiting-second', 2]);
    const refused = await desk.decideMatch(otto, waits.row.id, { decision: 'unlink', reason: 'two' });
    expect(refused.row.state).toBe('withdrawn');
    const again = await desk.mergePersons(dora, ask);
    const done = await desk.decideMatch(otto, again.row.id, { decision: 'link', reason: 'seen' });
    expect([done.row.state, await countOf(nodes.region)]).toEqual(['linked', 1]);
  });

  test('bad input: each with its own fault and place, and nothing done', async () => {
    const [one, other] = await two();
    const merge = (survivor: string, retired: string) =>
      fault(desk.mergePersons(dora, { survivor, retired, reason: 'x' }));
    expect(await merge(one, uuidv7())).toEqual(['mpi.unknown-person', 'retired']);
    expect(await merge('nobody', other)).toEqual(['mpi.unknown-person', 'survivor']);
    expect(await merge(one, one)).toEqual(['mpi.same-person', 'retired']);
    expect(await fault(desk.unmergePerson(dora, { person: one, reason: 'x' }))).toEqual(['mpi.not-merged', 'person']);
    expect(await fault(desk.unlinkRecord(dora, { record: uuidv7(), reason: 'x' }))).toEqual([
      'mpi.unknown-record',
      'record',
    ]);
    await desk.mergePersons(dora, { survivor: one, retired: other, reason: 'x' });
    expect(await merge(one, other)).toEqual(['mpi.merged-already', 'retired']);
    expect(await merge(other, one)).toEqual(['mpi.merged-already', 'survivor']);
    expect(await fault(desk.match(dora, uuidv7()))).toEqual(['http.not-found', undefined]);
    expect(await fault(noIdentities.matches(dora, {}))).toEqual(['http.not-found', undefined]);
  });
});

describe('the overlay guard', () => {
  const nameOf = async () => (await personOf(nodes.region, SYSTEM.a, 'A-1')).patient.name?.[0]?.family;

  test('a feed that makes somebody else of a number is held; taken, it takes effect; undone, the old facts are back', async () => {
    await feed(SYSTEM.a, 'A-1', anna);
    nodes.clock.pass(1_000);
    const answer = await feed(SYSTEM.a, 'A-1', bruno);
    expect(answer.status).toBe(200);
    expect(await nameOf()).toBe('Lindqvist');
    const { rows } = await desk.matches(dora, { kind: 'overlay' });
    expect(rows).toHaveLength(1);
    expect(rows[0]!.sides.map(({ name }) => name)).toEqual(['Lindqvist, Anna', 'Okafor, Bruno']);
    nodes.clock.pass(1_000);
    await desk.decideMatch(dora, rows[0]!.id, { decision: 'link', reason: 'the number was given anew' });
    expect(await nameOf()).toBe('Okafor');
    nodes.clock.pass(1_000);
    await desk.undoMatch(dora, rows[0]!.id, { reason: 'it was not' });
    expect(await nameOf()).toBe('Lindqvist');
  });

  test('refused, the old facts stand, and the same feed again asks nobody', async () => {
    await feed(SYSTEM.a, 'A-1', anna);
    await feed(SYSTEM.a, 'A-1', bruno);
    const [row] = (await desk.matches(dora, {})).rows;
    await desk.decideMatch(dora, row!.id, { decision: 'unlink', reason: 'a slip at A' });
    await feed(SYSTEM.a, 'A-1', bruno);
    expect([await nameOf(), (await desk.matches(dora, {})).rows]).toEqual(['Lindqvist', []]);
    // Other facts are another question.
    await feed(SYSTEM.a, 'A-1', { ...bruno, birthDate: '1972-08-02' });
    expect((await desk.matches(dora, {})).rows).toHaveLength(1);
  });
});

test('a person from before there was an index stays who it is, with its numbers and documents', async () => {
  const { store } = nodes.region;
  const now = nodes.clock.now();
  const [id, entryId, secondId, documentId] = [uuidv7(now), uuidv7(now), uuidv7(now), uuidv7(now)];
  const told = {
    resourceType: 'Patient' as const,
    id: entryId,
    identifier: [{ system: SYSTEM.a, value: 'A-1' }],
    ...anna,
  };
  const entry = {
    personId: id,
    version: 1,
    status: '',
    code: '',
    sourceId: 'a',
    messageId: uuidv7(now),
    sourceTime: now,
    removed: false,
  };
  const person: Person = {
    id,
    version: 1,
    state: 'active',
    createdAt: now,
    updatedAt: now,
    incomplete: false,
    identifiers: [
      { system: SYSTEM.a, value: 'A-1', type: 'MR', sourceId: 'a' },
      { system: SYSTEM.b, value: 'B-9', type: 'MR', sourceId: 'b' },
      { system: SYSTEM.xpid, value: id, type: 'PI', sourceId: 'region' },
    ],
    patient: { ...told, id },
  };
  await store.commit({
    persons: [{ person, expect: 0, terms: [] }],
    entries: [
      { entry: { ...entry, id: entryId, type: 'Patient', key: `Patient|${SYSTEM.a}|A-1`, body: told }, expect: 0 },
      {
        entry: {
          ...entry,
          id: secondId,
          sourceId: 'b',
          type: 'Patient',
          key: `Patient|${SYSTEM.b}|B-9`,
          body: { ...told, id: secondId, identifier: [{ system: SYSTEM.b, value: 'B-9' }] },
        },
        expect: 0,
      },
      {
        entry: {
          ...entry,
          id: documentId,
          type: 'DocumentReference',
          key: 'DocumentReference|x',
          status: 'current',
          body: { resourceType: 'DocumentReference', id: documentId, status: 'current', content: [] },
        },
        expect: 0,
      },
    ],
  });
  nodes.clock.pass(1_000);
  await feed(SYSTEM.b, 'B-1', anna);
  // Not known to the matcher yet.
  expect(await countOf(nodes.region)).toBe(2);
  await feed(SYSTEM.a, 'A-1', { ...anna, telecom: [{ system: 'phone', value: '508 555 0142' }] });
  expect(await countOf(nodes.region)).toBe(1);
  const after = await personOf(nodes.region, SYSTEM.b, 'B-1');
  expect(after.id).toBe(id);
  expect((await store.entries(id)).map((one) => one.id).includes(documentId)).toBe(true);
  // The other patient of that person is the same person still, and can be fed again.
  expect((await personOf(nodes.region, SYSTEM.b, 'B-9')).id).toBe(id);
  await feed(SYSTEM.b, 'B-9', { ...anna, telecom: [{ system: 'phone', value: '508 555 0199' }] });
  expect([(await personOf(nodes.region, SYSTEM.b, 'B-9')).id, await countOf(nodes.region)]).toEqual([id, 1]);
});

describe('a storm', () => {
  test('is limited and told; the index goes on for everybody else', async () => {
    nodes.region.setup.index = { recordsMax: 8 };
    for (let i = 0; i < 40; i++) await feed(SYSTEM.a, `S-${i}`, anna);
    const group = await personOf(nodes.region, SYSTEM.a, 'S-0');
    expect(group.identifiers.filter(({ system }) => system === SYSTEM.a).length).toBeLessThanOrEqual(8);
    const { rows } = await desk.matches(dora, { kind: 'storm' });
    expect(rows).toHaveLength(1);
    expect(rows[0]).toMatchObject({ kind: 'storm', from: 'a' });
    expect((await desk.matches(dora, {})).count).toBe(1);
    await feed(SYSTEM.a, 'A-9', bruno);
    await feed(SYSTEM.b, 'B-9', bruno);
    expect((await personOf(nodes.region, SYSTEM.a, 'A-9')).id).toBe((await personOf(nodes.region, SYSTEM.b, 'B-9')).id);
  });
});

describe('what sources say about their own', () => {
  const door = () =>
    createIndexDoor(
      {
        store: nodes.region.store,
        clock: nodes.clock,
        log,
        permit: async (_from, _action, _thing, _reason, together) => {
          await nodes.region.store.commit(together ?? {});
          return { decision: 'Permit', because: '', obligations: [], advice: [] } as never;
        },
      },
      nodes.region.setup,
    );
  const [one, other] = [`${SYSTEM.a}|A-1`, `${SYSTEM.a}|A-2`];

  test('link, unlink and a merge that is taken back', async () => {
    await feed(SYSTEM.a, 'A-1', anna);
    nodes.clock.pass(1_000);
    await feed(SYSTEM.a, 'A-2', bruno);
    const a = nodes.region.subjectOf('a');
    await door().linkLocals(a, one, other);
    expect(await countOf(nodes.region)).toBe(1);
    await door().unlinkLocals(a, one, other);
    expect(await countOf(nodes.region)).toBe(2);
    await feed(SYSTEM.a, 'A-2', {
      ...bruno,
      active: false,
      link: [{ type: 'replaced-by', other: { identifier: { system: SYSTEM.a, value: 'A-1' } } }],
    });
    expect(await countOf(nodes.region)).toBe(1);
    await door().unlinkLocals(a, one, other);
    expect(await countOf(nodes.region)).toBe(2);
    expect((await personOf(nodes.region, SYSTEM.a, 'A-2')).patient.name?.[0]?.family).toBe('Okafor');
  });

  test('withdraw: out of every answer and linking nobody, until it is fed again', async () => {
    await feed(SYSTEM.a, 'A-1', anna);
    await door().retireLocal(nodes.region.subjectOf('a'), one);
    await feed(SYSTEM.b, 'B-1', anna);
    expect(await countOf(nodes.region)).toBe(2);
    nodes.clock.pass(1_000);
    await feed(SYSTEM.a, 'A-1', anna);
    expect(await countOf(nodes.region)).toBe(1);
  });

  test('persons like a patient, the likeliest first, of those whom the asker may learn of', async () => {
    await feed(SYSTEM.a, 'A-1', anna);
    await feed(SYSTEM.a, 'A-2', clara);
    await feed(SYSTEM.b, 'B-7', bruno);
    const like = async (name: string, facts: object) =>
      (
        await door().matchPatient(nodes.region.subjectOf(name), { resourceType: 'Patient', ...facts } as Patient, 10)
      ).map(({ person, verdict }) => `${person.patient.name?.[0]?.given?.[0]} ${verdict}`);
    expect(await like('a', anna)).toEqual(['Anna match', 'Clara possible']);
    expect(await like('a', bruno)).toEqual([]);
    expect(await like('b', bruno)).toEqual(['Bruno match']);
  });

  test('bad input: each with its own fault and place', async () => {
    await feed(SYSTEM.a, 'A-1', anna);
    const a = nodes.region.subjectOf('a');
    expect(await fault(door().linkLocals(a, one, other))).toEqual(['mpi.unknown-record', 'other']);
    expect(await fault(door().unlinkLocals(a, `${SYSTEM.b}|B-1`, one))).toEqual([
      'exchange.unknown-domain',
      'identifier',
    ]);
    expect(await fault(door().linkLocals(a, one, one))).toEqual(['mpi.same-person', 'other']);
    expect(await fault(door().retireLocal(a, 'A-1'))).toEqual(['exchange.query', 'identifier']);
  });
});
