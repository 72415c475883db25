/** OBX -> Observation (chapter 7.4.2; HL7 v2-to-FHIR, OBX[Observation]). */
import type {
  Attachment,
  CodeableConcept,
  Extension,
  Observation,
  ObservationComponent,
  ObservationReferenceRange,
  Quantity,
  Range,
  Ratio,
} from '@medplum/fhirtypes';
import { conceptOf, tableCode } from '../../../schemas/codes.ts';
import { addUnit, conceptIn, conceptsOf, dateTimeOf, hang, numberOf, quantityOf, some, toPatient } from './build.ts';
import { conceptOfCwe, entityOf, organizationOf, practitionerOf } from './datatypes.ts';
import { componentsOf, keptAs, literal, type SegmentReader, split, tell, textOf, v2Extension } from './reader.ts';
import { readClock, readTime } from './times.ts';

const attachmentUrl = 'http://hl7.org/fhir/5.0/StructureDefinition/extension-Observation.value';

/** LOINC codes of the FHIR vital signs profiles and their near relatives. */
const vitalSigns = new Set([
  '85353-1',
  '9279-1',
  '8867-4',
  '2708-6',
  '59408-5',
  '8310-5',
  '8302-2',
  '9843-4',
  '8287-5',
  '29463-7',
  '3141-9',
  '39156-5',
  '85354-9',
  '8480-6',
  '8462-4',
  '8478-0',
  '8306-3',
  '3140-1',
  '3137-7',
  '8331-1',
  '8328-7',
  '3150-6',
  '3151-8',
]);
const socialHistory = new Set(['72166-2', '11367-0', '74013-4', '11331-6', '76689-9', '82810-3']);

export interface Value {
  valueQuantity?: Quantity;
  valueCodeableConcept?: CodeableConcept;
  valueString?: string;
  valueRange?: Range;
  valueRatio?: Ratio;
  valueDateTime?: string;
  valueTime?: string;
  valuePeriod?: { start?: string; end?: string };
  attachment?: Attachment;
}

/** OBX-5 after OBX-2, one repetition. */
export function readValue(s: SegmentReader, type: string, raw: string, unit: string): Value {
  const m = s.m;
  switch (type) {
    case 'NM':
      return numberValue(s, raw, unit);
    case 'SN':
      return structuredNumber(s, raw, unit);
    case 'CE':
    case 'CWE':
    case 'CNE':
    case 'CF':
    case 'IS':
    case 'ID':
      return { valueCodeableConcept: conceptOfCwe(m, raw) };
    case 'DT':
    case 'TS':
    case 'DTM': {
      const read = readTime(componentsOf(m, raw)[0]!, m.zone);
      if (read) return { valueDateTime: read.dateTime };
      tell(m, 'record.time-unreadable', `${s.place}-5`);
      return { valueString: textOf(m, raw) };
    }
    case 'TM': {
      const clock = readClock(raw);
      return clock === undefined ? { valueString: textOf(m, raw) } : { valueTime: clock };
    }
    case 'DR': {
      const [start, end] = componentsOf(m, raw).map((part) => readTime(part, m.zone)?.dateTime);
      if (start === undefined && end === undefined) return { valueString: textOf(m, raw) };
      return { valuePeriod: { ...(start ? { start } : {}), ...(end ? { end } : {}) } };
    }
    case 'CQ':
    case 'MO': {
      const parts = componentsOf(m, raw);
      const quantity = quantityOf(
        m,
        parts[0]!,
        (parts[1] ?? '').replaceAll(m.delimiters.subcomponent || '\u0000', m.delimiters.component),
        'OBX-5',
      );
      return quantity ? { valueQuantity: quantity } : { valueString: textOf(m, raw) };
    }
    case 'ED':
      return { attachment: attachmentOfEd(s, raw) };
    case 'RP':
      return { attachment: attachmentOfRp(s, raw) };
    default:
      return { valueString: textOf(m, raw) };
  }
}

