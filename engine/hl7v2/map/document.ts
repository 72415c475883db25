/** TXA with its OBX, and CON -> DocumentReference and Consent (chapter 9; HL7 v2-to-FHIR, TXA[DocumentReference]). */
import type { Attachment, Consent, DocumentReference } from '@medplum/fhirtypes';
import { tableCode } from '../../../schemas/codes.ts';
import { conceptIn, dateTimeOf, hang, instantOf, some, toPatient } from './build.ts';
import type { Mapped } from './clinical.ts';
import { conceptOfCwe, entityKey, entityOf, practitionerOf } from './datatypes.ts';
import { attachmentOfEd, attachmentOfRp } from './observation.ts';
import { componentsOf, literal, type SegmentReader, textOf } from './reader.ts';

/** TXA -> DocumentReference; its content comes from the OBX that follow. */
export function mapTxa(s: SegmentReader, event: string, visitKey: string): Mapped<DocumentReference> {
  const m = s.m;
  s.touch(1);
  const document: DocumentReference = {
    resourceType: 'DocumentReference',
    status: s.code(19) === 'OB' || event === 'T11' ? 'superseded' : 'current',
    subject: toPatient,
    content: [],
  };
  const identifier = s.has(12) ? entityOf(m, s.first(12)) : undefined;
  if (identifier) document.masterIdentifier = identifier;
  const others = some([
    ...s.repetitions(14).map((part) => entityOf(m, part, 'PLAC')),
    ...(s.has(15) ? [entityOf(m, s.first(15), 'FILL')] : []),
  ]);
  if (others) document.identifier = others;
  const type = conceptIn(s, 2, '0270');
  if (type) document.type = type;
  const docStatus = tableCode('documentStatus', s.code(17));
  if (docStatus) document.docStatus = docStatus as NonNullable<DocumentReference['docStatus']>;
  if (s.has(17) && s.code(17) !== 'AU') s.keepText(17, s.text(17));
  const originated = instantOf(s, 6);
  if (originated !== undefined) document.date = originated;
  const activity = dateTimeOf(s, 4);
  if (activity !== undefined) document.context = { period: { start: activity } };
  if (visitKey !== '') document.context = { ...document.context, encounter: [{ reference: `key:${visitKey}` }] };
  const author = some([...s.repetitions(9), ...s.repetitions(5)].map((part) => practitionerOf(m, part)));
  if (author) document.author = author as NonNullable<DocumentReference['author']>;
  mapAuthenticator(s, document);
  const parent = s.has(13) ? entityOf(m, s.first(13)) : undefined;
  if (parent)
    document.relatesTo = [
      { code: event === 'T09' || event === 'T10' ? 'replaces' : 'appends', target: { identifier: parent } },
    ];
  const label = conceptIn(s, 18, '0272');
  if (label) document.securityLabel = [label];
  const title = s.text(25);
  if (title !== '') document.description = title;
  for (const n of [7, 8]) {
    const time = dateTimeOf(s, n);
    if (time !== undefined) s.keepText(n, time);
  }
  s.keep(3, 11, 16, 19, 20, 21, 23, 24, 26, 27, 28);
  hang(document, s.kept);
  const key = `DocumentReference|${entityKey(m, s.first(12)) || `${type?.coding?.[0]?.code ?? ''}|${s.raw(4) || s.raw(6)}`}`;
  return { key, act: 'put', resource: document };
}

/** TXA-10 is to authenticate; TXA-22 has done it, with when (XCN with a time stamp in component 15, PPN). */
function mapAuthenticator(s: SegmentReader, document: DocumentReference): void {
  const done = s.repetitions(22);
  const who = done[0] ?? s.repetitions(10)[0];
  const authenticator = who === undefined ? undefined : practitionerOf(s.m, who);
  if (authenticator) document.authenticator = authenticator as NonNullable<DocumentReference['authenticator']>;
  if (done.length > 1)
    s.keepText(
      22,
      done
        .slice(1)
        .map((part) => textOf(s.m, part))
        .join('; '),
    );
  if (done.length > 0) s.keep(10);
  else s.touch(10);
  if (done.length === 0 && s.repetitions(10).length > 1)
    s.keepText(
      10,
      s
        .repetitions(10)
        .slice(1)
        .map((part) => textOf(s.m, part))
        .join('; '),
    );
}

