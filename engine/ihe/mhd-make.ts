/** Provide Document Bundle of a document of ours (IHE MHD, ITI-65). Pure. */
import { createHash } from 'node:crypto';
import type { Bundle, BundleEntry, DocumentReference, List, Patient } from '@medplum/fhirtypes';
import type { StoredDocument } from '../../schemas/parts.ts';
import { designationTypeExtension, listTypes, profileUrl, sourceIdExtension } from './mhd-profile.ts';
import { type PatientNumber, tokenOf } from './numbers.ts';

/** System of identifiers that are URNs. */
export const uri = 'urn:ietf:rfc:3986';
const loinc = 'http://loinc.org';
const snomed = 'http://snomed.info/sct';

/** What a document is about, beyond its bytes. */
export interface DocumentAbout {
  /** The patient as the node knows them; stands contained as `sourcePatientInfo`. */
  patient: Patient;
  /** The number by which the receiver knows the patient: the one that is fed. */
  number: PatientNumber;
  organization: { oid: string; name: string };
  /** Where the document can be retrieved (ITI-68), without a slash at the end: `https://hospital.example:8443/fhir/R4`. */
  base: string;
  mediaType: string;
  title: string;
  language: string;
}

/** Master identifier of a document of ours: its id as a URN. */
export function masterIdentifierOf(documentId: string): { system: string; value: string } {
  return { system: uri, value: `urn:uuid:${documentId}` };
}

/**
 * The DocumentReference of a document (MHD Comprehensive): C-CDA 2.1 Continuity of Care Document by its type and format codes, size in bytes, SHA-1 in
 * base64 as XDS and FHIR want it (a check of transport; what proves the document is its signature).
 */
export function makeDocumentReference(document: StoredDocument, about: DocumentAbout): DocumentReference {
  const reference: DocumentReference = {
    resourceType: 'DocumentReference',
    meta: { profile: [profileUrl('Comprehensive', 'DocumentReference')] },
    contained: [
      { ...about.patient, id: 'patient', meta: undefined, text: undefined },
      {
        resourceType: 'Organization',
        id: 'author',
        identifier: [{ system: uri, value: `urn:oid:${about.organization.oid}` }],
        name: about.organization.name,
      },
    ],
    masterIdentifier: { use: 'usual', ...masterIdentifierOf(document.id) },
    identifier: [{ use: 'official', system: uri, value: `urn:uuid:${document.id}` }],
    status:
      document.state === 'current' ? 'current' : document.state === 'superseded' ? 'superseded' : 'entered-in-error',
    type: { coding: [{ system: loinc, code: '34133-9', display: 'Summarization of episode note' }] },
    category: [{ coding: [{ system: loinc, code: '11503-0', display: 'Medical records' }] }],
    subject: { type: 'Patient', identifier: { system: about.number.system, value: about.number.value } },
    date: new Date(document.createdAt).toISOString(),
    author: [{ reference: '#author' }],
    securityLabel: [
      {
        coding: [{ system: 'http://terminology.hl7.org/CodeSystem/v3-Confidentiality', code: 'N', display: 'normal' }],
      },
    ],
    content: [
      {
        attachment: {
          contentType: about.mediaType,
          language: about.language,
          url: `${about.base}/Binary/${document.id}`,
          size: document.bytes.length,
          hash: sha1Of(document.bytes),
          title: about.title,
          creation: new Date(document.createdAt).toISOString(),
        },
        format: {
          system: 'http://terminology.hl7.org/CodeSystem/v3-HL7DocumentFormatCodes',
          code: 'urn:hl7-org:sdwg:ccda-structuredBody:2.1',
        },
      },
    ],
    context: {
      facilityType: { coding: [{ system: snomed, code: '22232009', display: 'Hospital' }] },
      practiceSetting: { coding: [{ system: snomed, code: '394802001', display: 'General medicine' }] },
      sourcePatientInfo: { reference: '#patient' },
    },
  };
  if (document.replaces !== undefined)
    reference.relatesTo = [
      { code: 'replaces', target: { type: 'DocumentReference', identifier: masterIdentifierOf(document.replaces) } },
    ];
  return reference;
}

