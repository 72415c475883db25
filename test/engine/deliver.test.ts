import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createDeliverer, type Deliverer, type DeliverLimits } from '../../engine/deliver.ts';
import { deliverJob, newDelivery } from '../../engine/deliveries.ts';
import { uuidv7 } from '../../engine/record/index.ts';
import type { SendParts } from '../../engine/send.ts';
import type { OpenedStore } from '../../engine/store/index.ts';
import { MixError } from '../../schemas/errors/index.ts';
import type { Delivery, DeliveryKind, Outlet, StoredDocument } from '../../schemas/parts.ts';
import { makeReceiver, openTestStore, type Receiver } from '../support/receiver.ts';

const limits: DeliverLimits = {
  inFlightMax: 4,
  firstRetryMs: 1_000,
  longestRetryMs: 60_000,
  giveUpMs: 86_400_000,
  breakAfter: 3,
  restMs: 5_000,
};
const start = Date.UTC(2026, 10, 23, 12);

let now = start;
let opened: Awaited<ReturnType<typeof openTestStore>>;
let store: OpenedStore;
let receiver: Receiver;
let deliverer: Deliverer;
const clock = { now: () => now };
const log = { info() {}, warn() {}, error() {} };

/** The path of a request names what it is about, so that tests can tell the order. */
const payloadOf: SendParts['payloadOf'] = async (delivery, { replaces }) => ({
  request: { method: 'PUT', path: `${delivery.kind}/${delivery.thing}${replaces ? `?replaces=${replaces}` : ''}` },
});

function make(
  more: Partial<Parameters<typeof createDeliverer>[0]> = {},
  rules: Partial<DeliverLimits> = {},
): Deliverer {
  const made = createDeliverer(
    {
      store,
      clock,
      log,
      random: () => 0.5,
      peer: (name) => (name === 'region' ? receiver.peer : undefined),
      outlet: () => undefined,
      payloadOf,
      ...more,
    },
    { ...limits, ...rules },
  );
  made.setOutlets(['region', 'lab']);
  return made;
}

async function put(
  what: { personId?: string; kind?: DeliveryKind; thing?: string; outlet?: string } = {},
): Promise<Delivery> {
  const { kind = 'feed', outlet = 'region', personId = uuidv7(now) } = what;
  const delivery = newDelivery({ outlet, kind, thing: what.thing ?? personId, personId }, now);
  await store.commit({ deliveries: [delivery], jobsNew: [deliverJob(delivery, now)] });
  return delivery;
}

/** Waits until a condition holds; time stands still meanwhile. */
async function until(holds: () => Promise<boolean> | boolean): Promise<void> {
  for (let tries = 0; !(await holds()); tries += 1) {
    if (tries > 2_000) throw new Error('it did not come to that');
    await new Promise((next) => setTimeout(next, 2));
  }
}

const stateOf = async (delivery: Delivery) => (await store.delivery(delivery.id))?.state;
const settled = (...all: Delivery[]) =>
  until(async () => (await Promise.all(all.map(stateOf))).every((state) => state !== 'waiting'));
const tried = (delivery: Delivery, attempts: number) =>
  until(async () => {
    const known = await store.delivery(delivery.id);
    return known !== undefined && known.attempts >= attempts && known.nextAt !== undefined;
  });

/** Moves time on; whoever sleeps by the clock is woken. */
function pass(ms: number): void {
  now += ms;
  deliverer.setOutlets(['region', 'lab']);
}

beforeEach(async () => {
  now = start;
  opened = await openTestStore(clock);
  store = opened.store;
  receiver = makeReceiver();
  deliverer = make();
});

afterEach(async () => {
  await deliverer.stop();
  await opened.close();
});

