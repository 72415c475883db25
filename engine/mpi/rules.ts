/** Rules that stand above the weights: what no sum of agreements may decide alone. Every one has an id that pages and logs can name. */
import type { Features } from './features.ts';
import { fieldIndex as at, fieldLevels } from './levels.ts';

export interface SpokenRule {
  id: string;
  /** The best verdict that it leaves. */
  most: 'possible' | 'no-match';
  /** `conflict`: what the two sides tell can't both be one person's. `lack`: too little is told; other records of the person may tell it. */
  why: 'conflict' | 'lack';
}

const given = {
  close: fieldLevels.given.indexOf('close'),
  similar: fieldLevels.given.indexOf('similar'),
  differ: fieldLevels.given.indexOf('differ'),
};
const family = { close: fieldLevels.family.indexOf('close'), similar: fieldLevels.family.indexOf('similar') };
const birth = {
  swapped: fieldLevels.birth.indexOf('swapped'),
  month: fieldLevels.birth.indexOf('month'),
  decade: fieldLevels.birth.indexOf('decade'),
};
const near = fieldLevels.national.indexOf('near');

/** Rules of caution about two records on their own, which are silent where all records of a list bear on each other. */
export const silentInGroups: readonly string[] = ['no-birth-date', 'number-conflict'];
/** In lists in which everybody has one partner. */
export const silentOneToOne: readonly string[] = [...silentInGroups, 'no-name'];

/** The rules that speak about two patients. `levels`: their comparison vector. */
export function judgeRules(one: Features, other: Features, levels: Int8Array): SpokenRule[] {
  const spoken: SpokenRule[] = [];
  const speak = (id: string, most: SpokenRule['most'], why: SpokenRule['why'] = 'conflict'): number =>
    spoken.push({ id, most, why });
  const [test, otherTest] = [one.flags.includes('test'), other.flags.includes('test')];
  if (test || otherTest) speak('test-patient', test && otherTest ? 'possible' : 'no-match');
  if (one.order > 0 && other.order > 0 && one.order !== other.order) speak('birth-order', 'no-match');
  if (one.flags.includes('newborn') || other.flags.includes('newborn')) speak('newborn', 'possible', 'lack');
  if (levels[at.suffix] === 1) speak('suffix', 'possible');
  const sameNumber = [at.national, at.number, at.email, at.phone].some((field) => levels[field] === 0);
  const named = levels[at.given]! >= 0 || levels[at.family]! >= 0;
  const sameBirth = levels[at.birth]! >= 0 && levels[at.birth]! <= birth.month;
  if (!named && !(sameNumber && sameBirth)) speak('no-name', 'possible', 'lack');
  const sexDiffers = levels[at.sex]! >= 0 && levels[at.sex]! % 2 === 1;
  if (sexDiffers && (levels[at.birth]! >= birth.decade || levels[at.given] === given.differ))
    speak('sex-conflict', 'possible');
  if (levels[at.birth] === -1) speak('no-birth-date', 'possible', 'lack');
  const conflict = numberConflict(one, other, levels, named);
  if (conflict !== undefined) speak('number-conflict', conflict);
  return spoken;
}

/**
 * Two social security numbers that were given to somebody, not the same, and a name or birth date at odds too: a slip in the one and a slip in the other are
 * rarer than two people with much in common. Slips on both sides go to a person.
 */
function numberConflict(
  one: Features,
  other: Features,
  levels: Int8Array,
  named: boolean,
): SpokenRule['most'] | undefined {
  const number = levels[at.national]!;
  if (number <= 0 || !hasWholeNumber(one) || !hasWholeNumber(other)) return undefined;
  const odds = [
    { level: levels[at.given]!, from: given.close, far: given.similar },
    { level: levels[at.family]!, from: family.close, far: family.similar },
    { level: levels[at.birth]!, from: birth.swapped, far: birth.month },
  ].filter(({ level, from }) => level >= from);
  if (!named) return 'no-match';
  if (odds.length === 0) return undefined;
  return odds.length > 1 || number >= near || odds.some(({ level, far }) => level >= far) ? 'no-match' : 'possible';
}

/** Nine digits; what was never given is not kept as a feature. */
const hasWholeNumber = ({ numbers }: Features): boolean =>
  numbers.some(({ kind, authority, value }) => kind === 'national' && authority === '' && /^\d{9}$/.test(value));
