/** RXO, RXE, RXR, RXC, RXD, RXA -> MedicationRequest, MedicationDispense, MedicationAdministration, Immunization (chapter 4A). */
import type {
  CodeableConcept,
  Dosage,
  Extension,
  Immunization,
  MedicationAdministration,
  MedicationDispense,
  MedicationRequest,
  Quantity,
} from '@medplum/fhirtypes';
import { tableCode } from '../../../schemas/codes.ts';
import type { Act } from '../../record/index.ts';
import {
  conceptIn,
  conceptsOf,
  dateOf,
  dateTimeOf,
  hang,
  noteOf,
  numberOf,
  quantityOf,
  timeOf,
  toPatient,
} from './build.ts';
import { conceptKey, type Mapped } from './clinical.ts';
import { locationOf, practitionerOf } from './datatypes.ts';
import { mapTiming, type Order } from './order.ts';
import { componentsOf, firstSub, keptAs, type SegmentReader, textOf, v2Extension } from './reader.ts';

/** Where RXO and RXE keep the same facts (chapter 4A.4.1 and 4A.4.4). */
interface OrderFields {
  code: number;
  low: number;
  high: number;
  units: number;
  form: number;
  instructions: number[];
  substitution: number;
  amount: number;
  amountUnits: number;
  refills: number;
  orderer: number;
  indication: number;
  rate: number;
  rateUnits: number;
  last: number;
}
const fieldsOf: Record<string, OrderFields> = {
  RXO: {
    code: 1,
    low: 2,
    high: 3,
    units: 4,
    form: 5,
    instructions: [6, 7],
    substitution: 9,
    amount: 11,
    amountUnits: 12,
    refills: 13,
    orderer: 14,
    indication: 20,
    rate: 21,
    rateUnits: 22,
    last: 36,
  },
  RXE: {
    code: 2,
    low: 3,
    high: 4,
    units: 5,
    form: 6,
    instructions: [7, 21],
    substitution: 9,
    amount: 10,
    amountUnits: 11,
    refills: 12,
    orderer: 13,
    indication: 27,
    rate: 23,
    rateUnits: 24,
    last: 45,
  },
};

const requestStatus: Record<string, MedicationRequest['status']> = {
  active: 'active',
  revoked: 'cancelled',
  completed: 'completed',
  'on-hold': 'on-hold',
  'entered-in-error': 'entered-in-error',
};

/** RXO (original order) or RXE (encoded order) -> MedicationRequest. */
export function mapMedicationOrder(
  s: SegmentReader,
  order: Order,
  orderKey: string,
  visitKey: string,
): Mapped<MedicationRequest> {
  const m = s.m;
  const f = fieldsOf[s.segment.name]!;
  if (s.segment.name === 'RXE' && s.has(1)) mapTiming(m, s.raw(1), order, 'RXE-1');
  const medication = conceptIn(s, f.code);
  const request: MedicationRequest = {
    resourceType: 'MedicationRequest',
    status: requestStatus[order.status ?? ''] ?? 'unknown',
    intent: s.segment.name === 'RXO' ? 'original-order' : 'order',
    medicationCodeableConcept: medication ?? { text: 'medication' },
    subject: toPatient,
  };
  if (order.identifier.length > 0) request.identifier = [...order.identifier];
  if (s.segment.name === 'RXE' && s.has(15))
    request.identifier = [...(request.identifier ?? []), { value: s.text(15), type: { text: 'prescription number' } }];
  if (order.requisition) request.groupIdentifier = order.requisition;
  if (order.authoredOn !== undefined) request.authoredOn = order.authoredOn;
  const orderer = s.has(f.orderer) ? practitionerOf(m, s.first(f.orderer)) : undefined;
  const requester = order.requester ?? orderer;
  if (requester) request.requester = requester as NonNullable<MedicationRequest['requester']>;
  if (order.requester && orderer) s.keep(f.orderer);
  if (order.priority) request.priority = order.priority as NonNullable<MedicationRequest['priority']>;
  if (visitKey !== '') request.encounter = { reference: `key:${visitKey}` };
  const reason = conceptsOf(s, f.indication);
  if (reason ?? order.reason) request.reasonCode = [...(order.reason ?? []), ...(reason ?? [])];
  request.dosageInstruction = [dosageOf(s, f, order)];
  if (Object.keys(request.dosageInstruction[0]!).length === 0) delete request.dosageInstruction;
  dispenseOf(s, f, request);
  s.keepRest(1, f.last);
  hang(request, [...order.kept, ...s.kept]);
  const key = `MedicationRequest|${orderKey || `${conceptKey(medication)}|${order.authoredOn ?? ''}`}|${s.segment.name}`;
  // A cancelling message may name the order and nothing else: what it said before stays.
  const act = request.status === 'cancelled' || request.status === 'on-hold' ? 'patch' : 'put';
  return medication
    ? { key, act, resource: request }
    : { key, act, resource: request, weak: ['medicationCodeableConcept'] };
}

