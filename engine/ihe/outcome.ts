/** Outcomes in words that a profile prescribes; other failures get theirs at the door. */
import type { OperationOutcome, OperationOutcomeIssue } from '@medplum/fhirtypes';

export function outcomeSaying(
  severity: OperationOutcomeIssue['severity'],
  code: OperationOutcomeIssue['code'],
  diagnostics: string,
): OperationOutcome {
  return { resourceType: 'OperationOutcome', issue: [{ severity, code, diagnostics }] };
}
