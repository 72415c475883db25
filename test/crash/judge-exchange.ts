/** Opens the stores of four nodes that were stopped and tells what does not hold. */
import { join } from 'node:path';
import type { DocumentReference } from '@medplum/fhirtypes';
import type { DemoNode } from '../../adapters/cli/demo-exchange.ts';
import { type OpenedStore, openStore } from '../../engine/store/index.ts';
import { openKeyFile, openSeal } from '../../pki/index.ts';
import type { Fault } from '../../schemas/errors/index.ts';
import type { Entry, Person } from '../../schemas/parts.ts';
import type { People } from './four-nodes.ts';

export interface ExchangeVerdict {
  /** What is wrong, a line each; at most a hundred. */
  faults: string[];
  counts: { persons: number; groups: number; documents: number; registered: number; parked: number; numbers: number };
}

interface Opened {
  name: string;
  store: OpenedStore;
  persons: Person[];
}

const FAULTS_MAX = 100;

/** `people`: every number that was acknowledged, and who it is. */
export async function judgeExchange(plan: DemoNode[], people: People): Promise<ExchangeVerdict> {
  const opened = new Map<string, Opened>();
  for (const node of plan) opened.set(node.plan.name, await openOne(node));
  const faults: string[] = [];
  const tell = (line: string): void => {
    if (faults.length < FAULTS_MAX) faults.push(line);
  };
  try {
    const mix = `urn:oid:${plan[0]!.settings.exchange!.oid}.1`;
    const exchange: Exchange = { opened, people, mix, tell };
    const counts = await judgeAll(exchange);
    return { faults, counts };
  } finally {
    for (const { store } of opened.values()) await store.close();
  }
}

interface Exchange {
  opened: Map<string, Opened>;
  people: People;
  mix: string;
  tell(line: string): void;
}

async function openOne({ plan, settings }: DemoNode): Promise<Opened> {
  const store = await openStore({
    file: join(settings.node.dataDir, 'store.sqlite'),
    seal: openSeal({ kek: openKeyFile(settings.keys.kekFile) }),
    clock: { now: Date.now },
  });
  const persons: Person[] = [];
  let cursor: string | undefined;
  do {
    const page = await store.persons({ limit: 500, ...(cursor === undefined ? {} : { cursor }) });
    persons.push(...page.rows.filter((person) => person.state === 'active'));
    cursor = page.next;
  } while (cursor !== undefined);
  return { name: plan.name, store, persons };
}

async function judgeAll(exchange: Exchange): Promise<ExchangeVerdict['counts']> {
  const { opened, people, tell } = exchange;
  const [region, global] = [opened.get('region')!, opened.get('global')!];
  const whos = new Set([...people.values()].map(({ who }) => who));
  if (region.persons.length !== whos.size) tell(`region: ${region.persons.length} groups for ${whos.size} persons`);
  if (global.persons.length !== whos.size) tell(`global: ${global.persons.length} persons for ${whos.size}`);
  const numbers = judgeNumbers(exchange, region, global);
  let documents = 0;
  for (const name of ['hospital-a', 'hospital-b'])
    documents += await judgeHospital(exchange, opened.get(name)!, numbers);
  const registered = await judgeRegistry(exchange, region);
  const parked = await judgeParked(exchange);
  return { persons: whos.size, groups: region.persons.length, documents, registered, parked, numbers: numbers.size };
}

const numberOf = (person: Person, system: string): string[] =>
  person.identifiers.filter((one) => one.system === system).map((one) => one.value);

/** Who has which MIX number, by the region's groups: one each, the global node's own, and nobody else's. */
function judgeNumbers({ people, mix, tell }: Exchange, region: Opened, global: Opened): Map<string, string> {
  const byWho = new Map<string, string>();
  const given = new Set(global.persons.flatMap((person) => numberOf(person, mix)));
  const taken = new Map<string, string>();
  for (const group of region.persons) {
    const whos = new Set(group.identifiers.map((one) => people.get(one.value)?.who).filter((who) => who !== undefined));
    const own = numberOf(group, mix);
    if (whos.size !== 1) tell(`region: a group of ${whos.size} persons (${[...whos].join(' ')})`);
    if (own.length !== 1) tell(`region: ${own.length} MIX numbers for ${[...whos].join(' ')}`);
    const [number = ''] = own;
    if (!given.has(number)) tell(`region: a MIX number that the global node does not have (${[...whos].join(' ')})`);
    if (taken.has(number)) tell(`region: one MIX number for ${taken.get(number)} and ${[...whos].join(' ')}`);
    taken.set(number, [...whos].join(' '));
    for (const who of whos) byWho.set(who, number);
  }
  return byWho;
}

