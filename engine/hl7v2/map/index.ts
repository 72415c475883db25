/**
 * A parsed message to what it says for the record: FHIR R4 after the HL7 v2-to-FHIR guide. Pure; one pass over the segments, so that
 * missing and reordered segments still find their place.
 */
import type { Encounter, ServiceRequest } from '@medplum/fhirtypes';
import type { Message, Segment } from '../../../schemas/hl7v2/message.ts';
import type { Source } from '../../../schemas/parts.ts';
import type { VendorProfile } from '../../../schemas/vendors/shape.ts';
import { type Draft, type DraftSubject, isStrong } from '../../record/index.ts';
import { Entries, hang } from './build.ts';
import { mapAllergy, mapDg1, mapFt1, mapPr1, mapSft } from './clinical.ts';
import { addToCoverage, mapGt1, mapIn1 } from './coverage.ts';
import { finishDocument, mapCon, mapTxa } from './document.ts';
import {
  accountKey,
  keepOnVisit,
  mapEvn,
  mapPv1,
  mapPv2,
  participationExtension,
  participationOf,
} from './encounter.ts';
import { mapNote } from './order.ts';
import {
  closeOrder,
  enterMedication,
  enterObr,
  enterObx,
  enterRxc,
  enterRxr,
  enterSpm,
  enterTq1,
  openOrder,
} from './orders.ts';
import { mapNk1, mapPatientText, mapPd1, mapPid, numbersOf } from './patient.ts';
import { inUri, keptAs, type MapContext, SegmentReader, tell, v2Extension } from './reader.ts';
import { readTime, zoneNamed } from './times.ts';
import { draftSubject, type Subject, Terms, takesNotes, type Walk } from './walk.ts';

const mappedEvents: Record<string, ReadonlySet<string>> = {
  ADT: new Set(['A01', 'A02', 'A03', 'A04', 'A05', 'A08', 'A11', 'A13', 'A28', 'A31', 'A40']),
  ORU: new Set(['R01']),
  MDM: new Set(['T02']),
  VXU: new Set(['V04']),
  ORM: new Set(['O01']),
  OML: new Set(['O21']),
  OMG: new Set(['O19']),
  RDE: new Set(['O01', 'O11']),
};

/** The event of messages that name none: what the standard has for the type, or what senders of such a type always mean. */
const soleEvents: Record<string, string> = {
  ORU: 'R01',
  MDM: 'T02',
  VXU: 'V04',
  ORM: 'O01',
  OML: 'O21',
  OMG: 'O19',
  RDE: 'O11',
};

/** Type and event as they are meant: `oru^r01`, `ORU_R01` and a bare `ORU` are all ORU^R01. ADT without an event stays unclear. */
function eventOf(message: Message): { code: string; trigger: string } {
  const [code = '', joined = ''] = message.code.toUpperCase().split('_');
  const trigger = message.trigger.toUpperCase() || joined;
  return { code, trigger: trigger || (soleEvents[code] ?? '') };
}

/** Has this message's type a map? One without is kept, answered, counted and listed, but never in the record. */
export function isMapped(message: Message): boolean {
  const { code, trigger } = eventOf(message);
  return Object.hasOwn(mappedEvents, code) && mappedEvents[code]!.has(trigger);
}

/** Where the message came from, and when. */
export interface MapSource {
  source: Source;
  /** Milliseconds since the epoch. */
  receivedAt: number;
  /** IANA zone of the hospital, for times without an offset where the profile names none; default UTC. */
  zone?: string;
}

/**
 * What a message says for the record. `message` is as the vendor profile's rules left it (`normalizeMessage`). Never throws for what a
 * sender wrote: faults are in the draft. Throws `record.zone-unknown` for a profile with a broken zone.
 */
