/** Asking another node: what goes over, whom we believe, and what a failure is called. */
import { createServer, type Server } from 'node:https';
import { createServer as createTcpServer } from 'node:net';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { createFhirDoor, type FhirDoor } from '../../../adapters/http/index.ts';
import { type OpenPeer, openPeer, type PeerOptions } from '../../../adapters/outlets/index.ts';
import { MixError } from '../../../schemas/errors/index.ts';
import { createLog, createStubExchangeEngine, makeExchange, OID_OF } from '../../support/exchange.ts';

const world = makeExchange();
const [region, hospital] = [world.keysOf('region'), world.keysOf('hospital-a')];
const engine = createStubExchangeEngine();
const opened: OpenPeer[] = [];
let door: FhirDoor;
let port = 0;

beforeAll(async () => {
  door = createFhirDoor({ engine, tls: region, host: '127.0.0.1', port: 0, log: createLog() });
  ({ port } = await door.listen());
});
afterAll(async () => {
  await Promise.all(opened.map((one) => one.close()));
  await door.close();
});
beforeEach(() => {
  engine.asked.length = 0;
  engine.admit = undefined;
  engine.answer = { status: 200, resource: { resourceType: 'Bundle', type: 'searchset' } };
});

function peer(change: Partial<PeerOptions> = {}): OpenPeer {
  const one = openPeer({
    name: 'the-region',
    role: 'region',
    organization: OID_OF['region']!,
    url: `https://127.0.0.1:${port}`,
    tls: hospital,
    answerMs: 5_000,
    ...change,
  });
  opened.push(one);
  return one;
}

async function faultOf(asking: Promise<unknown>): Promise<[string, boolean, string | undefined]> {
  const error = await asking.then(
    () => undefined,
    (cause: unknown) => cause,
  );
  if (!(error instanceof MixError)) throw new Error(`no MixError: ${String(error)}`);
  return [error.fault.code, error.kind.retry, error.fault.detail];
}

describe('what goes over', () => {
  test('method, path, body, delivery, requester, our chain; and the answer whole', async () => {
    let told: { chain: Buffer[]; requester?: string } = { chain: [] };
    engine.admit = (chain, requester) => {
      told = { chain, ...(requester === undefined ? {} : { requester }) };
      return { kind: 'peer', id: 'a', role: 'hospital', organization: '2.999' };
    };
    engine.answer = { status: 201, headers: { etag: 'W/"3"' }, resource: { resourceType: 'Patient', id: 'x' } };
    const requester = { node: 'a', user: 'Žofie', roles: ['doctor'], purpose: 'TREAT' };
    const deliveryId = '018f3b0a-0000-7000-8000-000000000001';
    const patient = { resourceType: 'Patient' as const, id: 'p' };
    const answer = await peer().ask({
      method: 'PUT',
      path: 'Patient?identifier=a%7Cb',
      body: patient,
      deliveryId,
      requester,
    });
    expect([answer.status, answer.headers['etag']]).toEqual([201, 'W/"3"']);
    expect(JSON.parse(answer.body.toString())).toEqual({ resourceType: 'Patient', id: 'x' });
    expect(engine.asked[0]).toMatchObject({ act: 'feedPatient', what: ['a|b', patient, deliveryId] });
    expect(told.chain.map((one) => one.toString('hex'))).toEqual(
      hospital.chain.slice(0, 3).map((one) => one.toString('hex')),
    );
    expect(JSON.parse(Buffer.from(told.requester ?? '', 'base64url').toString())).toEqual(requester);
  });

  test('documents in their own type where that is asked for, and failures as answers', async () => {
    const body = Buffer.from('<ClinicalDocument/>');
    engine.answer = { status: 200, bytes: { mediaType: 'text/xml', body } };
    const answer = await peer().ask({ method: 'GET', path: 'Binary/1', accept: '*/*' });
    expect([answer.headers['content-type'], answer.body.toString()]).toEqual(['text/xml', body.toString()]);
    engine.answer = new MixError('exchange.unknown-document');
    expect((await peer().ask({ method: 'GET', path: 'Binary/2' })).status).toBe(404);
  });

  test('over few connections, at once', async () => {
    const one = peer({ connections: 2 });
    const answers = await Promise.all(Array.from({ length: 40 }, () => one.ask({ method: 'GET', path: 'metadata' })));
    expect(answers.every(({ status }) => status === 200)).toBe(true);
  });

  test('never to a path that leaves the base', async () => {
    for (const path of ['/x', '../x', 'a/../../x', 'https://elsewhere.example/', 'a b', 'a#b', 'a\r\nx: y', 'a\\b'])
      expect((await faultOf(peer().ask({ method: 'GET', path })))[0], path).toBe('exchange.query');
    for (const url of ['http://127.0.0.1:1', 'nonsense', 'https://u:p@x/', 'https://x/?a'])
      expect(() => peer({ url }), url).toThrow(MixError);
  });
});

