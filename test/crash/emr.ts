/**
 * An EMR as seen from the wire: one connection, messages in order, and what was not acknowledged is sent again after the
 * connection is back. Imports nothing of the adapters.
 */
import { connect, type Socket } from 'node:net';
import { makeTraffic, type TrafficMessage, type TrafficVendor } from '../support/traffic.ts';

/** Answers that are remembered to be compared: more than any window and what is sent again. */
const ANSWERS_MAX = 1_000;
const START = 0x0b;
const END = Buffer.from([0x1c, 0x0d]);

export interface EmrOptions {
  name: string;
  /** The listener that it sends to. */
  listener: string;
  vendor: TrafficVendor;
  seed: number;
  /** MSH-15 and MSH-16, or nothing for original mode. */
  mode: 'original' | 'accept' | 'accept-and-application';
  /** Messages that may be under way at once. */
  window: number;
  /** How many of the messages that have their answer are sent again after each break. */
  resends: number;
  /** Every message bears the same time, so that only the order of arrival can tell which is the newer. */
  sameTime: boolean;
}

export interface Sent extends TrafficMessage {
  /** What an ADT says as the telephone number: grows with every message of the stream. */
  phone: string;
}

export interface Emr {
  readonly options: EmrOptions;
  /** Every message that was ever sent, in order; the last ones may be unacknowledged. */
  readonly sent: Sent[];
  /** Control ids by the code that acknowledged them. */
  readonly acked: Map<string, string>;
  /** Application acknowledgments that came. */
  readonly applied: Map<string, string>;
  /** Frames that were sent a second time or more. */
  readonly again: number;
  /** Messages that are sent and not yet answered. */
  readonly underWay: number;
  /** Answers that refused, as `code control`. */
  readonly refused: string[];
  /** Control ids whose message came again and was not given the answer of the first time. */
  readonly changed: string[];
  /** Hears of each message that is acknowledged, or applied, for the first time. */
  onAnswer: (what: 'acked' | 'applied') => void;
  /** Connects, sends again what waits for its answer, and goes on until `upTo` messages were sent. Resolves when all are answered or the connection is lost. */
  run(port: number, upTo: number): Promise<void>;
}

export function createEmr(options: EmrOptions): Emr {
  const traffic = makeTraffic(options.seed, { vendor: options.vendor, mergeShare: 0.05, prefix: options.name });
  const sent: Sent[] = [];
  const acked = new Map<string, string>();
  const applied = new Map<string, string>();
  const refused: string[] = [];
  const changed: string[] = [];
  /** The answers of the last messages, to compare when they come again. */
  const answers = new Map<string, string>();
  let again = 0;
  /** How many of `sent`, from the first, have all the answers that they ask for. */
  let settled = 0;
  const isSettled = ({ controlId }: Sent): boolean =>
    acked.has(controlId) && (options.mode !== 'accept-and-application' || applied.has(controlId));

  function hear(frame: Buffer): void {
    const text = frame.toString('latin1');
    const msa = /(?:^|\r)MSA\|([^|\r]*)\|([^|\r]*)/.exec(text);
    const [code, control] = [msa?.[1] ?? '', msa?.[2] ?? ''];
    const expected = options.mode === 'original' ? 'AA' : 'CA';
    if (code === expected) acknowledge(control, code, text);
    else if (code === 'AA' && options.mode === 'accept-and-application') {
      if (!applied.has(control)) emr.onAnswer('applied');
      applied.set(control, code);
    } else refused.push(`${code} ${control}`);
    while (settled < sent.length && isSettled(sent[settled]!)) settled += 1;
  }

  /** The stored answer is the same to the byte: another one would mean that the message was not there any more. */
  function acknowledge(control: string, code: string, answer: string): void {
    if (acked.has(control)) {
      if ((answers.get(control) ?? answer) !== answer) changed.push(control);
      return;
    }
    acked.set(control, code);
    answers.set(control, answer);
    if (answers.size > ANSWERS_MAX) answers.delete(answers.keys().next().value!);
    emr.onAnswer('acked');
  }

  const emr: Emr = {
    options,
    sent,
    acked,
    applied,
    refused,
    changed,
    onAnswer: () => undefined,
    get again() {
      return again;
    },
    get underWay() {
      return sent.length - acked.size;
    },
    run(port, upTo) {
      return new Promise((resolve) => {
        let next = Math.max(0, settled - options.resends);
        const socket = connect({ port, host: '127.0.0.1', noDelay: true });
        const more = (): void => {
          while (next - settled < options.window && next < upTo) {
            if (next < sent.length) again += 1;
            else sent.push(rewrite(traffic.next().value, options));
            write(socket, sent[next]!.bytes);
            next += 1;
          }
          if (settled >= upTo) socket.end();
        };
        const refusedBefore = refused.length;
        readFrames(socket, (frame) => {
          hear(frame);
          // A refusal means: send again later, on a new connection.
          if (refused.length > refusedBefore) socket.destroy();
          else more();
        });
        socket.on('connect', more);
        socket.on('error', () => undefined);
        socket.on('close', () => resolve());
      });
    },
  };
  return emr;
}

function write(socket: Socket, message: Buffer): void {
  socket.write(Buffer.concat([Buffer.of(START), message, END]));
}

function readFrames(socket: Socket, hear: (frame: Buffer) => void): void {
  let rest = Buffer.alloc(0);
  socket.on('data', (chunk) => {
    rest = Buffer.concat([rest, chunk]);
    for (let end = rest.indexOf(END); end >= 0; end = rest.indexOf(END)) {
      const frame = rest.subarray(rest.indexOf(START) + 1, end);
      rest = rest.subarray(end + END.length);
      hear(frame);
    }
  });
}

/** Puts the counter into PID-13 of what is no ORU, the mode into MSH, and the one time where it is wanted. */
function rewrite(message: TrafficMessage, { mode, sameTime }: EmrOptions): Sent {
  const phone = `(555)${String(200 + Math.floor(message.seq / 10_000))}-${String(message.seq % 10_000).padStart(4, '0')}`;
  const segments = message.bytes
    .toString('latin1')
    .split('\r')
    .map((segment) => {
      const fields = segment.split('|');
      if (fields[0] === 'MSH') {
        // MSH-1 is the separator itself, so MSH-7 stands sixth.
        if (sameTime) fields[6] = '20260401060000';
        if (mode !== 'original') fields.push('', '', 'AL', mode === 'accept' ? 'NE' : 'AL');
      }
      if (fields[0] === 'EVN' && sameTime) fields[2] = '20260401060000';
      if (fields[0] === 'PID' && message.type !== 'ORU^R01') fields[13] = phone;
      return fields.join('|');
    });
  return { ...message, bytes: Buffer.from(segments.join('\r'), 'latin1'), phone };
}