function dosageOf(s: SegmentReader, f: OrderFields, order: Order): Dosage {
  const dosage: Dosage = {};
  const text = f.instructions
    .flatMap((n) => s.repetitions(n).map((part) => textOf(s.m, part)))
    .filter((one) => one !== '');
  if (text.length > 0) dosage.text = text.join('\n');
  if (order.timing) dosage.timing = order.timing;
  const unit = s.first(f.units);
  const low = quantityOf(s.m, s.text(f.low), unit, `${s.segment.name}-${f.low}`);
  const high = quantityOf(s.m, s.text(f.high), unit, `${s.segment.name}-${f.high}`);
  if (!low) s.keep(f.low);
  if (!high) s.keep(f.high);
  if (!low && !high) s.keep(f.units);
  const rate = quantityOf(s.m, s.text(f.rate), s.first(f.rateUnits), `${s.segment.name}-${f.rate}`);
  if (!rate) s.keep(f.rate, f.rateUnits);
  if (low ?? high ?? rate) {
    const dose: NonNullable<Dosage['doseAndRate']>[number] = {};
    if (low && high && low.value !== high.value) dose.doseRange = { low, high };
    else if (low ?? high) dose.doseQuantity = (low ?? high)!;
    if (rate) dose.rateQuantity = rate;
    dosage.doseAndRate = [dose];
  }
  return dosage;
}

function dispenseOf(s: SegmentReader, f: OrderFields, request: MedicationRequest): void {
  const substitution = s.code(f.substitution);
  if (substitution === 'N' || substitution === 'G' || substitution === 'T') {
    request.substitution = {
      allowedCodeableConcept: {
        coding: [{ system: 'http://terminology.hl7.org/CodeSystem/v3-substanceAdminSubstitution', code: substitution }],
      },
    };
  } else s.keep(f.substitution);
  const dispense: NonNullable<MedicationRequest['dispenseRequest']> = {};
  const quantity = quantityOf(s.m, s.text(f.amount), s.first(f.amountUnits), `${s.segment.name}-${f.amount}`);
  if (quantity) dispense.quantity = quantity;
  else s.keep(f.amount, f.amountUnits);
  const refills = numberOf(s.text(f.refills));
  if (refills !== undefined && refills >= 0 && Number.isInteger(refills)) dispense.numberOfRepeatsAllowed = refills;
  else s.keep(f.refills);
  if (Object.keys(dispense).length > 0) request.dispenseRequest = dispense;
}

/** RXR -> route, site, device and method of what was ordered or given. */
export function mapRxr(s: SegmentReader): {
  route?: CodeableConcept;
  site?: CodeableConcept;
  method?: CodeableConcept;
  kept: Extension[];
} {
  const route = conceptIn(s, 1, '0162');
  const site = conceptIn(s, 2, '0163');
  const method = conceptIn(s, 4, '0165');
  s.keep(3, 5, 6);
  return { ...(route ? { route } : {}), ...(site ? { site } : {}), ...(method ? { method } : {}), kept: s.kept };
}

/** RXC -> an ingredient of what was ordered: MedicationRequest with a plain code has no element for it. */
export function mapRxc(s: SegmentReader): Extension {
  const ingredient: CodeableConcept = conceptIn(s, 2) ?? { text: 'component' };
  for (const n of [1, 3, 4, 5, 6, 7, 8, 9, 10, 11]) s.keep(n);
  hang(ingredient, s.kept);
  return { url: `${v2Extension}RXC`, valueCodeableConcept: ingredient };
}

