import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { domainsOf, type ExchangeSetup, givenSystems, knownSystems, numbersToTell } from '../../engine/domains.ts';
import { readFeed } from '../../engine/ihe/index.ts';
import { cluesOf, decideLink, filePatient, joinPersons, linkSystem, localKey, mayJoin } from '../../engine/link.ts';
import { makeMixNumber } from '../../engine/mpi/index.ts';
import { applyNumbers, givenNumbers } from '../../engine/numbers.ts';
import { uuidv7 } from '../../engine/record/index.ts';
import type { Entry, Identifier, Person } from '../../schemas/parts.ts';

const system = 'urn:oid:1.2.3.1';
const domains = new Set([system]);
const anna = {
  name: [{ family: 'Lindqvist', given: ['Anna'] }],
  gender: 'female' as const,
  birthDate: '1956-03-14',
  address: [{ postalCode: '02719' }],
};
const feedOf = (value: string, more: object = {}) =>
  readFeed(`${system}|${value}`, { resourceType: 'Patient', identifier: [{ system, value }], ...anna, ...more });

const filed = (value: string, more: object = {}, known?: Person, locals = new Map<string, Entry>(), now = 1_000) => {
  const fed = feedOf(value, more);
  const clues = cluesOf(fed, domains, 'a');
  const filing = {
    personId: known?.id ?? uuidv7(),
    locals,
    holders: new Map(),
    sourceId: 'a',
    messageId: uuidv7(),
    now,
  };
  return filePatient(fed, clues, known === undefined ? filing : { ...filing, known });
};

describe('whom a feed belongs to', () => {
  const clues = cluesOf(feedOf('A-1'), domains, 'a');
  const number = `${system}|A-1`;
  const key = `${linkSystem}|${clues.keys[0]}`;

  test('the number it is fed under before any key; what leads elsewhere is told', () => {
    expect(decideLink(clues, new Map())).toEqual({ by: 'none', others: [] });
    expect(decideLink(clues, new Map([[key, 'p']]))).toEqual({ personId: 'p', by: 'key', others: [] });
    expect(
      decideLink(
        clues,
        new Map([
          [number, 'p'],
          [key, 'p'],
        ]),
      ),
    ).toEqual({ personId: 'p', by: 'known', others: [] });
    expect(
      decideLink(
        clues,
        new Map([
          [number, 'p'],
          [key, 'q'],
        ]),
      ),
    ).toEqual({ personId: 'p', by: 'known', others: ['q'] });
  });

  test('whatever the clues lead to: one person that a clue leads to, the others once each, never the chosen one', () => {
    const holder = fc.option(fc.constantFrom('p', 'q', 'r'), { nil: undefined });
    fc.assert(
      fc.property(fc.array(holder, { minLength: 2, maxLength: 2 }), ([first, second]) => {
        const holders = new Map<string, string>();
        if (first !== undefined) holders.set(number, first);
        if (second !== undefined) holders.set(key, second);
        const linked = decideLink(clues, holders);
        expect(linked.personId).toBe(first ?? second);
        expect(linked.others).not.toContain(linked.personId);
        expect(new Set([linked.personId, ...linked.others].filter(Boolean))).toEqual(new Set(holders.values()));
      }),
    );
  });

  test('numbers of others are no clue', () => {
    const fed = readFeed(`${system}|A-1`, {
      resourceType: 'Patient',
      identifier: [
        { system, value: 'A-1' },
        { system: 'urn:oid:9', value: 'B-1', type: { coding: [{ code: 'MR' }] } },
      ],
    });
    expect(cluesOf(fed, domains, 'a').numbers.map(({ value }) => value)).toEqual(['A-1']);
  });

  test('a retired patient links nobody by demographics', () => {
    const fed = readFeed(`${system}|A-1`, {
      resourceType: 'Patient',
      active: false,
      identifier: [{ system, value: 'A-1' }],
      ...anna,
      link: [{ type: 'replaced-by', other: { identifier: { system, value: 'A-2' } } }],
    });
    expect(cluesOf(fed, domains, 'a').keys).toEqual([]);
  });

  test('only a person who stands on this one local patient may be joined by demographics', () => {
    const one = filed('A-1');
    const entry = one.entries[0]!.entry;
    const fed = { system, value: 'A-1' };
    expect(mayJoin(one.person, [entry], fed)).toBe(true);
    expect(mayJoin(one.person, [entry, { ...entry, key: localKey({ system, value: 'A-2' }) }], fed)).toBe(false);
    expect(
      mayJoin(one.person, [entry, { ...entry, key: localKey({ system, value: 'A-2' }), removed: true }], fed),
    ).toBe(true);
    expect(mayJoin({ ...one.person, state: 'merged' }, [entry], fed)).toBe(false);
  });
});

describe('what a feed leaves', () => {
  test('the same feed again changes nothing', () => {
    const first = filed('A-1');
    const locals = new Map(first.entries.map(({ entry }) => [entry.key, entry]));
    expect(filed('A-1', {}, first.person, locals, 2_000).changed).toBe(false);
  });

  test('what its source no longer tells is gone, what another told stays', () => {
    const first = filed('A-1', { telecom: [{ system: 'phone', value: '5085550142' }] });
    const locals = new Map(first.entries.map(({ entry }) => [entry.key, entry]));
    const second = filed('A-1', {}, first.person, locals, 2_000);
    expect(second.person.patient.telecom).toBeUndefined();
    expect(second.person.patient.birthDate).toBe(anna.birthDate);
    expect(second.person.linkKeys?.some((key) => key.startsWith('phone'))).toBe(false);
  });

  test('a clock that runs ahead does not win for ever', () => {
    const first = filed('A-1', { meta: { lastUpdated: '2999-01-01T00:00:00Z' } });
    expect(first.entries[0]?.entry.sourceTime).toBe(1_000);
  });

  test('keys that somebody else holds are not filed', () => {
    const fed = feedOf('A-1');
    const clues = cluesOf(fed, domains, 'a');
    const holders = new Map([[`${linkSystem}|${clues.keys[0]}`, 'q']]);
    const filing = { personId: 'p', locals: new Map(), holders, sourceId: 'a', messageId: uuidv7(), now: 1 };
    expect(filePatient(fed, clues, filing).person.linkKeys).not.toContain(clues.keys[0]);
  });
});

