/**
 * What is wrong in a message, as far as syntax, the standard's tables and its structures tell.
 *
 * Errors are only what keeps the message from being acted on: no type, a version nobody knows, no patient where one is
 * needed. All else is a warning: the message goes on, the sender may read it in the ACK.
 */
import type { Fault, FaultCode } from '../../schemas/errors/index.ts';
import { nearestVersion, publishedVersions, segmentDefinition, tableCodes } from '../../schemas/hl7v2/dictionary.ts';
import type { Message, Segment } from '../../schemas/hl7v2/message.ts';
import { isDateOrTime, isIsoTime, isNumber, isTimeOfDay } from './formats.ts';
import { componentOf, placeOf, readPath, repetitionsOf, segmentOf, subcomponentOf } from './read.ts';
import { groupSegments, missingSegments, structureOf } from './structure.ts';

/** Types whose content goes into a patient's record, so that a patient must be named (MSH-9.1). */
const patientTypes: ReadonlySet<string> = new Set([
  'ADT',
  'BAR',
  'DFT',
  'MDM',
  'OMG',
  'OML',
  'OMP',
  'ORM',
  'ORU',
  'PPR',
  'RAS',
  'RDE',
  'RDS',
  'REF',
  'RGV',
  'VXU',
]);

/** ADT events that say which number is merged into which; without MRG-1 they say nothing (chapter 3). */
const mergeEvents: ReadonlySet<string> = new Set([
  'A18',
  'A30',
  'A34',
  'A35',
  'A36',
  'A39',
  'A40',
  'A41',
  'A42',
  'A43',
  'A44',
  'A46',
  'A47',
  'A48',
  'A49',
  'A50',
  'A51',
]);

/** Coded fields whose table is HL7's own or as good as never extended: the receiver acts on the value. */
const tableFields: Record<string, [field: number, table: number][]> = {
  MSH: [
    [15, 155],
    [16, 155],
  ],
  ORC: [[1, 119]],
  OBR: [[25, 123]],
  OBX: [
    [2, 125],
    [11, 85],
  ],
  PID: [[8, 1]],
  PV1: [[2, 4]],
};

export interface CheckOptions {
  /** Faults told at most (default 100); errors come before warnings when there are more. */
  faultsMax?: number;
}

interface Found {
  fault: Fault;
  /** Segment index and field: faults are given in the order of the message. */
  segment: number;
  field: number;
}

/** Every fault of a parsed message in the order of the message, errors and warnings as the catalogue marks their codes. */
export function checkMessage(message: Message, options: CheckOptions = {}): Fault[] {
  const limit = options.faultsMax ?? 100;
  const found = [
    ...checkHeader(message),
    ...checkPatient(message, limit),
    ...checkFields(message, limit),
    ...checkStructure(message),
  ];
  found.sort((one, other) => one.segment - other.segment || one.field - other.field);
  const faults: Fault[] = [];
  const told = new Set<string>();
  for (const { fault } of found) {
    // A required field is told once, at its gravest.
    const key = `${fault.place}|${fault.code.replace('expected', 'required')}`;
    if (told.has(key)) continue;
    told.add(key);
    faults.push(fault);
  }
  if (faults.length <= limit) return faults;
  const errors = faults.filter((fault) => errorCodes.has(fault.code));
  return [...errors, ...faults.filter((fault) => !errorCodes.has(fault.code))].slice(0, limit);
}

const errorCodes: ReadonlySet<FaultCode> = new Set<FaultCode>([
  'hl7v2.required-field',
  'hl7v2.required-segment',
  'hl7v2.version',
]);

function isEmpty(raw: string | undefined): boolean {
  return raw === undefined || raw === '' || raw.trim() === '';
}

function firstOf(raw: string | undefined, message: Message): string {
  if (raw === undefined || raw === '') return '';
  const repetition = repetitionsOf(raw, message.delimiters)[0]!;
  return subcomponentOf(componentOf(repetition, 1, message.delimiters), 1, message.delimiters).trim();
}

