/**
 * Keep the bytes and the job in one commit, then answer (HL7 v2.8.2 chapter 2.9.2 original mode, 2.9.3 enhanced mode).
 *
 * AA, AE, CA and CE-free answers are promises: they are given only after the durable commit. Faulty content is answered with AE and kept
 * all the same; what could not be kept is refused with AR (CE in enhanced mode), table 0357 code 207, and may come again.
 */
import { hash } from 'node:crypto';
import { catalogue, type Fault, type FaultCode, MixError } from '../schemas/errors/index.ts';
import type { Clock, Job, KeptMessage, Log, Store } from '../schemas/parts.ts';
import { chooseProfile, type VendorProfile } from '../schemas/vendors/profile.ts';
import { admitSource } from './admit.ts';
import { decideIntake } from './authorize.ts';
import {
  ackMode,
  type Batch,
  buildAck,
  buildBatchAck,
  identityOfScan,
  type Scan,
  scanHeader,
  splitBatch,
} from './hl7v2/index.ts';
import { uuidv7 } from './record/index.ts';
import { isWarning, type SourceSetup, type Understood, understand } from './understand.ts';
import type { Waiting } from './waiting.ts';

export interface AcceptParts {
  store: Store;
  clock: Clock;
  log: Log;
  /** Hands what was understood on to processing, so that nothing is parsed twice. */
  giveUnderstood(messageId: string, understood: Understood): void;
  /** For the application acknowledgment. */
  waiting: Waiting;
  /** Of a line to the index: how its messages are read. Its sender hears what became of the message, not only that it is kept. */
  line?: {
    understand: typeof understand;
    /** How long the sender waits for that, in ms; then it hears that the message is kept. */
    settleMs: number;
  };
}

/** The answer to one frame. */
export interface Answer {
  /** Null where the sender asked for none (MSH-15 NE, or it is an acknowledgment itself). */
  ack: Buffer | null;
  /** Enhanced mode: the application acknowledgment, when the message was processed. */
  later?: Promise<Buffer | null>;
  messageIds: string[];
}

/** Accepts one frame: a message, or a batch (FHS/BHS) of them, which is answered in one frame. */
export async function acceptFrame(parts: AcceptParts, bytes: Buffer, setup: SourceSetup): Promise<Answer> {
  if (!startsBatch(bytes)) return acceptMessage(parts, bytes, setup);
  const batch = splitBatch(bytes);
  if (batch.faults.length > 0)
    parts.log.warn(
      { source: setup.source.id, code: batch.faults[0]!.code },
      'a batch declares another number than it holds',
    );
  const answers: Answer[] = [];
  // Each is handed to the store before the next, so their order holds; those of one round share a commit.
  for (let at = 0; at < batch.messages.length; at += BATCH_ABREAST) {
    const round = batch.messages.slice(at, at + BATCH_ABREAST);
    answers.push(...(await Promise.all(round.map((part) => acceptMessage(parts, part.bytes, setup)))));
  }
  const together = batchAnswer(parts, batch, setup);
  const answered: Answer = {
    ack: together(answers.map(({ ack }) => ack)),
    messageIds: answers.flatMap(({ messageIds }) => messageIds),
  };
  const laters = answers.map(({ later }) => later);
  if (laters.some((later) => later !== undefined)) answered.later = Promise.all(laters).then(together);
  return answered;
}

/** Messages of a batch that are taken at once. */
const BATCH_ABREAST = 32;

/** How the answers of a batch's messages become one: a batch themselves (chapter 2.10.3), or bare where the profile says so; null when there is none. */
function batchAnswer(
  parts: AcceptParts,
  batch: Batch,
  setup: SourceSetup,
): (answers: (Buffer | null | undefined)[]) => Buffer | null {
  const scan = scanHeader(batch.messages[0]?.bytes ?? '', setup.charset);
  const { ack } = chooseProfile(setup.profile, scan);
  return (answers) => {
    const acks = answers.map((answer) => answer ?? null);
    const given = acks.filter((answer) => answer !== null);
    if (given.length === 0 && acks.length > 0) return null;
    if (ack.batch === 'bare') return given.length > 0 ? Buffer.concat(given) : null;
    const now = parts.clock.now();
    return buildBatchAck({ batch, acks, version: scan.version, now, newControlId: () => ackControlId(now) });
  };
}

/** AR (CR) for a frame that could not be taken whole: too large, or never ended. */
export function refuseFrame(refused: {
  head: Buffer;
  setup: SourceSetup | undefined;
  code: FaultCode;
  now: number;
}): Buffer | null {
  const { head, setup, code, now } = refused;
  if (setup === undefined) return null;
  const scan = scanHeader(head, setup.charset);
  if (scan.controlId === '' && scan.type === '?') return null;
  return buildAck({
    scan,
    code: modeOf(scan, setup, chooseProfile(setup.profile, scan)).enhanced ? 'CR' : 'AR',
    faults: [{ code }],
    now,
    controlId: ackControlId(now),
  });
}

