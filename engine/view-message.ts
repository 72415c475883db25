/** One message as its page shows it: bytes, segments with the standard's names, and what became of each field. Pure. */
import { catalogue, type Fault, type FaultKind } from '../schemas/errors/index.ts';
import type { Delimiters, Message, Segment } from '../schemas/hl7v2/message.ts';
import type { Entry, KeptMessage, MessageStep, Person, StoredDocument } from '../schemas/parts.ts';
import type { FieldView, MessageRow, MessageView, SegmentView, ToldFault } from '../schemas/portal.ts';
import {
  componentName,
  decodeMessage,
  fieldName,
  parseMessage,
  segmentTitle,
  tableDisplay,
  unescapeText,
} from './hl7v2/index.ts';
import { isWarning, type SourceSetup } from './understand.ts';
import { nameOfPatient, titleOf } from './view-record.ts';

export interface MessageViewParts {
  message: KeptMessage;
  setup: SourceSetup | undefined;
  steps: MessageStep[];
  outcome: { personIds: string[]; wrote: { id: string; type: string; version: number }[]; notCarried: string[] };
  persons: Person[];
  /** The versions that this message wrote. */
  entries: Entry[];
  documents: Omit<StoredDocument, 'bytes' | 'signature'>[];
}

/** A fault with its sentence and fix spelled out. */
export function tellFault(fault: Fault): ToldFault {
  const kind: FaultKind = catalogue[fault.code];
  const told: ToldFault = { ...fault, sentence: kind.sentence, fix: kind.fix };
  if (kind.warning === true) told.warning = true;
  return told;
}

export function messageRowOf(message: KeptMessage): MessageRow {
  const { facts } = message;
  const row: MessageRow = {
    id: message.id,
    receivedAt: new Date(message.receivedAt).toISOString(),
    sourceId: message.sourceId,
    state: message.state,
    type: message.type,
    processing: message.processing,
    controlId: facts.controlId,
    patientNumbers: facts.patientNumbers,
    ackCode: message.ackCode,
    conflict: message.conflict === true,
  };
  if (facts.patientName) row.patientName = facts.patientName.replaceAll(/\s+/g, ' ').trim();
  // What stopped the message comes before what is only worth knowing.
  const fault = message.faults.find((one) => !isWarning(one)) ?? message.faults[0];
  if (fault !== undefined) row.fault = tellFault(fault);
  return row;
}

export function viewMessage(parts: MessageViewParts): MessageView {
  const { message, setup, outcome } = parts;
  const { text } = decodeMessage(message.bytes, message.charset);
  const parsed = parseMessage(text).message;
  const view: MessageView = {
    row: messageRowOf(message),
    version: message.version,
    charset: message.charset,
    facility: setup?.source.facility ?? message.facts.sendingFacility,
    profile: setup?.profile ?? '',
    text,
    size: message.bytes.length,
    segments: parsed === undefined ? [] : viewSegments(parsed, parts),
    ack: { code: message.ackCode, text: message.ack.toString('utf8') },
    faults: message.faults.toSorted((a, b) => Number(isWarning(a)) - Number(isWarning(b))).map(tellFault),
    steps: viewSteps(parts),
    persons: parts.persons.map((person) => ({ id: person.id, name: nameOfPatient(person.patient) })),
    wrote: parts.entries.map((entry) => ({
      id: entry.id,
      type: entry.type,
      version: entry.version,
      display: titleOf(entry.body),
      ...(entry.from === undefined ? {} : { from: entry.from }),
    })),
    notCarried: [...new Set(outcome.notCarried)].map((field) => ({ field, name: nameOfField(message.version, field) })),
    documents: parts.documents.map(({ id, version, createdAt }) => ({
      id,
      version,
      createdAt: new Date(createdAt).toISOString(),
    })),
    canRerun: message.state === 'parked' || message.state === 'unmapped',
  };
  if (message.correctedOf !== undefined) view.correctedOf = message.correctedOf;
  return view;
}

