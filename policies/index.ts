/** The door of policies: who may do what. Everything that is not permitted by a policy is refused. */
import { readdirSync, readFileSync } from 'node:fs';
import { MixError } from '../schemas/errors/index.ts';
import { type Action, ATTRIBUTES, type PurposeOfUse, type ResourceType } from '../schemas/xacml/attributes.ts';
import { attributeOf, escapeAttribute, escapeText } from '../schemas/xml.ts';
import {
  type AttributeValues,
  attributeKey,
  type CompiledPolicy,
  compilePolicy,
  evaluatePolicy,
  type Fulfillment,
  readPolicy,
  TYPES,
} from './pdp/index.ts';

export {
  type CompiledPolicy,
  compilePolicy,
  type DecisionWord,
  evaluatePolicy,
  type Result,
  readRequest,
  type SingleRequest,
  writeResponse,
} from './pdp/index.ts';

/** What is asked, in the words of the house; `schemas/xacml/attributes.ts` tells which XACML attribute each becomes. */
export interface DecisionRequest {
  subject: {
    id: string;
    roles: readonly string[];
    organization?: string;
    /** Of the person for whom another node asks. */
    behalfRoles?: readonly string[];
  };
  action: Action;
  resource: { type: ResourceType; id?: string; personId?: string };
  /** HL7 PurposeOfUse code; without it no rule that names one applies. */
  purpose?: PurposeOfUse;
  /** ms since the epoch, for policies that look at the time; default the machine's clock. */
  now?: number;
}

export interface Obligation {
  id: string;
  attributes: Record<string, string[]>;
}

export interface Decision {
  /** `decide` over the shipped sets only ever says Permit or Deny; an engine over other policies may say the rest. */
  decision: 'Permit' | 'Deny' | 'NotApplicable' | 'Indeterminate';
  /** What must be done with a Permit (or Deny); whoever cannot do one of them must refuse. */
  obligations: Obligation[];
  advice: Obligation[];
  /** One plain sentence: the rule that decided, or why none did. */
  because: string;
  /** Rule and policies on the way to the decision, outermost policy first; the rule is empty where the default spoke. */
  way: { policies: string[]; rule: string };
}

export interface PolicyFile {
  name: string;
  xml: string | Uint8Array;
}

/** A set of policies, compiled. */
export interface Decider {
  decide(request: DecisionRequest): Decision;
  policy: CompiledPolicy;
}

const XACML = 'urn:oasis:names:tc:xacml:3.0:core:schema:wd-17';
const COMBINE = 'urn:oasis:names:tc:xacml:3.0:policy-combining-algorithm:';
const DEFAULT_SENTENCE = 'No policy permits this.';

/**
 * Compiles policy files into one decider: among them any Deny wins, and what none permits, or what cannot be told, is denied.
 * Throws `policy.*` with the place when a file is wrong; then nothing is loaded.
 */
export function compilePolicies(files: readonly PolicyFile[]): Decider {
  const read = files.map(({ name, xml }) => {
    const element = readPolicy(xml);
    const id = attributeOf(element, element.local === 'PolicySet' ? 'PolicySetId' : 'PolicyId');
    if (id === undefined) throw new MixError('policy.malformed', { place: name, detail: 'no Policy or PolicySet' });
    return { element, id };
  });
  const references = read.map(
    ({ element, id }) =>
      `<${element.local}IdReference Version="${escapeAttribute(attributeOf(element, 'Version') ?? '')}">${escapeText(id)}</${element.local}IdReference>`,
  );
  const root =
    `<PolicySet xmlns="${XACML}" PolicySetId="urn:mix-hie:policies" Version="1.0" PolicyCombiningAlgId="${COMBINE}deny-unless-permit">` +
    `<Description>${DEFAULT_SENTENCE}</Description><Target/>` +
    `<PolicySet PolicySetId="urn:mix-hie:policies:all" Version="1.0" PolicyCombiningAlgId="${COMBINE}deny-overrides"><Target/>${references.join('')}</PolicySet></PolicySet>`;
  const policy = compilePolicy(
    root,
    read.map(({ element }) => element),
  );
  return { policy, decide: (request) => decideBy(policy, request) };
}

