/**
 * Conversion without a store or a network: messages in; records, CCDs or plain HL7v2 out. Pure but for the ids that it makes.
 */
import { createHash } from 'node:crypto';
import type { Bundle } from '@medplum/fhirtypes';
import { type Fault, MixError } from '../schemas/errors/index.ts';
import type { Message } from '../schemas/hl7v2/message.ts';
import { chooseProfile, type VendorProfile } from '../schemas/vendors/profile.ts';
import { buildCcd, checkCcd } from './ccda/index.ts';
import { type Scan, scanHeader, setValue, splitBatch, withSegments, writeMessage } from './hl7v2/index.ts';
import { createMemoryRecord, toBundle, uuidv7 } from './record/index.ts';
import { isWarning, type SourceSetup, understand } from './understand.ts';

export type ConvertTarget = 'fhir' | 'ccd' | 'hl7v2';

export interface ConvertOptions {
  to: ConvertTarget;
  /** Vendor profile or family; `plain` where none is said. */
  vendor: string;
  /** One record a patient over all messages, instead of one a message. */
  merge: boolean;
  /** Who the documents speak for: a part that is absent is made from the other or from MSH-4. */
  organization?: { name?: string; oid?: string };
  /** IANA zone of times that name none; the profile's where absent. */
  zone?: string;
  now(): number;
  /** Ids of what is made (UUID); UUIDv7 where absent. */
  newId?(): string;
}

export interface Converted {
  /** `ADT^A01`; '?' where it can't be read. */
  type: string;
  /** 1-based place among the messages of its file. */
  position: number;
  outputs: string[];
  /** Why there is no output, or what else is to be told. Errors first. */
  faults: Fault[];
  refused: boolean;
  carried: number;
  notCarried: string[];
}

/** What became of one patient of a merged conversion. */
export interface MergedPatient {
  output?: string;
  faults: Fault[];
}

/** Converts a file of one or many messages, told one by one; nothing that a message says can throw. */
export interface Converter {
  convert(bytes: Buffer): Iterable<Converted>;
  /** With `merge`: one result a patient, when all is read. */
  merged(): Iterable<MergedPatient>;
}

type MemoryRecord = ReturnType<typeof createMemoryRecord>;
type OnePerson = ReturnType<MemoryRecord['records']>[number];

/** What one conversion keeps from message to message. */
interface Work {
  options: ConvertOptions;
  newId(): string;
  profiles: Map<VendorProfile, VendorProfile>;
}

export function createConverter(options: ConvertOptions): Converter {
  const work: Work = { options, newId: options.newId ?? (() => uuidv7(options.now())), profiles: new Map() };
  const whole = createMemoryRecord(work.newId);
  return {
    *convert(bytes) {
      let position = 0;
      for (const part of splitBatch(bytes).messages) {
        position += 1;
        yield convertOne(work, part.bytes, position, options.merge ? whole : createMemoryRecord(work.newId));
      }
    },
    *merged() {
      for (const record of whole.records()) {
        const faults: Fault[] = [];
        const output = orFault(faults, () => writeRecord(work, record, 'MIX-HIE'));
        yield output === undefined ? { faults } : { output, faults };
      }
    },
  };
}

/** Runs `make`; a failure becomes a fault, so that one message never stops the next. */
function orFault<T>(faults: Fault[], make: () => T): T | undefined {
  try {
    return make();
  } catch (cause) {
    // The text of an unexpected failure may hold what it stumbled over: only its class is told.
    const detail = cause instanceof Error ? cause.name : typeof cause;
    faults.unshift(cause instanceof MixError ? cause.fault : { code: 'record.unexpected', place: 'message', detail });
    return undefined;
  }
}

function convertOne(work: Work, bytes: Buffer, position: number, record: MemoryRecord): Converted {
  const scan = scanHeader(bytes, 'utf-8');
  const converted: Converted = {
    type: scan.type,
    position,
    outputs: [],
    faults: [],
    refused: false,
    carried: 0,
    notCarried: [],
  };
  orFault(converted.faults, () => fill(work, converted, { bytes, scan, record }));
  converted.refused = converted.outputs.length === 0 && !(work.options.merge && converted.carried > 0);
  return converted;
}

