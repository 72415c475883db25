/**
 * Run a kept message again, as it was or corrected, through the queue and with its original source: there is no bypass.
 *
 * Corrected, it is a message of its own (`correctedOf`); the first one keeps its bytes and says that it was corrected.
 */
import { MixError } from '../schemas/errors/index.ts';
import type { Clock, KeptMessage, Store } from '../schemas/parts.ts';
import { chooseProfile } from '../schemas/vendors/profile.ts';
import { jobOf, keptMessage } from './accept.ts';
import type { Subject } from './admit.ts';
import { encodeMessage, scanHeader } from './hl7v2/index.ts';
import { uuidv7 } from './record/index.ts';
import type { SourceSetup } from './understand.ts';

const REASON_MAX = 500;

/** Returns the id of the message that runs. Throws `record.not-rerunnable` unless the message is parked or has no map. */
export async function rerunMessage(
  parts: { store: Store; clock: Clock },
  message: KeptMessage,
  setup: SourceSetup | undefined,
  by: Subject,
  ask: { reason: string; corrected?: string },
): Promise<string> {
  if (setup === undefined) throw new MixError('record.unknown-source', { detail: message.sourceId });
  if (message.state !== 'parked' && message.state !== 'unmapped')
    throw new MixError('record.not-rerunnable', { detail: message.state });
  const now = parts.clock.now();
  const step = { messageId: message.id, at: now, detail: `${by.id}: ${ask.reason.slice(0, REASON_MAX)}` };
  if (ask.corrected === undefined) {
    await parts.store.requeue(jobOf(message, setup, scanHeader(message.bytes, setup.charset), now));
    await parts.store.commit({ steps: [{ ...step, step: 'rerun' }] });
    return message.id;
  }
  const copy = correctedCopy(message, setup, ask.corrected, now);
  await parts.store.keep(copy.message, [], copy.job, { identityIsUnique: false });
  await parts.store.commit({
    parkedSettled: message.id,
    message: { id: message.id, state: 'corrected' },
    steps: [{ ...step, step: 'corrected' }],
  });
  return copy.message.id;
}

function correctedCopy(
  message: KeptMessage,
  setup: SourceSetup,
  text: string,
  now: number,
): { message: KeptMessage; job: ReturnType<typeof jobOf> } {
  // A browser's text field ends lines with LF; HL7 ends segments with CR.
  const bytes = encodeMessage(text.replace(/\r?\n/g, '\r'), message.charset);
  const scan = scanHeader(bytes, setup.charset);
  const profile = chooseProfile(setup.profile, scan);
  const received = {
    id: uuidv7(now),
    now,
    bytes,
    setup,
    scan,
    profile,
    code: message.ackCode,
    ack: message.ack,
    faults: [],
  };
  const kept = keptMessage(received);
  // A corrected copy is not its original come again: its identity is its own.
  const copy: KeptMessage = { ...kept, identity: `${kept.identity}|corrected|${kept.id}`, correctedOf: message.id };
  return { message: copy, job: jobOf(copy, setup, scan, now) };
}
