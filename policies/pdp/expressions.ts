/** Expressions of policies (XACML 3.0 5.25 and following), read once and turned into closures with their types checked. */
import { MixError } from '../../schemas/errors/index.ts';
import { attributeOf, type XmlElement } from '../../schemas/xml.ts';
import { attributeKey, type Context, EvaluationFault } from './context.ts';
import { type Bag, type DataType, type Scalar, TYPES, typeOf, type Value } from './datatypes.ts';
import { type FunctionKind, functionOf, type Shape } from './functions.ts';
import { elementsOf, refusePolicy, required, textOfValue } from './reading.ts';

export interface Expression extends Shape {
  evaluate(context: Context): Value;
  /** Set when the value never changes; worked out when the policy is read. */
  constant: Value | undefined;
}

/** Names that an expression may use, and how deep it may go. */
export interface Scope {
  /** Variables of the policy, compiled on first use; circles are refused. */
  variable(id: string, place: string): Expression;
  depth: number;
}

/** Levels of nested expressions. */
const DEPTH_MAX = 64;

const LOGIC = 'urn:oasis:names:tc:xacml:1.0:function:';

/** Compiles any expression element. Throws `policy.malformed`, `policy.type`, `policy.unknown-function`, `policy.constant`, `policy.limit`. */
export function compileExpression(element: XmlElement, scope: Scope, place: string): Expression {
  if (scope.depth > DEPTH_MAX)
    throw new MixError('policy.limit', { place, detail: `more than ${DEPTH_MAX} nested expressions` });
  const here = `${place}/${element.local}`;
  switch (element.local) {
    case 'AttributeValue': {
      const { type, value } = readLiteral(element, here);
      return literal(type, value);
    }
    case 'AttributeDesignator':
      return compileDesignator(element, here);
    case 'VariableReference':
      return scope.variable(required(element, 'VariableId', here), here);
    case 'Apply':
      return compileApply(element, { ...scope, depth: scope.depth + 1 }, here);
    default:
      return refusePolicy(here, `${element.local} is not an expression that is understood`);
  }
}

/** An AttributeValue as written: its type and value. Throws `policy.malformed` when the text is not of the type. */
export function readLiteral(element: XmlElement, place: string): { type: DataType; value: Scalar } {
  const type = readType(element, place);
  const value = type.read(textOfValue(element, place));
  if (value === undefined) return refusePolicy(place, `not a value of ${type.name}`);
  return { type, value };
}

export function readType(element: XmlElement, place: string): DataType {
  return typeOf(required(element, 'DataType', place)) ?? refusePolicy(place, 'unknown data type');
}

function literal(type: DataType, value: Scalar): Expression {
  return { type, bag: false, constant: value, evaluate: () => value };
}

/** AttributeDesignator (7.3.5): a bag, or Indeterminate when it must be present and is not. */
export function compileDesignator(element: XmlElement, place: string): Expression {
  const type = readType(element, place);
  const category = required(element, 'Category', place);
  const attributeId = required(element, 'AttributeId', place);
  const issuer = attributeOf(element, 'Issuer');
  const present = required(element, 'MustBePresent', place);
  if (!/^(true|false|1|0)$/.test(present)) refusePolicy(place, 'MustBePresent is true or false');
  const must = present === 'true' || present === '1';
  const key = attributeKey(category, attributeId);
  const missing = { category, attributeId, type: type.id, issuer };
  const evaluate = (context: Context): Bag => {
    const found = context.find(key, type, issuer);
    if (must && found.length === 0) throw new EvaluationFault('missing-attribute', attributeId, missing);
    return found;
  };
  return { type, bag: true, constant: undefined, evaluate };
}

function compileApply(element: XmlElement, scope: Scope, place: string): Expression {
  const id = required(element, 'FunctionId', place);
  const parts = elementsOf(element).filter((part) => part.local !== 'Description');
  const special = HIGHER[id.slice(id.lastIndexOf(':') + 1)];
  if (special && /^urn:oasis:names:tc:xacml:[13]\.0:function:/.test(id)) {
    const [first, ...rest] = parts;
    if (first?.local !== 'Function') return refusePolicy(place, 'the first argument must be a Function');
    const inner =
      functionOf(required(first, 'FunctionId', place)) ?? unknownFunction(required(first, 'FunctionId', place), place);
    return folded(
      special(
        inner,
        rest.map((part) => compileExpression(part, scope, place)),
        place,
      ),
      place,
    );
  }
  const args = parts.map((part) => compileExpression(part, scope, place));
  if (id === `${LOGIC}and` || id === `${LOGIC}or`)
    return folded(compileLogic(id === `${LOGIC}and`, args, place), place);
  if (id === `${LOGIC}n-of`) return folded(compileCount(args, place), place);
  const kind = functionOf(id) ?? unknownFunction(id, place);
  checkArguments(kind, args, place);
  return folded(compileCall(kind, args), place);
}