describe('two that are one', () => {
  const personAt = (createdAt: number, value: string) => {
    const { person, entries } = filed(value, value === 'A-1' ? {} : { name: [{ family: 'Okafor', given: ['Bruno'] }] });
    return { person: { ...person, createdAt }, entries: entries.map(({ entry }) => entry) };
  };

  test('the older stays with the numbers, keys and local patients of both, whichever comes first', () => {
    const [older, younger] = [personAt(1, 'A-1'), personAt(2, 'A-2')];
    for (const [one, other] of [
      [older, younger],
      [younger, older],
    ] as const) {
      const joined = joinPersons(one, other, { messageId: uuidv7(), now: 9 });
      expect(joined.survivor.id).toBe(older.person.id);
      expect(joined.survivor.identifiers.map(({ value }) => value)).toEqual(['A-1', 'A-2']);
      expect(new Set(joined.survivor.linkKeys)).toEqual(
        new Set([...older.person.linkKeys!, ...younger.person.linkKeys!]),
      );
      expect(joined.retired).toMatchObject({
        id: younger.person.id,
        state: 'merged',
        mergedInto: older.person.id,
        identifiers: [],
      });
      expect(joined.retired.linkKeys).toBeUndefined();
      expect(joined.changes.entries.map(({ entry }) => entry.personId)).toEqual([older.person.id]);
    }
  });
});

describe('numbers that come down', () => {
  const region: ExchangeSetup = {
    node: { name: 'region', role: 'region', version: '0' },
    organization: { oid: '1.2.20', name: 'Region' },
    oid: '1.2.9',
    documents: 'here',
    documentBytesMax: 1,
    nodes: [
      { name: 'a', role: 'hospital', organization: '1.2.21', authorities: '1.2.3.1  urn:oid:1.2.3.2' },
      { name: 'global', role: 'global', organization: '1.2.10', authorities: '-' },
    ],
    base: '',
    feed: { quietMs: 0, latestMs: 0 },
    document: { quietMs: 0, latestMs: 0 },
  };
  const mix = 'urn:oid:1.2.9.1';
  const number = (body: number): Identifier => ({
    system: mix,
    value: makeMixNumber(body),
    type: 'PN',
    sourceId: 'global',
  });
  const person = filed('A-1').person;

  test('systems follow from the settings', () => {
    expect([...domainsOf(region.nodes[0]!)]).toEqual([system, 'urn:oid:1.2.3.2']);
    expect([...domainsOf({ ...region.nodes[0]!, role: 'region', authorities: '-' })]).toEqual(['urn:oid:1.2.21.2']);
    expect([...givenSystems(region)]).toEqual([mix, 'urn:oid:1.2.20.2']);
    expect([...knownSystems(region)].toSorted()).toEqual(
      [mix, 'urn:oid:1.2.20.2', system, 'urn:oid:1.2.3.2'].toSorted(),
    );
  });

  test('one of each system, the newest told; the same again changes nothing', () => {
    const first = applyNumbers(person, [number(1)], new Map(), 5)!;
    expect(applyNumbers(first.person, [number(1)], new Map(), 6)).toBeUndefined();
    const second = applyNumbers(first.person, [number(2)], new Map(), 7)!;
    expect(second.person.identifiers.filter((one) => one.system === mix)).toMatchObject([number(2)]);
    expect(second.gone).toEqual([{ system: mix, value: number(1).value }]);
    expect(second.person.identifiers[0]?.value).toBe('A-1');
  });

  test('a number that another local record holds names neither alone', () => {
    const holders = new Map([[`${mix}|${number(1).value}`, 'somebody']]);
    const applied = applyNumbers(person, [number(1)], holders, 5)!;
    expect(applied.person.identifiers.at(-1)).toMatchObject({ value: number(1).value, type: 'XX' });
    expect(applyNumbers(applied.person, [number(1)], holders, 6)).toBeUndefined();
  });

  test('only numbers that the teller gives are taken, and a MIX number must hold', () => {
    const told = (value: string, more: { system: string; value: string }[] = []) =>
      readFeed(`${system}|A-1`, {
        resourceType: 'Patient',
        identifier: [{ system, value: 'A-1' }, { system: mix, value }, ...more],
      });
    const from = { id: 'global', role: 'global', organization: '1.2.10' };
    expect(givenNumbers(region, from, told(number(3).value, [{ system: 'urn:oid:1.2.20.2', value: 'x' }]))).toEqual([
      number(3),
    ]);
    expect(() => givenNumbers(region, from, told('000-000-0001'))).toThrowError(
      expect.objectContaining({ fault: expect.objectContaining({ code: 'exchange.malformed' }) }),
    );
  });

  test('of several numbers of a system the first is told below', () => {
    const both = {
      identifiers: [
        number(1),
        { ...number(2) },
        { system: 'urn:oid:1.2.20.2', value: 'x', type: 'PI', sourceId: 'region' },
        { system: 'urn:oid:7.2', value: 'other region', type: 'PI', sourceId: 'w' },
      ],
    };
    expect(numbersToTell(region, both).map(({ value }) => value)).toEqual([number(1).value, 'x']);
  });
});
