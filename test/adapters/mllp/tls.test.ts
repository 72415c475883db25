import { connect as connectTls } from 'node:tls';
import { afterEach, describe, expect, it } from 'vitest';
import { connectMllp, type MllpPeer, type MllpTls } from '../../../adapters/mllp/index.ts';
import { type Authority, createAuthority, generateKey, issueCertificate } from '../../../pki/index.ts';
import { ackOf, gatherLog, listeners, message, rawPeer, start, until } from './house.ts';

const ours = createAuthority({ subject: { commonName: 'Test authority' } });
const theirs = createAuthority({ subject: { commonName: 'Another authority' } });

function side(authority: Authority, profile: 'tls-server' | 'tls-client', name: string, trusted: Authority): MllpTls {
  const { publicKey, privateKey } = generateKey();
  const san = profile === 'tls-server' ? { dns: ['localhost'], ip: ['127.0.0.1'] } : { dns: [`${name}.test`] };
  const { chainPem } = issueCertificate(authority, { profile, subject: { commonName: name }, san, publicKey });
  return {
    cert: chainPem,
    key: privateKey.export({ type: 'pkcs8', format: 'pem' }),
    ca: [trusted.certificate.toString()],
  };
}

const server = side(ours, 'tls-server', 'listener', ours);

afterEach(async () => {
  await Promise.all(listeners.splice(0).map((listener) => listener.close()));
});

describe('MLLP over TLS', () => {
  it('takes a client with a certificate of a trusted authority, and tells who it is', async () => {
    const peers: MllpPeer[] = [];
    const listener = await start({
      tls: server,
      accept: async (bytes, _source, peer) => {
        peers.push(peer);
        return { ack: ackOf(bytes) };
      },
    });
    const client = await connectMllp({
      host: '127.0.0.1',
      port: listener.port,
      tls: side(ours, 'tls-client', 'emr', ours),
      window: 4,
    });
    const answers = await Promise.all(['1', '2', '3'].map((id) => client.send(message(id))));
    expect(answers.length).toBe(3);
    expect(peers[0]?.certificate?.name).toBe('emr');
    expect(peers[0]?.certificate?.fingerprint).toMatch(/^([0-9A-F]{2}:){31}[0-9A-F]{2}$/);
    await client.close();
  });

  it('refuses a client without a certificate, and one of another authority', async () => {
    const { log, told } = gatherLog();
    let taken = 0;
    const listener = await start({
      tls: server,
      log,
      accept: async (bytes) => {
        taken += 1;
        return { ack: ackOf(bytes) };
      },
    });
    const stranger = side(theirs, 'tls-client', 'stranger', ours);
    const outcome = connectMllp({ host: '127.0.0.1', port: listener.port, tls: stranger }).then((client) =>
      client.send(message('1')),
    );
    await expect(outcome).rejects.toMatchObject({
      fault: { code: expect.stringMatching(/^mllp\.(tls-refused|connection-lost)$/) },
    });
    const bare = connectTls({ host: '127.0.0.1', port: listener.port, ca: server.ca });
    bare.on('error', () => {});
    bare.write('\x0bMSH|\x1c\r');
    await new Promise((resolve) => bare.on('close', resolve));
    await until(() => told.length === 2);
    expect(told.map((one) => one.code)).toEqual(['mllp.tls-refused', 'mllp.tls-refused']);
    expect(taken).toBe(0);
  });

  it('refuses TLS 1.1 and a plain client', async () => {
    const { log, told } = gatherLog();
    const listener = await start({ tls: server, log });
    const old = connectTls({
      host: '127.0.0.1',
      port: listener.port,
      ca: server.ca,
      minVersion: 'TLSv1',
      maxVersion: 'TLSv1.1',
      ciphers: 'DEFAULT@SECLEVEL=0',
    });
    old.on('error', () => {});
    await new Promise((resolve) => old.on('close', resolve));
    const plain = await rawPeer(listener.port);
    plain.socket.write('\x0bMSH|\x1c\r');
    await plain.closed;
    await until(() => told.length === 2);
    expect(told.every((one) => one.code === 'mllp.tls-refused')).toBe(true);
  });

  it('does not talk to a listener of another authority', async () => {
    const listener = await start({ tls: side(theirs, 'tls-server', 'impostor', ours) });
    await expect(
      connectMllp({ host: '127.0.0.1', port: listener.port, tls: side(ours, 'tls-client', 'emr', ours) }),
    ).rejects.toMatchObject({
      fault: { code: 'mllp.tls-refused' },
    });
  });

  it('closes a handshake that does not come to its end', async () => {
    const { log, told } = gatherLog();
    const listener = await start({ tls: server, log, limits: { handshakeMs: 200 } });
    const silent = await rawPeer(listener.port);
    await silent.closed;
    await until(() => told.length === 1);
    expect(told[0]?.code).toBe('mllp.tls-refused');
  });
});
