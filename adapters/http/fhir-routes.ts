/** The transactions of the exchange as routes: PIXm ITI-104 and ITI-83, MHD ITI-65, ITI-67 and ITI-68, and what is our own. */
import type { Bundle, Patient } from '@medplum/fhirtypes';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { MixError } from '../../schemas/errors/index.ts';
import type { ExchangeEngine } from '../../schemas/exchange.ts';
import { sendAnswer } from './fhir-outcome.ts';
import { mountPatientRoutes } from './fhir-patient-routes.ts';
import { type Answering, deliveryOf, identifierOf, queryOf } from './fhir-request.ts';

const BASE = '/fhir/R4';
/** What a document may be turned into from afar. */
const STATES = ['superseded', 'entered-in-error', 'current'];

export function mountFhirRoutes(app: FastifyInstance, engine: ExchangeEngine): void {
  const answer: Answering = (act) => async (request: FastifyRequest, reply: FastifyReply) => {
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
  mountPatientRoutes(app, engine, answer);
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

/** A logical id (http://hl7.org/fhir/R4/datatypes.html#id). Throws `exchange.unknown-document`. */
function idOf(request: FastifyRequest): string {
  const { id } = request.params as { id: string };
  if (!/^[A-Za-z0-9.-]{1,64}$/.test(id)) throw new MixError('exchange.unknown-document', { place: 'Binary.id' });
  return id;
}
