/** Find Document References and Retrieve Document (IHE MHD, ITI-67 and ITI-68): the query, what fits it, and the answer. Pure. */
import type { Bundle, CodeableConcept, Coding, DocumentReference, Identifier, Reference } from '@medplum/fhirtypes';
import { MixError } from '../../schemas/errors/index.ts';
import { type PatientNumber, readNumber } from './numbers.ts';
import { checkFormat, known } from './pixm.ts';
import { isFhirDate, isFhirTime } from './shape.ts';

/** Half-open span in ms that a date of a query means: a day, a month, a year, a second. */
interface Span {
  from: number;
  to: number;
}

interface DateTest {
  prefix: 'eq' | 'ne' | 'gt' | 'lt' | 'ge' | 'le' | 'sa' | 'eb';
  span: Span;
}

interface TokenTest {
  system?: string;
  code?: string;
}

/** One parameter: any of its values must fit; parameters stand together with 'and'. */
type Test = (reference: DocumentReference) => boolean;

export interface DocumentQuery {
  /** By id of the Patient resource here. */
  patientId?: string;
  /** By number, where the asker does not know our id. */
  number?: PatientNumber;
  fits(reference: DocumentReference): boolean;
  count: number;
  /** How many fitting documents to leave out, from the cursor of an earlier page. */
  offset: number;
  /** What the query said, for the link of the answer. */
  said: string;
}

const countStandard = 50;
const countMax = 500;
const offsetMax = 100_000;
const valuesMax = 50;

/**
 * Reads an ITI-67 query (2:3.67.4.1.2.1). Throws `exchange.query` with the parameter's name: one that is not known, not of its form, or missing
 * (`patient` or `patient.identifier` must be there). Without `status` what was entered in error stays out.
 */
export function readDocumentQuery(query: URLSearchParams): DocumentQuery {
  checkFormat(query);
  const tests: Test[] = [];
  const read: DocumentQuery = { fits: () => true, count: countStandard, offset: 0, said: query.toString() };
  for (const [name, value] of query) {
    if (value.length > 4_096) throw new MixError('exchange.query', { place: known(name), detail: 'too long' });
    const values = value.split(',').map((one) => one.trim());
    if (values.length > valuesMax || values.some((one) => one === ''))
      throw new MixError('exchange.query', { place: known(name), detail: `1 to ${valuesMax} values` });
    const make = parameters[name];
    if (make !== undefined) tests.push(make(values, name));
    else if (!readControl(read, name, values))
      throw new MixError('exchange.query', { place: known(name), detail: 'not a parameter of ITI-67' });
  }
  if (read.patientId === undefined && read.number === undefined)
    throw new MixError('exchange.query', { place: 'patient', detail: 'patient or patient.identifier' });
  if (!query.has('status')) tests.push((one) => one.status !== 'entered-in-error');
  read.fits = (reference) => tests.every((test) => test(reference));
  return read;
}

function readControl(read: DocumentQuery, name: string, values: string[]): boolean {
  const [value = ''] = values;
  const only = (): void => {
    if (values.length !== 1) throw new MixError('exchange.query', { place: name, detail: 'one value' });
  };
  switch (name) {
    case 'patient':
    case 'subject':
      only();
      if (!/^(Patient\/)?[A-Za-z0-9.-]{1,64}$/.test(value))
        throw new MixError('exchange.query', { place: name, detail: 'Patient/id' });
      read.patientId = value.replace('Patient/', '');
      return true;
    case 'patient.identifier':
    case 'subject.identifier':
      only();
      read.number = readNumber(value, name);
      return true;
    case '_count':
      only();
      read.count = wholeOf(value, name, countMax);
      return true;
    case '_offset':
      only();
      read.offset = wholeOf(value, name, offsetMax);
      return true;
    case '_sort':
      only();
      if (value !== '-date') throw new MixError('exchange.query', { place: name, detail: '-date' });
      return true;
    case '_format':
      return true;
    default:
      return false;
  }
}

function wholeOf(text: string, place: string, max: number): number {
  if (!/^\d{1,6}$/.test(text) || Number(text) > max)
    throw new MixError('exchange.query', { place, detail: `0 to ${max}` });
  return Number(text);
}

const attachmentOf = (one: DocumentReference) => one.content?.[0]?.attachment;

