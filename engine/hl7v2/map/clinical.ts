/** AL1, IAM, DG1, PR1, FT1, SFT -> AllergyIntolerance, Condition, Procedure, ChargeItem, Device (chapters 3, 6 and 2.14). */
import type {
  AllergyIntolerance,
  AllergyIntoleranceReaction,
  ChargeItem,
  CodeableConcept,
  Condition,
  Device,
  Encounter,
  Procedure,
} from '@medplum/fhirtypes';
import { systemOf, tableCode } from '../../../schemas/codes.ts';
import type { Act } from '../../record/index.ts';
import { conceptIn, conceptsOf, dateTimeOf, hang, numberOf, quantityOf, timeOf, toPatient } from './build.ts';
import { entityKey, entityOf, organizationOf, practitionerOf } from './datatypes.ts';
import { componentsOf, type SegmentReader, textOf } from './reader.ts';

export interface Mapped<T> {
  key: string;
  act: Act;
  resource: T;
  /** Elements of a patch that only fill gaps. */
  weak?: string[];
}

const clinical = 'http://terminology.hl7.org/CodeSystem/allergyintolerance-clinical';
const verification = 'http://terminology.hl7.org/CodeSystem/allergyintolerance-verification';
const sct = 'http://snomed.info/sct';

/** What a concept is about, for natural keys: `system#code`, else its text. */
export function conceptKey(concept: CodeableConcept | undefined): string {
  const coding = concept?.coding?.[0];
  if (coding?.code) return `${coding.system ?? ''}#${coding.code}`;
  return (concept?.text ?? '').toUpperCase();
}

/** "No known ..." statements by their SNOMED CT codes and the words that senders use. */
const noneKnown: [code: string, display: string, words: RegExp][] = [
  ['409137002', 'No known drug allergy', /^(NKDA|NO KNOWN (DRUG|MEDICATION|MED) ALLERG(Y|IES))$/],
  ['429625007', 'No known food allergy', /^(NKFA|NO KNOWN FOOD ALLERG(Y|IES))$/],
  ['428607008', 'No known environmental allergy', /^(NKEA|NO KNOWN ENVIRONMENTAL ALLERG(Y|IES))$/],
  ['428197003', 'No known insect allergy', /^NO KNOWN INSECT ALLERG(Y|IES)$/],
  ['716186003', 'No known allergy', /^(NKA|NO KNOWN ALLERG(Y|IES)|NONE KNOWN|NO ALLERGIES)$/],
];

/** The negated statement that this concept makes, or undefined: it names something one is allergic to. */
export function negatedAllergy(concept: CodeableConcept): CodeableConcept | undefined {
  const texts = [concept.text, ...(concept.coding ?? []).flatMap((coding) => [coding.code, coding.display])]
    .filter((text) => text !== undefined)
    .map((text) => text.trim().toUpperCase());
  // Allergens are looked at often; what denies them begins with N or is one of five codes.
  if (!texts.some((text) => text.startsWith('N') || noneKnown.some(([code]) => code === text))) return undefined;
  for (const [code, display, words] of noneKnown) {
    if (!texts.some((text) => text === code || words.test(text))) continue;
    const others = (concept.coding ?? []).filter((coding) => !(coding.system === sct && coding.code === code));
    return { ...concept, coding: [{ system: sct, code, display }, ...others] };
  }
  return undefined;
}

/** Segment action codes (tables 0206, 0323): D deletes; one that nobody knows is kept. */
function actOf(s: SegmentReader, n: number): Act {
  const code = s.code(n);
  if (!/^[ADUSX]?$/.test(code)) s.keep(n);
  return code === 'D' ? 'remove' : 'put';
}

