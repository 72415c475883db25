import { describe, expect, it } from 'vitest';
import {
  charsetNamed,
  completeDelimiters,
  decodeMessage,
  encodeMessage,
  escapeText,
  parseMessage,
  standardDelimiters,
  textOf,
  unescapeText,
  valueAt,
} from '../../../engine/hl7v2/index.ts';

const d = standardDelimiters;

describe('unescapeText (chapter 2.7)', () => {
  it.each([
    ['plain', 'plain'],
    ['a\\F\\b\\S\\c\\T\\d\\R\\e\\E\\f', 'a|b^c&d~e\\f'],
    ['\\P\\', '#'],
    ['one\\.br\\two', 'one\ntwo'],
    ['one\\.sp\\two', 'one\ntwo'],
    ['one\\.sp+3\\two', 'one\n\n\ntwo'],
    ['\\.in+4\\x\\.ti-2\\y\\.sk 3\\z', 'x  y   z'],
    ['\\.ce\\T\\.fi\\\\.nf\\', '\nT'],
    ['\\H\\bold\\N\\ text', 'bold text'],
    ['\\X41\\\\X42\\', 'AB'],
    ['\\X0D0A\\', '\r\n'],
    ['\\XC3A9\\', '\u00e9'],
    ['\\XC3\\\\XA9\\', '\u00e9'],
    ['\\XE9\\', '\u00e9'],
    ['\\X4\\', '\\X4\\'],
    ['\\XGG\\', '\\XGG\\'],
    ['\\C2842\\abc', 'abc'],
    ['\\M2442\\;3ED\\C2842\\ x', '\u5c71\u7530 x'],
    ['\\Zlocal\\', '\\Zlocal\\'],
    ['C:\\temp\\F\\x', 'C:\\temp|x'],
    ['ends with \\', 'ends with \\'],
    ['\\\\F\\', '\\|'],
    ['\\.sp99999\\', '\n'.repeat(200)],
  ])('%j is %j', (raw, text) => expect(unescapeText(raw, d)).toBe(text));

  it('reads hexadecimal bytes in the character set of the message', () => {
    expect(unescapeText('\\XA4\\', d, 'iso-8859-15')).toBe('\u20ac');
    const { message } = parseMessage('MSH|^~\\&|A|B|C|D|||ADT^A01|1|P|2.5||||||8859/15\rPID|1||5||\\XA4\\\r');
    expect(valueAt(message!, 'PID-5')).toBe('\u20ac');
  });

  it('leaves text alone where there is no escape character', () => {
    expect(unescapeText('a\\F\\b', { ...d, escape: '' })).toBe('a\\F\\b');
  });
});

describe('escapeText', () => {
  it.each([
    ['a|b^c&d~e\\f', 'a\\F\\b\\S\\c\\T\\d\\R\\e\\E\\f'],
    ['one\r\ntwo\nthree\rfour', 'one\\.br\\two\\.br\\three\\.br\\four'],
    ['bell\u0007', 'bell\\X07\\'],
    ['""', '\\X2222\\'],
    ['Zo\u00eb', 'Zo\u00eb'],
  ])('%j is %j', (text, raw) => expect(escapeText(text, d)).toBe(raw));

  it("escapes the message's own delimiters and no others", () => {
    expect(escapeText('a|b*c', { ...d, field: '*', truncation: '#' })).toBe('a|b\\F\\c');
    expect(escapeText('a#b', { ...d, truncation: '#' })).toBe('a\\P\\b');
  });

  it('writes blanks for what can not be escaped', () => {
    expect(escapeText('a|b\nc', { ...d, escape: '' })).toBe('a b c');
  });

  it('tells null from absent', () => {
    expect(textOf('""', d)).toBeNull();
    expect(textOf('', d)).toBeUndefined();
    expect(textOf(escapeText('""', d), d)).toBe('""');
  });
});

describe('completeDelimiters', () => {
  it('fills what is missing without using a character twice', () => {
    const full = completeDelimiters({
      field: '^',
      component: '|',
      repetition: '',
      escape: '',
      subcomponent: '',
      truncation: '',
    });
    expect(full).toMatchObject({ field: '^', component: '|', repetition: '~', escape: '\\', subcomponent: '&' });
    expect(completeDelimiters(d)).toBe(d);
  });
});

