/**
 * Patient identity feed (IHE PIXm, ITI-104) as a node takes it in: a region links local patients of its hospitals to persons (X-PID), the global node
 * links persons of its regions and gives the MIX number, a hospital or region takes the numbers that the node above tells.
 */
import type { Patient } from '@medplum/fhirtypes';
import { MixError } from '../schemas/errors/index.ts';
import type { FhirAnswer, NodeSubject } from '../schemas/exchange.ts';
import type { IndexRecord } from '../schemas/index-store.ts';
import type { Entry } from '../schemas/parts.ts';
import { answerOf, checkBelow, feedingNode, type KnownLocal, localOf, said, withItems } from './answer-feed.ts';
import { domainsOf, type ExchangeSetup, type KnownNode, linkRulesOf, nodeAbove, recordsMaxOf } from './domains.ts';
import { holdOverlay } from './hold-overlay.ts';
import { type FedPatient, readFeed, tokenOf, uuidOf } from './ihe/index.ts';
import { bodyOf, isOverlay, localEntry, numbersOf, packedFeatures } from './link.ts';
import { mergeLocals } from './merge-locals.ts';
import { takeNumbersDown } from './numbers.ts';
import { type Receipt, type ReceiveParts, receiveOnce } from './receive.ts';
import { isStrong, uuidv7 } from './record/index.ts';
import { askAbout, type Relinked, relink } from './relink.ts';
import { type About, type Proposal, type SettledIndex, settle } from './settle.ts';

/**
 * ITI-104. Throws `exchange.query`, `exchange.malformed`, `exchange.no-identifier`, `exchange.unknown-domain`, `exchange.not-here` (not a node that
 * feeds this one), and at a hospital `exchange.unknown-patient`.
 */
export async function feedPatient(
  parts: ReceiveParts,
  setup: ExchangeSetup,
  from: NodeSubject,
  request: { identifier: string; patient: Patient; deliveryId?: string },
): Promise<FhirAnswer> {
  const fed = readFeed(request.identifier, request.patient);
  const node = feedingNode(setup, from, 'identifier');
  if (node.role === nodeAbove(setup)?.role) return takeNumbersDown(parts, setup, from, fed, request.deliveryId);
  checkBelow(setup, node);
  const domains = domainsOf(node);
  checkNumber(fed, domains);
  const { replacedBy } = fed;
  return receiveOnce(parts, from, request.deliveryId, (id) =>
    replacedBy === undefined
      ? fileFeed(parts, setup, { fed, node, domains, messageId: id })
      : mergeLocals(parts, setup, node, { ...fed, replacedBy }, id),
  );
}

function checkNumber(fed: FedPatient, domains: ReadonlySet<string>): void {
  if (!domains.has(fed.number.system)) throw new MixError('exchange.unknown-domain', { place: 'identifier' });
  if (!isStrong({ ...fed.number, type: fed.type }))
    throw new MixError('exchange.no-identifier', {
      place: 'Patient.identifier',
      detail: 'of a kind that names one person',
    });
  if (fed.replacedBy !== undefined && !domains.has(fed.replacedBy.system))
    throw new MixError('exchange.unknown-domain', { place: 'Patient.link' });
}

export interface Filing {
  fed: FedPatient;
  node: KnownNode;
  /** Systems whose numbers the node may give. */
  domains: ReadonlySet<string>;
  messageId: string;
  /** A person took the facts of an overlay: they are not held again. */
  taken?: { by: string; reason: string };
}

/** Add or revise (2:3.104.4.1). */
export async function fileFeed(parts: ReceiveParts, setup: ExchangeSetup, filing: Filing): Promise<Receipt> {
  const { fed, node } = filing;
  const now = parts.clock.now();
  const known = await localOf(parts, setup, fed.number);
  const { record, entry } = known;
  // A clock that runs ahead must not win for ever.
  const sourceTime = Math.min(fed.updatedAt ?? now, now);
  if (record !== undefined && entry !== undefined) {
    const person = await parts.store.person(record.personId);
    if (person === undefined) throw new MixError('store.conflict', { place: 'person' });
    if (entry.sourceTime > sourceTime) return said(setup, person, 'older than what is known');
    if (filing.taken === undefined && !entry.removed && isOverlay(record, fed.patient))
      return { ...said(setup, person, OVERLAY), changes: await holdOverlay(parts.store, record, fed, node.name, now) };
  }
  const next = nextRecord(parts, filing, known, sourceTime);
  const local = localEntry({ ...next, removed: false }, bodyOf(fed.patient), entry, {
    messageId: filing.messageId,
    sourceTime,
  });
  const same = record !== undefined && sameRecord(record, next);
  if (same && entry !== undefined && !entry.removed && sameBody(entry, local.entry)) {
    const person = await parts.store.person(record.personId);
    if (person !== undefined) return said(setup, person, 'fed again');
  }
  return linkIn(parts, setup, filing, { known, next, local: { ...local, same } });
}

const OVERLAY = 'held: name, sex and birth date all changed; record.numbers-disagree';

/** The record after this feed. One that was merged stands again: its source says that it is somebody. */
function nextRecord(
  { clock }: ReceiveParts,
  { fed, node, domains }: Filing,
  { record, entry }: KnownLocal,
  sourceTime: number,
): IndexRecord {
  const next: IndexRecord = {
    id: record?.id ?? entry?.id ?? uuidv7(clock.now()),
    personId: record?.personId ?? entry?.personId ?? '',
    number: { ...fed.number, type: fed.type },
    sourceId: node.name,
    state: 'active',
    stateAt: record?.state === 'active' ? record.stateAt : sourceTime,
    numbers: numbersOf(fed, domains, node.name),
    told: record?.told ?? [],
    features: packedFeatures(fed.patient),
    stamp: record?.stamp ?? 0,
  };
  if (record?.ownId !== undefined) next.ownId = record.ownId;
  if (record?.ownNumber !== undefined) next.ownNumber = record.ownNumber;
  return next;
}

