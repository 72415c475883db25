/**
 * Writers for CDA data types (HL7 V3 Data Types R1, ITS for XML). Every writer gives canonical XML: attributes without namespace in
 * alphabetical order, then those of a namespace; prefixes declared where they are used; no empty-element tags.
 */
import type { CodeableConcept, Coding, Period, Quantity, Range, Ratio } from '@medplum/fhirtypes';
import { codeSystemNames, type FixedCode } from '../../schemas/ccda/code-systems.ts';
import type { Template } from '../../schemas/ccda/templates.ts';
import { ucumOf } from '../../schemas/ccda/ucum.ts';
import { oidFor, oidOf } from '../../schemas/codes.ts';
import { escapeAttribute, escapeText } from '../../schemas/xml.ts';

/** Declaration that an element with `xsi:type` carries. */
export const xsi = ' xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"';
export const sdtc = ' xmlns:sdtc="urn:hl7-org:sdtc"';

export const attribute = escapeAttribute;
export const text = escapeText;

const oidPattern = /^[0-2](\.(0|[1-9][0-9]*))*$/;
const uuidPattern = /^[0-9a-zA-Z]{8}-[0-9a-zA-Z]{4}-[0-9a-zA-Z]{4}-[0-9a-zA-Z]{4}-[0-9a-zA-Z]{12}$/;

/** Is it an OID as the CDA schema wants it? */
export function isOid(value: string): boolean {
  return oidPattern.test(value);
}

/** Is it a UUID as the CDA schema wants it? */
export function isUuid(value: string): boolean {
  return uuidPattern.test(value);
}

const rootBySystem = new Map<string, string>();

/** OID that stands for an identifier or code system; made from the URI where nobody gave it one (2.25). */
export function rootOf(system: string): string {
  const before = rootBySystem.get(system);
  if (before !== undefined) return before;
  const known = oidOf(system);
  const root = known !== undefined && isOid(known) ? known : oidFor(`urn:mix:system:${system}`);
  if (rootBySystem.size < 5_000) rootBySystem.set(system, root);
  return root;
}

/** Template ids of a template: the version, then the R1.1 form where there was one. */
const templateText = new Map<Template, string>();

export function templateIds(template: Template): string {
  const before = templateText.get(template);
  if (before !== undefined) return before;
  let out = '';
  if (template.extension !== undefined)
    out += `<templateId extension="${template.extension}" root="${template.root}"></templateId>`;
  if (template.plain) out += `<templateId root="${template.root}"></templateId>`;
  templateText.set(template, out);
  return out;
}

/** Instance identifier (II). A UUID stands alone; anything else is an extension below `root`. */
export function idOf(root: string, extension?: string, authorityName?: string): string {
  const trimmed = extension?.trim();
  if (trimmed === undefined || trimmed === '') return `<id root="${root}"></id>`;
  const name = authorityName ? ` assigningAuthorityName="${attribute(authorityName)}"` : '';
  return `<id${name} extension="${attribute(trimmed)}" root="${root}"></id>`;
}

/** Identifier of FHIR as II. */
export function identifierOf(system: string | undefined, value: string | undefined): string {
  const trimmed = value?.trim();
  if (!trimmed) return '<id nullFlavor="UNK"></id>';
  if (!system) return `<id extension="${attribute(trimmed)}" nullFlavor="UNK"></id>`;
  if (trimmed.startsWith('urn:uuid:') && isUuid(trimmed.slice(9))) return `<id root="${trimmed.slice(9)}"></id>`;
  if (trimmed.startsWith('urn:oid:') && isOid(trimmed.slice(8))) return `<id root="${trimmed.slice(8)}"></id>`;
  const known = oidOf(system);
  return idOf(rootOf(system), trimmed, known !== undefined && isOid(known) ? undefined : system);
}

const fhirTime =
  /^([0-9]{4})(?:-([0-9]{2})(?:-([0-9]{2})(?:T([0-9]{2}):([0-9]{2})(?::([0-9]{2})(\.[0-9]+)?)?(Z|[+-][0-9]{2}:[0-9]{2})?)?)?)?$/;

// Records have the same times, units and code systems over and over: the answers are kept, up to a bound.
const knownMax = 4_000;
const timesKnown = new Map<string, string>();
const readableKnown = new Map<string, string>();

function remember<T>(known: Map<string, T>, key: string, answer: T): T {
  if (known.size >= knownMax) known.clear();
  known.set(key, answer);
  return answer;
}

/** FHIR date, dateTime or instant as HL7 TS; undefined where it is not one. */
export function timeOf(value: string | undefined): string | undefined {
  if (value === undefined) return undefined;
  const before = timesKnown.get(value);
  if (before !== undefined) return before;
  const parts = value.length > 40 ? null : fhirTime.exec(value);
  if (parts === null) return undefined;
  const [, year, month = '', day = '', hour = '', minute = '', second = '', fraction = '', zone] = parts;
  const offset = zone === undefined ? '' : zone === 'Z' ? '+0000' : zone.replace(':', '');
  return remember(timesKnown, value, `${year}${month}${day}${hour}${minute}${second}${fraction}${offset}`);
}

