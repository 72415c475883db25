/** The order's part of the walk: ORC opens an order, OBR, RXO, RXE, RXA say what kind it is, OBX and SPM belong to it. */
import type {
  DiagnosticReport,
  Dosage,
  Immunization,
  MedicationAdministration,
  MedicationRequest,
  Observation,
  ServiceRequest,
} from '@medplum/fhirtypes';
import type { Act } from '../../record/index.ts';
import { hang } from './build.ts';
import { conceptKey } from './clinical.ts';
import { addContent } from './document.ts';
import { mapAdministration, mapImmunization, mapMedicationOrder, mapRxc, mapRxd, mapRxr } from './medication.ts';
import { mapObx } from './observation.ts';
import { emptyOrder, mapObr, mapOrc, mapSpm, mapTq1, serviceRequestOf } from './order.ts';
import type { SegmentReader } from './reader.ts';
import type { OpenOrder, Subject, Walk } from './walk.ts';

/** ORC: closes the order before and opens one. */
export function openOrder(w: Walk, subject: Subject, s: SegmentReader): void {
  closeOrder(subject);
  const order = mapOrc(s);
  subject.open = { order, requestKey: '', medicationKey: '', ...orderName(w, subject, order.placer, order.filler) };
  for (const { value } of order.identifier) w.terms.add('accession', value);
  subject.target = { extension: order.kept };
}

/** What names an order, after the profile: placer number, filler number or account. */
function orderName(w: Walk, subject: Subject, placer: string, filler: string): { key: string; isOwn: boolean } {
  for (const kind of w.m.profile.orderKey) {
    if (kind === 'placer' && placer !== '') return { key: placer, isOwn: true };
    if (kind === 'filler' && filler !== '') return { key: filler, isOwn: true };
    if (kind === 'account' && subject.account !== '') return { key: `account|${subject.account}`, isOwn: false };
  }
  return { key: '', isOwn: false };
}

const imaging = new Set(['RAD', 'CT', 'NMR', 'RX', 'XRC', 'RUS', 'CUS', 'VUS', 'OUS', 'NMS']);

/** OBR: the request, and in a result message its report. */
export function enterObr(w: Walk, subject: Subject, s: SegmentReader): void {
  if (!subject.open || subject.open.obr) {
    closeOrder(subject);
    subject.open = { order: emptyOrder(), requestKey: '', medicationKey: '', key: '', isOwn: false };
  }
  const open = subject.open;
  const obr = mapObr(s, open.order);
  open.obr = obr;
  Object.assign(open, orderName(w, subject, open.order.placer, open.order.filler));
  for (const { value } of open.order.identifier) w.terms.add('accession', value);
  w.terms.add('accession', s.text(18));
  w.terms.add('accession', s.text(20));
  w.terms.add('text', s.text(4));
  const isResult = w.code === 'ORU';
  open.category = imaging.has(obr.section)
    ? 'imaging'
    : isResult && /vital/i.test(s.text(4))
      ? 'vital-signs'
      : isResult
        ? 'laboratory'
        : undefined;
  const name = `${open.key || `${subject.visitKey}|${obr.observedAt ?? ''}`}|${conceptKey(obr.code)}`;
  open.request = {
    resourceType: 'ServiceRequest',
    status: 'unknown',
    intent: 'order',
    subject: { reference: 'key:Patient' },
  };
  open.requestKey = subject.entries.add(`ServiceRequest|${name}`, 'patch', open.request, s.place, { weak: [] });
  if (isResult) openReport(w, subject, open, name, s);
  else carryInRequest(open);
  subject.target = open.request;
}

function openReport(w: Walk, subject: Subject, open: OpenOrder, name: string, s: SegmentReader): void {
  const { report, specimen } = open.obr!;
  open.report = report;
  report.meta = { source: w.m.sender };
  if (open.order.identifier.length > 0) report.identifier = open.order.identifier;
  report.basedOn = [{ reference: `key:${open.requestKey}` }];
  if (subject.visitKey !== '') report.encounter = { reference: `key:${subject.visitKey}` };
  if (specimen) {
    report.contained = [specimen];
    report.specimen = [{ reference: '#specimen' }];
  }
  subject.entries.add(`DiagnosticReport|${name}`, 'patch', report, s.place);
}

