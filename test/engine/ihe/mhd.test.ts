import { createHash } from 'node:crypto';
import type { Bundle, DocumentReference } from '@medplum/fhirtypes';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  binaryIdOf,
  checkDigest,
  makeProvideAnswer,
  makeProvideBundle,
  makeSearchset,
  makeWithdrawal,
  readDocumentQuery,
  readProvideBundle,
  readSearchset,
} from '../../../engine/ihe/index.ts';
import { MixError } from '../../../schemas/errors/index.ts';
import type { StoredDocument } from '../../../schemas/parts.ts';

const bytes = Buffer.from('<ClinicalDocument/>');
const document: StoredDocument = {
  id: '0192f0c0-0000-7000-8000-00000000000d',
  personId: '0192f0c0-0000-7000-8000-000000000001',
  setId: '0192f0c0-0000-7000-8000-00000000000c',
  version: 2,
  replaces: '0192f0c0-0000-7000-8000-00000000000b',
  state: 'current',
  createdAt: Date.UTC(2026, 10, 1, 12),
  personVersion: 4,
  bytes,
  signature: Buffer.alloc(0),
  sha256: createHash('sha256').update(bytes).digest('hex'),
};
const about = {
  patient: { resourceType: 'Patient' as const, name: [{ family: 'Lindqvist' }] },
  number: { system: 'urn:oid:1.2.3.1', value: 'A-1' },
  organization: { oid: '1.2.3', name: 'Hospital A' },
  base: 'https://a.example:8443/fhir/R4',
  mediaType: 'text/xml',
  title: 'Continuity of Care Document',
  language: 'en-US',
};
const made = (withBytes: boolean) =>
  JSON.parse(JSON.stringify(makeProvideBundle(document, about, withBytes))) as Bundle;

/** The bundle with what stands at a path replaced; `undefined` takes it away. */
function changed(path: string, value: unknown, withBytes = true): Bundle {
  const bundle = made(withBytes);
  const steps = path
    .replace('Bundle.', '')
    .split(/[.[\]]+/)
    .filter((step) => step !== '');
  let at = bundle as unknown as Record<string, unknown>;
  for (const step of steps.slice(0, -1)) at = at[step] as Record<string, unknown>;
  if (value === undefined) delete at[steps.at(-1)!];
  else at[steps.at(-1)!] = value;
  return JSON.parse(JSON.stringify(bundle)) as Bundle;
}

const fault = (run: () => unknown) => {
  try {
    run();
  } catch (cause) {
    if (cause instanceof MixError) return [cause.fault.code, cause.fault.place];
    throw cause;
  }
  return 'nothing thrown';
};
const max = 1024;

