/**
 * Code systems by their three names: FHIR URI, OID, and the mnemonic that HL7 v2 writes into CWE-3 (table 0396).
 * The maps between v2 tables and FHIR codes lie in `codes/tables.ts`.
 */
import { createHash } from 'node:crypto';

export { type Concept, conceptOf, displayOf, type TableName, tableCode, v2Uri } from './codes/tables.ts';

/** URI, OID, then the v2 mnemonics (upper case) that mean it. */
type System = readonly [uri: string, oid: string, ...names: string[]];

const systems: readonly System[] = [
  ['http://loinc.org', '2.16.840.1.113883.6.1', 'LN', 'LOINC', 'LNC'],
  [
    'http://snomed.info/sct',
    '2.16.840.1.113883.6.96',
    'SCT',
    'SNM',
    'SNOMED',
    'SNOMED-CT',
    'SNOMEDCT',
    'SCT2',
    'SNOMED CT',
    'SNM3',
  ],
  [
    'http://hl7.org/fhir/sid/icd-9-cm',
    '2.16.840.1.113883.6.103',
    'I9C',
    'I9',
    'I9M',
    'ICD9CM',
    'ICD-9-CM',
    'ICD9',
    'ICD-9',
  ],
  ['http://terminology.hl7.org/CodeSystem/icd9cm-procedure', '2.16.840.1.113883.6.104', 'I9CP', 'I9P'],
  ['http://hl7.org/fhir/sid/icd-10-cm', '2.16.840.1.113883.6.90', 'I10C', 'ICD-10-CM', 'ICD10CM'],
  ['http://hl7.org/fhir/sid/icd-10', '2.16.840.1.113883.6.3', 'I10', 'ICD10', 'ICD-10'],
  ['http://www.cms.gov/Medicare/Coding/ICD10', '2.16.840.1.113883.6.4', 'I10P', 'ICD10PCS', 'ICD-10-PCS'],
  ['http://hl7.org/fhir/sid/icd-o-3', '2.16.840.1.113883.6.43.1', 'ICDO', 'ICDO3', 'ICD-O-3'],
  ['http://hl7.org/fhir/sid/cvx', '2.16.840.1.113883.12.292', 'CVX'],
  ['http://hl7.org/fhir/sid/mvx', '2.16.840.1.113883.12.227', 'MVX'],
  ['http://hl7.org/fhir/sid/ndc', '2.16.840.1.113883.6.69', 'NDC'],
  ['http://www.nlm.nih.gov/research/umls/rxnorm', '2.16.840.1.113883.6.88', 'RXN', 'RXNORM', 'RXNORM-CUI'],
  ['http://www.ama-assn.org/go/cpt', '2.16.840.1.113883.6.12', 'C4', 'CPT', 'CPT4', 'CPT-4', 'PCV4'],
  ['http://www.ama-assn.org/go/cpt-modifiers', '2.16.840.1.113883.6.12.1', 'CPTM'],
  ['http://www.cms.gov/Medicare/Coding/HCPCSReleaseCodeSets', '2.16.840.1.113883.6.285', 'HPC', 'HCPCS'],
  ['http://unitsofmeasure.org', '2.16.840.1.113883.6.8', 'UCUM'],
  ['urn:oid:2.16.840.1.113883.6.238', '2.16.840.1.113883.6.238', 'CDCREC', 'HL70005', 'HL70189'],
  ['http://fdasis.nlm.nih.gov', '2.16.840.1.113883.4.9', 'UNII', 'FDASRS'],
  ['http://hl7.org/fhir/ndfrt', '2.16.840.1.113883.6.209', 'NDFRT', 'NDF-RT', 'MED-RT'],
  ['http://ncimeta.nci.nih.gov', '2.16.840.1.113883.3.26.1.1', 'NCIT', 'NCI'],
  ['http://nucc.org/provider-taxonomy', '2.16.840.1.113883.6.101', 'NUCC'],
  ['http://dicom.nema.org/resources/ontology/DCM', '1.2.840.10008.2.16.4', 'DCM'],
  ['http://www.nubc.org/patient-discharge', '2.16.840.1.113883.6.301.5', 'NUBC'],
  ['https://nahdo.org/sopt', '2.16.840.1.113883.3.221.5', 'SOP', 'SOPT'],
  ['http://terminology.hl7.org/CodeSystem/cdt-2', '2.16.840.1.113883.6.13', 'CDT2', 'CD2'],
  ['urn:ietf:bcp:47', '2.16.840.1.113883.6.121', 'BCP47'],
  ['urn:iso:std:iso:639', '2.16.840.1.113883.6.99', 'ISO6392', 'ISO639', 'ISO6391', 'HL70296'],
  ['urn:iso:std:iso:3166', '1.0.3166.1.2.2', 'ISO3166', 'ISO3166_1', 'HL70399'],
  ['urn:oid:2.16.840.1.113883.6.92', '2.16.840.1.113883.6.92', 'FIPS5_2', 'FIPS-5'],
  ['urn:oid:2.16.840.1.114222.4.5.274', '2.16.840.1.114222.4.5.274', 'PHINVS', 'CDCPHINVS'],
  ['urn:oid:2.16.840.1.114222.4.5.232', '2.16.840.1.114222.4.5.232', 'CDCA'],
  ['http://hl7.org/fhir/sid/us-ssn', '2.16.840.1.113883.4.1'],
  ['http://hl7.org/fhir/sid/us-npi', '2.16.840.1.113883.4.6'],
  ['http://hl7.org/fhir/sid/us-medicare', '2.16.840.1.113883.4.572'],
  ['http://terminology.hl7.org/CodeSystem/v3-ActCode', '2.16.840.1.113883.5.4', 'ACTCODE'],
  ['http://terminology.hl7.org/CodeSystem/v3-ActClass', '2.16.840.1.113883.5.6'],
  ['http://terminology.hl7.org/CodeSystem/v3-ActMood', '2.16.840.1.113883.5.1001'],
  ['http://terminology.hl7.org/CodeSystem/v3-ActStatus', '2.16.840.1.113883.5.14'],
  ['http://terminology.hl7.org/CodeSystem/v3-ActReason', '2.16.840.1.113883.5.8'],
  ['http://terminology.hl7.org/CodeSystem/v3-AdministrativeGender', '2.16.840.1.113883.5.1'],
  ['http://terminology.hl7.org/CodeSystem/v3-MaritalStatus', '2.16.840.1.113883.5.2'],
  ['http://terminology.hl7.org/CodeSystem/v3-NullFlavor', '2.16.840.1.113883.5.1008', 'NULLFL'],
  ['http://terminology.hl7.org/CodeSystem/v3-ObservationInterpretation', '2.16.840.1.113883.5.83'],
  ['http://terminology.hl7.org/CodeSystem/v3-Confidentiality', '2.16.840.1.113883.5.25'],
  ['http://terminology.hl7.org/CodeSystem/v3-RoleCode', '2.16.840.1.113883.5.111'],
  ['http://terminology.hl7.org/CodeSystem/v3-RoleClass', '2.16.840.1.113883.5.110'],
  ['http://terminology.hl7.org/CodeSystem/v3-ReligiousAffiliation', '2.16.840.1.113883.5.1076'],
  ['http://terminology.hl7.org/CodeSystem/v3-ParticipationType', '2.16.840.1.113883.5.90'],
  ['http://terminology.hl7.org/CodeSystem/v3-ParticipationFunction', '2.16.840.1.113883.5.88'],
  ['http://terminology.hl7.org/CodeSystem/v3-RouteOfAdministration', '2.16.840.1.113883.5.112'],
  ['http://terminology.hl7.org/CodeSystem/v3-ObservationMethod', '2.16.840.1.113883.5.84'],
  ['http://terminology.hl7.org/CodeSystem/v3-EntityNameUse', '2.16.840.1.113883.5.45'],
  ['http://terminology.hl7.org/CodeSystem/v3-TimingEvent', '2.16.840.1.113883.5.139'],
  ['http://terminology.hl7.org/CodeSystem/v3-LanguageAbilityMode', '2.16.840.1.113883.5.60'],
  ['http://terminology.hl7.org/CodeSystem/v3-SpecimenType', '2.16.840.1.113883.5.129'],
  ['http://terminology.hl7.org/CodeSystem/v3-Race', '2.16.840.1.113883.5.104'],
  ['http://terminology.hl7.org/CodeSystem/NIP001', '2.16.840.1.114222.4.5.293', 'NIP001'],
  ['http://terminology.hl7.org/CodeSystem/NIP002', '2.16.840.1.114222.4.5.294', 'NIP002'],
  ['http://terminology.hl7.org/CodeSystem/NIP003', '2.16.840.1.114222.4.5.295', 'NIP003'],
];

