/** The door to other nodes, over the wire: who comes in, what is passed on, what is refused and how it is told. */
import type { IncomingHttpHeaders } from 'node:http';
import { Agent, request } from 'node:https';
import { connect } from 'node:tls';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { createFhirDoor, type FhirDoor } from '../../../adapters/http/index.ts';
import { createAuthority } from '../../../pki/index.ts';
import { MixError } from '../../../schemas/errors/index.ts';
import { createLog, createStubExchangeEngine, makeExchange, type NodeKeys } from '../../support/exchange.ts';

const MiB = 1024 * 1024;
const DELIVERY = '018f3b0a-0000-7000-8000-000000000001';
const FHIR = { 'content-type': 'application/fhir+json' };
const world = makeExchange();
const [region, hospital] = [world.keysOf('region'), world.keysOf('hospital-a')];
const engine = createStubExchangeEngine();
const log = createLog();
let door: FhirDoor;
let port = 0;

beforeAll(async () => {
  door = createFhirDoor({
    engine,
    tls: region,
    host: '127.0.0.1',
    port: 0,
    limits: { documentBytesMax: MiB, bodyBytesMax: 64 * 1024, inFlightPerNodeMax: 16 },
    log,
  });
  ({ port } = await door.listen());
});
afterAll(() => door.close());
beforeEach(() => {
  engine.asked.length = 0;
  engine.answer = { status: 200, resource: { resourceType: 'Bundle', type: 'searchset' } };
  engine.admit = undefined;
});

interface Answer {
  status: number;
  headers: IncomingHttpHeaders;
  text: string;
  json: {
    resourceType: string;
    issue?: {
      code: string;
      details: { coding: { code: string }[] };
      diagnostics: string;
      expression?: string[];
      location?: string[];
    }[];
  };
}

interface Ask {
  body?: unknown;
  headers?: Record<string, string>;
  keys?: Partial<NodeKeys>;
  /** Bytes to send instead of a JSON body, one after the other until the answer comes. */
  stream?: (write: (bytes: Buffer) => void) => void;
  port?: number;
}

function ask(method: string, path: string, options: Ask = {}): Promise<Answer> {
  const { ca, cert, key } = { ...hospital, ...options.keys };
  const agent = new Agent({ keepAlive: false });
  return new Promise((resolve, reject) => {
    const body =
      options.body === undefined
        ? undefined
        : typeof options.body === 'string'
          ? options.body
          : JSON.stringify(options.body);
    const headers = { ...(body === undefined ? {} : FHIR), ...options.headers };
    const asked = request(
      { host: '127.0.0.1', port: options.port ?? port, method, path, headers, ca, cert, key, agent },
      (answer) => {
        const chunks: Buffer[] = [];
        answer.on('data', (chunk: Buffer) => chunks.push(chunk));
        answer.on('end', () => {
          const text = Buffer.concat(chunks).toString('utf8');
          const json = text.startsWith('{') ? JSON.parse(text) : {};
          asked.destroy();
          resolve({ status: answer.statusCode ?? 0, headers: answer.headers, text, json });
        });
      },
    );
    asked.once('error', reject);
    if (options.stream) options.stream((bytes) => asked.write(bytes));
    else asked.end(body);
  });
}

const codeOf = (answer: Answer): string | undefined => answer.json.issue?.[0]?.details.coding[0]?.code;
const patient = { resourceType: 'Patient', identifier: [{ system: 'urn:oid:1.2.3', value: '7' }] };

