import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import {
  checkMessage,
  decodeMessage,
  identityOfScan,
  isMapped,
  normalizeMessage,
  parseMessage,
  repairText,
  scanHeader,
  splitBatch,
  toRecord,
} from '../../../engine/hl7v2/index.ts';
import type { Message } from '../../../schemas/hl7v2/message.ts';
import { chooseProfile, type VendorProfile } from '../../../schemas/vendors/profile.ts';
import { rawAt } from '../../support/raw-at.ts';

const fixtures = new URL('../../../fixtures/', import.meta.url);
const listeners = ['meditech', 'mckesson', 'cpsi', 'healthland'];
const listed = [
  'A01',
  'A02',
  'A03',
  'A04',
  'A05',
  'A08',
  'A11',
  'A13',
  'A28',
  'A31',
  'A40',
  'R01',
  'T02',
  'V04',
  'O19',
];

interface Sample {
  profile: VendorProfile;
  identity: string;
  received: Message;
  message: Message;
}

function readTraffic(listener: string): Sample[] {
  return splitBatch(readFileSync(new URL(`traffic/${listener}.hl7`, fixtures))).messages.map(({ bytes }) => {
    const scan = scanHeader(bytes, 'windows-1252');
    const profile = chooseProfile(listener, scan);
    const received = parseMessage(repairText(decodeMessage(bytes, profile.text.charset).text, profile).text).message!;
    const { message } = normalizeMessage(received, profile);
    return { profile, identity: identityOfScan(scan, profile, bytes), received, message };
  });
}

describe.each(listeners)('sample traffic of %s', (listener) => {
  const samples = readTraffic(listener);

  it('tells stories of usual length with every listed event', () => {
    expect(samples.length).toBeGreaterThanOrEqual(60);
    expect(samples.length).toBeLessThanOrEqual(120);
    const events = new Set(samples.map(({ message }) => message.trigger));
    for (const event of listed) expect(events).toContain(event);
    const codes = new Set(samples.map(({ message }) => message.code));
    expect(codes).toContain('RDE');
    expect(codes.has('ORM') || codes.has('OML')).toBe(true);
  });

  it('is mapped, but for what has no map', () => {
    for (const { message } of samples)
      expect([message.code, isMapped(message)]).toEqual([message.code, message.code !== 'DFT']);
    const blocking = samples.filter(({ message }) => isMapped(message)).flatMap(({ message }) => checkMessage(message));
    const kinds = new Set(blocking.map(({ code }) => code));
    for (const kind of kinds) expect(['hl7v2.expected-field', 'hl7v2.segment-place']).toContain(kind);
  });

  it('gives every message an identity of its own', () => {
    expect(new Set(samples.map(({ identity }) => identity)).size).toBe(samples.length);
  });

  it('files a person of this hospital under one number, whichever feed it came by', () => {
    const source = { id: listener, profile: listener, authority: '2.16.840.1.113883.19.5', facility: 'TEST' };
    const numbers = new Map<string, Set<string>>();
    for (const { message, profile } of samples.filter((one) => isMapped(one.message))) {
      const draft = toRecord(message, profile, { source, receivedAt: Date.UTC(2026, 3, 6) });
      const person = `${rawAt(message, 'PID-5.2').toUpperCase()}|${rawAt(message, 'PID-7')}|${rawAt(message, 'PID-5.4').toUpperCase()}`;
      for (const { system, value, type } of draft.subjects[0]!.identifiers)
        if (type === 'MR') numbers.set(person, (numbers.get(person) ?? new Set()).add(`${system}|${value}`));
    }
    expect(numbers.size).toBeGreaterThanOrEqual(6);
    for (const [person, found] of numbers) expect([person, found.size]).toEqual([person, 1]);
  });

  it('speaks of invented people only: 555 telephone numbers, social security numbers that begin with 9', () => {
    for (const { received } of samples) {
      const ssn = rawAt(received, 'PID-19');
      if (ssn !== '') expect(ssn).toMatch(/^9\d\d-\d\d-\d{4}$/);
      expect(rawAt(received, 'PID-13')).toMatch(/^\(555\)555-01\d\d/);
    }
  });
});

describe('the cast', () => {
  it('has twins, a father and son of one name, and people known in several hospitals', () => {
    const { people } = JSON.parse(readFileSync(new URL('patients/cast.json', fixtures), 'utf8')) as {
      people: { id: string; family: string; given: string; born: string; suffix: string }[];
    };
    expect(people.length).toBeGreaterThanOrEqual(12);
    expect(people.filter(({ family, born }) => family === 'Kilbride' && born === '20191108')).toHaveLength(2);
    expect(
      people.filter(({ family, given }) => family === 'Brandvold' && given === 'Walter').map(({ suffix }) => suffix),
    ).toEqual(['SR', 'JR']);
    const hospitals = (family: string): number =>
      listeners.filter((listener) =>
        readTraffic(listener).some(({ message }) => rawAt(message, 'PID-5.1').toUpperCase() === family.toUpperCase()),
      ).length;
    expect(hospitals('Oduya-Lindholm')).toBeGreaterThanOrEqual(3);
    expect(hospitals('Nakamori')).toBeGreaterThanOrEqual(2);
  });
});
