import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Bundle } from '@medplum/fhirtypes';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { convertCommand } from '../../../adapters/cli/convert.ts';
import { type Ran, runCommand } from './command.ts';

let folder = '';
let out = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'mix-convert-'));
  out = join(folder, 'out');
});
afterEach(() => rmSync(folder, { recursive: true }));

const run = (...args: string[]): Promise<Ran> => runCommand(convertCommand, ['convert', ...args]);

function put(name: string, ...segments: string[]): string {
  const path = join(folder, 'in', name);
  mkdirSync(join(path, '..'), { recursive: true });
  writeFileSync(path, segments.map((segment) => `${segment}\r`).join(''));
  return path;
}

const header = (type: string, more = 'C1|P|2.3'): string => `MSH|^~\\&|APP|FAC|R|RF|20240102030405||${type}|${more}`;
const patient = 'PID|1||12345^^^FAC^MR||DOE^JANE^Q||19800203|F';
const result = ['OBR|1|A1|B1|CBC^COMPLETE^L|||20240102', 'OBX|1|NM|WBC^White^L||7.2|10*3/uL|4-11|N|||F|||20240102'];

interface Told {
  file: string;
  position: number;
  refused: boolean;
  outputs: string[];
  faults: { code: string; place: string }[];
  passedOver?: boolean;
}

const lines = (ran: Ran): Told[] =>
  ran.out
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line) as Told);

describe('convert', () => {
  it('gives a result a message, and says of every other one why, with code and place', async () => {
    put(
      'a.hl7',
      header('ORU^R01'),
      patient,
      ...result,
      header('ADT^A01'),
      'PID|1||||DOE^JANE',
      header('SIU^S12'),
      patient,
    );
    put('sub/a.hl7', header('ORU^R01'), patient, ...result);
    const ran = await run('--to', 'ccd', '--out', out, '--json', join(folder, 'in'));
    expect(ran.exit).toBe(1);
    expect(
      lines(ran).map(({ refused, faults }) => (refused ? `${faults[0]?.code} ${faults[0]?.place}` : 'done')),
    ).toEqual(['done', 'hl7v2.required-field PID-3', 'hl7v2.unknown-type MSH-9', 'done']);
    // Two files of one name never overwrite each other.
    expect(readdirSync(out)).toHaveLength(2);
    expect(ran.err).toContain('4 messages: 2 results, 2 refused');
  });

  it('tells every file of a folder: what has no message in it is passed over, but refused when it was named', async () => {
    put('notes.md', '# nothing to convert');
    put('v3.xml', '<PRPA_IN201301UV02/>');
    put('empty.hl7');
    const named = put('readme.txt', 'words');
    put('interface.adt', header('ADT^A01'), patient);
    const ran = await run('--to', 'fhir', '--out', out, '--json', join(folder, 'in'));
    expect(lines(ran).filter(({ passedOver }) => passedOver)).toHaveLength(3);
    expect(
      lines(ran)
        .filter(({ refused }) => refused)
        .map(({ file }) => file.endsWith('empty.hl7')),
    ).toEqual([true]);
    expect(ran.err).toContain('3 passed over');
    const alone = await run('--to', 'fhir', named);
    expect(alone.exit).toBe(1);
    expect(alone.err).toContain('hl7v2.no-header at MSH');
  });

  it('makes FHIR bundles, also of test messages', async () => {
    const file = put('t.hl7', header('ORU^R01', 'C1|T|2.3'), patient, ...result);
    const ran = await run('--to', 'fhir', file);
    expect(ran.exit).toBe(0);
    const bundle = JSON.parse(ran.out) as Bundle;
    expect(bundle.entry?.[0]?.resource).toMatchObject({ resourceType: 'Patient', birthDate: '1980-02-03' });
  });

  it('makes plain HL7v2 with CR ends, and names the character set of what is not ASCII', async () => {
    const path = join(folder, 'latin.hl7');
    writeFileSync(path, Buffer.from(`${header('ADT^A01')}\n${patient.replace('JANE', 'J\u00e4NE')}\n`, 'latin1'));
    const ran = await run('--to', 'hl7v2', '--out', out, path);
    expect(ran.exit).toBe(0);
    const text = readFileSync(join(out, readdirSync(out)[0]!), 'utf8');
    expect(text).not.toContain('\n');
    expect(text.split('\r')[0]?.split('|')[17]).toBe('UNICODE UTF-8');
    expect(text).toContain('J\u00e4NE');
  });

  it('merges all messages into one record a patient', async () => {
    put('1.hl7', header('ADT^A01'), patient);
    put('2.hl7', header('ORU^R01'), patient, ...result);
    put('3.hl7', header('ORU^R01'), patient.replace('12345', '777'), ...result);
    const ran = await run('--to', 'fhir', '--merge', '--out', out, join(folder, 'in'));
    expect(ran.exit).toBe(0);
    expect(readdirSync(out)).toHaveLength(2);
    const first = JSON.parse(readFileSync(join(out, 'patient-1.json'), 'utf8')) as Bundle;
    expect(first.entry?.filter(({ resource }) => resource?.resourceType === 'Observation')).toHaveLength(1);
  });

  it('reads with a vendor profile, a zone and an organization of one\u2019s own', async () => {
    const file = put('m.hl7', header('ORU^R01', 'C1|P|2.4'), patient, ...result);
    const ran = await run(
      '--to',
      'ccd',
      '--vendor',
      'meditech',
      '--zone',
      'Asia/Tokyo',
      '--organization',
      'Hill',
      '--oid',
      '1.2.3',
      file,
    );
    expect(ran.exit).toBe(0);
    expect(ran.out).toContain('<name>Hill</name>');
    expect(ran.out).toContain('root="1.2.3"');
    expect(ran.out).toContain('+0900');
  });

  it.each([
    [['--to', 'ccr', 'x']],
    [['--to', 'ccd', '--from', 'ccd', 'x']],
    [['--to', 'ccd', '--vendor', 'nobody', 'x']],
    [['--to', 'ccd', '--zone', 'Mars/North', 'x']],
    [['--to', 'ccd', '--oid', '1.x', 'x']],
    [['--to', 'hl7v2', '--merge', 'x']],
    [['--to', 'ccd', '/there/is/no/such/path']],
    [['--to', 'ccd']],
    [['x']],
  ])('%j is wrong use', async (args) => {
    const ran = await run(...args);
    expect(ran.exit).toBe(2);
    expect(ran.out).toBe('');
  });

  it.each([
    ['no control id', header('ADT^A01', '|P|2.3')],
    ['no processing id and no version', 'MSH|^~\\&|APP|FAC|R|RF|20240102030405||ADT^A01|C1'],
    ['a version of another spelling', header('ADT^A01', 'C1|P|V2.3')],
    ['a type in lower case', header('adt^a01')],
    ['the structure in place of the type', header('ADT_A01')],
    ['no event, which EVN names', header('ADT')],
  ])('a message with %s is converted', async (_, msh) => {
    const ran = await run('--to', 'ccd', put('odd.hl7', msh, 'EVN|A01|20240102', patient));
    expect(ran.exit).toBe(0);
    expect(ran.out).toContain('<family>DOE</family>');
  });
});
