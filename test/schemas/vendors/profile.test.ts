import { readdirSync, readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MixError } from '../../../schemas/errors/index.ts';
import {
  chooseProfile,
  fitsPattern,
  profileFrom,
  profileNamed,
  profiles,
  readProfile,
} from '../../../schemas/vendors/profile.ts';

const folder = new URL('../../../schemas/vendors/', import.meta.url);
const note = 'a site of ours, for a test of the reader';

describe('profiles of the exchange', () => {
  const files = readdirSync(folder).filter((file) => file.endsWith('.json'));

  it('has the four EMRs and the plain one', () => {
    expect(files.sort()).toEqual(
      [
        'cpsi-lab.json',
        'cpsi-pharmacy.json',
        'healthland.json',
        'mckesson-horizon.json',
        'mckesson-paragon.json',
        'meditech.json',
        'plain.json',
      ].sort(),
    );
    expect(
      profiles()
        .map((profile) => `${profile.name}.json`)
        .sort(),
    ).toEqual(files.sort());
  });

  it.each(files)('%s reads without a mistake, under its own name, and says what it assumes', (file) => {
    const json: unknown = JSON.parse(readFileSync(new URL(file, folder), 'utf8'));
    const { profile, mistakes } = readProfile(json);
    expect(mistakes).toEqual([]);
    expect(`${profile!.name}.json`).toBe(file);
    expect(profile!.note).toMatch(/assum/i);
  });

  it('knows its profiles by name and no other', () => {
    expect(profileNamed('meditech').zone).toBeUndefined();
    expect(() => profileNamed('epic')).toThrow(MixError);
  });

  it('marks every code table that is a sample', () => {
    for (const profile of profiles())
      for (const table of profile.codes)
        expect([profile.name, table.name, table.sample]).toEqual([profile.name, table.name, true]);
  });
});

describe('chooseProfile', () => {
  it.each([
    ['mckesson', 'PARAGON', 'CSM', 'mckesson-paragon'],
    ['mckesson', 'HCI', 'CSM', 'mckesson-horizon'],
    ['mckesson', 'SOMETHING', 'ELSE', 'mckesson-horizon'],
    ['cpsi', 'CPSI RX', 'PHH', 'cpsi-pharmacy'],
    ['cpsi', 'CPSI LAB', 'PHH', 'cpsi-lab'],
    ['cpsi', 'cpsi lab^2.16.840.1^ISO', 'PHH', 'cpsi-lab'],
    ['cpsi', '', '', 'cpsi-lab'],
    ['meditech', 'IIM', 'HFC', 'meditech'],
    ['healthland', 'X', 'Y', 'healthland'],
    ['mckesson-paragon', 'HCI', 'CSM', 'mckesson-paragon'],
    ['plain', 'PARAGON', 'CSM', 'plain'],
  ])('listener %s, sender %s at %s: %s', (listener, sendingApplication, sendingFacility, wanted) => {
    expect(chooseProfile(listener, { sendingApplication, sendingFacility }).name).toBe(wanted);
  });

  it('refuses a listener profile that does not exist', () => {
    expect(() => chooseProfile('epic', { sendingApplication: '', sendingFacility: '' })).toThrow(/no vendor profile/);
  });

  it('serves a fifth EMR from one data file', () => {
    const fifth = profileFrom({
      name: 'st-brendan',
      title: 'St. Brendan',
      note,
      extends: 'meditech',
      zone: 'America/Anchorage',
      match: [{ sendingFacility: 'STB' }],
    });
    const among = [...profiles(), fifth];
    expect(chooseProfile('meditech', { sendingApplication: 'MEDITECH', sendingFacility: 'HFC' }, among).name).toBe(
      'meditech',
    );
    expect(chooseProfile('meditech', { sendingApplication: 'OTHER', sendingFacility: 'STB' }, among)).toBe(fifth);
    expect(chooseProfile('st-brendan', { sendingApplication: 'MEDITECH', sendingFacility: 'HFC' }, among)).toBe(fifth);
  });
});

