/** Are texts written as their data types say (HL7 v2.8.2 chapter 2A: DTM, DT, TM, NM, SI)? */

const isoShape = /^(\d{4})-(\d{2})(?:-(\d{2})(?:[T ](\d{2}):(\d{2})(?::(\d{2})(?:\.\d+)?)?(?:Z|[+-]\d{2}:?\d{2})?)?)?$/;
const clockShape = /^(\d{2})(?:(\d{2})(?:(\d{2})(?:\.\d{1,4})?)?)?(?:[+-]\d{4})?$/;
const numberShape = /^[+-]?(?:\d+\.?\d*|\.\d+)$/;

/**
 * A date or time to any precision from the year on, one that the calendar has; with or without an offset. Read by hand because it is
 * asked for every time of every message: YYYY[MM[DD[HH[MM[SS[.S[S[S[S]]]]]]]]][+/-ZZZZ].
 */
export function isDateOrTime(text: string): boolean {
  const { length } = text;
  const digits = digitsFrom(text, 0);
  if (digits < 4 || digits > 14 || digits % 2 === 1) return false;
  let at = digits;
  if (digits === 14 && text.charCodeAt(at) === 46) {
    const fraction = digitsFrom(text, at + 1);
    if (fraction < 1 || fraction > 4) return false;
    at += 1 + fraction;
  }
  if (at < length) {
    const sign = text.charCodeAt(at);
    if ((sign !== 43 && sign !== 45) || at + 5 !== length || digitsFrom(text, at + 1) !== 4) return false;
    if (twoDigits(text, at + 1) > 14 || twoDigits(text, at + 3) > 59) return false;
  }
  const year = twoDigits(text, 0) * 100 + twoDigits(text, 2);
  return isOnCalendar(
    year,
    digits > 4 ? twoDigits(text, 4) : 1,
    digits > 6 ? twoDigits(text, 6) : 1,
    digits > 8 ? twoDigits(text, 8) : 0,
    digits > 10 ? twoDigits(text, 10) : 0,
    digits > 12 ? twoDigits(text, 12) : 0,
  );
}

function digitsFrom(text: string, start: number): number {
  let at = start;
  while (at < text.length) {
    const code = text.charCodeAt(at);
    if (code < 48 || code > 57) break;
    at += 1;
  }
  return at - start;
}

function twoDigits(text: string, at: number): number {
  return (text.charCodeAt(at) - 48) * 10 + text.charCodeAt(at + 1) - 48;
}

/** The same written as in ISO 8601 with its hyphens: not HL7, yet not to be mistaken. */
export function isIsoTime(text: string): boolean {
  const match = isoShape.exec(text);
  if (match === null) return false;
  const part = (n: number, absent: number): number => (match[n] === undefined ? absent : Number(match[n]));
  return isOnCalendar(part(1, 0), part(2, 1), part(3, 1), part(4, 0), part(5, 0), part(6, 0));
}

function isOnCalendar(year: number, month: number, day: number, hour: number, minute: number, second: number): boolean {
  if (year < 1 || month < 1 || month > 12 || day < 1 || day > daysOf(year, month)) return false;
  // 24:00 is the end of a day and 60 a leap second; both are sent.
  return hour <= 24 && minute <= 59 && second <= 60;
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
