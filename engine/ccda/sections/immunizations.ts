/** Immunizations (2.16.840.1.113883.10.20.22.2.2.1): given ones, and refused ones with negationInd and the reason. */
import type { CodeableConcept, Identifier, Immunization } from '@medplum/fhirtypes';
import { cvx, nciThesaurus, ndc, refusalReasons, snomed } from '../../../schemas/ccda/code-systems.ts';
import { entryTemplates } from '../../../schemas/ccda/templates.ts';
import { type Row, textOf } from '../narrative.ts';
import { performers } from '../people.ts';
import type { Scope } from '../scope.ts';
import {
  code,
  fixedCode,
  identifierOf,
  quantity,
  readable,
  readableQuantity,
  readableTime,
  sdtc,
  templateIds,
  text,
  time,
  timeOf,
} from '../write.ts';
import { type Body, readableNotes } from './body.ts';

export function writeImmunizations(scope: Scope): Body {
  const rows: Row[] = [];
  let entries = '';
  for (const immunization of scope.of('Immunization')) entries += activity(scope, immunization, rows);
  return { rows, entries };
}

function activity(scope: Scope, immunization: Immunization, rows: Row[]): string {
  const row = scope.row();
  const refused = immunization.status === 'not-done';
  const who = performers(
    (immunization.performer ?? []).map((one) => one.actor),
    scope,
    immunization,
  );
  const maker = scope.find(immunization.manufacturer, immunization);
  const makerName =
    (maker?.resourceType === 'Organization' ? maker.name : undefined) ?? immunization.manufacturer?.display ?? '';
  const makerId =
    maker?.resourceType === 'Organization' ? maker.identifier?.[0] : immunization.manufacturer?.identifier;
  const dose = (immunization.protocolApplied ?? [])
    .map((one) => one.doseNumberPositiveInt ?? one.doseNumberString ?? '')
    .filter(Boolean)
    .join(', ');
  const at = immunization.occurrenceDateTime;
  const notes = [
    refused ? `reason: ${readable(immunization.statusReason) || 'not given'}` : '',
    (immunization.reasonCode ?? []).map(readable).filter(Boolean).join(', '),
    who.names ? `by: ${who.names}` : '',
    immunization.reportOrigin ? `reported: ${readable(immunization.reportOrigin)}` : '',
    dose ? `dose number: ${dose}` : '',
    immunization.expirationDate ? `lot expires: ${readableTime(immunization.expirationDate)}` : '',
    (immunization.programEligibility ?? []).map(readable).filter(Boolean).join(', '),
    (immunization.reaction ?? []).length > 0 ? 'reaction reported' : '',
    readableNotes(immunization.note),
  ];
  rows.push({
    id: row,
    cells: [
      readable(immunization.vaccineCode) || 'unnamed vaccine',
      readableTime(at) || immunization.occurrenceString || '',
      refused ? 'not given' : (immunization.status ?? ''),
      readableQuantity(immunization.doseQuantity),
      [readable(immunization.route), readable(immunization.site)].filter(Boolean).join(', '),
      immunization.lotNumber ?? '',
      [makerName, makerId?.value ? `(${makerId.value})` : ''].filter(Boolean).join(' '),
      notes.filter(Boolean).join('\n'),
    ],
  });
  return (
    `<entry typeCode="DRIV"><substanceAdministration classCode="SBADM" moodCode="EVN" negationInd="${refused}">${templateIds(entryTemplates.immunizationActivity)}${scope.ids(immunization)}${textOf(row)}` +
    `<statusCode code="completed"></statusCode>${time('effectiveTime', at)}${optional('routeCode', immunization.route, [nciThesaurus])}` +
    `${optional('approachSiteCode', immunization.site, [snomed])}${immunization.doseQuantity === undefined ? '' : quantity('doseQuantity', immunization.doseQuantity)}` +
    `${consumable(immunization, row, makerName, makerId)}${who.elements}${refused ? refusal(immunization.statusReason) : ''}</substanceAdministration></entry>`
  );
}

function optional(tag: string, concept: CodeableConcept | undefined, prefer: string[]): string {
  return concept === undefined ? '' : code(tag, concept, { prefer });
}

function consumable(
  immunization: Immunization,
  row: string,
  makerName: string,
  makerId: Identifier | undefined,
): string {
  const lot = immunization.lotNumber?.trim() ? `<lotNumberText>${text(immunization.lotNumber)}</lotNumberText>` : '';
  const expires =
    timeOf(immunization.expirationDate) === undefined
      ? ''
      : time('sdtc:expirationTime', immunization.expirationDate).replace(
          '<sdtc:expirationTime',
          `<sdtc:expirationTime${sdtc}`,
        );
  const makerIds = makerId?.value ? identifierOf(makerId.system, makerId.value) : '';
  const named = makerName.trim() ? `<name>${text(makerName)}</name>` : '';
  const maker =
    makerIds + named === '' ? '' : `<manufacturerOrganization>${makerIds}${named}</manufacturerOrganization>`;
  return (
    `<consumable><manufacturedProduct classCode="MANU">${templateIds(entryTemplates.immunizationMedicationInformation)}<manufacturedMaterial>` +
    `${code('code', immunization.vaccineCode, { prefer: [cvx, ndc], reference: `${row}c` })}${lot}${expires}</manufacturedMaterial>${maker}</manufacturedProduct></consumable>`
  );
}

function refusal(reason: CodeableConcept | undefined): string {
  const known = reason?.coding?.map((coding) => coding.code ?? '').find((one) => Object.hasOwn(refusalReasons, one));
  const coded =
    known === undefined
      ? code('code', reason)
      : fixedCode('code', refusalReasons[known]!, {
          inner: reason?.text ? `<originalText>${text(reason.text)}</originalText>` : '',
        });
  return (
    `<entryRelationship typeCode="RSON"><observation classCode="OBS" moodCode="EVN">${templateIds(entryTemplates.immunizationRefusalReason)}<id nullFlavor="NI"></id>${coded}` +
    '<statusCode code="completed"></statusCode></observation></entryRelationship>'
  );
}
