/** How a failure looks over HTTP: a code of the catalogue with its sentence and fix, never a stack or a patient's data. */
import { randomUUID } from 'node:crypto';
import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify';
import type { FaultCode, FaultKind } from '../../schemas/errors/index.ts';
import { catalogue, MixError } from '../../schemas/errors/index.ts';
import type { Log } from '../../schemas/parts.ts';

/** Body of every failed answer. */
export interface HttpFault {
  code: FaultCode;
  sentence: string;
  fix: string;
  place?: string;
  detail?: string;
  /** Of an unexpected failure: the word to look for in the log. */
  reference?: string;
}

/** The body for a failure; `reference` joins it with a line of the log. */
export function tellFault(error: MixError, reference?: string): HttpFault {
  const kind: FaultKind = error.kind;
  const told: HttpFault = { code: error.fault.code, sentence: kind.sentence, fix: kind.fix };
  if (error.fault.place !== undefined) told.place = error.fault.place;
  if (error.fault.detail !== undefined) told.detail = error.fault.detail;
  if (reference !== undefined) told.reference = reference;
  return told;
}

/** Fastify's own refusals as codes of ours; anything else is unexpected. */
export function asMixError(error: FastifyError | MixError | Error): MixError {
  if (error instanceof MixError) return error;
  const status = 'statusCode' in error ? error.statusCode : undefined;
  let code: FaultCode = 'http.unexpected';
  if (status === 413) code = 'http.too-large';
  else if (status === 415) code = 'http.unsupported-media';
  else if (status === 429) code = 'http.too-many-requests';
  else if (status !== undefined && status >= 400 && status < 500) code = 'http.bad-input';
  return new MixError(code, { cause: error });
}

/** Sends a failure as JSON. The log gets the route's pattern, not its address: an address may hold a patient's name. */
export function sendFault(log: Log, error: Error, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  const known = asMixError(error);
  const status = catalogue[known.fault.code].http;
  const route = { method: request.method, route: request.routeOptions.url ?? 'none', code: known.fault.code };
  if (status < 500) return reply.code(status).send(tellFault(known));
  const reference = randomUUID();
  const cause = known.cause instanceof Error ? known.cause : known;
  // Only where it broke: messages of foreign errors may quote values.
  log.error({ ...route, reference, kind: cause.name, at: framesOf(cause) }, 'a request failed');
  return reply.code(status).send(tellFault(known, reference));
}

/** Where an error broke: at most six frames. */
export function framesOf(error: Error): string[] {
  const lines = (error.stack ?? '').split('\n').filter((line) => /^\s+at /.test(line));
  return lines.slice(0, 6).map((line) => line.trim());
}