const oidByUri = new Map<string, string>();
const uriByOid = new Map<string, string>();
const uriByName = new Map<string, string>();
for (const [uri, oid, ...names] of systems) {
  oidByUri.set(uri, oid);
  if (!uriByOid.has(oid)) uriByOid.set(oid, uri);
  for (const name of names) uriByName.set(name, uri);
}

const v2Prefix = 'http://terminology.hl7.org/CodeSystem/v2-';
const v2Oid = '2.16.840.1.113883.12.';

/** The OID of a code or identifier system's URI, without `urn:oid:`; undefined where none is known. */
export function oidOf(uri: string): string | undefined {
  const known = oidByUri.get(uri);
  if (known !== undefined) return known;
  if (uri.startsWith('urn:oid:')) return uri.slice(8);
  if (uri.startsWith(v2Prefix)) {
    const table = Number(uri.slice(v2Prefix.length));
    if (Number.isInteger(table)) return v2Oid + table;
  }
  return undefined;
}

/**
 * An OID for any system URI: the known one, else one below 2.25 (ISO/IEC 9834-8) that depends on the URI only.
 * For where CDA wants a root and the sender has given a name.
 */
export function oidFor(uri: string): string {
  const known = oidOf(uri);
  if (known !== undefined) return known;
  const hex = createHash('sha256').update(uri).digest('hex').slice(0, 32);
  return `2.25.${BigInt(`0x${hex}`)}`;
}

