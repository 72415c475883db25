/**
 * The policies that a path is valid under, as a graph with one node a policy and depth (RFC 9618, which replaces the tree of RFC 5280 6.1: that one
 * grows exponentially with mappings that cross, this one by policies times depth).
 */
import type { Effort } from './name-constraints.ts';
import type { ParsedCertificate } from './parse-certificate.ts';
import { ANY_POLICY } from './read-extensions.ts';

interface PolicyNode {
  policy: string;
  expected: Set<string>;
  parents: PolicyNode[];
}

type Level = Map<string, PolicyNode>;

/** What the asker wants of policies (RFC 5280 6.1.1 c, e, f, g). */
export interface PolicyInputs {
  /** OIDs that are acceptable; absent or with anyPolicy: all. */
  initialPolicySet?: readonly string[];
  explicitPolicy?: boolean;
  inhibitMapping?: boolean;
  inhibitAny?: boolean;
}

export interface PolicyState {
  /** Undefined: no policy is valid any more. */
  levels: Level[] | undefined;
  explicitPolicy: number;
  policyMapping: number;
  inhibitAny: number;
  effort: Effort;
}

/** Most policies, each counted where it stands for one below it, that a search looks at. */
const POLICIES_MAX = 150_000;

/** At the trust anchor, `length` certificates above the end (RFC 5280 6.1.2). */
export function freshPolicies(length: number, inputs: PolicyInputs, effort: Effort): PolicyState {
  const counter = (isSet: boolean | undefined): number => (isSet ? 0 : length + 1);
  const root: PolicyNode = { policy: ANY_POLICY, expected: new Set([ANY_POLICY]), parents: [] };
  return {
    levels: [new Map([[ANY_POLICY, root]])],
    explicitPolicy: counter(inputs.explicitPolicy),
    policyMapping: counter(inputs.inhibitMapping),
    inhibitAny: counter(inputs.inhibitAny),
    effort,
  };
}

/** Takes a certificate's policies in (RFC 5280 6.1.3 d, e). False where they are too many to say. */
export function addPolicies(state: PolicyState, certificate: ParsedCertificate, mayBeAny: boolean): boolean {
  const above = state.levels?.at(-1);
  const ids = certificate.policies?.ids;
  if (ids === undefined) state.levels = undefined;
  if (state.levels === undefined || above === undefined || ids === undefined) return true;
  const level: Level = new Map();
  const expecting = new Map<string, PolicyNode[]>();
  for (const node of above.values())
    for (const policy of node.expected) {
      if (++state.effort.policies > POLICIES_MAX) return false;
      const nodes = expecting.get(policy);
      if (nodes === undefined) expecting.set(policy, [node]);
      else nodes.push(node);
    }
  const put = (policy: string, parents: PolicyNode[]): void =>
    void level.set(policy, { policy, expected: new Set([policy]), parents });
  const any = above.get(ANY_POLICY);
  for (const policy of ids) {
    if (policy === ANY_POLICY) continue;
    const parents = expecting.get(policy) ?? (any === undefined ? [] : [any]);
    if (parents.length > 0) put(policy, parents);
  }
  if (ids.has(ANY_POLICY) && mayBeAny)
    for (const [policy, parents] of expecting) if (!level.has(policy)) put(policy, parents);
  state.levels.push(level);
  prune(state);
  return true;
}

/** Applies a certificate's mappings (RFC 5280 6.1.4 a, b); a text tells why they can not be. */
export function mapPolicies(state: PolicyState, mappings: Map<string, Set<string>>): string | undefined {
  if (mappings.has(ANY_POLICY) || [...mappings.values()].some((to) => to.has(ANY_POLICY)))
    return 'a mapping of any policy';
  const level = state.levels?.at(-1);
  const above = state.levels?.at(-2);
  if (level === undefined) return undefined;
  for (const [from, to] of mappings) {
    const node = level.get(from);
    if (state.policyMapping === 0) level.delete(from);
    else if (node !== undefined) node.expected = to;
    else {
      const parent = above?.get(ANY_POLICY);
      if (level.has(ANY_POLICY) && parent !== undefined)
        level.set(from, { policy: from, expected: to, parents: [parent] });
    }
  }
  prune(state);
  return undefined;
}

/** Takes away what leads nowhere; without anything at the last depth there is no graph. */
function prune(state: PolicyState): void {
  const { levels } = state;
  if (levels === undefined) return;
  let used = new Set(levels.at(-1)?.values() ?? []);
  if (used.size === 0) {
    state.levels = undefined;
    return;
  }
  for (let depth = levels.length - 2; depth >= 0; depth--) {
    const parents = new Set([...used].flatMap((node) => node.parents));
    const level = levels[depth]!;
    for (const [policy, node] of level) if (!parents.has(node)) level.delete(policy);
    used = new Set(level.values());
  }
}

/** Does one of the asker's policies hold over the whole path? (RFC 9618 5.3, in place of RFC 5280 6.1.5 g) */
export function holdsPolicies(state: PolicyState, wanted: readonly string[] | undefined): boolean {
  const { levels } = state;
  if (levels === undefined) return false;
  if (wanted === undefined || wanted.includes(ANY_POLICY)) return true;
  if (levels.at(-1)?.has(ANY_POLICY)) return wanted.length > 0;
  const own = new Set(wanted);
  // The policy as the trust anchor's side calls it is the one right below any policy.
  return levels.some((level, depth) => {
    if (depth === 0) return false;
    const any = levels[depth - 1]?.get(ANY_POLICY);
    if (any === undefined) return false;
    return [...level.values()].some(({ policy, parents }) => own.has(policy) && parents.includes(any));
  });
}