function numberValue(s: SegmentReader, raw: string, unit: string): Value {
  const text = textOf(s.m, raw);
  const quantity = quantityOf(s.m, text, unit, 'OBX-5');
  if (quantity) return { valueQuantity: quantity };
  const compared = /^(<=|>=|<|>)\s*(\S+)$/.exec(text);
  const bounded = compared ? quantityOf(s.m, compared[2]!, unit, 'OBX-5') : undefined;
  if (bounded) {
    // What was sent stays readable beside number and comparator.
    bounded.comparator = compared![1] as NonNullable<Quantity['comparator']>;
    bounded.extension = [
      ...(bounded.extension ?? []).filter((one) => !one.url.endsWith('OBX-5')),
      keptAs('OBX-5', text),
    ];
    return { valueQuantity: bounded };
  }
  tell(s.m, 'record.number-unreadable', `${s.place}-5`);
  return { valueString: text };
}

/** SN: comparator, number, separator, number (chapter 2A.70). */
function structuredNumber(s: SegmentReader, raw: string, unit: string): Value {
  const m = s.m;
  const [comparator = '', low = '', separator = '', high = ''] = componentsOf(m, raw).map((part) => textOf(m, part));
  const first = low === '' ? undefined : quantityOf(m, low, separator === ':' ? '' : unit, 'OBX-5');
  const second = high === '' ? undefined : quantityOf(m, high, separator === ':' ? '' : unit, 'OBX-5');
  if (first && second && (comparator === '' || comparator === '=')) {
    if (separator === ':' || separator === '/') return { valueRatio: { numerator: first, denominator: second } };
    if (separator === '-' || separator === '') return { valueRange: { low: first, high: second } };
  }
  if (first && !second && separator === '') {
    if (comparator === '' || comparator === '=') return { valueQuantity: first };
    if (comparator === '<' || comparator === '>' || comparator === '<=' || comparator === '>=')
      return { valueQuantity: { ...first, comparator } };
  }
  const text = comparator + low + separator + high;
  return { valueString: unit === '' ? text : `${text} ${textOf(m, componentsOf(m, unit)[0]!)}` };
}

/** ED: source application, type of data, subtype, encoding, data (chapter 2A.24). */
export function attachmentOfEd(s: SegmentReader, raw: string): Attachment {
  const parts = split(raw, s.m.delimiters.component);
  const [application = '', type = '', subtype = '', encoding = ''] = parts.slice(0, 4).map((part) => textOf(s.m, part));
  const data = parts.slice(4).join(s.m.delimiters.component);
  const attachment: Attachment = {};
  const contentType = mimeOf(type, subtype);
  if (contentType !== undefined) attachment.contentType = contentType;
  const kept: Extension[] = [];
  const name = encoding.toLowerCase();
  const plainData = name === 'base64' ? data.replace(/\s+/g, '') : textOf(s.m, data);
  if (data !== '' && name === 'base64' && /^[A-Za-z0-9+/]+={0,2}$/.test(plainData) && plainData.length % 4 === 0)
    attachment.data = plainData;
  else if (data !== '' && name === 'hex' && /^([0-9A-Fa-f]{2})+$/.test(plainData))
    attachment.data = Buffer.from(plainData, 'hex').toString('base64');
  else if (data !== '' && (name === 'a' || name === ''))
    attachment.data = Buffer.from(plainData, 'utf8').toString('base64');
  else if (data !== '') kept.push(keptAs('ED.5', plainData));
  if (application !== '') kept.push(keptAs('ED.1', application));
  if (type !== '') kept.push(keptAs('ED.2', type));
  if (subtype !== '') kept.push(keptAs('ED.3', subtype));
  if (encoding !== '' && !attachment.data) kept.push(keptAs('ED.4', encoding));
  hang(attachment, kept);
  return attachment;
}

const mimeBySubtype: Record<string, string> = {
  PDF: 'application/pdf',
  RTF: 'application/rtf',
  HTML: 'text/html',
  XML: 'application/xml',
  JPEG: 'image/jpeg',
  JPG: 'image/jpeg',
  PNG: 'image/png',
  TIFF: 'image/tiff',
  TIF: 'image/tiff',
  GIF: 'image/gif',
  DICOM: 'application/dicom',
  PLAIN: 'text/plain',
  TEXT: 'text/plain',
  SGML: 'text/sgml',
  FAX: 'image/g3fax',
  BASIC: 'audio/basic',
  PICT: 'image/x-pict',
  'OCTET-STREAM': 'application/octet-stream',
};

