/** What stands on the map of the exchange: other nodes, outlets, EMR interfaces, each with its state, lag and traffic. */
import type { NodeRole } from '../schemas/exchange.ts';
import type { OutletStats } from '../schemas/parts.ts';
import type { SourceView } from '../schemas/portal.ts';
import type { OutletState, PlaceView } from '../schemas/portal-exchange.ts';
import type { Settings } from '../schemas/settings/index.ts';
import { tellFault } from './view-message.ts';
import { type Traffic, usualRange } from './view-traffic.ts';

export interface PlacesParts {
  settings: Pick<Settings, 'exchange' | 'outlets'>;
  role: NodeRole;
  now: number;
  stats: OutletStats[];
  states: OutletState[];
  traffic: Traffic;
  sources: SourceView[];
}

const RANK: Record<NodeRole, number> = { hospital: 0, region: 1, global: 2 };

/** Above first, then below, then outlets and sources, in the order of the settings. */
export function placesOf(parts: PlacesParts): PlaceView[] {
  const { settings, role } = parts;
  const nodes = (settings.exchange?.nodes ?? []).map((node) => {
    const place = placeOf(parts, node.name, node.role, RANK[node.role] > RANK[role] ? 'above' : 'below');
    return { ...place, address: node.url, organization: node.organization };
  });
  const outlets = settings.outlets.map((outlet) => {
    const place = placeOf(parts, outlet.name, outlet.kind, 'outlet');
    const address = outlet.url ?? outlet.folder ?? (outlet.host === undefined ? '' : `${outlet.host}:${outlet.port}`);
    return { ...place, address };
  });
  return [
    ...nodes.filter((place) => place.relation === 'above'),
    ...nodes.filter((place) => place.relation === 'below'),
    ...outlets,
    ...parts.sources.map(placeOfSource),
  ];
}

function placeOf(
  { now, stats, states, traffic }: PlacesParts,
  name: string,
  kind: PlaceView['kind'],
  relation: PlaceView['relation'],
): PlaceView {
  const stat = stats.find((one) => one.outlet === name);
  const state = states.find((one) => one.outlet === name);
  const heard = traffic.heard(name);
  const place: PlaceView = {
    name,
    kind,
    relation,
    state: stateOf(state, stat, heard?.lastAt),
    waiting: stat?.waiting ?? 0,
    parked: stat?.parked ?? 0,
    total: stat?.sent ?? 0,
    lagSeconds: stat?.oldestAt === undefined ? 0 : Math.max(0, Math.round((now - stat.oldestAt) / 1000)),
    perMinute: traffic.sent(name),
  };
  if (state !== undefined && place.state !== 'unknown') place.since = iso(state.since);
  if (state?.fault !== undefined && place.state !== 'up') place.fault = tellFault(state.fault);
  if (stat?.lastSentAt !== undefined) place.lastSentAt = iso(stat.lastSentAt);
  if (heard !== undefined) {
    place.lastHeardAt = iso(heard.lastAt);
    place.heardPerMinute = heard.perMinute;
  }
  const usual = usualRange(place.perMinute);
  if (usual !== undefined) place.usual = usual;
  return place;
}

function stateOf(
  state: OutletState | undefined,
  stat: OutletStats | undefined,
  heardAt: number | undefined,
): PlaceView['state'] {
  if (state?.state === 'resting') return 'down';
  if (state !== undefined && (state.state === 'trying' || state.failures > 0)) return 'trying';
  return stat?.lastSentAt === undefined && heardAt === undefined ? 'unknown' : 'up';
}

function placeOfSource(source: SourceView): PlaceView {
  const place: PlaceView = {
    name: source.id,
    kind: 'source',
    relation: 'source',
    address: source.listener,
    state: source.lastAt === undefined ? 'unknown' : source.silent ? 'silent' : 'up',
    waiting: 0,
    parked: source.parked,
    total: source.total,
    lagSeconds: 0,
    perMinute: source.perMinute,
  };
  if (source.lastAt !== undefined) place.lastHeardAt = source.lastAt;
  if (place.state === 'silent' && source.lastAt !== undefined) place.since = source.lastAt;
  const usual = usualRange(source.perMinute);
  if (usual !== undefined) place.usual = usual;
  return place;
}

const iso = (at: number): string => new Date(at).toISOString();
