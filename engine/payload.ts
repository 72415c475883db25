/**
 * What a delivery says, as things are when it goes out: an identity feed or numbers (PIXm ITI-104), a document (MHD ITI-65), a withdrawal,
 * or a message in the form of its receiver.
 */
import type { Delivery, KeptMessage, Person, Store } from '../schemas/parts.ts';
import type { VendorProfile } from '../schemas/vendors/profile.ts';
import { type ExchangeSetup, feedOptionsOf, numbersToTell } from './domains.ts';
import { composeFor, type Receiver } from './hl7v2/index.ts';
import { fhirIdentifier, makeFeed, makeProvideBundle, makeWithdrawal, readNumber, tokenOf } from './ihe/index.ts';
import { survivorOf } from './join.ts';
import { controlIdOf } from './outbound/index.ts';
import type { Payload } from './send.ts';
import { readKept } from './understand.ts';

export interface PayloadParts {
  store: Store;
  now(): number;
  /** The form that an outlet wants; undefined where messages go as they came. */
  receiverOf(outlet: string): Receiver | undefined;
  /** The profile of a kept message's sender. */
  profileOf(message: KeptMessage): VendorProfile;
  /** What an outlet that subscribed is told (ITI-10); absent where nobody did. */
  noticeOf?(delivery: Delivery): Promise<Payload | undefined>;
}

/** Undefined when nothing (more) is to be said. Throws what composing or reading a message throws. */
export async function payloadOf(
  parts: PayloadParts,
  about: { node: { name: string }; exchange: ExchangeSetup | undefined },
  delivery: Delivery,
  earlier: { replaces?: string },
): Promise<Payload | undefined> {
  if (delivery.kind === 'message') return messagePayload(parts, about.node.name, delivery);
  if (delivery.kind === 'notice') return parts.noticeOf?.(delivery);
  const setup = about.exchange;
  if (setup === undefined) return undefined;
  if (delivery.kind === 'withdraw') {
    const document = await parts.store.document(delivery.thing);
    const status = document?.state === 'superseded' ? 'superseded' : 'entered-in-error';
    const { identifier, body } = makeWithdrawal(delivery.thing, status);
    return put('DocumentReference', identifier, body);
  }
  if (delivery.kind === 'document') return documentPayload(parts, setup, delivery, earlier);
  if (delivery.kind === 'numbers') return numbersPayload(parts, setup, delivery);
  const person = await parts.store.person(delivery.thing);
  return person && feedPayload(parts, setup, person);
}

/** A conditional update (FHIR R4 http 3.1.0.7.1). */
function put(
  type: string,
  identifier: string,
  body: Extract<Payload, { request: unknown }>['request']['body'],
): Payload {
  return { request: { method: 'PUT', path: `${type}?identifier=${encodeURIComponent(identifier)}`, body: body! } };
}

async function feedPayload(parts: PayloadParts, setup: ExchangeSetup, person: Person): Promise<Payload | undefined> {
  const survivor = person.mergedInto === undefined ? undefined : await parts.store.person(person.mergedInto);
  const feed = makeFeed(person, feedOptionsOf(setup), survivor);
  return feed && put('Patient', feed.identifier, feed.patient);
}

/**
 * The numbers that the exchange gave, for one local patient of a node below: `delivery.thing` is the entry that keeps the patient as it was fed.
 * No demographics: what the hospital knows of its patient is the hospital's.
 */
async function numbersPayload(
  parts: PayloadParts,
  setup: ExchangeSetup,
  delivery: Delivery,
): Promise<Payload | undefined> {
  const entry = (await parts.store.entriesById([delivery.thing])).get(delivery.thing);
  const person = entry && (await parts.store.person(entry.personId));
  if (entry === undefined || person === undefined || entry.removed) return undefined;
  const local = readNumber(entry.key.slice('Patient|'.length), 'identifier');
  const numbers = numbersToTell(setup, person);
  if (numbers.length === 0) return undefined;
  return put('Patient', tokenOf(local), {
    resourceType: 'Patient',
    identifier: [{ system: local.system, value: local.value }, ...numbers.map(fhirIdentifier)],
  });
}

async function documentPayload(
  parts: PayloadParts,
  setup: ExchangeSetup,
  delivery: Delivery,
  about: { replaces?: string },
): Promise<Payload | undefined> {
  const document = await parts.store.document(delivery.thing);
  if (document === undefined || document.state === 'deprecated') return undefined;
  // What was tried before its person was merged away is tried until it is answered: under the survivor's number then.
  const person = await survivorOf(parts.store, document.personId);
  const feed = person && makeFeed(person, feedOptionsOf(setup));
  if (feed === undefined) return undefined;
  // What the receiver never got can not be replaced there.
  const { replaces: _replaces, ...rest } = document;
  const told = about.replaces === undefined ? rest : { ...rest, replaces: about.replaces };
  const bundle = makeProvideBundle(
    told,
    {
      patient: feed.patient,
      number: readNumber(feed.identifier, 'identifier'),
      organization: setup.organization,
      base: setup.base,
      mediaType: 'text/xml',
      title: 'Continuity of Care Document',
      language: 'en-US',
    },
    setup.documents === 'region',
  );
  return { request: { method: 'POST', path: '', body: bundle } };
}

async function messagePayload(parts: PayloadParts, nodeName: string, delivery: Delivery): Promise<Payload | undefined> {
  const message = await parts.store.message(delivery.thing);
  if (message === undefined) return undefined;
  const receiver = parts.receiverOf(delivery.outlet);
  if (receiver === undefined) return { bytes: message.bytes, name: message.type };
  const controlId = controlIdOf(delivery.id, nodeName);
  const told = readKept(message, parts.profileOf(message));
  return { bytes: composeFor(told, receiver, { controlId, now: parts.now() }), name: message.type };
}