export function toRecord(
  message: Message,
  profile: VendorProfile,
  { source, receivedAt, zone = 'UTC' }: MapSource,
): Draft {
  const m: MapContext = {
    delimiters: message.delimiters,
    profile,
    source,
    zone: zoneNamed(profile.zone ?? zone),
    faults: [],
    sender: '',
  };
  const { code, trigger } = eventOf(message);
  const event = code === 'ADT' ? trigger : '';
  const w: Walk = {
    m,
    code,
    trigger,
    event,
    sourceTime: receivedAt,
    day: '',
    subjects: [],
    merges: [],
    terms: new Terms(),
    software: [],
  };
  const readers = readersOf(m, message.segments);
  readHeader(w, readers, receivedAt);
  for (const s of readers) steps[s.segment.name]?.(w, s);
  for (const subject of w.subjects) finishSubject(w, subject);
  if (w.subjects.length === 0) tell(m, 'record.no-patient-number', 'PID');
  const notCarried: string[] = [];
  let carried = 0;
  for (const s of readers) carried += s.finish(notCarried);
  return {
    subjects: w.subjects.map((subject) => draftSubject(subject, demographicsOf(w))),
    merges: w.merges,
    sourceTime: w.sourceTime,
    encounterEnded: event === 'A03',
    notCarried,
    carried,
    faults: m.faults,
    terms: w.terms.list(),
  };
}

function demographicsOf(w: Walk): DraftSubject['demographics'] {
  return w.event !== '' && w.event !== 'A40' ? 'snapshot' : 'identification';
}

function readersOf(m: MapContext, segments: Segment[]): SegmentReader[] {
  const counts = new Map<string, number>();
  return segments.map((segment) => {
    const nth = (counts.get(segment.name) ?? 0) + 1;
    counts.set(segment.name, nth);
    return new SegmentReader(m, segment, nth);
  });
}

/** MSH: what the exchange itself lives by (delimiters, sender, time, type, id, processing, version, acknowledgment, character set). */
function readHeader(w: Walk, readers: SegmentReader[], receivedAt: number): void {
  const msh = readers[0];
  if (!msh) return;
  msh.touch(1, 2, 9, 11, 12, 15, 16, 18);
  // To whom it was sent, country, languages, profile: no content of their own, kept where EVN is. Counters (13, 14) would change with each message.
  msh.keep(5, 6, 17, 19, 20, 21, 22, 23, 24, 25);
  w.msh = msh;
  const application = msh.code(3);
  const facility = msh.code(4);
  w.m.sender = `hl7v2:${inUri(facility)}/${inUri(application)}`;
  w.terms.add('type', `${w.code}^${w.trigger}`);
  w.terms.add('control', msh.text(10));
  const evn = readers.find((s) => s.segment.name === 'EVN');
  const sent = readTime(msh.code(7), w.m.zone);
  const recorded = evn ? readTime(evn.code(2), w.m.zone) : undefined;
  const time = recorded ?? sent;
  w.sourceTime = time?.at ?? receivedAt;
  w.day = (time?.dateTime ?? new Date(receivedAt).toISOString()).slice(0, 10);
}

type Step = (w: Walk, s: SegmentReader) => void;

/** A step that needs a person; without one the segment's fields stay unread and are told. */
function ofSubject(step: (w: Walk, subject: Subject, s: SegmentReader) => void): Step {
  return (w, s) => {
    if (w.current) step(w, w.current, s);
  };
}

function enterPid(w: Walk, s: SegmentReader): void {
  if (w.current) closeOrder(w.current);
  const { patient, numbers, nulls } = mapPid(s);
  const subject: Subject = {
    patient,
    identifiers: numbers,
    nulls,
    entries: new Entries(),
    account: accountKey(w.m, s.first(18)),
    visitKey: '',
    target: patient,
  };
  if (!numbers.some(isStrong)) tell(w.m, 'record.no-patient-number', `${s.place}-3`);
  for (const identifier of patient.identifier ?? []) w.terms.add('number', identifier.value);
  for (const name of patient.name ?? []) {
    w.terms.add('name', name.family);
    for (const given of name.given ?? []) w.terms.add('name', given);
  }
  w.terms.add('birth', patient.birthDate);
  w.subjects.push(subject);
  w.current = subject;
}