/** `<tag value="...">`, with nullFlavor where there is no time. */
export function time(tag: string, value: string | undefined, nullFlavor = 'UNK'): string {
  const ts = timeOf(value);
  return ts === undefined ? `<${tag} nullFlavor="${nullFlavor}"></${tag}>` : `<${tag} value="${ts}"></${tag}>`;
}

/** Interval with both ends. */
export function interval(
  tag: string,
  low: string | undefined,
  high: string | undefined,
  lowNull = 'UNK',
  highNull = 'UNK',
): string {
  return `<${tag}>${time('low', low, lowNull)}${time('high', high, highNull)}</${tag}>`;
}

/** Interval with a start, and an end only where it is known. */
export function since(tag: string, low: string | undefined, high: string | undefined): string {
  const end = timeOf(high) === undefined ? '' : time('high', high);
  return `<${tag}>${time('low', low)}${end}</${tag}>`;
}

/** A point in time or a period as IVL_TS. */
export function timeOrPeriod(tag: string, at: string | undefined, period: Period | undefined): string {
  if (timeOf(at) !== undefined || period === undefined) return time(tag, at);
  return interval(tag, period.start, period.end);
}

/** Time for a reader: `2024-03-01 10:20 +02:00`, as precise as it was sent. */
export function readableTime(value: string | undefined): string {
  if (value === undefined) return '';
  const before = readableKnown.get(value);
  if (before !== undefined) return before;
  const parts = value.length > 40 ? null : fhirTime.exec(value);
  if (parts === null) return value;
  const [, year, month, day, hour, minute, second, , zone] = parts;
  let out = year ?? '';
  if (month) out += `-${month}`;
  if (day) out += `-${day}`;
  if (hour) out += ` ${hour}:${minute}${second && second !== '00' ? `:${second}` : ''}`;
  if (zone) out += zone === 'Z' ? ' UTC' : ` ${zone}`;
  return remember(readableKnown, value, out);
}

export function readablePeriod(at: string | undefined, period: Period | undefined): string {
  if (at !== undefined || period === undefined) return readableTime(at);
  if (!period.end) return readableTime(period.start);
  if (!period.start) return `until ${readableTime(period.end)}`;
  return period.start === period.end
    ? readableTime(period.start)
    : `${readableTime(period.start)} to ${readableTime(period.end)}`;
}

export interface CodeOptions {
  /** OIDs whose coding becomes the main code, best first; any other known one follows. */
  prefer?: readonly string[];
  /** Only these OIDs may be the main code; others become translations under nullFlavor OTH. */
  only?: readonly string[];
  /** ID of the narrative that says the same. */
  reference?: string | undefined;
  /** `CD` or `CE`: written as xsi:type. */
  type?: 'CD' | 'CE';
  /** Where there is nothing at all. */
  nullFlavor?: string;
  /** Translations that the template demands. */
  extra?: string;
}

/** A code in CDA has no blanks (type cs). */
const isCode = /^[^\s]+$/;

const codeOids = new Map<string, string | undefined>();

/** Real OID of a coding's system, undefined for local ones. */
function oidOfCoding({ system }: Coding): string | undefined {
  if (!system) return undefined;
  const before = codeOids.get(system);
  if (before !== undefined || codeOids.has(system)) return before;
  const oid = oidOf(system);
  return remember(codeOids, system, oid !== undefined && isOid(oid) ? oid : undefined);
}

/**
 * A coded value (CD, CE) from a CodeableConcept. Nothing is lost: codings beside the main one become translations, codes of
 * systems without OID stand under nullFlavor OTH, text becomes originalText.
 */
export function code(tag: string, concept: CodeableConcept | undefined, options: CodeOptions = {}): string {
  const codings = concept?.coding ?? noCodings;
  const main = mainCoding(codings, options);
  let inner = originalText(concept, options.reference);
  if (options.extra !== undefined) inner += options.extra;
  let says = false;
  for (let i = 0; i < codings.length; i++) {
    const coding = codings[i] as Coding;
    if (!saysSomething(coding)) continue;
    says = true;
    if (i !== main) inner += translation(coding);
  }
  let declared = '';
  let type = '';
  if (options.type !== undefined) {
    declared = xsi;
    type = ` xsi:type="${options.type}"`;
  }
  if (main < 0) {
    const flavor = says || concept?.text ? 'OTH' : (options.nullFlavor ?? 'UNK');
    return `<${tag}${declared} nullFlavor="${flavor}"${type}>${inner}</${tag}>`;
  }
  const coding = codings[main] as Coding;
  return `<${tag}${declared}${codingAttributes(coding, oidOfCoding(coding) as string)}${type}>${inner}</${tag}>`;
}

