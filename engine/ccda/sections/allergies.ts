/** Allergies (2.16.840.1.113883.10.20.22.2.6.1): a concern for each, with negation for "no known" and for refuted ones. */
import type { AllergyIntolerance, AllergyIntoleranceReaction } from '@medplum/fhirtypes';
import {
  allergyTypes,
  cvx,
  type FixedCode,
  noAllergyCodes,
  rxnorm,
  severityCodes,
  snomed,
} from '../../../schemas/ccda/code-systems.ts';
import { entryTemplates } from '../../../schemas/ccda/templates.ts';
import { type Row, textOf } from '../narrative.ts';
import type { Scope } from '../scope.ts';
import { code, fixedCode, readable, readablePeriod, readableTime, since, templateIds, time, timeOf } from '../write.ts';
import { type Body, readableNotes } from './body.ts';

const substances = [rxnorm, '2.16.840.1.113883.4.9', '2.16.840.1.113883.6.209', snomed, cvx];

export function writeAllergies(scope: Scope): Body {
  const rows: Row[] = [];
  let entries = '';
  for (const allergy of scope.of('AllergyIntolerance')) entries += concern(scope, allergy, rows);
  return { rows, entries };
}

/** The type whose absence is told; undefined where this is an allergy. */
function absentType(allergy: AllergyIntolerance): FixedCode | undefined {
  for (const coding of allergy.code?.coding ?? []) {
    const key = (coding.code ?? '').toUpperCase();
    if (Object.hasOwn(noAllergyCodes, key)) return noAllergyCodes[key];
  }
  const words = readable(allergy.code);
  if (!/^\s*(?:no\s+known|no)\b.*\ballerg/i.test(words)) return undefined;
  if (/drug|medic/i.test(words)) return noAllergyCodes.NKDA;
  return /food/i.test(words) ? noAllergyCodes.NKFA : noAllergyCodes.NKA;
}

function typeOf(allergy: AllergyIntolerance): FixedCode {
  const kind = allergy.type ?? '';
  const category = allergy.category?.[0] ?? '';
  return allergyTypes[`${kind}|${category}`] ?? allergyTypes[`|${category}`] ?? (allergyTypes['|'] as FixedCode);
}

function statusOf(allergy: AllergyIntolerance): 'active' | 'completed' {
  const clinical = allergy.clinicalStatus?.coding?.[0]?.code;
  return clinical === 'inactive' || clinical === 'resolved' ? 'completed' : 'active';
}

function onsetOf(allergy: AllergyIntolerance): string | undefined {
  return allergy.onsetDateTime ?? allergy.onsetPeriod?.start;
}

function concern(scope: Scope, allergy: AllergyIntolerance, rows: Row[]): string {
  const row = scope.row();
  const absent = absentType(allergy);
  const refuted = allergy.verificationStatus?.coding?.some((coding) => coding.code === 'refuted') ?? false;
  const status = statusOf(allergy);
  const reactions = (allergy.reaction ?? []).slice(0, 50);
  rows.push({ id: row, cells: cellsOf(allergy, refuted, absent !== undefined, status) });
  const end = allergy.onsetPeriod?.end;
  const interval =
    status === 'completed'
      ? `<effectiveTime>${time('low', allergy.recordedDate ?? onsetOf(allergy))}${time('high', end)}</effectiveTime>`
      : since('effectiveTime', allergy.recordedDate ?? onsetOf(allergy), undefined);
  const kind = absent ?? typeOf(allergy);
  const substance =
    absent === undefined
      ? code('code', allergy.code, { prefer: substances, reference: `${row}c` })
      : `<code nullFlavor="NA"><originalText><reference value="#${row}c"></reference></originalText></code>`;
  const criticality = absent === undefined ? criticalityOf(allergy) : '';
  return (
    `<entry typeCode="DRIV"><act classCode="ACT" moodCode="EVN">${templateIds(entryTemplates.allergyConcernAct)}${scope.ids(allergy, 'concern')}` +
    `<code code="CONC" codeSystem="2.16.840.1.113883.5.6"></code>${textOf(row)}<statusCode code="${status}"></statusCode>${interval}<entryRelationship typeCode="SUBJ">` +
    `<observation classCode="OBS" moodCode="EVN"${absent !== undefined || refuted ? ' negationInd="true"' : ''}>${templateIds(entryTemplates.allergyObservation)}${scope.ids(allergy)}` +
    `<code code="ASSERTION" codeSystem="2.16.840.1.113883.5.4"></code>${textOf(row)}<statusCode code="completed"></statusCode>${since('effectiveTime', onsetOf(allergy), end)}` +
    `${fixedCode('value', kind, { type: 'CD' })}<participant typeCode="CSM"><participantRole classCode="MANU"><playingEntity classCode="MMAT">${substance}</playingEntity></participantRole></participant>` +
    `${reactions.map((reaction) => reactionOf(reaction)).join('')}${criticality}</observation></entryRelationship></act></entry>`
  );
}

