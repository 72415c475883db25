/** One decision: the compiled policies over one request (XACML 3.0 7.17). */
import { OUTCOME } from './combine.ts';
import type { CompiledPolicy } from './compile.ts';
import { type AttributeValues, Context, EvaluationFault, type Fulfillment, type Ruling } from './context.ts';

export type DecisionWord = 'Permit' | 'Deny' | 'NotApplicable' | 'Indeterminate';

export interface Result {
  decision: DecisionWord;
  /** Indeterminate by what it could have been: P, D or DP. */
  could?: 'P' | 'D' | 'DP';
  fulfillments: Fulfillment[];
  /** The rule or policy that spoke; absent where none did. */
  ruling: Ruling | undefined;
  /** Why it could not be told. */
  fault: EvaluationFault | undefined;
  /** A fault met on the way to a decision that was made all the same; it may have kept a rule from speaking. */
  passed?: EvaluationFault;
}

/** Decides over the attributes of one single request; `now` in ms since the epoch serves the environment's current times. */
export function evaluatePolicy(
  policy: CompiledPolicy,
  attributes: Map<string, AttributeValues[]>,
  now: number,
): Result {
  const context = new Context(attributes, now);
  const outcome = policy.evaluate(context);
  if (outcome === OUTCOME.permit || outcome === OUTCOME.deny) {
    const permitted = outcome === OUTCOME.permit;
    return {
      decision: permitted ? 'Permit' : 'Deny',
      fulfillments: context.fulfillments,
      ruling: permitted ? context.permitBy : context.denyBy,
      fault: undefined,
      passed: context.fault,
    };
  }
  if (outcome === OUTCOME.none)
    return { decision: 'NotApplicable', fulfillments: [], ruling: undefined, fault: undefined };
  const could = outcome === OUTCOME.faultPermit ? 'P' : outcome === OUTCOME.faultDeny ? 'D' : 'DP';
  const fault = context.fault ?? new EvaluationFault('processing-error', 'more than one policy applies');
  return { decision: 'Indeterminate', could, fulfillments: [], ruling: undefined, fault };
}
