/**
 * The attributes that policies, pages and documentation share: one name, one identifier, one sentence.
 * Identifiers are those of XACML 3.0 appendix B, the OASIS cross-enterprise profile for health care (XSPA) and IHE XUA (ITI TF-2 3.40) where they exist.
 */

export const CATEGORY = {
  subject: 'urn:oasis:names:tc:xacml:1.0:subject-category:access-subject',
  resource: 'urn:oasis:names:tc:xacml:3.0:attribute-category:resource',
  action: 'urn:oasis:names:tc:xacml:3.0:attribute-category:action',
  environment: 'urn:oasis:names:tc:xacml:3.0:attribute-category:environment',
} as const;

export interface AttributeEntry {
  category: string;
  id: string;
  /** Short name of the data type (XML Schema). */
  type: 'string';
  /** What it says, in one sentence. */
  sentence: string;
}

export const ATTRIBUTES = {
  subjectId: {
    category: CATEGORY.subject,
    id: 'urn:oasis:names:tc:xacml:1.0:subject:subject-id',
    type: 'string',
    sentence: 'who asks',
  },
  role: {
    category: CATEGORY.subject,
    id: 'urn:oasis:names:tc:xacml:2.0:subject:role',
    type: 'string',
    sentence: 'the roles of who asks; each is a value of its own',
  },
  behalfRole: {
    category: CATEGORY.subject,
    id: 'urn:mix-hie:subject:behalf-role',
    type: 'string',
    sentence: 'the roles of the person for whom another node asks, as that node vouches',
  },
  organization: {
    category: CATEGORY.subject,
    id: 'urn:oasis:names:tc:xspa:1.0:subject:organization-id',
    type: 'string',
    sentence: 'the organisation that who asks works for',
  },
  purposeOfUse: {
    category: CATEGORY.subject,
    id: 'urn:oasis:names:tc:xspa:1.0:subject:purposeofuse',
    type: 'string',
    sentence: 'what the asking is for (HL7 PurposeOfUse)',
  },
  resourceType: {
    category: CATEGORY.resource,
    id: 'urn:mix-hie:resource:type',
    type: 'string',
    sentence: 'the kind of thing asked for',
  },
  resourceId: {
    category: CATEGORY.resource,
    id: 'urn:oasis:names:tc:xacml:1.0:resource:resource-id',
    type: 'string',
    sentence: 'which thing is asked for',
  },
  patientId: {
    category: CATEGORY.resource,
    id: 'urn:oasis:names:tc:xacml:2.0:resource:resource-id',
    type: 'string',
    sentence: 'the patient that the thing is about',
  },
  actionId: {
    category: CATEGORY.action,
    id: 'urn:oasis:names:tc:xacml:1.0:action:action-id',
    type: 'string',
    sentence: 'what is to be done with it',
  },
} as const satisfies Record<string, AttributeEntry>;

export const ROLES = [
  'administrator',
  'interface-analyst',
  'doctor',
  'nurse',
  'privacy-officer',
  'source',
  'node',
  'node-hospital',
  'node-region',
  'node-global',
] as const;
export type Role = (typeof ROLES)[number];

export const ACTIONS = ['read', 'search', 'create', 'rerun', 'disclose', 'configure'] as const;
export type Action = (typeof ACTIONS)[number];

export const RESOURCE_TYPES = [
  'message',
  'patient',
  'identity',
  'document',
  'source',
  'parked',
  'audit',
  'overview',
  'session',
  'exchange',
  'delivery',
  'settings',
  'release',
] as const;
export type ResourceType = (typeof RESOURCE_TYPES)[number];

/** HL7 v3 PurposeOfUse (urn:oid:2.16.840.1.113883.1.11.20448): the codes that policies tell apart. */
export const PURPOSES = ['TREAT', 'ETREAT', 'HOPERAT', 'HPAYMT', 'HRESCH', 'PATRQT', 'PUBHLTH', 'HMARKT'] as const;
export type PurposeOfUse = (typeof PURPOSES)[number];
