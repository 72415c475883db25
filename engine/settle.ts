/**
 * Sorts out who is one person when a local record, a link or a decision changed: everybody who can be reached from it, and nobody else. Persons are
 * joined and parted, documents follow their records, numbers are told up and down, and the history is written: one unit of work.
 */
import { MixError } from '../schemas/errors/index.ts';
import type { IdentityEventKind } from '../schemas/identity.ts';
import type { IdentityEvent, IndexPair, IndexRecord } from '../schemas/index-store.ts';
import type { AuditEntry, Changes, Clock, Delivery, Entry, Log, Person, SearchTerm, Store } from '../schemas/parts.ts';
import { composePerson, type Local, leadingTo, snapshotOf } from './compose-person.ts';
import { feedJob, newDelivery, withJobs } from './deliveries.ts';
import { type ExchangeSetup, knownNode, mixSystem, nodeAbove, numbersToTell } from './domains.ts';
import { tokenOf } from './ihe/index.ts';
import { describes, inConflict, type LinkRules, nationalOf } from './link.ts';
import { moveEntry, recipientsAfter, recordOfDocument } from './move-entries.ts';
import { drawMixNumber, type Edge, pairName, partition, reach, settlePersons } from './mpi/index.ts';
import { uuidv7 } from './record/index.ts';

export interface IndexParts {
  store: Store;
  clock: Clock;
  log: Log;
}

/** What is to change. */
export interface Proposal {
  /** Records as they are to be; `keys` where they are found by something else from now on. */
  records: { record: IndexRecord; keys?: string[]; entry?: { entry: Entry; expect: number } }[];
  pairs: IndexPair[];
  /** Blocks that were looked at. */
  blocks?: { key: string; mark: number }[];
  /** Records that were looked at and matter. */
  looked?: IndexRecord[];
  /** Records of which the sender hears by the answer. */
  answered?: ReadonlySet<string>;
}

export interface About {
  /** A node, a user, or `matcher`. */
  who: string;
  reason: string;
  messageId: string;
  now: number;
}

export interface SettledIndex {
  changes: Changes;
  /** Persons of the records that were reached, as they are to be. */
  personOf: ReadonlyMap<string, Person>;
}

/** Undefined where more than `limit` records hang together: nothing is sorted out then. */
export async function settle(
  parts: IndexParts,
  setup: ExchangeSetup,
  rules: LinkRules,
  proposal: Proposal,
  about: About,
  limit: number,
): Promise<SettledIndex | undefined> {
  const scene = await gather(parts.store, proposal, limit);
  if (scene === undefined) return undefined;
  const groups = await sortOut(parts.store, setup, rules, scene, about.now);
  return writeDown(parts, setup, scene, groups, proposal, about);
}

/** Everybody who can be reached. */
interface Scene {
  /** As they are to be, but for their persons; by id. */
  records: Map<string, IndexRecord>;
  /** As they are stored. */
  stored: Map<string, IndexRecord>;
  pairs: Map<string, IndexPair>;
}

/** Pairs that are read at once. */
const PAIRS_MAX = 50_000;

async function gather(store: Store, proposal: Proposal, limit: number): Promise<Scene | undefined> {
  const scene: Scene = { records: new Map(), stored: new Map(), pairs: new Map() };
  const personsRead = new Set<string>();
  for (const { record } of proposal.records) scene.records.set(record.id, record);
  for (const pair of proposal.pairs) scene.pairs.set(pairName(pair.a, pair.b), pair);
  // Of who comes for the first time nothing is stored.
  const fresh = new Set(proposal.records.filter(({ record }) => record.stamp === 0).map(({ record }) => record.id));
  const add = (record: IndexRecord): void => {
    scene.stored.set(record.id, record);
    if (!scene.records.has(record.id)) scene.records.set(record.id, record);
  };
  const neighboursOf = async (ids: string[]): Promise<string[]> => {
    const old = ids.filter((id) => !fresh.has(id));
    const missing = old.filter((id) => !scene.stored.has(id));
    for (const record of (await store.indexRecords(missing)).values()) add(record);
    const persons = new Set(ids.flatMap((id) => personBefore(scene, id)));
    for (const id of personsRead) persons.delete(id);
    const [mates, pairs] = await Promise.all([
      store.indexRecordsOf([...persons], limit * 4),
      store.indexPairs(old, PAIRS_MAX),
    ]);
    for (const id of persons) personsRead.add(id);
    for (const mate of mates) add(mate);
    const found = mates.map(({ id }) => id);
    for (const pair of pairs) {
      // What linked them before counts as well: that may be over now.
      if (joins(pair)) found.push(pair.a, pair.b);
      const name = pairName(pair.a, pair.b);
      if (!scene.pairs.has(name)) scene.pairs.set(name, pair);
    }
    const asked = new Set(ids);
    for (const pair of proposal.pairs)
      if (joins(pair) && (asked.has(pair.a) || asked.has(pair.b))) found.push(pair.a, pair.b);
    for (const id of ids) found.push(...(mergedIntoOf(scene, id) ?? []));
    return found;
  };
  const start = proposal.records.map(({ record }) => record.id);
  for (const { a, b } of proposal.pairs.filter(joins)) start.push(a, b);
  for (const { a, b, decision } of proposal.pairs) if (decision === 'unlink') start.push(a, b);
  try {
    const reached = await reach(start, neighboursOf, limit);
    if (reached === undefined) return undefined;
    for (const id of scene.records.keys()) if (!reached.has(id)) scene.records.delete(id);
    return scene;
  } catch (cause) {
    if (cause instanceof MixError && cause.fault.code === 'store.limit') return undefined;
    throw cause;
  }
}