const parameters: Record<string, (values: string[], name: string) => Test> = {
  status: (values, name) => {
    const wanted = new Set(values);
    for (const one of wanted)
      if (!['current', 'superseded', 'entered-in-error'].includes(one))
        throw new MixError('exchange.query', { place: name, detail: 'current, superseded or entered-in-error' });
    return (one) => wanted.has(one.status ?? '');
  },
  type: byTokens((one) => codingsOf(one.type ? [one.type] : [])),
  category: byTokens((one) => codingsOf(one.category)),
  event: byTokens((one) => codingsOf(one.context?.event)),
  facility: byTokens((one) => codingsOf(one.context?.facilityType ? [one.context.facilityType] : [])),
  setting: byTokens((one) => codingsOf(one.context?.practiceSetting ? [one.context.practiceSetting] : [])),
  'security-label': byTokens((one) => codingsOf(one.securityLabel)),
  format: byTokens((one) => (one.content?.[0]?.format ? [one.content[0].format] : [])),
  identifier: byTokens((one) =>
    [one.masterIdentifier, ...(one.identifier ?? [])].map((id?: Identifier) => ({
      system: id?.system,
      code: id?.value,
    })),
  ),
  related: byTokens((one) =>
    (one.context?.related ?? []).map((other: Reference) => ({
      system: other.identifier?.system,
      code: other.identifier?.value ?? other.reference,
    })),
  ),
  date: byDates((one) => one.date),
  creation: byDates((one) => attachmentOf(one)?.creation),
  period: (values, name) => {
    const wanted = values.map((value) => readDate(value, name));
    return (one) => {
      const { start, end } = one.context?.period ?? {};
      if (start === undefined && end === undefined) return false;
      const span = {
        from: start === undefined ? Number.NEGATIVE_INFINITY : spanOf(start).from,
        to: end === undefined ? Number.POSITIVE_INFINITY : spanOf(end).to,
      };
      return wanted.some((test) => overlaps(test, span));
    };
  },
  'author.family': byNames((name) => [name.family]),
  'author.given': byNames((name) => name.given ?? []),
};

function codingsOf(concepts: readonly CodeableConcept[] | undefined): TokenTest[] {
  return (concepts ?? [])
    .flatMap((concept) => concept.coding ?? [])
    .map(({ system, code }: Coding) => ({ system, code }));
}

/** Tokens: `code`, `system|code`, `|code` (without a system), `system|`. */
function byTokens(of: (one: DocumentReference) => TokenTest[]): (values: string[]) => Test {
  return (values) => {
    const wanted = values.map(readToken);
    return (one) => {
      const has = of(one);
      return wanted.some((test) =>
        has.some(
          ({ system, code }) =>
            (test.system === undefined || test.system === (system ?? '')) &&
            (test.code === undefined || test.code === code),
        ),
      );
    };
  };
}

function readToken(text: string): TokenTest {
  const bar = text.indexOf('|');
  if (bar < 0) return { code: text };
  const [system, code] = [text.slice(0, bar), text.slice(bar + 1)];
  return code === '' ? { system } : { system, code };
}

function byDates(of: (one: DocumentReference) => string | undefined): (values: string[], name: string) => Test {
  return (values, name) => {
    const wanted = values.map((value) => readDate(value, name));
    return (one) => {
      const text = of(one);
      return text !== undefined && wanted.some((test) => holds(test, spanOf(text)));
    };
  };
}

function readDate(text: string, place: string): DateTest {
  const parts = /^(eq|ne|gt|lt|ge|le|sa|eb)?(\d.*)$/.exec(text);
  const date = parts?.[2] ?? '';
  if (parts === null || !(isFhirDate(date) || isFhirTime(date)))
    throw new MixError('exchange.query', { place, detail: 'a date such as ge2026-01-31' });
  return { prefix: (parts[1] as DateTest['prefix'] | undefined) ?? 'eq', span: spanOf(date) };
}

/** A date or time of FHIR as the span that it means; a date without zone is of UTC. */
function spanOf(text: string): Span {
  const parts = /^(\d{4})(?:-(\d{2})(?:-(\d{2}))?)?$/.exec(text);
  if (parts === null) {
    const from = Date.parse(text);
    return { from, to: from + (text.includes('.') ? 1 : 1_000) };
  }
  const [year, month, day] = [Number(parts[1]), parts[2], parts[3]];
  const from = Date.UTC(year, Number(month ?? 1) - 1, Number(day ?? 1));
  if (day !== undefined) return { from, to: from + 86_400_000 };
  return { from, to: month === undefined ? Date.UTC(year + 1, 0, 1) : Date.UTC(year, Number(month), 1) };
}

