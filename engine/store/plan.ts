/**
 * Turns units of work into rows: each unit is judged against what the database and the units before it say,
 * and either adds all of its rows or none.
 */
import { MixError } from '../../schemas/errors/index.ts';
import { type AuditRow, chainHash } from './audit-chain.ts';
import { slides } from './board.ts';
import { idToKey, keyToId } from './codec.ts';
import {
  addTally,
  countDelivery,
  countIn,
  type Item,
  type Known,
  latin,
  type Plan,
  push,
  sourceOf,
  type Work,
} from './group.ts';
import { faultInIndex, planIndex, touchedByIndex } from './plan-index.ts';
import type { JobPlanner } from './plan-jobs.ts';
import type { AuditUnit, CommitUnit, EntryUnit, KeepUnit, PersonUnit } from './unit.ts';

/** What planning needs from the store. */
export interface PlannerParts {
  jobs: JobPlanner;
  /** Told after the commit of a kept message. */
  kept(unit: KeepUnit, conflict: boolean): void;
  /** Told after the commit of a unit. */
  committed(unit: CommitUnit): void;
}

export class Planner {
  readonly #parts: PlannerParts;

  constructor(parts: PlannerParts) {
    this.#parts = parts;
  }

  /** Adds a unit's rows to the plan; false when it must wait for the next group. */
  add(plan: Plan, known: Known, item: Item): boolean {
    const { work } = item;
    if (work.kind === 'keep') return this.#planKeep(plan, known, item, work.keep);
    if (work.kind === 'commit') return this.#planCommit(plan, known, item, work.commit);
    if (work.kind === 'requeue') return planRequeue(this.#parts.jobs, plan, known, item, work);
    push(plan, work.table, work.row);
    return true;
  }

  #planKeep(plan: Plan, known: Known, item: Item, unit: KeepUnit): boolean {
    const first = firstOf(plan, known, item, unit);
    const source = sourceOf(plan, unit.message.sourceId);
    if (first?.same) {
      source.repeats++;
      source.lastAt = Math.max(source.lastAt, unit.message.receivedAt);
      item.result = { outcome: 'repeat', firstId: first.id };
      return true;
    }
    if (first && unit.identityIsUnique) {
      item.result = { outcome: 'conflict', firstId: first.id };
      return true;
    }
    const { message } = unit;
    const seq = plan.counters.message++;
    const conflict = first !== undefined || message.conflict === true;
    push(plan, 'messages', [
      seq,
      unit.id,
      message.sourceId,
      message.state,
      message.type,
      message.processing,
      message.receivedAt,
      conflict ? 1 : 0,
      message.ackCode,
    ]);
    push(plan, 'messageBodies', [seq, unit.day, unit.body]);
    if (unit.token) push(plan, 'seen', [unit.token, unit.digest, unit.id]);
    if (unit.words !== '') push(plan, 'messageWords', [unit.id, unit.words]);
    source.total++;
    source.lastAt = Math.max(source.lastAt, message.receivedAt);
    const minute = Math.floor(message.receivedAt / 60_000);
    countIn(plan.minutes, message.sourceId, minute, 1);
    addTally(plan, 'messages', 1);
    item.result = { outcome: 'kept', conflict };
    item.effects.push(() => this.#parts.kept(unit, conflict));
    if (unit.job) this.#parts.jobs.planNew(plan, item, unit.job);
    return true;
  }

  #planCommit(plan: Plan, known: Known, item: Item, unit: CommitUnit): boolean {
    const touches = touchedBy(unit);
    for (const touch of touches) if (plan.touched.has(touch)) return false;
    item.fault = this.#faultIn(known, unit);
    if (item.fault) return true;
    for (const touch of touches) plan.touched.add(touch);
    // A merged person's own keys first: what its survivor takes over is written after them.
    for (const person of unit.persons) if (person.person.state === 'merged') planPerson(plan, known, person);
    for (const person of unit.persons) if (person.person.state !== 'merged') planPerson(plan, known, person);
    for (const gone of unit.identifiersGone) push(plan, 'identifiersGone', [gone.token, gone.person]);
    for (const entry of unit.entries) planEntry(plan, entry);
    for (const row of unit.entryVersions) push(plan, 'entryVersions', row);
    for (const document of unit.documents) {
      push(plan, 'documents', document.row);
      if (document.replaces) push(plan, 'documentsReplaced', [document.replaces]);
      addTally(plan, 'documents', 1);
    }
    for (const { key, state } of unit.documentStates) push(plan, 'documentStates', [key, state]);
    planDeliveries(plan, known, unit);
    if (unit.index) planIndex(plan, known.index, unit.index);
    planMessage(plan, unit);
    for (const counted of unit.notCarried) countIn(plan.notCarried, counted.sourceId, counted.field, counted.count);
    for (const entry of unit.audit) planAudit(plan, entry);
    this.#parts.jobs.planUnit(plan, item, unit);
    item.effects.push(() => this.#parts.committed(unit));
    return true;
  }

  /** Why a unit can not be written: its lease is lost, or a row is not as it was read. */
  #faultIn(known: Known, unit: CommitUnit): MixError | undefined {
    const lost = this.#parts.jobs.faultIn(unit);
    if (lost) return lost;
    const mergedHere = new Set(
      unit.persons.filter(({ person }) => person.state === 'merged').map(({ id }) => latin(id)),
    );
    const gone = new Set(unit.identifiersGone.map((one) => latin(one.token) + latin(one.person)));
    for (const person of unit.persons) {
      if ((known.persons.get(latin(person.id))?.version ?? 0) !== person.expect)
        return new MixError('store.conflict', { place: 'person' });
      for (const token of person.tokens) {
        const holder = known.holders.get(latin(token));
        if (!holder || holder.person === latin(person.id) || holder.merged) continue;
        if (!mergedHere.has(holder.person) && !gone.has(latin(token) + holder.person))
          return new MixError('store.conflict', { place: 'identifier' });
      }
    }
    if (unit.received && known.received.has(latin(unit.received.id))) return new MixError('store.received');
    for (const entry of unit.entries) {
      if (entry.expect > 0 && known.entries.get(latin(entry.id)) !== entry.expect)
        return new MixError('store.conflict', { place: 'entry' });
    }
    return unit.index && faultInIndex(known.index, unit.index);
  }
}

