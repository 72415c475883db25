/** The process of the CCD bench: see ccd.ts. */
import { createSecretKey, hash, randomBytes, sign } from 'node:crypto';
import { constants, zstdCompressSync } from 'node:zlib';
import { buildCcd, type CcdRecord, checkCcd } from '../../../engine/ccda/index.ts';
import { decodeMessage, parseMessage, toRecord } from '../../../engine/hl7v2/index.ts';
import { createMemoryRecord, uuidv7 } from '../../../engine/record/index.ts';
import { createAuthority, openIdentity, openSeal, signDocument } from '../../../pki/index.ts';
import { chooseProfile } from '../../../schemas/vendors/profile.ts';
import type { CcdFigures } from './ccd.ts';
import { benchMessages } from './traffic.ts';

const OID = '2.16.840.1.113883.19.4.6';
/** So many messages and so few patients that a record has what a CCD of 50 to 70 KB tells. */
const MESSAGES = 1_200;
const NEW_PATIENTS = 0.055;
const WARM_UP_MS = 1_000;
const level = { params: { [constants.ZSTD_c_compressionLevel]: 1 } };

process.on('message', (question: { folder: string; seconds: number; stop?: boolean }) => {
  if (question.stop) process.exit(0);
  process.send?.(measure(question.folder, question.seconds));
});

/** Records that the real map makes of the bench's messages. */
function makeRecords(): CcdRecord[] {
  const record = createMemoryRecord();
  const source = { id: 'bench', profile: 'plain', authority: OID, facility: 'NORTH' };
  const profile = chooseProfile('plain', { sendingApplication: 'BENCH', sendingFacility: 'NORTH' });
  for (const bytes of benchMessages(MESSAGES, 11, NEW_PATIENTS)) {
    const { message } = parseMessage(decodeMessage(bytes, 'ASCII').text);
    if (message === undefined) throw new Error('a bench message could not be read');
    const draft = toRecord(message, profile, { source, receivedAt: Date.now() });
    record.apply(draft, { sourceId: source.id, messageId: uuidv7() });
  }
  return record.records();
}

function makeHeader(): Parameters<typeof buildCcd>[1] {
  const createdAt = Date.now();
  return {
    documentId: uuidv7(createdAt),
    setId: uuidv7(createdAt),
    version: 1,
    createdAt,
    organization: { name: 'Bench Hospital', oid: OID },
    zone: 'America/Chicago',
  };
}

function measure(folder: string, seconds: number): CcdFigures {
  const authority = createAuthority({ subject: { commonName: 'Bench authority' }, dir: folder, now: Date.now() });
  const order = { profile: 'document-signer' as const, subject: { commonName: 'bench documents' }, days: 397 };
  const signer = openIdentity({ dir: folder, name: 'document-signer', authority, order, now: Date.now() });
  const seal = openSeal({ kek: createSecretKey(randomBytes(32)) });
  const records = makeRecords();
  const keep = (id: string, person: string, parts: Buffer[]): number =>
    seal.seal(`person/${person}`, 'documents', id, zstdCompressSync(Buffer.concat(parts), level)).length;

  const makeOne = (record: CcdRecord): { bytes: Buffer; signature: Buffer; sealed: number } => {
    const header = makeHeader();
    const xml = buildCcd(record, header);
    const bytes = Buffer.from(xml);
    const fault = checkCcd(bytes)[0];
    if (fault !== undefined) throw new Error(`the CCD does not hold its check: ${fault.code} at ${fault.place}`);
    const document = { bytes, documentId: header.documentId, mediaType: 'text/xml' };
    const signature = signDocument(document, signer, header.createdAt);
    return { bytes, signature, sealed: keep(header.documentId, record.person.id, [bytes, signature]) };
  };

  for (const until = performance.now() + WARM_UP_MS; performance.now() < until; ) records.forEach(makeOne);
  const made: ReturnType<typeof makeOne>[] = [];
  const times: number[] = [];
  let documentBytes = 0;
  let sealedBytes = 0;
  const cpu = process.cpuUsage();
  const begun = performance.now();
  for (let at = 0, now = begun; now < begun + seconds * 1000; at += 1) {
    const one = makeOne(records[at % records.length]!);
    const after = performance.now();
    times.push(after - now);
    now = after;
    documentBytes += one.bytes.length;
    sealedBytes += one.sealed;
    made[at % records.length] = one;
  }
  const took = (performance.now() - begun) / 1000;
  const used = process.cpuUsage(cpu);
  const floorBegun = performance.now();
  for (let at = 0; at < times.length; at += 1) {
    const { bytes, signature } = made[at % made.length]!;
    sign('sha256', hash('sha256', bytes, 'buffer'), signer.key);
    keep('floor', 'floor', [bytes, signature]);
  }
  const floorSeconds = (performance.now() - floorBegun) / 1000;
  const sorted = Float64Array.from(times).sort();
  return {
    documents: times.length,
    seconds: took,
    floorSeconds,
    p50Ms: sorted[Math.floor(sorted.length * 0.5)]!,
    p99Ms: sorted[Math.floor(sorted.length * 0.99)]!,
    cpuMs: (used.user + used.system) / 1000,
    rssBytes: process.memoryUsage.rss(),
    documentBytes,
    sealedBytes,
  };
}
