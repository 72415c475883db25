/** A listener over TLS wants a client certificate of an authority that its settings name. */
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { connect, type TLSSocket } from 'node:tls';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  admission,
  type Child,
  listenerLines,
  makeDir,
  openWire,
  segment,
  startChild,
  wireOver,
  writeSettings,
} from './outside.ts';

function hasOpenssl(): boolean {
  try {
    execFileSync('openssl', ['version'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

const openssl = hasOpenssl();
const dir = makeDir();

function makeAuthority(name: string): void {
  const [key, cert] = [join(dir.path, `${name}.key`), join(dir.path, `${name}.pem`)];
  const subject = ['-subj', `/CN=${name}`, '-addext', 'basicConstraints=critical,CA:TRUE'];
  openSsl(
    ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2'],
    key,
    cert,
    subject,
  );
}

function openSsl(first: string[], key: string, out: string, rest: string[]): void {
  execFileSync('openssl', [...first, '-keyout', key, '-out', out, ...rest], { stdio: 'ignore' });
}

function issue(name: string, authority: string): void {
  const file = (ending: string) => join(dir.path, `${name}.${ending}`);
  openSsl(['req', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'], file('key'), file('csr'), [
    '-subj',
    `/CN=${name}`,
  ]);
  writeFileSync(file('ext'), 'subjectAltName=DNS:localhost,IP:127.0.0.1\n');
  const by = [
    '-CA',
    join(dir.path, `${authority}.pem`),
    '-CAkey',
    join(dir.path, `${authority}.key`),
    '-CAcreateserial',
  ];
  execFileSync(
    'openssl',
    ['x509', '-req', '-in', file('csr'), ...by, '-days', '2', '-extfile', file('ext'), '-out', file('pem')],
    { stdio: 'ignore' },
  );
}

describe.skipIf(!openssl)(`TLS listener${openssl ? '' : ' (skipped: no openssl on this machine)'}`, () => {
  let child: Child;
  let port = 0;

  beforeAll(async () => {
    makeAuthority('site');
    makeAuthority('stranger');
    issue('server', 'site');
    issue('emr', 'site');
    issue('other', 'stranger');
    const tls = ['tls:', '  cert: server.pem', '  key: { file: server.key }', '  ca: [site.pem]'];
    child = await startChild(['node', writeSettings(dir.path, listenerLines('lab', tls))]);
    port = child.told.listeners[0]!.port;
  });
  afterAll(async () => {
    await child?.stop();
    dir.remove();
  });

  const pem = (file: string) => readFileSync(join(dir.path, file));

  async function secureWire(client?: string) {
    const socket: TLSSocket = connect({
      port,
      host: '127.0.0.1',
      ca: pem('site.pem'),
      ...(client === undefined ? {} : { cert: pem(`${client}.pem`), key: pem(`${client}.key`) }),
    });
    await new Promise((resolve, reject) => socket.once('secureConnect', resolve).once('error', reject));
    return wireOver(socket);
  }

  test('a client with a certificate of the named authority is answered', async () => {
    const line = await secureWire('emr');
    const answer = await line.ask(admission({ controlId: 'TLS1', number: '7001' }));
    expect(segment(answer, 'MSA').slice(1, 3)).toEqual(['AA', 'TLS1']);
    line.close();
  });

  test.each([
    ['no certificate', undefined],
    ['a certificate of another authority', 'other'],
  ])('a client with %s is not', async (_what, client) => {
    const tried = secureWire(client).then((line) => line.ask(admission({ controlId: 'TLS2', number: '7002' })));
    await expect(tried).rejects.toThrow();
  });

  test('a client without TLS is not', async () => {
    const line = await openWire(port);
    await expect(line.ask(admission({ controlId: 'TLS3', number: '7003' }))).rejects.toThrow('closed');
  });
});
