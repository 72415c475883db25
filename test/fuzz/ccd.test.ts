import { describe, it } from 'vitest';
import { checksAgree, passesItsChecks } from '../support/ccd-properties.ts';

const runs = Number(process.env.MIX_FUZZ_RUNS ?? 20_000);
/** A long run is no fault. */
const hour = 3_600_000;

describe(`CCD properties, ${runs} runs each (MIX_FUZZ_RUNS)`, { timeout: hour }, () => {
  it('is canonical and passes its checks, whatever the record holds', () => passesItsChecks(runs));
  it('is refused by the check of our own form wherever the check of anybody\u2019s refuses it', () =>
    checksAgree(runs));
});
