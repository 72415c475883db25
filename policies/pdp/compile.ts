/** Policies and policy sets (XACML 3.0 5.1 to 5.24), read from XML and compiled once to closures. */
import { MixError } from '../../schemas/errors/index.ts';
import { attributeOf, readXml, type XmlElement } from '../../schemas/xml.ts';
import { combiningOf, type Node, OUTCOME, type Outcome } from './combine.ts';
import { type Context, EvaluationFault, type Ruling } from './context.ts';
import { TYPES, type Value } from './datatypes.ts';
import { compileExpression, type Expression, type Scope } from './expressions.ts';
import { compileFulfillments } from './fulfill.ts';
import { allowOnly, child, elementsOf, refusePolicy, required, sentenceOf } from './reading.ts';
import { compileTarget, indexChildren, type Needed } from './target.ts';

export const XACML3 = 'urn:oasis:names:tc:xacml:3.0:core:schema:wd-17';

/** Bytes and levels of one policy file; policies nested in policies, over references too; nodes in all. */
const POLICY_BYTES_MAX = 16 * 1024 * 1024;
const POLICY_DEPTH_MAX = 200;
const NESTING_MAX = 32;
const NODES_MAX = 200_000;

export interface CompiledPolicy {
  evaluate(context: Context): Outcome;
  id: string;
  version: string;
}

/** A policy as text, or as read before by {@link readPolicy}. */
export type PolicySource = string | Uint8Array | XmlElement;

/** Reads the XML of a policy within its bounds; nothing is checked yet. */
export function readPolicy(source: PolicySource): XmlElement {
  if (typeof source === 'object' && 'children' in source) return source;
  return readXml(source, { bytesMax: POLICY_BYTES_MAX, depthMax: POLICY_DEPTH_MAX });
}

interface Compiling {
  library: Map<string, XmlElement[]>;
  open: XmlElement[];
  nodes: number;
}

type Path = { id: string; sentence: string }[];
type Indexed = { node: Node; needs: Needed[] };

/**
 * Reads one policy or policy set; `library` holds the others that it may refer to by id.
 * Throws `xml.*`, `policy.malformed`, `policy.type`, `policy.constant`, `policy.unknown-function`, `policy.reference`, `policy.duplicate`, `policy.limit`.
 */
export function compilePolicy(xml: PolicySource, library: readonly PolicySource[] = []): CompiledPolicy {
  const root = readPolicy(xml);
  const compiling: Compiling = { library: new Map(), open: [], nodes: 0 };
  const seen = new Set<string>();
  for (const element of library.map(readPolicy)) {
    const key = `${element.local} ${idOf(element, element.local)} ${attributeOf(element, 'Version')}`;
    if (seen.has(key))
      throw new MixError('policy.duplicate', { place: element.local, detail: idOf(element, element.local) });
    seen.add(key);
    const name = `${element.local} ${idOf(element, element.local)}`;
    compiling.library.set(name, [...(compiling.library.get(name) ?? []), element]);
  }
  const { node } = compileAny(root, compiling, []);
  return {
    evaluate: (context) => node.evaluate(context),
    id: idOf(root, root.local),
    version: required(root, 'Version', root.local),
  };
}

/** Every policy file of a library must stand on its own feet, whether anything refers to it or not. */
export function idOf(element: XmlElement, place: string): string {
  return required(element, element.local === 'PolicySet' ? 'PolicySetId' : 'PolicyId', place);
}

function compileAny(element: XmlElement, compiling: Compiling, path: Path): Indexed {
  if (element.namespace !== XACML3) return refusePolicy(element.local, 'not in the namespace of XACML 3.0');
  if (element.local !== 'Policy' && element.local !== 'PolicySet')
    return refusePolicy(element.local, 'Policy or PolicySet is wanted');
  if (compiling.open.includes(element))
    throw new MixError('policy.reference', { place: element.local, detail: 'a policy includes itself' });
  if (path.length >= NESTING_MAX)
    throw new MixError('policy.limit', { place: element.local, detail: `more than ${NESTING_MAX} nested policies` });
  countNode(compiling, element.local);
  compiling.open.push(element);
  const id = idOf(element, element.local);
  required(element, 'Version', id);
  const own = [...path, { id, sentence: sentenceOf(element) }];
  const compiled =
    element.local === 'Policy' ? compileRules(element, compiling, own) : compileSet(element, compiling, own);
  compiling.open.pop();
  return compiled;
}

function countNode(compiling: Compiling, place: string): void {
  if (++compiling.nodes > NODES_MAX)
    throw new MixError('policy.limit', { place, detail: `more than ${NODES_MAX} policies and rules` });
}

const SHARED = ['Description', 'Target', 'ObligationExpressions', 'AdviceExpressions', 'CombinerParameters'];
const NO_VARIABLES: Scope = {
  depth: 0,
  variable: (id, place) => {
    throw new MixError('policy.reference', { place, detail: `no variable ${id.slice(0, 80)}` });
  },
};

