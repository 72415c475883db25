/** Observations: which section one belongs to, and its value as CDA and as text. */
import type {
  Attachment,
  CodeableConcept,
  Coding,
  Observation,
  ObservationComponent,
  ObservationReferenceRange,
} from '@medplum/fhirtypes';
import {
  advanceDirectiveCodes,
  familyHistoryCodes,
  functionalStatusCodes,
  implantCodes,
  mentalStatusCodes,
  socialHistoryCodes,
  vitalSignCodes,
} from '../../../schemas/ccda/classify.ts';
import { interpretationCodes, loinc, observationInterpretation, snomed } from '../../../schemas/ccda/code-systems.ts';
import type { SectionName } from '../../../schemas/ccda/templates.ts';
import {
  attribute,
  code,
  codingAttributes,
  quantityValue,
  rangeValue,
  ratioValue,
  readable,
  readablePeriod,
  readableQuantity,
  readableRange,
  readableTime,
  realOf,
  stringValue,
  text,
  timeOf,
  unitOf,
  xsi,
} from '../write.ts';

/** One question and its answer: an observation, or a component of one. */
export interface Finding {
  observation: Observation;
  /** Absent where it is the observation itself. */
  component?: ObservationComponent;
  /** Position among the components, for its id. */
  index: number;
  code: CodeableConcept;
}

/** An observation as findings: itself if it has a value or no components, then each component. */
export function findingsOf(observation: Observation): Finding[] {
  const components = observation.component ?? [];
  const findings: Finding[] = [];
  if (components.length === 0 || valueKey(observation) !== undefined)
    findings.push({ observation, index: 0, code: observation.code ?? {} });
  for (let i = 0; i < components.length && i < 200; i++) {
    const component = components[i] as ObservationComponent;
    findings.push({ observation, component, index: i + 1, code: component.code ?? {} });
  }
  return findings;
}

const loincUri = 'http://loinc.org';

export function loincCodes(concept: CodeableConcept | undefined): string[] {
  return (concept?.coding ?? [])
    .filter((coding) => coding.system === loincUri && coding.code)
    .map((coding) => coding.code as string);
}

/** What a LOINC code or a category (observation-category) says of the section; several may hold for one finding. */
const vital = 1;
const family = 2;
const implant = 4;
const directive = 8;
const social = 16;
const mental = 32;
const functional = 64;

const classes = new Map<string, number>();
for (const [bit, codes] of [
  [vital, vitalSignCodes],
  [family, familyHistoryCodes],
  [implant, implantCodes],
  [directive, advanceDirectiveCodes],
  [social, socialHistoryCodes],
  [mental, mentalStatusCodes],
  [functional, functionalStatusCodes],
] as const)
  for (const one of codes) classes.set(one, (classes.get(one) ?? 0) | bit);

const categories: ReadonlyMap<string, number> = new Map([
  ['vital-signs', vital],
  ['social-history', social],
  ['cognitive-status', mental],
  ['functional-status', functional],
]);

function classesOf(concept: CodeableConcept | undefined): number {
  let found = 0;
  for (const { system, code: one } of concept?.coding ?? noCodings)
    if (system === loincUri && one) found |= classes.get(one) ?? 0;
  return found;
}

function categoriesOf(observation: Observation): number {
  let found = 0;
  for (const concept of observation.category ?? noConcepts)
    for (const { code: one } of concept.coding ?? noCodings) if (one) found |= categories.get(one) ?? 0;
  return found;
}

const noCodings: readonly Coding[] = [];
const noConcepts: readonly CodeableConcept[] = [];

/** Section by LOINC code, then by category (observation-category). */
export function sectionOf(finding: Finding): SectionName {
  const { observation } = finding;
  const inside = finding.component === undefined ? 0 : classesOf(observation.code);
  const is = classesOf(finding.code) | inside | categoriesOf(observation);
  if (is === 0) return 'results';
  if (is & vital) return isVitalSign(finding) ? 'vitalSigns' : 'results';
  if (is & family && readableValue(finding) !== '') return 'familyHistory';
  if (is & implant && readableValue(finding) !== '') return 'medicalEquipment';
  if (is & directive) return 'advanceDirectives';
  if (is & social) return 'socialHistory';
  if (is & mental) return 'mentalStatus';
  if (is & functional) return loincCodes(finding.code).length > 0 ? 'functionalStatus' : 'results';
  return 'results';
}

