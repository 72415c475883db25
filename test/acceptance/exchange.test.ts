/** Two hospitals, their region and the global node, from outside: documents found and retrieved over the wire, and who is refused. */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { request } from 'node:https';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  type Child,
  type Listed,
  makeDir,
  openWire,
  segment,
  signIn,
  startChild,
  type Told,
  until,
} from './outside.ts';

const LAUNCH = fileURLToPath(new URL('../../adapters/cli/launch.js', import.meta.url));
const ARC = '2.16.840.1.113883.19.100';
/** Assigning authorities of the two interfaces that are used here. */
const [MEDITECH, CPSI] = [`urn:oid:${ARC}.3.1`, `urn:oid:${ARC}.4.1`];
const HOSPITAL_B = `${ARC}.4`;

interface NodeTold {
  name: string;
  portal: string;
  door: string;
  user?: string;
  password?: string;
}

interface Coding {
  coding: { code: string }[];
}
interface FhirJson {
  resourceType: string;
  total?: number;
  entry?: { resource: DocumentReference }[];
  issue?: { code: string; details?: Coding }[];
  parameter?: { name: string; valueIdentifier?: { system: string; value: string } }[];
}
interface DocumentReference {
  resourceType: string;
  status: string;
  custodian?: { display?: string };
  content: { attachment: { url: string; contentType: string; size?: number; hash?: string; creation?: string } }[];
}

interface Keys {
  cert?: string;
  key?: string;
}

const dir = makeDir();
const at = (...parts: string[]): string => join(dir.path, ...parts);
let child: Child;
let nodes: NodeTold[] = [];

const nodeOf = (name: string): NodeTold => nodes.find((one) => one.name === name)!;
const pem = (...parts: string[]): string => readFileSync(at(...parts), 'latin1');
const ca = (...args: string[]): void => void execFileSync(process.execPath, [LAUNCH, 'ca', ...args]);

/** A certificate by the authority of a folder, made with the command that comes with the exchange. */
function issue(authority: string, name: string, how: { role?: string; oid?: string; profile?: string } = {}): Keys {
  const { role = 'hospital', oid = HOSPITAL_B, profile = 'node' } = how;
  const node = profile === 'node' ? ['--role', role, '--organization', oid] : [];
  ca('issue', authority, '--profile', profile, ...node, '--names', 'localhost', '--out', at(`${name}.pem`));
  return { cert: pem(`${name}.pem`), key: pem(`${name}.key`) };
}

function keysOf(node: string): Keys {
  return { cert: pem(node, 'pki', 'node.pem'), key: pem(node, 'pki', 'node.key') };
}

interface Answer {
  status: number;
  type: string;
  body: Buffer;
  json(): FhirJson;
}

/** One request over TLS 1.3 with a client certificate. What stands above the certificate goes along in the header of RFC 9440. */
function ask(
  door: string,
  path: string,
  keys: Keys,
  more: { accept?: string; requester?: object; body?: object } = {},
): Promise<Answer> {
  const { hostname, port } = new URL(door);
  const blocks = keys.cert?.match(/-----BEGIN CERTIFICATE-----[^-]*/g) ?? [];
  const above = blocks.slice(1).map((block) => `:${block.replace(/-----BEGIN CERTIFICATE-----|\s/g, '')}:`);
  const headers: Record<string, string> = { accept: more.accept ?? 'application/fhir+json' };
  if (above.length > 0) headers['client-cert-chain'] = above.join(', ');
  if (more.requester) headers['x-mix-requester'] = Buffer.from(JSON.stringify(more.requester)).toString('base64url');
  if (more.body) headers['content-type'] = 'application/fhir+json';
  return new Promise((resolve, reject) => {
    const asked = request(
      {
        ...keys,
        host: hostname,
        port,
        path: `/fhir/R4/${path}`,
        method: more.body ? 'PUT' : 'GET',
        headers,
        ca: pem('exchange', 'roots.pem'),
        minVersion: 'TLSv1.3',
        agent: false,
      },
      (answer) => {
        const chunks: Buffer[] = [];
        answer.on('data', (chunk: Buffer) => chunks.push(chunk));
        answer.on('end', () => {
          const body = Buffer.concat(chunks);
          const type = String(answer.headers['content-type'] ?? '');
          resolve({ status: answer.statusCode ?? 0, type, body, json: () => JSON.parse(body.toString()) as FhirJson });
        });
      },
    );
    asked.once('error', reject);
    asked.end(more.body && JSON.stringify(more.body));
  });
}

const codeOf = (answer: Answer): string | undefined => answer.json().issue?.[0]?.details?.coding[0]?.code;

