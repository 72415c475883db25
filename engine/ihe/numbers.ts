/** Numbers of patients as they stand in requests: `system|value` (FHIR token, ITI TF-2 appendix Z.2.2). */
import { MixError } from '../../schemas/errors/index.ts';

/** A number under its assigning authority. */
export interface PatientNumber {
  system: string;
  value: string;
}

const tokenMax = 1_024;

/** The number that a token names. Throws `exchange.query` at `place` when it has no system or no value, or is too long. */
export function readNumber(token: string, place: string): PatientNumber {
  const bar = token.indexOf('|');
  const system = token.slice(0, Math.max(bar, 0)).trim();
  const value = token.slice(bar + 1).trim();
  if (bar <= 0 || system === '' || value === '' || token.length > tokenMax)
    throw new MixError('exchange.query', { place, detail: 'system|value' });
  return { system, value };
}

export function tokenOf(number: { system: string; value: string }): string {
  return `${number.system}|${number.value}`;
}

export const sameNumber = (one: PatientNumber, other: PatientNumber): boolean =>
  one.system === other.system && one.value === other.value;
