import { normalizeMessage, parseMessage, toRecord } from '../../../engine/hl7v2/index.ts';
import { createMemoryRecord, type Draft, type MemoryRecord } from '../../../engine/record/index.ts';
import type { Source } from '../../../schemas/parts.ts';
import { profileNamed } from '../../../schemas/vendors/profile.ts';

export const source: Source = {
  id: 's1',
  profile: 'plain',
  authority: '2.16.840.1.113883.19.5',
  facility: 'Good Health',
};

/** Segments as lines; MSH and PID may be left to `adt` and `oru`. */
export function draftOf(lines: string[], profile = 'plain'): Draft {
  const { message } = parseMessage(lines.join('\r'));
  const chosen = profileNamed(profile);
  return toRecord(normalizeMessage(message!, chosen).message, chosen, { source, receivedAt: Date.UTC(2026, 3, 1) });
}

export const pid = 'PID|1||1001^^^HOSP^MR||Everyperson^Adam^J||19600614|M';

export function adt(event: string, time: string, ...lines: string[]): Draft {
  return draftOf([
    `MSH|^~\\&|REG|HOSP|MIX|MIX|${time}||ADT^${event}|M${time}|P|2.5.1`,
    `EVN|${event}|${time}`,
    ...(lines.some((line) => line.startsWith('PID')) ? [] : [pid]),
    ...lines,
  ]);
}

export function oru(time: string, ...lines: string[]): Draft {
  return draftOf([
    `MSH|^~\\&|LAB|HOSP|MIX|MIX|${time}||ORU^R01|M${time}|P|2.5.1`,
    ...(lines.some((line) => line.startsWith('PID')) ? [] : [pid]),
    ...lines,
  ]);
}

export function message(type: string, ...lines: string[]): Draft {
  return draftOf([`MSH|^~\\&|APP|HOSP|MIX|MIX|20260401120000||${type}|M1|P|2.5.1`, pid, ...lines]);
}

/** The resources of a kind in a draft. */
export function resources<T>(draft: Draft, type: string): T[] {
  return draft.subjects.flatMap((subject) =>
    subject.entries.filter((entry) => entry.resource.resourceType === type).map((entry) => entry.resource as T),
  );
}

export function first<T>(draft: Draft, type: string): T {
  const [found] = resources<T>(draft, type);
  if (!found) throw new Error(`no ${type} in the draft`);
  return found;
}

/** A record that took these drafts, in this order. */
export function recordOf(...drafts: Draft[]): MemoryRecord {
  const record = createMemoryRecord();
  for (const [at, draft] of drafts.entries()) record.apply(draft, { messageId: `m${at}`, sourceId: 's1' });
  return record;
}
