/** Names of code systems for `codeSystemName`, by OID; and the OIDs that the builder prefers for a place. */
export const codeSystemNames: ReadonlyMap<string, string> = new Map([
  ['2.16.840.1.113883.6.1', 'LOINC'],
  ['2.16.840.1.113883.6.96', 'SNOMED CT'],
  ['2.16.840.1.113883.6.88', 'RxNorm'],
  ['2.16.840.1.113883.6.69', 'NDC'],
  ['2.16.840.1.113883.6.90', 'ICD-10-CM'],
  ['2.16.840.1.113883.6.3', 'ICD-10'],
  ['2.16.840.1.113883.6.4', 'ICD-10-PCS'],
  ['2.16.840.1.113883.6.103', 'ICD-9-CM'],
  ['2.16.840.1.113883.6.104', 'ICD-9-CM Procedure'],
  ['2.16.840.1.113883.6.12', 'CPT'],
  ['2.16.840.1.113883.6.285', 'HCPCS'],
  ['2.16.840.1.113883.12.292', 'CVX'],
  ['2.16.840.1.113883.12.227', 'MVX'],
  ['2.16.840.1.113883.4.9', 'UNII'],
  ['2.16.840.1.113883.6.238', 'CDC Race and Ethnicity'],
  ['2.16.840.1.113883.5.1', 'AdministrativeGender'],
  ['2.16.840.1.113883.5.2', 'MaritalStatus'],
  ['2.16.840.1.113883.5.4', 'ActCode'],
  ['2.16.840.1.113883.5.6', 'ActClass'],
  ['2.16.840.1.113883.5.8', 'ActReason'],
  ['2.16.840.1.113883.5.25', 'Confidentiality'],
  ['2.16.840.1.113883.5.60', 'LanguageAbilityMode'],
  ['2.16.840.1.113883.5.83', 'ObservationInterpretation'],
  ['2.16.840.1.113883.5.88', 'ParticipationFunction'],
  ['2.16.840.1.113883.5.90', 'ParticipationType'],
  ['2.16.840.1.113883.5.110', 'RoleClass'],
  ['2.16.840.1.113883.5.111', 'RoleCode'],
  ['2.16.840.1.113883.5.1076', 'ReligiousAffiliation'],
  ['2.16.840.1.113883.3.26.1.1', 'NCI Thesaurus'],
  ['2.16.840.1.113883.6.101', 'NUCC Provider Taxonomy'],
]);

export const loinc = '2.16.840.1.113883.6.1';
export const snomed = '2.16.840.1.113883.6.96';
export const rxnorm = '2.16.840.1.113883.6.88';
export const ndc = '2.16.840.1.113883.6.69';
export const icd10cm = '2.16.840.1.113883.6.90';
export const cvx = '2.16.840.1.113883.12.292';
export const cpt = '2.16.840.1.113883.6.12';
export const cdcRace = '2.16.840.1.113883.6.238';
export const actCode = '2.16.840.1.113883.5.4';
export const observationInterpretation = '2.16.840.1.113883.5.83';
export const roleCode = '2.16.840.1.113883.5.111';
export const nciThesaurus = '2.16.840.1.113883.3.26.1.1';

/** A fixed code of a vocabulary: code, OID, display name. */
export type FixedCode = readonly [code: string, oid: string, display: string];

/** AdministrativeGender by FHIR gender. */
export const genderCodes: Readonly<Record<string, FixedCode>> = {
  male: ['M', '2.16.840.1.113883.5.1', 'Male'],
  female: ['F', '2.16.840.1.113883.5.1', 'Female'],
  other: ['UN', '2.16.840.1.113883.5.1', 'Undifferentiated'],
};

