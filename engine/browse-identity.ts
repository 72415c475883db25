/**
 * The work list, decisions about identities, and their history, for pages and APIs: every call passes `authorize`, and an act is one commit with its trace.
 * Shapes are those of `schemas/identity.ts`.
 */
import type { Patient } from '@medplum/fhirtypes';
import { MixError } from '../schemas/errors/index.ts';
import type {
  IdentityPortal,
  MatchAsk,
  MatchDecision,
  MatchFilter,
  MatchView,
  PersonAtView,
} from '../schemas/identity.ts';
import type { IdentityEvent, MatchBody, MatchItem, MatchQuery, PersonSnapshot } from '../schemas/index-store.ts';
import type { Changes, Clock, Log, Page, Store } from '../schemas/parts.ts';
import type { Subject } from './admit.ts';
import { withItems } from './answer-feed.ts';
import { authorize, decideFor } from './authorize.ts';
import { demographicsOf } from './compose-person.ts';
import {
  type Asks,
  carryOutRequest,
  type Deed,
  decidePossible,
  putBackOverlay,
  sidesOf,
  takeOverlay,
  undoDecision,
} from './decide-identity.ts';
import type { ExchangeSetup } from './domains.ts';
import { uuidv7 } from './record/index.ts';
import { eventViewOf, matchRowOf, matchViewOf, readSubjects } from './view-identity.ts';
import { factsBeside } from './view-registry.ts';

export interface IdentityDeskParts {
  store: Store;
  clock: Clock;
  log: Log;
}

const PAGE = 50;
const PAGE_MAX = 500;
const RECORDS_MAX = 10_000;
const RACES_MAX = 12;
const REASON_MAX = 500;
const MERGES_MAX = 16;

/** The part of the portal that looks after identities, of a region or global node. */
export function createIdentityDesk(parts: IdentityDeskParts, setup: ExchangeSetup): IdentityPortal {
  const { store } = parts;
  const may = (subject: unknown, action: 'read' | 'search', id?: string, personId?: string) =>
    authorize(parts, subject as Subject, action, {
      type: 'identity',
      ...(id === undefined ? {} : { id }),
      ...(personId === undefined ? {} : { personId }),
    });
  const named = (subject: unknown): boolean =>
    decideFor(subject as Subject, 'search', { type: 'patient' }).decision === 'Permit';
  const decides = (subject: unknown): boolean =>
    decideFor(subject as Subject, 'configure', { type: 'identity' }).decision === 'Permit';

  async function viewOf(subject: unknown, id: string): Promise<MatchView> {
    const item = await itemOf(store, id);
    const reader = { id: (subject as Subject).id, named: named(subject), decides: decides(subject) };
    return matchViewOf(setup, item, await readSubjects(store, [item]), reader);
  }

  async function request(subject: unknown, asks: Asks, reason: string): Promise<MatchView> {
    const id = uuidv7(parts.clock.now());
    await commitAct(parts, subject as Subject, id, reason, async (deed) => {
      const [a, b] = await sidesOf(store, asks);
      const item: MatchItem = {
        id,
        version: 0,
        kind: 'request',
        state: 'open',
        a: a.id,
        ...(b === undefined ? {} : { b: b.id }),
        personId: a.personId,
        from: deed.by,
        createdAt: deed.now,
        updatedAt: deed.now,
        body: { decisions: [], asks },
      };
      return decided(parts, setup, item, decisionOf(asks), deed);
    });
    return viewOf(subject, id);
  }

  return {
    async matches(subject, filter) {
      await may(subject, 'search');
      const page = await listOf(store, filter);
      const subjects = await readSubjects(store, page.rows);
      const shown = named(subject);
      const rows = page.rows.map((item) => matchRowOf(setup, item, subjects, shown));
      return page.next === undefined ? { rows, count: page.count } : { rows, count: page.count, next: page.next };
    },
    async match(subject, id) {
      const item = await itemOf(store, id);
      await may(subject, 'read', id, item.personId);
      return viewOf(subject, id);
    },
    async decideMatch(subject, id, ask) {
      await commitAct(parts, subject as Subject, id, ask.reason, async (deed) => decide(parts, setup, id, ask, deed));
      return viewOf(subject, id);
    },
    async undoMatch(subject, id, ask) {
      await commitAct(parts, subject as Subject, id, ask.reason, async (deed) => undo(parts, setup, id, deed));
      return viewOf(subject, id);
    },
    linkPersons: (subject, { one, other, reason }) => request(subject, { verb: 'link-persons', one, other }, reason),
    unlinkRecord: (subject, { record, reason }) => request(subject, { verb: 'unlink-record', one: record }, reason),
    mergePersons: (subject, { survivor, retired, reason }) =>
      request(subject, { verb: 'merge-persons', one: survivor, other: retired }, reason),
    unmergePerson: (subject, { person, reason }) => request(subject, { verb: 'unmerge', one: person }, reason),
    async identityHistory(subject, personId, cursor) {
      if (!isId(personId)) throw new MixError('http.not-found', { detail: 'patient' });
      await may(subject, 'read', personId, personId);
      const page = await store.identityEvents(
        cursor === undefined ? { personId, limit: PAGE } : { personId, limit: PAGE, cursor },
      );
      const older = await olderThan(store, personId, page);
      const rows = page.rows.map((event, at) => eventViewOf(event, page.rows[at + 1] ?? older));
      return page.next === undefined ? { rows, count: page.count } : { rows, count: page.count, next: page.next };
    },
    async personAt(subject, personId, at) {
      const time = Date.parse(at);
      if (!isId(personId)) throw new MixError('http.not-found', { detail: 'patient' });
      if (Number.isNaN(time)) throw new MixError('exchange.query', { place: 'at', detail: 'a time' });
      await may(subject, 'read', personId, personId);
      return personAt(store, personId, time);
    },
  };
}

