import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { packBody, unpackBody } from '../../../engine/store/codec.ts';
import { bodyDictionary } from '../../../engine/store/dictionary.ts';
import { packedMax, packShort, unpackShort } from '../../../engine/store/pack.ts';
import { MixError } from '../../../schemas/errors/index.ts';

const piece = fc.oneof(
  fc.uint8Array({ maxLength: 40 }).map((bytes) => Buffer.from(bytes)),
  fc
    .tuple(fc.nat(bodyDictionary.length - 1), fc.nat(400))
    .map(([at, length]) => Buffer.from(bodyDictionary.slice(at, at + length))),
  fc
    .tuple(fc.uint8Array({ minLength: 1, maxLength: 4 }), fc.nat(600))
    .map(([bytes, times]) => Buffer.concat(Array.from({ length: times }, () => bytes))),
);

describe('packing of bodies', () => {
  it('gives back every body', () => {
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 12 }), (pieces) => {
        const bytes = Buffer.concat(pieces).subarray(0, packedMax);
        expect(unpackShort(packShort(bytes)).equals(bytes)).toBe(true);
        expect(unpackBody(packBody(pieces)).equals(Buffer.concat(pieces))).toBe(true);
      }),
      { numRuns: 500 },
    );
  });

  it('gives back bodies at and above its own limit', () => {
    for (const length of [0, 1, 4, 12, 13, 95, 96, packedMax - 1, packedMax, packedMax + 1, 300_000]) {
      const bytes = Buffer.alloc(length, 'abcdefghijklmnopqrstuvwxyz{"resourceType":"Observation"}0123456789');
      expect(unpackBody(packBody([bytes])).equals(bytes)).toBe(true);
    }
  });

  it('makes a resource a fraction of its length', () => {
    const text = JSON.stringify({
      resourceType: 'Observation',
      status: 'final',
      code: { coding: [{ system: 'http://loinc.org', code: '718-7' }] },
      subject: { reference: 'Patient/0199f3a2-0000-7000-8000-000000000001' },
      valueQuantity: { value: 13.2, unit: 'g/dL', system: 'http://unitsofmeasure.org', code: 'g/dL' },
    });
    expect(packShort(Buffer.from(text)).length).toBeLessThan(text.length * 0.6);
  });

  it('refuses what it did not pack, and never reads outside', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (noise) => {
        try {
          expect(unpackShort(Buffer.from(noise)).length).toBeLessThanOrEqual(packedMax);
        } catch (error) {
          expect(error).toBeInstanceOf(MixError);
          expect((error as MixError).fault.code).toBe('seal.broken');
        }
      }),
      { numRuns: 2_000 },
    );
    const packed = packShort(Buffer.from(bodyDictionary.slice(0, 500)));
    for (let end = 0; end < packed.length; end++) expect(() => unpackShort(packed.subarray(0, end))).toThrow(MixError);
  });
});
