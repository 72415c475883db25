import fc from 'fast-check';
import { expect, it } from 'vitest';
import { type ComposedField, composeMessage, valueAt, writeMessage } from '../../../engine/hl7v2/index.ts';
import { delimiters, meantText } from '../../support/hl7-arbitraries.ts';

it('writes fields, components, subcomponents and repetitions, escaped', () => {
  const message = composeMessage([
    [
      'MSH',
      'MIX',
      'A|B',
      ['EHR', '1.2', 'ISO'],
      undefined,
      '2026',
      undefined,
      ['ADT', 'A31', 'ADT_A05'],
      '77',
      'P',
      '2.5',
    ],
    [
      'PID',
      '1',
      undefined,
      { repetitions: [['5', undefined, undefined, ['H&H', '1.2', 'ISO'], 'MR'], '6'] },
      undefined,
      ['O^Neil', null],
    ],
  ]);
  expect(writeMessage(message)).toBe(
    'MSH|^~\\&|MIX|A\\F\\B|EHR^1.2^ISO||2026||ADT^A31^ADT_A05|77|P|2.5\rPID|1||5^^^H\\T\\H&1.2&ISO^MR~6||O\\S\\Neil^""\r',
  );
  expect([message.code, message.trigger, message.version]).toEqual(['ADT', 'A31', '2.5']);
});

it('refuses what has no header', () => {
  expect(() => composeMessage([['PID', '1']])).toThrow(/MSH/);
  expect(() => composeMessage([])).toThrow(/MSH/);
});

it('gives back every value that was put in, whatever the delimiters', () => {
  const value = meantText.map((text) => (text === '' ? undefined : text.replace(/\r\n?/g, '\n')));
  fc.assert(
    fc.property(
      delimiters,
      fc.array(value, { minLength: 1, maxLength: 6 }),
      value,
      value,
      (d, fields, component, subcomponent) => {
        const placed: ComposedField[] = [...fields, { repetitions: ['x', ['y', component, ['z', subcomponent]]] }];
        const message = composeMessage(
          [
            ['MSH', 'A'],
            ['PID', ...placed],
          ],
          d,
        );
        for (const [at, field] of fields.entries()) expect(valueAt(message, `PID-${at + 1}`)).toBe(field);
        expect(valueAt(message, `PID-${fields.length + 1}[2].2`)).toBe(component);
        expect(valueAt(message, `PID-${fields.length + 1}[2].3.2`)).toBe(subcomponent);
      },
    ),
    { numRuns: 200 },
  );
});
