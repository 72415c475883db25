/** The door of pki: keys, certificates, document signatures. What holds or checks a key stands behind it. */
export {
  type AlternativeNames,
  type Authority,
  type AuthorityOptions,
  type CertificateOrder,
  createAuthority,
  type IssuedCertificate,
  issueCertificate,
  openAuthority,
  pemOf,
  type Subject,
} from './authority.ts';
export { type CertificateFacts, readCertificate, readCertificates } from './certificate.ts';
export {
  type CrlOrder,
  issueCrl,
  pemOfCrl,
  statusOf,
} from './crl.ts';
export { type Identity, type IdentityOptions, openIdentity } from './identity.ts';
export { openKeyFile } from './kek.ts';
export { generateKey, type KeyKind, type KeyPair, readKeyFile, writeKeyFile } from './keys.ts';
export {
  type IssuedRecord,
  issueCrlOf,
  noteIssued,
  readIssued,
  readRevoked,
  revokeSerial,
} from './ledger.ts';
export { mayCarryName, type NodeName, readNodeName, writeAuthorityName, writeNodeName } from './node-name.ts';
export { type NodeSignatureVerdict, type NodeSigner, signAsNode, verifyNodeSignature } from './node-signature.ts';
export { describePathValidation } from './path/describe.ts';
export type { PolicyInputs } from './path/policy-graph.ts';
export {
  type Crl,
  REVOCATION_REASONS,
  type RevocationReason,
  type RevokedCertificate,
  readCrls,
} from './path/read-crl.ts';
export { RULES, type Strictness } from './path/rules.ts';
export { PATH_REASONS, type PathReason, type PathVerdict } from './path/verdict.ts';
export { type CertificateProfile, PROFILES, type ProfileName, PURPOSE, type Purpose } from './profiles.ts';
export { openSeal, type SealOptions } from './seal.ts';
export { type ChainCase, type ChainVerdict, type Trust, validateChain, verifyChain } from './trust.ts';
export { type DocumentSigner, type DocumentToSign, signDocument, verifyDocument } from './xmldsig.ts';
export type { SignatureVerdict, VerifyOptions } from './xmldsig-judge.ts';
