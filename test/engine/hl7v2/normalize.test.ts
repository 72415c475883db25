import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import {
  decodeMessage,
  identityOfFields,
  identityOfScan,
  normalizeMessage,
  parseMessage,
  repairText,
  scanHeader,
  segmentOf,
  writeMessage,
} from '../../../engine/hl7v2/index.ts';
import type { Message } from '../../../schemas/hl7v2/message.ts';
import { chooseProfile, profileFrom, profileNamed, type VendorProfile } from '../../../schemas/vendors/profile.ts';
import { rawAt } from '../../support/raw-at.ts';

const folder = new URL('../../../fixtures/messages/', import.meta.url);
const cases = readdirSync(folder).filter((name) => existsSync(new URL(`${name}/0-received.hl7`, folder)));
const plain = profileNamed('plain');

interface Read {
  profile: VendorProfile;
  repairs: string[];
  parsed: Message;
  message: Message;
  notes: string[];
}

function readCase(name: string): Read {
  const bytes = readFileSync(new URL(`${name}/0-received.hl7`, folder));
  const profile = chooseProfile(name.split('-')[0]!, scanHeader(bytes, 'utf-8'));
  const repaired = repairText(decodeMessage(bytes, profile.text.charset).text, profile);
  const parsed = parseMessage(repaired.text).message!;
  return { profile, repairs: repaired.repairs, parsed, ...normalizeMessage(parsed, profile) };
}

function normalized(text: string, rules: object): { message: Message; notes: string[] } {
  const profile = profileFrom({ name: 'site', title: 'A site', note: 'made for one row of a table', ...rules });
  return normalizeMessage(parseMessage(text).message!, profile);
}

