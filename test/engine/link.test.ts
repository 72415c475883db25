import type { Patient } from '@medplum/fhirtypes';
import { describe, expect, test } from 'vitest';
import { composePerson, type Local, leadingTo } from '../../engine/compose-person.ts';
import { domainsOf, type ExchangeSetup, givenSystems, knownSystems, numbersToTell } from '../../engine/domains.ts';
import { readFeed } from '../../engine/ihe/index.ts';
import {
  inConflict,
  isOverlay,
  keysOf,
  type LinkRules,
  linkBetween,
  localEntry,
  numbersOf,
  packedFeatures,
} from '../../engine/link.ts';
import { defaultModel, makeMixNumber } from '../../engine/mpi/index.ts';
import { applyNumbers, givenNumbers } from '../../engine/numbers.ts';
import { uuidv7 } from '../../engine/record/index.ts';
import type { IndexRecord } from '../../schemas/index-store.ts';
import type { Identifier, Person } from '../../schemas/parts.ts';

const system = 'urn:oid:1.2.3.1';
const other = 'urn:oid:1.2.3.2';
const domains = new Set([system]);
const rules: LinkRules = { model: defaultModel, withinDomain: true };
const anna: Omit<Patient, 'resourceType'> = {
  name: [{ family: 'Lindqvist', given: ['Anna'] }],
  gender: 'female',
  birthDate: '1956-03-14',
  address: [{ postalCode: '02719' }],
};
const bruno: Omit<Patient, 'resourceType'> = {
  name: [{ family: 'Okafor', given: ['Bruno'] }],
  gender: 'male',
  birthDate: '1971-08-02',
  address: [{ postalCode: '02719' }],
};

const patientOf = (facts: object): Patient => ({ resourceType: 'Patient', ...facts });
const record = (value: string, facts: object = anna, given: Partial<IndexRecord> = {}): IndexRecord => ({
  id: uuidv7(),
  personId: '',
  number: { system, value, type: 'MR' },
  sourceId: 'a',
  state: 'active',
  stateAt: 0,
  numbers: [],
  told: [],
  features: packedFeatures(patientOf(facts)),
  stamp: 1,
  ...given,
});
const at = (where: string, value: string, facts: object = anna, given: Partial<IndexRecord> = {}): IndexRecord =>
  record(value, facts, { number: { system: where, value, type: 'MR' }, ...given });

describe('what stands between two records', () => {
  test('the same demographics link, the other way round as well; others do not', () => {
    const [one, two, three] = [record('A-1'), at(other, 'B-1'), at(other, 'B-2', bruno)];
    expect(linkBetween(one, two, rules).link).toBe('match');
    expect(linkBetween(two, one, rules)).toEqual(linkBetween(one, two, rules));
    expect(linkBetween(one, three, rules).link).toBe('none');
    expect(inConflict(one, three, rules)).toBe(true);
    expect(inConflict(one, two, rules)).toBe(false);
  });

  test('a number that both tell links, unless the facts are at odds: then somebody is asked', () => {
    const shared: Identifier = { system: 'urn:oid:9', value: 'E-1', type: 'PI', sourceId: 'a' };
    const named = record('A-1', { name: anna.name }, { numbers: [shared] });
    expect(linkBetween(named, record('A-2', { name: anna.name }, { numbers: [shared] }), rules).link).toBe('number');
    expect(
      linkBetween(record('A-1', anna, { numbers: [shared] }), record('A-2', bruno, { numbers: [shared] }), rules).link,
    ).toBe('possible');
    const told = [{ system: 'urn:oid:9.1', value: makeMixNumber(1), type: 'PN', sourceId: 'global' }];
    expect(linkBetween(record('A-1', {}, { told }), record('A-2', {}, { told }), rules).link).toBe('number');
  });

  test('of one domain the global node only asks: who is one there, its region says', () => {
    const global: LinkRules = { ...rules, withinDomain: false };
    expect(linkBetween(record('X-1'), record('X-2'), rules).link).toBe('match');
    expect(linkBetween(record('X-1'), record('X-2'), global).link).toBe('possible');
    expect(linkBetween(record('X-1'), at(other, 'Y-1'), global).link).toBe('match');
  });

  test('a record that was withdrawn links nobody and is found by nothing; one that was merged is known still', () => {
    const gone = record('A-1', anna, { state: 'retired' });
    expect([linkBetween(gone, at(other, 'B-1'), rules).link, keysOf(gone)]).toEqual(['none', []]);
    const merged = record('A-1', anna, { state: 'retired', mergedInto: uuidv7() });
    expect(linkBetween(merged, at(other, 'B-1'), rules).link).toBe('match');
  });

  test('numbers of others are no clue', () => {
    const fed = readFeed(`${system}|A-1`, {
      resourceType: 'Patient',
      identifier: [
        { system, value: 'A-1' },
        { system, value: 'A-9', type: { coding: [{ code: 'MR' }] } },
        { system, value: 'V-1', type: { coding: [{ code: 'VN' }] } },
        { system: 'urn:oid:9', value: 'B-1', type: { coding: [{ code: 'MR' }] } },
      ],
    });
    expect(numbersOf(fed, domains, 'a').map(({ value }) => value)).toEqual(['A-9']);
  });

  test('a record is found by every number that names it, never by sex or year alone', () => {
    const keys = keysOf(record('A-1', anna, { numbers: [{ system, value: 'A-9', type: 'MR', sourceId: 'a' }] }));
    expect(keys).toEqual(expect.arrayContaining([`#|${system}|A-1`, `#|${system}|A-9`]));
    expect(keys.some((key) => ['1956', 'female', 'F', 'y|1956'].includes(key))).toBe(false);
  });

  test('an overlay is name, sex and birth date all told and all changed', () => {
    const before = record('A-1');
    expect(isOverlay(before, patientOf(bruno))).toBe(true);
    for (const kept of ['name', 'gender', 'birthDate'] as const) {
      expect(isOverlay(before, patientOf({ ...bruno, [kept]: anna[kept] }))).toBe(false);
      expect(isOverlay(before, patientOf({ ...bruno, [kept]: undefined }))).toBe(false);
    }
    // Married: the family name alone is new.
    expect(isOverlay(before, patientOf({ ...bruno, name: [{ family: 'Okafor', given: ['Anna'] }] }))).toBe(false);
  });
});

