/**
 * The profiles of MHD 4.2 (IHE ITI, FHIR R4): their names, and what each wants of a SubmissionSet and a DocumentReference. A bundle is checked
 * against the profile that it claims, whatever its sender meant.
 */
import type { DocumentReference, List } from '@medplum/fhirtypes';
import { z } from 'zod';
import type { Fault } from '../../schemas/errors/index.ts';
import {
  codingShape,
  conceptShape,
  identifierShape,
  metaShape,
  patientShape,
  referenceShape,
  timeShape,
} from './shape.ts';

const mhd = 'https://profiles.ihe.net/ITI/MHD/';
export const listTypes = `${mhd}CodeSystem/MHDlistTypes`;
export const sourceIdExtension = `${mhd}StructureDefinition/ihe-sourceId`;
export const designationTypeExtension = `${mhd}StructureDefinition/ihe-designationType`;

/** How much metadata is promised; each wants what the one before it wants. */
export type MetadataLevel = 'Minimal' | 'UnContained.Comprehensive' | 'Comprehensive';

type Kind = 'ProvideBundle' | 'DocumentReference' | 'SubmissionSet';

export function profileUrl(level: MetadataLevel, kind: Kind): string {
  return `${mhd}StructureDefinition/IHE.MHD.${level}.${kind}`;
}

const levels: readonly MetadataLevel[] = ['Minimal', 'UnContained.Comprehensive', 'Comprehensive'];

/** The strictest level that `meta.profile` claims for this kind; undefined when it claims none. A version (`|4.2.2`) is let pass. */
export function claimedLevel(profiles: readonly string[] | undefined, kind: Kind): MetadataLevel | undefined {
  const claimed = new Set(profiles?.map((one) => one.split('|')[0]));
  return levels.findLast((level) => claimed.has(profileUrl(level, kind)));
}

/** The stricter of two. */
export function stricter(one: MetadataLevel, other: MetadataLevel | undefined): MetadataLevel {
  return other !== undefined && levels.indexOf(other) > levels.indexOf(one) ? other : one;
}

const short = z.string().min(1).max(4_096);

export const documentReferenceShape = z.looseObject({
  resourceType: z.literal('DocumentReference'),
  meta: metaShape.optional(),
  contained: z
    .array(z.looseObject({ resourceType: short, id: short.optional() }))
    .max(50)
    .optional(),
  masterIdentifier: identifierShape.optional(),
  identifier: z.array(identifierShape).max(50).optional(),
  status: z.enum(['current', 'superseded', 'entered-in-error']),
  type: conceptShape.optional(),
  category: z.array(conceptShape).max(20).optional(),
  subject: referenceShape.optional(),
  date: timeShape.optional(),
  author: z.array(referenceShape).max(20).optional(),
  authenticator: referenceShape.optional(),
  custodian: referenceShape.optional(),
  relatesTo: z
    .array(z.looseObject({ code: z.enum(['replaces', 'transforms', 'signs', 'appends']), target: referenceShape }))
    .max(50)
    .optional(),
  description: short.optional(),
  securityLabel: z.array(conceptShape).max(20).optional(),
  content: z
    .array(
      z.looseObject({
        attachment: z.looseObject({
          contentType: short.optional(),
          language: short.optional(),
          data: z.string().optional(),
          url: short.optional(),
          size: z.number().int().min(0).optional(),
          hash: short.optional(),
          title: short.optional(),
          creation: timeShape.optional(),
        }),
        format: codingShape.optional(),
      }),
    )
    .max(20),
  context: z
    .looseObject({
      event: z.array(conceptShape).max(50).optional(),
      period: z.looseObject({ start: timeShape.optional(), end: timeShape.optional() }).optional(),
      facilityType: conceptShape.optional(),
      practiceSetting: conceptShape.optional(),
      sourcePatientInfo: referenceShape.optional(),
      related: z.array(referenceShape).max(100).optional(),
    })
    .optional(),
});

