/** Answers to queries: RSP^K23 (ITI-9), RSP^K22 (ITI-21), RSP^ZV2 (ITI-22), in the sender's delimiters, version and character set. */
import type { Fault } from '../../../schemas/errors/index.ts';
import { conditionNumber, conditions, echoOf, errorSegments, faultsToldMax, timeText } from '../ack.ts';
import { encodeMessage } from '../charset.ts';
import { completeDelimiters, encodingCharacters } from '../delimiters.ts';
import { escapeText } from '../escape.ts';
import type { Scan } from '../scan.ts';
import type { QueryEvent } from './read.ts';

export interface QueryAnswerOrder {
  /** Header of the query. */
  scan: Scan;
  event: Exclude<QueryEvent, 'J01'>;
  code: 'AA' | 'AE' | 'AR';
  /** QAK-2 (table 0208). */
  status: 'OK' | 'NF' | 'AE' | 'AR';
  faults: readonly Fault[];
  /** QPD-2. */
  tag: string;
  /** Raw QPD of the query, given back. */
  qpd: readonly string[];
  /** Segments of what was found, raw fields in the query's delimiters. */
  rows: readonly (readonly string[])[];
  /** Patients found in all, and how many come after this answer; absent where that is not known. */
  hits?: { all: number; here: number; left: number };
  /** DSC-1: where the next query goes on. */
  pointer?: string;
  /** ms since the epoch. */
  now: number;
  /** MSH-10, at most 20 characters. */
  controlId: string;
}

const types: Record<QueryAnswerOrder['event'], [trigger: string, structure: string]> = {
  Q23: ['K23', 'RSP_K23'],
  Q22: ['K22', 'RSP_K21'],
  ZV1: ['ZV2', 'RSP_ZV2'],
};

const echoMax = 16_384;

/** MSH, MSA, ERR where there are faults, QAK, QPD, what was found, DSC where more is to come (HL7 v2.5 chapter 5.3.2). Segments end with CR. */
export function buildQueryAnswer(order: QueryAnswerOrder): Buffer {
  const { scan } = order;
  const delimiters = completeDelimiters(scan.delimiters);
  const version = scan.version === '' ? '2.5' : scan.version;
  const write = (text: string): string => escapeText(text, delimiters);
  const echo = (n: number): string => echoOf(scan, n, delimiters);
  const [trigger, structure] = types[order.event];
  const charset = echo(18);
  const told = order.faults.slice(0, faultsToldMax);
  const lines: (readonly string[])[] = [
    [
      `MSH${delimiters.field}${encodingCharacters(delimiters)}`,
      echo(5),
      echo(6),
      echo(3),
      echo(4),
      write(timeText(order.now, version)),
      '',
      ['RSP', trigger, structure].join(delimiters.component),
      write(order.controlId),
      echo(11) || 'P',
      echo(12) || version,
      ...(charset === '' ? [] : ['', '', '', '', '', charset]),
    ],
    ['MSA', order.code, echo(10), ...(told[0] === undefined ? [] : [write(conditions[conditionNumber(told[0])]!)])],
    ...errorSegments(told, version, delimiters),
    ['QAK', write(order.tag), order.status, ...hitFields(order, cleaned(order.qpd[1] ?? ''))],
  ];
  if (order.qpd.length > 1) lines.push(order.qpd.map(cleaned));
  lines.push(...order.rows);
  if (order.pointer !== undefined) lines.push(['DSC', write(order.pointer), 'I']);
  return encodeMessage(lines.map((line) => `${line.join(delimiters.field)}\r`).join(''), scan.charset || 'utf-8');
}

function hitFields({ hits }: QueryAnswerOrder, name: string): string[] {
  return hits === undefined ? [] : [name, String(hits.all), String(hits.here), String(hits.left)];
}

/** A field of the sender as it can stand in the answer: no control characters (an FS would end the frame). */
function cleaned(raw: string): string {
  return raw.slice(0, echoMax).replace(/[\u0000-\u001f\u007f]/g, '');
}
