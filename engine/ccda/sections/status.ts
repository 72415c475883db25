/** Social history, functional and mental status, advance directives: observations that are facts about a person's life. */
import { smokingStatusCode } from '../../../schemas/ccda/classify.ts';
import { loinc, smokingStatuses, snomed } from '../../../schemas/ccda/code-systems.ts';
import { entryTemplates } from '../../../schemas/ccda/templates.ts';
import { type Row, textOf } from '../narrative.ts';
import { performers } from '../people.ts';
import type { Scope } from '../scope.ts';
import {
  code,
  interval,
  readable,
  readableTime,
  stringValue,
  templateIds,
  time,
  timeOf,
  timeOrPeriod,
  translations,
} from '../write.ts';
import { type Body, readableNotes } from './body.ts';
import {
  type Finding,
  findingValue,
  loincCodes,
  readableInterpretation,
  readableValue,
  readableWhen,
  whenOf,
} from './observation.ts';

function rowOf(scope: Scope, finding: Finding, rows: Row[]): string {
  const id = scope.row();
  const { observation } = finding;
  const notes = [
    observation.status === 'final' ? '' : (observation.status ?? ''),
    readableInterpretation(finding),
    whoOf(scope, finding).names ? `by: ${whoOf(scope, finding).names}` : '',
    readableNotes(observation.note),
  ];
  rows.push({
    id,
    cells: [
      readable(finding.code) || 'unnamed fact',
      readableValue(finding),
      readableWhen(observation),
      notes.filter(Boolean).join('\n'),
    ],
  });
  return id;
}

function whoOf(scope: Scope, { observation }: Finding): { elements: string; names: string } {
  return performers(observation.performer ?? [], scope, observation);
}

function idsOf(scope: Scope, { observation, component, index }: Finding): string {
  return component === undefined ? scope.ids(observation) : scope.ids(observation, String(index));
}

function writeAll(
  scope: Scope,
  findings: readonly Finding[],
  write: (scope: Scope, finding: Finding, row: string) => string,
): Body {
  const rows: Row[] = [];
  let entries = '';
  for (const finding of findings) {
    const row = rowOf(scope, finding, rows);
    entries += `<entry typeCode="DRIV"><observation classCode="OBS" moodCode="EVN">${write(scope, finding, row)}${whoOf(scope, finding).elements}</observation></entry>`;
  }
  return { rows, entries };
}

export function writeSocialHistory(scope: Scope, findings: readonly Finding[]): Body {
  return writeAll(scope, findings, (_, finding, row) => {
    const { observation } = finding;
    const answer = (finding.component ?? observation).valueCodeableConcept;
    const smoking =
      loincCodes(finding.code).includes(smokingStatusCode) &&
      answer?.coding?.some(
        (coding) => coding.system === 'http://snomed.info/sct' && smokingStatuses.has(coding.code ?? ''),
      );
    if (smoking) {
      // A point in time: the status as observed then (CONF:1098-31928).
      const at = whenOf(observation) ?? observation.effectivePeriod?.start;
      return (
        `${templateIds(entryTemplates.smokingStatus)}${idsOf(scope, finding)}${code('code', finding.code, { prefer: [loinc], reference: `${row}c` })}${textOf(row)}` +
        `<statusCode code="completed"></statusCode>${time('effectiveTime', at)}${findingValue(finding)}`
      );
    }
    const extra = `<translation code="8689-2" codeSystem="${loinc}" codeSystemName="LOINC" displayName="History of Social function"></translation>`;
    return (
      `${templateIds(entryTemplates.socialHistoryObservation)}${idsOf(scope, finding)}${code('code', finding.code, { prefer: [loinc, snomed], reference: `${row}c`, ...(loincCodes(finding.code).length > 0 ? {} : { extra }) })}${textOf(row)}` +
      `<statusCode code="completed"></statusCode>${timeOrPeriod('effectiveTime', whenOf(observation), observation.effectivePeriod)}${findingValue(finding)}`
    );
  });
}

