/**
 * What pages and APIs read: every call passes `authorize` first and so stands in the audit.
 * Shapes are those of `schemas/portal.ts`.
 */
import type { Bundle } from '@medplum/fhirtypes';
import { type Fault, MixError } from '../schemas/errors/index.ts';
import type { NodeRole } from '../schemas/exchange.ts';
import type { IdentityPortal } from '../schemas/identity.ts';
import type { Entry, Job, KeptMessage, MessageQuery, Person, SearchTerm, Store } from '../schemas/parts.ts';
import type {
  AuditFilter,
  DocumentView,
  EntryVersion,
  Listing,
  LiveNote,
  MessageFilter,
  MessageRow,
  ParkedView,
  PatientFilter,
  PatientRow,
  PatientView,
  PortalEngine,
  RecordBundle,
  SearchHit,
} from '../schemas/portal.ts';
import type { Settings } from '../schemas/settings/index.ts';
import type { Admission, Subject } from './admit.ts';
import { type Action, authorize, decideFor, type Thing } from './authorize.ts';
import { createBrowseExchange, type ExchangeDesk } from './browse-exchange.ts';
import { renderCcdHtml } from './ccda/index.ts';
import { toBundle } from './record/index.ts';
import { type ExchangeParts, overviewOf, sourcesOf } from './view-exchange.ts';
import { type MessageViewParts, messageRowOf, tellFault, viewMessage } from './view-message.ts';
import { cardsOf, patientRowOf } from './view-record.ts';

export interface BrowseParts extends ExchangeParts {
  /** In force; without them the page of settings is empty. */
  settings?: Settings;
  startedAt?: number;
  /** What the exchange gives to its pages; without it the node stands alone. */
  desk?: ExchangeDesk;
  admission: Admission;
  rerun(message: KeptMessage, by: Subject, ask: { reason: string; corrected?: string }): Promise<string>;
  makeDocumentNow(personId: string): Promise<string>;
  verify(document: { bytes: Buffer; signature: Buffer; id: string }): {
    holds: boolean;
    signer: string;
    reason?: string;
  };
  node: { name: string; role: NodeRole; facility: string; zone: string; version: string };
}

const PAGE = 50;
const PAGE_MAX = 500;
const COUNT_MS = 3_000;

type Browse = Omit<PortalEngine, 'signIn' | 'admit' | 'signOut' | 'changeSecret' | 'me' | keyof IdentityPortal>;

