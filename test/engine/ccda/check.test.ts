import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { buildCcd, checkCcd } from '../../../engine/ccda/index.ts';
import { fullRecord, header, smallRecord } from './records.ts';

const good = buildCcd(fullRecord(), header);

function codes(xml: string): string[] {
  return checkCcd(xml).map((fault) => fault.code);
}

describe('checkCcd', () => {
  test('finds nothing in what the builder writes', () => {
    expect(checkCcd(good)).toEqual([]);
    expect(checkCcd(buildCcd(smallRecord, header))).toEqual([]);
  });

  test('reads what others may write: declaration, comments, single quotes, empty-element tags, CDATA', () => {
    const other = `<?xml version="1.0"?>\n<!-- c --> ${good.replace('<realmCode code="US"></realmCode>', "<realmCode  code = 'US' />").replace('<title>Continuity', '<title><![CDATA[<&]]>Continuity')}`;
    expect(checkCcd(other)).toEqual([]);
  });

  test.each([
    [
      '<birthTime value="19700203"></birthTime>',
      '',
      'ccda.header-part-missing',
      'ClinicalDocument/recordTarget/patientRole/patient/birthTime',
    ],
    [
      'extension="2015-08-01" root="2.16.840.1.113883.10.20.22.1.2"',
      'root="1.2"',
      'ccda.not-a-ccd',
      'ClinicalDocument',
    ],
    [
      'extension="2015-08-01" root="2.16.840.1.113883.10.20.22.2.3.1"',
      'root="1.2"',
      'ccda.section-missing',
      'component/structuredBody',
    ],
    ['<title>Problems</title>', '', 'ccda.section-incomplete', undefined],
    ['<tr ID="r1">', '<tr>', 'ccda.reference-broken', undefined],
    ['<tr ID="r2">', '<tr ID="r1">', 'ccda.id-twice', 'tr'],
  ])('without %j: %s', (from, to, code, place) => {
    expect(good).toContain(from);
    const fault = checkCcd(good.replace(from, to)).find((one) => one.code === code);
    expect(fault).toBeDefined();
    if (place !== undefined) expect(fault?.place).toBe(place);
  });

  test.each([
    ['', 'xml.malformed'],
    ['<a>', 'xml.malformed'],
    ['<a></b>', 'xml.malformed'],
    ['<a/><b/>', 'xml.malformed'],
    ['x<a/>', 'xml.malformed'],
    ['<a b></a>', 'xml.malformed'],
    ['<a b="1"c="2"></a>', 'xml.malformed'],
    ['<a b="1" c="2" b="3"></a>', 'xml.malformed'],
    ['<a b="<"></a>', 'xml.malformed'],
    ['<a>&nbsp;</a>', 'xml.malformed'],
    ['<a b="&x"></a>', 'xml.malformed'],
    ['<a>\u0001</a>', 'xml.malformed'],
    ['<a', 'xml.malformed'],
    ['<a b="', 'xml.malformed'],
    ['<a><!-- </a>', 'xml.malformed'],
    ['<!DOCTYPE a><a/>', 'xml.doctype'],
    ['<a>'.repeat(500), 'xml.too-deep'],
  ])('%j is %s', (xml, code) => {
    expect(codes(xml)).toEqual([code]);
  });

  test('never throws, whatever it is given', () => {
    const pieces = fc.constantFrom(
      '<a>',
      '</a>',
      '<b x="',
      '"',
      '/>',
      '&',
      '<!--',
      '-->',
      '<![CDATA[',
      ']]>',
      '<?',
      '?>',
      'x',
      ' ',
      "'",
      '=',
      '>',
      '/',
      '<section>',
      '</section>',
    );
    fc.assert(
      fc.property(fc.array(pieces, { maxLength: 20 }), (list) => {
        expect(codes(list.join('')).length).toBeGreaterThan(0);
      }),
      { numRuns: 2_000 },
    );
  });

  test('cut anywhere, a CCD is not well-formed', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: good.length - 1 }), (length) => {
        expect(codes(good.slice(0, length))).toEqual(['xml.malformed']);
      }),
    );
  });
});