/** None for a record that comes for the first time; one from before the index has a person already. */
function personBefore(scene: Scene, id: string): string[] {
  const personId = (scene.stored.get(id) ?? scene.records.get(id))?.personId ?? '';
  return personId === '' ? [] : [personId];
}

const joins = (pair: IndexPair): boolean => pair.link === 'number' || pair.link === 'match' || pair.decision === 'link';

function mergedIntoOf(scene: Scene, id: string): string[] {
  return [scene.records.get(id)?.mergedInto, scene.stored.get(id)?.mergedInto].filter((one) => one !== undefined);
}

interface Group {
  personId: string;
  records: IndexRecord[];
  /** Persons that lead to it. */
  retired: string[];
}

/** The groups, with every record in the person that it belongs to now. */
async function sortOut(
  store: Store,
  setup: ExchangeSetup,
  rules: LinkRules,
  scene: Scene,
  now: number,
): Promise<Group[]> {
  const nameOf = (id: string): string | undefined => {
    const record = scene.records.get(id);
    return record && tokenOf(record.number);
  };
  const byName = new Map([...scene.records.values()].map((record) => [tokenOf(record.number), record]));
  const edges: Edge[] = [];
  const apart: [string, string][] = [];
  const linked = new Set<string>();
  for (const { a: one, b: other, link, weight, decision, decidedAt } of scene.pairs.values()) {
    const [a, b] = [nameOf(one), nameOf(other)];
    if (a === undefined || b === undefined) continue;
    if (link === 'number' || link === 'match') {
      edges.push({ a, b, kind: link, weight });
      linked.add(pairName(a, b));
    }
    if (decision === 'link') edges.push({ a, b, kind: 'decision', weight: decidedAt });
    if (decision === 'unlink') apart.push([a, b]);
  }
  for (const record of scene.records.values()) {
    const into = record.mergedInto === undefined ? undefined : nameOf(record.mergedInto);
    if (into !== undefined) edges.push({ a: tokenOf(record.number), b: into, kind: 'merge', weight: 0 });
  }
  const names = [...byName.keys()];
  const groups = partition(names, {
    edges,
    apart,
    // What links by itself was compared already, and is in no conflict.
    conflict: (a, b) => !linked.has(pairName(a, b)) && inConflict(byName.get(a)!, byName.get(b)!, rules),
  });
  const members = [...byName].map(([name, { ownId }]) => (ownId === undefined ? { name } : { name, own: ownId }));
  const settled = settlePersons(members, groups, () => uuidv7(now));
  return Promise.all(
    settled.map(async ({ personId, names: mine, madeFor, retired }) => ({
      personId,
      retired,
      records: await Promise.all(
        mine.map(async (name): Promise<IndexRecord> => {
          const record = { ...byName.get(name)!, personId };
          if (name !== madeFor) return record;
          const own = { ...record, ownId: personId };
          return setup.node.role === 'global' ? { ...own, ownNumber: await drawFreeNumber(store, setup) } : own;
        }),
      ),
    })),
  );
}

const DRAWS_MAX = 20;

/** A MIX number that nobody has. Another node's may be drawn in the same moment: then the commit is a conflict and another one is drawn. */
async function drawFreeNumber(store: Store, setup: ExchangeSetup): Promise<string> {
  const system = mixSystem(setup);
  for (let draw = 0; draw < DRAWS_MAX; draw++) {
    const value = drawMixNumber();
    if ((await store.personsByIdentifier([{ system, value }])).size === 0) return value;
  }
  throw new MixError('mpi.no-number');
}