export const listShape = z.looseObject({
  resourceType: z.literal('List'),
  meta: metaShape.optional(),
  identifier: z.array(identifierShape).max(50).optional(),
  status: short,
  mode: short,
  code: conceptShape.optional(),
  subject: referenceShape.optional(),
  date: timeShape.optional(),
  source: referenceShape.optional(),
  entry: z
    .array(z.looseObject({ item: referenceShape }))
    .max(500)
    .optional(),
  extension: z
    .array(
      z.looseObject({
        url: short,
        valueIdentifier: identifierShape.optional(),
        valueCodeableConcept: conceptShape.optional(),
      }),
    )
    .max(50)
    .optional(),
});

export const binaryShape = z.looseObject({
  resourceType: z.literal('Binary'),
  contentType: short,
  data: z.string().optional(),
});

export { patientShape };

/** One rule of a profile: whether what stands at a path is as the level wants it. */
interface Rule<T> {
  level: MetadataLevel;
  path: string;
  wants: string;
  holds(resource: T): boolean;
}

const contained = (reference: { reference?: string } | undefined): boolean =>
  reference === undefined || reference.reference?.startsWith('#') === true;

const attachmentOf = (one: DocumentReference) => one.content?.[0]?.attachment;

const documentRules: Rule<DocumentReference>[] = [
  { level: 'Minimal', path: 'modifierExtension', wants: '0..0', holds: (one) => one.modifierExtension === undefined },
  {
    level: 'Minimal',
    path: 'masterIdentifier',
    wants: '1..1 with system and value',
    holds: (one) => !!one.masterIdentifier?.system && !!one.masterIdentifier.value,
  },
  {
    level: 'Minimal',
    path: 'status',
    wants: 'current or superseded',
    holds: (one) => one.status !== 'entered-in-error',
  },
  { level: 'Minimal', path: 'docStatus', wants: '0..0', holds: (one) => one.docStatus === undefined },
  { level: 'Minimal', path: 'category', wants: '0..1', holds: (one) => (one.category?.length ?? 0) <= 1 },
  {
    level: 'Minimal',
    path: 'subject',
    wants: '0..1, a Patient',
    holds: (one) => one.subject === undefined || isPatient(one.subject),
  },
  { level: 'Minimal', path: 'content', wants: '1..1', holds: (one) => one.content.length === 1 },
  {
    level: 'Minimal',
    path: 'content[0].attachment.contentType',
    wants: '1..1',
    holds: (one) => !!attachmentOf(one)?.contentType,
  },
  {
    level: 'Minimal',
    path: 'content[0].attachment.data',
    wants: '0..0',
    holds: (one) => attachmentOf(one)?.data === undefined,
  },
  { level: 'Minimal', path: 'content[0].attachment.url', wants: '1..1', holds: (one) => !!attachmentOf(one)?.url },
  { level: 'UnContained.Comprehensive', path: 'type', wants: '1..1', holds: (one) => one.type !== undefined },
  { level: 'UnContained.Comprehensive', path: 'subject', wants: '1..1', holds: (one) => one.subject !== undefined },
  {
    level: 'UnContained.Comprehensive',
    path: 'category',
    wants: '1..1',
    holds: (one) => one.category?.length === 1,
  },
  {
    level: 'UnContained.Comprehensive',
    path: 'securityLabel',
    wants: '1..*',
    holds: (one) => (one.securityLabel?.length ?? 0) > 0,
  },
  {
    level: 'UnContained.Comprehensive',
    path: 'content[0].attachment.language',
    wants: '1..1',
    holds: (one) => !!attachmentOf(one)?.language,
  },
  {
    level: 'UnContained.Comprehensive',
    path: 'content[0].attachment.creation',
    wants: '1..1',
    holds: (one) => !!attachmentOf(one)?.creation,
  },
  {
    level: 'UnContained.Comprehensive',
    path: 'content[0].format',
    wants: '1..1',
    holds: (one) => one.content[0]?.format !== undefined,
  },
  {
    level: 'UnContained.Comprehensive',
    path: 'context.facilityType',
    wants: '1..1',
    holds: (one) => one.context?.facilityType !== undefined,
  },
  {
    level: 'UnContained.Comprehensive',
    path: 'context.practiceSetting',
    wants: '1..1',
    holds: (one) => one.context?.practiceSetting !== undefined,
  },
  {
    level: 'UnContained.Comprehensive',
    path: 'context.sourcePatientInfo',
    wants: '1..1',
    holds: (one) => one.context?.sourcePatientInfo !== undefined,
  },
  {
    level: 'Comprehensive',
    path: 'author',
    wants: 'contained',
    holds: (one) => (one.author ?? []).every((author) => contained(author)),
  },
  { level: 'Comprehensive', path: 'authenticator', wants: 'contained', holds: (one) => contained(one.authenticator) },
  {
    level: 'Comprehensive',
    path: 'context.sourcePatientInfo',
    wants: 'contained',
    holds: (one) => contained(one.context?.sourcePatientInfo),
  },
];

