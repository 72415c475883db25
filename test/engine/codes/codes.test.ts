import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  type CodeSystem,
  digestOf,
  makeManifest,
  partsOfFile,
  type ReleasePart,
  readCodeSystems,
  readRelease,
  sameParts,
  writeCodeSystem,
  writeRelease,
} from '../../../engine/codes/index.ts';
import { MixError } from '../../../schemas/errors/index.ts';

const fault = (run: () => unknown) => {
  try {
    run();
  } catch (cause) {
    if (cause instanceof MixError) return [cause.fault.code, cause.fault.place];
    throw cause;
  }
  return 'nothing thrown';
};
const xml = (inside: string) => Buffer.from(`<CodeSystem xmlns="http://hl7.org/fhir">${inside}</CodeSystem>`);
const table = `<url value="http://terminology.hl7.org/CodeSystem/v2-0001"/><identifier><value value="urn:oid:2.16.840.1.113883.18.2"/></identifier>
  <version value="3.0.0"/><name value="AdministrativeSex"/>
  <concept><code value="F"/><display value="Female"/></concept>
  <concept><code value="M"/><display value="Male"/><concept><code value="M1"/><definition value="of male"/></concept></concept>
  <concept><code value="U"/><display value="Unknown"/><property><code value="status"/><valueCode value="deprecated"/></property></concept>`;

describe('code systems from their files', () => {
  test('FHIR XML, as HL7 publishes its tables', () => {
    expect(readCodeSystems(xml(table), { fileName: 'cs-v2-0001.xml' })).toEqual([
      {
        url: 'http://terminology.hl7.org/CodeSystem/v2-0001',
        oid: '2.16.840.1.113883.18.2',
        version: '3.0.0',
        name: 'AdministrativeSex',
        concepts: [
          { code: 'F', display: 'Female' },
          { code: 'M', display: 'Male' },
          { code: 'M1', display: 'of male' },
          { code: 'U', display: 'Unknown', inactive: true },
        ],
      },
    ]);
  });

  test('what is written is read back, and written the same again', () => {
    const word = fc.string({ minLength: 1, maxLength: 20, unit: fc.constantFrom(...'abcXYZ019-_ é漢'.split('')) });
    const concept = fc.record(
      {
        code: word.map((text) => text.trim() || 'x'),
        display: word.map((text) => text.trim()),
        inactive: fc.constant(true as const),
      },
      { requiredKeys: ['code', 'display'] },
    );
    fc.assert(
      fc.property(fc.uniqueArray(concept, { selector: ({ code }) => code, maxLength: 40 }), (concepts) => {
        const system: CodeSystem = {
          url: 'urn:oid:1.2.3',
          oid: '1.2.3',
          version: '1',
          name: 'n',
          title: 't',
          concepts,
        };
        const text = writeCodeSystem(system);
        const [read] = readCodeSystems(Buffer.from(text), { fileName: 'a.json' });
        expect(read).toEqual(system);
        expect(writeCodeSystem(read!)).toBe(text);
      }),
    );
  });

  test('CSV: quotes, line ends, a system a row, and one for all', () => {
    const text =
      '\uFEFFCode,Display,System,Status\r\nA,"first, with ""marks""",http://x.org/a,\r\nB,"two\nlines",http://x.org/b,retired\nC,,http://x.org/a,';
    expect(readCodeSystems(Buffer.from(text), { fileName: 'x.csv' })).toEqual([
      {
        url: 'http://x.org/a',
        name: 'http://x.org/a',
        version: '',
        concepts: [
          { code: 'A', display: 'first, with "marks"' },
          { code: 'C', display: '' },
        ],
      },
      {
        url: 'http://x.org/b',
        name: 'http://x.org/b',
        version: '',
        concepts: [{ code: 'B', display: 'two\nlines', inactive: true }],
      },
    ]);
    const one = readCodeSystems(Buffer.from('code\nA\n'), {
      fileName: 'x.csv',
      system: 'http://x.org/c',
      version: '7',
    });
    expect(one).toMatchObject([{ url: 'http://x.org/c', version: '7', concepts: [{ code: 'A', display: '' }] }]);
  });

  test.each<[string, string, string, [string, string | undefined]]>([
    ['another element', 'a.xml', '<ValueSet xmlns="http://hl7.org/fhir"/>', ['codes.malformed', 'ValueSet']],
    ['another namespace', 'a.xml', '<CodeSystem/>', ['codes.malformed', 'CodeSystem']],
    ['no url', 'a.xml', '<CodeSystem xmlns="http://hl7.org/fhir"/>', ['codes.malformed', 'CodeSystem.url']],
    ['a document type', 'a.xml', '<!DOCTYPE x><CodeSystem xmlns="http://hl7.org/fhir"/>', ['xml.doctype', undefined]],
    ['no JSON', 'a.json', '{', ['codes.malformed', undefined]],
    ['another resource', 'a.json', '{"resourceType":"Patient"}', ['codes.malformed', 'resourceType']],
    [
      'a concept without code',
      'a.json',
      '{"resourceType":"CodeSystem","url":"urn:x:y","concept":[{}]}',
      ['codes.malformed', 'CodeSystem.concept.code'],
    ],
    ['no column', 'a.csv', 'a,b\n1,2', ['codes.malformed', 'line 1']],
    ['no system', 'a.csv', 'code\nA', ['codes.malformed', 'line 2']],
    ['no rows', 'a.csv', 'code,system\n', ['codes.malformed', 'line 2']],
    ['a quote that is not closed', 'a.csv', 'code,system\nA,"x', ['codes.malformed', 'line 2']],
    ['an unknown kind', 'a.txt', 'x', ['codes.malformed', undefined]],
  ])('%s is refused', (_, fileName, text, wanted) => {
    const [code, place] = fault(() => readCodeSystems(Buffer.from(text), { fileName })) as [string, string | undefined];
    expect([code, code === 'xml.doctype' ? undefined : place]).toEqual(wanted);
  });

  test('anything at all is read or refused with a fault of the catalogue', () => {
    fc.assert(
      fc.property(
        fc.string(),
        fc.constantFrom('a.xml', 'a.json', 'a.csv', 'a.pem', 'a.dictionary.json'),
        (text, fileName) => {
          try {
            partsOfFile(fileName, Buffer.from(text));
          } catch (cause) {
            expect(cause).toBeInstanceOf(MixError);
          }
        },
      ),
    );
  });

  test('files of a folder as parts', () => {
    const pem = '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----';
    expect(partsOfFile('root.pem', Buffer.from(pem))).toMatchObject([{ kind: 'root', name: 'root.pem', count: 1 }]);
    expect(partsOfFile('two.pem', Buffer.from(`${pem}\n${pem}`)).map(({ name }) => name)).toEqual([
      'two.pem#1',
      'two.pem#2',
    ]);
    expect(partsOfFile('hl7.dictionary.json', Buffer.from('{ "a": 1 }'))).toEqual([
      { kind: 'dictionary', name: 'hl7', text: '{"a":1}', count: 1 },
    ]);
    expect(partsOfFile('t.xml', xml(table))).toMatchObject([
      { kind: 'code-system', name: 'http://terminology.hl7.org/CodeSystem/v2-0001', count: 4 },
    ]);
  });
});