describe('who comes in', () => {
  test('a node whose certificate leads to the root, with its chain as it was shown', async () => {
    let chain: Buffer[] = [];
    engine.admit = (shown) => {
      chain = shown;
      return { kind: 'peer', id: 'a', role: 'hospital', organization: '2.999' };
    };
    expect((await ask('GET', '/fhir/R4/metadata')).json.resourceType).toBe('CapabilityStatement');
    expect(chain[0]?.toString('hex')).toBe(hospital.chain[0]?.toString('hex'));
    // What Node does not give of the handshake comes in a header (RFC 9440).
    const above = world.hospital.chain.map((one) => one.raw.toString('base64'));
    await ask('GET', '/fhir/R4/metadata', {
      headers: { 'client-cert-chain': above.map((one) => `:${one}:`).join(', ') },
    });
    expect(chain.map((one) => one.toString('base64'))).toEqual(hospital.chain.map((one) => one.toString('base64')));
    for (const bad of [':a', 'a', ':::', `:${'A'.repeat(4_000)}:,`, Array(12).fill(':AAAA:').join()])
      expect(codeOf(await ask('GET', '/fhir/R4/metadata', { headers: { 'client-cert-chain': bad } }))).toBe(
        'http.bad-input',
      );
  });

  test('nobody without a certificate, with one of another exchange, or over TLS 1.2', async () => {
    const { cert, key } = makeExchange().keysOf('hospital-a');
    for (const keys of [
      { cert: undefined, key: undefined },
      { cert, key },
    ] as Partial<NodeKeys>[])
      await expect(ask('GET', '/fhir/R4/metadata', { keys })).rejects.toThrow();
    const stranger = createAuthority({ subject: { commonName: 'Exchange Root' }, pathLength: 2 });
    await expect(
      ask('GET', '/fhir/R4/metadata', { keys: world.keysOf('hospital-a', { by: stranger }) }),
    ).rejects.toThrow();
    await expect(
      new Promise((resolve, reject) => {
        const { ca, cert: own, key: ownKey } = hospital;
        connect({ host: '127.0.0.1', port, ca, cert: own, key: ownKey, maxVersion: 'TLSv1.2' }, () =>
          resolve('in'),
        ).once('error', reject);
      }),
    ).rejects.toThrow(/version/i);
    expect(engine.asked).toEqual([]);
  });

  test.each(['admit.no-certificate', 'admit.not-of-exchange', 'admit.revoked', 'admit.wrong-role'] as const)(
    'a node that the engine refuses with %s reaches no route, and its body is not read',
    async (code) => {
      engine.admit = () => {
        throw new MixError(code);
      };
      for (const { method, url } of door.routes()) {
        const answer = await ask(
          method,
          url.replace(':id', 'x'),
          method === 'GET' || method === 'DELETE' ? {} : { body: 'not read' },
        );
        expect(answer.status, url).toBe(code === 'admit.no-certificate' ? 401 : 403);
        expect(codeOf(answer)).toBe(code);
      }
      expect(codeOf(await ask('GET', '/nothing'))).toBe(code);
      expect(engine.asked).toEqual([]);
    },
  );

  test('is judged at every request of a connection that stands', async () => {
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    const get = () =>
      new Promise<number>((resolve, reject) => {
        const { ca, cert, key } = hospital;
        request({ host: '127.0.0.1', port, path: '/fhir/R4/metadata', ca, cert, key, agent }, (answer) => {
          answer.resume().on('end', () => resolve(answer.statusCode ?? 0));
        })
          .once('error', reject)
          .end();
      });
    expect(await get()).toBe(200);
    engine.admit = () => {
      throw new MixError('admit.revoked');
    };
    expect(await get()).toBe(403);
    agent.destroy();
  });

  test('with the word for whom it asks, as sent', async () => {
    const told: (string | undefined)[] = [];
    engine.admit = (_chain, requester) => {
      told.push(requester);
      return { kind: 'peer', id: 'a', role: 'hospital', organization: '2.999' };
    };
    await ask('GET', '/fhir/R4/Binary/1', { headers: { 'x-mix-requester': 'eyJ1c2VyIjoidSJ9' } });
    await ask('GET', '/fhir/R4/Binary/1');
    expect(told).toEqual(['eyJ1c2VyIjoidSJ9', undefined]);
  });
});