/** FHIR R4 search, prefixes: `has` against what is asked for. */
function holds({ prefix, span }: DateTest, has: Span): boolean {
  switch (prefix) {
    case 'eq':
      return has.from >= span.from && has.to <= span.to;
    case 'ne':
      return has.from < span.from || has.to > span.to;
    case 'gt':
      return has.to > span.to;
    case 'lt':
      return has.from < span.from;
    case 'ge':
      return has.from >= span.from || has.to > span.to;
    case 'le':
      return has.to <= span.to || has.from < span.from;
    case 'sa':
      return has.from >= span.to;
    case 'eb':
      return has.to <= span.from;
  }
}

function overlaps(test: DateTest, has: Span): boolean {
  if (test.prefix === 'eq') return has.from < test.span.to && has.to > test.span.from;
  return holds(test, has);
}

type Name = { family?: string; given?: string[] };

/** Text parameters fit at the beginning of a name, whatever its case (FHIR R4 search, string). */
function byNames(of: (name: Name) => (string | undefined)[]): (values: string[]) => Test {
  return (values) => {
    const wanted = values.map((value) => value.normalize('NFKD').toLowerCase());
    return (one) =>
      (one.contained ?? []).some((inside) => {
        if (!one.author?.some(({ reference }) => reference === `#${inside.id}`)) return false;
        const names =
          inside.resourceType === 'Practitioner' || inside.resourceType === 'Patient' ? (inside.name ?? []) : [];
        return names
          .flatMap((name) => of(name))
          .some((text) => wanted.some((start) => text?.normalize('NFKD').toLowerCase().startsWith(start)));
      });
  };
}

/** The fitting documents, newest first, as one page. `base` is the URL of the search, without its query. */
export function makeSearchset(
  query: DocumentQuery,
  references: readonly DocumentReference[],
  base = 'DocumentReference',
): Bundle {
  const fitting = references
    .filter((one) => query.fits(one))
    .sort((a, b) => (b.date ?? '').localeCompare(a.date ?? '') || (b.id ?? '').localeCompare(a.id ?? ''));
  const page = fitting.slice(query.offset, query.offset + query.count);
  const bundle: Bundle = {
    resourceType: 'Bundle',
    type: 'searchset',
    total: fitting.length,
    link: [{ relation: 'self', url: `${base}?${query.said}` }],
  };
  if (query.count > 0 && query.offset + query.count < fitting.length) {
    const next = new URLSearchParams(query.said);
    next.set('_count', String(query.count));
    next.set('_offset', String(query.offset + query.count));
    bundle.link!.push({ relation: 'next', url: `${base}?${next}` });
  }
  if (page.length > 0)
    bundle.entry = page.map((resource) => ({
      fullUrl: `urn:uuid:${resource.id}`,
      resource,
      search: { mode: 'match' },
    }));
  return bundle;
}

const documentsMax = 10_000;

/** The DocumentReferences of an ITI-67 answer, and the query of its next page. Throws `exchange.answer` when it is not one. */
export function readSearchset(body: unknown): { references: DocumentReference[]; next?: string } {
  const bundle = body as Bundle | null;
  if (typeof bundle !== 'object' || bundle?.resourceType !== 'Bundle' || bundle.type !== 'searchset')
    throw new MixError('exchange.answer', { place: 'Bundle' });
  if (!Array.isArray(bundle.entry ?? []) || (bundle.entry?.length ?? 0) > documentsMax)
    throw new MixError('exchange.answer', { place: 'Bundle.entry' });
  const references: DocumentReference[] = [];
  for (const { resource } of bundle.entry ?? [])
    if (resource?.resourceType === 'DocumentReference' && Array.isArray(resource.content)) references.push(resource);
  const url = Array.isArray(bundle.link) ? bundle.link.find(({ relation }) => relation === 'next')?.url : undefined;
  const query = typeof url === 'string' ? url.slice(url.indexOf('?') + 1) : '';
  return query === '' ? { references } : { references, next: query };
}

/** Id of the Binary that an attachment's URL names: `Binary/<id>`, absolute or not; undefined for any other. */
export function binaryIdOf(url: string | undefined): string | undefined {
  return /(?:^|\/)Binary\/([A-Za-z0-9.-]{1,64})$/.exec(url ?? '')?.[1];
}
