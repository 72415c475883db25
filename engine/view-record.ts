/** The record as people read it: FHIR resources to facts with a title, a value, a time and a source. Pure. */
import type {
  AllergyIntolerance,
  CodeableConcept,
  Condition,
  Encounter,
  HumanName,
  Immunization,
  MedicationRequest,
  Observation,
  Patient,
  Procedure,
  Quantity,
  Resource,
} from '@medplum/fhirtypes';
import type { Entry, Person } from '../schemas/parts.ts';
import type { FactView, PatientRow, PatientView } from '../schemas/portal.ts';

/** `Family, Given Middle Jr` of the official name, else of the first; '' where none is known. */
export function nameOfPatient(patient: Patient): string {
  const names = patient.name ?? [];
  const name = names.find((one) => one.use === 'official') ?? names.find((one) => one.use !== 'old') ?? names[0];
  return name === undefined ? '' : nameText(name);
}

function nameText(name: HumanName): string {
  const given = [...(name.given ?? []), ...(name.suffix ?? [])].join(' ');
  return [name.family, given].filter(Boolean).join(', ') || name.text || '';
}

/** X-PIDs are ids of persons at their region (UUIDv7): for machines, shown on the person's own page only. */
const X_PID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
const MIX_NUMBER = /^\d{3}-\d{3}-\d{4}$/;

export function patientRowOf(person: Person, facilityOf: (sourceId: string) => string): PatientRow {
  const { patient } = person;
  // The number of the exchange is given under type PN in this form; it stands apart from the local ones.
  const mix = person.identifiers.find(({ type, value }) => type === 'PN' && MIX_NUMBER.test(value));
  const row: PatientRow = {
    id: person.id,
    name: nameOfPatient(patient),
    numbers: person.identifiers
      .filter((one) => one !== mix && !(one.type === 'PI' && X_PID.test(one.value)))
      .map(({ type, value, sourceId }) => ({ type, value, facility: facilityOf(sourceId) })),
    updatedAt: new Date(person.updatedAt).toISOString(),
    incomplete: person.incomplete,
  };
  if (mix !== undefined) row.mixNumber = mix.value;
  if (patient.birthDate) row.birthDate = patient.birthDate;
  if (patient.gender) row.sex = patient.gender;
  return row;
}

/** What a code says to a human: its text, else a display, else the bare code. */
export function conceptText(concept: CodeableConcept | undefined): string {
  if (concept === undefined) return '';
  const display = concept.coding?.find((coding) => coding.display)?.display;
  return concept.text ?? display ?? concept.coding?.[0]?.code ?? '';
}

function quantityText(quantity: Quantity | undefined): string {
  if (quantity === undefined) return '';
  return [quantity.comparator, quantity.value, unitText(quantity.unit)].filter((part) => part !== undefined).join(' ');
}

/** UCUM codes whose letters are not what people write; every other unit is shown as sent. */
const UNITS: Record<string, string> = {
  Cel: '°C',
  '[degF]': '°F',
  'mm[Hg]': 'mmHg',
  '[lb_av]': 'lb',
  '[in_i]': 'in',
  '[oz_av]': 'oz',
  '{score}': '',
  '10*3/uL': '×10³/µL',
  '10*6/uL': '×10⁶/µL',
};

function unitText(unit: string | undefined): string | undefined {
  return unit === undefined ? undefined : (UNITS[unit] ?? unit);
}

/** What a resource is, in a line: used where a list only names it. */
export function titleOf(resource: Resource): string {
  const fact: FactView = {
    id: '',
    type: resource.resourceType,
    title: '',
    status: '',
    removed: false,
    source: { sourceId: '', messageId: '' },
  };
  describe(fact, resource);
  return fact.title;
}

export function factOf(entry: Entry): FactView {
  const fact: FactView = {
    id: entry.id,
    type: entry.type,
    title: '',
    status: entry.status,
    removed: entry.removed,
    source: { sourceId: entry.sourceId, messageId: entry.messageId },
  };
  if (entry.code) fact.code = entry.code;
  if (entry.from !== undefined) fact.from = entry.from;
  describe(fact, entry.body);
  return fact;
}

