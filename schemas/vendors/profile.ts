/**
 * Reads vendor profiles and chooses one. The files beside this one are the profiles that the exchange knows; a further EMR
 * is one more file here, or a site's own file given in the settings.
 */
import { readdirSync, readFileSync } from 'node:fs';
import type { core } from 'zod';
import { MixError } from '../errors/index.ts';
import { type ProfileFile, profileFile, type VendorProfile } from './shape.ts';

export type { CodeTable, Rule, RuleWhen, VendorProfile, ZField } from './shape.ts';

/** One thing wrong in a profile file. */
export interface ProfileMistake {
  /** JSON pointer: `/rules/3/from`. */
  place: string;
  sentence: string;
  fix: string;
}

/** What became of reading a profile: the profile, or every mistake in the order of the file's places. */
export interface ProfileReading {
  profile?: VendorProfile;
  mistakes: ProfileMistake[];
}

const folder = new URL('./', import.meta.url);
const extendsDepthMax = 8;
let known: readonly VendorProfile[] | undefined;

/** Every profile of this folder, by name. Throws `hl7v2.profile-invalid` when one of them is broken. */
export function profiles(): readonly VendorProfile[] {
  if (!known) {
    const files = new Map<string, unknown>();
    for (const file of readdirSync(folder).sort())
      if (file.endsWith('.json')) files.set(file.slice(0, -5), JSON.parse(readFileSync(new URL(file, folder), 'utf8')));
    known = Object.freeze([...files.values()].map((json) => profileFrom(json, (name) => files.get(name))));
  }
  return known;
}

/** The profile of this name. Throws `hl7v2.profile-unknown`. */
export function profileNamed(name: string, among: readonly VendorProfile[] = profiles()): VendorProfile {
  const found = among.find((profile) => profile.name === name);
  if (!found) throw new MixError('hl7v2.profile-unknown', { detail: `known: ${among.map((p) => p.name).join(', ')}` });
  return found;
}

/**
 * A profile from its parsed JSON, for instance a site's own file. Throws `hl7v2.profile-invalid` with the place of the first
 * mistake. `parentJson` finds the file that it extends (default: this folder's).
 */
export function profileFrom(json: unknown, parentJson: (name: string) => unknown = fileNamed): VendorProfile {
  const { profile, mistakes } = readProfile(json, parentJson);
  if (profile) return profile;
  const first = mistakes[0]!;
  const more = mistakes.length > 1 ? `; and ${mistakes.length - 1} more` : '';
  throw new MixError('hl7v2.profile-invalid', { place: first.place, detail: `${first.sentence}: ${first.fix}${more}` });
}

/** Reads and checks a profile's parsed JSON, together with what it extends. Never throws for faulty content. */
export function readProfile(json: unknown, parentJson: (name: string) => unknown = fileNamed): ProfileReading {
  const parsed = profileFile.safeParse(json);
  if (!parsed.success) return { mistakes: parsed.error.issues.flatMap(mistakesOf).sort(byPlace) };
  const chain: ProfileFile[] = [parsed.data];
  while (chain[0]!.extends) {
    const name = chain[0]!.extends;
    const extendedTwice = chain.some((file) => file.name === name);
    const parent =
      extendedTwice || chain.length >= extendsDepthMax ? undefined : profileFile.safeParse(parentJson(name));
    if (!parent?.success) {
      const sentence = extendedTwice
        ? `${name} extends itself`
        : parent
          ? `the profile ${name} cannot be read`
          : 'too many profiles extend each other';
      return {
        mistakes: [
          {
            place: '/extends',
            sentence,
            fix: 'name a profile that exists, reads without mistakes, and does not extend this one',
          },
        ],
      };
    }
    chain.unshift(parent.data);
  }
  const mistakes = [...doubleNames(parsed.data), ...unknownWithout(chain)].sort(byPlace);
  return mistakes.length > 0 ? { mistakes } : { profile: joined(chain), mistakes };
}

/**
 * The profile of a message: among those of the listener's family (or the one named so), the one whose MSH-3/MSH-4 patterns
 * fit best (most characters that are not `*`); else the listener's own or the family's default.
 * Throws `hl7v2.profile-unknown` for a listener profile that does not exist.
 */
export function chooseProfile(
  listenerProfile: string,
  header: { sendingApplication: string; sendingFacility: string },
  among?: readonly VendorProfile[],
): VendorProfile {
  const { sendingApplication, sendingFacility } = header;
  if (among !== undefined) return chooseAmong(listenerProfile, header, among);
  // An interface says the same MSH-3 and MSH-4 all day: its choice is worked out once.
  const key = `${listenerProfile}\n${sendingApplication}\n${sendingFacility}`;
  let chosen = choices.get(key);
  if (chosen === undefined) {
    chosen = chooseAmong(listenerProfile, header, profiles());
    if (choices.size >= choicesMax) choices.clear();
    choices.set(key, chosen);
  }
  return chosen;
}

