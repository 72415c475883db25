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

const differ = {
  given: fieldLevels.given.indexOf('differ'),
  birth: fieldLevels.birth.indexOf('decade'),
} as const;

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
  if (!named && !(sameNumber && levels[at.birth] === 0)) speak('no-name', 'possible', 'lack');
  const sexDiffers = levels[at.sex]! >= 0 && levels[at.sex]! % 2 === 1;
  if (sexDiffers && (levels[at.birth]! >= differ.birth || levels[at.given] === differ.given))
    speak('sex-conflict', 'possible');
  return spoken;
}
