/**
 * A line between two nodes that misbehaves: it ends the TLS of both sides with their own certificates (the test holds the authorities),
 * and cuts, slows, repeats and reorders requests, or loses an answer whose effect was done.
 */

import type { IncomingHttpHeaders } from 'node:http';
import { Agent, createServer, request as httpsRequest } from 'node:https';
import type { AddressInfo } from 'node:net';

export interface Face {
  key: string;
  cert: string;
}

export interface Line {
  port: number;
  target: URL;
  /** Shown to the node that asks: the asked node's face. */
  asServer: Face;
  /** Shown to the node that is asked: the asking node's face. */
  asClient: Face;
  roots: string[];
}

/** Shares from 0 to 1 of the requests that this happens to. */
export interface Mischief {
  /** Cut before anything reached the other side. */
  cut: number;
  /** Done there, and the answer lost. */
  loseAnswer: number;
  repeat: number;
  /** Held back, so that later ones overtake it. */
  hold: number;
  /** Longest delay, ms. */
  slowMs: number;
}

export interface ChaosProxy {
  counts: { passed: number; cut: number; lost: number; repeated: number; held: number };
  /** From now on nothing happens to what passes. */
  calm(): void;
  close(): Promise<void>;
}

const HOLD_MS = 400;

/** Opens the line; `random` gives numbers in [0, 1). */
export async function openChaosProxy(line: Line, mischief: Mischief, random: () => number): Promise<ChaosProxy> {
  const agent = new Agent({
    key: line.asClient.key,
    cert: line.asClient.cert,
    ca: line.roots,
    keepAlive: true,
    minVersion: 'TLSv1.3',
    checkServerIdentity: () => undefined,
  });
  const counts: ChaosProxy['counts'] = { passed: 0, cut: 0, lost: 0, repeated: 0, held: 0 };
  let isCalm = false;
  const happens = (share: number): boolean => !isCalm && random() < share;

  const server = createServer(
    { ...line.asServer, ca: line.roots, requestCert: true, rejectUnauthorized: true, minVersion: 'TLSv1.3' },
    (asked, answer) => {
      const parts: Buffer[] = [];
      asked.on('data', (part: Buffer) => parts.push(part));
      asked.on('error', () => undefined);
      asked.on('end', () => void pass(Buffer.concat(parts)));

      async function pass(body: Buffer): Promise<void> {
        if (happens(mischief.cut)) {
          counts.cut += 1;
          asked.socket.destroy();
          return;
        }
        if (happens(mischief.hold)) {
          counts.held += 1;
          await pause(HOLD_MS * (1 + random()));
        } else if (!isCalm) await pause(mischief.slowMs * random());
        const ask = (): Promise<Answered> => forward(asked.method ?? 'GET', asked.url ?? '/', asked.headers, body);
        try {
          const first = await ask();
          if (happens(mischief.repeat)) {
            counts.repeated += 1;
            await ask().catch(() => undefined);
          }
          if (happens(mischief.loseAnswer)) {
            counts.lost += 1;
            asked.socket.destroy();
            return;
          }
          counts.passed += 1;
          answer.writeHead(first.status, first.headers);
          answer.end(first.body);
        } catch {
          asked.socket.destroy();
        }
      }
    },
  );
  server.on('tlsClientError', () => undefined);

  function forward(method: string, path: string, headers: IncomingHttpHeaders, body: Buffer): Promise<Answered> {
    return new Promise((resolve, reject) => {
      const { host: _host, connection: _connection, 'transfer-encoding': _encoding, ...kept } = headers;
      const sent = httpsRequest(
        new URL(path, line.target),
        { method, agent, headers: { ...kept, 'content-length': String(body.length) }, timeout: 60_000 },
        (answered) => {
          const parts: Buffer[] = [];
          answered.on('data', (part: Buffer) => parts.push(part));
          answered.on('error', reject);
          answered.on('end', () => {
            const { connection: _own, 'transfer-encoding': _coded, ...back } = answered.headers;
            resolve({ status: answered.statusCode ?? 502, headers: back, body: Buffer.concat(parts) });
          });
        },
      );
      sent.on('error', reject);
      sent.on('timeout', () => sent.destroy(new Error('no answer')));
      sent.end(body);
    });
  }

  await new Promise<void>((resolve) => server.listen(line.port, '127.0.0.1', resolve));
  if ((server.address() as AddressInfo).port !== line.port) throw new Error('the port of the line is taken');
  return {
    counts,
    calm() {
      isCalm = true;
    },
    async close() {
      agent.destroy();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

interface Answered {
  status: number;
  headers: Record<string, string | string[] | undefined>;
  body: Buffer;
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
