/** Encounters (2.16.840.1.113883.10.20.22.2.22.1). */
import type { CodeableConcept, Condition, Encounter } from '@medplum/fhirtypes';
import { actCode, cpt, loinc, snomed } from '../../../schemas/ccda/code-systems.ts';
import { entryTemplates } from '../../../schemas/ccda/templates.ts';
import { type Row, textOf } from '../narrative.ts';
import { performers, readableLocation } from '../people.ts';
import type { Scope } from '../scope.ts';
import { code, readable, readableTime, sdtc, templateIds, text, time, timeOf } from '../write.ts';
import type { Body } from './body.ts';
import { problemObservation } from './problems.ts';

export function writeEncounters(scope: Scope): Body {
  const rows: Row[] = [];
  let entries = '';
  const byEncounter = diagnosesByEncounter(scope);
  for (const encounter of scope.of('Encounter'))
    entries += activity(scope, encounter, byEncounter.get(encounter) ?? [], rows);
  return { rows, entries };
}

/** Conditions of an encounter, named by it or naming it. */
function diagnosesByEncounter(scope: Scope): Map<Encounter, Condition[]> {
  const found = new Map<Encounter, Condition[]>();
  const add = (encounter: Encounter, condition: Condition): void => {
    const list = found.get(encounter);
    if (list === undefined) found.set(encounter, [condition]);
    else if (!list.includes(condition)) list.push(condition);
  };
  const live = new Set(scope.of('Condition'));
  for (const encounter of scope.of('Encounter')) {
    for (const diagnosis of encounter.diagnosis ?? []) {
      const condition = scope.find(diagnosis.condition, encounter);
      if (condition?.resourceType === 'Condition' && live.has(condition)) add(encounter, condition);
    }
  }
  for (const condition of live) {
    const encounter = scope.find(condition.encounter, condition);
    if (encounter?.resourceType === 'Encounter') add(encounter, condition);
  }
  return found;
}

function locationsOf(scope: Scope, encounter: Encounter): string[] {
  const names = (encounter.location ?? []).slice(0, 20).map((one) => readableLocation(one.location, scope, encounter));
  return [...new Set(names.filter(Boolean))];
}

function activity(scope: Scope, encounter: Encounter, diagnoses: readonly Condition[], rows: Row[]): string {
  const row = scope.row();
  const who = performers(
    (encounter.participant ?? []).map((one) => one.individual),
    scope,
    encounter,
  );
  const places = locationsOf(scope, encounter);
  const disposition = encounter.hospitalization?.dischargeDisposition;
  const reasons = (encounter.reasonCode ?? []).slice(0, 20);
  const concept: CodeableConcept = {
    ...encounter.type?.[0],
    coding: [...(encounter.type?.[0]?.coding ?? []), ...(encounter.class?.code ? [encounter.class] : [])],
  };
  rows.push({
    id: row,
    cells: [
      [
        ...(encounter.type ?? []).map(readable),
        encounter.class ? readable({ coding: [encounter.class] }) : '',
        readable(encounter.serviceType),
      ]
        .filter(Boolean)
        .join('; ') || 'encounter',
      readableTime(encounter.period?.start),
      readableTime(encounter.period?.end),
      [...places, encounter.serviceProvider?.display ?? ''].filter(Boolean).join('; '),
      who.names,
      [...diagnoses.map((one) => readable(one.code)), ...reasons.map(readable)].filter(Boolean).join('\n'),
      [encounter.status ?? '', disposition ? `discharged to: ${readable(disposition)}` : ''].filter(Boolean).join('\n'),
    ],
  });
  const end = timeOf(encounter.period?.end) === undefined ? '' : time('high', encounter.period?.end);
  return (
    `<entry typeCode="DRIV"><encounter classCode="ENC" moodCode="EVN">${templateIds(entryTemplates.encounterActivity)}${scope.ids(encounter)}` +
    `${code('code', concept, { prefer: [cpt, snomed, actCode], reference: `${row}c` })}${textOf(row)}<effectiveTime>${time('low', encounter.period?.start)}${end}</effectiveTime>` +
    `${disposition === undefined ? '' : code('sdtc:dischargeDispositionCode', disposition).replace('<sdtc:dischargeDispositionCode', `<sdtc:dischargeDispositionCode${sdtc}`)}` +
    `${who.elements}${places.map(location).join('')}${reasons.map(indication).join('')}${diagnoses
      .slice(0, 50)
      .map((one) => diagnosis(scope, one, row))
      .join('')}</encounter></entry>`
  );
}

function location(name: string): string {
  return (
    `<participant typeCode="LOC"><participantRole classCode="SDLOC">${templateIds(entryTemplates.serviceDeliveryLocation)}<code nullFlavor="UNK"></code>` +
    `<playingEntity classCode="PLC"><name>${text(name)}</name></playingEntity></participantRole></participant>`
  );
}

function indication(reason: CodeableConcept): string {
  return (
    `<entryRelationship typeCode="RSON"><observation classCode="OBS" moodCode="EVN">${templateIds(entryTemplates.indication)}<id nullFlavor="NI"></id>` +
    `<code code="404684003" codeSystem="${snomed}" codeSystemName="SNOMED CT" displayName="Finding"></code><statusCode code="completed"></statusCode>` +
    `${code('value', reason, { type: 'CD', prefer: [snomed] })}</observation></entryRelationship>`
  );
}

function diagnosis(scope: Scope, condition: Condition, row: string): string {
  return (
    `<entryRelationship typeCode="COMP"><act classCode="ACT" moodCode="EVN">${templateIds(entryTemplates.encounterDiagnosis)}` +
    `<code code="29308-4" codeSystem="${loinc}" codeSystemName="LOINC" displayName="Diagnosis"></code>` +
    `<entryRelationship typeCode="SUBJ">${problemObservation(scope, condition, row, 'encounter')}</entryRelationship></act></entryRelationship>`
  );
}
