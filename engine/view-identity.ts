/** Items of the work list, a person's history and how a person was, in the shapes of the pages. */
import type { Patient } from '@medplum/fhirtypes';
import type {
  ComparisonView,
  IdentityEventView,
  MatchFact,
  MatchRow,
  MatchSide,
  MatchView,
} from '../schemas/identity.ts';
import type { IdentityEvent, IndexRecord, MatchItem } from '../schemas/index-store.ts';
import type { Entry, Person, Store } from '../schemas/parts.ts';
import { type ExchangeSetup, linkRulesOf, mixSystem } from './domains.ts';
import { nameOfPatient } from './view-record.ts';
import { factsBeside } from './view-registry.ts';

const iso = (at: number): string => new Date(at).toISOString();

/** What the items of a page are about. */
export interface Subjects {
  records: Map<string, IndexRecord>;
  entries: Map<string, Entry>;
  persons: Map<string, Person>;
}

export async function readSubjects(store: Store, items: readonly MatchItem[]): Promise<Subjects> {
  const ids = [...new Set(items.flatMap(({ a, b }) => (b === undefined ? [a] : [a, b])))];
  const [records, entries] = await Promise.all([store.indexRecords(ids), store.entriesById(ids)]);
  const persons = await store.personsOf([...new Set([...records.values()].map(({ personId }) => personId))]);
  return { records, entries, persons };
}

/** `named`: may the reader see names? */
export function matchRowOf(setup: ExchangeSetup, item: MatchItem, subjects: Subjects, named: boolean): MatchRow {
  const row: MatchRow = {
    id: item.id,
    kind: item.kind,
    state: item.state,
    createdAt: iso(item.createdAt),
    updatedAt: iso(item.updatedAt),
    sides: patientsOf(item, subjects).flatMap(({ record, patient }) =>
      record === undefined ? [] : [sideOf(setup, record, subjects, named ? patient : undefined)],
    ),
    from: item.from,
  };
  const { comparison } = item.body;
  if (comparison !== undefined) {
    row.probability = comparison.probability;
    row.weight = comparison.weight + bitsOf(linkRulesOf(setup).model.prior);
  }
  return row;
}

/** Both sides: two records, or one as it was and as it was fed. */
function patientsOf(item: MatchItem, { records, entries }: Subjects): { record?: IndexRecord; patient?: Patient }[] {
  const of = (id: string): { record?: IndexRecord; patient?: Patient } => {
    const [record, entry] = [records.get(id), entries.get(id)];
    return {
      ...(record === undefined ? {} : { record }),
      ...(entry === undefined ? {} : { patient: entry.body as Patient }),
    };
  };
  const first = of(item.a);
  if (item.b !== undefined) return [first, of(item.b)];
  const { held } = item.body;
  return held === undefined ? [first] : [first, { ...first, patient: held.patient }];
}

function sideOf(
  setup: ExchangeSetup,
  record: IndexRecord,
  { persons }: Subjects,
  patient: Patient | undefined,
): MatchSide {
  const side: MatchSide = {
    recordId: record.id,
    personId: record.personId,
    node: record.sourceId,
    number: { system: record.number.system, value: record.number.value },
  };
  const mix = persons.get(record.personId)?.identifiers.find(({ system }) => system === mixSystem(setup));
  if (mix !== undefined) side.mixNumber = mix.value;
  if (patient === undefined) return side;
  const name = nameOfPatient(patient);
  if (name !== '') side.name = name;
  if (patient.birthDate !== undefined) side.birthDate = patient.birthDate;
  if (patient.gender !== undefined) side.sex = patient.gender;
  return side;
}

export function matchViewOf(
  setup: ExchangeSetup,
  item: MatchItem,
  subjects: Subjects,
  reader: { id: string; named: boolean; decides: boolean },
): MatchView {
  const bodies = patientsOf(item, subjects).map(({ patient }) => patient);
  const { comparison, decisions, asks } = item.body;
  const waits = item.state === 'waiting-second';
  const view: MatchView = {
    row: matchRowOf(setup, item, subjects, reader.named),
    facts: factsBeside(bodies) satisfies MatchFact[],
    decisions: decisions.map(({ at, by, act, decision, reason }) => ({
      at: iso(at),
      by,
      act,
      ...(decision === undefined ? {} : { decision }),
      reason,
    })),
    may: {
      decide: reader.decides && item.state === 'open',
      second: reader.decides && waits && decisions.at(-1)?.by !== reader.id,
      undo: reader.decides && (waits || item.state === 'linked' || item.state === 'kept-apart'),
    },
    fourEyes: setup.index?.fourEyes === true,
  };
  if (comparison !== undefined) view.comparison = comparisonOf(setup, comparison);
  if (asks !== undefined) view.asks = asks.verb;
  return view;
}

/** Odds in bits. */
const bitsOf = (chance: number): number => Math.log2(chance / (1 - chance));

function comparisonOf(
  setup: ExchangeSetup,
  { weight, probability, verdict, parts, rules }: NonNullable<MatchItem['body']['comparison']>,
): ComparisonView {
  const { prior, thresholds } = linkRulesOf(setup).model;
  const bits = bitsOf(prior);
  return {
    weight: weight + bits,
    prior: bits,
    probability,
    verdict,
    thresholds: { possible: bitsOf(thresholds.possible), match: bitsOf(thresholds.match) },
    parts,
    rules,
  };
}

/** `earlier`: the event before it. */
export function eventViewOf(event: IdentityEvent, earlier: IdentityEvent | undefined): IdentityEventView {
  const idsOf = ({ after }: IdentityEvent): string[] => after.records.map(({ id }) => id);
  const view: IdentityEventView = {
    at: iso(event.at),
    event: event.event,
    who: event.who,
    reason: event.reason,
    before: earlier === undefined ? [] : idsOf(earlier),
    after: idsOf(event),
  };
  if (event.after.into !== undefined) view.into = event.after.into;
  return view;
}
