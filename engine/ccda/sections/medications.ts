/** Medications (2.16.840.1.113883.10.20.22.2.1.1): requests, dispenses, administrations and statements. */
import type {
  CodeableConcept,
  Dosage,
  MedicationAdministration,
  MedicationDispense,
  MedicationRequest,
  MedicationStatement,
  Quantity,
  Range,
  Ratio,
  Reference,
  Timing,
} from '@medplum/fhirtypes';
import { nciThesaurus, ndc, rxnorm, snomed } from '../../../schemas/ccda/code-systems.ts';
import { entryTemplates } from '../../../schemas/ccda/templates.ts';
import { type Row, textOf } from '../narrative.ts';
import { performers } from '../people.ts';
import type { Scope } from '../scope.ts';
import {
  amountOf,
  code,
  quantity,
  readable,
  readablePeriod,
  readableQuantity,
  readableRange,
  realOf,
  templateIds,
  text,
  time,
  timeOf,
  unitOf,
  xsi,
} from '../write.ts';
import { type Body, readableNotes } from './body.ts';

type MedicationEvent = MedicationRequest | MedicationDispense | MedicationAdministration | MedicationStatement;

/** What the four kinds have in common. */
interface Facts {
  event: MedicationEvent;
  mood: 'INT' | 'EVN';
  status: string;
  start: string | undefined;
  end: string | undefined;
  /** A point in time, for an administration. */
  at: string | undefined;
  dosages: Dosage[];
  who: (Reference | undefined)[];
  reasons: CodeableConcept[];
  supply: string;
  notes: string[];
}

const statuses: Readonly<Record<string, string>> = {
  active: 'active',
  draft: 'active',
  'on-hold': 'suspended',
  'in-progress': 'active',
  preparation: 'active',
  intended: 'active',
  completed: 'completed',
  stopped: 'aborted',
  cancelled: 'aborted',
  declined: 'aborted',
  'not-done': 'aborted',
  'not-taken': 'aborted',
  unknown: 'completed',
};

export function writeMedications(scope: Scope): Body {
  const rows: Row[] = [];
  let entries = '';
  for (const event of scope.of('MedicationRequest')) entries += activity(scope, requestFacts(event), rows);
  for (const event of scope.of('MedicationStatement')) entries += activity(scope, statementFacts(event), rows);
  for (const event of scope.of('MedicationAdministration'))
    entries += activity(scope, administrationFacts(event), rows);
  for (const event of scope.of('MedicationDispense')) entries += activity(scope, dispenseFacts(scope, event), rows);
  return { rows, entries };
}

function requestFacts(event: MedicationRequest): Facts {
  const bounds = event.dosageInstruction?.[0]?.timing?.repeat?.boundsPeriod;
  const { dispenseRequest } = event;
  const notes = [`order: ${event.intent ?? 'order'}`];
  if (dispenseRequest?.quantity) notes.push(`dispense: ${readableQuantity(dispenseRequest.quantity)}`);
  if (dispenseRequest?.numberOfRepeatsAllowed !== undefined)
    notes.push(`refills: ${dispenseRequest.numberOfRepeatsAllowed}`);
  return {
    event,
    mood: 'INT',
    status: event.status ?? 'unknown',
    start: bounds?.start ?? event.dosageInstruction?.[0]?.timing?.event?.[0] ?? event.authoredOn,
    end: bounds?.end,
    at: undefined,
    dosages: event.dosageInstruction ?? [],
    who: [event.requester],
    reasons: event.reasonCode ?? [],
    supply:
      dispenseRequest === undefined
        ? ''
        : supplyOrder(dispenseRequest.quantity, dispenseRequest.numberOfRepeatsAllowed),
    notes,
  };
}

function statementFacts(event: MedicationStatement): Facts {
  return {
    event,
    mood: 'EVN',
    status: event.status ?? 'unknown',
    start: event.effectivePeriod?.start ?? event.effectiveDateTime,
    end: event.effectivePeriod?.end,
    at: undefined,
    dosages: event.dosage ?? [],
    who: [],
    reasons: event.reasonCode ?? [],
    supply: '',
    notes: [],
  };
}

function administrationFacts(event: MedicationAdministration): Facts {
  const given = event.dosage;
  const dosage: Dosage = {};
  if (given?.text) dosage.text = given.text;
  if (given?.route) dosage.route = given.route;
  if (given?.site) dosage.site = given.site;
  if (given?.dose) dosage.doseAndRate = [{ doseQuantity: given.dose }];
  return {
    event,
    mood: 'EVN',
    status: event.status ?? 'unknown',
    start: event.effectivePeriod?.start,
    end: event.effectivePeriod?.end,
    at: event.effectiveDateTime,
    dosages: given === undefined ? [] : [dosage],
    who: (event.performer ?? []).map((one) => one.actor),
    reasons: event.reasonCode ?? [],
    supply: '',
    notes: ['administered', ...(event.statusReason ?? []).map(readable)],
  };
}

