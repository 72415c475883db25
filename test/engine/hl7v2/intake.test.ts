import { describe, expect, it } from 'vitest';
import { type AckCode, ackMode, buildAck, scanHeader, splitBatch } from '../../../engine/hl7v2/index.ts';
import type { Fault } from '../../../schemas/errors/index.ts';

function wire(...segments: string[]): Buffer {
  return Buffer.from(segments.map((segment) => `${segment}\r`).join(''));
}

describe('scanHeader', () => {
  it('reads the header and every patient and order number', () => {
    const scan = scanHeader(
      wire(
        'MSH|^~\\&|LAB^1.2^ISO|MAIN|EHR|REF|202601011200||ORU^R01^ORU_R01|77|P^A|2.5.1|||AL|NE||8859/1',
        'PID|1|9|11^^^HOSP&1.2&ISO^MR~22^^^SSA||Do\\T\\e^John^Q|||||||||||||A7',
        'ORC|RE|P1^X|F1',
        'OBR|1|P1|F1|||||||||||||||ACC1',
        'OBX|1|ST|PID|||',
      ),
    );
    expect(scan).toMatchObject({
      sendingApplication: 'LAB',
      sendingFacility: 'MAIN',
      receivingApplication: 'EHR',
      receivingFacility: 'REF',
      sentAt: '202601011200',
      code: 'ORU',
      trigger: 'R01',
      structure: 'ORU_R01',
      type: 'ORU^R01',
      controlId: '77',
      processing: 'P',
      version: '2.5.1',
      acceptAck: 'AL',
      applicationAck: 'NE',
      charset: 'iso-8859-1',
      patientName: 'Do&e, John',
      patientNumbers: ['11^HOSP', '22^SSA', '9^', 'A7^'],
      accessions: ['P1', 'F1', 'ACC1'],
      faults: [],
    });
    expect(scan.pid3).toEqual(['11^^^HOSP&1.2&ISO^MR~22^^^SSA']);
  });

  it('reads both persons of a merge, and the event of EVN', () => {
    const scan = scanHeader(wire('MSH|^~\\&|A|B|C|D|||ADT|1|P|2.1', 'EVN|A40', 'PID|1||5^^^X', 'MRG|6^^^X'));
    expect(scan.patientNumbers).toEqual(['5^X', '6^X']);
    expect(scan.type).toBe('ADT^A40');
    expect(scan.mrg1).toEqual(['6^^^X']);
  });

  it.each(['\n', '\r\n', '\r\r'])('steps over segments that end in %j', (ending) => {
    expect(
      scanHeader(['MSH|^~\\&|A|B|C|D|||ADT^A01|1|P|2.3', 'EVN|A01', 'PID|1||5', ''].join(ending)).patientNumbers,
    ).toEqual(['5^']);
  });

  it.each([
    ['', 'hl7v2.no-header'],
    ['hello', 'hl7v2.no-header'],
    ['MSH', 'hl7v2.encoding-characters'],
    ['MSH|^^^^|A|B|C|D|||ADT^A01|1', 'hl7v2.encoding-characters'],
  ])('gives a result for %j with the fault %s', (text, code) => {
    const scan = scanHeader(Buffer.from(text));
    expect(scan.faults.map((fault) => fault.code)).toEqual([code]);
    expect(typeof scan.controlId).toBe('string');
  });

  it('skips a byte order mark and decodes names', () => {
    const bytes = Buffer.concat([
      Buffer.from([0xef, 0xbb, 0xbf]),
      Buffer.from('MSH|^~\\&|A|B|C|D|||ADT^A01|1|P|2.3\rPID|1||5||Zo\u00eb\r', 'utf8'),
    ]);
    expect(scanHeader(bytes)).toMatchObject({ code: 'ADT', patientName: 'Zo\u00eb', charset: 'utf-8' });
    expect(
      scanHeader(Buffer.from('MSH|^~\\&|A|B|C|D|||ADT^A01|1|P|2.3\rPID|1||5||\u00e9\r', 'latin1'), '8859/1')
        .patientName,
    ).toBe('\u00e9');
  });
});