const noCodings: readonly Coding[] = [];

function saysSomething(coding: Coding): boolean {
  return Boolean(coding.code || coding.display);
}

/** Position of the coding that becomes the main one: of the systems that can, the most preferred, and the first of those; -1 for none. */
function mainCoding(codings: readonly Coding[], { only, prefer }: CodeOptions): number {
  let best = -1;
  let bestRank = Number.POSITIVE_INFINITY;
  for (let i = 0; i < codings.length; i++) {
    const coding = codings[i] as Coding;
    if (coding.code === undefined || !isCode.test(coding.code.trim())) continue;
    const oid = oidOfCoding(coding);
    if (oid === undefined || only?.includes(oid) === false) continue;
    const place = prefer === undefined ? -1 : prefer.indexOf(oid);
    const rank = place < 0 ? Number.MAX_SAFE_INTEGER : place;
    if (rank >= bestRank) continue;
    best = i;
    bestRank = rank;
  }
  return best;
}

const systemAttributes = new Map<string, string>();

/** `codeSystem` and, where it has one, `codeSystemName`. */
function systemOf(oid: string): string {
  const before = systemAttributes.get(oid);
  if (before !== undefined) return before;
  const name = codeSystemNames.get(oid);
  return remember(
    systemAttributes,
    oid,
    name === undefined ? ` codeSystem="${oid}"` : ` codeSystem="${oid}" codeSystemName="${name}"`,
  );
}

/** Attributes of a coding whose code is one that CDA takes. */
export function codingAttributes({ code: given, display }: Coding, oid: string): string {
  const words = ` code="${attribute((given as string).trim())}"${systemOf(oid)}`;
  return display ? `${words} displayName="${attribute(display)}"` : words;
}

function translation(coding: Coding): string {
  const oid = oidOfCoding(coding);
  const trimmed = coding.code?.trim() ?? '';
  if (!isCode.test(trimmed)) {
    const words = [trimmed, coding.display].filter(Boolean).join(' ');
    return `<translation nullFlavor="OTH"><originalText>${text(words)}</originalText></translation>`;
  }
  if (oid !== undefined) return `<translation${codingAttributes(coding, oid)}></translation>`;
  const root = coding.system ? ` codeSystem="${rootOf(coding.system)}"` : '';
  const name = coding.system ?? 'local';
  const display = coding.display ? ` displayName="${attribute(coding.display)}"` : '';
  return `<translation code="${attribute(trimmed)}"${root} codeSystemName="${attribute(name)}"${display}></translation>`;
}

/** Every coding of a concept as translation, but for those of a code that stands there already. */
export function translations(concept: CodeableConcept | undefined, skip: readonly string[] = []): string {
  return (concept?.coding ?? [])
    .filter((coding) => saysSomething(coding) && !skip.includes(coding.code ?? ''))
    .map(translation)
    .join('');
}

function originalText(concept: CodeableConcept | undefined, reference: string | undefined): string {
  const words = concept?.text;
  if (reference !== undefined)
    return `<originalText>${words ? text(words) : ''}<reference value="#${reference}"></reference></originalText>`;
  return words ? `<originalText>${text(words)}</originalText>` : '';
}

/** A fixed code of a vocabulary. */
export function fixedCode(
  tag: string,
  [value, oid, display]: FixedCode,
  options: { type?: 'CD' | 'CE'; inner?: string } = {},
): string {
  const name = codeSystemNames.get(oid);
  const declared = options.type === undefined ? '' : xsi;
  const type = options.type === undefined ? '' : ` xsi:type="${options.type}"`;
  const systemName = name === undefined ? '' : ` codeSystemName="${name}"`;
  return `<${tag}${declared} code="${value}" codeSystem="${oid}"${systemName} displayName="${attribute(display)}"${type}>${options.inner ?? ''}</${tag}>`;
}

/** A concept for a reader: text, else displays; local codes are shown too, since nobody else can look them up. */
export function readable(concept: CodeableConcept | undefined): string {
  if (concept === undefined) return '';
  const codings = concept.coding ?? noCodings;
  let words = concept.text ?? '';
  for (let i = 0; words === '' && i < codings.length; i++) words = codings[i]?.display ?? '';
  let codes = '';
  for (const { code: one } of codings) if (one && one !== words) codes += codes === '' ? one : `, ${one}`;
  if (words === '') return codes;
  return codes === '' ? words : `${words} (${codes})`;
}

