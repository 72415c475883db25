/** Payers (2.16.840.1.113883.10.20.22.2.18): a coverage activity with a policy activity for each coverage. */
import type { Address, ContactPoint, Coverage, Patient, Reference, RelatedPerson, Resource } from '@medplum/fhirtypes';
import { entryTemplates } from '../../../schemas/ccda/templates.ts';
import { type Row, textOf } from '../narrative.ts';
import { actorOf, address, organization, patientName, personName, readableName, telecoms } from '../people.ts';
import type { Scope } from '../scope.ts';
import { code, fixedCode, identifierOf, readable, readablePeriod, sdtc, templateIds, text, time } from '../write.ts';
import type { Body } from './body.ts';

export function writePayers(scope: Scope): Body {
  const rows: Row[] = [];
  let entries = '';
  for (const coverage of scope.of('Coverage')) entries += coverageActivity(scope, coverage, rows);
  return { rows, entries };
}

/** The subscriber, where it is somebody else than the patient. */
function subscriberOf(scope: Scope, coverage: Coverage): RelatedPerson | Patient | undefined {
  const found = scope.find(coverage.subscriber ?? coverage.policyHolder, coverage);
  return found?.resourceType === 'RelatedPerson' || found?.resourceType === 'Patient' ? found : undefined;
}

function coverageActivity(scope: Scope, coverage: Coverage, rows: Row[]): string {
  const row = scope.row();
  const payor = coverage.payor?.[0];
  const found: Resource | undefined = scope.find(payor, coverage);
  const payerName =
    (found?.resourceType === 'Organization' ? found.name : undefined) ??
    payor?.display ??
    actorOf(payor, scope, coverage)?.name ??
    '';
  const subscriber = subscriberOf(scope, coverage);
  const subscriberName = readableName(subscriber?.name?.[0]) || coverage.subscriber?.display || '';
  const classes = (coverage.class ?? []).slice(0, 20);
  const member = coverage.subscriberId ?? coverage.identifier?.[0]?.value;
  rows.push({
    id: row,
    cells: [
      payerName || 'unnamed payer',
      [
        readable(coverage.type),
        ...classes.map((one) => [readable(one.type), one.name ?? '', one.value].filter(Boolean).join(' ')),
      ]
        .filter(Boolean)
        .join('\n'),
      [
        ...new Set([coverage.subscriberId, ...(coverage.identifier ?? []).map((one) => one.value)].filter(Boolean)),
      ].join(', '),
      [subscriberName, readable(coverage.relationship)].filter(Boolean).join(', '),
      readablePeriod(undefined, coverage.period),
      coverage.status ?? '',
    ],
  });
  const performer =
    `<performer typeCode="PRF">${templateIds(entryTemplates.payerPerformer)}<assignedEntity>${payerIds(found, payor)}${fixedCode('code', ['PAYOR', '2.16.840.1.113883.5.110', 'Payor'])}` +
    `${organization('representedOrganization', { name: payerName, ...payerContacts(found, coverage) })}</assignedEntity></performer>`;
  const plan =
    classes.find((one) => one.type?.coding?.some((coding) => coding.code === 'plan' || coding.code === 'group')) ??
    classes[0];
  return (
    `<entry typeCode="DRIV"><act classCode="ACT" moodCode="EVN">${templateIds(entryTemplates.coverageActivity)}${scope.ids(coverage, 'coverage')}` +
    '<code code="48768-6" codeSystem="2.16.840.1.113883.6.1" codeSystemName="LOINC" displayName="Payment sources Document"></code>' +
    `${textOf(row)}<statusCode code="completed"></statusCode><entryRelationship typeCode="COMP"><act classCode="ACT" moodCode="EVN">${templateIds(entryTemplates.policyActivity)}${scope.ids(coverage)}` +
    `${code('code', coverage.type, { extra: '<translation nullFlavor="NI"></translation>' })}<statusCode code="completed"></statusCode>${performer}` +
    `${coveredParty(scope, coverage, member)}${holder(subscriber, subscriberName, coverage)}` +
    `<entryRelationship typeCode="REFR"><act classCode="ACT" moodCode="DEF"><id nullFlavor="UNK"></id>${code('code', coverage.type, { nullFlavor: 'NA' })}` +
    `<text>${text(plan?.name || plan?.value || payerName || 'plan not named')}<reference value="#${row}"></reference></text></act></entryRelationship></act></entryRelationship></act></entry>`
  );
}

function payerIds(found: Resource | undefined, payor: Reference | undefined): string {
  const listed = found?.resourceType === 'Organization' ? (found.identifier ?? []) : [];
  const all = payor?.identifier === undefined ? listed : [...listed, payor.identifier];
  if (all.length === 0) return '<id nullFlavor="UNK"></id>';
  return all
    .slice(0, 10)
    .map((one) => identifierOf(one.system, one.value))
    .join('');
}

/** Address and telecoms of a payer: its organisation's, else those that the coverage keeps from IN1-5 and IN1-7. */
function payerContacts(
  found: Resource | undefined,
  coverage: Coverage,
): { telecom: ContactPoint[]; address: Address[] } {
  const kept = coverage.extension ?? [];
  const listed = found?.resourceType === 'Organization' ? found : undefined;
  return {
    telecom: [
      ...(listed?.telecom ?? []),
      ...kept.filter((one) => one.url.endsWith('v2-IN1-7')).flatMap((one) => one.valueContactPoint ?? []),
    ],
    address: [
      ...(listed?.address ?? []),
      ...kept.filter((one) => one.url.endsWith('v2-IN1-5')).flatMap((one) => one.valueAddress ?? []),
    ],
  };
}

function coveredParty(scope: Scope, coverage: Coverage, member: string | undefined): string {
  const { patient } = scope;
  const first = patient.name?.[0];
  const name = first === undefined ? '' : patientName(first);
  const known =
    member === undefined ? '<id nullFlavor="UNK"></id>' : identifierOf(coverage.identifier?.[0]?.system, member);
  return (
    `<participant typeCode="COV">${templateIds(entryTemplates.coveredPartyParticipant)}<time>${time('low', coverage.period?.start)}${time('high', coverage.period?.end)}</time>` +
    `<participantRole classCode="PAT">${known}${code('code', coverage.relationship, { prefer: ['2.16.840.1.113883.5.111'] })}${address(patient.address?.[0])}` +
    `<playingEntity>${name || '<name nullFlavor="UNK"></name>'}${time('sdtc:birthTime', patient.birthDate).replace('<sdtc:birthTime', `<sdtc:birthTime${sdtc}`)}</playingEntity></participantRole></participant>`
  );
}

function holder(subscriber: RelatedPerson | Patient | undefined, name: string, coverage: Coverage): string {
  if (subscriber === undefined && name === '') return '';
  const id = coverage.subscriberId
    ? identifierOf(coverage.identifier?.[0]?.system, coverage.subscriberId)
    : '<id nullFlavor="UNK"></id>';
  return (
    `<participant typeCode="HLD">${templateIds(entryTemplates.policyHolderParticipant)}<participantRole>${id}${address(subscriber?.address?.[0])}${telecoms(subscriber?.telecom)}` +
    `<playingEntity>${personName(subscriber?.name?.[0] ?? name)}</playingEntity></participantRole></participant>`
  );
}
