/** Properties of the CCD builder and of its two checks, run shortly in the normal suite and long in the fuzz suite. */
import fc from 'fast-check';
import { XmlDocument } from 'libxml2-wasm';
import { expect } from 'vitest';
import { checkAnyCcd } from '../../engine/ccda/check.ts';
import { buildCcd, checkCcd } from '../../engine/ccda/index.ts';
import { isWrittenCcd } from '../../engine/ccda/written-form.ts';
import { anyRecord } from '../engine/ccda/arbitraries.ts';
import { fullRecord, header, smallRecord } from '../engine/ccda/records.ts';

/** The same text in exclusive canonical form, as libxml2 writes it. */
export function libxmlCanonical(xml: string): string {
  const document = XmlDocument.fromString(xml);
  try {
    return document.canonicalizeToString({ mode: 1 } as never);
  } finally {
    document.dispose();
  }
}

/** Any record gives canonical XML that both checks take. */
export function passesItsChecks(numRuns: number): void {
  fc.assert(
    fc.property(anyRecord, (record) => {
      const xml = buildCcd(record, header);
      expect(isWrittenCcd(Buffer.from(xml))).toBe(true);
      expect(checkAnyCcd(xml)).toEqual([]);
      expect(libxmlCanonical(xml)).toBe(xml);
    }),
    { numRuns },
  );
}

/** One blow to a text: something cut out, doubled, or put in the place of something else. */
interface Blow {
  at: number;
  length: number;
  kind: 'cut' | 'double' | 'put';
  put: string;
}

const pieces = [
  ...'<>/&"=\'# r1c',
  '\u0000',
  '\r',
  '\uFFFE',
  '\uFFFF',
  '\uD800',
  '\u2019',
  '&amp;',
  '&nbsp;',
  '&#xD;',
  '</td>',
  '<td>',
  '<td ID="r1c">',
  '<tr ID="r999999999999">',
  '<reference value="#r1"></reference>',
  '<reference value="#r4000"></reference>',
  '<section></section>',
  '<title></title>',
  '<templateId extension="2015-08-01" root="2.16.840.1.113883.10.20.22.2.3.1"></templateId>',
  '<!-- -->',
  '<![CDATA[]]>',
  '<?x?>',
  ' code="1"',
];

const anyBlow: fc.Arbitrary<Blow> = fc.record({
  at: fc.double({ min: 0, max: 1, noNaN: true }),
  length: fc.integer({ min: 0, max: 60 }),
  kind: fc.constantFrom('cut', 'double', 'put'),
  put: fc.constantFrom(...pieces),
});

function strike(xml: string, { at, length, kind, put }: Blow): string {
  const from = Math.floor(at * xml.length);
  const gone = xml.slice(from, from + length);
  const instead = kind === 'cut' ? '' : kind === 'double' ? gone + gone : put;
  return xml.slice(0, from) + instead + xml.slice(from + length);
}

/** However a document is damaged: what the check of our own form takes, the check of anybody's XML takes too. */
export function checksAgree(numRuns: number): void {
  const whole = [buildCcd(fullRecord(), header), buildCcd(smallRecord, header)];
  fc.assert(
    fc.property(fc.constantFrom(...whole), fc.array(anyBlow, { minLength: 1, maxLength: 3 }), (xml, blows) => {
      const damaged = blows.reduce(strike, xml).toWellFormed();
      const faults = checkAnyCcd(damaged);
      if (isWrittenCcd(Buffer.from(damaged))) expect(faults).toEqual([]);
      expect(checkCcd(damaged)).toEqual(faults);
    }),
    { numRuns },
  );
}