describe('what is passed on', () => {
  test.each([
    [
      'PUT',
      '/fhir/R4/Patient?identifier=urn:oid:1.2.3%7C7',
      patient,
      'feedPatient',
      ['urn:oid:1.2.3|7', patient, DELIVERY],
    ],
    ['POST', '/fhir/R4/', { resourceType: 'Bundle' }, 'provideDocuments', [{ resourceType: 'Bundle' }, DELIVERY]],
    ['POST', '/fhir/R4', { resourceType: 'Bundle' }, 'provideDocuments', [{ resourceType: 'Bundle' }, DELIVERY]],
    [
      'PUT',
      '/fhir/R4/DocumentReference?identifier=urn:ietf:rfc:3986%7Curn:uuid:1',
      { resourceType: 'DocumentReference', status: 'entered-in-error' },
      'withdrawDocument',
      ['urn:ietf:rfc:3986|urn:uuid:1', 'entered-in-error', DELIVERY],
    ],
    [
      'GET',
      '/fhir/R4/DocumentReference?patient.identifier=a%7Cb&status=current&_format=json',
      undefined,
      'findDocuments',
      ['patient.identifier=a%7Cb&status=current'],
    ],
    ['GET', '/fhir/R4/Binary/018f-1.x', undefined, 'retrieveDocument', ['018f-1.x']],
    [
      'GET',
      '/fhir/R4/Patient/$ihe-pix?sourceIdentifier=a%7Cb',
      undefined,
      'crossReference',
      ['sourceIdentifier=a%7Cb'],
    ],
    ['GET', '/fhir/R4/Patient?family=Li&_count=5', undefined, 'findPatients', ['family=Li&_count=5']],
    ['GET', '/fhir/R4/Patient/018f-1.x', undefined, 'readPatient', ['018f-1.x']],
    ['POST', '/fhir/R4/Patient/$match', patient, 'matchPatients', [patient]],
    [
      'DELETE',
      '/fhir/R4/Patient?identifier=urn:oid:1.2.3%7C7',
      undefined,
      'removePatient',
      ['urn:oid:1.2.3|7', DELIVERY],
    ],
    ['GET', '/fhir/R4/$release?have=7', undefined, 'release', ['7']],
    ['GET', '/fhir/R4/$release', undefined, 'release', [undefined]],
  ])('%s %s', async (method, path, body, act, what) => {
    const answer = await ask(method, path, {
      ...(body === undefined ? {} : { body }),
      headers: { 'idempotency-key': DELIVERY.toUpperCase() },
    });
    expect(answer.status).toBe(200);
    expect(answer.headers['content-type']).toBe('application/fhir+json; charset=utf-8');
    expect(answer.headers['cache-control']).toBe('no-store');
    expect(engine.asked).toMatchObject([{ act, what, from: { kind: 'peer', role: 'hospital' } }]);
  });

  test('a search by POST joins the address and the form', async () => {
    await ask('POST', '/fhir/R4/DocumentReference/_search?status=current', {
      body: 'patient.identifier=a%7Cb&_format=json',
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
    });
    expect(engine.asked[0]?.what).toEqual(['status=current&patient.identifier=a%7Cb']);
    await ask('POST', '/fhir/R4/Patient/_search', {
      body: 'family=Li&birthdate=1970-01-01',
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
    });
    expect(engine.asked[1]).toMatchObject({ act: 'findPatients', what: ['family=Li&birthdate=1970-01-01'] });
  });

  test('status and headers of the answer, and nothing where there is no resource', async () => {
    engine.answer = { status: 304, headers: { etag: '"7"' } };
    const answer = await ask('GET', '/fhir/R4/$release?have=7');
    expect([answer.status, answer.headers['etag'], answer.text]).toEqual([304, '"7"', '']);
  });

  test('a document in its own media type, or as a Binary where FHIR JSON is asked for', async () => {
    const body = Buffer.from('<ClinicalDocument/>');
    engine.answer = { status: 200, bytes: { mediaType: 'text/xml', body } };
    const plain = await ask('GET', '/fhir/R4/Binary/1', { headers: { accept: '*/*' } });
    expect([plain.headers['content-type'], plain.text]).toEqual(['text/xml', '<ClinicalDocument/>']);
    const wrapped = await ask('GET', '/fhir/R4/Binary/1', { headers: { accept: 'application/fhir+json' } });
    expect(wrapped.json).toEqual({ resourceType: 'Binary', contentType: 'text/xml', data: body.toString('base64') });
    engine.answer = { status: 200, bytes: { mediaType: 'text/xml\r\nx-bad: 1', body } };
    const bent = await ask('GET', '/fhir/R4/Binary/1');
    expect(bent.headers['content-type']).toBe('application/octet-stream');
  });
});

