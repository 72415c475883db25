/** An outlet over MLLP: keeps one connection, sends one message at a time, waits for its acknowledgment (chapter 2.9). */
import { type FaultCode, MixError } from '../../schemas/errors/index.ts';
import type { Outlet } from '../../schemas/parts.ts';
import { type ConnectOptions, connectMllp, type MllpClient } from './client.ts';
import { answerHeadOf, errorCodesOf } from './control.ts';

export interface MllpOutletOptions {
  id: string;
  host: string;
  port: number;
  /** Both sides show certificates; without it the line must be allowed to be plain. */
  tls?: ConnectOptions['tls'];
  /** Allow a connection without TLS. */
  plain?: boolean;
  /** Default 10,000 ms. */
  connectMs?: number;
  /** Longest wait for an acknowledgment. Default 30,000 ms. */
  answerMs?: number;
}

/** Table 0357: the receiver failed within itself and may take the same message later. */
const APPLICATION_ERROR = '207';

/** What a failure of the line means for the message; a message that was sent may have arrived, and goes out again with the same MSH-10. */
const LINE_FAULTS: Partial<Record<FaultCode, FaultCode>> = {
  'mllp.unreachable': 'outlet.unreachable',
  'mllp.tls-refused': 'outlet.unreachable',
  'mllp.closed': 'outlet.unreachable',
  'mllp.connection-lost': 'outlet.failed',
  'mllp.no-answer': 'outlet.failed',
  'mllp.wrong-answer': 'outlet.failed',
  'mllp.window-full': 'outlet.failed',
};

/**
 * Opens an outlet; connects when it first sends and again after a loss. AA and CA are receipts; AE, AR, CE and CR are `outlet.refused` with the codes of
 * ERR, except where one of them is 207 (an error within the receiver): that is `outlet.failed` and comes again. Throws `settings.contradiction`
 * for a line without TLS that is not allowed to be plain.
 */
export function openMllpOutlet(options: MllpOutletOptions): Outlet {
  const { id } = options;
  const place = `outlet ${id}`;
  if (options.tls === undefined && options.plain !== true)
    throw new MixError('settings.contradiction', { place, detail: 'neither tls nor plain: true' });
  let client: Promise<MllpClient> | undefined;
  let closed = false;

  function connected(): Promise<MllpClient> {
    client ??= connectMllp({
      host: options.host,
      port: options.port,
      ...(options.tls === undefined ? {} : { tls: options.tls }),
      connectMs: options.connectMs ?? 10_000,
      answerMs: options.answerMs ?? 30_000,
    });
    return client;
  }

  async function drop(failed: Promise<MllpClient>): Promise<void> {
    if (client === failed) client = undefined;
    await failed.then((one) => one.close()).catch(() => undefined);
  }

  async function exchange(bytes: Buffer): Promise<Buffer> {
    const kept = client !== undefined;
    const used = connected();
    try {
      return await (await used).send(bytes);
    } catch (cause) {
      await drop(used);
      const code = cause instanceof MixError ? cause.fault.code : undefined;
      // A kept connection that the receiver ended meanwhile says nothing about the receiver.
      if (kept && code === 'mllp.connection-lost') return exchange(bytes);
      throw new MixError((code && LINE_FAULTS[code]) ?? 'outlet.failed', {
        place,
        detail: cause instanceof MixError ? (cause.fault.detail ?? cause.fault.code) : 'unknown',
      });
    }
  }

  return {
    id,
    async send({ bytes }) {
      if (closed) throw new MixError('outlet.unreachable', { place, detail: 'closed' });
      const answer = await exchange(bytes);
      const code = answerHeadOf(answer)?.code ?? '';
      if (code === 'AA' || code === 'CA') return { receipt: code };
      const errors = errorCodesOf(answer);
      const detail = [code || 'no MSA-1', ...errors].join(' ');
      const again = code === '' || errors.includes(APPLICATION_ERROR);
      throw new MixError(again ? 'outlet.failed' : 'outlet.refused', { place, detail });
    },
    async close() {
      closed = true;
      const last = client;
      client = undefined;
      await last?.then((one) => one.close()).catch(() => undefined);
    },
  };
}
