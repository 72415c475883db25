/**
 * What accepting a message needs to know of it, read without parsing the whole: the header, and the patient and order numbers that
 * search and order go by. Segments other than those looked for are stepped over by their line ends only.
 */
import { isAscii } from 'node:buffer';
import type { Fault } from '../../schemas/errors/index.ts';
import type { Delimiters } from '../../schemas/hl7v2/message.ts';
import { charsetNamed, decodeMessage } from './charset.ts';
import { standardDelimiters } from './delimiters.ts';
import { readHeader } from './parse.ts';
import { componentOf, repetitionsOf, subcomponentOf, textOf } from './read.ts';

/** Segments of one kind that are looked at; a message with more (an ORU of a whole night) is known by its first ones. */
const perKindMax = 64;

/** The header of a message and what search and order need. Texts are '' where nothing was sent. */
export interface Scan {
  delimiters: Delimiters;
  /** Raw fields of MSH; `fields[9]` is MSH-9. Empty when there is no header. */
  fields: string[];
  sendingApplication: string;
  sendingFacility: string;
  receivingApplication: string;
  receivingFacility: string;
  /** MSH-7 as sent. */
  sentAt: string;
  /** MSH-9.1, `ADT`. */
  code: string;
  /** MSH-9.2, else EVN-1; `A01`. */
  trigger: string;
  /** MSH-9.3, `ADT_A01`. */
  structure: string;
  /** `ADT^A01`, `RDE`, or `?` where MSH-9 can't be read. */
  type: string;
  controlId: string;
  /** MSH-11.1: P, T, D or what was sent. */
  processing: string;
  /** MSH-12.1. */
  version: string;
  /** MSH-15. */
  acceptAck: string;
  /** MSH-16. */
  applicationAck: string;
  /** Character set that the text was read in, as iconv-lite knows it. */
  charset: string;
  /** Raw PID-3, one text a PID segment. */
  pid3: string[];
  /** Raw PID-18. */
  pid18: string[];
  /** Raw PID-5. */
  pid5: string[];
  /** Raw MRG-1. */
  mrg1: string[];
  /** Numbers of PID-3, PID-2, PID-18 and MRG-1 as `number^authority`, each once. */
  patientNumbers: string[];
  /** First name of the first PID-5 as `Family Given`, for lists. */
  patientName: string;
  /** First components of ORC-2, ORC-3, OBR-2, OBR-3 and OBR-18, each once. */
  accessions: string[];
  /** What keeps the header from being read; the message's own checks come later. */
  faults: Fault[];
}

/**
 * Reads header and numbers from a message's bytes (or its decoded text). Never throws; garbage gives empty texts and a fault.
 * `defaultCharset` is the source's (iconv-lite or table 0211 name), used when MSH-18 names none.
 */
export function scanHeader(message: Buffer | string, defaultCharset?: string): Scan {
  if (typeof message === 'string') return scanText(message, charsetNamed(defaultCharset ?? '') ?? 'utf-8', []);
  if (!isAscii(message)) {
    const decoded = decodeMessage(message, defaultCharset);
    return scanText(decoded.text, decoded.charset, decoded.faults);
  }
  const text = message.toString('latin1');
  const scan = scanText(text, '', []);
  const declared = scan.fields[18] ?? '';
  // ISO 2022 switches sets with bytes that are all ASCII.
  if (declared !== '' && text.includes('\u001b')) {
    const decoded = decodeMessage(message, defaultCharset);
    return scanText(decoded.text, decoded.charset, decoded.faults);
  }
  scan.charset =
    (declared === '' ? undefined : charsetNamed(repetitionsOf(declared, scan.delimiters)[0] ?? '')) ??
    charsetNamed(defaultCharset ?? '') ??
    'utf-8';
  return scan;
}

function scanText(text: string, charset: string, faults: Fault[]): Scan {
  const scan = emptyScan(charset, faults);
  const start = text.startsWith('MSH') ? 0 : headerStart(text);
  if (start === -1) {
    scan.faults = [...faults, { code: 'hl7v2.no-header', place: 'MSH' }];
    return scan;
  }
  const header = readHeader(text, start);
  if (header.faults.length > 0) scan.faults = [...faults, ...header.faults];
  if (header.delimiters !== undefined) scan.delimiters = header.delimiters;
  readMsh(scan, text, start);
  if (header.delimiters !== undefined) readNumbers(scan, text, start);
  return scan;
}

function emptyScan(charset: string, faults: Fault[]): Scan {
  return {
    delimiters: standardDelimiters,
    fields: [],
    sendingApplication: '',
    sendingFacility: '',
    receivingApplication: '',
    receivingFacility: '',
    sentAt: '',
    code: '',
    trigger: '',
    structure: '',
    type: '?',
    controlId: '',
    processing: '',
    version: '',
    acceptAck: '',
    applicationAck: '',
    charset,
    pid3: [],
    pid18: [],
    pid5: [],
    mrg1: [],
    patientNumbers: [],
    patientName: '',
    accessions: [],
    faults,
  };
}

/** Where MSH begins after blanks, line ends, VT or a byte order mark; -1 when something else stands first. */
function headerStart(text: string): number {
  let at = 0;
  while (at < text.length && '\r\n \t\u000b\u001c\ufeff'.includes(text[at]!)) at += 1;
  return text.startsWith('MSH', at) ? at : -1;
}

