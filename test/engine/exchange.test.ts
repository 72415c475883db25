/** What messages do to the record, through the whole engine: accept, queue, process, publish, run again. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Hospital, msh, openHospital } from '../support/hospital.ts';

let hospital: Hospital;
beforeEach(async () => {
  hospital = await openHospital();
});
afterEach(() => hospital.close());

const pid = (number: string, name = 'Orchard^Winifred', more = '') =>
  `PID|1||${number}^^^^MR||${name}||19610203|F|||1 Elm Row^^Springdale^AL^36000${more}`;
const visit = (number: string) => `PV1|1|I|W1^2^3||||1234^Doe^Jane|||||||||||${number}^^^^VN`;
const obx = (value: string, status = 'F') =>
  `OBX|1|NM|718-7^Hemoglobin^LN||${value}|g/dL|12-16|N|||${status}|||20260401110000`;
const result = (number: string, value: string, status = 'F') => [
  msh('ORU^R01^ORU_R01'),
  pid(number),
  'OBR|1||F100|58410-2^CBC^LN|||20260401110000',
  obx(value, status),
];

async function entriesOf(number: string, type: string) {
  const person = await hospital.personOf(number);
  return (await hospital.store.entries(person!.id)).filter((entry) => entry.type === type);
}

describe('one message after another', () => {
  it('keeps a person, a visit and a result', async () => {
    expect(await hospital.send([msh('ADT^A01^ADT_A01'), 'EVN|A01|20260401100000', pid('100'), visit('V1')])).toBe('AA');
    expect(await hospital.send(result('100', '13.2'))).toBe('AA');
    await hospital.settled();
    const person = await hospital.personOf('100');
    expect(person?.patient.name?.[0]?.family).toBe('Orchard');
    expect(await entriesOf('100', 'Encounter')).toHaveLength(1);
    const [observation] = await entriesOf('100', 'Observation');
    expect(observation?.body).toMatchObject({ valueQuantity: { value: 13.2 } });
  });

  it('corrects and deletes a result and leaves its history', async () => {
    await hospital.send(result('100', '13.2'));
    await hospital.send(result('100', '11.9', 'C'));
    await hospital.settled();
    const [corrected] = await entriesOf('100', 'Observation');
    expect(corrected?.body).toMatchObject({ status: 'corrected', valueQuantity: { value: 11.9 } });
    await hospital.send(result('100', '11.9', 'D'));
    await hospital.settled();
    expect(await entriesOf('100', 'Observation')).toHaveLength(0);
    const versions = await hospital.store.entryHistory(corrected!.id);
    expect(
      versions.map((one) => one.body).some((body) => 'valueQuantity' in body && body.valueQuantity?.value === 13.2),
    ).toBe(true);
  });

  it('gives the same message the same answer and no second work', async () => {
    const message = [msh('ADT^A04^ADT_A01', { control: 'SAME' }), 'EVN|A04|20260401', pid('100'), visit('V1')];
    expect(await hospital.send(message)).toBe('AA');
    expect(await hospital.send(message)).toBe('AA');
    await hospital.settled();
    expect((await hospital.store.messages({ limit: 10 })).rows).toHaveLength(1);
  });

  it('flags the same identity with other bytes and processes it', async () => {
    await hospital.send([msh('ADT^A04^ADT_A01', { control: 'SAME' }), 'EVN|A04|20260401', pid('100')]);
    await hospital.send([msh('ADT^A04^ADT_A01', { control: 'SAME' }), 'EVN|A04|20260401', pid('200')]);
    await hospital.settled();
    const { rows } = await hospital.store.messages({ limit: 10 });
    expect(rows.map((row) => [row.state, row.conflict === true])).toEqual([
      ['done', true],
      ['done', false],
    ]);
  });

  it('keeps test traffic out of the record', async () => {
    expect(
      await hospital.send([msh('ADT^A01^ADT_A01', { processing: 'T' }), 'EVN|A01|20260401', pid('900'), visit('V9')]),
    ).toBe('AA');
    await hospital.settled();
    expect(await hospital.personOf('900')).toBeUndefined();
    expect((await hospital.store.messages({ limit: 1, state: 'test' })).rows).toHaveLength(1);
  });

  it('keeps, answers and counts a type without a map', async () => {
    expect(await hospital.send([msh('SIU^S12^SIU_S12'), 'SCH|1', pid('100')])).toBe('AA');
    await hospital.settled();
    const [message] = (await hospital.store.messages({ limit: 1 })).rows;
    expect(message).toMatchObject({ state: 'unmapped', faults: [{ code: 'hl7v2.unknown-type' }] });
  });
});

describe('merges', () => {
  const merge = (survivor: string, retired: string) => [
    msh('ADT^A40^ADT_A39'),
    'EVN|A40|20260402',
    pid(survivor),
    `MRG|${retired}^^^^MR`,
  ];

  it('moves the retired person\u2019s record to the survivor', async () => {
    await hospital.send([msh('ADT^A28^ADT_A05'), 'EVN|A28|20260401', pid('100')]);
    await hospital.send(result('200', '9.1'));
    await hospital.settled();
    const retired = await hospital.personOf('200');
    expect(await hospital.send(merge('100', '200'))).toBe('AA');
    await hospital.settled();
    const survivor = await hospital.personOf('200');
    expect(survivor?.id).toBe((await hospital.personOf('100'))?.id);
    expect((await hospital.store.person(retired!.id))?.state).toBe('merged');
    const [observation] = await entriesOf('100', 'Observation');
    expect(observation?.body).toMatchObject({ subject: { reference: `Patient/${survivor!.id}` } });
  });

  it('supersedes the documents of the retired person, whatever became of them before', async () => {
    const documented = await openHospital({ when: 'coalesced', quietMs: 0, latestMs: 0 });
    try {
      await documented.send([msh('ADT^A28^ADT_A05'), 'EVN|A28|20260401', pid('100')]);
      await documented.send(result('200', '9.1'));
      await documented.settled();
      const retired = await documented.personOf('200');
      expect((await documented.store.documents(retired!.id)).map(({ state }) => state)).toEqual(['current']);
      await documented.send(merge('100', '200'));
      await documented.settled();
      expect((await documented.store.documents(retired!.id)).map(({ state }) => state)).toEqual(['superseded']);
      const survivor = await documented.personOf('100');
      const states = (await documented.store.documents(survivor!.id)).map(({ state }) => state);
      expect(states.filter((state) => state === 'current')).toHaveLength(1);
    } finally {
      await documented.close();
    }
  });

  it('leads an old number that nobody had to the survivor', async () => {
    await hospital.send(merge('100', '555'));
    await hospital.settled();
    expect((await hospital.personOf('555'))?.id).toBe((await hospital.personOf('100'))?.id);
  });

  it('files what comes under the retired number with the survivor', async () => {
    await hospital.send(result('200', '9.1'));
    await hospital.send(merge('100', '200'));
    await hospital.send(result('200', '9.4'));
    await hospital.settled();
    const [observation] = await entriesOf('100', 'Observation');
    expect(observation?.body).toMatchObject({ valueQuantity: { value: 9.4 } });
  });
});

describe('persons', () => {
  it('never joins two people by a number in passing', async () => {
    await hospital.send([msh('ADT^A28^ADT_A05'), 'EVN|A28|20260401', pid('100')]);
    await hospital.send([msh('ADT^A28^ADT_A05'), 'EVN|A28|20260401', pid('200', 'Birch^Amos')]);
    await hospital.send([msh('ADT^A08^ADT_A01'), 'EVN|A08|20260401', pid('100^^^^MR~200')]);
    await hospital.settled();
    expect((await hospital.personOf('100'))?.id).not.toBe((await hospital.personOf('200'))?.id);
    const [message] = (await hospital.store.messages({ limit: 1 })).rows;
    expect(message).toMatchObject({ state: 'done' });
    expect(message?.faults).toContainEqual({ code: 'record.numbers-disagree', place: 'PID-3' });
  });

  it('lets two people of two sources have one social security number', async () => {
    const ssn = '||||||||910228844';
    await hospital.send([msh('ADT^A28^ADT_A05'), 'EVN|A28|20260401', pid('100', 'Orchard^Winifred', ssn)]);
    await hospital.send([msh('ADT^A28^ADT_A05'), 'EVN|A28|20260401', pid('7', 'Orchard^Winifred', ssn)], 'west');
    await hospital.settled();
    expect(await hospital.personOf('100')).toBeDefined();
    expect(await hospital.personOf('7', 'west')).toBeDefined();
    expect((await hospital.store.counts()).parked).toBe(0);
  });
});

describe('work that waits for a human', () => {
  const broken = () => [
    msh('ADT^A01^ADT_A01'),
    'EVN|A01|20260401',
    'PID|1||||Orchard^Winifred||19610203|F',
    visit('V1'),
  ];
  const analyst = async () => {
    const secret = await hospital.engine.admission.firstUser('ann', ['interface-analyst', 'doctor']);
    return (await hospital.engine.admission.signIn('ann', secret!)).subject;
  };

  it('answers AE, keeps the message, and runs its corrected copy', async () => {
    expect(await hospital.send(broken())).toBe('AE');
    await hospital.settled();
    const subject = await analyst();
    const [parked] = (await hospital.engine.portal.parked(subject)).rows;
    expect(parked?.fault).toMatchObject({ code: 'hl7v2.required-field', place: 'PID-3' });
    const corrected = broken().join('\r').replace('PID|1||', 'PID|1||100^^^^MR');
    await hospital.engine.portal.rerun(subject, parked!.messageId, { reason: 'number added', corrected });
    await hospital.settled();
    expect(await hospital.personOf('100')).toBeDefined();
    expect((await hospital.engine.portal.parked(subject)).rows).toHaveLength(0);
    expect((await hospital.store.message(parked!.messageId))?.state).toBe('corrected');
  });

  it('marks a record incomplete while a message about it waits, and takes the mark off', async () => {
    await hospital.send(result('100', '13.2'));
    const wrong = [msh('ADT^A08^ADT_A01').replace('|2.5.1|', '|9.9|'), 'EVN|A08|20260401', pid('100'), visit('V1')];
    expect(await hospital.send(wrong)).toBe('AE');
    await hospital.settled();
    expect((await hospital.personOf('100'))?.incomplete).toBe(true);
    const subject = await analyst();
    const [parked] = (await hospital.engine.portal.parked(subject)).rows;
    const corrected = wrong.join('\r').replace('|9.9|', '|2.5.1|');
    await hospital.engine.portal.rerun(subject, parked!.messageId, { reason: 'the version is a slip', corrected });
    await hospital.settled();
    expect((await hospital.personOf('100'))?.incomplete).toBe(false);
  });

  it('refuses to run again what is done, and a subject without the role', async () => {
    await hospital.send(result('100', '13.2'));
    await hospital.settled();
    const [message] = (await hospital.store.messages({ limit: 1 })).rows;
    const subject = await analyst();
    await expect(hospital.engine.portal.rerun(subject, message!.id, { reason: 'x' })).rejects.toMatchObject({
      fault: { code: 'record.not-rerunnable' },
    });
    const nobody = { ...subject, roles: [] };
    await expect(hospital.engine.portal.messages(nobody, {})).rejects.toMatchObject({
      fault: { code: 'policy.denied' },
    });
  });
});

describe('acknowledgments', () => {
  it('commits first and tells the application\u2019s verdict later in enhanced mode', async () => {
    const segments = [
      msh('ADT^A01^ADT_A01', { accept: 'AL', application: 'AL' }),
      'EVN|A01|20260401',
      pid('100'),
      visit('V1'),
    ];
    const answer = await hospital.engine.accept(Buffer.from(segments.join('\r')), 'east');
    expect(answer.ack?.toString()).toMatch(/MSA\|CA\|/);
    expect((await answer.later)?.toString()).toMatch(/MSA\|AA\|/);
  });

  it('answers every message of a batch', async () => {
    const one = [msh('ADT^A28^ADT_A05'), 'EVN|A28|20260401', pid('100')].join('\r');
    const two = [msh('ADT^A28^ADT_A05'), 'EVN|A28|20260401', pid('200')].join('\r');
    const batch = `BHS|^~\\&|EMR|EAST\r${one}\r${two}\rBTS|2\r`;
    const answer = await hospital.engine.accept(Buffer.from(batch), 'east');
    expect(answer.ack?.toString().match(/MSA\|AA\|/g)).toHaveLength(2);
  });
});

describe('documents', () => {
  it('makes a signed CCD, and a next version that replaces it', async () => {
    await hospital.send(result('100', '13.2'));
    await hospital.settled();
    const secret = await hospital.engine.admission.firstUser('doc', ['doctor']);
    const { subject } = await hospital.engine.admission.signIn('doc', secret!);
    const person = await hospital.personOf('100');
    const first = await hospital.engine.portal.makeDocument(subject, person!.id);
    expect(await hospital.engine.portal.makeDocument(subject, person!.id)).toEqual(first);
    await hospital.send(result('100', '12.0', 'C'));
    await hospital.settled();
    const second = await hospital.engine.portal.makeDocument(subject, person!.id);
    const view = await hospital.engine.portal.document(subject, second.id);
    expect(view).toMatchObject({ version: 2, state: 'current', signature: { holds: true } });
    expect(view.xml).toContain('<relatedDocument typeCode="RPLC">');
    expect((await hospital.engine.portal.document(subject, first.id)).state).toBe('superseded');
  });
});
