/**
 * Messages of the patient identity feed at work (ITI-8, ITI-30): each of its acts is done by the same verbs as ITI-104, once a message, and its job is
 * done when all are. What can not be done is parked for a human, and its sender hears AE; nothing was promised, so nothing behind it waits.
 */
import type { Patient } from '@medplum/fhirtypes';
import { catalogue, type Fault, MixError } from '../schemas/errors/index.ts';
import type { ExchangeEngine, FhirAnswer, NodeSubject } from '../schemas/exchange.ts';
import type { IndexDoor } from '../schemas/identity.ts';
import type { Changes, Clock, Job, KeptMessage, Log, MessageStep, Store } from '../schemas/parts.ts';
import { fhirIdentifier, type PatientNumber, tokenOf } from './ihe/index.ts';
import { localKey } from './link.ts';
import type { FeedAct, UnderstoodFeed } from './pix-read.ts';
import { receivedIdOf } from './receive.ts';
import { isWarning } from './understand.ts';

export interface FeedParts {
  store: Store;
  clock: Clock;
  log: Log;
  /** The verbs of the index. */
  door: Pick<ExchangeEngine, 'feedPatient'> & Pick<IndexDoor, 'linkLocals' | 'unlinkLocals'>;
  /** Who feeds over this source; undefined for one that the settings no longer name. */
  subjectOf(sourceId: string): NodeSubject | undefined;
  understood(message: KeptMessage): UnderstoodFeed;
  /** Tells the sender that waits. */
  answered(messageId: string, faults: Fault[]): void;
  /** MSH-11 that reaches the index. */
  processing: string;
}

/** Works off leased `process` jobs; the store leases only those that hold nobody's order back. */
export async function takeFeeds(parts: FeedParts, jobs: readonly Job[]): Promise<void> {
  const messages = await parts.store.messagesOf(jobs.map(({ subject }) => subject));
  await Promise.all(jobs.map((job, at) => takeFeed(parts, job, messages[at]!)));
}

const ATTEMPTS_MAX = 12;
const RETRY_MAX_MS = 300_000;

async function takeFeed(parts: FeedParts, job: Job, message: KeptMessage): Promise<void> {
  const ref = { id: job.id, fence: job.fence };
  const from = parts.subjectOf(message.sourceId);
  const read = parts.understood(message);
  try {
    const faults = from === undefined ? [unknownSource(message)] : read.faults;
    if (from === undefined || faults.some((fault) => !isWarning(fault))) {
      await end(parts, message, { jobParked: { ...ref, fault: firstOf(faults), blocks: false } }, read, faults);
    } else if (message.processing !== parts.processing) {
      await end(parts, message, { jobDone: ref }, read, faults, 'test');
    } else {
      const personIds = await doActs(parts, from, message, read.acts);
      await end(parts, message, { jobDone: ref }, read, faults, 'done', personIds);
    }
  } catch (cause) {
    await putOff(parts, job, message, read, cause);
  }
}

const unknownSource = (message: KeptMessage): Fault => ({ code: 'record.unknown-source', detail: message.sourceId });

const firstOf = (faults: readonly Fault[]): Fault => faults.find((fault) => !isWarning(fault)) ?? faults[0]!;

/** Ids of the persons that the acts were about. Each act has an id of its own, so that a job that runs again repeats none. */
async function doActs(
  parts: FeedParts,
  from: NodeSubject,
  message: KeptMessage,
  acts: readonly FeedAct[],
): Promise<string[]> {
  const personIds = new Set<string>();
  for (const [at, act] of acts.entries()) {
    for (const answer of await doAct(parts, from, act, `${message.id}/${at}`)) {
      const id = personOf(answer);
      if (id !== undefined) personIds.add(id);
    }
  }
  return [...personIds];
}

async function doAct(parts: FeedParts, from: NodeSubject, act: FeedAct, id: string): Promise<FhirAnswer[]> {
  const { door } = parts;
  switch (act.do) {
    case 'feed':
      return [await door.feedPatient(from, tokenOf(act.number), act.patient, id)];
    case 'link':
    case 'unlink': {
      const verb = act.do === 'link' ? door.linkLocals : door.unlinkLocals;
      await checkKnown(parts, act);
      return [await verb(from, tokenOf(act.one), tokenOf(act.other), id)];
    }
    case 'merge':
      if (!(await wasTaken(parts, from, id))) await checkMerge(parts, act);
      return [await door.feedPatient(from, tokenOf(act.old), replaced(act.old, act.into), id)];
    case 'renumber':
      return renumber(parts, from, act, id);
  }
}

/** A24 and A37 name two patients who must be known. */
async function checkKnown(
  parts: FeedParts,
  { one, other }: Extract<FeedAct, { do: 'link' | 'unlink' }>,
): Promise<void> {
  const at = (await standing(parts, [one, other])).indexOf('unknown');
  if (at >= 0) throw new MixError('pix.unknown-patient', { place: `PID[${at + 1}]-3.1` });
}

/** A later run of the same act finds it done, and is answered as the first was. */
async function wasTaken({ store }: FeedParts, from: NodeSubject, id: string): Promise<boolean> {
  return (await store.receivedAnswer(receivedIdOf(from, id))) !== undefined;
}

/** Both must be known, and the old one must stand: a merge that says otherwise was meant for somebody else. */
async function checkMerge(parts: FeedParts, { old, into, places }: Extract<FeedAct, { do: 'merge' }>): Promise<void> {
  const stands = await standing(parts, [old, into]);
  if (stands[1] !== 'yes')
    throw new MixError(stands[1] === 'no' ? 'pix.merged-before' : 'pix.unknown-patient', { place: places[1] });
  if (stands[0] !== 'yes')
    throw new MixError(stands[0] === 'no' ? 'pix.merged-before' : 'pix.unknown-patient', { place: places[0] });
}

