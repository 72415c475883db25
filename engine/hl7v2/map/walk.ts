/** Where the map stands while it goes through the segments of a message: person, visit, order, and what a note belongs to. */
import type {
  Annotation,
  Coverage,
  DiagnosticReport,
  DocumentReference,
  Encounter,
  Extension,
  Patient,
  Resource,
  ServiceRequest,
} from '@medplum/fhirtypes';
import type { Identifier, SearchTerm } from '../../../schemas/parts.ts';
import type { DraftMerge, DraftSubject } from '../../record/index.ts';
import type { Entries } from './build.ts';
import type { MappedObr, Order } from './order.ts';
import type { MapContext, SegmentReader } from './reader.ts';

/** One order (ORC and what follows) under the map's hand. */
export interface OpenOrder {
  order: Order;
  obr?: MappedObr;
  request?: ServiceRequest;
  requestKey: string;
  report?: DiagnosticReport;
  /** What names the order in natural keys; '' where nothing does. */
  key: string;
  /** The key names one order only (a placer or filler number), so that codes within it need no time. */
  isOwn: boolean;
  category?: string;
  /** The medication order, immunization ... that RXR, RXC, NTE and OBX complete. */
  medication?: Resource;
  medicationKey: string;
}

export interface Subject {
  patient: Patient;
  identifiers: Identifier[];
  nulls: string[];
  entries: Entries;
  /** PID-18 as a key. */
  account: string;
  encounter?: Encounter;
  visitKey: string;
  open?: OpenOrder;
  coverage?: Coverage;
  document?: { resource: DocumentReference; lines: string[] };
  /** What the next NTE, PRT belongs to. */
  target: { note?: Annotation[]; extension?: Extension[]; resourceType?: string };
}

export interface Walk {
  m: MapContext;
  code: string;
  trigger: string;
  /** MSH-9.2 of ADT messages, '' of others. */
  event: string;
  sourceTime: number;
  /** Day of the source time, for visits without number and time. */
  day: string;
  subjects: Subject[];
  current?: Subject;
  merges: DraftMerge[];
  terms: Terms;
  /** EVN, which comes before there is a person. */
  evn?: SegmentReader;
  msh?: SegmentReader;
  /** SFT, likewise. */
  software: SegmentReader[];
}

const termsMax = 200;
const termLengthMax = 200;

/** Search terms of a message, each once, bounded. */
export class Terms {
  private readonly found = new Map<string, SearchTerm>();

  add(field: SearchTerm['field'], text: string | undefined): void {
    if (!text || this.found.size >= termsMax) return;
    const short = text.length > termLengthMax ? text.slice(0, termLengthMax) : text;
    const key = `${field}|${short}`;
    if (!this.found.has(key)) this.found.set(key, { field, text: short });
  }

  list(): SearchTerm[] {
    return [...this.found.values()];
  }
}

const noted = new Set([
  'Observation',
  'ServiceRequest',
  'MedicationRequest',
  'MedicationAdministration',
  'MedicationDispense',
  'Immunization',
  'Procedure',
  'Condition',
  'AllergyIntolerance',
  'Specimen',
  'ChargeItem',
]);

/** Has this kind of resource a place for notes in R4? */
export function takesNotes(resource: { resourceType?: string }): boolean {
  return noted.has(resource.resourceType ?? '');
}

/** The subject as the record wants it. */
export function draftSubject(subject: Subject, demographics: DraftSubject['demographics']): DraftSubject {
  return {
    identifiers: subject.identifiers,
    patient: subject.patient,
    nulls: subject.nulls,
    demographics,
    entries: subject.entries.list,
  };
}