/** Does the frame begin with a batch or file header (chapter 2.10.3)? */
function startsBatch(bytes: Buffer): boolean {
  // M of MSH, the commonest.
  if (bytes[0] === 0x4d) return false;
  const head = bytes
    .subarray(0, 16)
    .toString('latin1')
    .replace(/^[^A-Z]*/, '')
    .slice(0, 3);
  return head === 'FHS' || head === 'BHS';
}

async function acceptMessage(parts: AcceptParts, bytes: Buffer, setup: SourceSetup): Promise<Answer> {
  const now = parts.clock.now();
  const scan = scanHeader(bytes, setup.charset);
  const profile = chooseProfile(setup.profile, scan);
  const mode = modeOf(scan, setup, profile);
  // What did not keep the message from being acted on is told on our pages; interface engines take any ERR for a failure.
  const answer = (code: AckCode, faults: Fault[]) => {
    const errors = faults.filter((fault) => !isWarning(fault));
    const order = { scan, code, faults: errors, now, controlId: ackControlId(now) };
    return buildAck(parts.line === undefined || !errors[0] ? order : { ...order, text: textOfFault(errors[0]) });
  };
  if (scan.code === 'ACK') return { ack: null, messageIds: [] };
  const decision = decideIntake(admitSource(setup.source), now);
  if (decision.decision !== 'Permit') {
    return {
      ack: answer(mode.enhanced ? 'CR' : 'AR', [{ code: 'policy.denied', place: 'MSH-3', detail: decision.because }]),
      messageIds: [],
    };
  }

  const id = uuidv7(now);
  // In original mode the one answer tells whether the content holds, so it is read before it is kept.
  const understood = mode.enhanced
    ? undefined
    : (parts.line?.understand ?? understand)({ bytes, receivedAt: now }, setup, profile);
  const faults = understood?.faults ?? scan.faults;
  const code: AckCode = mode.enhanced ? 'CA' : faults.some((fault) => !isWarning(fault)) ? 'AE' : 'AA';
  const ack = answer(code, faults);
  const message = keptMessage({ id, now, bytes, setup, scan, profile, code, ack, faults });
  try {
    const kept = await parts.store.keep(message, [], jobOf(message, setup, scan, now), {
      identityIsUnique: profile.identity.unique,
    });
    return await afterKeeping(parts, { kept, id, understood, mode, answer, ack, code });
  } catch (cause) {
    if (!(cause instanceof MixError)) throw cause;
    parts.log.warn({ source: setup.source.id, code: cause.fault.code }, 'a message could not be kept and was refused');
    return { ack: answer(mode.enhanced ? 'CE' : 'AR', [cause.fault]), messageIds: [] };
  }
}

/** MSH-10 of an answer: 20 characters, the longest that every version takes (chapter 2.14.9.10). */
function ackControlId(now: number): string {
  const id = uuidv7(now);
  return id.slice(14, 18) + id.slice(19, 23) + id.slice(24);
}

/** What MSH-15 and MSH-16 ask for; where both are empty, what the listener's settings or the vendor profile say. */
function modeOf(scan: Scan, setup: SourceSetup, profile: VendorProfile): ReturnType<typeof ackMode> {
  const mode = ackMode(scan);
  return mode.enhanced || (setup.acknowledgment === 'original' && profile.ack.mode === 'original')
    ? mode
    : { enhanced: true, accept: 'AL', application: 'NE' };
}

type AckCode = 'AA' | 'AE' | 'AR' | 'CA' | 'CE' | 'CR';

interface Keeping {
  kept: Awaited<ReturnType<Store['keep']>>;
  id: string;
  understood: Understood | undefined;
  mode: ReturnType<typeof ackMode>;
  answer(code: AckCode, faults: Fault[]): Buffer;
  ack: Buffer;
  code: AckCode;
}

/** The same message again gets the stored answer and no second work; a reused identity is refused only where the profile says so. */
async function afterKeeping(parts: AcceptParts, keeping: Keeping): Promise<Answer> {
  const { kept, id, understood, mode, answer, ack, code } = keeping;
  if (kept.outcome === 'repeat' && kept.first !== undefined) return answerRepeat(parts, keeping, kept.first);
  if (kept.outcome === 'conflict') {
    const refused = answer(mode.enhanced ? 'CE' : 'AE', [{ code: 'hl7v2.identity-reused', place: 'MSH-10' }]);
    return { ack: refused, messageIds: [] };
  }
  if (understood !== undefined) parts.giveUnderstood(id, understood);
  if (!mode.enhanced) return { ack: await settled(parts, keeping, id), messageIds: [id] };
  const answered: Answer = { ack: wants(mode.accept, code) ? ack : null, messageIds: [id] };
  if (mode.application !== 'NE') answered.later = applicationAck(keeping, parts.waiting.wait(id));
  return answered;
}

