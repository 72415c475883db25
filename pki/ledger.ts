/** What an authority issued and revoked, as lines of JSON beside its key: each line is added whole and synced, so that two commands at once lose nothing. */
import { closeSync, existsSync, fsyncSync, openSync, readFileSync, statSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { MixError } from '../schemas/errors/index.ts';
import type { Authority, IssuedCertificate } from './authority.ts';
import { issueCrl } from './crl.ts';
import { REVOCATION_REASONS, type RevocationReason, type RevokedCertificate } from './path/read-crl.ts';

export interface IssuedRecord {
  /** Upper-case hex. */
  serial: string;
  /** ms since the epoch. */
  at: number;
  /** A profile of the table, or `authority`. */
  profile: string;
  subject: string;
  /** ms since the epoch. */
  until: number;
}

/** Largest file that is read, bytes: some hundred thousand certificates. */
const LEDGER_BYTES_MAX = 64 * 1024 * 1024;
const [ISSUED, REVOKED] = ['issued.jsonl', 'revoked.jsonl'];

/** Notes what was issued by the authority of a folder. */
export function noteIssued(
  dir: string,
  { certificate }: Pick<IssuedCertificate, 'certificate'>,
  profile: string,
  now: number,
): void {
  const record: IssuedRecord = {
    serial: certificate.serialNumber,
    at: now,
    profile,
    subject: certificate.subject.replaceAll('\n', ', '),
    until: certificate.validToDate.getTime(),
  };
  addLine(join(dir, ISSUED), record);
}

/**
 * Revokes a certificate of the authority of a folder by its serial number; it stands in the next list. Gives false where it was revoked before
 * (a hold may turn into a reason that stays). Throws `certificate.subject` for what is no serial number.
 */
export function revokeSerial(dir: string, entry: RevokedCertificate): boolean {
  if (!/^([0-9A-F]{2}){1,20}$/.test(entry.serial)) throw new MixError('certificate.subject', { place: 'serial' });
  const before = readRevoked(dir).find((one) => one.serial === entry.serial);
  if (before !== undefined && (before.reason !== 'certificate-hold' || entry.reason === 'certificate-hold'))
    return false;
  addLine(join(dir, REVOKED), entry);
  return true;
}

/** What was revoked, each serial number once, as it was told last. Throws `authority.broken`. */
export function readRevoked(dir: string): RevokedCertificate[] {
  const all = new Map<string, RevokedCertificate>();
  for (const line of readLines(join(dir, REVOKED))) {
    const { serial, at, reason } = line;
    if (
      typeof serial !== 'string' ||
      typeof at !== 'number' ||
      typeof reason !== 'string' ||
      !Object.hasOwn(REVOCATION_REASONS, reason)
    )
      throw new MixError('authority.broken', { place: REVOKED });
    all.set(serial, { serial, at, reason: reason as RevocationReason });
  }
  return [...all.values()];
}

/** What was issued and noted, oldest first. Throws `authority.broken`. */
export function readIssued(dir: string): IssuedRecord[] {
  return readLines(join(dir, ISSUED)) as unknown as IssuedRecord[];
}

/** The list of everything that the authority of a folder revoked, DER; its number is the time, so that it grows over every restart. */
export function issueCrlOf(dir: string, authority: Authority, now: number, days?: number): Buffer {
  return issueCrl(authority, {
    revoked: readRevoked(dir),
    number: BigInt(now),
    now,
    ...(days === undefined ? {} : { days }),
  });
}

function addLine(file: string, value: object): void {
  const handle = openSync(file, 'a', 0o600);
  try {
    writeSync(handle, `${JSON.stringify(value)}\n`);
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
}

function readLines(file: string): Record<string, unknown>[] {
  if (!existsSync(file)) return [];
  if (statSync(file).size > LEDGER_BYTES_MAX)
    throw new MixError('authority.broken', { place: file, detail: 'too large' });
  return readFileSync(file, 'utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => {
      try {
        const value: unknown = JSON.parse(line);
        if (typeof value === 'object' && value !== null) return value as Record<string, unknown>;
      } catch {
        // Told below: a line that a power cut left half is as wrong as any.
      }
      throw new MixError('authority.broken', { place: file });
    });
}
