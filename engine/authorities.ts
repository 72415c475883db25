/** Assigning authorities as HL7 v2 writes them (HD: namespace, OID, `ISO`) and as the index knows them (URIs). Pure. */
import type { Identifier } from '../schemas/parts.ts';
import type { Authority } from '../schemas/pdq.ts';
import { type ExchangeSetup, knownSystems } from './domains.ts';
import type { WrittenNumber } from './hl7v2/index.ts';

export interface Authorities {
  /** The URI of an authority that the index holds numbers of; undefined for any other. An OID decides; a namespace stands for the one that `pix.domains` gives it. */
  systemOf(authority: Authority): string | undefined;
  /** A number as CX tells it. */
  written(number: Pick<Identifier, 'system' | 'value' | 'type'>): WrittenNumber;
}

const urn = 'urn:oid:';

/** `names`: the settings' `pix.domains`. */
export function createAuthorities(setup: ExchangeSetup, names: readonly { name: string; oid: string }[]): Authorities {
  const known = knownSystems(setup);
  const byName = new Map(names.map(({ name, oid }) => [name.toUpperCase(), `${urn}${oid}`]));
  const nameOf = new Map(names.map(({ name, oid }) => [`${urn}${oid}`, name]));
  return {
    systemOf({ namespace, oid }) {
      const system = oid === '' ? byName.get(namespace.toUpperCase()) : oid.includes(':') ? oid : `${urn}${oid}`;
      return system !== undefined && known.has(system) ? system : undefined;
    },
    written({ system, value, type }) {
      const oid = system.startsWith(urn) ? system.slice(urn.length) : '';
      return { value, namespace: nameOf.get(system) ?? (oid === '' ? system : ''), oid, type: type || 'PI' };
    },
  };
}

/** What of an authority may stand in an answer and a log: an OID or a short name; anything else could be a patient's. */
export function authorityText({ namespace, oid }: Authority): string {
  if (/^\d+(\.\d+){2,}$/.test(oid) && oid.length <= 128) return oid;
  return /^[A-Za-z][A-Za-z0-9_.-]{0,63}$/.test(namespace) ? namespace : 'not readable';
}
