import type { Patient } from '@medplum/fhirtypes';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  makeCrossReference,
  makeFeed,
  readCrossReference,
  readCrossReferenceAnswer,
  readFeed,
} from '../../../engine/ihe/index.ts';
import { MixError } from '../../../schemas/errors/index.ts';
import type { Person } from '../../../schemas/parts.ts';

const mrn = { system: 'urn:oid:1.2.3.1', value: 'A-1', type: 'MR', sourceId: 'adt' };
const person: Person = {
  id: '0192f0c0-0000-7000-8000-000000000001',
  version: 3,
  state: 'active',
  createdAt: 1,
  updatedAt: Date.UTC(2026, 10, 1),
  incomplete: false,
  identifiers: [
    { system: 'urn:oid:9.9.1', value: '111-222-3334', type: 'PN', sourceId: 'region' },
    mrn,
    { system: 'http://hl7.org/fhir/sid/us-ssn', value: '523-45-6781', type: 'SS', sourceId: 'adt' },
    { system: 'urn:oid:1.2.3.2', value: 'V-9', type: 'VN', sourceId: 'adt' },
  ],
  patient: {
    resourceType: 'Patient',
    id: '0192f0c0-0000-7000-8000-000000000001',
    meta: { extension: [{ url: 'http://mix-hie.org/fhir/StructureDefinition/element-times', valueString: '1' }] },
    name: [{ family: 'Lindqvist', given: ['Anna'] }],
    gender: 'female',
    birthDate: '1956-03-14',
    identifier: [
      { ...mrn, type: { coding: [{ system: 'http://terminology.hl7.org/CodeSystem/v2-0203', code: 'MR' }] } },
    ].map(({ system, value, type }) => ({ system, value, type })),
    photo: [{ data: 'AAAA' }],
  },
};
const given = new Set(['urn:oid:9.9.1', 'urn:oid:9.9.2']);
const options = { given, ownNumbers: true };

const fault = (run: () => unknown) => {
  try {
    run();
  } catch (cause) {
    if (cause instanceof MixError) return [cause.fault.code, cause.fault.place];
    throw cause;
  }
  return 'nothing thrown';
};

describe('what is fed (ITI-104)', () => {
  test('the first number of the node itself, what tells persons apart, and nothing else', () => {
    const feed = makeFeed(person, options)!;
    expect(feed.identifier).toBe('urn:oid:1.2.3.1|A-1');
    expect(feed.patient.identifier?.map(({ value }) => value)).toEqual(['A-1', '523-45-6781']);
    expect(feed.patient).toMatchObject({ active: true, gender: 'female', birthDate: '1956-03-14' });
    expect(feed.patient.photo).toBeUndefined();
    expect(feed.patient.meta).toEqual({
      profile: ['https://profiles.ihe.net/ITI/PIXm/StructureDefinition/IHE.PIXm.Patient'],
      lastUpdated: '2026-11-01T00:00:00.000Z',
    });
  });

  test('a region feeds its X-PID and keeps the local numbers to itself', () => {
    const feed = makeFeed(person, {
      given,
      ownNumbers: false,
      under: (id) => ({ system: 'urn:oid:9.9.2', value: id }),
    })!;
    expect(feed.identifier).toBe(`urn:oid:9.9.2|${person.id}`);
    expect(feed.patient.identifier?.map(({ value }) => value)).toEqual([person.id, '523-45-6781']);
  });

  test('without a number of its own there is nothing to feed under', () => {
    expect(makeFeed({ ...person, identifiers: [person.identifiers[0]!] }, options)).toBeUndefined();
  });

  test('somebody without a name is fed as such and holds to the profile', () => {
    const { name: _, ...nameless } = person.patient;
    const feed = makeFeed({ ...person, patient: nameless }, options)!;
    expect(feed.patient.name).toHaveLength(1);
    expect(readFeed(feed.identifier, feed.patient).number.value).toBe('A-1');
  });

  test('a merged person goes inactive with the number that took its place', () => {
    const shell: Person = { ...person, state: 'merged', mergedInto: 'x', identifiers: [] };
    const survivor: Person = { ...person, id: 'x', identifiers: [mrn, { ...mrn, value: 'A-2' }] };
    const feed = makeFeed(shell, options, survivor)!;
    expect(feed.identifier).toBe('urn:oid:1.2.3.1|A-1');
    expect(feed.patient.active).toBe(false);
    const fed = readFeed(feed.identifier, feed.patient);
    expect(fed.replacedBy).toEqual({ system: 'urn:oid:1.2.3.1', value: 'A-2' });
    expect(fed.active).toBe(false);
    expect(makeFeed(shell, options)).toBeUndefined();
  });

  test('what is made is read back through JSON', () => {
    const feed = makeFeed(person, options)!;
    const fed = readFeed(feed.identifier, JSON.parse(JSON.stringify(feed.patient)));
    expect(fed).toMatchObject({ number: { system: mrn.system, value: 'A-1' }, type: 'MR', active: true, old: [] });
    expect(fed.numbers.map(({ type }) => type)).toEqual(['MR', 'SS']);
    expect(fed.updatedAt).toBe(person.updatedAt);
  });
});

