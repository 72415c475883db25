/** `mix-hie link` on small lists of invented people: what it writes, and with which exit code. */
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { linkCommand } from '../../../adapters/cli/link.ts';
import { runCommand } from './command.ts';

const folder = mkdtempSync(join(tmpdir(), 'mix-link-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const run = (...args: string[]): ReturnType<typeof runCommand> => runCommand(linkCommand, ['link', ...args]);

const heading = 'id,first_name,last_name,dob,zip,street';
const left = list('left.csv', [
  heading,
  'a1,Rosalind,Thornbury,1971-03-09,44110,12 Harbour Lane',
  'a2,Mortimer,Quimby,1944-11-30,90210,7 Mill Street',
  'a3,Ottoline,Vance,1988-07-02,60601,4 Elm Road',
]);
const right = list('right.csv', [
  heading,
  'b1,Rosalind,Thronbury,1971-03-09,44110,12 Harbour Ln',
  'b2,Barnaby,Featherstone,1959-05-17,30301,88 Oak Avenue',
  'b3,Otoline,Vance,1988-07-02,60601,4 Elm Rd',
]);

function list(name: string, lines: string[]): string {
  const path = join(folder, name);
  writeFileSync(path, `${lines.join('\n')}\n`);
  return path;
}

describe('mix-hie link', () => {
  test('writes the pairs of two lists', async () => {
    const ran = await run('--left', left, '--right', right);
    expect(ran.exit).toBe(0);
    const [head, ...rows] = ran.out.trim().split('\n');
    expect(head).toBe('id_left,id_right,score,match');
    expect(rows.map((row) => row.split(',').slice(0, 2).join())).toEqual(expect.arrayContaining(['a1,b1', 'a3,b3']));
    expect(rows).toHaveLength(2);
    expect(rows.every((row) => /,0\.\d{6},(true|possible)$/.test(row))).toBe(true);
    expect(ran.err).toMatch(/9 of 9 pairs compared/);
  });

  test('explains a pair by field and bits, without a name in it', async () => {
    const ran = await run('--left', left, '--right', right, '--explain');
    expect(ran.err).toMatch(/a1 - b1: (match|true|possible)/);
    expect(ran.err).toMatch(/family +close +\+\d/);
    expect(ran.err).not.toMatch(/thornbury|rosalind/i);
  });

  test('reports as JSON, and keeps and uses what it learned', async () => {
    const [out, model] = [join(folder, 'pairs.csv'), join(folder, 'chances.json')];
    const ran = await run('--left', left, '--right', right, '--out', out, '--train', '--model', model, '--json');
    expect(JSON.parse(ran.out)).toMatchObject({ left: { rows: 3 }, right: { rows: 3 }, candidates: 9, total: 9 });
    const first = readFileSync(out, 'utf8');
    expect(existsSync(model)).toBe(true);
    expect((await run('--left', left, '--right', right, '--out', out, '--model', model)).exit).toBe(0);
    expect(readFileSync(out, 'utf8')).toBe(first);
  });

  test('gives rows without an id their place, and passes columns over that it is told to', async () => {
    const twice = list('twice.csv', [
      'nachname,first_name,dob',
      'Thornbury,Rosalind,1971-03-09',
      'Thornbury,Rosalind,1971-03-09',
      'Quimby,Ann,1944-11-30',
    ]);
    const ran = await run(
      '--left',
      twice,
      '--mapping',
      'nachname=family,dob=birth',
      '--json',
      '--out',
      join(folder, 'twice-pairs.csv'),
    );
    expect(JSON.parse(ran.out)).toMatchObject({ left: { columns: { family: ['nachname'] } } });
    expect(readFileSync(join(folder, 'twice-pairs.csv'), 'utf8')).toMatch(/^1,2,/m);
  });

  const wrong: [string, string[], RegExp][] = [
    ['a list that is not there', ['--left', join(folder, 'none.csv')], /can not be read/],
    ['a list without a known column', ['--left', list('odd.csv', ['x,y', '1,2'])], /no column of it is known/],
    ['a column that the list lacks', ['--left', left, '--mapping', 'nix=given'], /no column 'nix'/],
    ['a role that there is not', ['--left', left, '--mapping', 'dob=age'], /no role 'age'/],
    ['chances that are none', ['--left', left, '--match', '7'], /between 0 and 1/],
    ['a model that does not hold', ['--left', left, '--model', list('model.json', ['{}'])], /model/],
    ['training with nowhere to keep it', ['--left', left, '--train'], /--model FILE or --out FILE/],
    ['no list at all', [], /--left/],
  ];
  test.each(wrong)('refuses %s as wrong use', async (_, args, told) => {
    const ran = await run(...args);
    expect([ran.exit, told.test(ran.err)]).toEqual([2, true]);
  });
});
