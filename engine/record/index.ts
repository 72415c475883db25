/** The FHIR record: the only door of this folder. */
export type { Act, Draft, DraftEntry, DraftMerge, DraftSubject } from './draft.ts';
export { uuidv7 } from './ids.ts';
export { createMemoryRecord, type MemoryRecord, toBundle } from './memory.ts';
export {
  codeOf,
  type KnownRecord,
  type MergedRecord,
  type MergeMeta,
  mergeRecord,
  statusOf,
  wantedKeys,
} from './merge.ts';
export { type MergedPersons, mergePersons, type WholeRecord } from './merge-persons.ts';
export { isStrong } from './numbers.ts';
export { personTerms } from './patient.ts';
export {
  type EntryFacts,
  entryOfText,
  factsOfEntry,
  factsOfPerson,
  type PersonFacts,
  personOfText,
  textOfEntry,
  textOfPerson,
} from './sealed-text.ts';