export function writeFunctionalStatus(scope: Scope, findings: readonly Finding[]): Body {
  return writeAll(
    scope,
    findings,
    (_, finding, row) =>
      `${templateIds(entryTemplates.functionalStatusObservation)}${idsOf(scope, finding)}${code('code', finding.code, { prefer: [loinc], reference: `${row}c` })}${textOf(row)}` +
      `<statusCode code="completed"></statusCode>${timeOrPeriod('effectiveTime', whenOf(finding.observation), finding.observation.effectivePeriod)}${findingValue(finding)}`,
  );
}

export function writeMentalStatus(scope: Scope, findings: readonly Finding[]): Body {
  return writeAll(scope, findings, (_, finding, row) => {
    const cognitive = `<translation code="75275-8" codeSystem="${loinc}" codeSystemName="LOINC" displayName="Cognitive function"></translation>`;
    const asked = translations(finding.code, ['75275-8', '373930000']);
    return (
      `${templateIds(entryTemplates.mentalStatusObservation)}${idsOf(scope, finding)}<code code="373930000" codeSystem="${snomed}" codeSystemName="SNOMED CT" displayName="Cognitive function finding">` +
      `<originalText><reference value="#${row}c"></reference></originalText>${cognitive}${asked}</code>${textOf(row)}` +
      `<statusCode code="completed"></statusCode>${timeOrPeriod('effectiveTime', whenOf(finding.observation), finding.observation.effectivePeriod)}${findingValue(finding)}`
    );
  });
}

export function writeAdvanceDirectives(scope: Scope, findings: readonly Finding[]): Body {
  const body = writeAll(scope, findings, (_, finding, row) => {
    const { observation } = finding;
    const answer = (finding.component ?? observation).valueCodeableConcept;
    const coded = answer?.coding?.some((coding) => coding.system === 'http://snomed.info/sct' && coding.code);
    // A coded answer must be SNOMED CT (CONF:1198-32493); others go in as text.
    const value =
      answer === undefined
        ? findingValue(finding)
        : coded
          ? code('value', answer, { type: 'CD', only: [snomed] })
          : stringValue(readable(answer));
    const answered = value.includes('nullFlavor="NI" xsi:type="CD"') ? stringValue('') : value;
    return directive(scope, finding, row, answered);
  });
  for (const consent of scope.of('Consent')) {
    const id = scope.row();
    const words = [readable(consent.category?.[0]), ...(consent.provision?.code ?? []).map(readable)]
      .filter(Boolean)
      .join(', ');
    body.rows.push({
      id,
      cells: [words || 'consent', consent.provision?.type ?? consent.status ?? '', readableTime(consent.dateTime), ''],
    });
    body.entries +=
      `<entry typeCode="DRIV"><observation classCode="OBS" moodCode="EVN">${templateIds(entryTemplates.advanceDirectiveObservation)}${scope.ids(consent)}` +
      `${directiveCode(consent.category?.[0] ?? {}, id)}${textOf(id)}<statusCode code="completed"></statusCode>${interval('effectiveTime', consent.dateTime, undefined, 'UNK', 'NA')}` +
      `${stringValue(consent.provision?.type ?? consent.status ?? 'unknown')}</observation></entry>`;
  }
  return body;
}

function directiveCode(concept: Finding['code'], row: string): string {
  const extra = `<translation code="75320-2" codeSystem="${loinc}" codeSystemName="LOINC" displayName="Advance directive"></translation>`;
  const others = (concept.coding ?? []).filter((coding) => coding.code !== '75320-2');
  return code('code', { ...concept, coding: others }, { prefer: [snomed, loinc], reference: `${row}c`, extra });
}

function directive(scope: Scope, finding: Finding, row: string, value: string): string {
  const { observation } = finding;
  const start = whenOf(observation) ?? observation.effectivePeriod?.start;
  const end = observation.effectivePeriod?.end;
  return (
    `${templateIds(entryTemplates.advanceDirectiveObservation)}${idsOf(scope, finding)}${directiveCode(finding.code, row)}${textOf(row)}` +
    `<statusCode code="completed"></statusCode>${interval('effectiveTime', start, timeOf(end) === undefined ? undefined : end, 'UNK', 'NA')}${value}`
  );
}
