import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { codesCommand } from '../../../adapters/cli/codes.ts';
import { watchCodeFolder } from '../../../adapters/node-codes.ts';
import { partsOfFile, type ReleasePart } from '../../../engine/codes/index.ts';
import { runCommand } from './command.ts';

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'mix-codes-'));
});
afterEach(() => rmSync(dir, { recursive: true }));

const system = (url: string, codes: string[]) =>
  JSON.stringify({
    resourceType: 'CodeSystem',
    url,
    name: 'N',
    concept: codes.map((code) => ({ code, display: code })),
  });
const put = (name: string, text: string): string => {
  const path = join(dir, name);
  writeFileSync(path, text);
  return path;
};
const run = (...args: string[]) => runCommand(codesCommand, ['codes', 'import', '--into', join(dir, 'codes'), ...args]);
const kept = () => readdirSync(join(dir, 'codes'));

describe('mix-hie codes import', () => {
  it('takes a file, and says what is new, changed and the same', async () => {
    const file = put('a.json', system('http://x.org/a', ['1', '2']));
    const first = await run('--json', file);
    expect(first.exit).toBe(0);
    expect(JSON.parse(first.out)).toMatchObject({
      imported: [{ url: 'http://x.org/a', codes: 2, outcome: 'new' }],
      failed: [],
    });
    expect(JSON.parse((await run('--json', file)).out).imported[0].outcome).toBe('same');
    put('a.json', system('http://x.org/a', ['1', '2', '3']));
    expect(JSON.parse((await run('--json', file)).out).imported[0].outcome).toBe('changed');
    expect(kept()).toHaveLength(1);
    expect(JSON.parse(readFileSync(join(dir, 'codes', kept()[0]!), 'utf8'))).toMatchObject({
      url: 'http://x.org/a',
      count: 3,
    });
  });

  it('takes folders with files of every kind, and tells each file that can not be read', async () => {
    const folder = join(dir, 'in', 'deep');
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, 'a.json'), system('http://x.org/a', ['1']));
    writeFileSync(join(folder, 'b.csv'), 'code,display\nB,b\n');
    writeFileSync(join(folder, 'c.xml'), '<ValueSet xmlns="http://hl7.org/fhir"/>');
    writeFileSync(join(folder, 'notes.txt'), 'not looked at');
    const ran = await run('--system', 'http://x.org/b', join(dir, 'in'));
    expect(ran.exit).toBe(1);
    expect(ran.out).toMatch(/^2 code systems with 2 codes in .* \(2 new or changed\), 1 files refused\n$/);
    expect(ran.err).toMatch(/c\.xml: the file is not a code system/);
    expect(kept()).toHaveLength(2);
  });

  it('two systems with names alike have two files', async () => {
    await run(
      put('a.json', system('http://x.org/a b', ['1']).replace('a b', 'a-b')),
      put('b.json', system('http://x.org/a_b', ['1'])),
    );
    expect(kept()).toHaveLength(2);
  });

  it.each([
    [[], 2],
    [['--settings', 'x.yaml', 'a.json'], 2],
  ])('wrong use %j exits %i', async (args, exit) => {
    expect((await run(...(args as string[]))).exit).toBe(exit);
  });
});

describe('the folder that a node reads', () => {
  it('is taken over at once and whenever something changed; a bad file does not hold back the others', async () => {
    const folder = join(dir, 'codes');
    const taken: ReleasePart[][] = [];
    const warned: unknown[] = [];
    let told: () => void = () => {};
    const next = () => new Promise<void>((resolve) => (told = resolve));
    const watch = await watchCodeFolder({
      folder,
      log: { info() {}, warn: (facts) => void warned.push(facts), error() {} },
      read: partsOfFile,
      async take(parts) {
        taken.push(parts);
        told();
      },
      lookMs: 20,
    });
    expect(taken).toEqual([[]]);
    let change = next();
    writeFileSync(join(folder, 'a.json'), system('http://x.org/a', ['1']));
    await change;
    expect(taken.at(-1)).toMatchObject([{ kind: 'code-system', name: 'http://x.org/a', count: 1 }]);
    change = next();
    writeFileSync(join(folder, 'bad.json'), '{');
    await change;
    expect(taken.at(-1)).toHaveLength(1);
    expect(warned).toMatchObject([{ file: 'bad.json', code: 'codes.malformed' }]);
    change = next();
    rmSync(join(folder, 'a.json'));
    await change;
    expect(taken.at(-1)).toEqual([]);
    await watch.close();
  });
});