function unknownFunction(id: string, place: string): never {
  throw new MixError('policy.unknown-function', { place, detail: id.slice(0, 120) });
}

interface Unfolded extends Shape {
  evaluate(context: Context): Value;
  over: Expression[];
}

/** What depends on nothing is worked out now; a constant that fails can never be right, so the policy is refused. */
function folded(unfolded: Unfolded, place: string): Expression {
  const { type, bag, evaluate, over } = unfolded;
  if (over.some((arg) => arg.constant === undefined)) return { type, bag, evaluate, constant: undefined };
  try {
    const constant = evaluate(NO_CONTEXT);
    return { type, bag, constant, evaluate: () => constant };
  } catch (error) {
    if (error instanceof EvaluationFault) throw new MixError('policy.constant', { place, detail: error.detail });
    throw error;
  }
}

/** Stands in while constants are worked out: they look at nothing but the count of calls. */
const NO_CONTEXT = { count: () => undefined } as unknown as Context;

function compileCall(kind: FunctionKind, args: Expression[]): Unfolded {
  const { call } = kind;
  const evaluate = (context: Context): Value => {
    context.count();
    const values = new Array<Value>(args.length);
    for (let i = 0; i < args.length; i++) values[i] = args[i]!.evaluate(context);
    return call(values);
  };
  return { ...kind.returns, evaluate, over: args };
}

function describe(shape: Shape): string {
  return `${shape.bag ? 'bag of ' : ''}${shape.type.name}`;
}

function checkArguments(kind: FunctionKind, args: Shape[], place: string): void {
  const name = kind.id.slice(kind.id.lastIndexOf(':') + 1);
  const { parameters, variadicFrom } = kind;
  const enough = variadicFrom === undefined ? args.length === parameters.length : args.length >= variadicFrom;
  if (!enough) throw new MixError('policy.type', { place, detail: `${name} has ${args.length} arguments` });
  args.forEach((arg, i) => {
    const wanted = parameters[Math.min(i, parameters.length - 1)]!;
    if (arg.type !== wanted.type || arg.bag !== wanted.bag) {
      throw new MixError('policy.type', {
        place,
        detail: `argument ${i + 1} of ${name} is ${describe(arg)}, not ${describe(wanted)}`,
      });
    }
  });
}

function requireBooleans(args: Shape[], place: string, from = 0): void {
  args.forEach((arg, i) => {
    if (i >= from && (arg.type !== TYPES.boolean || arg.bag))
      throw new MixError('policy.type', { place, detail: `argument ${i + 1} is ${describe(arg)}, not boolean` });
  });
}

/** `and` / `or`: from left to right, as far as needed; a fault counts only when no later argument settles it (A.3.5). */
function compileLogic(all: boolean, args: Expression[], place: string): Unfolded {
  requireBooleans(args, place);
  const evaluate = (context: Context): Value => {
    let fault: EvaluationFault | undefined;
    for (const arg of args) {
      try {
        if (arg.evaluate(context) !== all) return !all;
      } catch (error) {
        if (!(error instanceof EvaluationFault)) throw error;
        fault ??= error;
      }
    }
    if (fault) throw fault;
    return all;
  };
  return { type: TYPES.boolean, bag: false, evaluate, over: args };
}

