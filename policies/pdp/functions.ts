/** Functions of XACML 3.0 appendix A.3 whose arguments are evaluated before the call. */
import { EvaluationFault } from './context.ts';
import {
  type Bag,
  type DataType,
  type Instant,
  type Named,
  type Scalar,
  TYPES,
  type TypeName,
  type Value,
} from './datatypes.ts';
import { compilePattern } from './regexp.ts';

export interface Shape {
  type: DataType;
  bag: boolean;
}

export interface FunctionKind {
  id: string;
  parameters: Shape[];
  /** The last parameter may be repeated; this many arguments at least. */
  variadicFrom?: number;
  returns: Shape;
  call(args: Value[]): Value;
}

const V1 = 'urn:oasis:names:tc:xacml:1.0:function:';
const V2 = 'urn:oasis:names:tc:xacml:2.0:function:';
const V3 = 'urn:oasis:names:tc:xacml:3.0:function:';

const table = new Map<string, FunctionKind>();

/** The function of an identifier; higher-order and lazy ones are in `expressions.ts`. */
export function functionOf(id: string): FunctionKind | undefined {
  return table.get(id);
}

const one = (type: DataType): Shape => ({ type, bag: false });
const bagOf = (type: DataType): Shape => ({ type, bag: true });

function define(
  id: string,
  parameters: Shape[],
  returns: Shape,
  call: (...args: never[]) => Value,
  variadicFrom?: number,
): void {
  const run = call as (...args: Value[]) => Value;
  const kind: FunctionKind = { id, parameters, returns, call: (args) => run(...args) };
  if (variadicFrom !== undefined) kind.variadicFrom = variadicFrom;
  table.set(id, kind);
}

const {
  string,
  boolean,
  integer,
  double,
  time,
  date,
  dateTime,
  dayTimeDuration,
  yearMonthDuration,
  anyURI,
  x500Name,
  rfc822Name,
} = TYPES;
const BOOLEAN = one(boolean);
const STRING = one(string);
const INTEGER = one(integer);
const DOUBLE = one(double);

/** Functions added by version 3.0 for a type of 1.0 keep the prefix of the version that made them. */
const isNewType = (type: DataType): boolean => type === dayTimeDuration || type === yearMonthDuration;

function fail(detail: string): never {
  throw new EvaluationFault('processing-error', detail);
}

/** NaN is the one value that is not equal to itself. */
function equal(type: DataType, a: Scalar, b: Scalar): boolean {
  return type.key(a) === type.key(b);
}

function defineEquality(): void {
  const typesWithEquality: TypeName[] = [
    'string',
    'boolean',
    'integer',
    'double',
    'date',
    'time',
    'dateTime',
    'dayTimeDuration',
    'yearMonthDuration',
    'anyURI',
    'x500Name',
    'rfc822Name',
    'hexBinary',
    'base64Binary',
  ];
  for (const name of typesWithEquality) {
    const type = TYPES[name];
    define(`${isNewType(type) ? V3 : V1}${name}-equal`, [one(type), one(type)], BOOLEAN, (a: Scalar, b: Scalar) =>
      equal(type, a, b),
    );
  }
  // XACML 2.0 had these under 1.0.
  for (const type of [dayTimeDuration, yearMonthDuration]) {
    define(`${V1}${type.name}-equal`, [one(type), one(type)], BOOLEAN, (a: Scalar, b: Scalar) => equal(type, a, b));
  }
  define(
    `${V3}string-equal-ignore-case`,
    [STRING, STRING],
    BOOLEAN,
    (a: string, b: string) => a.toLowerCase() === b.toLowerCase(),
  );
}

/** XML Schema integers have no end, but a product of products must not eat the machine. */
const INTEGER_BITS_MAX = 4_096n;
function bounded(value: bigint): bigint {
  if (value > 1n << INTEGER_BITS_MAX || value < -(1n << INTEGER_BITS_MAX)) fail('integer too large');
  return value;
}

