/**
 * The rules of alert over what the node counts: what is wrong now, with a sentence for people. Pure; names of outlets, sources and files
 * only, never a patient's data.
 *
 * Each rule has two marks: it speaks up at the one and is quiet again only below the other, so that a value at the edge does not cry wolf.
 */
import type { Fault } from '../../schemas/errors/index.ts';
import { sentenceOf } from '../../schemas/errors/index.ts';
import type { OutletStats } from '../../schemas/parts.ts';
import type { AlertView, OutletState } from '../../schemas/portal-exchange.ts';
import { type Habit, measureSilence } from './habit.ts';

export interface Finding {
  rule: AlertView['rule'];
  about: string;
  grave: AlertView['grave'];
  sentence: string;
  fix: string;
  link: string;
  /** Told at the first look; the others must hold at a second one. */
  atOnce?: boolean;
}

/** Counts at one look, kept for those after it. */
export interface Sample {
  at: number;
  /** Waiting things by outlet. */
  waiting: Record<string, number>;
  /** Messages and parked ones by source. */
  sources: Record<string, { total: number; parked: number }>;
}

export interface Facts {
  now: number;
  outlets: OutletStats[];
  states: OutletState[];
  sources: { id: string; total: number; parked: number; lastAt?: number; habit: Habit }[];
  /** Messages that wait for a human. */
  parkedMessages: number;
  /** Nodes that send one patient under ever new numbers: open storms of the work list. */
  storms?: readonly string[];
  certificates: { name: string; endsAt: number }[];
  disk?: { free: number; total: number };
  /** Earlier looks, oldest first. */
  samples: readonly Sample[];
}

/** The thresholds of the settings' room `alerts`. */
export interface RuleLimits {
  queueMinutes: number;
  growth: number;
  restMinutes: number;
  errorPercent: number;
  silence: boolean;
  certificateDays: number;
  diskPercent: number;
}

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
/** What is open stays open down to this share of the mark. */
const QUIET_SHARE = 0.6;
const GROWTH_WINDOW_MS = 15 * MINUTE;
const SILENCE_SCORE = 3;
const SILENCE_MINUTES_MIN = 15;
/** Below so many messages an hour a share says nothing. */
const ERRORS_OF_MIN = 20;
const GRAVE_TIMES = 4;

/** What is wrong now. `isOpen` tells whether an alert of a rule about a thing is open. */
export function findFaults(
  facts: Facts,
  limits: RuleLimits,
  isOpen: (rule: string, about: string) => boolean,
): Finding[] {
  const mark = (rule: AlertView['rule'], about: string, value: number): number =>
    isOpen(rule, about) ? value * QUIET_SHARE : value;
  return [
    ...facts.states.flatMap((state) => restFault(state, facts, limits)),
    ...facts.outlets.flatMap((outlet) => queueFaults(outlet, facts, limits, mark)),
    ...facts.outlets.flatMap((outlet) => parkedFault(outlet)),
    ...messagesFault(facts.parkedMessages),
    ...(facts.storms ?? []).map(stormFault),
    ...facts.sources.flatMap((source) => sourceFaults(source, facts, limits, mark)),
    ...facts.certificates.flatMap((one) => certificateFault(one, facts.now, limits)),
    ...diskFault(facts, limits, mark),
  ];
}

type Mark = (rule: AlertView['rule'], about: string, value: number) => number;

/** `minutes`, or hours and days where there are many. */
export function tellSpan(ms: number): string {
  if (ms >= 2 * DAY) return `${Math.floor(ms / DAY)} days`;
  if (ms >= 2 * HOUR) return `${Math.floor(ms / HOUR)} hours`;
  const minutes = Math.max(1, Math.floor(ms / MINUTE));
  return minutes === 1 ? 'a minute' : `${minutes} minutes`;
}

const outletLink = (outlet: string, state: string): string =>
  `/deliveries?outlet=${encodeURIComponent(outlet)}&state=${state}`;

