/** `convert` and the node say the same of a message: what the one makes a record of, the other does not refuse. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createConverter } from '../../engine/convert.ts';
import { type Hospital, msh, openHospital } from '../support/hospital.ts';

let hospital: Hospital;
beforeAll(async () => {
  hospital = await openHospital();
});
afterAll(() => hospital.close());

const adt = (pid: string) => [msh('ADT^A04^ADT_A01'), 'EVN|A04|20260401100000', pid, 'PV1|1|O'];

describe.each([
  ['a number in PID-3', 'PID|1||71^^^^MR||Orchard^Winifred||19610203|F', true],
  ['a number in PID-2', 'PID|1|72|||Orchard^Winifred||19610203|F', true],
  ['only an account in PID-18', 'PID|1||||Orchard^Winifred||19610203|F||||||||||A73', false],
  ['only a social security number in PID-19', 'PID|1||||Orchard^Winifred||19610203|F|||||||||||900-00-0074', false],
  ['only a visit number in PID-3', 'PID|1||V75^^^^VN||Orchard^Winifred||19610203|F', false],
  ['no number', 'PID|1||||Orchard^Winifred||19610203|F', false],
  ['a birth date that is none', 'PID|1||77^^^^MR||Orchard^Winifred||unknown|F', true],
])('%s', (_, pid, taken) => {
  it(taken ? 'is taken by both' : 'is refused by both', async () => {
    const bytes = Buffer.from(adt(pid).join('\r'));
    const converter = createConverter({ to: 'ccd', vendor: 'plain', merge: false, now: () => Date.UTC(2026, 3, 1) });
    const [converted] = [...converter.convert(bytes)];
    expect({ refused: converted!.refused, documents: converted!.outputs.length }).toEqual({
      refused: !taken,
      documents: taken ? 1 : 0,
    });
    const { messageIds, ack } = await hospital.engine.accept(bytes, 'east');
    expect(/MSA\|(\w+)/.exec(ack!.toString())![1]).toBe(taken ? 'AA' : 'AE');
    await hospital.settled();
    expect((await hospital.store.message(messageIds[0]!))?.state).toBe(taken ? 'done' : 'parked');
  });
});

it('an unreadable birth date is told with its place, counted, and takes nothing from what is known', async () => {
  await hospital.send(adt('PID|1||78^^^^MR||Orchard^Winifred||19610203|F'));
  const { messageIds } = await hospital.engine.accept(
    Buffer.from(adt('PID|1||78^^^^MR||Orchard^Winifred||19619999|F').join('\r')),
    'east',
  );
  await hospital.settled();
  const message = await hospital.store.message(messageIds[0]!);
  expect(message?.faults).toContainEqual({ code: 'hl7v2.birth-date', place: 'PID-7' });
  expect((await hospital.store.outcomeOf(messageIds[0]!)).notCarried).toContain('PID-7');
  expect((await hospital.personOf('78'))?.patient.birthDate).toBe('1961-02-03');
});