/** The same person as two EMRs tell her; each gives its own number. */
function visit(controlId: string, number: string): string {
  return [
    `MSH|^~\\&|ADT|EMR|MIX|HIE|20260501120000-0500||ADT^A01^ADT_A01|${controlId}|P|2.5.1||||||UNICODE UTF-8`,
    'EVN|A01|20260501120000-0500',
    `PID|1||${number}^^^^MR||Quillfeather^Isolde^Mae||19700102|F|||12 Lantern Row^^Springdale^KS^67001||(555)555-0187|||||||987-65-4321`,
    `PV1|1|I|WARD^101^1||||8201^Okonjo^Ruth^A^^^MD|||||||||||V${number}|||||||||||||||||||||||||20260501115500-0500`,
    'AL1|1|DA|7980^penicillin G^RXNORM|MO|Hives',
    '',
  ].join('\r');
}

async function send(listener: string, message: string): Promise<void> {
  const { port } = child.told.listeners.find((one) => one.name === listener)!;
  const wire = await openWire(port);
  expect(segment(await wire.ask(message), 'MSA')[1]).toMatch(/^[AC]A$/);
  wire.close();
}

const search = (system: string, number: string): string =>
  `DocumentReference?patient.identifier=${encodeURIComponent(`${system}|${number}`)}&status=current`;
const doctor = { node: 'hospital-b', user: 'r.okonjo', roles: ['doctor'], purpose: 'TREAT' };

/** Another program may take a port between the look for a free one and its use; then others are looked for. */
async function startDemo(): Promise<Child> {
  for (let left = 4; ; left -= 1) {
    try {
      return await startChild(['demo', '--no-samples', '--data', dir.path]);
    } catch (error) {
      if (left === 0 || !String(error).includes('EADDRINUSE')) throw error;
    }
  }
}

beforeAll(async () => {
  child = await startDemo();
  nodes = (child.told as Told & { nodes: NodeTold[] }).nodes;
  await send('meditech', visit('EX1', '7001'));
  await send('cpsi', visit('EX2', '9001'));
}, 300_000);
afterAll(async () => {
  await child?.stop();
  dir.remove();
});

/** What hospital B finds at the region under its own number, once hospital A's document is there. */
async function foundFromB(): Promise<DocumentReference[]> {
  const path = search(CPSI, '9001');
  const found = await until(
    async () => (await ask(nodeOf('region').door, path, keysOf('hospital-b'), { requester: doctor })).json(),
    (bundle) =>
      (bundle.entry ?? []).filter(({ resource }) => resource.resourceType === 'DocumentReference').length >= 2,
  );
  return found.entry!.map(({ resource }) => resource).filter((one) => one.resourceType === 'DocumentReference');
}

describe('hospital B through the region', () => {
  test('finds what hospital A has, and retrieves it: the bytes that their metadata tell of', async () => {
    const region = nodeOf('region').door;
    const texts: string[] = [];
    for (const { content, status } of await foundFromB()) {
      const { attachment } = content[0]!;
      expect(status).toBe('current');
      const path = attachment.url.replace(/^.*\/?(?=Binary\/)/, '');
      const answer = await ask(region, path, keysOf('hospital-b'), { accept: '*/*', requester: doctor });
      expect(answer.status, answer.body.toString().slice(0, 500)).toBe(200);
      expect(answer.type).toContain(attachment.contentType);
      if (attachment.size !== undefined) expect(answer.body.length).toBe(attachment.size);
      if (attachment.hash !== undefined)
        expect(createHash('sha1').update(answer.body).digest('base64')).toBe(attachment.hash);
      texts.push(answer.body.toString('utf8'));
    }
    const ofA = texts.find((text) => text.includes('Harlan Ferry Hospital'));
    expect(ofA?.startsWith('<ClinicalDocument ') && ofA.includes('Quillfeather')).toBe(true);
    expect(texts.some((text) => text.includes('Prairie Home Hospital'))).toBe(true);
  });

  test('the hospital that holds it wrote down who had it', async () => {
    const session = await signIn({ ...child.told, ...nodeOf('hospital-a') } as Told);
    const audit = await until(
      () =>
        session.get<Listed<{ who: string; action: string; what: string; reason?: string }>>(
          '/api/audit?action=disclose',
        ),
      ({ rows }) => rows.some((row) => row.what === 'document' && row.reason?.includes('r.okonjo') === true),
    );
    const entry = audit.rows.find((row) => row.reason?.includes('r.okonjo') === true);
    expect(entry).toMatchObject({ who: 'region', action: 'disclose' });
  });

  test('knows the other numbers of its patient', async () => {
    const path = `Patient/$ihe-pix?sourceIdentifier=${encodeURIComponent(`${CPSI}|9001`)}`;
    const answer = await until(
      async () => (await ask(nodeOf('region').door, path, keysOf('hospital-b'))).json(),
      ({ parameter }) => (parameter ?? []).some((one) => /^\d{3}-\d{3}-\d{4}$/.test(one.valueIdentifier?.value ?? '')),
    );
    const numbers = answer.parameter!.map((one) => one.valueIdentifier).filter((one) => one !== undefined);
    expect(numbers).toContainEqual(expect.objectContaining({ system: MEDITECH, value: '7001' }));
    expect(numbers).toContainEqual(expect.objectContaining({ system: `urn:oid:${ARC}.2.2` }));
  });

  test('finds nothing under a number that is not its own', async () => {
    const answer = await ask(nodeOf('region').door, search(CPSI, '0000'), keysOf('hospital-b'), { requester: doctor });
    expect(answer.json().entry ?? []).toEqual([]);
  });

  test.each([
    ['no word for whom', undefined],
    ['a clerk', { ...doctor, roles: ['administrator'] }],
    ['a doctor who researches', { ...doctor, purpose: 'HRESCH' }],
  ])('gets no document with %s', async (_what, requester) => {
    for (const { content } of await foundFromB()) {
      const path = content[0]!.attachment.url.replace(/^.*\/?(?=Binary\/)/, '');
      const answer = await ask(nodeOf('region').door, path, keysOf('hospital-b'), requester ? { requester } : {});
      expect([401, 403]).toContain(answer.status);
      expect(answer.body.toString()).not.toContain('ClinicalDocument');
    }
  });
});

