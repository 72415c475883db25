import { describe, it } from 'vitest';
import {
  agreesWithOthers,
  damageStaysWhereItIs,
  escapesRoundTrip,
  neverThrows,
  writesWhatItRead,
} from '../support/hl7-properties.ts';

const runs = Number(process.env.MIX_FUZZ_RUNS ?? 20_000);
/** A long run is no fault. */
const hour = 3_600_000;

describe(`HL7 v2 properties, ${runs} runs each (MIX_FUZZ_RUNS)`, { timeout: hour }, () => {
  it('reads any bytes without throwing', () => neverThrows(runs));
  it('writes the bytes that it read', () => writesWhatItRead(runs));
  it('unescapes what it escaped', () => escapesRoundTrip(runs));
  it('keeps damage to the message that has it', () => damageStaysWhereItIs(runs));
  it('splits as two other parsers do', () => agreesWithOthers(runs));
});
