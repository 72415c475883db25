/**
 * PIX messages that others wrote: each feed is read as what it says and filed, and each query that their answers tell of is answered here as it was there.
 * The HL7 v3 forms beside them are not ours to read.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createAuthorities } from '../../engine/authorities.ts';
import { authorize } from '../../engine/authorize.ts';
import type { ExchangeSetup } from '../../engine/domains.ts';
import { createIndexDoor } from '../../engine/identity.ts';
import { takeFeeds } from '../../engine/pix-feed.ts';
import { type FeedAct, type UnderstoodFeed, understandFeed } from '../../engine/pix-read.ts';
import { createQueries, type LineAsker } from '../../engine/query.ts';
import { uuidv7 } from '../../engine/record/index.ts';
import { createServe } from '../../engine/serve.ts';
import { isWarning } from '../../engine/understand.ts';
import type { Fault } from '../../schemas/errors/index.ts';
import type { KeptMessage } from '../../schemas/parts.ts';
import { profileNamed } from '../../schemas/vendors/profile.ts';
import { openNodes, type TestNodes } from '../support/nodes.ts';

const folder = resolve(process.env['MIX_CORPORA'] ?? '../shared/corpora', 'hl7v2/ihe-pix');
const there = existsSync(folder);
const why = there ? '' : ` (skipped: no ${folder})`;

const ICW = '2.16.840.1.113883.3.37.4.1.1.2';
/** Every authority that the messages name, by namespace where they give one. */
const domains: Record<string, string> = {
  MPI: `${ICW}.1.1`,
  '130': `${ICW}.1.1`,
  KHKN: `${ICW}.611.1`,
  HZLN: `${ICW}.411.1`,
  PKLN: `${ICW}.511.1`,
  XREF2005: '1.3.6.1.4.1.21367.2005.1.2',
  HIMSS2005: '1.3.6.1.4.1.21367.2005.1.1',
  domain2: '1.2.3.4.777',
  domain1: '1.2.3.4.666',
  maximal: '1.2.3.4.5.1000',
};
const oids = [...new Set(Object.values(domains))];
const urn = (name: string): string => `urn:oid:${domains[name]}`;
const source = { id: 'outside', profile: 'plain', authority: '2.16.840.1.113883.19.999', facility: 'OUTSIDE' };
const sourceSetup = {
  source,
  profile: 'plain',
  charset: 'utf-8',
  acknowledgment: 'original' as const,
  zone: 'UTC',
  processing: 'P',
};
const fed = { systems: new Set(oids.map((oid) => `urn:oid:${oid}`)), names: domains };
const bytesOf = (path: string): Buffer => readFileSync(join(folder, path));
const read = (bytes: Buffer): UnderstoodFeed =>
  understandFeed({ bytes, receivedAt: Date.UTC(2026, 10, 23) }, sourceSetup, profileNamed('plain'), fed);
const errorsOf = ({ faults }: UnderstoodFeed): Fault[] => faults.filter((one) => !isWarning(one));

/** What each feed asks of the index. */
const feeds: Record<string, (acts: FeedAct[]) => void> = {
  'pixsource/v2/A01.hl7': (acts) => {
    expect(acts).toMatchObject([{ do: 'feed', number: { system: urn('MPI'), value: '306563' } }]);
    expect(acts[0]).toMatchObject({
      patient: {
        name: [{ family: 'Bob', given: ['Barker', 'R.'] }],
        gender: 'male',
        birthDate: '1929-04-05',
        telecom: [{ system: 'email', value: 'bankrobber@aol.com' }],
        identifier: [{ value: '306563' }, { system: urn('KHKN'), value: '30753' }],
      },
    });
  },
  'pixsource/v2/A01_with_BR.hl7': (acts) =>
    expect(acts).toMatchObject([
      { patient: { name: [{ family: 'Molly', given: ['Barker', 'R.'] }, { family: 'Smith' }], gender: 'female' } },
    ]),
  'pixsource/v2/A04.hl7': (acts) =>
    expect(acts).toMatchObject([
      {
        number: { system: urn('MPI'), value: '305090' },
        patient: { address: [{ city: 'Walldorf', postalCode: '69226', country: 'DEU' }], gender: 'unknown' },
      },
    ]),
  'pixsource/v2/A08.hl7': (acts) =>
    expect(acts).toMatchObject([
      { do: 'feed', number: { value: '306567' }, patient: { telecom: [{ value: '6078652191' }] } },
    ]),
  'pixsource/v2/A40.hl7': (acts) =>
    expect(acts).toMatchObject([
      { do: 'merge', old: { value: '704686' }, into: { system: urn('130'), value: '142025' } },
    ]),
  'pixfeed/v2/PIX_FEED_REG_Maximal_Request.hl7': (acts) =>
    expect(acts).toMatchObject([
      {
        do: 'feed',
        number: { system: urn('HIMSS2005'), value: 'PIX10515W3' },
        patient: {
          name: [
            { family: 'WASHINGTON', given: ['MARY', 'ROSE'], suffix: ['II'], prefix: ['Dr.'] },
            { given: ['ANNE'] },
            { family: 'DEAN' },
          ],
          address: [{ city: 'CHICAGO', postalCode: '60523' }, { postalCode: '60555' }],
        },
      },
    ]),
  'pixfeed/v2/PIX_FEED_REV_Maximal_Request.hl7': (acts) =>
    expect(acts).toMatchObject([{ do: 'feed', patient: { name: [{ family: 'WASHINGTON-UPDATE' }, {}, {}] } }]),
  'pixfeed/v2/PIX_FEED_MERGE_Maximal_Request.hl7': (acts) =>
    expect(acts).toMatchObject([
      {
        do: 'merge',
        old: { system: urn('domain1'), value: '120-02' },
        into: { system: urn('maximal'), value: '120-01' },
      },
    ]),
};