const listRules: Rule<List>[] = [
  { level: 'Minimal', path: 'modifierExtension', wants: '0..0', holds: (one) => one.modifierExtension === undefined },
  {
    level: 'Minimal',
    path: 'identifier',
    wants: 'one with use usual, system and value',
    holds: (one) => (one.identifier ?? []).some(({ use, system, value }) => use === 'usual' && !!system && !!value),
  },
  { level: 'Minimal', path: 'status', wants: 'current', holds: (one) => one.status === 'current' },
  { level: 'Minimal', path: 'mode', wants: 'working', holds: (one) => one.mode === 'working' },
  { level: 'Minimal', path: 'date', wants: '1..1', holds: (one) => one.date !== undefined },
  {
    level: 'Minimal',
    path: 'extension',
    wants: 'sourceId 1..1',
    holds: (one) =>
      one.extension?.filter(({ url, valueIdentifier }) => url === sourceIdExtension && !!valueIdentifier?.value)
        .length === 1,
  },
  {
    level: 'UnContained.Comprehensive',
    path: 'subject',
    wants: '1..1, a Patient',
    holds: (one) => isPatient(one.subject),
  },
  {
    level: 'UnContained.Comprehensive',
    path: 'extension',
    wants: 'designationType 1..1',
    holds: (one) => one.extension?.filter(({ url }) => url === designationTypeExtension).length === 1,
  },
  { level: 'Comprehensive', path: 'source', wants: 'contained', holds: (one) => contained(one.source) },
];

/** A reference that can only be to a Patient: literal, logical, or to an entry of the bundle. */
export function isPatient(reference: DocumentReference['subject'] | List['subject'] | undefined): boolean {
  if (reference === undefined) return false;
  if (reference.type !== undefined && reference.type !== 'Patient') return false;
  if (reference.reference !== undefined)
    return /^urn:(uuid|oid):/.test(reference.reference) || /(^|\/)Patient[/?]/.test(reference.reference);
  return !!reference.identifier?.system && !!reference.identifier.value;
}

function faultsBy<T>(rules: readonly Rule<T>[], resource: T, level: MetadataLevel, place: string): Fault[] {
  const upTo = levels.indexOf(level);
  return rules
    .filter((rule) => levels.indexOf(rule.level) <= upTo && !rule.holds(resource))
    .map((rule) => ({ code: 'exchange.profile', place: `${place}.${rule.path}`, detail: `${level}: ${rule.wants}` }));
}

/** What a DocumentReference lacks of its level, in the order of the profile. */
export function documentFaults(resource: DocumentReference, level: MetadataLevel, place: string): Fault[] {
  return faultsBy(documentRules, resource, level, place);
}

/** What a SubmissionSet lacks of its level. */
export function submissionFaults(resource: List, level: MetadataLevel, place: string): Fault[] {
  return faultsBy(listRules, resource, level, place);
}
