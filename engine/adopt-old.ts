/**
 * A person from before there was an index: its local patients become records, once, when one of them is fed again. They stay one person until somebody
 * parts them, and every number goes on leading there.
 */
import type { Patient } from '@medplum/fhirtypes';
import type { IndexPair, IndexRecord } from '../schemas/index-store.ts';
import type { Entry, Identifier, Person } from '../schemas/parts.ts';
import { type ExchangeSetup, linkRulesOf, mixSystem, recordsMaxOf, xpidSystem } from './domains.ts';
import { readNumber, tokenOf } from './ihe/index.ts';
import { keysOf, linkBetween, packedFeatures } from './link.ts';
import { commitUnit } from './receive.ts';
import { uuidv7 } from './record/index.ts';
import { type IndexParts, type Proposal, settle } from './settle.ts';

const RECORDS_MAX = 10_000;
const LIMIT_TIMES = 10;
/** Any decision of a person is newer. */
const FROM_BEFORE = 1;

export async function adoptOld(parts: IndexParts, setup: ExchangeSetup, personId: string): Promise<void> {
  await commitUnit(parts.store, async () => {
    const { store } = parts;
    const now = parts.clock.now();
    const [person, entries, records] = await Promise.all([
      store.person(personId),
      store.entries(personId, { removed: true }),
      store.indexRecordsOf([personId], RECORDS_MAX),
    ]);
    const known = new Set(records.map(({ id }) => id));
    const locals = entries
      .filter(
        ({ id, type, key }) =>
          type === 'Patient' && !known.has(id) && key.startsWith('Patient|') && !key.includes('|merged|'),
      )
      .sort((one, other) => Number(one.removed) - Number(other.removed) || (one.id < other.id ? -1 : 1));
    if (person === undefined || locals.length === 0) return undefined;
    const made = locals.map((entry) => recordOf(setup, person, entry));
    const [first] = made;
    if (first !== undefined && !records.some(({ ownId }) => ownId === personId))
      Object.assign(first, ownOf(setup, person));
    const rules = linkRulesOf(setup);
    const pairs = made.slice(1).map((other): IndexPair => {
      const [a, b] = first!.id < other.id ? [first!, other] : [other, first!];
      const { link, weight } = linkBetween(a, b, rules);
      return { a: a.id, b: b.id, link, weight, decision: 'link', decidedAt: FROM_BEFORE };
    });
    const proposal: Proposal = { records: made.map((record) => ({ record, keys: keysOf(record) })), pairs };
    const about = { who: 'node', reason: 'from before the index', messageId: uuidv7(now), now };
    const settled = await settle(parts, setup, rules, proposal, about, recordsMaxOf(setup) * LIMIT_TIMES);
    return settled?.changes;
  });
}

function recordOf(setup: ExchangeSetup, person: Person, entry: Entry): IndexRecord {
  const number = readNumber(entry.key.slice('Patient|'.length), 'identifier');
  const type = person.identifiers.find((one) => tokenOf(one) === tokenOf(number))?.type ?? '';
  const given = new Set([mixSystem(setup), xpidSystem(setup.organization.oid)]);
  const record: IndexRecord = {
    id: entry.id,
    personId: person.id,
    number: { ...number, type },
    sourceId: entry.sourceId,
    state: entry.removed ? 'retired' : 'active',
    stateAt: entry.sourceTime,
    numbers: person.identifiers.filter(
      (one) => one.sourceId === entry.sourceId && !given.has(one.system) && tokenOf(one) !== tokenOf(number),
    ),
    told: [],
    features: packedFeatures(entry.body as Patient),
    stamp: 0,
  };
  return record;
}

/** What the person was given by this node and by the one above, and what led to it before. */
function ownOf(setup: ExchangeSetup, person: Person): Partial<IndexRecord> {
  const [mix, xpid] = [mixSystem(setup), xpidSystem(setup.organization.oid)];
  const global = setup.node.role === 'global';
  const mixes = person.identifiers.filter(({ system }) => system === mix);
  const aliases: Identifier[] = [
    ...person.identifiers.filter(({ system, value }) => system === xpid && value !== person.id),
    ...(global ? mixes.slice(1) : []),
  ];
  return {
    ownId: person.id,
    ...(global && mixes[0] !== undefined ? { ownNumber: mixes[0].value } : {}),
    told: global ? [] : mixes.slice(0, 1),
    numbers: aliases,
  };
}