/** Puts a job back; false when an earlier unit of the group does the same. */
function planRequeue(
  jobs: JobPlanner,
  plan: Plan,
  known: Known,
  item: Item,
  work: Extract<Work, { kind: 'requeue' }>,
): boolean {
  const touch = `job:${work.job.subject}`;
  if (plan.touched.has(touch)) return false;
  plan.touched.add(touch);
  jobs.planRequeue(plan, known.parked.get(latin(work.subject)) ?? [], item, work);
  return true;
}

/** The earlier message of the same identity, in the database or in this group. */
function firstOf(plan: Plan, known: Known, item: Item, unit: KeepUnit): { id: string; same: boolean } | undefined {
  if (!unit.token) return undefined;
  const token = latin(unit.token);
  const here = plan.seenHere.get(token) ?? [];
  const sameHere = here.find((one) => one.digest.equals(unit.digest));
  const stored = known.seen.get(item);
  if (stored?.same) return { id: keyToId(stored.same), same: true };
  if (sameHere) return { id: sameHere.id, same: true };
  const other = stored?.other ? keyToId(stored.other) : here[0]?.id;
  if (other !== undefined && unit.identityIsUnique) return { id: other, same: false };
  here.push({ digest: unit.digest, id: unit.message.id });
  plan.seenHere.set(token, here);
  return other === undefined ? undefined : { id: other, same: false };
}