const decimalPattern = /^-?[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?$/;

/** A number as real; undefined where it is none. */
export function realOf(value: number | undefined): string | undefined {
  if (value === undefined) return undefined;
  const written = String(value);
  return Number.isFinite(value) || decimalPattern.test(written) ? written : undefined;
}

/**
 * The number of a quantity as it was sent: FHIR's JSON numbers lose trailing zeros (`33.70`), so the map keeps such texts in an
 * extension. Undefined where there is no number.
 */
export function amountOf(given: Quantity | undefined): string | undefined {
  const value = realOf(given?.value);
  if (value === undefined || given?.extension === undefined) return value;
  for (const { url, valueString } of given.extension) {
    const sent = valueString?.replace(/^[<>=\s]+/, '').trim() ?? '';
    if (url.includes('/v2-') && sent.length <= 40 && decimalPattern.test(sent) && Number(sent) === given.value)
      return sent;
  }
  return value;
}

const unitsKnown = new Map<string, string | undefined>();

function knownUnit(unit: string | undefined): string | undefined {
  if (!unit) return undefined;
  const before = unitsKnown.get(unit);
  if (before !== undefined || unitsKnown.has(unit)) return before;
  return remember(unitsKnown, unit, ucumOf(unit));
}

/** UCUM unit of a quantity; undefined where it has none or an unknown one. */
export function unitOf(quantity: Quantity | undefined): string | undefined {
  if (quantity === undefined) return undefined;
  const coded = quantity.system === 'http://unitsofmeasure.org' ? knownUnit(quantity.code) : undefined;
  return coded ?? knownUnit(quantity.unit) ?? knownUnit(quantity.code);
}

/** Attributes and content of a PQ: value and unit, or a translation where the unit is not UCUM. */
function quantityParts(quantity: Quantity | undefined): { attributes: string; inner: string } {
  const value = amountOf(quantity);
  if (quantity === undefined || value === undefined) return { attributes: ' nullFlavor="UNK"', inner: '' };
  const unit = unitOf(quantity);
  if (unit !== undefined) return { attributes: ` unit="${attribute(unit)}" value="${value}"`, inner: '' };
  const words = quantity.unit || quantity.code;
  if (!words) return { attributes: ` value="${value}"`, inner: '' };
  return {
    attributes: ' nullFlavor="OTH"',
    inner: `<translation nullFlavor="OTH" value="${value}"><originalText>${text(words)}</originalText></translation>`,
  };
}

/** A quantity in a place that is a PQ already. */
export function quantity(tag: string, given: Quantity | undefined): string {
  const { attributes, inner } = quantityParts(given);
  return `<${tag}${attributes}>${inner}</${tag}>`;
}

/** A quantity as `value`; an inequality becomes an interval. */
export function quantityValue(given: Quantity): string {
  if (given.comparator !== undefined && realOf(given.value) !== undefined) {
    const { attributes, inner } = quantityParts(given);
    const below = given.comparator.startsWith('<');
    const inclusive = given.comparator.includes('=') ? 'true' : 'false';
    const edge = below ? 'high' : 'low';
    return `<value${xsi} xsi:type="IVL_PQ"><${edge} inclusive="${inclusive}"${attributes}>${inner}</${edge}></value>`;
  }
  const { attributes, inner } = quantityParts(given);
  return `<value${xsi}${attributes} xsi:type="PQ">${inner}</value>`;
}

export function rangeValue(range: Pick<Range, 'low' | 'high'>, tag = 'value'): string {
  const low = range.low ? quantity('low', range.low) : '';
  const high = range.high ? quantity('high', range.high) : '';
  if (low === '' && high === '') return `<${tag}${xsi} nullFlavor="UNK" xsi:type="IVL_PQ"></${tag}>`;
  return `<${tag}${xsi} xsi:type="IVL_PQ">${low}${high}</${tag}>`;
}

export function ratioValue(ratio: Ratio): string {
  return `<value${xsi} xsi:type="RTO_PQ_PQ">${quantity('numerator', ratio.numerator)}${quantity('denominator', ratio.denominator)}</value>`;
}

/** Text as ST. */
export function stringValue(words: string, tag = 'value'): string {
  return words.trim() === ''
    ? `<${tag}${xsi} nullFlavor="NI" xsi:type="ST"></${tag}>`
    : `<${tag}${xsi} xsi:type="ST">${text(words)}</${tag}>`;
}

export function readableQuantity(given: Quantity | undefined): string {
  if (given === undefined) return '';
  const value = given.value === undefined ? '' : (amountOf(given) ?? String(given.value));
  return `${given.comparator ?? ''}${value} ${given.unit ?? given.code ?? ''}`.trim();
}

export function readableRange(range: Pick<Range, 'low' | 'high'> | undefined): string {
  if (range === undefined) return '';
  if (range.low && range.high) return `${readableQuantity(range.low)} to ${readableQuantity(range.high)}`;
  return range.low ? `from ${readableQuantity(range.low)}` : range.high ? `up to ${readableQuantity(range.high)}` : '';
}
