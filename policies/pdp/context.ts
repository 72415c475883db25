/** What one decision works on: the request's attributes, and what is found on the way. */
import type { Bag, DataType, Instant, Scalar } from './datatypes.ts';
import { DAY_MS, TYPES } from './datatypes.ts';

/** Values of one attribute of the request, of one type and issuer. */
export interface AttributeValues {
  type: DataType;
  issuer: string | undefined;
  values: Bag;
}

/** Category and id in one key; neither may hold a space (they are URIs). */
export function attributeKey(category: string, id: string): string {
  return `${category} ${id}`;
}

export interface Assignment {
  attributeId: string;
  category: string | undefined;
  issuer: string | undefined;
  type: DataType;
  value: Scalar;
}

/** An obligation or an advice that came with the decision. */
export interface Fulfillment {
  kind: 'obligation' | 'advice';
  id: string;
  effect: 'Permit' | 'Deny';
  assignments: Assignment[];
}

export interface MissingAttribute {
  category: string;
  attributeId: string;
  type: string;
  issuer: string | undefined;
}

export type StatusCode = 'missing-attribute' | 'processing-error' | 'syntax-error';

/**
 * Thrown inside of an evaluation and caught at the nearest target, condition or obligation, where it becomes Indeterminate.
 * No Error: making a stack for each missing attribute would cost more than the decision.
 */
export class EvaluationFault {
  readonly code: StatusCode;
  readonly detail: string;
  readonly missing: MissingAttribute | undefined;
  constructor(code: StatusCode, detail: string, missing?: MissingAttribute) {
    this.code = code;
    this.detail = detail;
    this.missing = missing;
  }
}

/** The rule that spoke, with the policies around it, outermost first. */
export interface Ruling {
  ruleId: string;
  sentence: string;
  path: readonly { id: string; sentence: string }[];
}

/** Function calls that one decision may make. */
const CALLS_MAX = 200_000;

const ENVIRONMENT = 'urn:oasis:names:tc:xacml:3.0:attribute-category:environment';
const CURRENT = 'urn:oasis:names:tc:xacml:1.0:environment:current-';
const CURRENT_TIME = attributeKey(ENVIRONMENT, `${CURRENT}time`);
const CURRENT_DATE = attributeKey(ENVIRONMENT, `${CURRENT}date`);
const CURRENT_DATE_TIME = attributeKey(ENVIRONMENT, `${CURRENT}dateTime`);

export class Context {
  readonly attributes: Map<string, AttributeValues[]>;
  readonly now: number;
  fulfillments: Fulfillment[] = [];
  permitBy: Ruling | undefined;
  denyBy: Ruling | undefined;
  fault: EvaluationFault | undefined;
  variables: Map<object, Scalar | Bag> | undefined;
  private calls = 0;

  constructor(attributes: Map<string, AttributeValues[]>, now: number) {
    this.attributes = attributes;
    this.now = now;
  }

  /** Counts a function call; throws when the decision has made too many. */
  count(): void {
    if (++this.calls > CALLS_MAX)
      throw new EvaluationFault('processing-error', `more than ${CALLS_MAX} function calls`);
  }

  /** The values of an attribute of one type; environment times are supplied when the request has none (XACML 3.0 B.7). */
  find(key: string, type: DataType, issuer: string | undefined): Bag {
    const entries = this.attributes.get(key);
    if (!entries) return issuer === undefined ? this.supplied(key, type) : NONE;
    if (entries.length === 1) {
      const only = entries[0]!;
      return only.type === type && (issuer === undefined || only.issuer === issuer) ? only.values : NONE;
    }
    const found: Scalar[] = [];
    for (const entry of entries)
      if (entry.type === type && (issuer === undefined || entry.issuer === issuer)) found.push(...entry.values);
    return found;
  }

  private supplied(key: string, type: DataType): Bag {
    const now = this.now;
    const today = Math.floor(now / DAY_MS) * DAY_MS;
    if (key === CURRENT_DATE_TIME && type === TYPES.dateTime) return [utc(now)];
    if (key === CURRENT_DATE && type === TYPES.date) return [utc(today)];
    if (key === CURRENT_TIME && type === TYPES.time) return [utc(now - today)];
    return NONE;
  }
}

function utc(ms: number): Instant {
  return { ms, zone: 0 };
}

const NONE: Bag = [];
