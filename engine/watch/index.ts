/** Watching the node: habits of sources, rules of alert, the book of alerts. Pure; the only door of this folder. */
export {
  type Alert,
  acknowledge,
  advance,
  type Book,
  type BookLimits,
  emptyBook,
  isOpen,
  markTold,
  untoldOf,
} from './book.ts';
export { type Habit, learnHour, longestGap, measureSilence, newHabit, type Silence, usualGap } from './habit.ts';
export { alertViewOf, type Letter, writeLetter } from './letter.ts';
export { type Facts, type Finding, findFaults, type RuleLimits, type Sample, tellSpan } from './rules.ts';
