/** What every store must do for the patient index, whatever stands below it. */
import { describe, expect, it, vi } from 'vitest';
import type { IdentityEvent, IndexChanges, IndexPair, IndexRecord, MatchItem } from '../../schemas/index-store.ts';
import type { Person, Store } from '../../schemas/parts.ts';
import { type OpenForTest, refused, startOfTests, testId, testPerson } from './kept.ts';

const system = 'urn:oid:1.2.3';
const limits = { block: 3, most: 5 };

export function testRecord(personId: string, given: Partial<IndexRecord> = {}): IndexRecord {
  const id = given.id ?? testId();
  return {
    id,
    personId,
    ownId: personId,
    number: { system, value: `R-${id.slice(-8)}`, type: 'MR' },
    sourceId: 'a',
    state: 'active',
    stateAt: startOfTests,
    numbers: [{ system, value: `E-${id.slice(-8)}`, type: 'PI', sourceId: 'a' }],
    told: [],
    features: Buffer.from(`features of ${id}`),
    stamp: 0,
    ...given,
  };
}

/** A person with one record that is found by these keys; gives the record as it is stored. */
async function file(store: Store, keys: string[], more: Partial<IndexChanges> = {}): Promise<IndexRecord> {
  const person: Person = testPerson();
  const record = testRecord(person.id);
  await store.commit({
    persons: [{ person, expect: 0, terms: [] }],
    index: { records: [{ record, expect: 0, keys }], ...more },
  });
  return (await store.indexRecords([record.id])).get(record.id)!;
}

const idsOf = (records: { id: string }[]): string[] => records.map(({ id }) => id).toSorted();

