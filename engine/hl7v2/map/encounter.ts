/** PV1, PV2, EVN, ROL, PRT and the visit's insurance-side segments -> Encounter (chapter 3.4.3; HL7 v2-to-FHIR, PV1[Encounter]). */
import type {
  CodeableConcept,
  Coding,
  Encounter,
  EncounterHospitalization,
  EncounterLocation,
  EncounterParticipant,
  Extension,
  Identifier,
  Reference,
} from '@medplum/fhirtypes';
import { conceptOf, v2Uri } from '../../../schemas/codes.ts';
import {
  conceptIn,
  conceptsOf,
  dateTimeOf,
  hang,
  keepFurther,
  numberOf,
  periodFrom,
  some,
  toPatient,
} from './build.ts';
import { entityKey, identifierOf, locationOf, organizationOf, practitionerOf } from './datatypes.ts';
import { type MapContext, type SegmentReader, v2Extension } from './reader.ts';

const participation = 'http://terminology.hl7.org/CodeSystem/v3-ParticipationType';
const roles: [field: number, code: string, display: string][] = [
  [7, 'ATND', 'attender'],
  [8, 'REF', 'referrer'],
  [9, 'CON', 'consultant'],
  [17, 'ADM', 'admitter'],
  [52, 'PART', 'Participation'],
];
const unknownClass: Coding = Object.freeze({
  system: 'http://terminology.hl7.org/CodeSystem/v3-NullFlavor',
  code: 'UNK',
  display: 'unknown',
});

export interface MappedVisit {
  encounter: Encounter;
  /** Natural key. */
  key: string;
  act: 'patch' | 'void';
  weak: string[];
  nulls: string[];
}

/** Events that say how the visit stands; others only tell of it. */
const statusOfEvent: Record<string, Encounter['status']> = {
  A01: 'in-progress',
  A02: 'in-progress',
  A03: 'finished',
  A04: 'in-progress',
  A05: 'planned',
  A11: 'cancelled',
  A13: 'in-progress',
};

/** PV1 -> Encounter. `event` is MSH-9.2 of an ADT message, '' of any other type. */
export function mapPv1(s: SegmentReader, event: string, account: string, day: string): MappedVisit {
  s.touch(1);
  const m = s.m;
  const encounter: Encounter = { resourceType: 'Encounter', status: 'unknown', class: classOf(s), subject: toPatient };
  const identifier = some([
    ...s.repetitions(19).map((part) => identifierOf(m, part, 'VN')),
    ...s.repetitions(50).map((part) => identifierOf(m, part, 'VN')),
  ]);
  if (identifier) encounter.identifier = identifier;
  const type = some([...(conceptsOf(s, 4, '0007') ?? []), ...(conceptsOf(s, 18, '0018') ?? [])]);
  if (type) encounter.type = type;
  const service = conceptIn(s, 10, '0069');
  if (service) encounter.serviceType = service;
  const participant = participantsOf(s);
  if (participant) encounter.participant = participant;
  const location = locationsOf(s);
  if (location) encounter.location = location;
  const period = periodFrom(s, 44, 45);
  if (period) encounter.period = period;
  const hospitalization = hospitalizationOf(s);
  if (hospitalization) encounter.hospitalization = hospitalization;
  const provider = s.has(39) ? organizationOf(m, s.first(39)) : undefined;
  if (provider) encounter.serviceProvider = provider as NonNullable<Encounter['serviceProvider']>;
  s.keep(12, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31, 32, 33, 34, 35, 40, 41, 46, 47, 48, 49, 51, 53, 54);
  hang(encounter, s.kept);
  return { encounter, key: visitKey(s, identifier, account, day), ...standing(s, encounter, event) };
}

