/**
 * The overlay guard: a feed that turns one person into another (name, sex and birth date all change under one number) takes no effect until somebody
 * says which it is. The old facts stand; the new ones wait in the work list, as they came.
 */
import type { IndexRecord, MatchItem } from '../schemas/index-store.ts';
import type { Changes, Store } from '../schemas/parts.ts';
import { type FedPatient, tokenOf } from './ihe/index.ts';
import { bodyOf } from './link.ts';
import { uuidv7 } from './record/index.ts';

const ITEMS_MAX = 100;

/** Facts that were held before take the newer ones' place; those that somebody refused are not asked about again. */
export async function holdOverlay(
  store: Store,
  record: IndexRecord,
  fed: FedPatient,
  from: string,
  now: number,
): Promise<Changes> {
  const known = (await store.matchItems({ records: [record.id], kind: 'overlay', limit: ITEMS_MAX })).rows;
  const held = {
    identifier: tokenOf(fed.number),
    patient: bodyOf(fed.patient),
    at: Math.min(fed.updatedAt ?? now, now),
  };
  const open = known.find(({ state }) => state === 'open' || state === 'waiting-second');
  if (open === undefined && known.some((item) => item.state === 'kept-apart' && saysSame(item, held))) return {};
  if (open !== undefined && saysSame(open, held)) return {};
  const item: MatchItem = {
    id: open?.id ?? uuidv7(now),
    version: (open?.version ?? 0) + 1,
    kind: 'overlay',
    // A decision about other facts is none about these.
    state: 'open',
    a: record.id,
    personId: open?.personId ?? record.personId,
    from,
    createdAt: open?.createdAt ?? now,
    updatedAt: now,
    body: { decisions: open?.body.decisions ?? [], held },
  };
  return { index: { items: [{ item, expect: open?.version ?? 0 }] } };
}

function saysSame({ body }: MatchItem, held: NonNullable<MatchItem['body']['held']>): boolean {
  const textOf = ({ patient }: NonNullable<MatchItem['body']['held']>): string => {
    const { meta: _meta, ...facts } = patient;
    return JSON.stringify(facts);
  };
  return body.held !== undefined && textOf(body.held) === textOf(held);
}
