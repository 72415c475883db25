/** Properties of the HL7 v2 parser, run shortly in the normal suite and long in the fuzz suite. */

import { createRequire } from 'node:module';
import { Hl7Context, Hl7Message } from '@medplum/core';
import fc from 'fast-check';
import { expect } from 'vitest';
import {
  buildAck,
  checkMessage,
  componentsOf,
  decodeMessage,
  encodeMessage,
  escapeText,
  groupSegments,
  parseMessage,
  repetitionsOf,
  scanHeader,
  splitBatch,
  unescapeText,
  writeMessage,
} from '../../engine/hl7v2/index.ts';
import type { Group } from '../../schemas/hl7v2/message.ts';
import { anyBytes, delimiters, meantText, message } from './hl7-arbitraries.ts';

/** Everything that reads a message takes any bytes without throwing, and every segment is in exactly one group. */
export function neverThrows(numRuns: number): void {
  fc.assert(
    fc.property(anyBytes, (bytes) => {
      const scan = scanHeader(bytes);
      const { text } = decodeMessage(bytes);
      const { message: parsed, faults } = parseMessage(text);
      expect(parsed !== undefined || faults.length > 0).toBe(true);
      if (parsed !== undefined) {
        checkMessage(parsed);
        expect(indexesOf(groupSegments(parsed))).toEqual(parsed.segments.map((segment) => segment.index));
      }
      const ack = buildAck({ scan, code: 'AE', faults: scan.faults, now: 0, controlId: 'X1' });
      expect(ack.includes(0x0b) || ack.includes(0x1c)).toBe(false);
    }),
    { numRuns },
  );
}

function indexesOf(group: Group): number[] {
  const all: number[] = [];
  const walk = (one: Group): void => {
    for (const segment of one.segments) all.push(segment.index);
    for (const inner of one.groups) walk(inner);
  };
  walk(group);
  return all.sort((one, other) => one - other);
}

/** Parsing then writing gives the same bytes: of well-formed messages and of any others that have a header. */
export function writesWhatItRead(numRuns: number): void {
  fc.assert(
    fc.property(message(), (made) => {
      const bytes = Buffer.from(made.text, 'utf8');
      const decoded = decodeMessage(bytes);
      const parsed = parseMessage(decoded.text).message!;
      expect(encodeMessage(writeMessage(parsed), decoded.charset).equals(bytes)).toBe(true);
      expect(
        parsed.segments.map((segment) => segment.fields.filter((_, at) => !(segment.index === 0 && at === 1))),
      ).toEqual(made.segments);
      for (const segment of parsed.segments)
        expect(decoded.text.startsWith(segment.fields[0]!, segment.offset)).toBe(true);
    }),
    { numRuns },
  );
  fc.assert(
    fc.property(anyBytes, (bytes) => {
      const { text } = decodeMessage(bytes);
      const parsed = parseMessage(text).message;
      if (parsed !== undefined) expect(writeMessage(parsed)).toBe(text);
    }),
    { numRuns },
  );
}

/** What is escaped holds no delimiter, and is itself again when unescaped (line ends of any kind become line feeds). */
export function escapesRoundTrip(numRuns: number): void {
  fc.assert(
    fc.property(delimiters, meantText, (d, text) => {
      const raw = escapeText(text, d);
      for (const delimiter of [d.field, d.component, d.repetition, d.subcomponent])
        expect(raw.includes(delimiter)).toBe(false);
      expect(/[\r\n]/.test(raw)).toBe(false);
      expect(unescapeText(raw, d)).toBe(text.replace(/\r\n?/g, '\n'));
    }),
    { numRuns },
  );
}

/** In a file of messages with damaged ones between, every good one comes out as it went in. */
export function damageStaysWhereItIs(numRuns: number): void {
  const damaged = fc.oneof(
    fc.constantFrom('MSH|^~\r', 'MSH|\r', 'MSH|^^^^|A\rPID|1\r', 'MSH||||\rnot a segment\r'),
    message({ ending: '\r' }).map((made) =>
      made.text
        .slice(0, Math.floor(made.text.length / 2))
        .toWellFormed()
        .replace(/\r*$/, '\r'),
    ),
  );
  const good = message({ ending: '\r' });
  fc.assert(
    fc.property(fc.array(fc.tuple(good, damaged), { minLength: 1, maxLength: 4 }), fc.boolean(), (pairs, enveloped) => {
      const text = pairs.map(([made, bad]) => bad + made.text).join('');
      const file = enveloped ? `FHS|^~\\&\rBHS|^~\\&\r${text}BTS|1\rFTS|1\r` : text;
      const parts = splitBatch(Buffer.from(file, 'utf8')).messages.map((part) => part.bytes.toString('utf8'));
      const wanted = pairs.map(([made]) => made.text);
      expect(parts.filter((part) => wanted.includes(part)).length).toBeGreaterThanOrEqual(wanted.length);
      // Nothing vanishes: all that is no envelope is in some part.
      expect(parts.join('')).toBe(text);
    }),
    { numRuns },
  );
}

const hl7Standard = createRequire(import.meta.url)('hl7-standard') as new (
  text: string,
) => {
  transform(): void;
  getSegments(name: string): { type: string; data: Record<string, unknown> }[];
};

const standard = fc.constant({
  field: '|',
  component: '^',
  repetition: '~',
  escape: '\\',
  subcomponent: '&',
  truncation: '',
});

/** Two parsers that others wrote split a well-formed message the same way. */
export function agreesWithOthers(numRuns: number): void {
  fc.assert(
    fc.property(message({ delimiters: standard, ending: '\r' }), (made) => {
      // hl7-standard drops a segment that is nothing but its name.
      fc.pre(made.segments.every((segment) => segment.length > 1));
      const ours = parseMessage(made.text).message!;
      const medplum = Hl7Message.parse(made.text.slice(0, -1));
      expect(medplum.segments.length).toBe(ours.segments.length);
      expect(medplum.context).toBeInstanceOf(Hl7Context);
      for (const [at, segment] of ours.segments.entries()) {
        const theirs = medplum.segments[at]!;
        for (let n = 1; n < segment.fields.length; n += 1) {
          if (segment.name === 'MSH' && n < 3) continue;
          const raw = segment.fields[n]!;
          const field = theirs.getField(n);
          expect(field?.toString() ?? '').toBe(raw);
          const repetitions = raw === '' ? [''] : repetitionsOf(raw, ours.delimiters);
          const split = repetitions.map((repetition) =>
            repetition === '' ? [''] : componentsOf(repetition, ours.delimiters),
          );
          expect(field?.components).toEqual(split);
        }
      }
      // hl7-standard finds its line end by a vote and gives segments by name, not in their order; its plain fields are compared.
      const other = new hl7Standard(made.text);
      other.transform();
      for (const name of new Set(ours.segments.map((segment) => segment.name))) {
        const theirs = other.getSegments(name);
        const same = ours.segments.filter((segment) => segment.name === name);
        expect(theirs.length).toBe(same.length);
        for (const [at, segment] of same.entries()) {
          for (let n = name === 'MSH' ? 3 : 1; n < segment.fields.length; n += 1) {
            const raw = segment.fields[n]!;
            if (!/[\^~&\\]/.test(raw)) expect(theirs[at]!.data[`${name}.${n}`]).toBe(raw);
          }
        }
      }
    }),
    { numRuns },
  );
}
