/**
 * A message on its way to somebody else: in the receiver's version, delimiters and character set, by the outbound rules of the receiver's
 * vendor profile. Laid out by `@medplum/core`'s `Hl7Message`; escaping, which it does not do, is ours. Off the hot path.
 */
import { createRequire } from 'node:module';
import { MixError } from '../../schemas/errors/index.ts';
import type { Delimiters, Message, Segment } from '../../schemas/hl7v2/message.ts';
import { patternTest, type VendorProfile } from '../../schemas/vendors/profile.ts';
import { isBefore, timeText } from './ack.ts';
import { charsetNamed, charsetTitle, decodeMessage, encodeMessage } from './charset.ts';
import { completeDelimiters, encodingCharacters, readDelimiters, standardDelimiters } from './delimiters.ts';
import { escapeText } from './escape.ts';
import { NormalizeDraft } from './normalize-draft.ts';
import { type Step, stepFor } from './normalize-rules.ts';
import { charsetOf, placeOf } from './read.ts';
import { type Transcoding, transcodeField, transcodingOf } from './transcode.ts';

/** Who a message goes to. What is absent is the profile's, else as it came. */
export interface Receiver {
  /** Its `outbound` part says how it wants HL7. */
  profile: VendorProfile;
  /** MSH-5. */
  application?: string;
  /** MSH-6. */
  facility?: string;
  /** MSH-12. */
  version?: string;
  /** A name of table 0211 or one that iconv-lite knows. */
  charset?: string;
}

export interface Sending {
  /** MSH-10; from the delivery's id, so that the same delivery has the same one each time. */
  controlId: string;
  /** MSH-7, ms since the epoch. */
  now: number;
}

/** MSH-10 and MSH-3 to 6 of the longest version (chapter 2.14.9). */
const headerTextMax = 227;

const load = createRequire(import.meta.url);
let library: typeof import('@medplum/core') | undefined;

/** Loaded when the first message is composed: a process that only receives never needs it, and it is large. */
function medplum(): typeof import('@medplum/core') {
  library ??= load('@medplum/core') as typeof import('@medplum/core');
  return library;
}

/**
 * The bytes for a receiver, without the frame, of a message as its sender's profile has normalized it. Every field keeps its meaning but those
 * that outbound rules change and these of MSH: 1 and 2 (delimiters), 3 to 6, 7 (now), 9 (as many components as the version has), 10, 12, 13
 * (emptied: numbers are per line), 15 and 16 (emptied: what is acknowledged between us is original mode), 18. Segments end with CR.
 * Throws `hl7v2.not-encodable` with the place of what the receiver's character set has no sign for.
 */
export function composeFor(message: Message, receiver: Receiver, sending: Sending): Buffer {
  if (sending.controlId === '' || sending.controlId.length > headerTextMax)
    throw new MixError('hl7v2.internal', { place: 'MSH-10' });
  const { outbound } = receiver.profile;
  const ruled = applyOutbound(message, receiver.profile);
  const to = delimitersOf(outbound.delimiters);
  const charset = charsetFor(ruled, receiver);
  const coding = transcodingOf(ruled.delimiters, to, { from: charsetOf(message), to: charset.encoding });
  const rows = ruled.segments.map((segment, at) =>
    at === 0
      ? headerRow(segment, { receiver, sending, charset, coding, message: ruled })
      : segment.fields.map((field) => transcodeField(field, coding)),
  );
  const text = layOut(rows, to);
  const bytes = encodeMessage(text, charset.encoding);
  if (/[^\x00-\x7f]/.test(text)) requireEncodable(text, bytes, charset.encoding, ruled);
  return bytes;
}

/** A row of the message: fields, repetitions, raw components. */
type Row = string[][][];

function layOut(rows: Row[], d: Delimiters): string {
  const { Hl7Context, Hl7Field, Hl7Message, Hl7Segment } = medplum();
  const context = new Hl7Context('\r', d.field, d.component, d.repetition, d.escape, d.subcomponent);
  const segments = rows.map(
    (row) =>
      new Hl7Segment(
        row.map((field) => new Hl7Field(field, context)),
        context,
      ),
  );
  return `${new Hl7Message(segments, context).toString().replace(/\r+$/, '')}\r`;
}

function delimitersOf(characters: string | undefined): Delimiters {
  if (characters === undefined) return standardDelimiters;
  const read = readDelimiters(characters.slice(0, 1), characters.slice(1)).delimiters;
  return completeDelimiters(read ?? standardDelimiters);
}

interface Charset {
  /** For iconv-lite. */
  encoding: string;
  /** MSH-18; '' where nothing is said. */
  title: string;
}