describe('character sets (MSH-18, table 0211)', () => {
  it.each([
    ['ASCII', 'ascii'],
    ['8859/1', 'iso-8859-1'],
    ['8859/15', 'iso-8859-15'],
    ['ISO-8859-15', 'iso-8859-15'],
    ['UNICODE UTF-8', 'utf-8'],
    ['unicode utf-8', 'utf-8'],
    ['UTF-8', 'utf-8'],
    ['windows-1252', 'windows-1252'],
    ['ISO IR87', 'iso-2022-jp'],
    ['BIG-5', 'big5'],
    ['', undefined],
    ['KLINGON', undefined],
    ['__proto__', undefined],
  ])('%j is %j', (name, charset) => expect(charsetNamed(name)).toBe(charset));

  const wire = (charset: string, bytes: number[]): Buffer =>
    Buffer.concat([
      Buffer.from(`MSH|^~\\&|A|B|C|D|||ADT^A01|1|P|2.5||||||${charset}\rPID|1||5||`),
      Buffer.from(bytes),
      Buffer.from('\r'),
    ]);

  it.each([
    ['UNICODE UTF-8', [0xc3, 0xa9], '\u00e9', 'utf-8'],
    ['8859/1', [0xe9], '\u00e9', 'iso-8859-1'],
    ['8859/15', [0xa4], '\u20ac', 'iso-8859-15'],
    ['windows-1252', [0x80], '\u20ac', 'windows-1252'],
    ['ASCII~ISO IR87', [0x1b, 0x24, 0x42, 0x3b, 0x33, 0x45, 0x44, 0x1b, 0x28, 0x42], '\u5c71\u7530', 'iso-2022-jp'],
    ['', [0xc3, 0xa9], '\u00e9', 'utf-8'],
  ])('MSH-18 %j reads its bytes and writes them back', (declared, bytes, text, charset) => {
    const sent = wire(declared, bytes);
    const decoded = decodeMessage(sent);
    expect(decoded.faults).toEqual([]);
    expect(decoded.charset).toBe(charset);
    expect(valueAt(parseMessage(decoded.text).message!, 'PID-5')).toBe(text);
    expect(encodeMessage(decoded.text, decoded.charset).equals(sent)).toBe(true);
  });

  it("reads in the source's default where MSH-18 is empty", () => {
    expect(decodeMessage(wire('', [0xa4]), '8859/15')).toMatchObject({ charset: 'iso-8859-15', faults: [] });
  });

  it.each([
    ['UNICODE UTF-8', [0xe9], 'windows-1252', '\u00e9'],
    ['UNICODE UTF-8', [0xc3, 0xa9, 0xff], 'utf-8', '\u00e9\ufffd'],
    ['ASCII', [0xe9], 'windows-1252', '\u00e9'],
    ['ASCII', [0xc3, 0xa9], 'utf-8', '\u00e9'],
  ])('tells bytes that %s does not have and reads them all the same', (declared, bytes, charset, text) => {
    const decoded = decodeMessage(wire(declared, bytes));
    expect(decoded.charset).toBe(charset);
    expect(decoded.faults).toEqual([
      { code: 'hl7v2.undecodable-bytes', place: 'MSH-18', detail: `read as ${charset}` },
    ]);
    expect(valueAt(parseMessage(decoded.text).message!, 'PID-5')).toBe(text);
  });

  it('tells a character set that nobody knows', () => {
    expect(decodeMessage(wire('KLINGON', [0x41])).faults).toEqual([{ code: 'hl7v2.character-set', place: 'MSH-18' }]);
  });

  it('lets a byte order mark win, and keeps it', () => {
    const marked = Buffer.concat([Buffer.from([0xef, 0xbb, 0xbf]), wire('8859/1', [0xc3, 0xa9])]);
    const decoded = decodeMessage(marked);
    expect(decoded.charset).toBe('utf-8');
    expect(encodeMessage(decoded.text, decoded.charset).equals(marked)).toBe(true);
    const wide = Buffer.from(`\ufeff${wire('', [0x41]).toString('latin1')}`, 'utf16le');
    expect(parseMessage(decodeMessage(wide).text).message!.code).toBe('ADT');
  });

  it('writes ? for what a character set does not have', () => {
    expect(encodeMessage('a\u5c71', 'ASCII').toString('latin1')).toBe('a?');
    expect(encodeMessage('a\u5c71', '8859/1').toString('latin1')).toBe('a?');
    expect(encodeMessage('\u5c71x', 'ISO IR87').toString('latin1')).toBe('\u001b$B;3\u001b(Bx');
  });
});
