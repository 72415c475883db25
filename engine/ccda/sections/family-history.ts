/** Family History (2.16.840.1.113883.10.20.22.2.15): an organizer for each relative. */
import type { FamilyMemberHistory, FamilyMemberHistoryCondition } from '@medplum/fhirtypes';
import { genderCodes, snomed } from '../../../schemas/ccda/code-systems.ts';
import { entryTemplates } from '../../../schemas/ccda/templates.ts';
import { type Row, textOf } from '../narrative.ts';
import type { Scope } from '../scope.ts';
import {
  code,
  fixedCode,
  quantity,
  readable,
  readableQuantity,
  realOf,
  templateIds,
  text,
  time,
  timeOrPeriod,
  translations,
  unitOf,
} from '../write.ts';
import { type Body, readableNotes } from './body.ts';
import { type Finding, readableValue, readableWhen, whenOf } from './observation.ts';

export function writeFamilyHistory(scope: Scope, findings: readonly Finding[]): Body {
  const rows: Row[] = [];
  let entries = '';
  for (const member of scope.of('FamilyMemberHistory')) entries += organizer(scope, member, rows);
  for (const finding of findings) entries += unnamedRelative(scope, finding, rows);
  return { rows, entries };
}

/** An observation of what runs in the family: somebody has or had it, who is not said. */
function unnamedRelative(scope: Scope, finding: Finding, rows: Row[]): string {
  const row = scope.row();
  const { observation, component, index } = finding;
  const answer = (component ?? observation).valueCodeableConcept ?? { text: readableValue(finding) };
  const notes = [
    readable(finding.code),
    readableWhen(observation),
    observation.status === 'final' ? '' : (observation.status ?? ''),
    readableNotes(observation.note),
  ];
  rows.push({ id: row, cells: ['relative not named', readableValue(finding), '', notes.filter(Boolean).join('\n')] });
  const ids = scope.ids(observation, `family${component === undefined ? '' : index}`);
  return (
    `<entry typeCode="DRIV"><organizer classCode="CLUSTER" moodCode="EVN">${templateIds(entryTemplates.familyHistoryOrganizer)}${ids}<statusCode code="completed"></statusCode>` +
    `<subject><relatedSubject classCode="PRS"><code nullFlavor="UNK"></code></relatedSubject></subject>` +
    `<component><observation classCode="OBS" moodCode="EVN">${templateIds(entryTemplates.familyHistoryObservation)}${component === undefined ? scope.ids(observation) : scope.ids(observation, String(index))}` +
    `<code code="64572001" codeSystem="${snomed}" codeSystemName="SNOMED CT" displayName="Condition"><translation code="75315-2" codeSystem="2.16.840.1.113883.6.1" codeSystemName="LOINC" displayName="Condition family member"></translation>${translations(finding.code, ['75315-2'])}</code>` +
    `${textOf(row)}<statusCode code="completed"></statusCode>${timeOrPeriod('effectiveTime', whenOf(observation), observation.effectivePeriod)}` +
    `${code('value', answer, { type: 'CD', prefer: [snomed], reference: row })}</observation></component></organizer></entry>`
  );
}

function organizer(scope: Scope, member: FamilyMemberHistory, rows: Row[]): string {
  const conditions = member.condition?.length
    ? member.condition.slice(0, 100)
    : [{ code: { text: 'no condition named' } }];
  let components = '';
  for (let i = 0; i < conditions.length; i++)
    components += condition(scope, member, conditions[i] as FamilyMemberHistoryCondition, i, rows);
  const sex = member.sex?.coding?.[0]?.code;
  const gender = sex === undefined ? undefined : genderCodes[sex];
  const subject =
    `<subject>${member.name ? `<name>${text(member.name)}</name>` : ''}${gender === undefined ? '<administrativeGenderCode nullFlavor="UNK"></administrativeGenderCode>' : fixedCode('administrativeGenderCode', gender)}` +
    `${time('birthTime', member.bornDate)}</subject>`;
  return (
    `<entry typeCode="DRIV"><organizer classCode="CLUSTER" moodCode="EVN">${templateIds(entryTemplates.familyHistoryOrganizer)}${scope.ids(member)}<statusCode code="completed"></statusCode>` +
    `<subject><relatedSubject classCode="PRS">${code('code', member.relationship, { prefer: ['2.16.840.1.113883.5.111', snomed] })}${subject}</relatedSubject></subject>${components}</organizer></entry>`
  );
}

function condition(
  scope: Scope,
  member: FamilyMemberHistory,
  given: FamilyMemberHistoryCondition,
  index: number,
  rows: Row[],
): string {
  const row = scope.row();
  rows.push({
    id: row,
    cells: [
      [readable(member.relationship), member.name ?? ''].filter(Boolean).join(': ') || 'relative',
      readable(given.code),
      readableQuantity(given.onsetAge) || given.onsetString || '',
      [readableNotes(given.note), given.outcome ? readable(given.outcome) : '', readableNotes(member.note)]
        .filter(Boolean)
        .join('\n'),
    ],
  });
  const age =
    given.onsetAge !== undefined && realOf(given.onsetAge.value) !== undefined && unitOf(given.onsetAge) !== undefined
      ? `<entryRelationship inversionInd="true" typeCode="SUBJ"><observation classCode="OBS" moodCode="EVN">${templateIds(entryTemplates.ageObservation)}` +
        `<code code="445518008" codeSystem="${snomed}" codeSystemName="SNOMED CT" displayName="Age At Onset"></code><statusCode code="completed"></statusCode>` +
        `${quantity('value', given.onsetAge).replace(/^<value([^>]*)>/, '<value xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"$1 xsi:type="PQ">')}</observation></entryRelationship>`
      : '';
  return (
    `<component><observation classCode="OBS" moodCode="EVN">${templateIds(entryTemplates.familyHistoryObservation)}${scope.ids(member, String(index + 1))}` +
    `<code code="64572001" codeSystem="${snomed}" codeSystemName="SNOMED CT" displayName="Condition"><translation code="75315-2" codeSystem="2.16.840.1.113883.6.1" codeSystemName="LOINC" displayName="Condition family member"></translation></code>` +
    `${textOf(row)}<statusCode code="completed"></statusCode>${code('value', given.code, { type: 'CD', prefer: [snomed], reference: row })}${age}</observation></component>`
  );
}