/** What the receiver wants, else what the message is in; what names none and is more than ASCII is told to be UTF-8. */
function charsetFor(message: Message, { charset, profile }: Receiver): Charset {
  const wanted = charset ?? profile.outbound.charset;
  if (wanted !== undefined) {
    const encoding = charsetNamed(wanted);
    if (encoding === undefined) throw new MixError('hl7v2.character-set', { place: 'MSH-18', detail: wanted });
    return { encoding, title: charsetTitle(wanted) };
  }
  const own = charsetOf(message);
  if (own !== undefined && own !== 'ascii')
    return { encoding: own, title: (message.segments[0]?.fields[18] ?? '').trim() };
  const isPlain = message.segments.every(({ fields }) => fields.every((field) => /^[\x00-\x7f]*$/.test(field)));
  return { encoding: 'utf-8', title: isPlain ? (message.segments[0]?.fields[18] ?? '') : 'UNICODE UTF-8' };
}

interface Heading {
  receiver: Receiver;
  sending: Sending;
  charset: Charset;
  coding: Transcoding;
  message: Message;
}

function headerRow(msh: Segment, heading: Heading): Row {
  const { receiver, sending, charset, coding, message } = heading;
  const { outbound } = receiver.profile;
  const { to } = coding;
  const row: Row = msh.fields.map((field, at) => (at < 3 ? [['']] : transcodeField(field, coding)));
  const put = (n: number, components: readonly string[]): void => {
    while (row.length <= n) row.push([['']]);
    row[n] = [[...components]];
  };
  const say = (n: number, text: string | undefined): void => {
    if (text !== undefined) put(n, hierarchic(text, to));
  };
  const version = receiver.version ?? outbound.version ?? message.version;
  say(3, outbound.sendingApplication);
  say(4, outbound.sendingFacility);
  say(5, receiver.application);
  say(6, receiver.facility);
  put(7, [escapeText(timeText(sending.now, version || '2.3'), to)]);
  const most = outbound.typeComponents ?? (isBefore(version || '2.3', '2.3.1') ? 2 : 3);
  put(9, (row[9]?.[0] ?? ['']).slice(0, most));
  put(10, [escapeText(sending.controlId, to)]);
  if (receiver.version !== undefined || outbound.version !== undefined) put(12, [escapeText(version, to)]);
  for (const n of [13, 15, 16]) if (row[n] !== undefined) put(n, ['']);
  if (charset.title !== '' || row[18] !== undefined) row[18] = titleOf(charset, coding);
  fillGaps(row);
  while (row.length > 13 && isEmpty(row.at(-1)!)) row.pop();
  // MSH-1 is the separator before MSH-2, which the layout writes itself.
  return [[['MSH']], [[encodingCharacters(to)]], ...row.slice(3)];
}

/** MSH-18 repeats where there is more than one set. */
function titleOf({ title }: Charset, coding: Transcoding): string[][] {
  const separator = coding.from.repetition;
  const titles = separator !== '' && title.includes(separator) ? title.split(separator) : [title];
  return titles.map((one) => [escapeText(one, coding.to)]);
}

function fillGaps(row: Row): void {
  for (let n = 0; n < row.length; n += 1) row[n] ??= [['']];
}

function isEmpty(field: string[][]): boolean {
  return field.every((repetition) => repetition.every((component) => component === ''));
}

/** An HD in settings is written with `^`: `LAB^1.2.3^ISO` (chapter 2A.3.36). */
function hierarchic(text: string, d: Delimiters): string[] {
  return text
    .slice(0, headerTextMax)
    .split('^')
    .map((part) => escapeText(part, d));
}

const outboundSteps = new WeakMap<VendorProfile, Step[]>();

/** The message after the receiver's rules; those before saw what its sender meant. */
function applyOutbound(message: Message, profile: VendorProfile): Message {
  const { outbound } = profile;
  let steps = outboundSteps.get(profile);
  if (steps === undefined) {
    steps = outbound.rules.map(stepFor);
    outboundSteps.set(profile, steps);
  }
  const draft = new NormalizeDraft(message);
  for (const step of steps) step(draft);
  const ruled = draft.message();
  const isLeftOut = patternTest(outbound.leaveOut);
  const segments = ruled.segments.filter(({ name }, at) => at === 0 || name === '' || !isLeftOut(name));
  return segments.length === ruled.segments.length ? ruled : { ...ruled, segments };
}

/** A sign that the character set does not have would become another one: the name of a patient would change. */
function requireEncodable(text: string, bytes: Buffer, encoding: string, message: Message): void {
  if (decodeIn(bytes, encoding) === text) return;
  const lines = text.split('\r');
  for (const [at, segment] of message.segments.entries()) {
    const line = lines[at] ?? '';
    if (decodeIn(encodeMessage(line, encoding), encoding) !== line)
      throw new MixError('hl7v2.not-encodable', { place: placeOf(message, segment), detail: encoding });
  }
  throw new MixError('hl7v2.not-encodable', { place: 'MSH-18', detail: encoding });
}

function decodeIn(bytes: Buffer, encoding: string): string {
  return decodeMessage(bytes, encoding).text;
}