function defineArithmetic(): void {
  define(`${V1}integer-add`, [INTEGER, INTEGER], INTEGER, (...n: bigint[]) => bounded(n.reduce((a, b) => a + b)), 2);
  define(
    `${V1}integer-multiply`,
    [INTEGER, INTEGER],
    INTEGER,
    (...n: bigint[]) => n.reduce((a, b) => bounded(a * b)),
    2,
  );
  define(`${V1}integer-subtract`, [INTEGER, INTEGER], INTEGER, (a: bigint, b: bigint) => bounded(a - b));
  define(`${V1}integer-divide`, [INTEGER, INTEGER], INTEGER, (a: bigint, b: bigint) =>
    b === 0n ? fail('division by zero') : a / b,
  );
  define(`${V1}integer-mod`, [INTEGER, INTEGER], INTEGER, (a: bigint, b: bigint) =>
    b === 0n ? fail('division by zero') : a % b,
  );
  define(`${V1}integer-abs`, [INTEGER], INTEGER, (a: bigint) => (a < 0n ? -a : a));
  define(`${V1}double-add`, [DOUBLE, DOUBLE], DOUBLE, (...n: number[]) => n.reduce((a, b) => a + b), 2);
  define(`${V1}double-multiply`, [DOUBLE, DOUBLE], DOUBLE, (...n: number[]) => n.reduce((a, b) => a * b), 2);
  define(`${V1}double-subtract`, [DOUBLE, DOUBLE], DOUBLE, (a: number, b: number) => a - b);
  define(`${V1}double-divide`, [DOUBLE, DOUBLE], DOUBLE, (a: number, b: number) =>
    b === 0 ? fail('division by zero') : a / b,
  );
  define(`${V1}double-abs`, [DOUBLE], DOUBLE, Math.abs as (a: number) => number);
  define(`${V1}floor`, [DOUBLE], DOUBLE, Math.floor as (a: number) => number);
  define(`${V1}round`, [DOUBLE], DOUBLE, roundHalfEven);
  define(`${V1}double-to-integer`, [DOUBLE], INTEGER, (a: number) =>
    Number.isFinite(a) ? BigInt(Math.trunc(a)) : fail('not a finite number'),
  );
  define(`${V1}integer-to-double`, [INTEGER], DOUBLE, (a: bigint) => Number(a));
}

/** To the nearest whole number, a tie to the even one (IEEE 754 default, A.3.2). */
function roundHalfEven(value: number): number {
  const low = Math.floor(value);
  const over = value - low;
  if (over !== 0.5) return Math.round(value);
  return low % 2 === 0 ? low : low + 1;
}

function defineComparison(): void {
  const instant = (value: Scalar): number => (value as Instant).ms;
  const orders: [DataType, string, (a: Scalar, b: Scalar) => number][] = [
    [integer, V1, (a, b) => ((a as bigint) < (b as bigint) ? -1 : (a as bigint) > (b as bigint) ? 1 : 0)],
    // NaN is neither less nor greater: NaN - x is NaN, and every comparison with it is false.
    [double, V1, (a, b) => ((a as number) === (b as number) ? 0 : (a as number) - (b as number))],
    [string, V1, (a, b) => ((a as string) < (b as string) ? -1 : (a as string) > (b as string) ? 1 : 0)],
    [time, V1, (a, b) => instant(a) - instant(b)],
    [date, V1, (a, b) => instant(a) - instant(b)],
    [dateTime, V1, (a, b) => instant(a) - instant(b)],
  ];
  for (const [type, version, order] of orders) {
    const two = [one(type), one(type)];
    define(`${version}${type.name}-greater-than`, two, BOOLEAN, (a: Scalar, b: Scalar) => order(a, b) > 0);
    define(`${version}${type.name}-greater-than-or-equal`, two, BOOLEAN, (a: Scalar, b: Scalar) => order(a, b) >= 0);
    define(`${version}${type.name}-less-than`, two, BOOLEAN, (a: Scalar, b: Scalar) => order(a, b) < 0);
    define(`${version}${type.name}-less-than-or-equal`, two, BOOLEAN, (a: Scalar, b: Scalar) => order(a, b) <= 0);
  }
  define(
    `${V2}time-in-range`,
    [one(time), one(time), one(time)],
    BOOLEAN,
    (at: Instant, from: Instant, to: Instant) => {
      const day = 86_400_000;
      const after = (value: number): number => (((value - from.ms) % day) + day) % day;
      return after(at.ms) <= after(to.ms);
    },
  );
  define(`${V1}not`, [BOOLEAN], BOOLEAN, (a: boolean) => !a);
}

