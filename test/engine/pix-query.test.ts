import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { openNodes, register, SYSTEM, type TestNodes } from '../support/nodes.ts';
import { fieldsOf, HOSP_A, HOSP_B, header, type Line, openLine, q23 } from '../support/pix.ts';

let nodes: TestNodes;
let line: Line;
beforeEach(async () => {
  nodes = await openNodes();
  line = openLine(nodes, nodes.region);
});
afterEach(() => nodes.close());

const anna = {
  name: [{ use: 'official' as const, family: 'Lindqvist', given: ['Anna'] }],
  gender: 'female' as const,
  birthDate: '1956-03-14',
  address: [{ line: ['12 Mill Road'], city: 'Fairhaven', postalCode: '02719' }],
};

async function annaAtBoth(): Promise<void> {
  await register(nodes.a, 'A-1', anna);
  await register(nodes.b, 'B-1', anna);
  await nodes.settle();
}

describe('ITI-9, in the cases of its table', () => {
  test('1: other numbers are told, the one that was asked by is not', async () => {
    await annaAtBoth();
    const answer = await line.ask(q23(`A-1^^^${HOSP_A}^MR`));
    expect(answer[0]).toMatch(/^MSH\|\^~\\&\|MIX\|REGION\|PIX_CLIENT\|WARD\|\d{14}\+0000\|\|RSP\^K23\^RSP_K23\|/);
    expect(answer.slice(1, 4)).toEqual(['MSA|AA|Q1', 'QAK|TAG1|OK', `QPD|IHE PIX Query|TAG1|A-1^^^${HOSP_A}^MR`]);
    const pid = fieldsOf(answer, 'PID');
    expect(pid[3]?.split('~')).toContain(`B-1^^^${HOSP_B}^MR`);
    expect(pid[3]).not.toContain('A-1^');
    expect(pid[5]).toBe('~^^^^^^S');
    expect(answer.filter((one) => one.startsWith('PID')).length).toBe(1);
  });

  test('1: only of the domains that are asked for, by name or OID', async () => {
    await annaAtBoth();
    for (const domain of ['^^^HOSP_B', `^^^&${SYSTEM.b.slice(8)}&ISO`, `^^^${HOSP_B}~^^^HOSP_B`]) {
      const answer = await line.ask(q23('A-1^^^HOSP_A', domain));
      expect(fieldsOf(answer, 'PID')[3]).toBe(`B-1^^^${HOSP_B}^MR`);
    }
  });

  test('1: the domain that was asked by is told where it is asked for', async () => {
    await annaAtBoth();
    const answer = await line.ask(q23(`A-1^^^${HOSP_A}`, '^^^HOSP_A~^^^HOSP_B'));
    expect(fieldsOf(answer, 'PID')[3]?.split('~').sort()).toEqual([`A-1^^^${HOSP_A}^MR`, `B-1^^^${HOSP_B}^MR`]);
  });

  test('2: nobody there: AA, NF, and no PID', async () => {
    await register(nodes.a, 'A-1', anna);
    await nodes.settle();
    const answer = await line.ask(q23(`A-1^^^${HOSP_A}`, `^^^${HOSP_B}`));
    expect(answer.slice(1)).toEqual([
      'MSA|AA|Q1',
      'QAK|TAG1|NF',
      `QPD|IHE PIX Query|TAG1|A-1^^^${HOSP_A}|^^^${HOSP_B}`,
    ]);
  });

  test('3: a number that nobody has', async () => {
    const answer = await line.ask(q23(`A-404^^^${HOSP_A}`));
    expect(answer[1]).toBe('MSA|AE|Q1|Unknown key identifier');
    expect(fieldsOf(answer, 'ERR').slice(0, 5)).toEqual([
      'ERR',
      '',
      'QPD^1^3^1^1',
      '204^Unknown key identifier^HL70357',
      'E',
    ]);
    expect(fieldsOf(answer, 'QAK')).toEqual(['QAK', 'TAG1', 'AE']);
    expect(answer.join()).not.toContain('PID|');
  });

  test('4: an authority that the index does not know, named in the answer', async () => {
    const answer = await line.ask(q23('A-1^^^&2.16.840.1.113883.19.404&ISO'));
    const err = fieldsOf(answer, 'ERR');
    expect(err[2]).toBe('QPD^1^3^1^4');
    expect(err[3]).toBe('204^Unknown key identifier^HL70357');
    expect(err[7]).toBe('2.16.840.1.113883.19.404');
  });

  test('6: every domain of QPD-4 that the index does not know', async () => {
    await annaAtBoth();
    const answer = await line.ask(q23(`A-1^^^${HOSP_A}`, '^^^HOSP_B~^^^NONEXISTING~^^^&1.2.3.4&ISO'));
    const errors = answer.filter((one) => one.startsWith('ERR')).map((one) => one.split('|'));
    expect(errors.map((err) => [err[2], err[7]])).toEqual([
      ['QPD^1^4^2', 'NONEXISTING'],
      ['QPD^1^4^3', '1.2.3.4'],
    ]);
    expect(answer[1]).toMatch(/^MSA\|AE/);
    expect(fieldsOf(answer, 'QAK')[2]).toBe('AE');
  });

  test('who may see only its own hears of others as if nobody were known', async () => {
    await register(nodes.b, 'B-1', anna);
    await nodes.settle();
    const answer = await line.ask(q23(`B-1^^^${HOSP_B}`), { sees: 'own' });
    expect(fieldsOf(answer, 'ERR')[2]).toBe('QPD^1^3^1^1');
  });

  test('is in the audit, without the number', async () => {
    await annaAtBoth();
    await line.ask(q23(`A-1^^^${HOSP_A}`));
    const { rows } = await nodes.region.store.audit({ action: 'search', limit: 10 });
    expect(rows[0]).toMatchObject({ who: 'a', action: 'search', outcome: 'Permit', what: 'patient' });
    expect(JSON.stringify(rows)).not.toContain('A-1');
  });
});

describe('what is no good query', () => {
  test('without a number, without a tag, without QPD', async () => {
    const places = async (lines: string[]) => fieldsOf(await line.ask(lines), 'ERR').slice(2, 4);
    expect(await places(q23('^^^HOSP_A'))).toEqual(['QPD^1^3^1^1', '101^Required field missing^HL70357']);
    expect(await places([header('QBP^Q23^QBP_Q21'), 'QPD|IHE PIX Query||A-1^^^HOSP_A', 'RCP|I'])).toEqual([
      'QPD^1^2',
      '101^Required field missing^HL70357',
    ]);
    expect(await places([header('QBP^Q23^QBP_Q21')])).toEqual(['QPD^1', '100^Segment sequence error^HL70357']);
  });

  test('at a listener of another kind', async () => {
    const answer = await line.ask(q23(`A-1^^^${HOSP_A}`), { kind: 'pdq' });
    expect(answer[1]).toBe('MSA|AR|Q1|Unsupported message type');
  });

  test('control characters of the sender never come back', async () => {
    const answer = await line.ask([header('QBP^Q23^QBP_Q21'), 'QPD|IHE \u001cPIX|T\u001cAG|A-1^^^HOSP_A']);
    expect(answer.join('')).not.toContain('\u001c');
  });
});