export function indexStoreContract(name: string, open: () => Promise<OpenForTest>): void {
  describe(`${name}: local records of the index`, () => {
    it('gives back every part of a record: by id, by number, by person, also after it was closed', async () => {
      const { store, reopen } = await open();
      const record = await file(store, ['lindqvist|1956']);
      expect(record).toEqual({ ...testRecord(record.personId, { id: record.id }), stamp: record.stamp });
      expect(record.stamp).toBeGreaterThan(0);
      const more: IndexRecord = {
        ...record,
        state: 'retired',
        mergedInto: testId(),
        ownNumber: '000-000-0013',
        stateAt: startOfTests + 5,
        told: [{ system: 'urn:oid:9', value: '1', type: 'PN', sourceId: 'global', at: 4 }],
      };
      await store.commit({ index: { records: [{ record: more, expect: record.stamp }] } });
      const again = await reopen();
      expect((await again.indexRecords([record.id, testId()])).get(record.id)).toEqual(more);
      const number = { system, value: record.number.value };
      expect(await again.indexRecordsByNumber([number, { system, value: 'X' }])).toEqual(
        new Map([[`${system}|${number.value}`, more]]),
      );
      expect(await again.indexRecordsOf([record.personId, testId()], 10)).toEqual([more]);
    });

    it('finds candidates by what they share, never by a part of it, and those that share most first', async () => {
      const { store } = await open();
      const [both, one] = [await file(store, ['x', 'y']), await file(store, ['y', 'z'])];
      const found = await store.indexCandidates(['x', 'y', 'nobody'], limits);
      expect(idsOf(found.records)).toEqual(idsOf([both, one]));
      expect(found.records.find(({ id }) => id === both.id)).toEqual(both);
      expect(found.blocks).toEqual([
        { key: 'x', mark: both.stamp, full: false },
        { key: 'y', mark: one.stamp, full: false },
        { key: 'nobody', mark: 0, full: false },
      ]);
      expect((await store.indexCandidates(['x', 'y'], { block: 3, most: 1 })).records).toEqual([both]);
      expect(await store.indexCandidates([], limits)).toEqual({ blocks: [], records: [] });
    });

    it('passes over a block that is too large while another leads to somebody, and takes its newest otherwise', async () => {
      const { store } = await open();
      const many: IndexRecord[] = [];
      for (let i = 0; i < 5; i++) many.push(await file(store, ['smith']));
      const rare = await file(store, ['smith', 'rare']);
      const found = await store.indexCandidates(['smith', 'rare'], limits);
      expect(idsOf(found.records)).toEqual([rare.id]);
      expect(found.blocks.map(({ full }) => full)).toEqual([true, false]);
      const alone = await store.indexCandidates(['smith', 'none'], limits);
      expect(idsOf(alone.records)).toEqual(idsOf([many[3]!, many[4]!, rare]));
    });

    it('finds a record by its new keys only, once they changed; a record that only moves keeps its place', async () => {
      const { store } = await open();
      const record = await file(store, ['old', 'both']);
      await store.commit({
        index: {
          records: [
            { record: { ...record, features: Buffer.from('new') }, expect: record.stamp, keys: ['both', 'new'] },
          ],
        },
      });
      const now = (await store.indexRecords([record.id])).get(record.id)!;
      expect(now.stamp).toBeGreaterThan(record.stamp);
      expect(now.features).toEqual(Buffer.from('new'));
      const found = async (key: string) => idsOf((await store.indexCandidates([key], limits)).records);
      expect([await found('old'), await found('both'), await found('new')]).toEqual([[], [record.id], [record.id]]);
      const other = testPerson();
      await store.commit({
        persons: [{ person: other, expect: 0, terms: [] }],
        index: { records: [{ record: { ...now, personId: other.id }, expect: now.stamp }] },
      });
      expect((await store.indexCandidates(['new'], limits)).records).toEqual([{ ...now, personId: other.id }]);
      await store.commit({
        index: { records: [{ record: { ...now, state: 'retired' }, expect: now.stamp, keys: [] }] },
      });
      expect([await found('both'), await found('new')]).toEqual([[], []]);
    });

    it('refuses what stands on a look that is no longer true: a block that somebody came into, a record that changed', async () => {
      const { store } = await open();
      const first = await file(store, ['k']);
      const { blocks } = await store.indexCandidates(['k', 'other'], limits);
      const seen = (records: { id: string; stamp: number }[] = []) => ({ seen: { blocks, records } });
      await file(store, ['elsewhere'], seen());
      await file(store, ['other']);
      await expect(file(store, ['z'], seen())).rejects.toEqual(refused('store.conflict'));
      const look = { seen: { blocks: [], records: [{ id: first.id, stamp: first.stamp }] } };
      await file(store, ['z'], look);
      await store.commit({ index: { records: [{ record: first, expect: first.stamp, keys: ['k'] }] } });
      await expect(file(store, ['z'], look)).rejects.toEqual(refused('store.conflict'));
      await expect(
        store.commit({ index: { records: [{ record: first, expect: first.stamp, keys: ['k'] }] } }),
      ).rejects.toEqual(refused('store.conflict'));
    });

    it('lets one of two in that saw the same empty block at once', async () => {
      const { store } = await open();
      for (let i = 0; i < 5; i++) {
        const { blocks } = await store.indexCandidates([`race ${i}`], limits);
        const both = await Promise.allSettled(
          [1, 2].map(() => file(store, [`race ${i}`], { seen: { blocks, records: [] } })),
        );
        expect(both.map(({ status }) => status).toSorted()).toEqual(['fulfilled', 'rejected']);
        expect((await store.indexCandidates([`race ${i}`], limits)).records).toHaveLength(1);
      }
    });

    it('gives one number to one record', async () => {
      const { store } = await open();
      const record = await file(store, ['k']);
      const person = testPerson();
      const twin = testRecord(person.id, { number: record.number });
      await expect(
        store.commit({
          persons: [{ person, expect: 0, terms: [] }],
          index: { records: [{ record: twin, expect: 0, keys: ['k'] }] },
        }),
      ).rejects.toEqual(refused('store.conflict'));
      expect(await store.person(person.id)).toBeUndefined();
    });

    it('knows nobody any more who was shredded', async () => {
      const { store } = await open();
      const record = await file(store, ['k']);
      await (store as Store & { shredPerson(id: string): Promise<void> }).shredPerson(record.personId);
      expect((await store.indexCandidates(['k'], limits)).records).toEqual([]);
      const left = (await store.indexRecords([record.id])).get(record.id)!;
      expect([left.features.length, left.number.value, left.numbers]).toEqual([0, '', []]);
    });
  });

  describe(`${name}: what links records, the work list, the history`, () => {
    const pairOf = (a: IndexRecord, b: IndexRecord, given: Partial<IndexPair> = {}): IndexPair => ({
      ...(a.id < b.id ? { a: a.id, b: b.id } : { a: b.id, b: a.id }),
      link: 'match',
      weight: 21.5,
      decision: 'none',
      decidedAt: 0,
      ...given,
    });

    it('keeps a pair once, found from both sides, until nothing links it and nobody decided', async () => {
      const { store } = await open();
      const [one, two, three] = [await file(store, []), await file(store, []), await file(store, [])];
      const [ab, bc] = [pairOf(one, two), pairOf(three, two, { link: 'possible', weight: -1.25 })];
      await store.commit({ index: { pairs: [ab, bc] } });
      const of = async (...ids: string[]) =>
        (await store.indexPairs(ids, 10)).toSorted((x, y) => (x.a + x.b < y.a + y.b ? -1 : 1));
      expect(await of(two.id)).toEqual([ab, bc]);
      expect(await of(one.id)).toEqual([ab]);
      expect(await of(one.id, two.id, three.id)).toEqual([ab, bc]);
      const decided: IndexPair = { ...ab, link: 'none', weight: 0, decision: 'unlink', decidedAt: 7 };
      await store.commit({ index: { pairs: [decided, { ...bc, link: 'none' }] } });
      expect(await of(two.id)).toEqual([decided]);
      await expect(store.indexPairs([two.id], 0)).rejects.toEqual(refused('store.limit'));
    });

    const itemOf = (record: IndexRecord, given: Partial<MatchItem> = {}): MatchItem => ({
      id: testId(),
      version: 1,
      kind: 'possible',
      state: 'open',
      a: record.id,
      b: testId(),
      personId: record.personId,
      from: 'a',
      createdAt: startOfTests,
      updatedAt: startOfTests,
      body: { decisions: [{ at: 1, by: 'Zo\u00eb', act: 'decided', decision: 'link', reason: 'the same' }] },
      ...given,
    });

    it('lists what waits, the oldest first, by state, kind and record, in pages', async () => {
      const { store, reopen } = await open();
      const [one, two] = [await file(store, []), await file(store, [])];
      const items = [itemOf(one), itemOf(two, { kind: 'overlay' }), itemOf(one, { state: 'linked' }), itemOf(two)];
      for (const item of items) await store.commit({ index: { items: [{ item, expect: 0 }] } });
      const again = await reopen();
      const list = async (query: Partial<Parameters<Store['matchItems']>[0]>) =>
        (await again.matchItems({ limit: 10, ...query })).rows;
      expect(await list({})).toEqual(items);
      expect(await list({ states: ['open', 'waiting-second'] })).toEqual([items[0], items[1], items[3]]);
      expect(await list({ kind: 'overlay' })).toEqual([items[1]]);
      expect(await list({ records: [one.id], states: ['linked'] })).toEqual([items[2]]);
      expect(await list({ records: [items[1]!.b!] })).toEqual([items[1]]);
      const first = await again.matchItems({ limit: 3 });
      expect([first.rows, first.count]).toEqual([items.slice(0, 3), 4]);
      const rest = await again.matchItems({ limit: 3, cursor: first.next! });
      expect([rest.rows, rest.next]).toEqual([[items[3]], undefined]);
      expect(await again.matchItem(items[1]!.id)).toEqual(items[1]);
      expect(await again.matchItem(testId())).toBeUndefined();
    });

    it('tells listeners whom an item is about, also where nothing else changes', async () => {
      const { store } = await open();
      const record = await file(store, ['k']);
      const told: string[] = [];
      const stop = store.onChange((note) => told.push(...note.persons));
      await store.commit({ index: { items: [{ item: itemOf(record), expect: 0 }] } });
      await vi.waitFor(() => expect(told).toEqual([record.personId]));
      stop();
    });

    it('refuses an item that is not as it was read, with all that came with it', async () => {
      const { store } = await open();
      const record = await file(store, []);
      const item = itemOf(record);
      const put = (next: MatchItem, expected: number, more: Partial<IndexChanges> = {}) =>
        store.commit({ index: { items: [{ item: next, expect: expected }], ...more } });
      await put(item, 0);
      const linked: MatchItem = { ...item, version: 2, state: 'linked' };
      const results = await Promise.allSettled([put(linked, 1), put({ ...linked, state: 'kept-apart' }, 1)]);
      expect(results.map(({ status }) => status).toSorted()).toEqual(['fulfilled', 'rejected']);
      const pair = pairOf(record, record, { b: testId() });
      await expect(put(item, 0, { pairs: [pair] })).rejects.toEqual(refused('store.conflict'));
      expect(await store.indexPairs([record.id], 10)).toEqual([]);
      expect((await store.matchItem(item.id))?.version).toBe(2);
    });

    it('tells what happened to a person, the newest first, as of a time', async () => {
      const { store, reopen } = await open();
      const record = await file(store, []);
      const event = (at: number, given: Partial<IdentityEvent> = {}): IdentityEvent => ({
        id: testId(),
        personId: record.personId,
        at,
        event: 'updated',
        who: 'a',
        reason: 'fed',
        after: {
          state: 'active',
          records: [{ id: record.id, sourceId: 'a', system, value: 'Lindqvist', version: at }],
          numbers: [{ system, value: '1', type: 'MR' }],
        },
        ...given,
      });
      const events = [event(1), event(2), event(3, { event: 'merged' })];
      for (const one of events) await store.commit({ index: { events: [one, event(9, { personId: testId() })] } });
      const again = await reopen();
      const about = { personId: record.personId, limit: 10 };
      expect((await again.identityEvents(about)).rows).toEqual(events.toReversed());
      expect((await again.identityEvents({ ...about, until: 2, limit: 1 })).rows).toEqual([events[1]]);
      const first = await again.identityEvents({ ...about, limit: 2 });
      expect((await again.identityEvents({ ...about, cursor: first.next! })).rows).toEqual([events[0]]);
    });

    it('writes the index with the person or not at all', async () => {
      const { store } = await open();
      const record = await file(store, ['k']);
      const person = testPerson();
      const next = testRecord(person.id);
      await expect(
        store.commit({
          persons: [{ person, expect: 3, terms: [] }],
          index: {
            records: [{ record: next, expect: 0, keys: ['k'] }],
            pairs: [pairOf(record, next)],
            items: [{ item: itemOf(record), expect: 0 }],
          },
        }),
      ).rejects.toEqual(refused('store.conflict'));
      expect(await store.indexRecords([next.id])).toEqual(new Map());
      expect(await store.indexPairs([record.id], 10)).toEqual([]);
      expect((await store.matchItems({ limit: 10 })).rows).toEqual([]);
      expect(idsOf((await store.indexCandidates(['k'], limits)).records)).toEqual([record.id]);
    });
  });
}