describe('a person as its records make it', () => {
  const setup = {
    node: { name: 'region', role: 'region' as const, version: '0' },
    organization: { oid: '1.2.20', name: 'R' },
    oid: '1.2.9',
  };
  const localOf = (one: IndexRecord, facts: object, sourceTime: number, removed = false): Local => ({
    record: one,
    entry: localEntry({ ...one, removed }, patientOf(facts), undefined, { messageId: uuidv7(), sourceTime }).entry,
  });
  const compose = (id: string, locals: Local[], holders = new Map<string, string>()) =>
    composePerson(setup, { id, locals, holders }, 9).person;

  test('element by element as newest told; what the newest leaves out stays from who told it before', () => {
    const phone = { telecom: [{ system: 'phone', value: '5085550142' }] };
    const [one, two] = [record('A-1', anna, { ownId: 'p' }), at(other, 'B-1')];
    const locals = [localOf(one, { ...anna, ...phone }, 1), localOf(two, { ...anna, name: bruno.name }, 2)];
    const { patient } = compose('p', locals);
    expect([patient.name, patient.telecom, patient.birthDate]).toEqual([bruno.name, phone.telecom, anna.birthDate]);
    expect(compose('p', locals.toReversed())).toEqual(compose('p', locals));
    // Its source no longer tells it, and nobody else does.
    expect(compose('p', [localOf(one, anna, 3), locals[1]!]).patient.telecom).toBeUndefined();
  });

  test('numbers of all its records, its own X-PID before those that lead on, and one of each that came from above', () => {
    const [first, second] = ['019a0000-0000-7000-8000-000000000001', '019a0000-0000-7000-8000-000000000002'];
    const told = (value: string) => [{ system: 'urn:oid:1.2.9.1', value, type: 'PN', sourceId: 'global' }];
    const locals = [
      localOf(at(other, 'B-1', anna, { ownId: second, told: told('2') }), anna, 2),
      localOf(record('A-1', anna, { ownId: first, told: told('1') }), anna, 1),
    ];
    const person = compose(first, locals);
    expect(person.identifiers.map(({ value }) => value)).toEqual(['A-1', 'B-1', first, second, '1']);
    expect(
      numbersToTell({ ...setup, nodes: [] } as unknown as ExchangeSetup, person).map(({ value }) => value),
    ).toEqual(['1', first]);
  });

  test('a number that somebody else has names neither alone', () => {
    const shared: Identifier = { system, value: 'E-1', type: 'PI', sourceId: 'a' };
    const person = compose(
      'p',
      [localOf(record('A-1', anna, { numbers: [shared] }), anna, 1)],
      new Map([[`${system}|E-1`, 'q']]),
    );
    expect(person.identifiers.find(({ value }) => value === 'E-1')?.type).toBe('XX');
  });

  test('who leads on keeps nothing but the way', () => {
    const person = compose('p', [localOf(record('A-1'), anna, 1)]);
    expect(leadingTo(person, 'q', 10)).toMatchObject({
      id: 'p',
      version: 2,
      state: 'merged',
      mergedInto: 'q',
      identifiers: [],
    });
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
  const person: Person = {
    id: uuidv7(),
    version: 1,
    state: 'active',
    createdAt: 1,
    updatedAt: 1,
    incomplete: false,
    identifiers: [{ system, value: 'A-1', type: 'MR', sourceId: 'a' }],
    patient: { resourceType: 'Patient' },
  };

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