/** RXD -> MedicationDispense. */
export function mapRxd(s: SegmentReader, orderKey: string, visitKey: string): Mapped<MedicationDispense> {
  const code = conceptIn(s, 2);
  const dispense: MedicationDispense = {
    resourceType: 'MedicationDispense',
    status: 'completed',
    medicationCodeableConcept: code ?? { text: 'medication' },
    subject: toPatient,
  };
  const time = dateTimeOf(s, 3);
  if (time !== undefined) dispense.whenHandedOver = time;
  const quantity = quantityOf(s.m, s.text(4), s.first(5), 'RXD-4');
  if (quantity) dispense.quantity = quantity;
  else s.keep(4, 5);
  if (s.has(7)) dispense.identifier = [{ value: s.text(7), type: { text: 'prescription number' } }];
  const notes = s.repetitions(9).map((part) => noteOf(textOf(s.m, part)));
  if (notes.length > 0) dispense.note = notes;
  const who = s.has(10) ? practitionerOf(s.m, s.first(10)) : undefined;
  if (who) dispense.performer = [{ actor: who as NonNullable<MedicationDispense['performer']>[number]['actor'] }];
  if (visitKey !== '') dispense.context = { reference: `key:${visitKey}` };
  const instructions = s
    .repetitions(15)
    .map((part) => textOf(s.m, part))
    .join('\n');
  if (instructions !== '') dispense.dosageInstruction = [{ text: instructions }];
  s.touch(1);
  s.keepRest(6, 35);
  hang(dispense, s.kept);
  return {
    key: `MedicationDispense|${orderKey}|${conceptKey(code)}|${s.raw(3)}|${s.raw(1)}`,
    act: 'put',
    resource: dispense,
  };
}

/** What was given has no element for the timing it was ordered with. */
function timingKept(order: Order): Extension[] {
  return order.timing ? [{ url: `${v2Extension}TQ1`, valueTiming: order.timing }] : [];
}

function actOf(s: SegmentReader): Act {
  if (!/^[ADUX]?$/.test(s.code(21))) s.keep(21);
  return s.code(21) === 'D' ? 'remove' : 'put';
}

/** RXA-6: 999 stands for an unknown amount. */
function doseOf(s: SegmentReader): Quantity | undefined {
  const text = s.text(6);
  if (text === '999') {
    s.keepText(6, text);
    s.keep(7);
    return undefined;
  }
  const dose = quantityOf(s.m, text, s.first(7), 'RXA-6');
  if (!dose) s.keep(6, 7);
  return dose;
}

/** RXA of a VXU -> Immunization (chapter 4A.4.7; CDC implementation guide 2.5.1 release 1.5). */
export function mapImmunization(
  s: SegmentReader,
  order: Order,
  orderKey: string,
  visitKey: string,
): Mapped<Immunization> {
  const m = s.m;
  s.touch(1, 2);
  const code = conceptIn(s, 5, '0292');
  const completion = s.code(20);
  const status = (tableCode('immunizationStatus', completion) ?? 'completed') as Immunization['status'];
  const immunization: Immunization = {
    resourceType: 'Immunization',
    status,
    vaccineCode: code ?? { text: 'vaccine' },
    patient: toPatient,
  };
  if (completion !== '' && completion !== 'CP') s.keepText(20, completion);
  if (order.identifier.length > 0) immunization.identifier = order.identifier;
  const time = timeOf(s, 3);
  if (time) immunization.occurrenceDateTime = time.dateTime;
  else immunization.occurrenceString = 'unknown';
  const end = dateTimeOf(s, 4);
  if (end !== undefined && end !== time?.dateTime) s.keepText(4, end);
  const dose = doseOf(s);
  if (dose) immunization.doseQuantity = dose;
  mapInformationSource(s, immunization);
  const performer: NonNullable<Immunization['performer']> = [];
  const add = (actor: ReturnType<typeof practitionerOf>, function_: string): void => {
    if (actor)
      performer.push({
        function: { coding: [{ system: 'http://terminology.hl7.org/CodeSystem/v2-0443', code: function_ }] },
        actor: actor as NonNullable<Immunization['performer']>[number]['actor'],
      });
  };
  for (const part of s.repetitions(10)) add(practitionerOf(m, part), 'AP');
  if (order.requester) add(order.requester, 'OP');
  if (performer.length > 0) immunization.performer = performer;
  const place = s.has(27) ? locationOf(m, s.first(27)) : s.has(11) ? locationOf(m, s.first(11)) : undefined;
  if (place) immunization.location = place as NonNullable<Immunization['location']>;
  if (s.has(27)) s.keep(11);
  const lot = s.text(15);
  if (lot !== '') immunization.lotNumber = lot;
  const expiry = dateOf(s, 16);
  if (expiry !== undefined) immunization.expirationDate = expiry;
  const maker = s.has(17) ? conceptIn(s, 17, '0227') : undefined;
  const makerCode = maker?.coding?.[0];
  if ((maker?.coding?.length ?? 0) > 1) s.keepText(17, s.text(17));
  if (maker)
    immunization.manufacturer = {
      ...(makerCode?.code
        ? { identifier: { value: makerCode.code, ...(makerCode.system ? { system: makerCode.system } : {}) } }
        : {}),
      display: makerCode?.display ?? maker.text ?? makerCode?.code ?? '',
    };
  const refusal = conceptIn(s, 18);
  if (refusal) immunization.statusReason = refusal;
  const reason = conceptsOf(s, 19);
  if (reason) immunization.reasonCode = reason;
  const recorded = dateTimeOf(s, 22);
  if (recorded !== undefined || order.authoredOn !== undefined) immunization.recorded = (recorded ?? order.authoredOn)!;
  if (visitKey !== '') immunization.encounter = { reference: `key:${visitKey}` };
  for (let n = 8; n <= 30; n++) if (!s.isTouched(n) && n !== 21) s.keep(n);
  const act = actOf(s);
  hang(immunization, [...order.kept, ...timingKept(order), ...s.kept]);
  // Doses told by others come under a stand-in number (CDC guide: 9999): their date tells them apart.
  const standsIn = orderKey === '' || /#9+$/.test(orderKey) || immunization.primarySource === false;
  const own = standsIn ? `${orderKey}|${time?.dateTime ?? ''}` : orderKey;
  return { key: `Immunization|${own}|${conceptKey(code)}`, act, resource: immunization };
}

