import type { Annotation } from '@medplum/fhirtypes';
import type { Row } from '../narrative.ts';

/** What a section writer gives: narrative rows and the entries that go with them. */
export interface Body {
  rows: Row[];
  entries: string;
}

/** Notes on one cell. */
export function readableNotes(notes: readonly Annotation[] | undefined): string {
  if (notes === undefined) return '';
  return notes
    .map((note) => note.text ?? '')
    .filter(Boolean)
    .join('\n');
}
