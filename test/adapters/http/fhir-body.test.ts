/** Bodies of nodes: any bytes are a value or a fault, and what is JSON of sane size is read as JSON.parse reads it. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createHeldBytes, readJson } from '../../../adapters/http/fhir-body.ts';
import { MixError } from '../../../schemas/errors/index.ts';

const faultOf = (bytes: Buffer, textMax = 1_000_000): string => {
  try {
    readJson(bytes, textMax);
  } catch (error) {
    return error instanceof MixError ? error.fault.code : `other: ${String(error)}`;
  }
  return 'read';
};

describe('a body', () => {
  test('of JSON is what JSON.parse makes of it, quotes and backslashes in texts included', () => {
    const text = fc.oneof(fc.string(), fc.string({ unit: fc.constantFrom('"', '\\', '[', '{', ',', 'a', '\u00e9') }));
    const value = fc.letrec((tie) => ({
      value: fc.oneof({ maxDepth: 5 }, text, fc.double(), fc.boolean(), fc.constant(null), tie('list'), tie('object')),
      list: fc.array(tie('value'), { maxLength: 4 }),
      object: fc.dictionary(
        text.filter((key) => key !== '__proto__' && key !== 'constructor'),
        tie('value'),
        { maxKeys: 4 },
      ),
    })).value;
    fc.assert(
      fc.property(value, (one) => {
        const written = JSON.stringify(one);
        expect(readJson(Buffer.from(written), 1_000_000)).toEqual(JSON.parse(written));
      }),
    );
  });

  test('of any bytes is read or refused by code', () => {
    const bytes = fc.oneof(
      fc.uint8Array({ maxLength: 200 }),
      fc.string({ unit: fc.constantFrom(...'{}[]",:\\0atrue ') }).map((one) => new TextEncoder().encode(one)),
    );
    fc.assert(
      fc.property(bytes, (one) => {
        expect(['read', 'exchange.malformed']).toContain(faultOf(Buffer.from(one)));
      }),
      { numRuns: 1_000 },
    );
  });

  test('is refused for depth, number of values and bent names, and for texts that are too long', () => {
    const nested = (depth: number): Buffer => Buffer.from('['.repeat(depth) + ']'.repeat(depth));
    expect(faultOf(nested(64))).toBe('read');
    expect(faultOf(nested(65))).toBe('exchange.malformed');
    expect(faultOf(Buffer.from('['.repeat(5_000_000)))).toBe('exchange.malformed');
    expect(faultOf(Buffer.from(`[${'0,'.repeat(1_000_001)}0]`))).toBe('exchange.malformed');
    expect(faultOf(Buffer.from('{"a":[{"__proto__":1}]}'))).toBe('exchange.malformed');
    expect(faultOf(Buffer.from('{"constructor":"text"}'))).toBe('read');
    expect(faultOf(Buffer.from(`{"a":"${'x'.repeat(11)}"}`), 10)).toBe('exchange.document-too-large');
    expect(({} as Record<string, unknown>)['x']).toBeUndefined();
  });
});

test('bytes of all bodies together are counted', () => {
  const held = createHeldBytes(10);
  expect([held.take(6), held.take(5), held.take(4)]).toEqual([true, false, true]);
  held.give(6);
  expect([held.take(7), held.take(6)]).toEqual([false, true]);
});
