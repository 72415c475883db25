/** How answers and failures look over FHIR: resources, bytes, OperationOutcome (http://hl7.org/fhir/R4/operationoutcome.html). */
import { randomUUID } from 'node:crypto';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { catalogue, type FaultKind, type MixError } from '../../schemas/errors/index.ts';
import type { FhirAnswer, OperationOutcome } from '../../schemas/exchange.ts';
import type { Log } from '../../schemas/parts.ts';
import { asMixError, framesOf } from './faults.ts';

export const FHIR_JSON = 'application/fhir+json; charset=utf-8';
/** Code system of our fault codes in `issue.details`. */
const FAULT_SYSTEM = 'urn:mix-hie:fault';
/** Seconds after which a node that was told to wait may come again. */
const WAIT_SECONDS = '5';

type IssueType = NonNullable<OperationOutcome['issue']>[number]['code'];

/** The OperationOutcome of a failure: FHIR's issue type, our code and sentence, the fix, and the place as FHIRPath or as told. */
export function outcomeOf(error: MixError, reference?: string): OperationOutcome {
  const { code, place, detail } = error.fault;
  const kind: FaultKind = error.kind;
  const diagnostics = [kind.fix, detail, reference && `reference ${reference}`].filter(Boolean).join('; ');
  return {
    resourceType: 'OperationOutcome',
    issue: [
      {
        severity: 'error',
        code: kind.fhir as IssueType,
        details: { coding: [{ system: FAULT_SYSTEM, code }], text: kind.sentence },
        diagnostics,
        ...placeOf(place),
      },
    ],
  };
}

/** `expression` takes FHIRPath, and `http.<name>` for a header; anything else is a `location`. */
function placeOf(place: string | undefined): { expression?: string[]; location?: string[] } {
  if (place === undefined) return {};
  return /^([A-Z][A-Za-z]+|http)([.[]|$)/.test(place) ? { expression: [place] } : { location: [place] };
}

/** Sends a failure. The log gets the route's pattern, not its address: an address may hold a patient's number. */
export function sendOutcome(log: Log, error: Error, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  const known = asMixError(error);
  const { code } = known.fault;
  const status = catalogue[code].http;
  const facts = { node: request.exchangeNode?.id ?? 'none', route: request.routeOptions.url ?? 'none', code };
  let reference: string | undefined;
  if (code === 'http.unexpected') {
    reference = randomUUID();
    const cause = known.cause instanceof Error ? known.cause : known;
    // Only where it broke: messages of foreign errors may quote values.
    log.error({ ...facts, reference, kind: cause.name, at: framesOf(cause) }, 'a request of a node failed');
  } else if (code.startsWith('admit.')) {
    log.warn({ ...facts, place: known.fault.place }, 'a node was not admitted');
  }
  if (status === 429 || status === 503) reply.header('retry-after', WAIT_SECONDS);
  return reply
    .code(status)
    .header('content-type', FHIR_JSON)
    .send(JSON.stringify(outcomeOf(known, reference)));
}

/** Sends what the engine answered. Bytes go out as a FHIR Binary where the asker wants FHIR JSON, else in their own media type (ITI-68, 3.68.4.2). */
export function sendAnswer(request: FastifyRequest, reply: FastifyReply, answer: FhirAnswer): FastifyReply {
  reply.code(answer.status).headers(answer.headers ?? {});
  if (answer.bytes !== undefined) {
    const { mediaType, body } = answer.bytes;
    const told = /^[\w.+-]+\/[\w.+-]+(; ?[\w-]+="?[\w.-]+"?)*$/.test(mediaType)
      ? mediaType
      : 'application/octet-stream';
    if (!wantsFhir(request.headers.accept)) return reply.header('content-type', told).send(body);
    const binary = { resourceType: 'Binary', contentType: told, data: body.toString('base64') };
    return reply.header('content-type', FHIR_JSON).send(JSON.stringify(binary));
  }
  if (answer.resource === undefined) return reply.send();
  return reply.header('content-type', FHIR_JSON).send(JSON.stringify(answer.resource));
}

/** True where FHIR JSON is named and stands before any other type. */
function wantsFhir(accept: string | undefined): boolean {
  const first = accept?.split(',', 1)[0]?.split(';', 1)[0]?.trim().toLowerCase();
  return first === 'application/fhir+json' || first === 'application/json';
}