describe('Provide Document Bundle (ITI-65)', () => {
  test('with its bytes: what is made holds to what is read', () => {
    const read = readProvideBundle(made(true), max);
    expect(read.level).toBe('Comprehensive');
    expect(read.entries).toEqual(['submission', 'document', 'binary']);
    expect(read.documents).toHaveLength(1);
    expect(read.documents[0]).toMatchObject({
      place: 'Bundle.entry[1].resource',
      master: { system: 'urn:ietf:rfc:3986', value: `urn:uuid:${document.id}` },
      patient: about.number,
      replaces: [{ system: 'urn:ietf:rfc:3986', value: `urn:uuid:${document.replaces}` }],
      mediaType: 'text/xml',
      bytes,
    });
  });

  test('without: it lies where it was made', () => {
    const [read] = readProvideBundle(made(false), max).documents;
    expect(read?.bytes).toBeUndefined();
    expect(read?.url).toBe(`https://a.example:8443/fhir/R4/Binary/${document.id}`);
    expect(binaryIdOf(read?.url)).toBe(document.id);
  });

  test('hash and size are those of the bytes as MHD and FHIR write them', () => {
    const hello = makeProvideBundle({ ...document, bytes: Buffer.from('Hello World') }, about, true);
    const reference = hello.entry?.[1]?.resource as DocumentReference;
    expect(reference.content[0]?.attachment).toMatchObject({ size: 11, hash: 'Ck1VqNd45QIvq3AZd8XYQLvEhtA=' });
  });

  test('the same document made again has the same names', () => {
    expect(made(true)).toEqual(made(true));
  });

  test('the answer has an entry for each of the request, in its order', () => {
    const answer = makeProvideAnswer(readProvideBundle(made(true), max), 's', ['d']);
    expect(answer.type).toBe('transaction-response');
    expect(answer.entry?.map(({ response }) => [response?.status, response?.location])).toEqual([
      ['201 Created', 'List/s'],
      ['201 Created', 'DocumentReference/d'],
      ['201 Created', 'Binary/d'],
    ]);
  });

  const lies: [string, string, unknown, [string, string]][] = [
    ['no profile claimed', 'Bundle.meta', undefined, ['exchange.profile', 'Bundle.meta.profile']],
    [
      'a profile of something else',
      'Bundle.meta.profile',
      ['http://example.org/p'],
      ['exchange.profile', 'Bundle.meta.profile'],
    ],
    ['a batch', 'Bundle.type', 'batch', ['exchange.profile', 'Bundle.type']],
    ['not a bundle', 'Bundle.resourceType', 'List', ['exchange.malformed', 'Bundle.resourceType']],
    ['entries that are no list', 'Bundle.entry', {}, ['exchange.malformed', 'Bundle.entry']],
    [
      'no subject',
      'Bundle.entry[1].resource.subject',
      undefined,
      ['exchange.profile', 'Bundle.entry[1].resource.subject'],
    ],
    [
      'a subject that is a device',
      'Bundle.entry[1].resource.subject',
      { reference: 'Device/1' },
      ['exchange.profile', 'Bundle.entry[1].resource.subject'],
    ],
    [
      'a subject that leads nowhere',
      'Bundle.entry[1].resource.subject',
      { reference: 'urn:uuid:0192f0c0-0000-7000-8000-0000000000ff' },
      ['exchange.profile', 'Bundle.entry[1].resource.subject'],
    ],
    [
      'a patient whose number nobody tells',
      'Bundle.entry[1].resource.subject',
      { reference: 'Patient/77' },
      ['exchange.no-identifier', 'Bundle.entry[1].resource.subject'],
    ],
    ['no type', 'Bundle.entry[1].resource.type', undefined, ['exchange.profile', 'Bundle.entry[1].resource.type']],
    [
      'no category',
      'Bundle.entry[1].resource.category',
      undefined,
      ['exchange.profile', 'Bundle.entry[1].resource.category'],
    ],
    [
      'no security label',
      'Bundle.entry[1].resource.securityLabel',
      [],
      ['exchange.profile', 'Bundle.entry[1].resource.securityLabel'],
    ],
    [
      'no facility type',
      'Bundle.entry[1].resource.context.facilityType',
      undefined,
      ['exchange.profile', 'Bundle.entry[1].resource.context.facilityType'],
    ],
    [
      'no source patient',
      'Bundle.entry[1].resource.context.sourcePatientInfo',
      undefined,
      ['exchange.profile', 'Bundle.entry[1].resource.context.sourcePatientInfo'],
    ],
    [
      'a source patient that is not contained',
      'Bundle.entry[1].resource.contained',
      [],
      ['exchange.profile', 'Bundle.entry[1].resource.author[0]'],
    ],
    [
      'an author elsewhere, where contained is promised',
      'Bundle.entry[1].resource.author',
      [{ reference: 'Practitioner/1' }],
      ['exchange.profile', 'Bundle.entry[1].resource.author'],
    ],
    [
      'no master identifier',
      'Bundle.entry[1].resource.masterIdentifier',
      undefined,
      ['exchange.profile', 'Bundle.entry[1].resource.masterIdentifier'],
    ],
    [
      'two contents',
      'Bundle.entry[1].resource.content',
      [{ attachment: {} }, { attachment: {} }],
      ['exchange.profile', 'Bundle.entry[1].resource.content'],
    ],
    [
      'bytes within the attachment',
      'Bundle.entry[1].resource.content[0].attachment.data',
      'AAAA',
      ['exchange.profile', 'Bundle.entry[1].resource.content[0].attachment.data'],
    ],
    [
      'a Binary that is not there',
      'Bundle.entry[1].resource.content[0].attachment.url',
      'urn:uuid:0192f0c0-0000-7000-8000-0000000000ff',
      ['exchange.profile', 'Bundle.entry[1].resource.content[0].attachment.url'],
    ],
    [
      'a date that does not exist',
      'Bundle.entry[1].resource.date',
      '2026-13-01',
      ['exchange.malformed', 'Bundle.entry[1].resource.date'],
    ],
    [
      'a wrong size',
      'Bundle.entry[1].resource.content[0].attachment.size',
      5,
      ['exchange.digest', 'Bundle.entry[1].resource.content[0].attachment.size'],
    ],
    [
      'a wrong hash',
      'Bundle.entry[1].resource.content[0].attachment.hash',
      'Ck1VqNd45QIvq3AZd8XYQLvEhtA=',
      ['exchange.digest', 'Bundle.entry[1].resource.content[0].attachment.hash'],
    ],
    [
      'no hash',
      'Bundle.entry[1].resource.content[0].attachment.hash',
      undefined,
      ['exchange.profile', 'Bundle.entry[1].resource.content[0].attachment.hash'],
    ],
    [
      'other bytes',
      'Bundle.entry[2].resource.data',
      'AAAA',
      ['exchange.digest', 'Bundle.entry[1].resource.content[0].attachment.size'],
    ],
    [
      'bytes that are no base64',
      'Bundle.entry[2].resource.data',
      'A?==',
      ['exchange.malformed', 'Bundle.entry[2].resource.data'],
    ],
    [
      'a document too large',
      'Bundle.entry[2].resource.data',
      Buffer.alloc(max + 1).toString('base64'),
      ['exchange.document-too-large', 'Bundle.entry[2].resource.data'],
    ],
    [
      'another media type',
      'Bundle.entry[2].resource.contentType',
      'application/pdf',
      ['exchange.profile', 'Bundle.entry[2].resource.contentType'],
    ],
    [
      'no submission set',
      'Bundle.entry[0].resource.code.coding[0].code',
      'folder',
      ['exchange.profile', 'Bundle.entry'],
    ],
    [
      'a list of another kind',
      'Bundle.entry[0].resource.code',
      undefined,
      ['exchange.profile', 'Bundle.entry[0].resource.code'],
    ],
    ['no source', 'Bundle.entry[0].resource.extension', [], ['exchange.profile', 'Bundle.entry[0].resource.extension']],
    [
      'a submission that lists nothing',
      'Bundle.entry[0].resource.entry',
      [],
      ['exchange.profile', 'Bundle.entry[0].resource.entry'],
    ],
    [
      'a submission that lists what is not there',
      'Bundle.entry[0].resource.entry[0].item.reference',
      'urn:uuid:0192f0c0-0000-7000-8000-0000000000ff',
      ['exchange.profile', 'Bundle.entry[0].resource.entry[0].item'],
    ],
    [
      'a submission of another patient',
      'Bundle.entry[0].resource.subject.identifier.value',
      'A-2',
      ['exchange.profile', 'Bundle.entry[0].resource.subject'],
    ],
    ['a PUT', 'Bundle.entry[1].request.method', 'PUT', ['exchange.profile', 'Bundle.entry[1].request.method']],
    [
      'a resource of another kind',
      'Bundle.entry[2].resource.resourceType',
      'Task',
      ['exchange.profile', 'Bundle.entry[2].resource'],
    ],
    [
      'one name for two',
      'Bundle.entry[2].fullUrl',
      made(true).entry?.[1]?.fullUrl,
      ['exchange.profile', 'Bundle.entry[2].fullUrl'],
    ],
    [
      'a replaced document without a name',
      'Bundle.entry[1].resource.relatesTo[0].target',
      { reference: 'DocumentReference/5' },
      ['exchange.profile', 'Bundle.entry[1].resource.relatesTo[0].target'],
    ],
  ];
  test.each(lies)('%s', (_, path, value, code) => {
    expect(fault(() => readProvideBundle(changed(path, value), max))).toEqual(code);
  });

  test('what claims less must hold to less', () => {
    const bundle = made(false);
    bundle.meta = { profile: ['https://profiles.ihe.net/ITI/MHD/StructureDefinition/IHE.MHD.Minimal.ProvideBundle'] };
    const reference = bundle.entry?.[1]?.resource as DocumentReference;
    reference.meta = undefined;
    reference.category = undefined;
    const list = bundle.entry?.[0]?.resource;
    if (list?.resourceType === 'List') list.meta = undefined;
    expect(readProvideBundle(JSON.parse(JSON.stringify(bundle)), max).level).toBe('Minimal');
    reference.meta = {
      profile: ['https://profiles.ihe.net/ITI/MHD/StructureDefinition/IHE.MHD.Comprehensive.DocumentReference'],
    };
    expect(fault(() => readProvideBundle(JSON.parse(JSON.stringify(bundle)), max))).toEqual([
      'exchange.profile',
      'Bundle.entry[1].resource.category',
    ]);
  });

  test('anything at all is read or refused with a fault of the catalogue', () => {
    fc.assert(
      fc.property(fc.anything(), fc.object(), fc.nat(2), (body, inside, at) => {
        const bundle = made(true);
        Object.assign(bundle.entry?.[at]?.resource ?? {}, inside);
        for (const one of [body, bundle])
          try {
            readProvideBundle(one, max);
          } catch (cause) {
            expect(cause).toBeInstanceOf(MixError);
          }
      }),
    );
  });

  test('any bytes come through as they were', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 900 }), (any) => {
        const bundle = makeProvideBundle({ ...document, bytes: Buffer.from(any) }, about, true);
        expect(readProvideBundle(bundle, max).documents[0]?.bytes?.equals(any)).toBe(true);
      }),
    );
  });

  test('what is fetched later is checked against its metadata', () => {
    const [read] = readProvideBundle(made(false), max).documents;
    checkDigest(bytes, read!.reference);
    expect(fault(() => checkDigest(Buffer.from('other'), read!.reference))[0]).toBe('exchange.digest');
    expect(fault(() => checkDigest(Buffer.from(bytes).fill(65), read!.reference))[1]).toMatch(/hash$/);
  });

  test('a withdrawal names the document and its new status', () => {
    expect(makeWithdrawal(document.id, 'entered-in-error')).toMatchObject({
      identifier: `urn:ietf:rfc:3986|urn:uuid:${document.id}`,
      body: { status: 'entered-in-error' },
    });
  });
});

