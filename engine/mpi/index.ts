/** The index of persons across nodes: numbers with a check digit, and keys that link records. The only door of this folder. */
export { candidateKeys, foldName } from './link-keys.ts';
export { drawMixNumber, isMixNumber, makeMixNumber, parseMixNumber } from './mix-number.ts';
