/**
 * The only enforcement point for access to what we hold: decide, obey obligations, audit.
 * Nothing reads or discloses without a Permit from here; a refusal is audited as well.
 */

import { type Decision, type DecisionRequest, decide } from '../policies/index.ts';
import { MixError } from '../schemas/errors/index.ts';
import type { NodeSubject } from '../schemas/exchange.ts';
import type { AuditEntry, Changes, Clock, Store } from '../schemas/parts.ts';
import { PURPOSES, type PurposeOfUse } from '../schemas/xacml/attributes.ts';
import type { Subject } from './admit.ts';

/** Whoever asks: a person, an interface, this node itself, or another node. */
export type Asker = Subject | NodeSubject;

export type Action = DecisionRequest['action'];
export type ResourceType = DecisionRequest['resource']['type'];

/** What is asked for: a kind of thing, which one, and whose. */
export interface Thing {
  type: ResourceType;
  id?: string;
  personId?: string;
}

const AUDITED_AS: Record<Action, AuditEntry['action']> = {
  read: 'read',
  search: 'search',
  create: 'create',
  rerun: 'rerun',
  disclose: 'disclose',
  configure: 'update',
};

/**
 * Permits or throws `policy.denied`. The audit entry is durable before the answer.
 * `reason` is what a person typed for the act (a re-run, for instance); it is sealed with the entry. `together` is written in the same
 * commit as the entry of a Permit, so that an act and its trace stand or fall as one. For another node the entry has the node as `who`, and for
 * whom it asked in the reason.
 */
export async function authorize(
  parts: { store: Store; clock: Clock },
  subject: Asker,
  action: Action,
  thing: Thing,
  reason?: string,
  together?: Changes,
): Promise<Decision> {
  const decision = decideFor(subject, action, thing);
  const permitted = decision.decision === 'Permit';
  const entry: AuditEntry = {
    at: parts.clock.now(),
    who: subject.id,
    action: permitted ? AUDITED_AS[action] : 'refuse',
    outcome: decision.decision,
    what: thing.type,
  };
  if (thing.id !== undefined) entry.thing = thing.id;
  if (thing.personId !== undefined) entry.personId = thing.personId;
  const why = permitted
    ? (reason ?? behalfOf(subject))
    : [decision.because, behalfOf(subject)].filter(Boolean).join(' ');
  if (why !== undefined) entry.reason = why;
  await parts.store.commit(
    permitted ? { ...together, audit: [entry, ...(together?.audit ?? [])] } : { audit: [entry] },
  );
  if (!permitted) throw new MixError('policy.denied', { place: thing.type, detail: decision.because });
  return decision;
}

/** `for <user> of <node>, <roles>, <purpose>`, where a node asks for a person. */
function behalfOf(subject: Asker): string | undefined {
  if (subject.kind !== 'peer' || subject.onBehalf === undefined) return undefined;
  const { user, node, roles, purpose } = subject.onBehalf;
  return `for ${user} of ${node}, ${roles.join(' ')}, ${purpose}`;
}

/** The bare decision, for what is asked thousands of times a second and audited by its effect (a source's messages, a node's feed). */
export function decideFor(subject: Asker, action: Action, thing: Thing): Decision {
  return decide({
    subject: subject.kind === 'peer' ? roleOfNode(subject) : { id: subject.id, roles: subject.roles },
    action,
    resource: { type: thing.type, id: thing.id, personId: thing.personId },
    purpose: purposeOf(subject),
  });
}

/**
 * Another node has the one role of its certificate (`node-hospital`, `node-region`, `node-global`). The roles of the person for whom it asks
 * stand in an attribute of their own, so that they alone permit nothing here.
 */
function roleOfNode(node: NodeSubject): DecisionRequest['subject'] {
  return {
    id: node.id,
    roles: [`node-${node.role}`],
    organization: node.organization,
    ...(node.onBehalf === undefined ? {} : { behalfRoles: node.onBehalf.roles }),
  };
}

/** A node that asks for a person has that person's purpose; by itself it works for the operation of the exchange. */
function purposeOf(subject: Asker): PurposeOfUse | undefined {
  if (subject.kind !== 'peer') return subject.kind === 'user' ? 'TREAT' : 'HOPERAT';
  if (subject.onBehalf === undefined) return 'HOPERAT';
  return PURPOSES.find((one) => one === subject.onBehalf?.purpose);
}

const DECISION_HELD_MS = 1_000;
const SOURCES_HELD_MAX = 1_000;
const held = new Map<string, { decision: Decision; until: number }>();

/** May this source hand in messages? Asked for every message, so one decision holds for a second; the audit has the effect of each. */
export function decideIntake(source: Subject, now: number): Decision {
  const known = held.get(source.id);
  if (known !== undefined && now < known.until && now >= known.until - DECISION_HELD_MS) return known.decision;
  if (held.size >= SOURCES_HELD_MAX) held.clear();
  const decision = decideFor(source, 'create', { type: 'message' });
  held.set(source.id, { decision, until: now + DECISION_HELD_MS });
  return decision;
}