function restFault(state: OutletState, facts: Facts, limits: RuleLimits): Finding[] {
  const { outlet: about, since } = state;
  if (state.state === 'up' || facts.now - since < limits.restMinutes * MINUTE) return [];
  const waiting = facts.outlets.find((one) => one.outlet === about)?.waiting ?? 0;
  return [
    {
      rule: 'outlet',
      about,
      grave: 'danger',
      sentence: `${about} has not answered for ${tellSpan(facts.now - since)}; ${waiting} wait for it`,
      fix: `look whether ${about} is up and the line stands${state.fault ? ` (${faultOf(state.fault)})` : ''}; nothing is lost meanwhile`,
      link: outletLink(about, 'waiting'),
    },
  ];
}

function faultOf(fault: Fault): string {
  return sentenceOf({ code: fault.code }).split(' \u2014 ')[0]!;
}

function queueFaults(outlet: OutletStats, facts: Facts, limits: RuleLimits, mark: Mark): Finding[] {
  const about = outlet.outlet;
  const state = facts.states.find((one) => one.outlet === about);
  // One cause, one alert: a place that does not answer has a queue.
  if (state !== undefined && restFault(state, facts, limits).length > 0) return [];
  const link = outletLink(about, 'waiting');
  const age = outlet.oldestAt === undefined ? 0 : facts.now - outlet.oldestAt;
  const old: Finding[] =
    age < mark('queue', about, limits.queueMinutes) * MINUTE
      ? []
      : [
          {
            rule: 'queue',
            about,
            grave: age > GRAVE_TIMES * limits.queueMinutes * MINUTE ? 'danger' : 'warning',
            sentence: `the oldest of ${outlet.waiting} that wait for ${about} is ${tellSpan(age)} old`,
            fix: 'look at what holds the oldest one back; one patient may block only their own',
            link,
          },
        ];
  const growth = growthOf(outlet, facts);
  if (growth < mark('growth', about, limits.growth)) return old;
  const sentence = `the queue of ${about} grew by ${growth} in ${GROWTH_WINDOW_MS / MINUTE} minutes, to ${outlet.waiting}`;
  const fix = 'see whether the receiver is slower than what comes in, and raise deliver.inFlightMax if it bears it';
  return [...old, { rule: 'growth', about, grave: 'warning', sentence, fix, link }];
}

/** By how much a queue grew within the window; 0 where it ever shrank meanwhile. */
function growthOf(outlet: OutletStats, facts: Facts): number {
  const within = facts.samples.filter((sample) => sample.at >= facts.now - GROWTH_WINDOW_MS - MINUTE);
  const first = within[0];
  if (first === undefined || facts.now - first.at < GROWTH_WINDOW_MS / 2) return 0;
  const counts = [...within.map((sample) => sample.waiting[outlet.outlet] ?? 0), outlet.waiting];
  const shrank = counts.some((count, at) => at > 0 && count < counts[at - 1]!);
  return shrank ? 0 : outlet.waiting - counts[0]!;
}

function parkedFault({ outlet: about, parked }: OutletStats): Finding[] {
  if (parked === 0) return [];
  const sentence =
    parked === 1 ? `one delivery to ${about} waits for a human` : `${parked} deliveries to ${about} wait for a human`;
  const fix = 'mend what their reasons name, then send them again';
  return [{ rule: 'parked', about, grave: 'warning', sentence, fix, link: outletLink(about, 'parked'), atOnce: true }];
}

function messagesFault(parked: number): Finding[] {
  if (parked === 0) return [];
  const sentence = parked === 1 ? 'one message waits for a human' : `${parked} messages wait for a human`;
  const fix = 'correct what their faults name and run them again';
  return [{ rule: 'parked', about: 'messages', grave: 'warning', sentence, fix, link: '/parked', atOnce: true }];
}