function standing(s: SegmentReader, encounter: Encounter, event: string): Pick<MappedVisit, 'act' | 'weak' | 'nulls'> {
  const nulls: string[] = [];
  const cleared: [number, string][] = [
    [3, 'location'],
    [10, 'serviceType'],
    [36, 'hospitalization.dischargeDisposition'],
    [44, 'period.start'],
    [45, 'period.end'],
  ];
  for (const [n, path] of cleared) if (s.isNull(n)) nulls.push(path);
  const told = statusOfEvent[event];
  if (told) encounter.status = told;
  else if (encounter.period?.end !== undefined) encounter.status = 'finished';
  else if (event !== '') encounter.status = s.code(2) === 'P' ? 'planned' : 'in-progress';
  const act = event === 'A11' ? 'void' : 'patch';
  if (event === 'A13') {
    nulls.push('period.end', 'hospitalization.dischargeDisposition', 'hospitalization.destination');
    if (encounter.period) delete encounter.period.end;
  }
  // An ADT tells of the visit; results and orders only mention it.
  if (event === '') return { act, weak: Object.keys(encounter), nulls };
  const weak = told || encounter.status === 'finished' ? [] : ['status'];
  if (encounter.class === unknownClass) weak.push('class');
  return { act, weak, nulls };
}

/** One visit, one key: the visit number, else the account, else the time of admission, else the day. */
function visitKey(s: SegmentReader, identifier: Identifier[] | undefined, account: string, day: string): string {
  const own = s.raw(19) === '' ? undefined : identifier?.[0];
  if (own) return `Encounter|${own.system ?? ''}#${own.value}`;
  if (account !== '') return `Encounter|account|${account}`;
  const alternate = identifier?.[0];
  if (alternate) return `Encounter|${alternate.system ?? ''}#${alternate.value}`;
  return `Encounter|at|${s.raw(44) || day}|${s.code(2)}`;
}

function classOf(s: SegmentReader): Coding {
  const concept = conceptIn(s, 2, '0004')?.coding;
  if (!concept?.[0]) return unknownClass;
  const sent = concept.find((coding) => coding.system === v2Uri('0004')) ?? concept[0];
  const mapped = conceptOf('0004', sent.code ?? '');
  if (concept.length > (mapped ? 2 : 1)) s.keepText(2, s.text(2));
  if (!mapped) return sent;
  // The v2 code stays beside the v3 one where they differ in what they say (R recurring, B obstetrics).
  if ((sent.code === 'R' || sent.code === 'B' || sent.code === 'D') && sent.code) s.keepText(2, sent.code);
  return mapped;
}

function participantsOf(s: SegmentReader): EncounterParticipant[] | undefined {
  const list: EncounterParticipant[] = [];
  for (const [n, code, display] of roles)
    for (const part of s.repetitions(n)) {
      const individual = practitionerOf(s.m, part);
      if (individual)
        list.push({
          type: [{ coding: [{ system: participation, code, display }] }],
          individual: individual as NonNullable<EncounterParticipant['individual']>,
        });
    }
  return list.length > 0 ? list : undefined;
}

function locationsOf(s: SegmentReader): EncounterLocation[] | undefined {
  const list: EncounterLocation[] = [];
  const statuses: [number, EncounterLocation['status']][] = [
    [3, 'active'],
    [6, 'completed'],
    [11, 'active'],
    [42, 'planned'],
    [43, 'completed'],
  ];
  for (const [n, status] of statuses) {
    const location = s.has(n) ? locationOf(s.m, s.first(n)) : undefined;
    if (location) list.push({ location: location as EncounterLocation['location'], status });
  }
  return list.length > 0 ? list : undefined;
}

function hospitalizationOf(s: SegmentReader): EncounterHospitalization | undefined {
  const stay: EncounterHospitalization = {};
  const preAdmission = s.has(5) ? identifierOf(s.m, s.first(5), 'VN') : undefined;
  if (preAdmission) stay.preAdmissionIdentifier = preAdmission;
  const source = conceptIn(s, 14, '0023');
  if (source) stay.admitSource = source;
  const again = conceptIn(s, 13, '0092');
  if (again) stay.reAdmission = again;
  const diet = conceptsOf(s, 38, '0114');
  if (diet) stay.dietPreference = diet;
  const courtesy = conceptsOf(s, 16, '0099');
  if (courtesy) stay.specialCourtesy = courtesy;
  const arrangement = conceptsOf(s, 15, '0009');
  if (arrangement) stay.specialArrangement = arrangement;
  const disposition = conceptIn(s, 36, '0112');
  if (disposition) stay.dischargeDisposition = disposition;
  const destination = s.text(37);
  if (destination !== '') stay.destination = { display: destination };
  return Object.keys(stay).length > 0 ? stay : undefined;
}