describe('Find Document References (ITI-67)', () => {
  const reference = (id: string, change: Partial<DocumentReference> = {}): DocumentReference => ({
    ...(makeProvideBundle(document, about, false).entry![1]!.resource as DocumentReference),
    id,
    ...change,
  });
  const ask = (text: string) => readDocumentQuery(new URLSearchParams(text));
  const one = reference('1');

  test.each([
    ['status=current', true],
    ['status=superseded', false],
    ['status=superseded,current', true],
    ['type=http://loinc.org|34133-9', true],
    ['type=34133-9', true],
    ['type=|34133-9', false],
    ['type=http://loinc.org|', true],
    ['type=http://loinc.org|1,http://loinc.org|34133-9', true],
    ['type=http://snomed.info/sct|34133-9', false],
    ['category=11503-0', true],
    ['format=urn:hl7-org:sdwg:ccda-structuredBody:2.1', true],
    ['format=urn:ihe:pcc:xphr:2007', false],
    ['facility=http://snomed.info/sct|22232009', true],
    ['setting=394802001', true],
    ['security-label=N', true],
    ['security-label=R', false],
    [`identifier=urn:ietf:rfc:3986|urn:uuid:${document.id}`, true],
    ['identifier=urn:ietf:rfc:3986|urn:uuid:other', false],
    ['date=2026-11-01', true],
    ['date=2026-11', true],
    ['date=2026', true],
    ['date=ge2026-11-01&date=lt2026-11-02', true],
    ['date=gt2026-11-01', false],
    ['date=ge2026-11-02', false],
    ['date=lt2026-11-01', false],
    ['date=le2026-11-01T12:00:00Z', true],
    ['date=eb2026-11-01T12:00:00Z', false],
    ['date=sa2026-10-31', true],
    ['date=ne2026-11-01', false],
    ['creation=2026-11-01', true],
    ['event=x', false],
    ['period=2026', false],
    ['related=x', false],
    ['author.family=lind', false],
  ])('%s: %s', (text, fits) => {
    expect(ask(`patient=p&${text}`).fits(one)).toBe(fits);
  });

  test('an author is found by the beginning of the name', () => {
    const by = reference('1', {
      contained: [{ resourceType: 'Practitioner', id: 'a', name: [{ family: 'Ödman', given: ['Per'] }] }],
      author: [{ reference: '#a' }],
    });
    expect(ask('patient=p&author.family=ÖD').fits(by)).toBe(true);
    expect(ask('patient=p&author.given=per&author.family=x').fits(by)).toBe(false);
  });

  test('a period fits where it overlaps', () => {
    const during = reference('1', { context: { period: { start: '2026-01-10', end: '2026-01-20' } } });
    for (const [date, fits] of [
      ['2026-01-15', true],
      ['2026-01', true],
      ['2026-02', false],
      ['ge2026-01-18', true],
      ['sa2026-01-20', false],
    ] as const)
      expect([date, ask(`patient=p&period=${date}`).fits(during)]).toEqual([date, fits]);
  });

  test('what was entered in error stays out unless it is asked for', () => {
    const withdrawn = reference('1', { status: 'entered-in-error' });
    expect(ask('patient=p').fits(withdrawn)).toBe(false);
    expect(ask('patient=p&status=entered-in-error').fits(withdrawn)).toBe(true);
  });

  test.each([
    ['status=current', 'patient'],
    ['patient=p&colour=red', 'colour'],
    ['patient=p&status:not=current', 'status:not'],
    ['patient=p&status=gone', 'status'],
    ['patient=p&date=yesterday', 'date'],
    ['patient=p&date=2026-02-30', 'date'],
    ['patient=p&date=ap2026', 'date'],
    ['patient=p&type=', 'type'],
    ['patient=p&_count=501', '_count'],
    ['patient=p&_count=-1', '_count'],
    ['patient=p&_sort=type', '_sort'],
    ['patient=p&_format=xml', '_format'],
    ['patient=../../etc', 'patient'],
    ['patient=a,b', 'patient'],
    ['patient.identifier=A-1', 'patient.identifier'],
    [`patient=p&type=${'x,'.repeat(60)}x`, 'type'],
    ['patient=p&<script>=1', 'parameter'],
  ])('%s is refused at %s', (text, place) => {
    expect(fault(() => ask(text))).toEqual(['exchange.query', place]);
  });

  test('who is asked for', () => {
    expect(ask('patient=Patient/p')).toMatchObject({ patientId: 'p' });
    expect(ask('patient.identifier=urn:oid:1|a')).toMatchObject({ number: { system: 'urn:oid:1', value: 'a' } });
  });

  test('pages, newest first, until there are no more', () => {
    const all = Array.from({ length: 7 }, (_, i) => reference(`${i}`, { date: `2026-11-0${i + 1}T00:00:00Z` }));
    const seen: string[] = [];
    let next: string | undefined = 'patient=p&_count=3';
    for (let page = 0; next !== undefined && page < 9; page++) {
      const set = makeSearchset(ask(next), all);
      expect(set.total).toBe(7);
      const read = readSearchset(JSON.parse(JSON.stringify(set)));
      seen.push(...read.references.map(({ id }) => id!));
      next = read.next;
    }
    expect(seen).toEqual(['6', '5', '4', '3', '2', '1', '0']);
  });

  test('_count=0 tells only how many', () => {
    const set = makeSearchset(ask('patient=p&_count=0'), [one]);
    expect(set).toMatchObject({ total: 1 });
    expect(set.entry).toBeUndefined();
    expect(set.link).toHaveLength(1);
  });

  test.each([
    null,
    [],
    { resourceType: 'Bundle', type: 'batch' },
    { resourceType: 'Bundle', type: 'searchset', entry: {} },
  ])('an answer that is none: %j', (body) => {
    expect(fault(() => readSearchset(body))[0]).toBe('exchange.answer');
  });

  test.each([
    ['Binary/abc', 'abc'],
    ['https://h.example/fhir/R4/Binary/abc', 'abc'],
    ['Binary/../x', undefined],
    ['XBinary/abc', undefined],
    [undefined, undefined],
  ])('the Binary of %s', (url, id) => {
    expect(binaryIdOf(url)).toBe(id);
  });
});
