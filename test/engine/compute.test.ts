/** Batches go through the compute thread, single messages do not: the record must be the same. */
import type { Resource } from '@medplum/fhirtypes';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { ExchangeSetup } from '../../engine/index.ts';
import type { Outlet } from '../../schemas/parts.ts';
import { type Hospital, msh, openHospital } from '../support/hospital.ts';
import { makeReceiver } from '../support/receiver.ts';

/** Enhanced mode: understood when its job runs, not at acceptance. */
const ask = { accept: 'AL', application: 'NE' };
const pid = (number: string, name = 'Orchard^Winifred') =>
  `PID|1||${number}^^^^MR||${name}||19610203|F|||1 Elm Row^^Springdale^AL^36000`;

function traffic(): string[][] {
  const messages: string[][] = [];
  for (let i = 0; i < 30; i += 1) {
    const number = `${100 + (i % 12)}`;
    messages.push([
      msh(i % 2 ? 'ADT^A08^ADT_A01' : 'ADT^A01^ADT_A01', ask),
      'EVN|A01|20260401100000',
      pid(number, `Orchard^W${i % 12}`),
      `PV1|1|I|W${i}^2^3||||1234^Doe^Jane|||||||||||V${number}^^^^VN`,
      'AL1|1|DA|7980^Penicillin^RXNORM|MO|Hives',
    ]);
    messages.push([
      msh('ORU^R01^ORU_R01', ask),
      pid(number, `Orchard^W${i % 12}`),
      `OBR|1||F${i % 7}|58410-2^CBC^LN|||20260401110000`,
      `OBX|1|NM|718-7^Hemoglobin^LN||${10 + i}|g/dL|12-16|N|||F|||20260401110000`,
    ]);
  }
  messages.push([msh('SIU^S12^SIU_S12', ask), 'SCH|1', pid('100')]);
  messages.push([msh('ADT^A04^ADT_A01', { ...ask, processing: 'T' }), 'EVN|A04|20260401', pid('900')]);
  messages.push([msh('ADT^A04^ADT_A01', ask), 'EVN|A04|20260401', 'PID|1||||Orchard^Nobody||1961']);
  messages.push([msh('ADT^A40^ADT_A39', ask), 'EVN|A40|20260402', pid('101', 'Orchard^W1'), 'MRG|102^^^^MR']);
  return messages;
}

/** What was merged carries the id of its person in its key. */
const nameOf = (key: string): string => key.replace(/merged\|.*/, 'merged');

/** What the record says, without ids and times of this run. */
async function recordOf(hospital: Hospital): Promise<unknown> {
  const persons: unknown[] = [];
  for (const number of ['100', '101', '102', '103', '104', '900']) {
    const person = await hospital.personOf(number);
    if (!person) {
      persons.push(undefined);
      continue;
    }
    const entries = await hospital.store.entries(person.id, { removed: true });
    const names = new Map(entries.map((entry) => [entry.id, nameOf(entry.key)]));
    names.set(person.id, 'person');
    const plain = (value: Resource): unknown =>
      JSON.parse([...names].reduce((text, [id, key]) => text.replaceAll(id, key), JSON.stringify(value)));
    persons.push({
      version: person.version,
      identifiers: person.identifiers.map(({ value }) => value).sort(),
      patient: plain(person.patient),
      entries: entries
        .map(({ key, version, status, code, sourceTime, removed, from, body }) => ({
          ...{ key: nameOf(key), version, status, code, sourceTime, removed, from },
          body: plain(body),
        }))
        .sort((a, b) => (a.key < b.key ? -1 : 1)),
    });
  }
  const states = (await hospital.store.messages({ limit: 100 })).rows
    .map(({ state, type }) => `${type} ${state}`)
    .sort();
  return { persons, states };
}

/** A hospital below a region, with a route for what is told of inpatients. */
async function openBelow(): Promise<Hospital> {
  const lab: Outlet = { id: 'lab', send: async () => ({ receipt: 'AA' }), close: async () => {} };
  const exchange: ExchangeSetup = {
    node: { name: 'test', role: 'hospital', version: '0' },
    organization: { oid: '2.16.840.1.113883.19.9', name: 'Test Hospital' },
    oid: '2.16.840.1.113883.19.8',
    documents: 'here',
    documentBytesMax: 1_000_000,
    nodes: [{ name: 'region', role: 'region', organization: '2.16.840.1.113883.19.7', authorities: '-' }],
    base: 'https://127.0.0.1:1/fhir/R4',
    feed: { quietMs: 0, latestMs: 0 },
    document: { quietMs: 0, latestMs: 0 },
  };
  const answer = Buffer.from(
    JSON.stringify({ resourceType: 'Patient', identifier: [{ system: 'urn:oid:2.999', value: '1' }] }),
  );
  const region = makeReceiver();
  region.answer = answer;
  return openHospital(undefined, {
    parts: { peers: new Map([['region', region.peer]]), outlets: new Map([['lab', lab]]) },
    options: { exchange, tables: { outlets: [], routes: [{ outlet: 'lab', patientClass: 'I' }] } },
  });
}

/** What was sent onward: the messages by type, and the persons that were fed, by number. */
async function sentBy(hospital: Hospital): Promise<{ messages: string[]; persons: string[]; states: string[] }> {
  const { rows } = await hospital.store.deliveries({ limit: 500 });
  const messages = await hospital.store.messagesOf(
    rows.filter((one) => one.kind === 'message').map((one) => one.thing),
  );
  const persons = await hospital.store.personsOf(rows.filter((one) => one.kind === 'feed').map((one) => one.thing));
  const numbers = [...persons.values()].map((one) => one.patient.identifier?.[0]?.value ?? '');
  return {
    messages: messages.map((one) => one.type).sort(),
    persons: [...new Set(numbers)].sort(),
    states: [...new Set(rows.map((one) => `${one.kind} ${one.state}`))].sort(),
  };
}

let here: Hospital;
let handed: Hospital;
beforeEach(async () => {
  here = await openBelow();
  handed = await openBelow();
});
afterEach(async () => {
  await here.close();
  await handed.close();
});

describe('compute thread', () => {
  it('makes the same record of a batch as is made of its messages one by one', async () => {
    const messages = traffic();
    for (const message of messages) {
      await here.send(message);
      await here.settled();
    }
    let threads = 0;
    const count = (): void => {
      threads += 1;
    };
    process.on('worker', count);
    await handed.engine.stop();
    for (const message of messages) await handed.send(message);
    handed.engine.start();
    await handed.settled();
    process.off('worker', count);
    expect(threads).toBe(1);
    expect(await recordOf(handed)).toEqual(await recordOf(here));
    const sent = await sentBy(handed);
    expect(sent).toEqual(await sentBy(here));
    expect(sent.messages).toHaveLength(30);
    expect(sent.persons).toHaveLength(12);
    expect(sent.states).toEqual(['feed sent', 'message sent']);
  }, 60_000);
});