/** PV2 -> the same Encounter. */
export function mapPv2(s: SegmentReader, encounter: Encounter): void {
  const pending = s.has(1) ? locationOf(s.m, s.first(1)) : undefined;
  if (pending)
    encounter.location = [
      ...(encounter.location ?? []),
      { location: pending as EncounterLocation['location'], status: 'planned' },
    ];
  const reason = conceptsOf(s, 3);
  if (reason) encounter.reasonCode = reason;
  const days = numberOf(s.text(11));
  if (days !== undefined) encounter.length = { value: days, unit: 'd', system: 'http://unitsofmeasure.org', code: 'd' };
  else s.keep(11);
  for (const part of s.repetitions(13))
    addParticipant(
      encounter,
      { coding: [{ system: participation, code: 'REF', display: 'referrer' }] },
      practitionerOf(s.m, part),
    );
  const priority = conceptIn(s, 25, '0217');
  if (priority) encounter.priority = priority;
  s.keepRest(2, 50);
  hang(encounter, s.kept);
}

function addParticipant(
  encounter: Encounter,
  type: CodeableConcept | undefined,
  individual: Reference | undefined,
): EncounterParticipant | undefined {
  if (!individual) return undefined;
  const participant: EncounterParticipant = {
    individual: individual as NonNullable<EncounterParticipant['individual']>,
  };
  if (type) participant.type = [type];
  encounter.participant = [...(encounter.participant ?? []), participant];
  return participant;
}

/** ROL or PRT -> who took part: a reference with role, period and the rest of the segment on it. */
export function participationOf(s: SegmentReader): {
  who: Reference;
  role?: CodeableConcept;
  participant: EncounterParticipant;
} {
  s.touch(1, 2);
  const isRol = s.segment.name === 'ROL';
  const role = conceptIn(s, isRol ? 3 : 4, isRol ? '0443' : '0912');
  const persons = s.repetitions(isRol ? 4 : 5).map((part) => practitionerOf(s.m, part));
  if (persons.length > 1) keepFurther(s, isRol ? 4 : 5, s.repetitions(isRol ? 4 : 5));
  const period = isRol ? periodFrom(s, 5, 6) : periodFrom(s, 11, 12);
  const organization = !isRol && persons.length === 0 && s.has(8) ? organizationOf(s.m, s.first(8)) : undefined;
  const who: Reference = persons[0] ?? organization ?? {};
  const last = isRol ? 15 : 22;
  s.keepRest(3, last);
  hang(who, s.kept);
  const participant: EncounterParticipant = {};
  if (role) participant.type = [role];
  if (period) participant.period = period;
  participant.individual = who as NonNullable<EncounterParticipant['individual']>;
  return role ? { who, role, participant } : { who, participant };
}

/** A participation where the resource has no element for it. */
export function participationExtension(s: SegmentReader): Extension {
  const { who, role, participant } = participationOf(s);
  const extra: Extension[] = [];
  if (role) extra.push({ url: `${v2Extension}role`, valueCodeableConcept: role });
  if (participant.period) extra.push({ url: `${v2Extension}period`, valuePeriod: participant.period });
  if (extra.length > 0) hang(who, extra);
  return { url: v2Extension + s.segment.name, valueReference: who };
}

/** Segments about the visit that FHIR R4 has no elements for: ACC, UB1, UB2, DRG, PDA. */
export function keepOnVisit(s: SegmentReader, target: { extension?: Extension[] }, from: number, to: number): void {
  // Where the first field is a set id, the content begins at the second.
  if (from > 1) s.touch(1);
  for (let n = from; n <= to; n++) s.keep(n);
  hang(target, s.kept);
}

/** EVN: when and why; times and the operator stay with the visit (or the patient). */
export function mapEvn(s: SegmentReader): void {
  s.touch(1, 2);
  for (const n of [3, 6]) {
    const time = dateTimeOf(s, n);
    if (time !== undefined) s.keepText(n, time);
  }
  s.keep(4, 5, 7);
}

/** The account number of PID-18 as a key. */
export function accountKey(m: MapContext, raw: string): string {
  return raw === '' ? '' : entityKey(m, raw);
}
