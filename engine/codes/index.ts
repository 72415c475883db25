/** Code systems and the signed set that the nodes of an exchange share. The only door of this folder. */
export { type CodeSystem, type Concept, type ReadOptions, readCodeSystems, writeCodeSystem } from './code-system.ts';
export { partsOfFile } from './own.ts';
export {
  digestOf,
  type Manifest,
  makeManifest,
  type PartKind,
  type Release,
  type ReleasePart,
  readManifest,
  readRelease,
  sameParts,
  writeRelease,
} from './release.ts';
