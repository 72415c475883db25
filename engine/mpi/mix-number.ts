/**
 * The MIX number of a person, `NNN-NNN-NNNN`: nine digits drawn at random and a check digit.
 *
 * The check digit is Damm's (H. Michael Damm, Total anti-symmetrische Quasigruppen, Marburg 2004): a totally anti-symmetric quasigroup of
 * order ten with zeros on its diagonal, so that every wrong digit and every swap of neighbours is caught.
 */
import { randomInt } from 'node:crypto';
import { MixError } from '../../schemas/errors/index.ts';

/** Row: the digits so far, folded; column: the next digit. */
const quasigroup = [
  [0, 3, 1, 7, 5, 9, 8, 6, 4, 2],
  [7, 0, 9, 2, 1, 5, 4, 8, 6, 3],
  [4, 2, 0, 6, 8, 7, 1, 3, 5, 9],
  [1, 7, 5, 0, 9, 8, 3, 4, 2, 6],
  [6, 1, 2, 3, 0, 4, 5, 9, 7, 8],
  [3, 6, 7, 4, 2, 0, 9, 5, 8, 1],
  [5, 8, 6, 9, 7, 2, 0, 1, 3, 4],
  [8, 9, 4, 5, 3, 6, 2, 0, 1, 7],
  [9, 4, 3, 8, 6, 1, 7, 2, 0, 5],
  [2, 5, 8, 1, 4, 3, 6, 7, 9, 0],
] as const;

function fold(digits: string): number {
  let state = 0;
  for (const digit of digits) state = quasigroup[state]![Number(digit)]!;
  return state;
}

/** The number whose first nine digits are `body`, 0 to 999,999,999. Throws RangeError beyond. */
export function makeMixNumber(body: number): string {
  if (!Number.isInteger(body) || body < 0 || body > 999_999_999) throw new RangeError('nine digits');
  const nine = String(body).padStart(9, '0');
  return withHyphens(nine + fold(nine));
}

/** A number drawn at random by the system's generator. Whether it was given before is for the store to say: it is kept unique there. */
export function drawMixNumber(): string {
  return makeMixNumber(randomInt(0, 1_000_000_000));
}

function withHyphens(ten: string): string {
  return `${ten.slice(0, 3)}-${ten.slice(3, 6)}-${ten.slice(6)}`;
}

/** Does the text stand for a number as it is written here, with its hyphens, and does its check digit hold? */
export function isMixNumber(text: string): boolean {
  return /^[0-9]{3}-[0-9]{3}-[0-9]{4}$/.test(text) && fold(text.replaceAll('-', '')) === 0;
}

/** The number as it is written here, from what a person typed: with hyphens, with blanks, or bare. Throws `mpi.number` when it does not hold. */
export function parseMixNumber(text: string): string {
  const digits = /^\s*([0-9]{3})[-\s]?([0-9]{3})[-\s]?([0-9]{4})\s*$/.exec(text);
  if (digits === null) throw new MixError('mpi.number', { detail: 'ten digits' });
  const number = `${digits[1]}-${digits[2]}-${digits[3]}`;
  if (!isMixNumber(number)) throw new MixError('mpi.number', { detail: 'check digit' });
  return number;
}