describe('what is refused', () => {
  const deep = (depth: number) => `{"resourceType":"Patient","a":${'['.repeat(depth)}${']'.repeat(depth)}}`;
  const feed = '/fhir/R4/Patient?identifier=a%7Cb';

  test.each<[string, string, string, unknown, number, string, string | undefined]>([
    ['a feed without identifier', 'PUT', '/fhir/R4/Patient', patient, 400, 'exchange.query', 'identifier'],
    ['an identifier twice', 'PUT', `${feed}&identifier=c%7Cd`, patient, 400, 'exchange.query', 'identifier'],
    [
      'an identifier without system',
      'PUT',
      '/fhir/R4/Patient?identifier=%7Cb',
      patient,
      400,
      'exchange.query',
      'identifier',
    ],
    ['a foreign parameter', 'PUT', `${feed}&name=x`, patient, 400, 'exchange.query', 'name'],
    [
      'another kind of resource',
      'PUT',
      feed,
      { resourceType: 'Person' },
      400,
      'exchange.malformed',
      'Patient.resourceType',
    ],
    ['a list', 'PUT', feed, [], 400, 'exchange.malformed', 'Patient'],
    ['no JSON', 'PUT', feed, '{"resourceType":"Patient",', 400, 'exchange.malformed', undefined],
    ['an empty body', 'PUT', feed, '', 400, 'exchange.malformed', undefined],
    ['a text that does not end', 'PUT', feed, '{"a":"\\"', 400, 'exchange.malformed', undefined],
    ['nesting without end', 'PUT', feed, deep(10_000), 400, 'exchange.malformed', undefined],
    [
      'a bent prototype',
      'PUT',
      feed,
      '{"resourceType":"Patient","name":[{"__proto__":{"x":1}}]}',
      400,
      'exchange.malformed',
      'Patient.name[0]',
    ],
    [
      'one that is written in escapes',
      'PUT',
      feed,
      '{"resourceType":"Patient","\\u005f_proto__":1}',
      400,
      'exchange.malformed',
      'Patient',
    ],
    [
      'a bent constructor',
      'PUT',
      feed,
      '{"resourceType":"Patient","constructor":{"prototype":{}}}',
      400,
      'exchange.malformed',
      'Patient',
    ],
    [
      'a state that documents do not have',
      'PUT',
      '/fhir/R4/DocumentReference?identifier=a%7Cb',
      { resourceType: 'DocumentReference', status: 'gone' },
      400,
      'exchange.malformed',
      'DocumentReference.status',
    ],
    [
      'a bundle that is none',
      'POST',
      '/fhir/R4',
      { resourceType: 'Patient' },
      400,
      'exchange.malformed',
      'Bundle.resourceType',
    ],
    ['another format', 'GET', '/fhir/R4/DocumentReference?_format=xml', undefined, 400, 'exchange.query', '_format'],
    ['an id that is none', 'GET', '/fhir/R4/Binary/a%20b', undefined, 404, 'exchange.unknown-document', 'Binary.id'],
    ['an unknown address', 'GET', '/fhir/R4/Observation', undefined, 404, 'http.not-found', 'http.path'],
    ['another method', 'PATCH', feed, undefined, 404, 'http.not-found', 'http.path'],
  ])('%s', async (_what, method, path, body, status, code, place) => {
    const answer = await ask(method, path, body === undefined ? {} : { body });
    expect([answer.status, codeOf(answer)]).toEqual([status, code]);
    const issue = answer.json.issue![0]!;
    expect((issue.expression ?? issue.location)?.[0]).toBe(place);
    expect(issue.diagnostics).not.toBe('');
    expect(answer.headers['content-type']).toBe('application/fhir+json; charset=utf-8');
    expect(engine.asked).toEqual([]);
  });

  test('a delivery id that is no UUID, another content type, more parameters than a query may have', async () => {
    const bad = await ask('PUT', feed, { body: patient, headers: { 'idempotency-key': 'x' } });
    expect([codeOf(bad), bad.json.issue![0]!.expression]).toEqual(['http.bad-input', ['http.idempotency-key']]);
    const xml = await ask('PUT', feed, { body: '<Patient/>', headers: { 'content-type': 'application/fhir+xml' } });
    expect([xml.status, codeOf(xml)]).toEqual([415, 'http.unsupported-media']);
    const many = await ask('GET', `/fhir/R4/DocumentReference?${'a=1&'.repeat(101)}`);
    expect(codeOf(many)).toBe('exchange.query');
    expect(engine.asked).toEqual([]);
  });

  test('a document of 200 MB: by its Content-Length at once, without it as soon as the count passes the limit', async () => {
    const told = await ask('POST', '/fhir/R4', {
      headers: { ...FHIR, 'content-length': String(200 * MiB) },
      stream: (write) => write(Buffer.from('{')),
    });
    expect([told.status, codeOf(told)]).toEqual([413, 'exchange.document-too-large']);
    let sent = 0;
    const counted = await ask('POST', '/fhir/R4', {
      headers: FHIR,
      stream: (write) => {
        const timer = setInterval(() => {
          if (sent >= 200 * MiB) return clearInterval(timer);
          sent += 256 * 1024;
          write(Buffer.alloc(256 * 1024, 0x20));
        }, 1);
        timer.unref();
      },
    });
    expect([counted.status, codeOf(counted)]).toEqual([413, 'exchange.document-too-large']);
    expect(sent).toBeLessThan(100 * MiB);
    expect(engine.asked).toEqual([]);
  });

  test('whoever asks before sending is not told to send what is too much', async () => {
    let continued = 0;
    const status = (length: number) =>
      new Promise<number>((resolve, reject) => {
        const { ca, cert, key } = hospital;
        const headers = { ...FHIR, 'content-length': String(length), expect: '100-continue' };
        const asked = request({ host: '127.0.0.1', port, method: 'POST', path: '/fhir/R4', headers, ca, cert, key });
        asked.once('continue', () => {
          continued += 1;
          asked.end('{"resourceType":"Bundle"}');
        });
        asked.once('response', (answer) => {
          answer.resume();
          resolve(answer.statusCode ?? 0);
        });
        asked.once('error', reject);
        asked.flushHeaders();
      });
    expect(await status(200 * MiB)).toBe(413);
    expect(continued).toBe(0);
    expect(await status(25)).toBe(200);
    expect(continued).toBe(1);
  });

  test('a text in a bundle that is longer than a document may be is told with its place', async () => {
    const bundle = {
      resourceType: 'Bundle',
      entry: [{ resource: { resourceType: 'Binary', data: 'A'.repeat(1_410_000) } }],
    };
    const answer = await ask('POST', '/fhir/R4', { body: bundle });
    expect([answer.status, codeOf(answer)]).toEqual([413, 'exchange.document-too-large']);
    expect(answer.json.issue![0]!.expression).toEqual(['Bundle.entry[0].resource.data']);
    const large = await ask('PUT', feed, { body: { resourceType: 'Patient', text: 'A'.repeat(65 * 1024) } });
    expect([large.status, codeOf(large)]).toEqual([413, 'http.too-large']);
  });

  test('a failure of the engine keeps its code and place; an unexpected one tells nothing but a reference', async () => {
    engine.answer = new MixError('exchange.unknown-domain', { place: 'Patient.identifier[0].system' });
    const known = await ask('PUT', feed, { body: patient });
    expect([known.status, codeOf(known), known.json.issue![0]!.code]).toEqual([
      422,
      'exchange.unknown-domain',
      'code-invalid',
    ]);
    expect(known.json.issue![0]!.expression).toEqual(['Patient.identifier[0].system']);
    engine.answer = new Error('Isolde Quillfeather');
    const other = await ask('PUT', feed, { body: patient });
    expect([other.status, codeOf(other)]).toEqual([500, 'http.unexpected']);
    const reference = /reference ([0-9a-f-]{36})/.exec(other.text)?.[1];
    expect(log.lines.some((line) => reference !== undefined && line.includes(reference))).toBe(true);
    expect(other.text + log.lines.join()).not.toContain('Quillfeather');
  });

  test('a node that asks for too much at once or in a minute is told to wait', async () => {
    let release = (): void => undefined;
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    const slow = createStubExchangeEngine();
    slow.retrieveDocument = async () => {
      await held;
      return { status: 200 };
    };
    const other = createFhirDoor({
      engine: slow,
      tls: region,
      host: '127.0.0.1',
      port: 0,
      limits: { inFlightPerNodeMax: 2, requestsPerMinute: 5 },
      log,
      clock: { now: () => 0 },
    });
    const { port: otherPort } = await other.listen();
    const [first, second] = [1, 2].map(() => ask('GET', '/fhir/R4/Binary/1', { port: otherPort }));
    let third = await ask('GET', '/fhir/R4/metadata', { port: otherPort });
    while (third.status === 200) third = await ask('GET', '/fhir/R4/metadata', { port: otherPort });
    expect(['exchange.busy', 'http.too-many-requests']).toContain(codeOf(third));
    expect(Number(third.headers['retry-after'])).toBeGreaterThan(0);
    release();
    await Promise.all([first, second]);
    let last = third;
    for (let tried = 0; tried < 6; tried += 1) last = await ask('GET', '/fhir/R4/metadata', { port: otherPort });
    expect([last.status, codeOf(last)]).toEqual([429, 'http.too-many-requests']);
    const another = await ask('GET', '/fhir/R4/metadata', { port: otherPort, keys: world.keysOf('hospital-b') });
    expect(another.status).toBe(200);
    await other.close();
  });
});

test('a renewed certificate is shown to whom connects from then on', async () => {
  const serialOf = () =>
    new Promise<string>((resolve, reject) => {
      const { ca, cert, key } = hospital;
      const socket = connect({ host: '127.0.0.1', port, ca, cert, key, servername: 'localhost' }, () => {
        resolve(socket.getPeerCertificate().serialNumber);
        socket.destroy();
      }).once('error', reject);
    });
  expect(await serialOf()).toBe(region.certificate.serialNumber);
  const fresh = world.keysOf('region');
  door.renewTls(fresh.cert, fresh.key);
  expect(await serialOf()).toBe(fresh.certificate.serialNumber);
  await expect(
    ask('GET', '/fhir/R4/metadata', { keys: { cert: undefined, key: undefined } as never }),
  ).rejects.toThrow();
});
