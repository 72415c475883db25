/** Acknowledgments (HL7 v2.8.2 chapter 2.9, 2.14.1 ACK, 2.14.5 ERR, 2.14.8 MSA). */
import { catalogue, type Fault, type FaultKind } from '../../schemas/errors/index.ts';
import type { Delimiters } from '../../schemas/hl7v2/message.ts';
import { encodeMessage } from './charset.ts';
import { completeDelimiters, encodingCharacters } from './delimiters.ts';
import { escapeText } from './escape.ts';
import { readPath } from './read.ts';
import type { Scan } from './scan.ts';

/** HL7 table 0008. */
export type AckCode = 'AA' | 'AE' | 'AR' | 'CA' | 'CE' | 'CR';

/** Faults that one answer tells; the rest is listed with the message. */
export const faultsToldMax = 20;

/** HL7 table 0357, with the texts of the standard. */
export const conditions: Record<string, string> = {
  '0': 'Message accepted',
  '100': 'Segment sequence error',
  '101': 'Required field missing',
  '102': 'Data type error',
  '103': 'Table value not found',
  '200': 'Unsupported message type',
  '201': 'Unsupported event code',
  '202': 'Unsupported processing id',
  '203': 'Unsupported version id',
  '204': 'Unknown key identifier',
  '205': 'Duplicate key identifier',
  '206': 'Application record locked',
  '207': 'Application internal error',
};

/**
 * Which acknowledgments the sender asks for (chapter 2.9.3): MSH-15 and MSH-16, table 0155. `enhanced` when either is given.
 * A value outside the table counts as AL, so that a sender never waits in vain.
 */
export function ackMode(scan: Pick<Scan, 'acceptAck' | 'applicationAck'>): {
  enhanced: boolean;
  accept: 'AL' | 'NE' | 'ER' | 'SU' | '';
  application: 'AL' | 'NE' | 'ER' | 'SU' | '';
} {
  return {
    enhanced: scan.acceptAck !== '' || scan.applicationAck !== '',
    accept: conditionOf(scan.acceptAck),
    application: conditionOf(scan.applicationAck),
  };
}

function conditionOf(text: string): 'AL' | 'NE' | 'ER' | 'SU' | '' {
  if (text === '' || text === '""') return '';
  return text === 'NE' || text === 'ER' || text === 'SU' ? text : 'AL';
}

export interface AckOrder {
  /** Header of the message that is answered. */
  scan: Scan;
  code: AckCode;
  faults: readonly Fault[];
  /** Time of the answer, ms since the epoch; written in UTC with its offset. */
  now: number;
  /** MSH-10 of the answer, at most 20 characters. */
  controlId: string;
  /** MSA-3 in place of the condition's text; for versions whose ERR has no room for it. */
  text?: string;
}

/**
 * The acknowledgment of a message: MSH, MSA and an ERR where there are faults, in the sender's version, delimiters and character set, with
 * sender and receiver exchanged. ERR is one segment with repetitions of ERR-1 before 2.5 and a segment a fault (ERR-2 to 4, 7, 8) from 2.5 on.
 * It quotes nothing of the message but MSH-3 to 6, 10, 11, 12 and 18. Segments end with CR.
 */
export function buildAck(order: AckOrder): Buffer {
  const { scan } = order;
  const delimiters = completeDelimiters(scan.delimiters);
  const version = scan.version === '' ? '2.3' : scan.version;
  const write = (text: string): string => escapeText(text, delimiters);
  const fieldOfScan = (n: number): string => echoOf(scan, n, delimiters);
  const charset = fieldOfScan(18);
  const header = [
    `MSH${delimiters.field}${encodingCharacters(delimiters)}`,
    fieldOfScan(5),
    fieldOfScan(6),
    fieldOfScan(3),
    fieldOfScan(4),
    // Its + or - may be a delimiter here.
    write(timeText(order.now, version)),
    '',
    typeField(scan, version, delimiters),
    write(order.controlId),
    fieldOfScan(11) || 'P',
    fieldOfScan(12) || version,
    ...(charset === '' ? [] : ['', '', '', '', '', charset]),
  ];
  const told = order.faults.slice(0, faultsToldMax);
  const condition = told.length === 0 || isAccept(order.code) ? '' : conditions[conditionNumber(told[0]!)]!;
  const text = write((condition && order.text) || condition);
  const acknowledgment = ['MSA', order.code, fieldOfScan(10), text];
  while (acknowledgment.at(-1) === '' && acknowledgment.length > 3) acknowledgment.pop();
  const lines = [header, acknowledgment, ...errorSegments(told, version, delimiters)];
  return encodeMessage(lines.map((line) => `${line.join(delimiters.field)}\r`).join(''), scan.charset || 'utf-8');
}

/** Longest text of the sender's header that is given back. */
const echoMax = 4096;

