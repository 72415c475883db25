/** What a node may learn of a person of the index, and which of its numbers name it now. */
import type { NodeSubject } from '../schemas/exchange.ts';
import type { Entry, Person, Store } from '../schemas/parts.ts';
import { domainsOf, type ExchangeSetup, givenSystems, mixSystem, xpidSystem } from './domains.ts';
import { localKey } from './link.ts';
import { isStrong } from './record/index.ts';

/**
 * Whose documents and numbers a node may learn of: at a region, those of persons whom it fed itself; at a hospital, everyone's, where its region asks.
 * Others look as if nobody were known (ITI TF-2 appendix Z.7).
 */
export function mayAsk(setup: ExchangeSetup, from: NodeSubject, person: Person): boolean {
  return setup.node.role === 'hospital'
    ? from.role === 'region'
    : person.identifiers.some((one) => one.sourceId === from.id);
}

/** Purposes of who looks after a patient. */
const treating = new Set(['TREAT', 'ETREAT']);

/** May a query by this node find everybody? It may for somebody who treats; by itself it finds those of whom it may learn ({@link mayAsk}). */
export const findsAll = ({ onBehalf }: NodeSubject): boolean =>
  onBehalf !== undefined && treating.has(onBehalf.purpose);

/** {@link numbersStanding} of a person in the store. */
export async function numbersInForce(
  parts: { store: Store },
  setup: ExchangeSetup,
  person: Person,
): Promise<Person['identifiers']> {
  const locals = await parts.store.entriesByKey(person.id, person.identifiers.map(localKey));
  return numbersStanding(setup, person, locals);
}

/**
 * Numbers that name the person now: of what the exchange gives one each, of the hospitals' those whose local patient stands. `locals` are the entries of
 * its numbers (`localKey`), removed ones too.
 */
export function numbersStanding(
  setup: ExchangeSetup,
  person: Person,
  locals: ReadonlyMap<string, Entry>,
): Person['identifiers'] {
  const given = givenSystems(setup);
  const shown = new Set<string>();
  return person.identifiers.filter((one) => {
    if (!isStrong(one) || locals.get(localKey(one))?.removed === true) return false;
    const own = one.system === mixSystem(setup) || one.system === xpidSystem(setup.organization.oid);
    if (!own) return given.has(one.system) || isKnownDomain(setup, one.system);
    if (shown.has(one.system)) return false;
    shown.add(one.system);
    return true;
  });
}

const isKnownDomain = (setup: ExchangeSetup, system: string): boolean =>
  setup.nodes.some((node) => domainsOf(node).has(system));
