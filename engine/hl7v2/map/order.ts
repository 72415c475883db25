/** ORC, OBR, TQ1, SPM -> ServiceRequest, DiagnosticReport, Specimen (chapters 4 and 7; HL7 v2-to-FHIR, ORC and OBR). */
import type {
  CodeableConcept,
  DiagnosticReport,
  Dosage,
  Extension,
  Identifier,
  Reference,
  ServiceRequest,
  Specimen,
  Timing,
} from '@medplum/fhirtypes';
import { tableCode } from '../../../schemas/codes.ts';
import {
  conceptIn,
  conceptsOf,
  dateTimeOf,
  hang,
  instantOf,
  noteOf,
  numberOf,
  periodFrom,
  quantityOf,
  some,
  timeOf,
  toPatient,
} from './build.ts';
import { conceptOfCwe, entityKey, entityOf, identifierOf, practitionerOf } from './datatypes.ts';
import {
  attach,
  componentsOf,
  firstSub,
  keptAs,
  literal,
  type MapContext,
  type SegmentReader,
  split,
  textOf,
} from './reader.ts';
import { readClock, readTime } from './times.ts';

/** What ORC says of an order, whatever kind it turns out to be. */
export interface Order {
  control: string;
  status?: string;
  identifier: Identifier[];
  requisition?: Identifier;
  authoredOn?: string;
  requester?: Reference;
  /** ORC-12 as sent, to know that OBR-16 only repeats it. */
  requesterText?: string;
  timing?: Timing;
  priority?: string;
  reason?: CodeableConcept[];
  kept: Extension[];
  placer: string;
  filler: string;
}

export function emptyOrder(): Order {
  return { control: '', identifier: [], kept: [], placer: '', filler: '' };
}

/** ORC -> what is common to all orders. */
export function mapOrc(s: SegmentReader): Order {
  const m = s.m;
  const order: Order = {
    ...emptyOrder(),
    control: s.code(1),
    placer: entityKey(m, s.first(2)),
    filler: entityKey(m, s.first(3)),
  };
  const status = s.code(5);
  const mapped = tableCode('orderStatus', status) ?? tableCode('orderControl', order.control);
  if (mapped) order.status = mapped;
  if (order.control !== '') s.keepText(1, order.control);
  if (status !== '') s.keepText(5, status);
  addNumber(order, m, s.first(2), 'PLAC');
  addNumber(order, m, s.first(3), 'FILL');
  const group = s.has(4) ? entityOf(m, split(s.first(4), m.delimiters.repetition)[0]!, 'PGN') : undefined;
  if (group) order.requisition = group;
  if (textOf(m, s.raw(4)) !== textOf(m, `${group?.value ?? ''}`)) s.keep(4);
  const time = dateTimeOf(s, 9);
  if (time !== undefined) order.authoredOn = time;
  const requesters = s.repetitions(12).map((part) => practitionerOf(m, part));
  if (requesters[0]) order.requester = requesters[0];
  order.requesterText = s.raw(12);
  if (requesters.length > 1)
    s.keepText(
      12,
      s
        .repetitions(12)
        .slice(1)
        .map((part) => textOf(m, part))
        .join('; '),
    );
  if (s.has(7)) mapTiming(m, s.raw(7), order, 'ORC-7');
  const effective = dateTimeOf(s, 15);
  if (effective !== undefined) s.keepText(15, effective);
  const reason = conceptsOf(s, 16);
  if (reason) order.reason = reason;
  s.keepRest(6, 38);
  order.kept.push(...s.kept);
  return order;
}

function addNumber(order: Order, m: MapContext, raw: string, type: string): void {
  const identifier = raw === '' ? undefined : entityOf(m, raw, type);
  if (
    identifier &&
    !order.identifier.some(
      (one) =>
        one.value === identifier.value && one.system === identifier.system && one.type?.coding?.[0]?.code === type,
    )
  )
    order.identifier.push(identifier);
}

