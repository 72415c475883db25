/** Bounds and shapes of FHIR JSON that another node sent, before anything in it is believed. */
import { z } from 'zod';
import { type FaultCode, MixError } from '../../schemas/errors/index.ts';

const depthMax = 16;
const nodesMax = 20_000;
const textMax = 64 * 1024;

/**
 * Throws `exchange.malformed` with the place when a tree is too deep, too large or has texts that are too long. `skip` names elements whose text is
 * bounded elsewhere (Binary.data).
 */
export function checkBounds(value: unknown, place: string, skip: ReadonlySet<string> = new Set()): void {
  let nodes = 0;
  const walk = (at: unknown, where: string, depth: number): void => {
    if (++nodes > nodesMax)
      throw new MixError('exchange.malformed', { place, detail: `more than ${nodesMax} elements` });
    if (typeof at === 'string') {
      if (at.length > textMax)
        throw new MixError('exchange.malformed', { place: where, detail: `longer than ${textMax} characters` });
      return;
    }
    if (typeof at !== 'object' || at === null) return;
    if (depth > depthMax) throw new MixError('exchange.malformed', { place: where, detail: `deeper than ${depthMax}` });
    if (Array.isArray(at)) {
      at.forEach((one, i) => {
        walk(one, `${where}[${i}]`, depth + 1);
      });
      return;
    }
    for (const key of Object.keys(at)) {
      if (!/^_?[A-Za-z][A-Za-z0-9]{0,63}$/.test(key) || key === 'constructor')
        throw new MixError('exchange.malformed', {
          place: where,
          detail: 'an element with a name that FHIR does not have',
        });
      if (!skip.has(key)) walk((at as Record<string, unknown>)[key], `${where}.${key}`, depth + 1);
    }
  };
  walk(value, place, 0);
}

/** The value when it has the shape; otherwise throws `code` with the first place, such as `Bundle.entry[1].resource.content[0].attachment`. */
export function readShape<T>(
  shape: z.ZodType<T>,
  value: unknown,
  place: string,
  code: FaultCode = 'exchange.malformed',
): T {
  const reading = shape.safeParse(value);
  if (reading.success) return reading.data;
  const issue = reading.error.issues[0]!;
  // Only zod's own words about types and limits: never the value.
  throw new MixError(code, { place: place + pathOf(issue.path), detail: sentenceOf(issue) });
}

function pathOf(path: readonly PropertyKey[]): string {
  return path.map((step) => (typeof step === 'number' ? `[${step}]` : `.${String(step)}`)).join('');
}

function sentenceOf(issue: z.core.$ZodIssue): string {
  switch (issue.code) {
    case 'invalid_type':
      return `not ${article(issue.expected)}`;
    case 'too_big':
      return `more than ${issue.maximum}`;
    case 'too_small':
      return `fewer than ${issue.minimum}`;
    case 'invalid_value':
      return `none of ${issue.values.join(', ')}`;
    case 'custom':
      return issue.message;
    default:
      return 'not of the form that FHIR wants';
  }
}

function article(type: string): string {
  return `${/^[aeiou]/.test(type) ? 'an' : 'a'} ${type}`;
}

const short = z.string().min(1).max(1_024);
const long = z.string().max(4_096);

/** A date of FHIR: year, month or day, and one that exists. */
export const dateShape = z.string().refine(isFhirDate, { error: 'not a date of FHIR' });
/** A dateTime or instant of FHIR. */
export const timeShape = z.string().refine(isFhirTime, { error: 'not a time of FHIR' });

export function isFhirDate(text: string): boolean {
  const parts = /^(\d{4})(?:-(\d{2})(?:-(\d{2}))?)?$/.exec(text);
  if (parts === null || parts[1] === '0000') return false;
  const month = Number(parts[2] ?? 1);
  const day = Number(parts[3] ?? 1);
  const date = new Date(Date.UTC(2000, month - 1, day));
  date.setUTCFullYear(Number(parts[1]), month - 1, day);
  return month >= 1 && month <= 12 && date.getUTCMonth() === month - 1 && date.getUTCDate() === day;
}

export function isFhirTime(text: string): boolean {
  const [date = '', time] = text.split('T');
  if (!isFhirDate(date)) return false;
  if (time === undefined) return true;
  const parts = /^(\d{2}):(\d{2}):(\d{2})(?:\.\d{1,9})?(?:Z|[+-](\d{2}):(\d{2}))$/.exec(time);
  return (
    date.length === 10 &&
    parts !== null &&
    Number(parts[1]) < 24 &&
    Number(parts[2]) < 60 &&
    Number(parts[3]) <= 60 &&
    Number(parts[4] ?? 0) <= 14 &&
    Number(parts[5] ?? 0) < 60
  );
}

export const codingShape = z.looseObject({
  system: short.optional(),
  code: short.optional(),
  display: long.optional(),
});
export const conceptShape = z.looseObject({ coding: z.array(codingShape).max(20).optional(), text: long.optional() });

/** An identifier that may be without value; whoever needs one with both asks for it. */
export const identifierShape = z.looseObject({
  use: short.optional(),
  type: conceptShape.optional(),
  system: short.optional(),
  value: short.optional(),
});

export const referenceShape = z.looseObject({
  reference: short.optional(),
  type: short.optional(),
  identifier: identifierShape.optional(),
  display: long.optional(),
});

export const metaShape = z.looseObject({
  profile: z.array(short).max(20).optional(),
  lastUpdated: timeShape.optional(),
});

const periodShape = z.looseObject({ start: timeShape.optional(), end: timeShape.optional() });

/** What is read of a Patient; other elements pass as they are within {@link checkBounds}. */
export const patientShape = z.looseObject({
  resourceType: z.literal('Patient'),
  id: short.optional(),
  meta: metaShape.optional(),
  identifier: z.array(identifierShape).max(100).optional(),
  active: z.boolean().optional(),
  name: z
    .array(
      z.looseObject({
        use: z.enum(['usual', 'official', 'temp', 'nickname', 'anonymous', 'old', 'maiden']).optional(),
        text: long.optional(),
        family: long.optional(),
        given: z.array(long).max(20).optional(),
        prefix: z.array(long).max(20).optional(),
        suffix: z.array(long).max(20).optional(),
        period: periodShape.optional(),
      }),
    )
    .max(50)
    .optional(),
  telecom: z
    .array(z.looseObject({ system: short.optional(), value: long.optional(), use: short.optional() }))
    .max(100)
    .optional(),
  gender: z.enum(['male', 'female', 'other', 'unknown']).optional(),
  birthDate: dateShape.optional(),
  deceasedBoolean: z.boolean().optional(),
  deceasedDateTime: timeShape.optional(),
  multipleBirthBoolean: z.boolean().optional(),
  multipleBirthInteger: z.number().int().optional(),
  address: z
    .array(
      z.looseObject({
        use: short.optional(),
        line: z.array(long).max(20).optional(),
        city: long.optional(),
        district: long.optional(),
        state: long.optional(),
        postalCode: long.optional(),
        country: long.optional(),
        period: periodShape.optional(),
      }),
    )
    .max(50)
    .optional(),
  maritalStatus: conceptShape.optional(),
  managingOrganization: referenceShape.optional(),
  link: z
    .array(z.looseObject({ other: referenceShape, type: z.enum(['replaced-by', 'replaces', 'refer', 'seealso']) }))
    .max(20)
    .optional(),
  extension: z
    .array(z.looseObject({ url: short }))
    .max(100)
    .optional(),
});
