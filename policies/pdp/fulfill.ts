/** Obligation and advice expressions (XACML 3.0 5.39 to 5.41, 7.18). */
import { attributeOf, type XmlElement } from '../../schemas/xml.ts';
import type { Assignment, Context, Fulfillment } from './context.ts';
import type { Bag, Scalar } from './datatypes.ts';
import { compileExpression, type Expression, type Scope } from './expressions.ts';
import { allowOnly, child, elementsOf, refusePolicy, required } from './reading.ts';

interface CompiledFulfillment {
  kind: 'obligation' | 'advice';
  id: string;
  effect: 'Permit' | 'Deny';
  assignments: {
    attributeId: string;
    category: string | undefined;
    issuer: string | undefined;
    expression: Expression;
  }[];
}

/**
 * What a rule or policy asks to be done with its decision; undefined when nothing. The function adds those for an effect to the context; an
 * evaluation fault in one of them adds none.
 */
export function compileFulfillments(
  element: XmlElement,
  scope: Scope,
  place: string,
): ((context: Context, effect: 'Permit' | 'Deny') => void) | undefined {
  const all = [
    ...listOf(element, 'ObligationExpressions', 'ObligationExpression').map((one) =>
      compileOne(one, 'obligation', scope, place),
    ),
    ...listOf(element, 'AdviceExpressions', 'AdviceExpression').map((one) => compileOne(one, 'advice', scope, place)),
  ];
  if (all.length === 0) return undefined;
  return (context, effect) => {
    const made = all.filter((one) => one.effect === effect).map((one) => fulfill(one, context));
    context.fulfillments.push(...made);
  };
}

function listOf(element: XmlElement, list: string, item: string): XmlElement[] {
  const found = child(element, list);
  if (found) allowOnly(found, [item], list);
  return found ? elementsOf(found) : [];
}

function compileOne(
  element: XmlElement,
  kind: CompiledFulfillment['kind'],
  scope: Scope,
  place: string,
): CompiledFulfillment {
  const id = required(element, kind === 'obligation' ? 'ObligationId' : 'AdviceId', place);
  const effect = required(element, kind === 'obligation' ? 'FulfillOn' : 'AppliesTo', place);
  if (effect !== 'Permit' && effect !== 'Deny') return refusePolicy(place, `${effect} is neither Permit nor Deny`);
  allowOnly(element, ['AttributeAssignmentExpression'], place);
  const assignments = elementsOf(element).map((one) => {
    const [body, ...more] = elementsOf(one);
    if (!body || more.length > 0) return refusePolicy(place, 'an assignment has one expression');
    return {
      attributeId: required(one, 'AttributeId', place),
      category: attributeOf(one, 'Category'),
      issuer: attributeOf(one, 'Issuer'),
      expression: compileExpression(body, scope, `${place}/${id}`),
    };
  });
  return { kind, id, effect, assignments };
}

/** A bag gives an assignment for each of its values. */
function fulfill(one: CompiledFulfillment, context: Context): Fulfillment {
  const assignments: Assignment[] = [];
  for (const { attributeId, category, issuer, expression } of one.assignments) {
    const value = expression.evaluate(context);
    const values = expression.bag ? (value as Bag) : [value as Scalar];
    for (const each of values) assignments.push({ attributeId, category, issuer, type: expression.type, value: each });
  }
  return { kind: one.kind, id: one.id, effect: one.effect, assignments };
}