const repeatCodes: Record<string, string> = {
  BID: 'BID',
  TID: 'TID',
  QID: 'QID',
  QAM: 'AM',
  QPM: 'PM',
  QD: 'QD',
  QOD: 'QOD',
  Q1H: 'Q1H',
  Q2H: 'Q2H',
  Q3H: 'Q3H',
  Q4H: 'Q4H',
  Q6H: 'Q6H',
  Q8H: 'Q8H',
  QHS: 'BED',
  QWK: 'WK',
  QMO: 'MO',
};
const abbreviation = 'http://terminology.hl7.org/CodeSystem/v3-GTSAbbreviation';

/** A repeat pattern code (table 0335) as a timing code. */
export function repeatCode(text: string): CodeableConcept {
  const known = repeatCodes[text.toUpperCase()];
  return known ? { coding: [{ system: abbreviation, code: known }], text } : { text };
}

/** TQ in one field (OBR-27, ORC-7, RXE-1): quantity, interval, duration, start, end, priority, condition, text (chapter 2A.81). */
export function mapTiming(m: MapContext, raw: string, order: Order, place: string): void {
  const parts = componentsOf(m, split(raw, m.delimiters.repetition)[0]!);
  const part = (n: number): string => (parts[n - 1] === undefined ? '' : textOf(m, parts[n - 1]!));
  const timing: Timing = { ...order.timing };
  const interval = split(parts[1] ?? '', m.delimiters.subcomponent);
  const pattern = textOf(m, interval[0] ?? '');
  if (pattern !== '') timing.code = repeatCode(pattern);
  const start = readTime(part(4), m.zone)?.dateTime;
  const end = readTime(part(5), m.zone)?.dateTime;
  if (start ?? end)
    timing.repeat = { ...timing.repeat, boundsPeriod: { ...(start ? { start } : {}), ...(end ? { end } : {}) } };
  const occurrences = numberOf(part(12));
  if (occurrences !== undefined && occurrences > 0)
    timing.repeat = { ...timing.repeat, count: Math.floor(occurrences) };
  if (Object.keys(timing).length > 0) order.timing = timing;
  const priority = tableCode('priority', part(6));
  if (priority) order.priority = priority;
  const carried = new Set([start ? 4 : 0, end ? 5 : 0, priority ? 6 : 0, occurrences ? 12 : 0]);
  for (let n = 1; n <= parts.length; n++)
    if (part(n) !== '' && !carried.has(n) && !(n === 2 && interval.length === 1))
      order.kept.push(keptAs(`${place}.${n}`, part(n)));
  const more = split(raw, m.delimiters.repetition)
    .slice(1)
    .map((one) => textOf(m, one))
    .filter((one) => one !== '');
  if (more.length > 0) order.kept.push(keptAs(place, more.join('; ')));
}

/** TQ1 -> timing, priority and what FHIR has no element for (chapter 4.5.4). */
export function mapTq1(s: SegmentReader, order: Order): void {
  s.touch(1);
  const timing: Timing = { ...order.timing };
  const patterns = s.repetitions(3);
  const pattern = patterns.length === 0 ? '' : firstSub(s.m, componentsOf(s.m, patterns[0]!)[0]);
  if (pattern !== '') timing.code = repeatCode(pattern);
  if (patterns.some((one) => textOf(s.m, one) !== pattern))
    s.keepText(3, patterns.map((one) => textOf(s.m, one)).join('; '));
  const clocks = s.repetitions(4).map((part) => readClock(textOf(s.m, part)));
  if (clocks.length > 0 && clocks.every((clock) => clock !== undefined))
    timing.repeat = { ...timing.repeat, timeOfDay: clocks as string[] };
  else s.keep(4);
  const period = periodFrom(s, 7, 8);
  if (period) timing.repeat = { ...timing.repeat, boundsPeriod: period };
  const count = numberOf(s.text(14));
  if (count !== undefined && count > 0) timing.repeat = { ...timing.repeat, count: Math.floor(count) };
  else s.keep(14);
  const priority = tableCode('priority', s.code(9));
  if (priority) order.priority = priority;
  if (!priority || s.text(9) !== s.code(9)) s.keepText(9, s.text(9));
  if (Object.keys(timing).length > 0) order.timing = timing;
  s.keep(2, 5, 6, 10, 11, 12, 13);
  order.kept.push(...s.kept);
}

