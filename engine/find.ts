/**
 * What lies at other hospitals: a person's documents (ITI-67), one of them (ITI-68), and the other numbers (ITI-83), asked of the node above for somebody
 * who is signed in here. Whether that person may ask is decided before; what is given, the nodes that hold it decide.
 */
import type { DocumentReference } from '@medplum/fhirtypes';
import { MixError } from '../schemas/errors/index.ts';
import type { Peer, PeerAnswer, Requester } from '../schemas/exchange.ts';
import type { Clock, Log, Person } from '../schemas/parts.ts';
import type { ElsewhereDocument, ElsewhereView } from '../schemas/portal-exchange.ts';
import { type ExchangeSetup, feedOptionsOf, type KnownNode, nodeAbove } from './domains.ts';
import {
  binaryIdOf,
  checkDigest,
  makeFeed,
  type PatientNumber,
  readCrossReferenceAnswer,
  readSearchset,
} from './ihe/index.ts';
import { bytesOf } from './serve.ts';
import { tellFault } from './view-message.ts';

export interface FindParts {
  clock: Clock;
  log: Log;
  peer(name: string): Peer | undefined;
}

export interface Finder {
  /** Documents of the person at other hospitals, newest first; with a fault where the node above could not answer. */
  findElsewhere(person: Person, requester: Requester): Promise<ElsewhereView>;
  /**
   * One of them. Throws `exchange.unknown-document` (not this person's, or withdrawn), `policy.denied` (by the node that holds it),
   * `exchange.digest` and what {@link Peer.ask} throws.
   */
  retrieveElsewhere(
    person: Person,
    id: string,
    requester: Requester,
  ): Promise<{ document: ElsewhereDocument; mediaType: string; bytes: Buffer }>;
  /** Numbers of the person at other hospitals and of the exchange. */
  numbersOf(person: Person, requester: Requester): Promise<PatientNumber[]>;
}

const PAGE = 200;
const PAGES_MAX = 10;
const ANSWER_BYTES_MAX = 16 * 1024 * 1024;

/** Asks through the node above. Throws `exchange.not-here` at a node that has none. */
export function createFinder(parts: FindParts, setup: ExchangeSetup): Finder {
  async function find(person: Person, requester: Requester): Promise<DocumentReference[]> {
    const number = numberOf(setup, person);
    if (number === undefined) return [];
    const { peer } = aboveOf(parts, setup);
    const found: DocumentReference[] = [];
    const first = new URLSearchParams({
      'patient.identifier': number,
      status: 'current,superseded',
      _count: `${PAGE}`,
    });
    let query: string | undefined = first.toString();
    for (let page = 0; query !== undefined && page < PAGES_MAX; page++) {
      const answer: PeerAnswer = await peer.ask({ method: 'GET', path: `DocumentReference?${query}`, requester });
      const read = readSearchset(readJson(answer, 'Bundle'));
      found.push(...read.references);
      query = read.next;
    }
    return found.filter((one) => !isOwn(setup, one));
  }

  return {
    async findElsewhere(person, requester) {
      const view: ElsewhereView = {
        asked: nodeAbove(setup)?.name ?? '',
        at: new Date(parts.clock.now()).toISOString(),
        documents: [],
      };
      try {
        for (const one of await find(person, requester)) {
          const document = elsewhereOf(one);
          if (document !== undefined) view.documents.push(document);
        }
      } catch (cause) {
        if (!(cause instanceof MixError)) throw cause;
        parts.log.warn({ node: view.asked, code: cause.fault.code }, 'documents elsewhere could not be found');
        view.fault = tellFault(cause.fault);
      }
      return view;
    },
    async retrieveElsewhere(person, id, requester) {
      // What the node above tells of this person, and nothing else that somebody may have put into an address.
      const reference = (await find(person, requester)).find((one) => elsewhereOf(one)?.id === id);
      const document = reference && elsewhereOf(reference);
      if (reference === undefined || document === undefined)
        throw new MixError('exchange.unknown-document', { place: 'Binary.id' });
      const { peer } = aboveOf(parts, setup);
      const bytes = bytesOf(await peer.ask({ method: 'GET', path: `Binary/${id}`, requester, accept: '*/*' }));
      checkDigest(bytes, reference);
      return { document, mediaType: document.mediaType, bytes };
    },
    async numbersOf(person, requester) {
      const number = numberOf(setup, person);
      if (number === undefined) return [];
      const query = new URLSearchParams({ sourceIdentifier: number });
      const answer = await aboveOf(parts, setup).peer.ask({
        method: 'GET',
        path: `Patient/$ihe-pix?${query}`,
        requester,
      });
      if (answer.status === 404) return [];
      return readCrossReferenceAnswer(readJson(answer, 'Parameters'));
    },
  };
}

function aboveOf(parts: FindParts, setup: ExchangeSetup): { node: KnownNode; peer: Peer } {
  const node = nodeAbove(setup);
  const peer = node && parts.peer(node.name);
  if (node === undefined || peer === undefined)
    throw new MixError('exchange.not-here', { detail: 'no node above is set' });
  return { node, peer };
}

/** The number by which the node above knows the person, `system|value`. */
const numberOf = (setup: ExchangeSetup, person: Person): string | undefined =>
  makeFeed(person, feedOptionsOf(setup))?.identifier;

function readJson(answer: PeerAnswer, place: string): unknown {
  if (answer.status === 401 || answer.status === 403)
    throw new MixError('policy.denied', { place: 'document', detail: 'by the node above' });
  if (answer.status === 429 || answer.status === 503) throw new MixError('exchange.busy');
  if (answer.status !== 200 || answer.body.length > ANSWER_BYTES_MAX)
    throw new MixError('exchange.answer', { place, detail: `${answer.status}` });
  try {
    return JSON.parse(answer.body.toString('utf8'));
  } catch {
    // The cause is left out: it quotes the text.
    throw new MixError('exchange.answer', { place, detail: 'not JSON' });
  }
}

const homeOf = (reference: DocumentReference): string => reference.custodian?.display ?? '';

const isOwn = (setup: ExchangeSetup, reference: DocumentReference): boolean => homeOf(reference) === setup.node.name;

const stateOf: Record<string, ElsewhereDocument['state']> = {
  current: 'current',
  superseded: 'superseded',
  'entered-in-error': 'deprecated',
};

/** Undefined for what can not be retrieved or is told wrongly. */
function elsewhereOf(reference: DocumentReference): ElsewhereDocument | undefined {
  const attachment = reference.content[0]?.attachment;
  const id = binaryIdOf(attachment?.url);
  const createdAt = attachment?.creation ?? reference.date ?? '';
  if (id === undefined || Number.isNaN(Date.parse(createdAt))) return undefined;
  const document: ElsewhereDocument = {
    id,
    title: `${attachment?.title ?? reference.type?.coding?.[0]?.display ?? 'Document'}`.slice(0, 200),
    createdAt,
    state: stateOf[reference.status ?? ''] ?? 'deprecated',
    home: homeOf(reference).slice(0, 64),
    mediaType: attachment?.contentType ?? 'application/octet-stream',
  };
  if (attachment?.size !== undefined) document.bytes = attachment.size;
  return document;
}