/** In an order message what OBR says of results is only foreseen: it stays with the request. */
function carryInRequest(open: OpenOrder): void {
  const { report, specimen } = open.obr!;
  const request = open.request!;
  if (report.category) request.category = report.category;
  const performer = [...(report.resultsInterpreter ?? []), ...(report.performer ?? [])];
  if (performer.length > 0) request.performer = performer as NonNullable<ServiceRequest['performer']>;
  if (specimen) {
    request.contained = [specimen];
    request.specimen = [{ reference: '#specimen' }];
  }
  const times: [string, string | undefined][] = [
    ['OBR-7', report.effectiveDateTime ?? report.effectivePeriod?.start],
    ['OBR-8', report.effectivePeriod?.end],
    ['OBR-22', report.issued],
  ];
  for (const [place, time] of times)
    if (time !== undefined)
      open.order.kept.push({ url: `http://mix-hie.org/fhir/StructureDefinition/v2-${place}`, valueDateTime: time });
  if (open.obr!.resultStatus !== '')
    open.order.kept.push({
      url: 'http://mix-hie.org/fhir/StructureDefinition/v2-OBR-25',
      valueString: open.obr!.resultStatus,
    });
}

const unfinished = new Set(['O', 'I', 'S', 'P', 'R', 'A']);

/** Completes what later segments (TQ1, DG1) may still have changed. */
export function closeOrder(subject: Subject): void {
  const open = subject.open;
  subject.open = undefined;
  if (!open?.request || !open.obr) return;
  const { order, obr, request } = open;
  if (order.control === 'RE' && order.status === 'completed' && unfinished.has(obr.resultStatus))
    order.status = 'active';
  const built = serviceRequestOf(order, obr.code, subject.visitKey);
  if (obr.requested !== undefined && !built.occurrenceTiming) built.occurrenceDateTime = obr.requested;
  else if (obr.requested !== undefined)
    order.kept.push({ url: 'http://mix-hie.org/fhir/StructureDefinition/v2-OBR-6', valueDateTime: obr.requested });
  // Notes, reasons and extensions that came after OBR are there already; the built ones go before them.
  const { note, reasonReference, extension, category, performer, specimen, contained } = request;
  Object.assign(request, built, {
    ...(note ? { note } : {}),
    ...(reasonReference ? { reasonReference } : {}),
    ...(category ? { category } : {}),
    ...(performer ? { performer } : {}),
    ...(specimen ? { specimen, contained } : {}),
  });
  const kept = [...order.kept, ...(extension ?? [])];
  if (kept.length > 0) request.extension = kept;
  if (order.status === undefined) {
    const entry = subject.entries.find(open.requestKey);
    entry?.weak?.push('status');
  }
}

/** OBX: into the document, under the order, or of the visit. */
export function enterObx(w: Walk, subject: Subject, s: SegmentReader): void {
  if (subject.document && !(subject.open?.obr && w.code !== 'MDM')) {
    addContent(s, subject.document.resource, subject.document.lines);
    subject.target = subject.document.resource;
    w.terms.add('text', s.text(5));
    return;
  }
  const { open } = subject;
  const mapped = mapObx(s, open?.category);
  const { observation, result } = mapped;
  if (observation.effectiveDateTime === undefined && open?.obr?.observedAt !== undefined)
    observation.effectiveDateTime = open.obr.observedAt;
  if (subject.visitKey !== '') observation.encounter = { reference: `key:${subject.visitKey}` };
  if (open?.requestKey) observation.basedOn = [{ reference: `key:${open.requestKey}` }];
  if (open?.medication?.resourceType === 'Immunization')
    observation.partOf = [{ reference: `key:${open.medicationKey}` }];
  if (
    open?.report?.specimen &&
    open.category === 'laboratory' &&
    open.report.specimen[0]?.reference?.startsWith('key:')
  )
    observation.specimen = open.report.specimen[0];
  const act: Act = result === 'D' ? 'remove' : result === 'W' ? 'void' : 'put';
  const key = subject.entries.add(observationKey(subject, mapped.name, observation), act, observation, s.place);
  if (open?.report) addResult(open.report, key, mapped.attachment);
  for (const coding of observation.code.coding ?? []) {
    w.terms.add('text', coding.code);
    w.terms.add('text', coding.display);
  }
  w.terms.add('text', s.text(5));
  subject.target = observation;
}

/** Within an order with a number of its own, code and sub-id name a result (7.4.2.4); elsewhere its time does too. */
function observationKey(subject: Subject, name: string, observation: Observation): string {
  const open = subject.open;
  if (open?.medicationKey) return `Observation|${open.medicationKey}|${name}`;
  const obrCode = conceptKey(open?.obr?.code);
  if (open?.isOwn) return `Observation|${open.key}|${obrCode}|${name}`;
  return `Observation|${open?.key || subject.visitKey}|${obrCode}|${name}|${observation.effectiveDateTime ?? ''}`;
}

function addResult(
  report: DiagnosticReport,
  key: string,
  attachment: NonNullable<DiagnosticReport['presentedForm']>[number] | undefined,
): void {
  report.result = [...(report.result ?? []), { reference: `key:${key}` }];
  if (attachment && (attachment.data || attachment.url))
    report.presentedForm = [...(report.presentedForm ?? []), attachment];
}