/** The stored answer; in enhanced mode the application acknowledgment too, since the sender may have lost it with a node or a line that broke. */
async function answerRepeat(
  parts: AcceptParts,
  keeping: Keeping,
  first: NonNullable<Keeping['kept']['first']>,
): Promise<Answer> {
  const { mode } = keeping;
  if (!mode.enhanced) {
    const { ackCode: code, ack, id } = first;
    return { ack: await settled(parts, { ...keeping, code, ack }, id), messageIds: [id] };
  }
  const answered: Answer = {
    ack: wants(mode.accept, first.ackCode) ? first.ack : null,
    messageIds: [first.id],
  };
  if (mode.application !== 'NE') answered.later = applicationAck(keeping, outcomeOf(parts, first.id));
  return answered;
}

/** The one answer of original mode: the acknowledgment as it was kept, or at a line to the index what became of the message. */
async function settled(
  parts: AcceptParts,
  keeping: Pick<Keeping, 'answer' | 'ack'> & { code: string },
  messageId: string,
): Promise<Buffer> {
  const { line } = parts;
  if (line === undefined || keeping.code !== 'AA') return keeping.ack;
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<undefined>((resolve) => {
    timer = setTimeout(() => resolve(undefined), line.settleMs);
  });
  const faults = await Promise.race([outcomeOf(parts, messageId), late]);
  clearTimeout(timer);
  return faults === undefined || faults.every(isWarning) ? keeping.ack : keeping.answer('AE', faults);
}

/** For MSA-3: versions before 2.5 have no other place for it. */
function textOfFault({ code, detail }: Fault): string {
  const { sentence } = catalogue[code];
  return detail === undefined ? sentence : `${sentence}: ${detail}`;
}

/** What became of a message: at once when that is settled, else when it is. */
async function outcomeOf(parts: AcceptParts, messageId: string): Promise<Fault[] | undefined> {
  // Waits first and looks then: what is settled between the two is told.
  const waited = parts.waiting.wait(messageId);
  const message = await parts.store.message(messageId);
  if (message !== undefined && message.state !== 'kept') parts.waiting.tell(messageId, message.faults);
  return waited;
}

async function applicationAck(keeping: Keeping, outcome: Promise<Fault[] | undefined>): Promise<Buffer | null> {
  const { mode, answer } = keeping;
  const faults = await outcome;
  if (faults === undefined) return null;
  const applied: AckCode = faults.some((fault) => !isWarning(fault)) ? 'AE' : 'AA';
  return wants(mode.application, applied) ? answer(applied, faults) : null;
}

/** HL7 table 0155: AL always, NE never, ER on error, SU on success. */
function wants(condition: string, code: string): boolean {
  if (condition === 'NE') return false;
  const success = code === 'AA' || code === 'CA';
  return condition === 'SU' ? success : condition === 'ER' ? !success : true;
}

/** What is known of a message when it is kept. */
interface Received {
  id: string;
  now: number;
  bytes: Buffer;
  setup: SourceSetup;
  scan: Scan;
  profile: VendorProfile;
  code: string;
  ack: Buffer;
  faults: Fault[];
}

export function keptMessage(received: Received): KeptMessage {
  const { id, now, bytes, setup, scan, profile, code, ack, faults } = received;
  const facts: KeptMessage['facts'] = {
    controlId: scan.controlId,
    sendingApplication: scan.sendingApplication,
    sendingFacility: scan.sendingFacility,
    patientNumbers: scan.patientNumbers,
  };
  if (scan.patientName) facts.patientName = scan.patientName;
  if (scan.sentAt) facts.sentAt = scan.sentAt;
  return {
    id,
    sourceId: setup.source.id,
    receivedAt: now,
    state: 'kept',
    type: scan.type,
    version: scan.version,
    processing: scan.processing || setup.processing,
    bytes,
    charset: scan.charset,
    facts,
    ackCode: code,
    ack,
    faults,
    digest: hash('sha256', bytes, 'buffer').subarray(0, 16),
    identity: identityOfScan(scan, profile, bytes),
  };
}

export type NewJob = Omit<Job, 'attempts' | 'fence'>;

/**
 * The job of a message (its id is the message's) with every key whose order it holds: all patient numbers that it names at this source; a message that
 * names none holds the order of its source.
 */
export function jobOf(message: KeptMessage, setup: SourceSetup, scan: Scan, now: number): NewJob {
  const source = setup.source.id;
  const keys = [...new Set(scan.patientNumbers)]
    .slice(0, KEYS_MAX)
    .map((number) => `${source}|${number.split('^')[0]}`);
  return {
    id: message.id,
    kind: 'process',
    subject: message.id,
    keys: keys.length > 0 ? keys : [`${source}|`],
    dueAt: now,
  };
}

/** More numbers than this in one message (a batch-like ORU) hold order by its first ones. */
const KEYS_MAX = 64;
