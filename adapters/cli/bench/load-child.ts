/** The process of the load client: see load.ts. */
import { connect } from 'node:net';
import { answerHeadOf, controlIdOf, createFrameReader, frameOf } from '../../mllp/index.ts';
import type { LoadOptions, LoadResult } from './load.ts';
import { benchMessages } from './traffic.ts';

interface Load {
  frames: Buffer[];
  controlIds: string[];
  next: number;
  until: number;
  window: number;
  times: number[];
  errors: number;
}

process.on('message', (options: LoadOptions) => {
  run(options).then((result) => process.send?.(result));
});

async function run(options: LoadOptions): Promise<LoadResult> {
  const { messages } = options;
  const made =
    'seed' in messages
      ? benchMessages((messages.from ?? 0) + messages.count, messages.seed).slice(messages.from ?? 0)
      : messages.map((message) => Buffer.from(message));
  const load: Load = {
    frames: made.map(frameOf),
    controlIds: made.map(controlIdOf),
    next: 0,
    until: 0,
    window: options.window ?? 1,
    times: [],
    errors: 0,
  };
  const begunAt = Date.now();
  const begun = performance.now();
  load.until = begun + options.seconds * 1000;
  await Promise.all(
    Array.from({ length: options.connections }, () => drive(load, options.host ?? '127.0.0.1', options.port)),
  );
  const seconds = (performance.now() - begun) / 1000;
  const sorted = Float64Array.from(load.times).sort();
  const at = (part: number): number => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? 0;
  return {
    answered: sorted.length,
    begunAt,
    seconds,
    perSecond: sorted.length / seconds,
    p50Ms: at(0.5),
    p99Ms: at(0.99),
    errors: load.errors,
  };
}

/** One connection, until nothing is left to send or the time is over and every answer is there. */
function drive(load: Load, host: string, port: number): Promise<void> {
  return new Promise((resolve) => {
    const sent: { id: string; at: number }[] = [];
    const socket = connect({ host, port }, () => pump());
    socket.setNoDelay(true);
    const pump = (): void => {
      while (sent.length < load.window && load.next < load.frames.length && performance.now() < load.until) {
        const index = load.next;
        load.next += 1;
        sent.push({ id: load.controlIds[index]!, at: performance.now() });
        socket.write(load.frames[index]!);
      }
      if (sent.length === 0) socket.end();
    };
    const reader = createFrameReader({
      onFrame: (answer) => {
        const head = answerHeadOf(answer);
        const first = sent.shift();
        if (first && head?.controlId === first.id && (head.code === 'AA' || head.code === 'CA'))
          load.times.push(performance.now() - first.at);
        else load.errors += 1;
        pump();
        return true;
      },
      onRefused: () => {
        load.errors += 1;
        return true;
      },
    });
    socket.on('data', (chunk) => reader.push(chunk));
    socket.on('error', () => {
      load.errors += 1;
    });
    socket.on('close', () => {
      load.errors += sent.length;
      resolve();
    });
  });
}
