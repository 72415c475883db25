/**
 * The closed catalogue of failures. A file a room; this page joins them. `docs/errors.md` is printed from it.
 *
 * A sentence is lower case, has no final stop, quotes nothing of the patient's, and says what is wrong; `fix` says what to do.
 */
import { admitFaults } from './admit.ts';
import { alertsFaults } from './alerts.ts';
import { ccdaFaults } from './ccda.ts';
import { codesFaults } from './codes.ts';
import { convertFaults } from './convert.ts';
import { exchangeFaults } from './exchange.ts';
import { hl7v2Faults } from './hl7v2.ts';
import { httpFaults } from './http.ts';
import type { FaultKind } from './kind.ts';
import { mllpFaults } from './mllp.ts';
import { mpiFaults } from './mpi.ts';
import { pixFaults } from './pix.ts';
import { pkiFaults } from './pki.ts';
import { policyFaults } from './policies.ts';
import { recordFaults } from './record.ts';
import { settingsFaults } from './settings.ts';
import { storeFaults } from './store.ts';
import { xmlFaults } from './xml.ts';

export type { FaultKind } from './kind.ts';

export const catalogue = {
  ...ccdaFaults,
  ...admitFaults,
  ...alertsFaults,
  ...codesFaults,
  ...convertFaults,
  ...exchangeFaults,
  ...hl7v2Faults,
  ...httpFaults,
  ...mllpFaults,
  ...mpiFaults,
  ...pixFaults,
  ...pkiFaults,
  ...policyFaults,
  ...recordFaults,
  ...settingsFaults,
  ...storeFaults,
  ...xmlFaults,
} as const satisfies Record<string, FaultKind>;

export type FaultCode = keyof typeof catalogue;

/** One failure with its place. `detail` holds names of fields, types, limits: never a patient's data. */
export interface Fault {
  code: FaultCode;
  /** `PID-3`, `OBX[2]-5.1`, `line 12, column 4`, `/settings/listeners/0/port`. */
  place?: string;
  detail?: string;
}

/** What is thrown at a door. `message` is the whole sentence with place, detail and fix. */
export class MixError extends Error {
  readonly fault: Fault;
  constructor(code: FaultCode, options: { place?: string; detail?: string; cause?: unknown } = {}) {
    const fault: Fault = { code };
    if (options.place !== undefined) fault.place = options.place;
    if (options.detail !== undefined) fault.detail = options.detail;
    super(sentenceOf(fault), options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'MixError';
    this.fault = fault;
  }
  get kind(): FaultKind {
    return catalogue[this.fault.code];
  }
}

/** The whole sentence of a fault: what, where, and what to do. */
export function sentenceOf(fault: Fault): string {
  const kind: FaultKind = catalogue[fault.code];
  const place = fault.place ? ` at ${fault.place}` : '';
  const detail = fault.detail ? ` (${fault.detail})` : '';
  return `${kind.sentence}${place}${detail} \u2014 ${kind.fix}`;
}
