/** The places of the rail: at most eight, by what the node is and what the person does. */
import type { Me } from '../../schemas/portal.ts';
import type { IconName } from './icons.tsx';
import type { texts } from './texts.ts';

export interface RailPlace {
  name: keyof typeof texts.places;
  href: string;
  icon: IconName;
}

type Role = 'clinician' | 'analyst' | 'officer';
const ROLES: Record<string, Role[]> = {
  administrator: ['analyst'],
  'interface-analyst': ['analyst'],
  doctor: ['clinician'],
  nurse: ['clinician'],
  'privacy-officer': ['officer'],
};

const PLACES: (RailPlace & { at: Me['node']['role'][]; for: Role[] })[] = [
  { name: 'messages', href: '/messages', icon: 'messages', at: ['hospital'], for: ['analyst'] },
  { name: 'exchange', href: '/exchange', icon: 'exchange', at: ['region', 'global'], for: ['analyst'] },
  { name: 'patients', href: '/patients', icon: 'patients', at: ['hospital'], for: ['clinician'] },
  { name: 'persons', href: '/patients', icon: 'patients', at: ['region', 'global'], for: ['clinician'] },
  { name: 'matches', href: '/matches', icon: 'compare', at: ['region', 'global'], for: ['clinician', 'officer'] },
  { name: 'parked', href: '/parked', icon: 'parked', at: ['hospital', 'region', 'global'], for: ['analyst'] },
  { name: 'sources', href: '/sources', icon: 'sources', at: ['hospital'], for: ['analyst'] },
  { name: 'exchange', href: '/exchange', icon: 'exchange', at: ['hospital'], for: ['analyst'] },
  {
    name: 'deliveries',
    href: '/deliveries',
    icon: 'deliveries',
    at: ['hospital', 'region', 'global'],
    for: ['analyst', 'officer'],
  },
  { name: 'alerts', href: '/alerts', icon: 'warning', at: ['region', 'global'], for: ['analyst'] },
  { name: 'audit', href: '/audit', icon: 'audit', at: ['hospital', 'region', 'global'], for: ['officer'] },
  { name: 'settings', href: '/settings', icon: 'settings', at: ['hospital', 'region', 'global'], for: ['analyst'] },
];

/** What the policies would refuse is not offered; a role that we do not know sees all and is told so there. */
export function placesFor(me: Me): RailPlace[] {
  const known = me.roles.flatMap((role) => ROLES[role] ?? []);
  return PLACES.filter(
    (place) =>
      place.at.includes(me.node.role) && (known.length === 0 || place.for.some((role) => known.includes(role))),
  );
}
