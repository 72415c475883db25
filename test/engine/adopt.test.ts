import { createPrivateKey, X509Certificate } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type Adoption, type AdoptParts, createAdoption } from '../../engine/adopt.ts';
import { partsOfFile, type ReleasePart } from '../../engine/codes/index.ts';
import type { OpenedStore } from '../../engine/store/index.ts';
import { signAsNode, verifyNodeSignature } from '../../pki/index.ts';
import { MixError } from '../../schemas/errors/index.ts';
import type { NodeRole, Peer, PeerAnswer } from '../../schemas/exchange.ts';
import { makeExchange, type TestExchange } from '../support/exchange.ts';
import { openTestStore } from '../support/receiver.ts';

const day = 86_400_000;
const log = { info() {}, warn() {}, error() {} };
let now: number;
const clock = { now: () => now };
let exchange: TestExchange;
let nodes: { global: TestNode; region: TestNode; hospital: TestNode };
const closers: (() => Promise<void>)[] = [];

interface TestNode {
  adoption: Adoption;
  store: OpenedStore;
  /** Bends what goes down from this node. */
  bend?: (answer: PeerAnswer) => PeerAnswer;
  asked: string[];
  again(): Promise<Adoption>;
}

const sexes = (concepts: [string, string][], version = '1'): ReleasePart[] =>
  partsOfFile(
    'sexes.json',
    Buffer.from(
      JSON.stringify({
        resourceType: 'CodeSystem',
        url: 'urn:test:sexes',
        version,
        name: 'Sexes',
        concept: concepts.map(([code, display]) => ({ code, display })),
      }),
    ),
  );

async function openNode(role: NodeRole, above?: () => TestNode): Promise<TestNode> {
  const opened = await openTestStore(clock);
  closers.push(opened.close);
  const keys = exchange.keysOf('global');
  const signer = {
    key: createPrivateKey(keys.key),
    certificateChain: keys.chain.map((one) => new X509Certificate(one)),
  };
  const roots = [exchange.root.certificate];
  const parts: AdoptParts = {
    store: opened.store,
    clock,
    log,
    verify(bytes, signature) {
      const verdict = verifyNodeSignature(bytes, signature, { roots, at: now }, { role: 'global' });
      return verdict.holds ? { holds: true, signer: verdict.name.organization, until: verdict.until } : verdict;
    },
  };
  if (role === 'global') parts.sign = (bytes) => signAsNode(bytes, signer);
  if (above !== undefined) parts.above = peerTo(above);
  const make = () => createAdoption(parts, { node: { name: role, role }, exchange: '1.2.3', pollMs: 0 });
  const node: TestNode = {
    adoption: make(),
    store: opened.store,
    asked: [],
    async again() {
      await node.adoption.stop();
      node.adoption = make();
      await node.adoption.start();
      return node.adoption;
    },
  };
  return node;
}

function peerTo(node: () => TestNode): Peer {
  return {
    name: 'above',
    role: 'global',
    async ask({ path }) {
      node().asked.push(path);
      const answer = await node().adoption.release(new URLSearchParams(path.split('?')[1]).get('have') ?? undefined);
      if (answer === undefined) return { status: 404, headers: {}, body: Buffer.alloc(0) };
      const told = {
        status: answer.status,
        headers: answer.headers ?? {},
        body: answer.bytes?.body ?? Buffer.alloc(0),
      };
      return node().bend?.(told) ?? told;
    },
    async close() {},
  };
}

beforeEach(async () => {
  now = Date.now();
  exchange = makeExchange(now);
  const global = await openNode('global');
  const region = await openNode('region', () => global);
  const hospital = await openNode('hospital', () => region);
  nodes = { global, region, hospital };
  for (const node of Object.values(nodes)) await node.adoption.start();
});
afterEach(async () => {
  for (const node of Object.values(nodes)) await node.adoption.stop();
  for (const close of closers.splice(0)) await close();
});

const publish = (concepts: [string, string][]) => nodes.global.adoption.setOwn(sexes(concepts));
const fault = async (run: Promise<unknown>) => {
  try {
    await run;
  } catch (cause) {
    if (cause instanceof MixError) return [cause.fault.code, cause.fault.place];
    throw cause;
  }
  return 'nothing thrown';
};

