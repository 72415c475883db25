/** Targets (XACML 3.0 5.6 to 5.9, 7.6, 7.7), and an index that leaves out the children whose target cannot match a request. */
import { MixError } from '../../schemas/errors/index.ts';
import { attributeOf, type XmlElement } from '../../schemas/xml.ts';
import type { Node, Pick } from './combine.ts';
import { attributeKey, type Context, EvaluationFault } from './context.ts';
import { type Bag, type DataType, TYPES } from './datatypes.ts';
import { compileExpression, type Expression, readLiteral, type Scope } from './expressions.ts';
import { functionOf } from './functions.ts';
import { allowOnly, elementsOf, refusePolicy, required } from './reading.ts';

/** 0 no match, 1 match, 2 cannot be told. */
export type Match = 0 | 1 | 2;

/** One of these texts must be among the attribute's values, or the target does not match. */
export interface Needed {
  key: string;
  type: DataType;
  values: Set<string>;
}

export interface Target {
  match(context: Context): Match;
  needs: Needed[];
}

const ALWAYS: Target = { match: () => 1, needs: [] };

interface CompiledMatch {
  match(context: Context): Match;
  need: { key: string; type: DataType; value: string } | undefined;
}

/** Compiles a Target element; none, or an empty one, matches everything. */
export function compileTarget(element: XmlElement | undefined, scope: Scope, place: string): Target {
  if (!element || elementsOf(element).length === 0) return ALWAYS;
  const here = `${place}/Target`;
  allowOnly(element, ['AnyOf'], here);
  const needs: Needed[] = [];
  const anyOfs = elementsOf(element).map((anyOf) => {
    allowOnly(anyOf, ['AllOf'], here);
    const allOfs = elementsOf(anyOf).map((allOf) => {
      allowOnly(allOf, ['Match'], here);
      const matches = elementsOf(allOf).map((match) => compileMatch(match, scope, `${here}/Match`));
      return matches.length > 0 ? matches : refusePolicy(here, 'AllOf is empty');
    });
    if (allOfs.length === 0) refusePolicy(here, 'AnyOf is empty');
    needs.push(...neededBy(allOfs));
    return disjunction(allOfs.map((matches) => conjunction(matches.map((one) => one.match))));
  });
  return { match: conjunction(anyOfs), needs };
}

type Test = (context: Context) => Match;

/** All must match; one that does not settles it, whatever could not be told. */
function conjunction(tests: Test[]): Test {
  if (tests.length === 1) return tests[0]!;
  return (context) => {
    let result: Match = 1;
    for (const test of tests) {
      const match = test(context);
      if (match === 0) return 0;
      if (match === 2) result = 2;
    }
    return result;
  };
}

function disjunction(tests: Test[]): Test {
  if (tests.length === 1) return tests[0]!;
  return (context) => {
    let result: Match = 0;
    for (const test of tests) {
      const match = test(context);
      if (match === 1) return 1;
      if (match === 2) result = 2;
    }
    return result;
  };
}

/** Attributes that every AllOf of one AnyOf compares with a literal. */
function neededBy(allOfs: CompiledMatch[][]): Needed[] {
  const found = new Map<string, Needed & { in: number }>();
  allOfs.forEach((matches, i) => {
    for (const { need } of matches) {
      if (!need) continue;
      const id = `${need.key} ${need.type.id}`;
      const known = found.get(id) ?? { key: need.key, type: need.type, values: new Set<string>(), in: 0 };
      known.values.add(need.value);
      if (known.in === i) known.in = i + 1;
      found.set(id, known);
    }
  });
  return [...found.values()].filter((one) => one.in === allOfs.length);
}

function compileMatch(element: XmlElement, scope: Scope, place: string): CompiledMatch {
  const id = required(element, 'MatchId', place);
  const kind = functionOf(id);
  if (!kind) throw new MixError('policy.unknown-function', { place, detail: id.slice(0, 120) });
  const [first, second, ...more] = elementsOf(element);
  if (first?.local !== 'AttributeValue' || !second || more.length > 0)
    return refusePolicy(place, 'AttributeValue and AttributeDesignator are wanted');
  if (second.local !== 'AttributeDesignator' && second.local !== 'AttributeSelector')
    return refusePolicy(place, `${second.local} does not belong here`);
  const { type, value } = readLiteral(first, place);
  const values = compileExpression(second, scope, place);
  const [a, b] = kind.parameters;
  const fits =
    kind.parameters.length === 2 &&
    a!.type === type &&
    !a!.bag &&
    b!.type === values.type &&
    !b!.bag &&
    kind.returns.type === TYPES.boolean &&
    !kind.returns.bag;
  if (!fits)
    throw new MixError('policy.type', {
      place,
      detail: `${id.slice(id.lastIndexOf(':') + 1)} does not fit ${type.name} and ${values.type.name}`,
    });
  const plain = /:(string|anyURI)-equal$/.test(id) && typeof value === 'string';
  return {
    match: plain
      ? matchText(value, values)
      : (context) => matchBy((candidate) => kind.call([value, candidate]), values, context),
    need: plain ? needOf(second, values, value) : undefined,
  };
}

