import type { Bundle, Parameters, Patient } from '@medplum/fhirtypes';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { makeProvideBundle, readSearchset } from '../../engine/ihe/index.ts';
import { isMixNumber } from '../../engine/mpi/index.ts';
import { uuidv7 } from '../../engine/record/index.ts';
import { registryId } from '../../engine/registry.ts';
import { MixError } from '../../schemas/errors/index.ts';
import type { Person, StoredDocument } from '../../schemas/parts.ts';
import {
  everyNode,
  OID,
  openNodes,
  peerTo,
  publish,
  register,
  revise,
  SYSTEM,
  type TestNode,
  type TestNodes,
} from '../support/nodes.ts';

let nodes: TestNodes;
beforeEach(async () => {
  nodes = await openNodes();
});
afterEach(() => nodes.close());

const anna = {
  name: [{ use: 'official' as const, family: 'Lindqvist', given: ['Anna'] }],
  gender: 'female' as const,
  birthDate: '1956-03-14',
  address: [{ line: ['12 Mill Road'], city: 'Fairhaven', postalCode: '02719' }],
};
const bruno = {
  ...anna,
  name: [{ family: 'Okafor', given: ['Bruno'] }],
  gender: 'male' as const,
  birthDate: '1971-08-02',
};

/** As unlike as eight families are. */
const FAMILIES = ['Abernathy', 'Castellano', 'Dubois', 'Fitzgerald', 'Hoang', 'Kowalski', 'Mukherjee', 'Wojcik'];

const numberOf = (person: Person | undefined, system: string): string | undefined =>
  person?.identifiers.find((one) => one.system === system)?.value;
const read = async (node: TestNode, id: string): Promise<Person> => (await node.store.person(id))!;
const groupOf = async (node: TestNode, system: string, value: string): Promise<Person | undefined> => {
  const id = (await node.store.personsByIdentifier([{ system, value }])).get(`${system}|${value}`);
  return id === undefined ? undefined : node.store.person(id);
};
const countOf = async (node: TestNode) => (await node.store.persons({ limit: 500 })).rows.length;
const fault = async (run: Promise<unknown>) => {
  try {
    await run;
  } catch (cause) {
    if (cause instanceof MixError) return [cause.fault.code, cause.fault.place];
    throw cause;
  }
  return 'nothing thrown';
};
const fedAs = (system: string, value: string, more: Partial<Patient> = {}): Patient => ({
  resourceType: 'Patient',
  identifier: [{ system, value }],
  ...anna,
  ...more,
});

describe('numbers go up and come down', () => {
  test('a person of a hospital gets an X-PID and a MIX number, and a document that carries them is due', async () => {
    const person = await register(nodes.a, 'A-1', anna);
    await nodes.settle();
    const here = await read(nodes.a, person.id);
    const mix = numberOf(here, SYSTEM.mix)!;
    expect(isMixNumber(mix)).toBe(true);
    const group = (await groupOf(nodes.region, SYSTEM.a, 'A-1'))!;
    expect(numberOf(here, SYSTEM.xpid)).toBe(group.id);
    expect(numberOf(group, SYSTEM.mix)).toBe(mix);
    const one = (await groupOf(nodes.global, SYSTEM.xpid, group.id))!;
    expect(numberOf(one, SYSTEM.mix)).toBe(mix);
    expect(here.patient.identifier?.map(({ value }) => value)).toContain(mix);
    expect((await nodes.a.store.jobs({ kind: 'document', limit: 10 })).rows.map(({ subject }) => subject)).toEqual([
      person.id,
    ]);
  });

  test('every number tells which node it came from', async () => {
    const person = await register(nodes.a, 'A-1', anna);
    await nodes.settle();
    const froms = (one: Person) =>
      Object.fromEntries(one.identifiers.map(({ system, sourceId }) => [system, sourceId]));
    expect(froms(await read(nodes.a, person.id))).toEqual({
      [SYSTEM.a]: 'adt',
      [SYSTEM.xpid]: 'region',
      [SYSTEM.mix]: 'region',
    });
    expect(froms((await groupOf(nodes.region, SYSTEM.a, 'A-1'))!)).toEqual({
      [SYSTEM.a]: 'a',
      [SYSTEM.xpid]: 'region',
      [SYSTEM.mix]: 'global',
    });
  });

  test('a hospital never hears demographics from above', async () => {
    const person = await register(nodes.a, 'A-1', anna);
    await register(nodes.b, 'B-1', { ...anna, telecom: [{ system: 'phone', value: '508 555 0142' }] });
    await nodes.settle();
    const { patient } = await read(nodes.a, person.id);
    expect(patient.telecom).toBeUndefined();
    expect(patient.name).toEqual(anna.name);
  });

  test('local numbers of a hospital stay in its region', async () => {
    await register(nodes.a, 'A-1', anna);
    await nodes.settle();
    expect(await groupOf(nodes.global, SYSTEM.a, 'A-1')).toBeUndefined();
  });
});

