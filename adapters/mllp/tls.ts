import type { SecureContextOptions, TlsOptions } from 'node:tls';

/** Certificates of one side of a mutual TLS connection, as PEM. */
export interface MllpTls {
  cert: string | Buffer;
  key: string | Buffer;
  /** The authorities whose certificates are trusted; the system's own list is never used. */
  ca: (string | Buffer)[];
}

/** What both sides share: TLS 1.3, and 1.2 for older equipment (BCP 195, RFC 9325). */
export function secureContextOf(tls: MllpTls): SecureContextOptions {
  return { cert: tls.cert, key: tls.key, ca: tls.ca, minVersion: 'TLSv1.2', maxVersion: 'TLSv1.3' };
}

/** The listener's side: a client without a certificate of a listed authority does not come in (IHE ATNA, ITI-19). */
export function serverTlsOf(tls: MllpTls, handshakeMs: number): TlsOptions {
  return { ...secureContextOf(tls), requestCert: true, rejectUnauthorized: true, handshakeTimeout: handshakeMs };
}
