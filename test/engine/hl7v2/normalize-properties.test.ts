import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  identityOfScan,
  normalizeMessage,
  parseMessage,
  repairText,
  scanHeader,
  writeMessage,
} from '../../../engine/hl7v2/index.ts';
import { profileNamed, profiles } from '../../../schemas/vendors/profile.ts';

const plain = profileNamed('plain');

describe('properties', () => {
  const field = fc.oneof(
    fc.constant(''),
    fc.constant('""'),
    fc.stringMatching(/^[ A-Za-z0-9^~&\\".]{0,14}$/),
    fc.string({ maxLength: 8 }),
  );
  const segment = fc.tuple(
    fc.constantFrom(
      'PID',
      'EVN',
      'NK1',
      'MRG',
      'PV1',
      'ORC',
      'OBR',
      'OBX',
      'NTE',
      'ZEM',
      'ZF1',
      'RXE',
      'AL1',
      'GT1',
      'MSH',
    ),
    fc.array(field, { maxLength: 24 }),
  );
  const header = fc.tuple(
    fc.constantFrom('|^~\\&|', '#*@!$#', '|^~|', '|^|', '||'),
    fc.array(field, { maxLength: 14 }),
  );
  const text = fc
    .tuple(header, fc.array(segment, { maxLength: 12 }), fc.constantFrom('\r', '\n', '\r\n'))
    .map(([[start, fields], segments, ending]) => {
      const separator = start[0]!;
      return [
        `MSH${start}${fields.join(separator)}`,
        ...segments.map(([name, own]) => [name, ...own].join(separator)),
      ].join(ending);
    });

  it('never throws, whatever the message, and never changes what it was given', () => {
    fc.assert(
      fc.property(text, fc.constantFrom(...profiles()), (input, profile) => {
        const repaired = repairText(input, profile);
        const { message } = parseMessage(repaired.text);
        if (!message) return;
        const before = writeMessage(message);
        const { message: after } = normalizeMessage(message, profile);
        expect(writeMessage(message)).toBe(before);
        expect(parseMessage(writeMessage(after)).message).toBeDefined();
        identityOfScan(scanHeader(input), profile, Buffer.from(input));
      }),
      { numRuns: 500 },
    );
  });

  it('repairs never lose a character but line ends', () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 200 }), fc.constantFrom(...profiles()), (tail, profile) => {
        const input = `MSH|^~\\&|A|B|C|D|2026||ADT^A01|1|P|2.4EVN|x\r${tail}`;
        const bare = (value: string): string => value.replace(/[\r\n]/g, '');
        expect(bare(repairText(input, profile).text)).toBe(bare(input));
      }),
    );
  });

  it('changes nothing under a profile without rules', () => {
    fc.assert(
      fc.property(text, (input) => {
        expect(repairText(input, plain).text).toBe(input);
        const { message } = parseMessage(input);
        if (!message) return;
        const result = normalizeMessage(message, plain);
        expect(result.message).toBe(message);
        expect(result.notes).toEqual([]);
      }),
    );
  });
});