describe('what all nodes share', () => {
  test('goes from the global node to the region and from there to the hospital', async () => {
    await publish([['F', 'Female']]);
    expect(await nodes.region.adoption.poll()).toBe('taken');
    expect(await nodes.hospital.adoption.poll()).toBe('taken');
    expect(nodes.hospital.adoption.displayOf('urn:test:sexes', 'F')).toBe('Female');
    const view = await nodes.hospital.adoption.view();
    const published = await nodes.global.adoption.view();
    expect(view).toMatchObject({ version: published?.version, from: 'above', signer: '2.16.840.1.113883.19.1' });
    expect(view?.parts).toEqual([
      { name: 'code systems', count: 1 },
      { name: 'codes', count: 1 },
    ]);
    expect(published?.from).toBeUndefined();
  });

  test('what is held is not sent again; what is newer is', async () => {
    await publish([['F', 'Female']]);
    await nodes.region.adoption.poll();
    expect(await nodes.region.adoption.poll()).toBe('same');
    expect(nodes.global.asked.at(-1)).toMatch(/have=/);
    await publish([
      ['F', 'Female'],
      ['M', 'Male'],
    ]);
    expect(await nodes.region.adoption.poll()).toBe('taken');
    expect(nodes.region.adoption.displayOf('urn:test:sexes', 'M')).toBe('Male');
  });

  test('the same parts are not published twice', async () => {
    await publish([['F', 'Female']]);
    const before = await nodes.global.adoption.view();
    now += day;
    await publish([['F', 'Female']]);
    expect(await nodes.global.adoption.view()).toEqual(before);
  });

  test('before anything is published there is nothing to take, and nothing in force', async () => {
    expect(await nodes.region.adoption.poll()).toBe('same');
    expect(await nodes.region.adoption.view()).toBeUndefined();
    expect(await nodes.region.adoption.release(undefined)).toBeUndefined();
  });

  test('a restart finds what was in force', async () => {
    await publish([['F', 'Female']]);
    await nodes.region.adoption.poll();
    const view = await nodes.region.adoption.view();
    const again = await nodes.region.again();
    expect(await again.view()).toEqual(view);
    expect(again.displayOf('urn:test:sexes', 'F')).toBe('Female');
    expect((await nodes.global.again()).displayOf('urn:test:sexes', 'F')).toBe('Female');
  });

  test('a root certificate comes down whole', async () => {
    const pem = String(exchange.root.certificate);
    await nodes.global.adoption.setOwn([...sexes([['F', 'Female']]), ...partsOfFile('root.pem', Buffer.from(pem))]);
    await nodes.region.adoption.poll();
    expect(nodes.region.adoption.roots().map((one) => new X509Certificate(one).fingerprint256)).toEqual([
      exchange.root.certificate.fingerprint256,
    ]);
  });

  test('the taking is written into the audit', async () => {
    await publish([['F', 'Female']]);
    await nodes.region.adoption.poll();
    const rows = (await nodes.region.store.audit({ who: 'above', limit: 10 })).rows;
    expect(rows).toMatchObject([{ action: 'update', what: 'release', outcome: 'done' }]);
  });
});

describe('local additions', () => {
  test('add to what is shared, never change it, and stay at home', async () => {
    await publish([['F', 'Female']]);
    await nodes.region.adoption.poll();
    await nodes.hospital.adoption.poll();
    await nodes.hospital.adoption.setOwn(
      sexes([
        ['F', 'changed here'],
        ['X', 'of our own'],
      ]),
    );
    expect(nodes.hospital.adoption.displayOf('urn:test:sexes', 'F')).toBe('Female');
    expect(nodes.hospital.adoption.displayOf('urn:test:sexes', 'X')).toBe('of our own');
    const view = await nodes.hospital.adoption.view();
    expect(view?.local).toEqual([
      { name: 'code systems', count: 1 },
      { name: 'codes', count: 2 },
    ]);
    expect(view?.parts.find(({ name }) => name === 'codes')?.count).toBe(1);
    expect(nodes.region.adoption.displayOf('urn:test:sexes', 'X')).toBeUndefined();
  });

  test('are there without any release too', async () => {
    await nodes.hospital.adoption.setOwn(sexes([['X', 'of our own']]));
    expect(nodes.hospital.adoption.displayOf('urn:test:sexes', 'X')).toBe('of our own');
    expect(await nodes.hospital.adoption.view()).toMatchObject({ version: 'none' });
    expect(await nodes.hospital.adoption.release(undefined)).toBeUndefined();
  });

  test('survive a newer release', async () => {
    await nodes.region.adoption.setOwn(sexes([['X', 'of our own']]));
    await publish([['F', 'Female']]);
    await nodes.region.adoption.poll();
    expect(nodes.region.adoption.displayOf('urn:test:sexes', 'X')).toBe('of our own');
  });
});

