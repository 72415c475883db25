import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { openNodes, register, type TestNode, type TestNodes } from '../support/nodes.ts';
import { fieldsOf, HOSP_A, HOSP_B, header, type Line, openLine, q22 } from '../support/pix.ts';

let nodes: TestNodes;
let line: Line;
beforeEach(async () => {
  nodes = await openNodes();
  line = openLine(nodes, nodes.region, { pageSize: 3 });
});
afterEach(() => nodes.close());

const mothersMaidenName = 'http://hl7.org/fhir/StructureDefinition/patient-mothersMaidenName';
const anna = {
  name: [{ use: 'official' as const, family: 'Lindqvist', given: ['Anna', 'Maria'] }],
  gender: 'female' as const,
  birthDate: '1956-03-14',
  address: [{ line: ['12 Mill Road'], city: 'Fairhaven', state: 'MA', postalCode: '02719', country: 'US' }],
  telecom: [{ system: 'phone' as const, value: '(508) 555-0142', use: 'home' as const }],
  extension: [{ url: mothersMaidenName, valueString: 'Sj\u00f6berg' }],
};
const of = (family: string, given: string, birthDate: string) => ({
  ...anna,
  name: [{ family, given: [given] }],
  birthDate,
});

async function fill(): Promise<void> {
  await register(nodes.a, 'A-1', anna);
  await register(nodes.a, 'A-2', of('Lindgren', 'Anna', '1960-01-01'));
  await register(nodes.b, 'B-3', of('Lindqvist', 'Bo', '1971-08-02'));
  await nodes.settle();
}

const namesIn = (answer: string[]): string[] =>
  answer
    .filter((one) => one.startsWith('PID|'))
    .map((one) => one.split('|')[5]!.split('^').slice(0, 2).join(' '))
    .sort();
const statusOf = (answer: string[]): string[] => [fieldsOf(answer, 'MSA')[1]!, fieldsOf(answer, 'QAK')[2]!];
const errorOf = (answer: string[]): string[] => fieldsOf(answer, 'ERR').slice(2, 4);

