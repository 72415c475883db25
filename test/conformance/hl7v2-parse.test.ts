import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import {
  checkMessage,
  decodeMessage,
  encodeMessage,
  groupSegments,
  parseMessage,
  splitBatch,
  writeMessage,
} from '../../engine/hl7v2/index.ts';
import { catalogue } from '../../schemas/errors/index.ts';
import type { Group } from '../../schemas/hl7v2/message.ts';

const corpora = join(process.env.MIX_CORPORA ?? new URL('../../../shared/corpora', import.meta.url).pathname, 'hl7v2');
const present = existsSync(corpora);
const files = present
  ? readdirSync(corpora, { recursive: true, encoding: 'utf8' })
      .filter((name) => /\.(hl7|ndhl7|out|txt)$/.test(name))
      .sort()
  : [];

describe.skipIf(!present)(
  `outside HL7 v2 messages${present ? '' : ' (skipped: MIX_CORPORA names no folder with hl7v2)'}`,
  () => {
    it('finds the corpora', () => expect(files.length).toBeGreaterThan(100));

    it.each(files)(
      '%s: every byte is in a message, and each is written as it was read or refused with code and place',
      (name) => {
        const file = readFileSync(join(corpora, name));
        const batch = splitBatch(file);
        expect(batch.messages.length).toBeGreaterThan(0);
        for (const part of batch.messages) {
          expect(part.bytes.equals(file.subarray(part.offset, part.offset + part.bytes.length))).toBe(true);
          const decoded = decodeMessage(part.bytes);
          const { message, faults } = parseMessage(decoded.text);
          if (message === undefined) {
            expect(faults.map((fault) => typeof fault.place)).toContain('string');
            continue;
          }
          expect(encodeMessage(writeMessage(message), decoded.charset).equals(part.bytes)).toBe(true);
          expect(count(groupSegments(message))).toBe(message.segments.length);
          for (const fault of checkMessage(message)) {
            expect(catalogue[fault.code].sentence).not.toBe('');
            expect(fault.place).toMatch(/^[A-Z][A-Z0-9]{2}(\[\d+\])?(-\d+)?$/);
          }
        }
        // What no message holds is envelope or blank.
        let rest = '';
        let at = 0;
        for (const part of batch.messages) {
          rest += file.toString('latin1', at, part.offset);
          at = part.offset + part.bytes.length;
        }
        rest += file.toString('latin1', at);
        for (const line of rest.split(/[\r\n]+/)) expect(line.trim()).toMatch(/^(?:(?:FHS|BHS|BTS|FTS)(?:\W.*)?)?$/);
      },
    );
  },
);

function count(group: Group): number {
  return group.segments.length + group.groups.reduce((sum, inner) => sum + count(inner), 0);
}