describe('linking', () => {
  test('the same demographics at two hospitals are one person with one number', async () => {
    const [one, two] = [await register(nodes.a, 'A-1', anna), await register(nodes.b, 'B-1', anna)];
    await nodes.settle();
    const [a, b] = [await read(nodes.a, one.id), await read(nodes.b, two.id)];
    expect(numberOf(a, SYSTEM.xpid)).toBe(numberOf(b, SYSTEM.xpid));
    expect(numberOf(a, SYSTEM.mix)).toBe(numberOf(b, SYSTEM.mix));
    expect(await countOf(nodes.region)).toBe(1);
  });

  test('twins are two', async () => {
    const clara = { ...anna, name: [{ family: 'Lindqvist', given: ['Clara'] }] };
    await register(nodes.a, 'A-1', anna);
    await register(nodes.b, 'B-1', clara);
    await nodes.settle();
    expect(await countOf(nodes.region)).toBe(2);
    expect(await countOf(nodes.global)).toBe(2);
  });

  test('two regions that register one person in one moment get one number', async () => {
    await nodes.close();
    nodes = await openNodes({ only: everyNode });
    for (let i = 0; i < 8; i++) {
      const who = {
        ...anna,
        name: [{ family: FAMILIES[i]!, given: ['Anna'] }],
        birthDate: `19${50 + 5 * i}-0${i + 1}-1${i}`,
        address: [{ line: [`${i + 3} ${FAMILIES[7 - i]} Street`], city: 'Fairhaven', postalCode: `0271${i}` }],
      };
      await Promise.all([register(nodes.a, `A-${i}`, who), register(nodes.c, `C-${i}`, who)]);
    }
    await nodes.settle();
    expect(await countOf(nodes.global)).toBe(8);
    for (let i = 0; i < 8; i++) {
      const [east, west] = [
        await groupOf(nodes.region, SYSTEM.a, `A-${i}`),
        await groupOf(nodes.west, SYSTEM.c, `C-${i}`),
      ];
      expect(numberOf(east, SYSTEM.mix)).toBe(numberOf(west, SYSTEM.mix));
      expect(numberOf(east, SYSTEM.mix)).toBeDefined();
    }
  });

  test('many feeds of one person at once make one person', async () => {
    const from = nodes.region.subjectOf('a');
    const other = nodes.region.subjectOf('b');
    const answers = await Promise.all(
      Array.from({ length: 12 }, (_, i) => {
        const [who, system] = i % 2 === 0 ? [from, SYSTEM.a] : [other, SYSTEM.b];
        return nodes.region.serve.feedPatient(who, `${system}|N-${i}`, fedAs(system, `N-${i}`), uuidv7());
      }),
    );
    expect(new Set(answers.map(({ resource }) => resource?.id)).size).toBe(1);
    expect(await countOf(nodes.region)).toBe(1);
  });

  test('a number wins over demographics, and what disagrees is written down', async () => {
    const a = nodes.region.subjectOf('a');
    await nodes.region.serve.feedPatient(a, `${SYSTEM.a}|A-1`, fedAs(SYSTEM.a, 'A-1'));
    await nodes.region.serve.feedPatient(a, `${SYSTEM.a}|A-2`, fedAs(SYSTEM.a, 'A-2', bruno));
    const b = nodes.region.subjectOf('b');
    await nodes.region.serve.feedPatient(b, `${SYSTEM.b}|B-2`, fedAs(SYSTEM.b, 'B-2', bruno));
    // Now A says that its second patient is called as its first: that may be a slip, since B tells of the second too.
    const answer = await nodes.region.serve.feedPatient(
      a,
      `${SYSTEM.a}|A-2`,
      fedAs(SYSTEM.a, 'A-2', { ...anna, identifier: [{ system: SYSTEM.a, value: 'A-2' }] }),
    );
    expect(answer.resource?.id).toBe((await groupOf(nodes.region, SYSTEM.b, 'B-2'))?.id);
    expect(await countOf(nodes.region)).toBe(2);
    const trail = await nodes.region.store.audit({ personId: answer.resource!.id!, limit: 20 });
    expect(trail.rows.some(({ reason }) => reason?.includes('record.numbers-disagree'))).toBe(true);
  });

  test('demographics that are complete at last lead to who is known already', async () => {
    const one = await register(nodes.a, 'A-1', anna);
    await nodes.settle();
    nodes.clock.pass(1_000);
    const two = await register(nodes.b, 'B-1', { name: anna.name });
    await nodes.settle();
    expect(await countOf(nodes.region)).toBe(2);
    const before = numberOf(await read(nodes.b, two.id), SYSTEM.mix);
    await revise(nodes.b, two.id, (person) => ({ ...person, patient: { ...person.patient, ...anna } }));
    await nodes.settle();
    expect(await countOf(nodes.region)).toBe(1);
    expect(await countOf(nodes.global)).toBe(1);
    const [a, b] = [await read(nodes.a, one.id), await read(nodes.b, two.id)];
    expect(numberOf(b, SYSTEM.mix)).toBe(numberOf(a, SYSTEM.mix));
    expect(numberOf(b, SYSTEM.xpid)).toBe(numberOf(a, SYSTEM.xpid));
    expect(numberOf(b, SYSTEM.mix)).not.toBe(before);
    expect(b.identifiers.filter(({ system }) => system === SYSTEM.mix)).toHaveLength(1);
  });

  test('a key that was a slip is free again once it is corrected', async () => {
    const a = nodes.region.subjectOf('a');
    const feed = (value: string, more: Partial<Patient>) =>
      nodes.region.serve.feedPatient(a, `${SYSTEM.a}|${value}`, fedAs(SYSTEM.a, value, more));
    await feed('A-1', anna);
    // Not the sex as well: a feed that changes all three is held for a person.
    await feed('A-1', { ...bruno, gender: anna.gender, meta: { lastUpdated: '2026-11-23T12:00:00Z' } });
    const second = await feed('A-2', anna);
    expect(second.status).toBe(201);
    expect(await countOf(nodes.region)).toBe(2);
  });

  test('two local records of one hospital share the numbers without naming each other', async () => {
    const [one, two] = [await register(nodes.a, 'A-1', anna), await register(nodes.a, 'A-2', anna)];
    await nodes.settle();
    const [first, second] = [await read(nodes.a, one.id), await read(nodes.a, two.id)];
    expect(numberOf(first, SYSTEM.mix)).toBe(numberOf(second, SYSTEM.mix));
    const types = [first, second].map((person) => person.identifiers.find(({ system }) => system === SYSTEM.mix)?.type);
    expect(types.toSorted()).toEqual(['PN', 'XX']);
  });
});