describe('what is not taken: the version in force stays', () => {
  type Wire = { manifest: string; signature: string; parts: Record<string, string> };
  const bendWire =
    (change: (wire: Wire) => void) =>
    (answer: PeerAnswer): PeerAnswer => {
      if (answer.status !== 200) return answer;
      const wire = JSON.parse(answer.body.toString()) as Wire;
      change(wire);
      return { ...answer, body: Buffer.from(JSON.stringify(wire)) };
    };
  const cases: [string, (answer: PeerAnswer) => PeerAnswer, string][] = [
    [
      'a part that is damaged',
      bendWire((wire) => {
        for (const key of Object.keys(wire.parts)) wire.parts[key] += ' ';
      }),
      'manifest.parts[0]',
    ],
    [
      'a part that is missing',
      bendWire((wire) => {
        wire.parts = {};
      }),
      'manifest.parts[0]',
    ],
    [
      'another manifest',
      bendWire((wire) => {
        wire.manifest = wire.manifest.replace('Female', 'X').replace('"count":2', '"count":3');
      }),
      'signature',
    ],
    [
      'no signature',
      bendWire((wire) => {
        wire.signature = '';
      }),
      'signature',
    ],
    ['half an answer', (answer) => ({ ...answer, body: answer.body.subarray(0, 50) }), 'release'],
    ['a page', (answer) => ({ ...answer, body: Buffer.from('<html>') }), 'release'],
    ['a failure', (answer) => ({ ...answer, status: 500 }), 'above'],
  ];
  test.each(cases)('%s', async (_, bend, place) => {
    await publish([['F', 'Female']]);
    await nodes.region.adoption.poll();
    const before = await nodes.region.adoption.view();
    await publish([
      ['F', 'Female'],
      ['M', 'Male'],
    ]);
    nodes.global.bend = bend;
    expect(await fault(nodes.region.adoption.poll())).toEqual(['exchange.release', place]);
    expect(await nodes.region.adoption.view()).toEqual(before);
    expect(await (await nodes.region.again()).view()).toEqual(before);
    delete nodes.global.bend;
    expect(await nodes.region.adoption.poll()).toBe('taken');
  });

  test('signed by a region', async () => {
    await publish([['F', 'Female']]);
    const keys = exchange.keysOf('region');
    const signer = {
      key: createPrivateKey(keys.key),
      certificateChain: keys.chain.map((one) => new X509Certificate(one)),
    };
    nodes.global.bend = bendWire((wire) => {
      wire.signature = signAsNode(Buffer.from(wire.manifest), signer);
    });
    expect(await fault(nodes.region.adoption.poll())).toEqual(['exchange.release', 'signature']);
    expect(await nodes.region.adoption.view()).toBeUndefined();
  });

  test('an older one that was signed well', async () => {
    await publish([['F', 'Female']]);
    const older = await nodes.global.adoption.release(undefined);
    await publish([
      ['F', 'Female'],
      ['M', 'Male'],
    ]);
    await nodes.region.adoption.poll();
    nodes.global.bend = (answer) => ({ ...answer, status: 200, body: older!.bytes!.body });
    expect(await fault(nodes.region.adoption.poll())).toEqual(['exchange.release', 'manifest.sequence']);
    expect(nodes.region.adoption.displayOf('urn:test:sexes', 'M')).toBe('Male');
  });

  test('of another exchange', async () => {
    await publish([['F', 'Female']]);
    const other = createAdoption(
      {
        store: nodes.hospital.store,
        clock,
        log,
        verify: () => ({ holds: true, signer: 'x', until: now + day }),
        above: peerTo(() => nodes.global),
      },
      { node: { name: 'x', role: 'region' }, exchange: '9.9.9', pollMs: 0 },
    );
    expect(await fault(other.poll())).toEqual(['exchange.release', 'manifest.exchange']);
  });
});

test('a signature whose certificate is about to end is asked for and made anew', async () => {
  await publish([['F', 'Female']]);
  await nodes.region.adoption.poll();
  const before = nodes.global.asked.length;
  // The certificates of nodes live 90 days.
  now += 85 * day;
  expect(await nodes.region.adoption.poll()).toBe('same');
  expect(nodes.global.asked.slice(before)).toEqual(['$release']);
});
