import fc from 'fast-check';
import { XmlDocument } from 'libxml2-wasm';
import { describe, expect, test } from 'vitest';
import { MixError } from '../../schemas/errors/index.ts';
import {
  attributeOf,
  childOf,
  childrenOf,
  escapeAttribute,
  escapeText,
  readXml,
  textOf,
  writeXml,
  type XmlElement,
} from '../../schemas/xml.ts';

/** The fault that reading gives. */
function faultOf(input: string | Uint8Array, limits = {}): { code: string; place?: string } {
  try {
    readXml(input, limits);
  } catch (cause) {
    if (cause instanceof MixError) return cause.fault;
    throw cause;
  }
  throw new Error('was read');
}

/** Exclusive canonical form by libxml2. */
function canonical(xml: string): string {
  const document = XmlDocument.fromString(xml);
  try {
    return document.canonicalizeToString({ mode: 1 } as never);
  } finally {
    document.dispose();
  }
}

describe('reading', () => {
  test('keeps text, digits, entities and mixed content as they stand', () => {
    const root = readXml(
      '<?xml version="1.0"?><a x="&#233;&lt;" n="true"> 00123 <b/>t&amp;<![CDATA[<z>&]]>\r\nend</a>',
    );
    expect(attributeOf(root, 'x')).toBe('\u00e9<');
    expect(attributeOf(root, 'n')).toBe('true');
    expect(root.children).toEqual([
      ' 00123 ',
      { name: 'b', local: 'b', namespace: '', attributes: [], children: [] },
      't&<z>&\nend',
    ]);
  });

  test('resolves namespaces, and finds children by name', () => {
    const root = readXml('<p:a xmlns:p="urn:1" xmlns="urn:2"><b/><p:b xml:lang="en" p:q="1">x<c>y</c></p:b></p:a>');
    expect(root).toMatchObject({ local: 'a', namespace: 'urn:1' });
    expect(childrenOf(root, 'b').map((one) => one.namespace)).toEqual(['urn:2', 'urn:1']);
    const second = childOf(root, 'b', 'urn:1') as XmlElement;
    expect(textOf(second)).toBe('xy');
    expect(attributeOf(second, 'q', 'urn:1')).toBe('1');
    expect(attributeOf(second, 'q')).toBeUndefined();
  });

  test.each([
    ['<a>\n<b></a>', 'xml.malformed', 'line 2, column 4'],
    ['<a>\n  &nbsp;</a>', 'xml.malformed', 'line 2, column 3'],
    ['<a x="1" x="2"/>', 'xml.malformed', 'line 1, column 10'],
    ['<a xmlns:p="u" xmlns:q="u" p:x="1" q:x="2"/>', 'xml.malformed', undefined],
    ['<a/><b/>', 'xml.malformed', undefined],
    ['<a/>text', 'xml.malformed', undefined],
    ['text', 'xml.malformed', 'line 1, column 1'],
    ['', 'xml.malformed', undefined],
    ['<q:a/>', 'xml.malformed', undefined],
    ['<a b/>', 'xml.malformed', undefined],
    ['<a b=1/>', 'xml.malformed', undefined],
    ['<a b="<"/>', 'xml.malformed', 'line 1, column 1'],
    ['<a>\u0007</a>', 'xml.malformed', 'line 1, column 4'],
    ['<a>&#0;</a>', 'xml.malformed', undefined],
    ['<a>&#xD800;</a>', 'xml.malformed', undefined],
    ['<a><!-- -- --></a>', 'xml.malformed', 'line 1, column 4'],
    ['<a><!-- </a>', 'xml.malformed', 'line 1, column 4'],
    ['<a><![CDATA[ </a>', 'xml.malformed', 'line 1, column 4'],
    ['<a>]]></a>', 'xml.malformed', undefined],
    ['<__proto__/>', 'xml.malformed', undefined],
    ['<a __proto__="1"/>', 'xml.malformed', undefined],
    ['<!DOCTYPE a [<!ENTITY x "y">]><a>&x;</a>', 'xml.doctype', 'line 1, column 1'],
    ['<!DOCTYPE a SYSTEM "file:///etc/passwd"><a/>', 'xml.doctype', 'line 1, column 1'],
    ['<a><!ELEMENT a ANY></a>', 'xml.doctype', 'line 1, column 4'],
  ])('refuses %j with %s at %s', (input, code, place) => {
    const fault = faultOf(input);
    expect(fault.code).toBe(code);
    if (place !== undefined) expect(fault.place).toBe(place);
  });

  test('is bounded in size and depth', () => {
    expect(faultOf('<a>12345</a>', { bytesMax: 10 }).code).toBe('xml.too-large');
    expect(faultOf('<a>'.repeat(201) + '</a>'.repeat(201)).code).toBe('xml.too-deep');
    expect(readXml('<a>'.repeat(200) + '</a>'.repeat(200)).local).toBe('a');
    expect(faultOf('<a><b><c/></b></a>', { depthMax: 2 }).code).toBe('xml.too-deep');
  });

  test('takes UTF-8 only', () => {
    expect(readXml(Buffer.from('\uFEFF<a>\u00e9</a>')).children).toEqual(['\u00e9']);
    expect(faultOf(Buffer.from('<a>\xe9</a>', 'latin1')).code).toBe('xml.encoding');
    expect(faultOf(Buffer.from('<?xml version="1.0" encoding="ISO-8859-1"?><a/>')).code).toBe('xml.encoding');
  });

  test('never fails in another way than with a fault, whatever it is given', () => {
    const pieces = fc.constantFrom(
      '<a>',
      '</a>',
      '<b x="',
      '"',
      '/>',
      '&',
      '&amp;',
      '<!--',
      '-->',
      '<![CDATA[',
      ']]>',
      '<?',
      '?>',
      'x',
      ' ',
      '\n',
      "'",
      '=',
      ':',
      '<!D',
      '\u0000',
    );
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.array(pieces, { maxLength: 20 }).map((list) => list.join('')),
        ),
        (input) => {
          try {
            readXml(input);
          } catch (cause) {
            expect(cause).toBeInstanceOf(MixError);
          }
        },
      ),
      { numRuns: 2_000 },
    );
  });
});