describe('merges', () => {
  /** As a merge message leaves them (A40): numbers at the survivor, the retired one an empty shell. */
  async function mergeAt(node: TestNode, survivorId: string, retiredId: string): Promise<void> {
    const [kept, gone] = [await read(node, survivorId), await read(node, retiredId)];
    const local = gone.identifiers.filter(({ sourceId }) => sourceId === 'adt');
    await node.store.commit({
      persons: [
        {
          person: { ...kept, version: kept.version + 1, identifiers: [...kept.identifiers, ...local] },
          expect: kept.version,
          terms: [],
        },
        {
          person: { ...gone, version: gone.version + 1, state: 'merged', mergedInto: kept.id, identifiers: [] },
          expect: gone.version,
          terms: [],
        },
      ],
      identifiersGone: gone.identifiers.map(({ system, value }) => ({ personId: gone.id, system, value })),
      jobsNew: [gone.id, kept.id].map((subject) => ({
        id: uuidv7(),
        kind: 'feed' as const,
        subject,
        keys: [`feed|${subject}`],
        dueAt: 0,
        latestAt: 0,
      })),
    });
  }

  test('two persons with two numbers: the older number stays, and everyone is told', async () => {
    const first = await register(nodes.a, 'A-1', anna);
    await nodes.settle();
    nodes.clock.pass(1_000);
    const second = await register(nodes.a, 'A-2', bruno);
    const other = await register(nodes.b, 'B-2', bruno);
    await nodes.settle();
    const older = numberOf(await read(nodes.a, first.id), SYSTEM.mix);
    expect(numberOf(await read(nodes.b, other.id), SYSTEM.mix)).not.toBe(older);
    await mergeAt(nodes.a, first.id, second.id);
    await nodes.settle();
    expect(await countOf(nodes.region)).toBe(1);
    expect(await countOf(nodes.global)).toBe(1);
    const [a, b] = [await read(nodes.a, first.id), await read(nodes.b, other.id)];
    expect([numberOf(a, SYSTEM.mix), numberOf(b, SYSTEM.mix)]).toEqual([older, older]);
    expect(numberOf(b, SYSTEM.xpid)).toBe(numberOf(a, SYSTEM.xpid));
    for (const person of [a, b])
      expect(person.identifiers.filter(({ system }) => system === SYSTEM.mix)).toHaveLength(1);
  });

  test('the retired MIX number leads to the person still and is never given again', async () => {
    const first = await register(nodes.a, 'A-1', anna);
    nodes.clock.pass(1_000);
    await nodes.settle();
    const second = await register(nodes.a, 'A-2', bruno);
    await nodes.settle();
    const retired = numberOf(await read(nodes.a, second.id), SYSTEM.mix)!;
    await mergeAt(nodes.a, first.id, second.id);
    await nodes.settle();
    const person = (await groupOf(nodes.global, SYSTEM.mix, retired))!;
    expect(numberOf(person, SYSTEM.mix)).toBe(numberOf(await read(nodes.a, first.id), SYSTEM.mix));
    expect(person.identifiers.filter(({ system }) => system === SYSTEM.mix).map(({ value }) => value)).toContain(
      retired,
    );
  });

  test('a merge of which neither number was fed changes nothing, and one of which only the old was fed keeps the new', async () => {
    const a = nodes.region.subjectOf('a');
    const merged = (value: string, into: string): Patient => ({
      ...fedAs(SYSTEM.a, value),
      active: false,
      link: [{ type: 'replaced-by', other: { identifier: { system: SYSTEM.a, value: into } } }],
    });
    const nobody = await nodes.region.serve.feedPatient(a, `${SYSTEM.a}|X-1`, merged('X-1', 'X-2'));
    expect(nobody.status).toBe(200);
    expect(await countOf(nodes.region)).toBe(0);
    await nodes.region.serve.feedPatient(a, `${SYSTEM.a}|A-1`, fedAs(SYSTEM.a, 'A-1'));
    await nodes.region.serve.feedPatient(a, `${SYSTEM.a}|A-1`, merged('A-1', 'A-2'));
    const group = await groupOf(nodes.region, SYSTEM.a, 'A-2');
    expect(group?.id).toBe((await groupOf(nodes.region, SYSTEM.a, 'A-1'))?.id);
    const feed = await nodes.region.serve.feedPatient(a, `${SYSTEM.a}|A-2`, fedAs(SYSTEM.a, 'A-2'));
    expect(feed.resource?.id).toBe(group?.id);
    expect(await countOf(nodes.region)).toBe(1);
  });

  test('a merge fed twice is one merge', async () => {
    const [one, two] = [await register(nodes.a, 'A-1', anna), await register(nodes.a, 'A-2', bruno)];
    await nodes.settle();
    await mergeAt(nodes.a, one.id, two.id);
    nodes.region.deaf = true;
    await nodes.settle();
    nodes.region.deaf = false;
    nodes.clock.pass(120_000);
    await nodes.settle();
    expect(await countOf(nodes.region)).toBe(1);
    expect((await groupOf(nodes.region, SYSTEM.a, 'A-2'))?.id).toBe((await groupOf(nodes.region, SYSTEM.a, 'A-1'))?.id);
  });
});