function defineDates(): void {
  for (const version of [V1, V3]) {
    const seconds = (type: DataType, sign: number) => (at: Instant, ms: number) => shifted(type, at, at.ms + sign * ms);
    const months = (type: DataType, sign: number) => (at: Instant, count: number) => addMonths(type, at, sign * count);
    define(
      `${version}dateTime-add-dayTimeDuration`,
      [one(dateTime), one(dayTimeDuration)],
      one(dateTime),
      seconds(dateTime, 1),
    );
    define(
      `${version}dateTime-subtract-dayTimeDuration`,
      [one(dateTime), one(dayTimeDuration)],
      one(dateTime),
      seconds(dateTime, -1),
    );
    for (const type of [dateTime, date]) {
      define(
        `${version}${type.name}-add-yearMonthDuration`,
        [one(type), one(yearMonthDuration)],
        one(type),
        months(type, 1),
      );
      define(
        `${version}${type.name}-subtract-yearMonthDuration`,
        [one(type), one(yearMonthDuration)],
        one(type),
        months(type, -1),
      );
    }
  }
}

/** Furthest time that a JavaScript date reaches. */
const INSTANT_MS_MAX = 8_640_000_000_000_000;
function shifted(_type: DataType, at: Instant, ms: number): Instant {
  if (!(Math.abs(ms) <= INSTANT_MS_MAX)) fail('time out of range');
  return { ms, zone: at.zone };
}

/** Adds months in the instant's own zone; a day that the month lacks becomes its last (XML Schema part 2, appendix E). */
function addMonths(type: DataType, at: Instant, months: number): Instant {
  const local = new Date(at.ms + (at.zone ?? 0) * 60_000);
  const day = local.getUTCDate();
  local.setUTCDate(1);
  local.setUTCMonth(local.getUTCMonth() + months);
  const last = new Date(Date.UTC(2000, 0, 1));
  last.setUTCFullYear(local.getUTCFullYear(), local.getUTCMonth() + 1, 0);
  local.setUTCDate(Math.min(day, last.getUTCDate()));
  return shifted(type, at, local.getTime() - (at.zone ?? 0) * 60_000);
}

/** Longest text that a function may make. */
const TEXT_MAX = 1_000_000;

function defineStrings(): void {
  define(`${V1}string-normalize-space`, [STRING], STRING, (a: string) => a.trim());
  define(`${V1}string-normalize-to-lower-case`, [STRING], STRING, (a: string) => a.toLowerCase());
  define(
    `${V2}string-concatenate`,
    [STRING, STRING],
    STRING,
    (...parts: string[]) => {
      if (parts.reduce((sum, part) => sum + part.length, 0) > TEXT_MAX) fail('text too long');
      return parts.join('');
    },
    2,
  );
  define(
    `${V2}uri-string-concatenate`,
    [one(anyURI), STRING],
    one(anyURI),
    (...parts: string[]) => parts.join('').slice(0, TEXT_MAX),
    1,
  );
  for (const type of Object.values(TYPES)) {
    if (type === string) continue;
    define(
      `${V3}${type.name}-from-string`,
      [STRING],
      one(type),
      (raw: string) => type.read(raw) ?? fail(`not a value of ${type.name}`),
    );
    define(`${V3}string-from-${type.name}`, [one(type)], STRING, (value: Scalar) => type.write(value));
  }
  for (const type of [string, anyURI]) {
    // The first argument is the part, the second the whole (A.3.9).
    define(`${V3}${type.name}-starts-with`, [STRING, one(type)], BOOLEAN, (part: string, whole: string) =>
      whole.startsWith(part),
    );
    define(`${V3}${type.name}-ends-with`, [STRING, one(type)], BOOLEAN, (part: string, whole: string) =>
      whole.endsWith(part),
    );
    define(`${V3}${type.name}-contains`, [STRING, one(type)], BOOLEAN, (part: string, whole: string) =>
      whole.includes(part),
    );
    define(`${V3}${type.name}-substring`, [one(type), INTEGER, INTEGER], STRING, substring);
  }
}

