/** Taking in what another node delivers: once, permitted, audited and written in one commit. */
import { MixError } from '../schemas/errors/index.ts';
import type { FhirAnswer, NodeSubject } from '../schemas/exchange.ts';
import type { Changes, Clock, Log, Store } from '../schemas/parts.ts';
import type { Action, Thing } from './authorize.ts';
import { uuidOf } from './ihe/index.ts';
import { uuidv7 } from './record/index.ts';

/**
 * Permits an act of another node or throws `policy.denied`; both are audited. `together` is written in the same commit as the trace of a Permit, and its
 * failure (`store.conflict`, `store.received`) is thrown as it is.
 */
export type PermitNode = (
  from: NodeSubject,
  action: Action,
  thing: Thing,
  reason?: string,
  together?: Changes,
) => Promise<unknown>;

export interface ReceiveParts {
  store: Store;
  clock: Clock;
  log: Log;
  permit: PermitNode;
}

/** What a delivery comes to: the answer, what it changes, and what it asks the policies for. */
export interface Receipt {
  answer: FhirAnswer;
  changes: Changes;
  action: Action;
  thing: Thing;
  reason?: string;
}

const RACES_MAX = 12;

/** Id under which a delivery of another node is remembered here; two nodes that use one id do not meet. */
export const receivedIdOf = (from: Pick<NodeSubject, 'id'>, deliveryId: string): string =>
  uuidOf(`${from.id}|${deliveryId}`);

/**
 * Does a delivery once: a repeat gets the first answer and has no effect. `work` reads and decides, and is asked again when another writer came first.
 * `id` names the delivery within this node; two nodes that use one id do not meet.
 */
export async function receiveOnce(
  parts: ReceiveParts,
  from: NodeSubject,
  deliveryId: string | undefined,
  work: (id: string) => Promise<Receipt>,
): Promise<FhirAnswer> {
  const { store, clock } = parts;
  const known = deliveryId === undefined ? undefined : receivedIdOf(from, deliveryId);
  const first = known === undefined ? undefined : await store.receivedAnswer(known);
  if (first !== undefined) return readAnswer(first);
  const id = known ?? uuidv7(clock.now());
  for (let race = 1; ; race++) {
    const { answer, changes, action, thing, reason } = await work(id);
    const received = known === undefined ? undefined : { id: known, from: from.id, answer: writeAnswer(answer) };
    try {
      await parts.permit(from, action, thing, reason, received === undefined ? changes : { ...changes, received });
      return answer;
    } catch (cause) {
      const code = cause instanceof MixError ? cause.fault.code : undefined;
      if (code === 'store.received' && known !== undefined) {
        const stored = await store.receivedAnswer(known);
        if (stored !== undefined) return readAnswer(stored);
      }
      if (code !== 'store.conflict' || race >= RACES_MAX) throw cause;
    }
  }
}

function writeAnswer({ status, headers, resource }: FhirAnswer): Buffer {
  return Buffer.from(JSON.stringify({ status, headers, resource }));
}

function readAnswer(stored: Buffer): FhirAnswer {
  return JSON.parse(stored.toString('utf8')) as FhirAnswer;
}

/** Commits a unit of our own that several may want at once. `work` gives undefined when nothing is left to do. */
export async function commitUnit(store: Store, work: () => Promise<Changes | undefined>): Promise<void> {
  for (let race = 1; ; race++) {
    const changes = await work();
    if (changes === undefined) return;
    try {
      await store.commit(changes);
      return;
    } catch (cause) {
      if (!(cause instanceof MixError) || cause.fault.code !== 'store.conflict' || race >= RACES_MAX) throw cause;
    }
  }
}
