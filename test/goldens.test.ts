/**
 * The stages of one message, beside its bytes: `0-received.hl7` -> `1-record.json` (a FHIR Bundle), `2-ccd.xml`, `3-ack.hl7`. Only
 * `npm run goldens` writes them; here they are compared, and one that is missing fails. A file of several messages is read in its order
 * into one record. Further persons have files of their own (`1-record-2.json`). A type without a map has an answer only.
 */
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { acceptFrame } from '../engine/accept.ts';
import { buildCcd, checkCcd } from '../engine/ccda/index.ts';
import { scanHeader, splitBatch } from '../engine/hl7v2/index.ts';
import { createMemoryRecord, toBundle } from '../engine/record/index.ts';
import { isWarning, type SourceSetup, understand } from '../engine/understand.ts';
import { createWaiting } from '../engine/waiting.ts';
import { catalogue, type Fault } from '../schemas/errors/index.ts';
import type { Store } from '../schemas/parts.ts';
import { chooseProfile } from '../schemas/vendors/profile.ts';

const messages = new URL('../fixtures/messages/', import.meta.url);
const invalid = new URL('../fixtures/invalid/', import.meta.url);
const write = process.env['MIX_GOLDENS'] === 'write';
const now = Date.UTC(2026, 3, 6, 18, 0, 0);
const families = ['meditech', 'mckesson', 'cpsi', 'healthland'];

/** The listener of a family as the demo has it. */
function setupOf(family: string): SourceSetup {
  return {
    source: { id: family, profile: family, authority: '2.16.840.1.113883.19.5', facility: 'MIX Memorial' },
    profile: family,
    charset: family === 'healthland' ? 'windows-1252' : 'UTF-8',
    acknowledgment: 'original',
    zone: 'America/Chicago',
    processing: 'P',
  };
}

/** Ids that are the same every time: they count. */
function counting(): () => string {
  let made = 0;
  return () => {
    made += 1;
    return `00000000-0000-7000-8000-${String(made).padStart(12, '0')}`;
  };
}

function understandPart(bytes: Buffer, setup: SourceSetup): ReturnType<typeof understand> {
  return understand({ bytes, receivedAt: now }, setup, chooseProfile(setup.profile, scanHeader(bytes, setup.charset)));
}

/** The answer that a listener gives, with a stand-in for the id that it makes. */
async function answerTo(bytes: Buffer, setup: SourceSetup): Promise<string> {
  const keep: Store['keep'] = async () => ({ outcome: 'kept' });
  const parts = {
    store: { keep } as Store,
    clock: { now: () => now },
    log: { info: () => {}, warn: () => {}, error: () => {} },
    giveUnderstood: () => {},
    waiting: createWaiting({ now: () => now }, { max: 1, waitMs: 1 }),
  };
  const { ack } = await acceptFrame(parts, bytes, setup);
  return (ack?.toString('utf8') ?? '').replace(/^((?:[^|]*\|){9})[^|]*/, '$1MADE');
}

/** Every stage of one fixture by the name of its file. */
async function stagesOf(name: string): Promise<Map<string, string>> {
  const setup = setupOf(families.find((family) => name.startsWith(`${family}-`)) ?? 'plain');
  const newId = counting();
  const record = createMemoryRecord(newId);
  const stages = new Map<string, string>();
  let acks = '';
  for (const [at, { bytes }] of splitBatch(
    readFileSync(new URL(`${name}/0-received.hl7`, messages)),
  ).messages.entries()) {
    const { draft } = understandPart(bytes, setup);
    if (draft !== undefined) record.apply(draft, { messageId: `message-${at + 1}`, sourceId: setup.source.id, now });
    acks += await answerTo(bytes, setup);
  }
  for (const [at, { person, entries }] of record.records().entries()) {
    const which = at === 0 ? '' : `-${at + 1}`;
    stages.set(`1-record${which}.json`, `${JSON.stringify(toBundle(person, entries), null, 2)}\n`);
    const ccd = buildCcd(
      { person, entries },
      {
        documentId: `00000000-0000-7000-8000-d0000000000${at + 1}`,
        setId: `00000000-0000-7000-8000-e0000000000${at + 1}`,
        version: 1,
        createdAt: now,
        zone: setup.zone,
        organization: { name: 'MIX Memorial', oid: '2.16.840.1.113883.19.5' },
      },
    );
    expect(checkCcd(ccd)).toEqual([]);
    stages.set(`2-ccd${which}.xml`, ccd);
  }
  stages.set('3-ack.hl7', acks);
  return stages;
}

describe('the stages of each message', () => {
  it.each(readdirSync(messages).sort())('%s', async (name) => {
    const folder = new URL(`${name}/`, messages);
    const stages = await stagesOf(name);
    const there = readdirSync(folder).filter((file) => file !== '0-received.hl7');
    if (write) {
      for (const file of there) if (!stages.has(file)) rmSync(new URL(file, folder));
      for (const [file, text] of stages) writeFileSync(new URL(file, folder), text);
      return;
    }
    expect(there.sort(), 'files beside the message; npm run goldens writes them').toEqual([...stages.keys()].sort());
    for (const [file, text] of stages) expect(text, file).toBe(readFileSync(new URL(file, folder), 'utf8'));
  });

  it('a message and its stages always come out the same', async () => {
    for (const name of readdirSync(messages).slice(0, 10)) expect(await stagesOf(name)).toEqual(await stagesOf(name));
  });
});

describe('inputs that have something wrong', () => {
  const setup = setupOf('healthland');

  const messageCases = readdirSync(invalid).filter((name) => name.startsWith('hl7v2.'));
  it.each(messageCases.sort())('%s is told with code and place, and answered', async (name) => {
    const folder = new URL(`${name}/`, invalid);
    const wanted = JSON.parse(readFileSync(new URL('wanted.json', folder), 'utf8')) as Pick<Fault, 'code' | 'place'>;
    const bytes = readFileSync(new URL('input.hl7', folder));
    const { faults, draft } = understandPart(bytes, setup);
    expect(faults.map(({ code, place }) => ({ code, place }))).toContainEqual(wanted);
    const stops = faults.some((fault) => !isWarning(fault));
    if (stops) expect(draft === undefined || draft.faults.length > 0).toBe(true);
    const ack = await answerTo(bytes, setup);
    const codeOf = (text: string): string | undefined => /\rMSA\|(\w\w)/.exec(text)?.[1];
    expect(codeOf(ack)).toBe(stops ? 'AE' : 'AA');
    const hl7 = (catalogue[wanted.code] as { hl7?: string }).hl7;
    if (stops && hl7 !== undefined && faults.find((fault) => fault.code === wanted.code && !isWarning(fault)))
      expect(ack).toContain('\rERR|');
    expect(existsSync(new URL('wanted.json', folder))).toBe(true);
  });
});
