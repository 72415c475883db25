/** What the portal's routes take, checked at the door. */
import { z } from 'zod';
import { MixError } from '../../schemas/errors/index.ts';
import { MATCH_KINDS, MATCH_STATES } from '../../schemas/identity.ts';

const text = (max: number) => z.string().trim().min(1).max(max);
const id = z.string().regex(/^[A-Za-z0-9._:-]{1,128}$/);
const cursor = z.string().min(1).max(1024).optional();
const limit = z.coerce.number().int().min(1).max(500).optional();
const time = z
  .string()
  .max(40)
  .refine((value) => !Number.isNaN(Date.parse(value)), 'a time in ISO 8601')
  .optional();
const STATES = ['kept', 'done', 'unmapped', 'parked', 'repeat', 'corrected', 'test'] as const;

export const idParams = z.object({ id });

export const messageFilter = z.strictObject({
  source: text(100).optional(),
  state: z.enum(STATES).optional(),
  type: text(20).optional(),
  processing: z.enum(['P', 'T', 'D', 'all']).optional(),
  from: time,
  to: time,
  number: text(200).optional(),
  name: text(200).optional(),
  control: text(200).optional(),
  accession: text(200).optional(),
  text: text(200).optional(),
  person: id.optional(),
  cursor,
  limit,
});

export const patientFilter = z.strictObject({
  q: text(200).optional(),
  name: text(200).optional(),
  number: text(200).optional(),
  birth: z.iso.date().optional(),
  cursor,
  limit,
});

export const auditFilter = z.strictObject({
  who: text(200).optional(),
  action: text(40).optional(),
  person: id.optional(),
  from: time,
  to: time,
  cursor,
  limit,
});

export const deliveryFilter = z.strictObject({
  outlet: text(100).optional(),
  state: z.enum(['waiting', 'sent', 'parked', 'superseded', 'refused']).optional(),
  kind: z.enum(['feed', 'document', 'numbers', 'withdraw', 'notice', 'message']).optional(),
  person: id.optional(),
  thing: id.optional(),
  cursor,
  limit,
});
export const resendAsk = z
  .strictObject({ ids: z.array(id).min(1).max(500).optional(), outlet: text(100).optional(), reason: text(500) })
  .refine((ask) => (ask.ids === undefined) !== (ask.outlet === undefined), { path: ['ids'] });
export const reasonAsk = z.strictObject({ reason: text(500) });
export const noteAsk = z.strictObject({ note: text(500) });
export const matchFilter = z.strictObject({
  state: z.enum([...MATCH_STATES, 'all']).optional(),
  kind: z.enum(MATCH_KINDS).optional(),
  person: id.optional(),
  cursor,
  limit,
});
export const matchAsk = z.strictObject({ decision: z.enum(['link', 'unlink']), reason: text(500) });
export const linkAsk = z.strictObject({ one: id, other: id, reason: text(500) });
export const unlinkAsk = z.strictObject({ record: id, reason: text(500) });
export const mergeAsk = z.strictObject({ survivor: id, retired: id, reason: text(500) });
export const unmergeAsk = z.strictObject({ person: id, reason: text(500) });
export const historyFilter = z.strictObject({ cursor });
export const atAsk = z.strictObject({
  at: z
    .string()
    .max(40)
    .refine((value) => !Number.isNaN(Date.parse(value)), 'a time in ISO 8601'),
});
export const elsewhereParams = z.object({ id, document: id });
export const alertFilter = z.strictObject({
  state: z.enum(['open', 'acknowledged', 'over']).optional(),
  rule: z
    .enum(['queue', 'growth', 'silence', 'errors', 'certificate', 'disk', 'parked', 'outlet', 'audit', 'index'])
    .optional(),
  cursor,
  limit,
});

export const parkedFilter = z.strictObject({ cursor });
export const searchAsk = z.strictObject({ q: text(200) });
export const signInAsk = z.object({
  name: z.string().min(1).max(200),
  secret: z.string().min(1).max(1024),
  next: z.string().max(2000).optional(),
});
export const secretAsk = z.strictObject({ old: z.string().min(1).max(1024), fresh: z.string().min(1).max(1024) });
export const rerunAsk = z.strictObject({ reason: text(500), corrected: z.string().min(1).optional() });

/** The value in its shape. Throws `http.bad-input` with the first place that does not fit; the value itself is not quoted. */
export function readInput<T>(shape: z.ZodType<T>, value: unknown): T {
  const read = shape.safeParse(value);
  if (read.success) return read.data;
  const issue = read.error.issues[0];
  const place = issue?.code === 'unrecognized_keys' ? issue.keys[0] : issue?.path.join('.');
  throw new MixError('http.bad-input', { place: place ?? 'body', detail: issue?.code ?? 'unreadable' });
}
