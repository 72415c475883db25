import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { buildCcd, renderCcdHtml } from '../../../engine/ccda/index.ts';
import { anyRecord } from './arbitraries.ts';
import { fullRecord, header } from './records.ts';

/** Tags, attributes and addresses that must never come out. */
const unsafe =
  /<(?!\/?(?:html|head|meta|title|style|body|header|h[1-6]|nav|ol|ul|li|a|main|section|dl|dt|dd|p|span|br|sub|sup|div|table|thead|tbody|tfoot|tr|th|td|small|b|i|u|em|pre)\b|!doctype html>)|\son\w+\s*=|javascript:|(?:src|href)\s*=\s*(?!"#section-\d+")/i;

/** Markup only: text is escaped, so it cannot hold a `<`. */
function markup(html: string): string {
  return (html.match(/<[^>]*>/g) ?? []).join('');
}

function documentOf(narrative: string): string {
  return `<ClinicalDocument xmlns="urn:hl7-org:v3"><title>T</title><component><structuredBody><component><section><title>S</title><text>${narrative}</text></section></component></structuredBody></component></ClinicalDocument>`;
}

describe('renderCcdHtml', () => {
  test('shows who, and every section with a link to it', () => {
    const html = renderCcdHtml(buildCcd(fullRecord(), header));
    expect(html).toContain('Ms. Ada Q O\u2019Sample PhD');
    expect(html).toContain('1970-02-03');
    expect(html).toContain('MRN-1; 999-00-0001; X9');
    for (let i = 1; i <= 17; i++) {
      expect(html).toContain(`<a href="#section-${i}">`);
      expect(html).toContain(`<section id="section-${i}">`);
    }
    expect(html).toContain('Second &lt;line&gt; &amp; more \u{1F600}');
  });

  test.each([
    [
      '<paragraph onclick="x()">&lt;script&gt;alert(1)&lt;/script&gt;</paragraph>',
      '<p>&lt;script&gt;alert(1)&lt;/script&gt;</p>',
    ],
    ['<script>alert(1)</script>', 'alert(1)'],
    ['<linkHtml href="javascript:alert(1)">click</linkHtml>', 'click'],
    [
      '<table><tbody><tr><td colspan="2" style="x" rowspan="9&quot; onload=&quot;x">c</td></tr></tbody></table>',
      '<td colspan="2">c</td>',
    ],
    ['<content styleCode="Bold xRule">b</content>', '<span><b>b</b></span>'],
    ['<list listType="ordered"><item>1</item></list>', '<ol><li>1</li></ol>'],
    ['<renderMultiMedia referencedObject="M"/>', '<em>(picture, see the source document)</em>'],
  ])('narrative %s comes out as %s', (narrative, wanted) => {
    const html = renderCcdHtml(documentOf(narrative));
    expect(html).toContain(wanted);
    expect(markup(html)).not.toMatch(unsafe);
  });

  test('is safe for any record', () => {
    fc.assert(
      fc.property(anyRecord, (record) => {
        expect(markup(renderCcdHtml(buildCcd(record, header)))).not.toMatch(unsafe);
      }),
      { numRuns: 50 },
    );
  });

  test('shows a body that is not XML', () => {
    const plain =
      '<ClinicalDocument xmlns="urn:hl7-org:v3"><component><nonXMLBody><text mediaType="text/plain">a &lt; b</text></nonXMLBody></component></ClinicalDocument>';
    expect(renderCcdHtml(plain)).toContain('<pre>a &lt; b</pre>');
    const coded = plain.replace(
      'mediaType="text/plain">a &lt; b',
      `mediaType="application/pdf" representation="B64">${'QUJD'}`,
    );
    expect(renderCcdHtml(coded)).toContain('application/pdf');
  });

  test('refuses what is not CDA', () => {
    expect(() => renderCcdHtml('<html xmlns="urn:hl7-org:v3"/>')).toThrow('not a CDA document');
    expect(() => renderCcdHtml('<ClinicalDocument>')).toThrow('not well-formed');
  });
});
