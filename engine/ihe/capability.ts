/** What a node's door does, by its role (FHIR R4 CapabilityStatement; ITI TF-2 appendix Z.3). */
import type { CapabilityStatement } from '@medplum/fhirtypes';
import type { NodeRole } from '../../schemas/exchange.ts';
import { profileUrl } from './mhd-profile.ts';
import { pdqmPatientProfile } from './pdqm.ts';
import { pixmPatientProfile } from './pixm.ts';

type RestResource = NonNullable<NonNullable<CapabilityStatement['rest']>[number]['resource']>[number];

const searchParameters: [string, 'token' | 'reference' | 'date' | 'string'][] = [
  ['patient', 'reference'],
  ['patient.identifier', 'token'],
  ['status', 'token'],
  ['type', 'token'],
  ['category', 'token'],
  ['date', 'date'],
  ['creation', 'date'],
  ['period', 'date'],
  ['event', 'token'],
  ['facility', 'token'],
  ['setting', 'token'],
  ['format', 'token'],
  ['identifier', 'token'],
  ['related', 'token'],
  ['security-label', 'token'],
  ['author.family', 'string'],
  ['author.given', 'string'],
];

const patientParameters: [string, 'token' | 'date' | 'string'][] = [
  ['_id', 'token'],
  ['active', 'token'],
  ['identifier', 'token'],
  ['family', 'string'],
  ['given', 'string'],
  ['birthdate', 'date'],
  ['gender', 'token'],
  ['address', 'string'],
  ['address-city', 'string'],
  ['address-state', 'string'],
  ['address-country', 'string'],
  ['address-postalcode', 'string'],
  ['telecom', 'token'],
  ['mothersMaidenName', 'string'],
];

/** The statement of a node: a hospital gives its documents and takes numbers, a region registers and finds, a global node gives numbers. */
export function capabilityOf(
  role: NodeRole,
  node: { name: string; version: string; startedAt: number },
): CapabilityStatement {
  const resource: RestResource[] = [patientOf(role)];
  if (role !== 'global') resource.push(documentReferenceOf(role), { type: 'Binary', interaction: [{ code: 'read' }] });
  return {
    resourceType: 'CapabilityStatement',
    status: 'active',
    date: new Date(node.startedAt).toISOString(),
    kind: 'instance',
    software: { name: 'MIX-HIE', version: node.version },
    implementation: { description: `${role} node ${node.name}` },
    fhirVersion: '4.0.1',
    format: ['application/fhir+json'],
    rest: [
      {
        mode: 'server',
        security: { description: 'TLS 1.3 with a certificate of the exchange on both sides (IHE ATNA)' },
        resource,
        ...(role === 'region' ? { interaction: [{ code: 'transaction' as const }] } : {}),
      },
    ],
  };
}

function patientOf(role: NodeRole): RestResource {
  const patient: RestResource = {
    type: 'Patient',
    supportedProfile: [pixmPatientProfile],
    interaction: [{ code: 'update', documentation: 'ITI-104, by identifier' }],
    conditionalUpdate: true,
  };
  if (role === 'hospital') return patient;
  return {
    ...patient,
    supportedProfile: [pixmPatientProfile, pdqmPatientProfile],
    interaction: [
      ...patient.interaction!,
      { code: 'search-type', documentation: 'ITI-78' },
      { code: 'read' },
      { code: 'delete', documentation: 'ITI-104, by identifier' },
    ],
    conditionalDelete: 'single',
    searchParam: patientParameters.map(([name, type]) => ({ name, type })),
    operation: [
      { name: 'ihe-pix', definition: 'https://profiles.ihe.net/ITI/PIXm/OperationDefinition/IHE.PIXm.pix' },
      { name: 'match', definition: 'https://profiles.ihe.net/ITI/PDQm/OperationDefinition/PDQmMatch' },
    ],
  };
}

function documentReferenceOf(role: NodeRole): RestResource {
  return {
    type: 'DocumentReference',
    supportedProfile: [profileUrl('Minimal', 'DocumentReference'), profileUrl('Comprehensive', 'DocumentReference')],
    interaction: [
      { code: 'search-type', documentation: 'ITI-67' },
      { code: 'update', documentation: 'withdrawal, by identifier' },
      ...(role === 'region' ? [{ code: 'create' as const, documentation: 'within a transaction, ITI-65' }] : []),
    ],
    conditionalUpdate: true,
    searchParam: searchParameters.map(([name, type]) => ({ name, type })),
  };
}
