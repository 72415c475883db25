import * as fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { understandFeed } from '../../engine/pix-read.ts';
import { profileNamed } from '../../schemas/vendors/profile.ts';
import { anyBytes } from '../support/hl7-arbitraries.ts';
import { openNodes, SYSTEM, type TestNodes } from '../support/nodes.ts';
import { openLine } from '../support/pix.ts';

const source = { id: 'outside', profile: 'plain', authority: '2.16.840.1.113883.19.9', facility: 'OUT' };
const setup = {
  source,
  profile: 'plain',
  charset: 'utf-8',
  acknowledgment: 'original' as const,
  zone: 'UTC',
  processing: 'P',
};
const domains = { systems: new Set([SYSTEM.a]), names: { HOSP_A: SYSTEM.a.slice('urn:oid:'.length) } };

/** Text that bends fields: delimiters, nulls, stars, escapes, frame bytes, other letters. */
const bent = fc.string({
  unit: fc.constantFrom('^', '&', '~', '|', '\\', '*', '"', '@', '.', '\u001c', '\u000b', 'A', '1', '\u00e9', ' '),
  maxLength: 40,
});
const types = fc.constantFrom('QBP^Q23', 'QBP^Q22', 'QBP^ZV1', 'QCN^J01');
const events = fc.constantFrom('A01', 'A08', 'A24', 'A28', 'A37', 'A40', 'A47');

describe('whatever the bytes say', () => {
  let nodes: TestNodes;
  beforeAll(async () => {
    nodes = await openNodes({ only: ['region'] });
  });
  afterAll(() => nodes.close());

  test('a query has an answer that is a message, with no byte of a frame in it', async () => {
    const line = openLine(nodes, nodes.region);
    await fc.assert(
      fc.asyncProperty(types, fc.array(bent, { minLength: 1, maxLength: 9 }), bent, async (type, qpd, rcp) => {
        const answer = await line.ask([
          `MSH|^~\\&|A|B|C|D|20260101||${type}|1|P|2.5`,
          `QPD|${qpd.join('|')}`,
          `RCP|I|${rcp}`,
        ]);
        expect(answer[0]).toMatch(/^MSH\|\^~\\&\|C\|D\|A\|B\|/);
        expect(answer[1]).toMatch(/^MSA\|A[AER]\|1/);
        expect(answer.join('\r')).not.toMatch(/[\u000b\u001c]/);
      }),
      { numRuns: 150 },
    );
  });

  test('any bytes are answered', async () => {
    const line = openLine(nodes, nodes.region);
    const asker = { from: nodes.region.subjectOf('a'), sees: 'all' as const, kind: 'index' as const, charset: 'utf-8' };
    await fc.assert(
      fc.asyncProperty(anyBytes, async (bytes) => {
        // In the delimiters of the sender, whatever they are.
        expect((await line.queries.answer(bytes, asker)).toString('latin1')).toMatch(/\rMSA.A[AER]/s);
      }),
      { numRuns: 100 },
    );
  });

  test('a feed is read to acts on its own domains, or to faults', () => {
    fc.assert(
      fc.property(events, bent, bent, bent, (event, number, name, mrg) => {
        const text = [
          `MSH|^~\\&|A|B|C|D|20260101||ADT^${event}|1|P|2.5`,
          `EVN|${event}|20260101`,
          `PID|1||${number}~1^^^HOSP_A||${name}`,
          `MRG|${mrg}`,
        ].join('\r');
        const read = understandFeed({ bytes: Buffer.from(text), receivedAt: 0 }, setup, profileNamed('plain'), domains);
        for (const act of read.acts) {
          const named = act.do === 'feed' ? [act.number] : act.do === 'merge' ? [act.old, act.into] : [];
          for (const { system } of named) expect(system).toBe(SYSTEM.a);
        }
        expect(read.acts.length + read.faults.length).toBeGreaterThan(0);
      }),
      { numRuns: 300 },
    );
  });

  test('any bytes are read as a feed', () => {
    fc.assert(
      fc.property(anyBytes, (bytes) => {
        const read = understandFeed({ bytes, receivedAt: 0 }, setup, profileNamed('plain'), domains);
        expect(read.acts.length + read.faults.length).toBeGreaterThan(0);
      }),
      { numRuns: 150 },
    );
  });
});