describe('a delivery is done once', () => {
  test('a repeat gets the first answer and has no effect', async () => {
    const a = nodes.region.subjectOf('a');
    const delivery = uuidv7();
    const feed = (patient: Patient) => nodes.region.serve.feedPatient(a, `${SYSTEM.a}|A-1`, patient, delivery);
    const first = await feed(fedAs(SYSTEM.a, 'A-1'));
    const group = (await groupOf(nodes.region, SYSTEM.a, 'A-1'))!;
    const again = await feed(fedAs(SYSTEM.a, 'A-1', bruno));
    expect(again).toEqual(first);
    expect((await read(nodes.region, group.id)).version).toBe(group.version);
  });

  test('twelve at once are one', async () => {
    const a = nodes.region.subjectOf('a');
    const delivery = uuidv7();
    const answers = await Promise.all(
      Array.from({ length: 12 }, () =>
        nodes.region.serve.feedPatient(a, `${SYSTEM.a}|A-1`, fedAs(SYSTEM.a, 'A-1'), delivery),
      ),
    );
    expect(new Set(answers.map((one) => JSON.stringify(one))).size).toBe(1);
    const group = (await groupOf(nodes.region, SYSTEM.a, 'A-1'))!;
    expect(group.version).toBe(1);
  });

  test("one node's delivery is not another's", async () => {
    const delivery = uuidv7();
    const [a, b] = [nodes.region.subjectOf('a'), nodes.region.subjectOf('b')];
    await nodes.region.serve.feedPatient(a, `${SYSTEM.a}|A-1`, fedAs(SYSTEM.a, 'A-1'), delivery);
    const other = await nodes.region.serve.feedPatient(b, `${SYSTEM.b}|B-1`, fedAs(SYSTEM.b, 'B-1', bruno), delivery);
    expect(other.status).toBe(201);
    expect(await countOf(nodes.region)).toBe(2);
  });

  test('what is said again without news makes no new version', async () => {
    const a = nodes.region.subjectOf('a');
    const patient = fedAs(SYSTEM.a, 'A-1');
    await nodes.region.serve.feedPatient(a, `${SYSTEM.a}|A-1`, patient);
    const { id, version } = (await groupOf(nodes.region, SYSTEM.a, 'A-1'))!;
    await nodes.region.serve.feedPatient(a, `${SYSTEM.a}|A-1`, patient);
    expect((await read(nodes.region, id)).version).toBe(version);
  });

  test('answers that are lost on the way lose nothing', async () => {
    nodes.region.deaf = true;
    nodes.global.deaf = true;
    const person = await register(nodes.a, 'A-1', anna);
    await nodes.settle();
    expect(numberOf(await read(nodes.a, person.id), SYSTEM.mix)).toBeUndefined();
    nodes.region.deaf = false;
    nodes.global.deaf = false;
    for (let i = 0; i < 5; i++) {
      nodes.clock.pass(120_000);
      await nodes.settle();
    }
    const mix = numberOf(await read(nodes.a, person.id), SYSTEM.mix);
    expect(mix).toBe(numberOf(await groupOf(nodes.region, SYSTEM.a, 'A-1'), SYSTEM.mix));
    expect(mix).toBeDefined();
    expect(await countOf(nodes.global)).toBe(1);
  });
});

