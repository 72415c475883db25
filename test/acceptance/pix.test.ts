/** The index of a region as systems outside of the exchange meet it: identity feeds and queries over MLLP. */
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { request } from 'node:https';
import { type AddressInfo, createServer } from 'node:net';
import { join } from 'node:path';
import { connect } from 'node:tls';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  type Child,
  makeDir,
  openWire,
  segment,
  startChild,
  type Told,
  until,
  type Wire,
  wireOver,
} from './outside.ts';

const LAUNCH = fileURLToPath(new URL('../../adapters/cli/launch.js', import.meta.url));
const ARC = '2.16.840.1.113883.19.300';
const [EAST, WEST, NORTH] = [`${ARC}.11.1`, `${ARC}.12.1`, `${ARC}.13.1`];

const dir = makeDir();
let child: Child;
let wire: Wire;
/** A system that subscribed: answers each message with AA. */
const ward = {
  heard: [] as string[],
  server: createServer((socket) => {
    const line = wireOver(socket);
    const next = async (): Promise<void> => {
      const message = await line.answer();
      ward.heard.push(message);
      const id = segment(message, 'MSH')[10];
      line.frame(`MSH|^~\\&|WARD|W1|MIX|REGION|20260501120000||ACK^A31|${id}|P|2.5\rMSA|AA|${id}\r`);
      return next();
    };
    next().catch(() => undefined);
  }),
  listen: () =>
    new Promise<number>((resolve) => {
      ward.server.listen(0, '127.0.0.1', () => resolve((ward.server.address() as AddressInfo).port));
    }),
  close: () => void ward.server.close(),
};

const ca = (...args: string[]): void => void execFileSync(process.execPath, [LAUNCH, 'ca', ...args]);

/** A certificate of the region's authority with this common name. */
function issue(name: string, profile: string, names?: string, ...role: string[]): void {
  const more = names === undefined ? [] : ['--names', names];
  const out = join(dir.path, `${name}.pem`);
  ca('issue', join(dir.path, 'data', 'pki'), '--profile', profile, '--name', name, ...more, ...role, '--out', out);
}

function writeRegion(wardPort: number): string {
  const data = join(dir.path, 'data');
  ca('init', join(data, 'pki'), '--name', 'Region', '--levels', '1');
  issue('server', 'tls-server', 'localhost');
  for (const name of ['north', 'stranger']) issue(name, 'tls-client');
  issue('clinic', 'node', 'localhost', '--role', 'hospital', '--organization', `${ARC}.21`);
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
    `  - { name: secure, kind: pix, port: 0, profile: plain, authority: ${ARC}.99, facility: OUTSIDE,`,
    `      tls: { cert: server.pem, key: { file: server.key }, ca: [${join(data, 'pki', 'ca.pem')}] } }`,
    'pix:',
    '  domains:',
    `    - { name: EAST, oid: ${EAST} }`,
    `    - { name: WEST, oid: ${WEST} }`,
    `    - { name: NORTH, oid: ${NORTH} }`,
    '  sources:',
    `    - { name: east, listener: lines, application: EAST_ADT, authorities: ${EAST} }`,
    `    - { name: west, listener: lines, application: WEST_ADT, authorities: ${WEST} }`,
    `    - { name: north, listener: secure, certificate: north, authorities: ${NORTH} }`,
    '    - { name: desk, listener: lines, application: DESK, sees: all }',
    '  subscriptions:',
    `    - { outlet: ward, domains: ${EAST} ${WEST} }`,
    'outlets:',
    `  - { name: ward, kind: mllp, host: 127.0.0.1, port: ${wardPort}, plain: true, application: WARD, facility: W1 }`,
    'http: { port: 0 }',
    'exchange:',
    `  oid: ${ARC}.0`,
    '  listen: { port: 0 }',
    `  roots: [${join(data, 'pki', 'ca.pem')}]`,
    '  nodes:',
    `    - { name: clinic, role: hospital, organization: ${ARC}.21, url: 'https://127.0.0.1:9', authorities: ${ARC}.21.1 }`,
    'log: { level: error }',
  ];
  writeFileSync(file, `${lines.join('\n')}\n`);
  return file;
}