describe('splitBatch', () => {
  const one = 'MSH|^~\\&|A|B|C|D|||ADT^A01|1|P|2.3\rPID|1||5\r';
  const two = 'MSH|^~\\&|A|B|C|D|||ADT^A01|2|P|2.3\rPID|1||6\r';
  const texts = (file: string) => splitBatch(Buffer.from(file)).messages.map((part) => part.bytes.toString());

  it.each([
    ['one message', one, [one]],
    ['messages one after the other', one + two, [one, two]],
    ['blank lines between', `\r\n${one}\r \r${two}\r\r\n`, [one, two]],
    ['frames of MLLP', `\u000b${one}\u001c\r\u000b${two}\u001c\r`, [one, two]],
    ['LF ends', (one + two).replaceAll('\r', '\n'), [one.replaceAll('\r', '\n'), two.replaceAll('\r', '\n')]],
    ['an envelope', `FHS|^~\\&\rBHS|^~\\&\r${one}${two}BTS|2\rFTS|1\r`, [one, two]],
    ['text before the first', `garbage\r${one}`, ['garbage\r', one]],
    ['text after the trailer', `BHS|^~\\&\r${one}BTS|1\rrest\r`, [one, 'rest\r']],
    ['a header cut short', `${one}MSH|^~\r${two}`, [one, 'MSH|^~\r', two]],
    ['a last line without end', one + two.trimEnd(), [one, two.trimEnd()]],
    ['nothing', '', []],
    ['only blanks', '\r\n \r\n', []],
    ['only an envelope', 'FHS|^~\\&\rFTS|0\r', []],
    ['a segment that only begins like a header', `${one}MSHX|1\r`, [`${one}MSHX|1\r`]],
  ])('takes %s apart', (_, file, wanted) => expect(texts(file)).toEqual(wanted));

  it('gives the offset of each message', () => {
    expect(splitBatch(Buffer.from(`FHS|^~\\&\r${one}\r${two}`)).messages.map((part) => part.offset)).toEqual([
      9,
      9 + one.length + 1,
    ]);
  });

  it.each([
    ['BHS|^~\\&\rMSH|^~\\&\rBTS|3|why\r', 'BTS-1', 'declared 3, found 1'],
    ['FHS|^~\\&\rBHS|^~\\&\rMSH|^~\\&\rBTS|1\rFTS|2\r', 'FTS-1', 'declared 2, found 1'],
    ['BHS|^~\\&\rMSH|^~\\&\rBTS|1\rBHS|^~\\&\rBTS|1\r', 'BTS[2]-1', 'declared 1, found 0'],
  ])('tells a count that differs in %j', (file, place, detail) => {
    expect(splitBatch(Buffer.from(file)).faults).toEqual([{ code: 'hl7v2.batch-count', place, detail }]);
  });

  it('says nothing of trailers without a count', () => {
    expect(splitBatch(Buffer.from(`BHS|^~\\&\r${one}BTS\rFTS|\r`))).toMatchObject({ faults: [], enveloped: true });
  });

  it('keeps the byte order mark with the first message', () => {
    expect(splitBatch(Buffer.from(`\ufeff${one}${two}`)).messages.map((part) => part.offset)).toEqual([
      0,
      3 + one.length,
    ]);
  });
});

