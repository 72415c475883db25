/**
 * Demographics, element by element: the newer source time wins, an older message never overwrites, and a message that only
 * identifies (ORU) fills gaps but never replaces what a snapshot (ADT) said.
 */
import type { Extension, Patient } from '@medplum/fhirtypes';
import type { SearchTerm } from '../../schemas/parts.ts';
import type { DraftSubject } from './draft.ts';
import { same } from './tree.ts';

/** Where the patient keeps when each element was said: `base;element=time;...`, negative times for mere identification. */
export const timesUrl = 'http://mix-hie.org/fhir/StructureDefinition/element-times';

/** Choice elements are one fact, and so are a date and what hangs on it. */
function groupOf(element: string): string {
  if (element.startsWith('deceased')) return 'deceased';
  if (element.startsWith('multipleBirth')) return 'multipleBirth';
  return element.startsWith('_') ? element.slice(1) : element;
}

const apart = new Set(['resourceType', 'id', 'meta', 'identifier', 'extension']);

/** The facts of a patient by their names: elements by group, extensions by URL. */
function factsOf(patient: Patient): Map<string, Record<string, unknown> | Extension[]> {
  const facts = new Map<string, Record<string, unknown> | Extension[]>();
  for (const [element, value] of Object.entries(patient)) {
    if (apart.has(element) || value === undefined) continue;
    const group = groupOf(element);
    const fact = facts.get(group) as Record<string, unknown> | undefined;
    if (fact) fact[element] = value;
    else facts.set(group, { [element]: value });
  }
  for (const extension of patient.extension ?? []) {
    const list = facts.get(`+${extension.url}`) as Extension[] | undefined;
    if (list) list.push(extension);
    else facts.set(`+${extension.url}`, [extension]);
  }
  return facts;
}

function readTimes(patient: Patient): { base: number; own: Map<string, number> } {
  const text = patient.meta?.extension?.find((one) => one.url === timesUrl)?.valueString ?? '';
  const [base = '0', ...rest] = text.split(';');
  const own = new Map<string, number>();
  for (const part of rest) {
    const at = part.lastIndexOf('=');
    own.set(part.slice(0, at), Number(part.slice(at + 1)));
  }
  return { base: Number(base), own };
}

function writeTimes(times: Map<string, number>, facts: ReadonlyMap<string, unknown>): string {
  const counts = new Map<number, number>();
  let base = 0;
  for (const time of times.values()) {
    const count = (counts.get(time) ?? 0) + 1;
    counts.set(time, count);
    if (count > (counts.get(base) ?? 0)) base = time;
  }
  return [
    String(base),
    ...[...times].filter(([name, time]) => time !== base || !facts.has(name)).map(([name, time]) => `${name}=${time}`),
  ].join(';');
}

/** Does a fact said at `time` give way to one said at `next`? Negative is identification only. */
function givesWay(time: number | undefined, next: number): boolean {
  if (time === undefined) return true;
  if (next < 0) return time < 0 && -next >= -time;
  return time < 0 || next >= time;
}

/** The patient after this message; the same object when nothing changed. */
export function mergePatient(
  known: Patient | undefined,
  subject: DraftSubject,
  id: string,
  sourceTime: number,
): Patient {
  const current: Patient = known ?? { resourceType: 'Patient', id };
  const { base, own } = readTimes(current);
  const facts = factsOf(current);
  const times = new Map<string, number>();
  for (const name of facts.keys()) times.set(name, own.get(name) ?? base);
  for (const [name, time] of own) times.set(name, time);
  const next = subject.demographics === 'snapshot' ? Math.max(1, sourceTime) : -Math.max(1, sourceTime);
  const given = factsOf(subject.patient);
  for (const [name, fact] of given) {
    if (!givesWay(times.get(name), next)) continue;
    facts.set(name, fact);
    times.set(name, next);
  }
  if (next > 0)
    for (const element of subject.nulls) {
      const name = groupOf(element);
      if (given.has(name) || !givesWay(times.get(name), next)) continue;
      facts.delete(name);
      times.set(name, next);
    }
  const patient = assemble(current, facts, unionIdentifiers(current, subject.patient));
  if (known && same({ ...patient, meta: undefined }, { ...known, meta: undefined })) return known;
  patient.meta = { ...current.meta, extension: [{ url: timesUrl, valueString: writeTimes(times, facts) }] };
  return patient;
}

function assemble(
  current: Patient,
  facts: Map<string, Record<string, unknown> | Extension[]>,
  identifier: Patient['identifier'],
): Patient {
  const patient: Patient = { resourceType: 'Patient' };
  if (current.id !== undefined) patient.id = current.id;
  if (identifier) patient.identifier = identifier;
  const extension: Extension[] = [];
  for (const fact of facts.values()) {
    if (Array.isArray(fact)) extension.push(...fact);
    else Object.assign(patient, fact);
  }
  if (extension.length > 0) patient.extension = extension;
  return patient;
}

function unionIdentifiers(known: Patient, given: Patient): Patient['identifier'] {
  const list = [...(known.identifier ?? [])];
  for (const one of given.identifier ?? []) {
    const at = list.findIndex(
      (other) =>
        other.system === one.system &&
        other.value === one.value &&
        other.type?.coding?.[0]?.code === one.type?.coding?.[0]?.code,
    );
    if (at < 0) list.push(one);
  }
  return list.length > 0 ? list : undefined;
}

const termsMax = 200;

/** What a search for this person should find: names, numbers, day of birth. */
export function personTerms(patient: Patient): SearchTerm[] {
  const terms = new Map<string, SearchTerm>();
  const add = (field: SearchTerm['field'], text: string | undefined): void => {
    if (text && terms.size < termsMax) terms.set(`${field}|${text}`, { field, text });
  };
  for (const name of patient.name ?? []) {
    add('name', name.family);
    for (const given of name.given ?? []) add('name', given);
  }
  for (const identifier of patient.identifier ?? []) add('number', identifier.value);
  add('birth', patient.birthDate);
  return [...terms.values()];
}
