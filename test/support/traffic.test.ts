import { describe, expect, it } from 'vitest';
import { checkMessage, isMapped, parseMessage, scanHeader } from '../../engine/hl7v2/index.ts';
import { rawAt } from './raw-at.ts';
import { makeTraffic, type TrafficMessage, type TrafficVendor } from './traffic.ts';

function take(count: number, ...given: Parameters<typeof makeTraffic>): TrafficMessage[] {
  const stream = makeTraffic(...given);
  return Array.from({ length: count }, () => stream.next().value);
}

describe('makeTraffic', () => {
  it('gives the same bytes for the same seed, and others for another', () => {
    const text = (seed: number): string =>
      take(50, seed)
        .map(({ bytes }) => bytes.toString())
        .join('');
    expect(text(7)).toBe(text(7));
    expect(text(7)).not.toBe(text(8));
  });

  it('keeps the shares asked for', () => {
    const messages = take(4000, 3, { newPatientShare: 0.2, oruShare: 1 / 3, mergeShare: 0.02 });
    const share = (type: string): number => messages.filter((one) => one.type === type).length / messages.length;
    expect(share('ORU^R01')).toBeGreaterThan(0.3);
    expect(share('ORU^R01')).toBeLessThan(0.37);
    expect(share('ADT^A40')).toBeGreaterThan(0.01);
    const seen = new Set(messages.map(({ mrn }) => mrn));
    expect(seen.size / messages.length).toBeGreaterThan(0.17);
    expect(seen.size / messages.length).toBeLessThan(0.23);
    expect(new Set(messages.map(({ controlId }) => controlId)).size).toBe(messages.length);
  });

  it('never speaks of a number that a merge has retired', () => {
    const retired = new Set<string>();
    for (const message of take(3000, 5, { mergeShare: 0.05 })) {
      expect(retired.has(message.mrn)).toBe(false);
      if (message.retired) retired.add(message.retired);
    }
    expect(retired.size).toBeGreaterThan(50);
  });

  it.each<TrafficVendor>(['plain', 'meditech', 'mckesson', 'cpsi', 'healthland'])(
    '%s messages can be read, mapped and are of a usual size',
    (vendor) => {
      let bytes = 0;
      for (const message of take(300, 11, { vendor, mergeShare: 0.02 })) {
        bytes += message.bytes.length;
        const scan = scanHeader(message.bytes, 'utf-8');
        expect([scan.type, scan.controlId]).toEqual([message.type, message.controlId]);
        const parsed = parseMessage(message.bytes.toString('latin1')).message!;
        expect(rawAt(parsed, 'PID-3.1')).toBe(message.mrn);
        expect(isMapped(parsed)).toBe(true);
        expect(checkMessage(parsed).filter(({ code }) => code !== 'hl7v2.expected-field')).toEqual([]);
      }
      expect(bytes / 300).toBeGreaterThan(650);
      expect(bytes / 300).toBeLessThan(1000);
    },
  );
});