function mimeOf(type: string, subtype: string): string | undefined {
  if (
    /^[a-z]+$/i.test(type) &&
    ['application', 'text', 'image', 'audio', 'video', 'multipart'].includes(type.toLowerCase()) &&
    /^[a-z0-9.+-]+$/i.test(subtype)
  ) {
    return mimeBySubtype[subtype.toUpperCase()] ?? `${type}/${subtype}`.toLowerCase();
  }
  return mimeBySubtype[subtype.toUpperCase()] ?? mimeBySubtype[type.toUpperCase()];
}

/** RP: pointer, application, type, subtype (chapter 2A.65). */
export function attachmentOfRp(s: SegmentReader, raw: string): Attachment {
  const [pointer = '', application = '', type = '', subtype = ''] = componentsOf(s.m, raw).map((part) =>
    textOf(s.m, part),
  );
  const attachment: Attachment = {};
  if (pointer !== '' && !/\s/.test(pointer)) attachment.url = pointer;
  else if (pointer !== '') attachment.title = pointer;
  const contentType = mimeOf(type, subtype);
  if (contentType !== undefined) attachment.contentType = contentType;
  hang(
    attachment,
    [
      ['RP.2', application],
      ['RP.3', type],
      ['RP.4', subtype],
    ]
      .filter(([, text]) => text !== '')
      .map(([place, text]) => keptAs(place!, text!)),
  );
  return attachment;
}

export interface MappedObservation {
  observation: Observation;
  /** What names it within its order: code and sub-id. */
  name: string;
  /** OBX-11. */
  result: string;
  attachment?: Attachment;
}

/** OBX -> Observation. */
export function mapObx(s: SegmentReader, category: string | undefined): MappedObservation {
  s.touch(1);
  const m = s.m;
  const code = conceptIn(s, 3);
  const result = s.code(11);
  const observation: Observation = {
    resourceType: 'Observation',
    status: (tableCode('observationStatus', result) ?? 'unknown') as Observation['status'],
    code: code ?? { text: 'observation' },
    subject: toPatient,
  };
  if (result !== '' && !tableCode('observationStatus', result)) s.keepText(11, result);
  const categoryCode = categoryOf(code, category);
  if (categoryCode)
    observation.category = [
      { coding: [{ system: 'http://terminology.hl7.org/CodeSystem/observation-category', code: categoryCode }] },
    ];
  const attachment = putValue(s, observation);
  const interpretation = interpretationOf(s);
  if (interpretation) observation.interpretation = interpretation;
  const range = rangeOf(s);
  if (range) observation.referenceRange = [range];
  const time = dateTimeOf(s, 14);
  if (time !== undefined) observation.effectiveDateTime = time;
  const performer = some([
    ...s.repetitions(16).map((part) => practitionerOf(m, part)),
    ...(s.has(23) ? [organizationOf(m, s.first(23))] : s.has(15) ? [producerOf(s)] : []),
    ...s.repetitions(25).map((part) => practitionerOf(m, part)),
  ]);
  if (performer) observation.performer = performer as NonNullable<Observation['performer']>;
  if (s.has(23)) s.keep(15);
  const method = conceptIn(s, 17);
  if (method) observation.method = method;
  const site = conceptIn(s, 20, '0163');
  if (site) observation.bodySite = site;
  const devices = s.repetitions(18).map((part) => entityOf(m, part));
  if (devices[0]) observation.device = { identifier: devices[0] };
  if (devices.length > 1)
    s.keepText(
      18,
      s
        .repetitions(18)
        .slice(1)
        .map((part) => textOf(m, part))
        .join('; '),
    );
  const identifier = s.has(21) ? entityOf(m, s.first(21)) : undefined;
  if (identifier) observation.identifier = [identifier];
  const analysed = dateTimeOf(s, 19);
  if (analysed !== undefined) s.kept.push({ url: `${v2Extension}OBX-19`, valueDateTime: analysed });
  const sub = s.text(4);
  if (sub !== '') s.keepText(4, sub);
  for (const n of [9, 10, 12, 13, 22, 24, 26, 27, 28, 29, 30, 31, 32, 33]) s.keep(n);
  hang(observation, s.kept);
  const coding = code?.coding?.[0];
  const name = `${coding?.code ? `${coding.system ?? ''}#${coding.code}` : (code?.text ?? '').toUpperCase()}|${sub}`;
  return attachment ? { observation, name, result, attachment } : { observation, name, result };
}