interface Given {
  bytes: Buffer;
  scan: Scan;
  record: MemoryRecord;
}

function fill(work: Work, converted: Converted, { bytes, scan, record }: Given): void {
  const { options } = work;
  const setup = setupOf(scan.sendingFacility, options.vendor, options.zone ?? 'UTC');
  const understood = understand({ bytes, receivedAt: options.now() }, setup, profileOf(work, scan));
  const { draft, message } = understood;
  converted.faults.push(...understood.faults.sort((a, b) => graveness(a) - graveness(b)));
  if (options.to === 'hl7v2') {
    if (message !== undefined) converted.outputs.push(plainMessage(message));
    return;
  }
  // What a node would park for a human makes no document here either.
  if (draft === undefined || draft.subjects.length === 0 || draft.faults.some((fault) => !isWarning(fault))) return;
  const touched = record.apply(draft, {
    sourceId: setup.source.id,
    messageId: work.newId(),
    now: options.now(),
  });
  if (!options.merge) {
    const records = record.records().filter((one) => touched.includes(one.person.id));
    converted.outputs.push(...records.map((one) => writeRecord(work, one, scan.sendingFacility)));
  }
  converted.carried = draft.carried;
  converted.notCarried = draft.notCarried;
}

/** Errors first, then that there is no map, then what is only told. */
function graveness(fault: Fault): number {
  if (!isWarning(fault)) return 0;
  return fault.code === 'hl7v2.unknown-type' ? 1 : 2;
}

/** The vendor profile of a message, in the zone that was asked for. */
function profileOf(work: Work, scan: Scan): VendorProfile {
  const { vendor, zone } = work.options;
  const chosen = chooseProfile(vendor, scan);
  if (zone === undefined) return chosen;
  let zoned = work.profiles.get(chosen);
  if (zoned === undefined) {
    zoned = { ...chosen, zone };
    work.profiles.set(chosen, zoned);
  }
  return zoned;
}

/** A normalized message as others read it: CR behind each segment, the character set of what is written in MSH-18. */
function plainMessage(message: Message): string {
  const ended = {
    ...withSegments(
      message,
      message.segments.map(({ fields }) => ({ fields, ending: '\r' })),
    ),
    lead: '',
  };
  const text = writeMessage(ended);
  // ASCII is what MSH-18 need not name.
  return /^[\x00-\x7f]*$/.test(text) ? text : writeMessage(setValue(ended, 'MSH-18', 'UNICODE UTF-8'));
}

function writeRecord(work: Work, record: OnePerson, facility: string): string {
  const { options } = work;
  if (options.to === 'fhir')
    return `${JSON.stringify(toBundle(record.person, record.entries) satisfies Bundle, null, 2)}\n`;
  const name = options.organization?.name ?? (facility || 'unnamed facility');
  const xml = buildCcd(record, {
    documentId: work.newId(),
    setId: work.newId(),
    version: 1,
    createdAt: options.now(),
    organization: { name, oid: options.organization?.oid ?? oidOfName(name) },
    zone: options.zone ?? 'UTC',
  });
  const fault = checkCcd(xml)[0];
  if (fault !== undefined) throw new MixError(fault.code, fault);
  return xml;
}

/** A source for messages that come from no listener: its authority stands for the facility of MSH-4. */
export function setupOf(facility: string, vendor: string, zone: string): SourceSetup {
  const name = facility || 'unnamed facility';
  return {
    source: { id: 'convert', profile: vendor, authority: oidOfName(name), facility: name },
    profile: vendor,
    charset: 'utf-8',
    acknowledgment: 'original',
    zone,
    processing: 'P',
  };
}

/** An OID for a name that has none: under 2.25, the arc of UUIDs (ITU-T X.667), so that it collides with nobody's. */
export function oidOfName(name: string): string {
  const digest = createHash('sha256').update(name).digest();
  digest[6] = (digest[6]! & 0x0f) | 0x80;
  digest[8] = (digest[8]! & 0x3f) | 0x80;
  return `2.25.${BigInt(`0x${digest.subarray(0, 16).toString('hex')}`)}`;
}