describe('the door refuses', () => {
  const doors = (): NodeTold[] => nodes.filter(({ door }) => door !== undefined);

  test('whoever shows no certificate, or one of another exchange', async () => {
    ca('init', at('stranger'), '--name', 'Another Exchange');
    const strange = issue(at('stranger'), 'strange');
    for (const { door } of doors()) {
      await expect(ask(door, 'metadata', {})).rejects.toThrow();
      await expect(ask(door, 'metadata', strange)).rejects.toThrow();
    }
  });

  test('a certificate of another role, of an organisation that is not known, or for another use', async () => {
    const authority = at('hospital-b', 'pki');
    const region = nodeOf('region').door;
    const posing = issue(authority, 'posing', { role: 'region' });
    const unknown = issue(at('region', 'pki'), 'unknown', { oid: `${ARC}.2` });
    for (const keys of [posing, unknown, issue(authority, 'client', { profile: 'tls-client' })]) {
      const answer = await ask(region, 'metadata', keys);
      expect([answer.status, codeOf(answer)]).toEqual([403, 'admit.wrong-role']);
    }
    // The authority of one hospital names no node of another.
    const other = await ask(region, 'metadata', issue(authority, 'other', { oid: `${ARC}.3` }));
    expect([other.status, codeOf(other)]).toEqual([403, 'admit.not-of-exchange']);
    // A hospital is not known at the other hospital, nor at the global node.
    for (const name of ['hospital-a', 'global'])
      expect(codeOf(await ask(nodeOf(name).door, 'metadata', keysOf('hospital-b')))).toBe('admit.wrong-role');
  });

  test('a certificate from the moment that its revocation is told, and no other of the same authority', async () => {
    const region = nodeOf('region').door;
    const authority = at('hospital-b', 'pki');
    const stolen = issue(authority, 'stolen');
    expect((await ask(region, 'metadata', stolen)).status).toBe(200);
    ca('revoke', authority, at('stolen.pem'), '--reason', 'key-compromise');
    ca('crl', authority, '--out', at('exchange', 'revocation', 'hospital-b.crl'));
    const refused = await until(
      () => ask(region, search(CPSI, '9001'), stolen, { requester: doctor }),
      ({ status }) => status !== 200,
    );
    expect([refused.status, codeOf(refused)]).toEqual([403, 'admit.revoked']);
    expect((await ask(region, 'metadata', keysOf('hospital-b'))).status).toBe(200);
  });

  test('what a hospital may not feed: a number of the other hospital, a patient without number', async () => {
    const region = nodeOf('region').door;
    const patient = { resourceType: 'Patient', identifier: [{ system: MEDITECH, value: '7001' }] };
    const feed = (query: string, body: object): Promise<Answer> =>
      ask(region, `Patient${query}`, keysOf('hospital-b'), { body });
    const foreign = await feed(`?identifier=${encodeURIComponent(`${MEDITECH}|7001`)}`, patient);
    expect(foreign.status).toBeGreaterThanOrEqual(400);
    expect(codeOf(foreign)).toBe('exchange.unknown-domain');
    expect(codeOf(await feed('', patient))).toBe('exchange.query');
    const none = await feed(`?identifier=${encodeURIComponent(`${CPSI}|5`)}`, { resourceType: 'Patient' });
    expect(codeOf(none)).toBe('exchange.no-identifier');
  });

  test('says nothing of patients in its complaints', () => {
    expect(child.complaints()).not.toMatch(/Quillfeather|987-65-4321/);
  });
});