describe('whom we believe', () => {
  test('the node that it should be, and no other of the exchange', async () => {
    expect((await peer().ask({ method: 'GET', path: 'metadata' })).status).toBe(200);
    for (const change of [
      { role: 'global' as const },
      { organization: '2.999.1' },
      { organization: '2.16.840.1.113883.19' },
    ])
      expect((await faultOf(peer(change).ask({ method: 'GET', path: 'metadata' })))[0]).toBe('exchange.not-trusted');
  });

  test('nobody whose chain ends elsewhere, whose name is another, or whose certificate the caller refuses', async () => {
    const other = { ...hospital, ca: makeExchange().keysOf('region').ca };
    expect(await faultOf(peer({ tls: other }).ask({ method: 'GET', path: 'metadata' }))).toEqual([
      'exchange.not-trusted',
      false,
      'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
    ]);
    const elsewhere = peer({ url: `https://[::ffff:127.0.0.1]:${port}` });
    expect((await faultOf(elsewhere.ask({ method: 'GET', path: 'metadata' })))[0]).toBe('exchange.not-trusted');
    let seen: string[] = [];
    const judged = peer({
      judge(chain) {
        seen = chain.map((one) => one.subject);
        return 'chain.revoked';
      },
    });
    expect(await faultOf(judged.ask({ method: 'GET', path: 'metadata' }))).toEqual([
      'exchange.not-trusted',
      false,
      'chain.revoked',
    ]);
    expect(seen).toEqual(['CN=region', 'CN=Region CA', 'CN=Exchange Root']);
  });

  test('a judge that fails is no trust, and no end of the process', async () => {
    const failing = peer({
      judge() {
        throw new MixError('crl.malformed');
      },
    });
    const told = await faultOf(failing.ask({ method: 'GET', path: 'metadata' }));
    expect(told).toEqual(['exchange.not-trusted', false, 'crl.malformed']);
  });

  test('a judgement is asked again after reconnect', async () => {
    let verdict: string | undefined;
    const one = peer({ judge: () => verdict, connections: 1 });
    expect((await one.ask({ method: 'GET', path: 'metadata' })).status).toBe(200);
    verdict = 'chain.revoked';
    expect((await one.ask({ method: 'GET', path: 'metadata' })).status).toBe(200);
    one.reconnect();
    expect((await faultOf(one.ask({ method: 'GET', path: 'metadata' })))[0]).toBe('exchange.not-trusted');
  });

  test('our own renewed certificate is shown from then on', async () => {
    const serials: string[] = [];
    engine.admit = (chain) => {
      serials.push(chain[0]!.toString('hex'));
      return { kind: 'peer', id: 'a', role: 'hospital', organization: '2.999' };
    };
    const one = peer();
    await one.ask({ method: 'GET', path: 'metadata' });
    const fresh = world.keysOf('hospital-a');
    one.renewTls(fresh);
    await one.ask({ method: 'GET', path: 'metadata' });
    expect(serials).toEqual([hospital.chain[0]!.toString('hex'), fresh.chain[0]!.toString('hex')]);
  });
});

describe('what a failure is called', () => {
  const servers: { close(done: () => void): unknown; closeAllConnections?(): void }[] = [];
  afterAll(() =>
    Promise.all(
      servers.map(
        (one) =>
          new Promise<void>((resolve) => {
            one.closeAllConnections?.();
            one.close(() => resolve());
          }),
      ),
    ),
  );
  const start = (server: Server): Promise<string> =>
    new Promise((resolve) =>
      server.listen(0, '127.0.0.1', () => {
        servers.push(server);
        const address = server.address();
        resolve(`https://127.0.0.1:${typeof address === 'object' && address ? address.port : 0}`);
      }),
    );

  test('nobody listens, nobody answers in time, an answer breaks off: unreachable', async () => {
    const free = await new Promise<number>((resolve) => {
      const probe = createTcpServer().listen(0, '127.0.0.1', () => {
        const address = probe.address();
        probe.close(() => resolve(typeof address === 'object' && address ? address.port : 0));
      });
    });
    expect(
      (await faultOf(peer({ url: `https://127.0.0.1:${free}` }).ask({ method: 'GET', path: 'x' }))).slice(0, 2),
    ).toEqual(['exchange.unreachable', true]);
    const silent = await start(createServer({ ...region, requestCert: true }, () => undefined));
    expect(await faultOf(peer({ url: silent, answerMs: 300 }).ask({ method: 'GET', path: 'x' }))).toEqual([
      'exchange.unreachable',
      true,
      'no answer in time',
    ]);
    const broken = await start(
      createServer({ ...region, requestCert: true }, (_request, response) => {
        response.writeHead(200, { 'content-length': '100' });
        response.write('part');
        setTimeout(() => response.socket?.destroy(), 20);
      }),
    );
    expect((await faultOf(peer({ url: broken }).ask({ method: 'GET', path: 'x' })))[0]).toBe('exchange.unreachable');
  });

  test('an answer without end is not read to its end', async () => {
    let written = 0;
    const endless = await start(
      createServer({ ...region, requestCert: true }, (_request, response) => {
        const chunk = Buffer.alloc(64 * 1024);
        const more = (): void => {
          while (!response.destroyed && written < 500 * 1024 * 1024) {
            written += chunk.length;
            if (!response.write(chunk)) return void response.once('drain', more);
          }
        };
        more();
      }),
    );
    const one = peer({ url: endless, answerBytesMax: 1024 * 1024 });
    expect(await faultOf(one.ask({ method: 'GET', path: 'x' }))).toEqual(['exchange.answer', false, 'too long']);
    expect(written).toBeLessThan(100 * 1024 * 1024);
  });

  test('a closed peer asks nothing', async () => {
    const one = peer();
    await one.close();
    await one.close();
    expect((await faultOf(one.ask({ method: 'GET', path: 'metadata' })))[0]).toBe('exchange.unreachable');
  });
});
