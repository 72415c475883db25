/**
 * What the pages of the exchange read: the map, deliveries, a person across hospitals, what lies elsewhere, settings, alerts.
 * Every call passes `authorize` first and so stands in the audit. Shapes are those of `schemas/portal-exchange.ts`.
 */
import { createHash } from 'node:crypto';
import { MixError } from '../schemas/errors/index.ts';
import type { NodeRole, Requester } from '../schemas/exchange.ts';
import type { Delivery, DeliveryQuery, Person } from '../schemas/parts.ts';
import type { Overview } from '../schemas/portal.ts';
import type {
  AlertFilter,
  AlertView,
  DeliveryFilter,
  DeliveryView,
  ElsewhereDocument,
  ElsewhereView,
  ExchangePortal,
  OutletState,
  RegistryView,
  ReleaseView,
  Resend,
  ResendAnswer,
  RetrievedView,
} from '../schemas/portal-exchange.ts';
import type { Listing } from '../schemas/portal-shapes.ts';
import type { Settings } from '../schemas/settings/index.ts';
import type { Subject } from './admit.ts';
import { type Action, authorize, decideFor, type Thing } from './authorize.ts';
import { renderCcdHtml } from './ccda/index.ts';
import { deliveryRowOf, deliverySteps } from './view-deliveries.ts';
import { type ExchangeParts, overviewOf, sourcesOf } from './view-exchange.ts';
import { placesOf } from './view-places.ts';
import { registryOf } from './view-registry.ts';
import { settingsTreeOf } from './view-settings.ts';
import { createTraffic, type Traffic } from './view-traffic.ts';

/** What the verbs of the exchange give to its pages; a node that stands alone gives none of it. */
export interface ExchangeDesk {
  outletStates?(): OutletState[];
  traffic?: Traffic;
  release?(): Promise<ReleaseView | undefined>;
  /** Authorizes and audits itself, in the commit of its effect. */
  resend?(ask: Resend, by: Subject): Promise<ResendAnswer>;
  /** Authorizes and audits itself, in the commit of its effect. */
  withdraw?(documentId: string, by: Subject, reason: string): Promise<void>;
  /** Asks the node above for a person's documents at other hospitals (ITI-67). */
  findElsewhere?(person: Person, requester: Requester): Promise<ElsewhereView>;
  /** Retrieves one of them (ITI-68); the node that holds it decides. */
  retrieveElsewhere?(
    person: Person,
    id: string,
    requester: Requester,
  ): Promise<{ document: ElsewhereDocument; mediaType: string; bytes: Buffer }>;
  alerts?(filter: AlertFilter): Promise<Listing<AlertView>>;
  /** The person's other numbers, asked of the node above (ITI-83). */
  numbersOf?(person: Person, requester: Requester): Promise<{ system: string; value: string }[]>;
  acknowledge?(id: string, by: Subject, note: string): Promise<void>;
}

export interface BrowseExchangeParts extends ExchangeParts {
  node: { name: string; role: NodeRole; facility: string; version: string };
  settings?: Settings;
  startedAt?: number;
  desk?: ExchangeDesk;
  openPerson(id: string): Promise<Person>;
  facilityOf(sourceId: string): string;
}

const PAGE = 50;
const OTHERS_MAX = 50;
const ACTS_MAX = 200;
const REGISTRY_ENTRIES_MAX = 20_000;
const SAMPLE_MS = 10_000;

