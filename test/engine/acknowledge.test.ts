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

describe('original mode, the same message again', () => {
  it('gets the stored bytes', async () => {
    const message = adt('O1', {});
    const first = await hospital.engine.accept(message, 'east');
    const again = await hospital.engine.accept(message, 'east');
    expect(again.ack?.equals(first.ack!)).toBe(true);
    expect(again.later).toBeUndefined();
  });
});