function dispenseFacts(scope: Scope, event: MedicationDispense): Facts {
  const notes = ['dispensed'];
  if (event.quantity) notes.push(`quantity: ${readableQuantity(event.quantity)}`);
  if (event.daysSupply) notes.push(`supply for: ${readableQuantity(event.daysSupply)}`);
  const at = event.whenHandedOver ?? event.whenPrepared;
  return {
    event,
    mood: 'EVN',
    status: event.status ?? 'unknown',
    start: at,
    end: undefined,
    at: undefined,
    dosages: event.dosageInstruction ?? [],
    who: (event.performer ?? []).map((one) => one.actor),
    reasons: [],
    supply: dispensed(scope, event, at),
    notes,
  };
}

/** The medication of an event: a concept, or the resource that it refers to. */
export function medicationOf(scope: Scope, event: MedicationEvent): CodeableConcept | undefined {
  if (event.medicationCodeableConcept !== undefined) return event.medicationCodeableConcept;
  const found = scope.find(event.medicationReference, event);
  if (found?.resourceType === 'Medication') return found.code;
  return event.medicationReference?.display ? { text: event.medicationReference.display } : undefined;
}

function activity(scope: Scope, facts: Facts, rows: Row[]): string {
  const { event } = facts;
  const row = scope.row();
  const concept = medicationOf(scope, event);
  const who = performers(facts.who, scope, event);
  const [dosage] = facts.dosages;
  rows.push({ id: row, cells: cellsOf(facts, concept, who.names) });
  const refused = facts.status === 'not-done' || facts.status === 'not-taken';
  return (
    `<entry typeCode="DRIV"><substanceAdministration classCode="SBADM" moodCode="${facts.mood}"${refused ? ' negationInd="true"' : ''}>${templateIds(entryTemplates.medicationActivity)}${scope.ids(event)}${textOf(row)}` +
    `<statusCode code="${statuses[facts.status] ?? 'completed'}"></statusCode>${duration(facts)}${frequency(dosage?.timing)}` +
    `${dosage?.route === undefined ? '' : code('routeCode', dosage.route, { prefer: [nciThesaurus] })}` +
    `${dosage?.site === undefined ? '' : code('approachSiteCode', dosage.site, { prefer: [snomed] })}${dose(dosage)}${rate(dosage)}` +
    `<consumable>${product(concept, row)}</consumable>${who.elements}${facts.reasons
      .slice(0, 10)
      .map((reason) => indication(reason))
      .join('')}${facts.supply}</substanceAdministration></entry>`
  );
}

function product(concept: CodeableConcept | undefined, row: string | undefined): string {
  return (
    `<manufacturedProduct classCode="MANU">${templateIds(entryTemplates.medicationInformation)}<manufacturedMaterial>` +
    `${code('code', concept, { prefer: [rxnorm, ndc, snomed], reference: row === undefined ? undefined : `${row}c` })}</manufacturedMaterial></manufacturedProduct>`
  );
}

function cellsOf(facts: Facts, concept: CodeableConcept | undefined, names: string): string[] {
  const { dosages, event } = facts;
  const doses = dosages.flatMap((one) =>
    (one.doseAndRate ?? []).map((part) => readableDose(part.doseQuantity, part.doseRange)),
  );
  const rates = dosages.flatMap((one) =>
    (one.doseAndRate ?? []).map((part) => readableRate(part.rateQuantity, part.rateRange, part.rateRatio)),
  );
  const period =
    facts.start || facts.end
      ? { ...(facts.start ? { start: facts.start } : {}), ...(facts.end ? { end: facts.end } : {}) }
      : undefined;
  return [
    readable(concept) || 'unnamed medication',
    dosages.map(readableDirections).filter(Boolean).join('\n'),
    [...doses, ...rates].filter(Boolean).join('; '),
    dosages
      .map((one) => [readable(one.route), readable(one.site), readable(one.method)].filter(Boolean).join(', '))
      .filter(Boolean)
      .join('; '),
    readablePeriod(facts.at, period),
    facts.status,
    facts.reasons.map(readable).filter(Boolean).join(', '),
    [...facts.notes, names ? `by: ${names}` : '', readableNotes(event.note)].filter(Boolean).join('\n'),
  ];
}

function readableDose(given: Quantity | undefined, range: Range | undefined): string {
  return given === undefined ? readableRange(range) : readableQuantity(given);
}

function readableRate(given: Quantity | undefined, range: Range | undefined, ratio: Ratio | undefined): string {
  if (given !== undefined) return `rate ${readableQuantity(given)}`;
  if (range !== undefined) return `rate ${readableRange(range)}`;
  return ratio === undefined
    ? ''
    : `rate ${readableQuantity(ratio.numerator)} per ${readableQuantity(ratio.denominator)}`;
}