describe('documents', () => {
  const requester = { node: 'b', user: 'dr-lee', roles: ['doctor'], purpose: 'TREAT' };
  const bytesThrough = async (id: string) =>
    peerTo(nodes.region, 'b').ask({ method: 'GET', path: `Binary/${id}`, requester });
  const documentsOf = async (number: string, from = 'b', system = SYSTEM.b) => {
    const answer = await peerTo(nodes.region, from).ask({
      method: 'GET',
      path: `DocumentReference?patient.identifier=${encodeURIComponent(`${system}|${number}`)}&status=current`,
    });
    return readSearchset(JSON.parse(answer.body.toString())).references;
  };

  test('a document of A is found and retrieved from B through the region, and both write it down', async () => {
    const person = await register(nodes.a, 'A-1', anna);
    await register(nodes.b, 'B-1', anna);
    await nodes.settle();
    const document = await publish(nodes.a, person.id, '<ClinicalDocument>of A</ClinicalDocument>');
    await nodes.settle();
    const [found] = await documentsOf('B-1');
    expect(found?.masterIdentifier?.value).toBe(`urn:uuid:${document.id}`);
    const url = found!.content[0]!.attachment.url!;
    const answer = await peerTo(nodes.region, 'b').ask({
      method: 'GET',
      path: url,
      requester,
    });
    expect(answer.status).toBe(200);
    expect(answer.body.toString()).toBe('<ClinicalDocument>of A</ClinicalDocument>');
    const trail = async (node: TestNode) =>
      (await node.store.audit({ action: 'disclose', limit: 50 })).rows.filter(({ who }) => who !== 'node');
    expect(await trail(nodes.region)).toMatchObject([
      { who: 'b', outcome: 'Permit', reason: 'for dr-lee of b, doctor, TREAT' },
    ]);
    expect(await trail(nodes.a)).toMatchObject([
      { who: 'region', thing: document.id, reason: 'for dr-lee of b, doctor, TREAT' },
    ]);
  });

  test('without a person who treats nothing is given', async () => {
    const person = await register(nodes.a, 'A-1', anna);
    await register(nodes.b, 'B-1', anna);
    await publish(nodes.a, person.id, 'x');
    await nodes.settle();
    const [found] = await documentsOf('B-1');
    const answer = await peerTo(nodes.region, 'b').ask({
      method: 'GET',
      path: found!.content[0]!.attachment.url!,
      requester: { node: 'b', user: 'm', roles: ['marketing'], purpose: 'HMARKT' },
    });
    expect(answer.status).toBe(403);
  });

  test('a hospital that never had the patient sees nothing and gets nothing', async () => {
    const person = await register(nodes.a, 'A-1', anna);
    const document = await publish(nodes.a, person.id, 'x');
    await nodes.settle();
    expect(await documentsOf('A-1', 'b', SYSTEM.a)).toEqual([]);
    const id = registryId({ system: 'urn:ietf:rfc:3986', value: `urn:uuid:${document.id}` });
    expect((await bytesThrough(id)).status).toBe(404);
  });

  test('when its home is down the asker is told, and gets it later', async () => {
    const person = await register(nodes.a, 'A-1', anna);
    await register(nodes.b, 'B-1', anna);
    await publish(nodes.a, person.id, 'x');
    await nodes.settle();
    const url = (await documentsOf('B-1'))[0]!.content[0]!.attachment.url!;
    nodes.a.down = true;
    expect(await bytesThrough(url.slice(7)).then(({ status }) => status)).toBe(504);
    nodes.a.down = false;
    expect((await bytesThrough(url.slice(7))).body.toString()).toBe('x');
  });

  test('a newer one replaces the older', async () => {
    const person = await register(nodes.a, 'A-1', anna);
    await register(nodes.b, 'B-1', anna);
    const first = await publish(nodes.a, person.id, 'one');
    await nodes.settle();
    await publish(nodes.a, person.id, 'two', first);
    await nodes.settle();
    const found = await documentsOf('B-1');
    expect(found).toHaveLength(1);
    expect((await bytesThrough(found[0]!.content[0]!.attachment.url!.slice(7))).body.toString()).toBe('two');
  });

  test('an older one that comes late is superseded when it comes', async () => {
    await register(nodes.a, 'A-1', anna);
    await nodes.settle();
    const provide = (document: StoredDocument) =>
      nodes.region.serve.provideDocuments(nodes.region.subjectOf('a'), bundleOf(document), uuidv7());
    const first = documentOf('one');
    const second = { ...documentOf('two'), replaces: first.id, version: 2, setId: first.setId };
    await provide(second);
    await provide(first);
    const group = (await groupOf(nodes.region, SYSTEM.a, 'A-1'))!;
    const entries = (await nodes.region.store.entries(group.id)).filter(({ type }) => type === 'DocumentReference');
    expect(entries.map(({ status }) => status).toSorted()).toEqual(['current', 'superseded']);
  });

  test('documents of persons who turn out to be one are found together', async () => {
    const [one, two] = [await register(nodes.a, 'A-1', anna), await register(nodes.b, 'B-1', { name: anna.name })];
    await publish(nodes.a, one.id, 'of A');
    await publish(nodes.b, two.id, 'of B');
    await nodes.settle();
    expect(await documentsOf('B-1')).toHaveLength(1);
    await revise(nodes.b, two.id, (person) => ({ ...person, patient: { ...person.patient, ...anna } }));
    await nodes.settle();
    const found = await documentsOf('B-1');
    expect(found).toHaveLength(2);
    const texts = await Promise.all(
      found.map(async (doc) => (await bytesThrough(doc.content[0]!.attachment.url!.slice(7))).body.toString()),
    );
    expect(texts.toSorted()).toEqual(['of A', 'of B']);
  });

  test('what is withdrawn is gone for everyone, and who retrieved it is told', async () => {
    const person = await register(nodes.a, 'A-1', anna);
    await register(nodes.b, 'B-1', anna);
    const document = await publish(nodes.a, person.id, 'wrong patient');
    await nodes.settle();
    const url = (await documentsOf('B-1'))[0]!.content[0]!.attachment.url!;
    expect((await bytesThrough(url.slice(7))).status).toBe(200);
    nodes.b.asked.length = 0;
    const answer = await peerTo(nodes.region, 'a').ask({
      method: 'PUT',
      path: `DocumentReference?identifier=${encodeURIComponent(`urn:ietf:rfc:3986|urn:uuid:${document.id}`)}`,
      body: { resourceType: 'DocumentReference', status: 'entered-in-error' } as never,
    });
    expect(answer.status).toBe(200);
    await nodes.settle();
    expect(await documentsOf('B-1')).toEqual([]);
    expect((await bytesThrough(url.slice(7))).status).toBe(404);
    expect(nodes.b.asked).toEqual(['PUT DocumentReference from region']);
    const noted = (await nodes.b.store.audit({ who: 'region', limit: 10 })).rows;
    expect(
      noted.some(({ reason, thing }) => reason === 'withdrawn elsewhere: entered-in-error' && thing === url.slice(7)),
    ).toBe(true);
  });

  test('the other numbers of a patient (ITI-83)', async () => {
    await register(nodes.a, 'A-1', anna);
    await register(nodes.b, 'B-1', anna);
    await nodes.settle();
    const ask = async (query: string, from = 'b') => {
      const answer = await peerTo(nodes.region, from).ask({ method: 'GET', path: `Patient/$ihe-pix?${query}` });
      const body = JSON.parse(answer.body.toString()) as Parameters;
      return {
        status: answer.status,
        values: (body.parameter ?? []).map((one) => one.valueIdentifier?.value).filter(Boolean),
      };
    };
    const group = (await groupOf(nodes.region, SYSTEM.a, 'A-1'))!;
    const source = `sourceIdentifier=${encodeURIComponent(`${SYSTEM.b}|B-1`)}`;
    const all = await ask(source);
    expect(all.values.toSorted()).toEqual([numberOf(group, SYSTEM.mix), 'A-1', group.id].toSorted());
    expect((await ask(`${source}&targetSystem=${SYSTEM.a}`)).values).toEqual(['A-1']);
    expect((await ask(`sourceIdentifier=${encodeURIComponent(`${SYSTEM.b}|B-9`)}`)).status).toBe(404);
    expect((await ask(`sourceIdentifier=${encodeURIComponent('urn:oid:9.9|1')}`)).status).toBe(400);
    expect((await ask(`${source}&targetSystem=urn:oid:9.9`)).status).toBe(403);
    await register(nodes.a, 'A-7', bruno);
    await nodes.settle();
    // B never had this patient: as if nobody were known.
    expect((await ask(`sourceIdentifier=${encodeURIComponent(`${SYSTEM.a}|A-7`)}`)).status).toBe(404);
  });

  test('a hospital finds and gives its own to its region', async () => {
    const person = await register(nodes.a, 'A-1', anna);
    await publish(nodes.a, person.id, 'mine');
    const answer = await peerTo(nodes.a, 'region').ask({
      method: 'GET',
      path: `DocumentReference?patient.identifier=${encodeURIComponent(`${SYSTEM.a}|A-1`)}`,
    });
    const { references } = readSearchset(JSON.parse(answer.body.toString()));
    expect(references).toHaveLength(1);
    expect(references[0]?.content[0]?.attachment).toMatchObject({ size: 4, contentType: 'text/xml' });
  });
});