describe('a delivery', () => {
  it('is sent once, with its id, and written down as sent', async () => {
    const delivery = await put();
    deliverer.start();
    await settled(delivery);
    expect(receiver.asked).toEqual([{ deliveryId: delivery.id, path: `feed/${delivery.thing}` }]);
    expect(await store.delivery(delivery.id)).toMatchObject({ state: 'sent', attempts: 1, lastAt: now });
    const { rows } = await store.audit({ action: 'disclose', limit: 10 });
    expect(rows).toMatchObject([{ who: 'node', outcome: 'Permit', what: 'patient', thing: delivery.thing }]);
    expect(await store.lease(['deliver/region'], 10)).toEqual([]);
  });

  it('has its effect once when the answer is lost after it', async () => {
    receiver.script = ['lost', 'lost'];
    const delivery = await put();
    deliverer.start();
    await tried(delivery, 1);
    expect(await store.delivery(delivery.id)).toMatchObject({ fault: { code: 'exchange.unreachable' } });
    pass(1_000);
    await tried(delivery, 2);
    pass(60_000);
    await settled(delivery);
    expect(receiver.asked).toHaveLength(3);
    expect(receiver.effects).toEqual([{ deliveryId: delivery.id, path: `feed/${delivery.thing}` }]);
    expect(await store.delivery(delivery.id)).toMatchObject({ state: 'sent', attempts: 3 });
    expect((await store.delivery(delivery.id))?.fault).toBeUndefined();
  });

  it('is parked with code and place of the answer, and lets the next of its patient pass', async () => {
    receiver.script = [422];
    const first = await put();
    const second = await put({ personId: first.personId! });
    deliverer.start();
    await settled(first, second);
    expect(await store.delivery(first.id)).toMatchObject({
      state: 'parked',
      fault: { code: 'exchange.refused', detail: '422 exchange.profile', place: 'Bundle.entry[0]' },
    });
    expect(await stateOf(second)).toBe('sent');
  });

  it('holds back the next of its patient while it fails, and nobody else', async () => {
    receiver.script = [500];
    const first = await put();
    const second = await put({ personId: first.personId! });
    const other = await put();
    deliverer.start();
    await settled(other);
    await tried(first, 1);
    expect(receiver.effects.map((one) => one.deliveryId)).toEqual([other.id]);
    pass(1_000);
    await settled(first, second);
    expect(receiver.effects.map((one) => one.deliveryId)).toEqual([other.id, first.id, second.id]);
  });

  it('keeps the order of each patient whatever happens on the way', async () => {
    const happenings = ['well', 'well', 'lost', 500, 'down', 'well', 503] as const;
    receiver.script = Array.from({ length: 60 }, (_, i) => happenings[(i * 5) % happenings.length]!);
    const persons = Array.from({ length: 6 }, () => uuidv7(now));
    const all: Delivery[] = [];
    for (let round = 0; round < 5; round += 1) for (const personId of persons) all.push(await put({ personId }));
    deliverer.start();
    await until(async () => {
      pass(30_000);
      return (await Promise.all(all.map(stateOf))).every((state) => state === 'sent');
    });
    expect(receiver.effects).toHaveLength(all.length);
    for (const personId of persons) {
      const wanted = all.filter((one) => one.personId === personId).map((one) => one.id);
      const ids = receiver.effects.filter((one) => one.path === `feed/${personId}`).map((one) => one.deliveryId);
      expect(ids).toEqual(wanted);
    }
  });

  it('is given up at its age with its last fault', async () => {
    receiver.always = 'down';
    const delivery = await put();
    deliverer.start();
    await tried(delivery, 1);
    pass(limits.giveUpMs + 60_000);
    await settled(delivery);
    expect(await store.delivery(delivery.id)).toMatchObject({
      state: 'parked',
      fault: { code: 'exchange.unreachable' },
    });
  });

  it('is refused where the policies do not permit it', async () => {
    await deliverer.stop();
    deliverer = make({
      payloadOf: () => Promise.reject(new MixError('policy.denied', { detail: 'No policy permits this.' })),
    });
    const delivery = await put();
    deliverer.start();
    await settled(delivery);
    expect(await stateOf(delivery)).toBe('refused');
    expect(receiver.asked).toEqual([]);
  });

  it('is superseded when nothing is left to say', async () => {
    await deliverer.stop();
    deliverer = make({ payloadOf: async () => undefined });
    const delivery = await put();
    deliverer.start();
    await settled(delivery);
    expect(await stateOf(delivery)).toBe('superseded');
  });

  it('is fed first where the receiver does not know the patient, and then goes', async () => {
    receiver.script = [404];
    const personId = uuidv7(now);
    const [document] = await keepDocuments(personId, 1);
    const delivery = await put({ personId, kind: 'document', thing: document!.id });
    deliverer.start();
    await settled(delivery);
    expect(receiver.asked.map((one) => one.path)).toEqual([
      `document/${document!.id}`,
      `feed/${personId}`,
      `document/${document!.id}`,
    ]);
    expect(receiver.effects.map((one) => one.path)).toEqual([`feed/${personId}`, `document/${document!.id}`]);
    expect(await stateOf(delivery)).toBe('sent');
  });

  it('does not go in circles with a receiver that never learns', async () => {
    receiver.script = Array.from({ length: 20 }, (_, i) => (i % 2 === 0 ? 404 : 'well'));
    const personId = uuidv7(now);
    const [document] = await keepDocuments(personId, 1);
    const delivery = await put({ personId, kind: 'document', thing: document!.id });
    deliverer.start();
    await settled(delivery);
    expect(await store.delivery(delivery.id)).toMatchObject({ state: 'parked', attempts: 4 });
  });

  it('that withdraws what is not there is done', async () => {
    receiver.script = [404];
    const delivery = await put({ kind: 'withdraw' });
    deliverer.start();
    await settled(delivery);
    expect(await store.delivery(delivery.id)).toMatchObject({ state: 'sent', receipt: 'not there' });
  });

  it('brings back what the answer changes here, in the commit that says it is sent', async () => {
    await deliverer.stop();
    const person = personWith(uuidv7(now));
    await store.commit({ persons: [{ person, expect: 0, terms: [] }] });
    let races = 1;
    deliverer = make({
      async takeAnswer() {
        const known = (await store.person(person.id))!;
        // Somebody else changes the person between our read and our write.
        if (races-- > 0) {
          const changed = { ...known, version: known.version + 1 };
          await store.commit({ persons: [{ person: changed, expect: known.version, terms: [] }] });
        }
        const identifiers = [
          ...known.identifiers,
          { system: 'urn:oid:2.999.1', value: '123-456-7890', type: 'PN', sourceId: 'region' },
        ];
        const next = { ...known, version: known.version + 1, identifiers };
        return { persons: [{ person: next, expect: known.version, terms: [] }] };
      },
    });
    const delivery = await put({ personId: person.id });
    deliverer.start();
    await settled(delivery);
    expect((await store.person(person.id))?.identifiers.map((one) => one.value)).toEqual(['1', '123-456-7890']);
    expect(receiver.asked).toHaveLength(1);
  });
});