function readableDirections(dosage: Dosage): string {
  const { timing } = dosage;
  const repeat = timing?.repeat;
  const parts = [
    dosage.text ?? '',
    readable(timing?.code),
    repeat?.frequency && repeat.period
      ? `${repeat.frequency} time(s) every ${repeat.period} ${repeat.periodUnit ?? ''}`
      : '',
    (repeat?.when ?? []).join(', '),
    (repeat?.timeOfDay ?? []).join(', '),
    dosage.patientInstruction ?? '',
    (dosage.additionalInstruction ?? []).map(readable).join(', '),
    dosage.asNeededBoolean
      ? 'as needed'
      : dosage.asNeededCodeableConcept
        ? `as needed for ${readable(dosage.asNeededCodeableConcept)}`
        : '',
  ];
  return [...new Set(parts.filter(Boolean))].join('; ');
}

/** How long, or when: exactly one effectiveTime that is not a frequency (CONF:1098-7508). */
function duration(facts: Facts): string {
  const at = timeOf(facts.at);
  if (at !== undefined) return `<effectiveTime value="${at}"></effectiveTime>`;
  return `<effectiveTime${xsi} xsi:type="IVL_TS">${time('low', facts.start)}${time('high', facts.end)}</effectiveTime>`;
}

const periodUnits: ReadonlySet<string> = new Set(['s', 'min', 'h', 'd', 'wk', 'mo', 'a']);

/** Every so often, as PIVL_TS. */
function frequency(timing: Timing | undefined): string {
  const repeat = timing?.repeat;
  const { frequency: times, period, periodUnit } = repeat ?? {};
  if (!times || !period || periodUnit === undefined || !periodUnits.has(periodUnit)) return '';
  const every = realOf(Math.round((period / times) * 10_000) / 10_000);
  if (every === undefined) return '';
  return `<effectiveTime${xsi} institutionSpecified="true" operator="A" xsi:type="PIVL_TS"><period unit="${periodUnit}" value="${every}"></period></effectiveTime>`;
}

/** Exactly one doseQuantity (CONF:1098-7516); a count where the unit is a form and not UCUM. */
function dose(dosage: Dosage | undefined): string {
  const part = dosage?.doseAndRate?.[0];
  if (part?.doseRange !== undefined) {
    const low = part.doseRange.low === undefined ? '' : quantity('low', part.doseRange.low);
    const high = part.doseRange.high === undefined ? '' : quantity('high', part.doseRange.high);
    if (low + high !== '') return `<doseQuantity>${low}${high}</doseQuantity>`;
  }
  return amount('doseQuantity', part?.doseQuantity);
}

function amount(tag: string, given: Quantity | undefined): string {
  const value = amountOf(given);
  if (given === undefined || value === undefined) return `<${tag} nullFlavor="UNK"></${tag}>`;
  const unit = unitOf(given);
  if (unit !== undefined) return quantity(tag, given);
  const words = given.unit || given.code;
  const form = words
    ? `<translation nullFlavor="OTH" value="${value}"><originalText>${text(words)}</originalText></translation>`
    : '';
  return `<${tag} value="${value}">${form}</${tag}>`;
}

/** rateQuantity must have a unit (CONF:1098-7526). */
function rate(dosage: Dosage | undefined): string {
  const part = dosage?.doseAndRate?.[0];
  const given = part?.rateQuantity;
  return given !== undefined && unitOf(given) !== undefined && realOf(given.value) !== undefined
    ? quantity('rateQuantity', given)
    : '';
}

function indication(reason: CodeableConcept): string {
  return (
    `<entryRelationship typeCode="RSON"><observation classCode="OBS" moodCode="EVN">${templateIds(entryTemplates.indication)}<id nullFlavor="NI"></id>` +
    `<code code="404684003" codeSystem="${snomed}" codeSystemName="SNOMED CT" displayName="Finding"></code><statusCode code="completed"></statusCode>` +
    `${code('value', reason, { type: 'CD', prefer: [snomed] })}</observation></entryRelationship>`
  );
}

function supplyOrder(given: Quantity | undefined, repeats: number | undefined): string {
  if (given === undefined && repeats === undefined) return '';
  const repeat =
    repeats === undefined || !Number.isInteger(repeats) ? '' : `<repeatNumber value="${repeats}"></repeatNumber>`;
  return (
    `<entryRelationship typeCode="REFR"><supply classCode="SPLY" moodCode="INT">${templateIds(entryTemplates.medicationSupplyOrder)}<id nullFlavor="NI"></id>` +
    `<statusCode code="completed"></statusCode>${repeat}${given === undefined ? '' : amount('quantity', given)}</supply></entryRelationship>`
  );
}

function dispensed(scope: Scope, event: MedicationDispense, at: string | undefined): string {
  return (
    `<entryRelationship typeCode="REFR"><supply classCode="SPLY" moodCode="EVN">${templateIds(entryTemplates.medicationDispense)}${scope.ids(event, 'supply')}` +
    `<statusCode code="completed"></statusCode>${time('effectiveTime', at)}${event.quantity === undefined ? '' : amount('quantity', event.quantity)}` +
    `<product>${product(medicationOf(scope, event), undefined)}</product></supply></entryRelationship>`
  );
}
