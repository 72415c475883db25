import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { checkCommand } from '../../../adapters/cli/check.ts';
import { type Ran, runCommand } from './command.ts';

const root = resolve(import.meta.dirname, '../../..');
let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'mix-check-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

const run = (...args: string[]): Promise<Ran> => runCommand(checkCommand, ['check', ...args]);

function put(name: string, text: string): string {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
}

interface Told {
  kind: string;
  ok: boolean;
  findings: { place?: string; warning: boolean }[];
}

async function told(path: string): Promise<Told> {
  const ran = await run('--json', path);
  const found = JSON.parse(ran.out) as Told;
  expect(ran.exit).toBe(found.ok ? 0 : 1);
  return found;
}

describe('check', () => {
  it.each([
    ['message', 'fixtures/messages/meditech-oru-r01-mnemonics/0-received.hl7'],
    ['ccd', 'fixtures/messages/meditech-oru-r01-mnemonics/2-ccd.xml'],
    ['policy', 'policies/sets/node.xml'],
    ['profile', 'schemas/vendors/meditech.json'],
  ])('a %s of ours holds', async (kind, path) => {
    expect(await told(join(root, path))).toMatchObject({ kind, ok: true });
  });

  it.each([
    ['message', 'm.hl7', 'MSH|^~\\&|A|B|||2024||ADT^A01|1|P|2.3\rPID|1||||DOE^JANE\r', 'message 1 PID-3'],
    ['message', 'empty.hl7', '', 'file MSH'],
    ['message', 'binary.dat', '\u0000\u0001\u0002', 'message 1 MSH'],
    ['ccd', 'c.xml', '<ClinicalDocument xmlns="urn:hl7-org:v3"/>', 'ClinicalDocument'],
    ['ccd', 'broken.xml', '<ClinicalDocument xmlns="urn:hl7-org:v3"><id></ClinicalDocument>', /^line 1/],
    ['policy', 'p.xml', '<Policy xmlns="urn:oasis:names:tc:xacml:3.0:core:schema:wd-17"/>', /./],
    ['profile', 'v.json', '{"name": 1}', '/name'],
    ['settings', 's.yaml', 'node:\n  name: x\nfoo: 1\n', '/foo'],
    ['settings', 't.yaml', 'node:\n\t- x: [\n', /^line 2/],
  ])('a faulty %s (%s) is told with its place', async (kind, name, text, place) => {
    const found = await told(put(name, text));
    expect(found).toMatchObject({ kind, ok: false });
    const places = found.findings.filter(({ warning }) => !warning).map((finding) => finding.place ?? '');
    expect(places).toContainEqual(place instanceof RegExp ? expect.stringMatching(place) : place);
  });

  it('other kinds and files that are not there are told as such', async () => {
    for (const path of [put('x.xml', '<svg/>'), put('x.json', '{"resourceType":"Patient"}'), join(folder, 'none')])
      expect(await told(path)).toMatchObject({ kind: 'unknown', ok: false });
  });

  it('goes on after a file that does not hold', async () => {
    const ran = await run(put('bad.xml', '<svg/>'), join(root, 'policies/sets/node.xml'));
    expect(ran.exit).toBe(1);
    expect(ran.out).toContain('policy holds');
  });

  it('an unknown vendor is wrong use', async () => {
    expect((await run('--vendor', 'nobody', put('m.hl7', 'MSH|'))).exit).toBe(2);
  });
});