/** Rows that a unit changes, as keys. */
export function touchedBy(unit: CommitUnit): string[] {
  const touches: string[] = [];
  for (const { id, tokens } of unit.persons) {
    touches.push(latin(id));
    for (const token of tokens) touches.push(latin(token));
  }
  for (const gone of unit.identifiersGone) touches.push(latin(gone.token));
  const entryPersons = new Set(unit.entries.map((entry) => latin(entry.row[1] as Buffer)));
  for (const person of entryPersons) if (!touches.includes(person)) touches.push(person);
  for (const entry of unit.entries) if (entry.expect > 0) touches.push(`entry:${latin(entry.id)}`);
  for (const document of unit.documents) touches.push(`document:${document.personId}`);
  for (const { id } of unit.documentStates) touches.push(`state:${id}`);
  for (const { id } of unit.deliveries) touches.push(`delivery:${latin(id)}`);
  // The second of two that take in the same delivery goes with the next group, where it is refused.
  if (unit.received) touches.push(`received:${latin(unit.received.id)}`);
  for (const job of unit.jobsNew) if (slides(job.kind)) touches.push(`due:${job.kind}:${job.subject}`);
  const job = unit.jobDone ?? unit.jobParked ?? unit.jobRetry;
  if (job) touches.push(`job:${job.id}`);
  if (unit.message) touches.push(`message:${unit.message.text}`);
  if (unit.index) touches.push(...touchedByIndex(unit.index));
  return touches;
}

function planPerson(plan: Plan, known: Known, unit: PersonUnit): void {
  const { person } = unit;
  const stored = known.persons.get(latin(unit.id));
  const seq = stored?.seq ?? plan.counters.person++;
  unit.seq = seq;
  const mergedInto = person.mergedInto === undefined ? null : idToKey(person.mergedInto);
  push(plan, 'persons', [
    seq,
    unit.id,
    person.version,
    person.state,
    mergedInto,
    person.createdAt,
    person.updatedAt,
    person.incomplete ? 1 : 0,
    unit.wordsHash,
    unit.body,
  ]);
  // What is found by the same words as before costs nothing.
  if (!stored?.words.equals(unit.wordsHash)) push(plan, 'personWords', [seq, unit.words()]);
  for (const token of unit.tokens) {
    if (known.holders.get(latin(token))?.person !== latin(unit.id)) push(plan, 'identifiers', [token, unit.id]);
  }
  if (!stored) addTally(plan, 'persons', 1);
}

function planEntry(plan: Plan, unit: EntryUnit): void {
  if (unit.expect > 0) push(plan, 'entryHistory', [unit.id]);
  else addTally(plan, 'entries', 1);
  push(plan, 'entries', unit.row);
}

function planDeliveries(plan: Plan, known: Known, unit: CommitUnit): void {
  if (unit.received) push(plan, 'received', unit.received.row);
  for (const delivery of unit.deliveries) {
    push(plan, 'deliveries', delivery.row);
    const before = known.deliveries.get(latin(delivery.id));
    if (before?.state === delivery.state && before.outlet === delivery.outlet) continue;
    if (before) countDelivery(plan, before.outlet, before.state, -1);
    countDelivery(plan, delivery.outlet, delivery.state, 1, delivery.sentAt);
  }
}

function planMessage(plan: Plan, unit: CommitUnit): void {
  const { message } = unit;
  for (const outcome of unit.outcomes)
    push(plan, 'messageOutcomes', [outcome.message, plan.counters.run++, outcome.day, outcome.body]);
  if (!message) return;
  push(plan, 'messageStates', [message.id, message.state]);
  for (const person of message.persons) push(plan, 'messagePersons', [person, message.id]);
  if (message.words !== '') push(plan, 'messageWords', [message.id, message.words]);
}

function planAudit(plan: Plan, unit: AuditUnit): void {
  const { entry } = unit;
  const row: AuditRow = {
    seq: plan.counters.audit++,
    part: plan.counters.part,
    at: entry.at,
    who: entry.who,
    action: entry.action,
    outcome: entry.outcome,
    person: unit.person,
    day: unit.day,
    body: unit.body,
  };
  plan.counters.auditHash = chainHash(plan.counters.auditHash, row);
  push(plan, 'audit', [
    row.seq,
    row.part,
    row.at,
    row.who,
    row.action,
    row.outcome,
    row.person,
    row.day,
    row.body,
    plan.counters.auditHash,
  ]);
}
