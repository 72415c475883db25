/**
 * What a message of the patient identity feed says (ITI-8: A01 A04 A05 A08 A40; ITI-30: A24 A28 A31 A37 A40 A47): the pure half. Bytes in, acts on the
 * index or faults out; no store, no clock.
 */
import type { Extension, Patient } from '@medplum/fhirtypes';
import type { Fault } from '../schemas/errors/index.ts';
import type { Message } from '../schemas/hl7v2/message.ts';
import type { Identifier } from '../schemas/parts.ts';
import type { VendorProfile } from '../schemas/vendors/profile.ts';
import { authorityText } from './authorities.ts';
import {
  checkMessage,
  componentOf,
  decodeMessage,
  keepVisit,
  normalizeMessage,
  parseMessage,
  placeOf,
  repairText,
  repetitionsOf,
  segmentOf,
  subcomponentOf,
  textOf,
  toRecord,
} from './hl7v2/index.ts';
import { demographicsOf, fhirIdentifier, type PatientNumber, visitUrl } from './ihe/index.ts';
import { type DraftSubject, isStrong } from './record/index.ts';
import { isWarning, type SourceSetup, type Understood } from './understand.ts';

/** One thing that a feed asks of the index. Places are those of the message. */
export type FeedAct =
  | { do: 'feed'; number: PatientNumber; patient: Patient }
  | { do: 'merge'; old: PatientNumber; into: PatientNumber; places: [old: string, into: string] }
  | { do: 'renumber'; old: PatientNumber; now: Identifier; places: [old: string, now: string] }
  | { do: 'link' | 'unlink'; one: PatientNumber; other: PatientNumber };

export interface UnderstoodFeed extends Understood {
  acts: FeedAct[];
}

/** Whose numbers a source may feed, and the names that its messages may give to authorities. */
export interface FeedDomains {
  /** URIs. */
  systems: ReadonlySet<string>;
  /** Namespace -> OID. */
  names: Readonly<Record<string, string>>;
}

/** Events with one patient whose facts are taken whole. */
const snapshots = new Set(['A01', 'A04', 'A05', 'A08', 'A28', 'A31']);
/** How the map is to read the others: who is in A47 as in a merge, who is in A24 and A37 as in an update. */
const readAs: Record<string, string> = { A40: 'A40', A47: 'A40', A24: 'A31', A37: 'A31', A05: 'A04' };

/** Is it an event of the patient identity feed? */
export const isFeedEvent = (event: string): boolean => snapshots.has(event) || Object.hasOwn(readAs, event);

/** Reads one message of the feed; never throws for what the bytes say. */
export function understandFeed(
  received: { bytes: Buffer; receivedAt: number },
  setup: SourceSetup,
  profile: VendorProfile,
  domains: FeedDomains,
): UnderstoodFeed {
  const decoded = decodeMessage(received.bytes, setup.charset);
  const repaired = repairText(decoded.text, profile);
  const parsed = parseMessage(repaired.text);
  const read: UnderstoodFeed = {
    faults: [...decoded.faults, ...parsed.faults],
    notes: repaired.repairs,
    terms: [],
    acts: [],
  };
  if (parsed.message === undefined) return read;
  const { message, notes } = normalizeMessage(parsed.message, profile);
  read.message = message;
  read.notes = [...repaired.repairs, ...notes];
  const event = message.trigger.toUpperCase();
  if (message.code.toUpperCase() !== 'ADT') read.faults.push({ code: 'pix.type', place: 'MSH-9.1' });
  else if (!isFeedEvent(event)) read.faults.push({ code: 'pix.event', place: 'MSH-9.2' });
  if (read.faults.some((fault) => !isWarning(fault))) return read;
  read.faults.push(...checkMessage(message));
  const named = withNames(profile, domains.names);
  const asRead = { ...message, trigger: readAs[event] ?? event };
  const draft = toRecord(asRead, named, { source: setup.source, receivedAt: received.receivedAt, zone: setup.zone });
  read.faults.push(...draft.faults);
  read.terms = draft.terms;
  for (const [at, subject] of draft.subjects.entries())
    read.faults.push(...unknownDomains(message, subject.identifiers, domains, { name: 'PID', nth: at + 1, field: 3 }));
  // MRG-4 holds a number of older versions, of a domain of its own: only MRG-1 is merged (ITI TF-2 3.8.4.2.2, 3.30.4.4.3).
  const merges = draft.merges.map(({ survivor, retired }) => ({
    survivor,
    retired: retired.filter(({ value }) => isIn(message, value, MRG)),
  }));
  for (const { retired } of merges) read.faults.push(...unknownDomains(message, retired, domains, MRG));
  if (read.faults.some((fault) => !isWarning(fault))) return read;
  const facts = { message, event, sourceTime: draft.sourceTime, systems: domains.systems };
  addActs(read, facts, draft.subjects, merges);
  return read;
}

function withNames(profile: VendorProfile, names: FeedDomains['names']): VendorProfile {
  const { identifiers } = profile;
  return { ...profile, identifiers: { ...identifiers, authorities: { ...names, ...identifiers.authorities } } };
}

interface Where {
  name: 'PID' | 'MRG';
  nth: number;
  field: number;
}

const MRG: Where = { name: 'MRG', nth: 1, field: 1 };

