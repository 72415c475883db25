/** Which numbers are good enough to say who somebody is. */
import type { Identifier } from '../../schemas/parts.ts';

/**
 * Table 0203 types of numbers that one authority gives to one person: medical record, internal, external, person number, national or regional
 * person number (NI, NH, HC, JHN, LR), military id, unspecified; '' is an untyped one.
 */
const strongTypes = new Set(
  ['MR', 'MRN', 'PI', 'PT', 'PN', 'PNT', 'MRT', 'EPI', 'XPN', 'NI', 'NH', 'HC', 'JHN', 'LR', 'MI', 'U'].concat(''),
);

/**
 * May this number alone name a person here? It must come with its authority. A social security number may not: it is mistyped,
 * shared and lent; nor may visit and account numbers.
 */
export function isStrong(identifier: Pick<Identifier, 'system' | 'value' | 'type'>): boolean {
  return identifier.value !== '' && identifier.system !== '' && strongTypes.has(identifier.type);
}