/** What is known of those whom the change touches. */
interface Known {
  persons: Map<string, Person>;
  entries: Map<string, Entry>;
  /** Groups that are not as they were. */
  changed: Group[];
}

async function writeDown(
  parts: IndexParts,
  setup: ExchangeSetup,
  scene: Scene,
  groups: Group[],
  proposal: Proposal,
  about: About,
): Promise<SettledIndex> {
  const { store } = parts;
  const proposed = new Map(proposal.records.map((one) => [one.record.id, one]));
  // Also whoever is left by a record is not as it was.
  const left = new Set(
    groups.flatMap(({ personId, records }) =>
      records.flatMap(({ id }) => {
        const before = scene.stored.get(id)?.personId;
        return before === undefined || before === personId ? [] : [before];
      }),
    ),
  );
  const changed = groups.filter(
    (group) =>
      left.has(group.personId) ||
      group.records.some(
        (record) => proposed.has(record.id) || scene.stored.get(record.id)?.personId !== group.personId,
      ),
  );
  const made = (group: Group): boolean =>
    group.records.some(({ id, ownId }) => ownId === group.personId && scene.records.get(id)?.ownId !== ownId);
  const ids = new Set(changed.flatMap((group) => (made(group) ? group.retired : [group.personId, ...group.retired])));
  for (const { records } of changed)
    for (const { id } of records) {
      const before = scene.stored.get(id)?.personId;
      if (before !== undefined) ids.add(before);
    }
  const isStored = (id: string): boolean => scene.stored.has(id);
  const [persons, entries] = await Promise.all([
    store.personsOf([...ids]),
    store.entriesById(changed.flatMap(({ records }) => records.map(({ id }) => id)).filter(isStored)),
  ]);
  const known: Known = { persons, entries, changed };
  const moved = await moveAll(parts, scene, known, proposed, about);
  const rows = await personRows(store, setup, known, moved.entries, about.now);
  const changes = await changesOf(parts, setup, { scene, groups, known, proposal, moved, rows }, about);
  const personOf = new Map<string, Person>();
  for (const { personId, records } of groups) {
    const person = rows.find((row) => row.person.id === personId)?.person ?? persons.get(personId);
    if (person !== undefined) for (const { id } of records) personOf.set(id, person);
  }
  return { changes, personOf };
}

interface Moved {
  /** Entries as they are to be, by id: of the records, and what goes with them. */
  entries: Map<string, { entry: Entry; expect: number }>;
  /** Documents of a person whom some records left, as they belong now; by that person. */
  parted: Map<string, Entry[]>;
}

/** Whoever leaves a person takes along what came with it; of a person who leads to another, everything goes. */
async function moveAll(
  parts: IndexParts,
  scene: Scene,
  { persons, changed }: Known,
  proposed: ReadonlyMap<string, Proposal['records'][number]>,
  about: About,
): Promise<Moved> {
  const next = new Map(changed.flatMap(({ records }) => records.map((record) => [record.id, record])));
  const moved: Moved = { entries: new Map(), parted: new Map() };
  for (const [id, { entry }] of proposed) {
    const personId = next.get(id)?.personId;
    if (entry !== undefined && personId !== undefined)
      moved.entries.set(id, { ...entry, entry: { ...entry.entry, personId } });
  }
  const left = new Map<string, IndexRecord[]>();
  for (const record of next.values()) {
    const before = scene.stored.get(record.id)?.personId;
    if (before === undefined || before === record.personId) continue;
    left.set(before, [...(left.get(before) ?? []), record]);
  }
  for (const [personId, leaving] of left) {
    const stays = changed.some((group) => group.personId === personId);
    const heir = [...next.values()].find(({ ownId }) => ownId === personId) ?? leaving[0]!;
    const mine = [...scene.stored.values()].filter((record) => record.personId === personId);
    for (const entry of await parts.store.entries(personId, { removed: true })) {
      const record = entry.type === 'Patient' ? scene.stored.get(entry.id) : recordOfDocument(entry, mine, personId);
      const to =
        record === undefined ? (stays ? personId : heir.personId) : (next.get(record.id)?.personId ?? personId);
      // Also who leaves must let go of what stays.
      if (stays && entry.type === 'DocumentReference' && !entry.removed)
        moved.parted.set(personId, [...(moved.parted.get(personId) ?? []), withPerson(entry, to)]);
      if (to !== personId && !moved.entries.has(entry.id))
        moved.entries.set(entry.id, moveEntry(entry, to, about.messageId));
    }
    if (persons.get(personId) === undefined) throw new MixError('store.conflict', { place: 'person' });
  }
  return moved;
}

