import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createFinder, type Finder } from '../../engine/find.ts';
import { MixError } from '../../schemas/errors/index.ts';
import type { Person } from '../../schemas/parts.ts';
import { openNodes, peerTo, publish, register, SYSTEM, type TestNode, type TestNodes } from '../support/nodes.ts';

let nodes: TestNodes;
beforeEach(async () => {
  nodes = await openNodes();
});
afterEach(() => nodes.close());

const anna = {
  name: [{ family: 'Lindqvist', given: ['Anna'] }],
  gender: 'female' as const,
  birthDate: '1956-03-14',
  address: [{ postalCode: '02719' }],
};
const doctor = { node: 'b', user: 'dr-lee', roles: ['doctor'], purpose: 'TREAT' };
const log = { info() {}, warn() {}, error() {} };
const finderOf = (node: TestNode): Finder =>
  createFinder(
    { clock: nodes.clock, log, peer: (name) => (name === 'region' ? peerTo(nodes.region, node.name) : undefined) },
    node.setup,
  );
const fault = async (run: Promise<unknown>) => {
  try {
    await run;
  } catch (cause) {
    if (cause instanceof MixError) return cause.fault.code;
    throw cause;
  }
  return 'nothing thrown';
};

/** One person at A and B, a document at each. */
async function everywhere(): Promise<{ a: Person; b: Person }> {
  const [a, b] = [await register(nodes.a, 'A-1', anna), await register(nodes.b, 'B-1', anna)];
  await publish(nodes.a, a.id, '<ClinicalDocument>of A</ClinicalDocument>');
  await publish(nodes.b, b.id, '<ClinicalDocument>of B</ClinicalDocument>');
  await nodes.settle();
  return { a: (await nodes.a.store.person(a.id))!, b: (await nodes.b.store.person(b.id))! };
}

describe('what lies elsewhere', () => {
  test('the documents of other hospitals, and none of our own', async () => {
    const { b } = await everywhere();
    const view = await finderOf(nodes.b).findElsewhere(b, doctor);
    expect(view).toMatchObject({
      asked: 'region',
      documents: [{ home: 'a', state: 'current', mediaType: 'text/xml' }],
    });
    expect(view.documents[0]?.bytes).toBe('<ClinicalDocument>of A</ClinicalDocument>'.length);
    expect(view.fault).toBeUndefined();
  });

  test('one is retrieved, for the person who asks', async () => {
    const { b } = await everywhere();
    const finder = finderOf(nodes.b);
    const [document] = (await finder.findElsewhere(b, doctor)).documents;
    const got = await finder.retrieveElsewhere(b, document!.id, doctor);
    expect(got.bytes.toString()).toBe('<ClinicalDocument>of A</ClinicalDocument>');
    const administrator = { ...doctor, roles: ['administrator'] };
    expect(await fault(finder.retrieveElsewhere(b, document!.id, administrator))).toBe('policy.denied');
  });

  test("another patient's document is not given under this one", async () => {
    await everywhere();
    const finder = finderOf(nodes.b);
    const other = await register(nodes.b, 'B-2', { ...anna, name: [{ family: 'Okafor', given: ['Bruno'] }] });
    const theirs = await register(nodes.a, 'A-3', { ...anna, name: [{ family: 'Meyer', given: ['Clara'] }] });
    await publish(nodes.a, theirs.id, 'hers');
    await nodes.settle();
    expect((await finder.findElsewhere(other, doctor)).documents).toEqual([]);
    const group = await nodes.region.store.personsByIdentifier([{ system: SYSTEM.a, value: 'A-3' }]);
    const entries = await nodes.region.store.entries([...group.values()][0]!);
    const id = entries.find(({ type }) => type === 'DocumentReference')!.id;
    expect(await fault(finder.retrieveElsewhere(other, id, doctor))).toBe('exchange.unknown-document');
  });

  test('bytes that are not those of the metadata are not shown', async () => {
    const { b } = await everywhere();
    const finder = finderOf(nodes.b);
    const [document] = (await finder.findElsewhere(b, doctor)).documents;
    const bending = createFinder(
      {
        clock: nodes.clock,
        log,
        peer: () => ({
          ...peerTo(nodes.region, 'b'),
          async ask(request) {
            const answer = await peerTo(nodes.region, 'b').ask(request);
            return request.path.startsWith('Binary') ? { ...answer, body: Buffer.from('other') } : answer;
          },
        }),
      },
      nodes.b.setup,
    );
    expect(await fault(bending.retrieveElsewhere(b, document!.id, doctor))).toBe('exchange.digest');
  });

  test('a region that is down is told, with what to do', async () => {
    const { b } = await everywhere();
    nodes.region.down = true;
    const view = await finderOf(nodes.b).findElsewhere(b, doctor);
    expect(view.documents).toEqual([]);
    expect(view.fault).toMatchObject({ code: 'exchange.unreachable', fix: expect.any(String) });
  });

  test.each([
    [200, '<html>'],
    [200, '{"resourceType":"Patient"}'],
    [500, ''],
  ])('an answer %i %s that is none is a fault, not an empty list', async (status, body) => {
    const { b } = await everywhere();
    const odd = createFinder(
      {
        clock: nodes.clock,
        log,
        peer: () => ({
          ...peerTo(nodes.region, 'b'),
          ask: async () => ({ status, headers: {}, body: Buffer.from(body) }),
        }),
      },
      nodes.b.setup,
    );
    expect((await odd.findElsewhere(b, doctor)).fault?.code).toBe('exchange.answer');
  });

  test('the other numbers of a person', async () => {
    const { b } = await everywhere();
    const numbers = await finderOf(nodes.b).numbersOf(b, doctor);
    expect(numbers.map(({ system }) => system).toSorted()).toEqual([SYSTEM.a, SYSTEM.mix, SYSTEM.xpid].toSorted());
  });

  test('somebody whom the region does not know yet has nothing elsewhere', async () => {
    const fresh = await register(nodes.b, 'B-9', anna);
    expect((await finderOf(nodes.b).findElsewhere(fresh, doctor)).documents).toEqual([]);
    expect(await finderOf(nodes.b).numbersOf(fresh, doctor)).toEqual([]);
  });

  test('a node without one above can ask nobody', async () => {
    const { a } = await everywhere();
    const view = await createFinder(
      { clock: nodes.clock, log, peer: () => undefined },
      nodes.global.setup,
    ).findElsewhere(a, doctor);
    expect(view.fault?.code).toBe('exchange.not-here');
  });
});
