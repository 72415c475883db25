/** A node at the other end, in memory: takes each delivery in once, and can be down, slow, at its limit, or lose its answers. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type OpenedStore, openStore, type StoreLimits } from '../../engine/store/index.ts';
import { openKeyFile, openSeal } from '../../pki/index.ts';
import { MixError } from '../../schemas/errors/index.ts';
import type { Peer, PeerAnswer, PeerRequest } from '../../schemas/exchange.ts';

/** What happens to one request; `lost`: it is done and the answer never comes. */
export type Happening = 'well' | 'down' | 'lost' | 500 | 503 | 422 | 404;

export interface Receiver {
  peer: Peer;
  /** Every request that reached it, in order. */
  asked: { deliveryId: string; path: string }[];
  /** Deliveries that had their effect, in order; each once. */
  effects: { deliveryId: string; path: string }[];
  /** How the next requests go; when it is used up, `always`. */
  script: Happening[];
  always: Happening;
  /** Requests under way at once, at most, so far. */
  most: number;
  /** Holds requests until it is called. */
  hold(): () => void;
  headers: Record<string, string>;
  /** Body of its answers when all is well. */
  answer: Buffer;
}

export function makeReceiver(name = 'region'): Receiver {
  const known = new Map<string, PeerAnswer>();
  let gate: Promise<void> | undefined;
  let underWay = 0;
  const receiver: Receiver = {
    asked: [],
    effects: [],
    script: [],
    always: 'well',
    most: 0,
    headers: {},
    answer: Buffer.alloc(0),
    hold() {
      let open: () => void = () => {};
      gate = new Promise((resolve) => {
        open = resolve;
      });
      return () => {
        gate = undefined;
        open();
      };
    },
    peer: {
      name,
      role: 'region',
      async ask(request) {
        underWay += 1;
        receiver.most = Math.max(receiver.most, underWay);
        try {
          await gate;
          return await answer(request);
        } finally {
          underWay -= 1;
        }
      },
      close: async () => {},
    },
  };

  async function answer({ deliveryId = '', path }: PeerRequest): Promise<PeerAnswer> {
    const happening = receiver.script.shift() ?? receiver.always;
    if (happening === 'down') throw new MixError('exchange.unreachable');
    receiver.asked.push({ deliveryId, path });
    if (typeof happening === 'number') return refusal(happening, receiver.headers);
    if (!known.has(deliveryId)) {
      known.set(deliveryId, { status: 201, headers: {}, body: receiver.answer });
      receiver.effects.push({ deliveryId, path });
    }
    if (happening === 'lost') throw new MixError('exchange.unreachable');
    return known.get(deliveryId)!;
  }
  return receiver;
}

function refusal(status: number, headers: Record<string, string>): PeerAnswer {
  const code = { 422: 'exchange.profile', 404: 'exchange.unknown-patient' }[status] ?? 'store.busy';
  const body = {
    resourceType: 'OperationOutcome',
    issue: [{ severity: 'error', details: { coding: [{ code }] }, expression: ['Bundle.entry[0]'] }],
  };
  return { status, headers, body: Buffer.from(JSON.stringify(body)) };
}

/** A store on a file of its own. */
export async function openTestStore(
  clock: { now(): number },
  limits: Partial<StoreLimits> = {},
): Promise<{ store: OpenedStore; close(): Promise<void> }> {
  const folder = mkdtempSync(join(tmpdir(), 'mix-deliver-'));
  const seal = openSeal({ kek: openKeyFile(join(folder, 'kek')) });
  const store = await openStore({ file: join(folder, 'store.sqlite'), seal, clock, limits });
  return {
    store,
    async close() {
      await store.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
