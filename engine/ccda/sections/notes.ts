/** Notes (2.16.840.1.113883.10.20.22.2.65): transcribed documents with their text in the narrative. */
import type { DocumentReference } from '@medplum/fhirtypes';
import { loinc } from '../../../schemas/ccda/code-systems.ts';
import { entryTemplates } from '../../../schemas/ccda/templates.ts';
import { type Row, textOf } from '../narrative.ts';
import { actorOf } from '../people.ts';
import type { Scope } from '../scope.ts';
import { identifierOf, readable, readableTime, templateIds, time, translations } from '../write.ts';
import type { Body } from './body.ts';

/** Characters of one note that the narrative shows; the rest stays in the source document. */
const noteCharactersMax = 1_000_000;

export function writeNotes(scope: Scope): Body {
  const rows: Row[] = [];
  let entries = '';
  for (const document of scope.of('DocumentReference')) {
    if (document.status === 'superseded') continue;
    entries += note(scope, document, rows);
  }
  return { rows, entries };
}

/** The words of a note: plain text attachments; others by their title. */
function wordsOf(document: DocumentReference): string {
  const words: string[] = [];
  for (const { attachment } of document.content ?? []) {
    const kind = attachment?.contentType ?? 'text/plain';
    if (attachment?.data && kind.startsWith('text/') && !kind.startsWith('text/rtf'))
      words.push(
        [attachment.title ?? '', Buffer.from(attachment.data, 'base64').toString('utf8')].filter(Boolean).join('\n'),
      );
    else if (attachment?.title) words.push(attachment.title);
    else if (attachment?.data || attachment?.url)
      words.push(`(attachment of type ${kind}, kept with the source document)`);
  }
  if (document.description) words.unshift(document.description);
  return words.join('\n').slice(0, noteCharactersMax);
}

function note(scope: Scope, document: DocumentReference, rows: Row[]): string {
  const row = scope.row();
  const at = document.context?.period?.start ?? document.date;
  const authors = (document.author ?? [])
    .map((reference) => actorOf(reference, scope, document))
    .filter((one) => one !== undefined);
  const status = [document.status === 'current' ? '' : (document.status ?? ''), document.docStatus ?? '']
    .filter(Boolean)
    .join(', ');
  rows.push({
    id: row,
    cells: [
      [readable(document.type) || 'Note', status].filter(Boolean).join(', '),
      readableTime(at),
      authors
        .map((one) => one.name)
        .filter(Boolean)
        .join('; '),
      wordsOf(document),
    ],
  });
  const written = authors.length > 0 ? authors.slice(0, 10).map((one) => one.entity) : ['<id nullFlavor="UNK"></id>'];
  const participations = written.map(
    (entity) =>
      `<author>${templateIds(entryTemplates.authorParticipation)}${time('time', document.date ?? at)}<assignedAuthor>${entity}</assignedAuthor></author>`,
  );
  return (
    `<entry typeCode="DRIV"><act classCode="ACT" moodCode="EVN">${templateIds(entryTemplates.noteActivity)}${scope.ids(document)}${document.masterIdentifier?.value ? identifierOf(document.masterIdentifier.system, document.masterIdentifier.value) : ''}` +
    `<code code="34109-9" codeSystem="${loinc}" codeSystemName="LOINC" displayName="Note"><originalText><reference value="#${row}c"></reference></originalText>${translations(document.type, ['34109-9'])}</code>` +
    `${textOf(row)}<statusCode code="completed"></statusCode>${time('effectiveTime', at)}${participations.join('')}</act></entry>`
  );
}
