import { describe, expect, it } from 'vitest';
import {
  componentOf,
  parseMessage,
  placeOf,
  readPath,
  segmentOf,
  setValue,
  valueAt,
  withSegments,
  writeMessage,
} from '../../../engine/hl7v2/index.ts';
import { rawAt } from '../../support/raw-at.ts';

const header = 'MSH|^~\\&|LAB|MAIN|EHR|REF|20260101120000||ORU^R01^ORU_R01|77|P|2.5.1';

function parsed(...segments: string[]) {
  return parseMessage([header, ...segments].map((segment) => `${segment}\r`).join('')).message!;
}

describe('parseMessage', () => {
  it.each([
    ['CR', '\r'],
    ['LF', '\n'],
    ['CRLF', '\r\n'],
    ['blank lines', '\r\r\n  \r'],
  ])('splits segments that end in %s and writes them back', (_, ending) => {
    const text = `${header}${ending}PID|1||5${ending}PV1|1|I${ending}`;
    const { message, faults } = parseMessage(text);
    expect(faults).toEqual([]);
    expect(message!.segments.map((segment) => segment.name)).toEqual(['MSH', 'PID', 'PV1']);
    expect(message!.segments.map((segment) => segment.ending)).toEqual([ending, ending, ending]);
    expect(writeMessage(message!)).toBe(text);
  });

  it('splits mixed endings and a message without a last one', () => {
    const text = `${header}\nPID|1||5\r\nPV1|1|I\rOBX|1|NM`;
    const { message } = parseMessage(text);
    expect(message!.segments.map((segment) => segment.fields.length)).toEqual([13, 4, 3, 3]);
    expect(writeMessage(message!)).toBe(text);
  });

  it.each([
    ['a byte order mark', '\ufeff'],
    ['a vertical tab', '\u000b'],
    ['blank lines', '\r\n \n'],
  ])('keeps %s before MSH as the lead', (_, lead) => {
    const { message } = parseMessage(`${lead}${header}\r`);
    expect(message!.lead).toBe(lead);
    expect(writeMessage(message!)).toBe(`${lead}${header}\r`);
  });

  it('counts MSH-1 as a field, so positions are those of the standard', () => {
    const msh = parsed().segments[0]!;
    expect([1, 2, 3, 9, 12].map((n) => msh.fields[n])).toEqual(['|', '^~\\&', 'LAB', 'ORU^R01^ORU_R01', '2.5.1']);
  });

  it.each([
    ['ADT', 'ADT', ''],
    ['ADT^A01', 'ADT', 'A01'],
    ['ADT^A01^ADT_A01', 'ADT', 'A01'],
    ['RDE', 'RDE', ''],
    ['ACK', 'ACK', ''],
    ['', '', ''],
  ])('reads the type %j', (type, code, trigger) => {
    const { message } = parseMessage(`MSH|^~\\&|A|B|C|D|||${type}|1|P|2.3\rPID|1\r`);
    expect([message!.code, message!.trigger]).toEqual([code, trigger]);
  });

  it('takes the event from EVN-1 where MSH-9 names none, as 2.1 wrote it', () => {
    expect(parseMessage('MSH|^~\\&|A|B|C|D|||ADT|1|P|2.1\rEVN|A04\r').message!.trigger).toBe('A04');
  });

  it('reads other delimiters', () => {
    const { message } = parseMessage('MSH#*!?@#A#B#C#D###ADT*A01#1#P#2.4\rPID#1##5*6*7*X@1.2@ISO!8\r');
    expect(message!.trigger).toBe('A01');
    expect(valueAt(message!, 'PID-3.4.2')).toBe('1.2');
    expect(valueAt(message!, 'PID-3[2].1')).toBe('8');
  });

  it.each([
    ['', 'hl7v2.no-header'],
    ['PID|1\r', 'hl7v2.no-header'],
    ['hello', 'hl7v2.no-header'],
    ['MSH', 'hl7v2.encoding-characters'],
    ['MSH|', 'hl7v2.encoding-characters'],
    ['MSH|^^\\&|A', 'hl7v2.encoding-characters'],
    ['MSH||||', 'hl7v2.encoding-characters'],
    ['MSHAabcd', 'hl7v2.encoding-characters'],
    ['MSH|^~\\&abcdefgh|A', 'hl7v2.encoding-characters'],
  ])('refuses %j with %s and a place', (text, code) => {
    const { message, faults } = parseMessage(text);
    expect(message).toBeUndefined();
    expect(faults[0]!.code).toBe(code);
    expect(faults[0]!.place).toMatch(/^MSH/);
  });

  it('goes on with fewer encoding characters, and tells it', () => {
    const { message, faults } = parseMessage('MSH|^~|A\rPID|1||5^6&7\\F\\\r');
    expect(faults).toEqual([{ code: 'hl7v2.few-encoding-characters', place: 'MSH-2' }]);
    expect(valueAt(message!, 'PID-3.2')).toBe('6&7\\F\\');
  });

  it('keeps a line without a segment name and tells it', () => {
    const { message, faults } = parseMessage(`${header}\rPID|1||5\rcontinued|x\r`);
    expect(faults).toEqual([{ code: 'hl7v2.segment-name', place: 'segment 3' }]);
    expect(message!.segments[2]!.fields).toEqual(['continued', 'x']);
  });

  it('leaves an end of frame out of the last field', () => {
    const text = `${header}\rPID|1||5\u001c\r`;
    const { message } = parseMessage(text);
    expect(message!.segments[1]!.fields[3]).toBe('5');
    expect(writeMessage(message!)).toBe(text);
  });
});