/** The Vital Sign Observation takes a PQ with a unit only (CONF:1098-31579); everything else is a result. */
function isVitalSign({ observation, component }: Finding): boolean {
  const quantity = (component ?? observation).valueQuantity;
  return (
    quantity !== undefined &&
    quantity.comparator === undefined &&
    realOf(quantity.value) !== undefined &&
    unitOf(quantity) !== undefined
  );
}

const valueKeys = [
  'valueQuantity',
  'valueCodeableConcept',
  'valueString',
  'valueBoolean',
  'valueInteger',
  'valueRange',
  'valueRatio',
  'valueSampledData',
  'valueTime',
  'valueDateTime',
  'valuePeriod',
] as const;

function valueKey(holder: Observation | ObservationComponent): (typeof valueKeys)[number] | undefined {
  return valueKeys.find((key) => holder[key] !== undefined);
}

/** FHIR R4 has no attachment among the values of an observation; R5's stands in this extension. */
const attachmentUrl = 'http://hl7.org/fhir/5.0/StructureDefinition/extension-Observation.value';

function attachmentOf(holder: Observation | ObservationComponent): Attachment | undefined {
  return holder.extension?.find((one) => one.url === attachmentUrl)?.valueAttachment;
}

/** An attachment as ED: its bytes, with the type where it is one that a CDA can name. */
function attachmentValue({ contentType, data, title, url }: Attachment): string {
  if (!data) return stringValue([title, url].filter(Boolean).join(' ') || 'attachment');
  const type =
    contentType !== undefined && /^[\x21-\x7e]+$/.test(contentType) ? ` mediaType="${attribute(contentType)}"` : '';
  return `<value${xsi}${type} representation="B64" xsi:type="ED">${text(data)}</value>`;
}

function readableAttachment({ contentType, data, title, url }: Attachment): string {
  const plain = data && contentType?.startsWith('text/plain') ? Buffer.from(data, 'base64').toString('utf8') : '';
  return [title ?? '', plain || (data ? `(attachment of type ${contentType ?? 'unknown'})` : ''), url ?? '']
    .filter(Boolean)
    .join(' ');
}

/** The value of a finding as `<value>` of any type; a null one says why it is absent. */
export function findingValue({ observation, component }: Finding, reference?: string): string {
  const holder = component ?? observation;
  if (holder.valueQuantity !== undefined) return quantityValue(holder.valueQuantity);
  if (holder.valueCodeableConcept !== undefined)
    return code('value', holder.valueCodeableConcept, { type: 'CD', prefer: [snomed, loinc], reference });
  if (holder.valueString !== undefined) return stringValue(holder.valueString);
  if (holder.valueBoolean !== undefined) return `<value${xsi} value="${holder.valueBoolean}" xsi:type="BL"></value>`;
  if (holder.valueInteger !== undefined) return `<value${xsi} value="${holder.valueInteger}" xsi:type="INT"></value>`;
  if (holder.valueRange !== undefined) return rangeValue(holder.valueRange);
  if (holder.valueRatio !== undefined) return ratioValue(holder.valueRatio);
  if (timeOf(holder.valueDateTime) !== undefined)
    return `<value${xsi} value="${timeOf(holder.valueDateTime)}" xsi:type="TS"></value>`;
  if (holder.valuePeriod !== undefined) return periodValue(holder.valuePeriod.start, holder.valuePeriod.end);
  const attached = attachmentOf(holder);
  if (attached !== undefined) return attachmentValue(attached);
  const words = readableValue({ observation, component, index: 0, code: {} } as Finding);
  if (words !== '' && valueKey(holder) !== undefined) return stringValue(words);
  return `<value${xsi} nullFlavor="${absence(holder)}" xsi:type="CD"></value>`;
}

function periodValue(start: string | undefined, end: string | undefined): string {
  const low = timeOf(start);
  const high = timeOf(end);
  if (low === undefined && high === undefined) return `<value${xsi} nullFlavor="UNK" xsi:type="IVL_TS"></value>`;
  return (
    `<value${xsi} xsi:type="IVL_TS">${low === undefined ? '' : `<low value="${low}"></low>`}` +
    `${high === undefined ? '' : `<high value="${high}"></high>`}</value>`
  );
}