describe('copies at the region, by setting', () => {
  test('kept there, given from there while its home is down', async () => {
    await nodes.close();
    nodes = await openNodes({ documents: 'region' });
    const person = await register(nodes.a, 'A-1', anna);
    await register(nodes.b, 'B-1', anna);
    const first = await publish(nodes.a, person.id, 'one');
    await nodes.settle();
    await publish(nodes.a, person.id, 'two', first);
    await nodes.settle();
    nodes.a.down = true;
    const group = (await groupOf(nodes.region, SYSTEM.a, 'A-1'))!;
    const kept = await nodes.region.store.documents(group.id);
    expect(kept.map(({ state }) => state).toSorted()).toEqual(['current', 'superseded']);
    const current = kept.find(({ state }) => state === 'current')!;
    const requester = { node: 'b', user: 'dr-lee', roles: ['nurse'], purpose: 'TREAT' };
    const answer = await peerTo(nodes.region, 'b').ask({ method: 'GET', path: `Binary/${current.id}`, requester });
    expect(answer.body.toString()).toBe('two');
  });
});

describe('bad input: each with its own fault and place, and nothing half filed', () => {
  afterEach(async () => {
    for (const node of [nodes.region, nodes.global]) {
      const counts = await node.store.counts();
      expect([counts.persons, counts.entries, counts.documents, counts.ready]).toEqual([0, 0, 0, 0]);
    }
  });
  const feed = (identifier: string, patient: unknown, from = 'a') =>
    fault(nodes.region.serve.feedPatient(nodes.region.subjectOf(from), identifier, patient as Patient, uuidv7()));
  const provide = (bundle: unknown, from = 'a') =>
    fault(nodes.region.serve.provideDocuments(nodes.region.subjectOf(from), bundle as Bundle, uuidv7()));

  test('a feed without identifier', async () => {
    expect(await feed(`${SYSTEM.a}|A-1`, { resourceType: 'Patient', ...anna })).toEqual([
      'exchange.no-identifier',
      'Patient.identifier',
    ]);
  });
  test('a feed of an unknown domain', async () => {
    expect(await feed('urn:oid:9.9.9|A-1', fedAs('urn:oid:9.9.9', 'A-1'))).toEqual([
      'exchange.unknown-domain',
      'identifier',
    ]);
  });
  test("a feed of another hospital's domain", async () => {
    expect(await feed(`${SYSTEM.b}|B-1`, fedAs(SYSTEM.b, 'B-1'))).toEqual(['exchange.unknown-domain', 'identifier']);
  });
  test('a feed under a visit number', async () => {
    const visit = { system: SYSTEM.a, value: 'V-1', type: { coding: [{ code: 'VN' }] } };
    expect(await feed(`${SYSTEM.a}|V-1`, { ...fedAs(SYSTEM.a, 'V-1'), identifier: [visit] })).toEqual([
      'exchange.no-identifier',
      'Patient.identifier',
    ]);
  });
  test('a merge into another domain', async () => {
    const link = [{ type: 'replaced-by', other: { identifier: { system: SYSTEM.b, value: 'B-1' } } }];
    expect(await feed(`${SYSTEM.a}|A-1`, { ...fedAs(SYSTEM.a, 'A-1'), active: false, link })).toEqual([
      'exchange.unknown-domain',
      'Patient.link',
    ]);
  });
  test('a node that is not among those that feed this one', async () => {
    expect(await feed(`${SYSTEM.westXpid}|1`, fedAs(SYSTEM.westXpid, '1'), 'west')).toEqual([
      'exchange.not-here',
      'identifier',
    ]);
    const hospital = nodes.global.subjectOf('region');
    expect(await fault(nodes.global.serve.feedPatient(hospital, `${SYSTEM.a}|A-1`, fedAs(SYSTEM.a, 'A-1')))).toEqual([
      'exchange.unknown-domain',
      'identifier',
    ]);
  });
  test('a document whose patient is not known', async () => {
    expect(await provide(bundleOf(documentOf('x')))).toEqual([
      'exchange.unknown-patient',
      'Bundle.entry[1].resource.subject',
    ]);
  });
  test('a document of a patient of another domain', async () => {
    const bundle = JSON.parse(JSON.stringify(bundleOf(documentOf('x'))).replaceAll(SYSTEM.a, SYSTEM.b)) as Bundle;
    expect(await provide(bundle)).toEqual(['exchange.unknown-domain', 'Bundle.entry[1].resource.subject']);
  });
  test('a bundle that lies about its profile', async () => {
    const bundle = bundleOf(documentOf('x'));
    const reference = bundle.entry![1]!.resource as { category?: unknown };
    delete reference.category;
    expect(await provide(bundle)).toEqual(['exchange.profile', 'Bundle.entry[1].resource.category']);
  });
  test('a wrong digest', async () => {
    const bundle = bundleOf(documentOf('x'));
    const binary = bundle.entry![2]!.resource as { data?: string };
    binary.data = Buffer.from('y').toString('base64');
    expect(await provide(bundle)).toEqual(['exchange.digest', 'Bundle.entry[1].resource.content[0].attachment.hash']);
  });
  test('a document that is too large', async () => {
    expect(await provide(bundleOf(documentOf('x'.repeat(1024 * 1024 + 1))))).toEqual([
      'exchange.document-too-large',
      'Bundle.entry[2].resource.data',
    ]);
  });
  test('roles: a hospital registers nothing, the global node keeps no documents', async () => {
    expect(await fault(nodes.a.serve.provideDocuments(nodes.a.subjectOf('region'), bundleOf(documentOf('x'))))).toEqual(
      ['exchange.not-here', undefined],
    );
    expect(await fault(nodes.global.serve.retrieveDocument(nodes.global.subjectOf('region'), uuidv7()))).toEqual([
      'exchange.not-here',
      undefined,
    ]);
    expect(await fault(nodes.a.serve.crossReference(nodes.a.subjectOf('region'), new URLSearchParams()))).toEqual([
      'exchange.not-here',
      undefined,
    ]);
  });
  test('a hospital is told numbers of somebody whom it does not know', async () => {
    const region = nodes.a.subjectOf('region');
    expect(await fault(nodes.a.serve.feedPatient(region, `${SYSTEM.a}|A-9`, fedAs(SYSTEM.a, 'A-9')))).toEqual([
      'exchange.unknown-patient',
      'identifier',
    ]);
  });
  test('what is not there can not be withdrawn', async () => {
    const a = nodes.region.subjectOf('a');
    const id = `urn:ietf:rfc:3986|urn:uuid:${uuidv7()}`;
    expect(await fault(nodes.region.serve.withdrawDocument(a, id, 'entered-in-error'))).toEqual([
      'exchange.unknown-document',
      'identifier',
    ]);
    expect(await fault(nodes.region.serve.withdrawDocument(a, id, 'current'))).toEqual([
      'exchange.malformed',
      'DocumentReference.status',
    ]);
  });
});

