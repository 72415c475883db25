/** Combining algorithms of XACML 3.0 appendix C, and the older ones of its C.10 to C.13. */
import type { Context } from './context.ts';

/** NotApplicable, Permit, Deny, and Indeterminate by what it could have been (7.10). */
export const OUTCOME = { none: 0, permit: 1, deny: 2, faultPermit: 3, faultDeny: 4, faultEither: 5 } as const;
export type Outcome = (typeof OUTCOME)[keyof typeof OUTCOME];

/** A rule, policy or policy set, ready to run. */
export interface Node {
  evaluate(context: Context): Outcome;
  /** Does the target match: 0 no, 1 yes, 2 cannot be told. */
  match(context: Context): 0 | 1 | 2;
}

/** Children that can matter for a request, in order. */
export type Pick = (context: Context) => readonly Node[];
export type Combine = (pick: Pick) => (context: Context) => Outcome;

const { none, permit, deny, faultPermit, faultDeny, faultEither } = OUTCOME;

/** C.2 and C.4: `winner` overrides. */
function overrides(winner: 1 | 2): Combine {
  const loser = winner === deny ? permit : deny;
  const faultWinner = winner === deny ? faultDeny : faultPermit;
  const faultLoser = winner === deny ? faultPermit : faultDeny;
  return (pick) => (context) => {
    let [lost, hadWinner, hadLoser, hadEither] = [false, false, false, false];
    for (const child of pick(context)) {
      const outcome = child.evaluate(context);
      if (outcome === winner) return winner;
      if (outcome === loser) lost = true;
      else if (outcome === faultWinner) hadWinner = true;
      else if (outcome === faultLoser) hadLoser = true;
      else if (outcome === faultEither) hadEither = true;
    }
    if (hadEither || (hadWinner && (hadLoser || lost))) return faultEither;
    if (hadWinner) return faultWinner;
    if (lost) return loser;
    return hadLoser ? faultLoser : none;
  };
}

/** C.6 and C.7: `wanted` if any child says so, else the other; never Indeterminate. */
function unless(wanted: 1 | 2): Combine {
  const other = wanted === permit ? deny : permit;
  return (pick) => (context) => {
    for (const child of pick(context)) if (child.evaluate(context) === wanted) return wanted;
    return other;
  };
}

/** C.8 */
const firstApplicable: Combine = (pick) => (context) => {
  for (const child of pick(context)) {
    const outcome = child.evaluate(context);
    if (outcome !== none) return outcome;
  }
  return none;
};

/** C.9 */
const onlyOneApplicable: Combine = (pick) => (context) => {
  let chosen: Node | undefined;
  for (const child of pick(context)) {
    const match = child.match(context);
    if (match === 2 || (match === 1 && chosen)) return faultEither;
    if (match === 1) chosen = child;
  }
  return chosen ? chosen.evaluate(context) : none;
};

/** C.10 and C.12: the rule-combining forms of version 1.0, where a fault of a losing rule does not hide behind a decision. */
function oldRuleOverrides(winner: 1 | 2): Combine {
  const loser = winner === deny ? permit : deny;
  const faultWinner = winner === deny ? faultDeny : faultPermit;
  return (pick) => (context) => {
    let [lost, could, fault] = [false, false, none as Outcome];
    for (const child of pick(context)) {
      const outcome = child.evaluate(context);
      if (outcome === winner) return winner;
      if (outcome === loser) lost = true;
      else if (outcome === faultWinner || outcome === faultEither) could = true;
      else if (outcome !== none) fault = outcome;
    }
    if (could) return lost || fault ? faultEither : faultWinner;
    return lost ? loser : fault;
  };
}

/** C.11: a policy that cannot be told counts as Deny. */
const oldPolicyDenyOverrides: Combine = (pick) => (context) => {
  let permitted = false;
  for (const child of pick(context)) {
    const outcome = child.evaluate(context);
    if (outcome === permit) permitted = true;
    else if (outcome !== none) return deny;
  }
  return permitted ? permit : none;
};

/** C.13 */
const oldPolicyPermitOverrides: Combine = (pick) => (context) => {
  let [denied, fault] = [false, none as Outcome];
  for (const child of pick(context)) {
    const outcome = child.evaluate(context);
    if (outcome === permit) return permit;
    if (outcome === deny) denied = true;
    else if (outcome !== none) fault = outcome;
  }
  return denied ? deny : fault;
};

function names(kind: 'rule' | 'policy'): Map<string, Combine> {
  const [v1, v11, v3] = ['1.0', '1.1', '3.0'].map(
    (version) => `urn:oasis:names:tc:xacml:${version}:${kind}-combining-algorithm:`,
  );
  const oldDeny = kind === 'rule' ? oldRuleOverrides(deny) : oldPolicyDenyOverrides;
  const oldPermit = kind === 'rule' ? oldRuleOverrides(permit) : oldPolicyPermitOverrides;
  return new Map<string, Combine>([
    [`${v3}deny-overrides`, overrides(deny)],
    [`${v3}permit-overrides`, overrides(permit)],
    [`${v3}ordered-deny-overrides`, overrides(deny)],
    [`${v3}ordered-permit-overrides`, overrides(permit)],
    [`${v3}deny-unless-permit`, unless(permit)],
    [`${v3}permit-unless-deny`, unless(deny)],
    [`${v1}first-applicable`, firstApplicable],
    [`${v1}deny-overrides`, oldDeny],
    [`${v1}permit-overrides`, oldPermit],
    [`${v11}ordered-deny-overrides`, oldDeny],
    [`${v11}ordered-permit-overrides`, oldPermit],
    ...(kind === 'policy' ? ([[`${v1}only-one-applicable`, onlyOneApplicable]] as [string, Combine][]) : []),
  ]);
}

const RULES = names('rule');
const POLICIES = names('policy');

/** The algorithm of an identifier, for rules or for policies. */
export function combiningOf(kind: 'rule' | 'policy', id: string): Combine | undefined {
  return (kind === 'rule' ? RULES : POLICIES).get(id);
}
