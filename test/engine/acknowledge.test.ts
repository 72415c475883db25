/** Which answers a sender hears through the whole engine: original and enhanced mode, again, and after a restart. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Hospital, msh, openHospital } from '../support/hospital.ts';

let hospital: Hospital;
beforeEach(async () => {
  hospital = await openHospital();
});
afterEach(() => hospital.close());

const adt = (control: string, modes: { accept?: string; application?: string }, number = '100') =>
  Buffer.from(
    [
      msh('ADT^A04^ADT_A01', { control, ...modes }),
      'EVN|A04|20260401100000',
      `PID|1||${number}^^^^MR||Orchard^Winifred||19610203|F`,
      'PV1|1|O',
    ].join('\r'),
  );
const both = { accept: 'AL', application: 'AL' };
const codeOf = (ack: Buffer | null | undefined) => /MSA\|(\w+)\|(\w+)/.exec(ack?.toString() ?? '')?.slice(1) ?? null;

describe('enhanced mode, the same message again', () => {
  it('hears the application acknowledgment when the first is settled', async () => {
    const message = adt('E1', both);
    const first = await hospital.engine.accept(message, 'east');
    expect(codeOf(await first.later)).toEqual(['AA', 'E1']);
    const again = await hospital.engine.accept(message, 'east');
    expect(codeOf(again.ack)).toEqual(['CA', 'E1']);
    expect(codeOf(await again.later)).toEqual(['AA', 'E1']);
    expect(again.messageIds).toEqual(first.messageIds);
  });

  it('hears it when the first still waits for its work', async () => {
    // What a crash leaves: kept and answered, and nobody at work.
    await hospital.engine.stop();
    const message = adt('E2', both);
    const first = await hospital.engine.accept(message, 'east');
    const again = await hospital.engine.accept(message, 'east');
    hospital.engine.start();
    expect(codeOf(await again.later)).toEqual(['AA', 'E2']);
    expect(codeOf(await first.later)).toEqual(['AA', 'E2']);
  });

  it('hears AE with the faults of what was parked', async () => {
    const message = Buffer.from(
      [msh('ADT^A04^ADT_A01', { control: 'E3', ...both }), 'EVN|A04|20260401100000', 'PV1|1|O'].join('\r'),
    );
    await (await hospital.engine.accept(message, 'east')).later;
    const again = await hospital.engine.accept(message, 'east');
    const later = await again.later;
    expect(codeOf(later)).toEqual(['AE', 'E3']);
    expect(later?.toString()).toMatch(/\rERR\|\|PID/);
  });

  it.each([
    ['AL', 'NE', ['CA', 'E4'], null],
    ['NE', 'AL', null, ['AA', 'E4']],
    ['ER', 'ER', null, null],
    ['SU', 'SU', ['CA', 'E4'], ['AA', 'E4']],
  ])('gives MSH-15 %s and MSH-16 %s the same answers as the first time', async (accept, application, ack, later) => {
    const message = adt('E4', { accept, application });
    for (let time = 0; time < 2; time += 1) {
      const answer = await hospital.engine.accept(message, 'east');
      expect(codeOf(answer.ack)).toEqual(ack);
      expect(codeOf(await answer.later)).toEqual(later);
    }
  });
});

describe('a batch', () => {
  const batchOf = (messages: Buffer[]) =>
    Buffer.from(
      `FHS|^~\\&|EMR|EAST|||||||F1\rBHS|^~\\&|EMR|EAST|||||||B1\r${messages.map((one) => `${one}\r`).join('')}BTS|${messages.length}\rFTS|1\r`,
    );
  const outline = (answer: Buffer | null | undefined) =>
    answer
      ?.toString()
      .split('\r')
      .filter((line) => !line.startsWith('MSH'))
      .map((line) => line.replace(/^([BF]HS).*\|(\w+)$/, '$1 $2'));

  it('is answered by a batch, in order, and the same batch again by the stored answers', async () => {
    const batch = batchOf([adt('B1', {}), adt('B2', {}), adt('B1', {}), adt('B3', {}, '300')]);
    const told = ['FHS F1', 'BHS B1', 'MSA|AA|B1', 'MSA|AA|B2', 'MSA|AA|B1', 'MSA|AA|B3', 'BTS|4', 'FTS|1', ''];
    expect(outline((await hospital.engine.accept(batch, 'east')).ack)).toEqual(told);
    expect(outline((await hospital.engine.accept(batch, 'east')).ack)).toEqual(told);
    await hospital.settled();
    expect((await hospital.store.messages({ limit: 10 })).count).toBe(3);
  });

  it('hears the application acknowledgments as a batch of their own', async () => {
    const answer = await hospital.engine.accept(batchOf([adt('B4', both), adt('B5', both)]), 'east');
    expect(outline(answer.ack)).toEqual(['FHS F1', 'BHS B1', 'MSA|CA|B4', 'MSA|CA|B5', 'BTS|2', 'FTS|1', '']);
    expect(outline(await answer.later)).toEqual(['FHS F1', 'BHS B1', 'MSA|AA|B4', 'MSA|AA|B5', 'BTS|2', 'FTS|1', '']);
  });

  it('is answered by nothing where every message asks for nothing', async () => {
    const nothing = { accept: 'NE', application: 'NE' };
    const answer = await hospital.engine.accept(batchOf([adt('B6', nothing)]), 'east');
    expect(answer).toMatchObject({ ack: null });
    expect(answer.later).toBeUndefined();
  });

  it('without messages is answered by one without answers', async () => {
    expect(outline((await hospital.engine.accept(batchOf([]), 'east')).ack)).toEqual([
      'FHS F1',
      'BHS B1',
      'BTS|0',
      'FTS|1',
      '',
    ]);
  });

  it('keeps the order of hundreds of messages about one person', async () => {
    const messages = Array.from({ length: 150 }, (_, at) =>
      Buffer.from(
        [
          msh('ADT^A08^ADT_A01', { control: `H${at}` }),
          'EVN|A08|20260401100000',
          `PID|1||777^^^^MR||Orchard^Winifred||19610203|F|||||(555)555-0${String(at).padStart(3, '0')}`,
          'PV1|1|O',
        ].join('\r'),
      ),
    );
    expect(outline((await hospital.engine.accept(batchOf(messages), 'east')).ack)).toContain('BTS|150');
    await hospital.settled();
    expect((await hospital.personOf('777'))?.patient.telecom?.[0]?.value).toMatch(/0149$/);
  });
});

describe('original mode, the same message again', () => {
  it('gets the stored bytes', async () => {
    const message = adt('O1', {});
    const first = await hospital.engine.accept(message, 'east');
    const again = await hospital.engine.accept(message, 'east');
    expect(again.ack?.equals(first.ack!)).toBe(true);
    expect(again.later).toBeUndefined();
  });
});
