import type { DiagnosticReport, Encounter, Observation, Patient } from '@medplum/fhirtypes';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  createMemoryRecord,
  type Draft,
  isStrong,
  mergePersons,
  mergeRecord,
  toBundle,
  uuidv7,
  wantedKeys,
} from '../../../engine/record/index.ts';
import type { Entry, Person } from '../../../schemas/parts.ts';
import { adt, draftOf, oru, pid, recordOf } from '../hl7v2-map/support.ts';

const obr = 'OBR|1|P1|F1|24323-8^Panel^LN|||20260401110000|||||||||||||||20260401113000||CH|F';
const result = (time: string, value: string, status = 'F'): Draft =>
  oru(time, obr, `OBX|1|NM|2345-7^Glucose^LN||${value}||||||${status}`);
const visit = 'PV1|1|I|2E^201^A||||||||||||||||V1';

function only<T>(record: ReturnType<typeof recordOf>, type: string, removed = false): { entry: Entry; body: T } {
  const person = record.persons().find(({ state }) => state === 'active')!;
  const [entry] = record.entries(person.id, { removed }).filter((one) => one.type === type);
  return { entry: entry!, body: entry?.body as T };
}
const patientOf = (record: ReturnType<typeof recordOf>): Patient => record.persons()[0]!.patient;