/** The FHIR URI of an OID (without `urn:oid:`); `urn:oid:` plus the OID where FHIR has no other name for it. */
export function uriOf(oid: string): string {
  const known = uriByOid.get(oid);
  if (known !== undefined) return known;
  if (oid.startsWith(v2Oid)) {
    const table = oid.slice(v2Oid.length);
    if (/^\d{1,4}$/.test(table)) return v2Prefix + table.padStart(4, '0');
  }
  return `urn:oid:${oid}`;
}

const names = new Map<string, string | undefined>();

/**
 * The URI for what a v2 message calls a coding system (CWE-3, table 0396): a mnemonic, `HL7nnnn`, an OID or a URI.
 * Undefined for local systems (`L`, `99zzz`) and for names that nobody defined.
 */
export function systemOf(name: string): string | undefined {
  if (names.has(name)) return names.get(name);
  const uri = readSystemName(name);
  // Bounded: senders write a handful of names, an attacker could write many.
  if (names.size < 2000) names.set(name, uri);
  return uri;
}

function readSystemName(name: string): string | undefined {
  const upper = name.trim().toUpperCase();
  const known = uriByName.get(upper);
  if (known !== undefined) return known;
  const table = /^HL7-?(\d{3,4})$/.exec(upper);
  if (table) return v2Prefix + table[1]!.padStart(4, '0');
  if (/^[0-2](\.\d+){2,}$/.test(upper)) return uriOf(upper);
  const trimmed = name.trim();
  if (/^(https?:\/\/|urn:)\S+$/i.test(trimmed)) return trimmed;
  return undefined;
}

/** The v2 mnemonic (table 0396) of a URI, for messages that we write; undefined where there is none. */
export function mnemonicOf(uri: string): string | undefined {
  for (const [known, , first] of systems) if (known === uri) return first;
  if (uri.startsWith(v2Prefix)) return `HL7${uri.slice(v2Prefix.length)}`;
  return undefined;
}