describe('documents', () => {
  it('that were superseded before they were tried give way to the newest', async () => {
    const personId = uuidv7(now);
    const [first, second] = await keepDocuments(personId, 2);
    const one = await put({ personId, kind: 'document', thing: first!.id });
    deliverer.start();
    await settled(one);
    expect(receiver.effects.map(({ path }) => path)).toEqual([`document/${second!.id}`]);
    expect(await store.delivery(one.id)).toMatchObject({ state: 'sent', thing: second!.id });
    const two = await put({ personId, kind: 'document', thing: first!.id });
    await settled(two);
    expect(await stateOf(two)).toBe('superseded');
    expect(receiver.effects).toHaveLength(1);
  });

  it('say which of their set the receiver got last', async () => {
    const personId = uuidv7(now);
    const [first] = await keepDocuments(personId, 1);
    const one = await put({ personId, kind: 'document', thing: first!.id });
    deliverer.start();
    await settled(one);
    const [, third] = await keepDocuments(personId, 2, first!);
    const two = await put({ personId, kind: 'document', thing: third!.id });
    await settled(two);
    expect(receiver.effects.map(({ path }) => path)).toEqual([
      `document/${first!.id}`,
      `document/${third!.id}?replaces=${first!.id}`,
    ]);
  });

  it('that were tried go on as they were, since they may have arrived', async () => {
    receiver.script = ['lost'];
    const personId = uuidv7(now);
    const [first] = await keepDocuments(personId, 1);
    const one = await put({ personId, kind: 'document', thing: first!.id });
    deliverer.start();
    await tried(one, 1);
    const [second] = await keepDocuments(personId, 1, first!);
    const two = await put({ personId, kind: 'document', thing: second!.id });
    pass(60_000);
    await settled(one, two);
    expect(receiver.effects.map(({ path }) => path)).toEqual([
      `document/${first!.id}`,
      `document/${second!.id}?replaces=${first!.id}`,
    ]);
  });

  it('that were withdrawn before they were tried never go', async () => {
    const personId = uuidv7(now);
    const [first] = await keepDocuments(personId, 1);
    await store.commit({ documentStates: [{ id: first!.id, state: 'deprecated' }] });
    const one = await put({ personId, kind: 'document', thing: first!.id });
    deliverer.start();
    await settled(one);
    expect(await stateOf(one)).toBe('superseded');
    expect(receiver.asked).toEqual([]);
  });
});