describe('entries', () => {
  test('the same draft twice makes no second version', () => {
    const record = recordOf(result('20260401120000', '105'), result('20260401120000', '105'));
    expect(only(record, 'Observation').entry.version).toBe(1);
    expect(record.persons()[0]!.version).toBe(1);
  });

  test('a correction is the next version, an older message changes nothing', () => {
    const record = recordOf(
      result('20260401120000', '105'),
      result('20260401130000', '106', 'C'),
      result('20260401110000', '99'),
    );
    expect(only<Observation>(record, 'Observation')).toMatchObject({
      entry: { version: 2, status: 'corrected' },
      body: { valueQuantity: { value: 106 } },
    });
  });

  test.each([
    ['D', true, 'entered-in-error'],
    ['W', true, 'entered-in-error'],
    ['X', false, 'cancelled'],
  ])('OBX-11 %s', (status, removed, wanted) => {
    const { entry } = only<Observation>(
      recordOf(result('20260401120000', '105'), result('20260401130000', '', status)),
      'Observation',
      true,
    );
    expect([entry.removed, entry.status]).toEqual([removed, wanted]);
  });

  test('what was deleted stays deleted when the older original comes late', () => {
    const record = recordOf(result('20260401130000', '105', 'W'), result('20260401120000', '105'));
    expect(only(record, 'Observation').entry).toBeUndefined();
  });

  test('a voided result keeps what it said', () => {
    const { body } = only<Observation>(
      recordOf(result('20260401120000', '105'), result('20260401130000', '', 'W')),
      'Observation',
      true,
    );
    expect(body.valueQuantity?.value).toBe(105);
  });

  test('a report grows with its parts', () => {
    const part = (time: string, code: string): Draft => oru(time, obr, `OBX|1|NM|${code}^x^LN||1||||||F`);
    const record = recordOf(part('20260401120000', '2345-7'), part('20260401130000', '2160-0'));
    expect(only<DiagnosticReport>(record, 'DiagnosticReport').body.result).toHaveLength(2);
  });

  test('references are resolved, and what they name exists', () => {
    const record = recordOf(
      adt('A01', '20260401100000', visit, 'DG1|1||R07.9^Pain^I10C|||A'),
      oru('20260401120000', visit, obr, 'OBX|1|NM|2345-7^Glucose^LN||1||||||F'),
    );
    const person = record.persons()[0]!;
    const bundle = toBundle(person, record.entries(person.id));
    const known = new Set(bundle.entry!.map(({ resource }) => `${resource!.resourceType}/${resource!.id}`));
    const text = JSON.stringify(bundle);
    const named = [...text.matchAll(/"reference":"([^"#][^"]*)"/g)].map(([, reference]) => reference!);
    expect(named.length).toBeGreaterThan(5);
    expect(named.filter((reference) => !known.has(reference))).toEqual([]);
    expect(text).not.toContain('key:');
    expect(text).not.toContain('element-times');
  });
});

describe('the visit', () => {
  test('admitted, discharged, discharge cancelled, admission cancelled', () => {
    const a01 = adt('A01', '20260401100000', `${visit}${'|'.repeat(25)}20260401095500`);
    const a03 = adt('A03', '20260402100000', `${visit}${'|'.repeat(25)}20260401095500|20260402093000`);
    const a13 = adt('A13', '20260402110000', visit);
    const a11 = adt('A11', '20260402120000', visit);
    expect(only<Encounter>(recordOf(a01, a03), 'Encounter').body).toMatchObject({
      status: 'finished',
      period: { end: '2026-04-02T09:30:00Z' },
    });
    const again = only<Encounter>(recordOf(a01, a03, a13), 'Encounter').body;
    expect(again.status).toBe('in-progress');
    expect(again.period).toEqual({ start: '2026-04-01T09:55:00Z' });
    expect(only<Encounter>(recordOf(a01, a03, a13, a11), 'Encounter').body).toMatchObject({
      status: 'cancelled',
      location: [{ location: { display: '2E, 201, A' } }],
    });
  });

  test('an update does not reopen a discharged visit, a result does not move the patient', () => {
    const a03 = adt('A03', '20260402100000', visit);
    const a08 = adt('A08', '20260402110000', visit);
    const late = oru('20260402120000', 'PV1|1|O|LAB||||||||||||||||V1', obr);
    expect(only<Encounter>(recordOf(a03, a08, late), 'Encounter').body).toMatchObject({
      status: 'finished',
      class: { code: 'IMP' },
      location: [{ location: { display: '2E, 201, A' } }],
    });
  });
});

describe('orders and doses', () => {
  const vxu = (time: string, date: string, filler: string, source = '00'): Draft =>
    draftOf([
      `MSH|^~\\&|C|HOSP|MIX|MIX|${time}||VXU^V04|M|P|2.5.1`,
      pid,
      `ORC|RE||${filler}`,
      `RXA|0|1|${date}||08^Hep B^CVX|0.5|||${source}`,
    ]);
  const rde = (time: string, control: string, rest: string): Draft =>
    draftOf([`MSH|^~\\&|R|HOSP|MIX|MIX|${time}||RDE^O11|M|P|2.5.1`, pid, `ORC|${control}|P7`, `RXE||${rest}`]);

  test('a dose under its own number is one dose, doses under a stand-in are told apart by date', () => {
    const count = (...drafts: Draft[]): number => recordOf(...drafts).records()[0]!.entries.length;
    expect(count(vxu('20260401100000', '20260301', 'IZ1'), vxu('20260402100000', '20260302', 'IZ1'))).toBe(1);
    expect(
      count(vxu('20260401100000', '20200301', '9999', '01'), vxu('20260402100000', '20200601', '9999', '01')),
    ).toBe(2);
  });

  test('a cancelled medication order keeps what was ordered', () => {
    const record = recordOf(
      rde('20260401100000', 'NW', '197361^Amoxicillin^RXNORM|1||CAP'),
      rde('20260402100000', 'CA', ''),
    );
    expect(only(record, 'MedicationRequest').body).toMatchObject({
      status: 'cancelled',
      medicationCodeableConcept: { coding: [{ code: '197361' }] },
    });
  });
});

describe('demographics', () => {
  const named = (event: string, time: string, name: string, birth = ''): Draft =>
    adt(event, time, `PID|1||1001^^^HOSP^MR||${name}||${birth}`);

  test('the newer wins whatever comes first', () => {
    const drafts = [
      named('A08', '20260401100000', 'Old^Ann'),
      named('A08', '20260403100000', 'New^Ann'),
      named('A08', '20260402100000', 'Middle^Ann'),
    ];
    for (const order of [
      [0, 1, 2],
      [2, 1, 0],
      [1, 2, 0],
      [1, 0, 2],
    ])
      expect(patientOf(recordOf(...order.map((at) => drafts[at]!))).name?.[0]?.family).toBe('New');
  });

  test('a result fills gaps and never replaces a snapshot', () => {
    const snapshot = named('A08', '20260401100000', 'Right^Ann');
    const mention = oru('20260402100000', 'PID|1||1001^^^HOSP^MR||Wrong^Ann||19600614', obr);
    for (const drafts of [
      [snapshot, mention],
      [mention, snapshot],
    ]) {
      const patient = patientOf(recordOf(...drafts));
      expect([patient.name?.[0]?.family, patient.birthDate]).toEqual(['Right', '1960-06-14']);
    }
  });

  test('absent leaves, "" deletes, and what was deleted does not come back from an older message', () => {
    const full = named('A08', '20260401100000', 'A^Ann', '19600614');
    expect(patientOf(recordOf(full, named('A08', '20260402100000', 'A^Ann'))).birthDate).toBe('1960-06-14');
    const emptied = named('A08', '20260403100000', 'A^Ann', '""');
    expect(patientOf(recordOf(full, emptied)).birthDate).toBeUndefined();
    expect(patientOf(recordOf(emptied, full)).birthDate).toBeUndefined();
  });
});

describe('persons', () => {
  test('A40: numbers and entries move, the retired one is kept as merged', () => {
    const other = 'PID|1||2002^^^HOSP^MR||Everyperson^Adam||19600614|M';
    const record = recordOf(
      adt('A01', '20260401100000', visit),
      oru('20260401110000', other, obr, 'OBX|1|NM|2345-7^Glucose^LN||1||||||F'),
      adt('A40', '20260401120000', pid, 'MRG|2002^^^HOSP^MR'),
    );
    const [survivor, retired] = record.persons();
    expect(retired).toMatchObject({ state: 'merged', mergedInto: survivor!.id, identifiers: [] });
    expect(survivor!.identifiers.map(({ value }) => value)).toEqual(['1001', '2002']);
    expect(record.entries(retired!.id)).toEqual([]);
    const moved = record.entries(survivor!.id).find(({ type }) => type === 'Observation')!;
    expect(moved.body).toMatchObject({ subject: { reference: `Patient/${survivor!.id}` } });
    // The old number now leads to the survivor.
    const [found] = record.apply(oru('20260401130000', other, obr, 'OBX|1|NM|2345-7^Glucose^LN||2||||||F'), {
      messageId: 'm9',
      sourceId: 's1',
    });
    expect(found).toBe(survivor!.id);
  });

  test('the same fact on both sides: the newer one lives, none is lost', () => {
    const person = (id: string): Person => ({
      id,
      version: 3,
      state: 'active',
      createdAt: 0,
      updatedAt: 0,
      incomplete: false,
      identifiers: [{ system: 's', value: id, type: 'MR', sourceId: 's1' }],
      patient: { resourceType: 'Patient', id },
    });
    const entry = (id: string, personId: string, sourceTime: number): Entry => ({
      id,
      personId,
      type: 'Basic',
      key: 'k',
      version: 2,
      status: '',
      code: '',
      sourceId: 's1',
      messageId: 'm',
      sourceTime,
      removed: false,
      body: { resourceType: 'Basic', id, code: {}, subject: { reference: `Patient/${personId}` } },
    });
    for (const [mine, theirs] of [
      [1, 2],
      [2, 1],
    ] as const) {
      const merged = mergePersons(
        { person: person('a'), entries: [entry('e1', 'a', mine)] },
        { person: person('b'), entries: [entry('e2', 'b', theirs)] },
        { messageId: 'm2', now: 5 },
      );
      const written = new Map(merged.entries.map((one) => [one.entry.id, one.entry]));
      const keys = [written.get('e1')?.key ?? 'k', written.get('e2')!.key];
      expect(new Set(keys).size).toBe(2);
      expect(written.get('e2')!.removed).toBe(theirs < mine);
      expect(
        merged.entries.every((one) => one.expect === 2 && one.entry.version === 3 && one.entry.personId === 'a'),
      ).toBe(true);
      expect(merged.identifiersGone).toEqual([{ personId: 'b', system: 's', value: 'b' }]);
    }
  });

  test.each([
    ['MR', true],
    ['PI', true],
    ['', true],
    ['SS', false],
    ['AN', false],
    ['VN', false],
    ['DL', false],
  ])('a number of type %j is strong: %s', (type, strong) => {
    expect(isStrong({ system: 'urn:oid:1.2', value: '1', type })).toBe(strong);
  });
});

describe('properties', () => {
  const facts = fc.array(
    fc.record({
      code: fc.constantFrom('2345-7', '2160-0', '2951-2'),
      value: fc.integer({ min: 1, max: 9 }),
      hour: fc.integer({ min: 10, max: 23 }),
      order: fc.constantFrom('P1', 'P2'),
    }),
    { minLength: 1, maxLength: 8 },
  );
  const draftFor = (fact: { code: string; value: number; hour: number; order: string }): Draft =>
    draftOf([
      `MSH|^~\\&|LAB|HOSP|MIX|MIX|20260401${fact.hour}0000||ORU^R01|M|P|2.5.1`,
      pid,
      `OBR|1|${fact.order}||24323-8^Panel^LN`,
      `OBX|1|NM|${fact.code}^x^LN||${fact.value}||||||F`,
    ]);
  const contents = (record: ReturnType<typeof recordOf>): string[] =>
    record
      .persons()
      .flatMap(({ id }) =>
        record
          .entries(id, { removed: true })
          .filter(({ type }) => type === 'Observation')
          .map(({ key, body }) => `${key} ${(body as Observation).valueQuantity?.value}`),
      )
      .sort();

  test('a second run of the same drafts changes nothing', () => {
    fc.assert(
      fc.property(facts, (list) => {
        const sorted = [...list].sort((a, b) => a.hour - b.hour);
        const once = recordOf(...sorted.map(draftFor));
        const versions = JSON.stringify(once.persons());
        const latest = sorted[sorted.length - 1]!;
        const before = JSON.stringify(once.entries(once.persons()[0]!.id));
        once.apply(draftFor(latest), { messageId: 'again', sourceId: 's1' });
        expect(JSON.stringify(once.persons())).toBe(versions);
        expect(JSON.stringify(once.entries(once.persons()[0]!.id))).toBe(before);
      }),
      { numRuns: 60 },
    );
  });

  test('the order of drafts at different times does not matter', () => {
    fc.assert(
      fc.property(facts, fc.infiniteStream(fc.nat()), (list, picks) => {
        // One value for one time, and each value its own: equal facts with a newer time make no version, by design.
        const distinct = list.map((fact, at) => ({ ...fact, hour: 10 + at, value: at + 1 }));
        const shuffled = [...distinct].sort(() => (picks.next().value! % 2 === 0 ? 1 : -1));
        expect(contents(recordOf(...shuffled.map(draftFor)))).toEqual(contents(recordOf(...distinct.map(draftFor))));
      }),
      { numRuns: 60 },
    );
  });

  test('mergeRecord changes nothing that it is given', () => {
    const draft = result('20260401120000', '105');
    const subject = draft.subjects[0]!;
    const frozen = freezeDeep(structuredClone(subject));
    const meta = { personId: 'p', sourceId: 's1', messageId: 'm', sourceTime: 1, now: 1, newId: () => uuidv7(1) };
    const once = mergeRecord({ entries: new Map() }, frozen, meta);
    const known = freezeDeep({
      person: once.person,
      entries: new Map(once.entries.map(({ entry }) => [entry.key, freezeDeep(entry)])),
    });
    expect(mergeRecord(known, frozen, meta).changed).toBe(false);
    expect(
      mergeRecord(known, freezeDeep(structuredClone(result('20260401130000', '7').subjects[0]!)), {
        ...meta,
        sourceTime: 2,
      }).changed,
    ).toBe(true);
    expect(wantedKeys(subject)).toEqual(expect.arrayContaining(subject.entries.map(({ key }) => key)));
  });
});

function freezeDeep<T>(value: T): T {
  if (value && typeof value === 'object' && !(value instanceof Map)) {
    Object.freeze(value);
    for (const inner of Object.values(value)) freezeDeep(inner);
  }
  return value;
}

test('ids rise, are of version 7, and tell their time', () => {
  const ids = Array.from({ length: 10_000 }, () => uuidv7(1_700_000_000_000));
  expect([...ids].sort()).toEqual(ids);
  expect(new Set(ids).size).toBe(ids.length);
  expect(ids.every((id) => /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/.test(id))).toBe(
    true,
  );
  const later = uuidv7(4_000_000_000_000);
  expect(Number.parseInt(later.replaceAll('-', '').slice(0, 12), 16)).toBe(4_000_000_000_000);
});

test('an empty memory record holds nobody', () => {
  expect(createMemoryRecord().records()).toEqual([]);
});