test("a document is nobody else's to replace or withdraw", async () => {
  const person = await register(nodes.a, 'A-1', anna);
  await register(nodes.b, 'B-1', anna);
  const document = await publish(nodes.a, person.id, 'x');
  await nodes.settle();
  const b = nodes.region.subjectOf('b');
  const id = `urn:ietf:rfc:3986|urn:uuid:${document.id}`;
  expect(await fault(nodes.region.serve.withdrawDocument(b, id, 'entered-in-error'))).toEqual([
    'exchange.not-yours',
    'identifier',
  ]);
  const theirs = JSON.parse(
    JSON.stringify(bundleOf({ ...documentOf('y'), replaces: document.id }))
      .replaceAll(SYSTEM.a, SYSTEM.b)
      .replaceAll('A-1', 'B-1'),
  ) as Bundle;
  expect(await fault(nodes.region.serve.provideDocuments(b, theirs))).toEqual([
    'exchange.not-yours',
    'Bundle.entry[1].resource.relatesTo',
  ]);
});

test('what a node says it can do fits its role', () => {
  const types = (node: TestNode) => {
    const statement = node.serve.capability() as { rest: { resource: { type: string }[] }[] };
    return statement.rest[0]?.resource.map(({ type }) => type);
  };
  expect(types(nodes.global)).toEqual(['Patient']);
  expect(types(nodes.region)).toEqual(['Patient', 'DocumentReference', 'Binary']);
});

function documentOf(text: string): StoredDocument {
  return {
    id: uuidv7(),
    personId: uuidv7(),
    setId: uuidv7(),
    version: 1,
    state: 'current',
    createdAt: Date.UTC(2026, 10, 23, 11),
    personVersion: 1,
    bytes: Buffer.from(text),
    signature: Buffer.alloc(0),
    sha256: '',
  };
}

function bundleOf(document: StoredDocument): Bundle {
  const about = {
    patient: { resourceType: 'Patient' as const, ...anna },
    number: { system: SYSTEM.a, value: 'A-1' },
    organization: { oid: OID.a, name: 'A' },
    base: 'https://a.example/fhir/R4',
    mediaType: 'text/xml',
    title: 'CCD',
    language: 'en-US',
  };
  return JSON.parse(JSON.stringify(makeProvideBundle(document, about, true))) as Bundle;
}