/** NullFlavor for a data-absent-reason. */
function absence(holder: Observation | ObservationComponent): string {
  switch (holder.dataAbsentReason?.coding?.[0]?.code) {
    case 'masked':
      return 'MSK';
    case 'not-applicable':
      return 'NA';
    case 'asked-unknown':
      return 'ASKU';
    case 'not-asked':
      return 'NASK';
    case 'temp-unknown':
      return 'NAV';
    case undefined:
      return 'NI';
    default:
      return 'UNK';
  }
}

export function readableValue({ observation, component }: Finding): string {
  const holder = component ?? observation;
  if (holder.valueQuantity !== undefined) return readableQuantity(holder.valueQuantity);
  if (holder.valueCodeableConcept !== undefined) return readable(holder.valueCodeableConcept);
  if (holder.valueString !== undefined) return holder.valueString;
  if (holder.valueBoolean !== undefined) return holder.valueBoolean ? 'yes' : 'no';
  if (holder.valueInteger !== undefined) return String(holder.valueInteger);
  if (holder.valueRange !== undefined) return readableRange(holder.valueRange);
  if (holder.valueRatio !== undefined)
    return `${readableQuantity(holder.valueRatio.numerator)} : ${readableQuantity(holder.valueRatio.denominator)}`;
  if (holder.valueTime !== undefined) return holder.valueTime;
  if (holder.valueDateTime !== undefined) return readableTime(holder.valueDateTime);
  if (holder.valuePeriod !== undefined) return readablePeriod(undefined, holder.valuePeriod);
  if (holder.valueSampledData !== undefined) {
    const { data, period, origin } = holder.valueSampledData;
    return `${data ?? ''} (origin ${readableQuantity(origin)}, every ${period ?? '?'} ms)`.trim();
  }
  const attached = attachmentOf(holder);
  if (attached !== undefined) return readableAttachment(attached);
  return holder.dataAbsentReason === undefined ? '' : `not given: ${readable(holder.dataAbsentReason)}`;
}

/** Time of a finding. */
export function whenOf(observation: Observation): string | undefined {
  return (
    observation.effectiveDateTime ??
    observation.effectiveInstant ??
    (observation.effectivePeriod === undefined ? observation.issued : undefined)
  );
}

export function readableWhen(observation: Observation): string {
  return readablePeriod(whenOf(observation), observation.effectivePeriod);
}

/** interpretationCode elements; codes outside the HL7 vocabulary stand as originalText. */
export function interpretations({ observation, component }: Finding): string {
  let out = '';
  const { interpretation } = component ?? observation;
  if (interpretation === undefined) return '';
  for (const concept of interpretation.length > 10 ? interpretation.slice(0, 10) : interpretation) {
    const coding = concept.coding?.find((one) => interpretationCodes.has(one.code ?? ''));
    if (coding === undefined) {
      const words = readable(concept);
      if (words)
        out += `<interpretationCode nullFlavor="OTH"><originalText>${text(words)}</originalText></interpretationCode>`;
    } else {
      out += `<interpretationCode${codingAttributes(coding, observationInterpretation)}></interpretationCode>`;
    }
  }
  return out;
}

export function readableInterpretation({ observation, component }: Finding): string {
  const { interpretation } = component ?? observation;
  return interpretation === undefined ? '' : interpretation.map(readable).filter(Boolean).join(', ');
}

const noRanges: readonly ObservationReferenceRange[] = [];

function rangesOf({ observation, component }: Finding): readonly ObservationReferenceRange[] {
  const { referenceRange } = component ?? observation;
  if (referenceRange === undefined) return noRanges;
  return referenceRange.length > 10 ? referenceRange.slice(0, 10) : referenceRange;
}

export function readableRanges(finding: Finding): string {
  const ranges = rangesOf(finding);
  if (ranges.length === 0) return '';
  return ranges.map(readableReferenceRange).filter(Boolean).join('; ');
}

function readableReferenceRange(range: ObservationReferenceRange): string {
  return range.text || readableRange(range);
}

/** referenceRange with exactly one value each (CONF:1198-7150). */
export function referenceRanges(finding: Finding): string {
  let out = '';
  for (const range of rangesOf(finding)) {
    const words = readableReferenceRange(range);
    if (words === '') continue;
    const bounded = range.low !== undefined || range.high !== undefined;
    const value = bounded ? rangeValue(range) : stringValue(words);
    out += `<referenceRange><observationRange><text>${text(words)}</text>${value}</observationRange></referenceRange>`;
  }
  return out;
}