describe('extending', () => {
  it('adds lists, overrides single values, and leaves out what it names', () => {
    const meditech = profileNamed('meditech');
    const own = profileFrom({
      name: 'st-brendan',
      title: 'St. Brendan',
      note,
      extends: 'meditech',
      without: ['lab-mnemonics'],
      text: { charset: 'utf8' },
      identifiers: { authorities: { STB: '2.16.840.1.113883.19.99' } },
      rules: [{ op: 'set', name: 'own-rule', place: 'PV1-2', value: 'O' }],
    });
    expect(own.zone).toBe(meditech.zone);
    expect(own.text).toEqual({ ...meditech.text, charset: 'utf8' });
    expect(own.rules).toHaveLength(meditech.rules.length + 1);
    expect(own.codes.map((table) => table.name)).not.toContain('lab-mnemonics');
    expect(own.identifiers.defaultTypes).toEqual(meditech.identifiers.defaultTypes);
    expect(own.identifiers.authorities).toEqual({ STB: '2.16.840.1.113883.19.99' });
  });

  it('is frozen', () => {
    const profile = profileNamed('meditech');
    expect(() => profile.rules.push(profile.rules[0]!)).toThrow(TypeError);
  });
});

describe('the example of the README', () => {
  it('reads, and does what the page says', () => {
    const page = readFileSync(new URL('README.md', folder), 'utf8');
    const profile = profileFrom(JSON.parse(/```json\n([\s\S]*?)```/.exec(page)![1]!));
    expect(profile.family).toBe('meditech');
    expect(profile.codes.map((table) => table.name)).toEqual(['allergy-mnemonics', 'admit-source', 'own-lab']);
    expect(profile.rules).toEqual(profileNamed('meditech').rules);
  });
});

it('outbound rules add up, single values of the later file win, and without leaves out', () => {
  const parent = {
    name: 'parent',
    title: 'A parent',
    note,
    outbound: {
      version: '2.3',
      charset: 'ASCII',
      leaveOut: ['Z*'],
      rules: [
        { op: 'trim', name: 'first-rule', places: ['PID-3'] },
        { op: 'trim', name: 'second-rule', places: ['PID-4'] },
      ],
    },
  };
  const child = {
    name: 'child',
    title: 'A child',
    note,
    extends: 'parent',
    without: ['first-rule'],
    outbound: { version: '2.5', leaveOut: ['SFT'], rules: [{ op: 'trim', name: 'third-rule', places: ['PID-5'] }] },
  };
  const { outbound } = profileFrom(child, () => parent);
  expect(outbound).toMatchObject({ version: '2.5', charset: 'ASCII', leaveOut: ['Z*', 'SFT'] });
  expect(outbound.rules.map(({ name }) => name)).toEqual(['second-rule', 'third-rule']);
});

