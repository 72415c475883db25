/**
 * The habit of a source: how long it is usually silent at each hour of the week. Learned hour by hour from its messages a minute.
 *
 * Times are UTC; a habit is the hospital's own, and an hour of summer time moves it by one bucket, which the days pooled below it bear.
 */

/** Longest run of minutes without a message in such an hour, and how many hours it was learned from. */
export interface Hour {
  gap: number;
  seen: number;
}

export interface Habit {
  /** 168 hours of the week, Sunday 00:00 UTC first. */
  week: (Hour | null)[];
  /** The same 24 hours of working days, then of the weekend: they are known after days, the week after weeks. */
  day: (Hour | null)[];
}

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
/** A longer gap counts at once; a shorter one moves the habit by a fifth. */
const FORGET = 0.2;
const SEEN_MAX = 1_000;
/** Hours of the kind that must have been seen before they are believed. */
const WEEK_SEEN_MIN = 3;
const DAY_SEEN_MIN = 4;
/** A source that is silent for so long in such an hour has no habit then. */
const QUIET_GAP = 50;
/** Gaps shorter than this are one: minutes are the smallest that is counted. */
const GAP_MIN = 5;

export function newHabit(): Habit {
  return { week: Array.from({ length: 168 }, () => null), day: Array.from({ length: 48 }, () => null) };
}

/** The habit after one more whole hour that began at `start` (ms); `perMinute` are its 60 counts. */
export function learnHour(habit: Habit, start: number, perMinute: readonly number[]): Habit {
  const gap = longestGap(perMinute);
  const { week, day } = bucketsOf(start);
  return {
    week: habit.week.with(week, nextHour(habit.week[week] ?? null, gap)),
    day: habit.day.with(day, nextHour(habit.day[day] ?? null, gap)),
  };
}

function nextHour(hour: Hour | null, gap: number): Hour {
  if (hour === null) return { gap, seen: 1 };
  const kept = gap >= hour.gap ? gap : hour.gap + (gap - hour.gap) * FORGET;
  return { gap: Math.round(kept * 10) / 10, seen: Math.min(hour.seen + 1, SEEN_MAX) };
}

/** Longest run of minutes without a message. */
export function longestGap(perMinute: readonly number[]): number {
  let longest = 0;
  let run = 0;
  for (const count of perMinute) {
    run = count > 0 ? 0 : run + 1;
    longest = Math.max(longest, run);
  }
  return longest;
}

function bucketsOf(at: number): { week: number; day: number } {
  const date = new Date(at);
  const [weekday, hour] = [date.getUTCDay(), date.getUTCHours()];
  const weekend = weekday === 0 || weekday === 6;
  return { week: weekday * 24 + hour, day: (weekend ? 24 : 0) + hour };
}

/** Usual longest gap at a time in minutes; undefined while that is not known. */
export function usualGap(habit: Habit, at: number): number | undefined {
  const { week, day } = bucketsOf(at);
  const ofWeek = habit.week[week];
  if (ofWeek && ofWeek.seen >= WEEK_SEEN_MIN) return ofWeek.gap;
  const ofDay = habit.day[day];
  return ofDay && ofDay.seen >= DAY_SEEN_MIN ? ofDay.gap : undefined;
}

export interface Silence {
  /** How many times its usual gaps the silence is; 0 where silence is usual, or nothing is known. */
  score: number;
  /** Whole minutes since the last message. */
  minutes: number;
  /** Usual longest gap of the present hour, minutes. */
  usual?: number;
}

const HOURS_MAX = 24 * 14;

/**
 * How unusual the silence since `lastAt` is: each hour of it adds its minutes over the gap that is usual for that hour. Hours in which the
 * source is quiet anyway add nothing, so a night does not count against a day clinic.
 */
export function measureSilence(habit: Habit, lastAt: number, now: number): Silence {
  let score = 0;
  let from = Math.max(lastAt, now - HOURS_MAX * HOUR);
  while (from < now) {
    const end = Math.min(now, (Math.floor(from / HOUR) + 1) * HOUR);
    const gap = usualGap(habit, from);
    if (gap !== undefined && gap < QUIET_GAP) score += (end - from) / MINUTE / Math.max(gap, GAP_MIN);
    from = end;
  }
  const silence: Silence = { score, minutes: Math.floor((now - lastAt) / MINUTE) };
  const usual = usualGap(habit, now);
  if (usual !== undefined) silence.usual = usual;
  return silence;
}