/** The reading half of the exchange's pages. */
export function createBrowseExchange(parts: BrowseExchangeParts): ExchangePortal {
  const { store, clock, desk = {} } = parts;
  const traffic = desk.traffic ?? createTraffic(clock);
  const may = (subject: unknown, action: Action, thing: Thing, reason?: string) =>
    authorize(parts, subject as Subject, action, thing, reason);
  sampleTraffic(parts, traffic);

  return {
    async exchange(subject) {
      // Counts only, asked again every few seconds: a line of audit each would bury what people look for there. A refusal is written.
      const asked: Thing = { type: 'exchange' };
      if (decideFor(subject as Subject, 'read', asked).decision !== 'Permit') await may(subject, 'read', asked);
      return exchangeOf(parts, traffic);
    },
    async deliveries(subject, filter) {
      await may(subject, 'search', thingOf(filter));
      const page = await store.deliveries(queryOf(filter));
      const persons = await namesFor(parts, subject as Subject, page.rows);
      return listing(page, (row) => deliveryRowOf(row, persons));
    },
    async delivery(subject, id): Promise<DeliveryView> {
      const delivery = (isId(id) ? await store.delivery(id) : undefined) ?? notFound('delivery');
      await may(subject, 'read', { type: 'delivery', id, ...personOf(delivery) });
      return deliveryViewOf(parts, subject as Subject, delivery);
    },
    async resend(subject, ask) {
      return (await (desk.resend ?? alone())(ask, subject as Subject)) satisfies ResendAnswer;
    },
    async registry(subject, personId) {
      const person = await parts.openPerson(personId);
      await may(subject, 'read', { type: 'patient', id: person.id, personId: person.id });
      return registryViewOf(parts, person);
    },
    async withdraw(subject, documentId, reason) {
      if (!isId(documentId)) notFound('document');
      await (desk.withdraw ?? alone())(documentId, subject as Subject, reason);
    },
    async elsewhere(subject, personId) {
      const person = await parts.openPerson(personId);
      await may(subject, 'search', { type: 'document', personId: person.id });
      const requester = requesterOf(parts, subject as Subject);
      const [view, numbers] = await Promise.all([
        (desk.findElsewhere ?? alone())(person, requester),
        // The documents are what is asked for; a fault of the numbers is told with them.
        desk.numbersOf?.(person, requester).catch(() => undefined),
      ]);
      const known = new Set(person.identifiers.map((one) => `${one.system}|${one.value}`));
      const others = numbers?.filter((one) => !known.has(`${one.system}|${one.value}`));
      return others === undefined ? view : { ...view, numbers: others };
    },
    async documentElsewhere(subject, personId, id) {
      const person = await parts.openPerson(personId);
      await may(subject, 'read', { type: 'document', id, personId: person.id });
      const found = await (desk.retrieveElsewhere ?? alone())(person, id, requesterOf(parts, subject as Subject));
      return retrievedOf(person.id, found, clock.now());
    },
    async settings(subject) {
      await may(subject, 'read', { type: 'settings' });
      const release = await desk.release?.();
      return {
        rooms: parts.settings === undefined ? [] : settingsTreeOf(parts.settings),
        version: parts.node.version,
        ...(parts.startedAt === undefined ? {} : { startedAt: new Date(parts.startedAt).toISOString() }),
        ...(release === undefined ? {} : { release }),
      };
    },
    async alerts(subject, filter) {
      await may(subject, 'search', { type: 'exchange' });
      if (desk.alerts !== undefined) return desk.alerts(filter);
      const { risks } = await overviewOf(parts, await sourcesOf(parts));
      return alertsOfRisks(risks, filter, clock.now());
    },
    async acknowledge(subject, id, note) {
      await may(subject, 'configure', { type: 'exchange', id }, note);
      await (desk.acknowledge ?? alone())(id, subject as Subject, note);
    },
  };
}

function notFound(what: string): never {
  throw new MixError('http.not-found', { detail: what });
}

/** The answer of a node that is in no exchange. */
const alone = () => (): never => notFound('exchange');

const isId = (id: string): boolean => /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(id);
const personOf = ({ personId }: { personId?: string }) => (personId === undefined ? {} : { personId });

function listing<A, B>(page: { rows: A[]; next?: string; count: number }, shape: (row: A) => B): Listing<B> {
  const listed: Listing<B> = { rows: page.rows.map(shape), count: page.count };
  if (page.next !== undefined) listed.next = page.next;
  return listed;
}

/** Counts what was sent since the last look, at most every few seconds and only while something happens. */
function sampleTraffic({ store, clock }: BrowseExchangeParts, traffic: Traffic): void {
  let sampledAt = Number.NEGATIVE_INFINITY;
  store.onChange(() => {
    if (clock.now() - sampledAt < SAMPLE_MS) return;
    sampledAt = clock.now();
    // A store that just closed has nothing to tell.
    store.outletStats().then(
      (stats) => traffic.takeStats(stats),
      () => undefined,
    );
  });
}

async function exchangeOf(parts: BrowseExchangeParts, traffic: Traffic) {
  const { store, node, settings, desk } = parts;
  const [stats, sources, counts, release] = await Promise.all([
    store.outletStats(),
    sourcesOf(parts),
    store.counts(),
    desk?.release?.(),
  ]);
  traffic.takeStats(stats);
  const places = placesOf({
    settings: settings ?? { outlets: [] },
    role: node.role,
    now: parts.clock.now(),
    stats,
    states: desk?.outletStates?.() ?? [],
    traffic,
    sources,
  });
  return {
    self: {
      name: node.name,
      role: node.role,
      organization: settings?.node.organization.name ?? node.facility,
      waiting: counts.ready,
      parked: counts.parked,
    },
    places,
    ...(release === undefined ? {} : { release }),
  };
}

function thingOf(filter: DeliveryFilter): Thing {
  return filter.person !== undefined && isId(filter.person)
    ? { type: 'delivery', personId: filter.person }
    : { type: 'delivery' };
}