/** SHA-1 in base64, as `attachment.hash` has it. */
export const sha1Of = (bytes: Uint8Array): string => createHash('sha1').update(bytes).digest('base64');

/** The transaction that hands a document in: its metadata, and its bytes where the receiver shall keep a copy. */
export function makeProvideBundle(document: StoredDocument, about: DocumentAbout, withBytes: boolean): Bundle {
  const reference = makeDocumentReference(document, about);
  const [listUrl, referenceUrl, binaryUrl] = ['list', 'reference', 'binary'].map((part) => urnFor(document.id, part));
  const submission: List = {
    resourceType: 'List',
    meta: { profile: [profileUrl('Comprehensive', 'SubmissionSet')] },
    extension: [
      { url: sourceIdExtension, valueIdentifier: { value: `urn:oid:${about.organization.oid}` } },
      {
        url: designationTypeExtension,
        valueCodeableConcept: {
          coding: [{ system: loinc, code: '34133-9', display: 'Summarization of episode note' }],
        },
      },
    ],
    identifier: [
      { use: 'usual', system: uri, value: oidOfUuid(listUrl!.slice('urn:uuid:'.length)) },
      { use: 'official', system: uri, value: listUrl! },
    ],
    status: 'current',
    mode: 'working',
    code: { coding: [{ system: listTypes, code: 'submissionset' }] },
    subject: { type: 'Patient', identifier: { system: about.number.system, value: about.number.value } },
    date: new Date(document.createdAt).toISOString(),
    entry: [{ item: { reference: referenceUrl! } }],
  };
  const entry: BundleEntry[] = [
    { fullUrl: listUrl!, resource: submission, request: { method: 'POST', url: 'List' } },
    { fullUrl: referenceUrl!, resource: reference, request: { method: 'POST', url: 'DocumentReference' } },
  ];
  if (withBytes) {
    reference.content[0]!.attachment.url = binaryUrl!;
    entry.push({
      fullUrl: binaryUrl!,
      resource: { resourceType: 'Binary', contentType: about.mediaType, data: document.bytes.toString('base64') },
      request: { method: 'POST', url: 'Binary' },
    });
  }
  return {
    resourceType: 'Bundle',
    meta: { profile: [profileUrl('Comprehensive', 'ProvideBundle')] },
    type: 'transaction',
    timestamp: new Date(document.createdAt).toISOString(),
    entry,
  };
}

/** A UUID that follows from a document's id and what it is for, so that the same thing sent again has the same names (RFC 9562 section 5.8). */
function urnFor(documentId: string, part: string): string {
  return `urn:uuid:${uuidOf(`${documentId}|${part}`)}`;
}

/** A UUID of version 8 that follows from a text. */
export function uuidOf(text: string): string {
  const bytes = createHash('sha256').update(text).digest().subarray(0, 16);
  bytes[6] = (bytes[6]! & 0x0f) | 0x80;
  bytes[8] = (bytes[8]! & 0x3f) | 0x80;
  const hex = bytes.toString('hex');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}

/** The OID of a UUID, below 2.25 (ITU-T X.667). */
function oidOfUuid(uuid: string): string {
  return `urn:oid:2.25.${BigInt(`0x${uuid.replaceAll('-', '')}`)}`;
}

/** A withdrawal: the DocumentReference of a master identifier with its new status, as a conditional update. */
export function makeWithdrawal(
  documentId: string,
  status: 'entered-in-error' | 'superseded',
): { identifier: string; body: DocumentReference } {
  const master = masterIdentifierOf(documentId);
  return {
    identifier: tokenOf(master),
    body: { resourceType: 'DocumentReference', masterIdentifier: master, status, content: [{ attachment: {} }] },
  };
}
