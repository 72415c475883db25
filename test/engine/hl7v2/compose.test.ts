/** Messages in the form of their receiver. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  composeFor,
  decodeMessage,
  normalizeMessage,
  parseMessage,
  type Receiver,
  valueAt,
} from '../../../engine/hl7v2/index.ts';
import type { Message } from '../../../schemas/hl7v2/message.ts';
import { profileFrom, profileNamed, profiles } from '../../../schemas/vendors/profile.ts';
import type { ProfileFile } from '../../../schemas/vendors/shape.ts';
import { delimiters, message as madeMessage } from '../../support/hl7-arbitraries.ts';

const sending = { controlId: 'D0123456789', now: Date.UTC(2026, 3, 1, 12) };
const plain = profileNamed('plain');

function receiverOf(outbound: Partial<ProfileFile['outbound']>, more: Partial<Receiver> = {}): Receiver {
  const note = 'A receiver of these tests and of nobody else.';
  return { profile: profileFrom({ name: 'receiver', title: 'Receiver', note, extends: 'plain', outbound }), ...more };
}

const read = (text: string): Message => parseMessage(text).message!;
const sent = (bytes: Buffer): string[] => bytes.toString('utf8').split('\r');
const adt = (more = '', pid = 'PID|1||5^^^H^MR||Doe^Jane') =>
  read(`MSH|^~\\&|EMR|EAST|OLD|PLACE|20260401||ADT^A01^ADT_A01|77|P|2.5.1|9||AL|AL${more}\rEVN|A01|20260401\r${pid}\r`);

describe('the header', () => {
  it.each<[string, Partial<ProfileFile['outbound']>, Partial<Receiver>, string]>([
    ['as it came', {}, {}, 'MSH|^~\\&|EMR|EAST|OLD|PLACE|20260401120000+0000||ADT^A01^ADT_A01|D0123456789|P|2.5.1'],
    [
      'to an application and a facility',
      {},
      { application: 'LAB', facility: 'WEST^1.2.3^ISO' },
      'MSH|^~\\&|EMR|EAST|LAB|WEST^1.2.3^ISO|20260401120000+0000||ADT^A01^ADT_A01|D0123456789|P|2.5.1',
    ],
    [
      'from another sender',
      { sendingApplication: 'MIX', sendingFacility: 'HUB' },
      {},
      'MSH|^~\\&|MIX|HUB|OLD|PLACE|20260401120000+0000||ADT^A01^ADT_A01|D0123456789|P|2.5.1',
    ],
    [
      'of an old version, with two components of the type',
      { version: '2.3' },
      {},
      'MSH|^~\\&|EMR|EAST|OLD|PLACE|20260401120000+0000||ADT^A01|D0123456789|P|2.3',
    ],
    [
      'of the version that the outlet names, over the profile',
      { version: '2.3' },
      { version: '2.8' },
      'MSH|^~\\&|EMR|EAST|OLD|PLACE|20260401120000+0000||ADT^A01^ADT_A01|D0123456789|P|2.8',
    ],
    [
      'with two components where the product wants them',
      { typeComponents: 2 },
      {},
      'MSH|^~\\&|EMR|EAST|OLD|PLACE|20260401120000+0000||ADT^A01|D0123456789|P|2.5.1',
    ],
    [
      'with other delimiters',
      { delimiters: '#*@!%' },
      { facility: 'A#B' },
      'MSH#*@!%#EMR#EAST#OLD#A!F!B#20260401120000+0000##ADT*A01*ADT_A01#D0123456789#P#2.5.1',
    ],
    [
      'with a character set',
      { charset: '8859/1' },
      {},
      'MSH|^~\\&|EMR|EAST|OLD|PLACE|20260401120000+0000||ADT^A01^ADT_A01|D0123456789|P|2.5.1||||||8859/1',
    ],
  ])('%s', (_, outbound, more, wanted) => {
    expect(sent(composeFor(adt(), receiverOf(outbound, more), sending))[0]).toBe(wanted);
  });

  it('is long enough whatever the message had', () => {
    const short = read('MSH|^~\\&|EMR\rPID|1||5\r');
    expect(sent(composeFor(short, receiverOf({ version: '2.3' }, { facility: 'WEST' }), sending))[0]).toBe(
      'MSH|^~\\&|EMR|||WEST|20260401120000+0000|||D0123456789||2.3',
    );
  });

  it('refuses a control id that is none', () => {
    expect(() => composeFor(adt(), { profile: plain }, { ...sending, controlId: '' })).toThrow(/MSH-10/);
  });
});

describe('the body', () => {
  it('follows the rules of the receiver, and leaves out what it does not take', () => {
    const receiver = receiverOf({
      leaveOut: ['Z*', 'SFT'],
      rules: [
        { op: 'move', name: 'account', from: 'PID-18', to: 'PID-3', overwrite: true },
        { op: 'set', name: 'country', place: 'PID-12', value: 'US', overwrite: false },
        { op: 'drop-segment', name: 'insurance', segment: 'IN1' },
      ],
    });
    const message = read(
      'MSH|^~\\&|A|B|C|D|2026||ADT^A01|1|P|2.5\rSFT|X\rPID|1||5||Doe|||||||||||||A7\rIN1|1\rZF1|2\rNTE|1||said\r',
    );
    expect(sent(composeFor(message, receiver, sending)).slice(1)).toEqual([
      'PID|1||A7||Doe|||||||US||||||',
      'NTE|1||said',
      '',
    ]);
  });

  it('goes from one product to another', () => {
    const quirky = read(
      'MSH|^~\\&|MEDITECH|HFC|X|Y|202604011200||ADT^A08|1|P|2.4\rEVN|A08|202604011200\rPID|1||5||SMITH JR^JOHN||19600614|M\rZF1|1|CAT\r',
    );
    const { message } = normalizeMessage(quirky, profileNamed('meditech'));
    const lines = sent(composeFor(message, { profile: profileNamed('mckesson-horizon') }, sending));
    expect(lines[0]).toContain('|ADT^A08|D0123456789|P|2.3');
    expect(lines).toContain('PID|1||5^^^^MR||SMITH^JOHN^^JR||19600614|M');
    expect(lines.some((line) => line.startsWith('ZF1'))).toBe(false);
  });

  it('keeps formatting and local sequences, and turns bytes of a character set into text', () => {
    const message = read(
      'MSH|^~\\&|A|B|C|D|2026||ORU^R01|1|P|2.5||||||8859/1\rOBX|1|FT|X||one\\.br\\two \\H\\loud\\N\\ \\ZIMG1\\ \\XE9\\ \\X0D0A\\ a\\F\\b\r',
    );
    const lines = sent(composeFor(message, receiverOf({ delimiters: '|^~#&', charset: 'UTF-8' }), sending));
    expect(lines[0]).toContain('|UNICODE UTF-8');
    expect(lines[1]).toBe('OBX|1|FT|X||one#.br#two #H#loud#N# #ZIMG1# \u00e9 #X0D0A# a#F#b');
  });

  it.each([
    ['8859/1', 'latin1'],
    ['UNICODE UTF-8', 'utf8'],
    ['windows-1252', 'latin1'],
  ] as const)('is written in %s', (charset, encoding) => {
    const message = adt('||UNICODE UTF-8', 'PID|1||5||H\u00e5konsd\u00f3ttir');
    const bytes = composeFor(message, receiverOf({ charset }), sending);
    expect(bytes.toString(encoding)).toContain('PID|1||5||H\u00e5konsd\u00f3ttir');
    expect(decodeMessage(bytes, charset).text).toContain('H\u00e5konsd\u00f3ttir');
  });

  it.each(['8859/1', 'ASCII', 'windows-1252'])('refuses what %s has no sign for, and says where', (charset) => {
    const message = adt('', 'PID|1||5||\u5c71\u7530');
    expect(() => composeFor(message, receiverOf({ charset }), sending)).toThrowError(
      expect.objectContaining({ fault: expect.objectContaining({ code: 'hl7v2.not-encodable', place: 'PID' }) }),
    );
  });

  it('holds nothing that would end the frame', () => {
    const message = read('MSH|^~\\&|A\u001cB|F\rPID|1||5\u001c6\u000b7\r');
    expect(composeFor(message, { profile: plain }, sending).toString()).toContain('PID|1||5\\X1C\\6\\X0B\\7\r');
    expect(composeFor(message, { profile: plain }, sending).includes(0x1c)).toBe(false);
  });
});

it('every profile that we have can be sent to', () => {
  for (const profile of profiles()) {
    const bytes = composeFor(adt(), { profile }, sending);
    const { message, faults } = parseMessage(bytes.toString('latin1'));
    expect({ profile: profile.name, faults }).toEqual({ profile: profile.name, faults: [] });
    expect(valueAt(message!, 'PID-5.2')).toBe('Jane');
  }
});

/** Fields of MSH that composing writes. */
const written = new Set([1, 2, 7, 9, 10, 13, 15, 16, 18]);
const characters = delimiters.map((d) => d.field + d.component + d.repetition + d.escape + d.subcomponent);