function queryOf(filter: DeliveryFilter): DeliveryQuery {
  const query: DeliveryQuery = { limit: Math.min(Math.max(1, filter.limit ?? PAGE), 500) };
  if (filter.outlet !== undefined) query.outlet = filter.outlet;
  if (filter.state !== undefined) query.state = filter.state;
  if (filter.kind !== undefined) query.kind = filter.kind;
  if (filter.person !== undefined) query.personId = isId(filter.person) ? filter.person : notFound('patient');
  if (filter.thing !== undefined) query.thing = isId(filter.thing) ? filter.thing : notFound('thing');
  if (filter.cursor !== undefined) query.cursor = filter.cursor;
  return query;
}

/** Persons whose names may stand in the list; none where the reader may not search patients. */
async function namesFor(
  { store }: BrowseExchangeParts,
  subject: Subject,
  rows: Delivery[],
): Promise<Map<string, Person>> {
  if (decideFor(subject, 'search', { type: 'patient' }).decision !== 'Permit') return new Map();
  const ids = rows.map((row) => row.personId).filter((id) => id !== undefined);
  return ids.length === 0 ? new Map() : store.personsOf([...new Set(ids)]);
}

async function deliveryViewOf(parts: BrowseExchangeParts, subject: Subject, delivery: Delivery): Promise<DeliveryView> {
  const { store } = parts;
  const [others, acts] = await Promise.all([
    store.deliveries({ thing: delivery.thing, limit: OTHERS_MAX }),
    store.audit({ action: 'rerun', from: delivery.createdAt, limit: ACTS_MAX }),
  ]);
  const persons = await namesFor(parts, subject, [delivery, ...others.rows]);
  return {
    row: deliveryRowOf(delivery, persons),
    steps: deliverySteps(
      delivery,
      acts.rows.filter((act) => act.what === 'delivery' && act.thing === delivery.id && act.outcome === 'Permit'),
    ),
    others: others.rows.filter((one) => one.id !== delivery.id).map((one) => deliveryRowOf(one, persons)),
    canResend: delivery.state === 'parked' || delivery.state === 'refused',
  };
}

async function registryViewOf(parts: BrowseExchangeParts, person: Person): Promise<RegistryView> {
  const { store, node, settings } = parts;
  const [entries, documents, disclosures] = await Promise.all([
    node.role === 'hospital'
      ? Promise.resolve([])
      : store.entries(person.id, { removed: true, limit: REGISTRY_ENTRIES_MAX }),
    store.documents(person.id),
    store.audit({ personId: person.id, action: 'disclose', limit: ACTS_MAX }),
  ]);
  const { exchange } = settings ?? {};
  const regions = (exchange?.nodes ?? []).filter((one) => one.role === 'region').map((one) => one.organization);
  if (node.role === 'region' && settings !== undefined) regions.push(settings.node.organization.oid);
  return registryOf({
    node: { id: settings?.node.name ?? node.name, name: node.name, role: node.role },
    person,
    entries,
    documents,
    disclosures: disclosures.rows,
    mixSystem: exchange === undefined ? undefined : `urn:oid:${exchange.oid}.1`,
    xpidSystems: new Set(regions.map((oid) => `urn:oid:${oid}.2`)),
    facilityOf: parts.facilityOf,
  });
}

function requesterOf({ node }: BrowseExchangeParts, subject: Subject): Requester {
  return { node: node.name, user: subject.id, roles: subject.roles, purpose: 'TREAT' };
}

function retrievedOf(
  personId: string,
  { document, mediaType, bytes }: { document: ElsewhereDocument; mediaType: string; bytes: Buffer },
  now: number,
): RetrievedView {
  const text = bytes.toString('utf8');
  const view: RetrievedView = {
    document,
    personId,
    text,
    sha256: createHash('sha256').update(bytes).digest('hex'),
    retrievedAt: new Date(now).toISOString(),
  };
  if (/xml/.test(mediaType) && text.includes('ClinicalDocument')) view.html = renderCcdHtml(text);
  return view;
}

/** While no rules of alert run, what is at risk now stands for them; it has no history. */
function alertsOfRisks(risks: Overview['risks'], filter: AlertFilter, now: number): Listing<AlertView> {
  const at = new Date(now).toISOString();
  const rows = risks
    .filter((risk) => (filter.rule ?? risk.kind) === risk.kind && (filter.state ?? 'open') === 'open')
    .map(
      (risk): AlertView => ({
        id: risk.alert ?? risk.kind,
        rule: risk.kind,
        about: '',
        grave: risk.grave ?? 'warning',
        sentence: risk.sentence,
        fix: 'look at the page that it leads to',
        state: 'open',
        since: risk.since ?? at,
        lastAt: at,
        count: 1,
        link: risk.link,
      }),
    );
  return { rows, count: rows.length };
}