/** The index links nothing of it by itself, so that it can wait for a person. */
function stormFault(about: string): Finding {
  return {
    rule: 'index',
    about,
    grave: 'warning',
    sentence: `${about} sends more records of one patient than can be true; no more of them are linked`,
    fix: 'look at the storm in the work list with those who run the source, and close it when the source is mended',
    link: '/matches?kind=storm',
    atOnce: true,
  };
}

function sourceFaults(source: Facts['sources'][number], facts: Facts, limits: RuleLimits, mark: Mark): Finding[] {
  const about = source.id;
  const found: Finding[] = [];
  if (limits.silence && source.lastAt !== undefined) {
    const { score, minutes, usual } = measureSilence(source.habit, source.lastAt, facts.now);
    // Once told, only a message ends it.
    if (score >= SILENCE_SCORE && minutes >= SILENCE_MINUTES_MIN)
      found.push({
        rule: 'silence',
        about,
        grave: score >= SILENCE_SCORE * GRAVE_TIMES ? 'danger' : 'warning',
        sentence: `${about} has been silent for ${tellSpan(minutes * MINUTE)}${usual === undefined ? '' : `; at this hour its longest pause is about ${tellSpan(usual * MINUTE)}`}`,
        fix: 'ask whoever runs the sending system whether its interface is up',
        link: '/sources',
      });
  }
  const errors = errorsOf(source, facts);
  if (errors !== undefined && errors.percent >= mark('errors', about, limits.errorPercent))
    found.push({
      rule: 'errors',
      about,
      grave: errors.percent >= 50 ? 'danger' : 'warning',
      sentence: `${errors.parked} of the last ${errors.total} messages of ${about} were parked`,
      fix: 'look at their faults: a changed interface shows there first',
      link: `/messages?source=${encodeURIComponent(about)}&state=parked`,
    });
  return found;
}

function errorsOf(
  source: Facts['sources'][number],
  facts: Facts,
): { percent: number; parked: number; total: number } | undefined {
  const before = facts.samples.find((sample) => sample.at >= facts.now - HOUR)?.sources[source.id];
  if (before === undefined) return undefined;
  const total = source.total - before.total;
  // Those that a human settled meanwhile are no longer parked; they make the share too small, never too large.
  const parked = Math.max(0, source.parked - before.parked);
  return total < ERRORS_OF_MIN ? undefined : { percent: (parked / total) * 100, parked, total };
}

function certificateFault(one: Facts['certificates'][number], now: number, limits: RuleLimits): Finding[] {
  const left = one.endsAt - now;
  if (left > limits.certificateDays * DAY) return [];
  return [
    {
      rule: 'certificate',
      about: one.name,
      grave: left < 3 * DAY ? 'danger' : 'warning',
      sentence:
        left <= 0 ? `the certificate ${one.name} has ended` : `the certificate ${one.name} ends in ${tellSpan(left)}`,
      fix: 'renew it (mix-hie ca renew), or have it renewed by its authority',
      link: '/settings',
      atOnce: true,
    },
  ];
}

function diskFault({ disk }: Facts, limits: RuleLimits, mark: Mark): Finding[] {
  if (disk === undefined || disk.total <= 0) return [];
  const percent = (disk.free / disk.total) * 100;
  // Less is worse here: what is open stays so until clearly more is free.
  const least = limits.diskPercent + (limits.diskPercent - mark('disk', 'store', limits.diskPercent)) / 2;
  if (percent >= least) return [];
  return [
    {
      rule: 'disk',
      about: 'store',
      grave: percent < limits.diskPercent / 2 ? 'danger' : 'warning',
      sentence: `${percent < 1 ? 'less than 1' : Math.floor(percent)} % of the store's disk is free`,
      fix: 'make room or enlarge the disk; when it is full new messages are refused until there is room again',
      link: '/settings',
      atOnce: true,
    },
  ];
}