/** RXA-9: NIP001 00 is a new record of the one who gave it; every other code is told by somebody else. */
function mapInformationSource(s: SegmentReader, immunization: Immunization): void {
  const origins: CodeableConcept[] = [];
  for (const part of s.repetitions(9)) {
    const parts = componentsOf(s.m, part);
    const code = firstSub(s.m, parts[0]);
    if (/^0[0-8]$/.test(code)) {
      immunization.primarySource = code === '00';
      if (code !== '00')
        origins.push({
          coding: [
            {
              system: 'http://terminology.hl7.org/CodeSystem/NIP001',
              code,
              display: textOf(s.m, parts[1] ?? '') || 'Historical information',
            },
          ],
        });
      else s.kept.push(keptAs('RXA-9', textOf(s.m, part)));
    } else immunization.note = [...(immunization.note ?? []), noteOf(textOf(s.m, part))];
  }
  if (origins[0]) immunization.reportOrigin = origins[0];
}

/** RXA of any other message -> MedicationAdministration. */
export function mapAdministration(
  s: SegmentReader,
  order: Order,
  orderKey: string,
  visitKey: string,
): Mapped<MedicationAdministration> {
  s.touch(2);
  const code = conceptIn(s, 5);
  const given: MedicationAdministration = {
    resourceType: 'MedicationAdministration',
    status: (tableCode('administrationStatus', s.code(20)) ?? 'completed') as MedicationAdministration['status'],
    medicationCodeableConcept: code ?? { text: 'medication' },
    subject: toPatient,
  };
  if (order.identifier.length > 0) given.identifier = order.identifier;
  const start = timeOf(s, 3);
  const end = dateTimeOf(s, 4);
  if (start && end !== undefined && end !== start.dateTime) given.effectivePeriod = { start: start.dateTime, end };
  else given.effectiveDateTime = start?.dateTime ?? end ?? '';
  if (given.effectiveDateTime === '') delete given.effectiveDateTime;
  if (s.code(20) !== '' && s.code(20) !== 'CP') s.keep(20);
  const dose = doseOf(s);
  if (dose) given.dosage = { dose };
  const performer: NonNullable<MedicationAdministration['performer']> = [];
  for (const part of s.repetitions(10)) {
    const actor = practitionerOf(s.m, part);
    if (actor) performer.push({ actor: actor as NonNullable<MedicationAdministration['performer']>[number]['actor'] });
  }
  if (performer.length > 0) given.performer = performer;
  const refusal = conceptsOf(s, 18);
  if (refusal) given.statusReason = refusal;
  const reason = conceptsOf(s, 19);
  if (reason) given.reasonCode = reason;
  const notes = s.repetitions(9).map((part) => noteOf(textOf(s.m, part)));
  if (notes.length > 0) given.note = notes;
  if (visitKey !== '') given.context = { reference: `key:${visitKey}` };
  const act = actOf(s);
  s.keepRest(8, 30);
  hang(given, [...order.kept, ...timingKept(order), ...s.kept]);
  // RXA-1 counts the doses of one order.
  return {
    key: `MedicationAdministration|${orderKey}|${conceptKey(code)}|${s.raw(3)}|${s.raw(1)}`,
    act,
    resource: given,
  };
}
