/** What is wrong with something that stands alone: a file of messages, a document. No store, no network. */
import type { Fault } from '../schemas/errors/index.ts';
import { chooseProfile } from '../schemas/vendors/profile.ts';
import { checkCcd } from './ccda/index.ts';
import { setupOf } from './convert.ts';
import { scanHeader, splitBatch } from './hl7v2/index.ts';
import { understand } from './understand.ts';

/** The faults of each message of a file, and those of the file itself (batch counts, no message at all) at position 0. */
export function checkMessages(bytes: Buffer, vendor = 'plain'): { position: number; faults: Fault[] }[] {
  const batch = splitBatch(bytes);
  if (batch.messages.length === 0)
    return [{ position: 0, faults: [...batch.faults, { code: 'hl7v2.no-header', place: 'MSH' }] }];
  const checked = batch.messages.map((part, at) => {
    const scan = scanHeader(part.bytes, 'utf-8');
    const setup = setupOf(scan.sendingFacility, vendor, 'UTC');
    return {
      position: at + 1,
      faults: understand({ bytes: part.bytes, receivedAt: Date.now() }, setup, chooseProfile(setup.profile, scan))
        .faults,
    };
  });
  return batch.faults.length > 0 ? [{ position: 0, faults: batch.faults }, ...checked] : checked;
}

/** The faults of a CCD by our own table: header, sections, references. */
export function checkCcdText(xml: string): Fault[] {
  return checkCcd(xml);
}
