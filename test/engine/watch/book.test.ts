import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  acknowledge,
  advance,
  type Book,
  emptyBook,
  type Finding,
  isOpen,
  markTold,
  untoldOf,
  writeLetter,
} from '../../../engine/watch/index.ts';

const MINUTE = 60_000;
const DAY = 1_440 * MINUTE;
const start = Date.UTC(2026, 10, 23);
const queue: Finding = {
  rule: 'queue',
  about: 'region',
  grave: 'warning',
  sentence: 'the oldest of 2 that wait for region is 16 minutes old',
  fix: 'look',
  link: '/deliveries?outlet=region&state=waiting',
};
const disk: Finding = { ...queue, rule: 'disk', about: 'store', sentence: '9 % is free', atOnce: true };

let made = 0;
function newId(): string {
  made += 1;
  return `a${made}`;
}
const look = (book: Book, findings: Finding[], minute: number, remindMs = DAY): Book =>
  advance(book, findings, start + minute * MINUTE, { remindMs }, newId);
const looks = (book: Book, findings: Finding[], from: number, count: number): Book =>
  Array.from({ length: count }).reduce<Book>((one, _, i) => look(one, findings, from + i), book);
const told = (book: Book, minute: number): Book => {
  const at = start + minute * MINUTE;
  return markTold(book, new Set(untoldOf(book, at).map((one) => one.id)), at);
};
const untold = (book: Book, minute: number) => untoldOf(book, start + minute * MINUTE).map((one) => one.untold);

