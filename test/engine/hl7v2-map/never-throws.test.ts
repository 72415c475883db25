import fc from 'fast-check';
import { expect, test } from 'vitest';
import { isMapped, normalizeMessage, parseMessage, toRecord } from '../../../engine/hl7v2/index.ts';
import { createMemoryRecord, toBundle } from '../../../engine/record/index.ts';
import { profiles } from '../../../schemas/vendors/profile.ts';
import { source } from './support.ts';

const names =
  'EVN PID PD1 NK1 PV1 PV2 DB1 OBX AL1 IAM DG1 DRG PR1 ROL GT1 IN1 IN2 IN3 ACC UB1 UB2 MRG ORC OBR NTE SPM TQ1 TQ2 TXA RXA RXR RXE RXO RXC RXD CON ARV PRT FT1 SFT ZZZ'.split(
    ' ',
  );
const types = [
  'ADT^A01',
  'ADT^A03',
  'ADT^A08',
  'ADT^A11',
  'ADT^A13',
  'ADT^A40',
  'ORU^R01',
  'MDM^T02',
  'VXU^V04',
  'ORM^O01',
  'OML^O21',
  'OMG^O19',
  'RDE^O11',
];
const piece = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.constantFrom(
      '',
      '""',
      'A',
      '1',
      '-5',
      '1e999',
      '20260401',
      '202604011015',
      '2026040199',
      'F',
      'NM',
      'SN',
      'CE',
      'ED',
      'RP',
      'TX',
      'DT',
      '0',
      '999999999999999999999',
      '1.50',
      'MR',
      '\\E',
      '\\X0D0A\\',
      '\\.br\\',
      '\ud800',
    ),
  },
  { weight: 1, arbitrary: fc.string({ maxLength: 12 }) },
);
const field = fc
  .array(fc.tuple(piece, fc.constantFrom('^', '&', '~', '')), { maxLength: 6 })
  .map((parts) => parts.flat().join(''));
const segment = fc
  .tuple(fc.constantFrom(...names), fc.array(field, { maxLength: 60 }))
  .map(([name, fields]) => [name, ...fields.map((one) => one.replaceAll(/[|\r\n]/g, ''))].join('|'));
const anyMessage = fc
  .tuple(fc.constantFrom(...types), fc.array(segment, { maxLength: 14 }))
  .map(([type, segments]) =>
    [`MSH|^~\\&|A|B|C|D|20260401||${type}|1|P|2.5.1`, 'PID|1||1^^^H^MR', ...segments].join('\r'),
  );

test('any segments in any order with anything in them: no throw, and every populated field is carried or told', () => {
  const all = profiles();
  fc.assert(
    fc.property(anyMessage, fc.nat(), (text, pick) => {
      const profile = all[pick % all.length]!;
      const { message } = parseMessage(text);
      const normal = normalizeMessage(message!, profile).message;
      if (!isMapped(normal)) return;
      const draft = toRecord(normal, profile, { source, receivedAt: 0 });
      const keys = draft.subjects.map((subject) => subject.entries.map(({ key }) => key));
      for (const list of keys) expect(new Set(list).size).toBe(list.length);
      const populated = normal.segments.flatMap((one) =>
        one.fields.slice(1).filter((raw) => raw !== '""' && /[^^~&" ]/.test(raw)),
      ).length;
      expect(draft.carried + draft.notCarried.length).toBe(populated);
      expect(draft.terms.length).toBeLessThanOrEqual(200);
      const record = createMemoryRecord();
      for (const id of record.apply(draft, { messageId: 'm', sourceId: 's1' }))
        JSON.stringify(toBundle(record.person(id)!, record.entries(id, { removed: true })));
    }),
    { numRuns: 400 },
  );
});