function enterPv1(w: Walk, subject: Subject, s: SegmentReader): void {
  const { encounter, key, act, weak, nulls } = mapPv1(s, w.event, subject.account, w.day);
  encounter.meta = { source: w.m.sender };
  for (const identifier of encounter.identifier ?? []) w.terms.add('number', identifier.value);
  const known = subject.entries.find(key);
  if (known) Object.assign(known.resource, encounter);
  else subject.entries.add(key, act, encounter, s.place, { weak, nulls });
  subject.encounter = (known?.resource as Encounter | undefined) ?? encounter;
  subject.visitKey = key;
  subject.target = subject.encounter;
}

function enterMrg(w: Walk, subject: Subject, s: SegmentReader): void {
  const retired = [...numbersOf(s, 1, 'MR'), ...numbersOf(s, 4, '')];
  const known = new Set<string>();
  const numbers = retired.filter(
    ({ system, value }) => !known.has(`${system}|${value}`) && known.add(`${system}|${value}`),
  );
  for (const { value } of numbers) w.terms.add('number', value);
  s.keep(2, 3, 5, 6, 7);
  hang(subject.patient, s.kept);
  if (numbers.length === 0) tell(w.m, 'record.no-merge-number', `${s.place}-1`);
  else if (w.event === 'A40') {
    w.merges.push({ survivor: subject.identifiers, retired: numbers, from: s.place });
    subject.patient.identifier = [
      ...(subject.patient.identifier ?? []),
      ...numbers.map(({ system, value, type }) => ({
        use: 'old' as const,
        system,
        value,
        ...(type === ''
          ? {}
          : { type: { coding: [{ system: 'http://terminology.hl7.org/CodeSystem/v2-0203', code: type }] } }),
      })),
    ];
  }
}

function enterNote(_w: Walk, subject: Subject, s: SegmentReader): void {
  const note = mapNote(s);
  if (!note) return;
  const { target } = subject;
  if (takesNotes(target)) target.note = [...(target.note ?? []), note];
  else
    hang(target, [
      keptAs('NTE-3', note.text),
      ...(note.authorString
        ? [keptAs('NTE-5', note.authorString)]
        : note.authorReference
          ? [{ url: `${v2Extension}NTE-5`, valueReference: note.authorReference }]
          : []),
      ...(note.time ? [{ url: `${v2Extension}NTE-6`, valueDateTime: note.time }] : []),
      ...(note.extension ?? []),
    ]);
}

function enterParticipation(_w: Walk, subject: Subject, s: SegmentReader): void {
  if (subject.target === subject.encounter && subject.encounter) {
    const { participant } = participationOf(s);
    subject.encounter.participant = [...(subject.encounter.participant ?? []), participant];
  } else hang(subject.target, [participationExtension(s)]);
}

function enterDg1(_w: Walk, subject: Subject, s: SegmentReader): void {
  const request: ServiceRequest | undefined = subject.open?.request;
  const mapped = mapDg1(s, subject.visitKey, request ? undefined : subject.encounter, (key) => {
    if (request) request.reasonReference = [...(request.reasonReference ?? []), { reference: `key:${key}` }];
  });
  if (!mapped) return;
  subject.entries.add(mapped.key, mapped.act, mapped.resource, s.place);
  if (!request) subject.target = mapped.resource;
}

function enterTxa(w: Walk, subject: Subject, s: SegmentReader): void {
  // In an ORU (2.8 on) TXA stands within the order.
  if (w.code === 'MDM') closeOrder(subject);
  const mapped = mapTxa(s, w.trigger, subject.visitKey);
  mapped.resource.meta = { source: w.m.sender };
  subject.entries.add(mapped.key, mapped.act, mapped.resource, s.place);
  subject.document = { resource: mapped.resource, lines: [] };
  subject.target = mapped.resource;
}

/** Adds what a mapping function made, and lets the notes behind it belong to it. */
function enter(
  map: (
    s: SegmentReader,
    subject: Subject,
  ) =>
    | { key: string; act: 'put' | 'patch' | 'void' | 'remove'; resource: import('@medplum/fhirtypes').Resource }
    | undefined,
): Step {
  return ofSubject((_w, subject, s) => {
    const mapped = map(s, subject);
    if (!mapped) return;
    subject.entries.add(mapped.key, mapped.act, mapped.resource, s.place);
    subject.target = mapped.resource;
  });
}