describe('the book of alerts', () => {
  it('opens what holds at two looks, and at once what can not flicker', () => {
    const once = look(emptyBook, [queue, disk], 0);
    expect(once.alerts.map((one) => one.rule)).toEqual(['disk']);
    const twice = look(once, [queue, disk], 1);
    expect(twice.alerts).toMatchObject([
      { rule: 'disk', state: 'open', count: 1, untold: 'new' },
      { rule: 'queue', state: 'open', since: start, lastAt: start + MINUTE, count: 1, untold: 'new' },
    ]);
    expect(look(look(emptyBook, [queue], 0), [], 1).alerts).toEqual([]);
  });

  it('is over when it was not found at three looks, and that is told after a while', () => {
    let book = told(looks(emptyBook, [queue], 0, 2), 1);
    book = looks(book, [], 2, 2);
    expect(isOpen(book, 'queue', 'region')).toBe(true);
    book = look(book, [], 4);
    expect(book.alerts).toMatchObject([{ state: 'over', overAt: start + 4 * MINUTE }]);
    expect(untold(book, 5)).toEqual([]);
    expect(untold(book, 14)).toEqual(['over']);
  });

  it('counts what comes back soon and does not tell it anew where its end was not told', () => {
    let book = told(looks(emptyBook, [queue], 0, 2), 1);
    for (let round = 0; round < 5; round += 1) {
      book = looks(book, [], 2 + round * 8, 3);
      book = looks(book, [queue], 5 + round * 8, 5);
      expect(untold(book, 9 + round * 8)).toEqual([]);
    }
    expect(book.alerts).toMatchObject([{ state: 'open', count: 6, since: start }]);
  });

  it('tells again what comes back after its end was told', () => {
    let book = told(looks(emptyBook, [queue], 0, 2), 1);
    book = told(looks(book, [], 2, 3), 20);
    book = looks(book, [queue], 21, 2);
    expect(untold(book, 22)).toEqual(['reminder']);
    expect(book.alerts).toHaveLength(1);
    book = told(looks(book, [], 30, 3), 50);
    expect(looks(book, [queue], 90, 2).alerts).toHaveLength(2);
  });

  it('tells neither the beginning nor the end of what nobody heard of', () => {
    let book = look(emptyBook, [disk], 0);
    book = looks(book, [], 1, 3);
    expect(untold(book, 60)).toEqual([]);
  });

  it('tells when it is worse, and reminds of what nobody has seen', () => {
    let book = told(looks(emptyBook, [queue], 0, 2), 1);
    const danger = { ...queue, grave: 'danger' as const };
    book = look(book, [danger], 2);
    expect(untold(book, 2)).toEqual(['graver']);
    book = look(told(book, 2), [danger], 3);
    expect(untold(book, 3)).toEqual([]);
    expect(untold(look(book, [danger], 1_442), 1_442)).toEqual(['reminder']);
    expect(untold(look(book, [danger], 1_442, 0), 1_442)).toEqual([]);
    const seen = acknowledge(book, book.alerts[0]!.id, { by: 'ada', at: start, note: 'on it' })!;
    expect(untold(look(seen, [danger], 5_000), 5_000)).toEqual([]);
    expect(look(seen, [danger], 5_000).alerts).toMatchObject([{ state: 'acknowledged' }]);
  });

  it('opens again what gets worse after somebody saw it, and knows no alert that is not there', () => {
    let book = told(looks(emptyBook, [queue], 0, 2), 1);
    book = acknowledge(book, book.alerts[0]!.id, { by: 'ada', at: start, note: '' })!;
    book = look(book, [{ ...queue, grave: 'danger' }], 2);
    expect(book.alerts).toMatchObject([{ state: 'open', untold: 'graver' }]);
    expect(acknowledge(book, 'none', { by: 'ada', at: start, note: '' })).toBeUndefined();
    expect(acknowledge(looks(book, [], 3, 3), book.alerts[0]!.id, { by: 'a', at: 0, note: '' })).toBeUndefined();
  });

  it('has one open alert a rule and thing, whatever comes', () => {
    const findings = fc.subarray([
      queue,
      disk,
      { ...queue, about: 'lab' },
      { ...queue, grave: 'danger' as const, about: 'x' },
    ]);
    fc.assert(
      fc.property(fc.array(fc.tuple(findings, fc.integer({ min: 1, max: 60 })), { maxLength: 80 }), (steps) => {
        let book = emptyBook;
        let minute = 0;
        for (const [found, wait] of steps) {
          minute += wait;
          book = look(book, found, minute);
          if (minute % 3 === 0) book = told(book, minute);
          const open = book.alerts.filter((one) => one.state !== 'over').map((one) => `${one.rule} ${one.about}`);
          expect(new Set(open).size).toBe(open.length);
          expect(new Set(book.alerts.map((one) => one.id)).size).toBe(book.alerts.length);
          for (const one of book.alerts) expect(one.overAt === undefined).toBe(one.state !== 'over');
        }
        // Quiet long enough, it is all over and forgotten.
        book = looks(book, [], minute + 1, 3);
        expect(book.alerts.every((one) => one.state === 'over')).toBe(true);
        expect(look(book, [], minute + 60 * 24 * 40).alerts).toEqual([]);
      }),
    );
  });
});

describe('a letter', () => {
  it('tells all at once, the worst first, with what to do and where', () => {
    const book = looks(emptyBook, [queue, { ...disk, grave: 'danger' }], 0, 2);
    const letter = writeLetter(untoldOf(book, start), { node: 'valley', base: 'https://valley.example' });
    expect(letter.subject).toBe('[valley] 2 alerts');
    expect(letter.text.split('\n')).toEqual([
      '! 9 % is free',
      '  What to do: look',
      '  https://valley.example/deliveries?outlet=region&state=waiting',
      '',
      '- the oldest of 2 that wait for region is 16 minutes old',
      '  What to do: look',
      '  https://valley.example/deliveries?outlet=region&state=waiting',
      '',
      'All alerts: https://valley.example/alerts',
      '',
    ]);
    expect(letter.alerts.map((one) => [one.rule, one.because])).toEqual([
      ['disk', 'new'],
      ['queue', 'new'],
    ]);
  });

  it('names a single one in its subject, and is bounded', () => {
    const from = { node: 'valley', base: 'https://v' };
    const [one] = look(emptyBook, [disk], 0).alerts;
    expect(writeLetter([one!], from).subject).toBe('[valley] 9 % is free');
    expect(writeLetter([{ ...one!, untold: 'over' }], from).subject).toBe('[valley] over: 9 % is free');
    const many = Array.from({ length: 400 }, () => one!);
    expect(writeLetter(many, from).text).toContain('... and 350 more');
  });
});