/** A fault at each number of a kind that names one person whose authority the source may not feed. */
function unknownDomains(message: Message, numbers: readonly Identifier[], domains: FeedDomains, where: Where): Fault[] {
  return numbers
    .filter((one) => isStrong(one) && !domains.systems.has(one.system))
    .map((one) => {
      const { place, detail } = placeOfNumber(message, one.value, where);
      return { code: 'pix.unknown-domain' as const, place: `${place}.4`, detail };
    });
}

/** The repetitions of a field, and which of them is this number; -1 for none. */
function findNumber(message: Message, value: string, where: Where): { all: string[]; at: number } {
  const { delimiters } = message;
  const all = repetitionsOf(segmentOf(message, where.name, where.nth)?.fields[where.field] ?? '', delimiters);
  return {
    all,
    at: all.findIndex((raw) => textOf(componentOf(raw, 1, delimiters), delimiters)?.trim() === value),
  };
}

const isIn = (message: Message, value: string, where: Where): boolean => findNumber(message, value, where).at >= 0;

/** `PID-3[2]`, and the authority as it was sent. */
function placeOfNumber(message: Message, value: string, where: Where): { place: string; detail: string } {
  const { delimiters } = message;
  const segment = segmentOf(message, where.name, where.nth);
  const name = segment === undefined ? where.name : placeOf(message, segment);
  const { all, at } = findNumber(message, value, where);
  const authority = componentOf(all[at] ?? '', 4, delimiters);
  const part = (n: number): string => textOf(subcomponentOf(authority, n, delimiters), delimiters)?.trim() ?? '';
  return {
    place: `${name}-${where.field}[${Math.max(at, 0) + 1}]`,
    detail: part(1) === '' && part(2) === '' ? 'none is named' : authorityText({ namespace: part(1), oid: part(2) }),
  };
}

interface Facts {
  message: Message;
  event: string;
  sourceTime: number;
  systems: ReadonlySet<string>;
}

function addActs(
  read: UnderstoodFeed,
  facts: Facts,
  subjects: readonly DraftSubject[],
  merges: readonly { survivor: Identifier[]; retired: Identifier[] }[],
): void {
  const { event } = facts;
  if (snapshots.has(event)) {
    for (const [at, subject] of subjects.entries()) {
      const [number] = subject.identifiers.filter(isStrong);
      if (number !== undefined) read.acts.push({ do: 'feed', number, patient: patientOf(facts, subject, at) });
    }
    return;
  }
  if (event === 'A24' || event === 'A37') {
    const [one, other] = subjects.map(({ identifiers }) => identifiers.find(isStrong));
    if (one === undefined || other === undefined) read.faults.push({ code: 'pix.no-number', place: 'PID[2]-3' });
    else read.acts.push({ do: event === 'A24' ? 'link' : 'unlink', one, other });
    return;
  }
  for (const { survivor, retired } of merges) {
    const standing = survivor.filter(isStrong);
    for (const old of retired.filter(isStrong)) {
      const into = standing.find(({ system }) => system === old.system) ?? standing[0];
      if (into === undefined) continue;
      if (into.system === old.system && into.value === old.value) continue;
      const places: [string, string] = [
        `${placeOfNumber(facts.message, old.value, MRG).place}.1`,
        `${placeOfNumber(facts.message, into.value, { name: 'PID', nth: 1, field: 3 }).place}.1`,
      ];
      read.acts.push(event === 'A47' ? { do: 'renumber', old, now: into, places } : { do: 'merge', old, into, places });
    }
  }
  if (read.acts.length === 0) read.faults.push({ code: 'pix.no-number', place: 'MRG-1' });
}

const visitMax = 4_000;

/** What is fed of a patient: demographics, the numbers of the source's own authorities and of the state, and the visit that came with it. */
function patientOf(facts: Facts, subject: DraftSubject, at: number): Patient {
  const patient = demographicsOf(subject.patient);
  const own = subject.identifiers.filter((one) => isStrong(one) && facts.systems.has(one.system));
  patient.identifier = own.map(fhirIdentifier);
  for (const one of subject.patient.identifier ?? []) {
    const isOwn = patient.identifier.some(({ system, value }) => system === one.system && value === one.value);
    if (!isOwn && one.system && one.value) patient.identifier.push(plainIdentifier(one));
  }
  patient.active = true;
  patient.meta = { lastUpdated: new Date(facts.sourceTime).toISOString() };
  const visit = at === 0 ? visitExtension(facts.message) : undefined;
  if (visit !== undefined) patient.extension = [...(patient.extension ?? []), visit];
  return patient;
}

type FhirIdentifier = NonNullable<Patient['identifier']>[number];

function plainIdentifier({ system, value, type, use }: FhirIdentifier): FhirIdentifier {
  const one: FhirIdentifier = { system: system!, value: value! };
  if (type !== undefined) one.type = type;
  if (use !== undefined) one.use = use;
  return one;
}

/** PV1 of a message that tells of a visit. */
function visitExtension(message: Message): Extension | undefined {
  const pv1 = segmentOf(message, 'PV1');
  if (pv1 === undefined || pv1.fields[2] === 'N') return undefined;
  const valueString = keepVisit(pv1.fields, message.delimiters);
  return valueString.length > visitMax ? undefined : { url: visitUrl, valueString };
}