describe('a feed that does not hold', () => {
  const good: Patient = {
    resourceType: 'Patient',
    identifier: [{ system: 'urn:oid:1', value: 'a' }],
    name: [{ family: 'X' }],
    birthDate: '1990-02-28',
  };
  const wrong: [string, string, unknown, [string, string | undefined]][] = [
    ['no identifier in the request', '', good, ['exchange.query', 'identifier']],
    ['a number without system in the request', 'a', good, ['exchange.query', 'identifier']],
    ['no body', 'urn:oid:1|a', undefined, ['exchange.malformed', 'Patient']],
    ['another resource', 'urn:oid:1|a', { resourceType: 'Group' }, ['exchange.malformed', 'Patient.resourceType']],
    ['no identifier', 'urn:oid:1|a', { resourceType: 'Patient' }, ['exchange.no-identifier', 'Patient.identifier']],
    ['another identifier', 'urn:oid:1|b', good, ['exchange.no-identifier', 'Patient.identifier']],
    ['30 February', 'urn:oid:1|a', { ...good, birthDate: '1990-02-30' }, ['exchange.malformed', 'Patient.birthDate']],
    [
      'a date as HL7 v2 has it',
      'urn:oid:1|a',
      { ...good, birthDate: '19900228' },
      ['exchange.malformed', 'Patient.birthDate'],
    ],
    ['an unknown gender word', 'urn:oid:1|a', { ...good, gender: 'F' }, ['exchange.malformed', 'Patient.gender']],
    ['names that are not a list', 'urn:oid:1|a', { ...good, name: 'X' }, ['exchange.malformed', 'Patient.name']],
    [
      'too many identifiers',
      'urn:oid:1|a',
      { ...good, identifier: Array(101).fill({ value: 'a' }) },
      ['exchange.malformed', 'Patient.identifier'],
    ],
    [
      'a text without end',
      'urn:oid:1|a',
      { ...good, text: { div: 'x'.repeat(70_000) } },
      ['exchange.malformed', 'Patient.text.div'],
    ],
    [
      'an element that FHIR does not have',
      'urn:oid:1|a',
      JSON.parse('{"resourceType":"Patient","__proto__":{"a":1}}'),
      ['exchange.malformed', 'Patient'],
    ],
    [
      'the profile claimed without a name',
      'urn:oid:1|a',
      {
        ...good,
        name: undefined,
        meta: { profile: ['https://profiles.ihe.net/ITI/PIXm/StructureDefinition/IHE.PIXm.Patient'] },
      },
      ['exchange.profile', 'Patient.name'],
    ],
    [
      'replaced by itself',
      'urn:oid:1|a',
      {
        ...good,
        active: false,
        link: [{ type: 'replaced-by', other: { identifier: { system: 'urn:oid:1', value: 'a' } } }],
      },
      ['exchange.malformed', 'Patient.link[0].other'],
    ],
    [
      'replaced but active',
      'urn:oid:1|a',
      { ...good, link: [{ type: 'replaced-by', other: { identifier: { system: 'urn:oid:1', value: 'b' } } }] },
      ['exchange.malformed', 'Patient.active'],
    ],
    [
      'replaced by nobody',
      'urn:oid:1|a',
      { ...good, active: false, link: [{ type: 'replaced-by', other: { display: 'somebody' } }] },
      ['exchange.malformed', 'Patient.link[0].other'],
    ],
  ];
  test.each(wrong)('%s', (_, identifier, body, code) => {
    expect(fault(() => readFeed(identifier, body))).toEqual(code);
  });

  test('deeper than any resource is', () => {
    let deep: unknown = 'x';
    for (let i = 0; i < 40; i++) deep = { extension: [deep] };
    expect(fault(() => readFeed('urn:oid:1|a', { ...good, contact: deep }))).toEqual([
      'exchange.malformed',
      expect.stringContaining('Patient.contact'),
    ]);
  });

  test('anything at all is read or refused with a fault of the catalogue, never another error', () => {
    fc.assert(
      fc.property(fc.string(), fc.anything(), fc.object(), (identifier, body, inside) => {
        for (const one of [body, { resourceType: 'Patient', ...inside }])
          try {
            readFeed(identifier, one);
          } catch (cause) {
            expect(cause).toBeInstanceOf(MixError);
          }
      }),
    );
  });

  test('an error text never holds what the patient is called or numbered', () => {
    try {
      readFeed('urn:oid:1|SECRET-NUMBER', {
        ...good,
        birthDate: 'SECRET-DATE',
        identifier: [{ value: 'SECRET-NUMBER' }],
      });
      expect.unreachable();
    } catch (cause) {
      expect((cause as MixError).message).not.toContain('SECRET');
    }
  });
});