/** SNOMED CT allergy types (value set 2.16.840.1.113883.3.88.12.3221.6.2) by FHIR category and type. */
export const allergyTypes: Readonly<Record<string, FixedCode>> = {
  'allergy|medication': ['416098002', snomed, 'Drug allergy'],
  'allergy|biologic': ['416098002', snomed, 'Drug allergy'],
  'allergy|food': ['414285001', snomed, 'Food allergy'],
  'allergy|environment': ['426232007', snomed, 'Environmental allergy'],
  'allergy|': ['419199007', snomed, 'Allergy to substance'],
  'intolerance|medication': ['59037007', snomed, 'Drug intolerance'],
  'intolerance|biologic': ['59037007', snomed, 'Drug intolerance'],
  'intolerance|food': ['235719002', snomed, 'Food intolerance'],
  '|medication': ['419511003', snomed, 'Propensity to adverse reactions to drug'],
  '|biologic': ['419511003', snomed, 'Propensity to adverse reactions to drug'],
  '|food': ['418471000', snomed, 'Propensity to adverse reactions to food'],
  '|environment': ['420134006', snomed, 'Propensity to adverse reaction'],
  '|': ['420134006', snomed, 'Propensity to adverse reaction'],
};

/** Codes that say that there is no allergy, with the type that is negated. */
export const noAllergyCodes: Readonly<Record<string, FixedCode>> = {
  '716186003': ['419199007', snomed, 'Allergy to substance'],
  '160244002': ['419199007', snomed, 'Allergy to substance'],
  '409137002': ['416098002', snomed, 'Drug allergy'],
  '428607008': ['426232007', snomed, 'Environmental allergy'],
  '429625007': ['414285001', snomed, 'Food allergy'],
  NKA: ['419199007', snomed, 'Allergy to substance'],
  NKDA: ['416098002', snomed, 'Drug allergy'],
  NKMA: ['416098002', snomed, 'Drug allergy'],
  NKFA: ['414285001', snomed, 'Food allergy'],
};

/** SNOMED CT severities (value set 2.16.840.1.113883.3.88.12.3221.6.8) by FHIR reaction severity. */
export const severityCodes: Readonly<Record<string, FixedCode>> = {
  mild: ['255604002', snomed, 'Mild'],
  moderate: ['6736007', snomed, 'Moderate'],
  severe: ['24484000', snomed, 'Severe'],
};

/** ActNoImmunizationReason by the codes that senders use in RXA-18 (NIP002, FHIR statusReason). */
export const refusalReasons: Readonly<Record<string, FixedCode>> = {
  '00': ['PATOBJ', '2.16.840.1.113883.5.8', 'patient objection'],
  '01': ['RELIG', '2.16.840.1.113883.5.8', 'religious objection'],
  '03': ['PATOBJ', '2.16.840.1.113883.5.8', 'patient objection'],
  PATOBJ: ['PATOBJ', '2.16.840.1.113883.5.8', 'patient objection'],
  IMMUNE: ['IMMUNE', '2.16.840.1.113883.5.8', 'immunity'],
  MEDPREC: ['MEDPREC', '2.16.840.1.113883.5.8', 'medical precaution'],
  OSTOCK: ['OSTOCK', '2.16.840.1.113883.5.8', 'product out of stock'],
  PHILISOP: ['PHILISOP', '2.16.840.1.113883.5.8', 'philosophical objection'],
  RELIG: ['RELIG', '2.16.840.1.113883.5.8', 'religious objection'],
  VACEFF: ['VACEFF', '2.16.840.1.113883.5.8', 'vaccine efficacy concerns'],
  VACSAF: ['VACSAF', '2.16.840.1.113883.5.8', 'vaccine safety concerns'],
};

/** SNOMED CT smoking statuses (value set 2.16.840.1.113883.11.20.9.38). */
export const smokingStatuses: ReadonlySet<string> = new Set([
  '449868002',
  '428041000124106',
  '8517006',
  '266919005',
  '77176002',
  '266927001',
  '428071000124103',
  '428061000124105',
]);

/** HL7 ObservationInterpretation codes. */
export const interpretationCodes: ReadonlySet<string> = new Set([
  'A',
  'AA',
  'HH',
  'LL',
  'H',
  'L',
  'N',
  'HU',
  'LU',
  'H>',
  'L<',
  'I',
  'MS',
  'NS',
  'R',
  'S',
  'VS',
  'B',
  'D',
  'U',
  'W',
  'IND',
  'NEG',
  'POS',
  'ND',
  'DET',
  'RR',
  'WR',
  'NR',
  'E',
  'HX',
  'LX',
  '<',
  '>',
  'IE',
  'CAR',
  'EX',
  'NCL',
  'SYN-R',
  'SYN-S',
  'SDD',
  'UNE',
  'EXP',
  'OBX',
  'TOX',
]);