/** SPM: the specimen of the order. */
export function enterSpm(subject: Subject, s: SegmentReader): void {
  const { open } = subject;
  const { specimen, name } = mapSpm(s, open?.requestKey ?? '');
  const key = subject.entries.add(`Specimen|${open?.key ?? ''}|${name}`, 'put', specimen, s.place);
  const holder = open?.report ?? open?.request;
  if (holder)
    holder.specimen = [
      ...(holder.specimen ?? []).filter((one) => one.reference !== '#specimen'),
      { reference: `key:${key}` },
      ...(holder.specimen ?? []).filter((one) => one.reference === '#specimen'),
    ];
  subject.target = specimen;
}

/** TQ1: timing of the order, or of the medication order that is already there. */
export function enterTq1(subject: Subject, s: SegmentReader): boolean {
  const { open } = subject;
  if (!open) return false;
  const { medication } = open;
  if (medication && medication.resourceType !== 'MedicationRequest') {
    s.touch(1);
    s.keep(2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14);
    hang(medication as Immunization, s.kept);
    return true;
  }
  const before = open.order.kept.length;
  mapTq1(s, open.order);
  if (medication?.resourceType === 'MedicationRequest') {
    const added = open.order.kept.slice(before);
    if (added.length > 0) hang(medication, added);
    if (open.order.timing) firstDosage(medication).timing = open.order.timing;
    if (open.order.priority) medication.priority = open.order.priority as NonNullable<MedicationRequest['priority']>;
  }
  return true;
}

function firstDosage(request: MedicationRequest): Dosage {
  request.dosageInstruction ??= [];
  if (request.dosageInstruction.length === 0) request.dosageInstruction.push({});
  return request.dosageInstruction[0]!;
}

/** RXO, RXE, RXD, RXA. */
export function enterMedication(w: Walk, subject: Subject, s: SegmentReader): void {
  subject.open ??= { order: emptyOrder(), requestKey: '', medicationKey: '', key: '', isOwn: false };
  const { open } = subject;
  const orderKey = open.key;
  const mapped =
    s.segment.name === 'RXD'
      ? mapRxd(s, orderKey, subject.visitKey)
      : s.segment.name === 'RXA'
        ? w.code === 'VXU'
          ? mapImmunization(s, open.order, orderKey, subject.visitKey)
          : mapAdministration(s, open.order, orderKey, subject.visitKey)
        : mapMedicationOrder(s, open.order, orderKey, subject.visitKey);
  mapped.resource.meta = { source: w.m.sender };
  open.medicationKey = subject.entries.add(
    mapped.key,
    mapped.act,
    mapped.resource,
    s.place,
    mapped.weak ? { weak: mapped.weak } : undefined,
  );
  open.medication = mapped.resource;
  subject.target = mapped.resource;
  w.terms.add('text', s.text(s.segment.name === 'RXA' ? 5 : s.segment.name === 'RXO' ? 1 : 2));
}

/** RXR: route and site. */
export function enterRxr(subject: Subject, s: SegmentReader): boolean {
  const medication = subject.open?.medication;
  if (!medication) return false;
  const { route, site, method, kept } = mapRxr(s);
  if (medication.resourceType === 'Immunization') {
    const immunization: Immunization = medication;
    if (route) immunization.route = route;
    if (site) immunization.site = site;
    if (method)
      hang(immunization, [
        { url: 'http://mix-hie.org/fhir/StructureDefinition/v2-RXR-4', valueCodeableConcept: method },
      ]);
  } else if (medication.resourceType === 'MedicationRequest')
    Object.assign(firstDosage(medication), {
      ...(route ? { route } : {}),
      ...(site ? { site } : {}),
      ...(method ? { method } : {}),
    });
  else if (medication.resourceType === 'MedicationAdministration')
    addDosage(medication, { ...(route ? { route } : {}), ...(site ? { site } : {}), ...(method ? { method } : {}) });
  else if (medication.resourceType === 'MedicationDispense')
    medication.dosageInstruction = [
      {
        ...medication.dosageInstruction?.[0],
        ...(route ? { route } : {}),
        ...(site ? { site } : {}),
        ...(method ? { method } : {}),
      },
    ];
  hang(medication as MedicationRequest, kept);
  return true;
}

function addDosage(given: MedicationAdministration, more: NonNullable<MedicationAdministration['dosage']>): void {
  given.dosage = { ...given.dosage, ...more };
  // FHIR: a dosage has a dose or a rate (mad-1); how it went in may be told all the same, as text.
  if (!given.dosage.dose && !given.dosage.rateQuantity) given.dosage.text ??= 'amount not told';
}

/** RXC: a component. */
export function enterRxc(subject: Subject, s: SegmentReader): boolean {
  const medication = subject.open?.medication;
  if (!medication) return false;
  hang(medication as MedicationRequest, [mapRxc(s)]);
  return true;
}
