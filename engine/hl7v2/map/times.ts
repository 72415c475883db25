/**
 * HL7 times to FHIR (v2 TS, DTM, DT, TM; chapter 2A.22 and 2A.79). The precision as sent is kept; nothing is invented but the
 * seconds that FHIR wants where there is a time of day. Times without offset are of the source's zone, summer time included.
 */
import { MixError } from '../../../schemas/errors/index.ts';

/** Offset of a zone from UTC in minutes at a wall-clock time. */
export interface Zone {
  name: string;
  offsetAt(year: number, month: number, day: number, hour: number, minute: number): number;
}

export interface ReadTime {
  /** FHIR dateTime. */
  dateTime: string;
  /** FHIR date (the first ten characters at most). */
  date: string;
  /** Milliseconds since the epoch of its beginning. */
  at: number;
  /** Digits that were sent before the fraction: 4 year, 6 month, 8 day, 10 hour, 12 minute, 14 second. */
  precision: number;
}

const zones = new Map<string, Zone>();

/** The zone of this IANA name. Throws `record.zone-unknown`. */
export function zoneNamed(name: string): Zone {
  const known = zones.get(name);
  if (known) return known;
  let format: Intl.DateTimeFormat;
  try {
    format = new Intl.DateTimeFormat('en-US', {
      timeZone: name,
      hourCycle: 'h23',
      year: 'numeric',
      month: 'numeric',
      day: 'numeric',
      hour: 'numeric',
      minute: 'numeric',
      second: 'numeric',
    });
  } catch (cause) {
    throw new MixError('record.zone-unknown', { cause });
  }
  const zone = name === 'UTC' ? { name, offsetAt: () => 0 } : zoneFrom(name, format);
  zones.set(name, zone);
  return zone;
}

const daysMax = 5000;

function zoneFrom(name: string, format: Intl.DateTimeFormat): Zone {
  /** Offset of days on which it does not change; absent days are asked hour by hour. */
  const days = new Map<number, number>();
  const at = (instant: number): number => {
    const parts: Record<string, number> = {};
    for (const { type, value } of format.formatToParts(instant)) if (type !== 'literal') parts[type] = Number(value);
    const wall = Date.UTC(
      parts['year']!,
      parts['month']! - 1,
      parts['day'],
      parts['hour'],
      parts['minute'],
      parts['second'],
    );
    return Math.round((wall - Math.floor(instant / 1000) * 1000) / 60_000);
  };
  const wallOffset = (wall: number): number => {
    const guess = at(wall);
    const first = wall - guess * 60_000;
    const second = at(first);
    return second === guess ? guess : at(wall - second * 60_000);
  };
  return {
    name,
    offsetAt(year, month, day, hour, minute) {
      const midnight = Date.UTC(year, month - 1, day);
      const known = days.get(midnight);
      if (known !== undefined) return known;
      const start = wallOffset(midnight);
      if (start === wallOffset(midnight + 86_340_000)) {
        if (days.size >= daysMax) days.clear();
        days.set(midnight, start);
        return start;
      }
      return wallOffset(midnight + (hour * 60 + minute) * 60_000);
    },
  };
}

const monthDays = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];

function daysIn(year: number, month: number): number {
  return month === 2 && year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0) ? 29 : monthDays[month - 1]!;
}

const isoForm = /^(\d{4})-(\d{2})(?:-(\d{2})(?:[T ](\d{2}):(\d{2})(?::(\d{2})(\.\d+)?)?(Z|[+-]\d{2}:?\d{2})?)?)?$/;

/** Brings the ISO 8601 form, which some senders write, to HL7's. */
function fromIso(text: string): string {
  const found = isoForm.exec(text);
  if (!found) return text;
  const [, year, month, day = '', hour = '', minute = '', second = '', fraction = '', offset = ''] = found;
  return (
    year! + month! + day + hour + minute + second + fraction + (offset === 'Z' ? '+0000' : offset.replace(':', ''))
  );
}

/**
 * Reads an HL7 time; undefined where it is none (a 13th month, letters, one digit too few). Further components than the first
 * are not looked at; a degree of precision (TS.2: Y, L, D, H, M, S) may be given.
 */
