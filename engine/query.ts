/**
 * Queries over HL7 v2: other numbers of a patient (ITI-9), patients by demographics (ITI-21) and with their visits (ITI-22), with continuation and cancel
 * (QCN^J01). Every answer is permitted and audited; the audit and the log hold no parameter of a query. A query is answered and not kept.
 */
import { type Fault, MixError } from '../schemas/errors/index.ts';
import type { NodeSubject } from '../schemas/exchange.ts';
import type { Identifier, Person } from '../schemas/parts.ts';
import type { Authority } from '../schemas/pdq.ts';
import { type Authorities, authorityText } from './authorities.ts';
import { type Continuations, createContinuations } from './continuation.ts';
import { type ExchangeSetup, givenSystems } from './domains.ts';
import {
  buildAck,
  buildQueryAnswer,
  criteriaOf,
  type ParameterQuery,
  type QueryAnswerOrder,
  readQuery,
  type Scan,
  scanHeader,
  writeNumbersOnly,
  writePid,
  writeVisit,
} from './hl7v2/index.ts';
import { sameNumber, visitOf } from './ihe/index.ts';
import { type FoundPerson, findPage, type Rest, type Search } from './query-find.ts';
import type { ReceiveParts } from './receive.ts';
import { uuidv7 } from './record/index.ts';
import { mayAsk, numbersInForce } from './standing.ts';
import { isWarning } from './understand.ts';

/** A system outside of the exchange, as the settings know it (`pix.sources`). */
export interface LineAsker {
  from: NodeSubject;
  sees: 'own' | 'all';
  /** Which queries its listener takes. */
  kind: 'pix' | 'pdq' | 'index';
  /** Character set of messages that name none. */
  charset: string;
}

export interface QueryLimits {
  pageSize: number;
  continuationsMax: number;
  continuationMs: number;
}

export interface Queries {
  /** The answer to a query (MSH-9 QBP or QCN). Never throws for what the bytes say. */
  answer(bytes: Buffer, asker: LineAsker): Promise<Buffer>;
}

/** Patients of one answer, however many are asked for. */
const PAGE_MAX = 500;

interface Kept {
  search: Search;
  rest: Rest;
}

interface Asked {
  scan: Scan;
  query: ParameterQuery;
  asker: LineAsker;
}

/** What is told beside header and query. */
type Told = Pick<QueryAnswerOrder, 'status' | 'faults' | 'rows'> & Pick<Partial<QueryAnswerOrder>, 'hits' | 'pointer'>;

export function createQueries(
  parts: ReceiveParts,
  setup: ExchangeSetup,
  authorities: Authorities,
  limits: QueryLimits,
): Queries {
  const { clock, log } = parts;
  const continuations = createContinuations<Kept>(clock, {
    max: limits.continuationsMax,
    keptMs: limits.continuationMs,
  });
  const found = { parts, setup, authorities, continuations, pageSize: limits.pageSize };

  async function tell(asked: Asked): Promise<Told> {
    const { query, asker } = asked;
    const wanted = query.event === 'Q23' ? 'pix' : 'pdq';
    if (asker.kind !== 'index' && asker.kind !== wanted) return failed([{ code: 'pix.type', place: 'MSH-9' }]);
    const faults = query.faults.filter((fault) => !isWarning(fault));
    if (faults.length > 0) return failed(faults);
    return query.event === 'Q23' ? otherNumbers(found, asked) : demographics(found, asked);
  }

  return {
    async answer(bytes, asker) {
      const now = clock.now();
      const controlId = controlIdNow(now);
      const scan = scanHeader(bytes, asker.charset);
      const query = readQuery(bytes, asker.charset);
      const plain = (code: 'AA' | 'AE' | 'AR', faults: Fault[]) => buildAck({ scan, code, faults, now, controlId });
      if (query === undefined) return plain('AR', [{ code: 'pix.type', place: 'MSH-9' }]);
      if (query.event === 'J01') {
        const faults = query.faults.filter((fault) => !isWarning(fault));
        if (faults.length === 0) continuations.cancel(asker.from.id, query.tag);
        return plain(faults.length === 0 ? 'AA' : 'AE', faults);
      }
      const { event, qpd, tag } = query;
      const told = await tell({ scan, query, asker }).catch((cause: unknown): Told => {
        const fault: Fault = cause instanceof MixError ? cause.fault : { code: 'record.unexpected' };
        log.warn({ source: asker.from.id, event, code: fault.code, place: fault.place }, 'a query was not answered');
        return failed([fault]);
      });
      const code = told.status === 'AE' ? 'AE' : told.status === 'AR' ? 'AR' : 'AA';
      return buildQueryAnswer({ scan, event, qpd, tag, now, controlId, code, ...told });
    },
  };
}

/** Faults of who may not ask, or asks at the wrong listener, refuse the message; others are errors of it (table 0008). */
function failed(faults: Fault[]): Told {
  const refused = faults.some(({ code }) => code === 'pix.type' || code === 'policy.denied');
  return { status: refused ? 'AR' : 'AE', faults, rows: [] };
}

/** MSH-10 of an answer: 20 characters, the longest that every version takes (chapter 2.14.9.10). */
function controlIdNow(now: number): string {
  const id = uuidv7(now);
  return id.slice(14, 18) + id.slice(19, 23) + id.slice(24);
}

interface FindParts {
  parts: ReceiveParts;
  setup: ExchangeSetup;
  authorities: Authorities;
  continuations: Continuations<Kept>;
  pageSize: number;
}