describe('a release on the wire', () => {
  const parts: ReleasePart[] = [
    { kind: 'code-system', name: 'urn:b', text: '{"b":1}', count: 2 },
    { kind: 'code-system', name: 'urn:a', text: '{"a":1}', count: 1 },
  ];
  const about = { exchange: '1.2', sequence: 3, publishedAt: Date.UTC(2026, 10, 23) };
  const manifest = makeManifest(parts, about);
  const release = {
    manifest,
    manifestText: JSON.stringify(manifest),
    signature: 'signed',
    parts: new Map(parts.map(({ text }) => [digestOf(text), text])),
  };
  const believe = () => undefined;

  test('comes through as it was; the order of the parts does not matter', () => {
    expect(readRelease(writeRelease(release), believe)).toEqual(release);
    expect(makeManifest(parts.toReversed(), about)).toEqual(manifest);
    expect(manifest.version).toBe('2026-11-23.3');
  });

  test('the same parts are the same set, other parts are another', () => {
    expect(sameParts(manifest, makeManifest(parts, { ...about, sequence: 9 }))).toBe(true);
    expect(sameParts(manifest, makeManifest(parts.slice(1), about))).toBe(false);
  });

  test('the signature is judged before anything else, over the text as it came', () => {
    const judged: string[] = [];
    const refuse = (text: string, signature: string) => {
      judged.push(text, signature);
      return 'not by us';
    };
    expect(fault(() => readRelease(writeRelease({ ...release, manifestText: '{ "odd":' }), refuse))).toEqual([
      'exchange.release',
      'signature',
    ]);
    expect(judged).toEqual(['{ "odd":', 'signed']);
  });

  const wire = JSON.parse(writeRelease(release).toString()) as Record<string, unknown>;
  test.each<[string, Record<string, unknown>, string]>([
    [
      'a part that is damaged',
      { parts: Object.fromEntries(Object.keys(wire['parts'] as object).map((key) => [key, 'x'])) },
      'manifest.parts[0]',
    ],
    ['a part that is missing', { parts: {} }, 'manifest.parts[0]'],
    ['parts that are no map', { parts: [] }, 'release.parts'],
    ['no signature', { signature: undefined }, 'release.signature'],
    ['another format', { manifest: JSON.stringify({ ...manifest, format: 'other/1' }) }, 'manifest.format'],
    ['no manifest', { manifest: 'x' }, 'manifest'],
    ['a sequence that is none', { manifest: JSON.stringify({ ...manifest, sequence: 0 }) }, 'manifest.sequence'],
  ])('%s', (_, change, place) => {
    const bytes = Buffer.from(JSON.stringify({ ...wire, ...change }));
    expect(fault(() => readRelease(bytes, believe))).toEqual(['exchange.release', place]);
  });

  test('a byte changed anywhere is never taken', () => {
    const bytes = writeRelease(release);
    fc.assert(
      fc.property(fc.nat(bytes.length - 1), fc.integer({ min: 1, max: 255 }), (at, by) => {
        const bent = Buffer.from(bytes);
        bent[at] = (bent[at]! + by) % 256;
        try {
          const read = readRelease(bent, (text, signature) =>
            text === release.manifestText && signature === release.signature ? undefined : 'does not hold',
          );
          expect(read).toEqual(release);
        } catch (cause) {
          expect(cause).toBeInstanceOf(MixError);
        }
      }),
      { numRuns: 400 },
    );
  });
});