/** A field of the answered header, raw, as it can stand in the answer: no control characters (an FS would end the frame). */
export function echoOf(scan: Scan, n: number, delimiters: Delimiters): string {
  const raw = (scan.fields[n] ?? '').slice(0, echoMax).replace(/[\u0000-\u001f\u007f]/g, '');
  // A header whose delimiters could not be read was not split by those of the answer.
  return scan.delimiters.field === scan.fields[1] ? raw : escapeText(raw, delimiters);
}

/** Table 0357 number; what is no fault of the message's content is an application's own error. */
export function conditionNumber(fault: Fault): string {
  return kindOf(fault).hl7 ?? '207';
}

function isAccept(code: AckCode): boolean {
  return code === 'AA' || code === 'CA';
}

function kindOf(fault: Fault): FaultKind {
  return catalogue[fault.code];
}

/** ACK alone before 2.3.1; ACK, the answered event and the structure from then on (chapter 2.14.9.9). */
function typeField(scan: Scan, version: string, delimiters: Delimiters): string {
  if (isBefore(version, '2.2') || scan.trigger === '') return 'ACK';
  if (isBefore(version, '2.3.1')) return 'ACK';
  return ['ACK', escapeText(scan.trigger, delimiters), 'ACK'].join(delimiters.component);
}

/** Time of an answer in UTC: `20261123120000+0000`; without the offset before 2.3 did not have it in MSH-7 of every site. */
export function timeText(now: number, version: string): string {
  const second = Math.floor(now / 1000);
  if (second !== lastSecond) {
    lastDigits = new Date(now)
      .toISOString()
      .replace(/[^0-9]/g, '')
      .slice(0, 14);
    lastSecond = second;
  }
  const digits = lastDigits;
  return isBefore(version, '2.2') ? digits : `${digits}+0000`;
}

/** Answers of the same second say the same time. */
let lastSecond = Number.NaN;
let lastDigits = '';

/** A site sends one or two versions; what was compared is kept. */
const compared = new Map<string, boolean>();
const comparedMax = 256;

/** Is a version (MSH-12) older than another? */
export function isBefore(version: string, other: string): boolean {
  const key = `${version} ${other}`;
  let before = compared.get(key);
  if (before === undefined) {
    before = isOlder(version, other);
    if (compared.size >= comparedMax) compared.clear();
    if (version.length <= 16) compared.set(key, before);
  }
  return before;
}

function isOlder(version: string, other: string): boolean {
  const parts = version.split('.').map(Number);
  const others = other.split('.').map(Number);
  for (let at = 0; at < 3; at += 1) {
    const difference = (parts[at] || 0) - (others[at] || 0);
    if (difference !== 0) return difference < 0;
  }
  return false;
}

/** ERR of each fault: one segment with repetitions before 2.5, a segment a fault from 2.5 on. */
export function errorSegments(faults: readonly Fault[], version: string, delimiters: Delimiters): string[][] {
  if (faults.length === 0) return [];
  if (isBefore(version, '2.5')) {
    const places = faults.map((fault) => olderLocation(fault, version, delimiters));
    return [['ERR', places.join(delimiters.repetition)]];
  }
  return faults.map((fault) => errorSegment(fault, delimiters));
}

/** ERR-1 before 2.5: segment ^ sequence ^ field position ^ code (2.3.1 on: code & text & table as subcomponents). */
function olderLocation(fault: Fault, version: string, delimiters: Delimiters): string {
  const code = conditionNumber(fault);
  const place = placeParts(fault);
  const condition = isBefore(version, '2.3.1')
    ? code
    : [code, conditions[code]!, 'HL70357'].join(delimiters.subcomponent);
  return [place.segment, place.sequence, place.field, condition].join(delimiters.component);
}

function errorSegment(fault: Fault, delimiters: Delimiters): string[] {
  const kind = kindOf(fault);
  const condition = conditionNumber(fault);
  const place = placeParts(fault);
  const location = [place.segment, place.sequence, place.field, place.repetition, place.component, place.subcomponent];
  while (location.at(-1) === '') location.pop();
  const { component } = delimiters;
  return [
    'ERR',
    '',
    location.join(component),
    [condition, conditions[condition]!, 'HL70357'].join(component),
    kind.warning ? 'W' : 'E',
    '',
    '',
    escapeText(fault.detail ?? '', delimiters),
    escapeText(`${kind.sentence}; ${kind.fix}`, delimiters),
  ];
}

interface PlaceParts {
  segment: string;
  sequence: string;
  field: string;
  repetition: string;
  component: string;
  subcomponent: string;
}

/** The parts of a fault's place as ERR wants them; a place that is no path (`segment 4`) gives empty ones. */
function placeParts(fault: Fault): PlaceParts {
  const path = readPath(fault.place ?? '');
  const number = (n: number | undefined): string => (n === undefined ? '' : String(n));
  if (path === undefined)
    return { segment: '', sequence: '', field: '', repetition: '', component: '', subcomponent: '' };
  return {
    segment: path.segment,
    sequence: String(path.occurrence ?? 1),
    field: number(path.field),
    repetition: number(path.repetition ?? (path.component === undefined ? undefined : 1)),
    component: number(path.component),
    subcomponent: number(path.subcomponent),
  };
}
