/** The transactions of the exchange as routes: PIXm ITI-104 and ITI-83, MHD ITI-65, ITI-67 and ITI-68, and what is our own. */
import type { Bundle, Patient } from '@medplum/fhirtypes';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { MixError } from '../../schemas/errors/index.ts';
import { DELIVERY_HEADER, type ExchangeEngine, type FhirAnswer, type NodeSubject } from '../../schemas/exchange.ts';
import { sendAnswer } from './fhir-outcome.ts';

const BASE = '/fhir/R4';
/** Most parameters of one query. */
const PARAMETERS_MAX = 100;
const PARAMETER_LENGTH_MAX = 1_000;
/** What a document may be turned into from afar. */
const STATES = ['superseded', 'entered-in-error', 'current'];

type Act = (request: FastifyRequest, from: NodeSubject) => Promise<FhirAnswer> | FhirAnswer;

export function mountFhirRoutes(app: FastifyInstance, engine: ExchangeEngine): void {
  const answer = (act: Act) => async (request: FastifyRequest, reply: FastifyReply) => {
    const from = request.exchangeNode;
    if (from === null) throw new MixError('admit.no-certificate');
    return sendAnswer(request, reply, await act(request, from));
  };

  app.put(
    `${BASE}/Patient`,
    answer((request, from) =>
      engine.feedPatient(from, identifierOf(request), resourceOf<Patient>(request, 'Patient'), deliveryOf(request)),
    ),
  );
  app.get(
    `${BASE}/Patient/$ihe-pix`,
    answer((request, from) => engine.crossReference(from, queryOf(request))),
  );
  app.post(
    BASE,
    { config: { documents: true } },
    answer((request, from) =>
      engine.provideDocuments(from, resourceOf<Bundle>(request, 'Bundle'), deliveryOf(request)),
    ),
  );
  app.put(
    `${BASE}/DocumentReference`,
    answer((request, from) =>
      engine.withdrawDocument(from, identifierOf(request), stateOf(request), deliveryOf(request)),
    ),
  );
  app.get(
    `${BASE}/DocumentReference`,
    answer((request, from) => engine.findDocuments(from, queryOf(request))),
  );
  app.post(
    `${BASE}/DocumentReference/_search`,
    answer((request, from) => engine.findDocuments(from, queryOf(request))),
  );
  app.get(
    `${BASE}/Binary/:id`,
    answer((request, from) => engine.retrieveDocument(from, idOf(request))),
  );
  app.get(
    `${BASE}/metadata`,
    answer(() => ({ status: 200, resource: engine.capability() })),
  );
  app.get(
    `${BASE}/$release`,
    answer((request, from) => engine.release(from, queryOf(request).get('have') ?? undefined)),
  );
}

/** Parameters of the address and, for a search by POST, of the body. Throws `exchange.query`. */
function queryOf(request: FastifyRequest): URLSearchParams {
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
function identifierOf(request: FastifyRequest): string {
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

function placeOf(name: string): string {
  return /^[A-Za-z_.:-]{1,60}$/.test(name) ? name : 'query';
}

/** The body as a resource of this type; what stands in it, the engine checks. Throws `exchange.malformed`. */
function resourceOf<T extends { resourceType: string }>(request: FastifyRequest, type: T['resourceType']): T {
  const body = request.body as { resourceType?: unknown } | null | undefined;
  if (typeof body !== 'object' || body === null || Array.isArray(body))
    throw new MixError('exchange.malformed', { place: type, detail: 'no resource' });
  if (body.resourceType !== type)
    throw new MixError('exchange.malformed', { place: `${type}.resourceType`, detail: `${type} is wanted` });
  return body as T;
}

function stateOf(request: FastifyRequest): string {
  const body = resourceOf<{ resourceType: 'DocumentReference'; status?: unknown }>(request, 'DocumentReference');
  if (typeof body.status !== 'string' || !STATES.includes(body.status))
    throw new MixError('exchange.malformed', { place: 'DocumentReference.status', detail: STATES.join(', ') });
  return body.status;
}

/** Id of the delivery, a UUID in lower case; undefined where none is told. Throws `http.bad-input`. */
function deliveryOf(request: FastifyRequest): string | undefined {
  const told = request.headers[DELIVERY_HEADER];
  if (told === undefined) return undefined;
  if (typeof told !== 'string' || !/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(told))
    throw new MixError('http.bad-input', { place: `http.${DELIVERY_HEADER}`, detail: 'a UUID is wanted' });
  return told.toLowerCase();
}

/** A logical id (http://hl7.org/fhir/R4/datatypes.html#id). Throws `exchange.unknown-document`. */
function idOf(request: FastifyRequest): string {
  const { id } = request.params as { id: string };
  if (!/^[A-Za-z0-9.-]{1,64}$/.test(id)) throw new MixError('exchange.unknown-document', { place: 'Binary.id' });
  return id;
}
