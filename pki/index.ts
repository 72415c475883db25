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
  type Crl,
  type CrlOrder,
  issueCrl,
  pemOfCrl,
  REVOCATION_REASONS,
  type RevocationReason,
  type RevokedCertificate,
  readCrls,
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
export { type CertificateProfile, PROFILES, type ProfileName } from './profiles.ts';
export { openSeal, type SealOptions } from './seal.ts';
export { type ChainVerdict, type Purpose, type Trust, verifyChain } from './trust.ts';
export { type DocumentSigner, type DocumentToSign, signDocument, verifyDocument } from './xmldsig.ts';
export type { SignatureVerdict, VerifyOptions } from './xmldsig-judge.ts';
