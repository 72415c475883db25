import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { controlIdOf, isOwnControlId } from '../../../engine/outbound/index.ts';

describe('MSH-10 of what we pass on', () => {
  it('is the same for the same delivery, fits every version, and is known again by this node alone', () => {
    fc.assert(
      fc.property(fc.uuid(), fc.string({ minLength: 1 }), (id, node) => {
        const control = controlIdOf(id, node);
        expect(control).toMatch(/^[0-9A-Z]{20}$/);
        expect(controlIdOf(id, node)).toBe(control);
        expect(isOwnControlId(control, node)).toBe(true);
        expect(isOwnControlId(control, `${node}x`)).toBe(false);
      }),
    );
  });

  it('differs from delivery to delivery', () => {
    const ids = Array.from({ length: 2_000 }, (_, i) => controlIdOf(`0193a000-0000-7000-8000-${i}`, 'east'));
    expect(new Set(ids).size).toBe(ids.length);
  });

  it('is not what others use', () => {
    for (const other of ['', 'MX', 'MSG00001', '20260401120000', 'MX0123456789ABCDEFGH'])
      expect(isOwnControlId(other, 'east')).toBe(false);
  });
});