function readMsh(scan: Scan, text: string, start: number): void {
  const separator = text.charAt(start + 3);
  const fields = text.slice(start, lineEnd(text, start)).split(separator === '' ? '|' : separator);
  fields.splice(1, 0, separator);
  const { delimiters } = scan;
  const first = (n: number): string =>
    componentOf(repetitionsOf(fields[n] ?? '', delimiters)[0] ?? '', 1, delimiters).trim();
  const type = repetitionsOf(fields[9] ?? '', delimiters)[0] ?? '';
  scan.fields = fields;
  scan.sendingApplication = first(3);
  scan.sendingFacility = first(4);
  scan.receivingApplication = first(5);
  scan.receivingFacility = first(6);
  scan.sentAt = first(7);
  scan.code = componentOf(type, 1, delimiters).trim();
  scan.trigger = componentOf(type, 2, delimiters).trim();
  scan.structure = componentOf(type, 3, delimiters).trim();
  scan.controlId = (fields[10] ?? '').trim();
  scan.processing = first(11);
  scan.version = first(12);
  scan.acceptAck = first(15);
  scan.applicationAck = first(16);
  scan.type = typeText(scan);
}

function typeText(scan: Scan): string {
  if (scan.code === '') return '?';
  return scan.trigger === '' ? scan.code : `${scan.code}^${scan.trigger}`;
}

function lineEnd(text: string, start: number): number {
  const cr = text.indexOf('\r', start);
  const lf = text.indexOf('\n', start);
  if (cr === -1) return lf === -1 ? text.length : lf;
  return lf === -1 ? cr : Math.min(cr, lf);
}

/** Walks the line beginnings and reads the few segments that hold numbers. */
function readNumbers(scan: Scan, text: string, start: number): void {
  const hasLf = text.includes('\n', start);
  const hasCr = text.includes('\r', start);
  const numbers = new Set<string>();
  const accessions = new Set<string>();
  let at = start;
  let nextLf = hasLf ? text.indexOf('\n', at) : -1;
  let nextCr = hasCr ? text.indexOf('\r', at) : -1;
  while (at < text.length) {
    if (nextCr !== -1 && nextCr < at) nextCr = text.indexOf('\r', at);
    if (nextLf !== -1 && nextLf < at) nextLf = text.indexOf('\n', at);
    let end = nextCr === -1 ? nextLf : nextLf === -1 ? nextCr : Math.min(nextCr, nextLf);
    if (end === -1) end = text.length;
    readSegment(scan, text, at, end, numbers, accessions);
    at = end + 1;
  }
  scan.patientNumbers = [...numbers];
  scan.accessions = [...accessions];
}

function readSegment(
  scan: Scan,
  text: string,
  at: number,
  end: number,
  numbers: Set<string>,
  accessions: Set<string>,
): void {
  // One look at the first letter passes over most segments (O B X is the commonest and told apart by its third).
  const first = text.charCodeAt(at);
  if (first !== 80 && first !== 77 && first !== 79 && first !== 69) return;
  const name = text.slice(at, at + 3);
  const { delimiters } = scan;
  if (name === 'PID' && scan.pid3.length < perKindMax) {
    const fields = text.slice(at, end).split(delimiters.field, 19);
    scan.pid3.push(fields[3] ?? '');
    scan.pid18.push(fields[18] ?? '');
    scan.pid5.push(fields[5] ?? '');
    for (const n of [3, 2, 18]) addNumbers(numbers, fields[n] ?? '', delimiters);
    if (scan.patientName === '') scan.patientName = nameText(fields[5] ?? '', delimiters);
  } else if (name === 'MRG' && scan.mrg1.length < perKindMax) {
    const fields = text.slice(at, end).split(delimiters.field, 2);
    scan.mrg1.push(fields[1] ?? '');
    addNumbers(numbers, fields[1] ?? '', delimiters);
  } else if (name === 'ORC' && accessions.size < perKindMax) {
    const fields = text.slice(at, end).split(delimiters.field, 4);
    addAccessions(accessions, [fields[2], fields[3]], delimiters);
  } else if (name === 'OBR' && accessions.size < perKindMax) {
    const fields = text.slice(at, end).split(delimiters.field, 19);
    addAccessions(accessions, [fields[2], fields[3], fields[18]], delimiters);
  } else if (name === 'EVN' && scan.trigger === '' && scan.code !== 'ACK') {
    const fields = text.slice(at, end).split(delimiters.field, 2);
    scan.trigger = componentOf(fields[1] ?? '', 1, delimiters).trim();
    scan.type = typeText(scan);
  }
}

function addNumbers(numbers: Set<string>, field: string, delimiters: Delimiters): void {
  if (field === '' || field === '""') return;
  for (const repetition of repetitionsOf(field, delimiters)) {
    if (numbers.size >= perKindMax) return;
    const number = textOf(componentOf(repetition, 1, delimiters), delimiters);
    if (!number || number.trim() === '') continue;
    const authority = textOf(subcomponentOf(componentOf(repetition, 4, delimiters), 1, delimiters), delimiters) ?? '';
    numbers.add(`${number.trim()}^${authority.trim()}`);
  }
}

function addAccessions(accessions: Set<string>, fields: (string | undefined)[], delimiters: Delimiters): void {
  for (const field of fields) {
    if (!field) continue;
    const number = textOf(componentOf(repetitionsOf(field, delimiters)[0]!, 1, delimiters), delimiters);
    if (number && number.trim() !== '') accessions.add(number.trim());
  }
}

function nameText(field: string, delimiters: Delimiters): string {
  const name = repetitionsOf(field, delimiters)[0] ?? '';
  const family = textOf(subcomponentOf(componentOf(name, 1, delimiters), 1, delimiters), delimiters) ?? '';
  const given = textOf(subcomponentOf(componentOf(name, 2, delimiters), 1, delimiters), delimiters) ?? '';
  return [family.trim(), given.trim()].filter(Boolean).join(', ');
}
