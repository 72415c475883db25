/**
 * Brings a parsed message of one EMR to what the standard would have sent, by the rules of its vendor profile. Only the map
 * sees the result: the bytes received are kept as they came.
 */
import type { Message } from '../../schemas/hl7v2/message.ts';
import type { VendorProfile } from '../../schemas/vendors/profile.ts';
import { codeStep, zSegmentStep } from './normalize-codes.ts';
import { NormalizeDraft, type Place, placeOf, splitAt } from './normalize-draft.ts';
import { identifierSteps } from './normalize-identifiers.ts';
import { compareVersions, type Step, stepFor } from './normalize-rules.ts';
import type { Scan } from './scan.ts';

/** A profile made ready: done once for each profile. */
export interface CompiledProfile {
  steps: Step[];
  identity: Place[];
  /** Names of the segments that the identity looks at, beyond MSH. */
  identitySegments: ReadonlySet<string>;
}

/** The message for the map, and what was done to it: names of rules and places, never content. */
export interface NormalizedMessage {
  message: Message;
  notes: string[];
}

const compiled = new WeakMap<VendorProfile, CompiledProfile>();

/** Makes a profile's rules into steps; the second time gives the same. */
export function compileProfile(profile: VendorProfile): CompiledProfile {
  const known = compiled.get(profile);
  if (known) return known;
  const steps: Step[] = [];
  if (Object.keys(profile.defaultEvents).length > 0) steps.push(eventStep(profile.defaultEvents));
  for (const rule of profile.rules) steps.push(stepFor(rule));
  steps.push(...identifierSteps(profile.identifiers));
  for (const table of profile.codes) steps.push(codeStep(table));
  if (profile.zSegments.length > 0) steps.push(zSegmentStep(profile.zSegments));
  const identity = profile.identity.fields.map(placeOf);
  const result = {
    steps,
    identity,
    identitySegments: new Set(identity.map((place) => place.segment).filter((name) => name !== 'MSH')),
  };
  compiled.set(profile, result);
  return result;
}

/**
 * The message as the map should read it. Never throws; the message given is not changed, and comes back itself where no rule
 * applied. Segments keep `index` and `offset` of the segment received that they are or were made from.
 */
export function normalizeMessage(message: Message, profile: VendorProfile): NormalizedMessage {
  const { steps } = compileProfile(profile);
  if (steps.length === 0) return { message, notes: [] };
  const draft = new NormalizeDraft(message);
  for (const step of steps) step(draft);
  return { message: draft.message(), notes: draft.notes };
}

/**
 * The text that names one message of its source: the profile's identity fields, joined by `|` (raw text; the first segment of each name). From
 * whatever reads fields: `fieldAt('MSH', 10)` is the raw text of a field of the first such segment, '' where there is
 * none. For accept, which does not parse.
 */
export function identityOfFields(
  fieldAt: (segment: string, field: number) => string,
  delimiters: { component: string; repetition: string; subcomponent: string },
  profile: VendorProfile,
): string {
  return compileProfile(profile)
    .identity.map((place) => {
      const raw = fieldAt(place.segment, place.field);
      return place.component === 0 ? raw.trim() : componentAt(raw, place, delimiters);
    })
    .join('|');
}

/**
 * The same from accept's scan. The scan has MSH and the patient's numbers; where a profile's identity looks further (ORC, RXE), the
 * `bytes` give the rest, or, without them, the order numbers that the scan met.
 */
export function identityOfScan(scan: Scan, profile: VendorProfile, bytes?: Buffer): string {
  const { identitySegments } = compileProfile(profile);
  const read = new Map<string, string[]>([['MSH', scan.fields]]);
  let further = false;
  for (const name of identitySegments) if (name !== 'PID' && name !== 'MRG') further = true;
  if (further && bytes) readSegments(bytes.toString('latin1'), scan.delimiters.field, identitySegments, read);
  const known = new Map([
    ['PID-3', scan.pid3[0] ?? ''],
    ['PID-5', scan.pid5[0] ?? ''],
    ['PID-18', scan.pid18[0] ?? ''],
    ['MRG-1', scan.mrg1[0] ?? ''],
  ]);
  const fieldAt = (name: string, field: number): string =>
    read.get(name)?.[field] ?? known.get(`${name}-${field}`) ?? '';
  const text = identityOfFields(fieldAt, scan.delimiters, profile);
  return further && !bytes ? `${text}|${scan.accessions.join(scan.delimiters.repetition)}` : text;
}

/** Fields of the first segment of each name wanted. */
function readSegments(text: string, separator: string, wanted: ReadonlySet<string>, read: Map<string, string[]>): void {
  let at = 0;
  while (at < text.length && read.size <= wanted.size) {
    let end = at;
    while (end < text.length && text.charCodeAt(end) !== 13 && text.charCodeAt(end) !== 10) end += 1;
    const name = text.slice(at, at + 3);
    if (wanted.has(name) && !read.has(name) && text.charAt(at + 3) === separator)
      read.set(name, text.slice(at, end).split(separator));
    at = end + 1;
  }
}

function componentAt(
  raw: string,
  place: Place,
  d: { component: string; repetition: string; subcomponent: string },
): string {
  const component = splitAt(splitAt(raw, d.repetition)[0]!, d.component)[place.component - 1] ?? '';
  return (
    place.subcomponent === 0 ? component : (splitAt(component, d.subcomponent)[place.subcomponent - 1] ?? '')
  ).trim();
}

function eventStep(events: VendorProfile['defaultEvents']): Step {
  return (draft) => {
    if (draft.trigger !== '') return;
    const rows = Object.hasOwn(events, draft.code) ? events[draft.code] : undefined;
    const row = rows?.find(
      (one) => one.versionBefore === undefined || compareVersions(draft.source.version, one.versionBefore) < 0,
    );
    if (!row) return;
    draft.set(0, { segment: 'MSH', field: 9, component: 2, subcomponent: 0 }, row.event);
    draft.trigger = row.event;
    draft.note(`event ${row.event} for ${draft.code} without one`);
  };
}
