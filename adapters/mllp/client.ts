/** The MLLP client: sends messages over one connection and matches the answers by order and MSA-2. */
import { connect as connectTcp, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { MixError } from '../../schemas/errors/index.ts';
import { answerHeadOf, controlIdOf } from './control.ts';
import { createFrameReader, type FrameReader, frameOf } from './frame.ts';
import { type MllpTls, secureContextOf } from './tls.ts';

export interface ConnectOptions {
  host: string;
  port: number;
  tls?: MllpTls & {
    /** Name that the receiver's certificate must carry; default `host`. */
    servername?: string;
  };
  /** Messages sent and not yet answered; default 1, what most receivers expect. */
  window?: number;
  /** Messages that may wait for the window before `send` refuses; default 10,000. */
  waitingMax?: number;
  /** Default 10,000 ms. */
  connectMs?: number;
  /** Longest wait for an answer, from the sending of the message; default 30,000 ms. */
  answerMs?: number;
  /** Connect again after a loss and send again what was not answered (at least once, with the same MSH-10). Default: the loss is an error. */
  reconnect?: {
    /** Attempts in a row without one that succeeds. */
    tries: number;
    /** First pause; doubles after each attempt. */
    firstMs: number;
    maxMs: number;
  };
  /** Enhanced mode's later application acknowledgment of a message that was answered CA. */
  onLater?(answer: Buffer): void;
}

export interface MllpClient {
  /** Sends one message and gives its answer. Throws `mllp.no-answer`, `mllp.wrong-answer`, `mllp.connection-lost`, `mllp.unreachable`, `mllp.closed`. */
  send(message: Buffer): Promise<Buffer>;
  /** Waits for the answers of what was sent, refuses what was not, and ends. */
  close(): Promise<void>;
}

/** Opens a connection. Throws `mllp.unreachable` or `mllp.tls-refused`. */
export async function connectMllp(options: ConnectOptions): Promise<MllpClient> {
  const client = new Client(options);
  await client.open();
  return client;
}

interface Pending {
  message: Buffer;
  controlId: string;
  resolve(answer: Buffer): void;
  reject(error: MixError): void;
  timer?: NodeJS.Timeout;
}

/** Control ids answered CA whose application acknowledgment may still come. */
const LATER_MAX = 1024;

class Client implements MllpClient {
  readonly #options: ConnectOptions;
  readonly #window: number;
  readonly #place: string;
  #socket: Socket | undefined;
  readonly #waiting: Pending[] = [];
  readonly #sent: Pending[] = [];
  readonly #laterIds = new Set<string>();
  #closing = false;
  #reopening = false;
  #idle: (() => void) | undefined;

  constructor(options: ConnectOptions) {
    this.#options = options;
    this.#window = options.window ?? 1;
    this.#place = `${options.host}:${options.port}`;
  }

  async open(): Promise<void> {
    const socket = await this.#connect();
    if (this.#closing) {
      socket.destroy();
      return;
    }
    socket.setNoDelay(true);
    this.#socket = socket;
    const reader: FrameReader = createFrameReader({
      onFrame: (answer) => this.#hear(answer),
      onRefused: (refusal) => {
        this.#lose(socket, new MixError('mllp.wrong-answer', { place: this.#place, detail: refusal.code }));
        return false;
      },
    });
    socket.on('data', (chunk) => {
      if (this.#socket === socket) reader.push(chunk);
    });
    socket.on('error', (error: Error & { code?: string }) => {
      // In TLS 1.3 the receiver's verdict on our certificate comes after our side of the handshake is done.
      if (error.code?.startsWith('ERR_SSL'))
        this.#lose(socket, new MixError('mllp.tls-refused', { place: this.#place, detail: error.code }));
      socket.destroy();
    });
    socket.on('end', () => reader.settle());
    socket.on('close', () => this.#lose(socket, new MixError('mllp.connection-lost', { place: this.#place })));
    this.#pump();
  }

  send(message: Buffer): Promise<Buffer> {
    if (this.#closing) return Promise.reject(new MixError('mllp.closed', { place: this.#place }));
    if (!this.#socket && !this.#reopening)
      return Promise.reject(new MixError('mllp.connection-lost', { place: this.#place }));
    const waitingMax = this.#options.waitingMax ?? 10_000;
    if (this.#waiting.length >= waitingMax) {
      return Promise.reject(
        new MixError('mllp.window-full', { place: this.#place, detail: `${waitingMax} messages wait` }),
      );
    }
    return new Promise((resolve, reject) => {
      this.#waiting.push({ message, controlId: controlIdOf(message), resolve, reject });
      this.#pump();
    });
  }

  async close(): Promise<void> {
    this.#closing = true;
    for (const pending of this.#waiting.splice(0)) pending.reject(new MixError('mllp.closed', { place: this.#place }));
    if (this.#sent.length > 0) {
      await new Promise<void>((resolve) => {
        this.#idle = resolve;
      });
    }
    const socket = this.#socket;
    this.#socket = undefined;
    if (!socket || socket.destroyed) return;
    await new Promise<void>((resolve) => {
      socket.once('close', () => resolve());
      socket.end();
      // The receiver may leave its side open; ours owes nothing any more.
      setTimeout(() => socket.destroy(), 1000).unref();
    });
  }

  #connect(): Promise<Socket> {
    const { host, port, tls, connectMs = 10_000 } = this.#options;
    return new Promise((resolve, reject) => {
      let reached = false;
      const ready = (): void => {
        clearTimeout(timer);
        socket.removeListener('error', fail);
        socket.removeListener('close', ended);
        resolve(socket);
      };
      const socket: Socket = tls
        ? connectTls({ host, port, servername: tls.servername ?? nameOf(host), ...secureContextOf(tls) }, ready)
        : connectTcp({ host, port }, ready);
      const fail = (error: Error & { code?: string }): void => {
        clearTimeout(timer);
        socket.destroy();
        const refused = tls !== undefined && reached;
        reject(
          new MixError(refused ? 'mllp.tls-refused' : 'mllp.unreachable', {
            place: this.#place,
            detail: error.code ?? 'unknown',
          }),
        );
      };
      const ended = (): void => fail(Object.assign(new Error(), { code: 'closed' }));
      const timer = setTimeout(() => fail(Object.assign(new Error(), { code: 'timeout' })), connectMs);
      socket.once('connect', () => {
        reached = true;
      });
      socket.on('error', fail);
      socket.on('close', ended);
    });
  }

  /** Sends while the window is open, in one system call. */
  #pump(): void {
    const socket = this.#socket;
    if (!socket || this.#waiting.length === 0) return;
    socket.cork();
    while (this.#sent.length < this.#window) {
      const pending = this.#waiting.shift();
      if (!pending) break;
      this.#sent.push(pending);
      pending.timer = setTimeout(
        () => this.#lose(socket, new MixError('mllp.no-answer', { place: this.#place })),
        this.#options.answerMs ?? 30_000,
      );
      socket.write(frameOf(pending.message));
    }
    socket.uncork();
  }

  #hear(answer: Buffer): boolean {
    const head = answerHeadOf(answer);
    const first = this.#sent[0];
    // MSA-2 left empty is met in old receivers; then the order alone decides.
    if (head && first && (head.controlId === first.controlId || head.controlId === '')) {
      this.#sent.shift();
      clearTimeout(first.timer);
      if (head.code === 'CA') this.#expectLater(first.controlId);
      first.resolve(answer);
      this.#pump();
      if (this.#sent.length === 0) this.#idle?.();
      return true;
    }
    if (head && this.#laterIds.delete(head.controlId)) {
      this.#options.onLater?.(answer);
      return true;
    }
    // From here on no answer can be trusted to belong to its message.
    if (this.#socket) this.#lose(this.#socket, new MixError('mllp.wrong-answer', { place: this.#place }));
    return false;
  }

  #expectLater(controlId: string): void {
    this.#laterIds.add(controlId);
    if (this.#laterIds.size <= LATER_MAX) return;
    for (const oldest of this.#laterIds) {
      this.#laterIds.delete(oldest);
      return;
    }
  }

  #lose(socket: Socket, error: MixError): void {
    if (this.#socket !== socket) return;
    this.#socket = undefined;
    socket.destroy();
    const unanswered = this.#sent.splice(0);
    for (const pending of unanswered) clearTimeout(pending.timer);
    const again = this.#options.reconnect;
    if (again && !this.#closing && error.fault.code === 'mllp.connection-lost') {
      this.#waiting.unshift(...unanswered);
      this.#reopening = true;
      void this.#reopen(again);
      return;
    }
    for (const pending of unanswered.concat(this.#waiting.splice(0))) pending.reject(error);
    this.#idle?.();
  }

  async #reopen(again: NonNullable<ConnectOptions['reconnect']>): Promise<void> {
    let failure = new MixError('mllp.connection-lost', { place: this.#place });
    for (let tried = 0; tried < again.tries && !this.#closing; tried += 1) {
      // Half of the pause is chance, so that many senders do not come back at once.
      const pause = Math.min(again.firstMs * 2 ** tried, again.maxMs);
      await new Promise((resolve) => setTimeout(resolve, pause / 2 + (Math.random() * pause) / 2));
      try {
        await this.open();
        this.#reopening = false;
        return;
      } catch (error) {
        if (error instanceof MixError) failure = error;
      }
    }
    this.#reopening = false;
    for (const pending of this.#waiting.splice(0)) pending.reject(failure);
    this.#idle?.();
  }
}

/** TLS forbids addresses as server names (RFC 6066, 3). */
function nameOf(host: string): string | undefined {
  return /^[\d.]+$|:/.test(host) ? undefined : host;
}
