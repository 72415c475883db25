/** Regular expressions of policies (XPath 2.0 fn:matches: unanchored), kept from running away. */
import { EvaluationFault } from './context.ts';

/** Longest pattern and longest text, in UTF-16 units. */
const PATTERN_MAX = 1_000;
const TEXT_MAX = 10_000;
const CACHE_MAX = 1_000;

const cache = new Map<string, (text: string) => boolean>();

/** A test for a pattern. Throws an evaluation fault for one that is malformed, too long, or could take exponential time. */
export function compilePattern(pattern: string): (text: string) => boolean {
  const known = cache.get(pattern);
  if (known) return known;
  if (pattern.length > PATTERN_MAX) throw new EvaluationFault('syntax-error', `pattern longer than ${PATTERN_MAX}`);
  if (repeatsRepetition(pattern))
    throw new EvaluationFault('syntax-error', 'a repeated group of the pattern holds a repetition or a choice');
  let expression: RegExp;
  try {
    expression = new RegExp(translate(pattern), 'u');
  } catch {
    throw new EvaluationFault('syntax-error', 'not a regular expression');
  }
  const test = (text: string): boolean => {
    if (text.length > TEXT_MAX) throw new EvaluationFault('processing-error', `text longer than ${TEXT_MAX}`);
    return expression.test(text);
  };
  if (cache.size >= CACHE_MAX) cache.delete(cache.keys().next().value!);
  cache.set(pattern, test);
  return test;
}

/** XML Schema's escapes that JavaScript lacks. */
function translate(pattern: string): string {
  return pattern.replace(/\\(.)/gu, (whole, letter: string) => {
    if (letter === 'i') return '[\\p{L}_:]';
    if (letter === 'I') return '[^\\p{L}_:]';
    if (letter === 'c') return '[\\p{L}\\p{N}._:\\-]';
    if (letter === 'C') return '[^\\p{L}\\p{N}._:\\-]';
    if (letter === '-') return '\\x2d';
    return whole;
  });
}

/**
 * Is there a group with an open-ended repetition after it that holds a repetition or a choice? JavaScript's matcher backtracks, and those are the
 * patterns that make it do so without end; a policy can write the same with a plain class.
 */
function repeatsRepetition(pattern: string): boolean {
  const groups: boolean[] = [];
  let inClass = false;
  let risky = false;
  for (let i = 0; i < pattern.length; i++) {
    const letter = pattern[i]!;
    if (letter === '\\') i++;
    else if (inClass) inClass = letter !== ']';
    else if (letter === '[') inClass = true;
    else if (letter === '(') groups.push(false);
    else if (letter === ')') {
      const holds = groups.pop() ?? false;
      if (holds && /^([*+]|\{\d*,?(\d{3,}|)\})/.test(pattern.slice(i + 1))) risky = true;
      if (holds && groups.length > 0) groups[groups.length - 1] = true;
    } else if ((/[*+{|]/.test(letter) || (letter === '?' && pattern[i - 1] !== '(')) && groups.length > 0)
      groups[groups.length - 1] = true;
  }
  return risky;
}
