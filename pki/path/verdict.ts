/** What path validation says: a reason of a closed list, and where; never a bare yes or no, never a person's data. */
import type { FaultCode } from '../../schemas/errors/index.ts';
import type { ParsedCertificate } from './parse-certificate.ts';

/** Every reason that a path is refused for. */
export const PATH_REASONS = [
  'certificate.malformed',
  'chain.untrusted',
  'chain.signature',
  'chain.not-yet-valid',
  'chain.expired',
  'chain.not-authority',
  'chain.path-length',
  'chain.extension',
  'chain.name-constraint',
  'chain.policy',
  'chain.form',
  'chain.weak',
  'chain.purpose',
  'chain.name',
  'chain.revoked',
  'chain.status',
  'chain.limit',
] as const satisfies readonly FaultCode[];
export type PathReason = (typeof PATH_REASONS)[number];

/** What is wrong with which certificate. */
export interface PathFault {
  reason: PathReason;
  certificate: ParsedCertificate;
  /** The rule, algorithm, extension or kind of name; of a fixed vocabulary, no name of a person or host. */
  detail?: string;
}

export function fault(reason: PathReason, certificate: ParsedCertificate, detail?: string): PathFault {
  return detail === undefined ? { reason, certificate } : { reason, certificate, detail };
}

export type PathVerdict =
  /** The path, leaf first, with the root that it leads to. */
  | { ok: true; path: ParsedCertificate[] }
  /** `index` counts from the leaf (0); absent where the certificate is on no path. */
  | { ok: false; reason: PathReason; keyId?: string; index?: number; detail?: string };