/** `n-of`: at least so many of the rest are true. */
function compileCount(args: Expression[], place: string): Unfolded {
  const [wanted, ...rest] = args;
  if (!wanted || wanted.type !== TYPES.integer || wanted.bag)
    throw new MixError('policy.type', { place, detail: 'argument 1 of n-of is not integer' });
  requireBooleans(args, place, 1);
  const evaluate = (context: Context): Value => {
    const need = wanted.evaluate(context) as bigint;
    if (need > BigInt(rest.length)) throw new EvaluationFault('processing-error', 'n-of wants more than there are');
    let have = 0n;
    let fault: EvaluationFault | undefined;
    for (const arg of rest) {
      if (have >= need) break;
      try {
        if (arg.evaluate(context) === true) have++;
      } catch (error) {
        if (!(error instanceof EvaluationFault)) throw error;
        fault ??= error;
      }
    }
    if (have >= need) return true;
    if (fault) throw fault;
    return false;
  };
  return { type: TYPES.boolean, bag: false, evaluate, over: args };
}

type Higher = (inner: FunctionKind, args: Expression[], place: string) => Unfolded;

function requirePredicate(inner: FunctionKind, args: Expression[], place: string): void {
  checkArguments(
    inner,
    args.map(({ type }) => ({ type, bag: false })),
    place,
  );
  if (inner.returns.type !== TYPES.boolean || inner.returns.bag)
    throw new MixError('policy.type', { place, detail: 'the function is no predicate' });
}

/** Two bags, each value with each; `outer` and `inner` say whether some or every one must hold. */
function acrossBags(outer: 'some' | 'every', inner: 'some' | 'every'): Higher {
  return (kind, args, place) => {
    const [a, b] = args;
    if (args.length !== 2 || !a?.bag || !b?.bag)
      throw new MixError('policy.type', { place, detail: 'two bags are wanted' });
    requirePredicate(kind, args, place);
    const evaluate = (context: Context): Value => {
      const [left, right] = [a.evaluate(context) as Bag, b.evaluate(context) as Bag];
      const holds = (x: Scalar, y: Scalar): boolean => {
        context.count();
        return kind.call([x, y]) === true;
      };
      return left[outer]((x) => right[inner]((y) => holds(x, y)));
    };
    return { type: TYPES.boolean, bag: false, evaluate, over: args };
  };
}

/** any-of, all-of (3.0: one bag anywhere among single values) and map. */
function overBag(kind: FunctionKind, args: Expression[], place: string): (context: Context) => Value[] {
  const at = args.findIndex((arg) => arg.bag);
  if (at < 0 || args.some((arg, i) => arg.bag && i !== at))
    throw new MixError('policy.type', { place, detail: 'exactly one bag is wanted' });
  checkArguments(
    kind,
    args.map(({ type }) => ({ type, bag: false })),
    place,
  );
  return (context) => {
    const values = args.map((arg) => arg.evaluate(context));
    return (values[at] as Bag).map((value) => {
      context.count();
      return kind.call(values.map((other, i) => (i === at ? value : other)));
    });
  };
}

function quantified(every: boolean): Higher {
  return (kind, args, place) => {
    requirePredicate(kind, args, place);
    const each = overBag(kind, args, place);
    const evaluate = (context: Context): Value =>
      every ? each(context).every((held) => held === true) : each(context).includes(true);
    return { type: TYPES.boolean, bag: false, evaluate, over: args };
  };
}

const HIGHER: Readonly<Record<string, Higher>> = {
  'any-of': quantified(false),
  'all-of': quantified(true),
  'any-of-any': anyOfAny,
  'all-of-any': acrossBags('every', 'some'),
  'any-of-all': acrossBags('some', 'every'),
  'all-of-all': acrossBags('every', 'every'),
  map: (kind, args, place) => {
    if (kind.returns.bag)
      throw new MixError('policy.type', { place, detail: 'map wants a function that gives one value' });
    const each = overBag(kind, args, place);
    return { type: kind.returns.type, bag: true, evaluate: (context) => each(context) as Scalar[], over: args };
  },
};

/** any-of-any takes any number of bags and single values in 3.0 (A.3.12): does it hold for some combination? */
function anyOfAny(kind: FunctionKind, args: Expression[], place: string): Unfolded {
  requirePredicate(kind, args, place);
  const evaluate = (context: Context): Value => {
    const lists = args.map((arg) => (arg.bag ? (arg.evaluate(context) as Bag) : [arg.evaluate(context) as Scalar]));
    const pick = (chosen: Scalar[]): boolean => {
      const next = lists[chosen.length];
      context.count();
      return next ? next.some((value) => pick([...chosen, value])) : kind.call(chosen) === true;
    };
    return pick([]);
  };
  return { type: TYPES.boolean, bag: false, evaluate, over: args };
}