const xmlEscapes: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' };
const textMax = 2_000_000;

/** One OBX of a document: text is gathered, coded data becomes an attachment. The rest of the segment stays with the content. */
export function addContent(s: SegmentReader, document: DocumentReference, lines: string[]): void {
  s.touch(1, 2);
  const type = s.code(2);
  const title = conceptIn(s, 3);
  const name =
    title?.text ??
    title?.coding?.map((coding) => [coding.code, coding.display].filter((part) => part).join(' ')).join('; ');
  if (type === 'ED' || type === 'RP') {
    for (const part of s.repetitions(5)) {
      const attachment = type === 'ED' ? attachmentOfEd(s, part) : attachmentOfRp(s, part);
      if (name !== undefined && attachment.title === undefined) attachment.title = name;
      document.content.push({ attachment });
    }
    if (!s.has(5) && name !== undefined) document.content.push({ attachment: { title: name } });
  } else {
    const text = s
      .repetitions(5)
      .map((part) => literal(s.m, part))
      .join('\n');
    lines.push(text);
    const last = document.content[document.content.length - 1]?.attachment;
    if (last?.title === (name ?? '') && last.contentType?.startsWith('text/plain')) last.data = appended(last, text);
    else
      document.content.push({
        attachment: {
          contentType: 'text/plain; charset=utf-8',
          title: name ?? '',
          data: Buffer.from(text, 'utf8').toString('base64'),
        },
      });
  }
  const time = dateTimeOf(s, 14);
  if (time !== undefined) s.keepText(14, time);
  s.keepRest(4, 33);
  const content = document.content[document.content.length - 1];
  if (content) hang(content, s.kept);
  else hang(document, s.kept);
}

function appended(attachment: Attachment, text: string): string {
  const before = Buffer.from(attachment.data ?? '', 'base64').toString('utf8');
  return Buffer.from(`${before}\n${text}`.slice(0, textMax), 'utf8').toString('base64');
}

/** Closes a document: FHIR wants content, and its text is what a human reads. */
export function finishDocument(document: DocumentReference, lines: string[]): void {
  if (document.content.length === 0) document.content.push({ attachment: { title: 'no content was sent' } });
  if (lines.length === 0) return;
  const text = lines
    .join('\n')
    .slice(0, textMax)
    .replace(/[&<>"]/g, (c) => xmlEscapes[c]!)
    .replace(/\n/g, '<br/>');
  document.text = { status: 'additional', div: `<div xmlns="http://www.w3.org/1999/xhtml">${text}</div>` };
}

/** CON -> Consent (chapter 9.9.1). */
export function mapCon(s: SegmentReader): Mapped<Consent> {
  s.touch(1);
  const title = s.text(5);
  const consent: Consent = {
    resourceType: 'Consent',
    status:
      s.code(11) === 'A' ? 'active' : s.code(11) === 'R' ? 'rejected' : s.code(11) === 'P' ? 'proposed' : 'inactive',
    scope: { coding: [{ system: 'http://terminology.hl7.org/CodeSystem/consentscope', code: 'patient-privacy' }] },
    category: [
      s.has(2) ? conceptOfCwe(s.m, s.first(2), '0496')! : { coding: [{ system: 'http://loinc.org', code: '59284-0' }] },
    ],
    patient: toPatient,
    policyRule: { text: title === '' ? 'consent' : title },
  };
  const time = dateTimeOf(s, 13);
  if (time !== undefined) consent.dateTime = time;
  if (s.has(4)) consent.identifier = [entityOf(s.m, s.first(4))!];
  if (s.has(11) && s.code(11) !== 'A') s.keep(11);
  for (let n = 3; n <= 27; n++) {
    if (s.isTouched(n)) continue;
    if (n === 12 || n === 14 || n === 15) {
      const when = dateTimeOf(s, n);
      if (when !== undefined) s.keepText(n, when);
    } else s.keep(n);
  }
  hang(consent, s.kept);
  return {
    key: `Consent|${entityKey(s.m, s.first(4))}|${componentsOf(s.m, s.raw(2))[0]}|${s.raw(3)}`,
    act: 'put',
    resource: consent,
  };
}