describe('an outlet', () => {
  it('gets no more at once than its limit', async () => {
    const open = receiver.hold();
    const all: Delivery[] = [];
    for (let i = 0; i < 20; i += 1) all.push(await put());
    deliverer.start();
    await until(() => receiver.most >= limits.inFlightMax);
    expect(deliverer.states()).toContainEqual(expect.objectContaining({ outlet: 'region', inFlight: 4, state: 'up' }));
    open();
    await settled(...all);
    expect(receiver.most).toBe(limits.inFlightMax);
  });

  it('that is down is left alone in its rest, and one tries it after that', async () => {
    receiver.always = 'down';
    const all: Delivery[] = [];
    for (let i = 0; i < 30; i += 1) all.push(await put());
    let asks = 0;
    const ask = receiver.peer.ask;
    receiver.peer.ask = (request) => {
      asks += 1;
      return ask(request);
    };
    deliverer.start();
    await until(() => deliverer.states()[0]!.state === 'resting' && deliverer.states()[0]!.inFlight === 0);
    const first = asks;
    expect(first).toBeLessThanOrEqual(limits.breakAfter - 1 + limits.inFlightMax);
    pass(1_000);
    await new Promise((next) => setTimeout(next, 30));
    expect(asks).toBe(first);
    pass(limits.restMs);
    await until(() => asks > first && deliverer.states()[0]!.state === 'resting');
    expect(asks).toBe(first + 1);
    // Down since its first failure, however often it was tried.
    expect(deliverer.states()[0]).toMatchObject({ since: start, fault: { code: 'exchange.unreachable' } });
    receiver.always = 'well';
    pass(60_000);
    await settled(...all);
    expect(receiver.effects).toHaveLength(30);
    expect(deliverer.states()[0]).toMatchObject({ state: 'up', failures: 0 });
  });

  it('is tried at once when a human wants it', async () => {
    receiver.always = 'down';
    const delivery = await put();
    deliverer.start();
    for (let i = 0; i < 2; i += 1) await put();
    await until(() => deliverer.states()[0]!.state === 'resting' && deliverer.states()[0]!.inFlight === 0);
    receiver.always = 'well';
    const fresh = await put();
    deliverer.wake('region');
    await settled(fresh);
    pass(60_000);
    await settled(delivery);
    expect(receiver.effects).toHaveLength(4);
  });

  it('rests at once, and as long as it says, when it asks for it', async () => {
    receiver.script = [503];
    receiver.headers = { 'retry-after': '120' };
    const delivery = await put();
    deliverer.start();
    await tried(delivery, 1);
    expect(await store.delivery(delivery.id)).toMatchObject({
      nextAt: now + 120_000,
      fault: { code: 'exchange.busy', detail: '503 store.busy' },
    });
    await until(() => deliverer.states()[0]!.state === 'resting');
    pass(120_000);
    await settled(delivery);
  });

  it('that broke at one thing lets another make the next try', async () => {
    receiver.script = [500, 500, 500];
    const all = [await put(), await put(), await put()];
    deliverer.start();
    await Promise.all(all.map((one) => tried(one, 1)));
    await until(() => deliverer.states()[0]!.state === 'resting');
    const other = await put();
    const breaking = (await Promise.all(all.map((one) => store.delivery(one.id)))).find(
      (one) => one!.nextAt! > now + 3_750,
    )!;
    pass(4_000);
    await settled(other);
    expect(receiver.effects.map((one) => one.deliveryId)).toContain(other.id);
    expect(await stateOf(breaking)).toBe('waiting');
  });

  it('that is down does not keep another waiting', async () => {
    receiver.always = 'down';
    const sent: string[] = [];
    const lab: Outlet = {
      id: 'lab',
      async send({ deliveryId }) {
        sent.push(deliveryId);
        return { receipt: 'AA' };
      },
      close: async () => {},
    };
    await deliverer.stop();
    deliverer = make({
      outlet: (name) => (name === 'lab' ? lab : undefined),
      payloadOf: async (delivery) =>
        delivery.outlet === 'lab'
          ? { bytes: Buffer.from('MSH|'), name: 'one' }
          : { request: { method: 'PUT', path: 'x' } },
    });
    for (let i = 0; i < 10; i += 1) await put();
    const message = await put({ outlet: 'lab', kind: 'message' });
    deliverer.start();
    await settled(message);
    expect(sent).toEqual([message.id]);
    expect(await store.delivery(message.id)).toMatchObject({ state: 'sent', receipt: 'AA' });
  });

  it('that is gone from the settings has what waits for it parked', async () => {
    const delivery = await put({ outlet: 'pharmacy' });
    deliverer.start();
    await settled(delivery);
    expect(await store.delivery(delivery.id)).toMatchObject({
      state: 'parked',
      attempts: 0,
      fault: { code: 'outlet.unknown' },
    });
  });

  it('at rest does not keep what is too old', async () => {
    receiver.always = 'down';
    const all: Delivery[] = [];
    for (let i = 0; i < 12; i += 1) all.push(await put());
    deliverer.start();
    await until(() => deliverer.states()[0]!.state === 'resting' && deliverer.states()[0]!.inFlight === 0);
    now += limits.giveUpMs;
    const young = await put();
    pass(1);
    await settled(...all);
    expect(new Set(await Promise.all(all.map(stateOf)))).toEqual(new Set(['parked']));
    expect(await stateOf(young)).toBe('waiting');
  });
});

