/**
 * Conversion without a store or a network: messages in; records, CCDs or plain HL7v2 out. Pure but for the ids that it makes.
 */
import { createHash } from 'node:crypto';
import type { Bundle } from '@medplum/fhirtypes';
import { type Fault, MixError } from '../schemas/errors/index.ts';
import { chooseProfile } from '../schemas/vendors/profile.ts';
import { buildCcd, checkCcd } from './ccda/index.ts';
import { scanHeader, splitBatch, writeMessage } from './hl7v2/index.ts';
import { createMemoryRecord, toBundle, uuidv7 } from './record/index.ts';
import { isWarning, type SourceSetup, understand } from './understand.ts';

export type ConvertTarget = 'fhir' | 'ccd' | 'hl7v2';

export interface ConvertOptions {
  to: ConvertTarget;
  /** Vendor profile or family; `plain` where none is said. */
  vendor: string;
  /** One record a patient over all messages, instead of one a message. */
  merge: boolean;
  /** Name and OID of the organization that the documents speak for; made from MSH-4 where absent. */
  organization?: { name: string; oid: string };
  zone: string;
  now(): number;
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

/** Converts a file of one or many messages, told one by one; nothing that a message says can throw. */
export function createConverter(options: ConvertOptions): {
  convert(bytes: Buffer): Iterable<Converted>;
  /** With `merge`: one output a patient, when all is read. */
  merged(): string[];
} {
  const whole = createMemoryRecord(uuidv7);
  return {
    *convert(bytes) {
      let position = 0;
      for (const part of splitBatch(bytes).messages) {
        position += 1;
        yield convertOne(part.bytes, position, options, options.merge ? whole : createMemoryRecord(uuidv7));
      }
    },
    merged: () => whole.records().map((record) => writeRecord(record, options, 'MIX-HIE')),
  };
}

type MemoryRecord = ReturnType<typeof createMemoryRecord>;
type OnePerson = ReturnType<MemoryRecord['records']>[number];

function convertOne(bytes: Buffer, position: number, options: ConvertOptions, record: MemoryRecord): Converted {
  const scan = scanHeader(bytes, 'utf-8');
  const setup = setupOf(scan.sendingFacility, options.vendor);
  const profile = chooseProfile(setup.profile, scan);
  const understood = understand({ bytes, receivedAt: options.now() }, setup, profile);
  const { draft, message } = understood;
  const converted: Converted = {
    type: scan.type,
    position,
    outputs: [],
    faults: [...understood.faults].sort((a, b) => Number(isWarning(a)) - Number(isWarning(b))),
    refused: draft === undefined,
    carried: draft?.carried ?? 0,
    notCarried: draft?.notCarried ?? [],
  };
  if (options.to === 'hl7v2') {
    converted.refused = message === undefined;
    if (message !== undefined) converted.outputs.push(writeMessage(message));
    return converted;
  }
  if (draft === undefined) return converted;
  const touched = record.apply(draft, {
    sourceId: setup.source.id,
    messageId: uuidv7(options.now()),
    now: options.now(),
  });
  if (options.merge) return converted;
  try {
    const records = record.records().filter((one) => touched.includes(one.person.id));
    converted.outputs.push(...records.map((one) => writeRecord(one, options, scan.sendingFacility)));
  } catch (cause) {
    if (!(cause instanceof MixError)) throw cause;
    converted.faults.unshift(cause.fault);
    converted.refused = true;
  }
  return converted;
}

function writeRecord(record: OnePerson, options: ConvertOptions, facility: string): string {
  if (options.to === 'fhir')
    return `${JSON.stringify(toBundle(record.person, record.entries) satisfies Bundle, null, 2)}\n`;
  const createdAt = options.now();
  const name = facility || 'unnamed facility';
  const xml = buildCcd(record, {
    documentId: uuidv7(createdAt),
    setId: uuidv7(createdAt),
    version: 1,
    createdAt,
    organization: options.organization ?? { name, oid: oidOfName(name) },
    zone: options.zone,
  });
  const fault = checkCcd(xml)[0];
  if (fault !== undefined) throw new MixError(fault.code, fault);
  return xml;
}

export function setupOf(facility: string, vendor: string): SourceSetup {
  const name = facility || 'unnamed facility';
  return {
    source: { id: 'convert', profile: vendor, authority: oidOfName(name), facility: name },
    profile: vendor,
    charset: 'utf-8',
    acknowledgment: 'original',
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