/** The policy files that come with MIX, by name. */
export function shippedPolicies(): PolicyFile[] {
  const folder = new URL('./sets/', import.meta.url);
  return readdirSync(folder)
    .filter((name) => name.endsWith('.xml'))
    .sort()
    .map((name) => ({ name, xml: readFileSync(new URL(name, folder)) }));
}

let shipped: Decider | undefined;

/**
 * May this subject do this? Decides by the shipped policy set, which is read and compiled at the first call.
 *
 *     decide({ subject: { id: 'u1', roles: ['doctor'] }, action: 'read', resource: { type: 'patient' }, purpose: 'TREAT' }).decision; // 'Permit'
 */
export function decide(request: DecisionRequest): Decision {
  shipped ??= compilePolicies(shippedPolicies());
  return shipped.decide(request);
}

const keyOf = (entry: { category: string; id: string }): string => attributeKey(entry.category, entry.id);
const KEY = {
  subjectId: keyOf(ATTRIBUTES.subjectId),
  role: keyOf(ATTRIBUTES.role),
  behalfRole: keyOf(ATTRIBUTES.behalfRole),
  organization: keyOf(ATTRIBUTES.organization),
  purposeOfUse: keyOf(ATTRIBUTES.purposeOfUse),
  resourceType: keyOf(ATTRIBUTES.resourceType),
  resourceId: keyOf(ATTRIBUTES.resourceId),
  patientId: keyOf(ATTRIBUTES.patientId),
  actionId: keyOf(ATTRIBUTES.actionId),
};

/** Most roles that one subject is asked about. */
const ROLES_MAX = 100;

function attributesOf(request: DecisionRequest): Map<string, AttributeValues[]> {
  const { subject, resource } = request;
  const attributes = new Map<string, AttributeValues[]>();
  const put = (key: string, values: readonly string[]): void => {
    attributes.set(key, [{ type: TYPES.string, issuer: undefined, values }]);
  };
  put(KEY.subjectId, [subject.id]);
  const behalfRoles = subject.behalfRoles ?? [];
  if (subject.roles.length > ROLES_MAX || behalfRoles.length > ROLES_MAX)
    throw new MixError('policy.limit', { place: 'roles', detail: `more than ${ROLES_MAX}` });
  if (subject.roles.length > 0) put(KEY.role, subject.roles);
  if (behalfRoles.length > 0) put(KEY.behalfRole, behalfRoles);
  if (subject.organization !== undefined) put(KEY.organization, [subject.organization]);
  if (request.purpose !== undefined) put(KEY.purposeOfUse, [request.purpose]);
  put(KEY.resourceType, [resource.type]);
  if (resource.id !== undefined) put(KEY.resourceId, [resource.id]);
  if (resource.personId !== undefined) put(KEY.patientId, [resource.personId]);
  put(KEY.actionId, [request.action]);
  return attributes;
}

function decideBy(policy: CompiledPolicy, request: DecisionRequest): Decision {
  const result = evaluatePolicy(policy, attributesOf(request), request.now ?? Date.now());
  const { ruling } = result;
  // Where only the default spoke, a fault on the way is the better answer to "why".
  const fault = result.fault ?? (ruling?.ruleId === '' ? result.passed : undefined);
  return {
    decision: result.decision,
    obligations: toObligations(result.fulfillments, 'obligation'),
    advice: toObligations(result.fulfillments, 'advice'),
    because: fault
      ? `It could not be told whether a policy permits this (${fault.detail}).`
      : ruling?.sentence || DEFAULT_SENTENCE,
    way: { policies: ruling?.path.map((one) => one.id) ?? [], rule: ruling?.ruleId ?? '' },
  };
}

function toObligations(all: readonly Fulfillment[], kind: Fulfillment['kind']): Obligation[] {
  if (all.length === 0) return [];
  return all
    .filter((one) => one.kind === kind)
    .map((one) => {
      const attributes: Record<string, string[]> = {};
      for (const { attributeId, type, value } of one.assignments) {
        attributes[attributeId] ??= [];
        attributes[attributeId].push(type.write(value));
      }
      return { id: one.id, attributes };
    });
}