/** AL1 -> AllergyIntolerance. A1-less snapshots do not delete: absence says nothing. */
export function mapAllergy(s: SegmentReader): Mapped<AllergyIntolerance> | undefined {
  const isIam = s.segment.name === 'IAM';
  s.touch(1);
  const sent = conceptIn(s, 3);
  const resource: AllergyIntolerance = {
    resourceType: 'AllergyIntolerance',
    patient: toPatient,
    clinicalStatus: { coding: [{ system: clinical, code: 'active' }] },
    verificationStatus: { coding: [{ system: verification, code: 'confirmed' }] },
  };
  const code = sent && (negatedAllergy(sent) ?? sent);
  if (code) resource.code = code;
  const kind = s.code(2);
  const category = tableCode('allergyCategory', kind);
  const isNegated = sent !== undefined && code !== sent;
  if (category && !isNegated) resource.category = [category as NonNullable<AllergyIntolerance['category']>[number]];
  const kindText = s.text(2);
  if (kindText !== '' && (!category || isNegated || kindText !== kind)) s.keepText(2, kindText);
  const severity = s.code(4);
  const criticality = tableCode('allergyCriticality', severity);
  if (criticality) resource.criticality = criticality as NonNullable<AllergyIntolerance['criticality']>;
  const severityText = s.text(4);
  if (severityText !== '' && (!criticality || severityText !== severity || severity !== 'SV'))
    s.keepText(4, severityText);
  const manifestation = s.repetitions(5).map((part): CodeableConcept => ({ text: textOf(s.m, part) }));
  if (manifestation.length > 0) {
    const reaction: AllergyIntoleranceReaction = { manifestation };
    const felt = tableCode('allergySeverity', severity);
    if (felt) reaction.severity = felt as NonNullable<AllergyIntoleranceReaction['severity']>;
    resource.reaction = [reaction];
  }
  const onset = isIam ? dateTimeOf(s, 11) : dateTimeOf(s, 6);
  if (onset !== undefined) resource.onsetDateTime = onset;
  const own = isIam ? mapIamRest(s, resource) : '';
  const act = isIam ? actOf(s, 6) : 'put';
  hang(resource, s.kept);
  const key = own || conceptKey(code);
  if (key === '') return undefined;
  return { key: `AllergyIntolerance|${key}`, act, resource };
}

const iamStatus: Record<string, string> = {
  U: 'unconfirmed',
  P: 'unconfirmed',
  S: 'unconfirmed',
  C: 'confirmed',
  I: 'confirmed',
  E: 'entered-in-error',
  D: 'unconfirmed',
};

function mapIamRest(s: SegmentReader, resource: AllergyIntolerance): string {
  const identifier = s.has(7) ? entityOf(s.m, s.first(7)) : undefined;
  if (identifier) resource.identifier = [identifier];
  const recorded = dateTimeOf(s, 13);
  if (recorded !== undefined) resource.recordedDate = recorded;
  const asserter = s.text(14);
  if (asserter !== '') resource.asserter = { display: asserter };
  if (s.code(9) === 'AL') resource.type = 'allergy';
  else if (s.code(9) === 'IN') resource.type = 'intolerance';
  else s.keep(9);
  const status = s.code(17);
  if (iamStatus[status]) resource.verificationStatus = { coding: [{ system: verification, code: iamStatus[status] }] };
  else s.keep(17);
  if (status === 'I') resource.clinicalStatus = { coding: [{ system: clinical, code: 'inactive' }] };
  if (status === 'E') delete resource.clinicalStatus;
  s.keep(8, 10, 12, 15, 16, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30);
  return entityKey(s.m, s.first(7));
}

/** A coded field whose system may stand in a field of its own (DG1-2, PR1-2 in old versions). */
function codedWith(
  s: SegmentReader,
  n: number,
  methodField: number,
  descriptionField: number,
): CodeableConcept | undefined {
  const method = s.text(methodField);
  const concept = conceptIn(s, n);
  const description = s.text(descriptionField);
  const first = concept?.coding?.[0];
  if (first && first.system === undefined && method !== '') {
    const system = systemOf(method);
    if (system) first.system = system;
  }
  if (method !== '' && !(first?.system !== undefined && systemOf(method) === first.system))
    s.keepText(methodField, method);
  if (!concept) return description === '' ? undefined : { text: description };
  if (description !== '' && concept.text === undefined) concept.text = description;
  else if (description !== '' && concept.text !== description) s.keepText(descriptionField, description);
  return concept;
}