/** The systems of the authorities asked for, and a fault at each that the index does not hold. */
function domainsAsked(authorities: Authorities, query: ParameterQuery): { systems: string[]; faults: Fault[] } {
  const systems: string[] = [];
  const faults: Fault[] = [];
  query.domains.forEach((one, at) => {
    const system = authorities.systemOf(one);
    if (system !== undefined) systems.push(system);
    else faults.push(unknownDomain(one, `QPD-${query.domainsField}[${at + 1}]`));
  });
  return { systems, faults };
}

const unknownDomain = (authority: Authority, place: string): Fault => ({
  code: 'pix.unknown-domain',
  place,
  detail: authorityText(authority),
});

// ITI-9

/**
 * ITI TF-2 3.9.4.2.2.6: known with numbers in the domains asked for: AA, OK; known without: AA, NF; nobody known under the number: AE at QPD-3.1; its
 * authority not known: AE at QPD-3.4; an authority of QPD-4 not known: AE at each such repetition. Of several numbers in one domain all are told.
 */
async function otherNumbers(find: FindParts, { scan, query, asker }: Asked): Promise<Told> {
  const { parts, setup, authorities } = find;
  const { value, authority } = query.number;
  const system = authorities.systemOf(authority);
  if (value === '') return failed([{ code: 'pix.no-number', place: 'QPD-3.1' }]);
  if (system === undefined) return failed([unknownDomain(authority, 'QPD-3.4')]);
  const { systems, faults } = domainsAsked(authorities, query);
  if (faults.length > 0) return failed(faults);
  const holders = await parts.store.personsByIdentifier([{ system, value }]);
  const id = holders.get(`${system}|${value}`);
  const person = id === undefined ? undefined : await parts.store.person(id);
  const seen = person !== undefined && maySee(setup, asker, person) ? person : undefined;
  const numbers = seen === undefined ? [] : await numbersInForce(parts, setup, seen);
  // A hospital's number that was merged away names nobody any more; a number that the exchange gave leads on (decision 13).
  const inForce = numbers.some((one) => sameNumber(one, { system, value }));
  const known = seen !== undefined && (inForce || givenSystems(setup).has(system));
  await parts.permit(asker.from, 'search', {
    type: 'patient',
    ...(seen === undefined ? {} : { personId: seen.id }),
  });
  if (!known) return failed([{ code: 'pix.unknown-patient', place: 'QPD-3.1' }]);
  const told = numbers.filter((one) =>
    systems.length === 0 ? !sameNumber(one, { system, value }) : systems.includes(one.system),
  );
  if (told.length === 0) return { status: 'NF', faults: [], rows: [] };
  return { status: 'OK', faults: [], rows: [writeNumbersOnly(told.map(authorities.written), scan.delimiters)] };
}

const maySee = (setup: ExchangeSetup, asker: LineAsker, person: Person): boolean =>
  asker.sees === 'all' || mayAsk(setup, asker.from, person);

// ITI-21, ITI-22

async function demographics(find: FindParts, asked: Asked): Promise<Told> {
  const { parts, setup, continuations } = find;
  const { query, asker } = asked;
  const goesOn = query.pointer !== '';
  const kept = goesOn ? continuations.take(asker.from.id, query.pointer, 'DSC-1') : startOf(find, asked);
  if ('faults' in kept) return failed(kept.faults);
  await parts.permit(asker.from, 'search', { type: 'patient' }, query.event === 'ZV1' ? 'ITI-22' : 'ITI-21');
  const limit = Math.min(query.limit ?? find.pageSize, PAGE_MAX);
  const page = await findPage(parts, setup, kept.search, limit, kept.rest);
  if (page.found.length === 0) return { status: 'NF', faults: [], rows: [] };
  const rows = page.found.flatMap((one, at) => rowsOf(find, asked, one, at + 1));
  const told: Told = { status: 'OK', faults: [], rows };
  if (page.rest !== undefined) {
    const of = { asker: asker.from.id, tag: query.tag };
    told.pointer = continuations.keep(of, { search: kept.search, rest: page.rest });
  } else if (!goesOn) told.hits = { all: page.found.length, here: page.found.length, left: 0 };
  return told;
}

function startOf(
  { authorities }: FindParts,
  { query, asker }: Asked,
): { search: Search; rest?: undefined } | { faults: Fault[] } {
  const { criteria, faults } = criteriaOf(query.parameters, authorities.systemOf);
  const domains = domainsAsked(authorities, query);
  const all = [...faults, ...domains.faults];
  if (query.parameters.length === 0) all.push({ code: 'pdq.parameter', place: 'QPD-3', detail: 'none is given' });
  if (query.event === 'Q22' && criteria.visit.length > 0)
    all.push({ code: 'pdq.parameter', place: 'QPD-3', detail: 'a visit is asked for by QBP^ZV1' });
  if (all.length > 0) return { faults: all };
  return { search: { criteria, domains: domains.systems, from: asker.from, sees: asker.sees } };
}

/** PID of a patient, and PV1 in an answer to ITI-22. */
function rowsOf({ authorities }: FindParts, { scan, query }: Asked, one: FoundPerson, nth: number): string[][] {
  const numbers: Identifier[] = one.numbers;
  const pid = writePid(one.person.patient, numbers.map(authorities.written), scan.delimiters, nth);
  if (query.event !== 'ZV1') return [pid];
  const visit = one.told.map(visitOf).find((fields) => fields !== undefined);
  return [pid, visit === undefined ? ['PV1', '1', 'N'] : writeVisit(visit, scan.delimiters)];
}