/** The reading half of {@link PortalEngine}. */
export function createBrowse(parts: BrowseParts): Browse {
  const { store } = parts;
  const may = (subject: unknown, action: Action, thing: Thing, reason?: string) =>
    authorize(parts, subject as Subject, action, thing, reason);
  const facilityOf = (sourceId: string): string =>
    parts.setups().find((setup) => setup.source.id === sourceId)?.source.facility ?? sourceId;

  async function openMessage(id: string): Promise<KeptMessage> {
    return (isId(id) ? await store.message(id) : undefined) ?? notFound('message');
  }
  async function openPerson(id: string): Promise<Person> {
    const person = isId(id) ? await store.person(id) : undefined;
    if (person?.state === 'merged' && person.mergedInto)
      return (await store.person(person.mergedInto)) ?? notFound('patient');
    return person ?? notFound('patient');
  }

  let waiting = { at: Number.NEGATIVE_INFINITY, count: 0 };
  /** Counted at most every few seconds: every change asks for the overview. */
  async function matchesWaiting(): Promise<number> {
    const now = parts.clock.now();
    if (now - waiting.at < COUNT_MS) return waiting.count;
    const { count } = await store.matchItems({ states: ['open', 'waiting-second'], limit: 1 });
    waiting = { at: now, count };
    return count;
  }

  return {
    ...createBrowseExchange({ ...parts, openPerson, facilityOf }),
    async overview(subject) {
      // Counts only, asked again at every change: a line of audit each would bury what people look for there. A refusal is written.
      const asked: Thing = { type: 'overview' };
      if (decideFor(subject as Subject, 'read', asked).decision !== 'Permit') await may(subject, 'read', asked);
      const { alerts } = parts.desk ?? {};
      const open = alerts === undefined ? [] : (await alerts({ state: 'open', limit: PAGE })).rows;
      const seen = alerts === undefined ? [] : (await alerts({ state: 'acknowledged', limit: PAGE })).rows;
      const view = await overviewOf(parts, await sourcesOf(parts), [...open, ...seen]);
      if (
        parts.node.role !== 'hospital' &&
        decideFor(subject as Subject, 'search', { type: 'identity' }).decision === 'Permit'
      )
        view.counts.matches = await matchesWaiting();
      return view;
    },
    async messages(subject, filter) {
      await may(subject, 'search', { type: 'message' });
      const page = await store.messages(queryOf(filter));
      return listing(page, messageRowOf);
    },
    async message(subject, id) {
      const message = await openMessage(id);
      await may(subject, 'read', { type: 'message', id });
      return viewMessage(await messageViewParts(parts, message));
    },
    async messageBytes(subject, id) {
      const message = await openMessage(id);
      await may(subject, 'read', { type: 'message', id });
      return { bytes: message.bytes, charset: message.charset };
    },
    async rerun(subject, id, ask) {
      const message = await openMessage(id);
      await may(subject, 'rerun', { type: 'message', id }, ask.reason);
      return { id: await parts.rerun(message, subject as Subject, ask) };
    },
    async record(subject, messageId) {
      await openMessage(messageId);
      const outcome = await store.outcomeOf(messageId);
      await may(subject, 'read', { type: 'patient', id: outcome.personIds[0], personId: outcome.personIds[0] });
      const wrote = new Set(outcome.wrote.map((one) => one.id));
      const bundle = await bundleOf(store, outcome.personIds, (entryId) => wrote.has(entryId));
      return { bundle };
    },
    async patients(subject, filter) {
      await may(subject, 'search', { type: 'patient' });
      const page = await store.persons(personQueryOf(filter));
      return listing(page, (person) => patientRowOf(person, facilityOf));
    },
    async patient(subject, id) {
      const person = await openPerson(id);
      await may(subject, 'read', { type: 'patient', id, personId: person.id });
      return patientViewOf(store, person, patientRowOf(person, facilityOf));
    },
    async patientBundle(subject, id): Promise<RecordBundle> {
      const person = await openPerson(id);
      await may(subject, 'read', { type: 'patient', id, personId: person.id });
      return { bundle: await bundleOf(store, [person.id], () => true) };
    },
    async entryHistory(subject, id): Promise<EntryVersion[]> {
      const newest = (isId(id) ? (await store.entriesById([id])).get(id) : undefined) ?? notFound('entry');
      const { personId } = newest;
      await may(subject, 'read', { type: 'patient', id: personId, personId });
      return [newest, ...(await store.entryHistory(id))].map((entry) => ({
        version: entry.version,
        at: new Date(entry.sourceTime).toISOString(),
        status: entry.status,
        removed: entry.removed,
        source: { sourceId: entry.sourceId, messageId: entry.messageId },
        resource: entry.body,
      }));
    },
    async document(subject, id): Promise<DocumentView> {
      const document = (isId(id) ? await store.document(id) : undefined) ?? notFound('document');
      await may(subject, 'read', { type: 'document', id, personId: document.personId });
      const xml = document.bytes.toString('utf8');
      return {
        id,
        personId: document.personId,
        version: document.version,
        state: document.state,
        createdAt: new Date(document.createdAt).toISOString(),
        html: renderCcdHtml(xml),
        xml,
        sha256: document.sha256,
        signature: parts.verify(document),
      };
    },
    async makeDocument(subject, personId) {
      const person = await openPerson(personId);
      await may(subject, 'create', { type: 'document', personId: person.id });
      return { id: await parts.makeDocumentNow(person.id) };
    },
    async sources(subject) {
      await may(subject, 'read', { type: 'source' });
      return sourcesOf(parts);
    },
    async parked(subject, cursor) {
      await may(subject, 'search', { type: 'parked' });
      return parkedOf(store, cursor);
    },
    async audit(subject, filter) {
      await may(subject, 'search', { type: 'audit' });
      const page = await store.audit(auditQueryOf(filter));
      return listing(page, ({ at, seq: _seq, personId: _personId, ...row }) => ({
        at: new Date(at).toISOString(),
        ...row,
      }));
    },
    async search(subject, q) {
      return searchAll(parts, subject as Subject, q.trim().slice(0, 200), facilityOf);
    },
    subscribe(_subject, listener) {
      return store.onChange((note) => listener({ ...note, overview: true } satisfies LiveNote));
    },
  };
}

function notFound(what: string): never {
  throw new MixError('http.not-found', { detail: what });
}

const isId = (id: string): boolean => /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(id);

function listing<A, B>(page: { rows: A[]; next?: string; count: number }, shape: (row: A) => B): Listing<B> {
  const listed: Listing<B> = { rows: page.rows.map(shape), count: page.count };
  if (page.next !== undefined) listed.next = page.next;
  return listed;
}