function producerOf(s: SegmentReader): ReturnType<typeof organizationOf> {
  const concept = conceptIn(s, 15);
  const coding = concept?.coding?.[0];
  if (!concept) return undefined;
  const display = coding?.display ?? concept.text;
  return {
    type: 'Organization',
    ...(coding?.code
      ? { identifier: { value: coding.code, ...(coding.system ? { system: coding.system } : {}) } }
      : {}),
    ...(display ? { display } : {}),
  };
}

/** Text types whose repetitions are lines of one text. */
const textTypes = new Set(['TX', 'FT', 'ST', '']);

function putValue(s: SegmentReader, observation: Observation): Attachment | undefined {
  const type = s.code(2);
  const unit = s.first(6);
  const parts = s.repetitions(5);
  if (parts.length === 0) {
    if (unit !== '') s.keepText(6, textOf(s.m, unit));
    return undefined;
  }
  if (textTypes.has(type)) {
    observation.valueString = parts.map((part) => literal(s.m, part)).join('\n');
    if (unit !== '') s.keepText(6, textOf(s.m, unit));
    return undefined;
  }
  const first = readValue(s, type, parts[0]!, unit);
  if (unit !== '' && !usesUnit(first)) s.keepText(6, textOf(s.m, unit));
  const attachments = first.attachment;
  if (parts.length === 1) {
    const { attachment, ...value } = first;
    Object.assign(observation, value);
    if (attachment) s.kept.push({ url: attachmentUrl, valueAttachment: attachment });
    return attachments;
  }
  observation.component = parts.map((part) => {
    const { attachment, ...value } = readValue(s, type, part, unit);
    const component: ObservationComponent = { code: observation.code, ...value };
    if (attachment) component.extension = [{ url: attachmentUrl, valueAttachment: attachment }];
    return component;
  });
  return attachments;
}

function usesUnit(value: Value): boolean {
  return value.valueQuantity !== undefined || value.valueRange !== undefined;
}

function categoryOf(code: CodeableConcept | undefined, context: string | undefined): string | undefined {
  for (const coding of code?.coding ?? []) {
    if (coding.system !== 'http://loinc.org' || !coding.code) continue;
    if (vitalSigns.has(coding.code)) return 'vital-signs';
    if (socialHistory.has(coding.code)) return 'social-history';
  }
  return context;
}

function interpretationOf(s: SegmentReader): CodeableConcept[] | undefined {
  const list = conceptsOf(s, 8, '0078');
  return list?.map((concept) => {
    // A sender that names the table (HL70078) still means the v3 codes that FHIR binds to.
    const coding = concept.coding?.[0];
    const mapped = coding?.system?.startsWith('http://terminology.hl7.org/CodeSystem/v2-')
      ? conceptOf('0078', coding.code ?? '')
      : undefined;
    return mapped
      ? { ...concept, coding: [mapped, ...(mapped.code === coding!.code ? concept.coding!.slice(1) : concept.coding!)] }
      : concept;
  });
}

const between = /^([+-]?[\d.]+)\s*(?:-|to|–|\.\.)\s*([+-]?[\d.]+)\s*(.*)$/;
const bound = /^(<=|>=|<|>|=<|=>)\s*([+-]?[\d.]+)\s*(.*)$/;

/** OBX-7: `70-110`, `<5`, `> 1.5`, `4.0 to 11.0`; always with its text. */
function rangeOf(s: SegmentReader): ObservationReferenceRange | undefined {
  const text = s
    .repetitions(7)
    .map((part) => textOf(s.m, part))
    .join('; ');
  if (text === '') return undefined;
  const range: ObservationReferenceRange = { text };
  const both = between.exec(text);
  const one = both ? null : bound.exec(text);
  const unit = s.first(6);
  const quantity = (value: string): Quantity | undefined => {
    const number = numberOf(value);
    if (number === undefined) return undefined;
    const found: Quantity = { value: number };
    addUnit(s.m, found, unit);
    delete found.extension;
    return found;
  };
  if (both) {
    const low = quantity(both[1]!);
    const high = quantity(both[2]!);
    if (low && high && low.value! <= high.value!) Object.assign(range, { low, high });
  } else if (one) {
    const limit = quantity(one[2]!);
    if (limit) range[one[1]!.includes('<') ? 'high' : 'low'] = limit;
  }
  return range;
}
