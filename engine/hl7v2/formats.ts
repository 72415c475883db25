/** Are texts written as their data types say (HL7 v2.8.2 chapter 2A: DTM, DT, TM, NM, SI)? */

const timeShape =
  /^(\d{4})(?:(\d{2})(?:(\d{2})(?:(\d{2})(?:(\d{2})(?:(\d{2})(?:\.\d{1,4})?)?)?)?)?)?(?:[+-](\d{2})(\d{2}))?$/;
const isoShape = /^(\d{4})-(\d{2})(?:-(\d{2})(?:[T ](\d{2}):(\d{2})(?::(\d{2})(?:\.\d+)?)?(?:Z|[+-]\d{2}:?\d{2})?)?)?$/;
const clockShape = /^(\d{2})(?:(\d{2})(?:(\d{2})(?:\.\d{1,4})?)?)?(?:[+-]\d{4})?$/;
const numberShape = /^[+-]?(?:\d+\.?\d*|\.\d+)$/;

/** A date or time to any precision from the year on, one that the calendar has; with or without an offset. */
export function isDateOrTime(text: string): boolean {
  const match = timeShape.exec(text);
  if (match === null || Number(match[7] ?? 0) > 14 || Number(match[8] ?? 0) > 59) return false;
  return isOnCalendar(match.slice(1, 7));
}

/** The same written as in ISO 8601 with its hyphens: not HL7, yet not to be mistaken. */
export function isIsoTime(text: string): boolean {
  const match = isoShape.exec(text);
  return match !== null && isOnCalendar(match.slice(1, 7));
}

function isOnCalendar(parts: (string | undefined)[]): boolean {
  const [year, month, day, hour, minute, second] = parts.map((part) => (part === undefined ? undefined : Number(part)));
  if (year === undefined || year < 1) return false;
  if (month !== undefined && (month < 1 || month > 12)) return false;
  if (day !== undefined && (day < 1 || day > daysOf(year, month!))) return false;
  // 24:00 is the end of a day and 60 a leap second; both are sent.
  return (hour ?? 0) <= 24 && (minute ?? 0) <= 59 && (second ?? 0) <= 60;
}

function daysOf(year: number, month: number): number {
  if (month === 2) return (year % 4 === 0 && year % 100 !== 0) || year % 400 === 0 ? 29 : 28;
  return month === 4 || month === 6 || month === 9 || month === 11 ? 30 : 31;
}

/** A time of day, HH[MM[SS[.S]]] with or without an offset. */
export function isTimeOfDay(text: string): boolean {
  const match = clockShape.exec(text);
  return match !== null && Number(match[1]) <= 24 && Number(match[2] ?? 0) <= 59 && Number(match[3] ?? 0) <= 60;
}

/** An optional sign, digits, an optional decimal point. */
export function isNumber(text: string): boolean {
  return numberShape.test(text);
}
