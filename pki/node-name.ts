/**
 * Names of the exchange in certificates, URIs in subjectAltName: of a node `urn:mix-hie:node:<role>:<OID of its organisation>`, of an authority
 * `urn:mix-hie:authority:<OID>`, where it may name nodes of that organisation alone. (RFC 5280 4.2.1.10 knows no constraint for such URIs.)
 */
import type { X509Certificate } from 'node:crypto';
import type { NodeRole } from '../schemas/exchange.ts';
import { readCertificate } from './certificate.ts';

export interface NodeName {
  role: NodeRole;
  /** OID of the organisation. */
  organization: string;
}

const AUTHORITY = 'urn:mix-hie:authority:';
const FORM = /^urn:mix-hie:node:(hospital|region|global):([0-2](?:\.(?:0|[1-9]\d{0,38})){1,30})$/;

/** The URI that stands for a node. */
export function writeNodeName({ role, organization }: NodeName): string {
  return `urn:mix-hie:node:${role}:${organization}`;
}

/** The node that a certificate names; undefined where it names none, or more than one. Throws `certificate.malformed`. */
export function readNodeName(certificate: X509Certificate): NodeName | undefined {
  const names = readCertificate(certificate).uris.filter((uri) => uri.startsWith('urn:mix-hie:node:'));
  const parts = names.length === 1 ? FORM.exec(names[0]!) : null;
  return parts === null ? undefined : { role: parts[1] as NodeRole, organization: parts[2]! };
}

/** The URI that binds an authority to one organisation. */
export function writeAuthorityName(organization: string): string {
  return `${AUTHORITY}${organization}`;
}

/** May the authority that issued it give this name? True where the authority is bound to no organisation. `chain` has been verified, leaf first. */
export function mayCarryName(chain: readonly X509Certificate[], name: NodeName): boolean {
  const bound = chain[1] === undefined ? [] : readCertificate(chain[1]).uris.filter((uri) => uri.startsWith(AUTHORITY));
  return bound.length === 0 || bound.includes(writeAuthorityName(name.organization));
}
