/** The audit's hash chain: each row's hash covers the one before it, so that a changed or missing row shows. */
import { hash } from 'node:crypto';

export interface AuditRow {
  seq: number;
  part: number;
  at: number;
  who: string;
  action: string;
  outcome: string;
  person: Buffer | null;
  day: number;
  /** Sealed; the hash covers the ciphertext, so the chain can be checked after the day's key is gone. */
  body: Buffer;
}

/** Before the first row of a partition. */
export const chainStart: Buffer = Buffer.alloc(32);

/** SHA-256 over the hash before and the canonical content of the row. */
export function chainHash(before: Buffer, row: AuditRow): Buffer {
  const facts = JSON.stringify([
    row.seq,
    row.part,
    row.at,
    row.who,
    row.action,
    row.outcome,
    row.person?.toString('hex') ?? null,
    row.day,
  ]);
  return hash('sha256', Buffer.concat([before, Buffer.from(facts), Buffer.of(0), row.body]), 'buffer');
}
