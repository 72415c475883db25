/** A question to path validation about generated certificates, with the answer as one text. */
import { type ChainCase, type PathVerdict, validateChain } from '../../../pki/index.ts';
import { AT, issue, type Order, type Party } from '../../support/chains.ts';

export interface Asked extends Partial<Omit<ChainCase, 'leaf' | 'roots' | 'intermediates'>> {
  roots: Party[];
  intermediates?: Party[];
}

export function verdictOn(leaf: Party, { roots, intermediates = [], ...asked }: Asked): PathVerdict {
  return validateChain({
    at: AT,
    ...asked,
    leaf: leaf.der,
    roots: roots.map(({ der }) => der),
    intermediates: intermediates.map(({ der }) => der),
  });
}

/** `ok`, or the reason and its detail. */
export function told(leaf: Party, asked: Asked): string {
  const verdict = verdictOn(leaf, asked);
  if (verdict.ok) return 'ok';
  return verdict.detail === undefined ? verdict.reason : `${verdict.reason} ${verdict.detail}`;
}

export const TLS = { purpose: 'serverAuth', name: 'leaf.test' } as const;

export interface World {
  root: Party;
  middle: Party;
  leaf: Party;
}

/** Root, authority and leaf; each with what a test changes in it. */
export function worldOf(change: { root?: Order; middle?: Order; leaf?: Order } = {}): World {
  const root = issue({ ca: true, subject: 'C=US,O=Test,CN=Root', ...change.root });
  const middle = issue({ ca: true, subject: 'O=Test,CN=Middle', issuer: root, ...change.middle });
  const leaf = issue({ subject: 'O=Test,CN=leaf.test', issuer: middle, ...change.leaf });
  return { root, middle, leaf };
}

/** The answer for a world, asked as a TLS client would. */
export function toldOf(world: World, asked: Partial<Asked> = TLS): string {
  return told(world.leaf, { roots: [world.root], intermediates: [world.middle], ...asked });
}