const withPerson = (entry: Entry, personId: string): Entry => ({
  ...moveEntry(entry, personId, '').entry,
  version: entry.version,
});

interface PersonRow {
  person: Person;
  expect: number;
  terms: SearchTerm[];
  known?: Person;
  locals: Local[];
}

/** Persons as they are to be: those who stand, and those who lead to them. */
async function personRows(
  store: Store,
  setup: ExchangeSetup,
  { persons, entries, changed }: Known,
  moved: Moved['entries'],
  now: number,
): Promise<PersonRow[]> {
  const rows: PersonRow[] = [];
  const holders = await claim(store, persons, changed);
  const leads = new Map<string, string>();
  for (const { personId, records, retired } of changed) {
    const locals = records.map(
      (record): Local => ({
        record,
        entry: moved.get(record.id)?.entry ?? entries.get(record.id),
      }),
    );
    const known = persons.get(personId);
    const composed = composePerson(setup, { id: personId, known, locals, holders }, now);
    const row: PersonRow = { ...composed, expect: known?.version ?? 0, locals };
    rows.push(known === undefined ? row : { ...row, known });
    for (const id of retired) leads.set(id, personId);
  }
  // Persons that no record was made for are only there from before there was an index.
  const standing = new Set(changed.map(({ personId }) => personId));
  for (const id of persons.keys()) if (!standing.has(id) && !leads.has(id)) leads.set(id, changed[0]!.personId);
  for (const [id, into] of leads) {
    const known = persons.get(id);
    if (known === undefined || (known.state === 'merged' && known.mergedInto === into)) continue;
    rows.push({ person: leadingTo(known, into, now), expect: known.version, terms: [], known, locals: [] });
  }
  return rows;
}

/** Whom each number names: the record fed under it before any that only tells it, and somebody outside before both. */
async function claim(
  store: Store,
  persons: ReadonlyMap<string, Person>,
  changed: readonly Group[],
): Promise<Map<string, string>> {
  const holders = new Map<string, string>();
  const inOrder = changed.toSorted((one, other) => (one.personId < other.personId ? -1 : 1));
  for (const { personId, records } of inOrder)
    for (const { number } of records) if (!holders.has(tokenOf(number))) holders.set(tokenOf(number), personId);
  const others: { system: string; value: string }[] = [];
  for (const { personId, records } of inOrder)
    for (const number of records.flatMap((record) => [...record.numbers, ...record.told])) {
      const token = tokenOf(number);
      if (holders.has(token)) continue;
      holders.set(token, personId);
      const has = persons.get(personId)?.identifiers.some((one) => tokenOf(one) === token && one.type !== 'XX');
      if (!has) others.push({ system: number.system, value: number.value });
    }
  if (others.length === 0) return holders;
  for (const [token, holder] of await store.personsByIdentifier(others))
    if (!persons.has(holder)) holders.set(token, holder);
  return holders;
}

interface Work {
  scene: Scene;
  groups: Group[];
  known: Known;
  proposal: Proposal;
  moved: Moved;
  rows: PersonRow[];
}

async function changesOf(parts: IndexParts, setup: ExchangeSetup, work: Work, about: About): Promise<Changes> {
  const { scene, groups, known, proposal, moved, rows } = work;
  const { now } = about;
  const next = new Map(groups.flatMap(({ records }) => records.map((record) => [record.id, record])));
  const written = new Set<string>();
  const records: NonNullable<NonNullable<Changes['index']>['records']> = [];
  for (const { record, keys } of proposal.records) {
    written.add(record.id);
    const one = { record: next.get(record.id) ?? record, expect: record.stamp };
    records.push(keys === undefined ? one : { ...one, keys });
  }
  for (const record of next.values()) {
    const before = scene.stored.get(record.id);
    if (written.has(record.id) || (before?.personId === record.personId && before.ownId === record.ownId)) continue;
    written.add(record.id);
    records.push({ record, expect: record.stamp });
  }
  const looked = [...next.values(), ...(proposal.looked ?? [])].filter(({ id }) => !written.has(id));
  const seen = new Map(looked.map(({ id, stamp }) => [id, { id, stamp }]));
  const deliveries = [...numbersDown(setup, work, now), ...(await withdrawals(parts, setup, work, now))];
  const told = withJobs(deliveries, now);
  const above = nodeAbove(setup) !== undefined;
  return {
    persons: rows.map(({ person, expect, terms }) => ({ person, expect, terms })),
    entries: [...moved.entries.values()],
    identifiersGone: goneFrom(rows),
    deliveries: told.deliveries,
    jobsNew: [
      ...told.jobsNew,
      ...(above ? rows.filter(saysMore).map(({ person }) => feedJob(person.id, now, setup.feed)) : []),
    ],
    audit: auditOf(rows, about),
    index: {
      records,
      seen: { blocks: proposal.blocks ?? [], records: [...seen.values()] },
      pairs: proposal.pairs,
      events: rows.map((row) => eventOf(row, known.persons, scene, about)),
    },
  };
}

