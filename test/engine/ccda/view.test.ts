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
    expect(html).toContain('<dt>Patient</dt><dd>O\u2019SAMPLE, Ada Q, PhD (Ms.)</dd>');
    expect(html).toContain('<dt>Born</dt><dd>1970-02-03</dd>');
    expect(html).toContain('<dt>Made</dt><dd>2026-11-23 06:00 -06:00</dd>');
    for (let i = 1; i <= 17; i++) {
      expect(html).toContain(`<a href="#section-${i}">`);
      expect(html).toContain(`<section id="section-${i}">`);
    }
    expect(html).toContain('Second &lt;line&gt; &amp; more \u{1F600}');
  });

  const who = (role: string, more = ''): string =>
    renderCcdHtml(
      `<ClinicalDocument xmlns="urn:hl7-org:v3"><title>T</title><recordTarget><patientRole>${role}</patientRole></recordTarget>` +
        '<custodian><assignedCustodian><representedCustodianOrganization><id root="1.2.3"/><name>North &amp; South</name></representedCustodianOrganization></assignedCustodian></custodian>' +
        `${more}</ClinicalDocument>`,
    );

  test.each([
    ['<name><given>A</given><given>B</given><family>Doe</family></name>', '<dt>Patient</dt><dd>DOE, A B</dd>'],
    ['<name><family>Doe</family></name>', '<dt>Patient</dt><dd>DOE</dd>'],
    ['<name>Doe of Doe</name>', '<dt>Patient</dt><dd>Doe of Doe</dd>'],
    [
      '<name><given>A</given><family>Doe</family></name><name use="P">Dodo</name><name><given>A</given><family qualifier="BR">Roe</family></name>',
      '<dt>Patient</dt><dd>DOE, A</dd><dt>Other names</dt><dd>Dodo<br>ROE, A [at birth]</dd>',
    ],
  ])('a name %s is %s', (names, wanted) => {
    expect(who(`<patient>${names}</patient>`)).toContain(wanted);
  });

  test('telephones, faxes and mail addresses stand apart, without URI schemes and with their use', () => {
    const html = who(
      '<telecom use="HP" value="tel:(555)555-0100"/><telecom use="MC" value="tel:555-1234-%237"/><telecom value="fax:1"/>' +
        '<telecom use="WP" value="mailto:a@example.org"/><telecom value="https://example.org/x"/><telecom nullFlavor="UNK"/><telecom value="tel:%zz"/>',
    );
    expect(html).toContain('<dt>Telephone</dt><dd>(555)555-0100 (home)<br>555-1234-#7 (mobile)<br>%zz</dd>');
    expect(html).toContain('<dt>Fax</dt><dd>1</dd><dt>E-mail</dt><dd>a@example.org (work)</dd>');
    expect(html).toContain('<dt>Contact</dt><dd>https://example.org/x</dd>');
  });

  test('numbers stand with who gave them, apart from those of visits', () => {
    const ids =
      '<id root="1.2.3" extension="M1"/><id root="2.16.840.1.113883.4.1" extension="999-00-0001"/><id root="1.9" extension="Q"/><id root="1.8" extension="V1"/>' +
      '<id assigningAuthorityName="http://example.org/1.2.3/ACME" root="2.25.1" extension="A1"/><id assigningAuthorityName="http://example.org/1.2.3/AN" root="2.25.2" extension="V2"/><id nullFlavor="UNK"/>';
    const visit =
      '<componentOf><encompassingEncounter><id root="1.7" extension="V1"/><id root="9"/></encompassingEncounter></componentOf>';
    const html = who(ids, visit);
    expect(html).toContain(
      '<dt>Numbers</dt><dd>M1 (North &amp; South)<br>999-00-0001 (US social security)<br>Q (1.9)<br>A1 (ACME)</dd>',
    );
    expect(html).toContain('<dt>Visit numbers</dt><dd>V1 (1.8)<br>V2</dd>');
    expect(who('<id root="1.8" extension="V1"/>', visit)).toContain('<dt>Numbers</dt><dd>V1 (1.8)</dd>');
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
