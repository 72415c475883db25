/** Times in the hospital's zone with the zone shown; relative ones with the exact one beside. */
import { useEffect, useState } from 'react';

let zone: string | undefined;

/** The node's zone, once it is known. */
export function setZone(name: string): void {
  try {
    new Intl.DateTimeFormat('en', { timeZone: name });
    zone = name;
  } catch {
    zone = undefined;
  }
}

const relative = new Intl.RelativeTimeFormat('en', { numeric: 'auto', style: 'short' });
const STEPS: [Intl.RelativeTimeFormatUnit, number, number][] = [
  ['second', 1000, 60_000],
  ['minute', 60_000, 3_600_000],
  ['hour', 3_600_000, 86_400_000],
  ['day', 86_400_000, 7 * 86_400_000],
];

/** `3 min. ago`; a date when it is a week or more. */
export function tellAgo(iso: string, now: number): string {
  const at = Date.parse(iso);
  const gap = at - now;
  if (Math.abs(gap) < 5000) return 'now';
  for (const [unit, size, below] of STEPS)
    if (Math.abs(gap) < below) return relative.format(Math.trunc(gap / size), unit);
  return tellDate(iso);
}

/** `23 Nov 2026`; a partial date of the record (`2014`, `2014-03`) as it is. */
export function tellDate(iso: string): string {
  if (/^\d{4}(-\d{2})?$/.test(iso)) return iso;
  const dateOnly = /^\d{4}-\d{2}-\d{2}$/.test(iso);
  const at = new Date(iso);
  if (Number.isNaN(at.getTime())) return iso;
  return new Intl.DateTimeFormat('en-GB', {
    day: 'numeric',
    month: 'short',
    year: 'numeric',
    timeZone: dateOnly ? 'UTC' : zone,
  }).format(at);
}

/** `23 Nov 2026, 03:00:12 CST`; dates without a time stay dates. */
export function tellTime(iso: string, options: { seconds?: boolean } = {}): string {
  if (!iso.includes('T')) return tellDate(iso);
  const at = new Date(iso);
  if (Number.isNaN(at.getTime())) return iso;
  return new Intl.DateTimeFormat('en-GB', {
    day: 'numeric',
    month: 'short',
    year: 'numeric',
    hour: '2-digit',
    minute: '2-digit',
    ...(options.seconds === false ? {} : { second: '2-digit' }),
    timeZone: zone,
    timeZoneName: 'short',
  }).format(at);
}

/** Milliseconds between steps: `140 ms`, `2.4 s`. */
export function tellGap(ms: number): string {
  return ms < 1000 ? `${ms} ms` : ms < 90_000 ? `${(ms / 1000).toFixed(1)} s` : `${Math.round(ms / 60_000)} min`;
}

/** A span in its two largest units: `4 s`, `38 min`, `1 d 2 h`. */
export function tellSpan(seconds: number): string {
  if (seconds < 60) return `${Math.round(seconds)} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  if (hours < 24) return minutes % 60 === 0 ? `${hours} h` : `${hours} h ${minutes % 60} min`;
  const days = Math.floor(hours / 24);
  return hours % 24 === 0 ? `${days} d` : `${days} d ${hours % 24} h`;
}

/** Whole years between a birth date and now; undefined when it is not a full date. */
export function ageOf(birthDate: string | undefined, now = Date.now()): number | undefined {
  if (birthDate === undefined || !/^\d{4}-\d{2}-\d{2}$/.test(birthDate)) return undefined;
  const [year = 0, month = 1, day = 1] = birthDate.split('-').map(Number);
  const today = new Date(now);
  const before = today.getMonth() + 1 < month || (today.getMonth() + 1 === month && today.getDate() < day);
  return today.getFullYear() - year - (before ? 1 : 0);
}

/** Now, moving on every `ms`. */
export function useNow(ms: number): number {
  const [now, setNow] = useState(() => Date.now());
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), ms);
    return () => clearInterval(timer);
  }, [ms]);
  return now;
}
