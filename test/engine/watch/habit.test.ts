import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Habit, learnHour, longestGap, measureSilence, newHabit, usualGap } from '../../../engine/watch/index.ts';

const HOUR = 3_600_000;
const MINUTE = 60_000;
/** A Monday, 00:00 UTC. */
const monday = Date.UTC(2026, 10, 2);
const busy = Array.from({ length: 60 }, (_, i) => (i % 4 === 0 ? 2 : 0));
const none = Array.from({ length: 60 }, () => 0);

/** A day clinic: a message every four minutes from 8 to 17 on working days, nothing else. */
function clinic(days: number): Habit {
  let habit = newHabit();
  for (let hour = 0; hour < days * 24; hour += 1) {
    const start = monday + hour * HOUR;
    const date = new Date(start);
    const open = date.getUTCDay() > 0 && date.getUTCDay() < 6 && date.getUTCHours() >= 8 && date.getUTCHours() < 17;
    habit = learnHour(habit, start, open ? busy : none);
  }
  return habit;
}

describe('the habit of a source', () => {
  it.for([
    [[], 0],
    [[0, 0, 0], 3],
    [[1, 0, 0, 2, 0], 2],
    [[0, 0, 5, 0], 2],
  ])('has gaps: %o', ([counts, wanted]) => {
    expect(longestGap(counts as number[])).toBe(wanted);
  });

  it('is not known at first, then by working days and weekends, then by the hour of the week', () => {
    const at = monday + 28 * 24 * HOUR + 10 * HOUR;
    expect(usualGap(newHabit(), at)).toBeUndefined();
    expect(usualGap(clinic(3), at)).toBeUndefined();
    expect(usualGap(clinic(4), at)).toBe(3);
    expect(usualGap(clinic(4), at - 8 * HOUR)).toBe(60);
    let habit = clinic(28);
    for (let week = 0; week < 20; week += 1) habit = learnHour(habit, at + week * 7 * 24 * HOUR, none);
    expect(usualGap(habit, at)).toBe(60);
    expect(usualGap(habit, at + 24 * HOUR)).toBe(3);
  });

  it.for<[string, number, number, boolean]>([
    ['five minutes of a busy hour', 10 * HOUR, 5, false],
    ['fourteen minutes', 10 * HOUR, 14, false],
    ['twenty minutes', 10 * HOUR, 20, true],
    ['the night', 17 * HOUR - 4 * MINUTE, 14 * 60, false],
    ['the night and a quarter of an hour of the morning', 17 * HOUR - 4 * MINUTE, 15 * 60 + 20, true],
    ['the weekend', 4 * 24 * HOUR + 17 * HOUR - 4 * MINUTE, 62 * 60, false],
    ['the weekend and Monday morning', 4 * 24 * HOUR + 17 * HOUR - 4 * MINUTE, 64 * 60, true],
  ])('tells whether it is unusual to be silent for %s', ([, from, minutes, wanted]) => {
    const lastAt = monday + 28 * 24 * HOUR + from;
    const { score } = measureSilence(clinic(28), lastAt, lastAt + minutes * MINUTE);
    expect(score >= 3).toBe(wanted);
  });

  it('never finds silence unusual where nothing is known', () => {
    expect(measureSilence(newHabit(), monday, monday + 40 * 24 * HOUR).score).toBe(0);
  });

  it('finds a longer silence no less unusual than a shorter one, and forgets one long gap slowly', () => {
    const habit = clinic(28);
    fc.assert(
      fc.property(fc.nat(7 * 24 * 60), fc.nat(3_000), fc.nat(3_000), (from, a, b) => {
        const lastAt = monday + 28 * 24 * HOUR + from * MINUTE;
        const [less, more] = [Math.min(a, b), Math.max(a, b)].map(
          (minutes) => measureSilence(habit, lastAt, lastAt + minutes * MINUTE).score,
        );
        expect(more).toBeGreaterThanOrEqual(less!);
      }),
    );
    const at = monday + 10 * HOUR;
    const once = learnHour(habit, at, none);
    expect(usualGap(once, at)).toBe(60);
    const later = [1, 2, 3, 4, 5, 6].reduce((one) => learnHour(one, at, busy), once);
    expect(usualGap(later, at)).toBeLessThan(20);
  });
});