/** The steps as written, and the first document that took up what this message brought. */
function viewSteps({ steps, message, documents }: MessageViewParts): MessageView['steps'] {
  const told = steps.map(({ at, step, detail }) => ({
    at: new Date(at).toISOString(),
    step: step as string,
    ...(detail === undefined ? {} : { detail }),
  }));
  const recordedAt = steps.findLast(({ step }) => step === 'recorded')?.at;
  const first = documents
    .filter(({ createdAt }) => recordedAt !== undefined && createdAt >= recordedAt)
    .toSorted((a, b) => a.createdAt - b.createdAt)[0];
  if (message.state === 'done' && first !== undefined && !steps.some(({ step }) => step === 'published')) {
    told.push({
      at: new Date(first.createdAt).toISOString(),
      step: 'published',
      detail: `CCD version ${first.version}`,
    });
  }
  return told;
}

function nameOfField(version: string, path: string): string {
  const [segment = '', field] = path.split('-');
  return fieldName(version, segment, Number(field)).name;
}

function viewSegments(message: Message, parts: MessageViewParts): SegmentView[] {
  const mapped = parts.message.state === 'done';
  const notCarried = new Set(parts.outcome.notCarried);
  const wroteFrom = new Map<string, string[]>();
  for (const entry of parts.entries) {
    if (entry.from === undefined) continue;
    wroteFrom.set(entry.from, [...(wroteFrom.get(entry.from) ?? []), entry.id]);
  }
  const counts = new Map<string, number>();
  return message.segments.map((segment, at) => {
    const nth = (counts.get(segment.name) ?? 0) + 1;
    counts.set(segment.name, nth);
    const end =
      message.segments[at + 1]?.offset ?? segment.offset + segment.fields.join(message.delimiters.field).length;
    return {
      name: segment.name,
      title: segmentTitle(message.version, segment.name),
      offset: segment.offset,
      length: end - segment.offset,
      fields: segment.fields
        .slice(1)
        .map((raw, index) => viewField(message, segment, index + 1, raw, mapped ? notCarried : undefined)),
      wrote: wroteFrom.get(`${segment.name}[${nth}]`) ?? [],
    };
  });
}

/** Fields that say how to read the message rather than something about the patient. */
const STRUCTURAL = new Set(['MSH-1', 'MSH-2', 'MSH-9', 'MSH-10', 'MSH-11', 'MSH-12', 'MSH-15', 'MSH-16', 'MSH-18']);

function viewField(
  message: Message,
  segment: Segment,
  position: number,
  raw: string,
  notCarried: Set<string> | undefined,
): FieldView {
  const path = `${segment.name}-${position}`;
  const known = fieldName(message.version, segment.name, position);
  const structural = STRUCTURAL.has(path) || known.dataType === 'SI';
  const fate =
    raw === ''
      ? 'empty'
      : structural
        ? 'structural'
        : notCarried === undefined || notCarried.has(path)
          ? 'not-carried'
          : 'carried';
  const isDelimiterField = segment.name === 'MSH' && position <= 2;
  return {
    position,
    path,
    name: known.name,
    dataType: known.dataType,
    raw,
    parts: raw === '' || isDelimiterField ? [] : viewParts(message, path, raw, known),
    fate,
  };
}

const PARTS_MAX = 200;

function viewParts(
  message: Message,
  path: string,
  raw: string,
  known: { dataType: string; table?: string },
): FieldView['parts'] {
  const { repetition, component } = message.delimiters;
  const repetitions = raw.split(repetition);
  const parts: FieldView['parts'] = [];
  for (const [r, text] of repetitions.entries()) {
    const components = text.split(component);
    for (const [c, piece] of components.entries()) {
      if (piece === '' || parts.length >= PARTS_MAX) continue;
      const place = `${path}${repetitions.length > 1 ? `[${r + 1}]` : ''}${components.length > 1 ? `.${c + 1}` : ''}`;
      const part: FieldView['parts'][number] = {
        path: place,
        name: componentName(message.version, known.dataType, c + 1),
        value: decoded(piece, message.delimiters),
      };
      const display = c === 0 && known.table !== undefined ? tableDisplay(known.table, part.value) : undefined;
      if (display !== undefined) part.display = display;
      parts.push(part);
    }
  }
  return parts;
}

function decoded(piece: string, delimiters: Delimiters): string {
  return piece
    .split(delimiters.subcomponent)
    .map((text) => unescapeText(text, delimiters))
    .join(' ');
}