describe('mistakes', () => {
  const good = { name: 'site', title: 'A site', note };
  it.each<[string, unknown, string]>([
    ['no object', [], '/'],
    ['no note', { name: 'site', title: 'A site' }, '/note'],
    ['a name with blanks', { ...good, name: 'My Site' }, '/name'],
    ['an unknown key', { ...good, zones: 'UTC' }, '/zones'],
    ['an unknown zone', { ...good, zone: 'America/Gotham' }, '/zone'],
    ['an unknown operation', { ...good, rules: [{ op: 'delete', name: 'x-rule', places: ['PID-3'] }] }, '/rules/0/op'],
    ['a bad place', { ...good, rules: [{ op: 'move', name: 'x-rule', from: 'PID3', to: 'PID-4' }] }, '/rules/0/from'],
    ['a missing field of a rule', { ...good, rules: [{ op: 'move', name: 'x-rule', from: 'PID-3' }] }, '/rules/0/to'],
    [
      'an unknown key in a rule',
      { ...good, rules: [{ op: 'trim', name: 'x-rule', places: ['PID-3'], side: 'left' }] },
      '/rules/0/side',
    ],
    [
      'two rules of one name',
      {
        ...good,
        rules: [
          { op: 'trim', name: 'x-rule', places: ['PID-3'] },
          { op: 'trim', name: 'x-rule', places: ['PID-4'] },
        ],
      },
      '/rules/1/name',
    ],
    ['no identity field', { ...good, identity: { fields: [] } }, '/identity/fields'],
    ['a bad OID', { ...good, identifiers: { authorities: { HFC: '9.1' } } }, '/identifiers/authorities/HFC'],
    ['a bad Z place', { ...good, zSegments: [{ from: 'PID-3', to: 'note' }] }, '/zSegments/0/from'],
    ['a bad order key', { ...good, orderKey: ['accession'] }, '/orderKey/0'],
    ['a bad ack mode', { ...good, ack: { mode: 'fast' } }, '/ack/mode'],
    ['delimiters that are letters', { ...good, outbound: { delimiters: 'ABCDE' } }, '/outbound/delimiters'],
    ['the same delimiter twice', { ...good, outbound: { delimiters: '|^^\\&' } }, '/outbound/delimiters'],
    ['a version that is none', { ...good, outbound: { version: '3' } }, '/outbound/version'],
    [
      'two outbound rules of one name',
      {
        ...good,
        outbound: {
          rules: [
            { op: 'trim', name: 'x-rule', places: ['PID-3'] },
            { op: 'trim', name: 'x-rule', places: ['PID-4'] },
          ],
        },
      },
      '/outbound/rules/1/name',
    ],
    ['a parent that does not exist', { ...good, extends: 'nobody' }, '/extends'],
    ['a profile that extends itself', { ...good, extends: 'site' }, '/extends'],
    ['leaving out what is not inherited', { ...good, extends: 'plain', without: ['lab-codes'] }, '/without/0'],
  ])('%s is told with its place and a fix', (_what, json, wanted) => {
    const { profile, mistakes } = readProfile(json, (name) =>
      name === 'site'
        ? { ...good, extends: 'site' }
        : name === 'plain'
          ? JSON.parse(readFileSync(new URL('plain.json', folder), 'utf8'))
          : undefined,
    );
    expect(profile).toBeUndefined();
    expect(mistakes.map((mistake) => mistake.place)).toContain(wanted);
    for (const mistake of mistakes) {
      expect(mistake.sentence).not.toBe('');
      expect(mistake.fix).not.toBe('');
    }
  });

  it('tells all of them at once, in the order of places, and throws with the first', () => {
    const json = { ...good, zone: 'Nowhere/Land', zones: 1, rules: [{ op: 'trim', name: 'x-rule', places: ['pid'] }] };
    expect(readProfile(json).mistakes.map((mistake) => mistake.place)).toEqual([
      '/rules/0/places/0',
      '/zone',
      '/zones',
    ]);
    expect(() => profileFrom(json)).toThrow(/\/rules\/0\/places\/0.*and 2 more/);
  });

  it('never throws for whatever JSON is given', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (json) => {
        expect(readProfile(json).mistakes.length).toBeGreaterThan(0);
      }),
    );
  });
});

describe('fitsPattern', () => {
  it.each([
    ['MEDITECH', 'MEDI*', true],
    ['meditech', 'MEDI*', true],
    ['CPSI PHARM RX', 'CPSI*RX*', true],
    ['CPSI', 'CPSI*RX*', false],
    ['AB', 'A*B', true],
    ['A', 'A*A', false],
    ['', '*', true],
    ['AAA', 'A*A*A', true],
    ['AA', 'A*A*A', false],
    ['X.Y', 'X?Y', false],
  ])('%s against %s: %s', (text, pattern, wanted) => {
    expect(fitsPattern(text, pattern)).toBe(wanted);
  });
});
