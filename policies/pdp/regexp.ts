/**
 * Regular expressions of policies (XPath 2.0 fn:matches, XML Schema part 2 appendix F): unanchored, and matched by walking all possibilities at
 * once (Thompson, 1968), so that the time is at most states times characters whatever the pattern. JavaScript's own matcher backtracks without end on some.
 * Single character classes are left to it; back-references and class subtraction are refused.
 */
import { EvaluationFault } from './context.ts';

/** Longest pattern and longest text, in UTF-16 units; states of the compiled pattern; patterns kept. */
const PATTERN_MAX = 1_000;
const TEXT_MAX = 10_000;
const STATES_MAX = 2_000;
const CACHE_MAX = 1_000;
const BUILDS_MAX = 20_000;

type State =
  | { kind: 'char'; test: (char: string) => boolean; next: number }
  | { kind: 'split'; next: number; other: number }
  | { kind: 'start' | 'end'; next: number }
  | { kind: 'accept' };

const cache = new Map<string, (text: string) => boolean>();

/** A test for a pattern. Throws an evaluation fault for one that is malformed or too large. */
export function compilePattern(pattern: string): (text: string) => boolean {
  const known = cache.get(pattern);
  if (known) return known;
  if (pattern.length > PATTERN_MAX) throw new EvaluationFault('syntax-error', `pattern longer than ${PATTERN_MAX}`);
  const tree = new Parser(pattern).parse();
  const states: State[] = [{ kind: 'accept' }];
  const first = build(tree, 0, states, { left: BUILDS_MAX });
  const test = (text: string): boolean => {
    if (text.length > TEXT_MAX) throw new EvaluationFault('processing-error', `text longer than ${TEXT_MAX}`);
    return run(states, first, text);
  };
  if (cache.size >= CACHE_MAX) cache.delete(cache.keys().next().value!);
  cache.set(pattern, test);
  return test;
}

type Tree =
  | { kind: 'char'; test: (char: string) => boolean }
  | { kind: 'start' | 'end' }
  | { kind: 'sequence' | 'choice'; parts: Tree[] }
  | { kind: 'repeat'; part: Tree; min: number; max: number };

/** Deepest nesting of groups. */
const DEPTH_MAX = 50;

function wrong(detail: string): never {
  throw new EvaluationFault('syntax-error', `not a regular expression: ${detail}`);
}

class Parser {
  private readonly chars: string[];
  private at = 0;
  private depth = 0;

  constructor(pattern: string) {
    this.chars = [...pattern];
  }

  parse(): Tree {
    const tree = this.choice();
    if (this.at < this.chars.length) wrong('a parenthesis too many');
    return tree;
  }

  private choice(): Tree {
    const parts = [this.sequence()];
    while (this.chars[this.at] === '|') {
      this.at++;
      parts.push(this.sequence());
    }
    return parts.length === 1 ? parts[0]! : { kind: 'choice', parts };
  }

  private sequence(): Tree {
    const parts: Tree[] = [];
    while (this.at < this.chars.length && this.chars[this.at] !== '|' && this.chars[this.at] !== ')')
      parts.push(this.repeated());
    return { kind: 'sequence', parts };
  }

  private repeated(): Tree {
    let part = this.atom();
    const range = this.quantifier();
    if (range) part = { kind: 'repeat', part, ...range };
    if (range && this.quantifier()) wrong('a repetition of a repetition');
    return part;
  }

  /** `?`, `*`, `+`, `{n}`, `{n,}`, `{n,m}`; a `?` after it (reluctant) changes nothing about whether it matches. */
  private quantifier(): { min: number; max: number } | undefined {
    const char = this.chars[this.at];
    let range: { min: number; max: number } | undefined;
    if (char === '?') range = { min: 0, max: 1 };
    else if (char === '*') range = { min: 0, max: Number.POSITIVE_INFINITY };
    else if (char === '+') range = { min: 1, max: Number.POSITIVE_INFINITY };
    else if (char === '{') return this.counted();
    if (!range) return undefined;
    this.at++;
    this.skipReluctant();
    return range;
  }

  private counted(): { min: number; max: number } {
    const end = this.chars.indexOf('}', this.at);
    const parts = /^(\d{1,4})(,(\d{0,4}))?$/.exec(this.chars.slice(this.at + 1, end).join(''));
    if (end < 0 || !parts) return wrong('{');
    const min = Number(parts[1]);
    const max = parts[2] === undefined ? min : parts[3] ? Number(parts[3]) : Number.POSITIVE_INFINITY;
    if (max < min) wrong('{ with its ends exchanged');
    this.at = end + 1;
    this.skipReluctant();
    return { min, max };
  }

  private skipReluctant(): void {
    if (this.chars[this.at] === '?') this.at++;
  }

  private atom(): Tree {
    const char = this.chars[this.at++]!;
    if (char === '(') return this.group();
    if (char === '[') return { kind: 'char', test: classTest(this.classText()) };
    if (char === '.') return { kind: 'char', test: (one) => one !== '\n' && one !== '\r' };
    if (char === '^') return { kind: 'start' };
    if (char === '$') return { kind: 'end' };
    if (char === '\\') return { kind: 'char', test: this.escape() };
    if ('?*+{}]'.includes(char)) return wrong(char);
    return { kind: 'char', test: (one) => one === char };
  }