/** Does each number lead to a person, by a local patient that was not merged away (`no`)? */
async function standing(
  { store }: FeedParts,
  numbers: readonly PatientNumber[],
): Promise<('yes' | 'no' | 'unknown')[]> {
  const holders = await store.personsByIdentifier([...numbers]);
  return Promise.all(
    numbers.map(async (number) => {
      const holder = holders.get(tokenOf(number));
      if (holder === undefined) return 'unknown';
      const local = (await store.entriesByKey(holder, [localKey(number)])).get(localKey(number));
      return local?.removed === true ? 'no' : 'yes';
    }),
  );
}

/** ITI-104: an inactive patient that links to the one that takes its place. */
function replaced(old: PatientNumber, into: PatientNumber): Patient {
  return {
    resourceType: 'Patient',
    active: false,
    identifier: [{ system: old.system, value: old.value }],
    link: [{ other: { identifier: { system: into.system, value: into.value } }, type: 'replaced-by' }],
  };
}

/** A47: the patient as it was fed under the old number is fed under the new one, which then takes the old one's place. */
async function renumber(
  parts: FeedParts,
  from: NodeSubject,
  act: Extract<FeedAct, { do: 'renumber' }>,
  id: string,
): Promise<FhirAnswer[]> {
  const { store, door } = parts;
  const { old, now, places } = act;
  const answers: FhirAnswer[] = [];
  if (!(await wasTaken(parts, from, `${id}/merge`))) {
    const [is, isNow] = await standing(parts, [old, now]);
    if (is !== 'yes')
      throw new MixError(is === 'no' ? 'pix.merged-before' : 'pix.unknown-patient', { place: places[0] });
    if (isNow === 'no') throw new MixError('pix.merged-before', { place: places[1] });
    const holder = (await store.personsByIdentifier([old])).get(tokenOf(old));
    const local = holder && (await store.entriesByKey(holder, [localKey(old)])).get(localKey(old));
    if (isNow === 'unknown' && local) {
      const { id: _id, ...told } = local.body as Patient;
      const others = (told.identifier ?? []).filter((one) => !(one.system === old.system && one.value === old.value));
      const patient: Patient = { ...told, identifier: [fhirIdentifier(now), ...others] };
      answers.push(await door.feedPatient(from, tokenOf(now), patient, `${id}/feed`));
    }
  }
  answers.push(await door.feedPatient(from, tokenOf(old), replaced(old, now), `${id}/merge`));
  return answers;
}

/** The person of an answer of the index: its location, `Patient/<id>`. */
function personOf({ headers, resource }: FhirAnswer): string | undefined {
  const id = headers?.['location']?.replace(/^.*Patient\//, '') ?? resource?.id;
  return id !== undefined && /^[0-9a-f-]{36}$/.test(id) ? id : undefined;
}

async function end(
  parts: FeedParts,
  message: KeptMessage,
  job: Pick<Changes, 'jobDone' | 'jobParked'>,
  read: UnderstoodFeed,
  faults: Fault[],
  state: 'done' | 'test' | 'parked' = 'parked',
  personIds: string[] = [],
): Promise<void> {
  const now = parts.clock.now();
  const step = (name: MessageStep['step'], detail?: string): MessageStep =>
    detail === undefined
      ? { messageId: message.id, at: now, step: name }
      : { messageId: message.id, at: now, step: name, detail };
  const steps: MessageStep[] = [
    { messageId: message.id, at: message.receivedAt, step: 'received' },
    step('parsed', state === 'test' ? `MSH-11 ${message.processing}` : undefined),
    state === 'parked'
      ? step('parked', firstOf(faults).code)
      : step('identified', read.acts.map((act) => act.do).join()),
  ];
  const entry = { at: now, who: message.sourceId, action: 'create' as const, outcome: state, what: 'message' };
  const reason = state === 'parked' ? { reason: firstOf(faults).code } : {};
  try {
    await parts.store.commit({
      ...job,
      message: { id: message.id, state, faults, terms: read.terms, personIds },
      steps,
      audit: [{ ...entry, ...reason, thing: message.id }],
    });
  } catch (cause) {
    // Another process has the job now; what was done is done once.
    if (!(cause instanceof MixError) || cause.fault.code !== 'store.fenced') throw cause;
    return;
  }
  parts.answered(message.id, faults);
}

/** A failure that may pass is tried again later; one that will not is parked, and told. */
async function putOff(
  parts: FeedParts,
  job: Job,
  message: KeptMessage,
  read: UnderstoodFeed,
  cause: unknown,
): Promise<void> {
  const fault: Fault =
    cause instanceof MixError
      ? cause.fault
      : { code: 'record.unexpected', detail: cause instanceof Error ? cause.name : typeof cause };
  const retry = catalogue[fault.code].retry && job.attempts < ATTEMPTS_MAX;
  parts.log.warn(
    { job: job.id, message: message.id, code: fault.code, place: fault.place, retry },
    'a feed was put off',
  );
  const ref = { id: job.id, fence: job.fence };
  try {
    if (retry) {
      const dueAt = parts.clock.now() + Math.min(RETRY_MAX_MS, 500 * 2 ** job.attempts);
      await parts.store.commit({ jobRetry: { ...ref, dueAt, fault } });
    } else await end(parts, message, { jobParked: { ...ref, fault, blocks: false } }, read, [fault, ...read.faults]);
  } catch (again) {
    // The lease runs out and the job comes again; nothing is lost.
    const code = again instanceof MixError ? again.fault.code : 'record.unexpected';
    parts.log.error({ job: job.id, code }, 'a feed could not be put off');
  }
}
