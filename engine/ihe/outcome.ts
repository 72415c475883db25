/** Failures and warnings as FHIR tells them. */
import type { OperationOutcome, OperationOutcomeIssue } from '@medplum/fhirtypes';
import { catalogue, type Fault, type FaultKind, sentenceOf } from '../../schemas/errors/index.ts';

/** The outcome of a fault: its code of FHIR, our code, the place, and the whole sentence with what to do. */
export function outcomeOf(fault: Fault, severity: OperationOutcomeIssue['severity'] = 'error'): OperationOutcome {
  const kind: FaultKind = catalogue[fault.code];
  const issue: OperationOutcomeIssue = {
    severity,
    code: kind.fhir as OperationOutcomeIssue['code'],
    details: { coding: [{ system: 'http://mix-hie.org/fhir/CodeSystem/fault', code: fault.code }] },
    diagnostics: sentenceOf(fault),
  };
  if (fault.place !== undefined) issue.expression = [fault.place];
  return { resourceType: 'OperationOutcome', issue: [issue] };
}

/** An outcome in words that a profile prescribes. */
export function outcomeSaying(
  severity: OperationOutcomeIssue['severity'],
  code: OperationOutcomeIssue['code'],
  diagnostics: string,
): OperationOutcome {
  return { resourceType: 'OperationOutcome', issue: [{ severity, code, diagnostics }] };
}