function checkHeader(message: Message): Found[] {
  const msh = message.segments[0]!;
  const found: Found[] = [];
  const tell = (code: FaultCode, field: number, detail?: string): void => {
    const fault: Fault =
      detail === undefined ? { code, place: `MSH-${field}` } : { code, place: `MSH-${field}`, detail };
    found.push({ fault, segment: 0, field });
  };
  if (message.code === '') tell('hl7v2.required-field', 9);
  // Without an id the answer can name nothing, but the content can be acted on.
  if (isEmpty(msh.fields[10])) tell('hl7v2.expected-field', 10);
  const processing = firstOf(msh.fields[11], message);
  if (processing === '') tell('hl7v2.expected-field', 11, 'taken as P');
  else if (!/^[PTD]$/.test(processing)) tell('hl7v2.processing-id', 11);
  if (message.version === '') tell('hl7v2.expected-field', 12);
  else if (!publishedVersions.has(message.version)) {
    // "V2.3", "2.3.0" or "2.5.2" are read as the nearest version of the same family.
    if (/^v?2(\.\d[\dA-Z.]*)?$/i.test(message.version)) tell('hl7v2.table-value', 12, 'taken as the nearest version');
    else tell('hl7v2.version', 12);
  }
  const event = message.segments.find((segment) => segment.name === 'EVN');
  const named = firstOf(event?.fields[1], message);
  if (event !== undefined && named !== '' && message.trigger !== '' && named !== message.trigger) {
    found.push({ fault: { code: 'hl7v2.event-differs', place: 'EVN-1' }, segment: event.index, field: 1 });
  }
  return found;
}

function checkPatient(message: Message, limit: number): Found[] {
  if (!patientTypes.has(message.code)) return [];
  const found: Found[] = [];
  const patients = message.segments.filter((segment) => segment.name === 'PID');
  const structure = structureOf(message);
  const needed = structure === undefined || structure.all.has('PID');
  if (patients.length === 0 && needed) {
    found.push({ fault: { code: 'hl7v2.required-segment', place: 'PID' }, segment: message.segments.length, field: 0 });
  }
  for (const pid of patients) {
    if (found.length >= limit) break;
    found.push(...checkPid(message, pid));
  }
  if (message.code === 'ADT' && mergeEvents.has(message.trigger)) found.push(...checkMerge(message, limit));
  return found;
}

function checkPid(message: Message, pid: Segment): Found[] {
  const found: Found[] = [];
  const tell = (code: FaultCode, field: number, detail?: string): void => {
    const fault: Fault = { code, place: `${placeOf(message, pid)}-${field}` };
    if (detail !== undefined) fault.detail = detail;
    found.push({ fault, segment: pid.index, field });
  };
  if (!hasNumber(message, pid.fields[3])) {
    // Before 2.3.1 the number may stand in PID-2 or 4. An account (18) or a social security number (19) is shared and used again: it names
    // nobody unless the vendor profile says so, and then it has been brought to PID-3.
    const elsewhere = [2, 4].find((field) => hasNumber(message, pid.fields[field]));
    if (elsewhere === undefined) tell('hl7v2.required-field', 3);
    else tell('hl7v2.expected-field', 3, `PID-${elsewhere} has a number`);
  }
  if (isEmpty(pid.fields[5])) tell('hl7v2.expected-field', 5);
  const birth = firstOf(pid.fields[7], message);
  if (/^0+$/.test(birth)) tell('hl7v2.date-format', 7, 'zeros, taken as not known');
  else if (birth !== '' && birth !== '""' && !isDateOrTime(birth)) {
    tell(isIsoTime(birth) ? 'hl7v2.date-format' : 'hl7v2.birth-date', 7);
  }
  return found;
}