describe('fixtures', () => {
  it('has at least 24 cases over four families', () => {
    expect(cases.length).toBeGreaterThanOrEqual(24);
    expect(new Set(cases.map((name) => name.split('-')[0]))).toEqual(
      new Set(['meditech', 'mckesson', 'cpsi', 'healthland']),
    );
  });

  it.each([
    [
      'meditech-adt-a01-glued-evn',
      'meditech',
      { 'EVN-1': 'A01', 'MSH-12': '2.4', 'AL1[1]-3': '7980^penicillin G^RXNORM^PCN^PENICILLIN^MT' },
    ],
    [
      'meditech-adt-a04-status-word',
      'meditech',
      { 'PV1-2': 'O', 'PV1-3': 'CLI^2^A^HFC', 'PV1-7': 'OKON^OKONJO^RUTH^A^^^MD' },
    ],
    ['meditech-adt-a08-bare-number', 'meditech', { 'PID-3': '4417^^^^MR' }],
    ['meditech-adt-a28-name-suffix', 'meditech', { 'PID-5': 'BRANDVOLD^WALTER^EUGENE^SR', 'PID-18': 'VM026000^^^^AN' }],
    [
      'meditech-oru-r01-mnemonics',
      'meditech',
      { 'OBX[1]-3': '2345-7^Glucose [Mass/volume] in Serum or Plasma^LN^GLU^GLUCOSE^MT', 'OBR-4.1': '51990-0' },
    ],
    ['meditech-orm-o01-queries', 'meditech', { 'MSH-3': 'IIM', 'OBX[1]-3': 'QLABFAST^FASTING?^99MTQUERY' }],
    [
      'meditech-dft-p03-zf',
      'meditech',
      { 'NTE[1]-3': 'charge category: OUTPATIENT RADIOLOGY~charge comment: bill with visit', 'ZF1-2': '' },
    ],
    [
      'mckesson-adt-a01-numeric-authority',
      'mckesson-paragon',
      {
        'PID-2': '',
        'PID-3': '710220^^^^MR^PARAGON',
        'PID-7': '19860719',
        'EVN-2': '20260406073000.417',
        'ROL-4': '8205^Adeyemi^Folake^^^^MD',
      },
    ],
    ['mckesson-adt-a31-nulls', 'mckesson-paragon', { 'PID-13': '""', 'PID-11': '^^Cold Spring Mills^OH^45001^US^H' }],
    [
      'mckesson-orm-o01-padded',
      'mckesson-horizon',
      { 'MSH-13': '', 'PV1-2': 'O', 'PID-5': 'Oduya-Lindholm^Marguerite^Ann', 'ORC-7': '^^^20260406073000^^R' },
    ],
    [
      'mckesson-orm-o01-zem',
      'mckesson-horizon',
      { 'GT1-16': 'Quarry Works Inc', 'GT1-18': '(555)555-0190', 'NTE-3': 'occupation: stone cutter' },
    ],
    [
      'mckesson-oru-r01-note-heading',
      'mckesson-horizon',
      { 'NTE-3': 'SPECIMEN COMMENT: Drawn from the left arm', 'NTE-4': '' },
    ],
    [
      'cpsi-rde-none-wrapped',
      'cpsi-pharmacy',
      {
        'MSH-9': 'RDE^O01',
        'PID-9': '',
        'PID-11.3': 'Pine Hollow',
        'RXE-2.3': 'RXNORM',
        'RXE-13': '8201^Okonjo^Ruth^A^^^MD',
        'RXE-1.2': 'BID&0900,2100',
      },
    ],
    [
      'cpsi-adt-a01-four-numbers',
      'cpsi-lab',
      {
        'PID-3[1]': '030115^^^^MR',
        'PID-3[2].4': '&2.16.840.1.113883.19.72.2&ISO',
        'PID-3[4].5': 'SS',
        'PID-7': '19591230',
        'PV1-47': '1250.00',
      },
    ],
    ['cpsi-oml-o21-placeholders', 'cpsi-lab', { 'SFT-1': 'CPSI^^^^^', 'SFT-4': '', 'PID-21': '' }],
    ['cpsi-oru-r01-right-justified', 'cpsi-lab', { 'OBX[1]-5': '13.1', 'OBX[1]-14': '202604060730' }],
    ['healthland-adt-a04-plain', 'healthland', { 'PID-3': '88100^^^^MR' }],
    ['healthland-adt-a08-latin1', 'healthland', { 'PID-5.1': 'Ibáñez' }],
    ['healthland-adt-a31-twin', 'healthland', { 'PID-3': '88111^^^^MR~D00417^^^^PI', 'PID-4': '' }],
  ])('%s by %s', (name, profile, wanted) => {
    const read = readCase(name);
    expect(read.profile.name).toBe(profile);
    const found = Object.fromEntries(Object.keys(wanted).map((path) => [path, rawAt(read.message, path)]));
    expect(found).toEqual(wanted);
  });

  it.each(cases)('%s keeps segments traceable, and the parsed message as it was', (name) => {
    const before = readCase(name);
    const text = writeMessage(before.parsed);
    const { message, notes } = normalizeMessage(before.parsed, before.profile);
    expect(writeMessage(before.parsed)).toBe(text);
    for (const segment of message.segments) {
      const origin = before.parsed.segments[segment.index]!;
      expect(origin.offset).toBe(segment.offset);
      if (segment.name !== 'NTE') expect(segment.name).toBe(origin.name);
    }
    expect(new Set(notes).size).toBe(notes.length);
    // Run again: nothing is left to do to numbers, names and codes.
    const again = normalizeMessage(message, before.profile);
    expect(writeMessage(again.message)).toBe(writeMessage(message));
  });

  it.each(cases)('%s notes hold rule names and places, no content', (name) => {
    const { notes, repairs, parsed } = readCase(name);
    const family = rawAt(parsed, 'PID-5.1').trim();
    for (const note of [...notes, ...repairs]) expect(note).not.toContain(family);
  });

  it('leaves out a merge segment in an order, and only there', () => {
    const wrapped = readCase('cpsi-rde-none-wrapped');
    expect(wrapped.repairs).toEqual(['wrapped line 3 joined', 'wrapped line 9 joined']);
    expect(wrapped.parsed.segments.some((segment) => segment.name === 'MRG')).toBe(true);
    expect(wrapped.message.segments.some((segment) => segment.name === 'MRG')).toBe(false);
    expect(readCase('cpsi-adt-a40-oid').message.segments.some((segment) => segment.name === 'MRG')).toBe(true);
  });

  it('drops the empty second next of kin and keeps the first', () => {
    expect(
      readCase('cpsi-adt-a01-four-numbers').message.segments.filter((segment) => segment.name === 'NK1'),
    ).toHaveLength(1);
  });
});

