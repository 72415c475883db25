/** IN1, IN2, IN3, GT1 -> Coverage and the guarantor (chapter 6; HL7 v2-to-FHIR, IN1[Coverage]). */
import type { CodeableConcept, Coverage, Identifier, RelatedPerson } from '@medplum/fhirtypes';
import { tableCode } from '../../../schemas/codes.ts';
import { conceptIn, conceptsOf, dateOf, hang, numberOf, periodFrom, some, toPatient } from './build.ts';
import { conceptKey, type Mapped } from './clinical.ts';
import { addressOf, contactPointOf, humanNameOf, identifierOf, organizationOf } from './datatypes.ts';
import { type SegmentReader, textOf, v2Extension } from './reader.ts';

const coverageClass = 'http://terminology.hl7.org/CodeSystem/coverage-class';

/** IN1 -> Coverage. */
export function mapIn1(s: SegmentReader): Mapped<Coverage> {
  const m = s.m;
  s.touch(1);
  const plan = conceptIn(s, 2, '0072');
  const companyNumber = s.has(3) ? identifierOf(m, s.first(3), 'NIIP') : undefined;
  if (plan?.coding?.[0]?.system !== 'http://terminology.hl7.org/CodeSystem/v2-0072') s.keepText(2, s.text(2));
  const names = s.repetitions(4).map((part) => organizationOf(m, part));
  const payor = { ...names[0], type: 'Organization' as const, ...(companyNumber ? { identifier: companyNumber } : {}) };
  if (names.length > 1 || (companyNumber && names[0]?.identifier))
    s.keepText(
      4,
      s
        .repetitions(4)
        .map((part) => textOf(m, part))
        .join('; '),
    );
  if (!payor.display && !payor.identifier)
    payor.display = plan?.coding?.[0]?.display ?? plan?.text ?? 'payer not named';
  const coverage: Coverage = {
    resourceType: 'Coverage',
    status: s.code(55) === 'D' ? 'cancelled' : 'active',
    beneficiary: toPatient,
    payor: [payor as Coverage['payor'][number]],
  };
  const type = conceptIn(s, 15, '0086');
  if (type) coverage.type = type;
  const period = periodFrom(s, 12, 13);
  if (period) coverage.period = period;
  const relationship = conceptIn(s, 17, '0063');
  if (relationship) coverage.relationship = relationship;
  const policy = s.text(36);
  const insured = s.has(49) ? identifierOf(m, s.first(49), 'MB') : undefined;
  const identifier: Identifier[] = [];
  if (insured) identifier.push(insured);
  if (policy !== '') identifier.push({ value: policy, type: { text: 'policy number' } });
  if (identifier.length > 0) coverage.identifier = identifier;
  const subscriberId = insured?.value ?? policy;
  if (subscriberId !== '') coverage.subscriberId = subscriberId;
  coverage.class = classesOf(s, plan);
  if (coverage.class.length === 0) delete coverage.class;
  const rank = numberOf(s.text(22));
  if (rank !== undefined && rank > 0) coverage.order = Math.floor(rank);
  else s.keep(22);
  mapSubscriber(s, coverage);
  if (!/^[ADUX]?$/.test(s.code(55))) s.keep(55);
  s.keepRest(2, 55);
  if (s.repetitions(3).length > 1)
    s.keepText(
      3,
      s
        .repetitions(3)
        .slice(1)
        .map((part) => textOf(m, part))
        .join('; '),
    );
  hang(coverage, s.kept);
  const key = `Coverage|${conceptKey(plan)}|${companyNumber?.value ?? payor.display ?? ''}|${subscriberId}`;
  return { key, act: s.code(55) === 'D' ? 'remove' : 'put', resource: coverage };
}