/** Does any repetition have a number in its first component? */
function hasNumber(message: Message, field: string | undefined): boolean {
  if (field === undefined || field === '') return false;
  return repetitionsOf(field, message.delimiters).some((repetition) => {
    const number = firstOf(repetition, message);
    return number !== '' && number !== '""';
  });
}

function checkMerge(message: Message, limit: number): Found[] {
  const merges = message.segments.filter((segment) => segment.name === 'MRG');
  if (merges.length === 0) {
    return [{ fault: { code: 'hl7v2.required-segment', place: 'MRG' }, segment: message.segments.length, field: 0 }];
  }
  const found: Found[] = [];
  for (const merge of merges) {
    if (found.length >= limit) break;
    // Account and visit merges name the old number in MRG-3 or 5; older senders put it in MRG-4.
    if ([1, 2, 3, 4, 5].some((field) => hasNumber(message, merge.fields[field]))) continue;
    found.push({
      fault: { code: 'hl7v2.required-field', place: `${placeOf(message, merge)}-1` },
      segment: merge.index,
      field: 1,
    });
  }
  return found;
}

type Kind = 'time' | 'clock' | 'number' | undefined;

/** What to look at in one segment of one version: positions with their kind, and the required ones. */
interface FieldPlan {
  required: number[];
  typed: { field: number; kind: Exclude<Kind, undefined> }[];
}

const plans = new Map<string, FieldPlan | null>();
const plansMax = 4096;

function planFor(version: string, name: string): FieldPlan | null {
  const key = `${version}|${name}`;
  const known = plans.get(key);
  if (known !== undefined) return known;
  const definition = segmentDefinition(version, name);
  let plan: FieldPlan | null = null;
  if (definition !== undefined) {
    plan = { required: [], typed: [] };
    for (const [at, field] of definition.fields.entries()) {
      const kind = kindOf(field.datatype);
      if (kind !== undefined) plan.typed.push({ field: at + 1, kind });
      // Set ids order nothing that the order of segments does not; MSH and PID have checks of their own.
      if (field.opt === 2 && field.datatype !== 'SI' && name !== 'MSH' && !conditional.has(`${name}-${at + 1}`))
        plan.required.push(at + 1);
    }
  }
  if (plans.size < plansMax) plans.set(key, plan);
  return plan;
}

/** Fields that the dictionary calls required and the standard conditional (7.4.2.4), or that say nothing of the patient (2.14.12). */
const conditional: ReadonlySet<string> = new Set(['OBX-4', 'SFT-2', 'SFT-3', 'SFT-4', 'PR1-6']);

function kindOf(dataType: string): Kind {
  if (dataType === 'TS' || dataType === 'DTM' || dataType === 'DT') return 'time';
  if (dataType === 'TM') return 'clock';
  return dataType === 'NM' || dataType === 'SI' ? 'number' : undefined;
}

function checkFields(message: Message, limit: number): Found[] {
  const found: Found[] = [];
  const version = nearestVersion(message.version);
  for (const segment of message.segments) {
    if (found.length >= limit * 4) break;
    const { name } = segment;
    if (name === '' || name.startsWith('Z')) continue;
    checkTables(message, segment, found);
    if (name === 'OBX') checkObservation(message, segment, found);
    const plan = planFor(version, name);
    if (plan === null) continue;
    for (const field of plan.required) {
      if (isEmpty(segment.fields[field]) && !(name === 'OBX' && field === 5))
        tellAt(message, segment, field, 'hl7v2.expected-field', found);
    }
    for (const { field, kind } of plan.typed) {
      if (name === 'PID' && field === 7) continue;
      const raw = segment.fields[field];
      if (raw !== undefined && raw !== '') checkKind(message, segment, field, raw, kind, found);
    }
  }
  return found;
}

function tellAt(message: Message, segment: Segment, field: number, code: FaultCode, found: Found[]): void {
  found.push({ fault: { code, place: `${placeOf(message, segment)}-${field}` }, segment: segment.index, field });
}

