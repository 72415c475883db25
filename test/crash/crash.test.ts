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
import type { Emr } from './emr.ts';
import { createEmrs, newDataDir, sendTo, settingsOf, settle } from './exchange.ts';
import { createNodeProcesses, ENDED_EARLY } from './node-process.ts';
import { type Held, readHeld } from './record.ts';

const KILLS = Number(process.env.MIX_CRASH_KILLS ?? 100);
const SEED = Number(process.env.MIX_CRASH_SEED ?? 20_260_401);
/** New messages of each EMR between two kills. */
const MORE = 60;
/** While a node of a step runs, it gets as many as it takes to reach the step. */
const MANY = 400;

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
let kills = 0;
let killedAtStart = 0;

// Pages that are out of date would be built by the first node, and its first start would be longer by that.
beforeAll(() => buildPages());

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

  it(`${KILLS} times at random moments under load`, async () => {
    const random = randomFrom(SEED);
    for (let kill = 0; kill < KILLS; kill += 1) {
      const node = await nodes.start({ settings: settingsOf(crashed.dir) });
      const duringStart = random() < 0.1;
      const delay = random() * (duringStart ? 250 : 1_000);
      if (!duringStart) await node.up;
      const sending = sendTo(node, emrs, MORE).catch(() => undefined);
      await new Promise((next) => setTimeout(next, delay));
      node.kill();
      expect(await node.ended).toEqual({ code: null, signal: 'SIGKILL' });
      await sending;
      kills += 1;
      if (duringStart) killedAtStart += 1;
    }
  });

  it('lost nothing, doubled nothing, and kept the order of each patient', async () => {
    await settle(nodes, crashed.dir, emrs);
    const held = await readHeld(crashed.dir);
    tellFigures(held);
    expect(emrs.flatMap((emr) => emr.refused)).toEqual([]);
    expect(emrs.map((emr) => emr.acked.size)).toEqual(emrs.map((emr) => emr.sent.length));
    expect(held.integrity).toBe('ok');
    expect(held.audit.broken).toBeUndefined();
    expect(held.audit.rows).toBeGreaterThan(0);
    expect(held.jobs).toBe(0);
    expect(faultsOfMessages(held)).toEqual([]);
    expect(faultsOfEffects(held)).toEqual([]);
    expect(faultsOfPersons(held)).toEqual([]);
    expect(held.documentFaults).toEqual([]);
  });

  it('holds, version for version, what a node holds that was never killed', async () => {
    const others = createEmrs();
    await settle(nodes, clean.dir, others, emrs);
    expect(others.map((emr) => emr.sent)).toEqual(emrs.map((emr) => emr.sent));
    const [killed, unharmed] = await Promise.all([readHeld(crashed.dir), readHeld(clean.dir)]);
    const linesOf = (held: Held): string[] => held.persons.map(({ lines }) => lines.join('\n')).sort();
    expect(killed.messages.size).toBe(unharmed.messages.size);
    expect(linesOf(killed)).toEqual(linesOf(unharmed));
  });
});

/** Every acknowledged message once, and its work done. */
function faultsOfMessages(held: Held): string[] {
  const faults: string[] = [];
  const known = new Set<string>();
  for (const emr of emrs) {
    for (const { controlId, type } of emr.sent) {
      known.add(controlId);
      const kept = held.messages.get(controlId) ?? [];
      if (kept.length !== 1) faults.push(`${type} ${controlId} was kept ${kept.length} times`);
      else if (kept[0]!.state !== 'done') faults.push(`${type} ${controlId} is ${kept[0]!.state}`);
    }
  }
  for (const controlId of held.messages.keys()) if (!known.has(controlId)) faults.push(`${controlId} was never sent`);
  return faults;
}

/** The audit names no change of a record twice, and every ORU's four values stand in the records, each as one entry. */
function faultsOfEffects(held: Held): string[] {
  const faults = [...held.effects].filter(([, count]) => count !== 1).map(([effect, count]) => `${effect}: ${count}`);
  const live = new Set(
    held.persons.flatMap(({ entries }) => entries.filter(({ removed }) => !removed).map(({ id }) => id)),
  );
  for (const emr of emrs)
    for (const { type, controlId } of emr.sent) {
      if (type !== 'ORU^R01') continue;
      const wrote = new Set(held.observed.get(controlId));
      const stand = [...wrote].filter((id) => live.has(id)).length;
      if (wrote.size !== 4 || stand !== 4) faults.push(`${controlId} wrote ${wrote.size} values, ${stand} stand`);
    }
  return faults;
}

/** One person for each number, the retired numbers at their survivor, and the telephone of the last ADT in the order it was sent. */
function faultsOfPersons(held: Held): string[] {
  const faults: string[] = [];
  const holder = new Map<string, Held['persons'][number]>();
  for (const person of held.persons)
    for (const number of person.numbers) {
      if (holder.has(number)) faults.push(`${number} is held twice`);
      holder.set(number, person);
    }
  if (held.leftBehind > 0) faults.push(`${held.leftBehind} entries were left with persons that were merged away`);
  let expected = 0;
  for (const emr of emrs) {
    const { phones, groups } = told(emr);
    expected += groups.size;
    for (const [number, retired] of groups) {
      const person = holder.get(number);
      const numbers = [number, ...retired].sort();
      if (person?.numbers.join() !== numbers.join())
        faults.push(`${number} should hold ${numbers.join()}, holds ${person?.numbers.join()}`);
      else if (digits(person.phone) !== digits(phones.get(number)))
        faults.push(`${number} has ${person.phone}, the last message said ${phones.get(number)}`);
    }
  }
  if (held.persons.length !== expected) faults.push(`${held.persons.length} persons, ${expected} were told of`);
  return faults;
}

const digits = (text: string | undefined): string | undefined => text?.replace(/\D/g, '');

/** What one EMR's messages say, one after another: numbers that stand for a person, with those retired to them, and the last telephone. */
function told(emr: Emr): { phones: Map<string, string>; groups: Map<string, string[]> } {
  const phones = new Map<string, string>();
  const groups = new Map<string, string[]>();
  for (const { type, mrn, retired, phone } of emr.sent) {
    if (!groups.has(mrn)) groups.set(mrn, []);
    if (retired !== undefined) {
      groups.set(mrn, [...groups.get(mrn)!, retired, ...(groups.get(retired) ?? [])]);
      groups.delete(retired);
    } else if (type !== 'ORU^R01') phones.set(mrn, phone);
  }
  return { phones, groups };
}

function tellFigures(held: Held): void {
  const sent = emrs.flatMap((emr) => emr.sent);
  const lost = sent.filter(({ controlId }) => !held.messages.has(controlId)).length;
  const doubled = [...held.messages.values()].filter((kept) => kept.length > 1).length;
  const figures = {
    kills,
    killedAtStart,
    sent: sent.length,
    merges: sent.filter(({ type }) => type === 'ADT^A40').length,
    sentAgain: emrs.reduce((sum, emr) => sum + emr.again, 0),
    acknowledged: emrs.reduce((sum, emr) => sum + emr.acked.size, 0),
    applicationAcknowledged: emrs.reduce((sum, emr) => sum + emr.applied.size, 0),
    lost,
    doubled,
    persons: held.persons.length,
    documents: held.documents,
    auditRows: held.audit.rows,
  };
  process.stdout.write(`crash: ${JSON.stringify(figures)}\n`);
}
