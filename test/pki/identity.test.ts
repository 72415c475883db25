import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { connect, createServer, type TLSSocket } from 'node:tls';
import { expect, test } from 'vitest';
import { createAuthority, openAuthority, openIdentity, pemOf, signDocument, verifyDocument } from '../../pki/index.ts';
import { inFolder, makeWorld, NOW } from '../support/pki.ts';

const DAY_MS = 86_400_000;
const { root, issuing } = makeWorld();

test('an identity is made once, stays, and is renewed with the same key after two thirds of its life', () =>
  inFolder((dir) => {
    const order = {
      profile: 'node',
      subject: { commonName: 'node-a' },
      san: { dns: ['a.test'], ip: ['127.0.0.1'] },
      days: 90,
    } as const;
    const open = (now: number, change = {}) =>
      openIdentity({ dir, name: 'node', authority: issuing, order: { ...order, ...change }, now });
    const serial = (identity: ReturnType<typeof open>): string => identity.certificateChain[0]!.serialNumber;
    const first = open(NOW);
    expect(first.certificateChain.map((one) => one.subject.split('=').at(-1))).toEqual(['node-a', 'Test Issuing']);
    expect(serial(open(NOW + 59 * DAY_MS))).toBe(serial(first));
    expect(first.renewAt).toBeGreaterThan(NOW + 59 * DAY_MS);
    const renewed = open(NOW + 61 * DAY_MS);
    expect(serial(renewed)).not.toBe(serial(first));
    expect(renewed.keyPem).toBe(first.keyPem);
    const other = open(NOW + 62 * DAY_MS, { san: { dns: ['b.test'] } });
    expect(serial(other)).not.toBe(serial(renewed));
    writeFileSync(join(dir, 'node.pem'), 'half a fi');
    expect(serial(open(NOW + 62 * DAY_MS))).not.toBe(serial(other));
    rmSync(join(dir, 'node.pem'));
    expect(open(NOW).keyPem).toBe(first.keyPem);
    expect(() => openIdentity({ dir, name: '../x', authority: issuing, order, now: NOW })).toThrow(/cannot be written/);
  }));

test('an identity for documents signs as it is', () =>
  inFolder((dir) => {
    const signer = openIdentity({
      dir,
      name: 'signer',
      authority: issuing,
      order: { profile: 'document-signer', subject: { commonName: 'seal' } },
      now: NOW,
    });
    const bytes = Buffer.from('<a/>');
    const signature = signDocument({ bytes, documentId: 'urn:oid:1.2.3', mediaType: 'text/xml' }, signer, NOW);
    expect(verifyDocument(bytes, signature, { roots: [root.certificate], at: NOW }).holds).toBe(true);
  }));

test('a start that was cut off between key and certificate goes on with that key', () =>
  inFolder((dir) => {
    const made = createAuthority({ subject: { commonName: 'Root' }, dir, now: NOW });
    rmSync(join(dir, 'ca.pem'));
    expect(() => openAuthority(dir)).toThrow(/holds no authority/);
    createAuthority({ subject: { commonName: 'Root' }, dir, now: NOW });
    expect(openAuthority(dir).key.equals(made.key)).toBe(true);
  }));

test('two nodes talk over TLS 1.3 with certificates on both sides, and a stranger is turned away', () =>
  inFolder(async (dir) => {
    const now = Date.now();
    const ca = createAuthority({ subject: { commonName: 'Root' }, now });
    const stranger = createAuthority({ subject: { commonName: 'Root' }, now });
    const identity = (name: string, authority = ca) =>
      openIdentity({
        dir: join(dir, name),
        name,
        authority,
        order: { profile: 'node', subject: { commonName: name }, san: { dns: [`${name}.test`], ip: ['127.0.0.1'] } },
        now,
      });
    const side = (one: ReturnType<typeof identity>) => ({
      key: one.keyPem,
      cert: one.chainPem,
      ca: pemOf([ca.certificate]),
      minVersion: 'TLSv1.3' as const,
    });
    const server = createServer(
      { ...side(identity('a')), requestCert: true, rejectUnauthorized: true },
      (socket: TLSSocket) => socket.end(socket.getPeerCertificate().subject.CN as string),
    );
    server.on('tlsClientError', () => undefined);
    await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
    const { port } = server.address() as { port: number };
    const greet = (one: ReturnType<typeof identity>, servername: string): Promise<string> =>
      new Promise((done) => {
        let text = '';
        const socket = connect({ ...side(one), port, host: '127.0.0.1', servername });
        socket.on('data', (data) => {
          text += data;
        });
        socket.on('error', (error: NodeJS.ErrnoException) => done(error.code ?? 'error'));
        socket.on('close', () => done(text));
      });
    try {
      expect(await greet(identity('b'), 'a.test')).toBe('b');
      expect(await greet(identity('b'), 'c.test')).toBe('ERR_TLS_CERT_ALTNAME_INVALID');
      expect(await greet(identity('x', stranger), 'a.test')).not.toBe('x');
    } finally {
      server.close();
    }
  }));
