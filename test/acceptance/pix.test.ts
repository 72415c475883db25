/** The index of a region as systems outside of the exchange meet it: identity feeds and queries over MLLP. */
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Child, makeDir, openWire, segment, startChild, type Wire } from './outside.ts';

const LAUNCH = fileURLToPath(new URL('../../adapters/cli/launch.js', import.meta.url));
const ARC = '2.16.840.1.113883.19.300';
const [EAST, WEST] = [`${ARC}.11.1`, `${ARC}.12.1`];

const dir = makeDir();
let child: Child;
let wire: Wire;

function writeRegion(): string {
  const data = join(dir.path, 'data');
  execFileSync(process.execPath, [LAUNCH, 'ca', 'init', join(data, 'pki'), '--name', 'Region', '--levels', '1']);
  const file = join(dir.path, 'region.yaml');
  const lines = [
    'node:',
    '  name: region',
    '  role: region',
    '  facility: REGION',
    '  zone: America/Chicago',
    `  dataDir: ${data}`,
    '  organization:',
    '    name: Acceptance Region',
    `    oid: ${ARC}`,
    '    address: { street: 1 Example Square, city: Springdale, state: AL, postalCode: "36000" }',
    '    telecom: tel:+1-555-555-0100',
    'listeners:',
    `  - { name: lines, kind: index, port: 0, plain: true, profile: plain, authority: ${ARC}.99, facility: OUTSIDE }`,
    'pix:',
    '  domains:',
    `    - { name: EAST, oid: ${EAST} }`,
    `    - { name: WEST, oid: ${WEST} }`,
    '  sources:',
    `    - { name: east, listener: lines, application: EAST_ADT, authorities: ${EAST} }`,
    `    - { name: west, listener: lines, application: WEST_ADT, authorities: ${WEST} }`,
    '    - { name: desk, listener: lines, application: DESK, sees: all }',
    'http: { port: 0 }',
    'exchange:',
    `  oid: ${ARC}.0`,
    '  listen: { port: 0 }',
    `  roots: [${join(data, 'pki', 'ca.pem')}]`,
    '  nodes: []',
    'log: { level: error }',
  ];
  writeFileSync(file, `${lines.join('\n')}\n`);
  return file;
}

beforeAll(async () => {
  child = await startChild(['node', writeRegion()]);
  wire = await openWire(child.told.listeners[0]!.port);
}, 120_000);
afterAll(async () => {
  wire?.close();
  await child?.stop();
  dir.remove();
});

let count = 0;
interface Person {
  number: string;
  family?: string;
  given?: string;
  birth?: string;
}

/** A message of the feed, v2.3.1 as ITI-8 has it. */
function feed(from: 'EAST' | 'WEST', event: string, person: Person, more: string[] = [], version = '2.3.1'): string {
  const { number, family = 'Quillfeather', given = 'Isolde', birth = '19700102' } = person;
  count += 1;
  return [
    `MSH|^~\\&|${from}_ADT|${from}|MIX|REGION|20260501120000-0500||ADT^${event}|F${count}|P|${version}`,
    `EVN|${event}|20260501120000-0500`,
    `PID|1||${number}||${family}^${given}^Mae||${birth}|F|||12 Lantern Row^^Springdale^AL^36000||(555)555-0187`,
    ...more,
    '',
  ].join('\r');
}

/** A query of the desk. */
function query(type: string, qpd: string, more: string[] = ['RCP|I']): string {
  count += 1;
  const header = `MSH|^~\\&|DESK|DESK|MIX|REGION|20260501120000-0500||${type}|D${count}|P|2.5`;
  return [header, `QPD|${qpd}`, ...more, ''].join('\r');
}

const numbers = (answer: string): string[] => (segment(answer, 'PID')[3] ?? '').split('~').filter(Boolean);
const q23 = (number: string, domains = ''): string =>
  query('QBP^Q23^QBP_Q21', `IHE PIX Query|T${count}|${number}|${domains}`);

describe('ITI-8 and ITI-9', () => {
  test('who was fed is found by the other number at once', async () => {
    const one = await wire.ask(feed('EAST', 'A01', { number: `7001^^^EAST&${EAST}&ISO` }, ['PV1|1|I|WARD^101']));
    expect(segment(one, 'MSA').slice(0, 2)).toEqual(['MSA', 'AA']);
    expect(segment(await wire.ask(feed('WEST', 'A04', { number: '9001^^^WEST' })), 'MSA')[1]).toBe('AA');
    const answer = await wire.ask(q23(`7001^^^EAST&${EAST}&ISO^PI`, '^^^WEST'));
    expect(segment(answer, 'MSH')[9]).toBe('RSP^K23^RSP_K23');
    expect(segment(answer, 'MSA')[1]).toBe('AA');
    expect(segment(answer, 'QAK')[2]).toBe('OK');
    expect(numbers(answer)).toEqual([`9001^^^WEST&${WEST}&ISO^MR`]);
  });
});
