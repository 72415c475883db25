/**
 * What one message says: the pure half of processing. Bytes in, a {@link Draft} or faults out; no store, no clock.
 *
 * decode (MSH-18) -> repair (vendor profile) -> parse -> normalize (vendor profile) -> check -> map (`toRecord`).
 */
import { catalogue, type Fault, type FaultKind, MixError } from '../schemas/errors/index.ts';
import type { Message } from '../schemas/hl7v2/message.ts';
import type { Identifier, KeptMessage, SearchTerm, Source } from '../schemas/parts.ts';
import type { VendorProfile } from '../schemas/vendors/profile.ts';
import {
  checkMessage,
  decodeMessage,
  isMapped,
  normalizeMessage,
  parseMessage,
  repairText,
  scanHeader,
  toRecord,
} from './hl7v2/index.ts';
import type { Draft } from './record/index.ts';

/** A source with what its listener's settings say of it. */
export interface SourceSetup {
  source: Source;
  /** Family or single profile that serves the listener; MSH-3/4 choose within a family. */
  profile: string;
  charset: string;
  /** Mode of messages that leave MSH-15 and MSH-16 empty. */
  acknowledgment: 'original' | 'enhanced';
  /** IANA zone of the hospital, for times without an offset. */
  zone: string;
  /** Processing id of messages that leave MSH-11 empty. */
  processing: string;
}

export interface Understood {
  message?: Message;
  /** Absent where nothing could or need be mapped. */
  draft?: Draft;
  /** Numbers of whom a message is about that can not be acted on: their records are marked incomplete while it waits. */
  about?: Identifier[];
  faults: Fault[];
  /** PV1-2, where the message itself was left in the compute thread. */
  patientClass?: string;
  /** What the vendor profile repaired or moved, for the page. */
  notes: string[];
  terms: SearchTerm[];
}

/** A fault that does not keep the message from being acted on. */
export function isWarning(fault: Fault): boolean {
  const kind: FaultKind = catalogue[fault.code];
  return kind.warning === true;
}

/** Reads and maps one message; never throws for what the bytes say. */
export function understand(
  received: { bytes: Buffer; receivedAt: number },
  setup: SourceSetup,
  profile: VendorProfile,
): Understood {
  const decoded = decodeMessage(received.bytes, setup.charset);
  const repaired = repairText(decoded.text, profile);
  const parsed = parseMessage(repaired.text);
  const faults = [...decoded.faults, ...parsed.faults];
  const unread = () => headTerms(received.bytes, setup.charset, decoded.text);
  if (parsed.message === undefined) return { faults, notes: repaired.repairs, terms: unread() };
  const { message, notes } = normalizeMessage(parsed.message, profile);
  const read = { message, faults, notes: [...repaired.repairs, ...notes] };
  if (!isMapped(message)) {
    faults.push({ code: 'hl7v2.unknown-type', place: 'MSH-9' });
    return { ...read, terms: unread() };
  }
  faults.push(...checkMessage(message));
  const draft = toRecord(message, profile, { source: setup.source, receivedAt: received.receivedAt, zone: setup.zone });
  if (faults.some((fault) => !isWarning(fault))) {
    return { ...read, about: draft.subjects.flatMap((subject) => subject.identifiers), terms: unread() };
  }
  faults.push(...draft.faults);
  return { ...read, draft, terms: draft.terms };
}

/**
 * A kept message as its sender's profile has it, for sending on (`composeFor`). Throws the first fault of bytes that are no message
 * (`hl7v2.no-header`).
 */
export function readKept(kept: Pick<KeptMessage, 'bytes' | 'charset'>, profile: VendorProfile): Message {
  const repaired = repairText(decodeMessage(kept.bytes, kept.charset).text, profile);
  const { message, faults } = parseMessage(repaired.text);
  if (message === undefined) {
    const { code, place, detail } = faults[0]!;
    throw new MixError(code, { place, detail });
  }
  return normalizeMessage(message, profile).message;
}

const TERM_TEXT_MAX = 4_000;

/** What could not be mapped is still found: by its words and by what its head names. */
function headTerms(bytes: Buffer, charset: string, text: string): SearchTerm[] {
  const scan = scanHeader(bytes, charset);
  const terms: SearchTerm[] = [{ field: 'text', text: text.slice(0, TERM_TEXT_MAX) }];
  if (scan.controlId) terms.push({ field: 'control', text: scan.controlId });
  if (scan.patientName) terms.push({ field: 'name', text: scan.patientName });
  for (const number of scan.patientNumbers) terms.push({ field: 'number', text: number.split('^')[0] ?? '' });
  return terms.filter(({ text: said }) => said !== '');
}