describe('other numbers (ITI-83)', () => {
  const ask = (text: string) => readCrossReference(new URLSearchParams(text));
  test('one source, any targets', () => {
    expect(ask('sourceIdentifier=urn:oid:1|a&targetSystem=urn:oid:2&targetSystem=urn:oid:3&_format=json')).toEqual({
      source: { system: 'urn:oid:1', value: 'a' },
      targets: ['urn:oid:2', 'urn:oid:3'],
    });
  });
  test.each([
    ['targetSystem=urn:oid:2', 'sourceIdentifier'],
    ['sourceIdentifier=a', 'sourceIdentifier'],
    ['sourceIdentifier=urn:oid:1|a&sourceIdentifier=urn:oid:1|b', 'sourceIdentifier'],
    ['sourceIdentifier=urn:oid:1|a&targetSystem=', 'targetSystem'],
    ['sourceIdentifier=urn:oid:1|a&name=x', 'name'],
    ['sourceIdentifier=urn:oid:1|a&_format=xml', '_format'],
  ])('%s is refused at %s', (text, place) => {
    expect(fault(() => ask(text))).toEqual(['exchange.query', place]);
  });
  test('the number that was asked by is not in the answer, and targets bound it', () => {
    const numbers = [
      { system: 'urn:oid:1', value: 'a', type: 'MR' },
      { system: 'urn:oid:2', value: 'b', type: 'MR' },
      { system: 'urn:oid:3', value: 'c', type: '' },
    ];
    const all = makeCrossReference(ask('sourceIdentifier=urn:oid:1|a'), numbers, ['p']);
    expect(readCrossReferenceAnswer(all)).toEqual([
      { system: 'urn:oid:2', value: 'b' },
      { system: 'urn:oid:3', value: 'c' },
    ]);
    expect(all.parameter?.at(-1)).toEqual({ name: 'targetId', valueReference: { reference: 'Patient/p' } });
    const some = makeCrossReference(ask('sourceIdentifier=urn:oid:1|a&targetSystem=urn:oid:3'), numbers);
    expect(readCrossReferenceAnswer(some)).toEqual([{ system: 'urn:oid:3', value: 'c' }]);
    expect(
      makeCrossReference(ask('sourceIdentifier=urn:oid:1|a&targetSystem=urn:oid:8'), numbers).parameter,
    ).toBeUndefined();
  });
  test.each([undefined, null, 5, {}, { resourceType: 'Bundle' }, { resourceType: 'Parameters', parameter: 'x' }])(
    'an answer that is none: %j',
    (body) => {
      expect(fault(() => readCrossReferenceAnswer(body))).toEqual(['exchange.answer', 'Parameters']);
    },
  );
});