function sameRecord(one: IndexRecord, other: IndexRecord): boolean {
  const textOf = ({ number, numbers }: IndexRecord): string => [number, ...numbers].map(tokenOf).join('\n');
  return one.state === other.state && textOf(one) === textOf(other) && one.features.equals(other.features);
}

function sameBody(one: Entry, other: Entry): boolean {
  return JSON.stringify(one.body) === JSON.stringify(other.body);
}

async function linkIn(
  parts: ReceiveParts,
  setup: ExchangeSetup,
  filing: Filing,
  {
    known,
    next,
    local,
  }: { known: KnownLocal; next: IndexRecord; local: ReturnType<typeof localEntry> & { same: boolean } },
): Promise<Receipt> {
  const { node, messageId } = filing;
  const now = parts.clock.now();
  const rules = linkRulesOf(setup);
  const entry = { entry: local.entry, expect: local.expect };
  const linked = local.same ? undefined : await relink(parts, rules, next, recordsMaxOf(setup));
  const about: About = {
    who: filing.taken?.by ?? node.name,
    reason: filing.taken?.reason ?? (linked === undefined ? 'fed again' : howLinked(known, linked)),
    messageId,
    now,
  };
  const proposal: Proposal = {
    records: [linked === undefined ? { record: next, entry } : { record: next, entry, keys: linked.keys }],
    pairs: linked?.pairs ?? [],
    blocks: linked?.blocks ?? [],
    looked: linked?.looked ?? [],
    answered: new Set([next.id]),
  };
  const limit = recordsMaxOf(setup);
  const tooMany = (linked?.joins.length ?? 0) > limit;
  const settled = tooMany ? undefined : await settle(parts, setup, rules, proposal, about, limit);
  if (settled === undefined) return storm(parts, setup, filing, { known, next, proposal, linked, about });
  const person = settled.personOf.get(next.id)!;
  const changes = withItems(
    settled.changes,
    linked && (await itemsAfter(parts, next, linked, settled, node.name, now)),
  );
  const disagree = linked !== undefined && astray(linked, settled, next);
  if (disagree) parts.log.warn({ person: person.id, node: node.name }, 'clues of a feed lead to several persons');
  return {
    answer: answerOf(setup, person, known.entry === undefined ? 201 : 200),
    changes,
    action: 'create',
    thing: { type: 'patient', id: person.id, personId: person.id },
    reason: disagree ? `${about.reason}; record.numbers-disagree` : about.reason,
  };
}

/** What the audit tells of a link. */
function howLinked({ record }: KnownLocal, { joins, pairs }: Relinked): string {
  if (record !== undefined) return 'fed again';
  if (joins.length === 0) return 'new';
  return pairs.some(({ link }) => link === 'number') ? 'linked by a number' : 'linked by demographics';
}

/** Does something that links by itself lead elsewhere? */
function astray({ joins }: Relinked, { personOf }: SettledIndex, next: IndexRecord): boolean {
  const mine = personOf.get(next.id)?.id;
  return joins.some((other) => (personOf.get(other.id)?.id ?? other.personId) !== mine);
}

function itemsAfter(
  { store }: ReceiveParts,
  next: IndexRecord,
  linked: Relinked,
  { personOf }: SettledIndex,
  from: string,
  now: number,
) {
  return askAbout(store, next, linked, (record) => personOf.get(record.id)?.id ?? record.personId, { from, now });
}

/**
 * More local records hang together than can be one person: this one stays as it is, or by itself, and somebody is told. The index goes on.
 */
async function storm(
  parts: ReceiveParts,
  setup: ExchangeSetup,
  { node }: Filing,
  work: { known: KnownLocal; next: IndexRecord; proposal: Proposal; linked: Relinked | undefined; about: About },
): Promise<Receipt> {
  const { known, next, proposal, linked, about } = work;
  const limit = recordsMaxOf(setup);
  const alone: Proposal = { ...proposal, pairs: [], blocks: [], looked: [] };
  const settled = await settle(parts, setup, linkRulesOf(setup), alone, about, limit * STORM_TIMES);
  if (settled === undefined) throw new MixError('mpi.storm', { place: 'identifier' });
  const person = settled.personOf.get(next.id)!;
  const other = linked?.joins[0];
  // One a source and day, however hard it blows.
  const id = uuidOf(`storm|${node.name}|${Math.floor(about.now / DAY_MS)}`);
  const changes =
    (await parts.store.matchItem(id)) === undefined
      ? withItems(settled.changes, [
          {
            item: {
              id,
              version: 1,
              kind: 'storm',
              state: 'open',
              a: other?.id ?? next.id,
              personId: other?.personId ?? person.id,
              from: node.name,
              createdAt: about.now,
              updatedAt: about.now,
              body: { decisions: [] },
            },
            expect: 0,
          },
        ])
      : settled.changes;
  parts.log.warn({ person: person.id, node: node.name, limit }, 'more local records than can be one person');
  return {
    answer: answerOf(setup, person, known.entry === undefined ? 201 : 200),
    changes,
    action: 'create',
    thing: { type: 'patient', id: person.id, personId: person.id },
    reason: 'not linked; mpi.storm',
  };
}

const DAY_MS = 86_400_000;

/** A person who has more records than the limit by now (it was lowered) is still kept up to date. */
const STORM_TIMES = 10;
