/** Patients of the index over FHIR: by demographics (PDQm ITI-78), one by its id, and by likeness (ITI-119). Each answer is permitted and audited. */
import { MixError } from '../schemas/errors/index.ts';
import type { FhirAnswer, NodeSubject } from '../schemas/exchange.ts';
import type { IndexDoor } from '../schemas/identity.ts';
import { createContinuations } from './continuation.ts';
import { type ExchangeSetup, knownSystems } from './domains.ts';
import {
  makeMatchset,
  makePatientSearchset,
  outcomeSaying,
  patientShown,
  readMatch,
  readPatientSearch,
} from './ihe/index.ts';
import { type FoundPerson, findOne, findPage, type Rest, type Search } from './query-find.ts';
import type { ReceiveParts } from './receive.ts';
import { findsAll, numbersInForce } from './standing.ts';

export interface PatientQueries {
  /** ITI-78. */
  findPatients(from: NodeSubject, query: URLSearchParams): Promise<FhirAnswer>;
  /** The Patient that an answer told of. Throws `pix.unknown-patient`. */
  readPatient(from: NodeSubject, id: string): Promise<FhirAnswer>;
  /** ITI-119. */
  matchPatients(from: NodeSubject, body: unknown): Promise<FhirAnswer>;
}

/** What the settings of the room `pix` give where nobody sets anything, for a node that is made by hand. */
export const queryLimits = { pageSize: 50, continuationsMax: 1_000, continuationMs: 600_000 };

const seesOf = (from: NodeSubject): Search['sees'] => (findsAll(from) ? 'all' : 'own');

export function createPatientQueries(
  parts: ReceiveParts,
  setup: ExchangeSetup,
  limits: typeof queryLimits,
  index: Pick<IndexDoor, 'matchPatient'> | undefined,
): PatientQueries {
  const continuations = createContinuations<{ search: Search; rest: Rest }>(parts.clock, {
    max: limits.continuationsMax,
    keptMs: limits.continuationMs,
  });
  const { base } = setup;
  const shown = ({ person, numbers }: Pick<FoundPerson, 'person' | 'numbers'>) => patientShown(person, numbers);

  return {
    async findPatients(from, query) {
      const asked = readPatientSearch(query);
      const systems = knownSystems(setup);
      if (asked.targets.some((one) => !systems.has(one)))
        return { status: 404, resource: outcomeSaying('error', 'not-found', 'targetSystem not found') };
      const kept =
        asked.pointer === undefined
          ? {
              search: { criteria: asked.criteria, domains: asked.targets, from, sees: seesOf(from) },
              rest: undefined,
            }
          : continuations.take(askerOf(from), asked.pointer, '_page');
      await parts.permit(from, 'search', { type: 'patient' }, reasonOf(from, 'ITI-78'));
      const { found, rest } = await findPage(parts, setup, kept.search, asked.count ?? limits.pageSize, kept.rest);
      const about: Parameters<typeof makePatientSearchset>[1] = { base };
      if (asked.count !== undefined) about.count = asked.count;
      if (rest !== undefined)
        about.next = continuations.keep({ asker: askerOf(from), tag: '' }, { search: kept.search, rest });
      else if (asked.pointer === undefined) about.total = found.length;
      return { status: 200, resource: makePatientSearchset(found.map(shown), about) };
    },
    async readPatient(from, id) {
      const found = await findOne(parts, setup, { from, sees: seesOf(from) }, id);
      const thing = found === undefined ? {} : { id: found.person.id, personId: found.person.id };
      await parts.permit(from, 'search', { type: 'patient', ...thing }, reasonOf(from, 'read'));
      if (found === undefined) throw new MixError('pix.unknown-patient', { place: 'Patient.id' });
      return { status: 200, resource: shown(found) };
    },
    async matchPatients(from, body) {
      if (index === undefined) throw new MixError('exchange.not-here', { detail: 'no index' });
      const request = readMatch(body);
      await parts.permit(from, 'search', { type: 'patient' }, reasonOf(from, 'ITI-119'));
      // One more than is told: two certain matches are none.
      const matched = await index.matchPatient(from, request.patient, Math.max(request.count, 2));
      const graded = await Promise.all(
        matched.map(async ({ person, probability, verdict }) => ({
          patient: shown({ person, numbers: await numbersInForce(parts, setup, person) }),
          probability,
          verdict,
        })),
      );
      return { status: 200, resource: makeMatchset(graded, request, base) };
    },
  };
}

/** A continuation is its asker's: of the node, and of the person for whom it asked. */
const askerOf = ({ id, onBehalf }: NodeSubject): string =>
  onBehalf === undefined ? id : `${id}|${onBehalf.node}|${onBehalf.user}`;

/** The transaction, and for whom it was asked. */
function reasonOf({ onBehalf }: NodeSubject, transaction: string): string {
  if (onBehalf === undefined) return transaction;
  const { user, node, roles, purpose } = onBehalf;
  return `${transaction} for ${user} of ${node}, ${roles.join(' ')}, ${purpose}`;
}
