/** What kinds of certificates an authority issues: one table (RFC 5280 4.2.1.3 key usage, 4.2.1.12 extended key usage). */

/** Bits of KeyUsage by their numbers in RFC 5280 4.2.1.3. */
export const KEY_USAGE = {
  digitalSignature: 0,
  contentCommitment: 1,
  keyEncipherment: 2,
  keyCertSign: 5,
  crlSign: 6,
} as const;

export const PURPOSE = {
  serverAuth: '1.3.6.1.5.5.7.3.1',
  clientAuth: '1.3.6.1.5.5.7.3.2',
  codeSigning: '1.3.6.1.5.5.7.3.3',
  emailProtection: '1.3.6.1.5.5.7.3.4',
  timeStamping: '1.3.6.1.5.5.7.3.8',
  ocspSigning: '1.3.6.1.5.5.7.3.9',
  /** id-kp-documentSigning (RFC 9336). */
  documentSigning: '1.3.6.1.5.5.7.3.36',
} as const;

export type Purpose = keyof typeof PURPOSE;

export interface CertificateProfile {
  /** What it is for, in one plain sentence. */
  sentence: string;
  keyUsage: number[];
  purposes: string[];
  /** Names that it must carry in subjectAltName. */
  needsName: boolean;
  daysDefault: number;
  daysMax: number;
}

export type ProfileName = 'node' | 'tls-server' | 'tls-client' | 'document-signer';

export const PROFILES: Readonly<Record<ProfileName, CertificateProfile>> = {
  node: {
    sentence: 'a node of the exchange, as server and as client of other nodes',
    keyUsage: [KEY_USAGE.digitalSignature],
    purposes: [PURPOSE.serverAuth, PURPOSE.clientAuth],
    needsName: true,
    daysDefault: 90,
    daysMax: 397,
  },
  'tls-server': {
    sentence: 'a server that clients verify by name',
    keyUsage: [KEY_USAGE.digitalSignature],
    purposes: [PURPOSE.serverAuth],
    needsName: true,
    daysDefault: 90,
    daysMax: 397,
  },
  'tls-client': {
    sentence: 'a client such as an EMR interface that sends over TLS',
    keyUsage: [KEY_USAGE.digitalSignature],
    purposes: [PURPOSE.clientAuth],
    needsName: false,
    daysDefault: 365,
    daysMax: 825,
  },
  'document-signer': {
    sentence: 'the seal of a node on the documents that it makes',
    keyUsage: [KEY_USAGE.digitalSignature, KEY_USAGE.contentCommitment],
    purposes: [PURPOSE.documentSigning],
    needsName: false,
    daysDefault: 730,
    daysMax: 1_825,
  },
};
