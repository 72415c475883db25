/** The index of persons across nodes: numbers with a check digit, the matcher, and who is one person. The only door of this folder. */
export { blockingKeys, blockingKeysMax } from './blocking.ts';
export { clkBytes, compareClk, encodeClk } from './clk.ts';
export { type ColumnRole, columnRoles, recogniseColumns, rowFeatures } from './columns.ts';
export { type Comparison, compare, type Verdict } from './compare.ts';
export { type Facts, type FeatureFlag, type Features, featuresOf, makeFeatures } from './features.ts';
export { type LinkedPair, type LinkOptions, type LinkResult, linkFiles } from './link-files.ts';
export { drawMixNumber, isMixNumber, makeMixNumber, parseMixNumber } from './mix-number.ts';
export { defaultModel, type MatchModel, withIndexSize } from './model.ts';
export { packFeatures, unpackFeatures } from './pack.ts';
export {
  type Edge,
  type EdgeKind,
  type Links,
  type Member,
  pairName,
  partition,
  reach,
  type Settled,
  settlePersons,
} from './partition.ts';
export { readModel, writeModel } from './read-model.ts';
export { parseTable, writeRow } from './table.ts';
export { type Sample, trainModel } from './train.ts';