describe('operations', () => {
  const head = 'MSH|^~\\&|A|B|C|D|20260401||ADT^A01|1|P|2.5\r';
  const one = (rule: object): object => ({ rules: [{ name: 'one-rule', ...rule }] });
  it.each<[string, string, object, string, string]>([
    ['move', 'PV1||I|||||||||||||||||V1\r', one({ op: 'move', from: 'PV1-19', to: 'PV1-50' }), 'PV1-50', 'V1'],
    [
      'move to a component',
      'PV1|1|I|MED^1\rPV2|x\r',
      one({ op: 'move', from: 'PV1-1', to: 'PV1-3.4' }),
      'PV1-3',
      'MED^1^^1',
    ],
    ['move keeps a filled target', 'PV1|1|I\r', one({ op: 'move', from: 'PV1-1', to: 'PV1-2' }), 'PV1-2', 'I'],
    [
      'move overwrites when told',
      'PV1|1|I\r',
      one({ op: 'move', from: 'PV1-1', to: 'PV1-2', overwrite: true }),
      'PV1-2',
      '1',
    ],
    ['copy between segments', 'PID|1||7\rPV1|1\r', one({ op: 'copy', from: 'PID-3', to: 'PV1-19' }), 'PV1-19', '7'],
    ['set escapes', 'PV1|1\r', one({ op: 'set', place: 'PV1-2', value: 'A|B' }), 'PV1-2', 'A\\F\\B'],
    ['set invents no component', 'OBX|1|TX||\r', one({ op: 'set', place: 'OBX-3.3', value: 'L' }), 'OBX-3', ''],
    ['clear', 'PV1|1|I\r', one({ op: 'clear', places: ['PV1-2'] }), 'PV1-2', ''],
    ['clear only equal', 'PV1|1|I\r', one({ op: 'clear', places: ['PV1-1'], equalTo: 'PV1-2' }), 'PV1-1', '1'],
    ['explicit nulls, all', 'PID|1||""^""\r', one({ op: 'explicit-nulls', places: ['PID-3'] }), 'PID-3', '""'],
    ['explicit nulls, a single one', 'PID|1||""\r', one({ op: 'explicit-nulls', places: ['PID-3'] }), 'PID-3', '""'],
    [
      'explicit nulls, inside',
      'PID|1||""^""^X&""^""\r',
      one({ op: 'explicit-nulls', places: ['PID-3'] }),
      'PID-3',
      '^^X&',
    ],
    ['trim', 'PID|1|| 7 ^ a& b ~ c \r', one({ op: 'trim', places: ['*'] }), 'PID-3', '7^a&b~c'],
    ['date format', 'EVN|A|20260401^YYYYMMDD\r', one({ op: 'date-format', places: ['EVN-2'] }), 'EVN-2', '20260401'],
    [
      'date format leaves other components',
      'EVN|A|20260401^DAY\r',
      one({ op: 'date-format', places: ['EVN-2'] }),
      'EVN-2',
      '20260401^DAY',
    ],
    ['date only', 'PID|1||||||19700101000000\r', one({ op: 'date-only', places: ['PID-7'] }), 'PID-7', '19700101'],
    [
      'date only keeps a time',
      'PID|1||||||197001010001\r',
      one({ op: 'date-only', places: ['PID-7'] }),
      'PID-7',
      '197001010001',
    ],
    [
      'milliseconds with an offset',
      'EVN|A|20260401101500123-0500\r',
      one({ op: 'milliseconds', places: ['EVN-2'] }),
      'EVN-2',
      '20260401101500.123-0500',
    ],
    [
      'suffix in one component too early',
      'PV1|1||||||7^A^B^C^M.D.\r',
      one({ op: 'name-suffix', places: ['PV1-7'], family: 2 }),
      'PV1-7',
      '7^A^B^C^^^MD',
    ],
    [
      'suffix over three',
      'PV1|1||||||7^A^B^C^D^N^P\r',
      one({ op: 'name-suffix', places: ['PV1-7'], family: 2, degrees: ['DNP'] }),
      'PV1-7',
      '7^A^B^C^^^DNP',
    ],
    [
      'generation and degree',
      'PV1|1||||||7^A^B^C^JR^M^D\r',
      one({ op: 'name-suffix', places: ['PV1-7'], family: 2 }),
      'PV1-7',
      '7^A^B^C^JR^^MD',
    ],
    [
      'a proper name',
      'PV1|1||||||7^A^B^C^JR^DR^MD\r',
      one({ op: 'name-suffix', places: ['PV1-7'], family: 2 }),
      'PV1-7',
      '7^A^B^C^JR^DR^MD',
    ],
    ['empty repetitions', 'PID|1||~1~^^~~2\r', one({ op: 'empty-repetitions', places: ['PID-3'] }), 'PID-3', '1~2'],
    [
      'repetitions without what they need',
      'PV1|1||||||7^A~^^^^X\r',
      one({ op: 'empty-repetitions', places: ['PV1-7'], needs: [1, 2] }),
      'PV1-7',
      '7^A',
    ],
    ['prefix', 'NTE|1|L|text|HEAD^X\r', one({ op: 'prefix', from: 'NTE-4', to: 'NTE-3' }), 'NTE-3', 'HEAD: text'],
    [
      'literals',
      'PID|1||1^^^Facility OID~2\r',
      one({ op: 'drop-literals', places: ['PID-*'], values: ['facility oid'] }),
      'PID-3',
      '1^^^~2',
    ],
    [
      'translate',
      'PV1|1||||||||||||||||X\r',
      one({ op: 'translate', from: 'PV1-18', to: 'PV1-2', values: { X: 'E' } }),
      'PV1-2',
      '',
    ],
    [
      'when the version is too new',
      'PV1|1\r',
      one({ op: 'set', place: 'PV1-2', value: 'I', when: { versionBefore: '2.4' } }),
      'PV1-2',
      '',
    ],
    [
      'when the version is new enough',
      'PV1|1\r',
      one({
        op: 'set',
        place: 'PV1-2',
        value: 'I',
        when: { versionFrom: '2.3.1', types: ['ADT'], events: ['A01'], senders: ['a'] },
      }),
      'PV1-2',
      'I',
    ],
    [
      'a local authority',
      'PID|1||7^^^HFC^MR\r',
      { identifiers: { authorities: { HFC: '2.16.840.1.113883.19.71' } } },
      'PID-3',
      '7^^^HFC&2.16.840.1.113883.19.71&ISO^MR',
    ],
    [
      'the facility as authority',
      'PID|1||7^^^^MR^OTHER\r',
      { identifiers: { authorityFromFacility: true } },
      'PID-3',
      '7^^^OTHER^MR^OTHER',
    ],
    [
      'not when it is the sender itself',
      'PID|1||7^^^^MR^B\r',
      { identifiers: { authorityFromFacility: true } },
      'PID-3',
      '7^^^^MR^B',
    ],
    [
      'number elsewhere',
      'PID|1|||7\r',
      { identifiers: { mrn: 'PID-4', defaultTypes: { 'PID-3': 'MR' } } },
      'PID-3',
      '7^^^^MR',
    ],
    ["nobody's number", 'PID|1||0~7\r', { identifiers: { ignore: ['0'] } }, 'PID-3', '7'],
    ['the same number once', 'PID|1|7^^^X^MR|7\r', { identifiers: { alsoFrom: ['PID-2'] } }, 'PID-3', '7'],
    ['type in another component', 'PID|1||7^^MR\r', { identifiers: { typeIn: 3 } }, 'PID-3', '7^^^^MR'],
    [
      'a code whose alternate is taken',
      'OBX|1|NM|G^g^L^a^b^c\r',
      { codes: [{ name: 'lab', places: ['OBX-3'], toSystem: 'LN', codes: { G: ['2345-7', 'Glucose'] } }] },
      'OBX-3',
      '2345-7^Glucose^LN^a^b^c^^^^G^g^L',
    ],
    [
      'a code of another system',
      'OBX|1|NM|G^g^SCT\r',
      { codes: [{ name: 'lab', places: ['OBX-3'], toSystem: 'LN', codes: { G: '2345-7' } }] },
      'OBX-3',
      'G^g^SCT',
    ],
    [
      'a code that is there already',
      'OBX|1|NM|G^g^L^1-8^x^LN\r',
      { codes: [{ name: 'lab', places: ['OBX-3'], toSystem: 'LN', codes: { G: '2345-7' } }] },
      'OBX-3',
      'G^g^L^1-8^x^LN',
    ],
    [
      'a code named like a property',
      'OBX|1|NM|constructor\r',
      { codes: [{ name: 'lab', places: ['OBX-3'], toSystem: 'LN', codes: { G: '2345-7' } }] },
      'OBX-3',
      'constructor',
    ],
  ])('%s', (_name, segments, rules, path, wanted) => {
    expect(rawAt(normalized(head + segments, rules).message, path)).toBe(wanted);
  });

  it("works with a message's own delimiters", () => {
    const { message } = normalized('MSH#*@!$#A#B#C#D#20260401##ADT*A01#1#P#2.5\rPID#1##7@0@8 *x\r', {
      identifiers: { ignore: ['0'], defaultTypes: { 'PID-3': 'MR' } },
      rules: [{ op: 'trim', name: 'pad', places: ['*'] }],
    });
    expect(rawAt(message, 'PID-3')).toBe('7****MR@8*x***MR');
  });
});