function compileSet(element: XmlElement, compiling: Compiling, path: Path): Indexed {
  const id = path.at(-1)!.id;
  allowOnly(
    element,
    [
      ...SHARED,
      'PolicySetDefaults',
      'Policy',
      'PolicySet',
      'PolicyIdReference',
      'PolicySetIdReference',
      'PolicyCombinerParameters',
      'PolicySetCombinerParameters',
    ],
    id,
  );
  const children: Indexed[] = [];
  for (const part of elementsOf(element)) {
    if (part.local === 'Policy' || part.local === 'PolicySet') children.push(compileAny(part, compiling, path));
    else if (part.local.endsWith('IdReference'))
      children.push(compileAny(referred(part, compiling, id), compiling, path));
  }
  const algorithm = required(element, 'PolicyCombiningAlgId', id);
  const combine = combiningOf('policy', algorithm);
  if (!combine) throw new MixError('policy.unknown-function', { place: id, detail: algorithm.slice(0, 120) });
  return enclose(element, combine(indexChildren(children)), NO_VARIABLES, path);
}

/** The policy that a reference names: newest version that fits its patterns (5.10 to 5.13). */
function referred(reference: XmlElement, compiling: Compiling, place: string): XmlElement {
  const kind = reference.local === 'PolicyIdReference' ? 'Policy' : 'PolicySet';
  const id = reference.children
    .filter((node) => typeof node === 'string')
    .join('')
    .trim();
  const fits = (compiling.library.get(`${kind} ${id}`) ?? []).filter((element) => {
    const version = required(element, 'Version', id);
    const exact = attributeOf(reference, 'Version');
    const [earliest, latest] = [attributeOf(reference, 'EarliestVersion'), attributeOf(reference, 'LatestVersion')];
    if (exact !== undefined && !matchesVersion(exact, version)) return false;
    if (earliest !== undefined && compareVersions(version, earliest) < 0) return false;
    return latest === undefined || compareVersions(version, latest) <= 0;
  });
  const newest = fits.sort((a, b) => compareVersions(attributeOf(b, 'Version')!, attributeOf(a, 'Version')!))[0];
  if (!newest) throw new MixError('policy.reference', { place, detail: id.slice(0, 120) });
  return newest;
}

/** `*` stands for one number, `+` for any number of them (5.13). */
function matchesVersion(pattern: string, version: string): boolean {
  const parts = version.split('.');
  const wanted = pattern.split('.');
  for (let i = 0; i < wanted.length; i++) {
    if (wanted[i] === '+') return true;
    if (parts[i] === undefined || (wanted[i] !== '*' && Number(wanted[i]) !== Number(parts[i]))) return false;
  }
  return parts.length === wanted.length;
}

/** Order of two versions; a wildcard counts as equal. */
function compareVersions(a: string, b: string): number {
  const [x, y] = [a.split('.'), b.split('.')];
  for (let i = 0; i < Math.max(x.length, y.length); i++) {
    if ([x[i], y[i]].some((part) => part === '*' || part === '+')) return 0;
    const order = Number(x[i] ?? -1) - Number(y[i] ?? -1);
    if (order !== 0) return order;
  }
  return 0;
}

function compileRules(element: XmlElement, compiling: Compiling, path: Path): Indexed {
  const id = path.at(-1)!.id;
  allowOnly(element, [...SHARED, 'PolicyDefaults', 'VariableDefinition', 'Rule', 'RuleCombinerParameters'], id);
  const scope = variablesOf(element, id);
  const ids = new Set<string>();
  const rules: Indexed[] = [];
  for (const part of elementsOf(element)) {
    if (part.local !== 'Rule') continue;
    countNode(compiling, id);
    const ruleId = required(part, 'RuleId', id);
    if (ids.has(ruleId)) throw new MixError('policy.duplicate', { place: id, detail: ruleId });
    ids.add(ruleId);
    rules.push(compileRule(part, ruleId, scope, path));
  }
  const algorithm = required(element, 'RuleCombiningAlgId', id);
  const combine = combiningOf('rule', algorithm);
  if (!combine) throw new MixError('policy.unknown-function', { place: id, detail: algorithm.slice(0, 120) });
  return enclose(element, combine(indexChildren(rules)), scope, path);
}

/** Variables of one policy, compiled when first used; their values are worked out once a decision (7.8). */
function variablesOf(policy: XmlElement, place: string): Scope {
  const definitions = new Map<string, XmlElement>();
  for (const part of elementsOf(policy)) {
    if (part.local !== 'VariableDefinition') continue;
    const id = required(part, 'VariableId', place);
    if (definitions.has(id)) throw new MixError('policy.duplicate', { place, detail: id });
    definitions.set(id, part);
  }
  const done = new Map<string, Expression | 'open'>();
  const scope: Scope = {
    depth: 0,
    variable: (id, at) => {
      const known = done.get(id);
      if (known === 'open')
        throw new MixError('policy.reference', { place: at, detail: `variable ${id.slice(0, 80)} uses itself` });
      if (known) return known;
      const definition = definitions.get(id);
      if (!definition) return NO_VARIABLES.variable(id, at);
      done.set(id, 'open');
      const [body, ...more] = elementsOf(definition);
      if (!body || more.length > 0) return refusePolicy(at, 'a variable has one expression');
      const once = evaluateOnce(compileExpression(body, scope, `${place}/${id}`));
      done.set(id, once);
      return once;
    },
  };
  // Also those that nothing refers to must be right.
  for (const id of definitions.keys()) scope.variable(id, place);
  return scope;
}

