import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { drawMixNumber, isMixNumber, makeMixNumber, parseMixNumber } from '../../../engine/mpi/index.ts';

const body = fc.integer({ min: 0, max: 999_999_999 });

describe('MIX numbers', () => {
  test('the worked example of the check digit holds: 572 has 4', () => {
    expect(makeMixNumber(572)).toBe('000-000-5724');
  });

  test('every number that is made holds and is read back however it was typed', () => {
    fc.assert(
      fc.property(body, (nine) => {
        const number = makeMixNumber(nine);
        expect(number).toMatch(/^\d{3}-\d{3}-\d{4}$/);
        expect(isMixNumber(number)).toBe(true);
        const bare = number.replaceAll('-', '');
        for (const typed of [number, bare, ` ${number.replaceAll('-', ' ')} `])
          expect(parseMixNumber(typed)).toBe(number);
      }),
    );
  });

  test('every single wrong digit is caught', () => {
    fc.assert(
      fc.property(body, (nine) => {
        const digits = makeMixNumber(nine).replaceAll('-', '');
        for (let at = 0; at < 10; at++)
          for (let digit = 0; digit < 10; digit++) {
            if (digits[at] === String(digit)) continue;
            expect(isMixNumber(withHyphens(`${digits.slice(0, at)}${digit}${digits.slice(at + 1)}`))).toBe(false);
          }
      }),
    );
  });

  test('every swap of neighbours is caught', () => {
    fc.assert(
      fc.property(body, (nine) => {
        const digits = makeMixNumber(nine).replaceAll('-', '');
        for (let at = 0; at < 9; at++) {
          if (digits[at] === digits[at + 1]) continue;
          const swapped = digits.slice(0, at) + digits[at + 1] + digits[at] + digits.slice(at + 2);
          expect(isMixNumber(withHyphens(swapped))).toBe(false);
        }
      }),
    );
  });

  test('the check digit follows from the nine before it: no two of ten hold', () => {
    fc.assert(
      fc.property(body, (nine) => {
        const digits = String(nine).padStart(9, '0');
        const holding = Array.from({ length: 10 }, (_, d) => withHyphens(digits + d)).filter(isMixNumber);
        expect(holding).toEqual([makeMixNumber(nine)]);
      }),
    );
  });

  test.each(['', '12-345', '000-000-57244', 'abc-def-ghij', '000-000-5725', '0000005724x', '٠٠٠-٠٠٠-٥٧٢٤'])(
    '«%s» is refused',
    (text) => {
      expect(() => parseMixNumber(text)).toThrowError(
        expect.objectContaining({ fault: { code: 'mpi.number', detail: expect.any(String) } }),
      );
    },
  );

  test('drawn numbers hold and are spread', () => {
    const drawn = new Set(Array.from({ length: 200 }, drawMixNumber));
    expect([...drawn].every(isMixNumber)).toBe(true);
    expect(drawn.size).toBeGreaterThan(195);
  });

  test('a body beyond nine digits is refused', () => {
    for (const wrong of [-1, 1_000_000_000, 1.5]) expect(() => makeMixNumber(wrong)).toThrow(RangeError);
  });
});

function withHyphens(ten: string): string {
  return `${ten.slice(0, 3)}-${ten.slice(3, 6)}-${ten.slice(6)}`;
}
