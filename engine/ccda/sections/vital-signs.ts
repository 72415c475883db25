/** Vital Signs (2.16.840.1.113883.10.20.22.2.4.1): an organizer for each time of measuring. */
import { loinc } from '../../../schemas/ccda/code-systems.ts';
import { entryTemplates } from '../../../schemas/ccda/templates.ts';
import { type Row, textOf } from '../narrative.ts';
import { performers } from '../people.ts';
import type { Scope } from '../scope.ts';
import { code, fixedCode, readable, templateIds, timeOrPeriod } from '../write.ts';
import { type Body, readableNotes } from './body.ts';
import {
  type Finding,
  findingValue,
  interpretations,
  readableInterpretation,
  readableValue,
  readableWhen,
  referenceRanges,
  whenOf,
} from './observation.ts';

export function writeVitalSigns(scope: Scope, findings: readonly Finding[]): Body {
  const rows: Row[] = [];
  const byTime = new Map<string, Finding[]>();
  for (const finding of findings) {
    const { observation } = finding;
    const key = `${whenOf(observation) ?? ''}|${observation.effectivePeriod?.start ?? ''}|${observation.effectivePeriod?.end ?? ''}`;
    const list = byTime.get(key);
    if (list === undefined) byTime.set(key, [finding]);
    else list.push(finding);
  }
  let entries = '';
  for (const group of byTime.values()) entries += organizer(scope, group, rows);
  return { rows, entries };
}

function organizer(scope: Scope, findings: readonly Finding[], rows: Row[]): string {
  const first = (findings[0] as Finding).observation;
  let components = '';
  for (const finding of findings) components += vitalSign(scope, finding, rows);
  return (
    `<entry typeCode="DRIV"><organizer classCode="CLUSTER" moodCode="EVN">${templateIds(entryTemplates.vitalSignsOrganizer)}${scope.ids(first, 'vital-signs')}` +
    fixedCode('code', ['46680005', '2.16.840.1.113883.6.96', 'Vital signs'], {
      inner: `<translation code="74728-7" codeSystem="${loinc}" codeSystemName="LOINC" displayName="Vital signs, weight, height, head circumference, oxygen saturation and BMI panel"></translation>`,
    }) +
    `<statusCode code="completed"></statusCode>${timeOrPeriod('effectiveTime', whenOf(first), first.effectivePeriod)}${components}</organizer></entry>`
  );
}

function vitalSign(scope: Scope, finding: Finding, rows: Row[]): string {
  const { observation, component, index } = finding;
  const row = scope.row();
  const who = performers(observation.performer ?? [], scope, observation);
  rows.push({
    id: row,
    cells: [
      readable(finding.code),
      readableValue(finding),
      readableInterpretation(finding),
      readableWhen(observation),
      [
        observation.status === 'final' ? '' : (observation.status ?? ''),
        who.names ? `by: ${who.names}` : '',
        readableNotes(observation.note),
      ]
        .filter(Boolean)
        .join('\n'),
    ],
  });
  // The template wants a code on every interpretationCode (CONF:1098-32886).
  const coded = interpretations(finding);
  const method = observation.method === undefined ? '' : code('methodCode', observation.method);
  const site = observation.bodySite === undefined ? '' : code('targetSiteCode', observation.bodySite);
  return (
    `<component><observation classCode="OBS" moodCode="EVN">${templateIds(entryTemplates.vitalSignObservation)}` +
    `${component === undefined ? scope.ids(observation) : scope.ids(observation, String(index))}${code('code', finding.code, { prefer: [loinc], reference: `${row}c` })}${textOf(row)}` +
    `<statusCode code="completed"></statusCode>${timeOrPeriod('effectiveTime', whenOf(observation), observation.effectivePeriod)}${findingValue(finding)}` +
    `${coded.includes('nullFlavor') ? '' : coded}${method}${site}${who.elements}${referenceRanges(finding)}</observation></component>`
  );
}
