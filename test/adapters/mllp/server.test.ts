import { afterEach, describe, expect, it } from 'vitest';
import { type Accepted, frameOf } from '../../../adapters/mllp/index.ts';
import { MixError } from '../../../schemas/errors/index.ts';
import { ackOf, controlId, gatherLog, listeners, message, rawPeer, start, until } from './house.ts';

afterEach(async () => {
  await Promise.all(listeners.splice(0).map((listener) => listener.close()));
});

/** An accept whose answers the test gives by hand. */
function byHand() {
  const waiting = new Map<string, (accepted: Accepted) => void>();
  return {
    waiting,
    accept: (bytes: Buffer) => new Promise<Accepted>((resolve) => waiting.set(controlId(bytes), resolve)),
    give: (id: string, later?: Promise<Buffer | null>) =>
      waiting.get(id)?.({ ack: ackOf(message(id)), ...(later && { later }) }),
  };
}

describe('MLLP listener', () => {
  it('answers three in flight in the order of receipt, however they are finished', async () => {
    const hand = byHand();
    const listener = await start({ accept: hand.accept });
    const peer = await rawPeer(listener.port);
    peer.socket.write(Buffer.concat(['1', '2', '3'].map((id) => frameOf(message(id)))));
    await until(() => hand.waiting.size === 3);
    hand.give('3');
    hand.give('2');
    await new Promise((resolve) => setTimeout(resolve, 30));
    expect(peer.answers).toEqual([]);
    hand.give('1');
    await until(() => peer.answers.length === 3);
    expect(peer.answers).toEqual(['AA|1', 'AA|2', 'AA|3']);
    peer.socket.end();
  });

  it('reads a frame in single bytes', async () => {
    const listener = await start();
    const peer = await rawPeer(listener.port);
    peer.socket.setNoDelay(true);
    for (const byte of frameOf(message('slow'))) {
      peer.socket.write(Buffer.of(byte));
      await new Promise((resolve) => setImmediate(resolve));
    }
    await until(() => peer.answers.length === 1);
    peer.socket.end();
  });

  it('takes no more than the limit in flight, and goes on when answers leave', async () => {
    const hand = byHand();
    const listener = await start({ accept: hand.accept, limits: { inFlightMax: 4 } });
    const peer = await rawPeer(listener.port);
    const ids = Array.from({ length: 50 }, (_, index) => `${index}`);
    peer.socket.write(Buffer.concat(ids.map((id) => frameOf(message(id)))));
    await until(() => hand.waiting.size === 4);
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(hand.waiting.size).toBe(4);
    for (const [at, id] of ids.entries()) {
      await until(() => hand.waiting.has(id));
      expect(hand.waiting.size).toBeLessThanOrEqual(at + 4);
      hand.give(id);
    }
    await until(() => peer.answers.length === 50);
    expect(peer.answers).toEqual(ids.map((id) => `AA|${id}`));
    peer.socket.end();
  });

  it('answers what was taken after the peer closed its side, then closes', async () => {
    const hand = byHand();
    const listener = await start({ accept: hand.accept });
    const peer = await rawPeer(listener.port);
    peer.socket.end(Buffer.concat([frameOf(message('1')), frameOf(message('2'))]));
    await until(() => hand.waiting.size === 2);
    hand.give('1');
    hand.give('2');
    await peer.closed;
    expect(peer.answers).toEqual(['AA|1', 'AA|2']);
  });

  it('closes gracefully: due answers are written, nothing new is taken', async () => {
    const hand = byHand();
    const listener = await start({ accept: hand.accept });
    const peer = await rawPeer(listener.port);
    peer.socket.write(frameOf(message('1')));
    await until(() => hand.waiting.size === 1);
    const closing = listener.close();
    peer.socket.write(frameOf(message('2')));
    await new Promise((resolve) => setTimeout(resolve, 30));
    expect(hand.waiting.size).toBe(1);
    hand.give('1');
    await peer.closed;
    await closing;
    expect(peer.answers).toEqual(['AA|1']);
    await expect(rawPeerOrError(listener.port)).resolves.toBe('ECONNREFUSED');
  });

  it('writes the later application acknowledgment as a frame of its own, and tells when the connection has gone', async () => {
    const { log, told } = gatherLog();
    const hand = byHand();
    const listener = await start({ accept: hand.accept, log });
    const peer = await rawPeer(listener.port);
    peer.socket.write(frameOf(message('1')));
    await until(() => hand.waiting.size === 1);
    hand.give('1', Promise.resolve(ackOf(message('1'), 'AE')));
    await until(() => peer.answers.length === 2);
    expect(peer.answers).toEqual(['AA|1', 'AE|1']);
    let giveLater: (ack: Buffer) => void = () => {};
    peer.socket.write(frameOf(message('2')));
    await until(() => hand.waiting.size === 2);
    hand.give(
      '2',
      new Promise((resolve) => {
        giveLater = resolve;
      }),
    );
    await until(() => peer.answers.length === 3);
    peer.socket.destroy();
    await until(() => listener.connections === 0);
    giveLater(ackOf(message('2')));
    await until(() => told.some(({ facts }) => facts.unheard === 1));
  });

  it('refuses a too large frame, answers it when told how, and takes the next in order', async () => {
    const { log, told } = gatherLog();
    const listener = await start({
      log,
      limits: { frameBytesMax: 2000 },
      answerRefused: (refusal) => ackOf(refusal.head, 'AR'),
    });
    const peer = await rawPeer(listener.port);
    peer.socket.write(
      Buffer.concat([frameOf(message('1')), frameOf(message('2', 'x'.repeat(100_000))), frameOf(message('3'))]),
    );
    await until(() => peer.answers.length === 3);
    expect(peer.answers).toEqual(['AA|1', 'AR|2', 'AA|3']);
    expect(told.map((one) => one.code)).toEqual(['mllp.frame-too-large']);
    peer.socket.end();
  });

  it('tells garbage without its content, and closes when there is too much', async () => {
    const { log, told } = gatherLog();
    const listener = await start({ log, limits: { noiseBytesMax: 1000 } });
    const peer = await rawPeer(listener.port);
    peer.socket.write('SECRET-PATIENT-NAME');
    await until(() => told.length === 1);
    peer.socket.write(frameOf(message('1')));
    await until(() => peer.answers.length === 1);
    peer.socket.write('y'.repeat(1200));
    peer.socket.write(frameOf(message('2')));
    await peer.closed;
    expect(peer.answers).toEqual(['AA|1']);
    expect(told.map((one) => one.code)).toEqual(['mllp.noise', 'mllp.noise']);
    expect(JSON.stringify(told)).not.toContain('SECRET');
  });

  it('names a message without a frame', async () => {
    const { log, told } = gatherLog();
    const listener = await start({ log });
    const peer = await rawPeer(listener.port);
    peer.socket.write(message('bare'));
    await until(() => told.length === 1);
    expect(told[0]?.code).toBe('mllp.no-frame');
    peer.socket.end();
  });

  it('takes a frame whose CR never comes', async () => {
    const listener = await start();
    const peer = await rawPeer(listener.port);
    peer.socket.write(frameOf(message('1')).subarray(0, -1));
    await until(() => peer.answers.length === 1);
    peer.socket.end();
  });

  it('closes a frame that never ends though bytes keep coming, and a silent connection', async () => {
    const { log, told } = gatherLog();
    const listener = await start({ log, limits: { frameMs: 600, idleMs: 900 } });
    const [dripping, silent] = [await rawPeer(listener.port), await rawPeer(listener.port)];
    dripping.socket.write('\x0bMSH|');
    const drip = setInterval(() => dripping.socket.write('x'), 50);
    await dripping.closed;
    clearInterval(drip);
    await silent.closed;
    expect(told.map((one) => one.code)).toEqual(['mllp.frame-slow', 'mllp.idle']);
  });

  it('closes the connection when nothing could be kept, after the earlier answers, and never answers for another', async () => {
    const { log, told } = gatherLog();
    const hand = byHand();
    const accept = (bytes: Buffer) =>
      controlId(bytes) === '2' ? Promise.reject(new MixError('store.closed')) : hand.accept(bytes);
    const listener = await start({ log, accept });
    const peer = await rawPeer(listener.port);
    peer.socket.write(Buffer.concat(['1', '2', '3'].map((id) => frameOf(message(id)))));
    await until(() => told.length > 0);
    hand.give('3');
    hand.give('1');
    await peer.closed;
    expect(peer.answers).toEqual(['AA|1']);
    expect(told[0]?.code).toBe('store.closed');
  });

  it('limits connections, in all and from one address', async () => {
    for (const limits of [{ connectionsMax: 2 }, { connectionsPerAddressMax: 2 }]) {
      const { log, told } = gatherLog();
      const listener = await start({ log, limits });
      const peers = [await rawPeer(listener.port), await rawPeer(listener.port), await rawPeer(listener.port)];
      await peers[2]!.closed;
      expect(told.map((one) => one.code)).toEqual(['mllp.too-many-connections']);
      for (const [at, peer] of peers.slice(0, 2).entries()) {
        peer.socket.write(frameOf(message(`${at}`)));
        await until(() => peer.answers.length === 1);
        peer.socket.end();
        await peer.closed;
      }
      const next = await rawPeer(listener.port);
      next.socket.write(frameOf(message('again')));
      await until(() => next.answers.length === 1);
      next.socket.end();
    }
  });

  it('says when its port is taken', async () => {
    const listener = await start();
    await expect(start({ port: listener.port })).rejects.toMatchObject({
      fault: { code: 'mllp.cannot-listen', detail: 'EADDRINUSE' },
    });
  });
});

function rawPeerOrError(port: number): Promise<string> {
  return new Promise((resolve) => {
    import('node:net').then(({ connect }) => {
      const socket = connect({ port, host: '127.0.0.1' }, () => resolve('connected'));
      socket.on('error', (error: Error & { code?: string }) => resolve(error.code ?? 'error'));
    });
  });
}