describe('writing', () => {
  test('escapes as canonical XML does, and replaces what XML cannot hold', () => {
    expect(escapeText('a<b>&"\'\r\n\t')).toBe('a&lt;b&gt;&amp;"\'&#xD;\n\t');
    expect(escapeAttribute('a<b>&"\'\r\n\t')).toBe("a&lt;b>&amp;&quot;'&#xD;&#xA;&#x9;");
    expect(escapeText('\u0000\u001b\ud800x\udc00\ufffe\u{1f600}')).toBe('\ufffd\ufffd\ufffdx\ufffd\ufffd\u{1f600}');
  });

  test('any text in an element or attribute is read back, and is canonical by another implementation', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), fc.string({ unit: 'binary' }), (text, value) => {
        const xml = `<a x="${escapeAttribute(value)}">${escapeText(text)}</a>`;
        expect(canonical(xml)).toBe(xml);
        const root = readXml(xml);
        const legal = (given: string): string =>
          given.replace(/[^\t\n\r\u0020-\uD7FF\uE000-\uFFFD\u{10000}-\u{10FFFF}]/gu, '\ufffd');
        expect(attributeOf(root, 'x')).toBe(legal(value));
        expect(textOf(root)).toBe(legal(text));
      }),
      { numRuns: 500 },
    );
  });

  test.each([
    '<a xmlns="urn:1" xmlns:z="urn:z" xmlns:unused="urn:u"><b xmlns="" z:q="1" a="2"/><c xmlns:y="urn:a" y:k="1" z:k="2" k="3"/></a>',
    '<p:a xmlns:p="urn:1"><p:b xmlns:p="urn:2"><p:c xmlns:p="urn:1"/></p:b><d xmlns="urn:1"/></p:a>',
    '<a xml:lang="en" xml:space="preserve"> <b/> </a>',
  ])('writes a tree as exclusive canonical XML: %s', (xml) => {
    expect(writeXml(readXml(xml))).toBe(canonical(xml));
  });
});
