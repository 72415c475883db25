/** Problems (2.16.840.1.113883.10.20.22.2.5.1): a concern act with a problem observation for each condition. */
import type { Condition } from '@medplum/fhirtypes';
import { icd10cm, loinc, snomed } from '../../../schemas/ccda/code-systems.ts';
import { entryTemplates } from '../../../schemas/ccda/templates.ts';
import { type Row, textOf } from '../narrative.ts';
import type { Scope } from '../scope.ts';
import { code, fixedCode, readable, readableQuantity, readableTime, since, templateIds, time } from '../write.ts';
import { type Body, readableNotes } from './body.ts';

export function writeProblems(scope: Scope): Body {
  const rows: Row[] = [];
  let entries = '';
  for (const condition of scope.of('Condition')) entries += concern(scope, condition, rows);
  return { rows, entries };
}

function onsetOf(condition: Condition): string | undefined {
  return condition.onsetDateTime ?? condition.onsetPeriod?.start;
}

function endOf(condition: Condition): string | undefined {
  return condition.abatementDateTime ?? condition.abatementPeriod?.end ?? condition.onsetPeriod?.end;
}

/** Does the concern still stand? */
function isOver(condition: Condition): boolean {
  const clinical = condition.clinicalStatus?.coding?.[0]?.code;
  return (
    clinical === 'resolved' || clinical === 'inactive' || clinical === 'remission' || endOf(condition) !== undefined
  );
}

function isDiagnosis(condition: Condition): boolean {
  return (
    condition.category?.some((concept) => concept.coding?.some((coding) => coding.code === 'encounter-diagnosis')) ??
    false
  );
}

function concern(scope: Scope, condition: Condition, rows: Row[]): string {
  const row = scope.row();
  const over = isOver(condition);
  const onsetWords =
    condition.onsetString ?? (condition.onsetAge ? `at age ${readableQuantity(condition.onsetAge)}` : '');
  rows.push({
    id: row,
    cells: [
      readable(condition.code) || 'unnamed problem',
      (condition.category ?? []).map(readable).filter(Boolean).join(', '),
      [readable(condition.clinicalStatus), readable(condition.verificationStatus)].filter(Boolean).join(', ') ||
        (over ? 'resolved' : 'active'),
      readableTime(onsetOf(condition)) ||
        onsetWords ||
        (condition.recordedDate ? `recorded ${readableTime(condition.recordedDate)}` : ''),
      readableTime(endOf(condition)),
      [
        condition.severity ? `severity: ${readable(condition.severity)}` : '',
        (condition.bodySite ?? []).map(readable).join(', '),
        readableNotes(condition.note),
      ]
        .filter(Boolean)
        .join('\n'),
    ],
  });
  const from = condition.recordedDate ?? onsetOf(condition);
  const span = over
    ? `<effectiveTime>${time('low', from)}${time('high', endOf(condition))}</effectiveTime>`
    : since('effectiveTime', from, undefined);
  return (
    `<entry typeCode="DRIV"><act classCode="ACT" moodCode="EVN">${templateIds(entryTemplates.problemConcernAct)}${scope.ids(condition, 'concern')}` +
    `<code code="CONC" codeSystem="2.16.840.1.113883.5.6"></code>${textOf(row)}<statusCode code="${over ? 'completed' : 'active'}"></statusCode>${span}` +
    `<entryRelationship typeCode="SUBJ">${problemObservation(scope, condition, row)}</entryRelationship></act></entry>`
  );
}

/** A Problem Observation; `row` is where the narrative tells of it. */
export function problemObservation(scope: Scope, condition: Condition, row: string, suffix?: string): string {
  const kind = isDiagnosis(condition)
    ? fixedCode('code', ['282291009', snomed, 'Diagnosis'], {
        inner: `<translation code="29308-4" codeSystem="${loinc}" codeSystemName="LOINC" displayName="Diagnosis"></translation>`,
      })
    : fixedCode('code', ['55607006', snomed, 'Problem'], {
        inner: `<translation code="75326-9" codeSystem="${loinc}" codeSystemName="LOINC" displayName="Problem"></translation>`,
      });
  const refuted = condition.verificationStatus?.coding?.some((coding) => coding.code === 'refuted') ?? false;
  const site =
    condition.bodySite?.[0] === undefined ? '' : code('targetSiteCode', condition.bodySite[0], { prefer: [snomed] });
  return (
    `<observation classCode="OBS" moodCode="EVN"${refuted ? ' negationInd="true"' : ''}>${templateIds(entryTemplates.problemObservation)}${scope.ids(condition, suffix)}${kind}${textOf(row)}` +
    `<statusCode code="completed"></statusCode>${since('effectiveTime', onsetOf(condition), endOf(condition))}` +
    `${code('value', condition.code, { type: 'CD', prefer: [snomed, icd10cm], reference: suffix === undefined ? `${row}c` : row })}${site}</observation>`
  );
}