/** From `begin` up to before `end`; -1 means to the end (A.3.9). */
function substring(whole: string, begin: bigint, end: bigint): string {
  const length = BigInt(whole.length);
  const stop = end === -1n ? length : end;
  if (begin < 0n || begin > length || stop < begin || stop > length) fail('substring out of range');
  return whole.slice(Number(begin), Number(stop));
}

function defineMatching(): void {
  for (const name of ['string', 'anyURI', 'ipAddress', 'dnsName', 'rfc822Name', 'x500Name'] as const) {
    const type = TYPES[name];
    define(
      `${name === 'string' ? V1 : V2}${name}-regexp-match`,
      [STRING, one(type)],
      BOOLEAN,
      (pattern: string, value: Scalar) => compilePattern(pattern)(type.write(value)),
    );
  }
  define(
    `${V1}x500Name-match`,
    [one(x500Name), one(x500Name)],
    BOOLEAN,
    (tail: Named, whole: Named) => whole.key === tail.key || whole.key.endsWith(`\u0000${tail.key}`),
  );
  define(`${V1}rfc822Name-match`, [STRING, one(rfc822Name)], BOOLEAN, matchMail);
}

/** `a@b.c` exactly, `b.c` any mailbox of the domain, `.b.c` any of a domain below it (A.3.14). */
function matchMail(pattern: string, name: Named): boolean {
  const domain = name.key.slice(name.key.lastIndexOf('@') + 1);
  const at = pattern.lastIndexOf('@');
  if (at >= 0) return name.key === `${pattern.slice(0, at)}@${pattern.slice(at + 1).toLowerCase()}`;
  const wanted = pattern.toLowerCase();
  return wanted.startsWith('.') ? domain.endsWith(wanted) : domain === wanted;
}

function defineBags(): void {
  for (const type of Object.values(TYPES)) {
    const version = isNewType(type) ? V3 : type === TYPES.ipAddress || type === TYPES.dnsName ? V2 : V1;
    const has = (bag: Bag, value: Scalar): boolean => bag.some((other) => equal(type, other, value));
    const keysOf = (bag: Bag): Set<unknown> => new Set(bag.map((value) => type.key(value)));
    const within = (keys: Set<unknown>, value: Scalar): boolean => keys.has(type.key(value));
    const distinct = (values: Bag): Bag => [...new Map(values.map((value) => [type.key(value), value])).values()];
    const B = bagOf(type);
    const name = `${version}${type.name}`;
    define(`${name}-one-and-only`, [B], one(type), (bag: Bag) =>
      bag.length === 1 ? bag[0]! : fail(`${bag.length} values where one must be`),
    );
    define(`${name}-bag-size`, [B], INTEGER, (bag: Bag) => BigInt(bag.length));
    define(`${name}-is-in`, [one(type), B], BOOLEAN, (value: Scalar, bag: Bag) => has(bag, value));
    define(`${name}-bag`, [one(type)], B, (...values: Scalar[]) => values, 0);
    define(`${name}-intersection`, [B, B], B, (a: Bag, b: Bag) => {
      const keys = keysOf(b);
      return distinct(a.filter((value) => within(keys, value)));
    });
    const overlap = (a: Bag, b: Bag, how: 'some' | 'every'): boolean => {
      const keys = keysOf(b);
      return a[how]((value) => within(keys, value));
    };
    define(`${name}-at-least-one-member-of`, [B, B], BOOLEAN, (a: Bag, b: Bag) => overlap(a, b, 'some'));
    define(`${name}-union`, [B, B], B, (...bags: Bag[]) => distinct(bags.flat()), 2);
    define(`${name}-subset`, [B, B], BOOLEAN, (a: Bag, b: Bag) => overlap(a, b, 'every'));
    define(`${name}-set-equals`, [B, B], BOOLEAN, (a: Bag, b: Bag) => overlap(a, b, 'every') && overlap(b, a, 'every'));
    if (!isNewType(type)) continue;
    for (const suffix of [
      'one-and-only',
      'bag-size',
      'is-in',
      'bag',
      'intersection',
      'at-least-one-member-of',
      'union',
      'subset',
      'set-equals',
    ]) {
      table.set(`${V1}${type.name}-${suffix}`, table.get(`${name}-${suffix}`)!);
    }
  }
}

defineEquality();
defineArithmetic();
defineComparison();
defineDates();
defineStrings();
defineMatching();
defineBags();