const isId = (id: string): boolean => /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(id);

async function itemOf(store: Store, id: string): Promise<MatchItem> {
  const item = isId(id) ? await store.matchItem(id) : undefined;
  if (item === undefined) throw new MixError('http.not-found', { detail: 'match' });
  return item;
}

async function listOf(store: Store, filter: MatchFilter): Promise<Page<MatchItem>> {
  const query: MatchQuery = { limit: Math.min(Math.max(1, filter.limit ?? PAGE), PAGE_MAX) };
  const { state = 'waits', kind, person, cursor } = { state: undefined, ...filter };
  if (state === 'waits') query.states = ['open', 'waiting-second'];
  else if (state !== 'all') query.states = [state];
  if (kind !== undefined) query.kind = kind;
  if (cursor !== undefined) query.cursor = cursor;
  if (person !== undefined) {
    if (!isId(person)) throw new MixError('http.not-found', { detail: 'patient' });
    query.records = (await store.indexRecordsOf([person], RECORDS_MAX)).map(({ id }) => id);
    if (query.records.length === 0) return { rows: [], count: 0 };
  }
  return store.matchItems(query);
}

/** The event before the last of a page. */
async function olderThan(
  store: Store,
  personId: string,
  page: Page<IdentityEvent>,
): Promise<IdentityEvent | undefined> {
  if (page.next === undefined) return undefined;
  return (await store.identityEvents({ personId, limit: 1, cursor: page.next })).rows[0];
}

/** Does an act with its trace in one commit; is asked again when another writer came first. */
async function commitAct(
  parts: IdentityDeskParts,
  subject: Subject,
  id: string,
  reason: string,
  work: (deed: Deed) => Promise<{ item: MatchItem; changes: Changes }>,
): Promise<void> {
  const why = reason.trim().slice(0, REASON_MAX);
  const thing = { type: 'identity' as const, id };
  // Whoever may not decide learns nothing from what would have come of it.
  if (decideFor(subject, 'configure', thing).decision !== 'Permit') {
    await authorize(parts, subject, 'configure', thing, why);
    return;
  }
  if (why === '') throw new MixError('mpi.reason', { place: 'reason' });
  for (let race = 1; ; race++) {
    const { item, changes } = await work({ by: subject.id, reason: why, now: parts.clock.now() });
    const items = [
      ...(changes.index?.items ?? []),
      { item: { ...item, version: item.version + 1 }, expect: item.version },
    ];
    try {
      await authorize(
        parts,
        subject,
        'configure',
        { ...thing, personId: item.personId },
        why,
        withItems(changes, items),
      );
      return;
    } catch (cause) {
      const code = cause instanceof MixError ? cause.fault.code : undefined;
      if (code !== 'store.conflict' || race >= RACES_MAX) throw cause;
    }
  }
}

type Done = { item: MatchItem; changes: Changes };

const stateOf: Record<MatchDecision, MatchItem['state']> = { link: 'linked', unlink: 'kept-apart' };

const decisionOf = ({ verb }: Asks): MatchDecision =>
  verb === 'link-persons' || verb === 'merge-persons' ? 'link' : 'unlink';

async function decide(
  parts: IdentityDeskParts,
  setup: ExchangeSetup,
  id: string,
  { decision }: MatchAsk,
  deed: Deed,
): Promise<Done> {
  const item = await itemOf(parts.store, id);
  if (item.state === 'open') return decided(parts, setup, item, decision, deed);
  if (item.state !== 'waiting-second') throw new MixError('mpi.settled', { place: 'match' });
  const first = item.body.decisions.findLast(({ act }) => act === 'decided');
  if (first?.by === deed.by) throw new MixError('mpi.four-eyes', { place: 'match' });
  if (first?.decision !== decision) {
    const state = item.kind === 'request' ? 'withdrawn' : 'open';
    return { item: acted({ ...item, state }, 'refused', deed, decision), changes: {} };
  }
  return inForce(parts, setup, acted(item, 'seconded', deed, decision), decision, deed);
}

