/**
 * The demo's exchange: settings of two hospitals, their region and the global node, each with its own folder, keys and authority, as
 * their operators would have made them. Written as YAML files, so that each node can also be started alone.
 */
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join, resolve } from 'node:path';
import { stringify } from 'yaml';
import { type Authority, createAuthority, openAuthority, pemOf } from '../../pki/index.ts';
import type { NodeRole } from '../../schemas/exchange.ts';
import { readSettings, type Settings } from '../../schemas/settings/index.ts';

/** HL7's branch for examples. */
const ARC = '2.16.840.1.113883.19.100';
const EXCHANGE_OID = `${ARC}.0`;

interface DemoListener {
  name: string;
  /** 2575 is the port that IANA gave to HL7. */
  port: number;
  facility: string;
  authority: string;
  charset?: string;
}

export interface DemoPlan {
  name: string;
  role: NodeRole;
  title: string;
  oid: string;
  /** Node above. */
  above?: string;
  portal: number;
  door: number;
  listeners: DemoListener[];
}

const PLANS: readonly DemoPlan[] = [
  {
    name: 'global',
    role: 'global',
    title: 'Demo Global Exchange',
    oid: `${ARC}.1`,
    portal: 8083,
    door: 8443,
    listeners: [],
  },
  {
    name: 'region',
    role: 'region',
    title: 'Demo Regional HIE',
    oid: `${ARC}.2`,
    above: 'global',
    portal: 8082,
    door: 8444,
    listeners: [],
  },
  {
    name: 'hospital-a',
    role: 'hospital',
    title: 'Harlan Ferry Hospital',
    oid: `${ARC}.3`,
    above: 'region',
    portal: 8080,
    door: 8445,
    listeners: [
      { name: 'meditech', port: 2575, facility: 'HFC', authority: `${ARC}.3.1` },
      { name: 'mckesson', port: 2576, facility: 'RVH', authority: `${ARC}.3.2` },
    ],
  },
  {
    name: 'hospital-b',
    role: 'hospital',
    title: 'Prairie Home Hospital',
    oid: `${ARC}.4`,
    above: 'region',
    portal: 8081,
    door: 8446,
    listeners: [
      { name: 'cpsi', port: 2577, facility: 'PHH', authority: `${ARC}.4.1` },
      { name: 'healthland', port: 2578, facility: 'SCH', authority: `${ARC}.4.2`, charset: 'windows-1252' },
    ],
  },
];

export interface DemoNode {
  plan: DemoPlan;
  settings: Settings;
  /** Its settings, for `mix-hie node FILE`. */
  file: string;
}

/** Makes (or finds) authorities, folders and settings of the four nodes under `data`. The order is that of starting: those above first. */
export async function provisionDemo(data: string): Promise<DemoNode[]> {
  const base = resolve(data);
  const shared = join(base, 'exchange');
  mkdirSync(join(shared, 'revocation'), { recursive: true, mode: 0o700 });
  const plans: DemoPlan[] = [];
  const taken = new Set<number>();
  for (const plan of PLANS) plans.push(await withFreePorts(plan, taken));
  const authorities = new Map<string, Authority>();
  for (const plan of plans) {
    const above = plan.above === undefined ? undefined : authorities.get(plan.above);
    authorities.set(plan.name, openOrCreate(join(base, plan.name, 'pki'), plan, above));
  }
  const roots = join(shared, 'roots.pem');
  writeFileSync(roots, pemOf([authorities.get('global')!.certificate]));
  return plans.map((plan) => {
    const input = settingsOf(plan, plans, { base, shared, roots });
    const file = join(base, `${plan.name}.yaml`);
    writeFileSync(file, stringify(input), { mode: 0o600 });
    return { plan, file, settings: readSettings(input, { baseDir: base }) };
  });
}

/** How many authorities may stand below one of this role. */
const BELOW: Record<NodeRole, number> = { global: 2, region: 1, hospital: 0 };

function openOrCreate(dir: string, plan: DemoPlan, issuer: Authority | undefined): Authority {
  if (existsSync(join(dir, 'ca.pem'))) return openAuthority(dir);
  mkdirSync(dir, { recursive: true, mode: 0o700 });
  return createAuthority({
    subject: { commonName: `${plan.title} authority`, organization: plan.title },
    dir,
    pathLength: BELOW[plan.role],
    organization: plan.oid,
    ...(issuer === undefined ? {} : { issuer }),
  });
}

async function withFreePorts(plan: DemoPlan, taken: Set<number>): Promise<DemoPlan> {
  const free = async (port: number): Promise<number> => {
    const found = taken.has(port) ? await freePort(0) : await freePort(port).catch(() => freePort(0));
    taken.add(found);
    return found;
  };
  return {
    ...plan,
    portal: await free(plan.portal),
    door: await free(plan.door),
    listeners: await Promise.all(plan.listeners.map(async (one) => ({ ...one, port: await free(one.port) }))),
  };
}

/** The port when it is free on this machine; of 0 one that the system picks. */
function freePort(port: number): Promise<number> {
  return new Promise((settle, fail) => {
    const probe = createServer();
    probe.once('error', fail);
    probe.listen({ port, host: '127.0.0.1', exclusive: true }, () => {
      const address = probe.address();
      const found = typeof address === 'object' && address !== null ? address.port : port;
      probe.close(() => settle(found));
    });
  });
}

function settingsOf(
  plan: DemoPlan,
  plans: readonly DemoPlan[],
  folders: { base: string; shared: string; roots: string },
): Record<string, unknown> {
  const neighbours = plans.filter((other) => other.name === plan.above || other.above === plan.name);
  return {
    node: {
      name: plan.name,
      role: plan.role,
      facility: plan.name.toUpperCase(),
      zone: 'America/Chicago',
      dataDir: join(folders.base, plan.name),
      organization: {
        name: plan.title,
        oid: plan.oid,
        address: { street: '1 Example Square', city: 'Harlan Ferry', state: 'KS', postalCode: '67001' },
        telecom: 'tel:+1-555-555-0100',
      },
    },
    listeners: plan.listeners.map((one) => ({ ...one, plain: true, profile: one.name })),
    documents: { when: 'coalesced', quietMs: 1_500, latestMs: 10_000 },
    http: { port: plan.portal, sessionMinutes: 60 },
    exchange: {
      oid: EXCHANGE_OID,
      listen: { port: plan.door },
      roots: [folders.roots],
      revocation: join(folders.shared, 'revocation'),
      nodes: neighbours.map((other) => ({
        name: other.name,
        role: other.role,
        organization: other.oid,
        url: `https://127.0.0.1:${other.door}`,
        ...(other.name === plan.above ? {} : { authorities: authoritiesOf(other) }),
      })),
    },
  };
}

/** What a node may feed: a hospital its assigning authorities, a region its X-PIDs. */
function authoritiesOf(plan: DemoPlan): string {
  return plan.role === 'region' ? `${plan.oid}.2` : plan.listeners.map((one) => one.authority).join(' ');
}