async function judgeHospital(
  { people, mix, tell }: Exchange,
  { name, store, persons }: Opened,
  numbers: Map<string, string>,
): Promise<number> {
  let documents = 0;
  const seen = new Set<string>();
  for (const person of persons) {
    const locals = person.identifiers.map((one) => one.value).filter((value) => people.get(value)?.node === name);
    for (const local of locals) seen.add(local);
    const who = locals[0] === undefined ? undefined : people.get(locals[0])!.who;
    if (who === undefined) continue;
    const own = numberOf(person, mix);
    if (own.length !== 1 || own[0] !== numbers.get(who)) tell(`${name}: ${who} has not the MIX number of the region`);
    const current = (await store.documents(person.id)).filter((one) => one.state === 'current');
    if (current.length !== 1) tell(`${name}: ${current.length} current documents of ${who}`);
    documents += current.length;
  }
  for (const [mrn, one] of people) if (one.node === name && !seen.has(mrn)) tell(`${name}: ${mrn} is lost`);
  return documents;
}

/** Each hospital's current document stands in the registry once, as current, with the person that it is of. */
async function judgeRegistry({ opened, people, tell }: Exchange, region: Opened): Promise<number> {
  let registered = 0;
  for (const group of region.persons) {
    const entries = (await region.store.entries(group.id)).filter(({ type }) => type === 'DocumentReference');
    const who = group.identifiers.map((one) => people.get(one.value)?.who).find((one) => one !== undefined) ?? '?';
    registered += entries.length;
    const masters = entries.map((entry) => masterOf(entry));
    if (new Set(masters).size !== masters.length) tell(`region: a document of ${who} stands twice`);
    const current = new Set(entries.filter((entry) => entry.status === 'current').map(masterOf));
    let wanted = 0;
    for (const name of ['hospital-a', 'hospital-b']) {
      const hospital = opened.get(name)!;
      for (const person of hospital.persons) {
        if (!person.identifiers.some((one) => people.get(one.value)?.who === who)) continue;
        for (const document of await hospital.store.documents(person.id)) {
          if (document.state !== 'current') continue;
          wanted += 1;
          if (!current.has(`urn:uuid:${document.id}`))
            tell(`region: ${name}'s newest document of ${who} is not current`);
        }
      }
    }
    if (current.size !== wanted)
      tell(`region: ${current.size} current documents of ${who}, and ${wanted} at the hospitals`);
    // And each that is current here is current where it was made.
    for (const entry of entries) {
      if (entry.status !== 'current') continue;
      const document = await opened.get(entry.sourceId)?.store.document(masterOf(entry).slice('urn:uuid:'.length));
      if (document?.state !== 'current')
        tell(`region: a document of ${who} is current that its hospital has not, or replaced`);
    }
  }
  return registered;
}

const masterOf = (entry: Entry): string => (entry.body as DocumentReference).masterIdentifier?.value ?? '';

const why = (fault: Fault | undefined): string =>
  fault === undefined ? 'nothing' : `${fault.code} ${fault.place ?? ''} ${fault.detail ?? ''}`;

async function judgeParked({ opened, tell }: Exchange): Promise<number> {
  let parked = 0;
  for (const { name, store } of opened.values()) {
    const jobs = await store.jobs({ state: 'parked', limit: 500 });
    const deliveries = await store.deliveries({ state: 'parked', limit: 500 });
    parked += jobs.count + deliveries.count;
    for (const job of jobs.rows) tell(`${name}: a ${job.kind} job is parked for ${why(job.lastFault)}`);
    for (const one of deliveries.rows) tell(`${name}: a ${one.kind} to ${one.outlet} is parked for ${why(one.fault)}`);
  }
  return parked;
}
