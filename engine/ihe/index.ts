/** IHE's transactions over FHIR as pure functions: PIXm (ITI-83, ITI-104) and MHD (ITI-65, ITI-67, ITI-68). The only door of this folder. */
export { capabilityOf } from './capability.ts';
export { type Candidate, fitsCriteria, lookUpTerms, visitOf, visitUrl } from './criteria.ts';
export { binaryIdOf, type DocumentQuery, makeSearchset, readDocumentQuery, readSearchset } from './mhd-find.ts';
export {
  type DocumentAbout,
  makeDocumentReference,
  makeProvideBundle,
  makeWithdrawal,
  masterIdentifierOf,
  uuidOf,
} from './mhd-make.ts';
export { claimedLevel, type MetadataLevel, profileUrl } from './mhd-profile.ts';
export {
  checkDigest,
  makeProvideAnswer,
  type ProvidedBundle,
  type ProvidedDocument,
  readProvideBundle,
} from './mhd-provide.ts';
export { type PatientNumber, readNumber, sameNumber, tokenOf } from './numbers.ts';
export { outcomeSaying } from './outcome.ts';
export {
  type GradedPatient,
  makeMatchset,
  makePatientSearchset,
  type PatientSearch,
  patientShown,
  readMatch,
  readPatientSearch,
} from './pdqm.ts';
export {
  type CrossReferenceQuery,
  demographicsOf,
  type FedPatient,
  type Feed,
  type FeedOptions,
  fhirIdentifier,
  makeCrossReference,
  makeFeed,
  readCrossReference,
  readCrossReferenceAnswer,
  readFeed,
} from './pixm.ts';
