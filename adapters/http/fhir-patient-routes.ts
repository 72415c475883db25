/** Patients of the index as routes: PDQm ITI-78 and ITI-119, and the removal of ITI-104. */
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { MixError } from '../../schemas/errors/index.ts';
import type { ExchangeEngine } from '../../schemas/exchange.ts';
import { type Answering, deliveryOf, identifierOf, queryOf } from './fhir-request.ts';

const BASE = '/fhir/R4';

export function mountPatientRoutes(app: FastifyInstance, engine: ExchangeEngine, answer: Answering): void {
  app.get(
    `${BASE}/Patient`,
    answer((request, from) => engine.findPatients(from, queryOf(request))),
  );
  app.post(
    `${BASE}/Patient/_search`,
    answer((request, from) => engine.findPatients(from, queryOf(request))),
  );
  app.post(
    `${BASE}/Patient/$match`,
    answer((request, from) => engine.matchPatients(from, bodyOf(request))),
  );
  app.delete(
    `${BASE}/Patient`,
    answer((request, from) => engine.removePatient(from, identifierOf(request), deliveryOf(request))),
  );
  app.get(
    `${BASE}/Patient/:id`,
    answer((request, from) => engine.readPatient(from, patientIdOf(request))),
  );
}

/** JSON of a resource; what stands in it, the engine checks. Throws `exchange.malformed`. */
function bodyOf(request: FastifyRequest): unknown {
  if (typeof request.body !== 'object' || request.body === null || request.body instanceof URLSearchParams)
    throw new MixError('exchange.malformed', { place: 'Parameters', detail: 'no resource' });
  return request.body;
}

/** A logical id (http://hl7.org/fhir/R4/datatypes.html#id). Throws `pix.unknown-patient`. */
function patientIdOf(request: FastifyRequest): string {
  const { id } = request.params as { id: string };
  if (!/^[A-Za-z0-9.-]{1,64}$/.test(id)) throw new MixError('pix.unknown-patient', { place: 'Patient.id' });
  return id;
}