function evaluateOnce(expression: Expression): Expression {
  if (expression.constant !== undefined) return expression;
  const evaluate = (context: Context): Value => {
    context.variables ??= new Map();
    const known = context.variables.get(expression);
    if (known !== undefined) return known;
    const value = expression.evaluate(context);
    context.variables.set(expression, value);
    return value;
  };
  return { ...expression, evaluate };
}

function compileRule(element: XmlElement, ruleId: string, scope: Scope, path: Path): Indexed {
  const place = `${path.at(-1)!.id}/${ruleId}`;
  allowOnly(element, ['Description', 'Target', 'Condition', 'ObligationExpressions', 'AdviceExpressions'], place);
  const word = required(element, 'Effect', place);
  if (word !== 'Permit' && word !== 'Deny') return refusePolicy(place, 'Effect is Permit or Deny');
  const effect = word === 'Permit' ? OUTCOME.permit : OUTCOME.deny;
  const fault = word === 'Permit' ? OUTCOME.faultPermit : OUTCOME.faultDeny;
  const target = compileTarget(child(element, 'Target'), scope, place);
  const condition = compileCondition(child(element, 'Condition'), scope, place);
  const fulfill = compileFulfillments(element, scope, place);
  const ruling: Ruling = { ruleId, sentence: sentenceOf(element), path };
  const evaluate = (context: Context): Outcome => {
    const match = target.match(context);
    if (match === 0) return OUTCOME.none;
    if (match === 2) return fault;
    try {
      if (condition && condition.evaluate(context) !== true) return OUTCOME.none;
      if (fulfill) fulfill(context, word);
    } catch (error) {
      if (!(error instanceof EvaluationFault)) throw error;
      context.fault ??= error;
      return fault;
    }
    if (effect === OUTCOME.permit) context.permitBy ??= ruling;
    else context.denyBy ??= ruling;
    return effect;
  };
  return { node: { evaluate, match: target.match }, needs: target.needs };
}

function compileCondition(element: XmlElement | undefined, scope: Scope, place: string): Expression | undefined {
  if (!element) return undefined;
  const [body, ...more] = elementsOf(element);
  if (!body || more.length > 0) return refusePolicy(place, 'a Condition has one expression');
  const condition = compileExpression(body, scope, `${place}/Condition`);
  if (condition.type !== TYPES.boolean || condition.bag)
    throw new MixError('policy.type', { place: `${place}/Condition`, detail: 'not a boolean' });
  return condition;
}

/** Target, obligations and the way told, around the combined children (7.12, 7.13, table 7). */
function enclose(element: XmlElement, combined: (context: Context) => Outcome, scope: Scope, path: Path): Indexed {
  const { id, sentence } = path.at(-1)!;
  const target = compileTarget(child(element, 'Target'), scope, id);
  const fulfill = compileFulfillments(element, scope, id);
  const byDefault: Ruling = { ruleId: '', sentence, path };
  const evaluate = (context: Context): Outcome => {
    const match = target.match(context);
    if (match === 0) return OUTCOME.none;
    const { permitBy, denyBy } = context;
    const from = context.fulfillments.length;
    let outcome = combined(context);
    if (match === 2 && outcome === OUTCOME.permit) outcome = OUTCOME.faultPermit;
    else if (match === 2 && outcome === OUTCOME.deny) outcome = OUTCOME.faultDeny;
    outcome = settle(context, outcome, from, fulfill);
    if (outcome !== OUTCOME.permit) context.permitBy = permitBy;
    else context.permitBy ??= byDefault;
    if (outcome !== OUTCOME.deny) context.denyBy = denyBy;
    else context.denyBy ??= byDefault;
    return outcome;
  };
  return { node: { evaluate, match: target.match }, needs: target.needs };
}

type Fulfill = ReturnType<typeof compileFulfillments>;

/** Keeps the obligations that go with the outcome and adds the policy's own (7.18). */
function settle(context: Context, outcome: Outcome, from: number, fulfill: Fulfill): Outcome {
  const effect = outcome === OUTCOME.permit ? 'Permit' : outcome === OUTCOME.deny ? 'Deny' : undefined;
  const list = context.fulfillments;
  if (list.length > from)
    context.fulfillments = [...list.slice(0, from), ...list.slice(from).filter((one) => one.effect === effect)];
  if (!effect || !fulfill) return outcome;
  try {
    fulfill(context, effect);
    return outcome;
  } catch (error) {
    if (!(error instanceof EvaluationFault)) throw error;
    context.fault ??= error;
    context.fulfillments = context.fulfillments.slice(0, from);
    return effect === 'Permit' ? OUTCOME.faultPermit : OUTCOME.faultDeny;
  }
}