export function readTime(text: string, zone: Zone, degree = ''): ReadTime | undefined {
  let raw = text.trim();
  if (raw.charCodeAt(4) === 45) raw = fromIso(raw);
  let digits = 0;
  while (digits < raw.length && isDigit(raw.charCodeAt(digits))) digits++;
  if (digits < 4 || digits > 14 || digits % 2 === 1) return undefined;
  let rest = digits;
  let fraction = '';
  if (raw.charCodeAt(rest) === 46) {
    const start = rest++;
    while (rest < raw.length && isDigit(raw.charCodeAt(rest))) rest++;
    if (digits === 14 && rest > start + 1) fraction = raw.slice(start, Math.min(rest, start + 4));
  }
  const offset = rest === raw.length ? undefined : readOffset(raw.slice(rest));
  if (offset === null) return undefined;
  const limit = degree === '' ? 14 : ({ Y: 4, L: 6, D: 8, H: 10, M: 12, S: 14 }[degree] ?? 14);
  return assemble(raw, Math.min(digits, limit), fraction, offset, zone);
}

function assemble(
  raw: string,
  precision: number,
  fraction: string,
  offset: number | undefined,
  zone: Zone,
): ReadTime | undefined {
  const part = (from: number, to: number, absent: number): number =>
    precision >= to ? Number(raw.slice(from, to)) : absent;
  const year = part(0, 4, 0);
  const month = part(4, 6, 1);
  const day = part(6, 8, 1);
  const hour = part(8, 10, 0);
  const minute = part(10, 12, 0);
  const second = part(12, 14, 0);
  if (year === 0 || month < 1 || month > 12 || day < 1 || day > daysIn(year, month)) return undefined;
  if (hour > 23 || minute > 59 || second > 59) return undefined;
  const minutes = offset ?? zone.offsetAt(year, month, day, hour, minute);
  const at =
    Date.UTC(year, month - 1, day, hour, minute, second) -
    minutes * 60_000 +
    (fraction === '' ? 0 : Number(`0${fraction}`) * 1000);
  let date = raw.slice(0, 4);
  if (precision >= 6) date += `-${raw.slice(4, 6)}`;
  if (precision >= 8) date += `-${raw.slice(6, 8)}`;
  if (precision < 10) return { dateTime: date, date, at, precision };
  const clock = `${raw.slice(8, 10)}:${precision >= 12 ? raw.slice(10, 12) : '00'}:${precision >= 14 ? raw.slice(12, 14) : '00'}`;
  return { dateTime: `${date}T${clock}${fraction}${writeOffset(minutes)}`, date, at, precision };
}

function isDigit(code: number): boolean {
  return code >= 48 && code <= 57;
}

/** Minutes of `+0100` or `-05`; null where it is none. */
function readOffset(text: string): number | null {
  const sign = text[0] === '+' ? 1 : text[0] === '-' ? -1 : 0;
  if (sign === 0 || (text.length !== 5 && text.length !== 3)) return null;
  for (let i = 1; i < text.length; i++) if (!isDigit(text.charCodeAt(i))) return null;
  const hours = Number(text.slice(1, 3));
  const minutes = text.length === 5 ? Number(text.slice(3, 5)) : 0;
  return hours > 14 || minutes > 59 || (hours === 14 && minutes > 0) ? null : sign * (hours * 60 + minutes);
}

/** `+01:00`; ISO 8601 wants `+00:00` for UTC or Z, FHIR takes both. */
export function writeOffset(minutes: number): string {
  if (minutes === 0) return 'Z';
  const size = Math.abs(minutes);
  return `${minutes < 0 ? '-' : '+'}${String(Math.floor(size / 60)).padStart(2, '0')}:${String(size % 60).padStart(2, '0')}`;
}

/** An HL7 TM (`1130`, `11:30:05`) as a FHIR time; undefined where it is none. */
export function readClock(text: string): string | undefined {
  const found = /^(\d{2}):?(\d{2})?:?(\d{2})?(\.\d+)?(?:[+-]\d{4})?$/.exec(text.trim());
  if (!found) return undefined;
  const [, hour, minute = '00', second = '00'] = found;
  if (Number(hour) > 23 || Number(minute) > 59 || Number(second) > 59) return undefined;
  return `${hour}:${minute}:${second}`;
}
