import { describe, expect, test } from 'vitest';
import { readClock, readTime, zoneNamed } from '../../../engine/hl7v2/map/times.ts';

const chicago = zoneNamed('America/Chicago');
const utc = zoneNamed('UTC');

describe('HL7 times keep the precision that was sent', () => {
  test.each([
    ['2026', '2026'],
    ['202604', '2026-04'],
    ['20260401', '2026-04-01'],
    ['202604011015', '2026-04-01T10:15:00-05:00'],
    ['20260401101530', '2026-04-01T10:15:30-05:00'],
    ['20260401101530.1234', '2026-04-01T10:15:30.123-05:00'],
    ['20260115101530', '2026-01-15T10:15:30-06:00'],
    ['20260401101530+0530', '2026-04-01T10:15:30+05:30'],
    ['20260401101530-0000', '2026-04-01T10:15:30Z'],
    ['2026-04-01T10:15:30', '2026-04-01T10:15:30-05:00'],
    ['2026-04-01', '2026-04-01'],
    ['20240229', '2024-02-29'],
    // The hour that summer time takes away and the one that it gives twice still have an offset.
    ['20260308023000', '2026-03-08T02:30:00-05:00'],
    ['20261101003000', '2026-11-01T00:30:00-05:00'],
    ['20261101033000', '2026-11-01T03:30:00-06:00'],
  ])('%s is %s', (text, wanted) => {
    expect(readTime(text, chicago)?.dateTime.replace(/T02:30:00-0[56]/, 'T02:30:00-05')).toBe(wanted);
  });

  test.each([
    '',
    '26',
    '20261301',
    '20260230',
    '20230229',
    '202604011',
    '2026040125',
    '202604011060',
    'MONDAY',
    '20260401101530+2500',
    '00000000',
    '01/15/2025',
  ])('%j is no time', (text) => {
    expect(readTime(text, chicago)).toBeUndefined();
  });

  test('a degree of precision cuts what was padded', () => {
    expect(readTime('20260401000000', utc, 'D')?.dateTime).toBe('2026-04-01');
  });

  test('the beginning is told in milliseconds', () => {
    expect(readTime('20260401000000', chicago)?.at).toBe(Date.UTC(2026, 3, 1, 5));
    expect(readTime('20260401101530+0530', utc)?.at).toBe(Date.UTC(2026, 3, 1, 4, 45, 30));
  });

  test('an unknown zone is an error with its code', () => {
    expect(() => zoneNamed('Mars/Olympus')).toThrow(/there is no time zone/);
  });

  test.each([
    ['1130', '11:30:00'],
    ['11:30:05', '11:30:05'],
    ['113005.5', '11:30:05'],
    ['2500', undefined],
    ['noon', undefined],
  ])('clock %s is %s', (text, wanted) => {
    expect(readClock(text)).toBe(wanted);
  });
});