describe('repairText', () => {
  const wrapping = profileNamed('cpsi-pharmacy');
  const glued = profileNamed('meditech');
  it.each<[string, VendorProfile, string, string]>([
    ['wrapped with CRLF', wrapping, 'MSH|^~\\&|A\r\nPID|1||7\r\n8|x\r\n', 'MSH|^~\\&|A\r\nPID|1||78|x\r\n'],
    [
      'a line that looks like a word',
      wrapping,
      'MSH|^~\\&|A\rNTE|1||see\rMRI of today\r',
      'MSH|^~\\&|A\rNTE|1||seeMRI of today\r',
    ],
    ['blank lines stay', wrapping, 'MSH|^~\\&|A\r\r\rPID|1\r', 'MSH|^~\\&|A\r\r\rPID|1\r'],
    ['own separator', wrapping, 'MSH#^~\\&#A\rPID#1\r|2\r', 'MSH#^~\\&#A\rPID#1|2\r'],
    [
      'glued',
      glued,
      'MSH|^~\\&|A|B|C|D|2026||ADT^A01|1|P|2.4EVN|A01|2026PID|1\rPV1|\r',
      'MSH|^~\\&|A|B|C|D|2026||ADT^A01|1|P|2.4\rEVN|A01|2026\rPID|1\rPV1|\r',
    ],
    [
      'an application called EVN',
      glued,
      'MSH|^~\\&|EVN|B|C|D|2026||ADT^A01|1|P|2.4\rEVN|A01\r',
      'MSH|^~\\&|EVN|B|C|D|2026||ADT^A01|1|P|2.4\rEVN|A01\r',
    ],
    ['nothing to do', plain, 'MSH|^~\\&|A\rPID|1||7\r8\r', 'MSH|^~\\&|A\rPID|1||7\r8\r'],
  ])('%s', (_name, profile, text, wanted) => {
    expect(repairText(text, profile).text).toBe(wanted);
  });
});