describe.skipIf(!there)(`feeds${why}`, () => {
  test('are all judged here', () => {
    const all = ['pixsource/v2', 'pixfeed/v2'].flatMap((path) =>
      (there ? readdirSync(join(folder, path)) : []).map((name) => `${path}/${name}`),
    );
    expect(all.sort()).toEqual([...Object.keys(feeds), 'pixsource/v2/A10.hl7'].sort());
  });

  for (const [path, judge] of Object.entries(feeds))
    test(path, () => {
      const understood = read(bytesOf(path));
      expect(errorsOf(understood)).toEqual([]);
      judge(understood.acts);
    });

  test('A10 is none of the feed, and is told so', () => {
    expect(errorsOf(read(bytesOf('pixsource/v2/A10.hl7')))).toEqual([{ code: 'pix.event', place: 'MSH-9.2' }]);
  });
});

describe.skipIf(!there)(`the index with them${why}`, () => {
  let nodes: TestNodes;
  let setup: ExchangeSetup;
  const from = { kind: 'peer' as const, id: 'outside', role: 'hospital' as const, organization: '' };
  const log = { info() {}, warn() {}, error() {} };

  beforeAll(async () => {
    nodes = await openNodes({ only: ['region'] });
    const node = { name: 'outside', role: 'hospital' as const, organization: '', authorities: oids.join(' ') };
    setup = { ...nodes.region.setup, nodes: [...nodes.region.setup.nodes, node] };
  });
  afterAll(() => nodes?.close());

  const partsOf = () => {
    const { clock, region } = nodes;
    const { store } = region;
    const permit = (who: Parameters<typeof authorize>[1], ...what: [never, never, never?, never?]) =>
      authorize({ store, clock }, who, ...what);
    return { store, clock, log, permit: permit as never };
  };

  /** Keeps a message and its job, works it off, and gives the faults that its sender hears. */
  async function take(bytes: Buffer): Promise<Fault[]> {
    const parts = partsOf();
    const id = uuidv7();
    const message: KeptMessage = {
      id,
      sourceId: 'outside',
      receivedAt: nodes.clock.now(),
      state: 'kept',
      type: 'ADT',
      version: '2.3.1',
      processing: 'P',
      bytes,
      charset: 'utf-8',
      facts: { controlId: id, sendingApplication: '', sendingFacility: '', patientNumbers: [] },
      ackCode: 'AA',
      ack: Buffer.alloc(0),
      faults: [],
      digest: Buffer.from(id.replaceAll('-', ''), 'hex'),
      identity: id,
    };
    const job = { id, kind: 'process' as const, subject: id, keys: ['outside'], dueAt: 0 };
    await parts.store.keep(message, [], job, { identityIsUnique: false });
    let told: Fault[] = [];
    const door = { ...createServe({ ...parts, peer: () => undefined }, setup), ...createIndexDoor(parts, setup) };
    const jobs = await parts.store.lease(['process'], 10);
    await takeFeeds(
      {
        ...parts,
        door,
        subjectOf: () => from,
        understood: () => read(bytes),
        answered: (_id, faults) => {
          told = faults.filter((one) => !isWarning(one));
        },
        processing: 'P',
      },
      jobs,
    );
    return told;
  }

  /** Somebody with this number, like nobody else. */
  const people = ['Wrenfield^Tobias||19550505|M', 'Castellan^Ingrid||19620817|F', 'Okonjo^Ruth||19790123|F'].concat([
    'Marchetti^Paolo||19411130|M',
    'Halloway^Dolores||19880604|F',
    'Fenwick^Ephraim||20010920|M',
  ]);
  const feedOf = (number: string): Buffer =>
    Buffer.from(
      ['MSH|^~\\&|A|B|C|D|20260101||ADT^A28|1|P|2.5', 'EVN|A28|20260101', `PID|1||${number}||${people.shift()}`].join(
        '\r',
      ),
    );

  test('takes every feed; a merge needs both patients', async () => {
    const merges = ['pixsource/v2/A40.hl7', 'pixfeed/v2/PIX_FEED_MERGE_Maximal_Request.hl7'];
    for (const path of Object.keys(feeds)) {
      if (!merges.includes(path)) expect(await take(bytesOf(path)), path).toEqual([]);
    }
    expect(await take(bytesOf(merges[0]!))).toEqual([{ code: 'pix.unknown-patient', place: 'PID-3[1].1' }]);
    for (const number of [
      `142025^^^&${ICW}.1.1&ISO`,
      `704686^^^&${ICW}.1.1&ISO`,
      '120-01^^^maximal',
      '120-02^^^domain1',
    ])
      expect(await take(feedOf(number))).toEqual([]);
    for (const path of merges) expect(await take(bytesOf(path)), path).toEqual([]);
    const { store } = nodes.region;
    const [old, into] = [
      { system: urn('domain1'), value: '120-02' },
      { system: urn('maximal'), value: '120-01' },
    ];
    const holders = await store.personsByIdentifier([old, into]);
    expect(holders.get(`${old.system}|${old.value}`)).toBe(holders.get(`${into.system}|${into.value}`));
  });

  const asker: LineAsker = { from, sees: 'all', kind: 'pix', charset: 'utf-8' };

  test('answers each query as theirs was', async () => {
    const known = [`79471^^^HZLN&${ICW}.411.1&ISO^PI~78912^^^PKLN&${ICW}.511.1&ISO^PI`, '79234^^^HZLN^PI'];
    for (const number of known) expect(await take(feedOf(number))).toEqual([]);
    const names = Object.entries(domains).map(([name, oid]) => ({ name, oid }));
    const limits = { pageSize: 10, continuationsMax: 10, continuationMs: 1_000 };
    const queries = createQueries(partsOf(), setup, createAuthorities(setup, names), limits);
    // Of two names of one authority the last is written; the answers below name each as theirs do.
    for (const name of readdirSync(join(folder, 'pixquery/v2')).filter((one) => one.endsWith('_Response.hl7'))) {
      const theirs = segmentsOf(bytesOf(`pixquery/v2/${name}`).toString('latin1'));
      const qpd = theirs['QPD'] ?? ['QPD', 'QRY_1001', 'T', '79471^^^HZLN', '^^^PKLN~^^^NONEXISTING~^^^&1.2.3.4&ISO'];
      const query = ['MSH|^~\\&|A|B|C|D|20260101||QBP^Q23^QBP_Q21|10501108|P|2.5', qpd.join('|'), 'RCP|I', ''];
      const answer = await queries.answer(Buffer.from(query.join('\r')), asker);
      const ours = segmentsOf(answer.toString('utf8'));
      const numbers = (ours['PID']?.[3] ?? '').split('~').filter((one) => one !== '' && !isOurOwn(one));
      expect(numbers, name).toEqual((theirs['PID']?.[3] ?? '').split('~').filter(Boolean));
      if (name.startsWith('err')) {
        expect(ours['MSA']?.[1], name).toBe('AE');
        const places = answer
          .toString()
          .split('\r')
          .filter((one) => one.startsWith('ERR'))
          .map((one) => one.split('|')[2]);
        expect(places, name).toEqual(theirs['ERR']?.[2]?.split('~'));
        expect(ours['ERR']?.[3]?.slice(0, 3), name).toBe(theirs['ERR']?.[3]?.slice(0, 3));
      } else {
        expect(ours['MSA']?.[1], name).toBe('AA');
        expect(ours['QPD'], name).toEqual(theirs['QPD']);
        if (numbers.length > 0) expect([ours['QAK']?.[2], ours['PID']?.[5]], name).toEqual(['OK', theirs['PID']?.[5]]);
      }
    }
  });

  /** The X-PID, which a query for all domains is told as well: their index gave no numbers of its own. */
  const isOurOwn = (number: string): boolean => number.includes(`${setup.organization.oid}.2&`);
});

/** Fields of the first segment of each name. */
function segmentsOf(text: string): Record<string, string[]> {
  const lines = text.split(/[\r\n]+/).filter(Boolean);
  return Object.fromEntries(lines.toReversed().map((line) => [line.slice(0, 3), line.split('|')]));
}
