import { describe, expect, test } from 'vitest';
import { toBundle } from '../../../engine/record/index.ts';
import { searchText } from '../../conformance/extract-raw.ts';
import { draftOf, recordOf } from './support.ts';

/** Segment, message type, what must stand before it (`#`: where it stands), number of fields, and fields that only steer. */
const segments: [name: string, type: string, around: string[], fields: number, steering: number[]][] = [
  ['PID', 'ADT^A08', ['#'], 40, [1]],
  ['PD1', 'ADT^A08', ['#'], 22, []],
  ['NK1', 'ADT^A08', ['#'], 41, [1]],
  ['PV1', 'ADT^A08', ['#'], 54, [1]],
  ['PV2', 'ADT^A08', ['PV1|1|I', '#'], 50, []],
  ['AL1', 'ADT^A08', ['#'], 6, [1]],
  ['IAM', 'ADT^A08', ['#'], 20, [1]],
  ['DG1', 'ADT^A08', ['#'], 22, [1]],
  ['PR1', 'ADT^A08', ['#'], 25, [1]],
  ['ROL', 'ADT^A08', ['PV1|1|I', '#'], 14, [1, 2]],
  ['GT1', 'ADT^A08', ['#'], 57, [1]],
  ['IN1', 'ADT^A08', ['#'], 55, [1]],
  ['IN2', 'ADT^A08', ['IN1|1', '#'], 72, []],
  ['IN3', 'ADT^A08', ['IN1|1', '#'], 25, [1]],
  ['ACC', 'ADT^A08', ['PV1|1', '#'], 13, []],
  ['DRG', 'ADT^A08', ['PV1|1', '#'], 20, []],
  ['ORC', 'ORM^O01', ['#', 'OBR|1|P1'], 31, []],
  ['OBR', 'ORU^R01', ['#'], 53, [1]],
  ['OBR', 'OML^O21', ['#'], 53, [1]],
  ['OBX', 'ORU^R01', ['OBR|1|P1', '#'], 33, [1, 2]],
  ['NTE', 'ORU^R01', ['OBR|1|P1', '#'], 6, [1]],
  ['SPM', 'ORU^R01', ['OBR|1|P1', '#'], 31, [1]],
  ['TQ1', 'ORM^O01', ['ORC|NW|1', '#', 'OBR|1'], 14, [1]],
  ['TQ2', 'ORM^O01', ['ORC|NW|1', '#', 'OBR|1'], 10, [1]],
  ['RXE', 'RDE^O11', ['ORC|NW|1', '#'], 45, []],
  ['RXO', 'RDE^O11', ['ORC|NW|1', '#'], 36, []],
  ['RXR', 'RDE^O11', ['ORC|NW|1', 'RXE||A', '#'], 6, []],
  ['RXC', 'RDE^O11', ['ORC|NW|1', 'RXE||A', '#'], 11, []],
  ['RXD', 'RDE^O11', ['ORC|NW|1', '#'], 30, [1]],
  ['RXA', 'VXU^V04', ['ORC|RE|1', '#'], 28, [1, 2]],
  ['RXA', 'RDE^O11', ['ORC|NW|1', '#'], 28, [1, 2]],
  ['TXA', 'MDM^T02', ['#'], 25, [1]],
  ['CON', 'MDM^T02', ['TXA|1', '#'], 25, [1]],
  ['FT1', 'ADT^A08', ['#'], 43, [1]],
];

/** Fields of one component by the standard (ID, SI): what stands in others has no meaning there. EI have four, the last a kind; EIP two. */
const simple = /^(ORC-[15]|OBR-25|OBX-11|RXA-20|TXA-14)$/;
const pair = /^SPM-2$/;
const entity = /^(ORC-[23]|OBR-[23]|OBX-(18|21)|PR1-19|DG1-20|IAM-7|TXA-1[235]|CON-4|FT1-2|PID-20)$/;

describe.each(segments)('%s of %s', (name, type, around, fields, steering) => {
  test.each([1, 2])('every component of %d repetitions is in the record, or the field is told', (repetitions) => {
    const token = (n: number, r: number, c: number): string => `q${n}r${r}c${c}z`;
    const list = (count: number): number[] => Array.from({ length: count }, (_, at) => at + 1);
    const line = [
      name,
      ...list(fields).map((n) =>
        name === 'OBX' && n === 2
          ? 'CWE'
          : list(repetitions)
              .map((r) =>
                list(6)
                  .map((c) => token(n, r, c))
                  .join('^'),
              )
              .join('~'),
      ),
    ].join('|');
    const lines = around.map((one) => (one === '#' ? line : one));
    const draft = draftOf([
      `MSH|^~\\&|A|B|C|D|20260401||${type}|1|P|2.5.1`,
      ...(name === 'PID' ? [] : ['PID|1||1^^^H^MR']),
      ...lines,
    ]);
    const record = recordOf(draft);
    const text = decodeURIComponent(
      searchText(record.persons().map((person) => toBundle(person, record.entries(person.id, { removed: true })))),
    ).toLowerCase();
    const told = new Set(draft.notCarried);
    const lost: string[] = [];
    for (const n of list(fields)) {
      const field = `${name}-${n}`;
      if (told.has(field) || steering.includes(n)) continue;
      for (const r of list(repetitions))
        for (const c of list(simple.test(field) ? 1 : entity.test(field) ? 3 : pair.test(field) ? 2 : 6))
          if ((r === 1 || !simple.test(field)) && !text.includes(token(n, r, c))) lost.push(`${field}~${r}.${c}`);
    }
    expect(lost).toEqual([]);
  });
});
