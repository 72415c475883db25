import { describe, it } from 'vitest';
import {
  agreesWithOthers,
  damageStaysWhereItIs,
  escapesRoundTrip,
  neverThrows,
  writesWhatItRead,
} from '../../support/hl7-properties.ts';

describe('HL7 v2 properties, a short run (npm run fuzz runs them long)', () => {
  it('reads any bytes without throwing', () => neverThrows(400));
  it('writes the bytes that it read', () => writesWhatItRead(300));
  it('unescapes what it escaped', () => escapesRoundTrip(500));
  it('keeps damage to the message that has it', () => damageStaysWhereItIs(40));
  it('splits as two other parsers do', () => agreesWithOthers(200));
});