/** ORC and OBR -> ServiceRequest; `fields` of OBR that the report does not take. */
export function serviceRequestOf(
  order: Order,
  code: CodeableConcept | undefined,
  encounterKey: string,
): ServiceRequest {
  const request: ServiceRequest = {
    resourceType: 'ServiceRequest',
    status: (order.status ?? 'unknown') as ServiceRequest['status'],
    intent: 'order',
    subject: toPatient,
  };
  if (code) request.code = code;
  if (order.identifier.length > 0) request.identifier = order.identifier;
  if (order.requisition) request.requisition = order.requisition;
  if (order.authoredOn !== undefined) request.authoredOn = order.authoredOn;
  if (order.requester) request.requester = order.requester as NonNullable<ServiceRequest['requester']>;
  if (order.priority) request.priority = order.priority as NonNullable<ServiceRequest['priority']>;
  if (order.timing) request.occurrenceTiming = order.timing;
  if (order.reason) request.reasonCode = order.reason;
  if (encounterKey !== '') request.encounter = { reference: `key:${encounterKey}` };
  return request;
}

export interface MappedObr {
  code?: CodeableConcept;
  report: DiagnosticReport;
  specimen?: Specimen;
  /** Requested time where there is no timing. */
  requested?: string;
  section: string;
  resultStatus: string;
  observedAt?: string;
}

/** OBR -> the report, the specimen, and the order's own facts (put into `order`). */
export function mapObr(s: SegmentReader, order: Order): MappedObr {
  s.touch(1);
  const m = s.m;
  addNumber(order, m, s.first(2), 'PLAC');
  addNumber(order, m, s.first(3), 'FILL');
  order.placer ||= entityKey(m, s.first(2));
  order.filler ||= entityKey(m, s.first(3));
  const code = conceptIn(s, 4);
  const resultStatus = s.code(25);
  const report: DiagnosticReport = {
    resourceType: 'DiagnosticReport',
    status: (tableCode('reportStatus', resultStatus) ?? 'unknown') as DiagnosticReport['status'],
    code: code ?? { text: 'report' },
    subject: toPatient,
  };
  if (resultStatus !== '' && !tableCode('reportStatus', resultStatus)) s.keepText(25, resultStatus);
  const specimen = specimenOfObr(s);
  const section = s.code(24);
  const category = conceptIn(s, 24, '0074');
  if (category) report.category = [category];
  const observed = timeOf(s, 7);
  const ended = dateTimeOf(s, 8);
  if (observed && ended !== undefined) report.effectivePeriod = { start: observed.dateTime, end: ended };
  else if (observed) report.effectiveDateTime = observed.dateTime;
  else if (ended !== undefined) report.effectiveDateTime = ended;
  const issued = instantOf(s, 22);
  if (issued !== undefined) report.issued = issued;
  const interpreters = some([...s.repetitions(32), ...s.repetitions(33)].map((part) => interpreterOf(m, part)));
  if (interpreters) report.resultsInterpreter = interpreters as NonNullable<DiagnosticReport['resultsInterpreter']>;
  const performers = some([...s.repetitions(34), ...s.repetitions(35)].map((part) => interpreterOf(m, part)));
  if (performers) report.performer = performers as NonNullable<DiagnosticReport['performer']>;
  const mapped: MappedObr = { report, section, resultStatus };
  if (code) mapped.code = code;
  if (specimen) mapped.specimen = specimen;
  if (observed) mapped.observedAt = observed.dateTime;
  const requested = dateTimeOf(s, 6);
  if (requested !== undefined) mapped.requested = requested;
  mapObrOrder(s, order);
  return mapped;
}

