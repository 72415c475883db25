/** What can happen to a connection, in codes of the catalogue; and answers that are read within bounds. */
import { type FaultCode, MixError } from '../../schemas/errors/index.ts';

/** Our own verdict on a server's certificate; the text holds no more than a reason. */
export class NotTrusted extends Error {
  readonly code = 'MIX_NOT_TRUSTED';
}

/** Codes of OpenSSL's verification and of alerts (`ERR_SSL_...`): a matter of certificates, not of the line. */
const OF_CERTIFICATES =
  /^(MIX_NOT_TRUSTED$|ERR_SSL_|ERR_TLS_|CERT_|CRL_|UNABLE_TO_|SELF_SIGNED_|DEPTH_ZERO_|HOSTNAME_MISMATCH|INVALID_CA|INVALID_PURPOSE|PATH_LENGTH_|ERROR_IN_CERT)/;

/**
 * The fault of a request that got no whole answer: `notTrusted` where a certificate was at fault, else `unreachable`.
 * What is a MixError already stays as it is. Only codes go into the detail: foreign texts may quote what was sent.
 */
export function faultOfConnection(
  cause: unknown,
  place: string,
  codes: { unreachable: FaultCode; notTrusted: FaultCode },
): MixError {
  if (cause instanceof MixError) return cause;
  const inner = cause instanceof Error && cause.cause instanceof Error ? cause.cause : cause;
  const code = codeOf(inner) ?? codeOf(cause) ?? 'unknown';
  if (inner instanceof NotTrusted) return new MixError(codes.notTrusted, { place, detail: inner.message });
  return new MixError(OF_CERTIFICATES.test(code) ? codes.notTrusted : codes.unreachable, {
    place,
    detail: code === 'UND_ERR_ABORTED' || code === 'ABORT_ERR' ? 'no answer in time' : code,
  });
}

function codeOf(error: unknown): string | undefined {
  if (!(error instanceof Error)) return undefined;
  const code = 'code' in error ? error.code : undefined;
  if (typeof code === 'string') return code;
  return error.name === 'AbortError' ? 'ABORT_ERR' : undefined;
}

/** The whole of an answer; throws `tooLong` as soon as it passes `max` bytes, and reads no further. */
export async function readBounded(
  body: AsyncIterable<Uint8Array> & { destroy(): unknown },
  max: number,
  tooLong: () => MixError,
): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of body) {
    size += chunk.length;
    if (size > max) throw tooLong();
    chunks.push(chunk);
  }
  return Buffer.concat(chunks, size);
}