const choices = new Map<string, VendorProfile>();
const choicesMax = 1_000;

function chooseAmong(
  listenerProfile: string,
  header: { sendingApplication: string; sendingFacility: string },
  among: readonly VendorProfile[],
): VendorProfile {
  const own = among.find((profile) => profile.name === listenerProfile);
  if (own && own.family !== own.name) return own;
  const members = among.filter((profile) => profile.family === listenerProfile);
  let best: VendorProfile | undefined;
  let bestScore = 0;
  for (const profile of members) {
    const score = matchScore(profile, header.sendingApplication, header.sendingFacility);
    if (score > bestScore) [best, bestScore] = [profile, score];
  }
  return (
    best ??
    own ??
    members.find((profile) => profile.familyDefault) ??
    members[0] ??
    profileNamed(listenerProfile, among)
  );
}

/** Does a text fit a pattern (`*` stands for any run of characters; case does not matter)? Linear: no regular expression is built from data. */
export function fitsPattern(text: string, pattern: string): boolean {
  const value = text.toUpperCase();
  const parts = pattern.toUpperCase().split('*');
  if (parts.length === 1) return value === parts[0];
  const first = parts[0]!;
  const last = parts[parts.length - 1]!;
  if (value.length < first.length + last.length || !value.startsWith(first) || !value.endsWith(last)) return false;
  let from = first.length;
  for (const part of parts.slice(1, -1)) {
    const at = value.indexOf(part, from);
    if (at < 0 || at + part.length > value.length - last.length) return false;
    from = at + part.length;
  }
  return true;
}

/** The same for a list of patterns, made ready once: plain texts are looked up, only those with `*` are tried in turn. */
export function patternTest(patterns: readonly string[]): (text: string) => boolean {
  const texts = patterns.filter((one) => !one.includes('*')).map((one) => one.toUpperCase());
  const open = patterns.filter((one) => one.includes('*'));
  const plain = new Set(texts);
  const lengths = new Set(texts.map((one) => one.length));
  return (text) =>
    (lengths.has(text.length) && plain.has(text.toUpperCase())) || open.some((one) => fitsPattern(text, one));
}

function matchScore(profile: VendorProfile, application: string, facility: string): number {
  let best = 0;
  for (const { sendingApplication, sendingFacility } of profile.match) {
    if (sendingApplication !== undefined && !fitsPattern(firstComponent(application), sendingApplication)) continue;
    if (sendingFacility !== undefined && !fitsPattern(firstComponent(facility), sendingFacility)) continue;
    const literal = `${sendingApplication ?? ''}${sendingFacility ?? ''}`.replaceAll('*', '').length;
    best = Math.max(best, literal + 1);
  }
  return best;
}

function firstComponent(field: string): string {
  const end = field.indexOf('^');
  return (end < 0 ? field : field.slice(0, end)).trim();
}

function fileNamed(name: string): unknown {
  if (!/^[a-z][a-z0-9-]{1,60}$/.test(name)) return undefined;
  try {
    return JSON.parse(readFileSync(new URL(`${name}.json`, folder), 'utf8'));
  } catch {
    return undefined;
  }
}

/** Joins a chain of files, the most general first. Lists of rules and codes add up; single values of the later file win. */
function joined(chain: ProfileFile[]): VendorProfile {
  const own = chain[chain.length - 1]!;
  const text = Object.assign({}, ...chain.map((file) => file.text)) as ProfileFile['text'];
  const ack = Object.assign({}, ...chain.map((file) => file.ack)) as ProfileFile['ack'];
  const last = <T>(pick: (file: ProfileFile) => T | undefined): T | undefined =>
    chain.map(pick).findLast((value) => value !== undefined);
  const named = <T extends { name: string }>(pick: (file: ProfileFile) => T[]): T[] =>
    chain.reduce<T[]>((kept, file) => [...kept.filter((item) => !file.without.includes(item.name)), ...pick(file)], []);
  return freezeDeep({
    name: own.name,
    title: own.title,
    note: own.note,
    family: last((file) => file.family) ?? own.name,
    familyDefault: own.familyDefault,
    match: own.match,
    text: {
      charset: text.charset ?? 'utf8',
      joinWrappedLines: text.joinWrappedLines ?? false,
      splitGluedSegments: text.splitGluedSegments ?? [],
    },
    zone: last((file) => file.zone),
    identity: last((file) => file.identity) ?? { fields: ['MSH-3', 'MSH-4', 'MSH-10'], unique: false },
    defaultEvents: Object.assign({}, ...chain.map((file) => file.defaultEvents)) as ProfileFile['defaultEvents'],
    identifiers: joinedIdentifiers(chain),
    rules: named((file) => file.rules),
    zSegments: chain.flatMap((file) => file.zSegments),
    codes: named((file) => file.codes),
    outbound: {
      ...(Object.assign({}, ...chain.map((file) => file.outbound)) as ProfileFile['outbound']),
      leaveOut: [...new Set(chain.flatMap((file) => file.outbound.leaveOut))],
      rules: named((file) => file.outbound.rules),
    },
    orderKey: last((file) => file.orderKey) ?? ['placer', 'filler'],
    ack: {
      mode: ack.mode ?? 'original',
      charset: ack.charset ?? text.charset ?? 'utf8',
      awaitsAck: ack.awaitsAck ?? true,
      resends: ack.resends ?? true,
      batch: ack.batch ?? 'enveloped',
    },
  });
}

