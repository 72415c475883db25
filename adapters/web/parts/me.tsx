import { createContext, useContext } from 'react';
import type { Me } from '../../../schemas/portal.ts';

const MeContext = createContext<Me | undefined>(undefined);
export const MeProvider = MeContext.Provider;

/** Who is signed in, and at what node. */
export function useMe(): Me {
  const me = useContext(MeContext);
  if (me === undefined) throw new Error('no page is shown before it is known who asks');
  return me;
}

/** Does the node let them decide about identities? It decides itself; what it would refuse is not offered (policies/sets/identity.xml). */
export const useMayDecide = (): boolean =>
  useMe().roles.some((role) => role === 'doctor' || role === 'privacy-officer');
