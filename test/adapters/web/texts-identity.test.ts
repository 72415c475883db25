/** What the matcher can say has words on the pages. */
import { describe, expect, test } from 'vitest';
import { differenceIn } from '../../../adapters/web/difference.ts';
import {
  bitsText,
  fieldText,
  identityTexts,
  levelText,
  percentText,
  ruleText,
} from '../../../adapters/web/texts-identity.ts';
import { compare, defaultModel, featuresOf } from '../../../engine/mpi/index.ts';
import { relativeDefaults } from '../../../schemas/mpi/default-model.ts';

const patient = (family: string, given: string[], more: object = {}) =>
  featuresOf({ resourceType: 'Patient', name: [{ family, given }], ...more });

describe('words of the patient index', () => {
  test('every relative that the model knows has words for its doubt and its rule', () => {
    for (const { id } of relativeDefaults) {
      expect(levelText('rule', id)).not.toBe(id);
      expect(ruleText(id)).not.toBe(identityTexts.match.otherRule(id));
    }
  });

  test('what comparisons of patients find is told in words, not in names of the program', () => {
    const address = [{ line: ['12 Larch Lane Apt 4'], city: 'Springhill', state: 'KS', postalCode: '66083' }];
    const telecom = [
      { system: 'phone' as const, value: '555-555-0142' },
      { system: 'email' as const, value: 'ruth@mail.example' },
    ];
    const sides = [
      patient('Okafor', ['Ruth', 'Adaeze'], { birthDate: '1940-01-10', gender: 'female', address, telecom }),
      patient('Okafor', ['Ruthie', 'A'], { birthDate: '1940-10-01', gender: 'female', address, telecom }),
      patient('Marsh', ['Claude'], { birthDate: '1940-01-11', gender: 'male', address }),
      patient('Okafor', ['Ruth'], { birthDate: '1940', address: [{ ...address[0], line: ['7 Mill Road'] }] }),
      patient('Ruth', ['Okafor'], { birthDate: '1940-01-10', gender: 'female', telecom }),
      patient('Marsh', ['BABY BOY'], { birthDate: '2026-11-20', gender: 'male', multipleBirthInteger: 1 }),
      patient('Marsh', ['BABY BOY'], { birthDate: '2026-11-20', gender: 'male', multipleBirthInteger: 2 }),
      patient('Test', ['Test'], {}),
    ];
    const seen = new Set<string>();
    for (const one of sides)
      for (const other of sides) {
        const { parts, rules } = compare(one, other, defaultModel);
        for (const { field, level } of parts) {
          seen.add(field);
          expect(fieldText(field), field).not.toBe(field);
          expect(levelText(field, level), `${field} ${level}`).not.toMatch(/-beside-/);
        }
        for (const id of rules) expect(ruleText(id), id).not.toBe(identityTexts.match.otherRule(id));
      }
    expect(seen.size).toBeGreaterThan(10);
  });

  test('a chance never rounds to certain, and bits tell their sign', () => {
    expect([0.000_01, 0.034, 0.5, 0.962, 0.9962, 0.999_99, 1].map(percentText)).toEqual([
      'below 0.1 %',
      '3 %',
      '50 %',
      '96 %',
      '99.6 %',
      'above 99.9 %',
      '100.0 %',
    ]);
    expect([4.25, 0, -16.61].map(bitsText)).toEqual(['+4.3', '+0.0', '\u221216.6']);
  });

  test.each([
    ['Okafor, Ruth', 'OKAFOR, Ruthie', 'Okafor, Ruth'],
    ['OKAFOR, Ruthie', 'Okafor, Ruth', 'OKAFOR, Ruth[ie]'],
    ['1940-01-10', '1940-01-19', '1940-01-1[0]'],
    ['1940-01-10', '1940-10-01', '1940-[01]-[10]'],
    ['Ruth, Okafor', 'OKAFOR, Ruth', '[Ruth], [Okafor]'],
    ['Okafor, Ruth', 'OKAFOR, RUTH', 'Okafor, Ruth'],
    ['Springhill', 'Springhall', 'Springh[i]ll'],
    ['12 Larch Lane, KS 66083', '7 Mill Road, KS 66031', '[12] [Larch] [Lane], KS 660[83]'],
    ['Brackenthorpe, Odalys Mae', 'BRACKENTHORP, ODALYS', 'Brackenthorp[e], Odalys [Mae]'],
    ['BRACKENTHORP, ODALYS', 'Brackenthorpe, Odalys Mae', 'BRACKENTHORP, ODALYS'],
    ['M\u00fcller', 'Mueller', 'M[\u00fc]ller'],
    ['12 Lantern Row', '3 Old Hollow', '[12] [Lantern] [Row]'],
    ['male', '', '[male]'],
    ['', 'male', ''],
  ])('of %j beside %j the odd letters are marked', (value, beside, wanted) => {
    const pieces = differenceIn(value, beside);
    expect(pieces.map(({ text, odd }) => (odd ? `[${text}]` : text)).join('')).toBe(wanted);
    expect(pieces.map(({ text }) => text).join('')).toBe(value);
    for (const { at, text } of pieces) expect(value.slice(at, at + text.length)).toBe(text);
  });
});