function joinedIdentifiers(chain: ProfileFile[]): ProfileFile['identifiers'] {
  const result: ProfileFile['identifiers'] = {};
  for (const { identifiers } of chain) {
    const maps = {
      defaultTypes: { ...result.defaultTypes, ...identifiers.defaultTypes },
      types: { ...result.types, ...identifiers.types },
      authorities: { ...result.authorities, ...identifiers.authorities },
    };
    const ignore = [...(result.ignore ?? []), ...(identifiers.ignore ?? [])];
    const ownAuthorities = [...(result.ownAuthorities ?? []), ...(identifiers.ownAuthorities ?? [])];
    Object.assign(result, identifiers, maps, { ignore, ownAuthorities });
  }
  return result;
}

function doubleNames(file: ProfileFile): ProfileMistake[] {
  const seen = new Set<string>();
  const mistakes: ProfileMistake[] = [];
  const lists = { rules: file.rules, codes: file.codes, 'outbound/rules': file.outbound.rules };
  for (const [list, items] of Object.entries(lists))
    items.forEach((item, at) => {
      if (seen.has(item.name))
        mistakes.push({
          place: `/${list}/${at}/name`,
          sentence: `the name ${item.name} stands twice`,
          fix: 'give each rule and code table its own name',
        });
      seen.add(item.name);
    });
  return mistakes;
}

function unknownWithout(chain: ProfileFile[]): ProfileMistake[] {
  const own = chain[chain.length - 1]!;
  const inherited = new Set(
    chain
      .slice(0, -1)
      .flatMap((file) => [...file.rules, ...file.codes, ...file.outbound.rules].map((item) => item.name)),
  );
  return own.without.flatMap((name, at) =>
    inherited.has(name)
      ? []
      : [
          {
            place: `/without/${at}`,
            sentence: `no rule or code table ${name} is inherited`,
            fix: 'name one of the profile that this one extends',
          },
        ],
  );
}

function mistakesOf(issue: core.$ZodIssue): ProfileMistake[] {
  const place = `/${issue.path.map(String).join('/')}`;
  switch (issue.code) {
    case 'unrecognized_keys':
      return issue.keys.map((key) => ({
        place: `${place === '/' ? '' : place}/${key}`,
        sentence: 'there is no such key in a profile',
        fix: 'remove it or correct its spelling',
      }));
    case 'invalid_union':
      return [
        {
          place,
          sentence: 'this is none of the forms that may stand here',
          fix:
            issue.discriminator === 'op'
              ? 'use one of the operations of schemas/vendors/shape.ts'
              : 'see schemas/vendors/shape.ts for the forms',
        },
      ];
    case 'invalid_type':
      return [
        { place, sentence: `a value of type ${issue.expected} is wanted here`, fix: 'add it or correct its type' },
      ];
    case 'invalid_value':
      return [
        {
          place,
          sentence: 'the value is not one of the list',
          fix: `use one of ${issue.values.map(String).join(', ')}`,
        },
      ];
    default:
      return [
        {
          place,
          sentence: issue.message.startsWith('is not') ? `the value ${issue.message}` : issue.message.toLowerCase(),
          fix: 'correct the value',
        },
      ];
  }
}

function byPlace(a: ProfileMistake, b: ProfileMistake): number {
  return a.place < b.place ? -1 : a.place > b.place ? 1 : 0;
}

function freezeDeep<T>(value: T): T {
  if (typeof value === 'object' && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value);
    for (const inner of Object.values(value)) freezeDeep(inner);
  }
  return value;
}