  private group(): Tree {
    if (++this.depth > DEPTH_MAX) throw new EvaluationFault('syntax-error', `more than ${DEPTH_MAX} nested groups`);
    if (this.chars[this.at] === '?') {
      if (this.chars[this.at + 1] !== ':') wrong('(?');
      this.at += 2;
    }
    const inner = this.choice();
    if (this.chars[this.at++] !== ')') wrong('a parenthesis is missing');
    this.depth--;
    return inner;
  }

  private escape(): (char: string) => boolean {
    const letter = this.chars[this.at++];
    if (letter === undefined) return wrong('\\');
    if (/[pP]/.test(letter)) {
      const end = this.chars.indexOf('}', this.at);
      if (this.chars[this.at] !== '{' || end < 0) wrong('\\p');
      const name = this.chars.slice(this.at, end + 1).join('');
      this.at = end + 1;
      return classTest(`[\\${letter}${name}]`);
    }
    if (/[0-9]/.test(letter)) wrong('a back-reference');
    return classTest(`[${escaped(letter)}]`);
  }

  /** Text from `[` to its `]`, XML Schema's escapes put into JavaScript's. */
  private classText(): string {
    let text = '[';
    if (this.chars[this.at] === '^') {
      text += '^';
      this.at++;
    }
    for (let first = true; ; first = false) {
      const char = this.chars[this.at++];
      if (char === undefined) return wrong('a bracket is missing');
      if (char === ']' && !first) return `${text}]`;
      if (char === '[') return wrong('class subtraction');
      if (char !== '\\') text += char === ']' ? '\\]' : char;
      else {
        const letter = this.chars[this.at++];
        text += letter === undefined ? wrong('\\') : /[pP]/.test(letter) ? `\\${letter}` : escaped(letter);
      }
    }
  }
}

/** One escape, as it may stand inside of a JavaScript class. */
function escaped(letter: string): string {
  if (letter === 'i') return '\\p{L}_:';
  if (letter === 'c') return '\\p{L}\\p{N}._:\\-\u00b7';
  if (/[dDwWsSnrt]/.test(letter))
    return letter === 'w' ? '\\p{L}\\p{N}\\p{M}\\p{S}' : letter === 'd' ? '\\p{Nd}' : `\\${letter}`;
  if (/[A-Za-z0-9]/.test(letter)) return wrong(`\\${letter}`);
  return /[\^$\\.*+?()[\]{}|/-]/.test(letter) ? `\\${letter}` : wrong(`\\${letter}`);
}

function classTest(text: string): (char: string) => boolean {
  try {
    const expression = new RegExp(`^${text}$`, 'u');
    return (char) => expression.test(char);
  } catch {
    return wrong(text);
  }
}

/** States for a tree, leading to `next`; gives the first. */
function build(tree: Tree, next: number, states: State[], budget: { left: number }): number {
  // An empty group repeated adds no state, so the states alone do not bound the work.
  if (--budget.left < 0) throw new EvaluationFault('syntax-error', 'pattern repeats too much');
  const add = (state: State): number => {
    if (states.length >= STATES_MAX)
      throw new EvaluationFault('syntax-error', `pattern of more than ${STATES_MAX} states`);
    return states.push(state) - 1;
  };
  switch (tree.kind) {
    case 'char':
      return add({ kind: 'char', test: tree.test, next });
    case 'start':
    case 'end':
      return add({ kind: tree.kind, next });
    case 'sequence':
      return tree.parts.reduceRight((after, part) => build(part, after, states, budget), next);
    case 'choice':
      return tree.parts
        .map((part) => build(part, next, states, budget))
        .reduceRight((other, first) => add({ kind: 'split', next: first, other }));
    case 'repeat': {
      let after = next;
      if (tree.max === Number.POSITIVE_INFINITY) {
        after = add({ kind: 'split', next: 0, other: next });
        (states[after] as { next: number }).next = build(tree.part, after, states, budget);
      } else {
        for (let i = tree.min; i < tree.max; i++)
          after = add({ kind: 'split', next: build(tree.part, after, states, budget), other: next });
      }
      for (let i = 0; i < tree.min; i++) after = build(tree.part, after, states, budget);
      return after;
    }
  }
}

/** Follows every path through the states together, a character at a time. */
function run(states: State[], first: number, text: string): boolean {
  const chars = [...text];
  const seen = new Uint32Array(states.length);
  let current: number[] = [];
  for (let at = 0; at <= chars.length; at++) {
    const char = chars[at];
    const next: number[] = [];
    // A match may begin at any place.
    const open = [...current, first];
    while (open.length > 0) {
      const number = open.pop()!;
      if (seen[number] === at + 1) continue;
      seen[number] = at + 1;
      const state = states[number]!;
      if (state.kind === 'accept') return true;
      if (state.kind === 'split') open.push(state.other, state.next);
      else if (state.kind === 'char') {
        if (char !== undefined && state.test(char)) next.push(state.next);
      } else if (at === (state.kind === 'start' ? 0 : chars.length)) open.push(state.next);
    }
    current = next;
  }
  return false;
}