/** The identity by way of the parsed message, to hold against that of the scan. */
const identityOf = (message: Message, profile: VendorProfile): string =>
  identityOfFields((name, field) => segmentOf(message, name)?.fields[field] ?? '', message.delimiters, profile);

describe('identity', () => {
  it('tells two orders of one second apart where the control id is a time', () => {
    const bytes = (name: string): Buffer => readFileSync(new URL(`${name}/0-received.hl7`, folder));
    const profile = profileNamed('cpsi-pharmacy');
    const [a, b] = [readCase('cpsi-rde-none-wrapped'), readCase('cpsi-rde-none-same-control-id')];
    expect(rawAt(a.parsed, 'MSH-10')).toBe(rawAt(b.parsed, 'MSH-10'));
    expect(identityOf(a.parsed, profile)).not.toBe(identityOf(b.parsed, profile));
    const [scanA, scanB] = [bytes('cpsi-rde-none-wrapped'), bytes('cpsi-rde-none-same-control-id')].map((one) =>
      scanHeader(one, 'utf-8'),
    );
    expect(identityOfScan(scanA!, profile)).not.toBe(identityOfScan(scanB!, profile));
    expect(identityOf(a.parsed, plain)).toBe(identityOf(b.parsed, plain));
  });

  it.each(cases)('%s has the same identity by scan and by parsed message', (name) => {
    const bytes = readFileSync(new URL(`${name}/0-received.hl7`, folder));
    const { parsed, profile, repairs } = readCase(name);
    const text = identityOfScan(scanHeader(bytes, 'utf-8'), profile, bytes);
    expect(text.length).toBeGreaterThan(8);
    if (repairs.length === 0) expect(text).toBe(identityOf(parsed, profile));
  });
});