describe('ITI-21', () => {
  test('who fits is told with demographics and numbers', async () => {
    await fill();
    const answer = await line.ask(q22('@PID.5.1.1^LINDQVIST~@PID.5.2^anna'));
    expect(fieldsOf(answer, 'MSH')[8]).toBe('RSP^K22^RSP_K21');
    expect(statusOf(answer)).toEqual(['AA', 'OK']);
    expect(fieldsOf(answer, 'QAK').slice(3)).toEqual(['IHE PDQ Query', '1', '1', '0']);
    const pid = fieldsOf(answer, 'PID');
    expect(pid[3]?.split('~')).toContain(`A-1^^^${HOSP_A}^MR`);
    expect(pid[5]).toBe('Lindqvist^Anna^Maria^^^^L');
    expect(pid[6]).toBe('Sj\u00f6berg^^^^^^M');
    expect(pid.slice(7, 9)).toEqual(['19560314', 'F']);
    expect(pid[11]).toBe('12 Mill Road^^Fairhaven^MA^02719^US');
    expect(pid[13]).toBe('(508) 555-0142^PRN^PH');
    expect(answer.some((one) => one.startsWith('DSC'))).toBe(false);
  });

  test.each([
    ['whole family name only', '@PID.5.1^LIND', []],
    ['its beginning with a star', '@PID.5.1^LIND*', ['Lindgren Anna', 'Lindqvist Anna', 'Lindqvist Bo']],
    ['without case and diacritics', '@PID.5.1^lindqvist~@PID.6.1^sjoberg', ['Lindqvist Anna', 'Lindqvist Bo']],
    ['birth date', '@PID.7^19560314', ['Lindqvist Anna']],
    ['birth year beside a name', '@PID.5.1^Lind*~@PID.7^1971', ['Lindqvist Bo']],
    ['sex that differs', '@PID.5.1^Lindqvist~@PID.8^M', []],
    [
      'postal code',
      '@PID.5.1^Lind*~@PID.11.5^02719~@PID.11.3^FAIR*',
      ['Lindgren Anna', 'Lindqvist Anna', 'Lindqvist Bo'],
    ],
    ['another city', '@PID.5.1^Lind*~@PID.11.3^Boston', []],
    ['telephone, typed differently', '@PID.7^19560314~@PID.13.1^508-555-0142', ['Lindqvist Anna']],
    ['number and authority', `@PID.3.1^B-3~@PID.3.4.1^HOSP_B`, ['Lindqvist Bo']],
    ['a number of another authority', `@PID.3.1^B-3~@PID.3.4.1^HOSP_A`, []],
    ['number alone', '@PID.3.1^A-2', ['Lindgren Anna']],
    ['second given name', '@PID.5.1^Lindqvist~@PID.5.2^Maria', ['Lindqvist Anna']],
  ])('%s', async (_what, parameters, wanted) => {
    await fill();
    const answer = await line.ask(q22(parameters));
    expect(namesIn(answer)).toEqual(wanted);
    expect(statusOf(answer)).toEqual(['AA', wanted.length === 0 ? 'NF' : 'OK']);
  });

  test('only numbers of the domains asked for, and only who has one', async () => {
    await fill();
    const answer = await line.ask(q22('@PID.5.1^Lindqvist', { domains: '^^^HOSP_B' }));
    expect(namesIn(answer)).toEqual(['Lindqvist Bo']);
    expect(fieldsOf(answer, 'PID')[3]).toBe(`B-3^^^${HOSP_B}^MR`);
  });

  test('a domain of QPD-8 that is not known is named, with its repetition', async () => {
    const answer = await line.ask(q22('@PID.5.1^Lindqvist', { domains: '^^^HOSP_B~^^^NOWHERE' }));
    expect(statusOf(answer)).toEqual(['AE', 'AE']);
    expect(errorOf(answer)).toEqual(['QPD^1^8^2', '204^Unknown key identifier^HL70357']);
    expect(fieldsOf(answer, 'ERR')[7]).toBe('NOWHERE');
  });

  test.each([
    ['an unknown field', '@PID.5.1^Lindqvist~@PID.99^x', 'QPD^1^3^2^1'],
    ['no field at all', 'Lindqvist', 'QPD^1^3^1^1'],
    ['a star in the middle', '@PID.5.1^Lind*st', 'QPD^1^3^1^2'],
    ['a birth date that is none', '@PID.7^March', 'QPD^1^3^1^2'],
    ['a sex that is none', '@PID.5.1^Lindqvist~@PID.8^Q', 'QPD^1^3^2^2'],
    ['an unknown authority', '@PID.3.1^1~@PID.3.4.2^1.2.3', 'QPD^1^3^2^2'],
    ['nothing to look up by', '@PID.8^F', ''],
    ['nothing', '', 'QPD^1^3'],
  ])('refuses %s', async (_what, parameters, place) => {
    await fill();
    const answer = await line.ask(q22(parameters));
    expect(statusOf(answer)).toEqual(['AE', 'AE']);
    expect(errorOf(answer)[0]).toBe(place);
  });

  test('who may find only its own patients does', async () => {
    await fill();
    expect(namesIn(await line.ask(q22('@PID.5.1^Lind*'), { sees: 'own' }))).toEqual([
      'Lindgren Anna',
      'Lindqvist Anna',
    ]);
  });

  test('the audit tells that it was asked, and not what', async () => {
    await fill();
    await line.ask(q22('@PID.5.1^Lindqvist'));
    const { rows } = await nodes.region.store.audit({ action: 'search', limit: 10 });
    expect(rows[0]).toMatchObject({ who: 'a', what: 'patient', reason: 'ITI-21' });
    expect(JSON.stringify(rows).toLowerCase()).not.toContain('lindqvist');
  });
});