describe('buildAck', () => {
  const required: Fault = { code: 'hl7v2.required-field', place: 'PID[2]-3.1' };
  const warned: Fault = { code: 'hl7v2.date-format', place: 'OBX[3]-14' };
  const answer = (header: string, code: AckCode, faults: Fault[] = []): string[] =>
    buildAck({
      scan: scanHeader(Buffer.from(`${header}\r`)),
      code,
      faults,
      now: Date.UTC(2026, 0, 2, 3, 4, 5),
      controlId: 'X1',
    })
      .toString('utf8')
      .split('\r');

  it('exchanges sender and receiver and names the event and structure from 2.3.1 on', () => {
    expect(answer('MSH|^~\\&|LAB^1^ISO|MAIN|EHR|REF|2026||ADT^A01^ADT_A01|77|T|2.5', 'AA')).toEqual([
      'MSH|^~\\&|EHR|REF|LAB^1^ISO|MAIN|20260102030405+0000||ACK^A01^ACK|X1|T|2.5',
      'MSA|AA|77',
      '',
    ]);
  });

  it.each([
    ['2.1', 'ACK'],
    ['2.2', 'ACK'],
    ['2.3', 'ACK'],
    ['2.3.1', 'ACK^A01^ACK'],
    ['2.8', 'ACK^A01^ACK'],
  ])('writes MSH-9 for %s as %s', (version, type) => {
    expect(answer(`MSH|^~\\&|A|B|C|D|||ADT^A01|1|P|${version}`, 'AA')[0]!.split('|')[8]).toBe(type);
  });

  it.each([
    ['2.1', 'ERR|PID^2^3^101~OBX^3^14^102'],
    ['2.3', 'ERR|PID^2^3^101~OBX^3^14^102'],
    ['2.3.1', 'ERR|PID^2^3^101&Required field missing&HL70357~OBX^3^14^102&Data type error&HL70357'],
  ])('tells faults in ERR-1 before 2.5 (%s)', (version, segment) => {
    expect(answer(`MSH|^~\\&|A|B|C|D|||ADT^A01|1|P|${version}`, 'AE', [required, warned])[2]).toBe(segment);
  });

  it('tells a fault a segment from 2.5 on, with place, code and severity', () => {
    const lines = answer('MSH|^~\\&|A|B|C|D|||ADT^A01|1|P|2.5', 'AE', [required, warned]);
    expect(lines[1]).toBe('MSA|AE|1|Required field missing');
    expect(lines[2]).toMatch(/^ERR\|\|PID\^2\^3\^1\^1\|101\^Required field missing\^HL70357\|E\|/);
    expect(lines[3]).toMatch(/^ERR\|\|OBX\^3\^14\|102\^Data type error\^HL70357\|W\|/);
  });

  it('holds together when + is a delimiter', () => {
    const scan = scanHeader(wire('MSH+^~\\&+A+B+C+D+20260101++ADT^A01+7+P+2.5'));
    const [header] = buildAck({ scan, code: 'AA', faults: [], now: 0, controlId: 'X1' }).toString().split('\r');
    expect(header).toBe('MSH+^~\\&+C+D+A+B+19700101000000\\F\\0000++ACK^A01^ACK+X1+P+2.5');
  });

  it("answers in the sender's delimiters and character set", () => {
    const sent = Buffer.from('MSH#*!?@#\u00e9#B#C#D###ADT*A01#7#P#2.5######8859/1\r', 'latin1');
    const ack = buildAck({ scan: scanHeader(sent), code: 'CA', faults: [], now: 0, controlId: 'X*1' }).toString(
      'latin1',
    );
    expect(ack).toBe('MSH#*!?@#C#D#\u00e9#B#19700101000000+0000##ACK*A01*ACK#X?S?1#P#2.5######8859/1\rMSA#CA#7\r');
  });

  it('answers garbage in standard form', () => {
    const lines = answer('garbage', 'AR', [{ code: 'hl7v2.no-header', place: 'MSH' }]);
    expect(lines[0]).toBe('MSH|^~\\&|||||20260102030405+0000||ACK|X1|P|2.3');
    expect(lines.slice(1, 3)).toEqual(['MSA|AR||Segment sequence error', 'ERR|MSH^1^^100']);
  });

  it('gives back no control character and no delimiter that it did not read', () => {
    const text = answer('MSH*^^^^*A|X*B*C*D***ADT*7\u001c\u000b\u001c', 'AR', [
      { code: 'hl7v2.encoding-characters', place: 'MSH-2' },
    ]).join('');
    expect(text).not.toMatch(/[\u000b\u001c]/);
    expect(text).toContain('A\\F\\X');
  });

  it('calls what is no fault of the message an internal error', () => {
    expect(answer('MSH|^~\\&|A|B|C|D|||ADT^A01|1|P|2.3', 'AR', [{ code: 'store.full' }])[1]).toBe(
      'MSA|AR|1|Application internal error',
    );
  });
});

describe('ackMode', () => {
  it.each([
    ['', '', { enhanced: false, accept: '', application: '' }],
    ['AL', 'NE', { enhanced: true, accept: 'AL', application: 'NE' }],
    ['', 'ER', { enhanced: true, accept: '', application: 'ER' }],
    ['SU', '', { enhanced: true, accept: 'SU', application: '' }],
    ['odd', '""', { enhanced: true, accept: 'AL', application: '' }],
  ])('%j and %j', (acceptAck, applicationAck, mode) => expect(ackMode({ acceptAck, applicationAck })).toEqual(mode));
});
