/**
 * A node that is killed between every pair of steps and at random moments under load. What it acknowledged must be there
 * afterwards, its effect in the record once and in order for each patient, merges included.
 *
 * `MIX_CRASH_KILLS` sets the number of random kills (default 100), `MIX_CRASH_SEED` their moments.
 */
import { readdirSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { buildPages } from '../../adapters/web/index.ts';
import type { Strike } from './child.ts';
import { createEmrs, newDataDir, nextAnswers, sendTo, settingsOf, settle } from './exchange.ts';
import { judge, type Verdict } from './judge.ts';
import { createNodeProcesses, ENDED_EARLY } from './node-process.ts';
import { type Held, readHeld } from './record.ts';

const KILLS = Number(process.env.MIX_CRASH_KILLS ?? 100);
const SEED = Number(process.env.MIX_CRASH_SEED ?? 20_260_401);
/** Random kills come after up to so many acknowledgments of new messages, or application acknowledgments: then records are being written too. */
const ACKS_MAX = 120;
const APPLIED_MAX = 16;
const KILL_AT_LATEST_MS = 30_000;
/** Far more than is needed: a machine that others use too is no fault of the node. */
const LONG_MS = 3_600_000;
/** Kills of a node that breaks its promise. */
const FAULTY_KILLS = 3;
/**
 * New messages of each EMR between two kills: more than are acknowledged in that time, and no more than a node can work off by and by; what it
 * has not worked off would keep the records from being written when it is killed.
 */
const MORE = 20;
/** While a node of a step runs, it gets as many as it takes to reach the step. */
const MANY = 80;

/** Around a step, and in its midst where it writes. */
const read = (step: string, first: number, second: number): Strike[] => [
  { step, when: 'before', nth: first },
  { step, when: 'after', nth: second },
];
const write = (step: string, first = 1, second = 1, third = 1): Strike[] => [
  ...read(step, first, third),
  { step, when: 'during', nth: second },
];
/** Every step of accept, process, publish and start that the store sees. */
const STRIKES: Strike[] = [
  ...write('keep', 1, 5, 23),
  { step: 'lease:process', when: 'after', nth: 3 },
  ...read('messagesOf', 2, 4),
  ...read('personsByIdentifier', 2, 3),
  ...read('personsOf', 3, 4),
  ...read('entriesByKeys', 2, 5),
  ...write('commit:process', 1, 7, 20),
  ...read('entries', 2, 3),
  ...write('commit:merge', 1, 2, 3),
  { step: 'lease:document', when: 'after', nth: 2 },
  ...read('documents', 1, 9),
  ...write('commit:document', 1, 4, 9),
  ...read('user', 1, 1),
  ...write('putUser'),
  ...write('commit:audit'),
];

const nodes = createNodeProcesses();
const crashed = newDataDir();
const clean = newDataDir();
const emrs = createEmrs();
/** Messages that were sent and not acknowledged at each random kill. */
const underWay: number[] = [];
let kills = 0;
let killedAtStart = 0;

beforeAll(async () => {
  // Pages that are out of date would be built by the first node, and its first start would be longer by that.
  await buildPages();
  // What a node compiles while it works is kept when it stops; a killed one would keep nothing for the next.
  const data = newDataDir();
  const node = await nodes.start({ settings: settingsOf(data.dir) });
  await sendTo(node, createEmrs(), 40);
  await node.stop();
  data.remove();
});

afterAll(() => {
  nodes.close();
  crashed.remove();
  clean.remove();
});

/** Numbers in [0, 1) that depend on the seed alone (xorshift). */
function randomFrom(seed: number): () => number {
  let state = seed >>> 0 || 1;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 4_294_967_296;
  };
}

const pause = (ms: number): Promise<void> => new Promise((next) => setTimeout(next, ms));

/** Files that stay: keys and certificates under their names, and the store. */
function filesOf(dir: string): number {
  return readdirSync(dir, { recursive: true, encoding: 'utf8' }).filter((name) => !name.endsWith('.new')).length;
}