function classesOf(s: SegmentReader, plan: CodeableConcept | undefined): NonNullable<Coverage['class']> {
  const list: NonNullable<Coverage['class']> = [];
  const add = (code: string, value: string, name: string): void => {
    if (value === '' && name === '') return;
    list.push({
      type: { coding: [{ system: coverageClass, code }] },
      value: value || name,
      ...(name !== '' ? { name } : {}),
    });
  };
  add('plan', plan?.coding?.[0]?.code ?? '', plan?.coding?.[0]?.display ?? plan?.text ?? '');
  add('group', s.text(8), s.text(9));
  return list;
}

/** The insured person, who is often the patient's kin. */
function mapSubscriber(s: SegmentReader, coverage: Coverage): void {
  const name = s.text(16);
  if (name !== '') coverage.subscriber = { display: name };
  for (const part of s.repetitions(19)) {
    const address = addressOf(s.m, part);
    if (address) hang(coverage, [{ url: `${v2Extension}IN1-19`, valueAddress: address }]);
  }
  for (const part of s.repetitions(5)) {
    const address = addressOf(s.m, part);
    if (address) hang(coverage, [{ url: `${v2Extension}IN1-5`, valueAddress: address }]);
  }
  for (const part of s.repetitions(7)) {
    const point = contactPointOf(s.m, part, 'work');
    if (point) hang(coverage, [{ url: `${v2Extension}IN1-7`, valueContactPoint: point }]);
  }
  const birth = dateOf(s, 18);
  if (birth !== undefined) hang(coverage, [{ url: `${v2Extension}IN1-18`, valueDate: birth }]);
}

/** IN2 and IN3 -> what FHIR has no element for, on the coverage before them. */
export function addToCoverage(s: SegmentReader, coverage: Coverage): void {
  if (s.segment.name === 'IN3') s.touch(1);
  s.keepRest(1, 72);
  hang(coverage, s.kept);
}

/** GT1 -> the guarantor as RelatedPerson. */
export function mapGt1(s: SegmentReader): Mapped<RelatedPerson> {
  const m = s.m;
  s.touch(1);
  const relationship: CodeableConcept[] = [
    { coding: [{ system: 'http://terminology.hl7.org/CodeSystem/v3-RoleClass', code: 'GUAR', display: 'guarantor' }] },
    ...(conceptsOf(s, 11, '0063') ?? []),
  ];
  const person: RelatedPerson = { resourceType: 'RelatedPerson', patient: toPatient, relationship };
  const identifier = some([
    ...s.repetitions(2).map((part) => identifierOf(m, part, 'GT')),
    ...s.repetitions(12).map((part) => identifierOf(m, part, 'SS')),
    ...s.repetitions(19).map((part) => identifierOf(m, part, 'EI')),
    ...s.repetitions(29).map((part) => identifierOf(m, part, 'EN')),
  ]);
  if (identifier) person.identifier = identifier;
  const name = some(s.repetitions(3).map((part) => humanNameOf(m, part)));
  if (name) person.name = name;
  const address = some(s.repetitions(5).map((part) => addressOf(m, part)));
  if (address) person.address = address;
  const telecom = some([
    ...s.repetitions(6).map((part) => contactPointOf(m, part, 'home')),
    ...s.repetitions(7).map((part) => contactPointOf(m, part, 'work')),
  ]);
  if (telecom) person.telecom = telecom;
  const birth = dateOf(s, 8);
  if (birth !== undefined) person.birthDate = birth;
  const gender = tableCode('sex', s.code(9));
  if (gender) person.gender = gender as NonNullable<RelatedPerson['gender']>;
  else s.keep(9);
  const period = periodFrom(s, 13, 14);
  if (period) person.period = period;
  const language = conceptsOf(s, 36, '0296');
  if (language) person.communication = language.map((one) => ({ language: one }));
  s.keepRest(4, 57);
  hang(person, s.kept);
  const who = identifier?.[0]?.value ?? `${name?.[0]?.family ?? ''},${name?.[0]?.given?.join(' ') ?? ''}`.toUpperCase();
  return { key: `RelatedPerson|GT|${who}`, act: 'put', resource: person };
}
