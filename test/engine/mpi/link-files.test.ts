/** Linking lists of invented people: one to one, gathered, with what the lists themselves teach. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  clkBytes,
  compare,
  compareClk,
  defaultModel,
  encodeClk,
  type Features,
  linkFiles,
  makeFeatures,
  parseTable,
  readModel,
  recogniseColumns,
  rowFeatures,
  writeModel,
  writeRow,
} from '../../../engine/mpi/index.ts';

const syllables = 'ba de fi go hu ka le mi no pu ra se ti vo wu za bren dor fal gim'.split(' ');

/** A fixed sequence of numbers. */
function sequence(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 4_294_967_296) * below);
  };
}

interface Invented {
  given: string;
  family: string;
  birth: string;
  postcode: string;
  street: string;
}

function inventPeople(count: number, seed: number): Invented[] {
  const next = sequence(seed);
  const word = (length: number): string => Array.from({ length }, () => syllables[next(syllables.length)]).join('');
  return Array.from({ length: count }, () => ({
    given: word(2),
    family: word(3),
    birth: `${1930 + next(80)}-${String(1 + next(12)).padStart(2, '0')}-${String(1 + next(28)).padStart(2, '0')}`,
    postcode: String(10_000 + next(400)),
    street: `${1 + next(300)} ${word(3)} road`,
  }));
}

/** A slip in one field, or none. */
function slip(person: Invented, next: (below: number) => number): Invented {
  const swap = (text: string): string => {
    const at = next(text.length - 1);
    return text.slice(0, at) + text[at + 1]! + text[at]! + text.slice(at + 2);
  };
  const copy = { ...person };
  const which = next(6);
  if (which === 0) copy.given = swap(copy.given);
  if (which === 1) copy.family = swap(copy.family);
  if (which === 2) copy.postcode = swap(copy.postcode);
  if (which === 3) copy.birth = '';
  return copy;
}

const featuresIn = ({ given, family, birth, postcode, street }: Invented): Features =>
  makeFeatures({ names: [{ given, family }], birth, addresses: [{ lines: [street], postcode }] });

describe('two lists in which nobody stands twice', () => {
  const people = inventPeople(150, 7);
  const next = sequence(11);
  const left = people.slice(0, 100).map(featuresIn);
  const right = people.slice(50).map((person) => featuresIn(slip(person, next)));
  const result = linkFiles(left, right);

  test('are matched one to one, and nobody twice', () => {
    expect(result.report.way).toBe('one-to-one');
    const sure = result.pairs.filter(({ match }) => match === 'true');
    expect(sure.map(({ left: one, right: other }) => one - other).every((offset) => offset === 50)).toBe(true);
    expect(sure.length).toBeGreaterThanOrEqual(48);
    expect(new Set(sure.map((pair) => pair.left)).size).toBe(sure.length);
  });

  test('teach a model that can be kept and read again', () => {
    const kept = readModel(writeModel(result.model));
    expect(linkFiles(left, right, { model: kept }).pairs).toEqual(result.pairs);
    expect(() => readModel('{"version":2}')).toThrow(/model/);
    expect(() => readModel(writeModel({ ...result.model, prior: 7 }))).toThrow(/prior/);
  });
});

test('one list is gathered into persons, also by a third record', () => {
  const next = sequence(5);
  const rows = inventPeople(60, 3).flatMap((person) => [person, slip(person, next), slip(person, next)]);
  const { pairs, report } = linkFiles(rows.map(featuresIn), undefined);
  const sure = pairs.filter(({ match }) => match === 'true');
  expect(report.way).toBe('groups');
  expect(sure.every(({ left, right }) => Math.floor(left / 3) === Math.floor(right / 3))).toBe(true);
  expect(sure.length).toBeGreaterThanOrEqual(175);
});

test('a household in both lists is not one person', () => {
  const people = inventPeople(80, 23);
  const siblings = people.map((person, at) => ({
    ...people[(at + 1) % 80]!,
    family: person.family,
    street: person.street,
    postcode: person.postcode,
  }));
  const { pairs } = linkFiles([...people, ...siblings].map(featuresIn), undefined);
  expect(pairs.filter(({ match }) => match === 'true')).toEqual([]);
});