const onVisit = (from: number, to: number): Step =>
  ofSubject((_w, subject, s) => keepOnVisit(s, subject.encounter ?? subject.patient, from, to));

const steps: Record<string, Step> = {
  EVN: (w, s) => {
    mapEvn(s);
    w.evn = s;
  },
  PID: enterPid,
  PD1: ofSubject((_w, subject, s) => mapPd1(s, subject.patient)),
  ARV: ofSubject((_w, subject, s) => mapPatientText(s, subject.patient, [2, 3, 4, 5, 6])),
  DB1: ofSubject((_w, subject, s) => mapPatientText(s, subject.patient, [2, 3, 4, 5, 6, 7, 8])),
  NK1: enter((s) => {
    const { key, person } = mapNk1(s);
    return { key, act: 'put', resource: person };
  }),
  PV1: ofSubject(enterPv1),
  PV2: ofSubject((_w, subject, s) => {
    if (subject.encounter) mapPv2(s, subject.encounter);
  }),
  ROL: ofSubject(enterParticipation),
  PRT: ofSubject(enterParticipation),
  MRG: ofSubject(enterMrg),
  AL1: enter((s) => mapAllergy(s)),
  IAM: enter((s) => mapAllergy(s)),
  DG1: ofSubject(enterDg1),
  DRG: onVisit(1, 33),
  PR1: enter((s, subject) => mapPr1(s, subject.visitKey)),
  GT1: enter((s) => mapGt1(s)),
  IN1: ofSubject((_w, subject, s) => {
    const { key, act, resource } = mapIn1(s);
    subject.entries.add(key, act, resource, s.place);
    subject.coverage = resource;
  }),
  IN2: ofSubject((_w, subject, s) => {
    if (subject.coverage) addToCoverage(s, subject.coverage);
  }),
  IN3: ofSubject((_w, subject, s) => {
    if (subject.coverage) addToCoverage(s, subject.coverage);
  }),
  ACC: onVisit(1, 13),
  UB1: onVisit(2, 23),
  UB2: onVisit(2, 17),
  PDA: onVisit(1, 9),
  FT1: enter((s, subject) => mapFt1(s, subject.visitKey)),
  ORC: ofSubject(openOrder),
  OBR: ofSubject(enterObr),
  TQ1: ofSubject((_w, subject, s) => enterTq1(subject, s)),
  TQ2: ofSubject((_w, subject, s) => {
    s.touch(1);
    s.keep(2, 3, 4, 5, 6, 7, 8, 9, 10);
    if (subject.open) subject.open.order.kept.push(...s.kept);
    else hang(subject.target, s.kept);
  }),
  OBX: ofSubject(enterObx),
  NTE: ofSubject(enterNote),
  SPM: ofSubject((_w, subject, s) => enterSpm(subject, s)),
  RXO: ofSubject(enterMedication),
  RXE: ofSubject(enterMedication),
  RXD: ofSubject(enterMedication),
  RXA: ofSubject(enterMedication),
  RXR: ofSubject((_w, subject, s) => enterRxr(subject, s)),
  RXC: ofSubject((_w, subject, s) => enterRxc(subject, s)),
  TXA: ofSubject(enterTxa),
  CON: enter((s) => mapCon(s)),
  SFT: (w, s) => {
    // SFT stands before PID: it waits until there is a person to file it under.
    w.software.push(s);
  },
};

function finishSubject(w: Walk, subject: Subject): void {
  closeOrder(subject);
  for (const s of [w.msh, w.evn]) if (s) hang(subject.encounter ?? subject.patient, s.kept);
  const visit = w.event === '' ? subject.entries.find(subject.visitKey) : undefined;
  // PV2 and others have added to it since: all of it is mere mention in a message that is no ADT.
  if (visit) visit.weak = Object.keys(visit.resource);
  if (subject.document) finishDocument(subject.document.resource, subject.document.lines);
  for (const s of w.software) {
    const { key, act, resource } = mapSft(s);
    subject.entries.add(key, act, resource, s.place);
  }
}
