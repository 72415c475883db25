/** The answer to a batch or a file of batches (HL7 v2.8.2 chapter 2.10.3, 2.14.2 BHS, 2.14.3 BTS, 2.14.6 FHS, 2.14.7 FTS). */
import type { Delimiters } from '../../schemas/hl7v2/message.ts';
import { timeText } from './ack.ts';
import type { Batch } from './batch.ts';
import { completeDelimiters, encodingCharacters, readDelimiters, standardDelimiters } from './delimiters.ts';
import { escapeText } from './escape.ts';

export interface BatchAckOrder {
  batch: Pick<Batch, 'fileHeader' | 'batches' | 'faults'>;
  /** The answer of each message, in their order; null where its sender asked for none. */
  acks: readonly (Buffer | null)[];
  /** Version of the messages, for the form of times. */
  version: string;
  /** Time of the answer, ms since the epoch. */
  now: number;
  /** A new control id for each envelope, at most 20 characters. */
  newControlId(): string;
}

/**
 * A batch of acknowledgments for each batch of the input, in a file when it was one. BHS and FHS have sender and receiver exchanged, a control
 * id of their own, and the answered one as the reference (BHS-12, FHS-12); BTS-1 is the number of answers, FTS-1 that of batches. A count that
 * did not agree is told in the last BTS-2. Segments end with CR.
 */
export function buildBatchAck(order: BatchAckOrder): Buffer {
  const { batch, acks } = order;
  const parts: Buffer[] = [];
  const write = (line: string): void => void parts.push(Buffer.from(`${line}\r`, 'latin1'));
  const file = readEnvelope(batch.fileHeader);
  if (batch.fileHeader !== '') write(headerOf('FHS', file, order));
  batch.batches.forEach(({ header, first }, at) => {
    const next = batch.batches[at + 1];
    const envelope = header === '' ? file : readEnvelope(header);
    const answers = acks.slice(first, next?.first).filter((ack) => ack !== null);
    const comment = next === undefined ? commentOf(batch.faults, envelope.delimiters) : '';
    write(headerOf('BHS', envelope, order));
    parts.push(...answers);
    write(['BTS', answers.length, ...(comment === '' ? [] : [comment])].join(envelope.delimiters.field));
  });
  if (batch.fileHeader !== '') write(['FTS', batch.batches.length].join(file.delimiters.field));
  return Buffer.concat(parts);
}

/** A header as sent: raw fields by their position, and the delimiters that they are written with. */
interface Envelope {
  fields: string[];
  delimiters: Delimiters;
}

function readEnvelope(header: string): Envelope {
  const separator = header.charAt(3);
  const fields = separator === '' ? [] : header.slice(4).split(separator);
  const { delimiters } = readDelimiters(separator, fields[0] ?? '');
  // Position 1 is the separator itself, so the first field after it is the second.
  return {
    fields: ['', separator, ...fields],
    delimiters: delimiters === undefined ? standardDelimiters : completeDelimiters(delimiters),
  };
}

function headerOf(name: 'BHS' | 'FHS', { fields, delimiters }: Envelope, order: BatchAckOrder): string {
  const own = (n: number): string => {
    const text = (fields[n] ?? '').replace(/[\u0000-\u001f\u007f]/g, '');
    return delimiters.field === fields[1] ? text : escapeText(text, delimiters);
  };
  const answered = own(11);
  const line = [
    `${name}${delimiters.field}${encodingCharacters(delimiters)}`,
    own(5),
    own(6),
    own(3),
    own(4),
    escapeText(timeText(order.now, order.version), delimiters),
    '',
    '',
    '',
    order.newControlId(),
    ...(answered === '' ? [] : [answered]),
  ];
  return line.join(delimiters.field);
}

function commentOf(faults: Batch['faults'], delimiters: Delimiters): string {
  const told = faults.map(({ place, detail }) => `${place} ${detail}`);
  return escapeText(told.join('; ').slice(0, COMMENT_MAX), delimiters);
}

/** BTS-2 (chapter 2.14.3.2). */
const COMMENT_MAX = 80;