test('empty lists and lists of nobody give no pair', () => {
  const nobody = makeFeatures({});
  expect(linkFiles([], undefined).pairs).toEqual([]);
  expect(linkFiles([], [nobody]).pairs).toEqual([]);
  expect(linkFiles([nobody, nobody], [nobody]).pairs).toEqual([]);
});

describe('a table', () => {
  test('with quotes, semicolons, a byte order mark and empty lines is read', () => {
    expect(parseTable('\uFEFFa;"b ""x"""\r\n1; "two\nlines"\r\n\r\n3;\n')).toEqual({
      columns: ['a', 'b "x"'],
      rows: [
        ['1', 'two\nlines'],
        ['3', ''],
      ],
    });
  });

  test('without an end of its quotes, or empty, is refused', () => {
    expect(() => parseTable('a,b\n"1,2')).toThrow(/list/);
    expect(() => parseTable('')).toThrow(/list/);
  });

  test('comes back as it was written', () => {
    const cell = fc.string({ maxLength: 12 }).map((text) => text.trim());
    fc.assert(
      fc.property(fc.array(fc.tuple(cell, cell), { maxLength: 6 }), (rows) => {
        const text = [['first', 'second'], ...rows].map(writeRow).join('');
        expect(parseTable(text).rows).toEqual(rows);
      }),
    );
  });

  test('knows columns by their usual names, and those that it is told', () => {
    const names = ['unique_id', 'First Name', 'LAST', 'dob', 'Zip', 'soc_sec_id', 'shoe size', 'wohnort'];
    const known = recogniseColumns(names, new Map([['wohnort', 'city']]));
    expect([...known.keys()].sort()).toEqual(['birth', 'city', 'family', 'given', 'id', 'postcode', 'ssn']);
    const features = rowFeatures(
      ['7', 'Bob', 'Lee Jr', '3/9/71', '01235-0042', '531-84-2207', '43', 'Ulm'],
      known,
      2026,
    );
    expect(features).toMatchObject({ birth: 19710309, suffix: 'JR', names: [{ given: 'BOB', family: 'LEE' }] });
    expect(features.addresses[0]).toMatchObject({ postcode: '01235', city: 'ULM' });
  });
});

describe('encodings in place of names', () => {
  const key = new Uint8Array(32).fill(9);
  const [person, slipped, stranger] = [
    { given: 'Anneliese', family: 'Thornbury', birth: '1971-03-09', postcode: '44110', street: '12 Harbour Lane' },
    { given: 'Annelise', family: 'Thornbury', birth: '1971-03-09', postcode: '44110', street: '12 Harbour Ln' },
    { given: 'Rosalind', family: 'Quimby', birth: '1944-11-30', postcode: '90210', street: '7 Mill Street' },
  ].map(featuresIn) as [Features, Features, Features];
  const encode = (features: Features, by = key): Uint8Array => encodeClk(features, by);

  test('link a slip and part strangers, as the names do', () => {
    expect(compareClk(encode(person), encode(slipped), defaultModel).verdict).toBe('match');
    expect(compareClk(encode(person), encode(stranger), defaultModel).verdict).toBe('no-match');
    expect(compare(person, slipped, defaultModel).verdict).toBe('match');
  });

  test('say nothing across keys, and hold no letter of the name', () => {
    const other = encode(person, new Uint8Array(32).fill(8));
    expect(compareClk(encode(person), other, defaultModel).verdict).toBe('no-match');
    expect(Buffer.from(encode(person)).toString('latin1')).not.toMatch(/THORN|ANNEL/i);
    expect(encode(person)).toHaveLength(clkBytes);
    expect(() => encodeClk(person, new Uint8Array(31))).toThrow(/32 bytes/);
  });

  test('are the same both ways, and what is none tells nothing', () => {
    const [a, b] = [encode(person), encode(slipped)];
    expect(compareClk(b, a, defaultModel)).toEqual(compareClk(a, b, defaultModel));
    expect(compareClk(a, a.subarray(1), defaultModel)).toMatchObject({ weight: 0, verdict: 'no-match', parts: [] });
  });
});