function describe(fact: FactView, resource: Resource): void {
  switch (resource.resourceType) {
    case 'Observation':
      describeObservation(fact, resource);
      break;
    case 'Encounter':
      describeEncounter(fact, resource);
      break;
    case 'AllergyIntolerance':
      describeAllergy(fact, resource);
      break;
    case 'Condition':
      describeCondition(fact, resource);
      break;
    case 'Immunization':
      describeImmunization(fact, resource);
      break;
    case 'MedicationRequest':
      describeMedication(fact, resource);
      break;
    case 'Procedure':
      describeProcedure(fact, resource);
      break;
    default:
      describeOther(fact, resource);
      break;
  }
}

function describeObservation(fact: FactView, observation: Observation): void {
  fact.title = conceptText(observation.code);
  setTime(fact, observation.effectiveDateTime ?? observation.effectivePeriod?.start ?? observation.issued);
  const quantity = observation.valueQuantity;
  if (quantity !== undefined) {
    fact.value = quantityText({ ...quantity, unit: undefined });
    const unit = unitText(quantity.unit ?? quantity.code);
    if (unit) fact.unit = unit;
    if (quantity.value !== undefined) fact.numeric = quantity.value;
  } else {
    const value = observation.valueString ?? conceptText(observation.valueCodeableConcept) ?? observation.valueDateTime;
    const plain = value || observation.valueDateTime || observation.valueTime || numberText(observation.valueInteger);
    if (plain) fact.value = plain;
  }
  const range = observation.referenceRange?.[0];
  if (range !== undefined) {
    const text = range.text ?? [range.low?.value, range.high?.value].map((value) => value ?? '').join(' – ');
    if (text) fact.range = text;
    if (range.low?.value !== undefined) fact.low = range.low.value;
    if (range.high?.value !== undefined) fact.high = range.high.value;
  }
  const interpretation = conceptText(observation.interpretation?.[0]);
  if (interpretation) fact.interpretation = interpretation;
}

const numberText = (value: number | undefined): string | undefined => (value === undefined ? undefined : String(value));

function describeEncounter(fact: FactView, encounter: Encounter): void {
  const patientClass = encounter.class?.display || CLASSES[encounter.class?.code ?? ''] || encounter.class?.code;
  fact.title = patientClass ? capital(patientClass) : 'Encounter';
  setTime(fact, encounter.period?.start);
  if (encounter.period?.end) fact.until = encounter.period.end;
  const place = encounter.location?.find((one) => one.location.display)?.location.display;
  const doctor = encounter.participant?.find((one) => one.individual?.display)?.individual?.display;
  const value = [conceptText(encounter.type?.[0]), place, doctor].filter(Boolean).join(' · ');
  if (value) fact.value = value;
}

/** v3 ActCode encounter classes that come without a display. */
const CLASSES: Record<string, string> = {
  IMP: 'inpatient',
  ACUTE: 'inpatient acute',
  AMB: 'outpatient',
  EMER: 'emergency',
  OBSENC: 'observation',
  PRENC: 'pre-admission',
  SS: 'short stay',
  HH: 'home health',
  VR: 'virtual',
};

const capital = (text: string): string => text.slice(0, 1).toUpperCase() + text.slice(1);

function describeAllergy(fact: FactView, allergy: AllergyIntolerance): void {
  fact.title = conceptText(allergy.code);
  setTime(fact, allergy.onsetDateTime ?? allergy.recordedDate);
  const reactions = (allergy.reaction ?? []).flatMap((reaction) => reaction.manifestation.map(conceptText));
  if (reactions.length > 0) fact.value = reactions.join(', ');
  const severity = allergy.reaction?.find((reaction) => reaction.severity)?.severity ?? allergy.criticality;
  if (severity) fact.interpretation = severity;
}

function describeCondition(fact: FactView, condition: Condition): void {
  fact.title = conceptText(condition.code);
  setTime(fact, condition.onsetDateTime ?? condition.recordedDate);
  if (condition.abatementDateTime) fact.until = condition.abatementDateTime;
  const kind = conceptText(condition.category?.[0]);
  // Where a problem list is asked for, 'problem list item' says nothing.
  if (kind && kind !== 'problem-list-item') fact.value = kind.replaceAll('-', ' ');
}

