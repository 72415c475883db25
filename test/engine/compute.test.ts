/** Batches go through the compute thread, single messages do not: the record must be the same. */
import type { Resource } from '@medplum/fhirtypes';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Hospital, msh, openHospital } from '../support/hospital.ts';

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

let here: Hospital;
let handed: Hospital;
beforeEach(async () => {
  here = await openHospital();
  handed = await openHospital();
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
    const count = (): void => void (threads += 1);
    process.on('worker', count);
    await handed.engine.stop();
    for (const message of messages) await handed.send(message);
    handed.engine.start();
    await handed.settled();
    process.off('worker', count);
    expect(threads).toBe(1);
    expect(await recordOf(handed)).toEqual(await recordOf(here));
  }, 60_000);
});