describe('a node that is killed', () => {
  it('can start again whenever its first start is cut off between two changes to a file', async () => {
    const data = newDataDir();
    try {
      let cuts = 0;
      let nth = 1;
      for (let isUp = false; !isUp; ) {
        const before = filesOf(data.dir);
        // Each start has to live with what the one before left; it fails here when it can't.
        const node = await nodes.start({ settings: settingsOf(data.dir), strikeFile: nth });
        isUp = await node.up.then(
          () => true,
          (cause: Error) => {
            if (cause.message !== ENDED_EARLY) throw cause;
            return false;
          },
        );
        if (isUp) await node.stop();
        else {
          expect(await node.ended).toEqual({ code: null, signal: 'SIGKILL' });
          cuts += 1;
          // What has its name is not made again, so the next start begins to count there.
          nth = filesOf(data.dir) > before ? 2 : nth + 1;
        }
      }
      expect(cuts).toBeGreaterThan(10);
      kills += cuts;
    } finally {
      data.remove();
    }
  });

  it.each(STRIKES)('$when step $step ($nth)', async (strike) => {
    const node = await nodes.start({ settings: settingsOf(crashed.dir), strike });
    await sendTo(node, emrs, MANY).catch(() => undefined);
    // A step of the documents comes after the last message.
    const never = setTimeout(() => node.kill(), 30_000);
    const before = Date.now();
    expect(await node.ended).toEqual({ code: null, signal: 'SIGKILL' });
    clearTimeout(never);
    expect(Date.now() - before, 'the step was reached').toBeLessThan(29_000);
    kills += 1;
  });

  it(`${KILLS} times at random moments under load`, { timeout: LONG_MS }, async () => {
    const random = randomFrom(SEED);
    for (let kill = 0; kill < KILLS; kill += 1) {
      const duringStart = random() < 0.1;
      const node = await nodes.start({ settings: settingsOf(crashed.dir) });
      if (!duringStart) await node.up;
      const sending = sendTo(node, emrs, MORE).catch(() => undefined);
      // Counted in acknowledgments, so that the load is the same on a slow machine; then any moment between two of them.
      if (duringStart) await pause(random() * 250);
      else if (random() < 0.4) await nextAnswers(emrs, 'applied', Math.ceil(random() * APPLIED_MAX), KILL_AT_LATEST_MS);
      else await nextAnswers(emrs, 'acked', Math.ceil(random() * ACKS_MAX), KILL_AT_LATEST_MS);
      await pause(random() * 10);
      underWay.push(emrs.reduce((sum, emr) => sum + emr.underWay, 0));
      node.kill();
      expect(await node.ended).toEqual({ code: null, signal: 'SIGKILL' });
      await sending;
      kills += 1;
      if (duringStart) killedAtStart += 1;
    }
  });

  it('lost nothing, doubled nothing, and kept the order of each patient', { timeout: LONG_MS }, async () => {
    await settle(nodes, crashed.dir, emrs);
    const held = await readHeld(crashed.dir);
    const verdict = judge(held, emrs);
    tellFigures(held, verdict);
    expect(verdict).toEqual({ lost: [], doubled: [], wrong: [] });
    for (const emr of emrs) {
      expect(emr.acked.size).toBe(emr.sent.length);
      if (emr.options.mode === 'accept-and-application') expect(emr.applied.size).toBe(emr.sent.length);
      // Only who sends again after a break, or had something under way, can have been heard twice.
      if (emr.options.resends > 0) expect(emr.again).toBeGreaterThan(emr.options.resends);
    }
  });

  it('holds, version for version, what a node holds that was never killed', { timeout: LONG_MS }, async () => {
    const others = createEmrs();
    await settle(nodes, clean.dir, others, emrs);
    expect(others.map((emr) => emr.sent)).toEqual(emrs.map((emr) => emr.sent));
    const [killed, unharmed] = await Promise.all([readHeld(crashed.dir), readHeld(clean.dir)]);
    const linesOf = (held: Held): string[] => held.persons.map(({ lines }) => lines.join('\n')).sort();
    expect(killed.messages.size).toBe(unharmed.messages.size);
    expect(linesOf(killed)).toEqual(linesOf(unharmed));
  });
});

describe('the judge', () => {
  it.each([
    ['answers-early', 'lost', 'doubled'],
    ['splits-effect', 'doubled', 'lost'],
  ] as const)('finds out a store that %s: messages are %s', async (fault, found, other) => {
    const data = newDataDir();
    const some = createEmrs(['MB', 'PA', 'PB']);
    try {
      for (let kill = 0; kill < FAULTY_KILLS; kill += 1) {
        const node = await nodes.start({ settings: settingsOf(data.dir), fault });
        const sending = sendTo(node, some, MANY).catch(() => undefined);
        await nextAnswers(some, fault === 'answers-early' ? 'acked' : 'applied', 10, KILL_AT_LATEST_MS);
        node.kill();
        await node.ended;
        await sending;
      }
      // A sound node ends what was begun, so that nothing else can be at fault.
      await settle(nodes, data.dir, some);
      const verdict = judge(await readHeld(data.dir), some);
      process.stdout.write(
        `crash, ${fault}: ${JSON.stringify({ kills: FAULTY_KILLS, acknowledged: some.reduce((sum, emr) => sum + emr.acked.size, 0), lost: verdict.lost.length, doubled: verdict.doubled.length })}\n`,
      );
      expect(verdict[found].length).toBeGreaterThan(0);
      expect(verdict[other]).toEqual([]);
    } finally {
      data.remove();
    }
  });
});

function tellFigures(held: Held, verdict: Verdict): void {
  const sent = emrs.flatMap((emr) => emr.sent);
  underWay.sort((a, b) => a - b);
  const figures = {
    kills,
    killedAtStart,
    sent: sent.length,
    merges: sent.filter(({ type }) => type === 'ADT^A40').length,
    sentAgain: emrs.reduce((sum, emr) => sum + emr.again, 0),
    acknowledged: emrs.reduce((sum, emr) => sum + emr.acked.size, 0),
    applicationAcknowledged: emrs.reduce((sum, emr) => sum + emr.applied.size, 0),
    underWayAtKill: { median: underWay[underWay.length >> 1], most: underWay.at(-1) },
    lost: verdict.lost.length,
    doubled: verdict.doubled.length,
    wrong: verdict.wrong.length,
    persons: held.persons.length,
    documents: held.documents,
    auditRows: held.audit.rows,
  };
  process.stdout.write(`crash: ${JSON.stringify(figures)}\n`);
}