function describeImmunization(fact: FactView, immunization: Immunization): void {
  fact.title = conceptText(immunization.vaccineCode);
  setTime(fact, immunization.occurrenceDateTime);
  const refused = immunization.status === 'not-done';
  const value = refused
    ? `not given: ${conceptText(immunization.statusReason) || 'no reason told'}`
    : quantityText(immunization.doseQuantity);
  if (value) fact.value = value;
}

function describeMedication(fact: FactView, request: MedicationRequest): void {
  fact.title = conceptText(request.medicationCodeableConcept) || request.medicationReference?.display || '';
  setTime(fact, request.authoredOn);
  const dosage = request.dosageInstruction?.[0];
  const dose = quantityText(dosage?.doseAndRate?.[0]?.doseQuantity);
  const value =
    dosage?.text ?? [dose, conceptText(dosage?.route), conceptText(dosage?.timing?.code)].filter(Boolean).join(' · ');
  if (value) fact.value = value;
}

function describeProcedure(fact: FactView, procedure: Procedure): void {
  fact.title = conceptText(procedure.code);
  setTime(fact, procedure.performedDateTime ?? procedure.performedPeriod?.start);
}

/** Resources without a card of their own: the code, description or name that they carry, and their first date. */
function describeOther(fact: FactView, resource: Resource): void {
  const bag = resource as unknown as {
    code?: CodeableConcept;
    type?: CodeableConcept | CodeableConcept[];
    description?: string;
    name?: HumanName[] | string;
    authoredOn?: string;
    effectiveDateTime?: string;
    date?: string;
    medicationCodeableConcept?: CodeableConcept;
    payor?: { display?: string }[];
    relationship?: CodeableConcept[];
  };
  const name = typeof bag.name === 'string' ? bag.name : bag.name?.[0] && nameText(bag.name[0]);
  const type = Array.isArray(bag.type) ? bag.type[0] : bag.type;
  fact.title =
    conceptText(bag.code) ||
    conceptText(bag.medicationCodeableConcept) ||
    bag.description ||
    name ||
    bag.payor?.[0]?.display ||
    conceptText(type) ||
    resource.resourceType;
  setTime(fact, bag.effectiveDateTime ?? bag.authoredOn ?? bag.date);
  const relation = conceptText(bag.relationship?.[0]);
  if (relation) fact.value = relation;
}

function setTime(fact: FactView, at: string | undefined): void {
  if (at) fact.at = at;
}

const CARD: Partial<Record<Resource['resourceType'], FactCard>> = {
  AllergyIntolerance: 'allergies',
  Condition: 'problems',
  MedicationRequest: 'medications',
  MedicationStatement: 'medications',
  MedicationAdministration: 'medications',
  Immunization: 'immunizations',
  Procedure: 'procedures',
  Encounter: 'encounters',
  Observation: 'results',
};

type FactCard =
  | 'allergies'
  | 'problems'
  | 'medications'
  | 'immunizations'
  | 'procedures'
  | 'encounters'
  | 'results'
  | 'others';

/** A record in the cards of the patient's page, each latest first. */
export function cardsOf(entries: Entry[]): Pick<PatientView, FactCard> {
  const cards: Record<FactCard, FactView[]> = {
    allergies: [],
    problems: [],
    medications: [],
    immunizations: [],
    procedures: [],
    encounters: [],
    results: [],
    others: [],
  };
  for (const entry of entries) if (!entry.removed) cards[CARD[entry.type] ?? 'others'].push(factOf(entry));
  for (const facts of Object.values(cards)) facts.sort(latestFirst);
  return cards;
}

/** Facts of the same time stand in the order of their names, so that a record looks the same each time. */
function latestFirst(a: FactView, b: FactView): number {
  return (b.at ?? '').localeCompare(a.at ?? '') || a.title.localeCompare(b.title) || a.id.localeCompare(b.id);
}
