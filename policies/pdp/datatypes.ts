/** Data types of XACML 3.0 (10.2.7, appendix A.2, B.3): reading, equality, writing. */

const XS = 'http://www.w3.org/2001/XMLSchema#';
const X1 = 'urn:oasis:names:tc:xacml:1.0:data-type:';
const X2 = 'urn:oasis:names:tc:xacml:2.0:data-type:';

/** A point in time, day or time of day; one without a zone is taken as UTC when compared. */
export interface Instant {
  ms: number;
  /** Minutes east of UTC; undefined when not given. */
  zone: number | undefined;
}

/** A name whose written form and comparable form differ. */
export interface Named {
  key: string;
  text: string;
}

export type Scalar = string | number | bigint | boolean | Instant | Named;
export type Bag = readonly Scalar[];
export type Value = Scalar | Bag;

export interface DataType {
  /** Short name, as in function identifiers. */
  name: string;
  id: string;
  /** Reads the lexical form; undefined when it is not one. */
  read(text: string): Scalar | undefined;
  /** Equal values have equal keys, so that sets of thousands need no comparison of each with each. */
  key(value: Scalar): string | number | bigint | boolean;
  write(value: Scalar): string;
}

type Key = ReturnType<DataType['key']>;

const same = (value: Scalar): Key => value as Key;
const text = (value: Scalar): string => String(value);
const sameInstant = (value: Scalar): Key => (value as Instant).ms;
const sameName = (value: Scalar): Key => (value as Named).key;

/** Longest lexical form of anything but a string, so that no reader below works long. */
const LEXICAL_MAX = 4_096;

function type(id: string, name: string, read: DataType['read'], key = same, write = text, trim = true): DataType {
  return {
    name,
    id,
    key,
    write,
    read: trim ? (raw) => (raw.length > LEXICAL_MAX ? undefined : read(raw.trim())) : read,
  };
}

