/** The algorithm of RFC 5280 6.1 over one whole path, from the root down, for what single certificates can not tell. */
import type { KeyObject } from 'node:crypto';
import { inheritingKey, keyWeakness, parametersOf, verifySignature } from './algorithms.ts';
import { type Demands, isSignedBy, strengthOf } from './check-certificate.ts';
import { addConstraints, checkNames, type Effort, freshConstraints } from './name-constraints.ts';
import { isSelfIssued, keyOf, type ParsedCertificate } from './parse-certificate.ts';
import {
  addPolicies,
  freshPolicies,
  holdsPolicies,
  mapPolicies,
  type PolicyInputs,
  type PolicyState,
} from './policy-graph.ts';
import { fault, type PathFault } from './verdict.ts';

/** A path that holds, with the working key of each of its certificates. */
export interface CheckedPath {
  /** Root first. */
  certificates: ParsedCertificate[];
  keys: (KeyObject | undefined)[];
}

/** Checks a path, root first, whose certificates and signatures have been looked at one by one. */
export function checkPath(
  path: ParsedCertificate[],
  demands: Demands,
  inputs: PolicyInputs,
  effort: Effort,
): PathFault | CheckedPath {
  const keys = workingKeys(path, demands);
  if (!Array.isArray(keys)) return keys;
  return (
    checkLength(path) ??
    checkConstraints(path, demands, effort) ??
    checkPolicies(path, inputs, effort) ?? { certificates: path, keys }
  );
}

/** Keys from the root down; one without parameters takes those of its issuer (RFC 5280 6.1.4 d to f). */
function workingKeys(path: ParsedCertificate[], demands: Demands): PathFault | (KeyObject | undefined)[] {
  const keys: (KeyObject | undefined)[] = [];
  let parameters: Buffer | undefined;
  for (const [at, certificate] of path.entries()) {
    const above = path[at - 1];
    if (above !== undefined && isSignedBy(certificate, above) === 'later') {
      const key = keys[at - 1];
      const holds =
        key !== undefined && verifySignature(certificate.body, certificate.algorithm, certificate.signature, key);
      if (!holds) return fault('chain.signature', certificate);
    }
    const key = keyOf(certificate) ?? inheritingKey(certificate, parameters);
    const weakness = key === undefined ? 'public key' : keyWeakness(certificate, key, strengthOf(demands));
    if (weakness !== undefined) return fault('chain.weak', certificate, weakness);
    parameters = parametersOf(certificate, parameters);
    keys.push(key);
  }
  return keys;
}

/** RFC 5280 6.1.4 l, m. A root that limits its length is heeded too (RFC 5937 3). */
function checkLength(path: ParsedCertificate[]): PathFault | undefined {
  let room = path[0]?.pathLength ?? Number.POSITIVE_INFINITY;
  for (const authority of path.slice(1, -1)) {
    if (!isSelfIssued(authority)) {
      if (room <= 0) return fault('chain.path-length', authority);
      room -= 1;
    }
    room = Math.min(room, authority.pathLength ?? room);
  }
  return undefined;
}

/** RFC 5280 6.1.3 b and c, 6.1.4 g. The constraints of a root are heeded too (RFC 5937 3). */
function checkConstraints(path: ParsedCertificate[], demands: Demands, effort: Effort): PathFault | undefined {
  const state = freshConstraints(effort);
  for (const [at, certificate] of path.entries()) {
    const isLeaf = at === path.length - 1;
    if (at > 0 && (isLeaf || !isSelfIssued(certificate))) {
      const detail = checkNames(state, certificate);
      if (detail === 'limit') return fault('chain.limit', certificate, 'name constraints');
      if (detail !== undefined) return fault('chain.name-constraint', certificate, detail);
    }
    if (certificate.nameConstraints === undefined) continue;
    const detail = addConstraints(state, certificate.nameConstraints, demands.strictness === 'web');
    if (detail !== undefined) return fault('chain.name-constraint', certificate, detail);
  }
  return undefined;
}

/** RFC 5280 6.1.3 d to f, 6.1.4 a, b, h to j, 6.1.5 a, b, g. */
function checkPolicies(path: ParsedCertificate[], inputs: PolicyInputs, effort: Effort): PathFault | undefined {
  const below = path.slice(1);
  const state = freshPolicies(below.length, inputs, effort);
  for (const [at, certificate] of below.entries()) {
    const isLeaf = at === below.length - 1;
    const mayBeAny = state.inhibitAny > 0 || (!isLeaf && isSelfIssued(certificate));
    if (!addPolicies(state, certificate, mayBeAny)) return fault('chain.limit', certificate, 'policies');
    if (state.explicitPolicy === 0 && state.levels === undefined) return fault('chain.policy', certificate);
    if (isLeaf) continue;
    const detail = certificate.policyMappings && mapPolicies(state, certificate.policyMappings);
    if (detail !== undefined) return fault('chain.policy', certificate, detail);
    countDown(state, certificate);
  }
  const leaf = path.at(-1)!;
  const isExplicit = state.explicitPolicy <= 1 || leaf.policyConstraints?.requireExplicit === 0;
  if (!isExplicit) return undefined;
  return holdsPolicies(state, inputs.initialPolicySet) ? undefined : fault('chain.policy', leaf);
}

function countDown(state: PolicyState, certificate: ParsedCertificate): void {
  if (!isSelfIssued(certificate)) {
    state.explicitPolicy = Math.max(0, state.explicitPolicy - 1);
    state.policyMapping = Math.max(0, state.policyMapping - 1);
    state.inhibitAny = Math.max(0, state.inhibitAny - 1);
  }
  const { requireExplicit, inhibitMapping } = certificate.policyConstraints ?? {};
  state.explicitPolicy = Math.min(state.explicitPolicy, requireExplicit ?? state.explicitPolicy);
  state.policyMapping = Math.min(state.policyMapping, inhibitMapping ?? state.policyMapping);
  state.inhibitAny = Math.min(state.inhibitAny, certificate.inhibitAnyPolicy ?? state.inhibitAny);
}
