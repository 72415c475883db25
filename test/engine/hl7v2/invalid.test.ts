import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { checkMessage, decodeMessage, isMapped, normalizeMessage, parseMessage } from '../../../engine/hl7v2/index.ts';
import { catalogue, type Fault } from '../../../schemas/errors/index.ts';
import { profileNamed } from '../../../schemas/vendors/profile.ts';

const folder = new URL('../../../fixtures/invalid/', import.meta.url);
const cases = readdirSync(folder).filter((name) => name.startsWith('hl7v2.'));

/** What the exchange says of one input: reading, normalizing and checking, as processing does it. */
function faultsOf(bytes: Buffer): Fault[] {
  const decoded = decodeMessage(bytes, 'utf-8');
  const parsed = parseMessage(decoded.text);
  const faults = [...decoded.faults, ...parsed.faults];
  if (!parsed.message) return faults;
  const { message } = normalizeMessage(parsed.message, profileNamed('healthland'));
  if (!isMapped(message)) return [...faults, { code: 'hl7v2.unknown-type', place: 'MSH-9' }];
  return [...faults, ...checkMessage(message)];
}

describe('inputs that have something wrong', () => {
  it('has at least 15 of them', () => {
    expect(cases.length).toBeGreaterThanOrEqual(15);
  });

  it.each(cases)('%s', (name) => {
    const wanted = JSON.parse(readFileSync(new URL(`${name}/wanted.json`, folder), 'utf8')) as {
      code: string;
      place: string;
    };
    expect(Object.keys(catalogue)).toContain(wanted.code);
    expect(name.startsWith(wanted.code)).toBe(true);
    const faults = faultsOf(readFileSync(new URL(`${name}/input.hl7`, folder)));
    expect(faults.map(({ code, place }) => ({ code, place }))).toContainEqual({
      code: wanted.code,
      place: wanted.place,
    });
  });
});
