/** HL7 v2 messages built bottom-up by the grammar, for properties. Texts are what a sender means; the builders escape them. */
import fc from 'fast-check';
import { escapeText } from '../../engine/hl7v2/index.ts';
import type { Delimiters } from '../../schemas/hl7v2/message.ts';

/** Five different usable delimiters, most often the standard ones. */
export const delimiters: fc.Arbitrary<Delimiters> = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.constant({
      field: '|',
      component: '^',
      repetition: '~',
      escape: '\\',
      subcomponent: '&',
      truncation: '',
    }),
  },
  {
    weight: 2,
    arbitrary: fc.shuffledSubarray([...'|^~\\&#$%*+!@:;<>?_{}'], { minLength: 5, maxLength: 6 }).map((picked) => ({
      field: picked[0]!,
      component: picked[1]!,
      repetition: picked[2]!,
      escape: picked[3]!,
      subcomponent: picked[4]!,
      truncation: picked[5] ?? '',
    })),
  },
);

/** What a person may type: letters, delimiters, line breaks, other scripts. */
export const meantText: fc.Arbitrary<string> = fc.oneof(
  fc.string({ maxLength: 12 }),
  fc.string({ unit: 'grapheme', maxLength: 12 }),
  fc.constantFrom(
    'Doe',
    'O\u2019Brien',
    'A|B^C~D\\E&F',
    'line one\nline two',
    'Zo\u00eb',
    '\u5c71\u7530',
    '""',
    '',
    '7.4',
    '20260101',
  ),
);

function joined(part: fc.Arbitrary<string>, separator: string, maxLength: number): fc.Arbitrary<string> {
  return fc.array(part, { maxLength }).map((parts) => parts.join(separator));
}

/** A raw field of a message with these delimiters, to the depth of subcomponents. */
export function rawField(d: Delimiters): fc.Arbitrary<string> {
  const leaf = fc.oneof(
    meantText.map((text) => escapeText(text, d)),
    fc.constantFrom('', '""'),
  );
  const component = fc.oneof({ weight: 3, arbitrary: leaf }, { weight: 1, arbitrary: joined(leaf, d.subcomponent, 3) });
  const repetition = fc.oneof(
    { weight: 2, arbitrary: leaf },
    { weight: 2, arbitrary: joined(component, d.component, 5) },
  );
  return fc.oneof({ weight: 4, arbitrary: repetition }, { weight: 1, arbitrary: joined(repetition, d.repetition, 3) });
}

const segmentName = fc.constantFrom(
  'EVN',
  'PID',
  'PD1',
  'NK1',
  'PV1',
  'AL1',
  'DG1',
  'OBR',
  'OBX',
  'NTE',
  'ORC',
  'RXE',
  'ZF1',
  'ZXX',
  'IN1',
  'MRG',
);
const type = fc.constantFrom(
  ['ADT', 'A01'],
  ['ADT', 'A08'],
  ['ADT', 'A40'],
  ['ORU', 'R01'],
  ['ORM', 'O01'],
  ['MDM', 'T02'],
  ['VXU', 'V04'],
  ['RDE', ''],
  ['XYZ', 'Q99'],
);
const version = fc.constantFrom('2.1', '2.2', '2.3', '2.3.1', '2.4', '2.5', '2.5.1', '2.6', '2.7', '2.8', '2.8.2');

/** A whole message: its text, and what it was made of. */
export interface MadeMessage {
  delimiters: Delimiters;
  /** Raw fields of each segment; `[0]` is the name. MSH without MSH-1. */
  segments: string[][];
  text: string;
}

/** Options: one line end for all segments (for comparing with other parsers), else each its own. */
export function message(
  options: { delimiters?: fc.Arbitrary<Delimiters>; ending?: string } = {},
): fc.Arbitrary<MadeMessage> {
  return (options.delimiters ?? delimiters).chain((d) => {
    const header = fc
      .tuple(type, version, fc.stringMatching(/^[A-Z0-9]{1,12}$/), rawField(d))
      .map(([[code, trigger], v, id, facility]) => [
        'MSH',
        d.component + d.repetition + d.escape + d.subcomponent + d.truncation,
        'APP',
        facility,
        'MIX',
        'HIE',
        '20260101120000',
        '',
        trigger === '' ? code! : code! + d.component + trigger!,
        id,
        'P',
        v,
      ]);
    const segment = fc
      .tuple(segmentName, fc.array(rawField(d), { maxLength: 12 }))
      .map(([name, fields]) => [name, ...fields]);
    const ending =
      options.ending === undefined ? fc.constantFrom('\r', '\n', '\r\n', '\r\r') : fc.constant(options.ending);
    const lead = options.ending === undefined ? fc.constantFrom('', '', '\ufeff', '\u000b', '\r\n') : fc.constant('');
    return fc
      .tuple(lead, header, fc.array(segment, { maxLength: 10 }), fc.array(ending, { minLength: 11, maxLength: 11 }))
      .map(([before, msh, rest, endings]) => {
        const segments = [msh, ...rest];
        const text = before + segments.map((fields, at) => fields.join(d.field) + endings[at]!).join('');
        return { delimiters: d, segments, text };
      });
  });
}

/** Bytes of any kind: noise, and messages with bytes changed, cut out or put in. */
export const anyBytes: fc.Arbitrary<Buffer> = fc.oneof(
  fc.uint8Array({ maxLength: 400 }).map((bytes) => Buffer.from(bytes)),
  fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.concat([Buffer.from('MSH|^~\\&|'), Buffer.from(bytes)])),
  fc.tuple(message(), fc.array(fc.tuple(fc.nat(), fc.nat(255)), { maxLength: 8 })).map(([made, changes]) => {
    const bytes = Buffer.from(made.text, 'utf8');
    for (const [at, value] of changes) if (bytes.length > 0) bytes[at % bytes.length] = value;
    return bytes;
  }),
  fc.tuple(message(), fc.nat(), fc.nat()).map(([made, from, to]) => {
    const bytes = Buffer.from(made.text, 'utf8');
    return Buffer.concat([bytes.subarray(0, from % (bytes.length + 1)), bytes.subarray(to % (bytes.length + 1))]);
  }),
);