function matchBy(test: (candidate: Bag[number]) => unknown, values: Expression, context: Context): Match {
  let result: Match = 0;
  try {
    for (const candidate of values.evaluate(context) as Bag) {
      try {
        context.count();
        if (test(candidate) === true) return 1;
      } catch (error) {
        if (!(error instanceof EvaluationFault)) throw error;
        context.fault ??= error;
        result = 2;
      }
    }
  } catch (error) {
    if (!(error instanceof EvaluationFault)) throw error;
    context.fault ??= error;
    return 2;
  }
  return result;
}

/** The commonest match of all, without a call for each value. */
function matchText(value: string, values: Expression): Test {
  return (context) => {
    try {
      return (values.evaluate(context) as Bag).includes(value) ? 1 : 0;
    } catch (error) {
      if (!(error instanceof EvaluationFault)) throw error;
      context.fault ??= error;
      return 2;
    }
  };
}

/** Only a designator that can be empty and looks at every issuer tells for certain that nothing will match. */
function needOf(designator: XmlElement, values: Expression, value: string): CompiledMatch['need'] {
  if (designator.local !== 'AttributeDesignator' || attributeOf(designator, 'Issuer') !== undefined) return undefined;
  if (!/^(false|0)$/.test(attributeOf(designator, 'MustBePresent') ?? '')) return undefined;
  return {
    key: attributeKey(attributeOf(designator, 'Category')!, attributeOf(designator, 'AttributeId')!),
    type: values.type,
    value,
  };
}

/** Fewer children than this are quicker to walk than to look up. */
const INDEX_FROM = 4;

/**
 * Which children can matter for a request: those whose target needs one of the request's values of the attribute that most targets ask for, and
 * those that do not ask for it. What is left out would have been NotApplicable, so no algorithm can tell the difference.
 */
export function indexChildren(children: readonly { node: Node; needs: Needed[] }[]): Pick {
  const all = children.map((child) => child.node);
  const best = commonest(children.map((child) => child.needs));
  if (!best || children.length < INDEX_FROM) return () => all;
  const always: number[] = [];
  const byValue = new Map<string, number[]>();
  children.forEach((child, i) => {
    const need = child.needs.find((one) => one.key === best.key && one.type === best.type);
    if (!need) always.push(i);
    else for (const value of need.values) byValue.set(value, [...(byValue.get(value) ?? []), i]);
  });
  const nodesOf = (numbers: Iterable<number>): Node[] =>
    [...new Set(numbers)].sort((a, b) => a - b).map((i) => all[i]!);
  const lists = new Map([...byValue].map(([value, numbers]) => [value, nodesOf([...always, ...numbers])]));
  const rest = nodesOf(always);
  return (context) => {
    const values = context.find(best.key, best.type, undefined);
    if (values.length === 0) return rest;
    if (values.length === 1) return lists.get(values[0] as string) ?? rest;
    const numbers = new Set(always);
    for (const value of values) for (const i of byValue.get(value as string) ?? []) numbers.add(i);
    return nodesOf(numbers);
  };
}

function commonest(needs: Needed[][]): Needed | undefined {
  const counts = new Map<string, { need: Needed; count: number; values: Set<string> }>();
  for (const need of needs.flat()) {
    const id = `${need.key} ${need.type.id}`;
    const known = counts.get(id) ?? { need, count: 0, values: new Set<string>() };
    known.count++;
    for (const value of need.values) known.values.add(value);
    counts.set(id, known);
  }
  // Many targets that all ask for the same value are not told apart by it.
  const ranked = [...counts.values()].sort((a, b) => b.count * b.values.size - a.count * a.values.size);
  return ranked[0]?.need;
}