function mapObrOrder(s: SegmentReader, order: Order): void {
  const m = s.m;
  const priority = tableCode('priority', s.code(5));
  if (priority) order.priority = priority;
  else s.keep(5);
  const requesters = s.repetitions(16).map((part) => practitionerOf(m, part));
  if (requesters[0] && !order.requester) order.requester = requesters[0];
  else if (s.raw(16) !== order.requesterText) s.keep(16);
  if (requesters.length > 1)
    s.keepText(
      16,
      s
        .repetitions(16)
        .slice(1)
        .map((part) => textOf(m, part))
        .join('; '),
    );
  const reason = conceptsOf(s, 31);
  if (reason) order.reason = [...(order.reason ?? []), ...reason];
  if (s.has(27)) mapTiming(m, s.raw(27), order, 'OBR-27');
  for (const part of s.repetitions(53)) {
    const identifier = identifierOf(m, part, 'PLAC');
    if (identifier) order.identifier.push(identifier);
  }
  s.keepRest(11, 55);
  order.kept.push(...s.kept);
}

/** NDL: name (CNN as subcomponents), start, end, point of care ... (chapter 2A.46). */
function interpreterOf(m: MapContext, raw: string): Reference | undefined {
  const parts = split(raw, m.delimiters.component);
  const isNdl = (parts[0] ?? '').includes(m.delimiters.subcomponent || '\u0000') || parts.length === 1;
  if (!isNdl) return practitionerOf(m, raw);
  const name = (parts[0] ?? '').replaceAll(m.delimiters.subcomponent || '\u0000', m.delimiters.component);
  const who = practitionerOf(m, name) ?? { type: 'Practitioner' };
  const rest = parts
    .slice(1)
    .map((part) => textOf(m, part))
    .filter((text) => text !== '');
  if (rest.length > 0) who.extension = [...(who.extension ?? []), keptAs('NDL', rest.join(' '))];
  return who.display || who.identifier || who.extension ? who : undefined;
}

/** OBR-9, 10, 14, 15 -> a Specimen that is told within the report; undefined where they say nothing. */
function specimenOfObr(s: SegmentReader): Specimen | undefined {
  const m = s.m;
  const specimen: Specimen = { resourceType: 'Specimen', id: 'specimen' };
  const received = dateTimeOf(s, 14);
  if (received !== undefined) specimen.receivedTime = received;
  const collection: NonNullable<Specimen['collection']> = {};
  const volume = quantityIn(s, 9);
  if (volume) collection.quantity = volume;
  const collector = s.has(10) ? practitionerOf(m, s.first(10)) : undefined;
  if (collector) collection.collector = collector as NonNullable<typeof collection.collector>;
  if (s.has(15)) mapSpecimenSource(s, specimen, collection);
  if (Object.keys(collection).length > 0) specimen.collection = collection;
  return Object.keys(specimen).length > 2 ? specimen : undefined;
}

/** SPS: type, additives, method, body site, site modifier (chapter 2A.72). */
function mapSpecimenSource(
  s: SegmentReader,
  specimen: Specimen,
  collection: NonNullable<Specimen['collection']>,
): void {
  const m = s.m;
  const parts = componentsOf(m, s.first(15));
  const sub = (n: number): string =>
    (parts[n - 1] ?? '').replaceAll(m.delimiters.subcomponent || '\u0000', m.delimiters.component);
  const type = sub(1) === '' ? undefined : conceptOfCwe(m, sub(1), '0070');
  if (type) specimen.type = type;
  const site = sub(4) === '' ? undefined : conceptOfCwe(m, sub(4), '0163');
  if (site) collection.bodySite = site;
  if (sub(3) !== '') collection.method = { text: textOf(m, sub(3)) };
  for (const n of [2, 5, 6, 7]) if (sub(n) !== '') attach(specimen, keptAs(`OBR-15.${n}`, textOf(m, sub(n))));
}