describe('reading by path', () => {
  const message = parsed(
    'PID|1||11^^^HOSP&1.2.3&ISO^MR~22^^^SSA^SS||Doe^""^Q||""|F',
    'OBX|1|NM|A',
    'OBX|2|ST|B||x\\F\\y~z',
  );

  it.each([
    ['PID-3', '11'],
    ['PID-3.1', '11'],
    ['PID-3.4', 'HOSP'],
    ['PID-3.4.2', '1.2.3'],
    ['PID-3[2].5', 'SS'],
    ['PID-3[3].1', undefined],
    ['PID-5.2', null],
    ['PID-7', null],
    ['PID-7.1', null],
    ['PID-4', undefined],
    ['PID-40', undefined],
    ['OBX[2]-5', 'x|y'],
    ['OBX[2]-5[2]', 'z'],
    ['OBX[3]-5', undefined],
    ['ZZZ-1', undefined],
    ['MSH-1', '|'],
    ['MSH-2', '^~\\&'],
    ['MSH-9.3', 'ORU_R01'],
    ['not a path', undefined],
  ])('%s is %j', (path, value) => expect(valueAt(message, path)).toBe(value));

  it('gives the raw text at the depth that the path names', () => {
    expect(rawAt(message, 'PID-3')).toBe('11^^^HOSP&1.2.3&ISO^MR~22^^^SSA^SS');
    expect(rawAt(message, 'PID-3[2]')).toBe('22^^^SSA^SS');
    expect(rawAt(message, 'PID-3.4')).toBe('HOSP&1.2.3&ISO');
    expect(rawAt(message, 'OBX[2]-5[1]')).toBe('x\\F\\y');
    expect(rawAt(message, 'PID-7')).toBe('""');
  });

  it('counts segments of one name', () => {
    expect(segmentOf(message, 'OBX', 2)!.index).toBe(3);
    expect(placeOf(message, segmentOf(message, 'OBX', 2)!)).toBe('OBX[2]');
    expect(placeOf(message, segmentOf(message, 'PID')!)).toBe('PID');
  });

  it('gives nothing for positions outside', () => {
    expect(componentOf('a^b', 0, message.delimiters)).toBe('');
    expect(componentOf('a^b', 3, message.delimiters)).toBe('');
  });

  it.each(['PID-3[2].4.2', 'OBX[3]-5', 'PID'])('reads the path %s', (text) =>
    expect(readPath(text)?.segment).toBe(text.slice(0, 3)),
  );
  it.each(['pid-3', 'PID-', 'PID-3.', 'PID3', '', '__proto__'])('does not read %j', (text) =>
    expect(readPath(text)).toBeUndefined(),
  );
});

describe('changing a message', () => {
  it('sets escaped values at any depth, leaves the old message alone and fills up positions', () => {
    const before = parsed('PID|1');
    const after = setValue(setValue(setValue(before, 'PID-3[2].4.2', '1.2'), 'PID-5.1', 'O|B^C'), 'PID-7', null);
    expect(after.segments[1]!.fields).toEqual(['PID', '1', '', '~^^^&1.2', '', 'O\\F\\B\\S\\C', '', '""']);
    expect(valueAt(after, 'PID-5.1')).toBe('O|B^C');
    expect(before.segments[1]!.fields).toEqual(['PID', '1']);
  });

  it('counts offsets, indexes, type and version anew', () => {
    const typed = setValue(setValue(parsed('PID|1'), 'MSH-9.1', 'ADT'), 'MSH-9.2', 'A08');
    const [msh, pid] = typed.segments;
    const after = withSegments(typed, [msh!, { fields: ['EVN', 'A08'], ending: msh!.ending }, pid!]);
    const text = writeMessage(after);
    expect([after.code, after.trigger]).toEqual(['ADT', 'A08']);
    expect(after.segments.map((segment) => segment.index)).toEqual([0, 1, 2]);
    for (const segment of after.segments) expect(text.startsWith(segment.name, segment.offset)).toBe(true);
    expect(parseMessage(text).message).toEqual(after);
  });

  it('refuses a segment that is not there and a text that is no path', () => {
    expect(() => setValue(parsed(), 'PID-3', 'x')).toThrow(/segment/);
    expect(() => setValue(parsed(), 'MSH', 'x')).toThrow(/no path/);
    expect(() => setValue(parsed(), 'MSH-9999', 'x')).toThrow(/no path/);
  });
});
