import { createServer, type Server, type Socket } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { connectMllp, createFrameReader, frameOf } from '../../../adapters/mllp/index.ts';
import { ackOf, controlId, listeners, message, start, until } from './house.ts';

const servers: Server[] = [];
afterEach(async () => {
  await Promise.all(listeners.splice(0).map((listener) => listener.close()));
  for (const server of servers.splice(0)) server.close();
});

/** A receiver that does what the test says with each message. */
async function receiver(answer: (bytes: Buffer, socket: Socket) => void): Promise<{ port: number; sockets: Socket[] }> {
  const sockets: Socket[] = [];
  const server = createServer((socket) => {
    sockets.push(socket);
    const reader = createFrameReader({
      onFrame: (bytes) => {
        answer(bytes, socket);
        return true;
      },
      onRefused: () => true,
    });
    socket.on('data', (chunk) => reader.push(chunk));
    socket.on('error', () => {});
  });
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  return { port: typeof address === 'object' && address ? address.port : 0, sockets };
}

describe('MLLP client', () => {
  it('keeps to its window and gives every message its own answer', async () => {
    let open = 0;
    let most = 0;
    const listener = await start({
      accept: async (bytes) => {
        open += 1;
        most = Math.max(most, open);
        await new Promise((resolve) => setImmediate(resolve));
        open -= 1;
        return { ack: ackOf(bytes) };
      },
    });
    for (const window of [1, 8]) {
      most = 0;
      const client = await connectMllp({ host: '127.0.0.1', port: listener.port, window });
      const ids = Array.from({ length: 100 }, (_, index) => `w${window}-${index}`);
      const answers = await Promise.all(ids.map((id) => client.send(message(id))));
      expect(answers.map((answer) => answer.toString('latin1').split('|').at(-1)?.trim())).toEqual(ids);
      expect(most).toBeLessThanOrEqual(window);
      await client.close();
    }
  });

  it('trusts no answer after one that names another message', async () => {
    const { port } = await receiver((_bytes, socket) => socket.write(frameOf(ackOf(message('other')))));
    const client = await connectMllp({ host: '127.0.0.1', port, window: 2 });
    const both = await Promise.allSettled([client.send(message('1')), client.send(message('2'))]);
    expect(both.map((one) => one.status === 'rejected' && one.reason.fault.code)).toEqual([
      'mllp.wrong-answer',
      'mllp.wrong-answer',
    ]);
    await client.close();
  });

  it('says that no answer came', async () => {
    const { port } = await receiver(() => {});
    const client = await connectMllp({ host: '127.0.0.1', port, answerMs: 50 });
    await expect(client.send(message('1'))).rejects.toMatchObject({ fault: { code: 'mllp.no-answer' } });
    await expect(client.send(message('2'))).rejects.toMatchObject({ fault: { code: 'mllp.connection-lost' } });
    await client.close();
  });

  it('tells a lost connection, or connects again and sends again what was not answered', async () => {
    const heard: string[] = [];
    const { port } = await receiver((bytes, socket) => {
      heard.push(controlId(bytes));
      if (heard.length === 1) socket.destroy();
      else socket.write(frameOf(ackOf(bytes)));
    });
    const plain = await connectMllp({ host: '127.0.0.1', port });
    await expect(plain.send(message('1'))).rejects.toMatchObject({ fault: { code: 'mllp.connection-lost' } });
    await plain.close();
    heard.length = 0;
    const again = await connectMllp({
      host: '127.0.0.1',
      port,
      window: 3,
      reconnect: { tries: 5, firstMs: 10, maxMs: 50 },
    });
    const answers = await Promise.all(['1', '2', '3', '4'].map((id) => again.send(message(id))));
    expect(answers.map((answer) => answer.toString('latin1').split('|').at(-1)?.trim())).toEqual(['1', '2', '3', '4']);
    expect(heard.filter((id) => id === '1').length).toBe(2);
    await again.close();
  });

  it('gives up when the receiver stays away', async () => {
    const listener = await start();
    const client = await connectMllp({
      host: '127.0.0.1',
      port: listener.port,
      reconnect: { tries: 2, firstMs: 5, maxMs: 10 },
    });
    await client.send(message('1'));
    await listener.close();
    const outcome = client.send(message('2')).catch((error) => error.fault.code);
    await expect(outcome).resolves.toMatch(/^mllp\.(unreachable|connection-lost)$/);
    await client.close();
    await expect(connectMllp({ host: '127.0.0.1', port: listener.port })).rejects.toMatchObject({
      fault: { code: 'mllp.unreachable' },
    });
  });

  it('tells the later application acknowledgment apart from the answers', async () => {
    const later: string[] = [];
    const listener = await start({
      accept: async (bytes) => ({
        ack: ackOf(bytes, 'CA'),
        later: new Promise((resolve) => setTimeout(() => resolve(ackOf(bytes, 'AE')), 20)),
      }),
    });
    const client = await connectMllp({
      host: '127.0.0.1',
      port: listener.port,
      window: 2,
      onLater: (answer) => later.push(answer.toString('latin1')),
    });
    await Promise.all(['1', '2'].map((id) => client.send(message(id))));
    await until(() => later.length === 2);
    expect(later.join()).toMatch(/MSA\|AE\|1[\s\S]*MSA\|AE\|2/);
    await client.close();
    await expect(client.send(message('3'))).rejects.toMatchObject({ fault: { code: 'mllp.closed' } });
  });

  it('refuses more than may wait', async () => {
    const { port } = await receiver(() => {});
    const client = await connectMllp({ host: '127.0.0.1', port, waitingMax: 2, answerMs: 300 });
    const sent = Promise.allSettled([client.send(message('1')), client.send(message('2')), client.send(message('3'))]);
    await expect(client.send(message('4'))).rejects.toMatchObject({ fault: { code: 'mllp.window-full' } });
    await sent;
    await client.close();
  });
});