export const TYPES = {
  string: type(`${XS}string`, 'string', (raw) => raw, same, text, false),
  boolean: type(`${XS}boolean`, 'boolean', (raw) =>
    /^(true|1)$/.test(raw) ? true : /^(false|0)$/.test(raw) ? false : undefined,
  ),
  integer: type(`${XS}integer`, 'integer', (raw) =>
    /^[+-]?\d+$/.test(raw) ? BigInt(raw.replace('+', '')) : undefined,
  ),
  double: type(`${XS}double`, 'double', readDouble, same, writeDouble),
  time: type(`${XS}time`, 'time', readTime, sameInstant, (value) => writeTime(value as Instant)),
  date: type(`${XS}date`, 'date', readDate, sameInstant, (value) => writeDate(value as Instant)),
  dateTime: type(`${XS}dateTime`, 'dateTime', readDateTime, sameInstant, (value) => writeDateTime(value as Instant)),
  dayTimeDuration: type(`${XS}dayTimeDuration`, 'dayTimeDuration', readDayTime, same, (value) =>
    writeDayTime(value as number),
  ),
  yearMonthDuration: type(`${XS}yearMonthDuration`, 'yearMonthDuration', readYearMonth, same, (value) =>
    writeYearMonth(value as number),
  ),
  anyURI: type(`${XS}anyURI`, 'anyURI', (raw) => (/\s/.test(raw) ? undefined : raw)),
  hexBinary: type(`${XS}hexBinary`, 'hexBinary', (raw) =>
    /^([0-9a-fA-F]{2})*$/.test(raw) ? raw.toUpperCase() : undefined,
  ),
  base64Binary: type(`${XS}base64Binary`, 'base64Binary', readBase64),
  rfc822Name: type(`${X1}rfc822Name`, 'rfc822Name', readMailName, sameName, (value) => (value as Named).text),
  x500Name: type(`${X1}x500Name`, 'x500Name', readX500Name, sameName, (value) => (value as Named).text),
  ipAddress: type(`${X2}ipAddress`, 'ipAddress', (raw) =>
    /^(\d{1,3}(\.\d{1,3}){3}|\[[0-9a-fA-F:.]+\])(\/[^:]+)?(:[\d-]+)?$/.test(raw) ? raw : undefined,
  ),
  dnsName: type(`${X2}dnsName`, 'dnsName', (raw) =>
    /^(\*\.)?[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*(:[\d-]+)?$/.test(raw) ? raw : undefined,
  ),
} as const satisfies Record<string, DataType>;

export type TypeName = keyof typeof TYPES;

const byId = new Map<string, DataType>(Object.values(TYPES).map((one) => [one.id, one]));
// Names of the durations before XML Schema 1.1 had them; XACML 2.0 policies still use them.
byId.set('http://www.w3.org/TR/2002/WD-xquery-operators-20020816#dayTimeDuration', TYPES.dayTimeDuration);
byId.set('http://www.w3.org/TR/2002/WD-xquery-operators-20020816#yearMonthDuration', TYPES.yearMonthDuration);
byId.set('urn:oasis:names:tc:xacml:2.0:data-type:dayTimeDuration', TYPES.dayTimeDuration);
byId.set('urn:oasis:names:tc:xacml:2.0:data-type:yearMonthDuration', TYPES.yearMonthDuration);

/** The data type of an identifier. */
export function typeOf(id: string): DataType | undefined {
  return byId.get(id);
}

function readDouble(raw: string): number | undefined {
  if (raw === 'INF') return Number.POSITIVE_INFINITY;
  if (raw === '-INF') return Number.NEGATIVE_INFINITY;
  if (raw === 'NaN') return Number.NaN;
  return /^[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?$/.test(raw) ? Number(raw) : undefined;
}

function writeDouble(value: Scalar): string {
  if (value === Number.POSITIVE_INFINITY) return 'INF';
  if (value === Number.NEGATIVE_INFINITY) return '-INF';
  return String(value);
}

function readBase64(raw: string): string | undefined {
  const compact = raw.replace(/\s/g, '');
  return compact.length % 4 === 0 && /^[A-Za-z0-9+/]*={0,2}$/.test(compact) ? compact : undefined;
}

const MINUTE_MS = 60_000;
export const DAY_MS = 86_400_000;

/** Minutes of `Z`, `+hh:mm`; undefined for none, null when out of -14:00 to +14:00. */
function readZone(raw: string | undefined): number | undefined | null {
  if (!raw) return undefined;
  if (raw === 'Z') return 0;
  const minutes = Number(raw.slice(1, 3)) * 60 + Number(raw.slice(4, 6));
  if (minutes > 840 || Number(raw.slice(4, 6)) > 59) return null;
  return raw[0] === '-' ? -minutes : minutes;
}

function readClock(hours: string, minutes: string, seconds: string): number | undefined {
  const [h, m, s] = [Number(hours), Number(minutes), Number(seconds)];
  if (h > 24 || m > 59 || s >= 60 || (h === 24 && (m > 0 || s > 0))) return undefined;
  return (h * 60 + m) * MINUTE_MS + Math.round(s * 1e6) / 1e3;
}

function readTime(raw: string): Instant | undefined {
  const parts = /^(\d\d):(\d\d):(\d\d(?:\.\d{1,9})?)(Z|[+-]\d\d:\d\d)?$/.exec(raw);
  const zone = readZone(parts?.[4]);
  const clock = parts && readClock(parts[1]!, parts[2]!, parts[3]!);
  if (clock === undefined || clock === null || zone === null) return undefined;
  return { ms: (clock % DAY_MS) - (zone ?? 0) * MINUTE_MS, zone };
}

/** Midnight UTC of a calendar day, or undefined when there is no such day. */
function dayMs(year: number, month: number, day: number): number | undefined {
  const date = new Date(0);
  date.setUTCFullYear(year, month - 1, day);
  return date.getUTCMonth() === month - 1 && date.getUTCDate() === day && month >= 1 ? date.getTime() : undefined;
}

function readDate(raw: string): Instant | undefined {
  const parts = /^(-?\d{4,6})-(\d\d)-(\d\d)(Z|[+-]\d\d:\d\d)?$/.exec(raw);
  const zone = readZone(parts?.[4]);
  const day = parts ? dayMs(Number(parts[1]), Number(parts[2]), Number(parts[3])) : undefined;
  return day === undefined || zone === null ? undefined : { ms: day - (zone ?? 0) * MINUTE_MS, zone };
}

function readDateTime(raw: string): Instant | undefined {
  const parts = /^(-?\d{4,6})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d(?:\.\d{1,9})?)(Z|[+-]\d\d:\d\d)?$/.exec(raw);
  if (!parts) return undefined;
  const zone = readZone(parts[7]);
  const day = dayMs(Number(parts[1]), Number(parts[2]), Number(parts[3]));
  const clock = readClock(parts[4]!, parts[5]!, parts[6]!);
  if (day === undefined || clock === undefined || zone === null) return undefined;
  return { ms: day + clock - (zone ?? 0) * MINUTE_MS, zone };
}

function writeZone(zone: number | undefined): string {
  if (zone === undefined) return '';
  if (zone === 0) return 'Z';
  const minutes = Math.abs(zone);
  return `${zone < 0 ? '-' : '+'}${String(Math.floor(minutes / 60)).padStart(2, '0')}:${String(minutes % 60).padStart(2, '0')}`;
}

/** ISO text in the instant's own zone, whole seconds without a fraction. */
function writeDateTime(value: Instant): string {
  const iso = new Date(value.ms + (value.zone ?? 0) * MINUTE_MS).toISOString().replace('.000', '').slice(0, -1);
  return iso + writeZone(value.zone);
}
function writeDate(value: Instant): string {
  return writeDateTime({ ms: value.ms, zone: value.zone }).replace(/T[^Z+-]*/, '');
}
function writeTime(value: Instant): string {
  return writeDateTime(value).replace(/^[^T]*T/, '');
}

function readDayTime(raw: string): number | undefined {
  const parts = /^(-)?P(?:(\d{1,9})D)?(?:T(?:(\d{1,9})H)?(?:(\d{1,9})M)?(?:(\d{1,9}(?:\.\d{1,9})?)S)?)?$/.exec(raw);
  if (!parts || /(P|T)$/.test(raw)) return undefined;
  const [days, hours, minutes, seconds] = [parts[2], parts[3], parts[4], parts[5]].map((part) => Number(part ?? 0)) as [
    number,
    number,
    number,
    number,
  ];
  const ms = days * DAY_MS + (hours * 60 + minutes) * MINUTE_MS + seconds * 1_000;
  return parts[1] ? -ms : ms;
}

function writeDayTime(ms: number): string {
  const seconds = Math.abs(ms) / 1_000;
  const days = Math.floor(seconds / 86_400);
  const rest = seconds - days * 86_400;
  const [h, m, s] = [Math.floor(rest / 3_600), Math.floor((rest % 3_600) / 60), rest % 60];
  const clock = `${h ? `${h}H` : ''}${m ? `${m}M` : ''}${s ? `${s}S` : ''}`;
  if (ms === 0) return 'PT0S';
  return `${ms < 0 ? '-' : ''}P${days ? `${days}D` : ''}${clock ? `T${clock}` : ''}`;
}

function readYearMonth(raw: string): number | undefined {
  const parts = /^(-)?P(?:(\d{1,9})Y)?(?:(\d{1,9})M)?$/.exec(raw);
  if (!parts || raw.endsWith('P')) return undefined;
  const months = Number(parts[2] ?? 0) * 12 + Number(parts[3] ?? 0);
  return parts[1] ? -months : months;
}

function writeYearMonth(months: number): string {
  const all = Math.abs(months);
  const [y, m] = [Math.floor(all / 12), all % 12];
  return `${months < 0 ? '-' : ''}P${y ? `${y}Y` : ''}${m || !y ? `${m}M` : ''}`;
}

/** `local@domain`; the local part is compared as written, the domain without case (A.2). */
function readMailName(raw: string): Named | undefined {
  const at = raw.lastIndexOf('@');
  const [local, domain] = [raw.slice(0, at), raw.slice(at + 1)];
  if (at < 1 || /[\s@]/.test(local) || !/^[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*$/.test(domain)) return undefined;
  return { key: `${local}@${domain.toLowerCase()}`, text: raw };
}

/** A distinguished name (RFC 4514): types and values without case, inner blanks folded, parts of one level in any order. */
function readX500Name(raw: string): Named | undefined {
  const levels: string[] = [];
  for (const level of splitUnescaped(raw, ',;')) {
    const parts = splitUnescaped(level, '+').map((part) => {
      const equals = part.indexOf('=');
      const name = part.slice(0, equals).trim().toLowerCase();
      if (equals < 1 || !/^([a-z][a-z0-9-]*|\d+(\.\d+)*)$/.test(name)) return undefined;
      return `${name}=${part
        .slice(equals + 1)
        .trim()
        .replace(/\s+/g, ' ')
        .toLowerCase()}`;
    });
    if (parts.includes(undefined)) return undefined;
    levels.push(parts.sort().join('+'));
  }
  return { key: levels.join('\u0000'), text: raw };
}

function splitUnescaped(raw: string, separators: string): string[] {
  const parts: string[] = [];
  let from = 0;
  let quoted = false;
  for (let i = 0; i < raw.length; i++) {
    if (raw[i] === '\\') i++;
    else if (raw[i] === '"') quoted = !quoted;
    else if (!quoted && separators.includes(raw[i]!)) {
      parts.push(raw.slice(from, i));
      from = i + 1;
    }
  }
  parts.push(raw.slice(from));
  return parts;
}