beforeAll(async () => {
  child = await startChild(['node', writeRegion(await ward.listen())]);
  wire = await openWire(child.told.listeners[0]!.port);
}, 120_000);
afterAll(async () => {
  wire?.close();
  await child?.stop();
  ward.close();
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
function feed(
  from: 'EAST' | 'WEST' | 'NORTH',
  event: string,
  person: Person,
  more: string[] = [],
  version = '2.3.1',
): string {
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

const merge = (into: string, old: string): string => feed('EAST', 'A40', { number: into }, [`MRG|${old}`], '2.5');

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

  test('the sender hears what became of it: a merge right behind its patients is answered when it is done', async () => {
    for (const number of ['7101^^^EAST', '7102^^^EAST'])
      wire.frame(feed('EAST', 'A04', { number, family: `Fenwick${number.slice(0, 4)}`, birth: '19610203' }));
    wire.frame(
      feed('EAST', 'A40', { number: '7101^^^EAST', family: 'Fenwick7101', birth: '19610203' }, ['MRG|7102^^^EAST']),
    );
    for (let n = 0; n < 3; n += 1) expect(segment(await wire.answer(), 'MSA')[1]).toBe('AA');
    const gone = await wire.ask(q23('7102^^^EAST'));
    expect(segment(gone, 'MSA')[1]).toBe('AE');
    expect(segment(gone, 'ERR')[2]).toBe('QPD^1^3^1^1');
    expect(segment(await wire.ask(q23('7101^^^EAST')), 'MSA')[1]).toBe('AA');
  });

  test.each([
    ['a merge of a number that nobody has', () => merge('7001^^^EAST', '7999^^^EAST'), 'MRG^1^1^1^1'],
    ['a merge into somebody who is not there', () => merge('7998^^^EAST', '7001^^^EAST'), 'PID^1^3^1^1'],
    ['a merge into a number that was merged away', () => merge('7102^^^EAST', '7001^^^EAST'), 'PID^1^3^1^1'],
    ['a merge of what was merged away before', () => merge('7001^^^EAST', '7102^^^EAST'), 'MRG^1^1^1^1'],
    ['a merge without MRG-1', () => feed('EAST', 'A40', { number: '7001^^^EAST' }, ['MRG|'], '2.5'), 'MRG^1^1'],
    ['a feed without a number', () => feed('EAST', 'A04', { number: '' }, [], '2.5'), 'PID^1^3'],
    [
      'an authority that is another\u2019s',
      () => feed('EAST', 'A04', { number: '1^^^WEST' }, [], '2.5'),
      'PID^1^3^1^4',
    ],
    [
      'an authority that nobody has',
      () => feed('EAST', 'A04', { number: `7001^^^EAST~1^^^&${ARC}.404&ISO` }, [], '2.5'),
      'PID^1^3^2^4',
    ],
  ])('%s is answered AE, with its place', async (_what, message, place) => {
    const answer = await wire.ask(message());
    expect(segment(answer, 'MSA')[1]).toBe('AE');
    expect(segment(answer, 'ERR')[2]).toBe(place);
  });

  test('an authority that is not known is named, in version 2.3.1 too', async () => {
    const answer = await wire.ask(feed('EAST', 'A01', { number: `1^^^&${ARC}.404&ISO` }));
    expect(segment(answer, 'MSA')[1]).toBe('AE');
    expect(segment(answer, 'MSA')[3]).toContain(`${ARC}.404`);
    expect(segment(answer, 'ERR')[1]).toMatch(/^PID\^1\^3\^204/);
  });

  test('the same message again gets the same answer, and has no second effect', async () => {
    for (const message of [
      feed('EAST', 'A04', { number: '7201^^^EAST', family: 'Tolliver', given: 'Ames', birth: '19330404' }),
      merge('7001^^^EAST', '7997^^^EAST'),
    ]) {
      const [one, other] = [await wire.ask(message), await wire.ask(message)];
      expect(segment(other, 'MSA')).toEqual(segment(one, 'MSA'));
      expect(segment(other, 'ERR')).toEqual(segment(one, 'ERR'));
    }
  });

  test('events and types that are none of the feed, and senders that nobody knows, are refused', async () => {
    const answerOf = async (message: string) => segment(await wire.ask(message), 'MSA').slice(1, 4);
    const event = feed('EAST', 'A10', { number: '7001^^^EAST' });
    expect((await answerOf(event))[0]).toBe('AR');
    expect((await answerOf(event))[2]).toBe('Unsupported event code');
    expect((await answerOf(event.replace('ADT^A10', 'ORU^R01')))[2]).toBe('Unsupported message type');
    expect((await answerOf(event.replace('EAST_ADT', 'NOBODY')))[0]).toBe('AR');
  });

  test('a feed that turns one person into another is taken, and waits for a human: the old facts stand', async () => {
    const one = { number: '7151^^^EAST', family: 'Marlowe', given: 'Agatha', birth: '19440404' };
    const other = { number: '7151^^^EAST', family: 'Zielinski', given: 'Bartosz', birth: '19870919' };
    expect(segment(await wire.ask(feed('EAST', 'A04', one)), 'MSA')[1]).toBe('AA');
    expect(
      segment(await wire.ask(feed('EAST', 'A08', other).replace('^Mae', '').replace('|F|', '|M|')), 'MSA')[1],
    ).toBe('AA');
    const named = (family: string) => wire.ask(query('QBP^Q22^QBP_Q21', `IHE PDQ Query|O1|@PID.5.1^${family}`));
    expect(numbers(await named('Marlowe')).some((number) => number.startsWith('7151^'))).toBe(true);
    expect(segment(await named('Zielinski'), 'QAK')[2]).toBe('NF');
  });

  test('test traffic is answered and stays out', async () => {
    const message = feed('EAST', 'A04', { number: '7301^^^EAST', given: 'Test' }, [], '2.5').replace(
      '|P|2.5',
      '|T|2.5',
    );
    expect(segment(await wire.ask(message), 'MSA')[1]).toBe('AA');
    expect(segment(await wire.ask(q23('7301^^^EAST')), 'MSA')[1]).toBe('AE');
  });
});

describe('other ways to send', () => {
  test('in enhanced mode CA comes when it is kept, and the application\u2019s word when it is done', async () => {
    const ask = (message: string) => wire.ask(message.replace('|P|2.5', '|P|2.5|||AL|AL'));
    const one = await ask(feed('EAST', 'A04', { number: '7901^^^EAST', family: 'Ashdown', given: 'Ilse' }, [], '2.5'));
    expect(segment(one, 'MSA')[1]).toBe('CA');
    expect(segment(await wire.answer(), 'MSA')[1]).toBe('AA');
    expect(segment(await ask(merge('7901^^^EAST', '7990^^^EAST')), 'MSA')[1]).toBe('CA');
    const later = await wire.answer();
    expect(segment(later, 'MSA')[1]).toBe('AE');
    expect(segment(later, 'ERR')[2]).toBe('MRG^1^1^1^1');
  });

  test('as a batch, answered as one', async () => {
    const messages = [
      feed('EAST', 'A04', { number: '7911^^^EAST', family: 'Corrigan', given: 'Wes', birth: '19640112' }, [], '2.5'),
      feed('EAST', 'A04', { number: '7912^^^WEST', family: 'Delacroix', given: 'Ana', birth: '19511020' }, [], '2.5'),
    ];
    const answer = await wire.ask(`BHS|^~\\&|EAST_ADT|EAST|MIX|REGION\r${messages.join('')}BTS|2\r`);
    const codes = answer.split('\r').filter((line) => line.startsWith('MSA|'));
    expect(codes.map((line) => line.split('|')[1])).toEqual(['AA', 'AE']);
    expect(segment(await wire.ask(q23('7911^^^EAST')), 'MSA')[1]).toBe('AA');
  });
});

describe('ITI-30', () => {
  const mixOf = async (number: string): Promise<string[]> => numbers(await wire.ask(q23(number)));

  test('A28 adds, A31 changes, A47 changes the number', async () => {
    const wren = { family: 'Wrenfield', given: 'Tobias', birth: '19550505' };
    const add = feed('EAST', 'A28', { number: '7401^^^EAST', ...wren }, ['PV1||N'], '2.5');
    expect(segment(await wire.ask(add), 'MSA')[1]).toBe('AA');
    const before = await mixOf('7401^^^EAST');
    const renumbered = feed('EAST', 'A47', { number: '7402^^^EAST', ...wren }, ['MRG|7401^^^EAST'], '2.5');
    expect(segment(await wire.ask(renumbered), 'MSA')[1]).toBe('AA');
    expect(await mixOf('7402^^^EAST')).toEqual(before);
    expect(segment(await wire.ask(q23('7401^^^EAST')), 'MSA')[1]).toBe('AE');
    const change = feed('EAST', 'A31', { number: '7402^^^EAST', ...wren, family: 'Wrenfield-Ash' }, ['PV1||N'], '2.5');
    expect(segment(await wire.ask(change), 'MSA')[1]).toBe('AA');
    const found = await wire.ask(query('QBP^Q22^QBP_Q21', `IHE PDQ Query|P${count}|@PID.5.1^Wrenfield-Ash`));
    expect(numbers(found).some((one) => one.startsWith('7402^'))).toBe(true);
  });
});

describe('ITI-30 with the link option', () => {
  const two = (event: string, one: string, other: string): string => {
    const pid = (number: string) => `PID|1||${number}||Nobody^In^Particular`;
    return feed('EAST', event, { number: one }, [pid(other)], '2.5').replace(/PID\|1\|\|[^\r]*/, pid(one));
  };

  test('A24 makes two patients one, A37 takes it back, and queries follow', async () => {
    const iris = { family: 'Ironwood', given: 'Iris', birth: '19310303' };
    const jon = { family: 'Jessamine', given: 'Jon', birth: '19990909' };
    const moved = (message: string) =>
      message.replace('12 Lantern Row', '77 Quarry Road').replace('555-0187', '555-7788');
    for (const message of [
      feed('EAST', 'A28', { number: '7951^^^EAST', ...iris }, [], '2.5'),
      moved(feed('EAST', 'A28', { number: '7952^^^EAST', ...jon }, [], '2.5')),
    ])
      expect(segment(await wire.ask(message), 'MSA')[1]).toBe('AA');
    const others = async () => numbers(await wire.ask(q23('7951^^^EAST', '^^^EAST'))).length;
    expect(await others()).toBe(1);
    expect(segment(await wire.ask(two('A24', '7951^^^EAST', '7952^^^EAST')), 'MSA')[1]).toBe('AA');
    expect(await others()).toBe(2);
    expect(segment(await wire.ask(two('A37', '7951^^^EAST', '7952^^^EAST')), 'MSA')[1]).toBe('AA');
    expect(await others()).toBe(1);
  });

  test('a link with nobody is answered AE, with its place', async () => {
    const answer = await wire.ask(two('A24', '7951^^^EAST', '7959^^^EAST'));
    expect(segment(answer, 'MSA')[1]).toBe('AE');
    expect(segment(answer, 'ERR')[2]).toBe('PID^2^3^1^1');
    expect(segment(await wire.ask(two('A24', '7951^^^EAST', '')), 'MSA')[1]).toBe('AE');
  });
});

describe('ITI-21 and ITI-22', () => {
  test('patients by name and birth date, with their numbers', async () => {
    const answer = await wire.ask(
      query('QBP^Q22^QBP_Q21', 'IHE PDQ Query|P1|@PID.5.1^Quill*~@PID.7^19700102', ['RCP|I|10^RD']),
    );
    expect(segment(answer, 'MSH')[9]).toBe('RSP^K22^RSP_K21');
    expect(segment(answer, 'QAK')[2]).toBe('OK');
    expect(segment(answer, 'PID')[5]).toBe('Quillfeather^Isolde^Mae^^^^L');
    expect(segment(answer, 'PID')[11]).toBe('12 Lantern Row^^Springdale^AL^36000');
  });

  test('a visit by its ward and number, told as it came', async () => {
    const pv1 = 'PV1|1|I|SEVEN^701^1^EAST||||8201^Okonjo^Ruth||||||||||||V7501^^^EAST';
    const message = feed(
      'EAST',
      'A01',
      { number: '7501^^^EAST', family: 'Birchwood', given: 'Noor', birth: '19420817' },
      [pv1],
      '2.5',
    );
    expect(segment(await wire.ask(message), 'MSA')[1]).toBe('AA');
    const ask = (parameters: string) =>
      wire.ask(query('QBP^ZV1^QBP_Q21', `IHE PDVQ Query|V1|@PID.5.1^Birchwood~${parameters}`));
    const answer = await ask('@PV1.3.1^SEVEN~@PV1.19.1^V7501~@PV1.7.2^Okonjo');
    expect(segment(answer, 'MSH')[9]).toBe('RSP^ZV2^RSP_ZV2');
    expect(segment(answer, 'QAK')[2]).toBe('OK');
    expect(segment(answer, 'PV1').slice(2, 4)).toEqual(['I', 'SEVEN^701^1^EAST']);
    expect(segment(await ask('@PV1.3.1^EIGHT'), 'QAK')[2]).toBe('NF');
  });

  test('goes on where it ended, until it is cancelled', async () => {
    // Five people: nothing but the family name do they share.
    const givens = ['Amadou', 'Brigitta', 'Cornelius', 'Dolores', 'Ephraim'];
    for (const [n, given] of givens.entries()) {
      const person = { number: `76${n}0^^^WEST`, family: 'Halloway', given, birth: `19${n + 3}${n}0${n + 1}1${n * 2}` };
      const message = feed('WEST', 'A28', person, ['PV1||N'], '2.5')
        .replace('12 Lantern Row^^Springdale^AL^36000', `${n * 7 + 3} ${given} Street^^Town ${given}^AL^3${n}${n}0${n}`)
        .replace('(555)555-0187', `(555)${n}44-${n}1${n}9`);
      expect(segment(await wire.ask(message), 'MSA')[1]).toBe('AA');
    }
    const page = (pointer?: string) => {
      const more = ['RCP|I|2^RD', ...(pointer === undefined ? [] : [`DSC|${pointer}|I`])];
      return wire.ask(query('QBP^Q22^QBP_Q21', 'IHE PDQ Query|HALLOWAY|@PID.5.1^Halloway', more));
    };
    const [one] = [await page()];
    const two = await page(segment(one, 'DSC')[1]);
    expect(one.split('\rPID|').length + two.split('\rPID|').length - 2).toBe(4);
    const cancel = `MSH|^~\\&|DESK|DESK|MIX|REGION|20260501120000||QCN^J01^QCN_J01|C1|P|2.5\rQID|HALLOWAY|IHE PDQ Query\r`;
    expect(segment(await wire.ask(cancel), 'MSA')[1]).toBe('AA');
    expect(segment(await page(segment(two, 'DSC')[1]), 'QAK')[2]).toBe('AE');
  });
});

const pem = (...file: string[]) => readFileSync(join(dir.path, ...file));

describe('a line with certificates', () => {
  async function secureWire(client: string): Promise<Wire> {
    const { port } = child.told.listeners.find(({ name }) => name === 'secure')!;
    const roots = readFileSync(join(dir.path, 'data', 'pki', 'ca.pem'));
    const keys = { cert: pem(`${client}.pem`), key: pem(`${client}.key`) };
    const socket = connect({ port, host: '127.0.0.1', servername: 'localhost', ca: roots, ...keys });
    await new Promise((resolve, reject) => socket.once('secureConnect', resolve).once('error', reject));
    return wireOver(socket);
  }

  test('the certificate says who it is, whatever the message calls its sender', async () => {
    const line = await secureWire('north');
    const message = feed('EAST', 'A04', { number: '6001^^^NORTH', family: 'Underhill', birth: '19370606' }, [], '2.5');
    expect(segment(await line.ask(message), 'MSA')[1]).toBe('AA');
    const foreign = feed('EAST', 'A04', { number: '7001^^^EAST' }, [], '2.5');
    const refused = await line.ask(foreign);
    expect(segment(refused, 'MSA')[1]).toBe('AE');
    expect(segment(refused, 'ERR')[2]).toBe('PID^1^3^1^4');
    line.close();
  });

  test('a certificate of the same authority that nobody named is refused, message by message', async () => {
    const line = await secureWire('stranger');
    const answer = await line.ask(feed('NORTH', 'A04', { number: '6002^^^NORTH' }, [], '2.5'));
    expect(segment(answer, 'MSA')[1]).toBe('AR');
    expect(segment(answer, 'ERR')[2]).toBe('MSH^1^3');
    line.close();
  });

  test('a demographics query belongs to another kind of listener', async () => {
    const line = await secureWire('north');
    const asked = query('QBP^Q22^QBP_Q21', 'IHE PDQ Query|N1|@PID.5.1^Underhill');
    expect(segment(await line.ask(asked), 'MSA')[1]).toBe('AR');
    line.close();
  });
});

describe('over FHIR', () => {
  interface Fhir {
    resourceType: string;
    total?: number;
    link?: { relation: string; url: string }[];
    entry?: { resource: { id: string; name?: { given?: string[] }[] }; search?: { score?: number } }[];
    issue?: { code: string }[];
  }

  /** One request of the clinic over TLS 1.3, for a doctor who treats. */
  function ask(method: string, path: string, body?: object | string): Promise<{ status: number; json: Fhir }> {
    const { hostname, port } = new URL((child.told as Told & { door: string }).door);
    const told = { node: 'clinic', user: 'r.okonjo', roles: ['doctor'], purpose: 'TREAT' };
    const type = typeof body === 'string' ? 'application/x-www-form-urlencoded' : 'application/fhir+json';
    const text = typeof body === 'string' ? body : body && JSON.stringify(body);
    const headers: Record<string, string> = {
      'x-mix-requester': Buffer.from(JSON.stringify(told)).toString('base64url'),
      ...(text === undefined ? {} : { 'content-type': type, 'content-length': `${Buffer.byteLength(text)}` }),
    };
    const keys = { cert: pem('clinic.pem'), key: pem('clinic.key'), ca: pem('data', 'pki', 'ca.pem') };
    return new Promise((resolve, reject) => {
      const asked = request(
        {
          ...keys,
          host: hostname,
          port,
          servername: 'localhost',
          path: `/fhir/R4/${path}`,
          method,
          headers,
          agent: false,
        },
        (answer) => {
          const chunks: Buffer[] = [];
          answer.on('data', (chunk: Buffer) => chunks.push(chunk));
          answer.on('end', () =>
            resolve({
              status: answer.statusCode ?? 0,
              json: JSON.parse(Buffer.concat(chunks).toString() || '{}') as Fhir,
            }),
          );
        },
      );
      asked.once('error', reject);
      asked.end(text);
    });
  }
  const identifier = `identifier=${encodeURIComponent(`urn:oid:${ARC}.21.1|C-1`)}`;
  const patient = {
    resourceType: 'Patient',
    identifier: [{ system: `urn:oid:${ARC}.21.1`, value: 'C-1' }],
    name: [{ family: 'Vandermeer', given: ['Saskia'] }],
    gender: 'female',
    birthDate: '1969-04-30',
    address: [{ line: ['4 Weir Lane'], city: 'Millbrook', state: 'AL', postalCode: '36054' }],
  };

  test('whom a clinic feeds is found by name, by GET and by POST, and by likeness', async () => {
    expect((await ask('PUT', `Patient?${identifier}`, patient)).status).toBe(201);
    for (const found of [
      await ask('GET', 'Patient?family=Vandermeer&birthdate=1969-04-30'),
      await ask('POST', 'Patient/_search', 'family=Vandermeer&address-city=Millbrook'),
      await ask('POST', 'Patient/$match', patient),
    ]) {
      expect(found.status).toBe(200);
      expect(found.json).toMatchObject({ resourceType: 'Bundle', total: 1 });
      const { id } = found.json.entry![0]!.resource;
      expect((await ask('GET', `Patient/${id}`)).json.resourceType).toBe('Patient');
    }
  });

  test('somebody fed over HL7 v2 is found over FHIR, page by page', async () => {
    const one = await ask('GET', 'Patient?family=Halloway&_count=3');
    const next = one.json.link?.find(({ relation }) => relation === 'next')?.url ?? '';
    const two = await ask('GET', next.slice(next.indexOf('Patient?')));
    const given = [...one.json.entry!, ...two.json.entry!].map(({ resource }) => resource.name?.[0]?.given?.[0]);
    expect(given.sort()).toEqual(['Amadou', 'Brigitta', 'Cornelius', 'Dolores', 'Ephraim']);
  });

  test('a removal takes it out of every answer; what is not understood is refused', async () => {
    expect((await ask('DELETE', `Patient?${identifier}`)).status).toBe(200);
    expect((await ask('GET', 'Patient?family=Vandermeer')).json.total).toBe(0);
    const refused = await ask('GET', 'Patient?phonetic=Vandermeer');
    expect([refused.status, refused.json.issue?.[0]?.code]).toEqual([400, 'invalid']);
    expect((await ask('GET', 'Patient?gender=female')).status).toBe(400);
  });
});

describe('ITI-10', () => {
  const noticesOf = (number: string): string[][] =>
    ward.heard.map((one) => numbers(one)).filter((all) => all.some((one) => one.startsWith(`${number}^`)));

  test('who subscribed hears every change of numbers in its domains, and no name', async () => {
    const fern = { family: 'Fernsby', given: 'Odile', birth: '19480211' };
    expect(segment(await wire.ask(feed('EAST', 'A04', { number: '7801^^^EAST', ...fern })), 'MSA')[1]).toBe('AA');
    await until(
      async () => noticesOf('7801'),
      (all) => all.length === 1,
    );
    expect(segment(await wire.ask(feed('WEST', 'A04', { number: '9801^^^WEST', ...fern })), 'MSA')[1]).toBe('AA');
    const [, both] = await until(
      async () => noticesOf('7801'),
      (all) => all.length === 2,
    );
    expect(both?.sort()).toEqual([`7801^^^EAST&${EAST}&ISO^MR`, `9801^^^WEST&${WEST}&ISO^MR`]);
    const message = ward.heard.at(-1)!;
    expect(segment(message, 'MSH').slice(3, 7)).toEqual(['MIX', 'region', 'WARD', 'W1']);
    expect(segment(message, 'MSH')[9]).toBe('ADT^A31^ADT_A05');
    expect(segment(message, 'PID')[5]).toBe(' ');
    expect(segment(message, 'PV1')[2]).toBe('N');
    expect(message).not.toContain('Fernsby');
  });

  test('what does not change numbers is not told', async () => {
    const before = ward.heard.length;
    const person = { number: '7801^^^EAST', family: 'Fernsby', given: 'Odile', birth: '19480211' };
    const moved = feed('EAST', 'A08', person).replace('12 Lantern Row', '9 Harbour Lane');
    expect(segment(await wire.ask(moved), 'MSA')[1]).toBe('AA');
    const other = { number: '7803^^^EAST', family: 'Greaves', given: 'Pim', birth: '19900909' };
    expect(segment(await wire.ask(feed('EAST', 'A04', other)), 'MSA')[1]).toBe('AA');
    await until(
      async () => noticesOf('7803'),
      (all) => all.length === 1,
    );
    expect(ward.heard.length).toBe(before + 1);
  });
});