/** A first decision: in force at once, or when a second person says the same. */
async function decided(
  parts: IdentityDeskParts,
  setup: ExchangeSetup,
  item: MatchItem,
  decision: MatchDecision,
  deed: Deed,
): Promise<Done> {
  const next = acted(item, 'decided', deed, decision);
  // What nobody could carry out is not put before a second person either.
  const done = await inForce(parts, setup, next, decision, deed);
  return setup.index?.fourEyes === true ? { item: { ...next, state: 'waiting-second' }, changes: {} } : done;
}

function acted(
  item: MatchItem,
  act: MatchBody['decisions'][number]['act'],
  { by, reason, now }: Deed,
  decision?: MatchDecision,
): MatchItem {
  const one = { at: now, by, act, reason };
  const decisions = [...item.body.decisions, decision === undefined ? one : { ...one, decision }];
  return { ...item, updatedAt: now, body: { ...item.body, decisions } };
}

async function inForce(
  parts: IdentityDeskParts,
  setup: ExchangeSetup,
  item: MatchItem,
  decision: MatchDecision,
  deed: Deed,
): Promise<Done> {
  const { changes, body } = await effectOf(parts, setup, item, decision, deed);
  return { item: { ...item, state: stateOf[decision], body: { ...item.body, ...body } }, changes };
}

async function effectOf(
  parts: IdentityDeskParts,
  setup: ExchangeSetup,
  item: MatchItem,
  decision: MatchDecision,
  deed: Deed,
): Promise<{ changes: Changes; body: Partial<MatchBody> }> {
  const { asks } = item.body;
  if (item.kind === 'possible') return decidePossible(parts, setup, item, decision, deed);
  if (item.kind === 'request' && asks !== undefined) return carryOutRequest(parts, setup, asks, deed, item.id);
  if (item.kind === 'overlay' && decision === 'link')
    return takeOverlay({ ...parts, permit: nobody }, setup, item, deed);
  return { changes: {}, body: {} };
}

/** What a decision brings about is permitted with the decision. */
async function nobody(): Promise<never> {
  throw new MixError('policy.denied');
}

async function undo(parts: IdentityDeskParts, setup: ExchangeSetup, id: string, deed: Deed): Promise<Done> {
  const item = await itemOf(parts.store, id);
  const next = acted({ ...item, state: item.kind === 'request' ? 'withdrawn' : 'open' }, 'undone', deed);
  if (item.state === 'waiting-second') return { item: next, changes: {} };
  if (item.state !== 'linked' && item.state !== 'kept-apart') throw new MixError('mpi.not-decided', { place: 'match' });
  const { before: _done, ...body } = next.body;
  const undone = { ...next, body };
  if (item.kind === 'storm' || (item.kind === 'overlay' && item.state === 'kept-apart'))
    return { item: undone, changes: {} };
  const changes =
    item.kind === 'overlay'
      ? await putBackOverlay({ ...parts, permit: nobody }, setup, item, deed)
      : await undoDecision(parts, setup, item, deed);
  return { item: undone, changes };
}

/** A person as of a time (ms): who it was then, with the records, numbers and facts of then. */
export async function personAt(store: Store, personId: string, time: number): Promise<PersonAtView> {
  const view: PersonAtView = {
    asked: personId,
    at: new Date(time).toISOString(),
    records: [],
    numbers: [],
    facts: [],
  };
  let id = personId;
  let snapshot: PersonSnapshot | undefined;
  for (let step = 0; step < MERGES_MAX; step++) {
    snapshot = (await store.identityEvents({ personId: id, until: time, limit: 1 })).rows[0]?.after;
    if (snapshot?.into === undefined) break;
    id = snapshot.into;
  }
  if (snapshot === undefined || snapshot.into !== undefined) return view;
  const entries = await store.entriesById(snapshot.records.map((one) => one.id));
  const bodies = await Promise.all(
    snapshot.records.map(async (one) => {
      const entry = entries.get(one.id);
      return entry?.version === one.version || one.version === 0
        ? entry
        : (await store.entryHistory(one.id)).find(({ version }) => version === one.version);
    }),
  );
  const patient: Patient = demographicsOf(
    bodies.filter((entry) => entry !== undefined),
    id,
  );
  return {
    ...view,
    personId: id,
    records: snapshot.records.map(({ id: recordId, sourceId, system, value, version }) => ({
      recordId,
      node: sourceId,
      number: { system, value },
      version,
    })),
    numbers: snapshot.numbers,
    facts: factsBeside([patient]).map(({ field, title, values }) => ({ field, title, value: values[0] ?? '' })),
  };
}

/** A node without an index has nothing to look after. */
async function notHere(): Promise<never> {
  throw new MixError('http.not-found', { detail: 'index' });
}

export const noIdentities: IdentityPortal = {
  matches: notHere,
  match: notHere,
  decideMatch: notHere,
  undoMatch: notHere,
  linkPersons: notHere,
  unlinkRecord: notHere,
  mergePersons: notHere,
  unmergePerson: notHere,
  identityHistory: notHere,
  personAt: notHere,
};