function cellsOf(allergy: AllergyIntolerance, refuted: boolean, absent: boolean, status: string): string[] {
  const manifestations = (allergy.reaction ?? []).flatMap((reaction) => [
    ...(reaction.manifestation ?? []).map(readable),
    reaction.description ?? '',
  ]);
  const severities = (allergy.reaction ?? []).map((reaction) => reaction.severity ?? '');
  const notes = readableNotes(allergy.note);
  return [
    readable(allergy.code) || 'unnamed substance',
    [allergy.type ?? '', (allergy.category ?? []).join(', ')].filter(Boolean).join(': '),
    [...manifestations, notes].filter(Boolean).join('\n'),
    [...severities, allergy.criticality ? `criticality: ${allergy.criticality}` : ''].filter(Boolean).join(', '),
    refuted
      ? 'refuted: not allergic'
      : absent
        ? 'no allergy known'
        : `${status}${readable(allergy.verificationStatus) ? `, ${readable(allergy.verificationStatus)}` : ''}`,
    readablePeriod(onsetOf(allergy), undefined) ||
      (allergy.recordedDate ? `recorded ${readableTime(allergy.recordedDate)}` : ''),
  ];
}

function reactionOf(reaction: AllergyIntoleranceReaction): string {
  const severity = reaction.severity === undefined ? undefined : severityCodes[reaction.severity];
  const severe =
    severity === undefined
      ? ''
      : `<entryRelationship inversionInd="true" typeCode="SUBJ"><observation classCode="OBS" moodCode="EVN">${templateIds(entryTemplates.severityObservation)}` +
        `<code code="SEV" codeSystem="2.16.840.1.113883.5.4"></code><statusCode code="completed"></statusCode>${fixedCode('value', severity, { type: 'CD' })}</observation></entryRelationship>`;
  const manifestations = reaction.manifestation?.length
    ? reaction.manifestation
    : [{ text: reaction.description ?? '' }];
  let out = '';
  for (const manifestation of manifestations.slice(0, 50)) {
    out +=
      `<entryRelationship inversionInd="true" typeCode="MFST"><observation classCode="OBS" moodCode="EVN">${templateIds(entryTemplates.reactionObservation)}` +
      `<id nullFlavor="NI"></id><code code="ASSERTION" codeSystem="2.16.840.1.113883.5.4"></code><statusCode code="completed"></statusCode>` +
      `${timeOf(reaction.onset) === undefined ? '' : since('effectiveTime', reaction.onset, undefined)}${code('value', manifestation, { type: 'CD', prefer: [snomed] })}${severe}</observation></entryRelationship>`;
  }
  return out;
}

const criticalities: Readonly<Record<string, FixedCode>> = {
  low: ['CRITL', '2.16.840.1.113883.5.1063', 'low criticality'],
  high: ['CRITH', '2.16.840.1.113883.5.1063', 'high criticality'],
  'unable-to-assess': ['CRITU', '2.16.840.1.113883.5.1063', 'unable to assess criticality'],
};

function criticalityOf(allergy: AllergyIntolerance): string {
  const found = allergy.criticality === undefined ? undefined : criticalities[allergy.criticality];
  if (found === undefined) return '';
  return (
    `<entryRelationship inversionInd="true" typeCode="SUBJ"><observation classCode="OBS" moodCode="EVN">${templateIds(entryTemplates.criticalityObservation)}` +
    `<code code="82606-5" codeSystem="2.16.840.1.113883.6.1" codeSystemName="LOINC" displayName="Allergy or intolerance criticality"></code>` +
    `<statusCode code="completed"></statusCode>${fixedCode('value', found, { type: 'CD' })}</observation></entryRelationship>`
  );
}