const limitOf = (limit: number | undefined): number => Math.min(Math.max(1, limit ?? PAGE), PAGE_MAX);

const FILTER_TERMS = ['number', 'name', 'control', 'accession', 'text'] as const;

function queryOf(filter: MessageFilter): MessageQuery {
  const query: MessageQuery = { limit: limitOf(filter.limit) };
  const terms: SearchTerm[] = [];
  for (const field of FILTER_TERMS) {
    const text = filter[field];
    if (text) terms.push({ field, text });
  }
  if (terms.length > 0) query.terms = terms;
  if (filter.source) query.sourceId = filter.source;
  if (filter.state) query.state = filter.state;
  if (filter.type) query.type = filter.type;
  // Test traffic stays apart: it is listed only where it is asked for.
  const processing = filter.processing ?? 'P';
  if (processing !== 'all') query.processing = processing;
  if (filter.person && isId(filter.person)) query.personId = filter.person;
  if (filter.from) query.from = timeOf(filter.from, 'from');
  if (filter.to) query.to = timeOf(filter.to, 'to');
  if (filter.cursor) query.cursor = filter.cursor;
  return query;
}

function timeOf(text: string, place: string): number {
  const at = Date.parse(text);
  if (Number.isNaN(at)) throw new MixError('http.bad-filter', { place, detail: 'a time in ISO 8601' });
  return at;
}

/** Free words: digits that look like a date are a birth date, other words with digits a number, the rest a name. */
function personQueryOf(filter: PatientFilter): { terms?: SearchTerm[]; cursor?: string; limit: number } {
  const terms: SearchTerm[] = [];
  for (const word of (filter.q ?? '')
    .split(/[\s,]+/)
    .filter(Boolean)
    .slice(0, 8)) {
    if (/^\d{4}-\d{2}-\d{2}$/.test(word)) terms.push({ field: 'birth', text: word });
    else terms.push({ field: /\d/.test(word) ? 'number' : 'name', text: word });
  }
  if (filter.name) terms.push({ field: 'name', text: filter.name });
  if (filter.number) terms.push({ field: 'number', text: filter.number });
  if (filter.birth) terms.push({ field: 'birth', text: filter.birth });
  const query: { terms?: SearchTerm[]; cursor?: string; limit: number } = { limit: limitOf(filter.limit) };
  if (terms.length > 0) query.terms = terms;
  if (filter.cursor) query.cursor = filter.cursor;
  return query;
}

function auditQueryOf(filter: AuditFilter): Parameters<Store['audit']>[0] {
  const query: Parameters<Store['audit']>[0] = { limit: limitOf(filter.limit) };
  if (filter.who) query.who = filter.who;
  if (filter.action) query.action = filter.action;
  if (filter.person && isId(filter.person)) query.personId = filter.person;
  if (filter.from) query.from = timeOf(filter.from, 'from');
  if (filter.to) query.to = timeOf(filter.to, 'to');
  if (filter.cursor) query.cursor = filter.cursor;
  return query;
}

async function messageViewParts(parts: BrowseParts, message: KeptMessage): Promise<MessageViewParts> {
  const { store } = parts;
  const [steps, outcome] = await Promise.all([store.steps(message.id), store.outcomeOf(message.id)]);
  const persons = await store.personsOf(outcome.personIds);
  const wrote = outcome.wrote.slice(0, WROTE_MAX);
  const [entries, documents] = await Promise.all([
    versionsOf(store, wrote),
    Promise.all(outcome.personIds.map((id) => store.documents(id))),
  ]);
  const setup = parts.setups().find((one) => one.source.id === message.sourceId);
  return {
    message,
    setup,
    steps,
    outcome,
    persons: [...persons.values()],
    entries,
    documents: documents.flat().filter((one) => one.createdAt >= message.receivedAt),
  };
}

/** The versions that were written: mostly still the newest; for the others their history is read. */
async function versionsOf(store: Store, wrote: { id: string; version: number }[]): Promise<Entry[]> {
  const newest = await store.entriesById(wrote.map((one) => one.id));
  const found = await Promise.all(
    wrote.map(async ({ id, version }) => {
      const entry = newest.get(id);
      if (entry === undefined || entry.version === version) return entry;
      return (await store.entryHistory(id)).find((one) => one.version === version) ?? entry;
    }),
  );
  return found.filter((entry) => entry !== undefined);
}

/** A message that wrote more entries than this shows the first ones; the record shows all. */
const WROTE_MAX = 400;

