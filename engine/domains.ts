/** Who gives which numbers in the exchange, as this node's settings tell it. Pure. */
import type { NodeRole } from '../schemas/exchange.ts';
import type { Identifier, Person } from '../schemas/parts.ts';
import type { FeedOptions } from './ihe/index.ts';
import type { LinkRules } from './link.ts';
import { defaultModel, type MatchModel } from './mpi/index.ts';

/** Another node, as the settings know it. */
export interface KnownNode {
  /** Also the name of the peer. */
  name: string;
  role: NodeRole;
  /** OID of its organisation; '' for a system outside of the exchange, which speaks HL7 v2 and is admitted by its line. */
  organization: string;
  /** OIDs (or URIs) of the authorities whose numbers it may feed, separated by blanks; `-` for none. */
  authorities: string;
}

/** This node's place in the exchange; plain settings. */
export interface ExchangeSetup {
  node: { name: string; role: NodeRole; version: string };
  /** Our organisation. */
  organization: { oid: string; name: string };
  /** OID of the exchange. */
  oid: string;
  /** Where documents stay. */
  documents: 'here' | 'region';
  documentBytesMax: number;
  nodes: readonly KnownNode[];
  /** Where our own door is reached, without a slash at the end: `https://hospital.example:8443/fhir/R4`. */
  base: string;
  /** How long a person must be quiet before the node above is told, in ms. */
  feed: { quietMs: number; latestMs: number };
  /** When a new document is due after numbers came, in ms; a hospital's. */
  document: { quietMs: number; latestMs: number };
  /** How the index of a region or global node links; what is left out is as the settings give it. */
  index?: IndexSetup;
}

export interface IndexSetup {
  /** A decision about identities waits for a second person. */
  fourEyes?: boolean;
  /** Local records that may be one person; where there are more, nothing is linked by itself and people are asked. */
  recordsMax?: number;
  model?: MatchModel;
}

const RECORDS_MAX = 100;

export const recordsMaxOf = ({ index }: ExchangeSetup): number => index?.recordsMax ?? RECORDS_MAX;

/** How this node links: of its own X-PIDs a region says itself which are one. */
export const linkRulesOf = ({ index, node }: ExchangeSetup): LinkRules => ({
  model: index?.model ?? defaultModel,
  withinDomain: node.role === 'region',
});

/** System of MIX numbers. */
export const mixSystem = (setup: Pick<ExchangeSetup, 'oid'>): string => `urn:oid:${setup.oid}.1`;

/** System of the X-PIDs that a region gives. */
export const xpidSystem = (organization: string): string => `urn:oid:${organization}.2`;

/** The node above: a hospital's region, a region's global node. */
export function nodeAbove(setup: ExchangeSetup): KnownNode | undefined {
  const role = setup.node.role === 'hospital' ? 'region' : setup.node.role === 'region' ? 'global' : undefined;
  return setup.nodes.find((node) => node.role === role);
}

export function knownNode(setup: ExchangeSetup, name: string): KnownNode | undefined {
  return setup.nodes.find((node) => node.name === name);
}

/** Systems whose numbers a node may feed: the authorities of its settings, and a region's own X-PIDs. */
export function domainsOf(node: KnownNode): Set<string> {
  const domains = new Set(
    node.authorities
      .split(/\s+/)
      .filter((one) => one !== '' && one !== '-')
      .map((one) => (one.includes(':') ? one : `urn:oid:${one}`)),
  );
  if (node.role === 'region' && node.organization !== '') domains.add(xpidSystem(node.organization));
  return domains;
}

/** Every system that anybody here may ask or be asked about. */
export function knownSystems(setup: ExchangeSetup): Set<string> {
  const systems = new Set([mixSystem(setup)]);
  for (const node of setup.nodes) for (const one of domainsOf(node)) systems.add(one);
  if (setup.node.role === 'region') systems.add(xpidSystem(setup.organization.oid));
  return systems;
}

/** Systems of the numbers that the exchange gives, as far as this node meets them. */
export function givenSystems(setup: ExchangeSetup): Set<string> {
  const systems = new Set([mixSystem(setup)]);
  for (const node of setup.nodes)
    if (node.role === 'region' && node.organization !== '') systems.add(xpidSystem(node.organization));
  if (setup.node.role === 'region') systems.add(xpidSystem(setup.organization.oid));
  return systems;
}

/** The numbers that a node tells those below: of each system that it gives or passes on the one in force, and no other region's. */
export function numbersToTell(setup: ExchangeSetup, person: Pick<Person, 'identifiers'>): Identifier[] {
  const systems = [mixSystem(setup)];
  if (setup.node.role === 'region') systems.push(xpidSystem(setup.organization.oid));
  return systems
    .map((system) => person.identifiers.find((one) => one.system === system))
    .filter((one) => one !== undefined);
}

/** How this node feeds the one above. */
export function feedOptionsOf(setup: ExchangeSetup): FeedOptions {
  const given = givenSystems(setup);
  if (setup.node.role !== 'region') return { given, ownNumbers: true };
  const system = xpidSystem(setup.organization.oid);
  return { given, ownNumbers: false, under: (personId) => ({ system, value: personId }) };
}
