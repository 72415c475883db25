/** The demo as a newcomer starts it: samples, options, a second start, and what the files on disk tell a thief. */
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import {
  admission,
  type Child,
  type Listed,
  makeDir,
  openWire,
  type Session,
  segment,
  signIn,
  startChild,
  until,
} from './outside.ts';

interface Overview {
  counts: { messages: number; persons: number; entries: number; documents: number; waiting: number };
  samples?: { sent: number; of: number };
}

interface Invented {
  family: string;
  given: string;
  street: string;
  phone: string;
  ssn: string;
}

const cast = JSON.parse(readFileSync(new URL('../../fixtures/patients/cast.json', import.meta.url), 'utf8')) as {
  people: Invented[];
};
const dirs: ReturnType<typeof makeDir>[] = [];
const children: Child[] = [];

function ownDir(): string {
  const dir = makeDir();
  dirs.push(dir);
  return dir.path;
}

async function startDemo(...args: string[]): Promise<Child> {
  const child = await startChild(['demo', ...args]);
  children.push(child);
  return child;
}

afterAll(async () => {
  for (const child of children) await child.stop();
  for (const dir of dirs) dir.remove();
});

const played = (session: Session): Promise<Overview> =>
  until(
    () => session.get<Overview>('/api/overview'),
    ({ samples, counts }) =>
      samples !== undefined && samples.sent === samples.of && counts.waiting === 0 && counts.documents > 0,
  );

function filesUnder(dir: string): string[] {
  return readdirSync(dir, { recursive: true, encoding: 'utf8' })
    .map((name) => join(dir, name))
    .filter((path) => statSync(path).isFile());
}

/** Texts of the sample patients that must not be readable: long enough not to come up in random bytes. */
function secretsOf(people: Invented[], patients: { name: string; numbers: { value: string }[] }[]): string[] {
  const told = people.flatMap(({ family, given, street, phone, ssn }) => [
    ...(family.length >= 6 ? [family] : []),
    ...(given.length >= 6 ? [given] : []),
    street,
    phone,
    phone.replaceAll(/[()-]/g, ''),
    ssn,
    ssn.replaceAll('-', ''),
  ]);
  const numbers = patients
    .flatMap((patient) => patient.numbers.map(({ value }) => value))
    .filter((value) => value.length >= 6);
  return [...new Set([...told, ...numbers])];
}

describe('a demo with samples', () => {
  test('plays them once, goes on at the second start, and its files tell nothing about the patients', async () => {
    const data = join(ownDir(), 'data');
    const first = await startDemo('--data', data);
    expect(first.told.listeners.map(({ name }) => name)).toEqual(['meditech', 'mckesson', 'cpsi', 'healthland']);
    const session = await signIn(first.told);
    const overview = await played(session);
    expect(overview.counts.messages).toBe(overview.samples!.of);
    const patients =
      await session.get<Listed<{ name: string; numbers: { value: string }[] }>>('/api/patients?limit=200');
    expect(patients.count).toBeGreaterThan(10);

    const secrets = secretsOf(cast.people, patients.rows);
    // The searcher itself is tried first: the sample file that was sent holds most of what is looked for.
    const sent = readFileSync(new URL('../../fixtures/traffic/meditech.hl7', import.meta.url));
    expect(findIn(sent, secrets).length).toBeGreaterThan(5);
    const running = filesUnder(data);
    expect(running.some((path) => path.endsWith('store.sqlite'))).toBe(true);
    expect(running.some((path) => path.endsWith('-wal'))).toBe(true);
    // An X-PID is the name of a row at the region that gave it, as docs/threats.md tells; anywhere else it is a patient's number.
    const isXpid = (text: string): boolean => /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(text);
    const wantedIn = (path: string): string[] =>
      path.startsWith(join(data, 'region')) ? secrets.filter((text) => !isXpid(text)) : secrets;
    for (const path of running)
      expect(`${path.slice(data.length)}: ${findIn(readFileSync(path), wantedIn(path)).length}`).toMatch(/: 0$/);
    await first.stop();
    for (const path of filesUnder(data)) expect(findIn(readFileSync(path), wantedIn(path))).toEqual([]);

    const second = await startDemo('--data', data);
    expect(second.told.password).toBeUndefined();
    const again = await signIn(second.told);
    const counts = (await again.get<Overview>('/api/overview')).counts;
    expect(counts.messages).toBe(overview.counts.messages);
    expect((await again.get<Listed>('/api/patients?limit=200')).count).toBe(patients.count);
    await second.stop();
  });

  test('a start that was cut short is gone on with, and no message comes twice', async () => {
    const data = join(ownDir(), 'data');
    const first = await startDemo('--data', data);
    const session = await signIn(first.told);
    const half = await until(
      () => session.get<Overview>('/api/overview'),
      ({ samples }) => (samples?.sent ?? 0) >= 60,
    );
    expect(half.samples!.sent).toBeLessThan(half.samples!.of);
    await first.stop('SIGKILL');

    const second = await startDemo('--data', data);
    const overview = await played(await signIn(second.told));
    expect(overview.counts.messages).toBe(overview.samples!.of);
    await second.stop();
  });
});

test('--no-samples starts empty and takes what is sent', async () => {
  const child = await startDemo('--no-samples', '--data', join(ownDir(), 'data'));
  const session = await signIn(child.told);
  const overview = await session.get<Overview>('/api/overview');
  expect(overview.counts.messages).toBe(0);
  expect(overview.samples).toBeUndefined();
  const line = await openWire(child.told.listeners.find(({ name }) => name === 'meditech')!.port);
  expect(segment(await line.ask(admission({ controlId: 'NEW1', number: 'M009001' })), 'MSA')[1]).toBe('AA');
  line.close();
  const { rows } = await until(
    () => session.get<Listed<{ name: string }>>('/api/patients?name=quill'),
    (page) => page.count === 1,
  );
  expect(rows[0]!.name).toContain('Quillfeather');
});

/** Which of the texts stand in the bytes: as UTF-8 and UTF-16 in both orders, in any case. */
function findIn(bytes: Buffer, texts: string[]): string[] {
  const plain = lowered(bytes);
  return texts.filter((text) => {
    const wide = Buffer.from(text.toLowerCase(), 'utf16le');
    const narrow = lowered(Buffer.from(text.toLowerCase(), 'utf8'));
    return (
      plain.includes(narrow) || plain.includes(lowered(wide)) || plain.includes(lowered(Buffer.from(wide).swap16()))
    );
  });
}

/** ASCII letters in lower case; every other byte as it is. */
function lowered(bytes: Buffer): Buffer {
  const low = Buffer.from(bytes);
  for (let at = 0; at < low.length; at += 1) if (low[at]! >= 0x41 && low[at]! <= 0x5a) low[at]! += 0x20;
  return low;
}
