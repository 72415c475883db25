import fc from 'fast-check';
import { describe, it } from 'vitest';
import {
  anyBytes,
  bentCertificates,
  bentLists,
  bentPem,
  signedOddities,
  signedOddLists,
} from '../support/chain-properties.ts';

const numRuns = Number(process.env.MIX_FUZZ_RUNS ?? 20_000);
/** A long run is no fault. */
const hour = 3_600_000;

describe(`path validation properties, ${numRuns} runs each (MIX_FUZZ_RUNS)`, { timeout: hour }, () => {
  it('holds no bent certificate', () => fc.assert(bentCertificates(), { numRuns }));
  it('ends in a verdict on bent PEM', () => fc.assert(bentPem(), { numRuns }));
  it('takes nothing for good by a bent list', () => fc.assert(bentLists(), { numRuns }));
  it('ends in a verdict on bent extensions, well signed', () => fc.assert(signedOddities(), { numRuns }));
  it('takes nothing for good by a list with bent extensions', () => fc.assert(signedOddLists(), { numRuns }));
  it('ends in a verdict on any bytes', () => fc.assert(anyBytes(), { numRuns }));
});