function personWith(
  id: string,
): Parameters<typeof store.commit>[0]['persons'] extends (infer P)[] | undefined
  ? P extends { person: infer Q }
    ? Q
    : never
  : never {
  return {
    id,
    version: 1,
    state: 'active',
    createdAt: now,
    updatedAt: now,
    incomplete: false,
    identifiers: [{ system: 'urn:oid:2.999', value: '1', type: 'MR', sourceId: 'east' }],
    patient: { resourceType: 'Patient', id },
  };
}

/** Keeps versions of one document set, each replacing the one before. */
async function keepDocuments(personId: string, count: number, after?: StoredDocument): Promise<StoredDocument[]> {
  if (after === undefined) await store.commit({ persons: [{ person: personWith(personId), expect: 0, terms: [] }] });
  const made: StoredDocument[] = [];
  let before = after;
  for (let i = 0; i < count; i += 1) {
    const id = uuidv7(now);
    const document: StoredDocument = {
      id,
      personId,
      setId: before?.setId ?? uuidv7(now),
      version: (before?.version ?? 0) + 1,
      state: 'current',
      createdAt: now,
      personVersion: 1,
      bytes: Buffer.from('<ClinicalDocument/>'),
      signature: Buffer.alloc(0),
      sha256: '',
    };
    if (before !== undefined) document.replaces = before.id;
    await store.commit({ documents: [document] });
    made.push(document);
    before = document;
  }
  return made;
}