/** The meaning of a message: every part of every field, decoded. */
function meaningOf(message: Message): Record<string, unknown>[] {
  const counts = new Map<string, number>();
  const d = message.delimiters;
  const split = (text: string, by: string): string[] => (by === '' ? [text] : text.split(by));
  return message.segments.map((segment) => {
    const nth = (counts.get(segment.name) ?? 0) + 1;
    counts.set(segment.name, nth);
    const said: Record<string, unknown> = {};
    for (let n = 1; n < segment.fields.length; n += 1) {
      if (segment.name === 'MSH' && written.has(n)) continue;
      split(segment.fields[n]!, d.repetition).forEach((repetition, r) => {
        split(repetition, d.component).forEach((component, c) => {
          split(component, d.subcomponent).forEach((_, s) => {
            const value = valueAt(message, `${segment.name}[${nth}]-${n}[${r + 1}].${c + 1}.${s + 1}`);
            if (value !== undefined) said[`${segment.name}-${n}[${r + 1}].${c + 1}.${s + 1}`] = value;
          });
        });
      });
    }
    return said;
  });
}

it('keeps the meaning of every field, whatever the delimiters and the character set', () => {
  fc.assert(
    fc.property(
      madeMessage({ ending: '\r' }),
      characters,
      fc.constantFrom(undefined, 'UNICODE UTF-8', 'GB 18030-2000'),
      (made, five, charset) => {
        const message = read(made.text);
        const receiver = receiverOf({ delimiters: five, ...(charset === undefined ? {} : { charset }) });
        const bytes = composeFor(message, receiver, sending);
        const back = read(decodeMessage(bytes).text);
        expect(meaningOf(back)).toEqual(meaningOf(message));
        expect(back.segments.map(({ name }) => name)).toEqual(message.segments.map(({ name }) => name));
        expect(valueAt(back, 'MSH-10')).toBe(sending.controlId);
        // Sent on once more in the same form it is the same.
        expect(composeFor(back, receiver, sending).equals(bytes)).toBe(true);
      },
    ),
    { numRuns: 300 },
  );
});
