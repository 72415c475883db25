/** A region's node of the index bench in a process of its own, filled with people who do not exist: see patient-index.ts. */
import type { Patient } from '@medplum/fhirtypes';
import { blockingKeys, featuresOf, packFeatures } from '../../../engine/mpi/index.ts';
import { personTerms, uuidv7 } from '../../../engine/record/index.ts';
import type { OpenedStore } from '../../../engine/store/index.ts';
import type { NodeSubject } from '../../../schemas/exchange.ts';
import type { Changes, Person } from '../../../schemas/parts.ts';
import type { Settings } from '../../../schemas/settings/index.ts';
import { type RunningNode, startNode } from '../../node.ts';
import { makePopulation, type Population } from './people.ts';
import { chance } from './random.ts';

export type IndexQuestion =
  | { start: Settings; hospitals: { name: string; organization: string; authority: string }[]; seed: number }
  /** Persons up to this many, by the first hospital. */
  | { fill: number }
  /** Feeds: new persons, second records at the other hospital, and changed ones. Then queries by demographics. */
  | { measure: { feeds: number; queries: number; abreast: number } }
  | { stop: true };

export interface IndexFigures {
  feedsPerSecond: number;
  feedMs: number[];
  queriesPerSecond: number;
  queryMs: number[];
  /** Local records that a feed was compared with, on average. */
  candidates: number;
  /** Of second records, how many found their person, and how many feeds were linked to somebody else. */
  found: number;
  wrong: number;
  cpuMs: number;
  rssBytes: number;
  errors: number;
}

const FILL_BATCH = 250;
const FILL_ABREAST = 4;
const SAMPLE = 200;
/** Persons from here on come by feeds alone. */
const NEWCOMERS = 100_000_000;
/** How the node looks for candidates (`engine/relink.ts`). */
const LOOK = { block: 200, most: 500 };

let node: RunningNode;
let store: OpenedStore;
let hospitals: (NodeSubject & { system: string })[] = [];
let people: Population;
let filled = 0;
let measured = 0;

process.on('message', (question: IndexQuestion) => {
  answer(question).then(
    (told) => process.send?.(told),
    (cause: unknown) => {
      process.stderr.write(`bench index: ${cause instanceof Error ? cause.stack : typeof cause}\n`);
      process.exit(1);
    },
  );
});

async function answer(question: IndexQuestion): Promise<object> {
  if ('start' in question) {
    people = makePopulation(question.seed);
    hospitals = question.hospitals.map(({ name, organization, authority }) => ({
      kind: 'peer',
      id: name,
      role: 'hospital',
      organization,
      system: `urn:oid:${authority}`,
    }));
    node = await startNode(question.start, {
      log: { info() {}, warn() {}, error() {} },
      wrapStore(opened) {
        store = opened;
        return opened;
      },
    });
    return {};
  }
  if ('fill' in question) {
    await fillUpTo(question.fill);
    return {};
  }
  if ('measure' in question) return measure(question.measure);
  await node.stop();
  setImmediate(() => process.exit(0));
  return {};
}

/** Puts persons into the store as their feeds would leave them, many in one commit; nothing is matched, since they are all different people. */
async function fillUpTo(count: number): Promise<void> {
  await abreast(FILL_ABREAST, Math.ceil((count - filled) / FILL_BATCH), async (batch) => {
    const from = filled + batch * FILL_BATCH;
    const all = Array.from({ length: Math.min(FILL_BATCH, count - from) }, (_, at) => rowsOf(from + at));
    await store.commit({
      persons: all.flatMap((one) => one.persons ?? []),
      entries: all.flatMap((one) => one.entries ?? []),
      index: { records: all.flatMap((one) => one.index?.records ?? []) },
    });
  });
  filled = Math.max(filled, count);
}

function rowsOf(index: number): Changes {
  const [hospital] = hospitals;
  const patient = people.personAt(index);
  const { value } = patient.identifier![0]!;
  const now = Date.now();
  const number = { system: hospital!.system, value: value!, type: 'MR' };
  const [id, personId] = [uuidv7(now), uuidv7(now)];
  const person: Person = {
    id: personId,
    version: 1,
    state: 'active',
    createdAt: now,
    updatedAt: now,
    incomplete: false,
    identifiers: [{ ...number, sourceId: hospital!.id }],
    patient: { ...patient, id: personId },
  };
  const features = featuresOf(patient);
  const record = {
    id,
    personId,
    ownId: personId,
    number,
    sourceId: hospital!.id,
    state: 'active' as const,
    stateAt: now,
    numbers: [],
    told: [],
    features: Buffer.from(packFeatures(features)),
    stamp: 0,
  };
  const key = `Patient|${number.system}|${number.value}`;
  return {
    persons: [{ person, expect: 0, terms: personTerms(patient) }],
    entries: [
      {
        entry: {
          id,
          personId,
          type: 'Patient',
          key,
          version: 1,
          status: '',
          code: '',
          sourceId: hospital!.id,
          messageId: uuidv7(now),
          sourceTime: now,
          removed: false,
          from: 'ITI-104',
          body: patient,
        },
        expect: 0,
      },
    ],
    index: {
      records: [{ record, expect: 0, keys: [...blockingKeys(features), `#|${number.system}|${number.value}`] }],
    },
  };
}

