/** An EMR that does not give up: one message at a time, the same bytes again over a new connection until they are acknowledged. */
import { connect, type Socket } from 'node:net';

const ANSWER_MS_MAX = 20_000;
const AGAIN_MS = 200;

export interface ConfirmedClient {
  /** Resolves when the node answered AA for this control id. */
  send(bytes: Buffer, controlId: string): Promise<void>;
  close(): void;
}

export function openConfirmedClient(port: number): ConfirmedClient {
  let socket: Socket | undefined;

  async function send(bytes: Buffer, controlId: string): Promise<void> {
    for (;;) {
      try {
        socket ??= await open(port);
        const answer = await ask(socket, bytes);
        const [, code, id] = /MSA\|([A-Z]{2})\|([^|\r]*)/.exec(answer) ?? [];
        if (id === controlId && code === 'AA') return;
        if (id === controlId && code === 'AE') throw new TypeError(`refused: ${answer.replaceAll('\r', ' ')}`);
      } catch (cause) {
        if (cause instanceof TypeError) throw cause;
      }
      socket?.destroy();
      socket = undefined;
      await new Promise((resolve) => setTimeout(resolve, AGAIN_MS));
    }
  }

  return { send, close: () => socket?.destroy() };
}

function open(port: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1', () => resolve(socket));
    // Told by 'close' once it stands; without a listener it would end the process.
    socket.on('error', reject);
  });
}

function ask(socket: Socket, bytes: Buffer): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = '';
    const late = setTimeout(() => done(new Error('no answer')), ANSWER_MS_MAX);
    const onData = (part: Buffer): void => {
      text += part.toString('latin1');
      if (text.includes('\x1c\r')) done();
    };
    const onEnd = (): void => done(new Error('the line was lost'));
    function done(error?: Error): void {
      clearTimeout(late);
      socket.off('data', onData).off('close', onEnd);
      if (error) reject(error);
      else resolve(text);
    }
    socket.on('data', onData).once('close', onEnd);
    socket.write(Buffer.concat([Buffer.from([0x0b]), bytes, Buffer.from([0x1c, 0x0d])]));
  });
}