/** DG1 -> Condition, and the visit's diagnosis. */
export function mapDg1(
  s: SegmentReader,
  visitKey: string,
  encounter: Encounter | undefined,
  link: (key: string) => void,
): Mapped<Condition> | undefined {
  s.touch(1);
  const code = codedWith(s, 3, 2, 4);
  const type = conceptIn(s, 6, '0052');
  const condition: Condition = {
    resourceType: 'Condition',
    subject: toPatient,
    clinicalStatus: {
      coding: [{ system: 'http://terminology.hl7.org/CodeSystem/condition-clinical', code: 'active' }],
    },
    verificationStatus: {
      coding: [
        {
          system: 'http://terminology.hl7.org/CodeSystem/condition-ver-status',
          code: s.code(6) === 'W' ? 'provisional' : 'confirmed',
        },
      ],
    },
    category: [
      { coding: [{ system: 'http://terminology.hl7.org/CodeSystem/condition-category', code: 'encounter-diagnosis' }] },
    ],
  };
  if (type) condition.category!.push(type);
  if (code) condition.code = code;
  const identifier = s.has(20) ? entityOf(s.m, s.first(20)) : undefined;
  if (identifier) condition.identifier = [identifier];
  const onset = dateTimeOf(s, 5);
  if (onset !== undefined) condition.onsetDateTime = onset;
  const recorded = dateTimeOf(s, 19);
  if (recorded !== undefined) condition.recordedDate = recorded;
  const asserters = s.repetitions(16);
  const asserter = asserters[0] === undefined ? undefined : practitionerOf(s.m, asserters[0]);
  if (asserter) condition.asserter = asserter as NonNullable<Condition['asserter']>;
  if (asserters.length > 1)
    s.keepText(
      16,
      asserters
        .slice(1)
        .map((part) => textOf(s.m, part))
        .join('; '),
    );
  if (visitKey !== '') condition.encounter = { reference: `key:${visitKey}` };
  const act = actOf(s, 21);
  s.keep(7, 8, 9, 10, 11, 12, 13, 14, 17, 18, 22, 23, 24, 25, 26);
  s.touch(15);
  const rank = numberOf(s.text(15));
  if (rank === undefined || rank < 1 || !encounter) s.keep(15);
  hang(condition, s.kept);
  const own = entityKey(s.m, s.first(20)) || conceptKey(code);
  if (own === '') return undefined;
  const key = `Condition|${visitKey}|${own}|${s.code(6)}`;
  if (encounter && act === 'put') addDiagnosis(encounter, key, type, rank);
  link(key);
  return { key, act, resource: condition };
}

function addDiagnosis(
  encounter: Encounter,
  key: string,
  use: CodeableConcept | undefined,
  rank: number | undefined,
): void {
  const diagnosis: NonNullable<Encounter['diagnosis']>[number] = { condition: { reference: `key:${key}` } };
  if (use) diagnosis.use = use;
  if (rank !== undefined && rank > 0) diagnosis.rank = Math.floor(rank);
  encounter.diagnosis = [...(encounter.diagnosis ?? []), diagnosis];
}

const performers: [field: number, display: string][] = [
  [8, 'Anesthesiologist'],
  [11, 'Surgeon'],
  [12, 'Procedure practitioner'],
];