/** A feed of the mix: 4 of 10 new, 4 of 10 second records at the other hospital, 2 of 10 told again with another telephone. */
function feedAt(n: number): { from: NodeSubject; identifier: string; patient: Patient; of?: number } {
  const random = chance(n * 7 + 3);
  const kind = n % 10;
  const known = Math.floor(random() * filled);
  const index = kind < 4 ? NEWCOMERS + n : known;
  const [home, other] = hospitals;
  const hospital = kind >= 4 && kind < 8 ? other! : home!;
  const patient = kind >= 4 && kind < 8 ? people.secondRecordOf(index) : people.personAt(index);
  if (kind >= 8) patient.telecom = [{ system: 'phone', value: `555${String(n).padStart(7, '1')}` }];
  const identifier = `${hospital.system}|${patient.identifier![0]!.value}`;
  const fed = {
    ...patient,
    active: true,
    identifier: [
      {
        system: hospital.system,
        value: patient.identifier![0]!.value!,
        type: { coding: [{ system: 'http://terminology.hl7.org/CodeSystem/v2-0203', code: 'MR' }] },
      },
      ...patient.identifier!.slice(1),
    ],
  };
  const { system: _system, ...from } = hospital;
  return { from, identifier, patient: fed, ...(kind >= 4 && kind < 8 ? { of: index } : {}) };
}

async function measure(of: { feeds: number; queries: number; abreast: number }): Promise<IndexFigures> {
  const first = measured;
  measured += of.feeds;
  const door = node.engine.exchange!;
  const cpu = process.cpuUsage();
  let errors = 0;
  const feedMs: number[] = [];
  const begun = performance.now();
  await abreast(of.abreast, of.feeds, async (n) => {
    const { from, identifier, patient } = feedAt(first + n);
    const started = performance.now();
    await door.feedPatient(from, identifier, patient).catch(() => {
      errors += 1;
    });
    feedMs.push(performance.now() - started);
  });
  const feedsPerSecond = of.feeds / ((performance.now() - begun) / 1000);
  const used = process.cpuUsage(cpu);
  const queryMs: number[] = [];
  const asked = performance.now();
  await abreast(of.abreast, of.queries, async (n) => {
    const { from, patient } = feedAt(first + of.feeds + n * 10 + 4);
    const { identifier: _number, ...demographics } = patient;
    const started = performance.now();
    await door.matchPatients(from, demographics).catch(() => {
      errors += 1;
    });
    queryMs.push(performance.now() - started);
  });
  const queriesPerSecond = of.queries / ((performance.now() - asked) / 1000);
  return {
    feedsPerSecond,
    feedMs: feedMs.sort((a, b) => a - b),
    queriesPerSecond,
    queryMs: queryMs.sort((a, b) => a - b),
    ...(await linksOf(first, of.feeds)),
    candidates: await meanCandidates(),
    cpuMs: (used.user + used.system) / 1000 / of.feeds,
    rssBytes: process.memoryUsage.rss(),
    errors,
  };
}

/** How many second records stand with the person whom they are of, and how many with somebody else. */
async function linksOf(first: number, feeds: number): Promise<{ found: number; wrong: number }> {
  let [second, found, wrong] = [0, 0, 0];
  const [home, other] = hospitals;
  for (let n = first; n < first + feeds; n += 1) {
    const { of } = feedAt(n);
    if (of === undefined) continue;
    second += 1;
    const value = people.personAt(of).identifier![0]!.value!;
    const keys = [home!, other!].map(({ system }) => ({ system, value }));
    const records = await store.indexRecordsByNumber(keys);
    const [one, two] = keys.map(({ system }) => records.get(`${system}|${value}`));
    if (one !== undefined && one.personId === two?.personId) found += 1;
    else if (two !== undefined && two.personId !== two.ownId) wrong += 1;
  }
  return { found: second === 0 ? 1 : found / second, wrong };
}

async function meanCandidates(): Promise<number> {
  let sum = 0;
  for (let n = 0; n < SAMPLE; n += 1) {
    const keys = blockingKeys(featuresOf(people.secondRecordOf(Math.floor((filled * n) / SAMPLE))));
    sum += (await store.indexCandidates(keys, LOOK)).records.length;
  }
  return sum / SAMPLE;
}

/** Does `count` things, so many at a time, in order. */
async function abreast(width: number, count: number, work: (n: number) => Promise<void>): Promise<void> {
  let next = 0;
  await Promise.all(
    Array.from({ length: Math.min(width, count) }, async () => {
      for (let n = next++; n < count; n = next++) await work(n);
    }),
  );
}
