/** The floor of the delivery bench: posts of bytes over mutual TLS to a server that reads and answers them, in one process. */
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { Pool } from 'undici';
import { openAuthority, openIdentity, pemOf } from '../../../pki/index.ts';
import type { DeliveryQuestion } from './delivery.ts';

type Floor = Extract<DeliveryQuestion, { floor: unknown }>['floor'];

process.on('message', (question: { floor: Floor }) => {
  measure(question.floor).then(
    (told) => process.send?.(told),
    (cause: unknown) => {
      process.stderr.write(`bench floor: ${cause instanceof Error ? cause.message : typeof cause}\n`);
      process.exit(1);
    },
  );
});

async function measure({ settings, bytes, count, warmUp }: Floor): Promise<{ seconds: number }> {
  const authority = openAuthority(settings.pki.folder);
  const order = { profile: 'node' as const, subject: { commonName: 'floor' }, san: { ip: ['127.0.0.1'] } };
  const face = openIdentity({ dir: settings.pki.folder, name: 'floor', authority, order, now: Date.now() });
  const ca = pemOf([authority.chain.at(-1)!]);
  const tls = { key: face.keyPem, cert: face.chainPem, ca, minVersion: 'TLSv1.3' as const };
  const server = createServer({ ...tls, requestCert: true, rejectUnauthorized: true }, (asked, answer) => {
    asked.resume();
    asked.on('end', () => answer.end('{}'));
  });
  const port = await listen(server);
  const connections = settings.deliver.inFlightMax;
  const pool = new Pool(`https://127.0.0.1:${port}`, { connections, pipelining: 1, allowH2: false, connect: tls });
  const body = Buffer.alloc(bytes, 'a');
  const post = async (): Promise<void> => {
    const { body: told } = await pool.request({ method: 'POST', path: '/', body });
    await told.dump();
  };
  const postAll = async (posts: number): Promise<void> => {
    let left = posts;
    await Promise.all(
      Array.from({ length: connections }, async () => {
        while (left > 0) {
          left -= 1;
          await post();
        }
      }),
    );
  };
  await postAll(warmUp);
  const begun = performance.now();
  await postAll(count);
  const seconds = (performance.now() - begun) / 1000;
  await pool.close();
  server.closeAllConnections();
  server.close();
  return { seconds };
}

function listen(server: Server): Promise<number> {
  return new Promise((resolve) => {
    server.listen(0, '127.0.0.1', () => resolve((server.address() as AddressInfo).port));
  });
}
