/** How a vendor profile says that a sender wants its answers. */
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import type { VendorProfile } from '../../schemas/vendors/profile.ts';
import { type Hospital, msh, openHospital } from '../support/hospital.ts';

const habits = vi.hoisted(() => ({ ack: {} as Partial<VendorProfile['ack']> }));
vi.mock('../../schemas/vendors/profile.ts', async (load) => {
  const real = await load<typeof import('../../schemas/vendors/profile.ts')>();
  return {
    ...real,
    chooseProfile: (...given: Parameters<typeof real.chooseProfile>) => {
      const profile = real.chooseProfile(...given);
      return { ...profile, ack: { ...profile.ack, ...habits.ack } };
    },
  };
});

let hospital: Hospital;
beforeAll(async () => {
  hospital = await openHospital();
});
afterAll(() => hospital.close());

const adt = (control: string) =>
  `${msh('ADT^A04^ADT_A01', { control })}\rEVN|A04|20260401100000\rPID|1||100^^^^MR||Orchard^Winifred\rPV1|1|O\r`;

it('bare answers to a batch', async () => {
  habits.ack = { batch: 'bare' };
  const batch = `BHS|^~\\&|EMR\r${adt('P1')}${adt('P2')}BTS|2\r`;
  const { ack } = await hospital.engine.accept(Buffer.from(batch), 'east');
  expect(
    ack
      ?.toString()
      .split('\r')
      .map((line) => line.slice(0, 9)),
  ).toEqual(['MSH|^~\\&|', 'MSA|AA|P1', 'MSH|^~\\&|', 'MSA|AA|P2', '']);
});

it('enhanced mode where MSH-15 and MSH-16 are empty', async () => {
  habits.ack = { mode: 'enhanced' };
  const { ack, later } = await hospital.engine.accept(Buffer.from(adt('P3')), 'east');
  expect(ack?.toString()).toContain('MSA|CA|P3');
  expect(later).toBeUndefined();
});