describe('continuation', () => {
  /** People who share their family name and nothing else. */
  const givens = ['Amadou', 'Brigitta', 'Cornelius', 'Dolores', 'Ephraim', 'Fatima', 'Gottlieb', 'Hyacinth'];
  async function many(node: TestNode, count: number): Promise<void> {
    for (const [n, given] of givens.slice(0, count).entries())
      await register(node, `M-${n}`, {
        name: [{ family: 'Marchetti', given: [given] }],
        gender: n % 2 === 0 ? 'male' : 'female',
        birthDate: `19${n + 2}${n}-0${n + 1}-1${n}`,
        address: [
          { line: [`${n * 37 + 5} ${given} Street`], city: `${given}ville`, postalCode: `${n}${n + 1}${n}4${n}` },
        ],
      });
    await nodes.settle();
  }
  const pointerOf = (answer: string[]): string => fieldsOf(answer, 'DSC')[1] ?? '';

  test('every patient comes once, page by page, and each pointer works once', async () => {
    await many(nodes.a, 8);
    const seen: string[] = [];
    const pointers: string[] = [];
    let answer = await line.ask(q22('@PID.5.1^Marchetti'));
    for (;;) {
      seen.push(...namesIn(answer));
      if (pointerOf(answer) === '') break;
      pointers.push(pointerOf(answer));
      answer = await line.ask(q22('@PID.5.1^Marchetti', { pointer: pointerOf(answer) }));
    }
    expect(seen.length).toBe(8);
    expect(new Set(seen).size).toBe(8);
    expect(pointers.length).toBe(2);
    const again = await line.ask(q22('@PID.5.1^Marchetti', { pointer: pointers[0]! }));
    expect(statusOf(again)).toEqual(['AE', 'AE']);
    expect(errorOf(again)[0]).toBe('DSC^1^1');
    expect(again.join()).toContain('not kept any longer');
  });

  test('RCP-2 says how many', async () => {
    await many(nodes.a, 4);
    const answer = await line.ask(q22('@PID.5.1^Marchetti', { limit: 2 }));
    expect(namesIn(answer).length).toBe(2);
    expect(pointerOf(answer)).toMatch(/^[0-9a-f]{32}$/);
    expect(fieldsOf(answer, 'DSC')[2]).toBe('I');
  });

  test('is its asker\u2019s alone, ends with its time, and with a cancel', async () => {
    await many(nodes.a, 7);
    const first = async () => pointerOf(await line.ask(q22('@PID.5.1^Marchetti')));
    const goesOn = async (pointer: string, asker = {}) =>
      statusOf(await line.ask(q22('@PID.5.1^Marchetti', { pointer }), asker))[0];
    expect(await goesOn(await first(), { from: nodes.region.subjectOf('b') })).toBe('AE');
    const late = await first();
    nodes.clock.pass(61_000);
    expect(await goesOn(late)).toBe('AE');
    const ended = await first();
    const cancel = await line.ask([header('QCN^J01^QCN_J01', 'C1'), 'QID|TAG2|IHE PDQ Query']);
    expect(cancel[1]).toBe('MSA|AA|C1');
    expect(await goesOn(ended)).toBe('AE');
    expect(await goesOn(await first())).toBe('AA');
  });

  test('no more are kept than the settings allow; the oldest goes', async () => {
    await many(nodes.a, 7);
    const small = openLine(nodes, nodes.region, { pageSize: 1, max: 2 });
    const pointers: string[] = [];
    for (let n = 0; n < 3; n += 1) pointers.push(pointerOf(await small.ask(q22('@PID.5.1^Marchetti'))));
    const first = await small.ask(q22('@PID.5.1^Marchetti', { pointer: pointers[0]! }));
    expect(statusOf(first)[0]).toBe('AE');
    const last = await small.ask(q22('@PID.5.1^Marchetti', { pointer: pointers[2]! }));
    expect(statusOf(last)[0]).toBe('AA');
  });
});
