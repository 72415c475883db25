/** The name of a node in its certificate: a URI in subjectAltName, `urn:mix-hie:node:<role>:<OID of its organisation>`. */
import type { X509Certificate } from 'node:crypto';
import type { NodeRole } from '../schemas/exchange.ts';
import { readCertificate } from './certificate.ts';

export interface NodeName {
  role: NodeRole;
  /** OID of the organisation. */
  organization: string;
}

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
