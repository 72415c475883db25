/** The answer to a batch is a batch (HL7 v2.8.2 chapter 2.10.3). */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { buildBatchAck, splitBatch } from '../../../engine/hl7v2/index.ts';

const now = Date.UTC(2026, 3, 1, 12);
const message = (id: string) => `MSH|^~\\&|A|B|C|D|||ADT^A01|${id}|P|2.5\rPID|1||5\r`;
const ackOf = (id: string) => Buffer.from(`MSH|^~\\&|C|D|A|B|||ACK|X${id}|P|2.5\rMSA|AA|${id}\r`);

function answer(file: string, acks: (Buffer | null)[]): string[] {
  let made = 0;
  const batch = splitBatch(Buffer.from(file, 'latin1'));
  const bytes = buildBatchAck({ batch, acks, version: '2.5', now, newControlId: () => `N${++made}` });
  return bytes.toString('latin1').split('\r');
}

describe('buildBatchAck', () => {
  it('exchanges sender and receiver, refers to the control id, and counts', () => {
    const file = `BHS|^~\\&|LAB|WEST|MIX|EAST|20260401||nightly||B77\r${message('1')}${message('2')}BTS|2\r`;
    expect(answer(file, [ackOf('1'), ackOf('2')])).toEqual([
      'BHS|^~\\&|MIX|EAST|LAB|WEST|20260401120000+0000||||N1|B77',
      'MSH|^~\\&|C|D|A|B|||ACK|X1|P|2.5',
      'MSA|AA|1',
      'MSH|^~\\&|C|D|A|B|||ACK|X2|P|2.5',
      'MSA|AA|2',
      'BTS|2',
      '',
    ]);
  });

  it('answers a file of batches with a file of batches', () => {
    const file = `FHS|^~\\&|LAB||||||||F1\rBHS|^~\\&|LAB||||||||B1\r${message('1')}BTS|1\rBHS|^~\\&\rBTS|0\rBHS|^~\\&|LAB||||||||B3\r${message('2')}BTS|1\rFTS|3\r`;
    const lines = answer(file, [ackOf('1'), ackOf('2')]);
    expect(lines.map((line) => line.slice(0, 3))).toEqual(
      'FHS BHS MSH MSA BTS BHS BTS BHS MSH MSA BTS FTS'.split(' ').concat(''),
    );
    expect(lines.filter((line) => /^[BF]TS/.test(line))).toEqual(['BTS|1', 'BTS|0', 'BTS|1', 'FTS|3']);
    expect(lines.filter((line) => /^[BF]HS/.test(line)).map((line) => line.split('|')[11])).toEqual([
      'F1',
      'B1',
      undefined,
      'B3',
    ]);
  });

  it('counts the answers that are given, not the messages', () => {
    expect(answer(`BHS|^~\\&\r${message('1')}${message('2')}BTS|2\r`, [null, ackOf('2')])).toContain('BTS|1');
  });

  it('is a batch too for a file without batch headers, and for messages behind a trailer', () => {
    const lines = answer(`FHS|^~\\&|LAB\r${message('1')}FTS|1\r${message('2')}`, [ackOf('1'), ackOf('2')]);
    expect(lines.filter((line) => !/^MS/.test(line)).map((line) => line.slice(0, 5))).toEqual([
      'FHS|^',
      'BHS|^',
      'BTS|1',
      'BHS|^',
      'BTS|1',
      'FTS|2',
      '',
    ]);
  });

  it('tells a count that did not agree', () => {
    expect(answer(`BHS|^~\\&\r${message('1')}BTS|4\r`, [ackOf('1')])).toContain('BTS|1|BTS-1 declared 4, found 1');
  });

  it('keeps delimiters and bytes of the header, and takes out what would end the frame', () => {
    const [first, , , last] = answer(`BHS#*~\\&#K\u00f6ln*X\u001c#WEST\r${message('1')}BTS#1\r`, [ackOf('1')]);
    expect(first).toBe('BHS#*~\\&###K\u00f6ln*X#WEST#20260401120000+0000####N1');
    expect(last).toBe('BTS#1');
  });

  it('can be taken apart again, whatever came', () => {
    const line = fc.constantFrom(
      'FHS|^~\\&|A\r',
      'BHS|^~\\&|B\r',
      'BTS|1\r',
      'FTS|1\r',
      message('1'),
      'rest\r',
      'BHS|\r',
      'FHS\r',
    );
    fc.assert(
      fc.property(fc.array(line, { maxLength: 30 }), (lines) => {
        const acks = splitBatch(Buffer.from(lines.join(''))).messages.map((_, at) => ackOf(String(at)));
        const back = splitBatch(Buffer.from(answer(lines.join(''), acks).join('\r')));
        expect(back.messages.map(({ bytes }) => bytes.toString())).toEqual(acks.map(String));
        // Its own counts hold; a declared one that did not is told in a comment and not counted.
        expect(back.faults).toEqual([]);
      }),
    );
  });
});
