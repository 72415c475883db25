/** What routes of the exchange read of a request: parameters, the number of a conditional act, the delivery's id. */
import type { FastifyReply, FastifyRequest } from 'fastify';
import { MixError } from '../../schemas/errors/index.ts';
import { DELIVERY_HEADER, type FhirAnswer, type NodeSubject } from '../../schemas/exchange.ts';

type Act = (request: FastifyRequest, from: NodeSubject) => Promise<FhirAnswer> | FhirAnswer;
/** Makes a route's handler of an act of an admitted node. */
export type Answering = (act: Act) => (request: FastifyRequest, reply: FastifyReply) => Promise<unknown>;

/** Most parameters of one query. */
const PARAMETERS_MAX = 100;
const PARAMETER_LENGTH_MAX = 1_000;

/** Parameters of the address and, for a search by POST, of the body. Throws `exchange.query`. */
export function queryOf(request: FastifyRequest): URLSearchParams {
  const query = new URL(request.raw.url ?? '', 'https://node.invalid').searchParams;
  if (request.body instanceof URLSearchParams) for (const [name, value] of request.body) query.append(name, value);
  else if (request.body !== undefined && request.body !== null) throw new MixError('exchange.query', { place: 'body' });
  const all = [...query];
  if (all.length > PARAMETERS_MAX) throw new MixError('exchange.query', { detail: `more than ${PARAMETERS_MAX}` });
  for (const [name, value] of all) {
    if (name.length > PARAMETER_LENGTH_MAX || value.length > PARAMETER_LENGTH_MAX)
      throw new MixError('exchange.query', { place: placeOf(name), detail: `longer than ${PARAMETER_LENGTH_MAX}` });
  }
  for (const format of query.getAll('_format')) {
    if (!['json', 'application/json', 'application/fhir+json'].includes(format))
      throw new MixError('exchange.query', { place: '_format', detail: 'JSON only' });
  }
  query.delete('_format');
  return query;
}

/** `identifier=system|value`, once and alone (conditional update, http://hl7.org/fhir/R4/http.html#cond-update). */
export function identifierOf(request: FastifyRequest): string {
  const query = new URL(request.raw.url ?? '', 'https://node.invalid').searchParams;
  const all = [...query.keys()];
  const foreign = all.find((name) => name !== 'identifier');
  if (foreign !== undefined) throw new MixError('exchange.query', { place: placeOf(foreign) });
  const identifier = query.get('identifier') ?? '';
  const at = identifier.indexOf('|');
  if (all.length !== 1 || at < 1 || at === identifier.length - 1 || identifier.length > PARAMETER_LENGTH_MAX)
    throw new MixError('exchange.query', { place: 'identifier', detail: 'one system|value' });
  return identifier;
}

export function placeOf(name: string): string {
  return /^[A-Za-z_.:-]{1,60}$/.test(name) ? name : 'query';
}

/** Id of the delivery, a UUID in lower case; undefined where none is told. Throws `http.bad-input`. */
export function deliveryOf(request: FastifyRequest): string | undefined {
  const told = request.headers[DELIVERY_HEADER];
  if (told === undefined) return undefined;
  if (typeof told !== 'string' || !/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(told))
    throw new MixError('http.bad-input', { place: `http.${DELIVERY_HEADER}`, detail: 'a UUID is wanted' });
  return told.toLowerCase();
}
