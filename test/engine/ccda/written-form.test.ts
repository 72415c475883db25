import { describe, expect, test } from 'vitest';
import { checkAnyCcd } from '../../../engine/ccda/check.ts';
import { buildCcd, checkCcd } from '../../../engine/ccda/index.ts';
import { isWrittenCcd } from '../../../engine/ccda/written-form.ts';
import { checksAgree } from '../../support/ccd-properties.ts';
import { fullRecord, header, smallRecord } from './records.ts';

const full = buildCcd(fullRecord(), header);
const small = buildCcd(smallRecord, header);

function isWritten(xml: string): boolean {
  return isWrittenCcd(Buffer.from(xml));
}

/** Tags (with what they enclose where nothing is nested) of a document, for blows that leave it well-formed. */
const parts = [...small.matchAll(/<(\w+)(?: [^>]*)?>[^<]*<\/\1>|<\/?\w+[^>]*>/g)].map(([part], i) => ({ part, i }));

describe('isWrittenCcd', () => {
  test('knows what the builder writes', () => {
    expect(isWritten(full)).toBe(true);
    expect(isWritten(small)).toBe(true);
  });

  test('what it takes, the check of anybody\u2019s XML takes too, however a document is damaged', () =>
    checksAgree(1_000));

  test('without any one element, or with it twice, both say the same (but for a template that a section names twice)', () => {
    let refused = 0;
    for (const { part, i } of parts) {
      const at = parts.slice(0, i).reduce((from, one) => small.indexOf(one.part, from) + one.part.length, 0);
      const from = small.indexOf(part, at);
      for (const instead of ['', part + part]) {
        const damaged = small.slice(0, from) + instead + small.slice(from + part.length);
        const wanted = checkAnyCcd(damaged).length === 0;
        if (instead === '' || !part.startsWith('<templateId'))
          expect(isWritten(damaged), `${part} at ${from}`).toBe(wanted);
        if (!wanted) refused++;
      }
    }
    expect(refused).toBeGreaterThan(parts.length / 2);
  });

  test.each([
    ['a declaration', (xml: string) => `<?xml version="1.0"?>${xml}`],
    ['a byte order mark', (xml: string) => `\uFEFF${xml}`],
    ['single quotes', (xml: string) => xml.replace('<realmCode code="US">', "<realmCode code='US'>")],
    [
      'an empty-element tag',
      (xml: string) => xml.replace('<realmCode code="US"></realmCode>', '<realmCode code="US"/>'),
    ],
    ['an ID of another form', (xml: string) => xml.replaceAll('"r1"', '"row1"').replaceAll('"#r1"', '"#row1"')],
  ])('leaves %s to the other, which takes it', (_, change) => {
    const other = change(full);
    expect(other).not.toBe(full);
    expect(isWritten(other)).toBe(false);
    expect(checkCcd(other)).toEqual([]);
  });

  test('cut anywhere, or with something behind it, it is none', () => {
    expect(isWritten(`${small} `)).toBe(false);
    expect(isWritten(small + small)).toBe(false);
    for (let length = 0; length < small.length; length++) expect(isWritten(small.slice(0, length))).toBe(false);
  });
});