async function bundleOf(store: Store, personIds: string[], wanted: (entryId: string) => boolean): Promise<Bundle> {
  const entries: Bundle['entry'] = [];
  for (const personId of personIds) {
    const [person, all] = await Promise.all([store.person(personId), store.entries(personId)]);
    if (person === undefined) continue;
    entries.push(
      ...(toBundle(
        person,
        all.filter((entry) => wanted(entry.id)),
      ).entry ?? []),
    );
  }
  return { resourceType: 'Bundle', type: 'collection', entry: entries };
}

async function patientViewOf(store: Store, person: Person, row: PatientRow): Promise<PatientView> {
  const [entries, documents, messages] = await Promise.all([
    store.entries(person.id),
    store.documents(person.id),
    store.messages({ personId: person.id, limit: 100 }),
  ]);
  return {
    row,
    patient: person.patient,
    ...cardsOf(entries),
    documents: documents
      .toSorted((a, b) => b.version - a.version)
      .map(({ id, version, state, createdAt }) => ({
        id,
        version,
        state,
        createdAt: new Date(createdAt).toISOString(),
      })),
    messages: messages.rows.map(({ id, receivedAt, type, sourceId }) => ({
      id,
      receivedAt: new Date(receivedAt).toISOString(),
      type,
      sourceId,
    })),
  };
}

async function parkedOf(store: Store, cursor: string | undefined): Promise<Listing<ParkedView>> {
  const query = { state: 'parked' as const, limit: PAGE };
  const page = await store.jobs(cursor === undefined ? query : { ...query, cursor });
  const messages = await store.messagesOf(page.rows.filter((job) => job.kind === 'process').map((job) => job.subject));
  const byId = new Map(messages.map((message) => [message.id, message]));
  return listing(page, (job) => {
    const message = byId.get(job.subject);
    const unknown: Fault = { code: 'record.unexpected' };
    return {
      jobId: job.id,
      messageId: job.subject,
      link: linkOfJob(job),
      kind: job.kind,
      since: new Date(message?.receivedAt ?? job.dueAt).toISOString(),
      type: message?.type ?? job.kind,
      sourceId: message?.sourceId ?? '',
      fault: tellFault(job.lastFault ?? unknown),
      blocks: job.blocks === true,
    };
  });
}

/** Address of the page where the subject of a job is seen and mended. */
function linkOfJob({ kind, subject }: Job): string {
  if (kind === 'process') return `/messages/${subject}`;
  return kind.startsWith('deliver') ? `/deliveries/${subject}` : `/patients/${subject}`;
}

/** The one search box: patients by name, number or birth date, and messages by control id or number. Parts that the policies refuse are left out. */
async function searchAll(
  parts: BrowseParts,
  subject: Subject,
  q: string,
  facilityOf: (id: string) => string,
): Promise<SearchHit[]> {
  if (q.length < 2) return [];
  const hits: SearchHit[] = [];
  const tryPart = async (action: Action, thing: Thing, find: () => Promise<void>) => {
    try {
      await authorize(parts, subject, action, thing);
    } catch (cause) {
      if (cause instanceof MixError && cause.fault.code === 'policy.denied') return;
      throw cause;
    }
    await find();
  };
  await tryPart('search', { type: 'patient' }, async () => {
    const page = await parts.store.persons(personQueryOf({ q, limit: 6 }));
    hits.push(...page.rows.map((person) => patientHit(patientRowOf(person, facilityOf))));
  });
  await tryPart('search', { type: 'message' }, async () => {
    for (const field of ['control', 'number', 'accession'] as const) {
      const page = await parts.store.messages({ terms: [{ field, text: q }], limit: 4 });
      for (const row of page.rows.map(messageRowOf)) {
        if (!hits.some((hit) => hit.id === row.id)) hits.push(messageHit(row));
      }
    }
  });
  return hits.slice(0, 12);
}

function patientHit(row: PatientRow): SearchHit {
  const numbers = row.numbers.slice(0, 2).map((number) => `${number.type} ${number.value}`);
  return {
    kind: 'patient',
    id: row.id,
    title: row.name || 'no name',
    detail: [row.birthDate, ...numbers].filter(Boolean).join(' · '),
    link: `/patients/${row.id}`,
  };
}

function messageHit(row: MessageRow): SearchHit {
  return {
    kind: 'message',
    id: row.id,
    title: `${row.type} ${row.controlId}`,
    detail: [row.patientName, row.sourceId].filter(Boolean).join(' · '),
    link: `/messages/${row.id}`,
  };
}