function checkKind(
  message: Message,
  segment: Segment,
  field: number,
  raw: string,
  kind: Exclude<Kind, undefined>,
  found: Found[],
): void {
  if (isOfKind(raw, kind)) return;
  for (const repetition of repetitionsOf(raw, message.delimiters)) {
    const value = firstOf(repetition, message);
    if (value === '' || value === '""' || isOfKind(value, kind)) continue;
    tellAt(message, segment, field, kind === 'number' ? 'hl7v2.number-format' : 'hl7v2.date-format', found);
    return;
  }
}

function isOfKind(value: string, kind: Exclude<Kind, undefined>): boolean {
  return kind === 'number' ? isNumber(value) : kind === 'clock' ? isTimeOfDay(value) : isDateOrTime(value);
}

/** OBX-5 is of the type that OBX-2 says (chapter 7.4.2). */
function checkObservation(message: Message, segment: Segment, found: Found[]): void {
  const kind = kindOf((segment.fields[2] ?? '').trim());
  const raw = segment.fields[5];
  if (kind !== undefined && raw !== undefined && raw !== '') checkKind(message, segment, 5, raw, kind, found);
}

function checkTables(message: Message, segment: Segment, found: Found[]): void {
  const fields = Object.hasOwn(tableFields, segment.name) ? tableFields[segment.name] : undefined;
  if (fields === undefined) return;
  for (const [field, table] of fields) {
    const value = firstOf(segment.fields[field], message);
    if (value === '' || value === '""') continue;
    if (!codesOf(table).has(value)) tellAt(message, segment, field, 'hl7v2.table-value', found);
  }
}

const codeSets = new Map<number, ReadonlySet<string>>();

function codesOf(table: number): ReadonlySet<string> {
  let codes = codeSets.get(table);
  if (codes === undefined) {
    codes = new Set([...(tableCodes(table) ?? []), ...(laterCodes[table] ?? [])]);
    codeSets.set(table, codes);
  }
  return codes;
}

/** Codes that versions after the dictionary's tables have added, or that its tables leave out. */
const laterCodes: Record<number, readonly string[]> = {
  1: ['X'],
  85: ['V', 'B'],
  123: ['M', 'N', 'B'],
  125: [
    'CWE',
    'CNE',
    'CF',
    'DTM',
    'DR',
    'DT',
    'ED',
    'EI',
    'ERL',
    'FT',
    'GTS',
    'ID',
    'IS',
    'MA',
    'NA',
    'NM',
    'RP',
    'SN',
    'ST',
    'TM',
    'TS',
    'TX',
    'XAD',
    'XCN',
    'XON',
    'XPN',
    'XTN',
    'CX',
    'CE',
    'CP',
    'MO',
    'CK',
    'PPN',
  ],
};

function checkStructure(message: Message): Found[] {
  const structure = structureOf(message);
  if (structure === undefined) return [];
  const faults: Fault[] = [];
  const root = groupSegments(message, faults);
  const found: Found[] = faults.map((fault) => ({ fault, segment: indexOf(message, fault.place ?? ''), field: 0 }));
  for (const { group, name } of missingSegments(structure, root)) {
    // PID and MRG have a stricter check of their own.
    if (name === 'PID' || name === 'MRG') continue;
    const first = group.segments[0]?.index ?? message.segments.length;
    const fault: Fault = { code: 'hl7v2.expected-segment', place: name };
    if (group !== root) fault.detail = `in ${group.name}`;
    found.push({ fault, segment: first, field: 0 });
  }
  return found;
}

/** Index of the segment that a place such as `NTE[2]` names; 0 where it names none. */
function indexOf(message: Message, place: string): number {
  const path = readPath(place);
  return path === undefined ? 0 : (segmentOf(message, path.segment, path.occurrence ?? 1)?.index ?? 0);
}