/** CQ: number and unit. */
export function quantityIn(s: SegmentReader, n: number): ReturnType<typeof quantityOf> {
  if (!s.has(n)) return undefined;
  const m = s.m;
  const parts = componentsOf(m, s.first(n));
  const unit = (parts[1] ?? '').replaceAll(m.delimiters.subcomponent || '\u0000', m.delimiters.component);
  const quantity = quantityOf(m, textOf(m, parts[0] ?? ''), unit, `${s.segment.name}-${n}`);
  if (!quantity) s.keep(n);
  return quantity;
}

/** SPM -> Specimen (chapter 7.4.3). */
export function mapSpm(s: SegmentReader, requestKey: string): { specimen: Specimen; name: string } {
  s.touch(1);
  const m = s.m;
  const specimen: Specimen = { resourceType: 'Specimen', subject: toPatient };
  const [placer = '', filler = ''] = componentsOf(m, s.first(2)).map((part) =>
    part.replaceAll(m.delimiters.subcomponent || '\u0000', m.delimiters.component),
  );
  const identifier = some([
    placer === '' ? undefined : entityOf(m, placer, 'PLAC'),
    filler === '' ? undefined : entityOf(m, filler, 'FILL'),
    ...s.repetitions(31).map((part) => identifierOf(m, part)),
  ]);
  if (identifier) specimen.identifier = identifier;
  const accession = s.has(30) ? identifierOf(m, s.first(30), 'ACSN') : undefined;
  if (accession) specimen.accessionIdentifier = accession;
  const type = conceptIn(s, 4, '0487');
  if (type) specimen.type = type;
  const collection: NonNullable<Specimen['collection']> = {};
  const method = conceptIn(s, 7, '0488');
  if (method) collection.method = method;
  const site = conceptIn(s, 8);
  if (site) collection.bodySite = site;
  const quantity = quantityIn(s, 12);
  if (quantity) collection.quantity = quantity;
  const [start, end] = componentsOf(m, s.first(17)).map((part) => readTime(part, m.zone)?.dateTime);
  if (start !== undefined && end !== undefined) collection.collectedPeriod = { start, end };
  else if (start !== undefined) collection.collectedDateTime = start;
  else s.keep(17);
  if (Object.keys(collection).length > 0) specimen.collection = collection;
  const received = dateTimeOf(s, 18);
  if (received !== undefined) specimen.receivedTime = received;
  const status = tableCode('specimenStatus', s.code(20));
  if (s.has(21)) specimen.status = 'unsatisfactory';
  else if (status) specimen.status = status as NonNullable<Specimen['status']>;
  if (!status) s.keep(20);
  const condition = conceptsOf(s, 24, '0493');
  if (condition) specimen.condition = condition;
  const container = conceptIn(s, 27);
  if (container) specimen.container = [{ type: container }];
  const description = s
    .repetitions(14)
    .map((part) => textOf(m, part))
    .join('; ');
  if (description !== '') specimen.note = [noteOf(description)];
  if (requestKey !== '') specimen.request = [{ reference: `key:${requestKey}` }];
  s.keepRest(3, 35);
  hang(specimen, s.kept);
  return { specimen, name: identifier?.[0]?.value ?? `${type?.coding?.[0]?.code ?? ''}|${s.code(1)}` };
}

/** NTE -> who, when, what. Fields are NTE-2 to NTE-6. */
export function mapNote(s: SegmentReader): ReturnType<typeof noteOf> | undefined {
  s.touch(1);
  const text = s
    .repetitions(3)
    .map((part) => literal(s.m, part))
    .join('\n');
  const author = s.has(5) ? practitionerOf(s.m, s.first(5)) : undefined;
  const time = dateTimeOf(s, 6);
  s.keep(2, 4, 7, 8, 9);
  if (text === '' && s.kept.length === 0) return undefined;
  const note = noteOf(text === '' ? '(no text)' : text, author, time);
  hang(note, s.kept);
  return note;
}

/** The dose of a timing, for medication orders. */
export function dosageWith(order: Order): Dosage {
  return order.timing ? { timing: order.timing } : {};
}