/** PR1 -> Procedure. */
export function mapPr1(s: SegmentReader, visitKey: string): Mapped<Procedure> | undefined {
  s.touch(1);
  const procedure: Procedure = { resourceType: 'Procedure', status: 'completed', subject: toPatient };
  const code = codedWith(s, 3, 2, 4);
  if (code) procedure.code = code;
  const identifier = s.has(19) ? entityOf(s.m, s.first(19)) : undefined;
  if (identifier) procedure.identifier = [identifier];
  const time = timeOf(s, 5);
  if (time) procedure.performedDateTime = time.dateTime;
  const category = conceptIn(s, 6, '0230');
  if (category) procedure.category = category;
  const performer: NonNullable<Procedure['performer']> = [];
  for (const [n, text] of performers)
    for (const part of s.repetitions(n)) {
      const actor = practitionerOf(s.m, part);
      if (actor)
        performer.push({ function: { text }, actor: actor as NonNullable<Procedure['performer']>[number]['actor'] });
    }
  if (performer.length > 0) procedure.performer = performer;
  const reason = conceptsOf(s, 15);
  if (reason) procedure.reasonCode = reason;
  if (visitKey !== '') procedure.encounter = { reference: `key:${visitKey}` };
  s.keep(7, 9, 10, 13, 14, 16, 17, 18, 21, 22, 23, 24, 25);
  const act = actOf(s, 20);
  hang(procedure, s.kept);
  const own = entityKey(s.m, s.first(19)) || `${conceptKey(code)}|${time?.dateTime ?? ''}`;
  return own === '|' ? undefined : { key: `Procedure|${visitKey}|${own}`, act, resource: procedure };
}

/** FT1 -> ChargeItem. */
export function mapFt1(s: SegmentReader, visitKey: string): Mapped<ChargeItem> {
  s.touch(1);
  const item: ChargeItem = {
    resourceType: 'ChargeItem',
    status: 'billable',
    code: conceptIn(s, 7) ?? conceptIn(s, 25) ?? { text: 'charge' },
    subject: toPatient,
  };
  if (s.has(2)) item.identifier = [entityOf(s.m, s.first(2))!];
  const occurrence = periodOrTime(s);
  if (occurrence) item.occurrenceDateTime = occurrence;
  const entered = dateTimeOf(s, 5);
  if (entered !== undefined) item.enteredDate = entered;
  const quantity = quantityOf(s.m, s.text(10), '', 'FT1-10');
  if (quantity) item.quantity = quantity;
  else s.keep(10);
  const performer: NonNullable<ChargeItem['performer']> = [];
  for (const part of s.repetitions(20)) {
    const actor = practitionerOf(s.m, part);
    if (actor) performer.push({ actor: actor as NonNullable<ChargeItem['performer']>[number]['actor'] });
  }
  if (performer.length > 0) item.performer = performer;
  const reason = conceptsOf(s, 19);
  if (reason) item.reason = reason;
  if (visitKey !== '') item.context = { reference: `key:${visitKey}` };
  s.keepRest(3, 56);
  hang(item, s.kept);
  return {
    key: `ChargeItem|${visitKey}|${entityKey(s.m, s.first(2))}|${conceptKey(item.code)}|${s.raw(4)}`,
    act: 'put',
    resource: item,
  };
}

function periodOrTime(s: SegmentReader): string | undefined {
  const parts = componentsOf(s.m, s.raw(4));
  if (parts.length > 1 && parts[1] !== '') s.keepText(4, textOf(s.m, s.raw(4)));
  return dateTimeOf(s, 4);
}

/** SFT -> the software that sent it, as a Device. */
export function mapSft(s: SegmentReader): Mapped<Device> {
  const vendor = s.has(1) ? organizationOf(s.m, s.first(1)) : undefined;
  const product = s.text(3);
  const device: Device = { resourceType: 'Device', type: { text: 'software' } };
  if (vendor?.display) device.manufacturer = vendor.display;
  if (product !== '') device.deviceName = [{ name: product, type: 'model-name' }];
  if (s.has(2)) device.version = [{ value: s.text(2) }];
  if (s.has(4)) device.modelNumber = s.text(4);
  s.keep(5, 6);
  if (vendor?.identifier || vendor?.extension) s.keep(1);
  hang(device, s.kept);
  return { key: `Device|${vendor?.display ?? ''}|${product}`, act: 'put', resource: device };
}
