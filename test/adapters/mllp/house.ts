/** A listener to test against, and a socket that speaks in raw bytes. */
import { connect, type Socket } from 'node:net';
import { createFrameReader, type ListenOptions, listen, type MllpListener } from '../../../adapters/mllp/index.ts';
import type { Log, Source } from '../../../schemas/parts.ts';

export const source: Source = { id: 'adt', profile: 'plain', authority: '2.16.840.1.113883.19', facility: 'NORTH' };

export interface Told {
  code: unknown;
  facts: Record<string, unknown>;
}

export function gatherLog(): { log: Log; told: Told[] } {
  const told: Told[] = [];
  const hear = (facts: Record<string, unknown>): void => {
    told.push({ code: facts['code'], facts });
  };
  return { told, log: { info: hear, warn: hear, error: hear } };
}

export function message(id: string, extra = ''): Buffer {
  return Buffer.from(`MSH|^~\\&|EMR|NORTH|MIX|NORTH|20260101||ADT^A01|${id}|P|2.3\rPID|1||77${extra}\r`, 'latin1');
}

export function controlId(bytes: Buffer): string {
  return bytes.toString('latin1').split('\r')[0]!.split('|')[9] ?? '';
}

export function ackOf(bytes: Buffer, code = 'AA'): Buffer {
  return Buffer.from(
    `MSH|^~\\&|MIX|NORTH|EMR|NORTH|20260101||ACK|A${controlId(bytes)}|P|2.3\rMSA|${code}|${controlId(bytes)}\r`,
    'latin1',
  );
}

export const listeners: MllpListener[] = [];

/** A listener that answers AA at once, unless told otherwise. */
export async function start(options: Partial<ListenOptions> = {}): Promise<MllpListener> {
  const listener = await listen({
    port: 0,
    source,
    accept: async (bytes) => ({ ack: ackOf(bytes) }),
    log: gatherLog().log,
    ...options,
  });
  listeners.push(listener);
  return listener;
}

/** Resolves when `holds` does; the test's own time limit ends it otherwise. */
export async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise((resolve) => setTimeout(resolve, 5));
}

export interface RawPeer {
  socket: Socket;
  /** MSA of each answer, in order: `AA|1`. */
  answers: string[];
  ended: boolean;
  /** Resolves when the socket is closed. */
  closed: Promise<void>;
}

export async function rawPeer(port: number): Promise<RawPeer> {
  const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
  const peer: RawPeer = {
    socket,
    answers: [],
    ended: false,
    closed: new Promise((resolve) => socket.on('close', () => resolve())),
  };
  const reader = createFrameReader({
    onFrame: (answer) => {
      peer.answers.push(answer.toString('latin1').split('\r')[1]?.replace('MSA|', '') ?? '');
      return true;
    },
    onRefused: (refusal) => {
      throw new Error(refusal.code);
    },
  });
  socket.on('data', (chunk) => reader.push(chunk));
  socket.on('error', () => {});
  socket.on('end', () => {
    peer.ended = true;
    socket.end();
  });
  await new Promise<void>((resolve) => socket.on('connect', resolve));
  return peer;
}