/** Is there something to tell the node above: who the person is, or whom it leads to? */
function saysMore({ person, known }: PersonRow): boolean {
  if (known === undefined || known.state !== person.state || known.mergedInto !== person.mergedInto) return true;
  const textOf = ({ patient }: Person): string => JSON.stringify([describes(patient), nationalOf(patient)]);
  return textOf(known) !== textOf(person);
}

function goneFrom(rows: readonly PersonRow[]): NonNullable<Changes['identifiersGone']> {
  return rows.flatMap(({ person, known }) => {
    const kept = new Set(person.identifiers.filter(({ type }) => type !== 'XX').map(tokenOf));
    const gone = (known?.identifiers ?? []).filter((one) => !kept.has(tokenOf(one)));
    return gone.map(({ system, value }) => ({ personId: person.id, system, value }));
  });
}

/** Who fed a record whose person has other numbers now is told them. */
function numbersDown(setup: ExchangeSetup, { scene, known, proposal, moved, rows }: Work, now: number): Delivery[] {
  const deliveries: Delivery[] = [];
  const textOf = (person: Person | undefined): string =>
    person === undefined ? '' : numbersToTell(setup, person).map(tokenOf).join('\n');
  for (const { person, locals } of rows)
    for (const { record } of locals) {
      const entry = moved.entries.get(record.id)?.entry ?? known.entries.get(record.id);
      if (entry === undefined || entry.removed || proposal.answered?.has(record.id)) continue;
      // A system on a line hears of it by its own notifications.
      if (knownNode(setup, entry.sourceId)?.organization === '') continue;
      const before = scene.stored.get(record.id);
      if (textOf(before && known.persons.get(before.personId)) === textOf(person)) continue;
      deliveries.push(
        newDelivery({ outlet: entry.sourceId, kind: 'numbers', thing: entry.id, personId: person.id }, now),
      );
    }
  return deliveries;
}

/** Whoever retrieved a document of somebody who turned out to be another is told to let go of it. */
async function withdrawals(
  parts: IndexParts,
  setup: ExchangeSetup,
  { moved, rows }: Work,
  now: number,
): Promise<Delivery[]> {
  const deliveries: Delivery[] = [];
  for (const [personId, documents] of moved.parted) {
    const owners = new Map(rows.map(({ person }) => [person.id, person]));
    for (const { entry, outlets } of await recipientsAfter(parts.store, setup, personId, documents, owners))
      for (const outlet of outlets)
        deliveries.push(newDelivery({ outlet, kind: 'withdraw', thing: entry.id, personId: entry.personId }, now));
  }
  return deliveries;
}

function auditOf(rows: readonly PersonRow[], { now, reason }: About): AuditEntry[] {
  return rows.flatMap(({ person, known }): AuditEntry[] => {
    if (known === undefined || known.state === person.state) return [];
    const joined = person.state === 'merged';
    return [
      {
        at: now,
        who: 'node',
        action: 'update',
        outcome: joined ? 'joined' : 'parted',
        what: 'patient',
        thing: person.id,
        personId: joined ? person.mergedInto! : person.id,
        reason,
      },
    ];
  });
}

function eventOf(
  { person, known, locals }: PersonRow,
  persons: ReadonlyMap<string, Person>,
  scene: Scene,
  about: About,
): IdentityEvent {
  const before = new Set([...scene.stored.values()].filter((one) => one.personId === person.id).map(({ id }) => id));
  const after = new Set(locals.map(({ record }) => record.id));
  return {
    id: uuidv7(about.now),
    personId: person.id,
    at: about.now,
    event: kindOf(person, known ?? persons.get(person.id), before, after),
    who: about.who,
    reason: about.reason,
    after: snapshotOf(person, locals),
  };
}

function kindOf(
  person: Person,
  known: Person | undefined,
  before: ReadonlySet<string>,
  after: ReadonlySet<string>,
): IdentityEventKind {
  if (person.state === 'merged') return 'merged';
  if (known === undefined) return 'created';
  if (known.state === 'merged') return 'revived';
  if ([...after].some((id) => !before.has(id))) return 'joined';
  return [...before].some((id) => !after.has(id)) ? 'left' : 'updated';
}
