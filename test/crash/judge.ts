/** Holds what the EMRs were promised against what a node holds: lost, doubled, and whatever else is wrong. */
import type { Emr } from './emr.ts';
import type { Held } from './record.ts';

export interface Verdict {
  /** Messages that were acknowledged and are not there, or whose answer was forgotten. */
  lost: string[];
  /** Messages that were kept more than once, and changes of a record that were made more than once. */
  doubled: string[];
  /** Work that was not done, values, persons, numbers and documents that are not as they were told. */
  wrong: string[];
}

export function judge(held: Held, emrs: Emr[]): Verdict {
  const verdict: Verdict = { lost: [], doubled: [], wrong: [] };
  judgeMessages(verdict, held, emrs);
  judgeEffects(verdict, held, emrs);
  judgePersons(verdict, held, emrs);
  verdict.wrong.push(...held.documentFaults);
  if (held.integrity !== 'ok') verdict.wrong.push(`the store's file: ${held.integrity}`);
  if (held.audit.broken !== undefined || held.audit.rows === 0)
    verdict.wrong.push(`the audit is broken at ${held.audit.broken}`);
  if (held.jobs > 0) verdict.wrong.push(`${held.jobs} jobs are left`);
  return verdict;
}

/** Every message once, with its work done; and when it came again, the answer of the first time. */
function judgeMessages(verdict: Verdict, held: Held, emrs: Emr[]): void {
  const known = new Set<string>();
  for (const emr of emrs) {
    for (const { controlId, type } of emr.sent) {
      known.add(controlId);
      const kept = held.messages.get(controlId) ?? [];
      if (kept.length > 1) verdict.doubled.push(`${type} ${controlId} was kept ${kept.length} times`);
      else if (kept.length === 0 && emr.acked.has(controlId)) verdict.lost.push(`${type} ${controlId} is not there`);
      else if (kept[0] !== undefined && kept[0].state !== 'done')
        verdict.wrong.push(`${type} ${controlId} is ${kept[0].state}`);
    }
    for (const controlId of emr.changed) verdict.lost.push(`the answer of ${controlId} is another than before`);
    for (const answer of emr.refused) verdict.wrong.push(`refused: ${answer}`);
  }
  for (const controlId of held.messages.keys())
    if (!known.has(controlId)) verdict.wrong.push(`${controlId} was never sent`);
}

/** The audit names no change of a record twice, and every ORU's four values stand in the records, each as one entry. */
function judgeEffects(verdict: Verdict, held: Held, emrs: Emr[]): void {
  for (const [effect, count] of held.effects)
    if (count !== 1) verdict.doubled.push(`the change ${effect} was made ${count} times`);
  const live = new Set(
    held.persons.flatMap(({ entries }) => entries.filter(({ removed }) => !removed).map(({ id }) => id)),
  );
  for (const emr of emrs)
    for (const { type, controlId } of emr.sent) {
      if (type !== 'ORU^R01') continue;
      const wrote = new Set(held.observed.get(controlId));
      const stand = [...wrote].filter((id) => live.has(id)).length;
      if (wrote.size !== 4 || stand !== 4)
        verdict.wrong.push(`${controlId} wrote ${wrote.size} values, ${stand} stand`);
    }
}

/** One person for each number, the retired numbers at their survivor, and the telephone of the last ADT in the order it was sent. */
function judgePersons(verdict: Verdict, held: Held, emrs: Emr[]): void {
  const { wrong } = verdict;
  const holder = new Map<string, Held['persons'][number]>();
  for (const person of held.persons)
    for (const number of person.numbers) {
      if (holder.has(number)) wrong.push(`${number} is held twice`);
      holder.set(number, person);
    }
  if (held.leftBehind > 0) wrong.push(`${held.leftBehind} entries were left with persons that were merged away`);
  let expected = 0;
  for (const emr of emrs) {
    const { phones, groups } = told(emr);
    expected += groups.size;
    for (const [number, retired] of groups) {
      const person = holder.get(number);
      const numbers = [number, ...retired].sort();
      if (person?.numbers.join() !== numbers.join())
        wrong.push(`${number} should hold ${numbers.join()}, holds ${person?.numbers.join()}`);
      else if (digits(person.phone) !== digits(phones.get(number)))
        wrong.push(`${number} has ${person.phone}, the last message said ${phones.get(number)}`);
    }
  }
  if (held.persons.length !== expected) wrong.push(`${held.persons.length} persons, ${expected} were told of`);
}

const digits = (text: string | undefined): string | undefined => text?.replace(/\D/g, '');

/** What one EMR's messages say, one after another: numbers that stand for a person, with those retired to them, and the last telephone. */
function told(emr: Emr): { phones: Map<string, string>; groups: Map<string, string[]> } {
  const phones = new Map<string, string>();
  const groups = new Map<string, string[]>();
  for (const { type, mrn, retired, phone } of emr.sent) {
    if (!groups.has(mrn)) groups.set(mrn, []);
    if (retired !== undefined) {
      groups.set(mrn, [...groups.get(mrn)!, retired, ...(groups.get(retired) ?? [])]);
      groups.delete(retired);
    } else if (type !== 'ORU^R01') phones.set(mrn, phone);
  }
  return { phones, groups };
}
